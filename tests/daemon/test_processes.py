"""Real child processes: asked over a pipe, killed, started again, and gone when the daemon is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from daemon import children
from daemon.world import alive
from support.processes import PATIENCE_S, eventually, wait_until

from netmon import supervision
from netmon.daemon import worker
from netmon.daemon.processes import Child, ChildDiedError, ChildFailedError, Questions
from netmon.daemon.worker import Call
from netmon.store.errors import StoreError
from netmon.supervision import Supervisor


@asynccontextmanager
async def started(setup: Any = None, questions: Questions | None = None) -> AsyncIterator[Child]:
    child = Child("helper", children.obliging, setup, questions)
    supervisor = Supervisor()
    supervisor.leaf("helper", child.run)
    try:
        yield child
    finally:
        await supervisor.stop()


class Gate:
    """A daemon that answers its child's questions once the gate is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, question: Any) -> Any:
        await self.open.wait()
        return question


async def test_a_request_is_answered_by_another_process() -> None:
    async with started({"threads": 3}) as child:
        assert await child.request(("setup", None)) == {"threads": 3}
        pid = await child.request(("pid", None))
        assert pid == child.pid != os.getpid()
        answers = await asyncio.gather(*(child.request(("echo", number)) for number in range(100)))
        assert answers == list(range(100))
    assert child.pid is None
    assert not alive(pid)


def test_messages_larger_than_the_pipe_pass_whole_both_ways_under_uvloop() -> None:
    async def both_ways() -> None:
        async with started() as child:
            large = list(range(700_000))
            assert await child.request(("echo", large)) == large
            assert await asyncio.gather(*(child.request(("echo", large)) for _ in range(3))) == [large] * 3

    uvloop.run(both_ways())


async def test_answers_come_as_they_are_ready_not_as_they_were_asked() -> None:
    gate = Gate()
    async with started(questions=gate) as child:
        slow = asyncio.ensure_future(child.request(("ask", "slow")))
        await asyncio.sleep(0)
        assert await child.request(("echo", "quick")) == "quick"
        assert not slow.done()
        gate.open.set()
        assert await slow == ("answered", "slow")


async def test_what_the_child_cannot_do_it_says_in_its_own_sentence() -> None:
    async with started() as child:
        with pytest.raises(ChildFailedError, match=r"^router palu has no ssh credential$"):
            await child.request(("fail", "router palu has no ssh credential"))
        assert await child.request(("echo", 1)) == 1


async def test_a_killed_child_fails_what_was_pending_and_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_S", 0.05)
    async with started() as child:
        first = await child.request(("pid", None))
        pending = [asyncio.ensure_future(child.request(("hang", None))) for _ in range(3)]
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        outcomes = await asyncio.wait_for(asyncio.gather(*pending, return_exceptions=True), PATIENCE_S)
        assert [str(one) for one in outcomes] == ["the helper process ended before it answered"] * 3
        assert all(isinstance(one, ChildDiedError) for one in outcomes)
        second = await asyncio.wait_for(child.request(("pid", None)), PATIENCE_S)
        assert second not in {first, os.getpid()}
        assert await child.request(("echo", "as before")) == "as before"
    assert not alive(first)
    assert not alive(second)
    assert "helper failed; it will be restarted" in caplog.text


async def test_a_child_that_fails_by_itself_is_a_dead_child() -> None:
    async with started() as child:
        with pytest.raises(ChildDiedError):
            await child.request(("crash", "a defect"))


async def test_a_request_before_the_child_runs_waits_for_it() -> None:
    child = Child("helper", children.obliging, None)
    request = asyncio.ensure_future(child.request(("echo", 1)))
    await asyncio.sleep(0)
    assert not request.done()
    running = asyncio.ensure_future(child.run())
    assert await asyncio.wait_for(request, PATIENCE_S) == 1
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_request_that_was_given_up_leaves_nothing_behind() -> None:
    gate = Gate()
    async with started(questions=gate) as child:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(child.request(("ask", "given up")), 0.05)
        assert child._pending == {}
        gate.open.set()
        # Answered after it, as a rule: two threads of the child.
        assert await child.request(("ask", "later")) == ("answered", "later")
        assert await child.request(("echo", "still here")) == "still here"
        assert child._pending == {}


async def test_stopping_ends_a_child_with_a_hung_thread() -> None:
    async with started() as child:
        pid = await child.request(("pid", None))
        hung = asyncio.ensure_future(child.request(("hang", None)))
        await asyncio.sleep(0)
    assert not alive(pid)
    with pytest.raises(ChildDiedError):
        await hung


async def test_signals_of_the_terminal_and_the_service_manager_are_for_the_daemon_alone() -> None:
    async with started() as child:
        pid = await child.request(("pid", None))
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
        assert await child.request(("pid", None)) == pid


# --- questions from the child ----------------------------------------------------------------


async def test_the_child_asks_and_the_daemon_answers() -> None:
    async def answer(question: Any) -> Any:
        await asyncio.sleep(0.01)
        return question * 2

    async with started(questions=answer) as child:
        answers = await asyncio.gather(*(child.request(("ask", number)) for number in range(20)))
    assert answers == [("answered", 2 * number) for number in range(20)]


async def test_what_the_daemon_cannot_do_reaches_the_child_as_a_sentence() -> None:
    async def refuse(_: Any) -> Any:
        raise StoreError("the disk is full")

    async with started(questions=refuse) as child:
        assert await child.request(("ask", 1)) == ("refused", "the disk is full")


async def test_a_daemon_that_takes_no_questions_says_so() -> None:
    async with started() as child:
        assert await child.request(("ask", 1)) == ("refused", "the daemon takes no questions from the helper")


async def test_a_child_killed_while_the_daemon_thinks_of_an_answer_is_no_accident(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def think(_: Any) -> Any:
        asked.set()
        await go_on.wait()

    async with started(questions=think) as child:
        pid = await child.request(("pid", None))
        request = asyncio.ensure_future(child.request(("ask", 1)))
        await asked.wait()
        os.kill(pid, signal.SIGKILL)
        go_on.set()
        with pytest.raises(ChildDiedError):
            await request
        await eventually(lambda: not child._answering, "the answer to be given up")
    assert "never retrieved" not in caplog.text


# --- the end of the daemon -------------------------------------------------------------------


def test_a_child_ends_with_its_daemon_however_that_ended() -> None:
    tests = Path(children.__file__).parents[1]
    command = [sys.executable, str(children.__file__)]
    environment = {**os.environ, "PYTHONPATH": str(tests)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        wait_until(lambda: not alive(pid), "the child to end")


# --- the worker ------------------------------------------------------------------------------


async def test_the_worker_evaluates_calls_and_tells_what_went_wrong_in_them() -> None:
    child = Child("worker", worker.main, None)
    supervisor = Supervisor()
    supervisor.leaf("worker", child.run)
    try:
        assert await child.request(Call(divmod, (17, 5))) == (3, 2)
        with pytest.raises(ChildFailedError, match=r"^divmod: .*by zero"):
            await child.request(Call(divmod, (1, 0)))
        assert await child.request(Call(sorted, ((3, 1, 2),))) == [1, 2, 3]
    finally:
        await supervisor.stop()
