"""What a router's answers say: which port this is, what limits it, whose limits they are.

A dialect names one of these readers. Answers come in the order of the verb's commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from netmon.core.model import Placement, Tier
from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.session import AnswerUnreadableError

Answers = Sequence[str]


@dataclass(frozen=True, slots=True)
class PortIdentity:
    """A port as the router knows it."""

    name: str
    alias: str
    mac: str
    """Lower-case, or "" where the port has none."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What limits one way of a port."""

    bps: int | None
    """Our limit in force, bit/s."""
    ours: bool
    """Something of ours is there, even if incomplete and without effect."""
    foreign: str | None
    """What else shapes it, named."""
    placement: Placement | None = None
    """Where ours hangs on a port that several circuits share."""
    tiers: tuple[Tier, ...] = ()
    """All that hangs above circuits there, ours or not, each after its parent."""
    tier_parents: tuple[str | None, ...] = ()
    """From which agency's class each of them hangs; None: the root, and of the root itself."""


@dataclass(frozen=True, slots=True)
class PortState:
    ingress: Limit
    egress: Limit
    warnings: tuple[str, ...] = ()

    def limit(self, way: Way) -> Limit:
        return self.ingress if way is Way.INGRESS else self.egress


class Readback(Protocol):
    """Reads one platform's answers. Every method raises AnswerUnreadableError for what it does not know."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        """None: there is no such port."""

    def management(self, answers: Answers) -> frozenset[str]:
        """The ports that carry this very session, with all that lies beneath them; empty if untold."""

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        """What limits the port; `foreign` may be empty after the first look."""

    def armed(self, answers: Answers, arm: str) -> Armed: ...


def readback_named(name: str) -> Readback:
    """The reader a dialect names: tc or simple_queue."""
    from netmon.routers.readback_simple_queue import SimpleQueueReadback
    from netmon.routers.readback_tc import TcReadback

    readers: dict[str, Readback] = {"tc": TcReadback(), "simple_queue": SimpleQueueReadback()}
    return readers[name]


def answer(answers: Answers, index: int) -> str:
    """Answer number `index`. Raises AnswerUnreadableError if the verb has fewer commands."""
    try:
        return answers[index]
    except IndexError:
        raise AnswerUnreadableError(
            f"the platform's templates give {len(answers)} answers where {index + 1} are read; restore the bundled ones"
        ) from None


def beneath(ports: set[str], lower: Sequence[tuple[str, str]]) -> frozenset[str]:
    """`ports` and everything under them; `lower` pairs an upper with a lower port."""
    found = set(ports)
    while more := {below for above, below in lower if above in found} - found:
        found |= more
    return frozenset(found)
