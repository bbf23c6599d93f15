"""Polling: one visit of one router as a columnar Poll.

The first visit discovers the router and prebuilds its requests; later visits only fetch them. Names ride in
every PDU, so an interface that moved is noticed before any of its counters is believed.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from netmon.core.model import NANOSECONDS, Cells, Column, Identity, Interface, PduStamp, Poll
from netmon.routers import mib
from netmon.routers.discovery import Discovered, DiscoveredInterface, DiscoveryError, Prober, discover
from netmon.routers.identity import NamingChange, lost_names, naming_change, without
from netmon.routers.naming import NO_INTERFACE
from netmon.routers.profiles import OCTETS, ProfileError, Profiles, Source
from netmon.routers.views import Missing
from netmon.routers.widths import counter_width, left_out
from netmon.snmp.client import Agent
from netmon.snmp.errors import SnmpError, SnmpStatusError
from netmon.snmp.oid import Oid
from netmon.snmp.template import GetTemplate, TemplateReply, build_templates, octets_of_numbers

_RECHECK_NS: Final = 300 * NANOSECONDS
"""How soon the tables are walked again while a wanted interface is not there or the last walk failed."""
_RESTLESS: Final = "its interfaces change while they are read; the next visit tries again"
_TOO_BIG: Final = 1
"""error-status of RFC 3416."""


class PollError(RuntimeError):
    """A visit that yielded nothing."""

    def __init__(self, router: str, reason: str) -> None:
        super().__init__(f"{router}: {reason}")
        self.router = router
        self.reason = reason
        """One sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a visit fetches and whose it is; made anew by each discovery."""

    discovered: Discovered
    identity: Identity
    pdu_of: tuple[int, ...]
    columns: tuple[tuple[Column, int], ...]
    """Column and the factor of its decoder, as the templates order them."""
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


class RouterPoller:
    """Visits one router; keeps what it has learned of it between visits."""

    def __init__(
        self,
        router: str,
        agent: Agent,
        prober: Prober,
        profiles: Profiles,
        wanted: tuple[str, ...] | None,
        wall_ns: Callable[[], int],
        platform: str | None = None,
        rediscover_ns: int = 3600 * NANOSECONDS,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`wanted`: ifNames to measure, None for all; `platform`: None to recognise it by itself.

        `monotonic_ns` must be the clock of TemplateReply.received_ns_monotonic.
        """
        self.router = router
        self._agent = agent
        self._prober = prober
        self._profiles = profiles
        self._wanted = wanted
        self._platform = platform
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._rediscover_ns = rediscover_ns
        self._layout: _Layout | None = None
        self._due_ns = 0
        self._uptime_ticks = 0
        self._number_octets: int | None = None
        """What the numbers of one interface take at most, as last seen; by it the interfaces are divided among PDUs."""

    @property
    def discovered(self) -> Discovered | None:
        """The router as last discovered; None before the first visit."""
        return self._layout.discovered if self._layout else None

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What was wanted and cannot be measured, as of the last discovery."""
        return self._layout.missing if self._layout else ()

    @property
    def renamed(self) -> Mapping[str, str]:
        """Wanted interfaces that go on under another name: they are measured, but nothing may be done to them."""
        return self._layout.renamed if self._layout else {}

    async def poll(self) -> Poll:
        """One visit. Raises PollError when it yields nothing; may be cancelled at any time."""
        try:
            return await self._visit()
        except (SnmpError, DiscoveryError, ProfileError) as error:
            raise PollError(self.router, str(error)) from error

    async def poll_others(self) -> Poll | None:
        """The interfaces whose counters the last visit did not read at their widest, at that width.

        None: there are none. To be looked at, not accounted: a router's series are all of one width. Raises PollError.
        """
        layout = self._layout
        if layout is None:
            return None
        read = {interface.name for interface in layout.identity}
        others = tuple(
            one
            for one in layout.discovered.interfaces
            if one.name in read and one.counter_bits not in {layout.counter_bits, None}
        )
        if not others:
            return None
        wall_of_monotonic_ns = self._wall_ns() - self._monotonic_ns()
        discovered = replace(layout.discovered, interfaces=others)
        octets = self._prober.most_octets(self._agent)
        layout = _layout(discovered, None, None, layout.max_varbinds, octets, None)
        try:
            layout, replies = await self._read(layout)
        except SnmpError as error:
            raise PollError(self.router, str(error)) from error
        if not all(reply.names_match for reply in replies):
            raise PollError(self.router, _RESTLESS)
        return self._poll(layout, replies, wall_of_monotonic_ns)

    async def _visit(self) -> Poll:
        wall, monotonic = self._wall_ns(), self._monotonic_ns()
        layout = self._layout
        if layout is not None:
            layout, replies = await self._read(layout)
            if not self._is_stale(layout, replies):
                self._layout = layout
                poll = self._poll(layout, replies, wall - monotonic)
                if monotonic >= self._due_ns:
                    await self._refresh(layout)
                return poll
        layout = await self._discover(layout)
        layout, replies = await self._read(layout)
        if not all(reply.names_match for reply in replies):
            raise PollError(self.router, _RESTLESS)
        layout = replace(layout, silent=_silent(layout, replies))
        self._number_octets = max(octets_of_numbers(reply, len(layout.columns)) for reply in replies)
        self._layout = self._packed(layout, layout.max_varbinds)
        return self._poll(layout, replies, wall - monotonic)

    async def _read(self, layout: _Layout) -> tuple[_Layout, Sequence[TemplateReply]]:
        """Fetches everything in PDUs the agent is known to bear; in smaller ones yet if it answers tooBig."""
        layout = self._fitted(layout)
        while True:
            try:
                return layout, await self._prober.fetch(self._agent, layout.templates)
            except SnmpStatusError as error:
                smaller = self._fitted(layout)
                if error.status != _TOO_BIG or smaller.templates is layout.templates:
                    raise
                layout = smaller

    def _fitted(self, layout: _Layout) -> _Layout:
        """The layout in templates of the size that the agent bears now."""
        most = self._prober.most_varbinds(self._agent)
        if most == layout.max_varbinds:
            return layout
        return self._packed(layout, most)

    def _packed(self, layout: _Layout, most: int) -> _Layout:
        """The same in templates of at most so many variables, and as few as the size of the numbers allows."""
        octets = self._prober.most_octets(self._agent)
        fresh = _layout(layout.discovered, self._wanted, layout, most, octets, self._number_octets)
        return replace(fresh, silent=layout.silent)

    def _is_stale(self, layout: _Layout, replies: Sequence[TemplateReply]) -> bool:
        """Whether the interfaces or the device may not be what was discovered."""
        return (
            not all(reply.names_match for reply in replies)
            or replies[0].uptime_ticks < self._uptime_ticks
            or _is_other_device(layout, replies[0])
            or not _silent(layout, replies) <= layout.silent
        )

    async def _refresh(self, layout: _Layout) -> None:
        """The walk now and then; it takes effect from the next visit on, and its failure spoils nothing."""
        self._due_ns = self._monotonic_ns() + _RECHECK_NS
        try:
            fresh = await self._discover(layout)
        except (SnmpError, DiscoveryError):
            return
        if fresh.identity is layout.identity and fresh.templates is layout.templates:
            fresh = replace(fresh, silent=layout.silent)
        self._layout = fresh

    async def _discover(self, previous: _Layout | None) -> _Layout:
        discovered = await discover(self._prober, self._agent, self._profiles, self._platform)
        if previous is not None:
            if previous.named is not None and (why := lost_names(discovered, previous.named)):
                raise DiscoveryError(why)
            discovered = _with_known_device(discovered, previous.discovered)
        most = self._prober.most_varbinds(self._agent)
        octets = self._prober.most_octets(self._agent)
        layout = _layout(discovered, self._wanted, previous, most, octets, self._number_octets)
        is_short = self._wanted is not None and len(layout.identity) < len(set(self._wanted))
        patience = min(_RECHECK_NS, self._rediscover_ns) if is_short else self._rediscover_ns
        self._due_ns = self._monotonic_ns() + patience
        return layout

    def _poll(self, layout: _Layout, replies: Sequence[TemplateReply], wall_of_monotonic_ns: int) -> Poll:
        self._uptime_ticks = replies[0].uptime_ticks
        rows = _rows(replies)
        columns: dict[Column, Cells] = {}
        for at, (column, scale) in enumerate(layout.columns):
            cells: Cells = rows[at :: len(layout.columns)]
            columns[column] = cells if scale == 1 else [None if cell is None else cell * scale for cell in cells]
        host_uptime = _extra(layout, replies[0], mib.HR_SYSTEM_UPTIME)
        return Poll(
            router=self.router,
            identity=layout.identity,
            pdus=tuple(
                PduStamp(reply.uptime_ticks, reply.received_ns_monotonic + wall_of_monotonic_ns) for reply in replies
            ),
            pdu_of=layout.pdu_of,
            columns=columns,
            counter_bits=layout.counter_bits,
            device=layout.discovered.device,
            host_uptime_ticks=host_uptime if isinstance(host_uptime, int) else None,
            counter_refresh_ns=layout.discovered.profile.quirks.counter_refresh or 0,
        )


def _extra(layout: _Layout, first: TemplateReply, instance: Oid) -> object:
    return first.extra[layout.extra.index(instance)] if instance in layout.extra else None


def _is_other_device(layout: _Layout, first: TemplateReply) -> bool:
    known = layout.discovered.device_octets
    return known is not None and _extra(layout, first, known[0]) not in {known[1], None}


def _with_known_device(discovered: Discovered, before: Discovered) -> Discovered:
    """Keeps the device it was, unless the same object now says otherwise.

    After a restart an agent may show its ENTITY-MIB late; the engine id read instead is not another device.
    """
    old, new = before.device_octets, discovered.device_octets
    if old is None or before.sys_object_id != discovered.sys_object_id:
        return discovered
    if new is not None and new[0][:-1] == old[0][:-1]:
        return discovered
    return replace(discovered, device=before.device, device_octets=old)


def _rows(replies: Sequence[TemplateReply]) -> list[int | None]:
    """Interface by interface, the columns of each in order."""
    return list(chain.from_iterable([reply.cells for reply in replies]))


def _silent(layout: _Layout, replies: Sequence[TemplateReply]) -> frozenset[int]:
    """Positions in the identity without octets in some direction."""
    rows = _rows(replies)
    if None not in rows:
        return frozenset()
    octets = [rows[at :: len(layout.columns)] for at, (column, _) in enumerate(layout.columns) if column in OCTETS]
    return frozenset(position for column in octets for position, value in enumerate(column) if value is None)


# --- layout ----------------------------------------------------------------------------------


def _layout(
    discovered: Discovered,
    wanted: tuple[str, ...] | None,
    previous: _Layout | None,
    max_varbinds: int,
    max_octets: int,
    number_octets: int | None,
) -> _Layout:
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
    sources = _sources(discovered, counter_bits)
    extra = _extras(discovered)
    templates = build_templates(
        [(interface.index, interface.name_octets) for interface in interfaces],
        [source.object for source in sources.values()],
        min(max_varbinds, discovered.profile.quirks.max_varbinds),
        max_octets,
        extra,
        discovered.naming.object,
        number_octets,
    )
    if previous is not None:
        identity = previous.identity if previous.identity == identity else identity
        templates = previous.templates if _asks(previous.templates) == _asks(templates) else templates
    return _Layout(
        discovered=discovered,
        identity=identity,
        pdu_of=tuple(at for at, template in enumerate(templates) for _ in template.identity),
        columns=tuple((column, source.decoder.scale) for column, source in sources.items()),
        counter_bits=counter_bits,
        templates=templates,
        max_varbinds=max_varbinds,
        extra=extra,
        missing=(
            *missing,
            *left_out(interfaces, counter_bits),
            *([Missing("interfaces", change.why)] if change and missing else ()),
        ),
        seen=seen,
        renamed=renamed,
        named=named if discovered.why_empty else discovered,
        naming_change=change,
    )


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
