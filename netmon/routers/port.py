"""A conversation with a router, and about one port of it: is it the right one, what limits it, what would be sent."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from netmon.core.code_points import Packets, Told, told
from netmon.core.model import Direction, Faces, Placement
from netmon.core.resolving import Armed
from netmon.routers.dialects import Dialect, Names, RevertKind, Verb, Way, is_circuits, way_of
from netmon.routers.readbacks import (
    OBJECT,
    Expiry,
    Limit,
    Ours,
    Owner,
    PortState,
    Survey,
    TellsPeer,
    readable,
    readback_named,
)
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError, Failure, Session

RELEASED: Final = Owner("released", 0)
"""The marker of a router that netmon has left."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What tells a circuit from the others that are limited at the same port."""

    prefixes: tuple[str, ...]
    """The circuit's own."""
    circuits: tuple[str, ...]
    """All that are limited there, this one too: whatever belongs to none of them is somebody else's."""
    agencies: tuple[str, ...]
    """Those that have a class of their own there (core/shaping.py, tiers)."""
    dscp: tuple[int, ...] = ()
    """The circuit's own code points; empty: all that are not excepted."""
    excepted: tuple[Packets, ...] = ()
    """What the others have of its prefixes, where it names no code points."""

    @property
    def told(self) -> tuple[Told, ...]:
        return told(self.prefixes, self.dscp, self.excepted)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one direction of a circuit shall be limited to."""

    bps: int | None
    """None: not at all."""
    placement: Placement | None = None
    """On a shared port, with a limit."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a circuit is limited: one port of one router."""

    circuit: str
    interface: str
    """ifName."""
    faces: Faces
    alias: str | None = None
    """Expected ifAlias; None: not checked."""
    mac: str | None = None
    """Expected MAC address; None: not checked."""
    uplinks: tuple[str, ...] = ()
    """ifNames of the router that are never limited."""
    shared: Sharing | None = None
    """None: the port is the circuit's own."""
    allow_unguarded: bool = False
    """The router may be altered though it can neither undo a change nor end a limit by itself."""
    owner: Owner | None = None
    """What marks the router as ours, with this change's revision; None: the marker is neither asked nor written."""
    others: tuple[str, ...] = ()
    """The other circuits that are limited on this router."""
    known_revision: int = 0
    """The newest revision this ledger knows it wrote there: a higher one was written by a twin."""

    def way(self, direction: Direction) -> Way:
        """The direction as the port sees it."""
        return way_of(direction, self.faces)


