"""What the v3 messages between one user and one engine have in common: written once, and not read again and again.

Everything here does what `v3` does, only sooner; tests hold both equal.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

from netmon.snmp.codec import Tag, encode_tlv
from netmon.snmp.v3 import Level, SecureMessage, decode_usual, encode_secure

_SEQUENCE: Final = 0x30
_STRING: Final = int(Tag.OCTET_STRING)
_AUTH_PRIV: Final = Level.AUTH_PRIV
_FOUR_OCTETS: Final = 0x0100_0000
_HIGHEST: Final = 0x7FFF_FFFF
_VERSION_AT, _ID_AT = 4, 11
"""Where in a message of a few hundred octets version and content of msgID begin."""
_LONG: Final = Struct(">HH")


class Frame:
    """What all messages of one user to one engine have in common, and those of a second some more.

    `write` makes what encode_secure does.
    """

    __slots__ = ("_boots", "_engine_id", "_middle", "_reportable", "_start", "_time", "_user", "level", "mac_octets")

    def __init__(self, level: Level, reportable: bool, engine_id: bytes, user: bytes, mac_octets: int) -> None:
        self.level = level
        self._reportable = reportable
        self._engine_id = engine_id
        self._user = user
        self.mac_octets = mac_octets
        self._boots = self._time = -1
        """Of `_middle`."""
        self._start = b""
        """From the version to before the four octets of msgID."""
        self._middle = b""
        """From there to before the MAC."""

    def write(self, message_id: int, boots: int, time: int, salt: bytes, data: bytes) -> tuple[bytes, int]:
        """As encode_secure; `salt` has 8 octets at AUTH_PRIV, and otherwise none."""
        if not _FOUR_OCTETS <= message_id <= _HIGHEST:
            return self._write(message_id, boots, time, salt, data)
        if time != self._time or boots != self._boots:
            self._learn(boots, time, salt)
        start = b"%b%b%b%b" % (self._start, message_id.to_bytes(4, "big"), self._middle, bytes(self.mac_octets))
        end = b"\x04\x08%b%b" % (salt, encode_tlv(_STRING, data)) if self.level is _AUTH_PRIV else b"\x04\x00" + data
        whole = encode_tlv(_SEQUENCE, start + end)
        return whole, len(whole) - len(end) - self.mac_octets

    def _write(self, message_id: int, boots: int, time: int, salt: bytes, data: bytes) -> tuple[bytes, int]:
        return encode_secure(
            message_id,
            self.level,
            self._reportable,
            self._engine_id,
            boots,
            time,
            self._user,
            self.mac_octets,
            salt,
            data,
        )

    def _learn(self, boots: int, time: int, salt: bytes) -> None:
        """Takes the parts from a message of that time."""
        sample, mac_at = self._write(_FOUR_OCTETS, boots, time, salt, b"")
        start = 2 if sample[1] < 0x80 else 2 + (sample[1] & 0x7F)
        at = start + _ID_AT - _VERSION_AT
        self._start, self._middle = sample[start:at], sample[at + 4 : mac_at]
        self._boots, self._time = boots, time


class Scope:
    """contextEngineID and contextName, as every ScopedPDU of a dialogue has them."""

    __slots__ = ("_octets",)

    def __init__(self, engine_id: bytes, context: bytes) -> None:
        self._octets = encode_tlv(_STRING, engine_id) + encode_tlv(_STRING, context)

    def wrap(self, pdu: bytes) -> bytes:
        """As encode_scoped."""
        return encode_tlv(_SEQUENCE, self._octets + pdu)

    def find(self, data: bytes, at: int) -> int | None:
        """Where the PDU begins in the ScopedPDU that fills `data` from `at` on.

        None: it has another scope, another layout than is usual for a few hundred octets, or something follows it.
        """
        start = at + _LONG.size
        if len(data) < start or not data.startswith(self._octets, start):
            return None
        return start + len(self._octets) if _LONG.unpack_from(data, at) == (0x3082, len(data) - start) else None


class Layout:
    """How the messages of an engine look that differ only in msgID, MAC, salt and data: those of one second."""

    __slots__ = ("_data_head", "_like", "_middle", "_salt_head", "_start", "_struct")

    def __init__(self, like: SecureMessage) -> None:
        """Of a message that decode_usual takes."""
        raw = like.raw
        salt_at = like.mac_at + like.mac_octets
        end = salt_at + 2 + len(like.salt)
        # Without the octets, which nobody needs any more.
        self._like = like._replace(raw=b"")
        self._start = raw[_VERSION_AT:_ID_AT]
        self._middle = raw[_ID_AT + 4 : like.mac_at]
        self._salt_head = raw[salt_at : salt_at + 2]
        self._data_head = raw[end : end + 2]
        self._struct = _layout(len(self._middle), like.mac_octets, len(like.salt))

    @classmethod
    def of(cls, message: SecureMessage) -> Layout | None:
        """None if it is not laid out as messages of a few hundred octets usually are."""
        return None if decode_usual(message.raw) is None else cls(message)

    def read(self, data: bytes) -> SecureMessage | None:
        """As decode_secure; None if it looks otherwise."""
        total, size = len(data), self._struct.size
        if total < size:
            return None
        whole, length, start, message_id, middle, _, salt_head, salt, data_head, rest = self._struct.unpack_from(data)
        if (
            middle != self._middle
            or start != self._start
            or message_id < 0
            or salt_head != self._salt_head
            or data_head != self._data_head
            or whole != 0x3082
            or length != total - 4
            or rest != total - size
        ):
            return None
        like = self._like
        return tuple.__new__(SecureMessage, (data, message_id, *like[2:11], salt, like.data_at))


@lru_cache(256)
def _layout(middle: int, mac: int, salt: int) -> Struct:
    return Struct(f">HH{_ID_AT - _VERSION_AT}si{middle}s{mac}s2s{salt}s2sH")
