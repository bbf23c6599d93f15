"""What is due to circuits: the last word on each, and what was due at any instant before."""

from __future__ import annotations

from dataclasses import replace

from support.ledgers import START_NS, Shared, opened

from netmon.core.model import Direction
from netmon.core.shares import Due, Line
from netmon.store.audit import audit, links_of
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
LINE = Line("site", 10, "pool:internet", 10, 1, "level", 0, 1, 0)


def a_due(circuit: str, bps: int | None, after_ns: int = 0, direction: Direction = DOWN) -> Due:
    return Due(
        circuit,
        "dinkes",
        direction,
        bps,
        bps,
        "allocation",
        "internet",
        "target",
        rose=False,
        at_ns=START_NS + after_ns,
        wanted_bps=None,
        lines=(LINE,),
    )


def test_the_last_word_on_each_circuit_and_direction_survives_a_restart(place: Location) -> None:
    words = [a_due("a", 5), a_due("a", 7, direction=UP), a_due("b", None)]
    with opened(place) as ledger:
        ledger.record_dues(words)
        ledger.record_dues([a_due("a", 6, 10)])
        ledger.record_dues([])
    with opened(place) as ledger:
        assert ledger.dues() == {("a", DOWN): a_due("a", 6, 10), ("a", UP): words[1], ("b", DOWN): words[2]}


def test_what_was_due_at_an_instant_is_found_and_circuits_of_like_names_are_told_apart(shared: Shared) -> None:
    shared.ledger.record_dues([a_due("a_1", 5), a_due("a-1", 6)])
    shared.ledger.record_dues([a_due("a_1", None, 100)])
    reader: LedgerReader = shared.reader
    wanted = [("a_1", DOWN), ("a_1", UP), ("a", DOWN)]
    assert reader.dues_at(wanted, START_NS - 1) == {}
    assert reader.dues_at(wanted, START_NS + 99) == {("a_1", DOWN): a_due("a_1", 5)}
    assert reader.dues_at(wanted, START_NS + 100) == {("a_1", DOWN): a_due("a_1", None, 100)}


def test_each_word_is_a_link_of_the_chain(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_dues([a_due("a", 5), a_due("b", 6)])
        ledger.record_dues([replace(a_due("a", 7), at_ns=START_NS + 5)])
    with links_of(place) as links:
        found = [link for link in links if link.kind == "share"]
    assert [link.subject for link in found] == ["a/download#1", "b/download#2", "a/download#3"]
    with links_of(place) as links:
        assert audit(links).ok
