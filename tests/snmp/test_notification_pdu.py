"""What is refused of a notification before the decoder sees it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snmp.authority import seal
from snmp.strategies import WHATEVER, varbinds

from netmon.snmp.codec import V1, V2C, PduKind, Tag, VarBind, encode_integer, encode_oid, encode_tlv, encode_varbind
from netmon.snmp.errors import SnmpDecodeError
from netmon.snmp.keys import KeyRing
from netmon.snmp.notification_events import MAX_VARBINDS, Drop
from netmon.snmp.notification_gate import Admitted, Gate, Prover, Sender
from netmon.snmp.notification_pdu import V1_TRAP, examine, is_too_many, variables_at
from netmon.snmp.notification_socket import MAX_DATAGRAM
from netmon.snmp.privacy import Salts
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import V3, decode_secure, encode_scoped

PUBLIC = b"of-the-traps"
ENGINE = b"\x80\0\0\0\x04router"
UNAUTHENTICATED = User(b"open")
WATCHER = User(b"watcher", AuthProtocol.SHA256, b"authentication", PrivProtocol.AES128, b"and privacy")
USERS = pytest.mark.parametrize("user", [UNAUTHENTICATED, WATCHER], ids=str)
LINK_DOWN = VarBind((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0), Tag.OID, (1, 3, 6, 1, 6, 3, 1, 1, 5, 3))
MOST = 2**31 - 1


def binding(name: bytes, value: bytes = b"\x05\0") -> bytes:
    return encode_tlv(0x30, encode_tlv(Tag.OID, name) + value)


def pdu(*bindings: bytes, kind: int = PduKind.TRAP) -> bytes:
    return encode_tlv(kind, b"\x02\x01\x07\x02\x01\0\x02\x01\0" + encode_tlv(0x30, b"".join(bindings)))


def message(content: bytes, version: int = V2C) -> bytes:
    return encode_tlv(0x30, encode_integer(version) + encode_tlv(Tag.OCTET_STRING, PUBLIC) + content)


def v1(
    enterprise: bytes = b"\x2b\x06\x01\x04\x01\x09",
    generic: bytes = b"\x06",
    specific: bytes = b"\x11",
    bindings: bytes = b"",
) -> bytes:
    head = encode_tlv(Tag.OID, enterprise) + encode_tlv(Tag.IP_ADDRESS, bytes(4))
    numbers = encode_tlv(Tag.INTEGER, generic) + encode_tlv(Tag.INTEGER, specific) + b"\x43\x01\x04"
    return message(encode_tlv(V1_TRAP, head + numbers + encode_tlv(0x30, bindings)), V1)


def v3(user: User, content: bytes) -> bytes:
    local = KeyRing().local(user, ENGINE)
    return seal(local, user.level, ENGINE, (3, 4), 77, False, encode_scoped(ENGINE, b"", content), Salts())


def gate(*credentials: bytes | User) -> Gate:
    found = Gate(rate=1, burst=1, source_rate=1, source_burst=1)
    found.know([Sender("palu", ("10.0.0.1",), credentials)])
    return found


# --- how much there may be -------------------------------------------------------------------

ONE = binding(b"\x2b")


@pytest.mark.parametrize(("bindings", "too_many"), [(0, False), (MAX_VARBINDS, False), (MAX_VARBINDS + 1, True)])
def test_as_many_variables_are_let_through_as_are_kept_of_an_event(bindings: int, too_many: bool) -> None:
    assert is_too_many(b"before" + ONE * bindings, 6) is too_many


@pytest.mark.parametrize(
    "data",
    [
        message(pdu(*[ONE] * (MAX_VARBINDS + 1))),
        message(pdu(*[b"\x30\0"] * 3000)),
        message(pdu(*[ONE] * (MAX_VARBINDS + 1), kind=PduKind.INFORM)),
        v1(bindings=ONE * (MAX_VARBINDS + 1)),
        message(pdu(binding(b"\x2b", encode_tlv(Tag.OCTET_STRING, b"x" * MAX_DATAGRAM)))),
    ],
    ids=["variables", "empty variables", "inform", "version 1", "octets"],
)
def test_what_is_too_large_is_refused_before_it_takes_a_token(data: bytes) -> None:
    small, before = message(pdu(encode_varbind(LINK_DOWN))), gate(PUBLIC)
    assert before.admit("10.0.0.1", data, 0) is Drop.TOO_LARGE
    assert before.admit("10.0.0.1", small, 0) == Admitted("palu", small, PUBLIC, None)
    assert before.admit("10.0.0.1", small, 0) is Drop.SOURCE_RATE


def test_a_datagram_of_the_most_octets_is_let_through() -> None:
    around = len(message(pdu(binding(b"\x2b", encode_tlv(Tag.OCTET_STRING, b"x" * 8000))))) - 8000
    data = message(pdu(binding(b"\x2b", encode_tlv(Tag.OCTET_STRING, b"x" * (MAX_DATAGRAM - around)))))
    assert len(data) == MAX_DATAGRAM
    assert isinstance(gate(PUBLIC).admit("10.0.0.1", data, 0), Admitted)


@USERS
def test_what_is_too_large_in_version_3_is_refused_once_it_can_be_read(user: User) -> None:
    def verdict(variables: int) -> Drop | None:
        data = v3(user, pdu(encode_varbind(LINK_DOWN), *[ONE] * variables))
        return Prover(b"\x80\0\0\0\x04ourselves").prove("palu", user, decode_secure(data), 0)

    assert verdict(MAX_VARBINDS) is Drop.TOO_LARGE
    assert verdict(MAX_VARBINDS - 1) is None
    assert gate(user).admit("10.0.0.1", v3(user, pdu(*[ONE] * 3000)), 0) is Drop.TOO_LARGE


# --- how large a number may be ---------------------------------------------------------------

TOO_LONG = b"\x2b" + b"\x01" * 127
LONGEST = b"\x2b" + b"\x01" * 126
TOO_WIDE = b"\x2b\x90\x80\x80\x80\x00"
WIDEST = b"\x2b\x8f\xff\xff\xff\x7f"
TRAP_OID = encode_oid(LINK_DOWN.oid)


def of_type(oid: bytes) -> bytes:
    return encode_tlv(0x30, TRAP_OID + encode_tlv(Tag.OID, oid))


IMPOSSIBLE = {
    "a name of 129 numbers": binding(TOO_LONG),
    "a value of 129 numbers": binding(b"\x2b", encode_tlv(Tag.OID, TOO_LONG)),
    "a type of 60,002 numbers": of_type(b"\x2b" + b"\x01" * 60_000),
    "a name with 2^32": binding(TOO_WIDE),
    "a value with 2^32": binding(b"\x2b", encode_tlv(Tag.OID, TOO_WIDE)),
    "a type with 2^32": of_type(TOO_WIDE),
    "a number of 60,000 octets": binding(b"\x2b", encode_tlv(Tag.INTEGER, b"\x7f" * 60_000)),
}
POSSIBLE = {
    "names of 128 numbers": binding(LONGEST, encode_tlv(Tag.OID, LONGEST)),
    "names with 2^32 - 1": binding(WIDEST, encode_tlv(Tag.OID, WIDEST)),
}


@pytest.mark.parametrize("one", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_names_and_numbers_beyond_those_of_snmp_are_refused(one: bytes) -> None:
    for data in (message(pdu(one)), message(pdu(one, kind=PduKind.INFORM)), v1(bindings=one)):
        with pytest.raises(SnmpDecodeError):
            examine(data)
    for user in (UNAUTHENTICATED, WATCHER):
        said = decode_secure(v3(user, pdu(one)))
        assert Prover(b"\x80\0\0\0\x04ourselves").prove("palu", user, said, 0) is Drop.UNDECODABLE


@pytest.mark.parametrize("one", POSSIBLE.values(), ids=POSSIBLE)
def test_names_and_numbers_at_their_limits_are_taken(one: bytes) -> None:
    for data in (message(pdu(one)), message(pdu(one, kind=PduKind.INFORM)), v1(bindings=one)):
        examine(data)
    for user in (UNAUTHENTICATED, WATCHER):
        said = decode_secure(v3(user, pdu(one)))
        assert Prover(b"\x80\0\0\0\x04ourselves").prove("palu", user, said, 0) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (v1(specific=(2**40).to_bytes(6, "big")), "an INTEGER of 6 octets"),
        (v1(specific=(2**31).to_bytes(5, "big")), "an INTEGER of 5 octets"),
        (v1(specific=b"\xff"), "a specific-trap that is negative"),
        (v1(generic=b"\x07"), "a generic-trap that is not 0 to 6"),
        (v1(generic=b"\xff"), "a generic-trap that is not 0 to 6"),
        (v1(enterprise=LONGEST), "an enterprise of 128 numbers; at most 126 are allowed"),
        (v1(enterprise=TOO_WIDE), "an OID with a number above 4294967295"),
    ],
)
def test_the_fields_of_a_trap_of_version_1_are_held_to_their_ranges(data: bytes, why: str) -> None:
    # At the gate they are not looked at: what costs nothing to skip is left to those who hold a token.
    assert isinstance(gate(PUBLIC).admit("10.0.0.1", data, 0), Admitted)
    with pytest.raises(SnmpDecodeError, match=why):
        examine(data)


def test_the_fields_of_a_trap_of_version_1_are_taken_at_their_limits() -> None:
    examine(v1(enterprise=b"\x2b" + b"\x01" * 124, generic=b"\0", specific=MOST.to_bytes(4, "big")))


# --- laws ------------------------------------------------------------------------------------


@given(st.lists(varbinds(WHATEVER), max_size=MAX_VARBINDS + 2))
def test_variables_are_counted_as_they_are_decoded(found: list[VarBind]) -> None:
    data = message(pdu(*map(encode_varbind, found)))
    at = variables_at(V2C, data, 2 + (data[1] & 0x7F if data[1] >= 0x80 else 0) + 3 + 2 + len(PUBLIC))
    assert is_too_many(data, at) is (len(found) > MAX_VARBINDS)
    examine(data)


WELL_FORMED = [message(pdu(encode_varbind(LINK_DOWN))), v1(), v3(UNAUTHENTICATED, pdu(encode_varbind(LINK_DOWN)))]


@given(st.sampled_from(WELL_FORMED), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_no_octets_are_too_odd_to_be_refused(data: bytes, changes: list[tuple[int, int]]) -> None:
    odd = bytearray(data)
    for at, octet in changes:
        odd[at % len(odd)] = octet
    verdict = gate(PUBLIC, UNAUTHENTICATED).admit("10.0.0.1", bytes(odd), 0)
    if isinstance(verdict, Admitted) and verdict.secure is None:
        with contextlib.suppress(SnmpDecodeError):
            examine(verdict.data)
    elif isinstance(verdict, Admitted) and isinstance(verdict.credential, User) and verdict.secure is not None:
        assert verdict.data[2:5] == encode_integer(V3)
        Prover(ENGINE).prove("palu", verdict.credential, verdict.secure, 0)
