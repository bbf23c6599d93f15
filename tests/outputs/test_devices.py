"""Transceivers, health and fibre verdicts as Prometheus sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from netmon.core.fibre_limits import Light, Limits, Quantity
from netmon.core.model import NANOSECONDS
from netmon.outputs.devices import DeviceMetrics, FibreEnd
from netmon.outputs.exposition import Block, plain


@dataclass(frozen=True)
class Module:
    interface: str
    lane: int | None = None
    rx_state: Light = Light.LIGHT
    values: Mapping[Quantity, float] = field(default_factory=dict)
    thresholds: Mapping[Quantity, Limits] = field(default_factory=dict)

    def value(self, quantity: Quantity) -> float | None:
        return self.values.get(quantity)


@dataclass(frozen=True)
class Part:
    name: str
    kind: str
    value: float | None
    unit: str | None
    status: str | None = None


LIMITS = {Quantity.RX_POWER: Limits(-14.4, None, -0.5, 0.5)}
OPTICS = (
    Module("xe0", None, Light.LIGHT, {Quantity.RX_POWER: -7.25, Quantity.BIAS: 33.1, Quantity.VOLTAGE: 3.3}, LIMITS),
    Module("et0", 2, Light.NO_LIGHT, {Quantity.TEMPERATURE: 40}),
    Module("et0", 3, Light.NOT_SUPPORTED, {Quantity.TX_POWER: -2.0}, LIMITS),
)
HEALTH = (
    Part("RE0", "cpu", 14, "percent", "ok"),
    Part("RE0", "memory", 61.5, "percent"),
    Part("inlet", "temperature", 31, "celsius", "warning"),
    Part("fan 1", "fan", 4200, "rpm", "ok"),
    Part("fan 2", "fan", 55, "percent", "critical"),
    Part("PSU 1", "power_supply", None, None, "absent"),
    Part("PSU 2", "power_supply", 240, "watts", "unknown"),
    Part("3.3 V", "voltage", 3.31, "volts"),
    Part("input", "current", 0.8, "amperes"),
)


def told(metrics: DeviceMetrics) -> set[str]:
    text = b"".join(plain(metrics.families, Block(lambda: b""))).decode()
    return {line.replace('site="s",router="r1",', "") for line in text.splitlines() if not line.startswith("#")}


@pytest.fixture
def metrics() -> DeviceMetrics:
    metrics = DeviceMetrics("s")
    metrics.surveyed("r1", 1_700_000_000 * NANOSECONDS, 1.5, OPTICS, HEALTH)
    return metrics


def test_a_survey_is_told_in_base_units_and_what_is_absent_is_not_told(metrics: DeviceMetrics) -> None:
    assert told(metrics) == {
        'netmon_router_last_survey_timestamp_seconds{site="s",router="r1"} 1700000000.0',
        'netmon_router_survey_duration_seconds{site="s",router="r1"} 1.5',
        'netmon_optics_rx_power_dbm{interface="xe0"} -7.25',
        'netmon_optics_tx_power_dbm{interface="et0",lane="3"} -2.0',
        'netmon_optics_bias_amperes{interface="xe0"} 0.0331',
        'netmon_optics_temperature_celsius{interface="et0",lane="2"} 40',
        'netmon_optics_voltage_volts{interface="xe0"} 3.3',
        'netmon_optics_rx_light{interface="xe0"} 1',
        'netmon_optics_rx_light{interface="et0",lane="2"} 0',
        'netmon_optics_rx_power_limit_dbm{interface="xe0",bound="low_alarm"} -14.4',
        'netmon_optics_rx_power_limit_dbm{interface="xe0",bound="high_warning"} -0.5',
        'netmon_optics_rx_power_limit_dbm{interface="xe0",bound="high_alarm"} 0.5',
        'netmon_health_ratio{kind="cpu",sensor="RE0"} 0.14',
        'netmon_health_ratio{kind="memory",sensor="RE0"} 0.615',
        'netmon_health_ratio{kind="fan",sensor="fan 2"} 0.55',
        'netmon_health_temperature_celsius{kind="temperature",sensor="inlet"} 31',
        'netmon_health_fan_speed_rpm{kind="fan",sensor="fan 1"} 4200',
        'netmon_health_voltage_volts{kind="voltage",sensor="3.3 V"} 3.31',
        'netmon_health_current_amperes{kind="current",sensor="input"} 0.8',
        'netmon_health_power_watts{kind="power_supply",sensor="PSU 2"} 240',
        'netmon_health_status{kind="cpu",sensor="RE0"} 0',
        'netmon_health_status{kind="temperature",sensor="inlet"} 1',
        'netmon_health_status{kind="fan",sensor="fan 1"} 0',
        'netmon_health_status{kind="fan",sensor="fan 2"} 2',
        'netmon_health_status{kind="power_supply",sensor="PSU 1"} 4',
        'netmon_health_status{kind="power_supply",sensor="PSU 2"} 3',
    }


def test_what_a_survey_no_longer_finds_ends(metrics: DeviceMetrics) -> None:
    metrics.surveyed("r1", 1_700_000_300 * NANOSECONDS, 1.5, (), HEALTH[:1])
    assert {line.partition("{")[0] for line in told(metrics)} == {
        "netmon_router_last_survey_timestamp_seconds",
        "netmon_router_survey_duration_seconds",
        "netmon_health_ratio",
        "netmon_health_status",
    }


def test_a_survey_that_fails_leaves_its_last_instant_and_the_verdicts(metrics: DeviceMetrics) -> None:
    metrics.fibre("r1", [FibreEnd("xe0", None, "r2/xe9", "fibre", "warning", -0.5, -5.1, 1_800_000_000 * NANOSECONDS)])
    metrics.failed("r1")
    assert told(metrics) == {
        'netmon_router_last_survey_timestamp_seconds{site="s",router="r1"} 1700000000.0',
        'netmon_router_survey_duration_seconds{site="s",router="r1"} 1.5',
        'netmon_fibre_verdict_info{interface="xe0",far_end="r2/xe9",reason="fibre",severity="warning"} 1',
        'netmon_fibre_rx_slope_db_per_month{interface="xe0"} -0.5',
        'netmon_fibre_rx_baseline_dbm{interface="xe0"} -5.1',
        'netmon_fibre_rx_low_alarm_timestamp_seconds{interface="xe0"} 1800000000.0',
    }


def test_a_link_of_which_nothing_is_known_yet_has_a_verdict_alone(metrics: DeviceMetrics) -> None:
    metrics.failed("r1")
    metrics.fibre("r1", [FibreEnd("et0", 1, "", "learning", "", None, None, None)])
    assert 'netmon_fibre_verdict_info{interface="et0",lane="1",reason="learning"} 1' in told(metrics)
    metrics.fibre("r1", [])
    assert not any("fibre" in line for line in told(metrics))


def test_a_router_that_is_no_longer_configured_is_not_told_of(metrics: DeviceMetrics) -> None:
    metrics.fibre("r1", [FibreEnd("et0", 1, "", "learning", "", None, None, None)])
    metrics.forget("r1")
    assert told(metrics) == set()
