"""What is refused before use, case by case: it is counted, and harms neither its own request nor another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

import pytest
from snmp.authority import seal
from snmp.scripted import ScriptedAgent, mib_answer, response, scripted, silent
from snmp.scripted_v3 import SecureAgent, engine_of, secure
from support.processes import eventually

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import (
    Message,
    Pdu,
    PduKind,
    Tag,
    Value,
    VarBind,
    encode_message,
    encode_oid,
    encode_pdu,
    encode_tlv,
)
from netmon.snmp.errors import SnmpError, SnmpResponseError, SnmpTimeoutError
from netmon.snmp.keys import KeyRing
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.template import IF_NAME, SYS_UP_TIME, GetTemplate
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import Level, decode_secure, encode_scoped, encode_secure

NAME: Oid = (1, 3, 6, 1, 4, 1, 55555, 1)
RIGHT, WRONG = 42, 666
Forged = Callable[[Message], Message | bytes]


def saying(request: Message, number: int) -> Message:
    return response(request, [VarBind(asked.oid, Tag.GAUGE32, number) for asked in request.pdu.varbinds])


def wrong(request: Message) -> bytes:
    return encode_message(saying(request, WRONG))


def renumbered(request: Message, request_id: int) -> Message:
    return replace(request, pdu=replace(request.pdu, request_id=request_id))


def wide(request: Message) -> bytes:
    """The request-id in five octets."""
    whole = bytearray(wrong(request))
    at = whole.index(b"\x02\x04")
    whole[at : at + 2] = b"\x02\x05\x00"
    for place in (1, at - 1):
        whole[place] += 1
    return bytes(whole)


FORGED: dict[str, tuple[Forged, str]] = {
    "truncated": (lambda q: wrong(q)[:-1], "decode_errors"),
    "cut to its first octet": (lambda q: wrong(q)[:1], "decode_errors"),
    "trailing garbage": (lambda q: wrong(q) + b"\0", "decode_errors"),
    "two messages in one": (lambda q: wrong(q) * 2, "decode_errors"),
    "a length that promises more": (lambda q: b"\x30" + bytes([wrong(q)[1] + 1]) + wrong(q)[2:], "decode_errors"),
    "a length that hides octets": (lambda q: b"\x30" + bytes([wrong(q)[1] - 1]) + wrong(q)[2:], "decode_errors"),
    "a length of five octets": (lambda q: b"\x30\x85\0\0\0\0" + wrong(q)[1:], "decode_errors"),
    "an indefinite length": (lambda q: b"\x30\x80" + wrong(q)[2:] + b"\0\0", "decode_errors"),
    "an integer too wide": (wide, "decode_errors"),
    "another request-id": (lambda q: saying(renumbered(q, q.pdu.request_id ^ 0x10000), WRONG), "dropped_unsolicited"),
    "a negative request-id": (lambda q: saying(renumbered(q, -1), WRONG), "dropped_unsolicited"),
    "another community": (lambda q: replace(saying(q, WRONG), community=b"other"), "refused"),
    "a longer community": (lambda q: replace(saying(q, WRONG), community=b"public2"), "refused"),
    "no community": (lambda q: replace(saying(q, WRONG), community=b""), "refused"),
    "another version": (lambda q: replace(saying(q, WRONG), version=0), "refused"),
    "our own request": (lambda q: q, "refused"),
    "a trap": (lambda q: replace(q, pdu=replace(q.pdu, kind=PduKind.TRAP)), "refused"),
}


def counted(client: Client) -> dict[str, int]:
    stats = asdict(client.stats())
    return {name: stats[name] for name in ("decode_errors", "dropped_unsolicited", "dropped_wrong_source", "refused")}


def where(agent: ScriptedAgent | SecureAgent, timeout_ms: int = 5000, user: User | None = None) -> Agent:
    return Agent("127.0.0.1", agent.port, b"public", timeout_ms * 1_000_000, 0, user)


async def check(client: Client, agent: Agent, what: str, times: int = 1) -> None:
    """The right answer is taken, the wrong one counted as `what`, and a request to another agent is unharmed."""
    before = counted(client)
    async with scripted(silent) as other:
        waiting = asyncio.create_task(client.get(where(other), [NAME]))
        await eventually(lambda: len(other.requests) == 1, "the other request to be under way")
        (found,) = await client.get(agent, [NAME])
        assert found.value == RIGHT
        assert {name: count - before[name] for name, count in counted(client).items() if count != before[name]} == {
            what: times
        }
        other.send(saying(other.requests[0], RIGHT), other.sources[0])
        assert (await waiting)[0].value == RIGHT


@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_reply_is_counted_and_dropped(case: str) -> None:
    forge, what = FORGED[case]
    async with await Client.open() as client, scripted(lambda q: [forge(q), saying(q, RIGHT)]) as agent:
        await check(client, where(agent), what)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"], ids=["another port", "another address"])
async def test_a_reply_from_elsewhere_is_counted_and_dropped(host: str) -> None:
    async with await Client.open() as client, scripted(silent, host) as impostor:

        def both(request: Message) -> Iterable[Message]:
            impostor.send(saying(request, WRONG), agent.sources[-1])
            yield saying(request, RIGHT)

        async with scripted(both) as agent:
            await check(client, where(agent), "dropped_wrong_source")


async def test_an_agent_asked_at_the_same_time_cannot_answer_for_another() -> None:
    async with await Client.open() as client, scripted(silent) as rogue:
        waiting = asyncio.create_task(client.get(where(rogue), [NAME]))
        await eventually(lambda: len(rogue.requests) == 1, "the rogue to be asked")

        def both(request: Message) -> Iterable[Message]:
            rogue.send(saying(request, WRONG), agent.sources[-1])
            yield saying(request, RIGHT)

        async with scripted(both) as agent:
            await check(client, where(agent), "dropped_wrong_source")
        rogue.send(saying(rogue.requests[0], RIGHT), rogue.sources[0])
        await waiting


async def test_a_replayed_reply_is_counted_and_dropped() -> None:
    old: list[Message] = []

    def replaying(request: Message) -> Iterable[Message]:
        yield from old
        old[:] = [saying(request, WRONG)]
        yield saying(request, RIGHT)

    async with await Client.open() as client, scripted(replaying) as agent:
        await client.get(where(agent), [NAME])
        await check(client, where(agent), "dropped_unsolicited")


@pytest.mark.parametrize(
    ("case", "what"), [("another community", "community"), ("our own request", "a GET instead of a response")]
)
async def test_a_refusal_becomes_the_error_only_if_nothing_better_comes(case: str, what: str) -> None:
    async with await Client.open() as client, scripted(lambda q: [FORGED[case][0](q)]) as agent:
        with pytest.raises(SnmpResponseError, match=f"^127.0.0.1:{agent.port}: .*{what}") as caught:
            await client.get(where(agent, 60), [NAME])
        assert "public" not in str(caught.value)


# --- what it says, once it seems to be the reply ---------------------------------------------


def listing(request: Message, content: bytes) -> bytes:
    """The right reply, but for its variable-bindings."""
    pdu = b"\x02\x04" + request.pdu.request_id.to_bytes(4, "big") + b"\x02\x01\0\x02\x01\0" + encode_tlv(0x30, content)
    return encode_tlv(0x30, b"\x02\x01\x01" + encode_tlv(4, request.community) + encode_tlv(0xA2, pdu))


def saying_value(value: bytes) -> Forged:
    return lambda request: listing(request, encode_tlv(0x30, encode_oid(NAME) + value))


GAUGE = b"\x42\x02\x02\x9a"
SPOILT: dict[str, tuple[Forged, str]] = {
    "a value whose length lies": (saying_value(b"\x42\x09\x02\x9a"), "decode_errors"),
    "garbage after a value": (saying_value(GAUGE + b"\0"), "decode_errors"),
    "garbage after a variable": (
        lambda q: listing(q, encode_tlv(0x30, encode_oid(NAME) + GAUGE) + b"\0"),
        "decode_errors",
    ),
    "an indefinite variable": (lambda q: listing(q, b"\x30\x80" + encode_oid(NAME) + GAUGE + b"\0\0"), "decode_errors"),
    "an INTEGER of five octets": (saying_value(b"\x02\x05\x01\0\0\0\0"), "decode_errors"),
    "a Counter64 of ten octets": (saying_value(b"\x46\x0a\x01" + bytes(9)), "decode_errors"),
    "another variable": (
        lambda q: response(q, [VarBind((*NAME, 0), Tag.GAUGE32, WRONG)]),
        "refused",
    ),
    "a variable too many": (lambda q: response(q, [VarBind(NAME, Tag.GAUGE32, WRONG)] * 2), "refused"),
    "no variable": (lambda q: response(q, ()), "refused"),
}


@pytest.mark.parametrize("case", SPOILT)
async def test_a_reply_that_cannot_be_the_answer_is_dropped_and_the_right_one_still_taken(case: str) -> None:
    forge, what = SPOILT[case]
    async with await Client.open() as client, scripted(lambda q: [forge(q), saying(q, RIGHT)]) as agent:
        await check(client, where(agent), what)


COLUMNS: tuple[Oid, ...] = ((*NAME, 1), (*NAME, 2))
OBJECTS: dict[Oid, tuple[int, Value]] = {
    **{(*column, row): (int(Tag.GAUGE32), row) for column in COLUMNS for row in range(1, 40)},
    SYS_UP_TIME: (int(Tag.TIME_TICKS), 7),
    (*IF_NAME, 1): (int(Tag.OCTET_STRING), b"ether1"),
}


def spoilt(reply: Message) -> bytes:
    """With other numbers, and more octets promised at its end than there are."""
    varbinds = [
        VarBind(one.oid, one.tag, 99 if isinstance(one.value, int) else one.value) for one in reply.pdu.varbinds
    ]
    data = bytearray(encode_message(replace(reply, pdu=replace(reply.pdu, varbinds=tuple(varbinds)))))
    data[-2] += 1
    return bytes(data)


@pytest.mark.parametrize("verb", ["walk", "first fetch", "later fetch"])
async def test_nothing_of_a_reply_that_is_spoilt_at_its_end_is_used(verb: str) -> None:
    honest = mib_answer(OBJECTS)
    template = GetTemplate([(1, b"ether1")], COLUMNS)

    def both(request: Message) -> Iterable[Message | bytes]:
        for reply in honest(request):
            assert isinstance(reply, Message)
            yield spoilt(reply)
            yield reply

    async with await Client.open() as client, scripted(honest) as agent:
        if verb == "later fetch":
            await client.fetch(where(agent), [template])
        agent.answer = both
        agent.requests.clear()
        if verb == "walk":
            found = await client.walk(where(agent), COLUMNS)
            values = [[varbind.value for varbind in rows.values()] for rows in found.values()]
            assert values == [list(range(1, 40))] * 2
        else:
            (reply,) = await client.fetch(where(agent), [template])
            assert (reply.uptime_ticks, reply.cells) == (7, (1, 1))
        assert counted(client)["decode_errors"] == len(agent.requests)
        assert client.stats().retries == 0


@pytest.mark.parametrize(
    ("case", "what"), [("garbage after a value", "malformed"), ("another variable", "other variables")]
)
async def test_what_was_wrong_with_the_only_replies_is_told_with_the_agent(case: str, what: str) -> None:
    forge, _ = SPOILT[case]
    async with await Client.open() as client, scripted(lambda q: [forge(q)]) as agent:
        with pytest.raises(SnmpError, match=rf"^127\.0\.0\.1:{agent.port}: .*{what}"):
            await client.get(where(agent, 60), [NAME])


# --- SNMPv3 ----------------------------------------------------------------------------------

FULL = User(b"full", AuthProtocol.SHA256, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup")
OTHER = User(b"other", AuthProtocol.SHA256, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup")
ENGINE_ID = b"\x80\0\0\0\4test"
RING = KeyRing()


class Reply:
    """What the agent could have said, part by part."""

    def __init__(self, agent: SecureAgent) -> None:
        question = agent.questions[-1]
        self.message_id = question.message_id
        self.request_id = question.pdu.request_id
        self.clock = agent.engine.clock(time.monotonic_ns())

    def sealed(
        self,
        user: User = FULL,
        level: Level = Level.AUTH_PRIV,
        engine_id: bytes = ENGINE_ID,
        message_id: int = 0,
        context: bytes = b"",
    ) -> bytes:
        pdu = Pdu(PduKind.RESPONSE, self.request_id, 0, 0, (VarBind(NAME, Tag.GAUGE32, WRONG),))
        scoped = encode_scoped(engine_id, context, encode_pdu(pdu))
        local = RING.local(user, engine_id)
        return seal(local, level, engine_id, self.clock, message_id or self.message_id, False, scoped, Salts())

    def with_code(self, change: Callable[[bytes], bytes]) -> bytes:
        """The code changed, every length around it right."""
        raw = self.sealed()
        message = decode_secure(raw)
        code = change(raw[message.mac_at : message.mac_at + message.mac_octets])
        parts = (message.engine_id, message.boots, message.time, message.user)
        whole, at = encode_secure(
            message.message_id, message.level, False, *parts, len(code), message.salt, raw[message.data_at :]
        )
        return whole[:at] + code + whole[at + len(code) :]


FORGED_V3: dict[str, tuple[Callable[[Reply], bytes], str]] = {
    "a bad HMAC": (lambda r: r.with_code(lambda code: bytes([code[0] ^ 1]) + code[1:]), "refused"),
    "a truncated HMAC": (lambda r: r.with_code(lambda code: code[:-1]), "refused"),
    "an HMAC of one octet": (lambda r: r.with_code(lambda code: code[:1]), "refused"),
    "no HMAC": (lambda r: r.with_code(lambda code: b""), "refused"),
    "an HMAC with more after it": (lambda r: r.with_code(lambda code: code + b"\0"), "refused"),
    "an HMAC of zeros": (lambda r: r.with_code(lambda code: bytes(len(code))), "refused"),
    "another user's": (lambda r: r.sealed(OTHER), "refused"),
    "another engine's": (lambda r: r.sealed(engine_id=ENGINE_ID + b"2"), "refused"),
    "another context's": (lambda r: r.sealed(context=b"vrf"), "refused"),
    "without privacy": (lambda r: r.sealed(level=Level.AUTH_NO_PRIV), "refused"),
    "without authentication": (lambda r: r.sealed(level=Level.NO_AUTH_NO_PRIV), "refused"),
    "another msgID": (lambda r: r.sealed(message_id=r.message_id ^ 0x10000), "dropped_unsolicited"),
    "trailing garbage": (lambda r: r.sealed() + b"\0", "refused"),
    "truncated": (lambda r: r.sealed()[:-1], "refused"),
    "of version 2c": (
        lambda r: encode_message(Message(1, b"public", Pdu(PduKind.RESPONSE, r.message_id, 0, 0, ()))),
        "dropped_unsolicited",
    ),
}


@pytest.mark.parametrize("case", FORGED_V3)
async def test_a_forged_v3_reply_is_counted_and_dropped(case: str) -> None:
    forge, what = FORGED_V3[case]

    def both(data: bytes) -> Iterable[bytes]:
        return [forge(Reply(agent)), data] if agent.questions else [data]

    engine = engine_of([FULL], engine_id=ENGINE_ID)
    async with await Client.open() as client, secure(engine, lambda q: [saying(q, RIGHT)], both) as agent:
        await check(client, where(agent, user=FULL), what)


async def test_a_forged_v3_reply_that_looks_right_would_be_taken() -> None:
    """Otherwise the test before this one would prove nothing."""

    def instead(data: bytes) -> Iterable[bytes]:
        return [Reply(agent).sealed()] if agent.questions else [data]

    engine = engine_of([FULL], engine_id=ENGINE_ID)
    async with await Client.open() as client, secure(engine, lambda q: [saying(q, RIGHT)], instead) as agent:
        assert (await client.get(where(agent, user=FULL), [NAME]))[0].value == WRONG


async def test_an_authentic_v3_message_from_outside_the_window_is_not_used() -> None:
    def late(data: bytes) -> Iterable[bytes]:
        if len(agent.questions) < 2:
            return [data]
        reply = Reply(agent)
        reply.clock = (reply.clock[0], reply.clock[1] - 151)
        return [reply.sealed()]

    engine = engine_of([FULL], engine_id=ENGINE_ID)
    async with await Client.open() as client, secure(engine, lambda q: [saying(q, RIGHT)], late) as agent:
        await client.get(where(agent, user=FULL), [NAME])
        with pytest.raises(SnmpError, match="a message of boot 3"):
            await client.get(where(agent, 60, user=FULL), [NAME])


async def test_a_flood_nobody_asked_for_is_counted_and_delays_nobody() -> None:
    async with await Client.open() as client, scripted(lambda q: [wrong(q)[:-1]] * 300 + [saying(q, RIGHT)]) as agent:
        await check(client, where(agent), "decode_errors", 300)
        agent.answer = silent
        with pytest.raises(SnmpTimeoutError):
            await client.get(where(agent, 40), [NAME])
