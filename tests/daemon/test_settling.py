"""What became of a change nobody saw the end of is found out by reading; nothing is repeated blindly."""

from __future__ import annotations

import asyncio
import random
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
from daemon.world import Hands, a_poll
from support.ledgers import audited
from support.processes import eventually

from netmon.core.changes import Intent, Outcome
from netmon.core.counters import account
from netmon.core.heads import Ceilings
from netmon.core.measurement import GapReason
from netmon.core.model import NANOSECONDS
from netmon.core.planning import Observed
from netmon.core.resolving import GRACE_NS, Armed
from netmon.daemon.processes import ChildFailedError
from netmon.daemon.settling import LOOK_AGAIN_NS
from netmon.routers.enforcement import Inspection, Reading
from netmon.routers.session import Failure


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with sound(tmp_path) as one:
        yield one


# --- doubt -----------------------------------------------------------------------------------


async def in_doubt(bench: Bench, trouble: Any = UNKNOWN, from_bps: int | None = None) -> Intent:
    """A change to 1 Mb/s of which nobody knows how it went."""
    bench.standing.limits["dinkes-fo", DOWN] = Observed(from_bps, known=True)
    bench.routers.limits["dinkes-fo", DOWN] = from_bps
    bench.routers.will("apply", "dinkes-fo", trouble)
    assert await bench.carry_out(a_change("dinkes-fo", MBPS, from_bps)) == []
    (intent,) = await bench.open_intents()
    assert bench.actions.doubtful_routers == {"palu"}
    bench.routers.orders.clear()
    return intent


OLD, NEW, OTHER = 4 * MBPS, MBPS, 9 * MBPS
IS_OLD, IS_NEW, NOT_KNOWN = Observed(OLD, known=True), Observed(NEW, known=True), Observed(None, known=False)
DEADLINE_S = 60 + GRACE_NS / NANOSECONDS


@pytest.mark.parametrize(
    ("found", "armed", "after_s", "told", "outcome", "believed"),
    [
        (OLD, Armed.UNARMED, 1, ["inspect", "record_old"], Outcome.FAILED, IS_OLD),
        (OLD, Armed.FIRED, 1, ["inspect", "record_old"], Outcome.REVERTED, IS_OLD),
        (OLD, Armed.UNKNOWN, 1, ["inspect"], None, None),
        (OLD, Armed.UNKNOWN, DEADLINE_S, ["inspect", "record_old"], Outcome.FAILED, IS_OLD),
        (OLD, Armed.ARMED, 1, ["inspect"], None, None),
        (OLD, Armed.ARMED, DEADLINE_S, ["inspect", "disarm", "inspect", "record_old"], Outcome.FAILED, IS_OLD),
        (NEW, Armed.UNARMED, 1, ["inspect", "record_new"], Outcome.CONFIRMED, IS_NEW),
        (NEW, Armed.ARMED, 1, ["inspect"], None, None),
        (NEW, Armed.ARMED, DEADLINE_S, ["inspect", "disarm", "inspect", "record_new"], Outcome.CONFIRMED, IS_NEW),
        (NEW, Armed.FIRED, 1, ["inspect"], Outcome.UNKNOWN, NOT_KNOWN),
        (NEW, Armed.UNKNOWN, DEADLINE_S, ["inspect", "record_new"], Outcome.CONFIRMED, IS_NEW),
        (OTHER, Armed.UNARMED, 1, ["inspect"], Outcome.UNKNOWN, NOT_KNOWN),
        (OTHER, Armed.FIRED, 1, ["inspect"], Outcome.UNKNOWN, NOT_KNOWN),
        (OTHER, Armed.ARMED, DEADLINE_S, ["inspect", "revert", "inspect", "record_old"], Outcome.REVERTED, IS_OLD),
        (None, Armed.UNARMED, 1, ["inspect"], Outcome.UNKNOWN, NOT_KNOWN),
    ],
)
async def test_what_is_found_on_the_router_decides_what_became_of_the_change(
    bench: Bench,
    found: int | None,
    armed: Armed,
    after_s: float,
    told: Sequence[str],
    outcome: Outcome | None,
    believed: Observed | None,
) -> None:
    intent = await in_doubt(bench, from_bps=OLD)
    bench.routers.limits["dinkes-fo", DOWN], bench.routers.armed = found, armed
    await bench.settle(after_s)
    await bench.settle()
    assert [kind for kind, _ in bench.routers.told] == told
    if outcome is None:
        assert await bench.open_intents() == [intent]
        assert bench.actions.doubtful_routers == {"palu"}
        return
    (receipt,) = await bench.recorded()
    assert (receipt.id, receipt.outcome) == (intent.id, outcome)
    assert "it was read" in receipt.detail
    assert receipt.duration_ns >= after_s * NANOSECONDS
    assert await bench.believed("dinkes-fo") == believed
    assert await bench.open_intents() == []
    assert bench.actions.doubtful_routers == frozenset()


