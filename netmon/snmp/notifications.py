"""Receives traps and informs beside polling, and never at its expense.

A datagram passes our own socket, the gate (known source, bounded size, known credential, token buckets), a bounded
queue and the prover, and only then costs what decoding costs. One is decoded per turn of the event loop. Informs are
acknowledged by whoever decodes them, whether they make an event or not: RFC 3416 section 4.2.7 asks nothing of their
contents, and to hear them again would help nobody.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

from netmon.snmp.addresses import Addresses, is_literal
from netmon.snmp.errors import SnmpDecodeError, SnmpTransportError
from netmon.snmp.notification_decoder import TICK_S, Decoder
from netmon.snmp.notification_discovery import introduction
from netmon.snmp.notification_events import Drop, Notification, interpret
from netmon.snmp.notification_gate import Admitted, Discovery, Gate, Prover, Sender
from netmon.snmp.notification_pdu import examine
from netmon.snmp.notification_socket import Datagram, NotificationSocket
from netmon.snmp.settings import NotificationSettings
from netmon.snmp.users import User

log = logging.getLogger(__name__)

BURST: Final = 32
PAUSE_S: Final = 0.005
"""At most so many datagrams are read at a time, and so long nothing is read after: the rest waits in the kernel."""
RESOLVE_EVERY_S: Final = 300.0
DECODER_HOLDS: Final = 5_000
"""Communities and users at engines; beyond it the decoder is made anew."""
TELL_AGAIN_NS: Final = 600 * 1_000_000_000
TOLD: Final = 20_000


class NotificationError(RuntimeError):
    """Traps cannot be received; the message says why, and the remedy."""


class _Heard(NamedTuple):
    admitted: Admitted | Discovery
    datagram: Datagram
    socket: NotificationSocket
    at_ns: int

    def answer(self, reply: bytes) -> None:
        try:
            self.socket.answer(self.datagram, reply)
        except OSError as error:
            log.debug("%s cannot be answered: %s", self.datagram.host, error)


class _Telling:
    """Logs a transition once: an event that says what was said last of the same subject is only counted."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, object], tuple[object, int]] = {}

    def tell(self, event: Notification) -> None:
        key = event.router, event.subject
        what, at_ns = self._told.pop(key, (None, 0))
        if what != event.oid or event.at_ns - at_ns >= TELL_AGAIN_NS:
            log.info("%s", event)
            at_ns = event.at_ns
        elif len(self._told) >= TOLD:
            del self._told[next(iter(self._told))]
        self._told[key] = event.oid, at_ns


