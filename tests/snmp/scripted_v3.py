"""A UDP agent that speaks SNMPv3 through netmon's own authoritative side, and misbehaves as the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

from snmp.authority import LocalEngine, Question, seal
from snmp.scripted import Answer, mib_answer

from netmon.snmp.client import Agent
from netmon.snmp.codec import V2C, Message, Pdu, PduKind, Tag, VarBind, encode_pdu
from netmon.snmp.errors import SnmpError
from netmon.snmp.keys import KeyRing, LocalUser
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import Level, encode_scoped

BASE: Oid = (1, 3, 6, 1, 4, 1, 55555)
ONE = [(*BASE, 1, 1)]
MIB = mib_answer({(*BASE, 1, row): (int(Tag.GAUGE32), row) for row in range(1, 30)})
FULL = User(b"full", AuthProtocol.SHA, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup")
AUTH = User(b"auth", AuthProtocol.SHA256, b"maplesyrup")
OPEN = User(b"open")
USERS = (FULL, AUTH, OPEN)
ENGINE_ID = b"\x80\0\0\0\4test"
OTHER_ID = b"\x80\0\0\0\4other"

Tamper = Callable[[bytes], Iterable[bytes]]
"""What is sent in place of a datagram."""


def honest(data: bytes) -> Iterable[bytes]:
    return [data]


class SecureAgent(asyncio.DatagramProtocol):
    """Keeps the datagrams it got, and those it sent."""

    def __init__(self, engine: LocalEngine, answer: Answer, tamper: Tamper) -> None:
        self.engine = engine
        self.answer = answer
        self.tamper = tamper
        self.requests: list[bytes] = []
        self.questions: list[Question] = []
        self.sent: list[bytes] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests.append(data)
        try:
            replies = list(self._replies(data))
        except SnmpError:
            return
        for reply in replies:
            for datagram in self.tamper(reply):
                self.sent.append(datagram)
                self.transport.sendto(datagram, addr)

    def _replies(self, data: bytes) -> Iterable[bytes]:
        now_ns = time.monotonic_ns()
        question = self.engine.ask(data, now_ns)
        if isinstance(question, bytes):
            yield question
            return
        self.questions.append(question)
        for reply in self.answer(Message(V2C, b"", question.pdu)):
            pdu: Pdu | None = reply.pdu if isinstance(reply, Message) else None
            assert pdu is not None
            yield self.engine.answer(question, pdu, now_ns)

    @property
    def port(self) -> int:
        port: int = self.transport.get_extra_info("sockname")[1]
        return port


def engine_of(users: Iterable[User], boots: int = 3, engine_id: bytes = ENGINE_ID) -> LocalEngine:
    """An engine that booted 1000 s ago."""
    return LocalEngine(engine_id, users, boots, time.monotonic_ns() - 1000 * 1_000_000_000)


@asynccontextmanager
async def secure(engine: LocalEngine, answer: Answer, tamper: Tamper = honest) -> AsyncIterator[SecureAgent]:
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(
        lambda: SecureAgent(engine, answer, tamper), local_addr=("127.0.0.1", 0)
    )
    try:
        yield agent
    finally:
        transport.close()


def at(agent: SecureAgent, user: User = FULL, timeout_ms: int = 2000, retries: int = 0, context: bytes = b"") -> Agent:
    return Agent("127.0.0.1", agent.port, b"", timeout_ms * 1_000_000, retries, user, context)


def report(
    message_id: int,
    what: Oid | None,
    engine_id: bytes,
    user: LocalUser,
    level: Level,
    clock: tuple[int, int] = (3, 1000),
) -> bytes:
    varbinds = () if what is None else (VarBind(what, Tag.COUNTER32, 1),)
    scoped = encode_scoped(engine_id, b"", encode_pdu(Pdu(PduKind.REPORT, 0, 0, 0, varbinds)))
    return seal(user, level, engine_id, clock, message_id, False, scoped, Salts())


def anybodys_report(message_id: int, what: Oid, engine_id: bytes = ENGINE_ID) -> bytes:
    """Not authentic: who knows the msgID can send it."""
    return report(message_id, what, engine_id, KeyRing().local(OPEN, engine_id), Level.NO_AUTH_NO_PRIV)
