from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from snmp.strategies import WHATEVER, messages, varbinds
from support.processor import processor_time

from netmon.snmp.codec import (
    V2C,
    Message,
    Pdu,
    PduKind,
    Tag,
    Value,
    VarBind,
    _any_pdu,
    _usual_pdu,
    _varbind,
    decode_message,
    decode_varbinds,
    encode_integer,
    encode_message,
    encode_oid,
    encode_tlv,
    encode_value,
    encode_varbind,
)
from netmon.snmp.errors import SnmpDecodeError, SnmpEncodeError, SnmpOidError

NAME = bytes.fromhex("06082b06010201010300")
BOUND_S = 1
"""On one example; it takes less than a thousandth."""


def datagram(varbinds: bytes) -> bytes:
    """A response around encoded varbinds, whatever they are."""
    pdu = b"\x02\x01\x05\x02\x01\x00\x02\x01\x00" + encode_tlv(0x30, varbinds)
    return encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + encode_tlv(0xA2, pdu))


def with_value(value: bytes) -> bytes:
    return datagram(encode_tlv(0x30, NAME + value))


def value_of(data: bytes) -> VarBind:
    return decode_message(data).pdu.varbinds[0]


@given(messages(WHATEVER))
@settings(max_examples=150, deadline=None)
def test_a_message_survives_encoding_and_decoding(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x30")
@example(b"\x30\x84\xff\xff\xff\xff")
@settings(max_examples=200)
@processor_time(BOUND_S)
def test_arbitrary_octets_raise_a_decode_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(SnmpDecodeError):
        decode_message(data)


@given(messages(WHATEVER), st.data())
@settings(max_examples=300)
@processor_time(BOUND_S)
def test_a_mutated_message_decodes_or_raises_a_decode_error_and_nothing_else(
    message: Message, data: st.DataObject
) -> None:
    octets = bytearray(encode_message(message))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(octets) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert", "drop"])):
            case "set":
                octets[place] = data.draw(st.integers(0, 255))
            case "cut" if place:
                del octets[place:]
            case "insert":
                octets.insert(place, data.draw(st.integers(0, 255)))
            case _ if len(octets) > 1:
                del octets[place]
    try:
        decoded = decode_message(bytes(octets))
    except SnmpDecodeError:
        return
    assert decode_message(encode_message(decoded)) == decoded


def mutate(octets: bytearray, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(octets) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert", "drop"])):
            case "set":
                octets[place] = data.draw(
                    st.sampled_from([*range(10), 0x30, 0x41, 0x45, 0x46, 0x47, 0x7F, 0x80, 0x81, 0x82, 0xFF])
                )
            case "cut" if place:
                del octets[place:]
            case "insert":
                octets.insert(place, data.draw(st.integers(0, 255)))
            case _ if len(octets) > 1:
                del octets[place]


def read(decode: Callable[[bytes], Iterable[VarBind]], data: bytes) -> list[VarBind] | str:
    """The variables, or why there are none."""
    try:
        return list(decode(data))
    except SnmpDecodeError as error:
        return str(error)


def slowly(data: bytes) -> Iterable[VarBind]:
    """By the decoder of one variable-binding however it is laid out."""
    at = 0
    while at < len(data):
        varbind, at = _varbind(data, at, len(data))
        yield varbind


@given(st.lists(varbinds(), min_size=1, max_size=4), st.data())
@settings(max_examples=300, deadline=None)
def test_variables_read_in_place_are_those_the_generic_decoder_reads(found: list[VarBind], data: st.DataObject) -> None:
    octets = bytearray(b"".join(map(encode_varbind, found)))
    mutate(octets, data)
    assert read(lambda raw: decode_varbinds(raw, 0), bytes(octets)) == read(slowly, bytes(octets))


def test_no_octet_of_a_pdu_of_the_usual_layout_can_differ_unnoticed() -> None:
    head = encode_integer(0x4000_0000) + encode_integer(0) * 2
    whole = encode_tlv(PduKind.RESPONSE, head + encode_tlv(0x30, bytes(300)))
    for place in range(len(whole) - 290):
        for changed in range(256):
            data = whole[:place] + bytes((changed,)) + whole[place + 1 :]
            found = _usual_pdu(data, 0)
            assert found is None or found == _any_pdu(data, 0)
    assert _usual_pdu(whole[:-1], 0) is _usual_pdu(whole + b"\0", 0) is None


@given(messages(), st.integers(0, 300), st.data())
@settings(max_examples=200, deadline=None)
def test_a_pdu_of_the_usual_layout_is_opened_as_any_other(message: Message, filling: int, data: st.DataObject) -> None:
    pdu = message.pdu
    octets = bytearray(
        encode_tlv(
            pdu.kind,
            encode_integer(0x4000_0000)
            + encode_integer(pdu.error_status % 128)
            + encode_integer(pdu.error_index % 128)
            + encode_tlv(0x30, bytes(filling)),
        )
    )
    assert (_usual_pdu(bytes(octets), 0) is None) == (filling < 256)
    mutate(octets, data)
    found = _usual_pdu(bytes(octets), 0)
    assert found is None or found == _any_pdu(bytes(octets), 0)


@given(messages(), st.binary(min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_octets_after_a_message_are_refused(message: Message, more: bytes) -> None:
    with pytest.raises(SnmpDecodeError, match="follow the message"):
        decode_message(encode_message(message) + more)


@pytest.mark.parametrize(
    ("value", "tag", "expected"),
    [
        ("0201ff", Tag.INTEGER, -1),
        ("020480000000", Tag.INTEGER, -(2**31)),
        ("02020001", Tag.INTEGER, 1),  # one octet too many, still within the width
        ("4105 00ffffffff", Tag.COUNTER32, 2**32 - 1),
        ("4104 ffffffff", Tag.COUNTER32, 2**32 - 1),  # the leading zero forgotten
        ("4608 ffffffffffffffff", Tag.COUNTER64, 2**64 - 1),
        ("4609 00ffffffffffffffff", Tag.COUNTER64, 2**64 - 1),
        ("4301 7f", Tag.TIME_TICKS, 127),
        ("4281 0105", Tag.GAUGE32, 5),  # length in the long form
        ("0482 000161", Tag.OCTET_STRING, b"a"),
        ("0400", Tag.OCTET_STRING, b""),
        ("4004 7f000001", Tag.IP_ADDRESS, b"\x7f\0\0\1"),
        ("4401 9f", Tag.OPAQUE, b"\x9f"),
        ("0600", Tag.OID, (0, 0)),  # zeroDotZero as some agents send it
        ("0602 8837", Tag.OID, (2, 999)),
        ("0605 8fffffff7f", Tag.OID, (2, 2**32 - 1 - 80)),
        ("4701 05", 0x47, 5),  # UInteger32 of RFC 1442
        ("4705 00ffffffff", 0x47, 2**32 - 1),
        ("4704 ffffffff", 0x47, 2**32 - 1),
        ("4503 490001", 0x45, b"\x49\0\1"),  # its NsapAddress
        ("0302 0780", 0x03, b"\x07\x80"),  # its BIT STRING, the unused bits counted first
        ("0500", Tag.NULL, None),
        ("8000", Tag.NO_SUCH_OBJECT, None),
        ("8100", Tag.NO_SUCH_INSTANCE, None),
        ("8200", Tag.END_OF_MIB_VIEW, None),
    ],
)
def test_a_value_is_read_as_its_type_says(value: str, tag: int, expected: Value) -> None:
    varbind = value_of(with_value(bytes.fromhex(value)))
    assert (varbind.tag, varbind.value) == (tag, expected)
    assert varbind.is_exception == (tag >= Tag.NO_SUCH_OBJECT)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("0200", "INTEGER of 0 octets"),
        ("02050000000001", "INTEGER of 5 octets"),
        ("4100", "unsigned value of 0 octets"),
        ("410501ffffffff", "unsigned value of 5 octets"),
        ("4106000000000001", "unsigned value of 6 octets"),
        ("4101ff", "negative"),
        ("46098000000000000000ff", "unsigned value of 9 octets"),
        ("4608", "a length of 8 octets where 0 are left"),
        ("0480", "indefinite"),
        ("048561", "more octets than"),
        ("04820001", "a length of 1 octets where 0 are left"),
        ("4003010203", "IpAddress of 3 octets"),
        ("050100", "NULL or an exception"),
        ("810100", "NULL or an exception"),
        ("0601ff", "middle of a number"),
        ("06038080 01", "padded by zeros"),
        ("060690808080 8001", "above 4294967295"),
        ("0605 90808080 50", "above 4294967295"),
        ("0681 81" + "01" * 129, "an OID of 130 numbers"),
        ("4700", "unsigned value of 0 octets"),
        ("4701ff", "negative"),
        ("470501ffffffff", "unsigned value of 5 octets"),
        ("4801ff", "unknown tag 0x48"),
        ("2401ff", "unknown tag 0x24"),
        ("", "value of 1.3.6.1.2.1.1.3.0 is missing"),
        ("02010105", "octets follow the value of 1.3.6.1.2.1.1.3.0"),
    ],
)
def test_a_malformed_value_is_refused_with_the_reason_and_the_place(value: str, reason: str) -> None:
    with pytest.raises(SnmpDecodeError, match=reason) as caught:
        decode_message(with_value(bytes.fromhex(value)))
    assert "at octet" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("3080020101040670", "indefinite"),
        ("310502010104 00", "tag 0x31 instead of 0x30"),
        ("300702010304 00a200", "version number 3"),
        ("3003020101", "the community is missing"),
        ("3005 0201010400", "no PDU of a known kind"),
        ("3007 0201010400a400", "no PDU of a known kind"),
        ("3009 0201010400a2000500", "octets follow the PDU"),
        ("3013 0201010400a20b 020101 020100 020100 3000", "a length of 19 octets where 18 are left"),
        ("3014 0201010400a20d 020101 020100 020100 3000 0500", "octets follow the variable-bindings"),
    ],
)
def test_a_malformed_frame_is_refused_with_the_reason(data: str, reason: str) -> None:
    with pytest.raises(SnmpDecodeError, match=reason):
        decode_message(bytes.fromhex(data))


