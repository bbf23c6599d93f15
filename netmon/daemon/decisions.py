"""One decision over the whole inventory: usage, policies and observed limits give verdicts and a plan.

`decide` is pure; what it needs is gathered by whoever asks. The control loop's docket reaches the same verdicts
by judging only what can have changed, and a test holds it to `decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netmon.core import directing, planning, quota
from netmon.core.changes import Plan
from netmon.core.directives import Directive
from netmon.core.ladder import Claim, QuotaPolicy, QuotaUsage
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, TrafficClass, Verdict
from netmon.core.periods import Period, PeriodRule, period_containing
from netmon.core.planning import Observed, PlanContext

OBSERVATION_NS = 7 * 86_400 * NANOSECONDS
"""So long a router is observed before limits are enforced on it, unless the configuration overrides it."""


Memory = tuple[str, str, Direction]
"""Whose the last verdict was: agency, policy, direction."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a decision rests on."""

    now_ns: int
    claims: tuple[tuple[Claim, QuotaUsage], ...]
    """Every policy of every agency, with what the agency has used of it."""
    previous: Mapping[Memory, Verdict]
    """The last verdict of each policy."""
    counting: Mapping[tuple[str, Direction], Verdict]
    """(agency, direction) -> the last verdict that counted."""
    stale_after_ns: int
    circuits: tuple[Circuit, ...]
    observed: Mapping[tuple[str, Direction], Observed]
    context: PlanContext
    ease_stale_after_ns: int | None = None
    """None: a limit outlives the data it rests on up to its period's end."""
    directives: tuple[Directive, ...] = ()
    """What people decided for a time."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdicts of every policy, the one that counts per agency and direction, and the plan."""

    every: tuple[Verdict, ...]
    verdicts: tuple[Verdict, ...]
    plan: Plan


UsedIn = Callable[[Claim, Sequence[Circuit]], QuotaUsage]


def claims(
    agencies: Iterable[Agency],
    policies: Mapping[str, QuotaPolicy],
    circuits: Mapping[str, Sequence[Circuit]],
    used: UsedIn,
    now_ns: int,
) -> tuple[tuple[Claim, QuotaUsage], ...]:
    """Every agency's policies with the period that contains `now_ns`; `circuits` by agency."""
    found: list[tuple[Claim, QuotaUsage]] = []
    periods: dict[tuple[PeriodRule, str], Period] = {}
    for agency in agencies:
        for name in agency.quotas:
            policy = policies[name]
            ours = counted(policy, circuits.get(agency.id, ()))
            key = (policy.period, agency.timezone)
            if key not in periods:
                periods[key] = period_containing(policy.period, now_ns, agency.timezone)
            for direction in policy.counts if ours else ():
                claim = Claim(agency.id, direction, agency.timezone, policy, periods[key])
                found.append((claim, used(claim, ours)))
    return tuple(found)


def counted(policy: QuotaPolicy, circuits: Sequence[Circuit]) -> Sequence[Circuit]:
    """Those of an agency's circuits that a policy counts."""
    if policy.traffic_class is TrafficClass.ALL:
        return circuits
    return [circuit for circuit in circuits if circuit.traffic_class is policy.traffic_class]


def decide(question: Question) -> Decision:
    """Judges every claim, lets the strictest verdict count, and plans what follows from it."""
    every = tuple(
        quota.judge(
            claim,
            used,
            question.previous.get((claim.agency, claim.policy.name, claim.direction)),
            question.now_ns,
            clock_trusted=question.context.clock_trusted,
            stale_after_ns=question.stale_after_ns,
            ease_stale_after_ns=question.ease_stale_after_ns,
        )
        for claim, used in question.claims
    )
    by_agency: dict[tuple[str, Direction], list[Verdict]] = {}
    for verdict in every:
        by_agency.setdefault((verdict.agency, verdict.direction), []).append(verdict)
    directives, counting, now_ns = question.directives, question.counting, question.now_ns
    verdicts = [
        directing.counting(rivals, directives, counting.get(owner), now_ns) for owner, rivals in by_agency.items()
    ]
    verdicts += [
        directing.directed(directing.no_quota(*owner, before), directives, before, now_ns)
        for owner, before in counting.items()
        if owner not in by_agency
    ]
    judged = {(verdict.agency, verdict.direction) for verdict in verdicts}
    agencies = {circuit.id: circuit.agency for circuit in question.circuits}
    sharing = dict.fromkeys((agencies[circuit], direction) for circuit, direction in question.context.shares)
    verdicts += [directing.no_quota(*owner, None) for owner in sharing if owner not in judged]
    return Decision(
        every=every,
        verdicts=tuple(verdicts),
        plan=planning.plan(verdicts, question.circuits, question.observed, question.context),
    )


def previous_verdicts(verdicts: Iterable[Verdict]) -> dict[Memory, Verdict]:
    """Each policy's verdict, of those that rest on a policy."""
    return {(one.agency, one.policy, one.direction): one for one in verdicts if one.policy is not None}
