"""Which ports of an IOS router carry our own session: from its users, routes, addresses and configuration."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from netmon.routers.readback_ios_config import Section, same_port, spellings
from netmon.routers.readbacks import beneath
from netmon.routers.session import AnswerUnreadableError

_OWN_LINE = re.compile(r"^\*.*?(?<!\S)(\S+)[^\S\n]*$", re.MULTILINE)
_NEXT_HOP = re.compile(r"(?:nexthop \S+|attached to|next hop \S+|via \S+,|via)\s+([A-Za-z][\w/.:-]*\d)")
_CONNECTION = re.compile(
    r"^(?:0x)?[0-9A-Fa-f]+\s+(?:0x\w+\s+\d+\s+\d+\s+)?(\S+)[.:]\d+\s+(\S+)[.:]\d+\s+ESTAB", re.MULTILINE
)
_ADDRESS = re.compile(r"^(\S+)\s+(\d+\.\d+\.\d+\.\d+)\s+\S+\s", re.MULTILINE)
_VRF = ("vrf forwarding", "ip vrf forwarding", "vrf")
_UNTOLD = re.compile(r"(?:Tunnel|Dialer|Virtual-|Cellular|Multilink|BVI|pseudowire)", re.IGNORECASE)


def ports_of_users(text: str) -> str | None:
    """Where `show users` says that the line marked * comes from."""
    own = _OWN_LINE.search(text)
    return None if own is None else own[1]


def address_in(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def arrival(peer: str, connections: str, addresses: str) -> str | None:
    """The interface whose address our session was opened to; None: not told."""
    local = {own for own, other in _CONNECTION.findall(connections) if address_in(other) == peer}
    return next((name for name, address in _ADDRESS.findall(addresses) if address in local), None)


def carriers(ports: dict[str, Section], own: str | None, route: str, *, is_ipv6: bool) -> frozenset[str]:
    """In every spelling: the ports on the way back to the peer, the one our session arrives at, all beneath them.

    Raises AnswerUnreadableError where a tunnel or the like is on the way.
    """
    vrf = None if own is None else _vrf(next((s for name, s in ports.items() if same_port(name, own)), None))
    if own is None and (not is_ipv6 or any(_vrf(section) for section in ports.values())):
        raise AnswerUnreadableError("the router does not tell at which of its addresses this session arrives")
    upper = {own} if own is not None and not own.lower().startswith("lo") else set()
    if vrf is None:
        upper.update(_NEXT_HOP.findall(route))
        if not _NEXT_HOP.search(route):
            raise AnswerUnreadableError("the router tells no way back to this session")
    else:
        # The route lies in a table of its own: whatever else belongs to that may carry the session.
        upper.update(name for name, section in ports.items() if _vrf(section) == vrf)
    named = {next((name for name in ports if same_port(name, port)), port) for port in upper}
    found = beneath(named, list(_lower(ports)))
    if vague := sorted(name for name in found if _UNTOLD.match(name)):
        raise AnswerUnreadableError(f"this session goes over {vague[0]}, whose ports the router does not tell")
    return frozenset(spelling for port in found for spelling in spellings(port))


def _vrf(section: Section | None) -> str | None:
    return None if section is None else next((name for words in _VRF if (name := section.value(words))), None)


def _lower(ports: dict[str, Section]) -> Iterator[tuple[str, str]]:
    """(upper, lower): sub-interfaces, port-channels, VLAN and bridge-domain interfaces."""
    for name, section in ports.items():
        parent, dot, _ = name.partition(".")
        if dot:
            yield name, parent
        for words, bundle in (("channel-group", "Port-channel"), ("bundle id", "Bundle-Ether")):
            if group := section.value(words):
                yield f"{bundle}{group.split()[0]}", name
        for upper in ports:
            kind = re.fullmatch(r"(Vlan|BDI)(\d+)", upper)
            if kind is not None and upper != name and _passes(section, kind[1], int(kind[2])):
                yield upper, name


def _passes(section: Section, kind: str, number: int) -> bool:
    if kind == "BDI":
        return any(one.line == f"bridge-domain {number}" for _, one in section.every())
    return not section.line.startswith("interface Vlan") and _may_carry(section, number)


def _may_carry(section: Section, vlan: int) -> bool:
    """Whether a VLAN may pass a switch port; where nothing is configured it may."""
    address, access = section.value("ip address"), section.value("switchport access vlan")
    if section.value("no switchport") is not None or address or "." in section.line:
        return False
    mode = section.value("switchport mode") or ""
    if mode != "access" and (allowed := section.value("switchport trunk allowed vlan")) is not None:
        return allowed == "all" or any(_within(vlan, part) for part in re.split(r"[ ,]+", allowed))
    return mode == "trunk" or (mode != "access" and access is None) or int(access or 1) == vlan


def _within(vlan: int, part: str) -> bool:
    first, _, last = part.partition("-")
    return first.isdigit() and int(first) <= vlan <= int(last if last.isdigit() else first)
