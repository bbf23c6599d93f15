"""What a simulated Junos router prints of its state. Source: the sample output of Juniper's CLI Reference."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from netmon.simulator.device import Port, PortRole, Router
from netmon.simulator.junos_config import Candidate, Commit, Database
from netmon.simulator.settree import Path, Rule, Tree, is_bare, rule_at, sorted_by_group

VERSION = "21.4R3.15"
PERMISSIONS = {
    "admin": "Can view user accounts",
    "configure": "Can enter configuration mode",
    "control": "Can modify any configuration",
    "firewall": "Can view firewall configuration",
    "firewall-control": "Can modify firewall configuration",
    "interface": "Can view interface configuration",
    "interface-control": "Can modify interface configuration",
    "maintenance": "Can become the super-user",
    "network": "Can access the network",
    "rollback": "Can rollback to previous configurations",
    "view": "Can view current values and statistics",
    "view-configuration": "Can view all configuration (not including secrets)",
}


def shown(word: str) -> str:
    if is_bare(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_set(candidate: Candidate, place: Path) -> str:
    """`display set`."""
    lines = [_in_short(("set", *place, *path)) for path in candidate.tree.under(place)]
    lines += [("deactivate", *path) for path in sorted(candidate.inactive) if path[: len(place)] == place]
    return "".join(" ".join(map(shown, line)).rstrip() + "\n" for line in lines)


def _in_short(path: Path) -> Path:
    """A rate or a burst as the router keeps it, however it was typed: 8000000 is 8m."""
    if path[-2] not in ("bandwidth-limit", "burst-size-limit") or not path[-1].isdigit():
        return path
    number = int(path[-1])
    power = max(power for power in range(4) if number % 1000**power == 0)
    return (*path[:-1], f"{number // 1000**power}{('', 'k', 'm', 'g')[power]}")


def as_braces(paths: Iterable[Path], rule: Rule, indent: int = 0) -> str:
    """The usual form: a container's settings in braces; `rule` is the grammar of the place."""
    pad, text = "    " * indent, ""
    for head, (rest, below) in _grouped(paths, rule).items():
        name = " ".join(map(shown, head))
        if not rest:
            text += f"{pad}{name};\n"
        elif below.value is not None:
            text += "".join(f"{pad}{name} {shown(path[0])};\n" for path in rest)
        else:
            text += f"{pad}{name} {{\n{as_braces(rest, below, indent + 1)}{pad}}}\n"
    return text


def _grouped(paths: Iterable[Path], rule: Rule) -> dict[Path, tuple[list[Path], Rule]]:
    """What stands before each brace, an entry of a list with its keyword; with what stands in it."""
    found: dict[Path, tuple[list[Path], Rule]] = {}
    for path in sorted_by_group(paths):
        if not path:
            continue
        below, size = rule_at(rule, path[:1]), 1
        if below.name is not None and len(path) > 1:
            below, size = rule_at(rule, path[:2]), 2
        rest, _ = found.setdefault(path[:size], ([], below))
        if path[size:]:
            rest.append(path[size:])
    return found


def commits(database: Database) -> str:
    """What was committed on trial stays marked so for good; that it still waits says a line of its own below."""
    text = ""
    for number, commit in enumerate(database.history):
        text += f"{number:<3} {_instant(commit)} by {commit.user} via {commit.via}"
        text += f" commit confirmed, rollback in {commit.minutes}mins" if commit.minutes else ""
        text += f"\n    {commit.comment}\n" if commit.comment else "\n"
        text += "    rollback pending\n" if number == 0 and database.deadline is not None else ""
    return text


def _instant(commit: Commit) -> str:
    return f"{commit.at:%Y-%m-%d %H:%M:%S} UTC"


def interface(router: Router, tree: Tree, name: str) -> str:
    device, _, unit = name.partition(".")
    port = port_of(router, device)
    if port is None or (unit and not tree.has(("interfaces", device, "unit", unit))):
        return f"error: device {name} not found\n"
    if unit:
        return _logical(tree, device, unit)
    text = f"Physical interface: {device}, Enabled, Physical link is Up\n"
    text += f"  Interface index: {127 + port.index}, SNMP ifIndex: {500 + port.index}\n"
    if description := tree.value("interfaces", device, "description"):
        text += f"  Description: {description}\n"
    text += "  Link-level type: Ethernet, MTU: 1514, Speed: 1000mbps\n"
    text += f"  Current address: {port.mac_text}, Hardware address: {port.mac_text}\n"
    text += "  Last flapped   : 2026-01-05 08:00:00 UTC (20w1d 02:11 ago)\n\n"
    return text + "".join(_logical(tree, device, unit) + "\n" for unit in tree.names("interfaces", device, "unit"))


