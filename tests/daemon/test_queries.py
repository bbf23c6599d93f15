"""Usage and receipts as documents: numbers to the byte, periods in the agency's zone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.governed import HOUR_NS, HOUR_START_NS, fill_ledger, record, write_site, written
from support.ledgers import MINUTE_NS, a_receipt, opened
from support.schemas import conforms

from netmon.config.load import Configuration, load
from netmon.core.demand import DEFINITION
from netmon.daemon.queries import By, QueryError, Span, receipt_rows, rfc3339, usage_rows
from netmon.store.reader import LedgerReader

NOW_NS = HOUR_START_NS + 30 * MINUTE_NS


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Configuration, LedgerReader]]:
    configuration = load(write_site(tmp_path))
    fill_ledger(tmp_path)
    with opened(tmp_path / "ledger.db") as ledger:
        record(ledger, a_receipt("nm-1"), 5_000_000)
    reader = LedgerReader.open(tmp_path / "ledger.db")
    yield configuration, reader
    reader.close()


def conforming(rows: list[dict[str, object]], name: str = "usage") -> list[dict[str, object]]:
    conforms(name, {"schema": f"netmon/{name}/1", "generated_at": written(NOW_NS), "data": rows})
    return rows


def test_an_agency_s_row_sums_its_circuits_over_the_running_period_of_its_quota(
    site: tuple[Configuration, LedgerReader],
) -> None:
    download, upload = conforming(usage_rows(*site, "dinkes", Span(), By.AGENCY, NOW_NS))
    assert download == {
        "agency": "dinkes",
        "circuit": None,
        "direction": "download",
        "class": "all",
        "period_start": written(HOUR_START_NS),
        "period_end": written(HOUR_START_NS + HOUR_NS),
        "revision": None,
        "closed_at": None,
        "proven_bytes": 31 * 40_000_000,
        "estimated_bytes": 0,
        "unknown_seconds": 0,
        "coverage_ratio": 1.0,
        "p95_bps": 40_000_000 * 8 // 60,
        "p95_samples": 6,
        "p95_definition": DEFINITION,
        "p95_coverage_ratio": 1.0,
        "peak_bps": 40_000_000 * 8 // 60,
        "peak_at": written(HOUR_START_NS),
        "quota_bytes": 10**9,
        "quota_used_ratio": 1.24,
        "gaps": [],
    }
    assert (upload["direction"], upload["quota_bytes"], upload["quota_used_ratio"]) == ("upload", None, None)


def test_an_agency_without_quota_is_shown_by_the_calendar_month(site: tuple[Configuration, LedgerReader]) -> None:
    download, _ = conforming(usage_rows(*site, "arsip", Span(), By.AGENCY, NOW_NS))
    assert str(download["period_start"]).endswith("-01T00:00:00+08:00")
    assert download["proven_bytes"] == 32 * 5_000_000
    assert download["gaps"] == [
        {
            "from": written(HOUR_START_NS + 10 * MINUTE_NS),
            "to": written(HOUR_START_NS + 11 * MINUTE_NS),
            "reason": "counter_reset",
        }
    ]


def test_by_circuit_each_circuit_has_its_own_row_and_no_quota(site: tuple[Configuration, LedgerReader]) -> None:
    rows = conforming(usage_rows(*site, "dinkes", Span(), By.CIRCUIT, NOW_NS))
    assert [(row["circuit"], row["direction"], row["proven_bytes"], row["quota_bytes"]) for row in rows] == [
        ("dinkes-main", "download", 31 * 30_000_000, None),
        ("dinkes-radio", "download", 31 * 10_000_000, None),
        ("dinkes-main", "upload", 32 * 1_000_000, None),
        ("dinkes-radio", "upload", 0, None),
    ]


def test_by_day_the_days_of_the_agency_s_zone_sum_to_the_whole(site: tuple[Configuration, LedgerReader]) -> None:
    span = Span(start="2026-11-17", end="2026-11-20")
    days = [
        row for row in conforming(usage_rows(*site, "arsip", span, By.DAY, NOW_NS)) if row["direction"] == "download"
    ]
    assert all(str(row["period_start"]).endswith("T00:00:00+08:00") for row in days)
    whole = usage_rows(*site, "arsip", span, By.AGENCY, NOW_NS)[0]
    counted = sum(int(str(row["proven_bytes"])) + int(str(row["estimated_bytes"])) for row in days)
    assert counted == whole["proven_bytes"] + whole["estimated_bytes"] == 32 * 5_000_000


@pytest.mark.parametrize(
    ("label", "start", "end"),
    [
        ("2026-11", "2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        ("2026-W47", "2026-11-16T00:00:00+08:00", "2026-11-23T00:00:00+08:00"),
        ("2026-11-19", "2026-11-19T00:00:00+08:00", "2026-11-20T00:00:00+08:00"),
        ("2026", "2026-01-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
    ],
)
def test_a_period_is_named_as_people_do(
    site: tuple[Configuration, LedgerReader], label: str, start: str, end: str
) -> None:
    row = usage_rows(*site, "arsip", Span(label=label), By.AGENCY, NOW_NS)[0]
    assert (row["period_start"], row["period_end"]) == (start, end)


@pytest.mark.parametrize(
    ("span", "sentence"),
    [
        (Span(label="november"), "'november' is not a period; write for example 2026-11, 2026-W47, 2026-11-22 or 2026"),
        (Span(start="soon"), "'soon' is not a time; write for example 2026-11-22 or 2026-11-22T08:00"),
        (Span(start="0001-01-01"), "0001-01-01 is not within 1970 to 2199"),
        (Span(start="2026-11-19", end="2026-11-18"), "--from must be before --to, and not in the future"),
    ],
)
def test_a_time_that_is_none_is_refused_in_one_sentence(
    site: tuple[Configuration, LedgerReader], span: Span, sentence: str
) -> None:
    with pytest.raises(QueryError) as caught:
        usage_rows(*site, None, span, By.AGENCY, NOW_NS)
    assert str(caught.value) == sentence


def test_an_agency_there_is_none_of_is_refused(site: tuple[Configuration, LedgerReader]) -> None:
    with pytest.raises(QueryError, match="there is no agency dinkess; netmon usage lists them"):
        usage_rows(*site, "dinkess", Span(), By.AGENCY, NOW_NS)


def test_a_receipt_is_shown_with_its_place_in_the_chain(site: tuple[Configuration, LedgerReader]) -> None:
    (row,) = conforming(receipt_rows(site[1], "Asia/Makassar"), "receipts")
    assert (row["id"], row["to_bps"], row["outcome"], row["proof"]) == ("nm-1", 5_000_000, "confirmed", "read_back")
    assert row["previous_hash"] == "0" * 64
    assert receipt_rows(site[1], "Asia/Makassar", "nm-1") == [row]


def test_a_receipt_there_is_none_of_is_refused(site: tuple[Configuration, LedgerReader]) -> None:
    with pytest.raises(QueryError, match="there is no receipt nm-2; netmon receipts lists them"):
        receipt_rows(site[1], "Asia/Makassar", "nm-2")


def test_instants_carry_the_zone_s_offset_and_milliseconds_only_where_there_are_some() -> None:
    assert rfc3339(0, "Asia/Jayapura") == "1970-01-01T09:00:00+09:00"
    assert rfc3339(1_234_567_890, "UTC") == "1970-01-01T00:00:01.234+00:00"
