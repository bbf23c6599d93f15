"""Desired against observed: what is set, removed, kept, withheld and refused, and in which order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.approval import ApprovalPolicy, PlanApproval, Required
from netmon.core.changes import Action, Plan
from netmon.core.model import (
    Circuit,
    Direction,
    Faces,
    Mode,
    Placement,
    RateLimit,
    RuleRef,
    ShapingPoint,
    Tier,
    Verdict,
    VerdictReason,
)
from netmon.core.planning import Observed, PlanContext, Share, Withheld, checks, equal_rates, pending, plan, withheld
from netmon.core.refusals import Rule
from netmon.core.requests import Word

R = VerdictReason
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
MBPS = 1_000_000
CONTEXT = PlanContext(
    now_ns=1000, agencies_total=20, max_tightened_permille=300, enforce_ready={"r1": True, "r2": True}
)
NOTHING = Observed(None, known=True)


def circuit(name: str, agency: str, router: str = "r1", mode: Mode = Mode.ENFORCE) -> Circuit:
    return Circuit(name, agency, router, f"ether-{name}", Faces.AGENCY, mode=mode)


def verdict(
    agency: str, limit_bps: int | None, reason: R = R.OVER_QUOTA, direction: Direction = DOWN, until: int = 9999
) -> Verdict:
    return Verdict(
        agency=agency,
        direction=direction,
        limit=None if limit_bps is None else RateLimit(limit_bps),
        reason=reason,
        policy="standard",
        rule=RuleRef("standard.yaml", 9),
        step=0 if limit_bps is None else 2,
        period_start_ns=0,
        until_ns=None if limit_bps is None else until,
    )


def read(**limits: int | None) -> dict[tuple[str, Direction], Observed]:
    return {(name, DOWN): Observed(bps, known=True) for name, bps in limits.items()}


def rows(of: Plan) -> list[tuple[str, Action, int | None, int | None]]:
    return [(c.circuit, c.action, c.from_bps, c.to_bps) for c in of.changes]


@pytest.mark.parametrize(
    ("has", "wants", "action"),
    [
        (None, 5 * MBPS, Action.SET),
        (9 * MBPS, 5 * MBPS, Action.SET),
        (2 * MBPS, 5 * MBPS, Action.SET),
        (5 * MBPS, 5 * MBPS, Action.KEEP),
        (4_999_992, 5 * MBPS, Action.KEEP),
        (5 * MBPS, None, Action.REMOVE),
        (None, None, Action.KEEP),
    ],
)
def test_a_limit_is_set_removed_or_kept(has: int | None, wants: int | None, action: Action) -> None:
    made = plan([verdict("dinkes", wants)], [circuit("a", "dinkes")], read(a=has), CONTEXT)
    assert rows(made) == [("a", action, has, wants)]
    assert made.refused is None
    assert len(pending(made)) == (action is not Action.KEEP)


def test_a_change_names_its_reason_and_rule() -> None:
    made = plan([verdict("dinkes", MBPS)], [circuit("a", "dinkes")], read(a=None), CONTEXT)
    (change,) = pending(made)
    assert (change.router, change.agency, change.direction) == ("r1", "dinkes", DOWN)
    assert (change.reason, change.rule) == (R.OVER_QUOTA, RuleRef("standard.yaml", 9))


def test_an_agency_s_limit_is_divided_among_its_circuits() -> None:
    made = plan(
        [verdict("dinkes", 5_000_001)],
        [circuit("b", "dinkes", "r2"), circuit("a", "dinkes"), circuit("z", "other")],
        read(a=None, b=None),
        CONTEXT,
    )
    assert [(c, to) for c, _, _, to in rows(made)] == [("a", 2_500_001), ("b", 2_500_000)]


def test_both_directions_are_planned_apart() -> None:
    seen = {("a", DOWN): NOTHING, ("a", UP): Observed(3 * MBPS, known=True)}
    verdicts = [verdict("dinkes", None, direction=UP), verdict("dinkes", MBPS)]
    made = plan(verdicts, [circuit("a", "dinkes")], seen, CONTEXT)
    assert [(c.direction, c.action) for c in made.changes] == [(DOWN, Action.SET), (UP, Action.REMOVE)]


def test_decreases_come_before_increases_removals_and_what_is_kept() -> None:
    agencies = ["keep", "remove", "increase", "decrease", "new"]
    has = {"keep": 5 * MBPS, "remove": MBPS, "increase": MBPS, "decrease": 9 * MBPS, "new": None}
    made = plan(
        [verdict(a, None if a == "remove" else 5 * MBPS) for a in agencies],
        [circuit(a, a) for a in agencies],
        read(**has),
        CONTEXT,
    )
    assert [c for c, *_ in rows(made)] == ["decrease", "new", "increase", "remove", "keep"]


def test_two_verdicts_for_one_agency_and_direction_are_an_error() -> None:
    with pytest.raises(ValueError, match="strictest"):
        plan([verdict("dinkes", MBPS), verdict("dinkes", None)], [], {}, CONTEXT)


@pytest.mark.parametrize(
    ("why", "seen", "mode", "reason", "until", "changes"),
    [
        (Withheld.UNREAD, {}, Mode.ENFORCE, R.OVER_QUOTA, 9999, {}),
        (Withheld.UNREAD, {("a", DOWN): Observed(7, known=False)}, Mode.ENFORCE, R.OVER_QUOTA, 9999, {}),
        (Withheld.ROUTER_IN_DOUBT, None, Mode.ENFORCE, R.OVER_QUOTA, 9999, {"doubtful_routers": frozenset({"r1"})}),
        (Withheld.UNCONFIRMED, None, Mode.ENFORCE, R.OVER_QUOTA, 9999, {"renamed_ports": {("r1", "ether-a")}}),
        (Withheld.OBSERVE_MODE, None, Mode.OBSERVE, R.OVER_QUOTA, 9999, {}),
        (Withheld.NOT_READY, None, Mode.ENFORCE, R.OVER_QUOTA, 9999, {"enforce_ready": {"r1": False}}),
        (Withheld.NOT_READY, None, Mode.ENFORCE, R.OVER_QUOTA, 9999, {"enforce_ready": {}}),
        (Withheld.FROZEN, None, Mode.ENFORCE, R.FROZEN_STALE, 9999, {}),
        (Withheld.FROZEN, None, Mode.ENFORCE, R.FROZEN_CLOCK, 9999, {}),
        (Withheld.EXPIRED, None, Mode.ENFORCE, R.OVER_QUOTA, 1000, {}),
    ],
)
def test_a_withheld_limit_is_shown_but_not_to_be_done(
    why: Withheld,
    seen: Mapping[tuple[str, Direction], Observed] | None,
    mode: Mode,
    reason: R,
    until: int,
    changes: dict[str, object],
) -> None:
    context = replace(CONTEXT, **changes)  # type: ignore[arg-type]
    observed = read(a=None) if seen is None else seen
    arguments = ([verdict("dinkes", MBPS, reason, until=until)], [circuit("a", "dinkes", mode=mode)], observed, context)
    made = plan(*arguments)
    assert rows(made) == [("a", Action.KEEP, None, MBPS)]
    assert made.refused is None
    assert withheld(*arguments) == {("a", DOWN): why}


def test_what_is_in_force_is_not_withheld() -> None:
    assert withheld([verdict("dinkes", MBPS)], [circuit("a", "dinkes")], read(a=MBPS), CONTEXT) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"enforce_ready": {}},
        {"clock_trusted": False},
        {"max_tightened_permille": 0},
        {"now_ns": 10**18},
    ],
)
@pytest.mark.parametrize("reason", [R.RESTORED_NEW_PERIOD, R.FROZEN_STALE, R.FROZEN_CLOCK])
def test_nothing_but_doubt_stands_in_the_way_of_easing_a_limit(changes: dict[str, object], reason: R) -> None:
    context = replace(CONTEXT, **changes)  # type: ignore[arg-type]
    verdicts = [verdict("gone", None, reason), verdict("eased", 5 * MBPS, reason)]
    made = plan(verdicts, [circuit("a", "gone"), circuit("b", "eased")], read(a=MBPS, b=MBPS), context)
    assert rows(made) == [("b", Action.SET, MBPS, 5 * MBPS), ("a", Action.REMOVE, MBPS, None)]
    assert made.refused is None


def test_a_circuit_put_back_to_observing_loses_the_limit_set_before() -> None:
    made = plan([verdict("dinkes", MBPS)], [circuit("a", "dinkes", mode=Mode.OBSERVE)], read(a=MBPS), CONTEXT)
    assert rows(made) == [("a", Action.REMOVE, MBPS, None)]


def test_a_held_circuit_loses_its_limit_and_gets_none() -> None:
    context = replace(CONTEXT, held_circuits=frozenset({"a", "b"}))
    circuits = [circuit("a", "dinkes"), circuit("b", "dinkes"), circuit("c", "dinkes")]
    made = plan([verdict("dinkes", 3 * MBPS)], circuits, read(a=MBPS, b=None, c=None), context)
    assert rows(made) == [
        ("c", Action.SET, None, MBPS),  # its share does not grow by what others are freed of
        ("a", Action.REMOVE, MBPS, None),
        ("b", Action.KEEP, None, None),
    ]
    assert [c.reason for c in made.changes] == [R.OVER_QUOTA, R.HELD_BY_OPERATOR, R.HELD_BY_OPERATOR]


# --- refusals --------------------------------------------------------------------------------


def refused(
    changes: dict[str, object], limits: Sequence[int] = (MBPS,), mode: Mode = Mode.ENFORCE
) -> tuple[Plan, dict[tuple[str, Direction], Withheld]]:
    """A plan that tightens as many agencies as there are `limits`, and frees one more, `zz`."""
    names = [f"opd-{n}" for n in range(len(limits))]
    arguments = (
        [verdict("zz", None), *(verdict(name, limit) for name, limit in zip(names, limits, strict=True))],
        [circuit("zz", "zz"), *(circuit(name, name, mode=mode) for name in names)],
        read(zz=MBPS, **dict.fromkeys(names)),
        replace(CONTEXT, **changes),  # type: ignore[arg-type]
    )
    return plan(*arguments), withheld(*arguments)


@pytest.mark.parametrize(
    ("rule", "changes", "limits", "says"),
    [
        ("clock_untrusted", {"clock_trusted": False}, [MBPS], "opd-0 not limited"),
        ("uplink", {"uplinks": frozenset({("r1", "ether-opd-0")})}, [MBPS], "opd-0 is on r1 ether-opd-0"),
        ("limit_zero", {}, [MBPS, 0], "0 bit/s cannot be divided among 1 circuits of opd-1"),
        ("limit_zero", {}, [999], "raise the limit"),
        ("too_many_tightened", {}, [MBPS] * 7, "7 of 20 agencies .* more than 30 %: .* and 2 more"),
        ("too_many_tightened", {"agencies_total": 4}, [MBPS] * 4, "4 of 4 agencies"),
    ],
)
def test_an_unsafe_plan_refuses_its_tightenings_and_keeps_its_removals(
    rule: str, changes: dict[str, object], limits: list[int], says: str
) -> None:
    made, reasons = refused(changes, limits)
    assert made.refused is not None
    assert made.refused.rule == rule
    assert re.search(says, made.refused.detail)
    assert [(c.circuit, c.action) for c in pending(made)] == [("zz", Action.REMOVE)]
    assert set(reasons.values()) == {Withheld.REFUSED}
    assert [to for c, _, _, to in rows(made) if c != "zz"] == limits


@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({}, [MBPS] * 6),  # exactly 30 %
        ({"agencies_total": 3}, [MBPS] * 3),  # a small office: three may always be tightened
        ({"max_tightened_permille": 1000}, [MBPS] * 20),
    ],
)
def test_a_plan_within_its_bounds_is_not_refused(changes: dict[str, object], limits: list[int]) -> None:
    made, _ = refused(changes, limits)
    assert made.refused is None
    assert len(pending(made)) == len(limits) + 1


@pytest.mark.parametrize(
    "changes", [{"clock_trusted": False}, {"uplinks": frozenset({("r1", "ether-opd-0")})}, {"agencies_total": 1}]
)
def test_what_is_only_observed_refuses_nothing(changes: dict[str, object]) -> None:
    made, reasons = refused(changes, [MBPS, 0, MBPS, MBPS, MBPS], Mode.OBSERVE)
    assert made.refused is None
    assert set(reasons.values()) == {Withheld.OBSERVE_MODE}


def test_limits_in_force_do_not_count_as_tightened() -> None:
    names = [f"opd-{n}" for n in range(10)]
    circuits = [circuit(name, name) for name in names]
    made = plan([verdict(n, MBPS) for n in names], circuits, read(**dict.fromkeys(names, MBPS)), CONTEXT)
    assert (made.refused, pending(made)) == (None, ())


def test_a_limit_of_ours_found_on_an_uplink_is_removed() -> None:
    context = replace(CONTEXT, uplinks=frozenset({("r1", "ether-a")}))
    made = plan([verdict("dinkes", MBPS)], [circuit("a", "dinkes")], read(a=MBPS), context)
    assert rows(made) == [("a", Action.REMOVE, MBPS, None)]


# --- the hash --------------------------------------------------------------------------------


def test_the_hash_binds_what_is_desired_and_observed_and_nothing_else() -> None:
    def made(limit: int = MBPS, has: int | None = None, reason: R = R.OVER_QUOTA, now_ns: int = 1) -> str:
        context = replace(CONTEXT, now_ns=now_ns)
        return plan([verdict("dinkes", limit, reason)], [circuit("a", "dinkes")], read(a=has), context).hash

    assert len(made()) == 64
    assert made() == made(reason=R.HELD_BY_HYSTERESIS) == made(now_ns=500)
    assert len({made(), made(limit=2 * MBPS), made(has=3 * MBPS), made(has=MBPS)}) == 4


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (999_999, 999_992, True),
        (None, None, True),
        (None, 0, False),
        (5, None, False),
        (1000, 1008, True),
        (1000, 1009, True),
        (1000, 1020, False),
        (10**9, 10**9 + 5 * MBPS, True),
        (10**9, 10**9 + 6 * MBPS, False),
    ],
)
def test_rates_that_a_router_rounded_are_equal(a: int | None, b: int | None, same: bool) -> None:
    assert equal_rates(a, b, 10 if a == 1000 else 5) is same
    assert equal_rates(b, a, 10 if a == 1000 else 5) is same


# --- laws ------------------------------------------------------------------------------------

limits = st.none() | st.integers(0, 10 * MBPS)


@st.composite
def situations(
    draw: st.DrawFn,
) -> tuple[list[Verdict], list[Circuit], dict[tuple[str, Direction], Observed], PlanContext]:
    agencies = [f"opd-{n}" for n in range(draw(st.integers(1, 6)))]
    verdicts = [
        verdict(a, draw(limits), draw(st.sampled_from([R.OVER_QUOTA, R.FROZEN_STALE])), d)
        for a in agencies
        for d in draw(st.sampled_from([[DOWN], [DOWN, UP]]))
    ]
    circuits = [
        replace(
            circuit(f"c{n}", draw(st.sampled_from(agencies)), draw(st.sampled_from(["r1", "r2"]))),
            mode=draw(st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE])),
        )
        for n in range(draw(st.integers(0, 8)))
    ]
    observed = {(c.id, d): Observed(draw(limits), draw(st.booleans())) for c in circuits for d in (DOWN, UP)}
    context = replace(
        CONTEXT,
        agencies_total=len(agencies),
        clock_trusted=draw(st.booleans()),
        held_circuits=frozenset(draw(st.sets(st.sampled_from(["c0", "c1"])))),
        doubtful_routers=frozenset(draw(st.sets(st.just("r2")))),
    )
    return verdicts, circuits, observed, context


Situation = tuple[list[Verdict], list[Circuit], dict[tuple[str, Direction], Observed], PlanContext]


@given(situations())
@settings(max_examples=60)
def test_a_plan_does_not_depend_on_the_order_of_what_it_is_given(situation: Situation) -> None:
    verdicts, circuits, observed, context = situation
    made = plan(verdicts, circuits, observed, context)
    again = plan(verdicts[::-1], circuits[::-1], dict(reversed(observed.items())), context)
    assert again == made


@given(situations())
@settings(max_examples=100)
def test_after_a_plan_was_applied_there_is_nothing_left_to_do(situation: Situation) -> None:
    verdicts, circuits, observed, context = situation
    made = plan(verdicts, circuits, observed, context)
    applied = observed | {(c.circuit, c.direction): Observed(c.to_bps, known=True) for c in pending(made)}
    again = plan(verdicts, circuits, applied, context)
    # A limit removed from a circuit that only observes leaves its would-be limit to be shown, not set.
    assert pending(again) == ()


@given(situations())
@settings(max_examples=100)
def test_decreases_are_first_and_none_is_near_zero(situation: Situation) -> None:
    made = plan(*situation)
    changes = pending(made)
    eases = [c.to_bps is None or (c.from_bps is not None and c.to_bps > c.from_bps) for c in changes]
    assert eases == sorted(eases)
    assert all((c.to_bps or 0) >= 1000 for c, easing in zip(changes, eases, strict=True) if not easing)


@given(situations())
@settings(max_examples=100)
def test_only_fresh_verdicts_on_a_trusted_clock_tighten(situation: Situation) -> None:
    verdicts, circuits, observed, context = situation
    frozen = {(v.agency, v.direction) for v in verdicts if v.reason is R.FROZEN_STALE}
    for change in pending(plan(verdicts, circuits, observed, context)):
        if change.to_bps is not None and (change.from_bps is None or change.to_bps < change.from_bps):
            assert (change.agency, change.direction) not in frozen
            assert context.clock_trusted


@given(situations())
@settings(max_examples=150)
def test_where_no_limit_is_wanted_or_in_force_a_circuit_may_be_left_out_of_the_plan(situation: Situation) -> None:
    verdicts, circuits, observed, context = situation
    agency_of = {c.id: c.agency for c in circuits}
    touched = {(agency_of[name], d) for (name, d), seen in observed.items() if seen != NOTHING}
    lively = [v for v in verdicts if v.limit is not None or (v.agency, v.direction) in touched]
    of_them = [c for c in circuits if c.agency in {v.agency for v in lively}]
    whole, made = plan(verdicts, circuits, observed, context), plan(lively, of_them, observed, context)
    assert (made.hash, made.refused, pending(made)) == (whole.hash, whole.refused, pending(whole))
    assert {c for c in whole.changes if (c.from_bps, c.to_bps) != (None, None)} <= set(made.changes)


def test_a_share_stands_in_place_of_a_part_of_the_agency_s_limit() -> None:
    circuits = [circuit("a", "dinkes"), circuit("b", "dinkes")]
    context = replace(CONTEXT, shares={("a", DOWN): Share(3 * MBPS, None), ("b", DOWN): Share(None, None)})
    made = plan([verdict("dinkes", 8 * MBPS)], circuits, read(a=None, b=2 * MBPS), context)
    assert rows(made) == [("a", Action.SET, None, 3 * MBPS), ("b", Action.REMOVE, 2 * MBPS, None)]
    assert {c.reason for c in made.changes} == {R.OVER_QUOTA}


def test_a_share_names_its_own_reason_and_does_not_wait_for_the_verdict_s_data() -> None:
    context = replace(CONTEXT, shares={("a", DOWN): Share(3 * MBPS, R.HELD_BY_HYSTERESIS)})
    made = plan([verdict("dinkes", None, R.FROZEN_STALE)], [circuit("a", "dinkes")], read(a=None), context)
    assert rows(made) == [("a", Action.SET, None, 3 * MBPS)]
    assert (made.changes[0].reason, made.changes[0].rule) == (R.HELD_BY_HYSTERESIS, None)


def test_shares_are_paced_where_they_are_decided_and_refuse_no_plan() -> None:
    circuits = [circuit(f"c{n}", f"agency{n}") for n in range(20)]
    verdicts = [verdict(f"agency{n}", None, R.NO_QUOTA) for n in range(20)]
    shares = {(c.id, DOWN): Share(MBPS, R.OVER_QUOTA) for c in circuits}
    seen = read(**{c.id: None for c in circuits})
    assert plan(verdicts, circuits, seen, replace(CONTEXT, shares=shares)).refused is None
    own = {place: Share(MBPS, None) for place in shares}
    refused = plan(verdicts, circuits, seen, replace(CONTEXT, shares=own)).refused
    assert refused is not None
    assert refused.rule == "too_many_tightened"


@pytest.mark.parametrize(("has", "wants"), [(None, MBPS), (2 * MBPS, MBPS), (MBPS, 2 * MBPS), (MBPS, None)])
def test_a_freeze_alters_nothing_but_what_an_operator_freed(has: int | None, wants: int | None) -> None:
    frozen = replace(CONTEXT, frozen_agencies=frozenset({"dinkes"}))
    made = plan([verdict("dinkes", wants)], [circuit("a", "dinkes")], read(a=has), frozen)
    assert rows(made) == [("a", Action.KEEP, has, wants)]
    why = withheld([verdict("dinkes", wants)], [circuit("a", "dinkes")], read(a=has), frozen)
    assert why == {("a", DOWN): Withheld.FROZEN_BY_OPERATOR}
    freed = replace(frozen, held_circuits=frozenset({"a"}))
    assert plan([verdict("dinkes", wants)], [circuit("a", "dinkes")], read(a=has), freed).changes[0].to_bps is None


# --- behind a shaping point ------------------------------------------------------------------


def shared(name: str, agency: str) -> Circuit:
    return replace(circuit(name, agency), limited_at=ShapingPoint("r2", "sfp1", Faces.AGENCY, ("10.1.0.0/16",)))


def placed(floor: int = 2 * MBPS, weight: int = 1, priority: int = 5, ceiling: int = 8 * MBPS) -> Placement:
    return Placement(floor, weight, priority, (Tier(None, ceiling, ceiling), Tier("province", ceiling, floor)))


def behind(placement: Placement) -> PlanContext:
    return replace(CONTEXT, placements={("a", DOWN): placement})


def test_a_circuit_is_altered_where_it_is_limited_with_its_place_there() -> None:
    (change,) = plan([verdict("dinkes", 5 * MBPS)], [shared("a", "dinkes")], read(a=None), behind(placed())).changes
    assert (change.router, change.action, change.to_placement) == ("r2", Action.SET, placed())
    (change,) = plan([verdict("dinkes", MBPS)], [shared("a", "dinkes")], read(a=None), behind(placed())).changes
    assert change.to_placement == replace(placed(), floor_bps=MBPS), "nobody is guaranteed more than he is limited to"
    (change,) = plan([verdict("dinkes", None)], [shared("a", "dinkes")], read(a=MBPS), behind(placed())).changes
    assert (change.action, change.to_placement) == (Action.REMOVE, None)


@pytest.mark.parametrize(
    ("has", "action"),
    [
        (placed(), Action.KEEP),
        (placed(floor=1_999_000), Action.KEEP),
        (replace(placed(), above=(placed().above[0], Tier("province", 8 * MBPS, 0))), Action.KEEP),
        (None, Action.KEEP),
        (placed(floor=MBPS), Action.SET),
        (placed(floor=3 * MBPS), Action.SET),
        (placed(weight=2), Action.SET),
        (placed(priority=4), Action.SET),
        (placed(ceiling=6 * MBPS), Action.SET),
        (replace(placed(), above=placed().above[:1]), Action.SET),
    ],
)
def test_a_limit_of_the_same_rate_is_set_anew_where_its_place_is_another(has: Placement | None, action: Action) -> None:
    seen = {("a", DOWN): Observed(5 * MBPS, True, has)}
    made = plan([verdict("dinkes", 5 * MBPS)], [shared("a", "dinkes")], seen, behind(placed()))
    assert [(c.action, c.from_placement) for c in made.changes] == [(action, has)]
    again = {("a", DOWN): Observed(5 * MBPS, True, placed())}
    assert not pending(plan([verdict("dinkes", 5 * MBPS)], [shared("a", "dinkes")], again, behind(placed())))


def test_doubt_readiness_renaming_and_uplinks_are_those_of_the_place_of_limiting() -> None:
    wants, circuits = [verdict("dinkes", 5 * MBPS)], [shared("a", "dinkes")]
    for why, context in (
        (Withheld.ROUTER_IN_DOUBT, {"doubtful_routers": frozenset({"r2"})}),
        (Withheld.UNCONFIRMED, {"renamed_ports": frozenset({("r2", "sfp1")})}),
        (Withheld.NOT_READY, {"enforce_ready": {"r1": True}}),
    ):
        reasons = withheld(wants, circuits, read(a=None), replace(behind(placed()), **context))
        assert reasons == {("a", DOWN): why}
    elsewhere = replace(behind(placed()), doubtful_routers=frozenset({"r1"}), enforce_ready={"r2": True})
    assert pending(plan(wants, circuits, read(a=None), elsewhere))
    uplinks = replace(behind(placed()), uplinks=frozenset({("r2", "sfp1")}))
    refused = plan(wants, circuits, read(a=None), uplinks).refused
    assert refused is not None
    assert "circuit a is on r2 sfp1, an uplink" in refused.detail


def test_a_lower_floor_waits_for_whatever_a_tightening_waits_for_and_a_higher_one_does_not() -> None:
    wants, circuits = [verdict("dinkes", 5 * MBPS, R.FROZEN_STALE)], [shared("a", "dinkes")]
    for floor, expected in ((3 * MBPS, {("a", DOWN): Withheld.FROZEN}), (MBPS, {})):
        seen = {("a", DOWN): Observed(5 * MBPS, True, placed(floor))}
        assert withheld(wants, circuits, seen, behind(placed())) == expected


def test_a_plan_of_other_floors_has_another_hash() -> None:
    wants, circuits = [verdict("dinkes", 5 * MBPS)], [shared("a", "dinkes")]
    made = [plan(wants, circuits, read(a=None), behind(placed(floor))).hash for floor in (MBPS, 2 * MBPS)]
    assert made[0] != made[1]


# --- what only bides its time ----------------------------------------------------------------


def bided(context: PlanContext, wants: int | None = MBPS, has: int | None = 4 * MBPS, reason: R = R.OVER_QUOTA) -> Plan:
    return plan([verdict("dinkes", wants, reason)], [circuit("a", "dinkes")], read(a=has), context)


ALWAYS = ApprovalPolicy(Required.ALWAYS)
PUT_OFF = {
    Withheld.BREAKER_OPEN: replace(CONTEXT, open_breakers=frozenset({"r1"})),
    Withheld.FREEZE_WINDOW: replace(CONTEXT, freeze_window=True),
    Withheld.UNAPPROVED: replace(CONTEXT, approvals=ALWAYS),
    Withheld.ROLLOUT_HALTED: replace(CONTEXT, halted=True),
}


@pytest.mark.parametrize("why", PUT_OFF)
@pytest.mark.parametrize(
    ("wants", "has", "reason", "put_off"),
    [
        (MBPS, 4 * MBPS, R.OVER_QUOTA, set(PUT_OFF)),
        (MBPS, None, R.OVER_QUOTA, set(PUT_OFF)),
        (4 * MBPS, MBPS, R.OVER_QUOTA, {Withheld.BREAKER_OPEN, Withheld.FREEZE_WINDOW}),
        (4 * MBPS, MBPS, R.BOOSTED, {Withheld.BREAKER_OPEN}),
        (None, MBPS, R.RESTORED_NEW_PERIOD, {Withheld.BREAKER_OPEN}),
    ],
    ids=["lowered", "set", "raised", "boosted", "removed"],
)
def test_what_is_put_off_is_withheld_by_name_and_leaves_the_plan_the_same(
    why: Withheld, wants: int | None, has: int | None, reason: R, put_off: set[Withheld]
) -> None:
    made = bided(PUT_OFF[why], wants, has, reason)
    asked = [verdict("dinkes", wants, reason)], [circuit("a", "dinkes")], read(a=has), PUT_OFF[why]
    assert pending(made) == (() if why in put_off else pending(bided(CONTEXT, wants, has, reason)))
    assert withheld(*asked) == ({("a", DOWN): why} if why in put_off else {})
    assert made.hash == bided(CONTEXT, wants, has, reason).hash
    assert made.refused is None


def test_approved_tightenings_are_to_be_done_until_the_approval_expires() -> None:
    awaited = bided(PUT_OFF[Withheld.UNAPPROVED]).awaited
    assert awaited is not None
    given = PlanApproval(awaited.hash, awaited.rows, Word("siti", 1), expires_ns=2000)
    context = replace(CONTEXT, approvals=ALWAYS, given=(given,))
    assert len(pending(bided(context))) == 1
    assert pending(bided(replace(context, now_ns=2000))) == ()
    assert pending(bided(context, wants=2 * MBPS)) == (), "another plan"


def test_what_is_shared_rises_no_sooner_than_the_decrease_it_rises_into() -> None:
    circuits = [
        replace(circuit("a", "dinkes"), pools=("internet",)),
        replace(circuit("b", "arsip", "r2"), pools=("internet",)),
        replace(circuit("c", "dishub", "r2"), pools=("domestic",)),
    ]
    seen = read(a=8 * MBPS, b=MBPS, c=MBPS)
    shares = {(one.id, DOWN): Share(4 * MBPS, R.SHARED) for one in circuits}
    context = replace(CONTEXT, shares=shares, halted=True)
    asked = [verdict(one.agency, None, R.NO_QUOTA) for one in circuits], circuits, seen, context
    assert withheld(*asked) == {("a", DOWN): Withheld.ROLLOUT_HALTED, ("b", DOWN): Withheld.DECREASE_FIRST}
    assert [one.circuit for one in pending(plan(*asked))] == ["c"]


def test_a_tightening_below_a_floor_refuses_the_plan_unless_its_step_may() -> None:
    context = replace(CONTEXT, floors={("dinkes", DOWN): 2 * MBPS})
    refused = bided(context).refused
    assert refused is not None
    assert refused.rule == "below_floor"
    assert "1 Mb/s less than the 2 Mb/s it is guaranteed" in refused.detail
    lawful = replace(verdict("dinkes", MBPS), may_breach_floor=True)
    assert plan([lawful], [circuit("a", "dinkes")], read(a=None), context).refused is None
    assert bided(context, wants=2 * MBPS).refused is None
    assert {
        one.rule: one.found
        for one in checks([verdict("dinkes", MBPS)], [circuit("a", "dinkes")], read(a=None), context)
    }[Rule.FLOOR] == 1
