from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from support.processes import PATIENCE_S, eventually

from netmon import bundled
from netmon.core.measurement import Column
from netmon.routers.polling import PollError, RouterPoller
from netmon.routers.profiles import load_profiles
from netmon.simulator.device import Transceiver
from netmon.simulator.province import COMMUNITY, Province, Unit, build_province
from netmon.simulator.snmp_agent import LARGEST_DATAGRAM, Agent, serve_snmp
from netmon.snmp.client import Agent as Address
from netmon.snmp.client import Client
from netmon.snmp.codec import V2C, Message, Pdu, PduKind, Tag, VarBind, decode_message, encode_message
from netmon.snmp.errors import SnmpTimeoutError
from netmon.snmp.oid import Oid

NAMES: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)


@pytest.fixture
def province() -> Province:
    return build_province()


@pytest.fixture
async def unit(province: Province) -> AsyncIterator[Unit]:
    """A RouterOS router with its agent running."""
    chosen = province.unit("gubernuran")
    chosen.agent, chosen.snmp_port = await serve_snmp(chosen.router, COMMUNITY)
    yield chosen
    chosen.agent.close()


def ask(agent: Agent, kind: PduKind, *oids: Oid, numbers: tuple[int, int] = (0, 0), community: str = COMMUNITY) -> Pdu:
    nulls = tuple(VarBind(oid, Tag.NULL, None) for oid in oids)
    answer = agent.answer(encode_message(Message(V2C, community.encode(), Pdu(kind, 77, *numbers, nulls))))
    assert answer is not None
    assert len(answer) <= LARGEST_DATAGRAM
    pdu = decode_message(answer).pdu
    assert pdu.request_id == 77
    return pdu


