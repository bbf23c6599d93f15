"""Reads a port that several circuits share, from `tc -d class show` and `tc filter show`: an HTB with handle 4e4d:.

Ours is an HTB of that handle that lets pass what it does not know (`default 0`), and there every leaf class and
every filter that belongs to one of the shaping point's circuits. Whatever else is there is named and left alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netmon.core.code_points import Block
from netmon.core.model import Placement, Tier
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Sharing
from netmon.routers.readback_tc import HANDLE, Qdisc, bps_of, json_list, qdiscs_of, redirects, strange
from netmon.routers.readbacks import Answers, Limit, PortState, answer

QDISC = "0"
"""Minor by which the qdisc itself is named."""
ROOT = "1"
"""Minor of the class of the whole point."""
RESERVED = frozenset({ROOT, "4e4d", "4e4e", "ffff"})
"""Minors that a circuit or an agency cannot have: they are handles and classes of something else."""
PACKET = 1514
"""Bytes of quantum for each unit of weight."""
_CLASS = re.compile(
    rf"^class htb {HANDLE}(?P<minor>[0-9a-f]+) (?:root|parent {HANDLE}(?P<parent>[0-9a-f]+)) (?:leaf \S+ )?"
    r"(?:prio (?P<prio>\d+) quantum (?P<quantum>\d+) )?rate (?P<rate>\S+) ceil (?P<ceil>\S+)",
    re.MULTILINE,
)
_FILTER = re.compile(r"^filter .*?\bpref (?P<pref>\d+) (?P<kind>\S+)(?P<rest>.*)$")
_FLOW = re.compile(r"\bflowid (\S+)")
_MATCH = re.compile(r"^\s+match ([0-9a-f]{8})/([0-9a-f]{8}) at (\d+)$")

ANY = (0, 0)
"""Value and mask of all code points."""
Match = tuple[str, str, int]
"""Value and mask, hexadecimal, of the 32 bits at an offset into the network header."""


@dataclass(frozen=True, slots=True)
class _Class:
    minor: str
    parent: str | None
    rate: int
    ceil: int
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class _Filter:
    preference: int
    flow: str
    matches: frozenset[Match]


@dataclass(frozen=True, slots=True)
class _Tree:
    """What hangs from one HTB."""

    qdiscs: Sequence[Qdisc]
    classes: Mapping[str, _Class]
    filters: Sequence[_Filter]
    others: Sequence[str]
    """Filters of another kind, named."""

    @property
    def is_there(self) -> bool:
        return any(_is_root(qdisc) for qdisc in self.qdiscs)


def tier_minor(agency: str | None) -> str:
    """The class of an agency above circuits; of the root for None, and what is no agency's (`4e4d:77`) as it is."""
    if agency is None:
        return ROOT
    return agency.removeprefix(HANDLE) if agency.startswith(HANDLE) else Names.of(f"agency {agency}").minor


def expected(prefix: str, side: str, points: Block = ANY) -> frozenset[Match]:
    """What a filter for an IPv4 or IPv6 prefix on side `src` or `dst` compares, after RFC 791, 2474 and 8200."""
    network = ipaddress.ip_network(prefix)
    words, start, at_bit = (1, 12, 18) if network.version == 4 else (4, 8, 22)
    start += (4 * words) if side == "dst" else 0
    value, mask = int(network.network_address), int(network.netmask)
    first = network.version << 28 | points[0] << at_bit, 0xF0000000 | points[1] << at_bit
    found = {(f"{first[0]:08x}", f"{first[1]:08x}", 0)}
    for at in range(words):
        shift = 32 * (words - 1 - at)
        if bits := mask >> shift & 0xFFFFFFFF:
            found.add((f"{value >> shift & 0xFFFFFFFF:08x}", f"{bits:08x}", start + 4 * at))
    return frozenset(found)


