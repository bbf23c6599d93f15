"""What `tc` of the simulated Linux routers shapes with, and how it prints it: as iproute2 6.1 does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Shaper:
    """An HTB at the root of a link."""

    handle: str
    default: int
    classes: dict[str, HtbClass] = field(default_factory=dict)
    """By classid, `4e4d:10`."""
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


def qdiscs(link: Link, device: str) -> str:
    lines = []
    if link.root is None:
        default = "noqueue 0: root refcnt 2" if link.kind == "loopback" else _PFIFO_FAST
        kind, handle, rest = default.split(" ", 2)
        lines.append(f"qdisc {kind} {handle} {device}{rest} ")
    else:
        lines.append(
            f"qdisc htb {link.root.handle} {device}root refcnt 2 r2q 10 default {link.root.default:#x}"
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
        options = {"r2q": 10, "default": f"{link.root.default:#x}", "direct_packets_stat": 0, "direct_qlen": 1000}
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


def classes(link: Link, sent: int | None) -> str:
    """`sent` octets went through the default class; None leaves the statistics out."""
    if link.root is None:
        return ""
    lines = []
    for classid, group in link.root.classes.items():
        lines.append(
            f"class htb {classid} root {f'leaf {group.leaf[0]} ' if group.leaf else ''}prio 0 rate {_bits(group.rate)}"
            f" ceil {_bits(group.ceil)} burst {_size(group.burst)} cburst {_size(group.cburst)} \n"
        )
        if sent is not None:
            passed = sent if classid == f"{link.root.handle}{link.root.default:x}" else 0
            lines.append(
                f" Sent {passed} bytes {-(-passed // 1000)} pkt (dropped 0, overlimits 0 requeues 0) \n"
                " backlog 0b 0p requeues 0\n lended: 0 borrowed: 0 giants: 0\n tokens: 0 ctokens: 0\n\n"
            )
    return "".join(lines)


def filters(link: Link, words: Sequence[str]) -> str:
    if "ingress" not in words and "ffff:" not in words:
        return ""
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
