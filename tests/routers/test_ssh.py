"""Sessions on a real sshd, whose forced command plays the router: well, rudely, or not at all."""

from __future__ import annotations

import getpass
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.processes import PATIENCE_S, free_port, wait_until
from support.sshd import MS, keygen, sshd

from netmon.routers import ssh
from netmon.routers.dialects import Dialect, load_dialect
from netmon.routers.session import (
    CommandRejectedError,
    HostKeyMismatchError,
    Login,
    LoginRefusedError,
    SessionLostError,
    UnknownHostKeyError,
    UnreachableError,
)
from netmon.routers.ssh import open_session, open_terminal
from netmon.routers.terminal import Terminal

POLICIES = Path(__file__).parents[2] / "policies" / "enforcement"
LINUX = load_dialect("linux", [POLICIES])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    with sshd(tmp_path_factory.mktemp("ssh") / "d", "env PS1='router# ' bash --norc -i") as login:
        yield login


def filters() -> int:
    return len(logging.getLogger("netmiko").filters)


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def test_a_command_answers_and_the_session_closes_at_once(shell: Login) -> None:
    session = open_session(shell, LINUX)
    assert session.run("echo one; echo two") == "one\ntwo"
    assert session.run("true") == ""
    assert session.username == getpass.getuser()
    began = time.monotonic()
    session.close()
    session.close()
    assert time.monotonic() - began < 8, "netmiko's own farewell takes ten"
    with pytest.raises(SessionLostError, match="closed"):
        session.run("true")


def test_a_refused_command_is_told_in_the_routers_words_and_the_session_goes_on(shell: Login) -> None:
    session = open_session(shell, LINUX)
    with pytest.raises(CommandRejectedError, match=r"r1 refused .*: Error: Exclusivity flag on"):
        session.run("echo 'Error: Exclusivity flag on, cannot modify.'")
    with pytest.raises(CommandRejectedError, match="did not complete 'false'"):
        session.run("false")
    with pytest.raises(CommandRejectedError, match="command not found"):
        session.run("no-such-command-here")
    assert session.run("echo fine") == "fine"
    session.close()


def test_output_that_looks_like_a_prompt_or_a_marker_truncates_nothing(
    shell: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "QUIET_S", 20)
    session = open_session(shell, LINUX)
    assert session.run("echo 'router# '; sleep 0.3; echo after") == "router# \nafter"
    assert session.run("echo '__rc4=0'; sleep 0.3; echo after").endswith("after")
    assert session.run("printf 'no newline'") == "no newline"
    assert session.run("echo 'alias Error: nothing'") == "alias Error: nothing"
    assert len(session.run("seq 20000").splitlines()) == 20_000
    session.close()


def test_a_refusal_in_words_nobody_listed_ends_when_the_prompt_stays(shell: Login) -> None:
    session = open_session(shell, LINUX)
    with pytest.raises(CommandRejectedError, match=r"did not complete .*: strange words"):
        session.run("printf 'strange words\\n'; : #")
    assert session.run("echo fine") == "fine"
    session.close()


def test_a_command_without_an_answer_ends_the_session(shell: Login) -> None:
    session = open_session(replace(shell, command_timeout_ns=1500 * MS), LINUX)
    with pytest.raises(SessionLostError, match=r"no answer within 1\.5 s"):
        session.run("sleep 600")
    with pytest.raises(SessionLostError, match="closed"):
        session.run("true")


def test_a_dropped_link_is_noticed_at_once_not_at_the_timeout(shell: Login) -> None:
    session = open_session(replace(shell, command_timeout_ns=600_000 * MS), LINUX)
    began = time.monotonic()
    with pytest.raises(SessionLostError, match="dropped"):
        session.run("kill -9 $$")
    assert time.monotonic() - began < PATIENCE_S


