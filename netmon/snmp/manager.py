"""The asking side of SNMPv3: whom it speaks to, what their clocks say, and which of their messages it believes.

Engines are known by the address they answer at, not by their id alone: cloned routers share ids, and must not share
a clock. A message is believed in this order: its code is verified, its time is held against the window, it is
decrypted, and only then read (RFC 3414 section 3.2). What is refused is dropped, and the request goes on waiting;
only if nothing better comes does the refusal become its error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Ask, Terms
from netmon.snmp.codec import Pdu, PduHead, PduKind, decode_varbinds, encode_pdu, open_pdu
from netmon.snmp.dialogue import Frame, Layout, Scope
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpError, SnmpResponseError, SnmpTimeoutError
from netmon.snmp.keys import KeyRing, LocalUser
from netmon.snmp.oid import Oid, format_oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import (
    SnmpAccessError,
    SnmpAuthenticationError,
    SnmpContextError,
    SnmpEngineError,
    SnmpSecurityLevelError,
    SnmpTimeWindowError,
    SnmpUnknownUserError,
    SnmpWrongKeyError,
)
from netmon.snmp.transport import Transport
from netmon.snmp.users import User
from netmon.snmp.usm import (
    DECRYPTION_ERRORS,
    NOT_IN_TIME_WINDOWS,
    UNKNOWN_ENGINE_IDS,
    UNKNOWN_USER_NAMES,
    UNSUPPORTED_SEC_LEVELS,
    WRONG_DIGESTS,
    decipher,
    seal_in,
    verify,
)
from netmon.snmp.v3 import (
    Level,
    SecureMessage,
    decode_secure,
    encode_scoped,
    encode_secure,
    open_scoped,
)

PEERS: Final = 100_000
"""Agents remembered; beyond it the oldest is forgotten, and discovered again when it is asked."""
_AUTHORIZATION_ERROR: Final = 16
_AUTH_PRIV: Final = Level.AUTH_PRIV
_RESPONSE: Final = PduKind.RESPONSE
_REPORT: Final = PduKind.REPORT
"""At hand, because reaching into an enumeration is what a hot path notices."""
_NO_ENGINE: Final = "check that the agent runs, admits this host and speaks SNMPv3"
_TARGET_MIB: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1)
_UNAVAILABLE_CONTEXTS: Final[Oid] = (*_TARGET_MIB, 4, 0)
_UNKNOWN_CONTEXTS: Final[Oid] = (*_TARGET_MIB, 5, 0)
"""SNMP-TARGET-MIB snmpUnavailableContexts and snmpUnknownContexts."""


class Opened(NamedTuple):
    """An answer that may be believed, its variable-bindings not yet read."""

    data: bytes
    """The octets of its ScopedPDU, in the clear; `head` points into them."""
    head: PduHead
    received_ns: int


class Recognised(NamedTuple):
    """An answer that may be believed, and was read at once by its form."""

    numbers: Sequence[int]
    received_ns: int


Recognise = Callable[[bytes, int], Sequence[int] | None]
"""Reads the octets of a ScopedPDU, given the request-id, if they have the form of an answer read before."""


class _Engine:
    """An engine as the user knows it."""

    __slots__ = ("_scope", "engine_id", "frame", "layout", "user")

    def __init__(self, engine_id: bytes, user: LocalUser) -> None:
        self.engine_id = engine_id
        self.user = user
        self.frame = Frame(user.level, True, engine_id, user.name, user.mac_octets)
        """Of requests."""
        self._scope = b"", Scope(engine_id, b"")
        self.layout: Layout | None = None
        """Of the last message believed."""

    def scope(self, context: bytes) -> Scope:
        """Of everything about that context; the last is remembered."""
        if self._scope[0] != context:
            self._scope = context, Scope(self.engine_id, context)
        return self._scope[1]


class _Peer:
    """One user at one agent."""

    __slots__ = ("clock", "engine", "lock", "target", "user")

    def __init__(self, target: Target, user: User) -> None:
        self.target = target
        self.user = user
        self.lock = asyncio.Lock()
        """Held while the engine is discovered."""
        self.engine: _Engine | None = None
        self.clock = EngineTime(0, 0, 0, authentic=False)


class Manager:
    """Asks agents as SNMPv3 users; one for everything in one event loop."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ring = KeyRing()
        self._salts = Salts()
        self._peers: dict[tuple[Target, User], _Peer] = {}

    async def ask(
        self, target: Target, user: User, context: bytes, build: Callable[[int], bytes], terms: Terms
    ) -> Opened:
        """Sends the PDU that `build` makes of a request-id; discovers the engine and its time where need be.

        An agent that restarted, or whose engine id changed, is asked once more. Raises SnmpTransportError,
        SnmpTimeoutError, SnmpSecurityError (its subclasses say what does not fit), or what the last refused
        message was refused for.
        """
        peer = self._peer(target, user)
        renewed: set[Oid] = set()
        while True:
            engine = peer.engine or await self._discovered(peer, terms)
            trial = _Trial(peer, engine, context, build, self._salts)
            try:
                reply = await self._transport.exchange(target, trial.build, trial.admit, terms)
            except SnmpTimeoutError as error:
                raise SnmpTimeoutError(str(target), error.attempts, _silence(user.level, context)) from None
            if trial.failure is not None:
                raise trial.failure
            if trial.opened is not None:
                return Opened(*trial.opened, reply.received_ns)
            if trial.renewal in renewed:
                raise SnmpEngineError(
                    f"{target}: the agent keeps reporting another engine id or time than it has just given;"
                    " check whether several agents answer at this address"
                )
            renewed.add(trial.renewal)
            if trial.renewal == UNKNOWN_ENGINE_IDS:
                self._meet(peer, decode_secure(reply.data), reply.received_ns)

    async def ask_all(
        self,
        target: Target,
        user: User,
        context: bytes,
        asks: Sequence[tuple[Callable[[int], bytes], Recognise | None]],
        terms: Terms,
        window: int,
    ) -> list[Recognised | Opened | SnmpError | None]:
        """What came of each PDU, at most `window` of which are in flight at once; the rest is given up at a failure.

        None: nothing yet, because another one failed, or the agent wants to be asked anew: ask for it again.
        """
        peer = self._peer(target, user)
        found: list[Recognised | Opened | SnmpError | None] = [None] * len(asks)
        if peer.engine is None:
            found[0] = await self._asked(target, user, context, asks[0][0], terms)
            return found
        engine = peer.engine
        trials = [_Trial(peer, engine, context, build, self._salts, recognise) for build, recognise in asks]
        outcomes = await self._transport.exchange_all(
            target, [Ask(trial.build, trial.admit) for trial in trials], terms, window
        )
        anew: int | None = None
        for position, (trial, outcome) in enumerate(zip(trials, outcomes, strict=True)):
            if isinstance(outcome, SnmpTimeoutError):
                found[position] = SnmpTimeoutError(str(target), outcome.attempts, _silence(user.level, context))
            elif outcome is None or isinstance(outcome, SnmpError):
                found[position] = outcome
            elif trial.numbers is not None:
                found[position] = Recognised(trial.numbers, outcome.received_ns)
            elif trial.opened is not None:
                found[position] = Opened(*trial.opened, outcome.received_ns)
            elif trial.failure is not None:
                found[position] = trial.failure
            else:
                anew = position
        if anew is not None:
            found[anew] = await self._asked(target, user, context, asks[anew][0], terms)
        return found

    async def _asked(
        self, target: Target, user: User, context: bytes, build: Callable[[int], bytes], terms: Terms
    ) -> Opened | SnmpError:
        try:
            return await self.ask(target, user, context, build, terms)
        except SnmpError as error:
            return error

    def _peer(self, target: Target, user: User) -> _Peer:
        key = (target, user)
        peer = self._peers.get(key)
        if peer is None:
            if len(self._peers) >= PEERS:
                del self._peers[next(iter(self._peers))]
            peer = self._peers[key] = _Peer(target, user)
        return peer

    async def _discovered(self, peer: _Peer, terms: Terms) -> _Engine:
        """The engine that answers at the peer's address (RFC 3414 section 4); asked for once, however many wait."""
        async with peer.lock:
            if peer.engine is None:
                try:
                    reply = await self._transport.exchange(peer.target, _discovery, _admit_engine, terms)
                except SnmpTimeoutError as error:
                    raise SnmpTimeoutError(str(peer.target), error.attempts, _NO_ENGINE) from None
                return self._meet(peer, decode_secure(reply.data), reply.received_ns)
            return peer.engine

    def _meet(self, peer: _Peer, report: SecureMessage, now_ns: int) -> _Engine:
        """Takes an engine's id, and the time it claims, from its report; nothing in it is authentic."""
        peer.engine = _Engine(report.engine_id, self._ring.local(peer.user, report.engine_id))
        peer.clock = EngineTime(report.boots, report.time, now_ns, authentic=False)
        return peer.engine


