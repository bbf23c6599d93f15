"""Sessions on consoles without exit codes, served by a simulated router: two prompts end an answer, come what may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from support.consoles import ServedLogin, console_router
from support.processes import PATIENCE_S

from netmon.routers import ssh
from netmon.routers.session import CommandRejectedError, EnableRefusedError, SessionLostError
from netmon.routers.ssh import open_terminal
from netmon.routers.terminal import Enable, Terminal
from netmon.routers.transcript import HIDDEN
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.faults import Break, Breakage, Faults, Stage

SECRET = "t0p-secret-enable"
SYSLOG = "*Nov 22 10:00:00.123: %SYS-5-CONFIG_I: Configured from console by alice on vty1 (192.0.2.9)"
TERMINAL = Terminal(
    device_type="cisco_ios",
    prepare=("terminal length 0", "terminal of another release"),
    enable=Enable(command="enable", asks=r"^Password: ?\Z", prompt=r"#\Z"),
    prompt=r"[A-Za-z0-9][\w.()/:@+-]*[>#] ?\Z",
    double_prompt=True,
    errors=("^%",),
)


@dataclass
class Box:
    """A console that begins with or without privileges."""

    privileged: bool = True
    banner: str = "\n*** R1# no entry R1>\nR1#\n"
    answer: str = "one\ntwo\n"

    def seat(self, username: str, peer: str) -> BoxSeat:
        return BoxSeat(self, self.privileged)

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return None

    def reboot(self) -> None:
        """Nothing is kept."""


@dataclass
class BoxSeat:
    box: Box
    privileged: bool
    asked: int = 0

    @property
    def echo(self) -> bool:
        return not self.asked

    @property
    def prompt(self) -> str:
        return "Password: " if self.asked else "R1#" if self.privileged else "R1>"

    async def run(self, line: str) -> str:
        if self.asked:
            self.privileged = line == SECRET
            self.asked = 0 if self.privileged or self.asked == 3 else self.asked + 1
            return "\n" if self.privileged or self.asked else "\n% Bad secrets\n\n"
        match line.strip():
            case "" | "terminal length 0":
                return ""
            case "enable":
                self.asked = 0 if self.privileged else 1
                return ""
            case "show queues" if self.privileged:
                return self.box.answer
            case "show password":
                return f"username x password 7 0822455D0A16\nsays {SECRET}\n"
            case _:
                return "      ^\n% Invalid input detected at '^' marker.\n\n"

    def close(self) -> None:
        """No locks are held."""


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def served(box: Box) -> Iterator[ServedLogin]:
    port = Port(1, "Gi0/1", "", bytes(6), PortRole.UPLINK)
    router = Router("r1", Platform.IOS, "127.0.0.1", "B1", (port,), lambda: 10**12)
    with console_router(box, router, command_timeout_s=8) as login:
        yield login


def test_answers_end_with_two_prompts_and_need_no_waiting(served: ServedLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "QUIET_S", 60)
    session = open_terminal(served, TERMINAL)
    began = time.monotonic()
    for _ in range(5):
        assert session.run("show queues") == "one\ntwo"
        assert session.run("terminal length 0") == ""
        with pytest.raises(CommandRejectedError, match=r"r1 refused 'show love': % Invalid input detected"):
            session.run("show love")
    assert time.monotonic() - began < PATIENCE_S
    session.close()


@pytest.mark.parametrize(
    "faults",
    [
        Faults(motd="maintenance at 5 R1#\nR1#\n"),
        Faults(page_lines=1),
        Faults(page_lines=3),
        Faults(drip_s=0.001),
        Faults(syslog=SYSLOG),
        Faults(escapes=True),
        Faults(syslog=SYSLOG, escapes=True, page_lines=2),
        Faults(syslog="Message from root: the router is about to be looked at"),
    ],
    ids=str,
)
def test_whatever_stands_around_an_answer_it_is_read_whole(
    served: ServedLogin, box: Box, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "QUIET_S", 0.3)
    box.answer = "".join(f"queue {n} \u00e9\u4e2d is not R1#\n" for n in range(5))
    served.inflict(faults)
    session = open_terminal(served, TERMINAL)
    lines = [line.strip() for line in session.run("show queues").split("\n")]
    assert [line for line in lines if line.startswith("queue")] == box.answer.splitlines()
    with pytest.raises(CommandRejectedError, match="Invalid input"):
        session.run("show love")
    assert session.run("terminal length 0") in ("", faults.syslog)
    session.close()


def test_a_message_of_the_log_is_no_refusal(served: ServedLogin) -> None:
    served.inflict(Faults(syslog="%SYS-5-CONFIG_I: Configured from console by alice"))
    session = open_terminal(served, TERMINAL)
    assert session.run("show queues") == "one\ntwo"
    session.close()


def test_another_message_between_the_prompts_costs_one_more_question(served: ServedLogin, box: Box) -> None:
    session = open_terminal(served, TERMINAL)
    box.answer = "one\nR1#\nBroadcast message from alice\n"
    assert session.run("show queues").split("\n")[0] == "one"
    box.answer = "one\ntwo\n"
    assert session.run("show queues") == "one\ntwo"
    session.close()


@pytest.mark.parametrize("stage", [Stage.SHELL, Stage.PROMPT, Stage.COMMAND, Stage.EFFECT, Stage.ANSWER])
@pytest.mark.parametrize("how", list(Break))
def test_wherever_the_session_breaks_it_is_lost_in_time(served: ServedLogin, stage: Stage, how: Break) -> None:
    login = replace(served, command_timeout_ns=1_500_000_000)
    served.inflict(Faults(breakage=Breakage(how, stage, 1 if stage in (Stage.SHELL, Stage.PROMPT) else 3)))
    began = time.monotonic()
    with pytest.raises(SessionLostError, match=r"no answer within 1\.5 s|dropped"):
        open_terminal(login, TERMINAL).run("show queues")
    assert time.monotonic() - began < PATIENCE_S


def test_a_prompt_nobody_told_of_ends_the_session(served: ServedLogin) -> None:
    served.inflict(Faults(prompt="what now? "))
    with pytest.raises(SessionLostError, match="no answer within"):
        open_terminal(replace(served, command_timeout_ns=1_500_000_000), TERMINAL)


def test_the_enable_secret_gives_the_login_its_privileges(served: ServedLogin, box: Box) -> None:
    box.privileged = False
    session = open_terminal(replace(served, enable_secret=SECRET), TERMINAL)
    assert session.run("show queues") == "one\ntwo"
    session.run("show password")
    transcript = session.transcript()
    assert SECRET not in transcript
    assert "0822455D0A16" not in transcript
    assert f"username x password {HIDDEN}" in transcript
    assert "> enable\n" in transcript
    assert "> show queues\none\ntwo\n" in transcript
    session.close()
    assert "two" in session.transcript()


def test_without_a_secret_nothing_is_asked_and_with_privileges_none_is_sent(served: ServedLogin, box: Box) -> None:
    session = open_terminal(replace(served, enable_secret=SECRET), TERMINAL)
    assert session.run("show queues") == "one\ntwo"
    session.close()
    box.privileged = False
    session = open_terminal(served, TERMINAL)
    with pytest.raises(CommandRejectedError, match="Invalid input"):
        session.run("show queues")
    session.close()


def test_a_wrong_enable_secret_is_told_apart_from_a_wrong_password(served: ServedLogin, box: Box) -> None:
    box.privileged = False
    with pytest.raises(EnableRefusedError, match=r"r1: enable gave netmon no privileges; correct enable_secret"):
        open_terminal(replace(served, enable_secret="guess"), TERMINAL)


def test_a_pager_is_told_where_it_is_not_answered(served: ServedLogin, box: Box) -> None:
    box.answer = "one\ntwo\nthree\n"
    plain = TERMINAL.model_copy(update={"double_prompt": False})
    session = open_terminal(replace(served, command_timeout_ns=1_500_000_000), plain)
    served.inflict(Faults(page_lines=1))
    with pytest.raises(SessionLostError, match="waits at '--More--', though paging was to be off"):
        session.run("show queues")
    assert "--More--" in session.transcript()
