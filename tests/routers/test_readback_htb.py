"""A port that several circuits share, read from what iproute2 6.1 prints of it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.code_points import Packets, blocks
from netmon.core.model import Placement, Tier
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Sharing
from netmon.routers.readback_htb import ANY, HtbReadback, expected, tier_minor
from netmon.routers.readbacks import Limit

MBPS = 1_000_000
MINE, OTHER, DISTRICT = Names.of("mine").minor, Names.of("other").minor, tier_minor("district")
SHARED = Sharing(("10.11.0.0/24", "2001:db8:1::/48"), ("mine", "other"), ("district",))
DEVICE, ALIAS = Names.of("port ag1").device, Names.of("port ag1").object
SIDES = {Way.EGRESS: "dst", Way.INGRESS: "src"}
ROOT = "qdisc htb 4e4d: root refcnt 3 r2q 10 default 0 direct_packets_stat 0 direct_qlen 1000\n"
IDLE = "qdisc noqueue 0: root refcnt 2\n"
HOOK = "qdisc ingress ffff: parent ffff:fff1 ----------------\n"
DETAIL = "linklayer ethernet burst 16000b/1 mpu 0b cburst 20000b/1 mpu 0b level"
TIERS = (
    f"class htb 4e4d:1 root rate 8Mbit ceil 8Mbit {DETAIL} 7 \n"
    f"class htb 4e4d:{DISTRICT} parent 4e4d:1 rate 6Mbit ceil 7Mbit {DETAIL} 6 \n"
)


def a_class(minor: str, floor: str = "6Mbit", parent: str = DISTRICT) -> str:
    return (
        f"class htb 4e4d:{minor} parent 4e4d:{parent} leaf {minor}: prio 5 quantum 4542 rate {floor} ceil 7Mbit"
        f" {DETAIL} 0 \n"
    )


def a_leaf(minor: str) -> str:
    return f"qdisc bfifo {minor}: parent 4e4d:{minor} limit 100000b\n"


def filters(minor: str, *matches: Sequence[str], pref: int | None = None) -> str:
    head = f"filter parent 4e4d: protocol all pref {int(minor, 16) if pref is None else pref} u32 chain 0"
    shown = [f"{head} ", f"{head} fh 800: ht divisor 1 "]
    for at, words in enumerate(matches):
        shown.append(f"{head} fh 800::80{at} order {2048 + at} key ht 800 bkt 0 *flowid 4e4d:{minor} not_in_hw ")
        shown += [f"  match {word}" for word in words]
    return "".join(line + "\n" for line in shown)


FOUR = ("40000000/f0000000 at 0", "0a0b0000/ffffff00 at 16")
SIX = ("60000000/f0000000 at 0", "20010db8/ffffffff at 24", "00010000/ffff0000 at 28")
FOUR_FROM = ("40000000/f0000000 at 0", "0a0b0000/ffffff00 at 12")
SIX_FROM = ("60000000/f0000000 at 0", "20010db8/ffffffff at 8", "00010000/ffff0000 at 12")
COMPLETE = ROOT + a_leaf(MINE), TIERS + a_class(MINE), filters(MINE, FOUR, SIX)
PLACED = Placement(6 * MBPS, 3, 5, (Tier(None, 8 * MBPS, 8 * MBPS), Tier("district", 7 * MBPS, 6 * MBPS)))


def egress(qdiscs: str = IDLE, classes: str = "", shown: str = "", shared: Sharing = SHARED) -> Limit:
    answers = [qdiscs, classes, shown, "", "[]", "", "", ""]
    return HtbReadback("mine", shared, "ag1").state(answers, SIDES).egress


def ingress(shown: str, device: dict[str, str], tree: Sequence[str] = ("", "", "")) -> Limit:
    answers = [IDLE + HOOK, "", "", shown, json.dumps([device] if device else []), *tree]
    return HtbReadback("mine", SHARED, "ag1").state(answers, SIDES).ingress


def test_a_circuits_class_is_read_with_all_above_it() -> None:
    limit = egress(*COMPLETE)
    assert (limit.bps, limit.ours, limit.foreign, limit.placement) == (7 * MBPS, True, None, PLACED)
    assert (limit.tiers, limit.tier_parents) == (PLACED.above, (None, None))


def test_a_port_without_any_hierarchy_has_no_limit_and_no_stranger() -> None:
    assert egress() == Limit(None, ours=False, foreign=None)


@pytest.mark.parametrize(
    "shown",
    [
        "",
        filters(MINE, FOUR),
        filters(MINE, FOUR, FOUR_FROM),
        filters(MINE, FOUR, SIX, SIX),
        filters(MINE, FOUR, SIX[:2]),
        filters(MINE, FOUR, ("60000000/f0000000 at 0", "20010db8/ffffffff at 24", "00020000/ffff0000 at 28")),
    ],
)
def test_a_class_that_does_not_get_just_the_circuits_packets_is_no_limit(shown: str) -> None:
    limit = egress(*COMPLETE[:2], shown)
    assert (limit.bps, limit.ours, limit.foreign) == (None, True, None)


CS1_FOUR = ("40200000/f0fc0000 at 0", FOUR[1])
CS1_SIX = ("62000000/ffc00000 at 0", *SIX[1:])
ONLY_CS1 = replace(SHARED, dscp=(8,))
BUT_CS1 = replace(SHARED, excepted=(Packets("other", ("10.11.0.0/24",), (8,)),))
REST = [(f"40{value}0000/f0{mask}0000 at 0", FOUR[1]) for value, mask in
        (("00", "e0"), ("24", "fc"), ("28", "f8"), ("30", "f0"), ("40", "c0"), ("80", "80"))]  # fmt: skip


@pytest.mark.parametrize(
    ("shared", "matches", "bps"),
    [
        (ONLY_CS1, (CS1_FOUR, CS1_SIX), 7 * MBPS),
        (ONLY_CS1, (FOUR, SIX), None),
        (ONLY_CS1, (CS1_FOUR, SIX), None),
        (ONLY_CS1, (("40280000/f0fc0000 at 0", FOUR[1]), CS1_SIX), None),
        (SHARED, (CS1_FOUR, SIX), None),
        (BUT_CS1, (*REST, SIX), 7 * MBPS),
        (BUT_CS1, (*REST[1:], SIX), None),
        (BUT_CS1, (FOUR, SIX), None),
    ],
)
def test_code_points_are_read_with_the_prefixes(
    shared: Sharing, matches: Sequence[Sequence[str]], bps: int | None
) -> None:
    assert egress(*COMPLETE[:2], filters(MINE, *matches), shared).bps == bps


def test_a_neighbour_is_no_stranger_and_its_class_not_ours() -> None:
    limit = egress(ROOT + a_leaf(OTHER), TIERS + a_class(OTHER), filters(OTHER, FOUR))
    assert (limit.bps, limit.ours, limit.foreign, limit.placement) == (None, False, None, None)
    assert limit.tiers == PLACED.above


@pytest.mark.parametrize(
    ("qdiscs", "classes", "shown", "named"),
    [
        ("qdisc tbf 8001: root refcnt 2 rate 9Mbit\n", "", "", "qdisc tbf 8001: on ag1"),
        ("qdisc htb 1: root refcnt 2 default 0\n", "", "", "qdisc htb 1: on ag1"),
        (ROOT.replace("default 0 ", "default 0x10 "), "", "", "qdisc htb 4e4d: with a default class on ag1"),
        (ROOT + "qdisc sfq 9: parent 4e4d:9 limit 127p\n", TIERS, "", "qdisc sfq 9: on ag1"),
        (ROOT, TIERS + a_class("9"), "", "class 4e4d:9 on ag1"),
        (ROOT, TIERS, filters("9", FOUR), "filter pref 9 to 4e4d:9 on ag1"),
        (ROOT, TIERS, filters(OTHER, FOUR, pref=7), f"filter pref 7 to 4e4d:{OTHER} on ag1"),
        (ROOT, TIERS, "filter parent 4e4d: protocol ip pref 4 flower chain 0 \n", "filter pref 4 flower on ag1"),
        (IDLE + "qdisc clsact ffff: parent ffff:fff1\n", "", "", "qdisc clsact ffff: on ag1"),
    ],
)
def test_whatever_belongs_to_no_circuit_of_the_point_is_named(
    qdiscs: str, classes: str, shown: str, named: str
) -> None:
    assert egress(qdiscs, classes, shown).foreign == named


def test_a_class_of_an_agency_that_has_none_any_more_is_no_stranger_while_a_circuit_hangs_from_it() -> None:
    old = f"class htb 4e4d:77 parent 4e4d:1 rate 6Mbit ceil 7Mbit {DETAIL} 6 \n"
    limit = egress(ROOT + a_leaf(MINE), TIERS + old + a_class(MINE, parent="77"), filters(MINE, FOUR, SIX))
    assert (limit.bps, limit.foreign) == (7 * MBPS, None)
    assert limit.placement is not None
    assert [tier.agency for tier in limit.placement.above] == [None, "4e4d:77"]
    assert tier_minor("4e4d:77") == "77", "so that it can be put back, or taken away"
    assert egress(ROOT, TIERS + old).foreign == "class 4e4d:77 on ag1"


def test_what_enters_is_limited_only_if_it_is_sent_to_the_ports_device() -> None:
    tree = ROOT + a_leaf(MINE), TIERS + a_class(MINE), filters(MINE, FOUR_FROM, SIX_FROM)
    head = "filter protocol all pref 20045 u32 chain 0 \n"
    sent = f"{head}\taction order 1: mirred (Egress Redirect to device {DEVICE}) stolen\n"
    ours = {"ifname": DEVICE, "ifalias": ALIAS}
    assert ingress(sent, ours, tree).placement == PLACED
    assert ingress(sent, ours, tree).bps == 7 * MBPS
    assert ingress(sent, ours, COMPLETE).bps is None, "it is told by where it comes from"
    limit = ingress("", ours, tree)
    assert (limit.bps, limit.ours, limit.foreign) == (None, True, None)
    assert ingress(sent.replace(DEVICE, "ifb3"), ours, tree).foreign == "redirect to ifb3 on ag1"
    assert ingress("", {}).foreign == "qdisc ingress ffff: on ag1"
    assert ingress(sent, {"ifname": DEVICE}, tree).foreign == f"device {DEVICE} without netmon's alias on ag1"


@given(
    st.ip_addresses(), st.integers(1, 128), st.sampled_from(["src", "dst"]), st.ip_addresses(), st.integers(0, 63),
    st.frozensets(st.integers(0, 63), max_size=3),
)  # fmt: skip
def test_a_filter_compares_exactly_its_prefix_and_code_points(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    length: int,
    side: str,
    packet: ipaddress.IPv4Address | ipaddress.IPv6Address,
    point: int,
    points: frozenset[int],
) -> None:
    network = ipaddress.ip_network((address, min(length, address.max_prefixlen)), strict=False)
    for one in (packet, network.network_address, network.broadcast_address):
        start = {4: {"src": 12, "dst": 16}, 6: {"src": 8, "dst": 24}}[one.version][side]
        header = bytearray(40)
        field = point << 2 | 3  # with the two bits of ECN (RFC 3168)
        header[:2] = (one.version << 12 | (field << 4 if one.version == 6 else 5 << 8 | field)).to_bytes(2)
        header[start : start + len(one.packed)] = one.packed
        fits = sum(
            all(
                int.from_bytes(header[at : at + 4]) & int(mask, 16) == int(value, 16)
                for value, mask, at in expected(str(network), side, block)
            )
            for block in blocks(points) or (ANY,)
        )
        assert fits == (one.version == network.version and one in network and (not points or point in points))
