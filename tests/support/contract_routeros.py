"""The simulated RouterOS router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.simulator.device import Platform
from netmon.simulator.routeros_cli import RouterOs
from support.consoles import at_once, console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

PLATFORM = "routeros"
LACKS = frozenset({"operator_enters", "operator_leaves", "reject_after", "disk_full"})
"""Nobody holds a configuration here, every line is a change of its own, and all is kept at once."""

SITE = Site("ether1", "ether2", "ether3")
PORT = SITE.port


@contextmanager
def bed(faults: Faults = NO_FAULTS, release: int = 7) -> Iterator[ContractBed]:
    router = SITE.router(Platform.ROUTEROS)
    system = RouterOs(router, release)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system), SITE.management)


def sabotage(system: RouterOs, port: str = PORT) -> Sabotage:
    def foreign(way: Way) -> str:
        rate = "0/3000000" if way is Way.EGRESS else "3000000/0"
        assert not at_once(system.run(f'/queue simple add name="boss" target={port} max-limit={rate}'))
        return "simple queue boss"

    def alter(way: Way, bps: int) -> None:
        rate, name = f"0/{bps}" if way is Way.EGRESS else f"{bps}/0", Names.of(CIRCUIT).object
        found = f'[/queue simple find where name="{name}"]'
        assert not at_once(system.run(f"/queue simple set {found} max-limit={rate}"))

    return Sabotage(foreign, alter, system.reboot, None, None, None, None)
