"""What stands in front of the decoder of notifications: known sources, known credentials, a bounded rate.

Everything here costs microseconds, where decoding costs a millisecond: a flood ends at the gate. A message of version 3
is let through only when its code, its level, its time and its kind are right, because the decoder behind takes a
message at any level and moves its notion of time to whatever a message says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from netmon.core.model import NANOSECONDS
from netmon.snmp.codec import decode_varbinds, open_envelope, open_pdu
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.keys import KeyRing
from netmon.snmp.notification_events import Drop
from netmon.snmp.notification_pdu import NOTIFICATIONS, is_too_many, variables_at
from netmon.snmp.notification_socket import MAX_DATAGRAM
from netmon.snmp.security_errors import SnmpAuthenticationError, SnmpDecryptionError, SnmpTimeWindowError
from netmon.snmp.users import User
from netmon.snmp.usm import reveal, verify
from netmon.snmp.v3 import Level, SecureMessage, decode_secure, is_v3

ENGINES: Final = 20_000
"""Engines whose clocks are remembered; beyond it the oldest is forgotten."""
STRANGERS: Final = 1_000
"""Engine ids that proved nothing, after which all keys are derived anew: they come from whoever can send."""
MIN_ENGINE_ID: Final = 5
"""Octets (SnmpEngineID, RFC 3411)."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A router as its notifications come in."""

    router: str
    hosts: tuple[str, ...]
    """Source addresses in the kernel's spelling."""
    credentials: tuple[bytes | User, ...]
    """Communities and users that it may use."""

    def __repr__(self) -> str:
        return f"Sender({self.router!r}, {self.hosts!r}, {len(self.credentials)} credentials)"


class Admitted(NamedTuple):
    """A datagram worth decoding."""

    router: str
    data: bytes
    credential: bytes | User
    secure: SecureMessage | None
    """The message of version 3 taken apart, and so far unproven."""


class Discovery(NamedTuple):
    """Somebody looks for our engine id."""

    message: SecureMessage


class TokenBucket:
    """`burst` at once, `rate` a second in the long run."""

    __slots__ = ("_burst", "_filled_ns", "_rate", "_tokens")

    def __init__(self, rate: int, burst: int) -> None:
        self._rate = rate
        self._burst = burst * NANOSECONDS
        self._tokens = self._burst
        self._filled_ns = 0

    def take(self, now_ns: int) -> bool:
        """Whether there was a token; `now_ns` is monotonic."""
        self._tokens = min(self._burst, self._tokens + max(0, now_ns - self._filled_ns) * self._rate)
        self._filled_ns = now_ns
        if self._tokens < NANOSECONDS:
            return False
        self._tokens -= NANOSECONDS
        return True


class _Source:
    """An address, and who may speak from it."""

    __slots__ = ("bucket", "communities", "users")

    def __init__(self, bucket: TokenBucket) -> None:
        self.bucket = bucket
        self.communities: dict[bytes, str | None] = {}
        self.users: dict[bytes, tuple[User, str | None]] = {}
        """The router of each; None where several share it."""

    def add(self, router: str, credential: bytes | User) -> None:
        if isinstance(credential, User):
            known = self.users.get(credential.name)
            same = known is None or known == (credential, router)
            self.users[credential.name] = (credential, router if same else None)
        else:
            self.communities[credential] = router if self.communities.get(credential, router) == router else None


class Gate:
    """Judges datagrams; I/O and clocks are the caller's."""

    def __init__(self, rate: int, burst: int, source_rate: int, source_burst: int) -> None:
        self._bucket = TokenBucket(rate, burst)
        self._per_source = (source_rate, source_burst)
        self._sources: dict[str, _Source] = {}

    def know(self, senders: Iterable[Sender]) -> None:
        """Replaces whom it knows; the buckets of addresses that stay are kept."""
        before, self._sources = self._sources, {}
        for sender in senders:
            for host in sender.hosts:
                source = self._sources.get(host)
                if source is None:
                    known = before.get(host)
                    source = _Source(TokenBucket(*self._per_source) if known is None else known.bucket)
                    self._sources[host] = source
                for credential in sender.credentials:
                    source.add(sender.router, credential)

    def admit(self, host: str, data: bytes, now_ns: int) -> Admitted | Discovery | Drop:
        """What to do with a datagram; `now_ns` is monotonic."""
        source = self._sources.get(host)
        if source is None:
            return Drop.UNKNOWN_SOURCE
        if len(data) > MAX_DATAGRAM:
            return Drop.TOO_LARGE
        try:
            found = _secure(source, data) if is_v3(data) else _community(source, data)
        except SnmpDecodeError:
            return Drop.MALFORMED
        if isinstance(found, Drop):
            return found
        if not source.bucket.take(now_ns):
            return Drop.SOURCE_RATE
        return found if self._bucket.take(now_ns) else Drop.RATE


