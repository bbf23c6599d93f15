"""A port that several circuits share, read from what the RouterOS templates print of queue trees and mangle rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.core.code_points import Packets
from netmon.core.model import Placement, Tier
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Sharing
from netmon.routers.readback_queue_tree import QueueTreeReadback
from netmon.routers.readbacks import Limit, PortState
from netmon.routers.session import AnswerUnreadableError

MBPS = 1_000_000
SHARED = Sharing(("10.11.0.0/24", "10.12.0.1/32", "2001:db8:1::/48"), ("mine", "other"), ("district",))
READER = QueueTreeReadback("mine", SHARED, "sfp1")
SIDES = {Way.EGRESS: "dst", Way.INGRESS: "src"}
ROOT, DISTRICT = READER.node(None), READER.node("district")
MINE, OTHER = Names.of("mine").object, Names.of("other").object
PLACED = Placement(2 * MBPS, 0, 5, (Tier(None, 8 * MBPS, 8 * MBPS), Tier("district", 7 * MBPS, 6 * MBPS)))


def tree(name: str, parent: str, floor: str = "6M", ceiling: str = "7000000", **other: str) -> str:
    pairs = {"mark": "", "priority": "8", "disabled": "false", "comment": "netmon on sfp1", **other}
    return (
        f"tree={name}\nparent={parent}\npacket-mark={pairs['mark']}\nlimit-at={floor}\nmax-limit={ceiling}\n"
        f"priority={pairs['priority']}\ndisabled={pairs['disabled']}\ncomment={pairs['comment']}\n"
    )


def tiers(way: Way = Way.EGRESS) -> str:
    hook = "sfp1" if way is Way.EGRESS else "global"
    return tree(f"{ROOT}.{way}", hook, "8M", "8M") + tree(f"{DISTRICT}.{way}", f"{ROOT}.{way}")


def leaf(owner: str = MINE, way: Way = Way.EGRESS, parent: str = DISTRICT, **other: str) -> str:
    name = f"{owner}.{way}"
    return tree(name, f"{parent}.{way}", "2M", "7M", **{"mark": name, "priority": "6", **other})


def rule(prefix: str, owner: str = MINE, way: Way = Way.EGRESS, **other: str) -> str:
    mark, out = f"{owner}.{way}", way is Way.EGRESS
    pairs = {
        "rule": "mark-packet",
        "chain": "forward",
        "in-interface": "" if out else "sfp1",
        "out-interface": "sfp1" if out else "",
        "src-address": "" if out else prefix,
        "dst-address": prefix if out else "",
        "new-packet-mark": mark,
        "passthrough": "false",
        "disabled": "false",
        "comment": f"netmon on sfp1: {mark}",
        **{key.replace("_", "-"): value for key, value in other.items()},
    }
    return "".join(f"{key}={value}\n" for key, value in pairs.items())


FOUR = rule("10.11.0.0/24") + rule("10.12.0.1")
SIX = rule("2001:db8:1::/48")


def read(trees: str = "", four: str = "", six: str = "", simple: str = "", fasttrack: str = "0") -> PortState:
    return READER.state([trees, simple, f"fasttrack={fasttrack}\n", four, six], SIDES)


def test_a_circuits_queue_is_read_with_all_above_it() -> None:
    limit = read(tiers() + leaf(), FOUR, SIX).egress
    assert limit == Limit(7 * MBPS, True, None, PLACED, PLACED.above, (None, None))
    way = Way.INGRESS
    rules = rule("10.11.0.0/24", way=way) + rule("10.12.0.1", way=way), rule("2001:db8:1::/48", way=way)
    state = read(tiers(way) + leaf(way=way), *rules)
    assert (state.ingress, state.egress.ours) == (limit, False)


def test_a_port_without_any_hierarchy_has_no_limit_and_no_stranger() -> None:
    assert read() == PortState(Limit(None, False, None), Limit(None, False, None))


@pytest.mark.parametrize(
    ("own", "four", "six"),
    [
        (leaf(), "", ""),
        (leaf(), FOUR, ""),
        (leaf(), FOUR + rule("10.11.0.0/24"), SIX),
        (leaf(), FOUR.replace("10.11.0.0/24", "10.11.0.0/25"), SIX),
        (leaf(), FOUR.replace("passthrough=false", "passthrough=true"), SIX),
        (leaf(), FOUR.replace("chain=forward", "chain=prerouting"), SIX),
        (leaf(), FOUR.replace("out-interface=sfp1", "out-interface="), SIX),
        (leaf(), FOUR.replace("src-address=", "src-address=192.0.2.1"), SIX),
        (leaf(), FOUR, SIX.replace("disabled=false", "disabled=true")),
        (leaf(mark="else"), FOUR, SIX),
        (leaf(disabled="true"), FOUR, SIX),
    ],
)
def test_a_queue_that_does_not_get_just_the_circuits_packets_is_no_limit(own: str, four: str, six: str) -> None:
    limit = read(tiers() + own, four, six).egress
    assert (limit.bps, limit.ours, limit.foreign) == (None, True, None)


ONE = Sharing(("10.11.0.0/24", "2001:db8:1::/48"), ("mine", "other"), ("district",))
ONLY_CS1 = replace(ONE, dscp=(8,))
BUT_CS1 = replace(ONE, excepted=(Packets("other", ("10.11.0.0/24",), (8, 10)),))
THEIRS = "".join(rule("10.11.0.0/24", dscp=point, new_packet_mark=f"{OTHER}.{Way.EGRESS}") for point in ("8", "10"))
ALL_MINE = rule("10.11.0.0/24")


@pytest.mark.parametrize(
    ("shared", "four", "six", "bps"),
    [
        (ONLY_CS1, rule("10.11.0.0/24", dscp="8"), rule("2001:db8:1::/48", dscp="8"), 7 * MBPS),
        (ONLY_CS1, rule("10.11.0.0/24", dscp="8"), SIX, None),
        (ONLY_CS1, rule("10.11.0.0/24", dscp="!8"), rule("2001:db8:1::/48", dscp="8"), None),
        (ONE, rule("10.11.0.0/24", dscp="8"), SIX, None),
        (BUT_CS1, THEIRS + ALL_MINE, SIX, 7 * MBPS),
        (BUT_CS1, ALL_MINE + THEIRS, SIX, None),
        (BUT_CS1, ALL_MINE, SIX, None),
        (BUT_CS1, THEIRS.replace("dscp=8", "dscp=9") + ALL_MINE, SIX, None),
        (BUT_CS1, THEIRS.replace(f"mark={OTHER}", f"mark={MINE}") + ALL_MINE, SIX, None),
    ],
)
def test_code_points_are_read_with_the_prefixes_and_others_come_first(
    shared: Sharing, four: str, six: str, bps: int | None
) -> None:
    reader = QueueTreeReadback("mine", shared, "sfp1")
    limit = reader.state([tiers() + leaf(), "", "fasttrack=0\n", four, six], SIDES).egress
    assert (limit.bps, limit.ours, limit.foreign) == (bps, True, None)


def test_what_is_left_of_a_circuit_is_ours() -> None:
    for limit in (read(tiers(), FOUR).egress, read(leaf()).egress):
        assert (limit.bps, limit.ours, limit.foreign, limit.placement) == (None, True, None, None)


def test_a_neighbour_is_no_stranger_and_its_queue_not_ours() -> None:
    limit = read(tiers() + leaf(OTHER), rule("10.20.0.0/16", OTHER)).egress
    assert (limit.bps, limit.ours, limit.foreign, limit.tiers) == (None, False, None, PLACED.above)


def test_the_root_of_another_shared_port_is_no_stranger_though_it_hangs_from_the_same_place() -> None:
    other = QueueTreeReadback("x", SHARED, "sfp9").node(None)
    shown = tree(f"{other}.ingress", "global", comment="netmon on sfp9")
    assert read(shown).ingress.foreign is None
    assert read(shown.replace("netmon on", "by")).ingress.foreign == f"queue tree {other}.ingress on sfp1"


@pytest.mark.parametrize(
    ("shown", "named"),
    [
        ({"trees": tree("boss", "sfp1", comment="")}, "queue tree boss"),
        ({"trees": tiers() + leaf("NM-00000000-GONE")}, "queue tree NM-00000000-GONE.egress"),
        ({"trees": tiers() + tree("boss", f"{DISTRICT}.egress", comment="")}, "queue tree boss"),
        ({"trees": leaf(comment="mine now")}, f"queue tree {MINE}.egress"),
        ({"simple": "queue=boss\ntarget=10.11.0.0/16\nmax-limit=1M/1M\n"}, "simple queue boss"),
        ({"simple": "queue=boss\ntarget=192.0.2.1\ndst=sfp1\nmax-limit=1M/1M\n"}, "simple queue boss"),
        ({"four": rule("10.11.0.7", rule="accept", comment="boss")}, "mangle rule boss"),
        ({"four": rule("", rule="jump", comment="")}, "mangle rule jump in chain forward"),
        ({"four": rule("10.0.0.0/8", chain="voip", comment="boss")}, "mangle rule boss"),
        ({"four": rule("10.0.0.0/8", "NM-00000000-GONE")}, "mangle rule netmon on sfp1: NM-00000000-GONE.egress"),
        ({"six": rule("2001:db8::/32", comment="boss")}, "mangle rule boss"),
    ],
)
def test_whatever_belongs_to_no_circuit_of_the_point_is_named(shown: dict[str, str], named: str) -> None:
    state = read(**shown)
    assert state.egress.foreign == f"{named} on sfp1"
    assert state.foreigners


def test_a_rule_after_ours_in_the_chain_gets_none_of_its_packets() -> None:
    later = rule("10.11.0.0/24", comment="boss")
    assert read(tiers() + leaf(), FOUR + later, SIX).egress.bps == 7 * MBPS
    assert read(tiers() + leaf(), FOUR + later, SIX).egress.foreign is None
    assert read(tiers() + leaf(), later + FOUR, SIX).egress.foreign == "mangle rule boss on sfp1"


def test_a_queue_of_an_agency_that_has_none_any_more_is_no_stranger_while_a_circuit_hangs_from_it() -> None:
    old = tree("NM-0000000A-OLD.egress", f"{ROOT}.egress")
    limit = read(tiers() + old + leaf(parent="NM-0000000A-OLD"), FOUR, SIX).egress
    assert (limit.bps, limit.foreign) == (7 * MBPS, None)
    assert limit.placement is not None
    assert [tier.agency for tier in limit.placement.above] == [None, "queue NM-0000000A-OLD"]
    assert READER.node("queue NM-0000000A-OLD") == "NM-0000000A-OLD", "so that it can be put back, or taken away"
    assert read(tiers() + old).egress.foreign == "queue tree NM-0000000A-OLD.egress on sfp1"


def test_fasttrack_is_a_warning() -> None:
    assert read().warnings == ()
    assert "FastTrack is on" in read(fasttrack="2").warnings[0]


@pytest.mark.parametrize("broken", [tiers().replace("priority=8", "priority="), tiers().replace("8M", "fast")])
def test_what_cannot_be_read_is_told(broken: str) -> None:
    with pytest.raises(AnswerUnreadableError, match=r"RouterOS wrote a rate as 'fast'|has priority ''"):
        read(broken)
