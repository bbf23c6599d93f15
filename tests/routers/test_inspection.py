"""What is read of a router beside its counters, and what is spared it."""

from __future__ import annotations

import pytest
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.routers.discovery import Discovered, discover
from netmon.routers.inspection import Inspector, PortStatus
from netmon.routers.polling import PollError
from netmon.routers.profiles import Profiles, load_profiles
from netmon.snmp.client import Agent
from netmon.snmp.errors import SnmpTimeoutError
from netmon.snmp.oid import Oid

OPTICAL: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 19, 1, 1)
NEIGHBOUR: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 11, 1, 1)
HOST = Agent("192.0.2.1")


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles((folder("collectors"),))


@pytest.fixture
def box() -> ScriptedAgent:
    box = ScriptedAgent("RouterOS RB5009", (1, 3, 6, 1, 4, 1, 14988, 1))
    box.add(1, "sfp-sfpplus1")
    box.add(2, "ether2")
    return box


def plugged(box: ScriptedAgent) -> ScriptedAgent:
    box.tree |= {
        (*OPTICAL, 2, 1): b"sfp-sfpplus1",
        (*OPTICAL, 3, 1): 2,
        (*OPTICAL, 9, 1): -2100,
        (*OPTICAL, 10, 1): -7250,
        (*NEIGHBOUR, 3, 9): bytes((2, 0, 0, 0, 0, 9)),
        (*NEIGHBOUR, 6, 9): b"gowa",
        (*NEIGHBOUR, 8, 9): 1,
    }
    return box


async def known(box: ScriptedAgent, profiles: Profiles) -> Discovered:
    discovered = await discover(box, HOST, profiles, None)
    box.asked.clear()
    return discovered


async def test_transceivers_their_ports_and_their_neighbours_are_read(box: ScriptedAgent, profiles: Profiles) -> None:
    plugged(box).set("ifOperStatus", 1, 7)
    found = await Inspector("palu", HOST, box).inspect(await known(box, profiles), ["ether2", "gone"])
    assert [(one.interface, one.rx_power_dbm) for one in found.optics] == [("sfp-sfpplus1", -7.25)]
    assert [(one.interface, one.remote_system, one.protocol) for one in found.links] == [
        ("sfp-sfpplus1", "gowa", "mndp")
    ]
    assert found.statuses == {"sfp-sfpplus1": PortStatus(True, False), "ether2": PortStatus(True, True)}


@pytest.mark.parametrize(
    ("admin", "oper", "status"),
    [
        (1, 1, PortStatus(True, True)),
        (2, 2, PortStatus(False, False)),
        (3, 3, PortStatus(None, False)),
        (1, 4, PortStatus(True, None)),
        (1, 6, PortStatus(True, False)),
        (None, None, PortStatus(None, None)),
    ],
)
async def test_a_port_is_up_or_down_only_where_the_agent_says_so(
    box: ScriptedAgent, profiles: Profiles, admin: int | None, oper: int | None, status: PortStatus
) -> None:
    discovered = await known(plugged(box), profiles)
    box.set("ifAdminStatus", 1, admin)
    box.set("ifOperStatus", 1, oper)
    found = await Inspector("palu", HOST, box).inspect(discovered)
    assert found.statuses == {"sfp-sfpplus1": status}


async def test_a_router_without_transceivers_is_not_asked_for_neighbours(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    discovered = await known(box, profiles)
    found = await Inspector("palu", HOST, box).inspect(discovered)
    asked = len(box.asked)
    assert (found.optics, found.links, found.statuses) == ((), (), {})
    box.asked.clear()
    await Inspector("palu", HOST, plugged(box)).inspect(discovered)
    assert len(box.asked) > asked


async def test_the_second_survey_of_a_router_that_tells_nothing_of_itself_takes_two_requests(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    discovered = await known(box, profiles)
    inspector = Inspector("palu", HOST, box)
    await inspector.inspect(discovered)
    assert len(box.asked) > 5
    box.asked.clear()
    await inspector.inspect(discovered)
    assert box.asked == ["walk", "get"]
    plugged(box)
    found = await inspector.inspect(discovered)
    assert [one.interface for one in found.optics] == ["sfp-sfpplus1"], "seen by the first survey after it came"
    assert [one.remote_system for one in found.links] == ["gowa"]


async def test_a_router_that_falls_silent_before_the_end_yields_nothing(box: ScriptedAgent, profiles: Profiles) -> None:
    discovered = await known(plugged(box), profiles)
    await Inspector("palu", HOST, box).inspect(discovered)
    silent = SnmpTimeoutError("192.0.2.1 port 161 did not answer", 4)
    box.failures = [*[None] * (len(box.asked) - 1), silent]
    with pytest.raises(PollError, match=r"^palu: 192\.0\.2\.1 port 161 did not answer"):
        await Inspector("palu", HOST, box).inspect(discovered)
