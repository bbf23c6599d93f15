"""The 95th percentile and the peak of a period that is still running, taken further cell by cell.

Of n cells only the highest floor(n/20) + 1 decide the percentile (accounting rule 12), so that many of those a
whole period has are all that is kept. What is taken further equals what all readings at once would give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nlargest

from netmon.core.periods import GRID_NS, Period, cell_bps, grid_cells

DEFINITION = "nearest rank; 300 s cells; ports summed; each direction apart; cells in gaps left out"
"""Of the percentile, in a few words: it goes with the number wherever it is shown."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What the grid cells of a period showed so far."""

    upto_ns: int
    """Cells before this instant were taken, a boundary of the grid or the period's start."""
    samples: int = 0
    top: tuple[int, ...] = ()
    """Bytes of the highest cells, descending."""
    peak_at_ns: int | None = None
    """When the highest cell began, the first of equals."""

    @property
    def p95_bps(self) -> int | None:
        """None without a whole cell."""
        return cell_bps(self.top[self.samples // 20]) if self.samples else None

    @property
    def peak_bps(self) -> int | None:
        """The highest cell's mean rate; None without a whole cell."""
        return cell_bps(self.top[0]) if self.samples else None


def further(demand: Demand, cells: Mapping[int, int], period: Period, upto_ns: int) -> Demand:
    """The same with the cells from `demand.upto_ns` up to `upto_ns`: bytes by cell number, ascending."""
    upto_ns = max(demand.upto_ns, upto_ns // GRID_NS * GRID_NS)
    new = {cell: octets for cell, octets in cells.items() if demand.upto_ns <= cell * GRID_NS < upto_ns}
    if not new:
        return Demand(upto_ns, demand.samples, demand.top, demand.peak_at_ns)
    highest = max(new, key=lambda cell: (new[cell], -cell))
    rises = not demand.top or new[highest] > demand.top[0]
    kept = (period.end_ns - period.start_ns) // GRID_NS // 20 + 1
    return Demand(
        upto_ns,
        demand.samples + len(new),
        tuple(nlargest(kept, (*demand.top, *new.values()))),
        highest * GRID_NS if rises else demand.peak_at_ns,
    )


def certain_bps(demand: Demand, period: Period) -> int:
    """What the period's 95th percentile cannot fall below any more, whatever its other cells hold: 0 at its beginning.

    Of n cells floor(n/20) may be as high as they like (accounting rule 12). The period's own n is the most there can
    be, for cells without a measurement are left out, and with fewer cells the percentile is no lower.
    """
    rank = grid_cells(period.start_ns, period.end_ns) // 20
    return cell_bps(demand.top[rank]) if rank < len(demand.top) else 0
