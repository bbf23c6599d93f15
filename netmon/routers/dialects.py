"""Dialects: how a platform is told a limit, as data in policies/enforcement/<platform>/.

A dialect is `dialect.yaml` and one Jinja2 template per verb; every line a template renders is one
command. Values reach a template only as integers or whole-line printable ASCII, and names are
derived from the circuit's immutable id alone, so nothing an agency is called can become a command.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from netmon.core.model import Direction, Faces, leaves
from netmon.routers.quoting import QUOTINGS, UnsafeValueError, printable
from netmon.routers.terminal import Terminal, compiled
from netmon.settings import Settings

if TYPE_CHECKING:
    from jinja2 import Template

ARM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
DIALECT_FILE = "dialect.yaml"


class DialectError(Exception):
    """A dialect's data is wrong; a line for each mistake, with file, line and remedy."""


class Verb(StrEnum):
    """What a router can be told; each is one template file, `<verb>.j2`. See docs/enforcement.md."""

    IDENTITY = "identity"
    MANAGEMENT = "management"
    OWNER = "owner"
    OTHERS = "others"
    READ = "read"
    FOREIGN = "foreign"
    BEGIN = "begin"
    ARM = "arm"
    SET = "set"
    REMOVE = "remove"
    OWN = "own"
    EXPIRE = "expire"
    UNEXPIRE = "unexpire"
    END = "end"
    ABANDON = "abandon"
    UNDO_STATE = "undo_state"
    CONFIRM = "confirm"
    UNDO = "undo"
    FORGET = "forget"
    SAVE = "save"
    EXPIRY = "expiry"
    OURS = "ours"
    WIPE = "wipe"
    SET_ASIDE = "set_aside"
    PUT_BACK = "put_back"
    SURVEY = "survey"
    READ_SHARED = "read_shared"
    SET_SHARED = "set_shared"
    REMOVE_SHARED = "remove_shared"


OF_HIERARCHIES = frozenset({Verb.READ_SHARED, Verb.SET_SHARED, Verb.REMOVE_SHARED})
"""Needed only where the platform has a hierarchy."""
OF_ADOPTION = frozenset({Verb.SET_ASIDE, Verb.PUT_BACK})
"""A platform without them cannot set somebody else's shapers aside."""


class Way(StrEnum):
    """A direction as the port sees it."""

    INGRESS = "ingress"
    """Packets the router receives on the port."""
    EGRESS = "egress"
    """Packets the router sends out of the port."""


def way_of(direction: Direction, faces: Faces) -> Way:
    """The agency's direction as packets cross the port."""
    return Way.EGRESS if leaves(direction, faces) else Way.INGRESS


