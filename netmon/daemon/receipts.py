"""One change in full, as the contracts' `data` of receipt: why, what was tried when, how it went, what proves it."""

from __future__ import annotations

from typing import Any

from netmon.core.model import NANOSECONDS, Placement
from netmon.daemon.queries import QueryError, receipt_rows, rfc3339
from netmon.store.evidence import Evidence
from netmon.store.reader import LedgerReader

UNGUARDED = "unguarded: "
"""How a receipt's detail says that the router could not have saved itself."""


def receipt_data(reader: LedgerReader, zone: str, receipt_id: str) -> dict[str, Any]:
    """The `data` of `netmon/receipt/1`. Raises QueryError for an id there is none of, StoreError."""
    found = reader.evidence(receipt_id)
    if found is None:
        raise QueryError(f"there is no receipt {receipt_id}; netmon receipts lists them")
    (row,) = receipt_rows(reader, zone, receipt_id)
    change, intent = found.receipt.change, found.intent
    observed = found.observed
    return {
        **row,
        "action": change.action.value,
        "rule": None if change.rule is None else {"file": change.rule.file, "line": change.rule.line},
        "decision": _decision(reader, found, zone),
        "from_placement": _placement(change.from_placement),
        "to_placement": _placement(change.to_placement),
        "guarded": UNGUARDED not in found.receipt.detail,
        "intent": None
        if intent is None
        else {
            "at": rfc3339(intent.created_ns, zone),
            "undone_by": rfc3339(intent.deadline_ns, zone),
            "expires_seconds": intent.expires_s or None,
            "steps": [{"step": one.step.value, "at": rfc3339(one.at_ns, zone)} for one in intent.begun],
        },
        "observation": None
        if observed is None
        else {
            "at": rfc3339(observed.at_ns, zone),
            "rate_bps": observed.rate_bps,
            "limit_bps": observed.limit_bps,
            "window_seconds": None if observed.window_ns is None else round(observed.window_ns / NANOSECONDS),
        },
        "transcript": reader.transcript_of(receipt_id),
        "chain": {
            "id": found.link.chain,
            "sequence": found.link.sequence,
            "verified": found.fault is None,
            "fault": found.fault,
            "signed_by": None if found.link.signature is None else found.link.signature.key,
        },
    }


def _decision(reader: LedgerReader, found: Evidence, zone: str) -> dict[str, Any] | None:
    """The verdict on the agency that counted when the change was begun; None: none was recorded by then."""
    change = found.receipt.change
    begun_ns = found.receipt.at_ns - found.receipt.duration_ns if found.intent is None else found.intent.created_ns
    judged = reader.verdicts_at(change.agency, begun_ns).get(change.direction)
    if judged is None:
        return None
    verdict = judged.verdict
    return {
        "at": rfc3339(judged.at_ns, zone),
        "reason": verdict.reason.value,
        "policy": verdict.policy,
        "step": verdict.step,
        "limit_bps": None if verdict.limit is None else verdict.limit.ceiling_bps,
        "evidence": dict(verdict.evidence),
    }


def _placement(of: Placement | None) -> dict[str, Any] | None:
    if of is None:
        return None
    return {
        "floor_bps": of.floor_bps,
        "weight": of.weight,
        "priority": of.priority,
        "above": [tier.agency for tier in of.above],
    }
