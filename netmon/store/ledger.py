"""THE writer of a ledger (invariant 5)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, delete, false

from netmon.store import schema
from netmon.store.actions import Actions
from netmon.store.database import writing_engine
from netmon.store.decisions import Decisions
from netmon.store.errors import sentences
from netmon.store.lock import WriterLock
from netmon.store.migrations import migrate
from netmon.store.settings import LedgerSettings
from netmon.store.visits import VisitLog


class Ledger(VisitLog, Decisions, Actions):
    """What netmon knows, on disk: visits, decisions and actions. Synchronous; one thread at a time.

    A method that returned has been made durable; one that raised StoreError changed nothing, and may be
    called again.
    """

    def __init__(self, path: Path, engine: Engine, lock: WriterLock) -> None:
        super().__init__(path, engine)
        self._lock = lock

    @classmethod
    def open(cls, settings: LedgerSettings, now_ns: int) -> Ledger:
        """Takes the exclusive lock, opens or creates the file, and migrates it.

        Raises LedgerLockedError naming the writer there is, LedgerSchemaError for a newer netmon's ledger,
        and StoreError for a file that cannot be used.
        """
        path = settings.path.resolve()
        lock = WriterLock.take(path)
        engine = writing_engine(path, settings.busy_timeout)
        try:
            with sentences(path):
                _migrate(engine, path, now_ns)
        except BaseException:
            engine.dispose()
            lock.release()
            raise
        return cls(path, engine, lock)

    def close(self) -> None:
        """Ends the connection, then lets the next writer in."""
        super().close()
        self._lock.release()


def _migrate(engine: Engine, path: Path, now_ns: int) -> None:
    pending = True
    while pending:
        with engine.begin() as connection:
            pending = migrate(connection, path, now_ns)
            # On a file it may only read, SQLite lets BEGIN IMMEDIATE pass, but no statement that could write.
            connection.execute(delete(schema.meta).where(false()))
