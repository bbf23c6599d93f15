"""What is limited behind one shaping point, as the device's own hierarchy: who hangs where, with what floor.

The tree is that of the agencies which have circuits there; a node's class is guaranteed the floors below it and
lends what is idle. Two things a device asks for are made so here:

* No class is guaranteed more than the class above it. A node is owed the greater of its own floor and the sum of
  those below; what is owed more than its parent has is cut in proportion, and what a node is guaranteed beyond those
  below it is divided among them by weight. From the leaves upwards a node's floor is then the sum of theirs.
* Everybody has LEAST_BPS: a device cannot hold a class of nothing.

A device shares what is lent among circuits and not among nodes, so a circuit's weight is the product of the parts
along its path: exact while all circuits want more, else siblings of an idle circuit do not inherit all of its weight.
An entitlement counts with the part of the agency's circuits that is behind the shaping point: it is divided, never
copied. Several entitlements of one agency (several pools) are added up; where its circuits draw on different pools,
such as classes of traffic, each circuit has its own part of those to its pools.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from types import MappingProxyType

from netmon.core.capacity import InForce
from netmon.core.model import Agency, Circuit, Direction, Mode, Placement, Tier
from netmon.core.sharing_tree import ORDINARY, SharingError
from netmon.core.supply import Entitlement, Pool, Rates

LEAST_BPS = 8_000
UNBOUNDED_BPS = 100_000_000_000
"""The ceiling of a shaping point of which neither a pool nor a port's speed tells one."""
HEAVIEST = 64
"""Weights are scaled to at most this: a heavy circuit's turn is that many packets long, and others wait for it."""
LAST_PRIORITY = 7
NOTHING_FAILED: Mapping[str, InForce] = MappingProxyType({})
DEEPEST = 8
"""Levels of a device's hierarchy, root and circuit included (Linux: TC_HTB_MAXDEPTH)."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """What the tree has for one circuit."""

    ceiling_bps: int
    """The least of those along its path."""
    placement: Placement


@dataclass(slots=True)
class _Node:
    """A part of the tree while it is being compiled: the point, an agency, or a circuit."""

    agency: str | None
    circuit: str | None = None
    below: list[_Node] = field(default_factory=list)
    floor: int = 0
    ceiling: int = UNBOUNDED_BPS
    weight: int = 1
    priority: int = ORDINARY
    owed: int = 0
    least: int = LEAST_BPS


def hierarchies(
    circuits: Sequence[Circuit],
    agencies: Iterable[Agency],
    pools: Mapping[str, Pool],
    entitlements: Iterable[Entitlement],
    now_ns: int,
    there_is: Mapping[str, InForce] = NOTHING_FAILED,
) -> dict[tuple[str, Direction], Shaped]:
    """By circuit and direction, for every circuit that shares a shaping point; `circuits` and `agencies`: all.

    `there_is`: what is left of pools; as purchased where they are not named, or nothing is left. Raises SharingError
    where a tree is too deep.
    """
    points: defaultdict[tuple[str, str], list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        if circuit.limited_at is not None:
            points[circuit.limited_at.router, circuit.limited_at.interface].append(circuit)
    if not points:
        return {}
    parents = {agency.id: agency.parent for agency in agencies}
    in_force = [one for one in entitlements if one.in_force(now_ns)]
    found: dict[tuple[str, Direction], Shaped] = {}
    for members in points.values():
        for direction in Direction:
            capacity = max(capacity_bps(members, pools, direction, there_is), LEAST_BPS * len(members))
            shaped = compiled(members, circuits, parents, in_force, direction, capacity)
            found |= {(name, direction): one for name, one in shaped.items()}
    return found


def lent(
    circuits: Iterable[Circuit], shaped: Mapping[tuple[str, Direction], Shaped]
) -> dict[tuple[str, Direction], int]:
    """Where a device shares a pool by itself, so that nobody needs a limit below the tree's: circuit -> ceiling.

    That is at a shaping point that limits every circuit of the pools drawn on there, where all circuits draw on the
    same, and of which none crosses anything else that may be narrow: of several capacities the device knows nothing.
    """
    everywhere = list(circuits)
    drawing: defaultdict[str, set[tuple[str, str] | None]] = defaultdict(set)
    together: defaultdict[tuple[str, str] | None, set[frozenset[str]]] = defaultdict(set)
    for circuit in everywhere:
        for pool in circuit.pools:
            drawing[pool].add(_gate(circuit))
            together[_gate(circuit)].add(frozenset(circuit.pools))
    open_to = {gate for gates in drawing.values() if len(gates) > 1 or None in gates for gate in gates}
    open_to |= {gate for gate, drawn in together.items() if len(drawn) > 1}
    return {
        (circuit.id, direction): shaped[circuit.id, direction].ceiling_bps
        for circuit in everywhere
        if _gate(circuit) not in open_to and circuit.pools
        for direction in Direction
        if (circuit.id, direction) in shaped
    }


def _gate(circuit: Circuit) -> tuple[str, str] | None:
    """The shaping point through which all of the circuit passes; None: not all does, or more than that is narrow."""
    point = circuit.limited_at
    if point is None or circuit.crosses or circuit.mode is not Mode.ENFORCE:
        return None
    return point.router, point.interface


def capacity_bps(
    members: Iterable[Circuit],
    pools: Mapping[str, Pool],
    direction: Direction,
    there_is: Mapping[str, InForce] = NOTHING_FAILED,
) -> int:
    """What passes a shaping point at most: the pools its circuits draw on, or the port's declared speed if less."""
    drawn = {name for circuit in members for name in circuit.pools if name in pools}
    speeds = [c.limited_at.port_speed_bps for c in members if c.limited_at and c.limited_at.port_speed_bps]
    left = sum(there_is[name].of(direction) or 0 for name in drawn if name in there_is)
    left += sum(pools[name].purchased.of(direction) for name in drawn if name not in there_is)
    bought = left or sum(pools[name].purchased.of(direction) for name in drawn)
    return min([*speeds, *([bought] if bought else [])], default=UNBOUNDED_BPS)


