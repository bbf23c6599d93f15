"""One login's command line on a simulated IOS XR router."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from netmon.simulator.cisco_grammar import Grammar, RefusedError, filtered, port_meant
from netmon.simulator.console import Logout
from netmon.simulator.device import Port, PortRole
from netmon.simulator.indented import Block, Path, differences
from netmon.simulator.ios_show import cisco_mac, stamp
from netmon.simulator.iosxr_config import MODES, Editor

if TYPE_CHECKING:
    from netmon.simulator.iosxr_cli import IosXr

_BOTH: Final = {
    "show running-config": "running",
    "show running-config interface": "running of interface",
    "show running-config interface <interface>": "running of interface",
    "show running-config policy-map": "running of policy-map",
    "show running-config policy-map <word>": "running of policy-map",
    "show running-config ipv4 access-list <word>": "running of ipv4 access-list",
    "show running-config clock timezone": "running of clock timezone",
    "show configuration failed": "failed",
}
"""Shown in either mode."""
_SHOW: Final = {
    "show version": "version",
    "show clock": "clock",
    "show users": "users",
    "show user tasks": "tasks",
    "show tcp brief": "tcp",
    "show ipv4 vrf all interface brief": "addresses",
    "show interfaces <interface>": "interface",
    "show cef ipv4 <word>": "cef",
    "show cef ipv6 <word>": "cef",
    "show configuration sessions": "sessions",
    "show configuration sessions detail": "sessions",
}
_EXEC: Final = {
    "terminal length <0-512>": "",
    "terminal width <0-512>": "",
    "terminal monitor disable": "",
    "terminal exec prompt no-timestamp": "untimed",
    "configure": "configure",
    "configure terminal": "configure",
    "configure exclusive": "configure exclusive",
    "exit": "exit",
}
_CONFIG: Final = {
    "commit": "commit",
    "commit confirmed <30-65535>": "commit",
    "commit confirmed minutes <1-1024>": "commit minutes",
    "abort": "abort",
    "end": "end",
    "root": "root",
    "exit": "exit",
    "show configuration": "target",
}
_TRIAL: Final = (
    "\nYou are exiting after a 'commit confirm' with an active rollback session.  If you exit the configuration"
    " awaiting confirmation will not be confirmed and the router will immediately rollback to the previous"
    " configuration.\n"
)
_UNCOMMITTED: Final = "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]: "
_NONE: Final = "% No such configuration item(s)\n"


class IosXrSeat:
    """What a login may be asked before it leaves is in `_asked`, and stands in place of the prompt."""

    def __init__(self, system: IosXr, line: str, username: str, peer: str) -> None:
        self._system = system
        self.line = line
        self.username = username
        self.peer = peer
        self.failed = ""
        self._at: Path | None = None
        self._base, self._target = Block(), Block()
        self._asked = ""
        self._is_timed = True
        kinds: dict[str, Callable[[str], str | None]] = {"word": str, "interface": self._port_named}
        self._editor = Editor(kinds)
        self._exec = Grammar({**_EXEC, **_SHOW, **_BOTH}, kinds)
        self._shows = Grammar({**_SHOW, **_BOTH}, kinds)
        self._config = Grammar({**_CONFIG, **_BOTH}, kinds)

    @property
    def prompt(self) -> str:
        if self._asked:
            return self._asked
        mode = ""
        if self._at is not None:
            mode = f"(config-{MODES[self._at[-1].split()[0]]})" if self._at else "(config)"
        return f"RP/0/RP0/CPU0:{self._system.running.value('hostname')}{mode}#"

    async def run(self, line: str) -> str:
        try:
            return self.type(line)
        except RefusedError as refusal:
            return f"{refusal}\n"

    def close(self) -> None:
        """What is on trial stays so until its timer ends: nobody can confirm it any more."""
        self._leave()
        if self in self._system.logins:
            self._system.logins.remove(self)

    def type(self, line: str) -> str:
        """Raises RefusedError, Logout."""
        if self._asked:
            return self._answered(line.strip())
        if not line.strip() or line.lstrip().startswith("!"):
            return ""
        command, _, pipe = line.partition("|")
        timed = self._is_timed and command.strip().removeprefix("do ").startswith(("sh", "commit"))
        said = self._operate(command) if self._at is None else self._configure(line)
        said = filtered(said, pipe) if pipe and self._at is None else said
        return f"{datetime.now(UTC):%a %b %d %H:%M:%S.000 UTC}\n{said}" if timed else said

    # --- modes -------------------------------------------------------------------------------

    def _operate(self, line: str) -> str:
        name, values = self._exec.read(line, len(self.prompt))
        match name:
            case "exit":
                raise Logout
            case "untimed":
                self._is_timed = self._system.always_timed
            case "configure" | "configure exclusive":
                self._system.open(self, name == "configure exclusive")
                self._at, self._base, self._target = (), self._system.running, self._system.running.copy()
            case _:
                return self._shown(name, values)
        return ""

    def _configure(self, line: str) -> str:
        words = line.split()
        if words[0] == "do" and len(words) > 1:
            return self._shown(*self._shows.read(line.partition("do ")[2], len(self.prompt) + 3))
        try:
            name, values = self._config.read(line, len(self.prompt))
        except RefusedError:
            if self._system.rejects():
                raise RefusedError(f"{' ' * len(self.prompt)}^\n% Invalid input detected at '^' marker.") from None
            self._at = self._editor.run(self._target, self._at or (), line, len(self.prompt))
            return ""
        return self._controlled(name, values)

    def _controlled(self, name: str, values: list[str]) -> str:
        system = self._system
        match name:
            case "commit" | "commit minutes":
                seconds = int(values[0]) * (60 if name == "commit minutes" else 1) if values else None
                said = system.commit(self, self._base, self._target, seconds)
                self._base, self._target = system.running, system.running.copy()
                return said
            case "root":
                self._at = ()
            case "exit" if self._at:
                self._at = self._at[:-1]
            case "abort" if system.trial_of is not self:
                self._leave()
            case "abort" | "end" | "exit":
                return self._ending()
            case "target":
                changed = ["/".join(path) for _, path in differences(self._base, self._target)]
                return "".join(f"{line}\n" for line in ["!! IOS XR Configuration 7.5.2", *changed, "end"])
            case _:
                return self._shown(name, values)
        return ""

    def _ending(self) -> str:
        if self._system.trial_of is self:
            self._asked = "Do you wish to exit? [no]: "
            return _TRIAL
        if differences(self._base, self._target):
            self._asked = _UNCOMMITTED
            return ""
        self._leave()
        return ""

    def _answered(self, word: str) -> str:
        asked, self._asked = self._asked, ""
        if asked == _UNCOMMITTED and word == "yes":
            self._system.commit(self, self._base, self._target, None)
            self._leave()
        elif asked == _UNCOMMITTED and word == "no":
            self._leave()
        elif asked != _UNCOMMITTED and word == "yes":
            self._system.roll_back()
            self._leave()
        return ""

    def _leave(self) -> None:
        self._at = None
        self._system.shut(self)

    # --- showing -----------------------------------------------------------------------------

    def _shown(self, name: str, values: list[str]) -> str:
        system, router = self._system, self._system.router
        if name.startswith("running"):
            return self._running(name.removeprefix("running of ") if name != "running" else "", values)
        plain: dict[str, Callable[[], str]] = {
            "": str,
            "failed": lambda: self.failed or _NONE,
            "version": lambda: f"Cisco IOS XR Software, Version 7.5.2\n{router.name} uptime is 2 days\n",
            "clock": lambda: stamp(datetime.now(UTC)) + "\n",
            "users": self._users,
            "tasks": lambda: "".join(
                f"Task: {task:>20}  : READ    WRITE    EXECUTE    DEBUG\n"
                for task in ("acl", "config-services", "interface", "qos")
            ),
            "tcp": self._tcp,
            "addresses": self._addresses,
            "cef": lambda: self._cef(values[0]),
            "sessions": system.table,
        }
        return plain[name]() if name in plain else self._interface(values[0])

    def _running(self, words: str, values: list[str]) -> str:
        wanted = " ".join([words, *values])
        found = [one for one in self._system.running.below if f"{one.line} ".startswith(f"{wanted} ") or not words]
        lines = [line for one in found for line in [one.line, *one.lines(1), *_end_of(one), "!"]]
        if not words:
            lines = ["!! IOS XR Configuration 7.5.2", *lines, "end"]
        return "".join(f"{line}\n" for line in lines) or _NONE

    def _users(self) -> str:
        lines = ["   Line            User                 Service  Conns   Idle        Location"]
        for seat in self._system.logins:
            mark = "*" if seat is self else " "
            lines.append(f"{mark}  {seat.line:<15} {seat.username:<20} ssh          0  00:00:00    {seat.peer}")
        return "\n".join(lines) + "\n"

    def _tcp(self) -> str:
        lines = ["   PCB     VRF-ID     Recv-Q Send-Q Local Address         Foreign Address       State"]
        for number, seat in enumerate(self._system.logins, 1):
            own, other = f"{self._system.router.address}:22", f"{seat.peer}:{50_000 + number}"
            lines.append(f"0x00007f0{number:x} 0x60000000      0      0  {own:<21} {other:<21} ESTAB")
        return "\n".join(lines) + "\n"

    def _addresses(self) -> str:
        lines = ["", "Interface                      IP-Address      Status          Protocol Vrf-Name"]
        for block in self._system.running.starting("interface"):
            address = (block.value("ipv4 address") or "unassigned").split()[0]
            lines.append(f"{block.line.split()[1]:<30} {address:<15} Up              Up       default ")
        return "\n".join(lines) + "\n"

    def _cef(self, peer: str) -> str:
        role = PortRole.MANAGEMENT if ipaddress.ip_address(peer).is_loopback else PortRole.UPLINK
        port = next(port for port in self._system.router.ports if port.role is role)
        return (
            f"{peer}/32, version 0, internal 0x1020001 0x0\n   via {peer}/32, {port.name}, 2 dependencies, weight 0\n"
        )

    def _interface(self, name: str) -> str:
        port = self._port(name)
        block = self._system.running.find(f"interface {name}")
        description = None if block is None else block.value("description")
        state = "down" if port.name in self._system.router.down else "up"
        return (
            f"{port.name} is {state}, line protocol is {state} \n  Interface state transitions: 1\n"
            f"  Hardware is GigabitEthernet, address is {cisco_mac(port)} (bia {cisco_mac(port)})\n"
            + (f"  Description: {description}\n" if description else "")
            + f"  MTU 1514 bytes, BW {port.speed_bps // 1000} Kbit\n"
        )

    def _port_named(self, name: str) -> str | None:
        return port_meant(name, (port.name for port in self._system.router.ports))

    def _port(self, name: str) -> Port:
        return next(port for port in self._system.router.ports if port.name == name)


def _end_of(block: Block) -> list[str]:
    return [" end-policy-map"] if block.line.startswith("policy-map ") else []
