"""The rows that the columns of a walk have in common, read without the generic decoder.

A row whose form is known is read at once, any other variable by variable, with each name compared to what it must be;
tests hold both and the generic decoder equal.

What a walk found is kept in lists of plain numbers and octets, which the garbage collector does not visit: with many
walks under way at once, it would take a third of the time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from netmon.snmp.codec import (
    HIGHEST,
    WIDEST,
    Tag,
    Value,
    VarBind,
    decode_value,
    encode_tlv,
)
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.form import RowForm, places_of
from netmon.snmp.oid import Oid, decode_index, oid_content
from netmon.snmp.rows import Rows

_SEQUENCE: Final = 0x30
_OID: Final = int(Tag.OID)
_STRING: Final = int(Tag.OCTET_STRING)
_EXCEPTIONS: Final = int(Tag.NO_SUCH_OBJECT)
"""The first of their tags, which are the highest."""
_SHORT: Final = 0x7F
"""The most octets that a length of one octet counts, and with them the most numbers (128) that an OID may have."""
_INDEXES: Final = 4096
"""Remembered, because routers have the same."""
_TABLES: Final = 32
_FORMS: Final = 256
"""Of the rows of a table; likewise."""


class _LayoutError(Exception):
    """A row that needs the generic decoder's judgement; never leaves this module."""


class Column:
    """One column of a walk, and where the walk stands in it."""

    __slots__ = ("_indexes", "_tags", "_values", "index", "oid", "passed_over", "prefix", "tail")

    def __init__(self, oid: Oid) -> None:
        """SnmpOidError if `oid` is none."""
        self.oid = oid
        self.prefix = _prefix(oid)
        """The same, encoded."""
        self.index: Oid = ()
        """What the last name seen ends with; () before the first."""
        self.tail = b""
        """The same, encoded."""
        self.passed_over = 0
        """Rows left out since the last one found."""
        self._indexes: list[Oid] = []
        self._tags: list[int] = []
        self._values: list[Value] = []

    def __len__(self) -> int:
        """Rows found."""
        return len(self._indexes)

    @property
    def cursor(self) -> Oid:
        """The last name seen."""
        return self.oid + self.index

    @property
    def name(self) -> bytes:
        """The last name seen, encoded."""
        return encode_tlv(_OID, self.prefix + self.tail)

    def after(self, index: Oid) -> Oid | None:
        """The first index beyond `index` that was found; None: there is none yet."""
        at = bisect_right(self._indexes, index)
        return self._indexes[at] if at < len(self._indexes) else None

    def extend(self, indexes: Sequence[Oid], tail: bytes, tags: Sequence[int], values: Sequence[Value]) -> None:
        """Adds rows, at least one; `tail` is the last index, encoded."""
        self._indexes += indexes
        self._tags += tags
        self._values += values
        self.index = indexes[-1]
        self.tail = tail
        self.passed_over = 0

    def rows(self) -> Rows:
        """What was found; the column takes no more."""
        return Rows(self.oid, self._indexes, self._tags, self._values)


