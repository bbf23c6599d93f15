"""Which backend opens a ledger: the one place that tells a file from a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netmon.store.database import Backend, WritingBackend
from netmon.store.errors import StoreError
from netmon.store.location import Location
from netmon.store.sqlite import SqliteFile


def writing(location: Location, busy_timeout_ns: int) -> WritingBackend:
    """Raises LedgerLockedError naming the writer there is, StoreError and SecretUnavailableError."""
    if isinstance(location, Path):
        return SqliteFile.writing(location, busy_timeout_ns)
    with _driver_needed():
        from netmon.store.postgresql import Writer
    return Writer.open(location, busy_timeout_ns)


def reading(location: Location, busy_timeout_ns: int, *, patient: bool = False) -> Backend:
    """Opened with the first transaction. Where the reader is not `patient`, a server ends what takes it too long."""
    if isinstance(location, Path):
        return SqliteFile.reading(location, busy_timeout_ns)
    with _driver_needed():
        from netmon.store.postgresql import Reader
    return Reader(location, busy_timeout_ns, patient=patient)


@contextmanager
def _driver_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise StoreError(
            "a ledger in PostgreSQL needs psycopg, which is not installed; run pip install 'netmon[postgresql]'"
        ) from error
