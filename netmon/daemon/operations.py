"""What people have done on whole routers: release everything, resume, survey, remove what was left behind, take over.

The running daemon does it with its enforcer; where none runs, netmon/daemon/alone.py does the same with one of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from netmon.config.load import Configuration
from netmon.core import alerting, kill_switch
from netmon.core.adoption import Aside, any_in_doubt
from netmon.core.guard_alerts import twin_condition
from netmon.core.kill_switch import Release, Swept
from netmon.core.model import NANOSECONDS, Direction, Place
from netmon.core.planning import Observed
from netmon.daemon.actions import Actions
from netmon.daemon.adopting import ADOPT, GIVE_BACK, Adopter, set_aside_rows
from netmon.daemon.clock import Clock
from netmon.daemon.control import CommandError
from netmon.daemon.holds import GlobalHold, HoldKeeper
from netmon.daemon.kill_switch import clear
from netmon.daemon.ledger import LedgerService
from netmon.daemon.reached import Reached, reason_of, router_named, routers_named
from netmon.daemon.standing import Standing
from netmon.routers.dialects import objects_of
from netmon.store.chain import Kind
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger

log = logging.getLogger(__name__)

HOLD: Final = "hold"
SWEEP: Final = "sweep"
RESUME: Final = "resume"
SURVEY: Final = "survey"
ORPHANS: Final = "orphans"
TAKE_OVER: Final = "take_over"
OPERATIONS: Final = (HOLD, SWEEP, RESUME, SURVEY, ORPHANS, TAKE_OVER, ADOPT, GIVE_BACK)
"""Verbs on the control socket."""


def ownerless(places: Iterable[Place], configuration: Configuration, removed: Iterable[str]) -> list[Place]:
    """Of places that no circuit is configured for, those whose object was among the removed (as `named` names them)."""
    configured = {circuit.id for circuit in configuration.circuits}
    gone = [name.split(" ") for name in removed]
    return [
        place
        for place in places
        if place[0] not in configured and any(words[0] in objects_of(place[0], (*words, "")[1]) for words in gone)
    ]


def release_document(
    release: Release, swept: Sequence[Swept], trouble: str | None, asides: Mapping[str, Aside] | None = None
) -> dict[str, Any]:
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
        "set_aside": set_aside_rows(asides or {}),
    }


async def asides_of(ledger: LedgerService | None) -> Mapping[str, Aside] | None:
    """What is set aside anywhere; None where the ledger does not tell: a release goes on without."""
    try:
        return None if ledger is None else await ledger.write(Ledger.adoptions)
    except StoreError as error:
        log.warning("what is set aside on routers cannot be told: %s", error)
        return None


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
        self._sweeping, self._adopting = asyncio.Lock(), asyncio.Lock()
        self.verbs = {
            HOLD: self._hold,
            SWEEP: self._sweep,
            RESUME: self._resume,
            SURVEY: self._survey,
            ORPHANS: self._orphans,
            TAKE_OVER: self._take_over,
            ADOPT: self._adopt,
            GIVE_BACK: self._give_back,
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
            asides = await asides_of(self._ledger)
            in_doubt = asides is None or any_in_doubt(asides.values()) or self._actions.doubtful_routers
            undos_ns = fire_ns if in_doubt else None
            brooms = self._reached.brooms()
            swept = await clear(hold, release, str(args["by"]), brooms, self._clock.now_ns, undos_ns)
            await self._keeper.look()
            await self._believe(swept)
        asides = await asides_of(self._ledger)  # anew: a circuit may have been given back meanwhile
        return release_document(release, swept, None, asides)

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
        owner, now_ns = self._actions.ordering.owner, self._clock.now_ns()
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
        owner = self._actions.ordering.owner
        if owner is None:
            raise CommandError("the ledger's id is not read yet; try again")
        taken = await self._reached.take_over(router, owner)
        before = None if taken.before is None else taken.before.marker
        word = {"at_ns": self._clock.now_ns(), "by": str(args["by"]), "reason": reason}
        word |= {"before": before, "after": owner.marker}
        await self._ledger.write(Ledger.record_word, Kind.TAKE_OVER, router, word)
        await self._tell(twin_condition(router, None))
        await self._actions.look_afresh()  # what was refused for the other's marker need not wait
        return {"router": router, "before": before, "after": owner.marker, "detail": taken.detail}

    async def _adopt(self, args: Mapping[str, Any]) -> dict[str, Any]:
        async with self._adopting:
            is_released, in_doubt = self._standing.released is not None, self._actions.doubtful_routers
            answer = await self._adopter.adopt(args, in_doubt, is_released=is_released)
        await self._actions.look_afresh()  # what was refused for it need not wait
        self._announced()
        return answer

    async def _give_back(self, args: Mapping[str, Any]) -> dict[str, Any]:
        async with self._adopting:
            try:
                answer = await self._adopter.give_back(args, self._actions.doubtful_routers)
            except CommandError:  # it may have gone any way
                for direction in Direction:
                    if (str(args.get("circuit")), direction) in self._standing.limits:
                        self._actions.settler.reread(str(args["circuit"]), direction)
                raise
        for direction in Direction:
            self._standing.limits[str(answer["circuit"]), direction] = Observed(None, known=True)
        self._announced()
        return answer

    @property
    def _adopter(self) -> Adopter:
        return Adopter(self._reached, self._ledger, self._actions.ordering.owner, self._clock.now_ns)

    async def _tell(self, condition: alerting.Condition) -> None:
        now_ns, last = self._clock.now_ns(), self._standing.alerts
        alert = alerting.transition(last.get(condition.key), condition, now_ns)
        if alert is not None:
            await self._ledger.write(Ledger.decide, (), (alert,), now_ns)
            last[alert.key] = alert
            self._announced()
