"""Alterations of limits: planned, tried, and what is kept as evidence of how they went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netmon.core.model import Direction, Placement, RuleRef, VerdictReason


class Action(StrEnum):
    SET = "set"
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Change:
    """One alteration of one limit, in one direction of one circuit."""

    router: str
    circuit: str
    agency: str
    direction: Direction
    action: Action
    from_bps: int | None
    to_bps: int | None
    reason: VerdictReason
    rule: RuleRef | None
    from_placement: Placement | None = None
    """Before and after, where the circuit shares a shaping point and has a limit."""
    to_placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """The tightenings of a plan for which persons are asked (core/approval.py)."""

    hash: str
    """SHA-256 over `rows`, hexadecimal: what an approval is given to."""
    rows: tuple[str, ...]
    agencies: int
    bps: int
    """How much less may pass after them, as far as that is known."""
    needed: int
    """So many different persons must approve."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to alter now. Decreases come before increases; refuses itself when unsafe."""

    changes: tuple[Change, ...]
    refused: Refusal | None
    hash: str
    """SHA-256 over desired and observed state, hexadecimal."""
    awaited: Awaited | None = None
    """None: nothing in it takes an approval."""


class Step(StrEnum):
    """How far a guarded change got; each is recorded before it is begun."""

    RECORDED = "recorded"
    CONNECT = "connect"
    ARM = "arm"
    APPLY = "apply"
    READ_BACK = "read_back"
    DISARM = "disarm"
    SAVE = "save"


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Proof(StrEnum):
    CONFIGURED = "configured"
    READ_BACK = "read_back"
    OBSERVED = "observed"
    NOT_TESTABLE = "not_testable"


@dataclass(frozen=True, slots=True)
class Begun:
    """When a step of a change was about to begin."""

    step: Step
    at_ns: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A change about to be tried, recorded before any session opens."""

    id: str
    """Also names the armed undo on the router."""
    change: Change
    created_ns: int
    deadline_ns: int
    """When the router's own undo fires if it was armed and not confirmed."""
    step: Step = Step.RECORDED
    expires_s: int = 0
    """After how long the router ends a limit that is set, should nobody renew it; 0: never."""
    begun: tuple[Begun, ...] = ()
    """The steps so far, in order."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The evidence of how one change went; a link of a hash chain."""

    id: str
    """The intent's id."""
    at_ns: int
    change: Change
    outcome: Outcome
    proof: Proof
    detail: str
    """One sentence: what was read back, or why it failed."""
    duration_ns: int
