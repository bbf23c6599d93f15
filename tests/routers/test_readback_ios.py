"""What IOS and IOS-XE print, as Cisco's documents show it, and what netmon makes of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.resolving import Armed
from netmon.routers.answers import Answer
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_ios import IosReadback
from netmon.routers.readback_ios_config import interfaces as interfaces_of
from netmon.routers.readback_ios_config import related, same_port, spellings
from netmon.routers.readbacks import Expiry, Ours
from netmon.routers.session import AnswerUnreadableError

READ = IosReadback()
NAMES = Names.of("dinkes-1")
IN, OUT = f"{NAMES.object}-IN", f"{NAMES.object}-OUT"
USERS = """    Line       User       Host(s)              Idle       Location
   0 con 0                idle                    1d00h
*  2 vty 0     netmon     idle                 00:00:00 10.1.1.5
   3 vty 1     budi       idle                 00:00:12 10.1.1.9

  Interface    User               Mode         Idle     Peer Address
"""
TCP = """TCB       Local Address               Foreign Address             (state)
0F31A8C0  10.0.0.1.22                10.1.1.5.53214              ESTAB
0F31A8C1  10.0.0.1.22                10.1.1.9.41000              ESTAB
"""
ADDRESSES = """Interface                  IP-Address      OK? Method Status                Protocol
GigabitEthernet0/0         10.0.0.1        YES NVRAM  up                    up
GigabitEthernet0/1         unassigned      YES NVRAM  up                    up
Loopback0                  10.9.9.9        YES NVRAM  up                    up
"""
CEF = """10.1.1.0/24
  nexthop 10.0.0.254 GigabitEthernet0/0
"""
INTERFACES = """interface GigabitEthernet0/0
 ip address 10.0.0.1 255.255.255.0
interface GigabitEthernet0/1
 description dinkes
 no ip address
 service-policy output {out}
interface GigabitEthernet0/1.20
 encapsulation dot1Q 20
 service-policy input OTHER
interface Loopback0
 ip address 10.9.9.9 255.255.255.255
"""
POLICIES = f"""policy-map {OUT}
 class class-default
  shape average 8000000
"""
AT_WORK = f"""
 GigabitEthernet0/1

  Service-policy output: {OUT}

    Class-map: class-default (match-any)
      0 packets, 0 bytes
      5 minute offered rate 0000 bps, drop rate 0000 bps
      Match: any
      Queueing
      queue limit 64 packets
      (queue depth/total drops/no-buffer drops) 0/0/0
      shape (average) cir 8000000, bc 32000, be 32000
      target shape rate 8000000
"""
OWN_PORT = f"""Building configuration...

Current configuration : 120 bytes
!
interface GigabitEthernet0/1
 description dinkes
 service-policy output {OUT}
end
"""


def management(users: str = USERS, interfaces: str = INTERFACES, route: str = CEF) -> frozenset[str]:
    return READ.management((users, interfaces, TCP, ADDRESSES, route))


def test_a_port_is_called_what_its_short_name_is() -> None:
    text = """GigabitEthernet0/1 is up, line protocol is up
  Hardware is CN Gigabit Ethernet, address is 00e0.fc12.0002 (bia 00e0.fc12.0002)
  Description: Dinas Kesehatan
"""
    table = """Interface                      Status         Protocol Description
