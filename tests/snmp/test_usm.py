from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snmp.authority import seal
from support.processor import processor_time

from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, decode_varbinds, encode_pdu, open_pdu
from netmon.snmp.errors import SnmpDecodeError, SnmpError
from netmon.snmp.keys import KeyRing, LocalUser
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpAuthenticationError, SnmpDecryptionError
from netmon.snmp.template import FRAME
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.usm import beyond_frame, reveal, verify
from netmon.snmp.v3 import Level, decode_secure, encode_scoped

ENGINE = b"\x80\x00\x00\x00\x04test"
PDU = encode_pdu(Pdu(PduKind.RESPONSE, 99, 0, 0, (VarBind((1, 3, 6, 1), Tag.COUNTER64, 2**63),)))
SCOPED = encode_scoped(ENGINE, b"vrf", PDU)
RING = KeyRing()


def user(auth: AuthProtocol | None, priv: PrivProtocol | None = None, password: bytes = b"maplesyrup") -> LocalUser:
    return RING.local(User(b"reader", auth, password, priv, password), ENGINE)


def sealed(one: LocalUser, level: Level | None = None) -> bytes:
    return seal(one, one.level if level is None else level, ENGINE, (3, 4), 77, True, SCOPED, Salts())


ALL = [*itertools.product(AuthProtocol, [None, *PrivProtocol]), (None, None)]


@pytest.mark.parametrize(("auth", "priv"), ALL)
def test_what_is_sealed_is_verified_and_revealed(auth: AuthProtocol | None, priv: PrivProtocol | None) -> None:
    one = user(auth, priv)
    raw = sealed(one)
    message = decode_secure(raw)
    assert message.level is one.level
    assert (SCOPED in raw) is (priv is None)
    if auth is not None:
        verify(one, message, "r1")
    scoped = reveal(one, message, "r1")
    assert (scoped.engine_id, scoped.context, scoped.data[scoped.pdu_at :]) == (ENGINE, b"vrf", PDU)


@pytest.mark.parametrize(("auth", "priv"), ALL)
@pytest.mark.parametrize(("engine", "context"), [(5, b""), (17, b"vrf"), (32, b"c" * 32)])
def test_a_brim_full_reply_fits_into_a_frame_and_hardly_more_would(
    auth: AuthProtocol | None, priv: PrivProtocol | None, engine: int, context: bytes
) -> None:
    engine_id = bytes(engine)
    configured = User(b"reader", auth, b"maplesyrup", priv, b"maplesyrup")
    one = RING.local(configured, engine_id)

    def octets(variables: int) -> int:
        value = b"v" * (variables - 12)
        pdu = encode_pdu(Pdu(PduKind.RESPONSE, 2**31 - 1, 0, 0, (VarBind((1, 3, 6), Tag.OCTET_STRING, value),)))
        assert len(pdu) - open_pdu(pdu, 0).varbinds_at == variables
        scoped = encode_scoped(engine_id, context, pdu)
        clock = (2**31 - 1, 2**31 - 1)
        return len(seal(one, one.level, engine_id, clock, 2**31 - 1, False, scoped, Salts()))

    most = FRAME - beyond_frame(configured, engine, context)
    # Not taken up: a salt and a string's head without privacy, what of a padding was not needed, an octet of
    # msgMaxSize, two of lengths.
    spare = 3 + (12 if priv is None else 0) + (7 if priv is PrivProtocol.DES else 0)
    assert 1472 - spare <= octets(most) <= 1471


def test_the_same_request_never_looks_the_same_twice_under_a_cipher() -> None:
    one, salts = user(AuthProtocol.SHA, PrivProtocol.AES128), Salts()
    found = {seal(one, one.level, ENGINE, (3, 4), 77, True, SCOPED, salts) for _ in range(50)}
    assert len(found) == 50


@pytest.mark.parametrize(
    ("auth", "priv"),
    [
        (AuthProtocol.MD5, None),
        (AuthProtocol.SHA, PrivProtocol.DES),
        (AuthProtocol.SHA, PrivProtocol.AES128),
        (AuthProtocol.SHA512, PrivProtocol.AES256C),
    ],
)
def test_a_flipped_bit_anywhere_is_refused(auth: AuthProtocol, priv: PrivProtocol | None) -> None:
    one = user(auth, priv)
    raw = sealed(one)
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            message = decode_secure(bytes(flipped))
        except SnmpDecodeError:
            continue
        if not message.level:
            continue  # No longer claims to be authentic: the manager's tests refuse it as a lesser level.
        with pytest.raises(SnmpAuthenticationError, match=r"^r1: "):
            verify(one, message, "r1")


@pytest.mark.parametrize("octets", [0, 1, 11, 13, 24])
def test_a_code_of_another_length_is_refused(octets: int) -> None:
    one = user(AuthProtocol.SHA)
    message = decode_secure(sealed(one))
    with pytest.raises(SnmpAuthenticationError):
        verify(one, message._replace(mac_octets=octets), "r1")


def test_another_password_or_protocol_is_refused() -> None:
    message = decode_secure(sealed(user(AuthProtocol.SHA)))
    for other in (user(AuthProtocol.SHA, password=b"marplesyrup"), user(AuthProtocol.MD5), user(None)):
        with pytest.raises(SnmpAuthenticationError):
            verify(other, message, "r1")


def test_a_wrong_privacy_key_reveals_nothing_and_a_user_without_one_refuses() -> None:
    for priv in PrivProtocol:
        message = decode_secure(sealed(user(AuthProtocol.SHA, priv)))
        other = RING.local(User(b"reader", AuthProtocol.SHA, b"maplesyrup", priv, b"marplesyrup"), ENGINE)
        verify(other, message, "r1")
        try:
            scoped = reveal(other, message, "r1")
            assert (scoped.engine_id, scoped.data[scoped.pdu_at :]) != (ENGINE, PDU)
        except SnmpDecodeError:
            pass
        with pytest.raises(SnmpDecryptionError, match=r"^r1: an encrypted message"):
            reveal(user(AuthProtocol.SHA), message, "r1")
        with pytest.raises(SnmpDecryptionError, match=r"^r1: privacy parameters of 3 octets"):
            reveal(other, message._replace(salt=b"abc"), "r1")


@given(st.sampled_from(PrivProtocol), st.binary(max_size=120), st.binary(max_size=9))
@settings(max_examples=150)
@processor_time(1)
def test_whatever_an_authentic_message_holds_only_our_errors_come_of_it(
    priv: PrivProtocol, secret: bytes, salt: bytes
) -> None:
    one = user(AuthProtocol.SHA, priv)
    message = decode_secure(sealed(one))
    message = message._replace(raw=message.raw[: message.data_at] + secret, salt=salt)
    try:
        scoped = reveal(one, message, "r1")
        head = open_pdu(scoped.data, scoped.pdu_at)
        decode_varbinds(scoped.data, head.varbinds_at)
    except SnmpError:
        pass
