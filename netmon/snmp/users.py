"""SNMPv3 users as they are configured (RFC 3414 section 2.1).

AES with 192 and 256 bits needs more key than most hashes give, and no RFC says how to lengthen it. Two drafts do,
and an agent must be asked in the way it was built:

* `aes192`, `aes256`: draft-blumenthal-aes-usm-04 section 3.1.2.1, hashing on; Net-SNMP's AES-192 and AES-256.
* `aes192c`, `aes256c`: draft-reeder-snmpv3-usm-3desede-00 section 2.1, the password algorithm once more; Cisco's,
  and that of the many who followed it.

With SHA-256 and longer (SHA-224 up to 192 bits) the hash gives enough, and both are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from netmon.snmp.security_errors import SnmpUserError
from netmon.snmp.v3 import Level

MIN_PASSWORD: Final = 8
"""RFC 3414 section 11.2."""
MAX_PASSWORD: Final = 1024


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


@dataclass(frozen=True, slots=True)
class User:
    """A user as configured; SnmpUserError if no agent can have such a one."""

    name: bytes
    auth: AuthProtocol | None = None
    auth_password: bytes = field(default=b"", repr=False)
    priv: PrivProtocol | None = None
    priv_password: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 32:
            raise SnmpUserError(f"an SNMPv3 user name has 1 to 32 octets, not {len(self.name)}")
        if self.priv is not None and self.auth is None:
            raise SnmpUserError(f"SNMPv3 user {self}: privacy needs an authentication protocol too")
        for what, protocol, password in (
            ("authentication", self.auth, self.auth_password),
            ("privacy", self.priv, self.priv_password),
        ):
            if protocol is not None and not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
                raise SnmpUserError(
                    f"SNMPv3 user {self}: the {what} password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"
                )

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
