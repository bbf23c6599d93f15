"""What the answers of a command line say: rows -> typed readings. Pure; nothing here raises for what a router wrote.

An answer that is not what the collector expects is a `Missing` with the first line that did not fit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, Final, Protocol

from netmon.routers.cli_decoders import UndecodableError, Value, decode
from netmon.routers.cli_profile import FACTS, CliCollector, Fact, Parse, ReadingKind, ReadingSpec
from netmon.routers.dialects import Way
from netmon.routers.session import Failure
from netmon.routers.views import Missing

MOST_CHARACTERS: Final = 1_000_000
"""Of one answer; a longer one is not read."""
MOST_LINES: Final = 20_000
MOST_ROWS: Final = 5_000
"""Of one answer; the rest is left out and said to be."""
_LONGEST_SAID: Final = 400
"""Characters of a router's own words in a sentence."""
_MOST_FIELDS: Final = 400
_DEEPEST: Final = 8
_REFUSAL = re.compile(
    r"\s*(?:% ?(?:Invalid|Incomplete|Ambiguous|Unrecognized|Unknown|Bad|Command|Authori[sz]ation|Permission|Access|"
    r"This command|User)\b|syntax error|bad command name|expected end of command|no such item|not enough permissions|"
    r"unknown command|error: |Error: |MINOR: CLI|\S*sh: .*not found|Invalid command)",
    re.IGNORECASE,
)
_NOT_PERMITTED = re.compile(
    r"permi(?:ssion|tted)|authori[sz]|privilege|denied|not allowed|no rights|Insufficient", re.IGNORECASE
)

Row = dict[str, str]


class OutputMismatchError(ValueError):
    """An answer that does not fit; the message names the first line that did not, and the remedy."""


class RowParser(Protocol):
    """Turns answers into rows; `netmon.routers.cli_templates.Templates` is the real one."""

    def rows(self, parse: Parse, command: str, text: str) -> list[Row]:
        """Raises OutputMismatchError, and another ValueError with its own sentence for a broken template."""


@dataclass(frozen=True, slots=True)
class QueueReading:
    """A queue, shaper or policer of the router with its counters; None: the router does not say."""

    kind: ReadingKind
    """QUEUE or POLICER."""
    name: str
    """As the router names it; with its policy, table or filter where the name alone tells too little."""
    target: str | None
    """What it applies to as the router writes it: an interface, or a network."""
    direction: Way | None
    """As the target port sees it."""
    limit_bps: int | None
    """None also where there is no limit."""
    octets: int | None
    """Let through."""
    packets: int | None
    dropped_octets: int | None
    dropped_packets: int | None


@dataclass(frozen=True, slots=True)
class ConfigurationReading:
    """The age of the router's configuration."""

    last_changed: datetime | None
    """Aware."""
    last_saved: datetime | None
    """Aware."""
    unsaved: bool | None
    """Whether a restart would lose changes: the router's own word, else whether it changed after it was saved."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command gave."""

    command: str
    readings: int
    """As CliReading.count."""


@dataclass(frozen=True, slots=True)
class CliReading:
    """What a command line told."""

    queues: tuple[QueueReading, ...] = ()
    configuration: ConfigurationReading | None = None
    missing: tuple[Missing, ...] = ()
    """`what` is the command."""
    failure: Failure | None = None
    """Why there was no session, or why it ended early."""
    answers: tuple[Answer, ...] = ()
    """Of the commands that were not refused, in the order in which they were asked."""

    @property
    def count(self) -> int:
        """Queues, policers, and facts about the configuration."""
        about = self.configuration
        facts = () if about is None else (getattr(about, name) for name in FACTS[ReadingKind.CONFIGURATION])
        return len(self.queues) + sum(fact is not None for fact in facts)

    @property
    def has_failed(self) -> bool:
        """Whether the session failed, or not one command could be read; to find no queue is no failure."""
        lacking = {one.what for one in self.missing}
        return self.failure is not None or all(not one.readings and one.command in lacking for one in self.answers)


