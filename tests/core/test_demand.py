"""The percentile and peak of a running period, taken further cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from core.test_periods import on_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.demand import Demand, certain_bps, further
from netmon.core.measurement import Gap
from netmon.core.model import NANOSECONDS as S
from netmon.core.periods import GRID_NS, Period, Reading, cell_bps, summed_on_grid

DAY = Period(0, 86_400 * S, "1970-01-01")


def percentile_95(
    ports: Sequence[Sequence[Reading]], until_ns: int, gaps: Iterable[Gap] = ()
) -> tuple[int | None, int]:
    """In bit/s, and the number of cells it rests on, of a period that ends at `until_ns`."""
    cells = summed_on_grid(ports, 0, until_ns, gaps)
    demand = further(Demand(0), cells, Period(0, until_ns, ""), until_ns)
    return demand.p95_bps, demand.samples


def brute_force(cells: list[int]) -> int:
    """Sort ascending and drop the top floor(n/20)."""
    return sorted(cells)[: len(cells) - len(cells) // 20][-1]


@pytest.mark.parametrize(("n", "dropped"), [(1, 0), (19, 0), (20, 1), (39, 1), (40, 2)])
def test_one_cell_in_twenty_is_dropped(n: int, dropped: int) -> None:
    rates = [8 * k for k in range(1, n + 1)]
    assert percentile_95([on_grid(*rates)], n * GRID_NS) == (8 * (n - dropped), n)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=288), st.lists(st.integers(0, 289), max_size=6))
@settings(max_examples=150, deadline=None)
def test_what_is_taken_further_is_the_nearest_rank_of_all_cells(grown: list[int], stops: list[int]) -> None:
    readings = [Reading(0, 0)]
    for at, octets in enumerate(grown, 1):
        readings.append(Reading(at * GRID_NS, readings[-1].total_bytes + octets))
    demand = Demand(DAY.start_ns)
    for stop in [*sorted(stops), 288]:
        demand = further(demand, summed_on_grid([readings], demand.upto_ns, DAY.end_ns), DAY, stop * GRID_NS)
    assert (demand.p95_bps, demand.samples) == (cell_bps(brute_force(grown)), len(grown))
    assert demand.peak_bps == cell_bps(max(grown))
    assert demand.peak_at_ns == grown.index(max(grown)) * GRID_NS
    assert len(demand.top) <= 288 // 20 + 1


def test_only_whole_cells_are_taken_and_none_twice() -> None:
    once = further(Demand(0), {0: 5, 1: 9, 2: 7}, DAY, 2 * GRID_NS + 1)
    assert (once.upto_ns, once.samples, once.top, once.peak_at_ns) == (2 * GRID_NS, 2, (9, 5), GRID_NS)
    again = further(once, {0: 5, 1: 9, 2: 7}, DAY, 3 * GRID_NS)
    assert (again.samples, again.top) == (3, (9, 7, 5))
    assert further(again, {0: 99}, DAY, 0) == again


def test_without_a_whole_cell_there_is_neither_percentile_nor_peak() -> None:
    nothing = further(Demand(0), {}, DAY, GRID_NS)
    assert (nothing.p95_bps, nothing.peak_bps, nothing.peak_at_ns, nothing.samples) == (None, None, None, 0)


octets = st.integers(0, 10**9)


@given(st.lists(octets, max_size=288), st.integers(0, 288), st.lists(octets, max_size=288), st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_certain_only_grows_and_the_percentile_never_ends_below_it(
    first: list[int], stop: int, later: list[int], data: st.DataObject
) -> None:
    """Whatever cells follow, and whichever are left out."""
    stop = min(stop, len(first))
    measured = {at: value for at, value in enumerate(first[:stop]) if data.draw(st.booleans(), label="measured")}
    demand = further(Demand(0), measured, DAY, stop * GRID_NS)
    known = certain_bps(demand, DAY)
    rest = {at: value for at, value in enumerate(later[: 288 - stop], stop) if value % 5}
    whole = further(demand, rest, DAY, DAY.end_ns)
    assert known <= certain_bps(whole, DAY) <= (whole.p95_bps or 0)


def test_of_a_whole_day_measured_the_certain_percentile_is_the_percentile() -> None:
    cells = {at: at * 375_000 for at in range(288)}
    whole = further(Demand(0), cells, DAY, DAY.end_ns)
    assert certain_bps(whole, DAY) == whole.p95_bps
    fourteen = further(Demand(0), dict.fromkeys(range(14), 10**9), DAY, 14 * GRID_NS)
    assert certain_bps(fourteen, DAY) == 0, "so many five minutes of a day may be as fast as they like"
    assert certain_bps(further(fourteen, {14: 37_500_000}, DAY, 15 * GRID_NS), DAY) == 1_000_000
