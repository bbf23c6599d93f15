"""Fibre health over SNMP: what every transceiver of a router measures, bound to its interface, with thresholds.

Where a platform keeps it is data (`optics:` of its profile); docs/optics.md has the format and the units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from netmon.routers.optics_entities import ENTITY_COLUMNS, Entities, Ports, Walked
from netmon.routers.optics_profile import OpticsSource, Part
from netmon.routers.optics_sensors import read_sensors, sensor_columns
from netmon.routers.optics_tables import read_table, table_columns
from netmon.routers.optics_values import Notes, OpticsReading, Port, sorted_readings
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpError
from netmon.snmp.oid import Oid

_AT_ONCE: Final = 8
"""Columns of one walk: their rows of one request fit into one Ethernet frame."""
NOWHERE: Final = (
    "none of the places its profile names holds any transceiver's values;"
    " let the community read them, or extend the profile's optics (docs/optics.md)"
)


class Walker(Protocol):
    """What reading optics needs of the SNMP client; raises SnmpError."""

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = ...
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]: ...


async def read_optics(
    walker: Walker,
    agent: Agent,
    sources: Sequence[OpticsSource],
    interfaces: Iterable[Port],
    *,
    max_repetitions: int = 25,
) -> tuple[tuple[OpticsReading, ...], tuple[Missing, ...]]:
    """Readings by ifIndex and lane, and one sentence for each thing that is not there.

    The first of `sources` that gives any reading is used; without sources nothing is asked and nothing missing.
    `interfaces` are all of the router's. A source whose walk fails is named among what is missing; nothing is raised.
    """
    ports = Ports(interfaces)
    notes = Notes()
    entities: Mapping[Oid, Mapping[Oid, VarBind]] | None = None
    for source in sources:
        try:
            if needs_entities(source) and entities is None:
                entities = await _walk(walker, agent, ENTITY_COLUMNS, max_repetitions)
            walked = await _walk(walker, agent, source_columns(source), max_repetitions)
        except SnmpError as error:
            notes.add(f"optics by {source.label}", f"cannot be read: {error}")
            continue
        readings = optics_of(source, walked, entities or {}, ports, notes)
        if readings:
            return sorted_readings(readings, ports.order), notes.missing()
    if sources and not notes.missing():
        notes.add("optics", NOWHERE)
    return (), notes.missing()


def needs_entities(source: OpticsSource) -> bool:
    """Whether only ENTITY-MIB tells the interface of its rows."""
    return source.sensors is not None or (source.table is not None and Part.ENTITY in source.table.index)


def source_columns(source: OpticsSource) -> tuple[Oid, ...]:
    """What is walked for it, besides ENTITY_COLUMNS."""
    if source.sensors is not None:
        return sensor_columns(source.sensors)
    return tuple(column for table in (source.table, source.lane_table) if table for column in table_columns(table))


def optics_of(
    source: OpticsSource, walked: Walked, entities: Walked, ports: Ports, notes: Notes
) -> tuple[OpticsReading, ...]:
    """The pure part: walked columns to readings."""
    known = Entities(entities, ports)
    if source.sensors is not None:
        return read_sensors(source.sensors, walked, known, source.label, notes)
    return read_table(source, walked, ports, known, notes)


async def _walk(
    walker: Walker, agent: Agent, columns: Sequence[Oid], max_repetitions: int
) -> Mapping[Oid, Mapping[Oid, VarBind]]:
    found: dict[Oid, Mapping[Oid, VarBind]] = {}
    for at in range(0, len(columns), _AT_ONCE):
        found |= await walker.walk(agent, columns[at : at + _AT_ONCE], max_repetitions=max_repetitions)
    return found
