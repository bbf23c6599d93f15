"""A ledger's tables as CSV or JSON Lines, row by row, every number exact. Columns and units are in docs/ledger.md."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import BinaryIO

from sqlalchemy import Connection, select, text

from netmon.core.model import NANOSECONDS, Receipt, Verdict
from netmon.core.periods import from_ns
from netmon.store import rows, schema
from netmon.store.audit import snapshot
from netmon.store.chain import Kind
from netmon.store.database import streamed
from netmon.store.location import Location
from netmon.store.rows import Layout
from netmon.store.values import canonical, load

Row = tuple[object, ...]
_EVERY = 10_000
_EVER_NS = 2**63 - 1


class TableName(StrEnum):
    """What can be exported."""

    VISITS = "visits"
    GAPS = "gaps"
    VERDICTS = "verdicts"
    RECEIPTS = "receipts"


class Form(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Table:
    """Its columns, and its rows of from_ns <= t < to_ns in order."""

    columns: tuple[str, ...]
    rows: Callable[[Connection, int, int], Iterator[Row]]


def export_table(
    ledger: Location,
    name: TableName,
    form: Form,
    file: BinaryIO,
    from_ns: int = 0,
    to_ns: int = _EVER_NS,
    told: Callable[[int], None] = lambda count: None,
) -> int:
    """Writes one table of a ledger, in use or not, as of now; returns how many rows. Raises StoreError.

    Holds one row in memory at a time, whatever the table's size.
    """
    table = TABLES[name]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    try:
        put = _csv(text, table.columns) if form is Form.CSV else _json_lines(text, table.columns)
        count = 0
        with snapshot(ledger) as connection:
            for row in table.rows(connection, from_ns, to_ns):
                put(row)
                count += 1
                if count % _EVERY == 0:
                    told(count)
    finally:
        text.detach()  # flushes, and leaves the file to whoever opened it
    return count


def _csv(text: io.TextIOWrapper, columns: Sequence[str]) -> Callable[[Row], object]:
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)

    def plain(value: object) -> object:
        match value:
            case bool():
                return "true" if value else "false"
            case Mapping():
                return canonical(value)
        return value

    return lambda row: writer.writerow([plain(value) for value in row])


def _json_lines(text: io.TextIOWrapper, columns: Sequence[str]) -> Callable[[Row], object]:
    def put(row: Row) -> None:
        json.dump(dict(zip(columns, row, strict=True)), text, separators=(",", ":"), ensure_ascii=False)
        text.write("\n")

    return put


def _instant(ns: int | None) -> str | None:
    """RFC 3339 in UTC, with all nine digits."""
    return None if ns is None else f"{from_ns(ns):%Y-%m-%dT%H:%M:%S}.{ns % NANOSECONDS:09d}Z"


# --- tables ---------------------------------------------------------------------------------------

_VISITS = text("""
SELECT visit.sequence, visit.at_ns, visit.layout_id, visit.lagging, visit.stamps,
       visit.in_total, visit.out_total, visit.in_octets, visit.out_octets
