"""The simulated IOS XR router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.routers.readback_ios_config import SUFFIX
from netmon.simulator.device import Platform
from netmon.simulator.iosxr_cli import IosXr
from netmon.simulator.iosxr_seat import IosXrSeat
from support.consoles import console_router, typed
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

PLATFORM = "iosxr"
LACKS: frozenset[str] = frozenset({"disk_full"})
SITE = Site("GigabitEthernet0/0/0/1", "GigabitEthernet0/0/0/2", "MgmtEth0/RP0/CPU0/0", unguarded=True)
"""It cannot end a limit by itself."""
PORT, MANAGEMENT = SITE.port, SITE.management
SECOND_S = 0.04
"""A commit is on trial for half a minute at least."""


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = SITE.router(Platform.IOSXR, "R1")
    system = IosXr(router, SECOND_S)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system), MANAGEMENT, deadline_s=75, expires_s=75)


def sabotage(system: IosXr, port: str = PORT) -> Sabotage:
    operators: list[IosXrSeat] = []

    def by_hand(*lines: str) -> None:
        seat = system.seat("budi", "10.0.0.9")
        typed(seat, "configure", *lines, "commit", "end")
        seat.close()

    def foreign(way: Way) -> str:
        rate, word = ("shape average", "output") if way is Way.EGRESS else ("police rate", "input")
        policy = ("policy-map BOSS", "class class-default", f"{rate} 3 mbps", "root")
        by_hand(*policy, f"interface {port}", f"service-policy {word} BOSS")
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
