"""The simulated IOS XR router of the contract suite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Target
from netmon.routers.readback_ios_config import SUFFIX
from netmon.routers.readbacks import Owner
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.iosxr_cli import IosXr
from netmon.simulator.iosxr_seat import IosXrSeat
from support.consoles import at_once, console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage

PLATFORM = "iosxr"
LACKS: frozenset[str] = frozenset({"disk_full"})
CIRCUIT, PORT, MAC = "dinkes-1", "GigabitEthernet0/0/0/2", bytes.fromhex("00e0fc120002")
MANAGEMENT = "MgmtEth0/RP0/CPU0/0"
SECOND_S = 0.04
"""A commit is on trial for half a minute at least."""


def iosxr_router() -> Router:
    ports = (
        Port(1, "GigabitEthernet0/0/0/1", "uplink", bytes.fromhex("00e0fc120001"), PortRole.UPLINK),
        Port(2, PORT, "dinkes", MAC, PortRole.AGENCY),
        Port(3, MANAGEMENT, "management", bytes.fromhex("00e0fc120003"), PortRole.MANAGEMENT),
    )
    return Router("R1", Platform.IOSXR, "127.0.0.1", "SIM1", ports, time.monotonic_ns)


def typed(seat: IosXrSeat, *lines: str) -> str:
    """What the router prints for lines that it does not refuse."""
    said = "".join(at_once(seat.run(line)) for line in lines)
    assert "% " not in said, said
    return said


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = iosxr_router()
    system = IosXr(router, SECOND_S)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, target, system, _sabotage(system), MANAGEMENT, deadline_s=75, expires_s=75)


def target(direction: Direction, faces: Faces) -> Target:
    """The same port whatever the direction; IOS XR cannot end a limit by itself."""
    mac = ":".join(f"{octet:02x}" for octet in MAC)
    uplinks, owner = ("GigabitEthernet0/0/0/1",), Owner("ledger-1", 7)
    return Target(CIRCUIT, PORT, faces, "dinkes", mac, uplinks, allow_unguarded=True, owner=owner, known_revision=7)


def _sabotage(system: IosXr) -> Sabotage:
    operators: list[IosXrSeat] = []

    def by_hand(*lines: str) -> None:
        seat = system.seat("budi", "10.0.0.9")
        typed(seat, "configure", *lines, "commit", "end")
        seat.close()

    def foreign(way: Way) -> str:
        rate, word = ("shape average", "output") if way is Way.EGRESS else ("police rate", "input")
        policy = ("policy-map BOSS", "class class-default", f"{rate} 3 mbps", "root")
        by_hand(*policy, f"interface {PORT}", f"service-policy {word} BOSS")
        return "service-policy BOSS"

    def alter(way: Way, bps: int) -> None:
        rate = "shape average" if way is Way.EGRESS else "police rate"
        by_hand(f"policy-map {Names.of(CIRCUIT).object}{SUFFIX[way]}", "class class-default", f"{rate} {bps} bps")

    def leaves() -> None:
        while operators:
            seat = operators.pop()
            typed(seat, "abort")
            seat.close()

    return Sabotage(
        foreign,
        alter,
        system.reboot,
        lambda: operators.append(system.operator_enters()),
        leaves,
        system.reject_after,
        None,
    )
