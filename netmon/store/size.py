"""What a ledger comes to: visits by their shape and age, laid out in SQLite's pages (docs/operations.md).

A visit is a record of 40 octets, 12 for each PDU and 32 for each port (four counters of 8), and 46 in two indexes.
Records fill pages of 4096 octets without being split; those too long for one overflow into pages of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netmon.core.model import NANOSECONDS
from netmon.core.periods import GRID_NS
from netmon.store.settings import RetentionSettings

_PAGE, _USABLE = 4096, 4084
_LONGEST = 4061
"""Of a record that is not split (SQLite file format, section 1.6)."""
_LEAST_LOCAL = 489
_OVERFLOW = 4092
_CELL = 6
_ON_A_SERVER = 120
"""More for each visit in PostgreSQL: the row's header, the columns' lengths, a third index."""
_RECORD, _PDU, _PORT, _INDEXES = 40, 12, 32, 46
_PORTS_PER_PDU = 12
_DAY_NS = 86_400 * NANOSECONDS
_MONTHS_NS = 30 * _DAY_NS
_CLOSED_ROW, _CLOSED = 420, 1100
"""Of a closed period: each row of figures, and the rest with its link of the chain."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A router, as far as its visits take room."""

    ports: int
    """Circuits, uplinks and backhauls."""
    interval_ns: int


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes once every retention has run its course."""

    raw: int
    grid: int
    daily: int
    closed: int

    @property
    def total(self) -> int:
        return self.raw + self.grid + self.daily + self.closed


def visit_bytes(ports: int, *, on_server: bool = False) -> int:
    """What one visit takes on disk, of an SQLite file or of a PostgreSQL server."""
    return _file_bytes(ports) + (_ON_A_SERVER if on_server else 0)


def _file_bytes(ports: int) -> int:
    record = _RECORD + _PDU * -(-ports // _PORTS_PER_PDU) + _PORT * ports
    if record <= _LONGEST:
        return _PAGE // (_USABLE // (record + _CELL)) + _INDEXES
    local = _LEAST_LOCAL + (record - _LEAST_LOCAL) % _OVERFLOW
    if local > _LONGEST:
        local = _LEAST_LOCAL
    pages = -(-(record - local) // _OVERFLOW)
    return _PAGE // (_USABLE // (local + _CELL)) + pages * _PAGE + _INDEXES


def predicted(
    routers: Iterable[Watched],
    midnights: int,
    agencies: int,
    circuits: int,
    retention: RetentionSettings,
    *,
    on_server: bool = False,
) -> Size:
    """Of those routers; `midnights`: in how many zones days are kept apart.

    Of a 300 s cell two visits stay, of a day two for each midnight. Each agency closes one period a month, of
    which the figures of it and of each of its circuits are written down both ways.
    """
    raw = grid = daily = 0
    for one in routers:
        size = visit_bytes(one.ports, on_server=on_server)
        raw += size * (retention.raw // one.interval_ns)
        grid += size * _kept(retention.grid - retention.raw, one.interval_ns, GRID_NS // 2)
        daily += size * _kept(retention.daily - retention.grid, one.interval_ns, _DAY_NS // (2 * midnights))
    months = retention.daily // _MONTHS_NS
    closed = months * (agencies * _CLOSED + 2 * (agencies + circuits) * _CLOSED_ROW)
    return Size(raw, grid, daily, closed)


def _kept(during_ns: int, interval_ns: int, thinned_ns: int) -> int:
    return during_ns // max(interval_ns, thinned_ns)
