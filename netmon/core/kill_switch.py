"""The global kill switch: one word that netmon limits nothing, anywhere, until another word ends it.

The word stands in a file beside the ledger and in the ledger; either alone is enough, for either may be lost or out of
reach. What its sweeps over the routers did is evidence for the receipt chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from netmon.core.model import NANOSECONDS

ATTEMPTS: Final = 3
"""So often a router is tried in one sweep."""
FIRST_PAUSE_NS: Final = 5 * NANOSECONDS
"""Before the second attempt; doubled before the third."""
SWEEPS_KEPT: Final = 20
"""In the file, until a ledger has them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The word that ended a release."""

    at_ns: int
    by: str
    reason: str


class SweptState(StrEnum):
    """How a router was left by a sweep."""

    CLEARED = "cleared"
    """Limits of netmon's were there, and none was read back."""
    CLEAR = "clear"
    """None was there."""
    LEFT = "left"
    """Some are still there."""
    NOT_READ = "not_read"
    """Whether any is there is not known."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found and did on one router."""

    router: str
    state: SweptState
    removed: tuple[str, ...] = ()
    """Names of the objects that were there and are not any more."""
    left: tuple[str, ...] = ()
    detail: str = ""
    """Why anything is left or unread, or comes back when the router is loaded again."""

    @property
    def is_free(self) -> bool:
        """Whether nothing of netmon's was read back."""
        return self.state in (SweptState.CLEARED, SweptState.CLEAR)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over all routers."""

    id: str
    release: str
    """The release's id."""
    at_ns: int
    by: str
    routers: tuple[Swept, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Somebody's word that netmon limits nothing."""

    id: str
    at_ns: int
    by: str
    reason: str
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What the file holds: the release, and what no ledger may have yet."""

    release: Release
    sweeps: tuple[Sweep, ...] = ()

    def with_sweep(self, sweep: Sweep) -> Noted:
        """The same with one more sweep; of many only the newest are kept."""
        return replace(self, sweeps=(*self.sweeps, sweep)[-SWEEPS_KEPT:])


def in_force(noted: Release | None, recorded: Release | None) -> Release | None:
    """The release that holds now, by what the file and the ledger say; None: netmon may limit.

    `recorded`: the newest in the ledger that no resumption ended there. A file that says it was ended
    speaks for that release alone.
    """
    if noted is not None and noted.ended is None:
        return noted
    if recorded is None or (noted is not None and noted.id == recorded.id):
        return None
    return recorded


def pause_ns(attempt: int) -> int | None:
    """How long to wait after the attempt of that number, 1 for the first; None: no further one."""
    return None if attempt >= ATTEMPTS else FIRST_PAUSE_NS << (attempt - 1)


def remaining(swept: Iterable[Swept]) -> list[str]:
    """Routers on which a limit may still be in force, sorted."""
    return sorted(one.router for one in swept if not one.is_free)


def judged(router: str, before: Sequence[str], after: Sequence[str], trouble: str | None = None) -> Swept:
    """A router of which the objects were read before wiping and after; `trouble`: what went wrong in between."""
    removed = tuple(sorted(set(before) - set(after)))
    if after:
        detail = trouble or "still there after they were taken off"
        return Swept(router, SweptState.LEFT, removed, tuple(sorted(set(after))), detail)
    return Swept(router, SweptState.CLEARED if removed else SweptState.CLEAR, removed, detail=trouble or "")
