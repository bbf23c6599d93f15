"""What a router is connected to, and which of its interfaces are part of others.

Sources: LLDP-MIB (IEEE 802.1AB-2005), LLDP-V2-MIB (IEEE 802.1AB-2009), CISCO-CDP-MIB, MIKROTIK-MIB.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from netmon.routers import mib
from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.parents import ATTACHED_AGG_ID, IF_STACK_STATUS, Table, parents_in
from netmon.routers.topology_profile import NeighbourTable, ParentSource, TopologyProfile
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.codec import Value, VarBind
from netmon.snmp.errors import SnmpError
from netmon.snmp.oid import Oid

_LLDP_REM: Final[Oid] = (1, 0, 8802, 1, 1, 2, 1, 4, 1, 1)
_LLDP_LOC: Final[Oid] = (1, 0, 8802, 1, 1, 2, 1, 3, 7, 1)
_LLDP_V2_REM: Final[Oid] = (1, 3, 111, 2, 802, 1, 1, 13, 1, 4, 1, 1)
_CDP_CACHE: Final[Oid] = (1, 3, 6, 1, 4, 1, 9, 9, 23, 1, 2, 1, 1)
_MTXR_NEIGHBOR: Final[Oid] = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 11, 1, 1)

_LLDP_COLUMNS: Final = tuple((*_LLDP_REM, column) for column in (4, 5, 6, 7, 8, 9))
_LLDP_V2_COLUMNS: Final = tuple((*_LLDP_V2_REM, column) for column in (5, 6, 7, 8, 9, 10))
_LOCAL_COLUMNS: Final = tuple((*_LLDP_LOC, column) for column in (2, 3, 4))
_CDP_COLUMNS: Final = tuple((*_CDP_CACHE, column) for column in (6, 7))
_MTXR_COLUMNS: Final = tuple((*_MTXR_NEIGHBOR, column) for column in (3, 6, 8))

NAMES: Final[Mapping[Oid, str]] = MappingProxyType(
    {
        column: f"{prefix}{name}"
        for prefix, columns, names in (
            ("lldpRem", _LLDP_COLUMNS, "ChassisIdSubtype ChassisId PortIdSubtype PortId PortDesc SysName"),
            ("lldpV2Rem", _LLDP_V2_COLUMNS, "ChassisIdSubtype ChassisId PortIdSubtype PortId PortDesc SysName"),
            ("lldpLocPort", _LOCAL_COLUMNS, "IdSubtype Id Desc"),
            ("cdpCache", _CDP_COLUMNS, "DeviceId DevicePort"),
            ("mtxrNeighbor", _MTXR_COLUMNS, "MacAddress Identity InterfaceID"),
        )
        for column, name in zip(columns, names.split(), strict=True)
    }
)
"""Column -> descriptor."""

_CHASSIS_MAC, _CHASSIS_ADDRESS = 4, 5
_PORT_ALIAS, _PORT_MAC, _PORT_ADDRESS, _PORT_NAME, _PORT_LOCAL = 1, 3, 4, 5, 7
_FAMILIES: Final = frozenset({(b"\1", 5), (b"\2", 17)})
"""IANA's number of an address family, which stands before the address, and the octets of both."""


@dataclass(frozen=True, slots=True)
class Link:
    """A system heard at a port."""

    interface: str
    """ifName of the port."""
    remote_system: str
    """What the system calls itself, else its chassis or MAC address."""
    remote_port: str | None
    """What it calls its port; None: it does not say."""
    remote_port_description: str | None
    protocol: str
    """`lldp`, `cdp` or `mndp`."""


@dataclass(frozen=True, slots=True)
class Topology:
    links: tuple[Link, ...]
    parents: Mapping[str, str]
    """ifName -> ifName of what it is part of."""
    missing: tuple[Missing, ...]


class Walker(Protocol):
    """What reading the topology needs of the SNMP client; raises SnmpError."""

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = ...
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]: ...


