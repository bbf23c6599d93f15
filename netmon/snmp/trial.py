"""One SNMPv3 request under way: makes its message, and judges what comes back for it.

A message is believed in this order: its code is verified, its time is held against the window, it is decrypted, and
only then read (RFC 3414 section 3.2). What is refused is dropped, and the request goes on waiting; only if nothing
better comes does the refusal become its error.

A report that is not authentic can be anybody's. It is believed as long as nothing authentic has come from the engine,
lest a wrong password take long to be told; from then on it is refused, and what it says told if nothing better comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import Final

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Check
from netmon.snmp.codec import PduHead, PduKind, decode_varbinds, open_pdu
from netmon.snmp.dialogue import Frame, Layout, Scope
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpResponseError
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
from netmon.snmp.template import KnownReply
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
_AUTH_NO_PRIV: Final = Level.AUTH_NO_PRIV
_RESPONSE: Final = PduKind.RESPONSE
_REPORT: Final = PduKind.REPORT
"""At hand, because reaching into an enumeration is what a hot path notices."""
_TARGET_MIB: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1)
_UNAVAILABLE_CONTEXTS: Final[Oid] = (*_TARGET_MIB, 4, 0)
_UNKNOWN_CONTEXTS: Final[Oid] = (*_TARGET_MIB, 5, 0)
"""SNMP-TARGET-MIB snmpUnavailableContexts and snmpUnknownContexts."""
_KEY_AT_FAULT: Final = {WRONG_DIGESTS: "authentication", DECRYPTION_ERRORS: "privacy"}


def text_of(octets: bytes) -> str:
    """A context's name, for people."""
    return octets.decode("utf-8", "backslashreplace")


class Engine:
    """An engine as the user knows it."""

    __slots__ = ("_scopes", "clock", "engine_id", "frame", "is_gone", "layout", "user")

    def __init__(self, engine_id: bytes, user: LocalUser, clock: EngineTime) -> None:
        self.engine_id = engine_id
        self.user = user
        self.clock = clock
        self.is_gone = False
        """Another one has been answering in its place for so long that every report of that is followed at once."""
        self.frame = Frame(user.level, True, engine_id, user.name, user.mac_octets)
        """Of requests."""
        self._scopes: dict[bytes, Scope] = {}
        self.layout: Layout | None = None
        """Of the last message believed, if it had one, or else of one before."""

    def scope(self, context: bytes) -> Scope:
        """Of everything about that context, of which agents have few: always the same object."""
        scope = self._scopes.get(context)
        if scope is None:
            scope = self._scopes[context] = Scope(self.engine_id, context)
        return scope


class Peer:
    """One user at one agent."""

    __slots__ = ("discovery", "engine", "target", "user")

    def __init__(self, target: Target, user: User) -> None:
        self.target = target
        self.user = user
        self.engine: Engine | None = None
        self.discovery: asyncio.Future[SnmpError | None] | None = None
        """Under way; why it failed, or None."""


