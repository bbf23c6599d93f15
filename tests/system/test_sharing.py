"""Scarce capacity shared end to end, with nothing mocked: a Linux router, two agencies, real traffic, the daemon.

20 Mb/s were bought. Both agencies want all of it; one weighs three times as much as the other. Then the lighter one is
boosted by the real verb.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.edge_site import write_edge_site
from support.processes import PATIENCE_S, free_port, wait_until
from support.stack import NETMON, cli, netmon_run
from support.testbed import LinuxRouter, linux_router, missing

reason = missing()
pytestmark = [pytest.mark.system, pytest.mark.measured, pytest.mark.skipif(reason is not None, reason=reason or "")]

BOUGHT_MBPS = 20
PAYLOAD = 0.956
"""Of what is on the wire (support.testbed)."""


AGENCIES = {
    "rsud": "entitlements: [{pool: internet, weight: 3, floor: 4 Mbps}]",
    "arsip": "entitlements: [{pool: internet}]",
}


def due(config: Path) -> dict[str, int | None]:
    """What the plan wants for each circuit's download, bit/s."""
    changes = cli("plan", config=config)["data"]["changes"]
    return {change["circuit"]: change["to_bps"] for change in changes if change["direction"] == "download"}


def confirmed(config: Path) -> dict[str, int]:
    """The limit last confirmed on each circuit's download, bit/s."""
    found: dict[str, int] = {}
    for receipt in cli("receipts", config=config)["data"]:
        if receipt["outcome"] == "confirmed" and receipt["direction"] == "download":
            found.setdefault(receipt["circuit"], receipt["to_bps"])
    return found


def measured(bed: LinuxRouter, seconds: int) -> tuple[float, float]:
    """Mb/s on the wire that each agency gets while both want all they can have."""
    first, second = bed.many_mbps(
        (bed.uplink, bed.agencies[0], None), (bed.uplink, bed.agencies[1], None), seconds=seconds
    )
    return first / PAYLOAD, second / PAYLOAD


def test_two_agencies_that_want_all_of_it_have_what_their_weights_say(tmp_path: Path) -> None:
    port = free_port()
    with linux_router(tmp_path / "bed") as bed, ThreadPoolExecutor(1) as pool:
        config = write_edge_site(tmp_path / "netmon", bed, port, f"{BOUGHT_MBPS} Mbps", AGENCIES)
        with netmon_run(config, port, tmp_path / "netmon.log"):
            wait_until(lambda: cli("status", config=config)["data"]["routers"]["up"], "the first visit")
            assert due(config) == {}

        pressing = pool.submit(measured, bed, 15)
        # Whoever seems idle for a moment is limited to his floor and rises no sooner than the hold lets him.
        wait_until(lambda: min(bed.octets_by_snmp(to.interface)[1] for to in bed.agencies) > 10**7, "both to press")
        with netmon_run(config, port, tmp_path / "netmon.log"):
            wait_until(lambda: len(confirmed(config)) == 2, "both to be limited")
            assert set(confirmed(config).values()) == {15_000_000, 5_000_000}
            pressing.result(PATIENCE_S)
            heavy, light = measured(bed, 2)
            assert heavy == pytest.approx(15, rel=0.1)
            assert light == pytest.approx(5, rel=0.1)

            boost = ("arsip", "--download", "12Mbps", "--upload", "1Mbps", "--for", "1h", "--reason", "a test")
            subprocess.run([NETMON, "boost", *boost, "-c", config], check=True, timeout=PATIENCE_S)
            wait_until(lambda: confirmed(config).get("arsip-1", 0) >= 12_000_000, "the boost to be in force")
            limits = confirmed(config)
            assert sum(limits.values()) <= BOUGHT_MBPS * 1_000_000
            assert limits["rsud-1"] >= 4_000_000
            heavy, light = measured(bed, 2)
            assert light == pytest.approx(limits["arsip-1"] / 1e6, rel=0.1)
            assert heavy == pytest.approx(limits["rsud-1"] / 1e6, rel=0.1)
