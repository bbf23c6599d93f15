"""Intents, receipts, limits and holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.ledgers import START_NS, a_receipt, an_alert, an_intent, opened

from netmon.core.changes import Begun, Outcome, Step
from netmon.core.model import Direction
from netmon.store.errors import StoreError
from netmon.store.location import Location
from netmon.store.reader import LedgerReader
from netmon.store.values import Hold, LimitState

DOWN = ("dinkes-main", Direction.DOWNLOAD)


def test_an_intent_stays_open_through_a_crash_until_its_receipt(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_intent(an_intent("i2", START_NS + 1))
        ledger.record_intent(an_intent("i1", START_NS))
        ledger.advance_intent("i1", Step.ARM, START_NS + 5)
    with opened(place) as ledger:
        assert ledger.open_intents() == [
            replace(an_intent("i1", START_NS), step=Step.ARM, begun=(Begun(Step.ARM, START_NS + 5),)),
            an_intent("i2", START_NS + 1),
        ]
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
        assert [intent.id for intent in ledger.open_intents()] == ["i2"]


def test_a_receipt_its_limit_and_its_alerts_are_recorded_together(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_intent(an_intent("i1"))
        link = ledger.close_intent(a_receipt("i1", Outcome.UNKNOWN), 5_000_000, False, [an_alert("a1")])
        assert link.sequence == 1
        assert ledger.limit_states() == {DOWN: LimitState(5_000_000, False, a_receipt("i1").at_ns)}
        assert [entry.alert.id for entry in ledger.unsent(5)] == ["a1"]


def test_a_second_receipt_for_one_intent_is_refused_and_leaves_nothing(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
        with pytest.raises(StoreError, match=r"intent i1 is not open; .* has its receipt already"):
            ledger.close_intent(a_receipt("i1"), None, True, [an_alert("a9")])
        assert ledger.limit_states()[DOWN].bps == 5_000_000
        assert ledger.unsent(5) == []


def test_an_intents_id_is_used_once_and_an_unknown_one_cannot_advance(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_intent(an_intent("i1"))
        with pytest.raises(StoreError, match="intent i1 is recorded already"):
            ledger.record_intent(an_intent("i1"))
        with pytest.raises(StoreError, match="intent i7 is not open"):
            ledger.advance_intent("i7", Step.APPLY, START_NS)


def test_a_read_back_replaces_what_was_believed(place: Location) -> None:
    with opened(place) as ledger:
        ledger.note_limit(*DOWN, 5_000_000, False, START_NS)
        ledger.note_limit(*DOWN, None, True, START_NS + 1)
        reader = LedgerReader.open(place)
        assert reader.limit_states() == {DOWN: LimitState(None, True, START_NS + 1)}
        reader.close()


def test_a_hold_ends_by_itself_if_it_was_told_when(place: Location) -> None:
    with opened(place) as ledger:
        ledger.hold("a", "exam week", "rina", START_NS, START_NS + 10)
        ledger.hold("b", "test", "rina", START_NS, None)
        assert ledger.holds(START_NS + 9) == {
            "a": Hold("a", "exam week", "rina", START_NS, START_NS + 10),
            "b": Hold("b", "test", "rina", START_NS, None),
        }
        assert set(ledger.holds(START_NS + 10)) == {"b"}


def test_a_hold_s_words_are_what_every_database_can_keep(place: Location) -> None:
    with opened(place) as ledger:
        with pytest.raises(StoreError, match=r"may not contain NUL"):
            ledger.hold("dinkes-main", "vaccin\0ation", "operator", START_NS, None)
        assert ledger.holds(START_NS) == {}


def test_another_document_joins_the_chain_once(place: Location) -> None:
    with opened(place) as ledger:
        assert ledger.append_link("plan", "p1", '{"b": 1, "a": 2}').payload == '{"a":2,"b":1}'
        with pytest.raises(StoreError, match=r"(?i)unique"):
            ledger.append_link("plan", "p1", "{}")
        for payload in ("{", '{"a":0.5}'):
            with pytest.raises(StoreError, match="plan p2 is not JSON of integers"):
                ledger.append_link("plan", "p2", payload)
        assert ledger.append_link("plan", "p3", "{}").sequence == 2
