"""What can go wrong with the ledger. Every message is one sentence naming the place and the remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreError(RuntimeError):
    """The ledger could not do it; nothing of the failed transaction was kept."""


class LedgerLockedError(StoreError):
    """Another process is this ledger's writer."""


class LedgerSchemaError(StoreError):
    """The ledger's schema is not the one this netmon knows."""


class VisitRefusedError(StoreError):
    """A visit that contradicts the ledger: a fault of its maker, never of the disk."""

    def __init__(self, router: str, detail: str) -> None:
        super().__init__(f"the visit of {router} was refused: {detail}; nothing was committed, report this as a defect")
        self.router = router


_REMEDIES = {
    sqlite3.SQLITE_FULL: "is full or its disk is; free space on that file system, netmon goes on by itself",
    sqlite3.SQLITE_BUSY: "stayed locked by another program; close what has it open (sqlite3, a backup), or raise"
    " ledger.busy_timeout",
    sqlite3.SQLITE_LOCKED: "stayed locked by another program; close what has it open (sqlite3, a backup)",
    sqlite3.SQLITE_READONLY: "cannot be written; give its file and directory to netmon's user",
    sqlite3.SQLITE_PERM: "may not be opened; give its file and directory to netmon's user",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its directory exists and netmon's user may use it",
    sqlite3.SQLITE_CORRUPT: "is damaged; stop netmon, keep a copy of it, and restore a backup with"
    " `netmon ledger restore`",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; point ledger.path at the ledger, or restore a backup",
    sqlite3.SQLITE_IOERR: "could not be read or written; check the disk and the kernel's log",
}


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turns what SQLite and SQLAlchemy raise inside the block into a StoreError about the ledger at `path`."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        cause = error.orig if isinstance(error.orig, Exception) else error
        raise StoreError(_sentence(path, cause)) from error
    except (sqlite3.Error, OverflowError) as error:
        raise StoreError(_sentence(path, error)) from error


def _sentence(path: Path, error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    remedy = _REMEDIES.get(code, "refused the operation; report this as a defect")
    return f"the ledger {path} {remedy} ({error})"
