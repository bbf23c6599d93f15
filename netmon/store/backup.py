"""Copies of a ledger: made while it is written to, and put back in its place."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from sqlalchemy import Connection

from netmon.core.periods import from_ns
from netmon.store import chain
from netmon.store.audit import Head, head_of, snapshot
from netmon.store.care import Examination, Told, examine
from netmon.store.chain import Entry, Kind, Signing
from netmon.store.errors import StoreError, sentences
from netmon.store.ledger import signer_of
from netmon.store.location import Location, Server
from netmon.store.lock import WriterLock
from netmon.store.migrations import bring_up_to_date
from netmon.store.newfile import new_path, synced
from netmon.store.settings import LedgerSettings
from netmon.store.sqlite import SqliteFile, driver, writing_engine
from netmon.store.values import canonical

_STEP_PAGES = 1024
_SYNC_PAGES = 16 * 1024
"""So much is written between two fsyncs: one fsync over gigabytes would hold up the daemon's own."""

Copied = Callable[[int, int], None]
"""(pages copied, pages in all)."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made."""

    size_bytes: int
    head: Head
    examination: Examination
    """Of the copy. A fault beyond its pages and references is in the ledger as well."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A ledger that was put back."""

    head: Head
    """Of its chain, the link that tells of the restore included."""
    kept: Path | None
    """Where the ledger that it replaced is; None: there was none."""
    lost: Head | None
    """The replaced ledger's head; None: there was none, or it cannot be read."""


def back_up(
    ledger: Location,
    target: Path,
    copied: Copied = lambda done, total: None,
    told: Told = lambda name, count: None,
) -> Backup:
    """A consistent copy as of now, examined; the writer goes on meanwhile and never waits for it.

    Raises StoreError if there is a file at `target`, if there is no room, or if the copy is not sound; and for a
    ledger on a server, which has tools of its own for it.
    """
    path = _file(ledger, "pg_dump --format=custom --file=FILE --dbname")
    with new_path(target) as partial:
        _copy(path, partial, copied)
        examination = examine(partial, told=told)
        fault = examination.fault
        if fault is not None and fault.name in ("pages", "references"):
            raise StoreError(f"the copy of {ledger} is not sound: {fault.fault}; {fault.remedy}")
        return Backup(partial.stat().st_size, head_of(partial)[0], examination)


def restore(settings: LedgerSettings, backup: Path, now_ns: int, told: Told = lambda name, count: None) -> Restored:
    """Puts a backup in the ledger's place, and keeps what it replaces beside it.

    The restore is itself a link of the chain, for links made after the backup are not in it. Raises
    LedgerLockedError while a daemon runs, and StoreError; then nothing was replaced.
    """
    path = _file(
        settings.location, "pg_restore --clean --if-exists --no-owner --single-transaction FILE --dbname"
    ).resolve()
    if path.exists() and backup.exists() and path.samefile(backup):
        raise StoreError(f"{backup} is the ledger itself; give the path of a backup")
    signer = signer_of(settings)
    lock = WriterLock.take(path)
    try:
        lost = _head_or_none(path)
        kept = _kept_name(path, now_ns) if path.exists() else None
        with _beside(path) as copy:
            _copy(backup, copy, lambda done, total: None)
            fault = examine(copy, told=told).fault
            if fault is not None:
                raise StoreError(f"the backup {backup} is not sound, nothing was restored: {fault.fault}")
            head = _tell(copy, settings, signer, _payload(backup, copy, lost, kept, now_ns), now_ns)
            _belong((copy, path.with_name(path.name + ".lock")), path)
            synced(copy)
            _swap(copy, path, kept)
    finally:
        lock.release()
    return Restored(head, kept, lost)


def _file(ledger: Location, command: str) -> Path:
    if isinstance(ledger, Server):
        raise StoreError(f"the ledger {ledger} is in PostgreSQL, whose own tools copy it; run `{command}='{ledger}'`")
    return ledger


