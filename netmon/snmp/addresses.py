"""Agent addresses: literals at once, host names through the resolver, remembered for a while."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from typing import Final, NamedTuple

from netmon.snmp.errors import SnmpTransportError

NAME_LIFETIME_NS: Final = 300 * 1_000_000_000
CAPACITY: Final = 100_000
"""Remembered addresses; beyond it the oldest is forgotten."""


class Target(NamedTuple):
    """A resolved agent address; `host` is in the kernel's own spelling, without a zone."""

    family: int
    host: str
    port: int
    scope: int = 0
    """Interface index of a link-local IPv6 address."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.host}:{self.port}"


class Addresses:
    """A bounded memory of resolved addresses."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Target, int | None]] = {}
        """Target and, for a name, the monotonic instant at which it is asked for again."""

    async def resolve(self, host: str, port: int) -> Target:
        """The first address of `host`; SnmpTransportError if there is none.

        A name that could be resolved before and cannot now keeps its last address: polling outlives the DNS.
        """
        if not 0 < port <= 65_535:
            raise SnmpTransportError(f"{port} is no UDP port; use 1 to 65535")
        known = self._known.get((host, port))
        if known is not None and (known[1] is None or time.monotonic_ns() < known[1]):
            return known[0]
        try:
            target, expires = literal(host, port), None
        except (socket.gaierror, ValueError):
            expires = time.monotonic_ns() + NAME_LIFETIME_NS
            try:
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
                target = _target(found[0][0], found[0][4])
            except (OSError, ValueError, IndexError) as error:
                if known is None:
                    raise SnmpTransportError(
                        f"{host!r} is neither an IP address nor a name that resolves; correct it or check the DNS"
                    ) from error
                target = known[0]
        if len(self._known) >= CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[host, port] = (target, expires)
        return target

    def known(self, host: str, port: int) -> Target | None:
        """What it was resolved to last; None: it never was."""
        known = self._known.get((host, port))
        return None if known is None else known[0]


def is_literal(address: str) -> bool:
    """Whether it is an IP address, and nothing that would have to be resolved."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def literal(host: str, port: int) -> Target:
    """An IP address, with a zone perhaps; socket.gaierror or ValueError if `host` is anything else."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    return _target(found[0][0], found[0][4])


def _target(family: int, address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> Target:
    host, port = str(address[0]), int(address[1])
    return Target(int(family), host.partition("%")[0], port, address[3] if len(address) == 4 else 0)
