"""Ed25519 signatures (RFC 8032) of a chain's links: whoever holds the public key sees that no link was made anew.

Keys are PEM as `openssl genpkey -algorithm ed25519` writes them. What is signed is a link's hash, as 64
hexadecimal digits in ASCII; a signature therefore covers every link before it.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from netmon.store.chain import Signature
from netmon.store.errors import StoreError

_HOW_TO_MAKE_ONE = "make one with `openssl genpkey -algorithm ed25519`"


class Signer:
    """Signs the links that this netmon appends."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.name = _name(key.public_key())

    @classmethod
    def from_pem(cls, pem: str) -> Signer:
        """Raises StoreError for what is no unencrypted Ed25519 private key."""
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise StoreError(
                f"ledger.signing_key is not an unencrypted private key in PEM form; {_HOW_TO_MAKE_ONE}"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise StoreError(f"ledger.signing_key is a key of another kind than Ed25519; {_HOW_TO_MAKE_ONE}")
        return cls(key)

    def sign(self, link_hash: str) -> Signature:
        return Signature(self.name, self._key.sign(link_hash.encode("ascii")).hex())


class Verifier:
    """Checks signatures by one public key."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.name = _name(key)

    @classmethod
    def from_pem(cls, pem: str) -> Verifier:
        """Raises StoreError for what is no Ed25519 public key."""
        try:
            key = load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise StoreError(
                "the public key is not an Ed25519 key in PEM form; write it out with `openssl pkey -in KEY -pubout`"
            )
        return cls(key)

    def verifies(self, signature: Signature, link_hash: str) -> bool:
        try:
            self._key.verify(bytes.fromhex(signature.value), link_hash.encode("ascii"))
        except (InvalidSignature, ValueError):
            return False
        return True


def _name(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()
