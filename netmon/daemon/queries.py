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
from netmon.config.supply_settings import EARLIEST_YEAR, LATEST_YEAR
from netmon.core.closing import Closing, Figures
from netmon.core.directives import Directive, effect
from netmon.core.ladder import QuotaPolicy
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction
from netmon.core.periods import Period, PeriodKind, PeriodRule, from_ns, grid_cells, period_containing, to_ns
from netmon.core.requests import Request, Word
from netmon.daemon.figures import Reckoning, Wanted
from netmon.store.reader import LedgerReader
from netmon.store.values import ReceiptLink

MONTH = PeriodRule(PeriodKind.MONTH)
DAY = PeriodRule(PeriodKind.DAY)
_LABELS = {
    PeriodKind.DAY: "%Y-%m-%d",
    PeriodKind.WEEK: "%G-W%V-%u",
    PeriodKind.MONTH: "%Y-%m",
    PeriodKind.YEAR: "%Y",
}


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
    configuration: Configuration,
    reader: LedgerReader,
    agency: str | None,
    span: Span,
    by: By,
    now_ns: int,
    revision: int | None = None,
) -> list[dict[str, Any]]:
    """The `data` of `netmon/usage/1`: one row per circuit, agency or day, and direction.

    Without a span each row is about the running period of the agency's quota, or the calendar month. A closed
    period is told as it was written down, by default in its newest revision. Raises QueryError, StoreError.
    """
    rows = list(_rows(configuration, agency, span, by, now_ns))
    books = _Books(reader, agency, revision if by is not By.DAY else None)
    found = {} if by is By.DAY else {at: one for at, row in enumerate(rows) if (one := books.figures(row)) is not None}
    if revision is not None and len(found) < len(rows):
        lacking = next(row for at, row in enumerate(rows) if at not in found)
        raise QueryError(
            f"{lacking.agency.id} has no revision {revision} of {lacking.wanted.period.label};"
            " netmon period list shows what was closed"
        )
    reckoned = Reckoning(reader, now_ns).figures([row.wanted for at, row in enumerate(rows) if at not in found])
    return [
        _usage_row(row, *found[at]) if at in found else _usage_row(row, next(reckoned)) for at, row in enumerate(rows)
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row that was asked for."""

    agency: Agency
    wanted: Wanted
    policy: QuotaPolicy | None
    """Where the row is about its whole period, and not about a circuit."""


def _rows(configuration: Configuration, agency: str | None, span: Span, by: By, now_ns: int) -> Iterator[_Row]:
    circuits_of: dict[str, list[Circuit]] = {}
    for circuit in configuration.circuits:
        circuits_of.setdefault(circuit.agency, []).append(circuit)
    periods: dict[tuple[PeriodRule, str], Period] = {}
    for one in _agencies(configuration, agency):
        ours = circuits_of.get(one.id, [])
        for direction in Direction:
            for policy in policies_of(configuration, one, direction):
                rule = policy.period if policy is not None else MONTH
                period = periods.get((rule, one.timezone)) or _period(span, rule, one.timezone, now_ns)
                periods[rule, one.timezone] = period
                billed = span.start is None and span.end is None and by is not By.DAY
                for name, circuits, part in _parts(by, ours, period, one.timezone, now_ns):
                    wanted = Wanted(one.id, name, tuple(circuits), direction, part, billed)
                    yield _Row(one, wanted, policy if part == period and name is None else None)


class _Books:
    """Closed periods, asked for once each."""

    def __init__(self, reader: LedgerReader, agency: str | None, revision: int | None) -> None:
        self._reader, self._agency, self._revision = reader, agency, revision
        self._found: dict[tuple[int, int], dict[str, Closing]] = {}

    def figures(self, row: _Row) -> tuple[Figures, Closing] | None:
        """None where the period is not closed, or such a circuit was not in it."""
        if not row.wanted.billed:
            return None
        period = (row.wanted.period.start_ns, row.wanted.period.end_ns)
        if period not in self._found:
            self._found[period] = self._reader.closed(*period, self._agency, self._revision)
        closing = self._found[period].get(row.agency.id)
        if closing is None:
            return None
        mine = (row.wanted.circuit, row.wanted.direction)
        return next(((one, closing) for one in closing.figures if (one.circuit, one.direction) == mine), None)


def _agencies(configuration: Configuration, name: str | None) -> Sequence[Agency]:
    if name is None:
        return configuration.agencies
    found = [agency for agency in configuration.agencies if agency.id == name]
    if not found:
        raise QueryError(f"there is no agency {name}; netmon usage lists them")
    return found


def policies_of(configuration: Configuration, agency: Agency, direction: Direction) -> Sequence[QuotaPolicy | None]:
    """One per distinct period, or None where no policy applies."""
    by_period: dict[PeriodRule, QuotaPolicy] = {}
    for name in agency.quotas:
        policy = configuration.policies[name]
        if direction in policy.counts:
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


def _usage_row(row: _Row, figures: Figures, closing: Closing | None = None) -> dict[str, Any]:
    period, zone = row.wanted.period, row.agency.timezone
    quota = row.policy.volume_bytes if row.policy is not None and len(row.policy.counts) == 1 else None
    coverage = figures.coverage_ratio
    cells = grid_cells(period.start_ns, period.start_ns + figures.elapsed_ns)
    return {
        "agency": row.agency.id,
        "circuit": figures.circuit,
        "direction": figures.direction.value,
        "class": figures.traffic_class,
        "period_start": rfc3339(period.start_ns, zone),
        "period_end": rfc3339(period.end_ns, zone),
        "revision": None if closing is None else closing.revision,
        "closed_at": None if closing is None else rfc3339(closing.at_ns, zone),
        "proven_bytes": figures.proven_bytes,
        "estimated_bytes": figures.estimated_bytes,
        "unknown_seconds": whole_seconds(figures.unknown_ns),
        "coverage_ratio": None if coverage is None else round(coverage, 6),
        "p95_bps": figures.p95_bps,
        "p95_samples": figures.p95_samples,
        "p95_definition": figures.p95_definition,
        "p95_coverage_ratio": round(figures.p95_samples / cells, 6) if cells else None,
        "peak_bps": figures.peak_bps,
        "peak_at": None if figures.peak_at_ns is None else rfc3339(figures.peak_at_ns, zone),
        "quota_bytes": quota,
        "quota_used_ratio": None if quota is None else round(figures.proven_bytes / quota, 6),
        "gaps": _gaps(figures, zone),
    }


def _gaps(figures: Figures, zone: str) -> list[dict[str, Any]]:
    seen = sorted({(gap.from_ns, gap.to_ns, gap.reason) for gap in figures.gaps})
    return [
        {"from": rfc3339(start, zone), "to": rfc3339(end, zone), "reason": reason.value} for start, end, reason in seen
    ]


def _period(span: Span, rule: PeriodRule, zone: str, now_ns: int) -> Period:
    if span.label is not None:
        return labelled(span.label, rule, zone)
    if span.start is None and span.end is None:
        return period_containing(rule, now_ns, zone)
    start_ns = instant(span.start, zone) if span.start is not None else period_containing(rule, now_ns, zone).start_ns
    end_ns = instant(span.end, zone) if span.end is not None else now_ns
    if end_ns <= start_ns:
        raise QueryError("--from must be before --to, and not in the future")
    return Period(start_ns, end_ns, f"{span.start or ''}..{span.end or ''}")


def labelled(label: str, rule: PeriodRule, zone: str) -> Period:
    """2026 (from the policy's first day on), 2026-11 (from its reset day on), 2026-W47 or 2026-11-22."""
    for kind, form in _LABELS.items():
        text = f"{label}-1" if kind is PeriodKind.WEEK else label
        try:
            day = datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        if kind is PeriodKind.YEAR:
            day = day.replace(month=12, day=31)  # lies in the year that begins in it, whatever its first day
        if kind is PeriodKind.MONTH:
            # The month's last day lies in the period that begins in it, whatever the reset day.
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        chosen = rule if rule.kind is kind else PeriodRule(kind)
        return period_containing(chosen, _noon(day, zone), zone)
    raise QueryError(f"{label!r} is not a period; write for example 2026-11, 2026-W47, 2026-11-22 or 2026")


def _noon(day: date, zone: str) -> int:
    return to_ns(datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)))


