"""The simulated Junos: a candidate, locks, trials and event policies as Juniper describes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from support.processes import eventually

from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.junos_cli import Junos, JunosSeat

POLICER = "set firewall policer SLOW if-exceeding bandwidth-limit 8m burst-size-limit 100k"
APPLIED = "set interfaces ge-0/0/1 unit 0 family inet policer output SLOW"
LIMIT = (POLICER, "set firewall policer SLOW then discard", APPLIED)


@pytest.fixture
async def junos() -> AsyncIterator[Junos]:
    ports = (
        Port(1, "ge-0/0/0", "uplink", bytes.fromhex("024e4d000101"), PortRole.UPLINK),
        Port(2, "ge-0/0/1", "dinkes", bytes.fromhex("024e4d000102"), PortRole.AGENCY),
        Port(3, "fxp0", "", bytes.fromhex("024e4d000103"), PortRole.MANAGEMENT),
    )
    system = Junos(Router("r1", Platform.JUNOS, "127.0.0.1", "SIM1", ports, time.monotonic_ns), speed=600)
    yield system
    await system.stop()


def typed(seat: JunosSeat, *lines: str) -> str:
    """What the last line is answered; the others are taken without complaint."""
    for line in lines[:-1]:
        said = seat.obey(line)
        assert "error" not in said, f"{line}: {said}"
        assert "^" not in said, f"{line}: {said}"
    return seat.obey(lines[-1])


def limit(junos: Junos) -> int | None:
    return junos.limit_bps("ge-0/0/1", outward=True)


async def test_nothing_takes_effect_before_it_is_committed(junos: Junos) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    typed(seat, "configure", *LIMIT)
    assert limit(junos) is None
    assert "policer SLOW" in typed(seat, "show | compare").replace("firewall ", "")
    assert typed(seat, "commit and-quit") == "commit complete\nExiting configuration mode\n"
    assert limit(junos) == 8_000_000
    assert f"{APPLIED}\n" in typed(seat, "show configuration interfaces ge-0/0/1 unit 0 | display set")
    typed(seat, "configure", f"delete {APPLIED[4:-5]}", "rollback 0", "commit and-quit")
    assert limit(junos) == 8_000_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set firewal policer SLOW then discard", "syntax error."),
        ("set firewall policer SLOW then vanish", "syntax error."),
        ("set firewall policer SLOW if-exceeding bandwidth-limit fast", "invalid value 'fast'."),
        ("set firewall policer SLOW if-exceeding bandwidth-limit", "missing argument."),
        ("delete firewal policer SLOW", "syntax error."),
        ("delete firewall policer SLOW", "warning: statement not found"),
        ("delete interfaces ge-0/0/1 unit 0 family inet policer output SLOW", "syntax error."),
        ("delete interfaces ge-0/0/1 unit 0 family inet policer output", "warning: statement not found"),
        ("policy-map SLOW", "unknown command."),
        ("rollback 40", "error: rollback 40 not found"),
    ],
)
async def test_what_the_grammar_does_not_have_is_refused_in_the_vendors_words(
    junos: Junos, line: str, said: str
) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    assert said in typed(seat, "configure", line)
    assert typed(seat, "exit") == "Exiting configuration mode\n"
    assert "unknown command." in typed(seat, "tc qdisc show")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((APPLIED,), "Referenced policer 'SLOW' is not defined"),
        ((POLICER.replace(" burst-size-limit 100k", ""),), "burst-size-limit"),
        (tuple(f"set event-options generate-event e{n} time-interval 60" for n in range(11)), "limit of 10"),
        (("set event-options policy p events e",), "Missing mandatory statement: 'then'"),
        (("set event-options generate-event e time-interval 59",), "not within range"),
    ],
)
async def test_a_commit_checks_the_whole(junos: Junos, lines: tuple[str, ...], said: str) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    answer = typed(seat, "configure", *lines, "commit")
    assert said in answer
    assert answer.endswith("error: configuration check-out failed\n")
    assert seat.mode == "shared"


async def test_a_trial_that_is_not_confirmed_is_rolled_back(junos: Junos) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    typed(seat, "configure exclusive", *LIMIT, "commit confirmed 1 and-quit")
    assert limit(junos) == 8_000_000
    assert "commit confirmed, rollback in 1mins\n    rollback pending\n" in typed(seat, "show system commit")
    await eventually(lambda: limit(junos) is None, "the rollback")
    assert typed(seat, "show system commit").startswith("0   ")
    assert "by root via other" in typed(seat, "show system commit").splitlines()[0]


async def test_a_check_confirms_and_the_history_keeps_that_it_was_a_trial(junos: Junos) -> None:
    junos.role = "{master:0}"
    seat = junos.seat("boss", "192.0.2.1")
    assert seat.prompt == "\n{master:0}\nboss@r1> "
    typed(seat, "configure", *LIMIT, "commit confirmed 1")
    assert seat.prompt == "\n# commit confirmed will be rolled back in 1 minutes\n{master:0}[edit]\nboss@r1# "
    typed(seat, "commit check", "exit")
    told = typed(seat, "show system commit")
    assert "rollback in 1mins" in told
    assert "rollback pending" not in told
    await asyncio.sleep(0.3)
    assert limit(junos) == 8_000_000


async def test_a_trial_that_is_confirmed_stays(junos: Junos) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    typed(seat, "configure", *LIMIT, "commit confirmed 1", "commit and-quit")
    await asyncio.sleep(0.3)
    assert limit(junos) == 8_000_000
    junos.reboot()
    assert limit(junos) == 8_000_000


async def test_a_reboot_during_a_trial_rolls_it_back(junos: Junos) -> None:
    typed(junos.seat("boss", "192.0.2.1"), "configure", *LIMIT, "commit confirmed 60")
    junos.reboot()
    assert limit(junos) is None


async def test_an_exclusive_lock_keeps_others_out_and_goes_with_its_session(junos: Junos) -> None:
    first, second = junos.seat("boss", "192.0.2.1"), junos.seat("netmon", "192.0.2.2")
    typed(first, "configure exclusive", POLICER)
    said = typed(second, "configure exclusive")
    assert said.startswith("error: configuration database locked by:\n  boss terminal p0 (pid 5200)")
    assert second.prompt == "netmon@r1> "
    first.close()
    assert "boss" not in typed(second, "configure exclusive")
    assert typed(second, "show | compare") == ""


async def test_a_shared_candidate_somebody_altered_is_not_given_away(junos: Junos) -> None:
    operator, netmon = junos.operator_enters(), junos.seat("netmon", "192.0.2.2")
    told = typed(netmon, "configure exclusive")
    assert told.startswith("Users currently editing the configuration:\n  noc terminal ")
    assert told.endswith("error: configuration database modified\n")
    assert typed(netmon, "configure private").endswith("error: shared configuration database modified\n")
    operator.close()
    assert typed(netmon, "configure exclusive").startswith("error: configuration database modified\n")


async def test_leaving_with_changes_asks_and_no_stays(junos: Junos) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    typed(seat, "configure exclusive", POLICER, "exit")
    assert seat.prompt == "Discard uncommitted changes? [yes,no] (yes) "
    assert seat.obey("no") == ""
    assert seat.prompt.endswith("r1# ")
    typed(seat, "exit")
    assert "discarding uncommitted changes" in seat.obey("")
    assert seat.prompt == "boss@r1> "


async def test_deactivated_and_grouped_settings_are_as_in_force_as_on_a_router(junos: Junos) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    typed(seat, "configure", *LIMIT[:2], f"set groups G {APPLIED[4:]}", "set apply-groups G", "commit")
    assert limit(junos) == 8_000_000
    assert APPLIED in typed(seat, "run show configuration interfaces | display inheritance no-comments | display set")
    assert APPLIED not in typed(seat, "run show configuration interfaces | display set")
    typed(seat, f"delete groups G {APPLIED[4:-5]}", APPLIED, f"deactivate {APPLIED[4:-5]}", "commit")
    assert limit(junos) is None
    assert f"deactivate {APPLIED[4:-5]}" in typed(seat, "run show configuration interfaces | display set")


async def test_an_event_policy_waits_until_nobody_holds_the_configuration(junos: Junos) -> None:
    change = "set event-options policy p then change-configuration"
    seat = junos.seat("boss", "192.0.2.1")
    typed(
        seat,
        "configure",
        *LIMIT,
        "set event-options generate-event e time-interval 60",
        "set event-options policy p events e",
        f"{change} retry count 10 interval 60",
        f'{change} commands "delete interfaces ge-0/0/1 unit 0 family inet policer"',
        f'{change} commands "delete event-options"',
        "commit and-quit",
    )
    operator = junos.operator_enters("configure exclusive")
    await asyncio.sleep(0.25)
    assert limit(junos) == 8_000_000
    operator.close()
    await eventually(lambda: limit(junos) is None, "the event policy")
    assert typed(seat, "show configuration event-options | display set") == ""


async def test_what_the_router_tells_of_its_ports_and_routes(junos: Junos) -> None:
    seat = junos.seat("boss", "192.0.2.1")
    assert "Description: dinkes" in typed(seat, "show interfaces ge-0/0/1")
    assert typed(seat, "show interfaces ge-0/0/9") == "error: device ge-0/0/9 not found\n"
    assert "> via fxp0.0" in typed(seat, "show route 127.0.0.9")
    assert "via ge-0/0/0.0" in typed(seat, "show route 198.51.100.1")
    assert "ge-0/0/1.0" in typed(seat, "show interfaces terse")
    assert typed(seat, 'show system users no-resolve | match "^boss "').split()[2] == "192.0.2.1"
    assert "policer SLOW {" in typed(seat, "configure", *LIMIT, "show firewall")


async def test_a_full_disk_keeps_a_commit_from_taking_effect(junos: Junos) -> None:
    junos.disk_full = True
    assert "No space left on device" in typed(junos.seat("boss", "192.0.2.1"), "configure", *LIMIT, "commit")
    assert limit(junos) is None
