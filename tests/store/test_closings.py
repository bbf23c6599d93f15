"""Closed periods in the ledger: revisions stay, each joins the chain; demands go on where they stood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.ledgers import START_NS, audited, opened

from netmon.core.closing import Closing, ClosingReason, Drawn, Figures, Port
from netmon.core.demand import Demand
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import Direction
from netmon.store.closings import DemandKey, digest
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

END_NS = START_NS + 86_400 * 10**9
PORT = Port("dinkes-main", "palu", "ether1", "out")
FIGURES = Figures(
    circuit=None,
    direction=Direction.DOWNLOAD,
    ports=(PORT,),
    proven_bytes=2**63,
    estimated_bytes=7,
    unknown_ns=60,
    elapsed_ns=END_NS - START_NS,
    p95_bps=8,
    p95_samples=288,
    peak_bps=9,
    peak_at_ns=START_NS,
    gaps=(Gap("palu", "ether1", "out", START_NS, START_NS + 60, GapReason.COUNTER_RESET),),
)
CLOSING = Closing(
    "dinkes", "2026-11-18", "UTC", START_NS, END_NS, 1, END_NS, "made", ClosingReason.CLOSED, "the day", (FIGURES,)
)
KEY = DemandKey("dinkes", START_NS, END_NS, None, Direction.UPLOAD)


@pytest.fixture
def ledger(place: Location) -> Iterator[Ledger]:
    with opened(place) as ledger:
        yield ledger


@pytest.fixture
def reader(place: Location, ledger: Ledger) -> Iterator[LedgerReader]:
    reader = LedgerReader.open(place)
    yield reader
    reader.close()


def with_proven(octets: int, **changed: object) -> Closing:
    return replace(CLOSING, figures=(replace(FIGURES, proven_bytes=octets),), **changed)  # type: ignore[arg-type]


def test_every_revision_stays_retrievable(ledger: Ledger, reader: LedgerReader) -> None:
    assert ledger.close_periods([Drawn(CLOSING, settled=True)]) == [CLOSING]
    (second,) = ledger.close_periods([Drawn(with_proven(5, at_ns=END_NS + 1), settled=True)])
    assert (second.revision, second.reason) == (2, ClosingReason.CORRECTED)
    assert reader.closed(START_NS, END_NS) == {"dinkes": second}
    assert reader.closed(START_NS, END_NS, "dinkes", 1) == {"dinkes": CLOSING}
    assert reader.closed(START_NS, END_NS, "dinkes", 3) == {} == reader.closed(START_NS, END_NS, "arsip")
    assert reader.closings() == [second, CLOSING]
    assert reader.is_closed("dinkes", START_NS, END_NS)
    assert not reader.is_closed("dinkes", START_NS, END_NS + 1)


def test_what_says_the_same_is_not_written(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.close_periods([Drawn(CLOSING, settled=True)])
    assert ledger.close_periods([Drawn(replace(CLOSING, at_ns=END_NS + 9), settled=True)]) == []
    assert reader.closings() == [CLOSING]


def test_each_revision_joins_the_receipt_chain(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.close_periods([Drawn(CLOSING, settled=True), Drawn(replace(CLOSING, agency="arsip"), settled=True)])
    assert [one.links for one in audited(ledger._backend.location).chains] == [2]
    with ledger._transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT subject, payload FROM link WHERE kind = 'closing' ORDER BY sequence"
        ).all()
    assert [subject for subject, _ in rows] == [f"{name}/{START_NS}-{END_NS}/1" for name in ("dinkes", "arsip")]
    deed = json.loads(rows[0].payload)
    assert (deed["by"], deed["note"], deed["reason"], deed["revision"]) == ("made", "the day", "closed", 1)
    assert len(deed["figures_sha256"]) == 64


def test_what_a_late_reading_may_alter_is_known_until_it_no_longer_may(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.close_periods([Drawn(CLOSING, settled=False), Drawn(replace(CLOSING, agency="arsip"), settled=False)])
    assert [one.agency for one in reader.unsettled()] == ["dinkes", "arsip"]
    ledger.close_periods([Drawn(with_proven(9), settled=False)])
    assert [(one.agency, one.revision) for one in reader.unsettled()] == [("arsip", 1), ("dinkes", 2)]
    ledger.close_periods([Drawn(with_proven(9), settled=True), Drawn(with_proven(1, agency="arsip"), settled=True)])
    assert reader.unsettled() == []


def test_a_demand_goes_on_with_its_cells_until_its_period_is_over(ledger: Ledger, reader: LedgerReader) -> None:
    ports = digest([PORT])
    circuit = replace(KEY, circuit="dinkes-main")
    demand = Demand(START_NS + 600, 2, (2**40, 300 * 10**6), START_NS + 300)
    ledger.note_demands({KEY: (ports, demand), circuit: (ports, demand)})
    assert reader.demands("dinkes", START_NS, END_NS) == {KEY: (ports, demand), circuit: (ports, demand)}
    (noted,) = reader.reckoned(START_NS, END_NS).values()
    assert (noted.samples, noted.p95_bps, noted.peak_bps, noted.upto_ns) == (
        2,
        demand.p95_bps,
        demand.peak_bps,
        START_NS + 600,
    )
    assert reader.reckoned(START_NS, END_NS, "dinkes", circuits=True).keys() == {KEY, circuit}
    assert reader.reckoned(START_NS, END_NS, "arsip") == {} == reader.reckoned(START_NS, END_NS + 1)

    ledger.note_demands({KEY: (ports, replace(demand, upto_ns=END_NS, samples=3))})
    assert reader.demands("dinkes", START_NS, END_NS).keys() == {circuit}
    assert reader.reckoned(START_NS, END_NS)[KEY].p95_bps == demand.peak_bps


def test_ports_are_the_same_whatever_their_order() -> None:
    other = Port("dinkes-radio", "palu", "ether2", "out")
    assert digest([PORT, other]) == digest([other, PORT])
    assert digest([PORT]) != digest([replace(PORT, way="in")])
