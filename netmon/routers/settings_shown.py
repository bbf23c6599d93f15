"""What Junos and VyOS print as `set` lines: the words of each, without what is deactivated. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Words = tuple[str, ...]

_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|(\S+)')
_ESCAPED: Final = re.compile(r"\\(.)")


def settings_in(text: str) -> tuple[Words, ...]:
    """The words after `set` of each line, quotation marks taken off."""
    found: list[Words] = []
    inactive: list[Words] = []
    for line in text.splitlines():
        verb, _, rest = line.strip().partition(" ")
        if verb == "set":
            found.append(_words(rest))
        elif verb == "deactivate":
            inactive.append(_words(rest))
    return tuple(words for words in found if not any(words[: len(gone)] == gone for gone in inactive))


def below(settings: Iterable[Words], *place: str) -> tuple[Words, ...]:
    """The settings that begin so, without their beginning."""
    return tuple(words[len(place) :] for words in settings if words[: len(place)] == place)


def value(settings: Iterable[Words], *leaf: str) -> str | None:
    """What stands behind a leaf's words; None: it is not set."""
    return next((words[0] for words in below(settings, *leaf) if words), None)


def _words(text: str) -> Words:
    return tuple(
        _ESCAPED.sub(r"\1", match[1]) if match[1] is not None else match[2] if match[2] is not None else match[3]
        for match in _WORD.finditer(text)
    )
