"""The command line of a simulated Junos router: operational mode, shared, private and exclusive configuration."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from netmon.simulator import junos_show as show
from netmon.simulator.console import Logout
from netmon.simulator.device import Router
from netmon.simulator.faults import Rejecting
from netmon.simulator.junos_config import Candidate, CommitError, Database, deletable, effective
from netmon.simulator.junos_schema import GRAMMAR
from netmon.simulator.settree import Path, SettingError, differences, known, rule_at, settings_of, split_words

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_LONGEST_TRIAL_MIN = 65_535
_SCREEN_WORDS = frozenset(
    {"screen-length", "screen-width", "complete-on-space", "timestamp", "idle-timeout", "terminal", "prompt"}
)


class Junos(Rejecting):
    """One router. `speed`: its timers run so many times as fast as a real one's."""

    def __init__(self, router: Router, speed: float = 1.0) -> None:
        self.router = router
        self.database = Database(show.first_configuration(router), router.settle, speed)
        self.seats: list[JunosSeat] = []
        self.role = ""
        """What a virtual chassis or a cluster prints above its prompts: `{master:0}`."""
        self.permissions = tuple(show.PERMISSIONS)
        """Of every login."""

    @property
    def banner(self) -> str:
        return f"--- JUNOS {show.VERSION} Kernel 64-bit  JNPR-12.1-20220510.abc_builder_stable\n"

    @property
    def disk_full(self) -> bool:
        return self.database.disk_full

    @disk_full.setter
    def disk_full(self, full: bool) -> None:
        self.database.disk_full = full

    def seat(self, username: str, peer: str) -> JunosSeat:
        seat = JunosSeat(self, username, peer, f"p{len(self.seats)}", 5_200 + len(self.seats))
        self.seats.append(seat)
        return seat

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        """The least policer of the unit's families; 0 units named means unit 0."""
        tree = self.database.effective()
        device, _, unit = interface.partition(".")
        place = ("interfaces", device, "unit", unit or "0", "family")
        found = []
        for family in tree.names(*place):
            name = tree.value(*place, family, "policer", "output" if outward else "input")
            rate = tree.value("firewall", "policer", name or "", "if-exceeding", "bandwidth-limit")
            if rate and tree.has(("firewall", "policer", name or "", "then", "discard")):
                found.append(bps_of(rate))
        return min(found, default=None)

    def reboot(self) -> None:
        for seat in tuple(self.seats):
            seat.close()
        self.database.reboot()

    async def stop(self) -> None:
        await self.database.stop()

    # --- what goes wrong ---------------------------------------------------------------------

    def operator_enters(self, how: str = "configure", edits: str = "set system domain-name example.org") -> JunosSeat:
        """Somebody else goes into configuration mode and leaves an edit uncommitted; `edits` may be empty."""
        seat = self.seat("noc", "192.0.2.9")
        for line in (how, *([edits] if edits else [])):
            seat.obey(line)
        return seat


def bps_of(rate: str) -> int:
    """`8m` -> 8,000,000."""
    number = rate.rstrip("kmg")
    whole, _, fraction = number.partition(".")
    return int(whole + fraction) * _UNITS[rate[len(number) :]] // int(10 ** len(fraction))


