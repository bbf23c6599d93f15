"""The main job, end to end, with nothing mocked.

A Linux router in a network namespace, agencies behind it, real traffic; mosquitto, Prometheus and
VictoriaMetrics around netmon. An agency downloads past its quota, is limited, and is let go when the
period rolls; the daemon and its enforcer are killed half-way through two changes.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon.world import children
from support.dashboards import panel_queries
from support.edge_site import write_edge_site
from support.ledgers import audited
from support.processes import PATIENCE_S, free_port, running, wait_until
from support.stack import (
    Broker,
    cli,
    fetch,
    messages,
    mosquitto,
    netmon_run,
    prometheus,
    query,
    sample,
    subscriber,
    victoria_metrics,
)
from support.testbed import LinuxRouter, Port, linux_router, missing

from netmon.bundled import folder

reason = missing()
pytestmark = [pytest.mark.system, pytest.mark.measured, pytest.mark.skipif(reason is not None, reason=reason or "")]

PERIODS_S = tuple(seconds for seconds in range(50, 300) if 86_400 % seconds == 0)
"""A period is a divisor of a day, counted from the site's midnight."""
ZONE_S = 7 * 3600
"""Of Asia/Jakarta, east of UTC."""
ROOM_S = 48
"""All that is done before the period rolls has so long at the least."""
LIMIT_MBPS = 8


