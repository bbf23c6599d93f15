"""The tree behind one shaping point as a device holds it: floors nested, weights and ceilings along the path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.capacity import InForce
from netmon.core.model import Agency, Circuit, Direction, Faces, Mode, ShapingPoint, Tier
from netmon.core.shaping import (
    HEAVIEST,
    LEAST_BPS,
    UNBOUNDED_BPS,
    Shaped,
    capacity_bps,
    compiled,
    hierarchies,
    lent,
    tiers,
)
from netmon.core.sharing_tree import SharingError
from netmon.core.supply import Entitlement, Pool, Rates, TrafficClass

MBPS = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
PARENTS: dict[str, str | None] = {
    "province": None,
    "health": "province",
    "hospital": "health",
    "clinic": "health",
    "archive": "province",
}


def circuit(name: str, agency: str, speed: int | None = None, shared: bool = True, pool: str = "internet") -> Circuit:
    point = ShapingPoint("core", "sfp1", Faces.AGENCY, ("10.0.0.0/24",), speed) if shared else None
    return Circuit(name, agency, "edge", f"port-{name}", Faces.AGENCY, pools=(pool,), limited_at=point)


def entitled(
    agency: str, floor: float = 0, ceiling: float | None = None, weight: int = 1, priority: int | None = None
) -> Entitlement:
    rate = None if ceiling is None else Rates(int(ceiling * MBPS), int(ceiling * MBPS))
    return Entitlement(agency, "internet", 0, Rates(int(floor * MBPS), int(floor * MBPS)), rate, weight, priority)


def tree(*given_to: Entitlement, capacity: float = 100, circuits: list[Circuit] | None = None) -> dict[str, Shaped]:
    circuits = circuits or [circuit("h", "hospital"), circuit("c", "clinic"), circuit("a", "archive")]
    members = [one for one in circuits if one.limited_at is not None]
    return compiled(members, circuits, PARENTS, given_to, DOWN, int(capacity * MBPS))


def floors(of: dict[str, Shaped]) -> dict[str, int]:
    return {name: one.placement.floor_bps for name, one in of.items()}


def test_floors_nest_and_every_tier_above_is_guaranteed_their_sum() -> None:
    found = tree(entitled("hospital", 30), entitled("clinic", 10), entitled("archive", 20, ceiling=40))
    assert floors(found) == {"h": 30 * MBPS, "c": 10 * MBPS, "a": 20 * MBPS}
    assert found["h"].placement.above == (
        Tier(None, 100 * MBPS, 100 * MBPS),
        Tier("province", 100 * MBPS, 60 * MBPS),
        Tier("health", 100 * MBPS, 40 * MBPS),
    )
    assert [tier.agency for tier in found["a"].placement.above] == [None, "province"]
    assert {name: one.ceiling_bps for name, one in found.items()} == {"h": 100 * MBPS, "c": 100 * MBPS, "a": 40 * MBPS}


def test_what_a_node_is_guaranteed_beyond_those_below_it_is_divided_by_weight() -> None:
    found = tree(
        entitled("health", 50, ceiling=60), entitled("hospital", 10, weight=3), entitled("clinic", 0, ceiling=5)
    )
    assert floors(found) == {"h": 45 * MBPS, "c": 5 * MBPS, "a": LEAST_BPS}
    assert found["c"].ceiling_bps == 5 * MBPS
    assert found["h"].ceiling_bps == 60 * MBPS


def test_floors_that_do_not_fit_are_cut_in_proportion() -> None:
    found = floors(tree(entitled("hospital", 90), entitled("archive", 30), capacity=40))
    assert found["h"] == pytest.approx(30 * MBPS, rel=0.001)
    assert found["a"] == pytest.approx(10 * MBPS, rel=0.001)
    assert found["c"] == LEAST_BPS
    assert sum(found.values()) <= 40 * MBPS


def test_a_weight_is_the_product_of_the_parts_along_the_path() -> None:
    found = tree(entitled("health", weight=3), entitled("hospital", weight=2))
    assert {name: one.placement.weight for name, one in found.items()} == {"h": 2, "c": 1, "a": 1}
    found = tree(entitled("health", weight=1000))
    assert {name: one.placement.weight for name, one in found.items()} == {"h": HEAVIEST, "c": HEAVIEST, "a": 1}


def test_a_priority_is_the_nearest_stated_one_as_far_as_devices_count() -> None:
    found = tree(entitled("health", priority=2), entitled("clinic", priority=9))
    assert {name: one.placement.priority for name, one in found.items()} == {"h": 2, "c": 7, "a": 5}


def test_an_entitlement_is_divided_among_places_and_never_copied() -> None:
    circuits = [circuit("h", "hospital"), circuit("h2", "hospital", shared=False), circuit("a", "archive")]
    found = tree(entitled("hospital", 30, ceiling=50), circuits=circuits)
    assert floors(found) == {"h": 15 * MBPS, "a": LEAST_BPS}
    assert found["h"].ceiling_bps == 25 * MBPS
    elsewhere = [circuit("h", "hospital", pool="other"), circuit("a", "archive")]
    assert floors(tree(entitled("hospital", 30), circuits=elsewhere))["h"] == LEAST_BPS


def test_an_agency_has_a_class_where_several_hang_from_it() -> None:
    circuits = [circuit("h1", "hospital"), circuit("h2", "hospital"), circuit("a", "archive")]
    assert tiers(circuits, PARENTS) == ("health", "hospital", "province")
    assert tiers([circuits[2]], PARENTS) == ("province",)
    found = tree(entitled("hospital", 30), circuits=circuits)
    assert floors(found) == {"h1": 15 * MBPS, "h2": 15 * MBPS, "a": LEAST_BPS}
    assert [tier.agency for tier in found["h1"].placement.above] == [None, "province", "health", "hospital"]


def test_capacity_is_what_was_purchased_or_what_the_port_passes() -> None:
    pools = {"internet": Pool("internet", TrafficClass.ALL, Rates(100 * MBPS, 50 * MBPS))}
    assert capacity_bps([circuit("a", "archive")], pools, UP) == 50 * MBPS
    assert capacity_bps([circuit("a", "archive", speed=20 * MBPS)], pools, UP) == 20 * MBPS
    assert capacity_bps([circuit("a", "archive")], {}, UP) == UNBOUNDED_BPS


def test_a_point_too_narrow_or_a_tree_too_deep_is_refused_with_the_place() -> None:
    with pytest.raises(SharingError, match=r"core sfp1: 16000 bit/s cannot be shared by 3 circuits"):
        tree(capacity=0.016)
    deep: dict[str, str | None] = {f"n{at}": f"n{at - 1}" if at else None for at in range(9)}
    with pytest.raises(SharingError, match="circuit x hangs below 9 levels"):
        compiled([circuit("x", "n8")], [circuit("x", "n8")], deep, (), DOWN, MBPS)


def test_only_entitlements_in_force_count_and_each_direction_has_its_own() -> None:
    agencies = [Agency(name, name, "Asia/Jakarta", parent=parent) for name, parent in PARENTS.items()]
    pools = {"internet": Pool("internet", TrafficClass.ALL, Rates(100 * MBPS, 50 * MBPS))}
    ended = Entitlement("hospital", "internet", 0, Rates(30 * MBPS, 5 * MBPS), until_ns=10)
    circuits = [circuit("h", "hospital"), circuit("a", "archive", shared=False)]
    before, after = (hierarchies(circuits, agencies, pools, [ended], now_ns) for now_ns in (9, 10))
    assert before.keys() == {("h", DOWN), ("h", UP)}
    assert before["h", DOWN].placement.floor_bps == 30 * MBPS
    assert (before["h", UP].placement.floor_bps, before["h", UP].ceiling_bps) == (5 * MBPS, 50 * MBPS)
    assert after["h", DOWN].placement.floor_bps == LEAST_BPS
    assert hierarchies([circuits[1]], agencies, pools, [ended], 0) == {}


RATES = st.one_of(st.just(0), st.integers(0, 200 * MBPS))
ENTITLEMENTS = st.lists(
    st.builds(
        lambda agency, floor, more, weight, bounded: Entitlement(
            agency, "internet", 0, Rates(floor, 0), Rates(floor + more, 0) if bounded else None, weight
        ),
        st.sampled_from(sorted(PARENTS)),
        RATES,
        RATES,
        st.integers(1, 1_000_000),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.agency,
)
CIRCUITS = st.lists(st.sampled_from(sorted(PARENTS)), min_size=1, max_size=8).map(
    lambda agencies: [circuit(f"c{at}", agency) for at, agency in enumerate(agencies)]
)


@given(ENTITLEMENTS, CIRCUITS, st.integers(64_000, 300 * MBPS))
def test_a_device_can_hold_every_tree_that_is_compiled(
    given_to: list[Entitlement], circuits: list[Circuit], capacity: int
) -> None:
    found = compiled(circuits, circuits, PARENTS, given_to, DOWN, capacity)
    assert found.keys() == {one.id for one in circuits}
    below: dict[str | None, int] = {}
    tiers_seen: dict[str | None, Tier] = {}
    for one in found.values():
        placed = one.placement
        assert placed.floor_bps >= LEAST_BPS
        assert placed.floor_bps <= one.ceiling_bps <= capacity
        assert 1 <= placed.weight <= HEAVIEST
        assert placed.above[0] == Tier(None, capacity, capacity)
        assert one.ceiling_bps <= placed.above[-1].ceiling_bps
        for tier in placed.above:
            assert tiers_seen.setdefault(tier.agency, tier) == tier, "everybody sees the same tree"
            below[tier.agency] = below.get(tier.agency, 0) + placed.floor_bps
    assert below[None] <= capacity
    assert all(tiers_seen[agency].floor_bps == total for agency, total in below.items() if agency is not None)
    promised = sum(one.floor.download_bps for one in given_to) + LEAST_BPS * len(circuits)
    if promised <= capacity and not any(one.ceiling for one in given_to):
        for promise in given_to:
            theirs = [c for c in circuits if promise.agency in _line(c.agency)]
            total = sum(found[c.id].placement.floor_bps for c in theirs)
            assert not theirs or total >= promise.floor.download_bps, "and keeps its word"


def _line(agency: str | None) -> list[str]:
    found: list[str] = []
    while agency is not None:
        found.append(agency)
        agency = PARENTS[agency]
    return found


# --- capacity that fails, and pools that a device shares by itself ---------------------------


def left(bps: int | None) -> dict[str, InForce]:
    return {"internet": InForce("internet", Rates(100 * MBPS, 50 * MBPS), bps, bps)}


@pytest.mark.parametrize(("bps", "ceiling"), [(40 * MBPS, 40 * MBPS), (10, LEAST_BPS), (None, 100 * MBPS)])
def test_the_root_follows_what_is_left_of_a_pool_and_stays_when_nothing_is(bps: int | None, ceiling: int) -> None:
    pools = {"internet": Pool("internet", TrafficClass.ALL, Rates(100 * MBPS, 50 * MBPS))}
    agencies = [Agency(name, name, "Asia/Jakarta", parent=parent) for name, parent in PARENTS.items()]
    found = hierarchies([circuit("h", "hospital")], agencies, pools, (), 0, left(bps))
    assert found["h", DOWN].ceiling_bps == ceiling


def enforced(name: str, agency: str, **other: Any) -> Circuit:
    return replace(circuit(name, agency), mode=Mode.ENFORCE, **other)


@pytest.mark.parametrize(
    "third",
    [
        enforced("x", "archive", limited_at=None),
        enforced("x", "archive", crosses=("radio",)),
        enforced("x", "archive", limited_at=ShapingPoint("core", "sfp2", Faces.AGENCY, ("10.9.0.0/16",))),
        enforced("x", "archive", pools=("internet", "other")),
        circuit("x", "archive"),
    ],
    ids=["its own port", "a narrow link", "another point", "another pool", "observed"],
)
def test_a_device_shares_a_pool_by_itself_only_where_all_of_it_passes_one_point(third: Circuit) -> None:
    both = [enforced("h", "hospital"), enforced("a", "archive")]
    shaped = {(one.id, way): tree(circuits=both)[one.id] for one in both for way in Direction}
    assert lent(both, shaped) == dict.fromkeys(shaped, 100 * MBPS)
    everywhere = [*both, third]
    if "other" in third.pools:
        everywhere.append(enforced("y", "archive", pools=("other",), limited_at=None))
    shaped |= {("x", way): shaped["a", way] for way in Direction}
    assert lent(everywhere, shaped) == {}


def both_classes(**other: Any) -> list[Circuit]:
    drawing = {"world": "international", "home": "domestic"}
    return [enforced(name, "hospital", pools=(pool,), **other) for name, pool in drawing.items()]


def test_where_an_agencys_circuits_draw_on_different_pools_each_has_its_own_part() -> None:
    given_to = [replace(entitled("hospital", 1, ceiling=2), pool="international")]
    given_to.append(replace(entitled("hospital", 4, ceiling=8, weight=3), pool="domestic"))
    found = tree(*given_to, capacity=10, circuits=[*both_classes(), circuit("a", "archive")])
    assert floors(found) == {"world": 1 * MBPS, "home": 4 * MBPS, "a": LEAST_BPS}
    assert (found["world"].ceiling_bps, found["home"].ceiling_bps) == (2 * MBPS, 8 * MBPS)
    assert found["home"].placement.weight == 3 * found["world"].placement.weight
    assert found["world"].placement.above[-1] == Tier("hospital", 10 * MBPS, 5 * MBPS)
    elsewhere = replace(both_classes()[0], id="w2", limited_at=None)
    halved = tree(*given_to, capacity=10, circuits=[*both_classes(), elsewhere])
    assert floors(halved) == {"world": MBPS // 2, "home": 4 * MBPS}


def test_a_device_does_not_share_by_itself_what_is_several_pools() -> None:
    circuits = both_classes()
    shaped = {(one.id, way): tree(circuits=circuits)[one.id] for one in circuits for way in Direction}
    assert lent(circuits, shaped) == {}, "the device knows one capacity, and there are two"
