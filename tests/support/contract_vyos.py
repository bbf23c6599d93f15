"""The simulated VyOS router of the contract suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.simulator.device import Platform
from netmon.simulator.vyos_cli import Vyos, VyosSeat
from support.consoles import console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

PLATFORM = "vyos"
LACKS: frozenset[str] = frozenset()

SITE = Site("eth0", "eth1", "eth2", unguarded=True)
PORT = SITE.port


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = SITE.router(Platform.VYOS)
    system = Vyos(router)

    def bound(way: Way, name: str) -> str:
        return f"set qos interface {PORT} {way} {name}"

    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system, "qos policy", bound), SITE.management)


def sabotage(system: Vyos, root: str, bound: Callable[[Way, str], str]) -> Sabotage:
    """`root` is where policies are kept; `bound` gives the line that binds one to the port."""
    seats: list[VyosSeat] = []
    kinds = {Way.EGRESS: "shaper", Way.INGRESS: "limiter"}
    rates = {Way.EGRESS: "bandwidth", Way.INGRESS: "default bandwidth"}

    def typed(*lines: str) -> None:
        seat = system.seat("boss", "192.0.2.1")
        for line in ("configure", *lines, "commit", "save", "exit"):
            said = seat.obey(line)
            assert "ailed" not in said, f"{line}: {said}"
        seat.close()

    def foreign(way: Way) -> str:
        policy = f"set {root} {kinds[way]} BOSS"
        shape = [f"{policy} default bandwidth 100%"] if way is Way.EGRESS else []
        typed(f"{policy} {rates[way]} 3mbit", *shape, bound(way, "BOSS"))
        return "traffic-policy BOSS"

    def alter(way: Way, bps: int) -> None:
        name = Names.of(CIRCUIT).object + {Way.EGRESS: "-OUT", Way.INGRESS: "-IN"}[way]
        typed(f"set {root} {kinds[way]} {name} {rates[way]} {bps}bit")

    def leaves() -> None:
        seat = seats.pop()
        assert seat.obey("exit discard") == "exit\n"
        seat.close()

    def disk_full() -> None:
        system.disk_full = True

    return Sabotage(
        foreign,
        alter,
        system.reboot,
        lambda: seats.append(system.operator_enters()),
        leaves,
        system.reject_after,
        disk_full,
    )
