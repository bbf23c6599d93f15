"""Somebody else's shapers set aside at a port, and put back: a guarded change of their own kind.

The daemon has written down what is about to be moved, and what puts it back, before any of this is sent. The undo is
the opposite course. What an earlier attempt left in doubt is settled first: a move seen whole is confirmed, any other
is taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from netmon.core.changes import Outcome
from netmon.core.model import NANOSECONDS
from netmon.core.resolving import Armed
from netmon.routers.change import LEAST_REVERT_S, RESTORED_S
from netmon.routers.dialects import Dialect, DialectError, RevertKind, Verb, Way
from netmon.routers.port import Port, RefusedError, Target, Wanted
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.readbacks import Foreign, Limit, PortState
from netmon.routers.reversible import IrreversibleError, Reversible, reversible
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError, Failure, Session, SessionError

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
    if not dialect.adopts:
        return f"{foreign.kind} {foreign.name} cannot be set aside: netmon cannot do that on {dialect.platform}"
    if target.shared is not None:
        return f"{foreign.kind} {foreign.name} cannot be set aside: several circuits share {target.interface}"
    try:
        reversible(dialect.settings.readback, foreign, target.interface)
    except IrreversibleError as error:
        return str(error)
    return None


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
        self._course, self._arm, self._earlier, self._things = course, arm, earlier, things
        self._settings = dialect.settings
        self._kind, self._revert_s = dialect.settings.revert.kind, revert_s
        self._port, self._monotonic_ns = Port(target, session, dialect), monotonic_ns
        self._altered = False
        self._before: PortState | None = None
        self._apply: tuple[str, ...] = ()
        self._restore: tuple[str, ...] = ()
        self._fires_ns = 0
        self._note = ""

    def run(self) -> Moved:
        """Raises nothing but faults of netmon itself."""
        try:
            return self._run()
        except RefusedError as refusal:
            return self._stopped(refusal.reason, str(refusal))
        except SessionError as error:
            return self._stopped(error.reason, str(error))
        except (DialectError, UnsafeValueError) as error:
            return self._stopped(Failure.DIALECT, str(error))

    def _run(self) -> Moved:
        port, target = self._port, self._port.target
        for thing in self._things:
            if (objection := objection_to(thing, target, port.dialect)) is not None:
                raise RefusedError(Failure.FOREIGN_SHAPER, objection)
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
        self._check_guarded()
        self._prepare(before)
        if self._kind in (RevertKind.JOB, RevertKind.TIMER) and (refused := self._arm_undo()):
            return refused
        return self._apply_it() or self._read_back()

    # --- what is there ---------------------------------------------------------------------------

    def _of(self, foreign: Foreign) -> Reversible | None:
        try:
            return reversible(self._settings.readback, foreign, self._port.target.interface)
        except IrreversibleError:
            return None

    def _there(self, state: PortState) -> list[Reversible]:
        """Of our things those that shape the port."""
        shaping = [found for one in state.foreigners if (found := self._of(one)) is not None]
        ours = [found for one in self._things if (found := self._of(one)) is not None]
        return [one for one in ours if any(one.matches(other) for other in shaping)]

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
        known = [found for one in self._things if (found := self._of(one)) is not None]
        for one in state.foreigners:
            found = self._of(one)
            if found is not None and any(found.matches(other) for other in known):
                continue
            if self._course is Course.SET_ASIDE:
                raise RefusedError(Failure.FOREIGN_SHAPER, f"{one.kind} {one.name} appeared meanwhile; adopt again")
            if found is not None:  # at this very port: what is put back would take its place
                detail = f"{one.kind} {one.name} was set there meanwhile; take it off first"
                raise RefusedError(Failure.FOREIGN_SHAPER, detail)

    def _settle(self) -> None:
        """The undo of an attempt that was not seen to end."""
        arm, port = self._earlier, self._port
        if arm is None or self._kind is RevertKind.NONE:
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

    def _check_guarded(self) -> None:
        if self._kind is not RevertKind.NONE:
            return
        said = f"{self._port.dialect.platform} cannot undo a change by itself"
        if not self._port.target.allow_unguarded:
            allow = "where that is acceptable, set allow_unguarded: true for the router"
            raise RefusedError(Failure.NOT_ARMED, f"{said}; {allow}")
        self._note = f"; unguarded: {said}"

    def _prepare(self, before: PortState) -> None:
        """Every line that may be sent, before any is."""
        there = self._there(before)
        every = [one for one in map(self._of, self._things) if one is not None]
        things = there if self._course is Course.SET_ASIDE else [one for one in every if one not in there]
        aside = tuple(line for one in things for line in self._port.commands(Verb.SET_ASIDE, **one.values()))
        back = tuple(line for one in things for line in self._port.commands(Verb.PUT_BACK, **one.values()))
        if self._course is Course.SET_ASIDE:
            self._apply, self._restore = aside, back
            return
        off, on = self._limits_off(before)
        self._apply, self._restore = off + back, aside + on

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
                    left = RESTORED_S if ended.seconds_left is None else max(1, ended.seconds_left)
                    back += port.to_expire(way, left, f"{self._arm}-r", removal)
            on = back + on
            # One queue may hold both ways: the second is taken off as the first left it.
            state = replace(state, ingress=FREE) if way is Way.INGRESS else replace(state, egress=FREE)
        return off, on

    def _timer(self) -> dict[str, object]:
        revert = self._settings.revert
        seconds = revert.fits(revert.lasts_s(self._revert_s)) or revert.least_s
        self._fires_ns = self._monotonic_ns() + max(seconds, LEAST_REVERT_S) * NANOSECONDS
        return {"arm": self._arm, "seconds": seconds, "units": seconds // revert.unit_s}

    def _arm_undo(self) -> Moved | None:
        """None when the undo is armed and leaves time to apply."""
        port = self._port
        self._altered = True
        try:
            port.ask(Verb.ARM, **self._timer(), restore=self._restore)
            armed = port.armed(self._arm)
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._stand_down(error.reason, f"the undo could not be armed: {error}")
        if armed is not Armed.ARMED:
            return self._stand_down(Failure.NOT_ARMED, f"the undo could not be armed: the router says {armed}")
        if self._monotonic_ns() > self._fires_ns - NANOSECONDS:
            return self._stand_down(Failure.TOO_LATE, "the router answered too slowly to apply before the undo fires")
        return None

    # --- applying and judging --------------------------------------------------------------------

    def _apply_it(self) -> Moved | None:
        """None when every line was taken, and on trial where the platform commits."""
        port, commits = self._port, self._kind is RevertKind.COMMIT
        self._altered = True
        try:
            port.ask(Verb.BEGIN)
            port.send(self._apply)
            timer = self._timer() if commits else {"arm": self._arm, "seconds": 0, "units": 0}
            port.ask(Verb.END, **timer, guarded=int(commits))
            armed = port.armed(self._arm) if commits else Armed.ARMED
        except (CommandRejectedError, AnswerUnreadableError) as error:
            port.abandon()
            return self._undo(error.reason, str(error))
        if armed is not Armed.ARMED:
            return self._undo(Failure.NOT_ARMED, f"it was not committed on trial: the router says {armed}")
        return None

    def _read_back(self) -> Moved:
        port = self._port
        try:
            after = port.state()
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._undo(error.reason, str(error))
        if not self._is_over(after):
            return self._undo(Failure.READ_BACK_MISMATCH, self._difference(after))
        try:
            port.ask(Verb.CONFIRM, arm=self._arm)
            stands = self._kind is not RevertKind.COMMIT or port.armed(self._arm) is Armed.UNARMED
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return self._undo(Failure.UNDO_FIRED, f"the undo could not be disarmed: {error}")
        if not stands:
            return self._undo(Failure.UNDO_FIRED, "the trial was over before it was confirmed")
        return self._confirmed("was read back")

    def _difference(self, after: PortState) -> str:
        if self._course is Course.SET_ASIDE:
            left = ", ".join(sorted(f"{one.kind} {one.name}" for one in self._there(after)))
            return f"it still shapes the port: {left}"
        if any(after.limit(way).ours for way in Way):
            return "netmon's own limit is still there"
        told = "; ".join(f"{one.kind} {one.name} ({one.setting})" for one in after.foreigners) or "nothing"
        return f"it is not there as it was recorded, what is there: {told}"

    def _confirmed(self, how: str) -> Moved:
        """Saved whoever asks: what is not saved now is netmon's own doing, looked at a moment ago."""
        note = ""
        try:
            self._port.ask(Verb.SAVE)
        except (SessionError, DialectError) as error:
            note = f", but not saved: {error}"
        with suppress(SessionError, DialectError):
            self._port.ask(Verb.FORGET, arm=self._arm)
        what = "set aside" if self._course is Course.SET_ASIDE else "put back"
        return Moved(Outcome.CONFIRMED, f"{what} {how}{note}{self._note}")

    # --- undoing ---------------------------------------------------------------------------------

    def _undo(self, reason: Failure, detail: str) -> Moved:
        """The other course at once: by the router's own undo, and directly if that did not do it."""
        port = self._port
        if self._kind is not RevertKind.COMMIT or port.armed(self._arm) is Armed.ARMED:
            with suppress(CommandRejectedError):  # it may be gone; what it would have done is then done below
                port.ask(Verb.UNDO, arm=self._arm)
        if not self._as_before(port.state()):
            port.configure(self._restore)
        if not self._as_before(port.state()):
            return Moved(Outcome.UNKNOWN, f"{detail}; after the undo the port is not as it was before", reason)
        with suppress(SessionError, DialectError):
            port.ask(Verb.FORGET, arm=self._arm)
        return Moved(Outcome.REVERTED, f"{detail}; undone, and read back as before", reason)

    def _stand_down(self, reason: Failure, detail: str) -> Moved:
        """Takes back an undo that has nothing to undo."""
        with suppress(CommandRejectedError):
            self._port.ask(Verb.CONFIRM, arm=self._arm)
        with suppress(SessionError, DialectError):
            self._port.ask(Verb.FORGET, arm=self._arm)
        return Moved(Outcome.FAILED, detail, reason)

    def _stopped(self, reason: Failure, detail: str) -> Moved:
        """An answer never came: harmless before anything was armed, unknown after."""
        return Moved(Outcome.UNKNOWN if self._altered else Outcome.FAILED, detail, reason)
