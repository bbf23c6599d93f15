"""make bench-snmp: what polling costs beside what people use today, in CPU seconds per million varbinds.

Absolute times mean nothing on a shared machine: every round measures everything once, one after the other, and what
counts are the ratios of the medians. Never a test; the last result is kept in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as distribution
from pathlib import Path
from typing import Final

from bench import peers, service, world
from bench.work import Result

V2C: Final = "netmon v2c, poll path"
WALK: Final = "netmon v2c, discovery walk"
EXPORTER: Final = "snmp_exporter"
COLLECTD: Final = "collectd, snmp plugin"
PLAIN: Final = "netmon v2c, against snmpd"
SECURE: Final = "netmon v3 SHA/AES, against snmpd"
CRYPTO: Final = "SHA and AES alone"
PYSNMP: Final = "pysnmp v3 SHA/AES, against snmpd"


@dataclass
class Row:
    """What one way of polling took, round after round."""

    name: str
    results: list[Result] = field(default_factory=list)

    def per_million(self) -> list[float]:
        return [result.cpu_s / result.varbinds * 1e6 for result in self.results]

    @property
    def median(self) -> float:
        return statistics.median(self.per_million())

    @property
    def micros_per_sample(self) -> float:
        """CPU microseconds for one interface read once."""
        return statistics.median(result.cpu_s / result.samples * 1e6 for result in self.results)


Measure = Callable[[], Result]


def worker(kind: str, routers: int, cycles: int, port: int = world.PORT) -> Result:
    """One measurement of netmon or pysnmp, in a process that ends with it."""
    command = [sys.executable, "-m", "bench.work", kind, str(routers), str(cycles), str(port)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return Result(**json.loads(printed))


def rounds(count: int, measures: dict[str, Measure]) -> dict[str, Row]:
    """Everything once per round, interleaved. SystemExit if a poll fails: half a measurement is none."""
    rows = {name: Row(name) for name in measures}
    for number in range(count):
        for name, measure in measures.items():
            result = measure()
            if result.failures:
                raise SystemExit(f"{name}: {result.failures} failures; {result.first_failure or 'see its log'}")
            rows[name].results.append(result)
        print(f"round {number + 1} of {count} done", file=sys.stderr)
    return rows


def polling(folder: Path, program: Path, options: argparse.Namespace) -> dict[str, Row]:
    """Everybody polls the same responder."""
    routers = options.routers
    with world.responder(program, folder / "responder.log"), peers.exporter(folder) as exporter:
        return rounds(
            options.rounds,
            {
                V2C: lambda: worker("poll", routers, options.cycles),
                EXPORTER: lambda: exporter.scrape(routers, max(1, options.cycles // 5)),
                WALK: lambda: worker("walk", routers, max(1, options.cycles // 5)),
                COLLECTD: lambda: peers.collectd(folder, routers, options.collectd_seconds),
            },
        )


def security(folder: Path, options: argparse.Namespace) -> dict[str, Row]:
    """netmon and pysnmp poll Debian's snmpd."""
    with world.net_snmp(folder) as port:
        return rounds(
            options.rounds,
            {
                PLAIN: lambda: worker("v2c", 1, options.snmpd_cycles, port),
                SECURE: lambda: worker("v3", 1, options.snmpd_cycles, port),
                CRYPTO: lambda: worker("crypto", 1, 5000),
                PYSNMP: lambda: worker("pysnmp", 1, 20, port),
            },
        )


def table(rows: dict[str, Row], base: str) -> str:
    """In Markdown; the ratios are to `base`, whose own is 1."""
    lines = [
        f"| | CPU-s per 1M varbinds | least - most | against {base} | µs per interface read |",
        "| --- | --: | --: | --: | --: |",
    ]
    for row in rows.values():
        all_of_it, ratio = row.per_million(), row.median / rows[base].median
        says = "1" if row.name == base else f"{1 / ratio:.1f}x cheaper" if ratio < 1 else f"{ratio:.1f}x dearer"
        lines.append(
            f"| {row.name} | {row.median:.2f} | {min(all_of_it):.2f} - {max(all_of_it):.2f} | {says}"
            f" | {row.micros_per_sample:.1f} |"
        )
    return "\n".join(lines)


def security_verdict(rows: dict[str, Row]) -> str:
    allowed = 1.3 * rows[PLAIN].median + rows[CRYPTO].median
    return (
        f"v3: {rows[SECURE].median:.2f}, where 1.3 x v2c plus the crypto is {allowed:.2f}"
        f" ({'met' if rows[SECURE].median <= allowed else 'missed'});"
        f" pysnmp takes {rows[PYSNMP].median / rows[SECURE].median:.0f} times as much (goal: 50)"
    )


