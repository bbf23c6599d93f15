"""A quota policy as it was written, and what its ladder says of a proven amount; no memory, no time.

An amount is bytes, or of a 95th percentile bit/s. What was carried over from the period before adds to the volume,
and every percentage is of both together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from netmon.core.model import Direction, RateLimit, RuleRef, TrafficClass, Verdict, VerdictReason
from netmon.core.periods import Period, PeriodRule
from netmon.core.windows import Window

CARRIED = "carried_bytes"


@dataclass(frozen=True, slots=True)
class LadderStep:
    """From `at_permille` thousandths of the allowance on: notify only, slow to a rate, hold, or restore."""

    at_permille: int
    slow_to_bps: int | None
    """None: it slows no further."""
    rule: RuleRef
    hold: bool = False
    """The limit in force stays until the period ends, whatever figures are corrected."""
    restore: bool = False
    """The ladder limits no longer."""
    may_breach_floor: bool = False
    """Its limit may be lower than a guaranteed floor, for which there is a legal basis."""
    legal_basis: str | None = None


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """What may be used per period, and what happens as that is used up."""

    name: str
    counts: tuple[Direction, ...]
    """One, or both added; the limit of a step holds in each."""
    period: PeriodRule
    volume_bytes: int | None
    """None: a percentile is counted."""
    ladder: tuple[LadderStep, ...]
    """Ascending by at_permille."""
    hysteresis_permille: int
    """A step in force is left only this far below its threshold (of the allowance)."""
    rule: RuleRef
    p95_bps: int | None = None
    """The 95th percentile of one direction in place of a volume."""
    rollover_permille: int = 0
    """At most so much of the volume is carried over, if it was not used, into the next period."""
    when: tuple[Window, ...] = ()
    """Its limits hold only in these; none: always. Counting goes on outside."""
    grace_ns: int = 0
    """For so long after it came to read as it does, it tightens nothing."""
    traffic_class: TrafficClass = TrafficClass.ALL
    """Only circuits of this class count; `all`: every circuit."""

    @property
    def allowance(self) -> int:
        """Bytes or bit/s, without what is carried over."""
        return self.volume_bytes if self.volume_bytes is not None else self.p95_bps or 0

    @property
    def unit(self) -> str:
        """How figures that are held against it end."""
        return "bytes" if self.volume_bytes is not None else "bps"


@dataclass(frozen=True, slots=True)
class Claim:
    """One policy applied to one agency in one direction, in the period that runs."""

    agency: str
    direction: Direction
    zone: str
    """The agency's."""
    policy: QuotaPolicy
    period: Period


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """What an agency has provably used in the period, over all circuits that count."""

    proven: int
    """Bytes, or of a percentile bit/s."""
    newest_ns: int | None
    """Instant of the newest reading of the circuit read longest ago; None: never read."""
    carried: int = 0
    """Bytes carried over from the period before."""
    any_read_ns: int | None = None
    """Instant of the newest reading of any circuit, where that is another one."""

    @property
    def latest_ns(self) -> int | None:
        return self.newest_ns if self.any_read_ns is None else self.any_read_ns


def carried_over(policy: QuotaPolicy, proven_before: int) -> int:
    """Bytes of the volume that were not used in the period before, as far as the policy carries them over.

    Only what is proven was used: of what is not known, the agency has the benefit.
    """
    if policy.volume_bytes is None:
        return 0
    most = policy.volume_bytes * policy.rollover_permille // 1000
    return min(most, max(0, policy.volume_bytes - proven_before))


