"""The real Linux router of the contract suite (tests/support/testbed.py): needs root."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.routers.session import Login
from support.contract import NO_FAULTS, ContractBed, Faults, Sabotage
from support.testbed import LinuxRouter, linux_router

PLATFORM = "linux"
LACKS = frozenset({"operator_enters", "operator_leaves", "reject_after", "disk_full"})
"""A shell has no configuration mode, and nothing of tc is saved."""

CIRCUIT = "dinkes-1"


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    assert faults == NO_FAULTS, "the real router has no faults to be set"
    with tempfile.TemporaryDirectory(prefix="netmon-contract-") as folder, linux_router(Path(folder) / "bed", 1) as box:
        port = box.agencies[0]

        def target(direction: Direction, faces: Faces) -> Target:
            owner = Owner("ledger-1", 1)
            return Target(CIRCUIT, port.interface, faces, port.alias, port.mac, (box.uplink.interface,), owner=owner)

        yield ContractBed(
            login=real_login(box),
            target=target,
            system=None,
            sabotage=_sabotage(box, port.interface),
            management=box.management.interface,
            measured=lambda way: limit_on(box, port.interface if way is Way.EGRESS else Names.of(CIRCUIT).device),
        )


def real_login(box: LinuxRouter) -> Login:
    return Login("r1", box.ssh_address, box.ssh_port, "linux", box.ssh_user, box.known_hosts, key_file=box.key_file)


def _sabotage(box: LinuxRouter, port: str) -> Sabotage:
    names = Names.of(CIRCUIT)

    def foreign(way: Way) -> str:
        if way is Way.INGRESS:
            box.on_router(*["ip", "link", "add", "name", "boss0", "type", "ifb"])
            box.on_router(*f"tc qdisc add dev {port} handle ffff: ingress".split())
            added = f"tc filter add dev {port} parent ffff: protocol all pref 1 u32 match u32 0 0"
            box.on_router(*f"{added} action mirred egress redirect dev boss0".split())
            return f"filter pref 1 u32 on {port}"
        box.on_router(*f"tc qdisc replace dev {port} root handle 1: tbf rate 3mbit burst 16000 latency 50ms".split())
        return f"qdisc tbf 1: on {port}"

    def alter(way: Way, bps: int) -> None:
        device = port if way is Way.EGRESS else names.device
        group = f"tc class replace dev {device} parent 4e4d: classid 4e4d:{names.minor} htb rate {bps}bit ceil {bps}bit"
        box.on_router(*f"{group} burst 16000 cburst 16000".split())

    def reboot() -> None:
        """As far as tc and /run go: queues and devices gone, jobs ended, files gone."""
        for name in box.on_router("ls", "/sys/class/net").split():
            if re.fullmatch(r"nm[0-9a-f]{8}", name):
                box.on_router("ip", "link", "del", "dev", name)
        script = f"tc qdisc del dev {port} root; tc qdisc del dev {port} ingress; true"
        box.on_router("sh", "-c", f"({script}) 2>/dev/null")
        folder = box.directory / "run" / "netmon"
        for file in folder.glob("*") if folder.is_dir() else ():
            file.unlink()

    return Sabotage(foreign, alter, reboot, None, None, None, None)


def limit_on(box: LinuxRouter, device: str) -> int | None:
    """The ceiling of netmon's class on a port or ifb device, as the kernel tells it."""
    shown = box.on_router("sh", "-c", f"tc class show dev {device} 2>/dev/null || true")
    ceiling = re.search(r"class htb \S+ root .*ceil (\d+)([KMG]?)bit", shown)
    if ceiling is None:
        return None
    return int(ceiling[1]) * {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}[ceiling[2]]
