"""What it costs to replay a month of a province under other policies. `make bench-whatif`.

40 routers of 25 agencies each, a circuit an agency, read every 300 s: what a ledger keeps for 395 days. Traffic
follows the day, so that one agency in three comes to a limit. The ledger is filled first; `whatif` then runs in a
process of its own, as the verb does, and reads it cold.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from netmon.config.load import Configuration, load
from netmon.core.heads import Head, Visit
from netmon.core.measurement import Interface, PduStamp
from netmon.core.model import NANOSECONDS
from netmon.core.periods import to_ns
from netmon.store.ledger import Ledger

INTERVAL_NS = 300 * NANOSECONDS
BATCH = 2000
START_NS = to_ns(datetime(2026, 9, 30, 17, tzinfo=UTC))
"""The first of October in Asia/Jakarta."""

VERB = """
import resource, sys, time
from netmon.cli.app import run
began, cpu = time.perf_counter(), time.process_time()
code = run(sys.argv[1:])
print(f"{time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} CPU-s,"
    f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB at most", file=sys.stderr)
sys.exit(code)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routers", type=int, default=40)
    parser.add_argument("--ports", type=int, default=25)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--directory", type=Path, help="Keeps the ledger there, and takes it from there if it is.")
    parser.add_argument("--picture", type=Path, help="Drawn besides.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = given.directory or Path(temporary)
        config = directory / "netmon.yaml"
        if not config.exists():
            began = time.perf_counter()
            fill(written(directory, given.routers, given.ports), given.routers, given.ports, given.days)
            print(f"the ledger was filled in {time.perf_counter() - began:.0f} s")
        size = (directory / "ledger.db").stat().st_size
        print(
            f"{given.routers * given.ports} agencies, {given.days} days, a ledger of {size / 1e6:,.0f} MB:", flush=True
        )
        arguments = ["-c", str(config), "--policies", str(directory / "stricter"), "--period", "2026-10"]
        if given.picture is not None:
            arguments += ["--picture", str(given.picture)]
        return subprocess.run([sys.executable, "-c", VERB, "whatif", *arguments], check=False).returncode


def fill(configuration: Configuration, routers: int, ports: int, days: int) -> None:
    ledger = Ledger.open(configuration.settings.ledger, START_NS)
    batch: list[Visit] = []
    for visit in visits(routers, ports, days * 288 + 1):
        batch.append(visit)
        if len(batch) == BATCH:
            ledger.commit(batch)
            batch = []
    ledger.commit(batch)
    ledger.close()


def visits(routers: int, ports: int, count: int) -> Iterator[Visit]:
    """Each router at its own phase; busy in office hours, on working days, and never the same."""
    series = tuple(Interface(number, f"ether{number}") for number in range(1, ports + 1))
    nothing = (None,) * ports
    totals = [([0] * ports, [0] * ports) for _ in range(routers)]
    for number in range(count):
        hour, weekday = number / 12 % 24, number // 288 % 7
        busy = 0.1 + math.exp(-((hour - 10.5) ** 2) / 6) * (1 if weekday < 5 else 0.3)
        for at, (entering, leaving) in enumerate(totals):
            for port in range(ports):
                octets = int(busy * (port + 1) * 5_000_000 * (1 + 0.5 * math.sin(number * (port + 1) + at)))
                leaving[port] += octets
                entering[port] += octets // 6
            ins, outs = tuple(entering), tuple(leaving)
            at_ns = START_NS + number * INTERVAL_NS + (at * 7 - 290) * NANOSECONDS
            stamps = (PduStamp(number * 30_000 % 2**32, at_ns),)
            head = Head(f"r{at:04}", number + 1, series, stamps, (0,) * ports, ins, outs, nothing, ins, outs)
            yield Visit(number, head)


def written(directory: Path, routers: int, ports: int) -> Configuration:
    """A site of one agency a port, with quotas that do not bite, stricter ones beside them, and a pool that is short
    in the busy hours.
    """
    bought = routers * ports * 3 // 2
    names = [(f"a{at:04}", f"r{at // ports:04}", f"ether{at % ports + 1}") for at in range(routers * ports)]
    entitled = "entitlements: [{pool: internet, floor: {download: 500kbps, upload: 100kbps}}]"
    agencies = "".join(f"  {name}: {{name: Agency {name}, quotas: [down, up], {entitled}}}\n" for name, _, _ in names)
    blocks: dict[str, list[str]] = {}
    for name, router, port in names:
        circuit = f"{name}-fo: {{agency: {name}, interface: {port}, faces: agency, pools: [internet]}}"
        blocks.setdefault(router, []).append(circuit)
    routed = "".join(
        f"  {name}: {{address: 10.0.{at}.1, circuits: {{{', '.join(circuits)}}}}}\n"
        for at, (name, circuits) in enumerate(blocks.items())
    )
    for folder, scale in ((directory / "policies" / "quotas", 10), (directory / "stricter", 1)):
        folder.mkdir(parents=True)
        (folder / "quotas.yaml").write_text(
            "quotas:\n"
            f"  down: {{direction: download, period: month, volume: {200 * scale} GB,"
            " ladder: [{at: 80%, notify: true}, {at: 100%, slow_to: 3 Mbps}, {at: 120%, slow_to: 1 Mbps}]}\n"
            f"  up: {{direction: upload, period: week, volume: {10 * scale} GB,"
            " ladder: [{at: 100%, slow_to: 500 kbps}]}\n",
            encoding="utf-8",
        )
    (directory / "community").write_text("public\n", encoding="utf-8")
    path = directory / "netmon.yaml"
    path.write_text(
        "site: {name: bench}\nledger: sqlite:///ledger.db\n"
        "control: {require_synchronised_clock: false}\n"
        "snmp: {credentials: {default: {community: {file: community}}}}\n"
        f"pools: {{internet: {{download: {bought}Mbps, upload: {bought // 5}Mbps}}}}\n"
        f"agencies:\n{agencies}routers:\n{routed}",
        encoding="utf-8",
    )
    return load(path)


if __name__ == "__main__":
    sys.exit(main())
