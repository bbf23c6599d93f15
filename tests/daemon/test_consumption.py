"""Usage off the heads in memory equals what the ledger proves, and the ledger is asked once per period."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.world import START_NS, a_poll
from hypothesis import given, settings
from hypothesis import strategies as st
from support.consumed import estimated, proven
from support.ledger_oracle import whole
from support.ledgers import opened

from netmon.core.counters import account
from netmon.core.heads import Ceilings, Head
from netmon.core.measurement import Gap, Poll, Usage
from netmon.core.model import NANOSECONDS, Circuit, Direction, Faces
from netmon.core.periods import Period, PeriodKind, PeriodRule, period_containing
from netmon.daemon.consumption import Consumption, Key
from netmon.store.ledger import Ledger
from netmon.store.openings import Opening
from netmon.store.reader import LedgerReader

ZONE = "Asia/Makassar"
QUARTER = PeriodRule(PeriodKind.FIXED, length_ns=900 * NANOSECONDS)
FIRST = period_containing(QUARTER, START_NS, ZONE)
SECOND = period_containing(QUARTER, FIRST.end_ns, ZONE)
MAIN = Circuit("dinkes-fo", "dinkes", "palu", "ether1", Faces.AGENCY)
BACKUP = Circuit("dinkes-radio", "dinkes", "gowa", "ether2", Faces.PROVINCE)
DOWNLOAD, UPLOAD = Direction.DOWNLOAD, Direction.UPLOAD


class CountingReader:
    """The ledger's openings, counted."""

    def __init__(self, reader: LedgerReader) -> None:
        self.reader = reader
        self.asked: list[Key] = []

    def openings(self, wanted: Iterable[Key]) -> dict[Key, Opening]:
        keys = list(wanted)
        self.asked += keys
        return self.reader.openings(keys)

    def gaps_after(self, position: int, ending_after_ns: int, limit: int) -> list[tuple[int, Gap]]:
        return self.reader.gaps_after(position, ending_after_ns, limit)


class Bench:
    """A ledger, its heads, and the consumption under test."""

    def __init__(self, ledger: Ledger, reader: LedgerReader) -> None:
        self.ledger, self.reader = ledger, CountingReader(reader)
        self.heads: dict[str, Head] = {}
        self.consumption = Consumption(self.heads)

    def poll(self, poll: Poll) -> None:
        visit = account(self.heads.get(poll.router), poll, Ceilings({}))
        assert visit is not None
        assert self.ledger.commit([visit]) == [True]
        self.heads[poll.router] = visit.head

    def used(self, *circuits: Circuit, direction: Direction = DOWNLOAD, period: Period = FIRST) -> int:
        self.learn({(circuit.router, period.start_ns) for circuit in circuits})
        return proven(self.consumption, circuits, direction, period)

    def learn(self, wanted: Iterable[Key]) -> None:
        missing = self.consumption.missing(wanted)
        if missing:
            self.consumption.learn(self.reader.openings(missing))
        self.consumption.learn_gaps(self.consumption.new_gaps(self.reader))

    def usage(self, circuit: Circuit, direction: Direction, period: Period) -> Usage:
        now_ns = max(head.at_ns for head in self.heads.values())
        series = whole(self.reader.reader, circuit.router, circuit.interface, circuit.way(direction))
        return series.usage(period.start_ns, period.end_ns, now_ns)


@contextmanager
def a_bench(directory: Path) -> Iterator[Bench]:
    with opened(directory / "ledger.db") as ledger:
        reader = LedgerReader.open(directory / "ledger.db")
        try:
            yield Bench(ledger, reader)
        finally:
            reader.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as one:
        yield one


def test_the_first_visit_of_a_period_is_what_is_counted_from(bench: Bench) -> None:
    bench.poll(a_poll("palu", 0, 1000))
    assert bench.used(MAIN) == 0
    bench.poll(a_poll("palu", 30, 1400))
    assert bench.used(MAIN) == 800, "download leaves a port that faces the agency"
    assert bench.used(MAIN, direction=UPLOAD) == 400


def test_what_straddles_the_periods_edge_is_not_proven_in_either(bench: Bench) -> None:
    bench.poll(a_poll("palu", 0, 0))
    bench.poll(a_poll("palu", 490, 1000))
    assert bench.used(MAIN, period=FIRST) == 2000
    bench.poll(a_poll("palu", 510, 5000))
    assert bench.used(MAIN, period=SECOND) == 0
    bench.poll(a_poll("palu", 540, 6000))
    assert bench.used(MAIN, period=SECOND) == 2000


def test_the_ledger_is_asked_once_per_router_and_period(bench: Bench) -> None:
    other = replace(MAIN, id="arsip-fo", interface="ether2")
    for second in range(0, 480, 30):
        bench.poll(a_poll("palu", second, second, second))
        bench.used(MAIN, other)
    assert bench.reader.asked == [("palu", FIRST.start_ns)]
    for second in range(510, 900, 30):
        bench.poll(a_poll("palu", second, second, second))
        bench.used(MAIN, other, period=SECOND)
    assert bench.reader.asked[1:] == [("palu", SECOND.start_ns)]


