"""Routers on which an agency's classes are VLANs of one port, for the contract suite (tests/routers/contract)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way, load_dialect
from netmon.routers.enforcement import Result
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.simulator.console import System
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.ios_cli import Ios
from netmon.simulator.iosxr_cli import IosXr
from netmon.simulator.junos_cli import Junos
from netmon.simulator.linux_cli import Linux
from netmon.simulator.routeros_cli import RouterOs
from netmon.simulator.vrp_cli import Vrp
from netmon.simulator.vyos_cli import Vyos, edgeos
from support import (
    contract_ios,
    contract_iosxr,
    contract_junos,
    contract_linux_sim,
    contract_routeros,
    contract_vrp,
    contract_vyos,
)
from support.consoles import console_router
from support.contract import NO_FAULTS, ContractBed, Sabotage
from support.contract_bench import LEDGER, POLICIES, Bench
from support.contract_linux import limit_on, real_login
from support.testbed import LinuxRouter, linux_router

CIRCUITS: Final = {"port": "dinkes-total", "first": "dinkes-internet", "second": "dinkes-domestic"}
"""Place -> the circuit that is limited there."""
MAC: Final = bytes.fromhex("024e4d000202")
"""A VLAN has its port's."""
DOWN: Final = Direction.DOWNLOAD


@dataclass(frozen=True, slots=True)
class ClassSite:
    """One platform's router."""

    platform: str
    """Folder of policies/enforcement."""
    kind: Platform
    port: str
    first: str
    second: str
    own: tuple[str, str]
    """Uplink and a port for management alone."""
    system: Callable[[Router], Any]
    sabotage: Callable[[Any, str], Sabotage]
    nests: bool = True
    """Whether what limits the port limits its VLANs; Junos' units stand side by side."""

    @property
    def names(self) -> dict[str, str]:
        return {"port": self.port, "first": self.first, "second": self.second}


def _dotted(port: str) -> tuple[str, str, str]:
    return port, f"{port}.100", f"{port}.200"


def _vyos(system: Vyos, port: str) -> Sabotage:
    return contract_vyos.sabotage(system, "qos policy", lambda way, name: f"set qos interface {port} {way} {name}")


def _edgeos(system: Vyos, port: str) -> Sabotage:
    device, _, vif = port.partition(".")
    place = f"set interfaces ethernet {device}{f' vif {vif}' if vif else ''} traffic-policy"
    return contract_vyos.sabotage(
        system, "traffic-policy", lambda way, name: f"{place} {'out' if way is Way.EGRESS else 'in'} {name}"
    )


_LINUX: Final = ("eth0", "eth2")
_GIGABIT: Final = ("GigabitEthernet0/0/1", "GigabitEthernet0/0/3")
SITES: Final = {
    "edgeos": ClassSite("edgeos", Platform.EDGEOS, *_dotted("eth1"), _LINUX, edgeos, _edgeos),
    "ios": ClassSite("ios", Platform.IOS, *_dotted("Gi0/2"), ("Gi0/1", "Gi0/3"), Ios, contract_ios.sabotage),
    "iosxr": ClassSite(
        "iosxr",
        Platform.IOSXR,
        *_dotted("GigabitEthernet0/0/0/2"),
        ("GigabitEthernet0/0/0/1", "MgmtEth0/RP0/CPU0/0"),
        IosXr,
        contract_iosxr.sabotage,
    ),
    "junos": ClassSite(
        "junos",
        Platform.JUNOS,
        *("ge-0/0/1.0", "ge-0/0/1.100", "ge-0/0/1.200"),
        ("ge-0/0/0.0", "fxp0.0"),
        Junos,
        contract_junos.sabotage,
        nests=False,
    ),
    "linux_sim": ClassSite("linux", Platform.LINUX, *_dotted("eth1"), _LINUX, Linux, contract_linux_sim.sabotage),
    "routeros": ClassSite(
        "routeros",
        Platform.ROUTEROS,
        *("ether3", "vlan100-intl", "vlan200-iix"),
        ("ether1", "ether2"),
        RouterOs,
        contract_routeros.sabotage,
    ),
    "routeros6": ClassSite(
        "routeros",
        Platform.ROUTEROS,
        *("ether3", "vlan100-intl", "vlan200-iix"),
        ("ether1", "ether2"),
        lambda router: RouterOs(router, 6),
        contract_routeros.sabotage,
    ),
    "vrp5": ClassSite(
        "vrp5",
        Platform.VRP5,
        *_dotted("GigabitEthernet0/0/2"),
        _GIGABIT,
        lambda router: Vrp(router, 5, contract_vrp.SECOND_S),
        contract_vrp.sabotage,
    ),
    "vrp8": ClassSite(
        "vrp8",
        Platform.VRP8,
        *_dotted("GigabitEthernet0/0/2"),
        _GIGABIT,
        lambda router: Vrp(router, 8, contract_vrp.SECOND_S),
        contract_vrp.sabotage,
    ),
    "vyos": ClassSite("vyos", Platform.VYOS, *_dotted("eth1"), _LINUX, Vyos, _vyos),
}
"""Every simulated platform."""


