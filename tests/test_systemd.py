"""The unit as systemd itself reads it, and sd_notify against a real socket."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon.systemd import notify, watchdog_interval_s

FOLDER = Path(__file__).parents[1] / "systemd"
UNIT = FOLDER / "netmon.service"


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False)


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    # The program is installed by the operator; only its path is put elsewhere.
    (tmp_path / "netmon.service").write_text(text.replace("/opt/netmon/bin/netmon", "/bin/true"))
    checked = run("systemd-analyze", "verify", "--man=no", tmp_path / "netmon.service")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_an_unknown_directive_would_be_noticed(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("/opt/netmon/bin/netmon", "/bin/true")
    (tmp_path / "netmon.service").write_text(text.replace("KillMode=", "KilMode="))
    assert "KilMode" in run("systemd-analyze", "verify", "--man=no", tmp_path / "netmon.service").stderr


def test_the_service_is_exposed_little() -> None:
    checked = run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", UNIT)
    assert checked.returncode == 0, checked.stdout[-300:] + checked.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "notify"),
        ("KillMode", "mixed"),
        ("Restart", "on-failure"),
        ("StateDirectory", "netmon"),
        ("RuntimeDirectory", "netmon"),
        ("ExecStart", "/opt/netmon/bin/netmon run -c /etc/netmon/netmon.yaml"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
    ],
)
def test_the_unit_says_what_the_daemon_relies_on(name: str, value: str) -> None:
    assert directives(name) == [value]


def test_the_watchdog_is_longer_than_the_time_to_drain_and_the_stop_longer_than_ten_seconds() -> None:
    assert int(directives("WatchdogSec")[0]) >= 30
    assert int(directives("TimeoutStopSec")[0]) > 10


def test_the_clock_may_be_asked() -> None:
    """The last filter wins: adjtimex is in @privileged, which an earlier line takes away."""
    assert directives("SystemCallFilter")[-1] == "adjtimex clock_adjtime"
    assert directives("ProtectClock") == []


def test_credentials_are_shown_as_an_example_only() -> None:
    assert directives("LoadCredential") == []
    assert re.search(r"^#LoadCredential=\S+:/etc/netmon/credentials/", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes files of other owners")


@needs_root
def test_sysusers_makes_the_user_the_unit_runs_as(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = run("systemd-sysusers", f"--root={tmp_path}", FOLDER / "netmon.sysusers.conf")
    assert made.returncode == 0, made.stderr
    [user] = directives("User")
    fields = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith(f"{user}:"))
    assert fields.endswith(":/var/lib/netmon:/usr/sbin/nologin")
    assert f"\n{directives('Group')[0]}:" in "\n" + (tmp_path / "etc/group").read_text()


@needs_root
def test_tmpfiles_keeps_the_configuration_from_others(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", FOLDER / "netmon.sysusers.conf")
    made = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", FOLDER / "netmon.tmpfiles.conf")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "etc/netmon").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "etc/netmon/credentials").stat().st_mode & 0o777 == 0o700


# --- sd_notify ---------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def init(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd binds it, and NOTIFY_SOCKET."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@netmon-test-{tmp_path.name}-{id(request)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + address[1:] if address.startswith("@") else address)
        bound.settimeout(60)
        yield bound, address


def test_messages_reach_the_init_system_as_single_datagrams(init: tuple[socket.socket, str]) -> None:
    bound, address = init
    for message in ("READY=1\nSTATUS=polling 12 routers", "WATCHDOG=1", "STOPPING=1"):
        assert notify(message, {"NOTIFY_SOCKET": address})
        assert bound.recv(4096).decode() == message


def test_without_an_init_system_nothing_is_sent() -> None:
    assert not notify("READY=1", {})


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 20.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_three_times_per_period(environment: dict[str, str], interval: float | None) -> None:
    assert watchdog_interval_s(environment) == interval
