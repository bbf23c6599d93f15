"""DiffServ code points (RFC 2474), and which of them are whose where circuits with the same prefixes share a port.

A packet is a circuit's where its address is in one of the circuit's prefixes and its code point is one of the
circuit's. A circuit that names none has what the others with its prefixes do not name: whatever stands in a packet,
the packet is somebody's.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from netmon.core.model import Circuit

EVERY: Final = frozenset(range(64))
"""The field has six bits."""
NAMES: Final[Mapping[str, int]] = MappingProxyType(
    {f"cs{of}": 8 * of for of in range(8)}
    | {f"af{of}{drop}": 8 * of + 2 * drop for of in range(1, 5) for drop in range(1, 4)}
    | {"ef": 46, "va": 44, "le": 1}
)
"""Class selectors (RFC 2474), assured and expedited forwarding (RFC 2597, 3246), VOICE-ADMIT (RFC 5865), lower effort
(RFC 8622)."""

Block = tuple[int, int]
"""Value and mask, of the six bits."""
Told = tuple[tuple[str, ...], tuple[Block, ...]]
"""Prefixes, and the code points that are the circuit's there; no blocks: all of them."""


@dataclass(frozen=True, slots=True)
class Packets:
    """Whose packets with these addresses and code points are."""

    circuit: str
    prefixes: tuple[str, ...]
    dscp: tuple[int, ...]


def shown(points: Iterable[int]) -> str:
    """As people write them: names, and numbers where there is no name."""
    names = {number: name for name, number in NAMES.items()}
    return ", ".join(names.get(point, str(point)) for point in sorted(points))


def excepted(circuit: Circuit, others: Iterable[Circuit]) -> tuple[Packets, ...]:
    """What others have of the circuit's own prefixes; nothing where it names code points itself."""
    point = circuit.limiting
    if point.dscp:
        return ()
    found = []
    for other in others:
        theirs = other.limiting
        if not theirs.dscp:
            continue
        within = tuple(one for one in point.prefixes if any(lies_within(one, whole) for whole in theirs.prefixes))
        if within:
            found.append(Packets(other.id, within, theirs.dscp))
    return tuple(found)


def told(prefixes: Iterable[str], dscp: Iterable[int], without: Iterable[Packets]) -> tuple[Told, ...]:
    """What a circuit's packets are told by, prefixes with the same code points together."""
    if own := blocks(dscp):
        return ((tuple(prefixes), own),)
    groups: defaultdict[frozenset[int], list[str]] = defaultdict(list)
    gone = tuple(without)
    for prefix in prefixes:
        groups[frozenset(point for one in gone if prefix in one.prefixes for point in one.dscp)].append(prefix)
    return tuple(
        (tuple(some), blocks(EVERY - taken) if taken else ()) for taken, some in groups.items() if taken < EVERY
    )


def blocks(points: Iterable[int]) -> tuple[Block, ...]:
    """The fewest aligned blocks that hold just these code points."""
    wanted = frozenset(points)

    def cover(start: int, size: int) -> Iterator[Block]:
        inside = sum(start <= point < start + size for point in wanted)
        if inside == size:
            yield start, len(EVERY) - size
        elif inside:
            yield from cover(start, size // 2)
            yield from cover(start + size // 2, size // 2)

    return tuple(cover(0, len(EVERY)))


def of_version(version: int, prefixes: Iterable[str]) -> tuple[str, ...]:
    """Those of IPv4 or of IPv6."""
    return tuple(prefix for prefix in prefixes if (":" in prefix) is (version == 6))


def lies_within(prefix: str, whole: str) -> bool:
    one, other = ipaddress.ip_network(prefix), ipaddress.ip_network(whole)
    return one.version == other.version and one.prefixlen >= other.prefixlen and one.overlaps(other)
