"""Desired limits against observed ones -> a plan, which refuses itself when unsafe.

What is desired is a verdict's limit divided among the agency's circuits, or, where scarce capacity is shared,
each circuit's share. A plan decreases first, then increases, then removes, so that sums never exceed capacity;
at the end stand, as KEEP, the circuits on which nothing is to be done. There, `to_bps` is still what is desired:
where it differs from `from_bps` it is withheld, and `withheld()` names why. A refusal withholds tightenings only:
limits are loosened and removed whatever happens.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from netmon.core.allocation import parts
from netmon.core.model import (
    Action,
    Change,
    Circuit,
    Direction,
    Mode,
    Placement,
    Plan,
    Refusal,
    Verdict,
    VerdictReason,
)

ROUNDING_BPS = 8
"""Routers that hold rates in whole bytes per second (Linux tc) are this far off at most."""
FREE_AGENCIES = 3
"""So many agencies may be tightened at once, however few there are in all."""


@dataclass(frozen=True, slots=True)
class Observed:
    """netmon's own limit as last read from the router."""

    bps: int | None
    """None: there is none."""
    known: bool
    """False: not read, or not readable; the rest then means nothing."""
    placement: Placement | None = None
    """Behind a shared shaping point, where the limit hangs and what is its own; None: not known there."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one circuit gets of capacity that is shared; it stands in place of its part of the agency's limit."""

    bps: int | None
    """None: no limit."""
    reason: VerdictReason | None
    """None: the agency's own verdict decided."""


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What else a plan has to respect."""

    now_ns: int
    agencies_total: int
    max_tightened_permille: int
    """Of all agencies; a plan that tightens more (and more than FREE_AGENCIES) refuses itself."""
    enforce_ready: Mapping[str, bool]
    """Router -> seven days were observed, or an operator's override; absent: not ready."""
    uplinks: frozenset[tuple[str, str]] = frozenset()
    """(router, ifName) of ports that carry purchased capacity: never limited."""
    clock_trusted: bool = True
    held_circuits: frozenset[str] = frozenset()
    """Circuits that an operator freed of limits until the hold is lifted."""
    renamed_ports: frozenset[tuple[str, str]] = frozenset()
    """(router, configured ifName) of ports whose name was edited on the router: nothing is planned there until the
    configuration or the router confirms which port is meant."""
    doubtful_routers: frozenset[str] = frozenset()
    """Routers with an unresolved intent: nothing is planned there until it is resolved."""
    shares: Mapping[tuple[str, Direction], Share] = field(default_factory=dict)
    """By circuit; their agencies need a verdict, too."""
    frozen_agencies: frozenset[str] = frozenset()
    """Agencies whose limits an operator keeps as they are."""
    down_circuits: frozenset[str] = frozenset()
    """Circuits positively shown to be down: their backups have their part (core/allocation)."""
    placements: Mapping[tuple[str, Direction], Placement] = field(default_factory=dict)
    """Of every circuit that shares a shaping point (core/shaping.py): where its limit is to hang."""
    tolerance_permille: int = 5
    """Rates no further apart are the same rate, rounded by the router."""


