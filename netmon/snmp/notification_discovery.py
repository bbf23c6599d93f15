"""The answer to a router that looks for our engine id, before its first inform (RFC 3414 section 4)."""

from __future__ import annotations

from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, encode_pdu, open_pdu
from netmon.snmp.usm import UNKNOWN_ENGINE_IDS
from netmon.snmp.v3 import Level, SecureMessage, encode_scoped, encode_secure, open_scoped


def introduction(message: SecureMessage, engine_id: bytes, clock: tuple[int, int], times: int) -> bytes:
    """The report that we are `engine_id`.

    `clock`: our snmpEngineBoots and snmpEngineTime; `times`: usmStatsUnknownEngineIDs. The variables of the question
    are not looked at. SnmpDecodeError if it asks nothing.
    """
    asked = open_scoped(message.raw, message.data_at, padded=False)
    request_id = open_pdu(asked.data, asked.pdu_at).request_id
    count = VarBind(UNKNOWN_ENGINE_IDS, Tag.COUNTER32, times & 0xFFFF_FFFF)
    report = encode_scoped(engine_id, b"", encode_pdu(Pdu(PduKind.REPORT, request_id, 0, 0, (count,))))
    boots, time = clock
    level = Level.NO_AUTH_NO_PRIV
    return encode_secure(message.message_id, level, False, engine_id, boots, time, b"", 0, b"", report)[0]
