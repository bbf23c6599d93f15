from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder  # type: ignore[import-untyped]
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message  # type: ignore[import-untyped]
from snmp.strategies import messages
from support.processor import processor_time

from netmon.snmp.codec import Message, Tag, decode_varbinds, encode_integer, encode_pdu, encode_tlv, open_pdu
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.v3 import (
    Level,
    SecureMessage,
    decode_secure,
    encode_scoped,
    encode_secure,
    is_v3,
    message_id_of,
    open_scoped,
)

NATURAL = st.one_of(st.integers(0, 300), st.integers(0, 2**31 - 1))
ENGINE = b"\x80\x00\x00\x00\x04test"


@st.composite
def written(draw: st.DrawFn) -> tuple[dict[str, Any], bytes, int]:
    """Fields, and what encode_secure makes of them."""
    level = draw(st.sampled_from(Level))
    data = draw(st.binary(max_size=300))
    fields = {
        "message_id": draw(NATURAL),
        "level": level,
        "reportable": draw(st.booleans()),
        "engine_id": draw(st.binary(max_size=32)),
        "boots": draw(NATURAL),
        "time": draw(NATURAL),
        "user": draw(st.binary(max_size=32)),
        "mac_octets": draw(st.sampled_from((12, 16, 24, 32, 48))) if level else 0,
        "salt": draw(st.binary(min_size=8, max_size=8)) if level is Level.AUTH_PRIV else b"",
        "data": data if level is Level.AUTH_PRIV else encode_scoped(ENGINE, b"", data),
    }
    return fields, *encode_secure(**fields)


@given(written())
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_again(case: tuple[dict[str, Any], bytes, int]) -> None:
    fields, raw, mac_at = case
    message = decode_secure(raw)
    assert is_v3(raw)
    assert message_id_of(raw) == fields["message_id"]
    assert raw[message.data_at :] == fields["data"]
    assert message.mac_at == mac_at
    assert raw[mac_at : mac_at + message.mac_octets] == bytes(fields["mac_octets"])
    for name, value in fields.items():
        if name != "data":
            assert getattr(message, name) == value


@given(written())
@settings(max_examples=30, deadline=None)
def test_pysnmp_reads_what_we_write_and_writes_it_the_same(case: tuple[dict[str, Any], bytes, int]) -> None:
    fields, raw, _ = case
    if fields["level"] is not Level.AUTH_PRIV:
        fields = fields | {"level": Level.AUTH_PRIV}
        raw, _ = encode_secure(**fields)
    oracle, rest = decoder.decode(raw, asn1Spec=SNMPv3Message())
    assert rest == b""
    header = oracle["msgGlobalData"]
    assert int(oracle["msgVersion"]) == 3
    assert int(header["msgID"]) == fields["message_id"]
    assert bytes(header["msgFlags"]) == bytes([3 | (4 if fields["reportable"] else 0)])
    assert int(header["msgSecurityModel"]) == 3
    assert bytes(oracle["msgData"]["encryptedPDU"]) == fields["data"]
    security, _ = decoder.decode(bytes(oracle["msgSecurityParameters"]))
    assert [bytes(security[i]) if i not in {1, 2} else int(security[i]) for i in range(6)] == [
        fields["engine_id"],
        fields["boots"],
        fields["time"],
        fields["user"],
        bytes(fields["mac_octets"]),
        fields["salt"],
    ]
    assert encoder.encode(oracle) == raw


