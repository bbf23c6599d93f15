"""Verdicts, alerts, the outbox and cursors."""

from __future__ import annotations

from support.ledgers import START_NS, a_verdict, an_alert, asked, opened

from netmon.core.alerts import AlertState
from netmon.core.model import Direction, RateLimit, VerdictReason
from netmon.store.location import Location
from netmon.store.reader import LedgerReader


def count(place: Location, table: str) -> int:
    ((number,),) = asked(place, f"SELECT count(*) FROM {table}")
    return int(number)


def test_a_verdict_replaces_the_one_before_and_survives_a_restart(place: Location) -> None:
    with opened(place) as ledger:
        ledger.decide([a_verdict(used=1)], [], START_NS)
        ledger.decide([a_verdict(used=2)], [], START_NS + 1)
    with opened(place) as ledger:
        assert ledger.verdicts() == {("dinkes", Direction.DOWNLOAD): a_verdict(used=2)}


def test_a_verdict_is_logged_once_per_transition_and_not_for_its_growing_evidence(place: Location) -> None:
    near = a_verdict(VerdictReason.NEAR_QUOTA, step=1, limit_bps=None)
    over = a_verdict(VerdictReason.OVER_QUOTA, step=2, limit_bps=5_000_000)
    slower = a_verdict(VerdictReason.OVER_QUOTA, step=2, limit_bps=1_000_000)
    with opened(place) as ledger:
        for verdict in (near, near, over, a_verdict(used=77), slower, slower, near):
            ledger.decide([verdict], [], START_NS)
    assert count(place, "verdict_log") == 4


def test_an_alert_waits_in_the_outbox_until_it_was_sent(place: Location) -> None:
    with opened(place) as ledger:
        ledger.decide([], [an_alert("a1"), an_alert("b1", key="router/palu-core")], START_NS)
        ledger.decide([], [an_alert("a2", AlertState.RESOLVED)], START_NS)
        waiting = ledger.unsent(2)
        assert [entry.alert.id for entry in waiting] == ["a1", "b1"]
        ledger.mark_sent([entry.position for entry in waiting], START_NS + 5)
    with opened(place) as ledger:
        assert [entry.alert for entry in ledger.unsent(10)] == [an_alert("a2", AlertState.RESOLVED)]
        assert ledger.alerts()["quota/dinkes/download"].state is AlertState.RESOLVED


def test_an_alert_id_seen_before_is_neither_told_twice_nor_does_it_undo_a_later_state(place: Location) -> None:
    with opened(place) as ledger:
        ledger.decide([], [an_alert("a1")], START_NS)
        ledger.mark_sent([1], START_NS)
        ledger.decide([], [an_alert("a2", AlertState.RESOLVED)], START_NS)
        ledger.decide([], [an_alert("a1")], START_NS)
        assert [entry.alert.id for entry in ledger.unsent(10)] == ["a2"]
        assert ledger.alerts()["quota/dinkes/download"].id == "a2"


def test_a_cursor_starts_at_zero_and_may_be_rewound(place: Location) -> None:
    with opened(place) as ledger:
        assert ledger.cursor("influx") == 0
        ledger.set_cursor("influx", 12)
        ledger.set_cursor("mqtt", 3)
        ledger.set_cursor("influx", 4)
        assert (ledger.cursor("influx"), ledger.cursor("mqtt")) == (4, 3)


def test_readers_see_what_stands(place: Location) -> None:
    verdict = a_verdict()
    with opened(place) as ledger:
        reader = LedgerReader.open(place)
        ledger.decide([verdict], [an_alert("a1")], START_NS)
        assert reader.verdicts() == ledger.verdicts()
        assert reader.alerts() == ledger.alerts() == {"quota/dinkes/download": an_alert("a1")}
        assert verdict.limit == RateLimit(5_000_000)
        reader.close()
