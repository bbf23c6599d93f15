"""Platform profiles: collectors/<platform>.yaml -> Profile.

A profile says how a router is recognised, which objects of its interface table are read, how each
is decoded, and what the platform's agent is bad at. The format is docs/collectors.md.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from netmon.core.model import Column
from netmon.routers.mib import DECODERS, OBJECTS, Decoder, Kind
from netmon.settings import DurationNs, Name, Settings
from netmon.snmp.oid import Oid, parse_oid

GENERIC: Final = "generic-if-mib"
"""The profile that answers for every router no other profile recognises."""
_LARGEST_FILE: Final = 262_144
_DEEPEST: Final = 20
_LONGEST_SYS_DESCR: Final = 255  # RFC 3418: SnmpAdminString (SIZE (0..255))

TEXT_COLUMNS: Final = ("alias", "mac")
NUMBER_COLUMNS: Final = ("type", *(column.value for column in Column))
OCTETS: Final = (Column.IN_OCTETS, Column.OUT_OCTETS)


class ProfileError(ValueError):
    """Profiles that cannot be used; one line per fault: `FILE:LINE:COLUMN: path: what is wrong; what to do`."""


def _oid(value: Any) -> Any:
    return parse_oid(value if isinstance(value, str) else repr(value))


def _object(value: Any) -> Any:
    if isinstance(value, str) and value in OBJECTS:
        return OBJECTS[value]
    if isinstance(value, str) and value[:1].isalpha():
        near = difflib.get_close_matches(value, OBJECTS, n=1)
        hint = f"did you mean {near[0]}?" if near else "write its numeric object identifier"
        raise ValueError(f"{value} is not a MIB object netmon knows; {hint}")
    return _oid(value)


def _decoder(value: Any) -> Any:
    if isinstance(value, str) and value in DECODERS:
        return DECODERS[value]
    raise ValueError(f"{value!r} is not a decoder; use one of {', '.join(DECODERS)}")


class Source(Settings):
    """One object a column can be read from."""

    object: Annotated[Oid, BeforeValidator(_object)]
    """Column of a table indexed by ifIndex."""
    decoder: Annotated[Decoder, BeforeValidator(_decoder)]


class Recognition(Settings):
    """One way a platform shows itself; everything given must hold."""

    sys_object_id: Annotated[Oid, BeforeValidator(_oid)] | None = None
    """Prefix of sysObjectID.0."""
    sys_descr: str | None = Field(default=None, min_length=1)
    """Part of sysDescr.0, upper and lower case told apart."""
    sys_descr_regex: str | None = Field(default=None, min_length=1)
    """Python regular expression searched in sysDescr.0."""

    @field_validator("sys_descr_regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}; escape special characters with \\") from None
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Recognition:
        if self.sys_object_id is None and self.sys_descr is None and self.sys_descr_regex is None:
            raise ValueError("an empty rule; give sys_object_id, sys_descr or sys_descr_regex")
        return self

    def specificity(self, sys_object_id: Oid, sys_descr: str) -> tuple[int, int] | None:
        """(length of the OID prefix, length of the description rules); None: does not hold."""
        prefix = self.sys_object_id or ()
        if sys_object_id[: len(prefix)] != prefix or (self.sys_descr or "") not in sys_descr:
            return None
        if self.sys_descr_regex is not None and not re.search(self.sys_descr_regex, sys_descr):
            return None
        return len(prefix), len(self.sys_descr or "") + len(self.sys_descr_regex or "")


class Quirks(Settings):
    """What the platform's agent needs to be spared, or cannot do."""

    max_repetitions: int = Field(default=25, ge=1, le=200)
    """Rows a GETBULK asks for (RFC 3416, section 4.2.3)."""
    max_varbinds: int = Field(default=60, ge=16, le=400)
    """Values a GET asks for; 60 keep the answer within one Ethernet frame."""
    counter_refresh: DurationNs | None = None
    """The agent computes its counters no oftener than this; None: at every request."""
    alias_empty: bool = False
    """ifAlias holds nothing on this platform: not read, and no contract can be checked against it."""


