"""One collectors/*.yaml as written: read, checked, every fault with its line, column and remedy."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import BeforeValidatorFunctionSchema, CallableSchema

from netmon.core.measurement import Column
from netmon.routers.cli_profile import CliCollector
from netmon.routers.health_profile import COLUMN_TAG, TEXT_TAG, HealthKind, HealthSection, check_units
from netmon.routers.mib import DECODERS, Kind
from netmon.routers.optics_profile import OpticsSource
from netmon.routers.profile_fields import DecoderName, ObjectId, many
from netmon.routers.profile_place import Place, Placed, Written
from netmon.routers.recognition import Recognition
from netmon.routers.terminal import Terminal
from netmon.routers.topology_profile import TopologyProfile
from netmon.settings import DurationNs, Name, Settings

LARGEST_FILE: Final = 262_144
DEEPEST: Final = 20
_TAGS: Final = frozenset({COLUMN_TAG, TEXT_TAG})
"""Where one of two kinds may stand, pydantic says which it took it for."""
_REQUIRED: Final = ("description", "extends")
"""One of these."""
_NO_DESCRIPTION: Final = (1, 1, "description: missing; add it")

NAME: Final = "name"
"""The column by which interfaces are told apart."""
TEXT_COLUMNS: Final = (NAME, "alias", "mac")
NAME_DECODER: Final = "text"
NUMBER_COLUMNS: Final = ("type", *(column.value for column in Column))
OCTETS: Final = (Column.IN_OCTETS, Column.OUT_OCTETS)


class ProfileError(ValueError):
    """Profiles that cannot be used; one line per fault: `FILE:LINE:COLUMN: path: what is wrong; what to do`."""


class Source(Placed):
    """One object a column of the interface table can be read from."""

    object: ObjectId
    """Column of a table indexed by ifIndex."""
    decoder: DecoderName


class Quirks(Settings):
    """What the platform's agent needs to be spared, or cannot do."""

    max_repetitions: int = Field(default=25, ge=1, le=200)
    """Rows a GETBULK asks for (RFC 3416, section 4.2.3)."""
    max_varbinds: int = Field(default=100, ge=16, le=400)
    """Values a GET asks for; 60 keep the answer within one Ethernet frame."""
    counter_refresh: DurationNs | None = None
    """The agent computes its counters no oftener than this; None: at every request."""
    alias_empty: bool = False
    """ifAlias holds nothing on this platform: not read, and no contract can be checked against it."""
    counters_32_bit: bool = False
    """64-bit octet counters are absent or wrong on this platform: not read."""


class ProfileFile(Settings):
    """A collectors/*.yaml as written."""

    description: str | None = Field(default=None, min_length=1)
    """Required where nothing is extended."""
    extends: Name | None = None
    """What is not written here is as in that profile; None: as in generic-if-mib."""
    recognise: tuple[Recognition, ...] | None = None
    interfaces: dict[str, tuple[Source, ...]] = Field(default_factory=dict)
    device: tuple[ObjectId, ...] | None = None
    quirks: Quirks = Quirks()
    health: HealthSection = Field(default_factory=dict)
    health_expected: tuple[HealthKind, ...] | None = None
    """Kinds that are missing where nothing is found of them; the others are read where there are any."""
    optics: tuple[OpticsSource, ...] | None = None
    topology: TopologyProfile | None = None
    terminal: Terminal | None = None
    cli: tuple[CliCollector, ...] | None = None
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

    @field_validator("health")
    @classmethod
    def _units(cls, value: HealthSection) -> HealthSection:
        check_units(value)
        return value


