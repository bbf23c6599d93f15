"""SNMPv3 messages, both ways: RFC 3412 section 6 around the security parameters of RFC 3414 section 2.4.

As strict as the codec it builds on. What a message claims is only taken apart here; whether to believe it is
decided in `usm`.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from netmon.snmp.codec import Tag, encode_integer, encode_tlv, expect_integer, expect_tlv, fail

V3: Final = 3
USM: Final = 3
"""The User-based Security Model's number."""
MAX_SIZE: Final = 65_507
"""What we say we can receive: the largest UDP payload."""
MIN_MAX_SIZE: Final = 484
SALT_OCTETS: Final = 8
MAX_ENGINE_ID: Final = 32
"""Octets of an snmpEngineID (RFC 3411 section 5)."""
_MAX_USER: Final = 32
_SEQUENCE: Final = 0x30
_STRING: Final = int(Tag.OCTET_STRING)
_INTEGER: Final = int(Tag.INTEGER)
_REPORTABLE: Final = 4
_SHORT: Final = 0x7F
"""The most octets that a length of one octet counts, and the highest octet that a number begins with."""
_START: Final = struct.Struct(">HHIBHiBB")
_MIDDLE: Final = struct.Struct(">HBHBBBBBBB")
_END: Final = struct.Struct(">BBH")
"""Of a message as it is usually laid out: to msgMaxSize, from there to msgAuthoritativeEngineID, and msgData."""


class Level(IntEnum):
    """securityLevel, as its two bits stand in msgFlags."""

    NO_AUTH_NO_PRIV = 0
    AUTH_NO_PRIV = 1
    AUTH_PRIV = 3

    def __str__(self) -> str:
        return ("noAuthNoPriv", "authNoPriv", "", "authPriv")[self]


_AUTH_PRIV: Final = Level.AUTH_PRIV
"""At hand, because reaching into an enumeration is what a hot path notices."""


class SecureMessage(NamedTuple):
    """A v3 message taken apart as far as it is readable without a key."""

    raw: bytes
    message_id: int
    """0..2^31-1."""
    max_size: int
    level: Level
    reportable: bool
    engine_id: bytes
    """msgAuthoritativeEngineID; empty in a discovery."""
    boots: int
    time: int
    """snmpEngineBoots and snmpEngineTime of the authoritative engine; seconds."""
    user: bytes
    mac_at: int
    """Where in `raw` msgAuthenticationParameters' content begins."""
    mac_octets: int
    salt: bytes
    """msgPrivacyParameters."""
    data_at: int
    """Where the ScopedPDU, or with privacy the content of encryptedPDU, begins; either ends with `raw`."""


class ScopedPdu(NamedTuple):
    """The head of a ScopedPDU."""

    engine_id: bytes
    """contextEngineID."""
    context: bytes
    """contextName."""
    data: bytes
    """The octets that the PDU ends with."""
    pdu_at: int


def is_v3(data: bytes) -> bool:
    """Whether the datagram says it is of version 3; it may still be malformed."""
    at = 2 if data[1:2] < b"\x80" else 2 + (data[1] & 0x7F)
    return data[at : at + 3] == b"\x02\x01\x03"


def message_id_of(data: bytes) -> int:
    """msgID of a v3 datagram, the rest unchecked; SnmpDecodeError if it has none."""
    at, end = _open(data)
    return expect_integer(data, expect_tlv(data, at, end, _SEQUENCE, "msgGlobalData")[0], end)[0]


def _open(data: bytes) -> tuple[int, int]:
    """Where msgGlobalData begins and the message ends."""
    at, end = expect_tlv(data, 0, len(data), _SEQUENCE, "the message")
    if end != len(data):
        fail(f"{len(data) - end} octets follow the message", end)
    version, at = expect_integer(data, at, end)
    if version != V3:
        fail(f"version number {version} is not v3 (3)", at - 1)
    return at, end


def decode_secure(data: bytes) -> SecureMessage:
    """The v3 message in one datagram; SnmpDecodeError if it is not exactly one well-formed v3 message under USM."""
    return decode_usual(data) or _decode_any(data)


def decode_usual(data: bytes) -> SecureMessage | None:
    """The same, if it is laid out as a message of a few hundred octets usually is; otherwise None.

    The whole and its data then have lengths of two octets, msgID has four, and every other length is short.
    """
    try:
        return _decode_usual(data)
    except (IndexError, struct.error):
        return None


