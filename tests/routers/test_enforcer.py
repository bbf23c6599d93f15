"""The pool of threads that talks to routers."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_routers import FakeLinux
from support.processes import wait_until

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import Direction, Faces, VerdictReason
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.cli_profile import CliCollector
from netmon.routers.cli_reading import CliReading
from netmon.routers.cli_session import Collect
from netmon.routers.dialects import Dialect, DialectError, Way, load_dialect
from netmon.routers.enforcement import Inspection, Reading, Result
from netmon.routers.enforcer import (
    MOST_WAITING,
    Apply,
    Done,
    Enforcer,
    EnforcerBusyError,
    Inspect,
    Job,
    ListOurs,
    Read,
    Renew,
    Resolve,
    SurveyRouter,
    Wipe,
)
from netmon.routers.port import Target
from netmon.routers.readbacks import Ours
from netmon.routers.session import Failure, HostKeyMismatchError, Login, Session, UnreachableError
from netmon.routers.upkeep import Belongings, Renewal, Surveyed, Wiped

POLICIES = Path(__file__).parents[2] / "policies" / "enforcement"
TARGET = Target("dinkes-main", "ag1", Faces.AGENCY)
LOGIN = Login("r1", "192.0.2.1", 22, "linux", "netmon", Path("known_hosts"), password="s3cret")
CHANGE = Change(
    "r1", "dinkes-main", "dinkes", Direction.DOWNLOAD, Action.SET, None, 8_000_000, VerdictReason.OVER_QUOTA, None
)
COLLECTOR = CliCollector.model_validate(
    {
        "command": "tc -s -j qdisc show",
        "parse": {"json": "."},
        "readings": [{"kind": "queue", "facts": {"name": {"field": "handle", "decoder": "text"}}}],
    }
)
INTENT = Intent("i1", CHANGE, 0, 60_000_000_000)


def enforcer(
    open_session: Callable[[Login, Dialect], Session],
    progress: Callable[[str, Step], None] = lambda *_: None,
    threads: int = 4,
    collect: Callable[[Collect], CliReading] = lambda _: CliReading(),
) -> Enforcer:
    return Enforcer(
        threads,
        open_session,
        lambda platform: load_dialect(platform, [POLICIES]),
        progress,
        lambda: 0,
        lambda: 0,
        collect,
    )


def yielded(future: Future[Done]) -> Done:
    return future.result(10)


@pytest.mark.parametrize(
    "job",
    [
        Apply(INTENT, TARGET, LOGIN),
        Inspect(INTENT, TARGET, LOGIN),
        Resolve(INTENT, TARGET, LOGIN, ResolveAction.DISARM),
        Read(TARGET, Direction.UPLOAD, LOGIN),
        Renew(TARGET, Direction.UPLOAD, 8_000_000, None, 3600, "t1", LOGIN),
        ListOurs(LOGIN),
        Wipe(Ours("NM-C6D9C9A7-DINKES-MAIN", "ag1", Way.EGRESS, 8_000_000), LOGIN),
        SurveyRouter((TARGET,), LOGIN),
        Collect(LOGIN, (COLLECTOR,)),
    ],
)
def test_jobs_cross_a_process_boundary_and_never_show_the_password(job: Job) -> None:
    assert pickle.loads(pickle.dumps(job)) == job
    assert "s3cret" not in repr(job)


def test_every_job_yields_its_own_kind_of_answer_and_closes_its_session() -> None:
    box, steps = FakeLinux(), list[Step]()
    pool = enforcer(lambda *_: box, lambda _, step: steps.append(step))
    applied = yielded(pool.submit(Apply(INTENT, TARGET, LOGIN)))
    assert isinstance(applied, Result)
    assert applied.outcome is Outcome.CONFIRMED
    assert steps[0] is Step.CONNECT
    assert yielded(pool.submit(Read(TARGET, Direction.DOWNLOAD, LOGIN))) == Reading(8_000_000, True, None)
    seen = yielded(pool.submit(Inspect(INTENT, TARGET, LOGIN)))
    assert isinstance(seen, Inspection)
    assert (seen.read_bps, seen.armed) == (8_000_000, Armed.UNARMED)
    settled = yielded(pool.submit(Resolve(INTENT, TARGET, LOGIN, ResolveAction.RECORD_NEW)))
    assert isinstance(settled, Inspection)
    assert replace(settled, transcript=seen.transcript) == seen
    assert all("> tc qdisc show dev ag1\n" in one.transcript for one in (applied, seen, settled))
    pool.close()
    assert box.closed


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnreachableError("r1: no SSH connection"), Failure.UNREACHABLE),
        (HostKeyMismatchError("r1 shows another key"), Failure.HOST_KEY_MISMATCH),
    ],
)
def test_a_router_that_cannot_be_logged_in_to_is_a_value_with_a_reason(error: Exception, reason: Failure) -> None:
    def refuse(login: Login, dialect: Dialect) -> Session:
        raise error

    pool = enforcer(refuse)
    result = yielded(pool.submit(Apply(INTENT, TARGET, LOGIN)))
    assert isinstance(result, Result)
    assert (result.outcome, result.reason, result.known) == (Outcome.FAILED, reason, False)
    assert yielded(pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN))) == Reading(None, False, None, reason, str(error))
    seen = yielded(pool.submit(Inspect(INTENT, TARGET, LOGIN)))
    assert seen == Inspection(False, None, Armed.UNKNOWN, str(error))
    assert yielded(pool.submit(Renew(TARGET, Direction.UPLOAD, 8, None, 60, "t1", LOGIN))) == Renewal(
        False, str(error), reason
    )
    assert yielded(pool.submit(ListOurs(LOGIN))) == Belongings(failure=reason, detail=str(error))
    thing = Ours("NM-C6D9C9A7-DINKES-MAIN", "ag1", Way.EGRESS, 8)
    assert yielded(pool.submit(Wipe(thing, LOGIN))) == Wiped(False, str(error), reason)
    assert yielded(pool.submit(SurveyRouter((TARGET,), LOGIN))) == Surveyed(failure=reason, detail=str(error))
    unknown = yielded(pool.submit(Apply(INTENT, TARGET, replace(LOGIN, platform="acme"))))
    assert isinstance(unknown, Result)
    assert unknown.reason is Failure.DIALECT
    pool.close()


def test_a_link_that_drops_while_inspecting_is_a_value_too() -> None:
    pool = enforcer(lambda *_: FakeLinux(lose_at=1))
    seen = yielded(pool.submit(Inspect(INTENT, TARGET, LOGIN)))
    assert isinstance(seen, Inspection)
    assert (seen.readable, seen.armed) == (False, Armed.UNKNOWN)
    reading = yielded(pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN)))
    assert isinstance(reading, Reading)
    assert reading.failure is Failure.SESSION_LOST
    pool.close()


def test_a_step_that_cannot_be_recorded_opens_no_session() -> None:
    def full(intent: str, step: Step) -> None:
        raise OSError("disk full")

    opened = []
    pool = enforcer(lambda *_: opened.append(1) or FakeLinux(), full)  # type: ignore[func-returns-value]
    with pytest.raises(OSError, match="disk full"):
        yielded(pool.submit(Apply(INTENT, TARGET, LOGIN)))
    assert opened == []
    pool.close()


class Gate:
    """Opens sessions one by one as the test lets them, and knows how many were open at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.release = threading.Event()
        self.now: dict[str, int] = {}
        self.order: list[str] = []

    def open(self, login: Login, dialect: Dialect) -> Session:
        with self.lock:
            self.now[login.router] = self.now.get(login.router, 0) + 1
            self.order.append(login.router)
        self.release.wait(10)
        with self.lock:
            self.now[login.router] -= 1
        return FakeLinux()


