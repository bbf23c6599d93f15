"""An SNMPv2c agent on loopback for one simulated router (RFC 3416 section 4.2; IF-MIB of RFC 2863)."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import cast

from netmon.simulator.device import Platform, Port, Router, Transceiver
from netmon.snmp.codec import (
    V2C,
    Message,
    Pdu,
    PduKind,
    Tag,
    Value,
    VarBind,
    decode_message,
    encode_message,
    encode_varbind,
)
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.oid import Oid

LARGEST_DATAGRAM = 1472
"""What fits one Ethernet frame without fragments: 1500 octets less IPv4 and UDP headers."""
_ROOM_FOR_HEADERS = 64
_MOST_VARBINDS = 512
_TOO_BIG, _NO_ACCESS = 1, 6

_SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
_IF_TABLE: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IF_X_TABLE: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_HR_SYSTEM_UPTIME: Oid = (1, 3, 6, 1, 2, 1, 25, 1, 1, 0)
_SNMP_ENGINE_ID: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0)
_MTXR_SERIAL_NUMBER: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 7, 3, 0)
_MTXR_NEIGHBOR: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 11, 1, 1)
_MTXR_OPTICAL: Oid = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 19, 1, 1)
_DESCRIPTION = {
    Platform.ROUTEROS: "RouterOS CHR QEMU Standard PC (i440FX + PIIX, 1996)",
    Platform.LINUX: "Linux {name} 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 x86_64",
}
_OBJECT_ID: dict[Platform, Oid] = {
    Platform.ROUTEROS: (1, 3, 6, 1, 4, 1, 14988, 1),
    Platform.LINUX: (1, 3, 6, 1, 4, 1, 8072, 3, 2, 10),
}
_MEAN_PACKET_OCTETS = 900
_DARK = -40_000
"""mtxrOpticalRxPower without light, 0.001 dBm; so is it while the link is down."""

Cell = tuple[int, Value]
"""Tag and value."""


class Table:
    """A router's variables in lexicographic order, read at the moment they are asked for."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._ports: tuple[Port, ...] = ()
        self._cells: dict[Oid, Callable[[], Cell]] = {}
        self._order: list[Oid] = []

    def get(self, oid: Oid) -> VarBind:
        self._refresh()
        cell = self._cells.get(oid)
        if cell is not None:
            return VarBind(oid, *cell())
        # An instance of a known object is told apart from an unknown object by what shares its prefix.
        at = bisect_left(self._order, oid[:-1])
        known = at < len(self._order) and self._order[at][: len(oid) - 1] == oid[:-1]
        return VarBind(oid, Tag.NO_SUCH_INSTANCE if known else Tag.NO_SUCH_OBJECT, None)

    def next(self, oid: Oid) -> VarBind:
        self._refresh()
        at = bisect_right(self._order, oid)
        if at == len(self._order):
            return VarBind(oid, Tag.END_OF_MIB_VIEW, None)
        following = self._order[at]
        return VarBind(following, *self._cells[following]())

    def _refresh(self) -> None:
        if self._router.ports is self._ports:
            return
        self._ports = self._router.ports
        self._cells = {**_system_cells(self._router)}
        for port in self._ports:
            self._cells |= _port_cells(self._router, port)
            if self._router.platform is Platform.ROUTEROS:
                self._cells |= _fibre_cells(self._router, port)
        self._order = sorted(self._cells)


def _fixed(tag: Tag, value: Value) -> Callable[[], Cell]:
    return lambda: (tag, value)


def _text(value: str) -> Callable[[], Cell]:
    return _fixed(Tag.OCTET_STRING, value.encode())


