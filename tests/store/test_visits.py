"""Every byte once: visits commit against the head they were computed from, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.ledger_oracle import whole
from support.ledgers import START_NS, a_visit, asked, opened

from netmon.core.heads import Head, LastSeen, Visit
from netmon.core.measurement import Gap, GapReason, Interface, PduStamp
from netmon.store.care import examine
from netmon.store.errors import VisitRefusedError
from netmon.store.location import Location
from netmon.store.reader import LedgerReader
from netmon.store.sqlite import SqliteFile, writing_engine
from netmon.store.visits import VisitLog

COMMITTER = Path(__file__).with_name("committer.py")
TESTS = Path(__file__).parents[1]


def test_a_head_comes_back_exactly_as_it_was_committed(place: Location) -> None:
    head = Head(
        router="palu-core",
        sequence=1,
        series=(Interface(3, "ether1", "PSN 7"), Interface(9, "pppoe-ü", ""), Interface(1, "vlan10", "x")),
        pdus=(PduStamp(2**32 - 1, START_NS), PduStamp(0, START_NS + 5)),
        pdu_of=(0, 1, 0),
        in_octets=(2**64 - 1, None, 0),
        out_octets=(None, None, None),
        discontinuity=(None, 0, 77),
        in_total=(2**63, 0, 5),
        out_total=(1, 2, 2**64 - 1),
        counter_bits=32,
        device="HX-17",
        host_uptime_ticks=12,
        lagging={1: LastSeen(START_NS - 9, 4)},
    )
    with opened(place) as ledger:
        assert ledger.head("palu-core") is None
        assert ledger.commit([Visit(0, head)]) == [True]
        assert ledger.head("palu-core") == head
    with opened(place) as ledger:
        assert ledger.heads() == {"palu-core": head}


def test_a_visit_whose_base_is_not_the_head_is_returned_and_the_others_commit(place: Location) -> None:
    with opened(place) as ledger:
        batch = [a_visit("a", 1, [(1, 1)]), a_visit("b", 2, [(5, 5)]), a_visit("a", 2, [(3, 3)]), a_visit("a", 1)]
        assert ledger.commit(batch) == [True, False, True, False]
        assert ledger.commit([a_visit("a", 2, [(9, 9)]), a_visit("a", 3, [(4, 4)])]) == [False, True]
        assert {name: (head.sequence, head.in_total) for name, head in ledger.heads().items()} == {"a": (3, (4,))}


def test_a_batch_replayed_adds_nothing(place: Location) -> None:
    batch = [a_visit("a", 1), a_visit("a", 2, [(7, 7)]), a_visit("b", 1)]
    with opened(place) as ledger:
        assert ledger.commit(batch) == [True, True, True]
    with opened(place) as ledger:
        assert ledger.commit(batch) == [False, False, False]
        assert ledger.commit([]) == []
    assert count(place, "visit") == 3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda v: replace(v, base=4), "its sequence 2 does not follow its base 4"),
        (lambda v: replace(v, head=replace(v.head, in_total=(1, 2))), "its columns differ in length"),
        (lambda v: replace(v, head=replace(v.head, pdu_of=(3,))), "an interface names a PDU that is not there"),
        (lambda v: replace(v, head=replace(v.head, out_total=(2**64,))), "a number of it cannot be held"),
        (lambda v: replace(v, head=replace(v.head, pdus=(), pdu_of=(), series=())), "its columns differ in length"),
        (lambda v: replace(v, head=replace(v.head, pdus=(PduStamp(1, START_NS),))), "is not after its head's"),
        (lambda v: replace(v, head=replace(v.head, series=(Interface(1, "wan"),))), "the order of its interfaces"),
        (lambda _: a_twin("ether1"), "an interface name occurs twice"),
        (lambda _: a_twin("ether\0"), "an interface name holds NUL"),
    ],
)
def test_a_visit_that_contradicts_itself_or_its_head_is_refused_by_name(
    place: Location, spoil: Callable[[Visit], Visit], sentence: str
) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1)])
        with pytest.raises(VisitRefusedError, match=sentence) as refused:
            ledger.commit([a_visit("b", 1), spoil(a_visit("a", 2))])
        assert refused.value.router == "a"
        assert set(ledger.heads()) == {"a"}, "nothing of the batch was committed"
        assert ledger.commit([a_visit("b", 1), a_visit("a", 2)]) == [True, True], "and nothing of it is remembered"


def a_twin(name: str) -> Visit:
    visit = a_visit("a", 2, [(0, 0), (0, 0)])
    return replace(visit, head=replace(visit.head, series=(Interface(1, "ether1"), Interface(2, name))))


def test_a_layout_is_stored_once_however_often_it_returns(place: Location) -> None:
    with opened(place) as ledger:
        for sequence in range(1, 7):
            visit = a_visit("a", sequence, [(sequence, 0), (0, 0)])
            device = "HX-17" if sequence % 2 else None
            ledger.commit([replace(visit, head=replace(visit.head, device=device))])
    assert count(place, "layout") == 2
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 7, [(7, 0), (0, 0), (0, 0)])])
        assert ledger.heads()["a"].series[2].name == "ether3"
    assert count(place, "layout") == 3
    assert count(place, "series") == 3


def test_gaps_commit_with_their_visit(place: Location) -> None:
    gaps = [
        Gap("a", "ether1", "in", START_NS, START_NS + 9, GapReason.COUNTER_RESET),
        Gap("a", "ether1", "out", START_NS, START_NS + 9, GapReason.COUNTER_RESET),
    ]
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1), a_visit("a", 1, gaps=gaps), a_visit("a", 2, gaps=gaps)])
        reader = LedgerReader.open(place)
        found = {("a", "ether1", "in"): gaps[:1], ("a", "ether1", "out"): gaps[1:]}
        assert reader.gaps_of(["a", "b"], START_NS + 8, START_NS + 20) == found
        assert reader.gaps_of(["a", "b"], START_NS + 9, START_NS + 20) == {}
        assert reader.gaps_of(["b"], START_NS, START_NS + 20) == {}
        reader.close()


def test_two_writers_that_race_for_one_router_lose_and_double_nothing(path: Path) -> None:
    """Past the lock, as two pollers on one database would be: only the compare-and-swap stands between them."""
    with opened(path) as ledger:
        ledger.commit([a_visit("a", 1)])

    def grow() -> None:
        log = VisitLog(SqliteFile(path, writing_engine(path, 20_000_000_000)))
        done = 0
        while done < 40:
            head = log.head("a")
            assert head is not None
            if log.commit([a_visit("a", head.sequence + 1, [(head.in_total[0] + 100, 0)])]) == [True]:
                done += 1
        log.close()

    threads = [threading.Thread(target=grow) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with opened(path) as ledger:
        head = ledger.head("a")
        assert head is not None
        assert (head.sequence, head.in_total) == (81, (8000,))
    assert count(path, "visit") == 81


def test_a_kill_at_any_instant_loses_and_doubles_nothing(place: Location) -> None:
    acknowledged = 0
    for kill in range(5):
        process = subprocess.Popen(
            [sys.executable, COMMITTER, str(place)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
        assert process.stdout is not None
        with process.stdout as lines:
            for _ in range(3 + kill * 7):
                acknowledged = int(lines.readline().split()[0])
            process.kill()
            for line in lines:
                acknowledged = int(line.split()[0])
        process.wait(10)
        assert_nothing_is_torn(place, acknowledged)


def assert_nothing_is_torn(place: Location, acknowledged: int) -> None:
    with opened(place) as ledger:
        heads = ledger.heads()
        assert len({head.sequence for head in heads.values()}) == 1, "a batch is in the ledger whole or not at all"
        last = heads["palu"].sequence
        assert acknowledged <= last <= acknowledged + 1
        reader = LedgerReader.open(place)
        for router, head in heads.items():
            total = last * 1000
            assert (head.in_total, head.out_total) == ((total, total + 2), (total + 1, total + 3))
            readings = whole(reader, router, "ether2", "out").readings
            assert [reading.total_bytes for reading in readings] == [n * 1000 + 3 for n in range(1, last + 1)]
            assert len(whole(reader, router, "ether1", "in").gaps) == last
        positions = [visit.position for visit in reader.visits_after(0, 10 * last)]
        assert positions == sorted(positions)
        reader.close()
    assert examine(place).fault is None


def test_five_hundred_ports_commit_a_hundred_times_over(place: Location) -> None:
    totals = [(number, number) for number in range(500)]
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1, totals)])
        ledger.commit([a_visit("a", sequence, totals) for sequence in range(2, 102)])
        assert ledger.heads()["a"].sequence == 101


def count(place: Location, table: str) -> int:
    ((number,),) = asked(place, f"SELECT count(*) FROM {table}")
    return int(number)
