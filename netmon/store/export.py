"""A ledger's tables as CSV, JSON Lines or Parquet, every number exact. Columns and units are in docs/ledger.md."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import BinaryIO, Protocol

from netmon.core.model import NANOSECONDS
from netmon.core.periods import from_ns
from netmon.store.audit import snapshot
from netmon.store.errors import StoreError
from netmon.store.export_tables import TABLES, Kind, Row, TableName
from netmon.store.location import Location
from netmon.store.values import canonical

_EVERY = 10_000
_EVER_NS = 2**63 - 1


class Form(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Sheet(Protocol):
    """What rows are written to."""

    def put(self, row: Row) -> None: ...

    def close(self) -> None:
        """Ends what was written; the file stays open."""
        ...


def export_table(
    ledger: Location,
    name: TableName,
    form: Form,
    file: BinaryIO,
    from_ns: int = 0,
    to_ns: int = _EVER_NS,
    told: Callable[[int], None] = lambda count: None,
) -> int:
    """Writes one table of a ledger, in use or not, as of now; returns how many rows. Raises StoreError.

    Holds one row in memory at a time, whatever the table's size; for Parquet some ten thousand.
    """
    table = TABLES[name]
    sheet = _sheet(form, file, table.columns)
    try:
        count = 0
        with snapshot(ledger) as connection:
            for row in table.rows(connection, from_ns, to_ns):
                sheet.put(row)
                count += 1
                if count % _EVERY == 0:
                    told(count)
    finally:
        sheet.close()
    return count


def _sheet(form: Form, file: BinaryIO, columns: Mapping[str, Kind]) -> Sheet:
    if form is Form.CSV:
        return _Csv(file, columns)
    if form is Form.JSONL:
        return _JsonLines(file, columns)
    try:
        from netmon.store.parquet import ParquetSheet
    except ImportError as error:
        raise StoreError("Parquet needs pyarrow, which is not installed; run pip install 'netmon[parquet]'") from error
    return ParquetSheet(file, columns)


class _Text:
    """UTF-8; closing it flushes, and leaves the file to whoever opened it."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, Kind]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
        self._instants = [at for at, kind in enumerate(columns.values()) if kind is Kind.INSTANT]
        self._names = tuple(columns)

    def close(self) -> None:
        self._text.detach()

    def _shown(self, row: Row) -> list[object]:
        values = list(row)
        for at in self._instants:
            values[at] = _instant(row[at])
        return values


class _Csv(_Text):
    def __init__(self, file: BinaryIO, columns: Mapping[str, Kind]) -> None:
        super().__init__(file, columns)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(self._names)

    def put(self, row: Row) -> None:
        self._writer.writerow([_plain(value) for value in self._shown(row)])


class _JsonLines(_Text):
    def put(self, row: Row) -> None:
        document = dict(zip(self._names, self._shown(row), strict=True))
        json.dump(document, self._text, separators=(",", ":"), ensure_ascii=False)
        self._text.write("\n")


def _plain(value: object) -> object:
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return canonical(value)
    return value


def _instant(ns: object) -> str | None:
    """RFC 3339 in UTC, with all nine digits."""
    return None if not isinstance(ns, int) else f"{from_ns(ns):%Y-%m-%dT%H:%M:%S}.{ns % NANOSECONDS:09d}Z"
