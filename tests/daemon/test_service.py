"""The whole daemon as a process of its own, against SNMP agents whose counters the test moves."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon.boxes import COMMUNITY, Box, served
from daemon.world import alive, children
from support.processes import free_port, running, wait_until
from support.stack import fetch, sample

from netmon.daemon.control import request
from netmon.store.reader import LedgerReader

DAEMON = Path(__file__).with_name("netmond.py")
TOTAL = "netmon_circuit_bytes_total"


@dataclass
class Site:
    """A directory with a configuration, and the daemon that runs on it."""

    directory: Path
    port: int
    boxes: Mapping[str, Box]

    @property
    def config(self) -> Path:
        return self.directory / "netmon.yaml"

    @property
    def log(self) -> Path:
        return self.directory / "daemon.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write(self, *routers: str, interval: str = "500ms", deadline: str = "400ms", control: str = "200ms") -> None:
        self.config.write_text(
            json.dumps(
                {
                    "site": {"name": "sulteng", "timezone": "Asia/Makassar"},
                    "ledger": {"path": "ledger.db", "commit_interval": "50ms"},
                    "snmp": {
                        "credentials": {"default": {"version": "2c", "community": {"env": "NETMON_TEST_COMMUNITY"}}},
                        "poll_interval": interval,
                        "poll_deadline": deadline,
                        "timeout": "200ms",
                        "retries": 1,
                    },
                    "agencies": {"dinkes": {"name": "Dinas Kesehatan", "quotas": ["standard-download"]}},
                    "routers": {
                        name: {
                            "address": "127.0.0.1",
                            "snmp_port": self.boxes[name].port,
                            "uplinks": ["ether2"],
                            "circuits": {f"{name}-fo": {"agency": "dinkes", "interface": "ether1", "faces": "agency"}},
                        }
                        for name in routers
                    },
                    "http": {"host": "127.0.0.1", "port": self.port},
                    "control": {"socket": "c.sock", "interval": control, "require_synchronised_clock": False},
                }
            )
        )

    @contextmanager
    def daemon(self, seconds: float = 30, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """From its readiness on; ended by SIGTERM at the latest with the block."""
        command: list[str | Path] = [sys.executable, DAEMON, self.config]
        variables = {**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY, **environment}
        with running(command, self.ready, self.log, variables, seconds) as process:
            yield process

    def ready(self) -> bool:
        return fetch(f"{self.url}/readyz")[0] == 200

    def total(self, router: str, direction: str) -> int | float | None:
        return sample(self.url, TOTAL, circuit=f"{router}-fo", direction=direction)

    def said(self, sentence: str) -> bool:
        return sentence in self.log.read_text()

    def committed(self, router: str) -> tuple[int, int]:
        """(download, upload) of the router's circuit as the ledger holds it."""
        reader = LedgerReader.open(self.directory / "ledger.db")
        try:
            visits = [visit for visit in reader.visits_after(0, 100_000) if visit.router == router]
        finally:
            reader.close()
        return visits[-1].out_total[0], visits[-1].in_total[0]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(("palu", "gowa")) as boxes:
        one = Site(tmp_path, free_port(), boxes)
        one.write("palu")
        yield one


def test_it_becomes_ready_and_says_so_to_the_init_system(site: Site) -> None:
    notifications = site.directory / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as init:
        init.bind(str(notifications))
        init.settimeout(10)
        with site.daemon(NOTIFY_SOCKET=str(notifications), WATCHDOG_USEC="900000") as daemon:
            assert init.recv(100) == b"READY=1"
            assert fetch(f"{site.url}/healthz") == (200, "alive\n")
            assert fetch(f"{site.url}/readyz") == (200, "ready\n")
            assert {init.recv(100) for _ in range(3)} == {b"WATCHDOG=1"}
            daemon.terminate()
            while (word := init.recv(100)) == b"WATCHDOG=1":
                continue
            assert word == b"STOPPING=1"
            assert daemon.wait(10) == 0


def test_it_is_not_ready_before_a_router_has_answered_and_no_longer_when_none_does(site: Site) -> None:
    live = site.boxes["palu"].port
    site.boxes["palu"].port = free_port(socket.SOCK_DGRAM)
    site.write("palu")
    site.boxes["palu"].port = live
    with running(
        [sys.executable, DAEMON, site.config],
        lambda: fetch(f"{site.url}/healthz")[0] == 200,
        site.log,
        {**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY},
    ) as daemon:
        assert fetch(f"{site.url}/readyz") == (503, "no router has answered yet\n")
        site.write("palu")
        daemon.send_signal(signal.SIGHUP)
        wait_until(site.ready, "the reload to make it ready")


