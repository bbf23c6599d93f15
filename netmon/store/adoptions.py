"""What was set aside on routers by a person's word and what was put back, in the receipt chain."""

from __future__ import annotations

from sqlalchemy import select

from netmon.core.adoption import Aside, Word, standing
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import Database
from netmon.store.values import dump, load

_link = schema.link.c


class Adopted(Database):
    """Reads them."""

    def adoptions(self) -> dict[str, Aside]:
        """By circuit, what is set aside or may be. Raises StoreError."""
        kinds = (str(Kind.ADOPTION), str(Kind.RESTORATION))
        statement = select(_link.kind, _link.payload).where(_link.kind.in_(kinds)).order_by(_link.sequence)
        with self._transaction() as connection:
            rows = connection.execute(statement).all()
        return standing((row.kind == Kind.ADOPTION, load(Word, row.payload)) for row in rows)


class Adoptions(Adopted, Chained):
    """Writes them down."""

    def record_adoption(self, kind: Kind, word: Word) -> None:
        """ADOPTION or RESTORATION: its beginning before the router is touched, then how it went. Raises StoreError."""
        with self._transaction() as connection:
            self._append(connection, Entry(kind, word.circuit, dump(word), repeatable=True))
