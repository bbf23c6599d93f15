"""Tables as Apache Parquet, a row group at a time; imports pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import pyarrow  # type: ignore[import-untyped]
from pyarrow import parquet

from netmon.store.export_tables import Kind, Row
from netmon.store.values import canonical

ROW_GROUP: Final = 10_000
"""Rows held in memory."""
_TYPES: Final = {
    Kind.TEXT: pyarrow.string(),
    Kind.INTEGER: pyarrow.int64(),
    Kind.COUNTER: pyarrow.uint64(),
    Kind.FLAG: pyarrow.bool_(),
    Kind.INSTANT: pyarrow.timestamp("ns", tz="UTC"),
    Kind.DOCUMENT: pyarrow.string(),
}


class ParquetSheet:
    """Columns of the types their kinds have, each of them nullable; compressed with zstd."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, Kind]) -> None:
        self._schema = pyarrow.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
        self._documents = [at for at, kind in enumerate(columns.values()) if kind is Kind.DOCUMENT]
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Row] = []

    def put(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self._write()

    def close(self) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if not self._rows:
            return
        columns: list[Any] = list(zip(*self._rows, strict=True))
        for at in self._documents:
            columns[at] = [canonical(value) for value in columns[at]]
        arrays = [pyarrow.array(one, of.type) for one, of in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []
