"""Usage + policy + previous verdict + now -> a verdict with a named reason.

The rules (docs/adr/0004-missing-data-never-tightens.md, docs/quotas.md):

* Only proven bytes climb the ladder.
* Within a period a step in force is left downwards only below its threshold minus the hysteresis, and not at all
  once a step that holds was reached.
* A changed policy is judged anew at once, without hysteresis; for its grace it tightens nothing.
* A new period first restores, whatever has been used in it; the following judgement starts from there.
* Outside a policy's windows its ladder is climbed all the same, and its limit rests.
* An unsynchronised clock freezes everything; stale usage tightens nothing, but does not keep a limit
  beyond its period or window, nor, where so configured, beyond a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netmon.core import ladder
from netmon.core.ladder import Claim, QuotaUsage
from netmon.core.model import RateLimit, Verdict, VerdictReason
from netmon.core.windows import standing

SINCE = "since_ns"
"""Since when the policy reads as it does, in the evidence of one with a grace."""
MEANING = "meaning"
"""A digest of what it reads."""
LADDER_BPS = "ladder_bps"
"""The limit of the ladder's step where another one is in force; 0: none."""
PERIOD_END_NS = "period_end_ns"
"""Where the verdict ends sooner."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Within what judging again, on fresh usage and a trusted clock, alters nothing but numbers."""

    low: int
    """The least proven amount."""
    below: int
    """Above the greatest."""
    until_ns: int | None = None
    """Up to this instant, from the judgement on; None: as long as the period lasts."""


def judge(
    claim: Claim,
    used: QuotaUsage,
    previous: Verdict | None,
    now_ns: int,
    *,
    clock_trusted: bool,
    stale_after_ns: int,
    ease_stale_after_ns: int | None = None,
) -> Verdict:
    """What the claim's policy says now.

    The claim's period contains `now_ns`, `used` is the usage in it, and `previous` the last verdict of the same
    policy, agency and direction. Usage of which nothing was read for `ease_stale_after_ns` keeps no limit; None: it
    does.
    """
    if not clock_trusted:
        return _frozen(claim, used, previous, VerdictReason.FROZEN_CLOCK)
    since_ns = _reads_so_since(claim, previous, now_ns)
    before = previous
    if before is not None and _ended(before, claim, now_ns):
        if before.limit is not None:
            return remembering(claim, _restored(claim, used, before.step), since_ns)
        before = None
    fresh = used.newest_ns is not None and now_ns - used.newest_ns <= stale_after_ns
    verdict: Verdict | None = None
    if before is not None and _policy_changed(claim, before):
        verdict = _within_times(claim, _rejudged(claim, used, before), before, since_ns, now_ns)
        if not fresh and _stricter(verdict, before):
            verdict = None
    elif fresh:
        verdict = _within_times(claim, _climbed_or_kept(claim, used, before), before, since_ns, now_ns)
    if verdict is None:
        eased = ease_stale_after_ns is not None and (
            used.latest_ns is None or now_ns - used.latest_ns > ease_stale_after_ns
        )
        verdict = _stale(claim, used, before, eased, now_ns)
    return remembering(claim, verdict, since_ns)


def quiet(claim: Claim, verdict: Verdict, now_ns: int) -> Quiet | None:
    """Within what usage and until when `judge` would only repeat `verdict`; None: it may say something else at once.

    Holds for the same claim and what was carried into its period, with `verdict`, judged at `now_ns`, as the previous
    one, while the clock is trusted, the usage fresh and the instant inside the period: then `judge` gives
    `refreshed(verdict, proven)`.
    """
    policy, step = claim.policy, verdict.step
    if step > len(policy.ladder):
        return None
    used = QuotaUsage(proven_of(verdict), None, verdict.evidence.get(ladder.CARRIED, 0))
    climbed = ladder.climbed(policy, used)
    if climbed > step:
        return None
    regular = _climbed_or_kept(claim, used, verdict)
    since_ns = _reads_so_since(claim, verdict, now_ns)
    again = remembering(claim, _within_times(claim, regular, verdict, since_ns, now_ns), since_ns)
    if again != verdict or _policy_changed(claim, verdict):
        return None
    edges = [since_ns + policy.grace_ns] if now_ns < since_ns + policy.grace_ns else []
    if policy.when and regular.limit is not None:
        edge_ns = standing(policy.when, claim.zone, now_ns, claim.period.end_ns).until_ns
        edges += [] if edge_ns is None else [edge_ns]
    until_ns = min(edges, default=None)
    reached = ladder.threshold(policy, step, used.carried) if step else 0
    if climbed < step:
        low = 0 if ladder.holds(policy, step) else reached - ladder.margin(policy, used.carried)
        return Quiet(low, reached, until_ns)
    top = step == len(policy.ladder)
    return Quiet(reached, _WITHOUT_END if top else ladder.threshold(policy, step + 1, used.carried), until_ns)


