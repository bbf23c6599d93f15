"""The simulated VyOS router of the contract suite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.vyos_cli import Vyos, VyosSeat
from support.consoles import console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage

PLATFORM = "vyos"
LACKS: frozenset[str] = frozenset()

CIRCUIT, PORT, MAC = "dinkes-1", "eth1", bytes.fromhex("024e4d000102")


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = router_of_two(Platform.VYOS)
    system = Vyos(router)

    def bound(way: Way, name: str) -> str:
        return f"set qos interface {PORT} {way} {name}"

    with console_router(system, router, faults) as login:
        yield ContractBed(login, target, system, sabotage(system, "qos policy", bound), "eth2")


def router_of_two(platform: Platform) -> Router:
    ports = (
        Port(1, "eth0", "uplink", bytes.fromhex("024e4d000101"), PortRole.UPLINK),
        Port(2, PORT, "dinkes", MAC, PortRole.AGENCY),
        Port(3, "eth2", "management", bytes.fromhex("024e4d000103"), PortRole.MANAGEMENT),
    )
    return Router("r1", platform, "127.0.0.1", "SIM1", ports, time.monotonic_ns)


def target(direction: Direction, faces: Faces) -> Target:
    """The same port whatever the direction."""
    mac, owner = ":".join(f"{octet:02x}" for octet in MAC), Owner("contract", 1)
    return Target(CIRCUIT, PORT, faces, "dinkes", mac, ("eth0",), allow_unguarded=True, owner=owner, known_revision=1)


def sabotage(system: Vyos, root: str, bound: Callable[[Way, str], str]) -> Sabotage:
    """`root` is where policies are kept; `bound` gives the line that binds one to the port."""
    seats: list[VyosSeat] = []
    kinds = {Way.EGRESS: "shaper", Way.INGRESS: "limiter"}
    rates = {Way.EGRESS: "bandwidth", Way.INGRESS: "default bandwidth"}

    def typed(*lines: str) -> None:
        seat = system.seat("boss", "192.0.2.1")
        for line in ("configure", *lines, "commit", "save", "exit"):
            said = seat.obey(line)
            assert "ailed" not in said, f"{line}: {said}"
        seat.close()

    def foreign(way: Way) -> str:
        policy = f"set {root} {kinds[way]} BOSS"
        shape = [f"{policy} default bandwidth 100%"] if way is Way.EGRESS else []
        typed(f"{policy} {rates[way]} 3mbit", *shape, bound(way, "BOSS"))
        return "traffic-policy BOSS"

    def alter(way: Way, bps: int) -> None:
        name = Names.of(CIRCUIT).object + {Way.EGRESS: "-OUT", Way.INGRESS: "-IN"}[way]
        typed(f"set {root} {kinds[way]} {name} {rates[way]} {bps}bit")

    def leaves() -> None:
        seat = seats.pop()
        assert seat.obey("exit discard") == "exit\n"
        seat.close()

    def disk_full() -> None:
        system.disk_full = True

    return Sabotage(
        foreign,
        alter,
        system.reboot,
        lambda: seats.append(system.operator_enters()),
        leaves,
        system.reject_after,
        disk_full,
    )
