"""The simulated IOS router of the contract suite."""

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
from netmon.simulator.ios_cli import Ios
from netmon.simulator.ios_seat import IosSeat
from support.consoles import at_once, console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage

PLATFORM = "ios"
LACKS: frozenset[str] = frozenset()
CIRCUIT, PORT, MAC = "dinkes-1", "Gi0/2", bytes.fromhex("00e0fc120002")
MANAGEMENT = "Gi0/3"
SECOND_S = 0.04
"""The revert timer counts in minutes."""


def ios_router() -> Router:
    ports = (
        Port(1, "Gi0/1", "uplink", bytes.fromhex("00e0fc120001"), PortRole.UPLINK),
        Port(2, PORT, "dinkes", MAC, PortRole.AGENCY),
        Port(3, MANAGEMENT, "management", bytes.fromhex("00e0fc120003"), PortRole.MANAGEMENT),
    )
    return Router("R1", Platform.IOS, "127.0.0.1", "SIM1", ports, time.monotonic_ns)


def typed(seat: IosSeat, *lines: str) -> str:
    """What the router prints for lines that it does not refuse."""
    said = "".join(at_once(seat.run(line)) for line in lines)
    assert "% " not in said, said
    return said


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = ios_router()
    system = Ios(router, SECOND_S)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, target, system, _sabotage(system), MANAGEMENT, deadline_s=75, expires_s=75)


def target(direction: Direction, faces: Faces) -> Target:
    """The same port whatever the direction."""
    mac = ":".join(f"{octet:02x}" for octet in MAC)
    owner = Owner("ledger-1", 7)
    return Target(CIRCUIT, PORT, faces, "dinkes", mac, ("Gi0/1",), owner=owner, known_revision=7)


def _sabotage(system: Ios) -> Sabotage:
    operators: list[IosSeat] = []

    def by_hand(*lines: str) -> None:
        seat = system.seat("budi", "10.0.0.9")
        typed(seat, "configure terminal", *lines, "end", "write memory")
        seat.close()

    def foreign(way: Way) -> str:
        rate = (
            "shape average 3000000"
            if way is Way.EGRESS
            else "police cir 3000000 conform-action transmit exceed-action drop"
        )
        word = "output" if way is Way.EGRESS else "input"
        by_hand("policy-map BOSS", "class class-default", rate, f"interface {PORT}", f"service-policy {word} BOSS")
        return "service-policy BOSS"

    def alter(way: Way, bps: int) -> None:
        rate = f"shape average {bps}"
        if way is Way.INGRESS:
            rate = f"police cir {bps} conform-action transmit exceed-action drop"
        by_hand(f"policy-map {Names.of(CIRCUIT).object}{SUFFIX[way]}", "class class-default", rate)

    def leaves() -> None:
        while operators:
            seat = operators.pop()
            typed(seat, "no description", "description uplink", "end")
            seat.close()

    def fill() -> None:
        system.disk_full = True

    return Sabotage(
        foreign,
        alter,
        system.reboot,
        lambda: operators.append(system.operator_enters()),
        leaves,
        system.reject_after,
        fill,
    )