def read_output(collector: CliCollector, text: str, parser: RowParser, zone: tzinfo | None = None) -> CliReading:
    """The readings in one answer. `zone` is that of the router's clock, for times that name none; never raises."""
    if len(text) > MOST_CHARACTERS:
        return _nothing(collector, f"an answer of over {MOST_CHARACTERS} characters; read fewer things at once")
    if (said := refusal(text)) is not None:
        return _nothing(collector, said)
    try:
        rows = parser.rows(collector.parse, collector.command, text)
    except ValueError as error:
        return _nothing(collector, str(error))
    lacking: list[Missing] = []
    if len(rows) >= MOST_ROWS:
        lacking.append(Missing(collector.command, f"only the first {MOST_ROWS} rows are read"))
    queues: list[QueueReading] = []
    configuration: ConfigurationReading | None = None
    for spec in collector.readings:
        complaints = _Complaints(spec.kind)
        for row in rows:
            if not _wanted(spec, row):
                continue
            facts = {name: complaints.fact(name, fact, row, zone) for name, fact in spec.facts.items()}
            if spec.kind is ReadingKind.CONFIGURATION:
                configuration = _configuration(configuration, facts)
            elif facts["name"] is None:
                complaints.add("name", "a row without a name was left out")
            else:
                queues.append(_queue(spec.kind, facts))
        lacking += complaints.missing(collector.command)
        if spec.kind is ReadingKind.CONFIGURATION:
            lacking += _untold(collector, spec, configuration, complaints)
    return CliReading(tuple(queues), configuration, tuple(lacking))


def merged(readings: Iterable[CliReading]) -> CliReading:
    """Several commands' readings as one; of two that tell the same about the configuration, the first holds."""
    queues: list[QueueReading] = []
    missing: list[Missing] = []
    configuration: ConfigurationReading | None = None
    failure = None
    for reading in readings:
        queues += reading.queues
        missing += reading.missing
        failure = failure or reading.failure
        if reading.configuration is not None:
            told = reading.configuration
            configuration = _configuration(
                configuration, {name: getattr(told, name) for name in FACTS[ReadingKind.CONFIGURATION]}
            )
    if configuration is not None and configuration.unsaved is None:
        changed, saved = configuration.last_changed, configuration.last_saved
        if changed is not None and saved is not None:
            configuration = replace(configuration, unsaved=changed > saved)
    return CliReading(tuple(queues), configuration, tuple(missing), failure)


def cli_document(reading: CliReading) -> dict[str, Any]:
    """`{queues, configuration, missing, failure}` as `netmon poll` shows them: absent is null, times are RFC 3339."""
    told = reading.configuration
    return {
        "queues": [
            {name: _shown(getattr(queue, name)) for name in ("kind", *FACTS[queue.kind])} for queue in reading.queues
        ],
        "configuration": None
        if told is None
        else {name: _shown(getattr(told, name)) for name in FACTS[ReadingKind.CONFIGURATION]},
        "missing": [{"what": one.what, "why": one.why} for one in reading.missing],
        "failure": _shown(reading.failure),
    }


def _shown(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, StrEnum) else value


def refusal(text: str) -> str | None:
    """What a refusal means, with the router's words; None where the answer's first line is no refusal."""
    line = next((line for line in text.split("\n", 50) if line.strip(" \r\t^")), "")
    if not _REFUSAL.match(line):
        return None
    return refused(first_line(line))


def refused(said: str) -> str:
    """The sentence for a refused command, with the router's words in it."""
    if _NOT_PERMITTED.search(said):
        return f"not permitted: {said}; give the login the right to run the command"
    return f"not supported by this release, or not permitted: {said}"


def first_line(text: str) -> str:
    """The first line that holds something, quoted and shortened, safe to show."""
    shown = plain(next((line for line in text.split("\n") if line.strip()), ""))
    return repr(shown if len(shown) <= 120 else f"{shown[:117]}...")


def plain(text: str) -> str:
    """The text as one line that is safe to show, shortened: what a router wrote may hold what moves a cursor."""
    shown = "".join(character if character.isprintable() else " " for character in text[:_LONGEST_SAID])
    return " ".join(shown.split())


