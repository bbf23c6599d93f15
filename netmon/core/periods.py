"""Billing periods, and what was used in them.

Periods are half-open, held as UTC nanoseconds and cut in the agency's own zone (accounting rule 13).
Usage is read off cumulative totals, so that thinning readings out never changes a sum: what lies
between two readings inside the period is proven; what straddles its edge is apportioned by time and
called estimated (rules 10 and 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from netmon.core.measurement import Gap, Usage
from netmon.core.model import NANOSECONDS

GRID_NS = 300 * NANOSECONDS
"""The 95th percentile's grid (accounting rule 12)."""
BRIDGED_NS = 2 * GRID_NS
"""Readings further apart say how much, but no longer when (rule 10)."""
_REPEATED_AT_LEAST = 4
_REPEATED_SHARE = 5
"""One growth in so many has to come after a repetition, before the agent is held to be slow."""


class PeriodKind(StrEnum):
    DAY = "day"
    WEEK = "week"  # Monday to Sunday, ISO 8601
    MONTH = "month"
    YEAR = "year"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class PeriodRule:
    """How time is cut into periods."""

    kind: PeriodKind
    reset_day: int = 1
    """For months and years, 1-31; beyond the month's end it falls on the last day."""
    length_ns: int = 0
    """For fixed periods: a divisor of 24 h, counted from local midnight."""
    reset_month: int = 1
    """For (fiscal) years, 1-12."""


@dataclass(frozen=True, slots=True)
class Period:
    """start_ns <= t < end_ns, UTC nanoseconds."""

    start_ns: int
    end_ns: int
    label: str
    """As people name it: 2026-11, 2026-W47, 2026-11-22, 2026-11-22T10:15; a fiscal year 2026 by its beginning."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The cumulative total of one series, in bytes, as of one committed visit."""

    at_ns: int
    total_bytes: int