async def test_a_rate_the_router_rounded_is_the_rate_that_was_asked_for(bench: Bench) -> None:
    await in_doubt(bench, from_bps=OLD)
    bench.routers.limits["dinkes-fo", DOWN] = NEW - 3
    await bench.settle(1)
    (receipt,) = await bench.recorded()
    assert receipt.outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    "trouble",
    [
        Inspection(False, None, Armed.UNKNOWN, "the router does not answer"),
        DIED,
        ChildFailedError("256 jobs wait for palu"),
    ],
    ids=["unreadable", "died", "busy"],
)
async def test_a_router_that_cannot_be_read_stays_in_doubt_and_is_looked_at_now_and_then(
    bench: Bench, trouble: Any
) -> None:
    intent = await in_doubt(bench)
    bench.routers.will("inspect", "dinkes-fo", *[trouble] * 3)
    await bench.settle()
    for _ in range(10):
        await bench.settle()
    assert len(bench.routers.orders) == 1, "not again at once"
    for _ in range(2):
        await bench.settle(LOOK_AGAIN_NS / NANOSECONDS)
    assert len(bench.routers.orders) == 3
    assert await bench.open_intents() == [intent]
    # What was no fault of the router's does not make it be left alone.
    left_alone = isinstance(trouble, Inspection)
    assert bench.actions.open_routers == ({"palu"} if left_alone else frozenset())
    await bench.settle(900 if left_alone else LOOK_AGAIN_NS / NANOSECONDS)
    assert await bench.open_intents() == []
    assert bench.actions.open_routers == frozenset()


async def test_a_change_in_hand_is_not_resolved_behind_its_own_back(bench: Bench) -> None:
    go_on = asyncio.Event()
    bench.routers.before = lambda order: go_on.wait()
    bench.actions.offer(a_plan(a_change("dinkes-fo", MBPS)))
    await eventually(lambda: bench.routers.orders, "the order")
    await bench.settle(3600)
    go_on.set()
    await bench.actions.finished()
    assert bench.routers.told == [("apply", "dinkes-fo")]


@pytest.mark.parametrize("applied", [True, False])
async def test_a_change_whose_enforcer_died_is_resolved_by_reading_and_its_receipt_says_how(
    bench: Bench, applied: bool
) -> None:
    intent = await in_doubt(bench, bench.routers.dying_after_effect if applied else DIED)
    await bench.settle(1)
    (receipt,) = await bench.recorded()
    assert receipt.id == intent.id
    assert receipt.outcome is (Outcome.CONFIRMED if applied else Outcome.FAILED)
    assert receipt.detail == (
        "the new limit was read back and no undo is armed (it was read)"
        if applied
        else "the old limit is in force and no undo is armed: the change did not come into force (it was read)"
    )
    assert [kind for kind, _ in bench.routers.told] == ["inspect", "record_new" if applied else "record_old"]


async def test_a_daemon_started_again_takes_up_what_was_open_and_resolves_it(bench: Bench) -> None:
    await in_doubt(bench, bench.routers.dying_after_effect)
    bench.hands.pass_s(60)  # the rollout was halted
    bench.routers.will("apply", "dishub-fo", UNKNOWN)
    await bench.carry_out(a_change("dishub-fo", MBPS))
    left_open = {intent.id for intent in await bench.open_intents()}
    bench.routers.orders.clear()
    await bench.restarted()
    assert bench.actions.doubtful_routers == {"palu", "gowa"}
    await bench.settle(1)
    assert {receipt.id for receipt in await bench.recorded()} == left_open
    assert {receipt.change.circuit: receipt.outcome for receipt in await bench.recorded()} == {
        "dinkes-fo": Outcome.CONFIRMED,
        "dishub-fo": Outcome.FAILED,
    }
    assert await bench.open_intents() == []


