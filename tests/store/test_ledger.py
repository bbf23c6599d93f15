"""Opening a ledger, being its only writer, and what its disk can do to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.ledgers import a_visit, held_elsewhere, opened, small_disk

from netmon.core.heads import Visit
from netmon.store.errors import LedgerLockedError, StoreError
from netmon.store.reader import LedgerReader

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_a_fresh_ledger_is_durable_and_keeps_its_identity(path: Path) -> None:
    identities = set()
    for _ in range(2):
        with opened(path) as ledger, ledger._transaction() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            identities.add(tuple(connection.exec_driver_sql("SELECT key, value FROM meta ORDER BY key").all()))
    assert len(identities) == 1


def test_a_second_writer_is_told_who_the_first_is(path: Path) -> None:
    with (
        held_elsewhere(path) as holder,
        pytest.raises(LedgerLockedError, match=rf"in use by process {holder}; .* control socket"),
        opened(path),
    ):
        pass
    with opened(path) as ledger:
        assert ledger.heads() == {}, "a killed writer leaves no lock behind"


def test_the_lock_holds_within_one_process_and_through_a_symbolic_link(path: Path) -> None:
    other = path.with_name("alias.db")
    other.symlink_to(path)
    with opened(path), pytest.raises(LedgerLockedError), opened(other):
        pass


@pytest.mark.parametrize("content", [b"netmon: yaml, not a database\n" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_ledger_is_named_with_a_remedy(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with (
        pytest.raises(StoreError, match=rf"the ledger {path} (is not an SQLite database|is damaged).*restore"),
        opened(path),
    ):
        pass
    assert path.read_bytes() == content, "it is left as it was found"
    with pytest.raises(StoreError, match="restore a backup"):
        LedgerReader.open(path)


def test_a_page_gone_bad_is_reported_as_damage(path: Path) -> None:
    with opened(path) as ledger:
        ledger.commit([a_visit("a", 1, [(1, 1)] * 300)])
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged; stop netmon, keep a copy"), opened(path) as ledger:
        ledger.heads()


def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    absent = tmp_path / "no" / "ledger.db"
    with pytest.raises(StoreError, match=r"cannot be opened: No such file .*; create its directory"), opened(absent):
        pass
    with pytest.raises(StoreError, match=r"there is no ledger at .*; start `netmon run` first"):
        LedgerReader.open(absent)


def test_a_full_ledger_refuses_a_whole_batch_and_goes_on_when_there_is_room(path: Path) -> None:
    with opened(path) as ledger:
        ledger.commit([a_visit("a", 1)])
        with ledger._transaction() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(StoreError, match=r"is full or its disk is; free space"):
            ledger.commit(many("a", 2))
        head = ledger.head("a")
        assert head is not None
        assert head.sequence == 1
        with ledger._transaction() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert all(ledger.commit(many("a", 2)))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_refuses_a_whole_batch_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        path = disk / "ledger.db"
        with opened(path) as ledger:
            ledger.commit([a_visit("a", 1)])
            ballast = disk / "ballast"
            free = shutil.disk_usage(disk).free
            ballast.write_bytes(bytes(free - 40_000))
            with pytest.raises(StoreError, match=r"ledger\.db (is full|could not be)"):
                ledger.commit(many("a", 2))
            head = ledger.head("a")
            assert head is not None
            assert head.sequence == 1
            ballast.unlink()
            assert all(ledger.commit(many("a", 2)))


def test_a_ledger_that_cannot_be_written_is_a_sentence() -> None:
    with as_an_ordinary_user() as directory:
        path = directory / "ledger.db"
        with opened(path) as ledger:
            ledger.commit([a_visit("a", 1)])
        path.chmod(0o444)
        with pytest.raises(StoreError, match=r"cannot be written; give its file and directory"), opened(path):
            pass
        path.with_name("ledger.db.lock").chmod(0o000)
        with pytest.raises(StoreError, match=r"lock .* cannot be opened: Permission denied"), opened(path):
            pass


def test_another_program_that_keeps_it_locked_is_a_sentence_and_no_loss(path: Path) -> None:
    with opened(path) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"stayed locked by another program"):
            ledger.commit([a_visit("a", 1)])
        other.execute("ROLLBACK")
        other.close()
        assert ledger.commit([a_visit("a", 1)]) == [True]


def many(router: str, first: int) -> list[Visit]:
    return [a_visit(router, sequence, [(1, 1)] * 200) for sequence in range(first, first + 40)]


@contextmanager
def as_an_ordinary_user() -> Iterator[Path]:
    """A directory of one's own, without root's power to write anything."""
    directory = Path(tempfile.mkdtemp(prefix="netmon-test-"))
    user = os.geteuid()
    try:
        if user == 0:
            os.chown(directory, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield directory
    finally:
        os.seteuid(user)
        shutil.rmtree(directory)


def test_closing_gives_the_lock_back(path: Path) -> None:
    with opened(path):
        pass
    with opened(path) as ledger:
        assert ledger.commit([a_visit("a", 1)]) == [True]
