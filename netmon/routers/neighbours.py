"""Which configured router a neighbour is, and which of its ports: by what LLDP, CDP and MNDP call them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from netmon.core.fibre_pairs import Heard
from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.optics_entities import Ports
from netmon.routers.topology import Link

_PROTOCOLS: Final = ("lldp", "cdp", "mndp")
"""The first that hears anything at a port is believed there: bridges pass on the others' frames."""
_SERIAL: Final = re.compile(r"\([^()]*\)\Z")
"""NX-OS puts its serial number behind its name (CISCO-CDP-MIB: cdpCacheDeviceId)."""


class Directory:
    """The configured routers by what their neighbours call them: sysName, its first label, address, configured name."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses`: router -> address, of all that are configured."""
        self._called: dict[str, str] = {}
        """Router -> its sysName."""
        self._interfaces: dict[str, Sequence[DiscoveredInterface]] = {}
        self._ports: dict[str, _PortNames] = {}
        """Made when a neighbour first names a port of the router."""
        self._routers: defaultdict[str, list[str]] = defaultdict(list)
        """What it is called -> the routers that are, each as often as it is."""
        for router, address in addresses.items():
            for name in (*_names(router), address.casefold()):
                self._routers[name].append(router)

    def learn(self, router: str, sys_name: str, interfaces: Sequence[DiscoveredInterface]) -> None:
        """The router as it was last discovered."""
        if self._interfaces.get(router) is not interfaces:
            self._interfaces[router] = interfaces
            self._ports.pop(router, None)
        before = self._called.get(router, "")
        if before != sys_name:
            self._called[router] = sys_name
            for name in _names(before):
                self._routers[name].remove(router)
            for name in _names(sys_name):
                self._routers[name].append(router)

    def heard(self, links: Iterable[Link]) -> tuple[Heard, ...]:
        """What is heard at each port, by the best protocol there."""
        known = tuple(links)
        best: dict[str, int] = {}
        for link in known:
            rank = _rank(link)
            best[link.interface] = min(rank, best.get(link.interface, rank))
        return tuple(self._heard(link) for link in known if _rank(link) == best[link.interface])

    def _heard(self, link: Link) -> Heard:
        router = self._router(link.remote_system)
        port = None
        if router is not None and router in self._interfaces:
            names = self._ports.get(router)
            if names is None:
                names = self._ports[router] = _PortNames(self._interfaces[router])
            port = names.called(link.remote_port) or names.called(link.remote_port_description)
        return Heard(link.interface, router, port)

    def _router(self, system: str) -> str | None:
        """None: none of them, or several."""
        for name in _names(_SERIAL.sub("", system)):
            if found := set(self._routers.get(name, ())):
                return found.pop() if len(found) == 1 else None
        return None


class _PortNames:
    """The ports of one router by ifName, whole or shortened, by a MAC address or an ifAlias that only one has."""

    def __init__(self, interfaces: Sequence[DiscoveredInterface]) -> None:
        self._ports = Ports(interfaces)
        self._others: defaultdict[str, set[str]] = defaultdict(set)
        for interface in interfaces:
            for text in (interface.mac, interface.alias):
                if text:
                    self._others[text.casefold()].add(interface.name)
        self._indexes = {str(interface.index): interface.name for interface in interfaces}

    def called(self, text: str | None) -> str | None:
        """None: nothing is, or several are."""
        if not text:
            return None
        if name := self._ports.called(text):
            return name
        others = self._others.get(text.casefold(), set())
        if len(others) == 1:
            return next(iter(others))
        # LLDP's locally assigned number is the ifIndex, as nearly all agents have it.
        return self._indexes.get(text)


def _names(system: str) -> tuple[str, ...]:
    """The whole name, then its first label; of an address, the address alone."""
    whole = system.strip().casefold()
    label = whole.partition(".")[0]
    return tuple(name for name in dict.fromkeys((whole, label if not label.isdigit() else "")) if name)


def _rank(link: Link) -> int:
    return _PROTOCOLS.index(link.protocol) if link.protocol in _PROTOCOLS else len(_PROTOCOLS)
