"""The simulated EdgeOS router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Way
from netmon.simulator.device import Platform
from netmon.simulator.vyos_cli import edgeos
from support.consoles import console_router
from support.contract import NO_FAULTS, ContractBed, Faults
from support.contract_vyos import PORT, SITE, sabotage

PLATFORM = "edgeos"
LACKS: frozenset[str] = frozenset()


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = SITE.router(Platform.EDGEOS)
    system = edgeos(router)

    def bound(way: Way, name: str) -> str:
        return f"set interfaces ethernet {PORT} traffic-policy {'out' if way is Way.EGRESS else 'in'} {name}"

    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system, "traffic-policy", bound), SITE.management)
