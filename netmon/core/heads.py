"""What is known of a router's counters after a visit, and what a visit replaces it with.

The head holds, for every series ever seen on a router, the last counters and the cumulative bytes
accounted. A visit replaces the head it was computed from, and no other (invariant 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netmon.core.measurement import Cells, Column, Gap, Identity, PduStamp, Poll
from netmon.core.model import NANOSECONDS

REFRESH_NS = 5 * NANOSECONDS
"""How old a counter may be when an agent of unknown platform serves it (net-snmp refreshes IF-MIB every 3 s)."""
UNDECLARED_BPS = 400 * 10**9
"""Where no port speed is declared, only what no port of today can carry is implausible."""


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


class Ceilings:
    """Declared physical port speeds in bit/s, by ifName: they flag a reading, never rewrite it (rule 8)."""

    __slots__ = ("_by_name", "least_bps")

    def __init__(self, by_name: Mapping[str, int]) -> None:
        self._by_name = dict(by_name)
        self.least_bps = min((UNDECLARED_BPS, *self._by_name.values()))

    def declared(self, name: str) -> int | None:
        """None where no speed was declared for the port."""
        return self._by_name.get(name)


def octets_of(poll: Poll) -> tuple[Cells, Cells]:
    """The octet counters read, in and out."""
    return poll.columns[Column.IN_OCTETS], poll.columns[Column.OUT_OCTETS]


def cells_of(poll: Poll, column: Column) -> Cells:
    """One column of the poll; None in each cell if it was not read."""
    cells = poll.columns.get(column)
    return cells if cells is not None else (None,) * len(poll.identity)


def most_octets(bps: int, span_ns: int, poll: Poll) -> int:
    """What a port can carry in the span, to which belongs what the reading before it did not show yet."""
    return bps * (span_ns + max(REFRESH_NS, poll.counter_refresh_ns)) // (8 * NANOSECONDS)