@dataclass
class Classes:
    """One router; a place is `port`, `first` or `second`."""

    site: ClassSite
    bench: Bench
    measured: Callable[[str, Way], int | None]
    """What the router lets through at a place."""
    foreign: Callable[[str, Way], str]
    """Puts somebody else's shaper at a place; what a refusal must name."""
    mac: Callable[[str], str] = lambda _: MAC.hex(":")

    def target(self, place: str) -> Target:
        return replace(
            self.bench.target(),
            circuit=CIRCUITS[place],
            interface=self.site.names[place],
            alias=f"dinkes {place}",
            mac=self.mac(place),
            others=tuple(circuit for circuit in CIRCUITS.values() if circuit != CIRCUITS[place]),
        )

    def change(self, place: str, bps: int | None, direction: Direction = DOWN, expires_s: int = 0) -> Result:
        return self.bench.change(bps, direction, target=self.target(place), expires_s=expires_s)

    def read(self, place: str, direction: Direction) -> int | None:
        return self.bench.read(direction, self.target(place)).bps


def router_of(site: ClassSite, carries: str | None) -> Router:
    """`carries`: the place whose packets are netmon's session too; None: a port for management alone."""
    names = site.names
    uplink, management = site.own
    held = management if carries is None else names[carries]

    def role(name: str) -> PortRole:
        return PortRole.MANAGEMENT if name == held else PortRole.AGENCY

    ports = [
        Port(1, uplink, "uplink", bytes.fromhex("024e4d000201"), PortRole.UPLINK),
        Port(2, names["port"], "dinkes port", MAC, role(names["port"])),
        Port(3, management, "management", bytes.fromhex("024e4d000203"), role(management)),
    ]
    for index, (place, vlan) in enumerate((("first", 100), ("second", 200)), 4):
        name = names[place]
        ports.append(Port(index, name, f"dinkes {place}", MAC, role(name), parent=names["port"], vlan=vlan))
    return Router("r1", site.kind, "127.0.0.1", "SIM1", ports, time.monotonic_ns)


@contextmanager
def classes_on(site: ClassSite, carries: str | None = None) -> Iterator[Classes]:
    router = router_of(site, carries)
    system: System = site.system(router)

    def target(direction: Direction, faces: Faces) -> Target:
        owner = Owner(LEDGER, 1)
        return Target("dinkes", site.port, faces, None, None, (site.own[0],), allow_unguarded=True, owner=owner)

    with console_router(system, router, NO_FAULTS) as login:
        bed = ContractBed(login, target, system, site.sabotage(system, site.port), site.own[1])
        bench = Bench(bed, load_dialect(site.platform, [POLICIES]))
        yield Classes(
            site,
            bench,
            lambda place, way: bed.do(lambda: system.limit_bps(site.names[place], way is Way.EGRESS)),
            lambda place, way: bed.do(lambda: site.sabotage(system, site.names[place]).foreign(way)),
        )


