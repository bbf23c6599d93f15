"""The files recordings are kept in, as octets: decompressed within bounds, their faults with a place."""

from __future__ import annotations

import bz2
import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

LARGEST_FILE: Final = 512 * 1024 * 1024
"""Octets, decompressed. The largest router recorded so far needs half of it."""
LONGEST_LINE: Final = 1 << 20
_BLOCK: Final = 1 << 20


class RecordingError(ValueError):
    """A recording that cannot be used: `FILE:LINE:1: what is wrong; what to do`."""


def fault(path: Path, line: int, sentence: str) -> RecordingError:
    return RecordingError(f"{path}:{line}:1: {sentence}")


def read_octets(path: Path) -> bytes:
    """What the file holds, bzip2 and gzip undone, whatever its name. Raises RecordingError and OSError."""
    with path.open("rb") as plain:
        magic = plain.read(3)
    held = bytearray()
    with _opened(path, magic) as stream:
        for block in _blocks(path, stream):
            held += block
            if len(held) > LARGEST_FILE:
                raise fault(
                    path, 1, f"larger than {LARGEST_FILE} octets; record only the tables of interest, e.g. 1.3.6.1.2.1"
                )
    return _without_mark(path, bytes(held))


def _without_mark(path: Path, text: bytes) -> bytes:
    """Without the byte order mark that Windows puts before text; its UTF-16 becomes UTF-8."""
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return text.decode("utf-16").encode("utf-8")
        except UnicodeError as error:
            raise fault(path, 1, f"cannot be read as UTF-16: {error}; save it as UTF-8") from error
    return text.removeprefix(codecs.BOM_UTF8)


def _opened(path: Path, magic: bytes) -> IO[bytes]:
    if magic == b"BZh":
        return bz2.open(path, "rb")
    return cast("IO[bytes]", gzip.open(path, "rb")) if magic[:2] == b"\x1f\x8b" else path.open("rb")


def _blocks(path: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """Blocks until the end; a compressed file that is damaged or cut off is a RecordingError."""
    try:
        while block := stream.read(_BLOCK):
            yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise fault(path, 1, f"cannot be decompressed: {error}; copy it again") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise fault(path, 1, f"cannot be decompressed: {error}; copy it again") from error
