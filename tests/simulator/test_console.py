"""Any System served over SSH, and the faults of its command line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress

import asyncssh
import pytest
from support.consoles import ServedLogin, console_router
from support.processes import PATIENCE_S, eventually

from netmon.simulator.console import Logout
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.faults import Break, Breakage, Faults, Stage

PROMPT = "box# "


class Box:
    """Repeats what it is told, and numbers lines."""

    banner = "Welcome\nto the box\n"

    def __init__(self) -> None:
        self.said: list[str] = []
        self.seats = 0

    def seat(self, username: str, peer: str) -> BoxSeat:
        self.seats += 1
        return BoxSeat(self, f"{username}@{peer}")

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return None

    def reboot(self) -> None:
        self.said.clear()


class BoxSeat:
    prompt = PROMPT

    def __init__(self, box: Box, who: str) -> None:
        self._box = box
        self._who = who

    async def run(self, line: str) -> str:
        self._box.said.append(line)
        match line.split():
            case ["exit"]:
                raise Logout("Bye", 3)
            case ["count", number]:
                return "".join(f"line {n}\n" for n in range(int(number)))
            case ["who"]:
                return self._who
            case _:
                return ""

    def close(self) -> None:
        self._box.seats -= 1


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def login(box: Box) -> Iterator[ServedLogin]:
    port = Port(1, "eth0", "", bytes(6), PortRole.UPLINK)
    with console_router(box, Router("box", Platform.IOS, "127.0.0.1", "B1", (port,), lambda: 10**12)) as served:
        yield served


async def connected(login: ServedLogin) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        login.address,
        login.port,
        username=login.username,
        password=login.password,
        known_hosts=str(login.known_hosts),
        client_keys=None,
        config=None,
    )


async def talk(login: ServedLogin, *lines: str, until: str = rf"{PROMPT}\Z", seconds: float = PATIENCE_S) -> str:
    """All that was said from login until the answer to the last line matches `until`, or the link ends."""
    said = ""
    async with await connected(login) as connection:
        with suppress(BrokenPipeError, asyncssh.ChannelOpenError, asyncssh.ConnectionLost):
            process = await asyncio.wait_for(connection.create_process(term_type="vt100"), seconds)
            said += await _read(process, rf"{PROMPT}\Z" if lines else until, seconds)
            for number, line in enumerate(lines, start=1):
                process.stdin.write(f"{line}\r")
                said += await _read(process, until if number == len(lines) else rf"{PROMPT}\Z", seconds)
    return said


async def _read(process: asyncssh.SSHClientProcess[str], until: str, seconds: float) -> str:
    said = ""
    while not re.search(until, said):
        try:
            part = await asyncio.wait_for(process.stdout.read(1024), seconds)
        except asyncssh.ConnectionLost:
            break
        if not part:
            break
        said += part
    return said


async def test_a_system_is_served_with_banner_prompt_echo_and_logout(login: ServedLogin, box: Box) -> None:
    said = await talk(login, "who", "exit", until=r"Bye\r\n\Z|" + PROMPT)
    assert said == f"Welcome\r\nto the box\r\n{PROMPT}who\r\nnetmon@127.0.0.1\r\n{PROMPT}exit\r\nBye\r\n"
    await eventually(lambda: box.seats == 0, "the seat to be given back")


async def test_a_single_command_is_answered_without_a_prompt(login: ServedLogin, box: Box) -> None:
    async with await connected(login) as connection:
        assert (await connection.run("who")).stdout == "netmon@127.0.0.1\r\n"
    await eventually(lambda: box.seats == 0, "the seat to be given back")


async def test_a_dropped_link_gives_the_seat_back(login: ServedLogin, box: Box) -> None:
    connection = await connected(login)
    process = await connection.create_process(term_type="vt100")
    await _read(process, rf"{PROMPT}\Z", PATIENCE_S)
    assert box.seats == 1
    connection.abort()
    await eventually(lambda: box.seats == 0, "the seat to be given back")


async def test_a_wrong_prompt_and_a_message_of_the_day_are_shown(login: ServedLogin) -> None:
    login.inflict(Faults(prompt="other> ", motd="Authorised use only #\nä☃"))
    said = await talk(login, until=r"other> \Z")
    assert said == "Welcome\r\nto the box\r\nAuthorised use only #\r\nä☃\r\nother> "


async def test_a_long_answer_is_paged_until_a_key_is_pressed(login: ServedLogin) -> None:
    login.inflict(Faults(page_lines=2))
    said = await talk(login, "count 5", until=r"--More--\Z")
    assert said.endswith("line 0\r\nline 1\r\n--More--")
    async with await connected(login) as connection:
        process = await connection.create_process(term_type="vt100")
        await _read(process, rf"{PROMPT}\Z", PATIENCE_S)
        process.stdin.write("count 5\r")
        await _read(process, r"--More--\Z", PATIENCE_S)
        process.stdin.write(" ")
        assert "line 3\r\n" in await _read(process, r"--More--\Z", PATIENCE_S)
        process.stdin.write("q")
        assert "line 4" not in await _read(process, rf"{PROMPT}\Z", PATIENCE_S)


async def test_dripping_syslog_and_escapes_spoil_the_looks_and_not_the_words(login: ServedLogin) -> None:
    login.inflict(Faults(drip_s=0.001, syslog="%SYS-5-CONFIG_I: by console", escapes=True))
    said = await talk(login, "count 2")
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", said)
    assert plain.endswith(
        "count 2\r\n%SYS-5-CONFIG_I: by console\r\nline 0\r\n%SYS-5-CONFIG_I: by console\r\nline 1\r\n"
        f"%SYS-5-CONFIG_I: by console\r\n{PROMPT}"
    )
    assert "\x1b[1;32mline 0\x1b[0m" in said


@pytest.mark.parametrize(
    ("stage", "heard", "carried_out"),
    [
        (Stage.SHELL, "", []),
        (Stage.PROMPT, "Welcome\r\nto the box\r\n", []),
        (Stage.COMMAND, f"{PROMPT}count 3\r\n", []),
        (Stage.EFFECT, f"{PROMPT}count 3\r\n", ["count 3"]),
        (Stage.ANSWER, "line 0\r\nline", ["count 3"]),
    ],
)
async def test_a_link_that_is_cut_is_cut_there_and_once(
    login: ServedLogin, box: Box, stage: Stage, heard: str, carried_out: list[str]
) -> None:
    login.inflict(Faults(Breakage(Break.DISCONNECT, stage)))
    said = await talk(login, "count 3")
    assert said.endswith(heard)
    assert box.said == carried_out
    await eventually(lambda: box.seats == 0, "the seat to be given back")
    assert (await talk(login, "who")).endswith(f"netmon@127.0.0.1\r\n{PROMPT}")


@pytest.mark.parametrize("stage", [Stage.SHELL, Stage.PROMPT, Stage.COMMAND, Stage.EFFECT, Stage.ANSWER])
async def test_a_router_that_hangs_says_no_more_and_keeps_the_link(login: ServedLogin, box: Box, stage: Stage) -> None:
    login.inflict(Faults(Breakage(Break.HANG, stage, nth=1)))
    with pytest.raises(TimeoutError):
        await talk(login, "count 3", seconds=0.3)
    await eventually(lambda: box.seats == 0, "the seat to be given back")
    assert (await talk(login, "who")).endswith(f"netmon@127.0.0.1\r\n{PROMPT}")


async def test_the_nth_line_typed_is_the_one_that_breaks(login: ServedLogin, box: Box) -> None:
    login.inflict(Faults(Breakage(Break.DISCONNECT, Stage.COMMAND, nth=3)))
    await talk(login, "a", "", "b", "c")
    assert box.said == ["a", "", "b"]


@pytest.mark.parametrize("how", list(Break))
async def test_a_login_can_break_before_anybody_is_let_in(login: ServedLogin, how: Break) -> None:
    login.inflict(Faults(Breakage(how, Stage.AUTHENTICATION)))
    with pytest.raises((TimeoutError, asyncssh.ConnectionLost)):
        await asyncio.wait_for(talk(login, "who"), 0.5)
    assert (await talk(login, "who")).endswith(f"netmon@127.0.0.1\r\n{PROMPT}")
