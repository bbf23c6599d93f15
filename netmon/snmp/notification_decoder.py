"""pysnmp as the decoder and acknowledger of notifications; the only module that imports it.

It gets datagrams by hand and gives its answers back by hand: no socket, no timer and no file of its own. It is told of
a community or a user when the first message of it has passed the gate, with keys already localized, so that a thousand
routers cost nothing until they speak.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.keys import localize, password_to_key, privacy_key
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

TICK_S: Final = 1.0
"""How often `tick` is to be called; pysnmp counts its time-outs in these."""
BOOTS_EPOCH_S: Final = 1_577_836_800
"""2020-01-01 UTC. snmpEngineBoots are the seconds since: each start has more, and nothing needs to be stored."""

_AUTH: Final = {
    AuthProtocol.MD5: "USM_AUTH_HMAC96_MD5",
    AuthProtocol.SHA: "USM_AUTH_HMAC96_SHA",
    AuthProtocol.SHA224: "USM_AUTH_HMAC128_SHA224",
    AuthProtocol.SHA256: "USM_AUTH_HMAC192_SHA256",
    AuthProtocol.SHA384: "USM_AUTH_HMAC256_SHA384",
    AuthProtocol.SHA512: "USM_AUTH_HMAC384_SHA512",
}
_PRIV: Final = {
    PrivProtocol.DES: "USM_PRIV_CBC56_DES",
    PrivProtocol.AES128: "USM_PRIV_CFB128_AES",
    PrivProtocol.AES192: "USM_PRIV_CFB192_AES_BLUMENTHAL",
    PrivProtocol.AES256: "USM_PRIV_CFB256_AES_BLUMENTHAL",
    PrivProtocol.AES192C: "USM_PRIV_CFB192_AES",
    PrivProtocol.AES256C: "USM_PRIV_CFB256_AES",
}
_LOCALIZED: Final = 2
"""pysnmpUsmKeyType."""
_INTEGERS: Final = frozenset({Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS, Tag.COUNTER64})
_STRINGS: Final = frozenset({Tag.OCTET_STRING, Tag.IP_ADDRESS, Tag.OPAQUE})


class Decoded(NamedTuple):
    """What came of a datagram."""

    varbinds: tuple[VarBind, ...] | None
    """Of a notification, those of version 1 translated (RFC 3584 section 3.1); None if it was none."""
    replies: tuple[bytes, ...]
    """What its sender is to be answered."""


class _Outbox:
    """A transport in pysnmp's eyes: what is sent is kept."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def register_callback(self, _: Callable[..., None]) -> None:
        """Nothing is received here; datagrams are handed over by `Decoder.decode`."""

    def send_message(self, message: bytes, _: object) -> None:
        self.sent.append(bytes(message))


