"""A platform of a few words with every kind of undo, for tests of the guarded change alone.

It has a candidate where it commits, a timer where it has one, and configuration mode either way; its answers are in
the form that netmon reads from RouterOS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from netmon.routers.dialects import Dialect, RevertKind, Verb, load_dialect
from netmon.routers.session import CommandRejectedError, SessionLostError

SETTINGS = """\
description: toy
device_type: linux
readback: simple_queue
quoting: shell
prompt: '# \\Z'
completion: '; rc {n}'
completed: 'rc{n}=(\\d)$'
errors: ['^Error']
rate: {unit_bps: 1, rounding: down, tolerance_permille: 0}
"""
LIMITS = "ingress={{ ingress_bps }} egress={{ egress_bps }}"
TEMPLATES = {
    Verb.IDENTITY: "identity {{ interface | q }}",
    Verb.MANAGEMENT: "management\nnothing\nnothing\nnothing",
    Verb.OWNER: "owner",
    Verb.OTHERS: "others",
    Verb.READ: "read {{ object }}",
    Verb.FOREIGN: "foreign\nnothing\nnothing\nnothing",
    Verb.BEGIN: "begin",
    Verb.ARM: "arm {{ arm }} {{ seconds }} {{ units }}",
    Verb.SET: f"prepare {{{{ way }}}}\nset {LIMITS}",
    Verb.REMOVE: f"set {LIMITS}",
    Verb.OWN: "own netmon:{{ owner }}:{{ revision }}",
    Verb.EXPIRE: "expire {{ way }} {{ seconds }} {{ token }}",
    Verb.UNEXPIRE: "unexpire {{ way }}",
    Verb.END: "end {{ guarded }} {{ seconds }} {{ units }}",
    Verb.ABANDON: "abandon",
    Verb.UNDO_STATE: "undo_state {{ arm }}",
    Verb.CONFIRM: "confirm {{ arm }}",
    Verb.UNDO: "undo {{ arm }}",
    Verb.FORGET: "forget {{ arm }}",
    Verb.SAVE: "save",
    Verb.EXPIRY: "expiry {{ way }}",
    Verb.OURS: "ours",
    Verb.WIPE: "wipe {{ object }} {{ interface }} {{ way }}",
    Verb.SURVEY: "version\nunheard-of",
}


def toy_dialect(folder: Path, kind: RevertKind, expiry: bool = True, unit_s: int = 1) -> Dialect:
    """The dialect, written below `folder`."""
    place = folder / "toy"
    place.mkdir(exist_ok=True)
    revert = f"revert: {{kind: {kind}, unit_s: {unit_s}}}\nexpiry: {str(expiry).lower()}\n"
    (place / "dialect.yaml").write_text(SETTINGS + revert)
    for verb in Verb:
        if verb in TEMPLATES:
            (place / f"{verb}.j2").write_text(TEMPLATES[verb] + "\n")
    return load_dialect("toy", [folder])


@dataclass
class Config:
    """What is in force, or in the candidate."""

    ingress: int = 0
    egress: int = 0
    marker: str = ""
    ends: dict[str, tuple[int, str]] = field(default_factory=dict)
    """way -> (seconds, token)."""
    prepared: set[str] = field(default_factory=set)

    def copy(self) -> Config:
        return Config(self.ingress, self.egress, self.marker, dict(self.ends), set(self.prepared))


@dataclass
class ToyRouter:
    kind: RevertKind
    name: str = "NM-C6D9C9A7-DINKES-MAIN"
    running: Config = field(default_factory=Config)
    saved: Config = field(default_factory=Config)
    others: bool = False
    keeps_ends: bool = True
    commands: list[str] = field(default_factory=list)
    refuse: str | None = None
    """A command that begins so is refused, once."""
    lose_at: int | None = None
    """Ordinal of the command whose answer never comes, having taken effect."""
    before: Callable[[str], None] = lambda command: None
    username: str = "netmon"
    _candidate: Config | None = None
    _revert_to: Config | None = None
    armed_for_s: int = 0

    def run(self, command: str) -> str:
        ordinal = len(self.commands)
        self.commands.append(command)
        self.before(command)
        if self.lose_at is not None and ordinal > self.lose_at:
            raise SessionLostError("the link dropped")
        if self.refuse is not None and command.startswith(self.refuse):
            self.refuse = None
            raise CommandRejectedError("Error: refused")
        said = self._do(command.split())
        if ordinal == self.lose_at:
            self._candidate = None  # as its session ends
            raise SessionLostError("the link dropped")
        return said

    def transcript(self) -> str:
        return "\n".join(self.commands)

    def close(self) -> None:
        """Nothing is open."""

    def fire(self) -> None:
        """The undo's time comes."""
        if self._revert_to is not None:
            self.running, self._revert_to = self._revert_to, None

    @property
    def armed(self) -> bool:
        return self._revert_to is not None

    @property
    def limits(self) -> tuple[int | None, int | None]:
        return self.running.ingress or None, self.running.egress or None

    def _do(self, words: list[str]) -> str:
        if words[0] in {"prepare", "set", "own", "expire", "unexpire", "wipe"}:
            if self._candidate is None:
                raise CommandRejectedError(f"Error: {words[0]} outside configuration mode")
            self._configure(self._candidate, words)
            return ""
        if words[0] in {"begin", "end", "abandon", "arm", "confirm", "undo", "save"}:
            return self._steer(words)
        return self._tell(words)

    def _configure(self, config: Config, words: list[str]) -> None:
        match words:
            case ["prepare", way]:
                config.prepared.add(way)
            case ["set", ingress, egress]:
                config.ingress, config.egress = (int(one.partition("=")[2]) for one in (ingress, egress))
            case ["own", marker]:
                config.marker = marker
            case ["expire", way, seconds, token] if self.keeps_ends:
                config.ends[way] = (int(seconds), token)
            case ["unexpire", way]:
                config.ends.pop(way, None)
            case ["wipe", *_]:
                config.ingress = config.egress = 0

    def _steer(self, words: list[str]) -> str:
        match words:
            case ["begin"]:
                self._candidate = self.running.copy() if self.kind is RevertKind.COMMIT else self.running
            case ["abandon"] if self._candidate is None:
                raise CommandRejectedError("Error: not in configuration mode")
            case ["abandon"]:
                self._candidate = None
            case ["end", guarded, seconds, _] if self._candidate is not None:
                if guarded == "1":
                    self._revert_to, self.armed_for_s = self.running, int(seconds)
                self.running, self._candidate = self._candidate, None
            case ["arm", _, seconds, _]:
                self._revert_to, self.armed_for_s = self.running.copy(), int(seconds)
            case ["confirm" | "undo", _] if not self.armed and self.kind is not RevertKind.NONE:
                raise CommandRejectedError("Error: nothing to confirm")
            case ["confirm", _]:
                self._revert_to = None
            case ["undo", _]:
                self.fire()
            case ["save"]:
                self.saved = self.running.copy()
        return ""

    def _tell(self, words: list[str]) -> str:  # noqa: PLR0911 - a table
        running = self.running
        match words:
            case ["identity", port]:
                return f"name={port}\nmac=\nalias="
            case ["management"]:
                return "session=192.0.2.9\nroute=0.0.0.0/0\nvia=mg0"
            case ["owner"]:
                return f"marker={running.marker}" if running.marker else ""
            case ["others"]:
                return f"unconfirmed={int(self.others)}"
            case ["read", name]:
                limit = f"max-limit={running.ingress}/{running.egress}\ndisabled=false\ncomment=netmon"
                return f"target=ag1\n{limit}" if name == self.name and any(self.limits) else ""
            case ["undo_state", _]:
                return f"armed={int(self.armed)}\nfired=0"
            case ["expiry", way]:
                return f"expiry={int(way in running.ends)}"
            case ["ours"]:
                limit = f"max-limit={running.ingress}/{running.egress}"
                foreign = "queue=boss\ntarget=ag2\nmax-limit=1/1\n"
                return f"{foreign}queue={self.name}\ntarget=ag1\n{limit}" if any(self.limits) else foreign
            case ["version"]:
                return "version=1.0"
            case ["unheard-of"]:
                raise CommandRejectedError("Error: unheard-of")
        return ""
