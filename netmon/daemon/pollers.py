"""Visits every router in its turn: a phase of its own, a deadline of its own, nobody waits for anybody."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netmon.core.measurement import Poll
from netmon.core.model import NANOSECONDS
from netmon.routers.polling import PollError

log = logging.getLogger(__name__)

ASKED_EVERY_S = 5.0
"""Visits asked for are at least so far apart, however often they are asked for."""

BEAT_S = 0.25
"""Visits begin on a common beat, so that one wake-up serves many: a visit on its own takes twice as much CPU."""
BEATS = 120
"""An interval has at least so many: where it is short, they are faster."""


class Visitor(Protocol):
    """One router's poller; `poll` raises PollError for a visit that failed."""

    @property
    def under_way(self) -> str | None:
        """What a visit that was cut off waited for and the next one takes up; None: nothing."""

    async def poll(self) -> Poll: ...

    async def close(self) -> None:
        """Ends what goes on between visits."""


@dataclass(slots=True)
class RouterHealth:
    """What the visits of one router say of it."""

    router: str
    watched_since_ns: int
    last_ok_ns: int | None = None
    duration_s: float = 0.0
    problem: str | None = None
    """The sentence of the last failure, which names the router; None after a success."""
    polls: int = 0
    failures: int = 0
    late: int = 0
    """Turns skipped because the visit before had not ended."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Configured ports that go on under another name, unconfirmed: measured, but not to be limited."""


def phase_s(router: str, interval_s: float) -> float:
    """Where in the interval a router's visits lie: spread evenly over its beats, and the same after every restart."""
    digest = hashlib.sha256(router.encode()).digest()
    beats = max(BEATS, int(interval_s / BEAT_S))
    return int(int.from_bytes(digest[:8], "big") / 2**64 * beats) % beats * interval_s / beats


@dataclass(slots=True)
class PollLoop:
    """The visits of one router, for ever."""

    router: str
    visitor: Visitor
    interval_s: float
    deadline_s: float
    health: RouterHealth
    now_ns: Callable[[], int]
    on_poll: Callable[[Poll], None]
    on_end: Callable[[RouterHealth, bool], None]
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _asked: bool = field(default=False, init=False)
    _held_until: float = field(default=0.0, init=False)

    def ask(self) -> None:
        """For a visit out of turn: at once, or as soon as the last such one is ASKED_EVERY_S ago.

        What is asked during a visit is answered by another: the router may have changed after it was read.
        """
        self._asked = True
        self._wake.set()

    async def run(self) -> None:
        """Keeps the phase: the k-th visit is due at k intervals, whatever the visits before took."""
        try:
            await self._run()
        finally:
            await self.visitor.close()

    async def _run(self) -> None:
        due = self._next_due(self.now_ns())
        while True:
            if await self._is_asked_before(due):
                self._held_until = time.monotonic() + ASKED_EVERY_S
                await self.visit()
                continue
            await self.visit()
            following = self._next_due(max(self.now_ns(), due))
            self.health.late += max(0, round((following - due) / NANOSECONDS / self.interval_s) - 1)
            due = following

    async def _is_asked_before(self, due: int) -> bool:
        """Waits for the next visit; whether it is one out of turn. A regular one answers what was asked too."""
        asked = False
        patience_s = (due - self.now_ns()) / NANOSECONDS
        if patience_s > 0:
            # A timer that wakes costs a fifth of a timeout that raises, and this happens at every visit.
            timer = asyncio.get_running_loop().call_later(patience_s, self._wake.set)
            try:
                await self._wake.wait()
                held_s = self._held_until - time.monotonic()
                asked = self._asked and held_s < (due - self.now_ns()) / NANOSECONDS
                if self._asked:
                    await asyncio.sleep(max(0.0, min(held_s, (due - self.now_ns()) / NANOSECONDS)))
            finally:
                timer.cancel()
        else:
            await asyncio.sleep(0)
        self._wake.clear()
        self._asked = False
        return asked

    async def visit(self) -> None:
        """One visit, at most the deadline long; its end is told to `on_end` in every case."""
        health = self.health
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.deadline_s):
                poll = await self.visitor.poll()
        except (TimeoutError, PollError) as error:
            health.failures += 1
            sentence = str(error) or self._cut_off()
            if health.problem is None:
                log.warning("%s", sentence)
            health.problem = sentence
            self._end(began, ok=False)
            return
        if health.problem is not None:
            log.warning("%s answers again", self.router)
        health.problem, health.last_ok_ns = None, poll.at_ns
        health.polls += 1
        self.on_poll(poll)
        self._end(began, ok=True)

    def _cut_off(self) -> str:
        why = self.visitor.under_way
        return f"{self.router}: no complete answer within {self.deadline_s:g} s{f'; {why}' if why else ''}"

    def _end(self, began: float, ok: bool) -> None:
        self.health.duration_s = time.perf_counter() - began
        self.on_end(self.health, ok)

    def _next_due(self, after_ns: int) -> int:
        interval = int(self.interval_s * NANOSECONDS)
        phase = int(phase_s(self.router, self.interval_s) * NANOSECONDS)
        return after_ns + interval - (after_ns - phase) % interval