class _ProfileFile(Settings):
    """A collectors/*.yaml as written."""

    description: str = Field(min_length=1)
    recognise: tuple[Recognition, ...] = ()
    interfaces: dict[str, tuple[Source, ...]] = Field(default_factory=dict)
    """Columns left out are read as in generic-if-mib.yaml."""
    device: tuple[Annotated[Oid, BeforeValidator(_object)], ...] | None = None
    quirks: Quirks = Quirks()
    enforcement: Name | None = None

    @field_validator("interfaces")
    @classmethod
    def _columns(cls, value: dict[str, tuple[Source, ...]]) -> dict[str, tuple[Source, ...]]:
        for name, sources in value.items():
            if name not in TEXT_COLUMNS and name not in NUMBER_COLUMNS:
                near = difflib.get_close_matches(name, (*TEXT_COLUMNS, *NUMBER_COLUMNS), n=1)
                hint = f"did you mean {near[0]}?" if near else f"use {', '.join((*TEXT_COLUMNS, *NUMBER_COLUMNS))}"
                raise ValueError(f"no column is called {name}; {hint}")
            if not sources:
                raise ValueError(f"column {name} has no object; name one, or leave the column out")
            _check_decoders(name, sources)
        return value


def _check_decoders(name: str, sources: tuple[Source, ...]) -> None:
    wanted = Kind.TEXT if name in TEXT_COLUMNS else Kind.COUNTER if name in OCTETS else Kind.NUMBER
    for source in sources:
        if source.decoder.kind is not wanted:
            fitting = ", ".join(d.name for d in DECODERS.values() if d.kind is wanted)
            raise ValueError(f"column {name} cannot be decoded by {source.decoder.name}; use {fitting}")


class Profile(Settings):
    """How one router platform is recognised, read and limited."""

    platform: Name
    description: str
    recognise: tuple[Recognition, ...]
    interfaces: Mapping[str, tuple[Source, ...]]
    """Column -> objects it can be read from, best first: every text and number column is there."""
    device: tuple[Oid, ...]
    """Objects that tell one device from another, best first."""
    quirks: Quirks
    enforcement: str | None
    """Enforcement dialect; None: limits cannot be set on this platform."""

    @field_validator("interfaces")
    @classmethod
    def _read_only(cls, value: Mapping[str, tuple[Source, ...]]) -> Mapping[str, tuple[Source, ...]]:
        return MappingProxyType(dict(value))


