"""The ledger's schema and how it moves forward."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_mock_engine
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.schema import ExecutableDDLElement
from support.ledgers import START_NS, asked, opened
from support.postgres import PostgresServer

from netmon.store import backends, schema
from netmon.store.care import examine
from netmon.store.chain import GENESIS, link_hash
from netmon.store.errors import LedgerSchemaError
from netmon.store.location import Location
from netmon.store.migrations import MIGRATIONS, Migration, migrate, version
from netmon.store.reader import LedgerReader

FOUNDATION = "7fd92b0d92b5266903ead0cc4cf673a2b3a7eac241688d141587294dd714eb59"
"""SHA-256 of the schema it makes, white space aside."""
FOUNDATION_OF_A_DATABASE = "c54ff02d918abb3a84eaad5d92b3a506e957421f3d31df76360d472100ed7a15"


@contextmanager
def writing(place: Location) -> Iterator[Connection]:
    """A transaction of a writer that has not looked at the schema yet."""
    backend = backends.writing(place, 1_000_000_000)
    try:
        with backend.transaction() as connection:
            yield connection
    finally:
        backend.close()


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [one.number for one in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_fresh_ledger_records_every_migration_and_a_second_opening_none(place: Location) -> None:
    for _ in range(2):
        with opened(place):
            pass
    assert asked(place, "SELECT number, name, applied_at FROM migration ORDER BY number") == [
        (one.number, one.name, START_NS) for one in MIGRATIONS
    ]


def test_the_first_migration_stays_as_it_was_released(path: Path) -> None:
    """A changed table needs a migration of its own, and a frozen copy of the old table in the first."""
    with writing(path) as connection:
        migrate(connection, path, START_NS, MIGRATIONS[:1])
    statements = asked(path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name")
    assert digest([sql for (sql,) in statements]) == FOUNDATION


def test_the_first_migration_of_a_database_stays_as_it_was_released() -> None:
    statements: list[str] = []
    engine = create_mock_engine("postgresql+psycopg://", lambda sql, *_: statements.append(str(compiled(sql))))

    def compiled(sql: ExecutableDDLElement) -> Compiled:
        return sql.compile(dialect=engine.dialect)

    schema.metadata.create_all(engine, checkfirst=False)
    assert digest(statements) == FOUNDATION_OF_A_DATABASE


def digest(statements: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(" ".join(sql.split()) for sql in statements).encode()).hexdigest()


def at_version(place: Location, number: int) -> None:
    """A ledger as the netmon that knew no more migrations than `number` left it, with something of everything in it."""
    for _ in range(number):
        with writing(place) as connection:
            assert migrate(connection, place, START_NS, MIGRATIONS[:number])
    for statement, parameters in A_HISTORY:
        asked(place, statement, **parameters)
    ((chain,),) = asked(place, "SELECT value FROM meta WHERE key = 'chain_id'")
    asked(place, "UPDATE link SET hash = :hash", hash=link_hash(str(chain), 1, "note", "{}", GENESIS))


LAYOUT = '{"counter_bits":64,"device":null,"discontinuity":null,"pdu_of":[[0,1]],"series":[[1,"ether1",""]]}'
CELLS = {name: struct.pack(">Q", value) for name, value in (("a", 100), ("b", 101), ("c", 7), ("d", 9))}
A_HISTORY: tuple[tuple[str, dict[str, object]], ...] = (
    ("INSERT INTO router VALUES (1, 'palu')", {}),
    ("INSERT INTO series VALUES (1, 'ether1', 0)", {}),
    ("INSERT INTO layout VALUES (1, 1, :digest, :document)", {"digest": bytes(1), "document": LAYOUT}),
    (
        f"INSERT INTO visit VALUES (1, 1, 1, {START_NS}, 1, NULL, NULL, :stamps, :a, :b, :c, :d)",
        {"stamps": struct.pack(">IQ", 6000, START_NS), **CELLS},
    ),
    (f"INSERT INTO head VALUES (1, 1, {START_NS})", {}),
    ("INSERT INTO gap VALUES (1, 1, 1, 'ether1', 'in', 1, 2, 'counter_reset')", {}),
    (f"INSERT INTO link SELECT value, 1, 'note', 'n', '{{}}', '{GENESIS}', '' FROM meta WHERE key = 'chain_id'", {}),
    ("INSERT INTO hold VALUES ('dinkes-main', 'vaccination', 'operator', 1, NULL)", {}),
    ("INSERT INTO cursor VALUES ('influx', 1)", {}),
)
"""What the tables of migration 1 hold."""


@pytest.mark.parametrize("number", range(1, len(MIGRATIONS)))
def test_a_ledger_of_every_earlier_netmon_is_brought_up_to_date_with_all_that_it_holds(
    place: Location, number: int
) -> None:
    at_version(place, number)
    before = everything(place)
    with opened(place) as ledger:
        head = ledger.head("palu")
        assert head is not None
        assert (head.in_total, head.out_total) == ((100,), (101,))
        assert ledger.cursor("influx") == 1
        assert list(ledger.holds(START_NS)) == ["dinkes-main"]
    after = everything(place)
    for table, rows in before.items():
        if table not in ("migration", "meta"):
            assert after[table] == rows
    assert set(before["meta"]) <= set(after["meta"])
    assert examine(place).fault is None


@pytest.mark.parametrize("number", range(1, len(MIGRATIONS)))
def test_a_ledger_that_grew_up_and_a_new_one_are_the_same(path: Path, postgres: PostgresServer, number: int) -> None:
    at_version(path, number)
    fresh = path.with_name("fresh.db")
    for one in (path, fresh):
        with opened(one):
            pass
    assert asked(path, SHAPE) == asked(fresh, SHAPE)
    with postgres.database() as old, postgres.database() as new:
        at_version(old, number)
        for place in (old, new):
            with opened(place):
                pass
        for statement in SHAPES_OF_A_DATABASE:
            assert asked(old, statement) == asked(new, statement) != []


def everything(place: Location) -> dict[str, list[tuple[object, ...]]]:
    return {table: asked(place, f"SELECT * FROM {table}") for table in tables(place)}


def tables(place: Location) -> list[str]:
    if isinstance(place, Path):
        return [
            name
            for (name,) in asked(
                place, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        ]
    return [name for (name,) in asked(place, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")]


SHAPE = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
SHAPES_OF_A_DATABASE = (
    """SELECT table_name, column_name, data_type, is_nullable, is_identity, collation_name
    FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position""",
    """SELECT indexname, replace(indexdef, current_schema(), '') FROM pg_indexes
    WHERE schemaname = current_schema() ORDER BY indexname""",
    """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace ORDER BY conname""",
)


def test_an_older_netmon_refuses_a_ledger_of_every_later_one_and_leaves_it_alone(place: Location) -> None:
    """What an older binary does: it knows fewer migrations."""
    with opened(place):
        pass
    for number in range(1, len(MIGRATIONS)):
        sentence = rf"has schema {len(MIGRATIONS)}, this netmon knows up to {number}; install the newer netmon again"
        with pytest.raises(LedgerSchemaError, match=sentence), writing(place) as connection:
            migrate(connection, place, START_NS, MIGRATIONS[:number])
    assert examine(place).fault is None


def test_a_newer_ledger_is_refused_politely_by_writer_and_reader(place: Location) -> None:
    with opened(place):
        pass
    asked(place, "INSERT INTO migration (number, name, applied_at) VALUES (99, 'from the future', 0)")
    sentence = rf"the ledger {re.escape(str(place))} has schema 99, this netmon knows up to \d+; install"
    with pytest.raises(LedgerSchemaError, match=sentence), opened(place):
        pass
    with pytest.raises(LedgerSchemaError, match=sentence):
        LedgerReader.open(place)


def test_a_reader_asks_for_an_older_ledger_to_be_brought_up_to_date(place: Location) -> None:
    with opened(place):
        pass
    asked(place, "DELETE FROM migration")
    with pytest.raises(LedgerSchemaError, match=r"start `netmon run` once"):
        LedgerReader.open(place)


def test_somebody_elses_database_is_left_alone(place: Location) -> None:
    asked(place, "CREATE TABLE phonebook (name TEXT)")
    with pytest.raises(LedgerSchemaError, match="is a database but not a netmon ledger"), opened(place):
        pass
    assert tables(place) == ["phonebook"]


def test_a_migration_that_fails_leaves_the_ledger_at_the_one_before(place: Location) -> None:
    def half_done(connection: Connection, now_ns: int) -> None:
        connection.exec_driver_sql("CREATE TABLE half (a TEXT)")
        raise OSError("power cut")

    def done(connection: Connection, now_ns: int) -> None:
        connection.exec_driver_sql("CREATE TABLE whole (a TEXT)")

    with opened(place):
        pass
    number = len(MIGRATIONS) + 1
    with pytest.raises(OSError, match="power cut"), writing(place) as connection:
        migrate(connection, place, START_NS, (*MIGRATIONS, Migration(number, "half", half_done)))
    known = (*MIGRATIONS, Migration(number, "whole", done))
    with writing(place) as connection:
        assert version(connection) == number - 1
        assert migrate(connection, place, START_NS, known)
    with writing(place) as connection:
        assert not migrate(connection, place, START_NS, known)
        assert version(connection) == number
    assert "whole" in tables(place)
    assert "half" not in tables(place)
