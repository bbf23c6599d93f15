"""One decision over the whole inventory is a pure function of what it rests on."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.world import START_NS

from netmon.core.changes import Action
from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.ladder import Claim, LadderStep, QuotaPolicy, QuotaUsage
from netmon.core.model import (
    NANOSECONDS,
    Agency,
    Circuit,
    Direction,
    Faces,
    Mode,
    RuleRef,
    TrafficClass,
    Verdict,
    VerdictReason,
)
from netmon.core.periods import PeriodKind, PeriodRule
from netmon.core.planning import Observed, PlanContext, pending
from netmon.daemon.decisions import Question, claims, decide, previous_verdicts

DOWNLOAD, UPLOAD = Direction.DOWNLOAD, Direction.UPLOAD
RULE = RuleRef("quotas/standard.yaml", 3)
DAY = PeriodRule(PeriodKind.DAY)


def a_policy(name: str, volume: int, slow_to: int, direction: Direction = DOWNLOAD) -> QuotaPolicy:
    ladder = (LadderStep(800, None, RULE), LadderStep(1000, slow_to, RULE))
    return QuotaPolicy(name, (direction,), DAY, volume, ladder, 20, RULE)


POLICIES = {p.name: p for p in (a_policy("daily", 1000, 5_000_000), a_policy("strict", 1000, 2_000_000))}
CIRCUIT = Circuit("dinkes-fo", "dinkes", "palu", "ether1", Faces.AGENCY, mode=Mode.ENFORCE)


def an_agency(*quotas: str, zone: str = "Asia/Makassar") -> Agency:
    return Agency("dinkes", "Dinas Kesehatan", zone, quotas=quotas)


def a_question(
    agency: Agency, used: int, counting: Mapping[tuple[str, Direction], Verdict] | None = None, **limits: Observed
) -> Question:
    def used_in(claim: Claim, circuits: Sequence[Circuit]) -> QuotaUsage:
        return QuotaUsage(used, START_NS)

    found = claims([agency], POLICIES, {"dinkes": (CIRCUIT,)}, used_in, START_NS)
    seen = Observed(None, known=True)
    return Question(
        now_ns=START_NS,
        claims=found,
        previous=previous_verdicts((counting or {}).values()),
        counting=counting or {},
        stale_after_ns=300 * NANOSECONDS,
        circuits=(CIRCUIT,),
        observed={("dinkes-fo", direction): limits.get(direction.value, seen) for direction in Direction},
        context=PlanContext(START_NS, 1, 300, {"palu": True}),
    )


def test_every_policy_of_an_agency_is_a_claim_on_all_its_circuits() -> None:
    asked: list[Sequence[Circuit]] = []

    def used_in(claim: Claim, circuits: Sequence[Circuit]) -> QuotaUsage:
        asked.append(circuits)
        return QuotaUsage(7, None)

    second = replace(CIRCUIT, id="dinkes-radio")
    found = claims([an_agency("daily", "strict")], POLICIES, {"dinkes": (CIRCUIT, second)}, used_in, START_NS)
    assert [(claim.policy.name, used.proven) for claim, used in found] == [("daily", 7), ("strict", 7)]
    assert asked == [(CIRCUIT, second)] * 2


def test_an_agency_without_circuits_has_nothing_to_be_judged_by() -> None:
    assert claims([an_agency("daily")], POLICIES, {}, lambda *_: QuotaUsage(0, None), START_NS) == ()


def test_the_period_is_cut_in_the_agencys_own_zone() -> None:
    def starts(zone: str) -> int:
        ((claim, _),) = claims(
            [an_agency("daily", zone=zone)], POLICIES, {"dinkes": (CIRCUIT,)}, lambda *_: QuotaUsage(0, 0), START_NS
        )
        return claim.period.start_ns

    assert starts("Asia/Jakarta") - starts("Asia/Makassar") == 3600 * NANOSECONDS


def test_the_strictest_of_several_policies_counts_and_all_are_remembered() -> None:
    decision = decide(a_question(an_agency("daily", "strict"), used=1500))
    assert [verdict.policy for verdict in decision.every] == ["daily", "strict"]
    (counting,) = decision.verdicts
    assert counting.policy == "strict"
    (change,) = pending(decision.plan)
    assert (change.action, change.to_bps, change.reason) == (Action.SET, 2_000_000, VerdictReason.OVER_QUOTA)
    assert set(previous_verdicts(decision.every)) == {("dinkes", "daily", DOWNLOAD), ("dinkes", "strict", DOWNLOAD)}


def test_nothing_is_pending_within_the_quota() -> None:
    decision = decide(a_question(an_agency("daily"), used=10))
    assert decision.verdicts[0].reason is VerdictReason.WITHIN_QUOTA
    assert pending(decision.plan) == ()


def test_a_limit_whose_policy_is_gone_is_lifted_once_and_then_there_is_no_quota() -> None:
    over = decide(a_question(an_agency("daily"), used=1500)).verdicts[0]
    gone = a_question(an_agency(), 1500, {("dinkes", DOWNLOAD): over}, download=Observed(5_000_000, known=True))
    decision = decide(gone)
    assert [verdict.reason for verdict in decision.verdicts] == [VerdictReason.RESTORED_POLICY_CHANGED]
    assert [change.action for change in pending(decision.plan)] == [Action.REMOVE]
    again = decide(a_question(an_agency(), 1500, {("dinkes", DOWNLOAD): decision.verdicts[0]}))
    assert [verdict.reason for verdict in again.verdicts] == [VerdictReason.NO_QUOTA]


def test_directions_are_judged_apart() -> None:
    policies = POLICIES | {"up": a_policy("up", 10, 1_000_000, UPLOAD)}
    found = claims(
        [an_agency("daily", "up")], policies, {"dinkes": (CIRCUIT,)}, lambda *_: QuotaUsage(20, START_NS), START_NS
    )
    decision = decide(replace(a_question(an_agency(), 0), claims=found))
    assert {v.direction: v.reason for v in decision.verdicts} == {
        DOWNLOAD: VerdictReason.WITHIN_QUOTA,
        UPLOAD: VerdictReason.OVER_QUOTA,
    }


def test_a_sum_is_a_claim_in_each_direction_with_the_same_usage() -> None:
    both = replace(a_policy("both", 1000, 5_000_000), counts=(DOWNLOAD, UPLOAD))
    found = claims(
        [an_agency("both")], {"both": both}, {"dinkes": (CIRCUIT,)}, lambda *_: QuotaUsage(1000, START_NS), START_NS
    )
    decision = decide(replace(a_question(an_agency(), 0), claims=found))
    assert {v.direction: v.limit and v.limit.ceiling_bps for v in decision.verdicts} == {
        DOWNLOAD: 5_000_000,
        UPLOAD: 5_000_000,
    }
    assert len(previous_verdicts(decision.every)) == 2


def test_a_policy_of_a_class_counts_the_circuits_of_that_class_and_no_others() -> None:
    domestic = replace(CIRCUIT, id="dinkes-iix", traffic_class=TrafficClass.DOMESTIC)
    policies = {
        one.name: one
        for one in (
            replace(a_policy("domestic", 1000, 1), traffic_class=TrafficClass.DOMESTIC),
            replace(a_policy("international", 1000, 1), traffic_class=TrafficClass.INTERNATIONAL),
            a_policy("all", 1000, 1),
        )
    }
    found = claims(
        [an_agency(*policies)],
        policies,
        {"dinkes": (CIRCUIT, domestic)},
        lambda claim, circuits: QuotaUsage(len(circuits), None),
        START_NS,
    )
    assert [(claim.policy.name, used.proven) for claim, used in found] == [("domestic", 1), ("all", 2)]


def test_directives_decide_what_counts_and_leave_no_trace_in_what_is_remembered() -> None:
    question = a_question(an_agency("daily", "strict"), used=1500)
    exemption = Directive("d", DirectiveKind.EXEMPTION, "dinkes", "r", "ani", START_NS, None, policy="strict")
    decision = decide(replace(question, directives=(exemption,)))
    assert decision.verdicts[0].policy == "daily"
    assert decision.every == decide(question).every


def test_a_freeze_keeps_even_the_limit_of_a_policy_that_is_gone() -> None:
    over = decide(a_question(an_agency("daily"), used=1500)).verdicts[0]
    freeze = Directive("d", DirectiveKind.FREEZE, EVERYBODY, "r", "ani", START_NS, None)
    gone = a_question(an_agency(), 1500, {("dinkes", DOWNLOAD): over})
    (verdict,) = decide(replace(gone, directives=(freeze,))).verdicts
    assert (verdict.reason, verdict.limit) == (VerdictReason.FROZEN_BY_OPERATOR, over.limit)


def test_the_same_question_has_the_same_answer_in_another_process() -> None:
    question = a_question(an_agency("daily", "strict"), used=1500)
    assert decide(pickle.loads(pickle.dumps(question))) == pickle.loads(pickle.dumps(decide(question)))


def test_verdicts_that_rest_on_no_policy_are_not_remembered_as_a_policys() -> None:
    assert previous_verdicts(decide(a_question(an_agency(), 0)).verdicts) == {}
