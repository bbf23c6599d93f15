"""Each router is visited in its own phase, within its own deadline; nobody waits for anybody."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from daemon.world import a_poll, at_work
from hypothesis import given
from hypothesis import strategies as st
from support.processes import eventually
from support.virtual_time import VirtualTime

from netmon.core.measurement import Poll
from netmon.daemon import pollers
from netmon.daemon.pollers import PollLoop, RouterHealth, phase_s
from netmon.routers.polling import PollError


class Visitor:
    """A router that answers as the test says; notes when it was asked."""

    def __init__(self, answer: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.asked_s: list[float] = []
        """Of the event loop's clock."""
        self.ended = 0
        self.closed = 0
        self.under_way: str | None = None
        self._answer = answer

    async def poll(self) -> Poll:
        self.asked_s.append(asyncio.get_running_loop().time())
        if self._answer is not None:
            await self._answer(len(self.asked_s))
        self.ended += 1
        return a_poll("palu", len(self.asked_s), 1)

    async def close(self) -> None:
        self.closed += 1


class Ends:
    """What the loop told of its visits."""

    def __init__(self) -> None:
        self.polls: list[Poll] = []
        self.ok: list[bool] = []

    def on_end(self, health: RouterHealth, ok: bool) -> None:
        self.ok.append(ok)


