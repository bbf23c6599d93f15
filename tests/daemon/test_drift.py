"""Limits read again, slowly and for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daemon.world import FaultyLedger, Hands, a_configuration, faulty_ledger
from support.ledgers import audited

from netmon.core.alerts import AlertState
from netmon.core.drift import MOST_REPAIRS, REPAIRS
from netmon.core.model import NANOSECONDS, Circuit, Direction, Faces
from netmon.core.planning import Observed
from netmon.daemon.drift import DriftWatch
from netmon.daemon.holds import GlobalHold
from netmon.daemon.standing import Standing
from netmon.routers.enforcement import Reading
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.release_file import ReleaseFile

DOWN = Direction.DOWNLOAD
MBPS = 1_000_000
PLACE = ("dinkes-fo", DOWN)
FOUR = Observed(4 * MBPS, known=True)
INTERVAL_S = 900


class Routers:
    """What limits each circuit, and who may be asked."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, Direction], Reading] = {}
        self.asked: list[tuple[str, Direction]] = []
        self.doubtful: set[str] = set()
        self.shut: set[str] = set()

    @property
    def doubtful_routers(self) -> frozenset[str]:
        return frozenset(self.doubtful)

    def lets(self, router: str) -> bool:
        return router not in self.shut

    async def look(self, circuit: str, direction: Direction) -> Reading | None:
        self.asked.append((circuit, direction))
        return self.there.get((circuit, direction))


class Bench:
    def __init__(self, directory: Path, ledger: FaultyLedger) -> None:
        self.circuits = a_configuration(directory).circuits
        self.hands, self.ledger, self.routers = Hands(), ledger, Routers()
        self.standing = Standing({}, {}, {PLACE: FOUR})
        self.routers.there[PLACE] = ours(4 * MBPS)
        self.announced = 0
        self.watch = self.made()

    def made(self, digest: str = "digest", circuits: tuple[Circuit, ...] | None = None) -> DriftWatch:
        return DriftWatch(
            self.circuits if circuits is None else circuits,
            INTERVAL_S * NANOSECONDS,
            digest,
            self.routers,
            self.ledger,
            self.standing,
            lambda: self.hands.wall_ns,
            self.tell,
        )

    def tell(self) -> None:
        self.announced += 1

    async def look(self, after_s: float = INTERVAL_S) -> None:
        self.hands.pass_s(after_s)
        await self.watch.look()

    async def restarted(self, digest: str = "digest") -> None:
        limits = self.standing.limits
        self.standing = await Standing.restored(self.ledger)
        self.standing.limits = limits
        self.watch = self.made(digest)
        await self.watch.restore()

    def repaired(self) -> None:
        """The planner has done its work, and the router has the limit again."""
        self.standing.limits[PLACE] = FOUR
        self.routers.there[PLACE] = ours(4 * MBPS)


def ours(bps: int | None) -> Reading:
    return Reading(bps, bps is not None, None)


def said(bench: Bench, key: str) -> tuple[AlertState, str] | None:
    alert = bench.standing.alerts.get(key)
    return None if alert is None else (alert.state, alert.reason)


DRIFT = "drift/dinkes-fo/download"
FOREIGN = "foreign/dinkes-fo/download"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with faulty_ledger(tmp_path) as ledger:
        one = Bench(tmp_path, ledger)
        await one.watch.look()
        yield one
        assert audited(tmp_path / "ledger.db").ok


async def test_a_limit_is_read_again_once_an_interval_and_is_left_alone_where_it_stands(bench: Bench) -> None:
    assert bench.routers.asked == []
    for _ in range(3):
        await bench.look()
        await bench.look(after_s=1)
    assert bench.routers.asked == [PLACE] * 3
    assert bench.standing.limits[PLACE] == FOUR
    assert bench.standing.alerts == {}


@pytest.mark.parametrize(("there", "reason"), [(None, "limit_missing"), (9 * MBPS, "limit_changed")])
async def test_what_somebody_altered_is_believed_so_that_it_is_planned_anew(
    bench: Bench, there: int | None, reason: str
) -> None:
    bench.routers.there[PLACE] = ours(there)
    await bench.look()
    assert bench.standing.limits[PLACE] == Observed(there, known=True)
    assert (await bench.ledger.write(Ledger.limit_states))[PLACE].bps == there
    assert said(bench, DRIFT) == (AlertState.FIRING, reason)
    assert bench.standing.contested == frozenset()
    bench.repaired()
    await bench.look()
    assert said(bench, DRIFT) == (AlertState.RESOLVED, "in_order")


async def undone(bench: Bench, times: int) -> None:
    for _ in range(times):
        bench.repaired()
        await bench.look(after_s=0)
        bench.routers.there[PLACE] = ours(None)
        await bench.look()