Gi0/1                          up             up       Dinas Kesehatan
"""
    found = READ.identity((text, table))
    assert found is not None
    assert (found.name, found.mac, found.alias) == ("Gi0/1", "00:e0:fc:12:00:02", "Dinas Kesehatan")
    assert READ.identity(("", table.splitlines()[0])) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Gi0/1", "GigabitEthernet0/1", True),
        ("GigabitEthernet0/1", "Gi0/1", True),
        ("Te0/1", "GigabitEthernet0/1", False),
        ("Gi0/1", "GigabitEthernet0/11", False),
        ("Po1", "Port-channel1", True),
        ("BE1", "Bundle-Ether1", True),
        ("Gi0/1.20", "GigabitEthernet0/1", False),
    ],
)
def test_ports_are_the_same_however_short_they_are_written(one: str, other: str, same: bool) -> None:
    assert same_port(one, other) is same


def test_the_way_back_to_the_session_tells_its_port_in_every_spelling() -> None:
    assert READ.peer((USERS,)) == "10.1.1.5"
    found = management()
    assert {"Gi0/0", "GigabitEthernet0/0"} <= found
    assert not found & spellings("GigabitEthernet0/1")


@pytest.mark.parametrize(
    ("route", "extra", "beneath"),
    [
        ("nexthop 10.2.2.1 GigabitEthernet0/1.20", "", "GigabitEthernet0/1"),
        (
            "attached to Port-channel1",
            "interface Port-channel1\ninterface GigabitEthernet0/7\n channel-group 1 mode active",
            "GigabitEthernet0/7",
        ),
        (
            "attached to Vlan20",
            "interface Vlan20\ninterface GigabitEthernet1/0/3\n switchport access vlan 20\n switchport mode access",
            "GigabitEthernet1/0/3",
        ),
        (
            "attached to Vlan20",
            "interface Vlan20\ninterface GigabitEthernet1/0/4\n switchport trunk allowed vlan 10,15-25",
            "GigabitEthernet1/0/4",
        ),
        (
            "attached to BDI5",
            "interface BDI5\ninterface GigabitEthernet0/8\n service instance 5 ethernet\n  bridge-domain 5",
            "GigabitEthernet0/8",
        ),
    ],
)
def test_what_lies_beneath_the_way_back_carries_the_session_too(route: str, extra: str, beneath: str) -> None:
    assert beneath in management(interfaces=INTERFACES + extra, route=f"10.1.1.0/24\n  {route}\n")


def test_a_port_of_another_vlan_does_not_carry_the_session() -> None:
    extra = "interface Vlan20\ninterface GigabitEthernet1/0/3\n switchport access vlan 30\n switchport mode access"
    found = management(interfaces=INTERFACES + extra, route="10.1.1.0/24\n  attached to Vlan20\n")
    assert "Vlan20" in found
    assert "GigabitEthernet1/0/3" not in found


def test_all_of_the_vrf_in_which_the_session_arrives_may_carry_it() -> None:
    in_vrf = """interface GigabitEthernet0/0
 vrf forwarding MGMT
 ip address 10.0.0.1 255.255.255.0
interface GigabitEthernet0/5
 vrf forwarding MGMT
interface GigabitEthernet0/1
 service-policy output BOSS
