from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snmp.scripted import mib_answer, response, scripted
from snmp.strategies import tagged
from support.processor import processor_time

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
from netmon.snmp.template import (
    IF_NAME,
    SYS_UP_TIME,
    GetTemplate,
    KnownReply,
    TemplateReply,
    build_templates,
    octets_of_numbers,
)

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


REQUEST_ID = 2**30


def reply_of(objects: dict[Oid, tuple[int, Value]], request_id: int = REQUEST_ID) -> bytes:
    varbinds = tuple(VarBind(oid, *objects[oid]) for oid in TEMPLATE.oids())
    return encode_message(Message(V2C, b"public", Pdu(PduKind.RESPONSE, request_id, 0, 0, varbinds)))


def columns_of(reply: TemplateReply) -> tuple[tuple[int | None, ...], ...]:
    return tuple(reply.cells[at::2] for at in range(2))


def generic(data: bytes) -> TemplateReply:
    return TEMPLATE.read(decode_message(data).pdu.varbinds, "router", 7)


def learnt(data: bytes) -> KnownReply | None:
    """What is known after a first reply."""
    template = GetTemplate(IDENTITY, (HC_IN, OPER), (SERIAL,))
    template.learn("gate", b"", data, open_pdu(data, open_envelope(data).pdu_at), generic(data))
    return template.known("gate")


def recognised(known: KnownReply | None, data: bytes, request_id: int = REQUEST_ID) -> TemplateReply | None:
    """A later reply, if it has the form of the first."""
    assert known is not None
    numbers = known.form.read(data, request_id)
    return None if numbers is None else known.assemble(numbers, 7)


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


def test_a_reply_is_read_into_cells_interface_by_interface() -> None:
    assert generic(reply_of(GOOD)) == TemplateReply(
        uptime_ticks=4_000_000_000,
        received_ns_monotonic=7,
        names_match=True,
        names=(b"ether1", b"sfp-sfpplus1", b"vlan 12"),
        cells=(2**40 + 1, 1, 2**40 + 300, 1, 2**40 + 16_777_216, 1),
        extra=(b"HX1",),
    )


def test_a_reply_of_known_form_is_recognised_whatever_its_numbers() -> None:
    later = GOOD | {SYS_UP_TIME: (Tag.TIME_TICKS, 2**32 - 1), (*HC_IN, 1): (Tag.COUNTER64, 2**41 + 5)}
    later |= {(*OPER, 300): (Tag.INTEGER, 127)}
    data = reply_of(later, 2**30 + 77)
    assert recognised(learnt(reply_of(GOOD)), data, 2**30 + 77) == generic(data)


def test_a_number_of_a_type_that_smiv2_gave_up_is_read_as_any_other() -> None:
    first = GOOD | {(*OPER, 300): (0x47, 5), SERIAL: (0x47, 6)}
    data = reply_of(first | {(*OPER, 300): (0x47, 100), SERIAL: (0x47, 101)})
    reply = recognised(learnt(reply_of(first)), data)
    assert reply == generic(data)
    assert (reply.cells[3], reply.extra) == (100, (101,))


@pytest.mark.parametrize("request_id", [REQUEST_ID - 1, REQUEST_ID + 1, 0, REQUEST_ID + 2**16])
def test_a_reply_to_another_request_is_never_recognised(request_id: int) -> None:
    assert recognised(learnt(reply_of(GOOD)), reply_of(GOOD), request_id) is None


def test_replies_that_passed_another_gate_do_not_spare_this_one() -> None:
    template = GetTemplate(IDENTITY, (HC_IN, OPER), (SERIAL,))
    data = reply_of(GOOD)
    template.learn("one", b"", data, open_pdu(data, open_envelope(data).pdu_at), generic(data))
    assert template.known("one") is not None
    assert template.known("other") is None


