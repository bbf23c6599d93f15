"""Limits of circuits that share: what is wanted first, then all that is left, so that nothing is idle.

Two fillings. The first serves what is wanted, floors counted as wanted in full: a loop of minutes is too slow to
lend a floor and have it back in time. The second deals out what is left, as if everybody wanted all he may have and
were of one priority class: a class goes first for what it wants, not for what nobody wants yet. So nobody is held
below what is free, and who begins to want more is seen to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netmon.core.floors import reserve
from netmon.core.sharing import Shares, reach, share_tree
from netmon.core.sharing_tree import UNBOUNDED, Capacity, Node, Tree


@dataclass(frozen=True, slots=True)
class Dealt:
    """Both fillings of one tree."""

    wanted: Shares
    limits: Shares
    """As `share` would give them with the first result as floors, one priority class and no known demand."""


def deal(nodes: Iterable[Node], capacities: Iterable[Capacity]) -> Dealt:
    """Nodes and leaves in any order. Raises SharingError."""
    tree = Tree.of(nodes, capacities)
    demand = reserve(tree, tree.demand)
    first = share_tree(tree, demand, reach(tree, demand))
    return Dealt(first, with_headroom(first))


def with_headroom(first: Shares) -> Shares:
    """What `first` left is dealt out, too. Raises SharingError where nothing bounds a leaf."""
    tree = first.tree
    floor = [bps if leaf else 0 for bps, leaf in zip(first.final, tree.is_leaf, strict=True)]
    demand = [UNBOUNDED] * len(floor)
    level = replace(tree, floor=floor, demand=demand, bands=[tree.whole()])
    return share_tree(level, demand, reach(level, demand))
