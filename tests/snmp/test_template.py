from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snmp.scripted import mib_answer, response, scripted
from snmp.strategies import tagged

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import (
    V2C,
    Message,
    Pdu,
    PduKind,
    Tag,
    Value,
    VarBind,
    decode_message,
    decode_varbinds,
    encode_community_message,
    encode_message,
    encode_oid,
    encode_tlv,
    encode_value,
    open_envelope,
    open_pdu,
)
from netmon.snmp.errors import SnmpDecodeError, SnmpResponseError, SnmpStatusError
from netmon.snmp.oid import Oid
from netmon.snmp.template import IF_NAME, SYS_UP_TIME, GetTemplate, TemplateReply, build_templates

HC_IN: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
OPER: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 8)
SERIAL: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11, 1)
IDENTITY = ((1, b"ether1"), (300, b"sfp-sfpplus1"), (16_777_216, b"vlan 12"))
TEMPLATE = GetTemplate(IDENTITY, (HC_IN, OPER), (SERIAL,))

GOOD: dict[Oid, tuple[int, Value]] = {
    SYS_UP_TIME: (Tag.TIME_TICKS, 4_000_000_000),
    **{(*IF_NAME, index): (Tag.OCTET_STRING, name) for index, name in IDENTITY},
    **{(*HC_IN, index): (Tag.COUNTER64, 2**40 + index) for index, _ in IDENTITY},
    **{(*OPER, index): (Tag.INTEGER, 1) for index, _ in IDENTITY},
    SERIAL: (Tag.OCTET_STRING, b"HX1"),
}


def reply_of(objects: dict[Oid, tuple[int, Value]]) -> bytes:
    varbinds = tuple(VarBind(oid, *objects[oid]) for oid in TEMPLATE.oids())
    return encode_message(Message(V2C, b"public", Pdu(PduKind.RESPONSE, 2**30, 0, 0, varbinds)))


def fast(data: bytes) -> TemplateReply | None:
    return TEMPLATE.match(data, open_pdu(data, open_envelope(data).pdu_at), 7)


def generic(data: bytes) -> TemplateReply:
    return TEMPLATE.read(decode_message(data).pdu.varbinds, "router", 7)


def test_a_request_is_what_the_codec_would_have_encoded() -> None:
    asked = tuple(VarBind(oid, Tag.NULL, None) for oid in TEMPLATE.oids())
    for request_id in (0x0100_0000, 0x7FFF_FFFF):
        expected = Message(V2C, b"public", Pdu(PduKind.GET, request_id, 0, 0, asked))
        assert encode_community_message(V2C, b"public", TEMPLATE.pdu(request_id)) == encode_message(expected)


def test_uptime_comes_first_then_each_interface_with_its_name_then_the_extras() -> None:
    assert TEMPLATE.oids() == (
        SYS_UP_TIME,
        *((*column, index) for index in (1, 300, 16_777_216) for column in (IF_NAME, HC_IN, OPER)),
        SERIAL,
    )


def test_an_expected_reply_is_read_positionally_into_columns() -> None:
    reply = fast(reply_of(GOOD))
    assert reply == TemplateReply(
        uptime_ticks=4_000_000_000,
        received_ns_monotonic=7,
        names_match=True,
        names=(b"ether1", b"sfp-sfpplus1", b"vlan 12"),
        columns=((2**40 + 1, 2**40 + 300, 2**40 + 16_777_216), (1, 1, 1)),
        extra=(b"HX1",),
    )
    assert reply == generic(reply_of(GOOD))


@pytest.mark.parametrize("name", [b"ether2", b"ether10", b"", None])
def test_a_renamed_or_missing_interface_is_reported_and_never_matched(name: bytes | None) -> None:
    value = (Tag.NO_SUCH_INSTANCE, None) if name is None else (Tag.OCTET_STRING, name)
    data = reply_of(GOOD | {(*IF_NAME, 1): value})
    assert fast(data) is None
    reply = generic(data)
    assert not reply.names_match
    assert reply.names == (name, b"sfp-sfpplus1", b"vlan 12")