class Withheld(StrEnum):
    """Why a circuit keeps what it has although something else may be desired."""

    ROUTER_IN_DOUBT = "router_in_doubt"
    UNCONFIRMED = "unconfirmed"
    """The port goes on under another name; the configuration does not say so yet."""
    UNREAD = "unread"
    OBSERVE_MODE = "observe_mode"
    NOT_READY = "not_ready"
    FROZEN = "frozen"
    """The verdict rests on no fresh data or clock: it loosens, but tightens nothing."""
    FROZEN_BY_OPERATOR = "frozen_by_operator"
    """A freeze is in force: nothing is altered."""
    EXPIRED = "expired"
    """The verdict's time is over; the next judgement decides."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class _Row:
    """One circuit and direction on the way to a change."""

    circuit: Circuit
    verdict: Verdict
    seen: Observed
    to_bps: int | None
    withheld: Withheld | None
    indivisible: str | None
    shared: bool = False
    """What is desired follows from what others want, too; such changes are paced where they are decided."""
    placement: Placement | None = None
    """Where the limit is to hang; None: the port is the circuit's own, or there is to be no limit."""

    @property
    def tightens(self) -> bool:
        if self.to_bps is None:
            return False
        return self.seen.bps is None or self.to_bps < self.seen.bps or self.yields_floor

    @property
    def yields_floor(self) -> bool:
        """Whether less would be guaranteed, and no more be passed."""
        had = self.seen.placement
        return (
            had is not None
            and self.placement is not None
            and self.placement.floor_bps < had.floor_bps
            and not equal_rates(self.placement.floor_bps, had.floor_bps, 0)
            and (self.to_bps or 0) <= (self.seen.bps or 0)
        )


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
    rows = _rows(verdicts, circuits, observed, context)
    refused = _refusal(rows, context)
    if refused is not None:
        rows = [replace(r, withheld=Withheld.REFUSED) if r.tightens and r.withheld is None else r for r in rows]
    changes = tuple(sorted((_change(row, context) for row in rows), key=_order))
    return Plan(changes, refused, _hash(changes, rows))


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
    rows = _rows(verdicts, circuits, observed, context)
    refused = _refusal(rows, context) is not None
    reasons: dict[tuple[str, Direction], Withheld] = {}
    for row in rows:
        why = row.withheld or (Withheld.REFUSED if refused and row.tightens else None)
        if why is not None and (not row.seen.known or not _settled(row, context)):
            reasons[row.circuit.id, row.verdict.direction] = why
    return reasons


def equal_rates(a: int | None, b: int | None, tolerance_permille: int) -> bool:
    """Whether two rates are one rate that a router rounded (999999 read back as 999992); None: no limit."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= ROUNDING_BPS or abs(a - b) * 1000 <= tolerance_permille * max(a, b)


def same_placement(a: Placement | None, b: Placement | None, tolerance_permille: int) -> bool:
    """Whether two placements are one as a router holds it. What is not known is not told apart.

    The floors of the tiers above follow from the circuits' and are sent with them, so they are not compared.
    """
    if a is None or b is None:
        return True
    return (
        equal_rates(a.floor_bps, b.floor_bps, tolerance_permille)
        and (a.weight, a.priority) == (b.weight, b.priority)
        and [tier.agency for tier in a.above] == [tier.agency for tier in b.above]
        and all(
            equal_rates(one.ceiling_bps, other.ceiling_bps, tolerance_permille)
            for one, other in zip(a.above, b.above, strict=True)
        )
    )


def _rows(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    observed: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> list[_Row]:
    by_agency: defaultdict[str, list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        by_agency[circuit.agency].append(circuit)
    rows: list[_Row] = []
    judged: set[tuple[str, Direction]] = set()
    for verdict in sorted(verdicts, key=lambda v: (v.agency, v.direction)):
        if (verdict.agency, verdict.direction) in judged:
            raise ValueError(f"two verdicts for {verdict.agency} {verdict.direction}; combine them with strictest()")
        judged.add((verdict.agency, verdict.direction))
        theirs = by_agency[verdict.agency]
        shares, indivisible = _shares(verdict, theirs, context.down_circuits)
        for circuit in theirs:
            seen = observed.get((circuit.id, verdict.direction), Observed(None, known=False))
            row = _Row(circuit, verdict, seen, shares[circuit.id], None, indivisible)
            rows.append(_row(row, context))
    return rows


def _shares(
    verdict: Verdict, circuits: Sequence[Circuit], down: frozenset[str]
) -> tuple[Mapping[str, int | None], str | None]:
    """Each circuit's desired limit and, where the whole is too small to be divided, why."""
    if verdict.limit is None:
        return dict.fromkeys((c.id for c in circuits), None), None
    shares, indivisible = parts(verdict.limit.ceiling_bps, circuits, down)
    return dict(shares), indivisible


def _row(row: _Row, context: PlanContext) -> _Row:
    """`row` as this circuit's mode, place and holds have it."""
    circuit = row.circuit
    ours = row.seen.known and row.seen.bps is not None
    share = context.shares.get((circuit.id, row.verdict.direction))
    if share is not None:
        row = replace(row, to_bps=share.bps, indivisible=None)
        if share.reason is not None:
            verdict = replace(row.verdict, reason=share.reason, rule=None, until_ns=None)
            row = replace(row, verdict=verdict, shared=True)
    if circuit.id in context.held_circuits:
        row = replace(row, verdict=replace(row.verdict, reason=VerdictReason.HELD_BY_OPERATOR), to_bps=None)
    elif ours and (circuit.mode is Mode.OBSERVE or _port(circuit) in context.uplinks):
        # Our own limit where none may be (any more): whatever it was set for, it ends.
        row = replace(row, to_bps=None)
    row = replace(row, placement=_placement(row, context))
    return replace(row, withheld=_withheld(row, context))


