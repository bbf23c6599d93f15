"""Limits that netmon found altered by somebody else: each find in the chain, and how often it came to that."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, delete, select

from netmon.core.drift import Contest, Finding
from netmon.core.model import Direction
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import Database, upsert
from netmon.store.schema import OctetText
from netmon.store.values import dump

Place = tuple[str, Direction]
metadata = MetaData()
"""What the migration `contests` makes."""

contest = Table(
    "contest",
    metadata,
    Column("circuit", OctetText, primary_key=True),
    Column("direction", OctetText, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("configuration", OctetText, nullable=False),
)
"""`configuration`: the digest of the one under which it was found; under another one it counts for nothing."""


class Contested(Database):
    """Reads them."""

    def contests(self) -> dict[Place, Contest]:
        """By circuit and direction. Raises StoreError."""
        with self._transaction() as connection:
            return {
                (row.circuit, Direction(row.direction)): Contest(row.times, row.last_ns, row.stopped)
                for row in connection.execute(select(contest))
            }


class Contests(Contested, Chained):
    """Writes them down."""

    def record_drift(self, found: Finding, state: Contest | None, configuration: str) -> None:
        """The find joins the chain; `state` is what is remembered of its place, None: nothing new."""
        with self._transaction() as connection:
            subject = f"{found.circuit}/{found.direction}"
            self._append(connection, Entry(Kind.DRIFT, subject, dump(found), repeatable=True))
            if state is not None:
                values = {
                    "times": state.times,
                    "last_ns": state.last_ns,
                    "stopped": state.stopped,
                    "configuration": configuration,
                }
                connection.execute(
                    upsert(connection, contest)
                    .values(circuit=found.circuit, direction=found.direction.value, **values)
                    .on_conflict_do_update(index_elements=["circuit", "direction"], set_=values)
                )

    def record_word(self, kind: Kind, router: str, word: Mapping[str, object]) -> None:
        """What a person had done on a router: TAKE_OVER or ORPHANS; `word` is JSON of integers and texts."""
        with self._transaction() as connection:
            self._append(connection, Entry(kind, router, dump({"router": router, **word}), repeatable=True))

    def forget_contests(self, keep: str | None = None) -> int:
        """A person said to go on; or, with the digest of a configuration, those under any other. How many they were."""
        statement = delete(contest)
        if keep is not None:
            statement = statement.where(contest.c.configuration != keep)
        with self._transaction() as connection:
            return connection.execute(statement).rowcount