def test_a_router_has_one_session_at_a_time_and_a_slow_one_delays_nobody() -> None:
    gate = Gate()
    pool = enforcer(gate.open, threads=2)
    first = [pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN)) for _ in range(5)]
    other = pool.submit(Read(TARGET, Direction.UPLOAD, replace(LOGIN, router="r2")))
    wait_until(lambda: gate.now == {"r1": 1, "r2": 1}, "both routers to be served")
    gate.release.set()
    assert all(yielded(future) == Reading(None, False, None) for future in [*first, other])
    assert gate.order.count("r1") == 5
    pool.close()


def test_too_many_jobs_for_one_router_are_refused() -> None:
    gate = Gate()
    pool = enforcer(gate.open)
    for _ in range(MOST_WAITING + 1):
        pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN))
    with pytest.raises(EnforcerBusyError, match="r1"):
        pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN))
    gate.release.set()
    pool.close()


def test_closing_ends_what_waits_as_cancelled_and_takes_nothing_new() -> None:
    gate = Gate()
    pool = enforcer(gate.open)
    running = pool.submit(Apply(INTENT, TARGET, LOGIN))
    waiting = [pool.submit(Apply(INTENT, TARGET, LOGIN)) for _ in range(3)]
    waiting[1].cancel()
    wait_until(lambda: gate.order, "the first job to begin")
    threading.Timer(0.1, gate.release.set).start()
    pool.close()
    for future in (running, waiting[0], waiting[2]):
        result = yielded(future)
        assert isinstance(result, Result)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.CANCELLED)
    assert waiting[1].cancelled()
    assert len(gate.order) == 1
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN))


def test_a_command_line_is_read_in_its_turn_without_a_session_of_the_enforcers_own() -> None:
    order: list[str] = []

    def collect(job: Collect) -> CliReading:
        order.append(job.login.router)
        if job.login.platform == "acme":
            raise DialectError("acme has no terminal")
        return CliReading()

    opened: list[int] = []
    pool = enforcer(lambda *_: opened.append(1) or FakeLinux(), collect=collect)  # type: ignore[func-returns-value]
    futures = [pool.submit(Read(TARGET, Direction.UPLOAD, LOGIN)), pool.submit(Collect(LOGIN, (COLLECTOR,)))]
    unknown = pool.submit(Collect(replace(LOGIN, router="r2", platform="acme"), (COLLECTOR,)))
    assert isinstance(yielded(futures[0]), Reading)
    assert yielded(futures[1]) == CliReading()
    lacking = yielded(unknown)
    assert isinstance(lacking, CliReading)
    assert (lacking.failure, str(lacking.missing[0])) == (Failure.DIALECT, "command line: acme has no terminal")
    assert sorted(order) == ["r1", "r2"]
    assert opened == [1]
    pool.close()
    cancelled = enforcer(lambda *_: FakeLinux())
    cancelled.close()
    with pytest.raises(RuntimeError, match="closed"):
        cancelled.submit(Collect(LOGIN, (COLLECTOR,)))
