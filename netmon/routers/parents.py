"""Which interface is part of which: members of an aggregate, sub-interfaces of a port. No traffic counts twice. Pure.

Sources: RFC 2863 section 3.1.1 (ifStackTable), IEEE8023-LAG-MIB (dot3adAggPortAttachedAggID), IANAifType-MIB.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.topology_profile import ParentSource
from netmon.snmp.codec import VarBind
from netmon.snmp.oid import Oid

IF_STACK_STATUS: Final[Oid] = (1, 3, 6, 1, 2, 1, 31, 1, 2, 1, 3)
ATTACHED_AGG_ID: Final[Oid] = (1, 2, 840, 10006, 300, 43, 1, 2, 1, 1, 13)
"""dot3adAggPortAttachedAggID: ifIndex of the aggregate a port is attached to; 0 for none."""

_AGGREGATES: Final = frozenset({54, 108, 161})
"""propMultiplexor, pppMultilinkBundle, ieee8023adLag."""
_SUBLAYERS: Final = frozenset({23, 32, 49, 134, 135, 136})
"""ppp, frameRelay, aal5, atmSubInterface, l2vlan, l3ipvlan: what runs over one port is part of that port."""
_AGGREGATE_NAME: Final = re.compile(
    r"(?:ae|po|port-?channel|bundle-ether|be|eth-trunk|bond(?:ing)?|team|lag|trk|trunk"
    r"|(?:route|bridge)-aggregation|[br]agg)[ -]?[0-9]+(?:/[0-9]+)*",
    re.IGNORECASE,
)
"""What vendors call their aggregates; Cisco's and Huawei's have ifType propVirtual as their VLAN interfaces have."""
_UNIT: Final = re.compile(r"(?<=.)[.:][0-9]+$")
_DEEPEST: Final = 8
"""Layers of ifStackTable looked through."""

Table = Mapping[Oid, Mapping[Oid, VarBind]]
"""Column -> index -> value."""


@dataclass(frozen=True, slots=True)
class Counting:
    """Which of some interfaces may be added up."""

    counted: tuple[str, ...]
    members: Mapping[str, str]
    """Name of one that may not -> the counted one that carries or holds the same traffic."""


def parents_in(
    interfaces: Iterable[DiscoveredInterface], table: Table, sources: Collection[ParentSource] = tuple(ParentSource)
) -> dict[str, str]:
    """ifName -> ifName of what it is part of: of members their aggregate, of sub-interfaces their port.

    A VLAN's routed interface and a bridge are part of nothing: what passes them is not the sum of their ports.
    """
    known = tuple(interfaces)
    found: dict[str, str] = {}
    if ParentSource.DOT3AD in sources:
        found |= _attached(known, table.get(ATTACHED_AGG_ID, {}))
    if ParentSource.IF_STACK in sources:
        stack = _Stack(known, table.get(IF_STACK_STATUS, {}))
        found = {**stack.members(), **found}
    if ParentSource.NAMES in sources:
        found = {**found, **_by_name({interface.name for interface in known})}
    if ParentSource.IF_STACK in sources:
        found = {**stack.layered(), **found}
    return {name: parent for name, parent in found.items() if name not in ancestors(parent, found)}


def ancestors(name: str, of: Mapping[str, str]) -> tuple[str, ...]:
    """What the interface is part of, and that again, nearest first; ends where an agent's tables go in circles."""
    seen = [name]
    while (name := of.get(name, "")) and name not in seen:
        seen.append(name)
    return tuple(seen[1:])


def counting(names: Iterable[str], parents: Mapping[str, str]) -> Counting:
    """Of these interfaces, which to add up so that no octet counts twice.

    One that is part of another of them is not counted; nor is a member of an aggregate beside sub-interfaces of
    that aggregate, whose traffic it carries a share of.
    """
    wanted = tuple(dict.fromkeys(names))
    chosen = set(wanted)
    members: dict[str, str] = {}
    for name in wanted:
        above = ancestors(name, parents)
        holder = next((one for one in above if one in chosen), None)
        if holder is None and above and not _is_below(name, above[0]):
            holder = next(
                (one for one in wanted if _is_below(one, above[0]) and above[0] in ancestors(one, parents)), None
            )
        if holder is not None:
            members[name] = holder
    return Counting(tuple(name for name in wanted if name not in members), members)


