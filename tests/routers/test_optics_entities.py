"""Which interface an entity belongs to."""

from __future__ import annotations

import pytest

from netmon.core.measurement import Interface
from netmon.routers.optics_entities import ALIAS, CLASS, CONTAINED_IN, DESCR, NAME, Entities, Ports
from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.oid import Oid

IF_INDEX: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)


def ports(*names: str) -> Ports:
    return Ports([Interface(at, name) for at, name in enumerate(names, start=1)])


@pytest.mark.parametrize(
    ("names", "text", "found"),
    [
        (("Gi1/0/1", "Te1/0/1"), "GigabitEthernet1/0/1", "Gi1/0/1"),
        (("Gi1/0/1", "Te1/0/1"), "TenGigabitEthernet1/0/1 Receive Power Sensor", "Te1/0/1"),
        (("GigabitEthernet1/0/1",), "Gi1/0/1 Bias Current Sensor", "GigabitEthernet1/0/1"),
        (("Ethernet1/1", "Ethernet1/11"), "Ethernet1/1 Lane 1 Transceiver Receive Power Sensor", "Ethernet1/1"),
        (("Ethernet7", "Ethernet70"), "DOM RX Power Sensor for Ethernet7", "Ethernet7"),
        (("TenGigE0/0/0/1", "Optics0/0/0/1"), "Optics0/0/0/1-Lane 1 Rx Power", "TenGigE0/0/0/1"),
        (("Optics0/0/0/1",), "Optics0/0/0/1 Rx Power", "Optics0/0/0/1"),
        (("HundredGigE0/1/0/0",), "HundredGigE0/1/0/0-Tx Lane 2 Power", "HundredGigE0/1/0/0"),
        (("xe-0/0/1", "xe-0/0/1.0"), "xe-0/0/1", "xe-0/0/1"),
        (("XGigabitEthernet2/0/0",), "XGigabitEthernet2/0/0", "XGigabitEthernet2/0/0"),
        (("GigabitEthernet1/1", "Gi1/1"), "gi1/1", "Gi1/1"),
        (("Te1/1", "Te1/2"), "between Te1/1 and Te1/2", None),
        (("Te1/1",), "Te1/10 Receive Power Sensor", None),
        (("Te1/1",), "Line card 1", None),
        (("Te1/1",), "", None),
        (("1",), "Fan 1", None),
        (("1",), "1", None),
        (("lan", "eth0"), "lan card", None),
        (("lan", "eth0"), "sfp of eth0", "eth0"),
    ],
)
def test_an_interface_is_found_in_a_description(names: tuple[str, ...], text: str, found: str | None) -> None:
    assert ports(*names).named_in(text) == found


def entities(rows: dict[int, tuple[int, int, bytes, bytes]], aliases: dict[Oid, Value], known: Ports) -> Entities:
    tables: dict[Oid, dict[Oid, VarBind]] = {ALIAS: {at: VarBind(at, Tag.OID, oid) for at, oid in aliases.items()}}
    for index, (parent, kind, name, descr) in rows.items():
        for column, value in ((CONTAINED_IN, parent), (CLASS, kind), (NAME, name), (DESCR, descr)):
            tables.setdefault(column, {})[index,] = VarBind((), Tag.INTEGER, value)
    return Entities(tables, known)


def test_the_alias_of_the_nearest_container_decides() -> None:
    found = entities(
        {1: (0, 3, b"chassis", b""), 2: (1, 10, b"port", b""), 3: (2, 9, b"sfp", b""), 4: (3, 8, b"rx", b"")},
        {(2, 0): (*IF_INDEX, 2), (2, 5): (*IF_INDEX, 1), (1, 0): (*IF_INDEX, 1)},
        ports("a", "b"),
    )
    assert found.port_of(4) == "b"
    assert found.port_of(1) is None


def test_a_port_inside_the_transceiver_is_its_port() -> None:
    found = entities(
        {2: (1, 9, b"sfp", b""), 3: (2, 10, b"port", b""), 4: (2, 8, b"rx", b"")},
        {(3, 0): (*IF_INDEX, 1)},
        ports("a"),
    )
    assert found.port_of(4) == "a"


def test_a_module_with_two_ports_is_neither() -> None:
    found = entities(
        {2: (1, 9, b"card", b""), 3: (2, 10, b"", b""), 5: (2, 10, b"", b""), 4: (2, 8, b"rx", b"")},
        {(3, 0): (*IF_INDEX, 1), (5, 0): (*IF_INDEX, 2)},
        ports("a", "b"),
    )
    assert found.port_of(4) is None


def test_an_alias_of_an_unknown_interface_is_no_interface() -> None:
    found = entities({2: (0, 10, b"", b"")}, {(2, 0): (*IF_INDEX, 99), (3, 0): (1, 3), (4,): 7}, ports("a"))
    assert found.port_of(2) is None


def test_entities_that_contain_each_other_end() -> None:
    found = entities({2: (3, 9, b"", b""), 3: (2, 9, b"", b"")}, {}, ports("a"))
    assert found.port_of(2) is None
    assert list(found.chain(2)) == [2, 3]
