"""Settles what is not known of routers: open intents and limits in doubt are read before they are believed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from netmon.core import alerting
from netmon.core.changes import Intent, Outcome, Proof, Receipt
from netmon.core.guard_alerts import twin_condition
from netmon.core.measurement import GapReason
from netmon.core.model import NANOSECONDS, Circuit, Direction
from netmon.core.planning import Observed
from netmon.core.resolving import Resolution, ResolveAction, Seen, classify, resolve
from netmon.daemon.breakers import Breakers
from netmon.daemon.enforcer import Order
from netmon.daemon.ledger import LedgerService
from netmon.daemon.ordering import Ordering
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.standing import Standing
from netmon.routers.enforcement import Inspection, Reading, Result
from netmon.routers.session import Failure
from netmon.routers.transcript import joined
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

log = logging.getLogger(__name__)

RESTARTS = frozenset({GapReason.COUNTER_RESET, GapReason.DEVICE_REPLACED})
"""Gaps after which a router may have lost the limits it was given."""
LOOK_AGAIN_NS = 10 * NANOSECONDS
"""How long an unreadable router with an open intent is left alone between two looks."""


class Orders(Protocol):
    """The enforcer process."""

    async def request(self, payload: Order) -> Any: ...


class Settler:
    """A router with an open intent is in doubt until its receipt is written."""

    def __init__(
        self,
        circuits: Mapping[str, Circuit],
        now_ns: Callable[[], int],
        ledger: LedgerService,
        enforcer: Orders,
        standing: Standing,
        ordering: Ordering,
        breakers: Breakers,
        on_receipt: Callable[[Receipt], None],
    ) -> None:
        self._circuits, self._now_ns, self._ledger, self._enforcer = circuits, now_ns, ledger, enforcer
        self._standing, self._ordering, self._breakers = standing, ordering, breakers
        self._on_receipt = on_receipt
        self._limited_on: dict[str, list[str]] = {}
        for circuit in circuits.values():
            self._limited_on.setdefault(circuit.limiting.router, []).append(circuit.id)
        self.open: dict[str, Intent] = {}
        """By id: recorded, and without a receipt."""
        self._in_hand: set[str] = set()
        self._again_ns: dict[str, int] = {}
        self._unread: dict[tuple[str, Direction], int] = {}
        """(circuit, direction) -> not to be read before."""
        self._transcripts: dict[str, str] = {}
        """What was said so far about each open intent."""

    @property
    def doubtful_routers(self) -> frozenset[str]:
        """Routers with a change under way or unresolved."""
        return frozenset(intent.change.router for intent in self.open.values())

    async def restore(self) -> None:
        """Takes up the intents that the daemon before us left open. Raises StoreError."""
        for intent in await self._ledger.write(Ledger.open_intents):
            self.open[intent.id] = intent
            log.warning("%s: a change was under way (%s); it is read again first", intent.change.circuit, intent.step)
        await self._restore_doubt()

    async def _restore_doubt(self) -> None:
        """A limit noted before its router restarted, or in doubt when the daemon or its configuration changed.

        Where a limit hangs in a hierarchy is known to the router alone, so such a one is read in any case.
        """
        now_ns = self._now_ns()
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

    def doubt(self, router: str) -> None:
        """The router restarted: what limits it still has is read before anything is planned on it."""
        self._breakers.hurry(router)
        for name in self._limited_on.get(router, ()):
            for direction in Direction:
                seen = self._standing.limits.get((name, direction))
                if seen is not None and seen.bps is not None:
                    self.reread(name, direction)

    def reread(self, circuit: str, direction: Direction) -> None:
        """What is believed of the circuit's limit is void until it has been read."""
        self._standing.limits[circuit, direction] = Observed(None, known=False)
        self._unread[circuit, direction] = 0

    def doubt_unknown(self) -> None:
        """Every limit that is not known is read at the next round."""
        for (circuit, direction), seen in self._standing.limits.items():
            if not seen.known and circuit in self._circuits:
                self._unread[circuit, direction] = 0

    async def run(self) -> None:
        """Resolves open intents and reads what is in doubt, for ever."""
        while True:
            await self.settle()
            await asyncio.sleep(0.5)

    async def settle(self) -> None:
        """One round over everything in doubt that is due."""
        now_ns = self._now_ns()
        due = [
            intent
            for intent in self.open.values()
            if intent.id not in self._in_hand
            and self._again_ns.get(intent.id, 0) <= now_ns
            and self._breakers.lets(intent.change.router)
        ]
        await asyncio.gather(*(self._resolve(intent) for intent in due))
        await asyncio.gather(*(self._read(*key) for key, at_ns in list(self._unread.items()) if at_ns <= now_ns))

    # --- open intents ----------------------------------------------------------------------------

    @contextmanager
    def in_hand(self, intent: Intent) -> Iterator[None]:
        """Nobody else resolves it meanwhile."""
        self._in_hand.add(intent.id)
        try:
            yield
        finally:
            self._in_hand.discard(intent.id)

    def keep_transcript(self, intent_id: str, transcript: str) -> None:
        """Of every session of a change, for its receipt."""
        self._transcripts[intent_id] = joined((self._transcripts.get(intent_id, ""), transcript))

    async def close(self, intent: Intent, result: Result) -> Receipt | None:
        """Receipt, limit and alert in one transaction; on failure the intent stays open and is read again."""
        change, now_ns = intent.change, self._now_ns()
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
        self.open.pop(intent.id, None)
        self._again_ns.pop(intent.id, None)
        self._transcripts.pop(intent.id, None)
        log.info("%s %s: %s (%s)", change.circuit, change.direction, receipt.outcome, receipt.detail)
        self._on_receipt(receipt)
        return receipt

    async def _resolve(self, intent: Intent) -> None:
        """Reads the router and does what the table of resolutions says."""
        order = self._ordering.order_of(intent)
        if order is None:
            self._again_ns[intent.id] = self._now_ns() + LOOK_AGAIN_NS
            return
        try:
            with self.in_hand(intent):
                inspection: Inspection = await self._enforcer.request(order)
                self.keep_transcript(intent.id, inspection.transcript)
                self._count(order.router, inspection)
                resolution = self._judge(intent, inspection)
                if resolution.action not in (ResolveAction.WAIT, ResolveAction.GIVE_TO_OPERATOR):
                    done: Inspection = await self._enforcer.request(replace(order, action=resolution.action))
                    self.keep_transcript(intent.id, done.transcript)
        except (ChildDiedError, ChildFailedError) as error:
            self._ordering.tell(intent.id, f"{intent.change.circuit}: still in doubt: {error}")
            self._again_ns[intent.id] = self._now_ns() + LOOK_AGAIN_NS
            return
        if resolution.outcome is None:
            soonest = self._now_ns() + (LOOK_AGAIN_NS if resolution.action is ResolveAction.WAIT else 0)
            self._again_ns[intent.id] = max(resolution.again_ns or 0, soonest)
            return
        known = inspection.readable and resolution.outcome is not Outcome.UNKNOWN
        proof = Proof.READ_BACK if inspection.readable else Proof.NOT_TESTABLE
        sentence = f"{resolution.reason} ({inspection.detail})"
        spent_ns = self._now_ns() - intent.created_ns
        read = inspection.read_bps, known, spent_ns, inspection.placement
        await self.close(intent, Result(resolution.outcome, proof, sentence, None, *read))

    def _count(self, router: str, seen: Inspection) -> None:
        if seen.readable:
            self._breakers.succeeded(router)
        else:
            self._breakers.failed(router, Failure.ANSWER_UNREADABLE, seen.detail)

    def _judge(self, intent: Intent, seen: Inspection) -> Resolution:
        what = Seen.UNREADABLE
        if seen.readable:
            what = classify(intent, seen.read_bps, seen.tolerance_permille, seen.placement)
        return resolve(intent, what, seen.armed, self._now_ns())

    # --- limits in doubt --------------------------------------------------------------------------

    async def _read(self, circuit_id: str, direction: Direction) -> None:
        circuit = self._circuits[circuit_id]
        router = circuit.limiting.router
        if router in self.doubtful_routers or not self._breakers.lets(router):
            return
        self._unread[circuit_id, direction] = self._now_ns() + LOOK_AGAIN_NS
        reading = await self.look(circuit_id, direction)
        if reading is None:
            return
        now_ns = self._now_ns()
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
        return self._breakers.lets(router)

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
            self._breakers.failed(order.router, reading.failure, reading.detail)
            self._ordering.tell(circuit_id, f"{circuit_id}: cannot be read: {reading.detail}")
            return None
        self._breakers.succeeded(order.router)
        return reading

    def order_for(self, circuit: Circuit) -> Order | None:
        """For what is to be done where it is limited; None: its platform has no dialect, or is not known yet."""
        return self._ordering.order_for(circuit)
