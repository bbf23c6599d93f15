"""What IOS XR prints, as Cisco's documents and its operators show it, and what netmon makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_iosxr import IosXrReadback
from netmon.routers.readbacks import Expiry, Ours, Owner
from netmon.routers.session import AnswerUnreadableError

READ = IosXrReadback()
NAMES = Names.of("dinkes-1")
IN, OUT = f"{NAMES.object}-IN", f"{NAMES.object}-OUT"
NONE = "% No such configuration item(s)\n"
USERS = """   Line            User                 Service  Conns   Idle        Location
   con0/RP0/CPU0   boss                 hardware     0  00:10:00
*  vty0            netmon               ssh          0  00:00:00   10.1.1.5
"""
POLICY = f"""policy-map {OUT}
 class class-default
  shape average 8000000 bps
 !
 end-policy-map
!
"""
PORT = f"""interface GigabitEthernet0/0/0/1
 description dinkes
 service-policy output {OUT}
!
"""


def session(number: int, user: str, client: str = "CLI", lock: str = "None") -> str:
    return f"""
  {number}) Session: 00001000-00003595-00000000  Mon Sep 21 00:58:15 2026
     Line: vty{number}                           Lock: {lock}
     User: {user}                           Client: {client}
     Process: config                      PID: 13717
     Node:                                Elapsed Time: 5 sec.
"""


def test_a_port_is_called_what_its_long_name_is() -> None:
    text = """GigabitEthernet0/0/0/1 is administratively down, line protocol is administratively down
  Interface state transitions: 1
  Hardware is GigabitEthernet, address is 00e0.fc12.0002 (bia 00e0.fc12.0002)
  Description: dinkes
"""
    found = READ.identity((text,))
    assert found is not None
    assert (found.name, found.mac, found.alias) == ("GigabitEthernet0/0/0/1", "00:e0:fc:12:00:02", "dinkes")
    assert READ.identity(("Interface not found (GigabitEthernet0/0/0/9)\n",)) is None


def test_the_way_back_to_the_session_is_found_through_bundles_and_the_management_vrf() -> None:
    interfaces = """interface Bundle-Ether1.100
 ipv4 address 10.0.0.1 255.255.255.0
!
interface preconfigure GigabitEthernet0/0/0/4
 bundle id 1 mode active
!
interface MgmtEth0/RP0/CPU0/0
 vrf MGMT
!
"""
    tcp = "   PCB  VRF-ID\n0x00007f01 0x60000000      0      0  10.0.0.1:22   10.1.1.5:53214   ESTAB\n"
    addresses = "Interface  IP-Address  Status Protocol Vrf-Name\nBundle-Ether1.100  10.0.0.1  Up  Up  default\n"
    route = "10.1.1.0/24, version 12, internal 0x1\n   via 10.0.0.9/32, Bundle-Ether1.100, 5 dependencies, weight 0\n"
    assert READ.peer((USERS,)) == "10.1.1.5"
    found = READ.management((USERS, interfaces, tcp, addresses, route))
    assert {"Bundle-Ether1.100", "Bundle-Ether1", "BE1", "GigabitEthernet0/0/0/4"} <= found
    in_vrf = addresses.replace("Bundle-Ether1.100", "MgmtEth0/RP0/CPU0/0")
    assert "MgmtEth0/RP0/CPU0/0" in READ.management((USERS, interfaces, tcp, in_vrf, ""))


@pytest.mark.parametrize(
    ("rate", "bps"),
    [
        ("shape average 8000000 bps", 8_000_000),
        ("shape average 8 mbps", 8_000_000),
        ("shape average 8000 kbps", 8_000_000),
        ("police rate 1 gbps", 1_000_000_000),
        ("police rate 8000000", 8_000_000),
    ],
)
def test_rates_are_read_in_every_unit(rate: str, bps: int) -> None:
    policy = POLICY.replace("shape average 8000000 bps", rate)
    assert READ.state((NONE, policy, PORT), (), NAMES, "GigabitEthernet0/0/0/1").egress.bps == bps


def test_what_is_policed_is_read_with_its_units_and_actions() -> None:
    policy = f"""policy-map {IN}
 class class-default
  police rate 8 mbps burst 250 kbytes
   conform-action transmit
   exceed-action drop
  !
 !
 end-policy-map
