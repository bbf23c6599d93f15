"""Tracks: columns at the edges of the grid, held to the readings that were committed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import START_NS, Shared, a_visit

from netmon.core.heads import LastSeen, Visit
from netmon.core.model import NANOSECONDS
from netmon.core.periods import GRID_NS, Reading, summed_on_grid
from netmon.store.cells import NEVER, Track

PORTS = 3
LATE_NS = 4 * NANOSECONDS
FIRST_CELL = START_NS // GRID_NS + 1
Steps = list[tuple[int, list[bool]]]


def visits(router: str, steps: Steps, known_from: list[int], late: bool) -> tuple[list[Visit], list[list[Reading]]]:
    """So many seconds apart; of each port whether it was read, and the visit in which it first appears. What was read
    of ifIn, by port; ifOut is always the double.
    """
    readings: list[list[Reading]] = [[] for _ in range(PORTS)]
    at, totals, seen = START_NS, [0] * PORTS, [LastSeen(0, 0)] * PORTS
    found = []
    for number, (step, read) in enumerate(steps, 1):
        at += step * NANOSECONDS
        width = max(1, sum(number >= first for first in sorted(known_from)))
        lagging = {}
        for port in range(width):
            if read[port] or seen[port].at_ns == 0:
                totals[port] += step * (7 + port)
                seen[port] = LastSeen(at + (LATE_NS if late and port % 2 else 0), number)
                readings[port].append(Reading(seen[port].at_ns, totals[port]))
            else:
                lagging[port] = seen[port]
        pairs = [(total, 2 * total) for total in totals[:width]]
        found.append(a_visit(router, number, pairs, at, lagging, late_ns=LATE_NS if late else 0))
    return found, readings


def of_port(tracks: list[Track], port: int) -> tuple[Track, int]:
    return next((track, track.positions.index(port)) for track in tracks if port in track.positions)


# Mostly read; sometimes all at once for long.
step = st.tuples(
    st.sampled_from([30, 60, 60, 299, 300, 301, 700, 2000]),
    st.lists(st.sampled_from([True, True, True, False]), min_size=PORTS, max_size=PORTS),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(step, min_size=1, max_size=40),
    st.lists(st.integers(1, 12), min_size=PORTS, max_size=PORTS),
    st.booleans(),
    st.tuples(st.integers(-2, 20), st.integers(1, 20)),
)
def test_columns_are_what_the_readings_say_at_each_edge(
    shared: Shared, steps: Steps, known_from: list[int], late: bool, cells: tuple[int, int]
) -> None:
    router = f"r{next(shared.numbers)}"
    found, readings = visits(router, steps, known_from, late)
    assert all(shared.ledger.commit(found))
    low, high = FIRST_CELL + cells[0], FIRST_CELL + cells[0] + cells[1]
    tracks = shared.reader.tracks(router, range(PORTS), low, high)
    assert sorted(at for track in tracks for at in track.positions) == list(range(PORTS))
    for port, of in enumerate(readings):
        track, column = of_port(tracks, port)
        for out in (False, True):
            scaled = [Reading(one.at_ns, one.total_bytes * (1 + out)) for one in of]
            held_to_readings(track, column, out, scaled, low, high)


def held_to_readings(track: Track, column: int, out: bool, readings: list[Reading], low: int, high: int) -> None:
    edges = [cell * GRID_NS for cell in range(low, high + 1)]
    before = [[one for one in readings if one.at_ns <= edge] for edge in edges]
    assert list(track.known(out)[column]) == [of[-1].total_bytes if of else NEVER for of in before]
    assert track.newest_ns() == [of[-1].at_ns if of else None for of in before]
    grid = summed_on_grid([readings], edges[0], edges[-1])
    measured = list(track.octets(out)[column])
    # A port that was not read again by the first visit after the stretch is not measured in its last cells.
    assert all(one in (grid.get(cell), None) for cell, one in enumerate(measured, low))
    if readings and track.read_ns and track.read_ns[-1] >= edges[-1]:
        assert measured == [grid.get(cell) for cell in range(low, high)]
    held_ns = track.read_ns[-1] if track.read_ns else 0
    for at, edge in enumerate(edges):
        coming = [one.total_bytes for one in readings if edge <= one.at_ns <= held_ns]
        assert track.first_after(at, out, column) == (coming[0] if coming else None)


def test_a_router_that_was_never_visited_has_no_track(shared: Shared) -> None:
    assert shared.reader.tracks("nowhere", [0], FIRST_CELL, FIRST_CELL + 3) == []


@pytest.mark.parametrize("minutes", [1, 5])
def test_of_many_visits_only_those_around_the_edges_are_held(shared: Shared, minutes: int) -> None:
    router = f"r{next(shared.numbers)}"
    found, _ = visits(router, [(60 * minutes, [True] * PORTS)] * (120 // minutes), [1] * PORTS, False)
    assert all(shared.ledger.commit(found))
    (track,) = shared.reader.tracks(router, range(PORTS), FIRST_CELL + 2, FIRST_CELL + 20)
    assert len(track.read_ns) <= 3 * 19
    assert all(octets == 300 * 7 for octets in track.octets(False)[0])