@dataclass(eq=False, slots=True)
class JunosSeat:
    """One login."""

    system: Junos
    username: str
    peer: str
    terminal: str
    pid: int
    mode: str = ""
    """shared, private or exclusive; empty in operational mode."""
    level: Path = ()
    since: datetime | None = None
    own: Candidate | None = None
    """Of private mode."""
    asks: tuple[str, Callable[[], str]] | None = field(default=None)
    """A question with (yes) as its answer if nothing else is typed, and what yes does."""

    @property
    def prompt(self) -> str:
        if self.asks is not None:
            return self.asks[0]
        name, role = f"{self.username}@{self.system.router.name}", self.system.role
        if not self.mode:
            return f"\n{role}\n{name}> " if role else f"{name}> "
        left_s = self.system.database.left_s
        trial = "" if left_s is None else f"# commit confirmed will be rolled back in {-(-left_s // 60)} minutes\n"
        return f"\n{trial}{role}[{' '.join(('edit', *self.level))}]\n{name}# "

    async def run(self, line: str) -> str:
        return self.obey(line)

    def obey(self, line: str) -> str:
        if self.asks is not None:
            (_, yes), self.asks = self.asks, None
            return "" if line.strip().lower().startswith("n") else yes()
        command, *pipes = [part.strip() for part in line.split(" | ")]
        if not command:
            return ""
        try:
            words = split_words(command)
            said = self._configuration(words, pipes) if self.mode else self._operational(words, pipes)
        except SettingError as error:
            return self._complaint(line, error)
        except CommitError as error:
            return str(error)
        return _piped(said, pipes)

    def close(self) -> None:
        """An exclusive or private candidate goes with its session; a shared one stays."""
        if self.mode:
            self._leave()
        if self in self.system.seats:
            self.system.seats.remove(self)

    def _complaint(self, line: str, error: SettingError) -> str:
        """The caret stands under the word at fault."""
        words, column = line.split(), 0
        for word in words[: error.at]:
            column = line.index(word, column) + len(word)
        column = line.index(words[error.at], column) if error.at < len(words) else len(line)
        pad = " " * (len(self.prompt.rpartition("\n")[2]) + column)
        said = {"missing": "missing argument.", "value": f"invalid value '{words[min(error.at, len(words) - 1)]}'."}
        text = "unknown command." if error.at == 0 else said.get(error.said, "syntax error.")
        return f"{pad}^\n{text}\n"

    # --- operational mode --------------------------------------------------------------------

    def _operational(self, words: list[str], pipes: list[str]) -> str:
        match words:
            case ["configure" | "edit"]:
                return self._enter("shared")
            case ["configure" | "edit", ("exclusive" | "private") as mode]:
                return self._enter(mode)
            case ["set", "cli", word, *values] if word in _SCREEN_WORDS and values:
                return f"Screen {word[7:]} set to {values[0]}\n" if word.startswith("screen") else ""
            case ["exit" | "quit"]:
                raise Logout
            case ["show", *what]:
                return self._show(what, pipes)
            case _:
                raise SettingError("word", 1 if words[0] in ("configure", "set", "show", "exit", "quit") else 0)

    def _show(self, what: list[str], pipes: list[str]) -> str:  # noqa: PLR0911 - a table
        system = self.system
        database, tree = system.database, system.database.effective()
        match what:
            case ["configuration", *place]:
                return self._shown(database.active_copy(), tuple(place), pipes, 2)
            case ["interfaces", "terse"]:
                return show.terse(system.router, tree)
            case ["interfaces", name]:
                return show.interface(system.router, tree, name)
            case ["route", address, *_]:
                return show.route(tree, address)
            case ["system", "commit"]:
                return show.commits(database)
            case ["system", "users", *_]:
                return self._users()
            case ["system", "uptime"]:
                now = f"{database.now():%Y-%m-%d %H:%M:%S} UTC"
                return f"Current time: {now}\nTime Source:  NTP CLOCK\nLast configured: {now} by root\n"
            case ["version"]:
                return show.version(system.router)
            case ["cli", "authorization"]:
                return show.authorization(self.username, system.permissions)
            case _:
                raise SettingError("word", min(2, len(what)))

    def _users(self) -> str:
        text = " 1:00AM  up 20 days,  2:11, 1 users, load averages: 0.10, 0.20, 0.10\n"
        text += "USER     TTY      FROM                              LOGIN@  IDLE WHAT\n"
        for seat in self.system.seats:
            text += f"{seat.username:<9}{seat.terminal:<9}{seat.peer:<34}12:01AM     - -cli (cli)\n"
        return text

    def _shown(self, candidate: Candidate, place: Path, pipes: list[str], offset: int) -> str:
        """Raises SettingError for a place that the grammar does not have."""
        try:
            known(GRAMMAR, place)
        except SettingError as error:
            raise SettingError(error.said, error.at + offset) from error
        if any(pipe.startswith("display inheritance") for pipe in pipes):
            candidate = Candidate(effective(candidate.tree, frozenset()), candidate.inactive)
        if "display set" in pipes:
            return show.as_set(candidate, place)
        return show.as_braces(candidate.tree.under(place), rule_at(GRAMMAR, place))

    # --- into configuration mode and out of it -----------------------------------------------

    def _enter(self, mode: str) -> str:
        database = self.system.database
        editing = "".join(seat.line for seat in self.system.seats if seat.mode and seat is not self)
        if database.lock is not None and mode != "shared":
            assert isinstance(database.lock, JunosSeat)
            return f"error: configuration database locked by:\n{database.lock.line}"
        others = f"Users currently editing the configuration:\n{editing}" if editing else ""
        if database.modified and mode == "exclusive":
            return f"{others}error: configuration database modified\n"
        if database.modified and mode == "private":
            return f"{others}error: shared configuration database modified\n"
        self.mode, self.level, self.since = mode, (), database.now()
        said = "" if mode == "shared" else "warning: uncommitted changes will be discarded on exit\n"
        said += "Entering configuration mode\n"
        if mode == "exclusive":
            database.lock = self
        elif mode == "private":
            self.own = database.active_copy()
        return said + others + ("The configuration has been changed but not committed\n" if database.modified else "")

    @property
    def line(self) -> str:
        """How others see it."""
        since = f"{self.since:%Y-%m-%d %H:%M:%S} UTC"
        head = f"  {self.username} terminal {self.terminal} (pid {self.pid}) on since {since}, idle 00:00:44\n"
        return f"{head}      {'exclusive ' if self.mode == 'exclusive' else ''}[edit]\n"

    def _leave(self) -> str:
        database, mode = self.system.database, self.mode
        if mode == "exclusive":
            database.lock = None
            database.candidate = database.active_copy()
        self.mode, self.own, self.level = "", None, ()
        return "Exiting configuration mode\n"

    def _exit(self) -> str:
        modified = self.candidate != self.system.database.active_copy()
        if not modified:
            return self._leave()
        said = "The configuration has been changed but not committed\n"
        if self.mode == "shared":
            self.asks = ("Exit with uncommitted changes? [yes,no] (yes) ", self._leave)
            return said
        self.asks = (
            "Discard uncommitted changes? [yes,no] (yes) ",
            lambda: f"warning: discarding uncommitted changes\nload complete\n{self._leave()}",
        )
        return f"{said}warning: Auto rollback on exiting 'configure {self.mode}'\n"

    # --- configuration mode ------------------------------------------------------------------

    @property
    def candidate(self) -> Candidate:
        return self.own if self.own is not None else self.system.database.candidate

    def _configuration(self, words: list[str], pipes: list[str]) -> str:  # noqa: PLR0911 - a table
        match words:
            case ["set" | "delete" | "activate" | "deactivate", *path]:
                return self._alter(words[0], path)
            case ["show", *place]:
                return self._show_candidate((*self.level, *place), pipes)
            case ["commit", *options]:
                return self._commit(options)
            case ["rollback", *number]:
                return self._rollback(number)
            case ["run", *command]:
                return self._operational(command, pipes)
            case ["edit", *path] if path:
                known(GRAMMAR, (*self.level, *path))
                self.level = (*self.level, *path)
                return ""
            case ["top"]:
                self.level = ()
                return ""
            case ["up"]:
                self.level = self.level[:-1]
                return ""
            case ["exit"] if self.level:
                self.level = ()
                return ""
            case ["exit" | "quit"] | ["exit" | "quit", "configuration-mode"]:
                return self._exit()
            case _:
                raise SettingError("word", 0)

    def _alter(self, verb: str, words: list[str]) -> str:
        lock = self.system.database.lock
        if lock is not None and lock is not self and self.mode == "shared":
            return "error: configuration database locked by another user\n"
        if self.system.rejects():
            return "error: configuration database size limit exceeded\n"
        path, offset = (*self.level, *words), 1 - len(self.level)
        try:
            if verb == "set":
                self.candidate.set(settings_of(GRAMMAR, path, several=True))
                return ""
            deletable(path)
        except SettingError as error:
            raise SettingError(error.said, error.at + offset) from error
        if verb == "delete":
            return "" if self.candidate.delete(path) else "warning: statement not found\n"
        if not self.candidate.tree.has(path):
            return "warning: statement not found\n"
        inactive = self.candidate.inactive
        self.candidate.inactive = inactive | {path} if verb == "deactivate" else inactive - {path}
        return ""

    def _show_candidate(self, place: Path, pipes: list[str]) -> str:
        compare = next((pipe for pipe in pipes if pipe.startswith("compare")), None)
        if compare is None:
            return self._shown(self.candidate, place, pipes, 1 - len(self.level))
        active = self.system.database.active.tree
        return "".join(f"{sign}  {' '.join(path)};\n" for sign, path in differences(active, self.candidate.tree))

    def _commit(self, options: list[str]) -> str:
        database, minutes, comment, quits = self.system.database, 0, "", False
        rest = list(options)
        if rest == ["check"]:
            database.check(self.candidate)
            return "configuration check succeeds\n"
        while rest:
            match rest:
                case ["confirmed", number, *rest] if number.isdigit() and 1 <= int(number) <= _LONGEST_TRIAL_MIN:
                    minutes = int(number)
                case ["confirmed", *rest]:
                    minutes = 10
                case ["comment", comment, *rest]:
                    pass
                case ["and-quit", *rest]:
                    quits = True
                case _:
                    raise SettingError("word", 1 + len(options) - len(rest))
        if database.lock is not None and database.lock is not self:
            raise CommitError("error: configuration database locked by another user\n")
        if minutes and self.mode == "private":
            raise CommitError("error: commit confirmed is not supported in private mode\n")
        database.commit(self.candidate, self.username, comment=comment, minutes=minutes)
        if self.own is not None:
            self.own = database.active_copy()
        said = f"commit confirmed will be automatically rolled back in {minutes} minutes unless confirmed\n"
        return (said if minutes else "") + "commit complete\n" + (self._leave() if quits else "")

    def _rollback(self, number: list[str]) -> str:
        index = int(number[0]) if number and number[0].isdigit() else 0
        if index >= len(self.system.database.history):
            return f"error: rollback {index} not found\n"
        commit = self.system.database.history[index]
        self.candidate.tree, self.candidate.inactive = commit.tree.copy(), commit.inactive
        return "load complete\n"


def _piped(said: str, pipes: list[str]) -> str:
    """`match` keeps the lines that hold a text; what else there is was done before or changes nothing."""
    for pipe in pipes:
        verb, _, text = pipe.partition(" ")
        if verb == "match":
            wanted = re.compile(text.strip('"'))
            said = "".join(line for line in said.splitlines(keepends=True) if wanted.search(line))
        elif verb not in ("display", "compare", "no-more"):
            return f"error: unknown pipe command: {verb}\n"
    return said
