"""What the v3 messages between one user and one engine have in common: written once, and not read again and again.

Everything here does what `v3` does, only sooner; tests hold both equal.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

from netmon.snmp.codec import Tag, encode_length, encode_tlv
from netmon.snmp.v3 import Level, SecureMessage, decode_usual, encode_secure

_SEQUENCE: Final = 0x30
_STRING: Final = int(Tag.OCTET_STRING)
_AUTH_PRIV: Final = Level.AUTH_PRIV
_FOUR_OCTETS: Final = 0x0100_0000
_HIGHEST: Final = 0x7FFF_FFFF
_VERSION_AT, _ID_AT = 4, 11
"""Where in a message of a few hundred octets version and content of msgID begin."""
_USUAL: Final = range(0x100, 0x8000)
"""Octets of data whose length, and that of the message they are in, has two octets."""
_WHOLE: Final = 0x3082_0000
"""Tag and length of a message, and of a ScopedPDU, of so many octets more."""
_LONG: Final = Struct(">I")


class Frame:
    """What all messages of one user to one engine have in common, and those of a second some more.

    `write` makes what encode_secure does.
    """

    __slots__ = (
        "_boots",
        "_engine_id",
        "_middle",
        "_octets",
        "_reportable",
        "_start",
        "_time",
        "_user",
        "level",
        "mac_octets",
    )

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
        self._octets = 0
        """Of all this."""

    def write(self, message_id: int, boots: int, time: int, salt: bytes, data: bytes) -> tuple[bytes, bytes]:
        """As encode_secure, but what comes before the MAC, and what after it.

        `salt` has 8 octets at AUTH_PRIV, and otherwise none.
        """
        size = len(data)
        if not _FOUR_OCTETS <= message_id <= _HIGHEST or size not in _USUAL:
            return self._write(message_id, boots, time, salt, data)
        if time != self._time or boots != self._boots:
            self._learn(boots, time, salt)
        if self.level is _AUTH_PRIV:
            end = b"".join((b"\x04\x08", salt, b"\x04\x82", size.to_bytes(2, "big"), data))
        else:
            end = b"\x04\x00" + data
        whole = (_WHOLE + self._octets + len(end)).to_bytes(4, "big")
        return b"".join((whole, self._start, message_id.to_bytes(4, "big"), self._middle)), end

    def _write(self, message_id: int, boots: int, time: int, salt: bytes, data: bytes) -> tuple[bytes, bytes]:
        whole, at = encode_secure(
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
        return whole[:at], whole[at + self.mac_octets :]

    def _learn(self, boots: int, time: int, salt: bytes) -> None:
        """Takes the parts from a message of that time."""
        sample, _ = self._write(_FOUR_OCTETS, boots, time, salt, b"")
        start = 2 if sample[1] < 0x80 else 2 + (sample[1] & 0x7F)
        at = start + _ID_AT - _VERSION_AT
        self._start, self._middle = sample[start:at], sample[at + 4 :]
        self._octets = len(sample) - start + self.mac_octets
        self._boots, self._time = boots, time


class Scope:
    """contextEngineID and contextName, as every ScopedPDU of a dialogue has them."""

    __slots__ = ("_octets",)

    def __init__(self, engine_id: bytes, context: bytes) -> None:
        self._octets = encode_tlv(_STRING, engine_id) + encode_tlv(_STRING, context)

    def wrap(self, pdu: bytes) -> bytes:
        """As encode_scoped."""
        octets = self._octets
        return b"".join((b"\x30", encode_length(len(octets) + len(pdu)), octets, pdu))

    def find(self, data: bytes) -> int | None:
        """Where the PDU begins in the ScopedPDU that `data` is.

        None: it has another scope, another layout than is usual for a few hundred octets, or something follows it.
        """
        octets, start = self._octets, _LONG.size
        if not data.startswith(octets, start) or _LONG.unpack_from(data)[0] != _WHOLE + len(data) - start:
            return None
        return start + len(octets)


class Layout:
    """How the messages of an engine look that differ only in msgID, MAC, salt and data: those of one second."""

    __slots__ = (
        "_data_at",
        "_mac_at",
        "_middle",
        "_rest",
        "_salt_at",
        "_salt_head",
        "_start",
        "_struct",
        "_zeros",
        "like",
    )

    def __init__(self, like: SecureMessage) -> None:
        """Of a message that decode_usual takes."""
        raw = like.raw
        salt_at = like.mac_at + like.mac_octets
        end = salt_at + 2 + len(like.salt)
        self.like = like._replace(raw=b"")
        """Without the octets, which nobody needs any more."""
        self._start = raw[_VERSION_AT:_ID_AT]
        self._middle = raw[_ID_AT + 4 : like.mac_at]
        self._salt_head = raw[salt_at : salt_at + 2]
        self._rest = int.from_bytes(raw[end : end + 2], "big") << 16
        self._mac_at, self._salt_at, self._data_at = like.mac_at, salt_at, like.data_at
        self._zeros = bytes(like.mac_octets)
        self._struct = _layout(len(self._middle), like.mac_octets, len(like.salt))

    @classmethod
    def of(cls, message: SecureMessage) -> Layout | None:
        """None if it is not laid out as messages of a few hundred octets usually are."""
        return None if decode_usual(message.raw) is None else cls(message)

    def split(self, data: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
        """The MAC, the message with zeros in its place, the salt, and what the message ends with from `data_at` on.

        None if decode_secure would not find it to be `like` but for these and msgID, which may be any.
        """
        total, size = len(data), self._struct.size
        if total < size:
            return None
        whole, start, middle, mac, salt_head, salt, rest = self._struct.unpack_from(data)
        if (
            middle != self._middle
            or start != self._start
            or salt_head != self._salt_head
            or whole != _WHOLE + total - 4
            or rest != self._rest + total - size
        ):
            return None
        authenticated = b"".join((data[: self._mac_at], self._zeros, data[self._salt_at :]))
        return mac, authenticated, salt, data[self._data_at :]


@lru_cache(256)
def _layout(middle: int, mac: int, salt: int) -> Struct:
    return Struct(f">I{_ID_AT - _VERSION_AT}s4x{middle}s{mac}s2s{salt}sI")
