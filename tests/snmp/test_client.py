from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from snmp.scripted import Answer, ScriptedAgent, mib_answer, response, scripted, silent
from support.processes import eventually
from support.processor import processor_time

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Message, Pdu, PduKind, Tag, Value, VarBind, encode_message
from netmon.snmp.errors import (
    SnmpDecodeError,
    SnmpNonIncreasingError,
    SnmpResponseError,
    SnmpStatusError,
    SnmpTooManyRowsError,
)
from netmon.snmp.oid import Oid
from netmon.snmp.walk import Walk

BASE: Oid = (1, 3, 6, 1, 4, 1, 55555)
A, B, C = (*BASE, 1), (*BASE, 2), (*BASE, 3)
Objects = dict[Oid, tuple[int, Value]]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open() as one:
        yield one


def at(agent: ScriptedAgent, timeout_ms: int = 2000, retries: int = 0) -> Agent:
    return Agent("127.0.0.1", agent.port, b"public", timeout_ms * 1_000_000, retries)


def table(*rows: int, columns: Iterable[Oid] = (A, B, C)) -> Objects:
    return {(*column, row): (int(Tag.GAUGE32), row) for column in columns for row in rows}


def test_an_agent_does_not_show_its_community() -> None:
    assert "hush" not in repr(Agent("127.0.0.1", 161, b"hush"))


async def test_get_returns_one_varbind_per_oid_in_order_with_exceptions_as_such(client: Client) -> None:
    async with scripted(mib_answer(table(1, 2))) as agent:
        found = await client.get(at(agent), [(*B, 2), (*A, 9), (*A, 1)])
    assert found == (
        VarBind((*B, 2), Tag.GAUGE32, 2),
        VarBind((*A, 9), Tag.NO_SUCH_INSTANCE, None),
        VarBind((*A, 1), Tag.GAUGE32, 1),
    )
    assert agent.requests[0].community == b"public"


async def test_get_divides_what_one_request_cannot_carry(client: Client) -> None:
    names = [(*A, row) for row in range(1, 151)]
    long_names = [(*A, *range(200, 290), row) for row in range(20)]
    async with scripted(mib_answer(table(*range(1, 151)))) as agent:
        assert [varbind.oid for varbind in await client.get(at(agent), names)] == names
        assert [len(request.pdu.varbinds) for request in agent.requests] == [60, 60, 30]
        assert [varbind.oid for varbind in await client.get(at(agent), long_names)] == long_names
        assert max(len(encode_message(request)) for request in agent.requests) < 1472
        assert await client.get(at(agent), []) == ()


async def test_get_halves_at_too_big_until_it_fits(client: Client) -> None:
    names = [(*A, row) for row in range(1, 21)]
    async with scripted(mib_answer(table(*range(1, 21)), too_big_above=6)) as agent:
        assert [varbind.value for varbind in await client.get(at(agent), names)] == list(range(1, 21))
        agent.answer = mib_answer({}, too_big_above=0)
        with pytest.raises(SnmpStatusError, match="tooBig"):
            await client.get(at(agent), names)


async def test_an_error_status_is_raised_with_its_name_and_variable(client: Client) -> None:
    async with scripted(lambda request: [response(request, request.pdu.varbinds, 13, 2)]) as agent:
        with pytest.raises(
            SnmpStatusError, match=r"resourceUnavailable for variable 2 \(1\.3\.6\.1\.4\.1\.55555\.2\.1\)"
        ) as caught:
            await client.get(at(agent), [(*A, 1), (*B, 1)])
        assert (caught.value.status, caught.value.index, caught.value.status_name) == (13, 2, "resourceUnavailable")
        agent.answer = lambda request: [response(request, (), 77, -3)]
        with pytest.raises(SnmpStatusError, match="error-status 77"):
            await client.get(at(agent), [(*A, 1)])


@pytest.mark.parametrize("status", [2, 5], ids=["noSuchName", "genErr"])
async def test_a_variable_that_an_agent_cannot_tell_is_left_out_of_a_get(client: Client, status: int) -> None:
    def failing(request: Message) -> Iterable[Message]:
        names = [asked.oid for asked in request.pdu.varbinds]
        if (*B, 1) in names:
            yield response(request, (), status, 1 + names.index((*B, 1)))
        else:
            yield response(request, one(request))

    async with scripted(failing) as agent:
        found = await client.get(at(agent), [(*A, 1), (*B, 1), (*B, 2)])
        assert [varbind.is_exception for varbind in found] == [False, True, False]


