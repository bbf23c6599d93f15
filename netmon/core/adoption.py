"""What somebody else had set on a port and netmon set aside by a person's word, so that it can be put back. Pure.

Two kinds of words in the receipt chain tell it: an adoption, a restoration. Each is written before the router is
touched (begun) and again when it is known how it went; a word without its end leaves the port in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Stage(StrEnum):
    """How far an adoption or a restoration has come."""

    BEGUN = "begun"
    DONE = "done"
    """Read back so."""
    FAILED = "failed"
    """The router is as it was before."""
    UNKNOWN = "unknown"
    """It was not seen to end: whoever repeats it looks first."""


def thing_named(kind: str, name: str) -> str:
    """What a person is told of something of somebody else's: its kind, said once, and its name if it has one."""
    return name if name.startswith(kind) else f"{kind} {name}".strip()


@dataclass(frozen=True, slots=True)
class Shaper:
    """Something of somebody else's that shaped a port, as the router itself printed it."""

    kind: str
    """The platform's word: service-policy, policer, simple-queue, qdisc."""
    name: str
    way: str | None
    """As the port sees it, ingress or egress; None: both."""
    setting: str
    """What puts it back."""

    @property
    def named(self) -> str:
        return thing_named(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Word:
    """One link of the chain, of kind adoption or restoration."""

    id: str
    """Of the attempt; its beginning and its end bear the same. It also names the undo on the router."""
    circuit: str
    router: str
    interface: str
    at_ns: int
    by: str
    reason: str
    stage: Stage
    things: tuple[Shaper, ...]
    """All that is set aside on the port once it is done; of a restoration, all that is put back."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """What of a circuit's port is set aside, or may be."""

    word: Word
    """The adoption, with all that netmon set aside."""
    doubtful: Word | None = None
    """The last attempt, adoption or restoration, of which it is not known how it went; None: all of it is set aside."""


def standing(words: Iterable[tuple[bool, Word]]) -> dict[str, Aside]:
    """By circuit, what is set aside; `words` are in the chain's order, each with whether it is an adoption's."""
    found: dict[str, Aside] = {}
    before: dict[str, Aside | None] = {}
    for is_adoption, word in words:
        has = found.get(word.circuit)
        if word.stage is Stage.BEGUN:
            before[word.id] = has
        after = _after(is_adoption, word, has, before.get(word.id))
        if after is None:
            found.pop(word.circuit, None)
        else:
            found[word.circuit] = after
    return found


def _after(is_adoption: bool, word: Word, has: Aside | None, before: Aside | None) -> Aside | None:
    match word.stage:
        case Stage.FAILED:
            return before
        case Stage.DONE:
            return Aside(word) if is_adoption else None
        case _:
            if is_adoption:
                return Aside(word, word)
            return None if has is None else replace(has, doubtful=word)


def any_in_doubt(asides: Iterable[Aside]) -> bool:
    """Whether an undo may be armed for any of them: how its last attempt went is not known."""
    return any(one.doubtful is not None for one in asides)
