"""How IOS and IOS XR read a line: keywords may be cut short, and what is not understood is pointed at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

Take = Callable[[str], str | None]
"""A word as the router keeps it; None: it is not of this kind."""


class RefusedError(Exception):
    """The line does nothing; the message is what the router prints, without the last newline."""


@dataclass(frozen=True, slots=True)
class Command:
    """`pattern`: keywords, `<kind>` for a word, `<1-9>` for a number, `<rest>` for all that follows."""

    name: str
    pattern: str

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.pattern.split())


@dataclass(slots=True)
class _Reading:
    command: Command
    values: list[str]


class Grammar:
    """The commands of one mode."""

    def __init__(self, commands: Mapping[str, str], kinds: Mapping[str, Take]) -> None:
        """`commands`: pattern -> name."""
        self._commands = [Command(name, pattern) for pattern, name in commands.items()]
        self._kinds = kinds

    def read(self, line: str, shift: int) -> tuple[str, list[str]]:
        """The command's name and its values; `shift`: columns of the prompt. Raises RefusedError."""
        readings = [_Reading(command, []) for command in self._commands]
        words = [(found.start(), found[0]) for found in re.finditer(r"\S+", line)]
        for number, (column, word) in enumerate(words):
            rest = line[column:].rstrip()
            going = [r for r in readings if _at(r, number) is not None]
            going = self._keywords(going, number, word, line) or self._values(going, number, word, rest)
            if not going:
                raise RefusedError(f"{' ' * (shift + column)}^\n% Invalid input detected at '^' marker.\n")
            readings = going
        for reading in readings:
            if len(reading.command.words) == len(words) or _at(reading, len(words) - 1) == "<rest>":
                return reading.command.name, reading.values
        raise RefusedError("% Incomplete command.\n")

    def _keywords(self, going: Sequence[_Reading], number: int, word: str, line: str) -> list[_Reading]:
        """Those whose next word is a keyword that begins so. Raises RefusedError where several do."""
        cut = word.lower()
        found = [r for r in going if not (next_ := str(_at(r, number))).startswith("<") and next_.startswith(cut)]
        if exact := [r for r in found if _at(r, number) == cut]:
            return exact
        if len({_at(r, number) for r in found}) > 1:
            raise RefusedError(f'% Ambiguous command:  "{line.strip()}"')
        return found

    def _values(self, going: Sequence[_Reading], number: int, word: str, rest: str) -> list[_Reading]:
        kept = []
        for reading in going:
            kind = str(_at(reading, number))
            if kind == "<rest>":
                begins = len(reading.command.words) == number + 1
                kept.append(_Reading(reading.command, [*reading.values, rest]) if begins else reading)
            elif kind.startswith("<") and (value := self._taken(kind[1:-1], word)) is not None:
                kept.append(_Reading(reading.command, [*reading.values, value]))
        return kept

    def _taken(self, kind: str, word: str) -> str | None:
        if bounds := re.fullmatch(r"(\d+)-(\d+)", kind):
            return word if re.fullmatch(r"\d{1,19}", word) and int(bounds[1]) <= int(word) <= int(bounds[2]) else None
        return self._kinds[kind](word)


def _at(reading: _Reading, number: int) -> str | None:
    """The pattern's word at this place; the rest of a line has any number of words."""
    words = reading.command.words
    if number < len(words):
        return words[number]
    return "<rest>" if words[-1] == "<rest>" else None


def read_inside(mode: Grammar, top: Grammar, line: str, shift: int) -> tuple[str, list[str], bool]:
    """As Grammar.read; True: it is no command of this mode, but one of the top level. Raises RefusedError."""
    try:
        return *mode.read(line, shift), False
    except RefusedError as error:
        with suppress(RefusedError):
            return *top.read(line, shift), True
        raise error from None


def port_meant(name: str, ports: Iterable[str]) -> str | None:
    """The port of `ports` whose kind begins as `name` does: `Gi0/2` is GigabitEthernet0/2."""
    found = re.fullmatch(r"([A-Za-z-]{1,30})([\d/.:A-Z]+)", name)
    for port in ports:
        whole = re.fullmatch(r"([A-Za-z-]+)([\d/.:A-Z]+)", port)
        if found and whole and whole[2] == found[2] and whole[1].lower().startswith(found[1].lower()):
            return port
    return None


def filtered(text: str, pipe: str) -> str:
    """What `| include`, `exclude`, `begin` and `section` let through. Raises RefusedError."""
    kind, _, expression = pipe.strip().partition(" ")
    names = [name for name in ("include", "exclude", "begin", "section") if kind and name.startswith(kind)]
    if len(names) != 1 or not expression.strip():
        raise RefusedError("% Incomplete command.\n" if names else "% Invalid input detected at '^' marker.\n")
    try:
        pattern = re.compile(expression.strip())
    except re.error as error:
        raise RefusedError("% Failed to compile regular expression.") from error
    lines = text.splitlines()
    match names[0]:
        case "include":
            kept = [line for line in lines if pattern.search(line)]
        case "exclude":
            kept = [line for line in lines if not pattern.search(line)]
        case "begin":
            at = next((n for n, line in enumerate(lines) if pattern.search(line)), len(lines))
            kept = lines[at:]
        case _:
            kept, inside = [], False
            for line in lines:
                inside = bool(pattern.search(line)) or (inside and line.startswith(" "))
                if inside:
                    kept.append(line)
    return "".join(f"{line}\n" for line in kept)
