"""Whether a ledger is sound: its pages, its references, its heads and totals, its chain. One snapshot, read only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import gt
from pathlib import Path

from sqlalchemy import Connection

from netmon.core.model import NANOSECONDS
from netmon.store import rows
from netmon.store.audit import audit, ledger_links, snapshot
from netmon.store.chain import Link
from netmon.store.database import driver
from netmon.store.errors import StoreError, sentences

MINUTES_NS = 60 * NANOSECONDS
_EVERY = 1000
"""Rows between two looks at the clock."""
_RESTORE = "keep a copy of it, then restore a backup with `netmon ledger restore`"
_DEFECT = "somebody edited the file, or report this as a defect; keep a copy, then restore a backup"
_CHAIN = (
    "somebody edited the file; `netmon audit verify` says more, and compare with heads noted earlier and with backups"
)

_HEADS_AMISS = """
SELECT router.name, head.sequence, 'has a head, but not the visit it stands for'
FROM head JOIN router ON router.id = head.router_id
LEFT JOIN visit ON visit.router_id = head.router_id AND visit.sequence = head.sequence
WHERE visit.id IS NULL OR visit.at_ns <> head.at_ns
UNION ALL
SELECT router.name, visit.sequence, 'has a visit that its head does not know of'
FROM visit JOIN router ON router.id = visit.router_id
LEFT JOIN head ON head.router_id = visit.router_id
WHERE visit.sequence = (SELECT max(newest.sequence) FROM visit AS newest WHERE newest.router_id = visit.router_id)
  AND (head.sequence IS NULL OR visit.sequence > head.sequence)
