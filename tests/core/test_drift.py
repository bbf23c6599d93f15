"""What differs from what netmon left, and that netmon fights nobody over it."""

from __future__ import annotations

import pytest

from netmon.core.drift import FORGOTTEN_NS, REPAIRS, Contest, Drift, Read, Response, drift, respond
from netmon.core.model import Placement
from netmon.core.planning import Observed

MBPS = 1_000_000
FOUR = Observed(4 * MBPS, known=True)
NONE = Observed(None, known=True)
OURS = Read(4 * MBPS, ours=True, foreign=None)
NOTHING = Read(None, ours=False, foreign=None)


def placed(floor_bps: int) -> Placement:
    return Placement(floor_bps=floor_bps, weight=1, priority=0, above=())


@pytest.mark.parametrize(
    ("believed", "read", "found"),
    [
        (FOUR, OURS, None),
        (FOUR, Read(4 * MBPS - 8, True, None), None),
        (NONE, NOTHING, None),
        (FOUR, NOTHING, Drift.MISSING),
        (FOUR, Read(None, True, None), Drift.MISSING),
        (FOUR, Read(9 * MBPS, True, None), Drift.CHANGED),
        (NONE, OURS, Drift.CHANGED),
        (FOUR, Read(4 * MBPS, True, "service-policy GOLD"), Drift.FOREIGN),
        (NONE, Read(None, False, "service-policy GOLD"), Drift.FOREIGN),
        (FOUR, Read(None, False, "service-policy GOLD"), Drift.MISSING),
        (Observed(4 * MBPS, True, placed(MBPS)), Read(4 * MBPS, True, None, placed(2 * MBPS)), Drift.CHANGED),
        (Observed(4 * MBPS, True, placed(MBPS)), Read(4 * MBPS, True, None, placed(MBPS)), None),
    ],
)
def test_what_was_read_is_held_against_what_is_believed(believed: Observed, read: Read, found: Drift | None) -> None:
    assert drift(believed, read, tolerance_permille=5) is found


def test_two_repairs_are_made_and_once_the_second_is_undone_no_third() -> None:
    contest: Contest | None = None
    responses = []
    for at_ns in range(1, 6):
        response, contest = respond(Drift.MISSING, contest, at_ns)
        responses.append(response)
    assert responses == [Response.REPAIR] * REPAIRS + [Response.STOP] * 3
    assert contest == Contest(REPAIRS + 1, REPAIRS + 1, stopped=True)


def test_a_limit_that_held_for_long_is_nobodys_quarrel() -> None:
    _, contest = respond(Drift.CHANGED, None, 0)
    _, contest = respond(Drift.CHANGED, contest, 1)
    response, contest = respond(Drift.CHANGED, contest, 1 + FORGOTTEN_NS)
    assert (response, contest) == (Response.REPAIR, Contest(1, 1 + FORGOTTEN_NS))


def test_what_was_stopped_stays_so_however_long_ago() -> None:
    stopped = Contest(3, 0, stopped=True)
    assert respond(Drift.MISSING, stopped, 100 * FORGOTTEN_NS) == (Response.STOP, stopped)


@pytest.mark.parametrize("before", [None, Contest(1, 5), Contest(3, 5, stopped=True)])
def test_somebody_elses_object_is_told_and_counts_for_nothing(before: Contest | None) -> None:
    assert respond(Drift.FOREIGN, before, 9) == (Response.ALERT, before)
