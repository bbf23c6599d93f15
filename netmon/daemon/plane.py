"""The control plane: ledger, child processes, actions and control loop, as the daemon and a lone command use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netmon.config.load import Configuration
from netmon.config.revision import revision_of
from netmon.core.changes import Action, Plan, Receipt
from netmon.core.heads import Head
from netmon.core.model import NANOSECONDS, Circuit
from netmon.core.periods import from_ns
from netmon.core.planning import pending
from netmon.core.units import UnitError, parse_duration
from netmon.daemon import enforcer, worker
from netmon.daemon.actions import Actions
from netmon.daemon.approving import approval_given, approval_row
from netmon.daemon.breakers import lasting
from netmon.daemon.clock import Clock
from netmon.daemon.consumption import Consumption
from netmon.daemon.control import CommandError
from netmon.daemon.drift import DriftWatch
from netmon.daemon.ledger import LedgerService
from netmon.daemon.observer import Observer
from netmon.daemon.operations import Operations
from netmon.daemon.planner import Planner
from netmon.daemon.policy import PlanChangedError, PolicyLoop
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.port_watch import PortWatch, Watched
from netmon.daemon.processes import Child
from netmon.daemon.reached import Reached
from netmon.daemon.renewing import Renewer
from netmon.daemon.sharing import Sharer, supply_of
from netmon.daemon.standing import Standing
from netmon.daemon.timers import Timers
from netmon.outputs.prometheus import Metrics
from netmon.store.ledger import Ledger

HOLD_NS = 24 * 3600 * NANOSECONDS
"""How long an operator's revert keeps limits off where no time is given."""


