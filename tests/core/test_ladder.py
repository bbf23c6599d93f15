"""Policies in full: sums, percentiles, what is carried over, steps that hold or restore, breaches of floors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.ladder import (
    Claim,
    LadderStep,
    QuotaPolicy,
    QuotaUsage,
    carried_over,
    meaning,
    verdict,
)
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Direction, RuleRef, TrafficClass, Verdict, VerdictReason
from netmon.core.periods import Period, PeriodKind, PeriodRule
from netmon.core.quota import judge
from netmon.core.windows import Holidays, Window

R = VerdictReason
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
RULE = RuleRef("q.yaml", 1)
PERIOD = Period(1000 * S, 2000 * S, "one")
NOTIFY, SLOW, HOLD = LadderStep(800, None, RULE), LadderStep(1000, 5, RULE), LadderStep(1200, None, RULE, hold=True)
RESTORE = LadderStep(1500, None, replace(RULE, line=9), restore=True)
PLAIN = QuotaPolicy("p", (DOWN,), PeriodRule(PeriodKind.FIXED, length_ns=1000 * S), 1000, (NOTIFY, SLOW), 50, RULE)


def says(policy: QuotaPolicy, proven: int, previous: Verdict | None = None, carried: int = 0) -> Verdict:
    claim = Claim("dinkes", policy.counts[0], "Asia/Jakarta", policy, PERIOD)
    used = QuotaUsage(proven, 1500 * S, carried)
    return judge(claim, used, previous, 1500 * S, clock_trusted=True, stale_after_ns=300 * S)


def brief(of: Verdict) -> tuple[int, VerdictReason, int | None]:
    return of.step, of.reason, None if of.limit is None else of.limit.ceiling_bps


HOLDING = replace(PLAIN, ladder=(NOTIFY, SLOW, HOLD))


@pytest.mark.parametrize(
    ("reached", "corrected", "expected"),
    [
        (1200, 1199, (3, R.HELD_TO_PERIOD_END, 5)),
        (1200, 0, (3, R.HELD_TO_PERIOD_END, 5)),
        (1199, 900, (1, R.NEAR_QUOTA, None)),  # not held before its step
        (1300, 1250, (3, R.OVER_QUOTA, 5)),
    ],
)
def test_a_step_that_holds_is_not_left_before_the_period_ends(
    reached: int, corrected: int, expected: tuple[int, VerdictReason, int | None]
) -> None:
    assert brief(says(HOLDING, corrected, says(HOLDING, reached))) == expected


def test_what_is_held_ends_with_the_period_and_with_a_changed_policy() -> None:
    held = says(HOLDING, 0, says(HOLDING, 1200))
    assert held.until_ns == PERIOD.end_ns
    assert brief(says(replace(HOLDING, volume_bytes=2000), 0, held)) == (0, R.RESTORED_POLICY_CHANGED, None)
    later = Claim("dinkes", DOWN, "Asia/Jakarta", HOLDING, Period(2000 * S, 3000 * S, "two"))
    used = QuotaUsage(0, 2100 * S)
    ended = judge(later, used, held, 2100 * S, clock_trusted=True, stale_after_ns=300 * S)
    assert ended.reason is R.RESTORED_NEW_PERIOD


def test_a_step_that_restores_ends_the_limit_and_names_its_line() -> None:
    policy = replace(PLAIN, ladder=(NOTIFY, SLOW, RESTORE, LadderStep(2000, None, RULE)))
    assert brief(says(policy, 1499)) == (2, R.OVER_QUOTA, 5)
    assert brief(says(policy, 1500)) == (3, R.RESTORED_BY_STEP, None)
    assert says(policy, 1500).rule == RESTORE.rule
    assert brief(says(policy, 2000)) == (4, R.RESTORED_BY_STEP, None), "a later notice slows nobody again"
    assert brief(says(policy, 1460, says(policy, 1500))) == (3, R.HELD_BY_HYSTERESIS, None)


def test_a_sum_is_judged_alike_in_each_direction() -> None:
    both = replace(PLAIN, counts=(DOWN, UP))
    down, up = (
        verdict(Claim("dinkes", way, "Asia/Jakarta", both, PERIOD), QuotaUsage(1000, 0), 2) for way in both.counts
    )
    assert (down.direction, up.direction) == (DOWN, UP)
    assert replace(up, direction=DOWN) == down
    assert down.evidence["directions"] == 2
    assert brief(says(PLAIN, 1000, down))[1] is R.OVER_QUOTA


def test_another_rate_is_another_policy_and_no_hysteresis_holds_its_step() -> None:
    faster = replace(PLAIN, ladder=(NOTIFY, replace(SLOW, slow_to_bps=9)))
    assert brief(says(faster, 960, says(PLAIN, 1000))) == (1, R.RESTORED_POLICY_CHANGED, None)


def test_a_policy_that_came_to_count_the_sum_is_another_policy() -> None:
    both = replace(PLAIN, counts=(DOWN, UP))
    assert brief(says(both, 960, says(PLAIN, 1000))) == (1, R.RESTORED_POLICY_CHANGED, None)


@pytest.mark.parametrize(
    ("proven_before", "carried"), [(0, 200), (700, 200), (800, 200), (801, 199), (1000, 0), (5000, 0)]
)
def test_what_was_not_provably_used_is_carried_over_up_to_the_share(proven_before: int, carried: int) -> None:
    assert carried_over(replace(PLAIN, rollover_permille=200), proven_before) == carried
    assert carried_over(PLAIN, proven_before) == 0


def test_every_threshold_is_of_the_volume_and_what_was_carried_over() -> None:
    policy = replace(PLAIN, rollover_permille=200)
    assert brief(says(policy, 1199, carried=200)) == (1, R.NEAR_QUOTA, None)
    over = says(policy, 1200, carried=200)
    assert brief(over) == (2, R.OVER_QUOTA, 5)
    assert (over.evidence["quota_bytes"], over.evidence["carried_bytes"]) == (1200, 200)
    assert brief(says(policy, 1200, over, carried=190)) == (2, R.OVER_QUOTA, 5), "late readings change no policy"
    assert brief(says(policy, 1180, over, carried=200)) == (2, R.HELD_BY_HYSTERESIS, 5)


def test_a_percentile_is_held_against_a_rate_and_said_so() -> None:
    policy = replace(PLAIN, volume_bytes=None, p95_bps=100)
    over = says(policy, 100)
    assert brief(over) == (2, R.OVER_QUOTA, 5)
    assert over.evidence == {"proven_bps": 100, "quota_bps": 100, "threshold_bps": 100}
    assert brief(says(PLAIN, 100, over)) == (0, R.RESTORED_POLICY_CHANGED, None)


def test_a_limit_may_breach_a_floor_only_where_its_step_says_so() -> None:
    breaching = replace(SLOW, at_permille=1300, slow_to_bps=2, may_breach_floor=True, legal_basis="Pergub 12")
    policy = replace(PLAIN, ladder=(SLOW, breaching, LadderStep(1400, None, RULE)))
    assert [says(policy, proven).may_breach_floor for proven in (0, 1000, 1300, 1400)] == [False, False, True, True]


def test_lines_and_holidays_alter_no_meaning() -> None:
    timed = replace(PLAIN, when=(Window(holidays=Holidays.EXCLUDE, calendar=(20260817,)),))
    moved = replace(timed, rule=RuleRef("other.yaml", 7), ladder=(NOTIFY, replace(SLOW, rule=RuleRef("o.yaml", 2))))
    assert meaning(moved) == meaning(timed)
    more = replace(timed, when=(replace(timed.when[0], calendar=(20260817, 20261225)),))
    assert meaning(more) == meaning(timed)


def test_whatever_is_asked_otherwise_is_another_meaning() -> None:
    others = [
        replace(PLAIN, counts=(UP,)),
        replace(PLAIN, period=PeriodRule(PeriodKind.DAY)),
        replace(PLAIN, volume_bytes=1001),
        replace(PLAIN, volume_bytes=None, p95_bps=1000),
        replace(PLAIN, rollover_permille=1),
        replace(PLAIN, traffic_class=TrafficClass.DOMESTIC),
        replace(PLAIN, ladder=(NOTIFY, replace(SLOW, slow_to_bps=6))),
        replace(PLAIN, ladder=(NOTIFY, replace(SLOW, at_permille=1001))),
        replace(PLAIN, ladder=(NOTIFY, replace(SLOW, may_breach_floor=True))),
        replace(PLAIN, ladder=(NOTIFY, SLOW, HOLD)),
        replace(PLAIN, ladder=(NOTIFY, SLOW, replace(HOLD, hold=False, restore=True))),
        replace(PLAIN, when=(Window(from_minute=1),)),
    ]
    assert len({meaning(policy) for policy in (PLAIN, *others)}) == len(others) + 1


@given(st.integers(1, 10**6), st.integers(0, 1000), st.integers(0, 2 * 10**6), st.integers(0, 10**5))
def test_knowing_less_of_the_period_before_never_carries_over_less(
    volume: int, permille: int, proven: int, unproven: int
) -> None:
    policy = replace(PLAIN, volume_bytes=volume, rollover_permille=permille)
    most = carried_over(policy, max(0, proven - unproven))
    assert carried_over(policy, proven) <= most <= volume * permille // 1000
