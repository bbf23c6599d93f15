from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from support.consoles import at_once
from support.contract_vrp import MANAGEMENT, PORT, SITE, typed
from support.processes import eventually

from netmon.simulator.console import Logout
from netmon.simulator.device import Platform
from netmon.simulator.vrp_cli import Vrp
from netmon.simulator.vrp_seat import VrpSeat

LIMIT = (
    "traffic classifier c operator or",
    "if-match any",
    "traffic behavior b",
    "car cir 8000",
    "traffic policy p",
    "classifier c behavior b",
    f"interface {PORT}",
    "traffic-policy p inbound",
)
SECOND_S = 0.01


@pytest.fixture(params=[5, 8])
def system(request: pytest.FixtureRequest) -> Vrp:
    return system_of(request.param)


def system_of(release: int) -> Vrp:
    return Vrp(SITE.router(Platform.VRP5 if release == 5 else Platform.VRP8, "R1"), release, SECOND_S)


@pytest.fixture
def seat(system: Vrp) -> Iterator[VrpSeat]:
    seat = system.seat("netmon", "127.0.0.1")
    yield seat
    seat.close()


def said(seat: VrpSeat, line: str) -> str:
    return at_once(seat.run(line))


@pytest.mark.parametrize(
    ("view", "line", "answer"),
    [
        ((), "sistem-view", "    ^\nError: Unrecognized command found at '^' position.\n"),
        ((), "system-view now", "                ^\nError: Too many parameters found at '^' position.\n"),
        ((), "commit", "    ^\nError: Unrecognized command found at '^' position.\n"),
        ((), "display interface GigabitEthernet9/9/9", "Error: Wrong parameter found at '^' position.\n"),
        ((), "display traffic policy user-defined none", "Error: The policy does not exist.\n"),
        ((), "display traffic policy user-defined", "Info: There is no policy exists.\n"),
        (("system-view",), "interface GigabitEthernet9/9/9", "Error: Wrong parameter found at '^' position.\n"),
        (("system-view",), "interface", "Error:Incomplete command found at '^' position.\n"),
        (("system-view",), "undo traffic behavior none", "Error: The behavior does not exist.\n"),
        (("system-view", f"interface {PORT}"), "traffic-policy none inbound", "Error: The policy does not exist.\n"),
        (("system-view", "traffic behavior b"), "car cir fast", "Error: Wrong parameter found at '^' position.\n"),
        (("system-view", "traffic behavior b"), "car cir 7", "Error: Wrong parameter found at '^' position.\n"),
        (("system-view", "traffic policy p"), "classifier c behavior b", "Error: The classifier does not exist.\n"),
        (("system-view",), "acl name X", "Error: The type of the ACL must be specified when it is created.\n"),
    ],
)
def test_a_wrong_command_is_rejected_in_vrps_words(
    seat: VrpSeat, view: tuple[str, ...], line: str, answer: str
) -> None:
    typed(seat, *view)
    assert said(seat, line).endswith(answer)


def test_vrp5_limits_at_once_and_forgets_at_a_restart_what_was_not_saved() -> None:
    system = system_of(5)
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "mmi-mode enable", "system-view", *LIMIT)
    assert seat.prompt == f"[R1-{PORT}]"
    assert (system.limit_bps(PORT, outward=False), system.limit_bps(PORT, outward=True)) == (8_000_000, None)
    system.reboot()
    assert system.limit_bps(PORT, outward=False) is None
    typed(seat, *LIMIT, "return", "save")
    system.reboot()
    assert system.limit_bps(PORT, outward=False) == 8_000_000


@pytest.mark.parametrize(
    ("line", "bps"),
    [
        ("qos car inbound cir 4000", 4_000_000),
        ("qos car outbound cir 4000", 8_000_000),
        ("qos car inbound cir 9000 cbs 1692000", 8_000_000),
    ],
)
def test_the_least_of_policy_and_interface_car_holds(line: str, bps: int) -> None:
    system = system_of(5)
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "system-view", *LIMIT, line)
    assert system.limit_bps(PORT, outward=False) == bps
    typed(seat, "undo qos car inbound", "undo traffic-policy inbound")
    assert system.limit_bps(PORT, outward=False) is None


def test_vrp8_limits_nothing_before_the_commit_and_marks_what_waits() -> None:
    system = system_of(8)
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "system-view")
    assert seat.prompt == "[~R1]"
    typed(seat, *LIMIT)
    assert seat.prompt == f"[*R1-{PORT}]"
    assert system.limit_bps(PORT, outward=False) is None
    assert "traffic-policy p inbound" in typed(seat, "display configuration candidate")
    typed(seat, "commit")
    assert seat.prompt == f"[~R1-{PORT}]"
    assert system.limit_bps(PORT, outward=False) == 8_000_000
    typed(seat, "undo traffic-policy inbound", "clear configuration candidate")
    assert system.limit_bps(PORT, outward=False) == 8_000_000


