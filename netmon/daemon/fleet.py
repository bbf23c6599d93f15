"""The routers of one configuration as they are watched: polled for their bytes, surveyed for their fibre and health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from netmon.config.load import Configuration
from netmon.core.heads import Ceilings
from netmon.core.measurement import Poll
from netmon.core.model import NANOSECONDS
from netmon.core.periods import from_ns
from netmon.daemon.devices import DeviceWatch
from netmon.daemon.pollers import PollLoop, RouterHealth
from netmon.daemon.surveys import SHARE_IN_FLIGHT, SurveyLoop
from netmon.routers.inspection import Inspector
from netmon.routers.polling import RouterPoller
from netmon.routers.profiles import Profiles
from netmon.snmp.client import Agent, Client
from netmon.supervision import Supervisor


class Fleet:
    """Replaced as a whole by a reload; only what is known of a router's health goes on."""

    def __init__(
        self,
        configuration: Configuration,
        profiles: Profiles,
        agents: Mapping[str, Agent],
        client: Client,
        now_ns: Callable[[], int],
        before: Mapping[str, RouterHealth],
    ) -> None:
        self._configuration, self._profiles = configuration, profiles
        self._agents, self._client, self._now_ns = agents, client, now_ns
        settings = configuration.settings
        self.health = {name: before.get(name) or RouterHealth(name, now_ns()) for name in settings.routers}
        self.ceilings: dict[str, Ceilings] = {}
        """Declared speeds of each router's ports."""
        self._pollers: dict[str, RouterPoller] = {}
        self._loops: dict[str, PollLoop] = {}
        for name, router in settings.routers.items():
            circuits = router.circuit_values(name)
            self.ceilings[name] = Ceilings(
                {c.interface: c.port_speed_bps for c in circuits if c.port_speed_bps is not None}
            )
            self._pollers[name] = RouterPoller(
                name,
                agents[name],
                client,
                profiles,
                router.watched,
                now_ns,
                router.platform,
                settings.snmp.rediscover_interval,
            )

    def start_polling(
        self, tasks: Supervisor, on_poll: Callable[[Poll], None], on_end: Callable[[RouterHealth, bool], None]
    ) -> None:
        """A task for each router."""

        def ended(health: RouterHealth, ok: bool) -> None:
            health.renamed = self._pollers[health.router].renamed
            on_end(health, ok)

        settings = self._configuration.settings
        for name, router in settings.routers.items():
            loop = PollLoop(
                router=name,
                visitor=self._pollers[name],
                interval_s=(router.poll_interval or settings.snmp.poll_interval) / NANOSECONDS,
                deadline_s=settings.snmp.poll_deadline / NANOSECONDS,
                health=self.health[name],
                now_ns=self._now_ns,
                on_poll=on_poll,
                on_end=ended,
            )
            self._loops[name] = loop
            tasks.leaf(f"poller {name}", loop.run)

    def start_surveys(self, tasks: Supervisor, watch: DeviceWatch) -> None:
        """Likewise, but only a few look at a time."""
        snmp = self._configuration.settings.snmp
        turns = asyncio.Semaphore(max(1, snmp.in_flight // SHARE_IN_FLIGHT))
        for name, poller in self._pollers.items():
            loop = SurveyLoop(
                self.health[name],
                poller,
                Inspector(name, self._agents[name], self._client),
                watch,
                turns,
                snmp.survey_interval / NANOSECONDS,
                snmp.survey_deadline / NANOSECONDS,
                self._now_ns,
            )
            tasks.leaf(f"survey {name}", loop.run)

    def ask(self, router: str) -> None:
        """Has a router polled at once, if it is one of them."""
        if (loop := self._loops.get(router)) is not None:
            loop.ask()

    def silent(self) -> str | None:
        """Why none of them can be called watched; None while some router answers."""
        if not self.health:
            return None
        snmp = self._configuration.settings.snmp
        newest = max(health.last_ok_ns or 0 for health in self.health.values())
        if self._now_ns() - newest > 3 * snmp.poll_interval + snmp.poll_deadline:
            return "no router has answered lately" if newest else "no router has answered yet"
        return None

    def platform_of(self, router: str) -> str | None:
        """The enforcement dialect: of the configured profile, else of the one the router was recognised by."""
        platform = self._configuration.settings.routers[router].platform
        if platform is not None:
            return self._profiles.named(platform).enforcement
        discovered = self._pollers[router].discovered
        return discovered.profile.enforcement if discovered is not None else None

    def mac_of(self, router: str, interface: str) -> str | None:
        """The port's address as it was discovered: another one there is another port (ifPhysAddress)."""
        poller = self._pollers.get(router)
        if poller is None or poller.discovered is None:
            return None
        return next((port.mac for port in poller.discovered.interfaces if port.name == interface), None)

    def status(self) -> dict[str, Any]:
        """What `netmon status` asks of each router."""
        zone = self._configuration.settings.site.timezone
        return {
            name: {
                "problem": health.problem,
                "last_ok": from_ns(health.last_ok_ns, zone).isoformat() if health.last_ok_ns else None,
                "polls": health.polls,
                "failures": health.failures,
                "missing": [{"what": m.what, "why": m.why} for m in self._pollers[name].missing],
            }
            for name, health in self.health.items()
        }
