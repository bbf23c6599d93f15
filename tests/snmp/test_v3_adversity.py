"""What a bad network, or somebody who sees the traffic, sends besides the genuine SNMPv3 replies."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace

import pytest
import pytest_asyncio
from snmp.authority import LocalEngine
from snmp.scripted import mib_answer
from snmp.scripted_v3 import (
    AUTH,
    FULL,
    MIB,
    ONE,
    OTHER_ID,
    USERS,
    SecureAgent,
    anybodys_report,
    at,
    engine_of,
    honest,
    report,
    secure,
)

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Pdu, PduKind, Tag, Value, VarBind
from netmon.snmp.engine import SECOND, EngineTime
from netmon.snmp.errors import SnmpError, SnmpResponseError, SnmpTimeoutError
from netmon.snmp.keys import KeyRing
from netmon.snmp.oid import Oid
from netmon.snmp.security_errors import (
    SnmpContextError,
    SnmpEngineError,
    SnmpSecurityLevelError,
    SnmpTimeWindowError,
    SnmpUnknownUserError,
    SnmpWrongKeyError,
)
from netmon.snmp.template import IF_NAME, SYS_UP_TIME, GetTemplate
from netmon.snmp.trial import Engine
from netmon.snmp.users import User
from netmon.snmp.usm import (
    DECRYPTION_ERRORS,
    NOT_IN_TIME_WINDOWS,
    UNKNOWN_ENGINE_IDS,
    UNKNOWN_USER_NAMES,
    UNSUPPORTED_SEC_LEVELS,
    WRONG_DIGESTS,
)
from netmon.snmp.v3 import Level, decode_secure

CONTEXTS: Oid = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)
REPORTS: list[tuple[Oid, type[SnmpError], str]] = [
    (UNKNOWN_USER_NAMES, SnmpUnknownUserError, "no SNMPv3 user 'full'"),
    (UNSUPPORTED_SEC_LEVELS, SnmpSecurityLevelError, "or use another level here"),
    (WRONG_DIGESTS, SnmpWrongKeyError, "refuses the authentication key"),
    (DECRYPTION_ERRORS, SnmpWrongKeyError, "refuses the privacy key"),
    (CONTEXTS, SnmpContextError, "no context"),
    ((1, 2, 3, 4, 0), SnmpResponseError, "reports 1.2.3.4.0 instead"),
]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open() as one:
        yield one


def reporting(what: Oid, engine_id: bytes, *, genuine: bool) -> Callable[[bytes], Iterable[bytes]]:
    """Anybody's report, in the genuine reply's place or before it."""

    def tampered(data: bytes) -> Iterable[bytes]:
        forged = anybodys_report(decode_secure(data).message_id, what, engine_id)
        return [forged, data] if genuine else [forged]

    return tampered


@pytest.mark.parametrize("what", [*(what for what, _, _ in REPORTS), NOT_IN_TIME_WINDOWS, UNKNOWN_ENGINE_IDS], ids=str)
@pytest.mark.parametrize("engine_id", [engine_of(USERS).engine_id, OTHER_ID], ids=["its own", "another"])
async def test_a_report_that_anybody_can_send_does_not_end_a_request_to_an_engine_that_has_been_heard(
    client: Client, what: Oid, engine_id: bytes
) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        for user in (FULL, AUTH):
            agent.tamper = honest
            await client.get(at(agent, user), ONE)
            agent.tamper = reporting(what, engine_id, genuine=True)
            before = client.stats()
            for visit in (1, 2, 3):
                assert (await client.get(at(agent, user), ONE))[0].value == 1
                stats = client.stats()
                assert stats.refused - before.refused == visit
                assert (stats.requests - before.requests, stats.retries) == (visit, 0)


@pytest.mark.parametrize(("what", "error", "message"), REPORTS, ids=str)
async def test_what_it_says_is_told_if_nothing_better_comes(
    client: Client, what: Oid, error: type[SnmpError], message: str
) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.tamper = reporting(what, agent.engine.engine_id, genuine=False)
        with pytest.raises(error, match=f"^127.0.0.1:{agent.port}: .*{message}"):
            await client.get(at(agent, timeout_ms=40, retries=1), ONE)
        assert (client.stats().retries, client.stats().refused) == (1, 2)
        agent.tamper = honest
        assert (await client.get(at(agent), ONE))[0].value == 1


@pytest.mark.parametrize("what", [CONTEXTS, (1, 2, 3, 4, 0)], ids=str)
async def test_a_report_of_anything_but_the_user_is_not_believed_of_an_engine_just_met_either(
    client: Client, what: Oid
) -> None:
    def forging(data: bytes) -> Iterable[bytes]:
        return reporting(what, agent.engine.engine_id, genuine=True)(data) if decode_secure(data).level else [data]

    async with secure(engine_of(USERS), MIB, forging) as agent:
        assert (await client.get(at(agent), ONE))[0].value == 1
        assert client.stats().refused == 1


async def test_a_user_whose_key_was_changed_is_told_so_after_the_last_attempt(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.engine = engine_of([replace(FULL, auth_password=b"marplesyrup")], boots=4)
        with pytest.raises(SnmpWrongKeyError, match="refuses the authentication key of user 'full'"):
            await client.get(at(agent, timeout_ms=40, retries=1), ONE)
        assert client.stats().retries == 1


def clocked(agent: SecureAgent, user: User) -> Callable[[bytes], Iterable[bytes]]:
    """The agent's own report of its time, before its reply."""
    local = KeyRing().local(user, agent.engine.engine_id)

    def tampered(data: bytes) -> Iterable[bytes]:
        engine = agent.engine
        message_id, clock = decode_secure(data).message_id, engine.clock(time.monotonic_ns())
        return [report(message_id, NOT_IN_TIME_WINDOWS, engine.engine_id, local, Level.AUTH_NO_PRIV, clock), data]

    return tampered


