"""A ledger, open: what its tables and questions need to know of where they are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Executable, Select, Table
from sqlalchemy.engine.interfaces import CoreExecuteOptionsParameter

from netmon.store.location import Location
from netmon.store.packing import Known, Packed

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_STREAMED: CoreExecuteOptionsParameter = {"stream_results": True, "max_row_buffer": 256}
_NEAREST = 4
"""Rows that mostly suffice."""


class Backend(Protocol):
    """An open ledger, in a file or on a server. To be used by one thread at a time."""

    @property
    def location(self) -> Location: ...

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing; a reader's is a snapshot, the writer's is the only one. Raises StoreError."""
        ...

    def close(self) -> None:
        """Gives back connections and the writer's lock; committed work is already on disk."""
        ...


class WritingBackend(Backend, Protocol):
    """The writer's."""

    def claim(self) -> None:
        """Once the schema is up to date: from now on every transaction first makes sure that this is still the one
        writer of this very ledger. Raises StoreError.
        """
        ...

    def enter(self, connection: Connection, visits: Sequence[Packed], known: Known) -> list[bool]:
        """Writes visits as `VisitLog.commit` does, inside its transaction, and adds to what is known."""
        ...


class Database:
    """A ledger, open. To be used by one thread at a time.

    Every method of its subclasses raises StoreError when the ledger fails it, with nothing half done.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """All or nothing."""
        with self._backend.transaction() as connection:
            yield connection

    def close(self) -> None:
        """Ends the connection, then lets the next writer in."""
        self._backend.close()


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT with ON CONFLICT, which is no standard SQL but the same in both; its rowcount tells whether it did."""
    from sqlalchemy.dialects import postgresql, sqlite

    statement = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    return statement.execution_options(preserve_rowcount=True)


def streamed(
    connection: Connection, statement: Executable, parameters: Mapping[str, object] | None = None
) -> Generator[Any, None, None]:
    """The rows of an answer of any length, one after the other; the question ends with the generator.

    SQLite computes each row as it is asked for; PostgreSQL would send all of them at once.
    """
    with connection.execute(statement, parameters, execution_options=_STREAMED) as found:
        yield from found


def nearest(
    connection: Connection, statement: Select[Any], parameters: Mapping[str, object] | None = None
) -> Generator[Any, None, None]:
    """The same of an answer that is mostly left after its first rows: on a server those are one round trip."""
    if connection.dialect.name == "sqlite":
        yield from streamed(connection, statement, parameters)
        return
    first = connection.execute(statement.limit(_NEAREST), parameters).all()
    yield from first
    if len(first) == _NEAREST:
        yield from streamed(connection, statement.offset(_NEAREST), parameters)


def canceller(connection: Connection) -> Callable[[], object]:
    """Ends, from another thread, the statement that the connection is at."""
    raw: Any = connection.connection.driver_connection
    return raw.interrupt if connection.dialect.name == "sqlite" else raw.cancel_safe  # type: ignore[no-any-return]
