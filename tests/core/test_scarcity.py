"""Limits are set while a capacity is short: at once, and not off and on with every ripple."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.model import NANOSECONDS
from netmon.core.scarcity import LEAVE_AFTER_NS, Plenty, Scarcity, further

MINUTE_NS = 60 * NANOSECONDS
SHORT = Scarcity(Plenty.SHORT)


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (Scarcity(), 900, Plenty.AMPLE),
        (Scarcity(), 901, Plenty.SHORT),
        (SHORT, 901, Plenty.SHORT),
        (SHORT, 800, Plenty.SHORT),
        (SHORT, 799, Plenty.EASING),
        (Scarcity(Plenty.EASING, 0), 850, Plenty.SHORT),
        (Scarcity(Plenty.EASING, 0), 4000, Plenty.SHORT),
    ],
)
def test_entered_above_90_percent_and_left_below_80(before: Scarcity, wanted: int, after: Plenty) -> None:
    assert further(before, wanted, 1000, MINUTE_NS).plenty is after


def test_left_only_after_a_quarter_of_an_hour_without_a_pause() -> None:
    states = [SHORT]
    for minute, wanted in enumerate([700] * 10 + [850] + [700] * 16):
        states.append(further(states[-1], wanted, 1000, minute * MINUTE_NS))
    assert [state.short for state in states].index(False) == 1 + 11 + 15


def test_a_clock_that_goes_back_does_not_end_it_sooner() -> None:
    easing = further(SHORT, 0, 1000, 10 * LEAVE_AFTER_NS)
    back = further(easing, 0, 1000, LEAVE_AFTER_NS)
    assert back == Scarcity(Plenty.EASING, LEAVE_AFTER_NS)
    assert not further(back, 0, 1000, 2 * LEAVE_AFTER_NS).short


@given(st.lists(st.integers(0, 2000), max_size=60))
def test_between_two_alterations_there_is_a_quarter_of_an_hour(wanted: list[int]) -> None:
    state, ended = Scarcity(), list[int]()
    for minute, bps in enumerate(wanted):
        was, state = state, further(state, bps, 1000, minute * MINUTE_NS)
        if was.short and not state.short:
            assert max(wanted[minute - 15 : minute + 1]) < 800
            ended.append(minute)
        if bps > 900:
            assert state.short
    assert all(after - before >= 15 for before, after in pairwise(ended))
