"""The control loop with what policies can say besides a volume, and with what people decide: from ledger to plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.policy_bench import DOWN, MBPS, Bench, changed
from daemon.world import faulty_ledger

from netmon.core.demand import Demand
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.model import NANOSECONDS, VerdictReason
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, period_containing
from netmon.core.supply import Rates
from netmon.daemon.figures import Wanted
from netmon.store.ledger import Ledger

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
        await bench.ledger.write(Ledger.note_demands, {row.key(): (row.digest(), demand)})
        await bench.used(after_s=300)
        assert reason(bench) is expected
    assert bench.standing.counting["dinkes", DOWN].evidence["proven_bps"] == 200_000_000 * 8 // 300
