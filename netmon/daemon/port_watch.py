"""Watches the ports that much rests on, poll by poll, and says what capacity there is and which circuits are down.

Watched are uplinks and backhauls, and the ports of circuits of agencies that have a backup: its share grows when the
primary is positively down. What a port is known to be counts only once the ledger has it, so that a daemon that comes
up again decides by the same facts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from netmon.core import alerting
from netmon.core.alerting import Condition
from netmon.core.alerts import Alert, AlertKind, AlertState
from netmon.core.capacity import InForce, capacities
from netmon.core.capacity_alerts import backhaul_condition, uplink_condition
from netmon.core.directives import Directive
from netmon.core.heads import cells_of
from netmon.core.measurement import Column, Identity, Poll
from netmon.core.model import Circuit, Role
from netmon.core.periods import BRIDGED_NS
from netmon.core.port_state import (
    Patience,
    PortKey,
    PortSpan,
    PortState,
    PortStatus,
    observe,
    resumed,
    shows_up,
    span_of,
)
from netmon.core.supply import Backhaul, Pool
from netmon.daemon.ledger import LedgerService
from netmon.daemon.standing import Standing
from netmon.outputs.prometheus import Metrics
from netmon.store.ports import PortBook

log = logging.getLogger(__name__)

CONFIRMED_EVERY_S = 60.0
"""How often the ledger is told that uplinks and backhauls are still what they were."""
WAITING_AT_MOST = 10_000
"""Changes that the ledger could not take yet; beyond them a port stays what it was until a later poll shows it."""
AT_ONCE = 500
"""Changes in one transaction."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is configured."""

    pools: tuple[Pool, ...]
    backhauls: tuple[Backhaul, ...]
    circuits: tuple[Circuit, ...]
    recovery_ns: int
    """The hold-down."""
    poll_interval_ns: Mapping[str, int]
    """Of every router."""

    def patience(self, router: str) -> Patience:
        return Patience(self.recovery_ns, max(BRIDGED_NS, 2 * self.poll_interval_ns[router]))


@dataclass(frozen=True, slots=True)
class _Change:
    """A port's new state, with the spans that it ends and begins."""

    port: PortKey
    state: PortState
    spans: tuple[PortSpan, ...]


