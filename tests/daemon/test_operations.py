"""The running daemon's word on whole routers, with something in doubt: a release, and a give-back that failed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon.actions_bench import DOWN, MBPS, UNKNOWN, Bench, Routers, a_change, sound
from daemon.world import START_NS, Hands

from netmon.core.adoption import Shaper, Stage, Word
from netmon.core.changes import Outcome
from netmon.core.model import NANOSECONDS
from netmon.core.planning import Observed
from netmon.daemon.adopting import GIVE_BACK
from netmon.daemon.control import CommandError
from netmon.daemon.enforcer import ListOursOrder, MoveAsideOrder, WipeOrder
from netmon.daemon.kill_switch import named
from netmon.daemon.operations import HOLD, SWEEP, Operations
from netmon.daemon.reached import Reached
from netmon.routers.adopting import Moved
from netmon.routers.dialects import Way
from netmon.routers.readbacks import Ours
from netmon.routers.upkeep import Belongings, Wiped
from netmon.store.chain import Kind
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

OURS = Ours("NM-0A1B2C3D-DINKES-FO", "ether1", Way.EGRESS, MBPS)
BOSS = Shaper("qdisc", "qdisc tbf 1:", "egress", "qdisc tbf 1: root rate 3Mbit burst 16000b lat 50ms")
BEGUN = Word("nm-1", "dinkes-fo", "palu", "ether1", START_NS, "sari", "ours now", Stage.BEGUN, (BOSS,))
ADOPTED = Kind.ADOPTION, replace(BEGUN, stage=Stage.DONE)
GIVING_BACK = Kind.RESTORATION, replace(BEGUN, id="nm-2")
GIVEN_BACK = Kind.RESTORATION, replace(BEGUN, id="nm-2", stage=Stage.DONE)
BY = {"by": "sari", "reason": "a fault"}
ANSWER_S = 40
"""So long a router takes to list what is netmon's: a pass over both takes longer than any undo."""


class Boxes(Routers):
    """With what bears netmon's mark there. An undo armed on palu fires after 60 s and brings a limit back."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands
        self.ours: set[Ours] = set()
        self.is_armed = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        """What happens, once, while the first router is asked."""

    async def request(self, order: Any) -> Any:
        match order:
            case ListOursOrder():
                return await self._listed(order.router)
            case WipeOrder():
                self.ours.remove(order.thing)
                return Wiped(True, "gone")
            case MoveAsideOrder():
                return Moved(Outcome.UNKNOWN, "the link dropped")
            case _:
                return await super().request(order)

    async def _listed(self, router: str) -> Belongings:
        if self.is_armed and self._hands.wall_ns >= START_NS + 60 * NANOSECONDS:
            self.ours, self.is_armed = {OURS}, False
        found = tuple(self.ours) if router == "palu" else ()
        self._hands.pass_s(ANSWER_S)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return Belongings(found)


class Site:
    """A daemon's operations on two routers."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.routers = self.boxes = Boxes(bench.hands)
        bench.actions = bench.made()
        reached = Reached(bench.configuration, self.boxes, bench.platforms.get, lambda *_: None)
        self.operations = Operations(
            reached, bench.hands.clock(), bench.ledger, bench.standing, bench.actions, lambda: None
        )

    async def said(self, *words: tuple[Kind, Word]) -> None:
        for word in words:
            await self.bench.ledger.write(Ledger.record_adoption, *word)

    async def released(self) -> dict[str, Any]:
        await self.operations.restore()
        await self.operations.carry_out(HOLD, BY)
        return await self.operations.carry_out(SWEEP, BY)

    async def passes(self, release: dict[str, Any]) -> int:
        return len(await self.bench.ledger.read(LedgerReader.sweeps, release["id"]))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with sound(tmp_path) as bench:
        yield Site(bench)


async def twice(site: Site) -> None:
    """Sweeps, with an undo armed, and all that this brings back is taken off."""
    site.boxes.is_armed = True
    done = await site.released()
    assert await site.passes(done) == 2
    assert (site.boxes.is_armed, site.boxes.ours, done["remaining"]) == (False, set(), [])
    assert {one["router"]: one["removed"] for one in done["routers"]} == {"gowa": [], "palu": [named(OURS)]}


@pytest.mark.parametrize(
    "words",
    [[(Kind.ADOPTION, BEGUN)], [ADOPTED, GIVING_BACK]],
    ids=["adoption", "give_back"],
)
async def test_what_the_undo_of_an_adoption_in_doubt_brings_back_is_taken_off_as_well(
    site: Site, words: Sequence[tuple[Kind, Word]]
) -> None:
    await site.said(*words)
    await twice(site)


async def test_what_the_undo_of_a_change_in_doubt_brings_back_is_taken_off_as_well(site: Site) -> None:
    site.boxes.will("apply", "dinkes-fo", UNKNOWN)
    await site.bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
    await twice(site)


async def test_while_the_ledger_does_not_tell_what_is_in_doubt_anything_may_be(site: Site) -> None:
    site.bench.ledger.faults.failing = {"adoptions"}
    await twice(site)


async def test_where_nothing_is_in_doubt_it_sweeps_once(site: Site) -> None:
    await site.said(ADOPTED)
    done = await site.released()
    assert await site.passes(done) == 1
    assert done["set_aside"] == [{"circuit": "dinkes-fo", "router": "palu", "things": ["qdisc tbf 1:"]}]


async def test_what_was_given_back_during_the_sweep_is_not_told_as_set_aside(site: Site) -> None:
    await site.said(ADOPTED)
    site.boxes.meanwhile = lambda: site.said(GIVEN_BACK)
    assert (await site.released())["set_aside"] == []


async def test_a_limit_is_read_again_after_a_give_back_that_was_not_seen_to_end(site: Site) -> None:
    bench = site.bench
    await bench.carry_out(a_change("dinkes-fo", MBPS))
    await site.said(ADOPTED)
    with pytest.raises(CommandError, match="not known; repeat the command"):
        await site.operations.carry_out(GIVE_BACK, {"circuit": "dinkes-fo", **BY})
    assert bench.standing.limits == {("dinkes-fo", DOWN): Observed(None, known=False)}, "nothing else is read"
    site.boxes.limits["dinkes-fo", DOWN] = None  # it went off with what was put back
    await bench.settle()
    assert await bench.believed("dinkes-fo") == Observed(None, known=True)
