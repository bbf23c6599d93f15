"""What is written down when a period closes, and why it is written down again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from netmon.core.demand import DEFINITION
from netmon.core.measurement import Gap, Usage
from netmon.core.model import Direction


@dataclass(frozen=True, slots=True)
class Port:
    """Where a circuit's traffic in one direction was counted."""

    circuit: str
    router: str
    interface: str
    way: str
    """`in` or `out`: the router's own view."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What an agency, or one circuit of it, used in a period in one direction: the same by every door."""

    circuit: str | None
    """None: all of the agency's together."""
    direction: Direction
    ports: tuple[Port, ...]
    proven_bytes: int
    estimated_bytes: int
    unknown_ns: int
    elapsed_ns: int
    p95_bps: int | None
    p95_samples: int
    peak_bps: int | None
    peak_at_ns: int | None
    """When the highest 300 s cell began."""
    gaps: tuple[Gap, ...] = ()
    p95_definition: str = DEFINITION
    traffic_class: str = "all"

    @property
    def coverage_ratio(self) -> float | None:
        """Share of the elapsed period in which nothing can be missing; None before it began."""
        return Usage(0, 0, self.unknown_ns, self.elapsed_ns).coverage_ratio


class ClosingReason(StrEnum):
    """Why a revision was made."""

    CLOSED = "closed"
    """Someone closed the period."""
    CLOSED_AUTOMATICALLY = "closed_automatically"
    """`ledger.close_after` had passed."""
    LATE_READINGS = "late_readings"
    """A router was read again of which nothing newer than the period's end had been known."""
    CIRCUITS_CHANGED = "circuits_changed"
    """Someone closed it again: circuits were added, taken away, or face the other way."""
    CORRECTED = "corrected"
    """Someone closed it again: the same circuits, and other figures."""


@dataclass(frozen=True, slots=True)
class Closing:
    """One revision of one agency's closed period."""

    agency: str
    label: str
    zone: str
    start_ns: int
    end_ns: int
    revision: int
    """1-based."""
    at_ns: int
    by: str
    reason: ClosingReason
    note: str
    """In the words of who did it; empty where nobody did."""
    figures: tuple[Figures, ...]

    @property
    def subject(self) -> str:
        """Its name in the receipt chain."""
        return f"{self.agency}/{self.start_ns}-{self.end_ns}/{self.revision}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A closing as it was drawn up, its revision still to be given."""

    closing: Closing
    settled: bool
    """Whether every port had been read after the period's end: no later reading can alter it."""


def revised(closing: Closing, before: Closing | None) -> Closing | None:
    """The revision that `closing` is after `before`; None where it would say the same.

    The reason of who closes a closed period again is what changed.
    """
    if before is None:
        return replace(closing, revision=1)
    if closing.figures == before.figures:
        return None
    reason = closing.reason
    if reason is ClosingReason.CLOSED:
        same = [one.ports for one in closing.figures] == [one.ports for one in before.figures]
        reason = ClosingReason.CORRECTED if same else ClosingReason.CIRCUITS_CHANGED
    return replace(closing, revision=before.revision + 1, reason=reason)


def merged(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Gaps of the same series and reason that touch or overlap made one, in the order of time."""
    found: list[Gap] = []
    key = _series_and_reason
    for gap in sorted(gaps, key=lambda one: (*key(one), one.from_ns, one.to_ns)):
        last = found[-1] if found else None
        if last is not None and key(last) == key(gap) and gap.from_ns <= last.to_ns:
            found[-1] = replace(last, to_ns=max(last.to_ns, gap.to_ns))
        else:
            found.append(gap)
    return tuple(sorted(found, key=lambda one: (one.from_ns, one.to_ns, *key(one))))


def _series_and_reason(gap: Gap) -> tuple[str, str, str, str]:
    return gap.router, gap.interface, gap.direction, gap.reason.value
