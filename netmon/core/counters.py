"""From counters to bytes: a router's head and one Poll give exact deltas, or gaps with reasons.

The head holds, for every series ever seen on a router, the last counters and the cumulative bytes
accounted. A visit replaces the head it was computed from, and no other (invariant 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netmon.core.model import Cells, Gap, Identity, PduStamp


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When a series that was absent from the latest visit was last read."""

    at_ns: int
    uptime_ticks: int


@dataclass(frozen=True, slots=True)
class Head:
    """A router as of its last committed visit. Cell i of every column belongs to series[i]."""

    router: str
    sequence: int
    """Committed visits so far; the first visit makes it 1."""
    series: Identity
    """Every interface ever accounted, in a stable order; names are unique."""
    pdus: tuple[PduStamp, ...]
    pdu_of: tuple[int, ...]
    in_octets: Cells
    out_octets: Cells
    discontinuity: Cells
    in_total: tuple[int, ...]
    """Bytes accounted since the series was first seen; never decreases."""
    out_total: tuple[int, ...]
    counter_bits: int = 64
    device: str | None = None
    host_uptime_ticks: int | None = None
    lagging: Mapping[int, LastSeen] = field(default_factory=dict)
    """Series (by position) whose counters are older than this visit."""

    @property
    def at_ns(self) -> int:
        """The visit's instant: receipt of its first PDU."""
        return self.pdus[0].received_ns


@dataclass(frozen=True, slots=True)
class Visit:
    """One accounted poll: commits only if the router's head still has sequence `base`."""

    base: int
    head: Head
    gaps: tuple[Gap, ...] = ()
