"""Visits and heads: the compare-and-swap that counts every byte once."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select

from netmon.core.counters import Head, Visit
from netmon.store import rows, schema
from netmon.store.database import Database, cache_pragma, driver
from netmon.store.errors import VisitRefusedError
from netmon.store.rows import Layout

_INSERT_VISIT = """
INSERT INTO visit (router_id, sequence, at_ns, layout_id, host_uptime_ticks, lagging, stamps,
                   in_total, out_total, in_octets, out_octets)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_GAP = """
INSERT INTO gap (visit_id, router_id, interface, direction, from_ns, to_ns, reason) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_INSERT_LAYOUT = """
INSERT INTO layout (router_id, digest, document) VALUES (?, ?, ?) ON CONFLICT (router_id, digest) DO NOTHING"""
_FIRST_HEAD = "INSERT INTO head (router_id, sequence, at_ns) VALUES (?, 1, ?) ON CONFLICT (router_id) DO NOTHING"
_NEXT_HEAD = "UPDATE head SET sequence = ?, at_ns = ? WHERE router_id = ? AND sequence = ? AND at_ns < ?"
_HEAD_AT = "SELECT at_ns FROM head WHERE router_id = ? AND sequence = ?"


@dataclass(frozen=True, slots=True)
class _Row:
    """A visit packed before any transaction opens."""

    visit: Visit
    layout: Layout
    cells: tuple[object, ...]


@dataclass(slots=True)
class _Known:
    """What is already in the ledger and never changes there: rows' ids by what they hold."""

    routers: dict[str, int] = field(default_factory=dict)
    layouts: dict[int, tuple[Layout, int]] = field(default_factory=dict)
    """By router: its last visit's."""


class VisitLog(Database):
    """Commits visits against the heads they were computed from."""

    def __init__(self, path: Path, engine: Engine) -> None:
        super().__init__(path, engine)
        self._known = _Known()

    def commit(self, visits: Sequence[Visit]) -> list[bool]:
        """All of them in one transaction, in order; False for one whose base is no longer its router's head.

        Such a visit is to be recomputed from `head`. Raises VisitRefusedError for one that contradicts
        itself or its head, and StoreError; then nothing was committed.
        """
        packed = [_packed(visit) for visit in visits]
        known = _Known(dict(self._known.routers), dict(self._known.layouts))
        with self._transaction() as connection:
            writer = _Writer(connection, known)
            taken = [writer.enter(row) for row in packed]
        self._known = known
        return taken

    def head(self, router: str) -> Head | None:
        """A router as of its last committed visit; None before the first."""
        with self._transaction() as connection:
            row = connection.execute(_heads().where(schema.router.c.name == router)).one_or_none()
        return None if row is None else _head(row)

    def heads(self) -> dict[str, Head]:
        """Every router's."""
        with self._transaction() as connection:
            return {row.name: _head(row) for row in connection.execute(_heads())}


