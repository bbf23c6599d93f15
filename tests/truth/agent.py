"""The model router as an SNMP agent on loopback, in real time, with a network that loses and doubles replies."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from snmp.scripted import ScriptedAgent, mib_answer
from truth.model import Bytes, ModelRouter, Port

from netmon.routers import mib
from netmon.routers.objects import OBJECTS
from netmon.snmp.codec import Message, Tag, Value
from netmon.snmp.oid import Oid

COMMUNITY = "watch"
FREE_BPS = 100_000_000
TRAFFIC_EVERY_S = 0.01


class TruthAgent:
    """The MIB of a model router; whoever reads or moves it holds `lock`, so that a reply is of one instant."""

    def __init__(self, name: str, router: ModelRouter, losing: float = 0.0, doubling: float = 0.0) -> None:
        self.name, self.router = name, router
        self.port = 0
        self.polls = 0
        """GETs answered."""
        self.lock = threading.RLock()
        self._losing, self._doubling = losing, doubling
        self._chance = random.Random(name)
        self._before: list[tuple[int, tuple[Bytes, ...]]] = []
        self.unseen: list[Bytes] = [(0, 0) for _ in router.ports]
        """Of each port, the most that the resets may have hidden: what passed in the time before each."""

    # --- what the test does ------------------------------------------------------------------------

    def carry(self, chance: random.Random) -> None:
        """As much as time has passed for, at random."""
        with self.lock:
            passed_ns = self._tick()
            most = FREE_BPS * passed_ns // (8 * 1_000_000_000)
            for port in self.router.ports:
                self.router.carry(port, chance.randrange(most + 1), chance.randrange(most + 1))
            self._before = [*self._before, (self.router.now_ns, self.truth())]

    def truth(self) -> tuple[Bytes, ...]:
        return tuple((port.passed[0], port.passed[1]) for port in self.router.ports)

    def reset(self, how: Callable[[], None], unseen_ns: int) -> None:
        """A reboot or clearing: what passed in so long before it may never be seen."""
        with self.lock:
            self._tick()
            since = next((truth for at, truth in self._before if at >= self.router.now_ns - unseen_ns), self.truth())
            self.unseen = [
                (lost[0] + now[0] - then[0], lost[1] + now[1] - then[1])
                for lost, now, then in zip(self.unseen, self.truth(), since, strict=True)
            ]
            how()

    def _tick(self) -> int:
        now = time.monotonic_ns()
        passed = now - self.router.now_ns
        self.router.now_ns = now
        return passed

    # --- what the agent says -------------------------------------------------------------------------

    def mib(self) -> dict[Oid, tuple[int, Value]]:
        """All it has to tell now."""
        router = self.router
        cells: dict[Oid, tuple[int, Value]] = {
            mib.SYS_DESCR: (Tag.OCTET_STRING, b"a model"),
            mib.SYS_OBJECT_ID: (Tag.OID, (1, 3, 6, 1, 4, 1, 77)),
            mib.SYS_NAME: (Tag.OCTET_STRING, self.name.encode()),
            mib.SYS_UPTIME: (Tag.TIME_TICKS, router.uptime_ticks),
            (*OBJECTS["snmpEngineID"], 0): (Tag.OCTET_STRING, b"\x80\x00\x00\x4d\x04" + router.device.encode()),
        }
        if router.shows_host_uptime:
            cells[mib.HR_SYSTEM_UPTIME] = (Tag.TIME_TICKS, router.host_uptime_ticks)
        for port in router.ports:
            cells |= {(*OBJECTS[name], port.index): cell for name, cell in self._row(port).items()}
        return cells

    def _row(self, port: Port) -> dict[str, tuple[int, Value]]:
        served, wide = self.router.served(port), self.router.bits == 64
        tag = Tag.COUNTER64 if wide else Tag.COUNTER32
        into, out = ("ifHCInOctets", "ifHCOutOctets") if wide else ("ifInOctets", "ifOutOctets")
        return {
            "ifName": (Tag.OCTET_STRING, port.name.encode()),
            "ifPhysAddress": (Tag.OCTET_STRING, b"\x02\x00\x00\x00\x00\x01"),
            "ifType": (Tag.INTEGER, 6),
            "ifHighSpeed": (Tag.GAUGE32, 1000),
            "ifAdminStatus": (Tag.INTEGER, 1),
            "ifOperStatus": (Tag.INTEGER, 1),
            into: (tag, served.octets[0]),
            out: (tag, served.octets[1]),
            "ifCounterDiscontinuityTime": (Tag.TIME_TICKS, served.discontinuity),
        }

    def answer(self, request: Message) -> Iterable[Message | bytes]:
        with self.lock:
            if self._chance.random() < self._losing:
                return []
            self._tick()
            self.polls += 1
            replies = list(mib_answer(self.mib())(request))
            return [*replies, *replies] if self._chance.random() < self._doubling else replies


@contextmanager
def answering(agents: Iterable[TruthAgent]) -> Iterator[None]:
    """The agents on 127.0.0.1, and traffic through them, until the block ends."""
    agents = list(agents)
    loop = asyncio.new_event_loop()
    transports: list[asyncio.DatagramTransport] = []

    async def listen() -> None:
        for agent in agents:
            transport, protocol = await loop.create_datagram_endpoint(
                lambda agent=agent: ScriptedAgent(agent.answer),  # type: ignore[misc]
                local_addr=("127.0.0.1", 0),
            )
            transports.append(transport)
            agent.port = protocol.port

    loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for transport in transports:
            transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@contextmanager
def traffic(agents: Iterable[TruthAgent], seed: int) -> Iterator[None]:
    """Through all of them, until the block ends."""
    agents, chance, ended = list(agents), random.Random(seed), threading.Event()

    def flow() -> None:
        while not ended.wait(TRAFFIC_EVERY_S):
            for agent in agents:
                agent.carry(chance)

    for agent in agents:
        with agent.lock:
            agent._tick()
    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
