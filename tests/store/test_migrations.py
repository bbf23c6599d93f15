"""The ledger's schema and how it moves forward."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection
from support.ledgers import START_NS, opened

from netmon.store.care import examine
from netmon.store.chain import GENESIS, link_hash
from netmon.store.database import writing_engine
from netmon.store.errors import LedgerSchemaError
from netmon.store.migrations import MIGRATIONS, Migration, migrate, version
from netmon.store.reader import LedgerReader

FOUNDATION = "7fd92b0d92b5266903ead0cc4cf673a2b3a7eac241688d141587294dd714eb59"
"""SHA-256 of the schema it makes, white space aside."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute(statement).fetchall()
    connection.commit()
    connection.close()
    return found


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [one.number for one in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_fresh_ledger_records_every_migration_and_a_second_opening_none(path: Path) -> None:
    for _ in range(2):
        with opened(path):
            pass
    assert rows(path, "SELECT number, name, applied_at FROM migration") == [
        (one.number, one.name, START_NS) for one in MIGRATIONS
    ]


def test_the_first_migration_stays_as_it_was_released(path: Path) -> None:
    """A changed table needs a migration of its own, and a frozen copy of the old table in the first."""
    engine = writing_engine(path, 1_000_000_000)
    with engine.begin() as connection:
        migrate(connection, path, START_NS, MIGRATIONS[:1])
    engine.dispose()
    statements = rows(path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name")
    text = "\n".join(" ".join(str(sql).split()) for (sql,) in statements)
    assert hashlib.sha256(text.encode()).hexdigest() == FOUNDATION


def at_version(path: Path, number: int) -> None:
    """A ledger as the netmon that knew no more migrations than `number` left it, with something of everything in it."""
    engine = writing_engine(path, 1_000_000_000)
    while True:
        with engine.begin() as connection:
            if not migrate(connection, path, START_NS, MIGRATIONS[:number]):
                break
    engine.dispose()
    for statement in A_HISTORY:
        rows(path, statement)
    (chain,) = rows(path, "SELECT value FROM meta WHERE key = 'chain_id'")[0]
    rows(path, f"UPDATE link SET hash = '{link_hash(str(chain), 1, 'note', '{}', GENESIS)}'")


LAYOUT = '{"counter_bits":64,"device":null,"discontinuity":null,"pdu_of":[[0,1]],"series":[[1,"ether1",""]]}'
TOTALS = "x'0000000000000064', x'0000000000000065', x'0000000000000007', x'0000000000000009'"
A_HISTORY = (
    "INSERT INTO router VALUES (1, 'palu')",
    "INSERT INTO series VALUES (1, 'ether1', 0)",
    f"INSERT INTO layout VALUES (1, 1, x'00', '{LAYOUT}')",
    f"INSERT INTO visit VALUES (1, 1, 1, {START_NS}, 1, NULL, NULL, x'000017701900000000000000', {TOTALS})",
    f"INSERT INTO head VALUES (1, 1, {START_NS})",
    "INSERT INTO gap VALUES (1, 1, 1, 'ether1', 'in', 1, 2, 'counter_reset')",
    f"INSERT INTO link SELECT value, 1, 'note', 'n', '{{}}', '{GENESIS}', '' FROM meta WHERE key = 'chain_id'",
    "INSERT INTO hold VALUES ('dinkes-main', 'vaccination', 'operator', 1, NULL)",
    "INSERT INTO cursor VALUES ('influx', 1)",
)
"""What the tables of migration 1 hold."""


@pytest.mark.parametrize("number", range(1, len(MIGRATIONS)))
def test_a_ledger_of_every_earlier_netmon_is_brought_up_to_date_with_all_that_it_holds(path: Path, number: int) -> None:
    at_version(path, number)
    before = {table: rows(path, f"SELECT * FROM {table}") for (table,) in rows(path, TABLES)}
    with opened(path) as ledger:
        head = ledger.head("palu")
        assert head is not None
        assert (head.in_total, head.out_total) == ((100,), (101,))
        assert ledger.cursor("influx") == 1
        assert list(ledger.holds(START_NS)) == ["dinkes-main"]
    before.pop("migration")
    assert {table: rows(path, f"SELECT * FROM {table}") for table in before} == before
    assert examine(path).fault is None
    fresh = path.with_name("fresh.db")
    with opened(fresh):
        pass
    assert rows(path, SHAPE) == rows(fresh, SHAPE), "a ledger that grew up and a new one are the same"


TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
SHAPE = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"


def test_an_older_netmon_refuses_a_ledger_of_every_later_one_and_leaves_it_alone(path: Path) -> None:
    """What an older binary does: it knows fewer migrations."""
    with opened(path):
        pass
    for number in range(1, len(MIGRATIONS)):
        engine = writing_engine(path, 1_000_000_000)
        sentence = rf"has schema {len(MIGRATIONS)}, this netmon knows up to {number}; install the newer netmon again"
        with pytest.raises(LedgerSchemaError, match=sentence), engine.begin() as connection:
            migrate(connection, path, START_NS, MIGRATIONS[:number])
        engine.dispose()
    assert examine(path).fault is None


def test_a_newer_ledger_is_refused_politely_by_writer_and_reader(path: Path) -> None:
    with opened(path):
        pass
    rows(path, "INSERT INTO migration (number, name, applied_at) VALUES (99, 'from the future', 0)")
    sentence = rf"the ledger {path} has schema 99, this netmon knows up to \d+; install the newer netmon"
    with pytest.raises(LedgerSchemaError, match=sentence), opened(path):
        pass
    with pytest.raises(LedgerSchemaError, match=sentence):
        LedgerReader.open(path)


def test_a_reader_asks_for_an_older_ledger_to_be_brought_up_to_date(path: Path) -> None:
    with opened(path):
        pass
    rows(path, "DELETE FROM migration")
    with pytest.raises(LedgerSchemaError, match=r"start `netmon run` once"):
        LedgerReader.open(path)


def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    rows(path, "CREATE TABLE phonebook (name)")
    with pytest.raises(LedgerSchemaError, match="is a database but not a netmon ledger"), opened(path):
        pass
    assert rows(path, "SELECT name FROM sqlite_master") == [("phonebook",)]


def test_a_migration_that_fails_leaves_the_ledger_at_the_one_before(path: Path) -> None:
    def half_done(connection: Connection, now_ns: int) -> None:
        connection.exec_driver_sql("CREATE TABLE half (a)")
        raise OSError("power cut")

    def done(connection: Connection, now_ns: int) -> None:
        connection.exec_driver_sql("CREATE TABLE whole (a)")

    with opened(path):
        pass
    number = len(MIGRATIONS) + 1
    engine = writing_engine(path, 1_000_000_000)
    with pytest.raises(OSError, match="power cut"), engine.begin() as connection:
        migrate(connection, path, START_NS, (*MIGRATIONS, Migration(number, "half", half_done)))
    known = (*MIGRATIONS, Migration(number, "whole", done))
    with engine.begin() as connection:
        assert version(connection) == number - 1
        assert migrate(connection, path, START_NS, known)
    with engine.begin() as connection:
        assert not migrate(connection, path, START_NS, known)
        assert version(connection) == number
    engine.dispose()
    assert rows(path, "SELECT name FROM sqlite_master WHERE name IN ('half', 'whole')") == [("whole",)]