class Notifications:
    """One task that listens. `on_event` and `on_drop` are called on the event loop and must be quick."""

    def __init__(
        self,
        settings: NotificationSettings,
        site: str,
        routers: Sequence[tuple[str, str, tuple[bytes | User, ...]]],
        now_ns: Callable[[], int],
        on_event: Callable[[Notification], None],
        on_drop: Callable[[Drop, int], None],
    ) -> None:
        """`routers`: name, address or host name, and the communities and users it may use.

        `on_drop` is told why, and of how many datagrams. `now_ns` is UTC.
        """
        self._settings = settings
        self._routers = routers
        self._now_ns = now_ns
        self._on_event, self._on_drop = on_event, on_drop
        self._addresses = Addresses()
        self._gate = Gate(settings.rate, settings.burst, settings.source_rate, settings.source_burst)
        self.engine_id = engine_id_of(site)
        self._prover = Prover(self.engine_id)
        self._telling = _Telling()
        self._queue: asyncio.Queue[_Heard] = asyncio.Queue(settings.queue)
        self._discoveries = 0
        self.listening: tuple[tuple[str, int], ...] = ()
        """Addresses and ports, while it runs and is ready."""

    async def run(self) -> NoReturn:
        """Until cancelled. Raises NotificationError if it can listen nowhere."""
        sockets = _bound(self._settings)
        try:
            # Names take as long as the DNS does; who has an address need not wait for them.
            await self._resolve([one for one in self._routers if is_literal(one[1])])
            decoder = await self._made()
            self.listening = tuple(one.address for one in sockets)
            log.info(
                "traps and informs are received at %s; the engine id of informs is %s",
                ", ".join(map(str, sockets)),
                self.engine_id.hex(),
            )
            async with asyncio.TaskGroup() as group:
                for one in sockets:
                    group.create_task(self._listen(one))
                group.create_task(self._keep_resolved())
                group.create_task(self._decode(decoder))
            raise NotificationError("receiving traps ended by itself")
        finally:
            self.listening = ()
            for one in sockets:
                one.close()

    # --- in front of the queue ---------------------------------------------------------------

    async def _listen(self, one: NotificationSocket) -> None:
        while True:
            await _readable(one)
            for _ in range(BURST):
                try:
                    datagram = one.receive()
                except (BlockingIOError, InterruptedError):
                    break
                except OSError:
                    # An ICMP error about an acknowledgement; the datagrams behind it are still there.
                    continue
                if datagram.lost:
                    self._on_drop(Drop.BUFFER, datagram.lost)
                self._offer(datagram, one)
            await asyncio.sleep(PAUSE_S)

    def _offer(self, datagram: Datagram, one: NotificationSocket) -> None:
        verdict = self._gate.admit(datagram.host, datagram.data, time.monotonic_ns())
        if isinstance(verdict, Drop):
            self._on_drop(verdict, 1)
            return
        try:
            self._queue.put_nowait(_Heard(verdict, datagram, one, self._now_ns()))
        except asyncio.QueueFull:
            self._on_drop(Drop.QUEUE, 1)

    # --- behind it ---------------------------------------------------------------------------

    async def _decode(self, decoder: Decoder) -> None:
        loop = asyncio.get_running_loop()
        ticked = loop.time()
        while True:
            heard = await self._queue.get()
            if decoder.known >= DECODER_HOLDS:
                decoder = await self._made()
            if loop.time() - ticked >= TICK_S:
                ticked = loop.time()
                decoder.tick()
            drop = await self._taken(decoder, heard)
            if drop is not None:
                self._on_drop(drop, 1)
            await asyncio.sleep(0)

    async def _taken(self, decoder: Decoder, heard: _Heard) -> Drop | None:
        """Why it comes to nothing; None if it does not."""
        admitted = heard.admitted
        if isinstance(admitted, Discovery):
            return self._introduced(decoder, admitted, heard)
        drop = await self._disproved(admitted)
        if drop is not None:
            return drop
        router, data, credential, secure = admitted
        engine_id = secure.engine_id if secure is not None else b""
        if not decoder.knows(credential, engine_id):
            # The decoder is nobody else's, and this task waits: it is never used by two threads at once.
            await asyncio.get_running_loop().run_in_executor(None, decoder.admit, credential, engine_id)
        varbinds, replies = decoder.decode(data)
        for reply in replies:
            heard.answer(reply)
        if varbinds is None:
            # What it only reports on is on its way to be an inform.
            return None if replies else Drop.UNDECODABLE
        event = interpret(router, heard.at_ns, varbinds)
        if event is None:
            return Drop.UNDECODABLE
        self._telling.tell(event)
        self._on_event(event)
        return None

    def _introduced(self, decoder: Decoder, discovery: Discovery, heard: _Heard) -> Drop | None:
        self._discoveries += 1
        try:
            heard.answer(introduction(discovery.message, self.engine_id, decoder.clock, self._discoveries))
        except SnmpDecodeError:
            return Drop.MALFORMED
        return None

    async def _disproved(self, admitted: Admitted) -> Drop | None:
        router, data, credential, secure = admitted
        if secure is None or not isinstance(credential, User):
            try:
                examine(data)
            except SnmpDecodeError:
                return Drop.UNDECODABLE
            return None
        # In a thread, because the first message of an engine derives keys, which takes milliseconds by intent.
        now_ns = time.monotonic_ns()
        return await asyncio.get_running_loop().run_in_executor(
            None, self._prover.prove, router, credential, secure, now_ns
        )

    async def _made(self) -> Decoder:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, Decoder, self.engine_id, time.time_ns() // 1_000_000_000)

    # --- whom it knows -----------------------------------------------------------------------

    async def _keep_resolved(self) -> None:
        while True:
            await self._resolve(self._routers)
            await asyncio.sleep(RESOLVE_EVERY_S)

    async def _resolve(self, routers: Sequence[tuple[str, str, tuple[bytes | User, ...]]]) -> None:
        """Names become addresses; a name that has none now is tried again later, polling says so meanwhile."""
        senders: list[Sender] = []
        for router, address, credentials in routers:
            try:
                target = await self._addresses.resolve(address, 161)
            except SnmpTransportError:
                continue
            senders.append(Sender(router, (target.host,), credentials))
        self._gate.know(senders)


def engine_id_of(site: str) -> bytes:
    """Our snmpEngineID (RFC 3411 section 5, format 5 octets; pysnmp's enterprise number): the same after each start."""
    return b"\x80\x00\x4f\xb8\x05" + hashlib.sha256(site.encode()).digest()[:12]


async def _readable(one: NotificationSocket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(one, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(one)


def _bound(settings: NotificationSettings) -> list[NotificationSocket]:
    sockets: list[NotificationSocket] = []
    try:
        for host in settings.listen:
            try:
                sockets.append(NotificationSocket(host, settings.port))
            except OSError as error:
                if error.errno != errno.EAFNOSUPPORT:
                    raise
                log.warning("no traps are received at %s: this host has no such address family", host)
    except (OSError, SnmpTransportError) as error:
        for one in sockets:
            one.close()
        privileged = isinstance(error, PermissionError)
        remedy = "; give the service CAP_NET_BIND_SERVICE or use a port above 1023" if privileged else ""
        raise NotificationError(f"cannot listen for traps at {host} port {settings.port}: {error}{remedy}") from None
    if not sockets:
        raise NotificationError("this host has none of the address families of snmp.notifications.listen")
    return sockets