def test_net_snmp_walks_the_whole_agent_in_order(tmp_path: object) -> None:
    # The agent runs in its own process: the walk would block this one.
    program = (
        "import asyncio\n"
        "from netmon.simulator.province import build_province\n"
        "from netmon.simulator.snmp_agent import serve_snmp\n"
        "async def main():\n"
        "    unit = build_province().unit('rumah-sakit')\n"
        "    agent, port = await serve_snmp(unit.router, 'c')\n"
        "    print(unit.router.address, port, flush=True)\n"
        "    await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address, port = process.stdout.readline().split()
            for tool in ("snmpwalk", "snmpbulkwalk"):
                walk = subprocess.run(
                    [tool, "-v2c", "-c", "c", "-On", f"{address}:{port}", "1.3"],
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE_S,
                    check=True,
                )
                assert '.1.3.6.1.2.1.31.1.1.1.1.4 = STRING: "eth2"' in walk.stdout
                assert ".1.3.6.1.4.1.8072.3.2.10" in walk.stdout
                assert "Error" not in walk.stdout + walk.stderr
        finally:
            process.terminate()


async def test_netmons_own_poller_recognises_the_platform_and_reads_every_column(unit: Unit) -> None:
    profiles = load_profiles([bundled.folder("collectors")])
    async with await Client.open() as client:
        address = Address(unit.router.address, unit.snmp_port, COMMUNITY.encode())
        poller = RouterPoller("gubernuran", address, client, profiles, ("ether2", "ether5"), lambda: 10**18)
        first = await poller.poll()
        assert [(one.name, one.alias) for one in first.identity] == [("ether2", "setda"), ("ether5", "disdik")]
        assert first.counter_bits == 64
        assert first.device == "SIM00001"
        assert list(first.columns[Column.SPEED_BPS]) == [10**9, 10**9]

        async def grew() -> bool:
            later = await poller.poll()
            return later.columns[Column.OUT_OCTETS][1] > first.columns[Column.OUT_OCTETS][1]  # type: ignore[operator]

        await eventually(grew, "octets to be counted")
        ports = unit.router.ports
        indexes = [port.index for port in (*ports[1:], ports[0])]
        unit.router.ports = tuple(replace(port, index=index) for port, index in zip(ports, indexes, strict=True))
        moved = await poller.poll()
        assert [one.name for one in moved.identity] == ["ether2", "ether5"]
        assert moved.identity != first.identity


async def test_a_wrong_community_is_met_with_silence(unit: Unit) -> None:
    profiles = load_profiles([bundled.folder("collectors")])
    async with await Client.open() as client:
        address = Address(unit.router.address, unit.snmp_port, b"guess", timeout_ns=50_000_000, retries=0)
        poller = RouterPoller("gubernuran", address, client, profiles, None, lambda: 10**18)
        with pytest.raises(PollError, match="no reply"):
            await poller.poll()
    assert unit.agent is not None
    assert unit.agent.requests == 0


def test_a_router_that_reboots_starts_its_counters_and_its_uptime_again() -> None:
    now_ns = 10**15
    router = build_province(clock=lambda: now_ns).unit("gubernuran").router
    agent = Agent(router, COMMUNITY)
    before = ask(agent, PduKind.GET, (*SYSTEM, 3, 0)).varbinds[0].value
    router.reboot()
    now_ns += 10**8
    after = ask(agent, PduKind.GET, (*SYSTEM, 3, 0)).varbinds[0].value
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after == 10 < before
    port = router.port("ether5")
    assert port is not None
    assert 0 < router.octets(port)[1] < 3_000_000


def test_a_bulk_request_is_cut_at_the_size_of_a_datagram(province: Province) -> None:
    agent = Agent(province.unit("gubernuran").router, COMMUNITY)
    columns = [(*NAMES[:-1], column) for column in (1, 6, 10, 15, 18)]
    pdu = ask(agent, PduKind.GET_BULK, *columns, numbers=(0, 100))
    assert 20 < len(pdu.varbinds) < 100


def test_more_than_fits_one_datagram_is_too_big(province: Province) -> None:
    agent = Agent(province.unit("gubernuran").router, COMMUNITY)
    pdu = ask(agent, PduKind.GET, *[(*SYSTEM, 1, 0)] * 40)
    assert (pdu.error_status, pdu.varbinds) == (1, ())


@pytest.mark.parametrize(
    ("oid", "tag"),
    [
        ((*NAMES, 99), Tag.NO_SUCH_INSTANCE),
        ((1, 3, 6, 1, 4, 1, 99, 1, 0), Tag.NO_SUCH_OBJECT),
        ((*SYSTEM, 5, 0), Tag.OCTET_STRING),
    ],
)
def test_what_is_not_there_is_told_apart(province: Province, oid: Oid, tag: Tag) -> None:
    agent = Agent(province.unit("gubernuran").router, COMMUNITY)
    assert ask(agent, PduKind.GET, oid).varbinds[0].tag == tag


def test_a_walk_ends_and_a_set_is_refused(province: Province) -> None:
    agent = Agent(province.unit("gubernuran").router, COMMUNITY)
    assert ask(agent, PduKind.GET_NEXT, (2, 5)).varbinds[0].tag == Tag.END_OF_MIB_VIEW
    assert ask(agent, PduKind.SET, (*SYSTEM, 5, 0)).error_status == 6


def test_nonsense_gets_no_answer(province: Province) -> None:
    agent = Agent(province.unit("gubernuran").router, COMMUNITY)
    assert agent.answer(b"\x30\x82\xff") is None


async def test_a_share_of_the_requests_can_be_lost(unit: Unit) -> None:
    assert unit.agent is not None
    unit.agent.lost_ratio = 1.0
    async with await Client.open() as client:
        address = Address(unit.router.address, unit.snmp_port, COMMUNITY.encode(), timeout_ns=50_000_000, retries=1)
        with pytest.raises(SnmpTimeoutError):
            await client.get(address, [(*SYSTEM, 3, 0)])
        unit.agent.lost_ratio = 0.0
        assert (await client.get(address, [(*SYSTEM, 5, 0)]))[0].value == b"gubernuran"


def test_an_optical_module_shows_its_light_until_the_link_is_down(province: Province) -> None:
    router = province.unit("gubernuran").router
    agent = Agent(router, COMMUNITY)
    optical, status = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 19, 1, 1), (1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 1)
    lost, received = (*optical, 3, 1), (*optical, 10, 1)

    def seen() -> list[object]:
        return [one.value for one in ask(agent, PduKind.GET, status, lost, received).varbinds]

    assert seen() == [1, 2, -6200]
    router.plug("ether1", Transceiver(rx_power_dbm=0.0), neighbour="pelayanan")
    assert seen() == [1, 2, 0]
    neighbour = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 11, 1, 1, 6, 1)
    assert [one.value for one in ask(agent, PduKind.GET, neighbour).varbinds] == [b"pelayanan"]
    router.down.add("ether1")
    assert seen() == [2, 1, -40_000]