def test_an_absent_cell_is_none_and_not_zero() -> None:
    for tag in (Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW):
        data = reply_of(GOOD | {(*HC_IN, 300): (tag, None), (*OPER, 1): (tag, None), SERIAL: (tag, None)})
        reply = fast(data)
        assert reply == generic(data)
        assert reply is not None
        assert reply.columns == ((2**40 + 1, None, 2**40 + 16_777_216), (None, 1, 1))
        assert reply.extra == (None,)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_counters_of_any_size_take_the_fast_path(octets: list[int], uptime: int) -> None:
    cells = {(*HC_IN, index): (int(Tag.COUNTER64), value) for (index, _), value in zip(IDENTITY, octets, strict=True)}
    reply = fast(reply_of(GOOD | cells | {SYS_UP_TIME: (Tag.TIME_TICKS, uptime)}))
    assert reply is not None
    assert reply.columns[0] == tuple(octets)
    assert reply.uptime_ticks == uptime


@given(st.dictionaries(st.sampled_from(TEMPLATE.oids()), tagged(), max_size=4))
@settings(max_examples=300, deadline=1000)
def test_whatever_the_values_the_fast_path_says_what_the_generic_one_says_or_nothing(
    changed: dict[Oid, tuple[int, Value]],
) -> None:
    data = reply_of(GOOD | changed)
    try:
        expected = generic(data)
    except SnmpResponseError:
        assert fast(data) is None
        return
    read = fast(data)
    assert read in (None, expected)


@given(st.data())
@settings(max_examples=300, deadline=1000)
def test_whatever_the_octets_the_fast_path_says_what_the_generic_one_says_or_nothing(data: st.DataObject) -> None:
    octets = bytearray(reply_of(GOOD))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(30, len(octets) - 1))
        octets[place] = data.draw(st.one_of(st.integers(0, 255), st.just(octets[place] ^ 1)))
    mutated = bytes(octets)
    try:
        head = open_pdu(mutated, open_envelope(mutated).pdu_at)
    except SnmpDecodeError:
        return
    read = TEMPLATE.match(mutated, head, 7)
    try:
        expected = generic(mutated)
    except (SnmpDecodeError, SnmpResponseError):
        assert read is None
    else:
        assert read in (None, expected)


@pytest.mark.parametrize(
    "value",
    [
        "4100",
        "4606000000000005",
        "4105ff00000000",
        "4609010000000000000000",
        "0203000005",
        "4608ffffffffffffffff",
        "4404deadbeef",
    ],
)
def test_odd_numbers_are_left_to_the_generic_decoder_or_read_alike(value: str) -> None:
    body = b""
    for oid in TEMPLATE.oids():
        octets = bytes.fromhex(value) if oid == (*HC_IN, 300) else encode_value(*GOOD[oid])
        body += encode_tlv(0x30, encode_oid(oid) + octets)
    pdu = b"\x02\x01\x05\x02\x01\x00\x02\x01\x00" + encode_tlv(0x30, body)
    data = encode_community_message(V2C, b"public", encode_tlv(0xA2, pdu))
    try:
        expected = generic(data)
    except (SnmpDecodeError, SnmpResponseError):
        assert fast(data) is None
    else:
        assert fast(data) in (None, expected)


def test_a_reply_with_lengths_in_the_long_form_is_read_all_the_same() -> None:
    varbinds = b"".join(
        b"\x30\x82" + len(body).to_bytes(2, "big") + body
        for body in (encode_oid(oid) + encode_value(*GOOD[oid]) for oid in TEMPLATE.oids())
    )
    assert TEMPLATE.read(decode_varbinds(varbinds, 0), "router", 7) == fast(reply_of(GOOD))


