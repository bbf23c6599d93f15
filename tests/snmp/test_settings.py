from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from netmon.snmp.settings import NotificationSettings, SnmpCredential, SnmpSettings
from netmon.snmp.users import MAX_NAME, AuthProtocol, PrivProtocol, User

SECRET = {"env": "SNMP_SECRET"}
V3 = {"version": 3, "user": "reader", "auth": "sha256", "auth_password": SECRET}


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ({"community": SECRET}, "2c"),
        ({"version": 1, "community": SECRET}, "1"),
        ({"version": "2c", "community": SECRET}, "2c"),
        ({"version": 3, "user": "reader"}, "3"),
        (V3, "3"),
        (V3 | {"priv": "aes256c", "priv_password": SECRET, "context": "vrf-9"}, "3"),
    ],
)
def test_every_way_to_be_let_in_can_be_written(written: dict[str, Any], version: str) -> None:
    assert SnmpCredential.model_validate(written).version == version


def test_protocols_go_by_the_names_vendors_give_them() -> None:
    for auth, protocol in (("SHA", "sha"), ("sha1", "sha"), ("SHA-256", "sha256"), ("HMAC-384-SHA-512", "sha512")):
        assert SnmpCredential.model_validate(V3 | {"auth": auth}).auth is AuthProtocol(protocol)
    for priv, name in (("aes", "aes128"), ("AES", "aes128"), ("Aes-256", "aes256"), ("AES-256-C", "aes256c")):
        found = SnmpCredential.model_validate(V3 | {"priv": priv, "priv_password": SECRET})
        assert found.priv is PrivProtocol(name)
    for auth in ("md5", "sha", "sha224", "sha256", "sha384", "sha512"):
        assert SnmpCredential.model_validate(V3 | {"auth": auth}).auth is AuthProtocol(auth)
    for priv in ("des", "aes128", "aes192", "aes256", "aes192c", "aes256c"):
        found = SnmpCredential.model_validate(V3 | {"priv": priv, "priv_password": SECRET})
        assert found.priv is PrivProtocol(priv)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({}, "version 2c needs a community"),
        ({"version": 1}, "version 1 needs a community"),
        ({"version": 2, "community": SECRET}, "Input should be '1', '2c' or '3'"),
        ({"version": True, "community": SECRET}, "Input should be '1', '2c' or '3'"),
        ({"version": 3}, "version 3 needs a user"),
        (V3 | {"community": SECRET}, "version 3 has no community"),
        ({"community": SECRET, "user": "reader"}, "user belongs to version 3; write version: 3"),
        ({"community": SECRET, "context": "x"}, "context belongs to version 3"),
        ({"version": 3, "user": "reader", "auth": "sha"}, "auth and auth_password go together"),
        ({"version": 3, "user": "reader", "auth_password": SECRET}, "auth and auth_password go together"),
        (V3 | {"priv": "des"}, "priv and priv_password go together"),
        (
            {"version": 3, "user": "reader", "priv": "des", "priv_password": SECRET},
            "no privacy without authentication",
        ),
        (V3 | {"auth": "sha3"}, "'sha3' is not known; use md5, sha, sha224, sha256, sha384, sha512"),
        (V3 | {"auth": 256}, "'256' is not known; use md5"),
        (V3 | {"auth": False}, "'sha256'"),
        (
            V3 | {"priv": "3DES", "priv_password": SECRET},
            "'3DES' is not known; no RFC has it for SNMPv3; use des, aes1",
        ),
        (V3 | {"priv": "aes512", "priv_password": SECRET}, "'aes512' is not known; use des, aes128, aes192, aes256"),
        (V3 | {"user": ""}, "at least 1 character"),
        (V3 | {"user": "x" * 33}, "has 33 octets in UTF-8, and may have 32; use a shorter one"),
        (V3 | {"user": "日本語" * 4}, "has 36 octets in UTF-8, and may have 32; use a shorter one"),
        (V3 | {"context": "日" * 86}, "has 258 octets in UTF-8, and may have 255; use a shorter one"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_remedy(written: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        SnmpCredential.model_validate(written)


@pytest.mark.parametrize(("written", "address"), [("10.20.0.5", "10.20.0.5"), ("2001:DB8:0::5", "2001:db8::5")])
def test_a_source_address_is_an_ip_address(written: str, address: str) -> None:
    assert SnmpSettings(source_address=written).source_address == address
    with pytest.raises(ValidationError, match="not an IP address of this host"):
        SnmpSettings(source_address="core-router")


def test_an_address_of_this_host_is_written_as_replies_come_from_it() -> None:
    assert SnmpSettings(source_address="fe80::1%eth0").source_address == "fe80::1%eth0"
    with pytest.raises(ValidationError, match="is link-local: its interface has to be written"):
        SnmpSettings(source_address="fe80::1")
    with pytest.raises(ValidationError, match=r"IPv4 address in the form of IPv6; write 10\.0\.0\.1"):
        NotificationSettings(listen=("0.0.0.0", "::ffff:10.0.0.1"))


def test_a_user_of_as_many_octets_as_there_may_be_is_taken_by_settings_and_by_the_engine() -> None:
    name = "é" * (MAX_NAME // 2)
    assert SnmpCredential.model_validate({"version": 3, "user": name}).user == name
    assert User(name.encode()).name == name.encode()
