"""What agencies used: the one place where ledger and configuration become figures, for every door.

All that a question needs is asked at once: where every series of the routers stood at either end of each period
(one look-up a router and instant), their gaps, and the demand figures last noted. The control loop has the same
arithmetic in columns (`consumption`), and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

from netmon.core.closing import Figures, Port, merged
from netmon.core.demand import Demand, further
from netmon.core.measurement import Gap, Usage
from netmon.core.model import Circuit, Direction
from netmon.core.periods import Period, Reading, add_usage, summed_on_grid, used_between
from netmon.store.closings import DemandKey, Reckoned, digest
from netmon.store.openings import Opening
from netmon.store.spans import Series


class Sheet(Protocol):
    """What is asked of the ledger's reader."""

    def openings(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Opening]: ...

    def places(self, routers: Sequence[str]) -> dict[tuple[str, str], int]: ...

    def gaps_of(self, routers: Sequence[str], from_ns: int, to_ns: int) -> dict[Series, list[Gap]]: ...

    def readings_of(
        self, router: str, positions: Iterable[int], from_ns: int, to_ns: int
    ) -> dict[tuple[int, str], list[Reading]]: ...

    def reckoned(
        self, start_ns: int, end_ns: int, agency: str | None = None, *, circuits: bool = False
    ) -> dict[DemandKey, Reckoned]: ...


HELD_READINGS = 300_000
Progress = tuple[str, Demand]
"""The digest of what was summed, and how far."""


@dataclass(frozen=True)
class Wanted:
    """One row of figures that is asked for."""

    agency: str
    circuit: str | None
    """None: of all `circuits` together, which are then the agency's."""
    circuits: tuple[Circuit, ...]
    direction: Direction
    period: Period
    billed: bool = True
    """Whether the period is one that is closed some day, so that its demand may have been noted."""

    @cached_property
    def key(self) -> DemandKey:
        """Under which its demand is noted."""
        return DemandKey(self.agency, self.period.start_ns, self.period.end_ns, self.circuit, self.direction)

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """What is summed."""
        return tuple(Port(one.id, one.router, one.interface, one.way(self.direction)) for one in self.circuits)

    @cached_property
    def digest(self) -> str:
        """Of what is summed."""
        return digest(self.ports)


