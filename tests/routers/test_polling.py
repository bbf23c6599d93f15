from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.processes import free_port, running
from support.scripted_agent import MILLISECOND, ScriptedAgent

from netmon.bundled import folder
from netmon.core.counters import account
from netmon.core.heads import Ceilings
from netmon.core.measurement import Column, GapReason, Interface
from netmon.core.model import NANOSECONDS, Faces
from netmon.core.periods import from_ns
from netmon.routers import mib
from netmon.routers.objects import OBJECTS, object_name
from netmon.routers.polling import PollError, RouterPoller
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.settings import CircuitSettings
from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Value, VarBind
from netmon.snmp.errors import SnmpStatusError, SnmpTimeoutError
from netmon.snmp.oid import Oid
from netmon.snmp.template import GetTemplate, TemplateReply

AGENT = Agent("192.0.2.1")
WALL_NS = 1_793_000_000 * NANOSECONDS
ENGINE_ID = (*OBJECTS["snmpEngineID"], 0)
TIMEOUT = SnmpTimeoutError("192.0.2.1:161", 3)
TOO_BIG = SnmpStatusError("192.0.2.1:161", 1, 0, None)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


@pytest.fixture
def box() -> ScriptedAgent:
    agent = ScriptedAgent()
    for index, name in ((1, "ether1"), (2, "ether2"), (3, "sfp-plus1")):
        agent.add(index, name, octets=1000 * index)
    return agent


def poller_of(box: ScriptedAgent, profiles: Profiles, *wanted: str, platform: str | None = None) -> RouterPoller:
    return RouterPoller(
        "r1",
        AGENT,
        box,
        profiles,
        wanted or None,
        wall_ns=lambda: WALL_NS + box.monotonic_ns,
        platform=platform,
        monotonic_ns=lambda: box.monotonic_ns,
    )


def verbs_of_next(box: ScriptedAgent) -> list[str]:
    asked, box.asked = box.asked, []
    return asked


