"""From the verdicts that count to the plan of a turn: what is due of scarce capacity, then what is to be altered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from netmon.config.load import Configuration
from netmon.core import directing, planning, shaping
from netmon.core.capacity import InForce
from netmon.core.changes import Plan
from netmon.core.directives import Directive, frozen
from netmon.core.model import Circuit, Mode, Place, Verdict
from netmon.core.planning import Observed, PlanContext, Share
from netmon.core.shares import Answer, Posed
from netmon.daemon.caps import Capped
from netmon.daemon.decisions import OBSERVATION_NS
from netmon.daemon.docket import Owner
from netmon.daemon.ledger import LedgerService
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.portions import portions
from netmon.daemon.processes import ChildFailedError
from netmon.daemon.shaping import Trees, lending
from netmon.daemon.sharing import Circumstances, Sharer
from netmon.daemon.standing import Standing
from netmon.daemon.worker import Call
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

log = logging.getLogger(__name__)

PLACES_AT_ONCE = 2_000
"""Circuits and directions gone through between two looks at the event loop."""
ROUTERS_AT_ONCE = 20
"""Routers whose first visits are asked for in one query's place in the queue: so long does ending wait at most."""


class Doubts(Protocol):
    """Who carries plans out."""

    @property
    def doubtful_routers(self) -> frozenset[str]:
        """Routers with a change under way or unresolved."""

    @property
    def failing_ports(self) -> frozenset[tuple[str, str]]:
        """(router, ifName) where a limit could not be altered and is not tried again yet."""

    @property
    def open_routers(self) -> frozenset[str]:
        """Routers to which no session is opened for a while."""

    @property
    def is_halted(self) -> bool:
        """Whether nothing may be tightened now, for a rollout went wrong."""


class Thinker(Protocol):
    """The worker process: a Plan for a Call, an Answer for what is Posed."""

    async def request(self, payload: Call | Posed) -> Any: ...


