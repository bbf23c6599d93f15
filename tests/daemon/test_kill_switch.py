"""A sweep over routers: ours listed, wiped, none read back; what cannot be reached is tried again, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netmon.core.kill_switch import ATTEMPTS, Sweep, Swept, SweptState, remaining
from netmon.daemon.holds import GlobalHold
from netmon.daemon.kill_switch import NotReadError, clear, sweep
from netmon.store.release_file import ReleaseFile


@dataclass
class FakeBroom:
    """A router as a set of names."""

    there: set[str] = field(default_factory=set)
    failures: list[NotReadError] = field(default_factory=list)
    """One is raised by each question, until they are used up."""
    sticks: frozenset[str] = frozenset()
    """What no wipe takes off."""
    trouble: str | None = None
    """What a wipe tells that takes all off."""
    asked: int = 0
    wiped: int = 0

    async def ours(self) -> Sequence[str]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return sorted(self.there)

    async def wipe(self) -> str | None:
        self.wiped += 1
        self.there &= self.sticks
        return "the router kept it" if self.there else self.trouble


class Pauses:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def unreachable() -> NotReadError:
    return NotReadError("no answer on port 22")


def swept(pauses: Pauses | None = None, **brooms: FakeBroom) -> Sweep:
    return asyncio.run(sweep("hold-1", "sari", brooms, 7, pauses or Pauses()))


def test_what_is_ours_goes_and_nothing_is_sent_where_nothing_is() -> None:
    full, empty = FakeBroom({"NM-2 ether2", "NM-1 ether1"}), FakeBroom()
    done = swept(palu=full, gowa=empty)
    assert [(one.router, one.state, one.removed) for one in done.routers] == [
        ("gowa", SweptState.CLEAR, ()),
        ("palu", SweptState.CLEARED, ("NM-1 ether1", "NM-2 ether2")),
    ]
    assert (empty.wiped, full.wiped) == (0, 1)
    assert (full.there, full.asked) == (set(), 2)
    assert (done.release, done.by, done.at_ns) == ("hold-1", "sari", 7)


def test_a_router_that_answers_late_is_swept_all_the_same() -> None:
    late, pauses = FakeBroom({"NM-1 ether1"}, [unreachable()]), Pauses()
    (one,) = swept(pauses, palu=late).routers
    assert one.state is SweptState.CLEARED
    assert pauses.slept == [5]


def test_one_router_that_never_answers_is_tried_so_often_and_hinders_no_other() -> None:
    gone, other, pauses = FakeBroom({"NM-1 ether1"}, [unreachable()] * 99), FakeBroom({"NM-2 ether1"}), Pauses()
    done = swept(pauses, gone=gone, other=other)
    assert gone.asked == ATTEMPTS
    assert pauses.slept == [5, 10]
    assert other.there == set()
    assert remaining(done.routers) == ["gone"]
    assert done.routers[0].detail == "no answer on port 22"


def test_another_host_key_is_not_tried_again() -> None:
    broom = FakeBroom(failures=[NotReadError("another host key", hopeless=True)] * 9)
    assert swept(palu=broom).routers[0].state is SweptState.NOT_READ
    assert broom.asked == 1


def test_what_stays_is_named_after_as_many_attempts() -> None:
    broom = FakeBroom({"NM-1 ether1", "NM-2 ether2"}, sticks=frozenset({"NM-2 ether2"}))
    (one,) = swept(palu=broom).routers
    assert (one.state, one.removed, one.left) == (SweptState.LEFT, ("NM-1 ether1",), ("NM-2 ether2",))
    assert one.detail == "the router kept it"
    assert broom.wiped == ATTEMPTS


def test_what_could_not_be_saved_is_told_of_a_free_router_though_it_fell_silent_in_between() -> None:
    broom = FakeBroom({"NM-1 ether1"}, trouble="taken off, but not saved: the disk is full")
    wipe = broom.wipe

    async def falls_silent() -> str | None:
        broom.failures = [unreachable()]
        return await wipe()

    broom.wipe = falls_silent  # type: ignore[method-assign]
    (one,) = swept(palu=broom).routers
    assert (one.state, one.detail) == (SweptState.CLEARED, "taken off, but not saved: the disk is full")


def cleared(directory: Path, undos_fire_ns: int | None, pauses: Pauses, **brooms: FakeBroom) -> tuple[Swept, ...]:
    hold = GlobalHold(ReleaseFile(directory / "netmon.hold"))
    release, _ = hold.begin("sari", "a fault", 1)
    return asyncio.run(clear(hold, release, "sari", brooms, lambda: 7, undos_fire_ns, pauses))


def test_what_was_swept_is_noted_beside_the_hold(tmp_path: Path) -> None:
    pauses = Pauses()
    cleared(tmp_path, None, pauses, palu=FakeBroom({"NM-1 ether1"}))
    noted = ReleaseFile(tmp_path / "netmon.hold").read()
    assert noted is not None
    assert [one.routers[0].removed for one in noted.sweeps] == [("NM-1 ether1",)]
    assert pauses.slept == []


def test_where_undos_may_be_armed_it_sweeps_again_when_all_have_fired(tmp_path: Path) -> None:
    palu, gowa = FakeBroom({"NM-1 ether1"}), FakeBroom({"NM-3 ether3"})

    class Firing(Pauses):
        async def __call__(self, seconds: float) -> None:
            await super().__call__(seconds)
            palu.there.add("NM-2 ether2")

    pauses = Firing()
    swept = cleared(tmp_path, 65 * 10**9, pauses, palu=palu, gowa=gowa)
    assert pauses.slept == [65]
    assert [(one.state, one.removed) for one in swept] == [
        (SweptState.CLEARED, ("NM-3 ether3",)),
        (SweptState.CLEARED, ("NM-1 ether1", "NM-2 ether2")),
    ]


def test_a_router_that_falls_silent_between_two_sweeps_is_not_called_free(tmp_path: Path) -> None:
    broom = FakeBroom({"NM-1 ether1"})

    class Failing(Pauses):
        async def __call__(self, seconds: float) -> None:
            broom.failures = [unreachable()] * 9

    (one,) = cleared(tmp_path, 10**9, Failing(), palu=broom)
    assert (one.state, one.removed) == (SweptState.NOT_READ, ("NM-1 ether1",))


def test_a_second_sweep_that_finds_nothing_does_not_hide_what_the_first_could_not_save(tmp_path: Path) -> None:
    unsaved = "taken off, but not saved: the disk is full"
    palu = FakeBroom({"NM-1 ether1"}, trouble=unsaved)
    gowa = FakeBroom({"NM-3 ether3"}, sticks=frozenset({"NM-3 ether3"}))

    class Letting(Pauses):
        async def __call__(self, seconds: float) -> None:
            gowa.sticks = frozenset() if seconds == 65 else gowa.sticks

    swept = cleared(tmp_path, 65 * 10**9, Letting(), palu=palu, gowa=gowa)
    assert [(one.router, one.state, one.detail) for one in swept] == [
        ("gowa", SweptState.CLEARED, ""),
        ("palu", SweptState.CLEARED, unsaved),
    ]
