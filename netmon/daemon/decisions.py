"""One decision over the whole inventory: usage, policies and observed limits give verdicts and a plan.

`decide` is pure; what it needs is gathered by whoever asks. The control loop's docket reaches the same verdicts
by judging only what can have changed, and a test holds it to `decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netmon.core import planning, quota
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Plan, Verdict
from netmon.core.periods import Period, PeriodRule, period_containing
from netmon.core.planning import Observed, PlanContext
from netmon.core.quota import QuotaPolicy, QuotaUsage

OBSERVATION_NS = 7 * 86_400 * NANOSECONDS
"""So long a router is observed before limits are enforced on it, unless the configuration overrides it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One policy applied to one agency, with what the agency has used of it."""

    agency: str
    policy: QuotaPolicy
    period: Period
    used: QuotaUsage


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a decision rests on."""

    now_ns: int
    claims: tuple[Claim, ...]
    previous: Mapping[tuple[str, str], Verdict]
    """(agency, policy name) -> the last verdict of that policy."""
    counting: Mapping[tuple[str, Direction], Verdict]
    """(agency, direction) -> the last verdict that counted."""
    stale_after_ns: int
    circuits: tuple[Circuit, ...]
    observed: Mapping[tuple[str, Direction], Observed]
    context: PlanContext


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdicts of every policy, the one that counts per agency and direction, and the plan."""

    every: tuple[Verdict, ...]
    verdicts: tuple[Verdict, ...]
    plan: Plan


UsedIn = Callable[[Sequence[Circuit], Direction, Period], QuotaUsage]


def claims(
    agencies: Iterable[Agency],
    policies: Mapping[str, QuotaPolicy],
    circuits: Mapping[str, Sequence[Circuit]],
    used: UsedIn,
    now_ns: int,
) -> tuple[Claim, ...]:
    """Every agency's policies with the period that contains `now_ns`; `circuits` by agency."""
    found: list[Claim] = []
    periods: dict[tuple[PeriodRule, str], Period] = {}
    for agency in agencies:
        ours = circuits.get(agency.id, ())
        for name in agency.quotas if ours else ():
            policy = policies[name]
            key = (policy.period, agency.timezone)
            period = periods.get(key)
            if period is None:
                period = periods[key] = period_containing(policy.period, now_ns, agency.timezone)
            found.append(Claim(agency.id, policy, period, used(ours, policy.direction, period)))
    return tuple(found)


def decide(question: Question) -> Decision:
    """Judges every claim, lets the strictest verdict count, and plans what follows from it."""
    every = tuple(
        quota.judge(
            claim.policy,
            claim.agency,
            claim.used,
            claim.period,
            question.previous.get((claim.agency, claim.policy.name)),
            question.now_ns,
            clock_trusted=question.context.clock_trusted,
            stale_after_ns=question.stale_after_ns,
        )
        for claim in question.claims
    )
    by_agency: dict[tuple[str, Direction], list[Verdict]] = {}
    for verdict in every:
        by_agency.setdefault((verdict.agency, verdict.direction), []).append(verdict)
    verdicts = [quota.strictest(rivals) for rivals in by_agency.values()]
    verdicts += [
        quota.no_quota(agency, direction, before)
        for (agency, direction), before in question.counting.items()
        if (agency, direction) not in by_agency
    ]
    return Decision(
        every=every,
        verdicts=tuple(verdicts),
        plan=planning.plan(verdicts, question.circuits, question.observed, question.context),
    )


def previous_verdicts(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Verdict]:
    """(agency, policy name) -> verdict, of those that rest on a policy."""
    return {(verdict.agency, verdict.policy): verdict for verdict in verdicts if verdict.policy is not None}
