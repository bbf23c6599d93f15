"""A visit made ready to be written, and what of the ledger is remembered between two batches."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from netmon.core.heads import Visit
from netmon.store import rows
from netmon.store.errors import VisitRefusedError
from netmon.store.rows import Layout


class Cells(NamedTuple):
    """A visit's row but for the ids of its router and its layout, in the order of the table's columns."""

    host_uptime_ticks: int | None
    lagging: str | None
    stamps: bytes
    in_total: bytes
    out_total: bytes
    in_octets: bytes
    out_octets: bytes


@dataclass(frozen=True, slots=True)
class Packed:
    """A visit, packed before any transaction opens."""

    visit: Visit
    at_ns: int
    layout: Layout
    cells: Cells


@dataclass(slots=True)
class Known:
    """What is already in the ledger and never changes there: rows' ids by what they hold."""

    routers: dict[str, int] = field(default_factory=dict)
    layouts: dict[int, tuple[Layout, int]] = field(default_factory=dict)
    """By router: its last visit's."""

    def copy(self) -> Known:
        return Known(dict(self.routers), dict(self.layouts))


def pack(visit: Visit) -> Packed:
    """Raises VisitRefusedError for one that contradicts itself."""
    head = visit.head
    if head.sequence != visit.base + 1:
        raise VisitRefusedError(head.router, f"its sequence {head.sequence} does not follow its base {visit.base}")
    columns = (head.in_total, head.out_total, head.in_octets, head.out_octets)
    width = len(head.series)
    if any(len(one) != width for one in (*columns, head.pdu_of, head.discontinuity)):
        raise VisitRefusedError(head.router, "its columns differ in length")
    if head.pdu_of and not 0 <= min(head.pdu_of) <= max(head.pdu_of) < len(head.pdus):
        raise VisitRefusedError(head.router, "an interface names a PDU that is not there")
    try:
        at_ns = head.at_ns
        cells = Cells(
            head.host_uptime_ticks,
            rows.pack_lagging(head.lagging),
            rows.pack_stamps(head.pdus),
            *[rows.pack_cells(column) for column in columns],
        )
    except (struct.error, IndexError) as error:
        raise VisitRefusedError(head.router, f"a number of it cannot be held ({error})") from error
    return Packed(visit, at_ns, rows.layout_of(head), cells)


def too_early(head_at_ns: int, visit: Visit) -> VisitRefusedError:
    """For a visit that is not later than the head it follows."""
    return VisitRefusedError(visit.head.router, f"its time {visit.head.at_ns} is not after its head's, {head_at_ns}")


def document_of(layout: Layout) -> tuple[bytes, str]:
    """SHA-256 and canonical JSON, as a layout is stored."""
    document = rows.dump_layout(layout)
    return hashlib.sha256(document.encode("ascii")).digest(), document


def added_series(router: str, present: list[str], layout: Layout) -> list[str]:
    """The names that a new layout adds to those its router has. Raises VisitRefusedError.

    Totals are found by position, so a series that moved would give its bytes to another.
    """
    names = [one.name for one in layout.series]
    if names[: len(present)] != present:
        raise VisitRefusedError(router, "the order of its interfaces changed")
    if any("\0" in name for name in names):
        raise VisitRefusedError(router, "an interface name holds NUL")
    if len(set(names)) != len(names):
        raise VisitRefusedError(router, "an interface name occurs twice")
    return names[len(present) :]
