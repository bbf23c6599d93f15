"""Reads limits in force again, slowly and for ever: what somebody else altered is found, and mended within reason."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from netmon.core import alerting
from netmon.core.alerting import Condition
from netmon.core.alerts import AlertState
from netmon.core.drift import MOST_REPAIRS, Contest, Drift, Finding, Read, drift, respond
from netmon.core.guard_alerts import DRIFT_KEY, drift_condition, foreign_condition
from netmon.core.model import NANOSECONDS, Circuit, Direction
from netmon.core.planning import Observed
from netmon.daemon.ledger import LedgerService
from netmon.daemon.standing import Standing
from netmon.routers.enforcement import Reading
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Sessions open at the same time for this."""
MOST_A_ROUND = 60
ROUNDS = 60
"""In one interval: what is due is spread over them."""
TOLERANCE_PERMILLE = 5
"""Rates no further apart are the same rate (PlanContext.tolerance_permille)."""

Place = tuple[str, Direction]


class Looks(Protocol):
    """Who may open sessions."""

    @property
    def doubtful_routers(self) -> frozenset[str]: ...

    def lets(self, router: str) -> bool:
        """Whether a session may be opened to it now."""

    async def look(self, circuit: str, direction: Direction) -> Reading | None:
        """What limits it now; None: it could not be read."""


