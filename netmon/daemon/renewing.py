"""Renews the ends that routers keep of limits, so that they outlive no netmon but every one that lives.

A limit is renewed when less than half of its time remains. What was set before this daemon began is renewed soon after
its start, for nobody wrote down when its end comes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from netmon.core.changes import Change, Outcome, Receipt
from netmon.core.model import NANOSECONDS, Circuit, Direction, Place
from netmon.daemon.breakers import Breakers
from netmon.daemon.enforcer import Order, RenewOrder
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.standing import Standing
from netmon.routers.upkeep import Renewal

log = logging.getLogger(__name__)

EVERY_S = 60.0
MOST = 500
"""Limits renewed in one round."""
FIRST_AFTER_NS = 120 * NANOSECONDS
"""A daemon that has just started reads and resolves first."""
AGAIN_NS = 600 * NANOSECONDS
"""After a renewal that failed."""


class Renewed(Protocol):
    """The enforcer process."""

    async def request(self, payload: RenewOrder) -> Any: ...


class Work(Protocol):
    """Who carries changes out."""

    @property
    def doubtful_routers(self) -> frozenset[str]: ...

    def order_for(self, circuit: Circuit) -> Order | None: ...

    def reread(self, circuit: str, direction: Direction) -> None: ...


class Renewer:
    """One round at a time. Bounded by the limits in force."""

    def __init__(
        self,
        circuits: Mapping[str, Circuit],
        standing: Standing,
        enforcer: Renewed,
        work: Work,
        breakers: Breakers,
        expires_ns: int,
        at_once: int,
        keeps_ends: Callable[[str], bool],
        now_ns: Callable[[], int],
    ) -> None:
        """`at_once`: routers; `keeps_ends` tells whether a platform can end a limit by itself."""
        self._circuits, self._standing, self._enforcer, self._work = circuits, standing, enforcer, work
        self._breakers, self._expires_ns, self._at_once = breakers, expires_ns, at_once
        self._keeps_ends, self._now_ns = keeps_ends, now_ns
        self._due_ns: dict[Place, int] = {}
        self._began_ns = now_ns()
        self._told: dict[Place, str] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.round()

    def receipt(self, receipt: Receipt) -> None:
        """A limit that was set has all its time before it."""
        if receipt.outcome is Outcome.CONFIRMED:
            self._renewed(_place(receipt.change))

    def due(self) -> list[Place]:
        """What is to be renewed now, the most urgent first."""
        if self._standing.released is not None:
            return []
        now_ns, shut = self._now_ns(), self._work.doubtful_routers
        found: list[tuple[int, Place]] = []
        for place, seen in self._standing.limits.items():
            circuit = self._circuits.get(place[0])
            at_ns = self._due_ns.get(place, self._began_ns + FIRST_AFTER_NS)
            if not seen.known or seen.bps is None or circuit is None or at_ns > now_ns:
                continue
            router = circuit.limiting.router
            if router not in shut and self._breakers.lets(router):
                found.append((at_ns, place))
        return [place for _, place in sorted(found)[:MOST]]

    async def round(self) -> None:
        """One by one on each router, several routers at once."""
        routers: dict[str, list[Place]] = {}
        for place in self.due():
            routers.setdefault(self._circuits[place[0]].limiting.router, []).append(place)
        gate = asyncio.Semaphore(self._at_once)

        async def one(places: list[Place]) -> None:
            async with gate:
                for place in places:
                    if not await self._renew(place):
                        return

        await asyncio.gather(*(one(places) for places in routers.values()))

    async def _renew(self, place: Place) -> bool:
        """Whether more can be tried on the same router."""
        circuit, seen = self._circuits[place[0]], self._standing.limits[place]
        router, order = circuit.limiting.router, self._work.order_for(circuit)
        if order is None or not self._keeps_ends(order.platform):
            self._renewed(place)
            return True
        if (
            seen.bps is None
            or not seen.known
            or router in self._work.doubtful_routers
            or not self._breakers.lets(router)
        ):
            return False
        token, expires_s = f"nm-{secrets.token_hex(8)}", self._expires_ns // NANOSECONDS
        asked = RenewOrder(
            router, order.settings, order.platform, order.target, place[1], seen.bps, seen.placement, expires_s, token
        )
        try:
            said: Renewal = await self._enforcer.request(asked)
        except (ChildDiedError, ChildFailedError) as error:
            self._failed(place, str(error))
            return False
        if said.renewed:
            self._breakers.succeeded(router)
            self._renewed(place)
            return True
        self._breakers.failed(router, said.reason, said.detail)
        self._failed(place, said.detail)
        if said.known and said.read_bps != seen.bps and self._standing.limits[place] == seen:
            self._work.reread(*place)
        return said.known

    def _renewed(self, place: Place) -> None:
        self._due_ns[place] = self._now_ns() + self._expires_ns // 2
        self._told.pop(place, None)

    def _failed(self, place: Place, detail: str) -> None:
        self._due_ns[place] = self._now_ns() + AGAIN_NS
        if self._told.get(place) != detail:
            self._told[place] = detail
            log.warning("%s %s: its end on the router cannot be renewed: %s", *place, detail)


def _place(change: Change) -> Place:
    return change.circuit, change.direction
