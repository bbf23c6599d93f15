"""What the command line shows, as plain values: ledger and configuration in, the contracts' `data` out.

Nothing here decides: plans come from `decisions.decide`, usage from the ledger's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from netmon.config.load import Configuration
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Usage
from netmon.core.periods import (
    Period,
    PeriodKind,
    PeriodRule,
    add_usage,
    from_ns,
    period_containing,
    to_ns,
)
from netmon.core.quota import QuotaPolicy
from netmon.store.reader import LedgerReader
from netmon.store.values import ReceiptLink

MONTH = PeriodRule(PeriodKind.MONTH)
DAY = PeriodRule(PeriodKind.DAY)


class QueryError(ValueError):
    """A question that has no answer; the message says what to ask instead."""


class By(StrEnum):
    """What one row of usage stands for."""

    CIRCUIT = "circuit"
    AGENCY = "agency"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Span:
    """The time asked for: a period's label, two instants as written, or the running period."""

    label: str | None = None
    start: str | None = None
    end: str | None = None


# --- usage -----------------------------------------------------------------------------------


def usage_rows(
    configuration: Configuration, reader: LedgerReader, agency: str | None, span: Span, by: By, now_ns: int
) -> list[dict[str, Any]]:
    """The `data` of `netmon/usage/1`: one row per circuit, agency or day, and direction.

    Without a span each row is about the running period of the agency's quota, or the calendar month.
    Raises QueryError, StoreError.
    """
    rows: list[dict[str, Any]] = []
    for one in _agencies(configuration, agency):
        circuits = [circuit for circuit in configuration.circuits if circuit.agency == one.id]
        for direction in Direction:
            for policy in _policies(configuration, one, direction):
                period = _period(span, policy, one.timezone, now_ns)
                rows += [
                    _usage_row(reader, one, circuit, ports, direction, part, policy if part == period else None, now_ns)
                    for circuit, ports, part in _parts(by, circuits, period, one.timezone, now_ns)
                ]
    return rows


def _agencies(configuration: Configuration, name: str | None) -> Sequence[Agency]:
    if name is None:
        return configuration.agencies
    found = [agency for agency in configuration.agencies if agency.id == name]
    if not found:
        raise QueryError(f"there is no agency {name}; netmon usage lists them")
    return found


def _policies(configuration: Configuration, agency: Agency, direction: Direction) -> Sequence[QuotaPolicy | None]:
    """One per distinct period, or None where no policy applies."""
    by_period: dict[PeriodRule, QuotaPolicy] = {}
    for name in agency.quotas:
        policy = configuration.policies[name]
        if policy.direction is direction:
            by_period.setdefault(policy.period, policy)
    return list(by_period.values()) or [None]


def _parts(
    by: By, circuits: Sequence[Circuit], period: Period, zone: str, now_ns: int
) -> Iterator[tuple[str | None, Sequence[Circuit], Period]]:
    match by:
        case By.AGENCY:
            yield None, circuits, period
        case By.CIRCUIT:
            for circuit in circuits:
                yield circuit.id, [circuit], period
        case By.DAY:
            start_ns = period.start_ns
            while start_ns < min(period.end_ns, now_ns):
                day = period_containing(DAY, start_ns, zone)
                end_ns = min(day.end_ns, period.end_ns)
                yield None, circuits, Period(start_ns, end_ns, day.label)
                start_ns = end_ns


def _usage_row(
    reader: LedgerReader,
    agency: Agency,
    circuit: str | None,
    circuits: Sequence[Circuit],
    direction: Direction,
    period: Period,
    policy: QuotaPolicy | None,
    now_ns: int,
) -> dict[str, Any]:
    ports = [(one.router, one.interface, one.way(direction)) for one in circuits]
    usage = add_usage([reader.usage(*port, period.start_ns, period.end_ns, now_ns) for port in ports])
    p95_bps, p95_samples = reader.percentile(ports, period.start_ns, min(period.end_ns, now_ns))
    quota = policy.volume_bytes if policy is not None and circuit is None else None
    return {
        "agency": agency.id,
        "circuit": circuit,
        "direction": direction.value,
        "class": "all",
        "period_start": rfc3339(period.start_ns, agency.timezone),
        "period_end": rfc3339(period.end_ns, agency.timezone),
        "revision": 1,
        "proven_bytes": usage.proven_bytes,
        "estimated_bytes": usage.estimated_bytes,
        "unknown_seconds": _seconds(usage.unknown_ns if circuits else usage.elapsed_ns),
        "coverage_ratio": None if usage.coverage_ratio is None else round(usage.coverage_ratio, 6),
        "p95_bps": p95_bps,
        "p95_samples": p95_samples,
        "quota_bytes": quota,
        "quota_used_ratio": None if quota is None else round(usage.proven_bytes / quota, 6),
        "gaps": _gaps(usage, agency.timezone),
    }


