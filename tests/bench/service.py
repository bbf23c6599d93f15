"""The whole service: `netmon run` and its processes poll, account, commit and are scraped; every byte must be right."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.world import COMMUNITY, INTERFACES, address, cpu_s, family, resident_mib
from support.processes import free_port, listens, running, wait_until

from netmon.store.rows import load_layout, unpack_stamps, unpack_totals

NETMON: Final = Path(sys.executable).with_name("netmon")
SCRAPE_EVERY_S: Final = 15
NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True)
class Window:
    """What the daemon's family spent between two moments."""

    from_ns: int
    to_ns: int
    cpu_s: float


@dataclass(frozen=True)
class Report:
    windows: tuple[Window, ...]
    samples: tuple[int, ...]
    """Interface-samples committed in each window."""
    by_process: tuple[float, ...]
    """CPU seconds of the daemon and of each child, over all windows."""
    resident_mib: float
    scrape_octets: int
    series_checked: int
    series_wrong: int
    gaps: int
    visits: int
    """Committed in all."""

    def micros_per_sample(self) -> list[float]:
        return [window.cpu_s / samples * 1e6 for window, samples in zip(self.windows, self.samples, strict=True)]


def measure(folder: Path, routers: int, interval_s: int, window_s: int, windows: int) -> Report:
    """Runs the daemon through `windows`, after its first full round; then holds its ledger to the responder's law."""
    port = free_port()
    path = _configure(folder, routers, interval_s, port)
    spent: list[Window] = []
    with _daemon(path, folder, port) as pid:
        time.sleep(interval_s * 1.5)  # the first round discovers every router, which is not measured
        before = {one: cpu_s(one) for one in family(pid)}
        octets = 0
        for _ in range(windows):
            began_ns, cpu = time.time_ns(), sum(map(cpu_s, family(pid)))
            until = time.monotonic() + window_s
            while time.monotonic() < until:
                octets = _scrape(port)
                time.sleep(max(0.0, min(SCRAPE_EVERY_S, until - time.monotonic())))  # as Prometheus does
            spent.append(Window(began_ns, time.time_ns(), sum(map(cpu_s, family(pid))) - cpu))
        by_process = tuple(cpu_s(one) - before.get(one, 0.0) for one in family(pid))
        resident = sum(map(resident_mib, family(pid)))
    ledger = sqlite3.connect(folder / "ledger.db")
    try:
        samples = tuple(_committed(ledger, window) * INTERFACES for window in spent)
        (gaps,) = ledger.execute("SELECT count(*) FROM gap").fetchone()
        (visits,) = ledger.execute("SELECT count(*) FROM visit").fetchone()
        checked, wrong = _check_totals(ledger)
    finally:
        ledger.close()
    return Report(tuple(spent), samples, by_process, resident, octets, checked, wrong, gaps, visits)


def _check_totals(ledger: sqlite3.Connection) -> tuple[int, int]:
    """Series checked and wrong: what responder.c says passed between a router's first visit and its last."""
    query = """
SELECT first.stamps, last.stamps, last.in_total, last.out_total, layout.document FROM head
JOIN visit AS first ON first.router_id = head.router_id AND first.sequence = 1
JOIN visit AS last ON last.router_id = head.router_id AND last.sequence = head.sequence
JOIN layout ON layout.id = last.layout_id"""
    checked = wrong = 0
    for first, last, inwards, outwards, document in ledger.execute(query):
        layout = load_layout(document)
        ticks = [
            b.uptime_ticks - a.uptime_ticks for a, b in zip(unpack_stamps(first), unpack_stamps(last), strict=True)
        ]
        for at, (inward, outward) in enumerate(zip(unpack_totals(inwards), unpack_totals(outwards), strict=True)):
            n, passed = int(layout.series[at].name.rpartition("/")[2]), ticks[layout.pdu_of[at]]
            checked += 2
            wrong += (inward != passed * (1000 * n + 1)) + (outward != passed * (500 * n + 2))
    return checked, wrong


def _committed(ledger: sqlite3.Connection, window: Window) -> int:
    query = "SELECT count(*) FROM visit WHERE at_ns >= ? AND at_ns < ?"
    (count,) = ledger.execute(query, (window.from_ns, window.to_ns)).fetchone()
    return int(count)


@contextmanager
def _daemon(path: Path, folder: Path, port: int) -> Iterator[int]:
    """The daemon's pid, once every router was visited."""
    with running([NETMON, "run", "-c", path], lambda: listens(port), folder / "netmon.log", seconds=120) as process:
        wait_until(lambda: _is_ready(port), "every router to be visited", 180)
        yield process.pid
        os.kill(process.pid, signal.SIGTERM)
        process.wait(180)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200


def _scrape(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    octets = len(connection.getresponse().read())
    connection.close()
    return octets


def _configure(folder: Path, routers: int, interval_s: int, port: int) -> Path:
    """An agency per router, whose 48 circuits all count against a quota each way."""
    (folder / "community").write_text(COMMUNITY.decode())
    (folder / "community").chmod(0o600)
    document = {
        "site": {"name": "bench", "timezone": "Asia/Makassar"},
        "ledger": {"path": str(folder / "ledger.db")},
        "snmp": {
            "poll_interval": f"{interval_s}s",
            "poll_deadline": f"{min(10, interval_s)}s",
            "credentials": {"default": {"version": "2c", "community": {"file": str(folder / "community")}}},
        },
        "http": {"host": "127.0.0.1", "port": port},
        "control": {"socket": str(folder / "control.sock"), "require_synchronised_clock": False},
        "agencies": {
            f"agency-{router}": {"name": f"Agency {router}", "quotas": ["standard-download", "standard-upload"]}
            for router in range(routers)
        },
        "routers": {
            f"router-{router}": {
                "address": address(router),
                "circuits": {
                    f"c{router}-{n}": {
                        "agency": f"agency-{router}",
                        "interface": f"xe-0/0/{n}",
                        "faces": "agency",
                        "port_speed": "10 Gbps",
                    }
                    for n in range(1, INTERFACES + 1)
                },
            }
            for router in range(routers)
        },
    }
    path = folder / "netmon.yaml"
    path.write_text(json.dumps(document))
    return path
