"""The certain percentile, from what the books noted: of just these circuits, and not for longer than it is fresh."""

from __future__ import annotations

from dataclasses import replace

from netmon.core.demand import Demand
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Circuit, Direction, Faces
from netmon.core.periods import GRID_NS, Period
from netmon.daemon.figures import Wanted
from netmon.daemon.percentiles import NOTED_WITHIN_NS, Certain, certain, usage
from netmon.store.closings import DemandKey

DAY = Period(0, 86_400 * S, "1970-01-01")
FO = Circuit("dinkes-fo", "dinkes", "palu", "ether1", Faces.AGENCY)
RADIO = Circuit("dinkes-radio", "dinkes", "palu", "ether2", Faces.AGENCY)
ROW = Wanted("dinkes", None, (FO, RADIO), Direction.DOWNLOAD, DAY)
NOON = 12 * 3600 * S


class Notes:
    """What the books noted of the day."""

    def __init__(self, *rows: Wanted) -> None:
        self.rows, self.asked = rows, 0

    def demands(self, agency: str, start_ns: int, end_ns: int) -> dict[DemandKey, tuple[str, Demand]]:
        self.asked += 1
        return {row.key: (row.digest, Demand(NOON, 144, (37_500_000,) * 15)) for row in self.rows}


def test_it_is_what_the_noted_cells_make_certain() -> None:
    assert certain(Notes(ROW), [ROW]) == {ROW.key: Certain(1_000_000, NOON)}


def test_what_was_noted_of_other_circuits_says_nothing() -> None:
    assert certain(Notes(replace(ROW, circuits=(FO,))), [ROW]) == {}
    assert certain(Notes(), [ROW]) == {}


def test_an_agency_is_asked_for_once_though_both_directions_count() -> None:
    other = replace(ROW, direction=Direction.UPLOAD)
    notes = Notes(ROW, other)
    assert len(certain(notes, [ROW, other])) == 2
    assert notes.asked == 1


def test_what_was_noted_too_long_ago_is_stale_though_the_circuits_are_read() -> None:
    found = Certain(1_000_000, NOON)
    just, late = NOON + NOTED_WITHIN_NS, NOON + NOTED_WITHIN_NS + GRID_NS
    fresh = usage(found, DAY, (just, just), just)
    assert (fresh.proven, fresh.newest_ns, fresh.latest_ns) == (1_000_000, just, just)
    assert usage(found, DAY, (late, late), late).newest_ns == NOON


def test_a_period_of_which_nothing_was_noted_yet_begins_with_nothing() -> None:
    early, late = GRID_NS, NOON
    assert (usage(None, DAY, (early, early), early).proven, usage(None, DAY, (early, early), early).newest_ns) == (
        0,
        early,
    )
    assert usage(None, DAY, (late, late), late).newest_ns == DAY.start_ns
    assert usage(None, DAY, (None, None), late).newest_ns is None
