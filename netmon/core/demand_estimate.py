"""What each circuit wants, judged from what was measured and from the limit in force meanwhile.

What passed is what was wanted only while nothing held it back. So a rate at 90 % or more of our own limit says
nothing but "more" (censored demand): 1.5 x the limit is tried next, or 2 Mb/s beyond it if that is more, and so on
until it is no longer reached. Any other rate counts with a fifth on top. The highest such figure of the last five
minutes is what is wanted: a pause between two bursts takes nothing from anybody, and what has ended is free again
after five minutes. Columns, for 50,000.
"""

from __future__ import annotations

from array import array
from typing import Final

from netmon.core.model import NANOSECONDS

LEAST_BPS: Final = 64_000
"""An idle circuit wants this much, so that it can begin."""
MORE_BPS: Final = 2_000_000
"""Beyond a limit that is reached, at least: growing by half alone, from idle to 20 Mb/s would be 15 changes."""
SLOT_NS: Final = 60 * NANOSECONDS
SLOTS: Final = 5
"""Of SLOT_NS each, the one that is running included: what is older than their sum is forgotten."""
GREATEST_BPS: Final = 1 << 60
_UNKNOWN: Final = -1


class Wants:
    """One direction of many circuits, by position. Altered in place; pickled as bytes."""

    __slots__ = ("_peaks", "_slot", "_wanted")

    def __init__(self, size: int = 0) -> None:
        self._peaks = [array("q", bytes(8 * size)) for _ in range(SLOTS)]
        """The highest figure of each slot, by the slot's number modulo SLOTS."""
        self._slot = array("q", bytes(8 * size))
        """The number of the slot that is running."""
        self._wanted = array("q", [_UNKNOWN]) * size

    def __len__(self) -> int:
        return len(self._wanted)

    def __getitem__(self, at: int) -> int | None:
        """bit/s; None before the first measurement. Without a fresh one the last estimate stands."""
        wanted = self._wanted[at]
        return None if wanted == _UNKNOWN else wanted

    def measured(self, at: int, rate_bps: int, limit_bps: int | None, at_ns: int) -> None:
        """A mean rate over the interval that ended at `at_ns`, during which our own limit, if any, was `limit_bps`."""
        peaks, now, last = self._peaks, at_ns // SLOT_NS, self._slot[at]
        if now < last:  # the clock went back: the estimate holds for as long again
            self._forget(at, 0, SLOTS)
            peaks[now % SLOTS][at] = max(0, self._wanted[at])
        elif now > last:
            self._forget(at, max(last + 1, now - SLOTS + 1), now + 1)
        self._slot[at] = now
        figure = estimate(rate_bps, limit_bps)
        here = peaks[now % SLOTS]
        here[at] = max(here[at], figure)
        self._wanted[at] = max([column[at] for column in peaks])

    def resume(self, at: int, wanted_bps: int, at_ns: int) -> None:
        """An estimate from before a restart: it holds as if it had been reached now."""
        self._slot[at] = now = at_ns // SLOT_NS
        self._peaks[now % SLOTS][at] = self._wanted[at] = wanted_bps

    def _forget(self, at: int, start: int, end: int) -> None:
        for slot in range(start, end):
            self._peaks[slot % SLOTS][at] = 0


def estimate(rate_bps: int, limit_bps: int | None) -> int:
    """What one measurement says is wanted, bit/s."""
    figure = rate_bps * 6 // 5
    if limit_bps is not None and rate_bps * 10 >= limit_bps * 9:
        figure = max(figure, limit_bps * 3 // 2, limit_bps + MORE_BPS)
    return min(max(figure, LEAST_BPS), GREATEST_BPS)
