"""The menus that a simulated RouterOS router has, and what can be written in each."""

from __future__ import annotations

from collections.abc import Sequence

from netmon.simulator.device import Port
from netmon.simulator.routeros_menus import (
    Menu,
    Normalise,
    Value,
    address_of,
    network,
    number,
    one_of,
    rate,
    rate_pair,
    target_among,
    text,
    yes_or_no,
)

Path = tuple[str, ...]

_ACTIONS = (
    "accept",
    "add-dst-to-address-list",
    "add-src-to-address-list",
    "change-dscp",
    "change-mss",
    "change-ttl",
    "clear-df",
    "jump",
    "log",
    "mark-connection",
    "mark-packet",
    "mark-routing",
    "passthrough",
    "return",
    "set-priority",
)
"""What both releases do with a packet in mangle."""


def menus(ports: Sequence[Port], release: int) -> dict[Path, Menu]:
    """Every menu of a router with such ports, by its path, as it is before anything was configured."""
    names = [port.name for port in ports]
    general = {"name": text, "comment": text, "disabled": yes_or_no}
    queue = {"priority": text, "limit-at": text, "parent": text}
    tree = Menu(
        {**general, "priority": number(1, 8), "limit-at": rate, "packet-mark": text, "max-limit": rate},
        {"packet-mark": "", "limit-at": "0", "max-limit": "0", "priority": "8", "comment": "", "disabled": False},
    )
    tree.properties = {**tree.properties, "parent": _parent(names, tree)}
    tree.required = ("parent",)
    found = {
        ("queue", "simple"): Menu(
            {**general, **queue, "target": target_among(names), "dst": target_among(names), "max-limit": rate_pair},
            {"target": "", "dst": "", "max-limit": "0/0", "comment": "", "disabled": False, "dynamic": False},
        ),
        ("queue", "tree"): tree,
        ("ip", "firewall", "mangle"): _mangle(names, 4),
        ("ipv6", "firewall", "mangle"): _mangle(names, 6),
        ("system", "scheduler"): Menu(
            {**general, "start-time": text, "interval": text, "policy": text, "on-event": text},
            {"comment": "", "disabled": False, "start-time": "", "on-event": ""},
        ),
        ("system", "script"): Menu(
            {"name": text, "comment": text, "policy": text, "dont-require-permissions": yes_or_no, "source": text},
            {"comment": "", "source": ""},
        ),
        ("ip", "firewall", "filter"): Menu(
            {"chain": text, "action": text, "comment": text, "disabled": yes_or_no, "connection-state": text},
            {"comment": "", "disabled": False},
            unique_name=False,
        ),
        ("ipv6", "firewall", "filter"): Menu({"name": text}, writable=False, unique_name=False),
        ("ip", "address"): Menu(
            {"address": text, "interface": one_of(names), "comment": text, "disabled": yes_or_no},
            {"comment": "", "disabled": False},
            unique_name=False,
        ),
        ("ip", "route"): Menu({"dst-address": network, "gateway": text}, writable=False, unique_name=False),
        ("interface",): Menu({"name": text}, writable=False),
        ("interface", "vlan"): Menu({"name": text, "interface": text, "vlan-id": text}, writable=False),
        ("interface", "bridge"): Menu({"name": text}, writable=False),
        ("interface", "bridge", "port"): Menu({"name": text}, writable=False),
        ("interface", "ethernet", "switch"): Menu({"name": text}, writable=False),
        ("interface", "vrrp"): Menu({"name": text}, writable=False),
        ("interface", "bonding"): Menu({"name": text}, writable=False),
        ("system", "history"): Menu({"name": text}, writable=False, unique_name=False),
        ("system", "resource"): Menu({}, writable=False, single=True),
        ("system", "clock"): Menu({}, writable=False, single=True),
        ("user",): Menu({"name": text}, writable=False),
        ("user", "group"): Menu({"name": text}, writable=False),
        ("user", "active"): Menu({"name": text}, writable=False, unique_name=False),
    }
    version = {6: "6.49.10 (long-term)", 7: "7.16 (stable)"}[release]
    found["system", "resource"].insert({"version": version, "board-name": "CCR2004-1G-12S+2XS"})
    if release == 7:
        found["system", "device-mode"] = Menu({}, writable=False, single=True)
        found["system", "device-mode"].insert({"mode": "advanced", "scheduler": True})
    policies = (
        "local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon,rest-api"
    )
    found["user", "group"].insert({"name": "full", "policy": policies})
    return found


def _mangle(ports: Sequence[str], version: int) -> Menu:
    facing = {"in-interface": one_of(ports), "out-interface": one_of(ports)}
    addresses = {"src-address": address_of(version), "dst-address": address_of(version)}
    marks = {"new-packet-mark": text, "new-connection-mark": text, "packet-mark": text, "passthrough": yes_or_no}
    return Menu(
        {"chain": text, "action": one_of(_ACTIONS), "comment": text, "disabled": yes_or_no}
        | facing
        | addresses
        | {"dscp": number(0, 63)}
        | marks,
        {"action": "accept", "passthrough": True, "comment": "", "disabled": False},
        unique_name=False,
        required=("chain",),
    )


def _parent(ports: Sequence[str], tree: Menu) -> Normalise:
    """A port, `global` for whatever is forwarded or arrives, or another queue of the tree."""

    def check(value: str) -> Value:
        if value not in {*ports, "global", *(item["name"] for item in tree.items.values())}:
            raise ValueError(value)
        return value

    return check
