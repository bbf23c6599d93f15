"""How scarce capacity is shared: the rules by example, and the examples of the literature."""

from __future__ import annotations

from fractions import Fraction

import pytest
from core.sharing_trees import MBPS, Province, leaf, of
from support.fairness import jain_index

from netmon.core.sharing import share
from netmon.core.sharing_tree import Node

GBPS = 1000 * MBPS


def test_alike_leaves_have_alike_shares() -> None:
    assert of(leaf("a"), leaf("b"), leaf("c"), total=30) == {"a": 10, "b": 10, "c": 10}


def test_what_does_not_divide_evenly_goes_to_the_first_by_id() -> None:
    assert of(leaf("c"), leaf("b"), leaf("a"), total=32) == {"a": 11, "b": 11, "c": 10}


def test_shares_are_as_the_weights() -> None:
    assert of(leaf("a", weight=1), leaf("b", weight=3), total=40) == {"a": 10, "b": 30}


def test_what_one_does_not_want_its_siblings_get_by_weight() -> None:
    assert of(leaf("a", 4), leaf("b", weight=1), leaf("c", weight=2), total=40) == {"a": 4, "b": 12, "c": 24}


def test_where_all_is_wanted_less_than_there_is_everybody_has_his_demand() -> None:
    assert of(leaf("a", 4), leaf("b", 5), total=40) == {"a": 4, "b": 5}


def test_a_ceiling_is_kept_though_capacity_stays_idle() -> None:
    assert of(leaf("a", ceiling=4), leaf("b", 5), total=40) == {"a": 4, "b": 5}


def test_a_childs_weight_competes_with_its_siblings_only() -> None:
    nodes = (Node(id="big", parent="root"), Node(id="small", parent="root"))
    crowd = [leaf(f"b{number}", parent="big", weight=9) for number in range(4)]
    shares = of(*crowd, leaf("s", parent="small"), total=80, nodes=nodes)
    assert shares == {"b0": 10, "b1": 10, "b2": 10, "b3": 10, "s": 40}


def test_unused_share_is_lent_to_siblings_before_cousins() -> None:
    nodes = (Node(id="left", parent="root"), Node(id="right", parent="root"))
    leaves = (leaf("l1", 5, "left"), leaf("l2", parent="left"), leaf("r", parent="right"))
    assert of(*leaves, total=80, nodes=nodes) == {"l1": 5, "l2": 35, "r": 40}


def test_what_the_siblings_do_not_want_either_goes_to_the_cousins() -> None:
    nodes = (Node(id="left", parent="root"), Node(id="right", parent="root"))
    leaves = (leaf("l1", 5, "left"), leaf("l2", 10, "left"), leaf("r", parent="right"))
    assert of(*leaves, total=80, nodes=nodes) == {"l1": 5, "l2": 10, "r": 65}


def test_the_children_of_a_node_do_not_exceed_its_ceiling() -> None:
    nodes = (Node(id="left", parent="root", ceiling_bps=30),)
    leaves = (leaf("l1", parent="left"), leaf("l2", parent="left"), leaf("r"))
    assert of(*leaves, total=80, nodes=nodes) == {"l1": 15, "l2": 15, "r": 50}