@pytest.mark.parametrize(
    ("oid", "value", "what"),
    [
        (SYS_UP_TIME, (Tag.NO_SUCH_INSTANCE, None), "no sysUpTime"),
        (SYS_UP_TIME, (Tag.COUNTER32, 5), "no sysUpTime"),
        ((*HC_IN, 1), (Tag.OCTET_STRING, b"7"), r"31\.1\.1\.1\.6\.1 is not a number"),
        ((*HC_IN, 1), (Tag.NULL, None), "is not a number"),
        ((*IF_NAME, 1), (Tag.INTEGER, 7), "is not a string"),
    ],
)
def test_a_reply_that_cannot_be_accounted_is_refused_with_a_sentence(
    oid: Oid, value: tuple[int, Value], what: str
) -> None:
    data = reply_of(GOOD | {oid: value})
    assert fast(data) is None
    with pytest.raises(SnmpResponseError, match=f"^router: .*{what}"):
        generic(data)


def test_interfaces_are_divided_among_pdus_and_never_within_one() -> None:
    identity = [(index, b"eth%d" % index) for index in range(1, 49)]
    templates = build_templates(identity, [HC_IN, OPER, SERIAL[:-1]], 60, [SERIAL])
    assert [index for template in templates for index, _ in template.identity] == list(range(1, 49))
    assert [len(template.oids()) for template in templates] == [58, 57, 57, 25]
    assert [template.extra for template in templates] == [(SERIAL,), (), (), ()]


def test_without_interfaces_the_uptime_and_the_extras_are_still_asked_for() -> None:
    (template,) = build_templates([], [HC_IN], 60, [SERIAL])
    assert template.oids() == (SYS_UP_TIME, SERIAL)


@given(st.integers(0, 40), st.integers(0, 8), st.integers(1, 70), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_interface_is_asked_for_exactly_once(interfaces: int, columns: int, most: int, extras: int) -> None:
    identity = [(index, b"x") for index in range(1, interfaces + 1)]
    extra = [(*SERIAL, number) for number in range(extras)]
    templates = build_templates(identity, [(*HC_IN, column) for column in range(columns)], most, extra)
    assert [one for template in templates for one in template.identity] == identity
    smallest = 1 + 1 + columns + extras
    assert all(len(template.oids()) <= max(most, smallest) for template in templates)


async def test_fetch_takes_the_fast_path_or_the_generic_one_with_the_same_result() -> None:
    def long_form(request: Message) -> Iterable[bytes]:
        body = b"".join(
            b"\x30\x81" + bytes((len(one),)) + one
            for one in (encode_oid(asked.oid) + encode_value(*GOOD[asked.oid]) for asked in request.pdu.varbinds)
        )
        number = request.pdu.request_id.to_bytes(4, "big")
        pdu = b"\x02\x04" + number + b"\x02\x01\x00\x02\x01\x00" + encode_tlv(0x30, body)
        yield encode_community_message(V2C, b"public", encode_tlv(0xA2, pdu))

    async with await Client.open() as client, scripted(mib_answer(GOOD)) as agent:
        where = Agent("127.0.0.1", agent.port)
        usual = await client.fetch(where, TEMPLATE)
        agent.answer = long_form
        unusual = await client.fetch(where, TEMPLATE)
        assert usual.columns == unusual.columns
        assert (usual.names, usual.extra, usual.uptime_ticks) == (unusual.names, unusual.extra, unusual.uptime_ticks)
        assert usual.received_ns_monotonic < unusual.received_ns_monotonic

        agent.answer = lambda request: [response(request, (), 1)]
        with pytest.raises(SnmpStatusError, match="tooBig"):
            await client.fetch(where, TEMPLATE)
        agent.answer = lambda request: [response(request, request.pdu.varbinds[1:])]
        with pytest.raises(SnmpResponseError, match="other variables"):
            await client.fetch(where, TEMPLATE)
