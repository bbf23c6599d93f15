"""The hot writes of a ledger in a file: statement by statement on the driver, which costs no round trip."""

from __future__ import annotations

import sqlite3

from netmon.core.heads import Visit
from netmon.store.packing import Known, Packed, added_series, document_of, too_early
from netmon.store.rows import Layout

_INSERT_VISIT = """
INSERT INTO visit (router_id, sequence, at_ns, layout_id, host_uptime_ticks, lagging, stamps,
                   in_total, out_total, in_octets, out_octets)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_GAP = """
INSERT INTO gap (visit_id, router_id, interface, direction, from_ns, to_ns, reason) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_INSERT_LAYOUT = """
INSERT INTO layout (router_id, digest, document) VALUES (?, ?, ?) ON CONFLICT (router_id, digest) DO NOTHING"""
_FIRST_HEAD = "INSERT INTO head (router_id, sequence, at_ns) VALUES (?, 1, ?) ON CONFLICT (router_id) DO NOTHING"
_NEXT_HEAD = "UPDATE head SET sequence = ?, at_ns = ? WHERE router_id = ? AND sequence = ? AND at_ns < ?"
_HEAD_AT = "SELECT at_ns FROM head WHERE router_id = ? AND sequence = ?"
_LEAST_CACHE_KIB, _MOST_CACHE_KIB = 2048, 64 * 1024
_CACHE_KIB_PER_ROUTER = 16


class SqliteVisits:
    """One transaction's worth of visits."""

    def __init__(self, driver: sqlite3.Connection, known: Known) -> None:
        self._driver = driver
        self._known = known

    def enter(self, row: Packed) -> bool:
        """False if the visit's base is no longer its router's head. Raises VisitRefusedError."""
        head = row.visit.head
        router_id = self._router(head.router)
        if not self._swap(router_id, row):
            return False
        layout_id = self._layout(router_id, head.router, row.layout)
        cursor = self._driver.execute(_INSERT_VISIT, (router_id, head.sequence, row.at_ns, layout_id, *row.cells))
        visit_id = cursor.lastrowid
        if row.visit.gaps:
            self._driver.executemany(
                _INSERT_GAP,
                [
                    (visit_id, router_id, gap.interface, gap.direction, gap.from_ns, gap.to_ns, gap.reason.value)
                    for gap in row.visit.gaps
                ],
            )
        return True

    def _swap(self, router_id: int, row: Packed) -> bool:
        visit: Visit = row.visit
        if visit.base == 0:
            return self._driver.execute(_FIRST_HEAD, (router_id, row.at_ns)).rowcount == 1
        step = (visit.head.sequence, row.at_ns, router_id, visit.base, row.at_ns)
        if self._driver.execute(_NEXT_HEAD, step).rowcount == 1:
            return True
        at = self._driver.execute(_HEAD_AT, (router_id, visit.base)).fetchone()
        if at is not None:
            raise too_early(at[0], visit)
        return False

    def _router(self, name: str) -> int:
        router_id = self._known.routers.get(name)
        if router_id is None:
            self._driver.execute("INSERT INTO router (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (name,))
            router_id = self._only("SELECT id FROM router WHERE name = ?", (name,))
            self._known.routers[name] = router_id
            self._driver.execute(f"PRAGMA {cache_pragma(len(self._known.routers))}")
        return router_id

    def _layout(self, router_id: int, router: str, layout: Layout) -> int:
        last = self._known.layouts.get(router_id)
        if last is None or last[0] != layout:
            last = layout, self._intern(router_id, router, layout)
            self._known.layouts[router_id] = last
        return last[1]

    def _intern(self, router_id: int, router: str, layout: Layout) -> int:
        digest, document = document_of(layout)
        created = self._driver.execute(_INSERT_LAYOUT, (router_id, digest, document))
        if created.rowcount == 1:
            self._add_series(router_id, router, layout)
        return self._only("SELECT id FROM layout WHERE router_id = ? AND digest = ?", (router_id, digest))

    def _add_series(self, router_id: int, router: str, layout: Layout) -> None:
        found = self._driver.execute("SELECT name FROM series WHERE router_id = ? ORDER BY position", (router_id,))
        present = [name for (name,) in found]
        self._driver.executemany(
            "INSERT INTO series (router_id, name, position) VALUES (?, ?, ?)",
            [(router_id, name, at) for at, name in enumerate(added_series(router, present, layout), len(present))],
        )

    def _only(self, statement: str, parameters: tuple[object, ...]) -> int:
        value: int = self._driver.execute(statement, parameters).fetchone()[0]
        return value


def cache_pragma(routers: int) -> str:
    """Lets the writer keep in memory what so many routers' visits write again and again.

    Each router's next visit goes to its own end of two indexes; more would only keep what nobody reads.
    """
    return f"cache_size=-{min(_LEAST_CACHE_KIB + _CACHE_KIB_PER_ROUTER * routers, _MOST_CACHE_KIB)}"
