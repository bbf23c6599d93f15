"""netmon from start to kill, around one ledger: the real accountants, heads and transactions, with no event loop."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection
from support.ledgers import settings_of
from truth.ground import Ground

from netmon.core.heads import Ceilings, Head, Visit
from netmon.core.measurement import Poll
from netmon.daemon.accountant import Accountant
from netmon.daemon.clock import Clock
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.location import Location


class KilledError(BaseException):
    """kill -9: nothing after it happens, and what is on disk is what was there at that statement."""


@dataclass(slots=True)
class Death:
    """When a life ends: at the n-th statement of the next commit, or after it but before anybody is told."""

    statement: int | None
    seen: int = 0
    left: Location | None = None
    """Where the next life finds the ledger as the kill left it; None: it lives."""


class MortalLedger(Ledger):
    """A ledger that can be cut off at any statement, and whose disk can be full."""

    ground: Ground
    death: Death | None = None
    full: bool = False

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self.full:
            raise StoreError("the disk is full")
        death = self.death
        if death is None:
            with super()._transaction() as connection:
                yield connection
            return
        with ExitStack() as ends:
            try:
                with super()._transaction() as connection:
                    ends.enter_context(self.ground.watched(self, connection, self._statement))
                    yield connection
            except StoreError:
                if death.left is None:
                    raise
        if death.left is not None:
            raise KilledError

    def _statement(self) -> None:
        assert self.death is not None
        self.death.seen += 1
        if self.death.seen == self.death.statement:
            self.die()

    def die(self) -> Location:
        assert self.death is not None
        if self.death.left is None:
            self.death.left = self.ground.strike(self)
        return self.death.left

    def abandon(self) -> None:
        """Forgotten by the living; its descriptors are given back."""
        self.death, self.full = None, False
        self.close()


@dataclass(slots=True)
class Book:
    """What an accountant sees of the ledger; notes what was taken, before the accountant hears of it."""

    ledger: MortalLedger
    polls: dict[int, tuple[Visit, Poll]] = field(default_factory=dict)
    """What each visit was made of, by the visit's id."""
    taken: list[tuple[Visit, Poll]] = field(default_factory=list)

    async def commit(self, visits: Sequence[Visit]) -> list[bool]:
        stands = self.ledger.commit(visits)
        self.taken += [self.polls[id(visit)] for visit, one in zip(visits, stands, strict=True) if one]
        self.polls.clear()
        death = self.ledger.death
        if death is not None and death.statement is None:
            self.ledger.die()
            raise KilledError
        return stands

    async def head(self, router: str) -> Head | None:
        return self.ledger.head(router)


@dataclass(slots=True)
class NotingAccountant(Accountant):
    """The accountant, telling the book what each visit was made of."""

    def _account(self, head: Head | None, poll: Poll) -> Visit | None:
        visit = super(NotingAccountant, self)._account(head, poll)
        if visit is not None:
            assert isinstance(self.book, Book)
            self.book.polls[id(visit)] = visit, poll
        return visit


class Life:
    """One process: a ledger, a clock that never runs backwards while it lives, and two overlapping pollers."""

    def __init__(self, ground: Ground, place: Location, clock: Clock, ceilings: Ceilings) -> None:
        ledger = MortalLedger.open(settings_of(place), clock.now_ns())
        assert isinstance(ledger, MortalLedger)
        self.ledger, self.place = ledger, place
        ledger.ground = ground
        ground.hurry(ledger)
        self.clock = clock
        self.book = Book(self.ledger)
        heads = self.ledger.heads()
        self.accountants = [
            NotingAccountant(
                book=self.book,
                on_visit=lambda visit, poll: None,
                on_commit=lambda seconds, visits: None,
                now_ns=clock.now_ns,
                commit_interval_s=0,
                max_batch=500,
                heads=dict(heads),
                ceilings={"r1": ceilings},
            )
            for _ in range(2)
        ]

    def offer(self, poller: int, poll: Poll) -> None:
        self.accountants[poller].offer(poll)

    def work(self, poller: int) -> None:
        """What the accountant's loop does until nothing waits or the ledger fails; raises KilledError."""
        accountant = self.accountants[poller]
        while accountant._waiting:
            try:
                _drive(accountant._commit_once())
            except StoreError:
                if self.ledger.full:
                    return
                raise


def _drive(coroutine: Coroutine[object, None, None]) -> None:
    """To its end: nothing in it ever waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")
