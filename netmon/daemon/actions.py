"""Carries plans out through the enforcer: intent before touch, receipt after, doubt resolved by reading."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

from netmon.config.load import Configuration
from netmon.core import alerting
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
from netmon.daemon.clock import Clock
from netmon.daemon.enforcer import Order, StepBegins
from netmon.daemon.ledger import LedgerService
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.shaping import sharings
from netmon.daemon.standing import Standing
from netmon.outputs.process import ProcessMetrics
from netmon.routers.enforcement import Inspection, Reading, Result
from netmon.routers.port import Target
from netmon.routers.session import Failure
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
    ) -> None:
        """`platform_of` gives a router's enforcement dialect, `mac_of` a port's address; None: not known (yet)."""
        self._configuration, self._clock, self._ledger = configuration, clock, ledger
        self._enforcer, self._standing, self._metrics = enforcer, standing, metrics
        self._platform_of, self._mac_of, self._on_receipt = platform_of, mac_of, on_receipt
        self._circuits = {circuit.id: circuit for circuit in configuration.circuits}
        self._limited_on: dict[str, list[str]] = {}
        for circuit in configuration.circuits:
            self._limited_on.setdefault(circuit.limiting.router, []).append(circuit.id)
        self._sharings = sharings(configuration)
        self._open: dict[str, Intent] = {}
        self._in_hand: set[str] = set()
        self._again_ns: dict[str, int] = {}
        self._retry: dict[_Attempt, tuple[int, int]] = {}
        """(circuit, direction, limit) -> (not before, pause) after a failure: another change is no repetition."""
        self._unread: dict[tuple[str, Direction], int] = {}
        """(circuit, direction) -> not to be read before."""
        self._told: dict[str, str] = {}
        self._batch: asyncio.Task[list[Receipt]] | None = None

    @property
    def doubtful_routers(self) -> frozenset[str]:
        """Routers with a change under way or unresolved."""
        return frozenset(intent.change.router for intent in self._open.values())

    async def restore(self) -> None:
        """Takes up the intents that the daemon before us left open. Raises StoreError."""
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
        due = [c for c in pending(plan) if self._retry.get(_attempt(c), (0, 0))[0] <= now_ns]
        if due:
            self._batch = asyncio.create_task(self._carry_out(plan, due), name="changes")

    async def finished(self) -> list[Receipt]:
        """The receipts of the running batch, or of the last one; empty where there was none."""
        return list(await asyncio.shield(self._batch)) if self._batch is not None else []

    async def look_afresh(self) -> None:
        """A person asks: what failed before is tried again, and what is not known is read first."""
        self._retry.clear()
        for (circuit, direction), seen in self._standing.limits.items():
            if not seen.known and circuit in self._circuits:
                self._unread[circuit, direction] = 0
        await self.settle()

    def doubt(self, router: str) -> None:
        """The router restarted: what limits it still has is read before anything is planned on it."""
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
        due = [i for i in self._open.values() if i.id not in self._in_hand and self._again_ns.get(i.id, 0) <= now_ns]
        await asyncio.gather(*(self._resolve(intent) for intent in due))
        await asyncio.gather(*(self._read(*key) for key, at_ns in list(self._unread.items()) if at_ns <= now_ns))

    async def record_step(self, question: StepBegins) -> None:
        """Durably notes that a step begins. Raises StoreError: then it must not begin."""
        await self._ledger.write(Ledger.advance_intent, question.intent, question.step, self._clock.now_ns())
        if question.intent in self._open:
            self._open[question.intent] = replace(self._open[question.intent], step=question.step)

    # --- one batch -------------------------------------------------------------------------------

    async def _carry_out(self, plan: Plan, changes: list[Change]) -> list[Receipt]:
        """Decreases, then, if none of them failed, increases; removals in every case."""
        try:
            await self._ledger.write(Ledger.record_plan, plan, changes, self._clock.now_ns())
        except StoreError as error:
            log.error("no change is begun, for the plan cannot be recorded: %s", error)
            return []
        decreases = [change for change in changes if _tightens(change)]
        receipts = await self._by_router(decreases)
        held_back = len(receipts) < len(decreases) or any(r.outcome is not Outcome.CONFIRMED for r in receipts)
        rest = [c for c in changes if not _tightens(c) and (c.action is Action.REMOVE or not held_back)]
        return receipts + await self._by_router(rest)

    async def _by_router(self, changes: Iterable[Change]) -> list[Receipt]:
        routers: dict[str, list[Change]] = {}
        for change in changes:
            routers.setdefault(change.router, []).append(change)
        done = await asyncio.gather(*(self._one_router(group) for group in routers.values()))
        return [receipt for receipts in done for receipt in receipts]

    async def _one_router(self, changes: list[Change]) -> list[Receipt]:
        receipts = []
        for change in changes:
            receipt = await self._perform(change) if self._as_planned(change) else None
            if receipt is None:
                break  # the router is in doubt now
            receipts.append(receipt)
        return receipts

    def _as_planned(self, change: Change) -> bool:
        """Whether what the plan rests on still holds: a change or a restart may have come between."""
        seen = self._standing.limits.get((change.circuit, change.direction), Observed(None, known=True))
        as_seen = seen.known and (seen.bps, seen.placement) == (change.from_bps, change.from_placement)
        return as_seen and change.router not in self.doubtful_routers

    async def _perform(self, change: Change) -> Receipt | None:
        """Records the intent, has it carried out, and closes it; None where the outcome is not known yet."""
        now_ns = self._clock.now_ns()
        deadline_ns = now_ns + self._configuration.settings.control.revert_after
        intent = Intent(f"nm-{secrets.token_hex(8)}", change, now_ns, deadline_ns)
        order = self._order(intent)
        if order is None:
            self._back_off(change, now_ns)
            return None
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
                return None
            receipt = await self._close(intent, result)
        finally:
            self._in_hand.discard(intent.id)
        if receipt is not None and receipt.outcome is not Outcome.CONFIRMED:
            self._back_off(change, receipt.at_ns)  # the router said no: not at once again
            if result.reason is Failure.HOST_KEY_MISMATCH:
                self._retry[_attempt(change)] = (NEVER_NS, LONGEST_RETRY_NS)
        return receipt

    async def _order_out(self, intent: Intent, order: Order) -> Result | None:
        """What came of the change; None where that has to be read from the router first."""
        circuit = intent.change.circuit
        try:
            result: Result = await self._enforcer.request(replace(order, apply=True))
        except ChildDiedError as error:
            log.error("%s: %s; the router is read again first", circuit, error)
            return None
        except ChildFailedError as error:
            if self._open[intent.id].step not in (Step.RECORDED, Step.CONNECT):
                log.error("%s: %s; the router is read again first", circuit, error)
                return None
            return Result(Outcome.FAILED, Proof.NOT_TESTABLE, str(error), None, None, known=False)
        if result.outcome is Outcome.UNKNOWN:
            log.warning("%s: %s; the router is read again first", circuit, result.detail)
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
        condition = alerting.limit_condition(receipt)
        alert = alerting.transition(self._standing.alerts.get(condition.key), condition, now_ns)
        alerts = [alert] if alert is not None else []
        try:
            await self._ledger.write(Ledger.close_intent, receipt, believed.bps, believed.known, alerts)
        except StoreError as error:
            log.error("%s: the receipt could not be written, the router is read again: %s", change.circuit, error)
            return None
        self._standing.limits[key] = believed
        self._standing.alerts.update((a.key, a) for a in alerts)
        self._open.pop(intent.id, None)
        self._again_ns.pop(intent.id, None)
        if receipt.outcome is Outcome.CONFIRMED:
            self._retry = {attempt: pause for attempt, pause in self._retry.items() if attempt[:2] != key}
        self._metrics.changed(receipt.outcome)
        log.info("%s %s: %s (%s)", change.circuit, change.direction, receipt.outcome, receipt.detail)
        self._on_receipt(receipt)
        return receipt

    def _back_off(self, change: Change, now_ns: int) -> None:
        attempt = _attempt(change)
        pause = min(max(FIRST_RETRY_NS, 2 * self._retry.get(attempt, (0, 0))[1]), LONGEST_RETRY_NS)
        self._retry[attempt] = (now_ns + pause, pause)

    # --- doubt -----------------------------------------------------------------------------------

    async def _resolve(self, intent: Intent) -> None:
        """Reads the router and does what the table of resolutions says."""
        order = self._order(intent)
        if order is None:
            self._again_ns[intent.id] = self._clock.now_ns() + LOOK_AGAIN_NS
            return
        self._in_hand.add(intent.id)
        try:
            inspection: Inspection = await self._enforcer.request(order)
            resolution = self._judge(intent, inspection)
            if resolution.action not in (ResolveAction.WAIT, ResolveAction.GIVE_TO_OPERATOR):
                await self._enforcer.request(replace(order, action=resolution.action))
        except (ChildDiedError, ChildFailedError) as error:
            self._tell(intent.id, f"{intent.change.circuit}: still in doubt: {error}")
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

    def _tell(self, about: str, sentence: str) -> None:
        """Logs what keeps coming back once, until it is something else."""
        if self._told.get(about) != sentence:
            self._told[about] = sentence
            log.warning("%s", sentence)

    def _judge(self, intent: Intent, seen: Inspection) -> Resolution:
        what = Seen.UNREADABLE
        if seen.readable:
            what = classify(intent, seen.read_bps, seen.tolerance_permille, seen.placement)
        return resolve(intent, what, seen.armed, self._clock.now_ns())

    async def _read(self, circuit_id: str, direction: Direction) -> None:
        circuit = self._circuits[circuit_id]
        if circuit.limiting.router in self.doubtful_routers:
            return
        self._unread[circuit_id, direction] = self._clock.now_ns() + LOOK_AGAIN_NS
        order = self._order_for(circuit)
        if order is None:
            return
        try:
            reading: Reading = await self._enforcer.request(replace(order, direction=direction))
        except (ChildDiedError, ChildFailedError) as error:
            self._tell(circuit_id, f"{circuit_id}: cannot be read: {error}")
            return
        if reading.failure is not None:
            self._tell(circuit_id, f"{circuit_id}: cannot be read: {reading.detail}")
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

    def _order(self, intent: Intent) -> Order | None:
        circuit = self._circuits.get(intent.change.circuit)
        if circuit is None:
            gone = intent.change.circuit
            self._tell(gone, f"{gone} is no longer configured, but a change of it is unresolved; configure it again")
            return None
        order = self._order_for(circuit)
        return replace(order, intent=intent) if order is not None else None

    def _order_for(self, circuit: Circuit) -> Order | None:
        place = circuit.limiting
        platform = self._platform_of(place.router)
        if platform is None:
            self._tell(place.router, f"{place.router}: no enforcement dialect is known for its platform (yet)")
            return None
        router = self._configuration.settings.routers[place.router]
        return Order(
            router=place.router,
            settings=router,
            platform=platform,
            target=Target(
                circuit=circuit.id,
                interface=place.interface,
                faces=place.faces,
                alias=circuit.alias if circuit.limited_at is None else None,
                mac=self._mac_of(place.router, place.interface),
                uplinks=router.uplinks,
                shared=self._sharings.get(circuit.id),
            ),
        )


def _attempt(change: Change) -> _Attempt:
    return change.circuit, change.direction, change.to_bps, change.to_placement


def _tightens(change: Change) -> bool:
    return change.to_bps is not None and (change.from_bps is None or change.to_bps < change.from_bps)
