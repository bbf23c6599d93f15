"""Days gone through in strides, with what limits cut off fed back, held to judging every cell of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core import directing, quota
from netmon.core.foregone import Foregone, cell_bytes
from netmon.core.ladder import Claim, LadderStep, QuotaPolicy, QuotaUsage
from netmon.core.measurement import Gap
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Faces, RuleRef, Verdict
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, period_containing
from netmon.core.replay import Counting, Staleness
from netmon.daemon.lines import Lines
from netmon.daemon.ramps import Bases
from netmon.daemon.replaying import Case, Replaying, applied
from netmon.store.cells import Track
from netmon.store.spans import Series

DOWN = Direction.DOWNLOAD
ZONE = "Asia/Jakarta"
FIRST = period_containing(PeriodRule(PeriodKind.DAY), 1_795_000_000 * NANOSECONDS, ZONE).start_ns // GRID_NS
STALENESS = Staleness(600 * NANOSECONDS)
MAIN = Circuit("main", "dinkes", "r1", "ether1", Faces.AGENCY)
MB = 10**6
RULE = RuleRef("q.yaml", 1)


def policy(name: str, period: PeriodRule, volume: int, *steps: tuple[int, int | None]) -> QuotaPolicy:
    ladder = tuple(LadderStep(at, bps, RULE) for at, bps in steps)
    return QuotaPolicy(name, (DOWN,), period, volume, ladder, 20, RULE)


POLICIES = {
    "day": policy("day", PeriodRule(PeriodKind.DAY), 3000 * MB, (800, None), (1000, 3 * MB), (1500, MB)),
    "hours": policy(
        "hours", PeriodRule(PeriodKind.FIXED, length_ns=7200 * NANOSECONDS), 900 * MB, (1000, 2 * MB), (1200, MB // 2)
    ),
}


@dataclass(frozen=True, slots=True)
class OnePort:
    """A past of one port, whose readings are at the very edges; those that are missing were never made."""

    read_ns: Sequence[int]
    totals: Sequence[int]

    def tracks(self, router: str, positions: Iterable[int], from_cell: int, to_cell: int) -> list[Track]:
        coming = [bisect_left(self.read_ns, cell * GRID_NS) for cell in range(from_cell, to_cell + 1)]
        totals = [(total,) for total in self.totals]
        return [Track((0,), from_cell, self.read_ns, (totals, totals), coming)]

    def places(self, routers: Sequence[str]) -> dict[tuple[str, str], int]:
        return {("r1", "ether1"): 0}

    def gaps_of(self, routers: Sequence[str], from_ns: int, to_ns: int) -> dict[Series, list[Gap]]:
        return {}


def in_strides(past: OnePort, cells: int) -> tuple[list[tuple[int, int | None]], int]:
    agency = Agency("dinkes", "Dinkes", ZONE, quotas=tuple(POLICIES))
    span = range(FIRST, FIRST + cells)
    cases = [
        Case(agency, way, (MAIN,), applied(POLICIES, agency, way, STALENESS), Foregone(cells), Counting())
        for way in Direction
    ]
    lines = Lines(past, [MAIN], span, STALENESS.stale_after_ns)
    days = list(Replaying(lines, cases, span, STALENESS, Bases({}, {})).days())
    left = sum(octets or 0 for day in days for octets in day.left[0])
    carried = sum(octets or 0 for day in days for octets in day.carried[0])
    assert carried - left == cases[0].foregone.cut_bytes
    return [(turn.cell - FIRST, ceiling(turn.verdict)) for turn in cases[0].turns], cases[0].foregone.cut_bytes


def ceiling(verdict: Verdict | None) -> int | None:
    return None if verdict is None or verdict.limit is None else verdict.limit.ceiling_bps


def every_cell(past: OnePort, cells: int) -> tuple[list[tuple[int, int | None]], int]:
    """The oracle: all is judged at the beginning of each cell, then the cell is cut."""
    track = past.tracks("r1", [0], FIRST, FIRST + cells)[0]
    octets, newest = track.octets(True)[0], track.newest_ns()
    said: dict[str, Verdict] = {}
    counting: Verdict | None = None
    turns: list[tuple[int, int | None, int, str | None]] = []
    cut = 0
    cut_before, reached = dict.fromkeys(POLICIES, 0), dict.fromkeys(POLICIES, 0)
    started: dict[str, int] = {}
    for at in range(cells):
        now_ns = (FIRST + at) * GRID_NS
        for name, of in POLICIES.items():
            period = period_containing(of.period, now_ns, ZONE)
            if started.get(name) != period.start_ns:
                started[name], cut_before[name], reached[name] = period.start_ns, cut, 0
            read = [
                total for ns, total in zip(past.read_ns, past.totals, strict=True) if period.start_ns <= ns <= now_ns
            ]
            used = (read[-1] - read[0] if read else 0) - (cut - cut_before[name])
            reached[name] = used = max(used, reached[name])
            said[name] = quota.judge(
                Claim("dinkes", DOWN, ZONE, of, period),
                QuotaUsage(used, newest[at]),
                said.get(name),
                now_ns,
                clock_trusted=True,
                stale_after_ns=STALENESS.stale_after_ns,
            )
        counting = directing.counting(list(said.values()), (), counting, now_ns)
        turn = (ceiling(counting), counting.step, counting.policy)
        if not turns or turns[-1][1:] != turn:
            turns.append((at, *turn))
        bps, one = ceiling(counting), octets[at]
        cut += max(0, one - cell_bytes(bps)) if bps is not None and one is not None else 0
    return [(at, bps) for at, bps, _, _ in turns], cut


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 5, 40, 120, 400]), st.integers(1, 40)), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=4),
)
def test_strides_say_and_cut_what_judging_every_cell_does(
    rates: list[tuple[int, int]], outages: list[tuple[int, int]]
) -> None:
    grown = [megabytes * MB for megabytes, count in rates for _ in range(count)]
    missing = {at for first, count in outages for at in range(first, first + count)}
    edges = [at for at in range(len(grown) + 1) if at not in missing]
    past = OnePort([(FIRST + at) * GRID_NS for at in edges], [sum(grown[:at]) for at in edges])
    assert in_strides(past, len(grown)) == every_cell(past, len(grown))
