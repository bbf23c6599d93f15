"""One login's command line on a simulated IOS router."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from netmon.simulator import ios_show
from netmon.simulator.cisco_grammar import Grammar, RefusedError, filtered, port_meant
from netmon.simulator.console import Logout
from netmon.simulator.device import Port
from netmon.simulator.indented import Block, Path
from netmon.simulator.ios_config import MODES, Editor
from netmon.simulator.ios_show import Login, long_name

if TYPE_CHECKING:
    from netmon.simulator.ios_cli import Ios

_EXEC: Final = {
    "terminal length <0-512>": "",
    "terminal width <0-512>": "",
    "terminal no monitor": "",
    "terminal monitor": "",
    "enable": "enable",
    "exit": "exit",
    "logout": "exit",
    "configure terminal": "configure",
    "configure terminal lock": "configure lock",
    "configure terminal revert timer <1-120>": "configure revert",
    "configure confirm": "confirm",
    "configure revert now": "revert",
    "configure revert timer <1-120>": "revert later",
    "write": "save",
    "write memory": "save",
    "copy running-config startup-config": "copy",
}
_SHOW: Final = {
    "show version": "version",
    "show clock": "clock",
    "show users": "users",
    "show privilege": "privilege",
    "show tcp brief numeric": "tcp",
    "show ip interface brief": "addresses",
    "show configuration lock": "lock",
    "show archive config rollback timer": "timer",
    "show archive config differences": "differences",
    "show archive config differences nvram:startup-config system:running-config": "differences",
    "show running-config": "running",
    "show running-config interface <interface>": "running interface",
    "show startup-config": "startup",
    "show policy-map interface <interface>": "policies",
    "show interfaces <interface>": "interface",
    "show interfaces <interface> description": "description",
    "show interfaces description": "descriptions",
    "show ip cef <word>": "cef",
    "show event manager policy registered": "applets",
}


_UNPRIVILEGED: Final = frozenset(
    {"", "enable", "exit", "version", "clock", "users", "privilege", "interface", "description"}
)
_ASKS_SECRET: Final = "Password: "  # noqa: S105 - a question
_OVERWRITES: Final = (
    "Warning: Attempting to overwrite an NVRAM configuration previously written\n"
    "by a different version of the system image.\n"
)
_LONGEST_NAME: Final = 20
"""Characters of the router's name in the prompts of configuration mode."""