async def test_an_open_change_of_a_circuit_that_is_no_longer_configured_stays_open(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    intent = await in_doubt(bench)
    bench.configuration = replace(
        bench.configuration, circuits=tuple(c for c in bench.configuration.circuits if c.id != "dinkes-fo")
    )
    await bench.restarted()
    await bench.settle(1)
    assert bench.routers.orders == []
    assert await bench.open_intents() == [intent]
    assert "dinkes-fo is no longer configured" in caplog.text


# --- reading again after a restart of the router ---------------------------------------------


async def test_what_a_restarted_router_still_limits_is_read_before_anything_is_believed(bench: Bench) -> None:
    for circuit in PLACES:
        await bench.carry_out(a_change(circuit, MBPS))
    bench.routers.limits["dinkes-fo", DOWN] = None
    bench.routers.orders.clear()
    bench.actions.settler.doubt("palu")
    assert bench.standing.limits["dinkes-fo", DOWN] == NOT_KNOWN
    assert bench.standing.limits["dishub-fo", DOWN] == Observed(MBPS, known=True), "another router"
    await bench.settle()
    assert sorted(bench.routers.told) == [("read", "arsip-fo"), ("read", "dinkes-fo")]
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)
    assert await bench.believed("arsip-fo") == Observed(MBPS, known=True)
    await bench.settle(60)
    assert len(bench.routers.orders) == 2, "and not again"


async def test_a_circuit_never_limited_is_not_read_after_a_restart(bench: Bench) -> None:
    bench.actions.settler.doubt("palu")
    await bench.settle()
    assert bench.routers.orders == []


@pytest.mark.parametrize(
    "trouble",
    [Reading(None, False, None, Failure.CANCELLED, "no route"), DIED, ChildFailedError("busy")],
    ids=["unreadable", "died", "busy"],
)
async def test_a_limit_that_cannot_be_read_stays_unknown_and_is_read_later(bench: Bench, trouble: Any) -> None:
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.routers.will("read", "dinkes-fo", trouble)
    bench.actions.settler.doubt("palu")
    await bench.settle()
    await bench.settle(1)
    assert bench.standing.limits["dinkes-fo", DOWN] == NOT_KNOWN
    assert len(bench.routers.orders) == 2
    await bench.settle(LOOK_AGAIN_NS / NANOSECONDS)
    assert await bench.believed("dinkes-fo") == Observed(MBPS, known=True)


async def test_what_was_read_but_cannot_be_recorded_is_not_believed(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.ledger.faults.failing.add("note_limit")
    bench.actions.settler.doubt("palu")
    await bench.settle()
    assert bench.standing.limits["dinkes-fo", DOWN] == NOT_KNOWN
    bench.ledger.faults.failing.clear()
    await bench.settle(LOOK_AGAIN_NS / NANOSECONDS)
    assert await bench.believed("dinkes-fo") == Observed(MBPS, known=True)


async def test_somebody_elses_limit_is_not_taken_for_ours(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.routers.will("read", "dinkes-fo", Reading(2 * MBPS, False, "qdisc cake"))
    bench.actions.settler.doubt("palu")
    await bench.settle()
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)


async def reset(bench: Bench, second: float) -> None:
    """palu's counters begin anew, as after a power failure; the visit that shows it is committed."""
    head = await bench.ledger.head("palu")
    if head is None:
        first = account(None, a_poll("palu", -60, 1000, 1000), Ceilings({}))
        assert first is not None
        await bench.ledger.commit([first])
        head = first.head
    bench.hands.pass_s(second)
    now_s = (bench.hands.wall_ns - Hands().wall_ns) / NANOSECONDS
    visit = account(head, a_poll("palu", now_s, 5, 5, booted=now_s - 20), Ceilings({}))
    assert visit is not None
    assert {gap.reason for gap in visit.gaps} == {GapReason.COUNTER_RESET}
    assert await bench.ledger.commit([visit]) == [True]


async def test_a_restart_of_the_router_that_the_daemon_before_saw_but_did_not_follow_up_is_not_forgotten(
    bench: Bench,
) -> None:
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    await reset(bench, 300)
    bench.routers.limits.clear()
    await bench.restarted()
    assert bench.standing.limits["dinkes-fo", DOWN] == NOT_KNOWN
    await bench.settle()
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)


