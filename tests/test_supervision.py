"""Leaves that fail come back, siblings never notice, and what is essential takes the service with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from support.processes import PATIENCE_S, eventually

from netmon import supervision
from netmon.supervision import EssentialTaskEndedError, Supervisor


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_S", 0.001)


async def test_a_leaf_that_fails_is_restarted_and_its_sibling_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    supervisor, attempts, ticks = Supervisor(), 0, 0

    async def failing() -> None:
        nonlocal attempts
        attempts += 1
        raise ValueError("no luck")

    async def steady() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    supervisor.leaf("failing", failing)
    sibling = supervisor.leaf("steady", steady)
    await eventually(lambda: supervisor.restarts["failing"] >= 3, "three restarts")
    before = ticks
    await eventually(lambda: ticks > before, "the sibling to go on")
    assert not sibling.done()
    assert attempts >= 3
    assert len([r for r in caplog.records if "failing failed" in r.message]) == 1, "the same failure is told once"
    await supervisor.stop()


async def test_another_failure_of_the_same_leaf_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    supervisor, failures = Supervisor(), iter(["first", "first", "second"])

    async def failing() -> None:
        reason = next(failures, None)
        if reason is None:
            await asyncio.Event().wait()
        raise OSError(reason)

    supervisor.leaf("failing", failing)
    await eventually(lambda: supervisor.restarts["failing"] == 3, "three restarts")
    assert len([r for r in caplog.records if "failing failed" in r.message]) == 2
    await supervisor.stop()


async def test_a_leaf_that_simply_ends_is_not_restarted() -> None:
    supervisor, runs = Supervisor(), 0

    async def once() -> None:
        nonlocal runs
        runs += 1

    await supervisor.leaf("once", once)
    assert runs == 1
    assert not supervisor.restarts
    await supervisor.stop()


@pytest.mark.parametrize("how", ["fails", "ends"])
async def test_an_essential_task_that_dies_ends_the_service(how: str) -> None:
    supervisor = Supervisor()

    async def accountant() -> None:
        if how == "fails":
            raise RuntimeError("out of memory")

    supervisor.essential("accountant", accountant)
    with pytest.raises(EssentialTaskEndedError, match=r"accountant (failed: out of memory|ended)"):
        await supervisor.wait()
    await supervisor.stop()


async def test_a_task_that_catches_its_cancellation_is_cancelled_again() -> None:
    supervisor = Supervisor()
    caught = 0

    async def stubborn() -> None:
        nonlocal caught
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                caught += 1
                if caught == 2:
                    raise

    task = supervisor.leaf("stubborn", stubborn)
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await supervisor.stop()
    assert task.cancelled()
    assert caught == 2


async def test_a_task_that_never_ends_is_named_and_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("netmon.supervision.STOP_ATTEMPT_S", 0.01)
    supervisor, freed = Supervisor(), False

    async def deaf() -> None:
        while not freed:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    task = supervisor.leaf("deaf", deaf)
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await supervisor.stop()
    assert "deaf does not end" in caplog.text
    freed = True
    task.cancel()
    await asyncio.wait([task])


async def test_stop_cancels_everything_and_wait_returns() -> None:
    supervisor = Supervisor()
    tasks = [supervisor.leaf("a", asyncio.Event().wait), supervisor.essential("b", asyncio.Event().wait)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await supervisor.stop()
    await supervisor.wait()
    assert all(task.cancelled() for task in tasks)
