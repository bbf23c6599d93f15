"""Reading a command line: over sessions that obey, refuse and drop, and on simulated routers over real SSH."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli_collectors import shipped_collectors, shipped_templates, shipped_terminal

from netmon import bundled
from netmon.daemon.enforcer import CollectOrder, Setup, collect_once, main
from netmon.daemon.processes import Child
from netmon.routers.cli_reading import Answer, CliReading
from netmon.routers.cli_session import BUDGET_NS, Collect, collect, read_cli, without_echo
from netmon.routers.dialects import Way, load_dialect
from netmon.routers.session import (
    CommandRejectedError,
    Failure,
    HostKeyMismatchError,
    Login,
    Session,
    SessionLostError,
)
from netmon.routers.settings import RouterSettings, SshCredential, SshSettings
from netmon.routers.ssh import open_session
from netmon.routers.terminal import Terminal
from netmon.settings import SecretRef
from netmon.simulator.province import THIRSTY, UPLOADING, Ports, Province, Unit, running_province

TEMPLATES = shipped_templates()
LOGIN = Login("r1", "192.0.2.1", 22, "cisco-ios", "watcher", Path("known_hosts"), password="s3cret")
IOS = shipped_collectors("cisco-ios")


class Scripted:
    """A session that answers from a table, or fails as told."""

    username = "watcher"

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer
        self.commands: list[str] = []
        self.closed = False

    def run(self, command: str) -> str:
        self.commands.append(command)
        return self.answer(command)

    def close(self) -> None:
        self.closed = True

    def transcript(self) -> str:
        return "\n".join(self.commands)


def ios(command: str) -> str:
    if "policy-map" in command:
        raise CommandRejectedError("r1 refused 'show policy-map interface': % Invalid input detected")
    return (
        "! Last configuration change at 09:41:22 UTC Mon Sep 7 2026\n"
        "! NVRAM config last updated at 09:41:22 UTC Mon Sep 7 2026\n"
    )


def test_a_refused_command_is_missing_and_the_others_are_read() -> None:
    session = Scripted(ios)
    reading = read_cli(session, IOS, TEMPLATES, lambda: 0)
    assert session.commands == [collector.command for collector in IOS]
    assert reading.configuration is not None
    assert reading.configuration.unsaved is False
    assert [(one.what, one.why.partition(":")[0]) for one in reading.missing] == [
        ("show policy-map interface", "not supported by this release, or not permitted")
    ]
    assert (reading.failure, session.closed) == (None, False)
    assert reading.answers == (Answer(IOS[1].command, 2),), "changed and saved"


def test_a_router_s_own_words_cannot_move_the_cursor() -> None:
    def rude(command: str) -> str:
        raise CommandRejectedError(f"r1 refused it: % no \x1b[2J\x9bK\x07{'!' * 5000}")

    reading = read_cli(Scripted(rude), IOS[:1], TEMPLATES, lambda: 0)
    (why,) = (one.why for one in reading.missing)
    assert "% no [2J K !!!" in why
    assert why.isprintable()
    assert len(why) < 500


def test_a_lost_session_keeps_what_was_read_and_asks_no_more() -> None:
    def drop(command: str) -> str:
        if "running-config" in command:
            raise SessionLostError("r1: the link dropped")
        return ""

    session = Scripted(drop)
    reading = read_cli(session, (*IOS, *IOS), TEMPLATES, lambda: 0)
    assert len(session.commands) == 2
    assert reading.failure is Failure.SESSION_LOST
    assert {one.why for one in reading.missing} == {"not read: r1: the link dropped"}
    assert len(reading.missing) == 3


def test_a_router_that_takes_too_long_is_not_asked_everything() -> None:
    ticks = count(0, BUDGET_NS)
    session = Scripted(lambda command: "")
    reading = read_cli(session, (*IOS, *IOS), TEMPLATES, lambda: next(ticks))
    assert len(session.commands) == 1
    assert {one.why for one in reading.missing} == {"not asked: 60 s were used up before"}


def test_collecting_logs_in_with_the_profiles_terminal_and_always_logs_out() -> None:
    session, used = Scripted(ios), list[Terminal]()

    def opened(login: Login, terminal: Terminal) -> Session:
        used.append(terminal)
        return session

    def of_the_dialect(platform: str) -> Terminal:
        return load_dialect(platform, [bundled.folder("policies") / "enforcement"]).settings

    terminal = shipped_terminal("cisco-ios")
    assert terminal is not None
    collect(Collect(LOGIN, IOS, terminal), of_the_dialect, opened, TEMPLATES, lambda: 0)
    assert session.closed
    linux = Login("r2", "192.0.2.2", 22, "linux", "watcher", Path("known_hosts"))
    collect(Collect(linux, ()), of_the_dialect, opened, TEMPLATES, lambda: 0)
    assert [one.device_type for one in used] == ["cisco_ios", "linux"]


def test_a_login_that_fails_is_a_value_with_a_reason() -> None:
    def refuse(login: Login, terminal: Terminal) -> Session:
        raise HostKeyMismatchError("r1 shows another host key")

    terminal = shipped_terminal("cisco-ios")
    reading = collect(Collect(LOGIN, IOS, terminal), lambda _: terminal, refuse, TEMPLATES, lambda: 0)  # type: ignore[arg-type, return-value]
    assert reading.failure is Failure.HOST_KEY_MISMATCH
    assert [str(one) for one in reading.missing] == ["command line: r1 shows another host key"]


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("[a@r1] > show x\nqueue=1", "queue=1"),
        ("[a@r1] > \n[a@r1] > show x\n[a@r1] > show x; :put 1\nqueue=1", "queue=1"),
        ("r1#sh\now x\nqueue=1", "queue=1"),
        ("queue=1\nqueue=2", "queue=1\nqueue=2"),
        ("", ""),
    ],
)
def test_the_echo_of_a_command_is_no_part_of_its_answer(answer: str, left: str) -> None:
    assert without_echo(answer, "show x") == left


@given(st.text(max_size=80), st.text(min_size=1, max_size=10))
def test_taking_the_echo_off_leaves_a_tail_of_the_answer(answer: str, command: str) -> None:
    assert answer.endswith(without_echo(answer, command))


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    async with running_province(ports=Ports(mqtt=None)) as running:
        (tmp_path / "known_hosts").write_text("".join(unit.known_hosts_line for unit in running.units))
        yield running


def order_for(unit: Unit, folder: Path) -> tuple[CollectOrder, Setup]:
    platform = unit.site.platform.value
    credential = SshCredential(username=unit.account.username, password=SecretRef.model_validate(unit.account.password))
    settings = RouterSettings(address=unit.router.address, ssh="lab", ssh_port=unit.ssh_port)
    ssh = SshSettings(credentials={"lab": credential}, known_hosts=folder / "known_hosts")
    return CollectOrder(unit.router.name, settings, platform, shipped_collectors(platform)), Setup(ssh, folder)


def typed(unit: Unit, folder: Path, *commands: str) -> None:
    platform = unit.site.platform.value
    login = Login(
        unit.router.name,
        unit.router.address,
        unit.ssh_port,
        platform,
        unit.account.username,
        folder / "known_hosts",
        password=unit.account.password,
    )
    session = open_session(login, load_dialect(platform, [bundled.folder("policies") / "enforcement"]))
    for command in commands:
        session.run(command)
    session.close()


def only(reading: CliReading, name: str) -> Iterator[tuple[str | None, Way | None, int | None]]:
    for queue in reading.queues:
        if queue.name == name:
            yield queue.target, queue.direction, queue.limit_bps


async def test_a_simulated_routeros_tells_limits_and_counters_over_ssh(province: Province, tmp_path: Path) -> None:
    unit = province.unit("gubernuran")
    port = unit.agency_port(THIRSTY)
    order, setup = order_for(unit, tmp_path)
    nothing = CliReading(answers=tuple(Answer(one.command, 0) for one in order.collectors))
    assert await asyncio.to_thread(collect_once, order, setup) == nothing, "no queue is no fault"
    await asyncio.to_thread(
        typed,
        unit,
        tmp_path,
        f'/queue simple add name="NM-A" target={port.name} max-limit=4M/20M comment="x = y"',
        '/queue simple add name="off" target=10.0.0.0/24 max-limit=1M/1M disabled=yes',
        f'/queue tree add name="domestic" parent={port.name} max-limit=7M',
    )
    await asyncio.sleep(0.6)  # traffic flows meanwhile
    reading = await asyncio.to_thread(collect_once, order, setup)
    assert reading.missing == ()
    assert list(only(reading, "NM-A")) == [
        (port.name, Way.INGRESS, 4_000_000),
        (port.name, Way.EGRESS, 20_000_000),
    ]
    assert list(only(reading, "domestic")) == [(port.name, None, 7_000_000)]
    assert len(reading.queues) == 3
    egress = reading.queues[1]
    assert egress.octets is not None
    assert egress.packets is not None
    assert egress.octets > egress.packets > 0


async def test_a_simulated_linux_tells_limits_and_counters_over_ssh(province: Province, tmp_path: Path) -> None:
    unit = province.unit("rumah-sakit")
    port = unit.agency_port(UPLOADING)
    order, setup = order_for(unit, tmp_path)
    await asyncio.to_thread(
        typed,
        unit,
        tmp_path,
        f"tc qdisc replace dev {port.name} root handle 4e4d: htb default 1f",
        f"tc class replace dev {port.name} parent 4e4d: classid 4e4d:1f htb rate 20mbit ceil 20mbit",
    )
    await asyncio.sleep(0.6)  # traffic flows meanwhile
    reading = await asyncio.to_thread(collect_once, order, setup)
    assert reading.missing == ()
    assert list(only(reading, "htb 4e4d:1f")) == [(port.name, Way.EGRESS, 20_000_000)]
    assert list(only(reading, "htb 4e4d:")) == [(port.name, Way.EGRESS, None)]
    assert all(queue.octets for queue in reading.queues if queue.target == port.name)
    assert {queue.name for queue in reading.queues} == {"htb 4e4d:", "htb 4e4d:1f", "pfifo_fast 0:"}


async def test_the_enforcer_process_reads_a_command_line_for_the_daemon(province: Province, tmp_path: Path) -> None:
    unit = province.unit("rumah-sakit")
    order, setup = order_for(unit, tmp_path)
    child = Child("enforcer", main, setup)
    running = asyncio.create_task(child.run())
    try:
        reading = await asyncio.wait_for(child.request(order), 60)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert isinstance(reading, CliReading)
    assert (reading.missing, reading.failure) == ((), None)
    assert {queue.name for queue in reading.queues} == {"pfifo_fast 0:"}


async def test_a_host_key_that_changed_stops_the_reading_too(province: Province, tmp_path: Path) -> None:
    unit, other = province.unit("gubernuran"), province.unit("rumah-sakit")
    order, setup = order_for(unit, tmp_path)
    key = other.known_hosts_line.split(maxsplit=1)[1]
    (tmp_path / "known_hosts").write_text(f"{unit.known_hosts_line.split(maxsplit=1)[0]} {key}")
    reading = await asyncio.to_thread(collect_once, order, setup)
    assert reading.failure is Failure.HOST_KEY_MISMATCH
    assert reading.queues == ()


def test_a_router_without_a_credential_is_named(tmp_path: Path) -> None:
    order = CollectOrder("r1", RouterSettings(address="192.0.2.1"), "linux", ())
    with pytest.raises(LookupError, match="r1 has no ssh credential"):
        collect_once(order, Setup(SshSettings(), tmp_path))