def compiled(
    members: Sequence[Circuit],
    circuits: Iterable[Circuit],
    parents: Mapping[str, str | None],
    entitlements: Iterable[Entitlement],
    direction: Direction,
    capacity: int,
) -> dict[str, Shaped]:
    """By circuit: the hierarchy of one shaping point in one direction.

    `members` are the circuits limited there, `circuits` all there are, `parents` the agency above each agency,
    `entitlements` those in force, `capacity` in bit/s. Raises SharingError.
    """
    if capacity < LEAST_BPS * len(members):
        place = members[0].limiting
        raise SharingError(
            f"{place.router} {place.interface}: {capacity} bit/s cannot be shared by {len(members)} circuits, each of"
            f" which must have {LEAST_BPS} bit/s; raise the capacity, or limit fewer circuits there"
        )
    root = _tree(members, parents)
    root.ceiling = capacity
    _entitle(root, members, circuits, parents, entitlements, direction)
    _owe(root)
    _grant(root, capacity)
    found: dict[str, tuple[Shaped, Fraction]] = {}
    _emit(root, (), Fraction(1), capacity, found)
    weights = _whole({name: part for name, (_, part) in found.items()})
    return {name: _weighed(shaped, weights[name]) for name, (shaped, _) in found.items()}


def tiers(members: Iterable[Circuit], parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """The agencies that have a class of their own at a shaping point: a matter of configuration, not of entitlement.

    All above a circuit's agency, and that agency if several circuits or agencies hang from it.
    """
    found: list[str] = []

    def walk(node: _Node) -> None:
        for child in node.below:
            if child.agency is not None and _has_class(child):
                found.append(child.agency)
            walk(child)

    walk(_tree(members, parents))
    return tuple(sorted(found))


def _tree(members: Iterable[Circuit], parents: Mapping[str, str | None]) -> _Node:
    nodes: dict[str | None, _Node] = {None: _Node(None)}
    for circuit in sorted(members, key=lambda one: one.id):
        line: list[str] = []
        agency: str | None = circuit.agency
        while agency is not None and agency not in nodes:
            line.append(agency)
            agency = parents.get(agency)
        for name in reversed(line):
            nodes[name] = _Node(name)
            nodes[agency].below.append(nodes[name])
            agency = name
        nodes[circuit.agency].below.append(_Node(None, circuit.id))
    return nodes[None]


def _has_class(node: _Node) -> bool:
    return node.circuit is None and (len(node.below) > 1 or node.below[0].circuit is None)


def _entitle(
    root: _Node,
    members: Sequence[Circuit],
    circuits: Iterable[Circuit],
    parents: Mapping[str, str | None],
    entitlements: Iterable[Entitlement],
    direction: Direction,
) -> None:
    here, everywhere = _counted(members, parents), _counted(circuits, parents)
    pools = {circuit.id: frozenset(circuit.pools) for circuit in members}
    owned: defaultdict[str | None, list[Entitlement]] = defaultdict(list)
    for one in sorted(entitlements, key=lambda one: (one.pool, one.position)):
        if here.get((one.agency, one.pool)):
            owned[one.agency].append(one)

    def part(node: _Node, one: Entitlement, rates: Rates) -> int:
        count = here[one.agency, one.pool] if node.circuit is None else 1
        return rates.of(direction) * count // everywhere[one.agency, one.pool]

    def walk(node: _Node, own: Sequence[Entitlement], priority: int) -> None:
        node.priority = min((one.priority for one in own if one.priority is not None), default=priority)
        if own:
            node.floor = sum(part(node, one, one.floor) for one in own)
            node.weight = own[0].weight
            ceilings = [part(node, one, one.ceiling) for one in own if one.ceiling is not None]
            if len(ceilings) == len(own):
                node.ceiling = sum(ceilings)
        differ = len({pools[child.circuit] for child in node.below if child.circuit is not None}) > 1
        for child in node.below:
            theirs: Sequence[Entitlement] = ()
            if child.circuit is None:
                theirs = owned[child.agency]
            elif differ:
                theirs = [one for one in own if one.pool in pools[child.circuit]]
            walk(child, theirs, node.priority)

    walk(root, (), ORDINARY)


def _counted(circuits: Iterable[Circuit], parents: Mapping[str, str | None]) -> dict[tuple[str, str], int]:
    """How many circuits of an agency, and of those below it, draw on a pool."""
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for circuit in circuits:
        agency: str | None = circuit.agency
        while agency is not None:
            for pool in circuit.pools:
                counts[agency, pool] += 1
            agency = parents.get(agency)
    return dict(counts)


def _owe(node: _Node) -> None:
    """From the leaves up: the least each must have, and what it is owed."""
    for child in node.below:
        _owe(child)
    if node.below:
        node.least = sum(child.least for child in node.below)
    node.ceiling = max(node.ceiling, node.least)
    node.owed = min(node.ceiling, max(node.floor, node.least, sum(child.owed for child in node.below)))


def _grant(node: _Node, bps: int) -> None:
    """From the root down: `bps` for the node, of which the floors below it are met or cut, and the rest divided."""
    children = node.below
    if not children:
        node.floor = bps
        return
    owed = sum(child.owed for child in children)
    if owed > bps:
        least, beyond = node.least, owed - node.least
        granted = [child.least + (child.owed - child.least) * (bps - least) // beyond for child in children]
    elif node.agency is None:
        granted = [child.owed for child in children]
    else:
        granted = _poured(children, bps)
    for child, given in zip(children, granted, strict=True):
        _grant(child, given)
    node.floor = sum(child.floor for child in children)


def _poured(children: Sequence[_Node], bps: int) -> list[int]:
    """What they are owed, and the rest by weight up to their ceilings; single bit/s to the first."""
    granted = [child.owed for child in children]
    rest = bps - sum(granted)
    while rest > 0:
        open_to = [at for at, child in enumerate(children) if granted[at] < child.ceiling]
        weight = sum(children[at].weight for at in open_to)
        if not open_to:
            break
        shares = [rest * children[at].weight // weight for at in open_to]
        if not any(shares):
            shares = [int(rank < rest) for rank in range(len(open_to))]
        for at, share in zip(open_to, shares, strict=True):
            more = min(share, children[at].ceiling - granted[at])
            granted[at] += more
            rest -= more
    return granted


def _emit(
    node: _Node,
    above: tuple[Tier, ...],
    part: Fraction,
    ceiling: int,
    found: dict[str, tuple[Shaped, Fraction]],
) -> None:
    ceiling = min(ceiling, node.ceiling)
    if node.circuit is not None:
        if len(above) >= DEEPEST:
            raise SharingError(
                f"circuit {node.circuit} hangs below {len(above)} levels, of which a device holds {DEEPEST - 1};"
                " limit it elsewhere"
            )
        priority = min(node.priority, LAST_PRIORITY)
        found[node.circuit] = Shaped(ceiling, Placement(node.floor, 1, priority, above)), part
        return
    if not above:
        above = (Tier(None, ceiling, ceiling),)
    elif _has_class(node):
        above = (*above, Tier(node.agency, ceiling, node.floor))
    weight = sum(child.weight for child in node.below)
    for child in node.below:
        _emit(child, above, part * Fraction(child.weight, weight), ceiling, found)


def _whole(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """Whole numbers in the same proportion, exact where that takes no more than HEAVIEST."""
    scale = lcm(*(part.denominator for part in parts.values()))
    exact = {name: int(part * scale) for name, part in parts.items()}
    divisor, greatest = gcd(*exact.values()), max(exact.values())
    if greatest // divisor <= HEAVIEST:
        return {name: number // divisor for name, number in exact.items()}
    return {name: max(1, (number * HEAVIEST + greatest // 2) // greatest) for name, number in exact.items()}


def _weighed(shaped: Shaped, weight: int) -> Shaped:
    placed = shaped.placement
    return Shaped(shaped.ceiling_bps, Placement(placed.floor_bps, weight, placed.priority, placed.above))
