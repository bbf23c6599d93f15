"""Plans rolled out: canary, batches, halts, what is taken back; routers left alone; ends renewed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.actions_bench import DOWN, MBPS, PLACES, UNKNOWN, Bench, a_change, failed, sound

from netmon.core.changes import Outcome, Proof, Step
from netmon.core.model import NANOSECONDS, VerdictReason
from netmon.core.planning import Observed
from netmon.daemon.enforcer import Order, StepBegins
from netmon.routers.enforcement import Result
from netmon.routers.session import Failure
from netmon.store.ledger import Ledger

UNREACHABLE = Result(Outcome.FAILED, Proof.NOT_TESTABLE, "no route", Failure.UNREACHABLE, None, known=False)
MISMATCH = Result(Outcome.FAILED, Proof.READ_BACK, "asked for 1", Failure.READ_BACK_MISMATCH, None, known=True)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with sound(tmp_path) as one:
        yield one


def stepping(bench: Bench) -> None:
    """Every change tells its steps, as a real one does."""

    async def advance(order: Order) -> None:
        if order.intent is not None and order.apply:
            for step in (Step.CONNECT, Step.ARM, Step.APPLY, Step.READ_BACK):
                await bench.actions.record_step(StepBegins(order.intent.id, step))

    bench.routers.before = advance


ALL = [a_change(circuit, MBPS) for circuit in PLACES]


async def told(bench: Bench) -> list[tuple[str, str]]:
    """What the control loop would tell: keys and reasons of what fires."""
    return [(one.key, one.reason) for one in bench.actions.conditions() if one.firing]


async def test_the_canary_is_confirmed_before_anything_else_is_tightened(bench: Bench) -> None:
    under_way: set[str] = set()

    async def watch(order: Order) -> None:
        if len(bench.routers.orders) <= 2:
            assert order.router == "palu"
            assert len(await bench.recorded()) == len(bench.routers.orders) - 1
        under_way.add(order.router)

    bench.routers.before = watch
    await bench.carry_out(*ALL)
    assert [circuit for _, circuit in bench.routers.told] == ["dinkes-fo", "arsip-fo", "dishub-fo"]
    assert under_way == {"palu", "gowa"}


async def test_a_failed_verification_halts_the_rollout_and_takes_back_what_its_batch_tightened(bench: Bench) -> None:
    stepping(bench)
    bench.routers.will("apply", "arsip-fo", MISMATCH)
    receipts = await bench.carry_out(*ALL)
    assert [(one.change.circuit, one.change.to_bps, one.outcome) for one in receipts] == [
        ("dinkes-fo", MBPS, Outcome.CONFIRMED),
        ("arsip-fo", MBPS, Outcome.FAILED),
        ("dinkes-fo", None, Outcome.CONFIRMED),
    ]
    assert receipts[2].change.reason is VerdictReason.ROLLOUT_HALTED
    assert await bench.recorded() == receipts
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)
    assert bench.actions.is_halted
    assert await told(bench) == [("rollout", "rollout_halted")]


async def test_while_a_rollout_is_halted_removals_go_on_and_dependent_increases_wait(bench: Bench) -> None:
    stepping(bench)
    bench.routers.will("apply", "dinkes-fo", MISMATCH)
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.standing.limits["arsip-fo", DOWN] = Observed(4 * MBPS, known=True)
    bench.standing.limits["dishub-fo", DOWN] = Observed(MBPS, known=True)
    bench.routers.orders.clear()
    both = a_change("arsip-fo", None, 4 * MBPS), a_change("dishub-fo", 4 * MBPS, MBPS)
    await bench.carry_out(a_change("dinkes-fo", 2 * MBPS), *both)
    assert bench.routers.told == [("apply", "arsip-fo")]


async def test_after_the_pause_a_canary_goes_again_and_its_success_ends_the_halt(bench: Bench) -> None:
    stepping(bench)
    bench.routers.will("apply", "dinkes-fo", MISMATCH)
    await bench.carry_out(*ALL)
    await bench.carry_out(a_change("dishub-fo", MBPS))
    assert bench.routers.told == [("apply", "dinkes-fo")], "nothing is tightened meanwhile"
    bench.hands.pass_s(60)
    assert not bench.actions.is_halted
    assert await told(bench) == [("rollout", "rollout_halted")], "until a canary went well"
    await bench.carry_out(a_change("dishub-fo", MBPS))
    assert await told(bench) == []


async def test_a_person_who_asks_ends_the_halt_at_once(bench: Bench) -> None:
    stepping(bench)
    bench.routers.will("apply", "dinkes-fo", MISMATCH)
    await bench.carry_out(*ALL)
    await bench.actions.look_afresh()
    assert len(await bench.carry_out(*ALL)) == 3


async def test_a_failure_before_the_router_was_touched_halts_nothing(bench: Bench) -> None:
    bench.routers.will("apply", "dinkes-fo", failed("foreign_shaper: a qdisc not made by netmon"))
    receipts = await bench.carry_out(*ALL)
    assert [one.outcome for one in receipts] == [Outcome.FAILED, Outcome.CONFIRMED, Outcome.CONFIRMED]
    assert not bench.actions.is_halted


async def test_what_is_not_known_halts_the_rollout_and_nothing_is_done_on_a_router_in_doubt(bench: Bench) -> None:
    bench.routers.will("apply", "arsip-fo", UNKNOWN)
    await bench.carry_out(*ALL)
    assert bench.actions.is_halted
    assert [circuit for _, circuit in bench.routers.told] == ["dinkes-fo", "arsip-fo"], "not even taken back"


async def test_a_halt_that_was_told_outlives_the_daemon(bench: Bench) -> None:
    stepping(bench)
    bench.routers.will("apply", "dinkes-fo", MISMATCH)
    await bench.carry_out(*ALL)
    await record_alerts(bench)
    await bench.restarted()
    assert bench.actions.is_halted
    bench.hands.pass_s(60)
    assert not bench.actions.is_halted


async def record_alerts(bench: Bench) -> None:
    from netmon.core import alerting

    now_ns = bench.hands.wall_ns
    found = [alerting.transition(None, one, now_ns) for one in bench.actions.conditions()]
    alerts = [one for one in found if one is not None]
    await bench.ledger.write(Ledger.decide, (), alerts, now_ns)


# --- routers that are left alone -------------------------------------------------------------


async def test_a_router_that_fails_three_times_in_a_row_is_left_alone_then_probed_once(bench: Bench) -> None:
    bench.routers.will("apply", "dinkes-fo", *[UNREACHABLE] * 4)
    for attempt in range(3):
        assert bench.actions.open_routers == frozenset()
        await bench.carry_out(a_change("dinkes-fo", (attempt + 1) * MBPS))
    assert bench.actions.open_routers == {"palu"}
    assert await told(bench) == [("breaker/palu", "breaker_open")]
    await bench.carry_out(a_change("arsip-fo", MBPS), a_change("dishub-fo", MBPS))
    assert [circuit for _, circuit in bench.routers.told[3:]] == ["dishub-fo"]
    bench.hands.pass_s(15 * 60)
    await bench.carry_out(a_change("dinkes-fo", MBPS), a_change("arsip-fo", MBPS))
    assert [circuit for _, circuit in bench.routers.told[4:]] == ["dinkes-fo"], "one probe, which fails"
    assert bench.actions.open_routers == {"palu"}
    bench.hands.pass_s(30 * 60)
    assert len(await bench.carry_out(a_change("dinkes-fo", MBPS), a_change("arsip-fo", MBPS))) == 2
    assert await told(bench) == []


async def test_a_person_who_asks_has_a_router_tried_that_was_left_alone(bench: Bench) -> None:
    mismatch = replace(UNREACHABLE, reason=Failure.HOST_KEY_MISMATCH)
    bench.routers.will("apply", "dinkes-fo", mismatch)
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.hands.pass_s(365 * 86_400)
    assert bench.actions.open_routers == {"palu"}, "for good"
    assert await told(bench) == [("breaker/palu", "host_key_mismatch")]
    await record_alerts(bench)
    await bench.restarted()
    assert bench.actions.open_routers == {"palu"}
    await bench.actions.look_afresh()
    assert len(await bench.carry_out(a_change("dinkes-fo", MBPS))) == 1


async def test_one_port_s_trouble_is_not_its_router_s(bench: Bench) -> None:
    foreign = replace(UNREACHABLE, reason=Failure.FOREIGN_SHAPER)
    bench.routers.will("apply", "dinkes-fo", *[foreign] * 5)
    for attempt in range(5):
        await bench.carry_out(a_change("dinkes-fo", (attempt + 1) * MBPS))
    assert bench.actions.open_routers == frozenset()
    assert bench.actions.failing_ports == {("palu", "ether1")}
    bench.hands.pass_s(3600)
    assert bench.actions.failing_ports == frozenset()


async def test_nothing_more_is_begun_once_the_daemon_ends(bench: Bench) -> None:
    async def end(order: Order) -> None:
        await asyncio.sleep(0)
        bench.actions.end()

    bench.routers.before = end
    assert len(await bench.carry_out(*ALL)) == 1


async def test_a_limit_carries_its_end_and_a_removal_none(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    await bench.carry_out(a_change("dinkes-fo", None, MBPS))
    asked = [order.intent.expires_s for order in bench.routers.orders if order.intent is not None]
    assert asked == [86_400, 0]


async def test_every_change_has_a_newer_revision_and_a_restarted_daemon_knows_of_them_all(bench: Bench) -> None:
    await bench.restarted()
    await bench.carry_out(*ALL)
    owners = [order.target.owner for order in bench.routers.orders]
    revisions = [one.revision for one in owners if one is not None]
    assert len(set(revisions)) == 3
    assert revisions == sorted(revisions)
    bench.hands.wall_ns -= 3600 * NANOSECONDS
    await bench.restarted()
    order = bench.actions.ordering.order_for(bench.configuration.circuits[0])
    assert order is not None
    assert order.target.known_revision >= max(revisions)
    assert {one.name for one in owners if one is not None} == {(await bench.ledger.write(Ledger.marker))[0]}
