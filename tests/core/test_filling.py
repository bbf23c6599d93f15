"""Priority classes in order, and capacities that are crossed beside the tree."""

from __future__ import annotations

from core.sharing_trees import MBPS, leaf, of

from netmon.core.sharing import share
from netmon.core.sharing_tree import Capacity, Node


def test_a_lower_number_is_served_first() -> None:
    assert of(leaf("a", 30, priority=0), leaf("b", 30, priority=1), total=40) == {"a": 30, "b": 10}


def test_who_states_none_has_that_of_his_parent() -> None:
    nodes = (Node(id="hospital", parent="root", priority=0), Node(id="office", parent="root"))
    leaves = (leaf("h", 30, "hospital"), leaf("o", 30, "office"), leaf("p", 30, "office", priority=1))
    assert of(*leaves, total=70, nodes=nodes) == {"h": 30, "p": 30, "o": 10}


def test_what_a_higher_class_took_counts_as_its_nodes_share() -> None:
    nodes = (Node(id="left", parent="root"), Node(id="right", parent="root"))
    leaves = (leaf("clinic", 30, "left", priority=0), leaf("l", parent="left"), leaf("r", parent="right"))
    assert of(*leaves, total=100, nodes=nodes) == {"clinic": 30, "l": 20, "r": 50}


def test_who_crosses_a_used_up_capacity_stops_and_its_siblings_go_on_before_cousins() -> None:
    nodes = (Node(id="left", parent="root"), Node(id="right", parent="root"))
    leaves = (
        leaf("l1", parent="left", crosses="up"),
        leaf("l2", parent="left"),
        leaf("r1", parent="right", crosses="up"),
        leaf("r2", parent="right"),
    )
    shares = of(*leaves, total=80 * MBPS, nodes=nodes, up=10 * MBPS)
    assert shares == {"l1": 5 * MBPS, "l2": 35 * MBPS, "r1": 5 * MBPS, "r2": 35 * MBPS}


def test_an_agency_is_not_starved_at_one_office_because_another_has_room() -> None:
    """A lexicographic optimum of the agencies' totals would give a1 nothing; progressive filling does not."""
    nodes = (Node(id="a", parent="root"), Node(id="b", parent="root"))
    leaves = (leaf("a1", parent="a", crosses="k"), leaf("a2", parent="a"), leaf("b1", parent="b", crosses="k"))
    shares = of(*leaves, total=20 * MBPS, nodes=nodes, k=9 * MBPS)
    assert shares["a1"] == 3 * MBPS
    assert shares["b1"] == 6 * MBPS
    assert shares["a2"] == 11 * MBPS


def test_a_capacity_crossed_by_one_subtree_and_no_others_is_a_ceiling_of_it() -> None:
    nodes = (Node(id="left", parent="root"),)
    leaves = (leaf("l1", parent="left", crosses="bh"), leaf("l2", parent="left", crosses="bh"), leaf("r"))
    shares = share([Node(id="root", parent=None, ceiling_bps=100), *nodes, *leaves], [Capacity("bh", 11)])
    assert shares.leaves() == {"l1": 6, "l2": 5, "r": 89}
    assert shares["left"] == 11


def test_what_rounding_leaves_of_a_used_up_capacity_goes_by_id() -> None:
    leaves = (leaf("b", crosses="up"), leaf("a", crosses="up"), leaf("c", 50))
    assert of(*leaves, total=100, up=7) == {"a": 4, "b": 3, "c": 50}


def test_rounding_gives_nobody_what_his_capacity_does_not_have() -> None:
    """Each would have 3.5, and the first two by id 4; but both cross 7."""
    leaves = (leaf("a", crosses="up"), leaf("b", crosses="up"), leaf("c"), leaf("d"))
    assert of(*leaves, total=14, up=7) == {"a": 3, "b": 3, "c": 4, "d": 4}


def test_who_is_held_at_a_whole_share_has_all_of_it() -> None:
    """up is used up where c has 26, and the root then has 35 and two thirds."""
    leaves = (leaf("a", 10), leaf("b", 1, crosses="up"), leaf("c", 27, weight=3, crosses="up"))
    assert of(*leaves, total=36, up=27) == {"a": 9, "b": 1, "c": 26}