def a_loop(
    visitor: Visitor,
    ends: Ends,
    interval_s: float = 0.1,
    deadline_s: float = 0.05,
    router: str = "palu",
    now_ns: Callable[[], int] = time.time_ns,
) -> PollLoop:
    return PollLoop(
        router=router,
        visitor=visitor,
        interval_s=interval_s,
        deadline_s=deadline_s,
        health=RouterHealth(router, 0),
        now_ns=now_ns,
        on_poll=ends.polls.append,
        on_end=ends.on_end,
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Every clock a loop of visits reads; its tasks run on it."""
    loop = VirtualTime()
    monkeypatch.setattr(pollers, "time", SimpleNamespace(monotonic=loop.time, perf_counter=loop.time))
    return loop


async def forever(_: int) -> None:
    await asyncio.Event().wait()


def failing(sentence: str, times: range) -> Callable[[int], Awaitable[None]]:
    async def answer(number: int) -> None:
        if number in times:
            raise PollError("palu", sentence)

    return answer


# --- phases ----------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=30), st.floats(0.5, 3600))
def test_a_routers_phase_lies_in_the_interval_and_is_the_same_after_every_restart(router: str, interval: float) -> None:
    assert 0 <= phase_s(router, interval) < interval
    assert phase_s(router, interval) == phase_s(router, interval)


def test_phases_do_not_depend_on_the_process() -> None:
    assert phase_s("palu", 30) == 11.0


def test_phases_are_spread_evenly() -> None:
    tenths = Counter(int(phase_s(f"router-{number}", 10)) for number in range(5000))
    assert len(tenths) == 10
    assert all(400 < count < 600 for count in tenths.values())
    assert len({phase_s(f"router-{number}", 1) for number in range(5000)}) == pollers.BEATS


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30), st.sampled_from([30, 60, 300]))
def test_visits_begin_on_a_beat_that_all_routers_have_in_common(one: str, other: str, interval: float) -> None:
    assert ((phase_s(one, interval) - phase_s(other, interval)) / pollers.BEAT_S).is_integer()


def test_visits_keep_the_phase(clock: VirtualTime) -> None:
    visitor = Visitor()

    async def play() -> None:
        async with at_work(a_loop(visitor, Ends(), 30, 10, now_ns=clock.time_ns).run):
            await asyncio.sleep(100)

    clock.play(play())
    due = phase_s("palu", 30)
    assert visitor.asked_s == pytest.approx([due, due + 30, due + 60], abs=0.001)


def test_a_visit_that_takes_longer_than_the_interval_skips_turns_and_keeps_the_phase(clock: VirtualTime) -> None:
    async def slow_once(number: int) -> None:
        if number == 1:
            await asyncio.sleep(70)

    visitor = Visitor(slow_once)

    async def play() -> int:
        loop = a_loop(visitor, Ends(), 30, 100, now_ns=clock.time_ns)
        async with at_work(loop.run):
            await asyncio.sleep(150)
        return loop.health.late

    assert clock.play(play()) == 2
    due = phase_s("palu", 30)
    assert visitor.asked_s == pytest.approx([due, due + 90, due + 120], abs=0.001), "none while one was under way"


# --- the deadline ----------------------------------------------------------------------------


async def test_a_dead_router_delays_nobody() -> None:
    dead_ends, alive_ends = Ends(), Ends()
    dead = a_loop(Visitor(forever), dead_ends, deadline_s=30, router="dead")
    alive = a_loop(Visitor(), alive_ends, router="alive")
    async with at_work(dead.visit, alive.run):
        await eventually(lambda: len(alive_ends.polls) >= 5, "five visits of the living")
        assert dead_ends.ok == []


def test_a_visit_of_a_dead_router_ends_at_its_deadline(clock: VirtualTime) -> None:
    ends = Ends()

    async def play() -> RouterHealth:
        loop = a_loop(Visitor(forever), ends, deadline_s=9.5, router="dead")
        await loop.visit()
        return loop.health

    health = clock.play(play())
    assert (ends.polls, ends.ok) == ([], [False])
    assert health.problem == "dead: no complete answer within 9.5 s"
    assert health.duration_s == pytest.approx(9.5, abs=0.001)


async def test_a_visit_cut_off_says_what_goes_on_without_it() -> None:
    visitor = Visitor(forever)
    visitor.under_way = "its interfaces are still being discovered; the next visit takes that up"
    loop = a_loop(visitor, Ends())
    await loop.visit()
    assert loop.health.problem == f"palu: no complete answer within 0.05 s; {visitor.under_way}"


async def test_what_goes_on_between_visits_ends_with_the_loop() -> None:
    visitor = Visitor()
    async with at_work(a_loop(visitor, Ends()).run):
        await eventually(lambda: visitor.ended >= 2, "two visits")
        assert visitor.closed == 0
    assert visitor.closed == 1


# --- health ----------------------------------------------------------------------------------


async def test_a_poll_is_handed_over_and_its_end_told() -> None:
    visitor, ends = Visitor(), Ends()
    loop = a_loop(visitor, ends)
    await loop.visit()
    assert [poll.router for poll in ends.polls] == ["palu"]
    assert ends.ok == [True]
    health = loop.health
    assert (health.polls, health.failures, health.problem) == (1, 0, None)
    assert health.last_ok_ns == ends.polls[0].at_ns


async def test_a_failure_and_the_recovery_are_logged_once_and_every_visit_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    visitor, ends = Visitor(failing("the agent does not answer", range(2, 6))), Ends()
    loop = a_loop(visitor, ends)
    with caplog.at_level(logging.INFO):
        for _ in range(8):
            await loop.visit()
    assert (loop.health.polls, loop.health.failures) == (4, 4)
    assert ends.ok == [True, False, False, False, False, True, True, True]
    assert [record.getMessage() for record in caplog.records] == [
        "palu: the agent does not answer",
        "palu answers again",
    ]


async def test_the_last_problem_is_the_newest_sentence() -> None:
    async def answer(number: int) -> None:
        raise PollError("palu", f"failure {number}")

    loop = a_loop(Visitor(answer), Ends())
    for _ in range(3):
        await loop.visit()
    assert loop.health.problem == "palu: failure 3"


async def test_a_fault_of_netmon_itself_is_not_mistaken_for_the_routers() -> None:
    async def answer(_: int) -> None:
        raise LookupError("a defect")

    with pytest.raises(LookupError, match="a defect"):
        await a_loop(Visitor(answer), Ends()).visit()


# --- visits out of turn ----------------------------------------------------------------------


def test_a_visit_that_is_asked_for_happens_at_once_and_the_turn_is_kept(clock: VirtualTime) -> None:
    visitor = Visitor()

    async def play() -> int:
        loop = a_loop(visitor, Ends(), interval_s=3600, now_ns=clock.time_ns)
        async with at_work(loop.run):
            await asyncio.sleep(1)
            for _ in range(20):
                loop.ask()
                await asyncio.sleep(0.1)
            assert visitor.ended == 1, "however often it is asked for"
            await asyncio.sleep(3600)
        return loop.health.late

    assert clock.play(play()) == 0
    answered, due = 1 + pollers.ASKED_EVERY_S, phase_s("palu", 3600)
    assert visitor.asked_s == pytest.approx([1, answered, due], abs=0.001), "at once, for all the others, in its turn"


async def test_a_visit_asked_for_while_one_is_under_way_comes_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netmon.daemon.pollers.ASKED_EVERY_S", 0.1)
    going_on = asyncio.Event()

    async def slowly(number: int) -> None:
        if number == 1:
            await going_on.wait()

    visitor = Visitor(slowly)
    loop = a_loop(visitor, Ends(), interval_s=3600, deadline_s=5)
    async with at_work(loop.run):
        loop.ask()
        await eventually(lambda: visitor.asked_s, "the first visit to begin")
        loop.ask()
        going_on.set()
        await eventually(lambda: visitor.ended == 2, "the second visit")
