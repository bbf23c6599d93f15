"""Between which values a transceiver is well: the device's own thresholds where they can be true, else defaults.

Powers are dBm, bias mA, temperature degrees Celsius, voltage V. Defaults are the average powers that IEEE 802.3
permits a receiver and a transmitter of the class; SFF-8472 (table 9-5) is where a device has its thresholds from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

DARK_DBM: Final = -40.0
"""0.1 µW: the least a transceiver can express (SFF-8472, table 9-11). At or below it nothing was measured."""


class Quantity(StrEnum):
    """What a transceiver measures; the value is the name of its field, which ends in its unit."""

    RX_POWER = "rx_power_dbm"
    TX_POWER = "tx_power_dbm"
    BIAS = "bias_ma"
    TEMPERATURE = "temperature_celsius"
    VOLTAGE = "voltage_volts"


POWERS: Final = (Quantity.RX_POWER, Quantity.TX_POWER)


class Light(StrEnum):
    """What is known of the light in one direction."""

    LIGHT = "light"
    NO_LIGHT = "no_light"
    """Measured, and there is none: 0 mW, -40 dBm, a loss-of-signal alarm."""
    NOT_SUPPORTED = "not_supported"
    """The transceiver or its agent does not measure it."""
    UNREADABLE = "unreadable"
    """The agent says something that cannot be true, or that it cannot say now."""


class Origin(StrEnum):
    """Whose thresholds they are."""

    DEVICE = "device"
    DEFAULT = "default"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Limits:
    """Four thresholds of one quantity; None: there is none."""

    low_alarm: float | None = None
    low_warning: float | None = None
    high_warning: float | None = None
    high_alarm: float | None = None
    origin: Origin = Origin.DEVICE
    why: str = ""
    """What is wrong with the device's own, and what stands in for them; empty where they are used."""

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Limits:
        """The four of a device, from the lowest to the highest."""
        low_alarm, low_warning, high_warning, high_alarm = values
        return cls(low_alarm, low_warning, high_warning, high_alarm)

    @property
    def values(self) -> tuple[float | None, ...]:
        """From the lowest to the highest."""
        return self.low_alarm, self.low_warning, self.high_warning, self.high_alarm


PHYSICS: Final[Mapping[Quantity, tuple[float, float]]] = MappingProxyType(
    {
        # The strongest pluggable amplified transmitters give +5 dBm, a receiver is destroyed below +10.
        Quantity.RX_POWER: (-60.0, 10.0),
        Quantity.TX_POWER: (-60.0, 10.0),
        Quantity.BIAS: (0.0, 1000.0),
        Quantity.TEMPERATURE: (-60.0, 126.0),
        Quantity.VOLTAGE: (0.5, 16.0),
    }
)
"""What a pluggable transceiver can measure at all; whatever lies outside is no value."""


def is_physical(quantity: Quantity, value: float) -> bool:
    """Whether a transceiver can measure this; NaN and infinities are not."""
    low, high = PHYSICS[quantity]
    return math.isfinite(value) and low <= value <= high


# --- classes of transceivers -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TransceiverClass:
    """Average power per lane that a standard permits, dBm."""

    name: str
    rx_low: float
    rx_high: float
    tx_low: float
    tx_high: float


UNKNOWN_CLASS: Final = TransceiverClass("an unknown transceiver", -20.0, 1.0, -11.0, 4.0)
"""Wide enough for what a provincial network has, up to 40 km: it is to find the absurd, the baseline finds the rest."""

_CLASSES: Final = (
    # IEEE 802.3 clauses 38 (1000BASE-SX), 59 (LX10, BX10), 52 (10GBASE), 86 and 87 (40GBASE), 88, 95 (100GBASE),
    # 112 and 114 (25GBASE). ZX and ZR have no standard: what their vendors agree upon.
    (r"1000 ?base-?sx", TransceiverClass("1000BASE-SX", -17.0, 0.0, -9.5, 0.0)),
    (r"1000 ?base-?(lx|lh)", TransceiverClass("1000BASE-LX", -19.0, -3.0, -11.0, -3.0)),
    (r"1000 ?base-?bx", TransceiverClass("1000BASE-BX10", -19.5, -3.0, -9.0, -3.0)),
    (r"1000 ?base-?(zx|ex)", TransceiverClass("1000BASE-ZX", -23.0, -3.0, -5.0, 5.0)),
    (r"\b10 ?g(ig|e)?[ -]?base-?sr", TransceiverClass("10GBASE-SR", -9.9, -1.0, -7.3, -1.0)),
    (r"\b10 ?g(ig|e)?[ -]?base-?lr", TransceiverClass("10GBASE-LR", -14.4, 0.5, -8.2, 0.5)),
    (r"\b10 ?g(ig|e)?[ -]?base-?er", TransceiverClass("10GBASE-ER", -15.8, -1.0, -4.7, 4.0)),
    (r"\b10 ?g(ig|e)?[ -]?base-?zr", TransceiverClass("10GBASE-ZR", -24.0, -7.0, 0.0, 4.0)),
    (r"\b25 ?g(ig|e)?[ -]?base-?sr", TransceiverClass("25GBASE-SR", -10.3, 2.4, -8.4, 2.4)),
    (r"\b25 ?g(ig|e)?[ -]?base-?lr", TransceiverClass("25GBASE-LR", -13.3, 2.0, -7.0, 2.0)),
    (r"\b40 ?g(ig|e)?[ -]?base-?sr", TransceiverClass("40GBASE-SR4", -9.5, 2.4, -7.6, 2.4)),
    (r"\b40 ?g(ig|e)?[ -]?base-?lr", TransceiverClass("40GBASE-LR4", -13.7, 2.3, -7.0, 2.3)),
    (r"\b100 ?g(ig|e)?[ -]?base-?sr", TransceiverClass("100GBASE-SR4", -10.3, 2.4, -8.4, 2.4)),
    (r"\b100 ?g(ig|e)?[ -]?base-?lr", TransceiverClass("100GBASE-LR4", -10.6, 4.5, -4.3, 4.5)),
)


