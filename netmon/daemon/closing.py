"""Drawing up what a period is closed with, from ledger and configuration. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from netmon.config.load import Configuration
from netmon.core.closing import Closing, ClosingReason, Drawn
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Faces
from netmon.core.periods import Period, PeriodKind, PeriodRule, grid_cells, period_containing
from netmon.daemon.figures import Progress, Reckoning, Wanted
from netmon.daemon.queries import MONTH
from netmon.store.closings import DemandKey
from netmon.store.reader import LedgerReader

STEP_NS = 86_400 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Deed:
    """Who closes, why, and in what words."""

    by: str
    reason: ClosingReason
    note: str


def billed_rules(configuration: Configuration, agency: Agency) -> tuple[PeriodRule, ...]:
    """How the agency's time is cut into periods that are closed: its quotas', or the calendar month.

    Parts of a day are never closed: they are for trying things out, or shape traffic and bill nothing.
    """
    rules = dict.fromkeys(configuration.policies[name].period for name in agency.quotas)
    rules_of_days = tuple(rule for rule in rules if rule.kind is not PeriodKind.FIXED)
    directions = {way for name in agency.quotas for way in configuration.policies[name].counts}
    return rules_of_days if len(directions) == len(Direction) else tuple(dict.fromkeys((*rules_of_days, MONTH)))


def wanted_of(agency: str, circuits: Sequence[Circuit], period: Period) -> list[Wanted]:
    """All rows of an agency's period: the whole, then each circuit, either way."""
    return [
        Wanted(agency, name, some, direction, period)
        for direction in Direction
        for name, some in ((None, tuple(circuits)), *((one.id, (one,)) for one in circuits))
    ]


def progress(
    reader: LedgerReader, agency: str, circuits: Sequence[Circuit], period: Period, now_ns: int
) -> dict[DemandKey, Progress]:
    """The demands of the agency's period taken as far as its ports were read; those at its end already are left out."""
    found: dict[DemandKey, Progress] = {}
    more = True
    while more:
        taken, more = step(reader, agency, circuits, period, now_ns, found)
        found |= taken
    return found


def step(
    reader: LedgerReader,
    agency: str,
    circuits: Sequence[Circuit],
    period: Period,
    now_ns: int,
    ahead: Mapping[DemandKey, Progress] = MappingProxyType({}),
) -> tuple[dict[DemandKey, Progress], bool]:
    """The demands taken further by a day at most, from those noted or `ahead` of them, and whether there is more.

    A month of a router's visits is more than should be held at once.
    """
    noted = reader.reckoned(period.start_ns, period.end_ns, agency, circuits=True)
    going = [
        one
        for one in wanted_of(agency, circuits, period)
        if (last := noted.get(one.key)) is None or last.upto_ns < period.end_ns or last.ports != one.digest
    ]
    if not going:
        return {}, False
    known = {**reader.demands(agency, period.start_ns, period.end_ns), **ahead}
    before = {one.key: known[one.key] for one in going if one.key in known and known[one.key][0] == one.digest}
    # Each from where it is: a port that is gone holds up what it is summed with, and nothing else.
    by_reach: dict[int, list[Wanted]] = {}
    is_new = len(before) < len(going)
    first_visits = reader.first_visits_ns({circuit.router for circuit in circuits}) if is_new else {}
    for one in going:
        if one.key in before:
            reached_ns = before[one.key][1].upto_ns
        else:  # the days before anything was read are passed at once
            reached_ns = max(period.start_ns, observed_since(first_visits, one.circuits) or 0)
        by_reach.setdefault(reached_ns, []).append(one)
    moved: dict[DemandKey, Progress] = {}
    more = False
    for reached_ns, some in by_reach.items():
        step_ns = min(now_ns, period.end_ns, reached_ns + STEP_NS)
        if not grid_cells(reached_ns, step_ns):
            continue
        found = Reckoning(reader, step_ns).further(some, before)
        new = {key: one for key, one in found.items() if one != before.get(key)}
        moved |= new
        more |= bool(new) and step_ns < min(now_ns, period.end_ns)
    return moved, more


def drawn_up(
    reader: LedgerReader, agency: str, zone: str, circuits: Sequence[Circuit], period: Period, deed: Deed, now_ns: int
) -> Drawn:
    """The figures of a period that is over; its revision is given when it is written. Raises StoreError."""
    reckoning = Reckoning(reader, now_ns)
    wanted = wanted_of(agency, circuits, period)
    figures = tuple(reckoning.figures(wanted, progress(reader, agency, circuits, period, now_ns)))
    closing = Closing(
        agency=agency,
        label=period.label,
        zone=zone,
        start_ns=period.start_ns,
        end_ns=period.end_ns,
        revision=1,
        at_ns=now_ns,
        by=deed.by,
        reason=deed.reason,
        note=deed.note,
        figures=figures,
    )
    return Drawn(closing, reckoning.settled([port for one in wanted for port in one.ports], period))


def drawn_up_again(reader: LedgerReader, closing: Closing, now_ns: int) -> Drawn:
    """The same period with the same ports, from what the ledger holds now: a late reading may have come."""
    period = Period(closing.start_ns, closing.end_ns, closing.label)
    deed = Deed("netmon", ClosingReason.LATE_READINGS, "")
    return drawn_up(reader, closing.agency, closing.zone, circuits_of(closing), period, deed, now_ns)


def circuits_of(closing: Closing) -> tuple[Circuit, ...]:
    """The circuits as they were when the period was closed, as far as its figures depend on them."""
    found: dict[str, Circuit] = {}
    for one in closing.figures:
        for port in one.ports:
            leaving = (one.direction is Direction.DOWNLOAD) == (port.way == "out")
            faces = Faces.AGENCY if leaving else Faces.PROVINCE
            found.setdefault(port.circuit, Circuit(port.circuit, closing.agency, port.router, port.interface, faces))
    return tuple(found.values())


def ended(rule: PeriodRule, zone: str, now_ns: int, since_ns: int, most: int = 12) -> Iterator[Period]:
    """The periods that are over, the newest first, down to the one in which `since_ns` lies; at most so many."""
    period = period_containing(rule, now_ns, zone)
    for _ in range(most):
        if period.start_ns <= since_ns:
            return
        period = period_containing(rule, period.start_ns - 1, zone)
        yield period


def observed_since(first_visits: Mapping[str, int], circuits: Sequence[Circuit]) -> int | None:
    """Since when any of the circuits is observed; None: not yet."""
    return min((first_visits[one.router] for one in circuits if one.router in first_visits), default=None)