def _port(circuit: Circuit) -> tuple[str, str]:
    return circuit.limiting.router, circuit.limiting.interface


def _placement(row: _Row, context: PlanContext) -> Placement | None:
    """Nobody is guaranteed more than he is limited to."""
    placed = context.placements.get((row.circuit.id, row.verdict.direction))
    if placed is None or row.to_bps is None:
        return None
    return replace(placed, floor_bps=min(placed.floor_bps, row.to_bps))


def _withheld(row: _Row, context: PlanContext) -> Withheld | None:
    """What stands in the way of this row alone; nothing but doubt does, where a limit is eased."""
    circuit, verdict, timely = row.circuit, row.verdict, context.clock_trusted
    router = circuit.limiting.router
    frozen = verdict.reason in {VerdictReason.FROZEN_STALE, VerdictReason.FROZEN_CLOCK}
    expired = verdict.until_ns is not None and context.now_ns >= verdict.until_ns
    frozen_by_operator = circuit.agency in context.frozen_agencies and circuit.id not in context.held_circuits
    obstacles = (
        (router in context.doubtful_routers, Withheld.ROUTER_IN_DOUBT),
        (_port(circuit) in context.renamed_ports, Withheld.UNCONFIRMED),
        (not row.seen.known, Withheld.UNREAD),
        (frozen_by_operator, Withheld.FROZEN_BY_OPERATOR),
        (row.tightens and circuit.mode is Mode.OBSERVE, Withheld.OBSERVE_MODE),
        (row.tightens and not context.enforce_ready.get(router, False), Withheld.NOT_READY),
        (row.tightens and timely and frozen, Withheld.FROZEN),
        (row.tightens and timely and expired, Withheld.EXPIRED),
    )
    return next((why for stands, why in obstacles if stands), None)


def _settled(row: _Row, context: PlanContext) -> bool:
    permille = context.tolerance_permille
    return equal_rates(row.seen.bps, row.to_bps, permille) and same_placement(
        row.seen.placement, row.placement, permille
    )


def _refusal(rows: Iterable[_Row], context: PlanContext) -> Refusal | None:
    tightened = [r for r in rows if r.tightens and r.withheld is None and not _settled(r, context)]
    agencies = sorted({row.circuit.agency for row in tightened})
    if agencies and not context.clock_trusted:
        return Refusal("clock_untrusted", f"the clock is not synchronised: {_named(agencies)} not limited until it is")
    for row in tightened:
        if (port := _port(row.circuit)) in context.uplinks:
            return Refusal(
                "uplink",
                f"circuit {row.circuit.id} is on {' '.join(port)}, an uplink, which is"
                " never limited; correct the circuit's interface or the router's uplinks",
            )
        if row.indivisible is not None:
            return Refusal("limit_zero", row.indivisible)
    agencies = sorted({row.circuit.agency for row in tightened if not row.shared})
    if len(agencies) > max(FREE_AGENCIES, context.agencies_total * context.max_tightened_permille // 1000):
        return Refusal(
            "too_many_tightened",
            f"{len(agencies)} of {context.agencies_total} agencies would be limited at once, more than"
            f" {context.max_tightened_permille / 10:g} %: {_named(agencies)}; check the policies and the clock,"
            " or raise control.max_tightened_ratio",
        )
    return None


def _named(agencies: Sequence[str]) -> str:
    listed = ", ".join(agencies[:5])
    return listed if len(agencies) <= 5 else f"{listed} and {len(agencies) - 5} more"


def _change(row: _Row, context: PlanContext) -> Change:
    from_bps = row.seen.bps if row.seen.known else None
    if row.withheld is not None or _settled(row, context):
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


def _hash(changes: Iterable[Change], rows: Iterable[_Row]) -> str:
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
