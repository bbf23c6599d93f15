"""netmon poll: with options alone, and by a name of the configuration, against a real SNMP agent."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.processes import free_port
from support.schemas import conforms

from netmon.cli.app import run
from netmon.simulator.configuration import write_configuration
from netmon.simulator.province import COMMUNITY, Ports, running_province


async def test_a_router_is_polled_with_options_alone(capsys: pytest.CaptureFixture[str]) -> None:
    async with running_province(ports=Ports(mqtt=None)) as province:
        unit = province.units[0]
        options = ["--port", str(unit.snmp_port), "--community", COMMUNITY, "--output", "json"]
        assert await asyncio.to_thread(run, ["poll", unit.router.address, *options]) == 0
    document = json.loads(capsys.readouterr().out)
    conforms("poll", document)
    assert document["data"]["platform"] == "routeros"
    assert {"ether1", "ether2"} <= {one["name"] for one in document["data"]["interfaces"]}


async def test_a_router_is_polled_by_its_name_in_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_province(ports=Ports(mqtt=None)) as province:
        path = write_configuration(tmp_path, province)
        assert await asyncio.to_thread(run, ["poll", "rumah-sakit", "-c", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "rumah-sakit (linux)" in shown
    assert "eth1" in shown


def test_a_router_that_does_not_answer_is_one_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert run(["poll", "127.0.0.1", "--port", str(port), "--timeout", "50ms"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"netmon: 127.0.0.1: 127.0.0.1:{port}: no reply to 3 requests;")
    assert len(err.splitlines()) == 1