@pytest.mark.parametrize("times", [1, 2, 3, 4])
async def test_a_request_is_made_anew_three_times_at_most(client: Client, times: int) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        doubting = clocked(agent, FULL)
        agent.tamper = lambda data: doubting(data) if len(agent.questions) <= 1 + times else [data]
        if times <= 3:
            assert (await client.get(at(agent), ONE))[0].value == 1
        else:
            with pytest.raises(SnmpEngineError, match="keeps reporting another engine id or time"):
                await client.get(at(agent), ONE)
        assert len(agent.questions) == 1 + min(times + 1, 4)


def stamped(agent: SecureAgent, boots: int, seconds_ago: int) -> bytes:
    """The agent's own answer to its last question, 666, as it would have been at another time."""
    question, engine = agent.questions[-1], agent.engine
    pdu = Pdu(PduKind.RESPONSE, question.pdu.request_id, 0, 0, (VarBind(ONE[0], Tag.GAUGE32, 666),))
    then = LocalEngine(engine.engine_id, USERS, boots, engine.booted_ns)
    return then.answer(question, pdu, time.monotonic_ns() - seconds_ago * SECOND)


@pytest.mark.parametrize(("boots", "seconds_ago"), [(3, 600), (2, 0)], ids=["of ten minutes ago", "of a boot before"])
async def test_a_replayed_reply_from_outside_the_window_is_refused_each_time_and_the_genuine_one_taken(
    client: Client, boots: int, seconds_ago: int
) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.tamper = lambda data: [stamped(agent, boots, seconds_ago), data]
        for visit in (1, 2, 3):
            assert (await client.get(at(agent), ONE))[0].value == 1
            assert client.stats().refused == visit
        assert client.stats().requests == 2 + 3


