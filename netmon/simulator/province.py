"""A simulated province on loopback: 16 agencies on 4 routers, and a quarter of the bandwidth they ask for."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncssh

from netmon.core.model import Faces
from netmon.simulator.broker import running_broker
from netmon.simulator.device import Platform, Port, PortRole, Router, Transceiver
from netmon.simulator.linux_cli import Linux
from netmon.simulator.routeros_cli import RouterOs
from netmon.simulator.snmp_agent import Agent, serve_snmp
from netmon.simulator.ssh_server import Account, serve_ssh
from netmon.simulator.traffic import Capacity, Line, Traffic

MBPS: Final = 1_000_000
POOL: Final = Capacity(download_bps=1000 * MBPS, upload_bps=1000 * MBPS)
COMMUNITY: Final = "simulated-province"
TICK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class SimulatedAgency:
    """A kind of agency every province has; no real office, no person."""

    id: str
    name: str
    code: str
    download_mbps: int
    upload_mbps: int


@dataclass(frozen=True, slots=True)
class Site:
    """One router and the agencies on its ports."""

    router: str
    platform: Platform
    agencies: tuple[SimulatedAgency, ...]


THIRSTY: Final = "disdik"
"""Downloads so much that it passes its quota within a minute."""
UPLOADING: Final = "dishub"
"""Uploads the pictures of its traffic cameras."""

SITES: Final = (
    Site(
        "gubernuran",
        Platform.ROUTEROS,
        (
            SimulatedAgency("setda", "Sekretariat Daerah", "OPD-01", 250, 60),
            SimulatedAgency("bappeda", "Badan Perencanaan Pembangunan Daerah", "OPD-02", 220, 50),
            SimulatedAgency("bpkad", "Badan Pengelola Keuangan dan Aset Daerah", "OPD-03", 200, 50),
            SimulatedAgency(THIRSTY, "Dinas Pendidikan", "OPD-04", 900, 100),
        ),
    ),
    Site(
        "pelayanan",
        Platform.ROUTEROS,
        (
            SimulatedAgency("dinkes", "Dinas Kesehatan", "OPD-05", 260, 60),
            SimulatedAgency("disdukcapil", "Dinas Kependudukan dan Pencatatan Sipil", "OPD-06", 300, 80),
            SimulatedAgency("dpmptsp", "Dinas Penanaman Modal dan Pelayanan Terpadu Satu Pintu", "OPD-07", 180, 40),
            SimulatedAgency("dinsos", "Dinas Sosial", "OPD-08", 140, 30),
        ),
    ),
    Site(
        "rumah-sakit",
        Platform.LINUX,
        (
            SimulatedAgency("rsud", "Rumah Sakit Umum Daerah", "OPD-09", 350, 120),
            SimulatedAgency(UPLOADING, "Dinas Perhubungan", "OPD-10", 160, 600),
            SimulatedAgency("bpbd", "Badan Penanggulangan Bencana Daerah", "OPD-11", 150, 60),
            SimulatedAgency("dispusip", "Dinas Perpustakaan dan Kearsipan", "OPD-12", 90, 20),
        ),
    ),
    Site(
        "perkantoran",
        Platform.LINUX,
        (
            SimulatedAgency("diskominfo", "Dinas Komunikasi, Informatika dan Persandian", "OPD-13", 300, 150),
            SimulatedAgency("dpupr", "Dinas Pekerjaan Umum dan Penataan Ruang", "OPD-14", 200, 50),
            SimulatedAgency("dlh", "Dinas Lingkungan Hidup", "OPD-15", 150, 30),
            SimulatedAgency("bkd", "Badan Kepegawaian Daerah", "OPD-16", 150, 40),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Ports:
    """UDP and TCP ports to listen on; 0 takes any free one. Every router has its own address."""

    snmp: int = 0
    ssh: int = 0
    mqtt: int | None = 0
    """None: no broker."""


@dataclass(slots=True)
class Unit:
    """One router with what listens for it; the ports are known while the province runs."""

    site: Site
    router: Router
    system: Linux | RouterOs
    account: Account
    host_key: asyncssh.SSHKey = field(repr=False)
    agent: Agent | None = None
    snmp_port: int = 0
    ssh_port: int = 0

    @property
    def known_hosts_line(self) -> str:
        """The router's line of an OpenSSH known_hosts file."""
        key = self.host_key.export_public_key().decode().split()
        return f"[{self.router.address}]:{self.ssh_port} {key[0]} {key[1]}\n"

    @property
    def uplink(self) -> Port:
        return next(port for port in self.router.ports if port.role is PortRole.UPLINK)

    def agency_port(self, agency: str) -> Port:
        """Raises StopIteration for an agency of another router."""
        return next(port for port in self.router.ports if port.alias == agency)