def scale(folder: Path, program: Path, options: argparse.Namespace) -> str:
    """5,000 routers, far away, over a bad line."""
    with world.responder(program, folder / "far.log", delay_ms=50, loss_percent=2):
        result = worker("scale", options.scale, 1)
    return (
        f"{options.scale} routers at 50 ms and 2 % loss, one process, at most 256 descriptors:"
        f" {result.samples} interfaces, {result.varbinds} varbinds in {result.wall_s:.1f} s,"
        f" {result.cpu_s:.1f} CPU-s, {result.failures} polls failed, {result.retries} requests sent again,"
        f" {result.lost_to_full_buffers} datagrams lost to full buffers, {result.resident_mib:.0f} MiB resident"
        + (f"; first failure: {result.first_failure}" if result.first_failure else "")
    )


def whole_service(folder: Path, program: Path, options: argparse.Namespace) -> str:
    """netmon's daemon and, beside it, snmp_exporter polling the same routers as often."""
    routers, interval = options.service_routers, options.service_interval
    with (
        world.responder(program, folder / "service.log"),
        peers.exporter(folder) as exporter,
        exporter.paced(routers, interval) as so_far,
    ):
        report = service.measure(folder, routers, interval, options.service_window, options.service_windows)
        peer = so_far()
    if peer.failures:
        raise SystemExit(f"{EXPORTER}: {peer.failures} failures")
    micros, polling = statistics.median(report.micros_per_sample()), peer.cpu_s / peer.samples * 1e6
    against = f", {micros / polling:.2f} of the {polling:.1f} that {EXPORTER} takes for polling as often"
    each = ", ".join(f"{seconds:.1f}" for seconds in report.by_process)
    return (
        f"whole service, {options.service_routers} routers every {options.service_interval} s,"
        f" {options.service_windows} windows of {options.service_window} s:"
        f" {micros:.1f} µs of CPU per interface-sample{against};"
        f" CPU-s of the daemon and its children {each}; {report.resident_mib:.0f} MiB resident;"
        f" /metrics has {report.scrape_octets / 1e6:.1f} MB;"
        f" {report.series_wrong} of {report.series_checked} totals differ from the responder's, {report.gaps} gaps"
    )


def versions() -> str:
    packages = {
        "snmp_exporter": "prometheus-snmp-exporter",
        "collectd": "collectd-core",
        "net-snmp": "snmpd",
    }
    peers_ = ", ".join(f"{name} {world.version(package)}" for name, package in packages.items())
    ours = ", ".join(f"{name} {distribution(name)}" for name in ("netmon", "uvloop", "cryptography", "pysnmp"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {ours}; {peers_};"
        f" Linux {platform.release()}, {os.cpu_count()} CPUs"
    )


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.snmp", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=("polling", "security", "scale", "service"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routers", type=int, default=200, help="for the comparison with the peers")
    parser.add_argument("--cycles", type=int, default=10, help="visits of each router, a fifth of it for the slow")
    parser.add_argument("--collectd-seconds", type=float, default=4)
    parser.add_argument("--snmpd-cycles", type=int, default=60)
    parser.add_argument("--scale", type=int, default=5000, help="routers")
    parser.add_argument("--service-routers", type=int, default=1000)
    parser.add_argument("--service-interval", type=int, default=30, help="seconds between visits")
    parser.add_argument("--service-window", type=int, default=30, help="seconds")
    parser.add_argument("--service-windows", type=int, default=5)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    options = options_of(arguments)
    world.require_tools()
    world.enter_namespace("bench.snmp", arguments)
    chosen = options.only or ["polling", "security", "scale", "service"]
    print(f"`python -m bench.snmp {' '.join(arguments)}`; {versions()}\n")
    with tempfile.TemporaryDirectory(prefix="netmon-bench-") as name:
        folder = Path(name)
        program = world.build(folder)
        if "polling" in chosen:
            rows = polling(folder, program, options)
            print(table(rows, EXPORTER), flush=True)
            print(f"\nagainst {COLLECTD}: {rows[COLLECTD].median / rows[V2C].median:.1f}x cheaper\n", flush=True)
        if "security" in chosen:
            secure = security(folder, options)
            print(f"{table(secure, PLAIN)}\n\n{security_verdict(secure)}\n", flush=True)
        if "scale" in chosen:
            print(f"{scale(folder, program, options)}\n", flush=True)
        if "service" in chosen:
            print(whole_service(folder, program, options), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
