"""What becomes of a real router when netmon is killed, or somebody meddles, between any two steps of a change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from support import guarded
from support.guarded import LINUX, login_of, session, traces
from support.killed_change import TIDY, standing_at
from support.processes import wait_until
from support.testbed import LinuxRouter, linux_router, missing

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.core.resolving import GRACE_NS, Armed, Resolution, ResolveAction, classify, resolve
from netmon.routers.dialects import Names, Way
from netmon.routers.enforcement import Result, carry_out, read_limit
from netmon.routers.enforcer import Apply
from netmon.routers.port import Port, Target
from netmon.routers.readbacks import Owner
from netmon.routers.session import Failure
from netmon.routers.upkeep import list_ours, renew, survey_router, wipe

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
M = 1_000_000
SECOND_NS = 1_000_000_000
NAMES = Names.of("agency-0")
OLD, NEW = 9 * M, 2 * M
SOON_S = 8
"""The deadline of a change that nobody completes: waited for, and long enough to log in on a busy machine."""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxRouter]:
    with linux_router(tmp_path_factory.mktemp("bed") / "d") as router:
        yield router


@pytest.fixture
def clean(bed: LinuxRouter) -> Iterator[LinuxRouter]:
    """The bed, free of all that is netmon's before and after."""
    before = traces(bed)
    yield bed
    for direction in Direction:
        assert change(bed, intent(None, direction)).outcome is Outcome.CONFIRMED
    (bed.directory / "run" / "netmon" / "owner").unlink(missing_ok=True)
    assert traces(bed) == before


def target(bed: LinuxRouter, agency: int = 0) -> Target:
    port = bed.agencies[agency]
    where = Target(f"agency-{agency}", port.interface, Faces.AGENCY, port.alias, port.mac, (bed.uplink.interface,))
    return replace(where, owner=Owner("office", 1), known_revision=1)


def intent(to_bps: int | None, direction: Direction = DOWN, seconds: int = 60, expires_s: int = 600) -> Intent:
    action = Action.REMOVE if to_bps is None else Action.SET
    was = OLD if direction is DOWN else None
    what = Change("r1", "agency-0", "agency", direction, action, was, to_bps, VerdictReason.OVER_QUOTA, None)
    now = time.time_ns()
    return Intent(f"i{now}", what, now, now + seconds * SECOND_NS, expires_s=expires_s)


def change(
    bed: LinuxRouter, what: Intent, meddle: Callable[[Step], None] = lambda _: None, where: Target | None = None
) -> Result:
    with session(bed) as opened:
        return carry_out(
            what,
            where or target(bed),
            opened,
            LINUX,
            lambda _, step: meddle(step),
            time.time_ns,
            time.monotonic_ns,
        )


def limit(bed: LinuxRouter, direction: Direction = DOWN) -> int | None:
    with session(bed) as opened:
        return read_limit(target(bed), opened, LINUX, direction).bps


def end_s(bed: LinuxRouter, way: Way = Way.EGRESS) -> int | None:
    """Seconds until the router ends the limit by itself."""
    with session(bed) as opened:
        return Port(target(bed), opened, LINUX).expiry(way).seconds_left


def resolved(bed: LinuxRouter, what: Intent, now_ns: int) -> Resolution:
    seen = guarded.seen_of(bed, what, target(bed))
    assert seen.readable, seen
    told = classify(what, seen.read_bps, seen.tolerance_permille)
    return resolve(what, told, seen.armed, now_ns)