async def test_a_trial_that_is_not_confirmed_is_rolled_back_by_the_router() -> None:
    system = system_of(8)
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "system-view", *LIMIT, "commit trial 60 persist NM-i1")
    assert "Persist id: NM-i1" in typed(seat, "display configuration trial status")
    seat.close()
    assert system.limit_bps(PORT, outward=False) == 8_000_000
    await eventually(lambda: system.limit_bps(PORT, outward=False) is None, "the router to roll back")
    assert "INACTIVE" in typed(system.seat("budi", "127.0.0.1"), "display configuration trial status")


async def test_a_trial_without_a_name_ends_with_its_session() -> None:
    system = system_of(8)
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "system-view", *LIMIT, "commit trial 600")
    assert system.limit_bps(PORT, outward=False) == 8_000_000
    seat.close()
    assert system.limit_bps(PORT, outward=False) is None


async def test_a_named_trial_is_confirmed_or_aborted_from_any_session_by_its_name() -> None:
    system = system_of(8)
    first, second = system.seat("netmon", "127.0.0.1"), system.seat("netmon", "127.0.0.1")
    typed(first, "system-view", *LIMIT, "commit trial 60 persist NM-i1")
    typed(second, "mmi-mode enable", "system-view")
    assert "Error" in said(second, "commit persist NM-i2")
    assert "Error" in said(second, "abort trial persist NM-i2")
    typed(second, "commit persist NM-i1")
    await asyncio.sleep(70 * SECOND_S)
    assert system.limit_bps(PORT, outward=False) == 8_000_000
    typed(first, "undo traffic-policy inbound", "commit trial 60 persist NM-i3")
    assert system.limit_bps(PORT, outward=False) is None
    typed(second, "abort trial persist NM-i3")
    assert system.limit_bps(PORT, outward=False) == 8_000_000


async def test_nobody_else_commits_while_a_configuration_is_on_trial_or_locked() -> None:
    system = system_of(8)
    ours, theirs = system.seat("netmon", "127.0.0.1"), system.seat("budi", "10.0.0.9")
    typed(theirs, "system-view", f"interface {MANAGEMENT}", "description busy")
    typed(ours, "system-view", *LIMIT, "commit trial 60 persist NM-i1")
    assert said(theirs, "commit") == "Error: The system is in trial configuration mode.\n"
    typed(ours, "commit persist NM-i1", "configuration exclusive")
    assert said(theirs, "commit") == "Error: The configuration has been locked by other user.\n"
    assert "Error" in said(theirs, "configuration exclusive")
    assert "User Name: netmon" in typed(theirs, "display configuration-occupied user")
    ours.close()
    typed(theirs, "commit")


@pytest.mark.parametrize(("answer", "saved"), [("y", True), ("n", False)])
def test_save_asks_unless_a_machine_is_talked_to(system: Vrp, seat: VrpSeat, answer: str, saved: bool) -> None:
    commit = ("commit",) if system.release == 8 else ()
    typed(seat, "system-view", f"interface {PORT}", "mtu 1400", *commit, "return", "save")
    assert seat.prompt.rstrip().endswith(("[Y/N]:", "(y/n)[n]:"))
    typed(seat, answer)
    assert seat.prompt == "<R1>"
    assert system.startup.same(system.running) is saved
    typed(seat, "mmi-mode enable", "save")
    assert system.startup.same(system.running)


def test_what_another_uses_is_not_taken_away(system: Vrp, seat: VrpSeat) -> None:
    typed(seat, "system-view", *LIMIT, "quit")
    for line in ("undo traffic policy p", "undo traffic behavior b", "undo traffic classifier c"):
        assert "Error" in said(seat, line)
    typed(seat, f"interface {PORT}", "undo traffic-policy p inbound", "quit")
    typed(seat, "undo traffic policy p", "undo traffic behavior b", "undo traffic classifier c")
    assert "Error: The policy does not exist." in said(seat, "undo traffic policy p")


def test_the_session_is_marked_among_the_users_and_leaves(system: Vrp, seat: VrpSeat) -> None:
    other = system.seat("budi", "10.0.0.9")
    lines = typed(other, "display users").splitlines()
    assert [line[0] for line in lines if "VTY" in line] == [" ", "+"]
    with pytest.raises(Logout):
        said(other, "quit")


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("display current-configuration | include description", 3),
        ("display current-configuration | exclude .", 0),
        ("display current-configuration interface | include ^interface", 3),
        ("display current-configuration | begin ^return", 1),
    ],
)
def test_displays_are_filtered_after_a_bar(seat: VrpSeat, command: str, lines: int) -> None:
    assert len(typed(seat, command).splitlines()) == lines
