"""Sharing one moment of the past."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netmon.core import entitled
from netmon.core.allocation import USABLE_BPS
from netmon.core.entitled import Inventory
from netmon.core.model import Agency, Circuit, Direction, Faces, TrafficClass
from netmon.core.rationing import Rationing, folded
from netmon.core.sharing import share
from netmon.core.sharing_tree import Leaf, Node
from netmon.core.supply import Entitlement, Pool, Rates, Sharing

MBPS = 1_000_000
DOWN = Direction.DOWNLOAD
POOL = Pool("internet", TrafficClass.ALL, Rates(10 * MBPS, 10 * MBPS), sharing=Sharing.SCARCE)
AGENCIES = tuple(
    Agency(name, name, "Asia/Jakarta", parent=parent)
    for name, parent in (("health", None), ("clinic", "health"), ("archive", None), ("registry", None))
)
CIRCUITS = tuple(
    Circuit(f"{agency}-{number}", agency, "r1", f"{agency}{number}", Faces.AGENCY, pools=("internet",))
    for agency, count in (("health", 1), ("clinic", 1), ("archive", 2), ("registry", 1))
    for number in range(count)
)
INVENTORY = Inventory(AGENCIES, CIRCUITS, (POOL,))
ENTITLEMENTS = (
    Entitlement("registry", "internet", 0, floor=Rates(4 * MBPS, 0), until_ns=1000),
    Entitlement("archive", "internet", 0, ceiling=Rates(3 * MBPS, 3 * MBPS)),
)


def test_who_gets_less_than_he_wants_is_told_and_nobody_else() -> None:
    rationing = Rationing(INVENTORY, DOWN, ENTITLEMENTS)
    wanted = {"health-0": 9 * MBPS, "clinic-0": 1 * MBPS, "archive-0": 1 * MBPS, "registry-0": 4 * MBPS}
    # The archive's second circuit is idle and keeps its minimum.
    assert rationing.left(wanted, 0) == {"health-0": 4 * MBPS - USABLE_BPS}
    assert rationing.left(dict.fromkeys(wanted, MBPS), 0) == {}


def test_a_floor_holds_while_its_entitlement_does() -> None:
    rationing = Rationing(INVENTORY, DOWN, ENTITLEMENTS)
    wanted = {"health-0": 9 * MBPS, "registry-0": 9 * MBPS, "archive-0": 9 * MBPS}
    before, after = rationing.left(wanted, 999), rationing.left(wanted, 1000)
    assert before["registry-0"] >= 4 * MBPS > after["registry-0"]
    assert before["archive-0"] <= 3 * MBPS


rates = st.integers(0, 12 * MBPS)


@given(st.fixed_dictionaries({circuit.id: rates for circuit in CIRCUITS}))
def test_nodes_made_one_with_their_only_leaf_share_alike(wanted: dict[str, int]) -> None:
    problem = entitled.problem(INVENTORY, DOWN, entitlements=ENTITLEMENTS, capacities={}, wanted=wanted, said={})
    fewer = folded(problem.nodes)
    assert len(fewer) < len(problem.nodes)
    assert share(fewer, problem.capacities).leaves() == share(problem.nodes, problem.capacities).leaves()


def test_only_a_node_with_a_single_child_that_is_a_leaf_is_folded() -> None:
    nodes = [
        Node(id="site", parent=None),
        Node(id="a", parent="site", weight=3, floor_bps=5, ceiling_bps=90),
        Leaf(id="a1", parent="a", weight=7, floor_bps=1, ceiling_bps=80, demand_bps=10),
        Node(id="b", parent="site"),
        Leaf(id="b1", parent="b"),
        Leaf(id="b2", parent="b"),
    ]
    assert folded(nodes) == [
        nodes[0],
        Leaf(id="a1", parent="site", weight=3, floor_bps=5, ceiling_bps=80, demand_bps=10),
        *nodes[3:],
    ]
