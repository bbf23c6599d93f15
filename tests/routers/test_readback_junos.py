"""What Junos routers print, read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Verb, Way, load_dialect
from netmon.routers.readback_junos import JunosReadback, expiry_of
from netmon.routers.readbacks import UNBOUND, Expiry, Limit, Ours, Owner, PortIdentity, PortState
from netmon.routers.session import AnswerUnreadableError

NAMES = Names.of("dinkes-main")
IN, OUT = f"{NAMES.object}-IN", f"{NAMES.object}-OUT"
UNIT = "set interfaces ge-0/0/1 unit 0"
ADDRESSES = f"{UNIT} family inet address 10.1.1.1/24\n{UNIT} family inet6 address 2001:db8::1/64\n"
JUNOS = JunosReadback()
DIALECT = load_dialect("junos", [Path(__file__).parents[2] / "policies" / "enforcement"])
COMMITS = "0   2026-11-20 08:00:00 UTC by budi via cli\n"


STRAY = (
    "Broadcast Message from root@r1",
    "*** Message from syslogd ***",
    "/* ACCESS-DENIED */",
    "r1 kernel: link down",
    "interfaces {",
)
"""What may come in between, and is no setting."""


def policer(name: str, rate: str = "8000000") -> str:
    place = f"set firewall policer {name}"
    return (
        f"{place} logical-interface-policer\n{place} if-exceeding bandwidth-limit {rate}\n"
        f"{place} if-exceeding burst-size-limit 100000\n{place} then discard\n"
    )


def applied(name: str = OUT, word: str = "output") -> str:
    return "".join(f"{UNIT} family {family} policer {word} {name}\n" for family in ("inet", "inet6"))


def state(unit: str, inward: str = "", outward: str = "", foreign: tuple[str, ...] = ()) -> PortState:
    return JUNOS.state([unit, inward, outward], foreign, NAMES, "ge-0/0/1.0")


@pytest.mark.parametrize(
    ("rate", "bps"), [("8000000", 8_000_000), ("8m", 8_000_000), ("2.5m", 2_500_000), ("512k", 512_000), ("1g", 10**9)]
)
def test_rates_are_read_in_all_ways_of_writing_them(rate: str, bps: int) -> None:
    found = state(ADDRESSES + applied(), outward=policer(OUT, rate))
    assert found.egress == Limit(bps, ours=True, foreign=None)
    assert found.ingress == Limit(None, ours=False, foreign=None)


def test_a_rate_that_cannot_be_read_is_no_limit_of_zero() -> None:
    with pytest.raises(AnswerUnreadableError, match="'fast'"):
        state(ADDRESSES + applied(), outward=policer(OUT, "fast"))


@pytest.mark.parametrize(
    ("unit", "outward"),
    [
        (ADDRESSES, policer(OUT)),
        (ADDRESSES + f"{UNIT} family inet policer output {OUT}\n", policer(OUT)),
        (ADDRESSES + applied(), policer(OUT).replace("then discard", "then loss-priority high")),
        (ADDRESSES + applied(), policer(OUT).replace("logical-interface-policer", "x")),
        (ADDRESSES + applied() + "deactivate interfaces ge-0/0/1 unit 0 family inet policer\n", policer(OUT)),
    ],
    ids=["not applied", "one family only", "does not discard", "one for each family", "deactivated"],
)
def test_a_limit_in_part_is_ours_and_limits_nothing(unit: str, outward: str) -> None:
    assert state(unit, outward=outward).egress == Limit(None, ours=True, foreign=None)


def test_a_policer_in_use_that_the_router_does_not_show_is_not_taken_for_no_limit() -> None:
    with pytest.raises(AnswerUnreadableError, match="does not show what it is"):
        state(ADDRESSES + applied())


def test_the_families_the_port_has_are_told_and_no_other_is_given_to_it() -> None:
    only = f"{UNIT} family inet address 10.1.1.1/24\n"
    assert dict(state(only).facts) == {"families": ("inet",)}
    assert dict(state(only + applied(), outward=policer(OUT)).facts) == {"families": ("inet",)}
    values = {"interface": "ge-0/0/1.0", "object": NAMES.object, "bps": 8_000_000, "burst_bytes": 100_000}
    lines = DIALECT.commands(Verb.SET, {**values, "way": "egress", "families": ("inet",)})
    assert not any("inet6" in line for line in lines)


def test_a_port_without_a_routed_family_is_refused_in_words() -> None:
    with pytest.raises(AnswerUnreadableError, match="neither family inet nor inet6"):
        state(f"{UNIT} family ethernet-switching vlan members all\n")


COS = "set class-of-service interfaces"
FILTER = "set firewall family inet filter GUARD term 1 then"


@pytest.mark.parametrize(
    ("unit", "foreign", "way", "blame"),
    [
        (f"{UNIT} family inet policer output GOLD\n", "", Way.EGRESS, "policer GOLD"),
        (f"{UNIT} family inet policer input GOLD\n", "", Way.INGRESS, "policer GOLD"),
        (f"{UNIT} layer2-policer input-policer L2\n", "", Way.INGRESS, "policer L2"),
        (f"{UNIT} family inet filter output GUARD\n", f"{FILTER} policer SLOW\n", Way.EGRESS, "filter GUARD"),
        ("", f"{COS} ge-0/0/1 shaping-rate 5m\n", Way.EGRESS, "class-of-service shaping-rate 5m"),
        ("", f"{COS} ge-* unit * scheduler-map GOLD\n", Way.EGRESS, "class-of-service scheduler-map GOLD"),
    ],
)
def test_whatever_else_limits_the_port_is_named_with_its_way(unit: str, foreign: str, way: Way, blame: str) -> None:
    found = state(ADDRESSES + unit, foreign=(foreign, ""))
    assert found.limit(way).foreign == blame
    assert found.limit(Way.INGRESS if way is Way.EGRESS else Way.EGRESS).foreign is None
    assert [one.way for one in found.foreigners] == [way]
    assert found.foreigners[0].setting.startswith("set ")


@pytest.mark.parametrize(
    ("unit", "foreign"),
    [
        (f"{UNIT} family inet policer arp SLOW-ARP\n", ""),
        (f"{UNIT} family inet filter input GUARD\n", f"{FILTER} accept\n"),
        ("", f"{COS} ge-0/0/2 shaping-rate 5m\n{COS} ge-0/0/1 unit 7 shaping-rate 1m\n"),
    ],
    ids=["policer for ARP", "filter that polices nothing", "another port's and unit's"],
)
def test_what_limits_nothing_here_is_no_stranger(unit: str, foreign: str) -> None:
    assert state(ADDRESSES + unit, foreign=(foreign, "")).foreigners == ()


PHYSICAL = """Physical interface: ge-0/0/1, Enabled, Physical link is Up
  Interface index: 129, SNMP ifIndex: 502
  Description: to the agency
  Current address: 02:4E:4d:00:01:02, Hardware address: 02:4e:4d:00:01:09
  Logical interface ge-0/0/1.0 (Index 70) (SNMP ifIndex 600)
    Description: the agency itself