class IosSeat:
    """One login's command line."""

    def __init__(self, ios: Ios, login: Login) -> None:
        self._ios = ios
        self._login = login
        self._at: Path | None = None
        """Where in configuration mode; None: not in it."""
        self._asked = ""
        """The question that stands open."""
        self._privileged = ios.enable_secret is None
        kinds: dict[str, Callable[[str], str | None]] = {"word": str, "interface": self._port_named}
        self._editor = Editor(kinds, ios.refuses_output, ios.has_events)
        self._exec = Grammar({**_EXEC, **_SHOW}, kinds)
        self._show = Grammar(_SHOW, kinds)

    @property
    def prompt(self) -> str:
        if self._asked:
            return self._asked
        name = self._ios.running.value("hostname") or "Router"
        if self._at is None:
            return f"{name}#" if self._privileged else f"{name}>"
        mode = f"-{MODES[self._at[-1].split()[0]]}" if self._at else ""
        return f"{name[:_LONGEST_NAME]}(config{mode})#"

    @property
    def echo(self) -> bool:
        return self._asked != _ASKS_SECRET

    async def run(self, line: str) -> str:
        try:
            return self.type(line)
        except RefusedError as refusal:
            return f"{refusal}\n"

    def close(self) -> None:
        self.leave_configuration()
        if self._login in self._ios.logins:
            self._ios.logins.remove(self._login)

    # --- typing ------------------------------------------------------------------------------

    def type(self, line: str) -> str:
        """Raises RefusedError, Logout."""
        if self._asked:
            return self._answered(line)
        if not line.strip() or line.lstrip().startswith("!"):
            return ""
        command, _, pipe = line.partition("|")
        if pipe and self._at is None:
            return filtered(self._operate(command), pipe)
        return self._operate(line) if self._at is None else self._configure(line)

    def _answered(self, line: str) -> str:
        asked, self._asked = self._asked, ""
        if asked != _ASKS_SECRET:
            return "" if line.strip().lower().startswith("n") else self._ios.save()
        self._privileged = line == self._ios.enable_secret
        return "" if self._privileged else "% Bad secrets\n\n"

    def leave_configuration(self) -> str:
        if self._at is None:
            return ""
        self._at = None
        if self._ios.locked_by is self._login:
            self._ios.locked_by = None
        self._ios.register_applets()
        said = f"%SYS-5-CONFIG_I: Configured from console by {self._login.username} on vty0 ({self._login.peer})"
        now = datetime.now(UTC)
        return f"*{now:%b %d %H:%M:%S}.{now.microsecond // 1000:03d}: {said}\n" if self._ios.chatty else ""

    def _configure(self, line: str) -> str:
        words = line.split()
        if words[0] == "end":
            return self.leave_configuration()
        if words[0] == "exit":
            assert self._at is not None
            if not self._at:
                return self.leave_configuration()
            self._at = self._at[:-1]
            self._ios.register_applets()
            return ""
        if words[0] == "do" and len(words) > 1:
            command, _, pipe = line.partition("do ")[2].partition("|")
            said = self._shown(*self._show.read(command, len(self.prompt) + 3))
            return filtered(said, pipe) if pipe else said
        if self._ios.rejects():
            raise RefusedError(f"{' ' * len(self.prompt)}^\n% Invalid input detected at '^' marker.\n")
        self._ios.router.settle()
        left = self._at or ()
        self._at = self._editor.run(self._ios.running, left, line, len(self.prompt))
        if self._at[:1] != left[:1]:
            self._ios.register_applets()
        return ""

    def _operate(self, line: str) -> str:
        name, values = self._exec.read(line, len(self.prompt))
        ios, said = self._ios, ""
        if not self._privileged and name not in _UNPRIVILEGED:
            raise RefusedError(f"{' ' * len(self.prompt)}^\n% Invalid input detected at '^' marker.\n")
        match name:
            case "exit":
                raise Logout
            case "enable":
                self._asked = "" if self._privileged else _ASKS_SECRET
            case "configure" | "configure lock" | "configure revert":
                said = self._enter(name, values)
            case "confirm":
                ios.confirm()
            case "revert":
                said = ios.roll_back()
            case "revert later":
                ios.retime(int(values[0]), self._login.username)
            case "save" if ios.saved_by_another_image:
                said, self._asked = _OVERWRITES, "Overwrite the previous NVRAM configuration?[confirm]"
            case "save":
                said = ios.save()
            case "copy":
                self._asked = "Destination filename [startup-config]? "
            case _:
                said = self._shown(name, values)
        return said

    def _enter(self, name: str, values: list[str]) -> str:
        ios, own = self._ios, self._login
        exclusive = ios.running.value("configuration mode exclusive")
        if name == "configure lock" and exclusive is None:
            raise RefusedError(f"{' ' * (len(self.prompt) + 19)}^\n% Invalid input detected at '^' marker.\n")
        if ios.locked_by is not None:
            raise RefusedError(
                f"Configuration mode locked exclusively by user '{ios.locked_by.username}' process"
                f" '{100 + ios.locked_by.line}' from terminal '{ios.locked_by.line}'. Please try later."
            )
        said = ios.arm(int(values[0]), own.username) if name == "configure revert" else ""
        if name == "configure lock" or exclusive == "auto":
            ios.locked_by = own
        self._at = ()
        return said + "Enter configuration commands, one per line.  End with CNTL/Z.\n"

    # --- showing -----------------------------------------------------------------------------

    def _shown(self, name: str, values: list[str]) -> str:
        ios, router = self._ios, self._ios.router
        running = ios.running
        ports = [(port, self._block(port)) for port in router.ports]
        plain: dict[str, Callable[[], str]] = {
            "": str,
            "version": lambda: ios_show.version(router),
            "clock": lambda: ios_show.stamp(datetime.now(UTC)) + "\n",
            "users": lambda: ios_show.users(ios.logins, self._login),
            "privilege": lambda: f"Current privilege level is {15 if self._privileged else 1}\n",
            "tcp": lambda: ios_show.tcp(router, ios.logins),
            "addresses": lambda: ios_show.addresses(ports, router.down),
            "lock": lambda: ios_show.lock(ios.locked_by),
            "timer": ios.timer,
            "differences": lambda: ios_show.config_differences(ios.startup, running),
            "running": lambda: ios_show.configuration(running),
            "startup": lambda: ios_show.configuration(ios.startup),
            "descriptions": lambda: ios_show.descriptions(ports, router.down),
            "applets": self._applets,
            "cef": lambda: ios_show.route(router, values[0]),
        }
        return plain[name]() if name in plain else self._shown_of(name, values[0])

    def _shown_of(self, name: str, interface: str) -> str:
        ios, port = self._ios, self._port(interface)
        match name:
            case "running interface":
                return ios_show.configuration_of(ios.running, f"interface {interface}")
            case "policies":
                return ios_show.policies(ios.running, interface)
            case "interface":
                return ios_show.interface(port, self._block(port), port.name in ios.router.down)
            case _:
                return ios_show.descriptions([(port, self._block(port))], ios.router.down)

    def _applets(self) -> str:
        if not self._ios.has_events:
            raise RefusedError(f"{' ' * (len(self.prompt) + 5)}^\n% Invalid input detected at '^' marker.\n")
        return ios_show.applets(self._ios.registered())

    def _block(self, port: Port) -> Block | None:
        return self._ios.running.find(f"interface {long_name(port.name)}")

    def _port_named(self, name: str) -> str | None:
        """The port's long name, however short it was written."""
        return port_meant(name, (long_name(port.name) for port in self._ios.router.ports))

    def _port(self, name: str) -> Port:
        return next(port for port in self._ios.router.ports if long_name(port.name) == name)