class Profiles:
    """Every platform that is known; values of load_profiles."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = dict(sorted(profiles.items()))
        self._generic = self._profiles[GENERIC]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._profiles)

    def named(self, name: str) -> Profile:
        """The profile of this platform. Raises ProfileError."""
        try:
            return self._profiles[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._profiles, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(self._profiles)}"
            raise ProfileError(f"no platform is called {name}; {hint}") from None

    def recognise(self, sys_object_id: Oid | None, sys_descr: str | None) -> Profile:
        """The profile with the most specific rule that holds; generic-if-mib where none does."""
        best: tuple[tuple[int, int], Profile] | None = None
        for profile in self._profiles.values():
            for rule in profile.recognise:
                held = rule.specificity(sys_object_id or (), (sys_descr or "")[:_LONGEST_SYS_DESCR])
                if held is not None and (best is None or held > best[0]):
                    best = held, profile
        return best[1] if best else self._generic


def load_profiles(directories: Sequence[Path]) -> Profiles:
    """Reads every *.yaml of the directories; a platform of an earlier directory wins over a later one's.

    A directory that does not exist holds nothing. Raises ProfileError with every fault of every file.
    """
    paths: dict[str, Path] = {}
    for directory in reversed(directories):
        paths.update({path.stem: path for path in sorted(directory.glob("*.yaml"))})
    faults: list[str] = []
    files: dict[str, _ProfileFile] = {}
    for platform, path in sorted(paths.items()):
        try:
            files[platform] = _read(path)
        except ProfileError as error:
            faults.append(str(error))
    if faults:
        raise ProfileError("\n".join(faults))
    if GENERIC not in files:
        searched = ", ".join(str(directory) for directory in directories) or "nowhere"
        raise ProfileError(f"{GENERIC}.yaml is missing (searched {searched}); add the bundled collectors folder")
    generic = files[GENERIC]
    _check_complete(generic, paths[GENERIC])
    return Profiles({name: _profile(name, file, generic) for name, file in files.items()})


def _profile(platform: str, file: _ProfileFile, generic: _ProfileFile) -> Profile:
    return Profile(
        platform=platform,
        description=file.description,
        recognise=file.recognise,
        interfaces={**generic.interfaces, **file.interfaces},
        device=file.device if file.device is not None else generic.device or (),
        quirks=file.quirks,
        enforcement=file.enforcement,
    )


def _check_complete(generic: _ProfileFile, path: Path) -> None:
    absent = [name for name in (*TEXT_COLUMNS, *NUMBER_COLUMNS) if name not in generic.interfaces]
    if absent:
        raise ProfileError(f"{path}:1:1: interfaces: {', '.join(absent)} missing; every other profile builds on it")


class _Loader(yaml.CSafeLoader):
    """Refuses a key written twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is written twice; remove one", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> _ProfileFile:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ProfileError(f"{path}:1:1: larger than {_LARGEST_FILE} bytes; a profile is a page")
        text = path.read_text(encoding="utf-8")
        if re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?", path.stem) is None:
            raise ProfileError(f"{path}:1:1: the file's name is the platform's; use lower-case, digits and dashes")
        _check_depth(path, text)
        document = yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise ProfileError(f"{path}:1:1: cannot be read: {error.strerror}; check its permissions") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}:1:1: not UTF-8 text; save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise ProfileError(f"{path}:{place}: {error.problem}; correct the YAML") from error
    except yaml.YAMLError as error:
        raise ProfileError(f"{path}:1:1: not YAML: {error}; correct it") from error
    if not isinstance(document, dict):
        raise ProfileError(f"{path}:1:1: holds no keys; begin with `description:`, see docs/collectors.md")
    try:
        return _ProfileFile.model_validate(document)
    except ValidationError as error:
        root = yaml.compose(text, yaml.CSafeLoader)
        faults = sorted(_fault(root, detail) for detail in error.errors())
        raise ProfileError("\n".join(f"{path}:{line}:{at}: {text}" for line, at, text in faults)) from None


def _check_depth(path: Path, text: str) -> None:
    """PyYAML's C composer recurses without a bound and would take the process along; its parser does not."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            place = f"{event.start_mark.line + 1}:{event.start_mark.column + 1}" if event.start_mark else "1:1"
            raise ProfileError(f"{path}:{place}: nested deeper than {_DEEPEST} levels; a profile needs four")


def _fault(root: yaml.Node | None, detail: ErrorDetails) -> tuple[int, int, str]:
    """Line, column and sentence for one pydantic error, placed at the deepest node of its location that was written."""
    node, mark = root, root.start_mark if root else None
    for part in detail["loc"]:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if entry is None:
                break
            mark, node = entry[0].start_mark, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    where = ".".join(str(part) for part in detail["loc"]) or "profile"
    return (mark.line + 1 if mark else 1), (mark.column + 1 if mark else 1), f"{where}: {_sentence(detail)}"


def _sentence(detail: ErrorDetails) -> str:
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(detail["loc"][-1]), _KEYS, n=1)
        return f"unknown key; {f'did you mean {near[0]}?' if near else 'remove it, see docs/collectors.md'}"
    if kind == "missing":
        return "missing; add it"
    return message if ";" in message else f"{message}; see docs/collectors.md"


_KEYS: Final = tuple(key for model in (_ProfileFile, Recognition, Source, Quirks) for key in model.model_fields)
