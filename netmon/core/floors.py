"""Floors, before anything else is shared: what is owed, and what is met of it when not all of it can be.

What is owed. To a leaf its floor, as far as it wants it: what an idle one does not want is lent, until it does. A
node's floor, as far as its leaves want it and beyond what they are owed anyhow, is shared below it as everything
is: priority classes in order, then weights. Neither capacities nor what is above count here.

What is met. If all that is owed fits every capacity and ceiling, all of it. If not, priority class by priority class:
within one, the part of each floor that is met rises from 0 to 1 for all together, and stops for those that
cross a capacity (or are below a ceiling) that is used up. So floors are cut in proportion, only where they must be,
and those of lower classes first. What a node's floor lost at one capacity is made up by such of its leaves
as have room, the lowest nodes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from netmon.core.filling import Standing, fill, pour, uppers
from netmon.core.sharing_tree import Band, Tree


@dataclass(frozen=True, slots=True)
class Owed:
    """By position, inner entries the sums of what is below them."""

    total: list[int]
    wanted: list[int]
    """How much its demands and its ceiling, and those below it, would let it have."""
    shared: set[int]
    """Nodes whose own floor added to what their descendants are owed."""


def owe(tree: Tree, demand: Sequence[int], owed: Owed, start: int, end: int) -> None:
    """Writes what the subtree of `start`, which ends before `end`, is owed."""
    total, wanted = owed.total, owed.wanted
    upper: list[int] | None = None
    for at in range(end - 1, start - 1, -1):
        if tree.is_leaf[at]:
            wanted[at] = min(demand[at], tree.own_ceiling[at])
            total[at] = min(tree.floor[at], wanted[at])
            continue
        add_up(tree, owed, at)
        owed.shared.discard(at)
        target = min(tree.floor[at], wanted[at])
        if target > total[at]:
            owed.shared.add(at)
            upper = upper or [0] * len(total)
            _spread(tree, at, target, owed, upper)


def add_up(tree: Tree, owed: Owed, at: int) -> None:
    """An inner entry from its children."""
    total = wanted = 0
    child = at + 1
    while child < tree.end[at]:
        total += owed.total[child]
        wanted += owed.wanted[child]
        child = tree.end[child]
    owed.total[at], owed.wanted[at] = total, min(wanted, tree.own_ceiling[at])


def _spread(tree: Tree, at: int, target: int, owed: Owed, upper: list[int]) -> None:
    for band in tree.bands:
        if entries := band.within(at, tree.end[at]):
            uppers(tree, band, entries, Standing(owed.total, []), owed.wanted, owed.wanted, upper)
            pour(tree, band, at, min(target, upper[at]), owed.total, upper)


def reserve(tree: Tree, demand: Sequence[int]) -> list[int]:
    """Demands as they are where floors are not lent: what is wanted below a node is at least its floor.

    What is missing is shared below the node, from what is wanted there already, as everything is.
    """
    size = len(demand)
    room = Owed([0] * size, [0] * size, set())
    wanted, ceilings = room.total, room.wanted
    upper: list[int] | None = None
    for at in range(size - 1, -1, -1):
        if tree.is_leaf[at]:
            ceilings[at] = tree.own_ceiling[at]
            wanted[at] = min(max(demand[at], tree.floor[at]), ceilings[at])
            continue
        add_up(tree, room, at)
        wanted[at] = min(wanted[at], tree.own_ceiling[at])
        target = min(tree.floor[at], ceilings[at])
        if target > wanted[at]:
            upper = upper or [0] * size
            _spread(tree, at, target, room, upper)
    return [max(each, kept) if leaf else each for each, kept, leaf in zip(demand, wanted, tree.is_leaf, strict=True)]


def meet(tree: Tree, most: Sequence[int], owed: Owed) -> tuple[Standing, bool]:
    """What of it is met, and whether that is all."""
    standing = Standing(list(owed.total), [capacity.bps for capacity in tree.capacities])
    for at, crossed in enumerate(tree.crosses):
        for k in crossed:
            standing.left[k] -= owed.total[at]
    tight = _tight(tree, owed.total, standing.left)
    if not tight:
        return standing, True
    _cut(tree, tight, standing)
    _make_up(tree, most, owed, standing)
    return standing, False


@dataclass(slots=True)
class _Limit:
    """A capacity, or a node's ceiling, that cannot hold all that is owed below it."""

    left: int
    wanted: int
    """What those not yet settled are owed."""
    leaves: list[int]


