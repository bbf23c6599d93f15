"""Reads RouterOS answers: `key=value` lines printed by the dialect's own scripts.

Ours is the simple queue with the circuit's object name and the comment `netmon`. (unverified on a
real router: written from MikroTik's manual, Queues and Scripting.)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names
from netmon.routers.readbacks import Answers, Limit, PortIdentity, PortState, answer, beneath
from netmon.routers.session import AnswerUnreadableError

COMMENT = "netmon"
_PAIR = re.compile(r"^([a-z][a-z-]*)=(.*?)\s*$", re.MULTILINE)
_RATE = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)(?:bps)?\Z")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SimpleQueueReadback:
    """One simple queue per circuit, targeting its port."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        seen: dict[str, str] = {}
        for key, value in _pairs(answer(answers, 0)):
            seen.setdefault(key, value)
        if "name" not in seen:
            return None
        return PortIdentity(seen["name"], seen.get("alias", ""), seen.get("mac", "").lower())

    def management(self, answers: Answers) -> frozenset[str]:
        ports: set[str] = set()
        for session in _sessions(answer(answers, 0)):
            longest = max((length for length, _ in session), default=0)
            ports.update(port for length, port in session if length == longest)
        lower, above = [], ""
        for text in answers[1:]:
            for key, value in _pairs(text):
                if key == "upper":
                    above = value
                elif key == "lower":
                    lower.append((above, value))
        return beneath(ports, lower)

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        queues = list(_blocks(answer(read, 0), "target"))
        others = _others(foreign, interface)
        warnings = _warnings(foreign)
        if len(queues) > 1:
            others.insert(0, f"{len(queues)} simple queues named {names.object}")
        up = down = None
        ours = False
        for queue in queues[:1]:
            ours = queue.get("comment") == COMMENT and queue["target"] == interface
            if not ours:
                others.insert(0, f"simple queue {names.object} on {queue['target']} without netmon's comment or target")
            elif queue.get("disabled") not in {"true", "yes"}:
                up, down = _max_limit(queue.get("max-limit", ""))
        blame = others[0] if others else None
        # One queue holds both ways: it is of no concern to a way it leaves free for the other's sake.
        return PortState(
            Limit(up, ours and not (up is None and down is not None), blame),
            Limit(down, ours and not (down is None and up is not None), blame),
            warnings,
        )

    def armed(self, answers: Answers, arm: str) -> Armed:
        seen = {key: value for text in answers for key, value in _pairs(text)}
        if "armed" not in seen or "fired" not in seen:
            raise AnswerUnreadableError("the router did not tell whether the undo is armed")
        if seen["fired"] != "0":
            return Armed.FIRED
        return Armed.UNARMED if seen["armed"] == "0" else Armed.ARMED


def _sessions(text: str) -> Iterator[list[tuple[int, str]]]:
    """For each session of our login, the prefix length and port of every route that leads back to it."""
    routes: list[tuple[int, str]] = []
    length = 0
    for key, value in _pairs(text):
        if key == "session":
            yield routes
            routes = []
        elif key == "route":
            network = _network(value)
            length = -1 if network is None else network.prefixlen
        elif key == "via" and (port := _port(value)):
            routes.append((length, port))
    yield routes


def _others(foreign: Answers, interface: str) -> list[str]:
    """What shapes the port and is not ours: simple queues that overlap it, queue trees above it."""
    if not foreign:
        return []
    networks = [n for key, value in _pairs(answer(foreign, 2)) if key == "address" and (n := _network(value))]
    found = [
        f"simple queue {queue['queue']}"
        for queue in _blocks(answer(foreign, 0), "queue")
        if _overlaps(queue.get("target", ""), interface, networks) or queue.get("dst") == interface
    ]
    for tree in _blocks(answer(foreign, 1), "tree"):
        parent = tree.get("parent", "")
        if parent == interface or (parent == "global" and tree.get("max-limit", "0") not in {"", "0"}):
            found.append(f"queue tree {tree['tree']}")
    return found


def _warnings(foreign: Answers) -> tuple[str, ...]:
    if not foreign:
        return ()
    for key, value in _pairs(answer(foreign, 3)):
        if key == "fasttrack" and value not in {"", "0"}:
            return (
                "FastTrack is on: established connections pass by simple queues; remove action=fasttrack-connection",
            )
    return ()


def _overlaps(target: str, interface: str, networks: list[Network]) -> bool:
    parts = [part.strip() for part in re.split(r"[,;]", target) if part.strip()]
    if not parts:
        return True
    for part in parts:
        if part == interface:
            return True
        network = _network(part)
        if network is not None and any(network.version == own.version and network.overlaps(own) for own in networks):
            return True
        if network is not None and network.prefixlen == 0:
            return True
    return False


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(m[1], m[2]) for m in _PAIR.finditer(text.replace("\r", ""))]


def _blocks(text: str, first: str) -> Iterator[dict[str, str]]:
    """Groups of pairs, each beginning with the key `first`."""
    block: dict[str, str] = {}
    for key, value in _pairs(text):
        if key == first and block:
            yield block
            block = {}
        if key == first or block:
            block.setdefault(key, value)
    if block:
        yield block


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _port(text: str) -> str | None:
    """The port in `10.0.0.1%ether1` (v7), `10.0.0.1 reachable via  ether1` (v6) or `ether1`."""
    for pattern in (r"[^%\s]+%(.+)\Z", r".*\bvia\s+(.+)\Z", r"(.+?)\s+(?:un)?reachable\Z"):
        if match := re.match(pattern, text):
            text = match[1]
            break
    return text if text and _network(text) is None else None


def _max_limit(text: str) -> tuple[int | None, int | None]:
    """Upload and download of `8000000/4M`; 0 is no limit."""
    up, slash, down = text.partition("/")
    if not slash:
        raise AnswerUnreadableError(f"RouterOS wrote max-limit as {text!r}, which netmon cannot read")
    return _bps(up), _bps(down)


def _bps(text: str) -> int | None:
    match = _RATE.match(text)
    if match is None:
        raise AnswerUnreadableError(f"RouterOS wrote a rate as {text!r}, which netmon cannot read")
    whole, _, fraction = match[1].partition(".")
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[match[2]] // scale or None
