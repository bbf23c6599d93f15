from __future__ import annotations

import pytest
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.core.measurement import Column
from netmon.routers import mib
from netmon.routers.discovery import Discovered, DiscoveryError, discover
from netmon.routers.naming import NO_INTERFACE
from netmon.routers.objects import OBJECTS
from netmon.routers.profiles import ProfileError, Profiles, load_profiles
from netmon.snmp.client import Agent
from netmon.snmp.errors import SnmpTimeoutError

AGENT = Agent("192.0.2.1")
ENGINE_ID = (*OBJECTS["snmpEngineID"], 0)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


async def seen(box: ScriptedAgent, profiles: Profiles, platform: str | None = None) -> Discovered:
    return await discover(box, AGENT, profiles, platform)


async def test_an_interface_is_described_by_its_row(profiles: Profiles) -> None:
    box = ScriptedAgent("RouterOS CCR", (1, 3, 6, 1, 4, 1, 14988, 1))
    box.add(7, "ether1")
    found = await seen(box, profiles)
    assert (found.profile.platform, found.sys_name, found.uptime_ticks) == ("routeros", "box", 100_000)
    assert found.problems == ()
    (interface,) = found.interfaces
    assert (interface.index, interface.name, interface.name_octets) == (7, "ether1", b"ether1")
    assert (interface.alias, interface.mac, interface.if_type) == ("to ether1", "02:00:00:00:00:07", 6)
    assert (interface.speed_bps, interface.counter_bits) == (1_000_000_000, 64)


async def test_a_platform_given_is_not_questioned(profiles: Profiles) -> None:
    box = ScriptedAgent("Linux vm", (1, 3, 6, 1, 4, 1, 8072, 3, 2, 10))
    assert (await seen(box, profiles)).profile.platform == "linux"
    assert (await seen(box, profiles, "routeros")).profile.platform == "routeros"
    with pytest.raises(ProfileError, match="no platform is called mikrotik"):
        await seen(box, profiles, "mikrotik")


async def test_a_name_that_two_interfaces_share_is_refused(profiles: Profiles) -> None:
    box = ScriptedAgent()
    for index, name in ((1, "ether1"), (2, "vlan10"), (9, "vlan10")):
        box.add(index, name)
    found = await seen(box, profiles)
    assert [interface.name for interface in found.interfaces] == ["ether1"]
    assert found.refused["vlan10"].startswith("ifIndex 2, 9 share this name, so it cannot be measured;")
    assert found.problems[0].startswith("vlan10: ifIndex 2, 9 share")


async def test_interfaces_without_a_name_are_reported_not_measured(profiles: Profiles) -> None:
    box = ScriptedAgent()
    for index in range(1, 9):
        box.add(index, "")
    box.add(20, "ether1")
    found = await seen(box, profiles)
    assert [interface.index for interface in found.interfaces] == [20]
    assert found.problems[0].startswith("ifIndex 1, 2, 3, 4, 5 and 3 more has no ifName,")


async def test_thirty_two_bit_counters_are_used_and_warned_of(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "ether1")
    box.add(2, "radio1", octets=None)
    box.add(3, "bridge1", octets=None, octets32=None)
    found = await seen(box, profiles)
    assert [interface.counter_bits for interface in found.interfaces] == [64, 32, None]
    assert len(found.problems) == 1
    assert found.problems[0].startswith("radio1: 32-bit octet counters only, which wrap in 34 s at 1 Gb/s")


async def test_fallback_objects_are_walked_only_where_something_is_open(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "ether1")
    await seen(box, profiles, "routeros")
    assert box.asked == ["get", "get", "walk"]
    box.asked.clear()
    box.add(2, "radio1", octets=None)
    await seen(box, profiles, "routeros")
    assert box.asked == ["get", "get", "walk", "walk"]


async def test_a_column_is_read_from_the_first_object_that_holds_anything(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "ether1")
    del box.tree[*OBJECTS["ifHighSpeed"], 1]
    box.set("ifSpeed", 1, 100_000_000)
    found = await seen(box, profiles)
    assert found.sources[Column.SPEED_BPS].object == OBJECTS["ifSpeed"]
    assert found.interfaces[0].speed_bps == 100_000_000


async def test_an_alias_that_means_nothing_is_not_read(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "eth0")
    assert (await seen(box, profiles, "linux")).interfaces[0].alias == ""


@pytest.mark.parametrize(
    ("tree", "device"),
    [
        ({}, None),
        ({ENGINE_ID: b"\x80\x00\x1f\x88"}, "80001f88"),
        ({(*mib.ENT_PHYSICAL_CLASS, 5): 9, (*mib.ENT_PHYSICAL_SERIAL_NUM, 5): b"MODULE"}, None),
        (
            {
                (*mib.ENT_PHYSICAL_CLASS, 1): 3,
                (*mib.ENT_PHYSICAL_SERIAL_NUM, 1): b"   ",
                (*mib.ENT_PHYSICAL_CLASS, 2): 3,
                (*mib.ENT_PHYSICAL_SERIAL_NUM, 2): b"FOC123 ",
                ENGINE_ID: b"\x80\x00",
            },
            "FOC123",
        ),
    ],
)
async def test_a_device_is_known_by_its_chassis_serial_or_engine_id(
    profiles: Profiles, tree: dict[tuple[int, ...], int | bytes], device: str | None
) -> None:
    box = ScriptedAgent()
    box.add(1, "ether1")
    box.tree |= tree
    assert (await seen(box, profiles)).device == device


async def test_a_device_object_that_times_out_leaves_the_device_unknown(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "ether1")
    box.tree[ENGINE_ID] = b"\x80\x00\x1f\x88"
    box.failures = [None, SnmpTimeoutError("192.0.2.1:161", 3)]
    found = await seen(box, profiles)
    assert found.device is None
    assert found.problems[0].startswith("cannot tell one device from another, 1.3.6.1.2.1.47.1.1.1.1.11 gives: ")
    assert len(found.interfaces) == 1


async def test_an_agent_that_shows_nothing_is_told_what_to_admit(profiles: Profiles) -> None:
    box = ScriptedAgent()
    found = await seen(box, profiles)
    assert found.interfaces == ()
    assert found.problems == (NO_INTERFACE,)
    del box.tree[mib.SYS_UPTIME]
    with pytest.raises(DiscoveryError, match=r"does not give sysUpTime\.0; let its community read 1\.3\.6\.1\.2\.1\.1"):
        await seen(box, profiles)


async def test_names_from_the_network_carry_no_control_characters(profiles: Profiles) -> None:
    box = ScriptedAgent("Box\x1b[2J\nline")
    box.add(1, "ether1\0")
    box.set("ifAlias", 1, b"caf\xc3\xa9 \x1b[31m\xff")
    found = await seen(box, profiles)
    assert found.sys_descr == "Box[2J line"
    assert (found.interfaces[0].name, found.interfaces[0].alias) == ("ether1", "café [31m\ufffd")
