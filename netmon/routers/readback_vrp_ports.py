"""Huawei VRP's `display current-configuration interface`: what lies beneath a port, and who else shapes it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign, Ours, beneath
from netmon.routers.session import AnswerUnreadableError

_MOST_VLAN = 4094
"""IEEE 802.1Q, VLAN identifiers."""
OURS = re.compile(r"(NM-[0-9A-F]{8}-[A-Z0-9-]{1,18})-([IO])\Z")
"""A circuit's traffic policy, classifier and behavior of one way."""
Blocks = Mapping[str, tuple[str, ...]]
"""Port -> the lines of its view, without indentation."""

_SHAPES = re.compile(
    r"(traffic-policy|traffic-limit|qos-profile|qos car|qos lr|qos gts|qos queue-profile|qos queue|qos pq|qos wfq"
    r"|port shaping|port-queue|user-queue|line-rate|car)\b"
)
_WAYS = {"inbound": Way.INGRESS, "outbound": Way.EGRESS}
_UNFOLLOWED = ("Tunnel", "Virtual-Template", "Virtual-Ethernet", "Vbdif", "Global-VE", "NULL", "InLoopBack", "LoopBack")


def blocks(text: str) -> Blocks:
    """The views of ports in a configuration that was printed.

    Raises AnswerUnreadableError for a view that no `#` ends: it was cut off, or something else was printed within.
    """
    found: dict[str, list[str]] = {}
    port: str | None = None
    for raw in (*text.replace("\r", "").split("\n"), "the end"):
        if not raw.strip():
            continue
        if raw.startswith(" "):
            if port is not None:
                found[port].append(raw.strip())
            continue
        if port is not None and raw.strip() != "#":
            raise AnswerUnreadableError(
                f"the router does not show the whole of {port}: {raw.strip()[:80]!r} stands in it"
            )
        port = raw.split()[1] if raw.startswith("interface ") else None
        if port is not None:
            found[port] = []
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
    strangers = [
        replace(one, name=f"{one.name} on {port}".strip())
        for port in _near(interface, found)
        for one in foreigners(found[port], {})
        if _ours_in(one) is None
    ]
    for line in applied.replace("\r", "").split("\n"):
        words = line.split()
        if line.startswith("traffic-policy ") and len(words) > 2 and "global" in words:
            way = next((_WAYS[word] for word in words if word in _WAYS), None)
            strangers.append(Foreign("traffic-policy", f"{words[1]} on the whole router", way, line.strip()))
    return strangers


def nested(interface: str, found: Blocks) -> tuple[Ours, ...]:
    """Other circuits' policies where the port's packets pass too: its main interface, its sub-interfaces, its trunk."""
    return tuple(
        Ours(name, port, one.way, None)
        for port in _near(interface, found)
        for one in foreigners(found[port], {})
        if (name := _ours_in(one)) is not None
    )


def _near(interface: str, found: Blocks) -> list[str]:
    parent = interface.partition(".")[0]
    trunks = {f"Eth-Trunk{line.split()[1]}" for line in found.get(parent, ()) if line.startswith("eth-trunk ")}
    near = [port for port in found if port.startswith(f"{interface}.") or (port == parent and port != interface)]
    return [*near, *sorted(trunks & found.keys())]


def _ours_in(one: Foreign) -> str | None:
    """The circuit's object in the name of a traffic policy of netmon's."""
    match = OURS.match(one.name) if one.kind == "traffic-policy" else None
    return None if match is None else match[1]


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
            numbers += range(numbers[-1] + 1, min(int(word), _MOST_VLAN) + 1) if through and numbers else [int(word)]
            through = False
    return numbers
