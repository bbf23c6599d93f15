"""The books of the running daemon: percentiles taken further, periods closed and closed anew, old visits thinned.

Each does a little at a time and then pauses, in the ledger's own two threads, so that polls are committed between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from netmon.config.load import Configuration
from netmon.core.closing import Closing, ClosingReason
from netmon.core.model import Agency, Circuit
from netmon.core.periods import Period, from_ns, grid_cells, period_containing
from netmon.core.thinning import Midnights, grid
from netmon.daemon.clock import Trust
from netmon.daemon.closing import (
    Deed,
    billed_rules,
    drawn_up,
    drawn_up_again,
    ended,
    observed_since,
    step,
)
from netmon.daemon.control import CommandError
from netmon.daemon.figures import Progress
from netmon.daemon.portions import portions
from netmon.daemon.queries import QueryError, labelled, rfc3339
from netmon.store.closings import DemandKey
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.store.thinning import Level, Thinned

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

CLOSE_PERIOD = "close_period"
"""The verb on the control socket."""
REFRESH_S = 3600.0
FIRST_AFTER_S = 60.0
"""A daemon that has just started has more urgent things to do."""
THINNING_EVERY_S = 300.0
AGENCIES_AT_ONCE = 5
NOTED_AT_ONCE = 25
PAUSE_S = 0.02
BATCH_S = 0.005
"""What one batch of thinning may take of the writer's time: its limit follows."""
LEAST, MOST = 16, 1024
"""Visits judged in one batch."""
REST = 20
"""After each batch the writer is left alone so many times as long as it took."""