async def beside() -> None:
    """Returns when what goes on beside the visits is done."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)


async def test_a_visit_is_columns_over_one_identity(box: ScriptedAgent, profiles: Profiles) -> None:
    box.set("ifHCInOctets", 3, 2**64 - 1)
    box.set("ifOperStatus", 2, 7)
    start = box.monotonic_ns
    poll = await poller_of(box, profiles).poll()
    assert poll.router == "r1"
    assert poll.identity == (
        Interface(1, "ether1", "to ether1"),
        Interface(2, "ether2", "to ether2"),
        Interface(3, "sfp-plus1", "to sfp-plus1"),
    )
    assert list(poll.columns[Column.IN_OCTETS]) == [1000, 2000, 2**64 - 1]
    assert list(poll.columns[Column.OUT_OCTETS]) == [2000, 4000, 6000]
    assert list(poll.columns[Column.OPER_STATUS]) == [1, 7, 1]
    assert list(poll.columns[Column.SPEED_BPS]) == [10**9] * 3
    assert set(poll.columns) == set(Column)
    assert (poll.counter_bits, poll.host_uptime_ticks, poll.pdu_of) == (64, 900_000, (0, 0, 0))
    assert poll.pdus[0].uptime_ticks == 100_000
    assert poll.pdus[0].received_ns == WALL_NS + start + len(box.asked) * MILLISECOND


async def test_the_hot_path_only_fetches_and_keeps_the_identity(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles)
    first = await poller.poll()
    assert "walk" in verbs_of_next(box)
    for visit in range(5):
        box.tree[mib.SYS_UPTIME] = 103_000 + 3000 * visit
        poll = await poller.poll()
        assert verbs_of_next(box) == ["fetch"]
        assert poll.identity is first.identity


async def test_only_wanted_interfaces_are_read(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles, "sfp-plus1")
    assert [interface.name for interface in (await poller.poll()).identity] == ["sfp-plus1"]
    assert poller.missing == ()


@pytest.mark.parametrize("name", ["Intel® Ethernet étage 2", "é" * 127, "e" * 255, "Jaringan 内部"])
async def test_a_port_is_wanted_by_whatever_name_a_configuration_may_give_it(name: str, profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(7, name, octets=5)
    circuit = CircuitSettings(agency="any", interface=name, faces=Faces.AGENCY)
    poller = poller_of(box, profiles, circuit.interface)
    for _ in range(2):
        box.tree[mib.SYS_UPTIME] = 103_000
        assert [interface.name for interface in (await poller.poll()).identity] == [name]
    assert poller.missing == ()


async def test_many_interfaces_are_split_over_pdus_and_none_is_divided(profiles: Profiles) -> None:
    box = ScriptedAgent()
    for index in range(1, 49):
        box.add(index, f"ether{index}", octets=index)
    poll = await poller_of(box, profiles).poll()
    assert list(poll.columns[Column.IN_OCTETS]) == list(range(1, 49))
    assert len(poll.pdus) == len(box.templates) > 7
    assert len(poll.pdu_of) == 48
    for at, interface in enumerate(poll.identity):
        assert (interface.index, interface.name.encode()) in box.templates[poll.pdu_of[at]].identity


async def test_replies_are_as_long_as_the_prober_says_that_they_may_be(profiles: Profiles) -> None:
    box = ScriptedAgent()
    for index in range(1, 49):
        box.add(index, f"ether{index}", octets=index)
    long = len((await poller_of(box, profiles).poll()).pdus)
    box.octets //= 2
    assert len((await poller_of(box, profiles).poll()).pdus) > long


async def test_a_moved_if_index_is_followed_in_the_same_visit(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles, "ether2")
    await poller.poll()
    box.move(2, 12)
    box.add(2, "newcomer", octets=77)
    verbs_of_next(box)
    poll = await poller.poll()
    assert poll.identity == (Interface(12, "ether2", "to ether2"),)
    assert list(poll.columns[Column.IN_OCTETS]) == [2000]
    asked = verbs_of_next(box)
    assert (asked[0], asked[-1], asked.count("fetch")) == ("fetch", "fetch", 2)
    await poller.poll()
    assert verbs_of_next(box) == ["fetch"]


async def test_swapped_names_never_lend_each_other_their_counters(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles, "ether1", "ether2")
    await poller.poll()
    box.tree[*mib.IF_NAME, 1], box.tree[*mib.IF_NAME, 2] = b"ether2", b"ether1"
    poll = await poller.poll()
    read = {i.name: poll.columns[Column.IN_OCTETS][at] for at, i in enumerate(poll.identity)}
    assert read == {"ether2": 1000, "ether1": 2000}


async def test_an_interface_that_is_gone_is_reported_and_the_others_are_read(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    poller = poller_of(box, profiles, "ether1", "sfp-plus1")
    await poller.poll()
    row = box.remove(3)
    poll = await poller.poll()
    assert [interface.name for interface in poll.identity] == ["ether1"]
    assert [str(missing) for missing in poller.missing] == [
        "sfp-plus1: the router has no such interface; correct the ifName, or bring the interface up"
    ]
    box.tree |= row
    verbs_of_next(box)
    assert len((await poller.poll()).identity) == 1
    assert verbs_of_next(box) == ["fetch"]
    box.monotonic_ns += 301 * NANOSECONDS
    await poller.poll()
    await beside()
    assert [interface.name for interface in (await poller.poll()).identity] == ["ether1", "sfp-plus1"]
    assert poller.missing == ()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("Ether2", "the router has no such interface; did you mean ether2 or ether1?"),
        ("sfpplus1", "the router has no such interface; did you mean sfp-plus1?"),
        ("to ether1", "the router has no such interface; it is the ifAlias of ether1, write that"),
        ("vlan900", "the router has no such interface; correct the ifName, or bring the interface up"),
    ],
)
async def test_a_missing_interface_names_its_nearest_match(
    box: ScriptedAgent, profiles: Profiles, wanted: str, why: str
) -> None:
    poller = poller_of(box, profiles, wanted, "ether1")
    poll = await poller.poll()
    assert [interface.name for interface in poll.identity] == ["ether1"]
    assert [(missing.what, missing.why) for missing in poller.missing] == [(wanted, why)]


async def test_a_renamed_interface_is_recognised_by_its_index_and_mac(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles, "ether2")
    await poller.poll()
    box.tree[*mib.IF_NAME, 2] = b"to-hospital"
    for visit in range(2):
        box.tree[*OBJECTS["ifHCInOctets"], 2] = 2000 + visit
        poll = await poller.poll()
        assert poller.missing[0].why.endswith("was it renamed to to-hospital?")
        assert poller.renamed == {"ether2": "to-hospital"}
        assert [interface.name for interface in poll.identity] == ["ether2"], "its series goes on without a gap"
        assert poll.columns[Column.IN_OCTETS] == [2000 + visit]
        box.monotonic_ns += 301 * NANOSECONDS
    box.tree[*mib.IF_NAME, 2] = b"ether2"
    await poller.poll()
    assert (poller.renamed, poller.missing) == ({}, ())


async def test_another_port_in_the_place_of_a_renamed_one_is_not_followed(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    poller = poller_of(box, profiles, "ether2")
    await poller.poll()
    box.tree[*mib.IF_NAME, 2] = b"to-hospital"
    box.tree[*OBJECTS["ifPhysAddress"], 2] = b"\x02\x00\x00\x00\x00\x99"
    poll = await poller.poll()
    assert (poll.identity, poller.renamed) == ((), {})


async def test_with_nothing_left_to_measure_the_uptime_is_still_read(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles, "ether9")
    poll = await poller.poll()
    assert poll.identity == ()
    assert poll.pdus[0].uptime_ticks == 100_000
    assert poll.columns[Column.IN_OCTETS] == []


async def test_a_duplicate_name_is_refused_and_said_so(box: ScriptedAgent, profiles: Profiles) -> None:
    box.add(8, "ether2")
    poller = poller_of(box, profiles, "ether1", "ether2")
    assert [interface.name for interface in (await poller.poll()).identity] == ["ether1"]
    assert str(poller.missing[0]).startswith("ether2: ifIndex 2, 8 share this name, so it cannot be measured;")
    everything = poller_of(box, profiles)
    assert [interface.name for interface in (await everything.poll()).identity] == ["ether1", "sfp-plus1"]
    assert [missing.what for missing in everything.missing] == ["ether2"]


async def test_an_agent_restart_is_looked_at_again_in_the_same_visit(box: ScriptedAgent, profiles: Profiles) -> None:
    box.tree[ENGINE_ID] = b"\x80one"
    poller = poller_of(box, profiles)
    first = await poller.poll()
    box.tree[mib.SYS_UPTIME] = 300
    box.tree[mib.HR_SYSTEM_UPTIME] = 903_000
    verbs_of_next(box)
    again = await poller.poll()
    assert "walk" in verbs_of_next(box)
    assert again.identity is first.identity
    assert (again.device, again.host_uptime_ticks, again.pdus[0].uptime_ticks) == (first.device, 903_000, 300)
    await poller.poll()
    assert verbs_of_next(box) == ["fetch"]


async def test_another_device_at_the_address_is_noticed_though_its_uptime_is_longer(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    box.tree[ENGINE_ID] = b"\x80\x01"
    poller = poller_of(box, profiles)
    assert (await poller.poll()).device == "8001"
    box.tree[ENGINE_ID] = b"\x80\x02"
    box.tree[mib.SYS_UPTIME] = 9_000_000
    assert (await poller.poll()).device == "8002"


async def test_a_serial_number_shown_late_after_a_restart_is_not_another_device(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    chassis: dict[Oid, Value] = {(*mib.ENT_PHYSICAL_CLASS, 1): 3, (*mib.ENT_PHYSICAL_SERIAL_NUM, 1): b"FOC1"}
    box.tree |= {ENGINE_ID: b"\x80\x01", **chassis}
    poller = poller_of(box, profiles)
    assert (await poller.poll()).device == "FOC1"
    for oid in chassis:
        del box.tree[oid]
    box.tree[mib.SYS_UPTIME] = 100
    assert (await poller.poll()).device == "FOC1"
    box.tree |= {**chassis, (*mib.ENT_PHYSICAL_SERIAL_NUM, 1): b"FOC2"}
    assert (await poller.poll()).device == "FOC2"


async def test_host_uptime_is_not_asked_of_an_agent_without_it(box: ScriptedAgent, profiles: Profiles) -> None:
    del box.tree[mib.HR_SYSTEM_UPTIME]
    poll = await poller_of(box, profiles).poll()
    assert poll.host_uptime_ticks is None
    assert box.templates[0].extra == ()


async def test_thirty_two_bit_counters_are_read_where_there_is_nothing_else(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "radio1", octets=None, octets32=4_294_967_295)
    poller = poller_of(box, profiles)
    poll = await poller.poll()
    assert (poll.counter_bits, list(poll.columns[Column.IN_OCTETS])) == (32, [4_294_967_295])
    assert poller.missing == ()


async def test_widths_are_not_mixed_and_the_narrow_interface_is_named(box: ScriptedAgent, profiles: Profiles) -> None:
    box.add(9, "radio1", octets=None)
    poller = poller_of(box, profiles)
    poll = await poller.poll()
    assert poll.counter_bits == 64
    assert list(poll.columns[Column.IN_OCTETS]) == [1000, 2000, 3000, None]
    assert str(poller.missing[0]).startswith("radio1: it has 32-bit octet counters")
    verbs_of_next(box)
    await poller.poll()
    assert verbs_of_next(box) == ["fetch"]
    others = await poller.poll_others()
    assert others is not None
    assert ([one.name for one in others.identity], others.counter_bits) == (["radio1"], 32)
    assert list(others.columns[Column.IN_OCTETS]) == [1000]


async def test_the_width_of_most_interfaces_is_read_and_who_has_both_is_read_in_it(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "vlan1", octets=2**40, octets32=7)
    box.add(2, "fa1", octets=None, octets32=8)
    box.add(3, "fa2", octets=None, octets32=9)
    box.add(4, "wide-only", octets=2**41, octets32=None)
    box.add(5, "fa3", octets=None, octets32=10)
    poller = poller_of(box, profiles)
    poll = await poller.poll()
    assert poll.counter_bits == 32
    assert list(poll.columns[Column.IN_OCTETS]) == [7, 8, 9, None, 10]
    assert [str(missing)[:38] for missing in poller.missing] == ["wide-only: it has 64-bit octet counter"]
    others = await poller.poll_others()
    assert others is not None
    assert others.counter_bits == 64
    assert list(others.columns[Column.IN_OCTETS]) == [2**40, 2**41]


async def test_a_wanted_interface_that_goes_away_does_not_change_the_width_of_the_others(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.add(1, "fa1", octets=None)
    box.add(2, "fa2", octets=None)
    box.add(3, "vlan1")
    poller = poller_of(box, profiles, "fa1", "fa2", "vlan1")
    assert (await poller.poll()).counter_bits == 32
    box.remove(1)
    box.remove(2)
    poll = await poller.poll()
    assert ([one.name for one in poll.identity], poll.counter_bits) == (["vlan1"], 32)


# --- agents without ifName -------------------------------------------------------------------


def old_switch() -> ScriptedAgent:
    box = ScriptedAgent()
    for index, name in ((1, "Port 1"), (2, "Port 2"), (3, "Port 3")):
        box.add(index, name, octets=None, octets32=1000 * index, named_by="ifDescr")
    return box


async def test_without_ifname_interfaces_are_known_by_ifdescr_in_every_pdu(profiles: Profiles) -> None:
    box = old_switch()
    poller = poller_of(box, profiles, "Port 2")
    poll = await poller.poll()
    assert poll.identity == (Interface(2, "Port 2", "to Port 2"),)
    assert list(poll.columns[Column.IN_OCTETS]) == [2000]
    assert box.templates[-1].oids()[1] == (*OBJECTS["ifDescr"], 2)
    box.move(2, 9)
    assert (await poller.poll()).identity == (Interface(9, "Port 2", "to Port 2"),)


async def test_an_agent_that_begins_to_give_ifname_is_followed_by_its_ports_and_said_so(profiles: Profiles) -> None:
    box = old_switch()
    poller = poller_of(box, profiles, "Port 2")
    first = account(None, await poller.poll(), Ceilings({}))
    assert first is not None
    for index in (1, 2, 3):
        box.add(index, f"ge{index}", octets=5000 * index)
    box.tree[mib.SYS_UPTIME] = 100
    for _ in range(2):
        poll = await poller.poll()
        assert box.templates[-1].oids()[1] == (*mib.IF_NAME, 2)
        assert ([one.name for one in poll.identity], poll.counter_bits) == (["Port 2"], 64)
        visit = account(first.head, poll, Ceilings({}))
        assert visit is not None
        assert {gap.reason for gap in visit.gaps} == {GapReason.WIDTH_CHANGED}
        assert visit.head.in_total == (0,), "a new epoch, of which nothing is counted twice"
        assert poller.renamed == {"Port 2": "ge2"}
        assert str(poller.missing[-1]) == (
            "interfaces: the router's interfaces are known by ifName now, no longer by ifDescr;"
            " write the names it has now, and reload netmon"
        )
        box.monotonic_ns += 301 * NANOSECONDS


async def test_a_name_that_was_another_interface_by_ifdescr_is_not_taken_for_it(profiles: Profiles) -> None:
    box = ScriptedAgent()
    for index, name in ((1, "1"), (2, "2")):
        box.add(index, name, octets=None, octets32=1000 * index, named_by="ifDescr")
    poller = poller_of(box, profiles, "1", "2")
    await poller.poll()
    box.add(1, "0")
    box.add(2, "1")
    box.add(3, "2")
    box.tree[mib.SYS_UPTIME] = 100
    for _ in range(3):
        assert (await poller.poll()).identity == ()
        assert poller.renamed == {}
        assert str(poller.missing[0]).startswith("1: by ifDescr it was ifIndex 1, by ifName it is 2, so it may be")
        box.monotonic_ns += 3601 * NANOSECONDS
    box.tree[mib.SYS_UPTIME] = 50
    assert (await poller.poll()).identity == ()


async def test_the_same_names_by_another_object_go_on_silently(profiles: Profiles) -> None:
    box = old_switch()
    poller = poller_of(box, profiles, "Port 1", "Port 2")
    await poller.poll()
    for index in (1, 2, 3):
        box.add(index, f"Port {index}", octets=None)
    box.tree[mib.SYS_UPTIME] = 100
    assert [one.name for one in (await poller.poll()).identity] == ["Port 1", "Port 2"]
    assert (poller.missing, poller.renamed) == ((), {})


async def test_an_agent_that_loses_ifname_is_not_read_by_other_names(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles, "ether1")
    first = await poller.poll()
    names = {oid: box.tree.pop(oid) for oid in list(box.tree) if oid[:-1] == mib.IF_NAME}
    for oid, name in names.items():
        box.tree[*OBJECTS["ifDescr"], oid[-1]] = name
    for _ in range(2):
        with pytest.raises(PollError, match="r1: the agent no longer gives ifName, by which its interfaces are known;"):
            await poller.poll()
    box.tree |= names
    assert (await poller.poll()).identity is first.identity


async def test_octets_that_disappear_are_looked_for_once(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles)
    await poller.poll()
    for name in ("ifHCInOctets", "ifHCOutOctets", "ifInOctets", "ifOutOctets"):
        del box.tree[*OBJECTS[name], 2]
    assert list((await poller.poll()).columns[Column.IN_OCTETS]) == [1000, None, 3000]
    assert str(poller.missing[0]) == "ether2: the interface counts no octets; measure the port it runs on"
    verbs_of_next(box)
    await poller.poll()
    assert verbs_of_next(box) == ["fetch"]


async def test_an_agent_that_answers_too_big_is_asked_for_less_from_then_on(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    poller = poller_of(box, profiles)
    await poller.poll()
    verbs_of_next(box)
    box.failures = [TOO_BIG]
    poll = await poller.poll()
    assert list(poll.columns[Column.IN_OCTETS]) == [1000, 2000, 3000]
    assert verbs_of_next(box) == ["fetch"] * 4
    await poller.poll()
    assert verbs_of_next(box) == ["fetch"] * 3
    box.failures = [TOO_BIG] * 3
    with pytest.raises(PollError, match="tooBig"):
        await poller.poll()


async def test_an_agent_that_bears_less_than_before_is_visited_in_smaller_pdus_and_in_larger_ones_again(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    poller = poller_of(box, profiles)
    first = await poller.poll()
    for most, pdus in ((20, 3), (8, 4), (1 << 16, 1)):
        box.most = most
        verbs_of_next(box)
        poll = await poller.poll()
        assert verbs_of_next(box) == ["fetch"] * pdus
        assert poll.identity is first.identity
        assert list(poll.columns[Column.IN_OCTETS]) == [1000, 2000, 3000]
        assert poll.pdu_of == ((0, 0, 0) if pdus == 1 else (pdus - 3, pdus - 2, pdus - 1))


async def test_a_failed_visit_is_one_sentence_and_the_next_one_is_unharmed(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    poller = poller_of(box, profiles)
    box.failures = [TIMEOUT]
    with pytest.raises(PollError, match=r"^r1: 192\.0\.2\.1:161: no reply to 3 requests; check") as failed:
        await poller.poll()
    assert (failed.value.router, failed.value.reason) == ("r1", str(TIMEOUT))
    await poller.poll()
    box.failures = [TIMEOUT]
    with pytest.raises(PollError):
        await poller.poll()
    verbs_of_next(box)
    await poller.poll()
    assert verbs_of_next(box) == ["fetch"]


async def test_one_lost_pdu_of_many_fails_the_visit_and_leaves_no_task_behind(profiles: Profiles) -> None:
    box = ScriptedAgent()
    for index in range(1, 49):
        box.add(index, f"ether{index}")
    poller = poller_of(box, profiles)
    await poller.poll()
    box.failures = [None, None, TIMEOUT]
    with pytest.raises(PollError, match="no reply"):
        await poller.poll()
    assert len(asyncio.all_tasks()) == 1


class RestlessAgent(ScriptedAgent):
    """Renames an interface after every walk."""

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25, max_rows: int = 50_000
    ) -> dict[Oid, dict[Oid, VarBind]]:
        found = await super().walk(agent, columns, max_repetitions, max_rows)
        self.add(2, f"ppp{len(self.asked)}")
        return found


async def test_interfaces_that_change_while_they_are_read_are_not_believed(profiles: Profiles) -> None:
    box = RestlessAgent()
    box.add(2, "ppp0")
    with pytest.raises(PollError, match="r1: its interfaces change while they are read; the next visit tries again"):
        await poller_of(box, profiles).poll()


async def test_the_tables_are_walked_again_now_and_then_without_spoiling_a_visit(
    box: ScriptedAgent, profiles: Profiles, caplog: pytest.LogCaptureFixture
) -> None:
    poller = poller_of(box, profiles)
    first = await poller.poll()
    box.monotonic_ns += 3601 * NANOSECONDS
    box.add(4, "ether4")
    box.set("ifAlias", 1, b"contract 12")
    verbs_of_next(box)
    box.failures = [None, TIMEOUT]
    for _ in range(2):
        assert (await poller.poll()).identity is first.identity
        await beside()
    assert verbs_of_next(box) == ["fetch", "get", "fetch"]
    assert [record.getMessage() for record in caplog.records] == [
        f"r1: its interfaces cannot be looked at again, what is known stays: {TIMEOUT}"
    ]
    box.monotonic_ns += 301 * NANOSECONDS
    assert (await poller.poll()).identity is first.identity
    await beside()
    fresh = await poller.poll()
    assert [interface.alias for interface in fresh.identity[:2]] == ["contract 12", "to ether2"]
    assert len(fresh.identity) == 4


# --- a discovery that takes longer than a visit ---------------------------------------------


class SlowAgent(ScriptedAgent):
    """Answers no walk before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()
        for index, name in ((1, "ether1"), (2, "ether2")):
            self.add(index, name)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25, max_rows: int = 50_000
    ) -> dict[Oid, dict[Oid, VarBind]]:
        self.asked.append("asked to walk")
        await self.go.wait()
        return await super().walk(agent, columns, max_repetitions, max_rows)


