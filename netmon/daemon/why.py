"""Why an agency is limited, or is not: the contracts' `data` of why, from ledger and configuration.

Nothing here decides. What stands now is judged as `netmon plan` judges it; what stood earlier is what was recorded
then, applied to the circuits of today's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from netmon.config.documents import Locator
from netmon.config.errors import closest
from netmon.config.load import Configuration
from netmon.config.places import entitlement_place, locator_of
from netmon.core import directing, ladder
from netmon.core.allocation import standing_by
from netmon.core.closing import Port
from netmon.core.decided import Decided
from netmon.core.directives import Directive
from netmon.core.ladder import LadderStep, QuotaPolicy
from netmon.core.measurement import Usage
from netmon.core.model import Circuit, Direction, Mode, RuleRef, Verdict, VerdictReason
from netmon.core.periods import Period, add_usage, period_containing
from netmon.core.planning import Withheld
from netmon.core.quota import LADDER_BPS, PERIOD_END_NS
from netmon.core.shares import Due
from netmon.core.supply import Entitlement, Sharing
from netmon.daemon.clock import Clock
from netmon.daemon.decisions import counted
from netmon.daemon.figures import Reckoning
from netmon.daemon.holds import release_row
from netmon.daemon.outlook import newest_ns, question_of
from netmon.daemon.queries import QueryError, instant, rfc3339, whole_seconds
from netmon.daemon.scene import UNTOUCHED, Case, Scene, scene_now, scene_then
from netmon.store.reader import LedgerReader
from netmon.store.values import Hold, ReceiptLink


def why_data(
    configuration: Configuration,
    reader: LedgerReader,
    name: str,
    at: str | None,
    clock: Clock,
    observation_ns: int,
) -> dict[str, Any]:
    """The `data` of `netmon/why/1`, of now or of an instant as written. Raises QueryError, StoreError."""
    agency = next((one for one in configuration.agencies if one.id == name), None)
    if agency is None:
        close = closest(name, (one.id for one in configuration.agencies))
        raise QueryError(f"there is no agency {name}{close or '; netmon usage lists them'}")
    now_ns = clock.now_ns()
    at_ns = now_ns if at is None else instant(at, agency.timezone)
    if at_ns > now_ns:
        raise QueryError(f"{at} has not come yet; without --at, netmon why tells what stands now")
    if at is None:
        question = question_of(configuration, reader, now_ns, clock, observation_ns)
        scene = scene_now(configuration, reader, agency, question)
    else:
        scene = scene_then(configuration, reader, agency, at_ns)
    entitled = _entitlements(scene)
    told_refusal = scene.refused if Withheld.REFUSED in scene.withheld.values() else None
    return {
        "agency": agency.id,
        "name": agency.name,
        "timezone": agency.timezone,
        "at": rfc3339(scene.at_ns, agency.timezone),
        "basis": "recorded" if scene.recorded else "judged_now",
        "verdicts": [row for direction in Direction for row in _verdict_rows(scene, direction, entitled)],
        "allocation": [step for direction in Direction for step in _allocation(scene, direction)],
        "refused": None if told_refusal is None else {"rule": told_refusal.rule, "detail": told_refusal.detail},
        "release": release_row(configuration, reader) if at is None else None,
    }


# --- verdicts ------------------------------------------------------------------------------------


def _verdict_rows(
    scene: Scene, direction: Direction, entitled: Mapping[str, dict[str, Any] | None]
) -> Iterator[dict[str, Any]]:
    case, zone = scene.cases[direction], scene.agency.timezone
    verdict = case.verdict
    limit = None if verdict is None else verdict.limit
    evidence, proven_bytes = None, None
    if verdict is not None and verdict.policy is not None:
        period, used = _used(scene, verdict)
        evidence, proven_bytes = _evidence(scene, case, verdict, period, used), used.proven_bytes
    for circuit in scene.circuits:
        place = (circuit.id, direction)
        state, due = scene.limits.get(place, UNTOUCHED), scene.dues.get(place)
        hold, why, action = scene.holds.get(circuit.id), scene.withheld.get(place), scene.actions.get(place)
        yield {
            "circuit": circuit.id,
            "router": circuit.router,
            "mode": circuit.mode.value,
            "direction": direction.value,
            "limit_bps": scene.desired.get(place),
            "agency_limit_bps": None if limit is None else limit.ceiling_bps,
            "reason": None if verdict is None else verdict.reason.value,
            "policy": None if verdict is None else verdict.policy,
            "step": None if verdict is None else verdict.step,
            "rule": None if verdict is None else _rule(verdict.rule),
            "since": None if case.judged is None else rfc3339(case.judged.at_ns, zone),
            "evidence": evidence,
            "until": None if verdict is None or verdict.until_ns is None else rfc3339(verdict.until_ns, zone),
            "ends_with": _ends_with(verdict),
            "ladder_bps": None if verdict is None else verdict.evidence.get(LADDER_BPS) or None,
            "legal_basis": None if verdict is None else _legal_basis(scene, verdict),
            "directives": [_directive(one, direction, zone) for one in scene.directives],
            "sharing": None if due is None else _sharing(scene, circuit, due, entitled[circuit.id]),
            "ends_sooner_if": list(_sooner(scene, circuit, direction, proven_bytes)),
            "in_force": {
                "bps": state.bps if state.known else None,
                "known": state.known,
                "at": None if state is UNTOUCHED else rfc3339(state.at_ns, zone),
            },
            "action": None if action is None else action.value,
            "withheld": None if why is None else why.value,
            "hold": None if hold is None else _hold(hold, zone),
            "receipt": _receipt(scene.receipts.get(place), zone),
        }


def _ends_with(verdict: Verdict | None) -> str | None:
    """What ends as the verdict ends by itself."""
    if verdict is None or verdict.until_ns is None:
        return None
    with_period = verdict.until_ns == verdict.evidence.get(PERIOD_END_NS, verdict.until_ns)
    if with_period and verdict.reason is not VerdictReason.FROZEN_BY_OPERATOR:
        return "period"
    if verdict.reason is VerdictReason.GRACE:
        return "grace"
    return "directive" if verdict.reason in _DIRECTED else "window"


_DIRECTED = frozenset({VerdictReason.EXEMPT, VerdictReason.BOOSTED, VerdictReason.FROZEN_BY_OPERATOR})


def _directive(one: Directive, direction: Direction, zone: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "rate_bps": None if one.rates is None else one.rates.of(direction),
        "policy": one.policy,
        "by": one.by,
        "reason": one.reason,
        "until": None if one.until_ns is None else rfc3339(one.until_ns, zone),
    }


def _sharing(scene: Scene, circuit: Circuit, one: Due, entitlement: dict[str, Any] | None) -> dict[str, Any]:
    pools = (scene.configuration.pools.get(pool) for pool in circuit.pools)
    always = any(pool is not None and pool.sharing is Sharing.ALWAYS for pool in pools)
    by_ceiling = one.decided == Decided.CEILING and not one.lines
    return {
        "limit_bps": one.bps,
        "target_bps": one.target_bps,
        "wanted_bps": one.wanted_bps,
        "decided": one.decided,
        "by": one.by,
        "damping": one.damping,
        "since": rfc3339(one.at_ns, scene.agency.timezone),
        "entitlement": entitlement,
        "lasts": "always" if always else "entitlement" if by_ceiling else "shortage",
        "lines": [asdict(line) for line in one.lines],
    }


def _entitlements(scene: Scene) -> dict[str, dict[str, Any] | None]:
    """By circuit that shares; the files are read again once, to tell where they say so."""
    sharing = {circuit for circuit, _ in scene.dues}
    found = {circuit.id: _entitlement(scene, circuit) for circuit in scene.circuits if circuit.id in sharing}
    locator = locator_of(scene.configuration) if any(found.values()) else None
    return {name: None if one is None or locator is None else _entitled(one, locator) for name, one in found.items()}


def _entitlement(scene: Scene, circuit: Circuit) -> Entitlement | None:
    """Of the pools that the circuit draws on: its agency's own, or that of the nearest agency above which has one."""
    configuration = scene.configuration
    parents = {agency.id: agency.parent for agency in configuration.agencies}
    agency: str | None = circuit.agency
    while agency is not None:
        for one in configuration.entitlements:
            if one.agency == agency and one.pool in circuit.pools and one.in_force(scene.at_ns):
                return one
        agency = parents.get(agency)
    return None