async def read_topology(
    walker: Walker,
    agent: Agent,
    interfaces: Sequence[DiscoveredInterface],
    profile: TopologyProfile | None = None,
    max_repetitions: int = 25,
) -> Topology:
    """Walks the neighbour tables and the tables that stack interfaces.

    A table that cannot be read is named in `missing`; nothing is raised for it.
    """
    profile = profile or TopologyProfile()
    missing: list[Missing] = []
    table: dict[Oid, Mapping[Oid, VarBind]] = {}
    for what, columns in _wanted(profile):
        try:
            table |= await walker.walk(agent, columns, max_repetitions=max_repetitions)
        except SnmpError as error:
            missing.append(Missing(what, f"cannot be read: {error}"))
    links, lost = links_in(interfaces, table)
    if lost:
        missing.append(
            Missing("neighbours", f"{lost} are heard at ports that are no interface here; the agent misnumbers them")
        )
    return Topology(links, parents_in(interfaces, table, profile.parents), tuple(missing))


def _wanted(profile: TopologyProfile) -> Iterator[tuple[str, tuple[Oid, ...]]]:
    tables = {
        NeighbourTable.LLDP: ("LLDP neighbours", (*_LLDP_COLUMNS, *_LOCAL_COLUMNS)),
        NeighbourTable.LLDP_V2: ("LLDP neighbours", _LLDP_V2_COLUMNS),
        NeighbourTable.CDP: ("CDP neighbours", _CDP_COLUMNS),
        NeighbourTable.MNDP: ("MikroTik neighbours", _MTXR_COLUMNS),
    }
    sources = {
        ParentSource.DOT3AD: ("members of aggregates", (ATTACHED_AGG_ID,)),
        ParentSource.IF_STACK: ("ifStackTable", (IF_STACK_STATUS,)),
    }
    yield from (tables[one] for one in profile.neighbours)
    yield from (sources[one] for one in profile.parents if one in sources)


def links_in(interfaces: Sequence[DiscoveredInterface], table: Table) -> tuple[tuple[Link, ...], int]:
    """The links of the tables as walked, by port; and how many neighbours were at no port that is known."""
    ports = _Ports(interfaces, table)
    heard = [*_lldp(ports, table), *_lldp_v2(ports, table), *_cdp(ports, table), *_mndp(ports, table)]
    order = {interface.name: at for at, interface in enumerate(interfaces)}
    links = dict.fromkeys(link for link in heard if link.interface)
    lost = sum(1 for link in heard if not link.interface)
    return tuple(sorted(links, key=lambda link: (order[link.interface], link.protocol, link.remote_system))), lost


class _Ports:
    """ifName by all the ways in which agents name a port."""

    def __init__(self, interfaces: Sequence[DiscoveredInterface], table: Table) -> None:
        self._by_index = {interface.index: interface.name for interface in interfaces}
        self._by_name = {interface.name.casefold(): interface.name for interface in interfaces}
        self._by_alias = _unique((interface.alias, interface.name) for interface in interfaces if interface.alias)
        self._by_mac = _unique((interface.mac, interface.name) for interface in interfaces if interface.mac)
        self._table = table

    def at(self, index: int) -> str:
        """ "" for no known interface."""
        return self._by_index.get(index, "")

    def lldp(self, number: int) -> str:
        """Of lldpRemLocalPortNum, whose meaning lldpLocPortTable tells; "" for no known interface.

        Where the port's own row says nothing that is known here, the number is the ifIndex, as nearly all agents
        have it; but not where the row names an interface, which then is another one.
        """
        subtype, identifier, description = (self._local(column, number) for column in _LOCAL_COLUMNS)
        text = _text(identifier)
        if subtype == _PORT_NAME:
            return self._by_name.get(text.casefold()) or self._by_name.get(_text(description).casefold(), "")
        if subtype == _PORT_LOCAL and text.isascii() and text.isdigit() and int(text) in self._by_index:
            return self._by_index[int(text)]
        if subtype == _PORT_ALIAS and text in self._by_alias:
            return self._by_alias[text]
        if subtype == _PORT_MAC and (mac := _mac(identifier)) in self._by_mac:
            return self._by_mac[mac]
        return self._by_name.get(_text(description).casefold()) or self.at(number)

    def mikrotik(self, neighbour: int) -> str:
        varbind = self._table.get(_MTXR_COLUMNS[2], {}).get((neighbour,))
        return self.at(varbind.value) if varbind is not None and isinstance(varbind.value, int) else ""

    def _local(self, column: Oid, number: int) -> Value:
        varbind = self._table.get(column, {}).get((number,))
        return None if varbind is None else varbind.value