@pytest.mark.parametrize("name", [b"ether2", b"ether10", b"", None])
def test_a_renamed_or_missing_interface_is_reported_and_never_recognised(name: bytes | None) -> None:
    value = (Tag.NO_SUCH_INSTANCE, None) if name is None else (Tag.OCTET_STRING, name)
    data = reply_of(GOOD | {(*IF_NAME, 1): value})
    assert recognised(learnt(reply_of(GOOD)), data) is None
    assert learnt(data) is None
    reply = generic(data)
    assert not reply.names_match
    assert reply.names == (name, b"sfp-sfpplus1", b"vlan 12")


def test_an_absent_cell_is_none_and_not_zero() -> None:
    for tag in (Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW):
        absent = {(*HC_IN, 300): (int(tag), None), (*OPER, 1): (int(tag), None), SERIAL: (int(tag), None)}
        data = reply_of(GOOD | absent)
        reply = generic(data)
        assert columns_of(reply) == ((2**40 + 1, None, 2**40 + 16_777_216), (None, 1, 1))
        assert reply.extra == (None,)
        known = learnt(data)
        assert recognised(known, data) == reply
        assert recognised(known, reply_of(GOOD)) is None
        assert recognised(learnt(reply_of(GOOD)), data) is None
        later = reply_of(GOOD | absent | {(*OPER, 300): (Tag.INTEGER, 2)})
        assert recognised(known, later) == generic(later)


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3),
    st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_counters_of_any_size_are_recognised_where_they_are_as_wide(
    first: list[int], second: list[int], uptime: int
) -> None:
    def octets(values: list[int]) -> dict[Oid, tuple[int, Value]]:
        cells = zip(IDENTITY, values, strict=True)
        return {(*HC_IN, index): (int(Tag.COUNTER64), value) for (index, _), value in cells}

    known = learnt(reply_of(GOOD | octets(first)))
    data = reply_of(GOOD | octets(second) | {SYS_UP_TIME: (Tag.TIME_TICKS, uptime)})
    widths = [[value.bit_length() // 8 for value in values] for values in (first, second, [uptime, 4_000_000_000])]
    as_wide = widths[0] == widths[1] and widths[2][0] == widths[2][1]
    assert recognised(known, data) == (generic(data) if as_wide else None)


@given(
    st.dictionaries(st.sampled_from(TEMPLATE.oids()), tagged(), max_size=4),
    st.dictionaries(st.sampled_from(TEMPLATE.oids()), tagged(), max_size=2),
)
@settings(max_examples=300)
@processor_time(1)
def test_whatever_the_values_what_is_recognised_is_what_the_generic_decoder_says(
    first: dict[Oid, tuple[int, Value]], changed: dict[Oid, tuple[int, Value]]
) -> None:
    try:
        known = learnt(reply_of(GOOD | first))
    except SnmpResponseError:
        return
    data = reply_of(GOOD | first | changed)
    if known is None:
        return
    read = recognised(known, data)
    assert read is None or read == generic(data)


@given(st.data())
@settings(max_examples=500)
@processor_time(1)
def test_whatever_the_octets_what_is_recognised_is_what_the_generic_decoder_says(data: st.DataObject) -> None:
    octets = bytearray(reply_of(GOOD))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(octets) - 1))
        octets[place] = data.draw(st.one_of(st.integers(0, 255), st.just(octets[place] ^ 1)))
    mutated = bytes(octets)
    read = recognised(learnt(reply_of(GOOD)), mutated)
    if read is not None:
        # Not refused, and so well-formed, of the right version and community, without an error.
        message = decode_message(mutated)
        assert (message.version, message.community) == (V2C, b"public")
        assert (message.pdu.kind, message.pdu.error_status, message.pdu.error_index) == (PduKind.RESPONSE, 0, 0)
        assert read == generic(mutated)


