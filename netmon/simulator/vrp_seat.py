"""One login on a simulated Huawei router: views, candidates, questions, and what the commands print.

VRP asks before it saves or aborts a trial, except in machine-to-machine mode.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from netmon.simulator import vrp_displays as displays
from netmon.simulator.console import Logout
from netmon.simulator.vrp_configuration import Configuration, View, kind_of, name_in
from netmon.simulator.vrp_grammar import MisspeltError, RefusedError, parsed

if TYPE_CHECKING:
    from netmon.simulator.vrp_cli import Vrp

_IN_TRIAL: Final = "Error: The system is in trial configuration mode."
_LOCKED: Final = "Error: The configuration has been locked by other user."
_VIEW_WORDS: Final = {
    "traffic classifier": "classifier",
    "traffic behavior": "behavior",
    "traffic policy": "trafficpolicy",
    "acl": "acl-basic",
    "qos-profile": "qos-profile",
    "interface": "",
}
_DISPLAYS: Final = (
    "current-configuration",
    "current-configuration interface",
    "current-configuration interface <port>",
    "saved-configuration",
    "this",
    "interface <port>",
    "traffic classifier|behavior|policy user-defined",
    "traffic classifier|behavior|policy user-defined <name>",
    "users",
    "ip routing-table <ip>",
    "version",
    "clock",
    "configuration-occupied user",
)
_DISPLAYS_8: Final = ("configuration trial status", "configuration candidate", "configuration commit list")
_USER: Final = ("system-view", "save", "quit", "screen-length <number> temporary")
_NAG: Final = (
    "Warning: The initial password poses security risks.\nThe password needs to be changed. Change now? [Y/N]:"
)
_SAVED: Final = {
    5: (
        "  It will take several minutes to save configuration file, please wait......\n"
        "  Configuration file had been saved successfully\n"
        "  Note: The configuration file will take effect after being activated\n"
    ),
    8: "Now saving the current configuration to the device.\nInfo: Save the configuration successfully.\n",
}
_SAVE_ASKS: Final = {
    5: "  The current configuration will be written to the device.\n  Are you sure to continue? (y/n)[n]:",
    8: "Warning: The current configuration will be written to the device. Continue? [Y/N]:",
}
_ANY: Final = ("configuration exclusive", "undo configuration exclusive")
_COMMITS: Final = (
    "commit",
    "commit trial",
    "commit trial <seconds>",
    "commit trial <seconds> persist <name>",
    "commit persist <name>",
    "abort trial",
    "abort trial persist <name>",
    "clear configuration candidate",
)


@dataclass(slots=True, eq=False)
class VrpSeat:
    """One login's command line; implements netmon.simulator.console.Seat."""

    system: Vrp
    username: str
    peer: str
    configuring: bool = False
    view: View = None
    machine: bool = False
    """Machine-to-machine mode: nothing is asked."""
    edits: list[tuple[View, str]] = field(default_factory=list)
    """VRP8: what was typed and not committed."""
    _asked: tuple[str, str] | None = None
    """A question and the command that asked it."""

    def __post_init__(self) -> None:
        if self.system.nags:
            self._asked = (_NAG, "change the password")

    @property
    def prompt(self) -> str:
        if self._asked is not None:
            return self._asked[0]
        name = self.system.running.sysname
        if not self.configuring:
            return f"<{name}>"
        mark = "" if self.system.release == 5 else "*" if self.edits else "~"
        view = ""
        if self.view is not None:
            kind = kind_of(self.view)
            word = _VIEW_WORDS[kind]
            view = f"-{word}{'-' if word else ''}{name_in(self.view)}"
        return f"[{mark}{name}{view}]"

    def close(self) -> None:
        self.system.left(self)

    async def run(self, line: str) -> str:
        line = line.strip()
        if self._asked is not None:
            return self._answered(line)
        if not line or line.startswith("#"):
            return ""
        try:
            return self._done(line)
        except MisspeltError as fault:
            pointer = " " * (len(self.prompt) + fault.position) + "^"
            gap = "" if fault.reason == "Incomplete command" else " "
            return f"{pointer}\nError:{gap}{fault.reason} found at '^' position.\n"
        except RefusedError as refusal:
            return f"{refusal}\n"

    def _answered(self, line: str) -> str:
        assert self._asked is not None
        (question, command), self._asked = self._asked, None
        if line.lower() in ("y", "yes"):
            return self._do(command)
        if line.lower() in ("n", "no") or (not line and question.endswith("[n]:")):
            return ""
        self._asked = (question, command)
        return "Error: Please choose 'YES' or 'NO' first before pressing 'Enter'. "

    def _done(self, line: str) -> str:
        if line.startswith("display "):
            command, *filters = line.split(" | ")
            return displays.piped("".join(f"{one}\n" for one in self._display(command)), filters)
        machine = ("mmi-mode enable",) if self.system.talks_to_machines else ()
        forms = _ANY if self.configuring else (*_USER, *machine, *_ANY)
        first = line.split(maxsplit=1)[0]
        if self.configuring and first in ("quit", "return"):
            parsed(line, ("quit", "return"))
            return self._leave(first)
        if self.configuring and self.system.release == 8 and first in ("commit", "abort", "clear"):
            return self._commands_of_8(*parsed(line, _COMMITS))
        if self.configuring and not line.endswith("configuration exclusive"):
            return self._configure(line)
        form, _ = parsed(line, forms)
        if form == "quit":
            raise Logout("Info: The connection was closed by the remote host.\n")
        if form == "save" and not self.machine:
            self._asked = (_SAVE_ASKS[self.system.release], form)
            return ""
        return self._do(form)

    def _do(self, form: str) -> str:  # noqa: PLR0911 - a table
        system = self.system
        match form:
            case "system-view":
                self.configuring = True
                how = "Ctrl+Z" if system.release == 5 else "return command"
                return f"Enter system view, return user view with {how}.\n"
            case "save":
                if system.disk_full:
                    return "Error: The system has no enough space to save the configuration file.\n"
                system.startup = system.running.copy()
                return _SAVED[system.release]
            case "mmi-mode enable":
                self.machine = True
            case "change the password":
                raise Logout("Info: The password is changed. Log in again.\n")
            case "configuration exclusive":
                if system.lock not in (None, self):
                    return f"{_LOCKED}\n"
                system.lock = self
            case "undo configuration exclusive":
                if system.lock is not self:
                    return "Error: The configuration is not locked by this user.\n"
                system.lock = None
            case "abort trial":
                system.roll_back()
                return "Info: The trial configuration rollback succeeded.\n"
            case "leave":
                self._commit(None, None)
                self.configuring, self.view = False, None
        return ""

    def _leave(self, word: str) -> str:
        if word == "quit" and self.view is not None:
            self.view = None
            return ""
        if self.edits:
            if self.machine:
                return self._do("leave")
            self._asked = ("Warning: Uncommitted configurations found. Are you sure to commit them? [Y/N]:", "leave")
            return ""
        self.configuring, self.view = False, None
        return ""

    def _configure(self, line: str) -> str:
        system = self.system
        if system.rejects():
            raise RefusedError("Error: The operation failed because of insufficient resources.")
        if system.release == 5:
            if system.lock not in (None, self):
                raise RefusedError(_LOCKED)
            system.settle()
            self.view = self._written(system.running, self.view, line)
            return ""
        wanted = self.candidate()
        before = wanted.copy()
        at, self.view = self.view, self._written(wanted, self.view, line)
        if not wanted.same(before):
            self.edits.append((at, line))
        return ""

    def _written(self, config: Configuration, view: View, line: str) -> View:
        """A command of the system view typed in another leads out of it, as on VRP."""
        if view is None or view not in config.views:
            return config.write(None, line)
        try:
            return config.write(view, line)
        except MisspeltError as fault:
            try:
                return config.write(None, line)
            except MisspeltError:
                raise fault from None

    def candidate(self) -> Configuration:
        """The running configuration with what was typed and not committed."""
        wanted = self.system.running.copy()
        for view, line in self.edits:
            self._written(wanted, view, line)
        return wanted

    def _commands_of_8(self, form: str, values: tuple[str, ...]) -> str:
        system, trial = self.system, self.system.trial
        if form == "clear configuration candidate":
            self.edits.clear()
            if self.view is not None and self.view not in system.running.views:
                self.view = None
            return ""
        persist = values[-1] if "persist" in form else None
        if form.startswith("abort"):
            if trial is None or (trial.persist != persist if persist else trial.seat is not self):
                raise RefusedError("Error: There is no trial configuration that can be aborted.")
            if self.machine:
                return self._do("abort trial")
            self._asked = ("Warning: The trial configuration will be rolled back. Continue? [Y/N]:", "abort trial")
            return ""
        if system.lock not in (None, self):
            raise RefusedError(_LOCKED)
        if not form.startswith("commit trial"):
            return self._confirm(persist)
        if trial is not None and trial.seat is not self:
            raise RefusedError(_IN_TRIAL)
        seconds = int(values[0]) if values else 600
        if not 60 <= seconds <= 65_535:
            raise MisspeltError("Wrong parameter", len("commit trial "))
        return self._commit(seconds, persist)

    def _confirm(self, persist: str | None) -> str:
        trial = self.system.trial
        if persist is not None and (trial is None or trial.persist != persist):
            raise RefusedError("Error: The persistent ID of the trial configuration does not match.")
        if trial is not None:
            if trial.persist != persist or (persist is None and trial.seat is not self):
                raise RefusedError(_IN_TRIAL)
            self.system.confirm_trial()
        return self._commit(None, None)

    def _commit(self, seconds: int | None, persist: str | None) -> str:
        system = self.system
        wanted = self.candidate()
        if self.edits:
            system.commits.insert(0, self.username)
        self.edits.clear()
        if seconds is None:
            system.settle()
            system.running = wanted
            return ""
        system.begin_trial(self, wanted, seconds, persist)
        return (
            "Info: The system enters the trial configuration mode.\nThe system will revert to previous configuration if"
            f" the trial configuration is not confirmed in {seconds} seconds.\n"
        )

    # --- displays ----------------------------------------------------------------------------------

    def _display(self, command: str) -> list[str]:  # noqa: PLR0911 - a table
        system, running, release = self.system, self.system.running, self.system.release
        shift = len("display ")
        try:
            form, values = parsed(command[shift:], (*_DISPLAYS, *(_DISPLAYS_8 if release == 8 else ())))
        except MisspeltError as fault:
            raise MisspeltError(fault.reason, fault.position + shift) from None
        match form.split():
            case ["interface", _]:
                return list(displays.interface(system.router, running, values[0]))
            case ["traffic", *_]:
                what = {"classifier": displays.classifiers, "behavior": displays.behaviors, "policy": displays.policies}
                return list(what[values[0]](running, values[1] if len(values) > 1 else None))
            case ["ip", *_]:
                return list(displays.route(running, values[0], system.management))
            case ["users"]:
                return self._users()
            case ["version"]:
                uptime = f"HUAWEI {running.sysname} uptime is 12 weeks, 3 days, 4 hours, 11 minutes"
                return ["Huawei Versatile Routing Platform Software", displays.VERSIONS[release], uptime]
            case ["clock"]:
                return ["2024-05-14 09:12:00+07:00", "Tuesday", "Time Zone(WIB) : UTC+07:00"]
            case ["configuration-occupied", _]:
                return self._occupied()
            case ["configuration", *_]:
                return self._display_of_8(form)
        return self._written_down(form, values)

    def _written_down(self, form: str, values: tuple[str, ...]) -> list[str]:
        running, startup = self.system.running, self.system.startup
        heading = displays.heading(self.system.release)
        match form.split():
            case ["current-configuration"]:
                return [heading, *running.text()]
            case ["saved-configuration"]:
                return [heading, *startup.text()]
            case ["this"]:
                return [*(running.section(self.view) if self.view in running.views else ()), "#", "return"]
        return list(displays.interfaces(running, values[0] if values else None))

    def _display_of_8(self, form: str) -> list[str]:
        system, trial = self.system, self.system.trial
        if form == "configuration commit list":
            return [f"{n}) 10000{n:05}   -   {user}" for n, user in enumerate(system.commits, 1)]
        if form == "configuration candidate":
            return [f" {line}" for _, line in self.edits]
        if trial is None:
            return ["Trial status: INACTIVE", "Trial time left (sec): 0"]
        left = int((trial.ends - asyncio.get_running_loop().time()) / system.second_s)
        persist = [f"Persist id: {trial.persist}"] if trial.persist else []
        return ["Trial status: ACTIVE", *persist, f"Trial time left (sec): {max(0, left)}"]

    def _users(self) -> list[str]:
        lines = ["  User-Intf    Delay    Type   Network Address     AuthenStatus    AuthorcmdFlag"]
        for number, seat in enumerate(self.system.seats):
            if seat is not None:
                mark = "+" if seat is self else " "
                lines.append(
                    f"{mark} {34 + number:<3} VTY {number:<3} 00:00:00  SSH    {seat.peer:20} pass            no"
                )
                lines.append(f"  Username : {seat.username}")
        return lines

    def _occupied(self) -> list[str]:
        lock = self.system.lock
        if lock is None:
            return []
        number = self.system.seats.index(lock)
        return [
            f"  User Index: {34 + number}",
            f"  User Session Name: VTY{number}",
            f"  User Name: {lock.username}",
            f"  IP Address: {lock.peer}",
            "  Locked Time: 2024-05-14 09:12:00",
            "  The time out value of configuration right locked is: 30 second(s)",
        ]
