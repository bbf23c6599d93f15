"""The form of a reply, or of a row of one: where its numbers lie, and every other octet of it.

Two replies to the same prebuilt request usually differ in nothing but their numbers, and two rows of a table in
nothing but their index and their numbers. Whoever has read one of them variable by variable keeps its form; the next of
that form is then read whole, by one comparison and one unpacking, a tenth of what the variables cost one by one. What
differs in a single other octet has another form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from netmon.snmp.codec import NUMBER_WIDTH, Tag

REQUEST_ID_OCTETS: Final = 4

_FIELDS: Final = {1: (1, "B"), 2: (2, "H"), 3: (4, "I"), 4: (4, "I")} | dict.fromkeys(range(5, 9), (8, "Q"))
"""By octets of a number, the field it is read with: what is too wide begins before it and is cut off by `_MASKS`."""
_MASKS: Final = {octets: (1 << 8 * octets) - 1 for octets in (3, 5, 6, 7)}
_SIGN: Final = 0x80


class Place(NamedTuple):
    """Where a number lies that is not negative."""

    start: int
    octets: int
    """1 to 8."""
    signed: bool
    """Whether its highest bit is a sign, which then stays 0; not so behind a leading zero octet."""


class Form:
    """The form of one reply. Immutable."""

    __slots__ = ("_literals", "_mask", "_octets", "_read", "_request_id_at")

    def __init__(self, data: bytes, request_id_at: int, places: Sequence[Place]) -> None:
        """`places` in ascending order, each behind a tag and a length; a request-id has four octets of content."""
        self._octets = len(data)
        self._request_id_at = request_id_at
        mask = _mask(len(data), places)
        mask[request_id_at : request_id_at + REQUEST_ID_OCTETS] = bytes(REQUEST_ID_OCTETS)
        self._mask = int.from_bytes(mask, "big")
        self._literals = int.from_bytes(data, "big") & self._mask
        self._read = _reader(places)

    def read(self, data: bytes, request_id: int) -> Sequence[int] | None:
        """The numbers in order, if `data` has this form and bears that request-id."""
        if len(data) != self._octets or int.from_bytes(data, "big") & self._mask != self._literals:
            return None
        at = self._request_id_at
        if int.from_bytes(data[at : at + REQUEST_ID_OCTETS], "big") != request_id:
            return None
        return self._read(data)


class RowForm:
    """The form of one row of a table: variables whose names end with the same index. Immutable."""

    __slots__ = ("_literals", "_mask", "_read", "_spread", "octets", "tags", "width")

    def __init__(self, row: bytes, width: int, places: Sequence[Place]) -> None:
        """`row` is well-formed, with short lengths; an encoded index has `width` octets; a place for each variable."""
        self.octets = len(row)
        self.width = width
        self.tags: tuple[int, ...] = ()
        ends: list[int] = []
        at = 0
        while at < len(row):
            ends.append(at + 4 + row[at + 3])
            self.tags += (row[ends[-1]],)
            at += 2 + row[at + 1]
        self._mask = int.from_bytes(_mask(len(row), places), "big")
        self._spread = sum(1 << 8 * (len(row) - end) for end in ends)
        index = int.from_bytes(row[ends[0] - width : ends[0]], "big")
        self._literals = (int.from_bytes(row, "big") & self._mask) - index * self._spread
        self._read = _reader(places)

    def read(self, row: bytes, index: bytes) -> Sequence[int] | None:
        """The numbers in order, if `row` has this form and all its names end with `index`, of `width` octets."""
        expected = self._literals + int.from_bytes(index, "big") * self._spread
        return self._read(row) if int.from_bytes(row, "big") & self._mask == expected else None


def places_of(data: bytes, at: int) -> list[Place] | None:
    """Where the numbers of the well-formed varbinds at `at` lie; None if one is negative or the lengths are long."""
    places: list[Place] = []
    while at < len(data):
        name_octets = data[at + 3]
        value_at = at + 4 + name_octets
        if data[at + 1] >= 0x80 or name_octets >= 0x80:
            return None
        tag, octets = data[value_at], data[value_at + 1]
        start = value_at + 2
        at += 2 + data[at + 1]
        width = NUMBER_WIDTH.get(tag)
        if width is None:
            continue
        if octets >= 0x80:
            return None
        if octets >= width and tag != Tag.INTEGER:
            places.append(Place(start + octets - width, width, signed=False))
        elif data[start] & _SIGN:
            return None
        else:
            places.append(Place(start, octets, signed=True))
    return places


def _mask(octets: int, places: Sequence[Place]) -> bytearray:
    """What is compared: all bits but those of the numbers."""
    mask = bytearray(b"\xff" * octets)
    for place in places:
        mask[place.start : place.start + place.octets] = (b"\x80" if place.signed else b"\0").ljust(place.octets, b"\0")
    return mask


def _reader(places: Sequence[Place]) -> Callable[[bytes], Sequence[int]]:
    """What reads the numbers at these places."""
    fields = [">"]
    narrow: list[tuple[int, int]] = []
    at = 0
    for position, (start, octets, _) in enumerate(places):
        width, code = _FIELDS[octets]
        begin = start + octets - width
        fields.append(f"{begin - at}x{code}")
        at = begin + width
        if octets in _MASKS:
            narrow.append((position, _MASKS[octets]))
    unpack = Struct("".join(fields)).unpack_from
    if not narrow:
        return unpack

    def read(data: bytes) -> list[int]:
        numbers = list(unpack(data))
        for position, mask in narrow:
            numbers[position] &= mask
        return numbers

    return read
