"""What a router said of its own accord: a trap or an inform as a value (RFC 3418 snmpTraps, RFC 2863 linkDown)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netmon.snmp.codec import VarBind
from netmon.snmp.oid import Oid, format_oid

MAX_VARBINDS: Final = 64
MAX_OCTETS: Final = 256
"""Of one event: variable-bindings that it may have, and octets that are kept of each string."""
MAX_NAME: Final = 64

SNMP_TRAP_OID: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_SNMP_TRAPS: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5)
_SNMP_TRAP_COMMUNITY: Final[Oid] = (1, 3, 6, 1, 6, 3, 18, 1, 4, 0)
"""SNMP-COMMUNITY-MIB: made of a v1 trap's community when it is translated (RFC 3584 section 3.1); a secret."""
_IF_INDEX: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
_IF_DESCR: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
_IF_NAME: Final[Oid] = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
_IF_ENTRY: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1)


class NotificationKind(StrEnum):
    COLD_START = "cold_start"
    WARM_START = "warm_start"
    LINK_DOWN = "link_down"
    LINK_UP = "link_up"
    AUTHENTICATION_FAILURE = "authentication_failure"
    OTHER = "other"
    """A vendor's, or of another standard MIB; its OID says which."""


class Drop(StrEnum):
    """Why a datagram went no further; what metrics call it."""

    UNKNOWN_SOURCE = "unknown_source"
    TOO_LARGE = "too_large"
    """More octets, or more variable-bindings, than a notification may have: it would take too long to decode."""
    MALFORMED = "malformed"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    AMBIGUOUS = "ambiguous"
    """Several routers share the address and the credential."""
    SOURCE_RATE = "source_rate"
    RATE = "rate"
    QUEUE = "queue"
    BUFFER = "buffer"
    """Lost in the kernel before it was read."""
    LEVEL = "security_level"
    AUTHENTICATION = "authentication"
    TIME_WINDOW = "time_window"
    UNDECODABLE = "undecodable"


_KINDS: Final = {
    (*_SNMP_TRAPS, 1): NotificationKind.COLD_START,
    (*_SNMP_TRAPS, 2): NotificationKind.WARM_START,
    (*_SNMP_TRAPS, 3): NotificationKind.LINK_DOWN,
    (*_SNMP_TRAPS, 4): NotificationKind.LINK_UP,
    (*_SNMP_TRAPS, 5): NotificationKind.AUTHENTICATION_FAILURE,
}
_OF_LINKS: Final = frozenset({NotificationKind.LINK_DOWN, NotificationKind.LINK_UP})


@dataclass(frozen=True, slots=True)
class Notification:
    """One event of one router. It is a hint: what is true, the poll that follows it says."""

    router: str
    kind: NotificationKind
    at_ns: int
    """UTC time of receipt."""
    oid: Oid
    """snmpTrapOID; that of a v1 trap as RFC 3584 section 3.1 makes it."""
    interface_index: int | None
    interface_name: str | None
    """As the router wrote it: ifName, else ifDescr; None if it wrote neither."""
    varbinds: tuple[VarBind, ...]
    """What came with it, at most MAX_VARBINDS, strings cut at MAX_OCTETS; never a community."""

    @property
    def subject(self) -> Oid | int:
        """What it speaks of: an ifIndex for a link, the OID itself otherwise."""
        return self.interface_index if self.kind in _OF_LINKS and self.interface_index is not None else self.oid

    def __str__(self) -> str:
        what = format_oid(self.oid) if self.kind is NotificationKind.OTHER else self.kind.replace("_", " ")
        if self.interface_index is None:
            return f"{self.router} says: {what}"
        return f"{self.router} says: {what}, interface {self.interface_name or f'with ifIndex {self.interface_index}'}"


def interpret(router: str, at_ns: int, varbinds: Sequence[VarBind]) -> Notification | None:
    """The event of a v2 notification's variable-bindings; None if they do not say what it is."""
    oid = next((value for name, _, value in varbinds if name == SNMP_TRAP_OID), None)
    if not isinstance(oid, tuple):
        return None
    index, name = _interface(varbinds[:MAX_VARBINDS])
    kept = [varbind for varbind in varbinds if varbind.oid not in {SNMP_TRAP_OID, _SNMP_TRAP_COMMUNITY}]
    return Notification(
        router,
        _KINDS.get(oid, NotificationKind.OTHER),
        at_ns,
        oid,
        index,
        name,
        tuple(VarBind(oid, tag, _cut(value)) for oid, tag, value in kept[:MAX_VARBINDS]),
    )


def _cut(value: int | bytes | Oid | None) -> int | bytes | Oid | None:
    return value[:MAX_OCTETS] if isinstance(value, bytes) else value


def _interface(varbinds: Sequence[VarBind]) -> tuple[int | None, str | None]:
    """ifIndex and name of the interface that the first variable of IF-MIB is about."""
    index: int | None = None
    names: dict[Oid, str] = {}
    for oid, _, value in varbinds:
        column, row = oid[:-1], oid[-1]
        if column in {_IF_NAME, _IF_DESCR} or column[:-1] == _IF_ENTRY:
            index = row if index is None else index
            if row == index and column in {_IF_NAME, _IF_DESCR} and isinstance(value, bytes):
                names[column] = _printable(value)
        elif oid[:-1] == _IF_INDEX[:-1] and oid[-1] == 1 and isinstance(value, int) and index is None:
            # Some agents name the column and forget the row.
            index = value
    return index, names.get(_IF_NAME) or names.get(_IF_DESCR) or None


def _printable(value: bytes) -> str:
    """A name fit for one line of a log."""
    text = value[:MAX_NAME].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "?" for character in text)