LIMIT 1"""
_VISITS = """
SELECT router_id, sequence, at_ns, in_total, out_total FROM visit ORDER BY router_id, sequence"""
_UNPROVEN = """
SELECT intent.id FROM intent LEFT JOIN link ON link.kind = 'receipt' AND link.subject = intent.id
WHERE intent.closed_ns IS NOT NULL AND link.sequence IS NULL LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of examination, and how it ended."""

    name: str
    examined: int
    """Rows, links or pages that were looked at."""
    seconds: float
    fault: str | None = None
    """What is wrong and where; None: sound."""
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """The checks in order, up to the first that found something."""

    checks: tuple[Check, ...]

    @property
    def fault(self) -> Check | None:
        return self.checks[-1] if self.checks and self.checks[-1].fault is not None else None


class _TimeUpError(Exception):
    """The examination took as long as it may."""


@dataclass(frozen=True, slots=True)
class _Fault:
    what: str
    remedy: str


_LATE = _Fault("not examined to the end: time was up", "give it more with --within, or check a backup elsewhere")


class _Watch:
    """How much has been looked at, told now and then, until time is up."""

    def __init__(self, deadline: float, told: Callable[[int], None]) -> None:
        self.count = 0
        self._deadline, self._told = deadline, told

    def one(self) -> None:
        self.count += 1
        if self.count % _EVERY == 0:
            self._told(self.count)
            if time.monotonic() > self._deadline:
                raise _TimeUpError


Told = Callable[[str, int], None]
"""(name of a check, rows examined so far), now and then."""
_Examiner = Callable[[Connection, _Watch], _Fault | None]


def examine(path: Path, within_ns: int = 30 * MINUTES_NS, told: Told = lambda name, count: None) -> Examination:
    """Examines the ledger at `path`, which may be in use. What is found comes back; only a file that is no ledger of
    this or an earlier netmon raises StoreError.
    """
    deadline = time.monotonic() + within_ns / NANOSECONDS
    done: list[Check] = []
    with snapshot(path) as connection, _interrupted(connection, deadline):
        for name, examiner in _CHECKS:
            told(name, 0)
            began = time.monotonic()
            watch = _Watch(deadline, partial(told, name))
            fault = _examined(path, connection, examiner, watch, deadline)
            seconds = time.monotonic() - began
            done.append(Check(name, watch.count, seconds, *((fault.what, fault.remedy) if fault else ())))
            if fault is not None:
                break
    return Examination(tuple(done))


def _examined(path: Path, connection: Connection, examiner: _Examiner, watch: _Watch, deadline: float) -> _Fault | None:
    try:
        with sentences(path):
            return examiner(connection, watch)
    except _TimeUpError:
        return _LATE
    except StoreError as error:
        if time.monotonic() > deadline:
            return _LATE
        return _Fault(str(error), _RESTORE)


@contextmanager
def _interrupted(connection: Connection, deadline: float) -> Iterator[None]:
    """Ends even a single long statement when time is up."""
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), driver(connection).interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


# --- what is examined -----------------------------------------------------------------------------


def _pages(connection: Connection, watch: _Watch) -> _Fault | None:
    raw = driver(connection)
    (found,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
    (watch.count,) = raw.execute("PRAGMA page_count").fetchone()
    return None if found == "ok" else _Fault(f"the file is damaged: {' '.join(str(found).split())}", _RESTORE)


def _references(connection: Connection, watch: _Watch) -> _Fault | None:
    for table, row, parent, _ in driver(connection).execute("PRAGMA foreign_key_check"):
        return _Fault(f"row {row} of {table} refers to a {parent} that is not there", _DEFECT)
    return None


def _heads(connection: Connection, watch: _Watch) -> _Fault | None:
    raw = driver(connection)
    (watch.count,) = raw.execute("SELECT count(*) FROM head").fetchone()
    found = raw.execute(_HEADS_AMISS).fetchone()
    return None if found is None else _Fault(f"router {found[0]} {found[2]} (sequence {found[1]})", _DEFECT)


def _totals(connection: Connection, watch: _Watch) -> _Fault | None:
    """Of every series, from visit to visit: time goes on, and no total ever falls."""
    last_router, last_at = None, 0
    before: tuple[tuple[int, ...], ...] = ((), ())
    for router, sequence, at_ns, *packed in driver(connection).execute(_VISITS):
        watch.one()
        if any(len(one) % rows.CELL_BYTES or len(one) != len(packed[0]) for one in packed):
            return _Fault(f"{_visit(connection, router, sequence)} has totals of an odd length", _DEFECT)
        totals = tuple(rows.unpack_totals(one) for one in packed)
        if router == last_router:
            if at_ns <= last_at:
                return _Fault(f"{_visit(connection, router, sequence)} is not later than the one before it", _DEFECT)
            for way, old, new in zip(("in", "out"), before, totals, strict=True):
                if len(new) < len(old):
                    return _Fault(f"{_visit(connection, router, sequence)} has fewer series than before", _DEFECT)
                # strict=False: series are added at the end, and start there.
                if any(map(gt, old, new)):
                    at = next(i for i, (was, is_) in enumerate(zip(old, new, strict=False)) if was > is_)
                    port = _series(connection, router, at)
                    what = f"the {way} total of {port} falls from {old[at]} to {new[at]} bytes"
                    return _Fault(f"{_visit(connection, router, sequence)}: {what}", _DEFECT)
        last_router, last_at, before = router, at_ns, totals
    return None


def _visit(connection: Connection, router_id: int, sequence: int) -> str:
    found = driver(connection).execute("SELECT name FROM router WHERE id = ?", (router_id,)).fetchone()
    return f"visit {sequence} of router {found[0] if found else router_id}"


def _series(connection: Connection, router_id: int, position: int) -> str:
    statement = "SELECT name FROM series WHERE router_id = ? AND position = ?"
    found = driver(connection).execute(statement, (router_id, position)).fetchone()
    return str(found[0]) if found else f"series {position}"


def _chain(connection: Connection, watch: _Watch) -> _Fault | None:
    def counted() -> Iterator[Link]:
        for link in ledger_links(connection):
            watch.one()
            yield link

    found = audit(counted())
    return None if found.fault is None else _Fault(found.fault.detail, _CHAIN)


def _receipts(connection: Connection, watch: _Watch) -> _Fault | None:
    """Whoever cuts the chain's end off seldom thinks of the changes whose receipts were there."""
    raw = driver(connection)
    (watch.count,) = raw.execute("SELECT count(*) FROM intent WHERE closed_ns IS NOT NULL").fetchone()
    found = raw.execute(_UNPROVEN).fetchone()
    return None if found is None else _Fault(f"change {found[0]} was carried out, but its receipt is gone", _CHAIN)


_CHECKS: tuple[tuple[str, _Examiner], ...] = (
    ("pages", _pages),
    ("references", _references),
    ("heads", _heads),
    ("totals", _totals),
    ("chain", _chain),
    ("receipts", _receipts),
)
