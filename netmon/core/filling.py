"""Progressive filling: what is left of the capacities goes to one priority class, over the whole tree at once.

Water is poured into the root. At each node it spreads to the children at one level (core/water.py), so that a
child's weight competes with its siblings' only, and what a child cannot take its siblings get before anybody
else. When a capacity is used up, the leaves that cross it are held where they are, and the rest go on rising,
their siblings first. What the root has rises from what is there already to what is wanted.

A subtree whose leaves all cross the same capacities is filled as one (an atom) and dealt out afterwards, so the
cost is O(n log n) for the tree and a search among the atoms for each capacity that is used up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import floordiv, mul

from netmon.core.sharing_tree import Band, Tree
from netmon.core.water import Meter, Water

_ROOT = -1
"""Above the root: the node whose only child it is."""
_FINE = 36
_STEP = 22
"""What the root has is found to 2 ** -_STEP bit/s."""
_HAIR = 1 << _FINE - 20
"""2 ** -20 bit/s: more than that and rounding to 2 ** -_FINE take of a share, yet less than 1 bit/s of all together."""
_SLOW = 3
"""Steps in a row that do not halve the interval, before one that does."""


@dataclass(slots=True)
class Standing:
    """What everybody has so far, by position, and what is left of each capacity. Altered in place."""

    total: list[int]
    left: list[int]


def uppers(
    tree: Tree,
    band: Band,
    entries: Sequence[int],
    standing: Standing,
    most: Sequence[int],
    ceiling: Sequence[int],
    upper: list[int],
) -> None:
    """Writes to `upper` how far each entry may rise while this band alone is filled."""
    total, children, is_leaf = standing.total, band.children, tree.is_leaf
    for at in reversed(entries):
        if is_leaf[at]:
            upper[at] = most[at]
        else:
            room = sum([upper[child] for child in children[at]]) - sum([total[child] for child in children[at]])
            upper[at] = max(total[at], min(ceiling[at], total[at] + room))


def pour(tree: Tree, band: Band, top: int, amount: int, total: list[int], upper: Sequence[int]) -> None:
    """`top` gets `amount`, and its descendants in the band their parts of it; capacities are not looked at."""
    waiting = [(top, amount)]
    while waiting:
        at, amount = waiting.pop()
        grown = amount - total[at]
        total[at] = amount
        if not grown or tree.is_leaf[at]:
            continue
        children = band.children[at]
        lower = [total[child] for child in children]
        most = [upper[child] for child in children]
        if grown == sum(most) - sum(lower):
            dealt = most
        else:
            water = Water(lower, most, [tree.weight[child] for child in children])
            water.seek(sum(lower) + grown)
            dealt = water.dealt()
        for child, share in zip(children, dealt, strict=True):
            if tree.is_leaf[child]:
                total[child] = share
            else:
                waiting.append((child, share))


def fill(tree: Tree, band: Band, standing: Standing, upper: list[int], ceiling: Sequence[int]) -> dict[int, int]:
    """Fills `standing` with the band, from what everybody has; `upper` as `uppers` wrote it.

    Returns which atoms were held, and the capacity by which.
    """
    if upper[0] == standing.total[0]:
        return {}
    filling = _Filling(tree, band, standing, upper, ceiling)
    filling.run()
    return filling.held


class _Filling:
    """One band in the making.

    `low` and `up` are the bounds of each entry now, in bit/s; held ones have both alike. The waters of the mixed
    nodes work in 2 ** -_FINE bit/s, so that what rounding does there stays below what is decided.
    """

    def __init__(
        self, tree: Tree, band: Band, standing: Standing, upper: Sequence[int], ceiling: Sequence[int]
    ) -> None:
        self._tree, self._band, self._standing = tree, band, standing
        self._upper, self._ceiling = upper, ceiling
        self._low, self._up = list(standing.total), list(upper)
        self.held: dict[int, int] = {}
        self._children: dict[int, list[int]] = {_ROOT: [0]}
        """Of each mixed node, parents first: those that may rise."""
        for at in band.mixed:
            if tree.parent[at] in self._children and upper[at] > standing.total[at]:
                self._children[at] = [child for child in band.children[at] if upper[child] > standing.total[child]]
        self._fixed = {_ROOT: 0}
        """Of each mixed node, what its other children have."""
        for at in list(self._children)[1:]:
            self._fixed[at] = standing.total[at] - sum([standing.total[child] for child in self._children[at]])
        self._sums = {
            at: [fixed + sum([bound[child] for child in self._children[at]]) for bound in (self._low, self._up)]
            for at, fixed in self._fixed.items()
        }
        """Of each mixed node, what the bounds of all its children come to."""
        self._number = {child: number for children in self._children.values() for number, child in enumerate(children)}
        self._crossing: dict[int, list[int]] = {}
        """Capacity -> the atoms that cross it."""
        for atom in self._number:
            for k in band.crossed[atom] or ():
                self._crossing.setdefault(k, []).append(atom)
        self._meter = Meter(len(standing.left), len(self._children))
        self._waters = {at: self._water(column, at) for column, at in enumerate(self._children)}

    def _water(self, column: int, at: int) -> Water:
        children, crossed, total = self._children[at], self._band.crossed, self._standing.total
        for child in children:
            for k in crossed[child] or ():
                self._meter.fixed[k] -= total[child] << _FINE
        return Water(
            [self._low[child] << _FINE for child in children],
            [self._up[child] << _FINE for child in children],
            [self._tree.weight[child] for child in children],
            ([crossed[child] or () for child in children], self._meter, column),
        )

    def run(self) -> None:
        """Until no one can rise."""
        amount, atoms = self._up[0] << _STEP, dict[int, int]()
        full: Sequence[int] = ()
        while True:
            amount, full = self._last(amount)
            if not full:
                atoms, full = self._deal(self._up[0])
            if not full:
                break
            self._hold(amount, full)
        self._settle(atoms)
        if self.held:
            self._round_out(atoms)
        for atom, share in atoms.items():
            pour(self._tree, self._band, atom, share, self._standing.total, self._upper)

    def _used(self, amount: int) -> dict[int, int]:
        """What the band uses of each capacity when the root has `amount`; never less when it has more.

        2 ** -_FINE bit/s; `amount` in 2 ** -_STEP.
        """
        lefts, risings = [], []
        for at, water in self._waters.items():
            total = amount << _FINE - _STEP
            if at != _ROOT:
                total = self._waters[self._tree.parent[at]].share(self._number[at]) - (self._fixed[at] << _FINE)
            water.seek(total)
            lefts.append(water.left)
            risings.append(water.rising or 1)
        return {
            k: self._meter.fixed[k] + sum(map(floordiv, map(mul, self._meter.rising[k], lefts), risings))
            for k in self._crossing
        }

    def _over(self, used: Mapping[int, int]) -> list[int]:
        return [k for k, amount in used.items() if amount > self._standing.left[k] << _FINE]

    def _last(self, hint: int) -> tuple[int, list[int]]:
        """The most the root can have, and what any more would exceed; nothing: everybody has what he may.

        In 2 ** -_STEP bit/s. By Newton's method, whose steps alter how long the search takes but not what it finds.
        """
        least = self._low[0] << _STEP
        low, high, over = least - 1, (self._up[0] << _STEP) + 1, list[int]()
        guess, slow = hint, 0
        while high - low > 1:
            width = high - low
            guess = min(max(guess, low + 1), high - 1)
            used = self._used(guess)
            if exceeded := self._over(used):
                high, over = guess, exceeded
            else:
                low = guess
            slow = 0 if 2 * (high - low) <= width else slow + 1
            guess = (low + high) // 2 if slow > _SLOW else guess + self._step(used, exceeded or used)
            slow %= _SLOW + 1
        return max(low, least), over

    def _step(self, used: Mapping[int, int], capacities: Iterable[int]) -> int:
        """How far it is, in 2 ** -_STEP bit/s, to where the first of these would be used up at the pace of here."""
        inflow = {_ROOT: 1.0}
        paces = []
        for at, water in self._waters.items():
            above = self._tree.parent[at]
            speed = 1.0
            if at != _ROOT:
                speed = inflow[above] * self._tree.weight[at] if self._waters[above].rises(self._number[at]) else 0.0
            inflow[at] = speed / (water.rising or 1)
            paces.append(inflow[at])
        steps = []
        for k in capacities:
            slope = sum(map(mul, self._meter.rising[k], paces))
            if slope > 0:
                steps.append(((self._standing.left[k] << _FINE) - used[k]) / slope / (1 << _FINE - _STEP))
        farthest = float(self._up[0] << _STEP)
        return int(max(-farthest, min([farthest, *steps])))

    def _hold(self, amount: int, full: Sequence[int]) -> None:
        """Stops the atoms that cross a used up capacity where they are when the root has `amount`."""
        self._used(amount)
        held = {}
        for k in full:
            for atom in self._crossing.pop(k):
                if atom not in self.held:
                    self.held[atom] = k
                    held[atom] = self._waters[self._tree.parent[atom]].share(self._number[atom])
        for atom, share in held.items():
            whole = (share + _HAIR) >> _FINE
            self._bound(atom, whole, whole)
        altered = {self._tree.parent[atom] for atom in held}
        for at in reversed(self._children):
            if at in altered and at != _ROOT:
                low, most = self._sums[at]
                self._bound(at, low, max(low, min(self._up[at], most)))
                altered.add(self._tree.parent[at])

    def _bound(self, entry: int, low: int, up: int) -> None:
        above = self._tree.parent[entry]
        self._sums[above][0] += low - self._low[entry]
        self._sums[above][1] += up - self._up[entry]
        self._low[entry], self._up[entry] = low, up
        self._waters[above].bound(self._number[entry], low << _FINE, up << _FINE)

    def _deal(self, amount: int) -> tuple[dict[int, int], list[int]]:
        """What each has when the root has `amount`, in whole bit/s that sum at every node.

        And what rounding, which may give somebody a few bit/s more than his level, makes exceed its capacity.
        """
        dealt = {_ROOT: amount}
        for at, children in self._children.items():
            water = Water(
                [self._low[child] for child in children],
                [self._up[child] for child in children],
                [self._tree.weight[child] for child in children],
            )
            water.seek(dealt[at] - self._fixed[at])
            dealt.update(zip(children, water.dealt(), strict=True))
        del dealt[_ROOT]
        total = self._standing.total
        return dealt, [
            k
            for k, atoms in self._crossing.items()
            if sum([dealt[atom] - total[atom] for atom in atoms]) > self._standing.left[k]
        ]

    def _settle(self, dealt: dict[int, int]) -> None:
        """Enters what each has, and leaves only the atoms to be dealt out further in `dealt`."""
        total, left = self._standing.total, self._standing.left
        for entry, share in list(dealt.items()):
            for k in self._band.crossed[entry] or ():
                left[k] -= share - total[entry]
            if entry in self._children:
                total[entry] = dealt.pop(entry)

    def _round_out(self, atoms: dict[int, int]) -> None:
        """What rounding left of the capacities that are used up: 1 bit/s each, in order, until nobody can have more."""
        total, left = self._standing.total, self._standing.left
        above = {at: self._tree.ancestors(at) + [at] * (at >= 0) for at in self._children}
        wanting = [atom for atom in sorted(atoms) if atoms[atom] < self._upper[atom]]
        while wanting:
            served = []
            for atom in wanting:
                crossed = self._band.crossed[atom] or ()
                if crossed and min([left[k] for k in crossed]) < 1:
                    continue
                path = above[self._tree.parent[atom]]
                if [at for at in path if total[at] >= self._ceiling[at]]:
                    continue
                atoms[atom] += 1
                for k in crossed:
                    left[k] -= 1
                for at in path:
                    total[at] += 1
                if atoms[atom] < self._upper[atom]:
                    served.append(atom)
            wanting = served
