"""The guarded change, on routers of a few lines: what is sent, what is refused, and every way it can break."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.fake_routers import FakeLinux, FakeRouter, FakeRouterOs

from netmon.core.changes import Action, Change, Intent, Outcome, Proof, Step
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.dialects import Dialect, Names, load_dialect
from netmon.routers.enforcement import Result, carry_out, finish_resolution, inspect, read_limit
from netmon.routers.port import Target
from netmon.routers.session import Failure, SessionLostError

POLICIES = Path(__file__).parents[2] / "policies" / "enforcement"
S = 1_000_000_000
NAMES = Names.of("dinkes-main")
LINUX, ROUTEROS = (load_dialect(platform, [POLICIES]) for platform in ("linux", "routeros"))
PLATFORMS = pytest.mark.parametrize(("router", "dialect"), [(FakeLinux, LINUX), (FakeRouterOs, ROUTEROS)])
TARGET = Target("dinkes-main", "ag1", Faces.AGENCY, "contract 12", "AA:BB:CC:DD:EE:FF", ("up0",))
ALL_STEPS = [Step.ARM, Step.APPLY, Step.READ_BACK, Step.DISARM]


def intent(
    to_bps: int | None, direction: Direction = Direction.DOWNLOAD, from_bps: int | None = None, arm: str = "i1"
) -> Intent:
    action = Action.REMOVE if to_bps is None else Action.SET
    change = Change("r1", "dinkes-main", "dinkes", direction, action, from_bps, to_bps, VerdictReason.OVER_QUOTA, None)
    return Intent(arm, change, created_ns=0, deadline_ns=60 * S)


def change(
    router: FakeRouter,
    dialect: Dialect,
    what: Intent,
    target: Target = TARGET,
    steps: list[Step] | None = None,
    cancelled: bool = False,
) -> Result:
    recorded = steps if steps is not None else []
    return carry_out(
        what, target, router, dialect, lambda _, step: recorded.append(step), lambda: 0, lambda: 0, lambda: cancelled
    )


@PLATFORMS
def test_a_limit_is_armed_applied_read_back_and_confirmed(router: type[FakeRouter], dialect: Dialect) -> None:
    box, steps = router(), list[Step]()
    result = change(box, dialect, intent(8_000_000), steps=steps)
    assert (result.outcome, result.proof, result.reason) == (Outcome.CONFIRMED, Proof.READ_BACK, None)
    assert (result.read_bps, result.known) == (8_000_000, True)
    assert steps == ALL_STEPS
    assert box.limits() == (None, 8_000_000)
    assert not box.armed


@PLATFORMS
@pytest.mark.parametrize(
    ("direction", "faces", "limits"),
    [
        (Direction.DOWNLOAD, Faces.AGENCY, (None, 8_000_000)),
        (Direction.UPLOAD, Faces.AGENCY, (8_000_000, None)),
        (Direction.DOWNLOAD, Faces.PROVINCE, (8_000_000, None)),
        (Direction.UPLOAD, Faces.PROVINCE, (None, 8_000_000)),
    ],
)
def test_each_direction_is_the_way_the_port_sees_it(
    router: type[FakeRouter],
    dialect: Dialect,
    direction: Direction,
    faces: Faces,
    limits: tuple[int | None, int | None],
) -> None:
    box, target = router(), dataclasses.replace(TARGET, faces=faces)
    assert change(box, dialect, intent(8_000_000, direction), target).outcome is Outcome.CONFIRMED
    assert box.limits() == limits
    assert read_limit(target, box, dialect, direction).bps == 8_000_000


@PLATFORMS
def test_one_direction_keeps_the_other_through_change_and_removal(router: type[FakeRouter], dialect: Dialect) -> None:
    box = router()
    change(box, dialect, intent(8_000_000))
    change(box, dialect, intent(4_000_000, Direction.UPLOAD))
    assert box.limits() == (4_000_000, 8_000_000)
    result = change(box, dialect, intent(None))
    assert (result.outcome, result.read_bps) == (Outcome.CONFIRMED, None)
    assert box.limits() == (4_000_000, None)
    assert change(box, dialect, intent(None, Direction.UPLOAD)).outcome is Outcome.CONFIRMED
    assert box.limits() == (None, None)
    assert not getattr(box, "ifb", {})
    assert not getattr(box, "queues", {})


@PLATFORMS
def test_what_is_in_place_already_is_confirmed_and_nothing_is_sent(router: type[FakeRouter], dialect: Dialect) -> None:
    box = router()
    change(box, dialect, intent(8_000_000))
    sent, steps = len(box.commands), list[Step]()
    result = change(box, dialect, intent(8_000_000, arm="i2"), steps=steps)
    assert (result.outcome, result.proof, steps) == (Outcome.CONFIRMED, Proof.READ_BACK, [])
    assert not any("i2" in command for command in box.commands[sent:])
    assert change(router(), dialect, intent(None), steps=steps).outcome is Outcome.CONFIRMED
    assert steps == []


@PLATFORMS
@pytest.mark.parametrize(
    ("target", "reason", "said"),
    [
        ({"interface": "up0"}, Failure.UPLINK, "up0 is an uplink"),
        ({"interface": "ag9"}, Failure.IDENTITY_MISMATCH, "no port ag9"),
        ({"alias": "contract 13"}, Failure.IDENTITY_MISMATCH, "contract 12"),
        ({"mac": "00:00:00:00:00:01"}, Failure.IDENTITY_MISMATCH, "aa:bb:cc:dd:ee:ff"),
    ],
)
def test_a_port_that_is_not_the_one_meant_is_refused(
    router: type[FakeRouter], dialect: Dialect, target: dict[str, str], reason: Failure, said: str
) -> None:
    box, steps = router(), list[Step]()
    result = change(box, dialect, intent(8_000_000), dataclasses.replace(TARGET, **target), steps)  # type: ignore[arg-type]
    assert (result.outcome, result.reason, steps) == (Outcome.FAILED, reason, [])
    assert said in result.detail
    assert box.limits() == (None, None)


@PLATFORMS
@pytest.mark.parametrize("carrier", ["ag1", "ag1.7"])
def test_the_port_that_carries_the_session_is_refused_even_under_a_vlan(
    router: type[FakeRouter], dialect: Dialect, carrier: str
) -> None:
    result = change(box := router(management=carrier), dialect, intent(8_000_000))
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.MANAGEMENT_PATH)
    assert box.limits() == (None, None)


@pytest.mark.parametrize(
    ("box", "named"),
    [
        (FakeLinux(root={"ag1": ("tbf 8001:", "")}), "qdisc tbf 8001: on ag1"),
        (FakeLinux(root={"ag1": ("htb 1:", "10")}), "qdisc htb 1: on ag1"),
        (FakeLinux(root={"ag1": ("htb 4e4d:", "1")}), "qdisc htb 4e4d: on ag1"),
        (FakeLinux(hook=True), "qdisc ingress ffff: on ag1"),
        (FakeLinux(ifb={NAMES.device: "someone's"}), f"device {NAMES.device} without netmon's alias"),
        (FakeRouterOs(others="queue=boss\ntarget=ag1\ndst="), "simple queue boss"),
        (FakeRouterOs(others="queue=hotspot\ntarget=10.10.1.0/25;10.9.0.1/32\ndst="), "simple queue hotspot"),
        (FakeRouterOs(others="queue=all\ntarget=\ndst="), "simple queue all"),
        (FakeRouterOs(queues={NAMES.object: {"target": "ag1", "max-limit": "0/5", "disabled": "false", "comment": ""}}),
         f"simple queue {NAMES.object}"),
    ],
)  # fmt: skip
def test_what_someone_else_shapes_is_refused_by_name(box: FakeRouter, named: str) -> None:
    dialect = LINUX if isinstance(box, FakeLinux) else ROUTEROS
    direction = Direction.UPLOAD if getattr(box, "hook", False) or getattr(box, "ifb", {}) else Direction.DOWNLOAD
    result = change(box, dialect, intent(8_000_000, direction))
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER)
    assert named in result.detail


def test_a_queue_elsewhere_is_nobodys_concern() -> None:
    box = FakeRouterOs(others="queue=other\ntarget=ag2\ndst=\nqueue=far\ntarget=192.168.0.0/16\ndst=")
    assert change(box, ROUTEROS, intent(8_000_000)).outcome is Outcome.CONFIRMED


def test_fasttrack_is_reported_in_the_receipt() -> None:
    assert "FastTrack" in change(FakeRouterOs(fasttrack=1), ROUTEROS, intent(8_000_000)).detail


@PLATFORMS
def test_an_undo_that_does_not_start_stops_the_change(router: type[FakeRouter], dialect: Dialect) -> None:
    box = router(job_starts=False)  # type: ignore[call-arg]
    result = change(box, dialect, intent(8_000_000))
    assert result.outcome is Outcome.FAILED
    assert result.reason in {Failure.NOT_ARMED, Failure.COMMAND_REJECTED}
    assert box.limits() == (None, None)


@PLATFORMS
def test_a_limit_that_reads_back_wrong_is_undone_at_once(router: type[FakeRouter], dialect: Dialect) -> None:
    box = router()
    change(box, dialect, intent(8_000_000))
    box.rate_lost = 500_000  # type: ignore[attr-defined]
    before = 8_000_000 - 500_000  # the undo's own setting suffers too
    result = change(box, dialect, intent(2_000_000, from_bps=8_000_000))
    assert result.reason is Failure.READ_BACK_MISMATCH
    assert (result.outcome, result.read_bps) == (Outcome.UNKNOWN, before)
    assert not box.armed
    box = router(rate_lost=500_000)  # type: ignore[call-arg]
    result = change(box, dialect, intent(2_000_000))
    assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.READ_BACK_MISMATCH)
    assert "read back 1500000 bit/s" in result.detail
    assert box.limits() == (None, None)


@PLATFORMS
def test_an_undo_that_fired_before_it_was_disarmed_is_seen_and_completed(
    router: type[FakeRouter], dialect: Dialect
) -> None:
    box = router()
    disarm = "mv /run/netmon/i1.armed" if router is FakeLinux else ":if ([:len [/system scheduler"
    box.before = lambda command: box.fire() if command.startswith(disarm) else None
    result = change(box, dialect, intent(8_000_000))
    assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.UNDO_FIRED)
    assert box.limits() == (None, None)


@PLATFORMS
def test_a_foreign_shaper_that_appears_meanwhile_undoes_the_change(router: type[FakeRouter], dialect: Dialect) -> None:
    box = router()

    def meddle(command: str) -> None:
        if isinstance(box, FakeRouterOs) and box.queues:
            box.others = "queue=boss\ntarget=ag1\ndst="
        if isinstance(box, FakeLinux) and "bfifo" in command:
            box.classes["ag1"]["4e4d:ffff"] = 1

    box.before = meddle
    result = change(box, dialect, intent(8_000_000))
    assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.FOREIGN_SHAPER)
    assert box.limits() == (None, None)


@PLATFORMS
def test_cancelling_before_anything_is_applied_leaves_nothing_behind(
    router: type[FakeRouter], dialect: Dialect
) -> None:
    result = change(box := router(), dialect, intent(8_000_000), cancelled=True)
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.CANCELLED)
    assert not box.armed
    answers = iter([False, True])
    result = carry_out(
        intent(8_000_000), TARGET, box, dialect, lambda *_: None, lambda: 0, lambda: 0, lambda: next(answers)
    )
    assert (result.outcome, result.reason, box.armed, box.limits()) == (
        Outcome.FAILED, Failure.CANCELLED, False, (None, None)
    )  # fmt: skip


@PLATFORMS
def test_a_change_too_late_for_its_undo_is_not_begun(router: type[FakeRouter], dialect: Dialect) -> None:
    box = router()
    late = carry_out(intent(8_000_000), TARGET, box, dialect, lambda *_: None, lambda: 59 * S, lambda: 0)
    assert (late.outcome, late.reason, box.armed) == (Outcome.FAILED, Failure.TOO_LATE, False)
    clock = iter(range(0, 10_000 * S, 60 * S))
    slow = carry_out(intent(8_000_000), TARGET, box, dialect, lambda *_: None, lambda: 0, lambda: next(clock))
    assert (slow.outcome, slow.reason, box.armed) == (Outcome.FAILED, Failure.TOO_LATE, False)


def how_many_commands(router: type[FakeRouter], dialect: Dialect, what: Intent) -> int:
    box = router()
    change(box, dialect, intent(9_000_000, arm="i0"))
    done = len(box.commands)
    assert change(box, dialect, what).outcome is Outcome.CONFIRMED
    return len(box.commands) - done


@PLATFORMS
@pytest.mark.parametrize("to_bps", [2_000_000, None])
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_session_lost_at_any_command_is_unknown_and_the_router_saves_itself(
    router: type[FakeRouter], dialect: Dialect, to_bps: int | None, after_effect: bool
) -> None:
    what, old = intent(to_bps, from_bps=9_000_000), 9_000_000
    for ordinal in range(how_many_commands(router, dialect, what)):
        box, steps = router(), list[Step]()
        change(box, dialect, intent(old, arm="i0"))
        box.lose_at, box.lose_after_effect = len(box.commands) + ordinal, after_effect
        result = change(box, dialect, what, steps=steps)
        disarmed = Step.DISARM in steps and not box.armed
        box.fire()  # netmon is gone; the router's timer runs out
        if not steps:
            assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.SESSION_LOST)
        elif result.outcome is not Outcome.CONFIRMED:  # only the tidying up was lost
            assert (result.outcome, result.known) == (Outcome.UNKNOWN, False), ordinal
            assert str(steps[-1]) in result.detail
        assert box.limits() == (None, to_bps if disarmed else old), ordinal


@PLATFORMS
@pytest.mark.parametrize("to_bps", [2_000_000, None])
def test_a_refusal_of_any_command_leaves_the_old_limit_and_no_armed_undo(
    router: type[FakeRouter], dialect: Dialect, to_bps: int | None
) -> None:
    what, old = intent(to_bps, from_bps=9_000_000), 9_000_000
    for ordinal in range(how_many_commands(router, dialect, what)):
        box = router()
        change(box, dialect, intent(old, arm="i0"))
        box.refuse_at = len(box.commands) + ordinal
        result = change(box, dialect, what)
        if result.outcome is Outcome.CONFIRMED:
            assert box.limits() == (None, to_bps)
        else:
            assert result.outcome in {Outcome.FAILED, Outcome.REVERTED}, (ordinal, result)
            assert result.reason is not None
            assert box.limits() == (None, old), ordinal
        assert not box.armed, ordinal


def test_a_step_that_cannot_be_recorded_is_not_begun() -> None:
    class DiskFullError(Exception):
        pass

    for failing in ALL_STEPS:
        box, begun = FakeLinux(), list[Step]()

        def progress(_: str, step: Step, failing: Step = failing, begun: list[Step] = begun) -> None:
            if step is failing:
                raise DiskFullError
            begun.append(step)

        with pytest.raises(DiskFullError):
            carry_out(intent(8_000_000), TARGET, box, LINUX, progress, lambda: 0, lambda: 0)
        assert begun == ALL_STEPS[: ALL_STEPS.index(failing)]
        box.fire()
        assert box.limits() == (None, None)


@pytest.mark.parametrize("bad", [intent(8_000_000, arm="i1; reboot"), intent(8_000_000, arm="../x"), intent(1, arm="")])
def test_an_intent_whose_id_could_be_a_command_is_refused(bad: Intent) -> None:
    with pytest.raises(ValueError, match="cannot be carried out"):
        change(FakeLinux(), LINUX, bad)


@PLATFORMS
def test_an_open_intent_is_inspected_and_settled(router: type[FakeRouter], dialect: Dialect) -> None:
    what, box = intent(8_000_000), router()
    apply = "bfifo" if router is FakeLinux else ":if ([:len [/queue"
    steps = list[Step]()
    box.before = lambda command: setattr(box, "lose_at", len(box.commands)) if apply in command else None
    assert change(box, dialect, what, steps=steps).outcome is Outcome.UNKNOWN
    box.lose_at, box.before = None, lambda command: None
    seen = inspect(what, TARGET, box, dialect)
    assert (seen.readable, seen.read_bps, seen.armed) == (True, 8_000_000, Armed.ARMED)
    for untouched in (ResolveAction.WAIT, ResolveAction.GIVE_TO_OPERATOR):
        assert finish_resolution(what, TARGET, box, dialect, untouched) == seen
    seen = finish_resolution(what, TARGET, box, dialect, ResolveAction.DISARM)
    assert (seen.readable, seen.read_bps, seen.armed) == (True, 8_000_000, Armed.UNARMED)
    finish_resolution(what, TARGET, box, dialect, ResolveAction.RECORD_NEW)
    assert not getattr(box, "files", {})
    assert not getattr(box, "scripts", {})
    assert box.limits() == (None, 8_000_000)


@PLATFORMS
def test_a_revert_that_was_resolved_fires_the_armed_undo(router: type[FakeRouter], dialect: Dialect) -> None:
    what, box = intent(8_000_000), router()
    confirm = "mv /run" if router is FakeLinux else ":if ([:len [/system"
    box.before = lambda command: setattr(box, "lose_at", 0) if command.startswith(confirm) else None
    assert change(box, dialect, what).outcome is Outcome.UNKNOWN
    box.lose_at, box.before = None, lambda command: None
    seen = finish_resolution(what, TARGET, box, dialect, ResolveAction.REVERT)
    assert (seen.readable, seen.read_bps, seen.armed) == (True, None, Armed.FIRED)
    finish_resolution(what, TARGET, box, dialect, ResolveAction.RECORD_OLD)
    assert inspect(what, TARGET, box, dialect).armed is Armed.UNARMED
    assert not getattr(box, "scripts", {})


def test_inspecting_another_port_than_meant_reads_nothing() -> None:
    seen = inspect(intent(8_000_000), dataclasses.replace(TARGET, alias="other"), FakeLinux(), LINUX)
    assert (seen.readable, seen.armed) == (False, Armed.UNKNOWN)
    with pytest.raises(SessionLostError):
        inspect(intent(8_000_000), TARGET, FakeLinux(lose_at=0), LINUX)