@pytest.mark.parametrize("broken", [{(*A, 2)}, {(*A, row) for row in range(2, 6)}], ids=["a row", "four rows"])
async def test_rows_that_an_agent_cannot_tell_are_passed_over_in_a_walk(client: Client, broken: set[Oid]) -> None:
    rows = range(1, 30)
    honest = mib_answer(table(*rows))

    def failing(request: Message) -> Iterable[Message | bytes]:
        for reply in honest(request):
            assert isinstance(reply, Message)
            at_fault = [at for at, varbind in enumerate(reply.pdu.varbinds) if varbind.oid in broken]
            columns = len(request.pdu.varbinds)
            yield response(request, (), 5, 1 + at_fault[0] % columns) if at_fault else reply

    async with scripted(failing) as agent:
        found = await client.walk(at(agent), [A, B])
        assert found[B].keys() == {(row,) for row in rows}
        assert found[A].keys() == {(row,) for row in rows if (*A, row) not in broken}


def one(request: Message) -> list[VarBind]:
    return [VarBind(asked.oid, Tag.INTEGER, 1) for asked in request.pdu.varbinds]


@pytest.mark.parametrize(
    ("answer", "error", "what"),
    [
        (lambda q: [replace(response(q, one(q)), community=b"other")], SnmpResponseError, "community"),
        (lambda q: [replace(response(q, one(q)), version=0)], SnmpResponseError, "version"),
        (lambda q: [q], SnmpResponseError, "a GET instead of a response"),
        (lambda q: [response(q, one(q)[:1])], SnmpResponseError, "other variables"),
        (lambda q: [response(q, one(q)[::-1])], SnmpResponseError, "other variables"),
        (lambda q: [response(q, one(q) * 2)], SnmpResponseError, "other variables"),
        (lambda q: [encode_message(response(q, one(q)))[:-1] + b"\xff"], None, ""),
        (
            lambda q: [encode_message(response(q, one(q))).replace(b"\x02\x01\x01\x30", b"\x02\x02\x01\x30")],
            SnmpDecodeError,
            "127.0.0.1",
        ),
    ],
)
async def test_a_reply_that_does_not_answer_the_question_is_refused(
    client: Client, answer: Answer, error: type[Exception] | None, what: str
) -> None:
    async with scripted(answer) as agent:
        asked = [(*A, 1), (*B, 1)]
        if error is None:
            assert (await client.get(at(agent, 300), asked))[1].value == -1
        else:
            with pytest.raises(error, match=what):
                await client.get(at(agent, 300), asked)
            assert client.stats().decode_errors == (error is SnmpDecodeError)


@pytest.mark.parametrize("most", [10_000, 7, 2, 1])
async def test_a_walk_copes_with_replies_cut_short_anywhere(client: Client, most: int) -> None:
    objects = table(*range(1, 40)) | {(*BASE, 4, 1): (int(Tag.INTEGER), 0)}
    async with scripted(mib_answer(objects, most)) as agent:
        found = await client.walk(at(agent), [A, B, C], max_repetitions=10)
    assert found == {
        column: {(row,): VarBind((*column, row), Tag.GAUGE32, row) for row in range(1, 40)} for column in (A, B, C)
    }


async def test_a_walk_copes_with_holes_absent_columns_and_the_end_of_the_mib(client: Client) -> None:
    objects = table(1, 2, 5, columns=[A]) | table(2, 3, columns=[C])
    async with scripted(mib_answer(objects)) as agent:
        found = await client.walk(at(agent), [A, B, C])
    assert {column: list(rows) for column, rows in found.items()} == {A: [(1,), (2,), (5,)], B: [], C: [(2,), (3,)]}


async def test_a_walk_asks_no_more_than_a_frame_holds_and_keeps_indexes_of_any_length(client: Client) -> None:
    objects: Objects = {(*A, 10, 0, 0, row): (int(Tag.INTEGER), row) for row in range(100)}
    async with scripted(mib_answer(objects)) as agent:
        found = await client.walk(at(agent), [A, B, C], max_repetitions=100)
        assert agent.requests[0].pdu.max_repetitions == 20
    assert list(found[A]) == [(10, 0, 0, row) for row in range(100)]


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_a_walk_asks_for_less_at_too_big(client: Client, limit: int) -> None:
    async with scripted(mib_answer(table(*range(1, 8)), too_big_above=limit)) as agent:
        found = await client.walk(at(agent), [A, B, C])
        assert [len(rows) for rows in found.values()] == [7, 7, 7]
        agent.answer = mib_answer({}, too_big_above=0)
        with pytest.raises(SnmpStatusError, match="tooBig"):
            await client.walk(at(agent), [A, B, C])


