"""The daemon: builds everything once, runs it under supervision, reloads, drains and ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from netmon import systemd
from netmon.bundled import folder
from netmon.config.errors import ConfigError
from netmon.config.load import Configuration, load
from netmon.core.heads import Head, Visit
from netmon.core.measurement import Poll
from netmon.core.model import NANOSECONDS
from netmon.daemon.accountant import Accountant
from netmon.daemon.agents import agent_of, voices_of
from netmon.daemon.approving import APPROVE_PLAN
from netmon.daemon.bookkeeping import CLOSE_PERIOD, Books
from netmon.daemon.clock import Clock
from netmon.daemon.control import ControlServer
from netmon.daemon.desk import Desk
from netmon.daemon.devices import DeviceWatch
from netmon.daemon.fleet import Fleet
from netmon.daemon.ledger import LedgerService
from netmon.daemon.logs import configure_logging
from netmon.daemon.operations import OPERATIONS
from netmon.daemon.orders import Order
from netmon.daemon.plane import ControlPlane
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.revisions import record_revision
from netmon.daemon.settling import RESTARTS
from netmon.daemon.standing import Standing
from netmon.outputs.http import HttpServer
from netmon.outputs.mqtt import MqttPublisher
from netmon.outputs.prometheus import Metrics
from netmon.routers.profiles import ProfileError, load_profiles
from netmon.settings import SecretUnavailableError
from netmon.snmp.client import Client
from netmon.snmp.notification_events import Notification
from netmon.snmp.notifications import Notifications
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.supervision import EssentialTaskEndedError, Supervisor

log = logging.getLogger(__name__)

DRAIN_S = 3.0
"""How long changes under way, and then polls not yet committed, may take to end once netmon was told to stop."""
LAG_EVERY_S = 0.25
OUTBOX_EVERY_S = 5.0


class Service:
    """One running daemon. What a reload replaces lives in `_plane` and the tasks of `_tasks`."""

    def __init__(self, path: Path, configuration: Configuration) -> None:
        settings = configuration.settings
        self._path, self._configuration = path, configuration
        self._clock = Clock(settings.control.require_synchronised_clock)
        self._metrics = Metrics(settings.site.name)
        self._health: Mapping[str, RouterHealth] = {}
        self._mqtt: MqttPublisher | None = None
        self._port = 0

    async def run(self) -> int:
        """Until SIGTERM or SIGINT (0), or until an essential task dies (1). Raises StoreError and its like."""
        settings = self._configuration.settings
        self._supervisor = Supervisor()
        self._ledger = LedgerService.open(settings.ledger, self._clock.now_ns)
        heads: dict[str, Head] = await self._ledger.write(Ledger.heads)
        self._standing = await Standing.restored(self._ledger)
        self._accountant = Accountant(
            book=self._ledger,
            on_visit=self._committed,
            on_commit=self._metrics.process.committed,
            now_ns=self._clock.now_ns,
            commit_interval_s=settings.ledger.commit_interval / NANOSECONDS,
            max_batch=settings.ledger.max_batch,
            heads=heads,
        )
        self._client = await Client.open(settings.snmp.in_flight, settings.snmp.source_address)
        http = HttpServer(settings.http, self._metrics, self.unready)
        control = ControlServer(
            settings.control.socket,
            {
                "apply": self._apply,
                "revert": self._revert,
                APPROVE_PLAN: self._approve_plan,
                CLOSE_PERIOD: self._close_period,
                "status": self._status,
                **{verb: partial(self._operate, verb) for verb in OPERATIONS},
                **{order.value: partial(self._order, order) for order in Order},
            },
        )
        try:
            await self._build(self._configuration, "start")
            try:
                return await self._serve(http, control)
            finally:
                systemd.notify("STOPPING=1")
                await self._drain()
        finally:
            await self._supervisor.stop()
            await control.stop()
            await http.stop()
            await self._client.close()
            await self._ledger.close()

    async def _serve(self, http: HttpServer, control: ControlServer) -> int:
        """From readiness to the wish to end."""
        for head in self._accountant.heads.values():
            self._metrics.visit(head, None)
        self._port = await http.start()
        await control.start()
        self._supervisor.essential("accountant", self._accountant.run)
        self._supervisor.leaf("watchdog", self._feed_watchdog)
        self._supervisor.leaf("loop lag", self._measure_lag)
        self._supervisor.leaf("outbox depth", self._measure_outbox)
        self._on_signals()
        log.info("netmon watches %d routers; metrics on port %d", len(self._health), self._port)
        systemd.notify("READY=1")
        _settle_memory()
        try:
            await self._supervisor.wait()
        except EssentialTaskEndedError as error:
            log.error("netmon ends: %s", error)
            return 1
        return 0

    def unready(self) -> str | None:
        """Why the service does not do its work now; None while polling and accounting are fresh."""
        stats = self._accountant.stats
        if stats.problem is not None:
            return f"the ledger cannot commit: {stats.problem}"
        return self._fleet.silent()

    # --- building and reloading --------------------------------------------------------------

    async def _build(self, configuration: Configuration, event: str) -> None:
        """Starts what depends on the configuration's contents. Raises ProfileError, SecretUnavailableError."""
        settings = configuration.settings
        profiles = load_profiles((configuration.directory / "collectors", folder("collectors")))
        agents = {name: agent_of(configuration, name) for name in settings.routers}
        voices = voices_of(configuration)
        self._configuration = configuration
        self._metrics.topology(
            configuration.circuits,
            configuration.agencies,
            {name: router.uplinks for name, router in settings.routers.items()},
            tuple(settings.routers),
        )
        self._metrics.limits(self._standing.limits)
        self._fleet = Fleet(configuration, profiles, agents, self._client, self._clock.now_ns, self._health)
        self._health = self._fleet.health
        self._accountant.ceilings = self._fleet.ceilings
        self._plane = ControlPlane(
            configuration,
            self._clock,
            self._ledger,
            self._accountant.heads,
            self._standing,
            self._health,
            self._metrics,
            self._fleet.platform_of,
            self._fleet.mac_of,
            self._announced,
        )
        await self._plane.restore()
        self._tasks = Supervisor()
        revision = partial(record_revision, self._ledger, configuration, event, self._clock)
        self._tasks.leaf("configuration record", revision)
        self._tasks.leaf("worker", self._plane.worker.run)
        self._tasks.leaf("enforcer", self._plane.enforcer.run)
        self._tasks.leaf("actions", self._plane.actions.settler.run)
        self._tasks.leaf("hold", self._plane.operations.run)
        self._tasks.leaf("drift", self._plane.drift.run)
        self._tasks.leaf("renewals", self._plane.renewer.run)
        self._tasks.leaf("observer", self._plane.observer.run)
        self._tasks.leaf("ports", self._plane.ports.run)
        self._books = Books(configuration, self._ledger, self._clock.now_ns, lambda: self._standing.trust)
        self._desk = Desk(configuration, self._ledger, self._clock.now_ns, self._ordered)
        self._tasks.leaf("books", self._books.keep)
        self._tasks.leaf("thinning", self._books.thin)
        self._fleet.start_polling(self._tasks, self._answered, self._polled)
        self._start_surveys(configuration)
        if settings.snmp.notifications is not None:
            notifications = Notifications(
                settings.snmp.notifications,
                settings.site.name,
                voices,
                self._clock.now_ns,
                self._noticed,
                self._metrics.process.notification_dropped,
            )
            self._tasks.leaf("notifications", notifications.run)
        self._start_outputs(configuration)
        self._policy_task = self._supervisor.essential("control loop", self._plane.policy.run)

    def _start_surveys(self, configuration: Configuration) -> None:
        watch = DeviceWatch(
            {name: router.address for name, router in configuration.settings.routers.items()},
            self._ledger,
            self._standing,
            self._metrics,
            self._clock.now_ns,
            self._announced,
        )
        self._tasks.leaf("fibre and health", watch.run)
        self._fleet.start_surveys(self._tasks, watch)

    def _start_outputs(self, configuration: Configuration) -> None:
        outputs, site = configuration.settings.outputs, configuration.settings.site.name
        self._mqtt = None
        if outputs.mqtt is not None:
            self._mqtt = MqttPublisher(outputs.mqtt, site, self._ledger, self._metrics.process)
            self._tasks.leaf("mqtt", self._mqtt.run)
        if outputs.influx is not None:
            from netmon.outputs.influx import InfluxWriter

            writer = InfluxWriter(outputs.influx, site, self._ledger, self._metrics.process)
            writer.topology(configuration.circuits)
            self._tasks.leaf("influxdb", writer.run)

    async def _reload(self) -> None:
        """Takes up a new configuration; a bad one is reported and the old one stays."""
        systemd.notify("RELOADING=1")
        loop = asyncio.get_running_loop()
        try:
            configuration = await loop.run_in_executor(None, load, self._path)
            for name in configuration.settings.routers:
                agent_of(configuration, name)
            voices_of(configuration)
            load_profiles((configuration.directory / "collectors", folder("collectors")))
        except (ConfigError, ProfileError, SecretUnavailableError) as error:
            log.error("the configuration was not reloaded, the old one stays: %s", error)
        else:
            _tell_what_needs_a_restart(self._configuration, configuration)
            await self._end_policy()
            self._plane.actions.end()
            await self._plane.actions.finished()
            await self._tasks.stop()
            try:
                await self._build(configuration, "reload")
            except (ConfigError, ProfileError, SecretUnavailableError, StoreError) as error:
                self._supervisor.fail(f"the configuration was read, but could not be taken up: {error}")
                return
            log.info("the configuration was reloaded: %d routers", len(self._health))
        systemd.notify("READY=1")

    # --- what happens while it runs ----------------------------------------------------------

    def _answered(self, poll: Poll) -> None:
        self._accountant.offer(poll)
        self._plane.ports.take(poll)

    def _committed(self, visit: Visit, poll: Poll) -> None:
        self._metrics.visit(visit.head, poll)
        self._metrics.process.gaps(visit.gaps)
        self._plane.observer.visit(visit.head)
        if any(gap.reason in RESTARTS for gap in visit.gaps):
            self._plane.actions.settler.doubt(poll.router)

    def _noticed(self, event: Notification) -> None:
        """A trap is a hint: it changes nothing but when the router is read."""
        self._metrics.process.notified(event.kind)
        self._fleet.ask(event.router)

    def _polled(self, health: RouterHealth, ok: bool) -> None:
        self._metrics.polled(health.router, ok, health.duration_s, health.last_ok_ns or 0)

    def _announced(self) -> None:
        self._metrics.limits(self._standing.limits)
        if self._mqtt is not None:
            self._mqtt.wake()

    async def _apply(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._plane.apply(args)

    async def _approve_plan(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._plane.approve_plan(args)

    async def _revert(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._plane.revert(args)

    async def _operate(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._plane.operations.carry_out(verb, args)

    async def _close_period(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._books.close(args)

    async def _order(self, order: Order, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._desk.carry_out(order, args)

    async def _ordered(self) -> None:
        await self._standing.renew_directives(self._ledger)
        self._plane.ports.show()

    async def _status(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """What only the running daemon knows; `netmon status` joins it with the ledger."""
        stats = self._accountant.stats
        return {
            "unready": self.unready(),
            "http_port": self._port,
            "clock_objection": self._standing.trust.objection,
            "ledger_problem": stats.problem,
            "visits_committed": stats.committed,
            "tasks": len(asyncio.all_tasks()),
            "restarts": dict(self._tasks.restarts),
            "processes": {"worker": self._plane.worker.pid, "enforcer": self._plane.enforcer.pid},
            "routers": self._fleet.status(),
            "rollout": self._plane.rollout(),
        }

    async def _feed_watchdog(self) -> None:
        """The heartbeat: the accountant's loop turned. A full disk does not stop it, a hung loop does."""
        interval = systemd.watchdog_interval_s()
        if interval is None:
            return
        seen = -1
        while True:
            if self._accountant.stats.turns != seen:
                seen = self._accountant.stats.turns
                systemd.notify("WATCHDOG=1")
            await asyncio.sleep(interval)

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._metrics.process.loop_lag(max(0.0, loop.time() - due))
            self._metrics.process.restarts(self._tasks.restarts)
            stats = self._accountant.stats
            self._metrics.process.ledger(stats.problem is None, stats.failures, self._accountant.waiting)

    async def _measure_outbox(self) -> None:
        while True:
            with suppress(StoreError):  # the accountant tells of it
                self._metrics.process.outbox(await self._ledger.read(LedgerReader.unsent_count))
            await asyncio.sleep(OUTBOX_EVERY_S)

    # --- signals and the end -----------------------------------------------------------------

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._supervisor.finish)
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            if not reloads:
                task = loop.create_task(self._reload())
                reloads.add(task)
                task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)

    async def _drain(self) -> None:
        """What was polled is committed; what was begun on a router is finished, or stays recorded as unknown."""
        await self._end_policy()
        self._plane.actions.end()
        for what, ending in (("changes", self._plane.actions.finished()), ("polls", self._accountant.drain())):
            try:
                async with asyncio.timeout(DRAIN_S):
                    await ending
            except TimeoutError:
                log.warning("not all %s under way ended within %g s; the next start takes them up", what, DRAIN_S)
        await self._tasks.stop()

    async def _end_policy(self) -> None:
        self._policy_task.cancel()
        await asyncio.wait([self._policy_task])


def run(path: Path) -> int:
    """Runs the daemon on the configuration at `path`; the exit code of `netmon run`.

    Raises ConfigError, ProfileError, SecretUnavailableError, StoreError, HttpServerError and OSError for what
    keeps it from starting; the message of each is one sentence.
    """
    configure_logging()
    return uvloop.run(Service(path, load(path)).run())


def _settle_memory() -> None:
    """What was imported and built stays for good: the collector need not look at it, but at what comes now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _tell_what_needs_a_restart(old: Configuration, new: Configuration) -> None:
    for key in ("site", "ledger", "http"):
        if getattr(old.settings, key) != getattr(new.settings, key):
            log.warning("%s changed; that takes effect when netmon is started again", key)
    if old.settings.control.socket != new.settings.control.socket:
        log.warning("control.socket changed; that takes effect when netmon is started again")
