"""What is looked at in the PDU of a notification before the decoder takes it: its length, and its numbers.

The decoder takes 60 us for each variable, and object identifiers and numbers of any size.
"""

from __future__ import annotations

from typing import Final

from netmon.snmp.codec import V1, PduKind, Tag, decode_value, decode_varbinds, expect_tlv, fail, open_envelope, open_pdu
from netmon.snmp.notification_events import MAX_VARBINDS
from netmon.snmp.oid import MAX_LENGTH

V1_TRAP: Final = 0xA4
"""Trap-PDU (RFC 1157 section 4.1.6)."""
NOTIFICATIONS: Final = frozenset({PduKind.TRAP, PduKind.INFORM})
_SEQUENCE: Final = 0x30
_FIELDS: Final = (
    (Tag.OID, "enterprise"),
    (Tag.IP_ADDRESS, "agent-addr"),
    (Tag.INTEGER, "generic-trap"),
    (Tag.INTEGER, "specific-trap"),
    (Tag.TIME_TICKS, "time-stamp"),
)
_ENTERPRISE_SPECIFIC: Final = 6
"""The highest generic-trap."""


def variables_at(version: int, data: bytes, at: int) -> int:
    """Where the variable-bindings of the notification at `at` begin; they end with `data`.

    SnmpDecodeError if there is no notification of that version; the values of its fields are not looked at.
    """
    if version == V1:
        return _trap_fields(data, at)[1]
    head = open_pdu(data, at)
    if head.kind not in NOTIFICATIONS:
        fail("neither a trap nor an inform", at)
    return head.varbinds_at


def is_too_many(data: bytes, at: int) -> bool:
    """Whether more than MAX_VARBINDS variable-bindings fill `data` from `at` on; SnmpDecodeError if anything else does.

    Only their tags and lengths are looked at.
    """
    end = len(data)
    for _ in range(MAX_VARBINDS):
        if at == end:
            return False
        _, at = expect_tlv(data, at, end, _SEQUENCE, "a variable-binding")
    return at < end


def examine(data: bytes) -> None:
    """SnmpDecodeError if a notification of version 1 or 2c has names or numbers beyond what SNMP has.

    That is more than 128 numbers in an object identifier, or one above 2^32 - 1 (RFC 2578 section 3.5), and whatever
    else `codec.decode_varbinds` refuses.
    """
    version, _, at = open_envelope(data)
    if version == V1:
        fields, at = _trap_fields(data, at)
        values = [decode_value(tag, data[start:stop], start) for tag, start, stop in fields]
        enterprise, _, generic, specific, _ = values
        # The translation puts two numbers behind it (RFC 3584 section 3.1).
        if isinstance(enterprise, tuple) and len(enterprise) > MAX_LENGTH - 2:
            fail(f"an enterprise of {len(enterprise)} numbers; at most {MAX_LENGTH - 2} are allowed", fields[0][1])
        if not isinstance(generic, int) or not 0 <= generic <= _ENTERPRISE_SPECIFIC:
            fail(f"a generic-trap that is not 0 to {_ENTERPRISE_SPECIFIC}", fields[2][1])
        if not isinstance(specific, int) or specific < 0:
            fail("a specific-trap that is negative", fields[3][1])
    else:
        at = variables_at(version, data, at)
    decode_varbinds(data, at)


def _trap_fields(data: bytes, at: int) -> tuple[list[tuple[int, int, int]], int]:
    """Tag, start and end of each field of the Trap-PDU at `at`, and where its variable-bindings begin."""
    at, end = expect_tlv(data, at, len(data), V1_TRAP, "the Trap-PDU")
    if end != len(data):
        fail("octets follow the Trap-PDU", end)
    fields: list[tuple[int, int, int]] = []
    for tag, what in _FIELDS:
        start, at = expect_tlv(data, at, end, tag, what)
        fields.append((int(tag), start, at))
    at, stop = expect_tlv(data, at, end, _SEQUENCE, "the variable-bindings")
    if stop != end:
        fail("octets follow the variable-bindings", stop)
    return fields, at
