"""The command line of a simulated VyOS or EdgeOS router: a shell with the router's commands, and configuration mode.

Every login has a working configuration of its own; a commit puts what differs in it into the active one.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime

from netmon.simulator.console import Logout
from netmon.simulator.device import Router
from netmon.simulator.faults import Rejecting
from netmon.simulator.settree import (
    Path,
    Rule,
    Setting,
    SettingError,
    Tree,
    differences,
    is_bare,
    known,
    settings_of,
    split_words,
)
from netmon.simulator.vyos_config import CommitError, Policies, first_configuration
from netmon.simulator.vyos_schema import EDGEOS, VYOS

_VERSIONS = {True: "VyOS 1.4.0", False: "v2.0.9-hotfix.7"}
_SESSIONS = "/opt/vyatta/config/tmp/changes_only_"
_LOCKED = "Configuration system temporarily locked due to another commit in progress\n"


class Vyos(Rejecting):
    """One router; `grammar` is VYOS or EDGEOS."""

    def __init__(self, router: Router, grammar: Rule = VYOS) -> None:
        self.router = router
        self.grammar = grammar
        self.policies = Policies(grammar)
        self.active = first_configuration(router)
        self.saved = self.active.copy()
        self.seats: list[VyosSeat] = []
        self.disk_full = False
        """Saving fails."""
        self.committing = False
        """Somebody else's commit goes on and on."""

    @property
    def banner(self) -> str:
        return f"Welcome to {'VyOS' if self.grammar is VYOS else 'EdgeOS'}!\n\n"

    def seat(self, username: str, peer: str) -> VyosSeat:
        seat = VyosSeat(self, username, peer, 4_300 + 7 * len(self.seats))
        self.seats.append(seat)
        return seat

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return self.policies.limit_bps(self.active, interface, outward)

    def reboot(self) -> None:
        for seat in tuple(self.seats):
            seat.close()
        self.router.settle()
        self.active = self.saved.copy()

    async def stop(self) -> None:
        """Nothing runs by itself here."""

    def commit(self, working: Tree, base: Tree) -> Tree:
        """The active configuration with what differs. Raises CommitError."""
        if self.committing:
            raise CommitError(_LOCKED)
        found = self.active.copy()
        for sign, path in differences(base, working):
            if sign == "-":
                found.delete(path)
            else:
                found.put(Setting(path, self._leaf_of(path)))
        self.policies.check(found, [port.name for port in self.router.ports])
        self.router.settle()
        self.active = found
        return found

    def _leaf_of(self, path: Path) -> Path | None:
        return settings_of(self.grammar, path)[-1].leaf

    # --- what goes wrong ---------------------------------------------------------------------

    def operator_enters(self, edits: str = "set system domain-name example.org") -> VyosSeat:
        """Somebody else goes into configuration mode and leaves an edit uncommitted."""
        seat = self.seat("noc", "192.0.2.9")
        for line in ("configure", edits):
            seat.obey(line)
        return seat


