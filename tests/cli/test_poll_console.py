"""netmon poll --console: simulated routers read over SNMP and real SSH, and why one is not read."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.schemas import conforms

from netmon import bundled
from netmon.cli.app import run
from netmon.routers.dialects import load_dialect
from netmon.routers.session import Login
from netmon.routers.ssh import open_session
from netmon.simulator.configuration import write_configuration
from netmon.simulator.province import COMMUNITY, THIRSTY, UPLOADING, Ports, Province, Unit, running_province


class Site:
    """A simulated province and the configuration that governs it."""

    def __init__(self, province: Province, path: Path) -> None:
        self.province = province
        self.path = path

    async def poll(self, router: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "netmon", "poll", router, "--console", "-c", str(self.path), *options]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)

    async def data(self, router: str, *options: str, code: int = 0) -> dict[str, Any]:
        """The document's data; nothing may be said beside it."""
        done = await self.poll(router, "--output", "json", *options)
        assert (done.returncode, done.stderr) == (code, "")
        document = json.loads(done.stdout)
        conforms("poll", document)
        data: dict[str, Any] = document["data"]
        assert data["interfaces"], "SNMP is shown, whatever becomes of the command line"
        return data

    async def type(self, unit: Unit, *commands: str) -> None:
        """On the router's command line."""

        def typed() -> None:
            platform = unit.site.platform.value
            login = Login(
                unit.router.name,
                unit.router.address,
                unit.ssh_port,
                platform,
                unit.account.username,
                self.path.parent / "known_hosts",
                password=unit.account.password,
            )
            session = open_session(login, load_dialect(platform, [bundled.folder("policies") / "enforcement"]))
            for command in commands:
                session.run(command)
            session.close()

        await asyncio.to_thread(typed)

    def change(self, before: str, after: str) -> None:
        text = self.path.read_text(encoding="utf-8")
        assert before in text
        self.path.write_text(text.replace(before, after), encoding="utf-8")

    def profile(self, name: str, text: str) -> None:
        folder = self.path.parent / "collectors"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_province(ports=Ports(mqtt=None)) as province:
        yield Site(province, write_configuration(tmp_path, province))


def limits(data: dict[str, Any]) -> set[tuple[str, str, str | None, int | None]]:
    return {(one["name"], one["target"], one["direction"], one["limit_bps"]) for one in data["console"]["queues"]}


async def test_queues_of_a_routeros_stand_beside_its_interfaces(site: Site) -> None:
    unit = site.province.unit("gubernuran")
    port = unit.agency_port(THIRSTY).name
    empty = await site.poll("gubernuran")
    assert (empty.returncode, empty.stderr) == (0, "")
    assert "no queue and no policer" in empty.stdout
    await site.type(
        unit,
        f'/queue simple add name="NM-A" target={port} max-limit=4M/20M',
        f'/queue simple add name="{"a long name " * 6}" target=10.0.0.0/24 max-limit=1M/1M',
    )
    done = await site.poll("gubernuran")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines if line.startswith("NM-A ")]
    assert [row[:5] for row in rows] == [["NM-A", port, "in", "4", "Mb/s"], ["NM-A", port, "out", "20", "Mb/s"]]
    assert "configuration: when it changed and was saved is not told" in lines
    data = await site.data("gubernuran")
    assert data["console"]["failure"] is None
    assert data["console"]["missing"] == []
    assert limits(data) >= {("NM-A", port, "ingress", 4_000_000), ("NM-A", port, "egress", 20_000_000)}
    sent = next(one for one in data["console"]["queues"] if (one["name"], one["direction"]) == ("NM-A", "egress"))
    assert (sent["kind"], sent["dropped_octets"]) == ("queue", None)
    assert sent["octets"] >= sent["packets"] >= 0


