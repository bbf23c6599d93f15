"""What every platform does when nothing is wrong: limits are set, changed, kept apart, ended and taken away."""

from __future__ import annotations

import pytest
from support.contract_bench import SECOND_NS, Bench
from support.processes import wait_until

from netmon.core.changes import Outcome, Proof, Step
from netmon.core.model import Direction, Faces
from netmon.routers.dialects import RevertKind, Way

M = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def holds(bench: Bench, way: Way, bps: int | None) -> None:
    """What the router lets through is `bps`, as far as the platform can hold it."""
    has = bench.bed.limit_bps(way)
    same = has is None if bps is None else has is not None and bench.dialect.settings.rate.same(bps, has)
    assert same, f"{way}: asked for {bps}, has {has}"


def test_a_limit_is_set_changed_and_removed_and_each_is_read_back(bench: Bench) -> None:
    armed = [Step.ARM] if bench.dialect.settings.revert.kind in (RevertKind.JOB, RevertKind.TIMER) else []
    for bps in (8 * M, 2 * M, 20 * M, None):
        result = bench.change(bps)
        assert (result.outcome, result.proof, result.reason) == (Outcome.CONFIRMED, Proof.READ_BACK, None), result
        assert bench.steps[: len(armed) + 3] == [*armed, Step.APPLY, Step.READ_BACK, Step.DISARM]
        holds(bench, Way.EGRESS, bps)
        holds(bench, Way.INGRESS, None)


def test_what_is_in_place_already_is_confirmed_and_nothing_is_sent(bench: Bench) -> None:
    assert bench.change(None).outcome is Outcome.CONFIRMED
    assert bench.steps == []
    reading = set(bench.sent)
    bench.ensure(8 * M)
    again = bench.change(8 * M)
    assert (again.outcome, again.proof, bench.steps) == (Outcome.CONFIRMED, Proof.READ_BACK, [])
    assert "nothing was sent" in again.detail
    assert set(bench.sent) == reading


def test_the_two_directions_keep_each_other_through_change_and_removal(bench: Bench) -> None:
    bench.ensure(8 * M)
    bench.ensure(4 * M, UP)
    holds(bench, Way.EGRESS, 8 * M)
    holds(bench, Way.INGRESS, 4 * M)
    bench.ensure(2 * M)
    holds(bench, Way.INGRESS, 4 * M)
    bench.ensure(None)
    holds(bench, Way.EGRESS, None)
    holds(bench, Way.INGRESS, 4 * M)
    bench.ensure(None, UP)
    holds(bench, Way.INGRESS, None)
    assert bench.ours() == ()


@pytest.mark.parametrize(
    ("direction", "faces", "way"),
    [
        (DOWN, Faces.AGENCY, Way.EGRESS),
        (UP, Faces.AGENCY, Way.INGRESS),
        (DOWN, Faces.PROVINCE, Way.INGRESS),
        (UP, Faces.PROVINCE, Way.EGRESS),
    ],
)
def test_each_direction_is_the_way_the_port_sees_it(bench: Bench, direction: Direction, faces: Faces, way: Way) -> None:
    target = bench.target(direction, faces)
    assert bench.change(8 * M, direction, target=target).outcome is Outcome.CONFIRMED
    holds(bench, way, 8 * M)
    holds(bench, Way.INGRESS if way is Way.EGRESS else Way.EGRESS, None)
    reading = bench.read(direction, target)
    assert (reading.ours, reading.foreign) == (True, None)
    assert reading.bps is not None
    assert bench.dialect.settings.rate.same(8 * M, reading.bps)


def test_a_limit_altered_by_hand_is_seen_and_set_right(bench: Bench) -> None:
    bench.ensure(8 * M)
    bench.bed.do(lambda: bench.bed.sabotage.alter(Way.EGRESS, 3 * M))
    altered = bench.read()
    assert (altered.ours, altered.foreign) == (True, None)
    assert altered.bps is not None
    assert bench.dialect.settings.rate.same(3 * M, altered.bps)
    bench.ensure(8 * M)
    holds(bench, Way.EGRESS, 8 * M)


def test_after_a_reboot_what_is_read_is_what_the_router_does(bench: Bench) -> None:
    bench.ensure(8 * M)
    bench.bed.do(bench.bed.sabotage.reboot)
    left = bench.bed.limit_bps(Way.EGRESS)
    assert bench.read().bps == left
    assert left is None or bench.dialect.settings.rate.same(8 * M, left)
    bench.ensure(6 * M)
    holds(bench, Way.EGRESS, 6 * M)


def test_a_limit_ends_on_the_router_when_nobody_renews_it(bench: Bench) -> None:
    result = bench.change(8 * M, expires_s=bench.bed.expires_s)
    assert result.outcome is Outcome.CONFIRMED, result
    if not bench.dialect.settings.expiry:
        assert "unguarded" in result.detail
        return
    bench.ensure(4 * M, UP)
    holds(bench, Way.EGRESS, 8 * M)
    wait_until(lambda: bench.bed.limit_bps(Way.EGRESS) is None, "the limit to end", 15)
    holds(bench, Way.INGRESS, 4 * M)
    assert bench.read().bps is None


def test_the_end_of_an_earlier_limit_does_not_end_a_later_one(bench: Bench) -> None:
    if not bench.dialect.settings.expiry:
        bench.ensure(8 * M)
        assert not any("expire" in command for command in bench.sent)
        return
    bench.ensure(8 * M, expires_s=bench.bed.expires_s)
    bench.ensure(6 * M, expires_s=20 * bench.bed.expires_s)
    bench.ensure(4 * M, UP, expires_s=bench.bed.expires_s)
    wait_until(lambda: bench.bed.limit_bps(Way.INGRESS) is None, "the other way's limit to end", 15)
    holds(bench, Way.EGRESS, 6 * M)
    with bench.port() as port:
        end = port.expiry(Way.EGRESS)
    assert end.present
    assert end.seconds_left is None or 0 < end.seconds_left <= 20 * bench.bed.expires_s


def test_a_removed_limit_leaves_no_end_behind(bench: Bench) -> None:
    bench.ensure(8 * M, expires_s=600)
    bench.ensure(None)
    with bench.port() as port:
        assert not port.expiry(Way.EGRESS).present
    assert bench.ours() == ()


def test_what_is_ours_is_told_whole_and_wiped_and_nothing_else_is(bench: Bench) -> None:
    bench.ensure(8 * M, expires_s=600)
    bench.ensure(4 * M, UP)
    ours = bench.ours()
    assert {one.way for one in ours} in ({None}, set(Way))
    assert all(one.interface == bench.target().interface for one in ours), ours
    bench.wipe()
    assert bench.ours() == ()
    holds(bench, Way.EGRESS, None)
    holds(bench, Way.INGRESS, None)
    bench.bed.do(lambda: bench.bed.sabotage.foreign(Way.EGRESS))
    foreign = bench.bed.limit_bps(Way.EGRESS)
    assert bench.ours() == ()
    bench.wipe()
    assert bench.bed.limit_bps(Way.EGRESS) == foreign


def test_a_survey_tells_the_version_and_alters_nothing(bench: Bench) -> None:
    survey = bench.survey()
    assert survey.version
    assert survey.privileged is not False
    assert survey.clock_ns is None or survey.clock_ns > SECOND_NS
    assert bench.change(None).detail.endswith("nothing was sent")
