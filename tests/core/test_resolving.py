"""The sixteen cells of {old, new, other, unreadable} x {armed, fired, unarmed, unknown}."""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from netmon.core.changes import Action, Change, Intent, Outcome
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Direction, Placement, Tier, VerdictReason
from netmon.core.resolving import GRACE_NS, RESOLUTIONS, Armed, ResolveAction, Seen, classify, resolve

A = ResolveAction
DEADLINE = 60 * S
LATE = DEADLINE + GRACE_NS


def intent(from_bps: int | None = None, to_bps: int | None = 5_000_000) -> Intent:
    action = Action.REMOVE if to_bps is None else Action.SET
    change = Change("r1", "a", "dinkes", Direction.DOWNLOAD, action, from_bps, to_bps, VerdictReason.OVER_QUOTA, None)
    return Intent("0f", change, 0, DEADLINE)


TABLE = [
    # seen, armed, cell, before the deadline, after it, outcome after it
    (Seen.OLD, Armed.ARMED, "old_undo_overdue", A.WAIT, A.DISARM, None),
    (Seen.OLD, Armed.FIRED, "undone_by_router", A.RECORD_OLD, A.RECORD_OLD, Outcome.REVERTED),
    (Seen.OLD, Armed.UNARMED, "never_applied", A.RECORD_OLD, A.RECORD_OLD, Outcome.FAILED),
    (Seen.OLD, Armed.UNKNOWN, "old_after_deadline", A.WAIT, A.RECORD_OLD, Outcome.FAILED),
    (Seen.NEW, Armed.ARMED, "new_undo_overdue", A.WAIT, A.DISARM, None),
    (Seen.NEW, Armed.FIRED, "undo_had_no_effect", A.GIVE_TO_OPERATOR, A.GIVE_TO_OPERATOR, Outcome.UNKNOWN),
    (Seen.NEW, Armed.UNARMED, "confirmed_unrecorded", A.RECORD_NEW, A.RECORD_NEW, Outcome.CONFIRMED),
    (Seen.NEW, Armed.UNKNOWN, "new_after_deadline", A.WAIT, A.RECORD_NEW, Outcome.CONFIRMED),
    (Seen.OTHER, Armed.ARMED, "half_applied", A.WAIT, A.REVERT, None),
    (Seen.OTHER, Armed.FIRED, "undo_incomplete", A.GIVE_TO_OPERATOR, A.GIVE_TO_OPERATOR, Outcome.UNKNOWN),
    (Seen.OTHER, Armed.UNARMED, "changed_by_another", A.GIVE_TO_OPERATOR, A.GIVE_TO_OPERATOR, Outcome.UNKNOWN),
    (Seen.OTHER, Armed.UNKNOWN, "other_after_deadline", A.WAIT, A.GIVE_TO_OPERATOR, Outcome.UNKNOWN),
    (Seen.UNREADABLE, Armed.ARMED, "unreadable_armed", A.WAIT, A.WAIT, None),
    (Seen.UNREADABLE, Armed.FIRED, "unreadable_fired", A.WAIT, A.WAIT, None),
    (Seen.UNREADABLE, Armed.UNARMED, "unreadable_unarmed", A.WAIT, A.WAIT, None),
    (Seen.UNREADABLE, Armed.UNKNOWN, "unreachable", A.WAIT, A.WAIT, None),
]


@pytest.mark.parametrize(("seen", "armed", "cell", "early", "late", "outcome"), TABLE)
def test_every_cell_of_the_table(
    seen: Seen, armed: Armed, cell: str, early: ResolveAction, late: ResolveAction, outcome: Outcome | None
) -> None:
    before, after = resolve(intent(), seen, armed, LATE - 1), resolve(intent(), seen, armed, LATE)
    assert (before.cell, after.cell) == (cell, cell)
    assert (before.action, after.action) == (early, late)
    assert after.outcome is outcome
    assert before.outcome is (None if early is A.WAIT else outcome)


def test_the_table_is_complete_and_every_cell_has_a_name_of_its_own() -> None:
    assert set(RESOLUTIONS) == set(product(Seen, Armed))
    assert len({cell.name for cell in RESOLUTIONS.values()}) == 16
    assert {(seen, armed) for seen, armed, *_ in TABLE} == set(RESOLUTIONS)


@pytest.mark.parametrize("seen", list(Seen))
def test_an_armed_change_is_read_again_after_its_deadline(seen: Seen) -> None:
    early = resolve(intent(), seen, Armed.ARMED, DEADLINE)
    assert (early.action, early.outcome) == (A.WAIT, None)
    if seen is not Seen.UNREADABLE:
        assert early.again_ns == LATE
        assert "after its deadline" in early.reason


def test_nothing_is_ever_applied_again_and_only_what_was_read_is_recorded() -> None:
    for (seen, _), cell in RESOLUTIONS.items():
        assert cell.action is not A.RECORD_NEW or seen is Seen.NEW
        assert cell.action is not A.RECORD_OLD or seen is Seen.OLD
        assert cell.action in {A.WAIT, A.DISARM, A.REVERT} or cell.outcome is not None


def test_a_closed_intent_is_not_read_again_and_an_open_one_is() -> None:
    for seen, armed in RESOLUTIONS:
        for now_ns in (0, LATE):
            answer = resolve(intent(), seen, armed, now_ns)
            assert (answer.again_ns is None) == (answer.outcome is not None)
            assert answer.again_ns is None or answer.again_ns >= now_ns


@pytest.mark.parametrize(
    ("from_bps", "to_bps", "read_bps", "seen"),
    [
        (None, 5_000_000, None, Seen.OLD),
        (None, 5_000_000, 5_000_000, Seen.NEW),
        (None, 999_999, 999_992, Seen.NEW),
        (None, 5_000_000, 4_000_000, Seen.OTHER),
        (2_000_000, None, None, Seen.NEW),
        (2_000_000, None, 1_999_992, Seen.OLD),
        (2_000_000, None, 0, Seen.OTHER),
        (5_000_000, 2_000_000, None, Seen.OTHER),
        (1_000_000, 1_006_000, 1_002_000, Seen.OLD),
        (1_000_000, 1_006_000, 1_004_000, Seen.NEW),
    ],
)
def test_what_was_read_is_compared_with_both_limits(
    from_bps: int | None, to_bps: int | None, read_bps: int | None, seen: Seen
) -> None:
    assert classify(intent(from_bps, to_bps), read_bps, 5) is seen


@pytest.mark.parametrize(("floor", "seen"), [(1, Seen.OLD), (2, Seen.NEW), (3, Seen.OTHER)])
def test_floors_tell_two_limits_of_one_rate_apart(floor: int, seen: Seen) -> None:
    def placed(floor: int) -> Placement:
        return Placement(floor * 10**6, 1, 5, (Tier(None, 8 * 10**6, 8 * 10**6),))

    of = intent(5_000_000, 5_000_000)
    change = dataclasses.replace(of.change, from_placement=placed(1), to_placement=placed(2))
    assert classify(dataclasses.replace(of, change=change), 5_000_000, 10, placed(floor)) is seen
