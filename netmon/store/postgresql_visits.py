"""The hot writes of a ledger on a server: a batch of visits in a few round trips, whatever its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from netmon.store.packing import Known, Packed, added_series, document_of, too_early
from netmon.store.rows import Layout

_ADD_ROUTERS = "INSERT INTO router (name) SELECT unnest(%b::text[]) ON CONFLICT (name) DO NOTHING"
_ROUTERS = "SELECT name, id FROM router WHERE name = ANY(%b::text[])"
_HEADS = "SELECT router_id, sequence, at_ns FROM head WHERE router_id = ANY(%b::bigint[]) FOR UPDATE"
_SET_HEADS = """
INSERT INTO head (router_id, sequence, at_ns) SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[])
ON CONFLICT (router_id) DO UPDATE SET sequence = excluded.sequence, at_ns = excluded.at_ns"""
_ADD_VISITS = """
INSERT INTO visit (router_id, sequence, at_ns, layout_id, host_uptime_ticks, lagging, stamps,
                   in_total, out_total, in_octets, out_octets)
SELECT router_id, sequence, at_ns, layout_id, host_uptime_ticks, lagging, stamps,
       in_total, out_total, in_octets, out_octets
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::bytea[],
            %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[]) WITH ORDINALITY
     AS given (router_id, sequence, at_ns, layout_id, host_uptime_ticks, lagging, stamps,
               in_total, out_total, in_octets, out_octets, number)
ORDER BY number
RETURNING id"""
_ADD_GAPS = """
INSERT INTO gap (visit_id, router_id, interface, direction, from_ns, to_ns, reason)
SELECT visit_id, router_id, interface, direction, from_ns, to_ns, reason
FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::text[]) WITH ORDINALITY
     AS given (visit_id, router_id, interface, direction, from_ns, to_ns, reason, number)
ORDER BY number"""
_ADD_LAYOUTS = """
INSERT INTO layout (router_id, digest, document) SELECT * FROM unnest(%b::bigint[], %b::bytea[], %b::text[])
ON CONFLICT (router_id, digest) DO NOTHING RETURNING router_id, digest, id"""
_LAYOUTS = """
SELECT router_id, digest, id FROM layout
WHERE (router_id, digest) IN (SELECT * FROM unnest(%b::bigint[], %b::bytea[]))"""
_SERIES = "SELECT router_id, name FROM series WHERE router_id = ANY(%b::bigint[]) ORDER BY router_id, position"
_ADD_SERIES = """
INSERT INTO series (router_id, name, position) SELECT * FROM unnest(%b::bigint[], %b::text[], %b::integer[])"""


class PostgresqlVisits:
    """One transaction's worth of visits."""

    def __init__(self, driver: psycopg.Connection[Any], known: Known) -> None:
        self._driver = driver
        self._known = known

    def enter(self, rows: Sequence[Packed]) -> list[bool]:
        """False for each visit whose base is no longer its router's head. Raises VisitRefusedError."""
        if not rows:
            return []
        ids = self._routers({row.visit.head.router for row in rows})
        taken = self._swap([(ids[row.visit.head.router], row) for row in rows])
        standing = [(ids[row.visit.head.router], row) for row, one in zip(rows, taken, strict=True) if one]
        if standing:
            self._add(standing)
        return taken

    def _routers(self, names: set[str]) -> dict[str, int]:
        known = self._known.routers
        unknown = sorted(names - known.keys())
        if unknown:
            self._driver.execute(_ADD_ROUTERS, (unknown,))
            known.update(self._driver.execute(_ROUTERS, (unknown,)).fetchall())
        return known

    def _swap(self, rows: Sequence[tuple[int, Packed]]) -> list[bool]:
        """The compare-and-swap of each in turn, on heads that are locked until the transaction ends."""
        found = self._driver.execute(_HEADS, (sorted({router_id for router_id, _ in rows}),))
        heads: dict[int, tuple[int, int]] = {router_id: (sequence, at_ns) for router_id, sequence, at_ns in found}
        moved: set[int] = set()
        taken = []
        for router_id, row in rows:
            sequence, at_ns = heads.get(router_id, (0, -1))
            stands = row.visit.base == sequence
            if stands and sequence and row.at_ns <= at_ns:
                raise too_early(at_ns, row.visit)
            if stands:
                heads[router_id] = row.visit.head.sequence, row.at_ns
                moved.add(router_id)
            taken.append(stands)
        if moved:
            self._driver.execute(_SET_HEADS, _columns((router_id, *heads[router_id]) for router_id in sorted(moved)))
        return taken

    def _add(self, rows: Sequence[tuple[int, Packed]]) -> None:
        layouts = self._layouts(rows)
        columns = _columns(
            (router_id, row.visit.head.sequence, row.at_ns, layout_id, *row.cells)
            for (router_id, row), layout_id in zip(rows, layouts, strict=True)
        )
        visits = self._driver.execute(_ADD_VISITS, columns).fetchall()
        gaps = [
            (visit_id, router_id, gap.interface, gap.direction, gap.from_ns, gap.to_ns, gap.reason.value)
            for (visit_id,), (router_id, row) in zip(visits, rows, strict=True)
            for gap in row.visit.gaps
        ]
        if gaps:
            self._driver.execute(_ADD_GAPS, _columns(gaps))

    def _layouts(self, rows: Sequence[tuple[int, Packed]]) -> list[int]:
        """Of each row; those that are new are written, with what they add to their router's series."""
        last = {router_id: layout for router_id, (layout, _) in self._known.layouts.items()}
        new: dict[tuple[int, Layout], str] = {}
        for router_id, row in rows:
            if last.get(router_id) != row.layout:
                last[router_id] = row.layout
                new.setdefault((router_id, row.layout), row.visit.head.router)
        ids = self._intern(new) if new else {}
        found = []
        for router_id, row in rows:
            known = self._known.layouts.get(router_id)
            if known is None or known[0] != row.layout:
                known = self._known.layouts[router_id] = row.layout, ids[router_id, row.layout]
            found.append(known[1])
        return found

    def _intern(self, new: dict[tuple[int, Layout], str]) -> dict[tuple[int, Layout], int]:
        keys = {(router_id, layout): document_of(layout) for router_id, layout in new}
        columns = _columns((router_id, *keys[router_id, layout]) for router_id, layout in new)
        created = _by_digest(self._driver.execute(_ADD_LAYOUTS, columns).fetchall())
        present = _by_digest(self._driver.execute(_LAYOUTS, columns[:2]).fetchall())
        digests = {key: (key[0], digest) for key, (digest, _) in keys.items()}
        self._add_series([(*key, router) for key, router in new.items() if digests[key] in created])
        return {key: present[digest] for key, digest in digests.items()}

    def _add_series(self, layouts: Sequence[tuple[int, Layout, str]]) -> None:
        present: dict[int, list[str]] = {router_id: [] for router_id, _, _ in layouts}
        for router_id, name in self._driver.execute(_SERIES, (list(present),)) if present else ():
            present[router_id].append(name)
        added = []
        for router_id, layout, router in layouts:
            names = present[router_id]
            for name in added_series(router, names, layout):
                added.append((router_id, name, len(names)))
                names.append(name)
        if added:
            self._driver.execute(_ADD_SERIES, _columns(added))


def _columns(rows: Iterable[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    """As arrays, which unnest() turns into rows again."""
    return tuple(list(column) for column in zip(*rows, strict=True))


def _by_digest(rows: Iterable[tuple[int, bytes, int]]) -> dict[tuple[int, bytes], int]:
    return {(router_id, bytes(digest)): layout_id for router_id, digest, layout_id in rows}
