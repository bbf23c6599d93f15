from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import netmiko
import pytest
from support.processes import PATIENCE_S, eventually

from netmon.simulator.province import Ports, Province, Unit, running_province

NO_BROKER = Ports(mqtt=None)


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    async with running_province(ports=NO_BROKER, public_keys=[key.export_public_key().decode()]) as running:
        (tmp_path / "known_hosts").write_text("".join(unit.known_hosts_line for unit in running.units))
        yield running


async def ssh(unit: Unit, folder: Path, *arguments: str, stdin: str | None = None) -> tuple[str, int]:
    """OpenSSH's own client, logged in with the key."""
    process = await asyncio.create_subprocess_exec(
        "ssh",
        *("-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-i", str(folder / "key")),
        *("-o", f"UserKnownHostsFile={folder / 'known_hosts'}", "-o", "IdentitiesOnly=yes", "-p", str(unit.ssh_port)),
        *("-tt",) * (stdin is not None),
        f"{unit.account.username}@{unit.router.address}",
        *arguments,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(None if stdin is None else stdin.encode()), PATIENCE_S)
    assert process.returncode is not None
    return out.decode(), process.returncode


async def test_openssh_runs_a_single_command_and_gets_its_status(province: Province, tmp_path: Path) -> None:
    unit = province.unit("rumah-sakit")
    assert await ssh(unit, tmp_path, "echo hello; exit 7") == ("hello\n", 7)
    out, status = await ssh(unit, tmp_path, "frobnicate")
    assert (out.strip(), status) == ("sh: 1: frobnicate: not found", 127)


async def test_openssh_gets_an_interactive_shell_with_echo_and_prompt(province: Province, tmp_path: Path) -> None:
    out, status = await ssh(
        province.unit("rumah-sakit"), tmp_path, stdin="echo a$((1 + 1))\nif true\nthen echo b\nfi\nexit 3\n"
    )
    assert status == 3
    assert "root@rumah-sakit:~# echo a$((1 + 1))\r\na2\r\n" in out
    assert "> fi\r\nb\r\n" in out


async def test_openssh_gets_a_routeros_console(province: Province, tmp_path: Path) -> None:
    out, status = await ssh(province.unit("pelayanan"), tmp_path, stdin=':put "hi"\r/user active print\rquit\r')
    assert status == 0
    assert '[netmon@pelayanan] > :put "hi"\r\nhi\r\n' in out
    assert 'name="netmon" address="127.0.0.1" via="ssh"' in out


@pytest.mark.parametrize(("router", "device_type"), [("gubernuran", "mikrotik_routeros"), ("rumah-sakit", "linux")])
async def test_netmiko_logs_in_with_a_password_and_gets_answers(
    province: Province, router: str, device_type: str
) -> None:
    unit, before = province.unit(router), set(threading.enumerate())
    command, expected = {"linux": ("echo $((40 + 2))", "42")}.get(device_type, (":put (40 . 2)", "402"))

    def talk() -> str:
        with netmiko.ConnectHandler(
            device_type=device_type,
            host=unit.router.address,
            port=unit.ssh_port,
            username=unit.account.username,
            password=unit.account.password,
        ) as connection:
            return str(connection.send_command(command))

    assert (await asyncio.to_thread(talk)).strip() == expected
    workers = asyncio.get_running_loop()._default_executor._threads  # type: ignore[attr-defined]
    await eventually(lambda: set(threading.enumerate()) <= before | workers, "every thread of the session to end")


async def test_wrong_passwords_and_other_names_are_refused(province: Province) -> None:
    unit = province.unit("rumah-sakit")
    for username, password in (("root", "guess"), ("admin", unit.account.password)):
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                unit.router.address,
                unit.ssh_port,
                username=username,
                password=password,
                known_hosts=None,
                client_keys=None,
            )


async def test_a_line_longer_than_the_terminal_takes_is_not_run_and_the_session_lives_on(province: Province) -> None:
    unit = province.unit("rumah-sakit")
    async with asyncssh.connect(
        unit.router.address,
        unit.ssh_port,
        username="root",
        password=unit.account.password,
        known_hosts=None,
        client_keys=None,
    ) as connection:
        process = await connection.create_process(term_type="vt100")
        process.stdin.write("stty -echo\necho mor''tal " + "x" * 40_000 + "\necho al''ive\n")
        out = await asyncio.wait_for(process.stdout.readuntil("alive"), PATIENCE_S)
        assert "mortal" not in out
        process.close()


def test_secrets_do_not_show_in_reprs() -> None:
    from netmon.simulator.province import build_province

    province = build_province()
    shown = repr(province.units[0])
    assert province.units[0].account.password not in shown
    assert "host_key" not in shown
