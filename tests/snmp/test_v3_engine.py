from __future__ import annotations

import pytest

from netmon.snmp.engine import LATCHED, SECOND, WINDOW, EngineTime
from netmon.snmp.security_errors import SnmpTimeWindowError

KNOWN = EngineTime(5, 1000, 0, authentic=True)


def later(seconds: int) -> int:
    return seconds * SECOND


def test_time_goes_on_between_messages_and_stops_at_its_limit() -> None:
    assert KNOWN.now(later(0)) == (5, 1000)
    assert KNOWN.now(later(600) + SECOND - 1) == (5, 1600)
    assert EngineTime(5, LATCHED - 1, 0, True).now(later(50)) == (5, LATCHED)


@pytest.mark.parametrize(
    ("boots", "time", "seconds", "expected"),
    [
        (5, 1600, 600, EngineTime(5, 1600, later(600), True)),
        (5, 1601, 600, EngineTime(5, 1601, later(600), True)),
        (5, 1001, 600, EngineTime(5, 1001, later(600), True)),
        (5, 9999, 600, EngineTime(5, 9999, later(600), True)),
        (6, 0, 600, EngineTime(6, 0, later(600), True)),
        (5, 1000, 0, KNOWN),
        (5, 1000, WINDOW, KNOWN),
        (5, 1000 - WINDOW, 0, KNOWN),
    ],
)
def test_what_is_newer_is_followed_and_what_lies_in_the_window_is_let_pass(
    boots: int, time: int, seconds: int, expected: EngineTime
) -> None:
    assert KNOWN.heard(boots, time, later(seconds), "r1") == expected


@pytest.mark.parametrize(
    ("boots", "time", "seconds"), [(4, 9999, 0), (5, 999 - WINDOW, 0), (5, 1000, WINDOW + 1), (0, 0, 0), (5, 0, 5000)]
)
def test_what_is_older_than_the_window_is_refused_with_both_times(boots: int, time: int, seconds: int) -> None:
    with pytest.raises(SnmpTimeWindowError, match=rf"^r1: a message of boot {boots}, second {time}, where boot 5,"):
        KNOWN.heard(boots, time, later(seconds), "r1")


def test_a_clock_only_claimed_judges_nothing_and_gives_way_to_the_first_authentic_one() -> None:
    claimed = EngineTime(70, 70, 0, authentic=False)
    assert claimed.heard(2, 3, later(1), "r1") == EngineTime(2, 3, later(1), True)


def test_an_engine_that_ran_out_of_boots_is_refused_for_good() -> None:
    for known in (KNOWN, EngineTime(0, 0, 0, authentic=False), EngineTime(LATCHED, 0, 0, authentic=True)):
        with pytest.raises(SnmpTimeWindowError, match="has run out; give its engine a new id"):
            known.heard(LATCHED, 7, later(1), "r1")