class Stretch:
    """Rows that the columns asked for have in common, one after the other: what is read of them in step."""

    __slots__ = (
        "_before",
        "_form",
        "_forms",
        "_in_step",
        "_index",
        "_indexes",
        "_leads",
        "_prefixes",
        "_tags",
        "_values",
        "_width",
        "columns",
        "tail",
    )

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        self.tail = b""
        """The last index read, encoded."""
        self._prefixes = tuple([column.prefix for column in columns])
        self._before = max(map(len, columns))
        self._index = columns[0].index
        self._in_step = all(column.index == self._index for column in columns)
        self._width = 0
        self._leads: list[bytes] = []
        """What encoded names begin with whose indexes have `_width` octets; none before the first row."""
        self._indexes: list[Oid] = []
        self._tags: list[int] = []
        self._values: list[Value] = []
        self._forms: dict[bytes, RowForm] | None = _forms(self._prefixes)
        """None: the rows are not all numbers."""
        self._form: RowForm | None = None
        """The last row's, which the next one most likely has."""

    def __len__(self) -> int:
        """Rows of the longest column."""
        return self._before + len(self._indexes)

    def read(self, data: bytes, at: int, most: int) -> int:
        """Takes in the leading rows that need no closer look, at most so many; returns where the rest begins."""
        if not self._in_step:
            return at
        indexes, end = self._indexes, len(data)
        most += len(indexes)
        try:
            while at < end and len(indexes) < most:
                tail, stop = self._known_row(data, at) or self._other_row(data, at)
                index = _index(tail)
                if index <= self._index or stop > end:
                    break
                indexes.append(index)
                self._index, self.tail, at = index, tail, stop
        except (_LayoutError, IndexError, SnmpDecodeError):
            # It ends early, or is odd or wrong: the generic decoder will say which.
            pass
        cells = len(indexes) * len(self.columns)
        del self._tags[cells:], self._values[cells:]
        return at

    def mark(self) -> tuple[int, Oid, bytes]:
        """Where it stands."""
        return len(self._indexes), self._index, self.tail

    def go_back(self, mark: tuple[int, Oid, bytes]) -> None:
        """Forgets what was read since."""
        rows, self._index, self.tail = mark
        cells = rows * len(self.columns)
        del self._indexes[rows:], self._tags[cells:], self._values[cells:]

    def _known_row(self, data: bytes, at: int) -> tuple[bytes, int] | None:
        """Takes in a row whose form is known; its encoded index, and where it ends."""
        forms, form = self._forms, self._form
        if forms is None:
            return None
        tail = None if form is None else self._read_as(form, data, at)
        if form is None or tail is None:
            form = forms.get(_lengths(data, at, len(self.columns)))
            tail = None if form is None else self._read_as(form, data, at)
            if form is None or tail is None:
                return None
            self._form = form
        return tail, at + form.octets

    def _read_as(self, form: RowForm, data: bytes, at: int) -> bytes | None:
        """Takes in a row if it has that form; its encoded index."""
        row, start = data[at : at + form.octets], 4 + len(self._prefixes[0])
        tail = row[start : start + form.width]
        numbers = form.read(row, tail)
        if numbers is None:
            return None
        self._values += numbers
        self._tags += form.tags
        return tail

    def _other_row(self, data: bytes, at: int) -> tuple[bytes, int]:
        """Takes in any row, variable by variable, and learns its form. Raises what `_read_row` does."""
        tail = data[at + 4 + len(self._prefixes[0]) : at + 4 + data[at + 3]]
        stop = _read_row(self._names(tail), data, at, self._tags, self._values)
        forms = self._forms
        if forms is not None and stop <= len(data):
            lengths = _lengths(data, at, len(self.columns))
            if lengths in forms or len(forms) < _FORMS:
                row = data[at:stop]
                places = places_of(row, 0)
                if places is None or len(places) != len(self.columns):
                    self._forms = None
                else:
                    self._form = forms[lengths] = RowForm(row, len(tail), places)
        return tail, stop

    def names(self) -> list[bytes]:
        """The last names read, encoded."""
        return self._names(self.tail)

    def _names(self, tail: bytes) -> list[bytes]:
        """The encoded names of a row; _LayoutError if one is too long for a short length."""
        if len(tail) != self._width:
            self._leads, self._width = _leads(self._prefixes, len(tail)), len(tail)
        return [lead + tail for lead in self._leads]

    def goes_on_with(self, varbinds: Sequence[VarBind]) -> bool:
        """Whether they are further rows in step, the last of which may be incomplete."""
        columns, last = self.columns, self._index
        for at in range(0, len(varbinds), len(columns)):
            index = varbinds[at].oid[len(columns[0].oid) :]
            if index <= last or any(
                varbind.oid != column.oid + index or varbind.is_exception
                for column, varbind in zip(columns, varbinds[at:], strict=False)
            ):
                return False
            last = index
        return self._in_step

    def hand_out(self) -> None:
        """Gives the columns what is theirs. The stretch is then over."""
        if self._indexes:
            stride = len(self.columns)
            for position, column in enumerate(self.columns):
                column.extend(self._indexes, self.tail, self._tags[position::stride], self._values[position::stride])


def _leads(prefixes: Sequence[bytes], width: int) -> list[bytes]:
    """What encoded names begin with whose indexes have `width` octets."""
    if max(map(len, prefixes)) + width > _SHORT:
        raise _LayoutError
    return [bytes((_OID, len(prefix) + width)) + prefix for prefix in prefixes]


def _lengths(data: bytes, at: int, count: int) -> bytes:
    """Of the first name at `at` and of so many variable-bindings."""
    lengths = bytearray((data[at + 3],))
    for _ in range(count):
        octets = data[at + 1]
        lengths.append(octets)
        at += 2 + octets
    return bytes(lengths)


@lru_cache(_TABLES)
def _forms(prefixes: tuple[bytes, ...]) -> dict[bytes, RowForm]:
    """Those seen of the rows of these columns, by their lengths; to be added to."""
    return {}


@lru_cache(_INDEXES)
def _prefix(oid: Oid) -> bytes:
    """The encoded OID without tag and length."""
    return oid_content(oid)


@lru_cache(_INDEXES)
def _index(tail: bytes) -> Oid:
    """Of an encoded name that ends with `tail`; SnmpDecodeError if it cannot end so."""
    return decode_index(tail, 0)


def _read_row(names: Sequence[bytes], data: bytes, at: int, tags: list[int], values: list[Value]) -> int:
    """Appends what the variable-bindings at `at` hold, whose encoded names are given; returns where they end.

    _LayoutError, IndexError or SnmpDecodeError: another layout, or a value that needs the generic decoder's
    judgement. This loop is what walking costs.
    """
    from_bytes, widest, highest = int.from_bytes, WIDEST, HIGHEST
    for name in names:
        middle = at + 2 + len(name)
        start = middle + 2
        tag = data[middle]
        octets = data[middle + 1]
        stop = start + octets
        if data[at + 2 : middle] != name or data[at] != _SEQUENCE or not data[at + 1] == stop - at - 2 <= _SHORT:
            raise _LayoutError
        content = data[start:stop]
        if tag == _STRING:
            values.append(content)
        elif 0 < octets <= widest[tag] and content[0] <= _SHORT:
            value = from_bytes(content, "big")
            if value > highest[tag]:
                raise _LayoutError
            values.append(value)
        elif tag < _EXCEPTIONS:
            values.append(decode_value(tag, content, start))
        else:
            raise _LayoutError
        tags.append(tag)
        at = stop
    return at
