"""What can go wrong between manager and agent; every message is one sentence, communities never appear in it."""

from __future__ import annotations

from typing import Final

ERROR_STATUS: Final = (
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
    "inconsistentName",
)
"""Names of error-status by number (RFC 3416 section 3)."""


class SnmpError(Exception):
    """Any failure of the SNMP manager."""


class SnmpOidError(SnmpError, ValueError):
    """Text or numbers that are no object identifier."""


class SnmpEncodeError(SnmpError, ValueError):
    """A value that does not fit its SMIv2 type."""


class SnmpDecodeError(SnmpError):
    """Octets that are no well-formed SNMP message."""

    def __init__(self, reason: str, offset: int, where: str | None = None) -> None:
        """`where`: the agent it came from, if known."""
        prefix = f"{where}: " if where else ""
        super().__init__(f"{prefix}malformed SNMP message at octet {offset}: {reason}")
        self.reason = reason
        self.offset = offset

    def of(self, where: object) -> SnmpDecodeError:
        """The same, with the agent it came from."""
        return SnmpDecodeError(self.reason, self.offset, str(where))


class SnmpTransportError(SnmpError):
    """The request could not be sent: no route, no address, or the client is closed."""


class SnmpTimeoutError(SnmpError):
    """No reply to any of the attempts."""

    def __init__(
        self,
        where: str,
        attempts: int,
        remedy: str = "check that the agent runs, admits this host, and the community is right",
    ) -> None:
        tries = "1 request" if attempts == 1 else f"{attempts} requests"
        super().__init__(f"{where}: no reply to {tries}; {remedy}")
        self.attempts = attempts
        self._where = where
        self._remedy = remedy

    def after(self, attempts: int, remedy: str | None = None) -> SnmpTimeoutError:
        """The same where `attempts` more had been made before, with another remedy if more is known by now."""
        return SnmpTimeoutError(self._where, self.attempts + attempts, remedy or self._remedy)


class SnmpResponseError(SnmpError):
    """A well-formed reply that does not answer what was asked."""


class SnmpNonIncreasingError(SnmpResponseError):
    """A walk that would never end: the agent's next OID is not greater than the one before (RFC 3416 section 4.2.2)."""


class SnmpTooManyRowsError(SnmpResponseError):
    """A walk that passed its bound of rows."""


class SnmpStatusError(SnmpError):
    """The agent refused the request with an error-status (RFC 3416 section 3)."""

    def __init__(self, where: str, status: int, index: int, name: str | None) -> None:
        self.status = status
        self.status_name = ERROR_STATUS[status] if 0 <= status < len(ERROR_STATUS) else f"error-status {status}"
        self.index = index
        """1-based position of the variable at fault; 0: none named."""
        about = f" for variable {index} ({name})" if name else ""
        super().__init__(f"{where}: the agent answered {self.status_name}{about}")
