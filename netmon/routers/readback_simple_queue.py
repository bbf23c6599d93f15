"""Reads RouterOS answers: `key=value` lines printed by the dialect's own scripts.

Ours is the simple queue with the circuit's object name and the comment `netmon`. (unverified on a
real router: written from MikroTik's manual, Queues and Scripting.)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from netmon.core.model import NANOSECONDS
from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readbacks import (
    OBJECT,
    Answers,
    Expiry,
    Foreign,
    Limit,
    Ours,
    Owner,
    PortIdentity,
    PortState,
    Survey,
    answer,
    beneath,
    if_readable,
    owner_in,
)
from netmon.routers.session import AnswerUnreadableError

COMMENT = "netmon"
TREE_COMMENT = "netmon on "
"""Begins the comment of a tree queue, which then names the shared port."""
FASTTRACK = "FastTrack is on: established connections pass by simple queues; remove action=fasttrack-connection"
DEVICE_MODE = (
    "the device mode forbids schedulers, so that no undo can be armed: /system device-mode update scheduler=yes, and"
    " confirm it at the router"
)
POLICIES = frozenset({"read", "write", "policy", "test", "ssh"})
"""What the login's group must allow."""
_PAIR = re.compile(r"^([a-z][a-z-]*)=(.*?)\s*$", re.MULTILINE)
_RATE = re.compile(r"(\d+(?:\.\d+)?)([kKMGT]?)(?:bps)?\Z")
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SimpleQueueReadback:
    """One simple queue per circuit, targeting its port."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        seen: dict[str, str] = {}
        for key, value in pairs(answer(answers, 0)):
            seen.setdefault(key, value)
        if "name" not in seen:
            return None
        return PortIdentity(seen["name"], seen.get("alias", ""), seen.get("mac", "").lower())

    def management(self, answers: Answers) -> frozenset[str]:
        ports: set[str] = set()
        for session in _sessions(answer(answers, 0)):
            longest = max((length for length, _ in session), default=0)
            ports.update(port for length, port in session if length == longest)
        return beneath(ports, _layers(answers[1:]))

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        queues = list(blocks(answer(read, 0), "target"))
        others: list[str] = []
        warnings = _warnings(foreign, interface)
        if len(queues) > 1:
            others.append(f"{len(queues)} simple queues named {names.object}")
        up = down = None
        ours = False
        for queue in queues[:1]:
            _check_whole(queue)
            ours = queue["comment"] == COMMENT and queue["target"] == interface
            if not ours:
                others.append(f"simple queue {names.object} on {queue['target']} without netmon's comment or target")
            elif not _yes(queue["disabled"]):
                up, down = _max_limit(queue["max-limit"])
        foreigners, around = _others(foreign, interface)
        others += [f"{one.kind.replace('-', ' ')} {one.name}" for one in foreigners]
        blame = others[0] if others else None
        # One queue holds both ways: it is of no concern to a way it leaves free for the other's sake.
        return PortState(
            Limit(up, ours and not (up is None and down is not None), blame),
            Limit(down, ours and not (down is None and up is not None), blame),
            warnings,
            foreigners,
            nested=around,
        )

    def armed(self, answers: Answers, arm: str) -> Armed:
        seen = {key: value for text in answers for key, value in pairs(text)}
        if "armed" not in seen or "fired" not in seen:
            raise AnswerUnreadableError("the router did not tell whether the undo is armed")
        if seen["fired"] != "0":
            return Armed.FIRED
        return Armed.UNARMED if seen["armed"] == "0" else Armed.ARMED

    def owner(self, answers: Answers) -> Owner | None:
        said = [value for key, value in pairs(answer(answers, 0)) if key == "marker"]
        found = owner_in(said[0]) if said else None
        if said and found is None:
            raise AnswerUnreadableError(f"script NM-OWNER says {said[0][:80]!r}, which is no marker of netmon's")
        return found

    def others(self, answers: Answers) -> str | None:
        if _first(answer(answers, 0), "unconfirmed", "how many changes are unconfirmed") == "0":
            return None
        return "somebody works in safe mode, so that what he changed may still be taken back"

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        """The end is a delay that the router does not tell."""
        return Expiry(_first(answer(answers, 0), "expiry", "whether the limit has an end") != "0")

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        found = []
        for queue in blocks(answer(answers, 0), "queue"):
            if not OBJECT.match(queue["queue"]):
                continue
            up, down = if_readable(partial(_max_limit, queue.get("max-limit", ""))) or (None, None)
            limited = [(way, bps) for way, bps in ((Way.INGRESS, up), (Way.EGRESS, down)) if bps is not None]
            way, bps = limited[0] if len(limited) == 1 else (None, None)
            found.append(Ours(queue["queue"], queue.get("target", ""), way, bps))
        return (*found, *_leaves("\n".join(answers[1:])))

    def survey(self, answers: Answers) -> Survey:
        seen = {key: value for text in answers for key, value in pairs(text)}
        warnings = (
            [FASTTRACK] if any(seen.get(key, "0") not in {"", "0"} for key in ("fasttrack", "fasttrack-six")) else []
        )
        if seen.get("scheduler") in {"false", "no"}:
            warnings.append(DEVICE_MODE)
        for text in answers:
            for key, value in pairs(text):
                if key == "bridge-offload":
                    warnings.append(f"{value} is bridged in hardware: what stays within the bridge passes by queues")
                elif key == "routing-offload":
                    warnings.append(f"{value} routes in hardware (L3HW): what it forwards passes by queues")
        policies = set(re.split(r"[,;]", seen.get("policy", "")))
        return Survey(
            seen.get("version", ""),
            _clock_ns(seen.get("date", ""), seen.get("time", ""), seen.get("gmt-offset", "")),
            policies >= POLICIES if "policy" in seen else None,
            tuple(warnings),
        )


def _check_whole(queue: dict[str, str]) -> None:
    """Raises AnswerUnreadableError for a queue of which not all was printed."""
    if missing := [key for key in ("max-limit", "disabled", "comment") if key not in queue]:
        raise AnswerUnreadableError(f"the router did not tell {missing[0]} of our simple queue")


def _yes(text: str) -> bool:
    """Raises AnswerUnreadableError for what is neither."""
    if text not in {"true", "yes", "false", "no"}:
        raise AnswerUnreadableError(f"RouterOS wrote {text!r} where netmon reads true or false")
    return text in {"true", "yes"}


def _leaves(text: str) -> Iterator[Ours]:
    """On shared ports the circuits' tree queues; what they hang from goes with the last of them."""
    for tree in blocks(text, "tree"):
        name, _, way = tree["tree"].rpartition(".")
        if OBJECT.match(name) and way in set(Way) and tree.get("packet-mark"):
            interface = tree.get("comment", "").removeprefix(TREE_COMMENT)
            yield Ours(name, interface, Way(way), if_readable(partial(bps_of, tree.get("max-limit", ""))))


