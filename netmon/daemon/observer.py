"""Lets traffic prove the limits in force: each confirmed limit is watched until demand has pressed against it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from netmon.core import alerting
from netmon.core.changes import Outcome, Receipt
from netmon.core.heads import Head
from netmon.core.model import Circuit, Direction
from netmon.core.observation import Finding, Observation, Watch, observe
from netmon.core.periods import Reading
from netmon.daemon.consumption import Consumption
from netmon.daemon.ledger import LedgerService
from netmon.daemon.standing import Standing
from netmon.store.chain import Kind
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

log = logging.getLogger(__name__)

REMEMBERED = 1000
"""Newest receipts searched at the start for limits still in force and not yet observed."""

Key = tuple[str, Direction]


@dataclass(slots=True)
class _Watched:
    receipt: Receipt
    watch: Watch
    proven: bool


class Observer:
    """Fed with every committed visit; writes one linked observation per receipt."""

    def __init__(
        self,
        circuits: Iterable[Circuit],
        ledger: LedgerService,
        consumption: Consumption,
        standing: Standing,
        now_ns: Callable[[], int],
        announced: Callable[[], None],
    ) -> None:
        self._by_router: dict[str, list[Circuit]] = {}
        for circuit in circuits:
            self._by_router.setdefault(circuit.router, []).append(circuit)
        self._ledger, self._consumption, self._standing = ledger, consumption, standing
        self._now_ns, self._announced = now_ns, announced
        self._watched: dict[Key, _Watched] = {}
        self._decided: asyncio.Queue[tuple[_Watched, Observation]] = asyncio.Queue(1000)

    async def restore(self) -> None:
        """Takes up the limits in force that the daemon before us did not see proven. Raises StoreError."""
        for link in reversed(await self._ledger.read(LedgerReader.receipts, REMEMBERED)):
            self.receipt(link.receipt, proven=link.observed is not None)

    def receipt(self, receipt: Receipt, proven: bool = False) -> None:
        """A change ended: what was watched on its circuit is over, a new limit is watched."""
        change = receipt.change
        if receipt.outcome is not Outcome.CONFIRMED:
            return
        key = (change.circuit, change.direction)
        ended = self._watched.pop(key, None)
        if ended is not None:
            self._decide(ended, Observation(Finding.IDLE, ended.watch))  # an alert about it is over, too
        if change.to_bps is not None:
            self._watched[key] = _Watched(receipt, Watch(receipt.id, change.to_bps, receipt.at_ns), proven)

    def visit(self, head: Head) -> None:
        """A committed visit; cheap where nothing is limited."""
        if not self._watched:
            return
        for circuit in self._by_router.get(head.router, ()):
            for direction in Direction:
                watched = self._watched.get((circuit.id, direction))
                total = self._consumption.total(circuit, direction) if watched is not None else None
                if watched is None or total is None:
                    continue
                observation = observe(watched.watch, Reading(head.at_ns, total))
                watched.watch = observation.watch
                if observation.finding in (Finding.WITHIN, Finding.EXCEEDED):
                    self._decide(watched, observation)

    def _decide(self, watched: _Watched, observation: Observation) -> None:
        if not self._decided.full():  # the ledger has long been failing: a later window finds it again
            self._decided.put_nowait((watched, observation))

    async def run(self) -> None:
        """Records what was found, for ever. Raises StoreError: the finding is then made again by the next window."""
        while True:
            watched, observation = await self._decided.get()
            await self._record(watched, observation)

    async def _record(self, watched: _Watched, found: Observation) -> None:
        receipt, rate_bps, now_ns = watched.receipt, found.rate_bps or 0, self._now_ns()
        exceeded = found.finding is Finding.EXCEEDED
        condition = alerting.bypass_condition(receipt, watched.watch.limit_bps, rate_bps, exceeded)
        alert = alerting.transition(self._standing.alerts.get(condition.key), condition, now_ns)
        if alert is not None:
            await self._ledger.write(Ledger.decide, (), (alert,), now_ns)
            self._standing.alerts[alert.key] = alert
            self._announced()
        if found.finding is not Finding.WITHIN or watched.proven:
            return
        payload = _payload(receipt, found, now_ns)
        await self._ledger.write(Ledger.append_link, Kind.OBSERVATION, receipt.id, json.dumps(payload))
        watched.proven = True
        log.info(
            "%s %s: observed, %d bit/s passed under the limit of %d bit/s",
            receipt.change.circuit,
            receipt.change.direction,
            rate_bps,
            watched.watch.limit_bps,
        )


def _payload(receipt: Receipt, found: Observation, now_ns: int) -> Mapping[str, object]:
    return {
        "receipt": receipt.id,
        "proof": "observed",
        "at_ns": now_ns,
        "rate_bps": found.rate_bps,
        "window_ns": found.window_ns,
        "limit_bps": found.watch.limit_bps,
    }
