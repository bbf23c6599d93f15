"""The control loop's memory is what the ledger says, after any restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from daemon.world import faulty_ledger
from support.ledgers import START_NS, a_verdict, an_alert

from netmon.core.alerting import transition
from netmon.core.alerts import Alert, AlertState
from netmon.core.directives import Directive, DirectiveKind, directive_conditions
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.planning import Observed
from netmon.core.supply import Rates
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
    assert standing.previous == {("dinkes", "monthly", Direction.DOWNLOAD): verdict}
    assert standing.alerts == {alert.key: alert}
    assert standing.limits == {
        ("dinkes-fo", Direction.DOWNLOAD): Observed(5_000_000, known=True),
        ("dinkes-fo", Direction.UPLOAD): Observed(None, known=True),
        ("arsip-fo", Direction.UPLOAD): Observed(None, known=False),
    }


def turned(standing: Standing, now_ns: int) -> list[Alert]:
    """The transitions of the directives' alerts now, taken up."""
    found = [
        transition(standing.alerts.get(one.key), one, now_ns)
        for one in directive_conditions(standing.directives, now_ns)
    ]
    alerts = [alert for alert in found if alert is not None]
    standing.alerts.update((alert.key, alert) for alert in alerts)
    return alerts


async def test_an_end_that_nobody_was_up_for_is_told_once_at_the_next_start(tmp_path: Path) -> None:
    boost = Directive("", DirectiveKind.BOOST, "dinkes", "why", "ani", START_NS, START_NS + NANOSECONDS, Rates(1, 1))
    async with faulty_ledger(tmp_path, lambda: START_NS) as ledger:
        await ledger.write(Ledger.give_directive, boost)
        await ledger.write(Ledger.give_directive, replace(boost, subject="arsip", until_ns=START_NS + 10**15))
        standing = await Standing.restored(ledger)
        assert [one.id for one in standing.directives] == ["D1", "D2"]
        await ledger.write(Ledger.decide, (), turned(standing, START_NS), START_NS)
    later_ns = START_NS + 5 * NANOSECONDS
    async with faulty_ledger(tmp_path, lambda: later_ns) as ledger:
        standing = await Standing.restored(ledger)
        assert [one.id for one in standing.directives] == ["D1", "D2"], "the end of the first is yet to be told"
        (ended,) = turned(standing, later_ns)
        assert (ended.key, ended.state) == ("directive/D1", AlertState.RESOLVED)
        await ledger.write(Ledger.decide, (), [ended], later_ns)
    async with faulty_ledger(tmp_path, lambda: later_ns) as ledger:
        standing = await Standing.restored(ledger)
        assert [one.id for one in standing.directives] == ["D2"]
        assert turned(standing, later_ns) == []


async def test_what_was_ended_is_let_go_once_that_was_told(tmp_path: Path) -> None:
    freeze = Directive("", DirectiveKind.FREEZE, "dinkes", "why", "ani", START_NS, None)
    async with faulty_ledger(tmp_path, lambda: START_NS + 1) as ledger:
        await ledger.write(Ledger.give_directive, freeze)
        standing = await Standing.restored(ledger)
        turned(standing, START_NS)
        await ledger.write(Ledger.end_directive, "D1", "budi", "done", START_NS + 1)
        await standing.renew_directives(ledger)
        assert [one.ended_by for one in standing.directives] == ["budi"]
        assert [one.state for one in turned(standing, START_NS + 1)] == [AlertState.RESOLVED]
        await standing.renew_directives(ledger)
        assert standing.directives == ()
