"""What an operator wants searched, `10.20.0.0/24` or `core-1.example.go.id` -> the addresses to ask. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

MOST: Final = 4096
"""Addresses of one search, unless more are asked for."""
EVER: Final = 65_536
"""And never more than a /16 has."""

_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


class TargetError(ValueError):
    """Something that cannot be searched; one sentence with the remedy."""


def addresses_of(wanted: Sequence[str], most: int = MOST) -> tuple[str, ...]:
    """The addresses and host names of `wanted`, each once, in the order given; IPv6 in its short form (RFC 5952).

    Of an IPv4 prefix, network and broadcast address are left out. Raises TargetError, also for more than `most`.
    """
    found: dict[str, None] = {}
    for target in wanted:
        found.update(dict.fromkeys(_prefix(target) if "/" in target else (_single(target),)))
        if len(found) > min(most, EVER):
            more = (
                "search it in parts" if most >= EVER else f"search it in parts, or allow more with --max (up to {EVER})"
            )
            raise TargetError(f"that is more than {min(most, EVER)} addresses; {more}")
    return tuple(found)


def _single(target: str) -> str:
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        if re.fullmatch(r"[0-9.]+", target) or not _HOST_NAME.fullmatch(target) or len(target) > 253:
            raise TargetError(
                f"{target!r} is no address, prefix or host name; write for example 10.20.0.1 or 10.20.0.0/24"
            ) from None
        return target
    if address.is_multicast or address.is_unspecified or target == "255.255.255.255":
        raise TargetError(f"{target} is no router's own address; give a unicast address")
    return str(address)


def _prefix(target: str) -> Sequence[str]:
    try:
        network = ipaddress.ip_network(target)
    except ValueError:
        try:
            meant = ipaddress.ip_network(target, strict=False)
        except ValueError:
            raise TargetError(f"{target!r} is no prefix; write for example 10.20.0.0/24") from None
        raise TargetError(f"{target} has bits set behind its length; did you mean {meant}?") from None
    if isinstance(network, ipaddress.IPv6Network):
        if network.prefixlen == 128:
            return (_single(str(network.network_address)),)
        raise TargetError(f"{target}: IPv6 is not searched by prefix, it would never end; give single addresses")
    if network.num_addresses > EVER:
        raise TargetError(
            f"{target} has {network.num_addresses:,} addresses, a search at most {EVER:,} (/16); give parts"
        )
    _single(str(network.network_address if network.prefixlen else "0.0.0.0"))  # noqa: S104
    return [str(address) for address in network.hosts()]
