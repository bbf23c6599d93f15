"""The kill switch's sweep of one router of every platform, over SSH: nothing of netmon's is left, running or saved."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import contract_ios, contract_junos
from support.contract_bench import POLICIES, SECOND_NS, SIMULATED, Bench, Recorder, bench_of
from support.processes import wait_until

from netmon.core.changes import Outcome, Step
from netmon.core.kill_switch import ATTEMPTS, FIRST_PAUSE_NS, Swept, SweptState
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.resolving import Armed
from netmon.daemon.enforcer import ListOursOrder, WipeOrder
from netmon.daemon.holds import GlobalHold
from netmon.daemon.kill_switch import RouterBroom, clear, sweep
from netmon.routers.dialects import Dialect, RevertKind, Verb, Way, load_dialect
from netmon.routers.enforcer import Enforcer, ListOurs, Wipe
from netmon.routers.port import Target
from netmon.routers.session import Login, Session
from netmon.routers.settings import RouterSettings
from netmon.routers.ssh import open_session
from netmon.store.release_file import ReleaseFile

M = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
LONGEST_PAUSE_S = (FIRST_PAUSE_NS << ATTEMPTS) / NANOSECONDS
BEDS = [pytest.param(module, id=module.__name__.rpartition("contract_")[2]) for module in SIMULATED]
WITH_A_FULL_DISK = [bed for module, bed in zip(SIMULATED, BEDS, strict=True) if "disk_full" not in module.LACKS]
CONFIGURATION = {
    "edgeos": ("show configuration commands",),
    "ios": ("show running-config", "show startup-config"),
    "iosxr": ("show running-config",),
    "junos": ("show configuration | display set",),
    "linux": ("tc qdisc show", "ip link show", "ls -1 /run/netmon 2>/dev/null || true"),
    "routeros": (
        "/queue simple print",
        "/queue tree print",
        "/system scheduler print",
        "/system script print",
    ),
    "vrp5": ("display current-configuration", "display saved-configuration"),
    "vrp8": ("display current-configuration",),
    "vyos": ("show configuration commands",),
}
"""What prints all in which netmon could have left anything behind."""
OURS = re.compile(r"NM-(?!OWNER)|\bnm[0-9a-f]{8}\b|\b4e4d:|\bnm-expiry")


@dataclass
class Sweeper:
    """The enforcer as a sweep asks it, with the bed's login; remembers what was sent."""

    bench: Bench
    enforcer: Enforcer
    sent: list[str] = field(default_factory=list)

    async def request(self, payload: ListOursOrder | WipeOrder) -> Any:
        login = self.bench.bed.login
        job = ListOurs(login) if isinstance(payload, ListOursOrder) else Wipe(payload.thing, login)
        return await asyncio.wrap_future(self.enforcer.submit(job))

    @property
    def broom(self) -> RouterBroom:
        return RouterBroom(self, "r1", RouterSettings(address="127.0.0.1"), self.bench.dialect.platform)

    def swept(self) -> Swept:
        """One sweep; another attempt is never needed."""
        self.sent.clear()
        (one,) = asyncio.run(sweep("hold-1", "sari", {"r1": self.broom}, 7, _never)).routers
        return one

    def finds_nothing(self) -> None:
        """A sweep that only asks."""
        values = {"username": self.bench.bed.login.username, "trial": 0}
        asking = {line for verb in (Verb.OURS, Verb.OWNER) for line in self.bench.dialect.commands(verb, values)}
        assert self.swept() == Swept("r1", SweptState.CLEAR)
        assert set(self.sent) == asking


@contextmanager
def sweeper_of(module: ModuleType) -> Iterator[Sweeper]:
    with bench_of(module) as bench:
        sent: list[str] = []

        def opened(login: Login, dialect: Dialect) -> Session:
            return Recorder(open_session(login, dialect), sent)

        enforcer = Enforcer(1, opened, lambda _: bench.dialect, _unasked, time.time_ns, time.monotonic_ns, _unasked)
        try:
            yield Sweeper(bench, enforcer, sent)
        finally:
            enforcer.close()


def _unasked(*_: object) -> Any:
    raise AssertionError("a sweep makes no change and collects nothing")


async def _never(seconds: float) -> None:
    raise AssertionError(f"one attempt is enough, yet it waits {seconds} s for another")


def uplink(bench: Bench) -> Target:
    """Another circuit, at the router's other port."""
    there = bench.target()
    return replace(there, circuit="arsip-1", interface=there.uplinks[0], uplinks=(), alias=None, mac=None)


def bps(bench: Bench, way: Way) -> int | None:
    """What the uplink lets through."""
    system, interface = bench.bed.system, uplink(bench).interface
    assert system is not None
    return bench.bed.do(lambda: system.limit_bps(interface, way is Way.EGRESS))


def marks(bench: Bench) -> list[str]:
    """Lines of the configuration, running and saved, that bear netmon's mark, but for that of the owner."""
    with bench.port() as port:
        said = "\n".join(port.send(CONFIGURATION[bench.dialect.platform]))
    return [line for line in said.splitlines() if OURS.search(line)]


