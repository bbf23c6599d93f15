"""What agencies have used in the running period, off the committed heads: no query per visit.

A head's cumulative total, less the total at the first visit of the period, is what is proven in it. That
base is asked of the ledger once per series and period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from netmon.core.counters import Head
from netmon.core.model import Circuit, Direction, Way
from netmon.core.periods import Period, Reading
from netmon.core.quota import QuotaUsage

Series = tuple[str, str, Way, int]
"""(router, ifName, way, the period's start)."""


class Readings(Protocol):
    """Where bases come from: the ledger's readings, the last before and the first after included."""

    def readings(self, router: str, interface: str, way: Way, from_ns: int, to_ns: int) -> list[Reading]: ...


class Consumption:
    """Proven bytes per circuits, direction and period. Bounded by the circuits times their open periods."""

    def __init__(self, heads: Mapping[str, Head]) -> None:
        self._heads = heads
        self._bases: dict[Series, int] = {}
        self._places: dict[str, tuple[object, dict[str, int]]] = {}

    def missing(self, wanted: Sequence[tuple[Circuit, Direction, Period]]) -> list[Series]:
        """The series whose base is not known although the period has a visit; ended periods are forgotten."""
        keys = {(c.router, c.interface, c.way(direction), period.start_ns) for c, direction, period in wanted}
        self._bases = {key: base for key, base in self._bases.items() if key in keys}
        return [
            key
            for key in keys
            if key not in self._bases and (head := self._heads.get(key[0])) is not None and head.at_ns >= key[3]
        ]

    def fetch(self, missing: Sequence[Series], ledger: Readings) -> dict[Series, int]:
        """The bases of `missing`; to be called where queries may block, then given to `learn`."""
        found: dict[Series, int] = {}
        for router, interface, way, start_ns in missing:
            rows = ledger.readings(router, interface, way, start_ns, start_ns)
            base = next((row.total_bytes for row in rows if row.at_ns >= start_ns), None)
            if base is not None:
                found[router, interface, way, start_ns] = base
        return found

    def learn(self, bases: Mapping[Series, int]) -> None:
        self._bases.update(bases)

    def used(self, circuits: Sequence[Circuit], direction: Direction, period: Period) -> QuotaUsage:
        """Over all of an agency's circuits; the newest reading is that of the circuit read longest ago."""
        proven, oldest = 0, None
        for circuit in circuits:
            head = self._heads.get(circuit.router)
            if head is None:
                continue
            read_ns = self._read_ns(head, circuit)
            oldest = read_ns if oldest is None else min(oldest, read_ns)
            way = circuit.way(direction)
            base = self._bases.get((circuit.router, circuit.interface, way, period.start_ns))
            total = self.total(circuit, direction)
            if base is not None and total is not None:
                proven += max(0, total - base)
        return QuotaUsage(proven, oldest)

    def newest_ns(self) -> int | None:
        """Instant of the newest committed visit of any router."""
        return max((head.at_ns for head in self._heads.values()), default=None)

    def total(self, circuit: Circuit, direction: Direction) -> int | None:
        """Cumulative bytes since the circuit was first seen; None before its first visit."""
        head = self._heads.get(circuit.router)
        at = self._place(head, circuit) if head is not None else None
        if head is None or at is None:
            return None
        return (head.in_total if circuit.way(direction) == "in" else head.out_total)[at]

    def _read_ns(self, head: Head, circuit: Circuit) -> int:
        """When the circuit's own counters were last read: a port that is absent is not fresh."""
        at = self._place(head, circuit)
        lagging = head.lagging.get(at) if at is not None else None
        return lagging.at_ns if lagging is not None else head.at_ns

    def _place(self, head: Head, circuit: Circuit) -> int | None:
        known, places = self._places.get(circuit.router, (None, {}))
        if known is not head.series:
            places = {interface.name: at for at, interface in enumerate(head.series)}
            self._places[circuit.router] = (head.series, places)
        return places.get(circuit.interface)
