"""One router visit as the document of `netmon poll` (docs/schemas/poll.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from netmon.core.measurement import Cells, Column, Poll
from netmon.core.model import NANOSECONDS
from netmon.routers.mib import ADMIN_STATUS, OPER_STATUS

if TYPE_CHECKING:
    from netmon.routers.topology import Link

_COUNTS = (
    Column.IN_OCTETS,
    Column.OUT_OCTETS,
    Column.IN_ERRORS,
    Column.OUT_ERRORS,
    Column.IN_DISCARDS,
    Column.OUT_DISCARDS,
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was asked for and could not be read."""

    what: str
    """The interface's name, or the column's."""
    why: str
    """One sentence, with the remedy."""

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def poll_document(
    poll: Poll,
    platform: str,
    missing: Iterable[Missing] = (),
    *,
    others: Poll | None = None,
    parents: Mapping[str, str] | None = None,
    optics: Iterable[Mapping[str, Any]] = (),
    health: Iterable[Mapping[str, Any]] = (),
    links: Iterable[Link] = (),
) -> dict[str, Any]:
    """The `data` object of `netmon/poll/1`: plain values that every JSON encoder takes.

    Octets and packets are the counters as read; absent is None. A column that holds nothing for any interface is named
    in `missing`, if it is not already. `others` holds interfaces of `poll` that were read again, in their own counter
    width. `parents`: ifName -> ifName of what it is part of; `optics` and `health` are as the schema has them.
    """
    visits = (poll, others) if others else (poll,)
    missing = tuple(missing)
    told = {one.what for one in missing}
    empty = [
        Missing(column.value, "the agent gives it for none of these interfaces")
        for column in (*_COUNTS, Column.ADMIN_STATUS, Column.OPER_STATUS)
        if poll.identity
        and column.value not in told
        and all(cell is None for one in visits for cell in _cells(one, column))
    ]
    apart = {interface.name for interface in others.identity} if others else set()
    rows = [
        row for one in visits for row in _interfaces(one, parents or {}) if one is not poll or row["name"] not in apart
    ]
    return {
        "router": poll.router,
        "platform": platform,
        "uptime_seconds": poll.pdus[0].uptime_ticks // 100,
        "polled_at": _rfc3339(poll.at_ns),
        "interfaces": sorted(rows, key=itemgetter("index")),
        "optics": [dict(reading) for reading in optics],
        "health": [dict(reading) for reading in health],
        "links": [asdict(link) for link in links],
        "missing": [asdict(item) for item in dict.fromkeys((*missing, *empty))],
    }


def _interfaces(poll: Poll, parents: Mapping[str, str]) -> list[dict[str, Any]]:
    speed = _cells(poll, Column.SPEED_BPS)
    admin, oper = _cells(poll, Column.ADMIN_STATUS), _cells(poll, Column.OPER_STATUS)
    counts = {column.value: _cells(poll, column) for column in _COUNTS}
    return [
        {
            "index": interface.index,
            "name": interface.name,
            "alias": interface.alias or None,
            # RFC 2863: ifHighSpeed is 0 where an interface has no concept of bandwidth.
            "speed_bps": speed[at] or None,
            "admin_status": _named(ADMIN_STATUS, admin[at]),
            "oper_status": _named(OPER_STATUS, oper[at]),
            "counter_bits": poll.counter_bits,
            **{name: cells[at] for name, cells in counts.items()},
            "parent": parents.get(interface.name),
        }
        for at, interface in enumerate(poll.identity)
    ]


def _cells(poll: Poll, column: Column) -> Cells:
    return poll.columns.get(column) or (None,) * len(poll.identity)


def _named(names: Mapping[int, str], value: int | None) -> str | None:
    return None if value is None else names.get(value)


def _rfc3339(instant_ns: int) -> str:
    """UTC with milliseconds and its offset."""
    seconds, rest = divmod(instant_ns, NANOSECONDS)
    whole = datetime.fromtimestamp(seconds, UTC)
    return whole.replace(microsecond=rest // 1000).isoformat(timespec="milliseconds")
