"""What a limit would have cut off, cell by cell."""

from __future__ import annotations

import pytest

from netmon.core.foregone import Foregone, Supplied, cell_bytes

MBPS = 1_000_000
CELL = cell_bytes(8 * MBPS)
"""Bytes of a cell at 8 Mb/s: 300 MB."""


def test_a_cell_at_8_mbit_carries_300_megabytes() -> None:
    assert CELL == 300_000_000


def test_what_is_beyond_the_limit_is_cut_off_and_nothing_is_carried_over() -> None:
    one = Foregone(24)
    octets = [CELL * 2, CELL, None, CELL // 2, CELL * 3]
    one.carried(octets)
    assert one.under(10, octets, 8 * MBPS) == [CELL, CELL, None, CELL // 2, CELL]
    assert (one.measured, one.carried_bytes) == (4, CELL * 6 + CELL // 2)
    assert (one.limited, one.slowed, one.cut_bytes) == (5, 2, 3 * CELL)
    assert (one.first_limited, one.first_slowed, one.least_bps) == (10, 10, 8 * MBPS)
    assert (list(one.limited_bins), list(one.slowed_bins)) == ([2, 3], [1, 1])


def test_the_least_limit_and_the_first_of_each_are_kept() -> None:
    one = Foregone(12)
    one.under(2, [CELL // 2], 8 * MBPS)
    one.under(3, [CELL * 2], 4 * MBPS)
    one.under(4, [CELL * 2], 6 * MBPS)
    assert (one.first_limited, one.first_slowed, one.least_bps) == (2, 3, 4 * MBPS)


@pytest.mark.parametrize(
    ("carried", "limit", "kept", "broken"),
    [
        (CELL, 8 * MBPS, 1, 0),
        (CELL * 2, 4 * MBPS, 0, 1),
        (CELL // 4, 4 * MBPS, 1, 0),
        (CELL * 2, 6 * MBPS, 1, 0),
    ],
)
def test_a_floor_is_broken_where_less_of_it_is_left_than_was_wanted(
    carried: int, limit: int, kept: int, broken: int
) -> None:
    one = Foregone(12)
    one.under(0, [carried], limit, floor_bps=6 * MBPS)
    assert (one.floor_kept, one.floor_broken) == (kept, broken)


def test_what_sharing_cuts_besides_makes_no_second_slowed_cell_of_one() -> None:
    one = Foregone(12)
    one.under(0, [CELL * 2], 8 * MBPS)
    one.short(0, CELL * 2, CELL, CELL // 2)
    one.short(1, CELL, CELL, CELL // 2, floor_bps=6 * MBPS)
    assert (one.slowed, one.cut_bytes) == (2, CELL + CELL // 2 + CELL // 2)
    assert one.floor_broken == 1


def test_waste_is_what_was_cut_off_although_there_was_room() -> None:
    pool = Supplied(
        carried=[CELL * 3, CELL * 3, CELL, CELL * 5],
        left=[CELL, CELL * 2, CELL, CELL * 4],
        unmeasured=[0, 0, 0, 0],
        members=2,
        purchased_bps=16 * MBPS,
    )
    assert pool.wasted == (CELL, 1)
    assert pool.scarce == 2
    assert pool.mean_bps == (24 * MBPS, 16 * MBPS)
    assert pool.peak_bps == (40 * MBPS, 32 * MBPS)


def test_cells_in_which_nobody_was_measured_are_no_part_of_a_mean() -> None:
    pool = Supplied([CELL, 0, CELL * 3, 0, 0], [CELL, 0, CELL, 0, 0], unmeasured=[1, 2, 0, 2, 2], members=2)
    assert pool.mean_bps == (16 * MBPS, 8 * MBPS)
    assert pool.rates_bps(2) == [(8 * MBPS, 8 * MBPS), (24 * MBPS, 8 * MBPS), None]
    assert pool.wasted == (0, 0)
