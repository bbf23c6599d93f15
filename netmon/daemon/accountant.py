"""Turns polls into committed visits: group commit, compare-and-swap, at most one visit in hand per router."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from netmon.core.continuity import Continuity, continuity
from netmon.core.counters import account
from netmon.core.heads import Ceilings, Head, LastSeen, Visit
from netmon.core.measurement import Column, GapReason, PduStamp, Poll
from netmon.core.model import NANOSECONDS
from netmon.store.errors import StoreError, VisitRefusedError

log = logging.getLogger(__name__)

WAITING_PER_ROUTER = 8
"""Polls kept per router while the ledger cannot commit; of continuous ones only the first and the newest matter."""
RETRY_PAUSE_S = 1.0
NO_CEILINGS = Ceilings({})
STEPPED_BACK = GapReason.CLOCK_STEPPED_BACK


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
    _began_ns: int = field(init=False)
    _waiting: dict[str, list[Poll]] = field(default_factory=dict)
    _known_ns: dict[str, int] = field(default_factory=dict)
    """By router, when its head was taken up by our own clock: polls after it are newer, whatever the head's time."""
    _standing: dict[str, PduStamp | None] = field(default_factory=dict)
    """Routers whose time stands at a head that was dated by a clock ahead of ours, and their last reply since."""
    _something: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._began_ns = self.now_ns()

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

    @property
    def waiting(self) -> int:
        """Polls not committed yet: bounded for each router."""
        return sum(len(polls) for polls in self._waiting.values())

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
            visit = self._account(self.heads.get(router), poll)
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
                self._known_ns[poll.router] = max(poll.at_ns, self._known_ns.get(poll.router, 0))
                if poll.router in self._standing:
                    self._standing[poll.router] = poll.pdus[0]
                self.stats.committed += 1
                self._done(poll.router)
                self.on_visit(visit, poll)
            else:
                self.stats.conflicts += 1
                await self._adopt(poll.router)

    def _account(self, head: Head | None, poll: Poll) -> Visit | None:
        """None for a poll no newer than the head. Where our clock is behind the head's, order is told by ours alone."""
        ceilings = self.ceilings.get(poll.router, NO_CEILINGS)
        if head is None or poll.at_ns > head.at_ns:
            self._standing.pop(poll.router, None)
            return account(head, poll, ceilings)
        known_ns = self._known_ns.get(poll.router, self._began_ns)
        # What lies in our own future was dated by another clock, and may be from any time.
        visit = account(head, poll, ceilings, newer=known_ns < poll.at_ns <= self.now_ns())
        if visit is None:
            return None
        if poll.router not in self._standing:
            log.warning(
                "%s: the clock is %d s behind the ledger; its bytes are counted, but dated at the ledger's newest visit"
                " until the clock has caught up",
                poll.router,
                (head.at_ns - poll.at_ns) // NANOSECONDS,
            )
        last = self._standing.setdefault(poll.router, None)
        return visit if last is None else _told_before(visit, head, last, poll.pdus[0])

    async def _adopt(self, router: str) -> None:
        """Another poller moved the head: take its head, and account the poll anew on the next turn."""
        newest = max(poll.at_ns for poll in self._waiting[router])
        head = await self.book.head(router)
        self._known_ns[router] = max(self.now_ns(), newest)
        if router in self._standing:
            self._standing[router] = None
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


def _told_before(visit: Visit, head: Head, last: PduStamp, stamp: PduStamp) -> Visit:
    """The visit without saying anew, of what goes on, that its time stands still."""
    if (
        continuity(LastSeen(last.received_ns, last.uptime_ticks), stamp, host_running=False)
        is not Continuity.CONTINUOUS
    ):
        return visit
    absent = {head.series[at].name for at in head.lagging}
    kept = [gap for gap in visit.gaps if gap.reason is not STEPPED_BACK or gap.interface in absent]
    return replace(visit, gaps=tuple(kept))


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
