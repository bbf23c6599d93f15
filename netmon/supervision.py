"""Keeps fallible tasks running: the only place that catches every exception.

A leaf that fails is logged once per distinct failure, counted, and restarted with back-off; its
siblings never notice. An essential task that ends by itself ends the whole service, and the init
system starts it anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STOP_ATTEMPTS = 10
STOP_ATTEMPT_S = 0.5


class EssentialTaskEndedError(RuntimeError):
    """A task without which the service makes no sense has died."""


class Supervisor:
    """Owns the service's tasks. Not reusable after `stop`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.restarts: Counter[str] = Counter()
        """How often each leaf has been restarted."""

    def leaf(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Runs `work` and, whenever it fails, again after a pause of 0.5 s doubling up to 30 s."""
        return self._own(asyncio.create_task(self._restarting(name, work), name=name))

    def essential(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Runs `work`; if it ends other than by `stop`, `wait` raises EssentialTaskEndedError."""
        return self._own(asyncio.create_task(self._watched(name, work), name=name))

    async def wait(self) -> None:
        """Returns once `finish` was called. Raises EssentialTaskEndedError."""
        await asyncio.shield(self._ended)

    def finish(self) -> None:
        """Asks `wait` to return."""
        if not self._ended.done():
            self._ended.set_result(None)

    def fail(self, why: str) -> None:
        """Makes `wait` raise EssentialTaskEndedError: the service cannot go on."""
        if not self._ended.done():
            self._ended.set_exception(EssentialTaskEndedError(why))

    async def stop(self) -> None:
        """Cancels every task and waits for them, at most five seconds.

        A task that catches its cancellation, as a library's reconnection may, is cancelled again.
        """
        self.finish()
        pending = set(self._tasks)
        for _ in range(STOP_ATTEMPTS):
            if not pending:
                return
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=STOP_ATTEMPT_S)
        for task in pending:
            log.warning("%s does not end; it is left behind", task.get_name())

    def _own(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _restarting(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause, told = FIRST_PAUSE_S, ""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await work()
            except Exception as error:
                failure = f"{type(error).__name__}: {error}"
                if failure != told:
                    log.exception("%s failed; it will be restarted", name)
                    told = failure
            else:
                return
            self.restarts[name] += 1
            if loop.time() - began > LONGEST_PAUSE_S:
                pause, told = FIRST_PAUSE_S, ""
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _watched(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            log.exception("%s, which is essential, failed", name)
            self.fail(f"{name} failed: {error}")
        else:
            self.fail(f"{name} ended")
