"""Who is entitled to what of which pool, put as trees to share (core/sharing): one direction at a time.

Below the root stand the shared pools; below each the tree of agencies, as far as circuits draw on the pool; below
those the circuits, each under the first shared pool it draws on. A circuit crosses every shared pool, uplink and
backhaul that it lists. An agency that has circuits and agencies below it has a node of its own for its circuits,
beside its children: what a quota says is about these alone, an entitlement about all.

A limit for an agency as a whole, a quota's step or a boost, is divided among the pools its circuits draw on, never
copied: by the rule of everything else, first what is wanted there, then evenly per circuit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from netmon.core.allocation import MINIMUM_BPS, STANDBY_PART, USABLE_BPS, standing_by
from netmon.core.model import Agency, Circuit, Direction
from netmon.core.sharing_tree import UNBOUNDED, Capacity, Leaf, Node
from netmon.core.supply import Backhaul, Entitlement, Pool, Rates, Sharing
from netmon.core.water import Water

ROOT = "site"


class Bound(StrEnum):
    """What set a ceiling."""

    ENTITLEMENT = "entitlement"
    LADDER = "ladder"
    """A step of a quota."""
    FLOOR = "floor"
    """The floor, which a step of a quota would have gone below."""
    BOOST = "boost"
    """At least as much as a boost says, which is more than the entitlement or the step."""
    PORT = "port"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What stands in the configuration."""

    agencies: tuple[Agency, ...]
    circuits: tuple[Circuit, ...]
    pools: tuple[Pool, ...]
    backhauls: tuple[Backhaul, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """What is said of one agency in one direction beside its entitlements."""

    ladder_bps: int | None = None
    """Of its own circuits together, by the verdict that counts; None: no limit."""
    may_breach_floor: bool = False
    boost_bps: int = 0
    """At least, whatever ladder and ceiling say, and owed as a floor; 0: none."""


_NOTHING_SAID = Say()


@dataclass(frozen=True, slots=True)
class Outside:
    """Circuits of one agency that draw on no shared pool."""

    circuits: tuple[Circuit, ...]
    limit_bps: int | None
    """Their part of the ladder's limit; None: none."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be shared in one direction, and who is left out of it."""

    direction: Direction
    nodes: Sequence[Node]
    capacities: Sequence[Capacity]
    leaves: Sequence[tuple[Circuit, Leaf]]
    """Which leaf is whose: those of `nodes` again."""
    outside: Mapping[str, Outside]
    """By agency."""
    kept: frozenset[str]
    """Circuits on something of which nothing is left now: their limits stay as they are."""
    bounds: Mapping[str, Bound]
    """Of the agencies' nodes that have a ceiling: what set it."""
    boosted: frozenset[str]
    """Agencies' nodes whose floor is that of a boost."""


@dataclass(slots=True)
class _Case:
    """Everything known, and the problem in the making."""

    direction: Direction
    agencies: Mapping[str, Agency]
    entitlements: Mapping[tuple[str, str], Entitlement]
    wanted: Mapping[str, int | None]
    said: Mapping[str, Say]
    down: Collection[str]
    pinned: Mapping[str, int]
    crossing: dict[str, frozenset[str]]
    """Circuit -> the capacities it crosses."""
    least: Mapping[frozenset[str], int]
    """By what is crossed: what every circuit is owed at least."""
    nodes: list[Node] = field(default_factory=list)
    leaves: list[tuple[Circuit, Leaf]] = field(default_factory=list)
    bounds: dict[str, Bound] = field(default_factory=dict)
    boosted: set[str] = field(default_factory=set)


def pool_id(pool: str) -> str:
    return f"pool:{pool}"


def agency_id(agency: str, pool: str) -> str:
    return f"agency:{agency}@{pool}"


def own_id(agency: str, pool: str) -> str:
    """The node of its own circuits, where an agency has others below it."""
    return f"own:{agency}@{pool}"


def circuit_id(circuit: str) -> str:
    return f"circuit:{circuit}"


def problem(
    inventory: Inventory,
    direction: Direction,
    *,
    entitlements: Iterable[Entitlement],
    capacities: Mapping[str, int | None],
    wanted: Mapping[str, int | None],
    said: Mapping[str, Say],
    down: Collection[str] = (),
    pinned: Mapping[str, int] | None = None,
) -> Problem:
    """The trees of all shared pools under one root.

    entitlements: those in force; of two for the same agency and pool the first as written counts
    capacities: pool, uplink or backhaul -> what there is of it now, None: nothing is left; absent: as configured
    wanted: circuit -> bit/s; absent or None: not known
    said: by agency
    down: circuits positively shown to be down
    pinned: circuits whose limit cannot be altered now, and that limit: it is reserved
    """
    there = {name: capacities.get(name, rates.of(direction)) for name, rates in _configured(inventory).items()}
    parts, crossing, kept = _parts(inventory, there)
    case = _Case(
        direction=direction,
        agencies={agency.id: agency for agency in inventory.agencies},
        entitlements=_first(entitlements),
        wanted=wanted,
        said=said,
        down=down,
        pinned=pinned or {},
        crossing=crossing,
        least=_least(crossing.values(), there),
    )
    ladders = {agency: _ladders(case, agency, homes) for agency, homes in parts.items()}
    boosts = _boosts(case, parts)
    case.nodes.append(Node(id=ROOT, parent=None))
    for pool in sorted({home for homes in parts.values() for home in homes if home is not None}):
        _pool(case, pool, {agency: homes[pool] for agency, homes in parts.items() if pool in homes}, ladders, boosts)
    crossed = {name for crosses in set(crossing.values()) for name in crosses}
    return Problem(
        direction,
        case.nodes,
        [Capacity(name, bps) for name, bps in sorted(there.items()) if bps is not None and name in crossed],
        case.leaves,
        {
            agency: Outside(tuple(homes[None]), _outside(case, agency, homes[None], ladders[agency].get(None)))
            for agency, homes in parts.items()
            if None in homes
        },
        kept,
        case.bounds,
        frozenset(case.boosted),
    )


def _configured(inventory: Inventory) -> dict[str, Rates]:
    """Of the shared pools, their uplinks, and all backhauls."""
    found = {backhaul.id: backhaul.capacity for backhaul in inventory.backhauls}
    for pool in inventory.pools:
        found.update((uplink.id, uplink.capacity) for uplink in pool.uplinks)
        if pool.sharing is not Sharing.NEVER:
            found[pool.id] = pool.purchased
    return found


def _first(entitlements: Iterable[Entitlement]) -> dict[tuple[str, str], Entitlement]:
    found: dict[tuple[str, str], Entitlement] = {}
    for one in entitlements:
        before = found.setdefault((one.agency, one.pool), one)
        if one.position < before.position:
            found[one.agency, one.pool] = one
    return found


_Homes = dict[str | None, list[Circuit]]
"""Pool -> the circuits under it; None: those on no shared pool."""


def _parts(
    inventory: Inventory, there: Mapping[str, int | None]
) -> tuple[dict[str, _Homes], dict[str, frozenset[str]], frozenset[str]]:
    """By agency; what each circuit crosses; and the circuits of which something crossed is gone."""
    shared = {pool.id for pool in inventory.pools if pool.sharing is not Sharing.NEVER}
    ways: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str | None, frozenset[str], bool]] = {}
    parts: dict[str, _Homes] = {}
    crossing: dict[str, frozenset[str]] = {}
    kept = set()
    for circuit in inventory.circuits:
        way = ways.get((circuit.pools, circuit.crosses))
        if way is None:
            home = next((pool for pool in circuit.pools if pool in shared), None)
            crosses = frozenset(name for name in (*circuit.pools, *circuit.crosses) if name in there)
            gone = any(there[name] is None for name in crosses)
            way = ways[circuit.pools, circuit.crosses] = home, crosses, gone
        home, crosses, gone = way
        if home is not None and gone:
            kept.add(circuit.id)
            continue
        parts.setdefault(circuit.agency, {}).setdefault(home, []).append(circuit)
        if home is not None:
            crossing[circuit.id] = crosses
    return parts, crossing, frozenset(kept)