def instant(text: str, zone: str) -> int:
    """A date or time as UTC nanoseconds, in `zone` unless it has an offset. Raises QueryError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r} is not a time; write for example 2026-11-22 or 2026-11-22T08:00") from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise QueryError(f"{text} is not within {EARLIEST_YEAR} to {LATEST_YEAR}")
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
        "to_floor_bps": None if change.to_placement is None else change.to_placement.floor_bps,
        "reason": change.reason.value,
        "outcome": receipt.outcome.value,
        "proof": (link.observed or receipt.proof).value,
        "detail": receipt.detail,
        "duration_seconds": round(receipt.duration_ns / NANOSECONDS, 3),
        "previous_hash": link.previous_hash,
        "hash": link.hash,
    }


# --- directives and requests -----------------------------------------------------------------


def directive_rows(reader: LedgerReader, zone: str, now_ns: int, limit: int | None = None) -> list[dict[str, Any]]:
    """The `data` of `netmon/directives/1`: those in force, or with a limit all, the newest first. Raises StoreError."""
    found = reader.directives(now_ns) if limit is None else reader.all_directives(limit)
    return [directive_row(one, zone, now_ns) for one in found]


def directive_row(one: Directive, zone: str, now_ns: int) -> dict[str, Any]:
    """One directive as the contracts show it."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "subject": one.subject,
        "effect": effect(one),
        "download_bps": None if one.rates is None else one.rates.download_bps,
        "upload_bps": None if one.rates is None else one.rates.upload_bps,
        "policy": one.policy,
        "reason": one.reason,
        "by": one.by,
        "request": one.request,
        "at": rfc3339(one.at_ns, zone),
        "until": None if one.until_ns is None else rfc3339(one.until_ns, zone),
        "in_force": one.in_force(now_ns),
        "ended_at": None if one.ended_ns is None else rfc3339(one.ended_ns, zone),
        "ended_by": one.ended_by,
        "ended_reason": one.ended_reason,
        "replaced_by": one.replaced_by,
    }


