"""The Prometheus text exposition format, version 0.0.4, for very many series.

A family's text is held in blocks. A block is written when a scrape first needs it and then kept, packed once
a client asked for gzip, until its owner puts another in its place: a scrape costs what has changed since the
last one. Integers are written exactly, whatever their size.
Source: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Literal, TypeVar

from netmon.outputs.packed import GZIP_HEAD, GzipTail, Part, pack, unpack

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CHUNK_OCTETS: Final = 256 * 1024
"""Of text between two looks at the event loop: 5 ms where nothing of it was kept, packing included."""
TABLE_ROWS: Final = 1000
"""In one block of a table."""

Value = int | float
"""Finite."""

Row = TypeVar("Row")


def labels(named: Mapping[str, str]) -> str:
    """Labels as they stand between the braces. Empty values are left out: to Prometheus that is the same."""
    return ",".join([f'{key}="{_escaped(value)}"' for key, value in named.items() if value])


def lines(name: str, series: Sequence[str], values: Sequence[Value | None], more: str = "") -> bytes:
    """A line per series, given by its labels and `more`, which all have; a value of None leaves its series out.

    A series given twice keeps its last value, because a scrape with a series in it twice is refused.
    """
    if None in values or len(set(series)) != len(series):
        kept = {one: value for one, value in zip(series, values, strict=True) if value is not None}
        series, values = tuple(kept), tuple(kept.values())
    start, end = f"{name}{{", f"{more}}} "
    return "".join([f"{start}{one}{end}{value}\n" for one, value in zip(series, values, strict=True)]).encode()


def template(name: str, series: Sequence[str]) -> bytes:
    """Lines to be filled in by `%` with a tuple of as many integers: three times as fast as `lines`, but large."""
    return "".join([f"{name}{{{one}}} ".replace("%", "%%") + "%d\n" for one in series]).encode()


class Block:
    """Some lines of one family, written when they are first read. Only one form of them is kept."""

    __slots__ = ("_part", "_text", "_write")

    def __init__(self, write: Callable[[], bytes]) -> None:
        self._write: Callable[[], bytes] | None = write
        self._text = b""
        self._part: Part | None = None

    def text(self) -> bytes:
        if self._part is not None:
            return unpack(self._part)
        if self._write is not None:
            self._text, self._write = self._write(), None
        return self._text

    def empty(self) -> bool:
        return not (self.text() if self._part is None else self._part.length)

    def packed(self) -> Part:
        """From now on the text itself is not kept: it takes ten times as much."""
        if self._part is None:
            self._part, self._text = pack(self.text()), b""
        return self._part


class Family:
    """One metric: its HELP and TYPE, and its series in blocks that their owners replace."""

    def __init__(self, name: str, kind: Literal["counter", "gauge"], help_text: str) -> None:
        self.name = name
        told = help_text.replace("\\", r"\\").replace("\n", r"\n")
        header = f"# HELP {name} {told}\n# TYPE {name} {kind}\n"
        self._header = Block(header.encode)
        self._blocks: dict[Hashable, Block] = {}

    def put(self, owner: Hashable, write: Callable[[], bytes]) -> None:
        """Replaces the series of `owner` by what `write` will return; it must not depend on when that is."""
        self._blocks[owner] = Block(write)

    def table(self, rows: Sequence[Row], write: Callable[[Sequence[Row]], bytes]) -> None:
        """Replaces all series: `write` is given some of the rows at a time."""
        starts = range(0, len(rows), TABLE_ROWS)
        self._blocks = {start: Block(partial(write, rows[start : start + TABLE_ROWS])) for start in starts}

    def drop(self, owner: Hashable) -> None:
        self._blocks.pop(owner, None)

    def blocks(self) -> tuple[Block, Sequence[Block]]:
        """The header, and the series as they are now."""
        return self._header, tuple(self._blocks.values())


def plain(families: Iterable[Family], own: Block) -> Iterator[bytes]:
    """The text, `own` last, in chunks of about CHUNK_OCTETS, all as of the instant of the first chunk."""
    chunk: list[bytes] = []
    held = 0
    for block in _mentioned(families, own):
        text = block.text()
        chunk.append(text)
        held += len(text)
        if held >= CHUNK_OCTETS:
            yield b"".join(chunk)
            chunk.clear()
            held = 0
    yield b"".join(chunk)


def gzipped(families: Iterable[Family], own: Block) -> Iterator[bytes]:
    """The same as one gzip stream; a chunk stands for about CHUNK_OCTETS."""
    chunk, tail = [GZIP_HEAD], GzipTail()
    held = 0
    for block in _mentioned(families, own):
        part = block.packed()
        tail.add(part)
        chunk.append(part.data)
        held += part.length
        if held >= CHUNK_OCTETS:
            yield b"".join(chunk)
            chunk.clear()
            held = 0
    yield b"".join((*chunk, tail.octets()))


def _mentioned(families: Iterable[Family], own: Block) -> Iterator[Block]:
    """Every family that has a series: its header, and its blocks that are not empty."""
    for header, blocks in [family.blocks() for family in families]:
        told = False
        for block in blocks:
            if not block.empty():
                if not told:
                    yield header
                    told = True
                yield block
    yield own


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
