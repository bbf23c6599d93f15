"""UDP agents for tests: they answer what the test scripts, from one socket or from another."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from netmon.snmp.codec import Message, Pdu, PduKind, Tag, Value, VarBind, decode_message, encode_message
from netmon.snmp.oid import Oid

Answer = Callable[[Message], Iterable[Message | bytes]]


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[object]:
    """Grows with every call of the method."""
    calls: list[object] = []
    method = getattr(owner, name)

    def noting(*given: object) -> object:
        calls.append(given)
        return method(*given)

    monkeypatch.setattr(owner, name, noting)
    return calls


def response(request: Message, varbinds: Iterable[VarBind], status: int = 0, index: int = 0) -> Message:
    return replace(request, pdu=Pdu(PduKind.RESPONSE, request.pdu.request_id, status, index, tuple(varbinds)))


def mib_answer(objects: Mapping[Oid, tuple[int, Value]], most: int = 10_000, too_big_above: int = 10_000) -> Answer:
    """A well-behaved agent over `objects`: at most `most` varbinds a GetBulk, tooBig for longer GETs."""
    names = sorted(objects)

    def following(name: Oid) -> VarBind:
        place = bisect.bisect_right(names, name)
        if place == len(names):
            return VarBind(name, Tag.END_OF_MIB_VIEW, None)
        return VarBind(names[place], *objects[names[place]])

    def answer(request: Message) -> Iterable[Message]:
        pdu = request.pdu
        if pdu.kind is PduKind.GET:
            if len(pdu.varbinds) > too_big_above:
                yield response(request, (), status=1)
                return
            missing = (int(Tag.NO_SUCH_INSTANCE), None)
            yield response(request, [VarBind(asked.oid, *objects.get(asked.oid, missing)) for asked in pdu.varbinds])
        else:
            assert pdu.kind is PduKind.GET_BULK
            if pdu.max_repetitions * len(pdu.varbinds) > too_big_above:
                yield response(request, (), status=1)
                return
            row = [asked.oid for asked in pdu.varbinds]
            found: list[VarBind] = []
            for _ in range(pdu.max_repetitions):
                step = [following(name) for name in row]
                found += step
                row = [varbind.oid for varbind in step]
            yield response(request, found[:most])

    return answer


class ScriptedAgent(asyncio.DatagramProtocol):
    """Answers each request with whatever the script yields; keeps the requests."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Message] = []
        self.sources: list[tuple[str, int]] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = decode_message(data)
        self.requests.append(request)
        self.sources.append(addr)
        for reply in self.answer(request):
            self.send(reply, addr)

    def send(self, reply: Message | bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(reply if isinstance(reply, bytes) else encode_message(reply), addr)

    @property
    def port(self) -> int:
        port: int = self.transport.get_extra_info("sockname")[1]
        return port


@asynccontextmanager
async def scripted(answer: Answer, host: str = "127.0.0.1") -> AsyncIterator[ScriptedAgent]:
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(lambda: ScriptedAgent(answer), local_addr=(host, 0))
    try:
        yield agent
    finally:
        transport.close()


def silent(_: Message) -> Iterable[Message]:
    """The script of a dead agent."""
    return ()
