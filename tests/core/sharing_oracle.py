"""What sharing should come to, by fluid simulation in fractions: slow, plain, and none of the product's code.

Every leaf's rate is a fraction. Water comes in at the root; each node gives it to those of its children that
can take any and have least per unit of weight, by weight. Time goes on to the next thing that happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from netmon.core.sharing_tree import ORDINARY, Capacity, Leaf, Node

NEVER = Fraction(1 << 70)


class Fluid:
    """A tree to be simulated."""

    def __init__(self, nodes: Iterable[Node], capacities: Iterable[Capacity]) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.capacities = {capacity.id: capacity.bps for capacity in capacities}
        self.root = next(node.id for node in self.nodes.values() if node.parent is None)
        self.below: dict[str, list[str]] = {name: [] for name in self.nodes}
        for node in self.nodes.values():
            if node.parent is not None:
                self.below[node.parent].append(node.id)
        self.leaves = {name: node for name, node in self.nodes.items() if isinstance(node, Leaf)}
        self.rate = dict.fromkeys(self.leaves, Fraction(0))
        self.ceilings = {
            name: NEVER if node.ceiling_bps is None else Fraction(node.ceiling_bps) for name, node in self.nodes.items()
        }

    def path(self, name: str) -> list[str]:
        found = [name]
        while (parent := self.nodes[found[-1]].parent) is not None:
            found.append(parent)
        return found

    def under(self, top: str) -> list[str]:
        return [leaf for leaf in self.leaves if top in self.path(leaf)]

    def had(self, top: str) -> Fraction:
        return sum((self.rate[leaf] for leaf in self.under(top)), Fraction(0))

    def crossing(self, capacity: str) -> list[str]:
        return [name for name, leaf in self.leaves.items() if capacity in leaf.crosses]

    def priority(self, leaf: str) -> int:
        stated = (self.nodes[at].priority for at in self.path(leaf))
        return next((number for number in stated if number is not None), ORDINARY)

    def most(self, name: str) -> Fraction:
        """What a leaf could have alone."""
        leaf = self.leaves[name]
        bounds = [self.ceilings[at] for at in self.path(name)]
        bounds += [Fraction(self.capacities[capacity]) for capacity in leaf.crosses]
        return min([NEVER if leaf.demand_bps is None else Fraction(leaf.demand_bps), *bounds])

    def wanted(self, top: str) -> Fraction:
        """What demands and ceilings, its own and those below, would let it have."""
        if top in self.leaves:
            demand = self.leaves[top].demand_bps
            return min(self.ceilings[top], NEVER if demand is None else Fraction(demand))
        return min(self.ceilings[top], sum((self.wanted(child) for child in self.below[top]), Fraction(0)))

    def fill(self, most: Mapping[str, Fraction], ceilings: Mapping[str, Fraction], crossed: bool = True) -> None:
        """Raises the rates until no leaf of `most` can rise; each at most to what it says there."""
        while speed := self._speeds(most, ceilings, crossed):
            step = min(self._next(speed, most, ceilings, crossed))
            for leaf, each in speed.items():
                self.rate[leaf] += each * step

    def _open(self, most: Mapping[str, Fraction], ceilings: Mapping[str, Fraction], crossed: bool) -> set[str]:
        full = {name for name in self.nodes if self.had(name) >= ceilings[name]}
        used_up = {
            name
            for name, bps in self.capacities.items()
            if crossed and sum((self.rate[leaf] for leaf in self.crossing(name)), Fraction(0)) >= bps
        }
        return {
            leaf
            for leaf, limit in most.items()
            if self.rate[leaf] < limit and not full & set(self.path(leaf)) and not used_up & self.leaves[leaf].crosses
        }

    def _speeds(
        self, most: Mapping[str, Fraction], ceilings: Mapping[str, Fraction], crossed: bool
    ) -> dict[str, Fraction]:
        rising = self._open(most, ceilings, crossed)
        self._can = {at for leaf in rising for at in self.path(leaf)}
        speeds: dict[str, Fraction] = {}
        waiting = [(self.root, Fraction(1))] if rising else []
        while waiting:
            at, inflow = waiting.pop()
            if at in self.leaves:
                speeds[at] = inflow
                continue
            lowest = self._lowest(at)
            weight = sum(self.nodes[child].weight for child in lowest)
            waiting.extend((child, inflow * self.nodes[child].weight / weight) for child in lowest)
        return speeds

    def _lowest(self, at: str) -> list[str]:
        able = [child for child in self.below[at] if child in self._can]
        level = min(self.had(child) / self.nodes[child].weight for child in able)
        return [child for child in able if self.had(child) / self.nodes[child].weight == level]

    def _next(
        self,
        speed: Mapping[str, Fraction],
        most: Mapping[str, Fraction],
        ceilings: Mapping[str, Fraction],
        crossed: bool,
    ) -> Iterable[Fraction]:
        inflow = {
            name: sum((speed[leaf] for leaf in self.under(name) if leaf in speed), Fraction(0)) for name in self.nodes
        }
        for leaf, each in speed.items():
            yield (most[leaf] - self.rate[leaf]) / each
        for name, each in inflow.items():
            if each:
                yield (ceilings[name] - self.had(name)) / each
        for name, bps in self.capacities.items():
            each = sum((speed.get(leaf, Fraction(0)) for leaf in self.crossing(name)), Fraction(0))
            if each and crossed:
                yield (bps - sum((self.rate[leaf] for leaf in self.crossing(name)), Fraction(0))) / each
        for at in self._can - self.leaves.keys():
            yield from self._meetings(at, inflow)

    def _meetings(self, at: str, inflow: Mapping[str, Fraction]) -> Iterable[Fraction]:
        """When the lowest of a node's children come up to the next."""
        if not inflow[at]:
            return
        lowest = self._lowest(at)
        first = self.nodes[lowest[0]]
        level, rise = self.had(first.id) / first.weight, inflow[first.id] / first.weight
        for child in self.below[at]:
            if child in self._can and child not in lowest:
                yield (self.had(child) / self.nodes[child].weight - level) / rise


