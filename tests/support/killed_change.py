"""A netmon of its own that begins one change and then stands still at a given step, to be killed there.

    python -m support.killed_change STEP

It says `ready` and takes a pickled netmon.routers.enforcer.Apply from its standard input. `STEP` is printed once it
is reached; `tidy` is after the undo was disarmed, before its traces are cleared. The enforcer, its thread and its SSH
session are the real ones.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netmon.core.changes import Step
from netmon.routers.cli_reading import CliReading
from netmon.routers.dialects import Dialect
from netmon.routers.enforcer import Apply, Enforcer
from netmon.routers.session import Login, Session
from netmon.routers.ssh import open_session
from support.guarded import LINUX

TIDY = "tidy"


class _Standing:
    """A session that stands still before the traces of a settled change are cleared."""

    def __init__(self, inner: Session) -> None:
        self._inner = inner

    @property
    def username(self) -> str:
        return self._inner.username

    def run(self, command: str) -> str:
        if command.startswith("rm -f /run/netmon"):
            _stand(TIDY)
        return self._inner.run(command)

    def transcript(self) -> str:
        return self._inner.transcript()

    def close(self) -> None:
        self._inner.close()


def _stand(step: str) -> None:
    if step == sys.argv[1]:
        print(step, flush=True)
        threading.Event().wait()


def main() -> None:
    print("ready", flush=True)
    job: Apply = pickle.load(sys.stdin.buffer)

    def opened(login: Login, dialect: Dialect) -> Session:
        return _Standing(open_session(login, dialect))

    def progress(_: str, step: Step) -> None:
        _stand(step)

    enforcer = Enforcer(1, opened, lambda _: LINUX, progress, time.time_ns, time.monotonic_ns, lambda _: CliReading())
    print(enforcer.submit(job).result())
    enforcer.close()


@contextmanager
def standing_at(step: str, make: Callable[[], Apply]) -> Iterator[Apply]:
    """While the block runs, another process stands at `step` of a job; then it is killed with SIGKILL, by its pid.

    `make` is called once that process is ready, as a job's deadline runs from then.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "support.killed_change", step],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == b"ready"
        job = make()
        pickle.dump(job, process.stdin)
        process.stdin.flush()
        said = process.stdout.readline().decode().strip()
        assert said == step, f"instead of standing at {step} it said {said!r}"
        yield job
    finally:
        process.kill()
        process.wait(30)
        process.stdin.close()
        process.stdout.close()


if __name__ == "__main__":
    main()
