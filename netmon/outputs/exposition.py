"""The Prometheus text exposition format, version 0.0.4, for very many series.

A series' name and labels are rendered once and kept; a scrape only joins them with the values, in
chunks short enough for the event loop. Integers are written exactly, whatever their size.
Source: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CHUNK_LINES: Final = 2000

_LABEL_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})

Value = int | float
"""Finite."""

Rows = tuple[tuple[str, ...], tuple[Value, ...]]
"""Cached prefixes, and the value of each."""


class Family:
    """One metric: its HELP and TYPE, and its series, held by owners that each replace theirs together."""

    def __init__(self, name: str, kind: Literal["counter", "gauge"], help_text: str) -> None:
        self.name = name
        self.header = f"# HELP {name} {help_text.translate(_HELP_ESCAPES)}\n# TYPE {name} {kind}\n"
        self._rows: dict[str, Rows] = {}

    def prefix(self, labels: Mapping[str, str]) -> str:
        """A series up to its value, to be kept and given to `put`. Empty label values are left out."""
        inside = ",".join(f'{key}="{value.translate(_LABEL_ESCAPES)}"' for key, value in labels.items() if value)
        return f"{self.name}{{{inside}}} "

    def put(self, owner: str, prefixes: Sequence[str], values: Sequence[Value | None]) -> None:
        """Replaces all series of `owner`; a value of None leaves its series out.

        A prefix given twice keeps its last value, because a scrape with a series in it twice is refused.
        """
        if None in values or len(set(prefixes)) != len(prefixes):
            kept = {prefix: value for prefix, value in zip(prefixes, values, strict=True) if value is not None}
            self._rows[owner] = (tuple(kept), tuple(kept.values()))
        else:
            self._rows[owner] = (tuple(prefixes), tuple(value for value in values if value is not None))

    def drop(self, owner: str) -> None:
        self._rows.pop(owner, None)

    def rows(self) -> tuple[Rows, ...]:
        """The series of every owner, as they are now: `put` replaces rows and never alters them."""
        return tuple(self._rows.values())


def render(families: Iterable[Family], chunk_lines: int = CHUNK_LINES) -> Iterator[str]:
    """The families' text in chunks of about `chunk_lines` lines.

    All values are of the instant of the first chunk, however long the reader takes for the rest.
    """
    snapshot = [(family.header, rows) for family in families if (rows := family.rows())]
    lines: list[str] = []
    for header, owners in snapshot:
        if not any(prefixes for prefixes, _ in owners):
            continue
        lines.append(header)
        for prefixes, values in owners:
            for start in range(0, len(prefixes), chunk_lines):
                part = slice(start, start + chunk_lines)
                lines += [f"{p}{v}\n" for p, v in zip(prefixes[part], values[part], strict=True)]
                if len(lines) >= chunk_lines:
                    yield "".join(lines)
                    lines.clear()
    if lines:
        yield "".join(lines)
