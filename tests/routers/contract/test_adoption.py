"""What somebody else had set at a port is set aside, and put back as it was, on every platform that can."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.contract_bench import Bench
from support.processes import wait_until

from netmon.core.changes import Outcome
from netmon.core.model import Direction
from netmon.routers.adopting import Course, Moved, objection_to
from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign
from netmon.routers.session import Failure

M = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def somebody_shapes(bench: Bench, way: Way = Way.EGRESS) -> tuple[Foreign, ...]:
    """Their things; empty where netmon says that it cannot set them aside."""
    bench.bed.do(lambda: bench.bed.sabotage.foreign(way))
    things = bench.foreigners()
    assert things
    if any(objection_to(one, bench.target(), bench.dialect) for one in things):
        return ()
    return things


def named(things: tuple[Foreign, ...]) -> list[tuple[str, str, str]]:
    """A burst is kept as a time by Linux, and read back a byte off."""
    return [(one.kind, one.name, re.sub(r"burst \d+b", "burst", one.setting)) for one in things]


def confirmed(moved: Moved) -> None:
    assert (moved.outcome, moved.reason) == (Outcome.CONFIRMED, None), moved


@pytest.mark.parametrize("way", Way)
def test_what_cannot_be_put_back_is_refused_and_kept(bench: Bench, way: Way) -> None:
    if somebody_shapes(bench, way):
        return
    before = bench.foreigners()
    moved = bench.move(Course.SET_ASIDE, before, "a1")
    assert (moved.outcome, moved.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER), moved
    assert "cannot be set aside" in moved.detail
    assert bench.sent == []
    assert bench.foreigners() == before


@pytest.mark.parametrize("direction", [DOWN, UP])
def test_what_is_adopted_makes_room_for_a_limit_and_is_put_back_in_its_place(
    bench: Bench, direction: Direction
) -> None:
    way = bench.target(direction).way(direction)
    things = somebody_shapes(bench, way)
    if not things:
        return
    before = bench.bed.limit_bps(way)
    confirmed(bench.move(Course.SET_ASIDE, things, "a1"))
    assert bench.foreigners() == ()
    assert bench.bed.limit_bps(way) is None
    bench.ensure(8 * M, direction, expires_s=600)
    confirmed(bench.move(Course.PUT_BACK, things, "a2"))
    assert named(bench.foreigners()) == named(things)
    assert bench.bed.limit_bps(way) == before
    assert bench.ours() == ()
    result = bench.change(8 * M, direction)
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER), result


def test_both_limits_make_way_for_what_is_put_back(bench: Bench) -> None:
    things = somebody_shapes(bench)
    if not things:
        return
    confirmed(bench.move(Course.SET_ASIDE, things, "a1"))
    bench.ensure(8 * M, DOWN, expires_s=600)
    bench.ensure(4 * M, UP, expires_s=600)
    confirmed(bench.move(Course.PUT_BACK, things, "a2"))
    assert (bench.ours(), named(bench.foreigners())) == ((), named(things))
    confirmed(bench.move(Course.PUT_BACK, things, "a3"))


def test_what_somebody_has_set_since_is_not_taken_off_for_what_was_there_before(bench: Bench) -> None:
    there = somebody_shapes(bench)
    earlier = tuple(
        replace(one, name=one.name.replace("BOSS", "CHIEF"), setting=one.setting.replace("BOSS", "CHIEF"))
        for one in there
    )
    if earlier == there:  # theirs bears no name on this platform
        return
    moved = bench.move(Course.PUT_BACK, earlier, "a1")
    assert (moved.outcome, moved.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER), moved
    assert "was set there meanwhile" in moved.detail
    assert bench.foreigners() == there


def test_what_was_not_recorded_is_not_touched(bench: Bench) -> None:
    things = somebody_shapes(bench)
    if not things:
        return
    moved = bench.move(Course.SET_ASIDE, (), "a1")
    assert (moved.outcome, moved.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER), moved
    assert bench.foreigners() == things


@pytest.mark.parametrize("course", Course)
def test_a_link_that_drops_anywhere_is_made_good_by_doing_it_again(bench: Bench, course: Course) -> None:
    things = somebody_shapes(bench)
    if not things:
        return
    confirmed(bench.move(Course.SET_ASIDE, things, "a1"))
    aside = len(bench.sent)
    confirmed(bench.move(Course.PUT_BACK, things, "a2"))
    total, other = (aside, Course.PUT_BACK) if course is Course.SET_ASIDE else (len(bench.sent), Course.SET_ASIDE)
    for number, most in enumerate(range(total - 2, total // 3, -max(1, total // 5))):
        if number or course is Course.PUT_BACK:
            confirmed(bench.move(other, things, f"other{number}"))
        bench.most = most
        cut = bench.move(course, things, f"cut{number}")
        bench.most = None
        assert cut.outcome in {Outcome.FAILED, Outcome.UNKNOWN, Outcome.CONFIRMED}, cut

        def again(number: int = number) -> bool:
            return bench.move(course, things, f"again{number}", f"cut{number}").outcome is Outcome.CONFIRMED

        wait_until(again, f"it to be made good that stopped so: {cut}", 20)
        left = [one.name for one in bench.foreigners()]
        assert left == ([one.name for one in things] if course is Course.PUT_BACK else [])
