"""Reading the ledger: usage off four readings equals usage off all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import MINUTE_NS, START_NS, Shared, a_visit, opened

from netmon.core.heads import LastSeen
from netmon.core.model import NANOSECONDS, Gap, GapReason, Way
from netmon.core.periods import Reading, used_between
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

LATE_NS = 3 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class History:
    """A router's visits and, told apart from the ledger, the readings they amount to."""

    steps: tuple[int, ...]
    """Seconds from visit to visit, at least 5."""
    grown: tuple[int, ...]
    unread: tuple[bool, ...]
    """Whether ether2 lags in the visit."""
    known_from: int
    """The visit in which ether2 first appears."""

    def commit(self, ledger: Ledger, router: str, late_ns: int) -> list[Reading]:
        at, total, seen = START_NS, 0, None
        readings, visits = [], []
        for number, (step, grown, unread) in enumerate(zip(self.steps, self.grown, self.unread, strict=True), 1):
            at += step * NANOSECONDS
            totals = [(number, number)]
            lagging: dict[int, LastSeen] = {}
            if number >= self.known_from:
                if unread and seen is not None:
                    lagging = {1: seen}
                else:
                    total += grown
                    seen = LastSeen(at + late_ns, 1)
                    readings.append(Reading(at + late_ns, total))
                totals.append((0, total))
            visits.append(a_visit(router, number, totals, at, lagging, late_ns=late_ns))
        assert all(ledger.commit(visits))
        return readings


@st.composite
def histories(draw: st.DrawFn) -> History:
    count = draw(st.integers(1, 14))

    def column(one: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        return st.lists(one, min_size=count, max_size=count).map(tuple)

    return draw(
        st.builds(
            History,
            steps=column(st.integers(5, 90)),
            grown=column(st.integers(0, 10**9)),
            unread=column(st.booleans()),
            known_from=st.integers(1, count),
        )
    )


SECONDS = st.integers(-20, 800)


@settings(max_examples=80, deadline=None)
@given(histories(), SECONDS, SECONDS, SECONDS, st.sampled_from([0, LATE_NS]))
def test_usage_from_the_edges_equals_usage_from_all_readings(
    shared: Shared, history: History, one: int, other: int, now: int, late_ns: int
) -> None:
    router = f"r{next(shared.numbers)}"
    readings = history.commit(shared.ledger, router, late_ns)
    start, end, now = (START_NS + seconds * NANOSECONDS for seconds in (min(one, other), max(one, other), now))
    first = max((at for at, reading in enumerate(readings) if reading.at_ns <= start), default=0)
    last = next((at for at, reading in enumerate(readings) if reading.at_ns >= end and at >= first), len(readings))
    window = readings[first : last + 1]
    assert shared.reader.readings(router, "ether2", "out", start, end) == window
    usage = shared.reader.usage(router, "ether2", "out", start, end, now)
    assert usage == used_between(window, [], start, end, now)
    everything = used_between(readings, [], start, end, now)
    assert (usage.proven_bytes, usage.estimated_bytes) == (everything.proven_bytes, everything.estimated_bytes)


def test_a_series_that_lags_is_read_where_it_was_last_seen(place: Location) -> None:
    seen = LastSeen(START_NS + MINUTE_NS, 6000)
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1, [(100, 0)])])
        ledger.commit([a_visit("a", number, [(100, 0)], lagging={0: seen}) for number in (2, 3, 4)])
        ledger.commit([a_visit("a", 5, [(500, 0)])])
        reader = LedgerReader.open(place)
        everything = reader.readings("a", "ether1", "in", START_NS, START_NS + 9 * MINUTE_NS)
        assert everything == [Reading(START_NS + MINUTE_NS, 100), Reading(START_NS + 5 * MINUTE_NS, 500)]
        middle = START_NS + 3 * MINUTE_NS
        assert reader.usage("a", "ether1", "in", middle, middle + MINUTE_NS, middle + MINUTE_NS).estimated_bytes == 100
        reader.close()


def test_gaps_make_time_unknown_in_the_usage(place: Location) -> None:
    gap = Gap("a", "ether1", "in", START_NS + MINUTE_NS, START_NS + 2 * MINUTE_NS, GapReason.COUNTER_RESET)
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1, [(1, 0)]), a_visit("a", 2, [(5, 0)], gaps=[gap]), a_visit("a", 3, [(9, 0)])])
        reader = LedgerReader.open(place)
        end = START_NS + 3 * MINUTE_NS
        usage = reader.usage("a", "ether1", "in", START_NS + MINUTE_NS, end, end)
        assert (usage.proven_bytes, usage.estimated_bytes, usage.unknown_ns, usage.gaps) == (8, 0, MINUTE_NS, (gap,))
        reader.close()


