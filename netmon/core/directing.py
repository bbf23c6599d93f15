"""Of all that an agency's policies say, what counts; and what people decided for a time on top of it.

The ladder's memory is each policy's own verdict, which nothing here alters: what a directive sets aside is there
again, judged on the newest usage, the moment it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.model import Direction, RateLimit, Verdict, VerdictReason
from netmon.core.quota import ceiling, set_aside

_RESTORING = frozenset({VerdictReason.RESTORED_NEW_PERIOD, VerdictReason.RESTORED_POLICY_CHANGED})
_REASONS: Mapping[VerdictReason, int] = {reason: rank for rank, reason in enumerate(VerdictReason)}


def strictest(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several policies' verdicts for one agency and direction, the one that counts.

    The lowest ceiling, then the highest step, then one that says why a limit ended; ties go by the
    policy's name. Raises ValueError when there is none.
    """
    if not verdicts:
        raise ValueError("no verdict to choose from; an agency without a policy has no_quota()")
    return min(
        verdicts, key=lambda v: (ceiling(v), -v.step, v.reason not in _RESTORING, _REASONS[v.reason], v.policy or "")
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


def concerns(directive: Directive, agency: str) -> bool:
    """Whether it says something of the agency's verdicts."""
    if directive.kind is DirectiveKind.DEGRADATION:
        return False
    return directive.subject in {agency, EVERYBODY}


def counting(
    verdicts: Sequence[Verdict], directives: Sequence[Directive], before: Verdict | None, now_ns: int
) -> Verdict:
    """What counts of the policies' verdicts for one agency and direction under the directives given.

    Exemptions go by policy, so they come before the strictest is chosen; then boosts; a freeze last. `before` is the
    verdict that counted last.
    """
    chosen = strictest([exempted(verdict, directives, now_ns) for verdict in verdicts])
    return directed(chosen, directives, before, now_ns)


def exempted(verdict: Verdict, directives: Sequence[Directive], now_ns: int) -> Verdict:
    """A policy's verdict without its limit, where its agency is exempt from the policy."""
    ours = [
        one
        for one in _ours(DirectiveKind.EXEMPTION, verdict, directives, now_ns)
        if one.policy is None or one.policy == verdict.policy
    ]
    if not ours or verdict.limit is None:
        return verdict
    return set_aside(verdict, None, VerdictReason.EXEMPT, _first_end(verdict, ours))


def directed(verdict: Verdict, directives: Sequence[Directive], before: Verdict | None, now_ns: int) -> Verdict:
    """The verdict that counts, no slower than the agency's boost; or, while it is frozen, as the one before it."""
    if freezes := _ours(DirectiveKind.FREEZE, verdict, directives, now_ns):
        was = None if before is None else before.limit
        until_ns = None if any(one.until_ns is None for one in freezes) else max(one.until_ns or 0 for one in freezes)
        frozen = set_aside(verdict, was, VerdictReason.FROZEN_BY_OPERATOR, until_ns)
        return replace(frozen, may_breach_floor=before is not None and before.may_breach_floor)
    boosts = _ours(DirectiveKind.BOOST, verdict, directives, now_ns)
    most = max((one.rates.of(verdict.direction) for one in boosts if one.rates is not None), default=0)
    if most <= ceiling(verdict):
        return verdict
    ours = [one for one in boosts if one.rates is not None and one.rates.of(verdict.direction) == most]
    return set_aside(verdict, RateLimit(most), VerdictReason.BOOSTED, _first_end(verdict, ours))


def _ours(kind: DirectiveKind, verdict: Verdict, directives: Sequence[Directive], now_ns: int) -> list[Directive]:
    return [one for one in directives if one.kind is kind and concerns(one, verdict.agency) and one.in_force(now_ns)]


def _first_end(verdict: Verdict, ours: Sequence[Directive]) -> int | None:
    """When the last of them ends, or the verdict does, whichever comes first."""
    ends = [one.until_ns for one in ours]
    last = None if None in ends else max(end for end in ends if end is not None)
    known = [end for end in (last, verdict.until_ns) if end is not None]
    return min(known, default=None)
