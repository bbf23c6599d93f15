"""Host keys as OpenSSH's known_hosts file holds them. Pure; format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SALT_LENGTH: Final = 20
"""Octets, random."""
_HASHED: Final = "|1|"
_REVOKED: Final = "@revoked"


class KeyState(StrEnum):
    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    """Another key is recorded: the router was replaced, or someone is between."""
    NOT_OFFERED = "not_offered"
    """It is recorded, and the router does not show it."""
    REVOKED = "revoked"
    """A line marked @revoked names it: it is never accepted."""


@dataclass(frozen=True, slots=True)
class HostKey:
    type: str
    """As known_hosts names it: ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa."""
    blob: bytes
    """RFC 4253, section 6.6."""

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Compared:
    """One key of a router against what is recorded."""

    key: HostKey
    state: KeyState
    recorded: HostKey | None = None
    """What known_hosts holds instead, where it changed."""


@dataclass(frozen=True, slots=True)
class _Line:
    hosts: str
    key: HostKey


def name_of(address: str, port: int) -> str:
    """How known_hosts calls a server: its address, in brackets with the port where that is not 22."""
    return address if port == 22 else f"[{address}]:{port}"


def recorded_keys(text: str, address: str, port: int) -> tuple[HostKey, ...]:
    """The keys the file holds for a server, in its order; lines that mark a key (@revoked) are no record of it."""
    name = name_of(address, port)
    ours = (raw for raw in text.splitlines() if _names(raw.split(maxsplit=1)[0] if raw.strip() else "", name))
    return tuple(line.key for line in map(_parsed, ours) if line is not None)


def revoked_keys(text: str) -> frozenset[HostKey]:
    """Those marked so, of whichever server."""
    marked = (line.partition(_REVOKED)[2] for line in text.splitlines() if line.lstrip().startswith(_REVOKED))
    return frozenset(line.key for line in map(_parsed, marked) if line is not None)


def compared(
    shown: Sequence[HostKey], recorded: Collection[HostKey], revoked: Collection[HostKey] = ()
) -> tuple[Compared, ...]:
    """Every key shown, then those recorded and not shown.

    A server that shows none of its recorded keys has changed, also where the types are others.
    """
    is_known = not recorded or any(key in recorded for key in shown)
    found = []
    for key in shown:
        of_type = [one for one in recorded if one.type == key.type]
        if key in revoked:
            found.append(Compared(key, KeyState.REVOKED))
        elif key in recorded:
            found.append(Compared(key, KeyState.SAME))
        elif of_type or not is_known:
            found.append(Compared(key, KeyState.CHANGED, (of_type or list(recorded))[0]))
        else:
            found.append(Compared(key, KeyState.NEW))
    types = {key.type for key in shown}
    return (*found, *(Compared(key, KeyState.NOT_OFFERED) for key in recorded if key.type not in types))


def with_keys(text: str, address: str, port: int, keys: Iterable[HostKey], salts: Iterable[bytes]) -> str:
    """The file with these keys added at its end, hashed with a salt each where all of the file's hosts are hashed."""
    name = name_of(address, port)
    hosts = [line.hosts for line in map(_parsed, text.splitlines()) if line is not None]
    is_hashed = bool(hosts) and all(one.startswith(_HASHED) for one in hosts)
    lines = [
        f"{_hash(name, salt) if is_hashed else name} {key.type} {base64.b64encode(key.blob).decode()}\n"
        for key, salt in zip(keys, salts, strict=False)
    ]
    return text + "\n" * bool(text and not text.endswith("\n")) + "".join(lines)


def without_host(text: str, address: str, port: int) -> str:
    """The file without this server's keys; lines of several servers keep the others."""
    name, kept = name_of(address, port), []
    for raw in text.splitlines(keepends=True):
        line = _parsed(raw)
        if line is None or not _names(line.hosts, name):
            kept.append(raw)
        elif others := ",".join(one for one in line.hosts.split(",") if one != name and not one.startswith(_HASHED)):
            kept.append(raw.replace(line.hosts, others, 1))
    return "".join(kept)


def _parsed(raw: str) -> _Line | None:
    """None for comments, blank lines, marked lines, and what is no key."""
    fields = raw.split()
    if len(fields) < 3 or fields[0][0] in "#@":
        return None
    try:
        return _Line(fields[0], HostKey(fields[1], base64.b64decode(fields[2], validate=True)))
    except ValueError:
        return None


def _names(hosts: str, name: str) -> bool:
    """By its name or its hash; patterns are not taken for names, as paramiko does not."""
    return any(_is_hash_of(one, name) if one.startswith(_HASHED) else one == name for one in hosts.split(","))


def _is_hash_of(field: str, name: str) -> bool:
    try:
        salt = base64.b64decode(field.split("|")[2], validate=True)
    except (IndexError, ValueError):
        return False
    return _hash(name, salt) == field


def _hash(name: str, salt: bytes) -> str:
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"{_HASHED}{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
