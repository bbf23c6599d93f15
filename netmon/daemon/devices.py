"""What surveys find is told, judged and recorded: fibre links that get worse, parts that a device calls critical."""

from __future__ import annotations

import asyncio
import logging
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from netmon.core import alerting
from netmon.core.alerting import Condition
from netmon.core.alerts import Alert, AlertKind, AlertState
from netmon.core.fibre import End, FibreVerdict, Sign, fibre_condition, judge
from netmon.core.fibre_limits import Light
from netmon.core.fibre_pairs import Heard, Port, far_ports
from netmon.core.fibre_trend import DAY_NS, MOST_DAYS
from netmon.daemon.ledger import LedgerService
from netmon.daemon.standing import Standing
from netmon.daemon.surveys import Survey
from netmon.outputs.devices import FibreEnd
from netmon.outputs.prometheus import Metrics
from netmon.routers.health import HealthReading
from netmon.routers.health_profile import Status
from netmon.routers.inspection import MOST_TRANSCEIVERS, Inspection, PortStatus
from netmon.routers.neighbours import Directory
from netmon.store.errors import StoreError
from netmon.store.fibre import FibreBook, FibreChange

log = logging.getLogger(__name__)

FORGOTTEN_NS: Final = MOST_DAYS * DAY_NS
"""An end that saw no light for so long is none any more: nothing of its trend is left."""

Members = tuple[str, ...]
"""The ids of a link's ends, sorted."""


