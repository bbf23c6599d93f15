"""What is written and read in short must be what `v3` writes and reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.snmp.codec import Tag, encode_tlv
from netmon.snmp.dialogue import Frame, Layout, Scope
from netmon.snmp.errors import SnmpDecodeError, SnmpEncodeError
from netmon.snmp.v3 import (
    Level,
    ScopedPdu,
    SecureMessage,
    _decode_any,
    decode_secure,
    decode_usual,
    encode_scoped,
    encode_secure,
    open_scoped,
)

ID = st.one_of(st.integers(0, 2**31 - 1), st.integers(2**24, 2**31 - 1))
NATURAL = st.one_of(st.integers(0, 300), st.integers(0, 2**31 - 1))
DATA = st.one_of(st.binary(max_size=300), st.sampled_from((255, 256, 0x7FFF, 0x8000)).map(bytes))
ENGINE = b"\x80\x00\x00\x00\x04test"


@given(
    st.sampled_from(Level),
    st.booleans(),
    st.binary(max_size=32),
    st.binary(max_size=32),
    st.lists(st.tuples(ID, NATURAL, NATURAL, DATA), min_size=1, max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_a_frame_writes_what_encode_secure_writes(
    level: Level, reportable: bool, engine_id: bytes, user: bytes, messages: list[tuple[int, int, int, bytes]]
) -> None:
    octets = 24 if level else 0
    salt = b"saltsalt" if level is Level.AUTH_PRIV else b""
    frame = Frame(level, reportable, engine_id, user, octets)
    for message_id, boots, time, data in [*messages, *messages]:
        whole, at = encode_secure(message_id, level, reportable, engine_id, boots, time, user, octets, salt, data)
        assert frame.write(message_id, boots, time, salt, data) == (whole[:at], whole[at + octets :])


def test_a_frame_writes_no_message_that_is_too_long() -> None:
    frame = Frame(Level.AUTH_PRIV, True, ENGINE, b"reader", 12)
    for size in (65_500, 65_535, 65_536):
        with pytest.raises(SnmpEncodeError):
            frame.write(2**24, 1, 1, bytes(8), bytes(size))


@given(st.binary(max_size=32), st.binary(max_size=40), st.binary(max_size=400), st.data())
@settings(max_examples=150, deadline=None)
def test_a_scope_finds_the_pdu_where_open_scoped_does_or_leaves_it_to_that(
    engine_id: bytes, context: bytes, pdu: bytes, data: st.DataObject
) -> None:
    scope = Scope(engine_id, context)
    whole = scope.wrap(pdu)
    assert whole == encode_scoped(engine_id, context, pdu)
    assert (scope.find(whole) is None) == (len(whole) < 256 + 4)
    octets = mutated(whole, data)
    found = scope.find(octets)
    if found is not None:
        assert open_scoped(octets, 0, padded=False) == ScopedPdu(engine_id, context, octets, found)


@st.composite
def usual(draw: st.DrawFn) -> bytes:
    level = draw(st.sampled_from(Level))
    data = draw(st.binary(min_size=256, max_size=300))
    return encode_secure(
        draw(st.integers(2**24, 2**31 - 1)),
        level,
        draw(st.booleans()),
        draw(st.sampled_from((b"", ENGINE, bytes(32)))),
        draw(NATURAL),
        draw(NATURAL),
        draw(st.sampled_from((b"", b"reader", bytes(32)))),
        draw(st.sampled_from((12, 16, 24))) if level else 0,
        b"saltsalt" if level is Level.AUTH_PRIV else b"",
        data if level is Level.AUTH_PRIV else encode_scoped(ENGINE, b"", data),
    )[0]


def mutated(octets: bytes, data: st.DataObject) -> bytes:
    """Most often in the head, where the lengths are."""
    changed = bytearray(octets)
    for _ in range(data.draw(st.integers(0, 2))):
        if not changed:
            break
        last = len(changed) - 1
        place = data.draw(st.one_of(st.integers(0, min(90, last)), st.integers(0, last)))
        match data.draw(st.sampled_from(("set", "raise", "cut", "insert", "drop"))):
            case "set":
                changed[place] = data.draw(st.integers(0, 255))
            case "raise":
                changed[place] = (changed[place] + data.draw(st.sampled_from((1, 255, 128)))) % 256
            case "cut":
                del changed[place:]
            case "insert":
                changed.insert(place, data.draw(st.integers(0, 255)))
            case _:
                del changed[place]
    return bytes(changed)


def strictly(octets: bytes) -> SecureMessage | None:
    """By the generic decoder alone."""
    try:
        return _decode_any(octets)
    except SnmpDecodeError:
        return None


@given(usual(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_is_decoded_by_its_usual_layout_is_what_the_generic_decoder_reads(
    octets: bytes, data: st.DataObject
) -> None:
    assert decode_usual(octets) == strictly(octets)
    octets = mutated(octets, data)
    found = decode_usual(octets)
    assert found is None or found == strictly(octets)


def read(layout: Layout, octets: bytes) -> SecureMessage | None:
    """What the layout finds, as the message it stands for."""
    found = layout.split(octets)
    if found is None:
        return None
    mac, authenticated, salt, data = found
    like = layout.like
    mac_end = like.mac_at + like.mac_octets
    assert mac == octets[like.mac_at : mac_end]
    assert authenticated == octets[: like.mac_at] + bytes(like.mac_octets) + octets[mac_end:]
    assert data == octets[like.data_at :]
    return like._replace(raw=octets, message_id=int.from_bytes(octets[11:15], "big", signed=True), salt=salt)


def strictly_but_for_the_id(octets: bytes, message_id: int) -> SecureMessage | None:
    """As `strictly`, whatever the four octets of msgID are: it is found by whoever looks for the request."""
    positive = octets[:11] + (message_id & 0x7FFF_FFFF).to_bytes(4, "big") + octets[15:]
    found = strictly(positive)
    return None if found is None else found._replace(raw=octets, message_id=message_id)


@given(
    usual(),
    st.integers(0, 2**31 - 1),
    st.binary(min_size=8, max_size=8),
    st.binary(min_size=256, max_size=400),
    st.data(),
)
@settings(max_examples=300, deadline=None)
def test_what_a_layout_reads_is_what_the_generic_decoder_reads(
    octets: bytes, message_id: int, salt: bytes, body: bytes, data: st.DataObject
) -> None:
    first = decode_secure(octets)
    layout = Layout.of(first)
    assert layout is not None
    assert read(layout, octets) == first
    level = first.level
    another, _ = encode_secure(
        max(message_id, 2**24),
        level,
        first.reportable,
        first.engine_id,
        first.boots,
        first.time,
        first.user,
        first.mac_octets,
        salt if level is Level.AUTH_PRIV else b"",
        body if level is Level.AUTH_PRIV else encode_scoped(ENGINE, b"", body),
    )
    assert read(layout, another) == strictly(another)
    for changed in (mutated(octets, data), mutated(another, data)):
        found = read(layout, changed)
        assert found is None or found == strictly_but_for_the_id(changed, found.message_id)


def neighbours(octets: bytes, until: int) -> Iterator[bytes]:
    """All that differ in one octet of the first `until`, and some that are longer or shorter."""
    for place in range(until):
        octet = octets[place]
        for changed in {0, 1, 2, 3, 4, 5, 0x30, 0x7F, 0x80, 0x81, 0x82, 0xFF, octet + 1 & 0xFF, octet - 1 & 0xFF}:
            yield octets[:place] + bytes((changed,)) + octets[place + 1 :]
        yield octets[:place] + octets[place + 1 :]
        yield octets[:place] + b"\0" + octets[place:]
    yield octets[:-1]
    yield octets + b"\0"


@pytest.mark.parametrize("level", Level)
def test_no_octet_of_a_head_can_differ_unnoticed(level: Level) -> None:
    octets, salt = (12, bytes(8)) if level is Level.AUTH_PRIV else (12 if level else 0, b"")
    body = bytes(300) if level is Level.AUTH_PRIV else encode_scoped(ENGINE, b"", bytes(300))
    whole, _ = encode_secure(0x7F00_0000, level, True, ENGINE, 130, 70_000, b"reader", octets, salt, body)
    layout = Layout.of(decode_secure(whole))
    assert layout is not None
    scope = Scope(ENGINE, b"ctx")
    for data in neighbours(whole, len(whole) - 290):
        usually, alike = decode_usual(data), read(layout, data)
        assert usually is None or usually == strictly(data), data[:100].hex()
        assert alike is None or alike == strictly_but_for_the_id(data, alike.message_id), data[:100].hex()
    for data in neighbours(scope.wrap(bytes(300)), 30):
        at = scope.find(data)
        assert at is None or open_scoped(data, 0, padded=False) == ScopedPdu(ENGINE, b"ctx", data, at)


def crafted(engine_id: bytes, user: bytes, mac: bytes) -> bytes:
    """With lengths of one octet, whether that can count them or not."""
    fields = b"".join(
        (
            *(b"\x04" + bytes((len(engine_id),)) + engine_id, b"\x02\x01\x01" * 2),
            *(b"\x04" + bytes((len(octets),)) + octets for octets in (user, mac, bytes(8))),
        )
    )
    parameters = b"\x04" + bytes((len(fields) + 2,)) + b"\x30" + bytes((len(fields),)) + fields
    head = bytes.fromhex("020103 3010 02047f000000 02020800 040103 020103")
    return encode_tlv(0x30, head + parameters + encode_tlv(Tag.OCTET_STRING, bytes(300)))


@pytest.mark.parametrize(
    ("engine_id", "user", "mac", "is_usual"),
    [(32, 32, 24, True), (33, 6, 12, False), (8, 33, 12, False), (32, 32, 48, False)],
)
def test_what_is_longer_than_it_may_be_is_not_usual(engine_id: int, user: int, mac: int, is_usual: bool) -> None:
    data = crafted(bytes(engine_id), bytes(user), bytes(mac))
    assert decode_usual(data) == strictly(data)
    assert (decode_usual(data) is not None) is is_usual


@pytest.mark.parametrize("data", [b"", b"\x30\x82", bytes(1400)])
def test_a_layout_leaves_what_it_does_not_know_to_the_generic_decoder(data: bytes) -> None:
    short, _ = encode_secure(1, Level.AUTH_PRIV, False, ENGINE, 1, 1, b"reader", 12, bytes(8), b"short")
    assert Layout.of(decode_secure(short)) is None
    whole, _ = encode_secure(2**24, Level.AUTH_PRIV, False, ENGINE, 1, 1, b"reader", 12, bytes(8), bytes(300))
    layout = Layout.of(decode_secure(whole))
    assert layout is not None
    assert layout.split(data) is None
    assert layout.split(short) is None
    later, _ = encode_secure(2**24, Level.AUTH_PRIV, False, ENGINE, 1, 2, b"reader", 12, bytes(8), bytes(300))
    assert layout.split(later) is None
