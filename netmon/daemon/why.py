"""Why an agency is limited, or is not: the contracts' `data` of why, from ledger and configuration.

Nothing here decides. What stands now is judged as `netmon plan` judges it; what stood earlier is what was recorded
then, applied to the circuits of today's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netmon.config.errors import closest
from netmon.config.load import Configuration
from netmon.core import quota
from netmon.core.closing import Port
from netmon.core.model import NANOSECONDS, Circuit, Direction, Mode, RuleRef, Usage, Verdict, VerdictReason
from netmon.core.periods import Period, add_usage, period_containing
from netmon.core.planning import Withheld
from netmon.core.quota import QuotaPolicy
from netmon.daemon.clock import Clock
from netmon.daemon.figures import Reckoning
from netmon.daemon.outlook import newest_ns, question_of
from netmon.daemon.queries import QueryError, instant, rfc3339
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
    told_refusal = scene.refused if Withheld.REFUSED in scene.withheld.values() else None
    return {
        "agency": agency.id,
        "name": agency.name,
        "timezone": agency.timezone,
        "at": rfc3339(scene.at_ns, agency.timezone),
        "basis": "recorded" if scene.recorded else "judged_now",
        "verdicts": [row for direction in Direction for row in _verdict_rows(scene, direction)],
        "allocation": [step for direction in Direction for step in _allocation(scene, direction)],
        "refused": None if told_refusal is None else {"rule": told_refusal.rule, "detail": told_refusal.detail},
    }


# --- verdicts ------------------------------------------------------------------------------------


def _verdict_rows(scene: Scene, direction: Direction) -> Iterator[dict[str, Any]]:
    case, zone = scene.cases[direction], scene.agency.timezone
    verdict = case.verdict
    limit = None if verdict is None else verdict.limit
    evidence, proven_bytes = None, None
    if verdict is not None and verdict.policy is not None:
        period, used = _used(scene, verdict)
        evidence, proven_bytes = _evidence(scene, case, verdict, period, used), used.proven_bytes
    for circuit in scene.circuits:
        place = (circuit.id, direction)
        state = scene.limits.get(place, UNTOUCHED)
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


def _used(scene: Scene, verdict: Verdict) -> tuple[Period, Usage]:
    """The period that the verdict is about, and what the ledger holds of it as of the instant."""
    start_ns, end_ns = verdict.period_start_ns, verdict.until_ns
    policy = scene.configuration.policies.get(verdict.policy or "")
    if end_ns is None and policy is not None:
        running = period_containing(policy.period, start_ns, scene.agency.timezone)
        end_ns = running.end_ns if running.start_ns == start_ns else None
    period = Period(start_ns, scene.at_ns if end_ns is None else end_ns, "")
    elapsed = Period(start_ns, max(start_ns, min(period.end_ns, scene.at_ns)), "")
    reckoning = Reckoning(scene.reader, scene.at_ns)
    reckoning.prepare(scene.circuits, elapsed)
    ports = (Port(c.id, c.router, c.interface, c.way(verdict.direction)) for c in scene.circuits)
    return period, add_usage([reckoning.usage(port, elapsed) for port in ports])


def _evidence(scene: Scene, case: Case, verdict: Verdict, period: Period, used: Usage) -> dict[str, Any]:
    zone, numbers = scene.agency.timezone, verdict.evidence
    first = verdict if case.judged is None else case.judged.verdict
    newest = newest_ns(scene.reader, scene.circuits, scene.at_ns)
    oldest_ns = min((newest[c.id] for c in scene.circuits if c.id in newest), default=None)
    coverage, volume = used.coverage_ratio, numbers.get("quota_bytes")
    return {
        "period_start": rfc3339(period.start_ns, zone),
        "period_end": rfc3339(period.end_ns, zone),
        "proven_bytes": used.proven_bytes,
        "estimated_bytes": used.estimated_bytes,
        "unknown_seconds": -(-used.unknown_ns // NANOSECONDS),
        "coverage_ratio": None if coverage is None else round(coverage, 6),
        "quota_bytes": volume,
        "quota_used_ratio": None if not volume else round(used.proven_bytes / volume, 6),
        "threshold_bytes": numbers.get("threshold_bytes"),
        "next_threshold_bytes": numbers.get("next_threshold_bytes"),
        "decided_on_bytes": first.evidence.get("proven_bytes"),
        "newest_reading": None if oldest_ns is None else rfc3339(oldest_ns, zone),
    }


def _sooner(scene: Scene, circuit: Circuit, direction: Direction, proven_bytes: int | None) -> Iterator[dict[str, Any]]:
    """What would end the limit before its time; nothing where there is none."""
    verdict = scene.cases[direction].verdict
    if verdict is None or verdict.limit is None:
        return
    if verdict.reason is VerdictReason.FROZEN_CLOCK:
        yield _condition("clock_trusted")
    else:
        policy, volume = _policy_as_judged(scene, verdict), None
        begins = None if policy is None else next((s for s in policy.ladder if s.slow_to_bps is not None), None)
        if verdict.reason is VerdictReason.HELD_BY_HYSTERESIS:
            if policy is not None and begins is not None:
                margin = policy.volume_bytes * policy.hysteresis_permille // 1000
                step = policy.ladder.index(begins) + 1
                yield _condition("usage_below", quota.threshold_bytes(policy, step) - margin)
        elif begins is not None and proven_bytes is not None and _alone(scene, direction):
            # The least volume of which the proven bytes do not reach the first step that slows.
            volume = proven_bytes * 1000 // begins.at_permille + 1
        if verdict.reason is VerdictReason.FROZEN_STALE:
            yield _condition("usage_read_again")
        yield _condition("policy_changed", volume)
    if circuit.mode is Mode.ENFORCE and circuit.id not in scene.holds:
        yield _condition("reverted")


def _alone(scene: Scene, direction: Direction) -> bool:
    """Whether no other policy slows the agency, too; only the verdict that counts is recorded."""
    if not scene.recorded:
        return sum(rival.limit is not None for rival in scene.cases[direction].rivals) == 1
    policies = (scene.configuration.policies[name] for name in scene.agency.quotas)
    return sum(policy.direction is direction for policy in policies) == 1


def _condition(what: str, octets: int | None = None) -> dict[str, Any]:
    return {"what": what, "bytes": octets}


def _policy_as_judged(scene: Scene, verdict: Verdict) -> QuotaPolicy | None:
    """The policy, unless it reads differently by now."""
    policy = scene.configuration.policies.get(verdict.policy or "")
    return policy if policy is not None and policy.volume_bytes == verdict.evidence.get("quota_bytes") else None


# --- allocation ----------------------------------------------------------------------------------


def _allocation(scene: Scene, direction: Direction) -> Iterator[dict[str, Any]]:
    """From what each policy says to what each circuit is to be limited to, in the order it is reckoned."""
    case = scene.cases[direction]
    for rival in case.rivals:
        yield _step("policy", direction, rival)
    if case.verdict is None or case.verdict.policy is None:
        return
    yield _step("strictest", direction, case.verdict)
    limit = case.verdict.limit
    for circuit in scene.circuits if limit is not None else ():
        assert limit is not None
        share = case.shares[circuit.id]
        yield {
            **_step("share", direction, None),
            "circuit": circuit.id,
            "of_bps": limit.ceiling_bps,
            "among": len(scene.circuits),
            "limit_bps": share,
            "remainder_bps": share - limit.ceiling_bps // len(scene.circuits),
        }
        if scene.desired.get((circuit.id, direction), share) != share:
            because = _exempted(scene, circuit)
            yield {**_step("exempted", direction, None), "circuit": circuit.id, "because": because}


def _exempted(scene: Scene, circuit: Circuit) -> str:
    """Why `planning` leaves a circuit without the share that is due to it."""
    if circuit.id in scene.holds:
        return "held_by_operator"
    router = scene.configuration.settings.routers[circuit.router]
    return "uplink" if circuit.interface in router.uplinks else "observe_mode"


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
