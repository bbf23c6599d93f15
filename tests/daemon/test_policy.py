"""The control loop: each verdict and alert recorded once, and nothing believed that was not recorded.

Ledger, policies and decisions are real; the worker answers in this process, and the actor only listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon.policy_bench import DOWN, MBPS, Bench, changed
from daemon.world import a_poll, at_work, faulty_ledger
from support.processes import eventually

from netmon.core.changes import Action
from netmon.core.counters import account
from netmon.core.heads import Ceilings
from netmon.core.model import NANOSECONDS, Mode, VerdictReason
from netmon.core.planning import Observed, pending
from netmon.daemon.policy import PlanChangedError
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.processes import ChildDiedError
from netmon.daemon.standing import Standing
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with faulty_ledger(tmp_path) as ledger:
        one = Bench(tmp_path, ledger)
        await one.poll()
        await one.loop.turn()
        yield one


DINKES = "quota/dinkes/download"

# --- verdicts and alerts ---------------------------------------------------------------------


async def test_an_agency_climbs_the_ladder_and_each_step_is_told_once(bench: Bench) -> None:
    assert changed(await bench.used(dinkes=700_000)) == {}
    assert await bench.outbox() == []
    assert changed(await bench.used(dinkes=100_000)) == {}
    assert changed(await bench.used(dinkes=50_000)) == {}
    assert await bench.states(DINKES) == ["firing/near_quota"]
    assert changed(await bench.used(dinkes=150_000)) == {"dinkes-fo": ("set", 4 * MBPS)}
    bench.standing.limits["dinkes-fo", DOWN] = Observed(4 * MBPS, known=True)
    assert changed(await bench.used(dinkes=10_000)) == {}
    assert changed(await bench.used(dinkes=200_000)) == {"dinkes-fo": ("set", MBPS)}
    alerts = await bench.outbox()
    assert [alert.reason for alert in alerts] == ["near_quota", "over_quota", "over_quota"]
    assert len({alert.id for alert in alerts}) == 3
    assert bench.announced == 3
    assert alerts[1].summary.startswith("Dinas Kesehatan has used 1 MB of its 1 MB download quota and is slowed to")


async def test_a_verdict_is_recorded_when_it_becomes_another_not_when_its_numbers_move(bench: Bench) -> None:
    bench.ledger.faults.calls.clear()
    for _ in range(5):
        await bench.used(dinkes=2000)
    assert bench.ledger.faults.calls.count("decide") == 0
    await bench.used(dinkes=900_000)
    for _ in range(3):
        await bench.used(dinkes=2000)
    assert bench.ledger.faults.calls.count("decide") == 1
    verdicts = await bench.ledger.write(Ledger.verdicts)
    assert verdicts["dinkes", DOWN].reason is VerdictReason.NEAR_QUOTA
    assert bench.standing.counting["dinkes", DOWN].evidence["proven_bytes"] == 916_000, "memory has the newest numbers"


async def test_the_period_rolls_and_the_limit_ends_with_a_named_reason(bench: Bench) -> None:
    await bench.used(dinkes=1_000_000)
    bench.standing.limits["dinkes-fo", DOWN] = Observed(4 * MBPS, known=True)
    plan = await bench.used(after_s=500, dinkes=2000)
    (change,) = pending(plan)
    assert (change.action, change.reason) == (Action.REMOVE, VerdictReason.RESTORED_NEW_PERIOD)
    bench.standing.limits["dinkes-fo", DOWN] = Observed(None, known=True)
    await bench.used(dinkes=2000)
    assert await bench.states(DINKES) == ["firing/over_quota", "resolved/restored_new_period"]
    verdicts = await bench.ledger.write(Ledger.verdicts)
    assert verdicts["dinkes", DOWN].reason is VerdictReason.WITHIN_QUOTA


async def test_usage_that_is_too_old_tightens_nothing(bench: Bench) -> None:
    bench.octets["palu"][0] += 600_000
    bench.hands.pass_s(30)
    await bench.poll()
    bench.hands.pass_s(301)
    plan = await bench.loop.turn()
    assert changed(plan) == {}
    assert bench.standing.counting["dinkes", DOWN].reason is VerdictReason.FROZEN_STALE
    bench.hands.pass_s(1)
    await bench.poll()
    assert changed(await bench.loop.turn()) == {"dinkes-fo": ("set", MBPS)}


async def test_a_clock_set_back_freezes_everything_and_is_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.used(dinkes=1_000_000)
    bench.hands.wall_ns -= 3600 * NANOSECONDS
    for _ in range(3):
        bench.hands.pass_s(1)
        assert changed(await bench.loop.turn()) == {}
    assert bench.standing.counting["dinkes", DOWN].reason is VerdictReason.FROZEN_CLOCK
    assert bench.standing.trust.objection is not None
    assert caplog.text.count("nothing is enforced") == 1
    bench.hands.wall_ns += 3600 * NANOSECONDS
    await bench.loop.turn()
    assert caplog.text.count("the clock is trusted again") == 1
    assert await bench.states(DINKES) == ["firing/over_quota"], "a clock is no transition of a quota"


# --- the ledger and the worker fail ----------------------------------------------------------


async def test_nothing_advances_when_the_decision_cannot_be_recorded(bench: Bench) -> None:
    bench.ledger.faults.failing.add("decide")
    plans, before = len(bench.actor.plans), bench.standing.counting
    with pytest.raises(StoreError, match="the disk is full"):
        await bench.used(dinkes=1_000_000)
    for _ in range(3):
        with pytest.raises(StoreError):
            await bench.loop.turn()
    assert bench.standing.counting == before
    assert bench.standing.alerts == {}
    assert len(bench.actor.plans) == plans, "nothing is done that was not recorded"
    assert bench.announced == 0
    bench.ledger.faults.failing.clear()
    assert changed(await bench.loop.turn()) == {"dinkes-fo": ("set", 4 * MBPS)}
    assert await bench.states(DINKES) == ["firing/over_quota"]


async def test_the_same_decision_reached_again_after_a_failure_has_the_same_id(bench: Bench) -> None:
    await bench.used(dinkes=1_000_000)
    (first,) = await bench.outbox()
    bench.standing.alerts.clear()  # as if the daemon had been killed between the commit and its memory
    bench.hands.pass_s(5)
    await bench.loop.turn()
    assert await bench.outbox() == [first]


async def test_the_loop_tells_a_lasting_trouble_once_and_goes_on_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    control = {"socket": "c.sock", "require_synchronised_clock": False, "interval": "5ms"}
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger, control=control)
        await bench.poll()
        bench.worker.failure = ChildDiedError("the worker process ended")
        async with at_work(bench.loop.run):
            await eventually(lambda: bench.worker.asked > 5, "five turns")
            bench.worker.failure = None
            await eventually(lambda: bench.actor.plans, "a plan")
    assert caplog.text.count("nothing can be decided now: the worker process ended") == 1


# --- after a restart -------------------------------------------------------------------------


async def test_a_daemon_started_again_tells_nothing_twice_and_goes_on_where_it_was(bench: Bench) -> None:
    await bench.used(dinkes=1_000_000, arsip=800_000)
    told = await bench.outbox()
    for _ in range(3):
        await bench.restarted()
        bench.hands.pass_s(10)
        assert changed(await bench.loop.turn()) == {"dinkes-fo": ("set", 4 * MBPS)}
    assert await bench.outbox() == told
    await bench.used(dinkes=200_000)
    assert await bench.states(DINKES) == ["firing/over_quota"] * 2
    ids = [alert.id for alert in await bench.outbox()]
    assert len(ids) == len(set(ids))


async def test_a_period_that_rolled_while_no_daemon_ran_is_restored_by_the_next(bench: Bench) -> None:
    await bench.used(dinkes=1_000_000)
    await bench.ledger.write(Ledger.note_limit, "dinkes-fo", DOWN, 4 * MBPS, True, bench.hands.wall_ns)
    await bench.restarted()
    plan = await bench.used(after_s=2000, dinkes=10_000_000)
    assert changed(plan) == {"dinkes-fo": ("remove", None)}
    assert await bench.states(DINKES) == ["firing/over_quota", "resolved/restored_new_period"]


async def test_a_quota_taken_away_lifts_what_it_had_limited(bench: Bench) -> None:
    await bench.used(dinkes=1_000_000)
    await bench.ledger.write(Ledger.note_limit, "dinkes-fo", DOWN, 4 * MBPS, True, bench.hands.wall_ns)
    agencies = tuple(replace(agency, quotas=()) for agency in bench.configuration.agencies)
    await bench.restarted(replace(bench.configuration, agencies=agencies))
    assert changed(await bench.used()) == {"dinkes-fo": ("remove", None)}
    assert await bench.states(DINKES) == ["firing/over_quota", "resolved/restored_policy_changed"]


# --- plans -----------------------------------------------------------------------------------


async def test_a_plan_that_refuses_itself_raises_one_alert_and_resolves_it_once(tmp_path: Path) -> None:
    uplinked: dict[str, Any] = {
        "palu": {"address": "192.0.2.1", "mode": "enforce", "override_observation": "a test", "ssh": "limiter"}
    }
    agencies = {f"opd-{number}": {"name": f"OPD {number}", "quotas": ["standard"]} for number in range(5)}
    uplinked["palu"]["circuits"] = {
        f"opd-{number}-fo": {"agency": f"opd-{number}", "interface": f"ether{number + 1}", "faces": "agency"}
        for number in range(5)
    }
    names = [f"ether{number}" for number in range(1, 6)]
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger, agencies=agencies, routers=uplinked)
        for second, octets in ((0, 0), (30, 600_000)):
            visit = account(bench.heads.get("palu"), a_poll("palu", second, *[octets] * 5, names=names), Ceilings({}))
            assert visit is not None
            await ledger.commit([visit])
            bench.heads["palu"] = visit.head
        bench.hands.pass_s(30)
        for _ in range(3):
            plan = await bench.loop.turn()
            assert plan.refused is not None
            assert plan.refused.rule == "too_many_tightened"
            assert changed(plan) == {}
        assert await bench.states("plan") == ["firing/too_many_tightened"]
        (told,) = await bench.outbox("plan")
        assert "5 of 5 agencies would be limited at once" in told.summary
        bench.hands.pass_s(600)
        await bench.loop.turn()
        assert await bench.states("plan") == ["firing/too_many_tightened", "resolved/safe"]


async def test_nothing_is_planned_on_a_router_in_doubt(bench: Bench) -> None:
    bench.actor.doubtful = frozenset({"palu"})
    plan = await bench.used(dinkes=1_000_000, dishub=1_000_000)
    assert changed(plan) == {"dishub-fo": ("set", 4 * MBPS)}


async def test_an_operators_hold_keeps_the_limit_off_until_it_ends(bench: Bench) -> None:
    now_ns = bench.hands.wall_ns
    await bench.ledger.write(Ledger.hold, "dinkes-fo", "a surgery", "siti", now_ns, now_ns + 100 * NANOSECONDS)
    assert changed(await bench.used(dinkes=1_000_000)) == {}
    assert changed(await bench.used(after_s=80)) == {"dinkes-fo": ("set", 4 * MBPS)}


async def test_a_router_is_observed_for_seven_days_before_limits_are_set_on_it(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        routers = {
            name: router.model_copy(update={"override_observation": None})
            for name, router in bench.configuration.settings.routers.items()
        }
        settings = bench.configuration.settings.model_copy(update={"routers": routers})
        bench.configuration = replace(bench.configuration, settings=settings)
        bench.loop = bench.made(Standing({}, {}, {}))
        await bench.poll()
        assert changed(await bench.used(dinkes=1_000_000)) == {}
        assert changed(await bench.used(after_s=7 * 86_400 - 60)) == {}
        assert changed(await bench.used(after_s=30)) == {}
        assert changed(await bench.used(dinkes=1_000_000)) == {"dinkes-fo": ("set", 4 * MBPS)}


async def test_a_circuit_that_is_only_observed_is_judged_and_left_alone(bench: Bench) -> None:
    circuits = tuple(replace(circuit, mode=Mode.OBSERVE) for circuit in bench.configuration.circuits)
    await bench.restarted(replace(bench.configuration, circuits=circuits))
    assert changed(await bench.used(dinkes=1_000_000)) == {}
    assert await bench.states(DINKES) == ["firing/over_quota"]


async def test_only_the_very_plan_that_was_approved_is_carried_out(bench: Bench) -> None:
    plan = await bench.used(dinkes=1_000_000)
    offered = len(bench.actor.plans)
    assert (await bench.loop.turn(plan.hash)).hash == plan.hash
    assert len(bench.actor.plans) == offered + 1
    bench.hands.pass_s(30)
    bench.octets["gowa"][0] += 600_000
    await bench.poll()
    with pytest.raises(PlanChangedError, match=f"the plan is no longer {plan.hash[:12]}"):
        await bench.loop.turn(plan.hash)
    assert len(bench.actor.plans) == offered + 1
    assert await bench.states("quota/dishub/download") == [], "and nothing of it was recorded"


async def test_two_turns_at_once_are_one_after_the_other(bench: Bench) -> None:
    bench.octets["palu"][0] += 500_000
    bench.hands.pass_s(30)
    await bench.poll()
    await asyncio.gather(*(bench.loop.turn() for _ in range(4)))
    assert await bench.states(DINKES) == ["firing/over_quota"]


# --- routers ---------------------------------------------------------------------------------


async def test_a_router_that_no_longer_answers_is_told_once_and_so_is_its_return(bench: Bench) -> None:
    health = bench.health["palu"] = RouterHealth("palu", bench.hands.wall_ns, last_ok_ns=bench.hands.wall_ns)
    for _ in range(5):
        bench.hands.pass_s(60)
        await bench.loop.turn()
    assert await bench.states("router/palu") == ["firing/unanswered"]
    await bench.restarted()
    health.watched_since_ns, health.last_ok_ns = bench.hands.wall_ns, None
    bench.hands.pass_s(60)
    await bench.loop.turn()
    assert await bench.states("router/palu") == ["firing/unanswered"], "netmon's own absence is not the router's return"
    health.last_ok_ns = bench.hands.wall_ns
    await bench.loop.turn()
    assert await bench.states("router/palu") == ["firing/unanswered", "resolved/answers"]


# --- metrics ---------------------------------------------------------------------------------


async def test_usage_and_verdicts_are_shown_as_they_are_judged(bench: Bench) -> None:
    await bench.used(dinkes=1_000_000)
    assert [value for series, value in bench.series("netmon_agency_usage_bytes").items() if "dinkes" in series] == [
        "1000000"
    ]
    (verdict,) = [series for series in bench.series("netmon_agency_verdict_info") if "dinkes" in series]
    assert 'reason="over_quota"' in verdict
    assert [value for series, value in bench.series("netmon_agency_quota_step").items() if "dinkes" in series] == ["2"]
    (unknown,) = [v for s, v in bench.series("netmon_agency_usage_unknown_seconds").items() if "dinkes" in s]
    assert float(unknown) == 400, "the daemon came 400 s into the period"
