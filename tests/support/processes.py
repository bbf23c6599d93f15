"""Real processes for tests: started on free ports in temporary directories, ended by their own pid."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import IO, Final

PATIENCE_S: Final = 60.0
"""For what takes a moment on an idle machine: only a failing test ever waits so long."""


def _ports() -> Iterator[int]:
    """Every port below those the kernel gives to whoever names none; another order in each run of the tests.

    The workers of a run deal them out among themselves, so that none has a port of another's.
    """
    ports = list(range(10_000, 32_000))
    random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))).shuffle(ports)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return islice(cycle(ports), worker, None, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


_PORTS: Final = _ports()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port where nobody listens, nor will before it is used."""
    while True:
        port = next(_PORTS)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Polls `condition` until it is true; AssertionError naming `what` at the deadline."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still waiting for {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


async def eventually(
    condition: Callable[[], Awaitable[object] | object], what: str, seconds: float = PATIENCE_S
) -> None:
    """The same inside an event loop; `condition` may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if isinstance(result, Awaitable):
            result = await result
        if result:
            return
        assert time.monotonic() < deadline, f"after {seconds} s still waiting for {what}"
        await asyncio.sleep(0.02)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts TCP connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


@contextmanager
def running(
    command: Sequence[str | Path],
    ready: Callable[[], object],
    log: Path,
    env: Mapping[str, str] | None = None,
    seconds: float = PATIENCE_S,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process from its readiness to the end of the block; its output goes to `log`.

    It is terminated by its own pid, and killed if it has not ended 30 s later.
    """
    with log.open("ab") as output:
        process = _start(command, output, env, cwd)
    try:

        def up() -> object:
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}: {log.read_text()[-2000:]}"
            return ready()

        wait_until(up, f"{command[0]} to be ready", seconds)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _start(
    command: Sequence[str | Path], output: IO[bytes], env: Mapping[str, str] | None, cwd: Path | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
    )
