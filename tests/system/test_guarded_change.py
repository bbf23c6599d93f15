"""The guarded change on a real Linux router, proven with real traffic."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import guarded
from support.guarded import LINUX, login_of, session, traces
from support.processes import PATIENCE_S, wait_until
from support.testbed import LinuxRouter, linux_router, missing

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.cli_reading import CliReading
from netmon.routers.enforcement import (
    Inspection,
    Reading,
    Result,
    read_limit,
)
from netmon.routers.enforcer import Apply, Enforcer, Read
from netmon.routers.port import Target
from netmon.routers.session import Failure, HostKeyMismatchError
from netmon.routers.ssh import open_session

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

DOWNLOAD, UPLOAD = Direction.DOWNLOAD, Direction.UPLOAD


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxRouter]:
    with linux_router(tmp_path_factory.mktemp("bed") / "d") as router:
        yield router


def target(bed: LinuxRouter, agency: int = 0) -> Target:
    port = bed.agencies[agency]
    return Target(f"agency-{agency}", port.interface, Faces.AGENCY, port.alias, port.mac, (bed.uplink.interface,))


def intent(to_bps: int | None, direction: Direction = DOWNLOAD, arm: str = "", seconds: int = 60) -> Intent:
    action = Action.REMOVE if to_bps is None else Action.SET
    change = Change("r1", "agency-0", "agency", direction, action, None, to_bps, VerdictReason.OVER_QUOTA, None)
    now = time.time_ns()
    return Intent(arm or f"i{now}", change, now, now + seconds * 1_000_000_000)


def change(bed: LinuxRouter, what: Intent, where: Target | None = None, steps: list[Step] | None = None) -> Result:
    return guarded.change(bed, what, where or target(bed), steps)


@pytest.mark.measured
def test_both_directions_are_limited_proven_by_traffic_and_removed(bed: LinuxRouter) -> None:
    before = traces(bed)
    free, neighbour = bed.agencies[0], bed.agencies[1]
    for direction, bps in ((DOWNLOAD, 8_000_000), (UPLOAD, 4_000_000)):
        result = change(bed, intent(bps, direction))
        assert (result.outcome, result.read_bps) == (Outcome.CONFIRMED, bps), result
    down, up = bed.download_mbps(0, seconds=1), bed.upload_mbps(0, seconds=1)
    assert down == pytest.approx(8, rel=0.1)
    assert up == pytest.approx(4, rel=0.1)
    limited, other = bed.many_mbps((bed.uplink, free, None), (bed.uplink, neighbour, 60), seconds=1)
    assert limited == pytest.approx(8, rel=0.1)
    assert other > 50
    assert change(bed, intent(2_000_000)).outcome is Outcome.CONFIRMED
    assert bed.download_mbps(0, seconds=1) == pytest.approx(2, rel=0.1)
    with session(bed) as opened:
        assert read_limit(target(bed), opened, LINUX, DOWNLOAD) == Reading(2_000_000, True, None)
        assert read_limit(target(bed), opened, LINUX, UPLOAD) == Reading(4_000_000, True, None)
        assert read_limit(target(bed, 1), opened, LINUX, UPLOAD) == Reading(None, False, None)
    for direction in (DOWNLOAD, UPLOAD):
        result = change(bed, intent(None, direction))
        assert (result.outcome, result.read_bps) == (Outcome.CONFIRMED, None), result
    assert traces(bed) == before
    assert bed.download_mbps(0, seconds=1) > 50


@pytest.mark.measured
def test_a_province_facing_port_is_limited_the_other_way_round(bed: LinuxRouter) -> None:
    where = replace(target(bed), faces=Faces.PROVINCE)
    assert change(bed, intent(5_000_000), where).outcome is Outcome.CONFIRMED
    assert bed.upload_mbps(0, seconds=1) == pytest.approx(5, rel=0.1)  # what enters the port
    assert change(bed, intent(None), where).outcome is Outcome.CONFIRMED


def test_setting_the_same_limit_twice_sends_nothing_the_second_time(bed: LinuxRouter) -> None:
    steps: list[Step] = []
    assert change(bed, intent(8_000_000), steps=steps).outcome is Outcome.CONFIRMED
    assert steps == [Step.ARM, Step.APPLY, Step.READ_BACK, Step.DISARM]
    steps.clear()
    result = change(bed, intent(8_000_000), steps=steps)
    assert (result.outcome, steps) == (Outcome.CONFIRMED, [])
    assert "nothing was sent" in result.detail
    assert change(bed, intent(None)).outcome is Outcome.CONFIRMED


def vanish(bed: LinuxRouter, what: Intent) -> Result:
    return guarded.vanish(bed, what, target(bed), "tc qdisc replace dev ag1 parent")


def seen_of(bed: LinuxRouter, what: Intent, action: ResolveAction | None = None) -> Inspection:
    return guarded.seen_of(bed, what, target(bed), action)


def test_the_armed_undo_fires_when_netmon_vanishes_after_applying(bed: LinuxRouter) -> None:
    assert change(bed, intent(9_000_000)).outcome is Outcome.CONFIRMED
    what = intent(1_000_000, arm="vanished", seconds=10)
    result = vanish(bed, what)
    assert (result.outcome, result.known) == (Outcome.UNKNOWN, False)
    seen = seen_of(bed, what)
    assert (seen.read_bps, seen.armed) == (1_000_000, Armed.ARMED)
    fired = bed.directory / "run" / "netmon" / "vanished.fired"
    wait_until(fired.exists, "the router's own undo")
    assert fired.stat().st_ctime_ns <= what.deadline_ns + 1_000_000_000
    seen = seen_of(bed, what)
    assert (seen.read_bps, seen.armed) == (9_000_000, Armed.FIRED)
    seen_of(bed, what, ResolveAction.RECORD_OLD)
    assert not fired.exists()
    assert change(bed, intent(None)).outcome is Outcome.CONFIRMED


def test_a_half_done_change_is_resolved_by_disarming_or_by_reverting(bed: LinuxRouter) -> None:
    kept = intent(3_000_000, arm="kept")
    assert vanish(bed, kept).outcome is Outcome.UNKNOWN
    seen = seen_of(bed, kept, ResolveAction.DISARM)
    assert (seen.read_bps, seen.armed) == (3_000_000, Armed.UNARMED)
    seen_of(bed, kept, ResolveAction.RECORD_NEW)
    undone = intent(1_000_000, arm="undone")
    assert vanish(bed, undone).outcome is Outcome.UNKNOWN
    seen = seen_of(bed, undone, ResolveAction.REVERT)
    assert (seen.read_bps, seen.armed) == (3_000_000, Armed.FIRED)
    seen_of(bed, undone, ResolveAction.RECORD_OLD)
    assert change(bed, intent(None)).outcome is Outcome.CONFIRMED
    assert not list((bed.directory / "run" / "netmon").glob("*"))


def test_someone_elses_shaper_is_refused_and_left_alone(bed: LinuxRouter) -> None:
    port = bed.agencies[1].interface
    bed.on_router("tc", "qdisc", "add", "dev", port, "root", "tbf", "rate", "9mbit", "burst", "16k", "latency", "50ms")
    bed.on_router("tc", "qdisc", "add", "dev", port, "handle", "ffff:", "ingress")
    before = traces(bed)
    for direction, named in ((DOWNLOAD, "qdisc tbf"), (UPLOAD, "qdisc ingress")):
        result = change(bed, intent(8_000_000, direction), target(bed, 1))
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER)
        assert named in result.detail
    assert traces(bed) == before
    bed.on_router("tc", "qdisc", "del", "dev", port, "root")
    bed.on_router("tc", "qdisc", "del", "dev", port, "ingress")


def test_management_uplink_and_mistaken_ports_are_refused(bed: LinuxRouter) -> None:
    before = traces(bed)
    good = target(bed)
    for where, reason in (
        (replace(good, interface="mg0", alias=None, mac=None), Failure.MANAGEMENT_PATH),
        (replace(good, interface="up0", alias=None, mac=None), Failure.UPLINK),
        (replace(good, alias="agency 2"), Failure.IDENTITY_MISMATCH),
        (replace(good, mac="02:00:00:00:00:01"), Failure.IDENTITY_MISMATCH),
        (replace(good, interface="ag9"), Failure.IDENTITY_MISMATCH),
        (replace(good, interface="ag1; reboot"), Failure.IDENTITY_MISMATCH),
    ):
        result = change(bed, intent(8_000_000), where)
        assert (result.outcome, result.reason) == (Outcome.FAILED, reason), result
    assert traces(bed) == before


def test_a_wrong_host_key_is_an_alarm_and_nothing_is_typed(bed: LinuxRouter, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    public = (tmp_path / "other.pub").read_text().split()
    (tmp_path / "known_hosts").write_text(f"{bed.ssh_address} {public[0]} {public[1]}\n")
    with pytest.raises(HostKeyMismatchError):
        open_session(replace(login_of(bed), known_hosts=tmp_path / "known_hosts"), LINUX)


def test_the_enforcer_does_it_by_password_in_its_own_threads(bed: LinuxRouter) -> None:
    login = replace(login_of(bed), key_file=None, password=bed.password)
    pool = Enforcer(
        2, open_session, lambda _: LINUX, lambda *_: None, time.time_ns, time.monotonic_ns, lambda _: CliReading()
    )
    jobs = [pool.submit(Apply(intent(to), target(bed), login)) for to in (6_000_000, None)]
    jobs.append(pool.submit(Read(target(bed), DOWNLOAD, login)))
    applied, removed, reading = (job.result(PATIENCE_S) for job in jobs)
    pool.close()
    assert isinstance(applied, Result)
    assert isinstance(removed, Result)
    assert (applied.outcome, applied.read_bps) == (Outcome.CONFIRMED, 6_000_000)
    assert (removed.outcome, removed.read_bps) == (Outcome.CONFIRMED, None)
    assert reading == Reading(None, False, None)
