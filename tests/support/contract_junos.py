"""The simulated Junos router of the contract suite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.junos_cli import Junos, JunosSeat
from support.consoles import console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage

PLATFORM = "junos"
LACKS = frozenset({"disk_full"})
"""A commit that cannot be written does not take effect: there is nothing left to save."""

CIRCUIT, PORT, MAC = "dinkes-1", "ge-0/0/1.0", bytes.fromhex("024e4d000102")
SPEED = 20
"""Junos counts trials in minutes: here one lasts three seconds."""
_WORD = {Way.INGRESS: "input", Way.EGRESS: "output"}
_SUFFIX = {Way.INGRESS: "-IN", Way.EGRESS: "-OUT"}


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = router_of_two()
    system = Junos(router, SPEED)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, target, system, _sabotage(system), "fxp0.0", expires_s=60)


def router_of_two() -> Router:
    ports = (
        Port(1, "ge-0/0/0.0", "uplink", bytes.fromhex("024e4d000101"), PortRole.UPLINK),
        Port(2, PORT, "dinkes", MAC, PortRole.AGENCY),
        Port(3, "fxp0.0", "management", bytes.fromhex("024e4d000103"), PortRole.MANAGEMENT),
    )
    return Router("r1", Platform.JUNOS, "127.0.0.1", "SIM1", ports, time.monotonic_ns)


def target(direction: Direction, faces: Faces) -> Target:
    """The same port whatever the direction."""
    mac = ":".join(f"{octet:02x}" for octet in MAC)
    return Target(CIRCUIT, PORT, faces, "dinkes", mac, ("ge-0/0/0.0",), owner=Owner("contract", 1), known_revision=1)


def typed(system: Junos, *lines: str) -> None:
    """By an operator, who leaves again."""
    seat = system.seat("boss", "192.0.2.1")
    for line in ("configure exclusive", *lines, "commit and-quit"):
        said = seat.obey(line)
        assert not {"error:", "^"} & set(said.split()), f"{line}: {said}"
    seat.close()


def _sabotage(system: Junos) -> Sabotage:
    seats: list[JunosSeat] = []

    def foreign(way: Way) -> str:
        typed(
            system,
            "set firewall policer BOSS if-exceeding bandwidth-limit 3m burst-size-limit 30k",
            "set firewall policer BOSS then discard",
            f"set interfaces ge-0/0/1 unit 0 family inet policer {_WORD[way]} BOSS",
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
