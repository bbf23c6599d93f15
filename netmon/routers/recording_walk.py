"""The output of Net-SNMP's snmpwalk as rows of a recording.

Understood with -On (numbers for names) whatever else it was printed with, as long as each value names its type;
symbolic names only as far as recording_names knows them. Source: snmpcmd(1), "OUTPUT OPTIONS".
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from netmon.routers.recording_names import oid_of
from netmon.routers.recording_text import fault
from netmon.snmp.oid import Oid, format_oid

_TYPED: Final = r"(?:[A-Za-z][A-Za-z0-9 -]*: |[A-Za-z][A-Za-z0-9-]*:$|\"|No |NULL$|Wrong Type |[0-9]+$|$)"
_START: Final = re.compile(
    rf"(\.?[0-9]+(?:\.[0-9]+)+(?:\[[0-9]+\])*|[A-Za-z][\w-]*::\S.*?|\.?[A-Za-z][\w.-]*(?:\[[0-9]+\])?)"
    rf" = ?(?={_TYPED}|$)(.*)"
)
"""A line that begins a value: its name and the rest."""
_NUMBERED: Final = re.compile(r"(\.?[0-9]+(?:\.[0-9]+)+) =? ?(.*)")
_NAMELESS: Final = re.compile(r"(?:STRING|Hex-STRING|INTEGER|OID|Timeticks|Counter(?:32|64)|Gauge32|IpAddress): .*")
"""What -Ov prints."""
_TYPE: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*(?: Address)?): ?(.*)", re.DOTALL)
_WRONG_TYPE: Final = re.compile(r"Wrong Type \(should be [^)]*\): ")
_CHATTER: Final = (
    "No more variables left in this MIB View",
    "Timeout: No Response",
    "Error: OID not increasing",
    "Error in packet",
    "Reason:",
    "End of MIB",
    "MIB search path",
    "Cannot find module",
    "Did not find",
    "Bad operator",
    "Unlinked OID",
    "Undefined identifier",
    "Cannot adopt OID",
    " >= ",
    "#",
)
"""What the tool itself says between values."""
_BROKEN_OFF: Final = ("Timeout: No Response", "Error: OID not increasing", "Error in packet")
_OF_LINES: Final = ("STRING:", "Hex-STRING:", "BITS:", "Opaque:", '"', "Wrong Type")
"""How values begin that may go on in the next line."""
_ABSENT: Final = ("No Such Object", "No Such Instance", "No more variables")
_OCTETS_AS_COLONS: Final = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5,}")
_PAIRS: Final = re.compile(r"\s*((?:[0-9A-Fa-f]{2}\s+)*[0-9A-Fa-f]{2})(?=\s|$)")
_IN_BRACKETS: Final = re.compile(r"[^()]*\((-?[0-9]+)\)")
_PLAIN: Final = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?(?:\s.*|%)?", re.DOTALL)
_REMEDY: Final = "walk again with snmpwalk -On -Oe, without -Oq, -OQ or -Ov"


def is_walk(line: str) -> bool:
    """Whether a line looks like the beginning of one of snmpwalk's values."""
    return any(shape.fullmatch(line) for shape in (_START, _NUMBERED, _NAMELESS))


class _UnknownError(ValueError):
    """A value or name in symbols that are not known: left out, and said so."""


class _WrongError(ValueError):
    """A value that is none."""


def walk_to_rows(path: Path, text: bytes) -> tuple[bytes, list[str]]:
    """The same values as `OID|TAG|VALUE` lines, and one sentence for each kind of thing left out.

    Raises RecordingError for a line that is neither a value, nor part of one, nor a remark of the tool.
    """
    rows = bytearray()
    unknown: list[tuple[int, str]] = []
    notes: list[str] = []
    for line, name, value in _values(path, text, notes):
        try:
            rows += _row(name, value)
        except _UnknownError as error:
            unknown.append((line, str(error)))
        except (_WrongError, ValueError) as error:
            raise fault(path, line, f"{name}: {error}; {_REMEDY}") from None
    if unknown:
        line, first = unknown[0]
        shown = " ".join(first.split())[:80]
        sentence = f"{len(unknown)} in symbols of MIBs that netmon does not know, {shown} (line {line}) the first"
        if not rows:
            raise fault(path, line, f"{sentence}; {_REMEDY}")
        notes.append(f"{sentence}; left out, {_REMEDY}")
    return bytes(rows), notes


def _values(path: Path, text: bytes, notes: list[str]) -> Iterator[tuple[int, str, str]]:
    """(line, name, value) of each value, those over several lines joined by line feeds."""
    held: tuple[int, str, list[str]] | None = None
    for number, raw in enumerate(text.removesuffix(b"\n").split(b"\n"), 1):
        # Latin-1 keeps every octet as it is.
        line = raw.removesuffix(b"\r").decode("latin-1")
        start = None if held is not None and _is_open(held[2]) else _start(line)
        if start is None and held is not None and held[2][0].startswith(_OF_LINES) and not line.startswith(_CHATTER):
            held[2].append(line)
            continue
        if held is not None:
            yield held[0], held[1], "\n".join(held[2])
            held = None
        if start is not None:
            held = number, start[1], [start[2]]
        elif line.startswith(_BROKEN_OFF):
            notes.append(f"the walk broke off at line {number} ({line[:60].strip()}); walk the rest too")
        elif line.strip() and not line.startswith(_CHATTER):
            raise fault(
                path, number, f"{line[:60]!r} is not NAME = TYPE: VALUE; correct or remove the line, or {_REMEDY}"
            )
    if held is not None:
        yield held[0], held[1], "\n".join(held[2])


