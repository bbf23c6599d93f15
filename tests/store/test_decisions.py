"""Verdicts, alerts, the outbox and cursors."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from support.ledgers import START_NS, a_verdict, an_alert, opened

from netmon.core.model import AlertState, Direction, RateLimit, VerdictReason
from netmon.store.reader import LedgerReader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def count(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return number


def test_a_verdict_replaces_the_one_before_and_survives_a_restart(path: Path) -> None:
    with opened(path) as ledger:
        ledger.decide([a_verdict(used=1)], [], START_NS)
        ledger.decide([a_verdict(used=2)], [], START_NS + 1)
    with opened(path) as ledger:
        assert ledger.verdicts() == {("dinkes", Direction.DOWNLOAD): a_verdict(used=2)}


def test_a_verdict_is_logged_once_per_transition_and_not_for_its_growing_evidence(path: Path) -> None:
    near = a_verdict(VerdictReason.NEAR_QUOTA, step=1, limit_bps=None)
    over = a_verdict(VerdictReason.OVER_QUOTA, step=2, limit_bps=5_000_000)
    slower = a_verdict(VerdictReason.OVER_QUOTA, step=2, limit_bps=1_000_000)
    with opened(path) as ledger:
        for verdict in (near, near, over, a_verdict(used=77), slower, slower, near):
            ledger.decide([verdict], [], START_NS)
    assert count(path, "verdict_log") == 4


def test_an_alert_waits_in_the_outbox_until_it_was_sent(path: Path) -> None:
    with opened(path) as ledger:
        ledger.decide([], [an_alert("a1"), an_alert("b1", key="router/palu-core")], START_NS)
        ledger.decide([], [an_alert("a2", AlertState.RESOLVED)], START_NS)
        waiting = ledger.unsent(2)
        assert [entry.alert.id for entry in waiting] == ["a1", "b1"]
        ledger.mark_sent([entry.position for entry in waiting], START_NS + 5)
    with opened(path) as ledger:
        assert [entry.alert for entry in ledger.unsent(10)] == [an_alert("a2", AlertState.RESOLVED)]
        assert ledger.alerts()["quota/dinkes/download"].state is AlertState.RESOLVED


def test_an_alert_id_seen_before_is_neither_told_twice_nor_does_it_undo_a_later_state(path: Path) -> None:
    with opened(path) as ledger:
        ledger.decide([], [an_alert("a1")], START_NS)
        ledger.mark_sent([1], START_NS)
        ledger.decide([], [an_alert("a2", AlertState.RESOLVED)], START_NS)
        ledger.decide([], [an_alert("a1")], START_NS)
        assert [entry.alert.id for entry in ledger.unsent(10)] == ["a2"]
        assert ledger.alerts()["quota/dinkes/download"].id == "a2"


def test_a_cursor_starts_at_zero_and_may_be_rewound(path: Path) -> None:
    with opened(path) as ledger:
        assert ledger.cursor("influx") == 0
        ledger.set_cursor("influx", 12)
        ledger.set_cursor("mqtt", 3)
        ledger.set_cursor("influx", 4)
        assert (ledger.cursor("influx"), ledger.cursor("mqtt")) == (4, 3)


def test_readers_see_what_stands(path: Path) -> None:
    verdict = a_verdict()
    with opened(path) as ledger:
        reader = LedgerReader.open(path)
        ledger.decide([verdict], [an_alert("a1")], START_NS)
        assert reader.verdicts() == ledger.verdicts()
        assert reader.alerts() == ledger.alerts() == {"quota/dinkes/download": an_alert("a1")}
        assert verdict.limit == RateLimit(5_000_000)
        reader.close()
