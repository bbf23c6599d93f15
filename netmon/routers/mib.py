"""The MIB objects netmon knows by name, and the decoders a profile may name.

Sources: RFC 3418 (SNMPv2-MIB), RFC 2863 (IF-MIB), RFC 2790 (HOST-RESOURCES-MIB), RFC 6933 (ENTITY-MIB),
RFC 3411 (SNMP-FRAMEWORK-MIB), MIKROTIK-MIB (mtxrSerialNumber).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from netmon.snmp.codec import Value
from netmon.snmp.oid import Oid

SYS_DESCR: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_UPTIME: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 5, 0)
HR_SYSTEM_UPTIME: Final[Oid] = (1, 3, 6, 1, 2, 1, 25, 1, 1, 0)

ENT_PHYSICAL_CLASS: Final[Oid] = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 5)
ENT_PHYSICAL_SERIAL_NUM: Final[Oid] = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11)
CHASSIS: Final = 3
"""entPhysicalClass of the box itself."""

_IF_ENTRY: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IF_X_ENTRY: Final[Oid] = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)

IF_NAME: Final[Oid] = (*_IF_X_ENTRY, 1)

OBJECTS: Final[Mapping[str, Oid]] = MappingProxyType(
    {
        "ifDescr": (*_IF_ENTRY, 2),
        "ifType": (*_IF_ENTRY, 3),
        "ifSpeed": (*_IF_ENTRY, 5),
        "ifPhysAddress": (*_IF_ENTRY, 6),
        "ifAdminStatus": (*_IF_ENTRY, 7),
        "ifOperStatus": (*_IF_ENTRY, 8),
        "ifInOctets": (*_IF_ENTRY, 10),
        "ifInDiscards": (*_IF_ENTRY, 13),
        "ifInErrors": (*_IF_ENTRY, 14),
        "ifOutOctets": (*_IF_ENTRY, 16),
        "ifOutDiscards": (*_IF_ENTRY, 19),
        "ifOutErrors": (*_IF_ENTRY, 20),
        "ifHCInOctets": (*_IF_X_ENTRY, 6),
        "ifHCOutOctets": (*_IF_X_ENTRY, 10),
        "ifHighSpeed": (*_IF_X_ENTRY, 15),
        "ifAlias": (*_IF_X_ENTRY, 18),
        "ifCounterDiscontinuityTime": (*_IF_X_ENTRY, 19),
        "entPhysicalSerialNum": ENT_PHYSICAL_SERIAL_NUM,
        "snmpEngineID": (1, 3, 6, 1, 6, 3, 10, 2, 1, 1),
        "mtxrSerialNumber": (1, 3, 6, 1, 4, 1, 14988, 1, 1, 7, 3),
    }
)
"""Descriptor -> object identifier, without any instance."""

ADMIN_STATUS: Final[Mapping[int, str]] = MappingProxyType({1: "up", 2: "down", 3: "testing"})
"""ifAdminStatus (RFC 2863)."""
OPER_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
)
"""ifOperStatus (RFC 2863)."""


class Kind(StrEnum):
    """What a decoder makes of a value."""

    TEXT = "text"
    NUMBER = "number"
    COUNTER = "counter"
    """Octets that only grow and wrap at the decoder's width."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """How the value of an object becomes a cell of a column."""

    name: str
    kind: Kind
    scale: int = 1
    """The cell is the object's integer times this."""
    bits: int | None = None
    """Width of a counter."""


DECODERS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {
        decoder.name: decoder
        for decoder in (
            Decoder("text", Kind.TEXT),
            Decoder("mac", Kind.TEXT),
            Decoder("integer", Kind.NUMBER),
            Decoder("megabits_per_second", Kind.NUMBER, scale=1_000_000),
            Decoder("counter64", Kind.COUNTER, bits=64),
            Decoder("counter32", Kind.COUNTER, bits=32),
        )
    }
)


def decode_text(decoder: Decoder, value: Value) -> str | None:
    """The text of an OCTET STRING; None for an empty MAC address or a value of another type.

    Bytes that are not UTF-8 become U+FFFD, white space becomes spaces and control characters are dropped:
    the text goes to terminals and labels. A MAC address is written as six or more pairs with colons.
    """
    if not isinstance(value, bytes):
        return None
    if decoder.name == "mac":
        return value.hex(":") or None
    text = value.rstrip(b"\0").decode("utf-8", "replace")
    spaced = "".join(" " if character.isspace() else character for character in text)
    return "".join(character for character in spaced if character.isprintable()).strip()


def decode_number(decoder: Decoder, value: Value) -> int | None:
    """The integer of a numeric object, scaled; None for anything else."""
    return value * decoder.scale if isinstance(value, int) else None
