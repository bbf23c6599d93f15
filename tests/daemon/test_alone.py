"""A release without a daemon, of a simulated router on which netmon was killed while it gave a port back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from daemon.actions_bench import a_change
from daemon.world import a_configuration, faulty_ledger
from support import contract_routeros
from support.contract_bench import Bench, bench_of
from support.contract_site import CIRCUIT
from support.ledgers import START_NS, opened
from support.processes import wait_until

from netmon.config.load import Configuration
from netmon.core.adoption import Shaper, Stage, Word
from netmon.core.changes import Intent, Outcome
from netmon.core.resolving import Armed
from netmon.daemon.alone import _settled, perform
from netmon.daemon.operations import SWEEP
from netmon.routers.adopting import Course
from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign
from netmon.store.chain import Kind
from netmon.store.ledger import Ledger
from netmon.store.release_file import ReleaseFile

CUT = "nm-2"
"""The give-back that was not seen to end."""
REVERT_S = 3


@dataclass
class Site:
    bench: Bench
    configuration: Configuration

    @property
    def ledger(self) -> Path:
        return self.configuration.settings.ledger.path

    def adopted(self) -> tuple[Foreign, ...]:
        """The boss's queue is set aside, and a limit of netmon's is in its place."""
        bench = self.bench
        bench.bed.do(lambda: bench.bed.sabotage.foreign(Way.EGRESS))
        things = bench.foreigners()
        assert bench.move(Course.SET_ASIDE, things, "nm-1").outcome is Outcome.CONFIRMED
        bench.ensure(8_000_000)
        return things

    def told(self, *words: tuple[Kind, str, Stage], things: tuple[Foreign, ...]) -> None:
        """Puts words about the boss's queue into the ledger's chain: the kind, the attempt, how far it came."""
        aside = tuple(Shaper(one.kind, one.name, one.way, one.setting) for one in things)
        word = Word("", CIRCUIT, "r1", "ether2", START_NS, "sari", "ours now", Stage.BEGUN, aside)
        with opened(self.ledger) as ledger:
            for kind, attempt, stage in words:
                ledger.record_adoption(kind, replace(word, id=attempt, stage=stage))

    def released(self) -> dict[str, Any]:
        return asyncio.run(perform(self.configuration, SWEEP, {"by": "sari", "reason": "a fault"}))

    def passes(self) -> int:
        noted = ReleaseFile.of(self.configuration.settings.ledger).read()
        assert noted is not None
        return len(noted.sweeps)

    def has_fired(self) -> bool:
        with self.bench.port() as port:
            return port.armed(CUT) is not Armed.ARMED


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with bench_of(contract_routeros) as bench:
        login = bench.bed.login
        (tmp_path / "password").write_text(f"{login.password}\n")
        circuits = {CIRCUIT: {"agency": "dinkes", "interface": "ether2", "faces": "agency"}}
        router = {"address": login.address, "platform": "routeros", "ssh": "limiter", "ssh_port": login.port}
        limiter = {"username": login.username, "password": {"file": str(tmp_path / "password")}}
        configuration = a_configuration(
            tmp_path,
            routers={"r1": {**router, "uplinks": ["ether1"], "circuits": circuits}},
            ssh={"known_hosts": str(login.known_hosts), "credentials": {"limiter": limiter}},
            control={"require_synchronised_clock": False, "revert_after": f"{REVERT_S}s"},
        )
        yield Site(bench, configuration)


def test_a_limit_that_the_undo_of_a_give_back_brings_back_is_taken_off_by_a_second_pass(site: Site) -> None:
    bench, things = site.bench, site.adopted()
    assert bench.move(Course.PUT_BACK, things, "whole").outcome is Outcome.CONFIRMED
    lines = len(bench.sent)
    assert bench.move(Course.SET_ASIDE, things, "again").outcome is Outcome.CONFIRMED
    bench.ensure(8_000_000)
    site.told((Kind.ADOPTION, "again", Stage.DONE), (Kind.RESTORATION, CUT, Stage.BEGUN), things=things)
    bench.most = lines - 3  # all but what disarms the undo and tidies up
    assert bench.move(Course.PUT_BACK, things, CUT, revert_s=REVERT_S).outcome is Outcome.UNKNOWN
    bench.most = None
    assert bench.ours() == (), "taken off on trial"
    done = site.released()
    wait_until(site.has_fired, "the undo to fire")
    assert bench.ours() == ()
    assert bench.bed.limit_bps(Way.EGRESS) is None
    (router,) = done["routers"]
    assert (router["state"], len(router["removed"]), done["remaining"]) == ("cleared", 1, [])
    assert done["set_aside"] == [{"circuit": CIRCUIT, "router": "r1", "things": ["simple-queue boss"]}]
    assert site.passes() == 2


def test_where_the_ledger_knows_of_nothing_in_doubt_one_pass_is_enough(site: Site) -> None:
    site.told((Kind.ADOPTION, "nm-1", Stage.DONE), things=site.adopted())
    assert site.released()["remaining"] == []
    assert site.bench.ours() == ()
    assert site.passes() == 1


async def test_one_pass_is_enough_only_where_the_ledger_is_there_and_tells_that_nothing_is_open(tmp_path: Path) -> None:
    assert not await _settled(None)
    async with faulty_ledger(tmp_path) as ledger:
        assert await _settled(ledger)
        for unread in ("adoptions", "open_intents"):
            ledger.faults.failing = {unread}
            assert not await _settled(ledger)
        ledger.faults.failing.clear()
        await ledger.write(Ledger.record_intent, Intent("nm-1", a_change("dinkes-fo", 1), START_NS, START_NS + 1))
        assert not await _settled(ledger)
