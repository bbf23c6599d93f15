"""What `tc` of the simulated Linux routers shapes with, and how it prints it: as iproute2 6.1 does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

_PFIFO_FAST = "pfifo_fast 0: root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1"


@dataclass(slots=True)
class HtbClass:
    rate: int
    """Bytes per second."""
    ceil: int
    burst: int
    cburst: int
    leaf: tuple[str, int] | None = None
    """Handle and limit in bytes of its bfifo."""
    parent: str | None = None
    """Classid; None: it hangs from the qdisc itself."""
    priority: int = 0
    quantum: int = 0


@dataclass(frozen=True, slots=True)
class U32:
    """A filter at an HTB: packets of which all these words are so belong to a class."""

    preference: int
    flow: str
    """Classid."""
    matches: tuple[str, ...]
    """`VALUE/MASK at OFFSET`, hexadecimal."""


@dataclass(slots=True)
class Shaper:
    """An HTB at the root of a link."""

    handle: str
    default: int
    classes: dict[str, HtbClass] = field(default_factory=dict)
    """By classid, `4e4d:10`."""
    filters: list[U32] = field(default_factory=list)
    counted_from: int = 0
    """Octets the link had sent when the shaper was made."""


@dataclass(slots=True)
class Link:
    name: str
    kind: str
    """ether, loopback or ifb."""
    mac: str
    alias: str
    up: bool = True
    root: Shaper | None = None
    ingress: bool = False
    redirects: list[tuple[int, str]] = field(default_factory=list)
    """Preference and target of mirred filters at the ingress."""
    parent: str | None = None
    """The port that it is a VLAN of."""


def qdiscs(link: Link, device: str) -> str:
    lines = []
    if link.root is None:
        default = "noqueue 0: root refcnt 2" if link.kind == "loopback" else _PFIFO_FAST
        kind, handle, rest = default.split(" ", 2)
        lines.append(f"qdisc {kind} {handle} {device}{rest} ")
    else:
        lines.append(
            f"qdisc htb {link.root.handle} {device}root refcnt 2 r2q 10 default {_hex(link.root.default)}"
            " direct_packets_stat 0 direct_qlen 1000"
        )
        for classid, group in link.root.classes.items():
            if group.leaf is not None:
                lines.append(f"qdisc bfifo {group.leaf[0]} {device}parent {classid} limit {group.leaf[1]}b")
    if link.ingress:
        lines.append(f"qdisc ingress ffff: {device}parent ffff:fff1 ---------------- ")
    return "".join(line + "\n" for line in lines)


def qdisc_objects(link: Link, sent: int) -> list[dict[str, Any]]:
    """As `tc -s -j` shows them; the simulation knows no packets and takes one to be of 1,000 octets."""
    counted = {
        "bytes": sent,
        "packets": -(-sent // 1000),
        "drops": 0,
        **dict.fromkeys(("overlimits", "requeues", "backlog", "qlen"), 0),
    }
    if link.root is None:
        kind = "noqueue" if link.kind == "loopback" else "pfifo_fast"
        shown = [{"kind": kind, "handle": "0:", "dev": link.name, "root": True, "refcnt": 2, "options": {}, **counted}]
    else:
        options = {"r2q": 10, "default": _hex(link.root.default), "direct_packets_stat": 0, "direct_qlen": 1000}
        one = {"kind": "htb", "handle": link.root.handle, "dev": link.name, "root": True, "refcnt": 2}
        shown = [{**one, "options": options, **counted}]
        shown += [
            {
                "kind": "bfifo",
                "handle": group.leaf[0],
                "dev": link.name,
                "parent": classid,
                "options": {"limit": group.leaf[1]},
                **counted,
            }
            for classid, group in link.root.classes.items()
            if group.leaf is not None
        ]
    if link.ingress:
        none = dict.fromkeys(counted, 0)
        shown.append(
            {"kind": "ingress", "handle": "ffff:", "dev": link.name, "parent": "ffff:fff1", "options": {}, **none}
        )
    return shown


def classes(link: Link, sent: int | None, detailed: bool = False) -> str:
    """`sent` octets went through the default class; None leaves the statistics out."""
    if link.root is None:
        return ""
    lines = []
    inner = {group.parent for group in link.root.classes.values()}
    for classid, group in link.root.classes.items():
        lines.append(_class(classid, group, classid in inner, detailed))
        if sent is not None:
            passed = sent if classid == f"{link.root.handle}{link.root.default:x}" else 0
            lines.append(
                f" Sent {passed} bytes {-(-passed // 1000)} pkt (dropped 0, overlimits 0 requeues 0) \n"
                " backlog 0b 0p requeues 0\n lended: 0 borrowed: 0 giants: 0\n tokens: 0 ctokens: 0\n\n"
            )
    return "".join(lines)


def _class(classid: str, group: HtbClass, is_inner: bool, detailed: bool) -> str:
    hangs = "root " if group.parent is None else f"parent {group.parent} "
    served = "" if is_inner else f"prio {group.priority} "
    if detailed and not is_inner:
        served += f"quantum {group.quantum} "
    leaf = f"leaf {group.leaf[0]} " if group.leaf and not is_inner else ""
    kind, cell, end = (
        ("linklayer ethernet ", "/1 mpu 0b", f" level {7 if is_inner else 0} ") if detailed else ("", "", " ")
    )
    return (
        f"class htb {classid} {hangs}{leaf}{served}rate {_bits(group.rate)} ceil {_bits(group.ceil)} {kind}"
        f"burst {_size(group.burst)}{cell} cburst {_size(group.cburst)}{cell}{end}\n"
    )


def u32_matches(words: Sequence[str]) -> tuple[str, ...] | None:
    """What filters compare, word by word of the packet; None: no such match. Raises ValueError for a wrong value.

    `match u8 VALUE MASK at 0`, `match ip|ip6 src|dst PREFIX`, `match ip tos|dsfield VALUE MASK` and `match ip6 priority
    VALUE MASK`, one after the other; tc puts what concerns the same word together.
    """
    first, found = (0, 0), list[str]()
    left = list(words)
    while left:
        match left[:6]:
            case ["match", "u8", value, mask, "at", "0"]:
                first = _with_octet(first, value, mask, 24)
                del left[:6]
            case ["match", "ip", "tos" | "dsfield", value, mask, *_]:
                first = _with_octet(first, value, mask, 16)
                del left[:5]
            case ["match", "ip6", "priority", value, mask, *_]:
                first = _with_octet(first, value, mask, 20)
                del left[:5]
            case ["match", "ip" | "ip6" as family, "src" | "dst" as side, prefix, *_]:
                found += _compared(ip_network(prefix), family, side)
                del left[:4]
            case _:
                return None
    return (f"{first[0]:08x}/{first[1]:08x} at 0", *found) if first[1] else tuple(found)


def _with_octet(word: tuple[int, int], value: str, mask: str, shift: int) -> tuple[int, int]:
    """The word's value and mask, with those of eight bits at `shift` as well."""
    written, compared = int(value, 0), int(mask, 16)
    if not 0 <= written <= 0xFF or not 0 <= compared <= 0xFF:
        raise ValueError(value)
    added, bits = (written & compared) << shift, compared << shift
    if (word[0] ^ added) & word[1] & bits:
        raise ValueError(value)
    return word[0] | added, word[1] | bits


