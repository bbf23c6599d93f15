"""Figures are the same by every door: quick look-ups, all readings at once, and the control loop's columns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.consumed import estimated, proven
from support.ledger_oracle import percentile_95, whole
from support.ledgers import MINUTE_NS, START_NS, a_visit, opened

from netmon.core.demand import Demand
from netmon.core.heads import LastSeen
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import NANOSECONDS, Circuit, Direction, Faces
from netmon.core.periods import GRID_NS, Period, add_usage
from netmon.daemon.closing import progress, step, wanted_of
from netmon.daemon.consumption import Consumption
from netmon.daemon.figures import Progress, Reckoning, Wanted
from netmon.store.closings import DemandKey
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

GRID_START_NS = -(-START_NS // GRID_NS) * GRID_NS
CIRCUITS = (
    Circuit("a-main", "a", "palu", "ether1", Faces.AGENCY),
    Circuit("a-radio", "a", "palu", "ether2", Faces.PROVINCE),
    Circuit("a-poso", "a", "poso", "ether1", Faces.AGENCY),
)
COUNT = 60


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, LedgerReader]]:
    path = tmp_path_factory.mktemp("figures") / "ledger.db"
    with opened(path) as ledger:
        seen = LastSeen(GRID_START_NS + 14 * MINUTE_NS + 22 * NANOSECONDS, 1)
        for router, phase in (("palu", 20), ("poso", 50)):
            visits = []
            for number in range(1, COUNT + 1):
                at = GRID_START_NS + (number - 5) * MINUTE_NS + phase * NANOSECONDS
                absent = router == "palu" and 20 <= number < 32
                second = 19 if absent else number
                gap = Gap(router, "ether1", "out", at - MINUTE_NS, at, GapReason.COUNTER_RESET)
                visits.append(
                    a_visit(
                        router,
                        number,
                        [(number * 7_000_001, number**2 * 1_000_003), (second**2 * 500_009, second)],
                        at,
                        {1: seen} if absent else {},
                        [gap] if number == 41 else [],
                        late_ns=0 if router == "poso" else 2 * NANOSECONDS,
                    )
                )
            assert all(ledger.commit(visits))
        reader = LedgerReader.open(path)
        yield ledger, reader
        reader.close()


SECONDS = st.integers(-300, 4200)


@settings(max_examples=60, deadline=None)
@given(SECONDS, SECONDS, SECONDS, st.sampled_from([*Direction]))
def test_figures_are_those_of_all_readings(
    books: tuple[Ledger, LedgerReader], one: int, other: int, now: int, direction: Direction
) -> None:
    _, reader = books
    start, end = (GRID_START_NS + second * NANOSECONDS for second in (min(one, other), max(one, other) + 1))
    now_ns = GRID_START_NS + now * NANOSECONDS
    period = Period(start, end, "")
    (figures,) = Reckoning(reader, now_ns).figures([Wanted("a", None, CIRCUITS, direction, period)])
    ports = [whole(reader, c.router, c.interface, c.way(direction)) for c in CIRCUITS]
    usage = add_usage([port.usage(start, end, now_ns) for port in ports])
    assert (figures.proven_bytes, figures.estimated_bytes, figures.unknown_ns, figures.elapsed_ns) == (
        usage.proven_bytes,
        usage.estimated_bytes,
        usage.unknown_ns,
        usage.elapsed_ns,
    )
    assert (figures.p95_bps, figures.p95_samples) == percentile_95(ports, start, min(end, now_ns))


@pytest.mark.parametrize("direction", Direction)
def test_the_control_loop_and_the_metrics_have_the_same_figures(
    books: tuple[Ledger, LedgerReader], direction: Direction
) -> None:
    ledger, reader = books
    period = Period(GRID_START_NS, GRID_START_NS + 24 * 3600 * NANOSECONDS, "")
    consumption = Consumption(ledger.heads())
    consumption.learn(reader.openings(consumption.missing([("palu", GRID_START_NS), ("poso", GRID_START_NS)])))
    consumption.learn_gaps(consumption.new_gaps(reader))
    now_ns = GRID_START_NS + 55 * MINUTE_NS + 40 * NANOSECONDS
    rows = [Wanted("a", c.id, (c,), direction, period) for c in CIRCUITS]
    for row, figures in zip(rows, Reckoning(reader, now_ns).figures(rows), strict=True):
        (circuit,) = row.circuits
        assert figures.proven_bytes == proven(consumption, [circuit], direction, period)
        assert figures.estimated_bytes == estimated(consumption, circuit, direction, period)
        assert figures.unknown_ns == consumption.unknown_ns(circuit, direction, period, now_ns)


def test_a_demand_taken_further_bit_by_bit_is_that_of_all_readings(books: tuple[Ledger, LedgerReader]) -> None:
    ledger, reader = books
    period = Period(GRID_START_NS, GRID_START_NS + 3600 * NANOSECONDS, "")
    for minutes in (7, 8, 21, 29, 40, 61, 70):
        ledger.note_demands(progress(reader, "a", CIRCUITS, period, GRID_START_NS + minutes * MINUTE_NS))
    for (key, found), row in zip(
        sorted(reader.reckoned(period.start_ns, period.end_ns, "a", circuits=True).items(), key=str),
        sorted(wanted_of("a", CIRCUITS, period), key=lambda one: str(one.key)),
        strict=True,
    ):
        ports = [whole(reader, c.router, c.interface, c.way(row.direction)) for c in row.circuits]
        assert key == row.key
        assert (found.p95_bps, found.samples) == percentile_95(ports, period.start_ns, period.end_ns)


def by_row(found: dict[DemandKey, Progress]) -> dict[tuple[str | None, Direction], Demand]:
    return {(key.circuit, key.direction): demand for key, (_, demand) in found.items()}


def test_nothing_is_taken_further_before_a_whole_cell_is_over(books: tuple[Ledger, LedgerReader]) -> None:
    ledger, reader = books
    period = Period(GRID_START_NS, GRID_START_NS + 3600 * NANOSECONDS, "")
    for cell in (1, 2):
        end_ns = GRID_START_NS + cell * 5 * MINUTE_NS
        assert step(reader, "d", CIRCUITS, period, end_ns - 1) == ({}, False)
        found, _ = step(reader, "d", CIRCUITS, period, end_ns + MINUTE_NS)
        assert {demand.samples for demand in by_row(found).values()} == {cell}
        ledger.note_demands(found)


def test_the_days_of_a_period_before_anything_was_read_take_no_steps(books: tuple[Ledger, LedgerReader]) -> None:
    _, reader = books
    days, now_ns = 22 * 86_400 * NANOSECONDS, GRID_START_NS + 70 * MINUTE_NS
    period = Period(GRID_START_NS - days, GRID_START_NS + days, "")
    found, more = step(reader, "c", CIRCUITS, period, now_ns)
    assert not more
    hour = Period(GRID_START_NS, GRID_START_NS + days, "")
    since = progress(reader, "c", CIRCUITS, hour, now_ns)
    assert by_row(found) == by_row(since)


def test_what_was_noted_is_shown_unless_the_ports_are_others(
    books: tuple[Ledger, LedgerReader],
) -> None:
    ledger, reader = books
    period = Period(GRID_START_NS + GRID_NS, GRID_START_NS + 10 * 3600 * NANOSECONDS, "")
    ledger.note_demands(progress(reader, "b", CIRCUITS[:1], period, GRID_START_NS + 30 * MINUTE_NS))

    def samples(circuits: tuple[Circuit, ...], minutes: int) -> int:
        now_ns = GRID_START_NS + minutes * MINUTE_NS
        row = Wanted("b", None, circuits, Direction.DOWNLOAD, period)
        return next(Reckoning(reader, now_ns).figures([row])).p95_samples

    assert samples(CIRCUITS[:1], 55) == 5
    assert samples(CIRCUITS[2:], 55) == 9
    assert samples(CIRCUITS[:1], 300) == 5


def test_of_a_port_never_seen_all_is_unknown(books: tuple[Ledger, LedgerReader]) -> None:
    _, reader = books
    period = Period(GRID_START_NS, GRID_START_NS + 3600 * NANOSECONDS, "")
    rows = [
        Wanted("a", None, (Circuit("x", "a", router, "ether9", Faces.AGENCY),), Direction.DOWNLOAD, period)
        for router in ("palu", "nowhere")
    ] + [Wanted("a", None, (), Direction.DOWNLOAD, period)]
    for figures in Reckoning(reader, period.end_ns).figures(rows):
        assert (figures.proven_bytes, figures.unknown_ns, figures.p95_bps) == (0, 3600 * NANOSECONDS, None)
