"""Work goes on when whoever waits for it gives up, and not when it is told to end."""

from __future__ import annotations

import asyncio

import pytest

from netmon.routers.lasting import Lasting


async def test_giving_up_waiting_does_not_end_the_work() -> None:
    go = asyncio.Event()

    async def work() -> int:
        await go.wait()
        return 7

    lasting = Lasting("work", work, 60, 0)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await lasting.result()
    assert not lasting.is_over
    go.set()
    assert [await lasting.result(), await lasting.result()] == [7, 7]
    assert lasting.is_over


async def test_the_work_ends_by_its_deadline() -> None:
    lasting = Lasting("work", asyncio.Event().wait, 0.001, 0)
    with pytest.raises(TimeoutError):
        await lasting.result()


@pytest.mark.parametrize("has_begun", [False, True])
async def test_nothing_is_left_of_work_that_is_ended(has_begun: bool, caplog: pytest.LogCaptureFixture) -> None:
    lasting = Lasting("work", asyncio.Event().wait, 60, 0)
    if has_begun:
        await asyncio.sleep(0)
    await lasting.end()
    assert len(asyncio.all_tasks()) == 1
    assert caplog.records == []


async def test_a_failure_that_nobody_waited_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise LookupError("a defect")

    lasting = Lasting("work", work, 60, 0)
    await asyncio.sleep(0)
    await lasting.end()
    assert [record.getMessage() for record in caplog.records] == ["work: a defect"]