# --- limits of an agency as a whole --------------------------------------------------------------


def _ladders(case: _Case, agency: str, homes: _Homes) -> dict[str | None, int]:
    """What of the ladder's limit each pool's circuits have together; nothing: there is no limit."""
    said = case.said.get(agency, _NOTHING_SAID)
    if said.ladder_bps is None:
        return {}
    return _split(case, max(said.ladder_bps, said.boost_bps), homes)


def _outside(case: _Case, agency: str, circuits: Sequence[Circuit], ladder: int | None) -> int | None:
    """A step goes below what is guaranteed of pools that are not shared as little as of any other."""
    if ladder is None or case.said[agency].may_breach_floor:
        return ladder
    entitled = [case.entitlements.get((agency, pool)) for pool in {pool for each in circuits for pool in each.pools}]
    return max(ladder, sum([one.floor.of(case.direction) for one in entitled if one is not None]))


def _boosts(case: _Case, parts: Mapping[str, _Homes]) -> dict[tuple[str, str], int]:
    """(agency, pool) -> what a boost is there, of the agency's circuits and those of its descendants."""
    boosted = {agency: said.boost_bps for agency, said in case.said.items() if said.boost_bps}
    below: dict[str, _Homes] = {agency: {} for agency in boosted}
    for agency, homes in parts.items() if boosted else ():
        for above in _chain(case, agency):
            if above in below:
                for home, circuits in homes.items():
                    if home is not None:
                        below[above].setdefault(home, []).extend(circuits)
    return {
        (agency, pool): bps
        for agency, homes in below.items()
        for pool, bps in _split(case, boosted[agency], homes).items()
        if pool is not None
    }


