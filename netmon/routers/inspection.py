"""What the daemon reads of a router now and then, beside its counters: health, transceivers and neighbours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netmon.core.measurement import Column
from netmon.routers import mib
from netmon.routers.discovery import Discovered
from netmon.routers.health import HealthReading, read_health
from netmon.routers.optics import read_optics
from netmon.routers.optics_values import OpticsReading
from netmon.routers.polling import PollError
from netmon.routers.sparing import Columns, Prober, SparingProber
from netmon.routers.topology import Link, read_topology
from netmon.routers.topology_profile import TopologyProfile
from netmon.snmp.client import Agent
from netmon.snmp.codec import Value, VarBind
from netmon.snmp.errors import SnmpError

MOST_TRANSCEIVERS: Final = 2000
"""Transceivers and lanes of one router that are watched: the largest chassis has about so many."""
_ENABLED: Final = {1: True, 2: False}
"""ifAdminStatus (RFC 2863): up, down; testing says neither."""
_UP: Final = {1: True, 2: False, 3: False, 6: False, 7: False}
"""ifOperStatus (RFC 2863): up; down, testing, notPresent, lowerLayerDown; unknown and dormant say neither."""


@dataclass(frozen=True, slots=True)
class PortStatus:
    """None: the agent does not say."""

    enabled: bool | None
    up: bool | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one reading of a router found; what it did not find, `netmon poll` tells."""

    router: str
    discovered: Discovered
    """What it was read by."""
    optics: tuple[OpticsReading, ...]
    health: tuple[HealthReading, ...]
    links: tuple[Link, ...]
    statuses: Mapping[str, PortStatus]
    """Of the ports that have, or had, a transceiver; read last, so that whoever answered it was there to the end."""


class Inspector:
    """Reads one router by what its poller discovered; remembers which tables it lacks."""

    def __init__(self, router: str, agent: Agent, prober: Prober) -> None:
        self.router, self._agent, self._prober = router, agent, prober
        self._empty: frozenset[Columns] = frozenset()

    async def inspect(self, discovered: Discovered, known_ports: Collection[str] = ()) -> Inspection:
        """Raises PollError where the router stops answering; may be cancelled at any time.

        `known_ports`: ifNames that had a transceiver before. Neighbours are read where there are transceivers only.
        """
        profile, agent = discovered.profile, self._agent
        prober = SparingProber(self._prober, self._empty)
        try:
            await prober.ask_again(agent)
        except SnmpError as error:
            raise PollError(self.router, str(error)) from error
        repetitions = profile.quirks.max_repetitions
        health, _ = await read_health(prober, agent, profile)
        optics, _ = await read_optics(prober, agent, profile.optics, discovered.interfaces, max_repetitions=repetitions)
        optics = optics[:MOST_TRANSCEIVERS]
        names = {reading.interface for reading in optics} | set(known_ports)
        links: tuple[Link, ...] = ()
        if names:
            asked = TopologyProfile(neighbours=profile.topology.neighbours, parents=())
            links = (await read_topology(prober, agent, discovered.interfaces, asked, repetitions)).links
        self._empty = prober.empty
        return Inspection(
            router=self.router,
            discovered=discovered,
            optics=optics,
            health=health,
            links=links,
            statuses=await self._statuses(discovered, names),
        )

    async def _statuses(self, discovered: Discovered, names: Collection[str]) -> dict[str, PortStatus]:
        columns = [discovered.sources[column].object for column in (Column.ADMIN_STATUS, Column.OPER_STATUS)]
        ports = [interface for interface in discovered.interfaces if interface.name in names]
        oids = [mib.SYS_UPTIME, *((*column, port.index) for port in ports for column in columns)]
        try:
            _, *cells = await self._prober.get(self._agent, oids)
        except SnmpError as error:
            raise PollError(self.router, str(error)) from error
        return {port.name: _status(cells[2 * at : 2 * at + 2]) for at, port in enumerate(ports)}


def _status(cells: Sequence[VarBind]) -> PortStatus:
    enabled, up = (cell.value for cell in cells)
    return PortStatus(_among(_ENABLED, enabled), _among(_UP, up))


def _among(meanings: Mapping[int, bool], value: Value) -> bool | None:
    return meanings.get(value) if isinstance(value, int) else None
