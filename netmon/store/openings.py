"""Where all series of a router stood around an instant: two or three rows a router, whatever its number of ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

from netmon.store import rows, schema
from netmon.store.database import nearest, streamed
from netmon.store.rows import CELL_BYTES, Layout

_LINEAR = 8
"""Visits looked at one after the other; ports absent for longer are found by halving."""

Columns = tuple[tuple[int, ...], tuple[int, ...]]
"""Of ifIn and of ifOut."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The readings around an instant, of every series of a router: cell i belongs to its position i.

    A reading at the very instant is both. Where there is none, its time is None and its total 0.
    """

    before_ns: tuple[int | None, ...]
    """Of the last reading at or before the instant."""
    before: Columns
    """Cumulative bytes at that reading."""
    after_ns: tuple[int | None, ...]
    """Of the first reading at or after the instant."""
    after: Columns


_visit = schema.visit.c
_router: BindParameter[int] = bindparam("router_id")
_at: BindParameter[int] = bindparam("at_ns")
_from: BindParameter[int] = bindparam("from_sequence")
_to: BindParameter[int] = bindparam("to_sequence")
_cells: Select[Any] = select(
    _visit.sequence, _visit.layout_id, _visit.lagging, _visit.stamps, _visit.in_total, _visit.out_total
).where(_visit.router_id == _router)
_HEAD = (
    select(schema.head.c.router_id, schema.head.c.sequence)
    .join(schema.router, schema.router.c.id == schema.head.c.router_id)
    .where(schema.router.c.name == bindparam("name"))
)
_BEGUN = select(func.max(_visit.at_ns)).where(_visit.router_id == _router, _visit.at_ns <= _at)
_UP_TO = _cells.where(_visit.at_ns <= _at).order_by(_visit.at_ns.desc())
_SINCE = _cells.where(_visit.at_ns >= _at).order_by(_visit.at_ns).limit(_LINEAR)
_FROM = _cells.where(_visit.at_ns >= _at).order_by(_visit.at_ns)
_WITHIN = _cells.where(_visit.sequence >= _from, _visit.sequence <= _to).order_by(_visit.sequence).limit(1)


@dataclass(frozen=True, slots=True)
class VisitCells:
    """One row, unpacked once for all its series; cell i belongs to position i."""

    sequence: int
    at_ns: int
    read_ns: tuple[int, ...]
    totals: Columns
    lagging: tuple[int, ...]
    """Positions that were not read in it."""


class Finder:
    """Openings within one transaction; `layout_of` gives a layout by its id."""

    def __init__(self, connection: Connection, layout_of: Callable[[int], Layout]) -> None:
        self._connection, self._layout_of = connection, layout_of

    def opening(self, router: str, at_ns: int) -> Opening | None:
        """None for a router that was never visited."""
        head = self._connection.execute(_HEAD, {"name": router}).one_or_none()
        if head is None:
            return None
        last = self._at_or_after(head.router_id, head.sequence, head.sequence)
        width = len(last.read_ns)
        before, after = _Column(width), _Column(width)
        for visit in self._backwards(head.router_id, at_ns):
            before.take(visit, [p for p in before.lacking(visit) if visit.read_ns[p] <= at_ns])
            if not before.lacking(visit):
                break
        coming = {position for position in range(width) if last.read_ns[position] >= at_ns}
        seen = 0
        for visit in self._forwards(head.router_id, at_ns) if coming or last.lagging else ():
            seen = visit.sequence
            after.take(visit, [p for p in after.lacking(visit) if p in coming and visit.read_ns[p] >= at_ns])
            coming = {position for position in coming if after.at_ns[position] is None}
            # What was read last before the instant may have been thinned out, and stand in the next visit only.
            before.take(visit, [p for p in visit.lagging if (before.at_ns[p] or 0) < visit.read_ns[p] <= at_ns])
            if not coming and visit.at_ns > at_ns:
                break
        for position in coming:
            after.take(self._halving(head.router_id, position, at_ns, seen, last), [position])
        return Opening(tuple(before.at_ns), before.columns(), tuple(after.at_ns), after.columns())

    def visits(self, router_id: int, at_ns: int) -> Iterator[VisitCells]:
        """All that began at or after an instant, ascending."""
        for row in streamed(self._connection, _FROM, {"router_id": router_id, "at_ns": at_ns}):
            yield self._unpacked(row)

    def _backwards(self, router_id: int, at_ns: int) -> Iterator[VisitCells]:
        for row in nearest(self._connection, _UP_TO, {"router_id": router_id, "at_ns": at_ns}):
            yield self._unpacked(row)

    def _forwards(self, router_id: int, at_ns: int) -> Iterator[VisitCells]:
        # From one visit earlier on: a later PDU of it may have come in after the instant.
        begun = self._connection.execute(_BEGUN, {"router_id": router_id, "at_ns": at_ns}).scalar_one()
        since = {"router_id": router_id, "at_ns": at_ns if begun is None else begun}
        with self._connection.execute(_SINCE, since) as found:
            for row in found:
                yield self._unpacked(row)

    def _halving(self, router_id: int, position: int, at_ns: int, before: int, last: VisitCells) -> VisitCells:
        """The first visit after number `before` in which the series was read at or after the instant; `last` is one.

        A series is never read earlier than in the visit before, so the visits that will do are the last ones.
        """
        low, high, found = before + 1, last.sequence, last
        while low < high:
            middle = (low + high) // 2
            visit = self._at_or_after(router_id, middle, last.sequence)
            if position < len(visit.read_ns) and visit.read_ns[position] >= at_ns:
                high, found = middle, visit
            else:
                low = visit.sequence + 1
        return found

    def _at_or_after(self, router_id: int, sequence: int, most: int) -> VisitCells:
        bounds = {"router_id": router_id, "from_sequence": sequence, "to_sequence": most}
        return self._unpacked(self._connection.execute(_WITHIN, bounds).one())

    def _unpacked(self, row: Row[Any]) -> VisitCells:
        """Up to the last series known then."""
        width = len(row.in_total) // CELL_BYTES
        stamps = [stamp.received_ns for stamp in rows.unpack_stamps(row.stamps)]
        pdu_of = self._layout_of(row.layout_id).pdu_of if len(stamps) > 1 else (0,) * width
        read_ns = [stamps[pdu] for pdu in pdu_of]
        lagging = rows.unpack_lagging(row.lagging)
        for position, seen in lagging.items():
            read_ns[position] = seen.at_ns
        totals = (rows.unpack_totals(row.in_total), rows.unpack_totals(row.out_total))
        return VisitCells(row.sequence, stamps[0], tuple(read_ns), totals, tuple(lagging))


class _Column:
    """One side of an opening in the making."""

    def __init__(self, width: int) -> None:
        self.at_ns: list[int | None] = [None] * width
        self._totals = ([0] * width, [0] * width)
        self._lacking = list(range(width))

    def lacking(self, visit: VisitCells) -> list[int]:
        """Positions not filled yet, of those the visit knows."""
        return [position for position in self._lacking if position < len(visit.read_ns)]

    def take(self, visit: VisitCells, positions: list[int]) -> None:
        for position in positions:
            self.at_ns[position] = visit.read_ns[position]
            for mine, theirs in zip(self._totals, visit.totals, strict=True):
                mine[position] = theirs[position]
        if positions:
            self._lacking = [position for position in self._lacking if self.at_ns[position] is None]

    def columns(self) -> Columns:
        return tuple(self._totals[0]), tuple(self._totals[1])
