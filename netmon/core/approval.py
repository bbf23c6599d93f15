"""Plans that persons must approve: which tightenings wait, for how many, and whether these very ones are approved.

An approval names every tightening by what is in force and what shall be, so that it holds for those and no others:
less than what was approved is approved, too, and whatever else is desired or observed needs approval anew. Nothing
that loosens or removes a limit waits, and neither does what is due of shared capacity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from netmon.core.changes import Awaited
from netmon.core.refusals import Tightening
from netmon.core.requests import Word

_LENGTH = 16
"""Hexadecimal digits by which one tightening is known."""
SHORTEST = 12
"""So many digits of a hash at least tell which one is meant."""


class Required(StrEnum):
    """When tightenings wait for approval."""

    NEVER = "never"
    ALWAYS = "always"
    ABOVE = "above"
    """Above a threshold."""


class Objection(StrEnum):
    """Why an approval does not count."""

    NOT_WAITING = "not_waiting"
    """No tightenings of that hash wait now."""
    APPROVED_ALREADY = "approved_already"
    """By the same person: another one is needed."""
    ENOUGH = "enough"
    """They are approved already."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Exceeded as soon as one of the two is."""

    agencies: int | None = None
    bps: int | None = None

    def exceeded(self, agencies: int, bps: int) -> bool:
        return (self.agencies is not None and agencies > self.agencies) or (self.bps is not None and bps > self.bps)


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """`control.plan_approval`."""

    required: Required = Required.NEVER
    above: Threshold = Threshold()
    """With ABOVE."""
    second_above: Threshold = Threshold()
    """From there on two persons must."""


@dataclass(frozen=True, slots=True)
class PlanApproval:
    """One person's word for tightenings that waited together."""

    hash: str
    rows: tuple[str, ...]
    """The tightenings, as `row` writes them."""
    word: Word
    expires_ns: int


def row(one: Tightening) -> str:
    """What an approval knows a tightening by: where, from what, to what."""
    said = [one.router, one.circuit, one.direction, one.from_bps, one.to_bps, one.to_floor_bps]
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()[:_LENGTH]


def awaited(tightened: Sequence[Tightening], policy: ApprovalPolicy) -> Awaited | None:
    """What waits for approval; None: nothing does."""
    ours = [one for one in tightened if not one.shared]
    agencies, bps = len({one.agency for one in ours}), sum(one.taken_bps for one in ours)
    match policy.required:
        case Required.NEVER:
            return None
        case Required.ABOVE if not policy.above.exceeded(agencies, bps):
            return None
    if not ours:
        return None
    rows = tuple(sorted({row(one) for one in ours}))
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    needed = 2 if policy.second_above.exceeded(agencies, bps) else 1
    return Awaited(digest, rows, agencies, bps, needed)


def approvers(what: Awaited, approvals: Iterable[PlanApproval], now_ns: int) -> tuple[PlanApproval, ...]:
    """Those that hold for all of it now, one of each person."""
    found: list[PlanApproval] = []
    for one in approvals:
        if now_ns >= one.expires_ns or not set(what.rows) <= set(one.rows):
            continue
        if all(one.word.persons.isdisjoint(other.word.persons) for other in found):
            found.append(one)
    return tuple(found)


def approved(what: Awaited, approvals: Iterable[PlanApproval], now_ns: int) -> bool:
    return len(approvers(what, approvals, now_ns)) >= what.needed


def approve(
    what: Awaited | None, digest: str, approvals: Sequence[PlanApproval], word: Word, lasts_ns: int
) -> PlanApproval | Objection:
    """One person's approval of the tightenings that wait now, for `lasts_ns` from word.at_ns on."""
    if what is None or len(digest) < SHORTEST or not what.hash.startswith(digest):
        return Objection.NOT_WAITING
    before = approvers(what, approvals, word.at_ns)
    if any(not word.persons.isdisjoint(one.word.persons) for one in before):
        return Objection.APPROVED_ALREADY
    if len(before) >= what.needed:
        return Objection.ENOUGH
    return PlanApproval(what.hash, what.rows, word, word.at_ns + lasts_ns)
