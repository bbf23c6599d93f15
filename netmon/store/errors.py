"""What can go wrong with the ledger. Every message is one sentence naming the place and the remedy."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from netmon.store import postgresql_errors
from netmon.store.location import Location


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
_DEFECT = "refused the operation; report this as a defect"


@contextmanager
def sentences(location: Location) -> Iterator[None]:
    """Turns what the drivers and SQLAlchemy raise inside the block into a StoreError about the ledger there."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        raise StoreError(_sentence(location, error.orig or error)) from error
    except _driver_errors() as error:
        raise StoreError(_sentence(location, error)) from error


def _driver_errors() -> tuple[type[Exception], ...]:
    """psycopg's, too, where it was loaded at all."""
    psycopg = sys.modules.get("psycopg")
    return (sqlite3.Error, OverflowError, *(() if psycopg is None else (psycopg.Error,)))


def _sentence(location: Location, error: BaseException) -> str:
    if hasattr(error, "sqlstate"):
        operational = any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
        remedy = postgresql_errors.remedy(error.sqlstate, str(error), operational=operational) or _DEFECT
    else:
        remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _DEFECT)
    return f"the ledger {location} {remedy} ({' '.join(str(error).split())})"
