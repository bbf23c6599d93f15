"""The simulated VyOS and EdgeOS: a working copy for each login, commits that check, what is saved and what is not."""

from __future__ import annotations

import time

import pytest
from support.consoles import at_once

from netmon.simulator.console import Logout
from netmon.simulator.device import Platform, Port, PortRole, Router
from netmon.simulator.settree import Rule
from netmon.simulator.vyos_cli import Vyos, VyosSeat
from netmon.simulator.vyos_schema import EDGEOS, VYOS

SHAPER = ("set qos policy shaper SLOW bandwidth 8mbit", "set qos policy shaper SLOW default bandwidth 100%")
BOUND = "set qos interface eth1 egress SLOW"


def router(grammar: Rule = VYOS) -> Vyos:
    ports = (
        Port(1, "eth0", "uplink", bytes.fromhex("024e4d000101"), PortRole.UPLINK),
        Port(2, "eth1", "dinkes", bytes.fromhex("024e4d000102"), PortRole.AGENCY),
        Port(3, "eth2", "", bytes.fromhex("024e4d000103"), PortRole.MANAGEMENT),
    )
    return Vyos(Router("r1", Platform.VYOS, "127.0.0.1", "SIM1", ports, time.monotonic_ns), grammar)


def typed(seat: VyosSeat, *lines: str) -> str:
    """What the last line is answered; the others are taken without complaint."""
    for line in lines[:-1]:
        said = at_once(seat.run(line))
        assert "ailed" not in said, f"{line}: {said}"
    return at_once(seat.run(lines[-1]))


def test_a_commit_takes_effect_and_a_reboot_forgets_what_was_not_saved() -> None:
    system = router()
    seat = system.seat("boss", "192.0.2.1")
    typed(seat, "configure", *SHAPER, BOUND)
    assert system.limit_bps("eth1", outward=True) is None
    assert "+egress SLOW" in typed(seat, "compare")
    assert typed(seat, "commit") == ""
    assert system.limit_bps("eth1", outward=True) == 8_000_000
    assert typed(seat, "exit").startswith("Warning: configuration changes have not been saved.")
    system.reboot()
    assert system.limit_bps("eth1", outward=True) is None
    seat = system.seat("boss", "192.0.2.1")
    typed(seat, "configure", *SHAPER, BOUND, "commit", "save")
    system.reboot()
    assert system.limit_bps("eth1", outward=True) == 8_000_000
    assert "set qos interface eth1 egress SLOW" in typed(
        system.seat("boss", "192.0.2.1"), "show configuration commands | grep -E '^set qos '"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set qos polcy shaper SLOW", "Configuration path: [qos polcy] is not valid"),
        ("set traffic-policy shaper SLOW bandwidth 8mbit", "is not valid"),
        ("set qos policy shaper SLOW bandwidth fast", "Invalid value for bandwidth"),
        ("set qos policy shaper SLOW bandwidth", "requires a value"),
        ("delete qos policy shaper SLOW", "Nothing to delete (the specified node does not exist)"),
        ("set system host-name r1", "already exists"),
        ("commit confirmed 5", "Invalid command"),
    ],
)
def test_what_the_grammar_does_not_have_is_refused_in_the_vendors_words(line: str, said: str) -> None:
    seat = router().seat("boss", "192.0.2.1")
    assert said in typed(seat, "configure", line)
    assert typed(seat, "exit") == "exit\n"
    assert "command not found" in typed(seat, "configrue")
    with pytest.raises(Logout):
        typed(seat, "exit")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((BOUND,), 'Selected QoS policy "SLOW" does not exist!'),
        ((*SHAPER, "set qos interface eth1 ingress SLOW"), "does not exist!"),
        (SHAPER[:1], "Class default is missing"),
        (("set qos policy limiter SLOW description x",), "Bandwidth not defined"),
    ],
)
def test_a_commit_checks_the_whole(lines: tuple[str, ...], said: str) -> None:
    seat = router().seat("boss", "192.0.2.1")
    answer = typed(seat, "configure", *lines, "commit")
    assert said in answer
    assert answer.endswith("Commit failed\n")
    assert "Changes have been discarded" in typed(seat, "discard")


def test_logins_do_not_see_what_the_other_has_not_committed_and_neither_undoes_the_others_commit() -> None:
    system = router()
    one, other = system.seat("boss", "192.0.2.1"), system.seat("netmon", "192.0.2.2")
    typed(one, "configure", "set system domain-name example.org")
    typed(other, "configure", *SHAPER, BOUND, "commit")
    assert "domain-name" not in typed(other, "show system")
    typed(one, "commit")
    assert system.limit_bps("eth1", outward=True) == 8_000_000
    assert "+domain-name example.org" in typed(other, "compare saved")


def test_leaving_with_changes_is_refused_until_they_are_discarded() -> None:
    seat = router().seat("boss", "192.0.2.1")
    assert typed(seat, "configure", *SHAPER, "exit").startswith("Cannot exit: configuration modified.")
    assert seat.prompt == "[edit]\nboss@r1# "
    assert typed(seat, "exit discard") == "exit\n"
    assert seat.prompt == "boss@r1:~$ "


def test_a_commit_of_somebody_else_that_goes_on_and_a_full_disk() -> None:
    system = router()
    seat = system.seat("boss", "192.0.2.1")
    system.committing = system.disk_full = True
    locked = "Configuration system temporarily locked due to another commit in progress\n"
    assert typed(seat, "configure", *SHAPER, "commit") == locked
    assert "No space left on device" in typed(seat, "save")


def test_edgeos_binds_policies_to_ports_in_its_own_words() -> None:
    system = router(EDGEOS)
    seat = system.seat("boss", "192.0.2.1")
    typed(
        seat,
        "configure",
        "set traffic-policy limiter SLOW default bandwidth 4000kbit",
        "set interfaces ethernet eth1 traffic-policy in SLOW",
        "commit",
    )
    assert system.limit_bps("eth1", outward=False) == 4_000_000
    assert system.limit_bps("eth1", outward=True) is None
    assert "is not valid" in typed(seat, BOUND)


def test_the_system_beneath_tells_ports_and_routes() -> None:
    seat = router().seat("boss", "127.0.0.9")
    assert "alias dinkes" in typed(seat, "/sbin/ip link show dev eth1")
    assert typed(seat, "/sbin/ip link show dev eth9") == 'Device "eth9" does not exist.\n'
    assert "dev eth2" in typed(seat, '/sbin/ip -o route get "${SSH_CONNECTION%% *}"')
    assert "pfifo_fast" in typed(seat, "/sbin/tc qdisc show dev eth1")
    assert "No such file" in typed(seat, "/sbin/reboot")


@pytest.mark.parametrize(
    ("grammar", "known", "unknown"),
    [(VYOS, "set terminal length 0", "terminal length 0"), (EDGEOS, "terminal length 0", "set terminal length 0")],
)
def test_each_vendor_has_its_own_word_for_no_pager_and_the_shell_beneath_one_for_both(
    grammar: Rule, known: str, unknown: str
) -> None:
    seat = router(grammar).seat("boss", "192.0.2.1")
    assert typed(seat, known) == typed(seat, "export VYATTA_PAGER=cat") == ""
    assert typed(seat, unknown) != ""
