"""A ledger in a PostgreSQL database: one session under SQLAlchemy Core, which comes back by itself when it is lost.

The writer holds an advisory lock as long as its session lasts. Every transaction of its begins in the same round trip
with a look whether the session is still the one that took the lock, and the ledger still the one that was claimed.
"""

from __future__ import annotations

import math
import os
import socket
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from netmon.core.model import NANOSECONDS
from netmon.settings import SecretUnavailableError
from netmon.store import schema
from netmon.store.database import upsert
from netmon.store.errors import LedgerLockedError, StoreError, sentences
from netmon.store.location import Server
from netmon.store.packing import Known, Packed
from netmon.store.postgresql_visits import PostgresqlVisits

_LEAST_VERSION = 13
_STATEMENT_TIMEOUTS, _LEAST_STATEMENT_S = 12, 2.0
"""A statement may take so many times `busy_timeout`: a minute, unless somebody set it."""
_RETRY_PAUSE_S = 0.1
_LOCK_PATIENCE_S = 1
"""For the session of a writer that was killed to end."""
_LOCK_CLASS = 0x6E65746D
"""`netm`: among the database's advisory locks, ours."""
_WRITER = "writer"
"""Key of `meta` that holds who claimed the ledger last."""
_ALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_PREPARED = """
SET statement_timeout = {statement};
SET lock_timeout = {lock};
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"""
_HOLDER = """
SELECT pid, application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 2 AND granted
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_FENCED = """
BEGIN; SELECT pg_backend_pid(), pg_current_xact_id()::text, (SELECT value FROM meta WHERE key = 'writer')"""

Session = psycopg.Connection[Any]


class Reader:
    """Sees one snapshot at a time, and never writes. A session that was lost is replaced with the next transaction."""

    def __init__(self, server: Server, busy_timeout_ns: int, *, patient: bool = False) -> None:
        self.location = server
        self._busy_s = busy_timeout_ns / NANOSECONDS
        self._statement_s = 0.0 if patient else self._bounded_s()
        self._name = f"netmon {uuid.uuid4().hex[:8]}, process {os.getpid()} on {socket.gethostname()[:24]}"
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=StaticPool,
            pool_reset_on_return=None,
            use_native_hstore=False,
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with sentences(self.location), self._begun() as connection:
            session = driver(connection)
            try:
                yield connection
                self._commit(connection)
            except BaseException:  # an interrupted transaction would hold its locks, and its snapshot, for good
                if not connection.closed:
                    with suppress(DBAPIError):
                        connection.rollback()
                    if session.closed:
                        connection.invalidate()
                raise

    def close(self) -> None:
        """Ends the session."""
        self._engine.dispose()

    def _bounded_s(self) -> float:
        return max(_LEAST_STATEMENT_S, self._busy_s * _STATEMENT_TIMEOUTS)

    def _begun(self, *, again: bool = True) -> Connection:
        """A transaction; in a new session, if the one before was lost while nobody used it."""
        connection = self._engine.connect()
        try:
            self._begin(connection)
        except BaseException as error:  # whatever kept it from beginning, nobody else gives the connection back
            lost = isinstance(error, psycopg.OperationalError) and driver(connection).closed
            connection.invalidate()
            connection.close()
            if lost and again:
                return self._begun(again=False)
            raise
        return connection

    def _begin(self, connection: Connection) -> None:
        connection.begin()
        driver(connection).execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def _commit(self, connection: Connection) -> None:
        connection.commit()

    def _connect(self) -> Session:
        """Statements begin and end transactions themselves: psycopg's own BEGIN would take a round trip."""
        parameters: dict[str, Any] = {"connect_timeout": max(2, math.ceil(self._busy_s)), **_ALIVE}
        parameters |= {"tcp_user_timeout": 30_000, **conninfo_to_dict(self.location.url)}
        parameters |= self._password()
        parameters |= {"application_name": self._name, "client_encoding": "UTF8"}
        with ExitStack() as undo:
            session: Session = psycopg.connect(autocommit=True, **parameters)
            undo.callback(session.close)
            _require(self.location, session)
            statement, lock = (_milliseconds(seconds) for seconds in (self._statement_s, self._busy_s))
            session.execute(_PREPARED.format(statement=statement, lock=lock), prepare=False)
            self._prepare(session)
            undo.pop_all()
        return session

    def _password(self) -> dict[str, str]:
        """Read anew for every session, so that it may be changed meanwhile."""
        if self.location.password is None:
            return {}
        try:
            return {"password": self.location.password.reveal()}
        except SecretUnavailableError as error:
            raise StoreError(f"the ledger {self.location} cannot be opened without its password: {error}") from error

    def _prepare(self, session: Session) -> None:
        """A new session."""


