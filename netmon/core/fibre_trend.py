"""What is remembered of one optical power: daily medians, a baseline, a slope.

The slope is the Theil-Sen estimator (Sen 1968), believed by the Mann-Kendall test (Kendall 1975): neither minds
outliers, gaps or the shape of the noise. Memory is bounded whatever the age of the link.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from netmon.core.model import NANOSECONDS

DAY_NS: Final = 86_400 * NANOSECONDS
MONTH_DAYS: Final = 30
"""Days of the month in `dB a month`."""
MOST_DAYS: Final = 90
"""Daily medians that are remembered: the slope is that of the last three months."""
BASELINE_DAYS: Final = 7
LEAST_DAYS: Final = 14
"""Medians below which no slope is believed."""
_SLOT_NS: Final = 1800 * NANOSECONDS
"""One reading of a half-hour enters the day's median."""
_RECENT: Final = 3
_STEP_DB: Final = 1.0
"""A change from one day to the next that holds on the day after: something was done to the link."""
_LEAST_STEP_DB: Final = 0.5
"""The same where a week has shown that the link keeps quiet."""
_STEP_NOISES: Final = 6
"""Median changes from day to day that a step must exceed."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A straight line through the daily medians."""

    db_per_day: float
    level_dbm: float
    """On the last day."""
    z: float
    """Mann-Kendall: standard deviations from `no trend`; negative falls."""
    span_days: int
    last_day: int
    """Since 1970 (UTC)."""

    @property
    def db_per_month(self) -> float:
        return self.db_per_day * MONTH_DAYS


@dataclass(frozen=True, slots=True)
class Trend:
    """What is remembered of one power: at most MOST_DAYS medians and one day's readings."""

    days: tuple[tuple[int, float], ...] = ()
    """Day since 1970 (UTC) and its median, dBm; ascending, closed days only."""
    today: int = -1
    samples: tuple[float, ...] = ()
    """Of `today`, at most one a half-hour."""
    slot: int = -1
    recent: tuple[float, ...] = ()
    """The last readings, whatever the half-hour."""
    baseline_dbm: float | None = None
    """Median of the first BASELINE_DAYS days since the link was last put in order; None: not yet learnt."""
    fit: Fit | None = None
    """None: fewer than LEAST_DAYS days."""

    @property
    def level_dbm(self) -> float | None:
        """Now: the median of the last three readings."""
        return median(self.recent) if self.recent else None

    def add(self, power_dbm: float, now_ns: int) -> Trend:
        """With one more reading; one that is no finite number, or from an earlier day than the last, is ignored."""
        day, slot = now_ns // DAY_NS, now_ns // _SLOT_NS
        if not math.isfinite(power_dbm) or day < self.today:
            return self
        trend = self if day == self.today else _closed(self, day)
        recent = (*trend.recent, power_dbm)[-_RECENT:]
        if slot <= trend.slot:
            return replace(trend, recent=recent)
        return replace(trend, samples=(*trend.samples, power_dbm), slot=slot, recent=recent)


def _closed(trend: Trend, day: int) -> Trend:
    """With the day behind it turned into a median, and `day` begun."""
    if not trend.samples:
        return replace(trend, today=day)
    days = (*trend.days, (trend.today, median(trend.samples)))
    days = tuple(entry for entry in days if entry[0] > day - MOST_DAYS)[-MOST_DAYS:]
    baseline = trend.baseline_dbm
    step = _step(days)
    if step:
        days = days[-2:]
        baseline = None if step > 0 else baseline
    if baseline is None and len(days) >= BASELINE_DAYS:
        baseline = median(power for _, power in days[:BASELINE_DAYS])
    return replace(trend, days=days, today=day, samples=(), baseline_dbm=baseline, fit=_fitted(days))


def _step(days: Sequence[tuple[int, float]]) -> float:
    """dB by which the last two days lie above (negative: below) the three before them; 0: no step."""
    if len(days) < 3:
        return 0.0
    before = median(power for _, power in days[-5:-2])
    first, second = (power for _, power in days[-2:])
    held = min(first - before, second - before, key=abs)
    same_way = (first - before) * (second - before) > 0
    return held if same_way and abs(held) >= _step_threshold(days[:-2]) else 0.0


def _step_threshold(days: Sequence[tuple[int, float]]) -> float:
    if len(days) < BASELINE_DAYS:
        return _STEP_DB
    changes = [abs(later - earlier) for (_, earlier), (_, later) in pairwise(days)]
    return max(_LEAST_STEP_DB, _STEP_NOISES * median(changes))


def _fitted(days: Sequence[tuple[int, float]]) -> Fit | None:
    count = len(days)
    if count < LEAST_DAYS:
        return None
    pairs = [(b[1] - a[1], b[0] - a[0]) for a, b in combinations(days, 2)]
    slope = median(rise / run for rise, run in pairs)
    last = days[-1][0]
    level = median(power + slope * (last - day) for day, power in days)
    score = sum((rise > 0) - (rise < 0) for rise, _ in pairs)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    z = (score - (score > 0) + (score < 0)) / deviation
    return Fit(slope, level, z, last - days[0][0], last)
