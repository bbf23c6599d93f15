"""Verdicts, alerts and the outbox, written together: nothing is told that was not recorded first."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from netmon.core.model import Alert, Verdict
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import driver
from netmon.store.values import OutboxEntry, dump, load

_LAST_VERDICT = "SELECT document FROM verdict WHERE agency = ? AND direction = ?"
_SET_VERDICT = """
INSERT INTO verdict (agency, direction, document) VALUES (?, ?, ?)
ON CONFLICT (agency, direction) DO UPDATE SET document = excluded.document"""
_LOG_VERDICT = "INSERT INTO verdict_log (agency, direction, at_ns, document) VALUES (?, ?, ?, ?)"


class Decisions(Chained):
    """Records what was decided and what is to be told."""

    def decide(self, verdicts: Sequence[Verdict], alerts: Sequence[Alert], now_ns: int) -> None:
        """Verdicts' new state, a log line and a link for each that changed, alerts with their outbox rows; all or none.

        An alert whose id the outbox has seen changes nothing.
        """
        with self._transaction() as connection:
            raw = driver(connection)
            turned = [verdict for verdict in verdicts if _judge(raw, verdict, now_ns)]
            self._append_all(connection, [_entry(verdict, now_ns) for verdict in turned])
            announce(connection, alerts, now_ns)

    def unsent(self, limit: int) -> list[OutboxEntry]:
        """The oldest alerts not yet told, at most `limit`, in order."""
        columns = schema.outbox.c
        statement = (
            select(columns.id, columns.document).where(columns.sent_ns.is_(None)).order_by(columns.id).limit(limit)
        )
        with self._transaction() as connection:
            return [OutboxEntry(row.id, load(Alert, row.document)) for row in connection.execute(statement)]

    def mark_sent(self, positions: Sequence[int], now_ns: int) -> None:
        """They were told; not again."""
        columns = schema.outbox.c
        with self._transaction() as connection:
            connection.execute(
                update(schema.outbox).where(columns.id.in_(positions), columns.sent_ns.is_(None)).values(sent_ns=now_ns)
            )

    def set_cursor(self, name: str, position: int) -> None:
        """A sink has dealt with everything up to `position`; going back replays."""
        statement = upsert(schema.cursor).values(name=name, position=position)
        with self._transaction() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"position": position}))


def announce(connection: Connection, alerts: Sequence[Alert], now_ns: int) -> None:
    """Alerts' new state and their outbox rows, inside the caller's transaction."""
    for alert in alerts:
        document = dump(alert)
        added = connection.execute(
            upsert(schema.outbox)
            .values(alert_id=alert.id, document=document, created_ns=now_ns)
            .on_conflict_do_nothing(index_elements=["alert_id"])
        )
        if added.rowcount == 1:
            connection.execute(
                upsert(schema.alert)
                .values(key=alert.key, document=document)
                .on_conflict_do_update(index_elements=["key"], set_={"document": document})
            )


def _entry(verdict: Verdict, now_ns: int) -> Entry:
    payload = dump({"at_ns": now_ns, "verdict": verdict})
    return Entry(Kind.VERDICT, f"{verdict.agency}/{verdict.direction}", payload, repeatable=True)


def _judge(raw: sqlite3.Connection, verdict: Verdict, now_ns: int) -> bool:
    """True if it says something else than the last one."""
    names = (verdict.agency, verdict.direction.value)
    previous = raw.execute(_LAST_VERDICT, names).fetchone()
    document = dump(verdict)
    if previous is not None and previous[0] == document:
        return False
    raw.execute(_SET_VERDICT, (*names, document))
    if previous is not None and _essence(load(Verdict, previous[0])) == _essence(verdict):
        return False
    raw.execute(_LOG_VERDICT, (*names, now_ns, document))
    return True


def _essence(verdict: Verdict) -> tuple[object, ...]:
    """What makes a verdict another one; its evidence grows with every visit."""
    return (verdict.reason, verdict.step, verdict.limit, verdict.policy, verdict.period_start_ns)