async def test_queues_of_a_linux_are_explained_by_the_lines_of_its_profile(site: Site) -> None:
    unit = site.province.unit("rumah-sakit")
    port = unit.agency_port(UPLOADING).name
    await site.type(
        unit,
        f"tc qdisc replace dev {port} root handle 4e4d: htb default 1f",
        f"tc class replace dev {port} parent 4e4d: classid 4e4d:1f htb rate 20mbit ceil 20mbit",
    )
    data = await site.data("rumah-sakit", "--explain")
    assert ("htb 4e4d:1f", port, "egress", 20_000_000) in limits(data)
    qdiscs, classes = data["explain"]["read"][-2:]
    assert (qdiscs["object"], qdiscs["failure"]) == ("tc -s -j qdisc show", None)
    assert qdiscs["values"] + classes["values"] == len(data["console"]["queues"])
    assert classes["values"] == 1
    assert all(one["by"].startswith("collectors/linux.yaml:") for one in (qdiscs, classes))


OWN = """\
description: Linux that keeps its configuration in one place
extends: linux
recognise: [{sys_object_id: 1.3.6.1.4.1.8072.3.2.10, sys_descr_regex: '.'}]
cli:
  - command: echo changed 2026-11-22 08:15:30
    parse: {textfsm: own.textfsm}
    readings: [{kind: configuration, facts: {last_changed: {field: CHANGED, decoder: time}}}]
  - command: echo saved 2026-11-22 08:00:00 KST
    parse: {textfsm: own.textfsm}
    readings: [{kind: configuration, facts: {last_saved: {field: SAVED, decoder: time}}}]
  - command: echo policer office 5000000
    parse: {textfsm: own.textfsm}
    readings:
      - kind: policer
        has: [POLICER]
        facts:
          name: {field: POLICER, decoder: text}
          limit_bps: {field: LIMIT, decoder: bits_per_second}
  - command: sh-what
    parse: {textfsm: own.textfsm}
    readings: [{kind: queue, facts: {name: {field: POLICER, decoder: text}}}]
"""
TEMPLATE = """\
Value CHANGED (\\S+ \\S+)
Value SAVED (.+)
Value POLICER (\\S+)
Value LIMIT (\\d+)

Start
  ^changed ${CHANGED} -> Record
  ^saved ${SAVED} -> Record
  ^policer ${POLICER} ${LIMIT} -> Record
  ^. -> Error
"""


@pytest.fixture
def own(site: Site) -> Site:
    """A profile of the site's own, whose name is no dialect's, for what the shipped ones cannot read here."""
    site.profile("own.yaml", OWN)
    templates = site.path.parent / "collectors" / "templates"
    templates.mkdir()
    (templates / "own.textfsm").write_text(TEMPLATE, encoding="utf-8")
    return site


async def test_times_are_the_site_s_and_what_is_missing_is_named_by_its_command(own: Site) -> None:
    data = await own.data("rumah-sakit", "--explain")
    assert data["platform"] == "own"
    console = data["console"]
    assert console["configuration"] == {
        "last_changed": "2026-11-22T08:15:30+08:00",
        "last_saved": None,
        "unsaved": None,
    }
    assert [(one["kind"], one["name"], one["limit_bps"]) for one in console["queues"]] == [
        ("policer", "office", 5_000_000)
    ]
    missing = {one["what"]: one["why"] for one in console["missing"]}
    assert set(missing) == {"echo saved 2026-11-22 08:00:00 KST", "sh-what"}
    assert "KST may be one of several time zones" in missing["echo saved 2026-11-22 08:00:00 KST"]
    assert missing["sh-what"].startswith("not supported by this release, or not permitted: ")
    explained = {one["object"]: one for one in data["explain"]["read"] if one["by"].startswith("collectors/own.yaml:")}
    assert explained["echo policer office 5000000"]["by"] == "collectors/own.yaml:11"
    assert explained["sh-what"]["failure"] == missing["sh-what"]
    shown = (await own.poll("rumah-sakit", "--explain")).stdout
    assert "configuration: changed 2026-11-22 08:15:30+08:00\n" in shown
    assert "missing: sh-what: not supported by this release, or not permitted:" in shown
    assert max(map(len, shown.splitlines())) <= 80