class ControlPlane:
    """Everything that decides and acts under one configuration."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        ledger: LedgerService,
        heads: Mapping[str, Head],
        standing: Standing,
        health: Mapping[str, RouterHealth],
        metrics: Metrics,
        platform_of: Callable[[str], str | None],
        mac_of: Callable[[str, str], str | None],
        announced: Callable[[], None],
    ) -> None:
        self.configuration, self._clock, self._ledger = configuration, clock, ledger
        setup = enforcer.Setup(configuration.settings.ssh, configuration.directory)
        supply = supply_of(configuration)
        self.worker = Child("worker", worker.main, supply)
        self.enforcer = Child("enforcer", enforcer.main, setup, questions=self._record_step)
        timers = Timers(configuration.directory)
        self.actions = Actions(
            configuration,
            clock,
            ledger,
            self.enforcer,
            standing,
            platform_of,
            mac_of,
            metrics.process,
            self._receipt,
            timers.lasts_ns,
        )
        control = configuration.settings.control
        self.renewer = Renewer(
            {circuit.id: circuit for circuit in configuration.circuits},
            standing,
            self.enforcer,
            self.actions.settler,
            self.actions.breakers,
            control.limit_expiry,
            control.batch,
            timers.keeps_ends,
            clock.now_ns,
        )
        self._announced = announced
        reached = Reached(configuration, self.enforcer, platform_of, mac_of)
        self.operations = Operations(reached, clock, ledger, standing, self.actions, announced)
        self.drift = DriftWatch(
            configuration.circuits,
            configuration.settings.control.drift_interval,
            revision_of(configuration).digest,
            self.actions.settler,
            ledger,
            standing,
            clock.now_ns,
            announced,
        )
        consumption = Consumption(heads)
        self.observer = Observer(configuration.circuits, ledger, consumption, standing, clock.now_ns, announced)
        self.ports = PortWatch(_watched(configuration), ledger, standing, metrics, clock.now_ns, announced)
        sharer = None if supply is None else Sharer(supply, consumption, standing.dues, clock.now_ns())
        planner = Planner(configuration, ledger, self.worker, self.actions, standing, health, self.ports, sharer)
        self.policy = PolicyLoop(
            configuration,
            clock,
            ledger,
            planner,
            self.actions,
            consumption,
            standing,
            health,
            metrics,
            announced,
        )

    def _receipt(self, receipt: Receipt) -> None:
        self.observer.receipt(receipt)
        self.renewer.receipt(receipt)
        self._announced()

    async def restore(self) -> None:
        """Takes up what the daemon before us left open or unproven. Raises StoreError."""
        await self.operations.restore()
        await self.actions.restore()
        await self.drift.restore()
        await self.observer.restore()
        await self.ports.restore()

    async def _record_step(self, question: Any) -> None:
        await self.actions.record_step(question)

    # --- verbs -----------------------------------------------------------------------------------

    async def apply(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Judges now, carries the plan out and waits; with `hash`, only the very plan that was approved."""
        await self.actions.finished()
        await self.drift.pardon()
        await self.actions.look_afresh()
        try:
            plan = await self.policy.turn(args.get("hash"))
        except PlanChangedError as error:
            raise CommandError(str(error)) from error
        return _outcome(plan, await self.actions.finished() if pending(plan) else [])

    async def approve_plan(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """One person's word for the tightenings of `hash`; with the last one needed they are begun."""
        plan = await self.policy.turn()
        now_ns, standing = self._clock.now_ns(), self.policy.standing
        given = approval_given(self.configuration, plan.awaited, standing.approvals, args, now_ns)
        await self._ledger.write(Ledger.approve_plan, given)
        standing.approvals = (*(one for one in standing.approvals if now_ns < one.expires_ns), given)
        zone = self.configuration.settings.site.timezone
        row = approval_row(plan.awaited, standing.approvals, zone, now_ns)
        await self.policy.turn()
        return {"approval": row}

    async def revert(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Takes netmon's limits off one circuit and keeps them off for a time."""
        circuit = self._circuit(args.get("circuit"))
        reason = args.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise CommandError("a revert needs a reason for the record; give --reason")
        now_ns = self._clock.now_ns()
        until_ns = now_ns + self._duration(args.get("for"))
        by = str(args.get("by") or "operator")
        await self._ledger.write(Ledger.hold, circuit.id, reason, by, now_ns, until_ns)
        await self.actions.finished()
        await self.actions.look_afresh()
        plan = await self.policy.turn()
        receipts = await self.actions.finished() if pending(plan) else []
        ours = [receipt for receipt in receipts if receipt.change.circuit == circuit.id]
        zone = self.configuration.settings.site.timezone
        return {"circuit": circuit.id, "held_until": from_ns(until_ns, zone).isoformat(), **_outcome(plan, ours)}

    def rollout(self) -> dict[str, Any]:
        """What only the running daemon knows of how changes go: instants in ns; None: until a person asks."""
        halt, now_ns = self.actions.rolling.halt, self._clock.now_ns()
        return {
            "halted": None
            if halt is None or not self.actions.is_halted
            else {"router": halt.router, "circuit": halt.circuit, "until_ns": halt.until_ns},
            "left_alone": lasting(self.actions.breakers.rows(), now_ns),
        }

    def _circuit(self, name: object) -> Circuit:
        for circuit in self.configuration.circuits:
            if circuit.id == name:
                return circuit
        raise CommandError(f"there is no circuit {name!r}; netmon plan lists them")

    def _duration(self, text: object) -> int:
        if text is None:
            return HOLD_NS
        try:
            return parse_duration(str(text))
        except UnitError as error:
            raise CommandError(str(error)) from error


def _watched(configuration: Configuration) -> Watched:
    settings = configuration.settings
    return Watched(
        pools=tuple(configuration.pools.values()),
        backhauls=tuple(configuration.backhauls.values()),
        circuits=configuration.circuits,
        recovery_ns=settings.control.recovery_hold_down,
        poll_interval_ns={
            name: router.poll_interval or settings.snmp.poll_interval for name, router in settings.routers.items()
        },
    )


def _outcome(plan: Plan, receipts: list[Receipt]) -> dict[str, Any]:
    return {
        "hash": plan.hash,
        "refused": None if plan.refused is None else {"rule": plan.refused.rule, "detail": plan.refused.detail},
        "changes": sum(change.action is not Action.KEEP for change in plan.changes),
        "receipts": [
            {
                "id": receipt.id,
                "circuit": receipt.change.circuit,
                "direction": receipt.change.direction,
                "from_bps": receipt.change.from_bps,
                "to_bps": receipt.change.to_bps,
                "outcome": receipt.outcome,
                "proof": receipt.proof,
                "detail": receipt.detail,
            }
            for receipt in receipts
        ],
    }