def _entitled(one: Entitlement, locator: Locator) -> dict[str, Any]:
    rule = _rule(entitlement_place(locator, one))
    return {"agency": one.agency, "pool": one.pool, "rule": rule, "legal_basis": one.legal_basis}


def _legal_basis(scene: Scene, verdict: Verdict) -> str | None:
    """Of a limit that may be lower than a guaranteed floor."""
    policy = _policy_as_judged(scene, verdict)
    if policy is None or not verdict.may_breach_floor:
        return None
    return next((step.legal_basis for step in reversed(policy.ladder[: verdict.step]) if step.legal_basis), None)


def _counted(scene: Scene, verdict: Verdict) -> tuple[tuple[Direction, ...], tuple[Circuit, ...]]:
    """Which directions, added up, and which circuits the verdict's policy counts."""
    policy = scene.configuration.policies.get(verdict.policy or "")
    if policy is None or len(policy.counts) != verdict.evidence.get("directions", 1):
        return (verdict.direction,), scene.circuits
    return policy.counts, tuple(counted(policy, scene.circuits))


def _used(scene: Scene, verdict: Verdict) -> tuple[Period, Usage]:
    """The period that the verdict is about, and what the ledger holds of it as of the instant."""
    start_ns, end_ns = verdict.period_start_ns, verdict.evidence.get(PERIOD_END_NS, verdict.until_ns)
    policy = scene.configuration.policies.get(verdict.policy or "")
    if end_ns is None and policy is not None:
        running = period_containing(policy.period, start_ns, scene.agency.timezone)
        end_ns = running.end_ns if running.start_ns == start_ns else None
    period = Period(start_ns, scene.at_ns if end_ns is None else end_ns, "")
    elapsed = Period(start_ns, max(start_ns, min(period.end_ns, scene.at_ns)), "")
    reckoning = Reckoning(scene.reader, scene.at_ns)
    reckoning.prepare(scene.circuits, elapsed)
    ways, circuits = _counted(scene, verdict)
    ports = (Port(c.id, c.router, c.interface, c.way(way)) for c in circuits for way in ways)
    return period, add_usage([reckoning.usage(port, elapsed) for port in ports])