def transceiver_class(*texts: str) -> TransceiverClass:
    """The class that any of the texts names (entPhysicalDescr, a model); UNKNOWN_CLASS where none does."""
    for text in (text.replace("_", "") for text in texts):
        for pattern, named in _CLASSES:
            if re.search(pattern, text, re.IGNORECASE):
                return named
    return UNKNOWN_CLASS


def default_limits(quantity: Quantity, kind: TransceiverClass, why: str) -> Limits:
    """Alarms at what the class permits, warnings 1 dB within; none for bias, which each laser has its own of.

    Temperature is that of a commercial transceiver's case (0 to 70 degrees) as its inside shows it, voltage 3.3 V
    within 10 % and 5 % (SFF-8431, 2.8).
    """
    match quantity:
        case Quantity.BIAS:
            return Limits(origin=Origin.NONE, why=f"{why}; a laser's bias has no default")
        case Quantity.TEMPERATURE:
            bounds, named = (-10.0, -5.0, 75.0, 80.0), "a commercial transceiver"
        case Quantity.VOLTAGE:
            bounds, named = (2.97, 3.135, 3.465, 3.63), "a supply of 3.3 V"
        case Quantity.RX_POWER:
            bounds, named = (kind.rx_low, kind.rx_low + 1, kind.rx_high - 1, kind.rx_high), kind.name
        case Quantity.TX_POWER:
            bounds, named = (kind.tx_low, kind.tx_low + 1, kind.tx_high - 1, kind.tx_high), kind.name
    return Limits(*bounds, origin=Origin.DEFAULT, why=f"{why}; the defaults of {named} stand in")


# --- the device's own ------------------------------------------------------------------------


def sane_limits(quantity: Quantity, given: Limits, kind: TransceiverClass = UNKNOWN_CLASS) -> Limits:
    """The device's thresholds if they can be true, else the class's, with the reason in `why`.

    A blank or an impossible warning alone is left out: the alarms stay.
    """
    fault = _fault(quantity, given)
    if fault:
        return default_limits(quantity, kind, fault)
    low, high = given.low_alarm, given.high_alarm
    warnings = {"low_warning": given.low_warning, "high_warning": given.high_warning}
    kept = {
        name: value for name, value in warnings.items() if value is not None and _is_true(quantity, value, low, high)
    }
    if len(kept) == 2 and given.low_warning is not None and given.high_warning is not None:
        kept = kept if given.low_warning < given.high_warning else {}
    left_out = [name.replace("_", " ") for name, value in warnings.items() if value is not None and name not in kept]
    why = f"the device's {' and '.join(left_out)} cannot be true and is left out" if left_out else ""
    return Limits(low, kept.get("low_warning"), kept.get("high_warning"), high, Origin.DEVICE, why)


def _fault(quantity: Quantity, given: Limits) -> str:
    """Why the device's alarms cannot be used; empty: they can."""
    values = [value for value in given.values if value is not None]
    if not values:
        return "the device gives no thresholds"
    if not any(values):
        return "the device's thresholds are all zero"
    if given.low_alarm is None and given.high_alarm is None:
        return "the device gives warnings only"
    for name, value in (("low alarm", given.low_alarm), ("high alarm", given.high_alarm)):
        if value is not None and not is_physical(quantity, value):
            return f"the device's {name} of {value:g} cannot be true"
    if given.low_alarm is not None and given.high_alarm is not None and given.low_alarm >= given.high_alarm:
        return f"the device's low alarm of {given.low_alarm:g} is not below its high alarm of {given.high_alarm:g}"
    return ""


def _is_true(quantity: Quantity, value: float, low: float | None, high: float | None) -> bool:
    return is_physical(quantity, value) and (low is None or low <= value) and (high is None or value <= high)
