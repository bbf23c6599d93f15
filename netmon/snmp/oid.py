"""Object identifiers as tuples of integers, which order as SNMP orders them (RFC 2578 section 3.5), and as octets."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from netmon.snmp.errors import SnmpDecodeError, SnmpOidError

Oid = tuple[int, ...]

MAX_ARC: Final = 0xFFFF_FFFF
MAX_LENGTH: Final = 128
"""Sub-identifiers in one OID."""

_LOW: Final = bytes(range(0x80))
"""Octets that end a number."""
_DOTTED: Final = re.compile(r"\.?[0-9]{1,10}(?:\.[0-9]{1,10})+", re.ASCII)


def parse_oid(text: str) -> Oid:
    """`1.3.6.1` (a leading dot is allowed) as a tuple; SnmpOidError if it is none."""
    if not _DOTTED.fullmatch(text):
        raise SnmpOidError(f"{text!r} is not an object identifier; write numbers with dots between, like 1.3.6.1.2.1")
    return check_oid(tuple(map(int, text.lstrip(".").split("."))))


def check_oid(oid: Oid) -> Oid:
    """`oid` itself, if BER can carry it (X.690 8.19) and SMIv2 permits it; else SnmpOidError."""
    if not 2 <= len(oid) <= MAX_LENGTH:
        raise SnmpOidError(f"{format_oid(oid) or 'an empty OID'} has {len(oid)} numbers; it needs 2 to {MAX_LENGTH}")
    if not 0 <= oid[0] <= 2 or (oid[0] < 2 and oid[1] > 39):
        raise SnmpOidError(f"{format_oid(oid)} cannot exist: it starts with 0.0-0.39, 1.0-1.39 or 2")
    if max(oid) > MAX_ARC or min(oid) < 0:
        raise SnmpOidError(f"{format_oid(oid)} has a number outside 0..{MAX_ARC}")
    return oid


def format_oid(oid: Oid) -> str:
    """Dotted decimal, without a leading dot."""
    return ".".join(map(str, oid))


def oid_content(oid: Oid) -> bytes:
    """The content octets of an OID (X.690 8.19); SnmpOidError if `oid` is none."""
    check_oid(oid)
    first = oid[0] * 40 + oid[1]
    rest = oid[2:]
    if first < 0x80 and max(rest, default=0) < 0x80:
        return bytes((first, *rest))
    content = bytearray()
    for arc in (first, *rest):
        if arc < 0x80:
            content.append(arc)
        else:
            shift = (arc.bit_length() - 1) // 7 * 7
            while shift:
                content.append(0x80 | (arc >> shift) & 0x7F)
                shift -= 7
            content.append(arc & 0x7F)
    return bytes(content)


def decode_oid(content: bytes, offset: int) -> Oid:
    """An OID from its content octets (X.690 8.19); `offset` is where they stand in the message.

    SnmpDecodeError if they are none.
    """
    if not content or content[-1] & 0x80:
        _fail("an OID that ends in the middle of a number, or is empty", offset)
    # Numbers above 127, of several octets, are usually few and last.
    rest = content.lstrip(_LOW)
    if not rest:
        if len(content) >= MAX_LENGTH:
            _fail(f"an OID of {len(content) + 1} numbers; at most {MAX_LENGTH} are allowed", offset)
        first = content[0]
        root = first // 40 if first < 80 else 2
        return (root, first - root * 40, *content[1:])
    numbers = _arcs(rest, offset)
    arcs = [*content[: -len(rest)], *numbers]
    if len(arcs) >= MAX_LENGTH:
        _fail(f"an OID of {len(arcs) + 1} numbers; at most {MAX_LENGTH} are allowed", offset)
    first = arcs[0]
    root = first // 40 if first < 80 else 2
    arcs[0] -= root * 40
    if max(arcs) > MAX_ARC:
        _fail(f"an OID with a number above {MAX_ARC}", offset)
    return (root, *arcs)


def decode_index(content: bytes, offset: int) -> Oid:
    """The numbers that follow others in an OID, from their octets; else as decode_oid."""
    if not content or content[-1] & 0x80:
        _fail("an OID that ends in the middle of a number, or is empty", offset)
    numbers = tuple(content) if content.isascii() else tuple(_arcs(content, offset))
    if max(numbers) > MAX_ARC:
        _fail(f"an OID with a number above {MAX_ARC}", offset)
    return numbers


def _arcs(content: bytes, offset: int) -> list[int]:
    """The numbers of an OID whose content does not end in the middle of one; the last octet of each is unchecked."""
    arcs: list[int] = []
    arc = 0
    for octet in content:
        if octet & 0x80:
            if octet == 0x80 and not arc:
                _fail("an OID with a number padded by zeros (X.690 8.19.2)", offset)
            arc = arc << 7 | octet & 0x7F
            if arc > MAX_ARC:
                _fail(f"an OID with a number above {MAX_ARC}", offset)
        else:
            arcs.append(arc << 7 | octet)
            arc = 0
    return arcs


def _fail(reason: str, offset: int) -> NoReturn:
    raise SnmpDecodeError(reason, offset)