def _start(line: str) -> re.Match[str] | None:
    return _START.fullmatch(line) or _NUMBERED.fullmatch(line)


def _is_open(lines: list[str]) -> bool:
    """Whether a quoted string has begun and not ended."""
    first = lines[0].removeprefix("STRING: ")
    if not first.startswith('"'):
        return False
    ends = len(lines) > 1 or len(first) > 1
    last = lines[-1].rstrip()
    escapes = len(last) - len(last.removesuffix('"').rstrip("\\")) - 1
    return not (ends and last.endswith('"') and escapes % 2 == 0)


def _row(name: str, value: str) -> bytes:
    """One row, or nothing for an exception. Raises _UnknownError and _WrongError."""
    value = _WRONG_TYPE.sub("", value, count=1)
    if value.startswith(_ABSENT):
        return b""
    oid = oid_of(name)
    if oid is None or len(oid) < 2:
        raise _UnknownError(name)
    tag, content = _decoded(value)
    return f"{format_oid(oid)}|{tag}|{content}\n".encode("ascii")


def _decoded(value: str) -> tuple[str, str]:
    """TAG and VALUE of a row."""
    stripped = value.strip()
    if stripped in ('""', ""):
        return "4x", ""
    if stripped.isascii() and stripped.isdigit():
        # -Ot: of all types, only TimeTicks are printed without theirs.
        return "67", stripped
    if stripped.startswith('"'):
        return "4x", _hex(_quoted(stripped))
    typed = _TYPE.match(value)
    if stripped == "NULL" or (typed and typed[1] == "NULL"):
        return "5", ""
    read = _TYPES.get(typed[1].casefold()) if typed else None
    if typed is None or read is None:
        raise _WrongError(f"{value.strip()[:40]!r} does not say its type")
    return read(typed[2])


def _string(value: str) -> tuple[str, str]:
    stripped = value.strip()
    if stripped.startswith('"'):
        return "4x", _hex(_quoted(stripped))
    if _OCTETS_AS_COLONS.fullmatch(stripped):
        return "4x", "".join(pair.zfill(2) for pair in stripped.split(":"))
    return "4x", _hex(value.rstrip("\n"))


def _quoted(value: str) -> str:
    """What stands between the quotes, where snmpwalk writes a backslash before quotes and backslashes."""
    return re.sub(r"\\([\"\\])", r"\1", value[1:].removesuffix('"'))


def _hex(text: str) -> str:
    return text.encode("latin-1").hex()


def _octets(value: str) -> tuple[str, str]:
    """The pairs each line begins with; after them, -OT shows the same octets as text."""
    pairs = [_PAIRS.match(line) for line in value.split("\n") if line.strip()]
    if None in pairs:
        raise _WrongError(f"{value.strip()[:40]!r} is not in pairs of hexadecimal digits")
    return "4x", "".join(re.sub(r"\s+", "", found[1]) for found in pairs if found)


def _number(tag: str) -> Callable[[str], tuple[str, str]]:
    def read(value: str) -> tuple[str, str]:
        named, plain = _IN_BRACKETS.match(value), _PLAIN.fullmatch(value.strip())
        if plain is not None:
            # A DISPLAY-HINT d-N (RFC 2579 section 3.1) only moves the point.
            return tag, plain[1] + (plain[2] or "")
        if named is not None:
            return tag, named[1]
        word = value.strip()
        if tag == "2" and re.fullmatch(r"[A-Za-z][\w-]*", word):
            raise _UnknownError(word)
        raise _WrongError(f"{word[:40]!r} is not a number")

    return read


def _object_id(value: str) -> tuple[str, str]:
    oid: Oid | None = oid_of(value.strip())
    if oid is None:
        raise _UnknownError(value.strip())
    return "6", format_oid(oid if len(oid) > 1 else (*oid, 0))


def _address(value: str) -> tuple[str, str]:
    stripped = value.strip()
    if re.fullmatch(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){3}", stripped):
        return "64x", "".join(pair.zfill(2) for pair in stripped.split(":"))
    try:
        return "64x", ipaddress.IPv4Address(stripped).packed.hex()
    except ValueError:
        raise _WrongError(f"{value.strip()[:40]!r} is not an IPv4 address") from None


def _opaque(value: str) -> tuple[str, str]:
    """Net-SNMP's floats in their BER wrapping; other contents in hexadecimal."""
    kind, _, number = value.partition(":")
    if kind.strip().casefold() == "float":
        return "68x", "9f7804" + struct.pack(">f", float(number)).hex()
    pairs = _PAIRS.match(value)
    if pairs is None:
        raise _UnknownError(f"Opaque: {value.strip()[:40]}")
    return "68x", re.sub(r"\s+", "", pairs[1])


_TYPES: Final[Mapping[str, Callable[[str], tuple[str, str]]]] = MappingProxyType(
    {
        "string": _string,
        "hex-string": _octets,
        "bits": _octets,
        "integer": _number("2"),
        "integer32": _number("2"),
        "counter32": _number("65"),
        "counter": _number("65"),
        "gauge32": _number("66"),
        "gauge": _number("66"),
        "unsigned32": _number("66"),
        "uinteger32": _number("66"),
        "timeticks": _number("67"),
        "counter64": _number("70"),
        "oid": _object_id,
        "ipaddress": _address,
        "network address": _address,
        "opaque": _opaque,
    }
)
"""By snmpwalk's word for the type, small letters."""
