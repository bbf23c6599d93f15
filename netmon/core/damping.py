"""Limits do not follow every whim: from what each should be and what is in force to what is altered in this cycle.

In this order, within so many changes and so many routers a cycle:

1. While what is in force exceeds a capacity (or a ceiling, or a quota's step), limits that cross it fall to their
   targets, the greatest falls first, until it fits. Nothing holds these back.
2. While an agency has less in force than is owed to it as a floor, its limits rise at once; so they do in the end,
   where a fall of this cycle has left it with less.
3. Everything else, what is farthest off first: not within the deadband; not up soon after down, nor down soon after
   up (going on in the same direction is no flapping); and by one step at a time.

A limit rises only into what is free in every capacity it crosses once this cycle's falls are made; if that is not
enough, falls that would make room are made too: those beyond the deadband, and of lesser ones only as many as bring
the rise within it. So what results exceeds no capacity that the targets keep to, targets are reached though each is a
little off, and twenty limits are not altered by little for the last of one rise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import heapify, heappop
from typing import NamedTuple

from netmon.core.model import NANOSECONDS, Place

_INFINITE = 1 << 62
_ROUNDED_PERMILLE = 5
"""What routers make of a rate by rounding is no shortfall of a floor."""


@dataclass(frozen=True, slots=True)
class Damping:
    """How much is altered at once, and how soon again."""

    deadband_permille: int = 150
    """Of the limit in force: targets no farther off alter nothing."""
    hold_ns: int = 15 * 60 * NANOSECONDS
    """Between a fall and a rise of one limit, or the reverse."""
    step: int = 4
    """A limit rises to so many times what it was at most, and falls to one in so many."""
    changes: int = 200
    """Limits altered in one cycle."""
    routers: int = 50
    """Routers touched in one cycle."""


class Row(NamedTuple):
    """One limit: what is in force, and what should be."""

    place: Place
    router: str
    in_force_bps: int | None
    """None: there is no limit. What is used without one counts as the target."""
    target_bps: int | None
    """None: there should be none."""
    crosses: tuple[str, ...] = ()
    """Keys of the capacities, ceilings and steps that count for it."""
    owed_to: tuple[str, ...] = ()
    """Keys of the floors that it is part of."""
    altered_ns: int | None = None
    """When it was last altered; None: never."""
    rose: bool = False
    """Whether that was a rise."""
    frozen: bool = False
    """It cannot or may not be altered now."""


class Move(StrEnum):
    """Why a limit is altered."""

    CAPACITY = "capacity"
    """It has to fall: what is in force exceeds something it crosses."""
    FLOOR = "floor"
    """It rises to what its agency is owed."""
    ROOM = "room"
    """It falls to make room for another's rise."""
    TARGET = "target"
    STEP = "step"
    """Towards its target, by as much as is altered at once."""
    PART = "part"
    """Towards its target, by as much as there is room for."""


class Wait(StrEnum):
    """Why a limit stays although it should be another."""

    DEADBAND = "deadband"
    HOLD = "hold"
    """It went the other way not long ago."""
    NO_ROOM = "no_room"
    """Others have to fall first."""
    PACED = "paced"
    """So much is altered in this cycle already."""
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Damped:
    """What is altered now, and why the rest of what should be is not."""

    moves: Mapping[Place, tuple[int | None, Move]]
    waits: Mapping[Place, Wait]


def damp(
    rows: Sequence[Row],
    capacities: Mapping[str, int],
    floors: Mapping[str, int],
    settings: Damping,
    now_ns: int,
) -> Damped:
    """Every limit there is or should be, of both directions; capacities and floors in bit/s by key.

    Raises KeyError where a row names a key that is not there.
    """
    cycle = _Cycle(rows, capacities, settings, now_ns)
    cycle.fall_to_fit()
    cycle.rise_to_floors(floors, floors.keys())
    cycle.approach()
    while cycle.lowered:  # a rise to one floor may lower what counts for another; nothing falls twice
        lowered, cycle.lowered = cycle.lowered, set()
        cycle.rise_to_floors(floors, lowered)
    return Damped(cycle.moves, cycle.waits)


