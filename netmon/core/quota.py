"""Usage + policy + previous verdict + now -> a verdict with a named reason."""

from __future__ import annotations

from dataclasses import dataclass

from netmon.core.model import Direction, RuleRef
from netmon.core.periods import PeriodRule


@dataclass(frozen=True, slots=True)
class LadderStep:
    """From `at_permille` thousandths of the volume on: notify only, or slow to a rate."""

    at_permille: int
    slow_to_bps: int | None
    """None: notify only."""
    rule: RuleRef


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """A volume per period in one direction and what happens as it is used up."""

    name: str
    direction: Direction
    period: PeriodRule
    volume_bytes: int
    ladder: tuple[LadderStep, ...]
    """Ascending by at_permille."""
    hysteresis_permille: int
    """A step in force is left only this far below its threshold (of the volume)."""
    rule: RuleRef
