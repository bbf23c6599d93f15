"""What the ledger remembers of ports."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import START_NS, Shared, an_alert, asked, opened

from netmon.core.port_state import PortReason, PortSpan, PortStatus
from netmon.store.errors import StoreError
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

UP, DOWN = PortStatus.UP, PortStatus.DOWN
PORT = ("palu", "sfp1")


def a_span(status: PortStatus, begin: int, end: int, interface: str = "sfp1", router: str = "palu") -> PortSpan:
    reason = PortReason.SHOWN_UP if status is UP else PortReason.SHOWN_DOWN_TWICE
    return PortSpan(router, interface, status, reason, START_NS + begin, START_NS + begin, START_NS + end)


def test_a_span_grows_and_the_last_one_recorded_is_what_is_gone_on_from(place: Location) -> None:
    up, down = a_span(UP, 0, 10), a_span(DOWN, 20, 30)
    with opened(place) as ledger:
        ledger.record_ports([up], (), START_NS)
        ledger.record_ports([replace(up, upto_ns=START_NS + 20), down], (), START_NS)
        ledger.record_ports([a_span(UP, 5, 6, "sfp2")], (), START_NS)
    with opened(place) as ledger:
        assert ledger.newest_port_spans() == {PORT: down, ("palu", "sfp2"): a_span(UP, 5, 6, "sfp2")}
        assert ledger.port_spans([PORT], 0, 2 * START_NS)[PORT] == [replace(up, upto_ns=START_NS + 20), down]


def test_a_span_recorded_after_a_clock_was_set_back_is_the_newest(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_ports([a_span(UP, 1000, 2000)], (), START_NS)
        ledger.record_ports([a_span(DOWN, 10, 20)], (), START_NS)
        assert ledger.newest_port_spans()[PORT].status is DOWN


def test_only_what_overlaps_the_time_asked_for_is_found_and_of_the_ports_asked_for(place: Location) -> None:
    with opened(place) as ledger:
        spans = [a_span(UP, 0, 10), a_span(DOWN, 10, 20), a_span(UP, 20, 30), a_span(UP, 0, 99, "sfp2")]
        ledger.record_ports([*spans, a_span(UP, 0, 99, router="gowa")], (), START_NS)
    reader = LedgerReader.open(place)
    try:
        found = reader.port_spans([PORT, ("poso", "sfp1")], START_NS + 10, START_NS + 20)
    finally:
        reader.close()
    assert found == {PORT: [spans[1]], ("poso", "sfp1"): []}


def test_alerts_go_into_the_outbox_with_what_they_rest_on_or_not_at_all(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StoreError("no room")

    with opened(place) as ledger:
        with monkeypatch.context() as broken:
            broken.setattr("netmon.store.ports.announce", fails)
            with pytest.raises(StoreError):
                ledger.record_ports([a_span(DOWN, 0, 1)], [an_alert("a1")], START_NS)
        assert ledger.newest_port_spans() == {}
        ledger.record_ports([a_span(DOWN, 0, 1)], [an_alert("a1")], START_NS)
        assert [entry.alert.id for entry in ledger.unsent(9)] == ["a1"]


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        PortSpan,
        router=st.just("palu"),
        interface=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1),
        status=st.sampled_from([UP, DOWN]),
        reason=st.sampled_from(PortReason),
        since_ns=st.integers(0, 2**63 - 1),
        from_ns=st.integers(0, 2**63 - 1),
        upto_ns=st.integers(0, 2**63 - 1),
    )
)
def test_what_was_recorded_is_read_back_exactly(shared: Shared, span: PortSpan) -> None:
    mine = replace(span, router=f"r{next(shared.numbers)}")
    shared.ledger.record_ports([mine], (), START_NS)
    assert shared.ledger.newest_port_spans()[mine.port] == mine


def test_the_table_is_made_as_it_will_stay(path: Location) -> None:
    with opened(path):
        pass
    ((made,),) = asked(path, "SELECT sql FROM sqlite_master WHERE name = 'port_span'")
    assert " ".join(made.split()) == (
        "CREATE TABLE port_span ( id INTEGER NOT NULL, router TEXT NOT NULL, interface TEXT NOT NULL,"
        " from_ns BIGINT NOT NULL, upto_ns BIGINT NOT NULL, since_ns BIGINT NOT NULL, status TEXT NOT NULL,"
        " reason TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (router, interface, from_ns) )"
    )