def with_value(value: bytes) -> bytes:
    """A reply that gives one counter so encoded."""
    body = b""
    for oid in TEMPLATE.oids():
        octets = value if oid == (*HC_IN, 300) else encode_value(*GOOD[oid])
        body += encode_tlv(0x30, encode_oid(oid) + octets)
    pdu = b"\x02\x04" + REQUEST_ID.to_bytes(4, "big") + b"\x02\x01\x00\x02\x01\x00" + encode_tlv(0x30, body)
    return encode_community_message(V2C, b"public", encode_tlv(0xA2, pdu))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("4606000000000005", "4606010000000005"),
        ("46080000000000000005", "4608ffffffffffffffff"),
        ("41050000000005", "410500ffffffff"),
        ("41050000000005", "41050100000005"),
        ("410400000005", "4104ffffffff"),
        ("4103000005", "4103ff0000"),
        ("4609000000000000000005", "460900ffffffffffffffff"),
        ("4609000000000000000005", "4609010000000000000000"),
        ("0203000005", "02037fffff"),
        ("0203000005", "0203800000"),
        ("020400000005", "0204ffffffff"),
        ("468107" + "00" * 6 + "05", "468107" + "01" * 7),
    ],
)
def test_odd_numbers_are_read_as_the_generic_decoder_does_or_left_to_it(first: str, second: str) -> None:
    known = learnt(with_value(bytes.fromhex(first)))
    for value in (first, second):
        data = with_value(bytes.fromhex(value))
        read = recognised(known, data) if known is not None else None
        if read is not None:
            assert read == generic(data)


@pytest.mark.parametrize("value", ["4100", "4105ff00000000", "4609010000000000000000", "4404deadbeef"])
def test_what_is_no_number_of_its_type_is_refused(value: str) -> None:
    with pytest.raises((SnmpDecodeError, SnmpResponseError)):
        generic(with_value(bytes.fromhex(value)))


def test_a_reply_with_lengths_in_the_long_form_is_read_all_the_same() -> None:
    varbinds = b"".join(
        b"\x30\x82" + len(body).to_bytes(2, "big") + body
        for body in (encode_oid(oid) + encode_value(*GOOD[oid]) for oid in TEMPLATE.oids())
    )
    assert TEMPLATE.read(decode_varbinds(varbinds, 0), "router", 7) == generic(reply_of(GOOD))


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
    assert recognised(learnt(reply_of(GOOD)), data) is None
    with pytest.raises(SnmpResponseError, match=f"^router: .*{what}"):
        generic(data)


def test_interfaces_are_divided_among_pdus_and_never_within_one() -> None:
    identity = [(index, b"eth%d" % index) for index in range(1, 49)]
    templates = build_templates(identity, [HC_IN, OPER, SERIAL[:-1]], 60, extra=[SERIAL])
    assert [index for template in templates for index, _ in template.identity] == list(range(1, 49))
    assert [len(template.oids()) for template in templates] == [58, 57, 57, 25]
    assert [template.extra for template in templates] == [(SERIAL,), (), (), ()]


@pytest.mark.parametrize("name_object", [IF_NAME, (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)])
async def test_any_column_may_name_the_interfaces_and_is_a_literal_of_the_reply(name_object: Oid) -> None:
    named = {(*name_object, index): (Tag.OCTET_STRING, name) for index, name in IDENTITY}
    objects: dict[Oid, tuple[int, Value]] = GOOD | named
    (template,) = build_templates(IDENTITY, [HC_IN, OPER], extra=[SERIAL], name_object=name_object)
    assert template.name_object == name_object
    assert template.oids()[1::3][:3] == tuple(named)
    async with await Client.open() as client, scripted(mib_answer(objects)) as agent:
        where = Agent("127.0.0.1", agent.port)
        (first,) = await client.fetch(where, [template])
        (second,) = await client.fetch(where, [template])
        objects[*name_object, 1] = (Tag.OCTET_STRING, b"ether2")
        (third,) = await client.fetch(where, [template])
    assert first._replace(received_ns_monotonic=7) == generic(reply_of(GOOD))
    assert second._replace(received_ns_monotonic=7) == first._replace(received_ns_monotonic=7)
    assert (third.names_match, third.names[0]) == (False, b"ether2")


