"""Visits and heads: the compare-and-swap that counts every byte once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, select

from netmon.core.heads import Head, Visit
from netmon.store import rows, schema
from netmon.store.database import Database, WritingBackend, streamed
from netmon.store.packing import Known, pack


class VisitLog(Database):
    """Commits visits against the heads they were computed from."""

    def __init__(self, backend: WritingBackend) -> None:
        super().__init__(backend)
        self._writing = backend
        self._known = Known()

    def commit(self, visits: Sequence[Visit]) -> list[bool]:
        """All of them in one transaction, in order; False for one whose base is no longer its router's head.

        Such a visit is to be recomputed from `head`. Raises VisitRefusedError for one that contradicts
        itself or its head, and StoreError; then nothing was committed.
        """
        packed = [pack(visit) for visit in visits]
        known = self._known.copy()
        with self._transaction() as connection:
            taken = self._writing.enter(connection, packed, known)
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
            return {row.name: _head(row) for row in streamed(connection, _heads())}


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
