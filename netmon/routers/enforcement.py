"""The guarded change: one limit of one port, altered so that nobody is hurt.

identity -> not the management path, not an uplink -> read -> nobody else's shaper -> arm an undo on
the router -> apply -> read back -> disarm -> save. Whatever was begun and not seen to end is
*unknown*: it is read again later, never repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from netmon.core.model import NANOSECONDS, Action, Direction, Intent, Outcome, Placement, Proof, Step
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.dialects import ARM_ID, Dialect, DialectError, UnsafeValueError, Verb
from netmon.routers.port import Port, RefusedError, Target, Wanted
from netmon.routers.readbacks import Limit, PortState
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

LEAST_REVERT_S = 2
"""A change that has less time than this before its undo fires is not begun."""

Progress = Callable[[str, Step], None]
Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Result:
    """How a guarded change went."""

    outcome: Outcome
    proof: Proof
    detail: str
    reason: Failure | None
    """None when confirmed."""
    read_bps: int | None
    """The limit last read; None: no limit. Means nothing unless `known`."""
    known: bool
    """Whether read_bps is what the router has now."""
    duration_ns: int = 0
    placement: Placement | None = None
    """Of the limit last read, on a port that several circuits share."""


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
        result = _GuardedChange(intent, port, progress, now_ns, monotonic_ns, cancelled).run()
    return replace(result, duration_ns=monotonic_ns() - began)


class _GuardedChange:
    """One run of `carry_out`; remembers how far it got."""

    def __init__(
        self,
        intent: Intent,
        port: Port,
        progress: Progress,
        now_ns: Clock,
        monotonic_ns: Clock,
        cancelled: Callable[[], bool],
    ) -> None:
        self._intent = intent
        self._port = port
        self._progress = progress
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._cancelled = cancelled
        self._way = port.target.way(intent.change.direction)
        change = intent.change
        self._wanted = Wanted(change.to_bps, change.to_placement) if change.action is Action.SET else Wanted(None)
        self._step = Step.CONNECT
        self._before: PortState | None = None
        self._restore: tuple[str, ...] = ()
        self._fires_ns = 0

    def run(self) -> Result:
        try:
            return self._run()
        except RefusedError as refusal:
            return self._failed(refusal.reason, str(refusal))
        except SessionError as error:
            return self._stopped(error.reason, str(error))
        except (DialectError, UnsafeValueError) as error:
            return self._stopped(Failure.DIALECT, str(error))

    def _run(self) -> Result:
        port = self._port
        port.check_possible(self._wanted)
        port.check_identity()
        port.check_not_management()
        before = self._before = port.state()
        limit = before.limit(self._way)
        if limit.foreign is not None:
            raise RefusedError(Failure.FOREIGN_SHAPER, f"{limit.foreign} was not made by netmon")
        if port.in_place(self._wanted, limit):
            return self._confirmed(limit, before, "was in place already; nothing was sent")
        apply = port.to_have(self._way, self._wanted, before)
        self._restore = port.to_restore(self._way, self._wanted, before)
        self._go_on()
        self._begin(Step.ARM)
        if stood_down := self._arm():
            return stood_down
        self._begin(Step.APPLY)
        try:
            port.send(apply)
            self._begin(Step.READ_BACK)
            after = port.state()
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._undo(error.reason, str(error))
        return self._judge(after)

    def _arm(self) -> Result | None:
        """None when the undo is armed and leaves time to apply."""
        port, arm = self._port, self._intent.id
        if not port.dialect.settings.device_revert:
            raise RefusedError(Failure.NOT_ARMED, f"{port.dialect.platform} cannot undo a change by itself")
        seconds = (self._intent.deadline_ns - self._now_ns()) // NANOSECONDS
        if seconds < LEAST_REVERT_S:
            raise RefusedError(Failure.TOO_LATE, "the intent's deadline is over")
        self._fires_ns = self._monotonic_ns() + seconds * NANOSECONDS
        try:
            port.ask(Verb.ARM, arm=arm, seconds=seconds, restore=self._restore)
            armed = port.armed(arm)
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._stand_down(error.reason, f"the undo could not be armed: {error}")
        if armed is not Armed.ARMED:
            return self._stand_down(Failure.NOT_ARMED, f"the undo could not be armed: the router says {armed}")
        if self._cancelled():
            return self._stand_down(Failure.CANCELLED, "cancelled before the change was applied")
        if self._monotonic_ns() > self._fires_ns - NANOSECONDS:
            return self._stand_down(Failure.TOO_LATE, "the router answered too slowly to apply before the undo fires")
        return None

    def _judge(self, after: PortState) -> Result:
        """Disarms if the router has what was asked and nobody else came in between, else undoes."""
        limit = after.limit(self._way)
        if limit.foreign is not None:
            return self._undo(Failure.FOREIGN_SHAPER, f"{limit.foreign} appeared meanwhile")
        if not self._port.in_place(self._wanted, limit):
            asked, read = _said(self._wanted.bps, self._wanted.placement), _said(limit.bps, limit.placement)
            return self._undo(Failure.READ_BACK_MISMATCH, f"asked for {asked}, read back {read}")
        self._begin(Step.DISARM)
        try:
            self._port.ask(Verb.CONFIRM, arm=self._intent.id)
        except CommandRejectedError as error:
            return self._undo(Failure.UNDO_FIRED, f"the undo could not be disarmed: {error}")
        self._step = Step.SAVE
        return self._confirmed(limit, after, f"was read back{self._save()}")

    def _save(self) -> str:
        """Saves and tidies up; the change stands whatever happens here."""
        port, note = self._port, ""
        try:
            if save := port.commands(Verb.SAVE):
                self._progress(self._intent.id, Step.SAVE)
                port.send(save)
        except (SessionError, DialectError) as error:
            note = f", but not saved: {error}"
        self._forget()
        return note

    def _undo(self, reason: Failure, detail: str) -> Result:
        """Puts the old state back at once: by the armed undo, and directly if that did not do it."""
        port, before = self._port, self._old()
        with suppress(CommandRejectedError):  # it may be gone; what it would have done is then done below
            port.ask(Verb.UNDO, arm=self._intent.id)
        after = port.state().limit(self._way)
        if not port.unaltered(before, after):
            port.send(self._restore)
            after = port.state().limit(self._way)
        has, had = _said(after.bps, after.placement), _said(before.bps, before.placement)
        outcome, how = Outcome.REVERTED, f"undone, {has} read back"
        if port.unaltered(before, after):
            self._forget()
        else:
            outcome, how = Outcome.UNKNOWN, f"after the undo the router has {has}, before it had {had}"
        return _result(outcome, f"{detail}; {how}", reason, after)

    def _stand_down(self, reason: Failure, detail: str) -> Result:
        """Takes back an undo that has nothing to undo."""
        with suppress(CommandRejectedError):  # there was none, or it has fired: what it restores is what is there
            self._port.ask(Verb.CONFIRM, arm=self._intent.id)
        self._forget()
        return self._failed(reason, detail)

    def _forget(self) -> None:
        with suppress(SessionError, DialectError):  # traces of a settled change do no harm
            self._port.ask(Verb.FORGET, arm=self._intent.id)

    def _begin(self, step: Step) -> None:
        self._progress(self._intent.id, step)
        self._step = step

    def _go_on(self) -> None:
        if self._cancelled():
            raise RefusedError(Failure.CANCELLED, "cancelled before anything was sent")

    def _old(self) -> Limit:
        assert self._before is not None
        return self._before.limit(self._way)

    def _confirmed(self, limit: Limit, state: PortState, how: str) -> Result:
        read = _said(limit.bps, limit.placement)
        detail = "; ".join((f"{self._intent.change.direction}: {read} {how}", *state.warnings))
        return _result(Outcome.CONFIRMED, detail, None, limit)

    def _failed(self, reason: Failure, detail: str) -> Result:
        """Nothing was altered, so the router has what was read, if it was."""
        if self._before is not None:
            return _result(Outcome.FAILED, detail, reason, self._old())
        return Result(Outcome.FAILED, Proof.NOT_TESTABLE, detail, reason, None, known=False)

    def _stopped(self, reason: Failure, detail: str) -> Result:
        """An answer never came: harmless before arming, unknown after."""
        if self._step is Step.CONNECT:
            return self._failed(reason, detail)
        return Result(
            Outcome.UNKNOWN, Proof.NOT_TESTABLE, f"stopped at step {self._step}: {detail}", reason, None, known=False
        )


def read_limit(target: Target, session: Session, dialect: Dialect, direction: Direction) -> Reading:
    """What limits the circuit in one direction now. Raises SessionError, RefusedError, DialectError."""
    port = open_port(target, session, dialect)
    port.check_identity()
    limit = port.state().limit(target.way(direction))
    return Reading(limit.bps, limit.ours, limit.foreign, placement=_placed(limit))


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
    placed = _placed(limit)
    return Inspection(True, limit.bps, armed, f"{_said(limit.bps, placed)} read back, undo {armed}", tolerance, placed)


def finish_resolution(
    intent: Intent, target: Target, session: Session, dialect: Dialect, action: ResolveAction
) -> Inspection:
    """Does on the router what was resolved, and looks again. Never applies the change.

    DISARM and REVERT act on the armed undo and keep its trace; RECORD_* clears the traces of a settled
    change; WAIT and GIVE_TO_OPERATOR touch nothing. What acts on an undo alone needs no more of the port than its
    session. Raises SessionLostError.
    """
    port, seen = Port(target, session, dialect), inspect(intent, target, session, dialect)
    try:
        match action:
            case ResolveAction.DISARM if seen.armed is Armed.ARMED:
                port.ask(Verb.CONFIRM, arm=intent.id)
            case ResolveAction.REVERT if seen.armed is Armed.ARMED:
                port.ask(Verb.UNDO, arm=intent.id)
            case ResolveAction.RECORD_OLD | ResolveAction.RECORD_NEW:
                port.ask(Verb.FORGET, arm=intent.id)
                return seen
            case _:
                return seen
    except CommandRejectedError as error:
        return Inspection(False, None, Armed.UNKNOWN, str(error), seen.tolerance_permille)
    return inspect(intent, target, session, dialect)


def _result(outcome: Outcome, detail: str, reason: Failure | None, limit: Limit) -> Result:
    return Result(outcome, Proof.READ_BACK, detail, reason, limit.bps, known=True, placement=_placed(limit))


def _placed(limit: Limit) -> Placement | None:
    """A class without effect is no limit."""
    return None if limit.bps is None else limit.placement


def _said(bps: int | None, placed: Placement | None) -> str:
    if bps is None:
        return "no limit"
    return f"{bps} bit/s" if placed is None else f"{bps} bit/s, of which {placed.floor_bps} bit/s are its own,"
