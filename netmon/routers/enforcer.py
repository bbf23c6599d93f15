"""Runs jobs on routers: a bounded pool of threads, one session per router at a time.

Jobs and what they yield are frozen values that cross process boundaries. What goes wrong on a router
comes back as a value too; only a fault of netmon itself (a step that cannot be recorded) raises.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from netmon.core.changes import Intent, Outcome, Proof, Step
from netmon.core.model import Direction, Placement
from netmon.core.resolving import Armed, ResolveAction
from netmon.routers.adopting import Course, Move, Moved
from netmon.routers.cli_reading import CliReading
from netmon.routers.cli_session import Collect, not_read
from netmon.routers.dialects import Dialect, DialectError
from netmon.routers.enforcement import (
    Clock,
    Inspection,
    Progress,
    Reading,
    Result,
    carry_out,
    finish_resolution,
    inspect,
    read_limit,
)
from netmon.routers.port import RefusedError, Target
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.readbacks import Foreign, Ours, Owner
from netmon.routers.session import Failure, Login, Session, SessionError
from netmon.routers.upkeep import (
    Belongings,
    Renewal,
    Surveyed,
    Taken,
    Wiped,
    list_ours,
    renew,
    survey_router,
    take_over,
    wipe,
)

MOST_WAITING = 256
"""Jobs waiting for one router; more are refused."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Carry out the intent's change; yields Result."""

    intent: Intent
    target: Target
    login: Login


@dataclass(frozen=True, slots=True)
class Inspect:
    """See what an open intent left behind; yields Inspection."""

    intent: Intent
    target: Target
    login: Login


@dataclass(frozen=True, slots=True)
class Resolve:
    """Do on the router what was resolved about an intent; yields Inspection."""

    intent: Intent
    target: Target
    login: Login
    action: ResolveAction


@dataclass(frozen=True, slots=True)
class Read:
    """Read one direction's limit; yields Reading."""

    target: Target
    direction: Direction
    login: Login


@dataclass(frozen=True, slots=True)
class Renew:
    """Put off the end of a limit that is as expected, and nothing else; yields Renewal."""

    target: Target
    direction: Direction
    bps: int
    placement: Placement | None
    """On a shared port."""
    expires_s: int
    token: str
    """Names this end among those of the same limit."""
    login: Login


@dataclass(frozen=True, slots=True)
class ListOurs:
    """List everything of netmon's on the router; yields Belongings."""

    login: Login


@dataclass(frozen=True, slots=True)
class Wipe:
    """Take one thing of netmon's off; yields Wiped."""

    thing: Ours
    login: Login


@dataclass(frozen=True, slots=True)
class SurveyRouter:
    """Look at a router and some of its ports without altering anything; yields Surveyed."""

    targets: tuple[Target, ...]
    login: Login


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Mark the router as ours, whoever's it was; yields Taken."""

    owner: Owner
    login: Login


@dataclass(frozen=True, slots=True)
class MoveAside:
    """Set somebody else's shapers at a port aside, or put them back; yields Moved."""

    course: Course
    arm: str
    """Names the undo."""
    earlier: str | None
    """Names that of the attempt before, whose end is not known."""
    things: tuple[Foreign, ...]
    revert_s: int
    target: Target
    login: Login


_Talk = Apply | Inspect | Resolve | Read | Renew | ListOurs | Wipe | SurveyRouter | TakeOver | MoveAside
Job = _Talk | Collect
Done = Result | Inspection | Reading | Renewal | Belongings | Wiped | Surveyed | Taken | Moved | CliReading

_ROUTER_TROUBLE = (SessionError, RefusedError, DialectError, UnsafeValueError)


class EnforcerBusyError(RuntimeError):
    """More jobs wait for a router than are worth keeping; submit again later."""