def to_ns(moment: datetime) -> int:
    """An aware datetime as UTC nanoseconds, exact to the microsecond."""
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def from_ns(ns: int, zone: str = "UTC") -> datetime:
    """UTC nanoseconds as an aware datetime in `zone`, cut to the microsecond."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)).astimezone(ZoneInfo(zone))


def period_containing(rule: PeriodRule, at_ns: int, zone: str) -> Period:
    """The period of `rule` in which `at_ns` lies, cut in the IANA zone `zone`."""
    local = from_ns(at_ns, zone)
    match rule.kind:
        case PeriodKind.DAY:
            start = local.date()
            return _between(start, start + timedelta(days=1), zone, start.isoformat())
        case PeriodKind.WEEK:
            start = local.date() - timedelta(days=local.weekday())
            year, week, _ = start.isocalendar()
            return _between(start, start + timedelta(days=7), zone, f"{year}-W{week:02}")
        case PeriodKind.MONTH:
            start = _reset_date(local.year, local.month, rule.reset_day)
            if local.date() < start:
                start = _reset_date(*_month_after(start.year, start.month, -1), rule.reset_day)
            end = _reset_date(*_month_after(start.year, start.month, 1), rule.reset_day)
            return _between(start, end, zone, f"{start.year}-{start.month:02}")
        case PeriodKind.YEAR:
            start = _reset_date(local.year, rule.reset_month, rule.reset_day)
            if local.date() < start:
                start = _reset_date(local.year - 1, rule.reset_month, rule.reset_day)
            end = _reset_date(start.year + 1, rule.reset_month, rule.reset_day)
            return _between(start, end, zone, f"{start.year:04}")
        case PeriodKind.FIXED:
            midnight = _midnight(local.date(), zone)
            start_ns = midnight + (at_ns - midnight) // rule.length_ns * rule.length_ns
            end_ns = min(start_ns + rule.length_ns, _midnight(local.date() + timedelta(days=1), zone))
            return Period(start_ns, end_ns, from_ns(start_ns, zone).strftime("%Y-%m-%dT%H:%M:%S"))


def period_before(rule: PeriodRule, period: Period, zone: str) -> Period:
    """The period of `rule` that ended as `period` began."""
    return period_containing(rule, period.start_ns - 1, zone)


def used_between(readings: Sequence[Reading], gaps: Iterable[Gap], start_ns: int, end_ns: int, now_ns: int) -> Usage:
    """What one series used in start_ns <= t < end_ns, as far as it has elapsed by `now_ns`.

    `readings` ascend by time and include, where they exist, the last one at or before the start and
    the first one at or after the end; readings in between may be thinned out without any effect but on
    how much lies at the edges. `gaps` are those of the same series that overlap the period.
    """
    proven = estimated = 0
    for earlier, later in pairwise(readings):
        grown = later.total_bytes - earlier.total_bytes
        low, high = max(earlier.at_ns, start_ns) - earlier.at_ns, min(later.at_ns, end_ns) - earlier.at_ns
        if high <= low or grown == 0:
            continue
        if earlier.at_ns >= start_ns and later.at_ns <= end_ns:
            proven += grown
        else:
            estimated += apportioned(grown, earlier.at_ns, later.at_ns, start_ns, end_ns)
    until = min(end_ns, now_ns)
    kept = tuple(gap for gap in gaps if gap.from_ns < until and gap.to_ns > start_ns)
    spans = [(gap.from_ns, gap.to_ns) for gap in kept]
    if readings:
        spans += [(start_ns, readings[0].at_ns), (readings[-1].at_ns, until)]
    else:
        spans.append((start_ns, until))
    return Usage(
        proven_bytes=proven,
        estimated_bytes=estimated,
        unknown_ns=covered(spans, start_ns, until),
        elapsed_ns=max(0, until - start_ns),
        gaps=kept,
    )


def apportioned(grown: int, earlier_ns: int, later_ns: int, start_ns: int, end_ns: int) -> int:
    """What of `grown` bytes, spread evenly between two readings, falls into start_ns..end_ns."""
    low, high, span = max(earlier_ns, start_ns) - earlier_ns, min(later_ns, end_ns) - earlier_ns, later_ns - earlier_ns
    # Rounded at the edge, not in its length, so that adjacent periods share out every byte.
    return grown * high // span - grown * low // span if high > low else 0


def add_usage(parts: Sequence[Usage]) -> Usage:
    """The usage of several series together (rule 14); time is unknown where any of them is."""
    return Usage(
        proven_bytes=sum(u.proven_bytes for u in parts),
        estimated_bytes=sum(u.estimated_bytes for u in parts),
        unknown_ns=max((u.unknown_ns for u in parts), default=0),
        elapsed_ns=max((u.elapsed_ns for u in parts), default=0),
        gaps=tuple(gap for u in parts for gap in u.gaps),
    )


def cell_bps(octets: int) -> int:
    """The mean rate of a grid cell in bit/s."""
    return octets * 8 * NANOSECONDS // GRID_NS


def summed_on_grid(
    ports: Sequence[Sequence[Reading]], start_ns: int, end_ns: int, gaps: Iterable[Gap] = ()
) -> dict[int, int]:
    """Bytes of all ports together by grid cell, ascending; a cell is named by its start / GRID_NS.

    A cell is left out where any port was not measured: outside its readings, within a gap of it (`gaps` are those
    of all the ports), or between readings more than BRIDGED_NS apart, of which only the sum is known (rules 10, 12).
    """
    cells: dict[int, int] = {}
    series = [_on_grid(widened(readings), start_ns, end_ns) for readings in ports]
    lost = {cell for gap in gaps for cell in _cells_of(gap, start_ns, end_ns)}
    for cell in series[0] if series else ():
        values = [one.get(cell) for one in series]
        if all(value is not None for value in values) and cell not in lost:
            cells[cell] = sum(value for value in values if value is not None)
    return cells


def grid_cells(start_ns: int, end_ns: int) -> int:
    """How many whole cells of the grid lie between two instants: what the percentile's n is to be held against."""
    return max(0, end_ns // GRID_NS + -start_ns // GRID_NS)


def widened(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Without the readings at which an agent that refreshes its counters too slowly only repeated itself (rule 9).

    Such an agent shows alternately nothing and double; between the readings that show something, the rate is right.
    It is known by growth that comes after repetitions, over and over and not once. Volumes do not change.
    """
    grown = [at for at in range(1, len(readings)) if readings[at].total_bytes != readings[at - 1].total_bytes]
    strides = [readings[b].at_ns - readings[a].at_ns for a, b in pairwise(grown) if b - a > 1]
    strides = sorted(stride for stride in strides if stride < GRID_NS)
    if len(strides) < _REPEATED_AT_LEAST or _REPEATED_SHARE * len(strides) < len(grown):
        return readings
    refresh_ns = strides[len(strides) // 2]
    kept, news_ns = [readings[0]], readings[0].at_ns
    for earlier, later in pairwise(readings):
        if later.total_bytes != earlier.total_bytes:
            news_ns = later.at_ns
        elif later.at_ns - news_ns < refresh_ns and later is not readings[-1]:
            continue
        kept.append(later)
    return kept


def _cells_of(gap: Gap, start_ns: int, end_ns: int) -> range:
    """The cells that a gap touches."""
    return range(max(gap.from_ns, start_ns) // GRID_NS, -(-min(max(gap.to_ns, gap.from_ns + 1), end_ns) // GRID_NS))


def _on_grid(readings: Sequence[Reading], start_ns: int, end_ns: int) -> dict[int, int]:
    """Bytes per whole measured grid cell, totals interpolated linearly at the cells' edges."""
    if len(readings) < 2:
        return {}
    cells: dict[int, int] = {}
    first = -(-max(start_ns, readings[0].at_ns) // GRID_NS)
    last = min(end_ns, readings[-1].at_ns) // GRID_NS
    position, before = 1, None
    for edge in range(first, last + 1):
        at = edge * GRID_NS
        while readings[position].at_ns < at:
            position += 1
        low, high = readings[position - 1], readings[position]
        total = low.total_bytes + (high.total_bytes - low.total_bytes) * (at - low.at_ns) // (high.at_ns - low.at_ns)
        bridged = high.at_ns - low.at_ns > BRIDGED_NS and low.at_ns <= at - GRID_NS
        if before is not None and not bridged:
            cells[edge - 1] = total - before
        before = total
    return cells


def covered(spans: Iterable[tuple[int, int]], start_ns: int, end_ns: int) -> int:
    """Length of the union of `spans` within start_ns..end_ns."""
    total, reached = 0, start_ns
    for low, high in sorted(spans):
        low, high = max(low, reached), min(high, end_ns)  # noqa: PLW2901
        if high > low:
            total += high - low
            reached = high
    return total


def _between(start: date, end: date, zone: str, label: str) -> Period:
    return Period(_midnight(start, zone), _midnight(end, zone), label)


def _midnight(day: date, zone: str) -> int:
    return to_ns(datetime.combine(day, time(), tzinfo=ZoneInfo(zone)))


def _month_after(year: int, month: int, months: int) -> tuple[int, int]:
    index = year * 12 + month - 1 + months
    return index // 12, index % 12 + 1


def _reset_date(year: int, month: int, reset_day: int) -> date:
    last = (date(*_month_after(year, month, 1), 1) - timedelta(days=1)).day
    return date(year, month, min(reset_day, last))
