"""From what was bought, what is wanted and what is said of each agency to every circuit's limit.

    entitlements, capacities, verdicts, boosts ──> trees (core/entitled) ──> two fillings (core/headroom) ──> targets
    targets, limits in force ──> what is altered now, within bounds (core/damping)

Circuits on no shared pool are not damped: a quota's step is for them as it says, at once (core/allocation).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from netmon.core import scarcity
from netmon.core.allocation import MINIMUM_BPS, IndivisibleError, divide
from netmon.core.capacity import InForce
from netmon.core.ceilings import Held, held
from netmon.core.damping import Damped, Damping, Row, damp
from netmon.core.directives import Directive, DirectiveKind, frozen, in_force
from netmon.core.entitled import Inventory, Problem, Say, problem
from netmon.core.headroom import Dealt, deal
from netmon.core.model import Direction, Mode, Place, Verdict
from netmon.core.scarcity import Scarcity
from netmon.core.sharing_tree import UNBOUNDED, Capacity, Tree
from netmon.core.supply import Entitlement, Sharing

Measure = tuple[str, Direction]
"""(pool, uplink or backhaul, direction)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What is in force on one circuit in one direction."""

    bps: int | None
    """None: no limit of ours."""
    altered_ns: int | None = None
    rose: bool = False
    """Whether it was last altered upwards, its end included."""


NO_LIMIT = Limit(None)


@dataclass(frozen=True, slots=True)
class Question:
    """Everything the limits of one instant rest on."""

    now_ns: int
    inventory: Inventory
    entitlements: tuple[Entitlement, ...]
    """Those not in force now do not count."""
    capacities: Mapping[str, InForce]
    """As core/capacity has them; absent: as configured."""
    verdicts: Mapping[tuple[str, Direction], Verdict]
    """(agency, direction) -> the one that counts."""
    directives: tuple[Directive, ...]
    wanted: Mapping[Direction, Mapping[str, int | None]]
    """Circuit -> bit/s, as core/demand_estimate judges it; None or absent: not known, so a limit in force stands."""
    limits: Mapping[Place, Limit]
    """Absent: no limit."""
    down: frozenset[str] = frozenset()
    """Circuits positively shown to be down."""
    fixed: frozenset[str] = frozenset()
    """Circuits that cannot or may not be altered now (out of reach, in doubt, held): what they have is reserved."""
    scarcity: Mapping[Measure, Scarcity] = field(default_factory=dict)
    """As it was last."""
    damping: Damping = field(default_factory=Damping)


@dataclass(frozen=True, slots=True)
class Way:
    """One direction, shared."""

    problem: Problem
    said: Mapping[str, Say]
    dealt: Dealt | None
    """None: nobody shares anything."""
    scarcity: Mapping[Measure, Scarcity]
    short: frozenset[str]
    """Capacities for whose sake limits are set now: short ones, and pools that always share."""
    held: Mapping[str, Held]
    """Leaves that cross nothing short, and are held to a ceiling all the same."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What should be, and what of that is to be done now."""

    targets: Mapping[Place, int | None]
    """What each limit should be, None: there should be none. Absent: it stays as it is, whatever it is."""
    alter: Mapping[Place, int | None]
    """Limits to be set, or (None) removed, now."""
    damped: Damped
    """Why, for circuits on shared pools."""
    scarcity: Mapping[Measure, Scarcity]
    infeasible: Mapping[Direction, bool]
    """Whether floors had to be cut."""
    ways: Mapping[Direction, Way]
    """The arithmetic, for core/decided; large."""


def distribute(question: Question) -> Distribution:
    """Raises SharingError where the inventory cannot be shared: the message names the place."""
    capacities: dict[str, int] = {}
    floors: dict[str, int] = {}
    rows: list[Row] = []
    targets: dict[Place, int | None] = {}
    outside: dict[Place, int | None] = {}
    states: dict[Measure, Scarcity] = {}
    infeasible: dict[Direction, bool] = {}
    ways: dict[Direction, Way] = {}
    fixed = unalterable(question)
    for direction in Direction:
        way = ways[direction] = share_way(question, direction, fixed)
        states |= way.scarcity
        for place, bps in _outside(question, way):
            targets[place] = bps
            if place[0] not in fixed and question.limits.get(place, NO_LIMIT).bps != bps:
                outside[place] = bps
        infeasible[direction] = way.dealt is not None and not way.dealt.wanted.feasible
        if way.dealt is not None:
            rows += _rows(question, way, way.dealt, fixed, capacities, floors, targets)
    damped = damp(rows, capacities, floors, question.damping, question.now_ns)
    alter = outside | {place: bps for place, (bps, _) in damped.moves.items()}
    return Distribution(targets, alter, damped, states, infeasible, ways)


