"""Usage + policy + previous verdict + now -> a verdict with a named reason.

The rules (docs/adr/0004-missing-data-never-tightens.md):

* Only proven bytes climb the ladder.
* Within a period a step in force is left downwards only below its threshold minus the hysteresis.
* A changed policy is judged anew at once, without hysteresis.
* A new period first restores, whatever has been used in it; the following judgement starts from there.
* An unsynchronised clock freezes everything; stale usage tightens nothing, but does not keep a limit
  beyond its period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from netmon.core.model import Direction, RateLimit, RuleRef, Verdict, VerdictReason
from netmon.core.periods import Period, PeriodRule


@dataclass(frozen=True, slots=True)
class LadderStep:
    """From `at_permille` thousandths of the volume on: notify only, or slow to a rate."""

    at_permille: int
    slow_to_bps: int | None
    """None: notify only."""
    rule: RuleRef


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """A volume per period in one direction and what happens as it is used up."""

    name: str
    direction: Direction
    period: PeriodRule
    volume_bytes: int
    ladder: tuple[LadderStep, ...]
    """Ascending by at_permille."""
    hysteresis_permille: int
    """A step in force is left only this far below its threshold (of the volume)."""
    rule: RuleRef


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """What an agency has provably used in the period, over all its circuits."""

    proven_bytes: int
    newest_ns: int | None
    """Instant of the newest reading it rests on; None: never read."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The proven bytes between which judging again, on fresh usage and a trusted clock, alters nothing but numbers."""

    from_bytes: int
    below_bytes: int


def judge(
    policy: QuotaPolicy,
    agency: str,
    used: QuotaUsage,
    period: Period,
    previous: Verdict | None,
    now_ns: int,
    *,
    clock_trusted: bool,
    stale_after_ns: int,
) -> Verdict:
    """What `policy` says for `agency` now.

    `period` is the policy's period that contains `now_ns`, `used` the usage in it, and `previous` the
    last verdict of the same policy, agency and direction.
    """
    before = previous
    if not clock_trusted:
        return _frozen(policy, agency, used, period, before, VerdictReason.FROZEN_CLOCK)
    if before is not None and _ended(before, period, now_ns):
        if before.limit is not None:
            return _restored(policy, agency, used, period, before.step)
        before = None
    fresh = used.newest_ns is not None and now_ns - used.newest_ns <= stale_after_ns
    if before is not None and _policy_changed(policy, period, before):
        verdict = _rejudged(policy, agency, used, period, before)
        if fresh or _ceiling(verdict) >= _ceiling(before):
            return verdict
    if not fresh:
        return _frozen(policy, agency, used, period, before, VerdictReason.FROZEN_STALE)
    climbed = _climbed(policy, used.proven_bytes)
    kept = 0 if before is None else _kept_by_hysteresis(policy, used.proven_bytes, before.step)
    if kept > climbed:
        verdict = _verdict(policy, agency, used, period, kept)
        return replace(verdict, reason=VerdictReason.HELD_BY_HYSTERESIS)
    return _verdict(policy, agency, used, period, climbed)


def quiet(policy: QuotaPolicy, period: Period, verdict: Verdict) -> Quiet | None:
    """Within what usage `judge` would only repeat `verdict`; None: it may say something else at any time.

    Holds for the same policy and period, with `verdict` as the previous one, while the clock is trusted, the
    usage fresh and `now_ns` inside the period: then `judge` gives `refreshed(verdict, proven_bytes)`.
    """
    step, held = verdict.step, verdict.reason is VerdictReason.HELD_BY_HYSTERESIS
    if not held <= step <= len(policy.ladder):
        return None
    used = QuotaUsage(verdict.evidence.get("proven_bytes", 0), None)
    regular = _verdict(policy, verdict.agency, used, period, step)
    if verdict != (replace(regular, reason=VerdictReason.HELD_BY_HYSTERESIS) if held else regular):
        return None
    reached = threshold_bytes(policy, step) if step else 0
    if held:
        return Quiet(reached - _margin(policy), reached)
    return Quiet(reached, threshold_bytes(policy, step + 1) if step < len(policy.ladder) else _WITHOUT_END)


def refreshed(verdict: Verdict, proven_bytes: int) -> Verdict:
    """The same verdict, resting on a newer number."""
    return replace(verdict, evidence={**verdict.evidence, "proven_bytes": proven_bytes})


