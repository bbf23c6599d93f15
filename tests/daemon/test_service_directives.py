"""Directives and requests by the command line and a real daemon, across its restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.governed import write_site
from support.ledgers import audited
from support.processes import PATIENCE_S, free_port, running, wait_until
from support.schemas import conforms
from support.stack import fetch

from netmon.cli.app import run
from netmon.daemon.control import ControlRefusedError, person, request
from netmon.store.reader import LedgerReader

DAEMON = Path(__file__).with_name("netmond.py")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_site(tmp_path)
    extra = (
        f"http: {{host: 127.0.0.1, port: {free_port()}}}\n"
        "pools: {inet: {class: internet, download: 1 Gbps, upload: 500 Mbps}}\n"
    )
    path.write_text(path.read_text() + extra)
    return path


@contextmanager
def daemon(config: Path) -> Iterator[int]:
    """From the moment its socket answers to its end; yields its pid."""
    port = config.read_text().rpartition("port: ")[2].partition("}")[0]
    with running(
        [sys.executable, DAEMON, config],
        lambda: fetch(f"http://127.0.0.1:{port}/healthz")[0] == 200 and (config.parent / "control.sock").exists(),
        config.parent / "log",
    ) as process:
        yield process.pid


@dataclass(frozen=True)
class Done:
    """How a command of this process ended."""

    returncode: int
    stdout: str
    stderr: str


def netmon(config: Path, *arguments: str) -> Done:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = run([*arguments, "-c", str(config)])
    return Done(code, out.getvalue(), err.getvalue())


def in_force(config: Path) -> list[str]:
    reader = LedgerReader.open(config.parent / "ledger.db")
    try:
        return [one.id for one in reader.directives(time.time_ns())]
    finally:
        reader.close()


def document(config: Path, name: str, *options: str) -> Any:
    done = netmon(config, name, *options, "--output", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    conforms(name, found)
    return found["data"]


def test_a_boost_ends_by_itself_although_the_daemon_was_down_at_the_time(config: Path) -> None:
    with daemon(config):
        frozen = netmon(config, "freeze", "arsip", "--reason", "an audit")
        assert frozen.stdout == "D1: no limit of arsip is altered until it is ended.\n"
        given = netmon(config, "boost", "dinkes", "200 Mbps", "--for", "8s", "--reason", "vaccination")
        assert (given.returncode, given.stderr) == (0, "")
    wait_until(lambda: in_force(config) == ["D1"], "the end of the boost")
    with daemon(config):
        (row,) = document(config, "directives")
        assert (row["id"], row["by"], row["in_force"]) == ("D1", person(os.getuid()), True)
        boost, _ = document(config, "directives", "--all")
        assert (boost["id"], boost["in_force"], boost["ended_at"]) == ("D2", False, None)
        assert netmon(config, "end", "D2", "--reason", "too late").returncode == 1
        assert netmon(config, "end", "D1", "--reason", "the audit is over").returncode == 0
    assert in_force(config) == []
    assert audited(config.parent / "ledger.db")


def test_what_was_given_while_the_daemon_was_down_is_in_force_when_it_is_back(config: Path) -> None:
    assert netmon(config, "pool", "degrade", "inet", "300 Mbps", "--reason", "halved").returncode == 0
    with daemon(config):
        (row,) = document(config, "directives")
        assert (row["kind"], row["subject"]) == ("degradation", "inet")
        restored = netmon(config, "pool", "restore", "inet", "--reason", "whole again")
        assert restored.stdout == "D1 is ended. No longer holds: of inet there is only 300 Mb/s each way.\n"


def test_the_daemon_refuses_in_its_own_words_what_its_client_did_not_check(config: Path) -> None:
    with daemon(config):
        socket = config.parent / "control.sock"
        args = {"agency": "dinkes", "download": "1 Mbps", "upload": "1 Mbps", "for": "1h", "reason": "a\0b"}
        with pytest.raises(ControlRefusedError, match=r"^the reason holds U\+0000, which does not show; write it in"):
            request(socket, "boost", args)
        with pytest.raises(ControlRefusedError, match=r"^there is no agency \['dinkes'\]; did you mean dinkes"):
            request(socket, "boost", {**args, "agency": ["dinkes"]})
        for order in ("exempt", "freeze", "degrade", "restore", "end", "request", "approve", "refuse"):
            with pytest.raises(ControlRefusedError):
                request(socket, order, {"reason": 7, "id": {}, "for": [], "name": 1.5, "on_behalf": True})
        assert document(config, "directives", "--all") == document(config, "requests", "--all") == []


AS_SOMEBODY_ELSE = """
import os, sys
from netmon.cli.app import run
run(["requests", "-c", sys.argv[2]])
import netmon.daemon.desk
os.seteuid(int(sys.argv[1]))
sys.exit(run([*sys.argv[3:], "-c", sys.argv[2]]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be somebody else")
def test_two_persons_approve_by_the_names_that_the_system_knows() -> None:
    with TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        config = write_site(Path(directory))
        more = f"approvals: 2, socket: control.sock}}\nhttp: {{host: 127.0.0.1, port: {free_port()}}}\n"
        config.write_text(config.read_text().replace("socket: control.sock, ", "").replace("5m}\n", f"5m, {more}"))

        def by(uid: int, *arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", AS_SOMEBODY_ELSE, str(uid), str(config), *arguments]
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

        with daemon(config):
            (config.parent / "control.sock").chmod(0o666)
            asked = by(1, "request", "dinkes", "100 Mbps", "--for", "1h", "--reason", "an audit visit")
            assert asked.returncode == 0, asked.stderr
            assert by(1, "approve", "R1", "--by", "root").stderr == (
                f"netmon: R1 was asked for by {person(1)}; another person must approve it\n"
            )
            assert by(2, "approve", "R1").stdout.endswith("You approved R1; another person must approve it, too.\n")
            assert by(2, "approve", "R1").stderr == (
                f"netmon: {person(2)} approved R1 already; another person must approve it, too\n"
            )
            assert "D1: dinkes may have at least 100 Mb/s each way until" in by(3, "approve", "R1").stdout
            (row,) = document(config, "requests", "--all")
            assert [one["by"] for one in (row, *row["approvals"])] == [person(1), person(2), person(3)]