def _compared(network: IPv4Network | IPv6Network, family: str, side: str) -> list[str]:
    count, start = (1, 12) if family == "ip" else (4, 8)
    start += 4 * count if side == "dst" else 0
    address, mask = network.network_address.packed, network.netmask.packed
    return [
        f"{address[at : at + 4].hex()}/{mask[at : at + 4].hex()} at {start + at}"
        for at in range(0, 4 * count, 4)
        if any(mask[at : at + 4])
    ]


def _root_filters(root: Shaper) -> str:
    lines = []
    for number, preference in enumerate(sorted({one.preference for one in root.filters})):
        head = f"filter parent {root.handle} protocol all pref {preference} u32 chain 0"
        table = f"{0x800 + number:x}"
        lines += [f"{head} ", f"{head} fh {table}: ht divisor 1 "]
        ours = [one for one in root.filters if one.preference == preference]
        for at, one in enumerate(ours):
            lines.append(
                f"{head} fh {table}::{0x800 + at:x} order {2048 + at} key ht {table} bkt 0"
                f" *flowid {one.flow} not_in_hw "
            )
            lines += [f"  match {words}" for words in one.matches]
    return "".join(line + "\n" for line in lines)


def filters(link: Link, words: Sequence[str]) -> str:
    if "ingress" not in words and "ffff:" not in words:
        return "" if link.root is None else _root_filters(link.root)
    shown = []
    for number, (preference, target) in enumerate(link.redirects):
        head = f"filter parent ffff: protocol all pref {preference} u32 chain 0"
        table = f"{0x800 + number:x}"
        shown += [
            f"{head} ",
            f"{head} fh {table}: ht divisor 1 ",
            f"{head} fh {table}::800 order 2048 key ht {table} bkt 0 terminal flowid not_in_hw ",
            "  match 00000000/00000000 at 0",
            f"\taction order 1: mirred (Egress Redirect to device {target}) stolen",
            "\tindex 1 ref 1 bind 1",
            "",
        ]
    return "".join(line + "\n" for line in shown)


def _hex(number: int) -> str:
    """As C's `%#x`: without a prefix for zero."""
    return f"{number:#x}" if number else "0"


def _bits(octets: int) -> str:
    """A rate as tc prints it: shortened, even where that loses digits."""
    bits = octets * 8
    for unit in ("", "K", "M", "G"):
        if bits < 1000 or unit == "G" or (bits % 1000 and bits < 1_000_000):
            return f"{bits}{unit}bit"
        bits //= 1000
    raise AssertionError("unreachable")


def _size(octets: int) -> str:
    for unit, factor in (("Mb", 2**20), ("Kb", 2**10)):
        if octets >= factor and octets % factor == 0:
            return f"{octets // factor}{unit}"
    return f"{octets}b"
