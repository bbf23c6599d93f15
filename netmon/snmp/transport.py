"""SNMP over UDP: many requests to many agents through a few shared sockets (RFC 3417 section 3).

A reply belongs to a request when it carries its request-id and comes from exactly the address and port the
request went to; anything else is counted and dropped. The sockets are read by plain readiness callbacks that
drain a bounded batch: cheaper than one protocol callback a datagram, and a failing send is an error of the one
request it belongs to.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target
from netmon.snmp.codec import open_envelope, open_pdu
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpTimeoutError, SnmpTransportError
from netmon.snmp.slots import Slots
from netmon.snmp.v3 import is_v3, message_id_of
from netmon.snmp.wheel import TimerWheel

SOCKETS_PER_FAMILY: Final = 4
"""Their receive buffers add up where an unprivileged process may not enlarge one."""
RECEIVE_BUFFER: Final = 4 << 20
BATCH: Final = 128
"""Datagrams read before other callbacks get their turn."""
LARGEST_DATAGRAM: Final = 65_535
TICK_NS: Final = 20_000_000
BACK_OFF_PERCENT: Final = 150
"""Each attempt waits this share of the one before: 2 s and two retries end after 9.5 s."""
FIRST_REQUEST_ID: Final = 0x0100_0000
LAST_REQUEST_ID: Final = 0x7FFF_FFFF
"""Within these bounds a request-id is always four octets of content, so that templates can be patched in place."""


Admit = Callable[[bytes, int], None]
"""Judges a v3 datagram for its request, and when it was read; raises SnmpError to refuse it."""


class Reply(NamedTuple):
    data: bytes
    received_ns: int
    """time.monotonic_ns() when the datagram was read."""


@dataclass(frozen=True, slots=True)
class TransportStats:
    """Since the client was opened; the last three are of this moment."""

    requests: int
    retries: int
    replies: int
    timeouts: int
    dropped_unsolicited: int
    """Late, duplicate or unasked: no request with that request-id is waiting."""
    dropped_wrong_source: int
    """Answers to a waiting request from another address or port."""
    refused: int
    """v3 messages for a waiting request that are not authentic, or not what was asked for."""
    decode_errors: int
    in_flight: int
    waiting: int
    """Requests that wait for one of the slots."""
    receive_buffer_bytes: int
    """What the kernel granted, summed over the sockets."""


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    retries: int = 0
    replies: int = 0
    timeouts: int = 0
    dropped_unsolicited: int = 0
    dropped_wrong_source: int = 0
    refused: int = 0
    decode_errors: int = 0


class _Request:
    """One request in flight."""

    __slots__ = (
        "admit",
        "attempt",
        "future",
        "payload",
        "refusal",
        "request_id",
        "retries",
        "socket",
        "target",
        "timeout_ns",
    )

    def __init__(
        self,
        request_id: int,
        payload: bytes,
        sender: socket.socket,
        target: Target,
        timeout_ns: int,
        retries: int,
        admit: Admit | None,
    ) -> None:
        self.request_id = request_id
        self.payload = payload
        self.socket = sender
        self.target = target
        self.timeout_ns = timeout_ns
        self.retries = retries
        self.admit = admit
        """None: the request is none of v3, and its reply must be none either."""
        self.refusal: SnmpError | None = None
        """Why the last datagram for it was refused."""
        self.attempt = 1
        self.future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()


class Transport:
    """Sends requests and brings their replies back; at most `in_flight` wait for replies at once, the rest FIFO."""

    def __init__(self, in_flight: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots = Slots(in_flight)
        self._requests: dict[int, _Request] = {}
        self._next_id = FIRST_REQUEST_ID + secrets.randbelow(LAST_REQUEST_ID - FIRST_REQUEST_ID)
        self._sockets: dict[int, list[socket.socket]] = {}
        self._wheel: TimerWheel[_Request] = TimerWheel(TICK_NS, time.monotonic_ns())
        self._timer: asyncio.TimerHandle | None = None
        self._counts = _Counts()
        self._closed = False

    @classmethod
    def open(cls, in_flight: int) -> Transport:
        """A transport on the running loop; SnmpTransportError if not even one socket can be had."""
        transport = cls(in_flight)
        for family in (socket.AF_INET, socket.AF_INET6):
            # A kernel without IPv6 is usual; an agent there then fails with its own error.
            with contextlib.suppress(OSError):
                for _ in range(SOCKETS_PER_FAMILY):
                    transport._add_socket(int(family))
        if not transport._sockets:
            raise SnmpTransportError("no UDP socket can be opened; check the limit of open files")
        return transport

    def close(self) -> None:
        """Fails what is in flight with SnmpTransportError and closes the sockets; a second call does nothing."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for one in self._all_sockets():
            self._loop.remove_reader(one.fileno())
            one.close()
        self._sockets = {}
        for request in self._requests.values():
            if not request.future.done():
                request.future.set_exception(SnmpTransportError("the SNMP client was closed"))

    def stats(self) -> TransportStats:
        buffers = (one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in self._all_sockets())
        return TransportStats(
            **asdict(self._counts),
            in_flight=len(self._requests),
            waiting=self._slots.waiting,
            receive_buffer_bytes=sum(buffers),
        )

    async def exchange(
        self,
        target: Target,
        build: Callable[[int], bytes],
        timeout_ns: int,
        retries: int,
        admit: Admit | None = None,
    ) -> Reply:
        """Sends `build(request_id)`, `1 + retries` times if need be, and returns the first reply.

        `timeout_ns` is for the first attempt, from its sending; each later one waits half as long again.
        A v3 request, whose msgID the request-id is, comes with `admit`: the first reply it does not refuse counts.
        Raises SnmpTimeoutError, or what the last refusal said; SnmpTransportError if it cannot be sent.
        Cancelling frees the slot.
        """
        await self._slots.acquire()
        try:
            return await self._exchange(target, build, timeout_ns, retries, admit)
        finally:
            self._slots.release()

    async def _exchange(
        self, target: Target, build: Callable[[int], bytes], timeout_ns: int, retries: int, admit: Admit | None
    ) -> Reply:
        if self._closed:
            raise SnmpTransportError("the SNMP client was closed")
        senders = self._sockets.get(target.family)
        if not senders:
            raise SnmpTransportError(f"{target}: this host has no {_FAMILY_NAMES.get(target.family, 'such protocol')}")
        request_id = self._allocate_id()
        sender = senders[request_id % len(senders)]
        request = _Request(request_id, build(request_id), sender, target, timeout_ns, retries, admit)
        self._requests[request_id] = request
        try:
            self._counts.requests += 1
            self._send(request)
            return await request.future
        finally:
            del self._requests[request_id]
            self._wheel.cancel(request_id)

    def _allocate_id(self) -> int:
        while True:
            self._next_id = FIRST_REQUEST_ID if self._next_id >= LAST_REQUEST_ID else self._next_id + 1
            if self._next_id not in self._requests:
                return self._next_id

    def _send(self, request: _Request) -> None:
        """Sends and starts the attempt's timer; a full send buffer counts as a loss, which the timer repairs."""
        target = request.target
        address = (target.host, target.port)
        where = (*address, 0, target.scope) if target.family == socket.AF_INET6 else address
        try:
            request.socket.sendto(request.payload, where)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.ENOBUFS}:
                request.future.set_exception(SnmpTransportError(f"{target}: cannot be sent to: {error.strerror}"))
                return
        patience = request.timeout_ns * BACK_OFF_PERCENT ** (request.attempt - 1) // 100 ** (request.attempt - 1)
        self._wheel.add(request.request_id, request, time.monotonic_ns() + patience)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_NS / 1e9, self._tick)

    def _tick(self) -> None:
        # Where the loop was late, replies may already lie in the sockets: they come before their timeouts.
        self._timer = None
        overdue = self._wheel.expire(time.monotonic_ns())
        if overdue:
            for family, sockets in self._sockets.items():
                for one in sockets:
                    self._drain(one, family)
        for request in overdue:
            if not request.future.done():
                self._overdue(request)
        if self._wheel and self._timer is None:
            self._timer = self._loop.call_later(TICK_NS / 1e9, self._tick)

    def _overdue(self, request: _Request) -> None:
        if request.attempt > request.retries:
            self._counts.timeouts += 1
            request.future.set_exception(request.refusal or SnmpTimeoutError(str(request.target), request.attempt))
            return
        request.attempt += 1
        self._counts.retries += 1
        self._send(request)

    def _drain(self, receiver: socket.socket, family: int) -> None:
        receive = receiver.recvfrom
        for _ in range(BATCH):
            try:
                data, source = receive(LARGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                # A pending socket error (ICMP); reading it has cleared it, and the request's timer stands.
                continue
            self._received(data, source, family)

    def _received(self, data: bytes, source: tuple[str, int] | tuple[str, int, int, int], family: int) -> None:
        secure = is_v3(data)
        try:
            request_id = message_id_of(data) if secure else open_pdu(data, open_envelope(data).pdu_at).request_id
        except SnmpDecodeError:
            self.count_decode_error()
            return
        scope = source[3] if len(source) == 4 else 0
        request = self._requests.get(request_id)
        if request is None or request.future.done() or secure is (request.admit is None):
            self._counts.dropped_unsolicited += 1
        elif (family, source[0].partition("%")[0], source[1], scope) != request.target:
            self._counts.dropped_wrong_source += 1
        else:
            self._settle(request, data, time.monotonic_ns())

    def _settle(self, request: _Request, data: bytes, received_ns: int) -> None:
        if request.admit is not None:
            try:
                request.admit(data, received_ns)
            except SnmpError as error:
                self._counts.refused += 1
                request.refusal = error
                return
        self._counts.replies += 1
        request.future.set_result(Reply(data, received_ns))

    def count_decode_error(self) -> None:
        """Notes a reply that proved malformed after it was handed out."""
        self._counts.decode_errors += 1

    def _add_socket(self, family: int) -> None:
        one = _udp_socket(family)
        self._sockets.setdefault(family, []).append(one)
        self._loop.add_reader(one.fileno(), self._drain, one, family)

    def _all_sockets(self) -> list[socket.socket]:
        return [one for family in self._sockets.values() for one in family]


_FAMILY_NAMES: Final = {int(socket.AF_INET): "IPv4", int(socket.AF_INET6): "IPv6"}


def _udp_socket(family: int) -> socket.socket:
    """A non-blocking socket on a free port of every address; sending first would bind it just so."""
    one = socket.socket(family, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(("", 0))
    except OSError:
        one.close()
        raise
    return one