@dataclass(slots=True)
class Province:
    units: tuple[Unit, ...]
    traffic: Traffic
    community: str = field(repr=False)
    mqtt_port: int | None = None

    @property
    def agencies(self) -> tuple[SimulatedAgency, ...]:
        return tuple(agency for unit in self.units for agency in unit.site.agencies)

    def unit(self, router: str) -> Unit:
        """Raises KeyError."""
        return {unit.router.name: unit for unit in self.units}[router]


def circuit_id(agency: str) -> str:
    return f"{agency}-1"


def build_province(
    seed: int = 1,
    public_keys: Sequence[str] = (),
    clock: Callable[[], int] = time.monotonic_ns,
) -> Province:
    """Puts the province together; nothing listens yet. The same seed asks for the same traffic.

    Passwords are made up anew each time. `public_keys` are OpenSSH authorized_keys lines that may log in
    too; `clock` gives monotonic nanoseconds.
    """
    routers = [_router(number, site, clock) for number, site in enumerate(SITES, start=1)]
    lines = [
        Line(
            circuit=circuit_id(agency.id),
            router=site.router,
            interface=next(port.name for port in router.ports if port.alias == agency.id),
            faces=Faces.AGENCY,
            download_bps=agency.download_mbps * MBPS,
            upload_bps=agency.upload_mbps * MBPS,
        )
        for site, router in zip(SITES, routers, strict=True)
        for agency in site.agencies
    ]
    traffic = Traffic(lines, POOL, {router.name: router for router in routers}, seed, clock)
    units = []
    for site, router in zip(SITES, routers, strict=True):
        system = RouterOs(router) if site.platform is Platform.ROUTEROS else Linux(router)
        router.install(traffic, system)
        username = "netmon" if site.platform is Platform.ROUTEROS else "root"
        account = Account(username, secrets.token_urlsafe(16), tuple(public_keys))
        units.append(Unit(site, router, system, account, asyncssh.generate_private_key("ssh-ed25519")))
    return Province(tuple(units), traffic, COMMUNITY)


def _router(number: int, site: Site, clock: Callable[[], int]) -> Router:
    mikrotik = site.platform is Platform.ROUTEROS
    ports: list[Port] = []

    def add(name: str, alias: str, role: PortRole) -> None:
        index = len(ports) + 1
        mac = bytes(6) if role is PortRole.LOOPBACK else bytes((0x02, 0x4E, 0x4D, 0x00, number, index))
        speed = 10_000_000 if role is PortRole.LOOPBACK else 1_000_000_000
        ports.append(Port(index, name, alias, mac, role, speed))

    if not mikrotik:
        add("lo", "", PortRole.LOOPBACK)
    stem, first = ("ether", 1) if mikrotik else ("eth", 0)
    add(f"{stem}{first}", "uplink", PortRole.UPLINK)
    for place, agency in enumerate(site.agencies, start=first + 1):
        add(f"{stem}{place}", agency.id, PortRole.AGENCY)
    add(f"{stem}{first + len(site.agencies) + 1}", "management", PortRole.MANAGEMENT)
    router = Router(site.router, site.platform, f"127.77.0.{number}", f"SIM{number:05}", ports, clock)
    if mikrotik:
        router.plug(f"{stem}{first}", Transceiver())
    return router


@asynccontextmanager
async def running_province(
    seed: int = 1,
    ports: Ports = Ports(),
    public_keys: Sequence[str] = (),
) -> AsyncIterator[Province]:
    """The province with its agents, SSH servers and broker, from here to the end of the block.

    Raises OSError if a port is taken.
    """
    province = build_province(seed, public_keys)
    async with AsyncExitStack() as stack:
        for unit in province.units:
            unit.agent, unit.snmp_port = await serve_snmp(unit.router, province.community, ports.snmp, seed)
            stack.callback(unit.agent.close)
            stack.push_async_callback(unit.system.stop)
            sessions: set[asyncssh.SSHServerConnection] = set()
            stack.push_async_callback(_hang_up, sessions)
            server = await serve_ssh(unit.router, unit.system, unit.account, unit.host_key, ports.ssh, sessions)
            unit.ssh_port = server.get_port()
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
        if ports.mqtt is not None:
            province.mqtt_port = await stack.enter_async_context(running_broker(ports.mqtt))
        ticking = asyncio.create_task(_tick(province.traffic))
        stack.callback(ticking.cancel)
        yield province


async def _hang_up(sessions: set[asyncssh.SSHServerConnection]) -> None:
    for session in tuple(sessions):
        session.abort()
        await session.wait_closed()


async def _tick(traffic: Traffic) -> None:
    """Keeps the traffic close to the present, so that no single reading has much to catch up on."""
    while True:
        traffic.advance()
        await asyncio.sleep(TICK_S)
