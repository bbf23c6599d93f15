"""What is due to circuits of capacity that is shared: the last word on each, and every word before it in the chain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing

from sqlalchemy import Column, MetaData, Table, select

from netmon.core.model import Place
from netmon.core.shares import Due
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import Database, streamed, upsert
from netmon.store.schema import OctetText
from netmon.store.values import dump, load

metadata = MetaData()
"""The table of migration 7."""

due = Table(
    "due",
    metadata,
    Column("circuit", OctetText, primary_key=True),
    Column("direction", OctetText, primary_key=True),
    Column("document", OctetText, nullable=False),
)
"""`document` is the Due recorded last."""


class Shared(Database):
    """Reads them; each method raises StoreError."""

    def dues(self) -> dict[Place, Due]:
        """The last word on every circuit and direction that ever shared."""
        with self._transaction() as connection:
            found = [load(Due, document) for document in connection.execute(select(due.c.document)).scalars()]
        return {one.place: one for one in found}

    def dues_at(self, places: Collection[Place], at_ns: int) -> dict[Place, Due]:
        """What was due at an instant; a place that had nothing by then is left out."""
        found: dict[Place, Due] = {}
        link = schema.link.c
        with self._transaction() as connection:
            for circuit, direction in places:
                statement = (
                    select(link.payload)
                    .where(link.kind == Kind.SHARE, link.subject.startswith(f"{circuit}/{direction}#", autoescape=True))
                    .order_by(link.sequence.desc())
                )
                with closing(streamed(connection, statement)) as links:
                    words = (load(Due, row.payload) for row in links)
                    last = next((word for word in words if word.at_ns <= at_ns), None)
                if last is not None:
                    found[circuit, direction] = last
        return found


class Sharing(Shared, Chained):
    """Writes them down."""

    def record_dues(self, dues: Sequence[Due]) -> None:
        """All of them, each with a link of its own, or none."""
        documents = [(one, dump(one)) for one in dues]
        with self._transaction() as connection:
            statement = upsert(connection, due)
            if documents:
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["circuit", "direction"], set_={"document": statement.excluded.document}
                    ),
                    [
                        {"circuit": one.circuit, "direction": one.direction.value, "document": document}
                        for one, document in documents
                    ],
                )
            self._append_all(
                connection,
                [
                    Entry(Kind.SHARE, f"{one.circuit}/{one.direction}", document, repeatable=True)
                    for one, document in documents
                ],
            )