def _logical(tree: Tree, device: str, unit: str) -> str:
    place = ("interfaces", device, "unit", unit)
    text = f"  Logical interface {device}.{unit} (Index {70 + int(unit)}) (SNMP ifIndex {600 + int(unit)})\n"
    if description := tree.value(*place, "description"):
        text += f"    Description: {description}\n"
    text += "    Flags: Up SNMP-Traps 0x4004000 Encapsulation: ENET2\n"
    for family in tree.names(*place, "family"):
        text += f"    Protocol {family}, MTU: 1500\n      Flags: None\n"
    return text


def port_of(router: Router, device: str) -> Port | None:
    """The port called so, or called by its unit 0."""
    return router.port(device) or router.port(f"{device}.0")


def terse(router: Router, tree: Tree) -> str:
    text = "Interface               Admin Link Proto    Local                 Remote\n"
    for device in dict.fromkeys(port.name.partition(".")[0] for port in router.ports):
        text += f"{device:<24}up    up\n"
        for unit in tree.names("interfaces", device, "unit"):
            head = f"{f'{device}.{unit}':<24}up    up"
            for family in tree.names("interfaces", device, "unit", unit, "family"):
                for address in tree.names("interfaces", device, "unit", unit, "family", family, "address") or [""]:
                    text += f"{head}   {family:<9}{address}".rstrip() + "\n"
                    head = " " * 34
    return text


def route(tree: Tree, wanted: str) -> str:
    """The most specific routes to an address, as each table has them."""
    try:
        address = ipaddress.ip_address(wanted.partition("/")[0])
    except ValueError:
        return f"error: invalid prefix: {wanted}\n"
    found = [(net, how) for net, how in _routes(tree) if net.version == address.version and address in net]
    if not found:
        return ""
    longest = max(net.prefixlen for net, _ in found)
    table = "inet.0" if address.version == 4 else "inet6.0"
    text = f"\n{table}: {len(found)} destinations, {len(found)} routes ({len(found)} active, 0 holddown, 0 hidden)\n"
    text += "+ = Active Route, - = Last Active, * = Both\n\n"
    for net, how in found:
        if net.prefixlen == longest:
            text += f"{net!s:<19}*{how}\n"
    return text


def _routes(tree: Tree) -> list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]]:
    direct = []
    for path in tree:
        if path[0] == "interfaces" and "address" in path[:-1] and path[2] == "unit":
            net = ipaddress.ip_interface(path[path.index("address") + 1]).network
            direct.append((net, f"{path[1]}.{path[3]}"))
    found = [(net, f"[Direct/0] 3d 04:05:06\n                    > via {port}") for net, port in direct]
    for prefix in tree.names("routing-options", "static", "route"):
        for gateway in tree.names("routing-options", "static", "route", prefix, "next-hop"):
            hop = ipaddress.ip_address(gateway)
            for net, port in direct:
                if hop.version == net.version and hop in net:
                    how = f"[Static/5] 3d 04:05:06\n                    > to {gateway} via {port}"
                    found.append((ipaddress.ip_network(prefix), how))
    return found


def authorization(user: str, permissions: Sequence[str]) -> str:
    text = f"Current user: '{user}' class '{user}'\nPermissions:\n"
    return text + "".join(f"    {name:<16}-- {PERMISSIONS.get(name, name)}\n" for name in permissions)


def version(router: Router) -> str:
    return f"Hostname: {router.name}\nModel: mx204\nJunos: {VERSION}\nJUNOS OS Kernel 64-bit  [20220510.abc]\n"


def first_configuration(router: Router) -> Tree:
    """What an operator put on it before netmon came: addresses, descriptions, a default route."""
    paths: list[Path] = [("system", "host-name", router.name)]
    for port in router.ports:
        device, _, unit = port.name.partition(".")
        unit = unit or "0"
        logical = ("interfaces", device, "unit", unit)
        if port.parent:
            paths += [("interfaces", device, "vlan-tagging"), (*logical, "vlan-id", f"{port.vlan}")]
        if port.alias:
            paths.append((*(logical if "." in port.name else logical[:2]), "description", port.alias))
        match port.role:
            case PortRole.MANAGEMENT:
                paths.append((*logical, "family", "inet", "address", f"{router.address}/8"))
            case PortRole.LOOPBACK:
                paths.append((*logical, "family", "inet", "address", f"10.254.0.{port.index}/32"))
            case PortRole.UPLINK:
                paths.append((*logical, "family", "inet", "address", f"10.255.{port.index}.2/30"))
                paths.append(("routing-options", "static", "route", "0.0.0.0/0", "next-hop", f"10.255.{port.index}.1"))
            case _:
                paths.append((*logical, "family", "inet", "address", f"10.{port.mac[-2]}.{port.index}.1/24"))
                paths.append((*logical, "family", "inet6", "address", f"2001:db8:{port.index:x}::1/64"))
    return Tree(paths)
