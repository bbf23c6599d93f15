"""What ceilings leave to circuits that cross nothing short: an entitlement's or a quota's step holds all the same.

It is divided among the circuits below it by the rules of every sharing (core/headroom), as if capacities had no end:
nobody is held below his ceiling for the sake of others who have enough.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from netmon.core.entitled import Problem
from netmon.core.headroom import deal
from netmon.core.sharing_account import Accounts
from netmon.core.sharing_tree import UNBOUNDED, Leaf, Node, Tree


@dataclass(frozen=True, slots=True)
class Held:
    """What one circuit may have at most."""

    bps: int
    by: str
    """The node or leaf whose ceiling that is."""


def held(posed: Problem, tree: Tree, short: Collection[str]) -> dict[str, Held]:
    """By leaf, of those below a ceiling under which nobody crosses anything short; `tree`: of the problem's nodes.

    Where some below a ceiling cross something short the shares of all below it are what sharing gives: they add up to
    the ceiling at most.
    """
    found: dict[str, Held] = {}
    nodes: Mapping[str, Node] | None = None
    at = 0
    while at < len(tree.ids):
        if tree.is_leaf[at] or tree.own_ceiling[at] == UNBOUNDED:
            at += 1
            continue
        below = range(at + 1, tree.end[at])
        nodes = {node.id: node for node in posed.nodes} if nodes is None else nodes
        leaves = [nodes[tree.ids[each]] for each in below if tree.is_leaf[each]]
        if not any(isinstance(leaf, Leaf) and not leaf.crosses.isdisjoint(short) for leaf in leaves):
            if len(leaves) == 1:
                found[leaves[0].id] = _alone(tree, at, tree.position[leaves[0].id])
            else:
                found |= _divided(nodes[tree.ids[at]], [nodes[tree.ids[each]] for each in below])
        at = tree.end[at]
    return found


def _alone(tree: Tree, top: int, leaf: int) -> Held:
    """The least ceiling on the way, the nearest of equals."""
    way = [leaf]
    while way[-1] != top:
        way.append(tree.parent[way[-1]])
    nearest = min(way, key=lambda at: tree.own_ceiling[at])
    return Held(tree.own_ceiling[nearest], tree.ids[nearest])


def _divided(top: Node, below: Sequence[Node]) -> dict[str, Held]:
    freed = [replace(node, crosses=frozenset()) if isinstance(node, Leaf) else node for node in below]
    limits = deal([replace(top, parent=None), *freed], ()).limits
    accounts = Accounts(limits)
    leaves = [node.id for node in below if isinstance(node, Leaf)]
    return {leaf: Held(limits[leaf], accounts.of(leaf).stopped_by) for leaf in leaves}
