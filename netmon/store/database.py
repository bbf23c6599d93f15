"""The connection to a ledger: one SQLite connection under SQLAlchemy Core, with explicit transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from netmon.core.model import NANOSECONDS
from netmon.store.errors import sentences

_WAL_LIMIT_BYTES = 64 * 1024 * 1024
_PAGE_BYTES = 4096
_LEAST_CACHE_KIB, _MOST_CACHE_KIB = 2048, 64 * 1024
_CACHE_KIB_PER_ROUTER = 16


class Database:
    """A ledger's file, open. To be used by one thread at a time.

    Every method of its subclasses raises StoreError when the file fails it, with nothing half done.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """All or nothing; a reader's is a snapshot, the writer's holds the write lock from its beginning."""
        with sentences(self.path), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Ends the connection; committed work is already on disk."""
        self._engine.dispose()


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


def cache_pragma(routers: int) -> str:
    """Lets the writer keep in memory what so many routers' visits write again and again.

    Each router's next visit goes to its own end of two indexes; more would only keep what nobody reads.
    """
    return f"cache_size=-{min(_LEAST_CACHE_KIB + _CACHE_KIB_PER_ROUTER * routers, _MOST_CACHE_KIB)}"


def reading_engine(path: Path, busy_timeout_ns: int) -> Engine:
    """Never writes, and never waits for the writer (WAL)."""
    return _engine(lambda: _connect(f"{path.absolute().as_uri()}?mode=ro", busy_timeout_ns), "BEGIN")


def driver(connection: Connection) -> sqlite3.Connection:
    """The sqlite3 connection under `connection`, for the hot writes, in the same transaction."""
    inner = connection.connection.driver_connection
    if not isinstance(inner, sqlite3.Connection):
        raise TypeError(f"the ledger's driver is {type(inner).__name__}, not sqlite3")
    return inner


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
