"""Surveys every router now and then: health, transceivers, neighbours. Polling never waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from netmon.core.model import NANOSECONDS
from netmon.daemon.pollers import RouterHealth, phase_s
from netmon.routers.discovery import Discovered
from netmon.routers.inspection import Inspection
from netmon.routers.polling import PollError

log = logging.getLogger(__name__)

FIRST_WITHIN_S: Final = 60.0
"""Within so long (or the interval, if shorter) a router is surveyed after a start, a reload, or its own return."""
SHARE_IN_FLIGHT: Final = 20
"""Of so many requests that may wait for replies at once, surveys have one: each waits for one at a time."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One survey that succeeded."""

    found: Inspection
    at_ns: int
    """When it ended, UTC."""
    duration_s: float


class Known(Protocol):
    """A router's poller."""

    @property
    def discovered(self) -> Discovered | None:
        """The router as last discovered; None: not yet."""


class Reader(Protocol):
    """Who reads the router."""

    async def inspect(self, discovered: Discovered, known_ports: Collection[str]) -> Inspection:
        """Raises PollError."""


class Watch(Protocol):
    """Who is told what was found."""

    def ports(self, router: str) -> Collection[str]:
        """ifNames that had a transceiver."""

    def take(self, survey: Survey) -> None: ...

    def failed(self, router: str, asked: bool) -> None:
        """`asked`: False where the router was not even asked."""


@dataclass(slots=True)
class SurveyLoop:
    """The surveys of one router, for ever. One that answers no polls is not asked."""

    health: RouterHealth
    """As the polls of the router make it."""
    poller: Known
    reader: Reader
    watch: Watch
    turns: asyncio.Semaphore
    """Shared by all routers: so many are surveyed at once."""
    interval_s: float
    deadline_s: float
    now_ns: Callable[[], int]
    _problem: str | None = field(default=None, init=False)

    async def run(self) -> None:
        """Spread evenly: each router has its own phase of the interval, as it has of the polls'."""
        now = self.now_ns()
        due = now + int(phase_s(self.health.router, min(self.interval_s, FIRST_WITHIN_S)) * NANOSECONDS)
        while True:
            await asyncio.sleep(max(0.0, (due - self.now_ns()) / NANOSECONDS))
            was_asked = await self.survey()
            now = max(self.now_ns(), due)
            due = self._next_due(now)
            if not was_asked:
                due = min(due, now + int(FIRST_WITHIN_S * NANOSECONDS))

    async def survey(self) -> bool:
        """One survey, at most the deadline long once its turn has come; whether the router was asked."""
        discovered, router = self.poller.discovered, self.health.router
        if discovered is None or self.health.problem is not None:
            self.watch.failed(router, asked=False)
            return False
        async with self.turns:
            began = time.perf_counter()
            try:
                async with asyncio.timeout(self.deadline_s):
                    found = await self.reader.inspect(discovered, self.watch.ports(router))
            except PollError as error:
                self._failed(error.reason)
                return True
            except TimeoutError:
                self._failed(f"no complete answer within {self.deadline_s:g} s")
                return True
            duration_s = time.perf_counter() - began
        if self._problem is not None:
            log.warning("%s: its health and transceivers can be read again", router)
            self._problem = None
        self.watch.take(Survey(found, self.now_ns(), duration_s))
        return True

    def _failed(self, problem: str) -> None:
        if self._problem is None:
            log.warning("%s: its health and transceivers cannot be read: %s", self.health.router, problem)
        self._problem = problem
        self.watch.failed(self.health.router, asked=True)

    def _next_due(self, after_ns: int) -> int:
        interval = int(self.interval_s * NANOSECONDS)
        phase = int(phase_s(self.health.router, self.interval_s) * NANOSECONDS)
        return after_ns + interval - (after_ns - phase) % interval