def _unique(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Those keys that stand for one name only."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for key, name in pairs:
        if found.setdefault(key, name) != name:
            twice.add(key)
    return {key: name for key, name in found.items() if key not in twice}


def _lldp(ports: _Ports, table: Table) -> Iterator[Link]:
    """Rows of lldpRemTable: time mark, local port, neighbour. RouterOS numbers neighbours at local port 0."""
    for index, row in _rows(table, _LLDP_COLUMNS):
        if len(index) not in {1, 3}:
            continue
        number = index[1] if len(index) == 3 else 0
        yield _lldp_link(ports.lldp(number) if number else ports.mikrotik(index[-1]), row)


def _lldp_v2(ports: _Ports, table: Table) -> Iterator[Link]:
    """Rows of lldpV2RemTable: time mark, ifIndex, destination address, neighbour."""
    for index, row in _rows(table, _LLDP_V2_COLUMNS):
        if len(index) == 4:
            yield _lldp_link(ports.at(index[1]), row)


def _lldp_link(interface: str, row: Sequence[Value]) -> Link:
    chassis_kind, chassis, port_kind, port, description, name = row
    return Link(
        interface=interface,
        remote_system=_text(name) or _identifier(chassis, chassis_kind, _CHASSIS_MAC, _CHASSIS_ADDRESS) or "?",
        remote_port=_identifier(port, port_kind, _PORT_MAC, _PORT_ADDRESS) or None,
        remote_port_description=_text(description) or None,
        protocol="lldp",
    )


def _cdp(ports: _Ports, table: Table) -> Iterator[Link]:
    """Rows of cdpCacheTable: ifIndex, neighbour."""
    for index, (device, port) in _rows(table, _CDP_COLUMNS):
        if len(index) == 2 and (name := _shown(device)):
            yield Link(ports.at(index[0]), name, _shown(port) or None, None, "cdp")


def _mndp(ports: _Ports, table: Table) -> Iterator[Link]:
    """Rows of mtxrNeighborTable, which has no column for the neighbour's port."""
    for index, (mac, identity, _) in _rows(table, _MTXR_COLUMNS):
        if len(index) == 1 and (name := _text(identity) or _mac(mac)):
            yield Link(ports.mikrotik(index[0]), name, None, None, "mndp")


def _rows(table: Table, columns: Sequence[Oid]) -> Iterator[tuple[Oid, list[Value]]]:
    """Index and the values of the columns, None for a hole, as far as any column has the row."""
    indexes = dict.fromkeys(index for column in columns for index in table.get(column, {}))
    for index in indexes:
        cells = [table.get(column, {}).get(index) for column in columns]
        yield index, [None if cell is None else cell.value for cell in cells]


# --- identifiers -----------------------------------------------------------------------------


def _text(value: Value) -> str:
    return mib.decode_text(mib.DECODERS["text"], value) or ""


def _mac(value: Value) -> str:
    """`00:1b:21:0a:0b:0c` of six octets, or of the text some agents send instead; "" for anything else."""
    if isinstance(value, bytes) and len(value) == 6:
        return value.hex(":")
    text = _text(value).lower().replace("-", ":")
    return text if len(text) == 17 and text.count(":") == 5 else ""


def _identifier(value: Value, kind: Value, mac_kind: int, address_kind: int) -> str:
    """A chassis or port identifier by its subtype (IEEE 802.1AB, 9.5.2 and 9.5.3)."""
    if kind == mac_kind and (mac := _mac(value)):
        return mac
    is_address = kind == address_kind and isinstance(value, bytes) and (value[:1], len(value)) in _FAMILIES
    return str(ipaddress.ip_address(value[1:])) if is_address and isinstance(value, bytes) else _shown(value)


def _shown(value: Value) -> str:
    """Text where it is text; a MAC address or other octets in hexadecimal."""
    if not isinstance(value, bytes):
        return ""
    stripped = value.rstrip(b"\0")
    try:
        is_text = stripped.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        is_text = False
    return _text(value) if is_text or len(value) != 6 else value.hex(":")
