"""The simulated RouterOS router of the contract suite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.routeros_cli import RouterOs
from support.consoles import at_once, console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage

PLATFORM = "routeros"
LACKS = frozenset({"operator_enters", "operator_leaves", "reject_after", "disk_full"})
"""Nobody holds a configuration here, every line is a change of its own, and all is kept at once."""

CIRCUIT, PORT, MAC = "dinkes-1", "ether2", bytes.fromhex("024e4d000102")


@contextmanager
def bed(faults: Faults = NO_FAULTS, release: int = 7) -> Iterator[ContractBed]:
    ports = (
        Port(1, "ether1", "uplink", bytes.fromhex("024e4d000101"), PortRole.UPLINK),
        Port(2, PORT, "dinkes", MAC, PortRole.AGENCY),
        Port(3, "ether3", "management", bytes.fromhex("024e4d000103"), PortRole.MANAGEMENT),
    )
    router = Router("r1", Platform.ROUTEROS, "127.0.0.1", "SIM1", ports, time.monotonic_ns)
    system = RouterOs(router, release)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, target, system, _sabotage(system), management="ether3")


def target(direction: Direction, faces: Faces) -> Target:
    """The same port whatever the direction."""
    return Target(
        CIRCUIT,
        PORT,
        faces,
        "dinkes",
        ":".join(f"{octet:02x}" for octet in MAC),
        ("ether1",),
        owner=Owner("ledger-1", 1),
    )


def _sabotage(system: RouterOs) -> Sabotage:
    def foreign(way: Way) -> str:
        rate = "0/3000000" if way is Way.EGRESS else "3000000/0"
        assert not at_once(system.run(f'/queue simple add name="boss" target={PORT} max-limit={rate}'))
        return "simple queue boss"

    def alter(way: Way, bps: int) -> None:
        rate, name = f"0/{bps}" if way is Way.EGRESS else f"{bps}/0", Names.of(CIRCUIT).object
        found = f'[/queue simple find where name="{name}"]'
        assert not at_once(system.run(f"/queue simple set {found} max-limit={rate}"))

    return Sabotage(foreign, alter, system.reboot, None, None, None, None)
