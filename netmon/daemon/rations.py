"""Pools over the past: what each carried, what other limits would have left, and whom sharing would have cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netmon.config.load import Configuration
from netmon.core import scarcity
from netmon.core.entitled import Inventory
from netmon.core.foregone import Supplied
from netmon.core.model import Circuit, Direction
from netmon.core.periods import GRID_NS, cell_bps
from netmon.core.rationing import Rationing
from netmon.core.scarcity import Scarcity
from netmon.core.supply import Pool, Sharing
from netmon.daemon.lines import Octets
from netmon.daemon.replaying import Case, Day

Place = tuple[str | None, Direction]
"""(pool, direction); None: all agencies, whatever they draw on."""


@dataclass(slots=True)
class _Sums:
    """By cell."""

    carried: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    unmeasured: list[int] = field(default_factory=list)
    members: int = 0

    def grow(self, cells: int, columns: Sequence[tuple[Octets, Octets]]) -> None:
        """By so many: what was carried, and what was left."""
        self.members = len(columns)
        carried = _in_all([one for one, _ in columns], cells)
        altered = [(one, left) for one, left in columns if left is not one]
        before, after = _in_all([one for one, _ in altered], cells), _in_all([left for _, left in altered], cells)
        self.carried += carried
        self.left += [total - was + now for total, was, now in zip(carried, before, after, strict=True)]
        absent = sum(not one for one, _ in columns)
        lacking = [[one is None for one in column] for column, _ in columns if None in column]
        self.unmeasured += [absent + sum(of) for of in zip(*lacking, strict=True)] if lacking else [absent] * cells


@dataclass(frozen=True, slots=True)
class _Part:
    """One circuit of a case over a day."""

    case: int
    circuit: Circuit
    carried: Octets
    left: Octets


class Rations:
    """Summed day by day; `cells` are those of the time that is looked at. A pool is shared only among all agencies, so
    nothing is said of any unless `cases` are the `whole`.
    """

    def __init__(self, configuration: Configuration, cases: Sequence[Case], cells: range, *, whole: bool) -> None:
        self._cases, self._cells = cases, cells
        self._pools: Mapping[str, Pool] = configuration.pools if whole else {}
        self._home = {circuit.id: self._home_of(circuit) for circuit in configuration.circuits}
        places: list[str | None] = [None, *self._pools]
        self._sums: dict[Place, _Sums] = {(pool, way): _Sums() for pool in places for way in Direction}
        self._scarcity: dict[Place, Scarcity] = {}
        inventory = Inventory(
            configuration.agencies,
            configuration.circuits,
            tuple(self._pools.values()),
            tuple(configuration.backhauls.values()),
        )
        self._rationing = {way: Rationing(inventory, way, configuration.entitlements) for way in Direction}
        self.rationed: dict[Direction, int] = dict.fromkeys(Direction, 0)
        """Cells in which somebody was cut by sharing."""

    def add(self, day: Day) -> None:
        """The next day. Raises SharingError."""
        cells = max(map(len, day.carried), default=0)
        columns: dict[Place, list[tuple[Octets, Octets]]] = {place: [] for place in self._sums}
        parts: dict[Direction, list[_Part]] = {way: [] for way in Direction}
        for number, case in enumerate(self._cases):
            columns[None, case.direction].append((day.carried[number], day.left[number]))
            for part in _parts(number, case, day) if self._pools else ():
                home = self._home[part.circuit.id]
                if home is not None:
                    columns[home, case.direction].append((part.carried, part.left))
                    parts[case.direction] += [part] if part.carried else []
        for place, of in columns.items():
            self._sums[place].grow(cells, of)
        for way, found in parts.items():
            for cell in range(cells):
                if self._short(way, day.first_cell + cell):
                    self._ration(way, found, day, cell)

    def supplied(self) -> dict[Place, Supplied]:
        """The sums of all days."""
        return {
            place: Supplied(
                sums.carried,
                sums.left,
                sums.unmeasured,
                sums.members,
                None if place[0] is None else self._pools[place[0]].purchased.of(place[1]),
            )
            for place, sums in self._sums.items()
        }

    def _home_of(self, circuit: Circuit) -> str | None:
        """The first shared pool that it draws on, or the first of all: its counter cannot tell several apart."""
        known = [pool for pool in circuit.pools if pool in self._pools]
        shared = [pool for pool in known if self._pools[pool].sharing is not Sharing.NEVER]
        return next(iter([*shared, *known]), None)

    def _short(self, way: Direction, cell: int) -> bool:
        """Whether limits would be set for the sake of any pool."""
        found = False
        for name, pool in self._pools.items():
            if pool.sharing is Sharing.NEVER:
                continue
            bps = cell_bps(self._sums[name, way].left[cell - self._cells.start])
            now = self._scarcity.get((name, way), Scarcity())
            now = scarcity.further(now, bps, pool.purchased.of(way), cell * GRID_NS)
            self._scarcity[name, way] = now
            found = found or now.short or pool.sharing is Sharing.ALWAYS
        return found

    def _ration(self, way: Direction, parts: Sequence[_Part], day: Day, cell: int) -> None:
        wanted = {part.circuit.id: cell_bps(octets) for part in parts if (octets := part.left[cell])}
        left_bps = self._rationing[way].left(wanted, (day.first_cell + cell) * GRID_NS)
        if not left_bps:
            return
        self.rationed[way] += 1
        at = day.first_cell + cell - self._cells.start
        lost: dict[int, int] = {}
        for part in parts:
            octets = part.left[cell]
            if part.circuit.id in left_bps and octets is not None:
                cut = octets - octets * left_bps[part.circuit.id] // wanted[part.circuit.id]
                lost[part.case] = lost.get(part.case, 0) + cut
                self._sums[self._home[part.circuit.id], way].left[at] -= cut
        for number, cut in lost.items():
            carried, before = day.carried[number][cell], day.left[number][cell]
            if cut and carried is not None and before is not None:
                self._sums[None, way].left[at] -= cut
                case = self._cases[number]
                floor_bps = case.floor_bps((day.first_cell + cell) * GRID_NS)
                case.foregone.short(at, carried, before, before - cut, floor_bps)


def _in_all(columns: Sequence[Octets], cells: int) -> list[int]:
    """Their sums, cell by cell; what was not measured adds nothing."""
    filled = [[one or 0 for one in column] if None in column else column for column in columns if column]
    return list(map(sum, zip(*filled, strict=True))) if filled else [0] * cells


def _parts(number: int, case: Case, day: Day) -> list[_Part]:
    """An agency's cells by circuit; what a limit left of them all is divided as they were carried."""
    carried, left = day.carried[number], day.left[number]
    if len(case.circuits) == 1:
        return [_Part(number, case.circuits[0], carried, left)]
    found = []
    for circuit in case.circuits:
        line = day.lines.get(circuit.id)
        octets = line.way(circuit, case.direction)[0] if line is not None else ()
        kept = octets if left is carried else list(map(_proportional, octets, carried, left))
        found.append(_Part(number, circuit, octets, kept))
    return found


def _proportional(octets: int | None, carried: int | None, left: int | None) -> int | None:
    if octets is None or not carried or left is None:
        return octets
    return octets * left // carried
