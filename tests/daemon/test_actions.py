"""Plans carried out: an intent before every touch, one receipt for every intent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon.actions_bench import (
    DIED,
    DOWN,
    MBPS,
    PLACES,
    UNKNOWN,
    Bench,
    a_change,
    a_plan,
    failed,
    sound,
)
from support.processes import eventually

from netmon.core.changes import Action, Intent, Outcome, Proof, Step
from netmon.core.model import NANOSECONDS
from netmon.core.planning import Observed
from netmon.daemon.actions import FIRST_RETRY_NS
from netmon.daemon.enforcer import Order, StepBegins
from netmon.daemon.processes import ChildFailedError
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with sound(tmp_path) as one:
        yield one


# --- the plain way ---------------------------------------------------------------------------


async def test_the_intent_is_on_disk_before_the_order_goes_out(bench: Bench) -> None:
    seen: list[list[Intent]] = []

    async def look(order: Order) -> None:
        seen.append(await bench.open_intents())
        assert bench.actions.doubtful_routers == {"palu"}

    bench.routers.before = look
    change = a_change("dinkes-fo", 4 * MBPS)
    await bench.carry_out(change)
    ((intent,),) = seen
    assert intent.change == change
    assert intent.step is Step.RECORDED
    assert intent.created_ns == bench.hands.wall_ns
    assert intent.deadline_ns == bench.hands.wall_ns + 60 * NANOSECONDS
    (order,) = bench.routers.orders
    assert order.intent == intent
    assert order.apply
    assert (order.router, order.platform) == ("palu", "linux")
    assert (order.target.circuit, order.target.interface, order.target.uplinks) == ("dinkes-fo", "ether1", ("wan",))


async def test_a_confirmed_change_leaves_a_receipt_and_what_was_read_back(bench: Bench) -> None:
    (receipt,) = await bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
    assert (receipt.outcome, receipt.proof, receipt.detail) == (Outcome.CONFIRMED, Proof.READ_BACK, "was read back")
    assert receipt.duration_ns == 7
    assert await bench.recorded() == [receipt] == bench.receipts
    assert await bench.open_intents() == []
    assert bench.actions.doubtful_routers == frozenset()
    assert await bench.believed("dinkes-fo") == Observed(4 * MBPS, known=True)
    assert bench.standing.alerts == {}


async def test_every_intent_has_an_id_of_its_own(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", 4 * MBPS), a_change("arsip-fo", 4 * MBPS))
    ids = {receipt.id for receipt in await bench.recorded()}
    assert len(ids) == 2
    assert all(one.startswith("nm-") and len(one) == 19 for one in ids)


async def test_what_the_daemon_sends_to_the_enforcer_holds_no_secret(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
    assert "id_ed25519" not in repr(bench.routers.orders[0])
    assert bench.routers.orders[0].settings.ssh == "limiter"


async def test_a_limit_is_set_then_lowered_then_removed(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
    await bench.carry_out(a_change("dinkes-fo", MBPS, 4 * MBPS))
    await bench.carry_out(a_change("dinkes-fo", None, MBPS))
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)
    assert [receipt.change.to_bps for receipt in await bench.recorded()] == [4 * MBPS, MBPS, None]


async def test_nothing_is_done_where_nothing_is_pending(bench: Bench) -> None:
    keep = replace(a_change("dinkes-fo", 4 * MBPS), action=Action.KEEP)
    assert await bench.carry_out(keep) == []
    assert bench.routers.orders == []


# --- order -----------------------------------------------------------------------------------


async def test_decreases_come_first_on_every_router_before_any_increase(bench: Bench) -> None:
    bench.standing.limits = {("dinkes-fo", DOWN): Observed(MBPS, known=True)}
    increase = a_change("dinkes-fo", 4 * MBPS, MBPS)
    await bench.carry_out(increase, a_change("arsip-fo", MBPS), a_change("dishub-fo", MBPS))
    circuits = [circuit for _, circuit in bench.routers.told]
    assert circuits[2] == "dinkes-fo"
    assert set(circuits[:2]) == {"arsip-fo", "dishub-fo"}


async def test_increases_are_held_back_when_a_decrease_failed_and_removals_are_not(bench: Bench) -> None:
    bench.standing.limits = {
        ("dinkes-fo", DOWN): Observed(MBPS, known=True),
        ("arsip-fo", DOWN): Observed(MBPS, known=True),
    }
    bench.routers.will("apply", "dishub-fo", failed("the read-back differs"))
    receipts = await bench.carry_out(
        a_change("dishub-fo", MBPS), a_change("dinkes-fo", 4 * MBPS, MBPS), a_change("arsip-fo", None, MBPS)
    )
    assert bench.routers.told == [("apply", "dishub-fo"), ("apply", "arsip-fo")]
    assert [receipt.outcome for receipt in receipts] == [Outcome.FAILED, Outcome.CONFIRMED]


@pytest.mark.parametrize("trouble", [UNKNOWN, DIED], ids=["unknown", "died"])
async def test_increases_are_held_back_while_a_decreases_outcome_is_not_known(bench: Bench, trouble: Any) -> None:
    bench.standing.limits = {("dishub-fo", DOWN): Observed(MBPS, known=True)}
    bench.routers.will("apply", "dinkes-fo", trouble)
    await bench.carry_out(a_change("dinkes-fo", MBPS), a_change("dishub-fo", 4 * MBPS, MBPS))
    assert bench.routers.told == [("apply", "dinkes-fo")]


async def test_changes_of_one_router_go_one_by_one_and_routers_do_not_wait_for_one_another(bench: Bench) -> None:
    under_way: dict[str, int] = {"palu": 0, "gowa": 0}
    most_of_palu, at_once = 0, asyncio.Event()

    async def watch(order: Order) -> None:
        nonlocal most_of_palu
        under_way[order.router] += 1
        if all(under_way.values()):
            at_once.set()
        await at_once.wait()
        await asyncio.sleep(0.02)
        most_of_palu = max(most_of_palu, under_way["palu"])
        under_way[order.router] -= 1

    bench.standing.limits = {(circuit, DOWN): Observed(MBPS, known=True) for circuit in PLACES}
    bench.routers.before = watch
    await bench.carry_out(*(a_change(circuit, None, MBPS) for circuit in PLACES))
    assert most_of_palu == 1


async def test_a_plan_is_not_begun_while_another_is_carried_out(bench: Bench) -> None:
    go_on = asyncio.Event()
    bench.routers.before = lambda order: go_on.wait()
    bench.actions.offer(a_plan(a_change("dinkes-fo", MBPS)))
    await eventually(lambda: bench.routers.orders, "the first order")
    bench.actions.offer(a_plan(a_change("dishub-fo", MBPS)))
    go_on.set()
    await bench.actions.finished()
    assert bench.routers.told == [("apply", "dinkes-fo")]


async def test_a_plan_made_before_the_last_change_ended_is_not_carried_out_on_top_of_it(bench: Bench) -> None:
    change = a_change("dinkes-fo", 4 * MBPS)
    await bench.carry_out(change)
    await bench.carry_out(change)
    assert bench.routers.told == [("apply", "dinkes-fo")]


async def test_nothing_more_is_done_on_a_router_that_came_into_doubt(bench: Bench) -> None:
    bench.standing.limits = {("arsip-fo", DOWN): Observed(MBPS, known=True)}
    bench.routers.will("apply", "dinkes-fo", UNKNOWN)
    await bench.carry_out(a_change("dinkes-fo", MBPS), a_change("arsip-fo", None, MBPS))
    assert bench.routers.told == [("apply", "dinkes-fo")], "not even a removal: the router may be undoing something"


async def test_a_router_whose_dialect_is_not_known_is_left_alone_for_a_while(bench: Bench) -> None:
    del bench.platforms["palu"]
    assert await bench.carry_out(a_change("dinkes-fo", MBPS)) == []
    assert bench.routers.orders == []
    assert await bench.open_intents() == []
    bench.platforms["palu"] = "linux"
    assert await bench.carry_out(a_change("dinkes-fo", MBPS)) == []
    bench.hands.pass_s(60)
    assert len(await bench.carry_out(a_change("dinkes-fo", MBPS))) == 1


# --- failure and back-off --------------------------------------------------------------------


async def test_a_failed_change_raises_one_alert_however_often_it_is_tried_in_vain(bench: Bench) -> None:
    change = a_change("dinkes-fo", MBPS)
    for _ in range(3):
        bench.routers.will("apply", "dinkes-fo", failed("foreign_shaper: a qdisc not made by netmon"))
        assert len(await bench.carry_out(change)) == 1
        bench.hands.pass_s(3600)
    outbox = await bench.ledger.write(Ledger.unsent, 100)
    assert [entry.alert.state for entry in outbox] == ["firing"]
    assert "foreign_shaper" in outbox[0].alert.summary
    await bench.carry_out(change)
    outbox = await bench.ledger.write(Ledger.unsent, 100)
    assert [entry.alert.state for entry in outbox] == ["firing", "resolved"]
    assert len({entry.alert.id for entry in outbox}) == 2


async def test_a_change_that_fails_is_tried_again_after_pauses_that_double_up_to_an_hour(bench: Bench) -> None:
    change, pauses = a_change("dinkes-fo", MBPS), []
    for _ in range(9):
        bench.routers.will("apply", "dinkes-fo", failed("no"))
        assert len(await bench.carry_out(change)) == 1
        tried, began_ns = len(bench.routers.orders), bench.hands.wall_ns
        while len(bench.routers.orders) == tried:
            bench.hands.pass_s(10)
            bench.routers.will("apply", "dinkes-fo", failed("no"))
            await bench.carry_out(change)
            bench.routers.script.clear()
        pauses.append((bench.hands.wall_ns - began_ns) // NANOSECONDS)
        bench.hands.pass_s(3600)
    assert pauses[0] == FIRST_RETRY_NS // NANOSECONDS
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600


async def test_a_success_forgets_the_failures_before_it(bench: Bench) -> None:
    bench.routers.will("apply", "dinkes-fo", failed("no"))
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.hands.pass_s(61)
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    await bench.carry_out(a_change("dinkes-fo", None, MBPS))
    assert len(bench.routers.orders) == 3


async def test_one_circuits_failure_holds_no_other_circuit_back(bench: Bench) -> None:
    bench.routers.will("apply", "dinkes-fo", failed("no"))
    both = a_change("dinkes-fo", MBPS), a_change("dishub-fo", MBPS)
    await bench.carry_out(*both)
    bench.standing.limits["dishub-fo", DOWN] = Observed(None, known=True)
    await bench.carry_out(*both)
    assert [circuit for _, circuit in bench.routers.told].count("dishub-fo") == 2
    assert [circuit for _, circuit in bench.routers.told].count("dinkes-fo") == 1


async def test_a_limit_that_could_not_be_lowered_is_removed_without_waiting_for_another_attempt(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
    bench.routers.will("apply", "dinkes-fo", failed("no", 4 * MBPS))
    await bench.carry_out(a_change("dinkes-fo", MBPS, 4 * MBPS))
    (receipt,) = await bench.carry_out(a_change("dinkes-fo", None, 4 * MBPS))
    assert receipt.outcome is Outcome.CONFIRMED
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)


async def test_a_person_who_asks_has_what_failed_tried_again_at_once(bench: Bench) -> None:
    bench.routers.will("apply", "dinkes-fo", failed("no"))
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    await bench.actions.look_afresh()
    assert len(await bench.carry_out(a_change("dinkes-fo", MBPS))) == 1


async def test_what_the_enforcer_refused_before_it_began_failed_and_touched_nothing(bench: Bench) -> None:
    bench.standing.limits = {("dinkes-fo", DOWN): Observed(4 * MBPS, known=True)}
    bench.routers.will("apply", "dinkes-fo", ChildFailedError("router palu has no ssh credential; configure one"))
    (receipt,) = await bench.carry_out(a_change("dinkes-fo", MBPS, 4 * MBPS))
    assert (receipt.outcome, receipt.proof) == (Outcome.FAILED, Proof.NOT_TESTABLE)
    assert receipt.detail == "router palu has no ssh credential; configure one"
    assert await bench.believed("dinkes-fo") == Observed(4 * MBPS, known=True)


# --- the ledger fails ------------------------------------------------------------------------


async def test_nothing_is_touched_that_cannot_be_recorded(bench: Bench) -> None:
    bench.ledger.faults.failing.add("record_intent")
    assert await bench.carry_out(a_change("dinkes-fo", MBPS)) == []
    assert bench.routers.orders == []
    bench.ledger.faults.failing.clear()
    assert len(await bench.carry_out(a_change("dinkes-fo", MBPS))) == 1, "and it is tried again without a pause"


async def test_a_receipt_that_cannot_be_written_leaves_the_intent_open_until_it_can(bench: Bench) -> None:
    bench.ledger.faults.failing.add("close_intent")
    assert await bench.carry_out(a_change("dinkes-fo", MBPS)) == []
    (intent,) = await bench.open_intents()
    assert bench.actions.doubtful_routers == {"palu"}
    assert ("dinkes-fo", DOWN) not in bench.standing.limits, "nothing is believed that is not recorded"
    await bench.settle()
    assert await bench.open_intents() == [intent]
    bench.ledger.faults.failing.clear()
    await bench.settle(after_s=60)
    (receipt,) = await bench.recorded()
    assert (receipt.id, receipt.outcome) == (intent.id, Outcome.CONFIRMED)
    assert "read back and no undo is armed" in receipt.detail
    assert await bench.believed("dinkes-fo") == Observed(MBPS, known=True)
    assert bench.routers.told[0] == ("apply", "dinkes-fo")
    assert ("apply", "dinkes-fo") not in bench.routers.told[1:], "it was never applied a second time"


async def test_steps_are_recorded_before_they_begin(bench: Bench) -> None:
    async def advance(order: Order) -> None:
        assert order.intent is not None
        for step in (Step.CONNECT, Step.ARM, Step.APPLY):
            await bench.actions.record_step(StepBegins(order.intent.id, step))
            (intent,) = await bench.open_intents()
            assert intent.step is step

    bench.routers.before = advance
    await bench.carry_out(a_change("dinkes-fo", MBPS))


async def test_a_step_that_cannot_be_recorded_may_not_begin(bench: Bench) -> None:
    bench.routers.will("apply", "dinkes-fo", UNKNOWN)
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    (intent,) = await bench.open_intents()
    bench.ledger.faults.failing.add("advance_intent")
    with pytest.raises(StoreError, match="the disk is full"):
        await bench.actions.record_step(StepBegins(intent.id, Step.CONNECT))


@pytest.mark.parametrize(
    ("reached", "open_still"),
    [
        ((), False),
        ((Step.CONNECT,), False),
        ((Step.CONNECT, Step.ARM), True),
        ((Step.CONNECT, Step.ARM, Step.APPLY), True),
        ((Step.CONNECT, Step.ARM, Step.APPLY, Step.READ_BACK, Step.DISARM), True),
    ],
)
async def test_a_change_stopped_at_a_step_that_could_not_be_recorded_failed_only_if_nothing_had_been_sent(
    bench: Bench, reached: Sequence[Step], open_still: bool
) -> None:
    async def advance(order: Order) -> None:
        assert order.intent is not None
        for step in reached:
            await bench.actions.record_step(StepBegins(order.intent.id, step))

    bench.routers.before = advance
    sentence = "the step could not be recorded, so it was not begun: the disk is full"
    bench.routers.will("apply", "dinkes-fo", ChildFailedError(sentence))
    receipts = await bench.carry_out(a_change("dinkes-fo", MBPS))
    assert [receipt.outcome for receipt in receipts] == ([] if open_still else [Outcome.FAILED])
    assert bool(await bench.open_intents()) is open_still
