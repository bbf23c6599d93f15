"""Polling: one visit of one router as a columnar Poll.

The first visit discovers the router and prebuilds its requests; later visits only fetch them. Names ride in
every PDU, so an interface that moved is noticed before any of its counters is believed.

A discovery may take longer than a visit: it goes on when the visit that began it is cut off, and the next one takes it
up. The walk now and then goes on beside the visits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Final

from netmon.core.measurement import Cells, Column, PduStamp, Poll
from netmon.core.model import NANOSECONDS
from netmon.core.periods import from_ns
from netmon.routers import mib
from netmon.routers.discovery import Discovered, DiscoveryError, Prober, discover
from netmon.routers.identity import lost_names
from netmon.routers.lasting import Lasting
from netmon.routers.layout import LEAST_VARBINDS, Layout, laid_out
from netmon.routers.profiles import OCTETS, ProfileError, Profiles
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.errors import SnmpError, SnmpStatusError
from netmon.snmp.oid import Oid
from netmon.snmp.template import TemplateReply, octets_of_numbers

log = logging.getLogger(__name__)

DISCOVERY_S: Final = 300.0
"""A discovery takes at most so long, however many visits wait for it."""
_RECHECK_NS: Final = 300 * NANOSECONDS
"""How soon the tables are walked again while a wanted interface is not there or the last walk failed."""
_RESTLESS: Final = "its interfaces change while they are read; the next visit tries again"
_TOO_BIG: Final = 1
"""error-status of RFC 3416."""


_TOO_SMALL: Final = (
    "{}: the agent answered tooBig: it bears less than the {} variables in one message that an interface needs"
    " (sysUpTime, its name, its octets in and out); raise its message size"
)


class PollError(RuntimeError):
    """A visit that yielded nothing."""

    def __init__(self, router: str, reason: str) -> None:
        super().__init__(f"{router}: {reason}")
        self.router = router
        self.reason = reason
        """One sentence with the remedy."""


@dataclass(slots=True)
class _Search:
    """A discovery: the tables are walked, then everything is read once by what they say."""

    is_needed: bool
    """False: it goes on beside the visits, which know the router well enough."""
    work: Lasting[_Found] | None = None
    """None: it failed at the reading, which is tried again."""
    walked: Layout | None = None
    """What the tables say."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of a discovery."""

    layout: Layout
    """For the visits from now on."""
    as_read: Layout
    replies: Sequence[TemplateReply]
    """What was read, by `as_read`."""