def _split(case: _Case, total: int, homes: _Homes) -> dict[str | None, int]:
    """First what is wanted of each pool, then the rest; both evenly per circuit."""
    order = sorted(homes, key=lambda home: home or "")
    if len(order) < 2:
        return dict.fromkeys(order, total)
    weights, wanted = [], []
    for home in order:
        each = [case.wanted.get(circuit.id) for circuit in homes[home]]
        wanted.append(min(total, sum([UNBOUNDED if bps is None else bps for bps in each])))
        weights.append(sum(_weights(case, homes[home]).values()))
    if sum(wanted) > total:
        lower, upper = [0] * len(order), wanted
    else:
        lower, upper = wanted, [total] * len(order)
    water = Water(lower, upper, weights)
    water.seek(total)
    return dict(zip(order, water.dealt(), strict=True))


def _weights(case: _Case, circuits: Sequence[Circuit]) -> dict[str, int]:
    """Of one agency's circuits against each other: what stands by counts a twentieth.

    That is all a backup needs here: what it wants it is given like any other, and of headroom it has the minimum.
    """
    waiting = standing_by(circuits, case.down)
    return {circuit.id: 1 if circuit.id in waiting else STANDBY_PART for circuit in circuits}


# --- the tree of one pool ------------------------------------------------------------------------


def _chain(case: _Case, agency: str) -> list[str]:
    """The agency and those above it, as far as they are known; a circle ends where it closes."""
    found: list[str] = []
    at: str | None = agency
    while at is not None and at in case.agencies and at not in found:
        found.append(at)
        at = case.agencies[at].parent
    return found


def _pool(
    case: _Case,
    pool: str,
    circuits: Mapping[str, Sequence[Circuit]],
    ladders: Mapping[str, Mapping[str | None, int]],
    boosts: Mapping[tuple[str, str], int],
) -> None:
    case.nodes.append(Node(id=pool_id(pool), parent=ROOT))
    above: dict[str, str | None] = {}
    for agency in circuits:
        chain = _chain(case, agency) or [agency]
        for at, parent in zip(chain, [*chain[1:], None], strict=True):
            if at in above:
                break
            above[at] = parent
    parents = set(above.values())
    for agency, parent in above.items():
        ours = circuits.get(agency, ())
        own = _agency(
            case,
            pool,
            agency,
            pool_id(pool) if parent is None else agency_id(parent, pool),
            ours,
            ladders.get(agency, {}).get(pool),
            boosts.get((agency, pool), 0),
            branches=agency in parents,
        )
        if ours:
            _leaves(case, *own, ours)


