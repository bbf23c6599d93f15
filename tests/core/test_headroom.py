"""What is wanted is served first, then all that is left is dealt out: limits add up to what there is."""

from __future__ import annotations

from dataclasses import replace

from core.sharing_trees import MBPS, Province, leaf, provinces
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.headroom import Dealt, deal
from netmon.core.sharing import share
from netmon.core.sharing_tree import Leaf, Node

PLENTY = 1000 * MBPS

bounded = provinces().map(
    lambda province: Province(
        tuple(
            replace(node, ceiling_bps=PLENTY) if node.parent is None and node.ceiling_bps is None else node
            for node in province.nodes
        ),
        province.capacities,
    )
)
"""Every leaf has a bound, whatever it wants."""


def dealt(*leaves: Leaf, total: int, nodes: tuple[Node, ...] = ()) -> Dealt:
    return deal([Node(id="root", parent=None, ceiling_bps=total), *nodes, *leaves], ())


def test_what_nobody_wants_is_headroom_for_all_by_weight() -> None:
    limits = dealt(leaf("a", 10), leaf("b", 30, weight=3), total=80).limits
    assert limits.leaves() == {"a": 20, "b": 60}


def test_headroom_is_not_given_to_who_has_more_than_his_level_already() -> None:
    assert dealt(leaf("a", 60), leaf("b", 0), leaf("c", 0), total=100).limits.leaves() == {"a": 60, "b": 20, "c": 20}


def test_a_class_goes_first_for_what_it_wants_but_not_for_headroom() -> None:
    both = dealt(leaf("hospital", 20, priority=0), leaf("archive", 90), total=100)
    assert both.limits.leaves() == {"archive": 80, "hospital": 20}
    both = dealt(leaf("hospital", 20, priority=0), leaf("archive", 40), total=100)
    assert both.limits.leaves() == {"archive": 50, "hospital": 50}


def test_a_floor_counts_as_wanted_though_nobody_uses_it() -> None:
    both = dealt(leaf("a", 0, floor=40), leaf("b", None), total=100)
    assert both.wanted.leaves() == {"a": 40, "b": 60}


def test_what_is_missing_to_a_nodes_floor_is_added_to_what_its_leaves_want() -> None:
    nodes = (Node(id="agency", parent="root", floor_bps=30),)
    leaves = (leaf("busy", 25, "agency"), leaf("idle", 1, "agency"), leaf("other", None))
    both = dealt(*leaves, total=40, nodes=nodes)
    assert both.wanted.leaves() == {"busy": 25, "idle": 5, "other": 10}
    assert both.wanted["agency"] == 30


def test_a_floor_is_wanted_no_more_than_its_leaves_may_have() -> None:
    nodes = (Node(id="agency", parent="root", floor_bps=30),)
    both = dealt(leaf("narrow", 1, "agency", ceiling=5), leaf("other", None), total=40, nodes=nodes)
    assert both.wanted.leaves() == {"narrow": 5, "other": 35}


@given(bounded)
@settings(max_examples=300)
def test_limits_are_what_share_gives_with_the_first_result_as_floors(province: Province) -> None:
    both = deal(province.nodes, province.capacities)
    again = [
        replace(node, floor_bps=both.wanted[node.id], demand_bps=None, priority=None)
        if isinstance(node, Leaf)
        else replace(node, floor_bps=0, priority=None)
        for node in province.nodes
    ]
    assert both.limits.leaves() == share(again, province.capacities).leaves()


@given(bounded)
@settings(max_examples=300)
def test_nothing_is_exceeded_and_nothing_is_idle(province: Province) -> None:
    limits = deal(province.nodes, province.capacities).limits
    use = {c.id: sum(limits[each.id] for each in province.crossing(c.id)) for c in province.capacities}
    assert all(use[capacity.id] <= capacity.bps for capacity in province.capacities)
    assert all(node.ceiling_bps is None or limits[node.id] <= node.ceiling_bps for node in province.nodes)
    full = {capacity.id for capacity in province.capacities if use[capacity.id] == capacity.bps}
    for each in province.leaves:
        above = (each, *province.parents(each.id))
        assert each.crosses & full or any(limits[node.id] == node.ceiling_bps for node in above)


@given(bounded)
@settings(max_examples=300)
def test_nobody_has_less_than_the_first_filling_gave_and_a_lone_floor_is_met(province: Province) -> None:
    both = deal(province.nodes, province.capacities)
    assert all(both.limits[each.id] >= both.wanted[each.id] for each in province.leaves)
    if both.wanted.feasible:
        for each in province.leaves:
            assert both.wanted[each.id] >= each.floor_bps


@given(bounded, st.data())
def test_who_wants_more_of_what_was_free_alters_nobodys_first_share(province: Province, data: st.DataObject) -> None:
    """Noise in demand above the share moves no limit of the first filling."""
    both = deal(province.nodes, province.capacities)
    one = data.draw(st.sampled_from(province.leaves))
    assert one.demand_bps is not None
    if both.wanted[one.id] < one.demand_bps - 8:
        more = province.with_demands({one.id: one.demand_bps + data.draw(st.integers(0, 100))})
        assert deal(more.nodes, more.capacities).limits.leaves() == both.limits.leaves()
