"""Whether more is wanted of a capacity than there is: limits are set while it is so, and not at every ripple."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netmon.core.model import NANOSECONDS

ENTER_PERMILLE = 900
LEAVE_PERMILLE = 800
LEAVE_AFTER_NS = 15 * 60 * NANOSECONDS


class Plenty(StrEnum):
    """How much is wanted, in one word."""

    AMPLE = "ample"
    SHORT = "short"
    """More than 90 % of it was wanted, and not yet less than 80 %."""
    EASING = "easing"
    """Less than 80 % of it is wanted, but not for 15 minutes yet."""


@dataclass(frozen=True, slots=True)
class Scarcity:
    """Of one capacity in one direction."""

    plenty: Plenty = Plenty.AMPLE
    easing_since_ns: int | None = None

    @property
    def short(self) -> bool:
        """Whether limits are set."""
        return self.plenty is not Plenty.AMPLE


def further(before: Scarcity, wanted_bps: int, capacity_bps: int, now_ns: int) -> Scarcity:
    """Entered at once, left only after LEAVE_AFTER_NS below LEAVE_PERMILLE; a clock that goes back starts them anew."""
    if wanted_bps * 1000 > capacity_bps * ENTER_PERMILLE:
        return Scarcity(Plenty.SHORT)
    if not before.short or wanted_bps * 1000 >= capacity_bps * LEAVE_PERMILLE:
        return Scarcity(Plenty.SHORT if before.short else Plenty.AMPLE)
    since_ns = min(now_ns, now_ns if before.easing_since_ns is None else before.easing_since_ns)
    if now_ns - since_ns >= LEAVE_AFTER_NS:
        return Scarcity()
    return Scarcity(Plenty.EASING, since_ns)
