"""SNMPv1, which refuses a whole request for one variable and has no GETBULK."""

from __future__ import annotations

import bisect
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

import pytest
import pytest_asyncio
from snmp.scripted import Answer, ScriptedAgent, response, scripted

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import V1, Message, PduKind, Tag, Value, VarBind
from netmon.snmp.errors import SnmpStatusError
from netmon.snmp.oid import Oid
from netmon.snmp.template import IF_NAME, SYS_UP_TIME, GetTemplate

BASE: Oid = (1, 3, 6, 1, 4, 1, 55555)
A, B = (*BASE, 1), (*BASE, 2)
Objects = Mapping[Oid, tuple[int, Value]]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open() as one:
        yield one


def at(agent: ScriptedAgent) -> Agent:
    return Agent("127.0.0.1", agent.port, retries=0, version=V1)


def mib_v1(objects: Objects, status: int = 2) -> Answer:
    names = sorted(objects)

    def answer(request: Message) -> Iterable[Message]:
        assert request.version == V1
        found = []
        for index, asked in enumerate(request.pdu.varbinds, 1):
            name: Oid | None = asked.oid
            if request.pdu.kind is PduKind.GET_NEXT:
                place = bisect.bisect_right(names, asked.oid)
                name = names[place] if place < len(names) else None
            if name is None or name not in objects:
                yield response(request, request.pdu.varbinds, status, index)
                return
            found.append(VarBind(name, *objects[name]))
        yield response(request, found)

    return answer


TABLE: Objects = {(*column, row): (int(Tag.COUNTER32), row) for column in (A, B) for row in (1, 2, 5)}


@pytest.mark.parametrize("status", [2, 5], ids=["noSuchName", "genErr"])
async def test_what_the_agent_lacks_is_left_out_and_the_rest_still_read(client: Client, status: int) -> None:
    async with scripted(mib_v1(TABLE, status)) as agent:
        found = await client.get(at(agent), [(*A, 9), (*A, 1), (*B, 7), (*B, 5)])
        assert [(varbind.tag, varbind.value) for varbind in found] == [
            (Tag.NO_SUCH_OBJECT, None),
            (Tag.COUNTER32, 1),
            (Tag.NO_SUCH_OBJECT, None),
            (Tag.COUNTER32, 5),
        ]
        assert len(agent.requests) == 3
        assert all(varbind.is_exception for varbind in await client.get(at(agent), [(*A, 9), (*B, 9)]))


@pytest.mark.parametrize("index", [0, 99, -3])
async def test_what_the_agent_lacks_is_found_by_halves_where_it_does_not_say_what(client: Client, index: int) -> None:
    honest = mib_v1(TABLE)

    def vague(request: Message) -> Iterable[Message]:
        for reply in honest(request):
            assert isinstance(reply, Message)
            yield replace(reply, pdu=replace(reply.pdu, error_index=index)) if reply.pdu.error_status else reply

    names = [(*column, row) for column in (A, B) for row in range(1, 7)]
    async with scripted(vague) as agent:
        found = await client.get(at(agent), names)
        assert [varbind.is_exception for varbind in found] == [name not in TABLE for name in names]
        assert len(agent.requests) <= 2 * len(names)


async def test_a_row_that_fails_in_a_walk_is_passed_over_and_those_after_it_are_read(client: Client) -> None:
    honest = mib_v1({**TABLE, (*A, 3): (int(Tag.COUNTER32), 3), (*B, 3): (int(Tag.COUNTER32), 3)})
    broken = {(*A, 3)}

    def failing(request: Message) -> Iterable[Message]:
        for reply in honest(request):
            assert isinstance(reply, Message)
            at_fault = [at for at, varbind in enumerate(reply.pdu.varbinds, 1) if varbind.oid in broken]
            yield response(request, (), 5, at_fault[0]) if at_fault and not reply.pdu.error_status else reply

    async with scripted(failing) as agent:
        found = await client.walk(at(agent), [A, B])
        assert {column: list(rows) for column, rows in found.items()} == {
            A: [(1,), (2,), (5,)],
            B: [(1,), (2,), (3,), (5,)],
        }
        with pytest.raises(SnmpStatusError, match="genErr"):
            await client.walk(at(agent), [A])
        broken.add((*B, 3))
        with pytest.raises(SnmpStatusError, match="genErr"):
            await client.walk(at(agent), [A, B])


async def test_an_error_that_blames_no_variable_is_an_error(client: Client) -> None:
    async with scripted(lambda request: [response(request, (), 5, 0)]) as agent:
        with pytest.raises(SnmpStatusError, match="genErr"):
            await client.get(at(agent), [(*A, 1)])


async def test_a_walk_goes_by_getnext_to_the_end_of_each_column(client: Client) -> None:
    async with scripted(mib_v1(TABLE)) as agent:
        found = await client.walk(at(agent), [A, B, (*BASE, 3)])
        assert {column: list(rows) for column, rows in found.items()} == {
            A: [(1,), (2,), (5,)],
            B: [(1,), (2,), (5,)],
            (*BASE, 3): [],
        }
        assert {request.pdu.kind for request in agent.requests} == {PduKind.GET_NEXT}


async def test_a_template_reads_what_there_is(client: Client) -> None:
    objects = {**TABLE, SYS_UP_TIME: (int(Tag.TIME_TICKS), 77), (*IF_NAME, 1): (int(Tag.OCTET_STRING), b"ether1")}
    async with scripted(mib_v1(objects)) as agent:
        (whole,) = await client.fetch(at(agent), [GetTemplate([(1, b"ether1")], [A, B])])
        assert (whole.names_match, whole.uptime_ticks, whole.cells) == (True, 77, (1, 1))
        assert len(agent.requests) == 1
        template = GetTemplate([(1, b"ether1"), (2, b"gone")], [A, (*BASE, 3)])
        (holes,) = await client.fetch(at(agent), [template])
        assert (holes.names_match, holes.names) == (False, (b"ether1", None))
        assert holes.cells == (1, None, 2, None)
