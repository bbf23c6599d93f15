"""What ports showed at every edge of the 300 s grid, in columns: for whoever replays a month of a thousand of them.

Only the visits around each edge are unpacked, and series that were read together share their instants. The cells are
those of `periods.summed_on_grid` without its `widened`, which moves bytes between neighbouring cells of an agent that
repeats itself, and never a sum.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter, sub
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from netmon.core.periods import BRIDGED_NS, GRID_NS
from netmon.store import rows, schema, spans
from netmon.store.database import streamed
from netmon.store.rows import CELL_BYTES, Layout

Totals = Sequence[int]
"""Cumulative bytes of one reading: cell i belongs to position i of the track."""
NEVER = -1
"""Before a series was first read: below every total."""


@dataclass(frozen=True, slots=True)
class Track:
    """Series of one router that were read together, at the edges of the grid: edge k is number first_cell + k."""

    positions: tuple[int, ...]
    first_cell: int
    read_ns: Sequence[int]
    """Instants of the readings, ascending."""
    totals: tuple[Sequence[Totals], Sequence[Totals]]
    """Of ifIn and of ifOut, by reading."""
    coming: Sequence[int]
    """By edge: the first reading at or after it; len(read_ns) where there is none."""

    def newest_ns(self) -> list[int | None]:
        """By edge: when it was last read by then."""
        return [None if at is None else self.read_ns[at] for at in self._last()]

    def known(self, out: bool) -> list[tuple[int, ...]]:
        """By position, then edge: the total as it was known at that instant, NEVER before the first reading."""
        totals, never = self.totals[out], (NEVER,) * len(self.positions)
        return list(zip(*(never if at is None else totals[at] for at in self._last()), strict=True))

    def first_after(self, edge: int, out: bool, column: int) -> int | None:
        """The total of the first reading at or after an edge; None where there is none in this stretch."""
        at = self.coming[edge]
        return self.totals[out][at][column] if at < len(self.read_ns) else None

    def octets(self, out: bool) -> list[tuple[int | None, ...]]:
        """By position, then cell: bytes, totals interpolated linearly at the edges; None where it was not measured."""
        absent = (None,) * len(self.positions)
        edges = [self._at_edge(edge, out) for edge in range(len(self.coming))]
        cells: list[Sequence[int | None]] = []
        for edge in range(1, len(edges)):
            low, high = edges[edge - 1], edges[edge]
            measured = low is not None and high is not None and not self._bridged(edge)
            cells.append(tuple(map(sub, high, low)) if measured and low is not None and high is not None else absent)
        return list(zip(*cells, strict=True))

    def _last(self) -> Iterator[int | None]:
        """By edge: the last reading at or before it."""
        for edge, at in enumerate(self.coming):
            exact = at < len(self.read_ns) and self.read_ns[at] == self._ns(edge)
            last = at if exact else at - 1
            yield last if last >= 0 else None

    def _at_edge(self, edge: int, out: bool) -> Totals | None:
        at, read_ns, totals, instant = self.coming[edge], self.read_ns, self.totals[out], self._ns(edge)
        if at == len(read_ns):
            return None
        if read_ns[at] == instant:
            return totals[at]
        if at == 0:
            return None
        passed, span = instant - read_ns[at - 1], read_ns[at] - read_ns[at - 1]
        return [low + (high - low) * passed // span for low, high in zip(totals[at - 1], totals[at], strict=True)]

    def _bridged(self, edge: int) -> bool:
        """Whether the whole cell before an edge lies between readings of which only the sum is known."""
        at = self.coming[edge]
        earlier = self.read_ns[at - 1]
        return self.read_ns[at] - earlier > BRIDGED_NS and earlier <= self._ns(edge - 1)

    def _ns(self, edge: int) -> int:
        return (self.first_cell + edge) * GRID_NS


def tracks(
    connection: Connection,
    layout_of: Callable[[int], Layout],
    router: str,
    positions: Iterable[int],
    from_cell: int,
    to_cell: int,
) -> list[Track]:
    """Those series of one router over the cells from_cell..to_cell, without the last; each position in one track.

    One pass over the router's visits, from the last before to the first after.
    """
    wanted = sorted(set(positions))
    router_id = connection.execute(
        select(schema.router.c.id).where(schema.router.c.name == router)
    ).scalar_one_or_none()
    if router_id is None or not wanted:
        return []
    since_ns = spans.since(connection, router_id, from_cell * GRID_NS)
    found = streamed(connection, _VISITS, {"router_id": router_id, "at_ns": since_ns})
    visits = [_unpacked(row, layout_of) for row in _around_edges(found, from_cell, to_cell)]
    edges = [cell * GRID_NS for cell in range(from_cell, to_cell + 1)]
    return [_track(visits, group, edges) for group in _together(visits, wanted)]


_visit = schema.visit.c
_VISITS: Select[Any] = (
    select(_visit.at_ns, _visit.layout_id, _visit.lagging, _visit.stamps, _visit.in_total, _visit.out_total)
    .where(_visit.router_id == bindparam("router_id"), _visit.at_ns >= bindparam("at_ns"))
    .order_by(_visit.at_ns)
)


@dataclass(frozen=True, slots=True)
class _Visit:
    stamps_ns: tuple[int, ...]
    pdu_of: tuple[int, ...]
    lagging: dict[int, int]
    """Position -> when it was read last."""
    totals: tuple[Totals, Totals]

    def read_ns(self, position: int) -> int | None:
        """None for a series that was not known yet."""
        if position >= len(self.totals[0]):
            return None
        lagging = self.lagging.get(position)
        return self.stamps_ns[self.pdu_of[position]] if lagging is None else lagging


def _around_edges(found: Iterable[Any], from_cell: int, to_cell: int) -> Iterator[Any]:
    """Of visits in order, those that any edge rests on: the last two that began by it, as a later PDU of the last may
    have come in after it, and the first at or after it; and where a series was not read, that visit and the next.
    """
    edge_ns, end_ns = from_cell * GRID_NS, to_cell * GRID_NS
    passed: list[Any] = []
    lagged = False
    for row in found:
        if row.at_ns >= edge_ns:
            yield from passed
            yield row
            passed = []
            edge_ns = (row.at_ns // GRID_NS + 1) * GRID_NS
        elif row.lagging is not None or lagged:
            yield from passed
            yield row
            passed = []
        else:
            passed = [*passed[-1:], row]
        lagged = row.lagging is not None
        if row.at_ns >= end_ns:
            return
    yield from passed


def _unpacked(row: Any, layout_of: Callable[[int], Layout]) -> _Visit:
    width = len(row.in_total) // CELL_BYTES
    stamps = rows.unpack_received(row.stamps)
    return _Visit(
        stamps,
        layout_of(row.layout_id).pdu_of if len(stamps) > 1 else (0,) * width,
        {position: seen.at_ns for position, seen in rows.unpack_lagging(row.lagging).items()},
        (rows.unpack_totals(row.in_total), rows.unpack_totals(row.out_total)),
    )


def _together(visits: Sequence[_Visit], wanted: Sequence[int]) -> list[tuple[int, ...]]:
    """Positions with the same instants; one that lagged is for itself."""
    kinds = {(visit.pdu_of, len(visit.totals[0])) for visit in visits}
    lagging = {position for visit in visits for position in visit.lagging}
    groups: dict[object, list[int]] = {}
    for position in wanted:
        alike = tuple(pdu_of[position] if position < width else None for pdu_of, width in kinds)
        groups.setdefault(position if position in lagging else alike, []).append(position)
    return [tuple(group) for group in groups.values()]


def _track(visits: Sequence[_Visit], positions: tuple[int, ...], edges: Sequence[int]) -> Track:
    pick = itemgetter(*positions)
    read: list[int] = []
    totals: tuple[list[Totals], list[Totals]] = ([], [])
    for visit in visits:
        read_ns = visit.read_ns(positions[0])
        if read_ns is None or (read and read_ns <= read[-1]):
            continue
        read.append(read_ns)
        for column, of_visit in zip(totals, visit.totals, strict=True):
            picked = pick(of_visit)
            column.append(picked if len(positions) > 1 else (picked,))
    coming, at = [], 0
    for edge in edges:
        at = bisect_left(read, edge, at)
        coming.append(at)
    return Track(positions, edges[0] // GRID_NS, read, totals, coming)
