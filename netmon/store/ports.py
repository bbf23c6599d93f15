"""When ports that carry much were up and when down, as polls showed: a row for each unbroken time of either.

What no row covers is not known. The newest row of a port is what the daemon goes on from after a restart.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    UniqueConstraint,
    func,
    select,
)

from netmon.core.alerts import Alert
from netmon.core.port_state import PortKey, PortReason, PortSpan, PortStatus
from netmon.store.database import Database, upsert
from netmon.store.decisions import announce
from netmon.store.schema import OctetText

metadata = MetaData()
"""What the migration `ports` makes."""

port_span = Table(
    "port_span",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("router", OctetText, nullable=False),
    Column("interface", OctetText, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("upto_ns", BigInteger, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("status", OctetText, nullable=False),
    Column("reason", OctetText, nullable=False),
    UniqueConstraint("router", "interface", "from_ns"),
)
"""`upto_ns` grows while the status lasts; a new row is a transition, or the end of a silence."""

_span = port_span.c


class PortRecord(Database):
    """Reads what is known of ports; each method raises StoreError."""

    def newest_port_spans(self) -> dict[PortKey, PortSpan]:
        """The span recorded last of every port ever watched."""
        newest = select(func.max(_span.id)).group_by(_span.router, _span.interface)
        return {span.port: span for span in self._spans(select(port_span).where(_span.id.in_(newest)))}

    def port_spans(self, ports: Collection[PortKey], from_ns: int, to_ns: int) -> dict[PortKey, list[PortSpan]]:
        """Those of the ports that overlap from_ns <= t < to_ns, in the order they were recorded."""
        found: dict[PortKey, list[PortSpan]] = {port: [] for port in ports}
        for router in sorted({router for router, _ in ports}):
            statement = select(port_span).where(_span.router == router, _span.from_ns < to_ns, _span.upto_ns > from_ns)
            for span in self._spans(statement.order_by(_span.id)):
                if span.port in found:
                    found[span.port].append(span)
        return found

    def _spans(self, statement: Select[Any]) -> list[PortSpan]:
        with self._transaction() as connection:
            return [_load(row) for row in connection.execute(statement)]


class PortBook(PortRecord):
    """Writes it."""

    def record_ports(self, spans: Sequence[PortSpan], alerts: Sequence[Alert], now_ns: int) -> None:
        """Spans that are new or have grown, and the alerts they bring with their outbox rows, in one transaction."""
        with self._transaction() as connection:
            if spans:
                statement = upsert(connection, port_span)
                new = statement.excluded
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["router", "interface", "from_ns"],
                        set_={
                            "upto_ns": new.upto_ns,
                            "since_ns": new.since_ns,
                            "status": new.status,
                            "reason": new.reason,
                        },
                    ),
                    [_values(span) for span in spans],
                )
            announce(connection, alerts, now_ns)


def _values(span: PortSpan) -> dict[str, object]:
    return {
        "router": span.router,
        "interface": span.interface,
        "status": span.status.value,
        "reason": span.reason.value,
        "since_ns": span.since_ns,
        "from_ns": span.from_ns,
        "upto_ns": span.upto_ns,
    }


def _load(row: Row[Any]) -> PortSpan:
    return PortSpan(
        router=row.router,
        interface=row.interface,
        status=PortStatus(row.status),
        reason=PortReason(row.reason),
        since_ns=row.since_ns,
        from_ns=row.from_ns,
        upto_ns=row.upto_ns,
    )
