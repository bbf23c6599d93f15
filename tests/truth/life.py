"""netmon from start to kill, around one ledger: the real accountants, heads and transactions, with no event loop."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from netmon.core.heads import Ceilings, Head, Visit
from netmon.core.model import Poll
from netmon.daemon.accountant import Accountant
from netmon.daemon.clock import Clock
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.settings import LedgerSettings
from netmon.store.sqlite import SqliteFile, driver


class KilledError(BaseException):
    """kill -9: nothing after it happens, and what is on disk is what was there at that statement."""


@dataclass(slots=True)
class Death:
    """When a life ends: at the n-th statement of the next commit, or after it but before anybody is told."""

    statement: int | None
    grave: Path
    """Where the files are as the kill left them."""
    seen: int = 0
    done: bool = False

    def copy(self, path: Path) -> None:
        if not self.done:
            self.done = True
            self.grave.mkdir()
            for file in path.parent.glob(f"{path.name}*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, self.grave / file.name)


class MortalLedger(Ledger):
    """A ledger on tmpfs that can be cut off at any statement, and whose disk can be full."""

    death: Death | None = None
    full: bool = False

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self.full:
            raise StoreError("the disk is full")
        if self.death is None:
            with super()._transaction() as connection:
                yield connection
            return
        death, inner = self.death, None
        try:
            with super()._transaction() as connection:
                inner = driver(connection)
                inner.set_trace_callback(self._statement)
                yield connection
        finally:
            if inner is not None:
                inner.set_trace_callback(None)
        if death.done:
            raise KilledError

    @property
    def file(self) -> Path:
        assert isinstance(self.location, Path)
        return self.location

    def _statement(self, _: str) -> None:
        assert self.death is not None
        self.death.seen += 1
        if self.death.seen == self.death.statement:
            self.death.copy(self.file)

    def hurry(self) -> MortalLedger:
        """No fsync: a killed process loses nothing that it had written, only a machine does."""
        assert isinstance(self._backend, SqliteFile)
        connection = self._backend._engine.raw_connection()
        try:
            inner = connection.driver_connection
            assert isinstance(inner, sqlite3.Connection)
            inner.execute("PRAGMA synchronous=OFF")
        finally:
            connection.close()
        return self

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
            death.copy(self.ledger.file)
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

    def __init__(self, path: Path, clock: Clock, ceilings: Ceilings) -> None:
        settings = LedgerSettings(path=path)
        self.path = path
        ledger = MortalLedger.open(settings, clock.now_ns())
        assert isinstance(ledger, MortalLedger)
        self.ledger = ledger.hurry()
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
