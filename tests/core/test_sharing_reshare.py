"""Sharing again after demands moved comes to what sharing from the start comes to."""

from __future__ import annotations

import pytest
from core.sharing_trees import MBPS, Province, leaf, provinces
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core import filling
from netmon.core.sharing import Shares
from netmon.core.sharing_tree import Capacity, Node, SharingError


@given(provinces(), st.data())
@settings(max_examples=250, deadline=None)
def test_it_comes_to_what_sharing_from_the_start_does(province: Province, data: st.DataObject) -> None:
    """Whatever was touched: shares, and all that says why, time after time."""
    shares = province.shared()
    names = [each.id for each in province.leaves]
    for _ in range(data.draw(st.integers(1, 3))):
        near = [shares[name] + more for name in names for more in (0, 1, 2, 3)]
        demand = st.one_of(st.integers(0, 30 * MBPS), st.sampled_from(near), st.just(10**9))
        demands = data.draw(st.dictionaries(st.sampled_from(names), demand, min_size=1, max_size=2))
        province = province.with_demands(dict(demands))
        shares = shares.reshare(demands)
        anew = province.shared()
        assert told(shares) == told(anew)


def told(shares: Shares) -> tuple[object, ...]:
    return (shares.demand, shares.most, shares.owed, shares.floors, shares.feasible, shares.rounds)


def agencies() -> Province:
    """Two districts, each on its backhaul; everybody on one of two uplinks; agencies a and b in the first."""
    leaves = [
        leaf(f"{agency}{office}", 50 * MBPS, agency, crosses=f"uplink{number % 2} backhaul-{district}")
        for number, (agency, district) in enumerate((("a", "east"), ("b", "east"), ("c", "west"), ("d", "west")))
        for office in range(5)
    ]
    nodes = [
        Node(id="root", parent=None, ceiling_bps=300 * MBPS),
        *(Node(id=name, parent="root") for name in ("east", "west")),
        *(Node(id=name, parent="east" if name in "ab" else "west") for name in "abcd"),
    ]
    capacities = [
        Capacity("uplink0", 90 * MBPS),
        Capacity("uplink1", 200 * MBPS),
        *(Capacity(f"backhaul-{name}", 150 * MBPS) for name in ("east", "west")),
    ]
    return Province((*nodes, *leaves), tuple(capacities))


class TestWhatIsFilledAnew:
    @pytest.fixture
    def fills(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """Each filling of the whole tree from now on."""
        seen: list[object] = []
        run = filling._Filling.run

        def counted(self: filling._Filling) -> None:
            seen.append(self)
            run(self)

        monkeypatch.setattr(filling._Filling, "run", counted)
        return seen

    def test_a_change_that_stays_inside_one_agency_touches_nobody_else(self, fills: list[object]) -> None:
        before = agencies().shared()
        fills.clear()
        after = before.reshare({"a0": MBPS})
        assert not fills
        assert after["a"] == before["a"]
        assert after["a1"] > before["a1"]
        assert {name: bps for name, bps in after.leaves().items() if name[0] != "a"} == {
            name: bps for name, bps in before.leaves().items() if name[0] != "a"
        }

    def test_what_an_agency_no_longer_wants_is_shared_by_all(self, fills: list[object]) -> None:
        before = agencies().shared()
        fills.clear()
        after = before.reshare({f"a{office}": MBPS for office in range(5)})
        assert fills
        assert after["b"] > before["b"]

    def test_the_demand_that_is_as_before_changes_nothing(self, fills: list[object]) -> None:
        before = agencies().shared()
        fills.clear()
        assert before.reshare({"a0": 50 * MBPS}).rounds is before.rounds
        assert not fills

    def test_a_circuit_that_wants_more_than_it_has_may_want_any_amount(self, fills: list[object]) -> None:
        """Also where the circuits of its agency cross different capacities."""
        scattered = Province(
            (
                Node(id="root", parent=None, ceiling_bps=30 * MBPS),
                Node(id="a", parent="root"),
                *(leaf(f"a{number}", 20 * MBPS, "a", crosses=f"up{number % 2}") for number in range(4)),
            ),
            (Capacity("up0", 6 * MBPS), Capacity("up1", 9 * MBPS)),
        )
        before = scattered.shared()
        fills.clear()
        assert before.reshare({"a1": 5 * MBPS}).leaves() == before.leaves()
        assert not fills

    def test_what_was_shared_before_stays_as_it_was(self) -> None:
        before = agencies().shared()
        had = before.leaves()
        before.reshare({"a0": MBPS, "b0": None})
        assert before.leaves() == had


def test_a_node_has_no_demand() -> None:
    with pytest.raises(SharingError, match="a is not a leaf; demands are of leaves"):
        agencies().shared().reshare({"a": 5})


def test_a_demand_below_0_is_refused() -> None:
    with pytest.raises(SharingError, match="a0: demand -1 bit/s"):
        agencies().shared().reshare({"a0": -1})


def test_a_leaf_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError):
        agencies().shared().reshare({"nobody": 1})


ROOT = Node(id="root", parent=None, ceiling_bps=100)


@pytest.mark.parametrize(
    ("province", "demands"),
    [
        pytest.param(
            Province(
                (
                    Node(id="root", parent=None, ceiling_bps=40),
                    Node(id="a", parent="root", floor_bps=10),
                    leaf("a-first", 4, "a", priority=0, crosses="up"),
                    leaf("a-rest", 50, "a"),
                    leaf("b", crosses="up"),
                ),
                (Capacity("up", 20),),
            ),
            {"a-first": 6},
            id="a floor moves to another class, which crosses something else",
        ),
        pytest.param(
            Province(
                (
                    ROOT,
                    Node(id="a", parent="root", floor_bps=20),
                    leaf("a0", 5, "a", floor=5, crosses="up"),
                    leaf("a1", 50, "a"),
                    leaf("idle", 0, crosses="up"),
                ),
                (Capacity("up", 5),),
            ),
            {"a0": 50},
            id="more of the floor above would be owed, and does not fit",
        ),
        pytest.param(
            Province(
                (
                    ROOT,
                    Node(id="a", parent="root"),
                    leaf("a0", 100, "a", floor=100),
                    leaf("a1", 50, "a", floor=100),
                    leaf("b", floor=100),
                )
            ),
            {"a0": 50, "a1": 100},
            id="floors that are cut change places",
        ),
    ],
)
def test_what_looks_as_if_it_stayed_inside_and_does_not(province: Province, demands: dict[str, int | None]) -> None:
    after = province.shared().reshare(demands)
    assert told(after) == told(province.with_demands(demands).shared())
