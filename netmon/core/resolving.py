"""What became of an intent whose outcome was never recorded: a table, read after the router was read again.

Nothing here applies a change a second time (docs/adr/0005-intent-before-touch.md): an intent ends in a
receipt for what was found, and the planner plans anew from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from netmon.core.changes import Intent, Outcome
from netmon.core.model import NANOSECONDS, Placement
from netmon.core.planning import equal_rates, same_placement

GRACE_NS = 5 * NANOSECONDS
"""A router's undo may fire this much after its deadline: timers there count in seconds."""


class Seen(StrEnum):
    """The limit read back from the router, compared with an intent."""

    OLD = "old"
    NEW = "new"
    OTHER = "other"
    UNREADABLE = "unreadable"


class Armed(StrEnum):
    """The undo of an intent, looked for on the router by the intent's id."""

    ARMED = "armed"
    FIRED = "fired"
    UNARMED = "unarmed"
    """There is none, and no trace that it ever fired."""
    UNKNOWN = "unknown"


class ResolveAction(StrEnum):
    """What to do about an intent. None of these applies the change again."""

    RECORD_OLD = "record_old"
    """Write the receipt: the old limit is in force. The planner may plan anew."""
    RECORD_NEW = "record_new"
    """Write the receipt: the new limit is in force."""
    WAIT = "wait"
    """Touch nothing, read again later; the old limit stays reserved and the router in doubt."""
    DISARM = "disarm"
    """Remove the overdue undo, then read and resolve again."""
    REVERT = "revert"
    """Run the overdue undo now, then read and resolve again."""
    GIVE_TO_OPERATOR = "give_to_operator"
    """Write the receipt and leave the circuit alone until a person has looked at it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One answer to: what became of this intent?"""

    cell: str
    """Name of the table's cell."""
    action: ResolveAction
    outcome: Outcome | None
    """For the receipt; None while the intent stays open."""
    reason: str
    """One sentence."""
    again_ns: int | None
    """Not to be read again before; None when closed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one combination means; `late`: only from the undo's deadline on, before that it is read again."""

    seen: Seen
    armed: Armed
    name: str
    action: ResolveAction
    outcome: Outcome | None
    late: bool
    reason: str


