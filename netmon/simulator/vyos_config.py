"""What a simulated VyOS or EdgeOS router does with its policies: which are bound where, and what a commit checks."""

from __future__ import annotations

import re
from typing import Final

from netmon.simulator.device import PortRole, Router
from netmon.simulator.settree import Path, Rule, Tree
from netmon.simulator.vyos_schema import VYOS

_RATE: Final = re.compile(r"(\d+)(\w*)")
_UNITS: Final = {
    "": 10**3,
    "bit": 1,
    "kbit": 10**3,
    "mbit": 10**6,
    "gbit": 10**9,
    "kbps": 8 * 10**3,
    "mbps": 8 * 10**6,
    "gbps": 8 * 10**9,
}
_KINDS: Final = {"eth": "ethernet", "bond": "bonding", "br": "bridge", "switch": "switch"}


class CommitError(Exception):
    """A commit that the router refuses; the message is what it prints."""


def place_of(interface: str) -> Path:
    """Where a port is configured: `eth1.100` is ("interfaces", "ethernet", "eth1", "vif", "100")."""
    device, _, vif = interface.partition(".")
    kind = _KINDS.get(device.rstrip("0123456789"), "loopback")
    return ("interfaces", kind, device, *(("vif", vif) if vif else ()))


class Policies:
    """The two grammars of traffic policies."""

    def __init__(self, grammar: Rule) -> None:
        self._root: Path = ("qos", "policy") if grammar is VYOS else ("traffic-policy",)
        self._is_new = grammar is VYOS

    def bound(self, tree: Tree, interface: str, outward: bool) -> str | None:
        if self._is_new:
            return tree.value("qos", "interface", interface, "egress" if outward else "ingress")
        return tree.value(*place_of(interface), "traffic-policy", "out" if outward else "in")

    def limit_bps(self, tree: Tree, interface: str, outward: bool) -> int | None:
        name = self.bound(tree, interface, outward) or ""
        if not outward:
            rate = tree.value(*self._root, "limiter", name, "default", "bandwidth")
            return None if rate is None else _bps(rate)
        rate = tree.value(*self._root, "shaper", name, "bandwidth")
        if rate is None or rate == "auto":
            return None
        share = tree.value(*self._root, "shaper", name, "default", "ceiling") or "100%"
        return _bps(rate) * int(share[:-1]) // 100 if share.endswith("%") else min(_bps(rate), _bps(share))

    def check(self, tree: Tree, interfaces: list[str]) -> None:
        """Raises CommitError."""
        for interface in interfaces:
            for outward, kind in ((True, "shaper"), (False, "limiter")):
                name = self.bound(tree, interface, outward)
                if name is not None and not tree.has((*self._root, kind, name)):
                    self._refuse(f'Selected QoS policy "{name}" does not exist!')
        for name in tree.names(*self._root, "limiter"):
            if tree.value(*self._root, "limiter", name, "default", "bandwidth") is None:
                self._refuse(f'Bandwidth not defined for default class of policy "{name}"')
        for name in tree.names(*self._root, "shaper"):
            if not tree.has((*self._root, "shaper", name, "default")):
                self._refuse(f'Class default is missing for policy "{name}"')

    def _refuse(self, said: str) -> None:
        raise CommitError(f"{said}\n\n[[{' '.join(self._root)}]] failed\nCommit failed\n")


def _bps(rate: str) -> int:
    match = _RATE.fullmatch(rate)
    assert match is not None, rate
    return int(match[1]) * _UNITS[match[2]]


def first_configuration(router: Router) -> Tree:
    """What an operator put on it before netmon came."""
    paths: list[Path] = [("system", "host-name", router.name)]
    for port in router.ports:
        place = place_of(port.name)
        if port.alias:
            paths.append((*place, "description", port.alias))
        match port.role:
            case PortRole.MANAGEMENT:
                paths.append((*place, "address", f"{router.address}/8"))
            case PortRole.UPLINK:
                paths.append((*place, "address", f"10.255.{port.index}.2/30"))
                paths.append(("protocols", "static", "route", "0.0.0.0/0", "next-hop", f"10.255.{port.index}.1"))
            case _:
                paths.append((*place, "address", f"10.{port.mac[-2]}.{port.index}.1/24"))
    return Tree(paths)