class PortWatch:
    """Fed with every successful poll."""

    def __init__(
        self,
        watched: Watched,
        ledger: LedgerService,
        standing: Standing,
        metrics: Metrics,
        now_ns: Callable[[], int],
        announced: Callable[[], None],
    ) -> None:
        self._watched, self._ledger, self._standing, self._metrics = watched, ledger, standing, metrics
        self._now_ns, self._announced = now_ns, announced
        self._backed = _backed(watched.circuits)
        self._confirmed = dict.fromkeys(_links(watched))
        """Ports whose availability is of interest while nothing happens to them."""
        self._by_router: dict[str, list[str]] = {}
        for router, interface in dict.fromkeys((*self._confirmed, *self._backed)):
            self._by_router.setdefault(router, []).append(interface)
        self._patience = {router: watched.patience(router) for router in self._by_router}
        self._places: dict[str, tuple[Identity, list[tuple[PortKey, int]]]] = {}
        self._entered: dict[PortKey, int] = {}
        """ifInOctets at the last poll, of ports that it showed down."""
        self._states: dict[PortKey, PortState] = {}
        """As polls have shown."""
        self._recorded: dict[PortKey, PortState] = {}
        """As the ledger has it: what counts."""
        self._down: frozenset[PortKey] = frozenset()
        self._waiting: deque[_Change] = deque()
        self._woken = asyncio.Event()
        self._restored = False

    # --- what is asked of it -------------------------------------------------------------------

    def down_circuits(self) -> frozenset[str]:
        """Circuits whose port is positively down, of the agencies that have a backup."""
        return frozenset(name for port in self._down for name in self._backed.get(port, ()))

    def capacities(self, directives: Iterable[Directive], now_ns: int) -> Mapping[str, InForce]:
        """Every pool, uplink and backhaul as it is now, by id."""
        return capacities(self._watched.pools, self._watched.backhauls, self._down, directives, now_ns)

    def show(self) -> None:
        """Tells Prometheus, as of now."""
        now = self.capacities(self._standing.directives, self._now_ns())
        statuses = {port: self._recorded[port].status for port in self._confirmed if port in self._recorded}
        self._metrics.pools.show(self._watched.pools, now, statuses)

    # --- from the daemon -----------------------------------------------------------------------

    async def restore(self) -> None:
        """Takes up what was recorded. Raises StoreError."""
        self._recorded = await self._ledger.write(_recorded, {*self._confirmed, *self._backed})
        self._states = dict(self._recorded)
        self._down = _down_of(self._recorded)
        await self._record((), self._settled())
        self.show()
        self._restored = True

    def take(self, poll: Poll) -> None:
        """A successful poll; never blocks. While the clock is not trusted nothing is concluded, as it has no date."""
        if poll.router not in self._by_router or not self._restored or not self._standing.trust:
            return
        admin, oper = cells_of(poll, Column.ADMIN_STATUS), cells_of(poll, Column.OPER_STATUS)
        octets = cells_of(poll, Column.IN_OCTETS)
        for port, at in self._placed(poll):
            before = self._states.get(port, PortState())
            up = self._shown(port, admin[at], oper[at], octets[at])
            state = observe(before, up, poll.at_ns, self._patience[poll.router])
            if state.status is PortStatus.UNKNOWN or _is_same_span(state, before):
                self._states[port] = state
            elif len(self._waiting) < WAITING_AT_MOST:
                self._states[port] = state
                spans = tuple(span for span in (span_of(port, before), span_of(port, state)) if span is not None)
                self._waiting.append(_Change(port, state, spans))
                self._woken.set()

    async def run(self) -> None:
        """Records what was concluded, for ever. Raises StoreError: it then waits to be recorded."""
        while True:
            while self._waiting:
                await self._record_some()
            await self._confirm()
            self.show()
            self._woken.clear()
            if not self._waiting:
                await self._pause()

    # --- how it is done ------------------------------------------------------------------------

    async def _pause(self) -> None:
        timer = asyncio.get_running_loop().call_later(CONFIRMED_EVERY_S, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()

    def _placed(self, poll: Poll) -> Sequence[tuple[PortKey, int]]:
        """Where the router's watched ports stand in the poll; looked up once for each identity."""
        known = self._places.get(poll.router)
        if known is None or known[0] is not poll.identity:
            at = {interface.name: position for position, interface in enumerate(poll.identity)}
            names = self._by_router[poll.router]
            known = (poll.identity, [((poll.router, name), at[name]) for name in names if name in at])
            self._places[poll.router] = known
        return known[1]

    def _shown(self, port: PortKey, admin: int | None, oper: int | None, octets: int | None) -> bool | None:
        entered = self._entered.pop(port, None)
        receives = octets is not None and entered is not None and octets > entered
        up = shows_up(admin, oper, receives=receives)
        if octets is not None and shows_up(admin, oper, receives=False) is False:
            self._entered[port] = octets
        return up

    async def _record_some(self) -> None:
        """The oldest changes; nothing of them counts before the ledger has them."""
        some = list(islice(self._waiting, AT_ONCE))
        changed = {change.port: change.state for change in some}
        down = self._down.difference(changed) | _down_of(changed)
        await self._record([span for change in some for span in change.spans], self._conditions(changed, down))
        self._recorded |= changed
        self._down = down
        for _ in some:
            self._waiting.popleft()

    async def _confirm(self) -> None:
        """Up to when uplinks and backhauls are known to be what they are."""
        known = ((port, self._states[port]) for port in self._confirmed if port in self._recorded)
        spans = [span_of(port, now) for port, now in known if _is_same_span(now, self._recorded[port])]
        await self._record([span for span in spans if span is not None], ())

    async def _record(self, spans: Sequence[PortSpan], conditions: Iterable[Condition]) -> None:
        now_ns = self._now_ns()
        found = (alerting.transition(self._standing.alerts.get(one.key), one, now_ns) for one in conditions)
        alerts = [alert for alert in found if alert is not None]
        if not spans and not alerts:
            return
        # Of a span that is told twice in one statement PostgreSQL would not know which to keep.
        latest = {(span.port, span.from_ns): span for span in spans}
        await self._ledger.write(PortBook.record_ports, list(latest.values()), alerts, now_ns)
        self._standing.alerts.update((alert.key, alert) for alert in alerts)
        for alert in alerts:
            log.warning("%s: %s", alert.state, alert.summary)
        if alerts:
            self._announced()

    def _conditions(self, states: Mapping[PortKey, PortState], down: Collection[PortKey]) -> Iterator[Condition]:
        """How what arrives on these ports, or crosses them, stands when `down` are down."""
        pools, backhauls = self._watched.pools, self._watched.backhauls
        now = capacities(pools, backhauls, down, self._standing.directives, self._now_ns())
        for pool in pools:
            for uplink in pool.uplinks:
                state = states.get((uplink.router, uplink.interface))
                if state is not None and state.status is not PortStatus.UNKNOWN:
                    yield uplink_condition(uplink, state, now[pool.id])
        for backhaul in backhauls:
            port = None if backhaul.interface is None else (backhaul.router, backhaul.interface)
            state = states.get(port) if port is not None else None
            if state is not None and state.status is not PortStatus.UNKNOWN:
                yield backhaul_condition(backhaul, state)

    def _settled(self) -> Iterator[Condition]:
        """What was recorded, told anew, and an end to the alerts about ports of which nothing is known any more."""
        told: set[str] = set()
        for condition in self._conditions(self._recorded, self._down):
            told.add(condition.key)
            yield condition
        for alert in list(self._standing.alerts.values()):
            if _is_open(alert) and alert.key not in told:
                yield alerting.unwatched_condition(alert)


def _is_same_span(one: PortState, other: PortState) -> bool:
    return (one.status, one.from_ns) == (other.status, other.from_ns)


def _down_of(states: Mapping[PortKey, PortState]) -> frozenset[PortKey]:
    return frozenset(port for port, state in states.items() if state.status is PortStatus.DOWN)


def _recorded(book: PortBook, ports: Collection[PortKey]) -> dict[PortKey, PortState]:
    """Of these ports, what was recorded last."""
    return {port: resumed(span) for port, span in book.newest_port_spans().items() if port in ports}


def _is_open(alert: Alert) -> bool:
    return alert.kind is AlertKind.CAPACITY and alert.state is not AlertState.RESOLVED


def _links(watched: Watched) -> Iterable[PortKey]:
    for pool in watched.pools:
        for uplink in pool.uplinks:
            yield uplink.router, uplink.interface
    for backhaul in watched.backhauls:
        if backhaul.interface is not None:
            yield backhaul.router, backhaul.interface


def _backed(circuits: Iterable[Circuit]) -> dict[PortKey, list[str]]:
    """Circuits by port, of the agencies that have a backup."""
    all_of = list(circuits)
    with_backup = {circuit.agency for circuit in all_of if circuit.role is Role.BACKUP}
    found: dict[PortKey, list[str]] = {}
    for circuit in all_of:
        if circuit.agency in with_backup:
            found.setdefault((circuit.router, circuit.interface), []).append(circuit.id)
    return found
