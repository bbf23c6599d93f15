"""Scarce capacity, shared by weighted max-min fairness over a tree. Exact in integers: docs/sharing.md.

Order: floors, as far as they are wanted (core/floors.py); then priority classes; within a class progressive
filling among the siblings at each node, and across every capacity that is crossed (core/filling.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netmon.core.filling import Standing, fill, pour, uppers
from netmon.core.floors import Owed, add_up, meet, owe
from netmon.core.sharing_tree import UNBOUNDED, Band, Capacity, Node, SharingError, Tree, check_demand


@dataclass(frozen=True, slots=True)
class Round:
    """One priority class served; columns by position."""

    band: Band
    upper: list[int]
    """How far each might have risen."""
    total: list[int]
    """What each had then."""
    held: dict[int, int]
    """Entries held by a capacity that was used up, and its number."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gets what, and enough to say why (core/sharing_account.py). Made by `share`; nothing in it is altered."""

    tree: Tree
    demand: Sequence[int]
    most: Sequence[int]
    """Of each leaf: what its demand, every ceiling above it and every capacity it crosses would let it have."""
    owed: Owed
    floors: Sequence[int]
    """What everybody had when the floors were met."""
    feasible: bool
    """Whether all floors are met as far as they are wanted."""
    rounds: Sequence[Round]

    def __getitem__(self, name: str) -> int:
        """bit/s of a leaf, or the sum of a node's. Raises KeyError."""
        return self.final[self.tree.position[name]]

    def at(self, position: int) -> int:
        """bit/s of an entry, by its position in the tree."""
        return self.final[position]

    def leaves(self) -> dict[str, int]:
        """Leaf -> bit/s."""
        tree, final = self.tree, self.final
        return {name: final[at] for at, name in enumerate(tree.ids) if tree.is_leaf[at]}

    def nodes(self) -> dict[str, int]:
        """Node -> the sum of its leaves', bit/s."""
        tree, final = self.tree, self.final
        return {name: final[at] for at, name in enumerate(tree.ids) if not tree.is_leaf[at]}

    @property
    def final(self) -> Sequence[int]:
        """bit/s of everybody, by position."""
        return self.rounds[-1].total if self.rounds else self.floors

    def reshare(self, demands: Mapping[str, int | None]) -> Shares:
        """With other demands of some leaves: what `share` would give, but only what they touch is filled anew.

        That is the smallest subtree that holds all of them, whose leaves cross the same capacities, and whose own
        total no priority class alters: within one agency it takes milliseconds. Raises SharingError, KeyError.
        """
        demand, most = list(self.demand), list(self.most)
        changed = []
        for name, bps in demands.items():
            at = self.tree.position[name]
            if not self.tree.is_leaf[at]:
                raise SharingError(f"{name} is not a leaf; demands are of leaves")
            check_demand(name, bps)
            before = min(demand[at], self.tree.own_ceiling[at])
            demand[at] = UNBOUNDED if bps is None else bps
            most[at] = _most(self.tree, at, demand[at])
            if before != min(demand[at], self.tree.own_ceiling[at]):
                changed.append(at)
        if not changed:
            return Shares(self.tree, demand, most, self.owed, self.floors, self.feasible, self.rounds)
        at = min(changed)
        while at > 0:
            if self.tree.end[at] > max(changed) and (found := _Part(self, demand, most, at).refilled()):
                return found
            at = self.tree.parent[at]
        return share_tree(self.tree, demand, most)


def share(nodes: Iterable[Node], capacities: Iterable[Capacity] = ()) -> Shares:
    """Nodes and leaves, and what the leaves cross, in any order. Raises SharingError."""
    tree = Tree.of(nodes, capacities)
    return share_tree(tree, tree.demand, reach(tree, tree.demand))


def reach(tree: Tree, demand: Sequence[int]) -> list[int]:
    """How much of these demands every bound would let each leaf have, if nobody else were there.

    Raises SharingError where nothing bounds a leaf.
    """
    most = list(tree.ceiling)
    widest = {
        crossed: min([tree.capacities[k].bps for k in crossed], default=UNBOUNDED) for crossed in set(tree.crosses)
    }
    for at, above in enumerate(tree.parent):
        if at and most[above] < most[at]:
            most[at] = most[above]
    for at, leaf in enumerate(tree.is_leaf):
        if leaf:
            most[at] = min(most[at], demand[at], widest[tree.crosses[at]])
            if most[at] == UNBOUNDED:
                raise _unbounded(tree, at)
    return [bound if leaf else 0 for bound, leaf in zip(most, tree.is_leaf, strict=True)]


