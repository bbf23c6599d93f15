"""Agent addresses: literals at once, host names through the resolver, remembered for a while."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import time
from typing import Final, NamedTuple

from netmon.snmp.errors import SnmpTransportError

NAME_LIFETIME_NS: Final = 300 * 1_000_000_000
CAPACITY: Final = 100_000
"""Remembered addresses; beyond it the oldest is forgotten."""
MOST_IN_NAME: Final = 253
MOST_IN_LABEL: Final = 63
"""Characters of a host name, and between its dots (RFC 1035 section 2.3.4)."""
_IN_BRACKETS: Final = re.compile(r"\[(.*)\](:\d+)?")


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
        expires: int | None = time.monotonic_ns() + NAME_LIFETIME_NS
        try:
            target = literal(host, port)
            # An interface made anew has another index.
            expires = expires if target.scope else None
        except (socket.gaierror, ValueError):
            try:
                target = await _by_name(host, port)
            except SnmpTransportError:
                if known is None:
                    raise
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


def misspelling(address: str) -> str:
    """Why an IP address or host name cannot be an agent's as it is written, and how to write it; empty: it may be one.

    A reply from a link-local address names the interface it came by, one from any other address does not (RFC 4007
    section 6), and one from an IPv4 address is never of IPv6: written otherwise, the agent would seem to be silent.
    """
    if not address:
        return "an empty address; write an IP address or a host name"
    if bracketed := _IN_BRACKETS.fullmatch(address):
        return f"{address!r} has brackets; write {bracketed[1]}{', and its port apart' if bracketed[2] else ''}"
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        if len(address) <= MOST_IN_NAME and max(map(len, address.split("."))) <= MOST_IN_LABEL:
            return ""
        return (
            f"{address[:MOST_IN_LABEL]!r}... is too long for a host name, which has at most {MOST_IN_NAME} characters"
            f" and {MOST_IN_LABEL} between dots; correct it"
        )
    return _misspelt_ipv6(address, one) if isinstance(one, ipaddress.IPv6Address) else ""


def _misspelt_ipv6(address: str, one: ipaddress.IPv6Address) -> str:
    plain, _, zone = address.partition("%")
    if one.ipv4_mapped is not None:
        return f"{address!r} is an IPv4 address in the form of IPv6; write {one.ipv4_mapped}"
    if one.is_link_local:
        if zone.strip("0"):
            return ""
        return f"{address!r} is link-local: its interface has to be written behind it, for example {plain}%eth0"
    return f"{address!r} names an interface, as only link-local addresses (fe80::) do; write {plain}" if zone else ""


def literal(host: str, port: int) -> Target:
    """An IP address, with a zone perhaps; socket.gaierror or ValueError if `host` is anything else.

    SnmpTransportError if it is misspelt, or its interface is none of this host.
    """
    if problem := misspelling(host):
        raise SnmpTransportError(problem)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        target = _target(found[0][0], found[0][4])
        if target.scope:
            socket.if_indextoname(target.scope)
    except OSError:
        if not is_literal(host):
            raise
        zone = host.partition("%")[2]
        raise SnmpTransportError(f"{host!r}: this host has no interface {zone}; ip link lists those it has") from None
    return target


async def _by_name(host: str, port: int) -> Target:
    """The first address that a host name stands for; SnmpTransportError if there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        targets = [_target(one[0], one[4]) for one in found]
        first = targets[0]
    except (OSError, ValueError, IndexError) as error:
        raise SnmpTransportError(
            f"{host!r} is neither an IP address nor a name that resolves; correct it or check the DNS"
        ) from error
    for target in targets:
        if target.scope or not misspelling(target.host):
            return target
    raise SnmpTransportError(f"the DNS has no usable address of {host!r}: {misspelling(first.host)}")


def _target(family: int, address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> Target:
    host, port = str(address[0]), int(address[1])
    return Target(int(family), host.partition("%")[0], port, address[3] if len(address) == 4 else 0)
