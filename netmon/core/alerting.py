"""State transitions -> an alert, or none.

A condition says how one thing stands now; `transition` compares it with the last alert of its key and
answers only when something changed. An alert's id is made from the decision and from the alert before
it, never from the time of day: the same decision reached again after a crash has the same id, and no two
transitions of a key share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.breaker import NEVER_NS, Breaker, BreakerState
from netmon.core.changes import Action, Change, Outcome, Receipt
from netmon.core.model import Direction, Verdict, VerdictReason
from netmon.core.rollout import ALERT_KEY as ROLLOUT_KEY
from netmon.core.rollout import Halt
from netmon.core.units import format_duration, format_rate, format_volume

_NAMED_AT_MOST: Final = 5
"""Parts of a device that one sentence names."""
_SILENT_ON_DATA: Final = frozenset(
    {
        VerdictReason.FROZEN_CLOCK,
        VerdictReason.EXEMPT,
        VerdictReason.BOOSTED,
        VerdictReason.FROZEN_BY_OPERATOR,
    }
)
"""Reasons of verdicts that rest on no data, or on something else besides."""


class Sentence(StrEnum):
    """Every summary netmon publishes; fields are named, so that a translation may reorder them."""

    NEAR = "{agency} has used {used} of its {quota} {direction} quota."
    OVER = "{agency} has used {used} of its {quota} {direction} quota and is slowed to {rate}."
    OVER_UNLIMITED = "{agency} has used {used} of its {quota} {direction} quota; it is not slowed."
    OVER_RESTING = "{agency} has used {used} of its {quota} {direction} quota; it is not slowed for now."
    WITHIN = "{agency} is within its {direction} quota and not slowed."
    RESTORED = "{agency} is no longer slowed ({direction}): a new period began."
    POLICY_CHANGED = "{agency} is no longer slowed ({direction}): its policy changed."
    STEP_RESTORES = "{agency} has used {used} of its {quota} {direction} quota; from this step on it is not slowed."
    FROZEN = "{agency} stays slowed to {rate} ({direction}): an operator has frozen the limits."
    NO_QUOTA = "{agency} has no {direction} quota."
    STALE = "{agency} has not been read lately: what its {direction} quota says stays as it was."
    STALE_EASED = "{agency} has not been read for too long: it is no longer slowed ({direction}) until it is."
    FRESH = "{agency} is read again, and its {direction} quota judged."
    NOTHING_WAITS = "Nothing of the {direction} quota of {agency} waits for data any more."
    ROUTER_DOWN = "Router {router} has not answered for {silence}."
    ROUTER_NEVER = "Router {router} has never answered."
    ROUTER_UP = "Router {router} answers."
    DEVICE_CRITICAL = "Router {router} says of itself: {parts} critical."
    DEVICE_WELL = "Router {router} calls nothing of itself critical."
    NOT_WATCHED = "{key} is no longer watched."
    LIMIT_DONE = "{circuit}: {what} ({direction}) is in force."
    LIMIT_REVERTED = "{circuit}: {what} ({direction}) was undone by the router: {detail}"
    LIMIT_FAILED = "{circuit}: {what} ({direction}) failed: {detail}"
    BYPASSED = "{circuit}: {rate} passed ({direction}) despite the limit of {limit}: something bypasses it."
    NOT_BYPASSED = "{circuit}: the limit of {limit} ({direction}) holds."
    ORPHAN = "{circuit} is no longer configured, but its limit ({direction}) is in force: netmon release --orphans."
    NO_ORPHAN = "{circuit}: no limit is left behind ({direction})."
    BREAKER_OPEN = "Router {router} is left alone for {pause} after {count} failures in a row: {detail}"
    BREAKER_SHUT = "Router {router} showed another host key than the known one; nobody logs in: {detail}"
    BREAKER_CLOSED = "Router {router} is changed again."
    ROLLOUT_HALTED = "Limits are lowered nowhere for {pause}: on {router} the change of {circuit} went wrong."
    ROLLOUT_GOES_ON = "Limits are lowered again."
    LIMIT_UNKNOWN = "{circuit}: {what} ({direction}) may or may not be in force: {detail}"


@dataclass(frozen=True, slots=True)
class Condition:
    """How one thing stands now."""

    key: str
    kind: AlertKind
    severity: Severity
    firing: bool
    summary: str
    reason: str
    epoch: str
    """Names this occurrence by what caused it, never by the time of day: another epoch is another alert."""
    agency: str | None = None
    router: str | None = None
    circuit: str | None = None


def transition(previous: Alert | None, condition: Condition, now_ns: int) -> Alert | None:
    """The alert to publish, if this condition changes anything since the key's last one.

    While firing, another severity, reason or epoch is a transition too; an acknowledged alert stays
    acknowledged until its severity or reason changes. A resolved alert keeps the severity it fired with,
    so that whoever filters by severity also learns of the end.
    """
    active = previous is not None and previous.state is not AlertState.RESOLVED
    if not condition.firing and not active:
        return None
    state = AlertState.FIRING if condition.firing else AlertState.RESOLVED
    decision = _digest(condition.key, state, condition.severity, condition.reason, condition.epoch)
    if condition.firing and previous is not None and _same(previous, condition, decision):
        return None
    resolved = previous is not None and not condition.firing
    return Alert(
        id=f"{decision}-{_digest(decision, previous.id if previous is not None else '')}",
        key=condition.key,
        kind=condition.kind,
        severity=previous.severity if resolved and previous is not None else condition.severity,
        state=state,
        since_ns=now_ns,
        summary=condition.summary,
        reason=condition.reason,
        agency=condition.agency,
        router=condition.router,
        circuit=condition.circuit,
    )


def quota_condition(verdict: Verdict, agency_name: str) -> Condition:
    """Fires from the first step of the ladder on; a frozen verdict stands as it stood."""
    reason = _quota_reason(verdict)
    return Condition(
        key=f"quota/{verdict.agency}/{verdict.direction}",
        kind=AlertKind.QUOTA,
        severity=Severity.INFO if reason is VerdictReason.NEAR_QUOTA else Severity.WARNING,
        firing=verdict.step > 0,
        summary=_quota_sentence(verdict, reason).format(
            agency=agency_name,
            direction=_counted(verdict),
            used=_figure(verdict, "proven"),
            quota=_figure(verdict, "quota"),
            rate=format_rate(verdict.limit.ceiling_bps) if verdict.limit is not None else "",
        ),
        reason=reason,
        epoch=f"{verdict.policy}/{verdict.period_start_ns}/step{verdict.step}",
        agency=verdict.agency,
    )


def stale_condition(verdict: Verdict, agency_name: str) -> Condition | None:
    """Fires while a step in force, or the end of one, waits for data; None: the verdict does not say whether so."""
    if verdict.step > 0 and verdict.reason in _SILENT_ON_DATA:
        return None
    eased = verdict.reason is VerdictReason.EASED_STALE
    firing = verdict.step > 0 and (eased or verdict.reason is VerdictReason.FROZEN_STALE)
    ended = (Sentence.FRESH, "read_again") if verdict.step > 0 else (Sentence.NOTHING_WAITS, "nothing_waits")
    sentence, reason = (Sentence.STALE_EASED if eased else Sentence.STALE, verdict.reason) if firing else ended
    return Condition(
        key=f"stale/{verdict.agency}/{verdict.direction}",
        kind=AlertKind.QUOTA,
        severity=Severity.WARNING,
        firing=firing,
        summary=sentence.format(agency=agency_name, direction=verdict.direction),
        reason=reason,
        epoch=f"{verdict.policy}/{verdict.period_start_ns}",
        agency=verdict.agency,
    )


def repeats(verdict: Verdict, download: Verdict | None) -> bool:
    """Whether alerts about it would only say again what those about the verdict on the agency's download say: both are
    of one policy, which adds the directions up.
    """
    if download is None or verdict.direction is Direction.DOWNLOAD or verdict.evidence.get("directions", 1) == 1:
        return False
    return (verdict.policy, verdict.period_start_ns, verdict.step) == (
        download.policy,
        download.period_start_ns,
        download.step,
    )


def router_condition(
    router: str, *, last_ok_ns: int | None, trying_since_ns: int, now_ns: int, down_after_ns: int
) -> Condition | None:
    """Fires when a router has not answered for `down_after_ns`; None: too early to say.

    It is too early while it has been asked (since `trying_since_ns`, the poller's start) for less than
    that: netmon's own absence is not the router's.
    """
    if last_ok_ns is not None and now_ns - last_ok_ns < down_after_ns:
        down, summary = False, Sentence.ROUTER_UP.format(router=router)
    elif now_ns - trying_since_ns < down_after_ns:
        return None
    elif last_ok_ns is None:
        down, summary = True, Sentence.ROUTER_NEVER.format(router=router)
    else:
        down, summary = True, Sentence.ROUTER_DOWN.format(router=router, silence=format_duration(now_ns - last_ok_ns))
    return Condition(
        key=f"router/{router}",
        kind=AlertKind.ROUTER,
        severity=Severity.CRITICAL,
        firing=down,
        summary=summary,
        reason="unanswered" if down else "answers",
        epoch=f"{last_ok_ns}" if down else "up",
        router=router,
    )


def health_condition(router: str, critical: Collection[str]) -> Condition:
    """Fires while the device itself calls parts of it critical; other parts are another alert."""
    names = sorted(critical)
    more = len(names) - _NAMED_AT_MOST
    parts = ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
    sentence = Sentence.DEVICE_CRITICAL if names else Sentence.DEVICE_WELL
    return Condition(
        key=f"health/{router}",
        kind=AlertKind.HEALTH,
        severity=Severity.CRITICAL,
        firing=bool(names),
        summary=sentence.format(router=router, parts=parts),
        reason="critical_part" if names else "well",
        epoch=_digest(*names),
        router=router,
    )


def unwatched_condition(alert: Alert) -> Condition:
    """Ends an alert about something that is no longer there to be judged."""
    return Condition(
        key=alert.key,
        kind=alert.kind,
        severity=alert.severity,
        firing=False,
        summary=Sentence.NOT_WATCHED.format(key=alert.key),
        reason="not_watched",
        epoch="",
        agency=alert.agency,
        router=alert.router,
        circuit=alert.circuit,
    )


def limit_condition(receipt: Receipt) -> Condition:
    """Fires when a change did not come into force; trying the same again in vain is no new alert."""
    change = receipt.change
    sentence = {
        Outcome.CONFIRMED: Sentence.LIMIT_DONE,
        Outcome.REVERTED: Sentence.LIMIT_REVERTED,
        Outcome.FAILED: Sentence.LIMIT_FAILED,
        Outcome.UNKNOWN: Sentence.LIMIT_UNKNOWN,
    }[receipt.outcome]
    return Condition(
        key=f"limit/{change.circuit}/{change.direction}",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL if receipt.outcome is Outcome.UNKNOWN else Severity.WARNING,
        firing=receipt.outcome is not Outcome.CONFIRMED,
        summary=sentence.format(
            circuit=change.circuit, what=_what(change), direction=change.direction, detail=receipt.detail
        ),
        reason=receipt.outcome,
        epoch=f"{change.from_bps}-{change.to_bps}",
        agency=change.agency,
        router=change.router,
        circuit=change.circuit,
    )


def bypass_condition(receipt: Receipt, limit_bps: int, rate_bps: int, exceeded: bool) -> Condition:
    """Fires when more passes than the limit that was read back (FastTrack, offload, another address family)."""
    change = receipt.change
    sentence = Sentence.BYPASSED if exceeded else Sentence.NOT_BYPASSED
    return Condition(
        key=f"bypass/{change.circuit}/{change.direction}",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL,
        firing=exceeded,
        summary=sentence.format(
            circuit=change.circuit,
            direction=change.direction,
            rate=format_rate(rate_bps),
            limit=format_rate(limit_bps),
        ),
        reason="bypassed" if exceeded else "holds",
        epoch=receipt.id,
        agency=change.agency,
        router=change.router,
        circuit=change.circuit,
    )


def orphan_condition(circuit: str, direction: Direction, limit_bps: int | None, configured: bool) -> Condition:
    """Fires while a limit of ours is in force on a circuit that the configuration no longer names."""
    firing = limit_bps is not None and not configured
    sentence = Sentence.ORPHAN if firing else Sentence.NO_ORPHAN
    return Condition(
        key=f"orphan/{circuit}/{direction}",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL,
        firing=firing,
        summary=sentence.format(circuit=circuit, direction=direction),
        reason="not_configured" if firing else "settled",
        epoch=f"{limit_bps}",
        circuit=circuit,
    )


def breaker_condition(router: str, breaker: Breaker, now_ns: int) -> Condition:
    """Fires from when a router is left alone until a session with it succeeds."""
    firing = breaker.state(now_ns) is not BreakerState.CLOSED
    alarmed = breaker.until_ns == NEVER_NS
    sentence = Sentence.BREAKER_SHUT if alarmed else Sentence.BREAKER_OPEN
    pause = "" if alarmed or not firing else format_duration(breaker.pause_ns)
    return Condition(
        key=f"breaker/{router}",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL if alarmed else Severity.WARNING,
        firing=firing,
        summary=(sentence if firing else Sentence.BREAKER_CLOSED).format(
            router=router, pause=pause, count=breaker.failures, detail=breaker.detail
        ),
        reason="host_key_mismatch" if alarmed else "breaker_open" if firing else "answers",
        epoch="",
        router=router,
    )


def rollout_condition(halt: Halt | None) -> Condition:
    """Fires from a failed verification until a canary goes well."""
    firing = halt is not None
    return Condition(
        key=ROLLOUT_KEY,
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL,
        firing=firing,
        summary=Sentence.ROLLOUT_GOES_ON
        if halt is None
        else Sentence.ROLLOUT_HALTED.format(
            pause=format_duration(halt.pause_ns), router=halt.router, circuit=halt.circuit
        ),
        reason="rollout_halted" if firing else "canary_confirmed",
        epoch="" if halt is None else f"{halt.circuit}/{halt.pause_ns}",
        router=None if halt is None else halt.router,
        circuit=None if halt is None else halt.circuit,
    )


def _same(previous: Alert, condition: Condition, decision: str) -> bool:
    if previous.state is AlertState.ACKNOWLEDGED:
        return (previous.severity, previous.reason) == (condition.severity, condition.reason)
    return previous.state is AlertState.FIRING and previous.id.partition("-")[0] == decision


def _digest(*parts: str) -> str:
    """Sixteen hexadecimal digits of SHA-256; the separator occurs in no part."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _quota_reason(verdict: Verdict) -> VerdictReason:
    """The reason by which an alert is known: that of the step in force, however the verdict came about."""
    if verdict.step == 0:
        return verdict.reason
    numbers = verdict.evidence
    if verdict.limit is not None or numbers.get("ladder_bps"):
        return VerdictReason.OVER_QUOTA
    unit = "bps" if "quota_bps" in numbers else "bytes"
    reached = numbers[f"threshold_{unit}"] >= numbers[f"quota_{unit}"]
    return VerdictReason.OVER_QUOTA if reached else VerdictReason.NEAR_QUOTA


def _quota_sentence(verdict: Verdict, reason: VerdictReason) -> Sentence:
    if verdict.step == 0 and verdict.limit is not None:
        return Sentence.FROZEN
    over = Sentence.OVER_RESTING if verdict.evidence.get("ladder_bps") else Sentence.OVER_UNLIMITED
    over = over if verdict.limit is None else Sentence.OVER
    return {
        VerdictReason.NEAR_QUOTA: Sentence.NEAR,
        VerdictReason.OVER_QUOTA: Sentence.STEP_RESTORES if verdict.reason is VerdictReason.RESTORED_BY_STEP else over,
        VerdictReason.RESTORED_NEW_PERIOD: Sentence.RESTORED,
        VerdictReason.RESTORED_POLICY_CHANGED: Sentence.POLICY_CHANGED,
        VerdictReason.NO_QUOTA: Sentence.NO_QUOTA,
    }.get(reason, Sentence.WITHIN)


def _figure(verdict: Verdict, name: str) -> str:
    """A volume, or of a percentile a rate."""
    rate = verdict.evidence.get(f"{name}_bps")
    return format_volume(verdict.evidence.get(f"{name}_bytes", 0)) if rate is None else format_rate(rate)


def _counted(verdict: Verdict) -> str:
    """The directions that are added up."""
    return verdict.direction if verdict.evidence.get("directions", 1) == 1 else "download and upload"


def _what(change: Change) -> str:
    if change.action is Action.REMOVE or change.to_bps is None:
        return "removal of the limit"
    return f"the limit of {format_rate(change.to_bps)}"
