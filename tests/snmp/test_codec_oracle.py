"""pysnmp, written by others from the same RFCs, must read what we write, and we what it writes."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from pyasn1.codec.ber import decoder, encoder  # type: ignore[import-untyped]
from pyasn1.type import univ  # type: ignore[import-untyped]
from pysnmp.proto.api import v2c  # type: ignore[import-untyped]
from snmp.strategies import messages

from netmon.snmp.codec import Message, PduKind, Value, decode_message, encode_message

KINDS = {
    PduKind.GET: v2c.GetRequestPDU,
    PduKind.GET_NEXT: v2c.GetNextRequestPDU,
    PduKind.RESPONSE: v2c.ResponsePDU,
    PduKind.SET: v2c.SetRequestPDU,
    PduKind.GET_BULK: v2c.GetBulkRequestPDU,
    PduKind.INFORM: v2c.InformRequestPDU,
    PduKind.TRAP: v2c.SNMPv2TrapPDU,
    PduKind.REPORT: v2c.ReportPDU,
}


def value_of(oracle: Any) -> Value:
    """A pysnmp value as the codec would give it."""
    if isinstance(oracle, univ.Null):  # the exceptions are Nulls too
        return None
    if isinstance(oracle, v2c.ObjectIdentifier):
        return tuple(oracle)
    if isinstance(oracle, v2c.OctetString | v2c.Opaque | v2c.IpAddress):
        return bytes(oracle)
    return int(oracle)


def tag_of(oracle: Any) -> int:
    last = oracle.tagSet[-1]
    return int(last.tagClass | last.tagFormat | last.tagId)


@given(messages())
@settings(max_examples=60, deadline=None)
def test_pysnmp_reads_what_we_write_and_we_read_what_pysnmp_writes(message: Message) -> None:
    oracle, rest = decoder.decode(encode_message(message), asn1Spec=v2c.Message())
    assert rest == b""
    assert int(oracle[0]) == message.version
    assert bytes(oracle[1]) == message.community
    pdu = oracle[2].getComponent()
    assert isinstance(pdu, KINDS[message.pdu.kind])
    assert [int(pdu[i]) for i in range(3)] == [
        message.pdu.request_id,
        message.pdu.error_status,
        message.pdu.error_index,
    ]
    # getComponent(1): the innermost alternative of the nested CHOICEs.
    read = [(tuple(one[0]), one[1].getComponent(1)) for one in pdu[3]]
    assert [(name, tag_of(value), value_of(value)) for name, value in read] == [
        tuple(varbind) for varbind in message.pdu.varbinds
    ]
    # pyasn1 writes this one number in five octets (0xff 0x80 0 0 0), which X.690 8.3.2 forbids.
    assume(-(2**31) not in {message.pdu.request_id, *(varbind.value for varbind in message.pdu.varbinds)})
    assert decode_message(encoder.encode(oracle)) == message