!
"""
    port = PORT.replace("output", "input").replace(OUT, IN)
    state = READ.state((policy, NONE, port), (), NAMES, "GigabitEthernet0/0/0/1")
    assert (state.ingress.bps, state.ingress.foreign) == (8_000_000, None)
    for altered in (
        policy.replace("8 mbps", "1000 pps"),
        policy.replace("exceed-action drop", "exceed-action transmit"),
    ):
        state = READ.state((altered, NONE, port), (), NAMES, "GigabitEthernet0/0/0/1")
        assert state.ingress.bps is None
        assert state.ingress.foreign is not None


@given(answer=st.integers(0, 2), cut=st.integers(0, 8))
def test_an_answer_that_breaks_off_is_no_other_rate_and_no_port_without_our_limit(answer: int, cut: int) -> None:
    read = [NONE, POLICY, PORT]
    read[answer] = "".join(read[answer].splitlines(keepends=True)[:cut])
    try:
        found = READ.state(read, (), NAMES, "GigabitEthernet0/0/0/1").egress
    except AnswerUnreadableError:
        return
    assert (found.bps, found.ours) == (8_000_000, True)


@given(answer=st.integers(1, 2), at=st.integers(0, 6), line=st.sampled_from(["Last switch-over 3 days ago", "% Oops"]))
def test_what_comes_in_between_a_configuration_makes_it_unreadable(answer: int, at: int, line: str) -> None:
    read = [NONE, POLICY, PORT]
    lines = read[answer].splitlines(keepends=True)
    read[answer] = "".join([*lines[:at], f"{line}\n", *lines[at:]])
    with pytest.raises(AnswerUnreadableError):
        READ.state(read, (), NAMES, "GigabitEthernet0/0/0/1")


def test_a_limit_is_ours_and_others_are_named() -> None:
    interfaces = PORT + "interface GigabitEthernet0/0/0/1.5\n service-policy input BOSS\n!\n"
    state = READ.state((NONE, POLICY, PORT), (interfaces,), NAMES, "GigabitEthernet0/0/0/1")
    assert (state.egress.bps, state.egress.ours, state.egress.foreign) == (8_000_000, True, None)
    assert state.ingress.foreign == "service-policy BOSS on GigabitEthernet0/0/0/1.5"
    unbound = READ.state((NONE, POLICY, NONE), (), NAMES, "GigabitEthernet0/0/0/1").egress
    assert (unbound.bps, unbound.ours) == (None, True)


@pytest.mark.parametrize("altered", ["shape average percent 20", "bandwidth percent 10"])
def test_a_policy_of_ours_that_somebody_altered_is_no_longer_ours_alone(altered: str) -> None:
    policy = POLICY.replace("shape average 8000000 bps", altered)
    state = READ.state((NONE, policy, PORT), (), NAMES, "GigabitEthernet0/0/0/1")
    assert state.egress.foreign == f"policy-map {OUT}: {altered}"


@pytest.mark.parametrize(
    ("sessions", "armed", "said"),
    [
        ("", Armed.UNARMED, None),
        (session(0, "netmon"), Armed.UNARMED, None),
        (session(0, "netmon") + session(1, "netmon", "commit-confirm"), Armed.ARMED, None),
        (session(1, "budi"), Armed.UNARMED, "budi on vty1 has a configuration session open"),
        (session(1, "budi", lock="Reserved"), Armed.UNARMED, "budi on vty1 holds the configuration lock"),
        (session(1, "netmon", lock="Reserved"), Armed.UNARMED, "netmon on vty1 holds the configuration lock"),
        (session(1, "budi", "commit-confirm"), Armed.ARMED, "budi has a commit that waits to be confirmed"),
    ],
)
def test_the_table_of_sessions_tells_the_trial_and_who_else_is_there(
    sessions: str, armed: Armed, said: str | None
) -> None:
    assert READ.armed((sessions,), "i1") is armed
    assert READ.others((USERS, sessions)) == said


def test_who_we_are_must_be_told() -> None:
    with pytest.raises(AnswerUnreadableError):
        READ.others((USERS.replace("*", " "), ""))


def test_the_remark_of_an_access_list_is_the_marker() -> None:
    assert READ.owner(("ipv4 access-list netmon-owner\n 10 remark netmon:ledger-1:7\n!\n",)) == Owner("ledger-1", 7)
    assert READ.owner((NONE,)) is None


def test_everything_of_ours_is_told_and_nothing_ends_by_itself() -> None:
    assert READ.ours((POLICY + f"policy-map {IN}\n end-policy-map\n!\npolicy-map BOSS\n!\n", PORT)) == (
        Ours(NAMES.object, "-", Way.INGRESS, None),
        Ours(NAMES.object, "GigabitEthernet0/0/0/1", Way.EGRESS, 8_000_000),
    )
    assert READ.expiry((), NAMES, Way.EGRESS) == Expiry(present=False)


def test_a_survey_names_the_tasks_a_login_lacks() -> None:
    tasks = "".join(
        f"Task: {task:>20}  : READ    {'WRITE' if task != 'qos' else ''}\n"
        for task in ("acl", "config-services", "interface", "qos")
    )
    told = READ.survey(("Cisco IOS XR Software, Version 7.5.2\n", "10:00:00.000 UTC Sun Nov 22 2026", tasks, NONE))
    assert (told.version, told.clock_ns, told.privileged) == ("7.5.2", 1_795_341_600_000_000_000, False)
    assert told.warnings == ("the login may not write qos; give it these tasks",)
    assert READ.survey(("", "", "", "")).privileged is None
