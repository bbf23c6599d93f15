"""What a visit of a router fetches: which interfaces, which objects of each, and in which requests."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from netmon.core.measurement import Column, Identity, Interface
from netmon.routers import mib
from netmon.routers.discovery import Discovered, DiscoveredInterface
from netmon.routers.identity import NamingChange, naming_change, without
from netmon.routers.naming import NO_INTERFACE
from netmon.routers.profiles import OCTETS, Source
from netmon.routers.views import Missing
from netmon.routers.widths import counter_width, left_out
from netmon.snmp.oid import Oid
from netmon.snmp.template import GetTemplate, build_templates

LEAST_VARBINDS: Final = 4
"""In one request, without which no octets can be accounted: sysUpTime, the name, octets in and out."""
_FIRST: Final = (
    Column.IN_OCTETS,
    Column.OUT_OCTETS,
    Column.DISCONTINUITY,
    Column.OPER_STATUS,
    Column.ADMIN_STATUS,
    Column.IN_ERRORS,
    Column.OUT_ERRORS,
    Column.IN_DISCARDS,
    Column.OUT_DISCARDS,
    Column.SPEED_BPS,
)
"""The order in which columns are asked for, where an agent does not bear them all in one message."""
_TOO_MANY: Final = (
    "left out, as the agent bears too few variables in one message to give it beside the octets; raise its message size"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a visit fetches and whose it is; made anew by each discovery."""

    discovered: Discovered
    identity: Identity
    pdu_of: tuple[int, ...]
    columns: tuple[tuple[Column, int], ...]
    """Column and the factor of its decoder, as the templates order them; only those that are asked for."""
    unasked: tuple[Column, ...]
    """The others: empty, or too many for one message."""
    empty: frozenset[Column]
    """Of which no interface gave a value right after discovery."""
    counter_bits: int
    templates: tuple[GetTemplate, ...]
    max_varbinds: int
    """In one template, as the agent's limits were."""
    extra: tuple[Oid, ...]
    """Instances that ride in the first PDU."""
    missing: tuple[Missing, ...]
    seen: Mapping[str, DiscoveredInterface]
    """Wanted interfaces as they were last seen, those that are gone too."""
    renamed: Mapping[str, str]
    """Wanted interfaces whose name was edited on the router, and what it is there now."""
    named: Discovered | None
    """As it was when its interfaces last had names; None: they never had any."""
    naming_change: NamingChange | None
    """The last one there was."""
    silent: frozenset[int] = frozenset()
    """Positions that gave no octets right after discovery; nothing new when they give none again."""


def laid_out(
    discovered: Discovered,
    wanted: tuple[str, ...] | None,
    previous: Layout | None,
    max_varbinds: int,
    max_octets: int,
    number_octets: int | None,
    empty: frozenset[Column] = frozenset(),
) -> Layout:
    """What to fetch of a router; parts that did not change are the previous layout's own objects."""
    before = previous.seen if previous else {}
    named, change = (previous.named, previous.naming_change) if previous else (None, None)
    change = (naming_change(discovered, named) if named else None) or change
    discovered = without(discovered, change.mistakable) if change else discovered
    renamed = _renamed(discovered, wanted or (), before)
    interfaces, missing = _choose(discovered, wanted, before, renamed)
    seen = {} if wanted is None else {**before, **{interface.name: interface for interface in interfaces}}
    counter_bits = counter_width(seen.values() or interfaces, previous.counter_bits if previous else 64)
    identity: Identity = tuple(Interface(i.index, i.name, i.alias) for i in interfaces)
    extra = _extras(discovered)
    most = min(max_varbinds, discovered.profile.quirks.max_varbinds)
    borne = _borne(empty, most)
    sources = {
        column: source for column, source in _sources(discovered, counter_bits).items() if column in borne - empty
    }
    templates = _templates(discovered, interfaces, sources, most, max_octets, extra, number_octets)
    if previous is not None:
        identity = previous.identity if previous.identity == identity else identity
        templates = previous.templates if _asks(previous.templates) == _asks(templates) else templates
    return Layout(
        discovered=discovered,
        identity=identity,
        pdu_of=tuple(at for at, template in enumerate(templates) for _ in template.identity),
        columns=tuple((column, source.decoder.scale) for column, source in sources.items()),
        unasked=tuple(column for column in Column if column not in sources),
        empty=empty,
        counter_bits=counter_bits,
        templates=templates,
        max_varbinds=max_varbinds,
        extra=extra,
        missing=(
            *missing,
            *left_out(interfaces, counter_bits),
            *([Missing("interfaces", change.why)] if change and missing else ()),
            *(Missing(column.value, _TOO_MANY) for column in _FIRST if interfaces and column not in borne | empty),
        ),
        seen=seen,
        renamed=renamed,
        named=named if discovered.why_empty else discovered,
        naming_change=change,
    )


