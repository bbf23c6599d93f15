"""Whether a configured router's command line can be read, and with what: before anything is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon import bundled
from netmon.config.errors import ConfigError
from netmon.config.load import Configuration, load
from netmon.daemon.console import check_console, read_console
from netmon.routers.profiles import Profile, load_profiles
from netmon.routers.session import Failure
from netmon.settings import SecretUnavailableError

TEXT = """\
site: {name: sulteng, timezone: Asia/Makassar}
snmp: {credentials: {default: {community: {env: NETMON_NOT_ASKED_FOR}}}}
ssh:
  credentials: {limiter: {username: netmon, password: {file: password}, private_key: key}}
  known_hosts: known_hosts
routers:
  edge-1:
    address: 127.0.0.1
    ssh: limiter
    platform: linux
"""


def site(folder: Path, before: str = "", after: str = "") -> Configuration:
    """A configuration that lacks nothing, with one thing replaced."""
    assert before in TEXT
    (folder / "netmon.yaml").write_text(TEXT.replace(before, after) if before else TEXT, encoding="utf-8")
    for name in ("password", "key", "known_hosts"):
        (folder / name).write_text("hunter2\n", encoding="utf-8")
    return load(folder / "netmon.yaml")


def profile(name: str) -> Profile:
    return load_profiles([bundled.folder("collectors")]).named(name)


def refusal(configuration: Configuration, platform: str | None = "linux") -> str:
    with pytest.raises(ConfigError) as caught:
        check_console(configuration, "edge-1", profile(platform) if platform else None)
    return str(caught.value).replace(f"{configuration.directory}/", "")


def test_a_router_with_a_login_is_let_pass(tmp_path: Path) -> None:
    check_console(site(tmp_path), "edge-1", profile("linux"))
    check_console(site(tmp_path), "edge-1", None)


LACKING = [
    (
        ("    ssh: limiter\n", ""),
        (
            "netmon.yaml:7:3: routers.edge-1.ssh: missing, and a command line is read over SSH; add it, or leave"
            " --console out"
        ),
    ),
    (
        ("  known_hosts: known_hosts\n", ""),
        (
            "netmon.yaml:3:1: ssh.known_hosts: missing; name a file with the routers' host keys"
            "; netmon ssh-trust records them"
        ),
    ),
    (
        ("known_hosts: known_hosts", "known_hosts: elsewhere"),
        (
            "netmon.yaml:5:16: ssh.known_hosts: elsewhere cannot be read: No such file or directory;"
            " check its path and owner"
        ),
    ),
    (
        ("private_key: key", "private_key: elsewhere"),
        (
            "netmon.yaml:4:86: ssh.credentials.limiter.private_key: elsewhere cannot be read: No such file or"
            " directory; check its path and owner"
        ),
    ),
    (
        ("{file: password}", "{env: NETMON_NO_SUCH_SECRET}"),
        (
            "netmon.yaml:4:45: ssh.credentials.limiter.password: environment variable NETMON_NO_SUCH_SECRET is not set;"
            " set it or use {file: PATH}"
        ),
    ),
]


@pytest.mark.parametrize(("change", "sentence"), LACKING, ids=[change[1] or change[0] for change, _ in LACKING])
def test_what_a_login_lacks_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    assert refusal(site(tmp_path, *change)) == sentence


def test_another_router_s_credential_is_not_asked_for(tmp_path: Path) -> None:
    others = "{limiter: {username: netmon, password: {file: password}}, other: {username: x, private_key: elsewhere}}"
    line = next(line for line in TEXT.splitlines() if "limiter: {" in line)
    check_console(site(tmp_path, line, f"  credentials: {others}"), "edge-1", profile("linux"))


def test_a_systemd_credential_outside_of_its_unit_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    configuration = site(tmp_path, "{file: password}", "{credential: router}")
    with pytest.raises(SecretUnavailableError, match="credential router needs systemd's CREDENTIALS_DIRECTORY"):
        check_console(configuration, "edge-1", None)


def test_a_configured_platform_without_commands_is_refused_by_name(tmp_path: Path) -> None:
    said = refusal(site(tmp_path, "platform: linux", "platform: generic-if-mib"), "generic-if-mib")
    assert said == (
        "netmon.yaml:10:15: routers.edge-1.platform: the profile generic-if-mib has no cli section, so there is no"
        " command to ask; add one to collectors/generic-if-mib.yaml, or leave --console out"
    )


def test_a_profile_without_a_terminal_or_a_dialect_that_has_one_is_a_failure(tmp_path: Path) -> None:
    mute = profile("linux").model_copy(update={"platform": "openwrt", "enforcement": None})
    reading = read_console(site(tmp_path), "edge-1", mute)
    assert reading.failure is Failure.DIALECT
    assert "openwrt: dialect.yaml is missing; add it or correct the router's platform" in reading.missing[0].why
