"""Scarce capacity in the control loop: what circuits want is measured here, and the worker shares.

An answer counts once it is recorded. Whatever keeps it from being given, the shares that were recorded last stand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netmon.config.load import Configuration
from netmon.core.capacity import InForce
from netmon.core.decided import Decided
from netmon.core.demand_estimate import Wants
from netmon.core.directives import Directive
from netmon.core.distribution import Limit, Measure
from netmon.core.entitled import Inventory
from netmon.core.model import NANOSECONDS, Circuit, Direction, Mode, Place, Verdict
from netmon.core.planning import Observed, Share
from netmon.core.scarcity import Plenty, Scarcity
from netmon.core.shares import Answer, Due, Posed, Supply
from netmon.core.supply import Rates, Sharing
from netmon.daemon.consumption import Consumption, read_ns
from netmon.daemon.portions import portions

CIRCUITS_AT_ONCE = 200
"""Measured between two looks at the event loop."""
WARM_UP_NS = 180 * NANOSECONDS
"""So long nothing is shared anew after a start, unless every circuit has been measured before."""
UNTOUCHED = Observed(None, known=True)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else a turn knows."""

    directives: tuple[Directive, ...]
    capacities: Mapping[str, InForce]
    down: frozenset[str]
    """Circuits positively shown to be down."""
    limits: Mapping[Place, Observed]
    routers: frozenset[str]
    """On which nothing can or may be altered now."""
    held: frozenset[str]
    """Circuits that an operator keeps free of limits."""
    renamed: frozenset[tuple[str, str]]
    """(router, configured ifName) of ports that go on under another name, or could not be altered lately."""
    lent: frozenset[Place]
    """Where the device shares by itself (core/shaping.py): what was due counts as in force, not the limit that is."""


def supply_of(configuration: Configuration) -> Supply | None:
    """Of those agencies that draw on a shared pool or are guaranteed something; None: there is nobody."""
    shared = {pool.id for pool in configuration.pools.values() if pool.sharing is not Sharing.NEVER}
    sharing = {circuit.agency for circuit in configuration.circuits if not shared.isdisjoint(circuit.pools)}
    sharing |= {one.agency for one in configuration.entitlements if one.floor != Rates(0, 0)}
    if not sharing:
        return None
    return Supply(
        Inventory(
            configuration.agencies,
            tuple(circuit for circuit in configuration.circuits if circuit.agency in sharing),
            tuple(configuration.pools.values()),
            tuple(configuration.backhauls.values()),
        ),
        configuration.entitlements,
        configuration.settings.control.damping.value(),
    )