def _copy(source: Path, target: Path, copied: Copied) -> None:
    with snapshot(source) as connection:
        _require_room(connection, target)
        with sentences(target), closing(sqlite3.connect(target, isolation_level=None)) as into:
            into.execute("PRAGMA journal_mode=OFF")
            into.execute("PRAGMA synchronous=OFF")
            synced_pages = 0

            def step(status: int, remaining: int, total: int) -> None:
                nonlocal synced_pages
                copied(total - remaining, total)
                if total - remaining - synced_pages >= _SYNC_PAGES:
                    synced_pages = total - remaining
                    synced(target)

            # The snapshot is held all along: the writer's commits neither wait for it nor make it begin anew.
            driver(connection).backup(into, pages=_STEP_PAGES, progress=step)
    with sentences(target), closing(sqlite3.connect(target, isolation_level=None)) as into:
        into.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, readable from where nothing may be written
    target.chmod(0o640)
    synced(target)


def _require_room(connection: Connection, target: Path) -> None:
    raw = driver(connection)
    (pages,), (size,) = raw.execute("PRAGMA page_count").fetchone(), raw.execute("PRAGMA page_size").fetchone()
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise StoreError(
            f"{target.parent} cannot be written to: {error.strerror}; create it, or give another"
        ) from error
    if free < pages * size:
        raise StoreError(
            f"there is no room at {target.parent} for {pages * size} bytes, {free} are free; make room, or give another"
            " place"
        )


# --- restore --------------------------------------------------------------------------------------


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Where the restored ledger is made ready; what an earlier, interrupted restore left there goes."""
    copy = path.with_name(f"{path.name}.restoring")
    _discard(copy)
    try:
        yield copy
    except OSError as error:
        raise StoreError(
            f"{path} could not be replaced: {error.strerror} ({error.filename}); make room there, and restore again"
        ) from error
    finally:
        _discard(copy)


def _discard(copy: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _head_or_none(path: Path) -> Head | None:
    """The ledger to be replaced may be the reason for it."""
    try:
        return head_of(path)[0]
    except StoreError:
        return None


def _kept_name(path: Path, now_ns: int) -> Path:
    return path.with_name(f"{path.name}.replaced-{from_ns(now_ns).astimezone(UTC):%Y%m%dT%H%M%SZ}")


def _payload(backup: Path, copy: Path, lost: Head | None, kept: Path | None, now_ns: int) -> str:
    def place(head: Head | None) -> dict[str, object] | None:
        return None if head is None else {"chain": head.chain, "sequence": head.sequence, "hash": head.hash}

    restored = place(head_of(copy)[0])
    names = {"file": backup.name, "kept_as": None if kept is None else kept.name}
    return canonical({"at_ns": now_ns, "restored": restored, "replaced": place(lost), **names})


def _tell(copy: Path, settings: LedgerSettings, signer: Signing | None, payload: str, now_ns: int) -> Head:
    """Brings the copy's schema up to date and appends the link that tells of the restore."""
    backend = SqliteFile(copy, writing_engine(copy, settings.busy_timeout))
    try:
        bring_up_to_date(backend, now_ns)
        with backend.transaction() as connection:
            subject = json.loads(payload)["restored"]["chain"]
            (link,) = chain.append(connection, signer, [Entry(Kind.RESTORE, subject, payload, repeatable=True)])
    finally:
        backend.close()
    if copy.with_name(copy.name + "-wal").exists():
        raise StoreError(f"{copy} could not be completed; check the disk and the kernel's log, and restore again")
    return Head(link.chain, link.sequence, link.hash)


def _belong(files: Sequence[Path], path: Path) -> None:
    """To whom the ledger belongs, and not to root, who restores it."""
    like = path.stat() if path.exists() else path.parent.stat()
    for file in files:
        os.chown(file, like.st_uid, like.st_gid)
    if path.exists():
        files[0].chmod(like.st_mode & 0o777)


def _swap(copy: Path, path: Path, kept: Path | None) -> None:
    """At every moment what is replaced is whole under one of its names, and never beside another's write-ahead log."""
    wal, shm = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if kept is not None:
        os.link(path, kept)
        if wal.exists() and wal.stat().st_size:
            os.link(wal, kept.with_name(kept.name + "-wal"))
        synced(path.parent)
    wal.unlink(missing_ok=True)
    shm.unlink(missing_ok=True)
    copy.replace(path)
    synced(path.parent)
