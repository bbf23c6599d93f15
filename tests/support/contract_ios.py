"""The simulated IOS router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.routers.readback_ios_config import SUFFIX
from netmon.simulator.device import Platform
from netmon.simulator.ios_cli import Ios
from netmon.simulator.ios_seat import IosSeat
from support.consoles import console_router, typed
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

PLATFORM = "ios"
LACKS: frozenset[str] = frozenset()
SITE = Site("Gi0/1", "Gi0/2", "Gi0/3")
PORT, MANAGEMENT = SITE.port, SITE.management
SECOND_S = 0.04
"""The revert timer counts in minutes."""


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = SITE.router(Platform.IOS, "R1")
    system = Ios(router, SECOND_S)
    for configuration in (system.running, system.startup):
        configuration.put("hostname 9-kantor-dinas-kesehatan", instead_of="hostname")
    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system), MANAGEMENT, deadline_s=75, expires_s=75)


def sabotage(system: Ios, port: str = PORT) -> Sabotage:
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
        by_hand("policy-map BOSS", "class class-default", rate, f"interface {port}", f"service-policy {word} BOSS")
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
