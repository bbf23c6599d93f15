"""Why a leaf has what it has can be told, and worked out again from what is told."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from core.sharing_trees import MBPS, Province, leaf, provinces
from hypothesis import given

from netmon.core.sharing_account import Standpoint, Step, Stop, account
from netmon.core.sharing_tree import Capacity, Leaf, Node


def province(*leaves: Leaf, total: int = 80 * MBPS, nodes: tuple[Node, ...] = (), **capacities: int) -> Province:
    root = Node(id="root", parent=None, ceiling_bps=total)
    return Province((root, *nodes, *leaves), tuple(Capacity(name, bps) for name, bps in capacities.items()))


def test_the_arithmetic_of_a_fair_share() -> None:
    """80 Mb/s: l1 wants 5, so left's other office has the rest of its half."""
    nodes = (Node(id="left", parent="root", weight=3), Node(id="right", parent="root"))
    leaves = (leaf("l1", 5 * MBPS, "left"), leaf("l2", None, "left", weight=2), leaf("r", None, "right"))
    told = account(province(*leaves, nodes=nodes).shared(), "l2")
    assert told.share_bps == 55 * MBPS
    assert told.demand_bps is None
    assert told.stop is Stop.CEILING
    assert told.stopped_by == "root"
    assert told.steps == [
        Step(
            node="root",
            node_bps=80 * MBPS,
            child="left",
            child_bps=60 * MBPS,
            weight=3,
            standpoint=Standpoint.LEVEL,
            fixed_bps=0,
            rising_weight=4,
            level=Fraction(20 * MBPS),
            rounding_bps=0,
        ),
        Step(
            node="left",
            node_bps=60 * MBPS,
            child="l2",
            child_bps=55 * MBPS,
            weight=2,
            standpoint=Standpoint.LEVEL,
            fixed_bps=5 * MBPS,
            rising_weight=2,
            level=Fraction(55 * MBPS, 2),
            rounding_bps=0,
        ),
    ]


def test_who_has_his_demand_is_stopped_by_it() -> None:
    told = account(province(leaf("a", MBPS), leaf("b")).shared(), "a")
    assert (told.stop, told.stopped_by, told.steps[0].standpoint) == (Stop.DEMAND, "a", Standpoint.FULL)


def test_who_has_his_ceiling_is_stopped_by_it() -> None:
    told = account(province(leaf("a", ceiling=MBPS), leaf("b")).shared(), "a")
    assert (told.stop, told.stopped_by) == (Stop.CEILING, "a")


def test_a_used_up_uplink_is_named() -> None:
    leaves = (leaf("a", crosses="up"), leaf("b"), leaf("c", crosses="up"))
    told = account(province(*leaves, up=7 * MBPS).shared(), "a")
    assert (told.stop, told.stopped_by, told.share_bps) == (Stop.CAPACITY, "up", 7 * MBPS // 2)
    assert told.steps[0].standpoint is Standpoint.HELD


def test_a_backhaul_that_is_a_ceiling_of_one_district_is_named_all_the_same() -> None:
    nodes = (Node(id="east", parent="root"),)
    leaves = (leaf("a", None, "east", crosses="bh"), leaf("b", None, "east", crosses="bh"), leaf("c"))
    told = account(province(*leaves, nodes=nodes, bh=8 * MBPS).shared(), "a")
    assert (told.stop, told.stopped_by, told.share_bps) == (Stop.CAPACITY, "bh", 4 * MBPS)


def test_a_capacity_that_it_alone_could_fill_is_named() -> None:
    leaves = (leaf("a", crosses="up"), leaf("b", 0, crosses="up"), leaf("c"))
    told = account(province(*leaves, up=7 * MBPS).shared(), "a")
    assert (told.stop, told.stopped_by, told.share_bps) == (Stop.CAPACITY, "up", 7 * MBPS)


def test_who_has_more_by_his_floor_than_the_level_is_ahead() -> None:
    told = account(province(leaf("a", floor=50 * MBPS), leaf("b"), leaf("c")).shared(), "a")
    assert (told.owed_bps, told.floor_bps, told.share_bps) == (50 * MBPS, 50 * MBPS, 50 * MBPS)
    assert told.steps[0].standpoint is Standpoint.AHEAD
    assert told.steps[0].level == 15 * MBPS


def test_a_floor_that_was_cut_is_told_beside_what_was_owed() -> None:
    told = account(province(leaf("a", floor=90 * MBPS), leaf("b", floor=30 * MBPS)).shared(), "a")
    assert (told.owed_bps, told.floor_bps) == (90 * MBPS, 60 * MBPS)


def test_a_class_that_comes_too_late_is_stopped_by_what_was_used_up_before() -> None:
    nodes = (Node(id="hospital", parent="root", priority=0),)
    told = account(province(leaf("h", None, "hospital"), leaf("archive"), nodes=nodes).shared(), "archive")
    assert (told.share_bps, told.priority, told.stop, told.stopped_by) == (0, 5, Stop.CEILING, "root")


@pytest.mark.parametrize("name", ["root", "nobody"])
def test_only_leaves_have_an_account(name: str) -> None:
    with pytest.raises(KeyError):
        account(province(leaf("a")).shared(), name)


@given(provinces())
def test_every_share_can_be_worked_out_again(given_province: Province) -> None:
    shares = given_province.shared()
    for each in given_province.leaves:
        told = account(shares, each.id)
        assert told.share_bps == shares[each.id]
        assert told.floor_bps <= told.share_bps <= told.most_bps
        assert told.steps[-1].child_bps == told.share_bps
        for above, below in pairwise(told.steps):
            assert (above.child, above.child_bps) == (below.node, below.node_bps)
        for step in told.steps:
            if step.level is not None:
                assert step.level == Fraction(step.node_bps - step.fixed_bps, step.rising_weight)
            if step.standpoint is Standpoint.LEVEL:
                assert step.level is not None
                assert step.child_bps == int(step.weight * step.level) + step.rounding_bps
                assert step.rounding_bps in {0, 1}


@given(provinces())
def test_what_stopped_a_leaf_is_used_up(given_province: Province) -> None:
    """Once its class had been served; what is used up then stays so. Rounding leaves less than 1 bit/s a leaf."""
    shares = given_province.shared()
    for each in given_province.leaves:
        told = account(shares, each.id)
        if told.stop is Stop.DEMAND:
            assert told.share_bps == told.demand_bps
        elif told.stop is Stop.CEILING:
            node = next(node for node in given_province.nodes if node.id == told.stopped_by)
            assert shares[node.id] == node.ceiling_bps
        else:
            capacity = next(capacity for capacity in given_province.capacities if capacity.id == told.stopped_by)
            assert capacity.id in each.crosses
            crossing = given_province.crossing(capacity.id)
            assert 0 <= capacity.bps - sum(shares[leaf.id] for leaf in crossing) < len(crossing)
