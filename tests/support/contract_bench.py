"""Guarded changes on the router of a ContractBed, through the enforcer and a real SSH session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Final

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.core.resolving import GRACE_NS, Armed, Resolution, classify, resolve
from netmon.routers.adopting import Course, Moved
from netmon.routers.cli_reading import CliReading
from netmon.routers.cli_session import Collect
from netmon.routers.dialects import Dialect, Verb, Way, load_dialect
from netmon.routers.enforcement import Inspection, Reading, Result
from netmon.routers.enforcer import Apply, Enforcer, Inspect, MoveAside, Read, Resolve
from netmon.routers.port import Port, Target
from netmon.routers.readbacks import Foreign, Ours, Owner, Survey
from netmon.routers.session import Login, Session, SessionLostError
from netmon.routers.ssh import NetmikoSession, open_session
from support import (
    contract_edgeos,
    contract_ios,
    contract_iosxr,
    contract_junos,
    contract_linux_sim,
    contract_routeros,
    contract_routeros6,
    contract_vrp5,
    contract_vrp8,
    contract_vyos,
)
from support.contract import ContractBed
from support.processes import wait_until

POLICIES: Final = Path(__file__).parents[2] / "policies" / "enforcement"
LEDGER: Final = "ledger-1"
SIMULATED: Final[tuple[ModuleType, ...]] = (
    contract_edgeos,
    contract_ios,
    contract_iosxr,
    contract_junos,
    contract_linux_sim,
    contract_routeros,
    contract_routeros6,
    contract_vrp5,
    contract_vrp8,
    contract_vyos,
)
"""Every simulated platform of the suite."""
SECOND_NS: Final = 1_000_000_000
_ROUNDS: Final = 8
"""Readings after which an open intent has been settled."""


@dataclass
class Recorder:
    """A session that remembers what was sent, and can be cut from this side."""

    inner: Session
    commands: list[str]
    cut: bool = False
    most: int | None = None
    """After so many commands the link drops."""

    @property
    def username(self) -> str:
        return self.inner.username

    def run(self, command: str) -> str:
        if self.cut or (self.most is not None and len(self.commands) >= self.most):
            self.inner.close()
            raise SessionLostError("r1: the link dropped")
        self.commands.append(command)
        return self.inner.run(command)

    def close(self) -> None:
        self.inner.close()

    def transcript(self) -> str:
        return self.inner.transcript()


@dataclass
class Bench:
    """What the suite does to one router; remembers revisions and what was sent."""

    bed: ContractBed
    dialect: Dialect
    revision: int = 0
    sent: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    """Begun by the last change, after the session was opened."""
    intent: Intent | None = None
    """The last one."""
    at_step: Callable[[Step], None] = lambda _: None
    """Called before a step is begun."""
    login: Login | None = None
    """Instead of the bed's."""
    most: int | None = None
    """After so many commands of a session that moves something aside the link drops."""
    _open: Recorder | None = None

    def target(self, direction: Direction = Direction.DOWNLOAD, faces: Faces = Faces.AGENCY) -> Target:
        """With the next change's marker."""
        return replace(
            self.bed.target(direction, faces), owner=Owner(LEDGER, self.revision + 1), known_revision=self.revision
        )

    def change(
        self,
        to_bps: int | None,
        direction: Direction = Direction.DOWNLOAD,
        *,
        target: Target | None = None,
        from_bps: int | None = None,
        expires_s: int = 0,
        revert_s: int = 30,
    ) -> Result:
        """One change, as the daemon has it made."""
        where = self.target(direction) if target is None else target
        action = Action.REMOVE if to_bps is None else Action.SET
        reason = VerdictReason.OVER_QUOTA
        what = Change("r1", where.circuit, "dinkes", direction, action, from_bps, to_bps, reason, None)
        now, lasts_s = time.time_ns(), self.dialect.settings.revert.lasts_s(revert_s)
        self.intent = Intent(f"i{self.revision + 1}", what, now, now + (lasts_s + 1) * SECOND_NS, expires_s=expires_s)
        self.sent.clear()
        self.steps.clear()
        result = self._do(Apply(self.intent, where, self._login))
        assert isinstance(result, Result)
        self.revision += Step.APPLY in self.steps
        return result

    def ensure(self, to_bps: int | None, direction: Direction = Direction.DOWNLOAD, *, expires_s: int = 0) -> None:
        """The change, confirmed."""
        result = self.change(to_bps, direction, expires_s=expires_s)
        assert result.outcome is Outcome.CONFIRMED, result

    def foreigners(self) -> tuple[Foreign, ...]:
        """What somebody else has on the port."""
        with self.port() as port:
            return port.state().foreigners

    def move(
        self, course: Course, things: tuple[Foreign, ...], arm: str, earlier: str | None = None, revert_s: int = 30
    ) -> Moved:
        """Somebody else's things set aside or put back, as the daemon has it done."""
        self.sent.clear()
        done = self._do(MoveAside(course, arm, earlier, things, revert_s, self.target(), self._login))
        assert isinstance(done, Moved)
        return done

    def lose_patience(self) -> None:
        """The open session waits for its next answer no longer than it takes to know that none comes."""
        assert self._open is not None
        assert isinstance(self._open.inner, NetmikoSession)
        self._open.inner._timeout_s = 0.2

    def cut_at(self, step: Step) -> None:
        """From now on the link drops on this side before the step's first command."""

        def cut(begun: Step) -> None:
            if begun is step and self._open is not None:
                self._open.cut = True

        self.at_step = cut

    def read(self, direction: Direction = Direction.DOWNLOAD, target: Target | None = None) -> Reading:
        reading = self._do(Read(self.target(direction) if target is None else target, direction, self._login))
        assert isinstance(reading, Reading)
        return reading

    def settle(self, later: bool = False) -> Resolution:
        """Resolves the last intent by reading, as the daemon does; `later`: after its deadline is over.

        A job or timer of the router is not waited for: once the deadline is over it is disarmed or fired.
        """
        assert self.intent is not None
        self.at_step = lambda _: None
        target, now = self.target(self.intent.change.direction), time.time_ns()
        if later:
            now = self.intent.deadline_ns + 2 * GRACE_NS
        for _ in range(_ROUNDS):
            seen = self._do(Inspect(self.intent, target, self._login))
            assert isinstance(seen, Inspection)
            found = classify(self.intent, seen.read_bps, seen.tolerance_permille)
            resolution = resolve(self.intent, found, seen.armed, now)
            assert seen.readable, seen.detail
            if resolution.outcome is None and not later:
                return resolution
            done = self._do(Resolve(self.intent, target, self._login, resolution.action))
            if resolution.outcome is not None:
                return resolution
            if isinstance(done, Inspection) and not done.readable:
                wait_until(self._is_settled_there, "a trial that only its own session could end", 20)
        raise AssertionError(f"not settled: {resolution}")

    def _is_settled_there(self) -> bool:
        assert self.intent is not None
        with self.port() as port:
            return port.armed(self.intent.id) is not Armed.ARMED

    def ours(self) -> tuple[Ours, ...]:
        with self.port() as port:
            return port.ours()

    def survey(self) -> Survey:
        with self.port() as port:
            return port.survey()

    def wipe(self) -> None:
        """Everything of netmon's, one after the other, as `netmon release --all` does."""
        with self.port() as port:
            for one in port.ours():
                for way in Way if one.way is None else (one.way,):
                    values = {"object": one.object, "interface": one.interface, "way": way.value}
                    port.configure(port.commands(Verb.WIPE, **values))

    @contextmanager
    def port(self, target: Target | None = None) -> Iterator[Port]:
        """A conversation of its own."""
        session = open_session(self._login, self.dialect)
        try:
            yield Port(self.target() if target is None else target, session, self.dialect)
        finally:
            session.close()

    @property
    def _login(self) -> Login:
        return self.bed.login if self.login is None else self.login

    def _do(self, job: Apply | Inspect | Read | Resolve | MoveAside) -> object:
        enforcer = Enforcer(
            1, self._opened, lambda _: self.dialect, self._progress, time.time_ns, time.monotonic_ns, _collects_nothing
        )
        try:
            return enforcer.submit(job).result(60)
        finally:
            enforcer.close()

    def _opened(self, login: Login, dialect: Dialect) -> Session:
        self._open = Recorder(open_session(login, dialect), self.sent, most=self.most)
        return self._open

    def _progress(self, intent: str, step: Step) -> None:
        if step is not Step.CONNECT:  # of every session, whatever it is for
            self.steps.append(step)
        self.at_step(step)


def _collects_nothing(job: Collect) -> CliReading:
    raise AssertionError(f"{job}: nothing is collected here")


@contextmanager
def bench_of(module: ModuleType) -> Iterator[Bench]:
    with module.bed() as bed:
        yield Bench(bed, load_dialect(module.PLATFORM, [POLICIES]))
