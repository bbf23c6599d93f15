"""Does what is promised fit? Floors against purchased capacity, uplinks, backhauls, and what is left when one fails.

A node's floor covers what its descendants are guaranteed: of a subtree the greater of the two is needed. What an
agency is guaranteed lies on an uplink or a backhaul when all its circuits that draw on the pool cross it; its backup
circuits count only if it has no others. After the failure of an uplink, what crossed it is taken to go by the
pool's others: only the sum is compared then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from netmon.core.capacity import capacities
from netmon.core.model import Agency, Circuit, Direction, Role
from netmon.core.supply import Backhaul, Entitlement, Pool, Uplink

Link = Uplink | Backhaul


class Shortage(StrEnum):
    """What floors exceed."""

    PURCHASED = "purchased"
    """The pool as it was bought."""
    UPLINKS = "uplinks"
    """What the pool's uplinks carry while all are up."""
    UPLINK_FAILED = "uplink_failed"
    """What the others carry, a standby among them, when one fails."""
    CROSSED = "crossed"
    """An uplink or backhaul that those who have the floors cannot avoid."""
    WAYS = "ways"
    """The uplinks and backhauls on which one agency's circuits depend, together."""
    CEILING = "ceiling"
    """The ceiling of the agency above."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Floors that cannot all be met, in one direction."""

    reason: Shortage
    subject: str
    """The pool; of UPLINK_FAILED the uplink that fails; of CROSSED the uplink or backhaul; else the agency."""
    pool: str | None
    """None: a backhaul, which circuits of any pool cross."""
    direction: Direction
    needed_bps: int
    available_bps: int


@dataclass(frozen=True, slots=True)
class Promised:
    """How much of one pool is promised, in one direction."""

    pool: str
    direction: Direction
    purchased_bps: int
    ceilings_bps: int
    """The most that all who draw on it may have together."""
    floors_bps: int
    worst: str | None
    """The uplink whose failure leaves least; None: it is not known where the pool arrives."""
    left_bps: int | None
    """What that failure leaves."""

    @property
    def oversubscription(self) -> Fraction:
        return Fraction(self.ceilings_bps, self.purchased_bps)


@dataclass(frozen=True, slots=True)
class Admission:
    """Pools in their order, each with download and upload, as far as anybody is entitled to something of them."""

    promised: tuple[Promised, ...]
    shortfalls: tuple[Shortfall, ...]


def admit(
    pools: Iterable[Pool],
    backhauls: Iterable[Backhaul],
    circuits: Iterable[Circuit],
    agencies: Iterable[Agency],
    entitlements: Iterable[Entitlement],
    now_ns: int,
) -> Admission:
    """Whether the floors in force at `now_ns` fit, and how far each pool is oversubscribed.

    Purchased rates are above 0; an agency has at most one entitlement to a pool in force, and no loop of parents.
    Capacity counts as configured, whatever is down now, and whether or not a pool's term has begun or is over.
    """
    tree = _Tree(agencies)
    held: dict[str, dict[str, Entitlement]] = {}
    for entitlement in entitlements:
        if entitlement.in_force(now_ns):
            held.setdefault(entitlement.pool, {})[entitlement.agency] = entitlement
    drawing: dict[str, list[Circuit]] = {}
    for circuit in circuits:
        for name in circuit.pools:
            drawing.setdefault(name, []).append(circuit)
    own_links = {backhaul.id: backhaul for backhaul in backhauls}
    promised: list[Promised] = []
    shortfalls: list[Shortfall] = []
    needed: dict[Direction, dict[str, int]] = {direction: {} for direction in Direction}
    for pool in pools:
        if pool.id in held:
            shares = _Shares(pool, tree, held[pool.id], drawing.get(pool.id, ()), own_links)
            for direction in Direction:
                floors = shares.floors(direction)
                entry = _promised(pool, direction, floors.total, shares.ceilings(direction), now_ns)
                promised.append(entry)
                shortfalls += [*_of_pool(pool, entry, now_ns), *floors.shortfalls]
                _add(needed[direction], floors.crossing)
    for direction, crossing in needed.items():
        shortfalls += _crossed(crossing, own_links, None, direction)
    return Admission(tuple(promised), tuple(shortfalls))


def _crossed(
    crossing: Mapping[str, int], links: Mapping[str, Link], pool: str | None, direction: Direction
) -> Iterator[Shortfall]:
    for name in sorted(crossing.keys() & links.keys()):
        available = links[name].capacity.of(direction)
        if crossing[name] > available:
            yield Shortfall(Shortage.CROSSED, name, pool, direction, crossing[name], available)


def _promised(pool: Pool, direction: Direction, floors_bps: int, ceilings_bps: int, now_ns: int) -> Promised:
    left = {uplink.id: _left(pool, direction, uplink, now_ns) for uplink in pool.uplinks}
    worst = min(left, key=left.__getitem__, default=None)
    purchased = pool.purchased.of(direction)
    left_bps = None if worst is None else left[worst]
    return Promised(pool.id, direction, purchased, ceilings_bps, floors_bps, worst, left_bps)


def _left(pool: Pool, direction: Direction, failed: Uplink | None, now_ns: int) -> int:
    down = () if failed is None else ((failed.router, failed.interface),)
    return capacities((pool,), (), down, (), now_ns)[pool.id].of(direction) or 0


