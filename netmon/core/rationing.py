"""What sharing would have left of one moment of the past: everybody's measured rates against what there was.

As `headroom.deal` shares, but what each would have carried, not what limit he would have had: who gets less than he
wants gets the first filling's share, and nobody else is slowed. So one tree serves as long as the entitlements do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from netmon.core import entitled
from netmon.core.entitled import Inventory
from netmon.core.floors import reserve
from netmon.core.model import Direction
from netmon.core.sharing import reach, share_tree
from netmon.core.sharing_tree import Leaf, Node, Tree
from netmon.core.supply import Entitlement


class Rationing:
    """One direction; capacities as configured. Raises SharingError for what cannot be shared."""

    def __init__(self, inventory: Inventory, direction: Direction, entitlements: Iterable[Entitlement]) -> None:
        self._inventory, self._direction = inventory, direction
        self._entitlements = tuple(entitlements)
        self._tree: tuple[tuple[Entitlement, ...], Tree] | None = None

    def left(self, wanted: Mapping[str, int], now_ns: int) -> dict[str, int]:
        """Of what circuits carried, bit/s, those of which sharing would have left less, and how much."""
        tree = self._standing(now_ns)
        demand = [0] * len(tree.ids)
        places = {
            circuit: at for circuit in wanted if (at := tree.position.get(entitled.circuit_id(circuit))) is not None
        }
        for circuit, at in places.items():
            demand[at] = wanted[circuit]
        reserved = reserve(tree, demand)
        shares = share_tree(tree, reserved, reach(tree, reserved))
        return {circuit: shares.at(at) for circuit, at in places.items() if shares.at(at) < wanted[circuit]}

    def _standing(self, now_ns: int) -> Tree:
        in_force = tuple(one for one in self._entitlements if one.in_force(now_ns))
        if self._tree is None or self._tree[0] != in_force:
            problem = entitled.problem(
                self._inventory, self._direction, entitlements=in_force, capacities={}, wanted={}, said={}
            )
            self._tree = in_force, Tree.of(folded(problem.nodes), problem.capacities)
        return self._tree[1]


def folded(nodes: Iterable[Node]) -> list[Node]:
    """Each node whose one child is a leaf made one with it: that shares alike, and takes a fraction of the time."""
    nodes = list(nodes)
    below: dict[str | None, list[Node]] = {}
    for node in nodes:
        below.setdefault(node.parent, []).append(node)
    folding = {
        node.id: only
        for node in nodes
        if node.parent is not None and len(below.get(node.id, ())) == 1 and isinstance(only := below[node.id][0], Leaf)
    }
    gone = {leaf.id for leaf in folding.values()}
    return [_one(node, folding[node.id]) if node.id in folding else node for node in nodes if node.id not in gone]


def _one(node: Node, leaf: Leaf) -> Leaf:
    ceilings = [bps for bps in (node.ceiling_bps, leaf.ceiling_bps) if bps is not None]
    return replace(
        leaf,
        parent=node.parent,
        weight=node.weight,
        floor_bps=max(node.floor_bps, leaf.floor_bps),
        ceiling_bps=min(ceilings, default=None),
        priority=node.priority if leaf.priority is None else leaf.priority,
    )
