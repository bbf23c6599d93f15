"""Tables as files: every number exact, bounded memory, half-open time, columns that the documentation names."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tracemalloc
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]
from support.ledgers import MINUTE_NS, START_NS, a_receipt, a_verdict, a_visit, an_intent, opened

from netmon.core.directives import Directive, DirectiveKind
from netmon.core.heads import LastSeen
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import VerdictReason
from netmon.core.requests import Request, Word
from netmon.core.supply import Rates
from netmon.store.errors import StoreError
from netmon.store.export import Form, export_table
from netmon.store.export_tables import TABLES, Kind, TableName
from netmon.store.location import Location

DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger.md"
U64 = 2**64 - 1


@pytest.fixture
def place(place: Location) -> Location:
    gap = Gap("palu", "ether2", "in", START_NS, START_NS + MINUTE_NS, GapReason.COUNTER_RESET)
    with opened(place) as ledger:
        ledger.commit([a_visit("palu", 1, [(1, U64 - 20)], gaps=[gap])])
        ledger.commit([a_visit("palu", 2, [(2, U64 - 10), (5, 6)], lagging={1: LastSeen(START_NS + 7, 1)}, late_ns=9)])
        ledger.commit([a_visit("ampana", 1, [(3, 4)])])
        ledger.decide([a_verdict(used=2**60)], [], START_NS)
        ledger.decide([a_verdict(VerdictReason.WITHIN_QUOTA, 0, None)], [], START_NS + MINUTE_NS)
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
        boost = Directive("", DirectiveKind.BOOST, "dinkes", "why", "ani", START_NS, START_NS + 1, Rates(2**60 + 1, 7))
        ledger.give_directive(boost)
        ledger.give_directive(replace(boost, kind=DirectiveKind.FREEZE, rates=None, until_ns=None))
        asked = Request("", "dinkes", Rates(5, 6), 60, Word("ani", START_NS, "why", "Sekda"), START_NS + 99)
        ledger.record_request(asked)
        ledger.approve_request("R1", Word("budi", START_NS + 1), 1)
        ledger.record_request(asked)
        ledger.refuse_request("R2", Word("budi", START_NS + 2, "no"))
    return place


def exported(place: Location, name: str, form: str, from_ns: int = 0, to_ns: int = 2**63 - 1) -> str:
    file = io.BytesIO()
    count = export_table(place, TableName(name), Form(form), file, from_ns, to_ns)
    text = file.getvalue().decode()
    assert len(text.splitlines()) == count + (form == "csv")
    return text


def documents(place: Location, name: str, **span: int) -> list[dict[str, object]]:
    return [json.loads(line) for line in exported(place, name, "jsonl", **span).splitlines()]


def test_a_row_of_visits_is_a_port_and_its_numbers_are_exact(place: Location) -> None:
    rows = documents(place, "visits")
    assert [(row["router"], row["interface"], row["sequence"]) for row in rows] == [
        ("ampana", "ether1", 1),
        ("palu", "ether1", 1),
        ("palu", "ether1", 2),
        ("palu", "ether2", 2),
    ]
    assert rows[2] == {
        "router": "palu",
        "interface": "ether1",
        "sequence": 2,
        "at": "2026-11-18T11:08:40.000000000Z",
        "at_ns": START_NS + 2 * MINUTE_NS,
        "read_at_ns": START_NS + 2 * MINUTE_NS,
        "lagging": False,
        "in_total_bytes": 2,
        "out_total_bytes": U64 - 10,
        "in_counter_bytes": 9,
        "out_counter_bytes": U64 - 1,
    }
    assert (rows[3]["lagging"], rows[3]["read_at_ns"]) == (True, START_NS + 7)


def test_csv_holds_the_same_as_json_lines(place: Location) -> None:
    for name in TableName:
        table = list(csv.DictReader(io.StringIO(exported(place, name, "csv"))))
        for row, document in zip(table, documents(place, name), strict=True):
            assert list(row) == list(document) == list(TABLES[name].columns)
            for column, value in document.items():
                written = {None: "", True: "true", False: "false"}
                plain = json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else value
                shown = written[plain] if plain is None or isinstance(plain, bool) else str(plain)
                assert row[column] == shown


def test_parquet_holds_the_same_as_json_lines_in_types_that_lose_nothing(place: Location) -> None:
    for name in TableName:
        file = io.BytesIO()
        count = export_table(place, name, Form.PARQUET, file)
        table = parquet.read_table(io.BytesIO(file.getvalue()))
        expected = documents(place, name)
        assert count == table.num_rows == len(expected)
        assert table.column_names == list(TABLES[name].columns)
        for column, kind in TABLES[name].columns.items():
            values = [document[column] for document in expected]
            if kind is Kind.INSTANT:
                assert str(table.schema.field(column).type) == "timestamp[ns, tz=UTC]"
                assert table[column].cast("int64").to_pylist() == [ns_of(value) for value in values]
            elif kind is Kind.DOCUMENT:
                assert list(map(json.loads, table[column].to_pylist())) == values
            else:
                assert table[column].to_pylist() == values


def ns_of(written: object) -> int | None:
    """Of RFC 3339 with nine digits."""
    if not isinstance(written, str):
        return None
    return int(datetime.fromisoformat(f"{written[:19]}+00:00").timestamp()) * 10**9 + int(written[20:29])


def test_parquet_is_written_in_row_groups(place: Location) -> None:
    with opened(place) as ledger:
        for first in range(3, 603, 200):
            ledger.commit([a_visit("palu", number, [(number, U64 - 9)] * 20) for number in range(first, first + 200)])
    file = io.BytesIO()
    count = export_table(place, TableName.VISITS, Form.PARQUET, file)
    written = parquet.ParquetFile(io.BytesIO(file.getvalue()))
    assert count == 4 + 600 * 20
    assert [written.metadata.row_group(at).num_rows for at in range(written.num_row_groups)] == [10_000, count - 10_000]


def test_without_pyarrow_it_is_said_what_to_install(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "netmon.store.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StoreError, match=r"pip install 'netmon\[parquet\]'"):
        export_table(place, TableName.GAPS, Form.PARQUET, io.BytesIO())


def test_what_was_decided_and_done_is_exported_with_its_reasons(place: Location) -> None:
    over, within = documents(place, "verdicts")
    assert (over["limit_bps"], over["reason"], over["evidence"]) == (5_000_000, "over_quota", {"proven_bytes": 2**60})
    assert (within["limit_bps"], within["at_ns"]) == (None, START_NS + MINUTE_NS)
    (receipt,) = documents(place, "receipts")
    assert (receipt["id"], receipt["to_bps"], receipt["outcome"]) == ("i1", 5_000_000, "confirmed")
    (gap,) = documents(place, "gaps")
    assert (gap["interface"], gap["reason"], gap["visit_sequence"]) == ("ether2", "counter_reset", 1)


def test_what_people_decided_is_exported_with_how_it_ended(place: Location) -> None:
    replaced, freeze, boost = documents(place, "directives")
    assert (replaced["id"], replaced["download_bps"], replaced["replaced_by"]) == ("D1", 2**60 + 1, None)
    assert (freeze["subject"], freeze["until"], freeze["upload_bps"]) == ("dinkes", None, None)
    assert (boost["id"], boost["by"], boost["request"]) == ("D3", "budi", "R1")
    approved, refused = documents(place, "requests")
    words = [{"at_ns": START_NS + 1, "by": "budi", "on_behalf": None, "reason": None}]
    assert (approved["directive"], approved["approvals"]) == ("D3", {"approvals": words})
    assert (approved["by"], approved["on_behalf_of"], approved["refused_by"]) == ("ani", "Sekda", None)
    assert (refused["refused_by"], refused["refused_reason"], refused["directive"]) == ("budi", "no", None)


@pytest.mark.parametrize(
    ("name", "span", "count"),
    [
        ("visits", {"from_ns": START_NS + 2 * MINUTE_NS}, 2),
        ("visits", {"to_ns": START_NS + 2 * MINUTE_NS}, 2),
        ("visits", {"from_ns": START_NS + MINUTE_NS, "to_ns": START_NS + MINUTE_NS}, 0),
        ("gaps", {"from_ns": START_NS + MINUTE_NS}, 0),
        ("gaps", {"from_ns": START_NS + MINUTE_NS - 1, "to_ns": START_NS + MINUTE_NS}, 1),
        ("verdicts", {"from_ns": START_NS + 1}, 1),
        ("receipts", {"to_ns": START_NS}, 0),
        ("directives", {"to_ns": START_NS}, 0),
        ("directives", {"from_ns": START_NS + 1}, 1),
        ("requests", {"from_ns": START_NS, "to_ns": START_NS + 1}, 2),
    ],
)
def test_time_is_half_open(place: Location, name: str, span: dict[str, int], count: int) -> None:
    assert len(documents(place, name, **span)) == count


def test_memory_does_not_grow_with_the_table(place: Location) -> None:
    with opened(place) as ledger:
        for first in range(3, 2003, 500):
            ledger.commit([a_visit("palu", number, [(number, U64 - 9)] * 20) for number in range(first, first + 500)])

    class Nowhere(io.BytesIO):
        def write(self, data: object) -> int:
            return len(data)  # type: ignore[arg-type]

    tracemalloc.start()
    count = export_table(place, TableName.VISITS, Form.CSV, Nowhere())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4 + 2000 * 20
    assert peak < 2_000_000


def test_every_column_is_described_in_the_documentation(place: Location) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        section = text.partition(f"### `{name}`")[2].partition("\n#")[0]
        described = re.findall(r"^\| `([a-z_0-9]+)`", section, re.MULTILINE)
        assert described == list(table.columns), name
