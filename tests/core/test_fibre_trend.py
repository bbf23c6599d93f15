"""The memory of one power: daily medians, a baseline, a slope; bounded, and deaf to outliers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.fibre_trend import BASELINE_DAYS, DAY_NS, LEAST_DAYS, MOST_DAYS, Trend

START = 20_000 * DAY_NS
HOUR_NS = DAY_NS // 24


def fed(powers: list[float], per_day: int = 1, trend: Trend | None = None, day: int = 0) -> Trend:
    trend = trend or Trend()
    for at, power in enumerate(powers):
        trend = trend.add(power, START + day * DAY_NS + at * DAY_NS // per_day)
    return trend


def test_a_day_becomes_its_median_when_the_next_begins() -> None:
    trend = fed([-8.0, -8.2, -30.0, -8.1], per_day=4)
    assert trend.days == ()
    trend = trend.add(-8.0, START + DAY_NS)
    assert [day for day, _ in trend.days] == [20_000]
    assert trend.days[0][1] == pytest.approx(-8.15)


def test_only_one_reading_of_a_half_hour_counts_towards_the_day() -> None:
    trend = Trend()
    for second in range(0, 3600, 60):
        trend = trend.add(-8.0 - second / 3600, START + second * 10**9)
    assert trend.samples == (-8.0, -8.5)
    assert trend.level_dbm == pytest.approx(-8.0 - 3480 / 3600)


def test_one_wild_reading_moves_neither_the_level_nor_the_median() -> None:
    trend = fed([-8.0, -8.0, -33.0, -8.0], per_day=4).add(-33.0, START + DAY_NS)
    assert trend.days[-1][1] == -8.0
    assert fed([-8.0, -8.0, -33.0]).level_dbm == -8.0


def test_the_baseline_is_learnt_once() -> None:
    trend = fed([-8.0] * BASELINE_DAYS)
    assert trend.baseline_dbm is None
    trend = fed([-8.0 - 0.01 * day for day in range(200)])
    assert trend.baseline_dbm == pytest.approx(-8.03)


def test_a_slope_is_not_believed_before_a_fortnight() -> None:
    assert fed([-8.0] * LEAST_DAYS).fit is None
    assert fed([-8.0] * (LEAST_DAYS + 1)).fit is not None


@pytest.mark.parametrize("per_week", [-0.1, 0.0, 0.1])
def test_the_slope_is_that_of_the_days(per_week: float) -> None:
    fit = fed([-8.0 + per_week * day / 7 for day in range(40)]).fit
    assert fit is not None
    assert fit.db_per_month == pytest.approx(per_week * 30 / 7)
    assert fit.level_dbm == pytest.approx(-8.0 + per_week * 38 / 7)


def test_a_third_of_the_days_gone_mad_do_not_turn_the_slope() -> None:
    powers = [-8.0 - 0.02 * day for day in range(60)]
    for day in random.Random(7).sample(range(60), 12):
        powers[day] -= 0.4
    fit = fed(powers).fit
    assert fit is not None
    assert fit.db_per_month == pytest.approx(-0.6, abs=0.12)


def test_a_repair_begins_a_new_memory_and_a_new_baseline() -> None:
    trend = fed([-8.0] * 20 + [-5.0] * 3)
    assert [power for _, power in trend.days] == [-5.0, -5.0]
    assert (trend.baseline_dbm, trend.fit) == (None, None)
    assert fed([-5.0] * 8, trend=trend, day=23).baseline_dbm == -5.0


def test_a_drop_begins_a_new_slope_and_keeps_the_baseline() -> None:
    trend = fed([-8.0] * 20 + [-11.0] * 3)
    assert [power for _, power in trend.days] == [-11.0, -11.0]
    assert (trend.baseline_dbm, trend.fit) == (-8.0, None)


def test_one_bad_day_is_no_drop() -> None:
    trend = fed([-8.0] * 20 + [-11.0] + [-8.0] * 4)
    assert len(trend.days) == 24


def test_days_without_readings_are_not_made_up() -> None:
    trend = fed([-8.0] * 5).add(-8.0, START + 40 * DAY_NS)
    assert [day - 20_000 for day, _ in trend.days] == [0, 1, 2, 3, 4]
    trend = trend.add(-8.0, START + 200 * DAY_NS).add(-8.0, START + 201 * DAY_NS)
    assert [day - 20_000 for day, _ in trend.days] == [200]


@given(st.lists(st.tuples(st.floats(), st.integers(min_value=-5, max_value=400)), max_size=150))
@settings(max_examples=60)
def test_memory_is_bounded_and_ordered_whatever_is_read_and_however_the_clock_jumps(
    readings: list[tuple[float, int]],
) -> None:
    trend = Trend()
    for power, hours in readings:
        trend = trend.add(power, max(0, START + hours * 24 * HOUR_NS))
    assert len(trend.days) <= MOST_DAYS
    assert len(trend.samples) <= 48
    assert len(trend.recent) <= 3
    days = [day for day, _ in trend.days]
    assert days == sorted(set(days))
