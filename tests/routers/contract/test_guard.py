"""What every platform does when a change goes wrong half-way: the old state, or one that reading explains."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.contract import Break, Breakage, Faults, Stage
from support.contract_bench import SECOND_NS, Bench
from support.processes import wait_until

from netmon.core.changes import Outcome, Step
from netmon.core.model import Direction
from netmon.core.resolving import ResolveAction
from netmon.routers.dialects import RevertKind, Way
from netmon.routers.session import Failure

M = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
STEPS = (Step.ARM, Step.APPLY, Step.READ_BACK, Step.DISARM, Step.SAVE)


def explained(bench: Bench, old: int | None, new: int | None) -> None:
    """The last change is settled by reading alone, and the router does what that says."""
    resolution = bench.settle(later=True)
    has = bench.bed.limit_bps(Way.EGRESS)
    rate = bench.dialect.settings.rate
    if resolution.action is ResolveAction.RECORD_NEW:
        assert has is None if new is None else has is not None and rate.same(new, has), (resolution, has)
    else:
        assert resolution.action is ResolveAction.RECORD_OLD, resolution
        assert has is None if old is None else has is not None and rate.same(old, has), (resolution, has)
    bench.ensure(5 * M)


def before_it_is_settled(bench: Bench) -> Step:
    """The last step whose commands decide; a router that undoes nothing has none to be disarmed."""
    return Step.READ_BACK if bench.dialect.settings.revert.kind is RevertKind.NONE else Step.DISARM


def test_a_change_that_is_never_confirmed_is_undone_by_the_router_itself(bench: Bench) -> None:
    kind = bench.dialect.settings.revert.kind
    bench.ensure(8 * M)
    bench.cut_at(before_it_is_settled(bench))
    result = bench.change(2 * M, from_bps=8 * M, revert_s=bench.bed.deadline_s)
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Failure.SESSION_LOST)
    has = bench.bed.limit_bps(Way.EGRESS)
    assert has is not None
    if kind is RevertKind.NONE:
        resolution = bench.settle(later=True)
        assert (resolution.action, resolution.outcome) == (ResolveAction.RECORD_NEW, Outcome.CONFIRMED)
        return
    back = bench.dialect.settings.rate.on_device(8 * M)
    wait_until(lambda: bench.bed.limit_bps(Way.EGRESS) == back, "the router to undo the change", 20)
    resolution = bench.settle(later=True)
    assert resolution.action is ResolveAction.RECORD_OLD
    assert resolution.outcome in {Outcome.REVERTED, Outcome.FAILED}
    bench.ensure(3 * M)


def test_a_change_that_is_confirmed_is_not_undone_later(bench: Bench) -> None:
    bench.ensure(8 * M)
    result = bench.change(2 * M, revert_s=bench.bed.deadline_s)
    assert result.outcome is Outcome.CONFIRMED, result
    bench.cut_at(before_it_is_settled(bench))
    late = bench.change(4 * M, UP, revert_s=bench.bed.deadline_s)
    assert late.outcome is Outcome.UNKNOWN
    if bench.dialect.settings.revert.kind is not RevertKind.NONE:
        wait_until(lambda: bench.bed.limit_bps(Way.INGRESS) is None, "the later change to be undone", 20)
    has = bench.bed.limit_bps(Way.EGRESS)
    assert has is not None
    assert bench.dialect.settings.rate.same(2 * M, has)


@pytest.mark.parametrize("step", STEPS)
def test_a_link_that_drops_at_any_step_leaves_a_state_that_reading_explains(bench: Bench, step: Step) -> None:
    bench.ensure(8 * M)
    bench.cut_at(step)
    result = bench.change(2 * M, from_bps=8 * M)
    assert result.outcome in {Outcome.UNKNOWN, Outcome.CONFIRMED}, result
    if result.outcome is Outcome.CONFIRMED:  # the step has no command here, or what was left was only saving
        disarmed = {Step.DISARM} if bench.dialect.settings.revert.kind is RevertKind.NONE else set()
        assert step in {Step.ARM, Step.SAVE} | disarmed
    explained(bench, 8 * M, 2 * M)


@pytest.mark.parametrize(
    ("step", "stage"),
    [*((step, Stage.EFFECT) for step in STEPS), (Step.APPLY, Stage.ANSWER), (Step.READ_BACK, Stage.ANSWER)],
)
def test_a_router_that_drops_the_link_after_a_command_took_effect(simulated: Bench, step: Step, stage: Stage) -> None:
    broken(simulated, step, Break.DISCONNECT, stage)


@pytest.mark.parametrize("step", STEPS)
def test_a_router_that_hangs_at_any_step(simulated: Bench, step: Step) -> None:
    broken(simulated, step, Break.HANG, Stage.COMMAND)


def broken(bench: Bench, step: Step, how: Break, stage: Stage) -> None:
    """One step of a change is broken once; what is left is then explained by reading."""
    bench.ensure(8 * M)

    def inflict(begun: Step) -> None:
        if begun is step:
            bench.bed.inflict(Faults(Breakage(how, stage)))
            if how is Break.HANG:
                bench.lose_patience()

    bench.at_step = inflict
    result = bench.change(2 * M, from_bps=8 * M)
    assert result.outcome in {Outcome.UNKNOWN, Outcome.CONFIRMED}, result
    bench.bed.inflict(Faults())
    explained(bench, 8 * M, 2 * M)


@pytest.mark.parametrize("stage", [Stage.AUTHENTICATION, Stage.SHELL, Stage.PROMPT])
@pytest.mark.parametrize("how", [Break.HANG, Break.DISCONNECT])
def test_a_login_that_comes_to_nothing_alters_nothing(simulated: Bench, how: Break, stage: Stage) -> None:
    simulated.login = replace(simulated.bed.login, connect_timeout_ns=SECOND_NS // 2, command_timeout_ns=SECOND_NS // 2)
    simulated.bed.inflict(Faults(Breakage(how, stage)))
    result = simulated.change(8 * M)
    assert (result.outcome, simulated.steps) == (Outcome.FAILED, []), result
    assert result.reason in {Failure.UNREACHABLE, Failure.SESSION_LOST, Failure.LOGIN_REFUSED}
    simulated.login = None
    assert simulated.bed.limit_bps(Way.EGRESS) is None
    simulated.ensure(8 * M)


@pytest.mark.needs("reject_after")
@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_line_that_is_refused_half_way_leaves_the_old_state(bench: Bench, lines: int) -> None:
    reject_after = bench.bed.sabotage.reject_after
    assert reject_after is not None
    bench.ensure(8 * M)
    bench.at_step = lambda step: bench.bed.do(lambda: reject_after(lines)) if step is Step.APPLY else None
    result = bench.change(2 * M, from_bps=8 * M)
    assert result.outcome in {Outcome.FAILED, Outcome.REVERTED}, result
    assert result.reason is Failure.COMMAND_REJECTED
    bench.at_step = lambda _: None
    has = bench.bed.limit_bps(Way.EGRESS)
    assert has is not None
    assert bench.dialect.settings.rate.same(8 * M, has)
    with bench.port() as port:
        assert port.others() is None
    bench.ensure(2 * M)


@pytest.mark.needs("disk_full")
def test_a_full_disk_is_told_and_the_change_stands(bench: Bench) -> None:
    disk_full = bench.bed.sabotage.disk_full
    assert disk_full is not None
    bench.bed.do(disk_full)
    result = bench.change(8 * M)
    assert result.outcome is Outcome.CONFIRMED, result
    assert "not saved" in result.detail
    has = bench.bed.limit_bps(Way.EGRESS)
    assert has is not None
    assert bench.dialect.settings.rate.same(8 * M, has)
