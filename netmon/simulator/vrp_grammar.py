"""Commands of a simulated Huawei VRP: words compared with forms, errors pointed at as VRP does.

A form is words between blanks: a keyword, a choice `inbound|outbound`, a parameter `<name>`, or `<text>` for the rest
of the line. Keywords may not be shortened here, so that a misspelt command is never understood by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

_PARAMETERS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "<name>": re.compile(r"[^\s?|\"]{1,127}\Z"),
        "<number>": re.compile(r"\d{1,10}\Z"),
        "<ip>": re.compile(r"\d{1,3}(\.\d{1,3}){3}\Z"),
        "<port>": re.compile(r"[A-Za-z-]+\d[\d/.:]*\Z"),
        "<type>": re.compile(r"[A-Za-z-]+\Z"),
        "<slot>": re.compile(r"\d[\d/.:]*\Z"),
        "<kbps>": re.compile(r"(?:[89]|[1-9]\d{1,8}|[1-3]\d{9})\Z"),
        "<seconds>": re.compile(r"\d{1,5}\Z"),
    }
)
_WORD = re.compile(r"\S+")
UNRECOGNIZED, WRONG, INCOMPLETE, TOO_MANY = (
    "Unrecognized command",
    "Wrong parameter",
    "Incomplete command",
    "Too many parameters",
)


class MisspeltError(Exception):
    """The line is no command of this view; `position` is the column of the fault."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


class RefusedError(Exception):
    """A well-spelt command that cannot be done; its text is VRP's."""


def parsed(line: str, forms: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """The form that fits and the words given for its choices and parameters. Raises MisspeltError."""
    words = list(_WORD.finditer(line))
    best: tuple[int, MisspeltError] | None = None
    for form in forms:
        found = _compared(line, words, form.split())
        if isinstance(found, tuple):
            return form, found
        depth, fault = found.depth, found.error
        if best is None or depth > best[0]:
            best = (depth, fault)
    raise best[1] if best else MisspeltError(UNRECOGNIZED, 0)


class _Fault:
    def __init__(self, depth: int, reason: str, position: int) -> None:
        self.depth = depth
        self.error = MisspeltError(reason, position)


def _compared(line: str, words: list[re.Match[str]], form: list[str]) -> tuple[str, ...] | _Fault:
    values: list[str] = []
    for depth, wanted in enumerate(form):
        if depth >= len(words):
            return _Fault(depth, INCOMPLETE, len(line))
        word = words[depth]
        if wanted == "<text>":
            return (*values, line[word.start() :].rstrip())
        if pattern := _PARAMETERS.get(wanted):
            if not pattern.match(word[0]):
                return _Fault(depth, WRONG, word.start())
            values.append(word[0])
        elif word[0].lower() not in wanted.split("|"):
            return _Fault(depth, UNRECOGNIZED, word.start())
        elif "|" in wanted:
            values.append(word[0].lower())
    if len(words) > len(form):
        return _Fault(len(form), TOO_MANY, words[len(form)].start())
    return tuple(values)