class Rooms(Protocol):
    """The ledger's two threads."""

    async def write(self, call: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def read(self, call: Callable[Concatenate[LedgerReader, P], T], *args: P.args, **kwargs: P.kwargs) -> T: ...


@dataclass(frozen=True, slots=True)
class _Account:
    """One agency's one period."""

    agency: Agency
    circuits: tuple[Circuit, ...]
    period: Period


class Books:
    """Everything about periods and age, under one configuration."""

    def __init__(
        self, configuration: Configuration, ledger: Rooms, now_ns: Callable[[], int], trust: Callable[[], Trust]
    ) -> None:
        self._configuration, self._ledger, self._now_ns, self._trust = configuration, ledger, now_ns, trust
        circuits: dict[str, list[Circuit]] = {}
        for circuit in configuration.circuits:
            circuits.setdefault(circuit.agency, []).append(circuit)
        self._circuits = {agency: tuple(some) for agency, some in circuits.items()}
        self._limit = LEAST

    # --- by itself ---------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Every hour, for ever: takes further what is open, writes down what came late, closes what is due."""
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            if self._trust():
                await self.refresh()
                await self.restate()
                await self.close_due()
            await asyncio.sleep(REFRESH_S)

    async def thin(self) -> None:
        """For ever: whatever is old enough, in batches that take some milliseconds each."""
        while True:
            await asyncio.sleep(THINNING_EVERY_S)
            if self._trust():
                await self.thin_once()

    async def refresh(self) -> None:
        """Notes the demand of every period that runs, or ended and was not read to its end. Raises StoreError."""
        now_ns = self._now_ns()
        routers = {circuit.router for circuit in self._configuration.circuits}
        first_visits = await self._ledger.read(LedgerReader.first_visits_ns, routers)
        for some in portions(self._open_accounts(now_ns, first_visits), NOTED_AT_ONCE):
            demands: dict[DemandKey, Progress] = {}
            for one in some:
                more = True
                while more:
                    ours = (one.agency.id, one.circuits, one.period)
                    found, more = await self._ledger.read(step, *ours, now_ns)
                    demands |= found
                    if more:
                        await self._ledger.write(Ledger.note_demands, found)
                    await asyncio.sleep(PAUSE_S)
            await self._ledger.write(Ledger.note_demands, demands)

    async def restate(self) -> list[Closing]:
        """Closes periods anew of which late readings came since. Raises StoreError."""
        restated: list[Closing] = []
        for some in portions(await self._ledger.read(LedgerReader.unsettled), AGENCIES_AT_ONCE):
            drawn = [await self._ledger.read(drawn_up_again, one, self._now_ns()) for one in some]
            restated += await self._ledger.write(Ledger.close_periods, drawn)
            await asyncio.sleep(PAUSE_S)
        for closing in restated:
            log.warning("%s: late readings made revision %d of %s", closing.agency, closing.revision, closing.label)
        return restated

    async def close_due(self) -> list[Closing]:
        """Closes what `ledger.close_after` says is due. Raises StoreError."""
        after_ns = self._configuration.settings.ledger.close_after
        if after_ns is None:
            return []
        due = await self._ledger.read(self._due, self._now_ns() - after_ns)
        closed = await self._close(due, Deed("netmon", ClosingReason.CLOSED_AUTOMATICALLY, ""))
        if closed:
            log.info("closed %d periods by ledger.close_after", len(closed))
        return closed

    async def thin_once(self) -> int:
        """Every router once, as far as it goes; how many visits were dropped. Raises StoreError."""
        retention, now_ns = self._configuration.settings.ledger.retention, self._now_ns()
        zones = {agency.timezone for agency in self._configuration.agencies}
        midnights = Midnights({"UTC", self._configuration.settings.site.timezone, *zones})
        levels = (Level("grid", grid, now_ns - retention.raw), Level("daily", midnights, now_ns - retention.grid))
        dropped = 0
        for router in await self._ledger.write(Ledger.routers):
            for level in levels:
                dropped += await self._in_batches(partial(_thin, router, level))
            dropped += await self._in_batches(partial(_expire, router, now_ns - retention.daily))
        return dropped

    async def _in_batches(self, work: Callable[[Ledger, int], Thinned]) -> int:
        """The number of visits in a batch follows the time that a batch took."""
        dropped, more = 0, True
        while more:
            done, took_s = await self._ledger.write(_timed, work, self._limit)
            dropped, more = dropped + done.dropped, done.more
            if took_s > BATCH_S:
                self._limit = max(LEAST, self._limit // 2)
            elif done.more and took_s < BATCH_S / 2:
                self._limit = min(MOST, self._limit * 2)
            await asyncio.sleep(REST * took_s)
        return dropped

    # --- on demand ---------------------------------------------------------------------------------

    async def close(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The verb of that name: `period` (a label; without one the last that ended), `agencies` (all), `reason`,
        `by`. Raises CommandError with one sentence, StoreError.
        """
        reason = args.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise CommandError("a period is closed with a reason for the record; give --reason")
        trust = self._trust()
        if not trust:
            raise CommandError(f"no period is closed: {trust.objection}; start a time service, then try again")
        now_ns = self._now_ns()
        label = args.get("period")
        accounts = [
            account
            for agency in self._named(args.get("agencies") or ())
            for account in self._accounts_to_close(agency, None if label is None else str(label), now_ns)
        ]
        written = await self._close(accounts, Deed(str(args.get("by") or "operator"), ClosingReason.CLOSED, reason))
        done = {(one.agency, one.start_ns, one.end_ns) for one in written}
        return {
            "closed": [closing_row(one) for one in written],
            "unchanged": [
                {"agency": one.agency.id, "period": one.period.label}
                for one in accounts
                if (one.agency.id, one.period.start_ns, one.period.end_ns) not in done
            ],
        }

    def _named(self, names: Iterable[object]) -> Sequence[Agency]:
        agencies = {agency.id: agency for agency in self._configuration.agencies}
        unknown = next((name for name in names if name not in agencies), None)
        if unknown is not None:
            raise CommandError(f"there is no agency {unknown}; netmon usage lists them")
        return [agencies[str(name)] for name in names] or self._configuration.agencies

    def _accounts_to_close(self, agency: Agency, label: str | None, now_ns: int) -> Iterator[_Account]:
        periods: dict[tuple[int, int], Period] = {}
        for rule in billed_rules(self._configuration, agency):
            if label is None:
                running = period_containing(rule, now_ns, agency.timezone)
                period = period_containing(rule, running.start_ns - 1, agency.timezone)
            else:
                try:
                    period = labelled(label, rule, agency.timezone)
                except QueryError as error:
                    raise CommandError(str(error)) from error
            periods[period.start_ns, period.end_ns] = period
        for period in periods.values():
            if period.end_ns > now_ns:
                end = rfc3339(period.end_ns, agency.timezone)
                raise CommandError(f"{period.label} of {agency.id} ends at {end}; close it after that")
            yield _Account(agency, self._circuits.get(agency.id, ()), period)

    async def _close(self, accounts: Sequence[_Account], deed: Deed) -> list[Closing]:
        written: list[Closing] = []
        for some in portions(accounts, AGENCIES_AT_ONCE):
            drawn = [
                await self._ledger.read(
                    drawn_up, one.agency.id, one.agency.timezone, one.circuits, one.period, deed, self._now_ns()
                )
                for one in some
            ]
            written += await self._ledger.write(Ledger.close_periods, drawn)
        return written

    # --- which ---------------------------------------------------------------------------------------

    def _open_accounts(self, now_ns: int, first_visits: Mapping[str, int]) -> list[_Account]:
        """The running period of every agency, and the one before it, which may not have been read to its end.

        Those of which no whole cell is over can wait.
        """
        found: list[_Account] = []
        for agency in self._configuration.agencies:
            circuits = self._circuits.get(agency.id, ())
            since_ns = observed_since(first_visits, circuits)
            for rule in billed_rules(self._configuration, agency) if since_ns is not None else ():
                running = period_containing(rule, now_ns, agency.timezone)
                before = period_containing(rule, running.start_ns - 1, agency.timezone)
                found += [
                    _Account(agency, circuits, period)
                    for period in (before, running)
                    if since_ns is not None and grid_cells(max(period.start_ns, since_ns), min(period.end_ns, now_ns))
                ]
        return found

    def _due(self, reader: LedgerReader, now_ns: int) -> list[_Account]:
        """The periods that ended by then, were observed and are not closed."""
        first_visits = reader.first_visits_ns({circuit.router for circuit in self._configuration.circuits})
        found: list[_Account] = []
        for agency in self._configuration.agencies:
            circuits = self._circuits.get(agency.id, ())
            since_ns = observed_since(first_visits, circuits)
            if since_ns is None:
                continue
            for rule in billed_rules(self._configuration, agency):
                for period in ended(rule, agency.timezone, now_ns, since_ns):
                    if reader.is_closed(agency.id, period.start_ns, period.end_ns):
                        break
                    found.append(_Account(agency, circuits, period))
        return found


def closing_row(closing: Closing) -> dict[str, Any]:
    """One revision as the contracts show it, without its figures."""
    return {
        "agency": closing.agency,
        "period": closing.label,
        "period_start": rfc3339(closing.start_ns, closing.zone),
        "period_end": rfc3339(closing.end_ns, closing.zone),
        "revision": closing.revision,
        "at": from_ns(closing.at_ns, closing.zone).isoformat(timespec="seconds"),
        "by": closing.by,
        "reason": closing.reason.value,
        "note": closing.note or None,
    }


def closing_rows(reader: LedgerReader, agency: str | None, limit: int) -> list[dict[str, Any]]:
    """The `data` of `netmon/periods/1`: every revision, the newest first. Raises StoreError."""
    return [closing_row(one) for one in reader.closings(agency, limit)]


def _thin(router: str, level: Level, ledger: Ledger, limit: int) -> Thinned:
    return ledger.thin(router, level, limit)


def _expire(router: str, before_ns: int, ledger: Ledger, limit: int) -> Thinned:
    return ledger.expire(router, before_ns, limit)


def _timed(ledger: Ledger, work: Callable[[Ledger, int], Thinned], limit: int) -> tuple[Thinned, float]:
    began = time.perf_counter()
    done = work(ledger, limit)
    return done, time.perf_counter() - began
