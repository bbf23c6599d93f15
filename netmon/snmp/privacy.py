"""Ciphers of SNMPv3 privacy: DES-CBC (RFC 3414 section 8) and AES-CFB128 (RFC 3826, the longer keys likewise)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from netmon.snmp.security_errors import SnmpDecryptionError
from netmon.snmp.v3 import SALT_OCTETS

DES_KEY_OCTETS: Final = 16
"""Eight of key, eight of pre-IV."""
_DES_BLOCK: Final = 8
_SALTS: Final = 1 << 8 * SALT_OCTETS


class Privacy(Protocol):
    """A cipher under one localized key."""

    @property
    def padded(self) -> bool:
        """Plaintext may come back with padding."""

    def encrypt(self, plain: bytes, boots: int, time: int, salt: bytes) -> bytes: ...

    def decrypt(self, secret: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """SnmpDecryptionError if `secret` cannot have come from `encrypt`."""


class Salts:
    """Privacy parameters that never repeat: a 64-bit counter that starts anywhere (RFC 3826 section 3.1.1)."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = secrets.randbelow(_SALTS)

    def next(self) -> bytes:
        salt = self._next
        self._next = (salt + 1) % _SALTS
        return salt.to_bytes(SALT_OCTETS, "big")


@dataclass(frozen=True, slots=True)
class Aes:
    """AES in 128-bit cipher feedback; `key` has 16, 24 or 32 octets."""

    key: AES = field(repr=False)
    padded: bool = False

    def encrypt(self, plain: bytes, boots: int, time: int, salt: bytes) -> bytes:
        return Cipher(self.key, CFB(_aes_iv(boots, time, salt))).encryptor().update(plain)

    def decrypt(self, secret: bytes, boots: int, time: int, salt: bytes) -> bytes:
        if len(salt) != SALT_OCTETS:
            raise SnmpDecryptionError(f"privacy parameters of {len(salt)} octets; AES has {SALT_OCTETS}")
        return Cipher(self.key, CFB(_aes_iv(boots, time, salt))).decryptor().update(secret)


def _aes_iv(boots: int, time: int, salt: bytes) -> bytes:
    return (boots << 32 | time).to_bytes(8, "big") + salt


@dataclass(frozen=True, slots=True)
class Des:
    """DES in cipher block chaining."""

    key: TripleDES = field(repr=False)
    """The one key three times, which is single DES."""
    pre_iv: int = field(repr=False)
    padded: bool = True

    def encrypt(self, plain: bytes, boots: int, time: int, salt: bytes) -> bytes:
        # The salt need not hold snmpEngineBoots, it only must not repeat (RFC 3414 section 8.1.1.1).
        padding = bytes(-len(plain) % _DES_BLOCK)
        return Cipher(self.key, CBC(self._iv(salt))).encryptor().update(plain + padding)

    def decrypt(self, secret: bytes, boots: int, time: int, salt: bytes) -> bytes:
        if len(salt) != SALT_OCTETS:
            raise SnmpDecryptionError(f"privacy parameters of {len(salt)} octets; DES has {SALT_OCTETS}")
        if len(secret) % _DES_BLOCK:
            raise SnmpDecryptionError(f"{len(secret)} encrypted octets are no whole number of DES blocks")
        return Cipher(self.key, CBC(self._iv(salt))).decryptor().update(secret)

    def _iv(self, salt: bytes) -> bytes:
        return (self.pre_iv ^ int.from_bytes(salt, "big")).to_bytes(_DES_BLOCK, "big")


def aes(key: bytes) -> Aes:
    return Aes(AES(key))


def des(key: bytes) -> Des:
    """`key`: DES_KEY_OCTETS octets."""
    return Des(TripleDES(key[:8] * 3), int.from_bytes(key[8:], "big"))
