"""Named decoders from what a command line prints to typed values.

A profile names a decoder and holds no expressions: where a value needs more, a decoder is added here,
with a test. The forms of times are those of the vendors' documents named beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from netmon.routers.dialects import Way

Value = str | int | bool | datetime | Way

LARGEST: Final = 2**64 - 1
"""No counter and no rate is larger."""
_LONGEST_TEXT: Final = 200
_ABSENT: Final = frozenset({"", "n/a", "na", "-", "--", "none", "unknown", "never"})


class Makes(StrEnum):
    """What a decoder makes of a text."""

    TEXT = "text"
    WAY = "direction"
    COUNT = "count"
    RATE = "rate"
    TIME = "time"
    FLAG = "flag"


class UndecodableError(ValueError):
    """A text the decoder does not know; the message is half a sentence naming it."""


Decode = Callable[[str, tzinfo | None], Value | None]
"""Text, and the zone of times that name none -> value; None: the router says that there is none."""


@dataclass(frozen=True, slots=True)
class CliDecoder:
    """How the text of a field becomes a fact."""

    name: str
    makes: Makes


def decode(decoder: CliDecoder, text: str, zone: tzinfo | None = None) -> Value | None:
    """The value a text stands for; None for an empty text, `N/A`, `none`, `-`, and a rate of 0 (no limit).

    `zone` is that of the router's clock, for times that name none. Raises UndecodableError.
    """
    stripped = text.strip()
    if stripped.lower() in _ABSENT:
        return None
    return _DECODE[decoder.name](stripped, zone)


def _text(text: str, zone: tzinfo | None) -> str | None:
    shown = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return shown[:_LONGEST_TEXT] or None


_WAYS: Final = MappingProxyType(
    {
        **dict.fromkeys(("in", "input", "ingress", "inbound", "rx"), Way.INGRESS),
        **dict.fromkeys(("out", "output", "egress", "outbound", "tx"), Way.EGRESS),
    }
)


def _direction(text: str, zone: tzinfo | None) -> Way:
    try:
        return _WAYS[text.lower()]
    except KeyError:
        raise UndecodableError(f"{_shown(text)} is not a direction") from None


_INTEGER = re.compile(r"[0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]{1,20}", re.ASCII)
_RATE = re.compile(
    r"(?P<number>[0-9][0-9,]{0,24}(?:\.[0-9]{1,9})?)\s*(?P<scale>[kKmMgGtT]i?)?(?:bps|bit/s|bits/sec|[Bb]it)?", re.ASCII
)
_SCALES: Final = MappingProxyType(
    {
        "": 1,
        **{unit: 1000**n for n, unit in enumerate("kmgt", 1)},
        **{f"{unit}i": 1024**n for n, unit in enumerate("kmgt", 1)},
    }
)


def _integer(text: str, zone: tzinfo | None) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise UndecodableError(f"{_shown(text)} is not a whole number")
    value = int(text.replace(",", "").replace(" ", ""))
    if value > LARGEST:
        raise UndecodableError(f"{_shown(text)} does not fit into 64 bits")
    return value


def _sum(text: str, zone: tzinfo | None) -> int:
    return min(LARGEST, sum(_integer(part, zone) for part in text.split()))


def _bits_per_second(text: str, zone: tzinfo | None) -> int | None:
    match = _RATE.fullmatch(text)
    if match is None:
        raise UndecodableError(f"{_shown(text)} is not a rate")
    whole, _, fraction = match["number"].replace(",", "").partition(".")
    tens: int = 10 ** len(fraction)
    return _rate(int(whole + fraction) * _SCALES[(match["scale"] or "").lower()] // tens, text)


def _bytes_per_second(text: str, zone: tzinfo | None) -> int | None:
    return _rate(8 * _integer(text, zone), text)


def _kilobits_per_second(text: str, zone: tzinfo | None) -> int | None:
    return _rate(1000 * _integer(text, zone), text)


def _rate(bps: int, text: str) -> int | None:
    if bps > LARGEST:
        raise UndecodableError(f"{_shown(text)} is no rate a router can hold")
    return bps or None


def _yes_no(text: str, zone: tzinfo | None) -> bool:
    match text.lower():
        case "yes" | "true":
            return True
        case "no" | "false":
            return False
    raise UndecodableError(f"{_shown(text)} is neither yes nor no")


def _epoch_seconds(text: str, zone: tzinfo | None) -> datetime:
    try:
        return datetime.fromtimestamp(_integer(text, zone), UTC)
    except (ValueError, OverflowError, OSError):
        raise UndecodableError(f"{_shown(text)} is not a time in seconds since 1970") from None


_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:\.\d{1,9})?"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ZONE = r"(?P<zone>[A-Za-z][A-Za-z0-9]{0,15}(?:[+-]\d{2}:?\d{2})?|[+-]\d{2}:?\d{2})"
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})\Z", re.ASCII)
_TIMES: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        # ISO 8601 and its relatives: Huawei VRP8, VyOS, Nokia (2017/10/06 18:18:28).
        rf"(?P<year>\d{{4}})[-/](?P<number>\d{{2}})[-/](?P<date>\d{{2}})[T ]+{_CLOCK}\s*{_ZONE}?",
        # Cisco IOS: 09:41:22 UTC Mon Sep 7 2026; an asterisk or dot before it marks a clock that is not synchronised.
        rf"[*.]?{_CLOCK} {_ZONE} {_DAY} {_MONTH} +(?P<date>\d{{1,2}}) (?P<year>\d{{4}})",
        # asctime: NX-OS and IOS-XR (Fri Oct 24 13:54:06 2025), with a zone where a template found one.
        rf"{_DAY} {_MONTH} +(?P<date>\d{{1,2}}) {_CLOCK} (?P<year>\d{{4}})(?: {_ZONE})?",
        # Huawei VRP5: May 06 2016 03:28:39
        rf"{_MONTH} +(?P<date>\d{{1,2}}) (?P<year>\d{{4}}) {_CLOCK}(?: {_ZONE})?",
    )
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EARLIEST_YEAR: Final = 1970
_HOURS: Final = MappingProxyType({"UTC": 0, "GMT": 0, "Z": 0, "WIB": 7, "WITA": 8, "WIT": 9})
"""Zones whose name leaves no doubt here; most abbreviations stand for several (CST, IST, EST)."""


def _time(text: str, zone: tzinfo | None) -> datetime:
    for form in _TIMES:
        if (match := form.fullmatch(text)) is None:
            continue
        found = match.groupdict()
        month = _MONTHS.index(found["month"]) + 1 if "month" in found else int(found["number"])
        hour, minute, second = (int(found[name]) for name in ("hour", "minute", "second"))
        where = _zone(found["zone"], zone)
        try:
            moment = datetime(int(found["year"]), month, int(found["date"]), hour, minute, second, tzinfo=where)
        except (ValueError, OverflowError):
            raise UndecodableError(f"{_shown(text)} is not a date") from None
        if moment.year < _EARLIEST_YEAR:
            raise UndecodableError(f"{_shown(text)} is before any router was built; set the router's clock")
        return moment
    raise UndecodableError(f"{_shown(text)} is not a time in a form netmon knows")


def _zone(written: str | None, default: tzinfo | None) -> tzinfo:
    if written is None:
        if default is None:
            raise UndecodableError("the time names no zone; say which zone the router's clock shows")
        return default
    if offset := _OFFSET.search(written):
        minutes = min(int(offset["hours"]) * 60 + int(offset["minutes"]), 23 * 60)
        return timezone(timedelta(minutes=-minutes if offset["sign"] == "-" else minutes))
    if written.upper() in _HOURS:
        return timezone(timedelta(hours=_HOURS[written.upper()]))
    raise UndecodableError(f"{written} may be one of several time zones; set the router's clock to UTC")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


_DECODE: Final[Mapping[str, Decode]] = MappingProxyType(
    {
        "text": _text,
        "direction": _direction,
        "integer": _integer,
        "sum": _sum,
        "bits_per_second": _bits_per_second,
        "bytes_per_second": _bytes_per_second,
        "kilobits_per_second": _kilobits_per_second,
        "yes_no": _yes_no,
        "epoch_seconds": _epoch_seconds,
        "time": _time,
    }
)

CLI_DECODERS: Final[Mapping[str, CliDecoder]] = MappingProxyType(
    {
        decoder.name: decoder
        for decoder in (
            CliDecoder("text", Makes.TEXT),
            CliDecoder("direction", Makes.WAY),
            CliDecoder("integer", Makes.COUNT),
            CliDecoder("sum", Makes.COUNT),
            CliDecoder("bits_per_second", Makes.RATE),
            CliDecoder("bytes_per_second", Makes.RATE),
            CliDecoder("kilobits_per_second", Makes.RATE),
            CliDecoder("yes_no", Makes.FLAG),
            CliDecoder("epoch_seconds", Makes.TIME),
            CliDecoder("time", Makes.TIME),
        )
    }
)