async def test_a_report_of_a_time_long_overtaken_makes_the_request_anew(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        local = KeyRing().local(FULL, agent.engine.engine_id)

        def overtaken(data: bytes) -> Iterable[bytes]:
            agent.tamper = honest
            message_id = decode_secure(data).message_id
            return [report(message_id, NOT_IN_TIME_WINDOWS, agent.engine.engine_id, local, Level.AUTH_NO_PRIV, (2, 9))]

        agent.tamper = overtaken
        assert (await client.get(at(agent), ONE))[0].value == 1
        assert (client.stats().requests, client.stats().refused) == (2 + 2, 0)


async def test_a_request_to_a_former_engine_that_ends_in_vain_leaves_the_new_one(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        (peer,) = client._manager._peers.values()
        new = Engine(OTHER_ID, KeyRing().local(FULL, OTHER_ID), EngineTime(1, 1, 0, authentic=False))

        def replaced(_: bytes) -> Iterable[bytes]:
            peer.engine = new
            return [stamped(agent, 2, 0)]

        agent.tamper = replaced
        with pytest.raises(SnmpTimeWindowError):
            await client.get(at(agent, timeout_ms=40), ONE)
        assert peer.engine is new


async def test_an_agent_whose_replies_stay_outside_the_window_is_met_anew_by_the_next_request(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        agent.tamper = lambda data: [stamped(agent, 2, 0)]
        with pytest.raises(SnmpTimeWindowError, match=r"a message of boot 2, .* replayed, or the agent lost count"):
            await client.get(at(agent, timeout_ms=40, retries=1), ONE)
        agent.tamper = honest
        assert (await client.get(at(agent), ONE))[0].value == 1
        assert client.stats().requests == 2 + 1 + 2


HC_IN: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
PORTS = range(1, 9)
NUMBERS: dict[Oid, tuple[int, Value]] = {
    SYS_UP_TIME: (Tag.TIME_TICKS, 400_000),
    **{(*IF_NAME, port): (Tag.OCTET_STRING, b"ether%02d" % port) for port in PORTS},
    **{(*HC_IN, port): (Tag.COUNTER64, 2**40 + port) for port in PORTS},
}


def templates() -> list[GetTemplate]:
    return [GetTemplate([(port, b"ether%02d" % port)], [HC_IN]) for port in PORTS]


async def cells(client: Client, agent: Agent, asked: list[GetTemplate]) -> list[int | None]:
    return [cell for reply in await client.fetch(agent, asked) for cell in reply.cells]


EXPECTED = [2**40 + port for port in PORTS]


@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "the first reply after the third report"])
@pytest.mark.parametrize(
    "after",
    [lambda: engine_of(USERS, boots=4), lambda: engine_of(USERS, boots=1, engine_id=OTHER_ID)],
    ids=["the agent restarts", "its engine id changes"],
)
async def test_between_the_replies_of_one_visit(
    client: Client, after: Callable[[], LocalEngine], *, is_late: bool
) -> None:
    late: list[bytes] = []

    def changing(data: bytes) -> Iterable[bytes]:
        count = len(agent.requests) - before
        if count == 1:
            agent.engine = after()
            if is_late:
                late.append(data)
                return []
        return [data, *late] if count == 4 else [data]

    asked = templates()
    async with secure(engine_of(USERS, boots=3), mib_answer(NUMBERS)) as agent:
        where = at(agent, timeout_ms=100, retries=2)
        assert await cells(client, where, asked) == EXPECTED
        before = len(agent.requests)
        agent.tamper = changing
        assert await cells(client, where, asked) == EXPECTED
        assert (await client.get(where, [(*HC_IN, 1)]))[0].value == EXPECTED[0]


async def test_the_engine_that_a_visit_finds_changed_is_asked_nothing_more(client: Client) -> None:
    """Not even where a budget lets its requests wait for one another: only the first is asked again in vain."""
    asked = templates()
    async with secure(engine_of(USERS), mib_answer(NUMBERS)) as agent:
        where = replace(at(agent, timeout_ms=100, retries=2), requests_per_second=10_000)
        await client.fetch(where, asked)
        agent.engine = engine_of(USERS, boots=1, engine_id=OTHER_ID)
        before = client.stats()
        assert await cells(client, where, asked) == EXPECTED
        stats = client.stats()
        assert stats.retries - before.retries == 1
        assert stats.requests - before.requests == 8 + 8


async def test_a_visit_without_retries_meets_a_changed_engine_too(client: Client) -> None:
    asked = templates()
    async with secure(engine_of(USERS), mib_answer(NUMBERS)) as agent:
        where = at(agent, timeout_ms=250)
        await client.fetch(where, asked)
        agent.engine = engine_of(USERS, boots=1, engine_id=OTHER_ID)
        assert await cells(client, where, asked) == EXPECTED


async def test_where_a_visit_ends_early_a_report_that_anybody_can_send_is_not_followed(client: Client) -> None:
    """The first of its requests is lost, so the third has had too little time for its reply."""

    def forging(data: bytes) -> Iterable[bytes]:
        position = len(agent.requests) - before
        return {1: [], 3: reporting(UNKNOWN_ENGINE_IDS, OTHER_ID, genuine=False)(data)}.get(position, [data])

    asked = templates()[:3]
    async with secure(engine_of(USERS), mib_answer(NUMBERS)) as agent:
        await client.fetch(at(agent), asked)
        (peer,) = client._manager._peers.values()
        engine, before = peer.engine, len(agent.requests)
        agent.tamper = forging
        with pytest.raises(SnmpTimeoutError):
            await client.fetch(at(agent, timeout_ms=60), asked)
        assert peer.engine is engine


async def test_a_reply_about_something_else_is_refused_whenever_it_comes_and_the_right_one_taken(
    client: Client,
) -> None:
    """At the first contact, by a form not yet known and by a known one, and where the agent restarted."""
    answered = 0

    def odd(data: bytes) -> Iterable[bytes]:
        nonlocal answered
        if len(agent.questions) == answered:
            return [data]
        answered += 1
        return [stamped(agent, agent.engine.boots, 0), data]

    asked = templates()
    async with secure(engine_of(USERS), mib_answer(NUMBERS), odd) as agent:
        for boots in (3, 3, 4):
            agent.engine.boots = boots
            assert await cells(client, at(agent), asked) == EXPECTED
        assert client.stats().refused == answered == 3 * len(asked)


@pytest.mark.parametrize("ways", ["its replies are of another time", "it rejects ours"])
async def test_a_visit_to_an_agent_that_lost_count_of_its_restarts_fails_and_the_next_meets_it_anew(
    client: Client, ways: str
) -> None:
    asked = templates()
    async with secure(engine_of(USERS), mib_answer(NUMBERS)) as agent:
        where = at(agent, timeout_ms=60, retries=1)
        await client.fetch(where, asked)
        if ways == "it rejects ours":
            agent.engine.boots = 2
        else:
            agent.tamper = lambda data: [stamped(agent, 2, 0)]
        with pytest.raises(SnmpTimeWindowError, match="lost count of its restarts"):
            await client.fetch(where, asked)
        agent.tamper = honest
        assert await cells(client, where, asked) == EXPECTED
        assert client.stats().in_flight == 0
