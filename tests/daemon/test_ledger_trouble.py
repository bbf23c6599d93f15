"""What the disk can do to a running netmon: it polls on, says so, loses nothing acknowledged, recovers by itself."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from daemon.boxes import COMMUNITY, served
from daemon.test_service import DAEMON, Site
from daemon.world import START_NS, a_poll, at_work
from support.ledgers import small_disk
from support.processes import PATIENCE_S, eventually, free_port, running, wait_until
from support.stack import sample

from netmon.daemon import accountant as module
from netmon.daemon.accountant import WAITING_PER_ROUTER, Accountant
from netmon.daemon.ledger import LedgerService
from netmon.store.backup import back_up, restore
from netmon.store.care import examine
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.settings import LedgerSettings

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
HOLDER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_PAUSE_S", 0.01)


def settings(path: Path) -> LedgerSettings:
    return LedgerSettings.model_validate({"path": path, "busy_timeout": "50ms"})


def an_accountant(ledger: LedgerService) -> Accountant:
    return Accountant(
        book=ledger,
        on_visit=lambda visit, poll: None,
        on_commit=lambda seconds, visits: None,
        now_ns=lambda: START_NS,
        commit_interval_s=0.001,
        max_batch=500,
    )


# --- troubles that pass -------------------------------------------------------------------------


@contextmanager
def full(path: Path) -> Iterator[None]:
    """The file system of the ledger, which is a small one, has no block left."""
    ballast = path.with_name("ballast")
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Immutable files are refused even to root, and even through descriptors that are open."""
    files = [path, path.with_name(path.name + "-wal")]
    found = subprocess.run(["chattr", "+i", *files], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"needs root and a file system with immutable files ({found.stderr.strip()[:80]})")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process is in the midst of a transaction."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """SQLite itself would go on writing, in WAL mode, to a file that nobody finds again."""
    away = path.with_name("away.db")
    path.rename(away)
    yield
    away.rename(path)


@contextmanager
def ordinary_disk(directory: Path) -> Iterator[Path]:
    directory.mkdir()
    yield directory


@pytest.mark.parametrize(
    ("disk", "trouble", "words"),
    [
        pytest.param(partial(small_disk, size="2m"), full, r"is full or its disk is; free space", marks=ROOT),
        pytest.param(ordinary_disk, read_only, r"could not be read or written|cannot be written", marks=ROOT),
        (ordinary_disk, locked, r"stayed locked by another program"),
        (ordinary_disk, moved, r"was moved or removed while in use; put that very file back"),
    ],
    ids=["full", "read-only", "locked", "moved"],
)
async def test_what_passes_costs_no_byte_however_long_it_lasts(
    tmp_path: Path,
    disk: Callable[[Path], AbstractContextManager[Path]],
    trouble: Callable[[Path], AbstractContextManager[None]],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with disk(tmp_path / "state") as directory:
        path = directory / "ledger.db"
        ledger = LedgerService.open(settings(path), lambda: START_NS)
        accountant = an_accountant(ledger)
        second = 0
        async with at_work(accountant.run):
            accountant.offer(a_poll("palu", 0, 1000))
            await eventually(lambda: accountant.stats.committed == 1, "the first visit")
            with trouble(path):

                def poll() -> bool:
                    nonlocal second
                    second += 10
                    accountant.offer(a_poll("palu", second, 1000 + second))
                    return accountant.stats.failures >= 5

                await eventually(poll, "five attempts to commit")
                assert re.search(words, str(accountant.stats.problem))
                assert accountant.waiting <= WAITING_PER_ROUTER
                turns = accountant.stats.turns
                await eventually(lambda: accountant.stats.turns > turns, "the heartbeat")
            await eventually(lambda: accountant.waiting == 0, "all to be committed")
        assert accountant.stats.problem is None
        head = await ledger.write(Ledger.head, "palu")
        assert head is not None
        assert (head.in_total, head.out_total) == ((second,), (2 * second,))
        await ledger.close()
        assert examine(path).fault is None
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1, "a transition is logged once"


# --- trouble that does not ----------------------------------------------------------------------


async def test_a_damaged_ledger_is_told_with_what_to_do_and_a_backup_makes_it_good(tmp_path: Path) -> None:
    path, copy = tmp_path / "ledger.db", tmp_path / "backup.db"
    ledger = LedgerService.open(settings(path), lambda: START_NS)
    accountant = an_accountant(ledger)
    async with at_work(accountant.run):
        for second in range(0, 50, 10):
            accountant.offer(a_poll("palu", second, 1000 + second))
            await eventually(lambda: accountant.waiting == 0, "the visit")
        back_up(path, copy)
        accountant.offer(a_poll("palu", 50, 1050))
        await eventually(lambda: accountant.waiting == 0, "the visit")
        checkpoint = sqlite3.connect(path)
        checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        checkpoint.close()
        damage(path)
        committed = accountant.stats.committed
        for second in range(60, 2000, 10):
            accountant.offer(a_poll("palu", second, 1000 + second))
        await eventually(lambda: accountant.stats.failures >= 5, "attempts to commit")
        assert "is damaged; stop netmon, keep a copy of it, and restore a backup" in str(accountant.stats.problem)
        assert accountant.stats.committed == committed
        assert accountant.waiting <= WAITING_PER_ROUTER
    await ledger.close()
    with pytest.raises(StoreError, match="is damaged"):
        examine(path)

    assert restore(settings(path), copy, START_NS).kept is not None
    ledger = LedgerService.open(settings(path), lambda: START_NS)
    accountant = an_accountant(ledger)
    accountant.heads.update(await ledger.write(Ledger.heads))
    async with at_work(accountant.run):
        accountant.offer(a_poll("palu", 3000, 4000))
        await eventually(lambda: accountant.waiting == 0, "the visit")
    head = await ledger.write(Ledger.head, "palu")
    assert head is not None
    assert head.in_total == (3000,), "what passed since the backup is one long interval"
    await ledger.close()
    assert examine(path).fault is None


def damage(path: Path) -> None:
    """Every page but the first."""
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    with path.open("r+b") as file:
        file.write(content)


# --- the whole daemon ---------------------------------------------------------------------------


@ROOT
def test_a_daemon_whose_disk_fills_polls_on_says_so_and_recovers_by_itself(tmp_path: Path) -> None:
    """The disk is a tmpfs of 3 MB in a mount namespace of the daemon's own."""
    with served(("palu",)) as boxes:
        site = Site(tmp_path, free_port(), boxes)
        site.write("palu", interval="200ms", deadline="200ms")
        state = tmp_path / "state"
        state.mkdir()
        written = json.loads(site.config.read_text())
        site.config.write_text(json.dumps(written | {"ledger": {"path": "state/ledger.db", "commit_interval": "50ms"}}))
        script = 'mount -t tmpfs -o size=3m netmon-test "$1" && exec "$2" "$3" "$4"'
        command: list[str | Path] = ["unshare", "-m", "sh", "-c", script, "sh", state, sys.executable]
        command += [DAEMON, site.config]
        variables = {**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY}
        with running(command, site.ready, site.log, variables) as process:
            box = boxes["palu"]
            wait_until(lambda: site.total("palu", "download") == 0, "the first visit")
            ballast = Path(f"/proc/{process.pid}/root{state}/ballast")
            fill(ballast)
            box.count("ether1", into=10, out=20)
            wait_until(lambda: "the ledger cannot commit" in site.unready(), "it to say that it cannot commit")
            assert "is full or its disk is; free space" in site.unready()
            wait_until(lambda: sample(site.url, "netmon_ledger_committing") == 0, "the metric")
            polls = sample(site.url, "netmon_polls_total", result="ok") or 0
            box.count("ether1", into=100, out=200)
            wait_until(lambda: (sample(site.url, "netmon_polls_total", result="ok") or 0) >= polls + 5, "more polls")
            assert 1 <= (sample(site.url, "netmon_polls_waiting") or 0) <= WAITING_PER_ROUTER
            assert (sample(site.url, "netmon_ledger_commit_failures_total") or 0) >= 1
            told = site.total("palu", "download")
            assert told in (0, 20), "nothing is told that is not committed"
            ballast.unlink()
            wait_until(site.ready, "it to recover")
            wait_until(lambda: site.total("palu", "download") == 220, "every byte")
            wait_until(lambda: sample(site.url, "netmon_ledger_committing") == 1, "the metric")
            assert site.said("the ledger commits again")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        assert site.log.read_text().count("the ledger cannot commit;") == 1


def fill(ballast: Path) -> None:
    """In ever smaller steps, until there is no byte left."""
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017