def test_sequences_nested_a_thousand_deep_are_refused_without_recursion() -> None:
    nest = b""
    for _ in range(1000):
        nest = encode_tlv(0x30, nest)
    with pytest.raises(SnmpDecodeError):
        decode_message(datagram(nest))


def test_the_largest_datagram_is_decoded_or_refused_in_bounded_time() -> None:
    longest = b"\x06\x82\xf0\x00" + b"\x81" * 0xEFFF + b"\x01"
    many = encode_tlv(0x30, NAME + b"\x05\x00") * 4000
    started = time.process_time()
    with pytest.raises(SnmpDecodeError):
        decode_message(datagram(encode_tlv(0x30, longest)))
    assert len(decode_message(datagram(many)).pdu.varbinds) == 4000
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Tag.INTEGER, 2**31),
        (Tag.INTEGER, -(2**31) - 1),
        (Tag.COUNTER32, 2**32),
        (Tag.GAUGE32, -1),
        (Tag.COUNTER64, 2**64),
        (Tag.IP_ADDRESS, b"\x01"),
        (Tag.OCTET_STRING, 5),
        (Tag.INTEGER, b"5"),
        (Tag.NULL, 0),
        (0x47, 2**32),
        (0x45, 1),
        (0x48, 1),
        (Tag.OCTET_STRING, b"x" * 65536),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_not_encoded(tag: int, value: Value) -> None:
    with pytest.raises(SnmpEncodeError):
        encode_value(tag, value)


@pytest.mark.parametrize("oid", [(), (1,), (3, 1), (0, 40), (1, -3), (1, 3, 2**32), (2,) * 129])
def test_what_is_no_oid_is_not_encoded(oid: tuple[int, ...]) -> None:
    with pytest.raises(SnmpOidError):
        encode_oid(oid)


@pytest.mark.parametrize(("value", "octets"), [(0, 1), (127, 1), (128, 2), (-128, 1), (-129, 2), (2**31 - 1, 4)])
def test_integers_take_as_few_octets_as_possible(value: int, octets: int) -> None:
    assert encode_integer(value)[:2] == bytes((Tag.INTEGER, octets))


def test_a_getbulk_shares_the_two_integers_with_the_error_fields() -> None:
    pdu = Pdu(PduKind.GET_BULK, 1, 2, 30, ())
    assert (pdu.non_repeaters, pdu.max_repetitions) == (2, 30)


def test_a_message_does_not_show_its_community() -> None:
    assert "hush" not in repr(Message(V2C, b"hush", Pdu(PduKind.GET, 1, 0, 0, ())))
