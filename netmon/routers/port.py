"""A conversation about one port of one router: is it the right one, what limits it, what would be sent."""

from __future__ import annotations

from dataclasses import dataclass

from netmon.core.model import Direction, Faces, Placement
from netmon.core.resolving import Armed
from netmon.routers.dialects import Dialect, Names, Verb, Way, way_of
from netmon.routers.readbacks import Limit, PortState, readback_named
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError, Failure, Session


@dataclass(frozen=True, slots=True)
class Sharing:
    """What tells a circuit from the others that are limited at the same port."""

    prefixes: tuple[str, ...]
    """The circuit's own."""
    circuits: tuple[str, ...]
    """All that are limited there, this one too: whatever belongs to none of them is somebody else's."""
    agencies: tuple[str, ...]
    """Those that have a class of their own there (core/shaping.py, tiers)."""


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

    def way(self, direction: Direction) -> Way:
        """The direction as the port sees it."""
        return way_of(direction, self.faces)


class RefusedError(Exception):
    """netmon will not touch the port; nothing was sent that changes anything."""

    def __init__(self, reason: Failure, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Port:
    """A conversation about one port of one router, in its dialect."""

    def __init__(self, target: Target, session: Session, dialect: Dialect) -> None:
        self._session = session
        self._readback = readback_named(dialect.settings.readback)
        self.target = target
        self.dialect = dialect
        self.names = Names.of(target.circuit)

    def check_possible(self, wanted: Wanted) -> None:
        """Raises RefusedError where the port cannot hold such a limit whatever it has now."""

    def commands(self, verb: Verb, **values: object) -> tuple[str, ...]:
        """The verb's commands for this port. Raises DialectError, UnsafeValueError."""
        return self.dialect.commands(
            verb,
            {
                "interface": self.target.interface,
                "object": self.names.object,
                "device": self.names.device,
                "minor": self.names.minor,
                "username": self._session.username,
                **values,
            },
        )

    def send(self, commands: tuple[str, ...]) -> list[str]:
        """The answers in order. Raises SessionError."""
        return [self._session.run(command) for command in commands]

    def ask(self, verb: Verb, **values: object) -> list[str]:
        return self.send(self.commands(verb, **values))

    def check_identity(self) -> None:
        """Raises RefusedError unless the port is the one the configuration means."""
        target = self.target
        if target.interface in target.uplinks:
            raise RefusedError(Failure.UPLINK, f"{target.interface} is an uplink; uplinks are never limited")
        try:
            found = self._readback.identity(self.ask(Verb.IDENTITY))
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
            ports = self._readback.management(self.ask(Verb.MANAGEMENT))
        except (CommandRejectedError, AnswerUnreadableError) as error:
            raise RefusedError(
                Failure.MANAGEMENT_PATH, f"cannot tell which port carries this session: {error}"
            ) from error
        if not ports:
            raise RefusedError(Failure.MANAGEMENT_PATH, "cannot tell which port carries this session")
        if self.target.interface in ports:
            raise RefusedError(Failure.MANAGEMENT_PATH, f"{self.target.interface} carries netmon's own session")

    def state(self) -> PortState:
        read, foreign = self.ask(Verb.READ), self.ask(Verb.FOREIGN)
        return self._readback.state(read, foreign, self.names, self.target.interface)

    def armed(self, arm: str) -> Armed:
        return self._readback.armed(self.ask(Verb.UNDO_STATE, arm=arm), arm)

    def to_have(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        """The commands after which `way` is limited as wanted and the other way as in `state`. Raises RefusedError."""
        bps = wanted.bps
        rates = {w: bps if w is way else state.limit(w).bps for w in Way}
        held = {f"{w.value}_bps": self.dialect.settings.rate.on_device(r) if r else 0 for w, r in rates.items()}
        verb = Verb.REMOVE if bps is None else Verb.SET
        return self.commands(verb, **self.dialect.values_for(way, bps), **held)

    def to_restore(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        """The commands after which `way` is as in `state` again, once it had what was wanted, or a part of it."""
        return self.to_have(way, Wanted(state.limit(way).bps), state)

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
