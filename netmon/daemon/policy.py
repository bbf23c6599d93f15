"""The control loop: usage -> verdicts and alerts, recorded -> plan, handed to those who act."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from netmon.config.load import Configuration
from netmon.core import alerting, planning
from netmon.core.alerting import Condition
from netmon.core.model import (
    NANOSECONDS,
    Alert,
    AlertKind,
    Circuit,
    Direction,
    Mode,
    Plan,
    Severity,
    Usage,
    Verdict,
)
from netmon.core.planning import Observed, PlanContext
from netmon.daemon.clock import Clock, Trust
from netmon.daemon.consumption import GAPS_AT_ONCE, Consumption
from netmon.daemon.decisions import OBSERVATION_NS
from netmon.daemon.docket import Docket, Owner, Staged
from netmon.daemon.ledger import LedgerService
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.standing import Standing
from netmon.daemon.worker import Call
from netmon.outputs.prometheus import AgencyUsage, Metrics
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

log = logging.getLogger(__name__)

T = TypeVar("T")

UNTOUCHED = Observed(None, known=True)
"""A circuit never touched has no limit of ours: read again before anything is done to it."""
ROUTERS_AT_ONCE = 10
"""Routers gathered between two looks at the event loop."""
CLAIMS_AT_ONCE = 200
"""Claims judged, or routers looked at, between two looks at the event loop."""
OPENINGS_AT_ONCE = 20
"""Routers whose openings are asked for in one query's place in the queue: so long does ending wait at most."""
RECORDED_AT_ONCE = 500
"""Verdicts recorded in one transaction, each with its alert: visits want to be committed in between."""


class PlanChangedError(RuntimeError):
    """What was approved is not what would be done now."""


class Actor(Protocol):
    """Who carries plans out."""

    @property
    def doubtful_routers(self) -> frozenset[str]:
        """Routers with a change under way or unresolved."""

    def offer(self, plan: Plan) -> None:
        """Begins what the plan has pending; never blocks, and never begins twice."""


class Thinker(Protocol):
    """The worker process."""

    async def request(self, payload: Call) -> Plan: ...