def proven_of(verdict: Verdict) -> int:
    """The proven amount it rests on; bytes, or of a percentile bit/s."""
    return next((verdict.evidence[key] for key in _PROVEN if key in verdict.evidence), 0)


def refreshed(verdict: Verdict, proven: int) -> Verdict:
    """The same verdict, resting on a newer number."""
    key = next((key for key in _PROVEN if key in verdict.evidence), _PROVEN[0])
    return replace(verdict, evidence={**verdict.evidence, key: proven})


def essence(verdict: Verdict) -> tuple[object, ...]:
    """What makes a verdict another one; the numbers it rests on, which move with every visit, do not."""
    numbers = verdict.evidence
    return (
        *(verdict.policy, verdict.period_start_ns, verdict.step, verdict.reason),
        *(verdict.limit, verdict.may_breach_floor, verdict.until_ns),
        *(numbers.get(SINCE), numbers.get(MEANING)),
    )


def ceiling(verdict: Verdict) -> float:
    """bit/s; infinite without a limit."""
    return float("inf") if verdict.limit is None else verdict.limit.ceiling_bps


def set_aside(verdict: Verdict, limit: RateLimit | None, reason: VerdictReason, until_ns: int | None) -> Verdict:
    """The same verdict with another limit for a time; what its ladder says stays in the evidence."""
    evidence = {LADDER_BPS: 0 if verdict.limit is None else verdict.limit.ceiling_bps, **verdict.evidence}
    return _ending(replace(verdict, limit=limit, reason=reason, evidence=evidence), until_ns)


def remembering(claim: Claim, verdict: Verdict, since_ns: int) -> Verdict:
    """The same verdict, knowing since when the policy reads as it does, if that matters to the policy."""
    if not claim.policy.grace_ns:
        return verdict
    return replace(verdict, evidence={**verdict.evidence, SINCE: since_ns, MEANING: ladder.meaning(claim.policy)})


_PROVEN = ("proven_bytes", "proven_bps")
_POLICY_S_OWN = ("directions", "quota_bytes", "quota_bps", "threshold_bytes", "threshold_bps")
"""Numbers of the evidence that are the policy's, not the usage's."""
_WITHOUT_END = 1 << 128
"""More bytes than all counters of a province hold together."""


# --- the memory that a verdict is ------------------------------------------------------------


def _period_end_ns(verdict: Verdict) -> int | None:
    return verdict.evidence.get(PERIOD_END_NS, verdict.until_ns)


def _ladder_limit(verdict: Verdict) -> RateLimit | None:
    bps = verdict.evidence.get(LADDER_BPS)
    if bps is None:
        return verdict.limit
    return RateLimit(bps) if bps else None


def _ended(before: Verdict, claim: Claim, now_ns: int) -> bool:
    """A step in force ends when it said it would, even where the policy's periods were redefined since."""
    end_ns = _period_end_ns(before)
    return before.period_start_ns != claim.period.start_ns if end_ns is None else now_ns >= end_ns


def _policy_changed(claim: Claim, before: Verdict) -> bool:
    """Compared by what it means, not by where it stands: a comment added above it changes nothing."""
    policy, period = claim.policy, claim.period
    if before.policy != policy.name or before.step > len(policy.ladder):
        return True
    if before.period_start_ns != period.start_ns or _period_end_ns(before) not in {None, period.end_ns}:
        return True
    now = ladder.evidence(policy, before.step, before.evidence.get(ladder.CARRIED, 0))
    same = all(before.evidence.get(key) == now.get(key) for key in _POLICY_S_OWN)
    return not same or _ladder_limit(before) != ladder.limit(policy, before.step)


def _reads_so_since(claim: Claim, previous: Verdict | None, now_ns: int) -> int:
    """Since when the policy reads as it does for this agency; only one with a grace remembers."""
    meaning = ladder.meaning(claim.policy) if claim.policy.grace_ns else None
    if meaning is None or previous is None or previous.evidence.get(MEANING) != meaning:
        return now_ns
    return min(now_ns, previous.evidence[SINCE])


# --- what a verdict says ---------------------------------------------------------------------


