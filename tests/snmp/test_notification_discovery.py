"""How our engine id is told, held against what pysnmp would answer."""

from __future__ import annotations

import time

import pytest

from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, decode_varbinds, encode_pdu, open_pdu
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.notification_decoder import Decoder
from netmon.snmp.notification_discovery import introduction
from netmon.snmp.usm import UNKNOWN_ENGINE_IDS
from netmon.snmp.v3 import Level, SecureMessage, decode_secure, encode_scoped, encode_secure, open_scoped

ENGINE = b"\x80\x00\x4f\xb8\x05ourselves"
MESSAGE_ID, REQUEST_ID = 0x0102_0304, 0x1234


def question(content: bytes) -> SecureMessage:
    scoped = encode_scoped(b"", b"", content)
    return decode_secure(encode_secure(MESSAGE_ID, Level.NO_AUTH_NO_PRIV, True, b"", 0, 0, b"", 0, b"", scoped)[0])


def test_our_engine_id_is_told_as_pysnmp_tells_it() -> None:
    decoder = Decoder(ENGINE, time.time_ns() // 1_000_000_000)
    asked = question(encode_pdu(Pdu(PduKind.GET, REQUEST_ID, 0, 0, ())))
    for times in (1, 2):
        clock = decoder.clock
        (theirs,) = decoder.decode(asked.raw).replies
        # A second may begin between the two.
        assert theirs in {introduction(asked, ENGINE, now, times) for now in (clock, decoder.clock)}


def test_our_engine_id_is_told_with_our_time_and_the_ids_of_the_question() -> None:
    asked = question(encode_pdu(Pdu(PduKind.GET, REQUEST_ID, 0, 0, ())))
    told = decode_secure(introduction(asked, ENGINE, (7, 600), 2**32 + 5))
    assert (told.message_id, told.engine_id, told.boots, told.time) == (MESSAGE_ID, ENGINE, 7, 600)
    assert (told.level, told.reportable) == (Level.NO_AUTH_NO_PRIV, False)
    scoped = open_scoped(told.raw, told.data_at, padded=False)
    head = open_pdu(scoped.data, scoped.pdu_at)
    assert (head.kind, head.request_id) == (PduKind.REPORT, REQUEST_ID)
    assert decode_varbinds(scoped.data, head.varbinds_at) == (VarBind(UNKNOWN_ENGINE_IDS, Tag.COUNTER32, 5),)


@pytest.mark.parametrize("content", [b"", b"\xa0\x00", b"\xa0\x03\x02\x01\x07", b"\x30\x00"])
def test_what_asks_nothing_is_not_answered(content: bytes) -> None:
    with pytest.raises(SnmpDecodeError):
        introduction(question(content), ENGINE, (7, 600), 1)
