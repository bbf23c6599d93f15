"""Backups are consistent, whole, made beside the writer and never over another file; restores lose nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store import committer
from store.test_migrations import at_version
from support.ledgers import START_NS, a_receipt, a_verdict, a_visit, an_intent, opened
from support.processes import wait_until

from netmon.core.model import NANOSECONDS
from netmon.store import backup as module
from netmon.store.audit import audit, links_of
from netmon.store.backup import back_up, restore
from netmon.store.care import examine
from netmon.store.errors import LedgerLockedError, LedgerSchemaError, StoreError
from netmon.store.migrations import MIGRATIONS
from netmon.store.settings import LedgerSettings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "ledger.db"
    path.parent.mkdir()
    with opened(path) as ledger:
        ledger.commit([a_visit("palu", number, [(number, number)]) for number in range(1, 6)])
        ledger.decide([a_verdict()], [], START_NS)
    return path


def settings(path: Path) -> LedgerSettings:
    return LedgerSettings(path=path)


def kept(path: Path) -> set[str]:
    return {one.name for one in path.parent.iterdir()}


# --- backup ---------------------------------------------------------------------------------------


def test_a_backup_holds_what_was_committed_and_is_one_file(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    with opened(path) as ledger:
        ledger.commit([a_visit("palu", 6, [(6, 6)])])
        made = back_up(path, target)
        ledger.commit([a_visit("palu", 7, [(7, 7)])])
    assert made.size_bytes == target.stat().st_size
    assert made.examination.fault is None
    assert {one.name for one in tmp_path.iterdir()} == {"state", "backup.db"}
    shutil.rmtree(path.parent)
    connection = sqlite3.connect(target)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("SELECT max(sequence) FROM visit").fetchone() == (6,)
    connection.close()


def test_a_file_that_is_there_is_never_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("precious")
    with pytest.raises(StoreError, match=r"backup\.db exists already; nothing is overwritten"):
        back_up(path, target)
    assert target.read_text() == "precious"


def test_a_file_that_comes_while_the_backup_is_made_is_not_overwritten_either(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"

    def come(done: int, total: int) -> None:
        target.write_text("precious")

    with pytest.raises(StoreError, match="exists already"):
        back_up(path, target, come)
    assert target.read_text() == "precious"
    assert kept(target) == {"state", "backup.db"}


def test_no_room_or_no_folder_is_a_sentence_and_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="cannot be written to: No such file"):
        back_up(path, tmp_path / "absent" / "backup.db")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(StoreError, match=r"there is no room at .* 5 are free"):
        back_up(path, tmp_path / "backup.db")
    assert kept(tmp_path / "backup.db") == {"state"}


def test_a_backup_of_a_busy_ledger_is_consistent_and_the_writer_never_waits(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process commits as fast as it can; in between, each step copies a single page."""
    path.unlink()
    log = tmp_path / "committer.log"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with log.open("wb") as output:
        writer = subprocess.Popen([sys.executable, committer.__file__, path], stdout=output, env=environment)
    try:
        wait_until(lambda: log.read_text().count("\n") > 100, "a hundred commits")
        monkeypatch.setattr(module, "_STEP_PAGES", 1)
        before = log.read_text().count("\n")
        during: list[int] = []
        made = back_up(path, tmp_path / "backup.db", lambda done, total: during.append(log.read_text().count("\n")))
        assert len(during) > 20, "many steps"
        assert made.examination.fault is None
        connection = sqlite3.connect(tmp_path / "backup.db")
        (held,) = connection.execute("SELECT min(sequence) FROM head").fetchone()
        connection.close()
        assert held >= before, "everything acknowledged before it began"
        wait_until(lambda: log.read_text().count("\n") > during[-1], "the writer to go on")
    finally:
        writer.kill()
        writer.wait(10)
    assert "False" not in log.read_text()
    assert examine(path).fault is None


