"""What people use today, on the same routers: Prometheus' snmp_exporter and collectd's snmp plugin.

Both read the eight columns of `work.WALKED`; only varbinds that were wanted are counted, not what a bulk overshoots.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml
from bench.work import WALKED, Result
from bench.world import COMMUNITY, INTERFACES, address, cpu_s, resident_mib, udp_counters
from support.processes import free_port, listens, running

from netmon.snmp.oid import format_oid

MODULE: Final = "bench"
SCRAPERS: Final = 20
VARBINDS: Final = len(WALKED) * INTERFACES + 1
"""Of one router, sysUpTime included."""
INTERVAL_S: Final = 1
READ_THREADS: Final = 20
BULK: Final = 50
WHOLE: Final = 0.05
"""How far from a whole number the requests of one round may lie: further, and collectd does not keep up."""


class Exporter:
    """A running snmp_exporter."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid, self._port = pid, port

    def scrape(self, routers: int, cycles: int) -> Result:
        """Every router `cycles` times, over kept connections; CPU is the exporter's alone."""
        before, began = cpu_s(self._pid), time.perf_counter()
        with ThreadPoolExecutor(SCRAPERS) as pool:
            failures = sum(pool.map(self._scrape, range(SCRAPERS), [routers] * SCRAPERS, [cycles] * SCRAPERS))
        visits = routers * cycles
        return Result(
            cpu_s(self._pid) - before,
            visits * VARBINDS,
            visits * INTERFACES,
            failures,
            time.perf_counter() - began,
            resident_mib(self._pid),
        )

    @contextmanager
    def paced(self, routers: int, interval_s: float) -> Iterator[Callable[[], Result]]:
        """Scrapes every router once in each interval, evenly spread; what is yielded says what it has cost so far."""
        before, began, ended = cpu_s(self._pid), time.perf_counter(), threading.Event()
        visits = failures = 0

        def pace() -> None:
            nonlocal visits, failures
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            while not ended.wait(max(0.0, began + visits * interval_s / routers - time.perf_counter())):
                failures += self._fetch(connection, visits % routers)
                visits += 1
            connection.close()

        def result() -> Result:
            spent = cpu_s(self._pid) - before
            wall = time.perf_counter() - began
            return Result(spent, visits * VARBINDS, visits * INTERFACES, failures, wall, resident_mib(self._pid))

        thread = threading.Thread(target=pace)
        thread.start()
        try:
            yield result
        finally:
            ended.set()
            thread.join()

    def _scrape(self, scraper: int, routers: int, cycles: int) -> int:
        connection, failures = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30), 0
        for _ in range(cycles):
            for router in range(scraper, routers, SCRAPERS):
                failures += self._fetch(connection, router)
        connection.close()
        return failures

    @staticmethod
    def _fetch(connection: http.client.HTTPConnection, router: int) -> bool:
        """One router's scrape; whether it failed."""
        connection.request("GET", f"/snmp?target={address(router)}&module={MODULE}")
        answer = connection.getresponse()
        lines = answer.read().count(b"\n")
        return answer.status != 200 or lines < VARBINDS


@contextmanager
def exporter(folder: Path) -> Iterator[Exporter]:
    """snmp_exporter with the eight columns and no lookups, which would cost it more."""
    indexes = [{"labelname": "ifIndex", "type": "gauge"}]
    metrics = [
        {"name": f"column{at}", "oid": format_oid(column), "type": "gauge", "help": "-", "indexes": indexes}
        for at, column in enumerate(WALKED)
    ]
    metrics.append({"name": "sysUpTime", "oid": "1.3.6.1.2.1.1.3", "type": "gauge", "help": "-"})
    module = {
        "walk": [format_oid(column) for column in WALKED],
        "get": ["1.3.6.1.2.1.1.3.0"],
        "metrics": metrics,
        "version": 2,
        "max_repetitions": BULK,
        "timeout": "5s",
        "auth": {"community": COMMUNITY.decode()},
    }
    configuration = folder / "snmp.yml"
    configuration.write_text(yaml.safe_dump({MODULE: module}, sort_keys=False))
    port = free_port()
    command = [
        "prometheus-snmp-exporter",
        f"--config.file={configuration}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, lambda: listens(port), folder / "exporter.log") as process:
        yield Exporter(process.pid, port)


def collectd(folder: Path, routers: int, seconds: float) -> Result:
    """collectd reading every router each second; what it reads it then drops, so that nothing is written."""
    configuration = folder / "collectd.conf"
    configuration.write_text(_collectd_conf(folder, routers))
    with running(["collectd", "-f", "-C", configuration], lambda: True, folder / "collectd.out") as process:
        time.sleep(3 * INTERVAL_S)  # what its start costs is not measured
        cpu, asked, began = cpu_s(process.pid), udp_counters()["OutDatagrams"], time.perf_counter()
        time.sleep(seconds)  # so long it is measured, at its own pace
        spent, datagrams = cpu_s(process.pid) - cpu, udp_counters()["OutDatagrams"] - asked
        wall = time.perf_counter() - began
        resident = resident_mib(process.pid)
    exchanges = datagrams / 2 / routers / (wall / INTERVAL_S)
    each = round(exchanges)
    failures = int(abs(exchanges - each) > WHOLE * max(1, each))
    visits = datagrams / 2 / max(1, each)
    return Result(
        spent, int(visits * (VARBINDS - 1)), int(visits * INTERFACES), failures, wall, resident, int(exchanges * 100)
    )


def _collectd_conf(folder: Path, routers: int) -> str:
    columns = [format_oid(column) for column in WALKED]
    data = {
        "octets": ("if_octets", columns[0:2]),
        "errors": ("if_errors", columns[2:4]),
        "discards": ("if_dropped", columns[4:6]),
        "status": ("gauge", columns[6:7]),
        "speed": ("bitrate", columns[7:8]),
    }
    tables = "".join(
        f'<Data "{name}">\n Type "{kind}"\n Table true\n Values {" ".join(map(_quoted, values))}\n</Data>\n'
        for name, (kind, values) in data.items()
    )
    hosts = "".join(
        f'<Host "router-{router}">\n Address "{address(router)}"\n Version 2\n Community "{COMMUNITY.decode()}"\n'
        f" Collect {' '.join(map(_quoted, data))}\n Interval {INTERVAL_S}\n BulkSize {BULK}\n Timeout 2\n Retries 1\n"
        "</Host>\n"
        for router in range(routers)
    )
    return (
        f'Hostname "bench"\nFQDNLookup false\nBaseDir "{folder}"\nPIDFile "{folder}/collectd.pid"\n'
        f'TypesDB "/usr/share/collectd/types.db"\nInterval {INTERVAL_S}\nReadThreads {READ_THREADS}\n'
        f'LoadPlugin logfile\n<Plugin logfile>\n LogLevel "warning"\n File "{folder}/collectd.log"\n</Plugin>\n'
        f'LoadPlugin csv\n<Plugin csv>\n DataDir "{folder}/csv"\n</Plugin>\n'
        'PostCacheChain "drop"\n<Chain "drop">\n Target "stop"\n</Chain>\n'
        f"LoadPlugin snmp\n<Plugin snmp>\n{tables}{hosts}</Plugin>\n"
    )


def _quoted(text: str) -> str:
    return f'"{text}"'
