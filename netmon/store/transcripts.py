"""What was said on routers' command lines while limits were changed: kept for a while, beside the receipts.

A transcript is no part of the chain: it may go, and the receipt stands.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, delete, select

from netmon.core.changes import Receipt
from netmon.store.database import Database, upsert
from netmon.store.schema import OctetText

KEPT: Final = 100
"""Transcripts of one router, the newest ones; at most 64 KiB each."""

metadata = MetaData()
"""The table of the migration `transcripts`."""

transcript = Table(
    "transcript",
    metadata,
    Column("intent", OctetText, primary_key=True),
    Column("router", OctetText, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("document", OctetText, nullable=False),
    Index("transcript_by_router", "router", "at_ns"),
)
"""`document` is text for people, without secrets: see netmon.routers.transcript."""

_columns = transcript.c


class Transcripts(Database):
    """Reads them; each method raises StoreError."""

    def transcript_of(self, receipt_id: str) -> str | None:
        """What was said for a receipt; None where nothing was, or where it is kept no longer."""
        statement = select(_columns.document).where(_columns.intent == receipt_id)
        with self._transaction() as connection:
            found: str | None = connection.execute(statement).scalar_one_or_none()
        return found


def keep(connection: Connection, receipt: Receipt, document: str) -> None:
    """Of a change that is over, within the transaction of its receipt; the router's oldest go."""
    router = receipt.change.router
    connection.execute(
        upsert(connection, transcript)
        .values(intent=receipt.id, router=router, at_ns=receipt.at_ns, document=document)
        .on_conflict_do_nothing(index_elements=["intent"])
    )
    oldest = (
        select(_columns.intent)
        .where(_columns.router == router)
        .order_by(_columns.at_ns.desc(), _columns.intent)
        .offset(KEPT)
        .scalar_subquery()
    )
    connection.execute(delete(transcript).where(_columns.intent.in_(oldest)))
