"""What can be exported of a ledger: the tables, their columns and rows. Columns and units are in docs/ledger.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import Connection, select, text

from netmon.core.changes import Receipt
from netmon.core.model import Verdict
from netmon.store import rows, schema
from netmon.store.chain import Kind as LinkKind
from netmon.store.database import streamed
from netmon.store.directives import asked_between, given_between
from netmon.store.rows import Layout
from netmon.store.values import dump, load

Row = tuple[object, ...]


class TableName(StrEnum):
    """What can be exported."""

    VISITS = "visits"
    GAPS = "gaps"
    VERDICTS = "verdicts"
    RECEIPTS = "receipts"
    DIRECTIVES = "directives"
    REQUESTS = "requests"


class Kind(StrEnum):
    """What a column holds, where it is not absent."""

    TEXT = "text"
    INTEGER = "integer"
    """64 bits, signed."""
    COUNTER = "counter"
    """64 bits, unsigned."""
    FLAG = "flag"
    INSTANT = "instant"
    """Nanoseconds since 1970, UTC; shown as RFC 3339 with all nine digits."""
    DOCUMENT = "document"
    """A mapping; canonical JSON where the form has none."""


@dataclass(frozen=True, slots=True)
class Table:
    """Its columns, and its rows of from_ns <= t < to_ns in order."""

    columns: Mapping[str, Kind]
    rows: Callable[[Connection, int, int], Iterator[Row]]


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
                    at_ns,
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
        yield router, interface, way, start_ns, start_ns, end_ns, end_ns, reason, sequence


def _verdicts(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    for at_ns, document in streamed(connection, _VERDICTS, {"from_ns": from_ns, "to_ns": to_ns}):
        verdict = load(Verdict, document)
        yield (
            at_ns,
            at_ns,
            verdict.agency,
            verdict.direction.value,
            None if verdict.limit is None else verdict.limit.ceiling_bps,
            verdict.reason.value,
            verdict.policy,
            None if verdict.rule is None else verdict.rule.file,
            None if verdict.rule is None else verdict.rule.line,
            verdict.step,
            verdict.period_start_ns,
            verdict.until_ns,
            dict(verdict.evidence),
        )


def _receipts(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    links = streamed(connection, _LINKS, {"kind": LinkKind.RECEIPT.value})
    for chain, sequence, payload, previous_hash, hashed in links:
        receipt = load(Receipt, payload)
        if not from_ns <= receipt.at_ns < to_ns:
            continue
        change = receipt.change
        yield (
            receipt.id,
            receipt.at_ns,
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


def _directives(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    for one in given_between(connection, from_ns, to_ns):
        yield (
            one.id,
            one.kind.value,
            one.subject,
            one.policy,
            None if one.rates is None else one.rates.download_bps,
            None if one.rates is None else one.rates.upload_bps,
            one.reason,
            one.by,
            one.request,
            one.at_ns,
            one.at_ns,
            one.until_ns,
            one.ended_ns,
            one.ended_by,
            one.ended_reason,
            one.replaced_by,
        )


def _requests(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Row]:
    for one in asked_between(connection, from_ns, to_ns):
        refusal = one.refusal
        yield (
            one.id,
            one.agency,
            one.rates.download_bps,
            one.rates.upload_bps,
            one.duration_ns,
            one.asked.reason,
            one.asked.by,
            one.asked.on_behalf,
            one.asked.at_ns,
            one.asked.at_ns,
            one.expires_ns,
            json.loads(dump({"approvals": one.approvals})),
            None if refusal is None else refusal.by,
            None if refusal is None else refusal.reason,
            None if refusal is None else refusal.at_ns,
            one.directive,
        )


TABLES: Mapping[TableName, Table] = {
    TableName.VISITS: Table(
        {
            "router": Kind.TEXT,
            "interface": Kind.TEXT,
            "sequence": Kind.INTEGER,
            "at": Kind.INSTANT,
            "at_ns": Kind.INTEGER,
            "read_at_ns": Kind.INTEGER,
            "lagging": Kind.FLAG,
            "in_total_bytes": Kind.COUNTER,
            "out_total_bytes": Kind.COUNTER,
            "in_counter_bytes": Kind.COUNTER,
            "out_counter_bytes": Kind.COUNTER,
        },
        _visits,
    ),
    TableName.GAPS: Table(
        {
            "router": Kind.TEXT,
            "interface": Kind.TEXT,
            "way": Kind.TEXT,
            "from": Kind.INSTANT,
            "from_ns": Kind.INTEGER,
            "to": Kind.INSTANT,
            "to_ns": Kind.INTEGER,
            "reason": Kind.TEXT,
            "visit_sequence": Kind.INTEGER,
        },
        _gaps,
    ),
    TableName.VERDICTS: Table(
        {
            "at": Kind.INSTANT,
            "at_ns": Kind.INTEGER,
            "agency": Kind.TEXT,
            "direction": Kind.TEXT,
            "limit_bps": Kind.INTEGER,
            "reason": Kind.TEXT,
            "policy": Kind.TEXT,
            "rule_file": Kind.TEXT,
            "rule_line": Kind.INTEGER,
            "step": Kind.INTEGER,
            "period_start": Kind.INSTANT,
            "until": Kind.INSTANT,
            "evidence": Kind.DOCUMENT,
        },
        _verdicts,
    ),
    TableName.RECEIPTS: Table(
        {
            "id": Kind.TEXT,
            "at": Kind.INSTANT,
            "at_ns": Kind.INTEGER,
            "router": Kind.TEXT,
            "circuit": Kind.TEXT,
            "agency": Kind.TEXT,
            "direction": Kind.TEXT,
            "action": Kind.TEXT,
            "from_bps": Kind.INTEGER,
            "to_bps": Kind.INTEGER,
            "reason": Kind.TEXT,
            "outcome": Kind.TEXT,
            "proof": Kind.TEXT,
            "detail": Kind.TEXT,
            "duration_ns": Kind.INTEGER,
            "chain": Kind.TEXT,
            "sequence": Kind.INTEGER,
            "previous_hash": Kind.TEXT,
            "hash": Kind.TEXT,
        },
        _receipts,
    ),
    TableName.DIRECTIVES: Table(
        {
            "id": Kind.TEXT,
            "kind": Kind.TEXT,
            "subject": Kind.TEXT,
            "policy": Kind.TEXT,
            "download_bps": Kind.INTEGER,
            "upload_bps": Kind.INTEGER,
            "reason": Kind.TEXT,
            "by": Kind.TEXT,
            "request": Kind.TEXT,
            "at": Kind.INSTANT,
            "at_ns": Kind.INTEGER,
            "until": Kind.INSTANT,
            "ended": Kind.INSTANT,
            "ended_by": Kind.TEXT,
            "ended_reason": Kind.TEXT,
            "replaced_by": Kind.TEXT,
        },
        _directives,
    ),
    TableName.REQUESTS: Table(
        {
            "id": Kind.TEXT,
            "agency": Kind.TEXT,
            "download_bps": Kind.INTEGER,
            "upload_bps": Kind.INTEGER,
            "duration_ns": Kind.INTEGER,
            "reason": Kind.TEXT,
            "by": Kind.TEXT,
            "on_behalf_of": Kind.TEXT,
            "at": Kind.INSTANT,
            "at_ns": Kind.INTEGER,
            "expires": Kind.INSTANT,
            "approvals": Kind.DOCUMENT,
            "refused_by": Kind.TEXT,
            "refused_reason": Kind.TEXT,
            "refused": Kind.INSTANT,
            "directive": Kind.TEXT,
        },
        _requests,
    ),
}