class Sharer:
    """What circuits want, and what was last due to them. Bounded by the circuits that share."""

    def __init__(self, supply: Supply, consumption: Consumption, dues: dict[Place, Due], now_ns: int) -> None:
        """`dues`: as the ledger has them; kept up to date."""
        self.circuits: Sequence[Circuit] = supply.inventory.circuits
        self._ports = [(one.limiting.router, one.limiting.interface) for one in self.circuits]
        self._places = [[(one.id, direction) for direction in Direction] for one in self.circuits]
        self._limits: dict[Place, Limit] = {}
        """As they were last looked at; kept, for to make them all anew each turn is work for the collector."""
        self._consumption, self._dues = consumption, dues
        self._wants = {direction: Wants(len(self.circuits)) for direction in Direction}
        self._seen: dict[Direction, list[tuple[int, int] | None]] = {
            direction: [None] * len(self.circuits) for direction in Direction
        }
        """Total bytes and when they were read, by a circuit's position."""
        for at, circuit in enumerate(self.circuits):
            for direction, wants in self._wants.items():
                last = dues.get((circuit.id, direction))
                if last is not None and last.wanted_bps is not None:
                    wants.resume(at, last.wanted_bps, now_ns)
        self._warm_ns = now_ns + WARM_UP_NS
        ours = {place for both in self._places for place in both}
        self.shares = {place: one.share() for place, one in dues.items() if place in ours}
        self._scarcity: Mapping[Measure, Scarcity] = _resumed(self.circuits, dues)

    async def pose(
        self, verdicts: Mapping[tuple[str, Direction], Verdict], now: Circumstances, now_ns: int
    ) -> Posed | None:
        """Measures, and says what is to be asked; None: too little is known yet, and what was recorded stands."""
        noted: dict[Place, int | None] = {}
        fixed: set[str] = set()
        wanted: dict[Direction, dict[str, int | None]] = {direction: {} for direction in Direction}
        unknown = False
        await asyncio.sleep(0)
        for some in portions(range(len(self.circuits)), CIRCUITS_AT_ONCE):
            for at in some:
                self._look(at, now, noted, fixed)
                for direction, wants in self._wants.items():
                    bps = wanted[direction][self.circuits[at].id] = wants[at]
                    unknown = unknown or bps is None
            await asyncio.sleep(0)
        if unknown and now_ns < self._warm_ns:
            return None
        return Posed(
            now_ns,
            now.capacities,
            verdicts,
            now.directives,
            wanted,
            self._limits,
            now.down,
            frozenset(fixed),
            self._scarcity,
            noted,
        )

    def shares_with(self, found: Answer | None) -> dict[Place, Share]:
        """As they will be once the answer is recorded."""
        if found is None or not found.dues:
            return self.shares
        return self.shares | {one.place: one.share() for one in found.dues}

    def recorded(self, found: Answer) -> None:
        """The answer is in the ledger, and counts."""
        self._scarcity, self.shares = found.scarcity, self.shares_with(found)
        self._dues.update({one.place: one for one in found.dues})

    def _look(
        self,
        at: int,
        now: Circumstances,
        noted: dict[Place, int | None],
        fixed: set[str],
    ) -> None:
        circuit, port = self.circuits[at], self._ports[at]
        if port[0] in now.routers or port in now.renamed or circuit.id in now.held:
            fixed.add(circuit.id)
        for place in self._places[at]:
            seen, last = now.limits.get(place, UNTOUCHED), self._dues.get(place)
            bps = last.bps if last is not None and place in now.lent else seen.bps
            if not seen.known:
                fixed.add(circuit.id)
                bps = None if last is None else last.bps
            self._note(place, bps, last)
            if circuit.mode is Mode.OBSERVE:
                noted[place] = None if last is None else last.bps
            self._measure(at, circuit, place[1], bps)

    def _note(self, place: Place, bps: int | None, last: Due | None) -> None:
        if bps is None and last is None:
            self._limits.pop(place, None)
            return
        limit, altered_ns = self._limits.get(place), None if last is None else last.at_ns
        if limit is None or (limit.bps, limit.altered_ns) != (bps, altered_ns):
            self._limits[place] = Limit(bps, altered_ns, last is not None and last.rose)

    def _measure(self, at: int, circuit: Circuit, direction: Direction, limit_bps: int | None) -> None:
        position, head = self._consumption.place(circuit), self._consumption.heads.get(circuit.router)
        if position is None or head is None:
            return
        total = (head.in_total if circuit.way(direction) == "in" else head.out_total)[position]
        when, before = read_ns(head, position), self._seen[direction][at]
        if before is not None and when > before[1]:
            rate = (total - before[0]) * 8 * NANOSECONDS // (when - before[1])
            self._wants[direction].measured(at, rate, limit_bps, when)
        if before is None or when != before[1]:
            self._seen[direction][at] = total, when


def _resumed(circuits: Iterable[Circuit], dues: Mapping[Place, Due]) -> dict[Measure, Scarcity]:
    """What was short when the daemon before us ended: limits that it set are not lifted for want of measurements.

    A quota's step limits its agency whether anything is short or not, so it shows nothing.
    """
    return {
        (name, direction): Scarcity(Plenty.SHORT)
        for circuit in circuits
        for direction in Direction
        if (last := dues.get((circuit.id, direction))) is not None
        and last.bps is not None
        and last.decided != Decided.LADDER
        for name in (*circuit.pools, *circuit.crosses)
    }