def test_metrics_equal_the_agents_counters_to_the_byte(site: Site) -> None:
    box = site.boxes["palu"]
    with site.daemon():
        wait_until(lambda: site.total("palu", "download") == 0, "the first visit")
        for step in range(1, 4):
            box.count("ether1", into=1_234_567 * step, out=7_654_321 * step)
            box.count("ether2", into=11, out=13)
            expected = 7_654_321 * step * (step + 1) // 2, 1_234_567 * step * (step + 1) // 2
            wait_until(
                lambda expected=expected: (  # type: ignore[misc]
                    (site.total("palu", "download"), site.total("palu", "upload")) == expected
                ),
                f"{expected} bytes",
            )
        assert sample(site.url, "netmon_uplink_bytes_total", router="palu", direction="download") == 33
        assert sample(site.url, "netmon_uplink_bytes_total", router="palu", direction="upload") == 39
        assert sample(site.url, "netmon_router_up", router="palu") == 1
        usage = sample(site.url, "netmon_agency_usage_bytes", agency="dinkes", direction="download")
        assert usage is not None
        wait_until(
            lambda: sample(site.url, "netmon_agency_usage_bytes", agency="dinkes") == 7_654_321 * 6,
            "the control loop to show the same usage",
        )
        assert (sample(site.url, "netmon_ledger_visits_total") or 0) > 0
    assert site.committed("palu") == (7_654_321 * 6, 1_234_567 * 6)


def test_sigterm_drains_and_ends_with_0_within_ten_seconds(site: Site) -> None:
    with site.daemon() as daemon:
        offspring = children(daemon.pid)
        assert len(offspring) >= 2, "the enforcer and the worker"
        began = time.monotonic()
        daemon.terminate()
        assert daemon.wait(10) == 0
        assert time.monotonic() - began < 10
        wait_until(lambda: not any(alive(pid) for pid in offspring), "the children to be gone", seconds=2)
    assert not (site.directory / "c.sock").exists()
    assert "Traceback" not in site.log.read_text()
    assert " ERROR " not in site.log.read_text()


def test_a_broken_configuration_is_reported_and_the_old_one_stays(site: Site) -> None:
    with site.daemon() as daemon:
        good = site.config.read_text()
        site.config.write_text(good.replace('"sulteng"', '"sulteng", "colour": "red"'))
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: site.said("the configuration was not reloaded, the old one stays"), "the complaint")
        assert site.said("netmon.yaml:1:")
        site.config.write_text("routers: [")
        daemon.send_signal(signal.SIGHUP)
        wait_until(
            lambda: site.log.read_text().count("the configuration was not reloaded") == 2, "the second complaint"
        )
        site.boxes["palu"].count("ether1", out=1000)
        wait_until(lambda: site.total("palu", "download") == 1000, "polling to go on")


def test_a_good_configuration_is_taken_up_while_it_runs(site: Site) -> None:
    with site.daemon() as daemon:
        site.boxes["palu"].count("ether1", out=500)
        wait_until(lambda: site.total("palu", "download") == 500, "500 bytes")
        site.write("palu", "gowa")
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: site.total("gowa", "download") == 0, "the new router to be polled")
        for box in site.boxes.values():
            box.count("ether1", out=70)
        wait_until(lambda: site.total("gowa", "download") == 70, "the new router's bytes")
        wait_until(lambda: site.total("palu", "download") == 570, "the old router's bytes")
        site.write("gowa")
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: site.total("palu", "download") is None, "the removed router to go")
        wait_until(site.ready, "readiness")
        asked = site.boxes["palu"].polls
        polls = site.boxes["gowa"].polls
        wait_until(lambda: site.boxes["gowa"].polls > polls + 2, "more polls")
        assert site.boxes["palu"].polls == asked, "it is left alone"
        assert site.said("the configuration was reloaded: 1 routers")


