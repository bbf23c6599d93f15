"""The daemon reads transceivers beside its polls, and remembers them when it is started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon.boxes import served
from daemon.test_service import Site
from support.processes import free_port, wait_until
from support.stack import sample


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(("palu",)) as boxes:
        one = Site(tmp_path, free_port(), boxes)
        one.write("palu")
        document = json.loads(one.config.read_text())
        document["snmp"] |= {"survey_interval": "400ms", "timeout": "10s"}
        document["routers"]["palu"]["platform"] = "routeros"
        one.config.write_text(json.dumps(document))
        yield one


def test_transceivers_are_surveyed_while_polling_goes_on_and_links_survive_a_restart(site: Site) -> None:
    with site.daemon():
        wait_until(
            lambda: sample(site.url, "netmon_optics_rx_power_dbm", router="palu", interface="ether2") == -7.25,
            "the received power",
        )
        wait_until(
            lambda: sample(site.url, "netmon_fibre_verdict_info", router="palu", reason="learning") == 1,
            "the first verdict",
        )
        site.boxes["palu"].count("ether1", out=99)
        wait_until(lambda: site.total("palu", "download") == 99, "polling to go on")
        wait_until(lambda: (sample(site.url, "netmon_surveys_total", result="ok") or 0) >= 3, "three surveys")
        assert sample(site.url, "netmon_surveys_total", result="failed") == 0
        assert sample(site.url, "netmon_optics_bias_amperes") == 0.018
    document = json.loads(site.config.read_text())
    document["snmp"]["survey_interval"] = "1h"
    site.config.write_text(json.dumps(document))
    with site.daemon():
        wait_until(
            lambda: sample(site.url, "netmon_fibre_verdict_info", router="palu", reason="learning") == 1,
            "what the ledger remembers",
        )
        assert sample(site.url, "netmon_optics_rx_power_dbm") is None
    assert "Traceback" not in site.log.read_text()
