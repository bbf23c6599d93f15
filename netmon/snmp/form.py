"""The form of a reply: where its numbers lie, and every other octet of it.

Two replies to the same prebuilt request usually differ in nothing but their numbers. Whoever has read one of them
variable by variable keeps its form; the next reply of that form is then read whole, by one comparison and one
unpacking, a tenth of what the variables cost one by one. What differs in a single other octet has another form.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

REQUEST_ID_OCTETS: Final = 4

_FIELDS: Final = {1: (1, "B"), 2: (2, "H"), 3: (4, "I"), 4: (4, "I")} | dict.fromkeys(range(5, 9), (8, "Q"))
"""By octets of a number, the field it is read with: what is too wide begins before it and is cut off by `_MASKS`."""
_MASKS: Final = {octets: (1 << 8 * octets) - 1 for octets in (3, 5, 6, 7)}


class Place(NamedTuple):
    """Where a number lies that is not negative."""

    start: int
    octets: int
    """1 to 8."""
    signed: bool
    """Whether its highest bit is a sign, which then stays 0; not so behind a leading zero octet."""


class Form:
    """The form of one reply. Immutable."""

    __slots__ = ("_literals", "_mask", "_narrow", "_octets", "_request_id_at", "_unpack")

    def __init__(self, data: bytes, request_id_at: int, places: Sequence[Place]) -> None:
        """`places` in ascending order, each behind a tag and a length; a request-id has four octets of content."""
        self._octets = len(data)
        self._request_id_at = request_id_at
        free = bytearray(b"\xff" * self._octets)
        free[request_id_at : request_id_at + REQUEST_ID_OCTETS] = bytes(REQUEST_ID_OCTETS)
        fields = [">"]
        narrow: list[tuple[int, int]] = []
        at = 0
        for position, (start, octets, signed) in enumerate(places):
            free[start : start + octets] = (b"\x80" if signed else b"\0").ljust(octets, b"\0")
            width, code = _FIELDS[octets]
            begin = start + octets - width
            fields.append(f"{begin - at}x{code}")
            at = begin + width
            if octets in _MASKS:
                narrow.append((position, _MASKS[octets]))
        self._mask = int.from_bytes(free, "big")
        self._literals = int.from_bytes(data, "big") & self._mask
        self._unpack = Struct("".join(fields)).unpack_from
        self._narrow = tuple(narrow)

    def read(self, data: bytes, request_id: int) -> Sequence[int] | None:
        """The numbers in order, if `data` has this form and bears that request-id."""
        if len(data) != self._octets or int.from_bytes(data, "big") & self._mask != self._literals:
            return None
        at = self._request_id_at
        if int.from_bytes(data[at : at + REQUEST_ID_OCTETS], "big") != request_id:
            return None
        numbers = self._unpack(data)
        if not self._narrow:
            return numbers
        found = list(numbers)
        for position, mask in self._narrow:
            found[position] &= mask
        return found