class Trial:
    """One request under way: makes its message, and judges what comes back for it."""

    __slots__ = (
        "_build",
        "_check",
        "_context",
        "_engine",
        "_known",
        "_message_id",
        "_patience_ns",
        "_peer",
        "_salts",
        "elsewhere",
        "failure",
        "numbers",
        "opened",
        "scope",
    )

    def __init__(
        self,
        peer: Peer,
        engine: Engine,
        context: bytes,
        build: Callable[[int], bytes],
        salts: Salts,
        patience_ns: int,
        known: KnownReply | None = None,
        check: Check | None = None,
    ) -> None:
        """`build` makes a PDU of a request-id; `known` is what was learnt of it within the same scope.

        `patience_ns` is what the first attempt waits. `check` judges the variables of an answer that `known` did not
        read and that names no error.
        """
        self._peer = peer
        self._check = check
        self._known = known
        self._engine = engine
        self._context = context
        self.scope = engine.scope(context)
        self._build = build
        self._salts = salts
        self._patience_ns = patience_ns
        self._message_id = 0
        self.numbers: Sequence[int] | None = None
        """What was read by the known form; if it neither is nor was opened, nor failed, it is to be asked anew."""
        self.opened: tuple[bytes, PduHead] | None = None
        self.failure: SnmpError | None = None
        self.elsewhere: tuple[SecureMessage, int] | None = None
        """The first report of another engine in place of this one, and when it came; nothing in it is authentic."""

    def build(self, message_id: int) -> bytes:
        self._message_id = message_id
        engine = self._engine
        known = self._known
        scoped = self.scope.wrap(self._build(message_id)) if known is None else known.request(message_id)
        # Without authentication there is no time to agree on (RFC 3414 section 3.1, 6b).
        clock = engine.clock.now(time.monotonic_ns()) if engine.user.level else (0, 0)
        return seal_in(engine.frame, engine.user, clock, message_id, scoped, self._salts)

    def admit(self, data: bytes, received_ns: int) -> None:
        """Returns if the datagram settles the request, one way or another; SnmpError if it is refused."""
        try:
            message, opened = self._opened_alike(data, received_ns) or self._opened_anyway(data, received_ns)
            if not self._is_recognised(message, opened):
                self._read(message, opened, received_ns)
        except SnmpTimeWindowError as error:
            if not _tells_time(data):
                raise
            # The engine refused the request by a clock that went back, or it was overtaken by later news of its clock.
            self.failure, self.elsewhere = error, None
        except SnmpDecodeError as error:
            raise error.of(self._peer.target) from None

    def _read(self, message: SecureMessage, opened: bytes, received_ns: int) -> None:
        """Settles the request by a message that is not of the known form, or raises why it is refused."""
        user, where = self._engine.user, self._peer.target
        pdu_at = self.scope.find(opened)
        is_ours = pdu_at is not None
        if pdu_at is None:
            scoped = open_scoped(opened, 0, message.level is _AUTH_PRIV and user.pads)
            is_ours = scoped.engine_id == self._engine.engine_id and scoped.context == self._context
            if scoped.data is not opened and self._is_recognised(message, scoped.data):
                return
            opened, pdu_at = scoped.data, scoped.pdu_at
        head = open_pdu(opened, pdu_at)
        if head.kind is _REPORT:
            self._reported(message, opened, head, received_ns)
            return
        self._judge(message, head, is_ours)
        if head.error_status == _AUTHORIZATION_ERROR:
            self.failure = SnmpAccessError(where, str(self._peer.user), str(user.level))
            return
        if self._check is not None and not head.error_status:
            self._check(opened, head)
        self.opened = opened, head

    def _opened_alike(self, data: bytes, received_ns: int) -> tuple[SecureMessage, bytes] | None:
        """The same as _opened_anyway, sooner, if the message has a head like that of one believed before.

        Its engine and user are the right ones then, and its level and time are the same. None: it has another head,
        or there is something wrong with it.
        """
        engine = self._engine
        layout, user = engine.layout, engine.user
        if layout is None or (parts := layout.split(data)) is None:
            return None
        mac, authenticated, salt, secret = parts
        if not compare_digest(mac, user.mac(authenticated)):
            return None
        like, where = layout.like, self._peer.target
        engine.clock = engine.clock.heard(like.boots, like.time, received_ns, where)
        return like, decipher(user, like, salt, secret, where)

    def _opened_anyway(self, data: bytes, received_ns: int) -> tuple[SecureMessage, bytes]:
        """The message, as far as its head tells about it, and what fills the rest of it, deciphered.

        SnmpError if it may not be believed.
        """
        engine, where = self._engine, self._peer.target
        user = engine.user
        message = decode_secure(data)
        if message.level:
            if message.engine_id != engine.engine_id or message.user != user.name:
                raise SnmpAuthenticationError(f"{where}: a message of another engine or user was refused")
            verify(user, message, where)
            engine.clock = engine.clock.heard(message.boots, message.time, received_ns, where)
            engine.layout = Layout.of(message) or engine.layout
        return message, decipher(user, message, message.salt, data[message.data_at :], where)

    def _is_recognised(self, message: SecureMessage, scoped: bytes) -> bool:
        """Whether the ScopedPDU of an authentic message was read by the form it had within the same scope before."""
        if self._known is not None and message.level and message.level is self._engine.user.level:
            self.numbers = self._known.form.read(scoped, self._message_id)
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

    def _reported(self, message: SecureMessage, data: bytes, head: PduHead, received_ns: int) -> None:
        """What the agent's report means for the request; SnmpError if it may not be believed."""
        where, engine = self._peer.target, self._engine
        varbinds = decode_varbinds(data, head.varbinds_at)
        if not varbinds:
            raise SnmpResponseError(f"{where}: a report of nothing")
        what = varbinds[0].oid
        if what == NOT_IN_TIME_WINDOWS:
            if not message.level:
                raise SnmpAuthenticationError(f"{where}: a report of its time that is not authentic was refused")
            self.elsewhere = None
        elif what == UNKNOWN_ENGINE_IDS:
            self._replaced(message, received_ns)
        else:
            failure, is_of_user = self._failure(what)
            if engine.user.level and not message.level and (engine.clock.authentic or not is_of_user):
                raise failure
            self.failure = failure

    def _replaced(self, message: SecureMessage, received_ns: int) -> None:
        """Returns if another engine, which reports that it is not the one that was asked, is to be asked instead.

        Of an engine that has been heard, only if for half the patience of an attempt nothing better came: the genuine
        reply that a forged report comes with is there by then, and an engine that is gone is asked again in vain.
        """
        where, engine = self._peer.target, self._engine
        if message.engine_id in {b"", engine.engine_id}:
            raise SnmpEngineError(f"{where}: the agent does not know its own engine id; restart its SNMP agent")
        self.elsewhere = self.elsewhere or (message, received_ns)
        if engine.clock.authentic and not engine.is_gone:
            if received_ns - self.elsewhere[1] < self._patience_ns // 2:
                raise SnmpAuthenticationError(
                    f"{where}: a report of another engine id that is not authentic was refused"
                )
            engine.is_gone = True

    def _failure(self, what: Oid) -> tuple[SnmpError, bool]:
        """What a report of a refusal says, and whether it is of the user, as the User-based Security Model makes it."""
        where, user = self._peer.target, self._peer.user
        if what == UNKNOWN_USER_NAMES:
            return SnmpUnknownUserError(where, str(user)), True
        if what == UNSUPPORTED_SEC_LEVELS:
            return SnmpSecurityLevelError(where, str(user), str(user.level)), True
        if what in _KEY_AT_FAULT:
            return SnmpWrongKeyError(where, str(user), _KEY_AT_FAULT[what]), True
        if what in {_UNKNOWN_CONTEXTS, _UNAVAILABLE_CONTEXTS}:
            return SnmpContextError(where, text_of(self._context)), False
        return SnmpResponseError(f"{where}: the agent reports {format_oid(what)} instead of answering"), False


def _tells_time(data: bytes) -> bool:
    """Whether an authentic message reports the engine's time, which is never enciphered (RFC 3414 section 3.2, 7a)."""
    message = decode_secure(data)
    if message.level is not _AUTH_NO_PRIV:
        return False
    try:
        scoped = open_scoped(data, message.data_at, padded=False)
        head = open_pdu(scoped.data, scoped.pdu_at)
        varbinds = decode_varbinds(scoped.data, head.varbinds_at)
    except SnmpDecodeError:
        return False
    return head.kind is _REPORT and bool(varbinds) and varbinds[0].oid == NOT_IN_TIME_WINDOWS
