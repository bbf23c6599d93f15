"""The demo takes everything it started with it when it ends, however it is ended."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from support.processes import PATIENCE_S, wait_until
from support.stack import NETMON


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_daemon(pid: int) -> bool:
    return b"\0run\0" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGHUP])
def test_its_daemon_ends_with_it_also_when_its_terminal_is_closed(tmp_path: Path, ended_by: signal.Signals) -> None:
    command = [str(NETMON), "demo", "--directory", str(tmp_path / "d")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as demo:
        try:
            wait_until(lambda: any(map(is_daemon, children(demo.pid))), "the demo's daemon to start")
            daemon = next(filter(is_daemon, children(demo.pid)))
            demo.send_signal(ended_by)
            demo.wait(PATIENCE_S)
        finally:
            demo.kill()
    assert not Path(f"/proc/{daemon}").exists()
