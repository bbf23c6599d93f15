"""Time never runs backwards, and decisions rest only on a clock that can be trusted."""

from __future__ import annotations

import pytest
from daemon.world import START_NS, Hands

from netmon.core.model import NANOSECONDS
from netmon.daemon.clock import DISAGREEMENT_NS, Clock, synchronised_by_kernel

MINUTE_NS = 60 * NANOSECONDS


def test_the_clock_passes_as_the_hosts_does() -> None:
    hands = Hands()
    clock = hands.clock()
    assert clock.now_ns() == START_NS
    hands.pass_s(90)
    assert clock.now_ns() == START_NS + 90 * NANOSECONDS


def test_a_step_forward_is_followed() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall_ns += 3600 * NANOSECONDS
    assert clock.now_ns() == START_NS + 3600 * NANOSECONDS


def test_a_step_backward_is_not_followed_and_time_goes_on() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall_ns -= 3600 * NANOSECONDS
    assert clock.now_ns() == START_NS
    hands.pass_s(10)
    assert clock.now_ns() == START_NS + 10 * NANOSECONDS


def test_after_a_step_back_and_forth_the_hosts_clock_is_followed_again() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall_ns -= 3600 * NANOSECONDS
    clock.now_ns()
    hands.wall_ns += 3700 * NANOSECONDS
    assert clock.now_ns() == START_NS + 100 * NANOSECONDS


def test_later_calls_never_return_less_whatever_the_host_does() -> None:
    hands = Hands()
    clock = hands.clock()
    seen = [clock.now_ns()]
    for step in (5, -400, 3, 1000, -2, 0, -(10**6), 10**6, 7):
        hands.wall_ns += step * NANOSECONDS
        hands.monotonic_ns += NANOSECONDS
        seen.append(clock.now_ns())
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("stepped_ns", "newest_ns", "synchronised", "objection"),
    [
        (0, None, True, None),
        (0, START_NS, True, None),
        (0, START_NS + DISAGREEMENT_NS, True, None),
        (0, START_NS + DISAGREEMENT_NS + 1, True, "newest visit lies more than five minutes in the future"),
        (0, START_NS - 365 * 86_400 * NANOSECONDS, True, None),
        (-DISAGREEMENT_NS, None, True, None),
        (-DISAGREEMENT_NS - 1, None, True, "set back by more than five minutes"),
        (+DISAGREEMENT_NS + 1, None, True, None),
        (0, None, False, "no time service keeps the host's clock synchronised"),
    ],
)
def test_trust_ends_for_a_named_reason(
    stepped_ns: int, newest_ns: int | None, synchronised: bool, objection: str | None
) -> None:
    hands = Hands()
    clock = hands.clock(require_synchronised=True)
    hands.wall_ns += stepped_ns
    hands.synchronised = synchronised
    trust = clock.trust(newest_ns)
    assert bool(trust) is (objection is None)
    if objection is None:
        assert trust.objection is None
    else:
        assert objection in str(trust.objection)


def test_trust_returns_when_the_host_has_caught_up() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall_ns -= 10 * MINUTE_NS
    assert not clock.trust(None)
    hands.wall_ns += 6 * MINUTE_NS
    assert clock.trust(None)


def test_synchronisation_is_not_asked_for_where_it_is_not_required() -> None:
    hands = Hands(synchronised=False)
    assert hands.clock(require_synchronised=False).trust(None)
    assert not hands.clock(require_synchronised=True).trust(None)


def test_the_kernel_answers_whether_its_clock_is_kept() -> None:
    assert synchronised_by_kernel() in {True, False}


def test_the_real_clock_ticks() -> None:
    clock = Clock(require_synchronised=False)
    earlier = clock.now_ns()
    assert earlier > 10**18
    assert clock.now_ns() >= earlier
