"""Routers of a few lines for unit tests of the guarded change: they understand exactly the bundled templates.

Each keeps what limits its ports and the armed undo, records every command, and can be told to refuse a
command or to lose the session at one: before it took effect, or after.
"""

from __future__ import annotations

import json
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from netmon.routers.session import CommandRejectedError, SessionLostError


@dataclass
class FakeRouter(ABC):
    """What both kinds share: the record and the faults."""

    username: str = "netmon"
    alias: str = "contract 12"
    mac: str = "aa:bb:cc:dd:ee:ff"
    management: str = "mg0"
    commands: list[str] = field(default_factory=list)
    closed: bool = False
    refuse_at: int | None = None
    """Ordinal of the command that is refused."""
    lose_at: int | None = None
    """Ordinal of the command whose answer never comes."""
    lose_after_effect: bool = False
    before: Callable[[str], None] = lambda command: None
    """Called with every command; may change the router."""

    def run(self, command: str) -> str:
        ordinal = len(self.commands)
        self.commands.append(command)
        self.before(command)
        if self.refuse_at == ordinal:
            raise CommandRejectedError("failure: refused")
        if self.lose_at is not None and ordinal >= self.lose_at:
            if ordinal == self.lose_at and self.lose_after_effect:
                self.do(command)
            raise SessionLostError("the link dropped")
        return self.do(command)

    def close(self) -> None:
        self.closed = True

    def transcript(self) -> str:
        return "".join(f"> {command}\n" for command in self.commands)

    @abstractmethod
    def do(self, command: str) -> str: ...

    @abstractmethod
    def fire(self) -> None:
        """The armed undo's time comes."""

    @abstractmethod
    def limits(self) -> tuple[int | None, int | None]:
        """In force now: ingress and egress of the port."""

    @property
    @abstractmethod
    def armed(self) -> bool: ...


