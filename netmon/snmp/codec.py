"""BER of SNMP messages, both ways: X.690 with definite lengths, RFC 1901 messages, RFC 3416 PDUs, RFC 2578 types.

Decoding is one pass without recursion; every length is held against its container, and whatever is wrong
raises SnmpDecodeError. Three liberties are taken, all needed by agents in the field and all unambiguous:
lengths may use more octets than necessary (X.690 8.1.3.5), an unsigned value that fills the whole width of its type
may lack the leading zero octet (read as signed modulo 2^32 or 2^64 it is the same number), and a value may have a
type of RFC 1442 that SMIv2 has since given up: UInteger32, NsapAddress or BIT STRING.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple, NoReturn

from netmon.snmp.errors import SnmpDecodeError, SnmpEncodeError
from netmon.snmp.oid import Oid, decode_oid, format_oid, oid_content

V1: Final = 0
V2C: Final = 1
"""`Message.version` as it stands on the wire; V1 and V2C share this framing."""

Value = int | bytes | Oid | None
"""int for the numeric types, bytes for OCTET STRING, IpAddress (4 octets) and Opaque, None for NULL and exceptions.

Also bytes for NsapAddress and BIT STRING, which begins with the number of its unused bits.
"""


class Tag(IntEnum):
    """BER tags of the SMIv2 types and of the exceptions of RFC 3416."""

    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42  # Unsigned32 too
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


class PduKind(IntEnum):
    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    GET_BULK = 0xA5
    INFORM = 0xA6
    TRAP = 0xA7  # SNMPv2-Trap-PDU
    REPORT = 0xA8


class VarBind(NamedTuple):
    oid: Oid
    tag: int
    """A Tag's number, or one of RFC1442_TAGS."""
    value: Value

    @property
    def is_exception(self) -> bool:
        """noSuchObject, noSuchInstance or endOfMibView: there is no value."""
        return self.tag >= Tag.NO_SUCH_OBJECT


@dataclass(frozen=True, slots=True)
class Pdu:
    kind: PduKind
    request_id: int
    """Signed 32 bits."""
    error_status: int
    """non-repeaters in a GetBulk (RFC 3416 section 3)."""
    error_index: int
    """max-repetitions in a GetBulk."""
    varbinds: tuple[VarBind, ...]

    @property
    def non_repeaters(self) -> int:
        return self.error_status

    @property
    def max_repetitions(self) -> int:
        return self.error_index


@dataclass(frozen=True, slots=True)
class Message:
    version: int
    community: bytes = field(repr=False)
    pdu: Pdu


_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_OID: Final = 0x06
"""Plain, because reaching into an enumeration is what a hot path notices."""
_UINTEGER32: Final = 0x47
_NSAP_ADDRESS: Final = 0x45
_BIT_STRING: Final = 0x03
RFC1442_TAGS: Final = frozenset({_UINTEGER32, _NSAP_ADDRESS, _BIT_STRING})
"""Of types that SMIv2 has given up, and agents have not."""
_BYTES_TAGS: Final = frozenset(
    {int(Tag.OCTET_STRING), int(Tag.OPAQUE), int(Tag.IP_ADDRESS), _NSAP_ADDRESS, _BIT_STRING}
)
_VOID_TAGS: Final = frozenset({5, 0x80, 0x81, 0x82})
_RANGES: Final = {
    int(Tag.INTEGER): (-(1 << 31), (1 << 31) - 1),
    int(Tag.COUNTER32): (0, 0xFFFF_FFFF),
    int(Tag.GAUGE32): (0, 0xFFFF_FFFF),
    int(Tag.TIME_TICKS): (0, 0xFFFF_FFFF),
    int(Tag.COUNTER64): (0, 0xFFFF_FFFF_FFFF_FFFF),
    _UINTEGER32: (0, 0xFFFF_FFFF),
}
_UNSIGNED_WIDTH: Final = {0x41: 4, 0x42: 4, 0x43: 4, 0x46: 8, _UINTEGER32: 4}
NUMBER_WIDTH: Final = {0x02: 4, **_UNSIGNED_WIDTH}
"""By the tags of numbers, the most octets they have, a leading zero not counted."""
_KINDS: Final = {int(kind): kind for kind in PduKind}
WIDEST: Final = bytes(NUMBER_WIDTH.get(tag, 0) + (tag in _UNSIGNED_WIDTH) for tag in range(256))
"""By tag, the most octets a number may have; 0 where it is no number."""
HIGHEST: Final = tuple((1 << 8 * NUMBER_WIDTH.get(tag, 4)) - 1 for tag in range(256))
"""By tag, the highest number."""
_USUAL_PDU: Final = Struct(">BBHHiHbHbHH")
"""Tag and length in three octets; request-id in four, error-status and error-index in one; tag and length again."""


