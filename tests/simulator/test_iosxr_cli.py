"""The simulated IOS XR router behaves as Cisco's documents say, and as operators report, of the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.consoles import at_once, typed
from support.contract_iosxr import MANAGEMENT, PORT, SITE
from support.processes import eventually

from netmon.simulator.console import Logout
from netmon.simulator.device import Platform
from netmon.simulator.iosxr_cli import IosXr
from netmon.simulator.iosxr_seat import IosXrSeat

SECOND_S = 0.01
LIMIT = (
    "policy-map P",
    "class class-default",
    "shape average 8 mbps",
    "exit",
    "end-policy-map",
    f"interface {PORT}",
    "service-policy output P",
    "exit",
)


@pytest.fixture
def system() -> IosXr:
    return IosXr(SITE.router(Platform.IOSXR, "R1"), SECOND_S)


@pytest.fixture
def seat(system: IosXr) -> Iterator[IosXrSeat]:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "terminal exec prompt no-timestamp")
    yield seat
    seat.close()


def said(seat: IosXrSeat, line: str) -> str:
    return at_once(seat.run(line))


def test_lines_take_effect_when_they_are_committed(system: IosXr, seat: IosXrSeat) -> None:
    typed(seat, "configure", *LIMIT)
    assert system.limit_bps(PORT, outward=True) is None
    typed(seat, "commit", "end")
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    assert system.limit_bps(PORT, outward=False) is None
    assert system.limit_bps(MANAGEMENT, outward=True) is None
    assert said(seat, "show running-config policy-map P").splitlines()[-2:] == [" end-policy-map", "!"]


def test_what_enters_is_policed_and_cannot_be_shaped(system: IosXr, seat: IosXrSeat) -> None:
    typed(seat, "configure", "policy-map I", "class class-default", "police rate 8000 kbps burst 250000 bytes", "root")
    typed(seat, f"interface {PORT}", "service-policy input I", "commit")
    assert system.limit_bps(PORT, outward=False) == 8_000_000
    typed(seat, "policy-map I", "class class-default", "no police", "shape average 8 mbps")
    assert "% Failed to commit" in said(seat, "commit")
    assert "Shaping is not supported in ingress" in said(seat, "show configuration failed")
    assert system.limit_bps(PORT, outward=False) == 8_000_000


@pytest.mark.parametrize(
    ("mode", "line", "words"),
    [
        ((), "shwo version", "Invalid input detected"),
        ((), "commit", "Invalid input detected"),
        ((), "do show users", "Invalid input detected"),
        (("configure",), "show users", "Invalid input detected"),
        (("configure",), "show configuration sessions detail", "Invalid input detected"),
        (("configure",), "interface GigabitEthernet9/9/9/9", "Invalid input detected"),
        (("configure",), "commit confirmed 5", "Invalid input detected"),
        (("configure",), "commit", "No configuration changes to commit"),
        (("configure", "policy-map P", "class class-default"), "shape average 8 mbit", "Invalid input detected"),
        (("configure", "policy-map P", "class class-default"), "police rate", "Incomplete command"),
        ((), "show running-config policy-map NONE", "% No such configuration item(s)"),
        ((), "show configuration failed", "% No such configuration item(s)"),
    ],
)
def test_a_wrong_line_is_rejected_in_the_routers_words(
    seat: IosXrSeat, mode: tuple[str, ...], line: str, words: str
) -> None:
    typed(seat, *mode)
    assert words in said(seat, line)


def test_a_policy_that_does_not_exist_is_refused_by_the_commit(system: IosXr, seat: IosXrSeat) -> None:
    typed(seat, "configure", f"interface {PORT}", "service-policy output NONE")
    assert "pseudo-atomic" in said(seat, "commit")
    assert "Policy-map does not exist" in said(seat, "show configuration failed")
    typed(seat, "abort")
    assert seat.prompt == "RP/0/RP0/CPU0:R1#"


def test_hardware_that_cannot_hold_a_policy_refuses_the_whole_commit(system: IosXr, seat: IosXrSeat) -> None:
    system.refuses = "'DPA_QOSEA' detected the 'warning' condition 'SDK not enough resource'"
    typed(seat, "configure", *LIMIT)
    assert "pseudo-atomic" in said(seat, "commit")
    assert "SDK not enough resource" in said(seat, "show configuration failed")
    assert system.limit_bps(PORT, outward=True) is None


async def test_a_commit_on_trial_is_rolled_back_unless_its_own_session_confirms_it(system: IosXr) -> None:
    seat, other = system.seat("netmon", "127.0.0.1"), system.seat("budi", "127.0.0.1")
    typed(seat, "configure exclusive", *LIMIT, "commit confirmed 30")
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    assert "commit-confirm" in await seat.run("do show configuration sessions detail")
    assert "trial commit is underway" in await other.run("configure exclusive")
    typed(other, "configure")
    assert "No configuration changes" in await other.run("commit")
    typed(other, f"interface {PORT}", "description x")
    assert "unexpired trial" in await other.run("commit")
    await eventually(lambda: system.limit_bps(PORT, outward=True) is None, "the limit to go")
    assert "No configuration changes" in await seat.run("commit")
    typed(seat, "end")


async def test_a_confirmed_commit_stays(system: IosXr) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure exclusive", *LIMIT, "commit confirmed 30")
    assert "Confirming commit" in await seat.run("commit")
    system.reboot()
    assert system.limit_bps(PORT, outward=True) == 8_000_000


async def test_leaving_a_trial_is_asked_about_and_rolls_back(system: IosXr) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure exclusive", *LIMIT, "commit confirmed minutes 1")
    assert "active rollback session" in await seat.run("end")
    assert "Do you wish to exit?" in seat.prompt
    await seat.run("")
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    await seat.run("end")
    await seat.run("yes")
    assert (seat.prompt, system.limit_bps(PORT, outward=True)) == ("RP/0/RP0/CPU0:R1#", None)


async def test_a_dropped_link_leaves_the_trial_to_its_timer_and_a_restart_ends_it(system: IosXr) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure exclusive", *LIMIT, "commit confirmed 60000")
    seat.close()
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    system.reboot()
    assert system.limit_bps(PORT, outward=True) is None


def test_uncommitted_lines_are_asked_about(system: IosXr, seat: IosXrSeat) -> None:
    typed(seat, "configure", *LIMIT, "end")
    assert "Uncommitted changes found" in seat.prompt
    typed(seat, "cancel", "end", "no")
    assert system.limit_bps(PORT, outward=True) is None
    typed(seat, "configure", *LIMIT, "end", "yes")
    assert system.limit_bps(PORT, outward=True) == 8_000_000


def test_an_exclusive_session_keeps_others_from_committing(system: IosXr, seat: IosXrSeat) -> None:
    operator = system.operator_enters()
    assert "locked by another agent" in said(seat, "configure exclusive")
    assert "Lock: Reserved" in said(seat, "show configuration sessions detail")
    typed(seat, "configure", *LIMIT)
    assert "locked by another session" in said(seat, "commit")
    typed(operator, "abort")
    typed(seat, "commit")
    assert system.limit_bps(PORT, outward=True) == 8_000_000


def test_commits_of_two_sessions_are_merged(system: IosXr, seat: IosXrSeat) -> None:
    other = system.seat("budi", "127.0.0.1")
    typed(seat, "configure", *LIMIT)
    typed(other, "configure", f"interface {MANAGEMENT}", "description new", "commit")
    typed(seat, "commit", "end")
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    assert "description new" in said(seat, f"show running-config interface {MANAGEMENT}")


def test_one_line_is_rejected_after_so_many(system: IosXr, seat: IosXrSeat) -> None:
    typed(seat, "configure")
    system.reject_after(1)
    typed(seat, "policy-map P")
    assert "Invalid input" in said(seat, "class class-default")
    typed(seat, "class class-default")


def test_answers_bear_the_time_until_that_is_turned_off(system: IosXr) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    assert "UTC" in said(seat, "show configuration sessions").splitlines()[0]
    typed(seat, "terminal exec prompt no-timestamp")
    assert said(seat, "show configuration sessions") == ""
    with pytest.raises(Logout):
        said(seat, "exit")


def test_a_remark_is_kept_in_its_list(seat: IosXrSeat) -> None:
    typed(seat, "configure", "ipv4 access-list L", "10 remark one two", "10 remark three four", "commit")
    assert "10 remark three four" in said(seat, "show running-config ipv4 access-list L")
    assert "one two" not in said(seat, "show running-config ipv4 access-list L")
