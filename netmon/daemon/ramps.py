"""What a policy counts of an agency, cell by cell: bytes as they were proven in its running period, or a percentile."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat

from netmon.core.ladder import QuotaPolicy, carried_over
from netmon.core.model import Circuit, Direction, TrafficClass
from netmon.core.periods import Period, cell_bps, grid_cells
from netmon.daemon.lines import Line, summed

Ours = Sequence[tuple[Circuit, Line]]
"""An agency's circuits over a day."""
Cut = Mapping[Direction, int]
"""Bytes that limits would have cut off so far."""


@dataclass(frozen=True, slots=True)
class Bases:
    """Of periods that began before the time that is looked at, by (circuit, direction, the period's start)."""

    totals: Mapping[tuple[str, Direction, int], int]
    """At the first reading of the period; left out where there is none."""
    proven_before: Mapping[tuple[str, Direction, int], int]
    """Bytes of the whole period before it, of policies that carry over."""


@dataclass(slots=True)
class Ramp:
    """The usage of one policy's running period, on one agency."""

    policy: QuotaPolicy
    period: Period | None = None
    carried: int = 0
    """Bytes carried over into it."""
    _bases: dict[tuple[str, Direction], int] = field(default_factory=dict)
    """Total of each circuit at the period's first reading, once there is one."""
    _sorted: list[int] = field(default_factory=list)
    """Cells of the period so far, ascending, for a percentile."""
    _columned: range = range(0)
    _column: Sequence[int] = ()
    """What was used as of each of those cells."""
    _cut_before: dict[Direction, int] = field(default_factory=dict)
    """What had been cut off as the period began."""
    _reached: int = 0

    def roll(self, period: Period, ours: Ours, cell: int, bases: Bases, cut: Cut) -> None:
        """The period begins that contains the cell: for the first time, or at that cell; so much was cut off so far."""
        keys = [(one.id, direction) for one, _ in self._counted(ours) for direction in self.policy.counts]
        if self.period is None:
            before = sum(bases.proven_before.get((*key, period.start_ns), 0) for key in keys)
            known = {key: bases.totals.get((*key, period.start_ns)) for key in keys}
            self._bases = {key: total for key, total in known.items() if total is not None}
        else:
            before = max(0, self._at(ours, cell) - self._cut_off(cut)) if self.policy.rollover_permille else 0
            self._bases = {}
        self.carried = carried_over(self.policy, before)
        self.period, self._sorted, self._columned, self._reached = period, [], range(0), 0
        self._cut_before = {direction: cut[direction] for direction in self.policy.counts}

    def left(self, ours: Ours, cells: range, cut: Cut, cuts: Sequence[int]) -> Sequence[int]:
        """As `used`, had so much been cut off by the first of these cells, and then `cuts` by each of them."""
        used = self.used(ours, cells)
        if self.policy.volume_bytes is None or self.policy.traffic_class is not TrafficClass.ALL:
            return used
        off = self._cut_off(cut)
        if not off and not cuts:
            return used
        lessened = (total - off - more for total, more in zip(used, cuts or repeat(0), strict=False))
        # What was known of a cell by its end need not be all that it carried: nothing that was counted is taken back.
        return list(accumulate(lessened, max, initial=self._reached))[1:]

    def reach(self, proven: int) -> None:
        """So much was counted: it does not fall."""
        self._reached = max(self._reached, proven)

    def used(self, ours: Ours, cells: range) -> Sequence[int]:
        """As of the beginning of each cell, all of one day and of the running period; no cell may be left out."""
        if cells.start not in self._columned:
            self._columned = cells
            self._column = self._used(self._counted(ours), cells)
        first = self._columned.start
        return self._column[cells.start - first : cells.stop - first]

    def _used(self, counted: Ours, cells: range) -> Sequence[int]:
        if self.policy.volume_bytes is None:
            return self._percentiles(counted, cells.start, cells.stop)
        columns = [
            [total - base if total > base else 0 for total in known]
            for circuit, line in counted
            for direction in self.policy.counts
            if (base := self._base(circuit, line, direction, cells.start)) is not None
            for known in [line.known_as(circuit, direction, cells.start, cells.stop)]
        ]
        if len(columns) == 1:
            return columns[0]
        return [sum(of) for of in zip(*columns, strict=True)] if columns else [0] * len(cells)

    def _cut_off(self, cut: Cut) -> int:
        """In the running period."""
        return sum(cut[direction] - before for direction, before in self._cut_before.items())

    def _at(self, ours: Ours, cell: int) -> int:
        return self._used(self._counted(ours), range(cell, cell + 1))[0]

    def _counted(self, ours: Ours) -> Ours:
        wanted = self.policy.traffic_class
        return ours if wanted is TrafficClass.ALL else [one for one in ours if one[0].traffic_class is wanted]

    def _base(self, circuit: Circuit, line: Line, direction: Direction, cell: int) -> int | None:
        """Looked for on the period's first day, and, until there is a reading in the period, on each that follows."""
        base = self._bases.get((circuit.id, direction))
        if base is None:
            base = line.first_after(circuit, direction, cell)
            if base is not None:
                self._bases[circuit.id, direction] = base
        return base

    def _percentiles(self, counted: Ours, cell: int, until: int) -> Sequence[int]:
        """What the period's percentile cannot fall below any more, as `demand.certain_bps` has it."""
        if not counted or self.period is None:
            return [0] * (until - cell)
        octets = summed([line.way(circuit, way) for circuit, line in counted for way in self.policy.counts])
        first, ascending = counted[0][1].track.first_cell, self._sorted
        rank = grid_cells(self.period.start_ns, self.period.end_ns) // 20
        found = []
        for at in range(cell - first, until - first):
            found.append(cell_bps(ascending[-rank - 1]) if rank < len(ascending) else 0)
            if (one := octets[at]) is not None:
                insort(ascending, one)
        return found
