"""What a simulated IOS router prints when it is asked to show something."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from netmon.simulator.device import Port, PortRole, Router
from netmon.simulator.indented import Block, contextual, differences

_TYPES = {
    "Gi": "GigabitEthernet",
    "Fa": "FastEthernet",
    "Te": "TenGigabitEthernet",
    "Et": "Ethernet",
    "Lo": "Loopback",
    "Po": "Port-channel",
    "Vl": "Vlan",
}


@dataclass(frozen=True, slots=True)
class Login:
    """A line of `show users`."""

    line: int
    username: str
    peer: str


def long_name(name: str) -> str:
    """`Gi0/1` -> `GigabitEthernet0/1`."""
    found = re.fullmatch(r"([A-Za-z-]+)([\d/.:]+)", name)
    if found is None:
        return name
    return _TYPES.get(found[1][:2].capitalize(), found[1]) + found[2]


def cisco_mac(port: Port) -> str:
    digits = port.mac.hex()
    return ".".join((digits[:4], digits[4:8], digits[8:]))


def stamp(now: datetime) -> str:
    """The clock is not synchronised, so a star stands before it."""
    return f"*{now:%H:%M:%S}.{now.microsecond // 1000:03d} UTC {now:%a %b} {now.day} {now.year}"


def configuration(root: Block) -> str:
    text = "\n".join("\n".join([top.line, *top.lines(1), "!"]) for top in root.below)
    return (
        "Building configuration...\n\n"
        f"Current configuration : {len(text)} bytes\n!\n"
        f"! Last configuration change at {datetime.now(UTC):%H:%M:%S UTC %a %b %d %Y}\n!\n{text}\nend\n"
    )


def configuration_of(root: Block, *path: str) -> str:
    block = root.find(*path)
    shown = "" if block is None else "\n".join([block.line, *block.lines(1)]) + "\n"
    return f"Building configuration...\n\nCurrent configuration : {len(shown)} bytes\n!\n{shown}end\n"


def users(logins: Sequence[Login], own: Login) -> str:
    lines = ["    Line       User       Host(s)              Idle       Location"]
    for login in logins:
        mark = "*" if login is own else " "
        line = f"{mark}{login.line:>3} vty {login.line - 1:<5} {login.username:<10}"
        lines.append(f"{line} idle                 00:00:00 {login.peer}")
    lines += ["", "  Interface    User               Mode         Idle     Peer Address"]
    return "\n".join(lines) + "\n"


def lock(owner: Login | None) -> str:
    pid, user, line, kind, state, seen, how = (
        ("-1", "unknown", "-1", "NO LOCK", "FREE", "unknown", "")
        if owner is None
        else (100 + owner.line, owner.username, owner.line, "EXCLUSIVE", "LOCKED", "EXPOSED", "configure terminal lock")
    )
    return (
        "\nParser Configure Lock\n---------------------\n"
        f"Owner PID         : {pid}\nUser              : {user}\nTTY               : {line}\n"
        f"Type              : {kind}\nState             : {state}\nClass             : {seen}\n"
        f"Count             : {int(owner is not None)}\nPending Requests  : 0\nUser debug info   : {how}\n"
    )


def config_differences(old: Block, new: Block) -> str:
    changes = contextual(differences(old, new))
    return "!Contextual Config Diffs:\n" + "".join(f"{line}\n" for line in changes or ["!No changes were found"])


def interface(port: Port, block: Block | None, down: bool) -> str:
    state = "down" if down else "up"
    description = None if block is None else block.value("description")
    return (
        f"{long_name(port.name)} is {state}, line protocol is {state} \n"
        f"  Hardware is CN Gigabit Ethernet, address is {cisco_mac(port)} (bia {cisco_mac(port)})\n"
        + (f"  Description: {description}\n" if description else "")
        + f"  MTU 1500 bytes, BW {port.speed_bps // 1000} Kbit/sec, DLY 10 usec, \n"
        "     reliability 255/255, txload 1/255, rxload 1/255\n"
    )


def descriptions(ports: Sequence[tuple[Port, Block | None]], down: set[str]) -> str:
    lines = ["Interface                      Status         Protocol Description"]
    for port, block in ports:
        state = "down" if port.name in down else "up"
        text = (block.value("description") if block else None) or ""
        lines.append(f"{port.name:<30} {state:<14} {state:<8} {text}")
    return "\n".join(lines) + "\n"


def tcp(router: Router, logins: Sequence[Login]) -> str:
    lines = ["TCB       Local Address               Foreign Address             (state)"]
    for login in logins:
        own, other = f"{router.address}.22", f"{login.peer}.{50_000 + login.line}"
        lines.append(f"0F{login.line:06X}  {own:<27} {other:<27} ESTAB")
    return "\n".join(lines) + "\n"


def addresses(ports: Sequence[tuple[Port, Block | None]], down: set[str]) -> str:
    lines = ["Interface                  IP-Address      OK? Method Status                Protocol"]
    for port, block in ports:
        address = ((block.value("ip address") if block else None) or "unassigned").split()[0]
        state = "down" if port.name in down else "up"
        lines.append(f"{long_name(port.name):<26} {address:<15} YES NVRAM  {state:<21} {state}")
    return "\n".join(lines) + "\n"


def policies(root: Block, interface: str) -> str:
    """`show policy-map interface`: the policies attached, and what their classes do."""
    block = root.find(f"interface {interface}")
    parts: list[str] = []
    for way in ("input", "output"):
        policy = None if block is None else block.value(f"service-policy {way}")
        if policy is None:
            continue
        parts.append(f"\n  Service-policy {way}: {policy}\n")
        attached = root.find(f"policy-map {policy}")
        for one in [] if attached is None else attached.starting("class"):
            parts.append(
                f"\n    Class-map: {one.line[6:]} (match-any)  \n      0 packets, 0 bytes\n"
                "      5 minute offered rate 0000 bps, drop rate 0000 bps\n      Match: any \n"
            )
            if rate := one.value("shape average"):
                parts.append(
                    "      Queueing\n      queue limit 64 packets\n"
                    f"      shape (average) cir {rate}, bc {int(rate) // 250}, be {int(rate) // 250}\n"
                    f"      target shape rate {rate}\n"
                )
            if police := one.value("police cir"):
                words = police.split()
                burst = words[2] if len(words) > 2 else str(max(1500, int(words[0]) // 32))
                parts.append(
                    f"      police:\n          cir {words[0]} bps, bc {burst} bytes\n"
                    "        conformed 0 packets, 0 bytes; actions:\n          transmit \n"
                    "        exceeded 0 packets, 0 bytes; actions:\n          drop \n"
                    "        conformed 0000 bps, exceeded 0000 bps\n"
                )
    return f" {interface} \n{''.join(parts)}" if parts else ""


def route(router: Router, peer: str) -> str:
    """`show ip cef`: the management network is attached to its port, everything else lies behind the uplink."""
    try:
        address = ipaddress.IPv4Address(peer)
    except ValueError:
        return "% Invalid IPv4 address\n"
    if address.is_loopback:
        port = next(port for port in router.ports if port.role is PortRole.MANAGEMENT)
        return f"127.0.0.0/8\n  attached to {long_name(port.name)}\n"
    port = next(port for port in router.ports if port.role is PortRole.UPLINK)
    return f"0.0.0.0/0\n  nexthop 10.255.{port.index}.1 {long_name(port.name)}\n"


def applets(registered: Sequence[tuple[Block, datetime]]) -> str:
    lines = ["No.  Class     Type    Event Type          Trap  Time Registered           Name"]
    for number, (applet, when) in enumerate(registered, 1):
        name = applet.line.split()[-1]
        since = f"{when:%a %b}{when.day:>2} {when:%H:%M:%S} {when.year}"
        lines.append(f"{number:<4} applet    user    timer countdown     Off   {since}  {name}")
        lines.append(f" time {applet.value('event timer countdown time')}.000")
        lines.append(" maxrun 20.000")
        lines += [f" {child.line}" for child in applet.starting("action")]
        lines.append("")
    return "\n".join(lines) + "\n"


def version(router: Router) -> str:
    return (
        "Cisco IOS Software, C2900 Software (C2900-UNIVERSALK9-M), Version 15.7(3)M8, RELEASE SOFTWARE (fc1)\n"
        f"{router.name} uptime is {router.uptime_ticks() // 6000} minutes\n"
        f"Processor board ID {router.serial}\n"
        "Configuration register is 0x2102\n"
    )