async def test_after_two_repairs_that_were_undone_nothing_is_set_until_a_person_says_so(bench: Bench) -> None:
    await undone(bench, REPAIRS)
    assert bench.standing.contested == frozenset()
    await undone(bench, 1)
    assert bench.standing.contested == {PLACE}
    assert said(bench, DRIFT) == (AlertState.FIRING, "contested")
    await bench.restarted()
    assert bench.standing.contested == {PLACE}, "a restart ends no quarrel"
    await bench.look()
    assert said(bench, DRIFT) == (AlertState.FIRING, "contested")
    await bench.watch.pardon()
    assert bench.standing.contested == frozenset()
    assert said(bench, DRIFT) == (AlertState.RESOLVED, "in_order")
    assert await bench.ledger.write(Ledger.contests) == {}


async def test_another_configuration_ends_a_quarrel(bench: Bench) -> None:
    await undone(bench, REPAIRS + 1)
    await bench.restarted(digest="another")
    assert bench.standing.contested == frozenset()


async def test_how_often_it_came_to_that_outlives_a_restart(bench: Bench) -> None:
    for _ in range(REPAIRS + 1):
        await undone(bench, 1)
        await bench.restarted()
    assert bench.standing.contested == {PLACE}


async def test_somebody_elses_object_is_told_once_and_touched_never(bench: Bench) -> None:
    bench.routers.there[PLACE] = Reading(4 * MBPS, True, "queue GOLD")
    for _ in range(REPAIRS + 3):
        await bench.look()
    assert said(bench, FOREIGN) == (AlertState.FIRING, "foreign_shaper")
    assert bench.standing.limits[PLACE] == FOUR
    assert bench.standing.contested == frozenset()
    assert bench.announced == 1
    bench.repaired()
    await bench.look()
    assert said(bench, FOREIGN) == (AlertState.RESOLVED, "alone")


@pytest.mark.parametrize("why", ["doubtful", "shut"])
async def test_a_router_in_doubt_or_left_alone_is_not_asked(bench: Bench, why: str) -> None:
    getattr(bench.routers, why).add("palu")
    await bench.look()
    assert bench.routers.asked == []


async def test_while_everything_is_released_nothing_is_looked_for(bench: Bench, tmp_path: Path) -> None:
    bench.standing.hold = GlobalHold(ReleaseFile(tmp_path / "netmon.hold"))
    bench.standing.hold.begin("sari", "a fault", 1)
    await bench.look()
    assert bench.routers.asked == []


async def test_what_cannot_be_read_changes_no_belief(bench: Bench) -> None:
    del bench.routers.there[PLACE]
    await bench.look()
    assert bench.standing.limits[PLACE] == FOUR
    assert bench.standing.alerts == {}


async def test_what_was_altered_by_netmon_itself_while_it_was_read_is_no_drift(bench: Bench) -> None:
    async def look(circuit: str, direction: Direction) -> Reading | None:
        bench.standing.limits[PLACE] = Observed(2 * MBPS, known=True)
        return ours(2 * MBPS)

    bench.routers.look = look  # type: ignore[method-assign]
    await bench.look()
    assert bench.standing.limits[PLACE] == Observed(2 * MBPS, known=True)
    assert bench.standing.alerts == {}


async def test_what_cannot_be_recorded_is_found_again(bench: Bench) -> None:
    bench.routers.there[PLACE] = ours(None)
    bench.ledger.faults.failing = {"record_drift"}
    with pytest.raises(StoreError):
        await bench.look()
    assert bench.standing.limits[PLACE] == FOUR
    bench.ledger.faults.failing = set()
    await bench.look()
    assert bench.standing.limits[PLACE] == Observed(None, known=True)


async def test_the_end_of_a_limit_that_nobody_looks_at_any_more_ends_its_alerts(bench: Bench) -> None:
    bench.routers.there[PLACE] = ours(None)
    await bench.look()
    await bench.look()
    await bench.look()
    assert said(bench, DRIFT) == (AlertState.RESOLVED, "in_order")


async def test_one_round_repairs_so_many_at_most_and_the_rest_comes_in_the_next(bench: Bench) -> None:
    circuits = tuple(Circuit(f"c{n}", "dinkes", "palu", f"ether{n}", Faces.AGENCY) for n in range(MOST_REPAIRS + 5))
    bench.standing.limits = {(one.id, DOWN): FOUR for one in circuits}
    bench.routers.there = {(one.id, DOWN): ours(None) for one in circuits}
    bench.watch = bench.made(circuits=circuits)
    await bench.watch.look()
    await bench.look()
    unlimited = [seen for seen in bench.standing.limits.values() if seen.bps is None]
    assert len(unlimited) == MOST_REPAIRS
    await bench.look(after_s=INTERVAL_S)
    assert all(seen.bps is None for seen in bench.standing.limits.values())