def _decode_usual(data: bytes) -> SecureMessage | None:
    total = len(data)
    whole, length, version, head, identity, message_id, number, width = _START.unpack_from(data)
    at = _START.size + width
    max_size = data[_START.size : at]
    flags_head, flags, model_head, model, string, parameters, sequence, fields, engine, width = _MIDDLE.unpack_from(
        data, at
    )
    begin = at + _MIDDLE.size
    end = begin - 4 + parameters
    level = _LEVELS[flags & 3]
    if (
        whole != 0x3082
        or length != total - 4
        or version != 0x0201_0330
        or head != at - 3
        or identity != 0x0204
        or number != 0x02
        or flags_head != 0x0401
        or model_head != 0x0201
        or model != USM
        or string != _STRING
        or parameters > _SHORT
        or sequence != _SEQUENCE
        or fields != parameters - 2
        or engine != _STRING
        or width > MAX_ENGINE_ID
        or level is None
    ):
        return None
    engine_id = data[begin : begin + width]
    boots_at = begin + width
    time_at = boots_at + 2 + data[boots_at + 1]
    user_at = time_at + 2 + data[time_at + 1]
    mac_at = user_at + 2 + data[user_at + 1]
    salt_at = mac_at + 2 + data[mac_at + 1]
    boots, time, user = data[boots_at + 2 : time_at], data[time_at + 2 : user_at], data[user_at + 2 : mac_at]
    tag, form, length = _END.unpack_from(data, end)
    if (
        data[boots_at] != _INTEGER
        or data[time_at] != _INTEGER
        or data[user_at] != _STRING
        or len(user) > _MAX_USER
        or data[mac_at] != _STRING
        or data[salt_at] != _STRING
        or salt_at + 2 + data[salt_at + 1] != end
        or tag != (_STRING if level is _AUTH_PRIV else _SEQUENCE)
        or form != 0x82
        or length != total - end - 4
    ):
        return None
    numbers = message_id, _natural_of(max_size), _natural_of(boots), _natural_of(time)
    if min(numbers) < 0 or numbers[1] < MIN_MAX_SIZE:
        return None
    return SecureMessage(
        data,
        message_id,
        numbers[1],
        level,
        bool(flags & _REPORTABLE),
        engine_id,
        numbers[2],
        numbers[3],
        user,
        mac_at + 2,
        salt_at - mac_at - 2,
        data[salt_at + 2 : end],
        end + 4 if level is _AUTH_PRIV else end,
    )


def _natural_of(content: bytes) -> int:
    """The number with this content; negative if it is negative, or has no content of an INTEGER."""
    return int.from_bytes(content, "big") if 1 <= len(content) <= 4 and content[0] <= _SHORT else -1


def _decode_any(data: bytes) -> SecureMessage:
    """The same, however it is laid out."""
    at, end = _open(data)
    head, at = expect_tlv(data, at, end, _SEQUENCE, "msgGlobalData")
    message_id, head = _natural(data, head, at, "msgID")
    max_size, head = _natural(data, head, at, "msgMaxSize")
    if max_size < MIN_MAX_SIZE:
        fail(f"a msgMaxSize of {max_size}; it is at least {MIN_MAX_SIZE}", head)
    start, head = expect_tlv(data, head, at, _STRING, "msgFlags")
    if head != start + 1:
        fail(f"msgFlags of {head - start} octets; it has 1", start)
    flags = data[start]
    level = _LEVELS[flags & 3]
    if level is None:
        fail("msgFlags claim privacy without authentication", start)
    model, head = expect_integer(data, head, at)
    if model != USM:
        fail(f"security model {model} is not USM (3)", head)
    if head != at:
        fail("octets follow msgSecurityModel", head)
    start, at = expect_tlv(data, at, end, _STRING, "msgSecurityParameters")
    engine_id, boots, time, user, mac_at, mac_octets, salt = _security(data, start, at)
    if level is _AUTH_PRIV:
        at, stop = expect_tlv(data, at, end, _STRING, "encryptedPDU")
    else:
        _, stop = expect_tlv(data, at, end, _SEQUENCE, "the ScopedPDU")
    if stop != end:
        fail("octets follow msgData", stop)
    reportable = bool(flags & _REPORTABLE)
    return SecureMessage(
        data, message_id, max_size, level, reportable, engine_id, boots, time, user, mac_at, mac_octets, salt, at
    )