def _of_pool(pool: Pool, promised: Promised, now_ns: int) -> Iterator[Shortfall]:
    direction, needed = promised.direction, promised.floors_bps
    if needed > promised.purchased_bps:
        yield Shortfall(Shortage.PURCHASED, pool.id, pool.id, direction, needed, promised.purchased_bps)
        return
    carried = _left(pool, direction, None, now_ns)
    if needed > carried:
        yield Shortfall(Shortage.UPLINKS, pool.id, pool.id, direction, needed, carried)
        return
    for uplink in pool.uplinks:
        if needed > (left := _left(pool, direction, uplink, now_ns)):
            yield Shortfall(Shortage.UPLINK_FAILED, uplink.id, pool.id, direction, needed, left)


class _Tree:
    """The agencies, those below before those above."""

    def __init__(self, agencies: Iterable[Agency]) -> None:
        parents = {agency.id: agency.parent for agency in agencies}
        self.parent = {name: above if above in parents else None for name, above in parents.items()}
        below: dict[str | None, list[str]] = {}
        for name, above in self.parent.items():
            below.setdefault(above, []).append(name)
        order = list(below.get(None, ()))
        for name in order:
            order += below.get(name, ())
        self.upwards = order[::-1]


@dataclass(frozen=True, slots=True)
class _Floors:
    """What one pool's floors in one direction come to."""

    total: int
    crossing: Mapping[str, int]
    """Of that, what has no way but the uplink or backhaul."""
    shortfalls: Sequence[Shortfall]


class _Shares:
    """Who may have what of one pool, over which circuits."""

    def __init__(
        self,
        pool: Pool,
        tree: _Tree,
        held: Mapping[str, Entitlement],
        circuits: Iterable[Circuit],
        backhauls: Mapping[str, Backhaul],
    ) -> None:
        self._pool, self._tree, self._held = pool, tree, held
        self._uplinks = {uplink.id: uplink for uplink in pool.uplinks}
        self._links: dict[str, Link] = {**backhauls, **self._uplinks}
        by_agency: dict[str, list[Circuit]] = {}
        for circuit in circuits:
            by_agency.setdefault(circuit.agency, []).append(circuit)
        self._drawing = by_agency.keys()
        self._ways: dict[str, set[frozenset[str]]] = {}
        """What the circuits of an agency and its descendants cross."""
        for name, of in by_agency.items():
            regular = [circuit for circuit in of if circuit.role is not Role.BACKUP] or of
            self._ways[name] = {frozenset(link for link in c.crosses if link in self._links) for c in regular}
        for name in tree.upwards:
            above = tree.parent[name]
            if above is not None and name in self._ways:
                self._ways.setdefault(above, set()).update(self._ways[name])

    def ceilings(self, direction: Direction) -> int:
        """The most that all may have together: a ceiling, or all of the pool for an agency with circuits and none.

        What is below an agency counts as far as its own ceiling lets it; one of the whole pool or more bounds nothing.
        """
        purchased = self._pool.purchased.of(direction)
        total = 0
        below: dict[str, int] = {}
        for name in self._tree.upwards:
            ceiling = self._ceiling(name, direction)
            bound = purchased if ceiling is None else min(ceiling, purchased)
            most = below.pop(name, 0) + (bound if name in self._drawing else 0)
            if bound < purchased:
                most = min(most, bound)
            above = self._tree.parent[name]
            if above is None:
                total += most
            else:
                below[above] = below.get(above, 0) + most
        return total

    def floors(self, direction: Direction) -> _Floors:
        total, crossing = 0, dict[str, int]()
        shortfalls: list[Shortfall] = []
        needed: dict[str, int] = {}
        crossed: dict[str, dict[str, int]] = {}
        for name in self._tree.upwards:
            here, across = needed.pop(name, 0), crossed.pop(name, {})
            ceiling = self._ceiling(name, direction)
            if ceiling is not None and here > ceiling:
                shortfalls.append(Shortfall(Shortage.CEILING, name, self._pool.id, direction, here, ceiling))
            if own := self._held[name].floor.of(direction) if name in self._held else 0:
                here = max(here, own)
                for link in frozenset.intersection(*self._ways.get(name, [frozenset()])):
                    across[link] = max(across.get(link, 0), own)
                shortfalls += self._beyond_its_ways(name, direction, own)
            above = self._tree.parent[name]
            if above is None:
                total += here
                _add(crossing, across)
            else:
                needed[above] = needed.get(above, 0) + here
                _add(crossed.setdefault(above, {}), across)
        shortfalls += _crossed(crossing, self._uplinks, self._pool.id, direction)
        return _Floors(total, crossing, shortfalls)

    def _ceiling(self, name: str, direction: Direction) -> int | None:
        entitlement = self._held.get(name)
        return None if entitlement is None or entitlement.ceiling is None else entitlement.ceiling.of(direction)

    def _beyond_its_ways(self, name: str, direction: Direction, floor: int) -> Iterator[Shortfall]:
        """Where its circuits depend on several uplinks and backhauls, each on the narrowest that it crosses."""
        ways = self._ways.get(name, set())
        if frozenset() in ways:
            return
        narrowest = {min(way, key=lambda link: (self._links[link].capacity.of(direction), link)) for way in ways}
        available = sum(self._links[link].capacity.of(direction) for link in narrowest)
        if len(narrowest) > 1 and floor > available:
            yield Shortfall(Shortage.WAYS, name, self._pool.id, direction, floor, available)


def _add(to: dict[str, int], more: Mapping[str, int]) -> None:
    for name, bps in more.items():
        to[name] = to.get(name, 0) + bps


def later_starts(entitlements: Iterable[Entitlement], now_ns: int) -> tuple[int, ...]:
    """When, after `now_ns`, floors may come to more than they do now: as an entitlement begins."""
    starts = {entitlement.from_ns for entitlement in entitlements}
    return tuple(sorted(start for start in starts if start is not None and start > now_ns))
