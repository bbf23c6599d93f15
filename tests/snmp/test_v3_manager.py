"""SNMPv3 end to end against an agent that misbehaves on demand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace

import pytest
import pytest_asyncio
from snmp.authority import LocalEngine, Question, seal
from snmp.scripted import response, scripted
from snmp.scripted_v3 import AUTH, BASE, FULL, MIB, ONE, OPEN, USERS, at, engine_of, report, secure

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Message, Pdu, PduKind, Tag, VarBind, encode_pdu
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpResponseError, SnmpStatusError, SnmpTimeoutError
from netmon.snmp.keys import KeyRing
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import (
    SnmpAuthenticationError,
    SnmpContextError,
    SnmpEngineError,
    SnmpSecurityLevelError,
    SnmpUnknownUserError,
    SnmpWrongKeyError,
)
from netmon.snmp.template import FRAME
from netmon.snmp.users import PrivProtocol, User
from netmon.snmp.usm import NOT_IN_TIME_WINDOWS, UNKNOWN_ENGINE_IDS
from netmon.snmp.v3 import Level, decode_secure, encode_scoped


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open() as one:
        yield one


async def test_replies_may_be_as_long_as_the_engine_met_allows(client: Client) -> None:
    usual = engine_of(USERS, engine_id=b"\x80\0\x1f\x88\x80" + bytes(12))
    async with secure(usual, MIB) as agent:
        where = at(agent)
        unmet = client.most_octets(where)
        await client.get(where, ONE)
        assert client.most_octets(where) == unmet + 2 * (32 - 17)
        # The usual user's PDUs are no smaller than with the hundred octets that were once taken off.
        assert client.most_octets(where) >= FRAME - 100
        assert client.most_octets(replace(where, user=None)) == FRAME


def test_an_agent_does_not_show_its_users_passwords() -> None:
    assert "maplesyrup" not in repr(Agent("127.0.0.1", user=FULL))


@pytest.mark.parametrize("user", USERS, ids=str)
async def test_the_first_request_discovers_and_the_second_does_not(client: Client, user: User) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        for requests in (2, 3):
            assert (await client.get(at(agent, user, context=b"vrf"), ONE))[0].value == 1
            assert len(agent.requests) == requests
        assert [(question.level, question.context) for question in agent.questions] == [(user.level, b"vrf")] * 2
        first = decode_secure(agent.requests[0])
        assert (first.engine_id, first.user, first.level, first.reportable) == (b"", b"", 0, True)
        assert (decode_secure(agent.requests[1]).boots == 0) is (user is OPEN)


async def test_a_walk_works_as_ever(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        found = await client.walk(at(agent), [(*BASE, 1)], max_repetitions=7)
        assert list(found[*BASE, 1]) == [(row,) for row in range(1, 30)]
        agent.answer = lambda request: [response(request, (), 13, 1)]
        with pytest.raises(SnmpStatusError, match="resourceUnavailable for variable 1"):
            await client.get(at(agent), ONE)


async def test_half_the_datagrams_lost_are_asked_for_again(client: Client) -> None:
    def lossy(data: bytes) -> Iterable[bytes]:
        return [data] if len(agent.requests) % 2 == 0 else []

    async with secure(engine_of(USERS), MIB, lossy) as agent:
        for _ in range(4):
            await client.get(at(agent, timeout_ms=60, retries=5), ONE)
        assert client.stats().retries >= 5


MISTYPED = replace(FULL, auth_password=b"marplesyrup")
UNREADABLE = replace(FULL, priv_password=b"marplesyrup")
MORE = replace(AUTH, priv=PrivProtocol.DES, priv_password=b"maplesyrup")


@pytest.mark.parametrize(
    ("user", "error", "what"),
    [
        (replace(FULL, name=b"who"), SnmpUnknownUserError, "no SNMPv3 user 'who'"),
        (MISTYPED, SnmpWrongKeyError, "refuses the authentication key of user 'full'"),
        (UNREADABLE, SnmpWrongKeyError, "refuses the privacy key of user 'full'"),
        (MORE, SnmpSecurityLevelError, "does not serve user 'auth' at level authPriv"),
    ],
)
async def test_a_user_who_is_not_let_in_is_told_why(
    client: Client, user: User, error: type[SnmpError], what: str
) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        with pytest.raises(error, match=what):
            await client.get(at(agent, user), ONE)
        assert client.stats().refused == 0


async def test_a_silent_agent_is_a_timeout_that_speaks_of_what_can_be_wrong(client: Client) -> None:
    async with secure(engine_of(USERS), MIB, lambda _: []) as agent:
        with pytest.raises(SnmpTimeoutError, match=r"no reply to 2 requests; check that the agent runs, .* SNMPv3"):
            await client.get(at(agent, timeout_ms=40, retries=1), ONE)
        agent.tamper = lambda data: [data] if not decode_secure(data).level else []
        for user, remedy in ((FULL, "that the privacy protocol"), (AUTH, "check that the agent still runs$")):
            with pytest.raises(SnmpTimeoutError, match=remedy):
                await client.get(at(agent, user, timeout_ms=40), ONE)


def level_only(level: Level, tamper: Callable[[bytes], Iterable[bytes]]) -> Callable[[bytes], Iterable[bytes]]:
    """`tamper` for messages of that level; the others pass."""
    return lambda data: tamper(data) if decode_secure(data).level is level else [data]


async def test_altered_replies_are_dropped_and_do_not_harm_the_request(client: Client) -> None:
    def altered(data: bytes) -> Iterable[bytes]:
        for position in range(len(data)):
            yield data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :]
        yield data[:-1]
        yield data + b"\0"
        yield data

    async with secure(engine_of(USERS), MIB, level_only(Level.AUTH_PRIV, altered)) as agent:
        assert (await client.get(at(agent), ONE))[0].value == 1
        dropped = len(agent.sent) - 2
        stats = client.stats()
        assert stats.refused > 100
        assert stats.refused + stats.decode_errors + stats.dropped_unsolicited == dropped
        assert stats.replies == 2


def forged(level: Level, what: str) -> Callable[[LocalEngine, Question, Pdu], bytes]:
    """An answer of the agent itself that is not the one asked for."""

    def make(engine: LocalEngine, question: Question, pdu: Pdu) -> bytes:
        now_ns = time.monotonic_ns()
        if what == "engine":
            question = question._replace(engine_id=b"\x80\0\0\0\4other")
        if what == "context":
            question = question._replace(context=b"other")
        if what == "request-id":
            pdu = replace(pdu, request_id=pdu.request_id ^ 1)
        if what == "kind":
            pdu = replace(pdu, kind=PduKind.GET)
        if what == "user":
            question = question._replace(
                user=KeyRing().local(AUTH if question.user.name == b"full" else FULL, engine.engine_id)
            )
        return engine.answer(question._replace(level=level), pdu, now_ns)

    return make


@pytest.mark.parametrize(
    ("user", "level", "what", "error", "message"),
    [
        (FULL, Level.AUTH_NO_PRIV, "", SnmpAuthenticationError, "at authNoPriv to a request at authPriv"),
        (FULL, Level.NO_AUTH_NO_PRIV, "", SnmpAuthenticationError, "at noAuthNoPriv to a request at authPriv"),
        (AUTH, Level.NO_AUTH_NO_PRIV, "", SnmpAuthenticationError, "at noAuthNoPriv to a request at authNoPriv"),
        (FULL, Level.AUTH_PRIV, "engine", SnmpResponseError, "another request-id, engine"),
        (FULL, Level.AUTH_PRIV, "context", SnmpResponseError, "or context"),
        (FULL, Level.AUTH_PRIV, "request-id", SnmpResponseError, "another request-id"),
        (FULL, Level.AUTH_PRIV, "kind", SnmpResponseError, "a GET instead of a response"),
        (AUTH, Level.AUTH_NO_PRIV, "user", SnmpAuthenticationError, "another engine or user"),
        (OPEN, Level.NO_AUTH_NO_PRIV, "user", SnmpResponseError, "another request-id, engine, user"),
        (OPEN, Level.NO_AUTH_NO_PRIV, "engine", SnmpResponseError, "another request-id, engine"),
    ],
)
async def test_a_reply_that_is_not_the_one_asked_for_is_refused_and_the_right_one_still_taken(
    client: Client, user: User, level: Level, what: str, error: type[SnmpError], message: str
) -> None:
    def wrong(data: bytes) -> Iterable[bytes]:
        if not agent.questions:
            return [data]
        question = agent.questions[-1]
        pdu = Pdu(PduKind.RESPONSE, question.pdu.request_id, 0, 0, (VarBind(ONE[0], Tag.GAUGE32, 666),))
        return [forged(level, what)(agent.engine, question, pdu), *([data] if right else [])]

    right = True
    async with secure(engine_of(USERS), MIB, wrong) as agent:
        assert (await client.get(at(agent, user), ONE))[0].value == 1
        assert client.stats().refused == 1
        right = False
        with pytest.raises(error, match=f"^127.0.0.1:{agent.port}: .*{message}"):
            await client.get(at(agent, user, timeout_ms=60), ONE)


async def test_a_replayed_reply_is_dropped(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as agent:
        await client.get(at(agent), ONE)
        old = agent.sent[-1]
        agent.tamper = lambda data: [old, old, data]
        await client.get(at(agent), [(*BASE, 1, 2)])
        assert client.stats().dropped_unsolicited == 2


@pytest.mark.parametrize(
    ("what", "level", "error", "message", "refused"),
    [
        (NOT_IN_TIME_WINDOWS, Level.NO_AUTH_NO_PRIV, SnmpAuthenticationError, "of its time that is not authentic", 1),
        (NOT_IN_TIME_WINDOWS, Level.AUTH_NO_PRIV, SnmpEngineError, "keeps reporting another engine id or time", 0),
        (UNKNOWN_ENGINE_IDS, Level.NO_AUTH_NO_PRIV, SnmpEngineError, "does not know its own engine id", 1),
        ((1, 3, 6, 1, 6, 3, 12, 1, 5, 0), Level.AUTH_PRIV, SnmpContextError, "no context 'vrf-9'", 0),
        ((1, 3, 6, 1, 6, 3, 12, 1, 4, 0), Level.AUTH_NO_PRIV, SnmpContextError, "no context 'vrf-9'", 0),
        ((1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0), Level.AUTH_PRIV, SnmpResponseError, "reports 1.3.6.1.6.3.11.2.1.3.0", 0),
        (None, Level.AUTH_PRIV, SnmpResponseError, "a report of nothing", 1),
    ],
)
async def test_reports_are_believed_as_far_as_they_may_be(
    client: Client, what: Oid | None, level: Level, error: type[SnmpError], message: str, refused: int
) -> None:
    engine = engine_of(USERS)
    full = KeyRing().local(FULL, engine.engine_id)

    def reported(data: bytes) -> Iterable[bytes]:
        message_id = decode_secure(data).message_id
        return [report(message_id, what, engine.engine_id, full, level)] if agent.questions else [data]

    async with secure(engine, MIB, reported) as agent:
        with pytest.raises(error, match=f"^127.0.0.1:{agent.port}: .*{message}"):
            await client.get(at(agent, timeout_ms=60, context=b"vrf-9"), ONE)
        assert client.stats().refused == refused


async def test_versions_do_not_answer_for_one_another(client: Client) -> None:
    async with secure(engine_of(USERS), MIB) as other:
        await client.get(at(other), ONE)

        def both(request: Message) -> Iterable[Message | bytes]:
            question = other.questions[-1]._replace(message_id=request.pdu.request_id)
            pdu = Pdu(PduKind.RESPONSE, request.pdu.request_id, 0, 0, (VarBind(ONE[0], Tag.GAUGE32, 666),))
            yield other.engine.answer(question, pdu, time.monotonic_ns())
            yield from MIB(request)

        async with scripted(both) as agent:
            assert (await client.get(Agent("127.0.0.1", agent.port), ONE))[0].value == 1
            assert client.stats().dropped_unsolicited == 1

        def older(data: bytes) -> Iterable[bytes]:
            message_id = decode_secure(data).message_id
            pdu = encode_pdu(Pdu(PduKind.RESPONSE, message_id, 0, 0, ()))
            return [b"\x30" + bytes([5 + len(pdu)]) + b"\x02\x01\x01\x04\x00" + pdu, data]

        other.tamper = older
        assert (await client.get(at(other), ONE))[0].value == 1
        assert client.stats().dropped_unsolicited == 2


async def test_a_malformed_list_of_variables_in_an_authentic_reply_names_the_agent(client: Client) -> None:
    def broken(data: bytes) -> Iterable[bytes]:
        if not agent.questions:
            return [data]
        question, engine = agent.questions[-1], agent.engine
        pdu = encode_pdu(Pdu(PduKind.RESPONSE, question.pdu.request_id, 0, 0, (VarBind(ONE[0], Tag.GAUGE32, 1),)))
        scoped = encode_scoped(engine.engine_id, b"", pdu[:-1] + b"\x80")
        clock = engine.clock(time.monotonic_ns())
        return [
            seal(question.user, question.level, engine.engine_id, clock, question.message_id, False, scoped, Salts())
        ]

    async with secure(engine_of(USERS), MIB, broken) as agent:
        with pytest.raises(SnmpDecodeError, match=f"^127.0.0.1:{agent.port}"):
            await client.get(at(agent, timeout_ms=60), ONE)
