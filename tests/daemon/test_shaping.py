"""Circuits that are measured on one router and limited on another: what is ordered, believed and read again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.actions_bench import DOWN, MBPS, Bench, a_change
from daemon.policy_bench import Bench as PolicyBench
from daemon.world import faulty_ledger
from support.ledgers import audited

from netmon.core.changes import Change, Outcome, Proof
from netmon.core.model import Faces, Placement, ShapingPoint, Tier
from netmon.core.planning import Observed, pending
from netmon.daemon.shaping import sharings
from netmon.routers.enforcement import Reading, Result
from netmon.store.ledger import Ledger

PLACED = Placement(MBPS, 1, 5, (Tier(None, 8 * MBPS, 8 * MBPS),))


@pytest.fixture
async def behind_gowa(tmp_path: Path) -> AsyncIterator[Bench]:
    """dinkes-fo and arsip-fo, which palu measures, are limited at one port of gowa."""
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        circuits = [
            replace(one, limited_at=ShapingPoint("gowa", "sfp1", Faces.AGENCY, (f"10.{at}.0.0/16",)))
            if one.router == "palu"
            else one
            for at, one in enumerate(bench.configuration.circuits)
        ]
        bench.configuration = replace(bench.configuration, circuits=tuple(circuits))
        bench.actions = bench.made()
        yield bench
        assert audited(tmp_path / "ledger.db").ok, "receipts with a place are links as any other"


def to_gowa(to_bps: int, has: Placement | None = None, to: Placement = PLACED) -> Change:
    from_bps = None if has is None else MBPS
    made = replace(a_change("dinkes-fo", to_bps, from_bps), router="gowa")
    return replace(made, from_placement=has, to_placement=to)


async def test_a_circuit_limited_elsewhere_is_ordered_there_with_what_tells_it_apart(behind_gowa: Bench) -> None:
    assert [r.outcome for r in await behind_gowa.carry_out(to_gowa(MBPS))] == [Outcome.CONFIRMED]
    (order,) = behind_gowa.routers.orders
    assert (order.router, order.target.interface, order.target.alias) == ("gowa", "sfp1", None)
    assert order.settings == behind_gowa.configuration.settings.routers["gowa"]
    shared = order.target.shared
    assert shared is not None
    assert (shared.circuits, len(shared.prefixes)) == (("dinkes-fo", "arsip-fo"), 1)


async def test_its_place_is_believed_as_it_was_read_and_another_one_is_no_longer_as_planned(behind_gowa: Bench) -> None:
    bench, other = behind_gowa, replace(PLACED, floor_bps=2 * MBPS)
    read = Result(Outcome.CONFIRMED, Proof.READ_BACK, "was read back", None, MBPS, True, 7, PLACED)
    bench.routers.will("apply", "dinkes-fo", read)
    await bench.carry_out(to_gowa(MBPS))
    assert bench.standing.limits["dinkes-fo", DOWN] == Observed(MBPS, True, PLACED)
    assert await bench.carry_out(to_gowa(MBPS, other)) == []
    assert len(await bench.carry_out(to_gowa(MBPS, PLACED, other))) == 1


async def test_it_is_read_again_when_the_daemon_starts_and_when_its_own_router_restarts(behind_gowa: Bench) -> None:
    bench = behind_gowa
    await bench.carry_out(to_gowa(MBPS))
    bench.routers.orders.clear()
    await bench.restarted()
    assert bench.standing.limits["dinkes-fo", DOWN] == Observed(None, known=False)
    bench.routers.will("read", "dinkes-fo", *[Reading(MBPS, True, None, placement=PLACED)] * 2)
    await bench.settle()
    assert bench.standing.limits["dinkes-fo", DOWN] == Observed(MBPS, True, PLACED)
    bench.actions.settler.doubt("palu")
    assert bench.standing.limits["dinkes-fo", DOWN].known, "palu only measures it"
    bench.actions.settler.doubt("gowa")
    assert not bench.standing.limits["dinkes-fo", DOWN].known
    await bench.settle()
    assert [order.router for order in bench.routers.orders] == ["gowa", "gowa"]


# --- the control loop ------------------------------------------------------------------------


def a_router(address: str, **circuits: tuple[str, str, str]) -> dict[str, object]:
    return {
        "address": address,
        "platform": "linux",
        "ssh": "limiter",
        "mode": "enforce",
        "override_observation": "a test",
        "circuits": {
            f"{agency}-fo": {
                "agency": agency,
                "interface": port,
                "faces": "agency",
                "pools": ["internet"],
                "limited_at": {"router": router, "interface": "sfp1", "faces": "agency", "prefixes": [prefix]},
            }
            for agency, (port, router, prefix) in circuits.items()
        },
    }


def sections(third: str = "gowa") -> Mapping[str, object]:
    """8 Mb/s for three agencies that are limited at one port of gowa, or the third of them elsewhere."""

    def floor(rate: str) -> list[dict[str, str]]:
        return [{"pool": "internet", "floor": rate}]

    return {
        "pools": {"internet": {"download": "8 Mbps", "upload": "8 Mbps", "share": "always"}},
        "agencies": {
            "dinkes": {"name": "Dinas Kesehatan", "entitlements": floor("5 Mbps")},
            "arsip": {"name": "Dinas Arsip", "entitlements": floor("2 Mbps")},
            "dishub": {"name": "Dinas Perhubungan"},
        },
        "routers": {
            "palu": a_router(
                "192.0.2.1", dinkes=("ether1", "gowa", "10.1.0.0/16"), arsip=("ether2", "gowa", "10.2.0.0/16")
            ),
            "gowa": a_router("192.0.2.2", dishub=("ether1", third, "10.3.0.0/16")),
        },
    }


class Loop(PolicyBench):
    async def minutes(self, count: int, **mbps: int) -> set[Change]:
        """Traffic of so many Mb/s by agency; what is planned is done. The last plan's download changes."""
        made: set[Change] = set()
        for _ in range(count):
            plan = await self.used(60, **{agency: rate * MBPS * 60 // 16 * 2 for agency, rate in mbps.items()})
            made = {change for change in pending(plan) if change.direction is DOWN}
            for change in pending(plan):
                place = change.circuit, change.direction
                await self.ledger.write(Ledger.note_limit, *place, change.to_bps, True, self.hands.wall_ns)
                self.standing.limits[place] = Observed(change.to_bps, True, change.to_placement)
        return made


async def test_where_all_of_a_pool_passes_one_port_its_hierarchy_shares_and_the_loop_sets_it_once(
    tmp_path: Path,
) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Loop(tmp_path, ledger, **sections())
        await bench.minutes(5, dinkes=5, arsip=2, dishub=1)
        limits = {name: seen for (name, direction), seen in bench.standing.limits.items() if direction is DOWN}
        assert {name: seen.bps for name, seen in limits.items()} == dict.fromkeys(
            ("dinkes-fo", "arsip-fo", "dishub-fo"), 8 * MBPS
        ), "nothing but the tree's ceiling: the device lends"
        floors = {name: seen.placement.floor_bps for name, seen in limits.items() if seen.placement is not None}
        assert floors == {"dinkes-fo": 5 * MBPS, "arsip-fo": 2 * MBPS, "dishub-fo": 8_000}
        assert await bench.minutes(10, dinkes=0, arsip=7, dishub=1) == set(), "an idle floor is lent without us"
        assert await bench.minutes(10, dinkes=5, arsip=2, dishub=1) == set()


async def test_where_a_pool_passes_elsewhere_too_shares_are_pushed_with_the_floors(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Loop(tmp_path, ledger, **sections(third="palu"))
        await bench.minutes(8, dinkes=5, arsip=2, dishub=1)
        seen = {name: bench.standing.limits[name, DOWN] for name in ("dinkes-fo", "arsip-fo", "dishub-fo")}
        assert sum(one.bps or 99 * MBPS for one in seen.values()) <= 8 * MBPS
        placed = seen["dinkes-fo"].placement
        assert placed is not None
        assert placed.floor_bps == min(5 * MBPS, seen["dinkes-fo"].bps or 0)


def two_classes() -> Mapping[str, object]:
    """dinkes' international and domestic traffic, each counted at its own VLAN and bought apart, at one port."""

    def a_class(vlan: int, pool: str, **told: object) -> dict[str, object]:
        port = {"router": "gowa", "interface": "sfp1", "faces": "agency", "prefixes": ["10.1.0.0/16"], **told}
        return {
            "agency": "dinkes", "interface": f"ether1.{vlan}", "faces": "agency", "class": pool, "classifier": "vlan",
            "pools": [pool], "limited_at": port,
        }  # fmt: skip

    classes = {
        "dinkes-fo": a_class(10, "international", dscp=["cs1", "af11"]),
        "dinkes-iix": a_class(20, "domestic"),
    }
    return {
        "pools": {
            "international": {"class": "international", "download": "2 Mbps", "upload": "2 Mbps", "share": "always"},
            "domestic": {"class": "domestic", "download": "8 Mbps", "upload": "8 Mbps", "share": "always"},
        },
        "agencies": {
            "dinkes": {
                "name": "Dinas Kesehatan",
                "entitlements": [
                    {"pool": "international", "floor": "1 Mbps"},
                    {"pool": "domestic", "floor": "4 Mbps"},
                ],
            }
        },
        "routers": {"palu": {**a_router("192.0.2.1"), "circuits": classes}, "gowa": a_router("192.0.2.2")},
    }


async def test_two_classes_of_one_agency_at_one_port_are_limited_each_by_its_own_pool(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Loop(tmp_path, ledger, **two_classes())
        world, home = (sharings(bench.configuration)[name] for name in ("dinkes-fo", "dinkes-iix"))
        assert (world.dscp, home.dscp) == ((8, 10), ())
        assert [(one.circuit, one.dscp) for one in home.excepted] == [("dinkes-fo", (8, 10))]
        await bench.minutes(8, dinkes=5)
        seen = {name: bench.standing.limits[name, DOWN] for name in ("dinkes-fo", "dinkes-iix")}
        assert (seen["dinkes-fo"].bps or 99 * MBPS) <= 2 * MBPS
        assert (seen["dinkes-iix"].bps or 99 * MBPS) <= 8 * MBPS
        placed = {name: one.placement for name, one in seen.items()}
        assert {name: one.floor_bps for name, one in placed.items() if one} == {
            "dinkes-fo": MBPS,
            "dinkes-iix": 4 * MBPS,
        }
        assert all([tier.agency for tier in one.above] == [None, "dinkes"] for one in placed.values() if one)
