"""Agents and networks that are slow, small or lossy."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest
import pytest_asyncio
from snmp.scripted import Answer, ScriptedAgent, mib_answer, response, scripted, silent
from snmp.scripted_v3 import engine_of, secure
from support.processes import eventually

from netmon.snmp.client import FEW, MAX_VARBINDS, Agent, Client
from netmon.snmp.codec import Message, PduKind, Tag, Value, VarBind, encode_message
from netmon.snmp.errors import SnmpResponseError, SnmpStatusError, SnmpTimeoutError, SnmpTransportError
from netmon.snmp.fetching import WINDOW
from netmon.snmp.limits import UNLIMITED
from netmon.snmp.oid import Oid
from netmon.snmp.template import IF_NAME, SYS_UP_TIME, build_templates
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

BASE: Oid = (1, 3, 6, 1, 4, 1, 55555)
A, B = (*BASE, 1), (*BASE, 2)
ROWS = range(1, 49)
Objects = dict[Oid, tuple[int, Value]]
TABLE: Objects = {
    SYS_UP_TIME: (int(Tag.TIME_TICKS), 77),
    **{(*column, row): (int(Tag.COUNTER64), row) for column in (A, B) for row in ROWS},
    **{(*IF_NAME, row): (int(Tag.OCTET_STRING), b"ether%d" % row) for row in ROWS},
}
NAMES = [(*A, row) for row in ROWS]
TEMPLATES = build_templates([(row, b"ether%d" % row) for row in ROWS], [A, B])


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await Client.open() as one:
        yield one


def at(agent: ScriptedAgent, timeout_ms: int = 70, retries: int = 2) -> Agent:
    return Agent("127.0.0.1", agent.port, b"public", timeout_ms * 1_000_000, retries)


def size(request: Message) -> int:
    pdu = request.pdu
    return len(pdu.varbinds) * (pdu.max_repetitions if pdu.kind is PduKind.GET_BULK else 1)


def bears(most: int) -> Answer:
    """An agent that is silent about requests for more than `most` variables."""
    answer = mib_answer(TABLE)
    return lambda request: answer(request) if size(request) <= most else ()


# --- agents that bear little -----------------------------------------------------------------


@pytest.mark.parametrize("most", [FEW, 25])
async def test_a_walk_asks_less_of_an_agent_that_is_silent_about_much_and_remembers_it(
    client: Client, most: int
) -> None:
    async with scripted(bears(most)) as agent:
        found = await client.walk(at(agent), [A, B])
        assert [list(rows) for rows in found.values()] == [[(row,) for row in ROWS]] * 2
        unanswered = [request for request in agent.requests if size(request) > most]
        assert len(unanswered) <= 3 * 3
        agent.requests.clear()
        await client.walk(at(agent), [A, B])
        assert all(most // 2 < size(request) <= most for request in agent.requests[:-1])
        assert client.most_varbinds(at(agent)) == UNLIMITED


@pytest.mark.parametrize("most", [FEW, 25])
async def test_a_get_asks_less_of_an_agent_that_is_silent_about_much_and_remembers_it(
    client: Client, most: int
) -> None:
    async with scripted(bears(most)) as agent:
        assert [varbind.oid for varbind in await client.get(at(agent), NAMES)] == NAMES
        agent.requests.clear()
        assert [varbind.oid for varbind in await client.get(at(agent), NAMES)] == NAMES
        assert all(size(request) <= most for request in agent.requests)
        assert client.most_varbinds(at(agent)) <= most


async def test_a_template_that_is_too_much_for_a_living_agent_fails_and_lowers_the_limit(client: Client) -> None:
    async with scripted(bears(35)) as agent:
        with pytest.raises(SnmpTimeoutError):
            await client.fetch(at(agent), [TEMPLATES[0]])
        smaller = client.most_varbinds(at(agent))
        assert smaller == TEMPLATES[0].size // 2
        identity = TEMPLATES[0].identity
        for template in build_templates(identity, [A, B], smaller):
            (reply,) = await client.fetch(at(agent), [template])
            assert reply.names_match


async def test_an_agent_that_lost_a_few_datagrams_is_not_asked_for_less(client: Client) -> None:
    answer = mib_answer(TABLE)
    lost: list[Message] = []

    def losing(request: Message) -> Iterable[Message | bytes]:
        """All but the last attempt at the first large request."""
        if size(request) > FEW and len(lost) < 2:
            lost.append(request)
            return ()
        return answer(request)

    async with scripted(losing) as agent:
        (reply,) = await client.fetch(at(agent), [TEMPLATES[0]])
        assert (reply.names_match, len(lost)) == (True, 2)
        assert client.most_varbinds(at(agent)) == UNLIMITED
        lost.clear()
        assert [varbind.oid for varbind in await client.get(at(agent), NAMES)] == NAMES
        lost.clear()
        assert [len(rows) for rows in (await client.walk(at(agent), [A, B])).values()] == [len(ROWS)] * 2
        agent.requests.clear()
        await client.walk(at(agent), [A, B])
        await client.get(at(agent), NAMES)
        assert max(map(size, agent.requests)) > 40


async def test_a_dead_agent_takes_one_slot_until_it_answers_again(client: Client) -> None:
    def at_once(agent: ScriptedAgent) -> int:
        """Requests that were in flight together before any was answered."""
        return len({request.pdu.request_id for request in agent.requests if size(request) > 1})

    templates = build_templates(TEMPLATES[0].identity, [A, B], 13)
    async with scripted(silent) as agent:
        patience = at(agent, 40, 0)
        for expected in (WINDOW, 1, 1):
            agent.requests.clear()
            with pytest.raises(SnmpTimeoutError):
                await client.fetch(patience, templates)
            assert at_once(agent) == expected
        agent.answer = mib_answer(TABLE)
        await client.fetch(at(agent), templates)
        agent.answer = silent
        agent.requests.clear()
        with pytest.raises(SnmpTimeoutError):
            await client.fetch(patience, templates)
        assert at_once(agent) == WINDOW


async def test_what_an_agent_does_not_answer_though_it_is_there_is_told(client: Client) -> None:
    async with scripted(bears(20)) as agent:
        told = f"no reply to . requests; it answers a smaller one, .* less than {TEMPLATES[0].size} variables"
        with pytest.raises(SnmpTimeoutError, match=told):
            await client.fetch(at(agent), [TEMPLATES[0]])


async def test_an_agent_that_gets_well_is_asked_for_more_again(client: Client) -> None:
    async with scripted(bears(35)) as agent:
        await client.get(at(agent), NAMES)
        agent.answer = mib_answer(TABLE)
        for _ in range(40):
            await client.get(at(agent), NAMES)
        agent.requests.clear()
        await client.get(at(agent), NAMES)
        assert [size(request) for request in agent.requests] == [48]


async def test_a_dead_agent_costs_no_more_time_than_its_attempts_and_is_not_taken_for_a_small_one(
    client: Client,
) -> None:
    async with scripted(silent) as agent:
        started = time.monotonic()
        with pytest.raises(SnmpTimeoutError, match=r"no reply to 4 requests; check that the agent runs"):
            await client.fetch(at(agent, 100), [TEMPLATES[0]])
        assert 0.46 < time.monotonic() - started < 10
        assert [size(request) for request in agent.requests] == [TEMPLATES[0].size] * 2 + [1] * 2
        assert client.most_varbinds(at(agent)) == UNLIMITED


async def test_without_retries_an_agent_is_asked_once(client: Client) -> None:
    async with scripted(silent) as agent:
        with pytest.raises(SnmpTimeoutError, match="no reply to 1 request;"):
            await client.get(at(agent, retries=0), NAMES)
        assert len(agent.requests) == 1


async def test_too_big_is_remembered_for_gets_templates_and_walks(client: Client) -> None:
    async with scripted(mib_answer(TABLE, too_big_above=20)) as agent:
        with pytest.raises(SnmpStatusError, match="tooBig"):
            await client.fetch(at(agent), [TEMPLATES[0]])
        assert client.most_varbinds(at(agent)) == TEMPLATES[0].size // 2
        for _ in range(2):
            agent.requests.clear()
            await client.get(at(agent), NAMES)
            await client.walk(at(agent), [A, B])
        assert max(map(size, agent.requests)) <= 20


async def test_a_bulk_reply_cut_short_to_nothing_is_asked_for_in_less(client: Client) -> None:
    answer = mib_answer(TABLE)

    def cut(request: Message) -> Iterable[Message | bytes]:
        return answer(request) if size(request) <= 6 else [response(request, ())]

    async with scripted(cut) as agent:
        found = await client.walk(at(agent), [A, B])
        assert [len(rows) for rows in found.values()] == [48, 48]
        agent.answer = lambda request: [response(request, ())]
        with pytest.raises(SnmpResponseError, match=": 0 variables"):
            await client.walk(at(agent), [A, B])


@pytest.mark.parametrize("seed", range(3))
async def test_a_walk_copes_with_replies_cut_short_at_will(client: Client, seed: int) -> None:
    chance = random.Random(seed)
    answer = mib_answer(TABLE)

    def cut(request: Message) -> Iterable[Message]:
        for reply in answer(request):
            assert isinstance(reply, Message)
            varbinds = reply.pdu.varbinds
            yield replace(reply, pdu=replace(reply.pdu, varbinds=varbinds[: chance.randint(1, len(varbinds))]))

    async with scripted(cut) as agent:
        found = await client.walk(at(agent), [A, B, IF_NAME])
    assert {column: list(rows) for column, rows in found.items()} == {
        column: [(row,) for row in ROWS] for column in (A, B, IF_NAME)
    }


# --- the network -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
async def test_loss_duplicates_and_reordering_fail_no_poll_and_spoil_no_value(client: Client, seed: int) -> None:
    """2 % of the exchanges lost, on the way there or back, 2 % doubled, 10 % overtaken by others."""
    chance = random.Random(seed)
    answer = mib_answer(TABLE)
    later: list[asyncio.TimerHandle] = []

    def troubled(request: Message) -> Iterable[Message | bytes]:
        if chance.random() < 0.01:
            return
        for reply in answer(request):
            for _ in range(2 if chance.random() < 0.02 else 1):
                if chance.random() < 0.01:
                    continue
                if chance.random() < 0.1:
                    delay = chance.random() * 0.03
                    loop = asyncio.get_running_loop()
                    later.append(loop.call_later(delay, agent.send, reply, agent.sources[-1]))
                else:
                    yield reply

    async with scripted(troubled) as agent:

        async def poll() -> None:
            for reply in await client.fetch(at(agent, 60, retries=5), TEMPLATES):
                assert reply.names_match
                for column in (reply.cells[0::2], reply.cells[1::2]):
                    assert [b"ether%d" % value for value in column if value] == list(reply.names)

        for _ in range(40):
            await asyncio.gather(*(poll() for _ in range(4)))
        for handle in later:
            handle.cancel()
        stats = client.stats()
        assert stats.replies >= 160 * len(TEMPLATES)
        assert stats.retries > 2
        assert stats.dropped_unsolicited > 2


async def test_replies_in_any_order_reach_their_requests(client: Client) -> None:
    async with scripted(silent) as agent:
        held = agent.requests
        gets = [asyncio.create_task(client.get(at(agent, 5000), [name])) for name in NAMES]
        await eventually(lambda: len(held) == len(NAMES), "all requests")
        answer = mib_answer(TABLE)
        for request in reversed(held):
            for reply in answer(request):
                agent.send(reply, agent.sources[-1])
        assert [(await one)[0].oid for one in gets] == NAMES


LARGEST = 65_507


async def test_the_largest_datagram_there_is_is_read(client: Client) -> None:
    def largest(request: Message) -> Iterable[bytes]:
        octets = LARGEST - 200
        while len(whole := encode_message(response(request, [VarBind(NAMES[0], Tag.OCTET_STRING, bytes(octets))]))) != (
            LARGEST
        ):
            octets += LARGEST - len(whole)
        yield whole

    async with scripted(largest) as agent:
        (varbind,) = await client.get(at(agent, 5000), NAMES[:1])
        assert isinstance(varbind.value, bytes)
        assert len(varbind.value) > 65_400


async def test_a_bulk_reply_of_thousands_of_octets_is_read(client: Client) -> None:
    long: Objects = {(*A, row): (int(Tag.OCTET_STRING), bytes(1000)) for row in range(200)}
    async with scripted(mib_answer(long)) as agent:
        found = await client.walk(at(agent, 5000), [A], max_repetitions=MAX_VARBINDS)
        assert len(found[A]) == 200
        assert size(agent.requests[0]) == MAX_VARBINDS


async def test_the_largest_v3_datagram_is_read(client: Client) -> None:
    user = User(b"full", AuthProtocol.SHA, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup")
    answer: Answer = lambda request: [response(request, [VarBind(NAMES[0], Tag.OCTET_STRING, bytes(65_300))])]  # noqa: E731
    async with secure(engine_of([user]), answer) as agent:
        (varbind,) = await client.get(Agent("127.0.0.1", agent.port, user=user), NAMES[:1])
        assert len(agent.sent[-1]) > 65_400
        assert varbind.value == bytes(65_300)


# --- budgets and addresses -------------------------------------------------------------------


async def test_an_agent_is_sent_no_more_than_its_budget_and_others_do_not_wait(client: Client) -> None:
    async with scripted(mib_answer(TABLE)) as agent, scripted(mib_answer(TABLE)) as other:
        slow = asyncio.gather(*(client.get(replace(at(agent), requests_per_second=1), [name]) for name in NAMES))
        await asyncio.gather(*(client.get(at(other, 5000), [name]) for name in NAMES))
        assert not slow.done(), "it would take 47 s"
        slow.cancel()
        started = time.monotonic()
        bounded = replace(at(other, 5000), requests_per_second=100)
        await asyncio.gather(*(client.get(bounded, [name]) for name in NAMES))
        assert time.monotonic() - started >= (48 - 25) / 100
        assert client.stats().waiting == 0


async def test_repeated_requests_count_against_the_budget(client: Client) -> None:
    async with scripted(silent) as agent:
        bounded = replace(at(agent, 10), requests_per_second=4)
        started = time.monotonic()
        with pytest.raises(SnmpTimeoutError):
            await client.get(bounded, NAMES[:1])
        agent.answer = mib_answer(TABLE)
        await client.get(replace(bounded, timeout_ns=10**9), NAMES[:1])
        assert time.monotonic() - started >= 3 / 4, "the fourth request in all"


@pytest.mark.parametrize(("host", "source"), [("127.0.0.1", "127.0.0.3"), ("::1", "::1"), ("127.0.0.1", "::1")])
async def test_requests_come_from_the_source_address_of_their_family(host: str, source: str) -> None:
    async with await Client.open(source=source) as client, scripted(mib_answer(TABLE), host) as agent:
        await client.get(replace(at(agent, 5000), address=host), NAMES[:1])
        assert agent.sources[0][0] == (source if (":" in host) is (":" in source) else host)


async def test_v3_and_walks_work_over_ipv6(client: Client) -> None:
    async with scripted(mib_answer(TABLE), "::1") as agent:
        there = replace(at(agent, 5000), address="::1")
        assert len((await client.walk(there, [A]))[A]) == 48
        (reply,) = await client.fetch(there, [TEMPLATES[0]])
        assert reply.names_match


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("192.0.2.77", "192.0.2.77 cannot be the source of requests: .*; give an address of this host"),
        ("2001:db8::77", "2001:db8::77 cannot be the source"),
        ("router.example", "'router.example' is no IP address"),
    ],
)
async def test_a_source_that_is_no_address_of_this_host_is_refused(source: str, what: str) -> None:
    with pytest.raises(SnmpTransportError, match=what):
        await Client.open(source=source)
