"""netmon ssh-trust against real SSH servers: shown, compared, and recorded only when somebody says so."""

from __future__ import annotations

import getpass
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.processes import PATIENCE_S, free_port
from support.schemas import conforms
from support.sshd import fingerprint, keygen, sshd

from netmon.cli.app import run
from netmon.routers.host_keys import SALT_LENGTH
from netmon.routers.session import Login


@dataclass(frozen=True, slots=True)
class Site:
    config: Path
    known_hosts: Path
    router: Login
    bastion: Login
    folder: Path

    def trust(self, *arguments: str) -> int:
        return run(["ssh-trust", "-c", str(self.config), *arguments])

    def place(self, login: Login) -> str:
        return f"[127.0.0.1]:{login.port} "


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Login, Login, Path]]:
    folder = tmp_path_factory.mktemp("servers")
    with (
        sshd(folder / "router", key_types=("ed25519", "rsa"), options=("ListenAddress 127.0.0.2",)) as router,
        sshd(folder / "bastion", options=("AllowTcpForwarding yes",)) as bastion,
    ):
        yield router, bastion, folder


@pytest.fixture
def site(servers: tuple[Login, Login, Path], tmp_path: Path) -> Site:
    router, bastion, folder = servers

    def entry(address: str, port: int, **more: object) -> dict[str, object]:
        return {"address": address, "platform": "linux", "ssh": "limiter", "ssh_port": port, **more}

    written: dict[str, Any] = {
        "site": {"name": "sulteng", "timezone": "Asia/Makassar"},
        "snmp": {"credentials": {"default": {"version": "2c", "community": {"env": "NETMON_TEST_COMMUNITY"}}}},
        "ssh": {
            "known_hosts": "known_hosts",
            "connect_timeout": "10s",
            "credentials": {
                "limiter": {"username": getpass.getuser(), "private_key": str(router.key_file)},
                "hop": {"username": getpass.getuser(), "private_key": str(bastion.key_file)},
            },
            "jump_hosts": {"bastion": {"address": "127.0.0.1", "port": bastion.port, "credential": "hop"}},
        },
        "agencies": {},
        "routers": {
            "palu": entry("127.0.0.1", router.port),
            "gowa": entry("127.0.0.2", router.port, ssh_jump="bastion"),
            "down": entry("127.0.0.3", free_port()),
            "watched": {"address": "127.0.0.4"},
        },
        "control": {"require_synchronised_clock": False},
    }
    config = tmp_path / "netmon.yaml"
    config.write_text(json.dumps(written))
    return Site(config, tmp_path / "known_hosts", router, bastion, folder)


