"""A canary, then growing batches; what is taken back, and what waits."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from netmon.core import rollout
from netmon.core.changes import Action, Change
from netmon.core.model import Circuit, Direction, Faces, ShapingPoint, VerdictReason
from netmon.core.rollout import FIRST_PAUSE_NS, LONGEST_PAUSE_NS, End

MBPS = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def change(circuit: str, to_bps: int | None = MBPS, from_bps: int | None = None, way: Direction = DOWN) -> Change:
    action = Action.REMOVE if to_bps is None else Action.SET
    router = f"r-{circuit}"
    return Change(router, circuit, circuit, way, action, from_bps, to_bps, VerdictReason.OVER_QUOTA, None)


def sizes(routers: int, most: int, ends: tuple[End, ...] = (End.CONFIRMED,)) -> list[int]:
    found: list[int] = []
    plan = rollout.begin([change(f"{number:03}") for number in range(routers)], most)
    while True:
        batch, plan = plan.batch()
        if not batch:
            return found
        found.append(len(batch))
        plan = plan.after(ends)


def test_the_first_router_goes_alone_and_batches_double_up_to_the_most() -> None:
    assert sizes(200, 32) == [1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 9]
    assert sizes(3, 1) == [1, 1, 1]
    assert sizes(0, 32) == []


def test_no_batch_grows_until_something_went_well() -> None:
    assert sizes(4, 32, (End.UNTOUCHED,)) == [1, 1, 1, 1]
    assert sizes(4, 32, (End.UNTOUCHED, End.CONFIRMED)) == [1, 2, 1]


@given(st.lists(st.sampled_from("abcde"), max_size=30), st.integers(1, 4))
def test_every_change_is_in_one_batch_and_those_of_one_router_stay_together_in_order(
    names: list[str], most: int
) -> None:
    changes = [replace(change(name), to_bps=1000 + at) for at, name in enumerate(names)]
    plan, seen = rollout.begin(changes, most), []
    while True:
        batch, plan = plan.batch()
        if not batch:
            break
        assert len(batch) <= most
        assert all(len({one.router for one in group}) == 1 for group in batch)
        seen += [one for group in batch for one in group]
        plan = plan.after([End.CONFIRMED])
    assert sorted(seen, key=lambda one: one.to_bps or 0) == changes
    for name in set(names):
        ours = [one.to_bps for one in seen if one.circuit == name]
        assert ours == sorted(ours, key=lambda bps: bps or 0)


def test_what_is_taken_back_is_as_it_was_the_last_first() -> None:
    new, lowered = change("a"), change("b", MBPS, 4 * MBPS)
    back = rollout.taken_back([new, lowered])
    assert [(one.circuit, one.action, one.from_bps, one.to_bps) for one in back] == [
        ("b", Action.SET, MBPS, 4 * MBPS),
        ("a", Action.REMOVE, MBPS, None),
    ]
    assert {one.reason for one in back} == {VerdictReason.ROLLOUT_HALTED}
    assert not any(rollout.tightens(one) for one in back)


def test_a_halt_lasts_a_minute_and_from_one_to_the_next_twice_as_long_up_to_an_hour() -> None:
    halt, pauses = None, []
    for _ in range(8):
        halt = rollout.halted(halt, change("a"), 5)
        assert halt.until_ns == 5 + halt.pause_ns
        pauses.append(halt.pause_ns // FIRST_PAUSE_NS)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert halt is not None
    assert halt.pause_ns == LONGEST_PAUSE_NS


def circuit(name: str, *pools: str, crosses: tuple[str, ...] = (), at: ShapingPoint | None = None) -> Circuit:
    return Circuit(name, name, f"r-{name}", "ether1", Faces.AGENCY, pools=pools, crosses=crosses, limited_at=at)


def test_an_increase_waits_for_a_decrease_that_it_shares_capacity_with_and_for_no_other() -> None:
    shared = ShapingPoint("core", "sfp1", Faces.PROVINCE, ("10.0.0.0/8",))
    circuits = {
        one.id: one
        for one in (
            circuit("fell", "internet", crosses=("backhaul-1",)),
            circuit("same-pool", "internet"),
            circuit("same-way", "domestic", crosses=("backhaul-1",)),
            circuit("other", "domestic", crosses=("backhaul-2",)),
            circuit("behind", "a", at=shared),
            circuit("behind-too", "b", at=shared),
            circuit("nowhere"),
            circuit("nowhere-too"),
        )
    }
    increases = [change(name, 4 * MBPS, MBPS) for name in circuits if name != "fell"]
    up = change("same-pool", 4 * MBPS, MBPS, UP)

    def waiting(undone: str) -> set[str]:
        return {one.circuit for one in rollout.held_back([*increases, up], [change(undone)], circuits) if one is not up}

    assert waiting("fell") == {"same-pool", "same-way"}
    assert up not in rollout.held_back([up], [change("fell")], circuits)
    assert waiting("behind") == {"behind", "behind-too"}
    assert waiting("nowhere") == {"nowhere", "nowhere-too"}, "who names no pool may draw on the same"
    assert rollout.held_back(increases, [], circuits) == frozenset()
