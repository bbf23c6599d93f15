"""The simulated Linux router of the contract suite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.linux_cli import Linux
from netmon.simulator.linux_host import Stream, Streams
from support.consoles import at_once, console_router
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage

PLATFORM = "linux"
LACKS = frozenset({"operator_enters", "operator_leaves", "reject_after", "disk_full"})
"""A shell has no configuration mode, and nothing of tc is saved."""

CIRCUIT, PORT, MAC = "dinkes-1", "eth1", bytes.fromhex("024e4d000202")


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    ports = (
        Port(1, "eth0", "uplink", bytes.fromhex("024e4d000201"), PortRole.UPLINK),
        Port(2, PORT, "dinkes", MAC, PortRole.AGENCY),
        Port(3, "eth2", "management", bytes.fromhex("024e4d000203"), PortRole.MANAGEMENT),
    )
    router = Router("r1", Platform.LINUX, "127.0.0.1", "SIM2", ports, time.monotonic_ns)
    system = Linux(router)
    with console_router(system, router, faults) as login:
        yield ContractBed(login, target, system, _sabotage(system), management="eth2")


def target(direction: Direction, faces: Faces) -> Target:
    """The same port whatever the direction."""
    mac = ":".join(f"{octet:02x}" for octet in MAC)
    return Target(CIRCUIT, PORT, faces, "dinkes", mac, ("eth0",), owner=Owner("ledger-1", 1))


def _sabotage(system: Linux) -> Sabotage:
    shell = system.shell("root", "192.0.2.1", 1, None)
    names = Names.of(CIRCUIT)

    def typed(command: str) -> None:
        out = Stream()
        status = at_once(shell.run(command, Streams("", out, out)))
        assert (out.text, status) == ("", 0), out.text

    def foreign(way: Way) -> str:
        if way is Way.INGRESS:
            typed("ip link add name boss0 type ifb")
            typed(f"tc qdisc add dev {PORT} handle ffff: ingress")
            typed(
                f"tc filter add dev {PORT} parent ffff: protocol all pref 1 u32 match u32 0 0"
                " action mirred egress redirect dev boss0"
            )
            return f"filter pref 1 u32 on {PORT}"
        typed(f"tc qdisc replace dev {PORT} root handle 1: htb default 10")
        return f"qdisc htb 1: on {PORT}"

    def alter(way: Way, bps: int) -> None:
        device = PORT if way is Way.EGRESS else names.device
        typed(
            f"tc class replace dev {device} parent 4e4d: classid 4e4d:{names.minor} htb rate {bps}bit ceil {bps}bit"
            " burst 16000 cburst 16000"
        )

    return Sabotage(foreign, alter, system.reboot, None, None, None, None)