def _community(source: _Source, data: bytes) -> Admitted | Drop:
    version, community, at = open_envelope(data)
    first = variables_at(version, data, at)
    if community not in source.communities:
        return Drop.UNKNOWN_CREDENTIAL
    router = source.communities[community]
    if router is None:
        return Drop.AMBIGUOUS
    return Drop.TOO_LARGE if is_too_many(data, first) else Admitted(router, data, community, None)


def _secure(source: _Source, data: bytes) -> Admitted | Discovery | Drop:
    message = decode_secure(data)
    if not message.engine_id and message.level is Level.NO_AUTH_NO_PRIV and message.reportable and source.users:
        return Discovery(message)
    user, router = source.users.get(message.user, (None, None))
    if user is None:
        return Drop.UNKNOWN_CREDENTIAL
    return Drop.AMBIGUOUS if router is None else Admitted(router, data, user, message)


class Prover:
    """Believes messages of version 3, or does not (RFC 3414 section 3.2)."""

    def __init__(self, engine_id: bytes) -> None:
        """`engine_id` is our own: the authoritative one of informs; a trap's is its sender's."""
        self._engine_id = engine_id
        self._ring = KeyRing()
        self._strangers = 0
        self._clocks: dict[tuple[str, bytes], EngineTime] = {}

    def prove(self, router: str, user: User, message: SecureMessage, now_ns: int) -> Drop | None:
        """None if the message is `user`'s and fresh; `now_ns` is monotonic."""
        try:
            return self._refusal(router, user, message, now_ns)
        except SnmpAuthenticationError:
            self._strange()
            return Drop.AUTHENTICATION
        except SnmpTimeWindowError:
            return Drop.TIME_WINDOW
        except (SnmpDecodeError, SnmpDecryptionError):
            return Drop.UNDECODABLE

    def _refusal(self, router: str, user: User, message: SecureMessage, now_ns: int) -> Drop | None:
        ours = message.engine_id == self._engine_id
        # RFC 3414 section 4: the time is learnt by an authenticated message of no time, which is only reported on.
        asks_the_time = ours and message.level is Level.AUTH_NO_PRIV and not message.boots
        if message.level is not user.level and not (asks_the_time and user.level):
            return Drop.LEVEL
        if len(message.engine_id) < MIN_ENGINE_ID:
            return Drop.MALFORMED
        local = self._ring.local(user, message.engine_id)
        if message.level:
            verify(local, message, router)
            if not ours:
                self._hear(router, message, now_ns)
        scoped = reveal(local, message, router)
        kind, _, _, _, first = open_pdu(scoped.data, scoped.pdu_at)
        if kind not in NOTIFICATIONS and not asks_the_time:
            return Drop.MALFORMED
        if is_too_many(scoped.data, first):
            return Drop.TOO_LARGE
        decode_varbinds(scoped.data, first)
        return None

    def _hear(self, router: str, message: SecureMessage, now_ns: int) -> None:
        """Takes the time of the router's engine; SnmpTimeWindowError if the message is a replay."""
        key = router, message.engine_id
        clock = self._clocks.get(key) or EngineTime(message.boots, message.time, now_ns, authentic=False)
        if key not in self._clocks and len(self._clocks) >= ENGINES:
            del self._clocks[next(iter(self._clocks))]
        self._clocks[key] = clock.heard(message.boots, message.time, now_ns, router)

    def _strange(self) -> None:
        self._strangers += 1
        if self._strangers >= STRANGERS:
            self._ring, self._strangers = KeyRing(), 0
