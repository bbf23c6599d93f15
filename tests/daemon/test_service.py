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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemon.boxes import COMMUNITY, Box, served
from daemon.world import alive, children
from support.processes import PATIENCE_S, free_port, running, wait_until
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

    def write(self, *routers: str, interval: str = "500ms", deadline: str = "500ms", control: str = "200ms") -> None:
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
    def daemon(self, ready: Callable[[], bool] | None = None, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """From its readiness on, or until `ready`; ended by SIGTERM at the latest with the block."""
        command: list[str | Path] = [sys.executable, DAEMON, self.config]
        variables = {**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY, **environment}
        with running(command, ready or self.ready, self.log, variables) as process:
            yield process

    def alive(self) -> bool:
        return fetch(f"{self.url}/healthz")[0] == 200

    def ready(self) -> bool:
        return fetch(f"{self.url}/readyz")[0] == 200

    def unready(self) -> str:
        """Why it is not ready."""
        return fetch(f"{self.url}/readyz")[1]

    def total(self, router: str, direction: str) -> int | float | None:
        return sample(self.url, TOTAL, circuit=f"{router}-fo", direction=direction)

    def uplink(self, router: str, direction: str) -> int | float | None:
        return sample(self.url, "netmon_uplink_bytes_total", router=router, direction=direction)

    def said(self, sentence: str) -> bool:
        return sentence in self.log.read_text()

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = request(self.directory / "c.sock", "status", {})
        return answer

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
        init.settimeout(PATIENCE_S)
        with site.daemon(NOTIFY_SOCKET=str(notifications), WATCHDOG_USEC="900000") as daemon:
            assert init.recv(100) == b"READY=1"
            assert fetch(f"{site.url}/healthz") == (200, "alive\n")
            wait_until(lambda: fetch(f"{site.url}/readyz") == (200, "ready\n"), "readiness")
            assert {init.recv(100) for _ in range(3)} == {b"WATCHDOG=1"}
            daemon.terminate()
            while (word := init.recv(100)) == b"WATCHDOG=1":
                continue
            assert word == b"STOPPING=1"
            assert daemon.wait(PATIENCE_S) == 0


def test_it_is_not_ready_before_a_router_has_answered_and_no_longer_when_none_does(site: Site) -> None:
    live = site.boxes["palu"].port
    site.boxes["palu"].port = free_port(socket.SOCK_DGRAM)
    site.write("palu")
    site.boxes["palu"].port = live
    with site.daemon(site.alive) as daemon:
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
        # A visit may have come between the two ports' counting.
        wait_until(lambda: site.uplink("palu", "download") == 33, "the uplink's download")
        wait_until(lambda: site.uplink("palu", "upload") == 39, "the uplink's upload")
        wait_until(lambda: sample(site.url, "netmon_router_up", router="palu") == 1, "a visit that succeeded")
        wait_until(
            lambda: (
                sample(site.url, "netmon_agency_usage_bytes", agency="dinkes", direction="download") == 7_654_321 * 6
            ),
            "the control loop to show the same usage",
        )
        assert (sample(site.url, "netmon_ledger_visits_total") or 0) > 0
    assert site.committed("palu") == (7_654_321 * 6, 1_234_567 * 6)


def test_sigterm_drains_and_ends_with_0_before_systemd_loses_patience(site: Site) -> None:
    with site.daemon() as daemon:
        wait_until(lambda: len(children(daemon.pid)) >= 2, "the enforcer and the worker")
        offspring = children(daemon.pid)
        daemon.terminate()
        assert daemon.wait(20) == 0, "TimeoutStopSec of the unit"
        wait_until(lambda: not any(alive(pid) for pid in offspring), "the children to be gone")
    assert not (site.directory / "c.sock").exists()
    assert "Traceback" not in site.log.read_text()
    assert " ERROR " not in site.log.read_text()
    assert not site.said("under way ended within"), "nothing had to be given up"


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
        # One thread answers for both, so what was still under way to the one is read before the other's second.
        polls = site.boxes["gowa"].polls
        wait_until(lambda: site.boxes["gowa"].polls > polls + 1, "more polls")
        asked = site.boxes["palu"].polls
        wait_until(lambda: site.boxes["gowa"].polls > polls + 4, "more polls")
        assert site.boxes["palu"].polls == asked, "it is left alone"
        assert site.said("the configuration was reloaded: 1 routers")


def test_kill_9_at_any_moment_neither_doubles_nor_loses_a_byte(site: Site) -> None:
    box, chance, ended = site.boxes["palu"], random.Random(9), threading.Event()
    site.write("palu", interval="200ms", deadline="200ms")

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
                daemon.wait(PATIENCE_S)
                wait_until(lambda offspring=offspring: not any(map(alive, offspring)), "its children to end")  # type: ignore[misc]
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
            timeout=PATIENCE_S,
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
        wait_until(lambda: None not in site.status()["processes"].values(), "both processes")
        # A poll that came too late on a busy machine is a problem until the next.
        wait_until(lambda: site.status()["routers"]["palu"]["problem"] is None, "a visit without a problem")
        status = site.status()
        assert status["http_port"] == site.port
        assert status["routers"]["palu"]["polls"] > 0
        assert {status["processes"]["worker"], status["processes"]["enforcer"]} <= set(children(daemon.pid))
        wait_until(lambda: site.status()["unready"] is None, "readiness")


def test_a_killed_child_process_is_started_again_and_polling_never_notices(site: Site) -> None:
    with site.daemon():
        wait_until(lambda: None not in site.status()["processes"].values(), "both processes")
        before = site.status()["processes"]
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        site.boxes["palu"].count("ether1", out=99)

        def again() -> bool:
            now = site.status()["processes"]
            return None not in now.values() and not set(now.values()) & set(before.values())

        wait_until(again, "two new processes")
        wait_until(lambda: site.total("palu", "download") == 99, "polling to go on")


def test_no_callback_holds_the_event_loop_for_20_ms_while_200_routers_are_polled(tmp_path: Path) -> None:
    """In processor time. A round that a cold cache spoilt is followed by another: a slow callback is in all of them."""
    names, slow = [f"r{number:03}" for number in range(200)], tmp_path / "slow"
    with served(names) as boxes:
        site = Site(tmp_path, free_port(), boxes)
        site.write(*names, interval="2s", deadline="2s", control="5s")

        def rounds() -> float:
            return (sample(site.url, "netmon_ledger_visits_total") or 0) / len(names)

        def slow_in_a_round() -> list[str]:
            began, done = time.monotonic(), rounds()
            wait_until(lambda: rounds() >= done + 1, "another round")
            lines = slow.read_text().splitlines()
            return [line for line in lines if float(line.split()[0]) > began]

        with site.daemon(NETMON_TEST_SLOW=str(slow)) as daemon:
            wait_until(lambda: rounds() >= 2, "two rounds")
            found = [slow_in_a_round()]
            while found[-1] and len(found) < 4:
                found.append(slow_in_a_round())
            assert [] in found
            daemon.terminate()
            assert daemon.wait(PATIENCE_S) == 0
        assert all(box.polls > 1 for box in boxes.values())
        assert not site.said("under way ended within"), "what was polled was committed at once"
