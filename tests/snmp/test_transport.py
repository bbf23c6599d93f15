from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sized
from contextlib import closing
from functools import partial

import pytest
import pytest_asyncio
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from snmp.scripted import ScriptedAgent, mib_answer, response, scripted, silent
from support.processes import PATIENCE_S, eventually
from support.processor import processor_time

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Community, Terms
from netmon.snmp.codec import V2C, Message, Pdu, PduKind, decode_message, encode_message
from netmon.snmp.errors import SnmpResponseError, SnmpTimeoutError, SnmpTransportError
from netmon.snmp.request_ids import FIRST, LAST
from netmon.snmp.transport import Transport

MS = 1_000_000
PUBLIC = Community(V2C, b"public")


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[Transport]:
    one = Transport.open(100)
    yield one
    one.close()


def ask(request_id: int) -> bytes:
    return encode_message(Message(V2C, b"public", Pdu(PduKind.GET, request_id, 0, 0, ())))


def at(agent: ScriptedAgent, host: str = "127.0.0.1") -> Target:
    return Target(socket.AF_INET6 if ":" in host else socket.AF_INET, host, agent.port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_reply_reaches_its_request(transport: Transport, host: str) -> None:
    async with scripted(mib_answer({}), host) as agent:
        before = time.monotonic_ns()
        reply = await transport.exchange(at(agent, host), ask, PUBLIC, Terms(5000 * MS, 0))
        request_id = agent.requests[0].pdu.request_id
        assert decode_message(reply.data).pdu.request_id == request_id
        assert FIRST <= request_id <= LAST
        assert before <= reply.received_ns <= time.monotonic_ns()
    stats = transport.stats()
    assert (stats.requests, stats.replies, stats.in_flight, stats.waiting) == (1, 1, 0, 0)
    assert stats.receive_buffer_bytes > 0


async def test_a_lost_request_is_sent_again_under_the_same_request_id(transport: Transport) -> None:
    def third_time(request: Message) -> Iterable[Message]:
        if len(agent.requests) == 3:
            yield response(request, ())

    async with scripted(third_time) as agent:
        await transport.exchange(at(agent), ask, PUBLIC, Terms(100 * MS, 2))
        assert len({request.pdu.request_id for request in agent.requests}) == 1
    assert transport.stats().retries == 2
    assert transport.stats().timeouts == 0


async def test_each_attempt_waits_longer_and_then_the_error_names_agent_and_remedy(transport: Transport) -> None:
    arrivals: list[int] = []

    def note(_: Message) -> Iterable[Message]:
        arrivals.append(time.monotonic_ns())
        return ()

    async with scripted(note) as agent:
        started = time.monotonic_ns()
        with pytest.raises(SnmpTimeoutError, match=rf"^127.0.0.1:{agent.port}: no reply to 3 requests; check "):
            await transport.exchange(at(agent), ask, PUBLIC, Terms(60 * MS, 2))
        ended = time.monotonic_ns()
    assert arrivals[1] - started >= 60 * MS
    assert arrivals[2] - started >= (60 + 90) * MS
    assert ended - started >= (60 + 90 + 135) * MS
    assert transport.stats().timeouts == 1


async def test_a_reply_from_another_port_is_refused_and_counted(transport: Transport) -> None:
    async with scripted(silent) as other:

        def elsewhere(request: Message) -> Iterable[Message]:
            other.send(response(request, ()), agent.sources[-1])
            return ()

        async with scripted(elsewhere) as agent:
            told = rf"{agent.port}: it is answered from 127\.0\.0\.1 port {other.port} instead, .*; poll that address"
            with pytest.raises(SnmpResponseError, match=told):
                await transport.exchange(at(agent), ask, PUBLIC, Terms(300 * MS, 0))
    assert (transport.stats().dropped_wrong_source, transport.stats().timeouts) == (1, 1)


async def test_a_reply_from_another_address_is_refused_and_the_right_one_still_taken(transport: Transport) -> None:
    async with scripted(silent, "127.0.0.2") as impostor:

        def both(request: Message) -> Iterable[Message]:
            impostor.send(response(request, ()), agent.sources[-1])
            yield response(request, (), status=5)

        async with scripted(both) as agent:
            reply = await transport.exchange(at(agent), ask, PUBLIC, Terms(5000 * MS, 0))
    assert decode_message(reply.data).pdu.error_status == 5
    assert transport.stats().dropped_wrong_source == 1


async def test_duplicates_and_late_replies_are_dropped_and_counted(transport: Transport) -> None:
    async with scripted(lambda request: [response(request, ())] * 2) as agent:
        await transport.exchange(at(agent), ask, PUBLIC, Terms(5000 * MS, 0))
        await eventually(lambda: transport.stats().dropped_unsolicited == 1, "the duplicate to be dropped")
        agent.answer = silent
        with pytest.raises(SnmpTimeoutError):
            await transport.exchange(at(agent), ask, PUBLIC, Terms(30 * MS, 0))
        await eventually(lambda: len(agent.requests) == 2, "the request to arrive")
        agent.send(response(agent.requests[-1], ()), agent.sources[-1])
        await eventually(lambda: transport.stats().dropped_unsolicited == 2, "the late reply to be dropped")


async def test_what_is_no_snmp_is_counted_and_does_not_disturb(transport: Transport) -> None:
    async with scripted(lambda request: [b"\x30\x03", response(request, ())]) as agent:
        await transport.exchange(at(agent), ask, PUBLIC, Terms(5000 * MS, 0))
    assert transport.stats().decode_errors == 1


async def test_requests_beyond_the_cap_wait_in_order_and_are_all_answered() -> None:
    held: list[tuple[Message, tuple[str, int]]] = []
    finished: list[int] = []

    def hold(request: Message) -> Iterable[Message]:
        held.append((request, agent.sources[-1]))
        return ()

    async with scripted(hold) as agent:
        with closing(Transport.open(3)) as transport:

            async def one(number: int) -> None:
                await transport.exchange(at(agent), ask, PUBLIC, Terms(5000 * MS, 0))
                finished.append(number)

            tasks = [asyncio.create_task(one(number)) for number in range(8)]
            for answered in range(8):
                await eventually(partial(_has, held, min(answered + 3, 8)), "the next requests")
                stats = transport.stats()
                assert (stats.in_flight, stats.waiting) == (min(3, 8 - answered), max(0, 5 - answered))
                request, source = held[answered]
                agent.send(response(request, ()), source)
                await eventually(partial(_has, finished, answered + 1), "a task to finish")
            assert finished == list(range(8))
            await asyncio.gather(*tasks)


def _has(things: Sized, count: int) -> bool:
    return len(things) == count


async def test_cancelling_frees_the_slot_and_leaves_nothing_behind() -> None:
    async with scripted(silent) as dead, scripted(mib_answer({})) as live:
        with closing(Transport.open(1)) as transport:
            stuck = asyncio.create_task(transport.exchange(at(dead), ask, PUBLIC, Terms(60_000 * MS, 5)))
            queued = asyncio.create_task(transport.exchange(at(dead), ask, PUBLIC, Terms(60_000 * MS, 5)))
            await eventually(lambda: transport.stats().waiting == 1, "the second request to queue")
            for task in (queued, stuck):
                task.cancel()
            await asyncio.gather(stuck, queued, return_exceptions=True)
            assert (transport.stats().in_flight, transport.stats().waiting) == (0, 0)
            await transport.exchange(at(live), ask, PUBLIC, Terms(5000 * MS, 0))


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_reply_that_waited_in_the_socket_while_the_loop_was_late_is_not_a_timeout(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def late() -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent, closing(Transport.open(1)) as transport:
            agent.bind(("127.0.0.1", 0))
            agent.settimeout(PATIENCE_S)
            target = Target(socket.AF_INET, "127.0.0.1", agent.getsockname()[1])
            task = asyncio.create_task(transport.exchange(target, ask, PUBLIC, Terms(40 * MS, 0)))
            await asyncio.sleep(0)
            # Within one callback: the request is answered, and then the loop stands still past the deadline.
            data, source = agent.recvfrom(2000)
            agent.sendto(encode_message(response(decode_message(data), ())), source)
            time.sleep(0.1)  # noqa: ASYNC251 -- standing still is the point
            await task
            return transport.stats().timeouts

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(late()) == 0


def test_under_uvloop_replies_come_retries_happen_and_the_dead_time_out() -> None:
    async def exchanges() -> None:
        async with scripted(lambda request: [response(request, ())][: len(agent.requests) - 1], "::1") as agent:
            with closing(Transport.open(10)) as transport:
                await transport.exchange(at(agent, "::1"), ask, PUBLIC, Terms(1000 * MS, 1))
                agent.answer = silent
                with pytest.raises(SnmpTimeoutError):
                    await transport.exchange(at(agent, "::1"), ask, PUBLIC, Terms(40 * MS, 0))
                stats = transport.stats()
        assert (stats.requests, stats.replies, stats.retries, stats.timeouts) == (2, 1, 1, 1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(exchanges())


async def test_what_cannot_be_sent_fails_at_once_with_the_reason(transport: Transport) -> None:
    with pytest.raises(SnmpTransportError, match=r"^255.255.255.255:161: cannot be sent to: "):
        await transport.exchange(Target(socket.AF_INET, "255.255.255.255", 161), ask, PUBLIC, Terms(60_000 * MS, 3))


async def test_closing_ends_what_is_in_flight_and_refuses_what_comes_after() -> None:
    transport = Transport.open(1)
    async with scripted(silent) as agent:
        tasks = [
            asyncio.create_task(transport.exchange(at(agent), ask, PUBLIC, Terms(60_000 * MS, 0))) for _ in range(2)
        ]
        await eventually(lambda: transport.stats().waiting == 1, "one in flight and one waiting")
        transport.close()
        transport.close()
        for task in tasks:
            with pytest.raises(SnmpTransportError, match="closed"):
                await task


@given(st.lists(st.one_of(st.binary(max_size=60), st.tuples(st.integers(0, 40), st.integers(0, 255))), max_size=8))
@settings(max_examples=60)
@processor_time(1)
def test_whatever_arrives_is_counted_once_and_disturbs_no_request(arrivals: list[bytes | tuple[int, int]]) -> None:
    async def play() -> None:
        with closing(Transport.open(1)) as transport:
            target = Target(socket.AF_INET, "127.0.0.1", 9)
            task = asyncio.create_task(transport.exchange(target, ask, PUBLIC, Terms(60_000 * MS, 0)))
            await asyncio.sleep(0)
            (request_id,) = transport._requests
            right = encode_message(Message(V2C, b"public", Pdu(PduKind.RESPONSE, request_id, 0, 0, ())))
            for arrival in arrivals:
                data = arrival
                if isinstance(data, tuple):
                    at = data[0] % len(right)
                    data = right[:at] + bytes([data[1]]) + right[at + 1 :]
                transport._received(data, ("127.0.0.1", 9), socket.AF_INET)
            transport._received(right, ("127.0.0.1", 9), socket.AF_INET)
            reply = await task
            assert decode_message(reply.data).pdu.request_id == request_id
            stats = transport.stats()
            assert stats.replies == 1
            dropped = stats.dropped_unsolicited + stats.refused + stats.decode_errors + stats.dropped_wrong_source
            assert dropped == len(arrivals)

    asyncio.run(play())
