"""Reads iproute2's answers: `ip -j link`, `ip -j route get`, `tc qdisc|class|filter show`.

Links are read as JSON; tc as text, because `tc -j class show` prints text on iproute2 6.1. Ours is
the HTB with handle 4e4d: ("NM") whose default class is the circuit's own minor, and the ifb device
whose alias is the circuit's object name: marks that live and die with the kernel's objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from netmon.core.model import NANOSECONDS
from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way, class_object
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
    owner_in,
)
from netmon.routers.session import AnswerUnreadableError

HANDLE = "4e4d:"
LEAF = "4e4e:"
PREFERENCE = "20045"
_QDISC = re.compile(
    r"^qdisc (?P<kind>\S+) (?P<handle>[0-9a-f]+:)(?: dev \S+)?"
    r"(?: (?P<root>root)| parent (?P<parent>\S+))?(?P<rest>.*)$",
    re.MULTILINE,
)
_OUR_ROOT = re.compile(
    rf"^qdisc htb {HANDLE} dev (?P<port>\S+) root\b.*?\bdefault (?:0x)?(?P<default>[0-9a-f]+)\b", re.MULTILINE
)
_CLASS = re.compile(r"^class htb (?P<id>[0-9a-f]+:[0-9a-f]+) .*\brate (?P<rate>\S+) ceil (?P<ceil>\S+)", re.MULTILINE)
_FILTER = re.compile(r"^filter .*?\bpref (?P<pref>\d+) (?P<kind>\S+)", re.MULTILINE)
_REDIRECT = re.compile(r"\(Egress Redirect to device (?P<device>\S+)\)")
_RATE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[KMGT]?i?)bit\Z")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True, slots=True)
class Qdisc:
    """A line of `tc qdisc show`."""

    kind: str
    handle: str
    root: bool
    parent: str | None
    rest: str

    @property
    def named(self) -> str:
        return f"qdisc {self.kind} {self.handle}"


class TcReadback:
    """HTB on the port for egress, HTB on a redirected ifb device for ingress."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        links = json_list(answer(answers, 0))
        if not links:
            return None
        link = links[0]
        return PortIdentity(
            str(link.get("ifname", "")), str(link.get("ifalias", "")), str(link.get("address", "")).lower()
        )

    def management(self, answers: Answers) -> frozenset[str]:
        routes = json_list(answer(answers, 0))
        ports = {str(route["dev"]) for route in routes if route.get("dev")}
        lower = []
        for link in json_list(answer(answers, 1)):
            name = str(link.get("ifname", ""))
            if "link" in link:
                lower.append((name, str(link["link"])))
            if "master" in link:
                lower.append((str(link["master"]), name))
        return beneath(ports, lower)

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        qdiscs, classes = qdiscs_of(answer(read, 0)), answer(read, 1)
        both = next((q.named for q in qdiscs if q.kind == "clsact"), None)
        ingress, egress = (
            _ingress(qdiscs, read, names, interface, both),
            _egress(qdiscs, classes, names, interface, both),
        )
        around = [_around(port, text, _aliases(read)) for port, text in _by_port("\n".join(foreign))]
        strangers = tuple(one for others, _ in around for one in others)
        return PortState(
            ingress=_blamed(ingress, Way.INGRESS, strangers),
            egress=_blamed(egress, Way.EGRESS, strangers),
            foreigners=(*_foreigners(read, names), *strangers),
            nested=tuple(one for _, ours in around for one in ours),
        )

    def armed(self, answers: Answers, arm: str) -> Armed:
        files = set(answer(answers, 0).split())
        for suffix, state in (
            ("firing", Armed.UNKNOWN),
            ("fired", Armed.FIRED),
            ("confirmed", Armed.UNARMED),
            ("armed", Armed.ARMED),
        ):
            if f"{arm}.{suffix}" in files:
                return state
        return Armed.UNARMED

    def owner(self, answers: Answers) -> Owner | None:
        said = answer(answers, 0).strip()
        found = owner_in(said)
        if said and found is None:
            raise AnswerUnreadableError(f"/run/netmon/owner says {said[:80]!r}, which is no marker of netmon's")
        return found

    def others(self, answers: Answers) -> str | None:
        return None

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        ends = [int(end) for end in re.findall(r"^end=(\d+)\s*$", answer(answers, 0), re.MULTILINE)]
        up = re.search(r"^up=(\d+)\s*$", answer(answers, 1), re.MULTILINE)
        if up is None:
            raise AnswerUnreadableError("the router did not tell how long it has been up")
        return Expiry(bool(ends), max(0, min(ends) - int(up[1])) if ends else None)

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        links = {str(link.get("ifname")): str(link.get("ifalias", "")) for link in json_list(answer(answers, 3))}
        mine = {name: alias for name, alias in links.items() if OBJECT.match(alias) and name == _device(alias)}
        hooks = {to: port for port, text in _by_port(answer(answers, 2)) for to in redirects(text)}
        classes = dict(_by_port(answer(answers, 1)))
        found = []
        for m in _OUR_ROOT.finditer(answer(answers, 0)):
            port, default = m["port"], int(m["default"] or "0", 16)
            if port in links:
                continue
            rates = dict(_classes(classes.get(port, "")))
            bps = rates.get(f"{HANDLE}{default:x}")
            named = class_object(default) if default else Names.of(f"port {port}").object
            found.append(Ours(named, port, Way.EGRESS, bps))
        return (*found, *(Ours(alias, hooks.get(name, name), Way.INGRESS, None) for name, alias in mine.items()))

    def survey(self, answers: Answers) -> Survey:
        version = re.search(r"^version=(.*?)\s*$", answer(answers, 0), re.MULTILINE)
        clock = re.search(r"^clock=(\d+)\s*$", answer(answers, 1), re.MULTILINE)
        uid = re.search(r"^uid=(\d+)\s*$", answer(answers, 2), re.MULTILINE)
        warnings = [
            f"{link.get('ifname')} has an XDP program: packets that it redirects pass by every limit"
            for link in json_list(answer(answers, 3))
            if "xdp" in link
        ]
        if re.search(r"\bflags offload\b", answer(answers, 4)):
            warnings.append("a flowtable of nftables is offloaded to hardware: its connections pass by every limit")
        return Survey(
            version[1] if version else "",
            int(clock[1]) * NANOSECONDS if clock else None,
            uid[1] == "0" if uid else None,
            tuple(warnings),
        )


