"""Polling: one visit of one router as a columnar Poll.

The first visit discovers the router and prebuilds its requests; later visits only fetch them. Names ride in
every PDU, so an interface that moved is noticed before any of its counters is believed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from netmon.core.measurement import Cells, Column, PduStamp, Poll
from netmon.core.model import NANOSECONDS
from netmon.routers import mib
from netmon.routers.discovery import Discovered, DiscoveryError, Prober, discover
from netmon.routers.identity import lost_names
from netmon.routers.layout import Layout, laid_out
from netmon.routers.profiles import OCTETS, ProfileError, Profiles
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.errors import SnmpError, SnmpStatusError
from netmon.snmp.oid import Oid
from netmon.snmp.template import TemplateReply, octets_of_numbers

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
        self._layout: Layout | None = None
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

    async def _read(self, layout: Layout) -> tuple[Layout, Sequence[TemplateReply]]:
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

    def _fitted(self, layout: Layout) -> Layout:
        """The layout in templates of the size that the agent bears now."""
        most = self._prober.most_varbinds(self._agent)
        if most == layout.max_varbinds:
            return layout
        return self._packed(layout, most)

    def _packed(self, layout: Layout, most: int) -> Layout:
        """The same in templates of at most so many variables, and as few as the size of the numbers allows."""
        octets = self._prober.most_octets(self._agent)
        fresh = laid_out(layout.discovered, self._wanted, layout, most, octets, self._number_octets)
        return replace(fresh, silent=layout.silent)

    def _is_stale(self, layout: Layout, replies: Sequence[TemplateReply]) -> bool:
        """Whether the interfaces or the device may not be what was discovered."""
        return (
            not all(reply.names_match for reply in replies)
            or replies[0].uptime_ticks < self._uptime_ticks
            or _is_other_device(layout, replies[0])
            or not _silent(layout, replies) <= layout.silent
        )

    async def _refresh(self, layout: Layout) -> None:
        """The walk now and then; it takes effect from the next visit on, and its failure spoils nothing."""
        self._due_ns = self._monotonic_ns() + _RECHECK_NS
        try:
            fresh = await self._discover(layout)
        except (SnmpError, DiscoveryError):
            return
        if fresh.identity is layout.identity and fresh.templates is layout.templates:
            fresh = replace(fresh, silent=layout.silent)
        self._layout = fresh

    async def _discover(self, previous: Layout | None) -> Layout:
        discovered = await discover(self._prober, self._agent, self._profiles, self._platform)
        if previous is not None:
            if previous.named is not None and (why := lost_names(discovered, previous.named)):
                raise DiscoveryError(why)
            discovered = _with_known_device(discovered, previous.discovered)
        most = self._prober.most_varbinds(self._agent)
        octets = self._prober.most_octets(self._agent)
        layout = laid_out(discovered, self._wanted, previous, most, octets, self._number_octets)
        is_short = self._wanted is not None and len(layout.identity) < len(set(self._wanted))
        patience = min(_RECHECK_NS, self._rediscover_ns) if is_short else self._rediscover_ns
        self._due_ns = self._monotonic_ns() + patience
        return layout

    def _poll(self, layout: Layout, replies: Sequence[TemplateReply], wall_of_monotonic_ns: int) -> Poll:
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


def _extra(layout: Layout, first: TemplateReply, instance: Oid) -> object:
    return first.extra[layout.extra.index(instance)] if instance in layout.extra else None


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