class _Cycle:
    """One cycle in the making."""

    def __init__(self, rows: Sequence[Row], capacities: Mapping[str, int], settings: Damping, now_ns: int) -> None:
        self._rows, self._settings, self._now_ns = rows, settings, now_ns
        self._left = _left(rows, capacities)
        """Of each capacity; below 0: what is in force exceeds it."""
        self._open = [row for row in rows if row.in_force_bps != row.target_bps and not row.frozen]
        self._rooms: dict[tuple[str, bool], list[tuple[int, Place, Row]]] = {}
        """Capacity, and whether held ones count -> a heap of falls, the greatest first."""
        self._routers: set[str] = set()
        self.lowered: set[str] = set()
        """Floors of which a limit has fallen since they were last seen to."""
        self.moves: dict[Place, tuple[int | None, Move]] = {}
        self.waits: dict[Place, Wait] = {
            row.place: Wait.FROZEN for row in rows if row.frozen and row.in_force_bps != row.target_bps
        }

    def fall_to_fit(self) -> None:
        exceeded = {key for key, left in self._left.items() if left < 0}
        if exceeded:
            falls = [row for row in self._open if _fall(row) > 0 and not exceeded.isdisjoint(row.crosses)]
            for row in sorted(falls, key=lambda row: (-_fall(row), row.place)):
                if any(self._left[key] < 0 for key in row.crosses):
                    self._move(row, row.target_bps, Move.CAPACITY)

    def rise_to_floors(self, floors: Mapping[str, int], among: Collection[str]) -> None:
        rises = [row for row in self._open if row.owed_to and self._lacks(row) > 0]
        short = self._short({key for row in rises for key in row.owed_to if key in among}, floors)
        for row in sorted(rises, key=lambda row: (-self._lacks(row), row.place)) if short else ():
            if any(short.get(key, 0) > 0 for key in row.owed_to):
                before = self._now(row) or 0
                self._raise(row, row.target_bps or 0, Move.FLOOR, held_too=True)
                gained = (self._now(row) or 0) - before
                for key in row.owed_to:
                    if key in short:
                        short[key] -= gained

    def _short(self, keys: set[str], floors: Mapping[str, int]) -> dict[str, int]:
        """How much less than the floor is in force, this cycle's moves made."""
        in_force = dict.fromkeys(keys, 0)
        for row in self._rows if keys else ():
            for key in row.owed_to:
                if key in keys:
                    bps = self._now(row) if row.place in self.moves else _meant(row)
                    in_force[key] += _INFINITE if bps is None else bps
        return {key: floors[key] - bps for key, bps in in_force.items() if floors[key] > bps}

    def approach(self) -> None:
        due = []
        for row in self._open:
            if row.place not in self.moves:
                wait = self._wait(row)
                if wait is None:
                    due.append(row)
                else:
                    self.waits[row.place] = wait
        for row in sorted(due, key=lambda row: (-_off(row), row.place)):
            if row.place not in self.moves:
                self._approach(row)

    def _wait(self, row: Row) -> Wait | None:
        before, target = row.in_force_bps, row.target_bps
        if before is None or target is None:
            return None
        if not self._beyond(before, target):
            return Wait.DEADBAND
        return Wait.HOLD if self._held(row) else None

    def _approach(self, row: Row) -> None:
        before, target, step = row.in_force_bps, row.target_bps, self._settings.step
        if before is None or target is None:
            self._move(row, target, Move.TARGET)
        elif target < before:
            least = -(-before // step)
            self._move(row, max(target, least), Move.TARGET if target >= least else Move.STEP)
        else:
            self._raise(row, min(target, before * step), Move.TARGET if target <= before * step else Move.STEP)

    def _beyond(self, before: int, bps: int) -> bool:
        return abs(bps - before) * 1000 > self._settings.deadband_permille * before

    def _held(self, row: Row) -> bool:
        """Whether it went the other way less than `hold_ns` ago; a clock that went back holds nothing for longer."""
        if row.altered_ns is None or row.rose == (_rise(row) > 0):
            return False
        return 0 <= self._now_ns - row.altered_ns < self._settings.hold_ns

    def _now(self, row: Row) -> int | None:
        """This cycle's move made."""
        return self.moves[row.place][0] if row.place in self.moves else row.in_force_bps

    def _lacks(self, row: Row) -> int:
        now = self._now(row)
        return 0 if now is None or row.target_bps is None else row.target_bps - now

    def _raise(self, row: Row, goal: int, why: Move, *, held_too: bool = False) -> None:
        """To `goal`, or as far as there is room."""
        before = self._now(row) or 0
        if not self._allowed(row):
            return
        enough = goal if why is Move.FLOOR else self._enough(before, goal)
        for key in row.crosses:
            if self._left[key] < goal - before:
                self._make_room(key, goal - before, enough - before, held_too)
        room = min([self._left[key] for key in row.crosses], default=_INFINITE)
        bps = min(goal, before + room)
        if bps > before and (why is Move.FLOOR or self._beyond(before, bps)):
            self._move(row, bps, why if bps == goal else Move.PART)
        elif row.place not in self.moves:
            self.waits[row.place] = Wait.NO_ROOM

    def _enough(self, before: int, goal: int) -> int:
        """The least that is a rise beyond the deadband, and leaves the goal within it."""
        deadband = self._settings.deadband_permille
        return min(goal, max(-(-goal * 1000 // (1000 + deadband)), before * (1000 + deadband) // 1000 + 1))

    def _make_room(self, key: str, amount: int, enough: int, held_too: bool) -> None:
        """Falls that would be due but for the deadband (`held_too`: or went up not long ago), the greatest first.

        Those within the deadband only until there is `enough`.
        """
        falls = self._rooms.get((key, held_too))
        if falls is None:
            falls = self._rooms[key, held_too] = [
                (-_fall(row), row.place, row)
                for row in self._open
                if _fall(row) > 0 and key in row.crosses and (held_too or not self._held(row))
            ]
            heapify(falls)
        while falls and self._left[key] < amount:
            _, place, row = falls[0]
            if self._left[key] >= enough and not self._beyond(row.in_force_bps or 0, row.target_bps or 0):
                return
            heappop(falls)
            if place not in self.moves:
                self._move(row, row.target_bps, Move.ROOM)

    def _allowed(self, row: Row) -> bool:
        settings = self._settings
        if row.place in self.moves:
            return True
        if len(self.moves) < settings.changes and (
            row.router in self._routers or len(self._routers) < settings.routers
        ):
            return True
        self.waits[row.place] = Wait.PACED
        return False

    def _move(self, row: Row, bps: int | None, why: Move) -> None:
        if not self._allowed(row):
            return
        freed = (self._now(row) if row.place in self.moves else _counted(row)) or 0
        freed -= bps or 0
        self._routers.add(row.router)
        self.moves[row.place] = bps, why
        self.waits.pop(row.place, None)
        if freed > 0:
            self.lowered.update(row.owed_to)
        for key in row.crosses:
            self._left[key] += freed


def _left(rows: Iterable[Row], capacities: Mapping[str, int]) -> dict[str, int]:
    used: dict[tuple[str, ...], int] = {}
    for row in rows:
        used[row.crosses] = used.get(row.crosses, 0) + _counted(row)
    left = dict(capacities)
    for crosses, bps in used.items():
        for key in crosses:
            left[key] -= bps
    return left


def _counted(row: Row) -> int:
    """What of the capacities is taken by it as it is."""
    return (row.target_bps or 0) if row.in_force_bps is None else row.in_force_bps


def _meant(row: Row) -> int | None:
    """What is in force; what should be, where there is no limit yet, or a router's rounding is all that differs."""
    if row.frozen:
        return row.in_force_bps
    if row.in_force_bps is None or row.target_bps is None:
        return row.target_bps
    off = abs(row.in_force_bps - row.target_bps)
    return row.target_bps if off * 1000 <= row.in_force_bps * _ROUNDED_PERMILLE else row.in_force_bps


def _fall(row: Row) -> int:
    return 0 if row.in_force_bps is None or row.target_bps is None else row.in_force_bps - row.target_bps


def _rise(row: Row) -> int:
    return -_fall(row)


def _off(row: Row) -> int:
    """By how much, in thousandths of the lesser; a limit that is not there, or should not be, is farthest off."""
    if row.in_force_bps is None or row.target_bps is None:
        return _INFINITE
    return abs(row.in_force_bps - row.target_bps) * 1000 // max(1, min(row.in_force_bps, row.target_bps))
