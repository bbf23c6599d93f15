"""One SNMPv3 request under way: makes its message, and judges what comes back for it.

A message is believed in this order: its code is verified, its time is held against the window, it is decrypted, and
only then read (RFC 3414 section 3.2). What is refused is dropped, and the request goes on waiting; only if nothing
better comes does the refusal become its error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from netmon.snmp.addresses import Target
from netmon.snmp.codec import PduHead, PduKind, decode_varbinds, open_pdu
from netmon.snmp.dialogue import Frame, Layout, Scope
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpError, SnmpResponseError
from netmon.snmp.keys import LocalUser
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
from netmon.snmp.v3 import Level, SecureMessage, decode_secure, open_scoped

_AUTHORIZATION_ERROR: Final = 16
_AUTH_PRIV: Final = Level.AUTH_PRIV
_RESPONSE: Final = PduKind.RESPONSE
_REPORT: Final = PduKind.REPORT
"""At hand, because reaching into an enumeration is what a hot path notices."""
_TARGET_MIB: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1)
_UNAVAILABLE_CONTEXTS: Final[Oid] = (*_TARGET_MIB, 4, 0)
_UNKNOWN_CONTEXTS: Final[Oid] = (*_TARGET_MIB, 5, 0)
"""SNMP-TARGET-MIB snmpUnavailableContexts and snmpUnknownContexts."""
_KEY_AT_FAULT: Final = {WRONG_DIGESTS: "authentication", DECRYPTION_ERRORS: "privacy"}

Recognise = Callable[[bytes, int], Sequence[int] | None]
"""Reads the octets of a ScopedPDU, given the request-id, if they have the form of an answer read before."""


def text_of(octets: bytes) -> str:
    """A context's name, for people."""
    return octets.decode("utf-8", "backslashreplace")


class Engine:
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


class Peer:
    """One user at one agent."""

    __slots__ = ("clock", "engine", "lock", "target", "user")

    def __init__(self, target: Target, user: User) -> None:
        self.target = target
        self.user = user
        self.lock = asyncio.Lock()
        """Held while the engine is discovered."""
        self.engine: Engine | None = None
        self.clock = EngineTime(0, 0, 0, authentic=False)


class Trial:
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
        peer: Peer,
        engine: Engine,
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
            self.failure = SnmpContextError(where, text_of(self._context))
        else:
            self.failure = SnmpResponseError(f"{where}: the agent reports {format_oid(what)} instead of answering")
