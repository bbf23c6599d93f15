"""Hypothesis strategies for SMIv2 values and SNMP messages."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st

from netmon.snmp.codec import RFC1442_TAGS, V2C, Message, Pdu, PduKind, Tag, Value, VarBind
from netmon.snmp.oid import Oid

ARC = st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1))
I32 = st.integers(-(2**31), 2**31 - 1)
U32 = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))
U64 = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))


SMIV2: frozenset[int] = frozenset(map(int, Tag))
WHATEVER = SMIV2 | RFC1442_TAGS
"""What is read, although a type was given up."""


@st.composite
def oids(draw: st.DrawFn, max_rest: int = 20) -> Oid:
    root = draw(st.integers(0, 2))
    second = draw(ARC if root == 2 else st.integers(0, 39))
    return (root, second, *draw(st.lists(ARC, max_size=max_rest)))


@st.composite
def tagged(draw: st.DrawFn, tags: Collection[int] = WHATEVER) -> tuple[int, Value]:
    tag = draw(st.sampled_from(sorted(tags)))
    value: Value = None
    if tag == Tag.INTEGER:
        value = draw(I32)
    elif tag in {Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS, 0x47}:
        value = draw(U32)
    elif tag == Tag.COUNTER64:
        value = draw(U64)
    elif tag in {Tag.OCTET_STRING, Tag.OPAQUE, 0x45, 0x03}:
        value = draw(st.binary(max_size=300))
    elif tag == Tag.IP_ADDRESS:
        value = draw(st.binary(min_size=4, max_size=4))
    elif tag == Tag.OID:
        value = draw(oids())
    return tag, value


@st.composite
def varbinds(draw: st.DrawFn, tags: Collection[int] = WHATEVER) -> VarBind:
    return VarBind(draw(oids()), *draw(tagged(tags)))


@st.composite
def messages(draw: st.DrawFn, tags: Collection[int] = SMIV2) -> Message:
    kind = draw(st.sampled_from(PduKind))
    first, second = draw(st.integers(0, 18)), draw(st.integers(0, 2**31 - 1))
    if kind is PduKind.GET_BULK:
        first = draw(st.integers(0, 2**31 - 1))
    found = tuple(draw(st.lists(varbinds(tags), max_size=6)))
    return Message(V2C, draw(st.binary(max_size=40)), Pdu(kind, draw(I32), first, second, found))