class Writer(Reader):
    """The one session that may write. Before it claims the ledger, migrations take what time they need."""

    def __init__(self, server: Server, busy_timeout_ns: int) -> None:
        super().__init__(server, busy_timeout_ns, patient=True)
        self._session: Session | None = None
        self._claimed = False
        self._transaction_id: str | None = None

    @classmethod
    def open(cls, server: Server, busy_timeout_ns: int) -> Writer:
        """Takes the lock. Raises LedgerLockedError naming the writer there is, and StoreError."""
        with ExitStack() as undo:
            writer = cls(server, busy_timeout_ns)
            undo.callback(writer.close)
            with sentences(server), writer._engine.connect():
                pass
            undo.pop_all()
        return writer

    def claim(self) -> None:
        with self.transaction() as connection:
            statement = upsert(connection, schema.meta).values(key=_WRITER, value=self._name)
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": self._name}))
            self._statement_s = self._bounded_s()
            driver(connection).execute(f"SET statement_timeout = {_milliseconds(self._statement_s)}")
        self._claimed = True

    def enter(self, connection: Connection, visits: Sequence[Packed], known: Known) -> list[bool]:
        return PostgresqlVisits(driver(connection), known).enter(visits)

    def close(self) -> None:
        if self._session is not None:
            # A session that was told to end holds its locks until the server gets to it.
            with suppress(psycopg.Error):
                self._session.execute("SELECT pg_advisory_unlock_all()")
        super().close()

    def _begin(self, connection: Connection) -> None:
        connection.begin()
        session = driver(connection)
        if not self._claimed:
            session.execute("BEGIN")
            return
        cursor = session.execute(_FENCED, prepare=False)
        cursor.nextset()
        backend, self._transaction_id, owner = cursor.fetchone() or (None, None, None)
        if backend != session.info.backend_pid:
            raise StoreError(
                f"the ledger {self.location} gave netmon another server session, as a pooler does; point ledger.url at"
                " the server itself"
            )
        self._require_own(owner)

    def _commit(self, connection: Connection) -> None:
        """Even where the answer to COMMIT is lost, it is known in the end whether it was done."""
        session = driver(connection)
        try:
            super()._commit(connection)
        except DBAPIError:
            if not session.closed or self._transaction_id is None:
                raise
            connection.close()
            if not self._was_kept(self._transaction_id):
                raise

    def _was_kept(self, transaction_id: str) -> bool:
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                # Once the lock is ours again the lost session has ended, and so has its transaction.
                with self._engine.connect() as connection:
                    statement = "SELECT pg_xact_status(%s::text::xid8)"
                    row = driver(connection).execute(statement, (transaction_id,)).fetchone()
                return row == ("committed",)
            except (DBAPIError, psycopg.Error) as error:
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"the ledger {self.location} was lost in the midst of a commit; start the server or mend the"
                        " way to it, netmon goes on by itself, and counts nothing twice"
                    ) from error
            time.sleep(_RETRY_PAUSE_S)  # in the writer's own thread, whose next work rests on the answer

    def _prepare(self, session: Session) -> None:
        self._lock(session)
        if self._claimed:
            row = session.execute("SELECT value FROM meta WHERE key = %s", (_WRITER,)).fetchone()
            self._require_own(None if row is None else row[0])
        self._session = session

    def _require_own(self, owner: str | None) -> None:
        if owner != self._name:
            raise StoreError(
                f"the ledger {self.location} was opened by another writer meanwhile ({_shown(owner)}); restart netmon"
                " to go on with what is there now"
            )

    def _lock(self, session: Session) -> None:
        found = session.execute("SELECT current_schema()").fetchone()
        if found is None or found[0] is None:
            raise StoreError(
                f"the ledger {self.location} has no schema to be in; create one that is in its role's search_path"
            )
        key = (_LOCK_CLASS, zlib.crc32(found[0].encode()) & 0x7FFFFFFF)
        if session.execute("SELECT pg_try_advisory_lock(%s, %s)", key).fetchone() == (True,):
            return
        holder = session.execute(_HOLDER, key).fetchone()
        if holder is not None and holder[1] == self._name:  # ours, on a connection that only we know is lost
            session.execute("SELECT pg_terminate_backend(%s)", (holder[0],))
        session.execute(f"SET lock_timeout = {_milliseconds(_LOCK_PATIENCE_S)}")
        try:
            session.execute("SELECT pg_advisory_lock(%s, %s)", key)
        except LockNotAvailable as error:
            raise LedgerLockedError(
                f"the ledger {self.location} is in use by {_shown(None if holder is None else holder[1])}; give the"
                " command to that daemon over its control socket, or stop it first"
            ) from error
        session.execute(f"SET lock_timeout = {_milliseconds(self._busy_s)}")


def driver(connection: Connection) -> Session:
    """The psycopg connection under `connection`, in the same transaction."""
    inner = connection.connection.driver_connection
    if not isinstance(inner, psycopg.Connection):
        raise TypeError(f"the ledger's driver is {type(inner).__name__}, not psycopg")
    return inner


def _require(server: Server, session: Session) -> None:
    major = session.info.server_version // 10000
    if major < _LEAST_VERSION:
        raise StoreError(f"the ledger {server} is on PostgreSQL {major}; use {_LEAST_VERSION} or newer")
    encoding = session.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(f"the ledger {server} is encoded in {encoding}; create its database with ENCODING 'UTF8'")


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _shown(name: str | None) -> str:
    """`process 12 on HOST`."""
    return (name or "an unknown session").partition(", ")[2] or str(name)
