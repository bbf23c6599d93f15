"""How routers are talked to on behalf of a person: surveyed, swept, taken over, their circuits' ports cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from netmon.config.errors import did_you_mean
from netmon.config.load import Configuration
from netmon.core.directives import objection_to_text
from netmon.core.model import NANOSECONDS, Circuit
from netmon.daemon.control import CommandError
from netmon.daemon.enforcer import ListOursOrder, MoveAsideOrder, SurveyOrder, TakeOverOrder, WipeOrder
from netmon.daemon.kill_switch import Broom, RouterBroom, named
from netmon.daemon.preflight import left_behind, row_of
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.shaping import sharings
from netmon.daemon.targets import target_of
from netmon.daemon.timers import Timers
from netmon.routers.adopting import Course, Moved
from netmon.routers.port import Sharing, Target
from netmon.routers.readbacks import Foreign, Ours, Owner
from netmon.routers.session import Failure
from netmon.routers.upkeep import Belongings, Surveyed, SurveyedPort, Taken, Wiped

GRACE_NS: Final = 5 * NANOSECONDS
"""An undo may fire this much after its time: timers on routers count in seconds."""


class Asked(Protocol):
    """The enforcer."""

    async def request(self, payload: Any) -> Any:
        """Raises ChildFailedError and ChildDiedError."""


@dataclass(frozen=True)
class Reached:
    """How routers are talked to, under one configuration."""

    configuration: Configuration
    enforcer: Asked
    platform_of: Callable[[str], str | None]
    """A router's enforcement dialect; None: not known."""
    mac_of: Callable[[str, str], str | None]

    def brooms(self) -> dict[str, Broom]:
        """One for each router that netmon could ever log in to: on no other can there be a limit of its own."""
        routers = self.configuration.settings.routers.items()
        return {
            name: RouterBroom(self.enforcer, name, router, self.platform_of(name))
            for name, router in routers
            if router.ssh is not None
        }

    def undos_fire_ns(self) -> int:
        """Within how long of now every undo that may be armed on any router has fired."""
        revert_ns, timers = self.configuration.settings.control.revert_after, Timers(self.configuration.directory)
        platforms = {self.platform_of(name) for name in self.configuration.settings.routers} - {None}
        lasting = (timers.lasts_ns(platform, revert_ns) for platform in platforms if platform is not None)
        return max(lasting, default=revert_ns) + GRACE_NS

    async def preflight(self, router: str, owner: Owner | None, now_ns: int) -> dict[str, Any]:
        """One row of `netmon/preflight/1`: the router and the ports of all circuits limited there are read."""
        platform = self.platform_of(router)
        if platform is None:
            detail = f"its platform is not known; write routers.{router}.platform"
            found = Surveyed(failure=Failure.DIALECT, detail=detail)
        else:
            try:
                found = await self._surveyed(router, owner)
            except CommandError as error:
                found = Surveyed(failure=Failure.UNREACHABLE, detail=str(error))
        return row_of(self.configuration, router, platform, found, owner, now_ns)

    async def _surveyed(self, router: str, owner: Owner | None) -> Surveyed:
        there = [circuit for circuit in self.configuration.circuits if circuit.limiting.router == router]
        return await self._survey(router, self._targets(there, owner))

    async def _survey(self, router: str, targets: tuple[Target, ...]) -> Surveyed:
        settings, platform = self.configuration.settings.routers[router], self._platform(router)
        found: Surveyed = await self._ask(SurveyOrder(router, settings, platform, targets))
        return found

    def _targets(self, circuits: Iterable[Circuit], owner: Owner | None) -> tuple[Target, ...]:
        shared, mac_of = self._sharings, self.mac_of
        return tuple(
            target_of(
                self.configuration, one, shared.get(one.id), mac_of(one.limiting.router, one.limiting.interface), owner
            )
            for one in circuits
        )

    @cached_property
    def _sharings(self) -> Mapping[str, Sharing]:
        """Not at once: who releases everything does without."""
        return sharings(self.configuration)

    async def survey_port(self, circuit: Circuit, owner: Owner | None) -> SurveyedPort:
        """What is on the circuit's port. Raises CommandError where it cannot be told."""
        found = await self._survey(circuit.limiting.router, self._targets([circuit], owner))
        if found.failure is not None or not found.ports:
            raise CommandError(f"{circuit.limiting.router} cannot be read ({found.failure}): {found.detail}")
        return found.ports[0]

    async def move(
        self,
        circuit: Circuit,
        owner: Owner | None,
        course: Course,
        arm: str,
        earlier: str | None,
        things: tuple[Foreign, ...],
    ) -> Moved:
        """Somebody else's things at the circuit's port set aside, or put back. Raises CommandError."""
        router, (target,) = circuit.limiting.router, self._targets([circuit], owner)
        settings, platform = self.configuration.settings.routers[router], self._platform(router)
        revert_s = -(-self.configuration.settings.control.revert_after // NANOSECONDS)
        order = MoveAsideOrder(router, settings, platform, target, course, arm, earlier, things, revert_s)
        moved: Moved = await self._ask(order)
        return moved

    async def orphans(self, router: str) -> list[Ours]:
        """What of netmon's no circuit configured there has. Raises CommandError."""
        settings, platform = self.configuration.settings.routers[router], self._platform(router)
        found: Belongings = await self._ask(ListOursOrder(router, settings, platform))
        if found.failure is not None:
            raise CommandError(f"{router} cannot be read ({found.failure}): {found.detail}")
        return left_behind(self.configuration, router, found.ours)

    async def remove(self, router: str, things: Sequence[Ours]) -> tuple[list[str], list[str]]:
        """Takes them off; names of those that are gone, and of those that are not, each with why."""
        settings, platform = self.configuration.settings.routers[router], self._platform(router)
        gone, left = list[str](), list[str]()
        for thing in things:
            wiped: Wiped = await self._ask(WipeOrder(router, settings, platform, thing))
            if wiped.gone:
                gone.append(named(thing))
            else:
                left.append(f"{named(thing)}: {wiped.detail}")
        return gone, left

    async def take_over(self, router: str, owner: Owner) -> Taken:
        """Marks it as ours. Raises CommandError where that did not come about."""
        settings, platform = self.configuration.settings.routers[router], self._platform(router)
        taken: Taken = await self._ask(TakeOverOrder(router, settings, platform, owner))
        if not taken.taken:
            raise CommandError(f"{router} could not be taken over ({taken.reason}): {taken.detail}")
        return taken

    def _platform(self, router: str) -> str:
        platform = self.platform_of(router)
        if platform is None:
            raise CommandError(f"{router}: its platform is not known; write routers.{router}.platform")
        return platform

    async def _ask(self, order: object) -> Any:
        try:
            return await self.enforcer.request(order)
        except (ChildDiedError, ChildFailedError) as error:
            raise CommandError(str(error)) from error


def router_named(configuration: Configuration, name: object) -> str:
    """A configured router that netmon can log in to. Raises CommandError."""
    routers = configuration.settings.routers
    if not isinstance(name, str) or name not in routers:
        raise CommandError(f"there is no router {name!r}{did_you_mean(str(name), routers)}")
    if routers[name].ssh is None:
        raise CommandError(f"router {name} has no ssh credential, so netmon limits nothing there; configure one")
    return name


def routers_named(configuration: Configuration, names: object) -> list[str]:
    """Each once, in the order given. Raises CommandError."""
    if not isinstance(names, list) or not names:
        raise CommandError("name at least one router")
    return list(dict.fromkeys(router_named(configuration, name) for name in names))


def reason_of(args: Mapping[str, Any]) -> str:
    """Raises CommandError for what is no reason for the record."""
    objection = objection_to_text("the reason", args.get("reason"))
    if objection is not None:
        raise CommandError(objection)
    return str(args["reason"])