def test_gaps_are_followed_in_the_order_of_commits(place: Location) -> None:
    def gap(interface: str, minute: int) -> Gap:
        at = START_NS + minute * MINUTE_NS
        return Gap("a", interface, "in", at - MINUTE_NS, at, GapReason.COUNTER_RESET)

    with opened(place) as ledger:
        ledger.commit([a_visit("a", n, [(n, 0)], gaps=[gap("ether1", n), gap("ether2", n)]) for n in range(1, 5)])
        reader = LedgerReader.open(place)
        found, position = [], 0
        while portion := reader.gaps_after(position, START_NS + 2 * MINUTE_NS, 3):
            found += [one for _, one in portion]
            position = portion[-1][0]
        assert found == [gap(name, n) for n in (3, 4) for name in ("ether1", "ether2")]
        reader.close()


@pytest.mark.parametrize(("router", "interface"), [("nowhere", "ether1"), ("a", "ether9")])
def test_of_what_was_never_seen_all_is_unknown(place: Location, router: str, interface: str) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1)])
        reader = LedgerReader.open(place)
        usage = reader.usage(router, interface, "in", START_NS, START_NS + 10, START_NS + 10)
        assert (usage.proven_bytes, usage.estimated_bytes, usage.unknown_ns) == (0, 0, 10)
        assert reader.readings(router, interface, "in", START_NS, START_NS + 10) == []
        assert reader.percentile([(router, interface, "in")], START_NS, START_NS + 10) == (None, 0)
        reader.close()


def test_the_percentile_sums_ports_before_it_ranks_them(place: Location) -> None:
    five_minutes = 5 * MINUTE_NS
    grid = -(-START_NS // five_minutes) * five_minutes
    with opened(place) as ledger:
        ledger.commit(
            [a_visit("a", n, [(n * 300_000, 0), (0, n * 600_000)], grid + n * five_minutes) for n in range(1, 25)]
        )
        reader = LedgerReader.open(place)
        ports: list[tuple[str, str, Way]] = [("a", "ether1", "in"), ("a", "ether2", "out")]
        assert reader.percentile(ports, grid, grid + 30 * five_minutes) == (24_000, 23)
        reader.close()


def test_sinks_follow_the_visits_by_a_cursor_in_the_order_of_commits(place: Location) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("b", 1, [(1, 2)]), a_visit("a", 1)])
        ledger.commit([a_visit("b", 2, [(3, 4), (5, 6)], lagging={0: LastSeen(START_NS, 1)}), a_visit("a", 1)])
        reader = LedgerReader.open(place)
        first, second = reader.visits_after(0, 2)
        assert (first.router, first.sequence, first.previous_at_ns) == ("b", 1, None)
        assert second.router == "a"
        (third,) = reader.visits_after(second.position, 2)
        assert (third.router, third.sequence, third.previous_at_ns) == ("b", 2, START_NS + MINUTE_NS)
        assert ([one.name for one in third.series], third.in_total, third.out_total, third.lagging) == (
            ["ether1", "ether2"],
            (3, 5),
            (4, 6),
            frozenset({0}),
        )
        assert reader.visits_after(third.position, 2) == []
        ledger.commit([a_visit("a", 2)])
        assert [one.sequence for one in reader.visits_after(third.position, 2)] == [2], (
            "it reads while the writer writes"
        )
        reader.close()


def test_a_router_is_observed_since_its_first_visit(place: Location) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1), a_visit("a", 2)])
        reader = LedgerReader.open(place)
        assert reader.first_visits_ns(["a", "b"]) == {"a": START_NS + MINUTE_NS}
        reader.close()


def test_readings_walk_the_index_and_never_sort(path: Path) -> None:
    statement = "SELECT stamps FROM visit WHERE router_id = 1 AND at_ns <= 5 ORDER BY at_ns DESC"
    with opened(path) as ledger, ledger._transaction() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(plan) == 1
    assert "USING INDEX visit_by_time (router_id=? AND at_ns<?)" in plan[0]
