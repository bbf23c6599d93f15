"""What surveys tell of routers, for Prometheus: transceivers, health, and the verdicts on fibre links.

A router's series are replaced by each survey and end with one that fails: a value is never older than a survey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from netmon.core.fibre_limits import Light, Limits, Quantity
from netmon.core.model import NANOSECONDS
from netmon.outputs.exposition import Family, Value, labels, lines

_UNITS: Final[Mapping[str, tuple[str, float, str]]] = MappingProxyType(
    {
        "percent": (
            "netmon_health_ratio",
            0.01,
            "Share in use of a processor or memory; of full speed or load: 1 is all.",
        ),
        "celsius": ("netmon_health_temperature_celsius", 1, "Temperature, as the device measures it."),
        "rpm": ("netmon_health_fan_speed_rpm", 1, "Revolutions of a fan per minute."),
        "volts": ("netmon_health_voltage_volts", 1, "Voltage, as the device measures it."),
        "amperes": ("netmon_health_current_amperes", 1, "Current, as the device measures it."),
        "watts": ("netmon_health_power_watts", 1, "Power, as the device measures it."),
    }
)
"""The unit of a reading -> family, factor to its base unit, help."""
_STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {"ok": 0, "warning": 1, "critical": 2, "unknown": 3, "absent": 4}
)
_LIGHT: Final[Mapping[Light, int]] = MappingProxyType({Light.LIGHT: 1, Light.NO_LIGHT: 0})
_BOUNDS: Final = ("low_alarm", "low_warning", "high_warning", "high_alarm")


class Optics(Protocol):
    """A transceiver or a lane of it, as a survey read it; None: no value."""

    @property
    def interface(self) -> str: ...
    @property
    def lane(self) -> int | None: ...
    @property
    def rx_state(self) -> Light: ...
    @property
    def thresholds(self) -> Mapping[Quantity, Limits]: ...
    def value(self, quantity: Quantity) -> float | None: ...


class Health(Protocol):
    """One thing a router says of its own state."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def status(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class FibreEnd:
    """How the link of one end stands."""

    interface: str
    lane: int | None
    far_end: str
    """`router/interface` of the other end; empty: not known."""
    reason: str
    severity: str
    """Empty: nothing is complained of."""
    db_per_month: float | None
    """Slope of the received power; None: not enough days."""
    baseline_dbm: float | None
    low_ns: int | None
    """When the low alarm is reached, as long as a fall is complained of."""


Series = Sequence[tuple[str, Value | None]]
"""Labels and value."""


