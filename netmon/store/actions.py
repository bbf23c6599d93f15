"""Intents, receipts, limits and holds: what was tried on the routers, and how it went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select, update

from netmon.core.alerts import Alert
from netmon.core.approval import PlanApproval
from netmon.core.changes import Begun, Change, Intent, Plan, Receipt, Step
from netmon.core.model import Direction
from netmon.store import schema, transcripts
from netmon.store.chain import Entry, Kind, Link
from netmon.store.chained import Chained
from netmon.store.database import upsert
from netmon.store.decisions import announce
from netmon.store.errors import StoreError
from netmon.store.values import LimitState, canonical, dump, load


class Actions(Chained):
    """Records every step of a change before it is taken, and its receipt after."""

    def record_intent(self, intent: Intent) -> None:
        """Before any session opens (invariant 3). Raises StoreError if the id was used before."""
        with self._transaction() as connection:
            added = connection.execute(
                upsert(connection, schema.intent)
                .values(id=intent.id, document=dump(intent), created_ns=intent.created_ns, stepped_ns=intent.created_ns)
                .on_conflict_do_nothing(index_elements=["id"])
            )
            if added.rowcount != 1:
                raise StoreError(f"intent {intent.id} is recorded already; take a new id for a new attempt")

    def advance_intent(self, intent_id: str, step: Step, now_ns: int) -> None:
        """The change is about to begin `step`. Raises StoreError if it is not open."""
        with self._transaction() as connection:
            intent = _open_intent(connection, intent_id)
            intent = replace(intent, step=step, begun=(*intent.begun, Begun(step, now_ns)))
            connection.execute(
                update(schema.intent)
                .where(schema.intent.c.id == intent_id)
                .values(document=dump(intent), stepped_ns=now_ns)
            )

    def close_intent(
        self, receipt: Receipt, limit_bps: int | None, known: bool, alerts: Sequence[Alert], transcript: str = ""
    ) -> Link:
        """The change is over: its receipt joins the chain, the limit it left and its alerts are recorded with it, and
        for a while what was said on the router.

        Raises StoreError if the intent `receipt.id` is not open.
        """
        with self._transaction() as connection:
            _open_intent(connection, receipt.id)
            link = self._append(connection, Entry(Kind.RECEIPT, receipt.id, dump(receipt)))
            connection.execute(
                update(schema.intent).where(schema.intent.c.id == receipt.id).values(closed_ns=receipt.at_ns)
            )
            change = receipt.change
            _note(connection, change.circuit, change.direction, LimitState(limit_bps, known, receipt.at_ns))
            announce(connection, alerts, receipt.at_ns)
            if transcript:
                transcripts.keep(connection, receipt, transcript)
            return link

    def record_plan(self, plan: Plan, changes: Sequence[Change], now_ns: int) -> Link:
        """These changes of the plan are about to be carried out."""
        payload = dump({"at_ns": now_ns, "hash": plan.hash, "changes": changes})
        with self._transaction() as connection:
            return self._append(connection, Entry(Kind.PLAN, plan.hash, payload, repeatable=True))

    def approve_plan(self, approval: PlanApproval) -> Link:
        """A person's word for tightenings that wait."""
        with self._transaction() as connection:
            return self._append(connection, Entry(Kind.PLAN_APPROVAL, approval.hash, dump(approval), repeatable=True))

    def append_link(self, kind: str, subject: str, payload_json: str) -> Link:
        """Any other document for the chain, once per (kind, subject). Raises StoreError for a second one or for
        what is no JSON of integers.
        """
        try:
            payload = canonical(json.loads(payload_json, parse_float=_no_fraction))
        except ValueError as error:
            raise StoreError(f"{kind} {subject} is not JSON of integers ({error}); nothing was appended") from error
        with self._transaction() as connection:
            return self._append(connection, Entry(kind, subject, payload))

    def note_limit(self, circuit: str, direction: Direction, bps: int | None, known: bool, at_ns: int) -> None:
        """What a read-back saw."""
        with self._transaction() as connection:
            _note(connection, circuit, direction, LimitState(bps, known, at_ns))

    def hold(self, circuit: str, reason: str, by: str, at_ns: int, until_ns: int | None) -> None:
        """Keeps a circuit as it is, replacing an earlier hold; None: until released.

        Raises StoreError for a text with NUL.
        """
        if "\0" in reason + by:  # PostgreSQL's text has no such character
            raise StoreError("a hold's reason and its author may not contain NUL; write them without it")
        values = {"reason": reason, "by": by, "at_ns": at_ns, "until_ns": until_ns}
        with self._transaction() as connection:
            connection.execute(
                upsert(connection, schema.hold)
                .values(circuit=circuit, **values)
                .on_conflict_do_update(index_elements=["circuit"], set_=values)
            )
            payload = dump({"circuit": circuit, **values})
            self._append(connection, Entry(Kind.HOLD, circuit, payload, repeatable=True))


def _no_fraction(text: str) -> int:
    raise ValueError(f"{text} is not an integer")


def _open_intent(connection: Connection, intent_id: str) -> Intent:
    columns = schema.intent.c
    statement = select(columns.document).where(columns.id == intent_id, columns.closed_ns.is_(None))
    document = connection.execute(statement).scalar_one_or_none()
    if document is None:
        raise StoreError(f"intent {intent_id} is not open; it was never recorded, or has its receipt already")
    return load(Intent, document)


def _note(connection: Connection, circuit: str, direction: Direction, state: LimitState) -> None:
    values = {"bps": state.bps, "known": state.known, "at_ns": state.at_ns}
    connection.execute(
        upsert(connection, schema.limit_state)
        .values(circuit=circuit, direction=direction.value, **values)
        .on_conflict_do_update(index_elements=["circuit", "direction"], set_=values)
    )