def test_a_port_that_appears_or_returns_within_the_period_is_asked_for_once(bench: Bench) -> None:
    other = replace(MAIN, id="arsip-fo", interface="ether2")
    bench.poll(a_poll("palu", 0, 0))
    assert bench.used(MAIN, other) == 0
    for second in range(30, 150, 30):
        bench.poll(a_poll("palu", second, second, second))
        assert bench.used(other) == 2 * (second - 30)
    assert len(bench.reader.asked) == 2
    bench.poll(a_poll("palu", 490, 490, 490))
    for second in range(510, 600, 30):
        bench.poll(a_poll("palu", second, second, None))
        assert bench.used(MAIN, other, period=SECOND) == 2 * (second - 510)
    assert len(bench.reader.asked) == 3
    for second in range(600, 720, 30):
        bench.poll(a_poll("palu", second, second, second))
        assert bench.used(other, period=SECOND) == 2 * (second - 600)
    assert len(bench.reader.asked) == 4


def test_an_ended_period_is_forgotten(bench: Bench) -> None:
    bench.poll(a_poll("palu", 0, 0))
    bench.used(MAIN)
    bench.poll(a_poll("palu", 600, 0))
    bench.used(MAIN, period=SECOND)
    assert len(bench.consumption._bases) == 1


def test_nothing_is_asked_before_a_visit_of_the_period(bench: Bench) -> None:
    assert bench.used(MAIN) == 0
    bench.poll(a_poll("palu", 400, 7))
    assert bench.used(MAIN, period=SECOND) == 0
    assert bench.reader.asked == []


def test_an_agencys_circuits_are_added_and_the_one_read_longest_ago_says_how_fresh_they_are(bench: Bench) -> None:
    bench.poll(a_poll("palu", 0, 0, 0))
    bench.poll(a_poll("gowa", 5, 0, 0))
    bench.used(MAIN, BACKUP)
    bench.poll(a_poll("gowa", 50, 0, 30))
    bench.poll(a_poll("palu", 60, 100, 0))
    assert bench.used(MAIN, BACKUP) == 200 + 30, "download enters a port that faces the province"
    assert bench.consumption.read_at((MAIN, BACKUP)) == (START_NS + 50 * NANOSECONDS, START_NS + 60 * NANOSECONDS)
    assert bench.consumption.newest_ns() == START_NS + 60 * NANOSECONDS


def test_what_was_never_read_has_no_usage_and_no_age() -> None:
    consumption = Consumption({})
    assert proven(consumption, (MAIN,), DOWNLOAD, FIRST) == 0
    assert consumption.read_at((MAIN,)) == (None, None)
    assert consumption.newest_ns() is None
    assert consumption.total(MAIN, DOWNLOAD) is None


def test_a_circuits_total_is_found_again_when_the_ports_are_listed_otherwise(bench: Bench) -> None:
    bench.poll(a_poll("palu", 0, 10, 20))
    bench.poll(a_poll("palu", 30, 15, 21))
    assert bench.consumption.total(MAIN, DOWNLOAD) == 10
    bench.poll(a_poll("palu", 60, 30, 17, names=("ether2", "ether1")))
    assert bench.consumption.total(MAIN, DOWNLOAD) == 14
    nowhere = Circuit("x", "dinkes", "palu", "ether9", Faces.AGENCY)
    assert bench.consumption.total(nowhere, DOWNLOAD) is None


step = st.tuples(
    st.integers(1, 240),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(step, min_size=1, max_size=14), late=st.integers(1, 14))
def test_usage_equals_what_the_ledger_proves_estimates_and_does_not_know(
    steps: list[tuple[int, int | None, bool]], late: int
) -> None:
    """Whatever is read, absent or rebooted, and whenever the opening is first asked for."""
    with tempfile.TemporaryDirectory() as directory, a_bench(Path(directory)) as bench:
        second, octets, booted = 0, 5000, -500_000
        bench.poll(a_poll("palu", 0, octets, booted=booted))
        for number, (passed, grown, rebooted) in enumerate(steps):
            second += passed
            if rebooted:
                booted, octets = second - min(passed, 20), 0
            octets += grown or 0
            bench.poll(a_poll("palu", second, None if grown is None else octets, booted=booted))
            now_ns = START_NS + second * NANOSECONDS
            period = period_containing(QUARTER, now_ns, ZONE)
            if number >= min(late, len(steps)) - 1:
                for direction in Direction:
                    expected = bench.usage(MAIN, direction, period)
                    assert bench.used(MAIN, direction=direction, period=period) == expected.proven_bytes
                    assert estimated(bench.consumption, MAIN, direction, period) == expected.estimated_bytes
                    assert bench.consumption.unknown_ns(MAIN, direction, period, now_ns) == expected.unknown_ns
