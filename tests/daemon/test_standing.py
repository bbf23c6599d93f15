"""The control loop's memory is what the ledger says, after any restart."""

from __future__ import annotations

from pathlib import Path

from daemon.world import faulty_ledger
from support.ledgers import START_NS, a_verdict, an_alert

from netmon.core.model import AlertState, Direction
from netmon.core.planning import Observed
from netmon.daemon.standing import Standing
from netmon.store.ledger import Ledger


async def test_an_empty_ledger_gives_an_empty_memory(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        standing = await Standing.restored(ledger)
    assert (standing.counting, standing.alerts, standing.limits, standing.previous) == ({}, {}, {}, {})
    assert standing.plan is None
    assert standing.trust
    assert standing.turns == 0


async def test_verdicts_alerts_and_limits_are_as_the_daemon_before_left_them(tmp_path: Path) -> None:
    verdict, alert = a_verdict(used=17), an_alert("a-1", AlertState.FIRING)
    async with faulty_ledger(tmp_path) as ledger:
        await ledger.write(Ledger.decide, [verdict], [alert], START_NS)
        await ledger.write(Ledger.note_limit, "dinkes-fo", Direction.DOWNLOAD, 5_000_000, True, START_NS)
        await ledger.write(Ledger.note_limit, "dinkes-fo", Direction.UPLOAD, None, True, START_NS)
        await ledger.write(Ledger.note_limit, "arsip-fo", Direction.UPLOAD, None, False, START_NS)
    async with faulty_ledger(tmp_path) as ledger:
        standing = await Standing.restored(ledger)
    assert standing.counting == {("dinkes", Direction.DOWNLOAD): verdict}
    assert standing.previous == {("dinkes", "monthly"): verdict}
    assert standing.alerts == {alert.key: alert}
    assert standing.limits == {
        ("dinkes-fo", Direction.DOWNLOAD): Observed(5_000_000, known=True),
        ("dinkes-fo", Direction.UPLOAD): Observed(None, known=True),
        ("arsip-fo", Direction.UPLOAD): Observed(None, known=False),
    }
