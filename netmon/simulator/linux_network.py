"""`tc` and `ip` of the simulated Linux routers: links, HTB, ifb redirection.

The kernel's own rules are kept where netmon could stumble over them: a leaf needs its class, an ingress
qdisc cannot be added twice, rates are held in whole bytes per second.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from netmon.simulator.device import Port, PortRole, Router
from netmon.simulator.linux_arguments import TcError, bytes_of, class_id_of, handle_of, rate_of, take
from netmon.simulator.linux_tc import (
    U32,
    HtbClass,
    Link,
    Shaper,
    classes,
    filters,
    qdisc_objects,
    qdiscs,
    u32_matches,
)
from netmon.simulator.shell import Call

MOST_LINKS = 64
_LINK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,15}")


class Network:
    """The kernel's network configuration of one router. It is all gone after a reboot."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._management = next(port for port in router.ports if port.role is PortRole.MANAGEMENT)
        self.links = {port.name: _link(port) for port in router.ports}

    def reboot(self) -> None:
        for name in [name for name, link in self.links.items() if link.kind == "ifb"]:
            self._router.remove_port(name)
        self.links = {port.name: _link(port) for port in self._router.ports}

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        link = self.links[interface]
        if outward:
            return _ceiling(link)
        target = self.links.get(link.redirects[0][1]) if link.ingress and link.redirects else None
        return _ceiling(target) if target is not None and target.up else None

    # --- commands ----------------------------------------------------------------------------

    async def tc(self, call: Call) -> int:
        try:
            call.io.out.write(self._tc(list(call.arguments)))
        except TcError as error:
            call.io.err.write(f"{error}\n")
            return error.status
        return 0

    async def ip(self, call: Call) -> int:
        try:
            call.io.out.write(self._ip(list(call.arguments)))
        except TcError as error:
            call.io.err.write(f"{error}\n")
            return error.status
        return 0

    def _tc(self, words: list[str]) -> str:
        options = []
        while words and words[0].startswith("-"):
            options.append(words.pop(0))
        if not words or words[0] not in ("qdisc", "class", "filter"):
            raise TcError(f'Object "{" ".join(words[:1])}" is unknown, try "tc help".', 255)
        kind = words.pop(0)
        verb = words.pop(0) if words else "show"
        match kind, verb:
            case "qdisc", "show" | "list":
                return self._show_qdiscs(words, "-j" in options)
            case "qdisc", "add" | "replace" | "change":
                self._set_qdisc(words, verb)
            case "qdisc", "del" | "delete":
                self._delete_qdisc(words)
            case "class", "show" | "list":
                link = self._device(words)
                return classes(link, self.sent(link) if "-s" in options else None, "-d" in options)
            case "class", "add" | "replace" | "change":
                self._set_class(words)
            case "class", "del" | "delete":
                self._delete_class(words)
            case "filter", "show" | "list":
                return filters(self._device(words), words)
            case "filter", "add" | "replace":
                self._add_filter(words)
            case "filter", "del" | "delete":
                self._delete_filters(words)
            case _:
                raise TcError(f'Command "{verb}" is unknown, try "tc {kind} help".', 255)
        return ""

    def _device(self, words: list[str]) -> Link:
        """Takes `dev NAME` out of the words."""
        name = take(words, "dev")
        if name is None:
            raise TcError('Command line is not complete. Try option "help"', 255)
        return self._link(name)

    def _link(self, name: str) -> Link:
        link = self.links.get(name)
        if link is None:
            raise TcError(f'Cannot find device "{name}"', 1)
        return link

    def _show_qdiscs(self, words: list[str], as_json: bool) -> str:
        if as_json:
            links = [self._device(words)] if "dev" in words else list(self.links.values())
            shown = [one for link in links for one in qdisc_objects(link, self.sent(link))]
            return json.dumps(shown, separators=(",", ":")) + "\n"
        if "dev" in words:
            return qdiscs(self._device(words), "")
        return "".join(qdiscs(link, f"dev {link.name} ") for link in self.links.values())

    def sent(self, link: Link) -> int:
        """Octets a link has sent since its shaper was made. An ifb sends what the port it is fed from receives."""
        fed = next((port for port in self.links.values() if any(to == link.name for _, to in port.redirects)), None)
        port = self._router.port(link.name if fed is None else fed.name)
        if port is None:
            return 0
        into, out = self._router.octets(port)
        return (out if fed is None else into) - (0 if link.root is None else link.root.counted_from)

    def _set_qdisc(self, words: list[str], verb: str) -> None:
        link = self._device(words)
        handle = take(words, "handle")
        parent = take(words, "parent")
        if words == ["ingress"]:
            if link.ingress:
                raise TcError("Error: Exclusivity flag on, cannot modify.")
            link.ingress = True
            return
        match words:
            case ["root", "htb", *options]:
                default = int(take(options, "default") or "0", 16)
                name = handle_of(handle or "8001:")
                if link.root is not None and link.root.handle == name and verb != "add":
                    raise TcError("Error: Change operation not supported by specified qdisc.")
                if link.root is not None and verb == "add":
                    raise TcError("Error: Exclusivity flag on, cannot modify.")
                link.root = None
                link.root = Shaper(name, default, counted_from=self.sent(link))
            case ["bfifo", "limit", limit] if limit.isdecimal():
                group = _class_of(link, parent)
                if group is None:
                    raise TcError("Error: Specified class not found.")
                group.leaf = (handle_of(handle or "8002:"), int(limit))
            case [name, *_]:
                raise TcError(f'Unknown qdisc "{name}", hence option "{words[-1]}" is unparsable', 1)
            case _:
                raise TcError("RTNETLINK answers: Invalid argument")

    def _delete_qdisc(self, words: list[str]) -> None:
        link = self._device(words)
        if "ingress" in words:
            if not link.ingress:
                raise TcError("Error: Invalid handle.")
            link.ingress = False
            link.redirects.clear()
        elif "root" in words:
            if link.root is None:
                raise TcError("Error: Cannot delete qdisc with handle of zero.")
            link.root = None
        else:
            raise TcError("Error: Classid cannot be zero.")

    def _set_class(self, words: list[str]) -> None:
        link = self._device(words)
        parent = take(words, "parent") or ""
        classid = take(words, "classid") or ""
        above = class_id_of(parent)
        if link.root is None or not classid.startswith(link.root.handle) or not parent.startswith(link.root.handle):
            raise TcError("RTNETLINK answers: No such file or directory")
        if above is not None and above not in link.root.classes:
            raise TcError("Error: Parent class not found.")
        if not words or words.pop(0) != "htb":
            raise TcError("RTNETLINK answers: Invalid argument")
        rate = rate_of(take(words, "rate"))
        ceil = take(words, "ceil")
        group = HtbClass(
            rate=rate,
            ceil=rate if ceil is None else rate_of(ceil),
            burst=bytes_of(take(words, "burst")),
            cburst=bytes_of(take(words, "cburst")),
            parent=above,
            quantum=bytes_of(take(words, "quantum")),
            priority=bytes_of(take(words, "prio") or "0"),
        )
        if words:
            raise TcError(f'What is "{words[0]}"?\nUsage: ... class add ... htb rate R1 [burst B1]', 1)
        before = link.root.classes.get(classid)
        if before is not None:
            group.leaf, group.parent = before.leaf, before.parent  # a class in place is never hung elsewhere
        link.root.classes[classid] = group

    def _delete_class(self, words: list[str]) -> None:
        link = self._device(words)
        classid = take(words, "classid") or ""
        if link.root is None or classid not in link.root.classes:
            raise TcError("RTNETLINK answers: No such file or directory")
        if any(group.parent == classid for group in link.root.classes.values()) or any(
            one.flow == classid for one in link.root.filters
        ):
            raise TcError("Error: HTB class in use.")
        del link.root.classes[classid]

    def _delete_filters(self, words: list[str]) -> None:
        link = self._device(words)
        if link.root is None or take(words, "parent") != link.root.handle:
            link.redirects.clear()
            return
        preference = take(words, "pref")
        left = [one for one in link.root.filters if f"{one.preference}" != preference]
        if len(left) == len(link.root.filters):
            raise TcError("Error: Cannot find specified filter chain.\nWe have an error talking to the kernel")
        link.root.filters = left

    def _add_filter(self, words: list[str]) -> None:
        link = self._device(words)
        parent = take(words, "parent")
        take(words, "protocol")
        preference = take(words, "pref") or "49152"
        if link.root is not None and parent == link.root.handle:
            self._add_class_filter(link.root, preference, words)
            return
        if parent != "ffff:" or not link.ingress:
            raise TcError("Error: Parent Qdisc doesn't exists.")
        match words:
            case ["u32", "match", "u32", "0", "0", "action", "mirred", "egress", "redirect", "dev", target]:
                self._link(target)
            case _:
                raise TcError('Illegal "match"', 1)
        if not preference.isdecimal() or len(link.redirects) >= MOST_LINKS:
            raise TcError(f'Illegal "pref value": "{preference}"', 1)
        link.redirects.append((int(preference), target))

    def _add_class_filter(self, root: Shaper, preference: str, words: list[str]) -> None:
        flow = take(words, "flowid") or ""
        try:
            matches = u32_matches(words[1:]) if words[:1] == ["u32"] else None
        except ValueError:
            matches = None
        if matches is None or not preference.isdecimal() or len(root.filters) >= MOST_LINKS:
            raise TcError('Illegal "match"', 1)
        root.filters.append(U32(int(preference), flow, matches))

    def _ip(self, words: list[str]) -> str:
        options = []
        while words and words[0].startswith("-"):
            options.append(words.pop(0))
        match words:
            case ["link", "show", *rest]:
                shown = self._show_links(rest, "-j" in options, "-d" in options)
                return shown.replace("\n    ", "\\    ") if "-o" in options else shown
            case ["link", "add", *rest]:
                self._add_link(rest)
            case ["link", "set", *rest]:
                self._set_link(rest)
            case ["link", "del" | "delete", *rest]:
                self._delete_link(rest)
            case ["route", "get", address]:
                return self._route(address, "-j" in options)
            case _:
                raise TcError(f'Object "{" ".join(words[:1])}" is unknown, try "ip help".', 1)
        return ""

    def _show_links(self, words: list[str], as_json: bool, detailed: bool) -> str:
        wanted = take(words, "type")
        name = take(words, "dev") or (words[0] if words else None)
        if name is not None and name not in self.links:
            raise TcError(f'Device "{name}" does not exist.', 1)
        shown = [
            self._link_object(link, detailed)
            for link in self.links.values()
            if name in (None, link.name) and wanted in (None, link.kind)
        ]
        if as_json:
            return json.dumps(shown, separators=(",", ":")) + "\n"
        return "".join(
            f"{one['ifindex']}: {one['ifname']}{'@' + one['link'] if 'link' in one else ''}:"
            f" <{','.join(one['flags'])}> mtu {one['mtu']} qdisc {one['qdisc']}"
            f" state {one['operstate']} mode DEFAULT group default qlen 1000\n"
            f"    link/{one['link_type']} {one['address']} brd ff:ff:ff:ff:ff:ff\n"
            for one in shown
        )

    def _link_object(self, link: Link, detailed: bool) -> dict[str, Any]:
        port = self._router.port(link.name)
        flags = {"loopback": ["LOOPBACK"], "ifb": ["BROADCAST", "NOARP"]}.get(link.kind, ["BROADCAST", "MULTICAST"])
        shown: dict[str, Any] = {
            "ifindex": 0 if port is None else port.index,
            "ifname": link.name,
            "flags": [*flags, *(("UP", "LOWER_UP") if link.up else ())],
            "mtu": 1500,
            "qdisc": "htb" if link.root else "noqueue" if link.kind == "loopback" else "pfifo_fast",
            "operstate": "UP" if link.up and link.kind == "ether" else "UNKNOWN" if link.up else "DOWN",
            "linkmode": "DEFAULT",
            "group": "default",
            "txqlen": 1000,
            "link_type": "loopback" if link.kind == "loopback" else "ether",
            "address": link.mac,
            "broadcast": "ff:ff:ff:ff:ff:ff",
        }
        if link.parent is not None:
            shown["link"] = link.parent
        if detailed and link.kind == "ifb":
            shown["linkinfo"] = {"info_kind": "ifb"}
        if link.alias:
            shown["ifalias"] = link.alias
        return shown

    def _add_link(self, words: list[str]) -> None:
        kind = take(words, "type")
        name = take(words, "name") or (words.pop(0) if words else "")
        if kind != "ifb" or words:
            raise TcError("Error: Unknown device type.")
        if not _LINK_NAME.fullmatch(name):
            raise TcError(f'Error: argument "{name}" is wrong: "name" not a valid ifname', 255)
        if name in self.links:
            raise TcError("RTNETLINK answers: File exists")
        if len(self.links) >= MOST_LINKS:
            raise TcError("RTNETLINK answers: Cannot allocate memory")
        mac = b"\x02" + sha256(f"{self._router.name}/{name}".encode()).digest()[:5]
        self.links[name] = _link(self._router.add_port(name, "", mac))
        self.links[name].up = False

    def _set_link(self, words: list[str]) -> None:
        link = self._link(take(words, "dev") or (words.pop(0) if words else ""))
        alias = take(words, "alias")
        if alias is not None:
            link.alias = alias[:255]
        for word in words:
            if word not in ("up", "down"):
                raise TcError(f'Error: either "dev" is duplicate, or "{word}" is a garbage.', 255)
            link.up = word == "up"

    def _delete_link(self, words: list[str]) -> None:
        link = self._link(take(words, "dev") or (words.pop(0) if words else ""))
        if link.kind != "ifb":
            raise TcError("RTNETLINK answers: Operation not supported")
        del self.links[link.name]
        self._router.remove_port(link.name)
        for other in self.links.values():
            other.redirects = [redirect for redirect in other.redirects if redirect[1] != link.name]

    def _route(self, address: str, as_json: bool) -> str:
        """Whoever asks is reached through the management port: the simulated routers have no other hosts."""
        if not re.fullmatch(r"[0-9a-fA-F.:]{2,45}", address):
            raise TcError(f'Error: any valid prefix is expected rather than "{address}".', 1)
        port, own = self._management.name, self._router.address
        if as_json:
            route = {"dst": address, "dev": port, "prefsrc": own, "flags": [], "uid": 0, "cache": []}
            return json.dumps([route], separators=(",", ":")) + "\n"
        return f"{address} dev {port} src {own} uid 0 \n    cache \n"


def _link(port: Port) -> Link:
    kind = {PortRole.LOOPBACK: "loopback", PortRole.VIRTUAL: "ifb"}.get(port.role, "ether")
    return Link(port.name, kind, port.mac_text, port.alias, parent=port.parent)


def _ceiling(link: Link) -> int | None:
    """What HTB lets through: the ceiling of the default class. Without that class traffic passes unshaped."""
    if link.root is None:
        return None
    group = link.root.classes.get(f"{link.root.handle}{link.root.default:x}")
    return None if group is None else group.ceil * 8


def _class_of(link: Link, classid: str | None) -> HtbClass | None:
    return None if link.root is None or classid is None else link.root.classes.get(classid)
