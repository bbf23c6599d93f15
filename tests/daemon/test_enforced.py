"""When limits were really in force, from receipts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.ledgers import a_change, a_receipt

from netmon.core.changes import Outcome, Receipt
from netmon.core.model import Circuit, Direction, Faces
from netmon.daemon.enforced import Enforced, enforced, events

DOWN = Direction.DOWNLOAD
MAIN = Circuit("main", "dinkes", "r1", "ether1", Faces.AGENCY)
RADIO = Circuit("radio", "dinkes", "r1", "ether2", Faces.AGENCY)


def receipt(
    at_ns: int, circuit: str, from_bps: int | None, to_bps: int | None, outcome: Outcome = Outcome.CONFIRMED
) -> Receipt:
    change = replace(a_change(circuit), from_bps=from_bps, to_bps=to_bps)
    return replace(a_receipt(f"{circuit}-{at_ns}", outcome), at_ns=at_ns, change=change)


def told(*receipts: Receipt, direction: Direction = DOWN) -> Enforced:
    return enforced(events(receipts), [MAIN, RADIO], direction, 100, 200)


def test_a_limit_is_in_force_from_its_receipt_to_that_of_its_end() -> None:
    assert told(receipt(120, "main", None, 5), receipt(150, "main", 5, None)) == Enforced(((120, 150),), 5)


def test_what_stood_before_and_what_goes_on_after_is_cut_to_the_time_asked_for() -> None:
    assert told(receipt(20, "main", None, 5)) == Enforced(((100, 200),), 5)
    assert told(receipt(20, "main", None, 5), receipt(90, "main", 5, None)) == Enforced()
    assert told(receipt(300, "main", None, 5)) == Enforced()


def test_an_agency_s_limit_is_the_least_sum_while_all_its_limited_circuits_were() -> None:
    found = told(
        receipt(110, "main", None, 8),
        receipt(112, "radio", None, 2),
        receipt(130, "main", 8, 4),
        receipt(150, "radio", 2, None),
        receipt(160, "main", 4, None),
    )
    assert found == Enforced(((110, 160),), 6)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.CONFIRMED, Enforced(((120, 200),), 5)),
        (Outcome.FAILED, Enforced()),
        (Outcome.REVERTED, Enforced()),
        (Outcome.UNKNOWN, Enforced(((120, 200),), 5)),
    ],
)
def test_only_what_came_to_be_counts_and_what_is_not_known_is_taken_for_a_limit(
    outcome: Outcome, expected: Enforced
) -> None:
    assert told(receipt(120, "main", None, 5, outcome)) == expected


def test_the_other_direction_and_other_circuits_say_nothing() -> None:
    assert told(receipt(120, "main", None, 5), direction=Direction.UPLOAD) == Enforced()
    assert told(receipt(120, "elsewhere", None, 5)) == Enforced()