"""
    found = management(interfaces=in_vrf, route="0.0.0.0/0\n  nexthop 10.3.3.3 GigabitEthernet0/1\n")
    assert "GigabitEthernet0/5" in found
    assert "GigabitEthernet0/1" not in found


@pytest.mark.parametrize(
    ("users", "route"),
    [
        (USERS, "0.0.0.0/0\n  attached to Tunnel7\n"),
        (USERS, "0.0.0.0/0\n  no route\n"),
        (USERS.replace("10.1.1.5", "10.1.1.77"), CEF),
    ],
)
def test_a_way_back_that_cannot_be_told_is_no_answer(users: str, route: str) -> None:
    with pytest.raises(AnswerUnreadableError):
        management(users, route=route)


def test_a_host_name_instead_of_our_address_names_the_remedy() -> None:
    with pytest.raises(AnswerUnreadableError, match="no ip domain lookup"):
        READ.peer((USERS.replace("10.1.1.5", "netmon.prov.example"),))


def test_a_limit_is_what_the_router_says_is_at_work() -> None:
    state = READ.state((POLICIES, OWN_PORT, AT_WORK), (INTERFACES.format(out=OUT),), NAMES, "Gi0/1")
    assert (state.egress.bps, state.egress.ours, state.egress.foreign) == (8_000_000, True, None)
    assert (state.ingress.bps, state.ingress.ours) == (None, False)
    assert state.ingress.foreign == "service-policy OTHER on GigabitEthernet0/1.20"
    assert [one.setting for one in state.foreigners] == ["interface GigabitEthernet0/1.20\nservice-policy input OTHER"]


@pytest.mark.parametrize(
    ("at_work", "bps"),
    [
        (AT_WORK.replace("target shape rate 8000000", "target shape rate 4000000"), 4_000_000),
        (f"\n Gi\n\n  Service-policy output: {OUT}\n", 8_000_000),  # a switch tells no rate
        ("", None),
        (f"  Service-policy output: {OUT}\n    police:\n        cir 2000000 bps, bc 62500 bytes\n", 2_000_000),
        (
            f"  Service-policy output: {OUT}\n   police:\n       2000000 bps, 62500 limit, 62500 extended limit\n",
            2_000_000,
        ),
        (f"  Service-policy output: {OUT}\n   Rate\n   3000000/3000000   18750  75000  75000  25  9375\n", 3_000_000),
    ],
)
def test_rates_are_read_in_the_words_of_every_release(at_work: str, bps: int | None) -> None:
    state = READ.state((POLICIES, OWN_PORT, at_work), (), NAMES, "Gi0/1")
    assert (state.egress.bps, state.egress.ours) == (bps, True)
    assert bool(state.warnings) is (bps is None)


def of_class(*lines: str, way: str = "OUT") -> str:
    below = "".join(f"{line}\n" for line in lines)
    return f"policy-map {NAMES.object}-{way}\n class class-default\n{below}"


TERSE = f"  Service-policy output: {OUT}\n  service-policy input: {IN}\n"
"""A switch tells no rates."""
BOTH = OWN_PORT.replace("end\n", f" service-policy input {IN}\nend\n")


@pytest.mark.parametrize(
    ("lines", "bps"),
    [
        (("  shape average 8000000",), 8_000_000),
        (("  shape average 8000000 32000 32000",), 8_000_000),
        (("  shape average 8000000   32000   0 account user-defined 20",), 8_000_000),
        (("  shape average 8 mbps",), 8_000_000),
        (("  police cir 8000000 bc 250000", "    conform-action transmit ", "    exceed-action drop "), 8_000_000),
        (("  police cir 8000000 bc 250000 conform-action transmit  exceed-action drop ",), 8_000_000),
        (("  police cir 8000000 bc 250000 be 250000",), 8_000_000),
        (("  police cir 8000000",), 8_000_000),
        (
            ("  police 8000000 250000 500000 conform-action transmit  exceed-action drop  violate-action drop",),
            8_000_000,
        ),
        (("  police 8000000 250000 exceed-action drop",), 8_000_000),
        (("  police rate 8000000 bps burst 250000 bytes", "   exceed-action drop"), 8_000_000),
    ],
)
def test_a_configured_rate_is_read_in_the_words_of_every_release(lines: tuple[str, ...], bps: int) -> None:
    state = READ.state((of_class(*lines, way="IN") + POLICIES, BOTH, TERSE), (), NAMES, "Gi0/1")
    assert (state.ingress.bps, state.ingress.ours, state.ingress.foreign) == (bps, True, None)


@pytest.mark.parametrize(
    "lines",
    [
        ("  shape average percent 20",),
        ("  shape peak 8000000",),
        ("  police cir percent 20",),
        ("  police rate 1000 pps",),
        ("  police cir 8000000 pir 9000000",),
        ("  police cir 8000000 bc 250000", "    exceed-action transmit"),
        ("  police cir 8000000 bc 250000 conform-action transmit exceed-action set-dscp-transmit 0",),
        ("  shape average 8000000", "  service-policy CHILD"),
        ("  shape average 8000000", "  shape average 9000000"),
    ],
)
def test_what_is_not_the_limit_that_was_written_is_somebody_elses(lines: tuple[str, ...]) -> None:
    state = READ.state((of_class(*lines, way="IN") + POLICIES, BOTH, TERSE), (), NAMES, "Gi0/1")
    assert state.ingress.bps is None
    assert state.ingress.foreign == f"policy-map {IN}: {lines[-1].strip()}"
    assert state.egress.bps == 8_000_000


@pytest.mark.parametrize(
    "told",
    [
        "    police:\n        cir 2000000 bps, bc 62500 bytes, be 62500 bytes\n",
        "      police :\n       2000000 bps 62500 limit 62500 extended limit\n",
        "    police:\n        cir 20 %\n        cir 2000000 bps, bc 62500 bytes\n",
        "    police:\n        rate 2000000 bps, burst 62500 bytes\n",
    ],
)
def test_of_two_policies_at_work_each_has_its_own_rate(told: str) -> None:
    at_work = f"  Service-policy input: {IN}\n{told}{AT_WORK}"
    policies = of_class("  police cir 2000000 bc 62500", way="IN") + POLICIES
    state = READ.state((policies, BOTH, at_work), (), NAMES, "Gi0/1")
    assert (state.ingress.bps, state.egress.bps) == (2_000_000, 8_000_000)
    lost = at_work.replace(f"  Service-policy output: {OUT}\n", "")
    state = READ.state((policies, BOTH, lost), (), NAMES, "Gi0/1")
    assert (state.ingress.bps, state.egress.bps, state.egress.ours) == (2_000_000, None, True)


@given(answer=st.integers(0, 3), cut=st.integers(0, 20))
def test_an_answer_that_breaks_off_is_no_other_rate_and_no_port_without_our_limit(answer: int, cut: int) -> None:
    read = [POLICIES, OWN_PORT, AT_WORK, INTERFACES.format(out=OUT)]
    read[answer] = "".join(read[answer].splitlines(keepends=True)[:cut])
    try:
        found = READ.state(read[:3], read[3:], NAMES, "Gi0/1").egress
    except AnswerUnreadableError:
        return
    assert found.ours
    assert found.bps in (None, 8_000_000)


STRAY = (
    "Broadcast message from budi: reload at noon",
    "-Traceback= 60A1B2C3 60A1B2D4",
    "% Something is wrong",
    "Config Sync: bulk sync in progress",
)


@given(answer=st.sampled_from((0, 1, 3)), at=st.integers(0, 12), line=st.sampled_from(STRAY))
def test_what_comes_in_between_a_configuration_makes_it_unreadable(answer: int, at: int, line: str) -> None:
    read = [POLICIES, OWN_PORT, AT_WORK, INTERFACES.format(out=OUT)]
    lines = read[answer].splitlines(keepends=True)
    read[answer] = "".join([*lines[:at], f"{line}\n", *lines[at:]])
    with pytest.raises(AnswerUnreadableError):
        READ.state(read[:3], read[3:], NAMES, "Gi0/1")


LOGGED = (
    "*Nov 22 10:00:00.123: %SYS-5-CONFIG_I: Configured from console by budi on vty0 (192.0.2.9)",
    "Rollback Confirmed Change: Rollback will begin in one minute.",
    "Load for five secs: 3%/0%; one minute: 2%; five minutes: 2%",
)


@given(answer=st.integers(0, 3), at=st.integers(0, 20), line=st.sampled_from(LOGGED))
def test_what_the_router_says_unasked_in_between_alters_nothing(answer: int, at: int, line: str) -> None:
    read = [POLICIES, OWN_PORT, AT_WORK, INTERFACES.format(out=OUT)]
    whole = READ.state(read[:3], read[3:], NAMES, "Gi0/1")
    lines = read[answer].splitlines(keepends=True)
    said = "".join([*lines[:at], f"{line}\n", *lines[at:]]).replace("\n", "\r\n")
    heard = Answer(re.compile(r"R1#\Z"), "show it")
    heard.feed(f"show it\r\n{said}R1#\r\nR1#")
    assert heard.is_over
    read[answer] = heard.body
    assert READ.state(read[:3], read[3:], NAMES, "Gi0/1") == whole


def test_a_policy_without_its_port_is_ours_and_without_effect() -> None:
    state = READ.state((POLICIES, OWN_PORT.replace(OUT, "BOSS"), ""), (), NAMES, "Gi0/1")
    assert (state.egress.bps, state.egress.ours) == (None, True)


@pytest.mark.parametrize(
    ("line", "way", "named"),
    [
        (" service-policy output BOSS", Way.EGRESS, "service-policy BOSS"),
        (" rate-limit input 8000000 1500 2000 conform-action transmit exceed-action drop", Way.INGRESS, "rate-limit 8"),
        (" traffic-shape rate 8000000 200000 200000 1000", Way.EGRESS, "traffic-shape rate"),
        (" srr-queue bandwidth limit 20", Way.EGRESS, "srr-queue bandwidth limit"),
        (" service instance 10 ethernet\n  service-policy input BOSS", Way.INGRESS, "service-policy BOSS"),
    ],
)
def test_whatever_else_shapes_the_port_is_named(line: str, way: Way, named: str) -> None:
    own = "interface GigabitEthernet0/1\nend\n"
    state = READ.state(("", own, ""), (f"interface GigabitEthernet0/1\n{line}\n",), NAMES, "Gi0/1")
    other = Way.INGRESS if way is Way.EGRESS else Way.EGRESS
    assert (state.limit(way).foreign or "").startswith(named)
    assert state.limit(other).foreign is None


def test_a_policy_of_ours_that_somebody_altered_is_no_longer_ours_alone() -> None:
    altered = POLICIES + " class VOICE\n  priority percent 10\n"
    state = READ.state((altered, OWN_PORT, AT_WORK), (), NAMES, "Gi0/1")
    assert state.egress.foreign == f"policy-map {OUT}: class VOICE"


def test_bundles_and_parents_are_of_concern_and_neighbours_are_not() -> None:
    ports = interfaces_of(
        "interface Port-channel1\ninterface GigabitEthernet0/1\n channel-group 1 mode on\n"
        "interface GigabitEthernet0/1.5\ninterface GigabitEthernet0/2\n"
    )
    assert set(related("Gi0/1", ports)) == {"GigabitEthernet0/1", "GigabitEthernet0/1.5", "Port-channel1"}
    assert set(related("Gi0/1.5", ports)) == {"GigabitEthernet0/1", "GigabitEthernet0/1.5", "Port-channel1"}
    assert set(related("Po1", ports)) == {"Port-channel1", "GigabitEthernet0/1"}


FREE = """
Parser Configure Lock
---------------------
Owner PID         : -1
User              : unknown
TTY               : -1
Type              : NO LOCK
State             : FREE
"""
HELD = FREE.replace("unknown", "budi").replace("FREE", "LOCKED")
HELD_TERSELY = FREE.replace("unknown", "budi").replace("State             : FREE", "State:LOCKED")
SESSION_FREE = f"""Config Session Lock
---------------------
Owner PID : -1
TTY number : -1
TTY username : unknown
User debug info : unknown
{FREE}"""
SESSION_HELD = SESSION_FREE.replace("PID : -1", "PID : 543", 1).replace("unknown", "budi", 1)
SAME = "!Contextual Config Diffs:\n!No changes were found\n"
UNSAVED = (
    "the running configuration has changes that were never saved (interface GigabitEthernet0/2: shutdown and 1 more);"
    " save them or take them back"
)
OURS_ONLY = f"""!Contextual Config Diffs:
+policy-map {OUT}
 +class class-default
  +shape average 8000000