class DriftWatch:
    """Knows when each limit in force was read last; what was found is recorded before it counts."""

    def __init__(
        self,
        circuits: Iterable[Circuit],
        interval_ns: int,
        digest: str,
        looks: Looks,
        ledger: LedgerService,
        standing: Standing,
        now_ns: Callable[[], int],
        announced: Callable[[], None],
    ) -> None:
        """`digest`: of the configuration, under which alone a quarrel counts."""
        self._circuits = {circuit.id: circuit for circuit in circuits}
        self._interval_ns, self._digest, self._looks = interval_ns, digest, looks
        self._ledger, self._standing, self._now_ns, self._announced = ledger, standing, now_ns, announced
        self._contests: dict[Place, Contest] = {}
        self._looked_ns: dict[Place, int] = {}
        self._repairs_left = MOST_REPAIRS

    async def restore(self) -> None:
        """Takes up the quarrels that the daemon before us left; another configuration ends them. Raises StoreError."""
        await self._ledger.write(Ledger.forget_contests, self._digest)
        self._contests = await self._ledger.write(Ledger.contests)
        self._show()

    async def pardon(self) -> None:
        """A person says to go on: nothing is contested any more. Raises StoreError."""
        if self._contests:
            await self._ledger.write(Ledger.forget_contests)
            over, self._contests = self._contests, {}
            self._show()
            await self._tell([self._condition(place, None) for place in over])

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(max(1.0, self._interval_ns / NANOSECONDS / ROUNDS))
            try:
                await self.look()
            except StoreError as error:
                log.error("limits cannot be looked at again: %s", error)

    async def look(self) -> None:
        """One round over what is due. Raises StoreError: what could not be recorded is found again."""
        self._repairs_left = MOST_REPAIRS
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(place: Place) -> None:
            async with gate:
                await self._look_at(place)

        if self._standing.released is None:
            await asyncio.gather(*(one(place) for place in self._due()))
        await self._tell(self._over())

    def _due(self) -> list[Place]:
        """Limits believed to be in force and not read for an interval, the longest unread first."""
        now_ns, doubtful = self._now_ns(), self._looks.doubtful_routers
        wanted: list[Place] = []
        for place, seen in self._standing.limits.items():
            circuit = self._circuits.get(place[0])
            if circuit is None or not seen.known or seen.bps is None:
                continue
            router = circuit.limiting.router
            looked_ns = self._looked_ns.setdefault(place, now_ns - self._lead_ns(place))
            if now_ns - looked_ns >= self._interval_ns and router not in doubtful and self._looks.lets(router):
                wanted.append(place)
        return sorted(wanted, key=self._looked_ns.__getitem__)[:MOST_A_ROUND]

    def _lead_ns(self, place: Place) -> int:
        """How much of its first interval a limit has already waited: all at once would be a burst of sessions."""
        digest = hashlib.sha256("/".join(place).encode()).digest()
        return self._interval_ns * digest[0] // 256

    async def _look_at(self, place: Place) -> None:
        believed = self._standing.limits[place]
        reading = await self._looks.look(*place)
        self._looked_ns[place] = self._now_ns()
        router = self._circuits[place[0]].limiting.router
        altered = self._standing.limits.get(place) != believed or router in self._looks.doubtful_routers
        if reading is None or altered:
            return  # it comes again
        read = Read(reading.bps if reading.ours else None, reading.ours, reading.foreign, reading.placement)
        found = drift(believed, read, TOLERANCE_PERMILLE)
        if found is None:
            await self._tell([self._condition(place, None), foreign_condition(*place, router, None)])
        elif found is Drift.FOREIGN or self._repairs_left > 0:
            await self._found(place, found, believed, read)
        else:
            self._looked_ns[place] -= self._interval_ns  # in the next round

    async def _found(self, place: Place, found: Drift, believed: Observed, read: Read) -> None:
        router, now_ns = self._circuits[place[0]].limiting.router, self._now_ns()
        before = self._contests.get(place)
        response, after = respond(found, before, now_ns)
        finding = Finding(
            now_ns,
            router,
            *place,
            found,
            response,
            believed.bps,
            read.bps,
            read.foreign,
            0 if found is Drift.FOREIGN or after is None else after.times,
        )
        foreign = foreign_condition(*place, router, read.foreign)
        if found is Drift.FOREIGN:
            told = self._standing.alerts.get(foreign.key)
            if told is None or told.state is AlertState.RESOLVED:
                await self._ledger.write(Ledger.record_drift, finding, None, self._digest)
            await self._tell([self._condition(place, None), foreign])
            return
        self._repairs_left -= 1
        await self._ledger.write(Ledger.record_drift, finding, after, self._digest)
        await self._ledger.write(Ledger.note_limit, *place, read.bps, True, now_ns)
        if after is not None:
            self._contests[place] = after
            self._show()
        self._standing.limits[place] = Observed(read.bps, True, read.placement)
        log.warning("%s %s: %s by somebody else; %s", *place, found, response)
        await self._tell([self._condition(place, finding), foreign])

    def _condition(self, place: Place, finding: Finding | None) -> Condition:
        circuit = self._circuits.get(place[0])
        return drift_condition(*place, "" if circuit is None else circuit.limiting.router, finding)

    def _over(self) -> list[Condition]:
        """The ends of alerts about limits that were given up meanwhile, and that nobody looks at again."""
        over = []
        for key, alert in self._standing.alerts.items():
            if not key.startswith((DRIFT_KEY, "foreign/")) or alert.state is AlertState.RESOLVED:
                continue
            _, circuit, direction = key.split("/", 2)
            place = (circuit, Direction(direction))
            seen = self._standing.limits.get(place)
            contest = self._contests.get(place)
            unlimited = circuit not in self._circuits or (seen is not None and seen.known and seen.bps is None)
            lately = self._now_ns() - alert.since_ns < self._interval_ns
            if unlimited and not lately and (contest is None or not contest.stopped):
                router = alert.router or ""
                condition = self._condition(place, None) if key.startswith(DRIFT_KEY) else None
                over.append(condition or foreign_condition(*place, router, None))
        return over

    def _show(self) -> None:
        """What the planner leaves alone."""
        self._standing.contested = frozenset(place for place, one in self._contests.items() if one.stopped)

    async def _tell(self, conditions: Iterable[Condition]) -> None:
        now_ns, last = self._now_ns(), self._standing.alerts
        alerts = [a for c in conditions if (a := alerting.transition(last.get(c.key), c, now_ns)) is not None]
        if alerts:
            await self._ledger.write(Ledger.decide, (), alerts, now_ns)
            last.update((alert.key, alert) for alert in alerts)
            self._announced()
