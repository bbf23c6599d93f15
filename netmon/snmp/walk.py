"""A walk of several columns: where it stands, and what each reply adds to it. Pure: asking is the client's.

As long as all columns have the same rows, they keep in step (netmon.snmp.stretch), and a reply is read row by row. From
the first row that is otherwise (a hole, the end of a column, an exception, an error) the generic decoder and the plain
rules take over; tests hold both equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from netmon.snmp.codec import VarBind, decode_varbinds
from netmon.snmp.errors import SnmpError, SnmpNonIncreasingError, SnmpResponseError, SnmpTooManyRowsError
from netmon.snmp.oid import Oid, format_oid, oid_content
from netmon.snmp.rows import Rows
from netmon.snmp.stretch import Column, Stretch

_PASSED_OVER = 4
"""Rows one after the other that an agent cannot tell of a column: then it has none after them either."""


class Walk:
    """Where a walk of several columns stands."""

    def __init__(self, columns: Sequence[Oid], max_rows: int) -> None:
        """SnmpOidError if a column is no OID."""
        self._columns = [Column(oid) for oid in dict.fromkeys(columns)]
        self._max_rows = max_rows
        self._open = list(self._columns)
        self._stretch: Stretch | None = None
        self._behind: Column | None = None
        """It waits for the others to go on."""

    @property
    def is_over(self) -> bool:
        """Every column has ended."""
        return not self._open

    def first(self, most: int) -> list[Column]:
        """At most so many of the columns that have not ended, in order."""
        return [column for column in self._open if column is not self._behind][:most]

    def names(self, asked: list[Column]) -> list[bytes]:
        """The last names seen of these columns, encoded: what is asked for next."""
        stretch = self._stretch
        if stretch is not None and stretch.tail and stretch.columns == asked:
            return stretch.names()
        self._settle()
        return [column.name for column in asked]

    def found(self) -> dict[Oid, Rows]:
        """By column, when the walk is over."""
        self._settle()
        return {column.oid: column.rows() for column in self._columns}

    def end(self, column: Column) -> None:
        """There is no more of it."""
        self._open.remove(column)
        self._behind = None

    def pass_over(self, column: Column) -> bool:
        """Leaves out the column's next row, which the agent cannot tell; False: nor can the other columns say which.

        Where they are not further yet, they are asked first. After a few rows in a row the column has ended.
        """
        self._settle()
        if column.passed_over >= _PASSED_OVER:
            self.end(column)
            return True
        others = [other for other in self._columns if other is not column]
        nexts = [index for other in others if (index := other.after(column.index)) is not None]
        if nexts:
            column.passed_over += 1
            column.index = min(nexts)
            column.tail = oid_content(column.cursor)[len(column.prefix) :]
        elif len(self._open) > 1 and self._behind is None:
            self._behind = column
        return bool(nexts) or self._behind is column

    def take(self, asked: list[Column], data: bytes, at: int, repetitions: int, where: object) -> None:
        """Takes in the reply about columns that have not ended, whose variable-bindings fill `data` from `at` on.

        SnmpDecodeError if it is malformed, and SnmpResponseError if it is empty or longer than asked for: nothing of it
        was then taken in. SnmpNonIncreasingError, SnmpTooManyRowsError: the walk is then over.
        """
        self._behind = None
        stretch = self._stretch
        if stretch is None or stretch.columns != asked:
            self._settle()
            stretch = self._stretch = Stretch(asked)
        before, mark = len(stretch), stretch.mark()
        at = stretch.read(data, at, min(repetitions, self._max_rows - before))
        taken = (len(stretch) - before) * len(asked)
        if taken and at == len(data):
            return
        try:
            rest = decode_varbinds(data, at)
            cut = len(rest) % len(asked)
            if cut < taken + len(rest) <= len(asked) * repetitions and cut and stretch.goes_on_with(rest):
                # The agent cut it short within a row. That is asked for again, lest the columns get out of step.
                rest = rest[:-cut]
            if rest or not taken:
                self.advance(asked, rest, repetitions, where, taken)
        except SnmpError:
            stretch.go_back(mark)
            raise

    def advance(
        self, asked: Sequence[Column], varbinds: Sequence[VarBind], repetitions: int, where: object, taken: int = 0
    ) -> None:
        """The same from decoded variable-bindings, before which `taken` others of the reply have been taken in."""
        total = taken + len(varbinds)
        if not total or total > len(asked) * repetitions:
            most = len(asked) * repetitions
            raise SnmpResponseError(f"{where}: {total} variables in reply to a GetBulk for 1 to {most}")
        self._settle()
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
