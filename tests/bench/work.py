"""One measurement in a process of its own: `python -m bench.work KIND ROUTERS CYCLES [PORT]` prints it as JSON.

CPU is that of this process, user and system, from when everything is discovered to when the last reply is read.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import uvloop
from bench.world import COMMUNITY, PASSWORD, PORT, address, resident_mib, udp_counters

from netmon.bundled import folder
from netmon.routers.objects import OBJECTS
from netmon.routers.polling import PollError, RouterPoller
from netmon.routers.profiles import load_profiles
from netmon.snmp.client import Agent, Client
from netmon.snmp.keys import KeyRing
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

WORKERS: Final = 100
"""Routers polled at once."""
MANY_WORKERS: Final = 500
"""Where scale is what is measured."""
IN_FLIGHT: Final = 1000
"""The daemon's default."""
DESCRIPTORS: Final = 256
"""Of which the measurement of scale must do."""
REQUEST_OCTETS, REPLY_OCTETS, VARBINDS = 1180, 1290, 67
"""Of a template of six interfaces: the mean of what is enciphered, and of the message, which is authenticated."""
Wanted = tuple[str, ...] | None
USER: Final = User(b"bench", AuthProtocol.SHA, PASSWORD.encode(), PrivProtocol.AES128, PASSWORD.encode())
NAMED: Final = tuple(f"bench{number}" for number in range(48))
"""The interfaces of the snmpd that are polled."""
WALKED: Final = tuple(
    OBJECTS[name]
    for name in (
        "ifHCInOctets",
        "ifHCOutOctets",
        "ifInErrors",
        "ifOutErrors",
        "ifInDiscards",
        "ifOutDiscards",
        "ifOperStatus",
        "ifHighSpeed",
    )
)


@dataclass(frozen=True)
class Result:
    cpu_s: float
    varbinds: int
    samples: int
    """Interfaces read, each time they were."""
    failures: int
    wall_s: float
    resident_mib: float = 0.0
    retries: int = 0
    lost_to_full_buffers: int = 0
    first_failure: str = ""


class Meter:
    """What this process spends from now on."""

    def __init__(self) -> None:
        self._cpu, self._began = _cpu(), time.perf_counter()
        self._lost = udp_counters()["RcvbufErrors"]

    def result(self, varbinds: int, samples: int, failures: list[str], retries: int = 0) -> Result:
        return Result(
            _cpu() - self._cpu,
            varbinds,
            samples,
            len(failures),
            time.perf_counter() - self._began,
            resident_mib(os.getpid()),
            retries,
            udp_counters()["RcvbufErrors"] - self._lost,
            failures[0] if failures else "",
        )


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


async def poll(client: Client, agents: dict[str, Agent], cycles: int, workers: int, wanted: Wanted) -> Result:
    """Steady visits through RouterPoller, after the first, which discovers."""
    profiles = load_profiles((folder("collectors"),))
    pollers = [RouterPoller(name, agent, client, profiles, wanted, time.time_ns) for name, agent in agents.items()]
    failures: list[str] = []
    samples = varbinds = 0

    async def visit(some: Sequence[RouterPoller], times: int) -> None:
        nonlocal samples, varbinds
        for _ in range(times):
            for poller in some:
                try:
                    found = await poller.poll()
                except PollError as error:
                    failures.append(str(error))
                    continue
                samples += len(found.identity)
                varbinds += len(found.pdus) + len(found.identity) * (1 + len(found.columns))

    async def visit_all(times: int) -> None:
        await asyncio.gather(*(visit(pollers[worker::workers], times) for worker in range(workers)))

    await visit_all(1)
    discovery, samples, varbinds = list(failures), 0, 0
    failures.clear()
    settle_memory()
    meter, retries = Meter(), client.stats().retries
    await visit_all(cycles)
    if discovery:
        print(f"{len(discovery)} first visits failed, the first: {discovery[0]}", file=sys.stderr)
    return meter.result(varbinds, samples, failures, client.stats().retries - retries)


