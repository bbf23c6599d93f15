"""Thinning: what is dropped was not needed by any period that begins and ends on a boundary."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledger_oracle import FAR_NS, percentile_95, whole
from support.ledgers import MINUTE_NS, START_NS, Shared, a_visit, opened, visit_count

from netmon.core.heads import LastSeen
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import NANOSECONDS, Way
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, Reading, period_containing, used_between
from netmon.core.thinning import Midnights, grid
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.reader import LedgerReader
from netmon.store.thinning import Level

LATE_NS = 3 * NANOSECONDS
PORTS = 3
WAYS: tuple[Way, Way] = ("in", "out")
GRID_START_NS = -(-START_NS // GRID_NS) * GRID_NS


@dataclass(frozen=True, slots=True)
class Step:
    """From one visit to the next."""

    seconds: int
    read: tuple[bool, ...]
    gap: bool


steps = st.lists(
    st.builds(
        Step,
        st.one_of(st.integers(5, 90), st.integers(200, 900)),
        st.tuples(*[st.sampled_from([True, True, True, False])] * PORTS),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=3,
    max_size=24,
)


def commit(ledger: Ledger, router: str, history: list[Step], known_from: list[int], late: bool) -> int:
    """The visits, the first shortly before the grid's edge; returns the instant of the last one."""
    at, totals, seen = GRID_START_NS - 7 * NANOSECONDS, [0] * PORTS, [LastSeen(0, 0)] * PORTS
    visits = []
    for number, one in enumerate(history, 1):
        before, at = at, at + one.seconds * NANOSECONDS
        lagging = {}
        for port in range(max(1, sum(number >= first for first in sorted(known_from)))):
            if one.read[port] or seen[port].at_ns == 0:
                totals[port] += number * 1_000_003 + port
                seen[port] = LastSeen(at + (LATE_NS if late and port % 2 else 0), number)
            else:
                lagging[port] = seen[port]
        width = sum(last.at_ns > 0 for last in seen)
        gaps = [Gap(router, "ether1", "in", before, at, GapReason.COUNTER_RESET)] if one.gap else []
        pairs = [(total, 2 * total) for total in totals[:width]]
        visits.append(a_visit(router, number, pairs, at, lagging, gaps, late_ns=LATE_NS if late else 0))
    assert all(ledger.commit(visits))
    return at


def thin(ledger: Ledger, router: str, level: Level, limit: int) -> int:
    dropped = 0
    for _ in range(1000):
        done = ledger.thin(router, level, limit)
        dropped += done.dropped
        if not done.more:
            return dropped
    raise AssertionError("thinning does not end")


thinned = given(steps, st.lists(st.integers(1, 30), min_size=PORTS, max_size=PORTS), st.booleans(), st.integers(3, 12))


@pytest.mark.parametrize("shared", ["sqlite"], indirect=True)
@settings(max_examples=60, deadline=None)
@thinned
def test_usage_and_percentile_between_grid_boundaries_are_the_same_before_and_after_thinning(
    shared: Shared, history: list[Step], known_from: list[int], late: bool, limit: int
) -> None:
    thin_and_compare(shared, history, known_from, late, limit)


@pytest.mark.parametrize("shared", ["postgresql"], indirect=True)
@settings(max_examples=10, deadline=None)
@thinned
def test_they_are_on_a_server(
    shared: Shared, history: list[Step], known_from: list[int], late: bool, limit: int
) -> None:
    thin_and_compare(shared, history, known_from, late, limit)