def json_rows(path: str, text: str) -> list[Row]:
    """The objects a path of keys leads to, each a row of texts; what holds them lends its own fields to the row.

    Fields of objects inside a row are named with dots (`options.rate`). Junos writes every value as
    `[{"data": "5", "attributes": {"junos:seconds": "9"}}]`: that is the field itself, and an attribute is
    `field@junos:seconds` (Junos OS documentation, "JSON representation of Junos OS data").
    Raises OutputMismatchError for what is no JSON or has nothing at the path's first key.
    """
    written = text.strip()
    if not written:
        return []
    starts = [at for at in (written.find("{"), written.find("[")) if at >= 0]
    try:
        document, _ = json.JSONDecoder().raw_decode(written, min(starts, default=0))
    except (ValueError, RecursionError):
        raise OutputMismatchError(f"no JSON, but {first_line(text)}; the command or the release is another") from None
    keys = [] if path == "." else path.split(".")
    if keys and document and not (isinstance(document, dict) and keys[0] in document):
        raise OutputMismatchError(f"the JSON holds no {keys[0]}, but {first_line(written)}; correct the path")
    found: list[Row] = []
    for row in _walk(document, keys, {}):
        found.append(row)
        if len(found) >= MOST_ROWS:
            break
    return found


def _walk(node: Any, keys: Sequence[str], inherited: Row) -> Iterator[Row]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, keys, inherited)
    elif isinstance(node, dict):
        own = dict(inherited)
        _flatten(node, "", own, keys[0] if keys else None, 0)
        if not keys:
            yield own
        elif keys[0] in node:
            yield from _walk(node[keys[0]], keys[1:], own)


def _flatten(node: Mapping[str, Any], prefix: str, into: Row, leave_out: str | None, depth: int) -> None:
    for key, value in node.items():
        if key == leave_out or len(into) >= _MOST_FIELDS or depth > _DEEPEST:
            continue
        name = f"{prefix}{key}"
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(inner, dict) and "data" in inner:
            into[name] = _scalar(inner["data"])
            if isinstance(attributes := inner.get("attributes"), dict):
                into.update({f"{name}@{one}": _scalar(said) for one, said in attributes.items()})
        elif isinstance(inner, dict):
            _flatten(inner, f"{name}.", into, None, depth + 1)
        elif not isinstance(inner, list):
            into[name] = _scalar(inner)


def _scalar(value: object) -> str:
    match value:
        case None | dict() | list():
            return ""
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 128:
            return "a number of over 128 bits"
    return str(value)


@dataclass(slots=True)
class _Complaints:
    """Facts that could not be read, the first of each told and the others counted."""

    kind: ReadingKind
    first: dict[str, str] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)

    def fact(self, name: str, fact: Fact, row: Row, zone: tzinfo | None) -> Value | None:
        if fact.decoder is None:
            return Way(str(fact.value)) if name == "direction" else fact.value
        text = " ".join(row[one] for one in fact.fields if row.get(one))
        try:
            return decode(fact.decoder, text, zone)
        except UndecodableError as error:
            self.add(name, str(error))
            return None

    def add(self, name: str, why: str) -> None:
        self.first.setdefault(name, why)
        self.count[name] = self.count.get(name, 0) + 1

    def missing(self, command: str) -> list[Missing]:
        others = {name: f" (and {count - 1} more)" if count > 1 else "" for name, count in self.count.items()}
        return [Missing(command, f"{self.kind} {name}: {why}{others[name]}") for name, why in self.first.items()]


def _wanted(spec: ReadingSpec, row: Row) -> bool:
    return all(row.get(name) for name in spec.has) and all(
        row.get(name, "") in texts for name, texts in spec.where.items()
    )


def _queue(kind: ReadingKind, facts: Mapping[str, Any]) -> QueueReading:
    values: dict[str, Any] = {name: facts.get(name) for name in FACTS[kind]}
    return QueueReading(kind, **values)


def _configuration(known: ConfigurationReading | None, facts: Mapping[str, Any]) -> ConfigurationReading:
    before = known or ConfigurationReading(None, None, None)
    return ConfigurationReading(
        **{
            name: facts.get(name) if getattr(before, name) is None else getattr(before, name)
            for name in FACTS[ReadingKind.CONFIGURATION]
        }
    )


def _untold(
    collector: CliCollector, spec: ReadingSpec, told: ConfigurationReading | None, complaints: _Complaints
) -> Iterator[Missing]:
    for name in spec.facts:
        # Whether it is unsaved may follow from the times, and several commands may tell those.
        if name != "unsaved" and name not in complaints.first and (told is None or getattr(told, name) is None):
            yield Missing(collector.command, f"configuration {name}: the answer does not tell it")


def _nothing(collector: CliCollector, why: str) -> CliReading:
    return CliReading(missing=(Missing(collector.command, why),))
