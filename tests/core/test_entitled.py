"""Entitlements, quotas and boosts become one tree for each pool, and nothing is counted twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netmon.core.entitled import Bound, Inventory, Problem, Say, problem
from netmon.core.headroom import deal
from netmon.core.model import Agency, Circuit, Direction, Faces, Role
from netmon.core.sharing_tree import Leaf, Node
from netmon.core.supply import Backhaul, Entitlement, Pool, Rates, Sharing, TrafficClass, Uplink

MBPS = 1_000_000
INTERNET = Pool("internet", TrafficClass.INTERNET, Rates(100 * MBPS, 50 * MBPS), sharing=Sharing.ALWAYS)
DOMESTIC = Pool("domestic", TrafficClass.DOMESTIC, Rates(40 * MBPS, 40 * MBPS), sharing=Sharing.SCARCE)
LAB = Pool("lab", TrafficClass.ALL, Rates(10 * MBPS, 10 * MBPS))


def agency(name: str, parent: str | None = None) -> Agency:
    return Agency(name, name.title(), "Asia/Makassar", parent=parent)


def circuit(name: str, owner: str, *pools: str, crosses: str = "", **more: Any) -> Circuit:
    return Circuit(
        name, owner, "r1", f"ether-{name}", Faces.AGENCY, pools=pools, crosses=tuple(crosses.split()), **more
    )


def entitled(
    name: str, pool: str = "internet", floor: int = 0, ceiling: int | None = None, weight: int = 1, **more: Any
) -> Entitlement:
    most = None if ceiling is None else Rates(ceiling * MBPS, ceiling * MBPS)
    return Entitlement(name, pool, more.pop("position", 0), Rates(floor * MBPS, floor * MBPS), most, weight, **more)


def posed(
    *circuits: Circuit,
    agencies: tuple[Agency, ...] = (agency("health"), agency("roads")),
    entitlements: tuple[Entitlement, ...] = (),
    wanted: dict[str, int | None] | None = None,
    said: dict[str, Say] | None = None,
    pools: tuple[Pool, ...] = (INTERNET, DOMESTIC, LAB),
    backhauls: tuple[Backhaul, ...] = (),
    **more: Any,
) -> Problem:
    return problem(
        Inventory(agencies, circuits, pools, backhauls),
        more.pop("direction", Direction.DOWNLOAD),
        entitlements=entitlements,
        capacities=more.pop("capacities", {}),
        wanted=wanted or {},
        said=said or {},
        **more,
    )


def node(of: Problem, name: str) -> Node:
    return next(node for node in of.nodes if node.id == name)


def limits(of: Problem) -> dict[str, int]:
    return deal(of.nodes, of.capacities).limits.leaves()


def test_below_a_pool_stand_the_agencies_that_draw_on_it_as_the_administration_has_them() -> None:
    agencies = (agency("district"), agency("office", "district"), agency("village", "office"), agency("archive"))
    of = posed(
        circuit("v", "village", "internet"),
        circuit("a", "archive", "internet"),
        circuit("x", "archive", "domestic"),
        agencies=agencies,
    )
    assert {(node.id, node.parent) for node in of.nodes} == {
        ("site", None),
        ("pool:internet", "site"),
        ("agency:district@internet", "pool:internet"),
        ("agency:office@internet", "agency:district@internet"),
        ("agency:village@internet", "agency:office@internet"),
        ("circuit:v", "agency:village@internet"),
        ("agency:archive@internet", "pool:internet"),
        ("circuit:a", "agency:archive@internet"),
        ("pool:domestic", "site"),
        ("agency:archive@domestic", "pool:domestic"),
        ("circuit:x", "agency:archive@domestic"),
    }


def test_an_agency_has_the_entitlement_of_the_pool_in_this_direction() -> None:
    asymmetric = replace(entitled("health", floor=30, weight=3, priority=1), floor=Rates(30 * MBPS, 7 * MBPS))
    of = posed(
        circuit("h", "health", "internet"),
        circuit("d", "health", "domestic"),
        entitlements=(asymmetric, entitled("health", "domestic", ceiling=20)),
        direction=Direction.UPLOAD,
    )
    assert node(of, "agency:health@internet") == Node(
        id="agency:health@internet", parent="pool:internet", weight=3, floor_bps=7 * MBPS, priority=1
    )
    assert node(of, "agency:health@domestic").ceiling_bps == 20 * MBPS
    assert of.bounds == {"agency:health@domestic": Bound.ENTITLEMENT}


def test_of_two_entitlements_to_one_pool_the_first_as_written_counts() -> None:
    two = (entitled("health", weight=2, position=1), entitled("health", weight=3, position=0))
    assert node(posed(circuit("h", "health", "internet"), entitlements=two), "agency:health@internet").weight == 3


def test_an_agency_with_agencies_below_has_a_node_for_its_own_circuits() -> None:
    agencies = (agency("district"), agency("office", "district"))
    of = posed(
        circuit("d", "district", "internet"),
        circuit("o", "office", "internet"),
        agencies=agencies,
        entitlements=(entitled("district", floor=20),),
        said={"district": Say(ladder_bps=5 * MBPS, may_breach_floor=True)},
    )
    assert node(of, "circuit:d").parent == "own:district@internet"
    assert node(of, "own:district@internet").parent == "agency:district@internet"
    assert node(of, "own:district@internet").ceiling_bps == 5 * MBPS
    assert node(of, "agency:district@internet").ceiling_bps is None, "a quota says nothing of those below"
    assert limits(of) == {"circuit:d": 5 * MBPS, "circuit:o": 95 * MBPS}


def test_a_circuit_crosses_every_shared_pool_uplink_and_backhaul_it_lists_and_stands_under_the_first() -> None:
    pool = replace(INTERNET, uplinks=(Uplink("up1", "internet", "r9", "sfp1", Rates(60 * MBPS, 60 * MBPS)),))
    radio = Backhaul("radio", "r2", None, Rates(6 * MBPS, 3 * MBPS))
    of = posed(
        circuit("h", "health", "lab", "domestic", "internet", crosses="up1 radio"),
        pools=(pool, DOMESTIC, LAB),
        backhauls=(radio,),
    )
    (leaf,) = [node for node in of.nodes if isinstance(node, Leaf)]
    assert leaf.parent == "agency:health@domestic"
    assert leaf.crosses == {"internet", "domestic", "up1", "radio"}
    assert {c.id: c.bps // MBPS for c in of.capacities} == {"internet": 100, "domestic": 40, "up1": 60, "radio": 6}
    assert limits(of) == {"circuit:h": 6 * MBPS}


def test_what_there_is_now_counts_and_else_what_was_bought() -> None:
    circuits = (circuit("h", "health", "internet"), circuit("d", "health", "domestic"))
    assert limits(posed(*circuits, capacities={"internet": 30 * MBPS})) == {
        "circuit:h": 30 * MBPS,
        "circuit:d": 40 * MBPS,
    }


def test_where_nothing_is_left_nothing_is_shared_and_the_circuits_keep_what_they_have() -> None:
    radio = Backhaul("radio", "r2", None, Rates(6 * MBPS, 3 * MBPS))
    of = posed(
        circuit("h", "health", "internet"),
        circuit("r", "roads", "internet", crosses="radio"),
        circuit("d", "roads", "domestic"),
        backhauls=(radio,),
        capacities={"radio": None, "domestic": None},
    )
    assert of.kept == {"r", "d"}
    assert limits(of) == {"circuit:h": 100 * MBPS}


def test_circuits_on_no_shared_pool_are_left_to_the_agencys_verdict() -> None:
    of = posed(
        circuit("h", "health", "lab"), circuit("r", "roads"), said={"health": Say(ladder_bps=4 * MBPS)}, pools=(LAB,)
    )
    assert [node.id for node in of.nodes] == ["site"]
    assert {name: outside.limit_bps for name, outside in of.outside.items()} == {"health": 4 * MBPS, "roads": None}


@pytest.mark.parametrize(
    ("say", "floor", "ceiling", "expected"),
    [
        (Say(ladder_bps=5 * MBPS), 0, None, (0, 5, Bound.LADDER)),
        (Say(ladder_bps=5 * MBPS), 10, None, (10, 10, Bound.FLOOR)),
        (Say(ladder_bps=5 * MBPS, may_breach_floor=True), 10, None, (5, 5, Bound.LADDER)),
        (Say(ladder_bps=50 * MBPS), 10, 20, (10, 20, Bound.ENTITLEMENT)),
        (Say(ladder_bps=5 * MBPS, boost_bps=30 * MBPS), 10, 20, (30, 30, Bound.BOOST)),
        (Say(ladder_bps=5 * MBPS, boost_bps=30 * MBPS), 10, 40, (30, 30, Bound.BOOST)),
        (Say(ladder_bps=5 * MBPS, may_breach_floor=True, boost_bps=8 * MBPS), 10, None, (8, 8, Bound.BOOST)),
        (Say(boost_bps=30 * MBPS), 10, 20, (30, 30, Bound.BOOST)),
        (Say(boost_bps=30 * MBPS), 0, None, (30, None, None)),
    ],
    ids=[
        "a step",
        "never below the floor",
        "unless it may",
        "the ceiling is less",
        "a boost above the ceiling",
        "a boost below the ceiling",
        "a boost below the floor that may be breached",
        "a boost without a step",
        "a boost alone is a floor",
    ],
)
def test_floor_ceiling_step_and_boost(
    say: Say, floor: int, ceiling: int | None, expected: tuple[int, int | None, Bound | None]
) -> None:
    of = posed(
        circuit("h", "health", "internet"),
        entitlements=(entitled("health", "internet", floor, ceiling),),
        said={"health": say},
    )
    health = node(of, "agency:health@internet")
    most = None if health.ceiling_bps is None else health.ceiling_bps // MBPS
    assert (health.floor_bps // MBPS, most, of.bounds.get(health.id)) == expected


def test_a_step_leaves_each_circuit_the_least_there_is() -> None:
    of = posed(circuit("a", "health", "internet"), circuit("b", "health", "internet"), said={"health": Say(1)})
    assert limits(of) == {"circuit:a": 1000, "circuit:b": 1000}


@pytest.mark.parametrize(
    ("wanted", "internet", "domestic"),
    [
        ({"h": MBPS, "d": 20 * MBPS}, 1, 9),
        ({"h": 20 * MBPS, "d": 20 * MBPS}, 5, 5),
        ({"h": MBPS, "d": 2 * MBPS}, 5, 5),
        ({"h": 6 * MBPS, "d": 0}, 6, 4),
        ({}, 5, 5),
    ],
    ids=["one wants little", "both want more", "neither wants its half", "one wants more than half", "nothing known"],
)
def test_a_step_is_divided_between_pools_first_by_what_is_wanted_then_evenly(
    wanted: dict[str, int | None], internet: int, domestic: int
) -> None:
    of = posed(
        circuit("h", "health", "internet"),
        circuit("d", "health", "domestic"),
        wanted=wanted,
        said={"health": Say(ladder_bps=10 * MBPS)},
    )
    assert node(of, "agency:health@internet").ceiling_bps == internet * MBPS
    assert node(of, "agency:health@domestic").ceiling_bps == domestic * MBPS


def test_circuits_on_no_shared_pool_have_their_part_of_a_step_too() -> None:
    of = posed(
        circuit("h", "health", "internet"),
        circuit("x", "health", "lab"),
        circuit("y", "health"),
        wanted={"h": MBPS, "x": 9 * MBPS, "y": 9 * MBPS},
        said={"health": Say(ladder_bps=10 * MBPS)},
    )
    assert node(of, "agency:health@internet").ceiling_bps == MBPS
    assert of.outside["health"].limit_bps == 9 * MBPS


def test_a_boost_is_owed_to_all_below_and_divided_between_the_pools() -> None:
    agencies = (agency("district"), agency("office", "district"))
    of = posed(
        circuit("o", "office", "internet"),
        circuit("p", "office", "domestic"),
        agencies=agencies,
        wanted={"o": 12 * MBPS, "p": MBPS},
        said={"district": Say(boost_bps=15 * MBPS)},
    )
    assert node(of, "agency:district@internet").floor_bps == 12 * MBPS
    assert node(of, "agency:district@domestic").floor_bps == 3 * MBPS


def test_a_backup_is_given_what_it_wants_and_of_headroom_a_twentieth() -> None:
    circuits = (circuit("main", "health", "internet"), circuit("spare", "health", "internet", role=Role.BACKUP))
    idle = limits(posed(*circuits, wanted={"main": 10 * MBPS, "spare": 64_000}))
    assert idle["circuit:main"] == 20 * idle["circuit:spare"] + idle["circuit:main"] % 20
    carrying = limits(posed(*circuits, wanted={"main": 64_000, "spare": 90 * MBPS}))
    assert carrying["circuit:spare"] >= 90 * MBPS
    down = limits(posed(*circuits, wanted={}, down={"main"}))
    assert down["circuit:spare"] > 19 * down["circuit:main"]


def test_what_cannot_be_altered_is_reserved() -> None:
    circuits = (circuit("h", "health", "internet"), circuit("r", "roads", "internet"))
    shares = limits(posed(*circuits, wanted={"h": 0}, pinned={"h": 80 * MBPS}))
    assert shares == {"circuit:h": 80 * MBPS, "circuit:r": 20 * MBPS}


def test_a_port_is_a_ceiling() -> None:
    circuits = (circuit("h", "health", "internet", port_speed_bps=10 * MBPS), circuit("r", "roads", "internet"))
    assert limits(posed(*circuits)) == {"circuit:h": 10 * MBPS, "circuit:r": 90 * MBPS}