def _device(name: str) -> str:
    """The ifb device of an object's name."""
    return f"nm{name[3:11].lower()}"


def _by_port(text: str) -> list[tuple[str, str]]:
    """What was printed of each port, after a line that names it."""
    parts = re.split(r"^port=(\S+)[ \t\r]*$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _egress(qdiscs: list[Qdisc], classes: str, names: Names, interface: str, both: str | None) -> Limit:
    ours = any(_is_ours(q, names) for q in qdiscs)
    others = [
        q.named
        for q in qdiscs
        if q.handle != "0:"
        and q.kind not in {"ingress", "clsact"}
        and not (_is_ours(q, names) or (ours and q.handle == LEAF and q.parent == f"{HANDLE}{names.minor}"))
    ]
    others += [f"class {found}" for found, _ in _classes(classes) if found != f"{HANDLE}{names.minor}" and ours]
    foreign = both or (others[0] if others else None)
    return Limit(
        bps=_rate_of(classes, names) if ours else None, ours=ours, foreign=foreign and f"{foreign} on {interface}"
    )


def _ingress(qdiscs: list[Qdisc], read: Answers, names: Names, interface: str, both: str | None) -> Limit:
    filters, devices = answer(read, 2), _aliases(read)
    ours = devices.get(names.device) == names.object
    foreign = both
    if names.device in devices and not ours:
        foreign = f"device {names.device} without netmon's alias"
    hooked = any(q.kind == "ingress" for q in qdiscs)
    if hooked and foreign is None:
        odd = strange(filters, names.device)
        if not ours:
            odd.append("qdisc ingress ffff:")
        foreign = odd[0] if odd else None
    effective = ours and hooked and names.device in redirects(filters)
    return Limit(
        bps=_rate_of(answer(read, 4), names) if effective else None,
        ours=ours,
        foreign=foreign and f"{foreign} on {interface}",
    )


def _around(port: str, text: str, aliases: Mapping[str, str]) -> tuple[list[Foreign], list[Ours]]:
    """What others, and what we, have on a port that this one is a VLAN of, or on one of its VLANs."""
    others, ours = list[Foreign](), list[Ours]()
    for line in text.splitlines():
        for one in qdiscs_of(line):
            default = re.search(r"\bdefault (?:0x)?([0-9a-f]+)\b", one.rest)
            if one.kind == "htb" and one.handle == HANDLE and one.root and default:
                minor = int(default[1], 16)
                named = class_object(minor) if minor else Names.of(f"port {port}").object
                ours.append(Ours(named, port, Way.EGRESS, None))
            elif one.handle != "0:" and one.kind != "ingress" and (one.root or one.kind == "clsact"):
                way = None if one.kind == "clsact" else Way.EGRESS
                others.append(Foreign("qdisc", f"{one.named} on {port}", way, f"on {port}: {line.strip()}"))
    mine = {to for to in redirects(text) if OBJECT.match(aliases.get(to, "")) and to == _device(aliases[to])}
    ours += [Ours(aliases[device], port, Way.INGRESS, None) for device in sorted(mine)]
    odd = [f"filter pref {m['pref']} {m['kind']}" for m in _FILTER.finditer(text) if m["pref"] != PREFERENCE]
    odd += [f"redirect to {to}" for to in sorted(redirects(text) - mine)]
    others += [Foreign("ingress", f"{name} on {port}", Way.INGRESS, f"on {port}") for name in odd]
    return others, ours


def _blamed(limit: Limit, way: Way, strangers: tuple[Foreign, ...]) -> Limit:
    """What is on the port itself is named first."""
    found = next((one.name for one in strangers if one.way in (way, None)), None)
    return limit if limit.foreign is not None or found is None else replace(limit, foreign=found)


def _aliases(read: Answers) -> dict[str, str]:
    """Of the ifb devices."""
    return {str(link.get("ifname")): str(link.get("ifalias", "")) for link in json_list(answer(read, 3))}


def _foreigners(read: Answers, names: Names) -> tuple[Foreign, ...]:
    """Others' qdiscs as they would have to be added again, and what they have at the ingress."""
    qdiscs, filters, devices = answer(read, 0), answer(read, 2), _aliases(read)
    lines = [(line, found[0]) for line in qdiscs.splitlines() if (found := qdiscs_of(line))]
    ours = any(_is_ours(q, names) for _, q in lines)
    others = [
        Foreign("qdisc", q.named, None if q.kind == "clsact" else Way.EGRESS, line.strip())
        for line, q in lines
        if q.handle != "0:" and not (ours and q.handle in {HANDLE, LEAF}) and q.kind != "ingress"
    ]
    odd = strange(filters, names.device)
    is_ours = devices.get(names.device) == names.object
    if names.device in devices and not is_ours:
        odd.append(f"device {names.device} without netmon's alias")
    if not odd and not is_ours:
        odd = [q.named for _, q in lines if q.kind == "ingress"]
    return (*others, *(Foreign("ingress", name, Way.INGRESS, filters.strip()[:2000]) for name in odd))


def redirects(filters: str) -> set[str]:
    """The devices to which filters at a port's ingress send what comes in."""
    return {m["device"] for m in _REDIRECT.finditer(filters)}


def strange(filters: str, device: str) -> list[str]:
    """Filters at a port's ingress that are not netmon's redirection to `device`, named."""
    found = [f"filter pref {m['pref']} {m['kind']}" for m in _FILTER.finditer(filters) if m["pref"] != PREFERENCE]
    return found + [f"redirect to {to}" for to in sorted(redirects(filters) - {device})]


def _is_ours(qdisc: Qdisc, names: Names) -> bool:
    default = re.search(r"\bdefault 0x([0-9a-f]+)", qdisc.rest)
    return (
        qdisc.root
        and qdisc.kind == "htb"
        and qdisc.handle == HANDLE
        and default is not None
        and default[1] == names.minor
    )


def qdiscs_of(text: str) -> list[Qdisc]:
    """`tc qdisc show`."""
    return [Qdisc(m["kind"], m["handle"], m["root"] is not None, m["parent"], m["rest"]) for m in _QDISC.finditer(text)]


def _classes(text: str) -> list[tuple[str, int]]:
    return [(m["id"], bps_of(m["ceil"])) for m in _CLASS.finditer(text)]


def _rate_of(classes: str, names: Names) -> int | None:
    return dict(_classes(classes)).get(f"{HANDLE}{names.minor}")


def bps_of(text: str) -> int:
    """A rate as tc prints it, bit/s. Raises AnswerUnreadableError."""
    match = _RATE.match(text)
    if match is None:
        raise AnswerUnreadableError(f"tc wrote a rate as {text!r}, which netmon cannot read")
    whole, _, fraction = match["number"].partition(".")
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[match["unit"]] // scale


def json_list(text: str) -> list[Mapping[str, Any]]:
    """The JSON list in an answer; iproute2 prints nothing for an empty one."""
    written = text.strip()
    if not written:
        return []
    try:
        data = json.loads(written)
    except ValueError:
        raise AnswerUnreadableError(
            f"ip answered {written[:80]!r} instead of JSON; the router needs iproute2 with -j"
        ) from None
    return [item for item in data if isinstance(item, dict) and item] if isinstance(data, list) else []
