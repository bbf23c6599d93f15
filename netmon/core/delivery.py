"""What of a purchased capacity was there over a time, by when its uplinks are known to have been up or down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netmon.core.capacity import capacities
from netmon.core.model import Direction
from netmon.core.port_state import PortKey, PortSpan, PortStatus
from netmon.core.supply import Pool, Rates


@dataclass(frozen=True, slots=True)
class Delivered:
    """Of one pool over a time; degradations that people gave are not in it, as they are no measurement."""

    known_ns: int
    """For so long it is known what its uplinks could carry."""
    download_bit_ns: int
    """Capacity (bit/s) times nanoseconds, over the known time."""
    upload_bit_ns: int

    def ratio(self, direction: Direction, purchased: Rates) -> float | None:
        """Mean capacity as a share of what was purchased; None where nothing is known."""
        there = self.download_bit_ns if direction is Direction.DOWNLOAD else self.upload_bit_ns
        return there / (purchased.of(direction) * self.known_ns) if self.known_ns else None


def delivered(pool: Pool, spans: Mapping[PortKey, Sequence[PortSpan]], start_ns: int, until_ns: int) -> Delivered:
    """From the spans of its uplinks' ports. An instant counts as known where what is not known makes no difference."""
    ports = {(uplink.router, uplink.interface) for uplink in pool.uplinks}
    edges: dict[int, list[tuple[PortKey, PortStatus, int]]] = {start_ns: [], until_ns: []}
    for port in ports:
        for span in spans.get(port, ()):
            begins, ends = max(span.from_ns, start_ns), min(span.upto_ns, until_ns)
            if ends > begins:
                edges.setdefault(begins, []).append((port, span.status, 1))
                edges.setdefault(ends, []).append((port, span.status, -1))
    standing: Counter[tuple[PortKey, PortStatus]] = Counter()
    known_ns, download, upload = 0, 0, 0
    carried = _Carried(pool)
    for at_ns, next_ns in pairwise(sorted(edges)):
        for port, status, step in edges[at_ns]:
            standing[port, status] += step
        down = frozenset(port for port in ports if standing[port, PortStatus.DOWN])
        silent = frozenset(port for port in ports - down if not standing[port, PortStatus.UP])
        most, least = carried.with_down(down), carried.with_down(down | silent)
        if pool.uplinks and most == least:
            known_ns += next_ns - at_ns
            download += most.download_bps * (next_ns - at_ns)
            upload += most.upload_bps * (next_ns - at_ns)
    return Delivered(known_ns, download, upload)


class _Carried:
    """What the pool has with given ports down, computed once for each set of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[Collection[PortKey], Rates] = {}

    def with_down(self, down: frozenset[PortKey]) -> Rates:
        if down not in self._known:
            left = capacities([self._pool], (), down, (), 0)[self._pool.id]
            self._known[down] = Rates(left.download_bps or 0, left.upload_bps or 0)
        return self._known[down]