@pytest.mark.parametrize(
    "next_row",
    [lambda row: row, lambda row: max(1, row - 1), lambda row: row % 5 + 1],
    ids=["stays", "goes back", "circles"],
)
async def test_an_agent_that_goes_in_circles_is_an_error_and_no_loop(client: Client, next_row: object) -> None:
    assert callable(next_row)

    def circles(request: Message) -> Iterable[Message]:
        last = request.pdu.varbinds[0].oid[len(A) :]
        yield response(request, [VarBind((*A, next_row(last[0]) if last else 1), Tag.INTEGER, 1)])

    async with scripted(circles) as agent:
        with pytest.raises(SnmpNonIncreasingError, match="which is not greater"):
            await client.walk(at(agent), [A])
        assert len(agent.requests) <= 6


async def test_an_endless_table_is_stopped_at_its_bound(client: Client) -> None:
    def endless(request: Message) -> Iterable[Message]:
        last = request.pdu.varbinds[0].oid[len(A) :]
        first = last[0] + 1 if last else 1
        rows = range(first, first + request.pdu.max_repetitions)
        yield response(request, [VarBind((*A, row), Tag.INTEGER, 1) for row in rows])

    async with scripted(endless) as agent:
        with pytest.raises(SnmpTooManyRowsError, match="more than 200 rows"):
            await client.walk(at(agent), [A], max_rows=200)


@pytest.mark.parametrize("times", [0, 100])
async def test_a_bulk_reply_of_impossible_length_is_refused(client: Client, times: int) -> None:
    async with scripted(lambda q: [response(q, one(q) * times)]) as agent:
        with pytest.raises(SnmpResponseError, match=f"^127.0.0.1:{agent.port}: {times} variables"):
            await client.walk(at(agent), [A])


async def test_a_dead_agent_does_not_delay_a_live_one(client: Client) -> None:
    async with scripted(silent) as dead, scripted(mib_answer(table(1))) as live:
        waiting = asyncio.create_task(client.get(at(dead, timeout_ms=30_000), [(*A, 1)]))
        await eventually(lambda: len(dead.requests) == 1, "the dead agent to be asked")
        for _ in range(50):
            await client.get(at(live), [(*A, 1)])
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert client.stats().replies == 50


async def test_a_request_survives_the_loss_of_every_second_datagram(client: Client) -> None:
    answer = mib_answer(table(1))

    def lossy(request: Message) -> Iterable[Message | bytes]:
        return answer(request) if len(agent.requests) % 2 == 0 else ()

    async with scripted(lossy) as agent:
        for _ in range(5):
            assert (await client.get(at(agent, timeout_ms=60, retries=5), [(*A, 1)]))[0].value == 1
    assert client.stats().retries >= 5


async def test_a_getbulk_carries_the_cursors_of_the_columns_still_open(client: Client) -> None:
    async with scripted(mib_answer(table(1, columns=[A]) | table(*range(1, 90), columns=[B]), most=4)) as agent:
        await client.walk(at(agent), [A, B])
    assert [varbind.oid for varbind in agent.requests[1].pdu.varbinds] == [(*B, 2)]
    first = agent.requests[0].pdu
    assert first == Pdu(
        PduKind.GET_BULK, first.request_id, 0, 25, (VarBind(A, Tag.NULL, None), VarBind(B, Tag.NULL, None))
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B, C, BASE]), st.integers(0, 6), st.sampled_from([Tag.NULL, Tag.END_OF_MIB_VIEW])
        ),
        max_size=9,
    )
)
@settings(max_examples=200)
@processor_time(1)
def test_whatever_a_bulk_reply_says_a_walk_advances_or_ends(said: list[tuple[Oid, int, Tag]]) -> None:
    walk = Walk([A, B, C], max_rows=3)
    before = {column.oid: column.cursor for column in walk.first(3)}
    try:
        walk.advance(walk.first(3), [VarBind((*column, row), tag, None) for column, row, tag in said], 3, "agent")
    except SnmpResponseError:
        return
    after = {column.oid: column.cursor for column in walk.first(3)}
    assert after != before
    for column, cursor in after.items():
        assert cursor >= before[column]
        assert all((*column, *suffix) <= cursor for suffix in walk.found()[column])