class RouterPoller:
    """Visits one router, one visit at a time; keeps what it has learned of it in between. `close` it in the end."""

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
        self._layout: Layout | None = None
        self._search: _Search | None = None
        self._told = ""
        """Why the last walk beside the visits failed, lest the log says so each time."""
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

    @property
    def under_way(self) -> str | None:
        """What a visit that was cut off waited for and the next one takes up; None: nothing."""
        search = self._search
        if search is None or not search.is_needed or search.work is None:
            return None
        since = from_ns(search.work.since_ns).isoformat(timespec="seconds")
        return f"its interfaces are still being discovered, since {since}; the next visit takes that up"

    async def close(self) -> None:
        """Ends the discovery that may be under way; none of its tasks is left."""
        search, self._search = self._search, None
        if search is not None and search.work is not None:
            await search.work.end()

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
        layout = laid_out(discovered, None, None, layout.max_varbinds, octets, None)
        try:
            layout, replies = await self._read(layout)
        except SnmpError as error:
            raise PollError(self.router, str(error)) from error
        if not all(reply.names_match for reply in replies):
            raise PollError(self.router, _RESTLESS)
        return self._poll(layout, replies, wall_of_monotonic_ns)

    async def _visit(self) -> Poll:
        wall, monotonic = self._wall_ns(), self._monotonic_ns()
        if self._search is not None and not self._search.is_needed:
            await self._look_beside(self._search)
        layout = self._layout
        if layout is not None and (self._search is None or not self._search.is_needed):
            layout, replies = await self._read(layout)
            if not self._is_stale(layout, replies):
                self._layout = layout
                if monotonic >= self._due_ns and self._search is None:
                    self._due_ns = monotonic + _RECHECK_NS
                    self._search = self._begun(_Search(is_needed=False))
                return self._poll(layout, replies, wall - monotonic)
            await self.close()
        layout, replies = await self._sought(monotonic)
        return self._poll(layout, replies, wall - monotonic)

    async def _sought(self, began_ns: int) -> tuple[Layout, Sequence[TemplateReply]]:
        """What a discovery has found, read since the visit began; it is begun, or the one under way waited for."""
        search = self._search or _Search(is_needed=True)
        self._search = self._begun(search) if search.work is None else search
        found = await self._outcome(search)
        self._take(found)
        if all(reply.received_ns_monotonic > began_ns for reply in found.replies):
            return found.as_read, found.replies
        layout, replies = await self._read(found.layout)
        if self._is_stale(layout, replies):
            raise PollError(self.router, _RESTLESS)
        self._layout = layout
        return layout, replies

    def _begun(self, search: _Search) -> _Search:
        search.work = Lasting(f"discovery of {self.router}", partial(self._find, search), DISCOVERY_S, self._wall_ns())
        return search

    async def _outcome(self, search: _Search) -> _Found:
        """What came of it; it is then over, unless what was walked is to be read once more."""
        work = search.work
        assert work is not None, "it was begun"
        await work.wait()
        self._search = None
        try:
            return await work.result()
        except SnmpError:
            if search.walked is not None:
                search.work, self._search = None, search
            raise
        except TimeoutError:
            raise DiscoveryError(
                f"its interfaces could not be discovered within {DISCOVERY_S:g} s; it answers too slowly, or"
                " snmp_requests_per_second is too low for its size"
            ) from None

    async def _look_beside(self, search: _Search) -> None:
        """Takes up what was found beside the visits, if it is there; its failure spoils nothing."""
        if search.work is None or not search.work.is_over:
            return
        try:
            found = await self._outcome(search)
        except (SnmpError, DiscoveryError) as error:
            self._search = None
            if str(error) != self._told:
                log.warning("%s: its interfaces cannot be looked at again, what is known stays: %s", self.router, error)
                self._told = str(error)
        else:
            self._told = ""
            self._take(found)

    def _take(self, found: _Found) -> None:
        layout = self._layout = found.layout
        is_short = self._wanted is not None and len(layout.identity) < len(set(self._wanted))
        patience = min(_RECHECK_NS, self._rediscover_ns) if is_short else self._rediscover_ns
        self._due_ns = self._monotonic_ns() + patience
        self._uptime_ticks = layout.discovered.uptime_ticks

    async def _find(self, search: _Search) -> _Found:
        """Walks, unless that was done, and reads all columns once to learn which of them the agent has at all."""
        layout = search.walked or await self._discover(self._layout)
        search.walked = layout
        while True:
            layout, replies = await self._read(layout)
            if _differs(layout, replies, layout.discovered.uptime_ticks):
                raise DiscoveryError(_RESTLESS)
            self._number_octets = max(octets_of_numbers(reply, len(layout.columns)) for reply in replies)
            fresh = replace(layout, silent=_silent(layout, replies), empty=layout.empty | _empty(layout, replies))
            fresh = self._packed(fresh, layout.max_varbinds)
            if {column for column, _ in fresh.columns} <= {column for column, _ in layout.columns}:
                return _Found(fresh, layout, replies)
            layout = fresh

    async def _read(self, layout: Layout) -> tuple[Layout, Sequence[TemplateReply]]:
        """Fetches everything in PDUs the agent is known to bear; in smaller ones yet if it answers tooBig."""
        layout = self._fitted(layout)
        while True:
            try:
                return layout, await self._prober.fetch(self._agent, layout.templates)
            except SnmpStatusError as error:
                smaller = self._fitted(layout)
                if error.status != _TOO_BIG:
                    raise
                if smaller.templates is layout.templates:
                    raise SnmpError(_TOO_SMALL.format(self._agent.address, LEAST_VARBINDS)) from error
                layout = smaller

    def _fitted(self, layout: Layout) -> Layout:
        """The layout in templates of the size that the agent bears now."""
        most = self._prober.most_varbinds(self._agent)
        if most == layout.max_varbinds:
            return layout
        return self._packed(layout, most)

    def _packed(self, layout: Layout, most: int) -> Layout:
        """The same in templates of at most so many variables, and as few as the size of the numbers allows."""
        octets = self._prober.most_octets(self._agent)
        fresh = laid_out(layout.discovered, self._wanted, layout, most, octets, self._number_octets, layout.empty)
        return replace(fresh, silent=layout.silent)

    def _is_stale(self, layout: Layout, replies: Sequence[TemplateReply]) -> bool:
        """Whether the interfaces or the device may not be what was discovered."""
        return _differs(layout, replies, self._uptime_ticks) or not _silent(layout, replies) <= layout.silent

    async def _discover(self, previous: Layout | None) -> Layout:
        discovered = await discover(self._prober, self._agent, self._profiles, self._platform)
        if previous is not None:
            if previous.named is not None and (why := lost_names(discovered, previous.named)):
                raise DiscoveryError(why)
            discovered = _with_known_device(discovered, previous.discovered)
        most = self._prober.most_varbinds(self._agent)
        octets = self._prober.most_octets(self._agent)
        return laid_out(discovered, self._wanted, previous, most, octets, self._number_octets)

    def _poll(self, layout: Layout, replies: Sequence[TemplateReply], wall_of_monotonic_ns: int) -> Poll:
        self._uptime_ticks = replies[0].uptime_ticks
        rows = _rows(replies)
        columns: dict[Column, Cells] = dict.fromkeys(layout.unasked, [None] * len(layout.identity))
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


def _extra(layout: Layout, first: TemplateReply, instance: Oid) -> object:
    return first.extra[layout.extra.index(instance)] if instance in layout.extra else None


def _differs(layout: Layout, replies: Sequence[TemplateReply], uptime_ticks: int) -> bool:
    """Whether an interface, the device or its present run is another than that of the layout."""
    return (
        not all(reply.names_match for reply in replies)
        or replies[0].uptime_ticks < uptime_ticks
        or _is_other_device(layout, replies[0])
    )


def _is_other_device(layout: Layout, first: TemplateReply) -> bool:
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


def _silent(layout: Layout, replies: Sequence[TemplateReply]) -> frozenset[int]:
    """Positions in the identity without octets in some direction."""
    rows = _rows(replies)
    if None not in rows:
        return frozenset()
    octets = [rows[at :: len(layout.columns)] for at, (column, _) in enumerate(layout.columns) if column in OCTETS]
    return frozenset(position for column in octets for position, value in enumerate(column) if value is None)


def _empty(layout: Layout, replies: Sequence[TemplateReply]) -> frozenset[Column]:
    """Columns of which no interface gave a value; octets excepted, which are asked for in any case."""
    rows = _rows(replies)
    if None not in rows:
        return frozenset()
    return frozenset(
        column
        for at, (column, _) in enumerate(layout.columns)
        if column not in OCTETS and all(cell is None for cell in rows[at :: len(layout.columns)])
    )
