"""A ledger in a file: one SQLite connection under SQLAlchemy Core, with explicit transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, delete, event, false
from sqlalchemy.pool import StaticPool

from netmon.core.model import NANOSECONDS
from netmon.store import schema
from netmon.store.errors import StoreError, sentences
from netmon.store.lock import WriterLock
from netmon.store.packing import Known, Packed
from netmon.store.sqlite_visits import SqliteVisits, cache_pragma

_WAL_LIMIT_BYTES = 64 * 1024 * 1024
_PAGE_BYTES = 4096


class SqliteFile:
    """An open ledger file; with a lock, its writer."""

    def __init__(self, path: Path, engine: Engine, lock: WriterLock | None = None) -> None:
        self.location = path
        self._engine, self._lock = engine, lock
        self._claimed: tuple[int, int] | None = None

    @classmethod
    def reading(cls, path: Path, busy_timeout_ns: int) -> SqliteFile:
        """Never writes, and never waits for the writer (WAL)."""
        return cls(path, reading_engine(path, busy_timeout_ns))

    @classmethod
    def writing(cls, path: Path, busy_timeout_ns: int) -> SqliteFile:
        """Raises LedgerLockedError naming the writer there is, and StoreError if the lock cannot be taken."""
        resolved = path.resolve()
        return cls(resolved, writing_engine(resolved, busy_timeout_ns), WriterLock.take(resolved))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """As Backend has it, but never into a file that nobody will find again: in WAL mode SQLite would not notice."""
        if self._claimed is not None and _identity(self.location) != self._claimed:
            raise StoreError(
                f"the ledger {self.location} was moved or removed while in use; put that very file back, or restart"
                " netmon to go on with what is there now"
            )
        with sentences(self.location), self._engine.begin() as connection:
            yield connection

    def claim(self) -> None:
        with self.transaction() as connection:
            # On a file it may only read, SQLite lets BEGIN IMMEDIATE pass, but no statement that could write.
            connection.execute(delete(schema.meta).where(false()))
        self._claimed = _identity(self.location)

    def enter(self, connection: Connection, visits: Sequence[Packed], known: Known) -> list[bool]:
        writer = SqliteVisits(driver(connection), known)
        return [writer.enter(one) for one in visits]

    def close(self) -> None:
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()


def writing_engine(path: Path, busy_timeout_ns: int) -> Engine:
    """WAL, synchronous=FULL: a commit that returned survives a power cut. Raises sqlite3 and SQLAlchemy errors."""

    def connect() -> sqlite3.Connection:
        connection = _connect(f"{path.absolute().as_uri()}?mode=rwc", busy_timeout_ns)
        try:
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                f"journal_size_limit={_WAL_LIMIT_BYTES}",
                f"wal_autocheckpoint={_WAL_LIMIT_BYTES // _PAGE_BYTES}",
                cache_pragma(0),
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return _engine(connect, "BEGIN IMMEDIATE")


def reading_engine(path: Path, busy_timeout_ns: int) -> Engine:
    """Never writes, and never waits for the writer (WAL)."""
    return _engine(lambda: _connect(f"{path.absolute().as_uri()}?mode=ro", busy_timeout_ns), "BEGIN")


def driver(connection: Connection) -> sqlite3.Connection:
    """The sqlite3 connection under `connection`, for the hot writes, in the same transaction."""
    inner = connection.connection.driver_connection
    if not isinstance(inner, sqlite3.Connection):
        raise TypeError(f"the ledger's driver is {type(inner).__name__}, not sqlite3")
    return inner


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(uri: str, busy_timeout_ns: int) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=busy_timeout_ns / NANOSECONDS
    )


def _engine(connect: object, begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    # isolation_level=None keeps sqlite3 from opening transactions behind our back; BEGIN is said here alone.
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver(connection).execute(begin)  # not exec_driver_sql, which takes longer than a small transaction

    return engine