def test_kill_9_at_any_moment_neither_doubles_nor_loses_a_byte(site: Site) -> None:
    box, chance, ended = site.boxes["palu"], random.Random(9), threading.Event()
    site.write("palu", interval="100ms", deadline="100ms")

    def traffic() -> None:
        while not ended.wait(0.003):
            box.count("ether1", into=chance.randrange(1500), out=chance.randrange(90_000))

    first_out, first_in = box.octets("ifHCOutOctets", "ether1"), box.octets("ifHCInOctets", "ether1")
    with site.daemon():
        wait_until(lambda: site.total("palu", "download") == 0, "the first visit")
    flow = threading.Thread(target=traffic)
    flow.start()
    try:
        for life in range(3):
            with site.daemon() as daemon:
                offspring = children(daemon.pid)
                polls = box.polls
                # Just as a request has come in: its reply is under way, and the visit before it perhaps committed.
                wait_until(lambda polls=polls, life=life: box.polls > polls + 3 + life, "polls")  # type: ignore[misc]
                daemon.kill()
                daemon.wait(5)
                wait_until(lambda offspring=offspring: not any(map(alive, offspring)), "its children to end", 15)  # type: ignore[misc]
    finally:
        ended.set()
        flow.join()
    grown = box.octets("ifHCOutOctets", "ether1") - first_out, box.octets("ifHCInOctets", "ether1") - first_in
    assert min(grown) > 0
    with site.daemon():
        wait_until(
            lambda: (site.total("palu", "download"), site.total("palu", "upload")) == grown,
            f"{grown} bytes, not {(site.total('palu', 'download'), site.total('palu', 'upload'))}",
        )
    assert site.committed("palu") == grown


def test_a_second_daemon_on_the_same_ledger_is_refused_with_one_sentence(site: Site) -> None:
    with site.daemon() as daemon:
        second = site.directory / "second.yaml"
        second.write_text(site.config.read_text().replace(f'"port": {site.port}', '"port": 0'))
        done = subprocess.run(
            [sys.executable, DAEMON, second],
            env={**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stderr.startswith("netmon: the ledger ")
        assert f"is in use by process {daemon.pid}; give the command to that daemon" in done.stderr
        box = site.boxes["palu"]
        box.count("ether1", out=10)
        wait_until(lambda: site.total("palu", "download") == 10, "the first daemon to go on")


def test_the_running_daemon_answers_on_its_control_socket(site: Site) -> None:
    with site.daemon() as daemon:
        wait_until(lambda: site.total("palu", "download") == 0, "the first visit")
        status = request(site.directory / "c.sock", "status", {})
        assert status["unready"] is None
        assert status["http_port"] == site.port
        assert status["routers"]["palu"]["problem"] is None
        assert status["routers"]["palu"]["polls"] > 0
        assert {status["processes"]["worker"], status["processes"]["enforcer"]} <= set(children(daemon.pid))


def test_a_killed_child_process_is_started_again_and_polling_never_notices(site: Site) -> None:
    with site.daemon():
        before = request(site.directory / "c.sock", "status", {})["processes"]
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        site.boxes["palu"].count("ether1", out=99)

        def again() -> bool:
            now = request(site.directory / "c.sock", "status", {})["processes"]
            return None not in now.values() and not set(now.values()) & set(before.values())

        wait_until(again, "two new processes")
        wait_until(lambda: site.total("palu", "download") == 99, "polling to go on")


def test_no_callback_holds_the_event_loop_for_20_ms_while_200_routers_are_polled(tmp_path: Path) -> None:
    """The machine is shared, so a window in which it was busy is measured again: a slow callback is in all of them."""
    names = [f"r{number:03}" for number in range(200)]
    with served(names) as boxes:
        site = Site(tmp_path, free_port(), boxes)
        site.write(*names, interval="2s", deadline="1s", control="5s")
        with site.daemon() as daemon:
            wait_until(
                lambda: (sample(site.url, "netmon_ledger_visits_total") or 0) >= 2 * len(names),
                "two rounds",
                seconds=30,
            )
            assert any(_share_within_20_ms(site) >= 0.99 for _ in range(4))
            daemon.terminate()
            assert daemon.wait(10) == 0
        assert all(box.polls > 1 for box in boxes.values())
        assert not site.said("not everything under way had ended"), "what was polled was committed at once"


def _share_within_20_ms(site: Site, samples: int = 16) -> float:
    """Of the next so many measurements of the event loop's lag."""

    def counts() -> tuple[float, float]:
        text = fetch(f"{site.url}/metrics")[1]
        buckets = [line for line in text.splitlines() if line.startswith("netmon_event_loop_lag_seconds_bucket")]
        within, every = (
            next(float(line.rpartition(" ")[2]) for line in buckets if f'le="{bound}"' in line)
            for bound in ("0.02", "+Inf")
        )
        return within, every

    before = counts()
    wait_until(lambda: counts()[1] >= before[1] + samples, "measurements of the event loop's lag")
    after = counts()
    return (after[0] - before[0]) / (after[1] - before[1])
