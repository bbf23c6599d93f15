"""The simulated Linux router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.routers.dialects import Names, Way
from netmon.simulator.device import Platform
from netmon.simulator.linux_cli import Linux
from netmon.simulator.linux_host import Stream, Streams
from support.consoles import at_once, console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.contract_site import CIRCUIT, Site

PLATFORM = "linux"
LACKS = frozenset({"operator_enters", "operator_leaves", "reject_after", "disk_full"})
"""A shell has no configuration mode, and nothing of tc is saved."""

SITE = Site("eth0", "eth1", "eth2")
PORT = SITE.port


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    router = SITE.router(Platform.LINUX)
    system = Linux(router)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, SITE.target, system, sabotage(system), SITE.management)


def sabotage(system: Linux, port: str = PORT) -> Sabotage:
    shell = system.shell("root", "192.0.2.1", 1, None)
    names = Names.of(CIRCUIT)

    def typed(command: str) -> None:
        out = Stream()
        status = at_once(shell.run(command, Streams("", out, out)))
        assert (out.text, status) == ("", 0), out.text

    def foreign(way: Way) -> str:
        if way is Way.INGRESS:
            typed("ip link add name boss0 type ifb")
            typed(f"tc qdisc add dev {port} handle ffff: ingress")
            typed(
                f"tc filter add dev {port} parent ffff: protocol all pref 1 u32 match u32 0 0"
                " action mirred egress redirect dev boss0"
            )
            return f"filter pref 1 u32 on {port}"
        typed(f"tc qdisc replace dev {port} root handle 1: htb default 10")
        return f"qdisc htb 1: on {port}"

    def alter(way: Way, bps: int) -> None:
        device = port if way is Way.EGRESS else names.device
        typed(
            f"tc class replace dev {device} parent 4e4d: classid 4e4d:{names.minor} htb rate {bps}bit ceil {bps}bit"
            " burst 16000 cburst 16000"
        )

    return Sabotage(foreign, alter, system.reboot, None, None, None, None)
