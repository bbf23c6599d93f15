"""Closed periods, revision by revision, and how far the percentiles of open ones have come."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from netmon.core.closing import Closing, Drawn, Port, revised
from netmon.core.demand import Demand
from netmon.core.model import Direction
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import upsert
from netmon.store.standing import Standing
from netmon.store.values import canonical, dump, load

_closing, _demand = schema.closing.c, schema.demand.c


@dataclass(frozen=True, slots=True)
class DemandKey:
    """Whose demand it is, and in which period."""

    agency: str
    start_ns: int
    end_ns: int
    circuit: str | None
    """None: all of the agency's circuits together."""
    direction: Direction


@dataclass(frozen=True, slots=True)
class Reckoned:
    """The figures of a demand, without the cells they come from."""

    ports: str
    """What was summed: another digest, and it is to be reckoned anew."""
    upto_ns: int
    samples: int
    p95_bps: int | None
    peak_bps: int | None
    peak_at_ns: int | None


class Closed(Standing):
    """What was written down of periods; read alike by the writer and by readers."""

    def closed(
        self, start_ns: int, end_ns: int, agency: str | None = None, revision: int | None = None
    ) -> dict[str, Closing]:
        """The newest revision of the period by agency, or the one of that number; those not closed are left out."""
        statement = select(_closing.document).where(_closing.start_ns == start_ns, _closing.end_ns == end_ns)
        if agency is not None:
            statement = statement.where(_closing.agency == agency)
        if revision is not None:
            statement = statement.where(_closing.revision == revision)
        with self._transaction() as connection:
            documents = connection.execute(statement.order_by(_closing.revision)).scalars().all()
        return {one.agency: one for one in (load(Closing, document) for document in documents)}

    def closings(self, agency: str | None = None, limit: int = 100) -> list[Closing]:
        """Every revision, the newest first, at most `limit`."""
        statement = select(_closing.document).order_by(_closing.id.desc()).limit(limit)
        if agency is not None:
            statement = statement.where(_closing.agency == agency)
        with self._transaction() as connection:
            return [load(Closing, document) for document in connection.execute(statement).scalars()]

    def unsettled(self, limit: int = 1000) -> list[Closing]:
        """Newest revisions that a late reading may still alter, the oldest periods first."""
        newer = schema.closing.alias("newer")
        later = (
            select(newer.c.id)
            .where(
                newer.c.agency == _closing.agency,
                newer.c.start_ns == _closing.start_ns,
                newer.c.end_ns == _closing.end_ns,
                newer.c.revision > _closing.revision,
            )
            .exists()
        )
        statement = (
            select(_closing.document).where(_closing.settled.is_(False), ~later).order_by(_closing.end_ns).limit(limit)
        )
        with self._transaction() as connection:
            return [load(Closing, document) for document in connection.execute(statement).scalars()]

    def is_closed(self, agency: str, start_ns: int, end_ns: int) -> bool:
        """Whether the period was ever closed for the agency."""
        with self._transaction() as connection:
            return _newest(connection, agency, start_ns, end_ns) is not None

    def reckoned(
        self, start_ns: int, end_ns: int, agency: str | None = None, *, circuits: bool = False
    ) -> dict[DemandKey, Reckoned]:
        """The demand figures last noted of the period; with `circuits`, each circuit's too."""
        statement = select(
            _demand.agency,
            _demand.circuit,
            _demand.direction,
            _demand.ports,
            _demand.upto_ns,
            _demand.samples,
            _demand.p95_bps,
            _demand.peak_bps,
            _demand.peak_at_ns,
        ).where(_demand.start_ns == start_ns, _demand.end_ns == end_ns)
        if agency is not None:
            statement = statement.where(_demand.agency == agency)
        if not circuits:
            statement = statement.where(_demand.circuit == "")
        with self._transaction() as connection:
            return {
                DemandKey(row.agency, start_ns, end_ns, row.circuit or None, Direction(row.direction)): Reckoned(
                    row.ports, row.upto_ns, row.samples, row.p95_bps, row.peak_bps, row.peak_at_ns
                )
                for row in connection.execute(statement)
            }

    def demands(self, agency: str, start_ns: int, end_ns: int) -> dict[DemandKey, tuple[str, Demand]]:
        """The demands of the agency's period with the cells they come from, and the digests of what was summed.

        Of a period that was taken to its end no cells are kept: those are left out.
        """
        statement = select(schema.demand).where(
            _demand.agency == agency, _demand.start_ns == start_ns, _demand.end_ns == end_ns
        )
        with self._transaction() as connection:
            return {
                DemandKey(agency, start_ns, end_ns, row.circuit or None, Direction(row.direction)): (
                    row.ports,
                    Demand(row.upto_ns, row.samples, _unpacked(row.top), row.peak_at_ns),
                )
                for row in connection.execute(statement)
                if row.top or not row.samples
            }


