"""What the contract suite (tests/routers/contract) needs of a platform.

A platform registers by a module tests/support/contract_<platform>.py with

    PLATFORM = "ios"                       # folder of policies/enforcement
    LACKS: frozenset[str] = frozenset()    # names of fields of Sabotage that its bed has as None

    @contextmanager
    def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]: ...

Something typed by hand: `at_once(system.seat("boss", "192.0.2.1").run(line))` (support.consoles). Simulated
systems are touched through ContractBed.do only, because their timers live in the server's thread; the suite does
so for everything in Sabotage too. Timers that a platform counts in minutes run faster in its
system (a parameter such as `second_s`, real seconds per second of the router): an undo armed `deadline_s`
seconds ahead, and a limit that ends in `expires_s`, have both happened within about three real seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Way
from netmon.routers.port import Target
from netmon.routers.session import Login
from netmon.simulator.console import System
from netmon.simulator.faults import NO_FAULTS, Break, Breakage, Faults, Stage
from support.consoles import ServedLogin

__all__ = ["NO_FAULTS", "Break", "Breakage", "ContractBed", "Faults", "Sabotage", "Stage"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sabotage:
    """What happens to the router behind netmon's back; None where the platform knows no such thing."""

    foreign: Callable[[Way], str]
    """Puts somebody else's shaper on the bed's port, that way; what the refusal must name."""
    alter: Callable[[Way, int], None]
    """Somebody sets netmon's own limit of that way to so many bit/s, by hand."""
    reboot: Callable[[], None]
    """What was not saved is gone."""
    operator_enters: Callable[[], None] | None
    """Another login is in configuration mode, or holds the candidate or its lock with uncommitted edits."""
    operator_leaves: Callable[[], None] | None
    reject_after: Callable[[int], None] | None
    """After so many more lines in configuration mode (where there is none: lines that alter), one is refused, once."""
    disk_full: Callable[[], None] | None
    """The next saves fail in the vendor's words."""


@dataclass(frozen=True, slots=True)
class ContractBed:
    """One router with one circuit on a port of its own, which has no limit yet."""

    login: Login
    target: Callable[[Direction, Faces], Target]
    """The circuit, with owner, alias and MAC as configured; with allow_unguarded where the platform needs it."""
    system: System | None
    """None: the real router."""
    sabotage: Sabotage
    management: str
    """The port that carries netmon's session."""
    deadline_s: int = 3
    """So far ahead is an intent's deadline in the tests that wait for the router's own undo."""
    expires_s: int = 3
    """So far ahead is a limit's end in the tests that wait for it."""
    measured: Callable[[Way], int | None] | None = None
    """What the router lets through; None: as the system says."""

    def do(self, what: Callable[[], T]) -> T:
        """Calls `what` where the simulated system lives; here for the real router."""
        return self.login.do(what) if isinstance(self.login, ServedLogin) else what()

    def inflict(self, faults: Faults) -> None:
        """Other faults from now on. Simulated routers only."""
        assert isinstance(self.login, ServedLogin), "the real router has no faults to be set"
        self.login.inflict(faults)

    def limit_bps(self, way: Way) -> int | None:
        """What the router lets through that way; None: everything."""
        if self.measured is not None:
            return self.measured(way)
        system, interface = self.system, self.target(Direction.DOWNLOAD, Faces.AGENCY).interface
        assert system is not None
        return self.do(lambda: system.limit_bps(interface, way is Way.EGRESS))
