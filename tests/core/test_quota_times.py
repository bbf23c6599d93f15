"""Windows, a grace, and data that stays away: when a ladder's limit rests, and that it is always there again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.ladder import Claim, LadderStep, QuotaPolicy, QuotaUsage
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Direction, RuleRef, Verdict, VerdictReason
from netmon.core.periods import PeriodKind, PeriodRule, period_containing, to_ns
from netmon.core.quota import ceiling, judge, proven_of, quiet, refreshed
from netmon.core.windows import Window

R = VerdictReason
RULE = RuleRef("q.yaml", 1)
WITA = "Asia/Makassar"
HOUR = 3600 * S
DAY = 24 * HOUR
EASE_AFTER = 24 * HOUR
MBPS = 1_000_000
OFFICE = Window(days=(1, 2, 3, 4, 5), from_minute=450, to_minute=960)
MONTHLY = QuotaPolicy(
    name="monthly",
    counts=(Direction.DOWNLOAD,),
    period=PeriodRule(PeriodKind.MONTH),
    volume_bytes=1000,
    ladder=(
        LadderStep(800, None, RULE),
        LadderStep(1000, 8 * MBPS, RULE),
        LadderStep(1200, 2 * MBPS, RULE),
    ),
    hysteresis_permille=50,
    rule=RULE,
)
TIMED = replace(MONTHLY, when=(OFFICE,))
GENTLE = replace(MONTHLY, grace_ns=DAY)


def at(written: str, zone: str = WITA) -> int:
    return to_ns(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)))


def says(
    policy: QuotaPolicy,
    proven: int,
    when: str | int,
    previous: Verdict | None = None,
    *,
    age: int | None = 0,
    any_age: int | None = None,
    trusted: bool = True,
    zone: str = WITA,
) -> Verdict:
    now_ns = at(when, zone) if isinstance(when, str) else when
    claim = Claim("dinkes", Direction.DOWNLOAD, zone, policy, period_containing(policy.period, now_ns, zone))
    newest, latest = (None if one is None else now_ns - one for one in (age, any_age))
    return judge(
        claim,
        QuotaUsage(proven, newest, any_read_ns=latest),
        previous,
        now_ns,
        clock_trusted=trusted,
        stale_after_ns=300 * S,
        ease_stale_after_ns=EASE_AFTER,
    )


def brief(of: Verdict) -> tuple[int, VerdictReason, int | None, int | None]:
    return of.step, of.reason, None if of.limit is None else of.limit.ceiling_bps // MBPS, of.until_ns


MONTH_END = at("2026-12-01T00:00")

# --- windows ---------------------------------------------------------------------------------------


def test_a_limit_holds_inside_the_window_and_rests_outside_while_counting_goes_on() -> None:
    """23 November 2026 is a Monday."""
    evening = says(TIMED, 1000, "2026-11-23T20:00")
    assert brief(evening) == (2, R.OUTSIDE_WINDOW, None, at("2026-11-24T07:30"))
    morning = says(TIMED, 1010, "2026-11-24T07:30", evening)
    assert brief(morning) == (2, R.OVER_QUOTA, 8, at("2026-11-24T16:00"))
    more = says(TIMED, 1200, "2026-11-24T18:00", morning)
    assert brief(more) == (3, R.OUTSIDE_WINDOW, None, at("2026-11-25T07:30"))
    assert brief(says(TIMED, 1200, "2026-11-30T12:00", more)) == (3, R.OVER_QUOTA, 2, at("2026-11-30T16:00"))


def test_the_edge_of_a_window_is_no_change_of_policy_and_no_end_of_the_period() -> None:
    inside = says(TIMED, 1000, "2026-11-23T12:00")
    outside = says(TIMED, 960, "2026-11-23T20:00", inside)
    assert (outside.step, outside.reason) == (2, R.OUTSIDE_WINDOW), "the hysteresis still holds the step"
    again = says(TIMED, 960, "2026-11-24T12:00", outside)
    assert (again.step, again.reason) == (2, R.HELD_BY_HYSTERESIS)


def test_below_the_step_that_slows_a_window_alters_nothing() -> None:
    assert brief(says(TIMED, 800, "2026-11-23T20:00")) == (1, R.NEAR_QUOTA, None, MONTH_END)


def test_a_window_that_reaches_beyond_the_period_ends_with_the_period() -> None:
    always = replace(MONTHLY, when=(Window(),))
    assert brief(says(always, 1000, "2026-11-23T20:00")) == (2, R.OVER_QUOTA, 8, MONTH_END)


def test_stale_usage_keeps_no_limit_beyond_its_window_and_brings_none_back_with_the_next() -> None:
    inside = says(TIMED, 1000, "2026-11-23T12:00")
    stale = says(TIMED, 1000, "2026-11-23T13:00", inside, age=HOUR)
    assert brief(stale) == (2, R.FROZEN_STALE, 8, at("2026-11-23T16:00"))
    evening = says(TIMED, 1000, "2026-11-23T16:00", stale, age=4 * HOUR)
    assert brief(evening)[:3] == (2, R.FROZEN_STALE, None)
    morning = says(TIMED, 1000, "2026-11-24T08:00", evening, age=20 * HOUR)
    assert brief(morning)[:3] == (2, R.FROZEN_STALE, None)
    assert brief(says(TIMED, 1000, "2026-11-24T08:01", morning))[:3] == (2, R.OVER_QUOTA, 8)


@pytest.mark.parametrize("zone", [WITA, "Asia/Jayapura", "Europe/Berlin"])
def test_a_window_is_cut_in_the_agency_s_zone(zone: str) -> None:
    """Berlin leaves summer time on 25 October 2026; the offices open at 07:30 by the wall clock all the same."""
    for day in ("2026-10-23", "2026-10-26"):
        assert says(TIMED, 1000, f"{day}T07:29", zone=zone).reason is R.OUTSIDE_WINDOW
        assert says(TIMED, 1000, f"{day}T07:30", zone=zone).reason is R.OVER_QUOTA


# --- grace -----------------------------------------------------------------------------------------


def test_a_policy_newly_given_slows_nobody_for_its_grace() -> None:
    first = says(GENTLE, 1300, "2026-11-10T08:00")
    assert brief(first) == (3, R.GRACE, None, at("2026-11-11T08:00"))
    assert says(GENTLE, 1300, "2026-11-11T07:59", first).limit is None
    assert brief(says(GENTLE, 1300, "2026-11-11T08:00", first)) == (3, R.OVER_QUOTA, 2, MONTH_END)


def test_a_changed_policy_keeps_what_was_in_force_for_its_grace_unless_it_is_milder() -> None:
    long_ago = says(GENTLE, 1000, "2026-11-12T08:00", says(GENTLE, 0, "2026-11-10T08:00"))
    assert brief(long_ago) == (2, R.OVER_QUOTA, 8, MONTH_END)
    stricter = replace(GENTLE, volume_bytes=500)
    kept = says(stricter, 1000, "2026-11-12T09:00", long_ago)
    assert brief(kept) == (3, R.GRACE, 8, at("2026-11-13T09:00"))
    assert brief(says(stricter, 1000, "2026-11-13T09:00", kept))[:3] == (3, R.OVER_QUOTA, 2)
    milder = says(replace(GENTLE, volume_bytes=2000), 1000, "2026-11-12T09:00", long_ago)
    assert brief(milder)[:3] == (0, R.RESTORED_POLICY_CHANGED, None)


def test_leave_to_breach_a_floor_waits_for_the_grace_and_for_data_too() -> None:
    def breaching(policy: QuotaPolicy) -> QuotaPolicy:
        steps = (replace(one, may_breach_floor=one.slow_to_bps is not None) for one in policy.ladder)
        return replace(policy, ladder=tuple(steps))

    over = says(GENTLE, 1000, "2026-11-12T08:00", says(GENTLE, 0, "2026-11-10T08:00"))
    kept = says(breaching(GENTLE), 1000, "2026-11-12T09:00", over)
    assert (brief(kept), kept.may_breach_floor) == ((2, R.GRACE, 8, at("2026-11-13T09:00")), False)
    after = says(breaching(GENTLE), 1000, "2026-11-13T09:00", kept)
    assert (brief(after)[1:3], after.may_breach_floor) == ((R.OVER_QUOTA, 8), True)
    plain = says(MONTHLY, 1000, "2026-11-12T08:00")
    stricter = replace(breaching(MONTHLY), volume_bytes=999)
    stale = says(stricter, 1000, "2026-11-12T09:00", plain, age=HOUR)
    assert (stale.reason, stale.may_breach_floor) == (R.FROZEN_STALE, False)
    assert says(stricter, 1000, "2026-11-12T09:01", stale).may_breach_floor


def test_a_new_period_or_silence_or_another_name_for_a_line_begins_no_grace_anew() -> None:
    first = says(GENTLE, 0, "2026-11-10T08:00")
    rolled = says(GENTLE, 0, "2026-12-01T00:00", says(GENTLE, 1000, "2026-11-28T08:00", first))
    assert rolled.reason is R.RESTORED_NEW_PERIOD
    moved = replace(GENTLE, ladder=tuple(replace(one, rule=RuleRef("q.yaml", 9)) for one in GENTLE.ladder))
    assert brief(says(moved, 1300, "2026-12-01T00:01", rolled))[:3] == (3, R.OVER_QUOTA, 2)
    silent = says(GENTLE, 0, "2026-11-28T08:00", first, age=None)
    assert brief(says(GENTLE, 1300, "2026-11-28T08:01", silent))[:3] == (3, R.OVER_QUOTA, 2)


def test_a_clock_set_back_ends_a_grace_no_later_than_it_would_have_lasted_then() -> None:
    first = says(GENTLE, 1300, "2026-11-10T08:00")
    back = says(GENTLE, 1300, "2026-11-09T08:00", first)
    assert brief(back)[1:] == (R.GRACE, None, at("2026-11-10T08:00"))


# --- data that stays away --------------------------------------------------------------------------


def test_what_is_not_read_for_long_keeps_its_limit_for_a_time_and_then_has_it_lifted() -> None:
    over = says(MONTHLY, 1000, "2026-11-10T08:00")
    frozen = says(MONTHLY, 1000, "2026-11-11T08:00", over, age=DAY)
    assert brief(frozen) == (2, R.FROZEN_STALE, 8, MONTH_END)
    eased = says(MONTHLY, 1000, "2026-11-11T08:01", frozen, age=DAY + 60 * S)
    assert brief(eased) == (2, R.EASED_STALE, None, MONTH_END)
    assert brief(says(MONTHLY, 1000, "2026-11-12T08:01", eased, age=2 * DAY)) == (2, R.EASED_STALE, None, MONTH_END)
    assert brief(says(MONTHLY, 1000, "2026-11-12T08:02", eased)) == (2, R.OVER_QUOTA, 8, MONTH_END)


def test_a_circuit_that_is_read_keeps_the_limit_though_another_one_is_not() -> None:
    over = says(MONTHLY, 1000, "2026-11-10T08:00")
    assert brief(says(MONTHLY, 1000, "2026-11-13T08:00", over, age=3 * DAY, any_age=0))[1:3] == (R.FROZEN_STALE, 8)
    assert says(MONTHLY, 1000, "2026-11-13T08:00", over, age=3 * DAY, any_age=2 * DAY).reason is R.EASED_STALE
    assert says(MONTHLY, 1000, "2026-11-13T08:00", over, age=None).reason is R.EASED_STALE


def test_where_nothing_limits_there_is_nothing_to_ease() -> None:
    near = says(MONTHLY, 800, "2026-11-10T08:00")
    assert says(MONTHLY, 800, "2026-11-13T08:00", near, age=3 * DAY).reason is R.FROZEN_STALE
    assert says(MONTHLY, 800, "2026-11-13T08:00", None, age=None).reason is R.FROZEN_STALE


# --- laws ------------------------------------------------------------------------------------------

effects = st.one_of(
    st.builds(
        lambda rate, breach: {"slow_to_bps": rate, "may_breach_floor": breach},
        st.integers(1000, 10**8),
        st.booleans(),
    ),
    st.sampled_from(
        [{"slow_to_bps": None}, {"slow_to_bps": None, "hold": True}, {"slow_to_bps": None, "restore": True}]
    ),
)
ladders = st.lists(st.tuples(st.integers(1, 2000), effects), max_size=4, unique_by=lambda one: one[0]).map(
    lambda steps: tuple(LadderStep(at_permille=at, rule=RULE, **of) for at, of in sorted(steps, key=lambda s: s[0]))
)
windows = st.builds(
    Window,
    days=st.sampled_from([(1, 2, 3, 4, 5, 6, 7), (1, 3), (6, 7)]),
    from_minute=st.integers(0, 1439),
    to_minute=st.integers(0, 1440),
)
policies = st.builds(
    replace,
    st.just(MONTHLY),
    period=st.sampled_from([PeriodRule(PeriodKind.WEEK), PeriodRule(PeriodKind.DAY), PeriodRule(PeriodKind.MONTH)]),
    volume_bytes=st.integers(1, 1000),
    ladder=ladders,
    hysteresis_permille=st.integers(0, 200),
    when=st.lists(windows, max_size=2).map(tuple),
    grace_ns=st.sampled_from([0, 0, HOUR, 2 * DAY]),
)
ages = st.sampled_from([0, 0, 0, 2 * HOUR, 30 * HOUR, None])
passing = st.tuples(st.integers(0, 40 * 60), st.integers(0, 3000), ages, st.sampled_from([True, True, True, False]))
ZONES = st.sampled_from([WITA, "Asia/Jakarta", "Europe/Berlin"])
START = at("2026-10-22T00:00")
"""Three days before Berlin leaves summer time."""


@settings(max_examples=200)
@given(policies, ZONES, st.lists(passing, min_size=1, max_size=12), st.data())
def test_missing_data_and_a_doubtful_clock_never_tighten(
    policy: QuotaPolicy, zone: str, history: list[tuple[int, int, int | None, bool]], data: st.DataObject
) -> None:
    verdict, now_ns = None, START
    for minutes, proven, age, trusted in history:
        now_ns += minutes * 60 * S
        if data.draw(st.integers(0, 5)) == 0:
            policy = data.draw(policies)
        after = says(policy, proven, now_ns, verdict, age=age, trusted=trusted, zone=zone)
        if verdict is not None and (age != 0 or not trusted):
            assert ceiling(after) >= ceiling(verdict)
            assert after.limit is None or after.may_breach_floor <= verdict.may_breach_floor
        if verdict is None and (age != 0 or not trusted):
            assert after.limit is None
        if after.limit is not None and trusted:
            assert after.until_ns is not None
            assert after.until_ns > now_ns
        verdict = after


@settings(max_examples=200)
@given(policies, ZONES, st.lists(passing, min_size=1, max_size=12))
def test_within_its_bounds_and_until_their_end_judging_again_only_renews_the_number(
    policy: QuotaPolicy, zone: str, history: list[tuple[int, int, int | None, bool]]
) -> None:
    verdict, now_ns = None, START
    for minutes, proven, age, trusted in history:
        now_ns += minutes * 60 * S
        verdict = says(policy, proven, now_ns, verdict, age=age, trusted=trusted, zone=zone)
        period = period_containing(policy.period, now_ns, zone)
        claim = Claim("dinkes", Direction.DOWNLOAD, zone, policy, period)
        bounds = quiet(claim, verdict, now_ns)
        if bounds is None:
            assert age != 0 or not trusted or verdict.reason in {R.RESTORED_NEW_PERIOD, R.RESTORED_POLICY_CHANGED}
            continue
        last_ns = min(period.end_ns, bounds.until_ns or period.end_ns) - 1
        assert bounds.low <= proven_of(verdict) < bounds.below
        for amount in {bounds.low, proven_of(verdict), bounds.below - 1}:
            for then_ns in (now_ns, (now_ns + last_ns) // 2, last_ns):
                assert says(policy, amount, then_ns, verdict, zone=zone) == refreshed(verdict, amount)


@settings(max_examples=100)
@given(policies, ZONES, st.integers(0, 3000), st.integers(0, 40 * 24 * 60))
def test_within_a_period_of_fresh_data_a_limit_is_left_only_by_the_clock_or_its_ladder(
    policy: QuotaPolicy, zone: str, proven: int, minutes: int
) -> None:
    """The same usage says the same inside the same window, however often it was judged in between."""
    start_ns = START + minutes * 60 * S
    once = says(policy, proven, start_ns + 3 * DAY, None, zone=zone)
    verdict = None
    for hour in range(0, 73, 6):
        verdict = says(policy, proven, start_ns + hour * HOUR, verdict, zone=zone)
    assert verdict is not None
    if policy.grace_ns == 0 and verdict.reason is not R.RESTORED_NEW_PERIOD:
        assert (verdict.step, verdict.limit, verdict.reason) == (once.step, once.limit, once.reason)


@settings(max_examples=100)
@given(policies, ZONES, st.integers(0, 3000), st.sampled_from([0, 2 * HOUR, None]), st.integers(1, 90))
def test_the_end_of_a_period_always_restores_however_late_it_is_noticed(
    policy: QuotaPolicy, zone: str, proven: int, age: int | None, days: int
) -> None:
    before = says(policy, proven, START, says(policy, 0, START - 3 * DAY, zone=zone), zone=zone)
    end_ns = period_containing(policy.period, START, zone).end_ns
    after = says(policy, 3000, end_ns + (days - 1) * DAY, before, age=age, zone=zone)
    if before.limit is not None:
        assert (after.reason, after.limit) == (R.RESTORED_NEW_PERIOD, None)
    elif age != 0:
        assert after.limit is None