class Ports(Protocol):
    """What polls have shown of uplinks, backhauls and circuits."""

    def capacities(self, directives: Iterable[Directive], now_ns: int) -> Mapping[str, InForce]: ...

    def down_circuits(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done, and what is due anew of scarce capacity; to be recorded before it counts."""

    plan: Plan
    """Without what is kept (planning.outstanding)."""
    answer: Answer | None
    """None: what was recorded stands."""


class Planner:
    """Plans turn by turn, for where a limit is wanted or in force; elsewhere nothing is to be done whatever happens."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: LedgerService,
        worker: Thinker,
        doubts: Doubts,
        standing: Standing,
        health: Mapping[str, RouterHealth],
        ports: Ports,
        sharer: Sharer | None,
    ) -> None:
        """`sharer`: None where no pool is shared."""
        self._configuration, self._ledger, self._worker = configuration, ledger, worker
        self._doubts, self._standing, self._health = doubts, standing, health
        self._ports, self._sharer = ports, sharer
        self._trees, self._capped = Trees(configuration), Capped(configuration)
        self._circuits: dict[str, list[Circuit]] = {}
        for circuit in configuration.circuits:
            self._circuits.setdefault(circuit.agency, []).append(circuit)
        self._by_id = {circuit.id: circuit for circuit in configuration.circuits}
        self._routers = frozenset(circuit.limiting.router for circuit in configuration.circuits)
        """On which limits may be set."""
        self._enforced = frozenset(c.limiting.router for c in configuration.circuits if c.mode is Mode.ENFORCE)
        self._sharing = frozenset(c.limiting.router for c in sharer.circuits) if sharer is not None else frozenset()
        settings = configuration.settings.routers
        self._overridden = frozenset(name for name, r in settings.items() if r.override_observation is not None)
        self._first_visit_ns: dict[str, int] = {}
        self._planned: tuple[Sequence[object], Plan] | None = None
        """What the last plan rests on, and that plan."""
        self._trouble: str | None = None

    async def plan(
        self,
        limited: Mapping[Owner, Verdict],
        staged: Mapping[Owner, Verdict],
        now_ns: int,
        *,
        trusted: bool,
        anew: bool,
    ) -> Planned:
        """`limited`: the verdicts that carry a limit; `staged`: those that may have become others in this turn.

        `trusted`: whether the clock is; `anew`: whether scarce capacity is shared anew, else as it was recorded last.

        Raises StoreError, ChildFailedError and ChildDiedError. Asks for a plan only if something is not as it was for
        the last one.
        """
        await self._learn_first_visits()
        held = frozenset(await self._ledger.write(Ledger.holds, now_ns))
        if self._standing.released is not None:
            held |= self._by_id.keys()
        there_is = self._ports.capacities(self._standing.directives, now_ns)
        trees = self._trees.at(now_ns, there_is)
        ceilings = shaping.lent(self._configuration.circuits, trees) if trees else {}
        answer = await self._share(limited, held, there_is, ceilings.keys(), now_ns) if anew else None
        shares = {} if self._sharer is None else lending(self._sharer.shares_with(answer), ceilings)
        await asyncio.sleep(0)
        # Taken together: what is in doubt, and what is in force where nothing is.
        doubtful, seen = self._doubts.doubtful_routers, dict(self._standing.limits)
        limits: dict[Place, Observed] = {}
        for some in portions(list(seen), PLACES_AT_ONCE):
            for place in some:
                now = seen[place]
                if (now.bps is not None or not now.known) and place[0] in self._by_id:
                    limits[place] = now
            await asyncio.sleep(0)
        verdicts = await self._concerned(limited, staged, limits, shares)
        circuits = [
            circuit for agency in {agency: None for agency, _ in verdicts} for circuit in self._circuits.get(agency, ())
        ]
        await asyncio.sleep(0)
        context = self._context(held, doubtful, now_ns, trusted)
        context = replace(context, placements={place: one.placement for place, one in trees.items()})
        basis = (context, {owner: _basis(verdict, now_ns) for owner, verdict in verdicts.items()}, limits, shares)
        if self._planned is None or not await _same(self._planned[0], basis):
            asked = list(verdicts.values()), circuits, limits, replace(context, now_ns=now_ns, shares=shares)
            plan = await self._worker.request(Call(planning.outstanding, asked))
            self._planned = basis, plan
        return Planned(self._planned[1], answer)

    def recorded(self, answer: Answer) -> None:
        """The answer is in the ledger, and counts."""
        if self._sharer is not None:
            self._sharer.recorded(answer)

    async def _concerned(
        self,
        limited: Mapping[Owner, Verdict],
        staged: Mapping[Owner, Verdict],
        limits: Mapping[Place, Observed],
        shares: Mapping[Place, Share],
    ) -> dict[Owner, Verdict]:
        """A verdict for whoever is limited, is to be limited, or was."""
        verdicts = dict(limited)
        for places in (list(limits), list(shares)):
            for some in portions(places, PLACES_AT_ONCE):
                for place in some:
                    if place not in limits and shares[place].bps is None:
                        continue
                    owner = (self._by_id[place[0]].agency, place[1])
                    if owner not in verdicts:
                        verdict = staged.get(owner) or self._standing.counting.get(owner)
                        verdicts[owner] = directing.no_quota(*owner, None) if verdict is None else verdict
                await asyncio.sleep(0)
        return verdicts

    def _context(self, held: frozenset[str], doubtful: frozenset[str], now_ns: int, trusted: bool) -> PlanContext:
        """All but the shares, and the time, which alters nothing by itself."""
        agencies = (agency.id for agency in self._configuration.agencies)
        context, _ = self._capped.at(now_ns)
        return replace(
            context,
            enforce_ready=self._ready(self._routers, now_ns),
            clock_trusted=trusted,
            held_circuits=held,
            renamed_ports=self._renamed(),
            doubtful_routers=doubtful,
            frozen_agencies=frozen(agencies, self._standing.directives, now_ns),
            down_circuits=self._ports.down_circuits(),
            given=tuple(one for one in self._standing.approvals if now_ns < one.expires_ns),
            open_breakers=self._doubts.open_routers,
            halted=self._doubts.is_halted,
            twin_routers=self._standing.twin_routers,
            contested=self._standing.contested,
        )

    # --- scarce capacity -------------------------------------------------------------------------

    async def _share(
        self,
        limited: Mapping[Owner, Verdict],
        held: frozenset[str],
        there_is: Mapping[str, InForce],
        lent: Collection[Place],
        now_ns: int,
    ) -> Answer | None:
        if self._sharer is None:
            return None
        ready = self._ready(self._sharing, now_ns)
        doubtful = self._doubts.doubtful_routers | self._doubts.open_routers
        shut = {name for name in ready if name in doubtful or not ready[name] or self._silent(name, now_ns)}
        circumstances = Circumstances(
            directives=self._standing.directives,
            capacities=there_is,
            down=self._ports.down_circuits(),
            limits=self._standing.limits,
            routers=frozenset(shut),
            held=held,
            renamed=self._renamed() | self._doubts.failing_ports,
            lent=frozenset(lent),
        )
        posed = await self._sharer.pose(limited, circumstances, now_ns)
        if posed is None:
            return None
        try:
            answer: Answer = await self._worker.request(posed)
        except ChildFailedError as error:
            self._tell(str(error))
            return None
        self._tell(None)
        return answer

    def _silent(self, router: str, now_ns: int) -> bool:
        """Whether it has not answered for so long that it counts as down: what it has is reserved."""
        health = self._health.get(router)
        if health is None:
            return False
        since_ns = health.last_ok_ns or health.watched_since_ns
        return now_ns - since_ns >= self._configuration.settings.alerts.router_down_after

    def _tell(self, trouble: str | None) -> None:
        if trouble != self._trouble:
            if trouble is not None:
                log.error("scarce capacity cannot be shared anew, the last shares stand: %s", trouble)
            else:
                log.warning("scarce capacity is shared again")
            self._trouble = trouble

    # --- what is known of routers ----------------------------------------------------------------

    def _renamed(self) -> frozenset[tuple[str, str]]:
        return frozenset((name, port) for name, health in self._health.items() for port in health.renamed)

    def _ready(self, routers: Iterable[str], now_ns: int) -> dict[str, bool]:
        return {
            name: name in self._overridden or now_ns - self._first_visit_ns.get(name, now_ns) >= OBSERVATION_NS
            for name in routers
        }

    async def _learn_first_visits(self) -> None:
        unknown = sorted(self._enforced - self._first_visit_ns.keys())
        for some in portions(unknown, ROUTERS_AT_ONCE):
            self._first_visit_ns |= await self._ledger.read(LedgerReader.first_visits_ns, some)


async def _same(before: Sequence[object], now: Sequence[object]) -> bool:
    for one, other in zip(before, now, strict=True):
        if one != other:
            return False
        await asyncio.sleep(0)
    return True


def _basis(verdict: Verdict, now_ns: int) -> tuple[object, ...]:
    """What a plan takes from a verdict."""
    return verdict.limit, verdict.reason, verdict.rule, verdict.until_ns is not None and now_ns >= verdict.until_ns
