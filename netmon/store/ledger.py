"""THE writer of a ledger (invariant 5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, false

from netmon.store import schema
from netmon.store.actions import Actions
from netmon.store.chain import Signing
from netmon.store.closings import Closings
from netmon.store.database import writing_engine
from netmon.store.decisions import Decisions
from netmon.store.errors import StoreError, sentences
from netmon.store.fibre import FibreBook
from netmon.store.lock import WriterLock
from netmon.store.migrations import migrate
from netmon.store.settings import LedgerSettings
from netmon.store.thinning import Thinning
from netmon.store.visits import VisitLog


class Ledger(VisitLog, Decisions, Actions, FibreBook, Thinning, Closings):
    """What netmon knows, on disk: visits, decisions and actions. Synchronous; one thread at a time.

    A method that returned has been made durable; one that raised StoreError changed nothing, and may be
    called again.
    """

    def __init__(self, path: Path, engine: Engine, lock: WriterLock, signer: Signing | None = None) -> None:
        super().__init__(path, engine)
        self._lock = lock
        self._signer = signer
        self._file = _identity(path)

    @classmethod
    def open(cls, settings: LedgerSettings, now_ns: int) -> Ledger:
        """Takes the exclusive lock, opens or creates the file, and migrates it.

        Raises LedgerLockedError naming the writer there is, LedgerSchemaError for a newer netmon's ledger,
        StoreError for a file or a signing key that cannot be used, and SecretUnavailableError.
        """
        path = settings.path.resolve()
        signer = signer_of(settings)
        with ExitStack() as undo:
            lock = WriterLock.take(path)
            undo.callback(lock.release)
            engine = writing_engine(path, settings.busy_timeout)
            undo.callback(engine.dispose)
            with sentences(path):
                bring_up_to_date(engine, path, now_ns)
            undo.pop_all()
        return cls(path, engine, lock, signer)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """As always, but never into a file that nobody will find again: in WAL mode SQLite would not notice."""
        if _identity(self.path) != self._file:
            raise StoreError(
                f"the ledger {self.path} was moved or removed while in use; put that very file back, or restart netmon"
                " to go on with what is there now"
            )
        with super()._transaction() as connection:
            yield connection

    def close(self) -> None:
        """Ends the connection, then lets the next writer in."""
        super().close()
        self._lock.release()


def signer_of(settings: LedgerSettings) -> Signing | None:
    """Who signs the links; None where no key is configured. Raises StoreError and SecretUnavailableError."""
    if settings.signing_key is None:
        return None
    from netmon.store.signing import Signer

    return Signer.from_pem(settings.signing_key.reveal())


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def bring_up_to_date(engine: Engine, path: Path, now_ns: int) -> None:
    """Applies every migration that is pending. Raises LedgerSchemaError and what the engine raises."""
    pending = True
    while pending:
        with engine.begin() as connection:
            pending = migrate(connection, path, now_ns)
            # On a file it may only read, SQLite lets BEGIN IMMEDIATE pass, but no statement that could write.
            connection.execute(delete(schema.meta).where(false()))