@dataclass
class FakeLinux(FakeRouter):
    """ag1 and, once made, an ifb device; files of /run/netmon."""

    port: str = "ag1"
    root: dict[str, tuple[str, str]] = field(default_factory=dict)
    """device -> (qdisc kind and handle, default class)."""
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    ifb: dict[str, str] = field(default_factory=dict)
    """device -> alias."""
    hook: bool = False
    redirect: str | None = None
    files: dict[str, list[str]] = field(default_factory=dict)
    rate_lost: int = 0
    """The router quietly sets this much less than it was told, bit/s."""
    job_starts: bool = True

    def limits(self) -> tuple[int | None, int | None]:
        device = self.redirect if self.hook else None
        return self._rate(device), self._rate(self.port)

    @property
    def armed(self) -> bool:
        return any(name.endswith(".armed") for name in self.files)

    def fire(self) -> None:
        for name in [n for n in self.files if n.endswith(".armed")]:
            self._undo(name.removesuffix(".armed"))

    def _rate(self, device: str | None) -> int | None:
        if device is None or device not in self.root:
            return None
        return next(iter(self.classes.get(device, {}).values()), None)

    def _undo(self, arm: str) -> None:
        if self.files.pop(f"{arm}.armed", None) is None:
            return
        for line in self.files[f"{arm}.undo"][1:-1]:
            self.do(line)
        self.files[f"{arm}.fired"] = []

    def do(self, command: str) -> str:  # noqa: C901, PLR0911, PLR0912 - a flat list of what is understood
        if "/run/netmon/owner" in command or "/run/netmon/NM-" in command:
            return self._marks(command)
        if command.startswith(("d=", "ip -o link show")):  # it is a VLAN of nothing, and has none
            return ""
        if command.startswith("job="):
            return self._start(command)
        if guarded := re.match(r"if (.*); then (.*); fi\Z", command):
            return self.do(guarded[2]) if self._holds(guarded[1]) else ""
        if guarded := re.match(r"((?:ip link|tc \S+) show .*?) \|\| (.*)\Z", command):
            return "" if self._holds(guarded[1]) else self.do(guarded[2])
        words = shlex.split(command.replace("2>&1", "").replace(">/dev/null", ""))
        match words[:3]:
            case ["ip", "-j", "link"]:
                return self._links(words)
            case ["ip", "-j", "route"]:
                return json.dumps([{"dst": "10.0.0.1", "dev": self.management}])
            case ["ip", "-j", "-d"]:
                return json.dumps([{"ifname": self.management}, {"ifname": "ag1.7", "link": "ag1"}, {"ifname": "ag1"}])
            case ["ip", "link", verb]:
                self._change_link(verb, words)
            case ["tc", what, verb]:
                return self._tc(what, verb, words)
            case ["printf", *_]:
                name = words[-1].removeprefix("/run/netmon/")
                self.files[name] = words[2:-2]
            case ["ls", *_]:
                return "\n".join(sorted(self.files))
            case ["mv", old, new]:
                self._rename(old, new)
            case ["rm", *_]:
                for path in words[2:]:
                    self.files.pop(path.removeprefix("/run/netmon/"), None)
            case ["sh", path, *_]:
                self._undo(path.removeprefix("/run/netmon/").removesuffix(".undo"))
            case ["for", *_] if not self.armed:
                raise CommandRejectedError("did not complete")
            case ["echo", said] if said.startswith("up="):
                return "up=1000"
            case ["mkdir" | "for", *_]:
                pass
            case _:
                raise AssertionError(f"unknown command {command}")
        return ""

    def _start(self, command: str) -> str:
        """A detached job makes its file."""
        found = re.search(r"> /run/netmon/(\S+\.(?:armed|end));", command)
        assert found
        if self.job_starts and found[1] not in self.files:
            self.files[found[1]] = ["4711"]
        return ""

    def _marks(self, command: str) -> str:
        """The owner's marker and the ends of limits."""
        if command.startswith("cat /run/netmon/owner"):
            return "\n".join(self.files.get("owner", []))
        if owner := re.search(r"'%s\\n' (\S+) > /run/netmon/owner.new", command):
            self.files["owner"] = [owner[1]]
        elif command.startswith("printf"):
            words = shlex.split(command)
            self.files[words[-1].removeprefix("/run/netmon/")] = words[2:-2]
        elif command.startswith("job="):
            self._start(command)
        elif "echo" in command:
            prefix = (re.search(r"/run/netmon/(\S+)\*\.end", command) or ["", ""])[1]
            return "".join("end=4600\n" for name in self.files if name.startswith(prefix) and name.endswith(".end"))
        elif "for i in" in command:
            wanted = (re.search(r"-s /run/netmon/(\S+) \]", command) or ["", ""])[1]
            if wanted not in self.files:
                raise CommandRejectedError("did not complete")
        elif found := re.match(r"for f in /run/netmon/(\S+)\*\.end;(?:.*!= /run/netmon/(\S+) \])?", command):
            for name in [n for n in self.files if n.startswith(found[1]) and n.endswith(".end") and n != found[2]]:
                del self.files[name]
                self.files.pop(f"{name.removesuffix('.end')}.sh", None)
        else:
            raise AssertionError(f"unknown command {command}")
        return ""

    def _holds(self, test: str) -> bool:
        if " && ! " in test:
            hooked, _, elsewhere = test.partition(" && ! ")
            mine = (re.search(r"to device (\S+)\)'\Z", elsewhere) or [""])[1]
            return self._holds(hooked) and self.redirect in (None, mine)
        device = re.search(r"dev (\S+)", test)
        assert device
        if test.startswith("ip link show"):
            return device[1] in self.ifb
        if "qdisc htb" in test:
            return self.root.get(device[1], ("", ""))[0] == "htb 4e4d:"
        return self.hook if "qdisc ingress" in test else self.redirect is not None

    def _links(self, words: list[str]) -> str:
        if words[3:] == ["show", "type", "ifb"]:
            return json.dumps([{"ifname": d, "ifalias": a} for d, a in self.ifb.items()])
        if words[-1] != self.port:
            raise CommandRejectedError(f'Device "{words[-1]}" does not exist.')
        return json.dumps([{"ifname": self.port, "ifalias": self.alias, "address": self.mac}])

    def _change_link(self, verb: str, words: list[str]) -> None:
        match verb:
            case "add":
                self.ifb[words[4]] = ""
            case "set":
                self.ifb[words[4]] = words[6]
            case "del":
                del self.ifb[words[4]]
                self.root.pop(words[4], None)
                self.classes.pop(words[4], None)

    def _tc(self, what: str, verb: str, words: list[str]) -> str:
        device = words[4]
        match what, verb:
            case "qdisc", "show":
                kind, default = self.root.get(device, ("noqueue 0:", ""))
                shown = f"qdisc {kind} root refcnt 2 default 0x{default} direct_qlen 1000\n"
                return shown + ("qdisc ingress ffff: parent ffff:fff1 ---\n" if self.hook else "")
            case "class", "show":
                return "\n".join(
                    f"class htb {c} root leaf 4e4e: prio 0 rate {r}bit ceil {r}bit burst 16000b cburst 16000b"
                    for c, r in self.classes.get(device, {}).items()
                )
            case "filter", "show":
                if self.redirect is None:
                    return ""
                return (
                    "filter parent ffff: protocol all pref 20045 u32 chain 0\n"
                    f"\taction order 1: mirred (Egress Redirect to device {self.redirect}) stolen\n"
                )
            case "qdisc", "add" if "root" in words:
                self.root[device] = ("htb 4e4d:", words[-1])
            case "class", "replace":
                rate = int(words[words.index("rate") + 1].removesuffix("bit"))
                self.classes.setdefault(device, {})[words[words.index("classid") + 1]] = rate - self.rate_lost
            case "qdisc", "add":
                self.hook = True
            case "filter", "add":
                self.redirect = words[-1]
            case "qdisc", "del" if words[-1] == "root":
                del self.root[device]
                self.classes.pop(device, None)
            case "qdisc", "del":
                self.hook, self.redirect = False, None
        return ""

    def _rename(self, old: str, new: str) -> None:
        gone = self.files.pop(old.removeprefix("/run/netmon/"), None)
        if gone is None:
            raise CommandRejectedError(f"mv: cannot stat {old!r}")
        self.files[new.removeprefix("/run/netmon/")] = gone


