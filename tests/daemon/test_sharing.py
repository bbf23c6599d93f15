"""Scarce capacity in the control loop: measured, shared by the worker, recorded, planned; and never for want of data.

Three agencies draw on 10 Mb/s each way; what they want passes unless a limit is in force, as on a router.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from daemon.policy_bench import DOWN, MBPS, Bench
from daemon.world import a_configuration, faulty_ledger
from support.processes import eventually

from netmon.core.changes import Plan
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.model import NANOSECONDS, Direction, VerdictReason
from netmon.core.planning import Observed, pending
from netmon.core.supply import Rates
from netmon.daemon.decisions import OBSERVATION_NS, decide
from netmon.daemon.outlook import question_of
from netmon.daemon.pollers import RouterHealth
from netmon.daemon.processes import ChildFailedError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

UP = Direction.UPLOAD
MINUTE_NS = 60 * NANOSECONDS
CIRCUITS = {"dinkes": "dinkes-fo", "arsip": "arsip-fo", "dishub": "dishub-fo"}


def a_router(address: str, **circuits: tuple[str, str]) -> dict[str, object]:
    return {
        "address": address,
        "platform": "linux",
        "ssh": "limiter",
        "mode": "enforce",
        "override_observation": "a test",
        "uplinks": ["wan"],
        "circuits": {
            f"{name}-fo": {"agency": name, "interface": port, "faces": "agency", "pools": ["internet"]}
            for name, (_, port) in circuits.items()
        },
    }


SECTIONS: Mapping[str, object] = {
    "pools": {
        "internet": {
            "download": "10 Mbps",
            "upload": "20 Mbps",
            "uplinks": {
                "main": {"router": "palu", "interface": "wan", "download": "6 Mbps", "upload": "12 Mbps"},
                "second": {"router": "gowa", "interface": "wan", "download": "4 Mbps", "upload": "8 Mbps"},
            },
        }
    },
    "agencies": {
        "dinkes": {"name": "Dinas Kesehatan", "entitlements": [{"pool": "internet", "floor": "2 Mbps", "weight": 3}]},
        "arsip": {"name": "Dinas Arsip", "entitlements": [{"pool": "internet"}]},
        "dishub": {"name": "Dinas Perhubungan"},
    },
    "routers": {
        "palu": a_router("192.0.2.1", dinkes=("dinkes", "ether1"), arsip=("arsip", "ether2")),
        "gowa": a_router("192.0.2.2", dishub=("dishub", "ether1")),
    },
}


class Province(Bench):
    """The bench on a network in which limits hold."""

    def limit(self, agency: str, direction: Direction = DOWN) -> int | None:
        seen = self.standing.limits.get((CIRCUITS[agency], direction))
        return None if seen is None else seen.bps

    async def minutes(self, count: float, **wanted_mbps: float) -> list[Plan]:
        """That much is wanted; each half minute is polled and planned, and what is planned is done."""
        plans = []
        for _ in range(int(count * 2)):
            carried = {
                agency: min(int(mbps * MBPS), self.limit(agency) or 100 * MBPS) for agency, mbps in wanted_mbps.items()
            }
            # What comes in is half of what goes out (a_poll), so the upload carries half as much.
            plan = await self.used(30, **{agency: bps * 30 // 16 * 2 for agency, bps in carried.items()})
            await self.carry_out(plan)
            plans.append(plan)
        return plans

    async def carry_out(self, plan: Plan) -> None:
        for change in pending(plan):
            noted = change.circuit, change.direction, change.to_bps, True, self.hands.wall_ns
            await self.ledger.write(Ledger.note_limit, *noted)
            self.standing.limits[change.circuit, change.direction] = Observed(change.to_bps, known=True)

    def in_force(self, direction: Direction = DOWN) -> dict[str, int | None]:
        return {agency: self.limit(agency, direction) for agency in CIRCUITS}


@asynccontextmanager
async def a_province(directory: Path, **sections: object) -> AsyncIterator[Province]:
    """With these sections in place of some of SECTIONS."""
    async with faulty_ledger(directory) as opened:
        one = Province(directory, opened, **{**SECTIONS, **sections})
        await one.poll()
        await one.loop.turn()
        yield one


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    async with a_province(tmp_path) as one:
        yield one


async def test_while_there_is_enough_nothing_is_limited(province: Province) -> None:
    plans = await province.minutes(10, dinkes=3, arsip=2, dishub=1)
    assert [pending(plan) for plan in plans] == [()] * 20
    assert await province.ledger.write(Ledger.dues) == {}


async def test_scarce_capacity_is_shared_by_weight_and_never_exceeded(province: Province) -> None:
    first = (await province.minutes(2, dinkes=9, arsip=9, dishub=1))[-1]
    assert first.refused is None
    await province.minutes(40, dinkes=9, arsip=9, dishub=1)
    limits = province.in_force()
    assert all(bps is not None for bps in limits.values())
    assert 9 * MBPS < sum(bps or 0 for bps in limits.values()) <= 10 * MBPS
    assert limits["dishub"] == pytest.approx(1.25 * MBPS, rel=0.15)
    rest = (limits["dinkes"] or 0) + (limits["arsip"] or 0)
    assert limits["dinkes"] == pytest.approx(rest * 3 / 4, rel=0.1)
    assert province.in_force(UP) == dict.fromkeys(CIRCUITS)


async def test_changes_name_their_reason_and_are_recorded_with_the_arithmetic(province: Province) -> None:
    plans = await province.minutes(2, dinkes=9, arsip=9, dishub=1)
    assert {change.reason for plan in plans for change in plan.changes} == {VerdictReason.SHARED}
    dues = await province.ledger.read(LedgerReader.dues)
    assert dues == province.standing.dues
    arsip = dues["arsip-fo", DOWN]
    assert arsip.bps == province.limit("arsip")
    assert [line.node for line in arsip.lines] == ["site", "pool:internet", "agency:arsip@internet"]
    assert (arsip.wanted_bps or 0) >= 9 * MBPS
    now_ns = province.hands.wall_ns
    assert await province.ledger.read(LedgerReader.dues_at, [("arsip-fo", DOWN)], now_ns) == {("arsip-fo", DOWN): arsip}
    assert await province.ledger.read(LedgerReader.dues_at, [("arsip-fo", DOWN)], arsip.at_ns - 1) == {}


async def test_limits_end_when_there_is_enough_again_but_not_at_once(province: Province) -> None:
    await province.minutes(5, dinkes=9, arsip=9, dishub=1)
    await province.minutes(15, dinkes=2, arsip=2, dishub=1)
    assert None not in province.in_force().values()
    await province.minutes(10, dinkes=2, arsip=2, dishub=1)
    assert province.in_force() == dict.fromkeys(CIRCUITS)


async def test_a_restart_lifts_nothing_and_alters_nothing_for_want_of_measurements(province: Province) -> None:
    await province.minutes(30, dinkes=9, arsip=9, dishub=1)
    before = province.in_force()
    await province.restarted()
    plan = await province.loop.turn()
    assert pending(plan) == ()
    await province.carry_out(await province.used(5))
    assert province.in_force() == before
    await province.minutes(2, dinkes=9, arsip=9, dishub=1)
    after = province.in_force()
    assert all(after[agency] == pytest.approx(before[agency], rel=0.15) for agency in CIRCUITS)


async def test_a_router_that_falls_silent_keeps_what_it_has_and_the_rest_is_shared(province: Province) -> None:
    await province.minutes(30, dinkes=9, arsip=9, dishub=1)
    before, now_ns = province.in_force(), province.hands.wall_ns
    del province.octets["gowa"]
    province.health["gowa"] = RouterHealth("gowa", now_ns, last_ok_ns=now_ns)
    await province.minutes(30, dinkes=20, arsip=1)
    assert province.limit("dishub") == before["dishub"]
    assert (province.limit("dinkes") or 0) > (before["dinkes"] or 0)
    assert sum(bps or 0 for bps in province.in_force().values()) <= 10 * MBPS


async def test_what_an_uplink_loses_is_taken_from_limits_at_once_and_no_floor_is_broken(province: Province) -> None:
    await province.minutes(30, dinkes=9, arsip=9, dishub=1)
    province.ports.down = frozenset({("palu", "wan")})
    await province.minutes(1, dinkes=9, arsip=9, dishub=1)
    limits = province.in_force()
    assert sum(bps or 0 for bps in limits.values()) <= 4 * MBPS
    assert (limits["dinkes"] or 0) >= 2 * MBPS
    province.ports.down = frozenset({("palu", "wan"), ("gowa", "wan")})
    await province.minutes(5, dinkes=9, arsip=9, dishub=1)
    assert province.in_force() == limits  # nothing is left to share by: limits stay as they are


async def test_a_boost_is_served_like_a_floor_and_ends_by_itself(province: Province) -> None:
    await province.minutes(30, dinkes=9, arsip=9, dishub=1)
    now_ns = province.hands.wall_ns
    boost = Directive(
        "D1",
        DirectiveKind.BOOST,
        "arsip",
        "an exhibition",
        "root",
        now_ns,
        now_ns + 20 * 60 * 10**9,
        Rates(6 * MBPS, 1),
    )
    await province.ledger.write(Ledger.give_directive, boost)
    await province.minutes(2, dinkes=9, arsip=9, dishub=1)
    assert (province.limit("arsip") or 0) >= 6 * MBPS
    assert sum(bps or 0 for bps in province.in_force().values()) <= 10 * MBPS
    await province.minutes(60, dinkes=9, arsip=9, dishub=1)
    assert (province.limit("arsip") or 0) < 3 * MBPS


async def test_a_freeze_keeps_every_limit_as_it_is(province: Province) -> None:
    await province.minutes(30, dinkes=9, arsip=9, dishub=1)
    before, now_ns = province.in_force(), province.hands.wall_ns
    freeze = Directive("", DirectiveKind.FREEZE, "*", "an audit", "root", now_ns, None)
    await province.ledger.write(Ledger.give_directive, freeze)
    await province.minutes(30, dinkes=1, arsip=9, dishub=9)
    assert province.in_force() == before


async def test_a_worker_that_cannot_answer_leaves_the_last_shares_in_force(
    province: Province, caplog: pytest.LogCaptureFixture
) -> None:
    await province.minutes(30, dinkes=9, arsip=9, dishub=1)
    before, worker = province.in_force(), province.worker
    asked = worker.request

    async def refuses(payload: object) -> object:
        if type(payload).__name__ == "Posed":
            raise ChildFailedError("answer: circuit arsip-fo has no bound")
        return await asked(payload)  # type: ignore[arg-type]

    worker.request = refuses  # type: ignore[method-assign]
    await province.minutes(10, dinkes=1, arsip=9, dishub=9)
    assert province.in_force() == before
    assert caplog.text.count("the last shares stand: answer: circuit arsip-fo has no bound") == 1


async def test_a_plan_made_from_the_ledger_is_the_one_the_daemon_makes(province: Province) -> None:
    octets = 9 * MBPS * 30 // 8
    mine = await province.used(30, dinkes=octets, arsip=octets, dishub=octets)
    assert pending(mine)
    with closing(LedgerReader.open(province.directory / "ledger.db")) as reader:
        now_ns = province.hands.wall_ns
        question = question_of(province.configuration, reader, now_ns, province.clock, OBSERVATION_NS)
    theirs = decide(question).plan
    assert (pending(theirs), theirs.hash) == (mine.changes, mine.hash)
    again = await province.loop.turn(theirs.hash)
    assert again.hash == theirs.hash


async def test_circuits_that_are_only_observed_are_told_what_would_be_due(tmp_path: Path) -> None:
    palu, gowa = SECTIONS["routers"]["palu"], SECTIONS["routers"]["gowa"]  # type: ignore[index]
    sections = {**SECTIONS, "routers": {"palu": {**palu, "mode": "observe"}, "gowa": {**gowa, "mode": "observe"}}}
    async with faulty_ledger(tmp_path) as ledger:
        one = Province(tmp_path, ledger, **sections)
        await one.poll()
        plans = await one.minutes(3, dinkes=9, arsip=9, dishub=1)
        due = {circuit: last.bps for (circuit, way), last in one.standing.dues.items() if way is DOWN}
        assert [plan.changes for plan in plans] == [()] * 6
        assert 0 < sum(bps or 0 for bps in due.values()) <= 10 * MBPS
        recorded = len(await ledger.write(Ledger.dues))
        await one.minutes(5, dinkes=9, arsip=9, dishub=1)
        await eventually(lambda: recorded == 3, "one word on each circuit")


async def test_the_damping_that_is_configured_is_the_one_that_counts(tmp_path: Path) -> None:
    async def most(**damping: object) -> int:
        directory = tmp_path / f"{len(damping)}"
        directory.mkdir()
        control = {"require_synchronised_clock": False, "damping": damping}
        async with a_province(directory, control=control) as one:
            return max(len(pending(plan)) for plan in await one.minutes(5, dinkes=9, arsip=9, dishub=1))

    assert await most() == 3
    assert await most(changes=1) == 1


async def test_a_quota_that_slows_one_agency_makes_nothing_scarce_when_the_daemon_starts_again(tmp_path: Path) -> None:
    agencies = {name: {"name": name, "quotas": ["standard"] * (name == "arsip")} for name in CIRCUITS}
    entitled = {"internet": {**SECTIONS["pools"]["internet"], "share": "scarce"}}  # type: ignore[index]
    async with a_province(tmp_path, agencies=agencies, pools=entitled) as one:
        await one.minutes(5, dinkes=1, arsip=1, dishub=1)
        assert [agency for agency, bps in one.in_force().items() if bps is not None] == ["arsip"]
        await one.restarted()
        await one.minutes(2, dinkes=1, arsip=1, dishub=1)
        assert [agency for agency, bps in one.in_force().items() if bps is not None] == ["arsip"]


async def test_limits_end_when_the_pool_is_no_longer_shared(province: Province) -> None:
    await province.minutes(5, dinkes=9, arsip=9, dishub=1)
    assert None not in province.in_force().values()
    never = {"internet": {**SECTIONS["pools"]["internet"], "share": "never"}}  # type: ignore[index]
    agencies = {name: {"name": name} for name in CIRCUITS}
    await province.restarted(a_configuration(province.directory, **{**SECTIONS, "pools": never, "agencies": agencies}))
    await province.minutes(1, dinkes=9, arsip=9, dishub=1)
    assert province.in_force() == dict.fromkeys(CIRCUITS)


async def test_a_limit_whose_agency_left_the_configuration_is_told_until_it_is_configured_again(
    province: Province,
) -> None:
    await province.minutes(5, dinkes=9, arsip=9, dishub=1)
    configured, limit = province.configuration, province.limit("arsip")
    palu = a_router("192.0.2.1", dinkes=("dinkes", "ether1"))
    left = {**SECTIONS["routers"], "palu": palu}  # type: ignore[dict-item]
    agencies = {name: SECTIONS["agencies"][name] for name in ("dinkes", "dishub")}  # type: ignore[index]
    changed = {**SECTIONS, "routers": left, "agencies": agencies}
    await province.restarted(a_configuration(province.directory, **changed))
    await province.minutes(1, dinkes=9, dishub=1)
    assert province.limit("arsip") == limit
    assert await province.states(f"orphan/arsip-fo/{DOWN}") == ["firing/not_configured"]
    await province.restarted(configured)
    await province.minutes(1, dinkes=9, arsip=9, dishub=1)
    assert await province.states(f"orphan/arsip-fo/{DOWN}") == ["firing/not_configured", "resolved/settled"]
