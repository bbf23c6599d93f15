from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.outputs.packed import GZIP_HEAD, GzipTail, pack, unpack


def joined(pieces: list[bytes]) -> bytes:
    parts, tail = [pack(piece) for piece in pieces], GzipTail()
    for part in parts:
        tail.add(part)
    return GZIP_HEAD + b"".join(part.data for part in parts) + tail.octets()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300) | st.text("ab01 ", max_size=300).map(str.encode), max_size=6))
def test_parts_joined_in_any_number_and_order_are_one_stream_of_one_member(pieces: list[bytes]) -> None:
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reader.decompress(joined(pieces)) == b"".join(pieces)
    assert (reader.eof, reader.unused_data) == (True, b"")


def test_the_checksum_is_right_beyond_the_zeros_kept_at_hand() -> None:
    pieces = [b"a" * length for length in (1, 65_535, 65_536, 65_537, 200_000, 0, 7)]
    assert gzip.decompress(joined(pieces)) == b"".join(pieces)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_a_part_unpacks_to_what_it_was_made_of(octets: bytes) -> None:
    part = pack(octets)
    assert unpack(part) == octets
    assert part.length == len(octets)


def test_a_stream_damaged_on_the_way_is_noticed() -> None:
    stream = bytearray(joined([b"netmon_x 1\n", b"netmon_y 2\n"]))
    stream[-8] ^= 1
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(bytes(stream))
