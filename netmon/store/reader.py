"""A second, read-only connection to a ledger: for statements, sinks and the command line while the daemon writes.

Readings are derived from the cumulative totals that every visit carries. A series that lags in a visit
was last read at an earlier instant, which the visit names: its reading stands there, not at the visit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, select

from netmon.core.changes import Proof, Receipt
from netmon.core.measurement import Gap, GapReason, Identity
from netmon.core.model import NANOSECONDS
from netmon.core.periods import Reading
from netmon.store import backends, cells, rows, schema, spans
from netmon.store.cells import Track
from netmon.store.chain import Kind
from netmon.store.closings import Closed
from netmon.store.contests import Contested
from netmon.store.database import Backend
from netmon.store.directives import Directed
from netmon.store.errors import StoreError
from netmon.store.evidence import Evidenced
from netmon.store.history import History
from netmon.store.location import Location
from netmon.store.migrations import require_current
from netmon.store.openings import Finder, Opening
from netmon.store.ports import PortRecord
from netmon.store.releases import Released
from netmon.store.revisions import Revised
from netmon.store.rows import Layout
from netmon.store.shares import Shared
from netmon.store.spans import Series
from netmon.store.transcripts import Transcripts
from netmon.store.values import ReceiptLink, load

_visit = schema.visit.c
_MAX_LAYOUTS = 1024
_FIRST_VISIT = (
    select(_visit.at_ns)
    .join(schema.router, schema.router.c.id == _visit.router_id)
    .where(schema.router.c.name == bindparam("name"))
    .order_by(_visit.sequence)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class CommittedVisit:
    """A visit as sinks see it. Cell i of both totals belongs to series[i]."""

    position: int
    """In the order of commits, for the cursor."""
    router: str
    sequence: int
    at_ns: int
    previous_at_ns: int | None
    """Of the visit before it; None for the first."""
    series: Identity
    in_total: tuple[int, ...]
    """Bytes since the series was first seen."""
    out_total: tuple[int, ...]
    lagging: frozenset[int]
    """Series that were not read in this visit; their totals are older."""


class LedgerReader(Closed, Directed, History, PortRecord, Revised, Shared, Released, Contested, Transcripts, Evidenced):
    """Each method sees one consistent snapshot; all raise StoreError. One thread at a time."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._layouts: dict[int, Layout] = {}

    @classmethod
    def open(cls, location: Location, busy_timeout_ns: int = 5 * NANOSECONDS) -> LedgerReader:
        """Raises StoreError for a ledger that is absent or unreadable, LedgerSchemaError for another schema."""
        if isinstance(location, Path) and not location.exists():
            raise StoreError(f"there is no ledger at {location}; start `netmon run` first, or correct ledger.path")
        with ExitStack() as undo:
            backend = backends.reading(location, busy_timeout_ns)
            undo.callback(backend.close)
            with backend.transaction() as connection:
                require_current(connection, location)
            undo.pop_all()
        return cls(backend)

    # --- usage ---------------------------------------------------------------------------------

    def openings(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Opening]:
        """Of each (router, instant), where all its series stood then; routers never visited are left out."""
        with self._transaction() as connection:
            finder = Finder(connection, lambda layout_id: self._layout(connection, layout_id))
            found = {key: finder.opening(*key) for key in wanted}
        return {key: opening for key, opening in found.items() if opening is not None}

    def places(self, routers: Sequence[str]) -> dict[tuple[str, str], int]:
        """Where every series of the routers stands in their openings, by (router, ifName)."""
        with self._transaction() as connection:
            return spans.places(connection, routers)

    def gaps_of(self, routers: Sequence[str], from_ns: int, to_ns: int) -> dict[Series, list[Gap]]:
        """Those of the routers that overlap from_ns <= t < to_ns, by series, in the order they were found."""
        with self._transaction() as connection:
            return spans.gaps(connection, routers, from_ns, to_ns)

    def readings_of(
        self, router: str, positions: Iterable[int], from_ns: int, to_ns: int
    ) -> dict[tuple[int, str], list[Reading]]:
        """Of series of one router, by (position, way), ascending: those within from_ns..to_ns, the last one before and
        the first one after. One pass over its visits.
        """
        with self._transaction() as connection:
            return spans.readings(
                connection, lambda layout_id: self._layout(connection, layout_id), router, positions, from_ns, to_ns
            )

    def tracks(self, router: str, positions: Iterable[int], from_cell: int, to_cell: int) -> list[Track]:
        """Series of one router at the edges of the 300 s grid, over those cells without the last, in one pass."""
        with self._transaction() as connection:
            return cells.tracks(
                connection,
                lambda layout_id: self._layout(connection, layout_id),
                router,
                positions,
                from_cell,
                to_cell,
            )

    def gaps_after(self, position: int, ending_after_ns: int, limit: int) -> list[tuple[int, Gap]]:
        """The next gaps in the order of commits that end later than that, each with its position; at most `limit`."""
        columns = schema.gap.c
        statement = (
            select(schema.gap, schema.router.c.name)
            .join(schema.router, schema.router.c.id == columns.router_id)
            .where(columns.id > position, columns.to_ns > ending_after_ns)
            .order_by(columns.id)
            .limit(limit)
        )
        with self._transaction() as connection:
            return [
                (row.id, Gap(row.name, row.interface, row.direction, row.from_ns, row.to_ns, GapReason(row.reason)))
                for row in connection.execute(statement)
            ]

    def first_visits_ns(self, routers: Iterable[str]) -> dict[str, int]:
        """Since when each router is observed; those never visited are left out."""
        with self._transaction() as connection:
            found = {name: connection.execute(_FIRST_VISIT, {"name": name}).scalar_one_or_none() for name in routers}
        return {name: at_ns for name, at_ns in found.items() if at_ns is not None}

    # --- copies of facts -----------------------------------------------------------------------

    def visits_after(self, position: int, limit: int) -> list[CommittedVisit]:
        """The next visits in the order of commits, at most `limit`."""
        before = schema.visit.alias("before")
        statement = (
            select(
                _visit.id,
                schema.router.c.name,
                _visit.sequence,
                _visit.at_ns,
                before.c.at_ns.label("previous_at_ns"),
                _visit.layout_id,
                _visit.in_total,
                _visit.out_total,
                _visit.lagging,
            )
            .join(schema.router, schema.router.c.id == _visit.router_id)
            .outerjoin(before, (before.c.router_id == _visit.router_id) & (before.c.sequence == _visit.sequence - 1))
            .where(_visit.id > position)
            .order_by(_visit.id)
            .limit(limit)
        )
        with self._transaction() as connection:
            return [
                CommittedVisit(
                    position=row.id,
                    router=row.name,
                    sequence=row.sequence,
                    at_ns=row.at_ns,
                    previous_at_ns=row.previous_at_ns,
                    series=self._layout(connection, row.layout_id).series,
                    in_total=rows.unpack_totals(row.in_total),
                    out_total=rows.unpack_totals(row.out_total),
                    lagging=frozenset(rows.unpack_lagging(row.lagging)),
                )
                for row in connection.execute(statement).all()
            ]

    # --- evidence ------------------------------------------------------------------------------

    def receipts(self, limit: int = 50, receipt_id: str | None = None) -> list[ReceiptLink]:
        """The newest receipts first, at most `limit`; or the one of that id. Each with what was observed later."""
        columns, later = schema.link.c, schema.link.alias("later")
        statement = (
            select(schema.link, later.c.sequence.label("observed"))
            .outerjoin(later, (later.c.kind == Kind.OBSERVATION) & (later.c.subject == columns.subject))
            .where(columns.kind == Kind.RECEIPT)
            .order_by(columns.sequence.desc())
            .limit(limit)
        )
        if receipt_id is not None:
            statement = statement.where(columns.subject == receipt_id)
        with self._transaction() as connection:
            return [
                ReceiptLink(
                    load(Receipt, row.payload),
                    row.chain,
                    row.sequence,
                    row.previous_hash,
                    row.hash,
                    None if row.observed is None else Proof.OBSERVED,
                )
                for row in connection.execute(statement)
            ]

    def _layout(self, connection: Connection, layout_id: int) -> Layout:
        layout = self._layouts.get(layout_id)
        if layout is None:
            statement = select(schema.layout.c.document).where(schema.layout.c.id == layout_id)
            layout = rows.load_layout(connection.execute(statement).scalar_one())
            if len(self._layouts) >= _MAX_LAYOUTS:
                self._layouts.clear()
            self._layouts[layout_id] = layout
        return layout
