"""Huawei VRP's `display current-configuration interface`: what lies beneath a port, and who else shapes it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign, beneath
from netmon.routers.session import AnswerUnreadableError

Blocks = Mapping[str, tuple[str, ...]]
"""Port -> the lines of its view, without indentation."""

_SHAPES = re.compile(
    r"(traffic-policy|traffic-limit|qos-profile|qos car|qos lr|qos gts|qos queue-profile|qos pq|qos wfq|port shaping"
    r"|port-queue|user-queue|line-rate|car)\b"
)
_WAYS = {"inbound": Way.INGRESS, "outbound": Way.EGRESS}
_UNFOLLOWED = ("Tunnel", "Virtual-Template", "Virtual-Ethernet", "Vbdif", "Global-VE", "NULL", "InLoopBack", "LoopBack")


def blocks(text: str) -> Blocks:
    """The views of ports in a configuration that was printed."""
    found: dict[str, list[str]] = {}
    port: str | None = None
    for raw in text.replace("\r", "").split("\n"):
        if raw.startswith("interface "):
            port = raw.split()[1]
            found[port] = []
        elif not raw.startswith(" "):
            port = None
        elif port is not None:
            found[port].append(raw.strip())
    return {port: tuple(lines) for port, lines in found.items()}


def ports_beneath(ports: set[str], found: Blocks) -> frozenset[str]:
    """`ports` and what lies under them. Raises AnswerUnreadableError where that cannot be followed."""
    for port in ports:
        if port.startswith(_UNFOLLOWED):
            raise AnswerUnreadableError(f"the way back goes by {port}, and what lies beneath that is not told")
    lower: list[tuple[str, str]] = []
    for port, lines in found.items():
        if "." in port:
            lower.append((port, port.partition(".")[0]))
        for line in lines:
            words = line.split()
            if words[0] == "eth-trunk" and len(words) > 1:
                lower.append((f"Eth-Trunk{words[1]}", port))
            elif words[:2] == ["pppoe-client", "dial-bundle-number"]:
                lower += [(dialer, port) for dialer, own in found.items() if f"dialer bundle {words[2]}" in own]
            elif words[0] == "port":
                lower += [(f"Vlanif{vlan}", port) for vlan in _vlans(words)]
    return beneath(ports, lower)


def foreigners(lines: Collection[str], ours: Mapping[str, Way]) -> Iterator[Foreign]:
    """What shapes a port and is none of `ours`, each with its name, where it has one, and way."""
    for line in lines:
        if (found := _SHAPES.match(line)) is None:
            continue
        words = line.removeprefix(found[1]).split()
        way = next((_WAYS[word] for word in words if word in _WAYS), None)
        named = next((word for word in words if word not in _WAYS), "") if found[1] in _NAMED else ""
        if not (found[1] == "traffic-policy" and ours.get(named) is way is not None):
            yield Foreign(found[1], named, way, line)


_NAMED = ("traffic-policy", "qos-profile", "qos queue-profile")


def related(interface: str, found: Blocks, applied: str) -> list[Foreign]:
    """What shapes a part of the port's traffic, or more than the port: sub-interfaces, the trunk, the whole router."""
    parent = interface.partition(".")[0]
    near = [port for port in found if port.startswith(f"{interface}.") or (port == parent and port != interface)]
    trunks = {f"Eth-Trunk{line.split()[1]}" for line in found.get(parent, ()) if line.startswith("eth-trunk ")}
    strangers = [
        replace(one, name=f"{one.name} on {port}".strip())
        for port in (*near, *sorted(trunks & found.keys()))
        for one in foreigners(found[port], {})
    ]
    for line in applied.replace("\r", "").split("\n"):
        words = line.split()
        if line.startswith("traffic-policy ") and len(words) > 2 and "global" in words:
            way = next((_WAYS[word] for word in words if word in _WAYS), None)
            strangers.append(Foreign("traffic-policy", f"{words[1]} on the whole router", way, line.strip()))
    return strangers


def _vlans(words: list[str]) -> list[int]:
    """`port default vlan 100`, `port trunk allow-pass vlan 10 20 to 29`."""
    if "vlan" not in words:
        return []
    numbers: list[int] = []
    through = False
    for word in words[words.index("vlan") + 1 :]:
        if word == "to":
            through = True
        elif word.isdigit():
            numbers += range(numbers[-1] + 1, int(word) + 1) if through and numbers else [int(word)]
            through = False
    return numbers