@given(messages(), st.binary(max_size=32), st.binary(max_size=40), st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_a_scoped_pdu_is_read_again_whatever_pads_it(
    message: Message, engine_id: bytes, context: bytes, padding: int
) -> None:
    pdu = encode_pdu(message.pdu)
    raw = encode_scoped(engine_id, context, pdu)
    scoped = open_scoped(b"xx" + raw + bytes(padding), 2, padded=True)
    assert (scoped.engine_id, scoped.context) == (engine_id, context)
    assert scoped.data[scoped.pdu_at :] == pdu
    oracle, rest = decoder.decode(raw, asn1Spec=ScopedPDU())
    assert rest == b""
    assert (bytes(oracle["contextEngineId"]), bytes(oracle["contextName"])) == (engine_id, context)
    with pytest.raises(SnmpDecodeError, match="9 octets follow"):
        open_scoped(raw + bytes(9), 0, padded=True)
    with pytest.raises(SnmpDecodeError, match="1 octets follow"):
        open_scoped(raw + bytes(1), 0, padded=False)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x30")
@example(b"\x30\x84\xff\xff\xff\xff\x02\x01\x03")
@settings(max_examples=200)
@processor_time(1)
def test_arbitrary_octets_are_refused_and_nothing_else_happens(data: bytes) -> None:
    is_v3(data)
    for read in (decode_secure, message_id_of):
        with pytest.raises(SnmpDecodeError):
            read(data)
    with pytest.raises(SnmpDecodeError):
        open_scoped(data, 0, padded=True)


@given(written(), st.data())
@settings(max_examples=150)
@processor_time(1)
def test_mutated_messages_are_read_or_refused_and_nothing_else_happens(
    case: tuple[dict[str, Any], bytes, int], data: st.DataObject
) -> None:
    raw = bytearray(case[1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(("change", "cut", "add"))):
            case "change":
                raw[at] = data.draw(st.integers(0, 255))
            case "cut" if len(raw) > 1:
                del raw[at:]
            case _:
                raw[at:at] = data.draw(st.binary(max_size=5))
        if not raw:
            raw = bytearray(b"\0")
    try:
        message = decode_secure(bytes(raw))
        if message.level is not Level.AUTH_PRIV:
            open_scoped(message.raw, message.data_at, padded=False)
    except SnmpDecodeError:
        return
    assert message.raw == raw
    assert message.mac_at + message.mac_octets <= len(raw)


def message(**changes: Any) -> bytes:
    """A message of parts, any of which may be wrong."""
    parts: dict[str, Any] = {
        "version": encode_integer(3),
        "id": encode_integer(1),
        "size": encode_integer(65507),
        "flags": b"\x04\x01\x04",
        "model": encode_integer(3),
        "head_end": b"",
        "engine": encode_tlv(4, ENGINE),
        "boots": encode_integer(1),
        "time": encode_integer(1),
        "user": encode_tlv(4, b"reader"),
        "mac": b"\x04\x00",
        "salt": b"\x04\x00",
        "security_end": b"",
        "parameters_end": b"",
        "data": encode_scoped(ENGINE, b"", b""),
        "end": b"",
        "after": b"",
    } | changes
    head = encode_tlv(0x30, b"".join(parts[name] for name in ("id", "size", "flags", "model", "head_end")))
    names = ("engine", "boots", "time", "user", "mac", "salt", "security_end")
    security = encode_tlv(4, encode_tlv(0x30, b"".join(parts[name] for name in names)) + parts["parameters_end"])
    after: bytes = parts["after"]
    return encode_tlv(0x30, parts["version"] + head + security + parts["data"] + parts["end"]) + after


def test_the_parts_of_the_next_test_are_right_unless_changed() -> None:
    assert decode_secure(message()).user == b"reader"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"version": encode_integer(2)}, "version number 2"),
        ({"id": encode_integer(-1)}, "msgID is negative"),
        ({"id": b"\x02\x05\x00\x80\x00\x00\x00"}, "INTEGER of 5 octets"),
        ({"size": encode_integer(483)}, "at least 484"),
        ({"flags": b"\x04\x00"}, "msgFlags of 0 octets"),
        ({"flags": b"\x04\x02\x00\x00"}, "msgFlags of 2 octets"),
        ({"flags": b"\x04\x01\x02"}, "privacy without authentication"),
        ({"model": encode_integer(2)}, "security model 2"),
        ({"head_end": b"\x05\x00"}, "octets follow msgSecurityModel"),
        ({"engine": encode_tlv(4, bytes(33))}, "msgAuthoritativeEngineID of 33 octets"),
        ({"boots": encode_integer(-1)}, "Boots is negative"),
        ({"time": encode_integer(-1)}, "Time is negative"),
        ({"user": encode_tlv(4, bytes(33))}, "msgUserName of 33 octets"),
        ({"mac": b"\x05\x00"}, "msgAuthenticationParameters has the tag"),
        ({"salt": b""}, "msgPrivacyParameters is missing"),
        ({"security_end": b"\x05\x00"}, "octets follow msgPrivacyParameters"),
        ({"parameters_end": b"\x05\x00"}, "octets follow UsmSecurityParameters"),
        ({"data": b"\x04\x00"}, "ScopedPDU has the tag"),
        ({"flags": b"\x04\x01\x03"}, "encryptedPDU has the tag"),
        ({"end": b"\x05\x00"}, "octets follow msgData"),
        ({"after": b"\x05\x00"}, "2 octets follow the message"),
        ({"engine": b"\x04\x80"}, "indefinite length"),
        ({"engine": b"\x04\x84\xff\xff\xff\xff"}, "a length of 4294967295 octets"),
    ],
)
def test_a_message_that_is_wrong_in_one_place_is_refused_with_the_reason(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(SnmpDecodeError, match=what):
        decode_secure(message(**changes))


def test_reserved_flags_are_ignored_as_rfc_3412_says() -> None:
    assert decode_secure(message(flags=b"\x04\x01\xfc")) == decode_secure(message())._replace(
        raw=message(flags=b"\x04\x01\xfc")
    )


def test_other_versions_are_told_apart() -> None:
    assert not is_v3(bytes.fromhex("302902010104067075626c6963"))
    assert not is_v3(b"\x30\x81")
    assert is_v3(encode_tlv(0x30, encode_integer(3) + encode_tlv(Tag.OCTET_STRING, bytes(300))))


def test_a_secure_message_is_what_its_fields_say() -> None:
    assert isinstance(decode_secure(message()), SecureMessage)


@pytest.mark.parametrize("level", Level)
def test_the_largest_datagrams_are_read_or_refused_in_bounded_time(level: Level) -> None:
    varbinds = encode_tlv(0x30, bytes.fromhex("06082b06010201010300") + b"\x05\x00") * 4000
    pdu = encode_tlv(0xA2, b"\x02\x01\x05\x02\x01\x00\x02\x01\x00" + encode_tlv(0x30, varbinds))
    whole, _ = encode_secure(
        1, level, False, ENGINE, 1, 1, b"reader", 12 if level else 0, b"", encode_scoped(ENGINE, b"", pdu)
    )
    started = time.process_time()
    for raw in (whole, whole[:-1], whole + b"\0", bytes(65_507), b"\x30" * 65_507, b"\x30\x84" * 32_000):
        try:
            message = decode_secure(raw)
            scoped = open_scoped(message.raw, message.data_at, padded=False)
            assert len(decode_varbinds(scoped.data, open_pdu(scoped.data, scoped.pdu_at).varbinds_at)) == 4000
        except SnmpDecodeError:
            assert raw is not whole or level is Level.AUTH_PRIV
    assert time.process_time() - started < 1