async def cut_off(poller: RouterPoller) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await poller.poll()


async def test_a_discovery_goes_on_beyond_the_visits_and_the_next_one_takes_it_up(profiles: Profiles) -> None:
    box = SlowAgent()
    box.go.clear()
    poller = poller_of(box, profiles)
    for _ in range(3):
        await cut_off(poller)
    assert box.asked.count("asked to walk") == 1, "one at a time"
    since = from_ns(WALL_NS + 5_000_000_000_000).isoformat(timespec="seconds")
    assert poller.under_way == f"its interfaces are still being discovered, since {since}; the next visit takes that up"
    assert poller.discovered is None
    box.go.set()
    await beside()
    box.set("ifHCInOctets", 1, 1_000_777)
    verbs_of_next(box)
    poll = await poller.poll()
    assert verbs_of_next(box) == ["fetch"]
    assert list(poll.columns[Column.IN_OCTETS]) == [1_000_777, 1000], "read in this visit, not while it was discovered"
    assert poller.under_way is None


async def test_what_went_wrong_after_a_visit_was_cut_off_is_told_by_the_next_one(profiles: Profiles) -> None:
    box = SlowAgent()
    box.go.clear()
    poller = poller_of(box, profiles)
    await cut_off(poller)
    box.failures = [None, None, TIMEOUT]
    box.go.set()
    await beside()
    with pytest.raises(PollError, match="no reply to 3 requests"):
        await poller.poll()
    assert len((await poller.poll()).identity) == 2