_CELLS = (
    Cell(
        Seen.OLD,
        Armed.ARMED,
        "old_undo_overdue",
        ResolveAction.DISARM,
        None,
        True,
        "the old limit is in force and the undo is overdue",
    ),
    Cell(
        Seen.OLD,
        Armed.FIRED,
        "undone_by_router",
        ResolveAction.RECORD_OLD,
        Outcome.REVERTED,
        False,
        "the router's own undo put the old limit back",
    ),
    Cell(
        Seen.OLD,
        Armed.UNARMED,
        "never_applied",
        ResolveAction.RECORD_OLD,
        Outcome.FAILED,
        False,
        "the old limit is in force and no undo is armed: the change did not come into force",
    ),
    Cell(
        Seen.OLD,
        Armed.UNKNOWN,
        "old_after_deadline",
        ResolveAction.RECORD_OLD,
        Outcome.FAILED,
        True,
        "the old limit is in force after the deadline of any undo",
    ),
    Cell(
        Seen.NEW,
        Armed.ARMED,
        "new_undo_overdue",
        ResolveAction.DISARM,
        None,
        True,
        "the new limit is in force, the router answers, and the undo is overdue",
    ),
    Cell(
        Seen.NEW,
        Armed.FIRED,
        "undo_had_no_effect",
        ResolveAction.GIVE_TO_OPERATOR,
        Outcome.UNKNOWN,
        False,
        "the undo fired and yet the new limit is in force: this router's undo cannot be relied on",
    ),
    Cell(
        Seen.NEW,
        Armed.UNARMED,
        "confirmed_unrecorded",
        ResolveAction.RECORD_NEW,
        Outcome.CONFIRMED,
        False,
        "the new limit was read back and no undo is armed",
    ),
    Cell(
        Seen.NEW,
        Armed.UNKNOWN,
        "new_after_deadline",
        ResolveAction.RECORD_NEW,
        Outcome.CONFIRMED,
        True,
        "the new limit was read back after the deadline of any undo",
    ),
    Cell(
        Seen.OTHER,
        Armed.ARMED,
        "half_applied",
        ResolveAction.REVERT,
        None,
        True,
        "neither the old nor the new limit is in force and the undo is overdue",
    ),
    Cell(
        Seen.OTHER,
        Armed.FIRED,
        "undo_incomplete",
        ResolveAction.GIVE_TO_OPERATOR,
        Outcome.UNKNOWN,
        False,
        "the undo fired and yet neither the old nor the new limit is in force",
    ),
    Cell(
        Seen.OTHER,
        Armed.UNARMED,
        "changed_by_another",
        ResolveAction.GIVE_TO_OPERATOR,
        Outcome.UNKNOWN,
        False,
        "neither the old nor the new limit is in force and no undo is armed: someone else changed it",
    ),
    Cell(
        Seen.OTHER,
        Armed.UNKNOWN,
        "other_after_deadline",
        ResolveAction.GIVE_TO_OPERATOR,
        Outcome.UNKNOWN,
        True,
        "neither the old nor the new limit is in force after the deadline of any undo",
    ),
    Cell(
        Seen.UNREADABLE,
        Armed.ARMED,
        "unreadable_armed",
        ResolveAction.WAIT,
        None,
        False,
        "the limit cannot be read; an undo is armed",
    ),
    Cell(
        Seen.UNREADABLE,
        Armed.FIRED,
        "unreadable_fired",
        ResolveAction.WAIT,
        None,
        False,
        "the limit cannot be read; the undo has fired",
    ),
    Cell(
        Seen.UNREADABLE,
        Armed.UNARMED,
        "unreadable_unarmed",
        ResolveAction.WAIT,
        None,
        False,
        "the limit cannot be read; no undo is armed",
    ),
    Cell(
        Seen.UNREADABLE,
        Armed.UNKNOWN,
        "unreachable",
        ResolveAction.WAIT,
        None,
        False,
        "the router cannot be read: its old limit stays reserved",
    ),
)
RESOLUTIONS: Mapping[tuple[Seen, Armed], Cell] = MappingProxyType({(cell.seen, cell.armed): cell for cell in _CELLS})
"""{old, new, other, unreadable} x {armed, fired, unarmed, unknown}, architecture invariant 3."""


def classify(intent: Intent, read_bps: int | None, tolerance_permille: int, placement: Placement | None = None) -> Seen:
    """Which of an intent's two limits was read back (None: no limit); the closer one where both would do.

    `placement` is the one read where the circuit shares a shaping point.
    """
    change = intent.change
    old, new = change.from_bps, change.to_bps
    is_old = equal_rates(read_bps, old, tolerance_permille) and same_placement(
        placement, change.from_placement, tolerance_permille
    )
    is_new = equal_rates(read_bps, new, tolerance_permille) and same_placement(
        placement, change.to_placement, tolerance_permille
    )
    if is_old and is_new:
        return Seen.NEW if abs((read_bps or 0) - (new or 0)) <= abs((read_bps or 0) - (old or 0)) else Seen.OLD
    if is_new:
        return Seen.NEW
    return Seen.OLD if is_old else Seen.OTHER


def resolve(intent: Intent, seen: Seen, armed: Armed, now_ns: int) -> Resolution:
    """What became of `intent`, read at `now_ns` while no session of ours was open on its router."""
    cell = RESOLUTIONS[seen, armed]
    settled_ns = intent.deadline_ns + GRACE_NS
    if cell.late and now_ns < settled_ns:
        reason = f"the {seen} limit was read while the undo is {armed}: read again after its deadline"
        return Resolution(cell.name, ResolveAction.WAIT, None, reason, settled_ns)
    again_ns = None if cell.outcome is not None else now_ns
    return Resolution(cell.name, cell.action, cell.outcome, cell.reason, again_ns)
