"""One control loop with everything around it: ledger, policies and decisions are real, the worker answers here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daemon.world import FaultyLedger, Hands, a_configuration, a_poll

from netmon.config.load import Configuration
from netmon.core.alerting import Condition
from netmon.core.alerts import Alert
from netmon.core.capacity import InForce, capacities
from netmon.core.changes import Plan
from netmon.core.counters import account
from netmon.core.directives import Directive
from netmon.core.heads import Ceilings, Head
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.planning import pending
from netmon.core.shares import Posed, Supply, answer
from netmon.daemon.consumption import Consumption
from netmon.daemon.planner import Planner
from netmon.daemon.policy import PolicyLoop
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.sharing import Sharer, supply_of
from netmon.daemon.standing import Standing
from netmon.daemon.worker import Call
from netmon.outputs.prometheus import Metrics
from netmon.store.ledger import Ledger

DOWN = Direction.DOWNLOAD
MBPS = 1_000_000
PORTS = {"dinkes": ("palu", 0), "arsip": ("palu", 1), "dishub": ("gowa", 0)}


class Worker:
    """The worker's functions, in this process; dies or dawdles on demand."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.asked = 0
        self.supply: Supply | None = None

    async def request(self, payload: Call | Posed) -> Any:
        self.asked += isinstance(payload, Call)
        if self.failure is not None:
            raise self.failure
        if isinstance(payload, Call):
            return payload.function(*payload.arguments)
        assert self.supply is not None
        return answer(self.supply, payload)


class Ports:
    """What polls have shown, as the test says."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.down: frozenset[tuple[str, str]] = frozenset()

    def capacities(self, directives: Iterable[Directive], now_ns: int) -> Mapping[str, InForce]:
        configured = self._configuration
        return capacities(configured.pools.values(), configured.backhauls.values(), self.down, directives, now_ns)

    def down_circuits(self) -> frozenset[str]:
        return frozenset(c.id for c in self._configuration.circuits if (c.router, c.interface) in self.down)


class Actor:
    """Listens."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.doubtful: frozenset[str] = frozenset()
        self.failing: frozenset[tuple[str, str]] = frozenset()
        self.left_alone: frozenset[str] = frozenset()
        self.halted = False

    @property
    def doubtful_routers(self) -> frozenset[str]:
        return self.doubtful

    @property
    def failing_ports(self) -> frozenset[tuple[str, str]]:
        return self.failing

    @property
    def open_routers(self) -> frozenset[str]:
        return self.left_alone

    @property
    def is_halted(self) -> bool:
        return self.halted

    def conditions(self) -> list[Condition]:
        return []

    def offer(self, plan: Plan) -> None:
        self.plans.append(plan)


class Bench:
    """One control loop with everything around it; `restarted` is the daemon started again."""

    def __init__(self, directory: Path, ledger: FaultyLedger, **sections: object) -> None:
        self.configuration = a_configuration(directory, **sections)
        self.directory, self.hands, self.ledger = directory, Hands(), ledger
        self.worker, self.actor, self.metrics = Worker(), Actor(), Metrics("sulteng")
        self.ports = Ports(self.configuration)
        self.heads: dict[str, Head] = {}
        self.octets = {"palu": [0, 0], "gowa": [0]}
        self.health: dict[str, RouterHealth] = {}
        self.announced = 0
        self.clock = self.hands.clock(self.configuration.settings.control.require_synchronised_clock)
        self.loop = self.made(Standing({}, {}, {}))

    def made(self, standing: Standing) -> PolicyLoop:
        self.metrics.topology(self.configuration.circuits, self.configuration.agencies, {}, ("palu", "gowa"))
        supply, consumption = supply_of(self.configuration), Consumption(self.heads)
        self.worker.supply = supply
        sharer = None if supply is None else Sharer(supply, consumption, standing.dues, self.hands.wall_ns)
        planner = Planner(
            self.configuration, self.ledger, self.worker, self.actor, standing, self.health, self.ports, sharer
        )
        return PolicyLoop(
            self.configuration,
            self.clock,
            self.ledger,
            planner,
            self.actor,
            consumption,
            standing,
            self.health,
            self.metrics,
            self._announced,
        )

    def _announced(self) -> None:
        self.announced += 1

    @property
    def standing(self) -> Standing:
        return self.loop.standing

    async def restarted(self, configuration: Configuration | None = None) -> None:
        if configuration is not None:
            self.configuration = configuration
        self.heads.clear()
        self.heads |= await self.ledger.write(Ledger.heads)
        self.loop = self.made(await Standing.restored(self.ledger))

    async def poll(self) -> None:
        """Both routers are visited now."""
        now_s = (self.hands.wall_ns - Hands().wall_ns) / NANOSECONDS
        for router, octets in self.octets.items():
            visit = account(self.heads.get(router), a_poll(router, now_s, *octets), Ceilings({}))
            assert visit is not None
            assert await self.ledger.commit([visit]) == [True]
            self.heads[router] = visit.head

    async def used(self, after_s: float = 30, **octets: int) -> Plan:
        """So many bytes were downloaded per agency; then the loop turns once."""
        self.hands.pass_s(after_s)
        for agency, grown in octets.items():
            router, port = PORTS[agency]
            assert grown % 2 == 0, "a_poll sends twice what it receives"
            self.octets[router][port] += grown // 2
        await self.poll()
        return await self.loop.turn()

    async def outbox(self, key: str | None = None) -> list[Alert]:
        entries = await self.ledger.write(Ledger.unsent, 1000)
        return [entry.alert for entry in entries if key in {None, entry.alert.key}]

    async def states(self, key: str) -> list[str]:
        return [f"{alert.state}/{alert.reason}" for alert in await self.outbox(key)]

    def series(self, name: str) -> dict[str, str]:
        lines = b"".join(self.metrics.render()).decode().splitlines()
        return {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines if line.startswith(name + "{")}


def changed(plan: Plan) -> Mapping[str, tuple[str, int | None]]:
    return {change.circuit: (change.action.value, change.to_bps) for change in pending(plan)}
