"""What VyOS and EdgeOS print, read."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.routers.dialects import DialectError, Names, Verb, Way, load_dialect
from netmon.routers.readback_vyos import EdgeosReadback, VyosReadback
from netmon.routers.readbacks import UNBOUND, Limit, Ours, Owner, PortIdentity, PortState
from netmon.routers.session import AnswerUnreadableError

NAMES = Names.of("dinkes-main")
IN, OUT = f"{NAMES.object}-IN", f"{NAMES.object}-OUT"
VYOS, EDGEOS = VyosReadback(), EdgeosReadback()
POLICIES = Path(__file__).parents[2] / "policies" / "enforcement"
SHAPER = f"set qos policy shaper {OUT} bandwidth '8000kbit'\nset qos policy shaper {OUT} default ceiling '100%'\n"
LIMITER = f"set qos policy limiter {IN} default bandwidth '4mbit'\n"
BOUND = f"set qos interface eth1 egress '{OUT}'\nset qos interface eth1 ingress '{IN}'\n"
QDISC = "qdisc mq 0: dev eth1 root\nqdisc pfifo_fast 0: dev eth1 parent :1 bands 3\n"


def state(settings: str, foreign: tuple[str, ...] = ("", QDISC)) -> PortState:
    return VYOS.state([settings], foreign, NAMES, "eth1")


def test_both_ways_are_read_each_from_its_policy() -> None:
    found = state(SHAPER + LIMITER + BOUND)
    assert found.egress == Limit(8_000_000, ours=True, foreign=None)
    assert found.ingress == Limit(4_000_000, ours=True, foreign=None)
    assert state("").egress == Limit(None, ours=False, foreign=None)


OUTWARD = BOUND.splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    "settings", [SHAPER, SHAPER.replace("8000kbit", "auto") + OUTWARD], ids=["not bound", "speed of the port"]
)
def test_a_shaper_in_part_is_ours_and_limits_nothing(settings: str) -> None:
    assert state(settings).egress == Limit(None, ours=True, foreign=None)


@pytest.mark.parametrize(
    ("ceiling", "bps"),
    [("100%", 8_000_000), ("10%", 800_000), ("3mbit", 3_000_000), ("9mbit", 8_000_000), (None, 8_000_000)],
)
def test_a_ceiling_lowers_the_rate_and_none_is_all_of_it(ceiling: str | None, bps: int) -> None:
    lines = SHAPER.splitlines(keepends=True)
    settings = lines[0] if ceiling is None else SHAPER.replace("100%", ceiling)
    assert state(OUTWARD + settings).egress == Limit(bps, ours=True, foreign=None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SHAPER.replace("8000kbit", "8mbps"), "'8mbps'"),
        (SHAPER.replace("8000kbit", "8000"), "'8000'"),
        (SHAPER.replace("8000kbit", "0kbit"), "'0kbit'"),
        (SHAPER.replace("100%", "much"), "'much'"),
        ("", "does not show the rate"),
        (SHAPER.splitlines()[1], "does not show the rate"),
        (SHAPER + f"set qos policy shaper {OUT} class 10 bandwidth '1mbit'\n", "put classes"),
        (SHAPER.replace("100%", "0%"), "'0%'"),
    ],
)
def test_a_shaper_in_use_that_is_not_understood_is_not_taken_for_no_limit(settings: str, said: str) -> None:
    with pytest.raises(AnswerUnreadableError, match=said):
        state(OUTWARD + settings)
    assert VYOS.ours([OUTWARD + settings])[0] == Ours(NAMES.object, "eth1", Way.EGRESS, None)


def test_classes_in_our_limiter_are_not_passed_over() -> None:
    with pytest.raises(AnswerUnreadableError, match="put classes"):
        state(BOUND + SHAPER + LIMITER + f"set qos policy limiter {IN} class 10 bandwidth '64kbit'\n")


@pytest.mark.parametrize(
    ("settings", "foreign", "way", "blame"),
    [
        ("set qos interface eth1 egress 'GOLD'\n", ("", QDISC), Way.EGRESS, "traffic-policy GOLD"),
        ("set qos interface eth1 ingress 'GOLD'\n", ("", QDISC), Way.INGRESS, "traffic-policy GOLD"),
        ("", ("set interfaces ethernet eth1 redirect 'ifb0'\n", QDISC), Way.INGRESS, "redirect ifb0"),
        ("", ("", "qdisc tbf 1: dev eth1 root rate 3Mbit\n"), Way.EGRESS, "qdisc tbf"),
        ("", ("", QDISC + "qdisc ingress ffff: dev eth1 parent ffff:fff1\n"), Way.INGRESS, "qdisc ingress"),
        (
            "",
            ("set traffic-control smart-queue HOME wan-interface 'eth1'\n", QDISC),
            Way.EGRESS,
            "smart-queue HOME",
        ),
    ],
)
def test_whatever_else_shapes_the_port_is_named(settings: str, foreign: tuple[str, ...], way: Way, blame: str) -> None:
    found = state(settings, foreign)
    assert found.limit(way).foreign == blame
    assert found.foreigners


def test_what_a_bound_policy_makes_and_what_another_port_has_is_no_stranger() -> None:
    made = "qdisc htb 1: dev eth1 root refcnt 2\nqdisc ingress ffff: dev eth1 parent ffff:fff1\n"
    elsewhere = "set interfaces ethernet eth2 redirect 'ifb0'\n"
    settings = SHAPER + LIMITER + BOUND + "set qos interface eth2 egress 'GOLD'\n"
    assert state(settings, (elsewhere, made)).foreigners == ()


LINKS = """2: eth1: <BROADCAST,UP> mtu 1500 qdisc mq master bond0 state UP mode DEFAULT
    link/ether 02:4e:4d:00:01:02 brd ff:ff:ff:ff:ff:ff
    alias the agency
