"""What an SSH server shows to anybody: its host keys and the algorithms it offers. Nobody logs in; uses paramiko."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from netmon.core.model import NANOSECONDS
from netmon.routers.algorithms import SIGNATURES, LegacyAlgorithm, disabled, legacy_among
from netmon.routers.host_keys import HostKey
from netmon.routers.session import Login, UnreachableError, WeakAlgorithmsError
from netmon.routers.ssh_link import Connect, Link, connect_directly, open_link, watched

_LONGEST_PACKET: Final = 35_000
"""RFC 4253, section 6.1."""
_MOST_LINES: Final = 50
_LONGEST_LINE: Final = 255
"""Before and with the version, RFC 4253, section 4.2."""
_KEXINIT: Final = 20
_LISTS: Final = ("kex", "keys", "ciphers", "", "macs")
"""Of KEXINIT's name-lists those asked for: what the client would send with (RFC 4253, section 7.1)."""

Offer = dict[str, tuple[str, ...]]
"""Names of algorithms by kind, as `netmon.routers.algorithms` calls them."""


@dataclass(frozen=True, slots=True)
class Shown:
    keys: tuple[HostKey, ...]
    needed: tuple[LegacyAlgorithm, ...]
    """Weak algorithms without which no session comes about."""


def probe(login: Login, connect: Connect = connect_directly) -> Shown:
    """Of a server, with one connection for its offer and one for each host key; through the jump host, if any.

    The login's name and secrets are not used. Raises SessionError.
    """
    where = f"{login.router} ({login.address}:{login.port})"
    link = open_link(login, connect)
    try:
        with watched(link, login.connect_timeout_ns / NANOSECONDS):
            offer = _offer(link.sock, where)
    except (OSError, EOFError, struct.error) as error:
        raise UnreachableError(f"{where}: no SSH server answers there: {error or 'it said nothing'}") from error
    finally:
        link.close()
    known = [kind for kind, names in SIGNATURES.items() if set(names) & set(offer["keys"])]
    accepting = replace(login, legacy_algorithms=tuple(LegacyAlgorithm))
    found = [_shown(accepting, kind, offer, where, connect) for kind in known]
    if not found:
        raise WeakAlgorithmsError(f"{where} has no host key of a type netmon knows, but {', '.join(offer['keys'])}")
    return Shown(tuple(key for key, _ in found), found[0][1])


def _shown(
    login: Login, key_type: str, offer: Offer, where: str, connect: Connect
) -> tuple[HostKey, tuple[LegacyAlgorithm, ...]]:
    """One host key, and what of the offer is needed although it is weak."""
    import paramiko  # type: ignore[import-untyped]
    from paramiko.ssh_exception import SSHException  # type: ignore[import-untyped]

    timeout_s = login.connect_timeout_ns / NANOSECONDS
    link: Link = open_link(login, connect)
    transport = None
    try:
        with watched(link, 2 * timeout_s):
            transport = paramiko.Transport(link.sock, disabled_algorithms=disabled(login.legacy_algorithms, [key_type]))
            transport.banner_timeout = timeout_s
            needed = _needed(transport.get_security_options(), offer, where)
            transport.start_client(timeout=timeout_s)
            key = transport.get_remote_server_key()
            return HostKey(key.get_name(), key.asbytes()), needed
    except (SSHException, OSError, EOFError) as error:
        raise UnreachableError(f"{where}: its host key {key_type} could not be read: {error}") from error
    finally:
        if transport is not None:
            transport.close()
        link.close()


def _needed(ours: Any, offer: Offer, where: str) -> tuple[LegacyAlgorithm, ...]:
    """Of every kind for which nothing strong is offered, the best of what is."""
    needed = []
    for kind, known in (
        ("kex", ours.kex),
        ("keys", ours.key_types),
        ("ciphers", ours.ciphers),
        ("macs", ours.digests),
    ):
        common = [name for name in known if name in offer[kind]]
        if not common:
            listed = ", ".join(offer[kind])[:200] or "nothing"
            raise WeakAlgorithmsError(f"{where} offers for {kind} only {listed}; netmon knows none of it")
        weak = legacy_among(common)
        if len(weak) == len(common):
            needed.append(LegacyAlgorithm(weak[0]))
    return tuple(needed)


def _offer(sock: Any, where: str) -> Offer:
    """Raises UnreachableError, OSError, EOFError and struct.error."""
    sock.sendall(b"SSH-2.0-netmon\r\n")
    if not any(_line(sock).startswith(b"SSH-") for _ in range(_MOST_LINES)):
        raise UnreachableError(f"{where}: what listens there is no SSH server; correct ssh_port")
    length, padding = struct.unpack(">IB", _exactly(sock, 5))
    if not 2 <= length <= _LONGEST_PACKET or padding >= length - 1:
        raise UnreachableError(f"{where}: what listens there is no SSH server; correct ssh_port")
    payload = _exactly(sock, length - 1)[: length - 1 - padding]
    if payload[:1] != bytes([_KEXINIT]):
        raise UnreachableError(f"{where}: the SSH server begins with something else than its offer")
    return _lists(payload[17:])


def _lists(data: bytes) -> Offer:
    offer: Offer = {}
    for kind in _LISTS:
        (size,) = struct.unpack_from(">I", data)
        names: Sequence[str] = data[4 : 4 + size].decode("ascii", "replace").split(",")
        data = data[4 + size :]
        if kind:
            offer[kind] = tuple(name for name in names if name and name.isprintable())
    return offer


def _line(sock: Any) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += _exactly(sock, 1)
        if len(line) > _LONGEST_LINE:
            return line
    return line


def _exactly(sock: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        some = sock.recv(size - len(data))
        if not some:
            raise EOFError("it hung up")
        data += some
    return data
