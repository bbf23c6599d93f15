"""Ends that routers keep of limits are put off while netmon lives, a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from daemon.actions_bench import DIED, DOWN, MBPS, PLACES, a_change
from daemon.world import Hands, a_configuration

from netmon.core.breaker import BreakerPolicy
from netmon.core.changes import Outcome, Proof, Receipt
from netmon.core.model import NANOSECONDS, Circuit, Direction
from netmon.core.planning import Observed
from netmon.daemon.breakers import Breakers
from netmon.daemon.enforcer import Order, RenewOrder
from netmon.daemon.renewing import AGAIN_NS, FIRST_AFTER_NS, Renewer
from netmon.daemon.standing import Standing
from netmon.daemon.timers import Timers
from netmon.routers.port import Target
from netmon.routers.session import Failure
from netmon.routers.settings import RouterSettings
from netmon.routers.upkeep import Renewal

HOUR_NS = 3600 * NANOSECONDS
RENEWED = Renewal(renewed=True, detail="its end was put off", seconds_left=86_400)


@dataclass
class Routers:
    """What the enforcer process answers, and what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[RenewOrder] = field(default_factory=list)

    async def request(self, payload: RenewOrder) -> Any:
        self.asked.append(payload)
        answer = self.answers.get(payload.target.circuit, RENEWED)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def told(self) -> list[str]:
        found = [one.target.circuit for one in self.asked]
        self.asked.clear()
        return sorted(found)


class Work:
    def __init__(self, settings: Mapping[str, RouterSettings]) -> None:
        self._settings = settings
        self.doubtful_routers: frozenset[str] = frozenset()
        self.platforms = {"palu": "linux", "gowa": "linux"}
        self.read: list[tuple[str, Direction]] = []

    def order_for(self, circuit: Circuit) -> Order | None:
        router = circuit.limiting.router
        target = Target(circuit.id, circuit.interface, circuit.faces)
        return Order(router, self._settings[router], self.platforms[router], target)

    def reread(self, circuit: str, direction: Direction) -> None:
        self.read.append((circuit, direction))


class Bench:
    def __init__(self, directory: Path) -> None:
        configuration = a_configuration(directory)
        self.hands, self.routers = Hands(), Routers()
        self.work = Work(configuration.settings.routers)
        limits = {(circuit, DOWN): Observed(MBPS, known=True) for circuit in PLACES}
        self.standing = Standing({}, {}, limits)
        self.breakers = Breakers(BreakerPolicy(), {}, lambda: self.hands.wall_ns)
        self.renewer = Renewer(
            {circuit.id: circuit for circuit in configuration.circuits},
            self.standing,
            self.routers,
            self.work,
            self.breakers,
            24 * HOUR_NS,
            8,
            Timers(directory).keeps_ends,
            lambda: self.hands.wall_ns,
        )

    async def round(self, after_ns: int = 0) -> list[str]:
        self.hands.pass_s(after_ns / NANOSECONDS)
        await self.renewer.round()
        return self.routers.told()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_what_was_set_before_is_renewed_soon_after_the_start_then_when_half_of_its_time_is_over(
    bench: Bench,
) -> None:
    assert await bench.round() == []
    assert await bench.round(FIRST_AFTER_NS) == sorted(PLACES)
    assert await bench.round(12 * HOUR_NS - 1) == []
    assert await bench.round(1) == sorted(PLACES)


async def test_a_renewal_names_the_limit_that_is_believed_and_its_new_end(bench: Bench) -> None:
    bench.standing.limits = {("dinkes-fo", DOWN): Observed(MBPS, known=True)}
    bench.hands.pass_s(120)
    await bench.renewer.round()
    (one,) = bench.routers.asked
    assert (one.router, one.platform, one.direction, one.bps, one.expires_s) == ("palu", "linux", DOWN, MBPS, 86_400)
    assert one.token.startswith("nm-")


async def test_a_limit_just_set_has_all_its_time_before_it(bench: Bench) -> None:
    bench.hands.pass_s(120)
    done = a_change("dinkes-fo", MBPS)
    bench.renewer.receipt(Receipt("nm-1", 0, done, Outcome.CONFIRMED, Proof.READ_BACK, "", 0))
    failed = a_change("dishub-fo", MBPS)
    bench.renewer.receipt(Receipt("nm-2", 0, failed, Outcome.FAILED, Proof.READ_BACK, "", 0))
    assert await bench.round() == ["arsip-fo", "dishub-fo"]


async def test_nothing_is_renewed_where_no_limit_is_or_its_router_is_in_doubt_or_left_alone(bench: Bench) -> None:
    bench.standing.limits["arsip-fo", DOWN] = Observed(None, known=True)
    bench.standing.limits["dinkes-fo", DOWN] = Observed(None, known=False)
    assert await bench.round(FIRST_AFTER_NS) == ["dishub-fo"]
    bench.work.doubtful_routers = frozenset({"gowa"})
    assert await bench.round(12 * HOUR_NS) == []
    bench.work.doubtful_routers = frozenset()
    for _ in range(3):
        bench.breakers.failed("gowa", Failure.UNREACHABLE, "no route")
    assert await bench.round() == []
    bench.breakers.reset()
    assert await bench.round() == ["dishub-fo"]


async def test_a_platform_that_keeps_no_ends_is_not_asked_to(bench: Bench) -> None:
    bench.work.platforms["gowa"] = "there-is-none"
    assert await bench.round(FIRST_AFTER_NS) == ["arsip-fo", "dinkes-fo"]


@pytest.mark.parametrize("trouble", [DIED, Renewal(False, "no route", Failure.UNREACHABLE)], ids=["died", "lost"])
async def test_a_router_that_cannot_be_reached_is_asked_once_and_again_after_a_while(
    bench: Bench, trouble: object
) -> None:
    bench.routers.answers = dict.fromkeys(PLACES, trouble)
    assert len(await bench.round(FIRST_AFTER_NS)) == 2, "one of each router"
    bench.routers.answers = {}
    assert len(await bench.round()) == 1, "the other of palu"
    assert len(await bench.round(AGAIN_NS)) == 2


async def test_a_limit_found_otherwise_than_believed_is_read_again(bench: Bench) -> None:
    other = Renewal(False, "it is 2 Mb/s", Failure.READ_BACK_MISMATCH, read_bps=2 * MBPS, known=True)
    bench.routers.answers = {"dinkes-fo": other}
    await bench.round(FIRST_AFTER_NS)
    assert bench.work.read == [("dinkes-fo", DOWN)]


def test_timers_that_count_in_minutes_are_given_whole_ones(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    assert timers.lasts_ns("linux", 60 * NANOSECONDS) == 60 * NANOSECONDS
    assert timers.lasts_ns("there-is-none", 7) == 7
    assert not timers.keeps_ends("there-is-none")
    folder = tmp_path / "policies" / "enforcement" / "slow"
    folder.mkdir(parents=True)
    linux = Path(__file__).parents[2] / "policies" / "enforcement" / "linux" / "dialect.yaml"
    text = linux.read_text(encoding="utf-8")
    start = text.index("revert:")
    line = text[start : text.index("\n", start)]
    (folder / "dialect.yaml").write_text(text.replace(line, "revert: {kind: timer, unit_s: 60, least_s: 60}"))
    assert timers.lasts_ns("slow", 90 * NANOSECONDS) >= 120 * NANOSECONDS
