"""What stood at an earlier instant: verdicts, receipts and holds, as the log and the receipt chain have them."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, false, or_, select

from netmon.core.changes import Proof, Receipt
from netmon.core.model import Direction, Verdict
from netmon.store import schema
from netmon.store.chain import Kind
from netmon.store.database import Database, streamed
from netmon.store.values import Hold, ReceiptLink, load

_link, _log = schema.link.c, schema.verdict_log.c
_AT_ONCE = 100
"""Circuits in one question: SQL bounds how deep an expression is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict that came to say something else than the one before it."""

    at_ns: int
    """When it was recorded."""
    verdict: Verdict
    """With the evidence of that moment."""


class History(Database):
    """Reads what was; each method raises StoreError."""

    def verdicts_at(self, agency: str, at_ns: int) -> dict[Direction, Judged]:
        """The verdicts that counted for an agency at `at_ns`; a direction that had none yet is left out."""
        found: dict[Direction, Judged] = {}
        with self._transaction() as connection:
            for direction in Direction:
                row = connection.execute(
                    select(_log.at_ns, _log.document)
                    .where(_log.agency == agency, _log.direction == direction.value, _log.at_ns <= at_ns)
                    .order_by(_log.at_ns.desc(), _log.id.desc())
                    .limit(1)
                ).one_or_none()
                if row is not None:
                    found[direction] = Judged(row.at_ns, load(Verdict, row.document))
        return found

    def receipts_at(
        self, wanted: Collection[tuple[str, Direction]], at_ns: int
    ) -> dict[tuple[str, Direction], ReceiptLink]:
        """The last receipt of each (circuit, direction) by `at_ns`; those that had none are left out."""
        circuits = sorted({circuit for circuit, _ in wanted})
        found: dict[tuple[str, Direction], ReceiptLink] = {}
        with self._transaction() as connection:
            for first in range(0, len(circuits), _AT_ONCE):
                some = set(circuits[first : first + _AT_ONCE])
                missing = {key for key in wanted if key[0] in some}
                with closing(_newest(connection, some)) as links:
                    for link in links:
                        key = (link.receipt.change.circuit, link.receipt.change.direction)
                        if key in missing and link.receipt.at_ns <= at_ns:
                            missing.discard(key)
                            found[key] = link
                        if not missing:
                            break
        return found

    def changes_until(self, to_ns: int) -> Iterator[Receipt]:
        """Every change that ended before an instant, in the order it was recorded, one after the other."""
        statement = select(_link.payload).where(_link.kind == Kind.RECEIPT).order_by(_link.chain, _link.sequence)
        with self._transaction() as connection:
            for row in streamed(connection, statement):
                receipt = load(Receipt, row.payload)
                if receipt.at_ns < to_ns:
                    yield receipt

    def holds_at(self, circuits: Collection[str], at_ns: int) -> dict[str, Hold]:
        """The holds in force at `at_ns`, by circuit."""
        found: dict[str, Hold] = {}
        with self._transaction() as connection:
            for circuit in circuits:
                statement = (
                    select(_link.payload)
                    .where(_link.kind == Kind.HOLD, _link.subject.startswith(f"{circuit}#", autoescape=True))
                    .order_by(_link.sequence.desc())
                )
                with closing(streamed(connection, statement)) as links:
                    holds = (Hold(**json.loads(row.payload)) for row in links)
                    last = next((hold for hold in holds if hold.at_ns <= at_ns), None)
                if last is not None and (last.until_ns is None or last.until_ns > at_ns):
                    found[circuit] = last
        return found


def _newest(connection: Connection, circuits: Collection[str]) -> Generator[ReceiptLink, None, None]:
    """The receipts of these circuits, and perhaps a few others, the newest first."""
    later = schema.link.alias("later")
    about = [_link.payload.contains(f'"circuit":"{circuit}"', autoescape=True) for circuit in circuits]
    statement = (
        select(schema.link, later.c.sequence.label("observed"))
        .outerjoin(later, (later.c.kind == Kind.OBSERVATION) & (later.c.subject == _link.subject))
        .where(_link.kind == Kind.RECEIPT, or_(false(), *about))
        .order_by(_link.sequence.desc())
    )
    for row in streamed(connection, statement):
        observed = None if row.observed is None else Proof.OBSERVED
        receipt = load(Receipt, row.payload)
        yield ReceiptLink(receipt, row.chain, row.sequence, row.previous_hash, row.hash, observed)