async def test_a_discovery_has_a_deadline_of_its_own(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netmon.routers.polling.DISCOVERY_S", 0.01)
    box = SlowAgent()
    box.go.clear()
    poller = poller_of(box, profiles)
    with pytest.raises(PollError, match=r"r1: its interfaces could not be discovered within 0\.01 s; it answers too"):
        await poller.poll()
    box.go.set()
    assert len((await poller.poll()).identity) == 2


async def test_no_discovery_outlives_its_poller(profiles: Profiles, caplog: pytest.LogCaptureFixture) -> None:
    box = SlowAgent()
    box.go.clear()
    poller = poller_of(box, profiles)
    await cut_off(poller)
    await poller.close()
    assert len(asyncio.all_tasks()) == 1
    assert (poller.under_way, caplog.records) == (None, [])
    await cut_off(poller)
    box.failures = [None, None, TIMEOUT]
    box.go.set()
    await beside()
    await poller.close()
    assert [record.getMessage() for record in caplog.records] == [f"discovery of r1: {TIMEOUT}"]


async def test_visits_go_on_while_the_tables_are_walked_again(profiles: Profiles) -> None:
    box = SlowAgent()
    poller = poller_of(box, profiles)
    await poller.poll()
    walks = box.asked.count("asked to walk")
    box.monotonic_ns += 3601 * NANOSECONDS
    box.go.clear()
    box.add(3, "ether3")
    for _ in range(3):
        async with asyncio.timeout(1):
            assert len((await poller.poll()).identity) == 2
        await asyncio.sleep(0)
    assert box.asked.count("asked to walk") == walks + 1, "one at a time"
    assert poller.under_way is None, "no visit waits for it"
    box.go.set()
    await beside()
    assert len((await poller.poll()).identity) == 3


async def test_a_walk_beside_the_visits_is_given_up_for_a_discovery_that_is_needed(profiles: Profiles) -> None:
    box = SlowAgent()
    poller = poller_of(box, profiles)
    await poller.poll()
    box.monotonic_ns += 3601 * NANOSECONDS
    box.go.clear()
    await poller.poll()
    await asyncio.sleep(0)
    box.move(2, 12)
    box.go.set()
    assert [one.index for one in (await poller.poll()).identity] == [1, 12]
    assert len(asyncio.all_tasks()) == 1


async def test_a_device_swapped_while_it_is_discovered_is_not_believed(profiles: Profiles) -> None:
    box = SlowAgent()
    box.tree[ENGINE_ID] = b"\x80\x01"
    box.go.clear()
    poller = poller_of(box, profiles, platform="routeros")
    await cut_off(poller)
    box.tree[mib.SYS_UPTIME] = 50
    box.go.set()
    with pytest.raises(PollError, match="its interfaces change while they are read"):
        await poller.poll()
    assert len((await poller.poll()).identity) == 2


async def test_a_failed_read_does_not_throw_a_discovery_away(box: ScriptedAgent, profiles: Profiles) -> None:
    poller = poller_of(box, profiles)
    await poller.poll()
    walks = [TIMEOUT if verb == "fetch" else None for verb in verbs_of_next(box)]
    poller = poller_of(box, profiles)
    box.failures = list(walks)
    with pytest.raises(PollError, match="no reply"):
        await poller.poll()
    verbs_of_next(box)
    assert len((await poller.poll()).identity) == 3
    assert verbs_of_next(box) == ["fetch"]


# --- columns that are not asked for ----------------------------------------------------------


async def test_a_column_that_no_interface_has_is_asked_for_once_a_discovery(
    box: ScriptedAgent, profiles: Profiles
) -> None:
    empty = {"ifInDiscards": Column.IN_DISCARDS, "ifCounterDiscontinuityTime": Column.DISCONTINUITY}
    for name in empty:
        for index in (1, 2, 3):
            del box.tree[*OBJECTS[name], index]
    del box.tree[*OBJECTS["ifInErrors"], 2]
    poller = poller_of(box, profiles)
    for visit in range(3):
        poll = await poller.poll()
        assert set(poll.columns) == set(Column)
        assert [list(poll.columns[column]) for column in empty.values()] == [[None] * 3] * 2
        assert list(poll.columns[Column.IN_ERRORS]) == [0, None, 0], "a single hole stays as it is"
        asked = {object_name(column) for column in box.templates[-1].columns}
        assert asked.isdisjoint(empty) == (visit > 0)
        assert "ifInErrors" in asked
    for name in empty:
        for index in (1, 2, 3):
            box.set(name, index, 7)
    box.monotonic_ns += 3601 * NANOSECONDS
    await poller.poll()
    await beside()
    assert list((await poller.poll()).columns[Column.IN_DISCARDS]) == [7, 7, 7]
    assert poller.missing == ()


class SmallAgent(ScriptedAgent):
    """Bears no more than `bears` variables in one message; its limit is halved as the client's is."""

    bears = 0

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> list[TemplateReply]:
        for template in templates:
            if template.size > self.bears:
                self.asked.append("too big")
                self.most = min(self.most, template.size // 2)
                raise TOO_BIG
        return await super().fetch(agent, templates)


@pytest.mark.parametrize(
    ("bears", "least", "most"),
    [
        (4, (), (Column.DISCONTINUITY,)),
        (9, (Column.DISCONTINUITY, Column.OPER_STATUS), (Column.IN_ERRORS,)),
        (11, (Column.DISCONTINUITY, Column.OPER_STATUS), (Column.SPEED_BPS,)),
        (13, (Column.SPEED_BPS,), ()),
    ],
)
async def test_an_agent_that_bears_less_than_an_interface_is_asked_for_its_octets_first(
    profiles: Profiles, bears: int, least: tuple[Column, ...], most: tuple[Column, ...]
) -> None:
    box = SmallAgent()
    box.bears = bears
    for index, name in ((1, "ether1"), (2, "ether2")):
        box.add(index, name, octets=1000 * index)
    poller = poller_of(box, profiles)
    for _ in range(3):
        poll = await poller.poll()
        assert list(poll.columns[Column.IN_OCTETS]) == [1000, 2000]
        assert list(poll.columns[Column.OUT_OCTETS]) == [2000, 4000]
        assert poll.host_uptime_ticks == 900_000
        assert set(poll.columns) == set(Column)
        assert all(None not in poll.columns[column] for column in least)
        told = {one.what: one.why for one in poller.missing}
        assert set(told) == {column for column in Column if list(poll.columns[column]) == [None, None]}
        assert set(most) <= set(told)
        assert all(why.endswith("to give it beside the octets; raise its message size") for why in told.values())
        verbs_of_next(box)
    await poller.poll()
    assert set(verbs_of_next(box)) == {"fetch"}, "neither discovered nor refused any more"


async def test_an_agent_that_bears_not_even_octets_is_told_what_is_needed(profiles: Profiles) -> None:
    box = SmallAgent()
    box.bears = 3
    box.add(1, "ether1")
    poller = poller_of(box, profiles)
    for _ in range(2):
        with pytest.raises(PollError, match=r"it bears less than the 4 variables in one .*; raise its message size"):
            await poller.poll()
    assert box.asked.count("walk") == 2, "discovered once"


async def test_an_unknown_platform_fails_with_its_nearest_name(box: ScriptedAgent, profiles: Profiles) -> None:
    with pytest.raises(PollError, match=r"r1: no platform is called linx; did you mean linux\?"):
        await poller_of(box, profiles, platform="linx").poll()


# --- the real thing --------------------------------------------------------------------------


def kernel_octets() -> int:
    return int(Path("/sys/class/net/lo/statistics/rx_bytes").read_text())


@pytest.fixture
def loopback_octets() -> int:
    """What the kernel had counted before snmpd could cache anything."""
    return kernel_octets()


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[int]:
    """Debian's snmpd on loopback; its UDP port."""
    port = free_port(socket.SOCK_DGRAM)
    config = tmp_path / "snmpd.conf"
    config.write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity testing 127.0.0.1\n")
    command = ["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux"]
    log = tmp_path / "snmpd.log"
    environment = {"SNMP_PERSISTENT_DIR": str(tmp_path), "MIBS": "", "PATH": "/usr/sbin:/usr/bin"}
    with running(command, lambda: log.exists() and "NET-SNMP version" in log.read_text(), log, env=environment):
        yield port


async def test_a_real_snmpd_is_discovered_and_polled(loopback_octets: int, snmpd: int, profiles: Profiles) -> None:
    agent = Agent("127.0.0.1", snmpd, b"testing", timeout_ns=5 * NANOSECONDS, retries=2)
    async with await Client.open(16) as client:
        poller = RouterPoller("edge", agent, client, profiles, ("lo", "lo0"), time.time_ns)
        began_ns = time.time_ns()
        poll = await poller.poll()
        again = await poller.poll()
    assert poller.discovered is not None
    assert poller.discovered.profile.platform == "linux"
    assert poller.discovered.device is not None
    assert poller.discovered.device.startswith("80001f88")
    assert [interface.name for interface in poll.identity] == ["lo"]
    assert again.identity is poll.identity
    assert poll.counter_bits == 64
    octets = poll.columns[Column.IN_OCTETS][0]
    assert octets is not None
    assert loopback_octets <= octets <= kernel_octets()
    assert poll.columns[Column.OPER_STATUS][0] == 1
    assert poll.host_uptime_ticks is not None
    assert began_ns <= poll.at_ns <= time.time_ns()
    assert [str(missing) for missing in poller.missing] == ["lo0: the router has no such interface; did you mean lo?"]


async def test_a_wrong_community_is_one_sentence(snmpd: int, profiles: Profiles) -> None:
    agent = Agent("127.0.0.1", snmpd, b"wrong", timeout_ns=NANOSECONDS // 10, retries=1)
    async with await Client.open(16) as client:
        with pytest.raises(PollError, match=r"edge: 127\.0\.0\.1:\d+: no reply to 2 requests; check that the agent"):
            await RouterPoller("edge", agent, client, profiles, None, time.time_ns).poll()
