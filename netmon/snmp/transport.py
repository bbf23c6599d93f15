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
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Admit, Ask, Check, Community, Reply, Terms, backed_off
from netmon.snmp.batches import Batch, Request
from netmon.snmp.budget import Budget
from netmon.snmp.codec import PduHead
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpResponseError, SnmpTimeoutError, SnmpTransportError
from netmon.snmp.request_ids import RequestIds
from netmon.snmp.slots import Slots
from netmon.snmp.udp import identify, source_address, udp_socket
from netmon.snmp.v3 import V3
from netmon.snmp.wheel import TimerWheel

SOCKETS_PER_FAMILY: Final = 4
"""Their receive buffers add up where an unprivileged process may not enlarge one."""
BATCH: Final = 128
"""Datagrams read before other callbacks get their turn."""
LARGEST_DATAGRAM: Final = 65_535
AT_ONCE: Final = 16
"""Requests of a batch that are made, and v3 replies that are judged, one after the other: so each takes half of what it
does between two wake-ups, when nothing of it is left in the caches."""
TICK_NS: Final = 20_000_000


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


class Transport:
    """Sends requests and brings their replies back; at most `in_flight` wait for replies at once, the rest FIFO."""

    def __init__(self, in_flight: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots = Slots(in_flight)
        self._requests: dict[int, Request] = {}
        self._ids = RequestIds()
        self._sockets: dict[int, list[socket.socket]] = {}
        self._wheel: TimerWheel[Batch] = TimerWheel(TICK_NS, time.monotonic_ns())
        self._timer: asyncio.TimerHandle | None = None
        self._counts = _Counts()
        self._closed = False

    @classmethod
    def open(cls, in_flight: int, source: str | None = None) -> Transport:
        """A transport on the running loop, whose requests come from the address `source` to agents of its family.

        SnmpTransportError if that is no address of this host, or if not even one socket can be had.
        """
        transport = cls(in_flight)
        bound = {} if source is None else source_address(source)
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
        for request in list(self._requests.values()):
            self._settle(request, SnmpTransportError("the SNMP client was closed"))

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
        gate: Community | Admit,
        terms: Terms,
        check: Check | None = None,
    ) -> Reply:
        """Sends `build(request_id)`, `1 + terms.retries` times if need be, and returns the first reply past the gate.

        Raises SnmpTimeoutError, or what the last refusal said; SnmpTransportError if it cannot be sent. Cancelling
        frees the slot.
        """
        (outcome,) = await self.exchange_all(target, (Ask(build, gate, check=check),), terms, 1)
        assert outcome is not None, "the only request of a batch is always settled"
        if isinstance(outcome, SnmpError):
            raise outcome
        return outcome

    async def exchange_all(
        self, target: Target, asks: Sequence[Ask], terms: Terms, window: int
    ) -> list[Reply | SnmpError | None]:
        """The outcome of each of `asks`, at most `window` of which are in flight at once.

        With the first that fails the rest is given up: what had no outcome by then has None. A router already begun
        keeps its slots, so that visits end, and end in the order they began. Cancelling frees everything.
        """
        if terms.budget is not None:
            return await self._exchange_slowly(target, asks, terms, terms.budget)
        return await self._exchange_all(target, asks, terms, window)

    async def _exchange_slowly(
        self, target: Target, asks: Sequence[Ask], terms: Terms, budget: Budget
    ) -> list[Reply | SnmpError | None]:
        """One after the other, each when the budget allows it."""
        outcomes: list[Reply | SnmpError | None] = [None] * len(asks)
        for position, ask in enumerate(asks):
            delay_ns = budget.take(time.monotonic_ns())
            if delay_ns:
                await asyncio.sleep(delay_ns / 1e9)
            (outcome,) = await self._exchange_all(target, (ask,), terms, 1)
            outcomes[position] = outcome
            if isinstance(outcome, SnmpError):
                break
        return outcomes

    async def _exchange_all(
        self, target: Target, asks: Sequence[Ask], terms: Terms, window: int
    ) -> list[Reply | SnmpError | None]:
        await self._slots.acquire()
        batch = Batch(target, asks, terms)
        try:
            if self._closed:
                raise SnmpTransportError("the SNMP client was closed")
            while batch.held < min(window, len(asks)) and self._slots.take():
                batch.held += 1
            for _ in range(batch.held):
                self._start_next(batch)
            await batch.done
        finally:
            for request_id in batch.requests:
                del self._requests[request_id]
            self._wheel.cancel(batch.key, batch.tick)
            for _ in range(batch.held):
                self._slots.release()
        return batch.outcomes

    def _start_next(self, batch: Batch) -> None:
        """Starts the next request of a batch on a slot it holds."""
        if batch.done.done():
            return
        target = batch.target
        senders = self._sockets.get(target.family)
        if not senders:
            family = _FAMILY_NAMES.get(target.family, "such protocol")
            batch.outcomes[batch.started] = SnmpTransportError(f"{target}: this host has no {family}")
            batch.done.set_result(None)
            return
        if not batch.made:
            self._make_ahead(batch, senders)
        request = batch.made.pop()
        batch.started += 1
        self._requests[request.request_id] = batch.requests[request.request_id] = request
        self._counts.requests += 1
        self._send(request)

    def _make_ahead(self, batch: Batch, senders: Sequence[socket.socket]) -> None:
        for position in range(batch.started, min(batch.started + AT_ONCE, len(batch.asks))):
            request_id = self._ids.take(self._requests)
            sender = senders[request_id % len(senders)]
            batch.made.append(Request(request_id, batch.asks[position], sender, batch, position))
        batch.made.reverse()

    def _settle(self, request: Request, outcome: Reply | SnmpError) -> None:
        """Hands the outcome to the request's batch, which goes on, or ends."""
        batch = request.batch
        request_id = request.request_id
        del self._requests[request_id], batch.requests[request_id]
        batch.outcomes[request.position] = outcome
        if batch.done.done():
            return
        if isinstance(outcome, SnmpError):
            batch.done.set_result(None)
            return
        if request.has_slot:
            self._pass_on_slot(request)
        if not batch.requests and not batch.done.done():
            batch.done.set_result(None)

    def _pass_on_slot(self, request: Request) -> None:
        """Lets the next request of the batch have the slot of one that is answered; else whoever waits for one."""
        request.has_slot = False
        batch = request.batch
        if batch.started < len(batch.asks):
            self._start_next(batch)
        else:
            batch.held -= 1
            self._slots.release()

    def _send(self, request: Request) -> None:
        """Sends and starts the attempt's timer; a full send buffer counts as a loss, which the timer repairs."""
        batch = request.batch
        target = batch.target
        where = batch.peer if target.family == socket.AF_INET else (*batch.peer, 0, target.scope)
        try:
            request.socket.sendto(request.payload, where)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.ENOBUFS}:
                self._settle(request, SnmpTransportError(f"{target}: cannot be sent to: {error.strerror}"))
                return
        patience_ns = batch.terms.timeout_ns
        if request.attempt > 1:
            patience_ns = backed_off(patience_ns, request.attempt - 1)
        request.deadline_ns = time.monotonic_ns() + patience_ns
        if not batch.key:
            self._hang_up(batch, request.request_id, request.deadline_ns)

    def _hang_up(self, batch: Batch, key: int, deadline_ns: int) -> None:
        batch.key, batch.tick = key, self._wheel.add(key, batch, deadline_ns)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_NS / 1e9, self._tick)

    def _tick(self) -> None:
        # Where the loop was late, replies may already lie in the sockets: they come before their timeouts.
        self._timer = None
        now_ns = time.monotonic_ns()
        overdue = self._wheel.expire(now_ns)
        if overdue:
            for family, sockets in self._sockets.items():
                for one in sockets:
                    self._drain(one, family)
        for batch in overdue:
            self._judge_kept(batch)
            for request in list(batch.requests.values()):
                if request.deadline_ns <= now_ns and not batch.done.done():
                    self._overdue(request)
            if batch.requests and not batch.done.done():
                self._hang_up(batch, batch.key, min(request.deadline_ns for request in batch.requests.values()))
        if self._wheel and self._timer is None:
            self._timer = self._loop.call_later(TICK_NS / 1e9, self._tick)

    def _overdue(self, request: Request) -> None:
        target, terms = request.batch.target, request.batch.terms
        if request.attempt > terms.retries:
            self._counts.timeouts += 1
            self._settle(request, request.refusal or SnmpTimeoutError(str(target), request.attempt))
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
        try:
            version, request_id = identify(data)
        except SnmpDecodeError:
            self._counts.decode_errors += 1
            return
        request = self._requests.get(request_id)
        gate = None if request is None else request.ask.gate
        if request is None or gate is None or isinstance(gate, Community) is (version == V3):
            self._counts.dropped_unsolicited += 1
        elif source != request.batch.peer and not _is_from(request.batch.target, source, family):
            self._counts.dropped_wrong_source += 1
            if request.refusal is None:
                request.refusal = SnmpResponseError(
                    f"{request.batch.target}: it is answered from {source[0]} port {source[1]} instead, which may be"
                    " anybody; poll that address, or have the agent answer from the one it is asked at"
                )
        elif isinstance(gate, Community):
            self._judge(request, data, time.monotonic_ns(), gate)
        else:
            self._keep(request, data, time.monotonic_ns(), gate)

    def _keep(self, request: Request, data: bytes, received_ns: int, admit: Admit) -> None:
        """Lets the batch go on as if the datagram were the reply, until there are as many as are worth judging.

        If it then is refused, its request goes on waiting, and is one more in flight than there are slots.
        """
        batch = request.batch
        batch.unjudged.append((request, data, received_ns, admit))
        if request.has_slot:
            self._pass_on_slot(request)
        if len(batch.unjudged) >= min(len(batch.requests), AT_ONCE):
            self._judge_kept(batch)

    def _judge_kept(self, batch: Batch) -> None:
        kept, batch.unjudged = batch.unjudged, []
        for request, data, received_ns, admit in kept:
            if request.request_id not in batch.requests:
                self._counts.dropped_unsolicited += 1
                continue
            try:
                admit(data, received_ns)
            except SnmpError as refusal:
                self._refuse(request, refusal)
            else:
                self._counts.replies += 1
                self._settle(request, Reply(data, received_ns, None))

    def _judge(self, request: Request, data: bytes, received_ns: int, gate: Community) -> None:
        """The same at once, for what is asked under a community."""
        ask, request_id = request.ask, request.request_id
        numbers = None if ask.recognise is None else ask.recognise(data, request_id)
        head: PduHead | None = None
        if numbers is None:
            target = request.batch.target
            try:
                head = gate.admit(target, data, request_id)
                if ask.check is not None and not head.error_status:
                    ask.check(data, head)
            except SnmpDecodeError as error:
                self._counts.decode_errors += 1
                request.refusal = error.of(target)
                return
            except SnmpError as refusal:
                self._refuse(request, refusal)
                return
        self._counts.replies += 1
        self._settle(request, Reply(data, received_ns, head, numbers))

    def _refuse(self, request: Request, refusal: SnmpError) -> None:
        self._counts.refused += 1
        request.refusal = refusal

    def _add_socket(self, family: int, source: Target | None) -> None:
        one = udp_socket(family, source)
        self._sockets.setdefault(family, []).append(one)
        self._loop.add_reader(one.fileno(), self._drain, one, family)

    def _all_sockets(self) -> list[socket.socket]:
        return [one for family in self._sockets.values() for one in family]


def _is_from(target: Target, source: tuple[str, int] | tuple[str, int, int, int], family: int) -> bool:
    scope = source[3] if len(source) == 4 else 0
    return (family, source[0].partition("%")[0], source[1], scope) == target


_FAMILY_NAMES: Final = {int(socket.AF_INET): "IPv4", int(socket.AF_INET6): "IPv6"}
