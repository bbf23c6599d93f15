"""What the measurements stand on: a network namespace of their own, routers to poll, and the CPU a process spent."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from support.processes import free_port, running

PORT: Final = 161
INTERFACES: Final = 48
COMMUNITY: Final = b"public"
PASSWORD: Final = "benchmarking"
SOURCE: Final = Path(__file__).with_name("responder.c")
PACKAGES: Final = {
    "gcc": "gcc libc6-dev",
    "prometheus-snmp-exporter": "prometheus-snmp-exporter",
    "collectd": "collectd-core libsnmp40",
    "snmpd": "snmpd",
    "snmpget": "snmp",
    "ip": "iproute2",
    "unshare": "util-linux",
}
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def require_tools() -> None:
    """SystemExit that names the Debian packages to install, if something is not there."""
    missing = [packages for tool, packages in PACKAGES.items() if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"not installed: apt-get install -y --no-install-recommends {' '.join(missing)}")
    if os.geteuid() != 0:
        raise SystemExit("a network namespace of its own needs root")


def enter_namespace(module: str, arguments: list[str]) -> None:
    """Goes on as `python -m module` in a network namespace that ends with it. Returns if it is already in there."""
    if os.environ.get("NETMON_BENCH_INSIDE") == str(Path("/proc/self/ns/net").readlink()):
        return
    here = "NETMON_BENCH_INSIDE=$(readlink /proc/self/ns/net)"
    command = f'ip link set lo up && exec env {here} "$0" -m {module} "$@"'
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", command, sys.executable, *arguments])


def address(router: int) -> str:
    """Of the router with that number, from 0 on; every loopback address is one."""
    return f"127.1.{router // 250}.{router % 250 + 1}"


def build(folder: Path) -> Path:
    """The responder, compiled."""
    program = folder / "responder"
    subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(SOURCE)], check=True)
    return program


@contextmanager
def responder(program: Path, log: Path, delay_ms: int = 0, loss_percent: int = 0) -> Iterator[None]:
    """Routers on every loopback address until the block ends."""
    command: list[str | Path] = [program, str(PORT), str(delay_ms), str(loss_percent)]
    with running(command, lambda: _is_bound(PORT), log):
        yield


@contextmanager
def net_snmp(folder: Path) -> Iterator[int]:
    """Debian's snmpd on 127.0.0.1 with 48 veth interfaces and the user `bench`; yields its port."""
    for pair in range(INTERFACES // 2):
        command = f"ip link add bench{2 * pair} type veth peer name bench{2 * pair + 1}"
        subprocess.run(command.split(), check=True)
    port, state = free_port(socket.SOCK_DGRAM), folder / "snmpd"
    state.mkdir()
    user = f'createUser bench SHA "{PASSWORD}" AES "{PASSWORD}"\n'
    (state / "persistent").mkdir()
    (state / "persistent" / "snmpd.conf").write_text(user)
    (state / "snmpd.conf").write_text(f"rocommunity {COMMUNITY.decode()} 127.0.0.1\nrouser bench authpriv\n")
    environment = {
        "SNMP_PERSISTENT_DIR": str(state / "persistent"),
        "SNMPCONFPATH": f"{state}:{state / 'persistent'}",
        "MIBS": "",
    }
    command_line: list[str | Path] = ["snmpd", "-f", "-Lo", "-p", state / "pid", f"udp:127.0.0.1:{port}"]
    probe = ["snmpget", "-v2c", f"-c{COMMUNITY.decode()}", "-r0", "-t0.3", f"127.0.0.1:{port}", "1.3.6.1.2.1.1.3.0"]

    def answers() -> bool:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    with running(command_line, answers, state / "log", {**os.environ, **environment}):
        yield port


def cpu_s(pid: int) -> float:
    """User and system time of a process, all its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def family(pid: int) -> list[int]:
    """A process and its children, whichever of its threads started them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in (task / "children").read_text().split())]


def udp_counters() -> dict[str, int]:
    """The namespace's, by the names of UDP-MIB; RcvbufErrors counts what a full socket buffer lost."""
    lines = [line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")]
    return {name: int(value) for name, value in zip(*lines, strict=True)}


def version(package: str) -> str:
    """Of an installed Debian package."""
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _is_bound(port: int) -> bool:
    return any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:])
