"""SNMPv3 keys: from a password to what one engine knows (RFC 3414 A.2, RFC 7860, RFC 3826 and the two drafts)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA224, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC

from netmon.snmp.privacy import DES_KEY_OCTETS, Privacy, aes, des
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

_PASSWORD_STRETCH: Final = 1 << 20
"""Octets of repeated password that are hashed."""
PASSWORDS: Final = 10_000
LOCALIZED: Final = 100_000
"""Keys remembered; beyond it the oldest is forgotten, and derived again where it is needed."""

K = TypeVar("K")
V = TypeVar("V")


class _Hash(NamedTuple):
    algorithm: HashAlgorithm
    mac_octets: int

    @property
    def name(self) -> str:
        """As hashlib has it."""
        return self.algorithm.name


_HASHES: Final = {
    AuthProtocol.MD5: _Hash(MD5(), 12),  # noqa: S303 - what RFC 3414 has, and old agents speak
    AuthProtocol.SHA: _Hash(SHA1(), 12),  # noqa: S303 - likewise
    AuthProtocol.SHA224: _Hash(SHA224(), 16),
    AuthProtocol.SHA256: _Hash(SHA256(), 24),
    AuthProtocol.SHA384: _Hash(SHA384(), 32),
    AuthProtocol.SHA512: _Hash(SHA512(), 48),
}
"""RFC 3414 sections 6 and 7; RFC 7860 section 4."""
_PRIV_OCTETS: Final = {
    PrivProtocol.DES: DES_KEY_OCTETS,
    PrivProtocol.AES128: 16,
    PrivProtocol.AES192: 24,
    PrivProtocol.AES256: 32,
    PrivProtocol.AES192C: 24,
    PrivProtocol.AES256C: 32,
}
_REEDER: Final = frozenset({PrivProtocol.AES192C, PrivProtocol.AES256C})


class LocalUser:
    """A user as one engine knows it: its MAC and its cipher."""

    __slots__ = ("_keyed", "level", "mac_octets", "name", "privacy")

    def __init__(self, user: User, auth_key: bytes, privacy: Privacy | None) -> None:
        self.name = user.name
        self.level = user.level
        self.privacy = privacy
        self.mac_octets = 0
        if user.auth is not None:
            algorithm, self.mac_octets = _HASHES[user.auth]
            self._keyed = HMAC(auth_key, algorithm)
            """Copied for each message: half the time of hmac.digest, which sets up the key each time."""

    @property
    def pads(self) -> bool:
        """What its cipher reveals may end with padding."""
        return self.privacy is not None and self.privacy.padded

    def mac(self, message: bytes) -> bytes:
        """The truncated HMAC; only for a user with an authentication protocol."""
        found = self._keyed.copy()
        found.update(message)
        return found.finalize()[: self.mac_octets]


def mac_octets(user: User) -> int:
    """Of the user's MAC; 0 without authentication."""
    return 0 if user.auth is None else _HASHES[user.auth].mac_octets


def password_to_key(auth: AuthProtocol, password: bytes) -> bytes:
    """Ku (RFC 3414 section A.2): takes milliseconds, by intent."""
    repeated = password * (_PASSWORD_STRETCH // len(password) + 1)
    return hashlib.new(_HASHES[auth].name, memoryview(repeated)[:_PASSWORD_STRETCH]).digest()


def localize(auth: AuthProtocol, key: bytes, engine_id: bytes) -> bytes:
    """Kul of Ku (RFC 3414 section 2.6)."""
    return hashlib.new(_HASHES[auth].name, key + engine_id + key).digest()


def privacy_key(auth: AuthProtocol, priv: PrivProtocol, key: bytes, engine_id: bytes) -> bytes:
    """The localized key of `priv`, as long as it needs, from its password's Ku."""
    found = part = localize(auth, key, engine_id)
    octets = _PRIV_OCTETS[priv]
    while len(found) < octets:
        if priv in _REEDER:
            part = localize(auth, password_to_key(auth, part), engine_id)
        else:
            part = hashlib.new(_HASHES[auth].name, found).digest()
        found += part
    return found[:octets]


class KeyRing:
    """Derives keys once: passwords cost milliseconds, and thousands of agents share few of them."""

    def __init__(self) -> None:
        self._passwords: dict[tuple[AuthProtocol, bytes], bytes] = {}
        self._localized: dict[tuple[User, bytes], LocalUser] = {}

    def local(self, user: User, engine_id: bytes) -> LocalUser:
        """`user` as the engine with that id knows it."""
        return _remembered(self._localized, (user, engine_id), LOCALIZED, lambda: self._localize(user, engine_id))

    def _localize(self, user: User, engine_id: bytes) -> LocalUser:
        if user.auth is None:
            return LocalUser(user, b"", None)
        auth_key = localize(user.auth, self._key(user.auth, user.auth_password), engine_id)
        if user.priv is None:
            return LocalUser(user, auth_key, None)
        key = privacy_key(user.auth, user.priv, self._key(user.auth, user.priv_password), engine_id)
        return LocalUser(user, auth_key, des(key) if user.priv is PrivProtocol.DES else aes(key))

    def _key(self, auth: AuthProtocol, password: bytes) -> bytes:
        return _remembered(self._passwords, (auth, password), PASSWORDS, lambda: password_to_key(auth, password))


def _remembered(memory: dict[K, V], key: K, capacity: int, make: Callable[[], V]) -> V:
    found = memory.get(key)
    if found is None:
        found = make()
        if len(memory) >= capacity:
            del memory[next(iter(memory))]
        memory[key] = found
    return found