def test_new_keys_are_shown_and_nothing_is_recorded_unasked(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.trust("palu") == 1
    shown = capsys.readouterr().out
    assert fingerprint(site.folder / "router" / "host.pub") in shown
    assert fingerprint(site.folder / "router" / "host_rsa.pub") in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("new") == 2
    assert not site.known_hosts.exists()


def test_accepted_keys_are_recorded_once_and_are_the_same_from_then_on(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.trust("palu", "--accept") == 0
    assert f"2 recorded in {site.known_hosts}" in capsys.readouterr().out
    recorded = site.known_hosts.read_text()
    assert sorted(recorded.splitlines()) == sorted(site.router.known_hosts.read_text().splitlines())
    assert site.known_hosts.stat().st_mode & 0o777 == 0o644
    assert site.trust("palu", "--accept") == 0
    assert capsys.readouterr().out.count("same") == 2
    assert site.known_hosts.read_text() == recorded


def test_a_changed_key_is_loud_and_only_its_replacement_by_name_records_it(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = f"{site.place(site.router)}{keygen(tmp_path / 'old')}\n"
    others = f"# the office\ncore-9 {keygen(tmp_path / 'nine')} kept\n"
    site.known_hosts.write_text(others + old)
    site.known_hosts.chmod(0o640)
    assert site.trust("palu", "--accept") == 1
    shown = capsys.readouterr().out
    assert "THE HOST KEY CHANGED" in shown
    assert f"- {fingerprint(tmp_path / 'old.pub')}" in shown
    assert f"+ {fingerprint(site.folder / 'router' / 'host.pub')}" in shown
    assert site.known_hosts.read_text() == others + old
    assert site.trust("--replace", "palu") == 0
    text = site.known_hosts.read_text()
    assert text.startswith(others)
    assert old not in text
    assert text.count(site.place(site.router)) == 2
    assert site.known_hosts.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_revoked_key_is_neither_recorded_nor_passed_over(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    public = " ".join((site.folder / "router" / "host.pub").read_text().split()[:2])
    site.known_hosts.write_text(f"@revoked * {public}\n")
    assert site.trust("palu", "--accept", "--replace", "palu") == 1
    assert "REVOKED" in capsys.readouterr().out
    assert f"{site.place(site.router)}{public}" not in site.known_hosts.read_text()


def test_routers_behind_a_jump_host_are_reached_once_it_is_trusted(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.trust("gowa") == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert fingerprint(site.folder / "bastion" / "host.pub") in shown
    assert "jump host bastion" in shown
    assert "not read" in shown
    assert site.trust("gowa", "--accept") == 0
    assert site.known_hosts.read_text().count("[127.0.0.") == 3
    assert site.trust("bastion") == 0


def test_the_document_keeps_to_its_schema_and_names_what_cannot_be_reached(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.trust("--output", "json", "--accept") == 1
    document = json.loads(capsys.readouterr().out)
    conforms("ssh-trust", document)
    rows = {row["name"]: row for row in document["data"]}
    assert list(rows) == ["bastion", "palu", "gowa", "down"]
    assert rows["down"]["failure"]["reason"] == "unreachable"
    assert rows["gowa"]["jump_host"] == "bastion"
    assert {key["state"] for key in rows["palu"]["keys"]} == {"new"}
    assert site.trust("--output", "json", "palu") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["data"]}
    assert {key["state"] for key in rows["palu"]["keys"]} == {"same"}


def test_what_a_router_needs_although_it_is_weak_is_said(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sshd(tmp_path / "weak", options=("KexAlgorithms diffie-hellman-group14-sha1",)) as weak:
        text = site.config.read_text().replace(f'"ssh_port": {site.router.port}', f'"ssh_port": {weak.port}', 1)
        site.config.write_text(text)
        assert site.trust("palu", "--accept") == 0
        assert "routers.palu.ssh_legacy_algorithms: [diffie-hellman-group14-sha1]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["palo"], "no router or jump host is named palo; did you mean palu?"),
        (["--replace", "bastian"], "no router or jump host is named bastian; did you mean bastion?"),
    ],
)
def test_an_unknown_name_is_asked_about(
    site: Site, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.trust(*arguments) == 2
    assert sentence in capsys.readouterr().err


def test_a_configuration_without_the_file_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.config.write_text(site.config.read_text().replace('"known_hosts": "known_hosts", ', ""))
    assert site.trust("palu") == 2
    assert "ssh.known_hosts: missing; name a file" in capsys.readouterr().err


def test_a_file_that_is_no_text_or_was_altered_meanwhile_is_left_alone(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.known_hosts.write_bytes(b"\xff\xfe")
    assert site.trust("palu", "--accept") == 1
    assert "is no text" in capsys.readouterr().err
    site.known_hosts.write_text("")
    salt = os.urandom

    def meddling(size: int) -> bytes:
        if size == SALT_LENGTH:
            site.known_hosts.write_text("# somebody else\n")
        return salt(size)

    monkeypatch.setattr("netmon.daemon.trust.os.urandom", meddling)
    assert site.trust("palu", "--accept") == 1
    assert "was altered meanwhile; nothing was recorded" in capsys.readouterr().err
    assert site.known_hosts.read_text() == "# somebody else\n"


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_a_person_at_a_terminal_is_asked(site: Site, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "netmon", "ssh-trust", "-c", str(site.config), "palu"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        assert "compared them on the console" in until(ours, "[y/N]: ")
        os.write(ours, answer.encode())
        until(ours, None)
        assert process.wait(PATIENCE_S) == code
    os.close(ours)
    assert site.known_hosts.exists() is (code == 0)


def until(terminal: int, words: str | None) -> str:
    """What the terminal shows until those words, or until its end."""
    said = ""
    while words is None or words not in said:
        try:
            some = os.read(terminal, 4096)
        except OSError:  # nobody holds its other end
            break
        said += some.decode("utf-8", "replace")
    return " ".join(said.split())
