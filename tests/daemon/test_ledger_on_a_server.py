"""The whole daemon with its ledger on PostgreSQL: the same figures, and a server that goes and comes under it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon.boxes import COMMUNITY, served
from daemon.test_service import Site
from support.postgres import PostgresServer, postgres_server
from support.processes import free_port, wait_until
from support.stack import sample

PASSWORD = "hunter2"
NETMON = Path(sys.executable).with_name("netmon")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """It writes to disk what it acknowledges, for it dies."""
    with postgres_server({}) as one:
        one.run(f"ALTER ROLE netmon PASSWORD '{PASSWORD}'")
        rules = one.data / "pg_hba.conf"
        rules.write_text("local all netmon scram-sha-256\n" + rules.read_text())
        one.run("SELECT pg_reload_conf()")
        yield one


@pytest.fixture
def site(tmp_path: Path, server: PostgresServer) -> Iterator[Site]:
    with served(("palu",)) as boxes:
        one = Site(tmp_path, free_port(), boxes)
        one.write("palu", interval="200ms", deadline="150ms")
        (tmp_path / "password").write_text(PASSWORD)
        ledger = {"url": server.url(), "password": {"file": "password"}, "commit_interval": "50ms"}
        one.config.write_text(json.dumps(json.loads(one.config.read_text()) | {"ledger": ledger}))
        yield one


def asked(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NETMON, *words, "-c", site.config],
        env={**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY},
        cwd=site.directory,
        capture_output=True,
        text=True,
        check=False,
    )


def netmon(site: Site, *words: str) -> str:
    done = asked(site, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def used(site: Site) -> dict[str, int]:
    """What `netmon usage` reads from the ledger itself."""
    text = netmon(site, "usage", "dinkes", "--from", "2020-01-01", "--to", "2100-01-01", "--output", "json")
    return {row["direction"]: row["proven_bytes"] for row in json.loads(text)["data"]}


def test_a_daemon_whose_server_dies_polls_on_says_so_and_recovers_by_itself(site: Site, server: PostgresServer) -> None:
    box = site.boxes["palu"]
    netmon(site, "check")
    with site.daemon() as process:
        wait_until(lambda: site.total("palu", "download") == 0, "the first visit")
        box.count("ether1", into=10, out=20)
        wait_until(lambda: site.total("palu", "download") == 20, "the bytes")
        assert used(site) == {"download": 20, "upload": 10}

        server.stop(signal.SIGQUIT)
        wait_until(lambda: not site.ready(), "it to say that it cannot commit")
        assert "the ledger cannot commit" in site.unready()
        assert "cannot be reached; start the server" in site.unready()
        wait_until(lambda: sample(site.url, "netmon_ledger_committing") == 0, "the metric")
        polls = sample(site.url, "netmon_polls_total", result="ok") or 0
        box.count("ether1", into=100, out=200)
        wait_until(lambda: (sample(site.url, "netmon_polls_total", result="ok") or 0) >= polls + 5, "more polls")
        assert site.total("palu", "download") == 20, "nothing is told that is not committed"

        server.start()
        wait_until(site.ready, "it to recover")
        wait_until(lambda: site.total("palu", "download") == 220, "every byte")
        wait_until(lambda: sample(site.url, "netmon_ledger_committing") == 1, "the metric")
        assert site.said("the ledger commits again")
        assert used(site) == {"download": 220, "upload": 110}
        assert PASSWORD not in json.dumps(site.status())
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    log = site.log.read_text()
    assert log.count("the ledger cannot commit;") == 1
    assert PASSWORD not in log
    text = netmon(site, "ledger", "check") + netmon(site, "audit", "verify")
    refused = asked(site, "ledger", "backup", "copy.db")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "whose own tools copy it; run `pg_dump" in refused.stderr
    text += refused.stderr
    assert "is sound" in text
    assert PASSWORD not in text
