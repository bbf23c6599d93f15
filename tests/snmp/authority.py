"""An SNMPv3 engine that is asked: the authoritative side of RFC 3414 section 3.2, for agents that tests play."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, decode_varbinds, encode_pdu, open_pdu
from netmon.snmp.dialogue import Frame
from netmon.snmp.engine import LATCHED, SECOND, WINDOW
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.keys import KeyRing, LocalUser
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpAuthenticationError, SnmpDecryptionError, SnmpSecurityError
from netmon.snmp.users import User
from netmon.snmp.usm import (
    DECRYPTION_ERRORS,
    NOT_IN_TIME_WINDOWS,
    UNKNOWN_ENGINE_IDS,
    UNKNOWN_USER_NAMES,
    UNSUPPORTED_SEC_LEVELS,
    WRONG_DIGESTS,
    reveal,
    seal_in,
    verify,
)
from netmon.snmp.v3 import Level, SecureMessage, decode_secure, encode_scoped

_NOBODY: Final = LocalUser(User(b"-"), b"", None)


def seal(
    user: LocalUser,
    level: Level,
    engine_id: bytes,
    clock: tuple[int, int],
    message_id: int,
    reportable: bool,
    scoped: bytes,
    salts: Salts,
) -> bytes:
    """The datagram of a ScopedPDU, in a frame of its own."""
    frame = Frame(level, reportable, engine_id, user.name, user.mac_octets if level else 0)
    return seal_in(frame, user, clock, message_id, scoped, salts)


class Question(NamedTuple):
    """A request that was let in."""

    message_id: int
    level: Level
    user: LocalUser
    engine_id: bytes
    """contextEngineID."""
    context: bytes
    pdu: Pdu


class LocalEngine:
    """One engine with its users; `boots` is its caller's to count over restarts."""

    def __init__(self, engine_id: bytes, users: Iterable[User], boots: int, booted_ns: int) -> None:
        self.engine_id = engine_id
        self.boots = boots
        self.booted_ns = booted_ns
        """Monotonic instant of second 0."""
        self.reported: dict[Oid, int] = {}
        """The usmStats counters."""
        ring = KeyRing()
        self._users = {user.name: ring.local(user, engine_id) for user in users}
        self._salts = Salts()

    def clock(self, now_ns: int) -> tuple[int, int]:
        """snmpEngineBoots and snmpEngineTime."""
        return self.boots, (now_ns - self.booted_ns) // SECOND

    def ask(self, data: bytes, now_ns: int) -> Question | bytes:
        """The request in a datagram, or the report to answer it with.

        SnmpDecodeError or SnmpSecurityError: not a request one could answer; drop it.
        """
        message = decode_secure(data)
        user = self._users.get(message.user)
        if message.engine_id != self.engine_id:
            return self._report(message, UNKNOWN_ENGINE_IDS, now_ns)
        if user is None or message.level > user.level:
            what = UNKNOWN_USER_NAMES if user is None else UNSUPPORTED_SEC_LEVELS
            return self._report(message, what, now_ns)
        if message.level:
            try:
                verify(user, message, "the request")
            except SnmpAuthenticationError:
                return self._report(message, WRONG_DIGESTS, now_ns)
            if not self._is_timely(message, now_ns):
                return self._report(message, NOT_IN_TIME_WINDOWS, now_ns, user)
        try:
            return _question(user, message)
        except (SnmpDecryptionError, SnmpDecodeError):
            if message.level is not Level.AUTH_PRIV:
                raise
            return self._report(message, DECRYPTION_ERRORS, now_ns)

    def _is_timely(self, message: SecureMessage, now_ns: int) -> bool:
        boots, time = self.clock(now_ns)
        return boots != LATCHED and message.boots == boots and abs(message.time - time) <= WINDOW

    def answer(self, question: Question, pdu: Pdu, now_ns: int) -> bytes:
        """The datagram that brings `pdu`, at the level of the question."""
        scoped = encode_scoped(question.engine_id, question.context, encode_pdu(pdu))
        return self._seal(question.user, question.level, question.message_id, scoped, now_ns)

    def _report(self, message: SecureMessage, what: Oid, now_ns: int, user: LocalUser | None = None) -> bytes:
        """With `user` the report is authentic (RFC 3414 section 3.2, 7a)."""
        self.reported[what] = self.reported.get(what, 0) + 1
        if not message.reportable:
            raise SnmpSecurityError("a message that is neither acceptable nor wants a report")
        count = VarBind(what, Tag.COUNTER32, self.reported[what])
        # The request-id may be under a cipher; 0 stands for that (RFC 3412 section 7.1, 3c).
        scoped = encode_scoped(self.engine_id, b"", encode_pdu(Pdu(PduKind.REPORT, 0, 0, 0, (count,))))
        level = Level.AUTH_NO_PRIV if user is not None else Level.NO_AUTH_NO_PRIV
        return self._seal(user or _NOBODY, level, message.message_id, scoped, now_ns)

    def _seal(self, user: LocalUser, level: Level, message_id: int, scoped: bytes, now_ns: int) -> bytes:
        return seal(user, level, self.engine_id, self.clock(now_ns), message_id, False, scoped, self._salts)


def _question(user: LocalUser, message: SecureMessage) -> Question:
    scoped = reveal(user, message, "the request")
    head = open_pdu(scoped.data, scoped.pdu_at)
    varbinds = decode_varbinds(scoped.data, head.varbinds_at)
    pdu = Pdu(head.kind, head.request_id, head.error_status, head.error_index, varbinds)
    return Question(message.message_id, message.level, user, scoped.engine_id, scoped.context, pdu)
