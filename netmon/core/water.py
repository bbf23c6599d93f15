"""One total, shared among siblings at one level: weighted max-min fairness with bounds (water filling).

A child of weight w with bounds l <= u has, at level L (bit/s per unit of weight), w * L held between l and u.
The level is where the children's shares sum to the total. It is a ratio of two integers, and so exact:
(total - what is fixed) / (the weight of those that rise).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

_KEY_BITS = 40
"""Two different ratios u / w of integers with w <= 2 ** 20 differ by more than 2 ** -40."""

_Turn = tuple[int, int, int, int]
"""The level, times 2 ** _KEY_BITS; the child; its bound there, l or u; +1 it begins to rise, -1 it stops."""


class Meter:
    """What the children of many nodes use of the capacities they cross, kept while their levels move."""

    __slots__ = ("fixed", "rising")

    def __init__(self, capacities: int, columns: int) -> None:
        self.fixed = [0] * capacities
        """What those that do not rise have."""
        self.rising = [[0] * columns for _ in range(capacities)]
        """The weight of those that rise, for each node in a column of its own."""


class Water:
    """The children of one node, by their number among them, at the level where they share `seek`'s total.

    Sorting takes O(n log n) once; after that a new total costs what turns on the way to it.
    """

    __slots__ = (
        "_at",
        "_column",
        "_crosses",
        "_fixed",
        "_meter",
        "_total",
        "_turns",
        "lower",
        "rising",
        "upper",
        "weight",
    )

    def __init__(
        self,
        lower: Sequence[int],
        upper: Sequence[int],
        weight: Sequence[int],
        metered: tuple[Sequence[tuple[int, ...]], Meter, int] | None = None,
    ) -> None:
        """`metered`: what each child crosses, where that is kept, and in which column."""
        self.lower, self.upper, self.weight = list(lower), list(upper), weight
        self._crosses: Sequence[tuple[int, ...]] = ()
        self._meter: Meter | None = None
        self._column = 0
        if metered is not None:
            self._crosses, self._meter, self._column = metered
        self.rising = 0
        """The weight of those that rise; 0: each is at a bound of its own."""
        self._fixed = self._total = self._at = 0
        self._turns: list[_Turn] = []
        for child in range(len(weight)):
            self._turns += self._begin(child, 1)
        self._turns.sort()

    def _begin(self, child: int, way: int) -> list[_Turn]:
        """Counts a child in at the level 0 (`way` 1), or out of it (-1). Returns when it turns."""
        least, most, share = self.lower[child], self.upper[child], self.weight[child]
        if least == most:
            self._fix(child, way * least)
            return []
        stop = ((most << _KEY_BITS) // share, child, most, -1)
        if not least:
            self._rise(child, way * share)
            return [stop]
        self._fix(child, way * least)
        return [((least << _KEY_BITS) // share, child, least, 1), stop]

    def bound(self, child: int, lower: int, upper: int) -> None:
        """Other bounds for one child. `seek` before asking for shares."""
        for turn in self._begin(child, -1):
            place = bisect_left(self._turns, turn)
            del self._turns[place]
            if place < self._at:
                self._at -= 1
                self._turn(turn, -1)
        self.lower[child], self.upper[child] = lower, upper
        for turn in self._begin(child, 1):
            place = bisect_left(self._turns, turn)
            self._turns.insert(place, turn)
            if place < self._at:
                self._at += 1
                self._turn(turn, 1)

    def seek(self, total: int) -> None:
        """To the level at which the children have `total`, from the sum of the lower bounds to that of the upper."""
        self._total = total
        turns, weight = self._turns, self.weight
        while self._at < len(turns):
            _, child, bound, _ = turns[self._at]
            if self._fixed * weight[child] + self.rising * bound > total * weight[child]:
                break
            self._turn(turns[self._at], 1)
            self._at += 1
        while self._at:
            _, child, bound, way = turns[self._at - 1]
            share = weight[child]
            if (self._fixed + way * bound) * share + (self.rising - way * share) * bound <= total * share:
                break
            self._at -= 1
            self._turn(turns[self._at], -1)

    def _turn(self, turn: _Turn, onwards: int) -> None:
        _, child, bound, way = turn
        self._fix(child, -onwards * way * bound)
        self._rise(child, onwards * way * self.weight[child])

    def _fix(self, child: int, amount: int) -> None:
        self._fixed += amount
        if self._meter is not None:
            for k in self._crosses[child]:
                self._meter.fixed[k] += amount

    def _rise(self, child: int, share: int) -> None:
        self.rising += share
        if self._meter is not None:
            for k in self._crosses[child]:
                self._meter.rising[k][self._column] += share

    @property
    def left(self) -> int:
        """What those that rise share."""
        return self._total - self._fixed

    @property
    def level(self) -> Fraction | None:
        """bit/s per unit of weight; None: nobody rises."""
        return Fraction(self.left, self.rising) if self.rising else None

    def share(self, child: int) -> int:
        """Rounded down to whole bit/s."""
        if not self.rising:
            return self.upper[child]
        amount = self.weight[child] * self.left // self.rising
        return max(self.lower[child], min(self.upper[child], amount))

    def rises(self, child: int) -> bool:
        """Whether it would have more of a greater total."""
        if not self.rising:
            return False
        return self.lower[child] <= self.weight[child] * self.left // self.rising < self.upper[child]

    def dealt(self) -> list[int]:
        """The shares, summing to the total: what rounding left goes to those that rise, 1 bit/s each, in order."""
        if not self.rising:
            return list(self.upper)
        left, rising = self.left, self.rising
        shares = [share * left // rising for share in self.weight]
        remainder = self._total
        risen = []
        for child, amount in enumerate(shares):
            if amount < self.lower[child]:
                shares[child] = self.lower[child]
            elif amount >= self.upper[child]:
                shares[child] = self.upper[child]
            else:
                risen.append(child)
            remainder -= shares[child]
        for child in risen[:remainder]:
            shares[child] += 1
        return shares
