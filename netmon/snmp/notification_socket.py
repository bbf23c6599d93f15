"""The sockets that traps and informs come in by, and by which informs are answered from where they were sent to."""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target, literal

MAX_DATAGRAM: Final = 8_192
"""Octets of a notification that is looked at; RFC 3417 section 3.2 asks for 484, and recommends 1472."""
BUFFER_OCTETS: Final = 1 << 20
_IP_PKTINFO: Final = 8
"""ip(7): which of our addresses a datagram was sent to, and which one an answer is to be sent from."""
_SO_RXQ_OVFL: Final = 40
"""socket(7): the kernel tells with each datagram how many were lost before it."""
_IN_PKTINFO: Final = struct.Struct("=i4s4s")
_IN6_PKTINFO: Final = struct.Struct("=16sI")
_LINK_LOCAL: Final = (b"\xfe\x80", b"\xfe\xbf")
"""First two octets, the lowest and the highest."""
_ANCILLARY_OCTETS: Final = socket.CMSG_SPACE(4) + socket.CMSG_SPACE(_IN6_PKTINFO.size)

Peer = tuple[str, int] | tuple[str, int, int, int]


class Datagram(NamedTuple):
    data: bytes
    """At most one octet more than MAX_DATAGRAM: what was longer is cut."""
    peer: Peer
    way_back: tuple[tuple[int, int, bytes], ...]
    """Ancillary data that has an answer leave from the address the datagram was sent to."""
    lost: int
    """Datagrams that the kernel had no room for since the one before."""

    @property
    def host(self) -> str:
        """Source address, without a zone."""
        return self.peer[0]


class NotificationSocket:
    """Bound and non-blocking; needs Linux."""

    def __init__(self, host: str, port: int) -> None:
        """`host`: an IP address, with a zone if it is link-local.

        OSError if it cannot be listened at, whose errno is EAFNOSUPPORT if this host lacks the address family;
        SnmpTransportError if it is misspelt or its interface is none of this host.
        """
        target = literal(host, port)
        self._buffer = bytearray(MAX_DATAGRAM + 1)
        self._lost = 0
        self._socket = socket.socket(target.family, socket.SOCK_DGRAM)
        try:
            self._prepare(target)
        except OSError:
            self._socket.close()
            raise
        self.address: tuple[str, int] = (host, self._socket.getsockname()[1])

    def _prepare(self, target: Target) -> None:
        one = self._socket
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
        one.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        if target.family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            one.bind((target.host, target.port, 0, target.scope))
        else:
            one.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            one.bind((target.host, target.port))

    def __str__(self) -> str:
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def receive(self) -> Datagram:
        """The next one; BlockingIOError if none is there, other OSErrors of an answer that could not be delivered."""
        size, ancillary, _, peer = self._socket.recvmsg_into([self._buffer], _ANCILLARY_OCTETS)
        lost, way_back = 0, list[tuple[int, int, bytes]]()
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_RXQ_OVFL):
                so_far = int(struct.unpack("=I", data)[0])
                lost = (so_far - self._lost) & 0xFFFF_FFFF
                self._lost = so_far
            elif (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
                _, ours, _ = _IN_PKTINFO.unpack(data)
                # Not the interface it came by: where the answer goes, the routes say.
                way_back.append((level, kind, _IN_PKTINFO.pack(0, ours, bytes(4))))
            elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                ours, interface = _IN6_PKTINFO.unpack(data)
                low, high = _LINK_LOCAL
                index = interface if low <= ours[:2] <= high else 0
                way_back.append((level, kind, _IN6_PKTINFO.pack(ours, index)))
        return Datagram(bytes(memoryview(self._buffer)[:size]), peer, tuple(way_back), lost)

    def answer(self, to: Datagram, data: bytes) -> None:
        """Sends it whence `to` came; OSError if that is impossible, or would have to wait."""
        self._socket.sendmsg([data], to.way_back, 0, to.peer)
