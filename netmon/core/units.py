"""Durations, rates and volumes as people write them, and back. Decimal SI unless written KiB, MiB, ...

Sources: IEC 80000-13 (binary prefixes), SI (decimal prefixes); 1 Mb/s = 1,000,000 bit/s, 1 GB = 10^9 B.
"""

from __future__ import annotations

import re
from decimal import Decimal

from netmon.core.model import NANOSECONDS

_DURATION_NS = {
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "min": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
    "d": 86_400 * NANOSECONDS,
    "w": 7 * 86_400 * NANOSECONDS,
}
_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}

_DURATION_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(?:bps|bit/s|b/s)")
_VOLUME = re.compile(r"(\d+(?:\.\d+)?)\s*((?:[kKMGTP]i?)?)B")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


class UnitError(ValueError):
    """A quantity that cannot be read; the message names the form expected."""


def parse_duration(text: str) -> int:
    """`1h30m`, `30s`, `250 ms` -> nanoseconds. Raises UnitError."""
    total, position = Decimal(0), 0
    while position < len(text.rstrip()):
        part = _DURATION_PART.match(text, position)
        if part is None:
            raise UnitError(f"{text!r} is not a duration; write for example 30s, 5m or 1h30m")
        total += Decimal(part[1]) * _DURATION_NS[part[2]]
        position = part.end()
    if position == 0:
        raise UnitError("an empty duration; write for example 30s, 5m or 1h30m")
    return int(total)


def parse_rate(text: str) -> int:
    """`50 Mbps`, `1 Gbit/s`, `64kbps` -> bit/s. Raises UnitError."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"{text!r} is not a rate; write for example 50 Mbps or 1 Gbit/s")
    return _whole(Decimal(match[1]) * _DECIMAL[match[2]], text, "bit/s")


def parse_volume(text: str) -> int:
    """`2 TB`, `500 GiB`, `0 B` -> bytes. Raises UnitError."""
    match = _VOLUME.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"{text!r} is not a volume; write for example 2 TB or 500 GiB")
    factor = _BINARY[match[2].replace("k", "K")] if match[2].endswith("i") else _DECIMAL[match[2]]
    return _whole(Decimal(match[1]) * factor, text, "bytes")


def parse_percent(text: str) -> int:
    """`80%`, `97.5 %` -> thousandths (800, 975). Raises UnitError."""
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"{text!r} is not a percentage; write for example 80%")
    return _whole(Decimal(match[1]) * 10, text, "tenths of a percent")


def _whole(value: Decimal, text: str, unit: str) -> int:
    if value != int(value):
        raise UnitError(f"{text!r} is not a whole number of {unit}")
    return int(value)


def format_rate(bps: int) -> str:
    """50000000 -> `50 Mb/s`."""
    return _scaled(bps, "b/s")


def format_volume(octets: int) -> str:
    """2000000000000 -> `2 TB`."""
    return _scaled(octets, "B")


def format_duration(ns: int) -> str:
    """5400 s in nanoseconds -> `1h30m`."""
    seconds, rest = divmod(ns, NANOSECONDS)
    if seconds == 0:
        return f"{rest // 1_000_000}ms"
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def _scaled(value: int, unit: str) -> str:
    """Three significant digits; 999999 is 1 M, not 1e+03 k. Beyond 999 P whole P."""
    for prefix in ("P", "T", "G", "M", "k"):
        factor = _DECIMAL[prefix]
        if value * 2000 >= factor * 1999:
            scaled = value / factor
            return f"{scaled:.3g} {prefix}{unit}" if scaled < 999.5 else f"{round(scaled)} {prefix}{unit}"
    return f"{value} {unit}"
