"""Limits that are no longer what netmon left on the router, and how far netmon may go to mend that.

Three kinds: ours was changed, ours is missing, somebody else's object appeared. Only the first two are repaired, on our
own objects, by believing what was read: the planner then plans what is due. Netmon fights nobody: once two repairs
were undone it stops there and calls a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netmon.core.model import NANOSECONDS, Direction, Placement
from netmon.core.planning import Observed, equal_rates, same_placement

REPAIRS: Final = 2
"""So many are made; where the last of them is undone, too, no more."""
FORGOTTEN_NS: Final = 7 * 86_400 * NANOSECONDS
"""A limit that held for so long after a repair is nobody's quarrel any more."""
MOST_REPAIRS: Final = 20
"""Places given to the planner for repair in one round; what differs beyond is left for the next."""


class Drift(StrEnum):
    """How a limit differs from what netmon left."""

    CHANGED = "changed"
    MISSING = "missing"
    FOREIGN = "foreign"
    """Something else shapes the port; ours, if any, is as it was left."""


class Response(StrEnum):
    """What netmon does about it."""

    REPAIR = "repair"
    """What was read is believed; the planner plans what is due."""
    STOP = "stop"
    """It is believed, but nothing is planned there until a person says so."""
    ALERT = "alert"
    """It is told; nothing is touched."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a router was read to have, in one direction of one circuit."""

    bps: int | None
    ours: bool
    foreign: str | None
    """What else shapes it, named."""
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Contest:
    """That somebody undoes what netmon does, as far as it has come."""

    times: int
    """How often the limit was found altered by somebody else."""
    last_ns: int
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was left; a link of the chain."""

    at_ns: int
    router: str
    circuit: str
    direction: Direction
    drift: Drift
    response: Response
    believed_bps: int | None
    read_bps: int | None
    foreign: str | None
    times: int
    """How often by now; 0 for what is not counted."""


def drift(believed: Observed, read: Read, tolerance_permille: int) -> Drift | None:
    """How what was read differs from a belief that is known; None: it does not."""
    if read.ours or believed.bps is not None:
        if not read.ours or read.bps is None:
            return Drift.MISSING if believed.bps is not None else Drift.CHANGED
        if not equal_rates(believed.bps, read.bps, tolerance_permille):
            return Drift.CHANGED
        if not same_placement(believed.placement, read.placement, tolerance_permille):
            return Drift.CHANGED
    return Drift.FOREIGN if read.foreign is not None else None


def respond(found: Drift, before: Contest | None, now_ns: int) -> tuple[Response, Contest | None]:
    """What to do about it, and what is to be remembered of it; `before`: what was, None: nothing."""
    if found is Drift.FOREIGN:
        return Response.ALERT, before
    if before is not None and before.stopped:
        return Response.STOP, before
    if before is not None and now_ns - before.last_ns >= FORGOTTEN_NS:
        before = None
    times = 1 if before is None else before.times + 1
    stopped = times > REPAIRS
    return (Response.STOP if stopped else Response.REPAIR), Contest(times, now_ns, stopped)
