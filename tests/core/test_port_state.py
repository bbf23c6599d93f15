"""What counts as evidence that a port is down, and how long a recovery has to last."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.model import NANOSECONDS
from netmon.core.port_state import (
    Patience,
    PortReason,
    PortSpan,
    PortState,
    PortStatus,
    availability,
    observe,
    resumed,
    shows_up,
    span_of,
)

MINUTE = 60 * NANOSECONDS
PATIENCE = Patience(recovery_ns=5 * MINUTE, silence_ns=10 * MINUTE)
UP, DOWN, UNKNOWN = PortStatus.UP, PortStatus.DOWN, PortStatus.UNKNOWN
PORT = ("palu", "sfp1")

Polls = Sequence[tuple[int, bool | None]]
"""(instant, what is shown)."""


def after(polls: Polls, state: PortState | None = None) -> PortState:
    state = state or PortState()
    for at_ns, up in polls:
        state = observe(state, up, at_ns, PATIENCE)
    return state


def minutes(shown: str, begin: int = 100) -> Polls:
    """`u`, `d` and `-` (no evidence), a minute apart."""
    meaning = {"u": True, "d": False, "-": None}
    return [((begin + at) * MINUTE, meaning[one]) for at, one in enumerate(shown)]


@pytest.mark.parametrize(
    ("admin", "oper", "receives", "shown"),
    [
        (1, 1, False, True),
        (1, 5, False, True),  # dormant ports carry traffic
        (None, 1, False, True),
        (1, 2, False, False),
        (1, 6, False, False),
        (1, 7, False, False),
        (2, 2, False, False),
        (2, None, False, False),
        (2, 4, False, False),
        (None, 2, False, False),
        (2, 1, False, None),  # contradicts itself
        (1, 3, False, None),
        (1, 4, False, None),
        (1, None, False, None),
        (None, None, False, None),
        (1, 8, False, None),
        (1, 2, True, True),  # octets came in: the status is wrong
        (1, 4, True, None),
    ],
)
def test_what_the_two_statuses_of_a_port_show(
    admin: int | None, oper: int | None, receives: bool, shown: bool | None
) -> None:
    assert shows_up(admin, oper, receives=receives) is shown


@pytest.mark.parametrize(
    ("shown", "status", "why"),
    [
        ("", UNKNOWN, PortReason.NEVER_SHOWN),
        ("---", UNKNOWN, PortReason.NEVER_SHOWN),
        ("u", UP, PortReason.SHOWN_UP),
        ("d", UNKNOWN, PortReason.SHOWN_DOWN_ONCE),
        ("dd", DOWN, PortReason.SHOWN_DOWN_TWICE),
        ("ud", UP, PortReason.SHOWN_DOWN_ONCE),
        ("ud---", UP, PortReason.SHOWN_DOWN_ONCE),
        ("udu", UP, PortReason.SHOWN_UP),
        ("ududud", UP, PortReason.SHOWN_DOWN_ONCE),
        ("ud--d", DOWN, PortReason.SHOWN_DOWN_TWICE),
        ("udd-------", DOWN, PortReason.SHOWN_DOWN_TWICE),
        ("uddu", DOWN, PortReason.RECOVERING),
        ("udduuuuu", DOWN, PortReason.RECOVERING),
        ("udduuuuuu", UP, PortReason.RECOVERED),
        ("uddu---u", DOWN, PortReason.RECOVERING),
        ("uddu----u", UP, PortReason.RECOVERED),
        ("udduuuuuduuuuu", DOWN, PortReason.RECOVERING),
        ("udduuuuuduuuuuu", UP, PortReason.RECOVERED),
    ],
)
def test_two_polls_take_a_port_down_and_a_hold_down_brings_it_up(
    shown: str, status: PortStatus, why: PortReason
) -> None:
    state = after(minutes(shown))
    assert (state.status, state.reason) == (status, why)


def test_a_change_is_dated_at_the_first_poll_that_showed_it() -> None:
    assert after(minutes("uudd", begin=0)).since_ns == 2 * MINUTE
    assert after(minutes("uudduuuuuu", begin=0)).since_ns == 4 * MINUTE


def test_after_a_silence_the_hold_down_begins_anew_and_nothing_is_claimed_for_the_time_between() -> None:
    down = after(minutes("udd", begin=0))
    state = after([(3 * MINUTE, True), (60 * MINUTE, True)], down)
    assert state.status is DOWN
    assert state.from_ns == 60 * MINUTE
    assert state.since_ns == MINUTE
    assert after([(65 * MINUTE, True)], state).status is UP


def test_two_polls_that_show_a_port_down_are_enough_however_long_nobody_answered_between_them() -> None:
    state = after([(0, True), (MINUTE, False), (90 * MINUTE, False)])
    assert (state.status, state.since_ns) == (DOWN, 90 * MINUTE)


def test_a_clock_that_is_set_back_delays_a_recovery_and_does_not_prevent_it() -> None:
    down = after(minutes("dd", begin=1000))
    state = after(minutes("uuuuuu", begin=10), down)
    assert state.status is UP


# --- laws ----------------------------------------------------------------------------------------

SHOWN = st.sampled_from([True, False, None])
STEPS = st.integers(1, 9 * MINUTE)
HISTORIES = st.lists(st.tuples(STEPS, SHOWN), max_size=40).map(
    lambda steps: [(at, up) for at, (_, up) in zip(accumulate(step for step, _ in steps), steps, strict=True)]
)


@given(history=HISTORIES, failed=st.lists(st.integers(1, 100 * MINUTE), max_size=20))
def test_what_is_no_evidence_never_changes_anything(history: Polls, failed: list[int]) -> None:
    state = after(history)
    assert after([(at, None) for at in failed], state) == state
    assert after([poll for poll in history if poll[1] is not None]) == state


@given(HISTORIES)
def test_a_port_goes_down_only_where_two_polls_in_a_row_showed_it_down(history: Polls) -> None:
    state = PortState()
    evidence: list[bool] = []
    for at_ns, up in history:
        before, state = state, observe(state, up, at_ns, PATIENCE)
        evidence += [up] if up is not None else []
        if before.status is not DOWN and state.status is DOWN:
            assert evidence[-2:] == [False, False]


@given(HISTORIES)
def test_a_port_does_not_flap(history: Polls) -> None:
    """Between a recovery and the outage before it lies at least the hold-down, in which nothing showed it down."""
    state = PortState()
    shown_down_ns = None
    for at_ns, up in history:
        before, state = state, observe(state, up, at_ns, PATIENCE)
        if up is False:
            shown_down_ns = at_ns
        if before.status is DOWN and state.status is UP:
            assert shown_down_ns is not None
            assert at_ns - shown_down_ns >= PATIENCE.recovery_ns


@given(history=HISTORIES, steps=st.lists(STEPS, min_size=1, max_size=40))
def test_a_port_always_recovers(history: Polls, steps: list[int]) -> None:
    state = after(history)
    at_ns = begun_ns = (history[-1][0] if history else 0) + 1
    state = observe(state, True, at_ns, PATIENCE)
    for step in steps:
        at_ns += step
        state = observe(state, True, at_ns, PATIENCE)
    if at_ns - begun_ns >= PATIENCE.recovery_ns:
        assert state.status is UP


@given(HISTORIES)
def test_spans_go_on_after_a_restart_as_if_there_had_been_none(history: Polls) -> None:
    state = after(history)
    span = span_of(PORT, state)
    if span is None or state.turning_ns is not None:
        return
    later = [(history[-1][0] + at * MINUTE, up) for at, up in enumerate([True, False, False, True], 1)]
    assert after(later, resumed(span)) == after(later, state)


@given(HISTORIES)
def test_what_is_known_of_a_time_never_exceeds_it_and_an_outage_is_no_longer_than_the_polls_that_showed_it(
    history: Polls,
) -> None:
    spans: dict[tuple[PortStatus, int], PortSpan] = {}
    state = PortState()
    for at_ns, up in history:
        before, state = state, observe(state, up, at_ns, PATIENCE)
        for one in (before, state):
            span = span_of(PORT, one)
            if span is not None:
                spans[span.status, span.from_ns] = span
    until = history[-1][0] if history else 0
    found = availability(spans.values(), 0, until)
    assert found.up_ns >= 0
    assert found.down_ns >= 0
    assert found.unknown_ns >= 0
    assert found.up_ns + found.down_ns + found.unknown_ns == found.elapsed_ns
    if all(up is not False for _, up in history):
        assert found.down_ns == 0


# --- availability --------------------------------------------------------------------------------


def a_span(status: PortStatus, from_min: int, upto_min: int, since_min: int | None = None) -> PortSpan:
    since = from_min if since_min is None else since_min
    return PortSpan(*PORT, status, PortReason.SHOWN_UP, since * MINUTE, from_min * MINUTE, upto_min * MINUTE)


def test_availability_is_the_share_of_known_time_and_names_the_rest() -> None:
    spans = [a_span(UP, 0, 60), a_span(DOWN, 60, 70), a_span(DOWN, 80, 90, since_min=60), a_span(UP, 90, 100)]
    found = availability(spans, 10 * MINUTE, 110 * MINUTE)
    assert (found.up_ns, found.down_ns, found.unknown_ns) == (60 * MINUTE, 20 * MINUTE, 20 * MINUTE)
    assert found.ratio == 0.75
    assert found.outages == 1


def test_of_a_time_nobody_was_told_of_there_is_no_availability() -> None:
    found = availability([], 0, 60 * MINUTE)
    assert (found.ratio, found.unknown_ns) == (None, 60 * MINUTE)


def test_where_a_clock_that_was_set_back_makes_spans_overlap_the_outage_holds() -> None:
    found = availability([a_span(UP, 0, 60), a_span(DOWN, 30, 40)], 0, 60 * MINUTE)
    assert (found.up_ns, found.down_ns, found.unknown_ns) == (50 * MINUTE, 10 * MINUTE, 0)
