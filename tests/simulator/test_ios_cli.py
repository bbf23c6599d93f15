"""The simulated IOS router behaves as Cisco's documents say of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from support.consoles import at_once, typed
from support.contract_ios import MANAGEMENT, PORT, SITE
from support.processes import eventually

from netmon.simulator.console import Logout
from netmon.simulator.device import Platform
from netmon.simulator.ios_cli import Ios
from netmon.simulator.ios_seat import IosSeat

SECOND_S = 0.005
LIMIT = (
    "policy-map P",
    "class class-default",
    "shape average 8000000",
    f"interface {PORT}",
    "service-policy output P",
    "exit",
)
POLICER = "police cir 8000000 bc 250000 conform-action transmit exceed-action drop"


@pytest.fixture
def system() -> Ios:
    return Ios(SITE.router(Platform.IOS, "R1"), SECOND_S)


@pytest.fixture
def seat(system: Ios) -> Iterator[IosSeat]:
    seat = system.seat("netmon", "127.0.0.1")
    yield seat
    seat.close()


def said(seat: IosSeat, line: str) -> str:
    return at_once(seat.run(line))


def test_a_policy_limits_the_port_it_is_attached_to(system: Ios, seat: IosSeat) -> None:
    typed(seat, "configure terminal", *LIMIT, "end")
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    assert system.limit_bps(PORT, outward=False) is None
    assert system.limit_bps(MANAGEMENT, outward=True) is None
    assert "target shape rate 8000000" in said(seat, f"show policy-map interface {PORT}")
    typed(seat, "conf t", "policy-map P", "class class-default", "shape average 4000000", "end")
    assert system.limit_bps(PORT, outward=True) == 4_000_000


def test_what_enters_is_policed_and_cannot_be_shaped(system: Ios, seat: IosSeat) -> None:
    typed(seat, "configure terminal", "policy-map IN", "class class-default", POLICER, f"int {PORT}")
    typed(seat, "service-policy input IN", "policy-map S", "class class-default", "shape average 8000000")
    typed(seat, f"interface {MANAGEMENT}")
    assert "not supported in input direction" in said(seat, "service-policy input S")
    assert system.limit_bps(PORT, outward=False) == 8_000_000
    assert "cir 8000000 bps, bc 250000 bytes" in at_once(seat.run("end")) + said(seat, f"show policy-map int {PORT}")


@pytest.mark.parametrize(
    ("mode", "line", "words"),
    [
        ((), "shwo version", "Invalid input detected"),
        ((), "show interfaces Gi9/9", "Invalid input detected"),
        ((), "configure terminal revert timer 0", "Invalid input detected"),
        ((), "configure terminal revert", "Incomplete command"),
        ((), "co", "Ambiguous command"),
        ((), "show running-config | colour x", "Invalid input detected"),
        (("configure terminal",), "interface Gi9/9", "Invalid input detected"),
        (("configure terminal",), "interface", "Incomplete command"),
        (("configure terminal", "policy-map P", "class class-default"), "shape average 10", "Invalid input detected"),
        (("configure terminal", "policy-map P", "class class-default"), "shape averge 8000", "Invalid input detected"),
        (("configure terminal", f"interface {PORT}"), "service-policy output NONE", "not configured"),
        (("configure terminal", f"interface {PORT}"), "no service-policy output NONE", "not attached"),
        (("configure terminal",), "no policy-map NONE", "does not exist"),
        ((), "configure confirm", "%No Rollback Confirmed Change pending"),
        ((), "configure revert now", "%No Rollback Confirmed Change pending"),
    ],
)
def test_a_wrong_line_is_rejected_in_the_routers_words(
    seat: IosSeat, mode: tuple[str, ...], line: str, words: str
) -> None:
    typed(seat, *mode)
    assert words in said(seat, line)


def test_the_mark_stands_below_the_word_that_is_not_understood(seat: IosSeat) -> None:
    mark = said(seat, "show vresion").splitlines()[0]
    assert mark.index("^") == len(seat.prompt) + len("show ")


def test_a_policy_in_use_stays_and_another_cannot_take_its_place(system: Ios, seat: IosSeat) -> None:
    typed(seat, "configure terminal", *LIMIT, "policy-map Q", f"interface {PORT}")
    assert "already attached" in said(seat, "service-policy output Q")
    assert "in use" in said(seat, "no policy-map P")
    typed(seat, f"interface {PORT}", "service-policy output P", "no service-policy output P", "no policy-map P")
    assert system.limit_bps(PORT, outward=True) is None


async def test_a_change_that_is_not_confirmed_is_rolled_back(system: Ios) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    await seat.run("configure terminal revert timer 1")
    await seat.run("end")
    typed(seat, "configure terminal", *LIMIT, "end")
    assert "Timer value: 1 min" in await seat.run("show archive config rollback timer")
    assert "already pending" in await seat.run("configure terminal revert timer 1")
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    await eventually(lambda: system.limit_bps(PORT, outward=True) is None, "the limit to go")
    assert "%No Rollback" in await seat.run("show archive config rollback timer")
    assert await seat.run("show archive config rollback timer | include Time") == ""


async def test_a_change_that_is_confirmed_stays_and_one_may_be_undone_at_once(system: Ios) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure terminal revert timer 1", *LIMIT, "end", "configure confirm")
    await asyncio.sleep(70 * SECOND_S)
    assert system.limit_bps(PORT, outward=True) == 8_000_000
    typed(
        seat, "configure terminal revert timer 1", "policy-map P", "class class-default", "shape average 16000", "end"
    )
    typed(seat, "configure revert now")
    assert system.limit_bps(PORT, outward=True) == 8_000_000


def test_without_an_archive_there_is_no_timer(seat: IosSeat) -> None:
    typed(seat, "configure terminal", "no archive", "end")
    assert "%Turn config archive on" in said(seat, "configure terminal revert timer 1")
    assert seat.prompt == "R1#"


async def test_an_applet_ends_a_limit_and_takes_itself_off(system: Ios) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    lines = ["enable", "configure terminal", f"interface {PORT}", "no service-policy output P", "exit"]
    lines += ["no policy-map P", "no event manager applet A", "end"]
    actions = [f'action {n:03d} cli command "{line}"' for n, line in enumerate(lines)]
    typed(seat, "configure terminal", *LIMIT, "event manager applet A", "event timer countdown time 20", *actions)
    assert "A" not in await seat.run("do show event manager policy registered | include countdown")
    typed(seat, "end")
    assert "A" in await seat.run("show event manager policy registered | include countdown")
    await eventually(lambda: system.limit_bps(PORT, outward=True) is None, "the limit to go")
    assert "policy-map" not in await seat.run("show running-config")
    assert "event manager" not in await seat.run("show running-config")
    await eventually(lambda: system.registered() == [], "the applet to go")


async def test_an_applet_that_is_taken_off_ends_nothing(system: Ios) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure terminal", *LIMIT, "event manager applet A", "event timer countdown time 5")
    typed(seat, f'action 1 cli command "interface {PORT}"', 'action 2 cli command "no service-policy output P"', "exit")
    typed(seat, "no event manager applet A", "end")
    await asyncio.sleep(20 * SECOND_S)
    assert system.limit_bps(PORT, outward=True) == 8_000_000


def test_an_image_without_applets_rejects_them(system: Ios) -> None:
    system.has_events = False
    seat = system.seat("netmon", "127.0.0.1")
    assert "Invalid input" in said(seat, "show event manager policy registered")
    typed(seat, "configure terminal")
    assert "Invalid input" in said(seat, "event manager applet A")


def test_hardware_that_cannot_limit_what_leaves_says_so(system: Ios) -> None:
    system.refuses_output = "QoS: shape average is not supported in output policies on this interface"
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure terminal", *LIMIT[:4])
    assert "not supported in output" in said(seat, "service-policy output P")
    assert system.limit_bps(PORT, outward=True) is None


async def test_what_was_not_saved_is_gone_after_a_restart(system: Ios) -> None:
    seat = system.seat("netmon", "127.0.0.1")
    typed(seat, "configure terminal", *LIMIT, "end")
    assert "+service-policy output P" in await seat.run("show archive config differences")
    system.reboot()
    assert system.limit_bps(PORT, outward=True) is None
    typed(seat, "configure terminal", *LIMIT, "end", "write memory")
    assert "No changes" in await seat.run("show archive config differences")
    system.reboot()
    assert system.limit_bps(PORT, outward=True) == 8_000_000


def test_a_full_disk_keeps_nothing_and_says_so(system: Ios, seat: IosSeat) -> None:
    system.disk_full = True
    typed(seat, "configure terminal", *LIMIT, "end")
    assert "Not enough space" in said(seat, "write memory")
    assert "policy-map" not in said(seat, "show startup-config")


def test_copying_asks_where_to(system: Ios, seat: IosSeat) -> None:
    typed(seat, "configure terminal", *LIMIT, "end", "copy running-config startup-config")
    assert "Destination filename" in seat.prompt
    assert "[OK]" in said(seat, "")
    assert "policy-map P" in said(seat, "show startup-config")


def test_the_lock_keeps_others_out_until_its_holder_leaves(system: Ios, seat: IosSeat) -> None:
    operator = system.operator_enters()
    assert "Please try later" in said(seat, "configure terminal")
    assert "LOCKED" in said(seat, "show configuration lock")
    operator.close()
    assert "FREE" in said(seat, "show configuration lock")
    assert "being rewired" in said(seat, "show archive config differences")
    typed(seat, "configure terminal")


def test_one_line_is_rejected_after_so_many(system: Ios, seat: IosSeat) -> None:
    typed(seat, "configure terminal")
    system.reject_after(1)
    typed(seat, "policy-map P")
    assert "Invalid input" in said(seat, "class class-default")
    typed(seat, "class class-default")


def test_the_console_filters_what_it_shows(seat: IosSeat) -> None:
    assert said(seat, "show running-config | section ^archive") == "archive\n path flash:archive\n maximum 5\n"
    assert said(seat, "show running-config | include ^hostname") == "hostname R1\n"
    assert "hostname" not in said(seat, "show running-config | exclude ^hostname")
    assert said(seat, "show running-config | begin ^line").startswith("line vty 0 4\n")


def test_modes_are_left_one_by_one_and_then_the_router(system: Ios, seat: IosSeat) -> None:
    prompts = []
    for line in ("configure terminal", "policy-map P", "class class-default", f"interface {PORT}", "exit", "exit"):
        typed(seat, line)
        prompts.append(seat.prompt)
    modes = ["R1(config)#", "R1(config-pmap)#", "R1(config-pmap-c)#", "R1(config-if)#", "R1(config)#", "R1#"]
    assert prompts == modes
    system.chatty = True
    assert "%SYS-5-CONFIG_I" in said(seat, "configure terminal") + said(seat, "end")
    with pytest.raises(Logout):
        said(seat, "exit")
