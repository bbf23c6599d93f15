"""SNMPv3 users as they are configured (RFC 3414 section 2.1).

AES with 192 and 256 bits needs more key than most hashes give, and no RFC says how to lengthen it. Two drafts do,
and an agent must be asked in the way it was built:

* `aes192`, `aes256`: draft-blumenthal-aes-usm-04 section 3.1.2.1, hashing on; Net-SNMP's AES-192 and AES-256.
* `aes192c`, `aes256c`: draft-reeder-snmpv3-usm-3desede-00 section 2.1, the password algorithm once more; Cisco's,
  and that of the many who followed it.

With SHA-256 and longer (SHA-224 up to 192 bits) the hash gives enough, and both are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeVar

from netmon.snmp.security_errors import SnmpUserError
from netmon.snmp.v3 import Level

MAX_NAME: Final = 32
"""Octets (RFC 3414 section 5, usmUserName)."""
MIN_PASSWORD: Final = 8
"""RFC 3414 section 11.2."""
MAX_PASSWORD: Final = 1024

P = TypeVar("P", bound=Enum)


class AuthProtocol(Enum):
    """By the name it has in settings."""

    MD5 = "md5"
    SHA = "sha"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class PrivProtocol(Enum):
    """By the name it has in settings; the module's head says which of the long AES is which."""

    DES = "des"
    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"
    AES192C = "aes192c"
    AES256C = "aes256c"


_AUTH_NAMES: Final = {
    AuthProtocol.MD5: "md5 hmacmd5 hmac96md5 hmacmd596",
    AuthProtocol.SHA: "sha sha1 sha96 hmacsha hmac96sha hmacsha96",
    AuthProtocol.SHA224: "sha224 sha2224 hmac128sha224",
    AuthProtocol.SHA256: "sha256 sha2256 hmac192sha256",
    AuthProtocol.SHA384: "sha384 sha2384 hmac256sha384",
    AuthProtocol.SHA512: "sha512 sha2512 hmac384sha512",
}
_PRIV_NAMES: Final = {
    PrivProtocol.DES: "des des56 cbcdes descbc",
    PrivProtocol.AES128: "aes aes128 aes128cfb cfb128aes128 cfbaes128",
    PrivProtocol.AES192: "aes192 aes192cfb cfb128aes192",
    PrivProtocol.AES256: "aes256 aes256cfb cfb128aes256",
    PrivProtocol.AES192C: "aes192c aes192cisco",
    PrivProtocol.AES256C: "aes256c aes256cisco",
}
"""What the vendors call them, small letters and digits alone."""


def auth_protocol(written: str) -> AuthProtocol:
    """The protocol of that name, `SHA-256` or `HMAC-SHA-96` as well as `sha256`; SnmpUserError if there is none."""
    return _named(written, _AUTH_NAMES)


def priv_protocol(written: str) -> PrivProtocol:
    """The protocol of that name, `AES` or `AES-256-C` as well as `aes128`; SnmpUserError if there is none."""
    return _named(written, _PRIV_NAMES)


def _named(written: str, known: Mapping[P, str]) -> P:
    plain = re.sub(r"[^a-z0-9]", "", written.casefold())
    for protocol, names in known.items():
        if plain in names.split():
            return protocol
    hint = "; no RFC has it for SNMPv3" if "3des" in plain else ""
    raise SnmpUserError(f"{written!r} is not known{hint}; use {', '.join(one.value for one in known)}")


def password_problem(password: bytes) -> str:
    """Why no user can have that password; empty: one can."""
    if MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return ""
    return f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"


@dataclass(frozen=True, slots=True)
class User:
    """A user as configured; SnmpUserError if no agent can have such a one."""

    name: bytes
    auth: AuthProtocol | None = None
    auth_password: bytes = field(default=b"", repr=False)
    priv: PrivProtocol | None = None
    priv_password: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME:
            raise SnmpUserError(f"an SNMPv3 user name has 1 to {MAX_NAME} octets, not {len(self.name)}")
        if self.priv is not None and self.auth is None:
            raise SnmpUserError(f"SNMPv3 user {self}: privacy needs an authentication protocol too")
        for what, protocol, password in (
            ("authentication", self.auth, self.auth_password),
            ("privacy", self.priv, self.priv_password),
        ):
            if protocol is not None and (problem := password_problem(password)):
                raise SnmpUserError(f"SNMPv3 user {self}: the {what} password {problem}")

    def __hash__(self) -> int:
        # Users are looked up for every request; the hashes of enumerations take longer than all the rest.
        return hash((self.name, self.auth_password, self.priv_password))

    def __str__(self) -> str:
        return self.name.decode("utf-8", "backslashreplace")

    @property
    def level(self) -> Level:
        if self.auth is None:
            return Level.NO_AUTH_NO_PRIV
        return Level.AUTH_NO_PRIV if self.priv is None else Level.AUTH_PRIV