def _gaps(usage: Usage, zone: str) -> list[dict[str, Any]]:
    seen = sorted({(gap.from_ns, gap.to_ns, gap.reason) for gap in usage.gaps})
    return [
        {"from": rfc3339(start, zone), "to": rfc3339(end, zone), "reason": reason.value} for start, end, reason in seen
    ]


def _period(span: Span, policy: QuotaPolicy | None, zone: str, now_ns: int) -> Period:
    rule = policy.period if policy is not None else MONTH
    if span.label is not None:
        return _labelled(span.label, rule, zone)
    if span.start is None and span.end is None:
        return period_containing(rule, now_ns, zone)
    start_ns = _instant(span.start, zone) if span.start is not None else period_containing(rule, now_ns, zone).start_ns
    end_ns = _instant(span.end, zone) if span.end is not None else now_ns
    if end_ns <= start_ns:
        raise QueryError("--from must be before --to, and not in the future")
    return Period(start_ns, end_ns, f"{span.start or ''}..{span.end or ''}")


def _labelled(label: str, rule: PeriodRule, zone: str) -> Period:
    """2026-11 (from the policy's reset day on), 2026-W47 or 2026-11-22."""
    for kind, form in ((PeriodKind.DAY, "%Y-%m-%d"), (PeriodKind.WEEK, "%G-W%V-%u"), (PeriodKind.MONTH, "%Y-%m")):
        text = f"{label}-1" if kind is PeriodKind.WEEK else label
        try:
            day = datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        if kind is PeriodKind.MONTH:
            # The month's last day lies in the period that begins in it, whatever the reset day.
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        chosen = rule if rule.kind is kind else PeriodRule(kind)
        return period_containing(chosen, _noon(day, zone), zone)
    raise QueryError(f"{label!r} is not a period; write for example 2026-11, 2026-W47 or 2026-11-22")


def _noon(day: date, zone: str) -> int:
    return to_ns(datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)))


def _instant(text: str, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r} is not a time; write for example 2026-11-22 or 2026-11-22T08:00") from None
    return to_ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone)))


# --- receipts --------------------------------------------------------------------------------


def receipt_rows(
    reader: LedgerReader, zone: str, receipt_id: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The `data` of `netmon/receipts/1`, newest first. Raises QueryError for an id there is none of, StoreError."""
    links = reader.receipts(limit, receipt_id)
    if receipt_id is not None and not links:
        raise QueryError(f"there is no receipt {receipt_id}; netmon receipts lists them")
    return [_receipt_row(link, zone) for link in links]


def _receipt_row(link: ReceiptLink, zone: str) -> dict[str, Any]:
    receipt, change = link.receipt, link.receipt.change
    return {
        "id": receipt.id,
        "at": rfc3339(receipt.at_ns, zone),
        "router": change.router,
        "circuit": change.circuit,
        "agency": change.agency,
        "direction": change.direction.value,
        "from_bps": change.from_bps,
        "to_bps": change.to_bps,
        "reason": change.reason.value,
        "outcome": receipt.outcome.value,
        "proof": (link.observed or receipt.proof).value,
        "detail": receipt.detail,
        "duration_seconds": round(receipt.duration_ns / NANOSECONDS, 3),
        "previous_hash": link.previous_hash,
        "hash": link.hash,
    }


def rfc3339(instant_ns: int, zone: str) -> str:
    """An instant with the zone's offset, cut to milliseconds unless it falls on a second."""
    moment = from_ns(instant_ns, zone)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _seconds(ns: int) -> int:
    return -(-ns // NANOSECONDS)
