"""How engines are met over SNMPv3: discovered, followed in their time, restarted, replaced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from functools import partial

import pytest
import pytest_asyncio
from snmp.scripted import counted
from snmp.scripted_v3 import BASE, MIB, ONE, OTHER_ID, USERS, anybodys_report, at, engine_of, honest, secure
from support.processes import eventually

from netmon.snmp.client import Client
from netmon.snmp.codec import Pdu, PduKind, encode_pdu
from netmon.snmp.engine import LATCHED, SECOND
from netmon.snmp.errors import SnmpDecodeError, SnmpTimeoutError
from netmon.snmp.manager import Manager
from netmon.snmp.security_errors import SnmpEngineError, SnmpTimeWindowError
from netmon.snmp.trial import Engine
from netmon.snmp.usm import NOT_IN_TIME_WINDOWS, UNKNOWN_ENGINE_IDS
from netmon.snmp.v3 import MAX_ENGINE_ID, Level, decode_secure, encode_scoped, encode_secure


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open() as one:
        yield one


def met(client: Client) -> Engine:
    """The only engine that the client has met."""
    (peer,) = client._manager._peers.values()
    assert peer.engine is not None
    return peer.engine


async def test_an_engine_is_discovered_once_however_many_wait_for_it(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        names = [[(*BASE, 1, row)] for row in range(1, 21)]
        found = await asyncio.gather(*(client.get(at(agent), one) for one in names))
        assert [varbinds[0].value for varbinds in found] == list(range(1, 21))
        assert len(agent.requests) == 21


def blank_time(data: bytes) -> Iterable[bytes]:
    """Discovery reports that claim nothing, as some agents' do."""
    message = decode_secure(data)
    if message.level:
        return [data]
    raw, _ = encode_secure(
        message.message_id, Level.NO_AUTH_NO_PRIV, False, message.engine_id, 0, 0, b"", 0, b"", data[message.data_at :]
    )
    return [raw]


async def test_a_clock_that_was_not_told_in_the_discovery_is_learnt_from_an_authentic_report(client: Client) -> None:
    async with secure(engine_of(USERS), MIB, blank_time) as agent:
        assert (await client.get(at(agent), ONE))[0].value == 1
        assert len(agent.requests) == 3
        assert agent.engine.reported == {UNKNOWN_ENGINE_IDS: 1, NOT_IN_TIME_WINDOWS: 1}
        await client.get(at(agent), ONE)
        assert len(agent.requests) == 4