def unalterable(question: Question) -> frozenset[str]:
    """Circuits whose limits stay as they are: fixed ones, frozen agencies', and those that are only observed."""
    circuits = question.inventory.circuits
    still = frozen({circuit.agency for circuit in circuits}, question.directives, question.now_ns)
    return question.fixed | {
        circuit.id for circuit in circuits if circuit.mode is Mode.OBSERVE or circuit.agency in still
    }


def share_way(question: Question, direction: Direction, fixed: Collection[str]) -> Way:
    """The trees of one direction, both fillings, and what is short. Raises SharingError."""
    said = _said(question, direction)
    pinned = {}
    for circuit in fixed:
        bps = question.limits.get((circuit, direction), NO_LIMIT).bps
        if bps is not None:
            pinned[circuit] = bps
    posed = problem(
        question.inventory,
        direction,
        entitlements=[one for one in question.entitlements if one.in_force(question.now_ns)],
        capacities={name: capacity.of(direction) for name, capacity in question.capacities.items()},
        wanted=_judged(question, direction),
        said=said,
        down=question.down,
        pinned=pinned,
    )
    always = {pool.id for pool in question.inventory.pools if pool.sharing is Sharing.ALWAYS}
    if not posed.capacities:
        return Way(posed, said, None, {}, frozenset(), {})
    dealt = deal(posed.nodes, posed.capacities)
    states = {
        (capacity.id, direction): scarcity.further(
            question.scarcity.get((capacity.id, direction), Scarcity()), wanted, capacity.bps, question.now_ns
        )
        for capacity, wanted in _wanted(posed, dealt)
    }
    short = always | {name for (name, _), state in states.items() if state.short}
    return Way(posed, said, dealt, states, frozenset(short), held(posed, dealt.limits.tree, short))


def _judged(question: Question, direction: Direction) -> Mapping[str, int | None]:
    """What is wanted; where nothing has been measured yet, as after a restart, what was last given."""
    wanted = question.wanted.get(direction, {})
    given = {
        circuit: limit.bps
        for (circuit, way), limit in question.limits.items()
        if way is direction and limit.bps is not None and wanted.get(circuit) is None
    }
    return {**wanted, **given} if given else wanted


def _said(question: Question, direction: Direction) -> dict[str, Say]:
    found = {
        agency: Say(verdict.limit.ceiling_bps, verdict.may_breach_floor)
        for (agency, way), verdict in question.verdicts.items()
        if way is direction and verdict.limit is not None
    }
    for one in in_force(question.directives, question.now_ns):
        if one.kind is DirectiveKind.BOOST and one.rates is not None:
            say = found.get(one.subject, Say())
            boost = max(say.boost_bps, one.rates.of(direction))
            found[one.subject] = Say(say.ladder_bps, say.may_breach_floor, boost)
    return found


def _wanted(posed: Problem, dealt: Dealt) -> Iterator[tuple[Capacity, int]]:
    """What is wanted of each capacity, each circuit counted for what it may have at most.

    What is not known counts as nothing: no limit begins for want of data.
    """
    tree, most = dealt.wanted.tree, dealt.limits.most
    sums: dict[frozenset[str], int] = {}
    for _, leaf in posed.leaves:
        if leaf.demand_bps is not None:
            wanted = min(leaf.demand_bps, most[tree.position[leaf.id]])
            sums[leaf.crosses] = sums.get(leaf.crosses, 0) + wanted
    for capacity in posed.capacities:
        yield capacity, sum(wanted for crosses, wanted in sums.items() if capacity.id in crosses)


