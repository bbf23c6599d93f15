"""SSH algorithms that are refused unless a router is known to have nothing better."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final


class LegacyAlgorithm(StrEnum):
    """What OpenSSH's client no longer offers by itself and paramiko still can; RFC 9142, RFC 8758, RFC 8332."""

    GROUP1 = "diffie-hellman-group1-sha1"
    GROUP14 = "diffie-hellman-group14-sha1"
    GROUP_EXCHANGE = "diffie-hellman-group-exchange-sha1"
    RSA = "ssh-rsa"
    AES128_CBC = "aes128-cbc"
    AES192_CBC = "aes192-cbc"
    AES256_CBC = "aes256-cbc"
    TRIPLE_DES_CBC = "3des-cbc"
    MD5 = "hmac-md5"
    MD5_96 = "hmac-md5-96"
    SHA1_96 = "hmac-sha1-96"


_OF_KIND: Final = {
    "kex": (LegacyAlgorithm.GROUP1, LegacyAlgorithm.GROUP14, LegacyAlgorithm.GROUP_EXCHANGE),
    "keys": (LegacyAlgorithm.RSA,),
    "pubkeys": (LegacyAlgorithm.RSA,),
    "ciphers": (
        LegacyAlgorithm.AES128_CBC,
        LegacyAlgorithm.AES192_CBC,
        LegacyAlgorithm.AES256_CBC,
        LegacyAlgorithm.TRIPLE_DES_CBC,
    ),
    "macs": (LegacyAlgorithm.MD5, LegacyAlgorithm.MD5_96, LegacyAlgorithm.SHA1_96),
}
"""By paramiko's names of the kinds."""

SIGNATURES: Final = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
}
"""Types of host keys, as known_hosts names them, and the signature algorithms they sign with, best first."""


def disabled(allowed: Collection[str], key_types: Iterable[str] = SIGNATURES) -> dict[str, list[str]]:
    """What paramiko may not negotiate: legacy algorithms not in `allowed`, and host keys of other types than given.

    A server may have several host keys; the one that is not recorded would look like a changed one.
    """
    refused = {kind: [one.value for one in some if one not in allowed] for kind, some in _OF_KIND.items()}
    wanted = {name for key_type in key_types for name in SIGNATURES.get(key_type, ())}
    others = [name for names in SIGNATURES.values() for name in names if name not in wanted]
    return {**refused, "keys": sorted({*refused["keys"], *others})}


def legacy_among(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are legacy algorithms, in order."""
    known = {one.value for one in LegacyAlgorithm}
    return tuple(name for name in names if name in known)
