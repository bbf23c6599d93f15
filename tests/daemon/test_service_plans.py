"""A plan that waits for approval, approved through a real daemon's socket."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from daemon.test_service_directives import daemon, netmon
from support.governed import write_site
from support.ledgers import a_visit, audited, opened
from support.processes import free_port, wait_until

from netmon.daemon.control import person


def test_an_approval_given_to_the_daemon_counts_is_begun_and_outlives_it(tmp_path: Path) -> None:
    path = write_site(tmp_path)
    quotas = tmp_path / "policies" / "quotas" / "hourly.yaml"
    quotas.write_text(quotas.read_text().replace("1h", "day"))
    text = path.read_text().replace("stale_after: 5m}", "stale_after: 5m, plan_approval: {required: always}}")
    path.write_text(f"{text}http: {{host: 127.0.0.1, port: {free_port()}}}\n")
    now_ns = time.time_ns()
    with opened(tmp_path / "ledger.db") as ledger:
        for number in range(2):
            totals = ((0, number * 2 * 10**9), (0, 0), (0, 0))
            ledger.commit([a_visit("palu-core", number + 1, totals, now_ns - (2 - number) * 10**6)])

    def planned() -> tuple[str | None, list[str], str]:
        data = json.loads(netmon(path, "plan", "--output", "json").stdout)["data"]
        change = next(one for one in data["changes"] if one["circuit"] == "dinkes-main")
        return change["withheld"], [one["by"] for one in data["approval"]["approvals"]], data["approval"]["hash"]

    with daemon(path):
        withheld, by, digest = planned()
        assert (withheld, by) == ("unapproved", [])
        wrong = netmon(path, "plan", "approve", "0" * 64, "--reason", "the council agreed")
        assert (wrong.returncode, wrong.stderr.count("waits for approval now")) == (1, 1)
        done = netmon(path, "plan", "approve", digest, "--reason", "the council agreed")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{digest[:12]} is approved until ")
        wait_until(lambda: planned()[:2] == (None, [person(os.getuid())]), "the approved change is to be done")
    assert planned()[:2] == (None, [person(os.getuid())])
    assert audited(tmp_path / "ledger.db").ok