def _outside(question: Question, way: Way) -> Iterator[tuple[Place, int | None]]:
    """Limits of circuits on no shared pool: their agency's step, divided; none without."""
    direction = way.problem.direction
    for outside in way.problem.outside.values():
        if outside.limit_bps is None:
            yield from (((circuit.id, direction), None) for circuit in outside.circuits)
            continue
        try:
            shares = divide(outside.limit_bps, outside.circuits, question.down)
        except IndivisibleError:
            shares = dict.fromkeys((circuit.id for circuit in outside.circuits), MINIMUM_BPS)
        yield from (((circuit, direction), bps) for circuit, bps in shares.items())


class _Keys:
    """Which capacities, ceilings and floors count for the circuits below one node; in bit/s by key."""

    def __init__(self, way: Way, dealt: Dealt, capacities: dict[str, int], floors: dict[str, int]) -> None:
        self._tree, self._direction = dealt.wanted.tree, way.problem.direction
        self._met, self._capacities, self._floors = dealt.wanted.floors, capacities, floors
        self.lifted: set[str] = set()
        """Floors below which a circuit has no limit, and will have none: nothing is wanting to them."""
        for capacity in way.problem.capacities:
            capacities[self._key(capacity.id)] = capacity.bps

    def of(self, parent: int, crosses: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What they cross, and what is owed to them, of the leaves of this node that cross these capacities."""
        ceilings, owed = self._nodes(parent)
        return tuple(self._key(name) for name in sorted(crosses)) + ceilings, owed

    def _nodes(self, parent: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        tree, ceilings, owed = self._tree, list[str](), list[str]()
        for at in (parent, *tree.ancestors(parent)):
            key = self._key(tree.ids[at])
            if tree.own_ceiling[at] < UNBOUNDED:
                self._capacities[key] = tree.own_ceiling[at]
                ceilings.append(key)
            if tree.floor[at]:
                self._floors[key] = min(tree.floor[at], self._met[at])
                owed.append(key)
        return tuple(ceilings), tuple(owed)

    def _key(self, name: str) -> str:
        return f"{self._direction}:{name}"


def _rows(
    question: Question,
    way: Way,
    dealt: Dealt,
    fixed: Collection[str],
    capacities: dict[str, int],
    floors: dict[str, int],
    targets: dict[Place, int | None],
) -> Iterator[Row]:
    """Of all circuits that are limited or should be; enters what they should be, and what counts for them."""
    direction, tree, limits = way.problem.direction, dealt.limits.tree, question.limits
    final, parents = dealt.limits.final, tree.parent
    keys = _Keys(way, dealt, capacities, floors)
    before: tuple[int, frozenset[str]] | None = None
    limited: dict[frozenset[str], bool] = {}
    below = _below_ceilings(tree)
    for circuit, leaf in way.problem.leaves:
        if leaf.crosses not in limited:
            limited[leaf.crosses] = not way.short.isdisjoint(leaf.crosses)
        at, ceiling = tree.position[leaf.id], way.held.get(leaf.id)
        target = None
        if ceiling is not None:
            target = max(MINIMUM_BPS, ceiling.bps)
        elif limited[leaf.crosses] or below[at]:
            target = max(MINIMUM_BPS, final[at])
        place = circuit.id, direction
        targets[place] = target
        limit = limits.get(place, NO_LIMIT)
        # What is not short holds nobody back.
        crossed = leaf.crosses if limited[leaf.crosses] else frozenset[str]()
        if before != (parents[at], crossed):
            before = parents[at], crossed
            crosses, owed_to = keys.of(*before)
        if target is None and limit.bps is None:
            keys.lifted.update(owed_to)
            continue
        yield Row(
            place,
            circuit.router,
            limit.bps,
            target,
            crosses,
            owed_to,
            limit.altered_ns,
            limit.rose,
            circuit.id in fixed,
        )
    floors.update(dict.fromkeys(keys.lifted, 0))


def _below_ceilings(tree: Tree) -> list[bool]:
    """Of each entry: whether a node above it has a ceiling."""
    found = [False] * len(tree.ids)
    for at in range(1, len(found)):
        above = tree.parent[at]
        found[at] = found[above] or tree.own_ceiling[above] < UNBOUNDED
    return found
