"""Neighbours of every kind, each at the right port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.topology import Link, links_in, read_topology
from netmon.routers.topology_profile import NeighbourTable, TopologyProfile
from netmon.snmp.client import Agent
from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.errors import SnmpTimeoutError
from netmon.snmp.oid import Oid

LLDP_REM: Oid = (1, 0, 8802, 1, 1, 2, 1, 4, 1, 1)
LLDP_LOC: Oid = (1, 0, 8802, 1, 1, 2, 1, 3, 7, 1)
LLDP_V2: Oid = (1, 3, 111, 2, 802, 1, 1, 13, 1, 4, 1, 1)
CDP: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 23, 1, 2, 1, 1)
MTXR: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 11, 1, 1)

INTERFACES = (
    DiscoveredInterface(1, "Vl1", b"Vl1", "", "00:00:00:00:00:01", 53, None, 64),
    DiscoveredInterface(10101, "Gi0/1", b"Gi0/1", "uplink", "00:00:00:00:00:11", 6, None, 64),
    DiscoveredInterface(10102, "Gi0/2", b"Gi0/2", "", "00:00:00:00:00:12", 6, None, 64),
)


def rows(entry: Oid, cells: Mapping[Oid, Mapping[int, Value]]) -> dict[Oid, dict[Oid, VarBind]]:
    """Index -> column -> value, as a walk gives it."""
    found: dict[Oid, dict[Oid, VarBind]] = {}
    for index, row in cells.items():
        for column, value in row.items():
            found.setdefault((*entry, column), {})[index] = VarBind((*entry, column, *index), Tag.OCTET_STRING, value)
    return found


def neighbour(index: tuple[int, ...], first: int = 4) -> dict[tuple[int, ...], dict[int, Value]]:
    """A row of lldpRemTable; in lldpV2RemTable the columns begin one later."""
    cells = (4, b"\0\x1b\x21\0\0\x99", 5, b"xe-0/0/1", b"to the capital", b"core-1")
    return {index: dict(enumerate(cells, first))}


LOCAL_PORTS: dict[str, tuple[int, dict[int, Value], str]] = {
    "interfaceName, its ifName": (1, {2: 5, 3: b"Gi0/1", 4: b"GigabitEthernet0/1"}, "Gi0/1"),
    "interfaceName in other letters": (1, {2: 5, 3: b"GI0/1"}, "Gi0/1"),
    "interfaceName, described by its ifName": (7, {2: 5, 3: b"GigabitEthernet0/1", 4: b"Gi0/1"}, "Gi0/1"),
    "interfaceName of no interface here": (1, {2: 5, 3: b"Gi9/9"}, ""),
    "local, its ifIndex": (3, {2: 7, 3: b"10102"}, "Gi0/2"),
    "local, a number of its own": (10102, {2: 7, 3: b"17"}, "Gi0/2"),
    "macAddress": (4, {2: 3, 3: b"\0\0\0\0\0\x12"}, "Gi0/2"),
    "macAddress written out": (4, {2: 3, 3: b"00:00:00:00:00:12"}, "Gi0/2"),
    "interfaceAlias": (4, {2: 1, 3: b"uplink"}, "Gi0/1"),
    "only a description": (4, {4: b"Gi0/2"}, "Gi0/2"),
    "no row, so its number": (10101, {}, "Gi0/1"),
    "no row, and no interface of its number": (857, {}, ""),
}


@pytest.mark.parametrize("case", LOCAL_PORTS)
def test_the_local_port_is_found_however_the_agent_numbers_its_ports(case: str) -> None:
    number, row, name = LOCAL_PORTS[case]
    table = rows(LLDP_REM, neighbour((0, number, 1))) | rows(LLDP_LOC, {(number,): row})
    links, lost = links_in(INTERFACES, table)
    assert [link.interface for link in links] == ([name] if name else [])
    assert lost == (0 if name else 1)


REMOTE = {
    "names of both": ((4, b"\0\x1b\x21\0\0\x99", 5, b"xe-0/0/1", b"to us", b"core-1"), ("core-1", "xe-0/0/1", "to us")),
    "no system name: the chassis' MAC address": ((4, b"\0\x1b\x21\0\0\x99", 3, b"\0\x1b\x21\0\0\x9a", b"", b""),
        ("00:1b:21:00:00:99", "00:1b:21:00:00:9a", None)),
    "network addresses": ((5, b"\x01\x0a\0\0\x01", 4, b"\x02" + bytes(15) + b"\x01", None, None),
        ("10.0.0.1", "::1", None)),
    "a chassis name": ((7, b"SW(FOX123)", 7, b"628", b"ge-0/0/1", None), ("SW(FOX123)", "628", "ge-0/0/1")),
    "padded with NUL": ((4, bytes(6), 5, b"Eth1/21\0\0\0\0", b"", b"N5K\0"), ("N5K", "Eth1/21", None)),
    "nothing at all": ((None, None, None, None, None, None), ("?", None, None)),
    "MAC addresses as text": ((4, b"00-1B-21-00-00-99", 3, b"00:1b:21:00:00:9A", None, None),
        ("00:1b:21:00:00:99", "00:1b:21:00:00:9a", None)),
}  # fmt: skip


@pytest.mark.parametrize("case", REMOTE)
def test_the_neighbour_is_named_as_it_names_itself(case: str) -> None:
    cells, said = REMOTE[case]
    row: dict[int, Value] = {column: value for column, value in enumerate(cells, 4) if value is not None} or {4: None}
    links, _ = links_in(INTERFACES, rows(LLDP_REM, {(0, 10101, 1): row}))
    assert [(link.remote_system, link.remote_port, link.remote_port_description) for link in links] == [said]


def test_each_table_gives_links_by_its_own_protocol() -> None:
    table = {
        **rows(LLDP_V2, neighbour((0, 10101, 1, 7), first=5)),
        **rows(CDP, {(10102, 3): {6: b"SW(FOX123)", 7: b"GigabitEthernet0/49"}}),
        **rows(MTXR, {(1,): {3: b"\x4c\x5e\x0c\0\0\x01", 6: b"tower-7", 8: 10102}, (2,): {3: b"\0\0\0\0\0\x02", 8: 1}}),
    }
    assert links_in(INTERFACES, table) == (
        (
            Link("Vl1", "00:00:00:00:00:02", None, None, "mndp"),
            Link("Gi0/1", "core-1", "xe-0/0/1", "to the capital", "lldp"),
            Link("Gi0/2", "SW(FOX123)", "GigabitEthernet0/49", None, "cdp"),
            Link("Gi0/2", "tower-7", None, None, "mndp"),
        ),
        0,
    )


def test_lldp_neighbours_of_routeros_are_at_the_port_of_its_own_table() -> None:
    table = rows(LLDP_REM, neighbour((0, 0, 5))) | rows(MTXR, {(5,): {6: b"core-1", 8: 10101}})
    links, lost = links_in(INTERFACES, table)
    assert [(link.interface, link.remote_system, link.protocol) for link in links] == [
        ("Gi0/1", "core-1", "lldp"),
        ("Gi0/1", "core-1", "mndp"),
    ]
    assert lost == 0


@pytest.mark.parametrize("index", [(), (1, 2), (0, 10101, 1, 1, 1)])
def test_rows_of_a_wrong_index_are_passed_over(index: tuple[int, ...]) -> None:
    table = {
        **rows(LLDP_REM, neighbour(index)),
        **rows(LLDP_V2, neighbour(index, first=5)),
        **rows(MTXR, {index: {6: b"x", 8: 1}}),
    }
    assert links_in(INTERFACES, table)[0] == ()


# --- reading ---------------------------------------------------------------------------------


class FakeWalker:
    """Answers walks from a table; `silent`: prefixes at which it falls silent."""

    def __init__(self, table: Mapping[Oid, Mapping[Oid, VarBind]], silent: Sequence[Oid] = ()) -> None:
        self.table = table
        self.silent = silent
        self.walked: list[Oid] = []

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
    ) -> dict[Oid, dict[Oid, VarBind]]:
        self.walked += columns
        if any(column[: len(prefix)] == prefix for column in columns for prefix in self.silent):
            raise SnmpTimeoutError("10.0.0.1:161", 3)
        return {column: dict(self.table.get(column, {})) for column in columns}


async def test_a_table_that_cannot_be_read_is_named_and_the_rest_is_read() -> None:
    prober = FakeWalker(rows(CDP, {(10102, 3): {6: b"SW", 7: b"Gi0/49"}}), silent=[LLDP_REM])
    topology = await read_topology(prober, Agent("10.0.0.1"), INTERFACES)
    assert [link.remote_system for link in topology.links] == ["SW"]
    (missing,) = topology.missing
    assert missing.what == "LLDP neighbours"
    assert missing.why.startswith("cannot be read: 10.0.0.1:161: no reply to 3 requests;")


async def test_neighbours_at_ports_that_are_no_interface_are_counted() -> None:
    prober = FakeWalker(rows(LLDP_REM, neighbour((0, 857, 1)) | neighbour((0, 859, 2))))
    topology = await read_topology(prober, Agent("10.0.0.1"), INTERFACES)
    assert [str(one) for one in topology.missing] == [
        "neighbours: 2 are heard at ports that are no interface here; the agent misnumbers them"
    ]


async def test_a_profile_says_which_tables_are_read() -> None:
    prober = FakeWalker({})
    await read_topology(
        prober, Agent("10.0.0.1"), INTERFACES, TopologyProfile(neighbours=(NeighbourTable.CDP,), parents=())
    )
    assert prober.walked == [(*CDP, 6), (*CDP, 7)]
