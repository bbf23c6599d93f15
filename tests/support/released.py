"""A site on the real Linux router whose first agency is limited as soon as it is read twice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.edge_site import write_edge_site
from support.ledgers import asked
from support.processes import free_port, wait_until
from support.schemas import conforms
from support.stack import NETMON, cli, netmon_run
from support.testbed import LinuxRouter, linux_router

ALWAYS_OVER = """\
quotas:
  tight:
    direction: download
    period: day
    volume: 1 kB
    ladder: [{at: 100%, slow_to: 8 Mbps}]
"""


@dataclass(frozen=True)
class Scene:
    bed: LinuxRouter
    config: Path
    port: int
    log: Path

    @property
    def directory(self) -> Path:
        return self.config.parent

    def is_limited(self) -> bool:
        return "htb" in self.bed.on_router("tc", "qdisc", "show", "dev", self.bed.agencies[0].interface)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(NETMON), *arguments, "-c", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def release(self, expected: int = 0) -> dict[str, Any]:
        done = self.run("release", "--all", "--yes", "--reason", "a fault", "--output", "json")
        assert done.returncode == expected, done.stderr + done.stdout
        document: dict[str, Any] = json.loads(done.stdout)
        conforms("release", document)
        data: dict[str, Any] = document["data"]
        return data

    def problems(self) -> str:
        done = self.run("status", "--output", "json")
        document = json.loads(done.stdout)
        conforms("status", document)
        return " ".join(problem["what"] for problem in document["data"]["problems"])

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        with netmon_run(self.config, self.port, self.log) as daemon:
            yield daemon

    def turns(self) -> str:
        """What the daemon decides once it has had the time to decide again."""
        return self.run("apply").stdout


@contextmanager
def scene(directory: Path) -> Iterator[Scene]:
    """A site whose first agency is over its quota as soon as it is read twice."""
    port = free_port()
    with linux_router(directory / "bed") as bed:
        agencies = {"rsud": "quotas: [tight]", "arsip": "quotas: []"}
        config = write_edge_site(directory / "netmon", bed, port, "1 Gbps", agencies)
        (config.parent / "policies" / "quotas").mkdir(parents=True)
        (config.parent / "policies" / "quotas" / "test.yaml").write_text(ALWAYS_OVER)
        yield Scene(bed, config, port, directory / "netmon.log")


def pressed(at: Scene) -> bool:
    """After a second of traffic."""
    at.bed.measure_mbps(at.bed.uplink, at.bed.agencies[0], seconds=1, ask_mbps=4, omit=0)
    return True


def take_off(at: Scene) -> None:
    """As somebody would by hand; the end that the limit carries goes with it."""
    at.bed.on_router("tc", "qdisc", "del", "dev", at.bed.agencies[0].interface, "root")


def limited(at: Scene) -> None:
    """Traffic until the limit is in force."""
    wait_until(lambda: pressed(at) and at.is_limited(), "the limit")
    wait_until(lambda: not at.bed.on_router("sh", "-c", "ls /run/netmon/*.armed 2>/dev/null || true"), "its disarming")
    wait_until(lambda: cli("receipts", config=at.config)["data"], "its receipt")


def kinds_of(ledger: Path) -> list[str]:
    return [kind for (kind,) in asked(ledger, "SELECT kind FROM link ORDER BY sequence")]
