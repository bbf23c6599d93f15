"""Discovery: what a router is and which interfaces it has, read by walking its tables.

Run at the first visit, when the interfaces no longer answer to their names, and now and then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from netmon.core.measurement import Column
from netmon.routers import mib, naming
from netmon.routers.naming import Rows
from netmon.routers.profiles import NAME, NUMBER_COLUMNS, OCTETS, TEXT_COLUMNS, Profile, Profiles, Source
from netmon.snmp.client import Agent
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpError
from netmon.snmp.oid import Oid, format_oid
from netmon.snmp.template import GetTemplate, TemplateReply


class Prober(Protocol):
    """What discovery and polling need of the SNMP client; all raise SnmpError."""

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]: ...

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = ...
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]: ...

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> Sequence[TemplateReply]: ...

    def most_varbinds(self, agent: Agent) -> int:
        """In one template, as far as the agent has shown its limits."""

    def most_octets(self, agent: Agent) -> int:
        """Of variables in a reply that is not fragmented, as far as the agent's engine is known."""


@dataclass(frozen=True, slots=True)
class DiscoveredInterface:
    """One row of the interface table."""

    index: int
    """ifIndex."""
    name: str
    """ifName, or what the router has instead (Discovered.naming): unique on the router."""
    name_octets: bytes
    """The name as the agent sends it."""
    alias: str
    mac: str | None
    if_type: int | None
    """ifType (IANAifType-MIB)."""
    speed_bps: int | None
    """As the agent says; 0 and None: it does not."""
    counter_bits: int | None
    """Widest octet counters, both directions: 64 or 32; None: the interface counts no octets."""
    has_32_bits_too: bool = False
    """Besides 64; looked for only where an interface of the router has no 64-bit counters."""

    def counts_in(self, bits: int) -> bool:
        """Whether it has octet counters of this width."""
        return self.counter_bits == bits or (bits == 32 and self.has_32_bits_too)


@dataclass(frozen=True, slots=True)
class Discovered:
    """A router as its agent describes it."""

    profile: Profile
    sys_descr: str
    sys_object_id: Oid
    sys_name: str
    device: str | None
    """Serial number of the chassis, else the profile's next best; None: unknown."""
    device_octets: tuple[Oid, bytes] | None
    """The instance `device` was read from and the octets it held."""
    uptime_ticks: int
    """sysUpTime, hundredths of a second."""
    host_uptime_ticks: int | None
    """hrSystemUptime.0, hundredths of a second; None: the agent does not give it."""
    interfaces: tuple[DiscoveredInterface, ...]
    """Those that can be told apart, by ifIndex."""
    refused: Mapping[str, str]
    """Name that several interfaces share -> the sentence that says so."""
    naming: Source
    """The object by which its interfaces are told apart."""
    why_empty: str | None
    """Why there is no interface at all, with the remedy; None: there are some, of whatever use."""
    sources: Mapping[str, Source]
    """Number column -> the object it is read from; octets excepted, which go by counter_bits."""
    problems: tuple[str, ...]
    """One sentence each."""


class DiscoveryError(RuntimeError):
    """The agent answers, but cannot be used; the message says what to do."""


