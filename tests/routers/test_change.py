"""The guarded change on a platform of each kind of undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.toy_router import ToyRouter, toy_dialect

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.dialects import Dialect, Names, Revert, RevertKind
from netmon.routers.enforcement import Result, carry_out, finish_resolution, inspect
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.routers.session import Failure

S = 1_000_000_000
DAY = 86_400
JOB, TIMER, COMMIT, NONE = RevertKind
NAMES = Names.of("dinkes-main")
TARGET = Target("dinkes-main", "ag1", Faces.AGENCY, allow_unguarded=True, owner=Owner("office", 7), known_revision=7)
KINDS = pytest.mark.parametrize("kind", [TIMER, COMMIT, NONE])
MBPS = 1_000_000


def intent(to_bps: int | None, expires_s: int = DAY, arm: str = "i1") -> Intent:
    action = Action.REMOVE if to_bps is None else Action.SET
    change = Change(
        "r1", "dinkes-main", "dinkes", Direction.DOWNLOAD, action, None, to_bps, VerdictReason.OVER_QUOTA, None
    )
    return Intent(arm, change, 0, 120 * S, expires_s=expires_s)


def change(
    box: ToyRouter, dialect: Dialect, what: Intent, target: Target = TARGET, steps: list[Step] | None = None
) -> Result:
    recorded = steps if steps is not None else []
    return carry_out(what, target, box, dialect, lambda _, step: recorded.append(step), lambda: 0, lambda: 0)


@pytest.fixture
def toy(tmp_path: Path, kind: RevertKind) -> Dialect:
    return toy_dialect(tmp_path, kind)


@pytest.mark.parametrize(
    ("kind", "steps", "sent"),
    [
        (
            TIMER,
            [Step.ARM, Step.APPLY, Step.READ_BACK, Step.DISARM, Step.SAVE],
            ["arm i1 120 120", "undo_state i1", "begin", "end 0 0 0", "confirm i1", "save", "forget i1"],
        ),
        (
            COMMIT,
            [Step.APPLY, Step.READ_BACK, Step.DISARM, Step.SAVE],
            ["begin", "end 1 120 120", "undo_state i1", "confirm i1", "undo_state i1", "save", "forget i1"],
        ),
        (
            NONE,
            [Step.APPLY, Step.READ_BACK, Step.DISARM, Step.SAVE],
            ["begin", "end 0 0 0", "confirm i1", "save", "forget i1"],
        ),
    ],
)
def test_a_change_is_armed_as_the_platform_can(
    toy: Dialect, kind: RevertKind, steps: list[Step], sent: list[str]
) -> None:
    box, begun = ToyRouter(kind), list[Step]()
    result = change(box, toy, intent(8 * MBPS), steps=begun)
    assert (result.outcome, result.read_bps, begun) == (Outcome.CONFIRMED, 8 * MBPS, steps), result
    steering = ("arm", "undo", "begin", "end", "confirm", "save", "forget", "abandon")
    assert [command for command in box.commands if command.startswith(steering)] == sent
    at = box.commands.index("begin")
    applied = ["prepare egress", f"set ingress=0 egress={8 * MBPS}", f"expire egress {DAY} i1", "own netmon:office:7"]
    assert box.commands[at + 1 : at + 5] == applied
    assert box.saved == box.running
    assert ("unguarded: toy cannot undo a change by itself" in result.detail) is (kind is NONE)


@KINDS
@pytest.mark.parametrize("refused", ["begin", "prepare", "set", "expire", "own netmon", "end"])
def test_a_refused_line_leaves_the_old_limit_and_no_undo(toy: Dialect, kind: RevertKind, refused: str) -> None:
    box = ToyRouter(kind)
    assert change(box, toy, intent(8 * MBPS)).outcome is Outcome.CONFIRMED
    box.refuse = refused
    result = change(box, toy, intent(2 * MBPS, arm="i2"))
    assert (result.outcome, result.reason) == (
        Outcome.FAILED if kind is COMMIT else Outcome.REVERTED,
        Failure.COMMAND_REJECTED,
    ), result
    assert (box.limits, box.armed) == ((None, 8 * MBPS), False)
    assert box.running.ends["egress"][0] == DAY
    if kind is TIMER:
        assert {"abandon", "undo i2"} <= set(box.commands)


@KINDS
def test_a_session_lost_at_any_command_ends_in_the_old_limit_or_is_explained(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind)
    change(box, toy, intent(9 * MBPS))
    first = len(box.commands)
    change(box, toy, intent(2 * MBPS, arm="i2"))
    for ordinal in range(first, len(box.commands)):
        again, steps = ToyRouter(kind), list[Step]()
        change(again, toy, intent(9 * MBPS))
        again.lose_at = ordinal
        result = change(again, toy, intent(2 * MBPS, arm="i2"), steps=steps)
        if not steps:
            assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.SESSION_LOST)
        elif result.outcome is not Outcome.CONFIRMED:
            assert (result.outcome, result.known) == (Outcome.UNKNOWN, False)
        again.lose_at = None
        seen = inspect(intent(2 * MBPS, arm="i2"), TARGET, again, toy)
        assert seen.readable
        assert seen.read_bps in {9 * MBPS, 2 * MBPS}
        confirmed = Step.DISARM in steps and seen.armed is Armed.UNARMED
        again.fire()
        if kind is not NONE:
            assert again.limits == (None, (2 if confirmed else 9) * MBPS), ordinal


@KINDS
def test_a_new_limit_that_nobody_saved_is_saved_when_it_is_recorded(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind)
    box.before = lambda command: setattr(box, "lose_at", 0) if command == "save" else None
    assert change(box, toy, intent(8 * MBPS)).outcome is Outcome.CONFIRMED
    box.lose_at, box.before = None, lambda command: None
    assert box.saved.egress == 0
    finish_resolution(intent(8 * MBPS), TARGET, box, toy, ResolveAction.RECORD_NEW)
    assert box.saved.egress == 8 * MBPS


@pytest.mark.parametrize(
    ("kind", "expiry", "reason"), [(NONE, True, Failure.NOT_ARMED), (TIMER, False, Failure.UNGUARDED)]
)
def test_what_the_router_cannot_do_by_itself_has_to_be_allowed(
    tmp_path: Path, kind: RevertKind, expiry: bool, reason: Failure
) -> None:
    dialect, box = toy_dialect(tmp_path, kind, expiry), ToyRouter(kind)
    careful = replace(TARGET, allow_unguarded=False)
    result = change(box, dialect, intent(8 * MBPS), careful)
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert "set allow_unguarded: true for the router" in result.detail
    assert "begin" not in box.commands
    allowed = change(box, dialect, intent(8 * MBPS))
    assert allowed.outcome is Outcome.CONFIRMED
    assert "unguarded: " in allowed.detail
    if kind is TIMER:  # what eases a limit needs no end
        assert change(box, dialect, intent(9 * MBPS, arm="i2"), careful).outcome is Outcome.CONFIRMED
        assert change(box, dialect, intent(None, arm="i3"), careful).outcome is Outcome.CONFIRMED


@KINDS
def test_nothing_is_changed_while_somebody_else_configures(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind, others=True)
    result = change(box, toy, intent(8 * MBPS))
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.OTHERS_CONFIGURING)
    assert "begin" not in box.commands


@KINDS
def test_a_change_is_taken_back_when_somebody_else_begins_to_configure(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind)
    box.before = lambda command: setattr(box, "others", command.startswith("end") or box.others)
    result = change(box, toy, intent(8 * MBPS))
    assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.OTHERS_CONFIGURING), result
    assert (box.limits, box.armed) == ((None, None), False)
    if kind is TIMER:  # the timer would roll back his work too
        assert "confirm i1" in box.commands
        assert "undo i1" not in box.commands


@KINDS
def test_nothing_is_saved_over_what_somebody_else_tries(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind)
    box.before = lambda command: setattr(box, "others", command.startswith("confirm") or box.others)
    result = change(box, toy, intent(8 * MBPS))
    assert result.outcome is Outcome.CONFIRMED
    assert "but not saved: somebody works in safe mode" in result.detail
    assert box.saved.egress == 0


@pytest.mark.parametrize("kind", [TIMER])
@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("netmon:capital:3", "kept by netmon capital (revision 3), this one is office"),
        ("netmon:office:8", "last changed by revision 8 of netmon office, this ledger knows 7"),
        ("netmon:office:7", None),
        ("netmon:released:0", None),
    ],
)
def test_the_marker_of_another_netmon_or_of_a_twin_refuses(toy: Dialect, marker: str, said: str | None) -> None:
    box = ToyRouter(TIMER)
    box.running.marker = marker
    result = change(box, toy, intent(8 * MBPS))
    if said is None:
        assert (result.outcome, box.running.marker) == (Outcome.CONFIRMED, "netmon:office:7")
    else:
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.OTHER_NETMON)
        assert said in result.detail
        assert "begin" not in box.commands


@KINDS
def test_a_limit_has_an_end_and_a_removed_one_has_none(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind)
    change(box, toy, intent(8 * MBPS))
    assert box.running.ends == {"egress": (DAY, "i1")}
    sent = len(box.commands)
    assert "nothing was sent" in change(box, toy, intent(8 * MBPS, arm="i2")).detail
    assert "begin" not in box.commands[sent:]
    box.running.ends.clear()
    assert change(box, toy, intent(8 * MBPS, arm="i3")).outcome is Outcome.CONFIRMED
    assert box.running.ends == {"egress": (DAY, "i3")}, "a limit without an end is given one"
    assert change(box, toy, intent(None, arm="i4")).outcome is Outcome.CONFIRMED
    assert box.running.ends == {}
    box.running.ends["egress"] = (60, "i3")
    assert change(box, toy, intent(None, arm="i5")).outcome is Outcome.CONFIRMED
    assert box.running.ends == {}, "an end without its limit is taken off"


@KINDS
def test_a_limit_whose_end_the_router_does_not_keep_is_taken_back(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind, keeps_ends=False)
    result = change(box, toy, intent(8 * MBPS))
    assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.EXPIRY_MISSING)
    assert box.limits == (None, None)


@pytest.mark.parametrize("kind", [TIMER])
def test_an_end_is_asked_only_where_one_is_wanted(toy: Dialect, kind: RevertKind) -> None:
    box = ToyRouter(kind)
    assert change(box, toy, intent(8 * MBPS, expires_s=0)).outcome is Outcome.CONFIRMED
    assert box.running.ends == {}


@given(asked=st.integers(1, 4000), unit=st.integers(1, 600), least=st.integers(1, 600), spent=st.integers(0, 10_000))
def test_a_deadline_covers_the_timer_however_it_counts(asked: int, unit: int, least: int, spent: int) -> None:
    revert = Revert(kind=TIMER, unit_s=unit, least_s=least)
    lasts = revert.lasts_s(asked)
    assert lasts >= max(asked, least)
    timer = revert.fits(lasts - spent)
    if spent < unit:
        assert timer is not None
    if timer is not None:
        assert timer % unit == 0
        assert timer >= least
        assert spent + timer <= lasts


def test_a_timer_in_minutes_is_armed_within_its_deadline_or_not_at_all(tmp_path: Path) -> None:
    dialect, box = toy_dialect(tmp_path, TIMER, unit_s=60), ToyRouter(TIMER)
    assert change(box, dialect, replace(intent(8 * MBPS), deadline_ns=119 * S)).outcome is Outcome.CONFIRMED
    assert "arm i1 60 1" in box.commands
    late = change(box, dialect, replace(intent(4 * MBPS, arm="i2"), deadline_ns=59 * S))
    assert (late.outcome, late.reason) == (Outcome.FAILED, Failure.TOO_LATE)
    dialect = toy_dialect(tmp_path, COMMIT, unit_s=60)
    box = ToyRouter(COMMIT)
    late = change(box, dialect, replace(intent(4 * MBPS, arm="i2"), deadline_ns=59 * S))
    assert (late.outcome, late.reason) == (Outcome.FAILED, Failure.TOO_LATE)
    assert box.commands[-1] == "abandon"
    assert box.limits == (None, None)