async def test_after_ten_idle_minutes_the_first_request_just_works(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        engine = met(client)
        engine.clock = engine.clock._replace(at_ns=engine.clock.at_ns - 600 * SECOND)
        agent.engine.booted_ns -= 600 * SECOND
        await client.get(at(agent), ONE)
        assert len(agent.requests) == 3
        assert engine.clock.time == 1600


@pytest.mark.parametrize(("drift", "requests"), [(140, 1), (-140, 1), (400, 2)])
async def test_a_clock_that_drifts_is_followed(client: Client, drift: int, requests: int) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.engine.booted_ns -= drift * SECOND
        await client.get(at(agent), ONE)
        await client.get(at(agent), ONE)
        assert len(agent.requests) == 2 + requests + 1


async def test_an_agent_that_restarted_tells_its_time_and_is_asked_again(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.engine.boots, agent.engine.booted_ns = 4, time.monotonic_ns()
        assert (await client.get(at(agent), ONE))[0].value == 1
        assert len(agent.requests) == 4
        assert client.stats().refused == 0


async def test_an_agent_that_lost_count_of_its_restarts_costs_one_request_and_says_so(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.engine.booted_ns = time.monotonic_ns()
        with pytest.raises(SnmpTimeWindowError, match="lost count of its restarts"):
            await client.get(at(agent), ONE)
        assert (await client.get(at(agent), ONE))[0].value == 1


@pytest.mark.parametrize(("retries", "requests"), [(0, 4), (2, 5)])
async def test_an_engine_whose_id_changed_is_met_anew_after_the_first_attempt(
    client: Client, retries: int, requests: int
) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.engine = engine_of(USERS, boots=1, engine_id=OTHER_ID)
        assert (await client.get(at(agent, timeout_ms=250, retries=retries), ONE))[0].value == 1
        assert len(agent.requests) == requests
        assert met(client).engine_id == OTHER_ID
        assert (await client.get(at(agent), ONE))[0].value == 1
        assert len(agent.requests) == requests + 1


async def test_many_at_once_find_out_together_that_an_engine_has_changed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        meetings = counted(monkeypatch, Manager, "_meet")
        for boots in (9, 1):
            agent.engine = engine_of(USERS, boots=boots, engine_id=OTHER_ID + bytes((boots,)))
            where = at(agent, timeout_ms=100, retries=2)
            found = await asyncio.gather(*(client.get(where, [(*BASE, 1, row)]) for row in range(1, 21)))
            assert [varbinds[0].value for varbinds in found] == list(range(1, 21))
            assert met(client).clock.boots == boots
        assert len(meetings) == 2


async def test_clones_that_share_an_engine_id_do_not_share_a_clock(client: Client) -> None:
    async with secure(engine_of(USERS, boots=9), MIB) as one, secure(engine_of(USERS, boots=2), MIB) as other:
        for _ in range(3):
            await asyncio.gather(client.get(at(one), ONE), client.get(at(other), ONE))
        assert (len(one.requests), len(other.requests)) == (4, 4)


async def test_an_agent_that_never_settles_on_an_engine_id_is_an_error_and_no_loop(client: Client) -> None:
    def unsettled(data: bytes) -> Iterable[bytes]:
        other = b"\x80\0\0\0\4" + bytes([len(agent.requests)])
        return [anybodys_report(decode_secure(data).message_id, UNKNOWN_ENGINE_IDS, other)]

    async with secure(engine_of(USERS), MIB, unsettled) as agent:
        with pytest.raises(SnmpEngineError, match="several agents answer at this address"):
            await client.get(at(agent), ONE)
        assert len(agent.requests) == 1 + 1 + 3


async def test_an_engine_that_ran_out_of_boots_is_refused(client: Client) -> None:
    async with secure(engine_of(USERS, boots=LATCHED), MIB) as agent:
        for _ in range(2):
            with pytest.raises(SnmpTimeWindowError, match="snmpEngineBoots has run out"):
                await client.get(at(agent), ONE)


@pytest.mark.parametrize("kind", [PduKind.RESPONSE, PduKind.GET])
async def test_a_discovery_is_answered_by_a_report_or_not_at_all(client: Client, kind: PduKind) -> None:
    def odd(data: bytes) -> Iterable[bytes]:
        engine_id = b"" if kind is PduKind.RESPONSE else b"\x80\0\0\0\4test"
        scoped = encode_scoped(engine_id, b"", encode_pdu(Pdu(kind, 0, 0, 0, ())))
        message_id = decode_secure(data).message_id
        yield encode_secure(message_id, Level.NO_AUTH_NO_PRIV, False, engine_id, 1, 1, b"", 0, b"", scoped)[0]

    async with secure(engine_of(USERS), MIB, odd) as agent:
        with pytest.raises(SnmpEngineError, match=f"^127.0.0.1:{agent.port}: an answer to a discovery"):
            await client.get(at(agent, timeout_ms=40), ONE)


async def test_a_malformed_answer_to_a_discovery_names_the_agent(client: Client) -> None:
    async with secure(engine_of(USERS, engine_id=bytes(MAX_ENGINE_ID + 1)), MIB) as agent:
        with pytest.raises(SnmpDecodeError, match=f"^127.0.0.1:{agent.port}: malformed .* at most 32$"):
            await client.get(at(agent, timeout_ms=40), ONE)


async def test_cancelling_the_one_who_discovers_lets_the_next_discover(client: Client) -> None:
    async with secure(engine_of(USERS), MIB, lambda _: []) as agent:
        first = asyncio.create_task(client.get(at(agent, timeout_ms=60_000), ONE))
        await eventually(partial(bool, agent.requests), "the discovery to arrive")
        second = asyncio.create_task(client.get(at(agent), ONE))
        agent.tamper = honest
        first.cancel()
        assert (await second)[0].value == 1
        await asyncio.gather(first, return_exceptions=True)


async def test_whoever_waits_for_a_discovery_that_fails_fails_with_it_and_the_next_discovers_anew(
    client: Client,
) -> None:
    async with secure(engine_of(USERS), MIB, lambda _: []) as agent:
        where = at(agent, timeout_ms=100)
        found = await asyncio.gather(*(client.get(where, ONE) for _ in range(8)), return_exceptions=True)
        assert [type(one) for one in found] == [SnmpTimeoutError] * 8
        assert {str(one) for one in found} == {str(found[0])}
        assert len(agent.requests) == 1
        agent.tamper = honest
        assert (await client.get(where, ONE))[0].value == 1


async def test_cancelling_one_who_waits_for_a_discovery_harms_nobody_else(client: Client) -> None:
    async with secure(engine_of(USERS), MIB, lambda _: []) as agent:
        where = at(agent, timeout_ms=60, retries=3)
        waiting = [asyncio.create_task(client.get(where, ONE)) for _ in range(3)]
        await eventually(partial(bool, agent.requests), "the discovery to arrive")
        waiting[1].cancel()
        agent.tamper = honest
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in found] == [tuple, asyncio.CancelledError, tuple]
