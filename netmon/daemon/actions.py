"""Carries plans out through the enforcer: intent before touch, receipt after, doubt resolved by reading."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from netmon.config.load import Configuration
from netmon.core import alerting, rollout
from netmon.core.alerting import Condition
from netmon.core.guard_alerts import twin_condition
from netmon.core.model import (
    NANOSECONDS,
    Action,
    Change,
    Circuit,
    Direction,
    GapReason,
    Intent,
    Outcome,
    Placement,
    Plan,
    Proof,
    Receipt,
    Step,
)
from netmon.core.planning import Observed, pending
from netmon.core.resolving import Resolution, ResolveAction, Seen, classify, resolve
from netmon.core.rollout import End
from netmon.daemon.breakers import Breakers
from netmon.daemon.clock import Clock
from netmon.daemon.enforcer import Order, StepBegins
from netmon.daemon.ledger import LedgerService
from netmon.daemon.ordering import Ordering
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.rolling import Rolling, Tried
from netmon.daemon.standing import Standing
from netmon.outputs.process import ProcessMetrics
from netmon.routers.enforcement import Inspection, Reading, Result
from netmon.routers.readbacks import Owner
from netmon.routers.session import Failure
from netmon.routers.transcript import joined
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

log = logging.getLogger(__name__)

FIRST_RETRY_NS = 60 * NANOSECONDS
"""A change that failed is not tried again sooner; the pause doubles up to an hour."""
LONGEST_RETRY_NS = 3600 * NANOSECONDS
RESTARTS = frozenset({GapReason.COUNTER_RESET, GapReason.DEVICE_REPLACED})
"""Gaps after which a router may have lost the limits it was given."""
NEVER_NS = 2**63 - 1
"""A changed host key is a security alarm: only a person (netmon apply) has it tried again."""
_Attempt = tuple[str, Direction, int | None, Placement | None]
LOOK_AGAIN_NS = 10 * NANOSECONDS
"""How long an unreadable router with an open intent is left alone between two looks."""
ALTERING = frozenset({Step.APPLY, Step.READ_BACK, Step.DISARM, Step.SAVE})
"""From the first of them on, the router may be another than it was."""


def as_asked(platform: str, ns: int) -> int:
    """Every router counts as finely as is asked."""
    return ns


class HeldError(RuntimeError):
    """Everything was released by an operator."""


class Orders(Protocol):
    """The enforcer process."""

    async def request(self, payload: Order) -> Any: ...


class Actions:
    """One batch at a time; a router with an open intent is in doubt until its receipt is written."""

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
        self._limited_on: dict[str, list[str]] = {}
        for circuit in configuration.circuits:
            self._limited_on.setdefault(circuit.limiting.router, []).append(circuit.id)
        self._open: dict[str, Intent] = {}
        self._in_hand: set[str] = set()
        self._again_ns: dict[str, int] = {}
        self._retry: dict[_Attempt, tuple[int, int]] = {}
        """(circuit, direction, limit) -> (not before, pause) after a failure: another change is no repetition."""
        self._unread: dict[tuple[str, Direction], int] = {}
        """(circuit, direction) -> not to be read before."""
        self._transcripts: dict[str, str] = {}
        """What was said so far about each open intent."""
        self._batch: asyncio.Task[list[Receipt]] | None = None
        self._lasts_ns = lasts_ns
        self._ordering = Ordering(configuration, platform_of, mac_of)
        control = configuration.settings.control
        self.breakers = Breakers(control.breaker.value(), standing.alerts, clock.now_ns)
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
        return frozenset(intent.change.router for intent in self._open.values())

    async def restore(self) -> None:
        """Takes up the intents that the daemon before us left open. Raises StoreError."""
        self._ordering.take_up(*await self._ledger.write(Ledger.marker))
        for intent in await self._ledger.write(Ledger.open_intents):
            self._open[intent.id] = intent
            log.warning("%s: a change was under way (%s); it is read again first", intent.change.circuit, intent.step)
        await self._restore_doubt()

    async def _restore_doubt(self) -> None:
        """A limit noted before its router restarted, or in doubt when the daemon or its configuration changed.

        Where a limit hangs in a hierarchy is known to the router alone, so such a one is read in any case.
        """
        now_ns = self._clock.now_ns()
        limited: dict[str, list[tuple[Circuit, Direction, int]]] = {}
        for (name, direction), state in (await self._ledger.write(Ledger.limit_states)).items():
            circuit = self._circuits.get(name)
            if circuit is not None and circuit.limited_at is not None and state.bps is not None:
                self.reread(name, direction)
            elif circuit is not None and state.known and state.bps is not None:
                limited.setdefault(circuit.router, []).append((circuit, direction, state.at_ns))
        for router, limits in limited.items():
            since_ns = min(noted_ns for _, _, noted_ns in limits)
            gaps = await self._ledger.read(LedgerReader.gaps_of, [router], since_ns, now_ns)
            for circuit, direction, noted_ns in limits:
                found = gaps.get((router, circuit.interface, "in"), ())
                restarted = any(gap.reason in RESTARTS and gap.to_ns > noted_ns for gap in found)
                believed = self._standing.limits.get((circuit.id, direction))
                if believed is None or not believed.known or restarted:
                    self.reread(circuit.id, direction)

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
        for (circuit, direction), seen in self._standing.limits.items():
            if not seen.known and circuit in self._circuits:
                self._unread[circuit, direction] = 0
        await self.settle()

    def doubt(self, router: str) -> None:
        """The router restarted: what limits it still has is read before anything is planned on it."""
        self.breakers.hurry(router)
        for name in self._limited_on.get(router, ()):
            for direction in Direction:
                seen = self._standing.limits.get((name, direction))
                if seen is not None and seen.bps is not None:
                    self.reread(name, direction)

    def reread(self, circuit: str, direction: Direction) -> None:
        """What is believed of the circuit's limit is void until it has been read."""
        self._standing.limits[circuit, direction] = Observed(None, known=False)
        self._unread[circuit, direction] = 0

    async def run(self) -> None:
        """Resolves open intents and reads what is in doubt, for ever."""
        while True:
            await self.settle()
            await asyncio.sleep(0.5)

    async def settle(self) -> None:
        """One round over everything in doubt that is due."""
        now_ns = self._clock.now_ns()
        due = [
            intent
            for intent in self._open.values()
            if intent.id not in self._in_hand
            and self._again_ns.get(intent.id, 0) <= now_ns
            and self.breakers.lets(intent.change.router)
        ]
        await asyncio.gather(*(self._resolve(intent) for intent in due))
        await asyncio.gather(*(self._read(*key) for key, at_ns in list(self._unread.items()) if at_ns <= now_ns))

    async def record_step(self, question: StepBegins) -> None:
        """Durably notes that a step begins. Raises StoreError, and HeldError where everything was released meanwhile:
        then it must not begin.
        """
        if question.step in (Step.ARM, Step.APPLY) and question.intent in self._open:
            change = self._open[question.intent].change
            if self._is_forbidden(change):
                raise HeldError("everything was released; nothing is set until netmon resume")
        await self._ledger.write(Ledger.advance_intent, question.intent, question.step, self._clock.now_ns())
        if question.intent in self._open:
            self._open[question.intent] = replace(self._open[question.intent], step=question.step)

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
        order = self._ordering.order_of(intent)
        if order is None:
            self._back_off(change, now_ns)
            return None
        order = self._ordering.signed(order, now_ns)
        try:
            await self._ledger.write(Ledger.record_intent, intent)
        except StoreError as error:
            log.error("%s: nothing is changed that cannot be recorded: %s", change.circuit, error)
            return None
        self._open[intent.id] = intent
        self._in_hand.add(intent.id)  # until its receipt is written: nobody else may resolve it meanwhile
        try:
            result = await self._order_out(intent, order)
            if result is None:
                return Tried(End.BROKEN, None)
            altered = self._open[intent.id].step in ALTERING
            receipt = await self._close(intent, result)
        finally:
            self._in_hand.discard(intent.id)
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
            if self._open[intent.id].step not in (Step.RECORDED, Step.CONNECT):
                log.error("%s: %s; the router is read again first", change.circuit, error)
                return None
            return Result(Outcome.FAILED, Proof.NOT_TESTABLE, str(error), None, None, known=False)
        self._keep_transcript(intent.id, result.transcript)
        if result.outcome is Outcome.CONFIRMED:
            self.breakers.succeeded(change.router)
        else:
            self.breakers.failed(change.router, result.reason, result.detail)
        if result.outcome is Outcome.UNKNOWN:
            log.warning("%s: %s; the router is read again first", change.circuit, result.detail)
            return None
        return result

    async def _close(self, intent: Intent, result: Result) -> Receipt | None:
        """Receipt, limit and alert in one transaction; on failure the intent stays open and is read again."""
        change, now_ns = intent.change, self._clock.now_ns()
        detail = result.detail if result.reason is None else f"{result.reason}: {result.detail}"
        receipt = Receipt(intent.id, now_ns, change, result.outcome, result.proof, detail, result.duration_ns)
        key = (change.circuit, change.direction)
        believed = self._standing.limits.get(key, Observed(None, known=True))
        if result.known:
            believed = Observed(result.read_bps, True, result.placement)
        elif result.outcome is Outcome.UNKNOWN:
            believed = Observed(None, known=False)
        conditions = [alerting.limit_condition(receipt)]
        if result.reason is Failure.OTHER_NETMON:
            conditions.append(twin_condition(change.router, result.detail))
        last = self._standing.alerts
        alerts = [a for c in conditions if (a := alerting.transition(last.get(c.key), c, now_ns)) is not None]
        told = self._transcripts.get(intent.id, "")
        try:
            await self._ledger.write(Ledger.close_intent, receipt, believed.bps, believed.known, alerts, told)
        except StoreError as error:
            log.error("%s: the receipt could not be written, the router is read again: %s", change.circuit, error)
            return None
        self._standing.limits[key] = believed
        self._standing.alerts.update((a.key, a) for a in alerts)
        self._open.pop(intent.id, None)
        self._again_ns.pop(intent.id, None)
        self._transcripts.pop(intent.id, None)
        if receipt.outcome is Outcome.CONFIRMED:
            self._retry = {attempt: pause for attempt, pause in self._retry.items() if attempt[:2] != key}
        self._metrics.changed(receipt.outcome)
        log.info("%s %s: %s (%s)", change.circuit, change.direction, receipt.outcome, receipt.detail)
        self._on_receipt(receipt)
        return receipt

    def _is_forbidden(self, change: Change) -> bool:
        """While everything is released limits are taken off only."""
        return change.action is not Action.REMOVE and self._standing.released is not None

    def _back_off(self, change: Change, now_ns: int) -> None:
        attempt = _attempt(change)
        pause = min(max(FIRST_RETRY_NS, 2 * self._retry.get(attempt, (0, 0))[1]), LONGEST_RETRY_NS)
        self._retry[attempt] = (now_ns + pause, pause)

    # --- doubt -----------------------------------------------------------------------------------

    async def _resolve(self, intent: Intent) -> None:
        """Reads the router and does what the table of resolutions says."""
        order = self._ordering.order_of(intent)
        if order is None:
            self._again_ns[intent.id] = self._clock.now_ns() + LOOK_AGAIN_NS
            return
        self._in_hand.add(intent.id)
        try:
            inspection: Inspection = await self._enforcer.request(order)
            self._keep_transcript(intent.id, inspection.transcript)
            self._count(order.router, inspection)
            resolution = self._judge(intent, inspection)
            if resolution.action not in (ResolveAction.WAIT, ResolveAction.GIVE_TO_OPERATOR):
                done: Inspection = await self._enforcer.request(replace(order, action=resolution.action))
                self._keep_transcript(intent.id, done.transcript)
        except (ChildDiedError, ChildFailedError) as error:
            self._ordering.tell(intent.id, f"{intent.change.circuit}: still in doubt: {error}")
            self._again_ns[intent.id] = self._clock.now_ns() + LOOK_AGAIN_NS
            return
        finally:
            self._in_hand.discard(intent.id)
        if resolution.outcome is None:
            soonest = self._clock.now_ns() + (LOOK_AGAIN_NS if resolution.action is ResolveAction.WAIT else 0)
            self._again_ns[intent.id] = max(resolution.again_ns or 0, soonest)
            return
        known = inspection.readable and resolution.outcome is not Outcome.UNKNOWN
        proof = Proof.READ_BACK if inspection.readable else Proof.NOT_TESTABLE
        sentence = f"{resolution.reason} ({inspection.detail})"
        spent_ns = self._clock.now_ns() - intent.created_ns
        read = inspection.read_bps, known, spent_ns, inspection.placement
        await self._close(intent, Result(resolution.outcome, proof, sentence, None, *read))

    def _count(self, router: str, seen: Inspection) -> None:
        if seen.readable:
            self.breakers.succeeded(router)
        else:
            self.breakers.failed(router, Failure.ANSWER_UNREADABLE, seen.detail)

    def _keep_transcript(self, intent_id: str, transcript: str) -> None:
        """Of every session of a change, for its receipt."""
        self._transcripts[intent_id] = joined((self._transcripts.get(intent_id, ""), transcript))

    def _judge(self, intent: Intent, seen: Inspection) -> Resolution:
        what = Seen.UNREADABLE
        if seen.readable:
            what = classify(intent, seen.read_bps, seen.tolerance_permille, seen.placement)
        return resolve(intent, what, seen.armed, self._clock.now_ns())

    async def _read(self, circuit_id: str, direction: Direction) -> None:
        circuit = self._circuits[circuit_id]
        router = circuit.limiting.router
        if router in self.doubtful_routers or not self.breakers.lets(router):
            return
        self._unread[circuit_id, direction] = self._clock.now_ns() + LOOK_AGAIN_NS
        reading = await self.look(circuit_id, direction)
        if reading is None:
            return
        now_ns = self._clock.now_ns()
        bps = reading.bps if reading.ours else None
        try:
            await self._ledger.write(Ledger.note_limit, circuit_id, direction, bps, True, now_ns)
        except StoreError as error:
            log.error("%s: what was read could not be recorded, it is read again: %s", circuit_id, error)
            return
        self._standing.limits[circuit_id, direction] = Observed(bps, True, reading.placement if reading.ours else None)
        self._unread.pop((circuit_id, direction), None)
        log.info("%s %s: %s read after doubt", circuit_id, direction, "no limit" if bps is None else f"{bps} bit/s")

    def lets(self, router: str) -> bool:
        """Whether a session may be opened to it now."""
        return self.breakers.lets(router)

    async def look(self, circuit_id: str, direction: Direction) -> Reading | None:
        """What limits a configured circuit now; None: it could not be read, which is told once."""
        order = self.order_for(self._circuits[circuit_id])
        if order is None:
            return None
        try:
            reading: Reading = await self._enforcer.request(replace(order, direction=direction))
        except (ChildDiedError, ChildFailedError) as error:
            self._ordering.tell(circuit_id, f"{circuit_id}: cannot be read: {error}")
            return None
        if reading.failure is not None:
            self.breakers.failed(order.router, reading.failure, reading.detail)
            self._ordering.tell(circuit_id, f"{circuit_id}: cannot be read: {reading.detail}")
            return None
        self.breakers.succeeded(order.router)
        return reading

    @property
    def owner(self) -> Owner | None:
        """This netmon, with the newest revision that it wrote on any router; None: not read yet."""
        return self._ordering.owner

    def order_for(self, circuit: Circuit) -> Order | None:
        """For what is to be done where it is limited; None: its platform has no dialect, or is not known yet."""
        return self._ordering.order_for(circuit)


def _attempt(change: Change) -> _Attempt:
    return change.circuit, change.direction, change.to_bps, change.to_placement
