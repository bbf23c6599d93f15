"""A full re-allocation on 200 simulated routers through the real enforcer process: `make bench-enforcement`.

The routers run in processes of their own, so that their CPU is not the enforcer's. Beside it, in the same run, as
many commands on the same routers through plain Netmiko (ConnectHandler and send_command), with as many threads.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import logging
import os
import pickle
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.world import resident_mib
from support.contract_bench import POLICIES, SIMULATED

from netmon.core.changes import Action, Change, Intent, Outcome
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.daemon import enforcer
from netmon.daemon.enforcer import Order, Setup
from netmon.daemon.processes import Child
from netmon.routers.dialects import Verb, load_dialect
from netmon.routers.enforcement import Reading, Result
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.routers.settings import RouterSettings, SshCredential, SshSettings
from netmon.settings import SecretRef

ROUTERS: Final = 200
SERVERS: Final = 4
WORKERS: Final = SshSettings.model_fields["threads"].default
"""Routers talked to at once: a session has threads of Paramiko's besides, and all of them are to be 32 at most."""
GOAL_S, MOST_THREADS = 60, 32
OLD_BPS, NEW_BPS = 8_000_000, 5_000_000
SECOND_NS: Final = 1_000_000_000
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A simulated router that listens."""

    name: str
    module: str
    address: str
    port: int
    username: str
    password: str
    known_hosts: str
    platform: str
    pickled: str
    """Its Target, from our own process; base64."""

    @property
    def target(self) -> Target:
        found = pickle.loads(base64.b64decode(self.pickled))
        assert isinstance(found, Target)
        return found


def serve(number: int) -> None:
    """This process's share of the routers, until standard input ends: a line of JSON for each on standard output."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # links that Netmiko leaves without a farewell
    for name, module in sys.modules.items():  # their clocks run fast for tests; here a minute is one
        if name.startswith("support.contract_"):
            for factor in {"SECOND_S", "SPEED"} & vars(module).keys():
                setattr(module, factor, 1)
    with ExitStack() as stack:
        for at in range(number, ROUTERS, SERVERS):
            module = SIMULATED[at % len(SIMULATED)]
            bed = stack.enter_context(module.bed())
            target = base64.b64encode(pickle.dumps(bed.target(Direction.DOWNLOAD, Faces.AGENCY))).decode()
            login, name = bed.login, f"{module.__name__.rpartition('contract_')[2]}-{at:03}"
            where = (login.address, login.port, login.username, login.password or "", str(login.known_hosts))
            print(json.dumps(asdict(Served(name, module.__name__, *where, module.PLATFORM, target))), flush=True)
        print("ready", flush=True)
        sys.stdin.read()


@contextmanager
def routers() -> Iterator[list[Served]]:
    """All of them, in SERVERS processes."""
    command = [sys.executable, "-m", "bench.enforcement", "--serve"]
    processes = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(SERVERS)
    ]
    try:
        found = []
        for process in processes:
            assert process.stdout is not None
            for line in process.stdout:
                if line == "ready\n":
                    break
                found.append(Served(**json.loads(line)))
        if len(found) != ROUTERS:
            raise SystemExit(f"{len(found)} of {ROUTERS} simulated routers came up; see above")
        yield found
    finally:
        for process in processes:
            process.communicate()


@dataclass
class Watched:
    """The enforcer's process, and what it took at most."""

    child: Child
    threads: int = 0
    resident_mib: float = 0.0

    def look(self) -> None:
        if (pid := self.child.pid) is not None:
            self.threads = max(self.threads, len(list(Path(f"/proc/{pid}/task").iterdir())))
            self.resident_mib = max(self.resident_mib, resident_mib(pid))

    def cpu_s(self) -> float:
        """User and system."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


async def reallocate(found: Sequence[Served], folder: Path) -> dict[str, Any]:
    """Every router's limit set, then altered, all at once; the second round, and reading all again, is measured."""

    async def recorded(question: Any) -> None:
        """A step of a change: the daemon would write it down."""

    watched = Watched(Child("enforcer", enforcer.main, Setup(_ssh(found, folder), folder), recorded))
    running = asyncio.create_task(watched.child.run())
    try:
        await _round(watched, found, 1, None, OLD_BPS)
        cpu_s, began = watched.cpu_s(), time.monotonic()
        results = await _round(watched, found, 2, OLD_BPS, NEW_BPS)
        await _verify(watched, found)
        wall_s, cpu_s = time.monotonic() - began, watched.cpu_s() - cpu_s
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    took = sorted(result.duration_ns / 1e6 for result in results)
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "resident_mib": watched.resident_mib,
        "threads": watched.threads,
        "median_ms": took[len(took) // 2],
        "p95_ms": took[len(took) * 95 // 100],
        "commands": [len(re.findall("^> ", result.transcript, re.MULTILINE)) for result in results],
    }


async def _round(
    watched: Watched, found: Sequence[Served], revision: int, old_bps: int | None, new_bps: int
) -> list[Result]:
    """One change on every router. SystemExit unless each was read back and confirmed."""

    async def one(row: Served) -> Result:
        target, now = row.target, time.time_ns()
        change = Change(
            *(row.name, target.circuit, "agency", Direction.DOWNLOAD, Action.SET),
            *(old_bps, new_bps, VerdictReason.OVER_QUOTA, None),
        )
        intent = Intent(f"b{revision}-{row.name.replace('_', '-')}", change, now, now + 180 * SECOND_NS)
        marked = replace(target, owner=Owner("bench", revision), known_revision=revision - 1)
        result = await watched.child.request(replace(_order(row), target=marked, intent=intent, apply=True))
        assert isinstance(result, Result)
        return result

    tasks = [asyncio.create_task(one(row)) for row in found]
    while not all(task.done() for task in tasks):
        watched.look()
        await asyncio.sleep(0.1)
    results = [task.result() for task in tasks]
    wrong = [(row, r) for row, r in zip(found, results, strict=True) if r.outcome is not Outcome.CONFIRMED]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(found)} changes failed; {wrong[0][0].name}: {wrong[0][1].detail}")
    return results


