"""What a series of a ledger used, from all that was ever read of it: to hold the quicker ways against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netmon.core.measurement import Gap, Usage
from netmon.core.model import Way
from netmon.core.periods import Reading, cell_bps, summed_on_grid, used_between
from netmon.store.reader import LedgerReader

FAR_NS = 2**62


@dataclass(frozen=True, slots=True)
class Whole:
    """One series, from its first visit to its last."""

    readings: Sequence[Reading]
    gaps: Sequence[Gap]

    def usage(self, start_ns: int, end_ns: int, now_ns: int) -> Usage:
        """What passed in start_ns <= t < end_ns."""
        return used_between(self.readings, self.gaps, start_ns, end_ns, now_ns)


def whole(reader: LedgerReader, router: str, interface: str, way: Way) -> Whole:
    """Nothing at all of a series that was never seen."""
    at = reader.places([router]).get((router, interface))
    readings = [] if at is None else reader.readings_of(router, [at], 0, FAR_NS)[at, way]
    return Whole(readings, reader.gaps_of([router], 0, FAR_NS).get((router, interface, way), ()))


def percentile_95(ports: Sequence[Whole], start_ns: int, end_ns: int) -> tuple[int | None, int]:
    """Of the ports' summed rate, in bit/s, and the number of cells: all of them ranked at once (rule 12)."""
    gaps = [gap for port in ports for gap in port.gaps]
    cells = sorted(summed_on_grid([port.readings for port in ports], start_ns, end_ns, gaps).values(), reverse=True)
    return (cell_bps(cells[len(cells) // 20]), len(cells)) if cells else (None, 0)