def test_without_interfaces_the_uptime_and_the_extras_are_still_asked_for() -> None:
    (template,) = build_templates([], [HC_IN], 60, extra=[SERIAL])
    assert template.oids() == (SYS_UP_TIME, SERIAL)


@pytest.mark.parametrize(("index", "most"), [(1, 6), (500, 5), (16_777_216, 5)])
def test_as_many_interfaces_ride_in_a_pdu_as_one_frame_holds_the_usual_reply_of(index: int, most: int) -> None:
    counters = [HC_IN, (*HC_IN[:-1], 10), *((*OPER[:-1], column) for column in (13, 14, 19, 20))]
    columns = [*counters, OPER, (*OPER[:-1], 7), (*HC_IN[:-1], 15), (*HC_IN[:-1], 19)]
    template = build_templates([(index + at, b"ether%d" % at) for at in range(48)], columns)[0]
    assert len(template.identity) == most
    cells = [VarBind(oid, Tag.GAUGE32, 2**20) for oid in template.oids()]
    reply = encode_message(Message(V2C, b"an ordinary community", Pdu(PduKind.RESPONSE, 2**30, 0, 0, tuple(cells))))
    assert 1100 < len(reply) <= 1472


@given(st.integers(0, 40), st.integers(0, 8), st.integers(1, 70), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_interface_is_asked_for_exactly_once(interfaces: int, columns: int, most: int, extras: int) -> None:
    identity = [(index, b"x") for index in range(1, interfaces + 1)]
    extra = [(*SERIAL, number) for number in range(extras)]
    templates = build_templates(identity, [(*HC_IN, column) for column in range(columns)], most, extra=extra)
    assert [one for template in templates for one in template.identity] == identity
    smallest = 1 + 1 + columns + extras
    assert all(len(template.oids()) <= max(most, smallest) for template in templates)


async def test_fetch_recognises_a_reply_or_decodes_it_with_the_same_result() -> None:
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
        (usual,) = await client.fetch(where, [TEMPLATE])
        (again,) = await client.fetch(where, [TEMPLATE])
        agent.answer = long_form
        (unusual,) = await client.fetch(where, [TEMPLATE])
        assert usual.cells == again.cells == unusual.cells
        assert (usual.names, usual.extra, usual.uptime_ticks) == (unusual.names, unusual.extra, unusual.uptime_ticks)
        assert usual.received_ns_monotonic < unusual.received_ns_monotonic

        agent.answer = lambda request: [response(request, (), 1)]
        with pytest.raises(SnmpStatusError, match="tooBig"):
            await client.fetch(where, [TEMPLATE])
        agent.answer = lambda request: [response(request, request.pdu.varbinds[1:])]
        with pytest.raises(SnmpResponseError, match="other variables"):
            await client.fetch(where, [TEMPLATE])


def test_interfaces_with_small_numbers_ride_together_in_larger_parties() -> None:
    identity = [(index, b"ether1") for index in range(1, 49)]
    columns = [(*HC_IN[:-1], column) for column in range(1, 11)]
    assert len(build_templates(identity, columns, number_octets=5)) < len(build_templates(identity, columns))
    assert len(build_templates(identity, columns, number_octets=80)) > len(build_templates(identity, columns))


def test_what_numbers_take_is_the_most_of_any_interface_with_room_to_grow() -> None:
    def said(*cells: int | None) -> TemplateReply:
        return TemplateReply(1, 1, True, (), cells, ())

    assert octets_of_numbers(said(1, 2, 1, None), 2) == 2
    assert octets_of_numbers(said(1, 1, 2**20, 1), 2) == 3 + 1 + 1
    assert octets_of_numbers(said(), 2) == 0