FROM visit WHERE visit.router_id = :router_id AND visit.at_ns >= :from_ns AND visit.at_ns < :to_ns
ORDER BY visit.at_ns, visit.sequence""")
_GAPS = text("""
SELECT router.name, gap.interface, gap.direction, gap.from_ns, gap.to_ns, gap.reason, visit.sequence
FROM gap JOIN router ON router.id = gap.router_id JOIN visit ON visit.id = gap.visit_id
WHERE gap.to_ns > :from_ns AND gap.from_ns < :to_ns ORDER BY gap.id""")
_VERDICTS = text("""
SELECT at_ns, document FROM verdict_log
WHERE at_ns >= :from_ns AND at_ns < :to_ns ORDER BY id""")
_LINKS = text("""
SELECT chain, sequence, payload, previous_hash, hash FROM link
WHERE kind = :kind ORDER BY chain, sequence""")


def _visits(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    """One row per port and visit: by router, then in time."""

    @lru_cache(64)
    def layout(layout_id: int) -> Layout:
        statement = select(schema.layout.c.document).where(schema.layout.c.id == layout_id)
        return rows.load_layout(connection.execute(statement).scalar_one())

    routers = select(schema.router.c.id, schema.router.c.name).order_by(schema.router.c.name)
    for router_id, router in connection.execute(routers).all():
        span = {"router_id": router_id, "from_ns": from_ns, "to_ns": to_ns}
        for sequence, at_ns, layout_id, lagging, stamps, *packed in streamed(connection, _VISITS, span):
            of = layout(layout_id)
            series = of.series
            late = rows.unpack_lagging(lagging)
            totals = [rows.unpack_totals(one) for one in packed[:2]]
            counters = [rows.unpack_cells(one, len(series)) for one in packed[2:]]
            for at, port in enumerate(series):
                seen = late.get(at)
                read_ns = rows.received_ns(stamps, of.pdu_of[at]) if seen is None else seen.at_ns
                yield (
                    router,
                    port.name,
                    sequence,
                    _instant(at_ns),
                    at_ns,
                    read_ns,
                    seen is not None,
                    totals[0][at],
                    totals[1][at],
                    counters[0][at],
                    counters[1][at],
                )


def _gaps(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    """Those that overlap the time asked for."""
    overlapping = streamed(connection, _GAPS, {"from_ns": from_ns, "to_ns": to_ns})
    for router, interface, way, start_ns, end_ns, reason, sequence in overlapping:
        yield router, interface, way, _instant(start_ns), start_ns, _instant(end_ns), end_ns, reason, sequence


def _verdicts(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    for at_ns, document in streamed(connection, _VERDICTS, {"from_ns": from_ns, "to_ns": to_ns}):
        verdict = load(Verdict, document)
        yield (
            _instant(at_ns),
            at_ns,
            verdict.agency,
            verdict.direction.value,
            None if verdict.limit is None else verdict.limit.ceiling_bps,
            verdict.reason.value,
            verdict.policy,
            None if verdict.rule is None else verdict.rule.file,
            None if verdict.rule is None else verdict.rule.line,
            verdict.step,
            _instant(verdict.period_start_ns),
            _instant(verdict.until_ns),
            dict(verdict.evidence),
        )


def _receipts(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    links = streamed(connection, _LINKS, {"kind": Kind.RECEIPT.value})
    for chain, sequence, payload, previous_hash, hashed in links:
        receipt = load(Receipt, payload)
        if not from_ns <= receipt.at_ns < to_ns:
            continue
        change = receipt.change
        yield (
            receipt.id,
            _instant(receipt.at_ns),
            receipt.at_ns,
            change.router,
            change.circuit,
            change.agency,
            change.direction.value,
            change.action.value,
            change.from_bps,
            change.to_bps,
            change.reason.value,
            receipt.outcome.value,
            receipt.proof.value,
            receipt.detail,
            receipt.duration_ns,
            chain,
            sequence,
            previous_hash,
            hashed,
        )


TABLES: Mapping[TableName, Table] = {
    TableName.VISITS: Table(
        (
            "router",
            "interface",
            "sequence",
            "at",
            "at_ns",
            "read_at_ns",
            "lagging",
            "in_total_bytes",
            "out_total_bytes",
            "in_counter_bytes",
            "out_counter_bytes",
        ),
        _visits,
    ),
    TableName.GAPS: Table(
        ("router", "interface", "way", "from", "from_ns", "to", "to_ns", "reason", "visit_sequence"), _gaps
    ),
    TableName.VERDICTS: Table(
        (
            "at",
            "at_ns",
            "agency",
            "direction",
            "limit_bps",
            "reason",
            "policy",
            "rule_file",
            "rule_line",
            "step",
            "period_start",
            "until",
            "evidence",
        ),
        _verdicts,
    ),
    TableName.RECEIPTS: Table(
        (
            "id",
            "at",
            "at_ns",
            "router",
            "circuit",
            "agency",
            "direction",
            "action",
            "from_bps",
            "to_bps",
            "reason",
            "outcome",
            "proof",
            "detail",
            "duration_ns",
            "chain",
            "sequence",
            "previous_hash",
            "hash",
        ),
        _receipts,
    ),
}