# --- encoding --------------------------------------------------------------------------------


def encode_length(length: int) -> bytes:
    """The length octets before `length` octets of content (X.690 8.1.3)."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x100:
        return bytes((0x81, length))
    if length < 0x1_0000:
        return bytes((0x82, length >> 8, length & 0xFF))
    raise SnmpEncodeError(f"{length} octets do not fit into one SNMP message; at most 65535 do")


def encode_tlv(tag: int, content: bytes) -> bytes:
    """Tag, length and content."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    if 0x100 <= length < 0x1_0000:
        return bytes((tag, 0x82, length >> 8, length & 0xFF)) + content
    return bytes((tag,)) + encode_length(length) + content


def encode_integer(value: int, tag: int = Tag.INTEGER) -> bytes:
    """A number of any numeric type, whole; SnmpEncodeError if it is outside the type's range."""
    low, high = _RANGES[tag]
    if not low <= value <= high:
        raise SnmpEncodeError(f"{value} is outside {low}..{high}, the range of the type 0x{tag:02x}")
    octets = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return bytes((tag, octets)) + value.to_bytes(octets, "big", signed=True)


def encode_oid(oid: Oid) -> bytes:
    """An OBJECT IDENTIFIER, whole (X.690 8.19); SnmpOidError if `oid` is none."""
    return encode_tlv(_OID, oid_content(oid))


def encode_value(tag: int, value: Value) -> bytes:
    """A value with its tag and length; SnmpEncodeError if value and tag do not belong together."""
    if tag in _RANGES and isinstance(value, int):
        return encode_integer(value, tag)
    if tag in _BYTES_TAGS and isinstance(value, bytes):
        if tag == Tag.IP_ADDRESS and len(value) != 4:
            raise SnmpEncodeError(f"an IpAddress has 4 octets, not {len(value)}")
        return encode_tlv(tag, value)
    if tag in _VOID_TAGS and value is None:
        return bytes((tag, 0))
    if tag == Tag.OID and isinstance(value, tuple):
        return encode_oid(value)
    raise SnmpEncodeError(f"a {type(value).__name__} cannot be sent with the tag 0x{tag:02x}")


def encode_varbind(varbind: VarBind) -> bytes:
    """SEQUENCE of name and value, whole."""
    return encode_tlv(_SEQUENCE, encode_oid(varbind[0]) + encode_value(varbind[1], varbind[2]))


def encode_pdu(pdu: Pdu) -> bytes:
    """A PDU, whole; SnmpEncodeError or SnmpOidError if some value fits no SMIv2 type."""
    content = (
        encode_integer(pdu.request_id),
        encode_integer(pdu.error_status),
        encode_integer(pdu.error_index),
        encode_tlv(_SEQUENCE, b"".join(map(encode_varbind, pdu.varbinds))),
    )
    return encode_tlv(pdu.kind, b"".join(content))


def encode_request(kind: PduKind, names: Iterable[bytes], max_repetitions: int = 0) -> Callable[[int], bytes]:
    """What makes the PDU of a request-id: a request for the variables whose encoded OIDs are given."""
    varbinds = b"".join([encode_tlv(_SEQUENCE, name + b"\x05\x00") for name in names])
    tail = b"\x02\x01\x00" + encode_integer(max_repetitions) + encode_tlv(_SEQUENCE, varbinds)
    return lambda request_id: encode_tlv(kind, encode_integer(request_id) + tail)


def encode_community_message(version: int, community: bytes, pdu: bytes) -> bytes:
    """The datagram of an encoded PDU under a community (RFC 1901 section 3)."""
    return encode_tlv(_SEQUENCE, encode_integer(version) + encode_tlv(Tag.OCTET_STRING, community) + pdu)


def encode_message(message: Message) -> bytes:
    """The datagram; SnmpEncodeError or SnmpOidError if some value fits no SMIv2 type."""
    return encode_community_message(message.version, message.community, encode_pdu(message.pdu))