async def test_a_login_that_fails_leaves_the_visit_and_exit_code_1(site: Site) -> None:
    unit, other = site.province.unit("gubernuran"), site.province.unit("rumah-sakit")
    secret = site.path.parent / "secrets" / "gubernuran-password"
    password = secret.read_text(encoding="utf-8")
    secret.write_text("guessed\n", encoding="utf-8")
    console = (await site.data("gubernuran", code=1))["console"]
    assert (console["failure"], console["queues"], console["configuration"]) == ("login_refused", [], None)
    assert [one["what"] for one in console["missing"]] == ["command line"]
    done = await site.poll("gubernuran")
    assert (done.returncode, done.stderr) == (1, "")
    assert "ether1" in done.stdout
    assert "missing: command line: gubernuran" in done.stdout
    assert "guessed" not in done.stdout
    secret.write_text(password, encoding="utf-8")

    known_hosts = site.path.parent / "known_hosts"
    lines = known_hosts.read_text(encoding="utf-8")
    key = other.known_hosts_line.split(maxsplit=1)[1]
    known_hosts.write_text(f"{unit.known_hosts_line.split(maxsplit=1)[0]} {key}", encoding="utf-8")
    assert (await site.data("gubernuran", code=1))["console"]["failure"] == "host_key_mismatch"
    known_hosts.write_text(other.known_hosts_line, encoding="utf-8")
    assert (await site.data("gubernuran", code=1))["console"]["failure"] == "unknown_host_key"
    known_hosts.write_text(lines, encoding="utf-8")

    # Nothing listens on port 1, and no other test may take it meanwhile.
    site.change(f"ssh_port: {unit.ssh_port}\n", "ssh_port: 1\n")
    assert (await site.data("gubernuran", code=1))["console"]["failure"] == "unreachable"


async def test_commands_that_are_all_refused_are_a_failure_too(own: Site) -> None:
    own.profile("own.yaml", OWN[: OWN.index("  - command: echo")] + OWN[OWN.index("  - command: sh-what") :])
    console = (await own.data("rumah-sakit", code=1))["console"]
    assert (console["failure"], [one["what"] for one in console["missing"]]) == (None, ["sh-what"])


async def test_a_router_that_does_not_answer_snmp_is_not_logged_in_on(site: Site) -> None:
    unit = site.province.unit("gubernuran")
    site.change(f"snmp_port: {unit.snmp_port}\n", "snmp_port: 1\n")
    done = await site.poll("gubernuran")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("netmon: gubernuran: 127.77.0.1:")
    assert "no reply" in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_a_platform_that_is_recognised_and_has_no_commands_is_said(site: Site) -> None:
    site.profile("linux.yaml", "extends: linux\ncli: []\n")
    console = (await site.data("rumah-sakit", code=1))["console"]
    assert console["missing"] == [
        {
            "what": "command line",
            "why": "the profile linux has no cli section, so there is no command to ask;"
            " add one to collectors/linux.yaml, or leave --console out",
        }
    ]


def test_without_a_router_of_the_configuration_there_is_no_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("netmon.cli.poll.DEFAULT_CONFIG", tmp_path / "nowhere.yaml")
    path = tmp_path / "netmon.yaml"
    path.write_text(
        "site: {name: sulteng}\nsnmp: {credentials: {default: {community: {env: C}}}}\n"
        "routers: {edge-1: {address: 192.0.2.1}}\n",
        encoding="utf-8",
    )
    of_options = "leave SNMP options and --platform out"
    for arguments, said in (
        (["192.0.2.1", "--community", COMMUNITY], of_options),
        (["edge-1", "-c", str(path), "--platform", "linux"], of_options),
        (["192.0.2.1"], "there is none; give -c FILE"),
        (["edge1", "-c", str(path)], f"{path} has no router edge1; did you mean edge-1?"),
    ):
        assert run(["poll", "--console", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("netmon: --console logs in as the configuration says")
        assert said in err
        assert len(err.splitlines()) == 1
