"""A command session on a router: what enforcement needs of it, and how it can fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from netmon.routers.algorithms import LegacyAlgorithm


class Failure(StrEnum):
    """Why something was not done on a router; stable words for receipts and alerts."""

    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login_refused"
    ENABLE_REFUSED = "enable_refused"
    WEAK_ALGORITHMS = "weak_algorithms"
    UNKNOWN_HOST_KEY = "unknown_host_key"
    HOST_KEY_MISMATCH = "host_key_mismatch"
    SESSION_LOST = "session_lost"
    COMMAND_REJECTED = "command_rejected"
    ANSWER_UNREADABLE = "answer_unreadable"
    IDENTITY_MISMATCH = "identity_mismatch"
    MANAGEMENT_PATH = "management_path"
    FOREIGN_SHAPER = "foreign_shaper"
    OTHERS_CONFIGURING = "others_configuring"
    OTHER_NETMON = "other_netmon"
    UPLINK = "uplink"
    HIERARCHY = "hierarchy"
    NOT_ARMED = "not_armed"
    UNGUARDED = "unguarded"
    EXPIRY_MISSING = "expiry_missing"
    TOO_LATE = "too_late"
    READ_BACK_MISMATCH = "read_back_mismatch"
    UNDO_FIRED = "undo_fired"
    CANCELLED = "cancelled"
    DIALECT = "dialect"


class SessionError(Exception):
    """The router cannot be talked to; the message is one sentence without secrets."""

    reason: ClassVar[Failure] = Failure.UNREACHABLE


class UnreachableError(SessionError):
    """No connection, or no SSH server that answers in time."""


class LoginRefusedError(SessionError):
    reason = Failure.LOGIN_REFUSED


class EnableRefusedError(SessionError):
    """The login is good, and the secret that was to give it privileges is not."""

    reason = Failure.ENABLE_REFUSED


class WeakAlgorithmsError(SessionError):
    """The router offers no algorithm that is accepted for it."""

    reason = Failure.WEAK_ALGORITHMS


class UnknownHostKeyError(SessionError):
    """The router's key is not in the known_hosts file."""

    reason = Failure.UNKNOWN_HOST_KEY


class HostKeyMismatchError(SessionError):
    """The router shows another key than the known one: a security alarm, never to be retried."""

    reason = Failure.HOST_KEY_MISMATCH


class SessionLostError(SessionError):
    """The link dropped or an answer did not come: whether the command took effect is unknown."""

    reason = Failure.SESSION_LOST


class CommandRejectedError(SessionError):
    """The router refused a command, in its own words; the session is still good."""

    reason = Failure.COMMAND_REJECTED


class AnswerUnreadableError(SessionError):
    """The router answered something the platform's parser does not know."""

    reason = Failure.ANSWER_UNREADABLE


class Session(Protocol):
    """One open login on one router, used by one thread."""

    @property
    def username(self) -> str:
        """As the router knows it."""

    def run(self, command: str) -> str:
        """What the router answered. Raises CommandRejectedError, SessionLostError."""

    def close(self) -> None:
        """Ends the session; harmless when it has ended."""

    def transcript(self) -> str:
        """What was said so far, without secrets and bounded; also when the session has ended."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A host through which routers are reached; its key must be in known_hosts as well."""

    name: str
    address: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in on a router; crosses process boundaries, never shows its secret."""

    router: str
    address: str
    port: int
    platform: str
    """Folder under policies/enforcement: linux, routeros."""
    username: str
    known_hosts: Path
    """OpenSSH known_hosts file; must exist."""
    password: str | None = field(default=None, repr=False)
    key_file: Path | None = None
    enable_secret: str | None = field(default=None, repr=False)
    """Asked for by the platform's command that gives privileges; None: that command is not sent."""
    jump: Jump | None = None
    legacy_algorithms: tuple[LegacyAlgorithm, ...] = ()
    """Accepted for this router although they are weak."""
    connect_timeout_ns: int = 10_000_000_000
    command_timeout_ns: int = 10_000_000_000