def _tight(tree: Tree, total: Sequence[int], left: Sequence[int]) -> list[_Limit]:
    crossed = {k: _Limit(capacity.bps, 0, []) for k, capacity in enumerate(tree.capacities) if left[k] < 0}
    for at, crosses in enumerate(tree.crosses):
        for k in crosses:
            if k in crossed:
                crossed[k].leaves.append(at)
    return [
        *crossed.values(),
        *(
            _Limit(ceiling, 0, [leaf for leaf in range(at, tree.end[at]) if tree.is_leaf[leaf]])
            for at, ceiling in enumerate(tree.ceiling)
            if total[at] > ceiling
        ),
    ]


def _cut(tree: Tree, tight: Sequence[_Limit], standing: Standing) -> None:
    """Leaves that no tight limit is about keep what they are owed."""
    owed = standing.total
    about: dict[int, list[_Limit]] = {}
    for limit in tight:
        for leaf in limit.leaves:
            about.setdefault(leaf, []).append(limit)
    met = {}
    for band in tree.bands:
        met.update(_cut_band(band, tight, about, owed))
    for leaf, share in met.items():
        for k in tree.crosses[leaf]:
            standing.left[k] += owed[leaf] - share
        owed[leaf] = share
    for at in range(len(owed)):
        if not tree.is_leaf[at]:
            owed[at] = 0
    for at in range(len(owed) - 1, 0, -1):
        owed[tree.parent[at]] += owed[at]


def _cut_band(
    band: Band, tight: Sequence[_Limit], about: dict[int, list[_Limit]], owed: Sequence[int]
) -> dict[int, int]:
    """What each leaf has of its floor, rounded down; what that leaves goes to the classes."""
    open_leaves = {at for at in band.entries if at in about and owed[at]}
    for leaf in open_leaves:
        for limit in about[leaf]:
            limit.wanted += owed[leaf]
    met: dict[int, int] = {}

    def settle(leaf: int, share: int) -> None:
        met[leaf] = share
        open_leaves.discard(leaf)
        for limit in about[leaf]:
            limit.left -= share
            limit.wanted -= owed[leaf]

    while short := [limit for limit in tight if limit.left < limit.wanted]:
        first = min(short, key=lambda limit: Fraction(limit.left, limit.wanted))
        left, wanted = first.left, first.wanted
        for leaf in first.leaves:
            if leaf in open_leaves:
                settle(leaf, owed[leaf] * left // wanted)
    for leaf in sorted(open_leaves):
        settle(leaf, owed[leaf])
    return met


def _make_up(tree: Tree, most: Sequence[int], owed: Owed, standing: Standing) -> None:
    """Nodes that lost something of their own floor get it from such of their leaves as have room."""
    floors = {at: min(floor, owed.wanted[at]) for at, floor in enumerate(tree.floor) if floor and not tree.is_leaf[at]}
    for depth in sorted({tree.depth[at] for at in floors}, reverse=True):
        short = [at for at in floors if tree.depth[at] == depth and floors[at] > standing.total[at]]
        if not short:
            continue
        ceiling, allowed = list(tree.ceiling), list(standing.total)
        for at in short:
            ceiling[at] = min(ceiling[at], floors[at])
            allowed[at : tree.end[at]] = most[at : tree.end[at]]
        for band in tree.bands:
            upper = list(standing.total)
            uppers(tree, band, band.entries, standing, allowed, ceiling, upper)
            fill(tree, band, standing, upper, ceiling)
