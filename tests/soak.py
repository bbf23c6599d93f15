"""make soak: 20,000 polls after a warm-up; memory, tasks, threads and descriptors must stay constant.

A real `netmon run` polls the simulated province forty times a second (as 1,200 routers every 30 s do), each poll its
own commit, under the malloc setting of systemd/netmon.service. Heaps and page caches settle during the warm-up of a
quarter of an hour. Resident memory, that of the child processes included, is fitted by a line over everything after it:
its slope is what one hour adds. It all takes about 24 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from netmon.daemon.control import ControlUnavailableError, request
from netmon.simulator.configuration import write_configuration
from netmon.simulator.province import running_province

NETMON = Path(sys.executable).with_name("netmon")


@dataclass(frozen=True)
class Sample:
    """The daemon and its children at one moment."""

    at_s: float
    polls: int
    tasks: int
    resident_kib: int
    threads: int
    descriptors: int


def family(pid: int) -> list[int]:
    """The daemon and its children, whichever of its threads started them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in (task / "children").read_text().split())]


def sample(pid: int, socket: Path) -> Sample:
    status = request(socket, "status", {})
    resident = threads = descriptors = 0
    for process in family(pid):
        said = Path(f"/proc/{process}/status").read_text()
        resident += int(re.search(r"VmRSS:\s+(\d+)", said)[1])  # type: ignore[index]
        threads += int(re.search(r"Threads:\s+(\d+)", said)[1])  # type: ignore[index]
        descriptors += len(list(Path(f"/proc/{process}/fd").iterdir()))
    return Sample(
        time.monotonic(),
        sum(router["polls"] for router in status["routers"].values()),
        status["tasks"],
        resident,
        threads,
        descriptors,
    )


def start(path: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    return subprocess.Popen([str(NETMON), "run", "-c", str(path)], stdout=log, stderr=log, env=environment)


async def watch(daemon: subprocess.Popen[bytes], socket: Path, polls: int, warm_up: int) -> list[Sample]:
    samples: list[Sample] = []
    first: int | None = None
    while True:
        await asyncio.sleep(1)
        if daemon.poll() is not None:
            raise SystemExit(f"the daemon ended with {daemon.returncode}")
        try:
            now = await asyncio.to_thread(sample, daemon.pid, socket)
        except ControlUnavailableError:
            continue
        if now.polls < warm_up:
            continue
        first = now.polls if first is None else first
        samples.append(now)
        if len(samples) % 30 == 0:
            print(f"{now.polls - first:6d} polls, {now.resident_kib} KiB, {now.tasks} tasks", flush=True)
        if now.polls - first >= polls:
            return samples


def verdict(samples: list[Sample]) -> int:
    line = statistics.linear_regression([s.at_s for s in samples], [s.resident_kib for s in samples])
    hourly_kib = line.slope * 3600
    print(f"polls           {samples[-1].polls - samples[0].polls} in {samples[-1].at_s - samples[0].at_s:.0f} s")
    print(f"resident memory {samples[0].resident_kib} -> {samples[-1].resident_kib} KiB, {hourly_kib:+.0f} KiB an hour")
    grew = hourly_kib >= 1024
    for name in ("tasks", "threads", "descriptors"):
        values = [getattr(s, name) for s in samples]
        # Visits and our own question open more for a moment, but what leaks is never given back.
        early, late = (min(part) for part in (values[: len(values) // 4], values[-len(values) // 4 :]))
        print(f"{name:15s} at least {early} -> {late}, at most {max(values)}")
        grew = grew or late > early
    print("FAILED: something grows" if grew else "constant")
    return int(grew)


async def soak(polls: int, warm_up: int, interval: str) -> int:
    with tempfile.TemporaryDirectory(prefix="netmon-soak-") as folder:
        async with running_province() as province:
            path = write_configuration(Path(folder), province)
            text = path.read_text().replace("poll_interval: 1s", f"poll_interval: {interval}")
            text = text.replace("poll_deadline: 1s", f"poll_deadline: {interval}")
            quotas = path.parent / "policies" / "quotas" / "demo.yaml"
            quotas.write_text(quotas.read_text().replace("period: 60s", "period: day"))  # no limit a minute is pushed
            # Every poll its own commit: SQLite's page caches, which are bounded, are full before the measurement.
            path.write_text(text.replace("ledger: {path:", "ledger: {commit_interval: 5ms, path:"))
            with (Path(folder) / "log").open("wb") as log:
                daemon = await asyncio.to_thread(start, path, log)
            try:
                samples = await watch(daemon, Path(folder) / "control.sock", polls, warm_up)
            finally:
                daemon.terminate()
                daemon.wait(20)
            return verdict(samples)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--polls", type=int, default=20_000)
    options.add_argument("--warm-up", type=int, default=36_000)
    options.add_argument("--interval", default="100ms")
    given = options.parse_args()
    raise SystemExit(asyncio.run(soak(given.polls, given.warm_up, given.interval)))