def _evidence(scene: Scene, case: Case, verdict: Verdict, period: Period, used: Usage) -> dict[str, Any]:
    zone, numbers = scene.agency.timezone, verdict.evidence
    first = verdict if case.judged is None else case.judged.verdict
    newest = newest_ns(scene.reader, scene.circuits, scene.at_ns)
    ways, circuits = _counted(scene, verdict)
    oldest_ns = min((newest[c.id] for c in circuits if c.id in newest), default=None)
    coverage, volume, target = used.coverage_ratio, numbers.get("quota_bytes"), numbers.get("quota_bps")
    share = None
    if volume:
        share = round(used.proven_bytes / volume, 6)
    elif target:
        share = round(numbers.get("proven_bps", 0) / target, 6)
    return {
        "period_start": rfc3339(period.start_ns, zone),
        "period_end": rfc3339(period.end_ns, zone),
        "directions": [way.value for way in ways],
        "proven_bytes": used.proven_bytes,
        "estimated_bytes": used.estimated_bytes,
        "unknown_seconds": whole_seconds(used.unknown_ns),
        "coverage_ratio": None if coverage is None else round(coverage, 6),
        "quota_bytes": volume,
        "quota_used_ratio": share,
        "carried_bytes": numbers.get(ladder.CARRIED),
        "threshold_bytes": numbers.get("threshold_bytes"),
        "next_threshold_bytes": numbers.get("next_threshold_bytes"),
        "decided_on_bytes": first.evidence.get("proven_bytes"),
        "p95_bps": numbers.get("proven_bps"),
        "quota_bps": target,
        "threshold_bps": numbers.get("threshold_bps"),
        "next_threshold_bps": numbers.get("next_threshold_bps"),
        "newest_reading": None if oldest_ns is None else rfc3339(oldest_ns, zone),
    }


def _sooner(scene: Scene, circuit: Circuit, direction: Direction, proven_bytes: int | None) -> Iterator[dict[str, Any]]:
    """What would end the limit before its time; nothing where there is none."""
    verdict, due = scene.cases[direction].verdict, scene.dues.get((circuit.id, direction))
    limit = None if verdict is None else verdict.limit
    shares = due is not None and due.bps is not None and due.share().reason is not None
    if shares:
        yield _condition("more_capacity")
    if verdict is None or limit is None:
        if not shares:
            return
        yield _condition("boosted")
    elif verdict.reason is VerdictReason.FROZEN_CLOCK:
        yield _condition("clock_trusted")
    elif verdict.reason is VerdictReason.FROZEN_BY_OPERATOR:
        yield _condition("freeze_ended")
    else:
        policy = _policy_as_judged(scene, verdict)
        begins = None if policy is None else next((s for s in policy.ladder if s.slow_to_bps is not None), None)
        if policy is not None and begins is not None and verdict.reason is VerdictReason.HELD_BY_HYSTERESIS:
            carried, step = verdict.evidence.get(ladder.CARRIED, 0), policy.ladder.index(begins) + 1
            left = ladder.threshold(policy, step, carried) - ladder.margin(policy, carried)
            yield _condition("usage_below", left)
        if verdict.reason is VerdictReason.FROZEN_STALE:
            yield _condition("usage_read_again")
        yield _condition("policy_changed", _volume_enough(scene, verdict, policy, begins, proven_bytes))
        yield _condition("exempted")
    if circuit.mode is Mode.ENFORCE and circuit.id not in scene.holds:
        yield _condition("reverted")


