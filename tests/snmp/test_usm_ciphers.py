"""Encryption and message authentication, each way, against pysnmp's."""

from __future__ import annotations

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type import univ  # type: ignore[import-untyped]
from snmp.usm_oracle import AUTHS, PRIVS

from netmon.snmp.keys import KeyRing, LocalUser, password_to_key, privacy_key
from netmon.snmp.privacy import Privacy, Salts, aes, des
from netmon.snmp.security_errors import SnmpDecryptionError
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import Level, decode_secure, encode_secure

ENGINE = bytes.fromhex("80001f8804746573742d656e67696e65")
KEY = privacy_key(AuthProtocol.SHA, PrivProtocol.AES256, password_to_key(AuthProtocol.SHA, b"maplesyrup"), ENGINE)
COUNT = st.integers(0, 2**31 - 1)


def cipher(priv: PrivProtocol) -> tuple[Privacy, bytes]:
    octets = {"aes192": 24, "aes256": 32}.get(priv.value.rstrip("c"), 16)
    key = KEY[:octets]
    return (des(key) if priv is PrivProtocol.DES else aes(key)), key


@pytest.mark.parametrize("priv", PrivProtocol)
@given(plain=st.binary(min_size=1, max_size=1500), boots=COUNT, time=COUNT)
@settings(max_examples=15, deadline=None)
def test_pysnmp_decrypts_what_we_encrypt_and_we_what_it_encrypts(
    priv: PrivProtocol, plain: bytes, boots: int, time: int
) -> None:
    ours, key = cipher(priv)
    theirs, oracle_key = PRIVS[priv], univ.OctetString(key)
    salt = Salts().next()
    secret = ours.encrypt(plain, boots, time, salt)
    parameters = (univ.Integer(boots), univ.Integer(time), univ.OctetString(salt))
    padding = bytes(-len(plain) % 8) if ours.padded else b""
    assert bytes(theirs.decrypt_data(oracle_key, parameters, univ.OctetString(secret))) == plain + padding
    secret, salt = map(bytes, theirs.encrypt_data(oracle_key, parameters, plain))
    assert ours.decrypt(secret, boots, time, salt)[: len(plain)] == plain


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=70), COUNT, COUNT), max_size=8))
@settings(max_examples=50, deadline=None)
def test_each_message_is_ciphered_as_if_it_were_the_first(messages: list[tuple[bool, bytes, int, int]]) -> None:
    one = aes(KEY[:16])
    for encrypts, octets, boots, time in messages:
        salt = Salts().next()
        iv = boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
        alone = Cipher(AES(KEY[:16]), CFB(iv))
        if encrypts:
            assert one.encrypt(octets, boots, time, salt) == alone.encryptor().update(octets)
        else:
            assert one.decrypt(octets, boots, time, salt) == alone.decryptor().update(octets)


@pytest.mark.parametrize("auth", AuthProtocol)
def test_pysnmp_verifies_our_code_and_we_its(auth: AuthProtocol) -> None:
    user = KeyRing().local(User(b"reader", auth, b"maplesyrup"), ENGINE)
    service = AUTHS[auth]
    key = service.localize_key(service.hash_passphrase(b"maplesyrup"), univ.OctetString(ENGINE))
    blank, at = encode_secure(
        7, Level.AUTH_NO_PRIV, True, ENGINE, 1, 2, b"reader", user.mac_octets, b"", b"\x30\x04\x04\x00\x04\x00"
    )
    whole = bytes(service.authenticate_outgoing_message(key, blank))
    code = user.mac(blank)
    assert whole == blank[:at] + code + blank[at + len(code) :]
    assert bytes(service.authenticate_incoming_message(key, univ.OctetString(code), whole)) == blank
    message = decode_secure(whole)
    assert (message.mac_at, message.mac_octets) == (at, len(code))


@pytest.mark.parametrize("priv", PrivProtocol)
def test_what_no_such_cipher_can_have_made_is_refused(priv: PrivProtocol) -> None:
    ours, _ = cipher(priv)
    with pytest.raises(SnmpDecryptionError, match="7 octets"):
        ours.decrypt(bytes(16), 1, 1, bytes(7))
    if priv is PrivProtocol.DES:
        with pytest.raises(SnmpDecryptionError, match="whole number of DES blocks"):
            ours.decrypt(bytes(17), 1, 1, bytes(8))


def test_salts_start_anywhere_and_never_repeat() -> None:
    salts, others = Salts(), Salts()
    found = [salts.next() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert {len(salt) for salt in found} == {8}
    assert others.next() not in found
    salts._next = 2**64 - 1
    assert [salts.next(), salts.next()] == [b"\xff" * 8, bytes(8)]


def test_a_user_without_authentication_has_neither_code_nor_cipher() -> None:
    user = LocalUser(User(b"reader"), b"", None)
    assert (user.level, user.mac_octets, user.privacy) == (Level.NO_AUTH_NO_PRIV, 0, None)