class DeviceMetrics:
    """Families by router; text is written when a scrape reads it."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._surveyed = Family("netmon_router_last_survey_timestamp_seconds", "gauge", "When a survey last succeeded.")
        self._took = Family("netmon_router_survey_duration_seconds", "gauge", "How long the last survey took.")
        self._optics = {
            quantity: Family(f"netmon_optics_{name}", "gauge", f"{told}, as the transceiver measures it.")
            for quantity, name, told in (
                (Quantity.RX_POWER, "rx_power_dbm", "Received optical power"),
                (Quantity.TX_POWER, "tx_power_dbm", "Sent optical power"),
                (Quantity.BIAS, "bias_amperes", "Bias current of the laser"),
                (Quantity.TEMPERATURE, "temperature_celsius", "Temperature of the transceiver"),
                (Quantity.VOLTAGE, "voltage_volts", "Supply voltage of the transceiver"),
            )
        }
        self._light = Family("netmon_optics_rx_light", "gauge", "1 if light is received, 0 if none is.")
        self._limit = Family(
            "netmon_optics_rx_power_limit_dbm", "gauge", "Thresholds of the received power; defaults where it has none."
        )
        self._health = {unit: Family(name, "gauge", told) for unit, (name, _, told) in _UNITS.items()}
        self._status = Family(
            "netmon_health_status",
            "gauge",
            "As the device judges it: 0 ok, 1 warning, 2 critical, 3 unknown, 4 absent.",
        )
        self._verdict = Family(
            "netmon_fibre_verdict_info", "gauge", "What is concluded of a link, at each end; always 1."
        )
        self._slope = Family(
            "netmon_fibre_rx_slope_db_per_month", "gauge", "Slope of the daily medians of the received power, 30 days."
        )
        self._baseline = Family("netmon_fibre_rx_baseline_dbm", "gauge", "Received power when the link was in order.")
        self._low = Family(
            "netmon_fibre_rx_low_alarm_timestamp_seconds", "gauge", "When a falling power will reach its low alarm."
        )

    @property
    def families(self) -> tuple[Family, ...]:
        return (self._surveyed, self._took, *self._read, *self._concluded)

    @property
    def _read(self) -> tuple[Family, ...]:
        return (*self._optics.values(), self._light, self._limit, *self._health.values(), self._status)

    @property
    def _concluded(self) -> tuple[Family, ...]:
        return self._verdict, self._slope, self._baseline, self._low

    # --- what the daemon tells ---------------------------------------------------------------

    def surveyed(
        self, router: str, at_ns: int, duration_s: float, optics: Sequence[Optics], health: Sequence[Health]
    ) -> None:
        """A survey succeeded; what it did not find ends."""
        place = labels({"site": self._site, "router": router})
        self._put(self._surveyed, router, lambda: [(place, at_ns / NANOSECONDS)])
        self._put(self._took, router, lambda: [(place, duration_s)])
        self.failed(router)
        if optics:
            for quantity, family in self._optics.items():
                self._put(family, router, partial(self._measured, router, quantity, optics))
            self._put(self._light, router, partial(self._lights, router, optics))
            self._put(self._limit, router, partial(self._limits, router, optics))
        for unit in {one.unit for one in health if one.unit is not None}:
            self._put(self._health[unit], router, partial(self._healths, router, unit, health))
        if any(one.status is not None for one in health):
            self._put(self._status, router, partial(self._statuses, router, health))

    def failed(self, router: str) -> None:
        """The router could not be surveyed: what only a survey can say ends."""
        for family in self._read:
            family.drop(router)

    def fibre(self, router: str, ends: Sequence[FibreEnd]) -> None:
        """How the links of all the router's ends stand."""
        if not ends:
            for family in self._concluded:
                family.drop(router)
            return
        told: tuple[tuple[Family, Callable[[FibreEnd], Value | None]], ...] = (
            (self._slope, lambda end: end.db_per_month),
            (self._baseline, lambda end: end.baseline_dbm),
            (self._low, lambda end: None if end.low_ns is None else end.low_ns / NANOSECONDS),
        )
        for family, value_of in told:
            self._put(family, router, partial(self._ends, router, value_of, ends))
        self._put(self._verdict, router, partial(self._verdicts, router, ends))

    def forget(self, router: str) -> None:
        """The router is no longer configured."""
        for family in self.families:
            family.drop(router)

    # --- how it is written -------------------------------------------------------------------

    def _put(self, family: Family, router: str, series: Callable[[], Series]) -> None:
        family.put(router, partial(_written, family.name, series))

    def _port(self, router: str, interface: str, lane: int | None, more: Mapping[str, str] | None = None) -> str:
        named = {"site": self._site, "router": router, "interface": interface}
        return labels({**named, "lane": "" if lane is None else str(lane), **(more or {})})

    def _measured(self, router: str, quantity: Quantity, optics: Sequence[Optics]) -> Series:
        # Milliamperes are the only ones that are not in a base unit.
        scale = 0.001 if quantity is Quantity.BIAS else 1
        return [(self._port(router, one.interface, one.lane), _scaled(one.value(quantity), scale)) for one in optics]

    def _lights(self, router: str, optics: Sequence[Optics]) -> Series:
        return [(self._port(router, one.interface, one.lane), _LIGHT.get(one.rx_state)) for one in optics]

    def _limits(self, router: str, optics: Sequence[Optics]) -> Series:
        return [
            (self._port(router, one.interface, one.lane, {"bound": bound}), value)
            for one in optics
            if one.rx_state in _LIGHT and (limits := one.thresholds.get(Quantity.RX_POWER)) is not None
            for bound, value in zip(_BOUNDS, limits.values, strict=True)
        ]

    def _healths(self, router: str, unit: str, health: Sequence[Health]) -> Series:
        scale = _UNITS[unit][1]
        return [(self._sensor(router, one), _scaled(one.value, scale)) for one in health if one.unit == unit]

    def _statuses(self, router: str, health: Sequence[Health]) -> Series:
        return [(self._sensor(router, one), _STATUSES.get(one.status)) for one in health if one.status is not None]

    def _sensor(self, router: str, one: Health) -> str:
        return labels({"site": self._site, "router": router, "kind": str(one.kind), "sensor": one.name})

    def _ends(self, router: str, value_of: Callable[[FibreEnd], Value | None], ends: Sequence[FibreEnd]) -> Series:
        return [(self._port(router, end.interface, end.lane), value_of(end)) for end in ends]

    def _verdicts(self, router: str, ends: Sequence[FibreEnd]) -> Series:
        return [
            (
                self._port(
                    router,
                    end.interface,
                    end.lane,
                    {"far_end": end.far_end, "reason": end.reason, "severity": end.severity},
                ),
                1,
            )
            for end in ends
        ]


def _written(name: str, series: Callable[[], Series]) -> bytes:
    told = series()
    return lines(name, [one for one, _ in told], [value for _, value in told])


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else round(value * scale, 9)