class HtbReadback:
    """One circuit's part of a shared port, and whose the rest is."""

    above_root = QDISC
    weighs = True

    def __init__(self, circuit: str, shared: Sharing, interface: str) -> None:
        self._interface = interface
        port = Names.of(f"port {interface}")
        self._device, self._alias = port.device, port.object
        self._minor = Names.of(circuit).minor
        self._told = shared.told
        self._circuits = {Names.of(one).minor for one in shared.circuits}
        self._agencies: dict[str, str | None] = {ROOT: None}
        self._agencies |= {tier_minor(agency): agency for agency in shared.agencies}

    def node(self, agency: str | None) -> str:
        return tier_minor(agency)

    def state(self, read: Answers, sides: Mapping[Way, str]) -> PortState:
        """`read` are the answers of `read_shared`. Raises AnswerUnreadableError."""
        device, alias, interface = self._device, self._alias, self._interface
        qdiscs = qdiscs_of(answer(read, 0))
        both = next((q.named for q in qdiscs if q.kind == "clsact"), None)
        out = _tree(answer(read, 0), answer(read, 1), answer(read, 2))
        egress = self._limit(out, both, interface, sides[Way.EGRESS])
        links = {str(link.get("ifname")): str(link.get("ifalias", "")) for link in json_list(answer(read, 4))}
        foreign, hooked = both, any(q.kind == "ingress" for q in qdiscs)
        if device in links and links[device] != alias:
            foreign = f"device {device} without netmon's alias"
        if hooked and foreign is None:
            odd = strange(answer(read, 3), device)
            foreign = odd[0] if odd else None if device in links else "qdisc ingress ffff:"
        into = _tree(answer(read, 5), answer(read, 6), answer(read, 7))
        ingress = self._limit(into, foreign, interface, sides[Way.INGRESS])
        if not (hooked and device in redirects(answer(read, 3))):
            ours = ingress.ours or device in links
            ingress = Limit(None, ours, ingress.foreign, ingress.placement, ingress.tiers, ingress.tier_parents)
        return PortState(ingress=ingress, egress=egress)

    def _limit(self, tree: _Tree, foreign: str | None, interface: str, side: str) -> Limit:
        if foreign is None and (found := self._strays(tree)):
            foreign = found[0]
        named = foreign and f"{foreign} on {interface}"
        if not tree.is_there:
            return Limit(None, ours=False, foreign=named)
        above: set[str | None] = {*self._agencies, *(one.parent for one in tree.classes.values())}
        inner = _preorder(tree.classes, above)
        tiers = tuple(Tier(self._whose(one.minor), one.ceil, one.rate) for one in inner)
        parents = tuple(None if one.parent is None else self._whose(one.parent) for one in inner)
        own = tree.classes.get(self._minor)
        filters = [one for one in tree.filters if one.flow == f"{HANDLE}{self._minor}"]
        if own is None:
            return Limit(None, bool(filters), named, None, tiers, parents)
        placement = Placement(own.rate, own.weight, own.priority, self._above(own, tree.classes))
        wanted = {
            expected(prefix, side, points)
            for some, parts in self._told
            for prefix in some
            for points in parts or (ANY,)
        }
        complete = {one.matches for one in filters} == wanted and len(filters) == len(wanted)
        return Limit(own.ceil if complete else None, True, named, placement, tiers, parents)

    def _whose(self, minor: str) -> str | None:
        return self._agencies.get(minor, f"{HANDLE}{minor}")

    def _above(self, own: _Class, classes: Mapping[str, _Class]) -> tuple[Tier, ...]:
        found: list[Tier] = []
        at = own.parent
        while at is not None and at in classes and len(found) < len(classes):
            one = classes[at]
            found.append(Tier(self._whose(at), one.ceil, one.rate))
            at = one.parent
        return tuple(reversed(found))

    def _strays(self, tree: _Tree) -> list[str]:
        """Everything that is no circuit's or agency's of this shaping point."""
        leaves = {f"{HANDLE}{minor}": f"{minor}:" for minor in self._circuits}
        others = [
            q.named if not q.root or q.handle != HANDLE else f"{q.named} with a default class"
            for q in tree.qdiscs
            if q.handle != "0:"
            and q.kind not in {"ingress", "clsact"}
            and not (_is_root(q) or (tree.is_there and leaves.get(q.parent or "") == q.handle))
        ]
        if not tree.is_there:
            return others
        parents = {one.parent for one in tree.classes.values()}
        known = self._circuits | set(self._agencies)
        found = [f"class {HANDLE}{minor}" for minor in tree.classes if minor not in known | parents]
        found += [
            f"filter pref {one.preference} to {one.flow or 'nowhere'}"
            for one in tree.filters
            if f"{one.preference:x}" not in self._circuits or one.flow != f"{HANDLE}{one.preference:x}"
        ]
        return [*found, *tree.others, *others]


def _is_root(qdisc: Qdisc) -> bool:
    return (
        qdisc.root
        and qdisc.kind == "htb"
        and qdisc.handle == HANDLE
        and re.search(r"\bdefault (?:0x)?0\b", qdisc.rest) is not None
    )


def _tree(qdiscs: str, classes: str, filters: str) -> _Tree:
    found = [
        _Class(
            m["minor"],
            m["parent"],
            bps_of(m["rate"]),
            bps_of(m["ceil"]),
            int(m["prio"] or 0),
            max(1, (int(m["quantum"] or 0) + PACKET // 2) // PACKET),
        )
        for m in _CLASS.finditer(classes)
    ]
    ours, others = _filters(filters)
    return _Tree(qdiscs_of(qdiscs), {one.minor: one for one in found}, ours, others)


def _filters(text: str) -> tuple[list[_Filter], list[str]]:
    """Filters of kind u32, each with what it compares, and those of other kinds by name."""
    found: list[_Filter] = []
    others: list[str] = []
    head: tuple[int, str] | None = None
    matches: set[Match] = set()

    def close() -> None:
        if head is not None:
            found.append(_Filter(head[0], head[1], frozenset(matches)))

    for line in text.splitlines():
        if match := _FILTER.match(line):
            if match["kind"] != "u32":
                others.append(f"filter pref {match['pref']} {match['kind']}")
            elif " key ht " in match["rest"]:
                close()
                flow = _FLOW.search(match["rest"])
                head, matches = (int(match["pref"]), flow[1] if flow else ""), set()
        elif compared := _MATCH.match(line):
            matches.add((compared[1], compared[2], int(compared[3])))
    close()
    return found, others


def _preorder(classes: Mapping[str, _Class], inner: set[str | None]) -> list[_Class]:
    """The classes from which others hang or may hang, each after its parent."""
    found: list[_Class] = []
    waiting = [one for one in classes.values() if one.parent not in classes]
    while waiting:
        one = waiting.pop()
        if one.minor in inner:
            found.append(one)
        waiting.extend(below for below in classes.values() if below.parent == one.minor)
    return found
