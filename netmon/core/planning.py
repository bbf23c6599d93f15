"""Desired limits against observed ones -> a plan, which refuses itself when unsafe.

What is desired is a verdict's limit divided among the agency's circuits, or, where scarce capacity is shared,
each circuit's share. A plan decreases first, then increases, then removes, so that sums never exceed capacity;
at the end stand, as KEEP, the circuits on which nothing is to be done. There, `to_bps` is still what is desired:
where it differs from `from_bps` it is withheld, and `withheld()` names why. A refusal withholds tightenings only:
limits are loosened and removed whatever happens.

What a plan is known by, its hash, is what is desired and observed. What only bides its time (a window in which
changes are frozen, an approval not given yet, a router left alone, a rollout that was halted) is withheld without
making it another plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netmon.core import approval
from netmon.core.changes import Action, Awaited, Change, Plan, Refusal
from netmon.core.model import Circuit, Direction, Placement, Verdict, VerdictReason
from netmon.core.planning_rows import (
    Observed,
    PlanContext,
    Row,
    Share,
    Withheld,
    equal_rates,
    rows_of,
    same_placement,
    settled,
)
from netmon.core.refusals import Caps, Finding, Tightening, findings, refusal
from netmon.core.rollout import capacities

__all__ = (
    "Observed",
    "PlanContext",
    "Share",
    "Withheld",
    "checks",
    "equal_rates",
    "outstanding",
    "pending",
    "plan",
    "same_placement",
    "withheld",
)

_URGENT = frozenset({VerdictReason.BOOSTED, VerdictReason.EXEMPT, VerdictReason.HELD_BY_OPERATOR})
"""Somebody decided this for now: no window of frozen changes stands in its way."""
_BIDING = frozenset({Withheld.BREAKER_OPEN, Withheld.UNAPPROVED, Withheld.ROLLOUT_HALTED})


def plan(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    observed: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> Plan:
    """What to alter now, given at most one verdict per agency and direction (see `quota.strictest`).

    A circuit absent from `observed` counts as unread; an agency without a verdict gets no row. Raises
    ValueError on two verdicts for one agency and direction.
    """
    judged = _judged(verdicts, circuits, observed, context)
    changes = tuple(sorted((_change(row, context) for row in judged.biding), key=_order))
    lasting = sorted((_change(row, context) for row in judged.rows), key=_order)
    return Plan(changes, judged.refused, _hash(lasting, judged.rows), judged.awaited)


def pending(of: Plan) -> tuple[Change, ...]:
    """The changes to be done, in their order."""
    return tuple(change for change in of.changes if change.action is not Action.KEEP)


def outstanding(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    limits: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> Plan:
    """`plan()` where a circuit absent from `limits` was never touched, with its hash, but without what is kept.

    Of 50,000 circuits with a limit hardly any is altered in a turn, and to hand all of them on takes seconds.
    """
    untouched = Observed(None, known=True)
    observed = {(c.id, way): limits.get((c.id, way), untouched) for c in circuits for way in Direction}
    whole = plan(verdicts, circuits, observed, context)
    return replace(whole, changes=pending(whole))


def withheld(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    observed: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> dict[tuple[str, Direction], Withheld]:
    """Why each circuit of `plan()` on the same arguments keeps a limit other than the desired one."""
    judged = _judged(verdicts, circuits, observed, context)
    reasons: dict[tuple[str, Direction], Withheld] = {}
    for row in judged.biding:
        if row.withheld is not None and (not row.seen.known or not settled(row, context)):
            reasons[row.circuit.id, row.verdict.direction] = row.withheld
    return reasons


def checks(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    observed: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> tuple[Finding, ...]:
    """How `plan()` on the same arguments stands to every rule by which it may refuse itself."""
    return _judged(verdicts, circuits, observed, context).findings


@dataclass(frozen=True, slots=True)
class _Judged:
    """All rows, and what the plan as a whole comes to."""

    rows: list[Row]
    """As the plan is known by them."""
    biding: list[Row]
    """With what is only put off, too."""
    findings: tuple[Finding, ...]
    refused: Refusal | None
    awaited: Awaited | None


def _judged(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    observed: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> _Judged:
    rows = rows_of(verdicts, circuits, observed, context)
    tightened = _tightened(rows, context)
    found = findings(tightened, _left(rows, {one.agency for one in tightened}), _caps(context))
    refused = refusal(found)
    if refused is not None:
        rows = [replace(r, withheld=Withheld.REFUSED) if r.tightens and r.withheld is None else r for r in rows]
        return _Judged(rows, _put_off(rows, context, waits=False), found, refused, None)
    awaited = approval.awaited(tightened, context.approvals)
    waits = awaited is not None and not approval.approved(awaited, context.given, context.now_ns)
    return _Judged(rows, _put_off(rows, context, waits=waits), found, None, awaited)


def _put_off(rows: Iterable[Row], context: PlanContext, *, waits: bool) -> list[Row]:
    """With what only puts rows off. What was to rise into what others give up rises no sooner than they do."""
    biding = [_biding(row, context, waits=waits) for row in rows]
    held: set[tuple[str, ...]] = set()
    for row in biding:
        if row.withheld in _BIDING and row.tightens and not settled(row, context):
            held |= capacities(row.circuit, row.verdict.direction)
    if not held:
        return biding
    return [
        replace(row, withheld=Withheld.DECREASE_FIRST)
        if row.shared
        and row.withheld is None
        and row.rises
        and not held.isdisjoint(capacities(row.circuit, row.verdict.direction))
        else row
        for row in biding
    ]


def _biding(row: Row, context: PlanContext, *, waits: bool) -> Row:
    """With what only puts it off; removals wait for nothing but their router."""
    if row.withheld is not None:
        return row
    alters = row.to_bps is not None and row.verdict.reason not in _URGENT
    obstacles = (
        (row.circuit.limiting.router in context.twin_routers, Withheld.OTHER_NETMON),
        (row.to_bps is not None and _place(row) in context.contested, Withheld.CONTESTED),
        (row.circuit.limiting.router in context.open_breakers, Withheld.BREAKER_OPEN),
        (context.freeze_window and alters, Withheld.FREEZE_WINDOW),
        (waits and row.tightens and not row.shared, Withheld.UNAPPROVED),
        (context.halted and row.tightens, Withheld.ROLLOUT_HALTED),
    )
    return replace(row, withheld=next((why for stands, why in obstacles if stands), None))


def _place(row: Row) -> tuple[str, Direction]:
    return row.circuit.id, row.verdict.direction


def _tightened(rows: Iterable[Row], context: PlanContext) -> list[Tightening]:
    return [
        Tightening(
            circuit=row.circuit.id,
            agency=row.circuit.agency,
            direction=row.verdict.direction,
            router=row.circuit.limiting.router,
            interface=row.circuit.limiting.interface,
            from_bps=row.seen.bps,
            to_bps=row.to_bps,
            to_floor_bps=None if row.placement is None else row.placement.floor_bps,
            port_speed_bps=row.circuit.port_speed_bps,
            shared=row.shared,
            may_breach_floor=row.verdict.may_breach_floor,
            indivisible=row.indivisible,
        )
        for row in rows
        if row.to_bps is not None and row.tightens and row.withheld is None and not settled(row, context)
    ]


def _left(rows: Iterable[Row], agencies: set[str]) -> dict[tuple[str, Direction], int | None]:
    left: dict[tuple[str, Direction], int | None] = {}
    for row in rows:
        if row.circuit.agency not in agencies:
            continue
        owner = row.circuit.agency, row.verdict.direction
        before = left.get(owner, 0)
        left[owner] = None if before is None or row.to_bps is None else before + row.to_bps
    return left


def _caps(context: PlanContext) -> Caps:
    return Caps(
        agencies_total=context.agencies_total,
        max_tightened_permille=context.max_tightened_permille,
        max_tightened_bps=context.max_tightened_bps,
        max_routers=context.max_routers,
        clock_trusted=context.clock_trusted,
        uplinks=context.uplinks,
        floors=context.floors,
        tolerance_permille=context.tolerance_permille,
    )


def _change(row: Row, context: PlanContext) -> Change:
    from_bps = row.seen.bps if row.seen.known else None
    if row.withheld is not None or settled(row, context):
        action = Action.KEEP
    else:
        action = Action.REMOVE if row.to_bps is None else Action.SET
    return Change(
        router=row.circuit.limiting.router,
        circuit=row.circuit.id,
        agency=row.circuit.agency,
        direction=row.verdict.direction,
        action=action,
        from_bps=from_bps,
        to_bps=row.to_bps,
        reason=row.verdict.reason,
        rule=row.verdict.rule,
        from_placement=row.seen.placement if row.seen.known else None,
        to_placement=row.placement,
    )


def _order(change: Change) -> tuple[int, str, str, str]:
    match change.action:
        case Action.SET if change.from_bps is None or (change.to_bps or 0) < change.from_bps:
            rank = 0
        case Action.SET:
            rank = 1
        case Action.REMOVE:
            rank = 2
        case Action.KEEP:
            rank = 3
    return rank, change.router, change.circuit, change.direction


def _hash(changes: Iterable[Change], rows: Iterable[Row]) -> str:
    """Over what is desired, observed and to be done; not over reasons, which may change with no effect.

    Of placements only the desired one counts: the observed is known to the daemon alone, and shows in the action.

    Where no limit is desired and none is in force there is nothing to agree to, so that such circuits may be
    left out of a plan.
    """
    known = {(row.circuit.id, row.verdict.direction): row.seen.known for row in rows}
    document = [
        [
            *(c.router, c.circuit, c.direction, c.action, c.from_bps, c.to_bps, known[c.circuit, c.direction]),
            *_written(c.to_placement),
        ]
        for c in changes
        if (c.from_bps, c.to_bps) != (None, None) or not known[c.circuit, c.direction]
    ]
    return hashlib.sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()


def _written(placement: Placement | None) -> list[object]:
    if placement is None:
        return []
    tiers = [[tier.agency, tier.ceiling_bps] for tier in placement.above]
    return [placement.floor_bps, placement.weight, placement.priority, tiers]