interface GigabitEthernet0/1
 +service-policy output {OUT}
+alias exec netmon-owner netmon:ledger-1:7
+event manager applet NM-EXPIRE-{OUT}
 +event timer countdown time 3600
-ntp clock-period 17179869
"""


@pytest.mark.parametrize(
    ("lock", "timer", "changes", "said"),
    [
        (FREE, "", SAME, None),
        (FREE, "", OURS_ONLY, None),
        (FREE, "User: netmon", SAME, None),
        (HELD, "", SAME, "budi holds the router's configuration lock"),
        (HELD_TERSELY, "", SAME, "budi holds the router's configuration lock"),
        (SESSION_FREE, "", SAME, None),
        (SESSION_HELD, "", SAME, "budi holds the router's configuration lock"),
        (FREE, "User: netmon(Priv: 15)", SAME, None),
        (FREE, "User: budi", SAME, "budi has a change waiting for `configure confirm`"),
        (
            FREE,
            "",
            OURS_ONLY + "interface GigabitEthernet0/2\n +shutdown\n +description x\n",
            UNSAVED,
        ),
    ],
)
def test_who_else_is_configuring_is_told(lock: str, timer: str, changes: str, said: str | None) -> None:
    assert READ.others((USERS, lock, timer, changes)) == said


def test_a_login_whose_name_is_cut_short_among_the_users_knows_its_own_timer() -> None:
    users = USERS.replace("netmon     idle", "netmon-dis idle")
    assert READ.others((users, FREE, "User: netmon-diskominfo", SAME)) is None
    assert READ.others((users, FREE, "User: netmon-di", SAME)) is not None
    assert READ.others((USERS, FREE, "User: netmon2", SAME)) is not None


@pytest.mark.parametrize(
    ("text", "armed"),
    [
        ("Time configured(or reconfigured): 22:50:48 UTC\nTimer value: 3 min\nTimeleft: 2 min\n", Armed.ARMED),
        ("", Armed.UNARMED),
    ],
)
def test_a_running_timer_is_the_undo(text: str, armed: Armed) -> None:
    assert READ.armed((text,), "i1") is armed


def test_the_end_of_a_limit_is_counted_from_when_its_applet_was_registered() -> None:
    clock = "*10:05:00.123 WIB Thu Nov 20 2026\n"
    applets = f"""No.  Class     Type    Event Type          Trap  Time Registered           Name
