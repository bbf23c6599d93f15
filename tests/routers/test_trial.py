"""A change under each kind of undo, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.toy_router import ToyRouter, toy_dialect

from netmon.core.model import Faces
from netmon.routers.dialects import RevertKind, Way
from netmon.routers.port import Port, RefusedError, Target
from netmon.routers.readbacks import Expiry
from netmon.routers.session import CommandRejectedError, Failure
from netmon.routers.trial import RESTORED_S, Trial

S = 1_000_000_000
JOB, TIMER, COMMIT, NONE = RevertKind
LINES = ("prepare egress", "set ingress=0 egress=8000000")


class Bench:
    """One trial on a router of a few words; `now_ns` is what its clock says."""

    def __init__(self, folder: Path, kind: RevertKind, *, allow_unguarded: bool = True) -> None:
        self.now_ns, self.router = 0, ToyRouter(kind)
        target = Target("dinkes-main", "ag1", Faces.AGENCY, allow_unguarded=allow_unguarded)
        port = Port(target, self.router, toy_dialect(folder, kind))
        self.trial = Trial(port, "i1", lambda: self.now_ns)


@pytest.mark.parametrize(
    ("kind", "unended", "refused", "notes"),
    [
        (TIMER, False, None, ()),
        (COMMIT, False, None, ()),
        (NONE, False, Failure.NOT_ARMED, ("toy cannot undo a change by itself",)),
        (JOB, True, Failure.UNGUARDED, ("toy cannot end a limit by itself, should netmon be gone",)),
        (
            NONE,
            True,
            Failure.NOT_ARMED,
            ("toy cannot undo a change by itself", "toy cannot end a limit by itself, should netmon be gone"),
        ),
    ],
)
def test_what_a_router_cannot_do_by_itself_is_told_and_has_to_be_allowed(
    tmp_path: Path, kind: RevertKind, unended: bool, refused: Failure | None, notes: tuple[str, ...]
) -> None:
    told = tuple(f"unguarded: {one}" for one in notes)
    assert Bench(tmp_path, kind).trial.check_allowed(unended=unended) == told
    careful = Bench(tmp_path, kind, allow_unguarded=False).trial
    if refused is None:
        assert careful.check_allowed(unended=unended) == ()
        return
    with pytest.raises(RefusedError, match=f"{notes[0]}; where that is acceptable, set allow_unguarded") as raised:
        careful.check_allowed(unended=unended)
    assert raised.value.reason is refused


@pytest.mark.parametrize("kind", [JOB, TIMER])
def test_an_undo_about_to_fire_leaves_no_time_to_apply(tmp_path: Path, kind: RevertKind) -> None:
    bench = Bench(tmp_path, kind)
    assert bench.trial.arms_first
    assert bench.trial.arm((), 60) is None
    bench.now_ns = 59 * S
    assert bench.trial.too_late() is None
    bench.now_ns += 1
    late = bench.trial.too_late()
    assert late is not None
    assert late[0] is Failure.TOO_LATE
    bench.trial.stand_down()
    assert (bench.trial.is_armed(), bench.router.commands[-2]) == (False, "forget i1")


def test_a_refused_undo_is_not_armed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, TIMER)
    bench.router.refuse = "arm"
    assert bench.trial.arm((), 60) == (Failure.COMMAND_REJECTED, "the undo could not be armed: Error: refused")


@pytest.mark.parametrize(
    ("kind", "end"), [(JOB, "end 0 0 0"), (TIMER, "end 0 0 0"), (COMMIT, "end 1 60 60"), (NONE, "end 0 0 0")]
)
def test_only_a_commit_on_trial_is_given_a_time_with_its_lines(tmp_path: Path, kind: RevertKind, end: str) -> None:
    bench = Bench(tmp_path, kind)
    assert bench.trial.apply(LINES, lambda: 60) is None
    assert bench.router.commands[:4] == ["begin", *LINES, end]
    assert (bench.trial.is_armed(), bench.router.limits) == (kind is COMMIT, (None, 8_000_000))


@pytest.mark.parametrize("kind", [TIMER, COMMIT, NONE])
def test_configuration_mode_is_left_when_a_line_is_refused(tmp_path: Path, kind: RevertKind) -> None:
    bench = Bench(tmp_path, kind)
    bench.router.refuse = "set"
    with pytest.raises(CommandRejectedError):
        bench.trial.apply(LINES, lambda: 60)
    assert bench.router.commands[-1] == "abandon"


def test_a_trial_that_was_over_is_neither_confirmed_nor_undone_once_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, COMMIT)
    assert bench.trial.apply(LINES, lambda: 60) is None
    bench.router.fire()
    over = bench.trial.confirm()
    assert over is not None
    assert over[0] is Failure.UNDO_FIRED
    bench.trial.undo()
    assert "undo i1" not in bench.router.commands
    assert bench.router.limits == (None, None)


@pytest.mark.parametrize(("spare", "limit"), [(False, None), (True, 8_000_000)])
def test_an_undo_is_fired_or_only_taken_off(tmp_path: Path, spare: bool, limit: int | None) -> None:
    bench = Bench(tmp_path, TIMER)
    assert bench.trial.arm((), 60) is None
    assert bench.trial.apply(LINES, lambda: 60) is None
    bench.trial.undo(spare=spare)
    assert (bench.trial.is_armed(), bench.router.limits) == (False, (None, limit))


@pytest.mark.parametrize(("left_s", "lasts_s"), [(600, 600), (0, 1), (None, RESTORED_S)])
def test_a_limit_put_back_ends_when_it_was_to_end(tmp_path: Path, left_s: int | None, lasts_s: int) -> None:
    lines = Bench(tmp_path, JOB).trial.to_end_again(Way.EGRESS, Expiry(True, left_s), ())
    assert lines == (f"expire egress {lasts_s} i1-r",)
