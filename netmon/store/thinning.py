"""Thinning in batches: old visits that no boundary rests on are dropped, a few at a time, each in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from netmon.core.thinning import Boundaries, Outline, dispensable
from netmon.store import rows, schema
from netmon.store.database import upsert
from netmon.store.standing import Standing

EXPIRED = "expired"
"""The level on which visits go altogether."""

_visit, _gap, _state = schema.visit.c, schema.gap.c, schema.thinning.c


@dataclass(frozen=True, slots=True)
class Level:
    """How visits older than some instant are thinned."""

    name: str
    """Under which a router's progress is kept: grid, daily."""
    boundaries: Boundaries
    before_ns: int
    """Only visits before this instant are thinned."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """What one batch did."""

    judged: int
    dropped: int
    more: bool
    """Whether the router has more visits that may be judged now."""


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    sequence: int
    outline: Outline


class Thinning(Standing):
    """Keeps the ledger's size within its bounds. A batch takes time in proportion to its limit and nothing else."""

    def routers(self) -> list[str]:
        """Every router there ever was a visit of."""
        with self._transaction() as connection:
            return list(connection.execute(select(schema.router.c.name).order_by(schema.router.c.name)).scalars())

    def thin(self, router: str, level: Level, limit: int) -> Thinned:
        """Judges the router's next `limit` visits (at least 3) and drops those that are dispensable.

        A gap whose visit goes is kept under the next visit that stays.
        """
        with self._transaction() as connection:
            router_id = connection.execute(
                select(schema.router.c.id).where(schema.router.c.name == router)
            ).scalar_one_or_none()
            if router_id is None:
                return Thinned(0, 0, more=False)
            state = connection.execute(
                select(_state.sequence, _state.spare).where(_state.router_id == router_id, _state.level == level.name)
            ).one_or_none()
            since, spare = (0, False) if state is None else (state.sequence, state.spare)
            found = _outlines(connection, router_id, since, level.before_ns, limit)
            if len(found) < 3:
                return Thinned(0, 0, more=False)
            judged = dispensable([one.outline for one in found], level.boundaries, spare)
            last = len(found) - 2
            drop = [at for at in range(last) if judged[at]]
            _drop(connection, found, drop, last)
            values = {"sequence": found[last].sequence, "spare": judged[last]}
            connection.execute(
                upsert(connection, schema.thinning)
                .values(router_id=router_id, level=level.name, **values)
                .on_conflict_do_update(index_elements=["router_id", "level"], set_=values)
            )
            return Thinned(last, len(drop), more=len(found) == limit)

    def expire(self, router: str, before_ns: int, limit: int) -> Thinned:
        """Drops the router's oldest visits, and their gaps, up to the last one before the instant; at most `limit`."""
        with self._transaction() as connection:
            of_router = (
                _visit.router_id == select(schema.router.c.id).where(schema.router.c.name == router).scalar_subquery()
            )
            found = connection.execute(
                select(_visit.id).where(of_router, _visit.at_ns < before_ns).order_by(_visit.at_ns).limit(limit + 1)
            ).scalars()
            oldest = list(found)
            going = [{"one": visit_id} for visit_id in oldest[:-1]]
            if going:
                connection.execute(delete(schema.gap).where(_gap.visit_id == bindparam("one")), going)
                connection.execute(delete(schema.visit).where(_visit.id == bindparam("one")), going)
            return Thinned(len(going), len(going), more=len(oldest) == limit + 1)


def _outlines(connection: Connection, router_id: int, since: int, before_ns: int, limit: int) -> list[_Row]:
    statement = (
        select(_visit.id, _visit.sequence, _visit.layout_id, _visit.stamps, _visit.lagging)
        .where(_visit.router_id == router_id, _visit.sequence >= since, _visit.at_ns < before_ns)
        .order_by(_visit.sequence)
        .limit(limit)
    )
    found = []
    for row in connection.execute(statement):
        stamps = [stamp.received_ns for stamp in rows.unpack_stamps(row.stamps)]
        lagging = {position: seen.at_ns for position, seen in rows.unpack_lagging(row.lagging).items()}
        found.append(_Row(row.id, row.sequence, Outline(stamps[0], max(stamps), row.layout_id, lagging)))
    return found


def _drop(connection: Connection, found: Sequence[_Row], drop: Sequence[int], last: int) -> None:
    """Deletes those; what they found out stays, under the next one that does."""
    if not drop:
        return
    going = set(drop)
    heirs: dict[int, int] = {}
    heir = found[last].id
    for at in range(last - 1, -1, -1):
        if at in going:
            heirs[found[at].id] = heir
        else:
            heir = found[at].id
    connection.execute(
        update(schema.gap).where(_gap.visit_id == bindparam("one")).values(visit_id=bindparam("heir")),
        [{"one": one, "heir": heir} for one, heir in heirs.items()],
    )
    connection.execute(delete(schema.visit).where(_visit.id == bindparam("one")), [{"one": one} for one in heirs])
