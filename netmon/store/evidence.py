"""Everything the ledger has of one change, and whether its receipt still is the one that was written."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from netmon.core.changes import Intent, Receipt
from netmon.store import schema
from netmon.store.chain import GENESIS, Kind, Link, link_hash, link_of, signature_of
from netmon.store.database import Database
from netmon.store.values import load

_link = schema.link.c


@dataclass(frozen=True, slots=True)
class Observed:
    """What traffic proved of a limit later."""

    receipt: str
    proof: str
    at_ns: int
    rate_bps: int | None
    window_ns: int | None
    limit_bps: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One change, from its intent to what proved it."""

    receipt: Receipt
    link: Link
    fault: str | None
    """Why the link does not hold by itself or against the one before it; None: it does."""
    intent: Intent | None
    """None: it was recorded by a netmon that kept none."""
    observed: Observed | None


class Evidenced(Database):
    """Reads it; raises StoreError."""

    def evidence(self, receipt_id: str) -> Evidence | None:
        """None: there is no such receipt."""
        with self._transaction() as connection:
            row = connection.execute(
                select(schema.link).where(_link.kind == Kind.RECEIPT, _link.subject == receipt_id)
            ).one_or_none()
            if row is None:
                return None
            link = link_of(row, signature_of(connection, row.chain, row.sequence))
            of_intent = select(schema.intent.c.document).where(schema.intent.c.id == receipt_id)
            intent = connection.execute(of_intent).scalar_one_or_none()
            later = select(_link.payload).where(_link.kind == Kind.OBSERVATION, _link.subject == receipt_id)
            observed = connection.execute(later).scalar_one_or_none()
            return Evidence(
                load(Receipt, link.payload),
                link,
                _fault(connection, link),
                None if intent is None else load(Intent, intent),
                None if observed is None else load(Observed, observed),
            )


def _fault(connection: Connection, link: Link) -> str | None:
    if link_hash(link.chain, link.sequence, link.kind, link.payload, link.previous_hash) != link.hash:
        return "it was altered after it was written"
    statement = select(_link.hash).where(_link.chain == link.chain, _link.sequence == link.sequence - 1)
    before = GENESIS if link.sequence == 1 else connection.execute(statement).scalar_one_or_none()
    return None if before == link.previous_hash else "it does not follow the link before it"