def _system_cells(router: Router) -> dict[Oid, Callable[[], Cell]]:
    def uptime() -> Cell:
        return Tag.TIME_TICKS, router.uptime_ticks()

    cells = {
        (*_SYSTEM, 1, 0): _text(_DESCRIPTION[router.platform].format(name=router.name)),
        (*_SYSTEM, 2, 0): _fixed(Tag.OID, _OBJECT_ID[router.platform]),
        (*_SYSTEM, 3, 0): uptime,
        (*_SYSTEM, 4, 0): _text("NOC"),
        (*_SYSTEM, 5, 0): _text(router.name),
        (*_SYSTEM, 6, 0): _text("simulated province"),
        (*_SYSTEM, 7, 0): _fixed(Tag.INTEGER, 78),
        (1, 3, 6, 1, 2, 1, 2, 1, 0): _fixed(Tag.INTEGER, len(router.ports)),
        _HR_SYSTEM_UPTIME: uptime,
        _SNMP_ENGINE_ID: _fixed(Tag.OCTET_STRING, b"\x80\x00\x1f\x88\x04" + router.serial.encode()),
    }
    if router.platform is Platform.ROUTEROS:
        cells[_MTXR_SERIAL_NUMBER] = _text(router.serial)
    return cells


def _port_cells(router: Router, port: Port) -> dict[Oid, Callable[[], Cell]]:
    def counter(outward: bool, tag: Tag, divisor: int = 1) -> Callable[[], Cell]:
        modulus = 2**64 if tag is Tag.COUNTER64 else 2**32
        return lambda: (tag, router.octets(port)[outward] // divisor % modulus)

    zero = _fixed(Tag.COUNTER32, 0)
    if_table: dict[int, Callable[[], Cell]] = {
        1: _fixed(Tag.INTEGER, port.index),
        2: _text(port.name),
        3: _fixed(Tag.INTEGER, port.type),
        4: _fixed(Tag.INTEGER, 1500),
        5: _fixed(Tag.GAUGE32, min(port.speed_bps, 2**32 - 1)),
        6: _fixed(Tag.OCTET_STRING, port.mac),
        7: _fixed(Tag.INTEGER, 1),
        8: lambda: (Tag.INTEGER, 2 if port.name in router.down else 1),
        9: _fixed(Tag.TIME_TICKS, 0),
        10: counter(False, Tag.COUNTER32),
        11: counter(False, Tag.COUNTER32, _MEAN_PACKET_OCTETS),
        13: zero,
        14: zero,
        16: counter(True, Tag.COUNTER32),
        17: counter(True, Tag.COUNTER32, _MEAN_PACKET_OCTETS),
        19: zero,
        20: zero,
    }
    if_x_table: dict[int, Callable[[], Cell]] = {
        1: _text(port.name),
        6: counter(False, Tag.COUNTER64),
        7: counter(False, Tag.COUNTER64, _MEAN_PACKET_OCTETS),
        10: counter(True, Tag.COUNTER64),
        11: counter(True, Tag.COUNTER64, _MEAN_PACKET_OCTETS),
        15: _fixed(Tag.GAUGE32, port.speed_bps // 1_000_000),
        17: _fixed(Tag.INTEGER, 1),
        18: _text(port.alias),
        19: _fixed(Tag.TIME_TICKS, 0),
    }
    return {(*_IF_TABLE, column, port.index): cell for column, cell in if_table.items()} | {
        (*_IF_X_TABLE, column, port.index): cell for column, cell in if_x_table.items()
    }


def _fibre_cells(router: Router, port: Port) -> dict[Oid, Callable[[], Cell]]:
    """Rows of mtxrOpticalTable and mtxrNeighborTable (MIKROTIK-MIB), both under the port's ifIndex."""
    cells: dict[Oid, Callable[[], Cell]] = {}
    if (module := router.transceivers.get(port.name)) is not None:
        optical: dict[int, Callable[[], Cell]] = {
            2: _text(port.name),
            3: lambda: (Tag.INTEGER, 1 if _milli_dbm(router, port, module) == _DARK else 2),
            4: _fixed(Tag.INTEGER, 2),
            6: lambda: (Tag.INTEGER, module.temperature_celsius),
            7: lambda: (Tag.GAUGE32, module.voltage_millivolts),
            8: lambda: (Tag.GAUGE32, module.bias_ma),
            9: lambda: (Tag.INTEGER, round(module.tx_power_dbm * 1000)),
            10: lambda: (Tag.INTEGER, _milli_dbm(router, port, module)),
        }
        cells |= {(*_MTXR_OPTICAL, column, port.index): cell for column, cell in optical.items()}
    if (neighbour := router.neighbours.get(port.name)) is not None:
        heard = {3: _fixed(Tag.OCTET_STRING, bytes(6)), 6: _text(neighbour), 8: _fixed(Tag.INTEGER, port.index)}
        cells |= {(*_MTXR_NEIGHBOR, column, port.index): cell for column, cell in heard.items()}
    return cells


def _milli_dbm(router: Router, port: Port, module: Transceiver) -> int:
    if module.rx_power_dbm is None or port.name in router.down:
        return _DARK
    return round(module.rx_power_dbm * 1000)


class Agent(asyncio.DatagramProtocol):
    """Answers GET, GETNEXT and GETBULK. Strangers and nonsense get no answer at all."""

    def __init__(self, router: Router, community: str, seed: int = 0) -> None:
        self._table = Table(router)
        self._community = community.encode()
        self._chance = random.Random(seed)  # noqa: S311 - which datagram is lost must be reproducible
        self._transport: asyncio.DatagramTransport | None = None
        self.lost_ratio = 0.0
        """Fault: the share of requests that are lost on the way, 0 to 1."""
        self.requests = 0
        """Requests answered."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own class is not derived from the DatagramTransport it documents.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        if self._chance.random() < self.lost_ratio:
            return
        answer = self.answer(data)
        if answer is not None and self._transport is not None:
            self.requests += 1
            self._transport.sendto(answer, addr)

    def answer(self, data: bytes) -> bytes | None:
        """The reply to one datagram, at most LARGEST_DATAGRAM octets; None for silence."""
        try:
            message = decode_message(data)
        except SnmpDecodeError:
            return None
        if message.version != V2C or message.community != self._community:
            return None
        asked = message.pdu
        status = index = 0
        varbinds: Sequence[VarBind] = ()
        match asked.kind:
            case PduKind.GET:
                varbinds = [self._table.get(one.oid) for one in asked.varbinds]
            case PduKind.GET_NEXT:
                varbinds = [self._table.next(one.oid) for one in asked.varbinds]
            case PduKind.GET_BULK:
                varbinds = self._bulk(asked)
            case PduKind.SET:
                status, index, varbinds = _NO_ACCESS, 1, asked.varbinds
            case _:
                return None
        reply = self._encode(asked.request_id, status, index, varbinds)
        if len(reply) > LARGEST_DATAGRAM:
            reply = self._encode(asked.request_id, _TOO_BIG, 0, ())
        return reply

    def _encode(self, request_id: int, status: int, index: int, varbinds: Sequence[VarBind]) -> bytes:
        pdu = Pdu(PduKind.RESPONSE, request_id, status, index, tuple(varbinds))
        return encode_message(Message(V2C, self._community, pdu))

    def _bulk(self, asked: Pdu) -> list[VarBind]:
        """RFC 3416 section 4.2.3, cut where the datagram is full."""
        singles = max(0, min(asked.non_repeaters, len(asked.varbinds)))
        found = [self._table.next(one.oid) for one in asked.varbinds[:singles]]
        room = LARGEST_DATAGRAM - _ROOM_FOR_HEADERS - len(self._community)
        room -= sum(len(encode_varbind(one)) for one in found)
        row = [one.oid for one in asked.varbinds[singles:]]
        for _ in range(max(0, asked.max_repetitions) if row else 0):
            following = [self._table.next(oid) for oid in row]
            for one in following:
                room -= len(encode_varbind(one))
                if (room < 0 or len(found) >= _MOST_VARBINDS) and found:
                    return found
                found.append(one)
            if all(one.tag == Tag.END_OF_MIB_VIEW for one in following):
                break
            row = [one.oid for one in following]
        return found


async def serve_snmp(router: Router, community: str, port: int = 0, seed: int = 0) -> tuple[Agent, int]:
    """Starts an agent on the router's address. Returns it and its UDP port."""
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(
        lambda: Agent(router, community, seed), local_addr=(router.address, port)
    )
    return agent, int(transport.get_extra_info("sockname")[1])