class PolicyLoop:
    """Reaches verdicts every control interval. Its memory advances only after the ledger committed."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        ledger: LedgerService,
        worker: Thinker,
        actor: Actor,
        consumption: Consumption,
        standing: Standing,
        health: Mapping[str, RouterHealth],
        metrics: Metrics,
        announced: Callable[[], None],
    ) -> None:
        self._configuration, self._clock, self._ledger = configuration, clock, ledger
        self._worker, self._actor, self._metrics = worker, actor, metrics
        self._consumption, self.standing, self._health = consumption, standing, health
        self._announced = announced
        self._names = {agency.id: agency.name for agency in configuration.agencies}
        self._circuits: dict[str, list[Circuit]] = {}
        for circuit in configuration.circuits:
            self._circuits.setdefault(circuit.agency, []).append(circuit)
        self._by_id = {circuit.id: circuit for circuit in configuration.circuits}
        self._uplinks = frozenset(
            (name, port) for name, r in configuration.settings.routers.items() for port in r.uplinks
        )
        self._docket = Docket(
            configuration.agencies,
            configuration.policies,
            self._circuits,
            consumption,
            standing.previous,
            standing.counting,
            clock.now_ns(),
        )
        self._verdicts_shown = False
        self._limited: dict[Owner, Verdict] = {}
        """The verdicts that count and carry a limit: the others ask for a plan only where a limit is in force."""
        self._first_visit_ns: dict[str, int] = {}
        self._planned: tuple[object, Plan] | None = None
        """What the last plan rests on, and that plan."""
        self._told: str | None = None
        self._turning = asyncio.Lock()

    async def run(self) -> None:
        """A turn every control interval, for ever; one that fails changes nothing and is told once."""
        interval = self._configuration.settings.control.interval / NANOSECONDS
        trouble = None
        while True:
            try:
                await self.turn()
            except (StoreError, ChildDiedError, ChildFailedError) as error:
                if str(error) != trouble:
                    trouble = str(error)
                    log.error("nothing can be decided now: %s", trouble)
            else:
                trouble = None
            await asyncio.sleep(interval)

    async def turn(self, approved_hash: str | None = None) -> Plan:
        """Judges, records, plans and hands over; with a hash, only the very plan that was approved.

        Raises PlanChangedError, and with nothing lost StoreError or the worker's failure.
        """
        async with self._turning:
            return await self._turn(approved_hash)

    async def _turn(self, approved_hash: str | None) -> Plan:
        now_ns = self._clock.now_ns()
        trust = self.standing.trust = self._clock.trust(self._consumption.newest_ns())
        self._tell(trust)
        await self._gather(now_ns)
        staged = await self._judge(now_ns, bool(trust))
        limited = {owner: verdict for owner, verdict in self._limited.items() if owner not in staged.counting}
        limited |= {owner: verdict for owner, verdict in staged.counting.items() if verdict.limit is not None}
        plan = await self._plan(limited, staged.counting, now_ns, bool(trust))
        if approved_hash is not None and plan.hash != approved_hash:
            raise PlanChangedError(f"the plan is no longer {approved_hash[:12]} but {plan.hash[:12]}; look at it again")
        await self._record(staged, plan)
        self._limited = limited
        self._actor.offer(plan)
        return plan

    # --- what is used ----------------------------------------------------------------------------

    async def _gather(self, now_ns: int) -> None:
        """Takes up every visit since the last turn, in portions: the event loop is not held for thousands."""
        docket, consumption = self._docket, self._consumption
        stale_after = self._configuration.settings.control.stale_after
        docket.roll(now_ns)
        missing = consumption.missing(docket.wanted())
        for some in _portions(missing, OPENINGS_AT_ONCE):
            openings = await self._ledger.read(LedgerReader.openings, some)
            consumption.learn(openings)
            docket.renew({router for router, _ in openings})
        while True:
            gaps = await self._ledger.read(consumption.new_gaps)
            consumption.learn_gaps(gaps)
            if len(gaps) < GAPS_AT_ONCE:
                break
        for names in _portions(docket.routers, ROUTERS_AT_ONCE):
            for name in names:
                docket.gather(name, now_ns, stale_after)
            await asyncio.sleep(0)
        await self._show_usage(now_ns)

    async def _show_usage(self, now_ns: int) -> None:
        docket = self._docket
        estimated, unknown_ns = [0] * len(docket.cases), [0] * len(docket.cases)
        for names in _portions(docket.routers, ROUTERS_AT_ONCE):
            for name in names:
                docket.shade(name, now_ns, estimated, unknown_ns)
            await asyncio.sleep(0)
        usages: list[AgencyUsage] = []
        for some in _portions(docket.shown(), CLAIMS_AT_ONCE):
            for at in some:
                case, period = docket.cases[at], docket.cases[at].span.period
                used = Usage(docket.proven(at), estimated[at], unknown_ns[at], now_ns - period.start_ns)
                usages.append(AgencyUsage(case.agency, case.policy.direction, used, case.policy.volume_bytes))
            await asyncio.sleep(0)
        self._metrics.usage(usages)

    # --- what follows from it --------------------------------------------------------------------

    async def _judge(self, now_ns: int, trusted: bool) -> Staged:
        docket, stale_after = self._docket, self._configuration.settings.control.stale_after
        staged = docket.staged()
        for some in _portions(docket.due(trusted), CLAIMS_AT_ONCE):
            for at in some:
                docket.judge(staged, at, now_ns, trusted, stale_after)
            await asyncio.sleep(0)
        for some in _portions(list(staged.judged), CLAIMS_AT_ONCE):
            docket.choose(staged, some)
            await asyncio.sleep(0)
        return staged

    async def _plan(
        self, limited: Mapping[Owner, Verdict], staged: Mapping[Owner, Verdict], now_ns: int, trusted: bool
    ) -> Plan:
        """The plan for where a limit is wanted or in force; elsewhere nothing is to be done whatever happens.

        Asks the worker only if something is not as it was for the last plan.
        """
        limits = {
            key: seen for key, seen in self.standing.limits.items() if seen != UNTOUCHED and key[0] in self._by_id
        }
        verdicts = dict(limited)
        for circuit, direction in limits:
            owner = (self._by_id[circuit].agency, direction)
            verdict = staged.get(owner) or self.standing.counting.get(owner)
            if verdict is not None:
                verdicts[owner] = verdict
        circuits = [
            circuit for agency in {agency: None for agency, _ in verdicts} for circuit in self._circuits.get(agency, ())
        ]
        await self._learn_first_visits()
        held = await self._ledger.write(Ledger.holds, now_ns)
        settings = self._configuration.settings
        context = PlanContext(
            now_ns=now_ns,
            agencies_total=len(self._configuration.agencies),
            max_tightened_permille=settings.control.max_tightened_ratio,
            enforce_ready=self._ready({circuit.router for circuit in circuits}, now_ns),
            uplinks=self._uplinks,
            clock_trusted=trusted,
            held_circuits=frozenset(held),
            renamed_ports=frozenset((name, port) for name, health in self._health.items() for port in health.renamed),
            doubtful_routers=self._actor.doubtful_routers,
        )
        basis = (
            {owner: _basis(verdict, now_ns) for owner, verdict in verdicts.items()},
            limits,
            replace(context, now_ns=0),
        )
        if self._planned is None or self._planned[0] != basis:
            observed = {
                (c.id, direction): limits.get((c.id, direction), UNTOUCHED) for c in circuits for direction in Direction
            }
            plan = await self._worker.request(
                Call(planning.plan, (list(verdicts.values()), circuits, observed, context))
            )
            self._planned = basis, plan
        return self._planned[1]

    def _ready(self, routers: Iterable[str], now_ns: int) -> dict[str, bool]:
        configured = self._configuration.settings.routers
        return {
            name: configured[name].override_observation is not None
            or now_ns - self._first_visit_ns.get(name, now_ns) >= OBSERVATION_NS
            for name in routers
        }

    async def _learn_first_visits(self) -> None:
        unknown = [
            name
            for name, router in self._configuration.settings.routers.items()
            if name not in self._first_visit_ns
            and any((c.mode or router.mode) is Mode.ENFORCE for c in router.circuits.values())
        ]
        for some in _portions(unknown, OPENINGS_AT_ONCE):
            self._first_visit_ns |= await self._ledger.read(LedgerReader.first_visits_ns, some)

    async def _record(self, staged: Staged, plan: Plan) -> None:
        """Nothing is believed, told or done that the ledger did not take."""
        standing, now_ns = self.standing, self._clock.now_ns()
        changed: list[Verdict] = []
        alerts: list[Alert] = []
        for owners in _portions(list(staged.counting.items()), CLAIMS_AT_ONCE):
            changed += [v for owner, v in owners if _essence(v) != _essence(standing.counting.get(owner))]
            alerts += self._transitions((self._quota_condition(verdict) for _, verdict in owners), now_ns)
            await asyncio.sleep(0)
        for routers in _portions(list(self._health), CLAIMS_AT_ONCE):
            alerts += self._transitions(self._router_conditions(routers, now_ns), now_ns)
            await asyncio.sleep(0)
        alerts += self._transitions([_refusal_condition(plan), *self._orphans()], now_ns)
        for some in _portions(changed[:-RECORDED_AT_ONCE], RECORDED_AT_ONCE):
            await self._ledger.write(Ledger.decide, some, (), now_ns)
        if changed or alerts:
            await self._ledger.write(Ledger.decide, changed[-RECORDED_AT_ONCE:], alerts, now_ns)
        for judged in _portions(list(staged.judged), CLAIMS_AT_ONCE):
            self._docket.advance(staged, judged)
            await asyncio.sleep(0)
        standing.counting, standing.previous = self._docket.end_of_turn(staged)
        standing.alerts.update((alert.key, alert) for alert in alerts)
        standing.plan = plan
        standing.turns += 1
        for alert in alerts:
            log.info("%s: %s", alert.state, alert.summary)
        if alerts:
            self._announced()
        if changed or not self._verdicts_shown:
            self._metrics.verdicts(list(standing.counting.values()))
            self._verdicts_shown = True

    def _transitions(self, conditions: Iterable[Condition], now_ns: int) -> list[Alert]:
        alerts = (alerting.transition(self.standing.alerts.get(c.key), c, now_ns) for c in conditions)
        return [alert for alert in alerts if alert is not None]

    def _quota_condition(self, verdict: Verdict) -> Condition:
        return alerting.quota_condition(verdict, self._names.get(verdict.agency, verdict.agency))

    def _router_conditions(self, routers: Iterable[str], now_ns: int) -> Iterator[Condition]:
        down_after = self._configuration.settings.alerts.router_down_after
        for router in routers:
            health = self._health[router]
            condition = alerting.router_condition(
                router,
                last_ok_ns=health.last_ok_ns,
                trying_since_ns=health.watched_since_ns,
                now_ns=now_ns,
                down_after_ns=down_after,
            )
            if condition is not None:
                yield condition

    def _orphans(self) -> list[Condition]:
        """Limits in force on circuits that are no longer configured: nobody would ever lift them."""
        configured = {circuit.id for circuit in self._configuration.circuits}
        known = [key for key in self.standing.limits if f"orphan/{key[0]}/{key[1]}" in self.standing.alerts]
        return [
            alerting.orphan_condition(circuit, direction, seen.bps, circuit in configured)
            for (circuit, direction), seen in self.standing.limits.items()
            if (seen.bps is not None and circuit not in configured) or (circuit, direction) in known
        ]

    def _tell(self, trust: Trust) -> None:
        if trust.objection != self._told:
            if trust.objection is not None:
                log.error("no period rolls and nothing is enforced: %s", trust.objection)
            else:
                log.warning("the clock is trusted again")
            self._told = trust.objection


def _refusal_condition(plan: Plan) -> Condition:
    refused = plan.refused
    return Condition(
        key="plan",
        kind=AlertKind.LIMIT,
        severity=Severity.WARNING,
        firing=refused is not None,
        summary=f"The plan refuses itself: {refused.detail}" if refused is not None else "The plan is safe again.",
        reason=refused.rule if refused is not None else "safe",
        epoch=refused.rule if refused is not None else "",
    )


def _portions(of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(of), size):
        yield of[start : start + size]


def _basis(verdict: Verdict, now_ns: int) -> tuple[object, ...]:
    """What a plan takes from a verdict."""
    return verdict.limit, verdict.reason, verdict.rule, verdict.until_ns is not None and now_ns >= verdict.until_ns


def _essence(verdict: Verdict | None) -> tuple[object, ...] | None:
    """What makes a verdict another one; the numbers it rests on alone do not."""
    if verdict is None:
        return None
    return (verdict.reason, verdict.step, verdict.limit, verdict.policy, verdict.period_start_ns)
