"""Whether floors fit, and how far a pool is oversubscribed: worked examples, then laws."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.admission import Admission, Promised, Shortage, Shortfall, admit, later_starts
from netmon.core.model import Agency, Circuit, Direction, Faces, Role, TrafficClass
from netmon.core.supply import Backhaul, Entitlement, Pool, Rates, Uplink

DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
NOW = 1_000


def both(bps: int) -> Rates:
    return Rates(bps, bps)


def pool(bps: int, *uplinks: Uplink, name: str = "p") -> Pool:
    return Pool(name, TrafficClass.ALL, both(bps), uplinks)


def uplink(name: str, bps: int, *, standby: bool = False) -> Uplink:
    return Uplink(name, "p", "core", name, both(bps), standby)


def agency(name: str, parent: str | None = None) -> Agency:
    return Agency(name, name, "Asia/Makassar", parent=parent)


def circuit(of: str, *crosses: str, role: Role = Role.PRIMARY, pools: tuple[str, ...] = ("p",)) -> Circuit:
    name = "-".join((of, role.value, *crosses))
    return Circuit(name, of, "core", name, Faces.AGENCY, role, pools=pools, crosses=crosses)


def floor(of: str, bps: int, ceiling: int | None = None, pool: str = "p") -> Entitlement:
    return Entitlement(of, pool, 0, both(bps), None if ceiling is None else both(ceiling))


def admitted(
    bought: Pool,
    entitlements: list[Entitlement],
    circuits: list[Circuit] | None = None,
    agencies: list[Agency] | None = None,
    backhauls: tuple[Backhaul, ...] = (),
) -> Admission:
    names = dict.fromkeys(one.agency for one in entitlements)
    return admit(
        [bought],
        backhauls,
        [circuit(name) for name in names] if circuits is None else circuits,
        [agency(name) for name in names] if agencies is None else agencies,
        entitlements,
        NOW,
    )


def down(admission: Admission) -> Promised:
    return next(one for one in admission.promised if one.direction is DOWN)


def short(admission: Admission) -> list[tuple[Shortage, str, int, int]]:
    """Of download; upload is alike wherever rates are alike."""
    return [
        (one.reason, one.subject, one.needed_bps, one.available_bps)
        for one in admission.shortfalls
        if one.direction is DOWN
    ]


# --- floors against capacity -----------------------------------------------------------------


def test_floors_that_fill_a_pool_fit_and_one_bit_more_does_not() -> None:
    assert short(admitted(pool(100), [floor("a", 60), floor("b", 40)])) == []
    assert short(admitted(pool(100), [floor("a", 60), floor("b", 41)])) == [(Shortage.PURCHASED, "p", 101, 100)]


def test_each_direction_is_judged_by_itself() -> None:
    bought = Pool("p", TrafficClass.ALL, Rates(100, 10))
    found = admitted(bought, [Entitlement("a", "p", 0, Rates(100, 11))])
    assert found.shortfalls == (Shortfall(Shortage.PURCHASED, "p", "p", UP, 11, 10),)


@pytest.mark.parametrize(("parents", "children", "needed"), [(50, 30, 60), (70, 30, 70), (0, 30, 60), (60, 30, 60)])
def test_a_floor_covers_those_of_the_agencies_below_it(parents: int, children: int, needed: int) -> None:
    entitlements = [floor("top", parents), floor("a", children), floor("b", children)]
    agencies = [agency("top"), agency("a", "top"), agency("b", "top")]
    assert down(admitted(pool(100), entitlements, agencies=agencies)).floors_bps == needed


def test_floors_two_levels_down_are_added_under_agencies_that_have_none() -> None:
    agencies = [agency("village-a", "district"), agency("village-b", "district"), agency("district", "province")]
    agencies.append(agency("province"))
    found = admitted(pool(100), [floor("village-a", 20), floor("village-b", 30)], agencies=agencies)
    assert down(found).floors_bps == 50


def test_floors_below_an_agency_may_not_exceed_its_ceiling() -> None:
    agencies = [agency("top"), agency("a", "top"), agency("b", "top")]
    found = admitted(pool(100), [floor("top", 0, 50), floor("a", 30), floor("b", 30)], agencies=agencies)
    assert short(found) == [(Shortage.CEILING, "top", 60, 50)]


def test_only_entitlements_in_force_count() -> None:
    past = Entitlement("a", "p", 0, both(200), until_ns=NOW)
    now = Entitlement("a", "p", 1, both(30), from_ns=NOW, until_ns=NOW + 1)
    coming = Entitlement("a", "p", 2, both(300), from_ns=NOW + 1)
    found = admitted(pool(100), [past, now, coming])
    assert down(found).floors_bps == 30
    assert later_starts([past, now, coming], NOW) == (NOW + 1,)
    assert later_starts([past, now, coming], NOW + 1) == ()


def test_a_pool_nobody_is_entitled_to_is_not_reported() -> None:
    assert admit([pool(100)], (), [circuit("a")], [agency("a")], (), NOW) == Admission((), ())


# --- uplinks ---------------------------------------------------------------------------------


def test_standby_capacity_is_not_summed_while_all_are_up() -> None:
    bought = pool(100, uplink("u1", 60), uplink("u2", 60, standby=True))
    assert short(admitted(bought, [floor("a", 61)]))[0] == (Shortage.UPLINKS, "p", 61, 60)


def test_after_a_failure_the_standby_takes_over_for_as_much_as_was_lost() -> None:
    bought = pool(100, uplink("u1", 50), uplink("u2", 50), uplink("spare", 80, standby=True))
    found = admitted(bought, [floor("a", 100)])
    assert short(found) == []
    assert (down(found).worst, down(found).left_bps) == ("u1", 100)


@pytest.mark.parametrize(("floors", "failing"), [(40, []), (41, ["u1"]), (61, ["u1", "u2"])])
def test_floors_are_compared_with_what_each_single_failure_leaves(floors: int, failing: list[str]) -> None:
    bought = pool(100, uplink("u1", 60), uplink("u2", 40))
    found = admitted(bought, [floor("a", floors)])
    assert [(reason, name) for reason, name, _, _ in short(found)] == [
        (Shortage.UPLINK_FAILED, name) for name in failing
    ]
    assert (down(found).worst, down(found).left_bps) == ("u1", 40)


def test_the_only_uplink_leaves_nothing() -> None:
    assert short(admitted(pool(100, uplink("u1", 100)), [floor("a", 1)])) == [(Shortage.UPLINK_FAILED, "u1", 1, 0)]
    assert short(admitted(pool(100, uplink("u1", 100)), [floor("a", 0)])) == []


def test_where_it_is_not_known_how_a_pool_arrives_no_failure_is_considered() -> None:
    found = down(admitted(pool(100), [floor("a", 100)]))
    assert (found.worst, found.left_bps) == (None, None)


# --- what is crossed -------------------------------------------------------------------------

RADIO = Backhaul("radio", "hill", None, both(10))
FIBRE = Backhaul("fibre", "hill", None, both(15))


def test_floors_of_agencies_that_cannot_avoid_a_backhaul_are_added_up_there() -> None:
    circuits = [circuit("a", "radio"), circuit("b", "radio"), circuit("c")]
    found = admitted(pool(100), [floor("a", 6), floor("b", 5), floor("c", 50)], circuits, backhauls=(RADIO,))
    assert short(found) == [(Shortage.CROSSED, "radio", 11, 10)]


def test_an_agency_with_another_way_loads_no_backhaul() -> None:
    circuits = [circuit("a", "radio"), circuit("a", role=Role.PARALLEL), circuit("b", "radio")]
    assert short(admitted(pool(100), [floor("a", 60), floor("b", 10)], circuits, backhauls=(RADIO,))) == []


def test_a_backup_is_no_other_way_unless_it_is_the_only_one() -> None:
    circuits = [circuit("a", "radio"), circuit("a", role=Role.BACKUP), circuit("b", role=Role.BACKUP)]
    found = admitted(pool(100), [floor("a", 11), floor("b", 50)], circuits, backhauls=(RADIO,))
    assert short(found) == [(Shortage.CROSSED, "radio", 11, 10)]


def test_a_parents_floor_lies_on_a_backhaul_only_if_all_circuits_below_it_cross_it() -> None:
    agencies = [agency("top"), agency("a", "top"), agency("b", "top")]
    entitlements = [floor("top", 50), floor("a", 8)]
    over_radio = [circuit("a", "radio"), circuit("b", "radio")]
    apart = [circuit("a", "radio"), circuit("b")]
    found = admitted(pool(100), entitlements, over_radio, agencies, (RADIO,))
    assert short(found) == [(Shortage.CROSSED, "radio", 50, 10)]
    assert short(admitted(pool(100), entitlements, apart, agencies, (RADIO,))) == []


def test_floors_of_several_pools_are_added_up_on_a_backhaul() -> None:
    circuits = [circuit("a", "radio"), circuit("b", "radio", pools=("q",))]
    found = admit(
        [pool(100), pool(100, name="q")],
        [RADIO],
        circuits,
        [agency("a"), agency("b")],
        [floor("a", 6), floor("b", 5, pool="q")],
        NOW,
    )
    assert short(found) == [(Shortage.CROSSED, "radio", 11, 10)]


def test_floors_pinned_to_an_uplink_must_fit_it() -> None:
    bought = pool(200, uplink("u1", 100), uplink("u2", 100))
    circuits = [circuit("a", "u1"), circuit("b", "u2")]
    reasons = {(one[0], one[1]) for one in short(admitted(bought, [floor("a", 101), floor("b", 5)], circuits))}
    assert (Shortage.CROSSED, "u1") in reasons
    assert (Shortage.CROSSED, "u2") not in reasons


def test_a_floor_beyond_all_the_ways_of_an_agency_together_is_found() -> None:
    circuits = [circuit("a", "radio"), circuit("a", "fibre", role=Role.PARALLEL)]
    assert short(admitted(pool(100), [floor("a", 25)], circuits, backhauls=(RADIO, FIBRE))) == []
    found = admitted(pool(100), [floor("a", 26)], circuits, backhauls=(RADIO, FIBRE))
    assert short(found) == [(Shortage.WAYS, "a", 26, 25)]


# --- oversubscription ------------------------------------------------------------------------


def test_oversubscription_adds_the_ceilings_of_those_who_draw_on_the_pool() -> None:
    agencies = [agency(name) for name in ("a", "b", "c", "d")]
    entitlements = [floor("a", 0, 150), floor("b", 0, 250)]
    found = admitted(pool(1000), entitlements, [circuit("a"), circuit("b"), circuit("c")], agencies)
    assert down(found).oversubscription == Fraction(150 + 250 + 1000, 1000)


def test_a_ceiling_bounds_what_is_below_it_and_one_of_the_whole_pool_bounds_nothing() -> None:
    agencies = [agency("top"), agency("a", "top"), agency("b", "top")]
    circuits = [circuit("a"), circuit("b")]
    assert down(admitted(pool(100), [floor("top", 0, 70)], circuits, agencies)).ceilings_bps == 70
    assert down(admitted(pool(100), [floor("top", 0, 100)], circuits, agencies)).ceilings_bps == 200
    assert down(admitted(pool(100), [floor("top", 0), floor("a", 0, 30)], circuits, agencies)).ceilings_bps == 130


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["", "radio", "fibre"])), min_size=1, max_size=6))
def test_what_is_short_is_short_by_what_is_needed(floors: list[tuple[int, str]]) -> None:
    """Among agencies without a tree, each with one circuit, floors fit exactly if every sum does."""
    entitlements = [floor(f"a{at}", bps) for at, (bps, _) in enumerate(floors)]
    circuits = [circuit(f"a{at}", *([way] if way else [])) for at, (_, way) in enumerate(floors)]
    found = short(admitted(pool(100), entitlements, circuits, backhauls=(RADIO, FIBRE)))
    sums = {
        (Shortage.PURCHASED, "p"): (sum(bps for bps, _ in floors), 100),
        (Shortage.CROSSED, "radio"): (sum(bps for bps, way in floors if way == "radio"), 10),
        (Shortage.CROSSED, "fibre"): (sum(bps for bps, way in floors if way == "fibre"), 15),
    }
    assert {(one[0], one[1]): (one[2], one[3]) for one in found} == {
        key: value for key, value in sums.items() if value[0] > value[1]
    }
