"""The simulated Huawei routers of the contract suite, VRP5 and VRP8."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.routers.readback_vrp import name_of
from netmon.simulator.device import Platform
from netmon.simulator.vrp_cli import Vrp
from netmon.simulator.vrp_seat import VrpSeat
from support.consoles import at_once, console_router
from support.contract import ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

SITE = Site("GigabitEthernet0/0/1", "GigabitEthernet0/0/2", "GigabitEthernet0/0/3", unguarded=True)
PORT, MANAGEMENT = SITE.port, SITE.management
SECOND_S = 0.08
"""VRP8 tries a configuration for a minute at least."""
_WORD = {Way.INGRESS: "inbound", Way.EGRESS: "outbound"}


def typed(seat: VrpSeat, *lines: str) -> str:
    """What the router prints for lines that it does not refuse."""
    said = "".join(at_once(seat.run(line)) for line in lines)
    assert "Error" not in said, said
    return said


@contextmanager
def bed_of(platform: Platform, release: int, faults: Faults) -> Iterator[ContractBed]:
    router = SITE.router(platform, "R1")
    system = Vrp(router, release, SECOND_S)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system), MANAGEMENT, deadline_s=75)


def sabotage(system: Vrp, port: str = PORT) -> Sabotage:
    operators: list[VrpSeat] = []
    commit = ("commit",) if system.release == 8 else ()

    def by_hand(*lines: str) -> None:
        seat = system.seat("budi", "10.0.0.9")
        typed(seat, "mmi-mode enable", "system-view", *lines, *commit, "return", "save")
        seat.close()

    def foreign(way: Way) -> str:
        by_hand(
            "traffic behavior boss",
            "car cir 3000",
            "traffic policy boss",
            f"interface {port}",
            f"traffic-policy boss {_WORD[way]}",
        )
        return "traffic-policy boss"

    def alter(way: Way, bps: int) -> None:
        by_hand(f"traffic behavior {name_of(Names.of(CIRCUIT), way)}", f"car cir {bps // 1000}")

    def enters() -> None:
        seat = system.seat("budi", "10.0.0.9")
        typed(seat, "system-view", "configuration exclusive")
        if system.release == 8:
            typed(seat, f"interface {MANAGEMENT}", "description being worked on")
        operators.append(seat)

    def leaves() -> None:
        while operators:
            operators.pop().close()

    def fill() -> None:
        system.disk_full = True

    return Sabotage(foreign, alter, system.reboot, enters, leaves, system.reject_after, fill)
