"""Replaying in strides, held to judging every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from netmon.core import quota
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.ladder import Claim, LadderStep, QuotaPolicy
from netmon.core.model import NANOSECONDS, Direction, RateLimit, RuleRef, Verdict, VerdictReason
from netmon.core.periods import GRID_NS, Period, PeriodKind, PeriodRule
from netmon.core.replay import Counting, Freshness, PolicyReplay, Staleness, Stretch, Turn
from netmon.core.supply import Rates
from netmon.core.windows import Window

DOWN = Direction.DOWNLOAD
ZONE = "Asia/Makassar"
FIRST = 1_795_000_200_000_000_000 // GRID_NS
STALENESS = Staleness(300 * NANOSECONDS, 3600 * NANOSECONDS)
MBPS = 1_000_000
POLICY = QuotaPolicy(
    name="daily",
    counts=(DOWN,),
    period=PeriodRule(PeriodKind.DAY),
    volume_bytes=1000,
    ladder=(
        LadderStep(500, None, RuleRef("q.yaml", 4)),
        LadderStep(800, 5 * MBPS, RuleRef("q.yaml", 5)),
        LadderStep(1000, 2 * MBPS, RuleRef("q.yaml", 6), hold=True),
    ),
    hysteresis_permille=20,
    rule=RuleRef("q.yaml", 1),
)
OFFICE_HOURS = Window(days=(1, 2, 3, 4, 5, 6, 7), from_minute=8 * 60, to_minute=9 * 60)


def period(number: int, cells: int) -> Period:
    start_ns = (FIRST + number * cells) * GRID_NS
    return Period(start_ns, start_ns + cells * GRID_NS, str(number))


def stretches(policy: QuotaPolicy, cells: int, grown: Sequence[int], lags: Sequence[int], cut: int) -> list[Stretch]:
    """Periods of `cells` cells, one after the other, each in two stretches; `lags`: how old the readings are."""
    found = []
    for number in range(len(grown) // cells):
        claim = Claim("dinkes", DOWN, ZONE, policy, period(number, cells))
        used = [sum(grown[number * cells : number * cells + at]) for at in range(cells)]
        first = FIRST + number * cells
        newest = [(first + at) * GRID_NS - lags[number * cells + at] * NANOSECONDS for at in range(cells)]
        fresh = Freshness.of(first, newest, newest, STALENESS.stale_after_ns)
        found += [Stretch(claim, fresh, low, used[low:high]) for low, high in ((0, cut), (cut, cells))]
    return found


def every_cell(policy: QuotaPolicy, of: Sequence[Stretch]) -> list[Turn]:
    """The oracle: judged at the beginning of every cell."""
    turns: list[Turn] = []
    previous: Verdict | None = None
    for stretch in of:
        for at in range(len(stretch.used)):
            verdict = quota.judge(
                replace(stretch.claim, policy=policy),
                stretch.usage(at),
                previous,
                stretch.now_ns(at),
                clock_trusted=True,
                stale_after_ns=STALENESS.stale_after_ns,
                ease_stale_after_ns=STALENESS.ease_stale_after_ns,
            )
            if previous is None or essence(previous) != essence(verdict):
                turns.append(Turn(stretch.now_ns(at) // GRID_NS, verdict))
            previous = verdict
    return turns


def essence(verdict: Verdict) -> tuple[object, ...]:
    return verdict.reason, verdict.step, verdict.limit, verdict.period_start_ns


def in_strides(of: Sequence[Stretch]) -> list[Turn]:
    replay = PolicyReplay(STALENESS)
    return [turn for stretch in of for turn in replay.over(stretch)]


@st.composite
def pasts(draw: st.DrawFn) -> tuple[QuotaPolicy, list[Stretch]]:
    cells = draw(st.integers(2, 30))
    count = cells * draw(st.integers(1, 3))
    grown = draw(st.lists(st.sampled_from([0, 0, 7, 60, 250, 1200]), min_size=count, max_size=count))
    outage = st.sampled_from([[60] * 5, [60] * 9, [301] * 2, [3700] * 3])
    lags = [lag for run in draw(st.lists(outage, min_size=count // 2, max_size=count)) for lag in run]
    policy = replace(
        POLICY,
        when=draw(
            st.sampled_from([(), (), (OFFICE_HOURS,), (replace(OFFICE_HOURS, from_minute=10 * 60, to_minute=0),)])
        ),
        grace_ns=draw(st.sampled_from([0, 0, 40 * 60 * NANOSECONDS])),
        ladder=POLICY.ladder if draw(st.booleans()) else POLICY.ladder[:2],
    )
    return policy, stretches(policy, cells, grown, (lags + [60] * count)[:count], draw(st.integers(0, cells)))


@given(pasts())
def test_strides_say_at_every_cell_what_judging_it_says(past: tuple[QuotaPolicy, list[Stretch]]) -> None:
    policy, of = past
    assert in_strides(of) == every_cell(policy, of)


def test_a_quiet_month_is_judged_a_handful_of_times() -> None:
    of = stretches(POLICY, 288, [3] * 288 * 7, [60] * 288 * 7, 100)
    judged = []
    original, quota.judge = quota.judge, lambda *args, **more: judged.append(1) or original(*args, **more)  # type: ignore[func-returns-value]
    try:
        turns = in_strides(of)
    finally:
        quota.judge = original
    assert [turn.verdict.step for turn in turns[:3]] == [0, 1, 2]
    assert len(judged) <= 7 * 5


def limited(policy: str, bps: int | None) -> Verdict:
    return Verdict(
        agency="dinkes",
        direction=DOWN,
        limit=None if bps is None else RateLimit(bps),
        reason=VerdictReason.OVER_QUOTA if bps else VerdictReason.WITHIN_QUOTA,
        policy=policy,
        rule=None,
        step=1 if bps else 0,
        period_start_ns=FIRST * GRID_NS,
        until_ns=None,
    )


def test_of_several_policies_the_strictest_counts_from_the_cell_at_which_it_does() -> None:
    turns = [
        Turn(FIRST, limited("month", None)),
        Turn(FIRST, limited("week", None)),
        Turn(FIRST + 5, limited("month", 8 * MBPS)),
        Turn(FIRST + 7, limited("week", 2 * MBPS)),
        Turn(FIRST + 9, limited("week", None)),
    ]
    said = [
        (turn.cell - FIRST, turn.verdict.policy, turn.verdict.limit)
        for turn in Counting().over(turns, FIRST, FIRST + 20)
    ]
    assert said == [
        (0, "month", None),
        (5, "month", RateLimit(8 * MBPS)),
        (7, "week", RateLimit(2 * MBPS)),
        (9, "month", RateLimit(8 * MBPS)),
    ]


def test_a_boost_of_that_time_still_holds_and_ends_at_its_cell() -> None:
    boost = Directive(
        id="d-1",
        kind=DirectiveKind.BOOST,
        subject="dinkes",
        reason="a flood",
        by="op",
        at_ns=(FIRST + 4) * GRID_NS,
        until_ns=(FIRST + 8) * GRID_NS,
        rates=Rates(20 * MBPS, 20 * MBPS),
    )
    turns = [Turn(FIRST, limited("month", 2 * MBPS))]
    said = [
        (turn.cell - FIRST, None if turn.verdict.limit is None else turn.verdict.limit.ceiling_bps)
        for turn in Counting([boost]).over(turns, FIRST, FIRST + 20)
    ]
    assert said == [(0, 2 * MBPS), (4, 20 * MBPS), (8, 2 * MBPS)]


def test_staleness_is_told_run_by_run() -> None:
    newest = [FIRST * GRID_NS, FIRST * GRID_NS, FIRST * GRID_NS, None, (FIRST + 4) * GRID_NS]
    fresh = Freshness.of(FIRST, newest, newest, 300 * NANOSECONDS)
    assert [fresh.run(at, 5) for at in range(5)] == [(False, 2), (False, 2), (True, 4), (True, 4), (False, 5)]
