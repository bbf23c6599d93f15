"""The daemon watches its uplinks beside its polls, and remembers them when it is started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon.boxes import served
from daemon.test_service import Site
from support.processes import free_port, wait_until
from support.stack import sample

RATE = "50 Mbps"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(("palu",)) as boxes:
        one = Site(tmp_path, free_port(), boxes)
        one.write("palu")
        document = json.loads(one.config.read_text())
        document["routers"]["palu"]["uplinks"] = []
        document["pools"] = {
            "internet": {
                "class": "all",
                "download": RATE,
                "upload": RATE,
                "uplinks": {"isp": {"router": "palu", "interface": "ether2"}},
            }
        }
        document["control"]["recovery_hold_down"] = "1s"
        one.config.write_text(json.dumps(document))
        yield one


def capacity(site: Site) -> int | float | None:
    return sample(site.url, "netmon_pool_capacity_bytes_per_second", pool="internet", direction="download")


def up(site: Site) -> int | float | None:
    return sample(site.url, "netmon_uplink_up", uplink="isp")


def test_an_uplink_that_is_down_takes_its_capacity_away_over_a_restart_and_until_it_recovers(site: Site) -> None:
    with site.daemon():
        wait_until(lambda: up(site) == 1, "the uplink to be seen")
        assert capacity(site) == 50_000_000 / 8
        site.boxes["palu"].link("ether2", 2)
        wait_until(lambda: up(site) == 0, "the uplink to be down")
        assert capacity(site) == 0
        assert site.uplink("palu", "download") is not None, "a pool's uplink is counted like any other"
    with site.daemon():
        assert (up(site), capacity(site)) == (0, 0)
        site.boxes["palu"].link("ether2", 1)
        wait_until(lambda: up(site) == 1, "the uplink to recover")
        assert capacity(site) == 50_000_000 / 8
    assert "Uplink isp (palu ether2) is down" in site.log.read_text()
    assert "Traceback" not in site.log.read_text()