def _borne(empty: frozenset[Column], most: int) -> frozenset[Column]:
    """The columns of one interface that fit into one message of so many variables; octets in any case."""
    wished = [column for column in _FIRST if column not in empty]
    return frozenset(wished[: max(most, LEAST_VARBINDS) - 2])


def _templates(
    discovered: Discovered,
    interfaces: Sequence[DiscoveredInterface],
    sources: Mapping[Column, Source],
    most: int,
    max_octets: int,
    extra: tuple[Oid, ...],
    number_octets: int | None,
) -> tuple[GetTemplate, ...]:
    """The requests; where one interface leaves no room for `extra`, that has one of its own."""
    names = [(interface.index, interface.name_octets) for interface in interfaces]
    objects = [source.object for source in sources.values()]
    by = discovered.naming.object
    if extra and names and 2 + len(extra) + len(objects) > most:
        alone = build_templates((), objects, most, max_octets, extra, by)
        return alone + build_templates(names, objects, most, max_octets, (), by, number_octets)
    return build_templates(names, objects, most, max_octets, extra, by, number_octets)


def _extras(discovered: Discovered) -> tuple[Oid, ...]:
    """Instances that ride in the first PDU: what tells a restart of the agent, and another device."""
    host = (mib.HR_SYSTEM_UPTIME,) if discovered.host_uptime_ticks is not None else ()
    return (*host, discovered.device_octets[0]) if discovered.device_octets is not None else host


def _sources(discovered: Discovered, counter_bits: int) -> dict[Column, Source]:
    """The object each column is read from, in the order of Column."""
    return {
        column: next(
            (s for s in discovered.profile.interfaces[column] if s.decoder.bits == counter_bits),
            discovered.profile.interfaces[column][0],
        )
        if column in OCTETS
        else discovered.sources[column]
        for column in Column
    }


def _asks(templates: Sequence[GetTemplate]) -> list[tuple[object, ...]]:
    return [(template.name_object, template.identity, template.columns, template.extra) for template in templates]


def _choose(
    discovered: Discovered,
    wanted: tuple[str, ...] | None,
    seen: Mapping[str, DiscoveredInterface],
    renamed: Mapping[str, str],
) -> tuple[tuple[DiscoveredInterface, ...], list[Missing]]:
    if wanted is None:
        lacking = [Missing(name, why) for name, why in discovered.refused.items()]
        if not discovered.interfaces and not lacking:
            lacking = [Missing("interfaces", discovered.why_empty or NO_INTERFACE)]
        return discovered.interfaces, lacking
    names = {name: name for name in wanted} | {now: name for name, now in renamed.items()}
    chosen = tuple(
        interface if names[interface.name] == interface.name else replace(interface, name=names[interface.name])
        for interface in discovered.interfaces
        if interface.name in names
    )
    present = {interface.name: interface for interface in discovered.interfaces}
    missing = [
        Missing(name, discovered.refused.get(name) or discovered.why_empty or _absent(name, present, seen.get(name)))
        for name in dict.fromkeys(wanted)
        if name not in present
    ]
    return chosen, missing


def _renamed(
    discovered: Discovered, wanted: tuple[str, ...], seen: Mapping[str, DiscoveredInterface]
) -> Mapping[str, str]:
    """Wanted names that are gone -> the new name of the port with the same ifIndex and ifPhysAddress (rule 6)."""
    taken = {interface.name for interface in discovered.interfaces} | discovered.refused.keys()
    ports = {(i.index, i.mac): i.name for i in discovered.interfaces if i.mac is not None and i.name not in wanted}
    places = {name: (seen[name].index, seen[name].mac) for name in wanted if name in seen and name not in taken}
    return {name: ports[place] for name, place in places.items() if place in ports}


def _absent(name: str, present: Mapping[str, DiscoveredInterface], before: DiscoveredInterface | None) -> str:
    """Why a wanted name is not there, and what was probably meant."""
    if before is not None and before.mac is not None:
        for interface in present.values():
            if (interface.index, interface.mac) == (before.index, before.mac):
                return (
                    "the router has no such interface any more; the same port is measured on, but not limited until"
                    f" its name is right here or there: was it renamed to {interface.name}?"
                )
    for interface in present.values():
        if name == interface.alias:
            return f"the router has no such interface; it is the ifAlias of {interface.name}, write that"
    folded = {other.casefold(): other for other in present}
    near = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3)]
    if near:
        return f"the router has no such interface; did you mean {' or '.join(near)}?"
    return "the router has no such interface; correct the ifName, or bring the interface up"
