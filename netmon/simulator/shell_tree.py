"""The tree of a shell input, as `shell_syntax` reads it and `shell` runs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    operator: str | None
    argument: Word | None
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    body: Sequence
    quoted: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    expression: Word
    quoted: bool


@dataclass(frozen=True, slots=True)
class Word:
    parts: tuple[Text | Parameter | Substitution | Arithmetic, ...]

    def plain(self) -> str | None:
        """The word's text if nothing in it is quoted or expanded."""
        match self.parts:
            case (Text(text=text, quoted=False),):
                return text
        return None


@dataclass(frozen=True, slots=True)
class Redirect:
    descriptor: int
    operator: str
    target: Word


@dataclass(slots=True)
class HereDocument:
    """Stands for a here-document until the lines after the command line have been read."""

    descriptor: int
    delimiter: str
    expands: bool
    strips: bool
    body: Word | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect | HereDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    body: Sequence
    subshell: bool
    redirects: tuple[Redirect | HereDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None
    redirects: tuple[Redirect | HereDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    condition: Sequence
    until: bool
    body: Sequence
    redirects: tuple[Redirect | HereDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class For:
    name: str
    words: tuple[Word, ...]
    body: Sequence
    redirects: tuple[Redirect | HereDocument, ...] = ()


Command = Simple | Group | If | Loop | For


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class AndOr:
    """Pipelines joined by && and ||; the first one's operator is empty."""

    parts: tuple[tuple[str, Pipeline], ...]
    background: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[AndOr, ...] = ()