def thin_and_compare(shared: Shared, history: list[Step], known_from: list[int], late: bool, limit: int) -> None:
    router = f"r{next(shared.numbers)}"
    last_ns = commit(shared.ledger, router, history, known_from, late)
    edges = range(GRID_START_NS - GRID_NS, last_ns + 2 * GRID_NS, GRID_NS)
    windows = [*pairwise(edges[:: 1 + len(edges) // 8]), (edges[0], edges[-1])]

    def everything() -> list[object]:
        found: list[object] = []
        for port, way in itertools.product(range(1, PORTS + 1), WAYS):
            series = whole(shared.reader, router, f"ether{port}", way)
            found += [series.usage(start, end, FAR_NS) for start, end in windows]
        ports = [whole(shared.reader, router, name, "in") for name in ("ether1", "ether2")]
        found.append(percentile_95(ports, edges[0], last_ns))
        found.append([shared.reader.openings([(router, edge)]) for edge in edges])
        found.append(shared.ledger.heads()[router])
        found.append(shared.reader.gaps_of([router], 0, FAR_NS))
        return found

    before = everything()
    thin(shared.ledger, router, Level("grid", grid, FAR_NS), limit)
    assert everything() == before
    assert thin(shared.ledger, router, Level("grid", grid, FAR_NS), limit) == 0, "once is enough"


@settings(max_examples=30, deadline=None)
@given(steps, st.lists(st.integers(0, 3000), min_size=1, max_size=4), st.integers(3, 12))
def test_what_is_cut_elsewhere_is_estimated_with_the_same_total(
    shared: Shared, history: list[Step], cuts: list[int], limit: int
) -> None:
    router = f"r{next(shared.numbers)}"
    last_ns = commit(shared.ledger, router, history, [1] * PORTS, late=False)
    end_ns = -(-last_ns // GRID_NS) * GRID_NS
    edges = sorted({GRID_START_NS, end_ns, *(min(end_ns, GRID_START_NS + cut * NANOSECONDS) for cut in cuts)})

    def parts() -> list[tuple[int, int]]:
        series = whole(shared.reader, router, "ether1", "out")
        used = [series.usage(start, end, FAR_NS) for start, end in pairwise(edges)]
        return [(one.proven_bytes, one.estimated_bytes) for one in used]

    before = parts()
    thin(shared.ledger, router, Level("grid", grid, FAR_NS), limit)
    after = parts()
    assert sum(map(sum, after)) == sum(map(sum, before))
    assert all(thinned[0] <= full[0] for thinned, full in zip(after, before, strict=True)), "nothing becomes proven"


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(600, 40_000), min_size=4, max_size=30),
    st.sampled_from([("Asia/Jakarta",), ("Asia/Jakarta", "Asia/Jayapura"), ("America/Havana", "UTC")]),
    st.integers(3, 20),
)
def test_days_of_every_agency_s_zone_are_the_same_after_thinning_to_days(
    shared: Shared, seconds: list[int], zones: tuple[str, ...], limit: int
) -> None:
    router = f"r{next(shared.numbers)}"
    at, total, readings = START_NS, 0, []
    visits = []
    for number, second in enumerate(seconds, 1):
        at, total = at + second * NANOSECONDS, total + second * 1_000_001
        visits.append(a_visit(router, number, [(total, 0)], at))
        readings.append(Reading(at, total))
    assert all(shared.ledger.commit(visits))
    dropped = thin(shared.ledger, router, Level("grid", grid, FAR_NS), limit)
    dropped += thin(shared.ledger, router, Level("daily", Midnights(zones), FAR_NS), limit)
    kept = whole(shared.reader, router, "ether1", "in")
    for zone in zones:
        day = period_containing(PeriodRule(PeriodKind.DAY), START_NS, zone)
        while day.start_ns < at:
            used = kept.usage(day.start_ns, day.end_ns, FAR_NS)
            assert used == used_between(readings, [], day.start_ns, day.end_ns, FAR_NS)
            day = period_containing(PeriodRule(PeriodKind.DAY), day.end_ns, zone)
    days = (at - START_NS) // (86_400 * NANOSECONDS) + 2
    assert len(kept.readings) == len(readings) - dropped <= 2 * days * len(zones) + 3


def test_of_a_visit_a_minute_two_in_five_stay(place: Location) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", number, [(number, 0)]) for number in range(1, 302)])
        assert thin(ledger, "a", Level("grid", grid, FAR_NS), 64) == 178
        assert visit_count(ledger) == 2 * 60 + 3  # the first and the newest, too


def test_a_visit_on_the_boundary_itself_needs_no_other(place: Location) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", n, [(n, 0)], GRID_START_NS + n * MINUTE_NS) for n in range(1, 302)])
        thin(ledger, "a", Level("grid", grid, FAR_NS), 64)
        assert visit_count(ledger) == 60 + 2  # and the first and the newest


def test_newer_visits_are_left_alone(place: Location) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", number) for number in range(1, 102)])
        level = Level("grid", grid, START_NS + 21 * MINUTE_NS)
        assert 0 < thin(ledger, "a", level, 1000) <= 12
        reader = LedgerReader.open(place)
        kept = whole(reader, "a", "ether1", "in").readings
        assert [one.at_ns for one in kept[-82:]] == [START_NS + n * MINUTE_NS for n in range(20, 102)]
        reader.close()


def test_what_expired_goes_but_for_the_last_visit_before(place: Location) -> None:
    def gap(number: int) -> Gap:
        at = START_NS + number * MINUTE_NS
        return Gap("a", "ether1", "in", at - MINUTE_NS, at, GapReason.COUNTER_RESET)

    with opened(place) as ledger:
        ledger.commit([a_visit("a", number, [(number, 0)], gaps=[gap(number)]) for number in range(1, 31)])
        until_ns = START_NS + 20 * MINUTE_NS + 1
        assert ledger.expire("a", until_ns, 7).more
        while ledger.expire("a", until_ns, 7).more:
            pass
        reader = LedgerReader.open(place)
        kept = whole(reader, "a", "ether1", "in")
        assert [one.total_bytes for one in kept.readings] == list(range(20, 31))
        assert len(kept.gaps) == 11
        reader.close()


def test_routers_are_listed_in_the_order_of_their_octets_whatever_a_server_s_language(place: Location) -> None:
    names = ["Z", "a", "a-b", "aB", "ab", "b", "ä"]
    with opened(place) as ledger:
        ledger.commit([a_visit(name, 1) for name in reversed(names)])
        assert ledger.routers() == names


def test_a_router_there_is_none_of_has_nothing_to_thin(place: Location) -> None:
    with opened(place) as ledger:
        assert not ledger.thin("nowhere", Level("grid", grid, FAR_NS), 10).more
        assert not ledger.expire("nowhere", FAR_NS, 10).more
