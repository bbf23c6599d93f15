"""What texts of a command line stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netmon.routers.cli_decoders import CLI_DECODERS, LARGEST, Makes, UndecodableError, Value, decode
from netmon.routers.dialects import Way


@pytest.mark.parametrize(
    ("decoder", "text", "value"),
    [
        ("text", "  DINKES\t uplink ", "DINKES uplink"),
        ("text", "a\x1b[31mb", "a[31mb"),
        ("text", "x" * 300, "x" * 200),
        ("direction", "input", Way.INGRESS),
        ("direction", "Output", Way.EGRESS),
        ("integer", "0", 0),
        ("integer", "1,234,567", 1_234_567),
        ("integer", "1 234 567", 1_234_567),
        ("integer", str(LARGEST), LARGEST),
        ("sum", "59549 53758", 113_307),
        ("sum", "1,000", 1_000),
        ("bits_per_second", "10M", 10_000_000),
        ("bits_per_second", "10 Mbps", 10_000_000),
        ("bits_per_second", "10,000,000 bps", 10_000_000),
        ("bits_per_second", "614400", 614_400),
        ("bits_per_second", "8Mbit", 8_000_000),
        ("bits_per_second", "12345Kbit", 12_345_000),
        ("bits_per_second", "1.5G", 1_500_000_000),
        ("bits_per_second", "2Kibit", 2048),
        ("bits_per_second", "4k", 4_000),
        ("bits_per_second", "0", None),
        ("bytes_per_second", "625000", 5_000_000),
        ("kilobits_per_second", "1,000", 1_000_000),
        ("yes_no", "Yes", True),
        ("yes_no", "false", False),
        ("integer", "N/A", None),
        ("text", "", None),
        ("bits_per_second", "none", None),
    ],
)
def test_a_text_becomes_the_value_it_stands_for(decoder: str, text: str, value: Value | None) -> None:
    assert decode(CLI_DECODERS[decoder], text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("09:41:22 UTC Mon Sep 7 2026", datetime(2026, 9, 7, 9, 41, 22, tzinfo=UTC)),
        ("*09:41:22.101 WITA Mon Sep  7 2026", datetime(2026, 9, 7, 1, 41, 22, tzinfo=UTC)),
        ("Fri Oct 24 13:54:06 2025 UTC", datetime(2025, 10, 24, 13, 54, 6, tzinfo=UTC)),
        ("Fri Oct 24 13:54:06 2025 WIB", datetime(2025, 10, 24, 6, 54, 6, tzinfo=UTC)),
        ("2024-05-31 14:46:39+09:00", datetime(2024, 5, 31, 5, 46, 39, tzinfo=UTC)),
        ("2015/06/08 15:49:07 +00:00", datetime(2015, 6, 8, 15, 49, 7, tzinfo=UTC)),
        ("2026-11-20T08:00:00Z", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20 08:00:00 UTC-03:30", datetime(2026, 11, 20, 11, 30, tzinfo=UTC)),
        ("2026-11-20 08:00:00 GMT", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ],
)
def test_a_time_with_its_zone_is_aware(text: str, value: datetime) -> None:
    found = decode(CLI_DECODERS["time"], text)
    assert isinstance(found, datetime)
    assert found.tzinfo is not None
    assert found == value


@pytest.mark.parametrize(
    "text", ["May 06 2016 03:28:39", "Fri May  6 03:28:39 2016", "2016-05-06 03:28:39", "2016/05/06 03:28:39"]
)
def test_a_time_without_a_zone_needs_to_be_told_the_clocks(text: str) -> None:
    with pytest.raises(UndecodableError, match="names no zone"):
        decode(CLI_DECODERS["time"], text)
    found = decode(CLI_DECODERS["time"], text, ZoneInfo("Asia/Makassar"))
    assert found == datetime(2016, 5, 5, 19, 28, 39, tzinfo=UTC)


def test_seconds_since_1970_are_a_time() -> None:
    assert decode(CLI_DECODERS["epoch_seconds"], "1625483477") == datetime(2021, 7, 5, 11, 11, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("decoder", "text", "said"),
    [
        ("integer", "-1", "not a whole number"),
        ("integer", "12,34", "not a whole number"),
        ("integer", "٣", "not a whole number"),
        ("integer", str(LARGEST + 1), "64 bits"),
        ("bits_per_second", "fast", "'fast' is not a rate"),
        ("bits_per_second", "999999999999G", "no rate"),
        ("direction", "sideways", "not a direction"),
        ("yes_no", "maybe", "neither yes nor no"),
        ("time", "yesterday", "not a time"),
        ("time", "2026-02-30 08:00:00Z", "not a date"),
        ("time", "2026-11-20 08:00:00 EST", "one of several"),
        ("time", "0001-01-01 00:00:00Z", "before any router"),
        ("bytes_per_second", str(LARGEST), "no rate"),
        ("epoch_seconds", str(LARGEST), "seconds since 1970"),
    ],
)
def test_a_text_that_is_nothing_of_the_kind_is_said_to_be(decoder: str, text: str, said: str) -> None:
    with pytest.raises(UndecodableError, match=said):
        decode(CLI_DECODERS[decoder], text)


@given(st.sampled_from(sorted(CLI_DECODERS)), st.text(max_size=60), st.sampled_from([None, UTC]))
@example("time", "2026-11-20 08:00:00+99:99", None)
@example("time", "0000-01-01 00:00:00Z", None)
@example("sum", f"{LARGEST} {LARGEST}", None)
@settings(max_examples=300)
def test_every_text_is_a_value_of_the_right_kind_or_undecodable(name: str, text: str, zone: tzinfo | None) -> None:
    kinds = {
        Makes.TEXT: str,
        Makes.WAY: Way,
        Makes.COUNT: int,
        Makes.RATE: int,
        Makes.TIME: datetime,
        Makes.FLAG: bool,
    }
    decoder = CLI_DECODERS[name]
    try:
        value = decode(decoder, text, zone)
    except UndecodableError as error:
        value = str(error)[:200]
        decoder = CLI_DECODERS["text"]
    assert value is None or isinstance(value, kinds[decoder.makes])
    if isinstance(value, datetime):
        assert value.tzinfo is not None
    if type(value) is int:
        assert 0 <= value <= LARGEST


@given(st.integers(600_000_000, 4_000_000_000), st.integers(-12, 14))
@settings(max_examples=60)
def test_a_time_written_by_a_router_is_read_back(seconds: int, hours: int) -> None:
    aware = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))
    assert decode(CLI_DECODERS["time"], aware.isoformat(" ")) == aware
