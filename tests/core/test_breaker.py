"""A router that fails again and again is left alone, ever longer, and tried by one session at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netmon.core.breaker import NEVER_NS, Breaker, BreakerPolicy, BreakerState
from netmon.core.model import NANOSECONDS

POLICY = BreakerPolicy()
MINUTE = 60 * NANOSECONDS
CLOSED, OPEN, PROBING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING


def failed(times: int, now_ns: int = 0) -> Breaker:
    one = Breaker()
    for _ in range(times):
        one = one.failed(POLICY, "no answer", now_ns)
    return one


def test_it_opens_with_the_third_failure_in_a_row() -> None:
    assert [failed(times).state(0) for times in range(4)] == [CLOSED, CLOSED, CLOSED, OPEN]


def test_after_the_pause_one_session_is_let_through_and_its_failure_doubles_the_pause_up_to_the_longest() -> None:
    one, now_ns, pauses = failed(3), 0, []
    for _ in range(7):
        pauses.append(one.pause_ns // MINUTE)
        assert one.state(one.until_ns - 1) is OPEN
        now_ns = one.until_ns
        assert one.state(now_ns) is PROBING
        one = one.failed(POLICY, "no answer", now_ns)
        assert one.state(now_ns) is OPEN
    assert pauses == [15, 30, 60, 120, 240, 360, 360]


def test_what_was_begun_before_it_opened_and_fails_after_does_not_lengthen_the_pause() -> None:
    one = failed(3)
    assert one.failed(POLICY, "late", 1).until_ns == one.until_ns


def test_a_changed_host_key_is_never_tried_again_by_itself() -> None:
    one = failed(1).alarmed("another key")
    assert one.state(NEVER_NS - 1) is OPEN
    assert one.hurried(5) == one


def test_a_router_that_has_shown_that_it_lives_is_tried_at_once() -> None:
    one = failed(3).hurried(7)
    assert one.state(7) is PROBING
    assert one.failed(POLICY, "no answer", 7).pause_ns == 30 * MINUTE
    assert failed(2).hurried(7) == failed(2)


@given(st.lists(st.integers(0, 10 * 3600), min_size=1, max_size=40), st.integers(1, 5))
def test_no_pause_is_shorter_than_the_first_or_longer_than_the_longest(gaps: list[int], failures: int) -> None:
    policy, one, now_ns = BreakerPolicy(failures, 5 * MINUTE, 60 * MINUTE), Breaker(), 0
    for gap in gaps:
        now_ns += gap * NANOSECONDS
        one = one.failed(policy, "", now_ns)
        if one.state(now_ns) is OPEN:
            assert 5 * MINUTE <= one.pause_ns <= 60 * MINUTE
            assert now_ns < one.until_ns <= now_ns + one.pause_ns
        else:
            assert one.failures < failures
