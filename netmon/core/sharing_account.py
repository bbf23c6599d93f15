"""Why a leaf has what it has: the arithmetic, step by step, worked out anew for one leaf when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from netmon.core.sharing import Round, Shares
from netmon.core.sharing_tree import UNBOUNDED, Tree
from netmon.core.water import Water


class Stop(StrEnum):
    """What a leaf's share ended at."""

    DEMAND = "demand"
    """It wants no more."""
    CEILING = "ceiling"
    """Its own, or that of a node above it: what is below that node has all that it may have."""
    CAPACITY = "capacity"
    """A pool, an uplink or a backhaul is used up."""


class Standpoint(StrEnum):
    """How a child came by its share among its siblings."""

    LEVEL = "level"
    """Its weight times the level that all who rise have in common, and what rounding left, by id."""
    AHEAD = "ahead"
    """It keeps what floors and higher classes gave it, which is more than the level would."""
    FULL = "full"
    """It can have no more: demand, ceilings and held leaves below it."""
    HELD = "held"
    """A capacity that it crosses was used up when it had this."""


@dataclass(frozen=True, slots=True)
class Step:
    """One node, and what one of its children got of it when the class of the leaf had been served."""

    node: str
    node_bps: int
    child: str
    child_bps: int
    weight: int
    standpoint: Standpoint
    fixed_bps: int
    """What those children have that do not rise."""
    rising_weight: int
    """Of those that do; 0: none."""
    level: Fraction | None
    """(node_bps - fixed_bps) / rising_weight, bit/s per unit of weight; None: nobody rises."""
    rounding_bps: int
    """child_bps less weight * level, rounded down; 0 unless `standpoint` is LEVEL."""


@dataclass(frozen=True, slots=True)
class Account:
    """The arithmetic of one leaf's share."""

    leaf: str
    share_bps: int
    demand_bps: int | None
    most_bps: int
    """What its demand, every ceiling above it and every capacity it crosses would let it have."""
    owed_bps: int
    """Its own floor and its part of those above it, as far as they are wanted."""
    floor_bps: int
    """What was met of that, before its class was served."""
    priority: int
    steps: Sequence[Step]
    """From the root down to the leaf."""
    stop: Stop
    stopped_by: str
    """Id of the leaf (its demand), the node (its ceiling) or the capacity."""


def account(shares: Shares, leaf: str) -> Account:
    """Raises KeyError where there is no such leaf."""
    return Accounts(shares).of(leaf)


class Accounts:
    """For many leaves of the same shares: what they have in common is worked out once."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._nodes: dict[tuple[int, int], _Siblings] = {}

    def of(self, leaf: str) -> Account:
        """Raises KeyError where there is no such leaf."""
        shares, tree = self._shares, self._shares.tree
        at = tree.position[leaf]
        if not tree.is_leaf[at]:
            raise KeyError(leaf)
        number = next(number for number, each in enumerate(shares.rounds) if at in each.band.crossed)
        this = shares.rounds[number]
        path = [*reversed(tree.ancestors(at)), at]
        stop, stopped_by = _stop(shares, this, at)
        return Account(
            leaf=leaf,
            share_bps=this.total[at],
            demand_bps=None if shares.demand[at] == UNBOUNDED else shares.demand[at],
            most_bps=shares.most[at],
            owed_bps=shares.owed.total[at],
            floor_bps=shares.floors[at],
            priority=this.band.priority,
            steps=[self._step(number, node, child) for node, child in pairwise(path)],
            stop=stop,
            stopped_by=stopped_by,
        )

    def _step(self, number: int, node: int, child: int) -> Step:
        siblings = self._nodes.get((number, node))
        if siblings is None:
            before = self._shares.rounds[number - 1].total if number else self._shares.floors
            siblings = _siblings(self._shares.tree, self._shares.rounds[number], before, node)
            self._nodes[number, node] = siblings
        return _step(self._shares.tree, self._shares.rounds[number], siblings, node, child)


def _stop(shares: Shares, this: Round, leaf: int) -> tuple[Stop, str]:
    """The nearest to the leaf of what is used up."""
    tree, share = shares.tree, this.total[leaf]
    if share == shares.demand[leaf]:
        return Stop.DEMAND, tree.ids[leaf]
    for k in tree.crosses[leaf]:
        if tree.capacities[k].bps == share:
            return Stop.CAPACITY, tree.capacities[k].id
    at = next(at for at in (leaf, *tree.ancestors(leaf)) if this.total[at] == tree.ceiling[at] or at in this.held)
    if this.total[at] < tree.ceiling[at]:
        return Stop.CAPACITY, tree.capacities[this.held[at]].id
    capacity = tree.closed_by.get(at)
    return (Stop.CAPACITY, capacity) if capacity is not None else (Stop.CEILING, tree.ids[at])


@dataclass(frozen=True, slots=True)
class _Siblings:
    """Those children of one node that rose in one round."""

    bounds: dict[int, tuple[int, int]]
    """Child -> between what it could be."""
    water: Water
    level: Fraction | None


def _siblings(tree: Tree, this: Round, before: Sequence[int], node: int) -> _Siblings:
    children = [each for each in this.band.children[node] if this.upper[each] > before[each]]
    bounds = [_bounds(tree, this, before, each) for each in children]
    water = Water([low for low, _ in bounds], [up for _, up in bounds], [tree.weight[each] for each in children])
    mine = sum([before[each] for each in children])
    water.seek(this.total[node] - (before[node] - mine))
    return _Siblings(dict(zip(children, bounds, strict=True)), water, water.level)


def _step(tree: Tree, this: Round, siblings: _Siblings, node: int, child: int) -> Step:
    water, level = siblings.water, siblings.level
    share, standpoint, rounding = this.total[child], Standpoint.FULL, 0
    if child in this.held:
        standpoint = Standpoint.HELD
    elif child in siblings.bounds and level is not None:
        exact = int(tree.weight[child] * level)
        low, up = siblings.bounds[child]
        if exact < low:
            standpoint = Standpoint.AHEAD
        elif exact < up:
            standpoint, rounding = Standpoint.LEVEL, share - exact
    return Step(
        node=tree.ids[node],
        node_bps=this.total[node],
        child=tree.ids[child],
        child_bps=share,
        weight=tree.weight[child],
        standpoint=standpoint,
        fixed_bps=this.total[node] - water.left,
        rising_weight=water.rising,
        level=level,
        rounding_bps=rounding,
    )


def _bounds(tree: Tree, this: Round, before: Sequence[int], at: int) -> tuple[int, int]:
    """Between what an entry could be, given what was held in it."""
    if at in this.held:
        return this.total[at], this.total[at]
    if this.band.crossed[at] is not None:
        return before[at], this.upper[at]
    children = [each for each in this.band.children[at] if this.upper[each] > before[each]]
    bounds = [_bounds(tree, this, before, each) for each in children]
    rest = before[at] - sum([before[each] for each in children])
    low = rest + sum([low for low, _ in bounds])
    return low, max(low, min(this.upper[at], rest + sum([up for _, up in bounds])))
