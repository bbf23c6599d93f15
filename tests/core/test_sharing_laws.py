"""What holds of every tree, whatever is asked of it."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

from core.sharing_trees import MBPS, Province, flat, leaf, provinces
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.fairness import jain_index

from netmon.core.sharing import Shares
from netmon.core.sharing_tree import Leaf, Node

BITS = 8
"""What rounding to whole bit/s may make of a law of proportions."""


def most(province: Province, given: Leaf) -> int:
    """What a leaf could have if nobody else were there."""
    bounds = [node.ceiling_bps for node in (given, *province.parents(given.id))]
    bounds += [capacity.bps for capacity in province.capacities if capacity.id in given.crosses]
    return min(bound for bound in (given.demand_bps, *bounds) if bound is not None)


def wanted(province: Province, node: Node) -> int:
    """What demands and ceilings, its own and those below, would let a node have."""
    if isinstance(node, Leaf):
        return min(bound for bound in (node.demand_bps, node.ceiling_bps) if bound is not None)
    children = [child for child in province.nodes if child.parent == node.id]
    below = sum(wanted(province, child) for child in children)
    return below if node.ceiling_bps is None else min(below, node.ceiling_bps)


def used(province: Province, shares: Shares) -> dict[str, int]:
    return {
        capacity.id: sum(shares[leaf.id] for leaf in province.crossing(capacity.id)) for capacity in province.capacities
    }


@given(provinces())
@settings(max_examples=400)
def test_no_capacity_no_ceiling_and_no_demand_is_exceeded(province: Province) -> None:
    shares = province.shared()
    use = used(province, shares)
    assert all(use[capacity.id] <= capacity.bps for capacity in province.capacities)
    for node in province.nodes:
        assert node.ceiling_bps is None or shares[node.id] <= node.ceiling_bps
    for each in province.leaves:
        assert each.demand_bps is not None
        assert 0 <= shares[each.id] <= each.demand_bps


@given(provinces())
def test_a_node_has_exactly_what_its_children_have(province: Province) -> None:
    shares = province.shared()
    for node in province.nodes:
        if not isinstance(node, Leaf):
            assert shares[node.id] == sum(shares[child.id] for child in province.nodes if child.parent == node.id)


@given(provinces())
@settings(max_examples=400)
def test_nothing_is_idle_that_somebody_wants(province: Province) -> None:
    """To the last bit/s: who wants more is below a full ceiling, or crosses a full capacity."""
    shares = province.shared()
    use = used(province, shares)
    full = {capacity.id for capacity in province.capacities if use[capacity.id] == capacity.bps}
    full |= {node.id for node in province.nodes if node.ceiling_bps == shares[node.id]}
    for each in province.leaves:
        if shares[each.id] < most(province, each):
            assert full & {*each.crosses, *(node.id for node in province.parents(each.id))}


@given(provinces())
@settings(max_examples=400)
def test_floors_that_fit_are_met_as_far_as_they_are_wanted(province: Province) -> None:
    shares = province.shared()
    assume(shares.feasible)
    for node in province.nodes:
        assert shares[node.id] >= min(node.floor_bps, wanted(province, node))


@given(provinces())
def test_floors_of_leaves_are_called_feasible_exactly_when_they_fit(province: Province) -> None:
    only_leaves = Province(
        tuple(node if isinstance(node, Leaf) else replace(node, floor_bps=0) for node in province.nodes),
        province.capacities,
    )
    owed = {leaf.id: min(leaf.floor_bps, wanted(province, leaf)) for leaf in province.leaves}
    fit = all(
        sum(owed[leaf.id] for leaf in province.crossing(capacity.id)) <= capacity.bps
        for capacity in province.capacities
    ) and all(
        node.ceiling_bps is None or sum(owed[leaf.id] for leaf in province.under(node.id)) <= node.ceiling_bps
        for node in province.nodes
    )
    assert only_leaves.shared().feasible == fit


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), min_size=1, max_size=8), st.integers(0, 120))
def test_floors_that_do_not_fit_are_cut_class_by_class_in_proportion(floors: list[tuple[int, int]], had: int) -> None:
    """Against the rule written down once more: each class gets its floors times what is left over what they come to."""
    leaves = {
        f"l{number}": leaf(f"l{number}", MBPS * floor, floor=MBPS * floor, priority=priority)
        for number, (floor, priority) in enumerate(floors)
    }
    assume(sum(floor for floor, _ in floors) > had)
    shares = flat(had * MBPS, **leaves).shared()
    left = Fraction(had * MBPS)
    for number in range(4):
        mine = {name: each.floor_bps for name, each in leaves.items() if each.priority == number}
        part = min(Fraction(1), left / sum(mine.values())) if any(mine.values()) else Fraction(0)
        for name, floor in mine.items():
            assert abs(shares.floors[shares.tree.position[name]] - floor * part) < BITS
        left -= part * sum(mine.values())


@given(provinces(), st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_given_is_all_the_same(province: Province, rng: random.Random) -> None:
    nodes, capacities = list(province.nodes), list(province.capacities)
    rng.shuffle(nodes)
    rng.shuffle(capacities)
    assert Province(tuple(nodes), tuple(capacities)).shared().leaves() == province.shared().leaves()


@given(provinces(), st.data())
def test_a_demand_beyond_the_share_may_be_any_amount(province: Province, data: st.DataObject) -> None:
    before = province.shared()
    assume(before.feasible)
    censored = [each for each in province.leaves if before[each.id] + BITS <= (each.demand_bps or 0)]
    assume(censored)
    chosen = data.draw(st.sampled_from(censored))
    demand = data.draw(st.integers(before[chosen.id] + BITS, 10**9))
    assert province.with_demands({chosen.id: demand}).shared().leaves() == before.leaves()


@given(provinces(crossed=False, units=st.just(MBPS)), st.data())
def test_a_greater_weight_never_lowers_a_share_in_a_tree(province: Province, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(province.nodes))
    assume(chosen.parent is not None)
    heavier = tuple(replace(node, weight=node.weight + 3) if node is chosen else node for node in province.nodes)
    assert Province(heavier).shared()[chosen.id] >= province.shared()[chosen.id] - BITS


@given(provinces(deep=False, units=st.just(MBPS)), st.data())
def test_a_greater_weight_never_lowers_a_share_across_capacities(province: Province, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(province.leaves))
    heavier = tuple(replace(node, weight=node.weight + 3) if node is chosen else node for node in province.nodes)
    before, after = province.shared(), Province(heavier, province.capacities).shared()
    assume(before.feasible)
    assert after[chosen.id] >= before[chosen.id] - BITS


@given(provinces(deep=False, floors=False, classes=False, units=st.just(MBPS)), st.data())
@example(Province((Node(id="root", parent=None, ceiling_bps=9), leaf("a", 9), leaf("b", 9))), None)
def test_more_capacity_never_lowers_the_least_share(province: Province, data: st.DataObject | None) -> None:
    def least(given: Province) -> Fraction:
        shares = given.shared()
        return min(Fraction(shares[each.id], each.weight) for each in given.leaves)

    wider = tuple(
        replace(capacity, bps=capacity.bps + (data.draw(st.integers(0, 20)) if data else 1) * MBPS)
        for capacity in province.capacities
    )
    root = replace(province.nodes[0], ceiling_bps=None)
    assert least(Province((root, *province.nodes[1:]), wider)) >= least(province) - BITS


@given(st.integers(0, 10**12), st.lists(st.integers(1, 1000), min_size=1, max_size=20))
def test_among_those_who_want_all_shares_are_as_the_weights(total: int, weights: list[int]) -> None:
    """And what rounding leaves is 1 bit/s each, so Jain's index is as near to 1 as integers come."""
    leaves = {f"l{number:02}": leaf(f"l{number:02}", weight=weight) for number, weight in enumerate(weights)}
    shares = flat(total, **leaves).shared().leaves()
    assert sum(shares.values()) == total
    for name, each in leaves.items():
        assert 0 <= shares[name] - each.weight * total // sum(weights) <= 1
    if total > 10**6:
        assert jain_index(list(shares.values()), weights) > Fraction(999, 1000)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_jains_index_is_between_1_of_n_and_1(amounts: list[int]) -> None:
    assert Fraction(1, len(amounts)) <= jain_index(amounts, [1] * len(amounts)) <= 1
