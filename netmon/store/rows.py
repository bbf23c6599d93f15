"""A visit as a row and back: counters as big-endian u64, what seldom changes as an interned layout.

Cells: 8 bytes each, unsigned and big-endian (SQL integers are signed). When any cell is absent, a
bitmap follows, one bit a cell from the most significant, set where the cell is absent.
Stamps: 12 bytes a PDU, sysUpTime as u32 and the receipt in UTC nanoseconds as u64.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from netmon.core.heads import Head, LastSeen
from netmon.core.measurement import Cells, Identity, Interface, PduStamp
from netmon.store.values import canonical

_STAMP = struct.Struct(">IQ")
CELL_BYTES = struct.calcsize(">Q")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a router's visits have in common until something changes."""

    series: Identity
    pdu_of: tuple[int, ...]
    discontinuity: tuple[int | None, ...]
    counter_bits: int
    device: str | None


def layout_of(head: Head) -> Layout:
    """The part of a head that seldom changes."""
    return Layout(head.series, tuple(head.pdu_of), tuple(head.discontinuity), head.counter_bits, head.device)


def dump_layout(layout: Layout) -> str:
    """Canonical JSON: series as [index, name, alias], pdu_of as runs [pdu, count]."""
    return canonical(
        {
            "counter_bits": layout.counter_bits,
            "device": layout.device,
            "discontinuity": None if not any(c is not None for c in layout.discontinuity) else layout.discontinuity,
            "pdu_of": [[pdu, sum(1 for _ in run)] for pdu, run in groupby(layout.pdu_of)],
            "series": [[one.index, one.name, one.alias] for one in layout.series],
        }
    )


def load_layout(text: str) -> Layout:
    """What `dump_layout` wrote."""
    document = json.loads(text)
    series = tuple(Interface(index, name, alias) for index, name, alias in document["series"])
    absent = (None,) * len(series)
    return Layout(
        series=series,
        pdu_of=tuple(pdu for pdu, count in document["pdu_of"] for _ in range(count)),
        discontinuity=absent if document["discontinuity"] is None else tuple(document["discontinuity"]),
        counter_bits=document["counter_bits"],
        device=document["device"],
    )


def pack_cells(cells: Cells) -> bytes:
    """Raises struct.error for a cell outside 0..2^64-1."""
    column = _column(len(cells))
    try:
        return column.pack(*cells)
    except struct.error:
        if None not in cells:
            raise
    bits = "".join("1" if cell is None else "0" for cell in cells)
    width = -(-len(cells) // 8)
    bitmap = int(bits.ljust(width * 8, "0"), 2).to_bytes(width, "big")
    return column.pack(*(cell or 0 for cell in cells)) + bitmap


@lru_cache(1024)
def _column(count: int) -> struct.Struct:
    return struct.Struct(f">{count}Q")


def unpack_cells(packed: bytes, count: int) -> tuple[int | None, ...]:
    """The `count` cells that `pack_cells` wrote."""
    cells = _column(count).unpack_from(packed)
    if len(packed) == count * CELL_BYTES:
        return cells
    bitmap = packed[count * CELL_BYTES :]
    return tuple(None if bitmap[i >> 3] >> (7 - (i & 7)) & 1 else cell for i, cell in enumerate(cells))


def unpack_totals(packed: bytes) -> tuple[int, ...]:
    """Totals are never absent."""
    return _column(len(packed) // CELL_BYTES).unpack(packed)


def pack_stamps(pdus: Sequence[PduStamp]) -> bytes:
    """Raises struct.error for an uptime beyond 2^32-1 or a time before 1970."""
    return b"".join([_STAMP.pack(one.uptime_ticks, one.received_ns) for one in pdus])


def unpack_stamps(packed: bytes) -> tuple[PduStamp, ...]:
    """What `pack_stamps` wrote."""
    return tuple(PduStamp(uptime, received) for uptime, received in _STAMP.iter_unpack(packed))


def unpack_received(packed: bytes) -> tuple[int, ...]:
    """When each PDU of a visit was answered."""
    return tuple([received for _, received in _STAMP.iter_unpack(packed)])


def received_ns(stamps: bytes, pdu: int) -> int:
    """When PDU number `pdu` of a visit was answered."""
    value: int = _STAMP.unpack_from(stamps, pdu * _STAMP.size)[1]
    return value


def pack_lagging(lagging: Mapping[int, LastSeen]) -> str | None:
    """None where every series was read, as it mostly is."""
    if not lagging:
        return None
    return canonical([[position, seen.at_ns, seen.uptime_ticks] for position, seen in sorted(lagging.items())])


def unpack_lagging(text: str | None) -> dict[int, LastSeen]:
    """What `pack_lagging` wrote."""
    if text is None:
        return {}
    return {position: LastSeen(at_ns, uptime) for position, at_ns, uptime in json.loads(text)}


def head_from(
    router: str,
    sequence: int,
    layout: Layout,
    host_uptime_ticks: int | None,
    lagging: str | None,
    stamps: bytes,
    in_total: bytes,
    out_total: bytes,
    in_octets: bytes,
    out_octets: bytes,
) -> Head:
    """A router's head, from the row of its last visit."""
    count = len(layout.series)
    return Head(
        router=router,
        sequence=sequence,
        series=layout.series,
        pdus=unpack_stamps(stamps),
        pdu_of=layout.pdu_of,
        in_octets=unpack_cells(in_octets, count),
        out_octets=unpack_cells(out_octets, count),
        discontinuity=layout.discontinuity,
        in_total=unpack_totals(in_total),
        out_total=unpack_totals(out_total),
        counter_bits=layout.counter_bits,
        device=layout.device,
        host_uptime_ticks=host_uptime_ticks,
        lagging=unpack_lagging(lagging),
    )
