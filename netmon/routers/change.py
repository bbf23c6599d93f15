"""One run of the guarded change: how a limit is armed, applied, judged and undone, whatever the router's own undo is.

A router undoes by a job that runs the old state's lines, by a timer that restores its whole configuration, or by a
commit on trial; or not at all, which has to be allowed. netmon.routers.enforcement tells the order of the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netmon.core.changes import Action, Intent, Outcome, Proof, Step
from netmon.core.model import NANOSECONDS, Placement
from netmon.routers.dialects import DialectError, RevertKind, Verb
from netmon.routers.port import Box, Port, RefusedError, Wanted
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.readbacks import Expiry, Limit, PortState
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError, Failure, SessionError
from netmon.routers.trial import LEAST_REVERT_S, RESTORED_S, Objection, Trial

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
    transcript: str = ""
    """What was said on the router, without secrets."""


class GuardedChange:
    """Remembers how far it got."""

    def __init__(
        self,
        intent: Intent,
        port: Port,
        progress: Progress,
        now_ns: Clock,
        monotonic_ns: Clock,
        cancelled: Callable[[], bool],
    ) -> None:
        self._intent, self._port, self._progress = intent, port, progress
        self._now_ns, self._cancelled = now_ns, cancelled
        self._settings = port.dialect.settings
        self._trial = Trial(port, intent.id, monotonic_ns)
        self._way = port.target.way(intent.change.direction)
        change = intent.change
        self._wanted = Wanted(change.to_bps, change.to_placement) if change.action is Action.SET else Wanted(None)
        self._expires = self._settings.expiry and self._wanted.bps is not None and intent.expires_s > 0
        self._step = Step.CONNECT
        self._before: PortState | None = None
        self._ended = Expiry(present=False)
        """Of the limit that was there before."""
        self._apply: tuple[str, ...] = ()
        self._restore: tuple[str, ...] = ()
        self._unguarded: tuple[str, ...] = ()

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
        port.check_owner()
        port.check_others()
        before = self._before = port.state()
        limit = before.limit(self._way)
        if limit.foreign is not None and not self._lifts(limit):
            raise RefusedError(Failure.FOREIGN_SHAPER, f"{limit.foreign} was not made by netmon")
        nesting = None if self._wanted.bps is None else port.nesting(before, self._way)
        if nesting is not None:
            raise RefusedError(Failure.HIERARCHY, nesting)
        self._ended = port.expiry(self._way)
        if port.in_place(self._wanted, limit) and self._ended.present is self._expires:
            return self._confirmed(limit, before, "was in place already; nothing was sent")
        self._check_guarded(limit)
        self._prepare(before)
        if self._cancelled():
            raise RefusedError(Failure.CANCELLED, "cancelled before anything was sent")
        if self._trial.arms_first:
            self._begin(Step.ARM)
            if objection := self._arm():
                self._trial.stand_down()
                return self._failed(*objection)
        self._begin(Step.APPLY)
        return self._apply_it() or self._read_back()

    # --- before anything is sent -----------------------------------------------------------------

    def _lifts(self, limit: Limit) -> bool:
        """Whether a whole limit of ours goes off its own port: nobody else's shaper must stand in the way of that."""
        return self._wanted.bps is None and limit.ours and limit.bps is not None and self._port.target.shared is None

    def _check_guarded(self, limit: Limit) -> None:
        """What the router cannot do by itself has to be allowed."""
        bps = self._wanted.bps
        tightens = bps is not None and (limit.bps is None or bps < limit.bps)
        unended = tightens and self._intent.expires_s > 0 and not self._settings.expiry
        self._unguarded = self._trial.check_allowed(unended=unended)

    def _prepare(self, before: PortState) -> None:
        """Every line that may be sent, before any is."""
        port, way, intent = self._port, self._way, self._intent
        apply = port.to_have(way, self._wanted, before)
        restore = port.to_restore(way, self._wanted, before)
        if self._settings.expiry:
            removal = port.to_end(way, self._wanted, before)
            unexpire = port.commands(Verb.UNEXPIRE, way=way.value)
            if self._expires:
                apply += port.to_expire(way, intent.expires_s, intent.id, removal)
            elif self._ended.present:
                apply += unexpire
            if self._ended.present:
                restore += self._trial.to_end_again(way, self._ended, removal, intent.expires_s or RESTORED_S)
            elif self._expires:
                restore += unexpire
        if (owner := port.target.owner) is not None:
            apply += port.commands(Verb.OWN, owner=owner.name, revision=owner.revision)
        self._apply, self._restore = apply, restore

    def _timer_s(self) -> int:
        """How long the router waits before it undoes. Raises RefusedError when that is too short to apply in."""
        left_s = (self._intent.deadline_ns - self._now_ns()) // NANOSECONDS
        seconds = self._settings.revert.fits(left_s)
        if seconds is None or seconds < LEAST_REVERT_S:
            raise RefusedError(Failure.TOO_LATE, "the intent's deadline is over")
        return seconds

    def _arm(self) -> Objection | None:
        """None when the undo is armed and leaves time to apply."""
        if objection := self._trial.arm(self._restore, self._timer_s()):
            return objection
        if self._cancelled():
            return Failure.CANCELLED, "cancelled before the change was applied"
        return self._trial.too_late()

    # --- applying and judging --------------------------------------------------------------------

    def _apply_it(self) -> Result | None:
        """None when every line was taken, and on trial where the platform commits."""
        try:
            objection = self._trial.apply(self._apply, self._timer_s)
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._never_took_effect(error) or self._undo(error.reason, str(error))
        return None if objection is None else self._undo(*objection)

    def _never_took_effect(self, error: SessionError) -> Result | None:
        """Where lines take effect only when they are committed, a refused one means that none did."""
        if not self._trial.commits or self._trial.is_armed():
            return None
        if not self._port.unaltered(self._old(), self._port.state().limit(self._way)):
            return None
        return self._failed(error.reason, str(error))

    def _read_back(self) -> Result:
        self._begin(Step.READ_BACK)
        port = self._port
        try:
            after = port.state()
            ended = port.expiry(self._way) if self._expires else Expiry(present=True)
            others = port.others()
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._undo(error.reason, str(error))
        limit = after.limit(self._way)
        if objection := self._objection(limit, ended, others):
            return self._undo(*objection)
        self._begin(Step.DISARM)
        if objection := self._trial.confirm():
            return self._undo(*objection)
        self._step = Step.SAVE
        return self._confirmed(limit, after, f"was read back{self._save()}")

    def _objection(self, limit: Limit, ended: Expiry, others: str | None) -> Objection | None:
        """Why what was read back cannot be confirmed."""
        if limit.foreign is not None and not (self._wanted.bps is None and limit.foreign == self._old().foreign):
            return Failure.FOREIGN_SHAPER, f"{limit.foreign} appeared meanwhile"
        if not self._port.in_place(self._wanted, limit):
            asked, read = said(self._wanted.bps, self._wanted.placement), said(limit.bps, limit.placement)
            return Failure.READ_BACK_MISMATCH, f"asked for {asked}, read back {read}"
        if not ended.present:
            return Failure.EXPIRY_MISSING, "the router does not keep the limit's end"
        if others is not None:
            return Failure.OTHERS_CONFIGURING, f"meanwhile {others}"
        return None

    def _save(self) -> str:
        """Saves and tidies up; the change stands whatever happens here."""
        note = ""
        try:
            note = save(self._port, lambda: self._progress(self._intent.id, Step.SAVE))
        except (SessionError, DialectError, UnsafeValueError) as error:
            note = f", but not saved: {error}"
        self._trial.forget()
        return note

    # --- undoing ---------------------------------------------------------------------------------

    def _undo(self, reason: Failure, detail: str) -> Result:
        """Puts the old state back at once: by the router's own undo, and directly if that did not do it."""
        port, before = self._port, self._old()
        # The timer would restore the whole configuration, over what somebody else does in it now.
        spare = self._trial.kind is RevertKind.TIMER and reason is Failure.OTHERS_CONFIGURING
        self._trial.undo(spare=spare)
        after = port.state().limit(self._way)
        if self._trial.kind is RevertKind.NONE or not port.unaltered(before, after):
            port.configure(self._restore)
            after = port.state().limit(self._way)
        has, had = said(after.bps, after.placement), said(before.bps, before.placement)
        outcome, how = Outcome.REVERTED, f"undone, {has} read back"
        if port.unaltered(before, after):
            self._trial.forget()
        else:
            outcome, how = Outcome.UNKNOWN, f"after the undo the router has {has}, before it had {had}"
        return _result(outcome, f"{detail}; {how}", reason, after)

    def _begin(self, step: Step) -> None:
        self._progress(self._intent.id, step)
        self._step = step

    # --- how it went -----------------------------------------------------------------------------

    def _old(self) -> Limit:
        assert self._before is not None
        return self._before.limit(self._way)

    def _confirmed(self, limit: Limit, state: PortState, how: str) -> Result:
        read = said(limit.bps, limit.placement)
        detail = "; ".join((f"{self._intent.change.direction}: {read} {how}", *self._unguarded, *state.warnings))
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


def save(port: Box, before: Callable[[], None] = lambda: None) -> str:
    """Makes the running configuration the startup one; what kept it from that, to be told after the limit.

    Nothing is saved over what somebody else is about to try. `before` is called if there is anything to send.
    Raises SessionError, DialectError.
    """
    commands = port.commands(Verb.SAVE)
    if not commands:
        return ""
    if (others := port.others()) is not None:
        return f", but not saved: {others}"
    before()
    port.send(commands)
    return ""


def _result(outcome: Outcome, detail: str, reason: Failure | None, limit: Limit) -> Result:
    return Result(outcome, Proof.READ_BACK, detail, reason, limit.bps, known=True, placement=placed(limit))


def placed(limit: Limit) -> Placement | None:
    """A class without effect is no limit."""
    return None if limit.bps is None else limit.placement


def said(bps: int | None, placed: Placement | None) -> str:
    if bps is None:
        return "no limit"
    return f"{bps} bit/s" if placed is None else f"{bps} bit/s, of which {placed.floor_bps} bit/s are its own,"
