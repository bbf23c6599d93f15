"""Carries plans out through the enforcer: intent before touch, receipt after, doubt resolved by reading."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from netmon.config.load import Configuration
from netmon.core import rollout
from netmon.core.alerting import Condition
from netmon.core.changes import Action, Change, Intent, Outcome, Plan, Proof, Receipt, Step
from netmon.core.model import NANOSECONDS, Direction, Placement
from netmon.core.planning import Observed, pending
from netmon.core.rollout import End
from netmon.daemon.breakers import Breakers
from netmon.daemon.clock import Clock
from netmon.daemon.enforcer import Order, StepBegins
from netmon.daemon.ledger import LedgerService
from netmon.daemon.ordering import Ordering
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.rolling import Rolling, Tried
from netmon.daemon.settling import Orders, Settler
from netmon.daemon.standing import Standing
from netmon.outputs.process import ProcessMetrics
from netmon.routers.enforcement import Result
from netmon.routers.session import Failure
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger

log = logging.getLogger(__name__)

FIRST_RETRY_NS = 60 * NANOSECONDS
"""A change that failed is not tried again sooner; the pause doubles up to an hour."""
LONGEST_RETRY_NS = 3600 * NANOSECONDS
NEVER_NS = 2**63 - 1
"""A changed host key is a security alarm: only a person (netmon apply) has it tried again."""
_Attempt = tuple[str, Direction, int | None, Placement | None]
ALTERING = frozenset({Step.APPLY, Step.READ_BACK, Step.DISARM, Step.SAVE})
"""From the first of them on, the router may be another than it was."""


def as_asked(platform: str, ns: int) -> int:
    """Every router counts as finely as is asked."""
    return ns


class HeldError(RuntimeError):
    """Everything was released by an operator."""


class Actions:
    """One batch at a time."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        ledger: LedgerService,
        enforcer: Orders,
        standing: Standing,
        platform_of: Callable[[str], str | None],
        mac_of: Callable[[str, str], str | None],
        metrics: ProcessMetrics,
        on_receipt: Callable[[Receipt], None],
        lasts_ns: Callable[[str, int], int] = as_asked,
    ) -> None:
        """`platform_of` gives a router's enforcement dialect, `mac_of` a port's address; None: not known (yet).
        `lasts_ns`: how long an undo asked for after so long takes on a platform, whose timers may count in minutes.
        """
        self._configuration, self._clock, self._ledger = configuration, clock, ledger
        self._enforcer, self._standing, self._metrics = enforcer, standing, metrics
        self._platform_of, self._on_receipt = platform_of, on_receipt
        self._circuits = {circuit.id: circuit for circuit in configuration.circuits}
        self._retry: dict[_Attempt, tuple[int, int]] = {}
        """(circuit, direction, limit) -> (not before, pause) after a failure: another change is no repetition."""
        self._batch: asyncio.Task[list[Receipt]] | None = None
        self._lasts_ns = lasts_ns
        self.ordering = Ordering(configuration, platform_of, mac_of)
        control = configuration.settings.control
        self.breakers = Breakers(control.breaker.value(), standing.alerts, clock.now_ns)
        self.settler = Settler(
            self._circuits, clock.now_ns, ledger, enforcer, standing, self.ordering, self.breakers, self._closed
        )
        self.rolling = Rolling(
            self._circuits, control.batch, clock.now_ns, self._try, standing.alerts.get(rollout.ALERT_KEY)
        )

    @property
    def failing_ports(self) -> frozenset[tuple[str, str]]:
        """(router, ifName) where a limit could not be altered and is not tried again yet: what is there stays."""
        now_ns = self._clock.now_ns()
        failed = {attempt[0] for attempt, (not_before_ns, _) in self._retry.items() if not_before_ns > now_ns}
        ours = (self._circuits[name].limiting for name in failed if name in self._circuits)
        return frozenset((place.router, place.interface) for place in ours)

    @property
    def open_routers(self) -> frozenset[str]:
        """To which no session is opened for a while, for it failed again and again."""
        return self.breakers.open_routers

    @property
    def is_halted(self) -> bool:
        """Whether nothing may be tightened now, for a rollout went wrong."""
        return self.rolling.is_halted

    def conditions(self) -> list[Condition]:
        """What is to be told of routers that are left alone, and of a rollout that was halted."""
        return [*self.breakers.conditions(), self.rolling.condition()]

    @property
    def doubtful_routers(self) -> frozenset[str]:
        """Routers with a change under way or unresolved."""
        return self.settler.doubtful_routers

    async def restore(self) -> None:
        """Takes up the intents that the daemon before us left open. Raises StoreError."""
        self.ordering.take_up(*await self._ledger.write(Ledger.marker))
        await self.settler.restore()

    def offer(self, plan: Plan) -> None:
        """Begins the plan's changes unless a batch is running; failed ones wait for their turn."""
        if self._batch is not None and not self._batch.done():
            return
        now_ns = self._clock.now_ns()
        due: list[Change] = []
        waiting: list[Change] = []
        for change in pending(plan):
            late = self._retry.get(_attempt(change), (0, 0))[0] > now_ns or not self.breakers.lets(change.router)
            (waiting if late else due).append(change)
        if due:
            self._batch = asyncio.create_task(self._carry_out(plan, due, waiting), name="changes")

    def end(self) -> None:
        """Begins nothing more; what is under way goes on."""
        self.rolling.ending = True

    async def finished(self) -> list[Receipt]:
        """The receipts of the running batch, or of the last one; empty where there was none."""
        return list(await asyncio.shield(self._batch)) if self._batch is not None else []

    async def look_afresh(self) -> None:
        """A person asks: what failed before is tried again, and what is not known is read first."""
        self._retry.clear()
        self.breakers.reset()
        self.rolling.forget()
        self.settler.doubt_unknown()
        await self.settler.settle()

    async def record_step(self, question: StepBegins) -> None:
        """Durably notes that a step begins. Raises StoreError, and HeldError where everything was released meanwhile:
        then it must not begin.
        """
        intents, sets = self.settler.open, question.step in (Step.ARM, Step.APPLY)
        if sets and question.intent in intents and self._is_forbidden(intents[question.intent].change):
            raise HeldError("everything was released; nothing is set until netmon resume")
        await self._ledger.write(Ledger.advance_intent, question.intent, question.step, self._clock.now_ns())
        if question.intent in intents:
            intents[question.intent] = replace(intents[question.intent], step=question.step)

    # --- one batch -------------------------------------------------------------------------------

    async def _carry_out(self, plan: Plan, due: list[Change], waiting: list[Change]) -> list[Receipt]:
        try:
            await self._ledger.write(Ledger.record_plan, plan, due, self._clock.now_ns())
        except StoreError as error:
            log.error("no change is begun, for the plan cannot be recorded: %s", error)
            return []
        return await self.rolling.carry_out(due, waiting)

    async def _try(self, change: Change) -> Tried | None:
        """Carries one change out; None where it may not be begun now."""
        if self._is_forbidden(change) or not self.breakers.lets(change.router) or not self._as_planned(change):
            return None
        return await self._perform(change)

    def _as_planned(self, change: Change) -> bool:
        """Whether what the plan rests on still holds: a change or a restart may have come between."""
        seen = self._standing.limits.get((change.circuit, change.direction), Observed(None, known=True))
        as_seen = seen.known and (seen.bps, seen.placement) == (change.from_bps, change.from_placement)
        return as_seen and change.router not in self.doubtful_routers

    async def _perform(self, change: Change) -> Tried | None:
        """Records the intent, has it carried out, and closes it; None where it was not begun."""
        now_ns, control = self._clock.now_ns(), self._configuration.settings.control
        platform = self._platform_of(change.router)
        lasts_ns = control.revert_after if platform is None else self._lasts_ns(platform, control.revert_after)
        expires_s = 0 if change.to_bps is None else control.limit_expiry // NANOSECONDS
        intent = Intent(f"nm-{secrets.token_hex(8)}", change, now_ns, now_ns + lasts_ns, expires_s=expires_s)
        order = self.ordering.order_of(intent)
        if order is None:
            self._back_off(change, now_ns)
            return None
        order = self.ordering.signed(order, now_ns)
        try:
            await self._ledger.write(Ledger.record_intent, intent)
        except StoreError as error:
            log.error("%s: nothing is changed that cannot be recorded: %s", change.circuit, error)
            return None
        self.settler.open[intent.id] = intent
        with self.settler.in_hand(intent):  # until its receipt is written
            result = await self._order_out(intent, order)
            if result is None:
                return Tried(End.BROKEN, None)
            altered = self.settler.open[intent.id].step in ALTERING
            receipt = await self.settler.close(intent, result)
        if receipt is None:
            return Tried(End.BROKEN, None)
        if receipt.outcome is Outcome.CONFIRMED:
            return Tried(End.CONFIRMED, receipt)
        self._back_off(change, receipt.at_ns)  # the router said no: not at once again
        if result.reason is Failure.HOST_KEY_MISMATCH:
            self._retry[_attempt(change)] = (NEVER_NS, LONGEST_RETRY_NS)
        broken = altered or receipt.outcome is not Outcome.FAILED
        return Tried(End.BROKEN if broken else End.UNTOUCHED, receipt)

    async def _order_out(self, intent: Intent, order: Order) -> Result | None:
        """What came of the change; None where that has to be read from the router first."""
        change = intent.change
        try:
            result: Result = await self._enforcer.request(replace(order, apply=True))
        except ChildDiedError as error:
            log.error("%s: %s; the router is read again first", change.circuit, error)
            return None
        except ChildFailedError as error:
            if self.settler.open[intent.id].step not in (Step.RECORDED, Step.CONNECT):
                log.error("%s: %s; the router is read again first", change.circuit, error)
                return None
            return Result(Outcome.FAILED, Proof.NOT_TESTABLE, str(error), None, None, known=False)
        self.settler.keep_transcript(intent.id, result.transcript)
        if result.outcome is Outcome.CONFIRMED:
            self.breakers.succeeded(change.router)
        else:
            self.breakers.failed(change.router, result.reason, result.detail)
        if result.outcome is Outcome.UNKNOWN:
            log.warning("%s: %s; the router is read again first", change.circuit, result.detail)
            return None
        return result

    def _closed(self, receipt: Receipt) -> None:
        change = receipt.change
        if receipt.outcome is Outcome.CONFIRMED:
            place = change.circuit, change.direction
            self._retry = {attempt: pause for attempt, pause in self._retry.items() if attempt[:2] != place}
        self._metrics.changed(receipt.outcome)
        self._on_receipt(receipt)

    def _is_forbidden(self, change: Change) -> bool:
        """While everything is released limits are taken off only."""
        return change.action is not Action.REMOVE and self._standing.released is not None

    def _back_off(self, change: Change, now_ns: int) -> None:
        attempt = _attempt(change)
        pause = min(max(FIRST_RETRY_NS, 2 * self._retry.get(attempt, (0, 0))[1]), LONGEST_RETRY_NS)
        self._retry[attempt] = (now_ns + pause, pause)


def _attempt(change: Change) -> _Attempt:
    return change.circuit, change.direction, change.to_bps, change.to_placement