"""
LOGICAL = "  Logical interface ge-0/0/1.0 (Index 70) (SNMP ifIndex 600)\n    Description: the agency itself\n"


def test_a_unit_has_its_own_description_and_the_ports_mac() -> None:
    assert JUNOS.identity([PHYSICAL]) == PortIdentity("ge-0/0/1", "to the agency", "02:4e:4d:00:01:02")
    assert JUNOS.identity([PHYSICAL, LOGICAL]) == PortIdentity("ge-0/0/1.0", "the agency itself", "02:4e:4d:00:01:02")
    assert JUNOS.identity([PHYSICAL, ""]) is None


def test_a_port_of_several_units_is_not_taken_for_its_first() -> None:
    tagged = PHYSICAL + LOGICAL.replace("ge-0/0/1.0", "ge-0/0/1.100")
    with pytest.raises(AnswerUnreadableError, match=r"has ge-0/0/1\.100 besides unit 0"):
        JUNOS.identity([tagged])
    assert JUNOS.identity([tagged, LOGICAL]) is not None
    assert JUNOS.identity([PHYSICAL + LOGICAL.replace("ge-0/0/1.0", "ge-0/0/1.32767")]) is not None


USERS = "netmon   p0       192.0.2.5                         12:01AM     - -cli (cli)\n"
ROUTE = "inet.0: 1 destinations\n192.0.2.0/24       *[Direct/0] 3d 04:05:06\n                    > via {}\n"


@pytest.mark.parametrize(
    ("via", "interfaces", "ports"),
    [
        ("ge-0/0/0.100", "", {"ge-0/0/0.100", "ge-0/0/0"}),
        (
            "ae0.0",
            "set interfaces ge-0/0/3 gigether-options 802.3ad ae0\n",
            {"ae0.0", "ae0", "ge-0/0/3", "ge-0/0/3.0"},
        ),
        (
            "irb.10",
            "set interfaces ge-0/0/4 unit 0 family ethernet-switching vlan members MGMT\n",
            {"irb.10", "irb", "ge-0/0/4.0", "ge-0/0/4"},
        ),
    ],
)
def test_the_way_back_is_followed_through_units_aggregates_and_vlans(
    via: str, interfaces: str, ports: set[str]
) -> None:
    assert JUNOS.peer([USERS]) == "192.0.2.5"
    assert JUNOS.management([USERS, ROUTE.format(via), interfaces]) == ports


def test_where_our_session_comes_from_is_not_guessed() -> None:
    assert JUNOS.peer([USERS + USERS.replace("192.0.2.5", "192.0.2.6")]) is None
    assert JUNOS.peer(["netmon   p0       2001:db8:aaaa:b                   12:01AM     - -cli (cli)\n"]) is None
    assert JUNOS.management([""]) == frozenset()


def pending(comment: str, told: str = "    rollback pending\n", left: str = "2mins") -> str:
    line = f"0   2026-11-22 08:00:00 UTC by netmon via cli commit confirmed, rollback in {left}\n"
    return f"{line}    {comment}\n{told}{COMMITS.replace('0 ', '1 ', 1)}"


def uptime(clock: str) -> str:
    return f"Current time: 2026-11-22 {clock} UTC\nTime Source:  NTP CLOCK\n"


@pytest.mark.parametrize(
    ("text", "armed"),
    [
        (pending("netmon i-7"), Armed.ARMED),
        (pending("netmon i-8"), Armed.UNARMED),
        (pending("trying something"), Armed.UNARMED),
        (COMMITS, Armed.UNARMED),
        (
            (
                "0   2026-11-22 08:01:00 UTC by root via other\n"
                "1   2026-11-22 08:00:00 UTC by netmon via cli commit confirmed, rollback in 2mins\n    netmon i-7\n"
            ),
            Armed.FIRED,
        ),
        (
            (
                "0   2026-11-22 08:01:00 UTC by netmon via cli\n    netmon i-7 confirmed\n"
                "1   2026-11-22 08:00:00 UTC by netmon via cli\n    netmon i-7\n"
            ),
            Armed.UNARMED,
        ),
    ],
)
def test_the_trial_is_known_by_its_comment(text: str, armed: Armed) -> None:
    assert JUNOS.armed([text], "i-7") is armed


@pytest.mark.parametrize(
    ("told", "left", "clock", "armed"),
    [
        ("    rollback pending\n", "2mins", "09:30:00", Armed.ARMED),
        ("", "2mins", "08:01:59", Armed.ARMED),  # a release that has no such line
        ("", "90sec", "08:02:29", Armed.ARMED),
        ("", "2mins", "08:03:01", Armed.UNARMED),
        ("", "90sec", "08:02:31", Armed.UNARMED),
        ("", "a while", "09:30:00", Armed.ARMED),
    ],
)
def test_a_trial_that_was_confirmed_without_a_trace_is_over_when_its_time_is(
    told: str, left: str, clock: str, armed: Armed
) -> None:
    """The history says for good that it was committed on trial."""
    assert JUNOS.armed([pending("netmon i-7", told, left), uptime(clock)], "i-7") is armed
    assert JUNOS.armed([pending("netmon i-7", told, left)], "i-7") is Armed.ARMED
    others = JUNOS.others([pending("trying", told, left), "", "", uptime(clock)])
    assert (others is None) is (armed is Armed.UNARMED)


def test_of_a_cluster_the_history_of_one_node_counts() -> None:
    trial = pending("netmon i-7")
    told = f"node0:\n----------\n{trial}\nnode1:\n----------\n{trial.replace('budi via cli', 'root via other')}"
    assert JUNOS.armed([told], "i-7") is Armed.ARMED
    oldest = (
        "0   2026-11-22 08:00:00 UTC by netmon via cli\n    netmon i-9\n1   2020-01-01 08:00:00 UTC by root via other\n"
    )
    assert JUNOS.armed([f"node0:\n{oldest}node1:\n{trial}"], "i-7") is Armed.UNARMED


def test_a_history_is_read_however_its_lines_stand() -> None:
    lines = [
        f"{number:>3}  2026-11-20 08:00:00 WIB by  budi via netconf re0-1596309177-{number}" for number in range(12)
    ]
    assert (
        JUNOS.armed(["\n".join([*lines, "rescue  2026-01-01 08:00:00 WIB by root via other"])], "i-7") is Armed.UNARMED
    )
    with pytest.raises(AnswerUnreadableError):
        JUNOS.armed(["\n".join(lines[1:])], "i-7")


ALONE = "warning: uncommitted changes will be discarded on exit\nEntering configuration mode\n"


@pytest.mark.parametrize(
    ("who", "named"),
    [
        (
            "  budi terminal p1 (pid 5211) on since 2026-11-22 08:00:00 UTC, idle 00:01:44\n      [edit]\n",
            "budi (pid 5211)",
        ),
        ("  budi terminal pts/0 (pid 5211) on since 2026-11-22 08:00:00 UTC\n", "budi (pid 5211)"),
        ("  script (pid 30316) on since 2026-11-22 08:00:00 UTC\n      exclusive\n", "script (pid 30316)"),
        ("budi terminal p0 (pid 28439) on since 2026-11-22 08:00:00 UTC\n", "budi (pid 28439)"),
        ("  something else\n", "somebody"),
    ],
)
def test_whoever_is_editing_is_named_with_a_terminal_or_without(who: str, named: str) -> None:
    editing = f"{ALONE}Users currently editing the configuration:\n{who}"
    assert JUNOS.others([COMMITS, editing, "", ""]) == f"{named} is in configuration mode"


def test_others_are_named_and_our_own_trial_is_no_other() -> None:
    assert JUNOS.others([COMMITS, ALONE, ""]) is None
    assert JUNOS.others([pending("netmon i-7"), ALONE, ""]) is None
    assert "committed on trial" in str(JUNOS.others([pending("trying something"), ALONE, ""]))
    later = f"commit requested by budi via cli at Sun Nov 22 15:59:00 2026\n{COMMITS}"
    assert JUNOS.others([later, ALONE, ""]) == "budi has a commit that waits for its time"


def test_the_end_of_a_limit_is_whole_or_it_is_none() -> None:
    values = {"interface": "ge-0/0/1.0", "object": NAMES.object, "way": "egress", "seconds": 86_400, "token": "i-7"}
    removal = DIALECT.commands(Verb.REMOVE, {**values, "bps": 0, "burst_bytes": 0})
    lines = DIALECT.commands(Verb.EXPIRE, {**values, "removal": removal})
    assert JUNOS.expiry(["\n".join(lines)], NAMES, Way.EGRESS) == Expiry(present=True)
    assert JUNOS.expiry(["\n".join(lines)], NAMES, Way.INGRESS) == Expiry(present=False)
    for missing in ("generate-event", "events nm-expiry", "delete firewall policer"):
        left = "\n".join(line for line in lines if missing not in line)
        assert not JUNOS.expiry([left], NAMES, Way.EGRESS).present
    assert expiry_of(NAMES, Way.EGRESS) != expiry_of(NAMES, Way.INGRESS)


def test_the_events_interval_stays_within_what_the_router_takes() -> None:
    values = {"interface": "ge-0/0/1.0", "object": NAMES.object, "way": "egress", "removal": ()}
    for seconds, token in ((1, "i-f"), (60, "i-f"), (86_400, "i-f"), (10**8, "i-0")):
        first = DIALECT.commands(Verb.EXPIRE, {**values, "seconds": seconds, "token": token})[0]
        assert 60 <= int(first.split()[-1]) <= 2_592_000
        assert int(first.split()[-1]) <= max(60, seconds)


def test_all_that_is_ours_is_told_and_nothing_that_only_looks_so() -> None:
    firewall = policer(OUT) + policer(IN) + policer("NM-OTHER-OUT") + policer("GOLD")
    found = JUNOS.ours([firewall, ADDRESSES + applied() + f"{UNIT} family inet policer input GOLD\n"])
    assert found == (
        Ours(NAMES.object, "ge-0/0/1.0", Way.EGRESS, 8_000_000),
        Ours(NAMES.object, UNBOUND, Way.INGRESS, None),
    )


def test_the_marker_is_read() -> None:
    line = 'set firewall apply-macro NM-OWNER marker "netmon:ledger-1:7"\n'
    assert JUNOS.owner([line]) == Owner("ledger-1", 7)
    assert JUNOS.owner([""]) is None


def test_the_survey_tells_the_clock_and_what_the_login_lacks() -> None:
    uptime = "Current time: 2026-11-22 15:00:00 WIB\nTime Source:  NTP CLOCK\n"
    permissions = "Permissions:\n    configure       -- Can enter configuration mode\n    view            -- Can view\n"
    found = JUNOS.survey(["Hostname: r1\nJunos: 21.4R3.15\n", uptime, permissions])
    assert (found.version, found.clock_ns, found.privileged) == ("Junos 21.4R3.15", 1_795_334_400 * 10**9, False)
    assert "firewall-control" in found.warnings[0]
    assert JUNOS.survey(["", uptime.replace("WIB", "XYZ"), ""]).clock_ns is None


@given(answer=st.integers(0, 2), cut=st.integers(0, 12))
def test_an_answer_that_breaks_off_is_no_other_rate_and_no_port_without_our_limit(answer: int, cut: int) -> None:
    read = [ADDRESSES + applied(), "", policer(OUT)]
    read[answer] = "".join(read[answer].splitlines(keepends=True)[:cut])
    try:
        found = JUNOS.state(read, (), NAMES, "ge-0/0/1.0").egress
    except AnswerUnreadableError:
        return
    assert found.ours
    assert found.bps in (None, 8_000_000)


@given(answer=st.integers(0, 2), at=st.integers(0, 9), line=st.sampled_from(STRAY))
def test_what_is_no_setting_among_settings_is_refused(answer: int, at: int, line: str) -> None:
    read = [ADDRESSES + applied(), "", policer(OUT)]
    lines = read[answer].splitlines(keepends=True)
    read[answer] = "".join([*lines[:at], f"{line}\n", *lines[at:]])
    with pytest.raises(AnswerUnreadableError):
        JUNOS.state(read, (), NAMES, "ge-0/0/1.0")


@pytest.mark.parametrize(
    "line",
    [
        "## Last commit: 2026-11-22 08:00:00 UTC by budi",
        "{master:0}",
        "protect interfaces ge-0/0/1",
        "warning: license",
    ],
)
def test_what_releases_print_around_settings_alters_nothing(line: str) -> None:
    found = state(f"{line}\n{ADDRESSES}{applied()}", outward=policer(OUT))
    assert found.egress == Limit(8_000_000, ours=True, foreign=None)


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("error: configuration check-out failed", True),
        ("re1: error: configuration database locked", True),
        ("  error: policer is not supported", True),
        ("warning: statement not found", False),
        ("commit complete", False),
        ('set interfaces ge-0/0/1 description "an error: here"', False),
    ],
)
def test_a_refusal_is_known_wherever_it_begins(line: str, refused: bool) -> None:
    assert any(re.search(pattern, line, re.MULTILINE) for pattern in DIALECT.settings.errors) is refused
