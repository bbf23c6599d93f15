"""A cap on what runs at once, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """`count` slots; a released one passes straight to whoever waits longest.

    Unlike asyncio.Semaphore, whose release looks past every waiter already woken, each step costs the same however
    many wait: thousands do just when many agents are silent.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._queue: deque[asyncio.Future[None]] = deque()
        self.waiting = 0

    def take(self) -> bool:
        """A slot if one is free; nobody waits then."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def acquire(self) -> None:
        """Returns with a slot; when cancelled, without."""
        if self.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            # Cancelled between being given the slot and waking up: it goes to the next.
            if turn.done() and not turn.cancelled():
                self.release()
            raise
        finally:
            self.waiting -= 1

    def release(self) -> None:
        """Gives one slot back."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
