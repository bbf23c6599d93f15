"""Keys against the vectors of the RFCs and against pysnmp, written by others from the same documents."""

from __future__ import annotations

import hashlib
import hmac
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type import univ  # type: ignore[import-untyped]
from snmp.usm_oracle import AUTH_OIDS, AUTHS, PRIVS

from netmon.snmp import keys
from netmon.snmp.keys import KeyRing, LocalUser, localize, password_to_key, privacy_key
from netmon.snmp.security_errors import SnmpUserError
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import Level

PASSWORD = b"maplesyrup"
ENGINE = bytes.fromhex("000000000000000000000002")


@pytest.mark.parametrize(
    ("auth", "key", "localized"),
    [
        (AuthProtocol.MD5, "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        (
            AuthProtocol.SHA,
            "9fb5cc0381497b3793528939ff788d5d79145211",
            "6695febc9288e36282235fc7151f128497b38f3f",
        ),
    ],
)
def test_maplesyrup_gives_the_keys_of_rfc_3414_a_3(auth: AuthProtocol, key: str, localized: str) -> None:
    assert password_to_key(auth, PASSWORD).hex() == key
    assert localize(auth, bytes.fromhex(key), ENGINE).hex() == localized


@pytest.mark.parametrize("auth", AUTHS)
def test_every_hash_gives_pysnmps_keys(auth: AuthProtocol) -> None:
    oracle = AUTHS[auth]
    key = password_to_key(auth, PASSWORD)
    assert key == bytes(oracle.hash_passphrase(PASSWORD))
    assert localize(auth, key, ENGINE) == bytes(oracle.localize_key(univ.OctetString(key), univ.OctetString(ENGINE)))


@pytest.mark.parametrize("priv", PRIVS)
@pytest.mark.parametrize("auth", AUTHS)
def test_every_hash_with_every_cipher_gives_pysnmps_privacy_key(auth: AuthProtocol, priv: PrivProtocol) -> None:
    key = password_to_key(auth, PASSWORD)
    oracle = PRIVS[priv].localize_key(AUTH_OIDS[auth], univ.OctetString(key), univ.OctetString(ENGINE))
    assert privacy_key(auth, priv, key, ENGINE) == bytes(oracle)


def test_both_key_extensions_differ_where_the_hash_is_short_and_only_there() -> None:
    for auth, same in ((AuthProtocol.SHA, False), (AuthProtocol.SHA256, True), (AuthProtocol.SHA512, True)):
        key = password_to_key(auth, PASSWORD)
        found = [privacy_key(auth, priv, key, ENGINE) for priv in (PrivProtocol.AES256, PrivProtocol.AES256C)]
        assert [len(one) for one in found] == [32, 32]
        assert (found[0] == found[1]) is same


@pytest.mark.parametrize(
    ("auth", "algorithm", "octets"),
    [
        (AuthProtocol.MD5, "md5", 12),
        (AuthProtocol.SHA, "sha1", 12),
        (AuthProtocol.SHA224, "sha224", 16),
        (AuthProtocol.SHA256, "sha256", 24),
        (AuthProtocol.SHA384, "sha384", 32),
        (AuthProtocol.SHA512, "sha512", 48),
    ],
)
@given(message=st.binary(max_size=2000), key=st.binary(min_size=16, max_size=64))
@settings(max_examples=20, deadline=None)
def test_the_mac_is_the_hmac_cut_as_rfc_7860_says(
    auth: AuthProtocol, algorithm: str, octets: int, message: bytes, key: bytes
) -> None:
    key = key[: hashlib.new(algorithm).digest_size]
    user = LocalUser(User(b"reader", auth, b"password"), key, None)
    assert user.mac(message) == hmac.digest(key, message, algorithm)[:octets]
    assert user.mac(message) == user.mac(message)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"name": b""}, "1 to 32 octets"),
        ({"name": b"x" * 33}, "1 to 32 octets"),
        ({"name": b"reader", "priv": PrivProtocol.DES, "priv_password": b"password"}, "needs an authentication"),
        ({"name": b"reader", "auth": AuthProtocol.MD5, "auth_password": b"hush-no"}, "authentication password must"),
        (
            {
                "name": b"reader",
                "auth": AuthProtocol.MD5,
                "auth_password": b"password",
                "priv": PrivProtocol.DES,
                "priv_password": b"hush",
            },
            "privacy password must have 8",
        ),
    ],
)
def test_a_user_that_no_agent_can_have_is_refused_with_the_reason(arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(SnmpUserError, match=what) as caught:
        User(**arguments)
    assert "hush" not in str(caught.value)


def test_a_user_shows_its_level_but_not_its_passwords() -> None:
    user = User(b"reader", AuthProtocol.SHA, b"open sesame", PrivProtocol.AES128, b"sesame, open")
    assert (user.level, str(user.level)) == (Level.AUTH_PRIV, "authPriv")
    assert "sesame" not in repr(user) + str(user) + repr(KeyRing().local(user, ENGINE))
    assert str(User(b"reader", AuthProtocol.SHA, b"open sesame").level) == "authNoPriv"
    assert str(User(b"reader").level) == "noAuthNoPriv"


def test_the_key_ring_stretches_a_password_once_and_remembers_a_bounded_number_of_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stretched: list[bytes] = []

    def count(_: AuthProtocol, password: bytes) -> bytes:
        stretched.append(password)
        return b"k" * 20

    monkeypatch.setattr(keys, "password_to_key", count)
    monkeypatch.setattr(keys, "LOCALIZED", 2)
    ring = KeyRing()
    user = User(b"reader", AuthProtocol.SHA, b"password1", PrivProtocol.AES128, b"password2")
    first = [ring.local(user, bytes([number])) for number in range(3)]
    assert stretched == [b"password1", b"password2"]
    assert ring.local(user, b"\2") is first[2]
    again = ring.local(user, b"\0")
    assert again is not first[0]
    assert again.mac(b"x") == first[0].mac(b"x")
    other = User(b"reader", AuthProtocol.SHA, b"password3", PrivProtocol.AES128, b"password2")
    assert ring.local(other, b"\2") is not first[2]


def test_the_ciphers_are_used_without_a_warning_of_their_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for priv in PrivProtocol:
            user = KeyRing().local(User(b"reader", AuthProtocol.SHA, b"password1", priv, b"password2"), ENGINE)
            assert user.privacy is not None
            secret = user.privacy.encrypt(b"plain text", 1, 2, b"saltsalt")
            assert user.privacy.decrypt(secret, 1, 2, b"saltsalt")[:10] == b"plain text"
