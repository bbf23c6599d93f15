"""What people have done on whole routers: release everything, resume, survey, remove what was left behind, take over.

The running daemon does it with its enforcer; where none runs, netmon/daemon/alone.py does the same with one of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from netmon.config.errors import did_you_mean
from netmon.config.load import Configuration
from netmon.core import alerting, kill_switch
from netmon.core.directives import objection_to_text
from netmon.core.guard_alerts import twin_condition
from netmon.core.kill_switch import Release, Swept
from netmon.core.model import NANOSECONDS, Direction, Place
from netmon.core.planning import Observed
from netmon.daemon.actions import Actions
from netmon.daemon.clock import Clock
from netmon.daemon.control import CommandError
from netmon.daemon.enforcer import ListOursOrder, SurveyOrder, TakeOverOrder, WipeOrder
from netmon.daemon.holds import GlobalHold, HoldKeeper
from netmon.daemon.kill_switch import Broom, RouterBroom, clear, named
from netmon.daemon.ledger import LedgerService
from netmon.daemon.preflight import left_behind, row_of
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.shaping import sharings
from netmon.daemon.standing import Standing
from netmon.daemon.targets import target_of
from netmon.daemon.timers import Timers
from netmon.routers.readback_tc import objects_of
from netmon.routers.readbacks import Ours, Owner
from netmon.routers.session import Failure
from netmon.routers.upkeep import Belongings, Surveyed, Taken, Wiped
from netmon.store.chain import Kind
from netmon.store.ledger import Ledger

HOLD: Final = "hold"
SWEEP: Final = "sweep"
RESUME: Final = "resume"
SURVEY: Final = "survey"
ORPHANS: Final = "orphans"
TAKE_OVER: Final = "take_over"
OPERATIONS: Final = (HOLD, SWEEP, RESUME, SURVEY, ORPHANS, TAKE_OVER)
"""Verbs on the control socket."""
GRACE_NS: Final = 5 * NANOSECONDS
"""An undo may fire this much after its time: timers on routers count in seconds."""


class Asked(Protocol):
    """The enforcer."""

    async def request(self, payload: Any) -> Any:
        """Raises ChildFailedError and ChildDiedError."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How routers are talked to."""

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
        shared = sharings(self.configuration)
        targets = tuple(
            target_of(
                self.configuration,
                circuit,
                shared.get(circuit.id),
                self.mac_of(router, circuit.limiting.interface),
                owner,
            )
            for circuit in self.configuration.circuits
            if circuit.limiting.router == router
        )
        settings, platform = self.configuration.settings.routers[router], self._platform(router)
        found: Surveyed = await self._ask(SurveyOrder(router, settings, platform, targets))
        return found

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


def ownerless(places: Iterable[Place], configuration: Configuration, removed: Iterable[str]) -> list[Place]:
    """Of places that no circuit is configured for, those whose object was among the removed (as `named` names them)."""
    configured = {circuit.id for circuit in configuration.circuits}
    gone = [name.split(" ") for name in removed]
    return [
        place
        for place in places
        if place[0] not in configured and any(words[0] in objects_of(place[0], (*words, "")[1]) for words in gone)
    ]


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


def release_document(release: Release, swept: Sequence[Swept], trouble: str | None) -> dict[str, Any]:
    """The `data` of `netmon/release/1`, but for the zone of its times."""
    return {
        "id": release.id,
        "at_ns": release.at_ns,
        "by": release.by,
        "reason": release.reason,
        "trouble": trouble,
        "routers": [
            {
                "router": one.router,
                "state": one.state.value,
                "removed": list(one.removed),
                "left": list(one.left),
                "detail": one.detail or None,
            }
            for one in swept
        ],
        "remaining": kill_switch.remaining(swept),
    }


