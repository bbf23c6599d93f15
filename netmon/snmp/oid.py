"""Object identifiers as tuples of integers, which order as SNMP orders them (RFC 2578 section 3.5)."""

from __future__ import annotations

import re
from typing import Final

from netmon.snmp.errors import SnmpOidError

Oid = tuple[int, ...]

MAX_ARC: Final = 0xFFFF_FFFF
MAX_LENGTH: Final = 128
"""Sub-identifiers in one OID."""

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
