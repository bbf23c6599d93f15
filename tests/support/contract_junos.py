"""The simulated Junos router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.simulator.device import Platform
from netmon.simulator.junos_cli import Junos, JunosSeat
from support.consoles import console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

PLATFORM = "junos"
LACKS = frozenset({"disk_full"})
"""A commit that cannot be written does not take effect: there is nothing left to save."""

SITE = Site("ge-0/0/0.0", "ge-0/0/1.0", "fxp0.0")
PORT = SITE.port
SPEED = 20
"""Junos counts trials in minutes: here one lasts three seconds."""
_WORD = {Way.INGRESS: "input", Way.EGRESS: "output"}
_SUFFIX = {Way.INGRESS: "-IN", Way.EGRESS: "-OUT"}


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = SITE.router(Platform.JUNOS)
    system = Junos(router, SPEED)
    system.role = "{master:0}"
    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system), SITE.management, expires_s=60)


def typed(system: Junos, *lines: str) -> None:
    """By an operator, who leaves again."""
    seat = system.seat("boss", "192.0.2.1")
    for line in ("configure exclusive", *lines, "commit and-quit"):
        said = seat.obey(line)
        assert not {"error:", "^"} & set(said.split()), f"{line}: {said}"
    seat.close()


def sabotage(system: Junos, port: str = PORT) -> Sabotage:
    seats: list[JunosSeat] = []
    device, _, unit = port.partition(".")

    def foreign(way: Way) -> str:
        typed(
            system,
            "set firewall policer BOSS if-exceeding bandwidth-limit 3m burst-size-limit 30k",
            "set firewall policer BOSS then discard",
            f"set interfaces {device} unit {unit} family inet policer {_WORD[way]} BOSS",
        )
        return "policer BOSS"

    def alter(way: Way, bps: int) -> None:
        name = Names.of(CIRCUIT).object + _SUFFIX[way]
        typed(system, f"set firewall policer {name} if-exceeding bandwidth-limit {bps}")

    def leaves() -> None:
        seat = seats.pop()
        assert seat.obey("rollback 0") == "load complete\n"
        seat.close()

    return Sabotage(
        foreign,
        alter,
        system.reboot,
        lambda: seats.append(system.operator_enters()),
        leaves,
        system.reject_after,
        None,
    )
