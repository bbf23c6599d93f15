"""The ledger's history gone through once more, a day at a time: what each agency used, and what limits would have left.

Memory is bounded by a day of everybody's cells, and a few sums for each cell of the time that is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from netmon.core.foregone import Foregone, cell_bytes
from netmon.core.ladder import Claim, QuotaPolicy
from netmon.core.model import Agency, Circuit, Direction
from netmon.core.periods import GRID_NS, period_containing
from netmon.core.replay import Counting, Freshness, PolicyReplay, Staleness, Stretch, Turn
from netmon.core.supply import Entitlement
from netmon.daemon.lines import Line, Lines, Octets, freshest, summed
from netmon.daemon.ramps import Bases, Cut, Ours, Ramp

DAY_CELLS = 288


@dataclass(slots=True)
class Applied:
    """One policy on one agency and direction."""

    policy: QuotaPolicy
    replay: PolicyReplay
    ramp: Ramp


@dataclass(slots=True)
class Case:
    """One agency in one direction."""

    agency: Agency
    direction: Direction
    circuits: tuple[Circuit, ...]
    applied: tuple[Applied, ...]
    foregone: Foregone
    counting: Counting
    entitlements: tuple[Entitlement, ...] = ()
    in_force: Sequence[tuple[int, int]] = ()
    """Cells in which a limit really was, from and to, ascending."""
    turns: list[Turn] = field(default_factory=list)
    """Where another limit, step or policy begins to count."""

    def floor_bps(self, now_ns: int) -> int:
        """Guaranteed then, of all pools together."""
        return sum(one.floor.of(self.direction) for one in self.entitlements if one.in_force(now_ns))


@dataclass(frozen=True, slots=True)
class Day:
    """By case: its cells as they were, and as its limits would have left them; empty where it was never seen."""

    first_cell: int
    carried: Sequence[Octets]
    left: Sequence[Octets]
    lines: Mapping[str, Line]
    """By circuit."""


def applied(
    policies: Mapping[str, QuotaPolicy], agency: Agency, direction: Direction, staleness: Staleness
) -> tuple[Applied, ...]:
    """The agency's policies that limit a direction."""
    found = (policies[name] for name in agency.quotas)
    return tuple(Applied(one, PolicyReplay(staleness), Ramp(one)) for one in found if direction in one.counts)


