"""Rows of a recording as text: `OID|TAG|VALUE`, the form of snmpsim's *.snmprec files.

TAG is the decimal BER tag of RFC 3416's types. `x` after it: VALUE is hexadecimal; `e`: backslash escapes; `:NAME`:
VALUE are the arguments of a module of snmpsim that makes values up, of which only what it starts from is known.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from netmon.routers.recording_text import LONGEST_LINE, fault
from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.oid import Oid

MOST_ROWS: Final = 10_000_000


def _up_to(limit: int) -> bytes:
    """A pattern of the decimal numbers from 0 to `limit`, without leading zeros."""
    digits = str(limit)
    parts = [f"[0-9]{{1,{len(digits) - 1}}}", digits]
    parts += [
        f"{digits[:at]}[0-{int(digit) - 1}][0-9]{{{len(digits) - at - 1}}}"
        for at, digit in enumerate(digits)
        if digit != "0"
    ]
    return "|".join(f"{part}(?![0-9])" for part in parts).encode("ascii")


_ARCS: Final = rb"[0-9]++\.[0-9][0-9.]*+"
_ROW: Final = re.compile(
    rb"\.?(" + _ARCS + rb")\|(?:"
    rb"2\|-?[0-9]{1,20}|6[567]\|(?:"
    + _up_to(2**32 - 1)
    + rb")|70\|(?:"
    + _up_to(2**64 - 1)
    + rb")|(?:4|68)e?\|[^\r\n]*+|(?:4|64|68)x\|(?:[0-9A-Fa-f]{2})*+"
    rb"|6\|\.?" + _ARCS + rb"|64\|(?:[0-9.]{7,15}|[^\r\n]{4})|5x?\||(?:12[89]|130)x?\|[^\r\n]*+"
    rb")[ \t]*+\r?(?:\n|\Z)"
)
"""A row as it should be; group 1 is its OID, whose dots _BROKEN has judged: here they would cost twice the time."""
_BROKEN: Final = re.compile(rb"^[0-9.]*(?:\.\.[0-9.]*|\.)\|", re.MULTILINE)
"""The name of a row that is no object identifier."""
_MADE_UP: Final = re.compile(
    rb"\.?(" + _ARCS + rb")\|(2|4|65|66|67|70):([A-Za-z0-9_-]+)\|(?:[^\r\n]*,)?(?:value|initial)=([^,\r\n]*)"
)
_MODULE: Final = re.compile(rb"\.?" + _ARCS + rb"\|[0-9]{1,3}[xe]?:[A-Za-z0-9_-]+\|")
_ESCAPE: Final = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPED: Final = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_STRINGS: Final = frozenset({Tag.OCTET_STRING, Tag.OPAQUE})
_NUMBERS: Final = frozenset({b"2", b"65", b"66", b"67", b"70"})


class Rows:
    """Rows in the order of their OIDs, each OID once; decoded when they are asked for.

    A recording of a large router has three million rows: as Python values they would take gigabytes.
    """

    def __init__(self, text: bytes, starts: array[int]) -> None:
        """`starts`: where in `text` each row begins."""
        self._text = text
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts)

    def at(self, position: int) -> VarBind:
        row = _ROW.match(self._text, self._starts[position])
        assert row is not None, "indexed rows match"
        _, tag, value = row[0].rstrip(b"\r\n").split(b"|", 2)
        number, decoded = _decoded(tag, value)
        return VarBind(_oid(row[1]), number, decoded)

    def find(self, oid: Oid) -> int:
        """The position of the first row whose OID is not less than `oid`."""
        low, high = 0, len(self._starts)
        while low < high:
            middle = (low + high) // 2
            if self._oid_at(middle) < oid:
                low = middle + 1
            else:
                high = middle
        return low

    def below(self, prefix: Oid) -> Iterator[VarBind]:
        """Every row whose OID begins with `prefix`, in order."""
        for position in range(self.find(prefix), len(self._starts)):
            row = self.at(position)
            if row.oid[: len(prefix)] != prefix:
                return
            yield row

    def has(self, prefix: Oid) -> bool:
        """Whether some row's OID begins with `prefix`."""
        return next(self.below(prefix), None) is not None

    def _oid_at(self, position: int) -> Oid:
        start = self._starts[position]
        return _oid(self._text[start : self._text.index(b"|", start)].lstrip(b"."))


def read_rows(path: Path, text: bytes) -> tuple[Rows, list[str]]:
    """The rows of a *.snmprec file's text, and one sentence for each kind of thing left out.

    Lines may stand in any order; of an OID written twice, the first counts. Raises RecordingError.
    """
    starts, odd = array("Q"), _Odd()
    is_ordered, at, size = True, 0, len(text)
    parent, last = b"", -1
    before: Oid = (0,)
    match = _ROW.match
    if (b".." in text or b".|" in text) and (broken := _BROKEN.search(text)) is not None:
        raise fault(path, text.count(b"\n", 0, broken.start()) + 1, _what_is_wrong(broken[0] + b"|"))
    while at < size:
        row = match(text, at)
        if row is None:
            at = odd.take(path, text, at)
            continue
        oid = row[1]
        above, _, arc = oid.rpartition(b".")
        if above == parent:
            number = int(arc)
            is_ordered = is_ordered and number > last
            last = number
        else:
            whole = _oid(oid)
            is_ordered = is_ordered and whole > (*before, last)
            parent, last, before = above, whole[-1], whole[:-1]
        starts.append(at)
        at = row.end()
    if len(starts) + len(odd.rows) > MOST_ROWS:
        raise fault(path, 1, f"more than {MOST_ROWS} rows; record only the tables of interest, e.g. 1.3.6.1.2.1")
    if odd.rows:
        is_ordered = False
        base = size if text.endswith(b"\n") else size + 1
        for row_text in odd.rows:
            starts.append(base)
            base += len(row_text)
        text = text + (b"" if text.endswith(b"\n") else b"\n") + b"".join(odd.rows)
    notes = odd.notes()
    rows = Rows(text, starts)
    if not is_ordered:
        rows, twice = _ordered(text, starts)
        if twice:
            notes.append(
                f"{twice} values whose object identifier was written before with another value; the earlier is used"
            )
    return rows, notes


