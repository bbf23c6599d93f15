"""Routers of two ports whose counters the test moves: SNMP agents in a thread of their own, one port each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from snmp.scripted import ScriptedAgent, mib_answer

from netmon.routers import mib
from netmon.routers.objects import OBJECTS
from netmon.snmp.codec import Message, Tag, Value
from netmon.snmp.oid import Oid

PORTS = ("ether1", "ether2")
COMMUNITY = "watch"
MTXR_OPTICAL: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 19, 1, 1)
"""mtxrOpticalTable of MIKROTIK-MIB; only who is told that a box is a RouterOS looks there."""


class Box(Mapping[Oid, tuple[int, Value]]):
    """The MIB of one router, read at the moment it is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.polls = 0
        """GETs answered."""
        self.booted = time.monotonic() - 86_400
        self._cells: dict[Oid, tuple[int, Value]] = {
            mib.SYS_DESCR: (Tag.OCTET_STRING, b"a box"),
            mib.SYS_OBJECT_ID: (Tag.OID, (1, 3, 6, 1, 4, 1, 77)),
            mib.SYS_NAME: (Tag.OCTET_STRING, name.encode()),
            mib.SYS_UPTIME: (Tag.TIME_TICKS, 0),
        }
        for index, port in enumerate(PORTS, 1):
            self._cells[*mib.IF_NAME, index] = (Tag.OCTET_STRING, port.encode())
            for column, tag, value in (
                ("ifType", Tag.INTEGER, 6),
                ("ifHighSpeed", Tag.GAUGE32, 1000),
                ("ifAdminStatus", Tag.INTEGER, 1),
                ("ifOperStatus", Tag.INTEGER, 1),
                ("ifHCInOctets", Tag.COUNTER64, 10**12),
                ("ifHCOutOctets", Tag.COUNTER64, 2 * 10**12),
                ("ifInErrors", Tag.COUNTER32, 0),
                ("ifOutErrors", Tag.COUNTER32, 0),
                ("ifInDiscards", Tag.COUNTER32, 0),
                ("ifOutDiscards", Tag.COUNTER32, 0),
                ("ifCounterDiscontinuityTime", Tag.TIME_TICKS, 0),
            ):
                self._cells[*OBJECTS[column], index] = (tag, value)

        self._cells[*MTXR_OPTICAL, 2, 2] = (Tag.OCTET_STRING, PORTS[1].encode())
        for number, measured in ((3, 2), (8, 18), (9, -2100), (10, -7250)):
            self._cells[*MTXR_OPTICAL, number, 2] = (Tag.INTEGER, measured)

    def __getitem__(self, oid: Oid) -> tuple[int, Value]:
        if oid == mib.SYS_UPTIME:
            return Tag.TIME_TICKS, int((time.monotonic() - self.booted) * 100)
        return self._cells[oid]

    def __iter__(self) -> Iterator[Oid]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def octets(self, column: str, port: str) -> int:
        value = self._cells[*OBJECTS[column], PORTS.index(port) + 1][1]
        assert isinstance(value, int)
        return value

    def link(self, port: str, status: int) -> None:
        """Sets ifOperStatus."""
        self._cells[*OBJECTS["ifOperStatus"], PORTS.index(port) + 1] = (Tag.INTEGER, status)

    def count(self, port: str, into: int = 0, out: int = 0) -> None:
        for column, grown in (("ifHCInOctets", into), ("ifHCOutOctets", out)):
            cell = (*OBJECTS[column], PORTS.index(port) + 1)
            self._cells[cell] = (Tag.COUNTER64, self.octets(column, port) + grown)


@contextmanager
def served(names: Iterable[str]) -> Iterator[dict[str, Box]]:
    """Boxes by name, answering on 127.0.0.1 until the block ends."""
    boxes = {name: Box(name) for name in names}
    loop = asyncio.new_event_loop()
    transports: list[asyncio.DatagramTransport] = []

    async def listen() -> None:
        for box in boxes.values():
            answer = mib_answer(box)

            def counted(request: Message, box: Box = box, answer: object = answer) -> object:
                box.polls += 1
                return answer(request)  # type: ignore[operator]

            transport, agent = await loop.create_datagram_endpoint(
                lambda counted=counted: ScriptedAgent(counted),  # type: ignore[misc]
                local_addr=("127.0.0.1", 0),
            )
            transports.append(transport)
            box.port = agent.port

    loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield boxes
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for transport in transports:
            transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