class Enforcer:
    """Owns the threads that talk to routers."""

    def __init__(
        self,
        threads: int,
        open_session: Callable[[Login, Dialect], Session],
        dialect: Callable[[str], Dialect],
        progress: Progress,
        now_ns: Clock,
        monotonic_ns: Clock,
        collect: Callable[[Collect], CliReading],
    ) -> None:
        """`dialect` finds a platform's dialect and raises DialectError; `progress` and `collect` are called in the
        threads; `collect` opens and closes a session of its own and raises DialectError."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="router")
        self._open_session = open_session
        self._dialect = dialect
        self._progress = progress
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._collect = collect
        self._lock = threading.RLock()  # a job may be done before its callback is added
        self._waiting: dict[str, deque[tuple[Job, Future[Done]]]] = {}
        self._cancelled = threading.Event()

    def submit(self, job: Job) -> Future[Done]:
        """The job's outcome to come; jobs for one router run in order.

        Raises EnforcerBusyError, and RuntimeError when closed.
        """
        future: Future[Done] = Future()
        router = job.login.router
        with self._lock:
            if self._cancelled.is_set():
                raise RuntimeError("the enforcer is closed")
            queue = self._waiting.setdefault(router, deque())
            if len(queue) > MOST_WAITING:
                raise EnforcerBusyError(f"{MOST_WAITING} jobs wait for {router}")
            queue.append((job, future))
            if len(queue) == 1:
                self._start(router)
        return future

    def close(self) -> None:
        """Answers what still waits, ends every change not yet applied at its next step, and waits for the others."""
        with self._lock:
            self._cancelled.set()
            waiting = [entry for queue in self._waiting.values() for entry in list(queue)[1:]]
            self._waiting = {router: deque([queue[0]]) for router, queue in self._waiting.items()}
        for job, future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(_refused(job, Failure.CANCELLED, "cancelled before the session was opened"))
        self._pool.shutdown(wait=True)

    def _start(self, router: str) -> None:
        """Gives a thread to the router's next job: one at a time, so no router starves the others."""
        queue = self._waiting[router]
        while queue and not queue[0][1].set_running_or_notify_cancel():
            queue.popleft()
        if not queue:
            del self._waiting[router]
            return
        job, future = queue[0]
        self._pool.submit(self._do, job).add_done_callback(lambda done: self._ended(router, future, done))

    def _ended(self, router: str, future: Future[Done], done: Future[Done]) -> None:
        if error := done.exception():
            future.set_exception(error)
        else:
            future.set_result(done.result())
        with self._lock:
            self._waiting[router].popleft()
            self._start(router)

    def _do(self, job: Job) -> Done:
        if self._cancelled.is_set():
            return _refused(job, Failure.CANCELLED, "cancelled before the session was opened")
        if isinstance(job, Collect):
            try:
                return self._collect(job)
            except DialectError as error:
                return not_read(Failure.DIALECT, str(error))
        began = self._monotonic_ns()
        if isinstance(job, Apply):
            self._progress(job.intent.id, Step.CONNECT)
        try:
            dialect = self._dialect(job.login.platform)
            session = self._open_session(job.login, dialect)
        except (SessionError, DialectError) as error:
            return _refused(job, _reason(error), str(error), self._monotonic_ns() - began)
        try:
            done = self._talk(job, session, dialect)
        except _ROUTER_TROUBLE as error:
            done = _refused(job, _reason(error), str(error), self._monotonic_ns() - began)
        finally:
            session.close()
        return replace(done, transcript=session.transcript()) if isinstance(done, Result | Inspection) else done

    def _talk(self, job: _Talk, session: Session, dialect: Dialect) -> Done:  # noqa: PLR0911 - a table
        match job:
            case Apply(intent, target, _):
                return carry_out(
                    intent,
                    target,
                    session,
                    dialect,
                    self._progress,
                    self._now_ns,
                    self._monotonic_ns,
                    self._cancelled.is_set,
                )
            case Inspect(intent, target, _):
                return inspect(intent, target, session, dialect)
            case Resolve(intent, target, _, action):
                return finish_resolution(intent, target, session, dialect, action)
            case Read(target, direction, _):
                return read_limit(target, session, dialect, direction)
            case Renew(target, direction, bps, placement, expires_s, token, _):
                return renew(target, direction, bps, placement, expires_s, token, session, dialect)
            case ListOurs():
                return list_ours(session, dialect)
            case Wipe(thing, _):
                return wipe(thing, session, dialect)
            case SurveyRouter(targets, _):
                return survey_router(targets, session, dialect)
            case TakeOver(owner, _):
                return take_over(owner, session, dialect)
            case MoveAside(course, arm, earlier, things, revert_s, target, _):
                return Move(course, arm, earlier, things, revert_s, target, session, dialect, self._monotonic_ns).run()


def _reason(error: Exception) -> Failure:
    return error.reason if isinstance(error, SessionError | RefusedError) else Failure.DIALECT


def _refused(  # noqa: PLR0911 - a table
    job: Job, reason: Failure, detail: str, duration_ns: int = 0
) -> Done:
    """The job's own kind of answer for: it was not done, and nothing was altered."""
    match job:
        case Apply():
            return Result(Outcome.FAILED, Proof.NOT_TESTABLE, detail, reason, None, False, duration_ns)
        case Inspect() | Resolve():
            return Inspection(False, None, Armed.UNKNOWN, detail)
        case Read():
            return Reading(None, False, None, reason, detail)
        case Renew():
            return Renewal(False, detail, reason)
        case ListOurs():
            return Belongings(failure=reason, detail=detail)
        case Wipe():
            return Wiped(False, detail, reason)
        case SurveyRouter():
            return Surveyed(failure=reason, detail=detail)
        case TakeOver():
            return Taken(False, detail, None, reason)
        case MoveAside():
            return Moved(Outcome.FAILED, detail, reason)
        case Collect():
            return not_read(reason, detail)
