"""When a policy's limits hold: weekdays, dates, times of day and holidays, in an agency's own zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from netmon.core.periods import from_ns, to_ns

DAY_MINUTES = 24 * 60
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
"""ISO 8601: Monday is 1."""


class Holidays(StrEnum):
    """What holidays are to the weekdays of a window."""

    IGNORE = "ignore"
    """Days like any other."""
    EXCLUDE = "exclude"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Window:
    """A part of certain days. One that passes midnight belongs to the day on which it begins."""

    days: tuple[int, ...] = EVERY_DAY
    """ISO weekdays, narrowed by `holidays`."""
    dates: tuple[int, ...] = ()
    """Days besides, as YYYYMMDD, holidays or not."""
    from_minute: int = 0
    to_minute: int = DAY_MINUTES
    """Minutes after midnight, half-open; not above from_minute: on the next day."""
    holidays: Holidays = Holidays.IGNORE
    calendar: tuple[int, ...] = ()
    """Which days are holidays, as YYYYMMDD ascending; empty unless `holidays` asks."""

    def begins_on(self, day: date) -> bool:
        number = numbered(day)
        if number in self.dates:
            return True
        if day.isoweekday() not in self.days:
            return False
        return self.holidays is Holidays.IGNORE or (number in self.calendar) == (self.holidays is Holidays.ONLY)

    def on(self, day: date, zone: ZoneInfo) -> tuple[int, int]:
        """Its beginning and end, UTC nanoseconds; equal where a change of the clock leaves nothing of it."""
        ends_on = day if self.to_minute > self.from_minute else day + timedelta(days=1)
        start_ns, end_ns = _instant(day, self.from_minute, zone), _instant(ends_on, self.to_minute, zone)
        return start_ns, max(start_ns, end_ns)


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand at an instant."""

    is_open: bool
    until_ns: int | None
    """When that changes; None: not before the end of what was asked."""


def numbered(day: date) -> int:
    """YYYYMMDD."""
    return day.year * 10_000 + day.month * 100 + day.day


def standing(windows: Sequence[Window], zone: str, now_ns: int, end_ns: int) -> Standing:
    """Whether `now_ns` lies in any of the windows, and until when, looking no further than `end_ns`.

    Windows that touch or overlap are one.
    """
    first, last = from_ns(now_ns, zone).date() - timedelta(days=2), from_ns(end_ns, zone).date()
    closes_ns: int | None = None
    for start_ns, stop_ns in _spans(windows, ZoneInfo(zone), first, last):
        if stop_ns <= now_ns:
            continue
        if start_ns > (now_ns if closes_ns is None else closes_ns):
            break
        closes_ns = stop_ns if closes_ns is None else max(closes_ns, stop_ns)
        if closes_ns >= end_ns:
            break
    else:
        start_ns = end_ns
    changes_ns = start_ns if closes_ns is None else closes_ns
    return Standing(closes_ns is not None, changes_ns if changes_ns < end_ns else None)


def _spans(windows: Sequence[Window], zone: ZoneInfo, first: date, last: date) -> Iterator[tuple[int, int]]:
    """By their beginning; a window lasts no longer than a day, so that those of one day are sorted among themselves."""
    day = first
    while day <= last:
        found = [window.on(day, zone) for window in windows if window.begins_on(day)]
        yield from sorted(span for span in found if span[0] < span[1])
        day += timedelta(days=1)


def _instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """A time that the clock skips is taken for as long after the skip (PEP 495)."""
    on = day + timedelta(days=minute // DAY_MINUTES)
    return to_ns(datetime(on.year, on.month, on.day, minute % DAY_MINUTES // 60, minute % 60, tzinfo=zone))