def settle_memory() -> None:
    """As the daemon does once it is up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


async def walk(client: Client, agents: dict[str, Agent], cycles: int, workers: int) -> Result:
    """The walk of a discovery, over the columns the peers read."""
    settle_memory()
    meter = Meter()
    targets = list(agents.values())
    counts = await asyncio.gather(*(_walk(client, targets[worker::workers], cycles) for worker in range(workers)))
    varbinds = sum(counts)
    return meter.result(varbinds, varbinds // len(WALKED), [])


async def _walk(client: Client, agents: Sequence[Agent], cycles: int) -> int:
    varbinds = 0
    for _ in range(cycles):
        for agent in agents:
            found = await client.walk(agent, WALKED)
            varbinds += sum(len(rows) for rows in found.values())
    return varbinds


def crypto(requests: int) -> Result:
    """What SHA and AES alone cost for as many requests and replies of a usual size: each is sealed and opened once."""
    engine = b"\x80\x00\x1f\x88\x04bench"
    user = KeyRing().local(USER, engine)
    assert user.privacy is not None
    ours, theirs, salt = b"q" * REQUEST_OCTETS, b"r" * REPLY_OCTETS, b"saltsalt"
    secret = user.privacy.encrypt(theirs, 1, 1, salt)
    meter = Meter()
    for _ in range(requests):
        user.privacy.encrypt(ours, 1, 1, salt)
        user.mac(ours)
        user.mac(secret)
        user.privacy.decrypt(secret, 1, 1, salt)
    return meter.result(requests * VARBINDS, requests * VARBINDS // 11, [])


async def pysnmp(port: int, requests: int) -> Result:
    """pysnmp's v3 GETs of as many variables as one PDU of ours has."""
    from pysnmp.hlapi.v3arch import asyncio as hlapi  # type: ignore[import-untyped]

    engine = hlapi.SnmpEngine()
    target = await hlapi.UdpTransportTarget.create(("127.0.0.1", port), timeout=2, retries=2)
    password = PASSWORD
    user = hlapi.UsmUserData(
        "bench",
        password,
        password,
        authProtocol=hlapi.USM_AUTH_HMAC96_SHA,
        privProtocol=hlapi.USM_PRIV_CFB128_AES,
    )
    names = [(*column, index) for index in range(2, 8) for column in WALKED]
    asked = [hlapi.ObjectType(hlapi.ObjectIdentity(name)) for name in names]
    meter, failures = Meter(), []
    for at in range(1 + requests):
        error, status, _, found = await hlapi.get_cmd(
            engine, user, target, hlapi.ContextData(), *asked, lookupMib=False
        )
        if error or status or len(found) != len(names):
            failures.append(str(error or status))
        if at == 0:
            meter = Meter()  # the first discovers the engine and derives the keys
    return meter.result(requests * len(names), requests * len(names) // len(WALKED), failures)


def _agents(kind: str, routers: int, port: int) -> dict[str, Agent]:
    if kind == "v3":
        return {"snmpd": Agent("127.0.0.1", port, user=USER)}
    if kind == "v2c":
        return {"snmpd": Agent("127.0.0.1", port, COMMUNITY)}
    return {f"router-{number}": Agent(address(number), PORT, COMMUNITY) for number in range(routers)}


async def _measure(kind: str, routers: int, cycles: int, port: int, in_flight: int) -> Result:
    if kind == "pysnmp":
        return await pysnmp(port, cycles)
    agents = _agents(kind, routers, port)
    wanted = NAMED if kind in {"v2c", "v3"} else None
    async with await Client.open(in_flight) as client:
        if kind == "walk":
            return await walk(client, agents, cycles, min(WORKERS, routers))
        workers = min(MANY_WORKERS if kind == "scale" else WORKERS, len(agents))
        return await poll(client, agents, cycles, workers, wanted)


def main() -> None:
    kind, routers, cycles, *port = sys.argv[1:]
    if kind == "scale":
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    if kind == "crypto":
        result = crypto(int(cycles))
    else:
        at = int(port[0]) if port else PORT
        result = uvloop.run(_measure(kind, int(routers), int(cycles), at, IN_FLIGHT))
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