async def _verify(watched: Watched, found: Sequence[Served]) -> None:
    """Reads every limit in a session of its own. SystemExit where one is not as it was set."""
    orders = [replace(_order(row), direction=Direction.DOWNLOAD) for row in found]
    readings = await asyncio.gather(*(watched.child.request(order) for order in orders))
    for row, reading in zip(found, readings, strict=True):
        rate = load_dialect(row.platform, [POLICIES]).settings.rate
        if not isinstance(reading, Reading) or reading.bps is None or not rate.same(NEW_BPS, reading.bps):
            raise SystemExit(f"{row.name}: {reading} was read after {NEW_BPS} bit/s were confirmed")


def _order(row: Served) -> Order:
    settings = RouterSettings(address=row.address, ssh=row.name.replace("_", "-"), ssh_port=row.port)
    return Order(row.name, settings, row.platform, row.target)


def _ssh(found: Sequence[Served], folder: Path) -> SshSettings:
    known_hosts = folder / "known_hosts"
    known_hosts.write_text("".join(Path(row.known_hosts).read_text() for row in found))
    credentials = {}
    for row in found:
        (secret := folder / row.name).write_text(row.password)
        secret.chmod(0o600)
        credential = SshCredential(username=row.username, password=SecretRef(file=secret))
        credentials[row.name.replace("_", "-")] = credential
    return SshSettings(credentials=credentials, known_hosts=known_hosts, threads=WORKERS)


def plain(rows: Sequence[dict[str, Any]]) -> None:
    """As many commands on each router through Netmiko as it is; what it took, as JSON. A process of its own."""
    from netmiko import ConnectHandler

    def talk(row: dict[str, Any]) -> None:
        with ConnectHandler(
            device_type=row["device_type"],
            host=row["address"],
            port=row["port"],
            username=row["username"],
            password=row["password"],
            ssh_strict=True,
            alt_host_keys=True,
            alt_key_file=row["known_hosts"],
        ) as connection:
            for _ in range(row["commands"]):
                connection.send_command(row["command"])

    usage, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(talk, rows))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    print(json.dumps({"wall_s": time.monotonic() - began, "cpu_s": cpu_s, "resident_mib": after.ru_maxrss / 1024}))


def beside(found: Sequence[Served], commands: Sequence[int]) -> dict[str, float]:
    """The same through plain Netmiko."""
    rows = []
    for row, count in zip(found, commands, strict=True):
        dialect = load_dialect(row.platform, [POLICIES])
        command = dialect.commands(Verb.IDENTITY, {"interface": row.target.interface})[0]
        rows.append({**asdict(row), "device_type": dialect.settings.device_type, "command": command, "commands": count})
    done = subprocess.run(
        [sys.executable, "-m", "bench.enforcement", "--plain"],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"plain Netmiko failed: {done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-enforcement")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return 0
    if given.plain:
        plain(json.load(sys.stdin))
        return 0
    with routers() as found, TemporaryDirectory(prefix="netmon-bench-") as folder:
        kinds = sorted({row.name.rpartition("-")[0] for row in found})
        ours = asyncio.run(reallocate(found, Path(folder)))
        peer = beside(found, ours["commands"])
    sent = sum(ours["commands"])
    print(f"{len(found)} routers ({', '.join(kinds)}); {WORKERS} sessions at once; make bench-enforcement")
    print(f"Python {platform.python_version()}, Netmiko {version('netmiko')}, Paramiko {version('paramiko')},", end=" ")
    print(f"asyncssh {version('asyncssh')}, {os.cpu_count()} CPUs")
    print(f"{'':34}{'goal':>8}{'netmon':>10}{'Netmiko':>10}{'ratio':>8}")
    ratio = ours["wall_s"] / peer["wall_s"]
    print(f"{'pushed and read once more, s':34}{GOAL_S:>8}{ours['wall_s']:>10.1f}{peer['wall_s']:>10.1f}{ratio:>8.2f}")
    ratio = ours["cpu_s"] / peer["cpu_s"]
    print(f"{'CPU, user and system, s':34}{'':8}{ours['cpu_s']:>10.1f}{peer['cpu_s']:>10.1f}{ratio:>8.2f}")
    print(f"{'resident at most, MiB':34}{'':8}{ours['resident_mib']:>10.0f}{peer['resident_mib']:>10.0f}")
    print(f"{'threads at most, of the process':34}{MOST_THREADS:>8}{ours['threads']:>10}")
    print(f"{'commands of the changes':34}{'':8}{sent:>10}{sent:>10}")
    print(f"{'one change, median and p95, ms':34}{'':8}{ours['median_ms']:>10.0f}{ours['p95_ms']:>10.0f}")
    return int(ours["wall_s"] > GOAL_S or ours["threads"] > MOST_THREADS)


if __name__ == "__main__":
    sys.exit(main())
