"""What policies would have said of the past: as if judged at the beginning of every 300 s cell, but in strides.

`quota.quiet` says within what usage and until when judging again would only repeat a verdict, so the next cell that
matters is found by halving. A property test holds the strides equal to judging every cell.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netmon.core import directing, quota
from netmon.core.directives import Directive
from netmon.core.ladder import Claim, QuotaUsage
from netmon.core.model import Verdict
from netmon.core.periods import GRID_NS
from netmon.core.quota import Quiet


@dataclass(frozen=True, slots=True)
class Turn:
    """A verdict that says something else than the one before it."""

    cell: int
    """From whose beginning on."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Staleness:
    """How long usage may go without a reading: as `quota.judge` has it."""

    stale_after_ns: int
    ease_stale_after_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new readings were, over consecutive cells of the grid, each at its beginning."""

    first_cell: int
    newest_ns: Sequence[int | None]
    """When the circuit read longest ago was read; None: never."""
    latest_ns: Sequence[int | None]
    """When any circuit was: the same object where there is but one."""
    stale: Sequence[int]
    """Cells, counted from the first, at which the newest was too old; ascending."""

    @classmethod
    def of(
        cls, first_cell: int, newest_ns: Sequence[int | None], latest_ns: Sequence[int | None], stale_after_ns: int
    ) -> Freshness:
        oldest_ns = first_cell * GRID_NS - stale_after_ns
        stale = [at for at, ns in enumerate(newest_ns) if ns is None or ns < oldest_ns + at * GRID_NS]
        return cls(first_cell, newest_ns, latest_ns, stale)

    def run(self, at: int, end: int) -> tuple[bool, int]:
        """Whether it is stale at a cell, and up to which cell that stays so, at most `end`."""
        place = bisect_left(self.stale, at)
        if place == len(self.stale) or self.stale[place] != at:
            return False, min(end, self.stale[place]) if place < len(self.stale) else end
        while place < len(self.stale) and self.stale[place] == at < end:
            place, at = place + 1, at + 1
        return True, at


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive cells inside one period, and what was proven in it at the beginning of each."""

    claim: Claim
    freshness: Freshness
    start: int
    """Its first cell, counted from that of `freshness`."""
    used: Sequence[int]
    """Bytes, or of a percentile bit/s; it never falls."""
    carried: int = 0
    """Bytes carried over into the period."""

    @property
    def first_cell(self) -> int:
        return self.freshness.first_cell + self.start

    def now_ns(self, at: int) -> int:
        return (self.first_cell + at) * GRID_NS

    def usage(self, at: int) -> QuotaUsage:
        cell = self.start + at
        return QuotaUsage(self.used[at], self.freshness.newest_ns[cell], self.carried, self.freshness.latest_ns[cell])