class TestPublished:
    def test_bertsekas_and_gallager_example_network(self) -> None:
        """Data Networks (2nd ed., 1992), section 6.5.2, the example network: every arc has capacity 1.

        Arc (2,3) is the bottleneck of sessions 2, 3 and 5, (3,5) that of 1, (4,5) that of 4; (1,3) is nobody's, a
        third of it stays idle.
        """
        leaves = (
            leaf("1", crosses="arc13 arc35"),
            leaf("2", crosses="arc23"),
            leaf("3", crosses="arc23"),
            leaf("4", crosses="arc45"),
            leaf("5", crosses="arc23 arc35"),
        )
        third = 10**9
        one = 3 * third
        shares = of(*leaves, total=99 * third, nodes=(), arc13=one, arc23=one, arc35=one, arc45=one)
        assert shares == {"1": 2 * third, "2": third, "3": third, "4": 3 * third, "5": third}

    @pytest.mark.parametrize("links", [1, 2, 5, 10])
    def test_bertsekas_and_gallager_linear_network(self, links: int) -> None:
        """Section 6.5.2: one session crosses n links, one more is on each; max-min fairness gives each half a link."""
        names = [f"link{number}" for number in range(links)]
        leaves = (leaf("long", crosses=" ".join(names)), *(leaf(f"on-{name}", crosses=name) for name in names))
        shares = of(*leaves, total=10**6 * links, nodes=(), **dict.fromkeys(names, 1000))
        assert set(shares.values()) == {500}

    @pytest.mark.parametrize(
        ("link_gbps", "fg1_gbps", "fg2_gbps"),
        [("10", "0", "10"), ("25", "10", "15"), ("32.5", "12.5", "20"), ("35", "15", "20"), ("50", "15", "20")],
    )
    def test_bwe_two_flow_groups(self, link_gbps: str, fg1_gbps: str, fg2_gbps: str) -> None:
        """Kumar et al., BwE, SIGCOMM 2015, table 1 and figures 3 and 4: two bandwidth functions on one link.

        fg1 has a demand of 15 Gb/s, best effort, with weight 20 up to 10 Gb/s and 5 from there; fg2 one of 20 Gb/s:
        10 of them guaranteed, the rest best effort with weight 10. A bandwidth function that is concave within a
        class is a sum of leaves: 20 up to 10 Gb/s, then 5, is 15 up to 7.5 and 5 throughout.
        """

        def bps(gbps: str) -> int:
            return int(Fraction(gbps) * GBPS)

        fg1 = (
            leaf("fg1-first", bps("7.5"), weight=15),
            leaf("fg1-all", bps("7.5"), weight=5),
        )
        fg2 = (
            leaf("fg2-guaranteed", bps("10"), priority=0),
            leaf("fg2-best-effort", bps("10"), weight=10),
        )
        shares = of(*fg1, *fg2, total=bps(link_gbps))
        assert shares["fg1-first"] + shares["fg1-all"] == bps(fg1_gbps)
        assert shares["fg2-guaranteed"] + shares["fg2-best-effort"] == bps(fg2_gbps)

    def test_generalised_processor_sharing_guarantees_the_weights_part(self) -> None:
        """Parekh and Gallager, 1993: a backlogged session has at least phi_i / sum(phi) of the server."""
        leaves = [leaf(f"s{phi}", weight=phi) for phi in (1, 2, 3, 4)] + [leaf("idle", 1, weight=10)]
        shares = of(*leaves, total=2000)
        assert all(shares[f"s{phi}"] >= 2000 * phi // 20 for phi in (1, 2, 3, 4))
        assert shares["s4"] in (799, 800)


class TestJain:
    """Jain, Chiu and Hawe, DEC-TR-301, 1984."""

    def test_alike_shares_are_1(self) -> None:
        assert jain_index([7, 7, 7], [1, 1, 1]) == 1

    def test_where_k_of_n_share_alike_and_the_rest_have_nothing_it_is_k_of_n(self) -> None:
        assert jain_index([5, 5, 0, 0, 0], [1] * 5) == Fraction(2, 5)

    def test_shares_as_the_weights_are_1(self) -> None:
        assert jain_index([10, 30], [1, 3]) == 1

    def test_it_is_exact(self) -> None:
        assert jain_index([1, 2, 3], [1, 1, 1]) == Fraction(36, 42)

    def test_where_nobody_has_anything_it_is_1(self) -> None:
        assert jain_index([0, 0], [1, 2]) == 1
        assert jain_index([], []) == 1


def test_the_example_of_the_documentation() -> None:
    """docs/sharing.md; every figure there."""
    nodes = (
        Node(id="health", parent="root", weight=3),
        Node(id="registry", parent="root", weight=2, floor_bps=30 * MBPS),
        Node(id="archive", parent="root"),
    )
    leaves = (
        leaf("hospital", 25 * MBPS, "health", priority=0),
        leaf("clinic-a", None, "health", crosses="radio"),
        leaf("clinic-b", None, "health"),
        leaf("office", 18 * MBPS, "registry"),
        leaf("reading-room", None, "archive"),
        leaf("store", None, "archive", crosses="radio"),
    )
    assert of(*leaves, total=100 * MBPS, nodes=nodes, radio=6 * MBPS) == {
        "hospital": 25_000_000,
        "clinic-a": 1_375_000,
        "clinic-b": 35_125_000,
        "office": 18_000_000,
        "reading-room": 15_875_000,
        "store": 4_625_000,
    }


def test_a_node_has_the_sum_of_its_leaves() -> None:
    province = Province(
        (
            Node(id="root", parent=None, ceiling_bps=50),
            Node(id="left", parent="root"),
            leaf("l1", 3, "left"),
            leaf("l2", 4, "left"),
            leaf("r", 100),
        )
    )
    shares = province.shared()
    assert shares.nodes() == {"root": 50, "left": 7}
    assert shares["l2"] == 4


def test_a_tree_without_leaves_has_no_shares() -> None:
    shares = share([Node(id="root", parent=None)])
    assert shares.leaves() == {}
    assert shares["root"] == 0
