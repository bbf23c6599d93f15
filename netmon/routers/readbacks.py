"""What a router's answers say: which port this is, what limits it, whose limits they are.

A dialect names one of these readers. Answers come in the order of the verb's commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final, Protocol, TypeVar, runtime_checkable

from netmon.core.adoption import thing_named
from netmon.core.model import Placement, Tier
from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.session import AnswerUnreadableError

Answers = Sequence[str]
_T = TypeVar("_T")

OBJECT: Final = re.compile(r"NM-[0-9A-F]{8}-[A-Z0-9-]{1,20}\Z")
"""What netmon's objects are called; whatever is called otherwise is somebody else's."""
OWNER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_MARKER: Final = re.compile(r"(?<![\w.-])netmon:([A-Za-z0-9][A-Za-z0-9._-]{0,63}):([0-9]{1,18})(?![\w.:-])")


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
class Foreign:
    """Something that shapes a port and was not made by netmon."""

    kind: str
    """The platform's word: service-policy, policer, simple-queue, qdisc."""
    name: str
    way: Way | None
    """None: both."""
    setting: str
    """What is needed to put it back, as the platform shows it."""

    @property
    def named(self) -> str:
        return thing_named(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Ours:
    """One thing of netmon's on a router, as `wipe` takes it off."""

    object: str
    """OBJECT."""
    interface: str
    way: Way | None
    """None: it holds both, or belongs to neither."""
    bps: int | None


@dataclass(frozen=True, slots=True)
class PortState:
    ingress: Limit
    egress: Limit
    warnings: tuple[str, ...] = ()
    foreigners: tuple[Foreign, ...] = ()
    """All that shapes the port besides netmon; the first of a way is also named in its limit."""
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What the platform's templates of `set` and `remove` need to know of the port, by the values' names."""
    nested: tuple[Ours, ...] = ()
    """Limits of netmon's at the port of which this one is a VLAN, or at its own VLANs: both hold for some packets."""

    def limit(self, way: Way) -> Limit:
        return self.ingress if way is Way.INGRESS else self.egress


@dataclass(frozen=True, slots=True)
class Owner:
    """Netmon's marker on a router: whose limits these are."""

    name: str
    """The ledger's id; OWNER_NAME."""
    revision: int
    """Of the change that wrote it."""

    @property
    def marker(self) -> str:
        """`netmon:<name>:<revision>`, for whatever field of a platform takes free text."""
        return f"netmon:{self.name}:{self.revision}"


def owner_in(text: str) -> Owner | None:
    """The first `netmon:<name>:<revision>` in what a router printed."""
    found = _MARKER.search(text)
    return None if found is None else Owner(found[1], int(found[2]))


@dataclass(frozen=True, slots=True)
class Expiry:
    """The end of a limit that the router keeps by itself."""

    present: bool
    seconds_left: int | None = None
    """None: the router does not tell."""


UNBOUND = "-"
"""Instead of a port: what is ours and applied to none."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What matters about a router before it is first touched."""

    version: str
    clock_ns: int | None
    """Its clock when it answered, ns since 1970; None: not told."""
    privileged: bool | None
    """Whether this login may do what the dialect does; None: not told."""
    warnings: tuple[str, ...] = ()
    """Offload, FastTrack and whatever else takes packets past limits; one sentence each."""


class Readback(Protocol):
    """Reads one platform's answers. Every method raises AnswerUnreadableError for what it does not know."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        """None: there is no such port."""

    def management(self, answers: Answers) -> frozenset[str]:
        """The ports that carry this very session, with all that lies beneath them; empty if untold."""

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        """What limits the port; `foreign` may be empty after the first look."""

    def armed(self, answers: Answers, arm: str) -> Armed: ...

    def owner(self, answers: Answers) -> Owner | None:
        """None: there is no marker."""

    def others(self, answers: Answers) -> str | None:
        """Who else is configuring, or has changes neither committed nor saved: a sentence; None: nobody."""

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry: ...

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        """Everything of netmon's on the router, whatever circuit."""

    def survey(self, answers: Answers) -> Survey: ...


@runtime_checkable
class TellsPeer(Protocol):
    """A reader of a platform whose commands cannot find the way back to the session by themselves.

    There `management` is sent twice: with `peer` "-" it prints who is logged in, with `peer` the route to it.
    """

    def peer(self, answers: Answers) -> str | None:
        """The address our session comes from, as the router sees it; None: not told."""


READBACKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tc": "readback_tc:TcReadback",
        "simple_queue": "readback_simple_queue:SimpleQueueReadback",
        "ios": "readback_ios:IosReadback",
        "iosxr": "readback_iosxr:IosXrReadback",
        "vrp5": "readback_vrp:Vrp5Readback",
        "vrp8": "readback_vrp:Vrp8Readback",
        "junos": "readback_junos:JunosReadback",
        "vyos": "readback_vyos:VyosReadback",
        "edgeos": "readback_vyos:EdgeosReadback",
    }
)
"""What `readback` of a dialect.yaml may name: the module of this package and its class."""


def readback_named(name: str) -> Readback:
    """The reader a dialect names; of READBACKS."""
    module, _, reader = READBACKS[name].partition(":")
    found: Readback = getattr(import_module(f"netmon.routers.{module}"), reader)()
    return found


def answer(answers: Answers, index: int) -> str:
    """Answer number `index`. Raises AnswerUnreadableError if the verb has fewer commands."""
    try:
        return answers[index]
    except IndexError:
        raise AnswerUnreadableError(
            f"the platform's templates give {len(answers)} answers where {index + 1} are read; restore the bundled ones"
        ) from None


def if_readable(read: Callable[[], _T]) -> _T | None:
    """What `read` gives, or None: of a thing that is listed to be taken off its rate only says how much it was."""
    try:
        return read()
    except AnswerUnreadableError:
        return None


@contextmanager
def readable(platform: str) -> Iterator[None]:
    """Around a reader: what it stumbles over is an answer it does not know. Raises AnswerUnreadableError."""
    try:
        yield
    except (LookupError, ValueError, ArithmeticError) as error:
        raise AnswerUnreadableError(
            f"the router answered what netmon cannot read as {platform}'s: {type(error).__name__}: {error}"
        ) from error


def blamed(foreigners: Iterable[Foreign], way: Way) -> str | None:
    """The first of them that shapes that way."""
    return next((one.named for one in foreigners if one.way in (way, None)), None)


def beneath(ports: set[str], lower: Sequence[tuple[str, str]]) -> frozenset[str]:
    """`ports` and everything under them; `lower` pairs an upper with a lower port."""
    found = set(ports)
    while more := {below for above, below in lower if above in found} - found:
        found |= more
    return frozenset(found)
