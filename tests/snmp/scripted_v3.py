"""A UDP agent that speaks SNMPv3 through netmon's own authoritative side, and misbehaves as the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

from snmp.authority import LocalEngine, Question
from snmp.scripted import Answer

from netmon.snmp.codec import V2C, Message, Pdu
from netmon.snmp.errors import SnmpError
from netmon.snmp.users import User

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


def engine_of(users: Iterable[User], boots: int = 3, engine_id: bytes = b"\x80\0\0\0\4test") -> LocalEngine:
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