@dataclass(frozen=True)
class Scene:
    """Everything that runs, and where it is."""

    bed: LinuxRouter
    config: Path
    port: int
    ledger: Path
    log: Path
    rolls_s: float
    """When the period does, seconds since 1970."""

    @property
    def metrics(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def counted(self, circuit: str, direction: str) -> int | float | None:
        """What the metrics say a circuit has passed, bytes."""
        return sample(self.metrics, "netmon_circuit_bytes_total", circuit=circuit, direction=direction)


def until_roll(period_s: int) -> float:
    """Seconds until a period of that length rolls."""
    return period_s - (time.time() + ZONE_S) % period_s


def roomy() -> list[int]:
    """Lengths of periods that leave the room now."""
    return [seconds for seconds in PERIODS_S if until_roll(seconds) >= ROOM_S]


def write_configuration(
    directory: Path, bed: LinuxRouter, broker: Broker, influx_url: str, port: int, period_s: int
) -> Path:
    outputs = f"""\
outputs:
  mqtt: {{host: 127.0.0.1, port: {broker.port}, username: netmon, password: {{file: {directory / "mqtt"}}}}}
  influx: {{url: "{influx_url}", interval: 1s}}
"""
    agencies = {"rsud": "quotas: [tight]", "arsip": "quotas: [wide]"}
    path = write_edge_site(directory, bed, port, "1 Gbps", agencies, outputs, revert_after="5s")
    (directory / "mqtt").write_text(broker.netmon_password + "\n")
    (directory / "policies" / "quotas").mkdir(parents=True)
    (directory / "policies" / "quotas" / "test.yaml").write_text(
        f"""\
quotas:
  tight:
    direction: download
    period: {period_s}s
    volume: 100 MB
    ladder:
      - {{at: 80%, notify: true}}
      - {{at: 100%, slow_to: {LIMIT_MBPS} Mbps}}
      - {{at: 400%, slow_to: 4 Mbps}}
    hysteresis: 2%
  wide:
    direction: download
    period: {period_s}s
    volume: 1 TB
    ladder: [{{at: 100%, slow_to: 10 Mbps}}]
    hysteresis: 2%
"""
    )
    return path


def send(bed: LinuxRouter, sender: Port, receiver: Port, megabytes: int) -> None:
    """Exactly so much payload over TCP, as fast as it goes."""
    assert sender.namespace is not None
    assert receiver.namespace is not None
    port = str(free_port())
    listening = ["ip", "netns", "exec", receiver.namespace, "iperf3", "-s", "-1", "-p", port]
    with running(
        listening, lambda: f":{port} " in bed.exec(receiver.namespace or "", "ss", "-Hltn"), bed.directory / "send.log"
    ):
        bed.exec(
            sender.namespace, "iperf3", "-c", receiver.address, "-p", port, "-C", "cubic", "-n", f"{megabytes * 10**6}"
        )


def quieten(bed: LinuxRouter) -> None:
    """No IPv6 chatter: what the kernel counts from now on is what the test sends, and the agent knows the rest."""
    for namespace in (bed.namespace, bed.internet, *(port.namespace or "" for port in bed.agencies)):
        bed.exec(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    port = bed.agencies[0].interface
    wait_until(lambda: bed.octets_by_snmp(port) == bed.octets(port), "the agent to tell what the kernel counts")


def limit_of(bed: LinuxRouter) -> str:
    return bed.on_router("tc", "class", "show", "dev", bed.agencies[0].interface)


def kill_at(scene: Scene, daemon: subprocess.Popen[bytes], step: str) -> None:
    """kill -9 of the daemon and its children as soon as a change is known to have come to `step`."""
    family = [daemon.pid, *children(daemon.pid)]
    ledger = sqlite3.connect(f"file:{scene.ledger}?mode=ro", uri=True)
    deadline = time.monotonic() + PATIENCE_S
    try:
        while not ledger.execute(
            "select 1 from intent where closed_ns is null and json_extract(document, '$.step') = ?", (step,)
        ).fetchone():
            assert time.monotonic() < deadline, f"no change came to step {step}"
            time.sleep(0.002)  # a step lasts some hundredths of a second
        for pid in family:
            os.kill(pid, signal.SIGKILL)
    finally:
        ledger.close()
    daemon.wait(PATIENCE_S)


def receipts(scene: Scene) -> list[dict[str, object]]:
    found: list[dict[str, object]] = cli("receipts", config=scene.config)["data"]
    return found


def test_an_agency_over_its_quota_is_limited_proven_and_let_go(tmp_path: Path) -> None:
    port = free_port()
    with (
        linux_router(tmp_path / "bed") as bed,
        mosquitto(tmp_path / "mosquitto") as broker,
        victoria_metrics(tmp_path / "victoria") as influx,
        prometheus(tmp_path / "prometheus", port, (folder("grafana") / "prometheus" / "rules.yml",)) as prom,
        subscriber(broker, tmp_path) as heard,
    ):
        quieten(bed)
        wait_until(roomy, "midnight, when every period rolls")
        period_s = min(roomy(), key=until_roll)  # the next to roll: nobody waits for one to begin
        rolls_s = time.time() + until_roll(period_s)
        config = write_configuration(tmp_path / "netmon", bed, broker, influx, port, period_s)
        scene = Scene(bed, config, port, config.parent / "ledger.db", tmp_path / "netmon.log", rolls_s)
        _, before = bed.octets(bed.agencies[0].interface)

        with netmon_run(config, port, scene.log) as daemon:
            wait_until(lambda: scene.counted("rsud-1", "download") is not None, "the first visit")
            assert bed.octets(bed.agencies[0].interface)[1] == before, "the bed must be quiet until the first visit"

            send(bed, bed.uplink, bed.agencies[0], 85)
            wait_until(lambda: alerts(heard, "near_quota"), "the notification at 80 %")
            send(bed, bed.uplink, bed.agencies[0], 25)
            kill_at(scene, daemon, "apply")

        with netmon_run(config, port, scene.log) as daemon:
            wait_until(lambda: receipts(scene), "the half-done change to be resolved")
            wait_until(lambda: receipts(scene)[0]["outcome"] == "confirmed", "the limit to be in force for good")
            assert f"rate {LIMIT_MBPS}Mbit" in limit_of(bed)
            slowed, neighbour = bed.many_mbps(
                (bed.uplink, bed.agencies[0], None), (bed.uplink, bed.agencies[1], None), seconds=3
            )
            assert LIMIT_MBPS * 0.9 <= slowed <= LIMIT_MBPS * 1.1
            assert neighbour > 3 * LIMIT_MBPS
            wait_until(lambda: counts_agree(scene, before), "metrics equal to what the kernel counted")

            every_panel_shows_something(prom)
            kill_at_the_roll(scene, daemon)

        with netmon_run(config, port, scene.log) as daemon:
            wait_until(lambda: receipts(scene)[0]["to_bps"] is None, "the half-done removal to be resolved")
            wait_until(lambda: receipts(scene)[0]["outcome"] == "confirmed", "the limit to be lifted for good")
            assert "htb" not in limit_of(bed)
            wait_until(lambda: alerts(heard, "restored_new_period"), "the end of the alert")
            assert bed.download_mbps(0, ask_mbps=60) > 3 * LIMIT_MBPS  # no more: it counts in the new period
            wait_until(lambda: counts_agree(scene, before), "metrics equal to what the kernel counted")
            wait_until(lambda: stored(influx) == scene.counted("rsud-1", "download"), "InfluxDB to have it too")
            says_so_everywhere(scene, heard, before)

            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(PATIENCE_S) == 0


def alerts(heard: Path, wanted: str) -> list[dict[str, object]]:
    """Events of the agency's download quota with that reason."""
    return [
        message["payload"]
        for message in messages(heard)
        if "/event/quota/rsud" in message["topic"] and message["payload"]["data"]["reason"] == wanted
    ]


def counts_agree(scene: Scene, before: int) -> bool:
    """The metrics' usage is the bytes the kernel counted, to the byte."""
    _, after = scene.bed.octets(scene.bed.agencies[0].interface)
    return scene.counted("rsud-1", "download") == after - before


def kill_at_the_roll(scene: Scene, daemon: subprocess.Popen[bytes]) -> None:
    left_s = scene.rolls_s - time.time()
    assert left_s > 0, "the period rolled before everything in it was done"
    wait_until(lambda: time.time() > scene.rolls_s - 4, "the roll", left_s)
    kill_at(scene, daemon, "apply")


def stored(influx: str) -> int | None:
    fetch(f"{influx}/internal/force_flush")
    rows = query(influx, 'netmon_circuit_bytes_total{circuit="rsud-1",direction="download"}')
    return int(float(rows[0]["value"][1])) if rows else None


def every_panel_shows_something(url: str) -> None:
    variables = {"datasource": "prometheus", "site": "testbed", "agency": "rsud", "__rate_interval": "10s"}
    # A Linux router of veth pairs has neither light nor fans: the other dashboard is held to simulated ones elsewhere.
    queries = panel_queries(folder("grafana") / "dashboards" / "netmon-overview.json", variables)
    assert queries

    def empty() -> list[str]:
        return [f"{title}: {expression}" for title, expression in queries if not query(url, expression)]

    wait_until(lambda: not empty(), "every panel's query to return data")


def says_so_everywhere(scene: Scene, heard: Path, before: int) -> None:
    """One id per transition, a sound chain of receipts, and the same usage by every door."""
    events = [m["payload"] for m in messages(heard) if "/event/quota/rsud" in m["topic"]]
    transitions = [(event["data"]["state"], event["data"]["reason"]) for event in events]
    assert transitions == [
        ("firing", "near_quota"),
        ("firing", "over_quota"),
        ("resolved", "restored_new_period"),
    ]
    assert len({event["id"] for event in events}) == 3

    chain = receipts(scene)
    assert {(r["circuit"], r["direction"]) for r in chain} == {("rsud-1", "download")}
    assert audited(scene.ledger).ok

    _, after = scene.bed.octets(scene.bed.agencies[0].interface)
    today = cli("usage", "rsud", "--from", "2020-01-01", "--to", "2100-01-01", config=scene.config)["data"]
    (row,) = [row for row in today if row["direction"] == "download"]
    assert row["proven_bytes"] + row["estimated_bytes"] == after - before
    assert not [line for line in fetch(f"{scene.metrics}/metrics")[1].splitlines() if "write-secret" in line]
