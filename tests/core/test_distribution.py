"""From a question about the whole inventory to the limits that are set, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from bench.working_day import FAILED_BPS, FAILS_S, POOL_BPS, STEP_S, Province, Tally
from core.test_entitled import DOMESTIC, INTERNET, LAB, MBPS, agency, circuit, entitled
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.allocation import MINIMUM_BPS, USABLE_BPS
from netmon.core.capacity import InForce
from netmon.core.damping import Damping, Move, Wait
from netmon.core.decided import Decided, Reasoning, reasons
from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.distribution import Distribution, Limit, Question, distribute
from netmon.core.entitled import Inventory
from netmon.core.model import NANOSECONDS, Circuit, Direction, Mode, RateLimit, Role, Verdict, VerdictReason
from netmon.core.scarcity import Plenty, Scarcity
from netmon.core.supply import Backhaul, Entitlement, Pool, Rates, Sharing

NOW_NS = 1_790_000_000 * NANOSECONDS
MINUTE_NS = 60 * NANOSECONDS
DOWN = Direction.DOWNLOAD


def ours(name: str, owner: str, *pools: str, **more: Any) -> Circuit:
    return circuit(name, owner, *pools, mode=more.pop("mode", Mode.ENFORCE), **more)


def question(
    *circuits: Circuit,
    wanted: Mapping[str, int | None] | None = None,
    limits: Mapping[str, Limit] | None = None,
    pools: tuple[Pool, ...] = (INTERNET, DOMESTIC, LAB),
    backhauls: tuple[Backhaul, ...] = (),
    **more: Any,
) -> Question:
    """About downloads: rates in Mb/s."""
    agencies = tuple(agency(name) for name in sorted({each.agency for each in circuits}))
    return Question(
        now_ns=more.pop("now_ns", NOW_NS),
        inventory=Inventory(agencies, circuits, pools, backhauls),
        entitlements=more.pop("entitlements", ()),
        capacities=more.pop("capacities", {}),
        verdicts=more.pop("verdicts", {}),
        directives=more.pop("directives", ()),
        wanted={DOWN: {name: None if bps is None else bps * MBPS for name, bps in (wanted or {}).items()}},
        limits={(name, DOWN): limit for name, limit in (limits or {}).items()},
        **more,
    )


def limit(mbps: int, minutes_ago: int = 60, *, rose: bool = False) -> Limit:
    return Limit(mbps * MBPS, NOW_NS - minutes_ago * MINUTE_NS, rose)


def slowed(name: str, mbps: int, **more: Any) -> dict[tuple[str, Direction], Verdict]:
    verdict = Verdict(
        name, DOWN, RateLimit(mbps * MBPS), VerdictReason.OVER_QUOTA, "monthly", None, 1, NOW_NS, None, **more
    )
    return {(name, DOWN): verdict}


def directive(kind: DirectiveKind, subject: str, **more: Any) -> Directive:
    return Directive("d1", kind, subject, "by decree", "head", NOW_NS - MINUTE_NS, NOW_NS + MINUTE_NS, **more)


def mbps(of: Mapping[tuple[str, Direction], int | None]) -> dict[str, int | None]:
    return {name: None if bps is None else bps // MBPS for (name, way), bps in of.items() if way is DOWN}


def told(asked: Question, name: str) -> Reasoning:
    (only,) = reasons(asked, distribute(asked), name, DOWN)
    return only


def test_two_agencies_share_what_there_is_in_both_directions() -> None:
    answer = distribute(question(ours("h", "health", "internet"), ours("r", "roads", "internet")))
    assert answer.targets == {
        ("h", Direction.DOWNLOAD): 50 * MBPS,
        ("r", Direction.DOWNLOAD): 50 * MBPS,
        ("h", Direction.UPLOAD): 25 * MBPS,
        ("r", Direction.UPLOAD): 25 * MBPS,
    }
    assert answer.alter == answer.targets


def test_an_entitlement_counts_only_while_it_is_in_force() -> None:
    circuits = (ours("h", "health", "internet"), ours("r", "roads", "internet"))
    over = entitled("health", weight=9, until_ns=NOW_NS)
    assert mbps(distribute(question(*circuits, entitlements=(over,))).targets) == {"h": 50, "r": 50}
    holds = entitled("health", weight=9, until_ns=NOW_NS + 1)
    assert mbps(distribute(question(*circuits, entitlements=(holds,))).targets) == {"h": 90, "r": 10}


@pytest.mark.parametrize(
    ("wanted", "before", "expected", "plenty"),
    [
        ({"a": 18, "b": 18}, Scarcity(), None, Plenty.AMPLE),
        ({"a": 18, "b": 19}, Scarcity(), 20, Plenty.SHORT),
        ({"a": 18, "b": None}, Scarcity(), None, Plenty.AMPLE),
        ({"a": 15, "b": 15}, Scarcity(Plenty.SHORT), 20, Plenty.EASING),
        ({"a": 15, "b": 15}, Scarcity(Plenty.EASING, NOW_NS - 15 * MINUTE_NS), None, Plenty.AMPLE),
        ({"a": 1000, "b": 0}, Scarcity(), None, Plenty.AMPLE),
    ],
    ids=["enough", "short", "not known", "easing", "over", "more wanted than its port can carry"],
)
def test_a_pool_that_shares_while_scarce_sets_limits_only_then(
    wanted: dict[str, int | None], before: Scarcity, expected: int | None, plenty: Plenty
) -> None:
    circuits = (ours("a", "health", "domestic", port_speed_bps=30 * MBPS), ours("b", "roads", "domestic"))
    answer = distribute(question(*circuits, wanted=wanted, scarcity={("domestic", DOWN): before}))
    assert mbps(answer.targets) == {"a": expected, "b": expected}
    assert answer.scarcity["domestic", DOWN].plenty is plenty


def test_limits_end_when_nothing_is_short_any_more() -> None:
    asked = question(ours("a", "health", "domestic"), wanted={"a": 1}, limits={"a": limit(20)})
    answer = distribute(asked)
    assert (mbps(answer.alter), told(asked, "health").decided) == ({"a": None}, Decided.NOT_SHORT)


def test_a_short_backhaul_limits_those_who_cross_it_and_nobody_else() -> None:
    radio = Backhaul("radio", "r2", None, Rates(6 * MBPS, 6 * MBPS))
    circuits = (
        ours("a", "health", "domestic", crosses="radio"),
        ours("b", "roads", "domestic", crosses="radio"),
        ours("c", "civil", "domestic"),
    )
    answer = distribute(question(*circuits, wanted={"a": 5, "b": 5, "c": 5}, backhauls=(radio,)))
    assert mbps(answer.targets) == {"a": 3, "b": 3, "c": None}


def test_after_a_restart_limits_stay_until_something_is_measured() -> None:
    circuits = (ours("a", "health", "domestic"), ours("b", "roads", "domestic"))
    asked = question(*circuits, limits={"a": limit(33), "b": limit(7)})
    answer = distribute(asked)
    assert (mbps(answer.targets), answer.alter) == ({"a": 33, "b": 7}, {})
    assert answer.scarcity["domestic", DOWN].short
    measured = replace(asked, wanted={DOWN: {"b": 30 * MBPS}}, scarcity=answer.scarcity)
    assert mbps(distribute(measured).targets) == {"a": 20, "b": 20}


def test_a_step_of_a_quota_holds_though_nothing_is_short() -> None:
    circuits = (ours("a", "health", "domestic"), ours("b", "roads", "domestic"), ours("x", "civil"))
    verdicts = slowed("health", 4) | slowed("civil", 2)
    asked = question(*circuits, wanted={"a": 4, "b": 5}, verdicts=verdicts)
    assert mbps(distribute(asked).alter) == {"a": 4, "x": 2}
    assert [told(asked, name).decided for name in ("health", "roads", "civil")] == [
        Decided.LADDER,
        Decided.NOT_SHORT,
        Decided.LADDER,
    ]


def test_a_new_step_is_obeyed_at_once_though_the_limit_rose_a_minute_ago() -> None:
    asked = question(
        ours("a", "health", "internet"),
        ours("b", "roads", "internet"),
        verdicts=slowed("health", 4),
        limits={"a": limit(50, 1, rose=True), "b": limit(50, 1, rose=True)},
    )
    answer = distribute(asked)
    assert answer.damped.moves["a", DOWN] == (4 * MBPS, Move.CAPACITY)
    assert mbps(answer.alter) == {"a": 4, "b": 96}


def test_a_boost_is_had_at_once() -> None:
    boost = directive(DirectiveKind.BOOST, "health", rates=Rates(80 * MBPS, MBPS))
    asked = question(
        ours("a", "health", "internet"),
        ours("b", "roads", "internet"),
        verdicts=slowed("health", 4),
        limits={"a": limit(4, 1), "b": limit(96, 1, rose=True)},
        directives=(boost,),
        wanted={"b": 96},
    )
    assert mbps(distribute(asked).alter) == {"a": 80, "b": 20}
    assert told(asked, "health").decided is Decided.BOOST
    later = replace(asked, now_ns=boost.until_ns or 0)
    assert mbps(distribute(later).targets) == {"a": 4, "b": 96}


def test_a_failed_uplink_makes_room_at_once_and_floors_are_kept() -> None:
    circuits = (ours("a", "health", "internet"), ours("b", "roads", "internet"))
    half = InForce("internet", INTERNET.purchased, 40 * MBPS, 25 * MBPS)
    asked = question(
        *circuits,
        entitlements=(entitled("health", floor=30),),
        capacities={"internet": half},
        limits={"a": limit(50, 1, rose=True), "b": limit(50, 1, rose=True)},
        wanted={"a": 1, "b": 50},
    )
    assert mbps(distribute(asked).alter) == {"a": 30, "b": 10}
    assert not distribute(asked).infeasible[DOWN]
    assert told(asked, "health").decided is Decided.FLOOR
    assert told(asked, "roads").decided is Decided.ALLOCATION


def test_where_nothing_is_left_limits_stay_as_they_are() -> None:
    gone = InForce("internet", INTERNET.purchased, None, None)
    asked = question(ours("a", "health", "internet"), capacities={"internet": gone}, limits={"a": limit(50)})
    answer = distribute(asked)
    assert (answer.targets, answer.alter) == ({}, {})
    assert (told(asked, "health").decided, told(asked, "health").next_bps) == (Decided.NOTHING_LEFT, 50 * MBPS)


@pytest.mark.parametrize(
    "more",
    [
        {"fixed": frozenset({"a"})},
        {"directives": (directive(DirectiveKind.FREEZE, "health"),)},
    ],
    ids=["out of reach", "frozen"],
)
def test_what_cannot_be_altered_is_reserved_and_the_rest_is_shared(more: dict[str, Any]) -> None:
    circuits = (ours("a", "health", "internet"), ours("b", "roads", "internet"), ours("c", "civil", "internet"))
    asked = question(*circuits, limits={"a": limit(60)}, **more)
    assert mbps(distribute(asked).alter) == {"b": 20, "c": 20}


def test_a_freeze_of_everybody_alters_nothing() -> None:
    circuits = (ours("a", "health", "internet"), ours("x", "civil"))
    freeze = directive(DirectiveKind.FREEZE, EVERYBODY)
    answer = distribute(question(*circuits, verdicts=slowed("civil", 2), directives=(freeze,)))
    assert answer.alter == {}
    assert set(answer.damped.waits.values()) == {Wait.FROZEN}


def test_circuits_that_are_only_observed_have_targets_but_are_not_altered() -> None:
    circuits = (ours("a", "health", "internet", mode=Mode.OBSERVE), ours("b", "roads", "internet"))
    answer = distribute(question(*circuits))
    assert (mbps(answer.targets), mbps(answer.alter)) == ({"a": 50, "b": 50}, {"b": 50})


def test_a_backup_outside_of_pools_inherits_when_its_primary_is_down() -> None:
    circuits = (ours("main", "health"), ours("spare", "health", role=Role.BACKUP))
    asked = question(*circuits, verdicts=slowed("health", 20))
    assert mbps(distribute(asked).targets) == {"main": 19, "spare": 1}
    assert mbps(distribute(replace(asked, down=frozenset({"main"}))).targets) == {"main": 1, "spare": 19}


def test_a_limit_is_never_0_however_little_there_is() -> None:
    tiny = replace(INTERNET, purchased=Rates(10, 10))
    circuits = (ours("a", "health", "internet"), ours("b", "roads", "internet"))
    asked = question(*circuits, pools=(tiny,))
    assert set(distribute(asked).targets.values()) == {1000}
    assert told(asked, "health").decided is Decided.MINIMUM


def test_why_tells_what_decided() -> None:
    circuits = (
        ours("a", "health", "internet"),
        ours("b", "roads", "internet", port_speed_bps=10 * MBPS),
        ours("c", "civil", "internet"),
        ours("d", "dukcapil", "internet"),
    )
    asked = question(
        *circuits,
        entitlements=(entitled("civil", ceiling=5),),
        wanted={"a": 20, "b": 50, "c": 50, "d": 1},
        limits={"d": limit(10, 1)},
    )
    found = {name: told(asked, name) for name in ("health", "roads", "civil", "dukcapil")}
    assert {name: (why.decided, why.by) for name, why in found.items()} == {
        "health": (Decided.HEADROOM, "internet"),
        "roads": (Decided.PORT, "circuit:b"),
        "civil": (Decided.CEILING, "agency:civil@internet"),
        "dukcapil": (Decided.HEADROOM, "internet"),
    }
    why = found["dukcapil"]
    assert why.wanted is not None
    assert why.headroom is not None
    assert (why.wanted.share_bps, why.headroom.floor_bps, why.target_bps) == (MBPS, MBPS, 42_500_000)
    assert (why.in_force_bps, why.next_bps, why.damping) == (10 * MBPS, 10 * MBPS, Wait.HOLD)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Up to eight circuits of four agencies, two of them below another, on two pools and a backhaul."""
    owners = ("district", "office", "health", "roads")
    rate = st.integers(0, 60)
    circuits = tuple(
        ours(
            f"c{number}",
            draw(st.sampled_from(owners)),
            *draw(st.permutations(["internet", "domestic"]))[: draw(st.integers(0, 2))],
            crosses=draw(st.sampled_from(["", "radio"])),
            role=draw(st.sampled_from(Role)),
            mode=draw(st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE])),
        )
        for number in range(draw(st.integers(1, 8)))
    )
    entitlements = tuple(
        Entitlement(
            owner,
            pool,
            0,
            Rates(floor * MBPS, 0),
            Rates((floor + extra) * MBPS, MBPS),
            draw(st.integers(1, 5)),
            draw(st.sampled_from([None, 0, 3])),
        )
        for owner in owners
        for pool in ("internet", "domestic")
        if draw(st.booleans()) and ((floor := draw(rate) // 4), (extra := draw(rate)))
    )
    limits = {
        each.id: limit(draw(rate) + 1, draw(st.integers(0, 20)), rose=draw(st.booleans()))
        for each in circuits
        if draw(st.booleans())
    }
    asked = question(
        *circuits,
        wanted={each.id: draw(st.none() | rate) for each in circuits},
        entitlements=entitlements,
        limits=limits,
        backhauls=(Backhaul("radio", "r2", None, Rates(6 * MBPS, 6 * MBPS)),),
        verdicts=slowed(draw(st.sampled_from(owners)), draw(rate) + 1, may_breach_floor=draw(st.booleans())),
        directives=(
            directive(DirectiveKind.BOOST, draw(st.sampled_from(owners)), rates=Rates((draw(rate) + 1) * MBPS, MBPS)),
        ),
        down=frozenset(draw(st.sets(st.sampled_from([each.id for each in circuits])))),
        pools=(replace(INTERNET, sharing=draw(st.sampled_from(Sharing))), DOMESTIC),
    )
    agencies = (agency("district"), agency("office", "district"), agency("health", "district"), agency("roads"))
    return replace(asked, inventory=replace(asked.inventory, agencies=agencies))


def fits(asked: Question, answer: Distribution, capacity: str, there: int) -> bool:
    """Whether what is limited by us stays within, where we could alter everything that crosses it.

    What is not short holds nobody back: ceilings may add up to more than there is. Where floors had to be cut, each
    circuit has the least there is all the same.
    """
    if capacity not in answer.ways[DOWN].short:
        return True
    crossing = [
        each
        for each in asked.inventory.circuits
        if capacity in (*each.pools, *each.crosses) and set(each.pools) & sharing(asked)
    ]
    bps = []
    for each in crossing:
        in_force = asked.limits.get((each.id, DOWN), Limit(None)).bps
        if each.mode is Mode.OBSERVE and in_force is not None:
            return True
        bps.append(answer.alter.get((each.id, DOWN), in_force) or 0)
    return sum(bps) <= there + (MINIMUM_BPS * len(bps) if answer.infeasible[DOWN] else 0)


def sharing(asked: Question) -> set[str]:
    return {pool.id for pool in asked.inventory.pools if pool.sharing is not Sharing.NEVER}


@given(questions())
@settings(max_examples=300, deadline=None)
def test_what_is_set_exceeds_no_capacity_is_never_0_and_can_be_explained(asked: Question) -> None:
    answer = distribute(asked)
    assert all(bps is None or bps >= 1000 for bps in answer.alter.values())
    for pool in asked.inventory.pools:
        if pool.id in sharing(asked):
            assert fits(asked, answer, pool.id, pool.purchased.download_bps)
    if sharing(asked):
        assert fits(asked, answer, "radio", 6 * MBPS)
    for owner in {each.agency for each in asked.inventory.circuits}:
        for why in reasons(asked, answer, owner, DOWN):
            assert why.target_bps == answer.targets[why.circuit, DOWN]
            assert why.headroom is None or why.wanted is None or why.headroom.floor_bps == why.wanted.share_bps
            if why.damping in (None, Move.TARGET, Move.CAPACITY, Move.FLOOR, Move.ROOM) and why.wanted is not None:
                assert why.next_bps == why.target_bps


@given(questions())
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_inventory_does_not_matter(asked: Question) -> None:
    there = asked.inventory
    turned = replace(there, agencies=there.agencies[::-1], circuits=there.circuits[::-1], pools=there.pools[::-1])
    one, other = distribute(asked), distribute(replace(asked, inventory=turned))
    assert (one.targets, one.alter) == (other.targets, other.alter)


def test_an_earlier_class_that_wants_everything_leaves_each_circuit_enough_to_be_used() -> None:
    circuits = (ours("h", "health", "internet"), *(ours(f"r{n}", "roads", "internet") for n in range(3)))
    first = entitled("health", priority=0)
    found = distribute(question(*circuits, wanted={each.id: 900 for each in circuits}, entitlements=(first,))).targets
    assert [found[f"r{n}", DOWN] for n in range(3)] == [USABLE_BPS] * 3
    assert found["h", DOWN] == 100 * MBPS - 3 * USABLE_BPS


def test_what_is_kept_for_all_circuits_is_a_twentieth_of_a_capacity_at_most() -> None:
    circuits = (ours("h", "health", "internet"), *(ours(f"r{n}", "roads", "internet") for n in range(199)))
    found = distribute(
        question(*circuits, wanted={each.id: 900 for each in circuits}, entitlements=(entitled("health", priority=0),))
    ).targets
    assert {found[f"r{n}", DOWN] for n in range(199)} == {100 * MBPS // 20 // 200}


@pytest.mark.parametrize(("breach", "bps"), [(False, 6), (True, 2)])
def test_a_step_stops_at_what_is_guaranteed_of_a_pool_that_is_not_shared(breach: bool, bps: int) -> None:
    circuits = (ours("a", "health", "lab"), ours("b", "health", "lab"))
    guaranteed = (entitled("health", "lab", floor=6, ceiling=9), entitled("health", "internet", floor=50))
    said = slowed("health", 2, may_breach_floor=breach)
    found = distribute(question(*circuits, entitlements=guaranteed, verdicts=said)).targets
    assert sum(found[name, DOWN] or 0 for name in "ab") == bps * MBPS


def an_hour(seed: int) -> list[dict[tuple[str, Direction], int | None]]:
    """The limits in force after each turn of the busiest hour, in which an uplink fails."""
    province, tally, seen = Province(seed, Damping()), Tally(), []
    for second in range(FAILS_S - 1800, FAILS_S + 1800, STEP_S):
        province.turn(second, tally)
        seen.append({place: limit.bps for place, limit in province.limits.items()})
        there = FAILED_BPS if second > FAILS_S else POOL_BPS  # on 64 routers a fall takes two turns
        assert sum(bps or 0 for bps in seen[-1].values()) <= there
    assert tally.violations == 0
    assert max(tally.changes) <= Damping().routers * 2
    return seen


def test_an_hour_of_a_province_keeps_floors_and_capacity_and_comes_out_the_same_again() -> None:
    first = an_hour(seed=1)
    assert len(first[-1]) == 80
    assert an_hour(seed=1) == first
