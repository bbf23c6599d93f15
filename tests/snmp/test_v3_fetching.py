"""Visits over SNMPv3: the replies to several templates, which are judged together once they are there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace

import pytest
import pytest_asyncio
from snmp.scripted import counted, mib_answer
from snmp.scripted_v3 import SecureAgent, engine_of, secure

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Pdu, PduKind, Tag, Value, VarBind
from netmon.snmp.errors import SnmpError, SnmpResponseError
from netmon.snmp.oid import Oid
from netmon.snmp.security_errors import SnmpAuthenticationError
from netmon.snmp.template import IF_NAME, SYS_UP_TIME, GetTemplate
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import Level, decode_secure

HC_IN: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
PORTS = range(1, 25)
NUMBERS: dict[Oid, tuple[int, Value]] = {
    SYS_UP_TIME: (Tag.TIME_TICKS, 400_000),
    **{(*IF_NAME, port): (Tag.OCTET_STRING, b"ether%02d" % port) for port in PORTS},
    **{(*HC_IN, port): (Tag.COUNTER64, 2**40 + port) for port in PORTS},
}
FULL = User(b"full", AuthProtocol.SHA, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup")
PADDING = User(b"des", AuthProtocol.MD5, b"maplesyrup", PrivProtocol.DES, b"maplesyrup")
AUTH = User(b"auth", AuthProtocol.SHA256, b"maplesyrup")
OPEN = User(b"open")
USERS = (FULL, PADDING, AUTH, OPEN)
IN_FLIGHT = 6


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open(IN_FLIGHT) as one:
        yield one


def templates(each: int = 1) -> list[GetTemplate]:
    """Of all ports, so many in each."""
    parts = [PORTS[at : at + each] for at in range(0, len(PORTS), each)]
    return [GetTemplate([(port, b"ether%02d" % port) for port in part], [HC_IN]) for part in parts]


def at(agent: SecureAgent, user: User = FULL, timeout_ms: int = 5000, retries: int = 0, context: bytes = b"") -> Agent:
    return Agent("127.0.0.1", agent.port, b"", timeout_ms * 1_000_000, retries, user, context)


async def cells(client: Client, agent: Agent, asked: list[GetTemplate]) -> list[int | None]:
    return [cell for reply in await client.fetch(agent, asked) for cell in reply.cells]


EXPECTED = [2**40 + port for port in PORTS]


@pytest.mark.parametrize("each", [1, 8])
@pytest.mark.parametrize("user", USERS, ids=str)
async def test_once_learnt_the_replies_are_read_by_their_form(
    client: Client, monkeypatch: pytest.MonkeyPatch, user: User, each: int
) -> None:
    asked = templates(each)
    async with secure(engine_of(USERS), mib_answer(NUMBERS)) as agent:
        assert await cells(client, at(agent, user), asked) == EXPECTED
        decoded = counted(monkeypatch, GetTemplate, "read")
        for _ in range(3):
            assert await cells(client, at(agent, user), asked) == EXPECTED
        # What nobody vouches for is read the long way each time.
        assert len(decoded) == (0 if user.level else 3 * len(asked))
        assert client.stats().refused == 0


@pytest.mark.parametrize("each", [1, 8])
async def test_forged_replies_do_not_spoil_the_visit(client: Client, each: int) -> None:
    def forging(data: bytes) -> Iterable[bytes]:
        return [data[:-1] + bytes((data[-1] ^ 1,)), data] if decode_secure(data).level else [data]

    asked = templates(each)
    async with secure(engine_of(USERS), mib_answer(NUMBERS), forging) as agent:
        for visits in (1, 2, 3):
            assert await cells(client, at(agent), asked) == EXPECTED
            stats = client.stats()
            assert stats.refused == visits * len(asked)
            assert (stats.retries, stats.dropped_unsolicited, stats.in_flight) == (0, 0, 0)
        assert client._transport._slots._free == IN_FLIGHT


async def test_a_request_whose_only_reply_is_forged_goes_on_waiting_until_it_is_sent_again(client: Client) -> None:
    asked, victims = templates(), {7, 8, 20}

    def forging(data: bytes) -> Iterable[bytes]:
        return [data[:-1] + bytes((data[-1] ^ 1,))] if len(agent.requests) in victims else [data]

    async with secure(engine_of(USERS), mib_answer(NUMBERS), forging) as agent:
        assert await cells(client, at(agent, timeout_ms=80, retries=2), asked) == EXPECTED
        stats = client.stats()
        assert (stats.refused, stats.retries) == (3, 3)
        agent.tamper = lambda data: [data[:-1] + bytes((data[-1] ^ 1,))]
        with pytest.raises(SnmpAuthenticationError, match=f"^127.0.0.1:{agent.port}: .*authentication code is wrong"):
            await client.fetch(at(agent, timeout_ms=80), asked)
        assert client.stats().in_flight == 0
        assert client._transport._slots._free == IN_FLIGHT


async def test_while_one_request_is_sent_again_the_replies_to_the_others_are_kept_and_not_asked_for_twice(
    client: Client,
) -> None:
    asked = templates()
    lost = {5, 12}

    def losing(data: bytes) -> Iterable[bytes]:
        return [] if len(agent.requests) in lost else [data]

    async with secure(engine_of(USERS), mib_answer(NUMBERS), losing) as agent:
        assert await cells(client, at(agent, timeout_ms=80, retries=2), asked) == EXPECTED
        stats = client.stats()
        assert (stats.retries, stats.replies, stats.timeouts) == (2, 1 + len(asked), 0)
        assert len(agent.requests) == 1 + len(asked) + 2
        assert client._transport._slots._free == IN_FLIGHT


async def test_a_reply_twice_is_counted_as_unsolicited_once(client: Client) -> None:
    asked = templates()
    async with secure(engine_of(USERS), mib_answer(NUMBERS), lambda data: [data, data]) as agent:
        assert await cells(client, at(agent), asked) == EXPECTED
        assert await cells(client, at(agent), asked) == EXPECTED
        stats = client.stats()
        assert (stats.refused, stats.replies) == (0, 1 + 2 * len(asked))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"context": b"other"}, SnmpResponseError),
        ({"engine_id": b"\x80\0\0\0\4other"}, SnmpResponseError),
        ({"level": Level.AUTH_NO_PRIV}, SnmpAuthenticationError),
        ({"level": Level.NO_AUTH_NO_PRIV}, SnmpAuthenticationError),
        ({}, SnmpResponseError),
    ],
    ids=str,
)
async def test_a_reply_of_known_form_that_is_not_the_one_asked_for_is_refused(
    client: Client, wrong: dict[str, object], error: type[SnmpError]
) -> None:
    def answering(data: bytes) -> Iterable[bytes]:
        question = agent.questions[-1]
        make: Callable[..., object] = question._replace
        changed = make(**wrong)
        request_id = question.pdu.request_id ^ (0 if wrong else 1)
        found = tuple(VarBind(one.oid, *NUMBERS[one.oid]) for one in question.pdu.varbinds)
        pdu = Pdu(PduKind.RESPONSE, request_id, 0, 0, found)
        return [agent.engine.answer(changed, pdu, time.monotonic_ns())]  # type: ignore[arg-type]

    asked = templates(each=8)
    async with secure(engine_of(USERS), mib_answer(NUMBERS)) as agent:
        for _ in range(2):
            assert await cells(client, at(agent), asked) == EXPECTED
        honest, agent.tamper = agent.tamper, answering
        with pytest.raises(error, match=f"^127.0.0.1:{agent.port}: "):
            await client.fetch(at(agent, timeout_ms=60), asked)
        agent.tamper = honest
        assert await cells(client, at(agent), asked) == EXPECTED


async def test_what_was_learnt_in_one_context_or_of_one_user_or_engine_vouches_for_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = templates(each=8)
    other = replace(FULL, name=b"some")
    async with secure(engine_of((*USERS, other)), mib_answer(NUMBERS)) as agent:
        for where in (at(agent), at(agent, context=b"vrf"), at(agent, other), at(agent, AUTH), at(agent)):
            decoded = counted(monkeypatch, GetTemplate, "read")
            assert await cells(client, where, asked) == EXPECTED
            assert len(decoded) == len(asked)
            assert await cells(client, where, asked) == EXPECTED
            assert len(decoded) == len(asked)
        assert client.stats().refused == 0
        agent.engine = engine_of(USERS, boots=1, engine_id=b"\x80\0\0\0\4other")
        assert await cells(client, at(agent, timeout_ms=200, retries=2), asked) == EXPECTED