9: bond0.100@bond0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT
    link/ether 02:4e:4d:00:01:09 brd ff:ff:ff:ff:ff:ff
"""


def test_a_port_is_told_by_name_alias_and_mac_and_the_way_back_by_the_kernel() -> None:
    assert VYOS.identity([LINKS]) == PortIdentity("eth1", "the agency", "02:4e:4d:00:01:02")
    assert VYOS.identity([""]) is None
    assert VYOS.management(["192.0.2.9 dev bond0.100 src 192.0.2.1", LINKS]) == {"bond0.100", "bond0", "eth1"}
    assert VYOS.management(["RTNETLINK answers: Network is unreachable", LINKS]) == frozenset()


SAVED = "No changes between active and saved configurations\n"


@pytest.mark.parametrize(
    ("session", "compared", "said"),
    [
        ("", SAVED, None),
        ("session=4300\n", SAVED, "process 4300"),
        ("", f"[edit qos interface eth1]\n+egress {OUT}\n[edit qos policy shaper {OUT}]\n>bandwidth 8mbit\n", None),
        ("", f"[edit qos policy shaper]\n+{OUT} {{\n+    default {{\n+        ceiling 100%\n+    }}\n+}}\n", None),
        ("", "[edit system]\n+domain-name example.org\n", "system domain-name"),
        ("", "[edit]\n+qos {\n+    interface eth1 {\n+        egress GOLD\n+    }\n+}\n", "qos interface eth1"),
        ("", "[edit interfaces ethernet eth0]\n-description uplink\n", "interfaces ethernet eth0 description"),
        ("", '[interfaces ethernet eth0]\n- description "uplink"\n', "interfaces ethernet eth0 description"),
        ("", f'[qos policy]\n+ shaper {OUT} {{\n+     bandwidth "8000kbit"\n+ }}\n', None),
    ],
)
def test_others_are_told_by_their_session_or_by_what_they_have_not_saved(
    session: str, compared: str, said: str | None
) -> None:
    found = VYOS.others([session, "", compared, "exit\n"])
    assert found is None if said is None else said in str(found)


def test_all_that_is_ours_is_told_and_nothing_that_only_looks_so() -> None:
    other = "set qos policy shaper NM-OTHER-OUT bandwidth '1mbit'\nset qos policy limiter NM-OWNER description 'x'\n"
    assert VYOS.ours([SHAPER + LIMITER + other + BOUND.splitlines()[0]]) == (
        Ours(NAMES.object, "eth1", Way.EGRESS, 8_000_000),
        Ours(NAMES.object, UNBOUND, Way.INGRESS, None),
    )


@pytest.mark.parametrize("port", ["eth1", "eth1.100", "bond0.7", "br3"])
def test_edgeos_finds_the_policy_again_where_it_was_bound(port: str) -> None:
    dialect = load_dialect("edgeos", [POLICIES])
    values = {"interface": port, "object": NAMES.object, "bps": 8_000_000, "burst_bytes": 20_000}
    for way in Way:
        lines = "\n".join(dialect.commands(Verb.SET, {**values, "way": way.value}))
        found = EDGEOS.state([lines], (), NAMES, port)
        assert found.limit(way) == Limit(8_000_000, ours=True, foreign=None)
        assert EDGEOS.ours([lines]) == (Ours(NAMES.object, port, way, 8_000_000),)


def test_edgeos_refuses_a_port_whose_kind_it_does_not_know() -> None:
    values = {"interface": "pppoe0", "object": NAMES.object, "bps": 8_000, "burst_bytes": 20_000, "way": "egress"}
    with pytest.raises(DialectError):
        load_dialect("edgeos", [POLICIES]).commands(Verb.SET, values)


def test_marker_version_clock_and_offload_are_read() -> None:
    assert VYOS.owner(["set qos policy limiter NM-OWNER description 'netmon:ledger-1:7'\n"]) == Owner("ledger-1", 7)
    assert EDGEOS.owner(["set traffic-policy limiter NM-OWNER description netmon:ledger-1:7\n"]) == Owner("ledger-1", 7)
    told = ["Version:          VyOS 1.4.0\n", "clock=1700000000\n", "vyattacfg users\n"]
    survey = VYOS.survey(told)
    assert (survey.version, survey.clock_ns, survey.privileged) == ("VyOS 1.4.0", 1_700_000_000 * 10**9, True)
    assert "offloaded" in EDGEOS.survey([*told, "set system offload ipv4 forwarding enable\n"]).warnings[0]


@pytest.mark.parametrize(
    ("settings", "answers", "named"),
    [
        ("set qos interface eth1 egress 'GOLD'\n", ("", QDISC, ""), "traffic-policy GOLD on eth1"),
        ("set qos interface eth1.100.5 egress 'GOLD'\n", ("", QDISC, ""), "traffic-policy GOLD on eth1.100.5"),
        ("", ("", QDISC, "qdisc tbf 8001: root refcnt 2 rate 5Mbit"), "qdisc tbf on eth1"),
        ("", ("set interfaces ethernet eth1 redirect 'ifb0'\n", QDISC, QDISC), "redirect ifb0 on eth1"),
        ("set qos interface eth1.200 egress 'GOLD'\n", ("", QDISC, QDISC), None),
        ("set qos interface eth10 egress 'GOLD'\n", ("", QDISC, QDISC), None),
    ],
)
def test_what_shapes_the_port_of_a_vlan_is_named_with_its_place(
    settings: str, answers: tuple[str, ...], named: str | None
) -> None:
    found = VYOS.state([settings], answers, NAMES, "eth1.100")
    assert (found.ingress.foreign or found.egress.foreign) == named


def test_two_tags_are_no_vif_of_edgeos() -> None:
    values = {
        "interface": "eth1.100.5",
        "object": NAMES.object,
        "way": "egress",
        "bps": 8_000_000,
        "burst_bytes": 16_000,
    }
    assert "vif 100.5 " in load_dialect("edgeos", [POLICIES]).commands(Verb.SET, values)[-1]


@pytest.mark.parametrize(
    ("device", "told", "ports"),
    [
        ("pppoe0", "set interfaces pppoe pppoe0 source-interface 'eth0.7'", {"pppoe0", "eth0.7", "eth0"}),
        ("pppoe1", "set interfaces ethernet eth0 vif 7 pppoe 1 mtu 1492", {"pppoe1", "eth0.7", "eth0"}),
        ("pppoe1", "set interfaces ethernet eth0 pppoe 1 mtu 1492", {"pppoe1", "eth0"}),
        ("pppoe2", "set interfaces ethernet eth0 pppoe 1 mtu 1492", None),
        ("wg0", "", None),
        ("eth1", "", {"eth1"}),
    ],
)
def test_what_carries_the_way_back_is_followed_or_told_to_be_unknown(
    device: str, told: str, ports: set[str] | None
) -> None:
    links = "2: eth0: <UP> mtu 1500\n5: eth0.7@eth0: <UP> mtu 1500\n"
    answers = [f"192.0.2.9 dev {device} src 192.0.2.1 uid 1000", links, told]
    if ports is None:
        with pytest.raises(AnswerUnreadableError, match=f"goes by {device}"):
            VYOS.management(answers)
    else:
        assert VYOS.management(answers) == ports