class VyosSeat:
    """One login."""

    def __init__(self, system: Vyos, username: str, peer: str, pid: int) -> None:
        self.system = system
        self.username = username
        self.peer = peer
        self.pid = pid
        self.working: Tree | None = None
        """None in operational mode."""
        self._base = Tree()
        self._level: Path = ()

    @property
    def prompt(self) -> str:
        name = f"{self.username}@{self.system.router.name}"
        if self.working is None:
            return f"{name}:~$ "
        return f"[{' '.join(('edit', *self._level))}]\n{name}# "

    async def run(self, line: str) -> str:
        return self.obey(line)

    def obey(self, line: str) -> str:
        if not line.strip():
            return ""
        try:
            if self.working is None:
                return self._operational(line.strip())
            return self._configuration(split_words(line), self.working)
        except SettingError as error:
            return f"\n  {error.said}\n"
        except CommitError as error:
            return str(error)

    def close(self) -> None:
        self.working = None
        if self in self.system.seats:
            self.system.seats.remove(self)

    # --- operational mode --------------------------------------------------------------------

    def _operational(self, line: str) -> str:
        command, _, pipe = line.partition(" | ")
        said = self._shell(command) if command.startswith(("/", "for ", "date", "id ")) else self._command(command)
        if not pipe:
            return said
        match = re.fullmatch(r"""grep -E (?:'([^']*)'|"([^"]*)")""", pipe)
        if match is None:
            return f"vbash: {pipe.split()[0]}: command not found\n"
        wanted = re.compile(match[1] or match[2])
        return "".join(text for text in said.splitlines(keepends=True) if wanted.search(text))

    def _command(self, line: str) -> str:  # noqa: PLR0911 - a table
        match split_words(line):
            case ["configure"]:
                self.working, self._base, self._level = self.system.active.copy(), self.system.active.copy(), ()
                return ""
            case ["show", "configuration", "commands"]:
                return "".join(f"set {_command_of(path)}\n" for path in sorted(self.system.active))
            case ["show", "version"]:
                return f"Version:          {_VERSIONS[self.system.grammar is VYOS]}\n"
            case ["export", _]:
                return ""
            case ["set", "terminal", "length", "0"] if self.system.grammar is VYOS:
                return ""
            case ["terminal", "length", "0"] if self.system.grammar is not VYOS:
                return ""
            case ["exit" | "logout"]:
                raise Logout("logout\n")
            case [first, *_] if first in ("show", "set"):
                return f"\n  Invalid command: {line.replace(' ', ' [', 1)}]\n\n"
            case [first, *_]:
                return f"vbash: {first}: command not found\n"
        return ""

    def _shell(self, line: str) -> str:  # noqa: PLR0911 - a table
        """The few commands of the system beneath that a netmon or a person uses."""
        router = self.system.router
        if match := re.fullmatch(r"/sbin/ip link show dev '?([\w.]+)'?", line):
            port = router.port(match[1])
            if port is None:
                return f'Device "{match[1]}" does not exist.\n'
            return self._link(port.name)
        if line == "/sbin/ip link show":
            return "".join(self._link(port.name) for port in router.ports)
        if line == '/sbin/ip -o route get "${SSH_CONNECTION%% *}"':
            return self._route(self.peer)
        if match := re.fullmatch(r"/sbin/tc qdisc show dev '?([\w.]+)'?", line):
            shaped = self.system.policies.bound(self.system.active, match[1], True)
            return f"qdisc {'htb 1:' if shaped else 'pfifo_fast 0:'} root refcnt 2\n"
        if line.startswith(f"for s in {_SESSIONS}*; do"):
            return "".join(f"session={seat.pid}\n" for seat in self.system.seats if seat.working is not None)
        if line == "date +clock=%s":
            return f"clock={int(datetime.now(UTC).timestamp())}\n"
        if line == "id -nG":
            return "vyattacfg users\n"
        return f"vbash: {line.split(maxsplit=1)[0]}: No such file or directory\n"

    def _link(self, name: str) -> str:
        port = self.system.router.port(name)
        assert port is not None
        link = f"{name}@{port.parent}" if port.parent else name
        text = f"{port.index}: {link}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT\n"
        text += f"    link/ether {port.mac_text} brd ff:ff:ff:ff:ff:ff\n"
        return text + (f"    alias {port.alias}\n" if port.alias else "")

    def _route(self, peer: str) -> str:
        address = ipaddress.ip_address(peer)
        for path in self.system.active:
            if path[0] == "interfaces" and path[-2] == "address" and "/" in path[-1]:
                own = ipaddress.ip_interface(path[-1])
                if own.version == address.version and address in own.network:
                    name = f"{path[2]}.{path[4]}" if "vif" in path else path[2]
                    return f"{peer} dev {name} src {own.ip} uid 1000 \\    cache \n"
        return "RTNETLINK answers: Network is unreachable\n"

    # --- configuration mode ------------------------------------------------------------------

    def _configuration(self, words: list[str], working: Tree) -> str:  # noqa: PLR0911 - a table
        system = self.system
        match words:
            case ["set" | "delete", *path]:
                return self._alter(words[0], (*self._level, *path), working)
            case ["commit"]:
                if working == self._base:
                    return "No configuration changes to commit\n"
                self._base = system.commit(working, self._base).copy()
                self.working = self._base.copy()
                return ""
            case ["save"]:
                return self._save()
            case ["discard"]:
                changed, self.working = working != self._base, self._base.copy()
                return "Changes have been discarded\n" if changed else "No changes have been discarded\n"
            case ["compare"]:
                return _compared(self._base, working) or "No changes between working and active configurations\n"
            case ["compare", "saved"]:
                return _compared(system.saved, system.active) or "No changes between active and saved configurations\n"
            case ["show", *path]:
                known(system.grammar, path)
                return "".join(f"{_command_of(one)}\n" for one in working.under(tuple(path)))
            case ["exit", "discard"]:
                return self._leave()
            case ["exit"]:
                if working != self._base:
                    return "Cannot exit: configuration modified.\nUse 'exit discard' to discard the changes and exit.\n"
                unsaved = system.active != system.saved
                said = "Warning: configuration changes have not been saved.\n" if unsaved else ""
                return said + self._leave()
            case _:
                return f"\n  Invalid command: [{words[0]}]\n\n"

    def _leave(self) -> str:
        self.working = None
        return "exit\n"

    def _save(self) -> str:
        said = "Saving configuration to '/config/config.boot'...\n"
        if self.system.disk_full:
            return f"{said}cp: error writing '/config/config.boot': No space left on device\n"
        self.system.saved = self.system.active.copy()
        return f"{said}Done\n"

    def _alter(self, verb: str, path: Path, working: Tree) -> str:
        if self.system.rejects():
            return f"\n  Out of memory\n  {verb.title()} failed\n\n"
        try:
            if verb == "delete":
                known(self.system.grammar, path)
                gone = working.delete(path)
                said = "  Nothing to delete (the specified node does not exist)\n  Delete failed\n"
                return "" if gone else f"\n{said}\n"
            settings = settings_of(self.system.grammar, path)
        except SettingError as error:
            said = {
                "value": f"Invalid value for {path[error.at - 1]}",
                "missing": f"Configuration path: [{' '.join(path)}] requires a value",
            }.get(error.said, f"Configuration path: [{' '.join(path[: error.at + 1])}] is not valid")
            return f"\n  {said}\n  {verb.title()} failed\n\n"
        if all(working.has(setting.path) for setting in settings):
            return f"\n  Configuration path: [{' '.join(path)}] already exists\n\n"
        for setting in settings:
            working.put(setting)
        return ""


def edgeos(router: Router) -> Vyos:
    return Vyos(router, EDGEOS)


def _command_of(path: Path) -> str:
    """Values of leaves stand in quotation marks; names without blanks need none."""
    *front, last = path
    return " ".join([*front, last if is_bare(last) and not any(c.isdigit() for c in last) else f"'{last}'"])


def _compared(before: Tree, after: Tree) -> str:
    """As VyOS shows it: where, then what came or went there."""
    text, place = "", tuple[str, ...]()
    for sign, path in differences(before, after):
        if path[:-2] != place or not text:
            place = path[:-2]
            text += f"[edit {' '.join(place)}]\n"
        text += f"{sign}{path[-2]} {path[-1]}\n"
    return text
