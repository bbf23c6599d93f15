"""Somebody else's shapers set aside at a port, and put back: a guarded change of their own kind.

The daemon has written down what is about to be moved, and what puts it back, before any of this is sent. The undo is
the opposite course. What an earlier attempt left in doubt is settled first: a move seen whole is confirmed, any other
is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from netmon.core.changes import Outcome
from netmon.core.resolving import Armed
from netmon.routers.dialects import Dialect, DialectError, RevertKind, Verb, Way
from netmon.routers.port import Port, RefusedError, Target, Wanted
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.readbacks import Foreign, Limit, PortState
from netmon.routers.reversible import IrreversibleError, Reversible, reversible
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError, Failure, Session, SessionError
from netmon.routers.trial import Objection, Trial

FREE = Limit(None, ours=False, foreign=None)


class Course(StrEnum):
    SET_ASIDE = "set_aside"
    PUT_BACK = "put_back"
    """Netmon's own limits are taken off the port at the same time."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How it went: confirmed, failed (nothing was altered), reverted, or unknown."""

    outcome: Outcome
    detail: str
    reason: Failure | None = None
    """None when confirmed."""


def objection_to(foreign: Foreign, target: Target, dialect: Dialect) -> str | None:
    """Why a thing found at the target's port cannot be set aside; None: it can."""
    try:
        _reversible(foreign, target, dialect)
    except IrreversibleError as error:
        return str(error)
    return None


def _reversible(foreign: Foreign, target: Target, dialect: Dialect) -> Reversible:
    """Raises IrreversibleError."""
    if not dialect.adopts:
        raise IrreversibleError(f"{foreign.named} cannot be set aside: netmon cannot do that on {dialect.platform}")
    if target.shared is not None:
        raise IrreversibleError(f"{foreign.named} cannot be set aside: several circuits share {target.interface}")
    return reversible(dialect.settings.readback, foreign, target.interface)


