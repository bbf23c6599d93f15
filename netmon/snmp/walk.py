"""A walk of several columns: where it stands, and what each reply adds to it. Pure: asking is the client's.

As long as all columns have the same rows, they keep in step, and a reply is read row by row: an index is decoded
once, and each name of its row compared with what it must be. From the first row that is otherwise (a hole, the end of
a column, an exception, an error) the generic decoder and the plain rules take over; tests hold both equal.

Until the walk is over, what it found is kept in lists of plain numbers and octets, which the garbage collector does not
visit: with many walks under way at once, it would take a third of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from operator import concat
from typing import Final

from netmon.snmp.codec import (
    HIGHEST,
    WIDEST,
    Tag,
    Value,
    VarBind,
    decode_value,
    decode_varbinds,
    encode_tlv,
)
from netmon.snmp.errors import SnmpDecodeError, SnmpNonIncreasingError, SnmpResponseError, SnmpTooManyRowsError
from netmon.snmp.oid import Oid, decode_index, format_oid, oid_content

_SEQUENCE: Final = 0x30
_OID: Final = int(Tag.OID)
_STRING: Final = int(Tag.OCTET_STRING)
_EXCEPTIONS: Final = int(Tag.NO_SUCH_OBJECT)
"""The first of their tags, which are the highest."""
_SHORT: Final = 0x7F
"""The most octets that a length of one octet counts, and with them the most numbers (128) that an OID may have."""
_INDEXES: Final = 4096
"""Remembered, because routers have the same."""


class _LayoutError(Exception):
    """A row that needs the generic decoder's judgement; never leaves this module."""


class Column:
    """One column of a walk, and where the walk stands in it."""

    __slots__ = ("_indexes", "_tags", "_values", "index", "oid", "prefix", "tail")

    def __init__(self, oid: Oid) -> None:
        """SnmpOidError if `oid` is none."""
        self.oid = oid
        self.prefix = oid_content(oid)
        """The same, encoded."""
        self.index: Oid = ()
        """What the last name seen ends with; () before the first."""
        self.tail = b""
        """The same, encoded."""
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

    def extend(self, indexes: Sequence[Oid], tail: bytes, tags: Sequence[int], values: Sequence[Value]) -> None:
        """Adds rows, at least one; `tail` is the last index, encoded."""
        self._indexes += indexes
        self._tags += tags
        self._values += values
        self.index = indexes[-1]
        self.tail = tail

    def rows(self) -> dict[Oid, VarBind]:
        """Index -> varbind, in the agent's order."""
        names = map(concat, repeat(self.oid), self._indexes)
        varbinds = map(tuple.__new__, repeat(VarBind), zip(names, self._tags, self._values, strict=True))
        return dict(zip(self._indexes, varbinds, strict=True))