def _discovery(message_id: int) -> bytes:
    """A request for nothing, of nobody, that every agent answers with a report of its engine id."""
    scoped = encode_scoped(b"", b"", encode_pdu(Pdu(PduKind.GET, message_id, 0, 0, ())))
    return encode_secure(message_id, Level.NO_AUTH_NO_PRIV, True, b"", 0, 0, b"", 0, b"", scoped)[0]


def _admit_engine(data: bytes, _: int) -> None:
    message = decode_secure(data)
    if message.level or not message.engine_id:
        raise SnmpEngineError("an answer to a discovery that names no engine")
    scoped = open_scoped(message.raw, message.data_at, padded=False)
    if open_pdu(scoped.data, scoped.pdu_at).kind is not PduKind.REPORT:
        raise SnmpEngineError("an answer to a discovery that is no report")


def _silence(level: Level, context: bytes) -> str:
    """What to check when an agent whose engine is known gives no answer: many drop in silence what they do not like."""
    causes = ["that the agent still runs"]
    if context:
        causes.append(f"that it has the context {_text(context)!r}")
    if level is Level.AUTH_PRIV:
        causes.append("that the privacy protocol and password are the same here and there")
    return f"check {', '.join(causes)}"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


class _Trial:
    """One request under way: makes its message, and judges what comes back for it."""

    __slots__ = (
        "_build",
        "_context",
        "_engine",
        "_message_id",
        "_peer",
        "_recognise",
        "_salts",
        "_scope",
        "failure",
        "numbers",
        "opened",
        "renewal",
    )

    def __init__(
        self,
        peer: _Peer,
        engine: _Engine,
        context: bytes,
        build: Callable[[int], bytes],
        salts: Salts,
        recognise: Recognise | None = None,
    ) -> None:
        self._peer = peer
        self._recognise = recognise
        self._engine = engine
        self._context = context
        self._scope = engine.scope(context)
        self._build = build
        self._salts = salts
        self._message_id = 0
        self.numbers: Sequence[int] | None = None
        """What `recognise` read; else it is opened, failed, or to be renewed."""
        self.opened: tuple[bytes, PduHead] | None = None
        self.failure: SnmpError | None = None
        self.renewal: Oid = ()
        """UNKNOWN_ENGINE_IDS or NOT_IN_TIME_WINDOWS, as reported."""

    def build(self, message_id: int) -> bytes:
        self._message_id = message_id
        engine = self._engine
        scoped = self._scope.wrap(self._build(message_id))
        # Without authentication there is no time to agree on (RFC 3414 section 3.1, 6b).
        clock = self._peer.clock.now(time.monotonic_ns()) if engine.user.level else (0, 0)
        return seal_in(engine.frame, engine.user, clock, message_id, scoped, self._salts)

    def admit(self, data: bytes, received_ns: int) -> None:
        """Returns if the datagram settles the request, one way or another; SnmpError if it is refused."""
        engine = self._engine
        engine_id, user, layout = engine.engine_id, engine.user, engine.layout
        where = self._peer.target
        message = None if layout is None else layout.read(data)
        is_new = message is None
        if message is None:
            message = decode_secure(data)
        if message.level:
            if message.engine_id != engine_id or message.user != user.name:
                raise SnmpAuthenticationError(f"{where}: a message of another engine or user was refused")
            verify(user, message, where)
            try:
                self._peer.clock = self._peer.clock.heard(message.boots, message.time, received_ns, where)
            except SnmpTimeWindowError as error:
                # It is the engine, and fresh: it echoes our msgID. So it is met anew, by the next request.
                self._peer.engine = None
                self.failure = error
                return
            if is_new:
                engine.layout = Layout.of(message)
        opened, at = decipher(user, message, where)
        pdu_at = self._scope.find(opened, at)
        is_ours = pdu_at is not None
        if pdu_at is None:
            scoped = open_scoped(opened, at, message.level is _AUTH_PRIV and user.pads)
            opened, pdu_at = scoped.data, scoped.pdu_at
            is_ours = scoped.engine_id == engine_id and scoped.context == self._context
        if is_ours and message.level and message.level is user.level and self._is_recognised(opened):
            return
        head = open_pdu(opened, pdu_at)
        if head.kind is _REPORT:
            self._reported(message, opened, head)
            return
        self._judge(message, head, is_ours)
        if head.error_status == _AUTHORIZATION_ERROR:
            self.failure = SnmpAccessError(where, str(self._peer.user), str(user.level))
            return
        self.opened = opened, head

    def _is_recognised(self, opened: bytes) -> bool:
        """Whether the ScopedPDU of an authentic message was read by its form."""
        if self._recognise is not None:
            self.numbers = self._recognise(opened, self._message_id)
        return self.numbers is not None

    def _judge(self, message: SecureMessage, head: PduHead, is_ours: bool) -> None:
        """SnmpError unless it is the answer to this very request, at its level."""
        where, user = self._peer.target, self._engine.user
        if message.level is not user.level:
            raise SnmpAuthenticationError(
                f"{where}: a reply at {message.level} to a request at {user.level} was refused"
            )
        if head.kind is not _RESPONSE:
            raise SnmpResponseError(f"{where}: a {head.kind.name} instead of a response")
        if (
            not is_ours
            or head.request_id != self._message_id
            or message.engine_id != self._engine.engine_id
            or message.user != user.name
        ):
            raise SnmpResponseError(
                f"{where}: the reply has another request-id, engine, user or context than the request"
            )

    def _reported(self, message: SecureMessage, data: bytes, head: PduHead) -> None:
        """What the agent's report means for the request; SnmpError if it may not be believed."""
        where, user = self._peer.target, self._peer.user
        varbinds = decode_varbinds(data, head.varbinds_at)
        if not varbinds:
            raise SnmpResponseError(f"{where}: a report of nothing")
        what = varbinds[0].oid
        if what == NOT_IN_TIME_WINDOWS:
            if not message.level:
                raise SnmpAuthenticationError(f"{where}: a report of its time that is not authentic was refused")
            self.renewal = what
        elif what == UNKNOWN_ENGINE_IDS:
            if message.engine_id in {b"", self._engine.engine_id}:
                raise SnmpEngineError(f"{where}: the agent does not know its own engine id; restart its SNMP agent")
            self.renewal = what
        elif what == UNKNOWN_USER_NAMES:
            self.failure = SnmpUnknownUserError(where, str(user))
        elif what == UNSUPPORTED_SEC_LEVELS:
            self.failure = SnmpSecurityLevelError(where, str(user), str(user.level))
        elif what in {WRONG_DIGESTS, DECRYPTION_ERRORS}:
            self.failure = SnmpWrongKeyError(where, str(user), _KEY_AT_FAULT[what])
        elif what in {_UNKNOWN_CONTEXTS, _UNAVAILABLE_CONTEXTS}:
            self.failure = SnmpContextError(where, _text(self._context))
        else:
            self.failure = SnmpResponseError(f"{where}: the agent reports {format_oid(what)} instead of answering")


_KEY_AT_FAULT: Final = {WRONG_DIGESTS: "authentication", DECRYPTION_ERRORS: "privacy"}
