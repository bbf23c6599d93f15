"""What stood at an earlier instant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from support.governed import record
from support.ledgers import START_NS, a_change, a_receipt, a_verdict, opened

from netmon.core.changes import Outcome, Proof
from netmon.core.model import Direction, VerdictReason
from netmon.store.history import Judged
from netmon.store.location import Location
from netmon.store.reader import LedgerReader
from netmon.store.values import Hold

DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


@contextmanager
def read(place: Location) -> Iterator[LedgerReader]:
    reader = LedgerReader.open(place)
    try:
        yield reader
    finally:
        reader.close()


def test_the_verdict_at_an_instant_is_the_last_one_recorded_by_then(place: Location) -> None:
    near = a_verdict(VerdictReason.NEAR_QUOTA, step=1, limit_bps=None, used=1)
    over = a_verdict(used=2)
    with opened(place) as ledger:
        ledger.decide([near], [], START_NS)
        ledger.decide([over, replace(near, direction=UP)], [], START_NS + 10)
        ledger.decide([a_verdict(used=3), replace(near, agency="arsip")], [], START_NS + 20)
    with read(place) as reader:
        assert reader.verdicts_at("dinkes", START_NS - 1) == {}
        assert reader.verdicts_at("dinkes", START_NS) == {DOWN: Judged(START_NS, near)}
        assert reader.verdicts_at("dinkes", START_NS + 9) == {DOWN: Judged(START_NS, near)}
        now = reader.verdicts_at("dinkes", START_NS + 99)
        # Grown evidence is no transition: the log has that of the moment when it was decided.
        assert now == {DOWN: Judged(START_NS + 10, over), UP: Judged(START_NS + 10, replace(near, direction=UP))}
        assert reader.verdicts_at("dishub", START_NS + 99) == {}


def test_of_two_verdicts_in_one_instant_the_later_one_stands(place: Location) -> None:
    with opened(place) as ledger:
        ledger.decide([a_verdict(step=1)], [], START_NS)
        ledger.decide([a_verdict(step=2)], [], START_NS)
    with read(place) as reader:
        assert reader.verdicts_at("dinkes", START_NS)[DOWN].verdict.step == 2


def test_the_last_receipt_of_each_circuit_and_direction_by_then(place: Location) -> None:
    first, second = a_receipt("nm-1"), replace(a_receipt("nm-2", Outcome.FAILED), at_ns=START_NS + 10**12)
    similar = replace(a_receipt("nm-3"), at_ns=START_NS + 2 * 10**12, change=a_change("dinkes-main2"))
    upward = replace(a_receipt("nm-4"), change=replace(a_change(), direction=UP))
    with opened(place) as ledger:
        for receipt in (first, second, similar, upward):
            record(ledger, receipt, 5_000_000)
        ledger.append_link("observation", "nm-2", '{"receipt":"nm-2"}')
    with read(place) as reader:
        both = [("dinkes-main", DOWN), ("dinkes-main", UP)]
        then = reader.receipts_at(both, START_NS + 10**12 - 1)
        assert {key: link.receipt.id for key, link in then.items()} == {both[0]: "nm-1", both[1]: "nm-4"}
        now = reader.receipts_at(both, START_NS + 9 * 10**12)
        assert now[both[0]].receipt == second
        assert (now[both[0]].observed, now[both[1]].observed) == (Proof.OBSERVED, None)
        assert now == {
            key: link for link in reader.receipts() for key in both if link.receipt.id == now[key].receipt.id
        }
        assert reader.receipts_at([("dinkes_main", DOWN), ("arsip-main", UP)], START_NS + 9 * 10**12) == {}
        assert reader.receipts_at([], START_NS + 9 * 10**12) == {}


def test_a_hold_stands_from_when_it_was_given_until_it_ends_or_another_takes_its_place(place: Location) -> None:
    first = Hold("dinkes-main", "surgery", "budi", START_NS + 10, START_NS + 20)
    second = Hold("dinkes-main", "election", "sari", START_NS + 30, None)
    third = Hold("dinkes-main", "shorter", "sari", START_NS + 40, START_NS + 50)
    other = Hold("dinkes-main2", "other", "sari", START_NS, None)
    with opened(place) as ledger:
        for hold in (other, first, second, third):
            ledger.hold(hold.circuit, hold.reason, hold.by, hold.at_ns, hold.until_ns)
    with read(place) as reader:
        found = [
            reader.holds_at(["dinkes-main"], START_NS + at).get("dinkes-main") for at in (9, 10, 19, 20, 39, 40, 50)
        ]
        assert found == [None, first, first, None, second, third, None]
        assert reader.holds_at(["dinkes-main", "dinkes-main2"], START_NS + 25) == {"dinkes-main2": other}
        assert reader.holds_at(["dinkes"], START_NS + 25) == {}


def test_an_agency_may_have_more_circuits_than_one_question_bears(place: Location) -> None:
    names = [f"circuit-{number}" for number in range(1100)]
    with opened(place) as ledger:
        for number in (0, 550, 1099):
            record(ledger, replace(a_receipt(f"nm-{number}"), change=a_change(names[number])), 5_000_000)
    with read(place) as reader:
        found = reader.receipts_at([(name, direction) for name in names for direction in Direction], START_NS + 10**12)
        assert {key[0]: link.receipt.id for key, link in found.items()} == {
            "circuit-0": "nm-0",
            "circuit-550": "nm-550",
            "circuit-1099": "nm-1099",
        }


def test_changes_that_ended_before_an_instant_come_in_the_order_they_were_recorded(place: Location) -> None:
    first, failed = a_receipt("nm-1"), replace(a_receipt("nm-2", Outcome.FAILED), at_ns=START_NS + 10)
    with opened(place) as ledger:
        record(ledger, failed, None)
        record(ledger, replace(first, at_ns=START_NS), 5_000_000)
        record(ledger, replace(a_receipt("nm-3"), at_ns=START_NS + 20), 5_000_000)
    with read(place) as reader:
        assert list(reader.changes_until(START_NS + 20)) == [failed, replace(first, at_ns=START_NS)]
        assert list(reader.changes_until(START_NS)) == []