1    applet    user    timer countdown     Off   Thu Nov 20 09:00:00 2026  OTHER
 time 60.000
2    applet    user    timer countdown     Off   Thu Nov 20 10:00:00 2026  NM-EXPIRE-{OUT}
 time 3600.000
 maxrun 20.000
 action 010 cli command "enable"
"""
    assert READ.expiry((clock, applets), NAMES, Way.EGRESS) == Expiry(True, 3300)
    assert READ.expiry((clock, applets), NAMES, Way.INGRESS) == Expiry(present=False)
    together = applets.replace("Nov 20", "Nov20")
    assert READ.expiry((clock, together), NAMES, Way.EGRESS) == Expiry(True, 3300)
    old = applets.replace("No.  Class     Type ", "No.  Type ").replace("applet    user    timer", "applet  timer")
    assert READ.expiry((clock, old), NAMES, Way.EGRESS) == Expiry(True, 3300)


def test_everything_of_ours_is_told_with_its_port_as_ifname_has_it() -> None:
    table = "Interface   Status  Protocol Description\nGi0/0  up up x\nGi0/1  up up dinkes\n"
    applet = f"event manager applet NM-EXPIRE-{IN}\n"
    found = READ.ours((POLICIES + "policy-map BOSS\n", INTERFACES.format(out=OUT), applet, table))
    assert found == (
        Ours(NAMES.object, "-", Way.INGRESS, None),
        Ours(NAMES.object, "Gi0/1", Way.EGRESS, 8_000_000),
    )


@pytest.mark.parametrize(
    ("clock", "settings", "clock_ns"),
    [
        ("10:00:00.000 UTC Sun Nov 22 2026", "", 1_795_341_600_000_000_000),
        ("17:00:00.000 WIB Sun Nov 22 2026", "clock timezone WIB 7 0\n", 1_795_341_600_000_000_000),
        ("17:00:00.000 WIB Sun Nov 22 2026", "", None),
        ("", "", None),
    ],
)
def test_the_routers_clock_is_told_only_where_its_zone_is_known(
    clock: str, settings: str, clock_ns: int | None
) -> None:
    assert READ.survey(("", clock, "", "", settings)).clock_ns == clock_ns


def test_a_survey_says_what_is_missing_for_a_guarded_change() -> None:
    version = "Cisco IOS XE Software, Version 17.03.04a\n"
    told = READ.survey((version, "*10:00:00 UTC Sun Nov 22 2026", "Current privilege level is 5\n", "", "no ip cef\n"))
    assert (told.version, told.privileged) == ("17.03.04a", False)
    assert len(told.warnings) == 3
    assert any("archive" in one for one in told.warnings)
    whole = READ.survey((version, "", "Current privilege level is 15\n", "archive\n path flash:a\n", ""))
    assert (whole.privileged, whole.warnings) == (True, ())
