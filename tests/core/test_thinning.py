"""Which visits are dispensable, by rule; that no usage changes is a law of tests/store/test_thinning.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from netmon.core.model import NANOSECONDS as S
from netmon.core.periods import GRID_NS, to_ns
from netmon.core.thinning import Midnights, Outline, dispensable, grid


def visits(*seconds: int, late: int = 0) -> list[Outline]:
    return [Outline(second * S, (second + late) * S, 1) for second in seconds]


def kept(outlines: list[Outline]) -> list[int]:
    return [one.at_ns // S for one, spare in zip(outlines, dispensable(outlines, grid), strict=True) if not spare]


def test_the_last_visit_before_a_boundary_and_the_first_after_it_stay() -> None:
    assert kept(visits(10, 70, 130, 190, 250, 310, 370, 430, 490)) == [10, 250, 310, 490]


def test_where_a_later_pdu_came_in_after_the_boundary_the_visit_before_stays_too() -> None:
    assert kept(visits(10, 178, 238, 298, 358, 418, late=3)) == [10, 238, 298, 358, 418]


def test_of_a_visit_on_the_boundary_neither_neighbour_is_needed() -> None:
    assert kept(visits(10, 120, 240, 300, 360, 480, 500)) == [10, 300, 500]


def test_the_visit_in_which_a_port_is_read_again_stays_where_a_boundary_passed_meanwhile() -> None:
    outlines = visits(10, 70, 130, 190, 250, 310, 370, 430, 490)
    for at in (4, 5, 6):
        outlines[at] = Outline(outlines[at].at_ns, outlines[at].last_ns, 1, {0: 190 * S})
    assert kept(outlines) == [10, 250, 310, 430, 490]
    outlines = visits(10, 70, 130, 190, 250, 310, 370, 430, 490)
    outlines[2] = Outline(130 * S, 130 * S, 1, {0: 70 * S})
    assert kept(outlines) == [10, 250, 310, 490]


def test_a_changed_layout_stays() -> None:
    outlines = visits(10, 70, 130, 190, 250)
    outlines[2:] = [Outline(one.at_ns, one.last_ns, 2) for one in outlines[2:]]
    assert kept(outlines) == [10, 130, 250]


def test_the_first_goes_if_it_was_found_dispensable_among_those_before_it() -> None:
    assert dispensable(visits(10, 70, 130), grid, first_spare=True) == [True, True, False]
    assert dispensable(visits(290, 310, 370), grid, first_spare=True) == [False, False, False]
    assert dispensable(visits(10), grid, first_spare=True) == [False]
    assert dispensable([], grid) == []


def test_the_grid_begins_on_its_boundary() -> None:
    assert (grid(GRID_NS, GRID_NS + 1), grid(1, GRID_NS), grid(1, GRID_NS + 1)) == (GRID_NS, None, GRID_NS)


@pytest.mark.parametrize(
    ("zones", "hours"),
    [(("UTC",), [0, 24]), (("Asia/Jakarta", "Asia/Jayapura"), [15, 17, 39, 41]), (("America/Havana",), [4, 29])],
)
def test_midnights_are_those_of_every_zone(zones: tuple[str, ...], hours: list[int]) -> None:
    midnights, found = Midnights(zones), []
    at = start = to_ns(datetime(2026, 11, 1, tzinfo=UTC))
    while (boundary := midnights(at, start + 42 * 3600 * S)) is not None:
        found.append((boundary - start) // (3600 * S))
        at = boundary + 1
    assert found == hours
