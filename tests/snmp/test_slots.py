from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.snmp.slots import Slots


async def test_a_slot_given_to_a_waiter_that_is_cancelled_before_it_wakes_goes_to_the_next() -> None:
    slots = Slots(1)
    await slots.acquire()
    first, second = (asyncio.create_task(slots.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    assert slots.waiting == 2
    slots.release()
    first.cancel()
    await second
    assert first.cancelled()
    assert slots.waiting == 0


@given(st.integers(1, 3), st.lists(st.sampled_from(["ask", "release", "cancel oldest", "cancel newest", "turn"])))
@settings(max_examples=60, deadline=None)
def test_slots_are_neither_lost_nor_made_and_go_out_in_order(count: int, steps: list[str]) -> None:
    async def play() -> None:
        slots = Slots(count)
        given_to: list[int] = []
        asked = held = 0
        tasks: list[asyncio.Task[None]] = []

        async def want(number: int) -> None:
            await slots.acquire()
            given_to.append(number)

        for step in steps:
            pending = [task for task in tasks if not task.done()]
            if step == "ask":
                tasks.append(asyncio.create_task(want(asked)))
                asked += 1
            elif step == "release" and len(given_to) > held:
                held += 1
                slots.release()
            elif step == "cancel oldest" and pending:
                pending[0].cancel()
            elif step == "cancel newest" and pending:
                pending[-1].cancel()
            else:
                await asyncio.sleep(0)
            assert len(given_to) - held <= count
        for _ in range(asked + 2):
            await asyncio.sleep(0)
        taken = len(given_to) - held
        waiting = sum(not task.done() for task in tasks)
        assert slots.waiting == waiting
        assert taken <= count
        assert taken == count or not waiting
        assert given_to == sorted(given_to)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(play())
