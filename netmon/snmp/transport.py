"""SNMP over UDP: many requests to many agents through a few shared sockets (RFC 3417 section 3).

A reply belongs to a request when it carries its request-id, comes from exactly the address and port the request
went to, and bears its version and community or passes its v3 admission; anything else is counted and dropped. The
sockets are read by plain readiness callbacks that drain a bounded batch: cheaper than one protocol callback a
datagram, and a failing send is an error of the one request it belongs to.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target, literal
from netmon.snmp.budget import Budget
from netmon.snmp.codec import Envelope, PduHead, PduKind, open_envelope, open_pdu
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpResponseError, SnmpTimeoutError, SnmpTransportError
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


@dataclass(frozen=True, slots=True)
class Community:
    """What a reply to a v1 or v2c request must bear."""

    version: int
    octets: bytes = field(repr=False)

    def judge(self, target: Target, envelope: Envelope, head: PduHead) -> SnmpError | None:
        """Why the message is no answer; None: it is one."""
        if envelope.version != self.version or envelope.community != self.octets:
            return SnmpResponseError(f"{target}: the reply has another version or community than the request")
        if head.kind is not PduKind.RESPONSE:
            return SnmpResponseError(f"{target}: a {head.kind.name} instead of a response")
        return None


class Terms(NamedTuple):
    """How an agent is asked."""

    timeout_ns: int
    """For the first attempt, from its sending; each later one waits half as long again."""
    retries: int
    budget: Budget | None = None
    """Shared by all requests to the agent; attempts count."""


class Reply(NamedTuple):
    data: bytes
    received_ns: int
    """time.monotonic_ns() when the datagram was read."""
    head: PduHead | None
    """Of a v1 or v2c message."""


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
    """Messages for a waiting request of another community or version, not authentic, or no answer to it."""
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

    __slots__ = ("attempt", "future", "gate", "payload", "refusal", "request_id", "socket", "target", "terms")

    def __init__(
        self,
        request_id: int,
        payload: bytes,
        sender: socket.socket,
        target: Target,
        gate: Community | Admit,
        terms: Terms,
    ) -> None:
        self.request_id = request_id
        self.payload = payload
        self.socket = sender
        self.target = target
        self.gate = gate
        """What a reply must pass: a community, or the admission of v3."""
        self.terms = terms
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
    def open(cls, in_flight: int, source: str | None = None) -> Transport:
        """A transport on the running loop, whose requests come from the address `source` to agents of its family.

        SnmpTransportError if that is no address of this host, or if not even one socket can be had.
        """
        transport = cls(in_flight)
        bound = {} if source is None else _source(source)
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                # A kernel without IPv6 is usual; an agent there then fails with its own error.
                with contextlib.suppress(OSError):
                    for _ in range(SOCKETS_PER_FAMILY):
                        transport._add_socket(int(family), bound.get(int(family)))
        except SnmpTransportError:
            transport.close()
            raise
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
        self, target: Target, build: Callable[[int], bytes], gate: Community | Admit, terms: Terms
    ) -> Reply:
        """Sends `build(request_id)`, `1 + terms.retries` times if need be, and returns the first reply past `gate`.

        The msgID of a v3 request is the request-id. Raises SnmpTimeoutError, or what the last refusal said;
        SnmpTransportError if it cannot be sent. Cancelling frees the slot.
        """
        if terms.budget is not None:
            delay_ns = terms.budget.take(time.monotonic_ns())
            if delay_ns:
                await asyncio.sleep(delay_ns / 1e9)
        await self._slots.acquire()
        try:
            return await self._exchange(target, build, gate, terms)
        finally:
            self._slots.release()

    async def _exchange(
        self, target: Target, build: Callable[[int], bytes], gate: Community | Admit, terms: Terms
    ) -> Reply:
        if self._closed:
            raise SnmpTransportError("the SNMP client was closed")
        senders = self._sockets.get(target.family)
        if not senders:
            raise SnmpTransportError(f"{target}: this host has no {_FAMILY_NAMES.get(target.family, 'such protocol')}")
        request_id = self._allocate_id()
        sender = senders[request_id % len(senders)]
        request = _Request(request_id, build(request_id), sender, target, gate, terms)
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
        patience = backed_off(request.terms.timeout_ns, request.attempt - 1)
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
        terms = request.terms
        if request.attempt > terms.retries:
            self._counts.timeouts += 1
            request.future.set_exception(request.refusal or SnmpTimeoutError(str(request.target), request.attempt))
            return
        request.attempt += 1
        self._counts.retries += 1
        if terms.budget is not None:
            terms.budget.take(time.monotonic_ns())
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
        envelope: Envelope | None = None
        head: PduHead | None = None
        try:
            if is_v3(data):
                request_id = message_id_of(data)
            else:
                envelope = open_envelope(data)
                head = open_pdu(data, envelope.pdu_at)
                request_id = head.request_id
        except SnmpDecodeError:
            self.count_decode_error()
            return
        scope = source[3] if len(source) == 4 else 0
        request = self._requests.get(request_id)
        if request is None or request.future.done() or isinstance(request.gate, Community) is (envelope is None):
            self._counts.dropped_unsolicited += 1
        elif (family, source[0].partition("%")[0], source[1], scope) != request.target:
            self._counts.dropped_wrong_source += 1
        else:
            self._settle(request, data, envelope, head)

    def _settle(self, request: _Request, data: bytes, envelope: Envelope | None, head: PduHead | None) -> None:
        received_ns = time.monotonic_ns()
        gate = request.gate
        refusal: SnmpError | None = None
        if not isinstance(gate, Community):
            try:
                gate(data, received_ns)
            except SnmpError as error:
                refusal = error
        elif envelope is not None and head is not None:
            refusal = gate.judge(request.target, envelope, head)
        if refusal is not None:
            self._counts.refused += 1
            request.refusal = refusal
            return
        self._counts.replies += 1
        request.future.set_result(Reply(data, received_ns, head))

    def count_decode_error(self) -> None:
        """Notes a reply that proved malformed after it was handed out."""
        self._counts.decode_errors += 1

    def _add_socket(self, family: int, source: Target | None) -> None:
        one = _udp_socket(family, source)
        self._sockets.setdefault(family, []).append(one)
        self._loop.add_reader(one.fileno(), self._drain, one, family)

    def _all_sockets(self) -> list[socket.socket]:
        return [one for family in self._sockets.values() for one in family]


_FAMILY_NAMES: Final = {int(socket.AF_INET): "IPv4", int(socket.AF_INET6): "IPv6"}


def backed_off(timeout_ns: int, times: int) -> int:
    """How long the attempt after `times` others waits."""
    for _ in range(times):
        timeout_ns = timeout_ns * BACK_OFF_PERCENT // 100
    return timeout_ns


def _source(address: str) -> dict[int, Target]:
    """A source address by its family."""
    try:
        target = literal(address, 0)
    except (socket.gaierror, ValueError):
        raise SnmpTransportError(f"{address!r} is no IP address and cannot be the source of requests") from None
    return {target.family: target}


def _udp_socket(family: int, source: Target | None) -> socket.socket:
    """A non-blocking socket on a free port of `source`, or of every address; sending first would bind it just so.

    OSError if this host lacks the family or has too many files open; SnmpTransportError if it lacks the address.
    """
    one = socket.socket(family, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if source is None:
            one.bind(("", 0))
        else:
            one.bind((source.host, 0, 0, source.scope) if family == socket.AF_INET6 else (source.host, 0))
    except OSError as error:
        one.close()
        if source is None:
            raise
        raise SnmpTransportError(
            f"{source.host} cannot be the source of requests: {error.strerror}; give an address of this host"
        ) from None
    return one
