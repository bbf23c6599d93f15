"""Accounting rules 10, 12, 13 and 14: periods, usage in them, and the percentile."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.measurement import Gap, GapReason, Usage
from netmon.core.model import NANOSECONDS as S
from netmon.core.periods import (
    GRID_NS,
    Period,
    PeriodKind,
    PeriodRule,
    Reading,
    add_usage,
    from_ns,
    period_containing,
    summed_on_grid,
    to_ns,
    used_between,
)

MONTH = PeriodRule(PeriodKind.MONTH)
HOUR = 3600 * S
ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo")


def at(text: str, zone: str = "UTC") -> int:
    return to_ns(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def month(text: str, reset_day: int = 1, zone: str = "UTC") -> Period:
    return period_containing(PeriodRule(PeriodKind.MONTH, reset_day), at(text, zone), zone)


def gap(from_ns_: int, to_ns_: int) -> Gap:
    return Gap("r1", "ether1", "in", from_ns_, to_ns_, GapReason.COUNTER_RESET)


# --- cutting time ----------------------------------------------------------------------------


def test_a_month_is_cut_at_midnight_in_the_agency_s_own_zone() -> None:
    period = month("2026-11-22T00:00", zone="Asia/Jakarta")
    assert period == Period(at("2026-10-31T17:00"), at("2026-11-30T17:00"), "2026-11")


def test_the_same_instant_lies_in_different_months_in_jakarta_and_jayapura() -> None:
    instant = at("2026-10-31T16:00")
    assert period_containing(MONTH, instant, "Asia/Jakarta").label == "2026-10"
    assert period_containing(MONTH, instant, "Asia/Jayapura").label == "2026-11"


def test_a_period_is_half_open() -> None:
    period = month("2026-11-22T00:00")
    assert period_containing(MONTH, period.start_ns, "UTC") == period
    assert period_containing(MONTH, period.end_ns - 1, "UTC") == period
    assert period_containing(MONTH, period.end_ns, "UTC").start_ns == period.end_ns


@pytest.mark.parametrize(
    ("reset_day", "day", "start", "end", "label"),
    [
        (31, "2026-01-31T00:00", "2026-01-31", "2026-02-28", "2026-01"),
        (31, "2026-02-27T23:59", "2026-01-31", "2026-02-28", "2026-01"),
        (31, "2026-02-28T00:00", "2026-02-28", "2026-03-31", "2026-02"),
        (31, "2026-03-30T12:00", "2026-02-28", "2026-03-31", "2026-02"),
        (31, "2026-04-30T00:00", "2026-04-30", "2026-05-31", "2026-04"),
        (31, "2028-02-29T00:00", "2028-02-29", "2028-03-31", "2028-02"),
        (30, "2028-02-28T00:00", "2028-01-30", "2028-02-29", "2028-01"),
        (15, "2026-01-14T23:59", "2025-12-15", "2026-01-15", "2025-12"),
        (1, "2026-12-31T23:59", "2026-12-01", "2027-01-01", "2026-12"),
    ],
)
def test_a_reset_day_beyond_the_month_falls_on_its_last_day(
    reset_day: int, day: str, start: str, end: str, label: str
) -> None:
    assert month(day, reset_day) == Period(at(start), at(end), label)


@pytest.mark.parametrize(
    ("first", "day", "start", "end", "label"),
    [
        ((1, 1), "2026-12-31T23:59", "2026-01-01", "2027-01-01", "2026"),
        ((4, 1), "2026-03-31T23:59", "2025-04-01", "2026-04-01", "2025"),
        ((4, 1), "2026-04-01T00:00", "2026-04-01", "2027-04-01", "2026"),
        ((10, 15), "2026-11-22T00:00", "2026-10-15", "2027-10-15", "2026"),
        ((2, 29), "2027-03-01T00:00", "2027-02-28", "2028-02-29", "2027"),
        ((2, 29), "2028-02-28T23:59", "2027-02-28", "2028-02-29", "2027"),
        ((6, 31), "2026-06-30T00:00", "2026-06-30", "2027-06-30", "2026"),
    ],
)
def test_a_fiscal_year_begins_on_any_day_and_is_named_by_the_year_it_begins_in(
    first: tuple[int, int], day: str, start: str, end: str, label: str
) -> None:
    rule = PeriodRule(PeriodKind.YEAR, reset_day=first[1], reset_month=first[0])
    assert period_containing(rule, at(day), "UTC") == Period(at(start), at(end), label)


def test_a_week_runs_from_monday_and_is_named_by_iso_8601() -> None:
    week = period_containing(PeriodRule(PeriodKind.WEEK), at("2027-01-01T12:00"), "UTC")
    assert week == Period(at("2026-12-28"), at("2027-01-04"), "2026-W53")


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Jakarta", "2026-03-29", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),  # midnight does not exist
        ("America/Sao_Paulo", "2018-02-17", 25),  # the hour before midnight comes twice
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
    ],
)
def test_a_day_has_as_many_hours_as_its_zone_gives_it(zone: str, day: str, hours: int) -> None:
    period = period_containing(PeriodRule(PeriodKind.DAY), at(f"{day}T12:00", zone), zone)
    assert (period.end_ns - period.start_ns, period.label) == (hours * HOUR, day)


def test_fixed_periods_are_counted_from_local_midnight() -> None:
    rule = PeriodRule(PeriodKind.FIXED, length_ns=6 * HOUR)
    period = period_containing(rule, at("2026-11-22T07:00", "Asia/Jakarta"), "Asia/Jakarta")
    start = at("2026-11-22T06:00", "Asia/Jakarta")
    assert (period.start_ns, period.end_ns) == (start, start + 6 * HOUR)


rules = st.one_of(
    st.builds(PeriodRule, st.just(PeriodKind.MONTH), reset_day=st.integers(1, 31)),
    st.just(PeriodRule(PeriodKind.DAY)),
    st.just(PeriodRule(PeriodKind.WEEK)),
    st.builds(PeriodRule, st.just(PeriodKind.YEAR), reset_day=st.integers(1, 31), reset_month=st.integers(1, 12)),
    st.builds(
        PeriodRule, st.just(PeriodKind.FIXED), length_ns=st.sampled_from([60 * S, 900 * S, HOUR, 8 * HOUR, 24 * HOUR])
    ),
)


@given(rules, st.sampled_from(ZONES), st.integers(at("2017-01-01"), at("2030-01-01")))
@settings(max_examples=300)
def test_periods_contain_their_instant_and_tile_time(rule: PeriodRule, zone: str, instant: int) -> None:
    period = period_containing(rule, instant, zone)
    assert period.start_ns <= instant < period.end_ns
    assert period_containing(rule, period.start_ns, zone) == period
    assert period_containing(rule, period.end_ns - 1, zone) == period
    assert period_containing(rule, period.end_ns, zone).start_ns == period.end_ns
    assert period_containing(rule, period.start_ns - 1, zone).end_ns == period.start_ns


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_nanoseconds_and_datetimes_are_exact_both_ways(naive: datetime) -> None:
    moment = naive.replace(tzinfo=ZoneInfo("UTC"))
    assert from_ns(to_ns(moment)) == moment
    assert from_ns(to_ns(moment), "Asia/Makassar") - moment == timedelta(0)


# --- usage -----------------------------------------------------------------------------------


def readings(*points: tuple[int, int]) -> list[Reading]:
    return [Reading(at_s * S, total) for at_s, total in points]


def test_between_two_readings_inside_the_period_usage_is_proven() -> None:
    used = used_between(readings((0, 100), (50, 400), (100, 1000)), (), 0, 100 * S, 200 * S)
    assert (used.proven_bytes, used.estimated_bytes, used.unknown_ns, used.elapsed_ns) == (900, 0, 0, 100 * S)


def test_what_straddles_the_edge_is_split_by_time_and_called_estimated() -> None:
    used = used_between(readings((-25, 0), (75, 1000), (125, 2000)), (), 0, 100 * S, 200 * S)
    assert (used.proven_bytes, used.estimated_bytes) == (0, 1250)


def test_a_pair_that_spans_the_whole_period_is_estimated() -> None:
    used = used_between(readings((-100, 0), (300, 400)), (), 0, 100 * S, 500 * S)
    assert (used.proven_bytes, used.estimated_bytes, used.unknown_ns) == (0, 100, 0)


def test_before_the_first_and_after_the_last_reading_time_is_unknown() -> None:
    used = used_between(readings((30, 0), (60, 10)), (), 0, 100 * S, 80 * S)
    assert (used.proven_bytes, used.unknown_ns, used.elapsed_ns) == (10, 50 * S, 80 * S)
    assert used.coverage_ratio == pytest.approx(30 / 80)


def test_without_a_reading_everything_elapsed_is_unknown() -> None:
    used = used_between((), (), 0, 100 * S, 40 * S)
    assert used == Usage(0, 0, 40 * S, 40 * S)
    assert used.coverage_ratio == 0


def test_a_period_that_has_not_begun_has_no_coverage() -> None:
    used = used_between(readings((0, 0), (10, 5)), (), 100 * S, 200 * S, 50 * S)
    assert (used.unknown_ns, used.elapsed_ns, used.coverage_ratio) == (0, 0, None)


def test_overlapping_gaps_are_unknown_once_and_clipped_to_the_period() -> None:
    gaps = [gap(-10 * S, 20 * S), gap(10 * S, 30 * S), gap(90 * S, 150 * S), gap(200 * S, 300 * S)]
    used = used_between(readings((-10, 0), (30, 0), (150, 0)), gaps, 0, 100 * S, 400 * S)
    assert used.unknown_ns == 40 * S
    assert used.gaps == tuple(gaps[:3])


def test_series_are_added_and_their_gaps_kept() -> None:
    total = add_usage([Usage(1, 2, 3 * S, 10 * S, (gap(0, 3 * S),)), Usage(10, 20, 0, 10 * S)])
    assert (total.proven_bytes, total.estimated_bytes, total.unknown_ns, total.elapsed_ns) == (11, 22, 3 * S, 10 * S)
    assert len(total.gaps) == 1
    assert add_usage([]) == Usage(0, 0, 0, 0)


series = st.lists(
    st.tuples(st.integers(1, 50 * S), st.integers(0, 10**9)), min_size=2, max_size=30
).map(  # steps in time and bytes -> ascending readings
    lambda steps: [
        Reading(sum(t for t, _ in steps[: n + 1]), sum(b for _, b in steps[: n + 1])) for n in range(len(steps))
    ]
)


@given(series, st.data())
@settings(max_examples=150)
def test_thinning_readings_between_the_edges_never_changes_a_sum(points: list[Reading], data: st.DataObject) -> None:
    start = data.draw(st.integers(points[0].at_ns, points[-1].at_ns))
    end = data.draw(st.integers(start + 1, points[-1].at_ns + 1))
    inside = [p for p in points if start <= p.at_ns <= end]
    needed = {p.at_ns for p in (*inside[:1], *inside[-1:])}
    kept = [p for p in points if p not in inside or p.at_ns in needed or data.draw(st.booleans())]
    full, thin = (used_between(rows, (), start, end, end) for rows in (points, kept))
    assert (thin.proven_bytes, thin.estimated_bytes) == (full.proven_bytes, full.estimated_bytes)


@given(series, st.lists(st.integers(0, 1500 * S), max_size=5))
@settings(max_examples=150)
def test_adjacent_periods_share_out_every_byte(points: list[Reading], cuts: list[int]) -> None:
    edges = sorted({points[0].at_ns, points[-1].at_ns, *(c for c in cuts if points[0].at_ns < c < points[-1].at_ns)})
    parts = [used_between(points, (), a, b, points[-1].at_ns) for a, b in pairwise(edges)]
    total = sum(part.proven_bytes + part.estimated_bytes for part in parts)
    assert total == points[-1].total_bytes - points[0].total_bytes
    assert all(part.unknown_ns == 0 for part in parts)


@given(series, st.integers(0, 800 * S), st.integers(1, 800 * S), st.integers(0, 2000 * S))
@settings(max_examples=150)
def test_usage_is_never_negative_nor_more_than_was_counted(
    points: list[Reading], start: int, length: int, now: int
) -> None:
    used = used_between(points, [gap(start, start + 1)], start, start + length, now)
    assert 0 <= used.proven_bytes + used.estimated_bytes <= points[-1].total_bytes - points[0].total_bytes
    assert 0 <= used.unknown_ns <= used.elapsed_ns <= length


# --- the grid --------------------------------------------------------------------------------


def on_grid(*rates_bps: int) -> list[Reading]:
    """One reading on every edge of the grid."""
    rows, total = [Reading(0, 0)], 0
    for cell, rate in enumerate(rates_bps, start=1):
        total += rate * 300 // 8
        rows.append(Reading(cell * GRID_NS, total))
    return rows


def test_ports_are_summed_cell_by_cell() -> None:
    left, right = on_grid(8000, 0, 8000), on_grid(0, 8000, 8000)
    assert summed_on_grid([left, right], 0, 3 * GRID_NS) == {0: 300_000, 1: 300_000, 2: 600_000}


def test_a_cell_that_any_port_does_not_span_is_left_out() -> None:
    left, right = on_grid(8000, 8000, 8000), on_grid(8000, 8000, 8000)[1:]
    assert summed_on_grid([left, right], 0, 3 * GRID_NS) == {1: 600_000, 2: 600_000}


@pytest.mark.parametrize("ports", [[], [[]], [[Reading(0, 0)]], [readings((10, 0), (299, 800))]])
def test_only_a_whole_cell_between_readings_is_one(ports: list[list[Reading]]) -> None:
    assert summed_on_grid(ports, 0, GRID_NS) == {}


def test_readings_off_the_grid_are_interpolated_onto_it() -> None:
    rows = readings((-150, 0), (150, 3000), (450, 6000), (750, 9000))
    assert summed_on_grid([rows], 0, 600 * S) == {0: 3000, 1: 3000}
