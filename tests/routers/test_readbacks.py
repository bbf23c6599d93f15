"""What iproute2 and RouterOS print, read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_simple_queue import SimpleQueueReadback
from netmon.routers.readback_tc import TcReadback
from netmon.routers.readbacks import (
    READBACKS,
    Expiry,
    Foreign,
    Limit,
    Ours,
    Owner,
    PortIdentity,
    owner_in,
    readable,
    readback_named,
)
from netmon.routers.session import AnswerUnreadableError

NAMES = Names.of("dinkes-main")
CLASS = f"4e4d:{NAMES.minor}"
OURS = (
    f"qdisc htb 4e4d: root refcnt 3 r2q 10 default 0x{NAMES.minor} direct_packets_stat 0 direct_qlen 1000\n"
    f"qdisc bfifo 4e4e: parent {CLASS} limit 100000b\n"
)
TC, SIMPLE = TcReadback(), SimpleQueueReadback()


def tc_egress(qdiscs: str, classes: str = "") -> Limit:
    return TC.state([qdiscs, classes, "", "[]", ""], [], NAMES, "ag1").egress


@pytest.mark.parametrize(
    ("rate", "bps"),
    [
        ("8Mbit", 8_000_000),
        ("999992bit", 999_992),
        ("2500Mbit", 2_500_000_000),
        ("1.5Gbit", 1_500_000_000),
        ("64Kibit", 65_536),
        ("1Tbit", 10**12),
    ],
)
def test_tc_rates_are_read_in_every_unit_it_prints(rate: str, bps: int) -> None:
    line = f"class htb {CLASS} root leaf 4e4e: prio 0 rate {rate} ceil {rate} burst 16000b cburst 16000b \n"
    assert tc_egress(OURS, line) == Limit(bps, ours=True, foreign=None)


def test_a_rate_tc_never_printed_is_not_guessed() -> None:
    with pytest.raises(AnswerUnreadableError, match="'fast'"):
        tc_egress(OURS, f"class htb {CLASS} root rate fast ceil fast burst 1b cburst 1b")


@pytest.mark.parametrize(
    ("qdiscs", "foreign"),
    [
        ("qdisc noqueue 0: root refcnt 2\n", None),
        ("qdisc mq 0: root\nqdisc fq_codel 0: parent :2 limit 10240p\nqdisc fq_codel 0: parent :1 limit 1p\n", None),
        ("qdisc mq 0: root\nqdisc tbf 10: parent :1 rate 1Mbit burst 5Kb lat 70ms\n", "qdisc tbf 10: on ag1"),
        ("qdisc fq_codel 8001: root refcnt 2 limit 10240p\n", "qdisc fq_codel 8001: on ag1"),
        ("qdisc htb 1: root refcnt 2 r2q 10 default 0x10\n", "qdisc htb 1: on ag1"),
        ("qdisc noqueue 0: root refcnt 2\nqdisc clsact ffff: parent ffff:fff1\n", "qdisc clsact ffff: on ag1"),
        (OURS + "qdisc sfq 9: parent 4e4d:9 limit 127p\n", "qdisc sfq 9: on ag1"),
        (OURS, None),
    ],
)
def test_a_qdisc_that_is_neither_ours_nor_the_kernels_default_is_foreign(qdiscs: str, foreign: str | None) -> None:
    assert tc_egress(qdiscs).foreign == foreign


def ingress(filters: str, ifbs: list[dict[str, str]], classes: str = "") -> Limit:
    qdiscs = "qdisc noqueue 0: root refcnt 2\nqdisc ingress ffff: parent ffff:fff1 ----------------\n"
    return TC.state([qdiscs, "", filters, json.dumps(ifbs), classes], [], NAMES, "ag1").ingress


def test_an_ingress_limit_counts_only_when_packets_are_sent_to_it() -> None:
    ifb = [{"ifname": NAMES.device, "ifalias": NAMES.object}]
    classes = f"class htb {CLASS} root leaf 4e4e: prio 0 rate 4Mbit ceil 4Mbit burst 16000b cburst 16000b\n"
    ours = (
        "filter parent ffff: protocol all pref 20045 u32 chain 0\n"
        f"\taction order 1: mirred (Egress Redirect to device {NAMES.device}) stolen\n"
    )
    assert ingress(ours, ifb, classes) == Limit(4_000_000, ours=True, foreign=None)
    assert ingress("", ifb, classes) == Limit(None, ours=True, foreign=None)
    assert ingress("", []).foreign == "qdisc ingress ffff: on ag1"
    police = "filter parent ffff: protocol ip pref 49152 basic chain 0\n"
    assert ingress(ours + police, ifb, classes).foreign == "filter pref 49152 basic on ag1"
    assert ingress(ours.replace(NAMES.device, "ifb0"), ifb, classes).foreign == "redirect to ifb0 on ag1"


def test_everything_beneath_the_sessions_port_is_the_management_path() -> None:
    links = [
        {"ifname": "eth0", "master": "bond0"},
        {"ifname": "eth1", "master": "bond0"},
        {"ifname": "bond0", "master": "br0"},
        {"ifname": "br0"},
        {"ifname": "br0.7", "link": "br0", "flags": ["UP"]},
        {"ifname": "eth2"},
    ]
    route = [{"dst": "10.0.0.1", "dev": "br0.7", "flags": []}]
    ports = TC.management([json.dumps(route), json.dumps(links)])
    assert ports == {"br0.7", "br0", "bond0", "eth0", "eth1"}
    with pytest.raises(AnswerUnreadableError, match="iproute2 with -j"):
        TC.management(["10.0.0.1 dev eth0", ""])


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ("i1.armed\ni1.undo", Armed.ARMED),
        ("i1.fired\ni1.undo", Armed.FIRED),
        ("i1.firing\ni1.undo", Armed.UNKNOWN),
        ("i1.confirmed\ni1.undo", Armed.UNARMED),
        ("i2.armed\ni11.armed", Armed.UNARMED),
        ("", Armed.UNARMED),
    ],
)
def test_the_files_of_an_undo_tell_its_state(files: str, state: Armed) -> None:
    assert TC.armed([files], "i1") is state


def test_a_port_is_read_from_ip_and_from_routeros() -> None:
    link = [{"ifname": "ag1", "ifalias": "contract 12", "address": "AA:bb:cc:dd:ee:ff"}]
    assert TC.identity([json.dumps(link)]) == PortIdentity("ag1", "contract 12", "aa:bb:cc:dd:ee:ff")
    assert TC.identity([""]) is None
    said = "name=ether2\r\nmac=AA:BB:CC:DD:EE:FF\r\nalias=line 1\r\nmac=00:00:00:00:00:00\r\n"
    assert SIMPLE.identity([said]) == PortIdentity("ether2", "line 1", "aa:bb:cc:dd:ee:ff")
    assert SIMPLE.identity(["name=pppoe1\nmac=\nalias="]) == PortIdentity("pppoe1", "", "")
    assert SIMPLE.identity([""]) is None


@pytest.mark.parametrize(
    ("said", "ports"),
    [
        ("session=10.9.0.7\nroute=10.9.0.0/24\nvia=ether1\nvia=\nvia=ether1", {"ether1"}),
        ("session=10.9.0.7\nroute=0.0.0.0/0\nvia=10.0.0.1%ether5\nvia=\nvia=10.0.0.1", {"ether5"}),
        ("session=10.9.0.7\nroute=0.0.0.0/0\nvia=\nvia=10.0.0.1 reachable via  ether5\nvia=10.0.0.1", {"ether5"}),
        (
            (
                "session=10.9.0.7\nroute=0.0.0.0/0\nvia=10.0.0.1%ether5\nvia=\nvia=\n"
                "route=10.9.0.0/24\nvia=vlan7\nvia=\nvia=vlan7\n"
                "session=10.8.0.7\nroute=0.0.0.0/0\nvia=10.0.0.1%ether9\nvia=\nvia="
            ),
            {"vlan7", "bridge1", "ether1", "ether2", "ether9"},
        ),
        ("session=10.9.0.7\nroute=0.0.0.0/0\nvia=10.0.0.1%ether5;10.1.0.1%ether6\nvia=\nvia=", {"ether5", "ether6"}),
        (
            (
                "session=10.9.0.7\nroute=0.0.0.0/0\nvia=\n"
                "via=10.0.0.1 reachable via  ether5;10.1.0.1 reachable via  ether6\nvia=10.0.0.1;10.1.0.1"
            ),
            {"ether5", "ether6"},
        ),
        (
            "session=10.9.0.7\nroute=0.0.0.0/0\nvia=10.0.0.1%ether5@main\nvia=\nvia=10.0.0.1",
            {"ether5", "ether5@main"},
        ),
        ("session=10.9.0.7", set()),
        ("", set()),
    ],
)
def test_routeros_sessions_are_followed_along_their_longest_routes(said: str, ports: set[str]) -> None:
    lower = ["upper=vlan7\nlower=bridge1", "upper=bridge1\nlower=ether1\nupper=bridge1\nlower=ether2", ""]
    assert SIMPLE.management([said, *lower]) == ports


def queue(max_limit: str, target: str = "ether2", disabled: str = "false", comment: str = "netmon") -> str:
    return f"target={target}\nmax-limit={max_limit}\ndisabled={disabled}\ncomment={comment}\n"


@pytest.mark.parametrize(
    ("said", "ingress_bps", "egress_bps"),
    [
        ("", None, None),
        (queue("4000000/8000000"), 4_000_000, 8_000_000),
        (queue("4M/1500k"), 4_000_000, 1_500_000),
        (queue("1.5G/10G"), 1_500_000_000, 10_000_000_000),
        (queue("0/8M"), None, 8_000_000),
        (queue("4M/8M", disabled="true"), None, None),
    ],
)
def test_max_limit_is_what_enters_then_what_leaves_the_port(
    said: str, ingress_bps: int | None, egress_bps: int | None
) -> None:
    state = SIMPLE.state([said], [], NAMES, "ether2")
    assert (state.ingress.bps, state.egress.bps) == (ingress_bps, egress_bps)
    assert state.ingress.foreign is None


@pytest.mark.parametrize("said", [queue("4M/8M", target="ether3"), queue("4M/8M", comment="mine"), queue("1/1") * 2])
def test_a_queue_of_our_name_that_is_not_ours_is_foreign(said: str) -> None:
    assert NAMES.object in str(SIMPLE.state([said], [], NAMES, "ether2").egress.foreign)


@pytest.mark.parametrize(
    ("queues", "trees", "foreign"),
    [
        ("", "", None),
        ("queue=a\ntarget=ether3\ndst=", "", None),
        ("queue=a\ntarget=ether3\ndst=ether2", "", "simple queue a"),
        ("queue=a\ntarget=ether3,ether2\ndst=", "", "simple queue a"),
        ("queue=a\ntarget=10.10.1.7/32\ndst=", "", "simple queue a"),
        ("queue=a\ntarget=0.0.0.0/0\ndst=", "", "simple queue a"),
        ("queue=a\ntarget=fd00::/64\ndst=", "", None),
        ("", "tree=t\nparent=ether2\nmax-limit=0", "queue tree t"),
        ("", "tree=t\nparent=global\nmax-limit=0", None),
        ("", "tree=t\nparent=global\nmax-limit=5000000", "queue tree t"),
    ],
)
def test_queues_that_overlap_the_port_are_foreign(queues: str, trees: str, foreign: str | None) -> None:
    others = [queues, trees, "address=10.10.1.1/24", "fasttrack=0"]
    state = SIMPLE.state([""], others, NAMES, "ether2")
    assert (state.egress.foreign, state.warnings) == (foreign, ())


def layer(*pairs: tuple[str, str]) -> str:
    return "".join(f"upper={upper}\nlower={lower}\n" for upper, lower in pairs)


BRIDGES = [layer(("bridge1", "ether3")), layer(("bridge1", "ether3"), ("bridge1", "ether4"))]


@pytest.mark.parametrize(
    ("on", "bridges", "foreign"),
    [
        ("bridge1", BRIDGES[0], "boss on bridge1"),
        ("ether3", BRIDGES[0], "boss on ether3"),
        ("ether3", BRIDGES[1], None),
        ("vlan200", BRIDGES[0], None),
        ("vlan5", BRIDGES[0], "boss on vlan5"),
    ],
)
def test_what_shapes_the_port_of_a_vlan_is_named_with_its_place(on: str, bridges: str, foreign: str | None) -> None:
    vlans = layer(("vlan100", "bridge1"), ("vlan200", "bridge1"), ("vlan5", "vlan100"))
    answers = ["", f"tree=boss\nparent={on}\nmax-limit=1M", "", "fasttrack=0", "", vlans, bridges, ""]
    assert SIMPLE.state([""], answers, NAMES, "vlan100").egress.foreign == (foreign and f"queue tree {foreign}")
    answers[0] = f"queue=boss\ntarget={on}\ndst=\nmax-limit=1M/1M"
    answers[1] = ""
    assert SIMPLE.state([""], answers, NAMES, "vlan100").ingress.foreign == (foreign and f"simple queue {foreign}")


def test_a_tree_of_ours_on_the_port_of_a_vlan_is_told_as_ours() -> None:
    trees = "tree=NM-0A1B2C3D-DINKES.egress\nparent=ether3\nmax-limit=1M"
    state = SIMPLE.state([""], ["", trees, "", "fasttrack=0", "", layer(("v1", "ether3"))], NAMES, "v1")
    assert (state.egress.foreign, state.foreigners) == (None, ())
    assert state.nested == (Ours("NM-0A1B2C3D-DINKES", "ether3", Way.EGRESS, None),)


def test_a_max_limit_that_cannot_be_read_is_not_guessed() -> None:
    for text in ("", "fast/slow", "8M"):
        with pytest.raises(AnswerUnreadableError, match="RouterOS wrote"):
            SIMPLE.state([queue(text)], [], NAMES, "ether2")
    with pytest.raises(AnswerUnreadableError, match="armed"):
        SIMPLE.armed(["", ""], "i1")
    assert SIMPLE.armed(["armed=0", "fired=1"], "i1") is Armed.FIRED


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("netmon:office:12", Owner("office", 12)),
        ("description netmon:b-1.x_2:0 ", Owner("b-1.x_2", 0)),
        ('"netmon:office:12";', Owner("office", 12)),
        ("xnetmon:office:12", None),
        ("netmon:office:12x", None),
        ("netmon:office:-1", None),
        ("netmon:an office:1", None),
        ("netmon:office:" + "9" * 19, None),
        ("", None),
    ],
)
def test_a_marker_is_read_whole_or_not_at_all(text: str, owner: Owner | None) -> None:
    assert owner_in(text) == owner
    if owner is not None:
        assert owner_in(owner.marker) == owner


def test_every_parser_that_a_dialect_may_name_is_there() -> None:
    for name in READBACKS:
        assert callable(readback_named(name).state)


def test_a_marker_that_is_none_is_not_taken_for_nobodys() -> None:
    assert TC.owner([""]) is None
    assert TC.owner(["netmon:office:3\n"]) == Owner("office", 3)
    assert SIMPLE.owner([""]) is None
    assert SIMPLE.owner(["marker=netmon:office:3"]) == Owner("office", 3)
    with pytest.raises(AnswerUnreadableError, match="no marker"):
        TC.owner(["someone was here"])
    with pytest.raises(AnswerUnreadableError, match="no marker"):
        SIMPLE.owner(["marker=mine"])


def test_who_else_configures_is_told_or_the_answer_is_refused() -> None:
    assert TC.others([]) is None
    assert SIMPLE.others(["unconfirmed=0"]) is None
    assert "safe mode" in str(SIMPLE.others(["unconfirmed=2"]))
    with pytest.raises(AnswerUnreadableError, match="unconfirmed"):
        SIMPLE.others([""])


@pytest.mark.parametrize(
    ("ends", "expiry"),
    [
        ("", Expiry(present=False)),
        ("end=1600", Expiry(present=True, seconds_left=600)),
        ("end=1600\nend=1100", Expiry(present=True, seconds_left=100)),
        ("end=900", Expiry(present=True, seconds_left=0)),
    ],
)
def test_the_end_of_a_limit_is_told_by_the_uptime(ends: str, expiry: Expiry) -> None:
    assert TC.expiry([ends, "up=1000"], NAMES, Way.EGRESS) == expiry


def test_an_end_that_cannot_be_told_is_not_guessed() -> None:
    with pytest.raises(AnswerUnreadableError, match="how long it has been up"):
        TC.expiry(["end=1600", ""], NAMES, Way.EGRESS)
    with pytest.raises(AnswerUnreadableError, match="has an end"):
        SIMPLE.expiry([""], NAMES, Way.EGRESS)
    assert SIMPLE.expiry(["expiry=1"], NAMES, Way.EGRESS) == Expiry(present=True)
    assert SIMPLE.expiry(["expiry=0"], NAMES, Way.EGRESS) == Expiry(present=False)


def test_all_of_netmons_on_a_linux_router_is_listed_and_nobody_elses() -> None:
    shared = Names.of("port ag3")
    qdiscs = (
        "qdisc noqueue 0: dev lo root refcnt 2\n"
        f"qdisc htb 4e4d: dev ag1 root refcnt 3 r2q 10 default 0x{NAMES.minor} direct_packets_stat 0\n"
        "qdisc htb 1: dev ag2 root refcnt 3 r2q 10 default 0x10\n"
        "qdisc htb 4e4d: dev ag3 root refcnt 3 r2q 10 default 0 direct_packets_stat 0\n"
        f"qdisc htb 4e4d: dev {NAMES.device} root refcnt 2 r2q 10 default 0x{NAMES.minor}\n"
    )
    classes = f"port=ag1\nclass htb {CLASS} root leaf 4e4e: prio 0 rate 8Mbit ceil 8Mbit burst 1b cburst 1b\nport=ag3\n"
    filters = f"port=ag1\n\taction order 1: mirred (Egress Redirect to device {NAMES.device}) stolen\n"
    links = [
        {"ifname": NAMES.device, "ifalias": NAMES.object},
        {"ifname": shared.device, "ifalias": shared.object},
        {"ifname": "nm00000000", "ifalias": NAMES.object},
        {"ifname": "ifb0", "ifalias": "NM-boss"},
    ]
    assert set(TC.ours([qdiscs, classes, filters, json.dumps(links)])) == {
        Ours(f"NM-0000{int(NAMES.minor, 16):04X}-CLASS", "ag1", Way.EGRESS, 8_000_000),
        Ours(shared.object, "ag3", Way.EGRESS, None),
        Ours(NAMES.object, "ag1", Way.INGRESS, None),
        Ours(shared.object, shared.device, Way.INGRESS, None),
    }
    assert TC.ours(["", "", "", "[]"]) == ()


def test_all_of_netmons_on_routeros_is_listed_and_nobody_elses() -> None:
    def queue_of(name: str, limit: str) -> str:
        return f"queue={name}\ntarget=ether2\nmax-limit={limit}\n"

    said = queue_of(NAMES.object, "4M/8M") + queue_of("boss", "1M/1M") + queue_of("NM-12345678-X", "0/2M")
    assert SIMPLE.ours([said]) == (
        Ours(NAMES.object, "ether2", None, None),
        Ours("NM-12345678-X", "ether2", Way.EGRESS, 2_000_000),
    )


def test_on_a_shared_port_of_routeros_the_circuits_queues_are_listed_each_way() -> None:
    trees = (
        "tree=NM-0000000A-PORT-E2.egress\npacket-mark=\nmax-limit=9M\ncomment=netmon on e2\n"
        f"tree={NAMES.object}.egress\npacket-mark={NAMES.object}.egress\nmax-limit=2000000\ncomment=netmon on e2\n"
        f"tree={NAMES.object}.ingress\npacket-mark={NAMES.object}.ingress\nmax-limit=1M\ncomment=netmon on e2\n"
        "tree=boss.egress\npacket-mark=x\nmax-limit=1M\ncomment=netmon on e2\n"
    )
    assert SimpleQueueReadback().ours(["", trees]) == (
        Ours(NAMES.object, "e2", Way.EGRESS, 2_000_000),
        Ours(NAMES.object, "e2", Way.INGRESS, 1_000_000),
    )


def test_what_shapes_a_port_is_told_as_it_would_have_to_be_put_back() -> None:
    tbf = "qdisc tbf 8001: root refcnt 2 rate 9Mbit burst 16Kb lat 50ms"
    state = TC.state([tbf, "", "", "[]", ""], [], NAMES, "ag1")
    assert state.foreigners == (Foreign("qdisc", "qdisc tbf 8001:", Way.EGRESS, tbf),)
    assert TC.state([OURS, "", "", "[]", ""], [], NAMES, "ag1").foreigners == ()
    others = ["queue=boss\ntarget=ether2\ndst=\nmax-limit=1M/1M", "", "address=10.0.0.1/24", "fasttrack=0"]
    assert SIMPLE.state([""], others, NAMES, "ether2").foreigners == (
        Foreign("simple-queue", "boss", None, "target=ether2 max-limit=1M/1M"),
    )


def test_a_first_look_at_linux_tells_what_passes_by_limits() -> None:
    links = [{"ifname": "ag1", "xdp": {"mode": 1}}, {"ifname": "ag2"}]
    flows = "table inet f {\n\tflowtable ft {\n\t\thook ingress priority filter\n\t\tflags offload\n\t}\n}"
    found = TC.survey(["version=Linux 6.1", "clock=1700000000", "uid=0", json.dumps(links), flows])
    assert (found.version, found.clock_ns, found.privileged) == ("Linux 6.1", 1_700_000_000 * 10**9, True)
    assert [warning.split()[0] for warning in found.warnings] == ["ag1", "a"]
    unknown = TC.survey(["", "", "uid=1000", "[]", ""])
    assert (unknown.version, unknown.clock_ns, unknown.privileged, unknown.warnings) == ("", None, False, ())


@pytest.mark.parametrize(
    ("clock", "clock_s"),
    [
        ("date=2023-11-15\ntime=05:13:20\ngmt-offset=25200", 1_700_000_000),
        ("date=nov/15/2023\ntime=05:13:20\ngmt-offset=+07:00", 1_700_000_000),
        ("date=2023-11-14\ntime=17:13:20\ngmt-offset=4294949296", 1_700_000_000),
        ("date=2023-11-15\ntime=05:13:20\ngmt-offset=somewhere", None),
        ("date=yesterday\ntime=05:13:20\ngmt-offset=0", None),
        ("", None),
    ],
)
def test_the_clock_of_either_routeros_is_read(clock: str, clock_s: int | None) -> None:
    assert SIMPLE.survey([clock]).clock_ns == (None if clock_s is None else clock_s * 10**9)


def test_a_first_look_at_routeros_tells_rights_and_what_passes_by_queues() -> None:
    said = ["version=7.16 (stable)", "policy=read;write;policy;test;ssh", "fasttrack=1"]
    found = SIMPLE.survey([*said, "bridge-offload=ether3", "routing-offload=switch1"])
    assert (found.version, found.privileged) == ("7.16 (stable)", True)
    assert [warning.split()[0] for warning in found.warnings] == ["FastTrack", "ether3", "switch1"]
    assert SIMPLE.survey(["policy=read,ssh"]).privileged is False
    assert SIMPLE.survey([""]).privileged is None


@pytest.mark.parametrize("trouble", [IndexError("tuple index out of range"), KeyError("name"), ValueError("'x'")])
def test_what_a_reader_stumbles_over_is_an_answer_that_cannot_be_read(trouble: Exception) -> None:
    with pytest.raises(AnswerUnreadableError, match="junos"), readable("junos"):
        raise trouble


VOCABULARY = (
    "set firewall policer interfaces ge-0/0/1 unit 0 family inet input output qos interface eth1 egress ingress policy"
    " shaper bandwidth service-policy policy-map class class-default police cir shape average traffic-policy traffic"
    " behavior classifier car inbound outbound event-options NM-0123ABCD-X NM-OWNER netmon alias commit {} [] \n"
    " tc htb 1: root rate 8Mbit dev default 4e4d: 4e4d:10 Interface description Hardware is address bia 10.0.0.1 vty"
)
WORDS = VOCABULARY.split(" ")
TORN = st.text(
    st.sampled_from("set delete policer-NM interfaces qos car class rate 10.0.0.1 {}[]\"'=\\ \n\t#!<>"), max_size=80
)


@pytest.mark.parametrize("name", sorted(READBACKS))
@given(answers=st.lists(TORN | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=8))
def test_no_reader_fails_in_another_way_whatever_it_is_given(name: str, answers: list[str]) -> None:
    reader = readback_named(name)
    readings: list[Callable[[], object]] = [
        lambda: reader.identity(answers),
        lambda: reader.management(answers),
        lambda: reader.state(answers, answers, NAMES, "ge-0/0/1"),
        lambda: reader.armed(answers, "nm-1"),
        lambda: reader.owner(answers),
        lambda: reader.others(answers),
        lambda: reader.expiry(answers, NAMES, Way.INGRESS),
        lambda: reader.ours(answers),
        lambda: reader.survey(answers),
    ]
    for reading in readings:
        with suppress(AnswerUnreadableError), readable(name):
            reading()


@pytest.mark.parametrize(
    ("kind", "name", "named"),
    [
        ("qdisc", "qdisc tbf 8001:", "qdisc tbf 8001:"),
        ("simple-queue", "boss", "simple-queue boss"),
        ("qos car", "", "qos car"),
    ],
)
def test_a_strangers_thing_is_named_with_its_kind_once(kind: str, name: str, named: str) -> None:
    assert Foreign(kind, name, None, "").named == named