def request_rows(
    reader: LedgerReader, zone: str, now_ns: int, needed: int, limit: int, *, decided: bool
) -> list[dict[str, Any]]:
    """The `data` of `netmon/requests/1`: those that wait, the oldest first; or, with `decided`, all, the newest first.

    `needed`: how many must approve. Raises StoreError.
    """
    found = reader.all_requests(limit) if decided else reader.requests(now_ns, limit)
    return [request_row(one, zone, now_ns, needed) for one in found]


def request_row(one: Request, zone: str, now_ns: int, needed: int) -> dict[str, Any]:
    """One request as the contracts show it."""
    return {
        "id": one.id,
        "agency": one.agency,
        "download_bps": one.rates.download_bps,
        "upload_bps": one.rates.upload_bps,
        "duration_seconds": one.duration_ns // NANOSECONDS,
        **_word(one.asked, zone),
        "state": one.state(now_ns).value,
        "expires": rfc3339(one.expires_ns, zone),
        "approvals_needed": needed,
        "approvals": [_word(said, zone) for said in one.approvals],
        "refusal": None if one.refusal is None else _word(one.refusal, zone),
        "directive": one.directive,
    }


def _word(said: Word, zone: str) -> dict[str, str | None]:
    return {"at": rfc3339(said.at_ns, zone), "by": said.by, "on_behalf_of": said.on_behalf, "reason": said.reason}


def rfc3339(instant_ns: int, zone: str) -> str:
    """An instant with the zone's offset, cut to milliseconds unless it falls on a second."""
    moment = from_ns(instant_ns, zone)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def whole_seconds(ns: int) -> int:
    """Rounded up."""
    return -(-ns // NANOSECONDS)
