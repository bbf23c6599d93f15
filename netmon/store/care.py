"""Whether a ledger is sound: its pages, its references, its heads and totals, its chain. One snapshot, read only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import gt
from typing import Any

from sqlalchemy import Connection, ForeignKeyConstraint, Select, exists, func, inspect, select, text

from netmon.core.directives import Directive
from netmon.core.model import NANOSECONDS
from netmon.core.requests import Request
from netmon.store import directives, rows, schema
from netmon.store.audit import audit, ledger_links, snapshot
from netmon.store.chain import Link
from netmon.store.database import canceller, streamed
from netmon.store.errors import StoreError, sentences
from netmon.store.location import Location

MINUTES_NS = 60 * NANOSECONDS
_EVER_NS = 2**63 - 1
_EVERY = 1000
"""Rows between two looks at the clock."""
_RESTORE = "keep a copy of it, then restore a backup with `netmon ledger restore`, on a server with pg_restore"
_DEFECT = "somebody edited the ledger, or report this as a defect; keep a copy, then restore a backup"
_CHAIN = (
    "somebody edited the ledger; `netmon audit verify` says more, and compare with heads noted earlier and with backups"
)

_HEADS_AMISS = text("""
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
LIMIT 1""")
_VISITS = select(
    *(schema.visit.c[name] for name in ("router_id", "sequence", "at_ns", "in_total", "out_total"))
).order_by(schema.visit.c.router_id, schema.visit.c.sequence)
_UNPROVEN = text("""
SELECT intent.id FROM intent LEFT JOIN link ON link.kind = 'receipt' AND link.subject = intent.id
WHERE intent.closed_ns IS NOT NULL AND link.sequence IS NULL LIMIT 1""")


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


def examine(ledger: Location, within_ns: int = 30 * MINUTES_NS, told: Told = lambda name, count: None) -> Examination:
    """Examines a ledger, which may be in use. What is found comes back; only what is no ledger of this or an earlier
    netmon raises StoreError.
    """
    deadline = time.monotonic() + within_ns / NANOSECONDS
    done: list[Check] = []
    with snapshot(ledger) as connection, _interrupted(connection, deadline):
        for name, examiner in (*_OF_DIALECT[connection.dialect.name], *_CHECKS):
            told(name, 0)
            began = time.monotonic()
            watch = _Watch(deadline, partial(told, name))
            fault = _examined(ledger, connection, examiner, watch, deadline)
            seconds = time.monotonic() - began
            done.append(Check(name, watch.count, seconds, *((fault.what, fault.remedy) if fault else ())))
            if fault is not None:
                break
    return Examination(tuple(done))


def _examined(
    ledger: Location, connection: Connection, examiner: _Examiner, watch: _Watch, deadline: float
) -> _Fault | None:
    try:
        with sentences(ledger):
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
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), canceller(connection))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


# --- what is examined -----------------------------------------------------------------------------


def _pages(connection: Connection, watch: _Watch) -> _Fault | None:
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    watch.count = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return None if found == "ok" else _Fault(f"the file is damaged: {' '.join(str(found).split())}", _RESTORE)


def _references(connection: Connection, watch: _Watch) -> _Fault | None:
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        return _Fault(f"row {row} of {table} refers to a {parent} that is not there", _DEFECT)
    return None


def _joined(connection: Connection, watch: _Watch) -> _Fault | None:
    """The same by the tables' own words: a server may have been told not to look (session_replication_role)."""
    present = set(inspect(connection).get_table_names())
    for table in schema.tables():
        for reference in table.foreign_key_constraints if table.name in present else ():
            watch.one()
            found = connection.execute(_dangling(reference)).first()
            if found is not None:
                row = ", ".join(str(value) for value in found)
                what = f"row {row} of {table.name} refers to a {reference.referred_table.name} that is not there"
                return _Fault(what, _DEFECT)
    return None


def _dangling(reference: ForeignKeyConstraint) -> Select[Any]:
    """The key of a row whose parent is missing."""
    joined = [element.column == element.parent for element in reference.elements]
    absent = ~exists().where(*joined)
    return select(*reference.table.primary_key.columns).where(absent).limit(1)


def _heads(connection: Connection, watch: _Watch) -> _Fault | None:
    watch.count = connection.execute(select(func.count()).select_from(schema.head)).scalar_one()
    found = connection.execute(_HEADS_AMISS).first()
    return None if found is None else _Fault(f"router {found[0]} {found[2]} (sequence {found[1]})", _DEFECT)


def _totals(connection: Connection, watch: _Watch) -> _Fault | None:
    """Of every series, from visit to visit: time goes on, and no total ever falls."""
    last_router, last_at = None, 0
    before: tuple[tuple[int, ...], ...] = ((), ())
    for router, sequence, at_ns, *packed in streamed(connection, _VISITS):
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
    columns = schema.router.c
    found = connection.execute(select(columns.name).where(columns.id == router_id)).scalar_one_or_none()
    return f"visit {sequence} of router {router_id if found is None else found}"


def _series(connection: Connection, router_id: int, position: int) -> str:
    columns = schema.series.c
    statement = select(columns.name).where(columns.router_id == router_id, columns.position == position)
    found = connection.execute(statement).scalar_one_or_none()
    return f"series {position}" if found is None else str(found)


def _chain(connection: Connection, watch: _Watch) -> _Fault | None:
    def counted(links: Iterable[Link]) -> Iterator[Link]:
        for link in links:
            watch.one()
            yield link

    with closing(ledger_links(connection)) as links:
        found = audit(counted(links))
    return None if found.fault is None else _Fault(found.fault.detail, _CHAIN)


def _receipts(connection: Connection, watch: _Watch) -> _Fault | None:
    """Whoever cuts the chain's end off seldom thinks of the changes whose receipts were there."""
    closed = select(func.count()).select_from(schema.intent).where(schema.intent.c.closed_ns.is_not(None))
    watch.count = connection.execute(closed).scalar_one()
    found = connection.execute(_UNPROVEN).first()
    return None if found is None else _Fault(f"change {found[0]} was carried out, but its receipt is gone", _CHAIN)


def _directives(connection: Connection, watch: _Watch) -> _Fault | None:
    """What was decided for a time stands in a table, to be asked, and in the chain, to be believed."""
    if not inspect(connection).has_table(directives.directive.name):
        return None
    given, asked = directives.by_the_chain(connection)
    told: dict[str, object] = {**given, **asked}
    recorded: Iterator[Directive | Request] = chain(
        directives.given_between(connection, 0, _EVER_NS), directives.asked_between(connection, 0, _EVER_NS)
    )
    for one in recorded:
        watch.one()
        if told.pop(one.id, None) != one:
            return _Fault(f"{one.id} is not what the chain says of it", _CHAIN)
    lost = next(iter(told), None)
    return None if lost is None else _Fault(f"{lost} is gone, but the chain tells of it", _CHAIN)


_OF_DIALECT: Mapping[str, tuple[tuple[str, _Examiner], ...]] = {
    "sqlite": (("pages", _pages), ("references", _references)),
    "postgresql": (("references", _joined),),
}
_CHECKS: tuple[tuple[str, _Examiner], ...] = (
    ("heads", _heads),
    ("totals", _totals),
    ("chain", _chain),
    ("receipts", _receipts),
    ("directives", _directives),
)