def _sessions(text: str) -> Iterator[list[tuple[int, str]]]:
    """For each session of our login, the prefix length and port of every route that leads back to it."""
    routes: list[tuple[int, str]] = []
    length = 0
    for key, value in pairs(text):
        if key == "session":
            yield routes
            routes = []
        elif key == "route":
            network = network_of(value)
            length = -1 if network is None else network.prefixlen
        elif key == "via":  # a route with several gateways tells them behind semicolons
            for one in value.split(";"):
                # Release 7 may name the routing table behind it: 10.0.0.1%ether1@main.
                found = {_port(one.strip()), _port(one.strip().partition("@")[0])}
                routes += [(length, port) for port in found if port]
    yield routes


def _layers(answers: Answers) -> list[tuple[str, str]]:
    """(upper, lower) of every VLAN, bridge and bond."""
    lower, above = [], ""
    for text in answers:
        for key, value in pairs(text):
            if key == "upper":
                above = value
            elif key == "lower":
                lower.append((above, value))
    return lower


def _others(foreign: Answers, interface: str) -> tuple[tuple[Foreign, ...], tuple[Ours, ...]]:
    """What shapes the port and is not ours: simple queues that overlap it, queue trees above it.

    Then our own limits at the ports it runs on, and at those that run on it.
    """
    if not foreign:
        return (), ()
    bridges = _layers(foreign[6:7])
    # What is on one of a bridge's ports may or may not pass a VLAN of the bridge: only a single port is sure to.
    single = [one for one in bridges if sum(upper == one[0] for upper, _ in bridges) == 1]
    layers = [*_layers(foreign[5:6]), *single, *_layers(foreign[7:])]
    near = beneath({interface}, layers) | beneath({interface}, [(lower, upper) for upper, lower in layers])
    networks = [n for key, value in pairs(answer(foreign, 2)) if key == "address" and (n := network_of(value))]
    found, ours = list[Foreign](), list[Ours]()
    for queue in blocks(answer(foreign, 0), "queue"):
        name, target, dst = queue["queue"], queue.get("target", ""), queue.get("dst", "")
        port = next((part for part in (*re.split(r"[,;] *", target), dst) if part in near), "")
        if port != interface and OBJECT.match(name) and target == port:
            ours.append(Ours(name, port, None, None))
        elif port or overlaps(target, interface, networks):
            told = setting(queue, "target", "dst", "max-limit") + _dynamic(queue) + _wider(target, networks)
            found.append(Foreign("simple-queue", name + _on(port, interface), None, told))
    for tree in blocks(answer(foreign, 1), "tree"):
        name, parent = tree["tree"], tree.get("parent", "")
        mark, _, way = name.rpartition(".")
        if parent in near - {interface} and OBJECT.match(mark) and way in set(Way):
            ours.append(Ours(mark, parent, Way(way), None))
        elif parent in near or (parent == "global" and tree.get("max-limit", "0") not in {"", "0"}):
            told = setting(tree, "parent", "max-limit")
            out = Way.EGRESS if parent in near else None
            found.append(Foreign("queue-tree", name + _on(parent if parent in near else "", interface), out, told))
    return tuple(found), tuple(ours)