def threshold(policy: QuotaPolicy, step: int, carried: int = 0) -> int:
    """The first amount at which the 1-based `step` is in force."""
    return -(-(policy.allowance + carried) * policy.ladder[step - 1].at_permille // 1000)


def margin(policy: QuotaPolicy, carried: int = 0) -> int:
    """How far below its threshold a step is left."""
    return (policy.allowance + carried) * policy.hysteresis_permille // 1000


def climbed(policy: QuotaPolicy, used: QuotaUsage) -> int:
    """The last step that the proven amount reaches."""
    return sum(used.proven >= threshold(policy, step, used.carried) for step in range(1, len(policy.ladder) + 1))


def kept(policy: QuotaPolicy, used: QuotaUsage, step: int) -> int:
    """The step that is not left yet of `step`, once reached."""
    if holds(policy, step):
        return step
    low = margin(policy, used.carried)
    return next((s for s in range(step, 0, -1) if used.proven >= threshold(policy, s, used.carried) - low), 0)


def holds(policy: QuotaPolicy, step: int) -> bool:
    """Whether a step that holds was reached."""
    return any(one.hold for one in policy.ladder[:step])


def limit(policy: QuotaPolicy, step: int) -> RateLimit | None:
    """What the ladder limits to at the step."""
    acting = _acting(policy, step)
    return None if acting is None or acting.slow_to_bps is None else RateLimit(acting.slow_to_bps)


def evidence(policy: QuotaPolicy, step: int, carried: int = 0) -> dict[str, int]:
    """What the step is held against."""
    found = {f"quota_{policy.unit}": policy.allowance + carried}
    if len(policy.counts) > 1:
        found["directions"] = len(policy.counts)
    if policy.rollover_permille:
        found[CARRIED] = carried
    if step:
        found[f"threshold_{policy.unit}"] = threshold(policy, step, carried)
    if step < len(policy.ladder):
        found[f"next_threshold_{policy.unit}"] = threshold(policy, step + 1, carried)
    return found


def verdict(claim: Claim, used: QuotaUsage, step: int) -> Verdict:
    """What the ladder says at the step, to the end of the period."""
    policy, acting = claim.policy, _acting(claim.policy, step)
    return Verdict(
        agency=claim.agency,
        direction=claim.direction,
        limit=limit(policy, step),
        reason=_reason(policy, step),
        policy=policy.name,
        rule=_rule(policy, step),
        step=step,
        period_start_ns=claim.period.start_ns,
        until_ns=claim.period.end_ns if step else None,
        evidence={f"proven_{policy.unit}": used.proven, **evidence(policy, step, used.carried)},
        may_breach_floor=acting is not None and acting.may_breach_floor,
    )


def meaning(policy: QuotaPolicy) -> int:
    """A digest of what a policy asks of an agency, whatever lines it stands on; holidays aside, which come and go."""
    windows = [(w.days, w.dates, w.from_minute, w.to_minute, w.holidays.value) for w in policy.when]
    said = (
        [direction.value for direction in policy.counts],
        (policy.period.kind.value, policy.period.reset_day, policy.period.reset_month, policy.period.length_ns),
        (policy.volume_bytes, policy.p95_bps, policy.rollover_permille, policy.traffic_class.value),
        [(s.at_permille, s.slow_to_bps, s.hold, s.restore, s.may_breach_floor) for s in policy.ladder],
        windows,
    )
    return int.from_bytes(hashlib.sha256(repr(said).encode()).digest()[:6])


def _acting(policy: QuotaPolicy, step: int) -> LadderStep | None:
    """The last step up to `step` that slows or restores: a later one that only notifies leaves it in force."""
    return next((s for s in reversed(policy.ladder[:step]) if s.slow_to_bps is not None or s.restore), None)


def _rule(policy: QuotaPolicy, step: int) -> RuleRef:
    """The line that explains the limit or its end, else the step, else the policy."""
    acting = _acting(policy, step)
    if acting is not None:
        return acting.rule
    return policy.ladder[step - 1].rule if step else policy.rule


def _reason(policy: QuotaPolicy, step: int) -> VerdictReason:
    if step == 0:
        return VerdictReason.WITHIN_QUOTA
    acting = _acting(policy, step)
    if acting is not None and acting.restore:
        return VerdictReason.RESTORED_BY_STEP
    if acting is not None or policy.ladder[step - 1].at_permille >= 1000:
        return VerdictReason.OVER_QUOTA
    return VerdictReason.NEAR_QUOTA
