"""Rolls a plan out: a canary, then growing batches; halts and takes back what goes wrong (core/rollout)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netmon.core import alerting, rollout
from netmon.core.alerting import Condition
from netmon.core.alerts import Alert, AlertState
from netmon.core.changes import Action, Change, Receipt
from netmon.core.model import Circuit
from netmon.core.rollout import End, Group, Halt, Rollout

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one change."""

    end: End
    receipt: Receipt | None
    """None: it was not begun, or how it ended is not known yet."""


@dataclass(slots=True)
class _Tally:
    """What one plan came to so far."""

    receipts: list[Receipt] = field(default_factory=list)
    in_force: set[Change] = field(default_factory=set)


class Rolling:
    """One plan at a time."""

    def __init__(
        self,
        circuits: Mapping[str, Circuit],
        most: int,
        now_ns: Callable[[], int],
        perform: Callable[[Change], Awaitable[Tried | None]],
        told: Alert | None,
    ) -> None:
        """`most`: routers at once; `perform` yields None where a change may not be begun now, and with it nothing
        more on its router; `told`: the last alert of a halted rollout."""
        self._circuits, self._most, self._now_ns, self._perform = circuits, most, now_ns, perform
        self.ending = False
        """Nothing more is begun."""
        self._halt: Halt | None = None
        self._before: Halt | None = None
        """The last halt, until a canary goes well: how long the next one lasts follows from it."""
        if told is not None and told.state is not AlertState.RESOLVED:
            self._halt = Halt(
                told.since_ns,
                told.since_ns + rollout.FIRST_PAUSE_NS,
                rollout.FIRST_PAUSE_NS,
                told.router or "",
                told.circuit or "",
            )
            self._before = self._halt

    @property
    def halt(self) -> Halt | None:
        """In force, or waiting for a canary to go well; None: nothing went wrong."""
        return self._halt

    @property
    def is_halted(self) -> bool:
        """Whether nothing may be tightened now."""
        return self._halt is not None and self._now_ns() < self._halt.until_ns

    def forget(self) -> None:
        """A person asks: a canary goes at once."""
        self._halt = self._before = None

    def condition(self) -> Condition:
        return alerting.rollout_condition(self._halt)

    async def carry_out(self, due: Sequence[Change], waiting: Iterable[Change]) -> list[Receipt]:
        """Decreases, then those increases that wait for none of them; removals in every case.

        `waiting`: changes of the plan whose turn has not come after a failure.
        """
        decreases = [change for change in due if rollout.tightens(change)]
        tally = _Tally()
        if not self.is_halted:
            await self._tighten(rollout.begin(decreases, self._most), tally)
        undone = [change for change in decreases if change not in tally.in_force]
        undone += [change for change in waiting if rollout.tightens(change)]
        rest = [change for change in due if not rollout.tightens(change)]
        increases = [change for change in rest if change.action is not Action.REMOVE]
        held = rollout.held_back(increases, undone, self._circuits)
        gate = asyncio.Semaphore(self._most)
        groups = rollout.by_router(change for change in rest if change not in held)
        ends = await asyncio.gather(*(self._paced(gate, group) for group in groups))
        tally.receipts += [tried.receipt for end in ends for _, tried in end if tried.receipt is not None]
        return tally.receipts

    async def _tighten(self, plan: Rollout, tally: _Tally) -> None:
        while not self.ending:
            batch, plan = plan.batch()
            if not batch:
                return
            found = [
                one for group in await asyncio.gather(*(self._one_router(group) for group in batch)) for one in group
            ]
            tally.receipts += [tried.receipt for _, tried in found if tried.receipt is not None]
            confirmed = [change for change, tried in found if tried.end is End.CONFIRMED]
            broken = next((change for change, tried in found if tried.end is End.BROKEN), None)
            if broken is not None:
                self._halted_by(broken)
                tally.in_force.difference_update(confirmed)
                tally.receipts += await self._take_back(confirmed)
                return
            tally.in_force.update(confirmed)
            if confirmed:
                self._went_well()
            plan = plan.after(tried.end for _, tried in found)

    def _halted_by(self, broken: Change) -> None:
        self._halt = self._before = rollout.halted(self._before, broken, self._now_ns())
        log.error("%s: the rollout is halted: a change of %s went wrong", broken.router, broken.circuit)

    def _went_well(self) -> None:
        if self._halt is not None:
            log.warning("a canary went well: the rollout that was halted goes on")
        self._halt = self._before = None

    async def _take_back(self, confirmed: Sequence[Change]) -> list[Receipt]:
        """What the batch has tightened, where its router still is as it was left."""
        groups = rollout.by_router(rollout.taken_back(confirmed))
        done = await asyncio.gather(*(self._one_router(group) for group in groups))
        return [tried.receipt for group in done for _, tried in group if tried.receipt is not None]

    async def _paced(self, gate: asyncio.Semaphore, group: Group) -> list[tuple[Change, Tried]]:
        async with gate:
            return await self._one_router(group)

    async def _one_router(self, group: Group) -> list[tuple[Change, Tried]]:
        """One by one, until one may not be begun or is not known to have ended."""
        done: list[tuple[Change, Tried]] = []
        for change in group:
            tried = None if self.ending else await self._perform(change)
            if tried is None:
                break
            done.append((change, tried))
            if tried.receipt is None or (tried.end is End.BROKEN and rollout.tightens(change)):
                break
        return done