class ProfileSchema(GenerateJsonSchema):
    """The JSON Schema of profiles as they are written: decoders by name, one where a list of one is meant."""

    def callable_schema(self, schema: CallableSchema) -> JsonSchemaValue:
        return {}

    def function_before_schema(self, schema: BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        made = super().function_before_schema(schema)
        if schema["function"]["function"] is many and "items" in made:
            return {"anyOf": [made["items"], made]}
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _check_decoders(name: str, sources: tuple[Source, ...]) -> None:
    if name == NAME and any(source.decoder.name != NAME_DECODER for source in sources):
        raise ValueError(f"column {name} is compared octet by octet; decode it by {NAME_DECODER}")
    wanted = Kind.TEXT if name in TEXT_COLUMNS else Kind.COUNTER if name in OCTETS else Kind.NUMBER
    for source in sources:
        if source.decoder.kind is not wanted:
            fitting = ", ".join(d.name for d in DECODERS.values() if d.kind is wanted)
            raise ValueError(f"column {name} cannot be decoded by {source.decoder.name}; use {fitting}")


def read_profile(path: Path) -> tuple[ProfileFile, Written]:
    """The profile and the mapping it was made from. Raises ProfileError with every fault."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ProfileError(f"{path}:1:1: larger than {LARGEST_FILE} bytes; a profile is a page")
        text = path.read_text(encoding="utf-8")
        if re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?", path.stem) is None:
            raise ProfileError(f"{path}:1:1: the file's name is the platform's; use lower-case, digits and dashes")
        _check_depth(path, text)
        document = _load(path, text)
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
    if not isinstance(document, Written):
        raise ProfileError(f"{path}:1:1: holds no keys; begin with `description:`, see docs/collectors.md")
    try:
        file = ProfileFile.model_validate(document)
    except ValidationError as error:
        root = yaml.compose(text, yaml.CSafeLoader)
        faults = {_fault(root, detail) for detail in error.errors()}
        if document.keys().isdisjoint(_REQUIRED):
            faults.add(_NO_DESCRIPTION)
        raise ProfileError("\n".join(f"{path}:{line}:{at}: {text}" for line, at, text in sorted(faults))) from None
    if document.keys().isdisjoint(_REQUIRED):
        line, at, said = _NO_DESCRIPTION
        raise ProfileError(f"{path}:{line}:{at}: {said}")
    return file, document


class _Loader(yaml.CSafeLoader):
    """Refuses a key written twice, of which YAML would silently keep the last; mappings know their place."""

    path: Path

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
        written = Written(self._place(node))
        written.update(super().construct_mapping(node, deep=True))
        written.keys_at = {key.value: self._place(key) for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
        return written

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.path, node.start_mark.line + 1, node.start_mark.column + 1)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_mapping)


def _load(path: Path, text: str) -> Any:
    loader = _Loader(text)
    loader.path = path
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _check_depth(path: Path, text: str) -> None:
    """PyYAML's C composer recurses without a bound and would take the process along; its parser does not."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            place = f"{event.start_mark.line + 1}:{event.start_mark.column + 1}" if event.start_mark else "1:1"
            raise ProfileError(f"{path}:{place}: a profile repeats nothing by reference; write it out, or use extends")
        if depth > DEEPEST:
            place = f"{event.start_mark.line + 1}:{event.start_mark.column + 1}" if event.start_mark else "1:1"
            raise ProfileError(f"{path}:{place}: nested deeper than {DEEPEST} levels; a profile needs eight")


def _fault(root: yaml.Node | None, detail: ErrorDetails) -> tuple[int, int, str]:
    """Line, column and sentence for one pydantic error, placed at the deepest node of its location that was written."""
    node, mark = root, root.start_mark if root else None
    said: list[str] = []
    for part in detail["loc"]:
        if part in _TAGS:
            continue
        entry = _entry(node, part)
        if entry is not None:
            mark, node = entry[0].start_mark, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        elif part == 0:
            # One written where a list is meant.
            continue
        else:
            said += [str(part)] if isinstance(node, yaml.MappingNode) else []
            break
        said.append(str(part))
    where = ".".join(said) or "profile"
    return (mark.line + 1 if mark else 1), (mark.column + 1 if mark else 1), f"{where}: {_sentence(detail)}"


def _entry(node: yaml.Node | None, key: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value of a mapping."""
    entries = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((entry for entry in entries if entry[0].value == str(key)), None)


def _sentence(detail: ErrorDetails) -> str:
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        schema = ProfileFile.model_json_schema(schema_generator=ProfileSchema)
        models = (schema, *schema["$defs"].values())
        keys = sorted({key for model in models for key in model.get("properties", ())})
        near = difflib.get_close_matches(str(detail["loc"][-1]), keys, n=1)
        return f"unknown key; {f'did you mean {near[0]}?' if near else 'remove it, see docs/collectors.md'}"
    if kind == "missing":
        return "missing; add it"
    return message if ";" in message else f"{message}; see docs/collectors.md"
