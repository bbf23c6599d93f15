"""Directives and requests in both databases: replaced, ended, decided, in the chain, and there after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.ledgers import MINUTE_NS, START_NS, asked, audited, opened

from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.requests import Objection, Request, RequestState, Word
from netmon.core.supply import Rates
from netmon.store.audit import links_of
from netmon.store.care import examine
from netmon.store.directives import PENDING_AT_MOST, Decided, by_the_chain
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

HOUR_NS = 60 * MINUTE_NS
BOOST = Directive(
    "", DirectiveKind.BOOST, "dinkes", "vaccination \u00e9", "ani", START_NS, START_NS + HOUR_NS, Rates(20, 10)
)
FREEZE = Directive("", DirectiveKind.FREEZE, EVERYBODY, "fibre works", "budi", START_NS, None)
ASKED = Word("ani", START_NS, "an audit visit", "Kepala Dinas")
REQUEST = Request("", "dinkes", Rates(20, 10), HOUR_NS, ASKED, START_NS + 24 * HOUR_NS)


def kinds(place: Location) -> list[tuple[str, str]]:
    with links_of(place) as links:
        return [(link.kind, link.subject) for link in links]


def decided(found: Decided | Objection) -> Decided:
    assert isinstance(found, Decided)
    return found


def test_a_directive_outlives_every_restart_and_ends_though_nobody_is_up(place: Location) -> None:
    with opened(place) as ledger:
        boost = ledger.give_directive(BOOST).directive
        freeze = ledger.give_directive(FREEZE).directive
    assert (boost, freeze) == (replace(BOOST, id="D1"), replace(FREEZE, id="D2"))
    with opened(place) as ledger:
        assert ledger.directives(START_NS) == (boost, freeze)
    with opened(place) as ledger:
        assert ledger.directives(START_NS + HOUR_NS) == (freeze,)
        assert ledger.current_directives(START_NS + HOUR_NS, ()) == (freeze,)
        assert ledger.current_directives(START_NS + HOUR_NS, {"D1"}) == (boost, freeze)
    assert kinds(place) == [("directive", "D1"), ("directive", "D2")]
    assert audited(place).ok


def test_a_newer_directive_takes_the_place_of_the_one_in_force(place: Location) -> None:
    later_ns = START_NS + MINUTE_NS
    with opened(place) as ledger:
        ledger.give_directive(BOOST)
        given = ledger.give_directive(replace(BOOST, at_ns=later_ns, by="budi", rates=Rates(30, 30)))
        assert given.directive.id == "D2"
        assert given.replaced is not None
        assert given.replaced.id == "D1"
        assert (given.replaced.ended_ns, given.replaced.ended_by, given.replaced.replaced_by) == (
            later_ns,
            "budi",
            "D2",
        )
        assert ledger.directives(later_ns) == (given.directive,)
        assert [one.id for one in ledger.directives(later_ns - 1)] == ["D1"], "what held before is still known"
        assert ledger.all_directives() == [given.directive, given.replaced]
    assert kinds(place) == [("directive", "D1"), ("ending", "D1"), ("directive", "D2")]


@pytest.mark.parametrize(
    "other",
    [
        replace(BOOST, subject="arsip"),
        replace(FREEZE, subject="dinkes"),
        replace(BOOST, kind=DirectiveKind.EXEMPTION, rates=None, policy="daily"),
        replace(BOOST, kind=DirectiveKind.EXEMPTION, rates=None),
        replace(BOOST, at_ns=START_NS + HOUR_NS, until_ns=START_NS + 2 * HOUR_NS),
    ],
    ids=["another agency", "another kind", "one policy", "all policies", "after its end"],
)
def test_what_is_about_something_else_replaces_nothing(place: Location, other: Directive) -> None:
    with opened(place) as ledger:
        ledger.give_directive(BOOST)
        ledger.give_directive(replace(BOOST, kind=DirectiveKind.EXEMPTION, rates=None, policy="weekly"))
        assert ledger.give_directive(other).replaced is None


def test_one_that_is_to_begin_on_a_clock_set_back_is_replaced_too(place: Location) -> None:
    with opened(place) as ledger:
        ledger.give_directive(replace(BOOST, at_ns=START_NS + MINUTE_NS))
        newer = ledger.give_directive(BOOST)
        assert newer.replaced is not None
        assert ledger.directives(START_NS + 2 * MINUTE_NS) == (newer.directive,)


def test_a_directive_is_ended_once_and_by_name(place: Location) -> None:
    at_ns = START_NS + MINUTE_NS
    with opened(place) as ledger:
        ledger.give_directive(FREEZE)
        ended = ledger.end_directive("D1", "citra", "the works are done", at_ns)
        assert (ended.ended_ns, ended.ended_by, ended.ended_reason) == (at_ns, "citra", "the works are done")
        assert ledger.directives(at_ns) == ()
        with pytest.raises(StoreError, match="D1 is over already; netmon directives"):
            ledger.end_directive("D1", "citra", "again", at_ns)
        with pytest.raises(StoreError, match="there is no directive D7; netmon directives"):
            ledger.end_directive("D7", "citra", "again", at_ns)
    assert kinds(place) == [("directive", "D1"), ("ending", "D1")]


def test_one_that_ended_by_itself_cannot_be_ended(place: Location) -> None:
    with opened(place) as ledger:
        ledger.give_directive(BOOST)
        with pytest.raises(StoreError, match="D1 is over already"):
            ledger.end_directive("D1", "citra", "too late", START_NS + HOUR_NS)


def test_the_last_approval_makes_the_boost_in_the_same_transaction(place: Location) -> None:
    at_ns = START_NS + MINUTE_NS
    with opened(place) as ledger:
        earlier = ledger.give_directive(BOOST).directive
        assert ledger.record_request(REQUEST) == replace(REQUEST, id="R1")
        first = decided(ledger.approve_request("R1", Word("budi", at_ns, "he is right"), 2))
        assert first.given is None
        assert ledger.requests(at_ns) == [first.request]
        last = decided(ledger.approve_request("R1", Word("citra", at_ns + 1), 2))
        assert last.given is not None
        boost = last.given.directive
        assert (boost.id, boost.by, boost.request, boost.until_ns) == ("D2", "citra", "R1", at_ns + 1 + HOUR_NS)
        assert last.given.replaced is not None
        assert last.given.replaced.id == earlier.id
        assert last.request.directive == "D2"
        assert ledger.requests(at_ns) == []
        assert ledger.all_requests() == [ledger.request("R1")] == [last.request]
    assert kinds(place)[1:] == [
        ("request", "R1"),
        ("approval", "R1#3"),
        ("ending", "D1"),
        ("directive", "D2"),
        ("approval", "R1#6"),
    ]
    assert audited(place).ok


@pytest.mark.parametrize(
    ("word", "objection"),
    [
        (Word("ani", START_NS), Objection.OWN_REQUEST),
        (Word("budi", START_NS + 24 * HOUR_NS), Objection.NOT_PENDING),
    ],
)
def test_an_approval_that_does_not_count_changes_nothing(place: Location, word: Word, objection: Objection) -> None:
    with opened(place) as ledger:
        ledger.record_request(REQUEST)
        assert ledger.approve_request("R1", word, 1) is objection
        assert ledger.request("R1") == replace(REQUEST, id="R1")
        assert ledger.all_directives() == []
    assert kinds(place) == [("request", "R1")]


def test_a_refusal_ends_a_request(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_request(REQUEST)
        ledger.refuse_request("R1", Word("budi", START_NS + 1, "no capacity"))
        assert ledger.request("R1").state(START_NS + 2) is RequestState.REFUSED
        assert ledger.approve_request("R1", Word("citra", START_NS + 2), 1) is Objection.NOT_PENDING
        assert ledger.refuse_request("R1", Word("citra", START_NS + 2, "no")) is Objection.NOT_PENDING
        with pytest.raises(StoreError, match="there is no request R2; netmon requests lists"):
            ledger.refuse_request("R2", Word("citra", START_NS + 2, "no"))
    assert kinds(place) == [("request", "R1"), ("refusal", "R1#2")]


def test_requests_that_wait_are_bounded_by_agency_and_expire(place: Location) -> None:
    with opened(place) as ledger:
        for _ in range(PENDING_AT_MOST):
            ledger.record_request(REQUEST)
        with pytest.raises(StoreError, match=f"{PENDING_AT_MOST} requests of dinkes wait to be decided; approve or"):
            ledger.record_request(REQUEST)
        ledger.record_request(replace(REQUEST, agency="arsip"))
        later = Word("ani", REQUEST.expires_ns, "once more")
        ledger.record_request(replace(REQUEST, asked=later, expires_ns=later.at_ns + HOUR_NS))
        assert len(ledger.requests(START_NS)) == PENDING_AT_MOST + 2
        assert [one.asked.reason for one in ledger.requests(later.at_ns)] == ["once more"]
        assert len(ledger.requests(START_NS, limit=3)) == len(ledger.all_requests(limit=3)) == 3


def test_a_reader_sees_what_the_writer_gave(place: Location) -> None:
    with opened(place) as ledger:
        reader = LedgerReader.open(place)
        try:
            given = ledger.give_directive(BOOST).directive
            ledger.record_request(REQUEST)
            assert reader.directives(START_NS) == (given,)
            assert [one.id for one in reader.requests(START_NS)] == ["R1"]
        finally:
            reader.close()


def a_history(ledger: Ledger) -> None:
    """One of everything."""
    ledger.give_directive(BOOST)
    ledger.give_directive(replace(BOOST, at_ns=START_NS + 1))
    ledger.give_directive(FREEZE)
    ledger.end_directive("D3", "citra", "done", START_NS + 2)
    ledger.record_request(REQUEST)
    ledger.approve_request("R1", Word("budi", START_NS + 3), 2)
    ledger.approve_request("R1", Word("citra", START_NS + 4, "yes", "Sekda"), 2)
    ledger.record_request(REQUEST)
    ledger.refuse_request("R2", Word("citra", START_NS + 5, "no"))


def test_the_chain_alone_tells_all_that_the_tables_say(place: Location) -> None:
    with opened(place) as ledger:
        a_history(ledger)
        with ledger._transaction() as connection:
            given, asked_for = by_the_chain(connection)
        assert list(reversed(given.values())) == ledger.all_directives()
        assert list(reversed(asked_for.values())) == ledger.all_requests()
    assert examine(place).fault is None


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE directive SET document = replace(document, '\"ended_ns\":', '\"x\":') WHERE id = 'D3'", "D3 is not"),
        ("UPDATE request SET document = replace(document, 'dinkes', 'arsip') WHERE id = 'R2'", "R2 is not what the"),
        ("DELETE FROM directive WHERE id = 'D1'", "D1 is gone, but the chain tells of it"),
        ("DELETE FROM request WHERE id = 'R2'", "R2 is gone"),
    ],
)
def test_a_table_that_was_edited_is_found_by_the_check(place: Location, statement: str, words: str) -> None:
    with opened(place) as ledger:
        a_history(ledger)
    asked(place, statement)
    fault = examine(place).fault
    assert fault is not None
    assert fault.name == "directives"
    assert words in (fault.fault or "")


@pytest.mark.parametrize("kind", ["directive", "ending", "request", "approval", "refusal"])
def test_a_link_filed_under_another_subject_is_found(place: Location, kind: str) -> None:
    with opened(place) as ledger:
        a_history(ledger)
    asked(place, "UPDATE link SET subject = subject || '0' WHERE kind = :kind", kind=kind)
    fault = examine(place).fault
    assert fault is not None
    assert fault.name == "chain"
    assert "is filed under" in (fault.fault or "")
