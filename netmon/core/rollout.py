"""How far a plan's changes may reach at once: a canary, then growing batches; what waits, and what is taken back.

Tightenings go first. The first router alone is the canary; each batch is as large as what went well before it allows,
and begins when every change of the one before has its receipt. A change that went wrong once the router was touched
halts the rollout: nothing more is tightened, and what its batch has tightened already is loosened again. A change that
failed before the router was touched proves nothing: it halts nothing, and lets no batch grow.

An increase waits while a decrease that it shares capacity with is not in force. Removals are paced and never wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from netmon.core.changes import Action, Change
from netmon.core.model import NANOSECONDS, Circuit, Direction, VerdictReason

ALERT_KEY = "rollout"
FIRST_PAUSE_NS = 60 * NANOSECONDS
LONGEST_PAUSE_NS = 3600 * NANOSECONDS
Group = tuple[Change, ...]
"""Changes of one router, in their order."""


class End(StrEnum):
    """How one change ended, as far as a rollout goes by it."""

    CONFIRMED = "confirmed"
    UNTOUCHED = "untouched"
    """It failed before anything was sent that alters the router."""
    BROKEN = "broken"
    """It was undone, is not known, or failed after the router was touched."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Nothing is tightened until the pause is over; then a canary goes again, whose success ends it."""

    since_ns: int
    until_ns: int
    pause_ns: int
    router: str
    circuit: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """What is still to be tightened, and how much of it at once."""

    waiting: tuple[Group, ...]
    size: int
    """Routers in the next batch."""
    most: int

    def batch(self) -> tuple[tuple[Group, ...], Rollout]:
        """The next batch, and what remains; empty at the end."""
        return self.waiting[: self.size], replace(self, waiting=self.waiting[self.size :])

    def after(self, ends: Iterable[End]) -> Rollout:
        """After a batch that did not halt it: twice as large a batch, where anything went well."""
        grown = min(2 * self.size, self.most) if End.CONFIRMED in ends else self.size
        return replace(self, size=grown)


def tightens(change: Change) -> bool:
    """Whether less may pass after it than before."""
    return change.to_bps is not None and (change.from_bps is None or change.to_bps < change.from_bps)


def by_router(changes: Iterable[Change]) -> tuple[Group, ...]:
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.router, []).append(change)
    return tuple(tuple(group) for group in groups.values())


def begin(tightenings: Iterable[Change], most: int) -> Rollout:
    """The first router is the canary; afterwards up to `most` routers at once."""
    return Rollout(by_router(tightenings), 1, most)


def halted(before: Halt | None, change: Change, now_ns: int) -> Halt:
    """One more halt; the pause doubles from one to the next up to an hour."""
    pause_ns = FIRST_PAUSE_NS if before is None else min(2 * before.pause_ns, LONGEST_PAUSE_NS)
    return Halt(now_ns, now_ns + pause_ns, pause_ns, change.router, change.circuit)


def taken_back(confirmed: Sequence[Change]) -> tuple[Change, ...]:
    """What puts back what a halted batch has tightened, the last first."""
    return tuple(
        replace(
            one,
            action=Action.REMOVE if one.from_bps is None else Action.SET,
            from_bps=one.to_bps,
            to_bps=one.from_bps,
            reason=VerdictReason.ROLLOUT_HALTED,
            rule=None,
            from_placement=one.to_placement,
            to_placement=one.from_placement,
        )
        for one in reversed(confirmed)
    )


def held_back(
    increases: Sequence[Change], undone: Collection[Change], circuits: Mapping[str, Circuit]
) -> frozenset[Change]:
    """Those increases that share capacity with a decrease that is not in force."""
    lacking = {key for change in undone for key in _of(change, circuits)}
    return frozenset(change for change in increases if not lacking.isdisjoint(_of(change, circuits)))


def _of(change: Change, circuits: Mapping[str, Circuit]) -> set[tuple[str, ...]]:
    circuit = circuits.get(change.circuit)
    return {(change.direction.value, "pool", "")} if circuit is None else capacities(circuit, change.direction)


def capacities(circuit: Circuit, direction: Direction) -> set[tuple[str, ...]]:
    """What a circuit draws on and crosses, in one direction. Those that name no pool may all draw on the same."""
    way = direction.value
    found: set[tuple[str, ...]] = {(way, "crosses", name) for name in circuit.crosses}
    found |= {(way, "pool", name) for name in circuit.pools or ("",)}
    if circuit.limited_at is not None:
        found.add((way, "port", circuit.limited_at.router, circuit.limited_at.interface))
    return found
