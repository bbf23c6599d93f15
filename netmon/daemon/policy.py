"""The control loop: usage -> verdicts and alerts, recorded -> plan, handed to those who act."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from netmon.config.load import Configuration
from netmon.core import alerting
from netmon.core.alerting import Condition
from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.changes import Plan
from netmon.core.directives import directive_conditions
from netmon.core.measurement import Usage
from netmon.core.model import NANOSECONDS, Circuit, Direction, Verdict
from netmon.core.quota import essence
from netmon.core.shares import floor_conditions
from netmon.daemon.clock import Clock, Trust
from netmon.daemon.consumption import GAPS_AT_ONCE, Consumption
from netmon.daemon.docket import Docket, Owner, Staged
from netmon.daemon.ledger import LedgerService
from netmon.daemon.percentiles import Certain, certain
from netmon.daemon.planner import Planned, Planner
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.portions import portions
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.standing import Standing
from netmon.outputs.prometheus import AgencyUsage, Metrics
from netmon.store.closings import DemandKey
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

log = logging.getLogger(__name__)

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

    def offer(self, plan: Plan) -> None:
        """Begins what the plan has pending; never blocks, and never begins twice."""

    def conditions(self) -> list[Condition]:
        """What is to be told of routers and of how changes went."""


class PolicyLoop:
    """Reaches verdicts every control interval. Its memory advances only after the ledger committed."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        ledger: LedgerService,
        planner: Planner,
        actor: Actor,
        consumption: Consumption,
        standing: Standing,
        health: Mapping[str, RouterHealth],
        metrics: Metrics,
        announced: Callable[[], None],
    ) -> None:
        self._configuration, self._clock, self._ledger = configuration, clock, ledger
        self._planner, self._actor, self._metrics = planner, actor, metrics
        self._consumption, self.standing, self._health = consumption, standing, health
        self._announced = announced
        self._names = {agency.id: agency.name for agency in configuration.agencies}
        self._circuits: dict[str, list[Circuit]] = {}
        for circuit in configuration.circuits:
            self._circuits.setdefault(circuit.agency, []).append(circuit)
        self._docket = Docket(
            configuration.agencies,
            configuration.policies,
            self._circuits,
            consumption,
            standing.previous,
            standing.counting,
            clock.now_ns(),
        )
        configured = {circuit.id for circuit in configuration.circuits}
        told = {key for key in standing.alerts if key.startswith("orphan/")}
        self._strangers = [
            ((circuit, direction), circuit in configured)
            for circuit, direction in standing.limits
            if circuit not in configured or (told and f"orphan/{circuit}/{direction}" in told)
        ]
        """Limits of circuits that are not configured, or were not when they were told of; and whether they are now."""
        self._verdicts_shown = False
        self._limited: dict[Owner, Verdict] = {}
        """The verdicts that count and carry a limit: the others ask for a plan only where a limit is in force."""
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
        await self.standing.renew_directives(self._ledger)
        await self._gather(now_ns)
        staged = await self._judge(now_ns, bool(trust))
        limited = {owner: verdict for owner, verdict in self._limited.items() if owner not in staged.counting}
        limited |= {owner: verdict for owner, verdict in staged.counting.items() if verdict.limit is not None}
        # What was approved was planned from the shares that are recorded.
        anew = bool(trust) and approved_hash is None
        planned = await self._planner.plan(limited, staged.counting, now_ns, trusted=bool(trust), anew=anew)
        plan = planned.plan
        if approved_hash is not None and plan.hash != approved_hash:
            raise PlanChangedError(f"the plan is no longer {approved_hash[:12]} but {plan.hash[:12]}; look at it again")
        await self._record(staged, planned)
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
        for some in portions(missing, OPENINGS_AT_ONCE):
            openings = await self._ledger.read(LedgerReader.openings, some)
            consumption.learn(openings)
            docket.renew({router for router, _ in openings})
        while True:
            gaps = await self._ledger.read(consumption.new_gaps)
            consumption.learn_gaps(gaps)
            if len(gaps) < GAPS_AT_ONCE:
                break
        found: dict[DemandKey, Certain] = {}
        for rows in portions(wanted := docket.percentiles_due(now_ns), OPENINGS_AT_ONCE):
            found |= await self._ledger.read(certain, rows)
        if wanted:
            docket.learn_percentiles(found, now_ns)
        for names in portions(docket.routers, ROUTERS_AT_ONCE):
            for name in names:
                docket.gather(name, now_ns, stale_after)
            await asyncio.sleep(0)
        await self._show_usage(now_ns)

    async def _show_usage(self, now_ns: int) -> None:
        tallies = self._docket.tallies
        estimated, unknown_ns = [0] * len(tallies.all), [0] * len(tallies.all)
        for names in portions(tallies.routers, ROUTERS_AT_ONCE):
            for name in names:
                tallies.shade(name, now_ns, estimated, unknown_ns)
            await asyncio.sleep(0)
        usages: list[AgencyUsage] = []
        for some in portions(tallies.shown(), CLAIMS_AT_ONCE):
            for one in some:
                elapsed_ns = now_ns - one.span.period.start_ns
                used = Usage(one.total, estimated[one.at], unknown_ns[one.at], elapsed_ns)
                usages.append(AgencyUsage(one.agency, one.direction, used, one.volume_bytes))
            await asyncio.sleep(0)
        self._metrics.usage(usages)

    # --- what follows from it --------------------------------------------------------------------

    async def _judge(self, now_ns: int, trusted: bool) -> Staged:
        docket, control = self._docket, self._configuration.settings.control
        staged = docket.staged(now_ns, self.standing.directives)
        for some in portions(docket.due(trusted), CLAIMS_AT_ONCE):
            for at in some:
                early = self._watched_too_shortly(docket.cases[at].circuits, now_ns)
                docket.judge(staged, at, trusted, control.stale_after, None if early else control.ease_stale_after)
            await asyncio.sleep(0)
        for owners in portions(docket.to_choose(staged), CLAIMS_AT_ONCE):
            docket.choose(staged, owners)
            await asyncio.sleep(0)
        return staged

    async def _record(self, staged: Staged, planned: Planned) -> None:
        """Nothing is believed, told or done that the ledger did not take."""
        standing, plan, now_ns = self.standing, planned.plan, self._clock.now_ns()
        changed: list[Verdict] = []
        alerts: list[Alert] = []
        for owners in portions(list(staged.counting.items()), CLAIMS_AT_ONCE):
            changed += [v for owner, v in owners if _is_another(v, standing.counting.get(owner))]
            alerts += self._transitions(self._quota_conditions(staged, owners, now_ns), now_ns)
            await asyncio.sleep(0)
        for routers in portions(list(self._health), CLAIMS_AT_ONCE):
            alerts += self._transitions(self._router_conditions(routers, now_ns), now_ns)
            await asyncio.sleep(0)
        alerts += self._transitions([_refusal_condition(plan), *self._orphans(), *self._actor.conditions()], now_ns)
        alerts += self._transitions(directive_conditions(standing.directives, now_ns), now_ns)
        if planned.answer is not None:
            alerts += self._transitions(floor_conditions(planned.answer), now_ns)
            if planned.answer.dues:
                await self._ledger.write(Ledger.record_dues, planned.answer.dues)
            self._planner.recorded(planned.answer)
        for some in portions(changed[:-RECORDED_AT_ONCE], RECORDED_AT_ONCE):
            await self._ledger.write(Ledger.decide, some, (), now_ns)
        if changed or alerts:
            await self._ledger.write(Ledger.decide, changed[-RECORDED_AT_ONCE:], alerts, now_ns)
        for judged in portions(list(staged.judged), CLAIMS_AT_ONCE):
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

    def _quota_conditions(
        self, staged: Staged, owners: Iterable[tuple[Owner, Verdict]], now_ns: int
    ) -> Iterator[Condition]:
        for (agency, direction), verdict in owners:
            name, download, other = self._names.get(agency, agency), (agency, Direction.DOWNLOAD), None
            if direction is Direction.UPLOAD:
                other = staged.counting.get(download) or self.standing.counting.get(download)
            stale = alerting.stale_condition(verdict, name)
            if stale is not None and stale.firing and self._watched_too_shortly(self._circuits.get(agency, ()), now_ns):
                stale = None
            for condition in (alerting.quota_condition(verdict, name), stale):
                if condition is None:
                    continue
                last = self.standing.alerts.get(condition.key)
                told = last is not None and last.state is not AlertState.RESOLVED
                if told or not condition.firing or not alerting.repeats(verdict, other):
                    yield condition

    def _watched_too_shortly(self, circuits: Iterable[Circuit], now_ns: int) -> bool:
        """Whether usage may be stale only because netmon itself was not up to read it."""
        watched = (self._health[one.router].watched_since_ns for one in circuits if one.router in self._health)
        return now_ns - max(watched, default=0) < self._configuration.settings.control.stale_after

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
        return [
            alerting.orphan_condition(*place, self.standing.limits[place].bps, configured)
            for place, configured in self._strangers
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


def _is_another(verdict: Verdict, before: Verdict | None) -> bool:
    return before is None or essence(verdict) != essence(before)
