"""The command-line part of a platform profile: which commands are read, and what their answers say.

One `CliCollector` is one entry of a profile's `cli:` list. A command is a fixed line that reads and
never alters; nothing is put into it. The format is docs/collectors-cli.md.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, field_validator, model_validator

from netmon.routers.cli_decoders import CLI_DECODERS, CliDecoder, Makes
from netmon.routers.profile_place import Placed
from netmon.settings import Settings

LONGEST_COMMAND: Final = 400
_COMMAND = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
_ALTERING = re.compile(
    r"(?i)(?:^|[;&]\s*|\bdo\s+)(?:conf(?:igure|ig)?\b|system-view\b|edit\b|commit\b|reload\b|reboot\b|reset\b|"
    r"clear\b|write\b|wr\b|copy\b|save\b|delete\b|erase\b|rm\b|undo\b|no\s|set\s|request\b|shutdown\b|sudo\b)"
    r"|/[a-z /-]+\b(?:add|set|remove|enable|disable|reset-counters|reset-counters-all)\b"
    r"|\|\s*(?:save|append|redirect|tee)\b|(?<!-)>|\$\{|`"
)
"""A guard against mistakes in a profile; what holds a login back is its rights on the router."""


class ReadingKind(StrEnum):
    """What the rows of an answer are."""

    QUEUE = "queue"
    """A queue or shaper with its counters."""
    POLICER = "policer"
    """A policer with its counters."""
    CONFIGURATION = "configuration"
    """When the router's configuration was changed and saved."""


_TRAFFIC: Final[Mapping[str, Makes]] = MappingProxyType(
    {
        "name": Makes.TEXT,
        "target": Makes.TEXT,
        "direction": Makes.WAY,
        "limit_bps": Makes.RATE,
        "octets": Makes.COUNT,
        "packets": Makes.COUNT,
        "dropped_octets": Makes.COUNT,
        "dropped_packets": Makes.COUNT,
    }
)
FACTS: Final[Mapping[ReadingKind, Mapping[str, Makes]]] = MappingProxyType(
    {
        ReadingKind.QUEUE: _TRAFFIC,
        ReadingKind.POLICER: _TRAFFIC,
        ReadingKind.CONFIGURATION: MappingProxyType(
            {"last_changed": Makes.TIME, "last_saved": Makes.TIME, "unsaved": Makes.FLAG}
        ),
    }
)
"""Kind -> the facts it may have, and what a decoder must make for each."""


class Parse(Settings):
    """How an answer becomes rows of named texts; exactly one way."""

    textfsm: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]{0,80}\.textfsm$")
    """File in collectors/templates."""
    ntc: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,40}$")
    """Platform of ntc-templates; the template is the one it has for the command."""
    json_path: str | None = Field(
        default=None, alias="json", pattern=r"^(?:\.|[A-Za-z0-9_:-]+(?:\.[A-Za-z0-9_:-]+){0,11})$"
    )
    """Keys with dots between that lead to the objects of which each is a row; `.` for the document itself."""

    @model_validator(mode="after")
    def _one_way(self) -> Parse:
        if sum(way is not None for way in (self.textfsm, self.ntc, self.json_path)) != 1:
            raise ValueError("an answer is read in one way; give one of textfsm, ntc and json")
        return self


def _decoder(value: Any) -> Any:
    if isinstance(value, str) and value in CLI_DECODERS:
        return CLI_DECODERS[value]
    raise ValueError(f"{value!r} is not a decoder of texts; use one of {', '.join(CLI_DECODERS)}")


FieldName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.@-]{1,120}$")]


class Fact(Settings):
    """Where one fact of a reading comes from."""

    field: FieldName | tuple[FieldName, ...] | None = None
    """Field of the row; of several, the ones that hold something are joined by spaces."""
    decoder: Annotated[CliDecoder, BeforeValidator(_decoder)] | None = None
    value: str | bool | None = None
    """What holds for every row, instead of a field: a text, a direction, true or false."""

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field,) if isinstance(self.field, str) else self.field or ()

    @model_validator(mode="after")
    def _field_or_value(self) -> Fact:
        if self.value is None and (not self.fields or self.decoder is None):
            raise ValueError("a fact is a field with its decoder, or a fixed value; give field and decoder")
        if self.value is not None and (self.fields or self.decoder):
            raise ValueError("a fixed value needs no field and no decoder; remove them, or the value")
        return self


class ReadingSpec(Settings):
    """How rows become readings of one kind."""

    kind: ReadingKind
    where: dict[FieldName, tuple[str, ...]] = Field(default_factory=dict)
    """Only rows in which each of these fields holds one of the texts, upper and lower case told apart."""
    has: tuple[FieldName, ...] = ()
    """Only rows in which each of these fields holds something."""
    facts: dict[str, Fact] = Field(min_length=1)

    @property
    def fields(self) -> frozenset[str]:
        """Every field of a row this looks at."""
        return frozenset((*self.where, *self.has, *(name for fact in self.facts.values() for name in fact.fields)))

    @model_validator(mode="after")
    def _facts_of_the_kind(self) -> ReadingSpec:
        known = FACTS[self.kind]
        for name, fact in self.facts.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
                raise ValueError(f"a {self.kind} has no fact {name}; {hint}")
            _check_fact(name, fact, known[name])
        if "name" in known and "name" not in self.facts:
            raise ValueError(f"a {self.kind} needs a name; add the fact")
        return self


def _check_fact(name: str, fact: Fact, wanted: Makes) -> None:
    if fact.decoder is not None and fact.decoder.makes is not wanted:
        fitting = ", ".join(d.name for d in CLI_DECODERS.values() if d.makes is wanted)
        raise ValueError(f"{name} cannot be decoded by {fact.decoder.name}; use {fitting}")
    fits: dict[Makes, bool] = {
        Makes.TEXT: isinstance(fact.value, str),
        Makes.WAY: fact.value in ("ingress", "egress"),
        Makes.FLAG: isinstance(fact.value, bool),
    }
    if fact.value is not None and not fits.get(wanted, False):
        raise ValueError(f"{name} cannot be {fact.value!r} for every row; name a field")


class CliCollector(Placed):
    """One command, how its answer is parsed, and the readings its rows make."""

    command: str = Field(max_length=LONGEST_COMMAND)
    parse: Parse
    readings: tuple[ReadingSpec, ...] = Field(min_length=1)

    @field_validator("command")
    @classmethod
    def _only_reads(cls, value: str) -> str:
        if not _COMMAND.match(value):
            raise ValueError("a command is one line of printable ASCII without spaces around it; correct it")
        if found := _ALTERING.search(value):
            raise ValueError(f"a collector only reads, and {found[0].strip()!r} may alter; use a command that shows")
        return value
