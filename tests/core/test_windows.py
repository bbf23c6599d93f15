"""Windows: weekdays, dates, hours past midnight and holidays, in any zone, with and without changes of the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.model import NANOSECONDS
from netmon.core.periods import from_ns, to_ns
from netmon.core.windows import DAY_MINUTES, EVERY_DAY, Holidays, Standing, Window, standing

WITA = "Asia/Makassar"
BERLIN = "Europe/Berlin"
MINUTE_NS = 60 * NANOSECONDS
OFFICE = Window(days=(1, 2, 3, 4, 5), from_minute=450, to_minute=960)
NIGHT = Window(from_minute=22 * 60, to_minute=5 * 60)


def at(written: str, zone: str = WITA) -> int:
    return to_ns(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)))


def stands(
    window: Window | tuple[Window, ...], written: str, zone: str = WITA, days: int = 31
) -> tuple[bool, str | None]:
    """Whether it is open, and until when, as that is written in the zone."""
    windows = window if isinstance(window, tuple) else (window,)
    now_ns = at(written, zone)
    found = standing(windows, zone, now_ns, now_ns + days * 86_400 * NANOSECONDS)
    return found.is_open, None if found.until_ns is None else from_ns(found.until_ns, zone).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("window", "written", "is_open", "until"),
    [
        (OFFICE, "2026-11-23T07:29", False, "11-23 07:30"),  # a Monday
        (OFFICE, "2026-11-23T07:30", True, "11-23 16:00"),
        (OFFICE, "2026-11-23T16:00", False, "11-24 07:30"),
        (OFFICE, "2026-11-27T16:00", False, "11-30 07:30"),  # over the week-end
        (NIGHT, "2026-11-23T23:00", True, "11-24 05:00"),
        (NIGHT, "2026-11-24T04:59", True, "11-24 05:00"),
        (NIGHT, "2026-11-24T05:00", False, "11-24 22:00"),
        (Window(days=(5,), from_minute=1200, to_minute=480), "2026-11-28T07:00", True, "11-28 08:00"),
        (Window(days=(), dates=(20261127,)), "2026-11-26T12:00", False, "11-27 00:00"),
        (Window(days=(), dates=(20261127,)), "2026-11-27T12:00", True, "11-28 00:00"),
        (Window(days=(6, 7)), "2026-11-27T12:00", False, "11-28 00:00"),
        (Window(days=(6, 7)), "2026-11-28T12:00", True, "11-30 00:00"),  # two days are one window
        ((OFFICE, Window(from_minute=900, to_minute=1080)), "2026-11-23T12:00", True, "11-23 18:00"),
        ((OFFICE, NIGHT), "2026-11-23T17:00", False, "11-23 22:00"),
        (Window(), "2026-11-23T12:00", True, None),
        (Window(days=(), dates=(20200101,)), "2026-11-23T12:00", False, None),
    ],
)
def test_a_window_stands_open_or_shut_until_its_edge(
    window: Window | tuple[Window, ...], written: str, is_open: bool, until: str | None
) -> None:
    assert stands(window, written) == (is_open, until)


@pytest.mark.parametrize(
    ("holidays", "days", "open_on"),
    [
        (Holidays.IGNORE, (1, 2, 3, 4, 5), {17, 18}),
        (Holidays.EXCLUDE, (1, 2, 3, 4, 5), {18}),
        (Holidays.ONLY, EVERY_DAY, {17}),
    ],
)
def test_holidays_narrow_weekdays_and_not_dates(holidays: Holidays, days: tuple[int, ...], open_on: set[int]) -> None:
    """17 August 2026 is a Monday; the 16th is a Sunday."""
    window = Window(days=days, holidays=holidays, calendar=(20260817,))
    found = {day for day in (17, 18) if stands(window, f"2026-08-{day}T12:00")[0]}
    assert found == open_on
    listed = Window(days=days, dates=(20260817,), holidays=holidays, calendar=(20260817,))
    assert stands(listed, "2026-08-17T12:00")[0]


def test_no_further_than_asked_is_looked_for_an_edge() -> None:
    far = Window(days=(), dates=(20301231,))
    assert stands(far, "2026-11-23T12:00", days=366) == (False, None)
    assert stands(OFFICE, "2026-11-23T12:00", days=0) == (True, None)


def test_a_window_that_the_clock_skips_is_as_much_of_it_as_there_is() -> None:
    """29 March 2026, 02:00 -> 03:00 in Berlin; 25 October, 03:00 -> 02:00."""
    early = Window(from_minute=90, to_minute=210)
    assert stands(early, "2026-03-29T01:45", BERLIN) == (True, "03-29 03:30")
    assert early.on(date(2026, 3, 29), ZoneInfo(BERLIN)) == (
        at("2026-03-29T01:30", BERLIN),
        at("2026-03-29T03:30", BERLIN),
    )
    start_ns, end_ns = early.on(date(2026, 10, 25), ZoneInfo(BERLIN))
    assert end_ns - start_ns == 3 * 60 * MINUTE_NS, "the hour that comes twice is twice in it"
    skipped = Window(from_minute=125, to_minute=185)
    start_ns, end_ns = skipped.on(date(2026, 3, 29), ZoneInfo(BERLIN))
    assert end_ns >= start_ns


windows = st.builds(
    Window,
    days=st.lists(st.sampled_from(EVERY_DAY), unique=True, max_size=7).map(tuple),
    dates=st.lists(st.sampled_from([20260326, 20260329, 20260330]), unique=True, max_size=2).map(tuple),
    from_minute=st.integers(0, DAY_MINUTES - 1),
    to_minute=st.integers(0, DAY_MINUTES),
    holidays=st.sampled_from(Holidays),
    calendar=st.just((20260328, 20260330)),
)


@settings(max_examples=150)
@given(
    st.lists(windows, min_size=1, max_size=3).map(tuple),
    st.sampled_from([WITA, "Asia/Jakarta", BERLIN, "America/St_Johns"]),
    st.integers(0, 8 * DAY_MINUTES),
)
def test_every_minute_says_the_same_until_the_edge_and_the_contrary_at_it(
    several: tuple[Window, ...], zone: str, minute: int
) -> None:
    """Held against looking at each window of each day by itself, across a change of the clock."""
    now_ns = at("2026-03-25T00:00", zone) + minute * MINUTE_NS
    end_ns = now_ns + 9 * 86_400 * NANOSECONDS

    def inside(at_ns: int) -> bool:
        day = from_ns(at_ns, zone).date()
        spans = (
            window.on(one, ZoneInfo(zone))
            for window in several
            for one in (day - timedelta(days=1), day, day + timedelta(days=1))
            if window.begins_on(one)
        )
        return any(start <= at_ns < end for start, end in spans)

    found = standing(several, zone, now_ns, end_ns)
    assert found.is_open == inside(now_ns)
    edge_ns = end_ns if found.until_ns is None else found.until_ns
    assert all(inside(at_ns) == found.is_open for at_ns in range(now_ns, edge_ns, 7 * MINUTE_NS))
    assert inside(edge_ns - 1) == found.is_open
    if found.until_ns is not None:
        assert inside(edge_ns) != found.is_open
        assert standing(several, zone, edge_ns, end_ns) != Standing(found.is_open, found.until_ns)
