"""Consoles that ask where a prompt was due: what the platform's data answer, and that nothing else is ever answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.consoles import ServedLogin, console_router
from support.contract_vrp import SITE

from netmon.routers import ssh
from netmon.routers.dialects import load_dialect
from netmon.routers.session import CommandRejectedError, SessionLostError
from netmon.routers.ssh import open_session
from netmon.routers.terminal import SLOW, Question, Terminal
from netmon.simulator.device import Platform
from netmon.simulator.faults import Break, Breakage, Faults, Stage
from netmon.simulator.vrp_cli import Vrp

POLICIES = [Path(__file__).parents[2] / "policies" / "enforcement"]
RELEASES = {5: Platform.VRP5, 8: Platform.VRP8}


@pytest.fixture(params=RELEASES)
def system(request: pytest.FixtureRequest) -> Vrp:
    return Vrp(SITE.router(RELEASES[request.param], "R1"), request.param)


@pytest.fixture
def served(system: Vrp) -> Iterator[ServedLogin]:
    with console_router(system, system.router, command_timeout_s=4) as login:
        yield login


def session_of(served: ServedLogin) -> ssh.NetmikoSession:
    return open_session(served, load_dialect(served.platform, POLICIES))


@pytest.mark.parametrize("for_machines", [True, False])
def test_the_configuration_is_saved_whether_the_router_asks_or_not(
    served: ServedLogin, system: Vrp, for_machines: bool
) -> None:
    system.talks_to_machines = for_machines
    session = session_of(served)
    session.run("system-view")
    session.run("acl name NM-OWNER basic")
    if system.release == 8:
        session.run("commit")
    session.run("return")
    assert not served.do(lambda: system.startup.same(system.running))
    assert "successfully" in session.run("save")
    assert served.do(lambda: system.startup.same(system.running))
    assert "sysname R1" in session.run("display saved-configuration")
    session.close()


def test_a_full_disk_is_told_after_the_question_too(served: ServedLogin, system: Vrp) -> None:
    system.talks_to_machines, system.disk_full = False, True
    session = session_of(served)
    with pytest.raises(CommandRejectedError, match="no enough space"):
        session.run("save")
    assert session.run("display users")
    session.close()


def test_an_old_password_is_not_changed(served: ServedLogin, system: Vrp) -> None:
    system.nags = True
    session = session_of(served)
    assert "VTY" in session.run("display users")
    session.close()


def test_a_question_nobody_told_of_is_not_answered_and_is_named(served: ServedLogin, system: Vrp) -> None:
    system.nags = True
    dialect = load_dialect(served.platform, POLICIES)
    dialect.settings = dialect.settings.model_copy(update={"questions": ()})
    with pytest.raises(SessionLostError, match=r"no answer within .*; it waits at '.*Change now\? \[Y/N\]:'"):
        open_session(replace(served, command_timeout_ns=500_000_000), dialect)


def test_saving_may_take_longer_than_other_commands(served: ServedLogin) -> None:
    login = replace(served, command_timeout_ns=400_000_000)
    session = session_of(login)
    served.inflict(Faults(breakage=Breakage(Break.HANG, Stage.COMMAND)))
    with pytest.raises(SessionLostError, match=rf"no answer within {0.4 * SLOW:g} s"):
        session.run("save")


@pytest.mark.parametrize(
    ("line", "after", "answer"),
    [
        ("  Are you sure to continue? (y/n)[n]:", "save", "y"),
        ("Are you sure to continue?[Y/N]", "save", "y"),
        ("Warning: The current configuration will be written to the device. Continue? [Y/N]:", "save", "y"),
        ("Info: Please input the file name ( *.cfg, *.zip ) [vrpcfg.zip]:", "save", ""),
        ("flash:/vrpcfg.zip exists, overwrite? [Y/N]:", "save", "y"),
        ("The password needs to be changed. Change now? [Y/N]:", "", "N"),
        ("Warning: All the configuration will be erased. Continue? [Y/N]:", "", None),
        ("Warning: All the configuration will be erased. Continue? [Y/N]:", "return", None),
        ("[V200R010C00SPC500]", "save", None),
    ],
)
@pytest.mark.parametrize("platform", list(RELEASES.values()))
def test_only_what_is_known_is_answered(platform: Platform, line: str, after: str, answer: str | None) -> None:
    known = [
        one.answer
        for one in load_dialect(platform.value, POLICIES).settings.questions
        if re.fullmatch(one.after, after) and re.search(one.asks, line)
    ]
    assert known == ([] if answer is None else [answer])


@pytest.mark.parametrize(
    ("asks", "said"),
    [("Continue?", "begin it with"), ("^Continue", "end it with"), ("^(\\Z", "not a regular expression")],
)
def test_a_question_that_could_be_part_of_an_answer_is_refused(asks: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Question(asks=asks, answer="y")


def test_a_console_that_tells_success_by_a_marker_is_asked_nothing() -> None:
    with pytest.raises(ValidationError, match="questions are answered only"):
        Terminal(
            device_type="linux",
            prompt=r"[$] ?\Z",
            completion="; echo __rc{n}=$?",
            completed=r"__rc{n}=(\d+)\s*$",
            errors=(),
            questions=(Question(asks=r"^Continue\? ?\Z", answer="y"),),
        )
