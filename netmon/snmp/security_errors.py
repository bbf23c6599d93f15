"""What can go wrong in SNMPv3's security, each with its remedy; passwords and keys never appear in it."""

from __future__ import annotations

from netmon.snmp.errors import SnmpError


class SnmpSecurityError(SnmpError):
    """Manager and agent do not agree on who may speak, or a message is not what it claims to be."""


class SnmpUserError(SnmpSecurityError, ValueError):
    """A user that no agent can have, such as one with a password of less than eight characters."""


class SnmpUnknownUserError(SnmpSecurityError):
    """The agent has no such user (usmStatsUnknownUserNames)."""

    def __init__(self, where: object, user: str) -> None:
        super().__init__(f"{where}: the agent has no SNMPv3 user {user!r}; create it there, or correct the user name")


class SnmpSecurityLevelError(SnmpSecurityError):
    """The agent's user cannot do what the request's level needs (usmStatsUnsupportedSecLevels)."""

    def __init__(self, where: object, user: str, level: str) -> None:
        super().__init__(
            f"{where}: the agent does not serve user {user!r} at level {level}; give the user there"
            " the missing authentication or privacy protocol, or use another level here"
        )


class SnmpAccessError(SnmpSecurityError):
    """The agent knows the user, but not for this at this level (error-status authorizationError)."""

    def __init__(self, where: object, user: str, level: str) -> None:
        super().__init__(
            f"{where}: the agent gives user {user!r} no access at level {level}; use the level it asks of the user,"
            " or admit the user to these objects there"
        )


class SnmpWrongKeyError(SnmpSecurityError):
    """The agent could not verify or decrypt the request (usmStatsWrongDigests, usmStatsDecryptionErrors)."""

    def __init__(self, where: object, user: str, what: str) -> None:
        """`what`: authentication or privacy."""
        super().__init__(
            f"{where}: the agent refuses the {what} key of user {user!r};"
            f" make the {what} protocol and password the same here and there"
        )
        self.what = what


class SnmpContextError(SnmpSecurityError):
    """The agent has no such context (snmpUnknownContexts, snmpUnavailableContexts)."""

    def __init__(self, where: object, context: str) -> None:
        super().__init__(f"{where}: the agent has no context {context!r} now; correct the context name")


class SnmpAuthenticationError(SnmpSecurityError):
    """A message that is not authentic, or less protected than the request was; it is not used."""


class SnmpDecryptionError(SnmpSecurityError):
    """An authentic message whose content cannot be decrypted."""


class SnmpTimeWindowError(SnmpSecurityError):
    """An authentic message from outside the time window (RFC 3414 section 2.3): replayed, or the clock went back."""


class SnmpEngineError(SnmpSecurityError):
    """The agent's engine can be neither discovered nor agreed on a time with."""