@contextmanager
def real_classes() -> Iterator[tuple[Classes, LinuxRouter]]:
    """On the real Linux router, whose VLANs reach the agency's end: 10.20.<vlan>.1 here, .2 there."""
    with TemporaryDirectory(prefix="netmon-contract-") as folder, linux_router(Path(folder) / "bed", 1) as box:
        port = box.agencies[0]
        assert port.namespace is not None
        for place, vlan in (("first", 100), ("second", 200)):
            _put_on(box, port.interface, port.namespace, place, vlan)
        box.on_router("ip", "link", "set", port.interface, "alias", "dinkes port")
        whole, first, second = _dotted(port.interface)
        site = replace(SITES["linux_sim"], port=whole, first=first, second=second)
        names = site.names

        def target(direction: Direction, faces: Faces) -> Target:
            owner = Owner(LEDGER, 1)
            return Target("dinkes", site.port, faces, None, None, (box.uplink.interface,), owner=owner)

        def foreign(place: str, way: Way) -> str:
            name = names[place]
            if way is Way.EGRESS:
                queue = f"tc qdisc replace dev {name} root handle 1: tbf rate 3mbit burst 16000 latency 50ms"
                box.on_router(*queue.split())
                return f"qdisc tbf 1: on {name}"
            box.on_router("ip", "link", "add", "name", "boss0", "type", "ifb")
            box.on_router(*f"tc qdisc add dev {name} handle ffff: ingress".split())
            added = f"tc filter add dev {name} parent ffff: protocol all pref 1 u32 match u32 0 0"
            box.on_router(*f"{added} action mirred egress redirect dev boss0".split())
            return f"filter pref 1 u32 on {name}"

        def measured(place: str, way: Way) -> int | None:
            device = names[place] if way is Way.EGRESS else Names.of(CIRCUITS[place]).device
            return limit_on(box, device)

        def mac(place: str) -> str:
            return box.on_router("cat", f"/sys/class/net/{names[place]}/address").strip()

        bed = ContractBed(real_login(box), target, None, _nothing(), box.management.interface)
        yield Classes(site, Bench(bed, load_dialect("linux", [POLICIES])), measured, foreign, mac), box


def _put_on(box: LinuxRouter, port: str, far: str, place: str, vlan: int) -> None:
    """A VLAN of the port; where the kernel knows none a macvlan, which lies on the port as a VLAN does."""
    near, there = f"{port}.{vlan}", f"eth0.{vlan}"
    try:
        box.on_router("ip", "link", "add", "link", port, "name", near, "type", "vlan", "id", str(vlan))
        box.exec(far, "ip", "link", "add", "link", "eth0", "name", there, "type", "vlan", "id", str(vlan))
        box.exec(far, "ip", "link", "set", there, "up")
    except AssertionError:
        box.on_router("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")  # or the port answers for its macvlans
        box.on_router("ip", "link", "add", "link", port, "name", near, "type", "macvlan", "mode", "private")
        there = "eth0"
    box.on_router("ip", "link", "set", near, "alias", f"dinkes {place}", "up")
    box.on_router("ip", "addr", "add", f"10.20.{vlan}.1/24", "dev", near)
    box.exec(far, "ip", "addr", "add", f"10.20.{vlan}.2/24", "dev", there)
    box.exec(far, "ip", "rule", "add", "from", f"10.20.{vlan}.2", "table", str(vlan))
    box.exec(far, "ip", "route", "add", "default", "via", f"10.20.{vlan}.1", "dev", there, "table", str(vlan))


def _nothing() -> Sabotage:
    def never(*_: object) -> Any:
        raise AssertionError("not in this bed")

    return Sabotage(never, never, never, None, None, None, None)
