"""`netmon plan approve`: one person's word for the tightenings that wait for it, checked and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netmon.config.load import Configuration
from netmon.core import approval
from netmon.core.approval import SHORTEST, Objection, PlanApproval
from netmon.core.changes import Awaited
from netmon.daemon import orders
from netmon.daemon.control import CommandError
from netmon.daemon.queries import rfc3339

APPROVE_PLAN = "approve_plan"
"""The verb on the control socket."""


def approval_given(
    configuration: Configuration,
    awaited: Awaited | None,
    given: Sequence[PlanApproval],
    args: Mapping[str, Any],
    now_ns: int,
) -> PlanApproval:
    """With `hash`, `reason`, `by`, perhaps `on_behalf`; to be recorded. Raises CommandError with one sentence."""
    said = orders.word(args, now_ns)
    digest = str(args.get("hash"))
    found = approval.approve(awaited, digest, given, said, configuration.settings.control.plan_approval.expires)
    match found:
        case PlanApproval():
            return found
        case Objection.NOT_WAITING if len(digest) < SHORTEST:
            raise CommandError(f"{digest!r} is too short for a hash; give {SHORTEST} digits of it at least")
        case Objection.NOT_WAITING:
            raise CommandError(
                f"nothing of the hash {digest[:SHORTEST]} waits for approval now; netmon plan shows what does"
            )
        case Objection.APPROVED_ALREADY:
            who = said.by if said.on_behalf is None else f"{said.by} for {said.on_behalf}"
            raise CommandError(f"{who} approved this already; another person must approve it, too")
        case Objection.ENOUGH:
            raise CommandError(f"{digest[:SHORTEST]} is approved already; netmon apply carries it out now")


def approval_row(
    awaited: Awaited | None, given: Sequence[PlanApproval], zone: str, now_ns: int
) -> dict[str, Any] | None:
    """What waits, and who has approved it, as the contracts show it; None: nothing takes an approval."""
    if awaited is None:
        return None
    found = approval.approvers(awaited, given, now_ns)
    return {
        "hash": awaited.hash,
        "agencies": awaited.agencies,
        "tightened_bps": awaited.bps,
        "needed": awaited.needed,
        "approved": len(found) >= awaited.needed,
        "approvals": [
            {
                "at": rfc3339(one.word.at_ns, zone),
                "by": one.word.by,
                "on_behalf_of": one.word.on_behalf,
                "reason": one.word.reason,
                "expires": rfc3339(one.expires_ns, zone),
            }
            for one in found
        ],
    }
