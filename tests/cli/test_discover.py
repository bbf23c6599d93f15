"""netmon discover: real agents on loopback, SNMPv2c and SNMPv3, and the simulated province."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.processes import PATIENCE_S, free_port, running, wait_until
from support.schemas import conforms

from netmon.cli.app import run
from netmon.config import proposal
from netmon.config.load import load
from netmon.daemon import discovering
from netmon.simulator.configuration import write_configuration
from netmon.simulator.province import Ports, running_province

SNMPD = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin:/bin")

pytestmark = pytest.mark.skipif(SNMPD is None, reason="needs snmpd installed")

SITE = """\
# The search's own site; every comment must stay.
site: {name: sulteng}        # one line
snmp:
  discover: {timeout: 500ms, rate: 1000}
  credentials:
    default: {community: {file: community}}   # the old ones
    watch:
      {version: 3, user: watcher, auth: sha, auth_password: {file: auth}, priv: aes128, priv_password: {file: priv}}
agencies:
  dinkes: {name: Dinas Kesehatan}
  arsip: {name: Dinas Kearsipan}

# Nobody yet.
routers: {}   # to be discovered
"""
SECRETS = {"community": "hunter2", "auth": "authentication", "priv": "and privacy"}


@dataclass(frozen=True)
class Box:
    """One snmpd: its address, and what it says of itself."""

    address: str
    name: str
    engine: str
    v3: bool = False
    serial: str = ""
    alias: str = ""

    def configuration(self) -> str:
        said = [
            "rouser watcher authpriv" if self.v3 else f"rocommunity {SECRETS['community']}",
            f"exactEngineID 0x80001f8804{self.engine}",
            f"sysName {self.name}",
            "sysDescr RouterOS CCR2004",
            "sysObjectID .1.3.6.1.4.1.14988.1",
            f'override .1.3.6.1.2.1.31.1.1.1.18.1 octet_str "{self.alias}"',
        ]
        said += [f"override .1.3.6.1.4.1.14988.1.1.7.3.0 octet_str {self.serial}"] if self.serial else []
        return "\n".join(said) + "\n"


BOXES = (
    Box("127.77.0.1", "core-1.palu.example.go.id", "01", v3=True, serial="HF90A", alias="OPD: dinkes"),
    Box("127.77.0.2", "Edge Two", "02", alias="027/ARSIB/FO"),
    Box("127.77.0.3", "Edge Two", "02", alias="027/ARSIB/FO"),
)


def answers(box: Box, port: int) -> bool:
    """A discovery of its engine is answered to anyone."""
    question = bytes.fromhex("303a020103300f02020a5b020300ffe30401040201030410300e0400020100020100040004000400")
    question += bytes.fromhex("301204000400a00c020237f00201000201003000")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        try:
            asking.sendto(question, (box.address, port))
            return bool(asking.recv(2000))
        except OSError:
            return False


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where all boxes listen, each at its own address."""
    chosen = free_port(socket.SOCK_DGRAM)
    with ExitStack() as stack:
        for box in BOXES:
            home = tmp_path_factory.mktemp(box.name.split()[0])
            state = home / "state"
            state.mkdir()
            user = f'createUser watcher SHA "{SECRETS["auth"]}" AES "{SECRETS["priv"]}"\n'
            (state / "snmpd.conf").write_text(user, encoding="ascii")
            (home / "snmpd.conf").write_text(box.configuration(), encoding="ascii")
            command: list[str | Path] = [str(SNMPD), "-f", "-Lo", "-p", home / "pid", f"udp:{box.address}:{chosen}"]
            environment = {"SNMP_PERSISTENT_DIR": str(state), "SNMPCONFPATH": f"{home}:{state}", "MIBS": ""}
            stack.enter_context(running(command, partial(answers, box, chosen), home / "log", environment))
        yield chosen


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(f"{secret}\n", encoding="ascii")
    path = tmp_path / "netmon.yaml"
    path.write_text(SITE, encoding="utf-8")
    return path


def discover(*arguments: object) -> int:
    return run(["discover", *map(str, arguments)])