def test_a_fault_of_the_ledger_is_told_and_its_backup_kept_nevertheless(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE link SET payload = '{}'")
    connection.commit()
    connection.close()
    made = back_up(path, tmp_path / "backup.db")
    assert made.examination.fault is not None
    assert made.examination.fault.name == "chain"
    assert (tmp_path / "backup.db").exists()


def test_a_damaged_ledger_is_not_taken_for_a_backup(path: Path, tmp_path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[7 * 4096 : 7 * 4096 + 512] = b"\xa5" * 512
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is not sound: the file is damaged"):
        back_up(path, tmp_path / "backup.db")
    assert kept(tmp_path / "backup.db") == {"state"}


# --- restore --------------------------------------------------------------------------------------


def test_a_restore_puts_the_backup_back_and_keeps_what_it_replaces(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    made = back_up(path, target)
    with opened(path) as ledger:
        ledger.commit([a_visit("palu", 6, [(6, 6)])])
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
        done = None
        with pytest.raises(LedgerLockedError, match="stop it first"):
            restore(settings(path), target, START_NS)
    with links_of(path) as found:
        lost = audit(found).chains[0].head
    done = restore(settings(path), target, START_NS)
    assert done.lost == lost
    assert done.kept == path.with_name("ledger.db.replaced-20261118T110640Z")
    assert kept(path) == {"ledger.db", "ledger.db.lock", done.kept.name}
    with opened(path) as ledger:
        head = ledger.head("palu")
        assert head is not None
        assert head.sequence == 5
        assert ledger.commit([a_visit("palu", 6, [(9, 9)])]) == [True]
    assert examine(path).fault is None
    assert examine(done.kept).fault is None
    assert done.head.sequence == made.head.sequence + 1
    for noted, whole in ((made.head, True), (done.head, True), (lost, False)):
        with links_of(path) as found:
            result = audit(found, [noted])
        assert result.ok is whole
    assert result.fault is not None
    assert f"tells of a restored backup, and that what it replaced was kept as {done.kept.name}" in result.fault.detail


def test_what_was_only_in_the_write_ahead_log_is_kept_as_well(path: Path, tmp_path: Path) -> None:
    """As after a kill or a power cut."""
    target = tmp_path / "backup.db"
    back_up(path, target)
    held = tmp_path / "held"
    held.mkdir()
    with opened(path) as ledger:
        ledger.commit([a_visit("palu", 6, [(6, 6)])])
        for suffix in ("", "-wal"):
            shutil.copyfile(path.with_name(path.name + suffix), held / (path.name + suffix))
    for suffix in ("", "-wal"):
        shutil.copyfile(held / (path.name + suffix), path.with_name(path.name + suffix))
    done = restore(settings(path), target, START_NS)
    assert done.kept is not None
    connection = sqlite3.connect(done.kept)
    assert connection.execute("SELECT max(sequence) FROM visit").fetchone() == (6,)
    connection.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT max(sequence) FROM visit").fetchone() == (5,)
    connection.close()


def test_a_restore_where_there_is_no_ledger_or_a_ruined_one(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    back_up(path, target)
    path.write_bytes(b"\0" * 8192)
    done = restore(settings(path), target, START_NS)
    assert done.kept is not None
    assert done.lost is None
    assert done.kept.read_bytes() == b"\0" * 8192
    path.unlink()
    assert restore(settings(path), target, START_NS).kept is None
    assert examine(path).fault is None


@pytest.mark.parametrize("what", ["damaged", "newer", "altered", "absent", "itself"])
def test_a_backup_that_is_not_sound_replaces_nothing(path: Path, tmp_path: Path, what: str) -> None:
    target = tmp_path / "backup.db"
    back_up(path, target)
    if what == "damaged":
        content = bytearray(target.read_bytes())
        content[7 * 4096 : 7 * 4096 + 512] = b"\xa5" * 512
        target.write_bytes(content)
    elif what == "absent":
        target.unlink()
    elif what == "itself":
        target = path
    else:
        connection = sqlite3.connect(target)
        statement = "INSERT INTO migration VALUES (99, 'from the future', 0)"
        connection.execute(statement if what == "newer" else "UPDATE link SET payload = '{}'")
        connection.commit()
        connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerSchemaError if what == "newer" else StoreError):
        restore(settings(path), target, START_NS)
    assert path.read_bytes() == before
    assert kept(path) - {"ledger.db-wal", "ledger.db-shm"} == {"ledger.db", "ledger.db.lock"}
    with opened(path):
        pass


def test_a_backup_of_an_older_netmon_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    at_version(older, 1)
    restore(settings(path), older, START_NS)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT max(number) FROM migration").fetchone() == (MIGRATIONS[-1].number,)
    connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_the_restored_ledger_belongs_to_whom_the_ledger_belonged(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    back_up(path, target)
    os.chown(path, 65534, 65533)
    path.chmod(0o600)
    restore(settings(path), target, START_NS)
    for name in ("ledger.db", "ledger.db.lock"):
        found = path.with_name(name).stat()
        assert (found.st_uid, found.st_gid) == (65534, 65533)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("owner", "name", "of"),
    [(os, "link", "ledger.db"), (Path, "unlink", "ledger.db-wal"), (Path, "replace", "ledger.db.restoring")],
)
def test_a_restore_that_is_cut_short_leaves_everything_and_can_be_repeated(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, of: str
) -> None:
    target = tmp_path / "backup.db"
    back_up(path, target)
    real = getattr(owner, name)

    def cut(first: Path, *args: object, **kwargs: object) -> object:
        if Path(first).name == of:
            raise OSError(5, "cut short", str(first))
        return real(first, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, cut)
        with pytest.raises(StoreError, match="could not be replaced: cut short"):
            restore(settings(path), target, START_NS)
    assert examine(path).fault is None
    with opened(path) as ledger:
        assert ledger.head("palu") is not None
    assert restore(settings(path), target, START_NS + NANOSECONDS).head.sequence == 2
    assert examine(path).fault is None
