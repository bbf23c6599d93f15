"""Turns polls into committed visits: group commit, compare-and-swap, at most one visit in hand per router."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netmon.core.counters import Ceilings, Continuity, Head, LastSeen, Visit, account, continuity
from netmon.core.model import Column, Poll
from netmon.store.errors import StoreError, VisitRefusedError

log = logging.getLogger(__name__)

WAITING_PER_ROUTER = 8
"""Polls kept per router while the ledger cannot commit; of continuous ones only the first and the newest matter."""
RETRY_PAUSE_S = 1.0
NO_CEILINGS = Ceilings({})


class Book(Protocol):
    """What the accountant needs of the ledger; both raise StoreError when nothing was done."""

    async def commit(self, visits: Sequence[Visit]) -> list[bool]: ...

    async def head(self, router: str) -> Head | None: ...


@dataclass(slots=True)
class AccountantStats:
    """Counted since the start."""

    turns: int = 0
    """Times the loop came round: the heartbeat the watchdog is fed by."""
    committed: int = 0
    coalesced: int = 0
    stale: int = 0
    refused: int = 0
    """Visits the ledger called contradictory; each is a defect."""
    conflicts: int = 0
    failures: int = 0
    failing_since_ns: int | None = None
    problem: str | None = None


@dataclass(slots=True)
class Accountant:
    """The essential task between the pollers and the ledger.

    `offer` never blocks. A poll is accounted against the router's head as committed, never as hoped:
    while a visit of the same router is being committed, or cannot be, its polls wait, and of those that
    continue one another only the first, which may be what is counted from, and the newest are kept.
    """

    book: Book
    on_visit: Callable[[Visit, Poll], None]
    on_commit: Callable[[float, int], None]
    """(duration in seconds, visits) of each group commit."""
    now_ns: Callable[[], int]
    commit_interval_s: float
    max_batch: int
    heads: dict[str, Head] = field(default_factory=dict)
    stats: AccountantStats = field(default_factory=AccountantStats)
    ceilings: Mapping[str, Ceilings] = field(default_factory=dict)
    _waiting: dict[str, list[Poll]] = field(default_factory=dict)
    _something: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    def offer(self, poll: Poll) -> None:
        """Takes a poll; bounded: what is continuous coalesces, and beyond the bound the oldest is dropped."""
        if self._closed:
            return
        waiting = self._waiting.setdefault(poll.router, [])
        if len(waiting) > 1 and _continues(waiting[-2], waiting[-1]) and _continues(waiting[-1], poll):
            waiting[-1] = poll
            self.stats.coalesced += 1
        else:
            waiting.append(poll)
            if len(waiting) > WAITING_PER_ROUTER:
                del waiting[2]  # the first two still say what came before the first discontinuity
                self.stats.coalesced += 1
        self._idle.clear()
        self._something.set()

    async def run(self) -> None:
        """Commits what was offered, at least every commit interval, for ever."""
        while True:
            self.stats.turns += 1
            if not self._waiting:
                self._idle.set()
                await self._pause(self.commit_interval_s * 4)
                continue
            await asyncio.sleep(self.commit_interval_s)
            try:
                await self._commit_once()
            except VisitRefusedError as error:
                log.error("%s", error)
                self.stats.refused += 1
                self._done(error.router)
            except StoreError as error:
                self._failed(error)
                await asyncio.sleep(RETRY_PAUSE_S)

    async def drain(self) -> None:
        """Takes no more polls, and returns once nothing waits; the caller bounds how long it is willing to wait."""
        self._closed = True
        if self._waiting:
            await self._idle.wait()

    async def _pause(self, seconds: float) -> None:
        self._something.clear()
        try:
            await asyncio.wait_for(self._something.wait(), seconds)
        except TimeoutError:
            return

    async def _commit_once(self) -> None:
        batch: list[tuple[Visit, Poll]] = []
        for router in list(self._waiting)[: self.max_batch]:
            poll = self._waiting[router][0]
            visit = account(self.heads.get(router), poll, self.ceilings.get(router, NO_CEILINGS))
            if visit is None:
                self.stats.stale += 1
                self._done(router)
            else:
                batch.append((visit, poll))
        if not batch:
            return
        began = time.perf_counter()
        swapped = await self.book.commit([visit for visit, _ in batch])
        self.on_commit(time.perf_counter() - began, sum(swapped))
        self._recovered()
        for (visit, poll), stands in zip(batch, swapped, strict=True):
            if stands:
                self.heads[poll.router] = visit.head
                self.stats.committed += 1
                self._done(poll.router)
                self.on_visit(visit, poll)
            else:
                self.stats.conflicts += 1
                await self._adopt(poll.router)

    async def _adopt(self, router: str) -> None:
        """Another poller moved the head: take its head, and account the poll anew on the next turn."""
        head = await self.book.head(router)
        if head is None:
            self.heads.pop(router, None)
        else:
            self.heads[router] = head

    def _done(self, router: str) -> None:
        """The router's first poll is dealt with; nothing ever takes its place while it waits."""
        waiting = self._waiting[router]
        del waiting[0]
        if not waiting:
            del self._waiting[router]

    def _failed(self, error: Exception) -> None:
        self.stats.failures += 1
        if self.stats.failing_since_ns is None:
            self.stats.failing_since_ns = self.now_ns()
            log.error("the ledger cannot commit; polls are kept in memory meanwhile: %s", error)
        self.stats.problem = str(error)

    def _recovered(self) -> None:
        if self.stats.failing_since_ns is not None:
            log.warning("the ledger commits again; nothing acknowledged was lost")
        self.stats.failing_since_ns = self.stats.problem = None


def _continues(earlier: Poll, later: Poll) -> bool:
    """Whether, counted from something before both, `later` alone shows all that `earlier` shows.

    A 32-bit counter may have wrapped in between: that is unambiguous only over a short time.
    """
    before = LastSeen(earlier.at_ns, earlier.pdus[0].uptime_ticks)
    return (
        earlier.identity == later.identity
        and earlier.counter_bits == later.counter_bits == 64
        and earlier.device == later.device
        and continuity(before, later.pdus[0], host_running=False) is Continuity.CONTINUOUS
        and earlier.columns.get(Column.DISCONTINUITY) == later.columns.get(Column.DISCONTINUITY)
        and all(
            old is not None and new is not None and new >= old
            for column in (Column.IN_OCTETS, Column.OUT_OCTETS)
            for old, new in zip(earlier.columns[column], later.columns[column], strict=True)
        )
    )
