"""Guarded changes on the real Linux router of tests/support/testbed.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netmon.core.changes import Intent, Step
from netmon.core.resolving import ResolveAction
from netmon.routers.dialects import load_dialect
from netmon.routers.enforcement import Inspection, Result, carry_out, finish_resolution, inspect
from netmon.routers.port import Target
from netmon.routers.session import Login, Session, SessionLostError
from netmon.routers.ssh import open_session
from support.testbed import LinuxRouter

LINUX = load_dialect("linux", [Path(__file__).parents[2] / "policies" / "enforcement"])


def login_of(bed: LinuxRouter) -> Login:
    return Login("r1", bed.ssh_address, bed.ssh_port, "linux", bed.ssh_user, bed.known_hosts, key_file=bed.key_file)


@contextmanager
def session(bed: LinuxRouter) -> Iterator[Session]:
    opened = open_session(login_of(bed), LINUX)
    try:
        yield opened
    finally:
        opened.close()


def change(bed: LinuxRouter, what: Intent, where: Target, steps: list[Step] | None = None) -> Result:
    with session(bed) as opened:
        return change_in(opened, what, where, steps)


def change_in(opened: Session, what: Intent, where: Target, steps: list[Step] | None = None) -> Result:
    recorded = steps if steps is not None else []
    return carry_out(what, where, opened, LINUX, lambda _, step: recorded.append(step), time.time_ns, time.monotonic_ns)


class Vanishing:
    """A session that is gone after a command that begins so, like a netmon killed there."""

    def __init__(self, inner: Session, command: str) -> None:
        self._inner, self._command = inner, command

    @property
    def username(self) -> str:
        return self._inner.username

    def run(self, command: str) -> str:
        said = self._inner.run(command)
        if command.startswith(self._command):
            self._inner.close()
            raise SessionLostError("r1: the link dropped")
        return said

    def close(self) -> None:
        self._inner.close()

    def transcript(self) -> str:
        return self._inner.transcript()


def vanish(bed: LinuxRouter, what: Intent, where: Target, command: str) -> Result:
    with session(bed) as opened:
        return carry_out(
            what, where, Vanishing(opened, command), LINUX, lambda *_: None, time.time_ns, time.monotonic_ns
        )


def seen_of(bed: LinuxRouter, what: Intent, where: Target, action: ResolveAction | None = None) -> Inspection:
    with session(bed) as opened:
        if action is None:
            return inspect(what, where, opened, LINUX)
        return finish_resolution(what, where, opened, LINUX, action)


def traces(bed: LinuxRouter) -> str:
    """All that shapes anything on the router, and what is left in /run/netmon."""
    left = sorted(path.name for path in (bed.directory / "run" / "netmon").glob("*"))
    return "\n".join([*bed.on_router("tc", "qdisc", "show").splitlines(), *left])
