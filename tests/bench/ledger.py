"""What the ledger costs: a synthetic day of a province, at full durability. `make bench-ledger`.

Every router has five circuits of one agency and is visited once in 60 s, at its own phase. Measured are how fast
deltas go in, what they take on disk, how long usage takes to be told, and what thinning takes of the writer.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from netmon.config.load import Configuration, load
from netmon.core.heads import Head, Visit
from netmon.core.measurement import Interface, PduStamp
from netmon.core.model import NANOSECONDS
from netmon.core.periods import to_ns
from netmon.core.thinning import grid
from netmon.daemon.bookkeeping import Books
from netmon.daemon.clock import Trust
from netmon.daemon.ledger import LedgerService
from netmon.daemon.queries import By, Span, usage_rows
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.store.settings import LedgerSettings
from netmon.store.size import visit_bytes
from netmon.store.thinning import Level

T = TypeVar("T")

INTERVAL_NS = 60 * NANOSECONDS
PORTS = 5
BATCH = 2000
SERIES = tuple(Interface(number, f"ether{number}") for number in range(1, PORTS + 1))
DAYS_OF_A_MONTH = 30
SETTLED_NS = 600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Day:
    """What is filled."""

    routers: int
    start_ns: int
    hours: int

    @property
    def visits(self) -> int:
        return self.routers * self.hours * 60

    @property
    def told_ns(self) -> int:
        """When usage is asked for; how much there is before or after it costs nothing."""
        return self.start_ns + 2 * 3600 * NANOSECONDS

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.hours * 3600 * NANOSECONDS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routers", type=int, default=1000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--directory", type=Path, help="On the disk to be measured; a temporary one by default.")
    given = parser.parse_args()

    day = Day(given.routers, to_ns(datetime(2026, 9, 30, 17, tzinfo=UTC)), given.hours)
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        configuration = written(Path(directory), day.routers)
        measure(configuration, day)
    return 0


def measure(configuration: Configuration, day: Day) -> None:
    """Prints one line a figure."""
    path = configuration.settings.ledger.path
    ledger = Ledger.open(configuration.settings.ledger, day.start_ns)
    fill(ledger, day)
    sizes(path, ledger, day)
    ledger.close()
    asyncio.run(refresh(configuration, day))
    before = usage(configuration, day)
    thin(configuration.settings.ledger, day)
    if usage(configuration, day, "after it: ") != before:
        raise SystemExit("thinning altered usage")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB resident at most")


def fill(ledger: Ledger, day: Day) -> None:
    """In batches of BATCH visits, each a transaction of its own with synchronous=FULL."""
    took: list[float] = []
    batch: list[Visit] = []
    cpu_s = 0.0
    for visit in visits_of(day):
        batch.append(visit)
        if len(batch) == BATCH:
            began, cpu = time.perf_counter(), time.process_time()
            ledger.commit(batch)
            took.append(time.perf_counter() - began)
            cpu_s += time.process_time() - cpu
            batch = []
    if batch:
        ledger.commit(batch)
    deltas = len(took) * BATCH * PORTS * 2
    print(
        f"ingest: {deltas / sum(took):,.0f} deltas/s ({deltas / cpu_s:,.0f} a CPU second), {deltas:,} in batches of"
        f" {BATCH} visits: {statistics.median(took) * 1e3:.1f} ms each, at most {max(took) * 1e3:.0f}"
    )


def visits_of(day: Day) -> Iterator[Visit]:
    """Minute by minute, each router at its phase; every counter grows by a law of its own."""
    names = [f"r{number:04}" for number in range(day.routers)]
    nothing = (None,) * PORTS
    for number in range(1, day.hours * 60 + 1):
        for at, name in enumerate(names):
            at_ns = day.start_ns + (number - 1) * INTERVAL_NS + at * INTERVAL_NS // day.routers
            totals = tuple((number - 1) * (10**7 + 1009 * at + port) * (port + 1) for port in range(PORTS))
            counters = tuple(2**40 + total for total in totals)
            yield Visit(
                number - 1,
                Head(
                    name,
                    number,
                    SERIES,
                    (PduStamp(number * 6000 % 2**32, at_ns),),
                    (0,) * PORTS,
                    counters,
                    counters,
                    nothing,
                    totals,
                    totals,
                    host_uptime_ticks=number * 6000,
                ),
            )


def sizes(path: Path, ledger: Ledger, day: Day) -> None:
    with ledger._transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    size = 4096 * int(pages)
    predicted = visit_bytes(PORTS) * day.visits
    month = size * 24 / day.hours * DAYS_OF_A_MONTH
    print(
        f"size: {size / 1e6:,.0f} MB for {day.visits:,} visits, {size / day.visits:.0f} octets each, predicted"
        f" {predicted / size:.2f} of it; a month {month / 1e9:.1f} GB"
    )


async def refresh(configuration: Configuration, day: Day) -> None:
    """Percentiles of the first hour, then an hour further."""
    settings = configuration.settings.ledger
    now_ns = day.told_ns - 3600 * NANOSECONDS
    service = LedgerService.open(settings, lambda: now_ns)
    books = Books(configuration, service, lambda: now_ns, lambda: Trust(None))
    for what in ("the first hour", "an hour further"):
        began = time.process_time()
        await books.refresh()
        took_s = time.process_time() - began
        print(f"percentiles of {day.routers} agencies and {day.routers * PORTS} circuits, {what}: {took_s:.1f} CPU-s")
        now_ns = day.told_ns
    await service.close()


def usage(configuration: Configuration, day: Day, when: str = "") -> list[int]:
    settings = configuration.settings.ledger
    reader = LedgerReader.open(settings.path, settings.busy_timeout)
    totals = []
    for what, agency, times in (("one agency-month", "a0001", 20), (f"{day.routers} agencies", None, 3)):
        took, rows = timed(
            lambda agency=agency: usage_rows(  # type: ignore[misc]
                configuration, reader, agency, Span(label="2026-10"), By.AGENCY, day.told_ns
            ),
            times,
        )
        totals.append(sum(row["proven_bytes"] + row["estimated_bytes"] for row in rows))
        print(f"{when}usage of {what}: {took * 1e3:.1f} ms")
    reader.close()
    return totals


def thin(settings: LedgerSettings, day: Day) -> None:
    """The day of one router in ten, as the daemon does it, but without its pauses."""
    ledger = Ledger.open(settings, day.end_ns)
    took: list[float] = []
    judged = dropped = 0
    level = Level("grid", grid, day.end_ns - SETTLED_NS)
    for router in ledger.routers()[::10]:
        more = True
        while more:
            began = time.perf_counter()
            done = ledger.thin(router, level, 128)
            took.append(time.perf_counter() - began)
            judged, dropped, more = judged + done.judged, dropped + done.dropped, done.more
    ledger.close()
    print(
        f"thinning: {judged / sum(took):,.0f} visits/s judged, {dropped:,} of {judged:,} dropped, batches of 128:"
        f" {statistics.median(took) * 1e3:.1f} ms, at most {max(took) * 1e3:.0f}"
    )


def timed(work: Callable[[], T], times: int) -> tuple[float, T]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        result = work()
        took.append(time.perf_counter() - began)
    return statistics.median(took), result


def written(directory: Path, routers: int) -> Configuration:
    """A site with one agency a router."""
    agencies = "".join(f"  a{n:04}: {{name: Agency {n}}}\n" for n in range(routers))
    blocks = []
    for n in range(routers):
        circuits = ", ".join(
            f"a{n:04}-{port}: {{agency: a{n:04}, interface: ether{port}, faces: agency}}"
            for port in range(1, PORTS + 1)
        )
        blocks.append(f"  r{n:04}: {{address: 10.{n >> 8}.{n & 255}.1, circuits: {{{circuits}}}}}\n")
    (directory / "community").write_text("public\n", encoding="utf-8")
    path = directory / "netmon.yaml"
    path.write_text(
        "site: {name: bench}\nledger: sqlite:///ledger.db\n"
        "control: {require_synchronised_clock: false}\n"
        "snmp: {poll_interval: 60s, credentials: {default: {community: {file: community}}}}\n"
        f"agencies:\n{agencies}routers:\n{''.join(blocks)}",
        encoding="utf-8",
    )
    return load(path)


if __name__ == "__main__":
    sys.exit(main())