def _security(data: bytes, at: int, end: int) -> tuple[bytes, int, int, bytes, int, int, bytes]:
    """UsmSecurityParameters, which fill `at`..`end`."""
    at, stop = expect_tlv(data, at, end, _SEQUENCE, "UsmSecurityParameters")
    if stop != end:
        fail("octets follow UsmSecurityParameters", stop)
    engine_id, at = _octets(data, at, end, MAX_ENGINE_ID, "msgAuthoritativeEngineID")
    boots, at = _natural(data, at, end, "msgAuthoritativeEngineBoots")
    time, at = _natural(data, at, end, "msgAuthoritativeEngineTime")
    user, at = _octets(data, at, end, _MAX_USER, "msgUserName")
    mac_at, at = expect_tlv(data, at, end, _STRING, "msgAuthenticationParameters")
    start, stop = expect_tlv(data, at, end, _STRING, "msgPrivacyParameters")
    if stop != end:
        fail("octets follow msgPrivacyParameters", stop)
    return engine_id, boots, time, user, mac_at, at - mac_at, data[start:stop]


def _natural(data: bytes, at: int, end: int, what: str) -> tuple[int, int]:
    value, stop = expect_integer(data, at, end)
    if value < 0:
        fail(f"{what} is negative", at)
    return value, stop


def _octets(data: bytes, at: int, end: int, most: int, what: str) -> tuple[bytes, int]:
    start, stop = expect_tlv(data, at, end, _STRING, what)
    if stop - start > most:
        fail(f"{what} of {stop - start} octets; it has at most {most}", start)
    return data[start:stop], stop


def open_scoped(data: bytes, at: int, padded: bool) -> ScopedPdu:
    """The head of the ScopedPDU that fills `data` from `at` on; SnmpDecodeError if it is malformed.

    `padded`: up to 8 octets of padding may follow it, as DES makes them: RFC 3414 section 8.1.1.3 asks for less than
    a block, but agents built on pysnmp add a whole one where none is needed.
    """
    total = len(data)
    at, end = expect_tlv(data, at, total, _SEQUENCE, "the ScopedPDU")
    if total - end > (8 if padded else 0):
        fail(f"{total - end} octets follow the ScopedPDU", end)
    engine_id, at = _octets(data, at, end, MAX_ENGINE_ID, "contextEngineID")
    start, at = expect_tlv(data, at, end, _STRING, "contextName")
    return ScopedPdu(engine_id, data[start:at], data if end == total else data[:end], at)


def encode_scoped(engine_id: bytes, context: bytes, pdu: bytes) -> bytes:
    """The ScopedPDU of an encoded PDU."""
    head = encode_tlv(_STRING, engine_id) + encode_tlv(_STRING, context)
    return encode_tlv(_SEQUENCE, head + pdu)


def encode_secure(
    message_id: int,
    level: Level,
    reportable: bool,
    engine_id: bytes,
    boots: int,
    time: int,
    user: bytes,
    mac_octets: int,
    salt: bytes,
    data: bytes,
) -> tuple[bytes, int]:
    """The datagram with `mac_octets` zeros where its MAC belongs, and where that is.

    `data` is a whole ScopedPDU, or at AUTH_PRIV the encrypted octets of one. SnmpEncodeError if it is too long.
    """
    head = encode_integer(message_id) + _HEAD_ENDS[level | _REPORTABLE if reportable else level]
    private = encode_tlv(_STRING, salt)
    security = encode_tlv(
        _SEQUENCE,
        encode_tlv(_STRING, engine_id)
        + encode_integer(boots)
        + encode_integer(time)
        + encode_tlv(_STRING, user)
        + encode_tlv(_STRING, bytes(mac_octets))
        + private,
    )
    rest = encode_tlv(_STRING, data) if level is _AUTH_PRIV else data
    content = _VERSION_OCTETS + encode_tlv(_SEQUENCE, head) + encode_tlv(_STRING, security) + rest
    whole = encode_tlv(_SEQUENCE, content)
    return whole, len(whole) - len(rest) - len(private) - mac_octets


_LEVELS: Final = (Level.NO_AUTH_NO_PRIV, Level.AUTH_NO_PRIV, None, Level.AUTH_PRIV)
_VERSION_OCTETS: Final = encode_integer(V3)
_HEAD_ENDS: Final = tuple(
    encode_integer(MAX_SIZE) + encode_tlv(_STRING, bytes((flags,))) + encode_integer(USM) for flags in range(8)
)
"""What follows msgID in msgGlobalData, by msgFlags."""