def _ordered(text: bytes, starts: array[int]) -> tuple[Rows, int]:
    """The rows sorted, the first of equal OIDs kept; and how many later ones said something else.

    An empty string does not count: a widespread recorder ends its files with the last OID and none.
    """
    first: dict[Oid, int] = {}
    differing = 0
    for start in starts:
        row = _ROW.match(text, start)
        assert row is not None, "indexed rows match"
        line = row[0].rstrip()
        earlier = first.setdefault(_oid(row[1]), start)
        differing += not line.endswith(b"|4|") and not text.startswith(line, earlier)
    return Rows(text, array("Q", (first[oid] for oid in sorted(first)))), differing


class _Odd:
    """Lines that are no plain rows: remarks, and values that a module of snmpsim would make up."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        """Rows in place of made-up values whose start is known, each with its line feed."""
        self._left_out = 0
        self._first = ""

    def take(self, path: Path, text: bytes, at: int) -> int:
        """Judges the line at `at`; returns where the next begins. Raises RecordingError for a bad one."""
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].rstrip(b"\r")
        if line.strip() and not line.startswith(b"#"):
            made_up = _MADE_UP.match(line)
            plain = b"|".join((made_up[1], made_up[2], made_up[4])) + b"\n" if made_up else b""
            if plain and _ROW.fullmatch(plain):
                self.rows.append(plain)
            elif _MODULE.match(line):
                self._left_out += 1
                self._first = self._first or line.split(b"|")[0].decode("ascii")
            else:
                raise fault(path, text.count(b"\n", 0, at) + 1, _what_is_wrong(line))
        return end + 1

    def notes(self) -> list[str]:
        notes = []
        if self.rows:
            notes.append(
                f"{len(self.rows)} values vary by a module of snmpsim (numeric, writecache, ...);"
                " each is read as the one it starts from"
            )
        if self._left_out:
            notes.append(
                f"{self._left_out} values are made up by a module of snmpsim, {self._first} the first;"
                " left out, record them from a device"
            )
        return notes


def _what_is_wrong(line: bytes) -> str:
    if len(line) > LONGEST_LINE:
        return f"a line of {len(line)} octets; a recording has one value a line"
    fields = line.split(b"|", 2)
    shown = line[:60].decode("ascii", "replace")
    if len(fields) < 3:
        return f"{shown!r} is not OID|TAG|VALUE; correct or remove the line"
    oid, tag, value = fields
    if re.fullmatch(rb"\.?[0-9]{1,10}(?:\.[0-9]{1,10})+", oid) is None:
        return f"{oid[:60].decode('ascii', 'replace')!r} is not an object identifier; write numbers with dots between"
    known = ", ".join(str(int(one)) for one in Tag)
    if tag.rstrip(b"xe") not in {str(int(one)).encode() for one in Tag}:
        return f"{tag[:20].decode('ascii', 'replace')!r} is not a type; use {known}, with x after it for hexadecimal"
    written = value[:40].decode("ascii", "replace")
    return f"{written!r} is not a value of type {tag.decode('ascii')}; correct or remove the line"


def _oid(text: bytes) -> Oid:
    return tuple(map(int, text.split(b".")))


def _decoded(tag: bytes, value: bytes) -> tuple[int, Value]:
    """The BER tag and the value of a row that _ROW matched."""
    if tag in _NUMBERS:
        return int(tag), int(value)
    kind, form = (int(tag[:-1]), tag[-1:]) if tag[-1:] in b"xe" else (int(tag), b"")
    if kind in _STRINGS:
        return kind, _octets(value, form)
    if kind == Tag.IP_ADDRESS:
        return kind, _octets(value, form) if form else _address(value)
    return kind, _oid(value.strip().lstrip(b".")) if kind == Tag.OID else None


def _octets(value: bytes, form: bytes) -> bytes:
    if form == b"x":
        return bytes.fromhex(value.strip().decode("ascii"))
    return _ESCAPE.sub(_unescaped, value) if form == b"e" else value


def _unescaped(escape: re.Match[bytes]) -> bytes:
    sign = escape[1]
    return bytes.fromhex(sign[1:].decode("ascii")) if len(sign) == 3 else _ESCAPED.get(sign, sign)


def _address(value: bytes) -> bytes:
    """Of `10.0.0.1`, or of the four octets themselves where all of them are printable."""
    if len(value) == 4:
        return value
    return bytes(min(int(octet or b"0"), 255) for octet in value.strip().split(b"."))[:4].ljust(4, b"\0")
