from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from netmon.snmp.settings import SnmpCredential, SnmpSettings
from netmon.snmp.users import AuthProtocol, PrivProtocol

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
        (V3 | {"auth": "sha1"}, "'sha256'"),
        (V3 | {"user": ""}, "at least 1 character"),
        (V3 | {"user": "x" * 33}, "at most 32 characters"),
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