@pytest.mark.parametrize(
    ("step", "now", "armed", "later"),
    [
        (Step.CONNECT, OLD, Armed.UNARMED, "never_applied"),
        (Step.ARM, OLD, Armed.UNARMED, "never_applied"),
        (Step.APPLY, OLD, Armed.ARMED, "undone_by_router"),
        (Step.READ_BACK, NEW, Armed.ARMED, "undone_by_router"),
        (Step.DISARM, NEW, Armed.ARMED, "undone_by_router"),
        (TIDY, NEW, Armed.UNARMED, "confirmed_unrecorded"),
    ],
)
def test_netmon_killed_before_a_step_leaves_a_router_that_explains_itself(
    clean: LinuxRouter, step: str, now: int, armed: Armed, later: str
) -> None:
    assert change(clean, intent(OLD)).outcome is Outcome.CONFIRMED
    with standing_at(step, lambda: Apply(intent(NEW, seconds=SOON_S), target(clean), login_of(clean))) as job:
        what = job.intent
        seen = guarded.seen_of(clean, what, target(clean))
    assert (seen.read_bps, seen.armed) == (now, armed)
    if armed is Armed.ARMED:  # nobody comes back; within the revert time the router is as it was
        fired = clean.directory / "run" / "netmon" / f"{what.id}.fired"
        wait_until(fired.exists, "the router's own undo")
        assert fired.stat().st_ctime_ns <= what.deadline_ns + SECOND_NS
    found = resolved(clean, what, what.deadline_ns + GRACE_NS)
    assert found.cell == later
    standing = NEW if found.action is ResolveAction.RECORD_NEW else OLD
    assert limit(clean) == standing
    guarded.seen_of(clean, what, target(clean), found.action)
    assert f"{what.id}.fired" not in traces(clean)
    left = end_s(clean)
    assert left is not None
    assert 550 < left <= 600, "whichever limit stands, it still ends"


def test_netmon_killed_while_it_removes_a_limit_has_it_put_back_with_its_end(clean: LinuxRouter) -> None:
    assert change(clean, intent(OLD)).outcome is Outcome.CONFIRMED
    removal = (None, DOWN, SOON_S, 0)
    with standing_at(Step.READ_BACK, lambda: Apply(intent(*removal), target(clean), login_of(clean))) as job:
        what = job.intent
        assert limit(clean) is None
        assert end_s(clean) is None
    wait_until((clean.directory / "run" / "netmon" / f"{what.id}.fired").exists, "the router's own undo")
    assert limit(clean) == OLD
    left = end_s(clean)
    assert left is not None
    assert 550 < left <= 600
    guarded.seen_of(clean, what, target(clean), resolved(clean, what, what.deadline_ns).action)


def swept(bed: LinuxRouter) -> None:
    """What a reboot takes: every qdisc and ifb, the jobs, and /run."""
    bed.on_router("sh", "-c", "tc qdisc del dev ag1 root; tc qdisc del dev ag1 ingress; true")
    bed.on_router("sh", "-c", f"ip link del dev {NAMES.device}; true")
    for file in (bed.directory / "run" / "netmon").glob("*"):
        if file.suffix in {".armed", ".end"}:
            bed.on_router("kill", "--", f"-{file.read_text().split()[0]}")
        file.unlink()


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("tc qdisc del dev ag1 root", Failure.READ_BACK_MISMATCH),
        (
            f"tc class replace dev ag1 parent 4e4d: classid 4e4d:{NAMES.minor} htb rate 5mbit",
            Failure.READ_BACK_MISMATCH,
        ),
        ("rm /run/netmon/*.armed", Failure.UNDO_FIRED),
        ("kill -- -$(cut -d' ' -f1 /run/netmon/*.end); true", Failure.EXPIRY_MISSING),
        ("", Failure.READ_BACK_MISMATCH),
    ],
    ids=["deleted", "altered", "undo deleted", "end killed", "rebooted"],
)
def test_what_somebody_does_between_two_steps_is_seen_and_the_old_limit_put_back(
    clean: LinuxRouter, what: str, reason: Failure
) -> None:
    assert change(clean, intent(OLD)).outcome is Outcome.CONFIRMED
    at = Step.DISARM if reason is Failure.UNDO_FIRED else Step.READ_BACK

    def meddle(step: Step) -> None:
        if step is at and what:
            typed = what.replace("/run/netmon", str(clean.directory / "run" / "netmon"))
            clean.on_router("sh", "-c", typed)
        elif step is at:
            swept(clean)

    result = change(clean, intent(NEW), meddle)
    assert result.reason is reason, result
    assert (result.outcome, result.read_bps) == (Outcome.REVERTED, OLD)
    assert limit(clean) == OLD


