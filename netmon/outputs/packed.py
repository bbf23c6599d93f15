"""A gzip stream joined from parts that were each compressed once, whatever stands before and after them.

A part is a run of raw deflate blocks that ends on an octet boundary and refers to nothing outside itself
(RFC 1951, 3.2.3; zlib's Z_SYNC_FLUSH), so parts may simply follow one another. The stream has one member,
because many HTTP clients stop after the first.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

GZIP_HEAD: Final = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255))
"""RFC 1952, 2.3: deflate, no name, no time, packed fast, on an unknown system."""

_LAST_BLOCK: Final = b"\x03\x00"
"""An empty block with fixed codes that says it is the last (RFC 1951, 3.2.6)."""
_LEVEL: Final = 1
_WINDOW: Final = -12
"""Raw deflate, 4 KiB back. With `_MEMORY` a compressor is set up in 1 µs, not 9, and lines are much alike."""
_MEMORY: Final = 6
_ZEROS: Final = bytes(64 * 1024)


@dataclass(frozen=True, slots=True)
class Part:
    """Some octets, packed."""

    data: bytes
    length: int
    """Octets before they were packed."""
    fold: int
    """Their CRC-32, xor that of as many zeros."""


def pack(octets: bytes) -> Part:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
    data = packer.compress(octets) + packer.flush(zlib.Z_SYNC_FLUSH)
    return Part(data, len(octets), zlib.crc32(octets) ^ _over_zeros(0, len(octets)))


def unpack(part: Part) -> bytes:
    return zlib.decompressobj(_WINDOW).decompress(part.data)


class GzipTail:
    """What the end of the stream says of all its parts: add each, in order."""

    __slots__ = ("_crc", "_length")

    def __init__(self) -> None:
        self._crc = self._length = 0

    def add(self, part: Part) -> None:
        # The CRC is linear over GF(2): crc(a + b) = crc(zeros, from crc(a)) xor crc(zeros) xor crc(b), with as
        # many zeros as b is long. So the octets themselves are not needed.
        self._crc = _over_zeros(self._crc, part.length) ^ part.fold
        self._length += part.length

    def octets(self) -> bytes:
        """The last block and the trailer (RFC 1952, 2.3.1)."""
        return _LAST_BLOCK + struct.pack("<II", self._crc, self._length & 0xFFFFFFFF)


def _over_zeros(crc: int, length: int) -> int:
    """The CRC-32 `crc` carried on over `length` zeros."""
    while length > len(_ZEROS):
        crc, length = zlib.crc32(_ZEROS, crc), length - len(_ZEROS)
    return zlib.crc32(memoryview(_ZEROS)[:length], crc)
