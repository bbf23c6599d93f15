"""Reading the ledger: the readings are those that its visits were made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import MINUTE_NS, START_NS, Shared, a_visit, opened

from netmon.core.heads import LastSeen
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import NANOSECONDS
from netmon.core.periods import Reading
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


ENDS = st.one_of(
    st.tuples(st.just(None), st.integers(-20, 800).map(lambda second: second * NANOSECONDS)),
    st.tuples(st.integers(0, 13), st.sampled_from([-1, 0, 1])),
)
"""Nanoseconds after the start, or after a reading."""


@settings(max_examples=80, deadline=None)
@given(histories(), ENDS, ENDS, st.sampled_from([0, LATE_NS]))
def test_the_readings_of_a_period_are_those_within_it_the_last_before_and_the_first_after(
    shared: Shared, history: History, one: tuple[int | None, int], other: tuple[int | None, int], late_ns: int
) -> None:
    router = f"r{next(shared.numbers)}"
    readings = history.commit(shared.ledger, router, late_ns)
    start, end = sorted(
        (START_NS if number is None else readings[number % len(readings)].at_ns) + ns for number, ns in (one, other)
    )
    first = max((at for at, reading in enumerate(readings) if reading.at_ns <= start), default=0)
    last = next((at for at, reading in enumerate(readings) if reading.at_ns >= end and at >= first), len(readings))
    found = shared.reader.readings_of(router, [0, 1], start, end)
    assert found[1, "out"] == readings[first : last + 1]
    assert {reading.total_bytes for reading in found[1, "in"]} <= {0}
    assert shared.reader.readings_of(router, [1], 0, 2**62)[1, "out"] == readings
    assert found[0, "in"] == shared.reader.readings_of(router, [0], start, end)[0, "in"], "each as by itself"


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


@pytest.mark.parametrize(("router", "position"), [("nowhere", 0), ("a", 8)])
def test_of_what_was_never_seen_there_is_nothing(place: Location, router: str, position: int) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1)])
        reader = LedgerReader.open(place)
        nothing: dict[tuple[int, str], list[Reading]] = {(position, "in"): [], (position, "out"): []}
        assert reader.readings_of(router, [position], START_NS, START_NS + 10) == nothing
        assert reader.places([router]) == ({("a", "ether1"): 0} if router == "a" else {})
        assert reader.gaps_of([router], 0, START_NS + MINUTE_NS) == {}
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
