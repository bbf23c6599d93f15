"""The guarded change: one limit of one port, altered so that nobody is hurt.

identity -> not the management path, not an uplink -> no other netmon -> nobody else configuring -> read -> nobody
else's shaper -> arm an undo on the router -> apply, with an end that the router keeps -> read back -> disarm -> save.
Whatever was begun and not seen to end is *unknown*: it is read again later, never repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from netmon.core.changes import Action, Intent, Outcome, Proof
from netmon.core.model import Direction, Placement
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.change import Clock, GuardedChange, Progress, Result, placed, said, save
from netmon.routers.dialects import ARM_ID, Dialect, DialectError, Verb
from netmon.routers.port import Port, RefusedError, Target
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.session import (
    AnswerUnreadableError,
    CommandRejectedError,
    Failure,
    Session,
    SessionError,
    SessionLostError,
)
from netmon.routers.shared_port import open_port

__all__ = [
    "Clock",
    "Inspection",
    "Progress",
    "Reading",
    "Result",
    "Target",
    "carry_out",
    "finish_resolution",
    "inspect",
    "read_limit",
]


@dataclass(frozen=True, slots=True)
class Reading:
    """What limits one direction of a circuit."""

    bps: int | None
    ours: bool
    foreign: str | None
    failure: Failure | None = None
    """Set when it could not be read; the other fields then mean nothing."""
    detail: str = ""
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an open intent left on its router."""

    readable: bool
    read_bps: int | None
    armed: Armed
    detail: str
    tolerance_permille: int = 0
    """Of the router's dialect, for `netmon.core.resolving.classify`."""
    placement: Placement | None = None
    transcript: str = ""
    """What was said on the router, without secrets."""


def carry_out(
    intent: Intent,
    target: Target,
    session: Session,
    dialect: Dialect,
    progress: Progress,
    now_ns: Clock,
    monotonic_ns: Clock,
    cancelled: Callable[[], bool] = lambda: False,
) -> Result:
    """Makes the intent's change, guarded by an undo on the router, and tells how it went.

    `progress` blocks until the step is durably recorded; what it raises is passed on, with that step not
    begun (an undo already armed then fires by itself). `cancelled` is asked between steps until the change
    is applied; from there on finishing is safest. Raises ValueError for an intent that cannot be carried out.
    """
    if intent.change.action is Action.KEEP or not ARM_ID.match(intent.id):
        raise ValueError(f"intent {intent.id!r} ({intent.change.action}) cannot be carried out")
    began = monotonic_ns()
    try:
        port = open_port(target, session, dialect)
    except RefusedError as refusal:
        result = Result(Outcome.FAILED, Proof.NOT_TESTABLE, str(refusal), refusal.reason, None, known=False)
    else:
        result = GuardedChange(intent, port, progress, now_ns, monotonic_ns, cancelled).run()
    return replace(result, duration_ns=monotonic_ns() - began)


def read_limit(target: Target, session: Session, dialect: Dialect, direction: Direction) -> Reading:
    """What limits the circuit in one direction now. Raises SessionError, RefusedError, DialectError."""
    port = open_port(target, session, dialect)
    port.check_identity()
    limit = port.state().limit(target.way(direction))
    return Reading(limit.bps, limit.ours, limit.foreign, placement=placed(limit))


def inspect(intent: Intent, target: Target, session: Session, dialect: Dialect) -> Inspection:
    """What an open intent left behind, for `netmon.core.resolving.resolve`. Raises SessionLostError."""
    armed, tolerance = Armed.UNKNOWN, dialect.settings.rate.tolerance_permille
    try:
        port = open_port(target, session, dialect)
        port.check_identity()
        armed = port.armed(intent.id)
        limit = port.state().limit(target.way(intent.change.direction))
    except SessionLostError:
        raise
    except (SessionError, RefusedError, DialectError, UnsafeValueError) as error:
        return Inspection(False, None, armed, str(error), tolerance)
    at = placed(limit)
    return Inspection(True, limit.bps, armed, f"{said(limit.bps, at)} read back, undo {armed}", tolerance, at)


def finish_resolution(
    intent: Intent, target: Target, session: Session, dialect: Dialect, action: ResolveAction
) -> Inspection:
    """Does on the router what was resolved, and looks again. Never applies the change.

    DISARM and REVERT act on the armed undo and keep its trace; RECORD_* clears the traces of a settled
    change, and saves a new limit that stands; WAIT and GIVE_TO_OPERATOR touch nothing. What acts on an undo
    alone needs no more of the port than its session. Raises SessionLostError.
    """
    port, seen = Port(target, session, dialect), inspect(intent, target, session, dialect)
    try:
        match action:
            case ResolveAction.DISARM if seen.armed is Armed.ARMED:
                port.ask(Verb.CONFIRM, arm=intent.id)
            case ResolveAction.REVERT if seen.armed is Armed.ARMED:
                port.ask(Verb.UNDO, arm=intent.id)
            case ResolveAction.RECORD_OLD | ResolveAction.RECORD_NEW:
                if action is ResolveAction.RECORD_NEW:
                    save(port)
                port.ask(Verb.FORGET, arm=intent.id)
                return seen
            case _:
                return seen
    except (CommandRejectedError, AnswerUnreadableError) as error:
        return Inspection(False, None, Armed.UNKNOWN, str(error), seen.tolerance_permille)
    return inspect(intent, target, session, dialect)