class PolicyReplay:
    """One policy on one agency and direction, cell after cell; nothing stood before the first."""

    def __init__(self, staleness: Staleness) -> None:
        self._staleness = staleness
        self.verdict: Verdict | None = None
        """Of the last cell, with its numbers."""
        self._quiet: Quiet | None = None
        self._frozen_before = 0
        """The cell before which a stale verdict only repeats itself, as far as that is known."""
        self._period_start_ns: int | None = None

    def over(self, stretch: Stretch) -> Iterator[Turn]:
        """Cells that follow those before them, in strides."""
        at, end = 0, len(stretch.used)
        while at < end:
            calm = self.calm(stretch, at)
            if calm > at:
                self.pass_over(stretch, calm)
                at = calm
            else:
                yield from self.judge(stretch, at)
                at += 1

    def calm(self, stretch: Stretch, at: int) -> int:
        """The first cell from `at` on that has to be judged; all before it were judged or passed over."""
        if stretch.claim.period.start_ns != self._period_start_ns:
            return at
        offset, end = stretch.start, len(stretch.used)
        stale, until = stretch.freshness.run(offset + at, offset + end)
        until -= offset
        if stale:
            return max(at, min(until, self._frozen_before - stretch.first_cell))
        calm, used = self._quiet, stretch.used
        if calm is None or used[at] < calm.low:
            return at
        if calm.until_ns is not None:
            until = max(at, min(until, at - (stretch.now_ns(at) - calm.until_ns) // GRID_NS))
        return bisect_left(used, calm.below, at, until)

    def pass_over(self, stretch: Stretch, end: int) -> None:
        """Up to a cell that `calm` allows: nothing is said but the newest number."""
        if self._quiet is not None and self.verdict is not None:
            self.verdict = quota.refreshed(self.verdict, stretch.used[end - 1])

    def judge(self, stretch: Stretch, at: int) -> Iterator[Turn]:
        """One cell; a turn where it says something else than the one before."""
        offset, end = stretch.start, len(stretch.used)
        before, verdict = self.verdict, self._said(stretch, at)
        self.verdict, self._period_start_ns = verdict, stretch.claim.period.start_ns
        self._frozen_before, self._quiet = 0, None
        stale, until = stretch.freshness.run(offset + at, offset + end)
        if not stale:
            self._quiet = quota.quiet(stretch.claim, verdict, stretch.now_ns(at))
        elif self._frozen(stretch, until - offset - 1):
            self._frozen_before = stretch.first_cell + until - offset
        if before is None or _essence(before) != _essence(verdict):
            yield Turn(stretch.first_cell + at, verdict)

    def _frozen(self, stretch: Stretch, last: int) -> bool:
        """Nothing is read, so what is said now and again at the last cell is said between them; but a window may open
        there and close, and another circuit of the agency may be read.
        """
        alone = stretch.freshness.latest_ns is stretch.freshness.newest_ns
        return alone and not stretch.claim.policy.when and self._said(stretch, last) == self.verdict

    def _said(self, stretch: Stretch, at: int) -> Verdict:
        return quota.judge(
            stretch.claim,
            stretch.usage(at),
            self.verdict,
            stretch.now_ns(at),
            clock_trusted=True,
            stale_after_ns=self._staleness.stale_after_ns,
            ease_stale_after_ns=self._staleness.ease_stale_after_ns,
        )


class Counting:
    """Of several policies on one agency and direction, and what people decided for a time, the verdict that counts."""

    def __init__(self, directives: Sequence[Directive] = ()) -> None:
        """`directives`: those that concern the agency."""
        self._said: dict[str | None, Verdict] = {}
        self._directives = directives
        instants = [at_ns for one in directives for at_ns in (one.at_ns, one.until_ns, one.ended_ns)]
        self._edges = sorted({-(-at_ns // GRID_NS) for at_ns in instants if at_ns is not None})
        """Cells from which on another directive may hold."""
        self.verdict: Verdict | None = None
        """The last that counted."""

    def calm(self, cell: int, to_cell: int) -> int:
        """The first cell from that one on, up to `to_cell`, at which a directive begins or ends."""
        place = bisect_left(self._edges, cell)
        return min(to_cell, self._edges[place]) if place < len(self._edges) else to_cell

    def over(self, turns: Iterable[Turn], first_cell: int, to_cell: int) -> Iterator[Turn]:
        """The turns of all policies over these cells, in any order, into those of the one that counts."""
        by_cell: dict[int, list[Verdict]] = {}
        for turn in turns:
            by_cell.setdefault(turn.cell, []).append(turn.verdict)
        for cell in self._edges[bisect_left(self._edges, first_cell) : bisect_left(self._edges, to_cell)]:
            by_cell.setdefault(cell, [])
        for cell in sorted(by_cell):
            self._said.update((verdict.policy, verdict) for verdict in by_cell[cell])
            before = self.verdict
            if self._said:
                said = list(self._said.values())
                self.verdict = verdict = directing.counting(said, self._directives, before, cell * GRID_NS)
                if before is None or verdict.policy != before.policy or _essence(verdict) != _essence(before):
                    yield Turn(cell, verdict)


def _essence(verdict: Verdict) -> tuple[object, ...]:
    """What makes a verdict another one; its evidence grows with every reading."""
    return verdict.reason, verdict.step, verdict.limit, verdict.period_start_ns
