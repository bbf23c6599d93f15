"""Max-min optimal: against a simulation in fractions on small trees, and linear programmes on larger ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from core import sharing_oracle
from core.sharing_trees import MBPS, Province, leaf, provinces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog  # type: ignore[import-untyped]

from netmon.core.sharing_tree import Capacity, Leaf, Node

BITS = 25
"""How far whole bit/s may be from the fractions: each rounding down passes up to a bit/s on to others."""
_SLACK = 1e-5
"""Mb/s by which a settled rate may be less in the next programme, lest rounding make that infeasible."""


@given(provinces(units=st.just(MBPS)))
@settings(max_examples=200, deadline=None)
def test_shares_are_those_of_a_fluid_that_rises(province: Province) -> None:
    shares = province.shared()
    ideal = sharing_oracle.shared(province.nodes, province.capacities)
    assert max(abs(shares[name] - rate) for name, rate in ideal.items()) <= BITS


@dataclass
class Programme:
    """Rates of leaves in Mb/s, at least their floors, under sums that have a limit."""

    leaves: list[Leaf]
    sums: list[list[float]] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def row(self, members: Sequence[Leaf], sign: float = 1) -> list[float]:
        names = {leaf.id for leaf in members}
        return [sign if leaf.id in names else 0.0 for leaf in self.leaves] + [0.0]

    def limit(self, members: Sequence[Leaf], bps: int | None) -> None:
        if bps is not None:
            self.sums.append(self.row(members))
            self.limits.append(bps / MBPS)

    def lexicographic(self, groups: Sequence[tuple[Sequence[Leaf], int]]) -> list[float]:
        """The greatest least of each group's rate per unit of weight, then the next least, and so on; Mb/s.

        Those whose constraint has a price at the optimum cannot have more in any: they are settled.
        """
        settled: dict[int, float] = {}
        while len(settled) < len(groups):
            open_groups = [at for at in range(len(groups)) if at not in settled]
            rows, limits = list(self.sums), list(self.limits)
            for at in open_groups:
                row = self.row(groups[at][0], -1)
                row[-1] = groups[at][1]
                rows.append(row)
                limits.append(0.0)
            for at, amount in settled.items():
                rows.append(self.row(groups[at][0], -1))
                limits.append(-amount + _SLACK)
            bounds = [(leaf.floor_bps / MBPS, (leaf.demand_bps or 0) / MBPS) for leaf in self.leaves]
            found = linprog(
                [0.0] * len(self.leaves) + [-1.0], rows, limits, bounds=[*bounds, (0, None)], method="highs"
            )
            assert found.status == 0, found.message
            prices = found.ineqlin.marginals[len(self.sums) :]
            for at, price in zip(open_groups, prices, strict=False):
                if price < -1e-9:
                    settled[at] = groups[at][1] * found.x[-1]
        for at, amount in settled.items():
            self.sums.append(self.row(groups[at][0], -1))
            self.limits.append(-amount + 2 * _SLACK)
        return [settled[at] for at in range(len(groups))]


@pytest.mark.parametrize("seed", range(6))
def test_a_flat_network_is_the_lexicographic_optimum(seed: int) -> None:
    """80 sessions across 15 capacities, no tree: max-min fairness of Bertsekas and Gallager, weighted."""
    rng = random.Random(seed)
    capacities = [Capacity(f"k{number:02}", rng.randint(20, 200) * MBPS) for number in range(15)]
    leaves = [
        leaf(
            f"l{number:02}",
            rng.randint(1, 60) * MBPS,
            weight=rng.randint(1, 9),
            crosses=" ".join(rng.sample([capacity.id for capacity in capacities], rng.randint(1, 4))),
        )
        for number in range(80)
    ]
    province = Province((Node(id="root", parent=None), *leaves), tuple(capacities))
    programme = Programme(leaves)
    for capacity in capacities:
        programme.limit(province.crossing(capacity.id), capacity.bps)
    ideal = programme.lexicographic([([each], each.weight) for each in leaves])
    shares = province.shared()
    for each, mbps in zip(leaves, ideal, strict=True):
        assert shares[each.id] / MBPS == pytest.approx(mbps, abs=0.001)


@pytest.mark.parametrize("seed", range(4))
def test_a_tree_is_the_lexicographic_optimum_level_by_level(seed: int) -> None:
    """90 offices of 12 agencies of 4 districts, with floors and ceilings: the districts first, then further down."""
    rng = random.Random(seed)
    province = _tree(rng)
    programme = Programme(list(province.leaves))
    for node in province.nodes:
        programme.limit(province.under(node.id), node.ceiling_bps)
        programme.sums.append(programme.row(province.under(node.id), -1))
        programme.limits.append(-node.floor_bps / MBPS)
    shares = province.shared()
    assert shares.feasible
    for depth in (1, 2, 3):
        level = [node for node in province.nodes if len(province.parents(node.id)) == depth]
        ideal = programme.lexicographic([(province.under(node.id), node.weight) for node in level])
        for node, mbps in zip(level, ideal, strict=True):
            assert shares[node.id] / MBPS == pytest.approx(mbps, abs=0.001)


def _tree(rng: random.Random) -> Province:
    nodes: list[Node] = [Node(id="root", parent=None, ceiling_bps=600 * MBPS)]
    for district in range(4):
        nodes.append(Node(id=f"d{district}", parent="root", weight=rng.randint(1, 5), ceiling_bps=250 * MBPS))
        for agency in range(3):
            name = f"d{district}a{agency}"
            nodes.append(
                Node(
                    id=name,
                    parent=f"d{district}",
                    weight=rng.randint(1, 5),
                    floor_bps=rng.choice([0, 15 * MBPS]),
                    ceiling_bps=rng.choice([None, 60 * MBPS]),
                )
            )
            nodes += [
                leaf(
                    f"{name}o{office}",
                    rng.randint(3, 40) * MBPS,
                    name,
                    weight=rng.randint(1, 5),
                    floor=rng.choice([0, 0, 3 * MBPS]),
                )
                for office in range(rng.randint(6, 9))
            ]
    return Province(tuple(nodes))
