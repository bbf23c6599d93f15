"""What other limits would have cut off: cells of the 300 s grid against a limit, and their sums.

What was carried is all that is known of what was wanted. A limit cuts off what a cell carried beyond it; whether that
would have been tried again later is not known, so nothing is carried over to a later cell. Where a limit was really in
force the cell was held down by it, and what was wanted then is not known either: such cells are counted, and under a
looser limit nothing is added to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netmon.core.model import NANOSECONDS
from netmon.core.periods import GRID_NS, cell_bps

Octets = Sequence[int | None]
"""Bytes by cell; None where it was not measured."""
CELLS_A_BIN = 12
"""Of the strip that shows when: an hour."""
SCARCE_PERMILLE = 900
"""A pool so full is held to be scarce: what more was wanted of it does not show in what it carried."""


def cell_bytes(bps: int) -> int:
    """What a cell carries at a rate."""
    return bps * GRID_NS // (8 * NANOSECONDS)


@dataclass(slots=True)
class Foregone:
    """One agency in one direction, from cell to cell; cells count from the first of the time that is looked at."""

    cells: int
    measured: int = 0
    carried_bytes: int = 0
    limited: int = 0
    """Cells with a limit in force."""
    slowed: int = 0
    """Those of them that carried more."""
    cut_bytes: int = 0
    least_bps: int | None = None
    first_limited: int | None = None
    first_slowed: int | None = None
    censored: int = 0
    """Cells measured under a limit that was really in force."""
    floor_kept: int = 0
    """Limited cells in which the guaranteed floor, as far as it was wanted, was left."""
    floor_broken: int = 0
    limited_bins: bytearray = field(init=False)
    """Limited cells by bin of CELLS_A_BIN."""
    slowed_bins: bytearray = field(init=False)

    def __post_init__(self) -> None:
        bins = -(-self.cells // CELLS_A_BIN)
        self.limited_bins, self.slowed_bins = bytearray(bins), bytearray(bins)

    def carried(self, octets: Octets) -> None:
        """Cells as they were measured, whatever the limits."""
        self.measured += len(octets) - octets.count(None)
        self.carried_bytes += sum(filter(None, octets))

    def under(self, first: int, octets: Octets, limit_bps: int, floor_bps: int = 0) -> list[int | None]:
        """Consecutive cells under one limit, from number `first` on: what would have been carried of each."""
        most, floor = cell_bytes(limit_bps), cell_bytes(floor_bps)
        self.limited += len(octets)
        self.least_bps = limit_bps if self.least_bps is None else min(self.least_bps, limit_bps)
        if self.first_limited is None and octets:
            self.first_limited = first
        left = []
        for at, carried in enumerate(octets, first):
            self.limited_bins[at // CELLS_A_BIN] += 1
            left.append(carried if carried is None else self._left(at, carried, most))
            if floor and carried is not None:
                self._floor(carried, min(carried, most), floor)
        return left

    def short(self, at: int, carried: int, before: int, left: int, floor_bps: int = 0) -> None:
        """A cell in which there was not enough for all: of what limits had left of it before, less is left."""
        if before == carried:
            self._slow(at, carried - left)
        else:
            self.cut_bytes += before - left
        wanted = min(carried, cell_bytes(floor_bps))
        self.floor_broken += left < wanted <= before

    def _left(self, at: int, carried: int, most: int) -> int:
        if carried > most:
            self._slow(at, carried - most)
            return most
        return carried

    def _slow(self, at: int, cut: int) -> None:
        self.slowed += 1
        self.cut_bytes += cut
        self.slowed_bins[at // CELLS_A_BIN] += 1
        if self.first_slowed is None:
            self.first_slowed = at

    def _floor(self, wanted: int, left: int, floor: int) -> None:
        if left < min(wanted, floor):
            self.floor_broken += 1
        else:
            self.floor_kept += 1


@dataclass(frozen=True, slots=True)
class Supplied:
    """What a pool, or all agencies together, carried by cell, and would have carried."""

    carried: Sequence[int]
    """Bytes by cell of whoever was measured."""
    left: Sequence[int]
    """The same, had the other limits been in force."""
    unmeasured: Sequence[int]
    """By cell: of how many of its `members`, agencies or circuits, nothing is known."""
    members: int
    purchased_bps: int | None = None

    @property
    def peak_bps(self) -> tuple[int, int]:
        """The highest cell's mean rate, as it was and as it would have been."""
        return cell_bps(max(self.carried, default=0)), cell_bps(max(self.left, default=0))

    @property
    def mean_bps(self) -> tuple[int, int]:
        """Of the cells in which anybody was measured."""
        cells = max(1, sum(absent < self.members for absent in self.unmeasured))
        return cell_bps(sum(self.carried) // cells), cell_bps(sum(self.left) // cells)

    def rates_bps(self, cells: int) -> list[tuple[int, int] | None]:
        """So many cells at a time: the mean rates, as they were and as they would have been; None: nobody was
        measured.
        """
        found: list[tuple[int, int] | None] = []
        for at in range(0, len(self.carried), cells):
            some = range(at, min(at + cells, len(self.carried)))
            count = sum(self.unmeasured[cell] < self.members for cell in some)
            both = (sum(column[at : at + cells]) for column in (self.carried, self.left))
            carried, left = (cell_bps(octets // count) if count else 0 for octets in both)
            found.append((carried, left) if count else None)
        return found

    @property
    def wasted(self) -> tuple[int, int]:
        """Bytes that were cut off although there was room for them, and in how many cells."""
        if self.purchased_bps is None:
            return 0, 0
        most = cell_bytes(self.purchased_bps)
        room = [min(most - left, carried - left) for carried, left in zip(self.carried, self.left, strict=True)]
        return sum(one for one in room if one > 0), sum(one > 0 for one in room)

    @property
    def scarce(self) -> int:
        """Cells in which more than SCARCE_PERMILLE of what was purchased would have been carried."""
        if self.purchased_bps is None:
            return 0
        most = cell_bytes(self.purchased_bps) * SCARCE_PERMILLE // 1000
        return sum(left > most for left in self.left)