class Operations:
    """The running daemon's."""

    def __init__(
        self,
        reached: Reached,
        clock: Clock,
        ledger: LedgerService,
        standing: Standing,
        actions: Actions,
        announced: Callable[[], None],
    ) -> None:
        self._reached, self._clock, self._ledger = reached, clock, ledger
        self._standing, self._actions, self._announced = standing, actions, announced
        self._keeper: HoldKeeper | None = None
        self._sweeping = asyncio.Lock()
        self.verbs = {
            HOLD: self._hold,
            SWEEP: self._sweep,
            RESUME: self._resume,
            SURVEY: self._survey,
            ORPHANS: self._orphans,
            TAKE_OVER: self._take_over,
        }

    async def restore(self) -> None:
        """Looks whether everything is released, before anything is planned. Raises StoreError."""
        hold = await GlobalHold.restored(self._reached.configuration.settings.ledger, self._ledger)
        self._standing.hold = hold
        self._keeper = HoldKeeper(hold, self._ledger, self._standing.alerts, self._clock.now_ns, self._announced)

    async def run(self) -> None:
        """Keeps the hold recorded and told, for ever."""
        assert self._keeper is not None
        await self._keeper.run()

    async def carry_out(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """One of `verbs`. Raises CommandError, StoreError."""
        return await self.verbs[verb](args)

    async def _hold(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """From now on nothing is limited; the sweep is asked for on its own."""
        assert self._standing.hold is not None
        assert self._keeper is not None
        release, trouble = self._standing.hold.begin(str(args["by"]), args.get("reason"), self._clock.now_ns())
        if trouble is not None:
            await self._standing.hold.enter(release)
        await self._keeper.look()
        return release_document(release, (), None)

    async def _sweep(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Once the changes under way have ended; what is cleared is believed to be."""
        hold, release = self._standing.hold, self._standing.released
        assert self._keeper is not None
        if hold is None or release is None:
            raise CommandError("nothing is released; netmon release --all does it")
        async with self._sweeping:
            fire_ns = self._reached.undos_fire_ns()
            try:
                async with asyncio.timeout(fire_ns / NANOSECONDS):
                    await self._actions.finished()
            except TimeoutError:
                pass  # what hangs there may have armed an undo: the second pass is for that
            undos_ns = fire_ns if self._actions.doubtful_routers else None
            brooms = self._reached.brooms()
            swept = await clear(hold, release, str(args["by"]), brooms, self._clock.now_ns, undos_ns)
            await self._keeper.look()
            await self._believe(swept)
        return release_document(release, swept, None)

    async def _believe(self, swept: Sequence[Swept]) -> None:
        """Raises StoreError: then it is planned and found to be so."""
        free, now_ns = {one.router for one in swept if one.is_free}, self._clock.now_ns()
        for circuit in self._reached.configuration.circuits:
            if circuit.limiting.router not in free:
                continue
            for direction in Direction:
                seen = self._standing.limits.get((circuit.id, direction))
                if seen is not None and (seen.bps is not None or not seen.known):
                    await self._ledger.write(Ledger.note_limit, circuit.id, direction, None, True, now_ns)
                    self._standing.limits[circuit.id, direction] = Observed(None, known=True)

    async def _resume(self, args: Mapping[str, Any]) -> dict[str, Any]:
        assert self._standing.hold is not None
        assert self._keeper is not None
        release = self._standing.hold.end(str(args["by"]), args.get("reason"), self._clock.now_ns())
        await self._keeper.look()
        return release_document(release, (), None)

    async def _survey(self, args: Mapping[str, Any]) -> dict[str, Any]:
        routers = routers_named(self._reached.configuration, args.get("routers"))
        owner, now_ns = self._actions.owner, self._clock.now_ns()
        rows = await asyncio.gather(*(self._reached.preflight(router, owner, now_ns) for router in routers))
        return {"routers": list(rows)}

    async def _orphans(self, args: Mapping[str, Any]) -> dict[str, Any]:
        router, reason = router_named(self._reached.configuration, args.get("router")), reason_of(args)
        gone, left = await self._reached.remove(router, await self._reached.orphans(router))
        now_ns = self._clock.now_ns()
        if gone or left:
            word = {"at_ns": now_ns, "by": str(args["by"]), "reason": reason, "removed": gone, "left": left}
            await self._ledger.write(Ledger.record_word, Kind.ORPHANS, router, word)
        for place in ownerless(list(self._standing.limits), self._reached.configuration, gone):
            await self._ledger.write(Ledger.note_limit, *place, None, True, now_ns)
            self._standing.limits[place] = Observed(None, known=True)
        return {"router": router, "removed": gone, "left": left}

    async def _take_over(self, args: Mapping[str, Any]) -> dict[str, Any]:
        router, reason = router_named(self._reached.configuration, args.get("router")), reason_of(args)
        owner = self._actions.owner
        if owner is None:
            raise CommandError("the ledger's id is not read yet; try again")
        taken = await self._reached.take_over(router, owner)
        before = None if taken.before is None else taken.before.marker
        word = {"at_ns": self._clock.now_ns(), "by": str(args["by"]), "reason": reason}
        word |= {"before": before, "after": owner.marker}
        await self._ledger.write(Ledger.record_word, Kind.TAKE_OVER, router, word)
        await self._tell(twin_condition(router, None))
        return {"router": router, "before": before, "after": owner.marker, "detail": taken.detail}

    async def _tell(self, condition: alerting.Condition) -> None:
        now_ns, last = self._clock.now_ns(), self._standing.alerts
        alert = alerting.transition(last.get(condition.key), condition, now_ns)
        if alert is not None:
            await self._ledger.write(Ledger.decide, (), (alert,), now_ns)
            last[alert.key] = alert
            self._announced()
