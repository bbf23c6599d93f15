"""What the ledger remembers of fibre links."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import START_NS, Shared, a_verdict, an_alert, asked, opened

from netmon.core.alerts import Severity
from netmon.core.fibre import End, FibreReason, FibreVerdict, Sign
from netmon.core.fibre_limits import Limits, Origin
from netmon.core.fibre_trend import DAY_NS, Fit, Trend
from netmon.core.model import Direction
from netmon.store import migrations
from netmon.store.errors import StoreError
from netmon.store.fibre import FibreChange, FibreState
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.sqlite import writing_engine

SCHEMA = (
    "CREATE TABLE fibre_end ( id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (id) )",
    "CREATE TABLE fibre_link ( ends TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (ends) )",
)
"""The tables as the migration makes them, for good."""

powers = st.floats(-60, 10)
# What decode_text makes of a device's words has no control characters.
names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
trends = st.builds(
    Trend,
    days=st.lists(st.tuples(st.integers(0, 30_000), powers), max_size=3).map(tuple),
    today=st.integers(-1, 30_000),
    samples=st.lists(powers, max_size=3).map(tuple),
    slot=st.integers(-1, 10**6),
    recent=st.lists(powers, max_size=3).map(tuple),
    baseline_dbm=st.none() | powers,
    fit=st.none() | st.builds(Fit, powers, powers, powers, st.integers(0, 90), st.integers(0, 30_000)),
)
ends = st.builds(
    End,
    router=names,
    interface=names,
    lane=st.none() | st.integers(0, 16),
    rx=trends,
    tx=trends,
    rx_limits=st.builds(Limits, *[st.none() | powers] * 4, st.sampled_from(Origin), st.text()),
    is_enabled=st.booleans(),
    is_up=st.booleans(),
    seen_ns=st.none() | st.integers(0, 2**63),
)
verdicts = st.builds(
    FibreVerdict,
    ends=st.lists(st.text(min_size=1), min_size=1, max_size=2, unique=True).map(lambda names: tuple(sorted(names))),
    reason=st.sampled_from(FibreReason),
    firing=st.booleans(),
    at=st.text(),
    signs=st.frozensets(st.tuples(st.text(), st.sampled_from(Sign)), max_size=3),
    severity=st.sampled_from(Severity),
    since_day=st.integers(0, 30_000),
    db_per_month=st.none() | powers,
    baseline_dbm=st.none() | powers,
    level_dbm=st.none() | powers,
    low_alarm_dbm=st.none() | powers,
    crosses_day=st.none() | st.integers(0, 30_000),
)


@pytest.fixture(scope="module")
def ledger(shared: Shared) -> Ledger:
    return shared.ledger


def a_link(*names: str) -> FibreVerdict:
    return FibreVerdict(names, FibreReason.STEADY, firing=False)


@settings(max_examples=60, deadline=None)
@given(end=ends, verdict=verdicts)
def test_what_was_recorded_is_read_back_exactly(ledger: Ledger, end: End, verdict: FibreVerdict) -> None:
    change = FibreChange([end], [verdict])
    ledger.record_fibre(change, (), START_NS)
    assert ledger.fibre() == FibreState((end,), (verdict,))
    ledger.record_fibre(FibreChange(gone_ends=[end.id], gone_links=[verdict.ends]), (), START_NS)
    assert ledger.fibre() == FibreState()


def test_an_end_and_a_verdict_replace_those_before_and_a_link_may_lose_an_end(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_fibre(FibreChange([End("a", "1"), End("b", "2")], [a_link("a/1", "b/2")]), (), START_NS)
        later = End("a", "1", seen_ns=START_NS)
        ledger.record_fibre(FibreChange([later], [a_link("a/1")], ["b/2"], [("a/1", "b/2")]), (), START_NS)
    with opened(place) as ledger:
        assert ledger.fibre() == FibreState((later,), (a_link("a/1"),))


def test_the_alerts_go_into_the_outbox_with_what_they_rest_on_or_not_at_all(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(place) as ledger:
        change = FibreChange([End("a", "1")], [a_link("a/1")])
        with monkeypatch.context() as broken:

            def fails(*_: object) -> None:
                raise sqlite3.OperationalError("disk I/O error")

            broken.setattr("netmon.store.fibre.announce", fails)
            with pytest.raises(StoreError):
                ledger.record_fibre(change, [an_alert("a1")], START_NS)
        assert ledger.fibre() == FibreState()
        ledger.record_fibre(change, [an_alert("a1")], START_NS)
        assert [entry.alert.id for entry in ledger.unsent(9)] == ["a1"]


def test_a_document_of_another_netmon_is_one_clear_sentence(place: Location) -> None:
    with opened(place):
        pass
    asked(place, "INSERT INTO fibre_end (id, document) VALUES ('a/1', :document)", document='{"router": "a"}')
    with opened(place) as ledger, pytest.raises(StoreError, match="a fibre link that this netmon cannot read"):
        ledger.fibre()


def test_a_year_of_an_end_stays_small(place: Location) -> None:
    end = End("a", "1")
    trend = Trend()
    for half_hour in range(365 * 48):
        trend = trend.add(-8.0 - half_hour % 7 / 10, half_hour * DAY_NS // 48)
    end = End("a", "1", rx=trend, tx=trend)
    with opened(place) as ledger:
        ledger.record_fibre(FibreChange([end]), (), START_NS)
        assert ledger.fibre().ends == (end,)
    ((size,),) = asked(place, "SELECT max(length(document)) FROM fibre_end")
    assert size < 6000


def test_a_ledger_from_before_fibre_was_watched_moves_forward_and_keeps_what_it_has(path: Path) -> None:
    step = next(one for one in migrations.MIGRATIONS if one.name == "fibre")
    engine = writing_engine(path, 10**9)
    for _ in range(step.number - 1):
        with engine.begin() as connection:
            migrations.migrate(connection, path, START_NS)
    with engine.begin() as connection:
        assert migrations.version(connection) == step.number - 1
    engine.dispose()
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO cursor (name, position) VALUES ('influx', 7)")
    raw.close()
    with opened(path) as ledger:
        assert ledger.cursor("influx") == 7
        assert ledger.fibre() == FibreState()
        ledger.record_fibre(FibreChange([End("a", "1")], [a_link("a/1")]), (), START_NS)
        ledger.decide([a_verdict()], [], START_NS)
        assert list(ledger.verdicts()) == [("dinkes", Direction.DOWNLOAD)]
    with sqlite3.connect(path) as raw:
        rows = raw.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name LIKE 'fibre%' AND sql IS NOT NULL ORDER BY name"
        )
        assert tuple(" ".join(sql.split()) for (sql,) in rows) == SCHEMA
    raw.close()
