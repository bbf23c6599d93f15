"""Floods of traps, informs and discoveries, which delay no poll and are accounted for."""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from daemon.boxes import COMMUNITY, Box, served
from snmp.test_notifications import PUBLIC, listening, send, v2c
from support.processes import eventually
from support.processor import uncollected

from netmon.bundled import folder
from netmon.routers.polling import RouterPoller
from netmon.routers.profiles import load_profiles
from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, encode_pdu
from netmon.snmp.notification_events import Drop
from netmon.snmp.v3 import Level, encode_scoped, encode_secure

FLOOD = """
import select, socket, sys, time
port, data = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while not select.select([sys.stdin], [], [], 0.002)[0]:
    while sent < 2000 * (time.monotonic() - began):
        sender.sendto(data, ("127.0.0.1", port))
        sent += 1
print(sent)
"""


@pytest.fixture
def box() -> Iterator[Box]:
    with served(["palu"]) as boxes:
        yield boxes["palu"]


@asynccontextmanager
async def flood(port: int, data: bytes) -> AsyncIterator[list[int]]:
    """2000 datagrams a second from another process; how many there were, after the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FLOOD, str(port), data.hex()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    sent: list[int] = []
    try:
        yield sent
    finally:
        said, _ = await process.communicate(b"enough")
        sent.append(int(said))


async def polled(port: int, times: int) -> list[float]:
    """Visits one router so often; how much processor time this thread spent in each, in seconds."""
    took: list[float] = []
    async with await Client.open() as manager:
        agent = Agent("127.0.0.1", port, COMMUNITY.encode(), 10_000_000_000, 1)
        profiles = load_profiles([folder("collectors")])
        poller = RouterPoller("palu", agent, manager, profiles, None, time.time_ns)
        await poller.poll()
        for _ in range(times):
            began = time.thread_time()
            await poller.poll()
            took.append(time.thread_time() - began)
            await asyncio.sleep(0.02)
    return took


@pytest.mark.parametrize("community", [PUBLIC, b"guessed"])
async def test_a_flood_delays_no_poll_and_what_exceeds_the_bucket_is_counted(box: Box, community: bytes) -> None:
    data, began = v2c(PduKind.TRAP, community=community), time.monotonic()
    async with listening(source_rate=50, source_burst=100) as ear:
        async with flood(ear.port(), data) as sent:
            await eventually(lambda: len(ear.events) + ear.drops.total() > 1000, "the flood to rise")
            with uncollected():
                took = await polled(box.port, 50)

        async def all_accounted_for() -> bool:
            # What the kernel had no room for last is told with another datagram.
            send(ear.port(), data)
            sent.append(1)
            await asyncio.sleep(0.05)
            return len(ear.events) + ear.drops.total() == sum(sent)

        await eventually(all_accounted_for, f"all {sent} to be accounted for")
    assert max(took) < 0.05, "the traps are read a few at a time, between the polls' own datagrams"
    if community == PUBLIC:
        assert 100 <= len(ear.events) <= 100 + 50 * (time.monotonic() - began)
        lost = sum(sent) - len(ear.events)
        assert ear.drops[Drop.SOURCE_RATE] + ear.drops[Drop.RATE] + ear.drops[Drop.BUFFER] == lost
    else:
        assert not ear.events
        assert ear.drops[Drop.UNKNOWN_CREDENTIAL] + ear.drops[Drop.BUFFER] == sum(sent)


def discovery(variables: int) -> bytes:
    none = VarBind((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 1), Tag.NULL, None)
    pdu = encode_pdu(Pdu(PduKind.GET, 7, 0, 0, (none,) * variables))
    scoped = encode_scoped(b"", b"", pdu)
    return encode_secure(7, Level.NO_AUTH_NO_PRIV, True, b"", 0, 0, b"", 0, b"", scoped)[0]


@pytest.mark.parametrize(
    "data",
    [
        v2c(PduKind.TRAP, *[VarBind((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 1), Tag.INTEGER, 5)] * 3000),
        discovery(3000),
        discovery(400),
    ],
    ids=["traps", "discoveries", "discoveries that are answered"],
)
async def test_no_turn_of_the_loop_takes_long_however_much_is_in_a_datagram(data: bytes) -> None:
    async with listening(rate=500, burst=300, source_rate=500, source_burst=300) as ear:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.1", 0))
            turns, answers = [], 0
            async with asyncio.timeout(30):
                for sent in range(1, 11):
                    sender.sendto(data, ("127.0.0.1", ear.port()))
                    with uncollected():
                        while ear.drops[Drop.TOO_LARGE] + answers < sent:
                            began = time.thread_time()
                            await asyncio.sleep(0)
                            turns.append(time.thread_time() - began)
                            answers += bool(select.select([sender], [], [], 0)[0] and sender.recv(1000))
    assert max(turns) < 0.02
    assert answers == (10 if len(data) < 8192 else 0)


async def test_one_router_that_floods_does_not_silence_another() -> None:
    routers = [("palu", "127.0.0.1", (PUBLIC,)), ("gowa", "127.0.0.2", (PUBLIC,))]
    async with listening(routers=routers) as ear:
        send(ear.port(), *[v2c(PduKind.TRAP)] * 150)
        await eventually(lambda: ear.drops[Drop.SOURCE_RATE] > 50, "the flood to be cut")
        send(ear.port(), v2c(PduKind.TRAP), source="127.0.0.2")
        await eventually(lambda: "gowa" in {event.router for event in ear.events}, "the other router's event")


async def test_the_queue_is_bounded_and_what_it_cannot_hold_is_counted() -> None:
    async with listening(queue=4, burst=1000, source_burst=1000) as ear:
        send(ear.port(), *[v2c(PduKind.TRAP)] * 200)
        await eventually(lambda: len(ear.events) + ear.drops.total() == 200, "all to be accounted for")
    assert ear.drops[Drop.QUEUE] > 100


async def test_what_was_lost_in_the_kernel_is_counted_with_the_next_datagram() -> None:
    async with listening(burst=5000, source_burst=5000) as ear:
        big = v2c(PduKind.TRAP, VarBind((1, 3, 6, 1, 4, 1, 9, 1), Tag.OCTET_STRING, b"x" * 8000))
        # In one turn of the loop, so that nothing is read meanwhile.
        send(ear.port(), *[big] * 2000)
        sent = 2000

        async def all_accounted_for() -> bool:
            nonlocal sent
            send(ear.port(), big)
            sent += 1
            await asyncio.sleep(0.05)
            return len(ear.events) + ear.drops.total() == sent

        await eventually(all_accounted_for, f"every one: {ear.drops}")
    assert ear.drops[Drop.BUFFER] > 0


async def test_no_turn_of_the_loop_takes_long_while_traps_are_decoded() -> None:
    async with listening(rate=500, burst=300, source_rate=500, source_burst=300) as ear:
        send(ear.port(), v2c(PduKind.TRAP))
        await ear.has(1)
        send(ear.port(), *[v2c(PduKind.TRAP)] * 250)
        turns = []
        with uncollected():
            while len(ear.events) < 200:
                # The thread's own processor time: the machine is shared, and that is not the decoder's doing.
                began = time.thread_time()
                await asyncio.sleep(0)
                turns.append(time.thread_time() - began)
    assert max(turns) < 0.02
