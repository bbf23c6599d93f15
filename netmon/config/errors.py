"""What is wrong with a configuration, and where: never with a secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

Loc = tuple[str | int, ...]
"""Keys and list positions from the top of the configuration down to a value."""

SHOWN = 100
"""Problems written out in full; the others are counted."""

_USER_INFO = re.compile(r"(?<=://)[^/\s'\"]*@")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right. Lines and columns count from 1."""

    file: Path
    line: int
    column: int
    path: str
    """Dotted keys, e.g. `routers.core-1.circuits.dinkes-fo.faces`; empty for the file itself."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: "
        return place + (f"{self.path}: {self.message}" if self.path else self.message)


class ConfigError(Exception):
    """The configuration cannot be used. Carries every problem found, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"... and {len(self.problems) - SHOWN} more problems")
        return "\n".join(lines)


def path_of(loc: Loc) -> str:
    """`('agencies', 'dinkes', 'quotas', 0)` -> `agencies.dinkes.quotas[0]`."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def closest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing when nothing is close."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or what is known when nothing is close."""
    names = sorted(known)
    listed = ", ".join(names[:12])
    return closest(word, names) or (f"; known here: {listed}{', ...' if len(names) > 12 else ''}" if names else "")


def without_user_info(message: str) -> str:
    """The message with user names and passwords taken out of any URL in it."""
    return _USER_INFO.sub("**@", message)