def strictest(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several policies' verdicts for one agency and direction, the one that counts.

    The lowest ceiling, then the highest step, then one that says why a limit ended; ties go by the
    policy's name. Raises ValueError when there is none.
    """
    if not verdicts:
        raise ValueError("no verdict to choose from; an agency without a policy has no_quota()")
    return min(
        verdicts, key=lambda v: (_ceiling(v), -v.step, v.reason not in _RESTORING, _REASONS[v.reason], v.policy or "")
    )


def no_quota(agency: str, direction: Direction, previous: Verdict | None) -> Verdict:
    """The verdict for an agency to which no policy applies in `direction`; it has no period (start 0).

    `previous` is the last verdict that counted: a limit it carried ends because its policy is gone.
    """
    lifted = previous is not None and previous.limit is not None
    return Verdict(
        agency=agency,
        direction=direction,
        limit=None,
        reason=VerdictReason.RESTORED_POLICY_CHANGED if lifted else VerdictReason.NO_QUOTA,
        policy=None,
        rule=None,
        step=0,
        period_start_ns=0,
        until_ns=None,
    )


def threshold_bytes(policy: QuotaPolicy, step: int) -> int:
    """The first number of bytes at which the 1-based `step` is in force."""
    return -(-policy.volume_bytes * policy.ladder[step - 1].at_permille // 1000)


_RESTORING = frozenset({VerdictReason.RESTORED_NEW_PERIOD, VerdictReason.RESTORED_POLICY_CHANGED})
_REASONS: Mapping[VerdictReason, int] = {reason: rank for rank, reason in enumerate(VerdictReason)}
_NO_CEILING = float("inf")
_WITHOUT_END = 1 << 128
"""More bytes than all counters of a province hold together."""


def _ceiling(verdict: Verdict) -> float:
    return _NO_CEILING if verdict.limit is None else verdict.limit.ceiling_bps


def _ended(before: Verdict, period: Period, now_ns: int) -> bool:
    """A step in force ends when it said it would, even where the policy's periods were redefined since."""
    if before.until_ns is not None:
        return now_ns >= before.until_ns
    return before.period_start_ns != period.start_ns


def _policy_changed(policy: QuotaPolicy, period: Period, before: Verdict) -> bool:
    """Compared by what it means, not by where it stands: a comment added above it changes nothing."""
    if before.policy != policy.name or before.step > len(policy.ladder):
        return True
    if before.period_start_ns != period.start_ns or before.until_ns not in {None, period.end_ns}:
        return True
    now = _evidence(policy, before.step)
    same = all(before.evidence.get(name) == now.get(name) for name in ("quota_bytes", "threshold_bytes"))
    return not same or before.limit != _limit(policy, before.step)


def _climbed(policy: QuotaPolicy, proven_bytes: int) -> int:
    return sum(proven_bytes >= threshold_bytes(policy, step) for step in range(1, len(policy.ladder) + 1))


def _kept_by_hysteresis(policy: QuotaPolicy, proven_bytes: int, step: int) -> int:
    margin = _margin(policy)
    return next((s for s in range(step, 0, -1) if proven_bytes >= threshold_bytes(policy, s) - margin), 0)


def _margin(policy: QuotaPolicy) -> int:
    return policy.volume_bytes * policy.hysteresis_permille // 1000


def _slowing(policy: QuotaPolicy, step: int) -> LadderStep | None:
    """The last step up to `step` that slows: a later notify-only step leaves its limit in force."""
    return next((s for s in reversed(policy.ladder[:step]) if s.slow_to_bps is not None), None)


def _limit(policy: QuotaPolicy, step: int) -> RateLimit | None:
    slowing = _slowing(policy, step)
    return None if slowing is None or slowing.slow_to_bps is None else RateLimit(slowing.slow_to_bps)


def _rule(policy: QuotaPolicy, step: int) -> RuleRef:
    """The line that explains the limit, else the step, else the policy."""
    slowing = _slowing(policy, step)
    if slowing is not None:
        return slowing.rule
    return policy.ladder[step - 1].rule if step else policy.rule


def _reason(policy: QuotaPolicy, step: int) -> VerdictReason:
    if step == 0:
        return VerdictReason.WITHIN_QUOTA
    if _slowing(policy, step) is not None or policy.ladder[step - 1].at_permille >= 1000:
        return VerdictReason.OVER_QUOTA
    return VerdictReason.NEAR_QUOTA


def _evidence(policy: QuotaPolicy, step: int) -> dict[str, int]:
    evidence = {"quota_bytes": policy.volume_bytes}
    if step:
        evidence["threshold_bytes"] = threshold_bytes(policy, step)
    if step < len(policy.ladder):
        evidence["next_threshold_bytes"] = threshold_bytes(policy, step + 1)
    return evidence


def _verdict(policy: QuotaPolicy, agency: str, used: QuotaUsage, period: Period, step: int) -> Verdict:
    return Verdict(
        agency=agency,
        direction=policy.direction,
        limit=_limit(policy, step),
        reason=_reason(policy, step),
        policy=policy.name,
        rule=_rule(policy, step),
        step=step,
        period_start_ns=period.start_ns,
        until_ns=period.end_ns if step else None,
        evidence={"proven_bytes": used.proven_bytes, **_evidence(policy, step)},
    )


def _restored(policy: QuotaPolicy, agency: str, used: QuotaUsage, period: Period, from_step: int) -> Verdict:
    verdict = _verdict(policy, agency, used, period, 0)
    evidence = {**verdict.evidence, "previous_step": from_step}
    return replace(verdict, reason=VerdictReason.RESTORED_NEW_PERIOD, evidence=evidence)


def _rejudged(policy: QuotaPolicy, agency: str, used: QuotaUsage, period: Period, before: Verdict) -> Verdict:
    verdict = _verdict(policy, agency, used, period, _climbed(policy, used.proven_bytes))
    if before.limit is None or verdict.limit is not None:
        return verdict
    evidence = {**verdict.evidence, "previous_step": before.step}
    return replace(verdict, reason=VerdictReason.RESTORED_POLICY_CHANGED, evidence=evidence)


def _frozen(
    policy: QuotaPolicy, agency: str, used: QuotaUsage, period: Period, before: Verdict | None, reason: VerdictReason
) -> Verdict:
    kept = _verdict(policy, agency, used, period, 0) if before is None else before
    evidence = dict(kept.evidence)
    if used.newest_ns is not None:
        evidence["newest_ns"] = used.newest_ns
    return replace(kept, reason=reason, evidence=evidence)
