"""Surveys have their own phase, deadline and number; a router that is down is left alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection

import pytest
from daemon.world import at_work
from support.scripted_agent import ScriptedAgent
from support.virtual_time import VirtualTime

from netmon.bundled import folder
from netmon.core.model import NANOSECONDS
from netmon.daemon.pollers import RouterHealth, phase_s
from netmon.daemon.surveys import FIRST_WITHIN_S, Survey, SurveyLoop
from netmon.routers.discovery import Discovered, discover
from netmon.routers.inspection import Inspection
from netmon.routers.polling import PollError
from netmon.routers.profiles import load_profiles
from netmon.snmp.client import Agent

PROFILES = load_profiles((folder("collectors"),))
KNOWN = asyncio.run(discover(ScriptedAgent(), Agent("192.0.2.1"), PROFILES, None))


class Poller:
    def __init__(self, discovered: Discovered | None = KNOWN) -> None:
        self.discovered = discovered


class Reader:
    """A router that answers as the test says; notes when it was asked, and how many at once."""

    running = 0
    most = 0

    def __init__(self, router: str, answer: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.router, self._answer = router, answer
        self.asked_s: list[float] = []
        """Of the event loop's clock."""

    async def inspect(self, discovered: Discovered, known_ports: Collection[str]) -> Inspection:
        assert known_ports == {"sfp1"}
        self.asked_s.append(asyncio.get_running_loop().time())
        Reader.running += 1
        Reader.most = max(Reader.most, Reader.running)
        try:
            if self._answer is not None:
                await self._answer(len(self.asked_s))
            return Inspection(self.router, discovered, (), (), (), {})
        finally:
            Reader.running -= 1


class Watch:
    """What the loops told."""

    def __init__(self) -> None:
        self.surveys: list[Survey] = []
        self.failures: list[tuple[str, bool]] = []

    def ports(self, router: str) -> set[str]:
        return {"sfp1"}

    def take(self, survey: Survey) -> None:
        self.surveys.append(survey)

    def failed(self, router: str, asked: bool) -> None:
        self.failures.append((router, asked))


def a_loop(
    watch: Watch,
    reader: Reader,
    poller: Poller | None = None,
    health: RouterHealth | None = None,
    turns: int = 10,
    interval_s: float = 300.0,
    deadline_s: float = 60.0,
    now_ns: Callable[[], int] = time.time_ns,
) -> SurveyLoop:
    return SurveyLoop(
        health or RouterHealth(reader.router, 0),
        poller or Poller(),
        reader,
        watch,
        asyncio.Semaphore(turns),
        interval_s,
        deadline_s,
        now_ns,
    )


async def forever(_: int) -> None:
    await asyncio.Event().wait()


def test_a_router_is_surveyed_once_an_interval() -> None:
    clock, watch, reader = VirtualTime(), Watch(), Reader("palu")

    async def play() -> None:
        async with at_work(a_loop(watch, reader, now_ns=clock.time_ns).run):
            await asyncio.sleep(1000)

    clock.play(play())
    first, due = phase_s("palu", FIRST_WITHIN_S), phase_s("palu", 300)
    assert reader.asked_s == pytest.approx([first, due, due + 300, due + 600], abs=0.001)
    assert [survey.found.router for survey in watch.surveys] == ["palu"] * 4


def test_a_router_that_hangs_fails_by_its_deadline_and_nobody_else_waits(caplog: pytest.LogCaptureFixture) -> None:
    clock, watch, well = VirtualTime(), Watch(), Reader("well")

    async def play() -> None:
        turns = asyncio.Semaphore(10)
        loops = [a_loop(watch, reader, now_ns=clock.time_ns) for reader in (Reader("hung", forever), well)]
        for loop in loops:
            loop.turns = turns
        async with at_work(*(loop.run for loop in loops)):
            await asyncio.sleep(1000)

    clock.play(play())
    assert watch.failures == [("hung", True)] * 4
    first, due = phase_s("well", FIRST_WITHIN_S), phase_s("well", 300)
    assert well.asked_s == pytest.approx([first, due, due + 300, due + 600], abs=0.001)
    assert [survey.found.router for survey in watch.surveys] == ["well"] * 4
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ["hung: its health and transceivers cannot be read: no complete answer within 60 s"]


async def test_a_failure_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(number: int) -> None:
        if number < 4:
            raise PollError("palu", "no reply to 4 requests")

    watch = Watch()
    loop = a_loop(watch, Reader("palu", answer))
    for _ in range(5):
        assert await loop.survey()
    assert (len(watch.failures), len(watch.surveys)) == (3, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "palu: its health and transceivers cannot be read: no reply to 4 requests",
        "palu: its health and transceivers can be read again",
    ]


@pytest.mark.parametrize(
    ("discovered", "problem"), [(None, None), (KNOWN, "palu: no reply to 4 requests"), (None, "palu: no reply")]
)
async def test_a_router_that_does_not_answer_its_polls_is_not_asked(
    discovered: Discovered | None, problem: str | None
) -> None:
    watch, reader = Watch(), Reader("palu")
    loop = a_loop(watch, reader, Poller(discovered), RouterHealth("palu", 0, problem=problem))
    assert not await loop.survey()
    assert (watch.failures, watch.surveys, reader.asked_s) == ([("palu", False)], [], [])


def test_no_more_are_surveyed_at_once_than_have_turns() -> None:
    watch = Watch()
    Reader.most = 0

    async def play() -> None:
        turns = asyncio.Semaphore(3)
        loops = [a_loop(watch, Reader(f"r{number}", lambda _: asyncio.sleep(10))) for number in range(12)]
        for loop in loops:
            loop.turns = turns
        await asyncio.gather(*(loop.survey() for loop in loops))

    VirtualTime().play(play())
    assert (Reader.most, len(watch.surveys)) == (3, 12)


def test_the_deadline_begins_with_the_turn() -> None:
    watch = Watch()

    async def play() -> None:
        turns = asyncio.Semaphore(1)
        loops = [a_loop(watch, Reader(f"r{number}", lambda _: asyncio.sleep(30))) for number in range(4)]
        for loop in loops:
            loop.turns = turns
        await asyncio.gather(*(loop.survey() for loop in loops))

    VirtualTime().play(play())
    assert (len(watch.surveys), watch.failures) == (4, [])


async def test_a_router_that_was_not_asked_is_looked_at_again_within_a_minute() -> None:
    slept: list[float] = []

    class Time:
        def __init__(self) -> None:
            self.now = 0

        def __call__(self) -> int:
            return self.now

    clock, watch = Time(), Watch()
    loop = a_loop(watch, Reader("palu"), Poller(None), interval_s=300.0)
    loop.now_ns = clock

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += round(seconds * NANOSECONDS)
        if len(slept) == 4:
            raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netmon.daemon.surveys.asyncio.sleep", sleep)
        with pytest.raises(asyncio.CancelledError):
            await loop.run()
    assert slept[0] < FIRST_WITHIN_S
    assert all(0 < one <= FIRST_WITHIN_S for one in slept)