@dataclass(slots=True)
class _Step:
    """What one survey changes; nothing of it counts before the ledger has it."""

    ends: dict[str, End] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Ids of ends."""
    links: dict[str, Members] = field(default_factory=dict)
    gone_links: set[Members] = field(default_factory=set)
    verdicts: dict[Members, FibreVerdict] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)


class DeviceWatch:
    """Fed with every survey. Its memory advances only after the ledger committed."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        ledger: LedgerService,
        standing: Standing,
        metrics: Metrics,
        now_ns: Callable[[], int],
        announced: Callable[[], None],
    ) -> None:
        """`addresses`: router -> address, of all that are configured."""
        self._routers, self._now_ns = frozenset(addresses), now_ns
        self._ledger, self._standing, self._metrics, self._announced = ledger, standing, metrics, announced
        self._directory = Directory(addresses)
        self._heard: dict[str, tuple[Heard, ...]] = {}
        self._far: dict[Port, Port] = {}
        """Both ways."""
        self._ends: dict[str, End] = {}
        self._of: dict[str, set[str]] = {name: set() for name in addresses}
        """Router -> ids of its ends."""
        self._links: dict[str, Members] = {}
        self._verdicts: dict[Members, FibreVerdict] = {}
        self._critical: dict[str, frozenset[str]] = {}
        """What each router called critical at its last survey."""
        self._waiting: dict[str, Survey] = {}
        self._woken = asyncio.Event()
        self._restored = False

    # --- from the daemon -------------------------------------------------------------------------

    async def restore(self) -> None:
        """Takes up what is remembered; of routers no longer configured it is forgotten. Raises StoreError."""
        state = await self._ledger.write(FibreBook.fibre)
        ends = {end.id: end for end in state.ends if end.router in self._routers}
        kept = {v.ends: v for v in state.verdicts if all(name in ends for name in v.ends)}
        change = FibreChange(
            gone_ends=[end.id for end in state.ends if end.id not in ends],
            gone_links=[v.ends for v in state.verdicts if v.ends not in kept],
        )
        keys = {fibre_condition(verdict).key for verdict in kept.values()}
        now_ns = self._now_ns()
        alerts = self._transitions(
            [alerting.unwatched_condition(alert) for alert in self._active() if not self._is_watched(alert, keys)],
            now_ns,
        )
        if alerts or change.gone_ends or change.gone_links:
            await self._record(change, alerts, now_ns)
        for end in ends.values():
            self._ends[end.id] = end
            self._of[end.router].add(end.id)
        for members, verdict in kept.items():
            self._verdicts[members] = verdict
            self._links |= dict.fromkeys(members, members)
            if len(members) == 2:
                near, far = ((ends[name].router, ends[name].interface) for name in members)
                self._far |= {near: far, far: near}
        for router in self._routers:
            self._show(router)
        self._restored = True

    def take(self, survey: Survey) -> None:
        """A survey succeeded; never blocks. Of those that wait to be judged, a router has one."""
        found = survey.found
        self._metrics.process.surveyed(True)
        self._metrics.devices.surveyed(found.router, survey.at_ns, survey.duration_s, found.optics, found.health)
        self._waiting[found.router] = survey
        self._woken.set()

    def ports(self, router: str) -> set[str]:
        """ifNames that had a transceiver."""
        return {self._ends[name].interface for name in self._of[router]}

    def failed(self, router: str, asked: bool) -> None:
        """A router was not surveyed: nothing is judged, and what only a survey can say ends."""
        if asked:
            self._metrics.process.surveyed(False)
        self._metrics.devices.failed(router)

    async def run(self) -> None:
        """Restores, then judges what was taken, for ever. Raises StoreError: the survey then waits to be judged."""
        if not self._restored:
            await self.restore()
        while True:
            while self._waiting:
                router = next(iter(self._waiting))
                survey = self._waiting.pop(router)
                try:
                    await self.judge(survey)
                except StoreError:
                    self._waiting.setdefault(router, survey)
                    raise
            self._woken.clear()
            await self._woken.wait()

    async def judge(self, survey: Survey) -> None:
        """One survey; nothing while the clock is not trusted. Raises StoreError, with nothing believed."""
        if not self._standing.trust:
            return
        found, now_ns = survey.found, survey.at_ns
        step = _Step()
        await self._observe(step, found, now_ns)
        self._relink(step, self._pair(found) | step.ends.keys() | step.gone)
        self._judge_links(step, now_ns)
        step.conditions += self._device_conditions(found)
        alerts = self._transitions(step.conditions, now_ns)
        change = FibreChange(
            ends=[end for end in step.ends.values() if _is_news(self._ends.get(end.id), end)],
            verdicts=[v for members, v in step.verdicts.items() if v != self._verdicts.get(members)],
            gone_ends=sorted(step.gone),
            gone_links=sorted(step.gone_links),
        )
        if alerts or change.ends or change.verdicts or change.gone_ends or change.gone_links:
            await self._record(change, alerts, now_ns)
        self._advance(step, found)

    # --- what a survey changes -------------------------------------------------------------------

    async def _observe(self, step: _Step, found: Inspection, now_ns: int) -> None:
        """Every end with one more reading. A day that ends costs its lines: other tasks run between two ends."""
        nothing = PortStatus(None, None)
        for reading in found.optics:
            fresh = End(found.router, reading.interface, reading.lane)
            known = self._ends.get(fresh.id)
            if known is None and (reading.rx_state is not Light.LIGHT or len(step.ends) >= MOST_TRANSCEIVERS):
                continue
            status = found.statuses.get(reading.interface, nothing)
            step.ends[fresh.id] = (known or fresh).observed(
                reading, enabled=status.enabled, up=status.up, now_ns=now_ns
            )
            await asyncio.sleep(0)
        for name in self._of[found.router]:
            end = self._ends[name]
            if name not in step.ends and end.interface in found.statuses:
                status = found.statuses[end.interface]
                step.ends[name] = end.observed(None, enabled=status.enabled, up=status.up, now_ns=now_ns)
            seen_ns = step.ends.get(name, end).seen_ns
            if seen_ns is None or now_ns - seen_ns > FORGOTTEN_NS:
                step.ends.pop(name, None)
                step.gone.add(name)

    def _pair(self, found: Inspection) -> set[str]:
        """Takes up what the router hears; the ids of ends that may be at another link now.

        A pair stands until a port hears something else: neighbours are silent now and then.
        """
        self._directory.learn(found.router, found.discovered.sys_name, found.discovered.interfaces)
        self._heard[found.router] = self._directory.heard(found.links)
        touched: set[Port] = set()
        for interface, far in far_ports(found.router, self._heard).items():
            near = (found.router, interface)
            if self._far.get(near) == far:
                continue
            for port in (near, far) if far is not None else (near,):
                before = self._far.pop(port, None)
                touched.add(port)
                if before is not None:
                    self._far.pop(before, None)
                    touched.add(before)
            if far is not None:
                self._far |= {near: far, far: near}
        return {name for router, _ in touched for name in self._of[router] if _port(self._ends[name]) in touched}

    def _relink(self, step: _Step, names: Iterable[str]) -> None:
        """To which link each of these ends belongs, and all whose link thereby changes."""
        ends = ChainMap[str, End](step.ends, self._ends)
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in step.links:
                continue
            members = self._members(ends[name], ends, step.gone) if name not in step.gone else ()
            for member in members:
                step.links[member] = members
            for member in members or (name,):
                before = self._links.get(member)
                if before is not None and before != members and before not in step.gone_links:
                    step.gone_links.add(before)
                    todo += before

    def _members(self, end: End, ends: Mapping[str, End], gone: Collection[str]) -> Members:
        far = self._far.get(_port(end))
        if far is None:
            return (end.id,)
        other = End(*far, end.lane).id
        return tuple(sorted((end.id, other))) if other in ends and other not in gone else (end.id,)

    def _judge_links(self, step: _Step, now_ns: int) -> None:
        ends = ChainMap[str, End](step.ends, self._ends)
        for members in dict.fromkeys(step.links.values()):
            verdict = judge([ends[name] for name in members], self._previous(members), now_ns)
            step.verdicts[members] = verdict
            step.conditions.append(fibre_condition(verdict))
        for members in step.gone_links:
            alert = self._standing.alerts.get(fibre_condition(self._verdicts[members]).key)
            if alert is not None:
                step.conditions.append(alerting.unwatched_condition(alert))

    def _previous(self, members: Members) -> FibreVerdict | None:
        """The link's last verdict; of a new link, that of one its ends were at: what was wrong still is."""
        if members in self._verdicts:
            return self._verdicts[members]
        before = [self._verdicts[link] for name in members if (link := self._links.get(name)) is not None]
        return next((verdict for verdict in before if verdict.firing), None)

    def _device_conditions(self, found: Inspection) -> list[Condition]:
        """None where the device says nothing of itself. A part is well again when two surveys say so."""
        if not found.health:
            return []
        critical = frozenset(map(_called, (one for one in found.health if one.status is Status.CRITICAL)))
        return [alerting.health_condition(found.router, critical | self._critical.get(found.router, frozenset()))]

    # --- what comes of it ------------------------------------------------------------------------

    async def _record(self, change: FibreChange, alerts: list[Alert], now_ns: int) -> None:
        await self._ledger.write(FibreBook.record_fibre, change, alerts, now_ns)
        self._standing.alerts.update((alert.key, alert) for alert in alerts)
        for alert in alerts:
            log.info("%s: %s", alert.state, alert.summary)
        if alerts:
            self._announced()

    def _advance(self, step: _Step, found: Inspection) -> None:
        for members in step.gone_links:
            self._verdicts.pop(members, None)
        for name in step.gone:
            self._links.pop(name, None)
            self._ends.pop(name, None)
            self._of[found.router].discard(name)
        self._ends |= step.ends
        self._of[found.router] |= step.ends.keys()
        self._links |= step.links
        self._verdicts |= step.verdicts
        if found.health:
            self._critical[found.router] = frozenset(
                map(_called, (one for one in found.health if one.status is Status.CRITICAL))
            )
        for router in {self._ends[name].router for name in step.links} | {found.router}:
            self._show(router)

    def _show(self, router: str) -> None:
        shown = [self._shown(self._ends[name]) for name in sorted(self._of[router])]
        self._metrics.devices.fibre(router, shown)

    def _shown(self, end: End) -> FibreEnd:
        members = self._links.get(end.id, (end.id,))
        verdict = self._verdicts.get(members)
        far = self._far.get(_port(end))
        falls = verdict is not None and verdict.firing and (end.id, Sign.FALLING) in verdict.signs
        low_day = end.low_day() if falls else None
        return FibreEnd(
            interface=end.interface,
            lane=end.lane,
            far_end="/".join(far) if far is not None else "",
            reason=verdict.reason.value if verdict is not None else "",
            severity=verdict.severity.value if verdict is not None and verdict.firing else "",
            db_per_month=end.rx.fit.db_per_month if end.rx.fit is not None else None,
            baseline_dbm=end.rx.baseline_dbm,
            low_ns=int(low_day * DAY_NS) if low_day is not None else None,
        )

    def _transitions(self, conditions: Iterable[Condition], now_ns: int) -> list[Alert]:
        alerts = (alerting.transition(self._standing.alerts.get(c.key), c, now_ns) for c in conditions)
        return [alert for alert in alerts if alert is not None]

    def _active(self) -> list[Alert]:
        kinds = (AlertKind.FIBRE, AlertKind.HEALTH)
        return [
            alert
            for alert in self._standing.alerts.values()
            if alert.kind in kinds and alert.state is not AlertState.RESOLVED
        ]

    def _is_watched(self, alert: Alert, links: Collection[str]) -> bool:
        return alert.key in links if alert.kind is AlertKind.FIBRE else alert.router in self._routers


def _port(end: End) -> Port:
    return end.router, end.interface


def _called(reading: HealthReading) -> str:
    return f"{reading.kind.value.replace('_', ' ')} {reading.name}"


def _is_news(before: End | None, after: End) -> bool:
    """Whether more changed than the last readings: a half-hour's reading that counts, or what the port is."""
    return before is None or _essence(before) != _essence(after)


def _essence(end: End) -> tuple[object, ...]:
    return end.rx.slot, end.tx.slot, end.rx_limits, end.is_enabled, end.is_up
