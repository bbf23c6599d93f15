"""Ciphers of SNMPv3 privacy: DES-CBC (RFC 3414 section 8) and AES-CFB128 (RFC 3826, the longer keys likewise)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from netmon.snmp.security_errors import SnmpDecryptionError
from netmon.snmp.v3 import SALT_OCTETS

DES_KEY_OCTETS: Final = 16
"""Eight of key, eight of pre-IV."""
_DES_BLOCK: Final = 8
_AES_BLOCK: Final = 16
_PADDINGS: Final = tuple(bytes(-size % _AES_BLOCK) for size in range(_AES_BLOCK))
"""What makes whole blocks, by the octets beyond them."""
_iv: Final = Struct(f">II{SALT_OCTETS}s").pack
"""Of AES (RFC 3826 section 3.1.2.1): snmpEngineBoots, snmpEngineTime, salt."""
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


class Aes:
    """AES in 128-bit cipher feedback; for one thread at a time.

    Setting up a cipher takes several times as long as the message, so one serves for all messages. Cipher feedback
    allows it: what it does to a block depends on the ciphertext of the block before, and on nothing else (NIST SP
    800-38A section 6.3). So a message deciphers as under a given IV if the IV goes before it as a block of
    ciphertext, and enciphers so if before it goes the block that enciphers to the IV.
    """

    __slots__ = ("_block", "_decryptor", "_encryptor", "_last")

    padded = False

    def __init__(self, key: bytes) -> None:
        """`key` has 16, 24 or 32 octets."""
        algorithm = AES(key)
        zero = bytes(_AES_BLOCK)
        self._block = Cipher(algorithm, ECB()).encryptor()  # noqa: S305 - one block, of which feedback is made
        self._encryptor = Cipher(algorithm, CFB(zero)).encryptor()
        self._decryptor = Cipher(algorithm, CFB(zero)).decryptor()
        self._last = zero
        """The block of ciphertext that the encryptor has seen last."""

    def encrypt(self, plain: bytes, boots: int, time: int, salt: bytes) -> bytes:
        feedback = int.from_bytes(self._block.update(self._last), "big")
        first = (feedback ^ int.from_bytes(_iv(boots, time, salt), "big")).to_bytes(_AES_BLOCK, "big")
        size = len(plain)
        found = self._encryptor.update(b"".join((first, plain, _PADDINGS[size % _AES_BLOCK])))
        self._last = found[-_AES_BLOCK:]
        return found[_AES_BLOCK : _AES_BLOCK + size]

    def decrypt(self, secret: bytes, boots: int, time: int, salt: bytes) -> bytes:
        if len(salt) != SALT_OCTETS:
            raise SnmpDecryptionError(f"privacy parameters of {len(salt)} octets; AES has {SALT_OCTETS}")
        size = len(secret)
        found = self._decryptor.update(b"".join((_iv(boots, time, salt), secret, _PADDINGS[size % _AES_BLOCK])))
        return found[_AES_BLOCK : _AES_BLOCK + size]


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
    """`key` has 16, 24 or 32 octets."""
    return Aes(key)


def des(key: bytes) -> Des:
    """`key`: DES_KEY_OCTETS octets."""
    return Des(TripleDES(key[:8] * 3), int.from_bytes(key[8:], "big"))