async def test_a_restart_of_the_router_before_its_limit_was_set_says_nothing_against_it(bench: Bench) -> None:
    await bench.carry_out(a_change("arsip-fo", MBPS))
    await reset(bench, 300)
    bench.hands.pass_s(60)
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    await bench.restarted()
    assert bench.standing.limits["arsip-fo", DOWN] == NOT_KNOWN, "the same router's, set earlier"
    assert await bench.believed("dinkes-fo") == Observed(MBPS, known=True)


async def test_a_reload_does_not_forget_what_is_to_be_read(bench: Bench) -> None:
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    bench.actions.settler.doubt("palu")
    bench.actions = bench.made()
    await bench.actions.restore()
    await bench.settle()
    assert await bench.believed("dinkes-fo") == Observed(MBPS, known=True)


async def test_a_router_in_doubt_is_resolved_before_its_limits_are_read(bench: Bench) -> None:
    await bench.carry_out(a_change("arsip-fo", MBPS))
    await in_doubt(bench)
    bench.routers.will("inspect", "dinkes-fo", Inspection(False, None, Armed.UNKNOWN, "no answer"))
    bench.actions.settler.doubt("palu")
    await bench.settle()
    assert ("read", "arsip-fo") not in bench.routers.told
    await bench.settle(LOOK_AGAIN_NS / NANOSECONDS)
    assert ("read", "arsip-fo") in bench.routers.told


async def test_a_person_who_asks_has_what_is_unknown_read_again(bench: Bench) -> None:
    await in_doubt(bench, from_bps=OLD)
    bench.routers.limits["dinkes-fo", DOWN] = OTHER
    await bench.settle(1)
    assert await bench.believed("dinkes-fo") == NOT_KNOWN
    await bench.settle(3600)
    assert [kind for kind, _ in bench.routers.told] == ["inspect"], "left alone until a person has looked at it"
    await bench.actions.look_afresh()
    assert await bench.believed("dinkes-fo") == Observed(OTHER, known=True)


# --- whatever happens ------------------------------------------------------------------------


async def one_event(bench: Bench, chance: random.Random) -> None:
    """A change, with or without trouble, a fault of the disk, a restart of the daemon or of a router."""
    troubles: list[Any] = [
        UNKNOWN,
        DIED,
        bench.routers.dying_after_effect,
        lambda order: failed("no", order.intent.change.from_bps),
        ChildFailedError("256 jobs wait for this router"),
    ]
    circuit = chance.choice(list(PLACES))
    match chance.randrange(6):
        case 0 | 1 | 2:
            from_bps = bench.standing.limits.get((circuit, DOWN), Observed(None, known=True)).bps
            to_bps = chance.choice([None, MBPS, 2 * MBPS])
            if chance.random() < 0.5:
                bench.routers.will("apply", circuit, chance.choice(troubles))
            if to_bps != from_bps:
                await bench.carry_out(a_change(circuit, to_bps, from_bps))
        case 3:
            bench.ledger.faults.failing ^= {chance.choice(["record_intent", "close_intent", "note_limit"])}
        case 4:
            await bench.restarted()
        case 5:
            bench.actions.settler.doubt(PLACES[circuit][0])
    await bench.settle(chance.choice([0, 20, 4000]))


@pytest.mark.parametrize("seed", range(12))
async def test_every_intent_ends_in_exactly_one_receipt_of_a_sound_chain(bench: Bench, seed: int) -> None:
    """Whatever happens; then peace, in which all is resolved."""
    chance = random.Random(seed)
    intents: set[str] = set()
    bench.routers.before = lambda order: intents.add(order.intent.id) if order.intent is not None else None
    for _ in range(25):
        await one_event(bench, chance)
    bench.ledger.faults.failing.clear()
    bench.routers.script.clear()
    for _ in range(4):
        await bench.settle(120)
    assert await bench.open_intents() == []
    receipts = await bench.recorded()
    assert len(receipts) == len({receipt.id for receipt in receipts})
    assert {receipt.id for receipt in receipts} == intents
    chains = audited(bench.ledger._reader._backend.location).chains
    assert sum(chain.links for chain in chains) >= len(receipts), "plans are links, too"
    for circuit in PLACES:
        seen = bench.standing.limits.get((circuit, DOWN), Observed(None, known=True))
        assert seen == Observed(bench.routers.limits.get((circuit, DOWN)), known=True), "what is believed is true"
