"""What a circuit wants is judged from what it used, and from what it was allowed to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.demand_estimate import LEAST_BPS, Wants, estimate
from netmon.core.model import NANOSECONDS

MBPS = 1_000_000
START_NS = 1_790_000_000 * NANOSECONDS
WINDOW_S = 300

rates = st.integers(0, 10**11)
limits = st.none() | st.integers(1000, 10**11)
visits = st.lists(st.tuples(st.integers(1, 200), rates, limits), min_size=1, max_size=20)


def after(*measured: tuple[int, int, int | None]) -> Wants:
    """One circuit, of which (second, rate, limit) were measured."""
    wants = Wants(1)
    for second, rate_bps, limit_bps in measured:
        wants.measured(0, rate_bps, limit_bps, START_NS + second * NANOSECONDS)
    return wants


@pytest.mark.parametrize(
    ("rate_bps", "limit_bps", "wanted_bps"),
    [
        (10 * MBPS, None, 12 * MBPS),
        (10 * MBPS, 100 * MBPS, 12 * MBPS),
        (0, None, LEAST_BPS),
        (0, 10 * MBPS, LEAST_BPS),
        (8_999_999, 10 * MBPS, 10_799_998),
        (9 * MBPS, 10 * MBPS, 15 * MBPS),
        (10 * MBPS, 10 * MBPS, 15 * MBPS),
        (40 * MBPS, 10 * MBPS, 48 * MBPS),
        (60_000, 64_000, 2_064_000),
        (1000, 1000, 2_001_000),
    ],
    ids=[
        "free",
        "far below",
        "idle",
        "idle under a limit",
        "just below",
        "at 90 %",
        "at",
        "beyond",
        "from idle",
        "tiny",
    ],
)
def test_one_measurement(rate_bps: int, limit_bps: int | None, wanted_bps: int) -> None:
    assert estimate(rate_bps, limit_bps) == wanted_bps
    assert after((0, rate_bps, limit_bps))[0] == wanted_bps


def test_nothing_is_known_before_the_first_measurement() -> None:
    assert Wants(1)[0] is None


def test_a_pause_of_less_than_five_minutes_takes_nothing_away() -> None:
    assert after((0, 10 * MBPS, None), *((s, 0, None) for s in range(30, 240, 30)))[0] == 12 * MBPS


def test_without_a_measurement_the_last_estimate_stands_however_old() -> None:
    wants = after((0, 10 * MBPS, None))
    assert wants[0] == 12 * MBPS
    wants.measured(0, MBPS, None, START_NS + 86_400 * NANOSECONDS)
    assert wants[0] == MBPS * 6 // 5


def test_a_clock_that_goes_back_keeps_the_estimate_for_as_long_again() -> None:
    wants = after((7200, 10 * MBPS, None), (0, 0, None), (200, 0, None))
    assert wants[0] == 12 * MBPS
    wants.measured(0, 0, None, START_NS + (WINDOW_S + 60) * NANOSECONDS)
    assert wants[0] == LEAST_BPS


def test_what_is_held_back_grows_by_2_mbps_then_by_half_each_time_until_it_no_longer_is() -> None:
    """What it really wants: 20 Mb/s. Its limit follows the estimate."""
    wants, limit, steps = Wants(1), LEAST_BPS, []
    for second in range(0, 600, 30):
        wants.measured(0, min(limit, 20 * MBPS), limit, START_NS + second * NANOSECONDS)
        steps.append(limit)
        limit = wants[0] or 0
    assert steps[:5] == [64_000, 2_064_000, 4_064_000, 6_096_000, 9_144_000]
    assert limit == 24 * MBPS


@given(visits, st.data())
def test_more_traffic_never_lowers_the_estimate(
    history: list[tuple[int, int, int | None]], data: st.DataObject
) -> None:
    times, lower, upper = 0, Wants(1), Wants(1)
    for gap, rate, limit in history:
        times += gap
        lower.measured(0, rate, limit, START_NS + times * NANOSECONDS)
        upper.measured(0, rate + data.draw(rates), limit, START_NS + times * NANOSECONDS)
        wanted, more = lower[0], upper[0]
        assert wanted is not None
        assert more is not None
        assert wanted <= more


@given(visits)
def test_it_is_between_the_last_figure_and_the_highest_of_five_minutes(
    history: list[tuple[int, int, int | None]],
) -> None:
    wants, seen, second = Wants(1), list[tuple[int, int]](), 0
    for gap, rate, limit in history:
        second += gap
        wants.measured(0, rate, limit, START_NS + second * NANOSECONDS)
        seen.append((second, estimate(rate, limit)))
        recent = [figure for at, figure in seen if at > second - WINDOW_S]
        wanted = wants[0]
        assert wanted is not None
        assert wanted >= LEAST_BPS
        assert seen[-1][1] <= wanted <= max(recent)


@given(visits)
def test_who_stops_wants_the_least_after_five_minutes(history: list[tuple[int, int, int | None]]) -> None:
    wants, second = Wants(1), 0
    for gap, rate, limit in history:
        second += gap
        wants.measured(0, rate, limit, START_NS + second * NANOSECONDS)
    wants.measured(0, 0, None, START_NS + (second + WINDOW_S) * NANOSECONDS)
    assert wants[0] == LEAST_BPS


def test_an_estimate_from_before_a_restart_stands_for_five_minutes() -> None:
    wants = Wants(1)
    wants.resume(0, 8 * MBPS, START_NS)
    wants.measured(0, 0, None, START_NS + 200 * NANOSECONDS)
    assert wants[0] == 8 * MBPS
    wants.measured(0, 0, None, START_NS + (WINDOW_S + 60) * NANOSECONDS)
    assert wants[0] == LEAST_BPS
