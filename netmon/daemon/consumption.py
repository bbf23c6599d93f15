"""What passed since the running periods began, off the committed heads: no query per visit, and none per circuit.

A head's cumulative totals, less the totals at the period's first readings, are what is proven in it. Those
are asked of the ledger once per router and period, for all its series; then what is estimated is fixed, and
what is unknown follows from the gaps, of which only new ones are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from typing import Protocol

from netmon.core.heads import Head
from netmon.core.measurement import Gap
from netmon.core.model import Circuit, Direction
from netmon.core.periods import Period, apportioned, covered
from netmon.store.openings import Opening

Key = tuple[str, int]
"""(router, the period's start)."""
Columns = tuple[Sequence[int], Sequence[int]]
"""Of ifIn and of ifOut, by a series' position in the head."""

OUT_OF_REACH = 1 << 64
"""Where nothing may be counted from yet: more than any total."""
GAPS_AT_ONCE = 1000


class Gaps(Protocol):
    """What is asked of the ledger."""

    def gaps_after(self, position: int, ending_after_ns: int, limit: int) -> list[tuple[int, Gap]]: ...


@dataclass(frozen=True, slots=True)
class Base:
    """What a router's bytes of one period are counted from."""

    opening: Opening
    totals: Columns
    """At the first reading of the period; OUT_OF_REACH where there is none yet."""
    lacking: tuple[int, ...]
    """Positions of the latter."""


class Consumption:
    """Proven, estimated and unknown by router, series and period. Bounded by the routers times their open periods."""

    def __init__(self, heads: Mapping[str, Head]) -> None:
        self.heads = heads
        self._bases: dict[Key, Base] = {}
        self._places: dict[str, tuple[object, dict[str, int]]] = {}
        self._gaps: dict[str, dict[tuple[str, str], list[tuple[int, int]]]] = {}
        """By router, then (ifName, way): spans in the order they were found, those that touch made one."""
        self._gaps_read = 0
        self._since_ns: int | None = None
        """The earliest start of the wanted periods: no gap that ended before it is of interest."""

    # --- what the ledger is asked ------------------------------------------------------------------

    def missing(self, wanted: Iterable[Key]) -> list[Key]:
        """Those whose opening is not known although the period has a visit; what is not wanted is forgotten."""
        keys = dict.fromkeys(wanted)
        since_ns = min((start_ns for _, start_ns in keys), default=None)
        if since_ns != self._since_ns:
            self._wind_gaps(since_ns)
        if self._bases.keys() - keys:
            self._bases = {key: base for key, base in self._bases.items() if key in keys}
        return [key for key in keys if self._lacks(key)]

    def _lacks(self, key: Key) -> bool:
        head, base = self.heads.get(key[0]), self._bases.get(key)
        if head is None or base is None:
            return head is not None and head.at_ns >= key[1]
        if len(head.series) > len(base.totals[0]):
            return True
        return any(read_ns(head, position) >= key[1] for position in base.lacking)

    def learn(self, openings: Mapping[Key, Opening]) -> None:
        """Takes up what `missing` asked for."""
        for key, opening in openings.items():
            lacking = tuple(at for at, seen in enumerate(opening.after_ns) if seen is None)
            ways = []
            for totals in opening.after:
                column = list(totals)
                for position in lacking:
                    column[position] = OUT_OF_REACH
                ways.append(tuple(column))
            self._bases[key] = Base(opening, (ways[0], ways[1]), lacking)

    def new_gaps(self, ledger: Gaps) -> list[tuple[int, Gap]]:
        """The next portion of gaps, for `learn_gaps`; to be called where queries may block. Shorter than
        GAPS_AT_ONCE: that is all for now.
        """
        return [] if self._since_ns is None else ledger.gaps_after(self._gaps_read, self._since_ns, GAPS_AT_ONCE)

    def learn_gaps(self, found: Sequence[tuple[int, Gap]]) -> None:
        """Takes up what `new_gaps` found."""
        for position, gap in found:
            self._gaps_read = position
            spans = self._gaps.setdefault(gap.router, {}).setdefault((gap.interface, gap.direction), [])
            if spans and spans[-1][0] <= gap.from_ns <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], gap.to_ns))
            else:
                spans.append((gap.from_ns, gap.to_ns))

    def _wind_gaps(self, since_ns: int | None) -> None:
        """Forgets what ended before the periods that are wanted now; wanted earlier ones are read again."""
        if since_ns is None or (self._since_ns is not None and since_ns < self._since_ns):
            self._gaps.clear()
            self._gaps_read = 0
        else:
            for router, series in list(self._gaps.items()):
                kept = {key: [span for span in spans if span[1] > since_ns] for key, spans in series.items()}
                self._gaps[router] = {key: spans for key, spans in kept.items() if spans}
                if not self._gaps[router]:
                    del self._gaps[router]
        self._since_ns = since_ns

    # --- columns -------------------------------------------------------------------------------------

    def base(self, router: str, start_ns: int) -> Base | None:
        """None before the period's first visit, or while its opening is still to be asked for."""
        return self._bases.get((router, start_ns))

    def proven(self, router: str, start_ns: int) -> Columns | None:
        """Bytes of the period so far, 0 where nothing can be counted from; None where `base` is None."""
        head, base = self.heads.get(router), self._bases.get((router, start_ns))
        if head is None or base is None:
            return None
        return _grown(head.in_total, base.totals[0]), _grown(head.out_total, base.totals[1])

    def has_gaps(self, router: str) -> bool:
        """Whether a gap of any of its series overlaps an open period."""
        return router in self._gaps

    # --- one circuit ---------------------------------------------------------------------------------

    def read_at(self, circuits: Iterable[Circuit]) -> tuple[int | None, int | None]:
        """When the circuit read longest ago and the one read last were read, a port that is absent not counting as
        read.
        """
        seen: list[int] = []
        for circuit in circuits:
            head = self.heads.get(circuit.router)
            if head is not None:
                at = self.place(circuit) if head.lagging else None
                lagging = head.lagging.get(at) if at is not None else None
                seen.append(lagging.at_ns if lagging is not None else head.at_ns)
        return min(seen, default=None), max(seen, default=None)

    def proven_before(
        self, circuits: Iterable[Circuit], directions: Iterable[Direction], before: Period, period: Period
    ) -> int:
        """Bytes proven in the period `before`, which ended as `period` began; for both, openings were asked for."""
        ways = tuple(directions)
        return sum(self._proven_before(one, one.way(way) == "out", before, period) for one in circuits for way in ways)

    def _proven_before(self, circuit: Circuit, out: bool, before: Period, period: Period) -> int:
        head, at = self.heads.get(circuit.router), self.place(circuit)
        began = self._bases.get((circuit.router, before.start_ns))
        if head is None or at is None or began is None or at >= len(began.opening.after_ns):
            return 0
        first_ns = began.opening.after_ns[at]
        base = self._bases.get((circuit.router, period.start_ns))
        if base is None:
            last_ns, total = read_ns(head, at), (head.out_total if out else head.in_total)[at]
        elif at < len(base.opening.before_ns):
            last_ns, total = base.opening.before_ns[at] or 0, base.opening.before[out][at]
        else:
            return 0
        if first_ns is None or not first_ns <= last_ns <= period.start_ns:
            return 0
        return total - began.opening.after[out][at]

    def unknown_ns(self, circuit: Circuit, direction: Direction, period: Period, now_ns: int) -> int:
        """Time of the period so far for which bytes may be missing."""
        start_ns, until_ns = period.start_ns, min(period.end_ns, now_ns)
        head, at = self.heads.get(circuit.router), self.place(circuit)
        base = self._bases.get((circuit.router, start_ns))
        if head is None or at is None or base is None or at >= len(base.opening.after_ns):
            return covered([(start_ns, until_ns)], start_ns, until_ns)
        way = circuit.way(direction)
        spans = list(self._gaps.get(circuit.router, {}).get((circuit.interface, way), ()))
        first_ns = base.opening.before_ns[at] or base.opening.after_ns[at]
        spans += [(start_ns, until_ns if first_ns is None else first_ns), (read_ns(head, at), until_ns)]
        return covered(spans, start_ns, until_ns)

    def newest_ns(self) -> int | None:
        """Instant of the newest committed visit of any router."""
        return max((head.at_ns for head in self.heads.values()), default=None)

    def total(self, circuit: Circuit, direction: Direction) -> int | None:
        """Cumulative bytes since the circuit was first seen; None before its first visit."""
        at, head = self.place(circuit), self.heads.get(circuit.router)
        if head is None or at is None:
            return None
        return (head.in_total if circuit.way(direction) == "in" else head.out_total)[at]

    def place(self, circuit: Circuit) -> int | None:
        """The position of the circuit's port in its router's head; None where it was never seen."""
        head = self.heads.get(circuit.router)
        if head is None:
            return None
        known, places = self._places.get(circuit.router, (None, {}))
        if known is not head.series:
            places = {interface.name: at for at, interface in enumerate(head.series)}
            self._places[circuit.router] = (head.series, places)
        return places.get(circuit.interface)


def read_ns(head: Head, position: int) -> int:
    """When the series was last read: the receipt of the PDU that carried it."""
    lagging = head.lagging.get(position)
    return lagging.at_ns if lagging is not None else head.pdus[head.pdu_of[position]].received_ns


def straddling(opening: Opening, position: int, out: bool, period: Period) -> int:
    """What of the bytes between a series' readings around the period's start is apportioned to the period."""
    if position >= len(opening.after_ns):
        return 0
    before_ns, after_ns = opening.before_ns[position], opening.after_ns[position]
    grown = opening.after[out][position] - opening.before[out][position]
    if before_ns is None or after_ns is None or before_ns == after_ns or not grown:
        return 0
    return apportioned(grown, before_ns, after_ns, period.start_ns, period.end_ns)


def _grown(totals: Sequence[int], base: Sequence[int]) -> Sequence[int]:
    grown = tuple(map(sub, totals, base))
    if len(grown) != len(totals):
        grown += (0,) * (len(totals) - len(grown))
    return tuple(max(0, one) for one in grown) if grown and min(grown) < 0 else grown