class Replaying:
    """All cases over the cells from..to, without the last. `bases`: of the periods that began before."""

    def __init__(self, lines: Lines, cases: Sequence[Case], cells: range, staleness: Staleness, bases: Bases) -> None:
        self._lines, self._cases, self._cells = lines, cases, cells
        self._staleness, self._bases = staleness, bases

    def days(self) -> Iterator[Day]:
        """Each day once, in order. Raises StoreError."""
        for first in range(self._cells.start, self._cells.stop, DAY_CELLS):
            lines = self._lines.over(first, min(first + DAY_CELLS, self._cells.stop))
            cut = {(case.agency.id, case.direction): case.foregone.cut_bytes for case in self._cases}
            carried: list[Octets] = []
            left: list[Octets] = []
            for case in self._cases:
                ours = [(circuit, lines[circuit.id]) for circuit in case.circuits if circuit.id in lines]
                octets = summed([line.way(circuit, case.direction) for circuit, line in ours])
                carried.append(octets)
                before = {way: cut[case.agency.id, way] for way in Direction}
                left.append(self._judged(_Today(case, first, ours, octets, before)) if ours else octets)
            yield Day(first, carried, left, lines)

    def _judged(self, today: _Today) -> Octets:
        """What limits would have left of a day."""
        case, octets = today.case, today.octets
        case.foregone.carried(octets)
        for low, high in case.in_force:
            part = octets[max(0, low - today.first) : max(0, high - today.first)]
            case.foregone.censored += len(part) - part.count(None)
        if not case.applied:
            return octets
        fresh = freshest([line.freshness for _, line in today.ours], self._staleness.stale_after_ns)
        left: list[int | None] = []
        at, whole = 0, True
        while at < len(octets):
            stretches = self._stretches(today, fresh, at)
            end = at + self._stride(case, stretches)
            limit = self._most_bps(case, today.first + at)
            part = octets[at:end]
            if limit is not None:
                part, whole = case.foregone.under(today.first + at - self._cells.start, part, *limit), False
            left += part
            for one, stretch in zip(case.applied, stretches, strict=True):
                one.ramp.reach(stretch.used[end - at - 1])
            at = end
        return octets if whole else left

    def _stretches(self, today: _Today, fresh: Freshness, at: int) -> list[Stretch]:
        """Of each policy, up to the day's end or that of any policy's period."""
        case, cell = today.case, today.first + at
        cut = {**today.cut_before, case.direction: case.foregone.cut_bytes}
        for one in case.applied:
            period = one.ramp.period
            if period is None or cell * GRID_NS >= period.end_ns:
                period = period_containing(one.policy.period, cell * GRID_NS, case.agency.timezone)
                one.ramp.roll(period, today.ours, cell, self._bases, cut)
        ends = [one.ramp.period.end_ns // GRID_NS for one in case.applied if one.ramp.period is not None]
        cells = range(cell, min([today.first + len(today.octets), *ends]))
        cuts = self._cuts(case, today.octets[at : at + len(cells)], cell)
        return [
            Stretch(
                Claim(case.agency.id, case.direction, case.agency.timezone, one.policy, one.ramp.period),
                fresh,
                at,
                one.ramp.left(today.ours, cells, cut, cuts),
                one.ramp.carried,
            )
            for one in case.applied
            if one.ramp.period is not None
        ]

    def _stride(self, case: Case, stretches: Sequence[Stretch]) -> int:
        """How many cells there are up to the next at which anything may be said; or one that is judged."""
        cell = stretches[0].first_cell
        calm = [one.replay.calm(stretch, 0) for one, stretch in zip(case.applied, stretches, strict=True)]
        until = case.counting.calm(cell, cell + min(calm)) - cell
        if until > 0:
            for one, stretch in zip(case.applied, stretches, strict=True):
                one.replay.pass_over(stretch, until)
            return until
        turns: list[Turn] = []
        for one, stretch, at in zip(case.applied, stretches, calm, strict=True):
            if at == 0:
                turns += one.replay.judge(stretch, 0)
            else:
                one.replay.pass_over(stretch, 1)
        for turn in case.counting.over(turns, cell, cell + 1):
            _note(case.turns, turn)
        return 1

    def _most_bps(self, case: Case, cell: int) -> tuple[int, int] | None:
        """The limit that counts, never below the floor unless it may be; and the floor. None: there is no limit."""
        verdict = case.counting.verdict
        if verdict is None or verdict.limit is None:
            return None
        bps, floor_bps = verdict.limit.ceiling_bps, case.floor_bps(cell * GRID_NS)
        return (bps if verdict.may_breach_floor else max(bps, floor_bps)), floor_bps

    def _cuts(self, case: Case, octets: Octets, cell: int) -> Sequence[int]:
        """What the limit that counts would have cut off by the beginning of each cell; empty where there is none."""
        limit = self._most_bps(case, cell)
        if limit is None:
            return ()
        most = cell_bytes(limit[0])
        return list(accumulate((max(0, (one or 0) - most) for one in octets), initial=0))


@dataclass(frozen=True, slots=True)
class _Today:
    """One case over a day."""

    case: Case
    first: int
    """Its first cell."""
    ours: Ours
    octets: Octets
    cut_before: Cut
    """By then, of both directions."""


def _note(turns: list[Turn], turn: Turn) -> None:
    last, verdict = turns[-1].verdict if turns else None, turn.verdict
    if last is None or (last.limit, last.step, last.policy) != (verdict.limit, verdict.step, verdict.policy):
        turns.append(turn)
