"""Numbered forward migrations of the ledger's schema, each in its own transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, func, insert, inspect, select

from netmon.store import contests, directives, fibre, ports, schema, shares, transcripts
from netmon.store.database import Backend
from netmon.store.errors import LedgerSchemaError
from netmon.store.location import Location

_migration = Table(
    "migration",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `apply(connection, now_ns)` runs inside the transaction that records it."""

    number: int
    name: str
    apply: Callable[[Connection, int], None]


def _foundation(connection: Connection, now_ns: int) -> None:
    schema.metadata.create_all(connection, checkfirst=False)
    values = {"ledger_id": uuid.uuid4().hex, "chain_id": uuid.uuid4().hex, "created_ns": str(now_ns)}
    connection.execute(insert(schema.meta), [{"key": key, "value": value} for key, value in values.items()])


def _signatures(connection: Connection, now_ns: int) -> None:
    schema.signature.create(connection)


def _periods(connection: Connection, now_ns: int) -> None:
    schema.periods.create_all(connection, checkfirst=False)
    # Thinning deletes visits, which a gap may name; and usage asks for a router's gaps by time.
    connection.exec_driver_sql("CREATE INDEX gap_by_visit ON gap (visit_id)")
    connection.exec_driver_sql("CREATE INDEX gap_by_router ON gap (router_id, to_ns)")


def _fibre(connection: Connection, now_ns: int) -> None:
    fibre.metadata.create_all(connection, checkfirst=False)


def _directives(connection: Connection, now_ns: int) -> None:
    directives.metadata.create_all(connection, checkfirst=False)


def _ports(connection: Connection, now_ns: int) -> None:
    ports.metadata.create_all(connection, checkfirst=False)


def _shares(connection: Connection, now_ns: int) -> None:
    shares.metadata.create_all(connection, checkfirst=False)


def _contests(connection: Connection, now_ns: int) -> None:
    contests.metadata.create_all(connection, checkfirst=False)


def _transcripts(connection: Connection, now_ns: int) -> None:
    transcripts.metadata.create_all(connection, checkfirst=False)


def _demand_by_agency(connection: Connection, now_ns: int) -> None:
    # The key leads with the circuit: without this an agency's rows are sought among those of all of them.
    connection.exec_driver_sql("CREATE INDEX demand_by_agency ON demand (agency, start_ns, end_ns)")


MIGRATIONS: Sequence[Migration] = (
    Migration(1, "foundation", _foundation),
    Migration(2, "signatures", _signatures),
    Migration(3, "periods", _periods),
    Migration(4, "fibre", _fibre),
    Migration(5, "directives", _directives),
    Migration(6, "ports", _ports),
    Migration(7, "shares", _shares),
    Migration(8, "contests", _contests),
    Migration(9, "transcripts", _transcripts),
    Migration(10, "demand by agency", _demand_by_agency),
)


def version(connection: Connection) -> int:
    """Number of the last migration applied; 0 for an empty file."""
    if not inspect(connection).has_table("migration"):
        return 0
    last: int = connection.execute(select(func.coalesce(func.max(_migration.c.number), 0))).scalar_one()
    return last


def migrate(connection: Connection, location: Location, now_ns: int, known: Sequence[Migration] = MIGRATIONS) -> bool:
    """Applies the next migration, if there is one; the caller commits, and calls again until False.

    Raises LedgerSchemaError for a ledger written by a newer netmon, or one that is not a ledger.
    """
    present = version(connection)
    refuse_newer(present, location, known)
    if present == known[-1].number:
        return False
    if present == 0:
        if inspect(connection).get_table_names():
            raise LedgerSchemaError(
                f"{location} is a database but not a netmon ledger; point ledger.path or ledger.url at another one"
            )
        _migration.create(connection)
    step = next(one for one in known if one.number > present)
    step.apply(connection, now_ns)
    connection.execute(insert(_migration).values(number=step.number, name=step.name, applied_at=now_ns))
    return True


def bring_up_to_date(backend: Backend, now_ns: int) -> None:
    """Applies every migration that is pending. Raises LedgerSchemaError and StoreError."""
    pending = True
    while pending:
        with backend.transaction() as connection:
            pending = migrate(connection, backend.location, now_ns)


def refuse_newer(present: int, location: Location, known: Sequence[Migration] = MIGRATIONS) -> None:
    """Raises LedgerSchemaError if the ledger is ahead of this netmon."""
    if present > known[-1].number:
        raise LedgerSchemaError(
            f"the ledger {location} has schema {present}, this netmon knows up to {known[-1].number};"
            " install the newer netmon again, or restore a backup made by this one"
        )


def require_current(connection: Connection, location: Location) -> None:
    """For a reader, which may not migrate. Raises LedgerSchemaError."""
    present = version(connection)
    refuse_newer(present, location)
    if present < MIGRATIONS[-1].number:
        raise LedgerSchemaError(
            f"the ledger {location} has schema {present}, this netmon needs {MIGRATIONS[-1].number};"
            " start `netmon run` once to bring it up to date"
        )