async def discover(prober: Prober, agent: Agent, profiles: Profiles, platform: str | None) -> Discovered:
    """Asks the router who it is and walks its interface table.

    `platform` names the profile; None: it is recognised. Raises SnmpError, DiscoveryError, and
    ProfileError for a platform that does not exist.
    """
    descr, object_id, name, uptime, host_uptime = await prober.get(
        agent, (mib.SYS_DESCR, mib.SYS_OBJECT_ID, mib.SYS_NAME, mib.SYS_UPTIME, mib.HR_SYSTEM_UPTIME)
    )
    if not isinstance(uptime.value, int):
        raise DiscoveryError("the agent does not give sysUpTime.0; let its community read 1.3.6.1.2.1.1")
    sys_descr = mib.decode_text(mib.DECODERS["text"], descr.value) or ""
    sys_object_id = object_id.value if isinstance(object_id.value, tuple) else ()
    profile = profiles.named(platform) if platform else profiles.recognise(sys_object_id, sys_descr)
    problems: list[str] = []
    device = await _device(prober, agent, profile, problems)
    table = await _table(prober, agent, profile)
    names = naming.names_in(profile, table)
    interfaces, refused = _interfaces(profile, table, names, problems)
    return Discovered(
        profile=profile,
        sys_descr=sys_descr,
        sys_object_id=sys_object_id,
        sys_name=mib.decode_text(mib.DECODERS["text"], name.value) or "",
        device=device[2] if device else None,
        device_octets=device[:2] if device else None,
        uptime_ticks=uptime.value,
        host_uptime_ticks=host_uptime.value if isinstance(host_uptime.value, int) else None,
        interfaces=interfaces,
        refused=MappingProxyType(refused),
        naming=names.source,
        why_empty=names.why_empty,
        sources=MappingProxyType(_sources(profile, table)),
        problems=tuple(problems),
    )


# --- which device ----------------------------------------------------------------------------


_Device = tuple[Oid, bytes, str]
"""Instance, its octets, and the same for people."""


async def _device(prober: Prober, agent: Agent, profile: Profile, problems: list[str]) -> _Device | None:
    """The first of the profile's device objects that holds something.

    An agent that fails to answer one yields None at once: falling back to the next object would look
    like another device.
    """
    for candidate in profile.device:
        try:
            if candidate == mib.ENT_PHYSICAL_SERIAL_NUM:
                found = await _chassis_serial(prober, agent, profile)
            else:
                (varbind,) = await prober.get(agent, ((*candidate, 0),))
                found = _printable((*candidate, 0), varbind)
        except SnmpError as error:
            problems.append(f"cannot tell one device from another, {format_oid(candidate)} gives: {error}")
            return None
        if found:
            return found
    return None


async def _chassis_serial(prober: Prober, agent: Agent, profile: Profile) -> _Device | None:
    """entPhysicalSerialNum of the chassis with the lowest entPhysicalIndex: a module may be swapped."""
    table = await prober.walk(
        agent,
        (mib.ENT_PHYSICAL_CLASS, mib.ENT_PHYSICAL_SERIAL_NUM),
        max_repetitions=profile.quirks.max_repetitions,
    )
    serials = table.get(mib.ENT_PHYSICAL_SERIAL_NUM, {})
    for index, entity in sorted(table.get(mib.ENT_PHYSICAL_CLASS, {}).items()):
        if entity.value == mib.CHASSIS and index in serials:
            serial = _printable((*mib.ENT_PHYSICAL_SERIAL_NUM, *index), serials[index])
            if serial:
                return serial
    return None


def _printable(instance: Oid, varbind: VarBind) -> _Device | None:
    """Text as text, other octets (an engine id) in hexadecimal; None for nothing."""
    octets = varbind.value
    if not isinstance(octets, bytes) or not octets.strip():
        return None
    text = octets.decode("ascii", "replace")
    return instance, octets, text.strip() if text.isascii() and text.isprintable() else octets.hex()


# --- the interface table ---------------------------------------------------------------------


async def _table(prober: Prober, agent: Agent, profile: Profile) -> dict[Oid, Rows]:
    """Object -> ifIndex -> value, for what must be known before a GET can be built.

    An object further down a column's list is walked only where those before it leave something open.
    """
    columns = [name for name in (NAME, "alias", "mac", "type") if name != "alias" or not profile.quirks.alias_empty]
    columns += [
        name for name in NUMBER_COLUMNS if name != "type" and (name in OCTETS or len(profile.interfaces[name]) > 1)
    ]
    table: dict[Oid, Rows] = {}
    for rank in range(max(len(profile.interfaces[name]) for name in columns)):
        objects = [
            profile.interfaces[name][rank].object
            for name in columns
            if rank < len(profile.interfaces[name]) and (rank == 0 or _is_open(profile, name, rank, table))
        ]
        if objects:
            table |= await _walk(prober, agent, profile, objects)
    return table


