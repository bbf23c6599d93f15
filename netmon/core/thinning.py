"""Which visits may be dropped without altering what any period that begins and ends on a boundary used.

Totals are cumulative, so usage between two boundaries rests on two readings of each series at either: the
last one at or before it and the first one at or after it. A visit that holds none of these is dispensable
(docs/adr/0002-cumulative-totals.md, docs/adr/0015-thinning.md).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from netmon.core.model import NANOSECONDS
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, from_ns, period_containing, to_ns

Boundaries = Callable[[int, int], int | None]
"""The first boundary b with from_ns <= b < to_ns, UTC nanoseconds; None where there is none."""

_DAY_NS = 86_400 * NANOSECONDS
_DAY = PeriodRule(PeriodKind.DAY)


@dataclass(frozen=True, slots=True)
class Outline:
    """When the series of one visit were read, without what they read."""

    at_ns: int
    """Receipt of its first PDU."""
    last_ns: int
    """Receipt of its last PDU."""
    layout: int
    """Another one: an interface, a device or a counter's width changed, and the visit stays."""
    lagging: Mapping[int, int] = field(default_factory=dict)
    """Series that were not read, by position: when they last were."""


def dispensable(visits: Sequence[Outline], boundaries: Boundaries, first_spare: bool = False) -> list[bool]:
    """Of consecutive visits of one router, ascending: which may be dropped.

    The last one is never dispensable, as its successor is not known; nor is the first, as its predecessor is
    not, unless `first_spare` says that it was found so among those before it.
    """
    spare = [False] * len(visits)
    if visits:
        spare[0] = first_spare and len(visits) > 1
    for at in range(1, len(visits) - 1):
        spare[at] = visits[at].layout == visits[at - 1].layout and not _returns(visits[at - 1], visits[at], boundaries)
    for at, (one, following) in enumerate(pairwise(visits)):
        boundary = boundaries(one.at_ns, following.at_ns)
        if boundary is None:
            continue
        # `one` is the last that began at or before it; a later PDU of it may have come in after: then the one before.
        back = at
        while back > 0 and visits[back].last_ns > boundary:
            spare[back] = False
            back -= 1
        spare[back] = False
        if (
            one.last_ns > boundary
            or one.lagging
            or one.at_ns < boundary
            or boundaries(boundary + 1, following.at_ns) is not None
        ):
            spare[at + 1] = False
    return spare


def _returns(before: Outline, visit: Outline, boundaries: Boundaries) -> bool:
    """Whether a series is read here for the first time since a boundary."""
    return any(
        position not in visit.lagging and boundaries(seen_ns + 1, visit.last_ns + 1) is not None
        for position, seen_ns in before.lagging.items()
    )


def grid(from_ns_: int, to_ns_: int) -> int | None:
    """The 300 s grid, on which every midnight of every zone lies."""
    boundary = -(-from_ns_ // GRID_NS) * GRID_NS
    return boundary if boundary < to_ns_ else None


class Midnights:
    """Local midnights in any of several IANA zones, kept as far as they were asked for."""

    def __init__(self, zones: Iterable[str]) -> None:
        self._zones = tuple(sorted(set(zones)))
        self._known: list[int] = []
        self._reach = (0, 0)

    def __call__(self, from_ns_: int, to_ns_: int) -> int | None:
        if from_ns_ < self._reach[0] or from_ns_ + 2 * _DAY_NS > self._reach[1]:
            self._fill(from_ns_)
        at = bisect_left(self._known, from_ns_)
        boundary = self._known[at] if at < len(self._known) else None
        return boundary if boundary is not None and boundary < to_ns_ else None

    def _fill(self, from_ns_: int) -> None:
        low, high = from_ns_ - 2 * _DAY_NS, from_ns_ + 40 * _DAY_NS
        found = set()
        for zone in self._zones:
            start_ns = period_containing(_DAY, low, zone).start_ns
            while start_ns <= high:
                found.add(start_ns)
                # Noon of the next day: no zone's clock change is so long.
                noon = from_ns(start_ns, zone).replace(hour=12) + timedelta(days=1)
                start_ns = period_containing(_DAY, to_ns(noon), zone).start_ns
        self._known, self._reach = sorted(found), (low, high)