def counted_twice(circuits: Mapping[str, str], parents: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(circuit, sentence) for each circuit whose interface's traffic is in another circuit's too.

    `circuits`: circuit -> ifName, all of one router.
    """
    by_interface: dict[str, str] = {}
    for circuit, interface in circuits.items():
        by_interface.setdefault(interface, circuit)
    for member, holder in counting(circuits.values(), parents).members.items():
        yield (
            by_interface[member],
            (
                f"its interface {member} is part of {holder}, which circuit {by_interface[holder]} measures: the same"
                " traffic counts twice; let one circuit name the whole, or each its own sub-interface"
            ),
        )


def is_aggregate(interface: DiscoveredInterface) -> bool:
    return interface.if_type in _AGGREGATES or _AGGREGATE_NAME.fullmatch(interface.name) is not None


def _attached(interfaces: Iterable[DiscoveredInterface], column: Mapping[Oid, VarBind]) -> dict[str, str]:
    by_index = {interface.index: interface.name for interface in interfaces}
    pairs = (
        (by_index.get(index[0]), by_index.get(varbind.value))
        for index, varbind in column.items()
        if isinstance(varbind.value, int)
    )
    return {member: aggregate for member, aggregate in pairs if member and aggregate and member != aggregate}


def _by_name(names: Collection[str]) -> dict[str, str]:
    """`ge-0/0/0.100` -> `ge-0/0/0`, `1/1/1:20` -> `1/1/1`, the longest of what is there."""
    found: dict[str, str] = {}
    for name in names:
        shorter = name
        while (ends := _UNIT.search(shorter)) is not None:
            shorter = shorter[: ends.start()]
            if shorter in names:
                found[name] = shorter
                break
    return found


def _is_below(name: str, port: str) -> bool:
    """Whether it is called as a sub-interface of that port is: `ge-0/0/0.100`, `1/1/1:20`."""
    return name.startswith((f"{port}.", f"{port}:"))


class _Stack:
    """ifStackTable: which interface runs on which."""

    def __init__(self, interfaces: Iterable[DiscoveredInterface], column: Mapping[Oid, VarBind]) -> None:
        self._by_index = {interface.index: interface for interface in interfaces}
        self._lower: dict[int, list[int]] = defaultdict(list)
        self._higher: dict[int, list[int]] = defaultdict(list)
        for index in column:
            # RFC 2863: 0 is nothing above or below.
            if len(index) == 2 and all(index) and index[0] != index[1]:
                higher, lower = index
                self._lower[higher].append(lower)
                self._higher[lower].append(higher)

    def members(self) -> dict[str, str]:
        """Members of aggregates: what an aggregate, or one of its units, runs on."""
        found: dict[str, str] = {}
        for interface in self._by_index.values():
            if not is_aggregate(interface):
                continue
            # Junos stacks the members' units below the aggregate's: xe-0/0/0.0 below ae0.0, which is above ae0.
            units = [unit for unit in self._higher[interface.index] if interface.index in self._lower[unit]]
            below = [*self._lower[interface.index], *(one for unit in units for one in self._lower[unit])]
            for index in below:
                for port in self._ports(index, _DEEPEST):
                    if port is not interface and not _is_below(port.name, interface.name):
                        found.setdefault(port.name, interface.name)
        return found

    def layered(self) -> dict[str, str]:
        """What runs on a single interface alone."""
        found: dict[str, str] = {}
        for higher, lower in self._lower.items():
            above = self._by_index.get(higher)
            below = self._by_index.get(lower[0]) if len(lower) == 1 else None
            if above is not None and below is not None and above.if_type in _SUBLAYERS and not is_aggregate(above):
                found[above.name] = below.name
        return found

    def _ports(self, index: int, depth: int) -> Iterator[DiscoveredInterface]:
        """The lowest known interfaces under `index`, which may have no row in ifTable itself."""
        lower = self._lower[index] if depth else []
        if index in self._by_index and not any(one in self._by_index for one in lower):
            yield self._by_index[index]
            return
        for one in lower:
            yield from self._ports(one, depth - 1)
