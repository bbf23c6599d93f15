"""Which link gets worse, where the fault is, when it will fail, and that nothing else is complained of."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.alerting import transition
from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.fibre import End, FibreReason, FibreVerdict, Sign, fibre_condition, judge
from netmon.core.fibre_limits import Light, Limits, Quantity
from netmon.core.fibre_trend import DAY_NS

START = 20_000 * DAY_NS
LIMITS = {Quantity.RX_POWER: Limits(-20.0, -18.0, 0.0, 1.0)}

Power = Callable[[float], float | None]
"""Day -> dBm; None: nothing was read."""


@dataclass(frozen=True)
class Reading:
    rx_power_dbm: float | None
    tx_power_dbm: float | None = -2.0
    rx_state: Light = Light.LIGHT
    tx_state: Light = Light.LIGHT
    thresholds: Mapping[Quantity, Limits] = field(default_factory=lambda: LIMITS)


def steady(day: float) -> float:
    return -8.0


def falling(db_per_week: float, since: float = 0.0, level: float = -8.0) -> Power:
    return lambda day: level - max(0.0, day - since) * db_per_week / 7


class Link:
    """A link with two ends, read some times a day, with noise of its own seed."""

    def __init__(self, *, noise: float = 0.0, per_day: int = 8, seed: int = 1, far: bool = True) -> None:
        self.ends = [End("north", "sfp1"), End("south", "sfp2")][: 2 if far else 1]
        self.noise, self.per_day, self.random = noise, per_day, random.Random(seed)
        self.visits = 0
        self.verdict: FibreVerdict | None = None
        self.changes: list[tuple[float, FibreReason, bool]] = []
        self.alerts: list[Alert] = []

    @property
    def day(self) -> float:
        return self.visits / self.per_day

    def run(self, days: float, *rx: Power, tx: Power = lambda day: -2.0, up: bool = True, enabled: bool = True) -> Link:
        """`rx` of each end; `tx` of the first."""
        for _ in range(round(days * self.per_day)):
            now_ns = START + self.visits * DAY_NS // self.per_day
            for at, power in enumerate(rx):
                level, sent = power(self.day), tx(self.day) if at == 0 else -2.0
                reading = Reading(self._noisy(level), self._noisy(sent)) if level is not None else None
                self.ends[at] = self.ends[at].observed(
                    reading, enabled=enabled, up=up if at == 0 else True, now_ns=now_ns
                )
            self._judge(now_ns)
            self.visits += 1
        return self

    def _noisy(self, power: float | None) -> float | None:
        return None if power is None else power + self.random.uniform(-self.noise, self.noise)

    def _judge(self, now_ns: int) -> None:
        found = judge(self.ends, self.verdict, now_ns)
        if self.verdict is None or (found.reason, found.firing) != (self.verdict.reason, self.verdict.firing):
            self.changes.append((self.day, found.reason, found.firing))
        self.verdict = found
        alert = transition(self.alerts[-1] if self.alerts else None, fibre_condition(found, AlertKind.ROUTER), now_ns)
        if alert is not None:
            self.alerts.append(alert)

    @property
    def complaints(self) -> list[tuple[float, FibreReason]]:
        return [(day, reason) for day, reason, firing in self.changes if firing]


# --- what is found, and how soon -------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_tenth_of_a_db_a_week_is_found_within_three_weeks(seed: int) -> None:
    link = Link(noise=0.1, seed=seed).run(21.5, falling(0.1), steady)
    assert [reason for _, reason in link.complaints] == [FibreReason.CONNECTOR]
    assert link.verdict is not None
    assert link.verdict.at == "north/sfp1"
    assert link.verdict.db_per_month == pytest.approx(-0.43, abs=0.12)


def test_a_dirty_connector_is_foretold_weeks_before_the_low_alarm() -> None:
    link = Link(noise=0.1).run(30, falling(0.5, level=-14.0), steady)
    assert link.verdict is not None
    day, _ = link.complaints[0]
    assert day <= 16
    assert link.verdict.crosses_day is not None
    assert link.verdict.crosses_day - 20_000 == pytest.approx(84, abs=6)
    assert "It reaches the low alarm of -20.0 dBm about 2025-01-" in link.alerts[-1].summary
    assert "clean the connector at north/sfp1" in link.alerts[-1].summary


def test_severity_rises_as_the_low_alarm_comes_near_and_never_sinks_while_firing() -> None:
    link = Link(noise=0.1).run(95, falling(0.5, level=-14.0), steady)
    severities = [alert.severity for alert in link.alerts]
    assert severities == [Severity.INFO, Severity.WARNING, Severity.CRITICAL]
    assert link.verdict is not None
    assert ("north/sfp1", Sign.LOW) in link.verdict.signs


def test_a_sudden_loss_is_found_although_it_has_no_slope() -> None:
    link = Link(noise=0.05).run(10, steady, steady).run(1, lambda day: -12.0, steady)
    assert link.verdict is not None
    assert (link.verdict.firing, link.verdict.reason) == (True, FibreReason.CONNECTOR)
    assert link.verdict.severity is Severity.WARNING
    assert link.verdict.signs == {("north/sfp1", Sign.LOST)}


def test_light_below_the_low_alarm_is_critical_from_the_first_hours() -> None:
    link = Link(far=False).run(0.5, lambda day: -21.0)
    assert link.verdict is not None
    assert (link.verdict.severity, link.verdict.reason) == (Severity.CRITICAL, FibreReason.ONE_END_SEEN)


# --- where the fault is ----------------------------------------------------------------------


def test_both_ends_falling_points_to_the_fibre() -> None:
    link = Link(noise=0.1).run(30, falling(0.2), falling(0.15, level=-9.0))
    assert [reason for _, reason in link.complaints] == [FibreReason.FIBRE]
    assert link.verdict is not None
    assert link.verdict.at == ""
    assert "look at the fibre between them" in link.alerts[-1].summary


@pytest.mark.parametrize("worse", [0, 1])
def test_one_end_falling_points_to_that_end(worse: int) -> None:
    powers: tuple[Power, Power] = (falling(0.2), steady) if worse == 0 else (steady, falling(0.2))
    link = Link(noise=0.1).run(30, *powers)
    assert link.verdict is not None
    assert (link.verdict.reason, link.verdict.at) == (
        FibreReason.CONNECTOR,
        ("north/sfp1", "south/sfp2")[worse],
    )


def test_a_laser_that_fades_is_told_from_the_connector_it_dims() -> None:
    link = Link(noise=0.1).run(30, steady, falling(0.2), tx=falling(0.2, level=-2.0))
    assert link.verdict is not None
    assert (link.verdict.reason, link.verdict.at) == (FibreReason.TRANSMITTER, "north/sfp1")


def test_with_the_other_end_unread_the_link_is_complained_of_without_blame() -> None:
    link = Link(noise=0.1).run(30, falling(0.2), lambda day: None)
    assert [reason for _, reason in link.complaints] == [FibreReason.ONE_END_SEEN]


# --- what is not complained of ---------------------------------------------------------------


@pytest.mark.parametrize(("per_day", "seed"), [(1, 11), (1, 12), (2, 13)])
def test_a_year_of_steady_noise_raises_nothing(per_day: int, seed: int) -> None:
    link = Link(noise=0.3, per_day=per_day, seed=seed, far=False).run(365, steady)
    assert link.complaints == []
    assert link.alerts == []


def test_seasons_days_and_weeks_raise_nothing() -> None:
    def breathing(day: float) -> float:
        return (
            -8.0
            + 0.3 * math.sin(2 * math.pi * day / 365)
            + 0.2 * math.sin(2 * math.pi * day)
            + 0.1 * math.sin(2 * math.pi * day / 7)
        )

    assert Link(noise=0.1, per_day=2, far=False).run(365, breathing).complaints == []


def test_a_fall_that_is_slow_and_noisy_does_not_flap() -> None:
    link = Link(noise=0.3, per_day=4, far=False).run(150, falling(0.1))
    assert len(link.complaints) == 1
    assert [alert.state for alert in link.alerts] == [AlertState.FIRING] * len(link.alerts)
    assert len(link.alerts) <= 3


def test_a_reading_that_hovers_about_the_low_alarm_does_not_flap() -> None:
    link = Link(noise=0.3, per_day=24, far=False, seed=5).run(30, lambda day: -20.1)
    assert len(link.changes) <= 3


def test_a_link_once_cleaned_is_well_again() -> None:
    link = Link(noise=0.05).run(40, falling(0.2, level=-14.0), steady).run(20, lambda day: -13.5, steady)
    assert [(reason, firing) for _, reason, firing in link.changes][-2:] == [
        (FibreReason.LEARNING, False),
        (FibreReason.STEADY, False),
    ]
    assert [alert.state for alert in link.alerts] == [AlertState.FIRING, AlertState.RESOLVED]
    assert link.changes[-2][0] < 44


@pytest.mark.parametrize(
    ("up", "enabled", "reason"), [(False, True, FibreReason.PORT_DOWN), (True, False, FibreReason.PORT_DISABLED)]
)
def test_a_port_that_is_down_raises_nothing_of_its_own(up: bool, enabled: bool, reason: FibreReason) -> None:
    link = Link().run(10, steady, steady).run(5, lambda day: -33.0, steady, up=up, enabled=enabled)
    assert link.complaints == []
    assert link.verdict is not None
    assert link.verdict.reason is reason
    assert link.ends[0].rx.level_dbm == -8.0


def test_what_was_complained_of_before_the_port_went_down_stays_until_the_port_is_disabled() -> None:
    link = Link(noise=0.1).run(30, falling(0.2), steady)
    before = link.verdict
    link.run(10, lambda day: None, steady, up=False)
    assert link.verdict == before
    link.run(1, lambda day: None, steady, enabled=False)
    assert link.verdict is not None
    assert link.verdict.reason is FibreReason.PORT_DISABLED
    assert link.alerts[-1].state is AlertState.RESOLVED


def test_missing_data_raises_nothing_and_ends_nothing() -> None:
    link = Link().run(10, steady, steady).run(60, lambda day: None, lambda day: None)
    assert link.complaints == []
    assert link.verdict is not None
    assert link.verdict.reason is FibreReason.NO_DATA
    link = Link(noise=0.1).run(30, falling(0.2), steady)
    before = link.verdict
    assert link.run(60, lambda day: None, lambda day: None).verdict == before


def test_no_light_is_not_a_level() -> None:
    end = End("north", "sfp1").observed(Reading(None, rx_state=Light.NO_LIGHT), enabled=True, up=True, now_ns=START)
    assert end.rx.recent == ()
    end = End("north", "sfp1").observed(Reading(-35.2, rx_state=Light.NO_LIGHT), enabled=None, up=None, now_ns=START)
    assert (end.rx.recent, end.tx.recent) == ((), (-2.0,))


# --- laws ------------------------------------------------------------------------------------


def test_the_same_decision_reached_again_is_the_same_alert() -> None:
    link = Link(noise=0.1).run(30, falling(0.2), steady)
    assert link.verdict is not None
    now_ns = START + 30 * DAY_NS
    condition = fibre_condition(judge(link.ends, link.verdict, now_ns), AlertKind.ROUTER)
    assert transition(link.alerts[-1], condition, now_ns) is None
    assert condition.key == "fibre/north/sfp1--south/sfp2"


@given(
    days=st.lists(
        st.tuples(
            st.none() | st.floats(min_value=-45, max_value=12) | st.sampled_from([math.nan, math.inf]),
            st.sampled_from(Light),
            st.none() | st.booleans(),
            st.none() | st.booleans(),
            st.integers(min_value=-2, max_value=30),
        ),
        max_size=40,
    )
)
@settings(max_examples=60)
def test_no_sequence_of_readings_breaks_the_verdict(
    days: list[tuple[float | None, Light, bool | None, bool | None, int]],
) -> None:
    ends = [End("a", "1"), End("b", "2")]
    verdict: FibreVerdict | None = None
    now_ns = START
    verdicts: list[FibreVerdict] = []
    for power, state, enabled, up, hours in days:
        now_ns = max(0, now_ns + hours * DAY_NS // 12)
        ends[0] = ends[0].observed(Reading(power, rx_state=state), enabled=enabled, up=up, now_ns=now_ns)
        ends[1] = ends[1].observed(Reading(-8.0), enabled=True, up=True, now_ns=now_ns)
        verdict = judge(ends, verdict, now_ns)
        verdicts.append(verdict)
        fibre_condition(verdict, AlertKind.ROUTER)
        assert verdict.firing == bool(verdict.signs) or not verdict.firing
    ranks = list(Severity)
    for earlier, later in pairwise(verdicts):
        assert not (earlier.firing and later.firing) or ranks.index(later.severity) >= ranks.index(earlier.severity)


def test_lanes_are_ends_of_their_own() -> None:
    assert replace(End("north", "et-0/0/0"), lane=2).id == "north/et-0/0/0/2"


def test_an_alert_stays_with_one_router_whichever_end_is_to_blame() -> None:
    link = Link(noise=0.1).run(30, steady, falling(0.2))
    assert link.verdict is not None
    assert (link.verdict.at, fibre_condition(link.verdict).router) == ("south/sfp2", "north")
    assert fibre_condition(replace(link.verdict, at="", firing=False)).router == "north"
    assert fibre_condition(link.verdict).kind is AlertKind.FIBRE
