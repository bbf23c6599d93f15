"""What stands now: verdicts, alerts, limits, holds. Read alike by the writer and by readers."""

from __future__ import annotations

from sqlalchemy import func, or_, select

from netmon.core.alerts import Alert
from netmon.core.approval import PlanApproval
from netmon.core.changes import Intent
from netmon.core.model import Direction, Verdict
from netmon.store import schema
from netmon.store.chain import Kind
from netmon.store.database import Database
from netmon.store.values import Hold, LimitState, load

APPROVALS_AT_MOST = 500
"""Approvals looked at: older ones have expired, unless somebody approves by the hundred."""


class Standing(Database):
    """The current state of every decision and action."""

    def verdicts(self) -> dict[tuple[str, Direction], Verdict]:
        """The last verdict on each agency and direction."""
        with self._transaction() as connection:
            found = connection.execute(select(schema.verdict.c.document)).scalars()
            verdicts = [load(Verdict, document) for document in found]
        return {(one.agency, one.direction): one for one in verdicts}

    def alerts(self) -> dict[str, Alert]:
        """The last transition of each alert, by its key; resolved ones too."""
        with self._transaction() as connection:
            found = connection.execute(select(schema.alert.c.document)).scalars()
            alerts = [load(Alert, document) for document in found]
        return {one.key: one for one in alerts}

    def limit_states(self) -> dict[tuple[str, Direction], LimitState]:
        """What routers are believed to enforce, by circuit and direction."""
        with self._transaction() as connection:
            return {
                (row.circuit, Direction(row.direction)): LimitState(row.bps, row.known, row.at_ns)
                for row in connection.execute(select(schema.limit_state))
            }

    def holds(self, now_ns: int) -> dict[str, Hold]:
        """Holds in force at `now_ns`, by circuit."""
        until = schema.hold.c.until_ns
        with self._transaction() as connection:
            found = connection.execute(select(schema.hold).where(or_(until.is_(None), until > now_ns)))
            return {row.circuit: Hold(row.circuit, row.reason, row.by, row.at_ns, row.until_ns) for row in found}

    def plan_approvals(self, now_ns: int) -> tuple[PlanApproval, ...]:
        """Those that have not expired at `now_ns`, in the order they were given; of very many the newest."""
        columns = schema.link.c
        newest = (
            select(columns.payload)
            .where(columns.kind == Kind.PLAN_APPROVAL)
            .order_by(columns.sequence.desc())
            .limit(APPROVALS_AT_MOST)
        )
        with self._transaction() as connection:
            found = [load(PlanApproval, payload) for payload in connection.execute(newest).scalars()]
        return tuple(one for one in reversed(found) if now_ns < one.expires_ns)

    def marker(self) -> tuple[str, int]:
        """The ledger's id, and a revision that none of the changes begun so far exceeds.

        A revision is the microsecond of its change, or one more than the last where the clock did not go on.
        """
        meta, intent = schema.meta.c, schema.intent.c
        with self._transaction() as connection:
            name: str = connection.execute(select(meta.value).where(meta.key == "ledger_id")).scalar_one()
            newest_ns, count = connection.execute(select(func.max(intent.created_ns), func.count())).one()
        return name, (newest_ns or 0) // 1000 + count

    def cursor(self, name: str) -> int:
        """How far a sink has read the committed visits: a position, 0 before its first."""
        with self._transaction() as connection:
            statement = select(schema.cursor.c.position).where(schema.cursor.c.name == name)
            return connection.execute(statement).scalar_one_or_none() or 0

    def unsent_count(self) -> int:
        """Alerts not yet told."""
        statement = select(func.count()).select_from(schema.outbox).where(schema.outbox.c.sent_ns.is_(None))
        with self._transaction() as connection:
            return int(connection.execute(statement).scalar_one())

    def open_intents(self) -> list[Intent]:
        """Changes whose outcome is not recorded, oldest first: after a crash, those to resolve."""
        columns = schema.intent.c
        statement = select(columns.document).where(columns.closed_ns.is_(None)).order_by(columns.created_ns, columns.id)
        with self._transaction() as connection:
            return [load(Intent, document) for document in connection.execute(statement).scalars()]