class Move:
    """One attempt; remembers how far it got."""

    def __init__(
        self,
        course: Course,
        arm: str,
        earlier: str | None,
        things: tuple[Foreign, ...],
        revert_s: int,
        target: Target,
        session: Session,
        dialect: Dialect,
        monotonic_ns: Callable[[], int],
    ) -> None:
        """`earlier`: the undo of the attempt before, whose end is not known."""
        self._course, self._earlier, self._foreigners = course, earlier, things
        self._settings, self._revert_s = dialect.settings, revert_s
        self._port = Port(target, session, dialect)
        self._trial = Trial(self._port, arm, monotonic_ns)
        self._things: tuple[Reversible, ...] = ()
        self._altered = False
        self._before: PortState | None = None
        self._apply: tuple[str, ...] = ()
        self._restore: tuple[str, ...] = ()
        self._unguarded: tuple[str, ...] = ()

    def run(self) -> Moved:
        """Raises nothing but faults of netmon itself."""
        try:
            return self._run()
        except (RefusedError, SessionError) as error:
            return self._stopped(error.reason, str(error))
        except IrreversibleError as error:
            return self._stopped(Failure.FOREIGN_SHAPER, str(error))
        except (DialectError, UnsafeValueError) as error:
            return self._stopped(Failure.DIALECT, str(error))

    def _run(self) -> Moved:
        port = self._port
        self._things = tuple(_reversible(one, port.target, port.dialect) for one in self._foreigners)
        port.check_identity()
        port.check_not_management()
        port.check_owner()
        self._settle()
        before = self._before = port.state()
        self._check_strangers(before)
        if self._is_over(before):
            return self._confirmed("is so already")
        # What an attempt before has moved and could not save is nobody else's doing.
        if self._earlier is None or not self._moved(before):
            port.check_others()
        self._unguarded = self._trial.check_allowed()
        self._prepare(before)
        self._altered = True
        if objection := self._arm():
            self._trial.stand_down()
            reason, detail = objection
            return Moved(Outcome.FAILED, detail, reason)
        if objection := self._carry_out():
            return self._undo(*objection)
        return self._confirmed("was read back")

    # --- what is there ---------------------------------------------------------------------------

    def _found(self, foreign: Foreign) -> Reversible | None:
        """None: it shapes more than this port, or netmon could not put it back."""
        with suppress(IrreversibleError):
            return _reversible(foreign, self._port.target, self._port.dialect)
        return None

    def _there(self, state: PortState) -> list[Reversible]:
        """Of our things those that shape the port."""
        found = [one for one in map(self._found, state.foreigners) if one is not None]
        return [thing for thing in self._things if any(thing.matches(one) for one in found)]

    def _moved(self, state: PortState) -> bool:
        """Whether any of it is where it shall be."""
        there = len(self._there(state))
        return there > 0 if self._course is Course.PUT_BACK else there < len(self._things)

    def _is_over(self, state: PortState) -> bool:
        there = self._there(state)
        if self._course is Course.SET_ASIDE:
            return not there
        return len(there) == len(self._things) and not any(state.limit(way).ours for way in Way)

    def _as_before(self, state: PortState) -> bool:
        assert self._before is not None
        before = self._before
        return self._there(state) == self._there(before) and all(
            self._port.unaltered(before.limit(way), state.limit(way)) for way in Way
        )

    def _check_strangers(self, state: PortState) -> None:
        for one in state.foreigners:
            found = self._found(one)
            if found is not None and any(found.matches(thing) for thing in self._things):
                continue
            if self._course is Course.SET_ASIDE:
                raise RefusedError(Failure.FOREIGN_SHAPER, f"{one.named} appeared meanwhile; adopt again")
            if found is not None:  # at this very port: what is put back would take its place
                detail = f"{one.named} was set there meanwhile; take it off first"
                raise RefusedError(Failure.FOREIGN_SHAPER, detail)

    def _settle(self) -> None:
        """The undo of an attempt that was not seen to end."""
        arm, port = self._earlier, self._port
        if arm is None or self._trial.kind is RevertKind.NONE:
            return
        if port.armed(arm) is Armed.ARMED:
            try:
                self._altered = True
                port.ask(Verb.CONFIRM if self._is_over(port.state()) else Verb.UNDO, arm=arm)
            except CommandRejectedError as error:
                self._altered = False
                detail = f"the attempt before is still on trial there ({error}); do it again when that is over"
                raise RefusedError(Failure.NOT_ARMED, detail) from error
            self._altered = False
            if port.armed(arm) is Armed.ARMED:
                raise RefusedError(Failure.NOT_ARMED, "the attempt before is still on trial there; repeat it later")
        with suppress(CommandRejectedError):
            port.ask(Verb.FORGET, arm=arm)

    # --- before anything is sent -----------------------------------------------------------------

    def _prepare(self, before: PortState) -> None:
        """Every line that may be sent, before any is."""
        there = self._there(before)
        things = there if self._course is Course.SET_ASIDE else [one for one in self._things if one not in there]
        aside, back = self._lines(Verb.SET_ASIDE, things), self._lines(Verb.PUT_BACK, things)
        if self._course is Course.SET_ASIDE:
            self._apply, self._restore = aside, back
            return
        off, on = self._limits_off(before)
        self._apply, self._restore = off + back, aside + on

    def _lines(self, verb: Verb, things: Iterable[Reversible]) -> tuple[str, ...]:
        return tuple(line for one in things for line in self._port.commands(verb, **asdict(one)))

    def _limits_off(self, before: PortState) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines that take netmon's own limits off the port with their ends, and those that bring them back."""
        port, none = self._port, Wanted(None)
        off, on = tuple[str, ...](), tuple[str, ...]()
        state = before
        for way in (one for one in Way if before.limit(one).ours):
            ended, removal = port.expiry(way), port.to_end(way, none, before)
            off += port.to_have(way, none, state)
            back = port.to_restore(way, none, state)
            if self._settings.expiry:
                off += port.commands(Verb.UNEXPIRE, way=way.value)
                if ended.present:
                    back += self._trial.to_end_again(way, ended, removal)
            on = back + on
            # One queue may hold both ways: the second is taken off as the first left it.
            state = replace(state, ingress=FREE) if way is Way.INGRESS else replace(state, egress=FREE)
        return off, on

    # --- applying and judging --------------------------------------------------------------------

    def _timer_s(self) -> int:
        revert = self._settings.revert
        return revert.fits(revert.lasts_s(self._revert_s)) or revert.least_s

    def _arm(self) -> Objection | None:
        """None when the undo is armed and leaves time to apply, or is not one that is armed first."""
        if not self._trial.arms_first:
            return None
        return self._trial.arm(self._restore, self._timer_s()) or self._trial.too_late()

    def _carry_out(self) -> Objection | None:
        """None when what was applied has been read back and stands."""
        try:
            if objection := self._trial.apply(self._apply, self._timer_s):
                return objection
            after = self._port.state()
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return error.reason, str(error)
        if not self._is_over(after):
            return Failure.READ_BACK_MISMATCH, self._difference(after)
        return self._trial.confirm()

    def _difference(self, after: PortState) -> str:
        if self._course is Course.SET_ASIDE:
            return f"it still shapes the port: {', '.join(sorted(one.named for one in after.foreigners))}"
        if any(after.limit(way).ours for way in Way):
            return "netmon's own limit is still there"
        told = "; ".join(f"{one.named} ({one.setting})" for one in after.foreigners) or "nothing"
        return f"it is not there as it was recorded, what is there: {told}"

    def _confirmed(self, how: str) -> Moved:
        """Saved whoever asks: what is not saved now is netmon's own doing, looked at a moment ago."""
        note = ""
        try:
            self._port.ask(Verb.SAVE)
        except (SessionError, DialectError) as error:
            note = f", but not saved: {error}"
        self._trial.forget()
        what = "set aside" if self._course is Course.SET_ASIDE else "put back"
        return Moved(Outcome.CONFIRMED, "; ".join((f"{what} {how}{note}", *self._unguarded)))

    # --- undoing ---------------------------------------------------------------------------------

    def _undo(self, reason: Failure, detail: str) -> Moved:
        """The other course at once: by the router's own undo, and directly if that did not do it."""
        port = self._port
        self._trial.undo()
        if not self._as_before(port.state()):
            port.configure(self._restore)
            if not self._as_before(port.state()):
                return Moved(Outcome.UNKNOWN, f"{detail}; after the undo the port is not as it was before", reason)
        self._trial.forget()
        return Moved(Outcome.REVERTED, f"{detail}; undone, and read back as before", reason)

    def _stopped(self, reason: Failure, detail: str) -> Moved:
        """An answer never came: harmless before anything was armed, unknown after."""
        return Moved(Outcome.UNKNOWN if self._altered else Outcome.FAILED, detail, reason)
