"""The kill switch against a real Linux router: daemon up and down, the ledger gone, a router that does not answer."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.ledgers import audited
from support.processes import PATIENCE_S, free_port, wait_until
from support.released import kinds_of, limited, scene
from support.testbed import missing

reason = missing()
pytestmark = [pytest.mark.system, pytest.mark.skipif(reason is not None, reason=reason or "")]


def test_with_the_daemon_up_everything_goes_and_stays_off_until_resumed(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon() as daemon:
            limited(at)
            data = at.release()
            assert [(one["router"], one["state"]) for one in data["routers"]] == [("edge", "cleared")]
            assert data["remaining"] == []
            assert not at.is_limited()
            assert "EVERYTHING IS RELEASED" in at.problems()
            at.turns()
            assert not at.is_limited()
            assert "EVERYTHING IS RELEASED" in at.run("plan").stdout
            assert "released everything" in at.run("why", "rsud", "--language", "en").stdout
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(PATIENCE_S)
        with at.daemon():
            at.turns()
            assert not at.is_limited(), "a daemon started later obeys as well"
            assert at.run("resume", "--reason", "mended").returncode == 0
            limited(at)
            assert "RELEASED" not in at.problems()
        assert audited(at.directory / "ledger.db").ok


def test_with_the_daemon_down_it_needs_no_daemon_and_the_next_one_obeys(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon():
            limited(at)
        assert at.is_limited()
        at.release()
        assert not at.is_limited()
        assert "EVERYTHING IS RELEASED" in at.problems()
        with at.daemon():
            at.turns()
            assert not at.is_limited()
        assert at.run("resume", "--reason", "mended").returncode == 0, "the daemon is down for this, too"
        assert not (at.directory / "netmon.hold").exists()
        with at.daemon():
            limited(at)
        assert audited(at.directory / "ledger.db").ok


def test_with_the_ledger_gone_inventory_and_credentials_are_enough(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon():
            limited(at)
        for path in at.directory.glob("ledger.db*"):
            path.unlink()
        at.release()
        assert not at.is_limited()
        assert not (at.directory / "ledger.db").exists(), "no empty ledger is made in its place"
        with at.daemon():
            at.turns()
            assert not at.is_limited()
            wait_until(lambda: "a fault" in at.problems(), "the hold in the new ledger")
            assert at.run("resume", "--reason", "mended").returncode == 0
        kinds = [kind for kind in kinds_of(at.directory / "ledger.db") if kind in ("release", "sweep", "resume")]
        assert kinds[0] == "release"
        assert kinds[-1] == "resume"
        assert "sweep" in kinds


def test_a_router_that_does_not_answer_is_named_and_the_others_are_freed(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon():
            limited(at)
        text = at.config.read_text()
        silent = f"""\
  silent:
    address: 127.0.0.1
    platform: linux
    ssh: default
    ssh_port: {free_port()}
"""
        at.config.write_text(text.replace("routers:\n", f"routers:\n{silent}"))
        data = at.release(expected=1)
        assert {one["router"]: one["state"] for one in data["routers"]} == {"edge": "cleared", "silent": "not_read"}
        assert data["remaining"] == ["silent"]
        assert not at.is_limited()
        assert "silent" in at.problems()


def test_an_undo_that_is_armed_brings_no_limit_back(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon() as daemon:
            limited(at)
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(PATIENCE_S)
        interface = at.bed.agencies[0].interface
        swept = f"while tc qdisc show dev {interface} | grep -q 4e4d; do sleep 0.1; done; sleep 1"
        again = f"tc qdisc replace dev {interface} root handle 4e4d: htb default 1 && touch {tmp_path}/fired"
        at.bed.on_router("sh", "-c", f"(setsid sh -c '{swept}; {again}' </dev/null >/dev/null 2>&1 &)")
        (at.directory / "ledger.db").rename(at.directory / "elsewhere.db")
        at.release()
        assert (tmp_path / "fired").exists()
        assert not at.is_limited()
