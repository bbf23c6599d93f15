"""What of a purchased capacity was there over a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.capacity import capacities
from netmon.core.delivery import delivered
from netmon.core.model import Direction
from netmon.core.port_state import PortKey, PortReason, PortSpan, PortStatus
from netmon.core.supply import Pool, Rates, TrafficClass, Uplink

UP, DOWN = PortStatus.UP, PortStatus.DOWN
END = 100


def a_pool(*mbps: tuple[int, bool], purchased: int = 100) -> Pool:
    uplinks = tuple(
        Uplink(f"u{at}", "p", "r", f"port{at}", Rates(rate, 2 * rate), standby)
        for at, (rate, standby) in enumerate(mbps)
    )
    return Pool("p", TrafficClass.ALL, Rates(purchased, 2 * purchased), uplinks)


def spans(*known: Sequence[tuple[PortStatus, int, int]]) -> Mapping[PortKey, list[PortSpan]]:
    return {
        ("r", f"port{at}"): [PortSpan("r", f"port{at}", status, PortReason.SHOWN_UP, a, a, b) for status, a, b in port]
        for at, port in enumerate(known)
    }


ALWAYS_UP = [(UP, 0, END)]


@pytest.mark.parametrize(
    ("pool", "known", "known_ns", "ratio"),
    [
        (a_pool((100, False)), spans(ALWAYS_UP), 100, 1.0),
        (a_pool((100, False)), spans([(UP, 0, 75), (DOWN, 75, 100)]), 100, 0.75),
        (a_pool((100, False)), spans([(UP, 0, 50), (DOWN, 75, 100)]), 75, 50 / 75),
        (a_pool((60, False), (40, False)), spans([(UP, 0, 50), (DOWN, 50, 100)], ALWAYS_UP), 100, 0.7),
        (a_pool((60, False), (40, False)), spans([(UP, 0, 50)], ALWAYS_UP), 50, 1.0),
        # Whether the standby was up makes no difference while nothing is lost.
        (a_pool((100, False), (50, True)), spans(ALWAYS_UP, []), 100, 1.0),
        (a_pool((100, False), (50, True)), spans([(DOWN, 0, END)], [(UP, 0, 50)]), 50, 0.5),
        # Nor whether one of two is, where the other carries all that was purchased.
        (a_pool((100, False), (100, False)), spans(ALWAYS_UP, []), 100, 1.0),
        (a_pool((50, False)), spans(ALWAYS_UP), 100, 0.5),
        (a_pool((100, False)), {}, 0, None),
        (a_pool(), {}, 0, None),
    ],
)
def test_it_is_the_mean_capacity_over_the_known_time(
    pool: Pool, known: Mapping[PortKey, list[PortSpan]], known_ns: int, ratio: float | None
) -> None:
    found = delivered(pool, known, 0, END)
    assert found.known_ns == known_ns
    for direction in Direction:
        assert found.ratio(direction, pool.purchased) == (None if ratio is None else pytest.approx(ratio))


EDGES = st.lists(st.integers(0, END), max_size=6, unique=True).map(sorted)
PORT = st.tuples(EDGES, st.lists(st.sampled_from([UP, DOWN, None]), min_size=7, max_size=7)).map(
    lambda drawn: [
        (status, begin, end)
        for status, begin, end in zip(drawn[1], [0, *drawn[0]], [*drawn[0], END], strict=False)
        if status is not None and end > begin
    ]
)
POOLS = st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=3).map(lambda of: a_pool(*of))


@given(pool=POOLS, known=st.lists(PORT, min_size=3, max_size=3))
def test_it_equals_what_every_instant_by_itself_says(
    pool: Pool, known: list[list[tuple[PortStatus, int, int]]]
) -> None:
    def bps(down: set[PortKey]) -> int:
        return capacities([pool], (), down, (), 0)["p"].download_bps or 0

    known_ns = total = 0
    for at in range(END):
        shown = {
            ("r", f"port{number}"): {status for status, begin, end in known[number] if begin <= at < end}
            for number in range(len(pool.uplinks))
        }
        down = {port for port, statuses in shown.items() if DOWN in statuses}
        silent = {port for port, statuses in shown.items() if not statuses}
        if bps(down) == bps(down | silent):
            known_ns, total = known_ns + 1, total + bps(down)
    found = delivered(pool, spans(*known), 0, END)
    assert (found.known_ns, found.download_bit_ns) == (known_ns, total)