class Closings(Closed, Chained):
    """Writes periods down."""

    def close_periods(self, drawn: Sequence[Drawn]) -> list[Closing]:
        """All of them in one transaction, each as its period's next revision; returns those that were written.

        One that says the same as the newest revision is not. The revision is given here. Each joins the chain.
        """
        with self._transaction() as connection:
            written, entries = [], []
            for up in drawn:
                before = _newest(connection, up.closing.agency, up.closing.start_ns, up.closing.end_ns)
                one = revised(up.closing, before)
                if one is None:
                    if up.settled:
                        connection.execute(
                            update(schema.closing)
                            .where(_of(up.closing.agency, up.closing.start_ns, up.closing.end_ns))
                            .values(settled=True)
                        )
                    continue
                written.append(one)
                document = dump(one)
                connection.execute(
                    insert(schema.closing).values(
                        agency=one.agency,
                        start_ns=one.start_ns,
                        end_ns=one.end_ns,
                        revision=one.revision,
                        at_ns=one.at_ns,
                        settled=up.settled,
                        document=document,
                    )
                )
                entries.append(Entry(Kind.CLOSING, one.subject, _deed(one, document)))
            self._append_all(connection, entries)
        return written

    def note_demands(self, demands: Mapping[DemandKey, tuple[str, Demand]]) -> None:
        """How far each has come, with the digest of what was summed; its cells go once its period is over."""
        rows = [_row(key, ports, demand) for key, (ports, demand) in demands.items()]
        if not rows:
            return
        keys = ["start_ns", "end_ns", "circuit", "agency", "direction"]
        with self._transaction() as connection:
            statement = upsert(connection, schema.demand)
            values = {name: statement.excluded[name] for name in rows[0] if name not in keys}
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)


def digest(ports: Iterable[Port]) -> str:
    """Of what is summed, whatever the order."""
    names = sorted([one.router, one.interface, one.way] for one in ports)
    return hashlib.sha256(canonical(names).encode("ascii")).hexdigest()[:16]


def _newest(connection: Connection, agency: str, start_ns: int, end_ns: int) -> Closing | None:
    same = _of(agency, start_ns, end_ns)
    newest = select(func.max(_closing.revision)).where(same).scalar_subquery()
    document = connection.execute(
        select(_closing.document).where(same, _closing.revision == newest)
    ).scalar_one_or_none()
    return None if document is None else load(Closing, document)


def _of(agency: str, start_ns: int, end_ns: int) -> ColumnElement[bool]:
    return (_closing.agency == agency) & (_closing.start_ns == start_ns) & (_closing.end_ns == end_ns)


def _deed(closing: Closing, document: str) -> str:
    """What the chain holds of a closing."""
    return canonical(
        {
            "agency": closing.agency,
            "at_ns": closing.at_ns,
            "by": closing.by,
            "end_ns": closing.end_ns,
            "figures_sha256": hashlib.sha256(document.encode("ascii")).hexdigest(),
            "label": closing.label,
            "note": closing.note,
            "reason": closing.reason.value,
            "revision": closing.revision,
            "start_ns": closing.start_ns,
        }
    )


def _row(key: DemandKey, ports: str, demand: Demand) -> dict[str, object]:
    over = demand.upto_ns >= key.end_ns
    return {
        "start_ns": key.start_ns,
        "end_ns": key.end_ns,
        "circuit": key.circuit or "",
        "agency": key.agency,
        "direction": key.direction.value,
        "ports": ports,
        "upto_ns": demand.upto_ns,
        "samples": demand.samples,
        "p95_bps": demand.p95_bps,
        "peak_bps": demand.peak_bps,
        "peak_at_ns": demand.peak_at_ns,
        "top": b"" if over else struct.pack(f">{len(demand.top)}Q", *demand.top),
    }


def _unpacked(top: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(top) // 8}Q", top)
