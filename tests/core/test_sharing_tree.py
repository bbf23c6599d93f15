"""Trees that cannot be shared are refused in one sentence; the others are put in order."""

from __future__ import annotations

import pytest
from core.sharing_trees import leaf

from netmon.core.sharing import share
from netmon.core.sharing_tree import Capacity, Leaf, Node, SharingError, Tree

ROOT = Node(id="root", parent=None, ceiling_bps=10)


@pytest.mark.parametrize(
    ("nodes", "capacities", "message"),
    [
        ([ROOT, leaf("a"), leaf("a")], [], "a is there twice; give each node and leaf an id of its own"),
        ([leaf("a")], [], "a tree has one root, this one 0: none"),
        ([], [], "a tree has one root, this one 0: none"),
        ([ROOT, Node(id="other", parent=None)], [], "a tree has one root, this one 2: other, root"),
        ([Leaf(id="a", parent=None)], [], "a is the root, and a leaf; put a node above it"),
        ([ROOT, leaf("a", parent="lost")], [], "a is below lost, which is not there"),
        ([ROOT, leaf("a"), leaf("b", parent="a")], [], "b is below a, a leaf; make a a node"),
        (
            [ROOT, Node(id="a", parent="b"), Node(id="b", parent="a")],
            [],
            "a is not below the root; its parents go round in a circle",
        ),
        ([ROOT, leaf("a", weight=0)], [], "a: weight 0 is not from 1 to 1000000"),
        ([ROOT, leaf("a", weight=1_000_001)], [], "a: weight 1000001 is not from 1 to 1000000"),
        ([ROOT, leaf("a", floor=-1)], [], "a: floor -1 bit/s; 0 is the least"),
        ([ROOT, leaf("a", floor=5, ceiling=4)], [], "a: ceiling 4 bit/s is below its floor 5; alter one of them"),
        ([ROOT, leaf("a", -1)], [], "a: demand -1 bit/s; 0 is the least, None is not known"),
        ([ROOT, leaf("a", crosses="up")], [], "a crosses up, which is not there"),
        ([ROOT], [Capacity("up", 1), Capacity("up", 2)], "capacity up is there twice; give each an id of its own"),
        ([ROOT], [Capacity("up", -1)], "capacity up is -1 bit/s; 0 is the least"),
        (
            [Node(id="root", parent=None), leaf("a")],
            [],
            "a has no bound; give it a demand, a ceiling (also of a node above), or a capacity to cross",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused(nodes: list[Node], capacities: list[Capacity], message: str) -> None:
    with pytest.raises(SharingError) as refused:
        share(nodes, capacities)
    assert str(refused.value) == message


def test_a_subtree_is_a_range_with_siblings_by_id() -> None:
    tree = Tree.of([leaf("z"), Node(id="m", parent="root"), leaf("b", parent="m"), leaf("a", parent="m"), ROOT], [])
    assert tree.ids == ["root", "m", "a", "b", "z"]
    assert tree.end == [5, 4, 3, 4, 5]
    assert tree.ancestors(2) == [1, 0]


def test_a_capacity_that_one_subtree_crosses_whole_and_alone_is_its_ceiling() -> None:
    nodes = [ROOT, Node(id="m", parent="root", ceiling_bps=9)]
    leaves = [
        leaf("a", parent="m", crosses="bh all"),
        leaf("b", parent="m", crosses="bh all"),
        leaf("z", crosses="all"),
    ]
    tree = Tree.of([*nodes, *leaves], [Capacity("bh", 5), Capacity("all", 20)])
    assert tree.ceiling[tree.position["m"]] == 5
    assert tree.closed_by == {tree.position["m"]: "bh"}
    assert set(tree.crosses) == {()}


def test_of_two_such_capacities_the_narrower_counts() -> None:
    tree = Tree.of([ROOT, leaf("a", crosses="x y")], [Capacity("x", 7), Capacity("y", 6)])
    assert tree.closed_by == {1: "y"}
    assert tree.ceiling == [10, 6]


def test_a_capacity_that_others_cross_too_stays_beside_the_tree() -> None:
    nodes = [ROOT, Node(id="m", parent="root"), leaf("a", parent="m", crosses="up"), leaf("b", parent="m")]
    tree = Tree.of([*nodes, leaf("z", crosses="up")], [Capacity("up", 5)])
    assert tree.closed_by == {}
    assert [tree.crosses[tree.position[name]] for name in "abz"] == [(0,), (), (0,)]