class Decoder:
    """One pysnmp engine. To make it takes half a second, to be spent in a thread; a datagram takes a millisecond."""

    def __init__(self, engine_id: bytes, now_s: int) -> None:
        """`now_s`: seconds since the Unix epoch."""
        from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped]
        from pysnmp.carrier.asyncio.dgram import udp  # type: ignore[import-untyped]
        from pysnmp.carrier.base import AbstractTransportDispatcher  # type: ignore[import-untyped]
        from pysnmp.entity import config  # type: ignore[import-untyped]
        from pysnmp.entity.engine import SnmpEngine  # type: ignore[import-untyped]
        from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver  # type: ignore[import-untyped]
        from pysnmp.error import PySnmpError  # type: ignore[import-untyped]

        self.engine_id = engine_id
        self._config: Any = config
        # Not by its argument: that makes pysnmp keep the boots in a file of a known name in /tmp.
        self._engine: Any = SnmpEngine()
        mibs = self._engine.get_mib_builder()
        own_id, boots = mibs.import_symbols("__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots")
        own_id.syntax = own_id.syntax.clone(engine_id)
        self._engine.snmpEngineID = own_id.syntax
        self._boots = min(max(1, now_s - BOOTS_EPOCH_S), 2**31 - 2)
        boots.syntax = boots.syntax.clone(self._boots)
        (self._time,) = mibs.import_symbols("__SNMP-FRAMEWORK-MIB", "snmpEngineTime")
        self._made_ns = time.monotonic_ns()
        for module in ("SNMP-COMMUNITY-MIB", "SNMP-USER-BASED-SM-MIB", "PYSNMP-USM-MIB"):
            mibs.load_modules(module)
        self._outbox = _Outbox()
        self._dispatcher: Any = AbstractTransportDispatcher()
        self._dispatcher.set_timer_resolution(TICK_S)
        self._dispatcher.register_transport(udp.DOMAIN_NAME, self._outbox)
        self._engine.register_transport_dispatcher(self._dispatcher)
        self._domain = udp.DOMAIN_NAME
        self._somewhere = udp.UdpTransportAddress(("127.0.0.1", 0))
        self._found: tuple[VarBind, ...] | None = None
        self._receiver: Any = NotificationReceiver(self._engine, self._received)
        self._admitted: set[bytes | tuple[bytes, User]] = set()
        # Beside its own two, what it lets through on messages that are well-formed and still absurd.
        self._failures = (PySnmpError, PyAsn1Error, LookupError, TypeError, ValueError, AttributeError)

    @property
    def clock(self) -> tuple[int, int]:
        """Its snmpEngineBoots and snmpEngineTime."""
        return self._boots, (time.monotonic_ns() - self._made_ns) // 1_000_000_000

    @property
    def known(self) -> int:
        """Communities, and users at engines, it was told of; it holds some 30 kB of each."""
        return len(self._admitted)

    def knows(self, credential: bytes | User, engine_id: bytes) -> bool:
        """Whether it accepts a community, or a user at the engine with that id."""
        return _key(credential, engine_id) in self._admitted

    def admit(self, credential: bytes | User, engine_id: bytes) -> None:
        """Makes it accept one more; takes milliseconds, to be spent in a thread while nothing else is asked of it."""
        if isinstance(credential, User):
            self._add_user(credential, engine_id)
        else:
            self._config.add_v1_system(self._engine, f"c{len(self._admitted)}", credential)
        self._admitted.add(_key(credential, engine_id))

    def _add_user(self, user: User, engine_id: bytes) -> None:
        config = self._config
        keys: dict[str, object] = {}
        if user.auth is not None:
            keys["authProtocol"] = getattr(config, _AUTH[user.auth])
            keys["authKey"] = localize(user.auth, password_to_key(user.auth, user.auth_password), engine_id)
            if user.priv is not None:
                master = password_to_key(user.auth, user.priv_password)
                keys["privProtocol"] = getattr(config, _PRIV[user.priv])
                keys["privKey"] = privacy_key(user.auth, user.priv, master, engine_id)
        where = self._engine.snmpEngineID.clone(engine_id)
        config.add_v3_user(
            self._engine,
            user.name,
            **keys,
            securityEngineId=where,
            authKeyType=_LOCALIZED,
            privKeyType=_LOCALIZED,
        )

    def decode(self, data: bytes) -> Decoded:
        """What a datagram says, and the answers it asks for. Raises nothing: absurdities come to nothing."""
        self._found = None
        self._outbox.sent = []
        # Its seconds are those of the wall clock since this instant, which a clock that is set would spoil.
        self._time.syntax = self._time.syntax.clone(int(time.time()) - self.clock[1])
        try:
            self._engine.message_dispatcher.receive_message(self._engine, self._domain, self._somewhere, data)
        except self._failures:
            return Decoded(None, ())
        return Decoded(self._found, tuple(self._outbox.sent))

    def tick(self) -> None:
        """Lets it forget what has expired."""
        self._dispatcher.handle_timer_tick(time.time())

    def _received(
        self, _engine: object, _state: object, _engine_id: object, _context: object, varbinds: Any, _ctx: object
    ) -> None:
        self._found = tuple(_varbind(name, value) for name, value in varbinds)


def _key(credential: bytes | User, engine_id: bytes) -> bytes | tuple[bytes, User]:
    return (engine_id, credential) if isinstance(credential, User) else credential


def _varbind(name: Any, value: Any) -> VarBind:
    outermost = value.tagSet[-1]
    tag = int(outermost.tagClass | outermost.tagId)
    found: Value = None
    if tag in _INTEGERS:
        found = int(value)
    elif tag in _STRINGS:
        found = value.asOctets()
    elif tag == Tag.OID:
        found = tuple(int(arc) for arc in value)
    return VarBind(tuple(int(arc) for arc in name), tag, found)
