"""Ends renewed, all of netmon's listed and taken off, a first look: what is sent, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.toy_router import ToyRouter, toy_dialect

from netmon.core.changes import Action, Change, Intent, Outcome
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.routers.dialects import Dialect, RevertKind, Way
from netmon.routers.enforcement import carry_out
from netmon.routers.port import RefusedError, Target
from netmon.routers.readbacks import Ours, Owner
from netmon.routers.session import CommandRejectedError, Failure, SessionLostError
from netmon.routers.upkeep import Renewal, list_ours, renew, survey_router, wipe

MBPS = 1_000_000
DAY = 86_400
DOWNLOAD = Direction.DOWNLOAD
TARGET = Target("dinkes-main", "ag1", Faces.AGENCY, allow_unguarded=True, owner=Owner("office", 7), known_revision=7)


@pytest.fixture(params=[RevertKind.TIMER, RevertKind.COMMIT, RevertKind.NONE])
def box(request: pytest.FixtureRequest, toy: Dialect) -> ToyRouter:
    """Limited to 8 Mb/s down, with an end."""
    found = ToyRouter(request.param)
    change = Change("r1", "dinkes-main", "dinkes", DOWNLOAD, Action.SET, None, 8 * MBPS, VerdictReason.OVER_QUOTA, None)
    intent = Intent("i1", change, 0, 120_000_000_000, expires_s=DAY)
    assert carry_out(intent, TARGET, found, toy, lambda *_: None, lambda: 0, lambda: 0).outcome is Outcome.CONFIRMED
    found.commands.clear()
    return found


@pytest.fixture
def toy(tmp_path: Path, request: pytest.FixtureRequest) -> Dialect:
    callspec = getattr(request.node, "callspec", None)
    return toy_dialect(tmp_path, callspec.params["box"] if callspec is not None else RevertKind.TIMER)


def renewed(box: ToyRouter, dialect: Dialect, bps: int = 8 * MBPS, target: Target = TARGET) -> Renewal:
    return renew(target, DOWNLOAD, bps, None, 3600, "t2", box, dialect)


def test_an_end_is_put_off_and_nothing_else_is_sent(box: ToyRouter, toy: Dialect) -> None:
    before = box.running.copy()
    done = renewed(box, toy)
    assert (done.renewed, done.reason, done.read_bps, done.known) == (True, None, 8 * MBPS, True)
    assert box.running.ends == {"egress": (3600, "t2")}
    assert replace(box.running, ends=before.ends) == before
    assert box.saved == box.running
    at = box.commands.index("begin")
    assert box.commands[at : at + 3] == ["begin", "expire egress 3600 t2", "end 0 0 0"]
    assert not box.armed


def test_the_end_of_another_limit_than_expected_is_left_alone(box: ToyRouter, toy: Dialect) -> None:
    done = renewed(box, toy, bps=4 * MBPS)
    assert (done.renewed, done.reason, done.read_bps) == (False, Failure.READ_BACK_MISMATCH, 8 * MBPS)
    assert done.detail == "expected 4000000 bit/s, read back 8000000 bit/s"
    assert box.running.ends == {"egress": (DAY, "i1")}
    assert "begin" not in box.commands


def test_an_end_is_not_put_off_by_another_netmon_or_beside_somebody_else(box: ToyRouter, toy: Dialect) -> None:
    for reason, target, others in (
        (Failure.OTHER_NETMON, replace(TARGET, owner=Owner("capital", 9)), False),
        (Failure.OTHERS_CONFIGURING, TARGET, True),
    ):
        box.others = others
        with pytest.raises(RefusedError) as refusal:
            renewed(box, toy, target=target)
        assert refusal.value.reason is reason
    assert "begin" not in box.commands


def test_an_end_that_is_refused_or_not_kept_is_told(box: ToyRouter, toy: Dialect) -> None:
    box.refuse = "expire"
    with pytest.raises(CommandRejectedError):
        renewed(box, toy)
    assert box.commands[-1] == "abandon"
    box.running.ends.clear()
    box.keeps_ends = False
    assert renewed(box, toy).reason is Failure.EXPIRY_MISSING


def test_a_limit_that_ended_while_its_end_was_put_off_is_told(box: ToyRouter, toy: Dialect) -> None:
    def end(command: str) -> None:
        if command.startswith("expiry"):
            box.running.egress = 0

    box.before = end
    done = renewed(box, toy)
    assert (done.renewed, done.reason, done.read_bps) == (False, Failure.READ_BACK_MISMATCH, None)


def test_a_token_that_could_be_more_than_one_is_refused(box: ToyRouter, toy: Dialect) -> None:
    for token, seconds in (("a b", 60), ("", 60), ("../x", 60), ("t", 0)):
        with pytest.raises(ValueError, match="cannot be named"):
            renew(TARGET, DOWNLOAD, 8 * MBPS, None, seconds, token, box, toy)
    assert box.commands == []


def test_what_bears_netmons_mark_is_listed_with_its_owner(box: ToyRouter, toy: Dialect) -> None:
    found = list_ours(box, toy)
    assert found.ours == (Ours(box.name, "ag1", Way.EGRESS, 8 * MBPS),)
    assert found.owner == Owner("office", 7)


def test_the_last_thing_is_taken_off_with_the_marker_and_without_any_undo(box: ToyRouter, toy: Dialect) -> None:
    box.others = True  # an operator in configuration mode does not keep the kill switch from working
    (thing,) = list_ours(box, toy).ours
    box.commands.clear()
    done = wipe(replace(thing, bps=1), box, toy)
    assert (done.gone, done.reason, done.left) == (True, None, ())
    assert "but not saved: somebody" in done.detail
    assert box.limits == (None, None)
    assert not [command for command in box.commands if command.startswith(("arm", "confirm"))]
    assert f"wipe {box.name} ag1 egress" in box.commands
    assert list_ours(box, toy).owner is None
    box.others = False
    sent = len(box.commands)
    assert wipe(thing, box, toy).detail == f"{box.name} is not there"
    assert box.commands[sent:] == ["ours"]


@pytest.mark.parametrize("name", ["boss", "NM-C6D9C9A7-DINKES-MAIN; reboot", "NM-c6d9c9a7-X", "xNM-C6D9C9A7-X"])
def test_what_is_not_called_as_netmon_calls_its_own_is_never_taken_off(box: ToyRouter, toy: Dialect, name: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        wipe(Ours(name, "ag2", None, None), box, toy)
    assert refusal.value.reason is Failure.FOREIGN_SHAPER
    assert box.commands == []


def test_a_thing_that_will_not_go_is_told(box: ToyRouter, toy: Dialect) -> None:
    (thing,) = list_ours(box, toy).ours

    def stubborn(command: str) -> None:
        if command == "ours" and "wipe" in "".join(box.commands):
            box.running.egress = 8 * MBPS

    box.before = stubborn
    done = wipe(thing, box, toy)
    assert (done.gone, done.reason) == (False, Failure.READ_BACK_MISMATCH)
    box.refuse = "wipe"
    with pytest.raises(CommandRejectedError):
        wipe(thing, box, toy)


def test_a_first_look_tells_every_port_and_alters_nothing(box: ToyRouter, toy: Dialect) -> None:
    before = box.running.copy()
    box.others = True
    targets = (TARGET, replace(TARGET, interface="mg0"), replace(TARGET, alias="line 9"))
    found = survey_router(targets, box, toy)
    assert found.survey is not None
    assert found.survey.version == "1.0"
    assert found.owner == Owner("office", 7)
    assert found.others == "somebody works in safe mode, so that what he changed may still be taken back"
    assert [one.object for one in found.ours] == [box.name]
    assert [(port.interface, port.reason) for port in found.ports] == [
        ("ag1", None),
        ("mg0", Failure.MANAGEMENT_PATH),
        ("ag1", Failure.IDENTITY_MISMATCH),
    ]
    assert found.ports[0].egress is not None
    assert found.ports[0].egress.bps == 8 * MBPS
    assert found.ports[2].egress is None
    assert found.problems == ()
    assert box.running == before
    assert "begin" not in box.commands


def test_a_question_that_comes_to_nothing_is_told_and_a_lost_session_ends_the_look(
    box: ToyRouter, toy: Dialect
) -> None:
    box.running.marker = "somebody's notes"
    found = survey_router((), box, toy)
    (problem,) = found.problems
    assert problem.startswith("it cannot be told whose limits are on it: script NM-OWNER says")
    box.lose_at = 0
    with pytest.raises(SessionLostError):
        survey_router((), box, toy)
