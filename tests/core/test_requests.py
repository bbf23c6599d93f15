"""Requests: who may approve, how often, until when, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.directives import DirectiveKind
from netmon.core.requests import Approval, Objection, Request, RequestState, Word, approve, refuse
from netmon.core.supply import Rates

ASKED = Word("ani", 100, "an audit visit", "Kepala Dinas")
REQUEST = Request("R1", "dinkes", Rates(20, 10), 50, ASKED, expires_ns=1000)

people = st.sampled_from(["ani", "Ani", "budi", "citra", "dewi", "kepala  dinas"])
words = st.builds(Word, people, st.integers(90, 1100), st.none() | st.just("why"), st.none() | people)


def approved(request: Request, by: str, needed: int = 1, at_ns: int = 200, on_behalf: str | None = None) -> Approval:
    found = approve(request, Word(by, at_ns, None, on_behalf), needed)
    assert isinstance(found, Approval)
    return found


def test_one_approval_makes_the_boost_where_one_is_needed() -> None:
    boost = approved(REQUEST, "budi").boost
    assert boost is not None
    assert (boost.kind, boost.subject, boost.rates) == (DirectiveKind.BOOST, "dinkes", Rates(20, 10))
    assert (boost.at_ns, boost.until_ns, boost.by, boost.reason) == (200, 250, "budi", "an audit visit")
    assert boost.request == "R1"


def test_two_approvals_are_of_two_persons() -> None:
    first = approved(REQUEST, "budi", needed=2)
    assert first.boost is None
    assert first.request.state(200) is RequestState.PENDING
    again = [Word("budi", 300), Word("BUDI", 300), Word("citra", 300, None, "budi")]
    assert {approve(first.request, word, 2) for word in again} == {Objection.APPROVED_ALREADY}
    assert approved(first.request, "citra", needed=2).boost is not None


@pytest.mark.parametrize(
    "word", [Word("ani", 200), Word("ANI", 200), Word("kepala dinas", 200), Word("budi", 200, None, " Kepala  Dinas ")]
)
def test_who_asks_does_not_approve_nor_whom_they_ask_for(word: Word) -> None:
    assert approve(REQUEST, word, 1) is Objection.OWN_REQUEST


def test_anybody_may_refuse_also_who_asked() -> None:
    for by in ("ani", "budi"):
        refused = refuse(REQUEST, Word(by, 200, "no"))
        assert isinstance(refused, Request)
        assert refused.state(201) is RequestState.REFUSED


def test_a_request_can_be_decided_until_it_expires() -> None:
    assert approved(REQUEST, "budi", at_ns=999).boost is not None
    for at_ns in (1000, 5000):
        assert REQUEST.state(at_ns) is RequestState.EXPIRED
        assert approve(REQUEST, Word("budi", at_ns), 1) is Objection.NOT_PENDING
        assert refuse(REQUEST, Word("budi", at_ns, "no")) is Objection.NOT_PENDING


@pytest.mark.parametrize(
    ("decided", "state"),
    [
        (replace(REQUEST, directive="D1"), RequestState.APPROVED),
        (replace(REQUEST, refusal=Word("budi", 150, "no")), RequestState.REFUSED),
    ],
)
def test_what_was_decided_stays_also_when_its_time_is_over(decided: Request, state: RequestState) -> None:
    assert {decided.state(200), decided.state(5000)} == {state}
    assert approve(decided, Word("citra", 200), 1) is Objection.NOT_PENDING
    assert refuse(decided, Word("citra", 200, "no")) is Objection.NOT_PENDING


@given(st.lists(st.tuples(st.booleans(), words), max_size=8), st.integers(1, 2))
def test_whatever_is_said_by_whomever_a_boost_has_as_many_different_approvers_as_it_needs(
    said: list[tuple[bool, Word]], needed: int
) -> None:
    request, boosts = REQUEST, 0
    for in_favour, word in said:
        before = request
        if in_favour:
            found = approve(request, word, needed)
            if isinstance(found, Objection):
                assert (
                    request.state(word.at_ns) is not RequestState.PENDING
                    or word.persons & REQUEST.asked.persons
                    or any(word.persons & one.persons for one in request.approvals)
                )
                continue
            request = found.request
            if found.boost is not None:
                boosts += 1
                assert len(request.approvals) == needed
                request = replace(request, directive="D1")
        else:
            refused = refuse(request, word)
            request = request if isinstance(refused, Objection) else refused
        assert before.state(word.at_ns) is RequestState.PENDING or request == before
    everyone = [REQUEST.asked, *request.approvals]
    for at, one in enumerate(everyone):
        assert not any(one.persons & other.persons for other in everyone[at + 1 :])
    assert boosts <= 1
    assert (request.directive is not None) == (boosts == 1)
    assert request.directive is None or request.refusal is None
