"""Work that outlives whoever waits for it: what takes longer than one visit is taken up by the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Lasting(Generic[T]):
    """Begun at once; it ends by itself, by its deadline, or by `end`, and not because somebody gives up waiting."""

    def __init__(self, name: str, work: Callable[[], Awaitable[T]], deadline_s: float, since_ns: int) -> None:
        """`since_ns`: UTC now."""
        self.since_ns = since_ns
        self._task = asyncio.create_task(_bounded(work, deadline_s), name=name)

    @property
    def is_over(self) -> bool:
        """Whether `result` returns, or raises, at once."""
        return self._task.done()

    async def wait(self) -> None:
        """Returns when it is over, at once if it is. May be cancelled, which does not end it."""
        if not self._task.done():
            await asyncio.wait((self._task,))

    async def result(self) -> T:
        """What came of it, or the exception that ended it; TimeoutError: its deadline. May be cancelled like `wait`."""
        await self.wait()
        return self._task.result()

    async def end(self) -> None:
        """Returns when nothing of it is left; a failure that nobody has seen is logged."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            log.warning("%s: %s", self._task.get_name(), error)


async def _bounded(work: Callable[[], Awaitable[T]], deadline_s: float) -> T:
    async with asyncio.timeout(deadline_s):
        return await work()
