"""What a transceiver measures, from any MIB, in one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from netmon.core.fibre_limits import DARK_DBM, Light, Limits, Quantity, is_physical
from netmon.routers.views import Missing

_NAMED_AT_MOST: Final = 5


class Port(Protocol):
    """An interface as discovery knows it."""

    @property
    def index(self) -> int:
        """ifIndex."""

    @property
    def name(self) -> str:
        """ifName."""


@dataclass(frozen=True, slots=True)
class OpticsReading:
    """One transceiver, or one lane of it, at one time; None: no value."""

    interface: str
    """ifName."""
    lane: int | None
    """As the device numbers them, from 1 where it only lists them; None: the only one."""
    rx_power_dbm: float | None = None
    tx_power_dbm: float | None = None
    bias_ma: float | None = None
    temperature_celsius: float | None = None
    voltage_volts: float | None = None
    rx_state: Light = Light.NOT_SUPPORTED
    tx_state: Light = Light.NOT_SUPPORTED
    thresholds: Mapping[Quantity, Limits] = field(default_factory=lambda: MappingProxyType({}))
    """Of the quantities that are measured; powers always."""
    source: str = ""
    """By which line of which profile, else by which MIB."""

    def value(self, quantity: Quantity) -> float | None:
        return {
            Quantity.RX_POWER: self.rx_power_dbm,
            Quantity.TX_POWER: self.tx_power_dbm,
            Quantity.BIAS: self.bias_ma,
            Quantity.TEMPERATURE: self.temperature_celsius,
            Quantity.VOLTAGE: self.voltage_volts,
        }[quantity]


def make_reading(
    interface: str,
    lane: int | None,
    measured: Mapping[Quantity, tuple[float | None, Light]],
    limits: Mapping[Quantity, Limits],
    source: str,
) -> OpticsReading:
    """A reading of what was measured; a power that was not is not supported."""
    nothing = (None, Light.NOT_SUPPORTED)
    rx, tx = measured.get(Quantity.RX_POWER, nothing), measured.get(Quantity.TX_POWER, nothing)
    return OpticsReading(
        interface=interface,
        lane=lane,
        rx_power_dbm=rx[0],
        tx_power_dbm=tx[0],
        bias_ma=measured.get(Quantity.BIAS, nothing)[0],
        temperature_celsius=measured.get(Quantity.TEMPERATURE, nothing)[0],
        voltage_volts=measured.get(Quantity.VOLTAGE, nothing)[0],
        rx_state=rx[1],
        tx_state=tx[1],
        thresholds=MappingProxyType(dict(limits)),
        source=source,
    )


def optics_document(reading: OpticsReading) -> dict[str, Any]:
    """One object of `optics` in netmon/poll/1 and netmon/collectors-test/1."""
    return {
        "interface": reading.interface,
        "lane": reading.lane,
        **{quantity.value: reading.value(quantity) for quantity in Quantity},
        "rx_state": reading.rx_state.value,
        "tx_state": reading.tx_state.value,
        "thresholds": {
            quantity.value: {
                "low_alarm": limits.low_alarm,
                "low_warning": limits.low_warning,
                "high_warning": limits.high_warning,
                "high_alarm": limits.high_alarm,
                "origin": limits.origin.value,
                "why": limits.why or None,
            }
            for quantity, limits in reading.thresholds.items()
        },
    }


class Notes:
    """What could not be read, gathered by reason, so that forty ports make one sentence."""

    def __init__(self) -> None:
        self._of: dict[str, list[str]] = {}

    def add(self, what: str, why: str) -> None:
        named = self._of.setdefault(why, [])
        if what not in named:
            named.append(what)

    def missing(self) -> tuple[Missing, ...]:
        return tuple(Missing(some(named), why) for why, named in self._of.items())


def some(names: Sequence[str]) -> str:
    """At most five of them, and how many more."""
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def seen_light(power_dbm: float, lost: bool) -> tuple[float | None, Light]:
    """A power as measured (-inf: none at all, NaN: nonsense) -> its value and what it says of the light.

    A receiver that has lost its signal may still measure some power, which is kept.
    """
    if power_dbm <= DARK_DBM:
        return None, Light.NO_LIGHT
    if not is_physical(Quantity.RX_POWER, power_dbm):
        return None, Light.UNREADABLE
    return power_dbm, Light.NO_LIGHT if lost else Light.LIGHT


def ambiguous_zero(limits: Limits, lost: bool, off: bool, step: float) -> tuple[float | None, Light]:
    """A power of exactly 0 dBm, which many an agent also gives where it measures nothing.

    It is no light where the device says so (`lost`) or the laser has no current (`off`), a value where the device's
    own thresholds hold it to be one, or where its steps (`step`, dB) are so coarse that it must be common.
    """
    if lost or off:
        return None, Light.NO_LIGHT
    low, high = limits.low_alarm, limits.high_alarm
    believed = low is not None and high is not None and low < 0 < high
    return (0.0, Light.LIGHT) if believed or step >= 0.1 else (None, Light.UNREADABLE)


def sorted_readings(readings: Iterable[OpticsReading], order: Mapping[str, int]) -> tuple[OpticsReading, ...]:
    """By ifIndex and lane."""
    return tuple(sorted(readings, key=lambda r: (order.get(r.interface, 0), r.interface, r.lane or 0)))
