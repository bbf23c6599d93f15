"""What was said on a router's command line, for receipts: bounded, and without secrets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable
from typing import Final

LONGEST: Final = 65_536
"""Characters of a transcript; of a longer one the middle is left out, the oldest of what follows its beginning."""
_HEAD: Final = LONGEST // 4
_LONGEST_LINE: Final = 2_048
HIDDEN: Final = "\u2022\u2022\u2022\u2022\u2022"
"""Stands for what was a secret; bullets, so that it cannot itself complete one."""
_CUT: Final = "... {lines} lines left out ...\n"

_NAMED: Final = re.compile(
    r"(?P<name>pass(?:word|wd|phrase)|secret|pre-?shared|psk(?![a-z])|credential"
    r"|(?<![a-z])(?:community(?:-?name)?|key(?:[-_]?(?:string|chain|data|id|hash))?|cipher|token)(?![a-z]))"
    r"(?P<rest>[^\n]*)",
    re.IGNORECASE,
)
_PEM: Final = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----).*?(?:(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)|\Z)", re.DOTALL
)


def redacted(text: str, secrets: Collection[str]) -> str:
    """The text without these secrets, wherever they stand, and without what follows a word that names one.

    Words in capitals, and in a command's option or a JSON key, count as well. Lines stay lines.
    """
    text = _PEM.sub(lambda block: f"{block[1]} {HIDDEN}", without(text, secrets))
    return _NAMED.sub(_hidden, text)


def without(text: str, secrets: Collection[str]) -> str:
    """The text without these secrets, the longest first."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _printable(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one if one.isprintable() or one in "\n\t" else "?" for one in lines)


def _hidden(found: re.Match[str]) -> str:
    rest = found["rest"]
    if not rest.strip(" \t\r\"':=;,{}[]()"):
        return found[0]
    mark = re.match(r"[\"']?[ \t]*[:=]?[ \t]*", rest)
    return f"{found['name']}{mark[0] if mark else ''}{HIDDEN}"


class Transcript:
    """Grows while a session lasts, by one thread; never longer than LONGEST."""

    def __init__(self, secrets: Iterable[str | None]) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)
        self._head = ""
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._dropped = 0

    def begin(self, text: str) -> None:
        """In netmon's own words: how the session came about."""
        self._lines("! ", without(_printable(text), self._secrets))

    def note(self, text: str) -> None:
        """What is neither sent nor received, though it may quote the router."""
        self._add("! ", text)

    def sent(self, command: str) -> None:
        self._add("> ", command)

    def received(self, answer: str) -> None:
        """A complete answer, or what there was of one: a secret that is divided would not be recognised."""
        self._add("", answer)

    def __str__(self) -> str:
        cut = _CUT.format(lines=self._dropped) if self._dropped else ""
        return f"{self._head}{cut}{''.join(self._tail)}"

    def _add(self, mark: str, text: str) -> None:
        self._lines(mark, redacted(_printable(text), self._secrets))

    def _lines(self, mark: str, text: str) -> None:
        for line in text.split("\n"):
            if line.strip():
                shown = line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}..."
                self._keep(f"{mark}{shown}\n")

    def _keep(self, line: str) -> None:
        if not self._tail and len(self._head) + len(line) <= _HEAD:
            self._head += line
            return
        self._tail.append(line)
        self._tail_size += len(line)
        while self._tail_size > LONGEST - _HEAD - len(_CUT) - 10:
            self._tail_size -= len(self._tail.popleft())
            self._dropped += 1


def joined(transcripts: Iterable[str]) -> str:
    """Those of several sessions one after another, bounded like one; each is redacted already."""
    whole = Transcript(())
    for text in filter(None, transcripts):
        for line in text.splitlines(keepends=True):
            whole._keep(line)  # noqa: SLF001 - of the same class
    return str(whole)