def _is_open(profile: Profile, name: str, rank: int, table: Mapping[Oid, Rows]) -> bool:
    """Whether the first `rank` objects leave a column (names and octets: any interface of it) without a value."""
    before = profile.interfaces[name][:rank]
    if name == NAME:
        return naming.is_lacking(before, table)
    known = {index for source in before for index in table.get(source.object, {})}
    return not known or (name in OCTETS and bool(naming.rows_to_read(profile, table) - known))


async def _walk(prober: Prober, agent: Agent, profile: Profile, objects: Sequence[Oid]) -> dict[Oid, Rows]:
    found = await prober.walk(agent, objects, max_repetitions=profile.quirks.max_repetitions)
    return {
        column: {
            suffix[0]: varbind for suffix, varbind in rows.items() if len(suffix) == 1 and not varbind.is_exception
        }
        for column, rows in found.items()
    }


def _interfaces(
    profile: Profile, table: Mapping[Oid, Rows], names: naming.Names, problems: list[str]
) -> tuple[tuple[DiscoveredInterface, ...], dict[str, str]]:
    by_name: dict[str, list[DiscoveredInterface]] = defaultdict(list)
    for index in names.texts:
        interface = _interface(profile, table, index, names)
        by_name[interface.name].append(interface)
    refused = {
        name: names.shared([interface.index for interface in same]) for name, same in by_name.items() if len(same) > 1
    }
    kept = tuple(
        sorted((same[0] for same in by_name.values() if len(same) == 1), key=lambda interface: interface.index)
    )
    problems.extend(f"{name}: {why}" for name, why in refused.items())
    problems.extend(names.problems)
    narrow = [interface.name for interface in kept if interface.counter_bits == 32]
    if narrow:
        problems.append(
            f"{naming.some(narrow)}: 32-bit octet counters only, which wrap in 34 s at 1 Gb/s;"
            " poll more often than that, or use an agent with ifHCInOctets"
        )
    return kept, refused


def _interface(profile: Profile, table: Mapping[Oid, Rows], index: int, names: naming.Names) -> DiscoveredInterface:
    widths = _widths(profile, table, index)
    return DiscoveredInterface(
        index=index,
        name=names.texts[index],
        name_octets=names.octets[index],
        alias=_text(profile, "alias", table, index) or "",
        mac=_text(profile, "mac", table, index),
        if_type=_number(profile, "type", table, index),
        speed_bps=_number(profile, Column.SPEED_BPS, table, index),
        counter_bits=max(widths, default=None),
        has_32_bits_too={32, 64} <= widths,
    )


def _text(profile: Profile, column: str, table: Mapping[Oid, Rows], index: int) -> str | None:
    for source in profile.interfaces[column]:
        varbind = table.get(source.object, {}).get(index)
        if varbind is not None and (text := mib.decode_text(source.decoder, varbind.value)):
            return text
    return None


def _number(profile: Profile, column: str, table: Mapping[Oid, Rows], index: int) -> int | None:
    for source in profile.interfaces[column]:
        varbind = table.get(source.object, {}).get(index)
        if varbind is not None and (number := mib.decode_number(source.decoder, varbind.value)) is not None:
            return number
    return None


def _widths(profile: Profile, table: Mapping[Oid, Rows], index: int) -> set[int]:
    """Of the octet counters that the interface has in both directions."""
    widths = [
        {
            source.decoder.bits
            for source in profile.interfaces[column]
            if (varbind := table.get(source.object, {}).get(index)) is not None and isinstance(varbind.value, int)
        }
        for column in OCTETS
    ]
    return {bits for bits in set.intersection(*widths) if bits is not None}


def _sources(profile: Profile, table: Mapping[Oid, Rows]) -> dict[str, Source]:
    """The first object of each number column that holds anything; the first where none was walked or holds any."""
    return {
        name: next((source for source in sources if table.get(source.object)), sources[0])
        for name, sources in profile.interfaces.items()
        if name not in TEXT_COLUMNS and name not in OCTETS
    }
