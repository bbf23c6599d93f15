"""The MIB objects netmon's code reads itself, and the decoders a profile may name.

Sources: RFC 3418 (SNMPv2-MIB), RFC 2863 (IF-MIB), RFC 2790 (HOST-RESOURCES-MIB), RFC 6933 (ENTITY-MIB),
RFC 3433 (ENTITY-SENSOR-MIB); the objects that profiles name are in netmon/routers/objects.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from netmon.routers.objects import OBJECTS
from netmon.snmp.codec import Value
from netmon.snmp.oid import Oid

SYS_DESCR: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_UPTIME: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 5, 0)
HR_SYSTEM_UPTIME: Final[Oid] = (1, 3, 6, 1, 2, 1, 25, 1, 1, 0)

ENT_PHYSICAL_CLASS: Final[Oid] = OBJECTS["entPhysicalClass"]
ENT_PHYSICAL_SERIAL_NUM: Final[Oid] = OBJECTS["entPhysicalSerialNum"]
CHASSIS: Final = 3
"""entPhysicalClass of the box itself."""

IF_NAME: Final[Oid] = OBJECTS["ifName"]
IF_DESCR: Final[Oid] = OBJECTS["ifDescr"]

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
    MEASURE = "measure"
    """A quantity in a unit, within what is possible."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """How the value of an object becomes a cell of a column, or a measured quantity."""

    name: str
    kind: Kind
    scale: int = 1
    """The cell is the object's integer times this."""
    bits: int | None = None
    """Width of a counter."""
    unit: str | None = None
    """Of a measure; None: what is measured decides."""
    divisor: int = 1
    """A measure is the object's integer times `scale` divided by this."""
    lowest: int = 0
    highest: int = 1 << 64
    """A measure outside of these is none: agents say so much where they know nothing."""
    companions: int = 0
    """Objects of the same row it needs besides."""


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
            Decoder("percent", Kind.MEASURE, unit="percent", highest=100),
            Decoder("percent_idle", Kind.MEASURE, unit="percent", highest=100),
            Decoder("bytes", Kind.MEASURE, unit="bytes"),
            Decoder("kibibytes", Kind.MEASURE, unit="bytes", scale=1024),
            Decoder("storage_units", Kind.MEASURE, unit="units", highest=(1 << 31) - 1),
            Decoder("celsius", Kind.MEASURE, unit="celsius", lowest=-60, highest=200),
            Decoder("deci_celsius", Kind.MEASURE, unit="celsius", divisor=10, lowest=-60, highest=200),
            Decoder("milli_celsius", Kind.MEASURE, unit="celsius", divisor=1000, lowest=-60, highest=200),
            Decoder("rpm", Kind.MEASURE, unit="rpm", highest=100_000),
            Decoder("deci_volts", Kind.MEASURE, unit="volts", divisor=10, lowest=-1000, highest=1000),
            Decoder("milli_volts", Kind.MEASURE, unit="volts", divisor=1000, lowest=-1000, highest=1000),
            Decoder("deci_amperes", Kind.MEASURE, unit="amperes", divisor=10, highest=1000),
            Decoder("milli_amperes", Kind.MEASURE, unit="amperes", divisor=1000, highest=1000),
            Decoder("deci_watts", Kind.MEASURE, unit="watts", divisor=10, highest=100_000),
            Decoder("entity_sensor", Kind.MEASURE, lowest=-(10**9), highest=10**9, companions=2),
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


def decode_measure(decoder: Decoder, value: Value, companions: tuple[Value, ...] = ()) -> float | None:
    """The quantity an object holds, in the decoder's unit; None where it is no number or is impossible.

    `companions` are the further objects of the row that `entity_sensor` needs: its scale and its precision.
    """
    if not isinstance(value, int):
        return None
    if decoder.name == "entity_sensor":
        exact = _entity_sensor(value, *companions)
    elif decoder.name == "percent_idle":
        exact = Fraction(100 - value)
    elif decoder.name == "milli_celsius" and value > _INT32_MAX:
        # LM-SENSORS-MIB gives it as Gauge32; net-snmp puts a negative one there as it is.
        exact = Fraction(value - (1 << 32), decoder.divisor)
    else:
        exact = Fraction(value * decoder.scale, decoder.divisor)
    if exact is None or not decoder.lowest <= exact <= decoder.highest:
        return None
    return exact.numerator if exact.denominator == 1 else float(exact)


def names_transceiver(text: str) -> bool:
    """Whether the description of a sensor (entPhysicalDescr) is that of a transceiver's or a port's."""
    return _TRANSCEIVER.search(text) is not None


_TRANSCEIVER: Final = re.compile(
    r"transceiver|xcvr|optic|laser|\b[a-z]{0,2}sfp|\b[xc]fp|\bdom\b|\bbias\b|ethernet|gige|\bport\b|\b[tr]x\b",
    re.IGNORECASE,
)


_INT32_MAX: Final = (1 << 31) - 1
_SENSOR_LIMIT: Final = 10**9
"""EntitySensorValue: this is overflow, its negative underflow."""


def _entity_sensor(value: Value, scale: Value = None, precision: Value = None) -> Fraction | None:
    """The quantity of a sensor of ENTITY-SENSOR-MIB or CISCO-ENTITY-SENSOR-MIB, in the base unit of its type.

    `scale` is EntitySensorDataScale (yocto(1) .. units(9) .. yotta(17)), `precision` the decimals (negative: accurate
    digits, which leave the value as it is). None where the sensor overflows, underflows, or says no scale (RFC 3433).
    """
    if not (isinstance(value, int) and isinstance(scale, int) and isinstance(precision, int)):
        return None
    if abs(value) >= _SENSOR_LIMIT or not 1 <= scale <= 17 or not -8 <= precision <= 9:
        return None
    power = 3 * (scale - 9) - max(precision, 0)
    return Fraction(value * 10 ** max(power, 0), 10 ** max(-power, 0))