class RefusedError(Exception):
    """netmon will not touch the port; nothing was sent that changes anything."""

    def __init__(self, reason: Failure, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Box:
    """A conversation with one router, in its dialect."""

    def __init__(self, session: Session, dialect: Dialect) -> None:
        self._session = session
        self._readback = readback_named(dialect.settings.readback)
        self._on_trial = 0
        """1 while this session holds an unconfirmed commit: IOS XR has it confirmed from there alone."""
        self.dialect = dialect

    def commands(self, verb: Verb, **values: object) -> tuple[str, ...]:
        """The verb's commands. Raises DialectError, UnsafeValueError."""
        return self.dialect.commands(verb, {**self._router_wide, **values})

    def send(self, commands: tuple[str, ...]) -> list[str]:
        """The answers in order. Raises SessionError."""
        return [self._session.run(command) for command in commands]

    def ask(self, verb: Verb, **values: object) -> list[str]:
        answers = self.send(self.commands(verb, **values))
        if verb in (Verb.END, Verb.CONFIRM):
            self._on_trial = int(values.get("guarded") == 1)
        return answers

    def configure(self, commands: tuple[str, ...]) -> None:
        """Sends `commands` in configuration mode; they take effect at once and are not undone.

        Raises SessionError; after a refusal configuration mode is left again.
        """
        try:
            self.ask(Verb.BEGIN)
            self.send(commands)
            self.ask(Verb.END, guarded=0, seconds=0, units=0)
        except CommandRejectedError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Leaves configuration mode without effect, if it was entered."""
        with suppress(CommandRejectedError):
            self.ask(Verb.ABANDON)

    def owner(self) -> Owner | None:
        """Whose limits these are; None where nobody's."""
        answers = self.send(self.dialect.commands(Verb.OWNER, self._router_wide))
        with readable(self.dialect.platform):
            found = self._readback.owner(answers)
        return None if found is None or found.name == RELEASED.name else found

    def others(self) -> str | None:
        """Who else is configuring the router: a sentence."""
        answers = []
        for command in self.dialect.commands(Verb.OTHERS, self._router_wide):
            try:
                answers.append(self._session.run(command))
            except CommandRejectedError as error:
                unknown = self.dialect.settings.unknown
                if unknown is None or not re.search(unknown, str(error)):  # as where somebody holds the configuration
                    return str(error)
                answers.append("")
        with readable(self.dialect.platform):
            return self._readback.others(answers)

    def check_others(self) -> None:
        """Raises RefusedError while somebody else is configuring."""
        if (said := self.others()) is not None:
            raise RefusedError(Failure.OTHERS_CONFIGURING, said)

    def ours(self) -> tuple[Ours, ...]:
        """Everything on the router that bears netmon's mark."""
        answers = self.send(self.dialect.commands(Verb.OURS, self._router_wide))
        with readable(self.dialect.platform):
            found = self._readback.ours(answers)
        return tuple(one for one in found if OBJECT.match(one.object))

    def survey(self) -> Survey:
        """A line that this release or model does not know is passed over."""
        answers = []
        for command in self.dialect.commands(Verb.SURVEY, self._router_wide):
            try:
                answers.append(self._session.run(command))
            except CommandRejectedError:
                answers.append("")
        with readable(self.dialect.platform):
            return self._readback.survey(answers)

    @property
    def _router_wide(self) -> dict[str, object]:
        return {"username": self._session.username, "trial": self._on_trial}


class Port(Box):
    """A conversation about one port of one router."""

    def __init__(self, target: Target, session: Session, dialect: Dialect) -> None:
        super().__init__(session, dialect)
        self.target = target
        self.names = Names.of(target.circuit)

    def check_possible(self, wanted: Wanted) -> None:
        """Raises RefusedError where the port cannot hold such a limit whatever it has now."""

    def commands(self, verb: Verb, **values: object) -> tuple[str, ...]:
        """The verb's commands for this port. Raises DialectError, UnsafeValueError."""
        return super().commands(
            verb,
            **{
                "interface": self.target.interface,
                "object": self.names.object,
                "device": self.names.device,
                "minor": self.names.minor,
                **values,
            },
        )

    def check_owner(self) -> None:
        """Raises RefusedError where another netmon, or a twin with our ledger's name, has set limits."""
        target, marker = self.target, self.owner() if self.target.owner is not None else None
        if target.owner is None or marker is None:
            return
        if marker.name != target.owner.name:
            raise RefusedError(
                Failure.OTHER_NETMON,
                f"limits on this router are kept by netmon {marker.name} (revision {marker.revision}), this one is"
                f" {target.owner.name}; release them there, or take the router out of one of the two",
            )
        if marker.revision > target.known_revision:
            raise RefusedError(
                Failure.OTHER_NETMON,
                f"the router was last changed by revision {marker.revision} of netmon {marker.name}, this ledger knows"
                f" {target.known_revision}: a copy of it is at work, or it was restored from an old one",
            )

    def check_identity(self) -> None:
        """Raises RefusedError unless the port is the one the configuration means."""
        target = self.target
        if target.interface in target.uplinks:
            raise RefusedError(Failure.UPLINK, f"{target.interface} is an uplink; uplinks are never limited")
        try:
            answers = self.ask(Verb.IDENTITY)
            with readable(self.dialect.platform):
                found = self._readback.identity(answers)
        except CommandRejectedError as error:
            raise RefusedError(Failure.IDENTITY_MISMATCH, f"there is no port {target.interface}: {error}") from error
        if found is None or found.name != target.interface:
            raise RefusedError(Failure.IDENTITY_MISMATCH, f"there is no port {target.interface}")
        if target.alias is not None and found.alias != target.alias:
            raise RefusedError(
                Failure.IDENTITY_MISMATCH,
                f"{target.interface} is described as {found.alias!r}, expected {target.alias!r}",
            )
        if target.mac is not None and found.mac != target.mac.lower():
            raise RefusedError(
                Failure.IDENTITY_MISMATCH, f"{target.interface} has MAC address {found.mac}, expected {target.mac}"
            )

    def check_not_management(self) -> None:
        """Raises RefusedError if the port carries this session, or if that cannot be told."""
        try:
            answers = self._ask_management()
            with readable(self.dialect.platform):
                ports = self._readback.management(answers)
        except (CommandRejectedError, AnswerUnreadableError) as error:
            raise RefusedError(
                Failure.MANAGEMENT_PATH, f"cannot tell which port carries this session: {error}"
            ) from error
        if not ports:
            raise RefusedError(Failure.MANAGEMENT_PATH, "cannot tell which port carries this session")
        if self.target.interface in ports:
            raise RefusedError(Failure.MANAGEMENT_PATH, f"{self.target.interface} carries netmon's own session")

    def _ask_management(self) -> list[str]:
        """On some platforms in two rounds: where the session comes from, then the way back there."""
        if not isinstance(self._readback, TellsPeer):
            return self.ask(Verb.MANAGEMENT)
        first = self.ask(Verb.MANAGEMENT, peer="-")
        with readable(self.dialect.platform):
            peer = self._readback.peer(first)
        return first if peer is None else [*first, *self.ask(Verb.MANAGEMENT, peer=peer)]

    def state(self) -> PortState:
        read, foreign = self.ask(Verb.READ), self.ask(Verb.FOREIGN)
        with readable(self.dialect.platform):
            return self._readback.state(read, foreign, self.names, self.target.interface)

    def nesting(self, state: PortState, way: Way | None = None) -> str | None:
        """Which other circuit's limit some of this port's packets pass too, that way or any: a sentence."""
        one = next((one for one in state.nested if way is None or one.way in (way, None)), None)
        if one is None:
            return None
        whose = next((circuit for circuit in self.target.others if is_circuits(one.object, circuit)), None)
        return (
            f"{one.object} on {one.interface}{f', of circuit {whose},' if whose else ''} is netmon's and limits packets"
            f" of {self.target.interface} too; limit the port or its VLANs, not both"
        )

    def armed(self, arm: str) -> Armed:
        if self.dialect.settings.revert.kind is RevertKind.NONE:
            return Armed.UNARMED
        answers = self.ask(Verb.UNDO_STATE, arm=arm)
        with readable(self.dialect.platform):
            return self._readback.armed(answers, arm)

    def to_have(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        """The commands after which `way` is limited as wanted and the other way as in `state`. Raises RefusedError."""
        bps = wanted.bps
        rates = {w: bps if w is way else state.limit(w).bps for w in Way}
        held = {f"{w.value}_bps": self.dialect.settings.rate.on_device(r) if r else 0 for w, r in rates.items()}
        verb = Verb.REMOVE if bps is None else Verb.SET
        return self.commands(verb, **self.dialect.values_for(way, bps), **held, **dict(state.facts))

    def to_restore(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        """The commands after which `way` is as in `state` again, once it had what was wanted, or a part of it."""
        return self.to_have(way, Wanted(state.limit(way).bps), state)

    def to_end(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        """The commands that take off what was wanted, or what is in `state`, whenever they are sent."""
        return self.to_have(way, Wanted(None), state)

    def expiry(self, way: Way) -> Expiry:
        """The end of the limit that the router keeps; where it keeps none there is none."""
        if not self.dialect.settings.expiry:
            return Expiry(present=False)
        answers = self.ask(Verb.EXPIRY, way=way.value)
        with readable(self.dialect.platform):
            return self._readback.expiry(answers, self.names, way)

    def to_expire(self, way: Way, seconds: int, token: str, removal: tuple[str, ...]) -> tuple[str, ...]:
        """The commands after which the router ends the limit in so many seconds; an older end is void."""
        return self.commands(Verb.EXPIRE, way=way.value, seconds=seconds, token=token, removal=removal)

    def in_place(self, wanted: Wanted, limit: Limit) -> bool:
        """Whether the limit read is the one wanted, within the platform's rounding, and complete."""
        return self.same_rate(wanted.bps, limit.bps) and limit.ours is (wanted.bps is not None)

    def unaltered(self, before: Limit, after: Limit) -> bool:
        """Whether the same limit was read twice."""
        return self.same_rate(before.bps, after.bps)

    def same_rate(self, asked_bps: int | None, read_bps: int | None) -> bool:
        if asked_bps is None or read_bps is None:
            return asked_bps is read_bps
        return self.dialect.settings.rate.same(asked_bps, read_bps)
