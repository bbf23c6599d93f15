"""Floors: as far as they are wanted, before all else, and cut by a stated rule where they do not fit."""

from __future__ import annotations

from core.sharing_trees import leaf, of

from netmon.core.sharing import share
from netmon.core.sharing_tree import Node


def test_a_floor_is_part_of_the_share_not_on_top_of_it() -> None:
    assert of(leaf("a", floor=10), leaf("b"), total=40) == {"a": 20, "b": 20}


def test_a_floor_above_the_fair_share_is_met() -> None:
    assert of(leaf("a", floor=30), leaf("b"), leaf("c"), total=40) == {"a": 30, "b": 5, "c": 5}


def test_the_floor_of_an_idle_one_is_lent() -> None:
    assert of(leaf("a", 2, floor=30), leaf("b"), total=40) == {"a": 2, "b": 38}


def test_floors_come_before_priority() -> None:
    assert of(leaf("a", floor=10, priority=9), leaf("b", priority=0), total=40) == {"a": 10, "b": 30}


def test_a_nodes_floor_is_shared_below_it_by_weight() -> None:
    nodes = (Node(id="left", parent="root", floor_bps=30),)
    leaves = (leaf("l1", parent="left", weight=2), leaf("l2", parent="left"), leaf("r", weight=9))
    assert of(*leaves, total=40, nodes=nodes) == {"l1": 20, "l2": 10, "r": 10}


def test_a_nodes_floor_counts_what_its_children_are_owed_anyhow() -> None:
    nodes = (Node(id="left", parent="root", floor_bps=30),)
    leaves = (leaf("l1", parent="left", floor=25), leaf("l2", parent="left"), leaf("r", weight=9))
    assert of(*leaves, total=40, nodes=nodes) == {"l1": 25, "l2": 5, "r": 10}


def test_floors_that_do_not_fit_are_cut_in_proportion() -> None:
    shares = share([Node(id="root", parent=None, ceiling_bps=40), leaf("a", floor=60), leaf("b", floor=20)])
    assert shares.leaves() == {"a": 30, "b": 10}
    assert not shares.feasible


def test_floors_of_a_higher_class_are_not_cut_for_those_of_a_lower() -> None:
    leaves = (leaf("a", floor=30, priority=0), leaf("b", floor=30), leaf("c", floor=10))
    assert of(*leaves, total=50) == {"a": 30, "b": 15, "c": 5}


def test_only_those_that_cross_what_is_short_are_cut() -> None:
    leaves = (
        leaf("a", floor=30, crosses="up1"),
        leaf("b", floor=10, crosses="up1"),
        leaf("c", floor=40, crosses="up2"),
    )
    assert of(*leaves, total=100, up1=20, up2=50) == {"a": 15, "b": 5, "c": 50}


def test_what_one_capacity_denies_a_floor_is_left_to_others_on_the_next() -> None:
    leaves = (
        leaf("a", 10, floor=10, crosses="narrow wide"),
        leaf("b", 10, floor=10, crosses="wide"),
        leaf("other", crosses="narrow"),
    )
    assert of(*leaves, total=100, narrow=1, wide=10) == {"a": 1, "b": 9, "other": 0}


def test_what_a_node_lost_at_one_capacity_its_other_leaf_makes_up() -> None:
    nodes = (Node(id="left", parent="root", floor_bps=20),)
    leaves = (
        leaf("l1", parent="left", crosses="broken"),
        leaf("l2", parent="left"),
        leaf("r", floor=4, crosses="broken"),
        leaf("s", weight=98),
    )
    shares = of(*leaves, total=30, nodes=nodes, broken=7)
    assert shares["l1"] + shares["l2"] == 20
    assert shares["l1"] + shares["r"] == 7
    assert shares["r"] >= 2


def test_the_lowest_node_makes_up_first() -> None:
    """inner has 3 of its 6; were outer to make up its 10 first, d would have 7 and nothing were left for a2."""
    nodes = (Node(id="outer", parent="root", floor_bps=10), Node(id="inner", parent="outer", floor_bps=6))
    leaves = (
        leaf("a1", parent="inner", crosses="broken"),
        leaf("a2", parent="inner"),
        leaf("d", parent="outer", weight=9),
        leaf("elsewhere", 0, crosses="broken"),
    )
    shares = of(*leaves, total=10, nodes=nodes, broken=0)
    assert shares == {"a1": 0, "a2": 6, "d": 4, "elsewhere": 0}
