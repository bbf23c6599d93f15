"""The control loop: usage -> verdicts and alerts, recorded -> plan, handed to those who act."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from netmon.config.load import Configuration
from netmon.core import alerting
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
from netmon.core.periods import add_usage
from netmon.core.planning import Observed, PlanContext
from netmon.daemon.clock import Clock, Trust
from netmon.daemon.consumption import Consumption
from netmon.daemon.decisions import OBSERVATION_NS, Claim, Decision, Question, claims, decide, previous_verdicts
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

REFRESHING_S = 0.2
"""How long a turn may ask the ledger for the estimated and unknown parts of claims; the oldest come first."""
REFRESH_NS = 30 * NANOSECONDS
"""How old these parts may become: they change slowly, and each costs a query."""
CLAIMS_AT_ONCE = 100
"""Agencies gathered between two looks at the event loop."""


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

    async def request(self, payload: Call) -> Decision: ...


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
        self._first_visit_ns: dict[str, int] = {}
        self._shades: dict[tuple[str, Direction, int], Usage] = {}
        """What of a claim's usage is estimated or unknown, as last asked of the ledger."""
        self._shaded_ns: dict[tuple[str, Direction, int], int] = {}
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
        decision = await self.judge()
        if approved_hash is not None and decision.plan.hash != approved_hash:
            raise PlanChangedError(
                f"the plan is no longer {approved_hash[:12]} but {decision.plan.hash[:12]}; look at it again"
            )
        now_ns = self._clock.now_ns()
        alerts = self._transitions(decision, now_ns)
        changed = [v for v in decision.verdicts if _essence(v) != _essence(self.standing.counting.get(_key(v)))]
        if changed or alerts:
            await self._ledger.write(Ledger.decide, changed, alerts, now_ns)
        standing = self.standing
        standing.counting = {_key(verdict): verdict for verdict in decision.verdicts}
        standing.previous = previous_verdicts(decision.every)
        standing.alerts.update((alert.key, alert) for alert in alerts)
        standing.plan = decision.plan
        standing.turns += 1
        for alert in alerts:
            log.info("%s: %s", alert.state, alert.summary)
        if alerts:
            self._announced()
        self._metrics.verdicts(decision.verdicts)
        self._actor.offer(decision.plan)
        return decision.plan

    async def judge(self) -> Decision:
        """What the policies say now, and the plan that follows; records nothing."""
        now_ns = self._clock.now_ns()
        await self._learn_first_visits()
        trust = self.standing.trust = self._clock.trust(self._consumption.newest_ns())
        self._tell(trust)
        found = await self._claims(now_ns)
        wanted = [(c, claim.policy.direction, claim.period) for claim in found for c in self._circuits[claim.agency]]
        missing = self._consumption.missing(wanted)
        if missing:
            bases = await self._ledger.read(lambda reader: self._consumption.fetch(missing, reader))
            self._consumption.learn(bases)
            found = await self._claims(now_ns)
        await self._show_usage(found, now_ns)
        settings = self._configuration.settings
        holds = await self._ledger.write(Ledger.holds, now_ns)
        question = Question(
            now_ns=now_ns,
            claims=found,
            previous=self.standing.previous,
            counting=self.standing.counting,
            stale_after_ns=settings.control.stale_after,
            circuits=self._configuration.circuits,
            observed=self._observed(),
            context=PlanContext(
                now_ns=now_ns,
                agencies_total=len(self._configuration.agencies),
                max_tightened_permille=settings.control.max_tightened_ratio,
                enforce_ready=self._ready(now_ns),
                uplinks=frozenset((name, port) for name, r in settings.routers.items() for port in r.uplinks),
                clock_trusted=bool(trust),
                held_circuits=frozenset(holds),
                doubtful_routers=self._actor.doubtful_routers,
            ),
        )
        return await self._worker.request(Call(decide, (question,)))

    async def _claims(self, now_ns: int) -> tuple[Claim, ...]:
        """Gathered in portions: the event loop is not held for thousands of agencies."""
        agencies = self._configuration.agencies
        found: list[Claim] = []
        for first in range(0, len(agencies), CLAIMS_AT_ONCE):
            some = agencies[first : first + CLAIMS_AT_ONCE]
            policies, used = self._configuration.policies, self._consumption.used
            found += claims(some, policies, self._circuits, used, now_ns)
            await asyncio.sleep(0)
        return tuple(found)

    def _observed(self) -> dict[tuple[str, Direction], Observed]:
        """A circuit never touched has no limit of ours: read again before anything is done to it."""
        untouched = Observed(None, known=True)
        return {
            (circuit.id, direction): self.standing.limits.get((circuit.id, direction), untouched)
            for circuit in self._configuration.circuits
            for direction in Direction
        }

    def _ready(self, now_ns: int) -> dict[str, bool]:
        return {
            name: router.override_observation is not None
            or now_ns - self._first_visit_ns.get(name, now_ns) >= OBSERVATION_NS
            for name, router in self._configuration.settings.routers.items()
        }

    async def _learn_first_visits(self) -> None:
        for name, router in self._configuration.settings.routers.items():
            enforcing = any((c.mode or router.mode) is Mode.ENFORCE for c in router.circuits.values())
            if enforcing and name not in self._first_visit_ns:
                first = await self._ledger.read(LedgerReader.first_visit_ns, name)
                if first is not None:
                    self._first_visit_ns[name] = first

    async def _show_usage(self, found: tuple[Claim, ...], now_ns: int) -> None:
        keys = {(c.agency, c.policy.direction, c.period.start_ns): c for c in found}
        self._shades = {key: shade for key, shade in self._shades.items() if key in keys}
        self._shaded_ns = {key: at_ns for key, at_ns in self._shaded_ns.items() if key in keys}
        oldest_first = sorted(keys, key=lambda key: self._shaded_ns.get(key, 0))
        due = [key for key in oldest_first if now_ns - self._shaded_ns.get(key, 0) >= REFRESH_NS]
        began = time.monotonic()
        for key in due:
            self._shades[key] = await self._ledger.read(self._usage_of, keys[key], now_ns)
            self._shaded_ns[key] = now_ns
            if time.monotonic() - began > REFRESHING_S:
                break
        self._metrics.usage(
            [
                AgencyUsage(
                    claim.agency,
                    claim.policy.direction,
                    replace(self._shades[key], proven_bytes=claim.used.proven_bytes),
                    claim.policy.volume_bytes,
                )
                for key, claim in keys.items()
                if key in self._shades
            ]
        )

    def _usage_of(self, reader: LedgerReader, claim: Claim, now_ns: int) -> Usage:
        period, direction = claim.period, claim.policy.direction
        return add_usage(
            [
                reader.usage(c.router, c.interface, c.way(direction), period.start_ns, period.end_ns, now_ns)
                for c in self._circuits[claim.agency]
            ]
        )

    def _transitions(self, decision: Decision, now_ns: int) -> list[Alert]:
        conditions: list[Condition] = [
            alerting.quota_condition(verdict, self._names.get(verdict.agency, verdict.agency))
            for verdict in decision.verdicts
        ]
        down_after = self._configuration.settings.alerts.router_down_after
        for router, health in self._health.items():
            condition = alerting.router_condition(
                router,
                last_ok_ns=health.last_ok_ns,
                trying_since_ns=health.watched_since_ns,
                now_ns=now_ns,
                down_after_ns=down_after,
            )
            if condition is not None:
                conditions.append(condition)
        conditions.append(_refusal_condition(decision.plan))
        conditions += self._orphans()
        alerts = (alerting.transition(self.standing.alerts.get(c.key), c, now_ns) for c in conditions)
        return [alert for alert in alerts if alert is not None]

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


def _key(verdict: Verdict) -> tuple[str, Direction]:
    return verdict.agency, verdict.direction


def _essence(verdict: Verdict | None) -> tuple[object, ...] | None:
    """What makes a verdict another one; the numbers it rests on alone do not."""
    if verdict is None:
        return None
    return (verdict.reason, verdict.step, verdict.limit, verdict.policy, verdict.period_start_ns)
