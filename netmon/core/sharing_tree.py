"""Who shares what: the tree of entitlements, the capacities that are crossed, and both put in order once.

One direction and one traffic class at a time. A tree has one root (the province); its nodes are agencies,
districts, offices; its leaves are what can be limited. A leaf crosses capacities (pool, uplink, backhaul) that
need not follow the tree. Rates are bit/s, integers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ORDINARY = 5
"""The priority class of whoever states none, nor has a parent that does. Lower ones are served first."""
GREATEST_WEIGHT = 1_000_000
"""Levels of the water, shares per unit of weight, are told apart exactly up to here (core/water.py)."""
UNBOUNDED = 1 << 62
"""Above every rate: no ceiling, no known demand."""


class SharingError(ValueError):
    """A tree that cannot be shared; the message names the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What several leaves cross and none may exceed: a pool, an uplink, a backhaul."""

    id: str
    bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of the administration, entitled as a whole. The root's parent is None."""

    id: str
    parent: str | None
    weight: int = 1
    """Against its siblings only; 1 to GREATEST_WEIGHT."""
    floor_bps: int = 0
    """Guaranteed as far as it is wanted: what is not wanted is lent."""
    ceiling_bps: int | None = None
    priority: int | None = None
    """Its leaves are served after those of lower classes; None: its parent's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(Node):
    """What has a demand and gets a share: a circuit, or an agency as a whole."""

    demand_bps: int | None = None
    """None: not known, counts as up to the ceiling."""
    crosses: frozenset[str] = frozenset()
    """Ids of capacities."""

    @property
    def wanted_bps(self) -> int:
        return UNBOUNDED if self.demand_bps is None else self.demand_bps


@dataclass(frozen=True, slots=True)
class Band:
    """The part of a tree that one priority class is of; entries are positions in the tree, ascending."""

    priority: int
    entries: Sequence[int]
    """Its leaves and all that is above them."""
    children: dict[int, list[int]]
    """Of its inner entries, those that are entries."""
    crossed: dict[int, tuple[int, ...] | None]
    """What every leaf of the band below an entry crosses; None: they differ."""
    mixed: Sequence[int]
    """Entries whose leaves differ in what they cross."""

    def within(self, start: int, end: int) -> Sequence[int]:
        """Entries of the positions from start to end, without end."""
        return self.entries[bisect_left(self.entries, start) : bisect_left(self.entries, end)]


@dataclass(frozen=True, slots=True)
class Tree:
    """Columns by position. Positions are in preorder with siblings by id: a subtree is a range, 0 the root."""

    ids: Sequence[str]
    parent: Sequence[int]
    """-1 for the root."""
    end: Sequence[int]
    """The position after its last descendant."""
    depth: Sequence[int]
    weight: Sequence[int]
    floor: Sequence[int]
    ceiling: Sequence[int]
    """Its own, or that of a capacity which all its leaves and no others cross, if that is less."""
    own_ceiling: Sequence[int]
    is_leaf: Sequence[bool]
    demand: Sequence[int]
    crosses: Sequence[tuple[int, ...]]
    """Capacities that leaves of more than one subtree cross, by number."""
    capacities: Sequence[Capacity]
    bands: Sequence[Band]
    """Ascending by priority."""
    closed_by: dict[int, str]
    """Where a ceiling is that of a capacity: its id."""
    position: dict[str, int] = field(repr=False)

    @classmethod
    def of(cls, nodes: Iterable[Node], capacities: Iterable[Capacity]) -> Tree:
        """Nodes and leaves in any order. Raises SharingError."""
        by_id: dict[str, Node] = {}
        for node in nodes:
            if node.id in by_id:
                raise SharingError(f"{node.id} is there twice; give each node and leaf an id of its own")
            by_id[node.id] = node
        crossed = _capacities(capacities)
        _check(by_id, {capacity.id for capacity in crossed})
        return _ordered(by_id, crossed)

    def whole(self) -> Band:
        """All leaves as one class."""
        if len(self.bands) == 1:
            return self.bands[0]
        leaves = [at for at, leaf in enumerate(self.is_leaf) if leaf]
        return _band(ORDINARY, leaves, self.parent, self.crosses) if leaves else Band(ORDINARY, [], {}, {}, [])

    def ancestors(self, at: int) -> list[int]:
        """From its parent to the root."""
        found = []
        at = self.parent[at]
        while at >= 0:
            found.append(at)
            at = self.parent[at]
        return found


def _capacities(capacities: Iterable[Capacity]) -> list[Capacity]:
    found = sorted(capacities, key=lambda capacity: capacity.id)
    for one, other in pairwise(found):
        if one.id == other.id:
            raise SharingError(f"capacity {one.id} is there twice; give each an id of its own")
    for capacity in found:
        if capacity.bps < 0:
            raise SharingError(f"capacity {capacity.id} is {capacity.bps} bit/s; 0 is the least")
    return found


def _check(by_id: dict[str, Node], capacities: set[str]) -> None:
    roots = sorted(node.id for node in by_id.values() if node.parent is None)
    if len(roots) != 1:
        raise SharingError(f"a tree has one root, this one {len(roots)}: {', '.join(roots[:3]) or 'none'}")
    if isinstance(by_id[roots[0]], Leaf):
        raise SharingError(f"{roots[0]} is the root, and a leaf; put a node above it")
    for node in by_id.values():
        if node.parent is not None and node.parent not in by_id:
            raise SharingError(f"{node.id} is below {node.parent}, which is not there")
        if node.parent is not None and isinstance(by_id[node.parent], Leaf):
            raise SharingError(f"{node.id} is below {node.parent}, a leaf; make {node.parent} a node")
        if not 1 <= node.weight <= GREATEST_WEIGHT:
            raise SharingError(f"{node.id}: weight {node.weight} is not from 1 to {GREATEST_WEIGHT}")
        if node.floor_bps < 0:
            raise SharingError(f"{node.id}: floor {node.floor_bps} bit/s; 0 is the least")
        if node.ceiling_bps is not None and node.ceiling_bps < node.floor_bps:
            raise SharingError(
                f"{node.id}: ceiling {node.ceiling_bps} bit/s is below its floor {node.floor_bps}; alter one of them"
            )
        if isinstance(node, Leaf):
            check_demand(node.id, node.demand_bps)
            if not node.crosses <= capacities:
                raise SharingError(f"{node.id} crosses {min(node.crosses - capacities)}, which is not there")


def check_demand(name: str, demand_bps: int | None) -> None:
    """Raises SharingError where it is below 0."""
    if demand_bps is not None and demand_bps < 0:
        raise SharingError(f"{name}: demand {demand_bps} bit/s; 0 is the least, None is not known")


def _ordered(by_id: dict[str, Node], capacities: list[Capacity]) -> Tree:
    order, parent = _preorder(by_id)
    if len(order) < len(by_id):
        lost = min(set(by_id) - {node.id for node in order})
        raise SharingError(f"{lost} is not below the root; its parents go round in a circle")
    end = list(range(1, len(order) + 1))
    for at in range(len(order) - 1, 0, -1):
        end[parent[at]] = max(end[parent[at]], end[at])
    depth, priority = [0] * len(order), [ORDINARY] * len(order)
    for at, node in enumerate(order):
        above = parent[at]
        if above >= 0:
            depth[at], priority[at] = depth[above] + 1, priority[above]
        if node.priority is not None:
            priority[at] = node.priority
    own_ceiling = [UNBOUNDED if node.ceiling_bps is None else node.ceiling_bps for node in order]
    ceiling = list(own_ceiling)
    is_leaf = [isinstance(node, Leaf) for node in order]
    number = {capacity.id: at for at, capacity in enumerate(capacities)}
    crossings = {node.crosses for node in order if isinstance(node, Leaf)}
    numbered = {names: tuple(sorted(number[name] for name in names)) for names in crossings}
    everywhere = [numbered[node.crosses] if isinstance(node, Leaf) else () for node in order]
    closed = _closed(everywhere, parent, end, is_leaf)
    closed_by: dict[int, str] = {}
    for k, top in closed.items():
        if capacities[k].bps < ceiling[top]:
            ceiling[top] = capacities[k].bps
            closed_by[top] = capacities[k].id
    shared = {crossed: tuple(k for k in crossed if k not in closed) for crossed in set(everywhere)}
    crosses = [shared[crossed] for crossed in everywhere]
    return Tree(
        ids=[node.id for node in order],
        parent=parent,
        end=end,
        depth=depth,
        weight=[node.weight for node in order],
        floor=[node.floor_bps for node in order],
        ceiling=ceiling,
        own_ceiling=own_ceiling,
        is_leaf=is_leaf,
        demand=[node.wanted_bps if isinstance(node, Leaf) else UNBOUNDED for node in order],
        crosses=crosses,
        capacities=capacities,
        bands=_bands(priority, parent, is_leaf, crosses),
        closed_by=closed_by,
        position={node.id: at for at, node in enumerate(order)},
    )


def _preorder(by_id: dict[str, Node]) -> tuple[list[Node], list[int]]:
    below: dict[str | None, list[Node]] = {}
    for name in sorted(by_id, reverse=True):
        below.setdefault(by_id[name].parent, []).append(by_id[name])
    order: list[Node] = []
    parent: list[int] = []
    waiting = [(below[None][0], -1)]
    while waiting:
        node, above = waiting.pop()
        order.append(node)
        parent.append(above)
        at = len(order) - 1
        waiting.extend((child, at) for child in below.get(node.id, ()))
    return order, parent


def _closed(crosses: list[tuple[int, ...]], parent: list[int], end: list[int], is_leaf: list[bool]) -> dict[int, int]:
    """Capacity -> the entry whose leaves all cross it, and no others: there it is a ceiling and nothing more."""
    users: dict[int, list[int]] = {}
    leaves_before = [0]
    for at, crossed in enumerate(crosses):
        leaves_before.append(leaves_before[-1] + is_leaf[at])
        for k in crossed:
            users.setdefault(k, []).append(at)
    closed: dict[int, int] = {}
    for k, leaves in users.items():
        top = leaves[0]
        while end[top] <= leaves[-1]:
            top = parent[top]
        if leaves_before[end[top]] - leaves_before[top] == len(leaves):
            closed[k] = top
    return closed


def _bands(priority: list[int], parent: list[int], is_leaf: list[bool], crosses: list[tuple[int, ...]]) -> list[Band]:
    leaves: dict[int, list[int]] = {}
    for at, leaf in enumerate(is_leaf):
        if leaf:
            leaves.setdefault(priority[at], []).append(at)
    return [_band(number, leaves[number], parent, crosses) for number in sorted(leaves)]


def _band(number: int, leaves: list[int], parent: Sequence[int], crosses: Sequence[tuple[int, ...]]) -> Band:
    above: set[int] = set()
    for leaf in leaves:
        at = parent[leaf]
        while at >= 0 and at not in above:
            above.add(at)
            at = parent[at]
    entries = sorted([*above, *leaves])
    children: dict[int, list[int]] = {}
    for at in entries[1:]:
        children.setdefault(parent[at], []).append(at)
    crossed: dict[int, tuple[int, ...] | None] = {leaf: crosses[leaf] for leaf in leaves}
    for at in sorted(above, reverse=True):
        first = crossed[children[at][0]]
        crossed[at] = first if all(crossed[child] == first for child in children[at]) else None
    return Band(number, entries, children, crossed, [at for at in entries if crossed[at] is None])