def _climbed_or_kept(claim: Claim, used: QuotaUsage, before: Verdict | None) -> Verdict:
    policy = claim.policy
    climbed = ladder.climbed(policy, used)
    kept = 0 if before is None else ladder.kept(policy, used, before.step)
    if kept <= climbed:
        return ladder.verdict(claim, used, climbed)
    held = ladder.holds(policy, kept)
    reason = VerdictReason.HELD_TO_PERIOD_END if held else VerdictReason.HELD_BY_HYSTERESIS
    return replace(ladder.verdict(claim, used, kept), reason=reason)


def _within_times(claim: Claim, verdict: Verdict, before: Verdict | None, since_ns: int, now_ns: int) -> Verdict:
    """The verdict as the policy's windows and its grace have it."""
    policy = claim.policy
    if policy.when and verdict.limit is not None:
        now = standing(policy.when, claim.zone, now_ns, claim.period.end_ns)
        edge_ns = claim.period.end_ns if now.until_ns is None else now.until_ns
        verdict = (
            _ending(verdict, edge_ns)
            if now.is_open
            else set_aside(verdict, None, VerdictReason.OUTSIDE_WINDOW, edge_ns)
        )
    over_ns = since_ns + policy.grace_ns
    if now_ns < over_ns and _stricter(verdict, before):
        until_ns = over_ns if verdict.until_ns is None else min(over_ns, verdict.until_ns)
        milder = max((verdict, before), key=ceiling) if before is not None else None
        kept = set_aside(verdict, None if milder is None else milder.limit, VerdictReason.GRACE, until_ns)
        verdict = replace(kept, may_breach_floor=before is not None and before.may_breach_floor)
    return verdict


def _stricter(verdict: Verdict, before: Verdict | None) -> bool:
    """Than what was in force: slower, or the first that may go below a guaranteed floor."""
    if verdict.limit is None:
        return False
    if before is None or ceiling(verdict) < ceiling(before):
        return True
    return verdict.may_breach_floor and not before.may_breach_floor


def _ending(verdict: Verdict, until_ns: int | None) -> Verdict:
    """The same, ending by itself at another time than its period."""
    if until_ns == verdict.until_ns:
        return verdict
    end_ns = _period_end_ns(verdict)
    evidence = verdict.evidence if end_ns is None else {**verdict.evidence, PERIOD_END_NS: end_ns}
    return replace(verdict, until_ns=until_ns, evidence=evidence)


def _restored(claim: Claim, used: QuotaUsage, from_step: int) -> Verdict:
    verdict = ladder.verdict(claim, used, 0)
    evidence = {**verdict.evidence, "previous_step": from_step}
    return replace(verdict, reason=VerdictReason.RESTORED_NEW_PERIOD, evidence=evidence)


def _rejudged(claim: Claim, used: QuotaUsage, before: Verdict) -> Verdict:
    verdict = ladder.verdict(claim, used, ladder.climbed(claim.policy, used))
    if before.limit is None or verdict.limit is not None:
        return verdict
    evidence = {**verdict.evidence, "previous_step": before.step}
    return replace(verdict, reason=VerdictReason.RESTORED_POLICY_CHANGED, evidence=evidence)


def _stale(claim: Claim, used: QuotaUsage, before: Verdict | None, eased: bool, now_ns: int) -> Verdict:
    """As it stood, but for what needs no data to end: a window that closed, and the time that a limit outlives data."""
    kept = _frozen(claim, used, before, VerdictReason.FROZEN_STALE)
    lifted = before is not None and before.reason is VerdictReason.EASED_STALE
    if lifted or (eased and kept.limit is not None):
        return set_aside(kept, None, VerdictReason.EASED_STALE, _period_end_ns(kept))
    if kept.limit is None or not claim.policy.when:
        return kept
    now = standing(claim.policy.when, claim.zone, now_ns, claim.period.end_ns)
    if now.is_open:
        return _ending(kept, claim.period.end_ns if now.until_ns is None else now.until_ns)
    return set_aside(kept, None, VerdictReason.FROZEN_STALE, _period_end_ns(kept))


def _frozen(claim: Claim, used: QuotaUsage, before: Verdict | None, reason: VerdictReason) -> Verdict:
    kept = ladder.verdict(claim, used, 0) if before is None else before
    evidence = dict(kept.evidence)
    if used.newest_ns is not None:
        evidence["newest_ns"] = used.newest_ns
    return replace(kept, reason=reason, evidence=evidence)