# --- decoding --------------------------------------------------------------------------------


def fail(reason: str, offset: int) -> NoReturn:
    raise SnmpDecodeError(reason, offset)


class Envelope(NamedTuple):
    """What surrounds the PDU of a community message."""

    version: int
    community: bytes
    pdu_at: int
    """Offset of the PDU, which ends with the datagram."""


class PduHead(NamedTuple):
    """A PDU up to its variable-bindings; the integers are those of Pdu."""

    kind: PduKind
    request_id: int
    error_status: int
    error_index: int
    varbinds_at: int
    """Offset of the first variable-binding; the last one ends with the data."""


def decode_message(data: bytes) -> Message:
    """The message in one datagram; SnmpDecodeError if it is not exactly one well-formed v1 or v2c message.

    A v1 Trap-PDU, which is framed differently (RFC 1157 section 4.1.6), is refused too.
    """
    version, community, at = open_envelope(data)
    kind, request_id, error_status, error_index, at = open_pdu(data, at)
    return Message(version, community, Pdu(kind, request_id, error_status, error_index, decode_varbinds(data, at)))


def open_envelope(data: bytes) -> Envelope:
    """Version and community of a datagram; SnmpDecodeError as decode_message."""
    total = len(data)
    at, end = expect_tlv(data, 0, total, _SEQUENCE, "the message")
    if end != total:
        fail(f"{total - end} octets follow the message", end)
    version, at = expect_integer(data, at, end)
    if version not in {V1, V2C}:
        fail(f"version number {version} is neither v1 (0) nor v2c (1)", at - 1)
    start, at = expect_tlv(data, at, end, Tag.OCTET_STRING, "the community")
    return Envelope(version, data[start:at], at)


def open_pdu(data: bytes, at: int) -> PduHead:
    """The head of the PDU that fills `data` from `at` on; SnmpDecodeError as decode_message."""
    return _usual_pdu(data, at) or _any_pdu(data, at)


def _usual_pdu(data: bytes, at: int) -> PduHead | None:
    """The same, if it is laid out as that of a reply of a few hundred octets usually is."""
    total = len(data)
    if total - at < _USUAL_PDU.size:
        return None
    tag, form, length, first, request_id, second, status, third, index, fourth, rest = _USUAL_PDU.unpack_from(data, at)
    kind = _KINDS.get(tag)
    if (
        kind is None
        or form != 0x82
        or length != total - at - 4
        or first != 0x0204
        or second != 0x0201
        or third != 0x0201
        or fourth != 0x3082
        or rest != total - at - _USUAL_PDU.size
    ):
        return None
    return PduHead(kind, request_id, status, index, at + _USUAL_PDU.size)


def _any_pdu(data: bytes, at: int) -> PduHead:
    total = len(data)
    kind = _KINDS.get(data[at]) if at < total else None
    if kind is None:
        fail("no PDU of a known kind where one must be", at)
    at, end = expect_tlv(data, at, total, kind, "the PDU")
    if end != total:
        fail("octets follow the PDU", end)
    request_id, at = expect_integer(data, at, end)
    error_status, at = expect_integer(data, at, end)
    error_index, at = expect_integer(data, at, end)
    at, stop = expect_tlv(data, at, end, _SEQUENCE, "the variable-bindings")
    if stop != end:
        fail("octets follow the variable-bindings", stop)
    return PduHead(kind, request_id, error_status, error_index, at)


def expect_tlv(data: bytes, at: int, end: int, tag: int, what: str) -> tuple[int, int]:
    """Start and end of the content of the TLV at `at`, which must have this tag and lie before `end`."""
    if at + 2 > end:
        fail(f"{what} is missing", at)
    if data[at] != tag:
        fail(f"{what} has the tag 0x{data[at]:02x} instead of 0x{tag:02x}", at)
    stop = at + 2 + data[at + 1]
    # Lengths below 128, the usual case, are read in place.
    if stop <= end and data[at + 1] < 0x80:
        return at + 2, stop
    return _content(data, at, end)