def _volume_enough(
    scene: Scene, verdict: Verdict, policy: QuotaPolicy | None, begins: LadderStep | None, proven_bytes: int | None
) -> int | None:
    """The least volume of which the proven bytes do not reach the first step that slows; None: no volume, or no volume
    alone, would do.
    """
    plain = policy is not None and policy.volume_bytes is not None and not policy.rollover_permille
    if begins is None or proven_bytes is None or not plain or not _alone(scene, verdict.direction):
        return None
    if verdict.reason in {VerdictReason.HELD_BY_HYSTERESIS, VerdictReason.GRACE}:
        return None
    return proven_bytes * 1000 // begins.at_permille + 1


def _alone(scene: Scene, direction: Direction) -> bool:
    """Whether no other policy slows the agency, too; only the verdict that counts is recorded."""
    if not scene.recorded:
        return sum(rival.limit is not None for rival in scene.cases[direction].rivals) == 1
    policies = (scene.configuration.policies[name] for name in scene.agency.quotas)
    return sum(direction in policy.counts for policy in policies) == 1


def _condition(what: str, octets: int | None = None) -> dict[str, Any]:
    return {"what": what, "bytes": octets}


def _policy_as_judged(scene: Scene, verdict: Verdict) -> QuotaPolicy | None:
    """The policy, unless it reads differently by now."""
    policy = scene.configuration.policies.get(verdict.policy or "")
    if policy is None:
        return None
    allowed = verdict.evidence.get(f"quota_{policy.unit}", 0) - verdict.evidence.get(ladder.CARRIED, 0)
    return policy if policy.allowance == allowed else None


# --- allocation ----------------------------------------------------------------------------------


def _allocation(scene: Scene, direction: Direction) -> Iterator[dict[str, Any]]:
    """From what each policy says to what each circuit is to be limited to, in the order it is reckoned."""
    case = scene.cases[direction]
    for rival in case.rivals:
        yield _step("policy", direction, rival)
    if case.verdict is None or case.verdict.policy is None:
        return
    freed = [directing.exempted(rival, scene.directives, scene.at_ns) for rival in case.rivals]
    chosen = case.verdict if scene.recorded else directing.strictest(freed)
    yield _step("strictest", direction, chosen)
    if chosen.limit != case.verdict.limit:
        yield _step("directed", direction, case.verdict)
    limit = case.verdict.limit
    waiting = standing_by(scene.circuits, scene.down)
    carried = sum(case.shares[circuit.id] for circuit in scene.circuits if circuit.id not in waiting) if limit else 0
    among = len(scene.circuits) - len(waiting)
    for circuit in scene.circuits if limit is not None else ():
        share = case.shares[circuit.id]
        stands_by = circuit.id in waiting
        yield {
            **_step("share", direction, None),
            "circuit": circuit.id,
            "of_bps": carried if not stands_by or limit is None else limit.ceiling_bps,
            "among": None if stands_by else among,
            "limit_bps": share,
            "remainder_bps": 0 if stands_by else share - carried // among,
            "because": "stands_by" if stands_by else None,
        }
        if scene.desired.get((circuit.id, direction), share) != share:
            because = _exempted(scene, circuit)
            yield {**_step("exempted", direction, None), "circuit": circuit.id, "because": because}


def _exempted(scene: Scene, circuit: Circuit) -> str:
    """Why `planning` leaves a circuit without the share that is due to it."""
    if circuit.id in scene.holds:
        return "held_by_operator"
    place = circuit.limiting
    router = scene.configuration.settings.routers[place.router]
    return "uplink" if place.interface in router.uplinks else "observe_mode"


def _step(step: str, direction: Direction, verdict: Verdict | None) -> dict[str, Any]:
    limit = None if verdict is None else verdict.limit
    return {
        "step": step,
        "direction": direction.value,
        "circuit": None,
        "policy": None if verdict is None else verdict.policy,
        "reason": None if verdict is None else verdict.reason.value,
        "rule": None if verdict is None else _rule(verdict.rule),
        "limit_bps": None if limit is None else limit.ceiling_bps,
        "of_bps": None,
        "among": None,
        "remainder_bps": None,
        "because": None,
    }


def _rule(rule: RuleRef | None) -> dict[str, Any] | None:
    return None if rule is None else {"file": rule.file, "line": rule.line}


def _hold(hold: Hold, zone: str) -> dict[str, Any]:
    until = None if hold.until_ns is None else rfc3339(hold.until_ns, zone)
    return {"reason": hold.reason, "by": hold.by, "at": rfc3339(hold.at_ns, zone), "until": until}


def _receipt(link: ReceiptLink | None, zone: str) -> dict[str, Any] | None:
    if link is None:
        return None
    receipt = link.receipt
    return {
        "id": receipt.id,
        "at": rfc3339(receipt.at_ns, zone),
        "from_bps": receipt.change.from_bps,
        "to_bps": receipt.change.to_bps,
        "outcome": receipt.outcome.value,
        "proof": (link.observed or receipt.proof).value,
    }
