"""Which interface is part of which, and what may be added up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.parents import (
    ATTACHED_AGG_ID,
    IF_STACK_STATUS,
    Table,
    ancestors,
    counted_twice,
    counting,
    parents_in,
)
from netmon.routers.topology_profile import ParentSource
from netmon.snmp.codec import Tag, VarBind

ETHERNET, VIRTUAL, TUNNEL, VLAN, ROUTED_VLAN, AGGREGATE, BRIDGE, PPP = 6, 53, 131, 135, 136, 161, 209, 23


def interface(index: int, name: str, if_type: int = ETHERNET) -> DiscoveredInterface:
    return DiscoveredInterface(index, name, name.encode(), "", None, if_type, None, 64)


def table(stack: list[tuple[int, int]] = [], attached: dict[int, int] = {}) -> Table:  # noqa: B006 - never altered
    return {
        IF_STACK_STATUS: {pair: VarBind((*IF_STACK_STATUS, *pair), Tag.INTEGER, 1) for pair in stack},
        ATTACHED_AGG_ID: {
            (port,): VarBind((*ATTACHED_AGG_ID, port), Tag.INTEGER, aggregate) for port, aggregate in attached.items()
        },
    }


CASES = {
    "members as IEEE8023-LAG-MIB has them, NX-OS": (
        [interface(1, "Ethernet1/1"), interface(2, "Ethernet1/2"), interface(9, "port-channel1", VIRTUAL)],
        table(attached={1: 9, 2: 9}),
        {"Ethernet1/1": "port-channel1", "Ethernet1/2": "port-channel1"},
    ),
    "a port attached to nothing, to itself, or to what is no interface is alone": (
        [interface(1, "1"), interface(2, "2"), interface(3, "3")],
        table(attached={1: 0, 2: 2, 3: 1879081088}),
        {},
    ),
    "members as ifStackTable has them, Arista": (
        [interface(47, "Ethernet47"), interface(48, "Ethernet48"), interface(1000001, "Port-Channel1", AGGREGATE)],
        table([(0, 1000001), (1000001, 47), (1000001, 48), (47, 0), (48, 0)]),
        {"Ethernet47": "Port-Channel1", "Ethernet48": "Port-Channel1"},
    ),
    "an aggregate that only its name tells, Huawei": (
        [interface(14, "XGigabitEthernet3/0/0"), interface(51, "Eth-Trunk3", VIRTUAL)],
        table([(51, 14)]),
        {"XGigabitEthernet3/0/0": "Eth-Trunk3"},
    ),
    "members below the units of an aggregate, Junos": (
        [
            *(interface(1, "xe-0/0/0"), interface(2, "xe-1/0/0"), interface(3, "ae0", AGGREGATE)),
            *(interface(11, "xe-0/0/0.0", VIRTUAL), interface(12, "xe-1/0/0.0", VIRTUAL)),
            interface(13, "ae0.0", VIRTUAL),
        ],
        table([(11, 1), (12, 2), (13, 3), (13, 11), (13, 12)]),
        {
            "xe-0/0/0": "ae0",
            "xe-1/0/0": "ae0",
            "ae0.0": "ae0",
            "xe-0/0/0.0": "xe-0/0/0",
            "xe-1/0/0.0": "xe-1/0/0",
        },
    ),
    "the same where SNMP shows no units": (
        [interface(1, "xe-0/0/0"), interface(2, "xe-1/0/0"), interface(3, "ae0", AGGREGATE)],
        table([(11, 1), (12, 2), (13, 3), (13, 11), (13, 12)]),
        {"xe-0/0/0": "ae0", "xe-1/0/0": "ae0"},
    ),
    "sub-interfaces by name": (
        [
            *(interface(1, "Gi0/0"), interface(2, "Gi0/0.100", VLAN), interface(3, "1/1/1"), interface(4, "1/1/1:20")),
            *(interface(5, "et-0/0/0:1"), interface(6, "et-0/0/0:1.5"), interface(7, "eth0.10"), interface(8, "bond0")),
            interface(9, "bond0.7.8"),
        ],
        table(),
        {"Gi0/0.100": "Gi0/0", "1/1/1:20": "1/1/1", "et-0/0/0:1.5": "et-0/0/0:1", "bond0.7.8": "bond0"},
    ),
    "a sub-interface by ifStackTable, whatever it is called": (
        [interface(1, "ether1"), interface(2, "dinkes", VLAN), interface(3, "pppoe-out1", PPP)],
        table([(2, 1), (3, 1)]),
        {"dinkes": "ether1", "pppoe-out1": "ether1"},
    ),
    "VLANs over their ports are part of nothing, ProCurve": (
        [
            interface(6, "6"),
            interface(7, "7"),
            interface(76, "DEFAULT_VLAN", VIRTUAL),
            interface(77, "VLAN77", VIRTUAL),
        ],
        table([(76, 6), (76, 7), (77, 7)]),
        {},
    ),
    "a routed VLAN over several ports is part of nothing": (
        [interface(1, "1"), interface(2, "2"), interface(9, "Vlan40", ROUTED_VLAN)],
        table([(9, 1), (9, 2)]),
        {},
    ),
    "a bridge over its ports, and a tunnel over its way out": (
        [interface(1, "ether1"), interface(2, "bridge1", BRIDGE), interface(3, "tunnel1", TUNNEL)],
        table([(2, 1), (3, 1)]),
        {},
    ),
    "a sub-interface of an aggregate, and its members": (
        [interface(1, "Gi0/1"), interface(2, "Po1", VIRTUAL), interface(3, "Po1.100", VLAN)],
        table([(3, 2)], {1: 2}),
        {"Gi0/1": "Po1", "Po1.100": "Po1"},
    ),
    "tables that go in circles": (
        [interface(1, "ae1", AGGREGATE), interface(2, "ae2", AGGREGATE)],
        table([(1, 2), (2, 1), (1, 1)]),
        {"ae1": "ae2"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_parent_is_what_carries_or_holds_the_same_traffic(case: str) -> None:
    interfaces, walked, parents = CASES[case]
    found = parents_in(interfaces, walked)
    if "circles" in case:
        assert all(name not in ancestors(name, found) for name in found)
    else:
        assert found == parents


def test_a_profile_leaves_out_a_source_that_its_platform_fills_wrongly() -> None:
    interfaces = [interface(1, "Gi0/1"), interface(2, "Po1", VIRTUAL), interface(3, "Gi0/1.5", VLAN)]
    walked = table([(2, 1)], {1: 2})
    assert parents_in(interfaces, walked, (ParentSource.NAMES,)) == {"Gi0/1.5": "Gi0/1"}
    assert parents_in(interfaces, walked, (ParentSource.IF_STACK,)) == {"Gi0/1": "Po1"}
    assert parents_in(interfaces, walked, ()) == {}


PARENTS = {"xe0": "ae0", "xe1": "ae0", "ae0.10": "ae0", "ae0.20": "ae0", "ge0.5": "ge0"}


@pytest.mark.parametrize(
    ("names", "counted", "members"),
    [
        (["ae0", "xe0", "xe1"], ("ae0",), {"xe0": "ae0", "xe1": "ae0"}),
        (["xe0", "xe1"], ("xe0", "xe1"), {}),
        (["ge0", "ge0.5"], ("ge0",), {"ge0.5": "ge0"}),
        (["ge0.5", "ae0.10", "ae0.20"], ("ge0.5", "ae0.10", "ae0.20"), {}),
        (["ae0", "ae0.10", "xe0"], ("ae0",), {"ae0.10": "ae0", "xe0": "ae0"}),
        (["xe0", "ae0.10", "ae0.20"], ("ae0.10", "ae0.20"), {"xe0": "ae0.10"}),
        (["ge0", "ge0", "unknown"], ("ge0", "unknown"), {}),
        ([], (), {}),
    ],
)
def test_no_octet_is_added_twice(names: list[str], counted: tuple[str, ...], members: dict[str, str]) -> None:
    found = counting(names, PARENTS)
    assert (found.counted, dict(found.members)) == (counted, members)


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), st.lists(st.sampled_from("abcdefgh")))
def test_whatever_the_agent_says_each_interface_is_counted_once_or_in_another(
    parents: dict[str, str], names: list[str]
) -> None:
    found = counting(names, parents)
    assert set(found.counted) | set(found.members) == set(names)
    assert not set(found.counted) & set(found.members)
    assert set(found.members.values()) <= set(names)


def test_circuits_that_measure_the_same_traffic_are_named() -> None:
    circuits = {"backbone": "ae0", "dinkes": "ae0.10", "disdik": "ge0", "kesra": "xe0"}
    what = "which circuit backbone measures: the same traffic counts twice"
    remedy = "let one circuit name the whole, or each its own sub-interface"
    assert list(counted_twice(circuits, PARENTS)) == [
        ("dinkes", f"its interface ae0.10 is part of ae0, {what}; {remedy}"),
        ("kesra", f"its interface xe0 is part of ae0, {what}; {remedy}"),
    ]