def _on(port: str, interface: str) -> str:
    """What is somewhere else is told with its place."""
    return f" on {port}" if port and port != interface else ""


def _dynamic(queue: dict[str, str]) -> str:
    """Made by a server of the router's, such as DHCP: it comes and goes with that."""
    return " dynamic=true" if queue.get("dynamic") in {"true", "yes"} else ""


def setting(item: dict[str, str], *keys: str) -> str:
    return " ".join(f"{key}={item[key]}" for key in keys if item.get(key))


def _warnings(foreign: Answers, interface: str) -> tuple[str, ...]:
    if not foreign:
        return ()
    told = [*pairs(answer(foreign, 3)), *(pair for text in foreign[4:] for pair in pairs(text))]
    fast = any(key == "fasttrack" and value not in {"", "0"} for key, value in told)
    bridges = [
        f"{interface} is a port of {value}: what is routed there passes by its queue; limit at {value} instead"
        for key, value in told
        if key == "bridge"
    ]
    return (*((FASTTRACK,) if fast else ()), *bridges)


def _wider(target: str, networks: list[Network]) -> str:
    """Of hosts behind other ports too: it is not this circuit's alone."""
    whole = network_of(target)
    if whole is None or any(
        own.version == whole.version and own.prefixlen <= whole.prefixlen and own.overlaps(whole) for own in networks
    ):
        return ""
    return " wider=true"


def overlaps(target: str, interface: str, networks: list[Network]) -> bool:
    parts = [part.strip() for part in re.split(r"[,;]", target) if part.strip()]
    if not parts:
        return True
    for part in parts:
        if part == interface:
            return True
        network = network_of(part)
        if network is not None and any(network.version == own.version and network.overlaps(own) for own in networks):
            return True
        if network is not None and network.prefixlen == 0:
            return True
    return False


def pairs(text: str) -> list[tuple[str, str]]:
    return [(m[1], m[2]) for m in _PAIR.finditer(text.replace("\r", ""))]


def blocks(text: str, first: str) -> Iterator[dict[str, str]]:
    """Groups of pairs, each beginning with the key `first`."""
    block: dict[str, str] = {}
    for key, value in pairs(text):
        if key == first and block:
            yield block
            block = {}
        if key == first or block:
            block.setdefault(key, value)
    if block:
        yield block


def _first(text: str, wanted: str, what: str) -> str:
    for key, value in pairs(text):
        if key == wanted:
            return value
    raise AnswerUnreadableError(f"the router did not tell {what}")


def _clock_ns(date: str, time: str, offset: str) -> int | None:
    """RouterOS 6 writes nov/22/2026, 7 writes 2026-11-22; the offset is in seconds, or +07:00."""
    for form in ("%Y-%m-%d %H:%M:%S", "%b/%d/%Y %H:%M:%S"):
        try:
            local = datetime.strptime(f"{date} {time}", form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if hours := re.fullmatch(r"([+-])(\d\d):(\d\d)", offset):
            east = (int(hours[2]) * 3600 + int(hours[3]) * 60) * (-1 if hours[1] == "-" else 1)
        elif offset.isdecimal():
            east = int(offset) - (2**32 if int(offset) >= 2**31 else 0)
        else:
            return None
        return (int(local.timestamp()) - east) * NANOSECONDS
    return None


def network_of(text: str) -> Network | None:
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
    return text if text and network_of(text) is None else None


def _max_limit(text: str) -> tuple[int | None, int | None]:
    """Upload and download of `8000000/4M`; 0 is no limit."""
    up, slash, down = text.partition("/")
    if not slash:
        raise AnswerUnreadableError(f"RouterOS wrote max-limit as {text!r}, which netmon cannot read")
    return bps_of(up), bps_of(down)


def bps_of(text: str) -> int | None:
    match = _RATE.match(text)
    if match is None:
        raise AnswerUnreadableError(f"RouterOS wrote a rate as {text!r}, which netmon cannot read")
    whole, _, fraction = match[1].partition(".")
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[match[2]] // scale or None