def test_a_host_key_that_changed_is_an_alarm_of_its_own(shell: Login, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{shell.port} {keygen(tmp_path / 'other')}\n")
    with pytest.raises(HostKeyMismatchError, match="another host key"):
        open_session(replace(shell, known_hosts=tmp_path / "known_hosts"), LINUX)


def test_an_unknown_host_key_is_refused_and_so_is_a_missing_file(shell: Login, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(UnknownHostKeyError, match="not in"):
        open_session(replace(shell, known_hosts=tmp_path / "empty"), LINUX)
    with pytest.raises(UnknownHostKeyError, match="does not exist"):
        open_session(replace(shell, known_hosts=tmp_path / "nowhere"), LINUX)


def test_a_refused_login_and_a_missing_key_are_told_apart_from_silence(shell: Login, tmp_path: Path) -> None:
    keygen(tmp_path / "stranger")
    with pytest.raises(LoginRefusedError, match="was refused"):
        open_session(replace(shell, key_file=tmp_path / "stranger"), LINUX)
    with pytest.raises(LoginRefusedError, match="does not exist"):
        open_session(replace(shell, key_file=tmp_path / "nowhere"), LINUX)
    with pytest.raises(UnreachableError, match="no SSH connection"):
        open_session(replace(shell, port=free_port()), LINUX)


def test_a_server_that_never_speaks_is_given_up_in_time(shell: Login, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        login = replace(shell, port=silent.getsockname()[1], connect_timeout_ns=400 * MS)
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            open_session(login, LINUX)
        assert time.monotonic() - began < PATIENCE_S


def test_failed_and_closed_sessions_leave_no_thread_and_no_log_filter(shell: Login, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    open_session(shell, LINUX).close()
    wait_until(lambda: not [t for t in threading.enumerate() if "Transport" in t.name], "transports to end")
    before = (filters(), threads())
    for _ in range(3):
        open_session(shell, LINUX).close()
        with pytest.raises(UnknownHostKeyError):
            open_session(replace(shell, known_hosts=tmp_path / "empty"), LINUX)
        with pytest.raises(UnreachableError):
            open_session(replace(shell, port=free_port()), LINUX)
    # Threads of other tests may end meanwhile.
    wait_until(lambda: filters() == before[0] and threads() <= before[1], "everything to be let go")


def test_a_login_that_hangs_after_authentication_is_let_go(tmp_path: Path) -> None:
    with sshd(tmp_path / "d", "sleep 600") as login:
        before = filters()
        with pytest.raises(SessionLostError, match="no answer"):
            open_session(replace(login, command_timeout_ns=1500 * MS), LINUX)
        assert filters() == before


def test_a_login_that_ends_after_authentication_is_a_lost_session(tmp_path: Path) -> None:
    with sshd(tmp_path / "d", "true") as login, pytest.raises(SessionLostError, match="dropped"):
        open_session(login, LINUX)


def test_a_long_banner_full_of_prompts_does_not_confuse_the_login(tmp_path: Path) -> None:
    script = tmp_path / "shell"
    script.write_text("#!/bin/sh\nfor i in 1 2 3; do echo 'maintenance at 5# $'; done\nexec env PS1='r$ ' sh -i\n")
    script.chmod(0o755)
    with sshd(tmp_path / "d", str(script)) as login:
        session = open_session(login, LINUX)
        assert session.run("echo fine") == "fine"
        session.close()


def test_a_socket_of_the_callers_own_making_is_used(shell: Login) -> None:
    asked = []

    def connect(address: str, port: int, timeout_s: float) -> socket.socket:
        asked.append((address, timeout_s))
        return socket.create_connection((address, port), timeout_s)

    open_session(shell, LINUX, connect).close()
    assert asked == [("127.0.0.1", 60.0)]


def test_netmiko_still_has_the_private_parts_netmon_relies_on() -> None:
    from netmiko import ConnectHandler

    for dialect in (LINUX, load_dialect("routeros", [POLICIES])):
        connection = ConnectHandler(
            device_type=dialect.settings.device_type, host="r1", username="netmon", password="x", auto_connect=False
        )
        connection._modify_connection_params()
        assert connection.username == ("netmon" if dialect is LINUX else "netmon+ct511w4098h")
        connection.disconnect()


def test_a_login_never_shows_its_password(shell: Login) -> None:
    assert "s3cret" not in repr(replace(shell, password="s3cret"))


def test_a_device_type_netmiko_does_not_know_is_named(shell: Login) -> None:
    settings = LINUX.settings.model_copy(update={"device_type": "acme"})
    with pytest.raises(UnreachableError, match="acme is not known to netmiko"):
        open_session(shell, Dialect("linux", settings, {}))


CONSOLE = """#!/bin/bash
printf 'maintenance at 5\\r\\nR9#\\r\\nno entry\\r\\n'
sleep 0.1
while printf 'R1#' && IFS= read -r line; do
  case "$line" in
    'terminal length 0') ;;
    'show queues') printf 'one\\r\\n'; printf 'R1#'; sleep 0.1; printf ' is a prompt\\r\\ntwo\\r\\n' ;;
    '' | 'show nothing') ;;
    'show forever') sleep 600 ;;
    *) printf '      ^\\r\\n%% Invalid input detected at marker.\\r\\n' ;;
  esac
done
"""
PLAIN = Terminal(
    device_type="cisco_ios",
    prepare=("terminal length 0", "terminal of another release"),
    prompt=r"[A-Za-z0-9]+[>#]\Z",
    errors=("^% Invalid",),
)


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    """A console without anything that tells success: echo, answer, prompt."""
    monkeypatch.setattr(ssh, "QUIET_S", 1.5)
    script = tmp_path / "console"
    script.write_text(CONSOLE)
    script.chmod(0o755)
    with sshd(tmp_path / "d", str(script)) as login:
        yield login


def test_a_console_without_a_marker_is_read_between_echo_and_prompt(console: Login) -> None:
    session = open_terminal(console, PLAIN)
    assert session.run("show queues") == "one\nR1# is a prompt\ntwo"
    assert session.run("show nothing") == ""
    with pytest.raises(CommandRejectedError, match=r"r1 refused 'show love': % Invalid input detected at marker\."):
        session.run("show love")
    assert session.run("show queues").endswith("two")
    session.close()


def test_a_console_without_a_marker_that_goes_silent_ends_the_session(console: Login) -> None:
    session = open_terminal(replace(console, command_timeout_ns=1500 * MS), PLAIN)
    with pytest.raises(SessionLostError, match="no answer within"):
        session.run("show forever")


TWICE = Terminal(
    device_type="vyos", prompt=r"[a-z]+@[\w-]+[$#] ?\Z", double_prompt=True, errors=(r"^bash: ", r"^\s*Set failed")
)


def test_a_shell_that_prints_lines_above_its_prompt_is_read_by_two_prompts(tmp_path: Path) -> None:
    script = tmp_path / "shell"
    script.write_text("#!/bin/sh\nexport PS1='\\n[edit]\\nvyos@r1# '\nexec bash --norc -i\n")
    script.chmod(0o755)
    with sshd(tmp_path / "d", str(script)) as login:
        session = open_terminal(login, TWICE)
        assert session.run("echo one; sleep 0.2; echo 'vyos@r1# '; sleep 0.2; echo two") == "one\nvyos@r1# \ntwo"
        assert session.run("true") == ""
        with pytest.raises(CommandRejectedError, match="refused 'no-such-command': bash: no-such-command"):
            session.run("no-such-command")
        assert len(session.run("seq 20000").splitlines()) == 20_000
        assert session.run(f"echo {'x' * 600}") == "x" * 600
        session.close()


def test_a_console_that_echoes_while_it_works_is_read_after_a_silence(console: Login) -> None:
    session = open_terminal(console, PLAIN.model_copy(update={"double_prompt": True}))
    assert session.run("show queues") == "one\nR1# is a prompt\ntwo"
    assert session.run("show nothing") == ""
    with pytest.raises(CommandRejectedError, match=r"r1 refused 'show love': % Invalid input"):
        session.run("show love")
    session.close()
