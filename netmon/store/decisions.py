"""Verdicts, alerts and the outbox, written together: nothing is told that was not recorded first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from netmon.core.alerts import Alert
from netmon.core.model import Verdict
from netmon.core.quota import essence
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import upsert
from netmon.store.values import OutboxEntry, dump, load

_AT_ONCE = 500
"""Agencies in one question: SQL bounds the number of parameters."""


class Decisions(Chained):
    """Records what was decided and what is to be told."""

    def decide(self, verdicts: Sequence[Verdict], alerts: Sequence[Alert], now_ns: int) -> None:
        """Verdicts' new state, a log line and a link for each that changed, alerts with their outbox rows; all or none.

        An alert whose id the outbox has seen changes nothing.
        """
        with self._transaction() as connection:
            turned = _judge(connection, verdicts, now_ns)
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
        with self._transaction() as connection:
            connection.execute(
                upsert(connection, schema.cursor)
                .values(name=name, position=position)
                .on_conflict_do_update(index_elements=["name"], set_={"position": position})
            )


def announce(connection: Connection, alerts: Sequence[Alert], now_ns: int) -> None:
    """Alerts' new state and their outbox rows, inside the caller's transaction."""
    for alert in alerts:
        document = dump(alert)
        added = connection.execute(
            upsert(connection, schema.outbox)
            .values(alert_id=alert.id, document=document, created_ns=now_ns)
            .on_conflict_do_nothing(index_elements=["alert_id"])
        )
        if added.rowcount == 1:
            connection.execute(
                upsert(connection, schema.alert)
                .values(key=alert.key, document=document)
                .on_conflict_do_update(index_elements=["key"], set_={"document": document})
            )


def _entry(verdict: Verdict, now_ns: int) -> Entry:
    payload = dump({"at_ns": now_ns, "verdict": verdict})
    return Entry(Kind.VERDICT, f"{verdict.agency}/{verdict.direction}", payload, repeatable=True)


def _judge(connection: Connection, verdicts: Sequence[Verdict], now_ns: int) -> list[Verdict]:
    """Records them all; returns those that say something else than the last one."""
    last = _documents(connection, sorted({verdict.agency for verdict in verdicts}))
    states: dict[tuple[str, str], str] = {}
    turned, logged = [], []
    for verdict in verdicts:
        key = (verdict.agency, verdict.direction.value)
        previous, document = last.get(key), dump(verdict)
        if previous == document:
            continue
        last[key] = states[key] = document
        if previous is None or essence(load(Verdict, previous)) != essence(verdict):
            turned.append(verdict)
            logged.append({"agency": key[0], "direction": key[1], "at_ns": now_ns, "document": document})
    if states:
        statement = upsert(connection, schema.verdict)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["agency", "direction"], set_={"document": statement.excluded.document}
            ),
            [{"agency": key[0], "direction": key[1], "document": document} for key, document in states.items()],
        )
    if logged:
        connection.execute(insert(schema.verdict_log), logged)
    return turned


def _documents(connection: Connection, agencies: Sequence[str]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for at in range(0, len(agencies), _AT_ONCE):
        some = select(schema.verdict).where(schema.verdict.c.agency.in_(agencies[at : at + _AT_ONCE]))
        found |= {(row.agency, row.direction): row.document for row in connection.execute(some)}
    return found
