"""What people decide for a time: it sets the ladder's limit aside, leaves its memory alone, and always ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.directing import counting, directed, exempted
from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.ladder import Claim, LadderStep, QuotaPolicy, QuotaUsage
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Direction, RuleRef, Verdict, VerdictReason
from netmon.core.periods import Period, PeriodKind, PeriodRule
from netmon.core.quota import ceiling, judge
from netmon.core.supply import Rates

K, R = DirectiveKind, VerdictReason
MBPS = 1_000_000
RULE = RuleRef("q.yaml", 1)
PERIOD = Period(0, 1000 * S, "one")
NOW = 500 * S


def a_policy(name: str, slow_to: int) -> QuotaPolicy:
    ladder = (LadderStep(800, None, RULE), LadderStep(1000, slow_to, RULE, may_breach_floor=slow_to < 5 * MBPS))
    return QuotaPolicy(
        name, (Direction.DOWNLOAD,), PeriodRule(PeriodKind.FIXED, length_ns=1000 * S), 1000, ladder, 50, RULE
    )


SLOW, SLOWER = a_policy("slow", 10 * MBPS), a_policy("slower", 4 * MBPS)


def judged(policy: QuotaPolicy, proven: int = 1000, previous: Verdict | None = None, now_ns: int = NOW) -> Verdict:
    claim = Claim("dinkes", Direction.DOWNLOAD, "Asia/Makassar", policy, PERIOD)
    return judge(claim, QuotaUsage(proven, now_ns), previous, now_ns, clock_trusted=True, stale_after_ns=300 * S)


def given_for(kind: DirectiveKind, lasts_s: int | None = 100, **of: Any) -> Directive:
    until_ns = None if lasts_s is None else NOW + lasts_s * S
    return replace(Directive("d", kind, "dinkes", "why", "who", NOW - S, until_ns), **of)


def says(verdict: Verdict) -> tuple[VerdictReason, float, int | None]:
    return verdict.reason, ceiling(verdict), verdict.until_ns


def counts(verdicts: Sequence[Verdict], *directives: Directive, before: Verdict | None = None) -> Verdict:
    return counting(verdicts, directives, before, NOW)


BOOST = given_for(K.BOOST, rates=Rates(20 * MBPS, 1 * MBPS))
END = NOW + 100 * S
NONE = float("inf")


def test_an_exemption_of_all_policies_leaves_no_limit() -> None:
    assert says(counts([judged(SLOW), judged(SLOWER)], given_for(K.EXEMPTION))) == (R.EXEMPT, NONE, END)


def test_an_exemption_of_one_policy_lets_the_next_strictest_count() -> None:
    verdict = counts([judged(SLOW), judged(SLOWER)], given_for(K.EXEMPTION, policy="slower"))
    assert (verdict.policy, *says(verdict)) == ("slow", R.OVER_QUOTA, 10 * MBPS, PERIOD.end_ns)
    assert not verdict.may_breach_floor


def test_a_boost_is_the_least_that_the_agency_has() -> None:
    assert says(counts([judged(SLOWER)], BOOST)) == (R.BOOSTED, 20 * MBPS, END)
    less = replace(BOOST, rates=Rates(2 * MBPS, 2 * MBPS))
    assert counts([judged(SLOW)], less) == judged(SLOW)
    assert says(counts([judged(SLOW)], less, BOOST)) == (R.BOOSTED, 20 * MBPS, END)
    assert counts([judged(SLOW, 10)], BOOST).reason is R.WITHIN_QUOTA, "without a limit there is nothing to raise"


def test_a_freeze_keeps_what_counted_before_whatever_the_policies_say_now() -> None:
    before, now = judged(SLOW), judged(SLOWER)
    freeze = given_for(K.FREEZE, None)
    frozen = counts([now], freeze, given_for(K.EXEMPTION), BOOST, before=before)
    assert says(frozen) == (R.FROZEN_BY_OPERATOR, 10 * MBPS, None)
    assert says(counts([judged(SLOW, 10)], freeze, before=before)) == (R.FROZEN_BY_OPERATOR, 10 * MBPS, None)
    assert counts([now], freeze).limit is None, "nothing counted before, so nothing is set"
    for_all = replace(freeze, subject=EVERYBODY)
    assert counts([now], for_all, before=before).limit == before.limit


@pytest.mark.parametrize(
    "other",
    [
        replace(BOOST, subject="rsud"),
        replace(BOOST, at_ns=NOW + 1),
        replace(BOOST, until_ns=NOW),
        replace(BOOST, ended_ns=NOW),
        given_for(K.DEGRADATION, subject="dinkes", rates=Rates(1, 1)),
        given_for(K.EXEMPTION, policy="another"),
    ],
)
def test_what_concerns_others_or_another_time_alters_nothing(other: Directive) -> None:
    assert counts([judged(SLOWER)], other) == judged(SLOWER)


def test_a_verdict_ends_with_the_directive_or_with_its_period_whichever_comes_first() -> None:
    long = replace(BOOST, until_ns=PERIOD.end_ns + S)
    assert counts([judged(SLOWER)], long).until_ns == PERIOD.end_ns
    two = replace(BOOST, until_ns=NOW + 200 * S)
    assert counts([judged(SLOWER)], BOOST, two).until_ns == NOW + 200 * S


@pytest.mark.parametrize("kind", [K.BOOST, K.EXEMPTION, K.FREEZE])
def test_what_it_set_aside_is_there_again_though_netmon_was_down_as_it_ended(kind: DirectiveKind) -> None:
    """Only the verdict that counted is remembered across a restart, and it is the directed one."""
    directive = given_for(kind, rates=Rates(20 * MBPS, 20 * MBPS))
    remembered = directed(exempted(judged(SLOWER), [directive], NOW), [directive], None, NOW)
    later = END + 50 * S
    again = judged(SLOWER, 1001, remembered, later)
    assert says(counting([again], [directive], remembered, later)) == (R.OVER_QUOTA, 4 * MBPS, PERIOD.end_ns)
    held = judged(SLOWER, 960, remembered, later)
    assert (held.reason, held.step) == (R.HELD_BY_HYSTERESIS, 2), "the ladder remembers where it was"


directives = st.builds(
    lambda kind, begins, lasts, ended, rate, subject, policy: Directive(
        "d", kind, subject, "why", "who", begins * S, (begins + lasts) * S, Rates(rate, rate), policy,
        ended_ns=None if ended is None else ended * S,
    ),
    st.sampled_from(DirectiveKind), st.integers(0, 900), st.integers(1, 300), st.none() | st.integers(0, 1000),
    st.integers(1, 20 * MBPS), st.sampled_from(["dinkes", "rsud", EVERYBODY]),
    st.sampled_from([None, "slow", "slower"]),
)  # fmt: skip


@given(st.lists(directives, max_size=5), st.lists(st.integers(0, 999), min_size=1, max_size=8).map(sorted))
def test_once_all_have_ended_nothing_of_them_is_left(several: list[Directive], instants: list[int]) -> None:
    before: Verdict | None = None
    memory: dict[str, Verdict] = {}
    plain: dict[str, Verdict] = {}
    for second in instants:
        now_ns = second * S
        for policy in (SLOW, SLOWER):
            memory[policy.name] = judged(policy, 1000 + second, memory.get(policy.name), now_ns)
            plain[policy.name] = judged(policy, 1000 + second, plain.get(policy.name), now_ns)
        before = counting(list(memory.values()), several, before, now_ns)
        over = all(one.is_over(now_ns) or one.at_ns > now_ns for one in several)
        if over:
            assert before == counting(list(plain.values()), [], None, now_ns)
        if not any(one.kind is K.FREEZE and one.in_force(now_ns) for one in several):
            assert ceiling(before) >= 4 * MBPS, "a directive but a freeze never makes anything slower"
    assert memory == plain


@given(st.lists(directives, max_size=5), st.integers(0, 999))
def test_no_directive_makes_a_limit_stricter(several: list[Directive], second: int) -> None:
    verdicts = [judged(policy, now_ns=second * S) for policy in (SLOW, SLOWER)]
    before = counting(verdicts, [], None, second * S)
    after = counting(verdicts, several, before, second * S)
    assert ceiling(after) >= ceiling(before)
