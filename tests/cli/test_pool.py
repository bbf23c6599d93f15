"""netmon pool show, on a ledger with a little history and no daemon."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.governed import HOUR_START_NS
from support.ledgers import MINUTE_NS
from support.schemas import conforms
from support.supplied import TEXT, a_span, fill_supplied, record_spans, write_supplied

from netmon.cli.app import run
from netmon.core.periods import from_ns
from netmon.core.port_state import PortReason, PortStatus

UP, DOWN = PortStatus.UP, PortStatus.DOWN
TODAY = from_ns(HOUR_START_NS, "Asia/Makassar").date().isoformat()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = write_supplied(tmp_path)
    fill_supplied(tmp_path)
    record_spans(
        tmp_path,
        [
            *(a_span("ether4", UP, 0, 20), a_span("ether4", DOWN, 20, 30)),
            *(a_span("ether5", UP, 0, 30), a_span("ether6", UP, 0, 30)),
        ],
    )
    monkeypatch.setattr("time.time_ns", lambda: HOUR_START_NS + 30 * MINUTE_NS)
    return str(path)


def test_what_was_purchased_is_shown_against_what_was_delivered_in_eighty_columns(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pool", "show", "internet", "--period", TODAY, "-c", config]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    said = " ".join(shown.split())
    assert "download 100 Mb/s 90 Mb/s 96.67% 13.3 Mb/s 13.3 Mb/s 3 GB" in said
    assert "isp-a is down; lost with it: 60 Mb/s download, 60 Mb/s upload." in said
    assert "isp-s stands in, with 50 Mb/s download, 50 Mb/s upload." in said
    assert "Download: agencies 2.7 GB, uplinks 3 GB; not accounted for: 300 MB (10.0%)." in said
    assert "40,000,000 IDR a month: 400,000 per Mb/s bought, 3,000,000 per Mb/s used" in said


def test_the_document_keeps_to_its_schema(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pool", "show", "-c", config, "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    conforms("pools", document)
    [row] = document["data"]
    assert [one["availability_ratio"] for one in row["uplinks"]] == [0.666667, 1, 1]
    assert row["period_start"].endswith("-01T00:00:00+08:00")


def test_an_uplink_in_its_hold_down_is_recovering(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    held = replace(a_span("ether4", DOWN, 20, 30), reason=PortReason.RECOVERING)
    record_spans(Path(config).parent, [held])
    assert run(["pool", "show", "-c", config]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "recovering 2026-" in shown
    assert "isp-a is down; lost with it" in shown


def test_a_pool_or_period_that_is_none_is_one_sentence(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pool", "show", "internat", "-c", config]) == 2
    assert capsys.readouterr().err == "netmon: there is no pool internat; netmon pool show lists them\n"
    assert run(["pool", "show", "isp-a", "-c", config]) == 2
    assert capsys.readouterr().err == "netmon: isp-a is an uplink; netmon pool show internet tells of it\n"
    assert run(["pool", "show", "--period", "novembre", "-c", config]) == 2
    assert "'novembre' is not a period" in capsys.readouterr().err


def test_without_pools_it_says_where_to_write_them(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.split("pools:")[0] + "agencies: {dinkes: {name: Dinas Kesehatan}}\n"
    write_supplied(Path(config).parent, text)
    assert run(["pool", "show", "-c", config]) == 0
    assert capsys.readouterr().out == "No pool is configured; write what was purchased under pools.\n"
