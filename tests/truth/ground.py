"""Where the lives of one example keep their ledger, and what a kill leaves of it: files, or a database."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection
from support.ledgers import START_NS, opened, settings_of
from support.processes import wait_until

from netmon.store.ledger import Ledger
from netmon.store.location import Location, Server
from netmon.store.postgresql import Writer, driver
from netmon.store.sqlite import SqliteFile

FAST = Path("/dev/shm")


class Ground(Protocol):
    def fresh(self) -> Location:
        """Of a ledger in which nothing is yet."""
        ...

    def hurry(self, ledger: Ledger) -> None:
        """No fsync: a killed process loses nothing that it had written, only a machine does."""
        ...

    def strike(self, ledger: Ledger) -> Location:
        """The writer dies now; where the next one finds what is left."""
        ...

    @contextmanager
    def watched(self, ledger: Ledger, connection: Connection, said: Callable[[], None]) -> Iterator[None]:
        """`said` is called before every statement of the transaction, the COMMIT included."""
        ...

    def clear(self) -> None:
        """The example is over."""
        ...


class Files:
    """Ledgers in files on tmpfs; a kill leaves a copy of them as they are at that moment."""

    def __init__(self, template: Path) -> None:
        self._template = template
        self._lives = 0

    def fresh(self) -> Path:
        self._directory = Path(tempfile.mkdtemp(dir=FAST if FAST.is_dir() else None))
        return Path(shutil.copy(self._template, self._directory / "ledger.db"))

    def hurry(self, ledger: Ledger) -> None:
        assert isinstance(ledger._backend, SqliteFile)
        connection = ledger._backend._engine.raw_connection()
        try:
            inner = connection.driver_connection
            assert isinstance(inner, sqlite3.Connection)
            inner.execute("PRAGMA synchronous=OFF")
        finally:
            connection.close()

    def strike(self, ledger: Ledger) -> Path:
        assert isinstance(ledger._backend, SqliteFile)
        path = ledger._backend.location
        self._lives += 1
        grave = self._directory / str(self._lives)
        grave.mkdir()
        for file in path.parent.glob(f"{path.name}*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, grave / file.name)
        return grave / path.name

    @contextmanager
    def watched(self, ledger: Ledger, connection: Connection, said: Callable[[], None]) -> Iterator[None]:
        inner = connection.connection.driver_connection
        assert isinstance(inner, sqlite3.Connection)
        inner.set_trace_callback(lambda _: said())
        try:
            yield
        finally:
            inner.set_trace_callback(None)

    def clear(self) -> None:
        shutil.rmtree(self._directory)


class Database:
    """A ledger on a server, emptied for every example; a kill ends its session."""

    def __init__(self, place: Server, administrator: psycopg.Connection[Any]) -> None:
        self._place, self._administrator = place, administrator
        with opened(place):
            pass

    def fresh(self) -> Server:
        for table in ("gap", "head", "visit", "layout", "series", "router"):
            self._administrator.execute(f"DELETE FROM {table}")
        return self._place

    def hurry(self, ledger: Ledger) -> None:
        """The server does not sync at all."""

    def strike(self, ledger: Ledger) -> Server:
        assert isinstance(ledger._backend, Writer)
        assert ledger._backend._session is not None
        pid = ledger._backend._session.info.backend_pid
        self._administrator.execute("SELECT pg_terminate_backend(%s)", (pid,))
        wait_until(lambda: not self._lives(pid), "the session to end")
        return self._place

    def _lives(self, pid: int) -> bool:
        return bool(self._administrator.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchall())

    @contextmanager
    def watched(self, ledger: Ledger, connection: Connection, said: Callable[[], None]) -> Iterator[None]:
        class Heard(psycopg.Cursor[Any]):
            def execute(self, *args: Any, **kwargs: Any) -> Heard:
                said()
                return super().execute(*args, **kwargs)

        writer, session = ledger._backend, driver(connection)
        assert isinstance(writer, Writer)
        commit = writer._commit

        def committed(connection: Connection) -> None:
            said()
            commit(connection)

        session.cursor_factory = Heard
        writer._commit = committed  # type: ignore[method-assign]
        try:
            yield
        finally:
            session.cursor_factory = psycopg.Cursor
            writer._commit = commit  # type: ignore[method-assign]

    def clear(self) -> None:
        """The next example empties it."""


@contextmanager
def files(directory: Path) -> Iterator[Files]:
    """An empty ledger is made once, so that not every example migrates one."""
    template = directory / "ledger.db"
    Ledger.open(settings_of(template), START_NS).close()
    yield Files(template)