def _most(tree: Tree, at: int, demand: int) -> int:
    bounds = [tree.ceiling[above] for above in tree.ancestors(at)] + [tree.capacities[k].bps for k in tree.crosses[at]]
    most = min(demand, tree.ceiling[at], *bounds)
    if most == UNBOUNDED:
        raise _unbounded(tree, at)
    return most


def _unbounded(tree: Tree, leaf: int) -> SharingError:
    return SharingError(
        f"{tree.ids[leaf]} has no bound; give it a demand, a ceiling (also of a node above), or a capacity to cross"
    )


def share_tree(tree: Tree, demand: Sequence[int], most: Sequence[int]) -> Shares:
    """With these demands instead of the tree's own; `most`: their reach."""
    size = len(tree.ids)
    owed = Owed([0] * size, [0] * size, set())
    owe(tree, demand, owed, 0, size)
    standing, feasible = meet(tree, most, owed)
    floors = list(standing.total)
    rounds = []
    for band in tree.bands:
        upper = list(standing.total)
        uppers(tree, band, band.entries, standing, most, tree.ceiling, upper)
        held = fill(tree, band, standing, upper, tree.ceiling)
        rounds.append(Round(band, upper, list(standing.total), held))
    return Shares(tree, demand, most, owed, floors, feasible, rounds)


class _Part:
    """One subtree filled anew, as long as nothing outside of it can notice.

    It is filled as one, so all the rest sees of it is its total, how far that may rise, and, of each band, the sum
    of its floors. None of these may alter in any round, except that how far it may rise may be any amount beyond
    what it gets; then every level outside is what it was, and so are the totals to be dealt out inside.
    """

    def __init__(self, shares: Shares, demand: Sequence[int], most: Sequence[int], top: int) -> None:
        self._shares, self._tree = shares, shares.tree
        self._demand, self._most = demand, most
        self._top, self._end = top, shares.tree.end[top]
        self._above = shares.tree.ancestors(top)
        self._range = slice(top, self._end)

    def refilled(self) -> Shares | None:
        """None: something outside would notice."""
        shares, tree = self._shares, self._tree
        for band in tree.bands:
            if band.within(self._top, self._end) and band.crossed[self._top] is None:
                return None
        owed = self._owed()
        if owed is None or not self._floors_alike(owed):
            return None
        floors = list(shares.floors)
        if owed.total[self._range] != shares.owed.total[self._range]:
            floors[self._range] = owed.total[self._range]
        before, rounds = floors, []
        for old in shares.rounds:
            if (new := self._round(old, before)) is None:
                return None
            rounds.append(new)
            before = new.total
        return Shares(tree, self._demand, self._most, owed, floors, shares.feasible, rounds)

    def _owed(self) -> Owed | None:
        tree, old = self._tree, self._shares.owed
        if any(at in old.shared for at in self._above):
            return None
        owed = Owed(list(old.total), list(old.wanted), set(old.shared))
        owe(tree, self._demand, owed, self._top, self._end)
        if owed.total[self._top] != old.total[self._top]:
            return None
        for at in self._above:
            add_up(tree, owed, at)
            if min(tree.floor[at], owed.wanted[at]) > owed.total[at]:
                return None
        return owed

    def _floors_alike(self, owed: Owed) -> bool:
        tree, old, new = self._tree, self._shares.owed.total, owed.total
        if not self._shares.feasible and any(
            floor and not leaf for floor, leaf in zip(tree.floor, tree.is_leaf, strict=True)
        ):
            return False
        if new[self._range] == old[self._range]:
            return True
        if not self._shares.feasible or any(new[at] > tree.ceiling[at] for at in range(self._top, self._end)):
            return False
        for band in tree.bands:
            leaves = [at for at in band.within(self._top, self._end) if tree.is_leaf[at]]
            if sum([new[at] for at in leaves]) != sum([old[at] for at in leaves]):
                return False
        return True

    def _round(self, old: Round, before: list[int]) -> Round | None:
        tree, top = self._tree, self._top
        total, upper = list(old.total), list(old.upper)
        total[self._range] = upper[self._range] = before[self._range]
        if entries := old.band.within(top, self._end):
            path = [*reversed(self._above), *entries]
            uppers(tree, old.band, path, Standing(before, []), self._most, tree.ceiling, upper)
            amount = old.total[top]
            # What is tried before a capacity is found used up may be as much more: a bit/s, and rounding at each node.
            tried = amount + 2 + tree.depth[top]
            if upper[top] != old.upper[top] and tried > min(upper[top], old.upper[top]):
                return None
            pour(tree, old.band, top, amount, total, upper)
        return Round(old.band, upper, total, old.held)
