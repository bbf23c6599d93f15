"""Whether the files and secrets that a configuration names are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.config.load import Configuration, load
from netmon.config.secrets import check_secrets

TEXT = """\
site: {name: x}
snmp: {credentials: {default: {community: {file: community}}}}
ssh:
  credentials: {limiter: {username: netmon, private_key: id_ed25519, password: {env: NETMON_TEST_PASSWORD}}}
  known_hosts: known_hosts
outputs: {mqtt: {host: h, username: u, password: {credential: mqtt}}}
"""


def configuration(directory: Path) -> Configuration:
    path = directory / "netmon.yaml"
    path.write_text(TEXT)
    return load(path)


def test_each_secret_or_key_that_cannot_be_read_is_a_problem_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NETMON_TEST_PASSWORD", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    file = tmp_path / "netmon.yaml"
    assert [str(problem) for problem in check_secrets(configuration(tmp_path))] == [
        (
            f"{file}:2:32: snmp.credentials.default.community: secret file {tmp_path}/community cannot be read:"
            f" [Errno 2] No such file or directory: '{tmp_path}/community'; check its path and owner"
        ),
        (
            f"{file}:4:58: ssh.credentials.limiter.private_key: {tmp_path}/id_ed25519 cannot be read:"
            " No such file or directory; check its path and owner"
        ),
        (
            f"{file}:4:70: ssh.credentials.limiter.password: environment variable NETMON_TEST_PASSWORD is not set;"
            " set it or use {file: PATH}"
        ),
        (
            f"{file}:5:16: ssh.known_hosts: {tmp_path}/known_hosts cannot be read: No such file or directory;"
            " check its path and owner"
        ),
        (
            f"{file}:6:40: outputs.mqtt.password: secret file {tmp_path}/credentials/mqtt cannot be read:"
            f" [Errno 2] No such file or directory: '{tmp_path}/credentials/mqtt'; check its path and owner"
        ),
    ]


def test_nothing_is_said_when_everything_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETMON_TEST_PASSWORD", "x")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name in ("community", "id_ed25519", "known_hosts"):
        (tmp_path / name).write_text("x\n")
    assert check_secrets(configuration(tmp_path)) == ()


def test_a_password_that_snmpv3_forbids_is_a_problem_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name, octets in (("short", 7), ("shortest", 8), ("longest", 1024), ("long", 1025)):
        (tmp_path / name).write_text("x" * octets + "\n")
    file = tmp_path / "netmon.yaml"
    file.write_text(
        "site: {name: x}\nsnmp:\n  credentials:\n"
        "    one: {version: 3, user: u, auth: sha, auth_password: {file: short},\n"
        "          priv: aes, priv_password: {file: long}}\n"
        "    two: {version: 3, user: u, auth: sha, auth_password: {file: shortest},\n"
        "          priv: aes, priv_password: {file: longest}}\n"
        "    six: {version: 3, user: u, auth: sha, auth_password: {credential: elsewhere}}\n"
        "    old: {community: {file: short}}\n"
    )
    why = "an SNMPv3 password must have 8 to 1024 characters; set another one here and on the routers"
    assert [str(problem) for problem in check_secrets(load(file))] == [
        f"{file}:4:43: snmp.credentials.one.auth_password: {why}",
        f"{file}:5:22: snmp.credentials.one.priv_password: {why}",
    ]


def test_systemd_credentials_are_not_asked_for_outside_of_a_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert not [problem for problem in check_secrets(configuration(tmp_path)) if "mqtt" in problem.path]
