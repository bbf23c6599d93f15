"""Quantities as people write them, and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core import units
from netmon.core.model import NANOSECONDS as S


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("30s", 30 * S),
        ("250 ms", S // 4),
        ("1h30m", 5400 * S),
        ("1h 30m", 5400 * S),
        (" 5m ", 300 * S),
        ("5min", 300 * S),
        ("1.5h", 5400 * S),
        ("2d", 172_800 * S),
        ("1w", 604_800 * S),
        ("0s", 0),
        ("0.001s", S // 1000),
    ],
)
def test_a_duration_is_read_as_nanoseconds(text: str, ns: int) -> None:
    assert units.parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "bps"),
    [
        ("50 Mbps", 50_000_000),
        ("1 Gbit/s", 10**9),
        ("64kbps", 64_000),
        ("64 Kbps", 64_000),
        ("2.5Mb/s", 2_500_000),
        ("9600 bps", 9600),
        ("1.2 Tbps", 1_200_000_000_000),
    ],
)
def test_a_rate_is_decimal(text: str, bps: int) -> None:
    assert units.parse_rate(text) == bps


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("2 TB", 2 * 10**12),
        ("500 GiB", 500 * 2**30),
        ("1 kB", 1000),
        ("1 KB", 1000),
        ("1 kiB", 1024),
        ("1 KiB", 1024),
        ("1.5 MB", 1_500_000),
        ("3PB", 3 * 10**15),
        ("0 B", 0),
        ("0.5 MiB", 2**19),
    ],
)
def test_a_volume_is_decimal_unless_written_binary(text: str, octets: int) -> None:
    assert units.parse_volume(text) == octets


@pytest.mark.parametrize(
    ("text", "permille"), [("80%", 800), ("97.5 %", 975), ("100%", 1000), ("0%", 0), ("120%", 1200)]
)
def test_a_percentage_is_read_as_thousandths(text: str, permille: int) -> None:
    assert units.parse_percent(text) == permille


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *((units.parse_duration, text) for text in ("", "   ", "30", "s", "-5s", "1h30", "5mins", "5 M", "1,5h", "∞s")),
        *((units.parse_rate, text) for text in ("", "50", "50 MB/s", "50 MBps", "50 mbps", "-1 bps", "1 Mibps", "a")),
        *((units.parse_volume, text) for text in ("", "2", "2 Tb", "2 tb", "1.5 B", "0.3 KiB", "-2 TB", "1e3 GB")),
        *((units.parse_percent, text) for text in ("", "80", "0.05%", "97.55%", "-1%", "%")),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(parse: Callable[[str], int], text: str) -> None:
    with pytest.raises(units.UnitError, match=r"write for example|not a whole number"):
        parse(text)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (units.parse_duration, units.parse_rate, units.parse_volume, units.parse_percent):
        try:
            assert parse(text) >= 0
        except units.UnitError as error:
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("bps", "text"),
    [
        (0, "0 b/s"),
        (999, "999 b/s"),
        (1000, "1 kb/s"),
        (64_000, "64 kb/s"),
        (50_000_000, "50 Mb/s"),
        (2_500_000, "2.5 Mb/s"),
        (1_234_567, "1.23 Mb/s"),
        (999_499, "999 kb/s"),
        (999_999, "1 Mb/s"),
        (999_999_999, "1 Gb/s"),
        (10**15 * 1234, "1234 Pb/s"),
    ],
)
def test_a_rate_is_written_with_three_digits_and_no_exponent(bps: int, text: str) -> None:
    assert units.format_rate(bps) == text


def test_a_volume_is_written_in_decimal_units() -> None:
    assert units.format_volume(2 * 10**12) == "2 TB"
    assert units.format_volume(2**30) == "1.07 GB"


@given(st.integers(min_value=0, max_value=10**20))
def test_a_written_rate_reads_back_within_half_a_percent(bps: int) -> None:
    text = units.format_rate(bps)
    assert "e" not in text
    if "Pb/s" not in text:
        assert abs(units.parse_rate(text) - bps) * 1000 <= 5 * bps


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0ms"),
        (S // 4, "250ms"),
        (S, "1s"),
        (90 * S, "1m30s"),
        (5400 * S, "1h30m"),
        (3661 * S, "1h1m"),
        (172_800 * S, "2d"),
        (90_061 * S, "1d1h"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(ns: int, text: str) -> None:
    assert units.format_duration(ns) == text
