"""Circuits over a day of the past, in columns by cell of the 300 s grid: what was known of each, what it carried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from netmon.core.measurement import Gap
from netmon.core.model import Circuit, Direction, leaves
from netmon.core.periods import GRID_NS
from netmon.core.replay import Freshness
from netmon.store.cells import NEVER, Track
from netmon.store.spans import Series

Octets = Sequence[int | None]
"""Bytes by cell; None where it was not measured."""


class Past(Protocol):
    """What is asked of the ledger's reader."""

    def tracks(self, router: str, positions: Iterable[int], from_cell: int, to_cell: int) -> list[Track]: ...

    def places(self, routers: Sequence[str]) -> dict[tuple[str, str], int]: ...

    def gaps_of(self, routers: Sequence[str], from_ns: int, to_ns: int) -> dict[Series, list[Gap]]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One circuit."""

    track: Track
    column: int
    """In the track."""
    known: tuple[Sequence[int], Sequence[int]]
    """In and out: cumulative bytes as known at each cell's beginning, and at the last one's end."""
    octets: tuple[Octets, Octets]
    """In and out."""
    freshness: Freshness

    def way(self, circuit: Circuit, direction: Direction) -> tuple[Octets, Sequence[int]]:
        """Of one direction: its cells, and what was known."""
        out = leaves(direction, circuit.faces)
        return self.octets[out], self.known[out]

    def known_as(self, circuit: Circuit, direction: Direction, cell: int, until: int) -> Sequence[int]:
        """What was known at the beginning of each of the cells cell..until, without the last."""
        first = self.track.first_cell
        return self.known[leaves(direction, circuit.faces)][cell - first : until - first]

    def first_after(self, circuit: Circuit, direction: Direction, cell: int) -> int | None:
        """The total of the first reading at or after a cell's beginning; None where there is none on this day."""
        out = leaves(direction, circuit.faces)
        return self.track.first_after(cell - self.track.first_cell, out, self.column)


class Lines:
    """Of circuits, over the cells from..to, without the last. Raises StoreError."""

    def __init__(self, past: Past, circuits: Iterable[Circuit], cells: range, stale_after_ns: int) -> None:
        self._past, self._stale_after_ns = past, stale_after_ns
        self._by_router: dict[str, list[Circuit]] = {}
        for circuit in circuits:
            self._by_router.setdefault(circuit.router, []).append(circuit)
        routers = sorted(self._by_router)
        self._places = past.places(routers)
        self._gaps = past.gaps_of(routers, cells.start * GRID_NS, cells.stop * GRID_NS)

    def over(self, first_cell: int, to_cell: int) -> dict[str, Line]:
        """By circuit; those whose port was never seen are left out."""
        found: dict[str, Line] = {}
        for router, circuits in self._by_router.items():
            at_place: dict[int, list[Circuit]] = {}
            for circuit in circuits:
                place = self._places.get((router, circuit.interface))
                if place is not None:
                    at_place.setdefault(place, []).append(circuit)
            for track in self._past.tracks(router, at_place, first_cell, to_cell):
                found.update(self._of_track(track, at_place))
        return found

    def _of_track(self, track: Track, at_place: dict[int, list[Circuit]]) -> Iterable[tuple[str, Line]]:
        first = track.first_cell
        known, octets = (track.known(False), track.known(True)), (track.octets(False), track.octets(True))
        newest_ns = track.newest_ns()[:-1]
        freshness = Freshness.of(first, newest_ns, newest_ns, self._stale_after_ns)
        for column, position in enumerate(track.positions):
            for circuit in at_place[position]:
                entering = self._measured(circuit, "in", octets[0][column], first)
                leaving = self._measured(circuit, "out", octets[1][column], first)
                totals = (known[0][column], known[1][column])
                yield circuit.id, Line(track, column, totals, (entering, leaving), freshness)

    def _measured(self, circuit: Circuit, way: str, octets: Octets, first_cell: int) -> Octets:
        """Without the cells that a gap touches."""
        gaps = self._gaps.get((circuit.router, circuit.interface, way))
        if not gaps:
            return octets
        left = list(octets)
        for gap in gaps:
            low = max(0, gap.from_ns // GRID_NS - first_cell)
            high = min(len(left), -(-max(gap.to_ns, gap.from_ns + 1) // GRID_NS) - first_cell)
            left[low:high] = [None] * max(0, high - low)
        return left


def summed(parts: Sequence[tuple[Octets, Sequence[int]]]) -> Octets:
    """Of several circuits, each with what was known of it; None where any that was there is not measured (rule 12)."""
    if len(parts) == 1:
        return parts[0][0]
    total: list[int | None] = []
    for cell in range(len(parts[0][0]) if parts else 0):
        seen = [octets[cell] for octets, known in parts if octets[cell] is not None or known[cell] != NEVER]
        values = [octets for octets in seen if octets is not None]
        total.append(sum(values) if seen and len(values) == len(seen) else None)
    return total


def freshest(parts: Sequence[Freshness], stale_after_ns: int) -> Freshness:
    """Of several circuits: as of the one that was read longest ago, those never read not counting."""
    if all(one is parts[0] for one in parts):
        return parts[0]
    newest: list[int | None] = []
    latest: list[int | None] = []
    for cell in zip(*(one.newest_ns for one in parts), strict=True):
        read = [ns for ns in cell if ns is not None]
        newest.append(min(read, default=None))
        latest.append(max(read, default=None))
    return Freshness.of(parts[0].first_cell, newest, latest, stale_after_ns)