class _Writer:
    """One transaction's worth of visits."""

    def __init__(self, connection: Connection, known: _Known) -> None:
        self._connection = connection
        self._driver = driver(connection)
        self._known = known

    def enter(self, row: _Row) -> bool:
        head = row.visit.head
        router_id = self._router(head.router)
        if not self._swap(router_id, row.visit):
            return False
        layout_id = self._layout(router_id, head.router, row.layout)
        sequence, at_ns, *rest = row.cells
        cursor = self._driver.execute(_INSERT_VISIT, (router_id, sequence, at_ns, layout_id, *rest))
        visit_id = cursor.lastrowid
        if row.visit.gaps:
            self._driver.executemany(
                _INSERT_GAP,
                [
                    (visit_id, router_id, gap.interface, gap.direction, gap.from_ns, gap.to_ns, gap.reason.value)
                    for gap in row.visit.gaps
                ],
            )
        return True

    def _swap(self, router_id: int, visit: Visit) -> bool:
        head = visit.head
        if visit.base == 0:
            return self._driver.execute(_FIRST_HEAD, (router_id, head.at_ns)).rowcount == 1
        cursor = self._driver.execute(_NEXT_HEAD, (head.sequence, head.at_ns, router_id, visit.base, head.at_ns))
        if cursor.rowcount == 1:
            return True
        at = self._driver.execute(_HEAD_AT, (router_id, visit.base)).fetchone()
        if at is not None:
            raise VisitRefusedError(head.router, f"its time {head.at_ns} is not after its head's, {at[0]}")
        return False

    def _router(self, name: str) -> int:
        router_id = self._known.routers.get(name)
        if router_id is None:
            self._driver.execute("INSERT INTO router (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (name,))
            router_id = _only(self._driver, "SELECT id FROM router WHERE name = ?", (name,))
            self._known.routers[name] = router_id
            self._driver.execute(f"PRAGMA {cache_pragma(len(self._known.routers))}")
        return router_id

    def _layout(self, router_id: int, router: str, layout: Layout) -> int:
        last = self._known.layouts.get(router_id)
        if last is None or last[0] != layout:
            last = layout, self._intern(router_id, router, layout)
            self._known.layouts[router_id] = last
        return last[1]

    def _intern(self, router_id: int, router: str, layout: Layout) -> int:
        document = rows.dump_layout(layout)
        digest = hashlib.sha256(document.encode("ascii")).digest()
        created = self._driver.execute(
            _INSERT_LAYOUT,
            (router_id, digest, document),
        )
        if created.rowcount == 1:
            self._add_series(router_id, router, [one.name for one in layout.series])
        return _only(self._driver, "SELECT id FROM layout WHERE router_id = ? AND digest = ?", (router_id, digest))

    def _add_series(self, router_id: int, router: str, names: list[str]) -> None:
        """Totals are found by position, so a series that moved would give its bytes to another."""
        found = self._driver.execute("SELECT name FROM series WHERE router_id = ? ORDER BY position", (router_id,))
        present = [name for (name,) in found]
        if names[: len(present)] != present:
            raise VisitRefusedError(router, "the order of its interfaces changed")
        if len(set(names)) != len(names):
            raise VisitRefusedError(router, "an interface name occurs twice")
        self._driver.executemany(
            "INSERT INTO series (router_id, name, position) VALUES (?, ?, ?)",
            [(router_id, names[at], at) for at in range(len(present), len(names))],
        )


def _packed(visit: Visit) -> _Row:
    head = visit.head
    if head.sequence != visit.base + 1:
        raise VisitRefusedError(head.router, f"its sequence {head.sequence} does not follow its base {visit.base}")
    columns = (head.in_total, head.out_total, head.in_octets, head.out_octets)
    width = len(head.series)
    if any(len(one) != width for one in (*columns, head.pdu_of, head.discontinuity)):
        raise VisitRefusedError(head.router, "its columns differ in length")
    if head.pdu_of and not 0 <= min(head.pdu_of) <= max(head.pdu_of) < len(head.pdus):
        raise VisitRefusedError(head.router, "an interface names a PDU that is not there")
    try:
        cells = (
            head.sequence,
            head.at_ns,
            head.host_uptime_ticks,
            rows.pack_lagging(head.lagging),
            rows.pack_stamps(head.pdus),
            *[rows.pack_cells(column) for column in columns],
        )
    except (struct.error, IndexError) as error:
        raise VisitRefusedError(head.router, f"a number of it cannot be held ({error})") from error
    return _Row(visit, rows.layout_of(head), cells)


def _only(connection: sqlite3.Connection, statement: str, parameters: tuple[object, ...]) -> int:
    value: int = connection.execute(statement, parameters).fetchone()[0]
    return value


def _heads() -> Select[Any]:
    last = (schema.visit.c.router_id == schema.head.c.router_id) & (schema.visit.c.sequence == schema.head.c.sequence)
    columns = schema.visit.c
    return (
        select(
            schema.router.c.name,
            columns.sequence,
            schema.layout.c.document,
            columns.host_uptime_ticks,
            columns.lagging,
            columns.stamps,
            columns.in_total,
            columns.out_total,
            columns.in_octets,
            columns.out_octets,
        )
        .select_from(schema.head)
        .join(schema.visit, last)
        .join(schema.router, schema.router.c.id == schema.head.c.router_id)
        .join(schema.layout, schema.layout.c.id == columns.layout_id)
    )


def _head(row: Row[Any]) -> Head:
    name, sequence, document, *rest = tuple(row)
    return rows.head_from(name, sequence, rows.load_layout(document), *rest)
