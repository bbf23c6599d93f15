"""What people decided for a time: when it is in force, what may be said of it, and how it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.alerting import transition
from netmon.core.alerts import AlertState
from netmon.core.directives import (
    EVERYBODY,
    LONGEST_TEXT,
    Directive,
    DirectiveKind,
    directive_conditions,
    effect,
    in_force,
    objection_to_text,
)
from netmon.core.supply import Rates

MBPS = 1_000_000
BOOST = Directive("D1", DirectiveKind.BOOST, "dinkes", "vaccination", "ani", 100, 200, Rates(20 * MBPS, 10 * MBPS))
FREEZE = Directive("D2", DirectiveKind.FREEZE, EVERYBODY, "fibre works", "budi", 100, None)

instants = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize(
    ("directive", "now_ns", "holds"),
    [
        (BOOST, 99, False),
        (BOOST, 100, True),
        (BOOST, 199, True),
        (BOOST, 200, False),
        (replace(BOOST, ended_ns=150), 149, True),
        (replace(BOOST, ended_ns=150), 150, False),
        (FREEZE, 2**63 - 1, True),
        (replace(FREEZE, ended_ns=100), 100, False),
    ],
)
def test_a_directive_holds_from_its_beginning_to_its_end_half_open(
    directive: Directive, now_ns: int, holds: bool
) -> None:
    assert directive.in_force(now_ns) is holds
    assert in_force([directive], now_ns) == ((directive,) if holds else ())


@given(at=instants, lasts=st.integers(1, 10**18), ended=st.none() | instants, now=instants, later=instants)
def test_what_is_over_never_comes_back(at: int, lasts: int, ended: int | None, now: int, later: int) -> None:
    one = replace(BOOST, at_ns=at, until_ns=at + lasts, ended_ns=ended)
    first, second = sorted((now, later))
    assert one.is_over(second) >= one.is_over(first)
    assert not (one.in_force(now) and one.is_over(now))
    assert one.is_over(at + lasts)


def test_only_one_directive_at_a_time_takes_a_place() -> None:
    assert BOOST.place == replace(BOOST, id="D9", reason="more", rates=Rates(1, 1)).place
    exemption = replace(BOOST, kind=DirectiveKind.EXEMPTION, rates=None)
    places = {BOOST.place, exemption.place, replace(exemption, policy="daily").place, replace(BOOST, subject="x").place}
    assert len(places) == 4


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        (" \t ", "is empty"),
        (None, "is empty"),
        (7, "is empty"),
        ("x" * (LONGEST_TEXT + 1), f"has {LONGEST_TEXT + 1} characters; say it in {LONGEST_TEXT}"),
        ("a\0b", "holds U+0000"),
        ("a\nb", "holds U+000A"),
        ("\x1b[31mred", "holds U+001B"),
        ("\u202egnp.exe", "holds U+202E"),
        ("\ud800", "holds U+D800"),
    ],
)
def test_what_cannot_stand_in_the_record_is_refused_with_one_sentence(text: object, part: str) -> None:
    objection = objection_to_text("the reason", text)
    assert objection is not None
    assert objection.startswith("the reason ")
    assert part in objection
    assert objection.isprintable()


@pytest.mark.parametrize(
    "text", ["vaccination week", "Surat Nº 12/2026: «darurat»", "x" * LONGEST_TEXT, "選挙 \u00a0日"]
)
def test_ordinary_words_of_any_script_may_stand(text: str) -> None:
    assert objection_to_text("the reason", text) is None


@pytest.mark.parametrize(
    ("directive", "words"),
    [
        (BOOST, "dinkes may have at least 20 Mb/s download and 10 Mb/s upload"),
        (replace(BOOST, rates=Rates(MBPS, MBPS)), "dinkes may have at least 1 Mb/s each way"),
        (replace(BOOST, kind=DirectiveKind.EXEMPTION, rates=None), "dinkes is not slowed by any quota"),
        (
            replace(BOOST, kind=DirectiveKind.EXEMPTION, rates=None, policy="daily"),
            "dinkes is not slowed by the quota daily",
        ),
        (FREEZE, "no limit of any agency is altered"),
        (replace(FREEZE, subject="dinkes"), "no limit of dinkes is altered"),
        (replace(BOOST, kind=DirectiveKind.DEGRADATION, rates=Rates(0, 0)), "of dinkes there is nothing"),
    ],
)
def test_an_effect_is_said_in_words(directive: Directive, words: str) -> None:
    assert effect(directive) == words


@pytest.mark.parametrize("kind", DirectiveKind)
def test_the_beginning_and_the_end_are_told_once_each(kind: DirectiveKind) -> None:
    one = replace(BOOST, kind=kind)
    told, before = [], None
    for now_ns in (99, 100, 150, 199, 200, 300):
        (condition,) = directive_conditions([one], now_ns)
        alert = transition(before, condition, now_ns)
        if alert is not None:
            before = alert
            told.append((now_ns, alert.state, alert.key))
            assert alert.summary.startswith("D1: ")
            assert alert.summary.endswith(" (ani: vaccination).")
    assert told == [(100, AlertState.FIRING, "directive/D1"), (200, AlertState.RESOLVED, "directive/D1")]


def test_an_alert_names_the_agency_where_there_is_one() -> None:
    about = [BOOST, FREEZE, replace(BOOST, kind=DirectiveKind.DEGRADATION, subject="inet")]
    assert [one.agency for one in directive_conditions(about, 150)] == ["dinkes", None, None]
