"""What a plan is made of: a row per circuit and direction, what is desired there, what is seen, what is in the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from netmon.core.allocation import parts
from netmon.core.approval import ApprovalPolicy, PlanApproval
from netmon.core.model import Circuit, Direction, Mode, Placement, Verdict, VerdictReason

ROUNDING_BPS = 8
"""Routers that hold rates in whole bytes per second (Linux tc) are this far off at most."""


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
    max_tightened_bps: int | None = None
    """A plan that takes more at once refuses itself; None: no cap."""
    max_routers: int | None = None
    """The same for the routers on which it tightens."""
    floors: Mapping[tuple[str, Direction], int] = field(default_factory=dict)
    """(agency, direction) -> bit/s it is guaranteed; absent: nothing."""
    approvals: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    given: tuple[PlanApproval, ...] = ()
    """Approvals that have not expired, `now_ns` decides."""
    freeze_window: bool = False
    """Whether a window is open in which limits are neither lowered nor raised."""
    open_breakers: frozenset[str] = frozenset()
    """Routers that are left alone for a while, for they failed again and again."""
    twin_routers: frozenset[str] = frozenset()
    """Routers that are another netmon's: nothing is altered there."""
    contested: frozenset[tuple[str, Direction]] = frozenset()
    """Circuits and directions in which somebody undoes what netmon does: limits are taken off, none is set."""
    halted: bool = False
    """A rollout was halted: nothing is tightened until a canary goes again."""


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
    BREAKER_OPEN = "breaker_open"
    FREEZE_WINDOW = "freeze_window"
    UNAPPROVED = "unapproved"
    ROLLOUT_HALTED = "rollout_halted"
    DECREASE_FIRST = "decrease_first"
    """It would rise into capacity that another limit holds still, for its decrease is put off."""
    OTHER_NETMON = "other_netmon"
    """The router bears the marker of another netmon."""
    CONTESTED = "contested"
    """Somebody undoes what netmon does there (core/drift)."""


@dataclass(frozen=True, slots=True)
class Row:
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
    def rises(self) -> bool:
        return self.to_bps is not None and self.seen.bps is not None and self.to_bps > self.seen.bps

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


def equal_rates(a: int | None, b: int | None, tolerance_permille: int) -> bool:
    """Whether two rates are one rate that a router rounded (999999 read back as 999992); None: no limit."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= ROUNDING_BPS or abs(a - b) * 1000 <= tolerance_permille * max(a, b)


def same_placement(a: Placement | None, b: Placement | None, tolerance_permille: int) -> bool:
    """Whether two placements are one as a router holds it. What is not known is not told apart, nor is a weight of 0.

    The floors of the tiers above follow from the circuits' and are sent with them, so they are not compared.
    """
    if a is None or b is None:
        return True
    return (
        equal_rates(a.floor_bps, b.floor_bps, tolerance_permille)
        and (a.weight == b.weight or 0 in (a.weight, b.weight))
        and a.priority == b.priority
        and [tier.agency for tier in a.above] == [tier.agency for tier in b.above]
        and all(
            equal_rates(one.ceiling_bps, other.ceiling_bps, tolerance_permille)
            for one, other in zip(a.above, b.above, strict=True)
        )
    )


def rows_of(
    verdicts: Sequence[Verdict],
    circuits: Sequence[Circuit],
    observed: Mapping[tuple[str, Direction], Observed],
    context: PlanContext,
) -> list[Row]:
    """A row for every circuit and direction of whoever has a verdict. Raises ValueError on two verdicts for one."""
    by_agency: defaultdict[str, list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        by_agency[circuit.agency].append(circuit)
    rows: list[Row] = []
    judged: set[tuple[str, Direction]] = set()
    for verdict in sorted(verdicts, key=lambda v: (v.agency, v.direction)):
        if (verdict.agency, verdict.direction) in judged:
            raise ValueError(f"two verdicts for {verdict.agency} {verdict.direction}; combine them with strictest()")
        judged.add((verdict.agency, verdict.direction))
        theirs = by_agency[verdict.agency]
        shares, indivisible = _shares(verdict, theirs, context.down_circuits)
        for circuit in theirs:
            seen = observed.get((circuit.id, verdict.direction), Observed(None, known=False))
            row = Row(circuit, verdict, seen, shares[circuit.id], None, indivisible)
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


def _row(row: Row, context: PlanContext) -> Row:
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


def _placement(row: Row, context: PlanContext) -> Placement | None:
    """Nobody is guaranteed more than he is limited to."""
    placed = context.placements.get((row.circuit.id, row.verdict.direction))
    if placed is None or row.to_bps is None:
        return None
    return replace(placed, floor_bps=min(placed.floor_bps, row.to_bps))


def _withheld(row: Row, context: PlanContext) -> Withheld | None:
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


def settled(row: Row, context: PlanContext) -> bool:
    """Whether what is desired is what the router has, as it rounds."""
    permille = context.tolerance_permille
    return equal_rates(row.seen.bps, row.to_bps, permille) and same_placement(
        row.seen.placement, row.placement, permille
    )