@pytest.mark.parametrize("module", BEDS)
def test_a_sweep_takes_off_all_of_netmons_and_nothing_else_for_good(module: ModuleType) -> None:
    with sweeper_of(module) as sweeper:
        bench = sweeper.bench
        name = bench.bed.do(lambda: bench.bed.sabotage.foreign(Way.EGRESS))
        foreign = bench.bed.limit_bps(Way.EGRESS)
        for direction in (DOWN, UP):
            done = bench.change(8 * M, direction, target=uplink(bench), expires_s=600)
            assert done.outcome is Outcome.CONFIRMED, done
        assert all(bps(bench, way) is not None for way in Way)
        assert marks(bench)
        one = sweeper.swept()
        assert (one.state, one.left, one.detail) == (SweptState.CLEARED, (), "")
        assert [bps(bench, way) for way in Way] == [None, None]
        assert marks(bench) == []
        assert bench.bed.limit_bps(Way.EGRESS) == foreign
        assert name in (bench.read().foreign or "")
        sweeper.finds_nothing()
        bench.bed.do(bench.bed.sabotage.reboot)
        assert [bps(bench, way) for way in Way] == [None, None]
        sweeper.finds_nothing()


@pytest.mark.parametrize("module", BEDS)
def test_an_undo_that_is_still_armed_brings_nothing_back_for_good(module: ModuleType, tmp_path: Path) -> None:
    with sweeper_of(module) as sweeper:
        bench, kind = sweeper.bench, sweeper.bench.dialect.settings.revert.kind
        bench.ensure(4 * M, UP)
        bench.ensure(8 * M)
        bench.cut_at(Step.READ_BACK if kind is RevertKind.NONE else Step.DISARM)
        assert bench.change(2 * M, from_bps=8 * M, revert_s=30).outcome is Outcome.UNKNOWN
        assert bench.intent is not None
        arm = bench.intent.id

        def is_over() -> bool:
            with bench.port() as port:
                if port.armed(arm) is Armed.ARMED:
                    port.ask(
                        Verb.UNDO, arm=arm
                    )  # as the router would, but now; not on IOS XR, whose timer is waited for
                return port.armed(arm) is not Armed.ARMED

        async def until_fired(seconds: float) -> None:
            if seconds > LONGEST_PAUSE_S:
                await asyncio.to_thread(wait_until, is_over, "the undo to fire", 20)

        hold = GlobalHold(ReleaseFile(tmp_path / "netmon.hold"))
        release, _ = hold.begin("sari", "a fault", 1)
        sweeping = clear(hold, release, "sari", {"r1": sweeper.broom}, time.time_ns, 1000 * SECOND_NS, until_fired)
        (one,) = asyncio.run(sweeping)
        assert (one.state, one.left, one.detail) == (SweptState.CLEARED, (), "")
        assert [bench.bed.limit_bps(way) for way in Way] == [None, None]
        with bench.port() as port:
            port.ask(Verb.FORGET, arm=arm)  # what tells that the undo fired is kept until the change is settled
        assert marks(bench) == []
        bench.bed.do(bench.bed.sabotage.reboot)
        assert [bench.bed.limit_bps(way) for way in Way] == [None, None]
        sweeper.finds_nothing()


@pytest.mark.parametrize("module", WITH_A_FULL_DISK)
def test_what_is_gone_but_not_saved_is_told(module: ModuleType) -> None:
    with sweeper_of(module) as sweeper:
        bench, disk_full = sweeper.bench, sweeper.bench.bed.sabotage.disk_full
        assert disk_full is not None
        bench.ensure(8 * M)
        bench.bed.do(disk_full)
        one = sweeper.swept()
        assert one.state is SweptState.CLEARED
        assert "not saved" in one.detail
        bench.bed.do(bench.bed.sabotage.reboot)
        assert bench.bed.limit_bps(Way.EGRESS) is not None


@pytest.mark.parametrize("module", [contract_ios, contract_junos], ids=["ios", "junos"])
def test_where_ends_are_switched_off_none_is_touched(module: ModuleType, tmp_path: Path) -> None:
    """An image without an event manager, or a login that may not alter events, would refuse every wipe."""
    settings = (POLICIES / module.PLATFORM / "dialect.yaml").read_text()
    assert "\nexpiry: true\n" in settings
    own = tmp_path / module.PLATFORM
    own.mkdir()
    (own / "dialect.yaml").write_text(settings.replace("\nexpiry: true\n", "\nexpiry: false\n"))
    with sweeper_of(module) as sweeper:
        bench = sweeper.bench
        bench.dialect = load_dialect(module.PLATFORM, [tmp_path, POLICIES])
        for direction in (DOWN, UP):
            target = replace(bench.target(direction), allow_unguarded=True)
            assert bench.change(8 * M, direction, target=target, expires_s=600).outcome is Outcome.CONFIRMED
        one = sweeper.swept()
        assert (one.state, one.detail) == (SweptState.CLEARED, "")
        altering = [line for line in sweeper.sent if not line.startswith("show ")]
        assert altering
        assert not any("event" in line for line in altering)
