"""netmon poll: with options alone, and by a name of the configuration, against real SNMP agents."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.processes import free_port, running
from support.schemas import conforms

from netmon.cli.agent_options import Given, agent_given
from netmon.cli.app import run
from netmon.simulator.configuration import write_configuration
from netmon.simulator.province import COMMUNITY, Ports, running_province
from netmon.snmp.users import AuthProtocol, PrivProtocol, User


def polled(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The document's data; the verb must succeed."""
    code = run(["poll", *arguments, "--output", "json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    document = json.loads(out)
    conforms("poll", document)
    data: dict[str, Any] = document["data"]
    return data


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
    assert err.startswith(f"netmon: 127.0.0.1: 127.0.0.1:{port}: no reply to 4 requests;")
    assert len(err.splitlines()) == 1


# --- a real snmpd ----------------------------------------------------------------------------


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[int]:
    """Debian's snmpd on loopback; its UDP port. It admits 127.0.0.2, ::1, and one user of version 3."""
    port = free_port(socket.SOCK_DGRAM)
    config = tmp_path / "snmpd.conf"
    config.write_text(
        f"agentaddress udp:127.0.0.1:{port},udp6:[::1]:{port}\n"
        "rocommunity testing 127.0.0.2\nrocommunity6 testing ::1\n"
        'createUser reader SHA-256 "authentication" AES "and privacy"\nrouser reader authpriv\n'
    )
    for name, secret in (("community", "testing"), ("auth", "authentication"), ("priv", "and privacy")):
        (tmp_path / name).write_text(f"{secret}\n", encoding="utf-8")
    command = ["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux"]
    log = tmp_path / "snmpd.log"
    environment = {"SNMP_PERSISTENT_DIR": str(tmp_path), "MIBS": "", "PATH": "/usr/sbin:/usr/bin"}
    with running(command, lambda: log.exists() and "NET-SNMP version" in log.read_text(), log, env=environment):
        yield port


def names(data: dict[str, Any]) -> set[str]:
    return {one["name"] for one in data["interfaces"]}


def test_a_user_of_version_3_is_let_in_by_secrets_from_file_and_environment(
    snmpd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETMON_TEST_PRIV", "and privacy")
    auth = ["--user", "reader", "--auth", "SHA-256", "--auth-password-file", str(tmp_path / "auth")]
    data = polled(
        capsys, "127.0.0.1", "--port", str(snmpd), *auth, "--priv", "AES", "--priv-password-env", "NETMON_TEST_PRIV"
    )
    assert data["platform"] == "linux"
    assert "lo" in names(data)
    monkeypatch.setenv("NETMON_TEST_PRIV", "and no privacy")
    wrong = [*auth, "--priv", "AES", "--priv-password-env", "NETMON_TEST_PRIV", "--timeout", "100ms"]
    assert run(["poll", "127.0.0.1", "--port", str(snmpd), *wrong]) == 1
    _, err = capsys.readouterr()
    assert "privacy" in err
    assert "and no privacy" not in err


def test_requests_come_from_the_source_address_that_is_given(
    snmpd: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--port", str(snmpd), "--community-file", str(tmp_path / "community")]
    assert "lo" in names(polled(capsys, "127.0.0.1", *options, "--source-address", "127.0.0.2"))
    assert run(["poll", "127.0.0.1", *options, "--timeout", "50ms"]) == 1
    assert "no reply" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_a_router_is_polled_over_ipv6(
    address: str, snmpd: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETMON_TEST_COMMUNITY", "testing")
    data = polled(capsys, address, "--port", str(snmpd), "--community-env", "NETMON_TEST_COMMUNITY")
    assert "lo" in names(data)


SITE = """\
site: {{name: sulteng, timezone: Asia/Makassar}}
control: {{require_synchronised_clock: false}}
snmp:
  source_address: 127.0.0.2
  credentials: {{default: {{community: {{file: community}}}}}}
agencies: {{dinkes: {{name: Dinas Kesehatan}}, disdik: {{name: Dinas Pendidikan}}}}
routers:
  palu-core:
    address: 127.0.0.1
    snmp_port: {port}
    circuits:
      dinkes-main: {{agency: dinkes, interface: lo, faces: agency}}
"""


def test_the_configuration_s_source_address_counts(
    snmpd: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "netmon.yaml"
    site.write_text(SITE.format(port=snmpd), encoding="utf-8")
    assert "lo" in names(polled(capsys, "palu-core", "-c", str(site)))


def test_explain_says_what_was_read_by_which_line_and_what_was_not(
    snmpd: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--port", str(snmpd), "--community-file", str(tmp_path / "community"), "--source-address", "127.0.0.2"]
    explained = polled(capsys, "127.0.0.1", *options, "--explain")["explain"]
    assert explained["recognised"].startswith("linux, by collectors/linux.yaml:")
    read = {one["object"]: one for one in explained["read"]}
    assert read["sysUpTime.0"] == {"object": "sysUpTime.0", "by": "netmon itself", "values": 1, "failure": None}
    assert read["ifHCInOctets"]["by"].startswith("collectors/generic-if-mib.yaml:")
    assert read["ifHCInOctets"]["values"] >= 1
    skipped = {one["object"]: one for one in explained["skipped"]}
    assert skipped["ifAlias"]["why"] == "quirks.alias_empty: it holds nothing on this platform"
    assert skipped["ifInOctets"]["why"] == "ifHCInOctets holds a value for every interface"
    assert run(["poll", "127.0.0.1", *options, "--explain"]) == 0
    shown = capsys.readouterr().out
    assert "recognised as linux, by collectors/linux.yaml:" in shown
    assert max(map(len, shown.splitlines())) <= 80


# --- what is given on the command line -------------------------------------------------------


def given_user(**fields: str) -> User:
    nothing: dict[str, Any] = dict.fromkeys(Given.__slots__)
    user = agent_given("10.0.0.1", Given(**{**nothing, "user": "u", **fields})).user
    assert user is not None
    return user


AUTH_NAMES = [
    *((name, AuthProtocol.MD5) for name in ("MD5", "md5", "HMAC-MD5-96")),
    *((name, AuthProtocol.SHA) for name in ("SHA", "SHA1", "sha-1", "HMAC-SHA-96")),
    *((name, AuthProtocol.SHA256) for name in ("SHA-256", "sha256", "SHA2-256", "HMAC-192-SHA-256")),
    *((name, AuthProtocol.SHA512) for name in ("SHA-512", "sha2-512")),
]
PRIV_NAMES = [
    *((name, PrivProtocol.DES) for name in ("DES", "des56", "CBC-DES")),
    *((name, PrivProtocol.AES128) for name in ("AES", "aes 128", "AES-128", "AES128-CFB", "CFB-AES-128")),
    *((name, PrivProtocol.AES256) for name in ("AES-256", "aes256")),
    *((name, PrivProtocol.AES256C) for name in ("AES-256-C", "aes256-cisco")),
]


@pytest.mark.parametrize(("name", "protocol"), AUTH_NAMES)
def test_authentication_is_named_as_the_vendors_name_it(
    name: str, protocol: AuthProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH", "authentication")
    assert given_user(auth=name, auth_password_env="AUTH").auth is protocol


@pytest.mark.parametrize(("name", "protocol"), PRIV_NAMES)
def test_privacy_is_named_as_the_vendors_name_it(
    name: str, protocol: PrivProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "authentication")
    both = {"auth": "SHA", "auth_password_env": "SECRET", "priv_password_env": "SECRET"}
    assert given_user(**both, priv=name).priv is protocol


WRONG = [
    (["--community", "a", "--user", "u"], "--user speaks SNMPv3, which has no community; give one or the other"),
    (["--community-file", "a", "--community-env", "b"], "--community-file and --community-env exclude each other"),
    (["--auth", "SHA"], "--auth, --priv and --context belong to SNMPv3; give --user too"),
    (["--user", "u", "--auth", "SHA"], "--auth and --auth-password-file (or -env) go together; give both or neither"),
    (
        ["--user", "u", "--priv", "AES", "--priv-password-env", "SECRET"],
        "SNMPv3 user u: privacy needs an authentication protocol too",
    ),
    (["--user", "u", "--auth", "SHA3", "--auth-password-env", "SECRET"], "--auth: 'SHA3' is not known; use md5, sha,"),
    (
        ["--user", "u", "--priv", "3DES", "--priv-password-env", "SECRET"],
        "--priv: '3DES' is not known; no RFC has it for SNMPv3; use des, aes128,",
    ),
    (
        ["--user", "u", "--auth", "SHA", "--auth-password-env", "SHORT"],
        "SNMPv3 user u: the authentication password must have 8 to 1024 characters",
    ),
    (
        ["--user", "u", "--auth", "SHA", "--auth-password-env", "UNSET"],
        "environment variable UNSET is not set; set it or use {file: PATH}",
    ),
    (["--user", "u", "--auth-password-env", "A", "--auth-password-file", "b"], "--auth-password-file and --auth-pass"),
]


@pytest.mark.parametrize("address", ["fe80::1", "[fe80::1]"])
def test_a_link_local_address_without_its_interface_is_one_sentence_and_not_a_silent_agent(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "'fe80::1' is link-local: its interface has to be written behind it, for example fe80::1%eth0"
    assert run(["poll", address]) == 1
    assert capsys.readouterr().err == f"netmon: {address}: {why}\n"
    assert run(["poll", "127.0.0.1", "--source-address", "fe80::1"]) == 1
    assert capsys.readouterr().err == f"netmon: {why}\n"


@pytest.mark.parametrize(("options", "sentence"), WRONG)
def test_credentials_that_do_not_fit_together_are_one_sentence(
    options: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "authentication")
    monkeypatch.setenv("SHORT", "short")
    assert run(["poll", "10.0.0.1", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"netmon: {sentence}")
    assert "short" not in err.replace("SHORT", "")