def test_a_shaper_that_somebody_puts_in_its_place_between_two_steps_stays(clean: LinuxRouter) -> None:
    assert change(clean, intent(OLD)).outcome is Outcome.CONFIRMED
    his = "tc qdisc replace dev ag1 root handle 7: tbf rate 3mbit burst 16k latency 50ms"

    def meddle(step: Step) -> None:
        if step is Step.READ_BACK:
            clean.on_router(*his.split())

    what = intent(NEW)
    result = change(clean, what, meddle)
    assert (result.outcome, result.known) == (Outcome.UNKNOWN, False)
    assert "qdisc tbf 7: root" in clean.on_router("tc", "qdisc", "show", "dev", "ag1")
    assert resolved(clean, what, what.deadline_ns).action is ResolveAction.GIVE_TO_OPERATOR
    clean.on_router("tc", "qdisc", "del", "dev", "ag1", "root")
    guarded.seen_of(clean, what, target(clean), ResolveAction.RECORD_OLD)


def test_a_limit_lost_in_a_reboot_is_read_as_none_and_can_be_set_again(clean: LinuxRouter) -> None:
    for direction in Direction:
        assert change(clean, intent(NEW, direction)).outcome is Outcome.CONFIRMED
    swept(clean)
    assert [limit(clean, direction) for direction in Direction] == [None, None]
    assert change(clean, intent(NEW)).outcome is Outcome.CONFIRMED
    assert limit(clean) == NEW


def test_ports_that_changed_places_are_refused_both(clean: LinuxRouter) -> None:
    swap = ("ag1 agx", "ag2 ag1", "agx ag2")

    def rename() -> None:
        for pair in swap:
            old, new = pair.split()
            for words in (f"{old} down", f"{old} name {new}", f"{new} up"):
                clean.on_router("ip", "link", "set", *words.split())

    rename()
    try:
        for agency in (0, 1):
            result = change(clean, intent(NEW), where=target(clean, agency))
            assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.IDENTITY_MISMATCH)
    finally:
        rename()


def test_a_limit_ends_by_itself_unless_its_end_is_put_off(clean: LinuxRouter) -> None:
    for direction in Direction:
        assert change(clean, intent(NEW, direction, expires_s=3)).outcome is Outcome.CONFIRMED
    with session(clean) as opened:
        done = renew(target(clean), DOWN, NEW, None, 600, "later", opened, LINUX)
    assert (done.renewed, done.reason) == (True, None), done
    ended = clean.directory / "run" / "netmon"
    wait_until(lambda: not list(ended.glob(f"{NAMES.object}.ingress.*")), "the upload's limit to end")
    assert [limit(clean, direction) for direction in Direction] == [NEW, None]
    left = end_s(clean)
    assert left is not None
    assert left > 550
    with session(clean) as opened:
        done = renew(target(clean), UP, NEW, None, 600, "late", opened, LINUX)
    assert (done.renewed, done.reason) == (False, Failure.READ_BACK_MISMATCH)


def test_all_of_netmons_is_found_and_taken_off_and_nobody_elses(clean: LinuxRouter) -> None:
    for direction in Direction:
        assert change(clean, intent(NEW, direction)).outcome is Outcome.CONFIRMED
    his = "tc qdisc add dev ag2 root handle 7: tbf rate 9mbit burst 16k latency 50ms"
    clean.on_router(*his.split())
    try:
        with session(clean) as opened:
            found = list_ours(opened, LINUX)
            surveyed = survey_router((target(clean), target(clean, 1)), opened, LINUX)
            assert found.owner == Owner("office", 1)
            assert {(one.interface, one.way) for one in found.ours} == {("ag1", Way.EGRESS), ("ag1", Way.INGRESS)}
            for thing in found.ours:
                assert wipe(thing, opened, LINUX).gone
            assert list_ours(opened, LINUX).ours == ()
            assert list_ours(opened, LINUX).owner is None
        assert surveyed.survey is not None
        assert surveyed.survey.privileged is True
        assert abs((surveyed.survey.clock_ns or 0) - time.time_ns()) < 60 * SECOND_NS
        assert [port.reason for port in surveyed.ports] == [None, Failure.FOREIGN_SHAPER]
        (foreign,) = surveyed.ports[1].foreigners
        assert foreign.name == "qdisc tbf 7:"
        assert "tbf 7:" in clean.on_router("tc", "qdisc", "show", "dev", "ag2")
        assert not list((clean.directory / "run" / "netmon").glob("*.end"))
    finally:
        clean.on_router("tc", "qdisc", "del", "dev", "ag2", "root")