@dataclass
class FakeRouterOs(FakeRouter):
    """Simple queues, schedulers and scripts by name."""

    port: str = "ag1"
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    others: str = ""
    """Printed for queues of others."""
    fasttrack: int = 0
    schedulers: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    rate_lost: int = 0
    job_starts: bool = True
    unconfirmed: int = 0
    """Changes of somebody in safe mode."""
    marker: str = ""
    ends: dict[str, str] = field(default_factory=dict)
    """Name of a limit's end -> its comment."""

    def limits(self) -> tuple[int | None, int | None]:
        for queue in self.queues.values():
            up, down = (int(rate) or None for rate in queue["max-limit"].split("/"))
            return up, down
        return None, None

    @property
    def armed(self) -> bool:
        return any(name.startswith("NM-UNDO-") for name in self.schedulers)

    def fire(self) -> None:
        for name in [n for n in self.schedulers if n.startswith("NM-UNDO-")]:
            self.do(f'/system script run "{name}"')

    def do(self, command: str) -> str:  # noqa: C901, PLR0911, PLR0912 - a flat list of what is understood
        name = (re.search(r'name="([^"]*)"', command) or [""])[0]
        name = name[6:-1]
        if "NM-OWNER" in command or "NM-END-" in command:
            return self._marks(command, name)
        if command.startswith("/system script add"):
            self.scripts[name] = command[command.index("source={") + 8 : -1]
        elif command.startswith("/system scheduler add"):
            if self.job_starts:
                self.schedulers[name] = name
        elif command.startswith((":execute", "/system script remove")):
            if command.startswith("/system"):
                self.scripts.pop(name, None)
        elif command.startswith("/system script run"):
            wanted = command.split('"')[1]
            if wanted not in self.scripts:
                raise CommandRejectedError("no such item")
            claim, *restore = self.scripts[wanted][:-1].split("do={", 1)[1].split("; ", 1)
            assert claim.startswith("/system scheduler set")
            if self.schedulers.pop(wanted, None) is not None:
                self.schedulers[wanted.replace("UNDO", "FIRED")] = ""
                for line in re.split(r"; (?=/system s|/queue|:if \(\[:len \[/|:execute)", "; ".join(restore)):
                    self.do(line)
        elif command.startswith(":if ([:len [/system scheduler"):
            if self.schedulers.pop(name, None) is None:
                raise CommandRejectedError("netmon: not armed")
        elif command.startswith("/system scheduler remove"):
            self.schedulers.pop(name, None)
            self.schedulers.pop(name.replace("UNDO", "FIRED"), None)
        elif command.startswith(':put ("unconfirmed='):
            return f"unconfirmed={self.unconfirmed}"
        elif command.startswith(':put ("armed='):
            return f"armed={int(name in self.schedulers)}"
        elif command.startswith(':put ("fired='):
            return f"fired={int(name in self.schedulers)}"
        elif command.startswith(':put ("fasttrack='):
            return f"fasttrack={self.fasttrack}"
        elif command.startswith(":foreach"):
            return self._show(command, name)
        elif command.startswith((":if ([:len [/queue simple", "/queue simple set")):
            up, down = re.findall(r"max-limit=(\d+)/(\d+)", command)[0]
            rates = [max(int(rate) - self.rate_lost, 0) for rate in (up, down)]
            if name in self.queues or command.startswith(":if"):
                queue = self.queues.setdefault(name, {"target": self.port, "comment": "netmon"})
                queue["max-limit"], queue["disabled"] = f"{rates[0]}/{rates[1]}", "false"
        elif command.startswith("/queue simple remove"):
            self.queues.pop(name, None)
        else:
            raise AssertionError(f"unknown command {command}")
        return ""

    def _marks(self, command: str, name: str) -> str:
        """The owner's marker and the ends of limits."""
        comment = (re.findall(r'comment="([^"]*)"', command) or [""])[-1]
        if "NM-OWNER" in command:
            if command.startswith(":foreach"):
                return f"marker={self.marker}" if self.marker else ""
            self.marker = comment
        elif command.startswith(':put ("expiry='):
            return f"expiry={int(comment in self.ends.values())}"
        elif command.startswith(":if ([:len [/system scheduler"):
            if self.job_starts:
                self.ends[name] = comment
        elif command.startswith("/system scheduler remove"):
            kept = (re.search(r'name!="([^"]*)"', command) or ["", ""])[1]
            self.ends = {end: whose for end, whose in self.ends.items() if whose != comment or end == kept}
        return ""

    def _show(self, command: str, name: str) -> str:
        if "in=[/interface find" in command:
            return f"name={self.port}\nmac={self.mac.upper()}\nalias={self.alias}" if name == self.port else ""
        if "/user active" in command:
            return (
                "session=10.9.0.7\nroute=0.0.0.0/0\nvia=10.0.0.1%up0\nvia=\nvia=10.0.0.1\n"
                f"route=10.9.0.0/24\nvia=\nvia={self.management} reachable\nvia={self.management}"
            )
        if "in=[/interface vlan" in command:
            return "upper=ag1.7\nlower=ag1"
        if "in=[/queue simple find where name=" in command and name in self.queues:
            queue = self.queues[name]
            return "\n".join(f"{key}={queue[key]}" for key in ("target", "max-limit", "disabled", "comment"))
        if "name!=" in command:
            return self.others
        return "address=10.10.1.1/24" if "/ip address" in command else ""