def shared(nodes: Iterable[Node], capacities: Iterable[Capacity]) -> dict[str, Fraction]:
    """Leaf -> bit/s."""
    fluid = Fluid(nodes, capacities)
    classes = sorted({fluid.priority(leaf) for leaf in fluid.leaves})
    _floors(fluid, classes)
    for number in classes:
        fluid.fill({leaf: fluid.most(leaf) for leaf in fluid.leaves if fluid.priority(leaf) == number}, fluid.ceilings)
    return fluid.rate


def _floors(fluid: Fluid, classes: list[int]) -> None:
    for name, leaf in fluid.leaves.items():
        fluid.rate[name] = min(Fraction(leaf.floor_bps), fluid.wanted(name))
    inner = sorted(fluid.nodes.keys() - fluid.leaves.keys(), key=lambda name: len(fluid.path(name)), reverse=True)
    targets = {name: min(Fraction(fluid.nodes[name].floor_bps), fluid.wanted(name)) for name in inner}
    for name in inner:
        _raise(fluid, {name: targets[name]}, classes, crossed=False)
    owed = dict(fluid.rate)
    if _fits(fluid):
        return
    _cut(fluid, owed, classes)
    for depth in sorted({len(fluid.path(name)) for name in inner}, reverse=True):
        _raise(fluid, {name: targets[name] for name in inner if len(fluid.path(name)) == depth}, classes, crossed=True)


def _raise(fluid: Fluid, targets: Mapping[str, Fraction], classes: list[int], crossed: bool) -> None:
    """Nodes that have less than their target, to it."""
    short = {name: target for name, target in targets.items() if fluid.had(name) < target}
    ceilings = fluid.ceilings if crossed else {name: fluid.wanted(name) for name in fluid.nodes}
    ceilings = ceilings | short
    if not crossed:  # nothing outside counts yet: what is owed may exceed what is above
        ceilings |= {at: NEVER for name in short for at in fluid.path(name)[1:]}
    below = {leaf for name in short for leaf in fluid.under(name)}
    for number in classes:
        most = fluid.most if crossed else fluid.wanted
        fluid.fill({leaf: most(leaf) for leaf in below if fluid.priority(leaf) == number}, ceilings, crossed)


def _limits(fluid: Fluid) -> list[tuple[Fraction, list[str]]]:
    found = [(Fraction(bps), fluid.crossing(name)) for name, bps in fluid.capacities.items()]
    return found + [(ceiling, fluid.under(name)) for name, ceiling in fluid.ceilings.items() if ceiling < NEVER]


def _fits(fluid: Fluid) -> bool:
    return all(sum((fluid.rate[leaf] for leaf in leaves), Fraction(0)) <= bps for bps, leaves in _limits(fluid))


def _cut(fluid: Fluid, owed: Mapping[str, Fraction], classes: list[int]) -> None:
    """All floors of a class rise together, each by its own size, until something stops it."""
    fluid.rate = dict.fromkeys(fluid.leaves, Fraction(0))
    for number in classes:
        rising = {leaf for leaf in fluid.leaves if fluid.priority(leaf) == number and owed[leaf]}
        met = Fraction(0)
        while rising:
            step = 1 - met
            for bps, leaves in _limits(fluid):
                each = sum((owed[leaf] for leaf in leaves if leaf in rising), Fraction(0))
                if each:
                    step = min(step, (bps - sum((fluid.rate[leaf] for leaf in leaves), Fraction(0))) / each)
            met += step
            for leaf in rising:
                fluid.rate[leaf] += owed[leaf] * step
            full = [
                leaves
                for bps, leaves in _limits(fluid)
                if sum((fluid.rate[leaf] for leaf in leaves), Fraction(0)) >= bps
            ]
            rising = {leaf for leaf in rising if met < 1 and not any(leaf in leaves for leaves in full)}
