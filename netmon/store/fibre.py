"""What is remembered of fibre links: the ends with their trends, and the last verdict on each link.

Optical powers are measurements, not accounts: documents here hold floats, and nothing is hashed over them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, Table, delete, select

from netmon.core.alerts import Alert, Severity
from netmon.core.fibre import End, FibreReason, FibreVerdict, Sign
from netmon.core.fibre_limits import Limits, Origin
from netmon.core.fibre_trend import Fit, Trend
from netmon.store.database import Database, upsert
from netmon.store.decisions import announce
from netmon.store.errors import StoreError
from netmon.store.schema import OctetText
from netmon.store.values import canonical

metadata = MetaData()
"""The tables of migration 4."""

fibre_end = Table(
    "fibre_end", metadata, Column("id", OctetText, primary_key=True), Column("document", OctetText, nullable=False)
)
fibre_link = Table(
    "fibre_link", metadata, Column("ends", OctetText, primary_key=True), Column("document", OctetText, nullable=False)
)
"""`ends` is the link's name: the ids of its ends as a JSON array, sorted."""


@dataclass(frozen=True, slots=True)
class FibreState:
    """All that is remembered."""

    ends: tuple[End, ...] = ()
    verdicts: tuple[FibreVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class FibreChange:
    """What became different."""

    ends: Sequence[End] = ()
    verdicts: Sequence[FibreVerdict] = ()
    gone_ends: Sequence[str] = ()
    """Ids of ends to be forgotten."""
    gone_links: Sequence[tuple[str, ...]] = ()
    """Links that are none any more, by the ids of their ends."""


class FibreBook(Database):
    """Reads and writes what is remembered of fibre links."""

    def fibre(self) -> FibreState:
        """As the daemon before left it. Raises StoreError, too, for what this netmon cannot read."""
        with self._transaction() as connection:
            ends = connection.execute(select(fibre_end.c.document).order_by(fibre_end.c.id)).scalars().all()
            links = connection.execute(select(fibre_link.c.document).order_by(fibre_link.c.ends)).scalars().all()
        try:
            return FibreState(
                tuple(_end(json.loads(document)) for document in ends),
                tuple(_verdict(json.loads(document)) for document in links),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"the ledger holds a fibre link that this netmon cannot read ({error}); install the netmon that wrote"
                " it, or restore a backup"
            ) from error

    def record_fibre(self, change: FibreChange, alerts: Sequence[Alert], now_ns: int) -> None:
        """The change, and the alerts it brings with their outbox rows, in one transaction."""
        with self._transaction() as connection:
            for end in change.ends:
                document = canonical(_end_document(end))
                connection.execute(
                    upsert(connection, fibre_end)
                    .values(id=end.id, document=document)
                    .on_conflict_do_update(index_elements=["id"], set_={"document": document})
                )
            for gone in change.gone_links:
                connection.execute(delete(fibre_link).where(fibre_link.c.ends == canonical(gone)))
            for verdict in change.verdicts:
                document = canonical(_verdict_document(verdict))
                connection.execute(
                    upsert(connection, fibre_link)
                    .values(ends=canonical(verdict.ends), document=document)
                    .on_conflict_do_update(index_elements=["ends"], set_={"document": document})
                )
            for end_id in change.gone_ends:
                connection.execute(delete(fibre_end).where(fibre_end.c.id == end_id))
            announce(connection, alerts, now_ns)


# --- documents -------------------------------------------------------------------------------


def _end_document(end: End) -> dict[str, Any]:
    limits = end.rx_limits
    return {
        "router": end.router,
        "interface": end.interface,
        "lane": end.lane,
        "rx": _trend_document(end.rx),
        "tx": _trend_document(end.tx),
        "limits": [*limits.values, limits.origin.value, limits.why],
        "is_enabled": end.is_enabled,
        "is_up": end.is_up,
        "seen_ns": end.seen_ns,
    }


def _end(document: dict[str, Any]) -> End:
    low_alarm, low_warning, high_warning, high_alarm, origin, why = document["limits"]
    return End(
        router=document["router"],
        interface=document["interface"],
        lane=document["lane"],
        rx=_trend(document["rx"]),
        tx=_trend(document["tx"]),
        rx_limits=Limits(low_alarm, low_warning, high_warning, high_alarm, Origin(origin), why),
        is_enabled=document["is_enabled"],
        is_up=document["is_up"],
        seen_ns=document["seen_ns"],
    )


def _trend_document(trend: Trend) -> dict[str, Any]:
    fit = trend.fit
    return {
        "days": trend.days,
        "today": trend.today,
        "samples": trend.samples,
        "slot": trend.slot,
        "recent": trend.recent,
        "baseline_dbm": trend.baseline_dbm,
        "fit": None if fit is None else [fit.db_per_day, fit.level_dbm, fit.z, fit.span_days, fit.last_day],
    }


def _trend(document: dict[str, Any]) -> Trend:
    return Trend(
        days=tuple((day, power) for day, power in document["days"]),
        today=document["today"],
        samples=tuple(document["samples"]),
        slot=document["slot"],
        recent=tuple(document["recent"]),
        baseline_dbm=document["baseline_dbm"],
        fit=None if document["fit"] is None else Fit(*document["fit"]),
    )


def _verdict_document(verdict: FibreVerdict) -> dict[str, Any]:
    return {
        "ends": verdict.ends,
        "reason": verdict.reason.value,
        "firing": verdict.firing,
        "at": verdict.at,
        "signs": sorted([end, sign.value] for end, sign in verdict.signs),
        "severity": verdict.severity.value,
        "since_day": verdict.since_day,
        "db_per_month": verdict.db_per_month,
        "baseline_dbm": verdict.baseline_dbm,
        "level_dbm": verdict.level_dbm,
        "low_alarm_dbm": verdict.low_alarm_dbm,
        "crosses_day": verdict.crosses_day,
    }


def _verdict(document: dict[str, Any]) -> FibreVerdict:
    return FibreVerdict(
        **{
            **document,
            "ends": tuple(document["ends"]),
            "reason": FibreReason(document["reason"]),
            "signs": frozenset((end, Sign(sign)) for end, sign in document["signs"]),
            "severity": Severity(document["severity"]),
        }
    )