def _content(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of the content of the TLV at `at`, whatever its tag; at + 2 <= end is known."""
    length = data[at + 1]
    start = at + 2
    if length >= 0x80:
        octets = length & 0x7F
        if not octets:
            fail("indefinite length, which SNMP forbids (RFC 3417 section 8)", at + 1)
        if octets > 4 or start + octets > end:
            fail("a length of more octets than a datagram can need", at + 1)
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    stop = start + length
    if stop > end:
        fail(f"a length of {length} octets where {end - start} are left", at + 1)
    return start, stop


def expect_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A signed 32-bit INTEGER and where it ends."""
    start, stop = expect_tlv(data, at, end, _INTEGER, "an INTEGER")
    if not 1 <= stop - start <= 4:
        fail(f"an INTEGER of {stop - start} octets; it has 1 to 4", start)
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def decode_varbinds(data: bytes, at: int) -> tuple[VarBind, ...]:
    """The variable-bindings that fill `data` from `at` on; SnmpDecodeError as decode_message."""
    end = len(data)
    found: list[VarBind] = []
    append, make, from_bytes = found.append, tuple.__new__, int.from_bytes
    while at + 4 <= end:
        # Lengths below 128 and numbers without their highest bit, the usual case, are read in place: this loop is
        # what decoding costs. Whatever is otherwise is left to _varbind and decode_value.
        size, middle = data[at + 1], at + 4 + data[at + 3]
        stop = at + 2 + size
        start = middle + 2
        if (
            stop > end
            or start > stop
            or size > 0x7F
            or data[at] != _SEQUENCE
            or data[at + 2] != _OID
            or data[middle + 1] != stop - start
        ):
            varbind, at = _varbind(data, at, end)
            append(varbind)
            continue
        oid = decode_oid(data[at + 4 : middle], at + 4)
        tag = data[middle]
        content = data[start:stop]
        value: Value
        if content and stop - start <= WIDEST[tag] and content[0] < 0x80:
            value = from_bytes(content, "big")
            if value > HIGHEST[tag]:
                value = decode_value(tag, content, start)
        else:
            value = decode_value(tag, content, start)
        append(make(VarBind, (oid, tag, value)))
        at = stop
    while at < end:
        varbind, at = _varbind(data, at, end)
        append(varbind)
    return tuple(found)


def _varbind(data: bytes, at: int, end: int) -> tuple[VarBind, int]:
    """The variable-binding at `at`, however its lengths are written, and where it ends."""
    start, stop = expect_tlv(data, at, end, _SEQUENCE, "a variable-binding")
    name, middle = expect_tlv(data, start, stop, Tag.OID, "a variable's name")
    oid = decode_oid(data[name:middle], name)
    if middle + 2 > stop:
        fail(f"the value of {format_oid(oid)} is missing", middle)
    low, high = _content(data, middle, stop)
    if high != stop:
        fail(f"octets follow the value of {format_oid(oid)}", high)
    tag = data[middle]
    return VarBind(oid, tag, decode_value(tag, data[low:high], low)), stop


def decode_value(tag: int, content: bytes, offset: int) -> Value:
    """The value of a known type from its content octets, `offset` being where they stand; SnmpDecodeError if wrong."""
    width = _UNSIGNED_WIDTH.get(tag)
    if width is not None:
        return _unsigned(content, width, offset)
    if tag == Tag.INTEGER:
        if not 1 <= len(content) <= 4:
            fail(f"an INTEGER of {len(content)} octets; it has 1 to 4", offset)
        return int.from_bytes(content, "big", signed=True)
    if tag in _BYTES_TAGS:
        if tag == Tag.IP_ADDRESS and len(content) != 4:
            fail(f"an IpAddress of {len(content)} octets; it has 4", offset)
        return content
    if tag == Tag.OID:
        # An empty OID is how some agents send zeroDotZero (0.0) as a value.
        return decode_oid(content, offset) if content else (0, 0)
    if tag in _VOID_TAGS:
        if content:
            fail(f"NULL or an exception with {len(content)} octets of content", offset)
        return None
    fail(f"a value with the unknown tag 0x{tag:02x}", offset)


def _unsigned(content: bytes, width: int, offset: int) -> int:
    """A value of 0..2^(8*width)-1."""
    octets = len(content)
    if not octets or octets > width + 1 or (octets > width and content[0]):
        fail(f"an unsigned value of {octets} octets; it has 1 to {width}, or {width + 1} with a leading zero", offset)
    if octets < width and content[0] & 0x80:
        fail("a negative value where only unsigned ones exist", offset)
    return int.from_bytes(content, "big")
