"""The ladder of a quota: what climbs it, what leaves it, and what freezes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.directing import no_quota, strictest
from netmon.core.ladder import Claim, LadderStep, QuotaPolicy, QuotaUsage, threshold
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Direction, RateLimit, RuleRef, Verdict, VerdictReason
from netmon.core.periods import Period, PeriodKind, PeriodRule
from netmon.core.quota import judge, quiet, refreshed

R = VerdictReason
MBPS = 1_000_000
PERIOD = Period(1000 * S, 2000 * S, "one")
NEXT = Period(2000 * S, 3000 * S, "two")
STALE_AFTER = 300 * S
MIDDLE = 1500 * S
POLICY = QuotaPolicy(
    name="standard",
    counts=(Direction.DOWNLOAD,),
    period=PeriodRule(PeriodKind.FIXED, length_ns=1000 * S),
    volume_bytes=1000,
    ladder=(
        LadderStep(800, None, RuleRef("standard.yaml", 8)),
        LadderStep(1000, 5 * MBPS, RuleRef("standard.yaml", 9)),
        LadderStep(1200, 2 * MBPS, RuleRef("standard.yaml", 10)),
        LadderStep(1500, None, RuleRef("standard.yaml", 11)),
    ),
    hysteresis_permille=50,
    rule=RuleRef("standard.yaml", 1),
)


def claim(policy: QuotaPolicy = POLICY, period: Period = PERIOD) -> Claim:
    return Claim("dinkes", Direction.DOWNLOAD, "Asia/Makassar", policy, period)


def decide(
    proven: int,
    previous: Verdict | None = None,
    *,
    policy: QuotaPolicy = POLICY,
    period: Period = PERIOD,
    now_s: int | None = None,
    age_s: int | None = 0,
    clock_trusted: bool = True,
) -> Verdict:
    """One judgement, by default in the middle of `period` on a reading made just now."""
    now_ns = (period.start_ns + period.end_ns) // 2 if now_s is None else now_s * S
    return judge(
        claim(policy, period),
        QuotaUsage(proven, None if age_s is None else now_ns - age_s * S),
        previous,
        now_ns,
        clock_trusted=clock_trusted,
        stale_after_ns=STALE_AFTER,
    )


def ceiling(verdict: Verdict) -> int | None:
    return None if verdict.limit is None else verdict.limit.ceiling_bps


@pytest.mark.parametrize(
    ("proven", "step", "reason", "limit", "line"),
    [
        (0, 0, R.WITHIN_QUOTA, None, 1),
        (799, 0, R.WITHIN_QUOTA, None, 1),
        (800, 1, R.NEAR_QUOTA, None, 8),
        (999, 1, R.NEAR_QUOTA, None, 8),
        (1000, 2, R.OVER_QUOTA, 5 * MBPS, 9),
        (1200, 3, R.OVER_QUOTA, 2 * MBPS, 10),
        (1500, 4, R.OVER_QUOTA, 2 * MBPS, 10),  # a later notify-only step keeps the last slowing limit
    ],
)
def test_proven_bytes_climb_the_ladder(proven: int, step: int, reason: R, limit: int | None, line: int) -> None:
    verdict = decide(proven)
    assert (verdict.step, verdict.reason, ceiling(verdict)) == (step, reason, limit)
    assert verdict.rule == RuleRef("standard.yaml", line)
    assert verdict.until_ns == (PERIOD.end_ns if step else None)
    assert verdict.period_start_ns == PERIOD.start_ns


def test_the_evidence_names_the_numbers_it_rests_on() -> None:
    assert decide(10).evidence == {"proven_bytes": 10, "quota_bytes": 1000, "next_threshold_bytes": 800}
    assert decide(1100).evidence == {
        "proven_bytes": 1100,
        "quota_bytes": 1000,
        "threshold_bytes": 1000,
        "next_threshold_bytes": 1200,
    }
    assert "next_threshold_bytes" not in decide(1500).evidence


def test_a_threshold_that_is_not_a_whole_byte_is_rounded_up() -> None:
    policy = replace(POLICY, volume_bytes=999)
    assert threshold(policy, 1) == 800  # 799.2
    assert decide(799, policy=policy).step == 0
    assert decide(800, policy=policy).step == 1


def test_a_notify_step_at_the_volume_itself_says_over_quota() -> None:
    policy = replace(POLICY, ladder=(LadderStep(1000, None, POLICY.rule),))
    verdict = decide(1000, policy=policy)
    assert (verdict.reason, verdict.limit) == (R.OVER_QUOTA, None)


def test_a_policy_without_a_ladder_only_measures() -> None:
    verdict = decide(10**9, policy=replace(POLICY, ladder=()))
    assert (verdict.step, verdict.reason) == (0, R.WITHIN_QUOTA)


@pytest.mark.parametrize(
    ("proven", "step", "reason"),
    [
        (1000, 2, R.OVER_QUOTA),
        (999, 2, R.HELD_BY_HYSTERESIS),
        (950, 2, R.HELD_BY_HYSTERESIS),
        (949, 1, R.NEAR_QUOTA),
        (750, 1, R.HELD_BY_HYSTERESIS),
        (749, 0, R.WITHIN_QUOTA),
        (1200, 3, R.OVER_QUOTA),
    ],
)
def test_after_a_restatement_a_step_is_left_only_below_its_hysteresis(proven: int, step: int, reason: R) -> None:
    before = decide(1000) if proven > 799 else decide(800)
    verdict = decide(proven, before)
    assert (verdict.step, verdict.reason) == (step, reason)
    if reason is R.HELD_BY_HYSTERESIS:
        assert verdict.limit == before.limit


def test_a_new_period_restores_and_then_is_within_quota() -> None:
    over = decide(1300)
    restored = decide(5, over, period=NEXT)
    assert (restored.reason, restored.limit, restored.step) == (R.RESTORED_NEW_PERIOD, None, 0)
    assert restored.evidence["previous_step"] == 3
    assert (restored.period_start_ns, restored.until_ns) == (NEXT.start_ns, None)
    after = decide(5, restored, period=NEXT)
    assert (after.reason, "previous_step" in after.evidence) == (R.WITHIN_QUOTA, False)


def test_a_new_period_restores_first_even_when_its_quota_is_used_up_already() -> None:
    restored = decide(5000, decide(1000), period=NEXT)
    assert (restored.reason, restored.limit) == (R.RESTORED_NEW_PERIOD, None)
    assert decide(5000, restored, period=NEXT).step == 4


def test_a_new_period_after_a_mere_notification_restores_nothing() -> None:
    assert decide(5, decide(800), period=NEXT).reason is R.WITHIN_QUOTA


def test_a_limit_ends_when_it_said_it_would_though_the_periods_were_redefined() -> None:
    over = decide(1000)
    longer = Period(PERIOD.start_ns, 9000 * S, "long")
    assert decide(1000, over, period=longer, now_s=1999, age_s=None).reason is R.OVER_QUOTA  # redefined: judged anew
    assert decide(1000, over, period=longer, now_s=2000).reason is R.RESTORED_NEW_PERIOD


def test_periods_redefined_in_the_middle_are_judged_anew_at_once() -> None:
    shorter = Period(1500 * S, 1600 * S, "short")
    verdict = decide(3, decide(1000), period=shorter, now_s=1550)
    assert (verdict.reason, verdict.period_start_ns) == (R.RESTORED_POLICY_CHANGED, shorter.start_ns)
    assert decide(1200, decide(1000), period=shorter, now_s=1550).reason is R.OVER_QUOTA


@pytest.mark.parametrize(
    ("changes", "reason", "limit"),
    [
        ({"volume_bytes": 2000}, R.RESTORED_POLICY_CHANGED, None),
        ({"volume_bytes": 1040}, R.RESTORED_POLICY_CHANGED, None),  # no hysteresis against a person's decision
        ({"volume_bytes": 800}, R.OVER_QUOTA, 2 * MBPS),
        ({"ladder": ()}, R.RESTORED_POLICY_CHANGED, None),
        ({"ladder": (LadderStep(800, None, POLICY.rule), LadderStep(1000, 7, POLICY.rule))}, R.OVER_QUOTA, 7),
        ({"name": "other"}, R.OVER_QUOTA, 5 * MBPS),
    ],
)
def test_a_policy_changed_in_the_middle_is_judged_anew(changes: dict[str, object], reason: R, limit: int) -> None:
    policy = replace(POLICY, **changes)  # type: ignore[arg-type]
    verdict = decide(1010, decide(1010), policy=policy)
    assert (verdict.reason, ceiling(verdict)) == (reason, limit)
    again = decide(1010, verdict, policy=policy)
    assert again.reason is not R.RESTORED_POLICY_CHANGED
    assert again.limit == verdict.limit


def test_a_comment_added_to_the_policy_file_changes_nothing() -> None:
    moved = replace(
        POLICY,
        rule=RuleRef("standard.yaml", 2),
        ladder=tuple(replace(s, rule=RuleRef(s.rule.file, s.rule.line + 1)) for s in POLICY.ladder),
    )
    assert decide(990, decide(1000), policy=moved).reason is R.HELD_BY_HYSTERESIS


def test_an_untrusted_clock_freezes_what_was_and_rolls_no_period() -> None:
    over = decide(1000)
    for verdict in (
        decide(1600, over, clock_trusted=False),
        decide(0, over, clock_trusted=False, period=NEXT),
    ):
        assert (verdict.reason, verdict.step, verdict.limit) == (R.FROZEN_CLOCK, 2, RateLimit(5 * MBPS))
        assert (verdict.period_start_ns, verdict.until_ns) == (PERIOD.start_ns, PERIOD.end_ns)
    assert decide(10**6, None, clock_trusted=False).limit is None


@pytest.mark.parametrize("age_s", [301, None])
def test_stale_usage_tightens_nothing(age_s: int | None) -> None:
    verdict = decide(1600, decide(1000), age_s=age_s)
    assert (verdict.reason, verdict.step, verdict.limit) == (R.FROZEN_STALE, 2, RateLimit(5 * MBPS))
    first = decide(1600, None, age_s=age_s)
    assert (first.reason, first.step, first.limit) == (R.FROZEN_STALE, 0, None)


def test_usage_exactly_as_old_as_allowed_is_not_stale() -> None:
    assert decide(1000, age_s=300).reason is R.OVER_QUOTA


def test_the_evidence_of_stale_usage_tells_how_old_it_is() -> None:
    assert decide(1000, decide(1000), age_s=400).evidence["newest_ns"] == 1500 * S - 400 * S
    thawed = decide(1000, decide(1000, decide(1000), age_s=400))
    assert (thawed.reason, "newest_ns" in thawed.evidence) == (R.OVER_QUOTA, False)


def test_stale_usage_keeps_no_limit_beyond_its_period() -> None:
    restored = decide(0, decide(1000), period=NEXT, age_s=None)
    assert (restored.reason, restored.limit) == (R.RESTORED_NEW_PERIOD, None)
    after = decide(0, restored, period=NEXT, age_s=None)
    assert (after.reason, after.limit) == (R.FROZEN_STALE, None)


def test_a_policy_eased_while_usage_is_stale_lifts_and_one_made_stricter_waits() -> None:
    over = decide(1000)
    eased = decide(1000, over, policy=replace(POLICY, volume_bytes=5000), age_s=None)
    assert (eased.reason, eased.limit) == (R.RESTORED_POLICY_CHANGED, None)
    stricter = replace(POLICY, volume_bytes=500)
    waiting = decide(1000, over, policy=stricter, age_s=None)
    assert (waiting.reason, waiting.limit) == (R.FROZEN_STALE, over.limit)
    assert ceiling(decide(1000, waiting, policy=stricter)) == 2 * MBPS


def test_the_strictest_of_several_verdicts_counts() -> None:
    within, near, over, far = decide(0), decide(800), decide(1000), decide(1200)
    weekly = replace(within, policy="weekly", reason=R.RESTORED_NEW_PERIOD)
    assert strictest([within, over, near, far]) is far
    assert strictest([within, near]) is near
    assert strictest([within, weekly]) is weekly
    assert strictest([replace(over, policy="b"), replace(over, policy="a")]).policy == "a"
    with pytest.raises(ValueError, match="no_quota"):
        strictest([])


def test_an_agency_whose_policy_is_gone_is_restored_once() -> None:
    gone = no_quota("dinkes", Direction.DOWNLOAD, decide(1000))
    assert (gone.reason, gone.limit) == (R.RESTORED_POLICY_CHANGED, None)
    assert no_quota("dinkes", Direction.DOWNLOAD, gone).reason is R.NO_QUOTA
    assert no_quota("dinkes", Direction.DOWNLOAD, None).reason is R.NO_QUOTA


def test_a_policy_given_to_an_agency_that_had_none_is_judged_at_once() -> None:
    assert decide(1000, no_quota("dinkes", Direction.DOWNLOAD, None)).reason is R.OVER_QUOTA


# --- laws ------------------------------------------------------------------------------------

ladders = st.lists(
    st.tuples(st.integers(1, 2000), st.none() | st.integers(1000, 10**8)), max_size=4, unique_by=lambda s: s[0]
).map(lambda steps: tuple(LadderStep(at, slow, POLICY.rule) for at, slow in sorted(steps, key=lambda s: s[0])))
policies = st.builds(
    replace,
    st.just(POLICY),
    volume_bytes=st.integers(1, 10**12),
    ladder=ladders,
    hysteresis_permille=st.integers(0, 200),
)


def tighter(after: Verdict, before: Verdict | None) -> bool:
    old = None if before is None else ceiling(before)
    new = ceiling(after)
    return new is not None and (old is None or new < old)


@given(policies, st.data())
@settings(max_examples=80)
def test_noise_within_the_hysteresis_never_flaps(policy: QuotaPolicy, data: st.DataObject) -> None:
    proven = data.draw(st.integers(0, 2 * policy.allowance))
    margin = policy.allowance * policy.hysteresis_permille // 1000
    verdict = decide(proven, policy=policy)
    steps = [verdict.step]
    for dip in data.draw(st.lists(st.integers(0, margin), max_size=8)):
        verdict = decide(max(0, proven - dip), verdict, policy=policy)
        steps.append(verdict.step)
    assert set(steps) == {steps[0]}


@given(policies, st.lists(st.integers(0, 10**10), min_size=1, max_size=8))
@settings(max_examples=80)
def test_while_usage_only_grows_no_step_is_ever_left(policy: QuotaPolicy, growth: list[int]) -> None:
    verdict, proven = None, 0
    for more in growth:
        proven += more
        after = decide(proven, verdict, policy=policy)
        assert after.step >= (verdict.step if verdict else 0)
        assert after.reason is not R.HELD_BY_HYSTERESIS
        verdict = after


@given(policies, st.integers(0, 10**13), st.integers(0, 10**13), st.none() | st.integers(0, 2000))
@settings(max_examples=80)
def test_the_roll_always_restores(policy: QuotaPolicy, proven: int, then: int, age_s: int | None) -> None:
    before = decide(proven, policy=policy)
    after = decide(then, before, policy=policy, period=NEXT, age_s=age_s)
    if before.limit is not None:
        assert (after.reason, after.limit) == (R.RESTORED_NEW_PERIOD, None)
    else:
        assert after.reason is not R.RESTORED_NEW_PERIOD


@given(
    st.lists(
        st.tuples(
            policies, st.integers(0, 10**13), st.sampled_from([PERIOD, NEXT]), st.booleans(), st.sampled_from([0, None])
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=150)
def test_missing_data_and_a_doubtful_clock_never_tighten(
    history: list[tuple[QuotaPolicy, int, Period, bool, int | None]],
) -> None:
    verdict: Verdict | None = None
    for policy, proven, period, trusted, age_s in history:
        after = decide(proven, verdict, policy=policy, period=period, clock_trusted=trusted, age_s=age_s)
        if age_s is None or not trusted:
            assert not tighter(after, verdict)
        assert (after.until_ns is not None) == (after.step > 0)
        verdict = after


@given(policies, st.integers(0, 10**13))
@settings(max_examples=50)
def test_judging_again_on_the_same_facts_changes_nothing(policy: QuotaPolicy, proven: int) -> None:
    verdict = decide(proven, policy=policy)
    assert decide(proven, verdict, policy=policy) == verdict


@given(policies, st.lists(st.tuples(st.integers(0, 2500), st.booleans(), st.booleans()), min_size=1, max_size=6))
@settings(max_examples=200)
def test_within_its_bounds_judging_again_only_renews_the_number(
    policy: QuotaPolicy, history: list[tuple[int, bool, bool]]
) -> None:
    """The shortcut of the control loop equals judging, whatever verdict it starts from."""
    verdict: Verdict | None = None
    for permille, fresh, trusted in history:
        age_s = 0 if fresh else None
        verdict = decide(
            policy.allowance * permille // 1000, verdict, policy=policy, age_s=age_s, clock_trusted=trusted
        )
        bounds = quiet(claim(policy), verdict, MIDDLE)
        if bounds is None:
            assert not fresh or not trusted or verdict.reason is R.RESTORED_POLICY_CHANGED
            continue
        assert bounds.low <= verdict.evidence["proven_bytes"] < bounds.below
        for proven in {bounds.low, verdict.evidence["proven_bytes"], bounds.below - 1}:
            for now_s, age in ((1000, 0), (1999, 300), (1500, 17)):
                again = decide(proven, verdict, policy=policy, now_s=now_s, age_s=age)
                assert again == refreshed(verdict, proven)


@pytest.mark.parametrize(("proven", "says"), [(949, False), (950, True), (999, True), (1000, False)])
def test_the_bounds_are_exact(proven: int, says: bool) -> None:
    held_back = decide(960, decide(1000))
    assert held_back.reason is R.HELD_BY_HYSTERESIS
    again = decide(proven, held_back)
    assert (again == refreshed(held_back, proven)) is says
    bounds = quiet(claim(), held_back, MIDDLE)
    assert bounds is not None
    assert (bounds.low <= proven < bounds.below) is says


def test_a_verdict_of_another_policy_or_period_or_on_no_fresh_data_has_no_bounds() -> None:
    verdict = decide(900)
    assert quiet(claim(POLICY, PERIOD), verdict, MIDDLE) is not None
    assert quiet(claim(POLICY, NEXT), verdict, MIDDLE) is None
    assert quiet(claim(replace(POLICY, volume_bytes=999)), verdict, MIDDLE) is None
    assert quiet(claim(replace(POLICY, ladder=())), verdict, MIDDLE) is None
    assert quiet(claim(POLICY, PERIOD), decide(900, age_s=None), MIDDLE) is None
    assert quiet(claim(POLICY, PERIOD), decide(900, clock_trusted=False), MIDDLE) is None
    assert quiet(claim(POLICY, NEXT), decide(100, decide(1100), period=NEXT), MIDDLE) is None, (
        "restored, but not judged yet"
    )