class Reckoning:
    """Figures as of `now_ns`, from one reader; each question is asked once."""

    def __init__(self, sheet: Sheet, now_ns: int) -> None:
        self._sheet, self._now_ns = sheet, now_ns
        self._openings: dict[tuple[str, int], Opening] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._gaps: dict[tuple[int, int], Mapping[Series, Sequence[Gap]]] = {}
        self._positions: dict[str, set[int]] = {}
        self._read: dict[tuple[str, int, int], Mapping[tuple[int, str], Sequence[Reading]]] = {}
        self._held = 0

    def figures(
        self, wanted: Sequence[Wanted], demands: Mapping[DemandKey, Progress] = MappingProxyType({})
    ) -> Iterator[Figures]:
        """One for each, in order; with the demands given, else those noted. Raises StoreError."""
        self._ask(wanted)
        self._open(wanted)
        noted = _Noted(self._sheet, [one for one in wanted if one.key not in demands])
        for one in wanted:
            usage = add_usage([self.usage(port, one.period) for port in one.ports])
            demand = demands[one.key][1] if one.key in demands else self._noted(one, noted)
            elapsed_ns = max(0, min(one.period.end_ns, self._now_ns) - one.period.start_ns)
            yield Figures(
                circuit=one.circuit,
                direction=one.direction,
                ports=one.ports,
                proven_bytes=usage.proven_bytes,
                estimated_bytes=usage.estimated_bytes,
                unknown_ns=usage.unknown_ns if one.circuits else elapsed_ns,
                elapsed_ns=elapsed_ns,
                p95_bps=demand.p95_bps,
                p95_samples=demand.samples,
                peak_bps=demand.peak_bps,
                peak_at_ns=demand.peak_at_ns,
                gaps=merged(usage.gaps),
            )

    def prepare(self, circuits: Sequence[Circuit], period: Period) -> None:
        """Asks for all that `usage` tells of these circuits in the period. Raises StoreError."""
        if (period.start_ns, period.end_ns) not in self._gaps:
            wanted = [Wanted("", None, tuple(circuits), Direction.DOWNLOAD, period)]
            self._ask(wanted)
            self._open(wanted)

    def usage(self, port: Port, period: Period) -> Usage:
        """What passed one port in a period that was asked for, from no more than four readings."""
        gaps = self._gaps[period.start_ns, period.end_ns].get((port.router, port.interface, port.way), ())
        return used_between(self._edges(port, period), gaps, period.start_ns, period.end_ns, self._now_ns)

    def settled(self, ports: Iterable[Port], period: Period) -> bool:
        """Whether every port was read at or after the end of a period that was asked for."""
        return all(
            readings and readings[-1].at_ns >= period.end_ns
            for readings in (self._edges(port, period) for port in ports)
        )

    def further(self, wanted: Sequence[Wanted], known: Mapping[DemandKey, Progress]) -> dict[DemandKey, Progress]:
        """The demand of each, from where it is known to be as far as its ports were read. Raises StoreError."""
        self._ask(wanted)
        found: dict[DemandKey, Progress] = {}
        for one in wanted:
            summed = one.digest
            before = known.get(one.key)
            start = before[1] if before is not None and before[0] == summed else Demand(one.period.start_ns)
            found[one.key] = (summed, self._demand(one.ports, one.period, start))
        return found

    def _demand(self, ports: Sequence[Port], period: Period, before: Demand) -> Demand:
        until_ns = min(period.end_ns, self._now_ns)
        if not ports or until_ns <= before.upto_ns or any((p.router, p.interface) not in self._places for p in ports):
            return before
        columns: list[Sequence[Reading]] = []
        gaps: list[Gap] = []
        for port in ports:
            found = self._readings(port.router, before.upto_ns, until_ns)
            columns.append(found[self._places[port.router, port.interface], port.way])
            gaps += self._gaps[period.start_ns, period.end_ns].get((port.router, port.interface, port.way), ())
        reach_ns = min((readings[-1].at_ns if readings else before.upto_ns) for readings in columns)
        cells = summed_on_grid(columns, before.upto_ns, until_ns, gaps)
        return further(before, cells, period, min(until_ns, reach_ns))

    def _noted(self, one: Wanted, noted: _Noted) -> Demand | Reckoned:
        """As the daemon noted it within the hour: what it did not note, it did not poll."""
        found = noted.of(one) if one.billed else None
        return found if found is not None else self._demand(one.ports, one.period, Demand(one.period.start_ns))

    def _readings(self, router: str, from_ns: int, to_ns: int) -> Mapping[tuple[int, str], Sequence[Reading]]:
        """Of every series of the router that is wanted, kept for the other rows that ask for them."""
        key = (router, from_ns, to_ns)
        if key not in self._read:
            found = self._sheet.readings_of(router, sorted(self._positions[router]), from_ns, to_ns)
            self._read[key] = found
            self._held += sum(map(len, found.values()))
            while self._held > HELD_READINGS and len(self._read) > 1:
                oldest = self._read.pop(next(iter(self._read)))
                self._held -= sum(map(len, oldest.values()))
        return self._read[key]

    def _edges(self, port: Port, period: Period) -> list[Reading]:
        """The readings around the period's two ends, ascending."""
        at = self._places.get((port.router, port.interface))
        edges: dict[int, int] = {}
        for instant in (period.start_ns, period.end_ns):
            opening = self._openings.get((port.router, instant))
            if opening is None or at is None or at >= len(opening.after_ns):
                continue
            out = port.way == "out"
            for read_ns, totals in (
                (opening.before_ns[at], opening.before[out]),
                (opening.after_ns[at], opening.after[out]),
            ):
                if read_ns is not None:
                    edges[read_ns] = totals[at]
        return [Reading(read_ns, edges[read_ns]) for read_ns in sorted(edges)]

    def _open(self, wanted: Sequence[Wanted]) -> None:
        """Asks where the series stood at either end of each period."""
        missing = {
            (circuit.router, at)
            for one in wanted
            for circuit in one.circuits
            for at in (one.period.start_ns, one.period.end_ns)
        }
        self._openings.update(self._sheet.openings(sorted(missing - self._openings.keys())))

    def _ask(self, wanted: Sequence[Wanted]) -> None:
        """Asks for the places and gaps of the series."""
        by_period: dict[tuple[int, int], set[str]] = {}
        for one in wanted:
            routers = by_period.setdefault((one.period.start_ns, one.period.end_ns), set())
            routers.update(circuit.router for circuit in one.circuits)
        self._places.update(
            self._sheet.places(sorted({router for routers in by_period.values() for router in routers}))
        )
        for one in wanted:
            for circuit in one.circuits:
                at = self._places.get((circuit.router, circuit.interface))
                if at is not None:
                    self._positions.setdefault(circuit.router, set()).add(at)
        for period, routers in by_period.items():
            self._gaps[period] = self._sheet.gaps_of(sorted(routers), *period)


class _Noted:
    """The demand figures in the ledger, asked for once per period."""

    def __init__(self, sheet: Sheet, wanted: Sequence[Wanted]) -> None:
        self._found: dict[DemandKey, Reckoned] = {}
        periods: dict[tuple[int, int], list[Wanted]] = {}
        for one in wanted:
            if one.billed:
                periods.setdefault((one.period.start_ns, one.period.end_ns), []).append(one)
        for period, rows in periods.items():
            agencies = {one.agency for one in rows}
            by_circuit = any(one.circuit is not None for one in rows)
            only = next(iter(agencies)) if len(agencies) == 1 else None
            self._found.update(sheet.reckoned(*period, only, circuits=by_circuit))

    def of(self, one: Wanted) -> Reckoned | None:
        """None where nothing was noted, or of other ports."""
        found = self._found.get(one.key)
        return found if found is not None and found.ports == one.digest else None
