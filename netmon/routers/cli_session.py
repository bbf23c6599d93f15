"""Reads a router's command line: the commands of its profile, over one session, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from netmon.core.model import NANOSECONDS
from netmon.routers.cli_profile import CliCollector
from netmon.routers.cli_reading import Answer, CliReading, RowParser, merged, plain, read_output, refused
from netmon.routers.session import CommandRejectedError, Failure, Login, Session, SessionError, SessionLostError
from netmon.routers.terminal import Terminal
from netmon.routers.views import Missing

BUDGET_NS: Final = 60 * NANOSECONDS
"""For all commands of one router together; the ones that are left then are not asked."""
_MOST_ECHOES: Final = 20
"""Lines at an answer's beginning in which the command's echo is looked for."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Read a router's command line; yields CliReading. Nothing on the router is altered."""

    login: Login
    collectors: tuple[CliCollector, ...]
    terminal: Terminal | None = None
    """The profile's; None: that of the platform's enforcement dialect."""
    zone: tzinfo | None = None
    """Of the router's clock, for times that name none."""


def read_cli(
    session: Session,
    collectors: Sequence[CliCollector],
    parser: RowParser,
    monotonic_ns: Callable[[], int],
    zone: tzinfo | None = None,
) -> CliReading:
    """Runs every collector's command and reads the answers; what could not be read is in `missing`.

    The session stays open, unless it was lost: then `failure` says so and what was read before is kept.
    """
    began = monotonic_ns()
    readings: list[CliReading] = []
    answers: list[Answer] = []
    failure: Failure | None = None
    for number, collector in enumerate(collectors):
        if monotonic_ns() - began > BUDGET_NS:
            readings += _unasked(collectors[number:], f"not asked: {BUDGET_NS // NANOSECONDS} s were used up before")
            break
        try:
            answer = session.run(collector.command)
        except CommandRejectedError as error:
            readings.append(CliReading(missing=(Missing(collector.command, refused(plain(str(error)))),)))
        except SessionLostError as error:
            failure = error.reason
            readings += _unasked(collectors[number:], f"not read: {plain(str(error))}")
            break
        else:
            readings.append(read_output(collector, without_echo(answer, collector.command), parser, zone))
            answers.append(Answer(collector.command, readings[-1].count))
    return replace(merged(readings), failure=failure, answers=tuple(answers))


def collect(
    job: Collect,
    terminal: Callable[[str], Terminal],
    open_terminal: Callable[[Login, Terminal], Session],
    parser: RowParser,
    monotonic_ns: Callable[[], int],
) -> CliReading:
    """Logs in, reads and logs out, once. What goes wrong with the session is a value: `failure` and `missing`.

    `terminal` finds the terminal of a platform whose profile has none; what it raises is not caught here.
    """
    used = job.terminal or terminal(job.login.platform)
    try:
        session = open_terminal(job.login, used)
    except SessionError as error:
        return not_read(error.reason, plain(str(error)))
    try:
        return read_cli(session, job.collectors, parser, monotonic_ns, job.zone)
    finally:
        session.close()


def without_echo(answer: str, command: str) -> str:
    """The answer without the lines in which a console echoes, wraps or repaints the command before it."""
    wanted, seen, cut = "".join(command.split()), "", 0
    lines = answer.split("\n")
    for number, line in enumerate(lines[:_MOST_ECHOES], 1):
        seen += "".join(line.split())
        if wanted in seen:
            seen, cut = "", number
    return "\n".join(lines[cut:])


def not_read(failure: Failure, why: str) -> CliReading:
    """The command line was not read at all."""
    return CliReading(missing=(Missing("command line", why),), failure=failure)


def _unasked(collectors: Sequence[CliCollector], why: str) -> list[CliReading]:
    return [CliReading(missing=(Missing(collector.command, why),)) for collector in collectors]
