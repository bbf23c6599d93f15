"""A change under the router's own undo, whatever is changed: a job, a timer, a commit on trial, or no undo at all.

What is sent, and whether what is read back will do, is for netmon.routers.change and netmon.routers.adopting to say.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from netmon.core.model import NANOSECONDS
from netmon.core.resolving import Armed
from netmon.routers.dialects import DialectError, RevertKind, Verb, Way
from netmon.routers.port import Port, RefusedError
from netmon.routers.readbacks import Expiry
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError, Failure, SessionError

RESTORED_S = 86_400
"""After so long a limit ends that was put back with its end, where the router does not tell when that was to come."""
LEAST_REVERT_S = 2
"""A change that has less time than this before its undo fires is not begun."""

Objection = tuple[Failure, str]
"""Why a change cannot go on, with the detail for whoever reads its result."""


class Trial:
    """One change's undo, which bears the arm id. What is said of no other end raises SessionError, DialectError."""

    def __init__(self, port: Port, arm: str, monotonic_ns: Callable[[], int]) -> None:
        self._port, self._arm, self._monotonic_ns = port, arm, monotonic_ns
        self._revert = port.dialect.settings.revert
        self._fires_ns = 0
        self.kind = self._revert.kind
        self.commits = self.kind is RevertKind.COMMIT
        self.arms_first = self.kind in (RevertKind.JOB, RevertKind.TIMER)
        """Whether the undo is armed before anything is applied."""

    def check_allowed(self, *, unended: bool = False) -> tuple[str, ...]:
        """What the router cannot do by itself, for the change's result; `unended`: nor will it end the new limit.

        Raises RefusedError where that is not allowed on this router.
        """
        platform, lacking = self._port.dialect.platform, list[Objection]()
        if self.kind is RevertKind.NONE:
            lacking.append((Failure.NOT_ARMED, f"{platform} cannot undo a change by itself"))
        if unended:
            lacking.append((Failure.UNGUARDED, f"{platform} cannot end a limit by itself, should netmon be gone"))
        if lacking and not self._port.target.allow_unguarded:
            reason, said = lacking[0]
            raise RefusedError(reason, f"{said}; where that is acceptable, set allow_unguarded: true for the router")
        return tuple(f"unguarded: {said}" for _, said in lacking)

    def to_end_again(
        self, way: Way, ended: Expiry, removal: tuple[str, ...], untold_s: int = RESTORED_S
    ) -> tuple[str, ...]:
        """The commands that give a limit put back the end it had; `untold_s`: where the router does not tell when."""
        seconds = untold_s if ended.seconds_left is None else max(1, ended.seconds_left)
        return self._port.to_expire(way, seconds, f"{self._arm[:62]}-r", removal)

    def _timer(self, seconds: int) -> dict[str, object]:
        return {"arm": self._arm, "seconds": seconds, "units": seconds // self._revert.unit_s}

    def arm(self, restore: tuple[str, ...], seconds: int) -> Objection | None:
        """None when the undo is armed, to fire in so many seconds."""
        self._fires_ns = self._monotonic_ns() + max(seconds, LEAST_REVERT_S) * NANOSECONDS
        try:
            self._port.ask(Verb.ARM, **self._timer(seconds), restore=restore)
            armed = self._port.armed(self._arm)
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return error.reason, f"the undo could not be armed: {error}"
        if armed is not Armed.ARMED:
            return Failure.NOT_ARMED, f"the undo could not be armed: the router says {armed}"
        return None

    def too_late(self) -> Objection | None:
        """None while what was armed leaves time to apply."""
        if self._monotonic_ns() <= self._fires_ns - NANOSECONDS:
            return None
        return Failure.TOO_LATE, "the router answered too slowly to apply before the undo fires"

    def apply(self, lines: tuple[str, ...], timer_s: Callable[[], int]) -> Objection | None:
        """None when every line was taken, and is on trial where the platform commits; only there `timer_s` is asked.

        Raises CommandRejectedError, AnswerUnreadableError and whatever RefusedError `timer_s` does, with configuration
        mode left again: some of the lines may be in effect.
        """
        port = self._port
        try:
            port.ask(Verb.BEGIN)
            port.send(lines)
            port.ask(Verb.END, **self._timer(timer_s() if self.commits else 0), guarded=int(self.commits))
            armed = port.armed(self._arm) if self.commits else Armed.ARMED
        except (RefusedError, CommandRejectedError, AnswerUnreadableError):
            port.abandon()
            raise
        if armed is not Armed.ARMED:
            return Failure.NOT_ARMED, f"the change was not committed on trial: the router says {armed}"
        return None

    def confirm(self) -> Objection | None:
        """None when the change stands and nothing will undo it."""
        try:
            self._port.ask(Verb.CONFIRM, arm=self._arm)
            # A trial that was over before it was confirmed has been rolled back, and confirming nothing is no error.
            stands = not self.commits or self._port.armed(self._arm) is Armed.UNARMED
        except (CommandRejectedError, AnswerUnreadableError) as error:
            return Failure.UNDO_FIRED, f"the undo could not be disarmed: {error}"
        return None if stands else (Failure.UNDO_FIRED, "the trial was over before it was confirmed")

    def is_armed(self) -> bool:
        return self._port.armed(self._arm) is Armed.ARMED

    def undo(self, *, spare: bool = False) -> None:
        """Fires the router's undo, if it has not fired; `spare`: takes it off instead."""
        # Where a trial is over already, undoing the commit before the last would bring the change back.
        if not self.commits or self.is_armed():
            with suppress(CommandRejectedError):  # it may be gone; what it would have done is seen by reading
                self._port.ask(Verb.CONFIRM if spare else Verb.UNDO, arm=self._arm)

    def stand_down(self) -> None:
        """Takes back an undo that has nothing to undo."""
        with suppress(CommandRejectedError):  # there was none, or it has fired: what it restores is what is there
            self._port.ask(Verb.CONFIRM, arm=self._arm)
        self.forget()

    def forget(self) -> None:
        with suppress(SessionError, DialectError):  # traces of a settled change do no harm
            self._port.ask(Verb.FORGET, arm=self._arm)