def test_routers_are_found_shown_and_proposed_and_nothing_is_written(
    port: int, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discover("127.77.0.0/29", "--port", port, "-c", config) == 0
    shown, err = capsys.readouterr()
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "127.77.0.1 core-1 routeros HF90A watch new" in lines
    assert "127.77.0.2 edge-two routeros - default new" in lines
    assert "127.77.0.3 edge-two routeros - default same device" in lines
    assert "6 addresses asked, 3 answered: 2 new, 1 the same device once more." in lines
    assert "3 no reply: nothing there, this host not admitted, or no credential right" in lines
    assert "+routers: # to be discovered" in lines
    assert "no agency is named ARSIB; did you mean arsip?" in " ".join(lines)
    assert "Nothing is written." in lines[-1]
    assert err == ""
    assert config.read_text() == SITE
    assert not any(secret in shown for secret in SECRETS.values())
    own = [line for line in shown.splitlines() if not line.startswith(("+", "-", " ", "@", "Nothing is"))]
    assert max(map(len, own)) <= 80


def test_what_is_written_loads_and_a_second_time_there_is_nothing_to_write(
    port: int, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discover("127.77.0.0/29", "--port", port, "-c", config, "--write") == 0
    assert f"Written: {config}" in capsys.readouterr().out
    after = load(config)
    assert [(name, router.address, router.snmp) for name, router in after.settings.routers.items()] == [
        ("core-1", "127.77.0.1", "watch"),
        ("edge-two", "127.77.0.2", "default"),
    ]
    (circuit,) = after.circuits
    assert (circuit.id, circuit.agency, circuit.interface) == ("dinkes-core-1", "dinkes", "lo")
    text = config.read_text()
    assert text.startswith(SITE.replace("routers: {}", "routers:"))
    assert discover("127.77.0.0/29", "--port", port, "-c", config, "--write") == 0
    shown = capsys.readouterr().out
    assert "3 answered: 2 configured, 1 the same device once more." in shown
    assert "There is nothing to add to the configuration." in shown
    assert config.read_text() == text


def test_a_second_address_of_a_router_outside_the_search_is_recognised(
    port: int, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discover("127.77.0.2", "--port", port, "-c", config, "--write") == 0
    capsys.readouterr()
    assert discover("127.77.0.3", "--port", port, "-c", config) == 0
    shown = capsys.readouterr().out
    assert "1 address asked, 1 answered: 1 the same device once more." in shown
    assert "There is nothing to add" in shown


def test_programs_read_a_document_that_conforms_to_its_schema(
    port: int, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discover("127.77.0.1", "127.77.0.2", "127.77.0.9", "--port", port, "-c", config, "--output", "json") == 0
    document: Any = json.loads(capsys.readouterr().out)
    conforms("discover", document)
    data = document["data"]
    assert [(one["router"], one["state"], one["credential"]) for one in data["routers"]] == [
        ("core-1", "new", "watch"),
        ("edge-two", "new", "default"),
    ]
    assert (data["routers"][0]["serial"], data["routers"][1]["serial"]) == ("HF90A", None)
    assert data["routers"][1]["engine_id"] == "80001f880402"
    assert [(one["kind"], one["addresses"]) for one in data["unanswered"]] == [("no_reply", 1)]
    assert (data["complete"], data["written"], data["obstacle"]) == (True, False, None)
    assert [one["router"] for one in data["suggestions"]] == ["edge-two"]
    assert data["files"][0]["diff"].startswith(f"--- {config}\n+++ {config}\n@@ ")


def test_the_diff_is_one_that_patch_takes(port: int, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("patch") is None:
        pytest.skip("needs patch installed")
    discover("127.77.0.1", "--port", port, "-c", config)
    shown = capsys.readouterr().out
    copy = config.with_name("copy.yaml")
    copy.write_text(SITE)
    subprocess.run(["patch", str(copy)], input=shown, text=True, check=True, capture_output=True)
    assert discover("127.77.0.1", "--port", port, "-c", config, "--write") == 0
    assert copy.read_text() == config.read_text()


def test_a_refused_user_is_told_from_silence(port: int, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(
        SITE.replace("user: watcher", "user: stranger").replace("timeout", "credentials: [watch], timeout")
    )
    assert discover("127.77.0.1", "127.77.0.9", "--port", port, "-c", config) == 1
    shown = capsys.readouterr().out
    assert "1 an SNMPv3 agent that refuses the user" in shown
    assert f"127.77.0.1:{port}: the agent has no SNMPv3 user 'stranger'" in shown
    assert "1 no reply" in shown
    assert "There is nothing to add" in shown


def test_a_configuration_changed_during_the_search_is_not_overwritten(
    port: int, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def propose(*arguments: Any) -> Any:
        config.write_text(SITE + "# mine\n")
        return proposal.propose(*arguments)

    monkeypatch.setattr(discovering, "propose", propose)
    assert discover("127.77.0.1", "--port", port, "-c", config, "--write") == 1
    out, err = capsys.readouterr()
    assert err == f"netmon: {config} was changed by someone else meanwhile, so nothing is written; discover again\n"
    assert "+  core-1:" in out
    assert config.read_text() == SITE + "# mine\n"


def test_an_interrupt_shows_what_was_found_and_writes_nothing(port: int, config: Path) -> None:
    """On a terminal, with its bar on standard error and the diff in colour on standard output."""
    config.write_text(SITE.replace("timeout: 500ms", "timeout: 1m"))
    main, terminal = pty.openpty()
    asked = ["discover", "127.77.0.0/28", "--port", str(port), "--write", "-c", str(config)]
    seen = bytearray()

    def read() -> None:
        """To the end: a terminal that nobody reads soon takes no more."""
        with suppress(OSError):
            while True:
                seen.extend(os.read(main, 65_536))

    # What a script starts in the background ignores interrupts, and so would what the tests start.
    with subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "netmon", *asked],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(terminal)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            wait_until(lambda: b"3 found" in seen, "the bar to say that three were found")
            process.send_signal(signal.SIGINT)
            shown = process.communicate(timeout=PATIENCE_S)[0].decode()
        finally:
            process.kill()
            reader.join()
            os.close(main)
    assert process.returncode == 130
    assert b"Asking" in seen
    assert "core-1" in shown
    assert "Interrupted with 11 addresses to go; nothing is written." in shown
    assert config.read_text() == SITE.replace("timeout: 500ms", "timeout: 1m")


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        (["10.20.0.0/16"], "netmon: that is more than 4096 addresses; search it in parts, or allow more with --max"),
        (["10.0.0.0/8"], "netmon: 10.0.0.0/8 has 16,777,216 addresses, a search at most 65,536 (/16); give parts"),
        (["2001:db8::/64"], "netmon: 2001:db8::/64: IPv6 is not searched by prefix"),
        (["10.20.0.5/24"], "netmon: 10.20.0.5/24 has bits set behind its length; did you mean 10.20.0.0/24?"),
        ([], "netmon: Missing argument 'ADDRESS|PREFIX...'"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence_and_exit_code_2(
    targets: list[str], sentence: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discover(*targets, "-c", config) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(sentence)
    assert len(err.splitlines()) == 1


def test_without_a_credential_nothing_can_be_asked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("site: {name: sulteng}\n")
    assert discover("127.77.0.1", "-c", config) == 2
    assert capsys.readouterr().err == (
        "netmon: no SNMP credential is configured, so nothing can be asked; add one under snmp.credentials\n"
    )


def test_a_configuration_that_cannot_be_used_is_told_as_netmon_check_does(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discover("127.77.0.1", "-c", config.with_name("nowhere.yaml")) == 2
    assert capsys.readouterr().err.startswith(f"{config.with_name('nowhere.yaml')}:1:1: cannot be read: No such file")
    config.write_text(SITE + "  broken: [\n")
    assert discover("127.77.0.1", "-c", config) == 2
    assert capsys.readouterr().err.startswith(f"{config}:")
    config.write_text(SITE)
    config.with_name("auth").unlink()
    assert discover("127.77.0.1", "-c", config) == 2
    assert "secret file" in capsys.readouterr().err


def test_a_name_that_does_not_resolve_is_unreachable(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert discover("no-such-router.invalid", "-c", config) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 cannot be reached" in shown
    assert "neither an IP address nor a name that resolves" in shown


async def test_a_simulated_province_that_is_configured_gains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_province(ports=Ports(mqtt=None)) as province:
        path = write_configuration(tmp_path, province)
        unit = province.units[0]
        arguments = [
            "discover",
            unit.router.address,
            "--port",
            str(unit.snmp_port),
            "-c",
            str(path),
            "--output",
            "json",
        ]
        assert await asyncio.to_thread(run, arguments) == 0
        document = json.loads(capsys.readouterr().out)
        conforms("discover", document)
        (found,) = document["data"]["routers"]
        assert (found["router"], found["state"], found["platform"]) == (unit.router.name, "configured", "routeros")
        assert document["data"]["files"] == []


async def test_a_simulated_router_taken_out_of_the_configuration_is_proposed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_province(ports=Ports(mqtt=None)) as province:
        path = write_configuration(tmp_path, province)
        unit = province.units[0]
        text = path.read_text()
        start = text.index(f"  {unit.router.name}:\n", text.index("\nrouters:"))
        end = text.index(f"  {province.units[1].router.name}:\n", start)
        path.write_text(text[:start] + text[end:])
        arguments = ["discover", unit.router.address, "--port", str(unit.snmp_port), "-c", str(path), "--write"]
        assert await asyncio.to_thread(run, arguments) == 0
    assert "1 new" in capsys.readouterr().out
    after = load(path)
    assert after.settings.routers[unit.router.name].snmp_port == unit.snmp_port
