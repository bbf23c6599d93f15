"""What usage rests on, for many series at once: their places, their gaps, and their readings, by router."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, func, select

from netmon.core.measurement import Gap, GapReason
from netmon.core.periods import Reading
from netmon.store import schema
from netmon.store.openings import Finder
from netmon.store.rows import Layout

Series = tuple[str, str, str]
"""(router, ifName, way)."""

_visit = schema.visit.c


def places(connection: Connection, routers: Sequence[str]) -> dict[tuple[str, str], int]:
    """The position of every series of the routers, by (router, ifName)."""
    columns = schema.series.c
    statement = select(schema.router.c.name.label("router"), columns.name, columns.position).join(
        schema.router, schema.router.c.id == columns.router_id
    )
    found: dict[tuple[str, str], int] = {}
    for some in _portions(routers):
        for row in connection.execute(statement.where(schema.router.c.name.in_(some))):
            found[row.router, row.name] = row.position
    return found


def gaps(connection: Connection, routers: Sequence[str], from_ns: int, to_ns: int) -> dict[Series, list[Gap]]:
    """Those that overlap from_ns <= t < to_ns, by series, in the order they were found."""
    columns = schema.gap.c
    statement = (
        select(
            schema.router.c.name, columns.interface, columns.direction, columns.from_ns, columns.to_ns, columns.reason
        )
        .join(schema.router, schema.router.c.id == columns.router_id)
        .where(columns.to_ns > from_ns, columns.from_ns < to_ns)
        .order_by(columns.id)
    )
    found: dict[Series, list[Gap]] = {}
    for some in _portions(routers):
        for row in connection.execute(statement.where(schema.router.c.name.in_(some))):
            gap = Gap(row.name, row.interface, row.direction, row.from_ns, row.to_ns, GapReason(row.reason))
            found.setdefault((row.name, row.interface, row.direction), []).append(gap)
    return found


def readings(
    connection: Connection,
    layout_of: Callable[[int], Layout],
    router: str,
    positions: Iterable[int],
    from_ns: int,
    to_ns: int,
) -> dict[tuple[int, str], list[Reading]]:
    """Of those series of one router, by (position, way): what they showed from the last reading before to the first
    after, ascending. One pass over the rows, whatever the number of series.
    """
    wanted = tuple(positions)
    found: dict[tuple[int, str], list[Reading]] = {(at, way): [] for at in wanted for way in ("in", "out")}
    router_id = connection.execute(
        select(schema.router.c.id).where(schema.router.c.name == router)
    ).scalar_one_or_none()
    if router_id is None:
        return found
    over: set[int] = set()
    for visit in Finder(connection, layout_of).visits(router_id, since(connection, router_id, from_ns)):
        for at in wanted:
            if at >= len(visit.read_ns) or at in over:
                continue
            read_ns = visit.read_ns[at]
            for way, totals in zip(("in", "out"), visit.totals, strict=True):
                column = found[at, way]
                if column and column[-1].at_ns >= read_ns:
                    continue
                if read_ns <= from_ns:
                    column.clear()
                column.append(Reading(read_ns, totals[at]))
            if read_ns >= to_ns:
                over.add(at)
        if len(over) == len(wanted):
            break
    return found


def since(connection: Connection, router_id: int, from_ns: int) -> int:
    """The visit before the last that began by then: later PDUs of the last may have come in after it."""
    begun = (
        select(_visit.at_ns)
        .where(_visit.router_id == router_id, _visit.at_ns <= from_ns)
        .order_by(_visit.at_ns.desc())
        .limit(2)
        .subquery()
    )
    earliest = connection.execute(select(func.min(begun.c.at_ns))).scalar_one()
    return from_ns if earliest is None else int(earliest)


def _portions(names: Sequence[str]) -> Iterable[Sequence[str]]:
    """SQL bounds the number of parameters."""
    unique = sorted(set(names))
    return (unique[at : at + 500] for at in range(0, len(unique), 500))