def _agency(
    case: _Case,
    pool: str,
    agency: str,
    parent: str,
    circuits: Sequence[Circuit],
    ladder: int | None,
    boost: int,
    *,
    branches: bool,
) -> tuple[str, int]:
    """Adds its node, and one for its own circuits where it `branches`. Returns the one its circuits are below, and the
    least of its ceilings.
    """
    entitlement = case.entitlements.get((agency, pool))
    weight, priority, floor, ceiling = 1, None, 0, None
    if entitlement is not None:
        weight, priority, floor = entitlement.weight, entitlement.priority, entitlement.floor.of(case.direction)
        ceiling = None if entitlement.ceiling is None else entitlement.ceiling.of(case.direction)
    most = None if ceiling is None else (ceiling, Bound.ENTITLEMENT)
    if ceiling is not None and boost > ceiling:
        most = boost, Bound.BOOST
    name = here = agency_id(agency, pool)
    if boost > floor:
        case.boosted.add(name)
    step = None if ladder is None else _step(case.said[agency], ladder, floor, boost, MINIMUM_BPS * len(circuits))
    if branches and circuits:
        here = own_id(agency, pool)
        _add(case, Node(id=here, parent=name), step)
    elif step is not None and (most is None or step[0] < most[0]):
        most = step
    _add(
        case,
        Node(id=name, parent=parent, weight=weight, floor_bps=max(floor, boost), priority=priority),
        most,
    )
    return here, min([UNBOUNDED, *(bound[0] for bound in (most, step) if bound is not None)])


def _step(say: Say, ladder: int, floor: int, boost: int, least: int) -> tuple[int, Bound]:
    """What a quota's step comes to beside floor and boost; never less than each circuit's minimum."""
    step, why = ladder, Bound.BOOST if say.boost_bps > (say.ladder_bps or 0) else Bound.LADDER
    if floor > step and not say.may_breach_floor:
        step, why = floor, Bound.FLOOR
    if boost > step:
        step, why = boost, Bound.BOOST
    return max(step, least), why


def _add(case: _Case, node: Node, most: tuple[int, Bound] | None) -> None:
    if most is not None:
        case.bounds[node.id] = most[1]
        node = replace(node, ceiling_bps=most[0], floor_bps=min(node.floor_bps, most[0]))
    case.nodes.append(node)


def _leaves(case: _Case, parent: str, ceiling: int, circuits: Sequence[Circuit]) -> None:
    weights = _weights(case, circuits)
    for circuit in circuits:
        pinned, port = case.pinned.get(circuit.id), circuit.port_speed_bps
        wanted = case.wanted.get(circuit.id)
        floor = max(MINIMUM_BPS, min(case.least[case.crossing[circuit.id]], ceiling // len(circuits)))
        if pinned is not None:
            floor = wanted = pinned
        leaf = Leaf(
            id=circuit_id(circuit.id),
            parent=parent,
            weight=weights[circuit.id],
            floor_bps=floor,
            ceiling_bps=None if port is None else max(port, floor),
            demand_bps=wanted,
            crosses=case.crossing[circuit.id],
        )
        case.nodes.append(leaf)
        case.leaves.append((circuit, leaf))


def _least(crossings: Iterable[frozenset[str]], there: Mapping[str, int | None]) -> dict[frozenset[str], int]:
    """Enough to be used, so that no class or weight of others makes an outage of a limit.

    All of it together takes a twentieth of any capacity at most.
    """
    alike = Counter(crossings)
    crossed: Counter[str] = Counter()
    for names, count in alike.items():
        crossed.update(dict.fromkeys(names, count))
    parts = {name: (there[name] or 0) // (20 * count) for name, count in crossed.items()}
    return {names: min([USABLE_BPS, *(parts[name] for name in names)]) for names in alike}