class Rate(Settings):
    """How the platform holds a rate."""

    unit_bps: int = Field(ge=1, le=1_000_000)
    rounding: Literal["down", "nearest", "up"]
    tolerance_permille: int = Field(ge=0, le=100)

    def on_device(self, bps: int) -> int:
        """The nearest rate the platform can hold, bit/s; never less than one unit."""
        add = {"down": 0, "nearest": self.unit_bps // 2, "up": self.unit_bps - 1}[self.rounding]
        return max(self.unit_bps, (bps + add) // self.unit_bps * self.unit_bps)

    def same(self, asked_bps: int, read_bps: int) -> bool:
        """Whether what was read is what was asked, within rounding and tolerance."""
        asked = self.on_device(asked_bps)
        return abs(read_bps - asked) <= max(asked * self.tolerance_permille // 1000, self.unit_bps - 1)


class Scaled(Settings):
    """A number of bytes that grows with the rate."""

    milliseconds: int = Field(ge=1, le=10_000)
    least_bytes: int = Field(ge=1)
    most_bytes: int = Field(ge=1)

    def at(self, bps: int) -> int:
        """Bytes that pass in `milliseconds` at `bps`, within the bounds."""
        return min(self.most_bytes, max(self.least_bytes, bps * self.milliseconds // 8000))


APPLYING_S = 20
"""How long a change may take until a timer of some length is started."""


class RevertKind(StrEnum):
    """How a router undoes an unconfirmed change by itself."""

    JOB = "job"
    """A job of the router's runs the lines that put the old state back."""
    TIMER = "timer"
    """A timer of the router's, started before anything is applied, restores its whole configuration."""
    COMMIT = "commit"
    """The change is committed on trial, and rolled back unless it is confirmed."""
    NONE = "none"
    """It cannot."""


class Revert(Settings):
    """The router's own undo, and how its timer counts."""

    kind: RevertKind
    unit_s: int = Field(default=1, ge=1, le=3600)
    least_s: int = Field(default=1, ge=1)
    most_s: int = Field(default=86_400, ge=1)

    @model_validator(mode="after")
    def _some_unit_fits(self) -> Revert:
        if self.most_s < self.unit_s or self.most_s < self.least_s:
            raise ValueError("most_s is less than the shortest timer; correct unit_s, least_s or most_s")
        return self

    def lasts_s(self, seconds: int) -> int:
        """Within how long of now an undo asked for after `seconds` has fired, whenever it is armed until then.

        A timer that counts in minutes is set to whole ones: a deadline of this length always holds one. Where the
        shortest timer is long, APPLYING_S may pass before it is started.
        """
        slack = 0 if self.least_s <= APPLYING_S else max(0, APPLYING_S - self.unit_s + 1)
        units = -(-max(seconds, self.least_s + slack) // self.unit_s)
        return units * self.unit_s + self.unit_s - 1

    def fits(self, left_s: int) -> int | None:
        """The longest timer, in seconds, that fires within `left_s`; None: even the shortest fires later."""
        whole = min(left_s, self.most_s) // self.unit_s * self.unit_s
        return whole if whole >= max(self.least_s, self.unit_s) else None


class DialectSettings(Terminal):
    """`dialect.yaml`; see docs/enforcement.md."""

    description: str
    readback: str
    """The Python parsers of what the verbs print; one of netmon.routers.readbacks.READBACKS."""
    quoting: str
    """One of netmon.routers.quoting.QUOTINGS."""
    rate: Rate
    burst: Scaled | None = None
    queue: Scaled | None = None
    revert: Revert
    """How the router undoes an unconfirmed change by itself."""
    expiry: bool
    """Whether the router can end a limit by itself, should netmon never come back."""
    hierarchy: Literal["htb", "queue_tree"] | None = None
    """The Python parsers of ports that several circuits share; None: the platform has no hierarchy of its own."""
    unknown: str | None = None
    """Regular expression of a refusal that only says that this release has no such command: a line of `others` that is
    refused so is passed over; None: any refusal of such a line tells who is there."""

    @model_validator(mode="after")
    def _tells_the_end(self) -> DialectSettings:
        """What alters a router must know when an answer is over, without waiting for more."""
        if self.completion is None and not self.double_prompt:
            raise ValueError("a command's end cannot be told; give completion and completed, or double_prompt: true")
        return self

    @field_validator("unknown")
    @classmethod
    def _compiles_too(cls, value: str | None) -> str | None:
        return None if value is None else compiled(value).pattern

    @field_validator("quoting")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in QUOTINGS:
            raise ValueError(f"{value!r} is not a way to quote; write one of {', '.join(QUOTINGS)}")
        return value

    @field_validator("readback")
    @classmethod
    def _written(cls, value: str) -> str:
        from netmon.routers.readbacks import READBACKS

        if value not in READBACKS:
            raise ValueError(f"no parsers are called {value!r}; write one of {', '.join(READBACKS)}")
        return value


@dataclass(frozen=True, slots=True)
class Names:
    """What a circuit's objects are called on a router; from its immutable id only."""

    object: str
    """NM-<hash>-<SLUG>, at most 32 characters."""
    device: str
    """Linux interface name, at most 15 characters."""
    minor: str
    """Hexadecimal tc class minor, 1 to fffe."""

    @classmethod
    def of(cls, circuit: str) -> Names:
        """Raises UnsafeValueError for an empty or unprintable id."""
        printable(circuit, "circuit id")
        digest = hashlib.sha256(circuit.encode("ascii")).hexdigest()
        slug = re.sub(r"[^A-Z0-9]+", "-", circuit.upper())[:20].strip("-") or "CIRCUIT"
        return cls(
            object=f"NM-{digest[:8].upper()}-{slug}",
            device=f"nm{digest[:8]}",
            minor=f"{int(digest[:4], 16) % 0xFFFE + 1:x}",
        )


def class_object(minor: int) -> str:
    """What a circuit's class is called in a list of all there is: tc keeps its number only."""
    return f"NM-0000{minor:04X}-CLASS"


def objects_of(circuit: str, interface: str) -> frozenset[str]:
    """All that a circuit limited at that port may be listed as, whatever the platform."""
    names = Names.of(circuit)
    return frozenset({names.object, class_object(int(names.minor, 16)), Names.of(f"port {interface}").object})


def is_circuits(name: str, circuit: str) -> bool:
    """Whether an object is that circuit's own. Some platforms cut its name short; the hash tells it."""
    names = Names.of(circuit)
    return name[:11] in {names.object[:11], class_object(int(names.minor, 16))[:11]}


class Dialect:
    """A platform's settings and verbs, ready to render."""

    def __init__(self, platform: str, settings: DialectSettings, verbs: Mapping[Verb, Template]) -> None:
        self.platform = platform
        self.settings = settings
        self._verbs = verbs

    @property
    def adopts(self) -> bool:
        """Whether somebody else's shapers can be set aside and put back."""
        return self._verbs.keys() >= OF_ADOPTION

    def commands(self, verb: Verb, values: Mapping[str, object]) -> tuple[str, ...]:
        """The verb's commands in order; empty where the platform needs none.

        Raises DialectError if the template fails, UnsafeValueError if a value or a rendered line is unsafe.
        """
        from jinja2 import TemplateError

        for name, value in values.items():
            _check(name, value)
        if verb in OF_ADOPTION and not self.adopts:
            raise DialectError(f"netmon cannot set anything aside on {self.platform}; take it off by hand")
        if verb not in self._verbs:
            raise DialectError(f"{self.platform} has no hierarchy of its own; limit each circuit at a port of its own")
        template = self._verbs[verb]
        try:
            text = template.render({**values, "expiry": self.settings.expiry})
        except TemplateError as error:
            raise DialectError(f"{template.filename}: {error}; correct the template") from error
        return tuple(printable(line, "command") for line in text.split("\n") if line.strip())

    def values_for(self, way: Way, bps: int | None) -> dict[str, object]:
        """The rate as `set` needs it: bps on the device, burst_bytes and queue_bytes; 0 without a limit."""
        settings = self.settings
        rate = 0 if bps is None else settings.rate.on_device(bps)
        return {
            "way": way.value,
            "bps": rate,
            "burst_bytes": settings.burst.at(rate) if settings.burst else 0,
            "queue_bytes": settings.queue.at(rate) if settings.queue else 0,
        }


def _check(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str | tuple):
        raise UnsafeValueError(f"{name} is neither a number nor text")
    if isinstance(value, tuple):
        for item in value:
            _check(name, item)
    elif isinstance(value, str):
        printable(value, name)


def load_dialect(platform: str, folders: Sequence[Path]) -> Dialect:
    """The platform's dialect; each file is taken from the first of `folders` that has it.

    `folders` hold `<platform>/`, the configuration's before the bundled. Raises DialectError.
    """
    settings = load_settings(platform, folders)
    from jinja2 import Environment, StrictUndefined, TemplateSyntaxError

    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    environment.filters["q"] = QUOTINGS[settings.quoting]
    verbs = {}
    for verb in Verb:
        if settings.hierarchy is None and verb in OF_HIERARCHIES:
            continue
        if verb in OF_ADOPTION and not any((one / platform / f"{verb.value}.j2").is_file() for one in folders):
            continue
        file = _find(platform, f"{verb.value}.j2", folders)
        try:
            code = environment.compile(_text(file), name=file.name, filename=str(file))
        except TemplateSyntaxError as error:
            raise DialectError(f"{file}:{error.lineno}: {error.message}; correct the template") from error
        verbs[verb] = environment.template_class.from_code(environment, code, environment.make_globals({}))
    return Dialect(platform, settings, verbs)


def load_settings(platform: str, folders: Sequence[Path]) -> DialectSettings:
    """The platform's dialect.yaml alone, with no template compiled. Raises DialectError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", platform):
        raise DialectError(f"{platform!r} is not a platform's name; use the name of a folder of policies/enforcement")
    return _settings(_find(platform, DIALECT_FILE, folders))


def _find(platform: str, name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (path := folder / platform / name).is_file():
            return path
    places = " or ".join(str(folder / platform) for folder in folders)
    raise DialectError(f"{places}: {name} is missing; add it or correct the router's platform")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DialectError(f"{path}: cannot be read: {error}; check its owner and encoding") from error


def _settings(path: Path) -> DialectSettings:
    text = _text(path)
    try:
        data = yaml.load(text, Loader=yaml.CSafeLoader)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DialectError(f"{path}:{line}: {error.problem}; correct the YAML") from error
    except yaml.YAMLError as error:
        raise DialectError(f"{path}:1: {error}; correct the YAML") from error
    try:
        return DialectSettings.model_validate(data)
    except ValidationError as error:
        raise DialectError(
            "\n".join(
                f"{path}:{_line(node, e['loc'])}: {'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']};"
                " see docs/enforcement.md"
                for e in error.errors()
            )
        ) from error


def _line(node: Any, loc: Sequence[int | str]) -> int:
    line = 1 if node is None else node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return int(line)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return int(line)
