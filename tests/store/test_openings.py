"""Openings: where all series of a router stood around an instant, by the readings that were committed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import MINUTE_NS, START_NS, Shared, a_visit

from netmon.core.heads import LastSeen
from netmon.core.model import NANOSECONDS, Way
from netmon.core.periods import Reading
from netmon.store.ledger import Ledger
from netmon.store.openings import Opening

LATE_NS = 3 * NANOSECONDS
PORTS = 3


def commit(
    ledger: Ledger, router: str, steps: list[tuple[int, list[bool]]], known_from: list[int], late: bool
) -> list[list[Reading]]:
    """Visits so many seconds apart; of each port whether it was read, and the visit in which it first appears.

    Returns what was read of ifIn, by port; ifOut is always the double.
    """
    readings: list[list[Reading]] = [[] for _ in range(PORTS)]
    at, totals, seen = START_NS, [0] * PORTS, [LastSeen(0, 0)] * PORTS
    visits = []
    for number, (step, read) in enumerate(steps, 1):
        at += step * NANOSECONDS
        width = max(1, sum(number >= first for first in sorted(known_from)))
        lagging = {}
        for port in range(width):
            if read[port] or seen[port].at_ns == 0:
                totals[port] += number * 1000 + port
                seen[port] = LastSeen(at + (LATE_NS if late and port % 2 else 0), number)
                readings[port].append(Reading(seen[port].at_ns, totals[port]))
            else:
                lagging[port] = seen[port]
        pairs = [(total, 2 * total) for total in totals[:width]]
        visits.append(a_visit(router, number, pairs, at, lagging, late_ns=LATE_NS if late else 0))
    assert all(ledger.commit(visits))
    return readings


def expected(readings: list[Reading], way: Way, at_ns: int) -> tuple[Reading | None, Reading | None]:
    """The last reading at or before and the first at or after."""
    readings = [Reading(one.at_ns, one.total_bytes * (2 if way == "out" else 1)) for one in readings]
    before = [one for one in readings if one.at_ns <= at_ns]
    after = [one for one in readings if one.at_ns >= at_ns]
    return (before[-1] if before else None), (after[0] if after else None)


def found(opening: Opening, port: int, way: Way) -> tuple[Reading | None, Reading | None]:
    def reading(at_ns: int | None, total: int) -> Reading | None:
        return None if at_ns is None else Reading(at_ns, total)

    out = way == "out"
    return (
        reading(opening.before_ns[port], opening.before[out][port]),
        reading(opening.after_ns[port], opening.after[out][port]),
    )


step = st.tuples(st.integers(5, 90), st.lists(st.booleans(), min_size=PORTS, max_size=PORTS))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(step, min_size=1, max_size=30),
    st.lists(st.integers(1, 20), min_size=PORTS, max_size=PORTS),
    st.booleans(),
    st.lists(st.integers(-20, 1500), min_size=1, max_size=4),
)
def test_an_opening_holds_the_readings_around_an_instant_of_every_series(
    shared: Shared, steps: list[tuple[int, list[bool]]], known_from: list[int], late: bool, seconds: list[int]
) -> None:
    router = f"r{next(shared.numbers)}"
    readings = commit(shared.ledger, router, steps, known_from, late)
    instants = [START_NS + second * NANOSECONDS for second in seconds]
    openings = shared.reader.openings([(router, at_ns) for at_ns in instants])
    for at_ns in instants:
        opening = openings[router, at_ns]
        for port in range(len(opening.after_ns)):
            for way in ("in", "out"):
                assert found(opening, port, way) == expected(readings[port], way, at_ns)


def test_a_port_absent_for_a_long_time_is_found_without_reading_all_visits(shared: Shared) -> None:
    seen = LastSeen(START_NS + MINUTE_NS, 6000)
    visits = [a_visit("absent", number, [(number, 0), (5, 0)], lagging={1: seen}) for number in range(2, 400)]
    returned = a_visit("absent", 400, [(400, 0), (9, 0)])
    assert all(shared.ledger.commit([a_visit("absent", 1, [(1, 0), (5, 0)]), *visits, returned]))

    at_ns = START_NS + 10 * MINUTE_NS
    (opening,) = shared.reader.openings([("absent", at_ns)]).values()
    assert opening.after_ns == (at_ns, START_NS + 400 * MINUTE_NS)
    assert opening.after[0] == (10, 9)
    assert opening.before_ns == (at_ns, START_NS + MINUTE_NS)
    assert opening.before[0] == (10, 5)


def test_a_router_never_visited_has_no_opening(shared: Shared) -> None:
    assert shared.reader.openings([("nowhere", START_NS)]) == {}
