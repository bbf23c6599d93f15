"""The control loop with what policies can say besides a volume, and with what people decide: from ledger to plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.policy_bench import DOWN, MBPS, Bench, changed
from daemon.world import faulty_ledger

from netmon.core.alerts import AlertState
from netmon.core.demand import Demand
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.model import NANOSECONDS, Direction, VerdictReason
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, period_containing
from netmon.core.planning import Observed, pending
from netmon.core.quota import essence
from netmon.core.supply import Rates
from netmon.daemon.figures import Wanted
from netmon.daemon.pollers import RouterHealth
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

DAY_S = 86_400


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with faulty_ledger(tmp_path) as ledger:
        one = Bench(tmp_path, ledger)
        await one.poll()
        await one.loop.turn()
        yield one


def reason(bench: Bench) -> VerdictReason:
    return bench.standing.counting["dinkes", DOWN].reason


async def with_policy(bench: Bench, **of: object) -> None:
    """The same daemon, its policy reading otherwise from now on."""
    (name,) = bench.configuration.agencies[0].quotas
    policy = replace(bench.configuration.policies[name], **of)  # type: ignore[arg-type]
    await bench.restarted(replace(bench.configuration, policies={**bench.configuration.policies, name: policy}))


async def test_a_step_whose_router_is_silent_is_told_eased_after_a_time_and_told_to_be_over(bench: Bench) -> None:
    await with_policy(bench, period=PeriodRule(PeriodKind.YEAR))
    await bench.used(dinkes=1_000_000)
    bench.hands.pass_s(301)
    await bench.loop.turn()
    assert reason(bench) is VerdictReason.FROZEN_STALE
    bench.hands.pass_s(DAY_S)
    await bench.loop.turn()
    assert (reason(bench), bench.standing.counting["dinkes", DOWN].limit) == (VerdictReason.EASED_STALE, None)
    plan = await bench.used(dinkes=2000)
    assert changed(plan) == {"dinkes-fo": ("set", 4 * MBPS)}
    assert await bench.states("stale/dinkes/download") == [
        "firing/frozen_stale",
        "firing/eased_stale",
        "resolved/read_again",
    ]
    assert await bench.states("quota/dinkes/download") == ["firing/over_quota"]


async def test_a_daemon_that_was_down_for_long_tells_and_eases_nothing_before_it_could_have_read(bench: Bench) -> None:
    await with_policy(bench, period=PeriodRule(PeriodKind.YEAR))
    await bench.used(dinkes=1_000_000)
    bench.standing.limits["dinkes-fo", DOWN] = Observed(4 * MBPS, known=True)
    bench.hands.pass_s(2 * DAY_S)
    bench.health.update({name: RouterHealth(name, bench.hands.wall_ns) for name in bench.octets})
    await bench.restarted()
    bench.standing.limits["dinkes-fo", DOWN] = Observed(4 * MBPS, known=True)
    assert changed(await bench.loop.turn()) == {}
    assert reason(bench) is VerdictReason.FROZEN_STALE
    assert await bench.states("stale/dinkes/download") == []
    bench.hands.pass_s(301)
    assert changed(await bench.loop.turn()) == {"dinkes-fo": ("remove", None)}
    assert await bench.states("stale/dinkes/download") == ["firing/eased_stale"]
    bench.health.update({name: RouterHealth(name, bench.hands.wall_ns) for name in bench.octets})
    await bench.restarted()
    await bench.loop.turn()
    assert reason(bench) is VerdictReason.EASED_STALE


async def test_a_grace_that_altered_no_verdict_yet_does_not_begin_again_with_a_restart(bench: Bench) -> None:
    hour_ns = 3600 * NANOSECONDS
    await bench.used(dinkes=2000)
    await with_policy(bench, period=PeriodRule(PeriodKind.YEAR), grace_ns=hour_ns)
    await bench.used(dinkes=2000)
    first = bench.standing.counting["dinkes", DOWN]
    await with_policy(bench, volume_bytes=2_000_000)
    bench.hands.pass_s(60)
    await bench.used(dinkes=2000)
    changed_ns = bench.hands.wall_ns
    assert essence(bench.standing.counting["dinkes", DOWN])[:5] == essence(first)[:5]
    bench.hands.pass_s(1800)
    await bench.restarted()
    assert changed(await bench.used(dinkes=3_000_000)) == {}
    verdict = bench.standing.counting["dinkes", DOWN]
    assert (verdict.reason, verdict.until_ns) == (VerdictReason.GRACE, changed_ns + hour_ns)


async def test_a_step_of_a_policy_that_adds_both_directions_up_is_told_once(bench: Bench) -> None:
    await with_policy(bench, counts=tuple(Direction), period=PeriodRule(PeriodKind.YEAR))
    plan = await bench.used(dinkes=1_000_000)
    assert {(one.direction, one.to_bps) for one in pending(plan)} == {(way, MBPS) for way in Direction}
    bench.hands.pass_s(301)
    await bench.loop.turn()
    assert [(one.key, one.state) for one in await bench.outbox()] == [
        ("quota/dinkes/download", AlertState.FIRING),
        ("stale/dinkes/download", AlertState.FIRING),
    ]


async def test_what_a_later_boost_prolongs_is_recorded_with_its_end(bench: Bench) -> None:
    await with_policy(bench, period=PeriodRule(PeriodKind.YEAR))
    for lasts_s in (600, 1200):
        now_ns = bench.hands.wall_ns
        until_ns = now_ns + lasts_s * NANOSECONDS
        boost = Directive(
            "", DirectiveKind.BOOST, "dinkes", "vaksinasi", "ani", now_ns, until_ns, Rates(9 * MBPS, MBPS)
        )
        await bench.ledger.write(Ledger.give_directive, boost)
        await bench.standing.renew_directives(bench.ledger)
        await bench.used(dinkes=1_200_000)
        recorded = await bench.ledger.read(LedgerReader.verdicts_at, "dinkes", bench.hands.wall_ns)
        assert recorded[DOWN].verdict.until_ns == until_ns


async def test_a_boost_ends_by_itself_though_no_daemon_ran_then(bench: Bench) -> None:
    await with_policy(bench, period=PeriodRule(PeriodKind.YEAR))
    now_ns = bench.hands.wall_ns
    until_ns = now_ns + 600 * NANOSECONDS
    boost = Directive("", DirectiveKind.BOOST, "dinkes", "vaksinasi", "ani", now_ns, until_ns, Rates(9 * MBPS, MBPS))
    await bench.ledger.write(Ledger.give_directive, boost)
    await bench.standing.renew_directives(bench.ledger)
    assert changed(await bench.used(dinkes=1_000_000)) == {"dinkes-fo": ("set", 9 * MBPS)}
    assert reason(bench) is VerdictReason.BOOSTED
    bench.hands.pass_s(900)
    await bench.restarted()
    assert changed(await bench.used()) == {"dinkes-fo": ("set", 4 * MBPS)}
    assert reason(bench) is VerdictReason.OVER_QUOTA


async def test_a_percentile_is_taken_from_what_the_books_noted(bench: Bench) -> None:
    day = PeriodRule(PeriodKind.DAY)
    await with_policy(bench, period=day, volume_bytes=None, p95_bps=4 * MBPS)
    agency = bench.configuration.agencies[0]
    circuits = tuple(one for one in bench.configuration.circuits if one.agency == "dinkes")
    now_ns = bench.hands.wall_ns
    row = Wanted("dinkes", None, circuits, DOWN, period_containing(day, now_ns, agency.timezone))
    for octets, expected in ((100_000_000, VerdictReason.WITHIN_QUOTA), (200_000_000, VerdictReason.OVER_QUOTA)):
        upto_ns = bench.hands.wall_ns // GRID_NS * GRID_NS
        demand = Demand(upto_ns, 20, (octets,) * 15)
        await bench.ledger.write(Ledger.note_demands, {row.key: (row.digest, demand)})
        await bench.used(after_s=300)
        assert reason(bench) is expected
    assert bench.standing.counting["dinkes", DOWN].evidence["proven_bps"] == 200_000_000 * 8 // 300
