"""Accounting rule 17: late data makes revision n+1 of a closed period."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.core.closing import Closing, ClosingReason, Figures, Port, merged, revised
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import Direction

PORT = Port("dinkes-main", "palu", "ether1", "out")
FIGURES = Figures(None, Direction.DOWNLOAD, (PORT,), 1000, 0, 0, 100, 8, 1, 8, 0)
FIRST = Closing("dinkes", "2026-10", "UTC", 0, 100, 1, 200, "made", ClosingReason.CLOSED, "the month", (FIGURES,))


def closing(reason: ClosingReason = ClosingReason.CLOSED, **changed: object) -> Closing:
    return replace(FIRST, reason=reason, at_ns=300, figures=(replace(FIGURES, **changed),))  # type: ignore[arg-type]


def test_the_first_closing_is_revision_one() -> None:
    assert revised(replace(FIRST, revision=7), None) == FIRST


def test_what_says_the_same_is_no_revision() -> None:
    assert revised(closing(), FIRST) is None


@pytest.mark.parametrize(
    ("reason", "changed", "expected"),
    [
        (ClosingReason.LATE_READINGS, {"estimated_bytes": 5}, ClosingReason.LATE_READINGS),
        (ClosingReason.CLOSED, {"proven_bytes": 999}, ClosingReason.CORRECTED),
        (ClosingReason.CLOSED, {"ports": (replace(PORT, way="in"),)}, ClosingReason.CIRCUITS_CHANGED),
        (ClosingReason.CLOSED_AUTOMATICALLY, {"proven_bytes": 1}, ClosingReason.CLOSED_AUTOMATICALLY),
    ],
)
def test_a_revision_names_why_it_was_made(
    reason: ClosingReason, changed: dict[str, object], expected: ClosingReason
) -> None:
    later = revised(closing(reason, **changed), replace(FIRST, revision=2))
    assert later is not None
    assert (later.revision, later.reason) == (3, expected)


def test_gaps_of_the_same_reason_that_touch_are_one() -> None:
    def gap(start: int, end: int, reason: GapReason = GapReason.WRAP_AMBIGUOUS, interface: str = "ether1") -> Gap:
        return Gap("palu", interface, "in", start, end, reason)

    other, apart = gap(10, 30, GapReason.COUNTER_RESET), gap(0, 40, interface="ether2")
    assert merged([gap(20, 30), other, gap(0, 20), apart, gap(31, 40), gap(5, 8)]) == (
        gap(0, 30),
        apart,
        other,
        gap(31, 40),
    )