class Walk:
    """Where a walk of several columns stands."""

    def __init__(self, columns: Sequence[Oid], max_rows: int) -> None:
        """SnmpOidError if a column is no OID."""
        self._columns = [Column(oid) for oid in dict.fromkeys(columns)]
        self._max_rows = max_rows
        self._open = list(self._columns)
        self._stretch: _Stretch | None = None

    @property
    def is_over(self) -> bool:
        """Every column has ended."""
        return not self._open

    @property
    def cursors(self) -> dict[Oid, Oid]:
        """The last name seen of each column that has not ended."""
        self._settle()
        return {column.oid: column.cursor for column in self._open}

    def first(self, most: int) -> list[Column]:
        """At most so many of the columns that have not ended, in order."""
        return self._open[:most]

    def names(self, asked: list[Column]) -> list[bytes]:
        """The last names seen of these columns, encoded: what is asked for next."""
        stretch = self._stretch
        if stretch is not None and stretch.tail and stretch.columns == asked:
            return stretch.names()
        self._settle()
        return [column.name for column in asked]

    def found(self) -> dict[Oid, dict[Oid, VarBind]]:
        """Column -> index -> varbind, in the agent's order."""
        self._settle()
        return {column.oid: column.rows() for column in self._columns}

    def end(self, column: Column) -> None:
        """There is no more of it."""
        self._open.remove(column)

    def take(self, asked: list[Column], data: bytes, at: int, repetitions: int, where: object) -> None:
        """Takes in the reply about columns that have not ended, whose variable-bindings fill `data` from `at` on.

        SnmpDecodeError if it is malformed, SnmpNonIncreasingError, SnmpTooManyRowsError, and SnmpResponseError if it
        is empty or longer than asked for. The walk is then over.
        """
        stretch = self._stretch
        if stretch is None or stretch.columns != asked:
            self._settle()
            stretch = self._stretch = _Stretch(asked)
        before = len(stretch)
        at = stretch.read(data, at, min(repetitions, self._max_rows - before))
        taken = (len(stretch) - before) * len(asked)
        if taken and at == len(data):
            return
        rest = decode_varbinds(data, at)
        cut = len(rest) % len(asked)
        if cut < taken + len(rest) <= len(asked) * repetitions and cut and stretch.goes_on_with(rest):
            # The agent cut it short within a row. That is asked for again, lest the columns get out of step.
            rest = rest[:-cut]
        if rest or not taken:
            self.advance(asked, rest, repetitions, where, taken)

    def advance(
        self, asked: Sequence[Column], varbinds: Sequence[VarBind], repetitions: int, where: object, taken: int = 0
    ) -> None:
        """The same from decoded variable-bindings, before which `taken` others of the reply have been taken in."""
        self._settle()
        total = taken + len(varbinds)
        if not total or total > len(asked) * repetitions:
            raise SnmpResponseError(f"{where}: {total} variables in reply to a GetBulk for at least one")
        for position, varbind in enumerate(varbinds, taken):
            column = asked[position % len(asked)]
            if column in self._open:
                self._step(column, varbind, where)

    def _step(self, column: Column, varbind: VarBind, where: object) -> None:
        if varbind.is_exception:
            self.end(column)
            return
        oid, length = varbind.oid, len(column.oid)
        if oid <= column.cursor:
            raise SnmpNonIncreasingError(
                f"{where}: after {format_oid(column.cursor)} the agent gave {format_oid(oid)}, which is not greater;"
                " this agent cannot be walked here"
            )
        if oid[:length] != column.oid:
            self.end(column)
            return
        if len(column) >= self._max_rows:
            raise SnmpTooManyRowsError(f"{where}: {format_oid(column.oid)} has more than {self._max_rows} rows")
        tail = oid_content(oid)[len(column.prefix) :]
        column.extend((oid[length:],), tail, (varbind.tag,), (varbind.value,))

    def _settle(self) -> None:
        """Ends the stretch, and gives the columns what is theirs."""
        if self._stretch is not None:
            self._stretch.hand_out()
            self._stretch = None


class _Stretch:
    """Rows that the columns asked for have in common, one after the other: what is read of them in step."""

    __slots__ = (
        "_before",
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

    def __len__(self) -> int:
        """Rows of the longest column."""
        return self._before + len(self._indexes)

    def read(self, data: bytes, at: int, most: int) -> int:
        """Takes in the leading rows that need no closer look, at most so many; returns where the rest begins."""
        if not self._in_step:
            return at
        indexes, end, start = self._indexes, len(data), 4 + len(self._prefixes[0])
        most += len(indexes)
        try:
            while at < end and len(indexes) < most:
                tail = data[at + start : at + 4 + data[at + 3]]
                index = _index(tail)
                if index <= self._index:
                    break
                stop = _read_row(self._names(tail), data, at, self._tags, self._values)
                if stop > end:
                    break
                indexes.append(index)
                self._index, self.tail, at = index, tail, stop
        except (_LayoutError, IndexError, SnmpDecodeError):
            # It ends early, or is odd or wrong: the generic decoder will say which.
            pass
        cells = len(indexes) * len(self.columns)
        del self._tags[cells:], self._values[cells:]
        return at

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
