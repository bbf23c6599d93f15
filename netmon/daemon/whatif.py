"""The time machine: a period of the ledger's history under other policies. Nothing here alters anything.

Policies are taken to come into force as the period begins. docs/whatif.md says what the figures mean, and what not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netmon.config.load import Configuration
from netmon.core.closing import Port
from netmon.core.directing import concerns
from netmon.core.directives import Directive
from netmon.core.foregone import Foregone, Supplied
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, leaves
from netmon.core.periods import GRID_NS, Period, period_before, period_containing
from netmon.core.replay import Counting, Staleness, Turn
from netmon.daemon.enforced import Enforced, enforced, events
from netmon.daemon.figures import Reckoning
from netmon.daemon.lines import Lines
from netmon.daemon.queries import MONTH, QueryError, labelled, rfc3339
from netmon.daemon.ramps import Bases
from netmon.daemon.rations import Place, Rations
from netmon.daemon.replaying import Case, Replaying, applied
from netmon.store.reader import LedgerReader

CELL_S = GRID_NS // NANOSECONDS
DIRECTIVES_AT_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """A period gone through once more."""

    period: Period
    """As far as it has elapsed, on the grid."""
    zone: str
    cases: Sequence[Case]
    was: Sequence[Enforced]
    """By case."""
    supplied: Mapping[Place, Supplied]
    """Of pools only where all agencies were asked for."""
    rationed: Mapping[Direction, int]
    """Cells in which sharing a pool would have cut somebody."""

    @property
    def first_cell(self) -> int:
        return self.period.start_ns // GRID_NS

    def affected(self) -> list[int]:
        """Cases with a limit, as it was or would have been, the greatest harm first."""

        def harm(number: int) -> tuple[int, int, int, str]:
            of = self.cases[number].foregone
            return -of.cut_bytes, -of.slowed, -of.limited, self.cases[number].agency.id

        found = [
            number
            for number, (case, was) in enumerate(zip(self.cases, self.was, strict=True))
            if case.foregone.limited or case.foregone.slowed or was.spans
        ]
        return sorted(found, key=harm)


def replayed(
    configuration: Configuration, reader: LedgerReader, label: str, agencies: Collection[str], now_ns: int
) -> Replayed:
    """The period under the configuration's policies; of these agencies, or of all. Raises QueryError, StoreError."""
    zone = configuration.settings.site.timezone
    period = labelled(label, MONTH, zone)
    cells = range(period.start_ns // GRID_NS, min(period.end_ns, now_ns) // GRID_NS)
    if not cells:
        raise QueryError(f"{label} has not begun; nothing of it can be replayed")
    chosen = _chosen(configuration, agencies)
    circuits = [one for one in configuration.circuits if not agencies or one.agency in agencies]
    period = Period(period.start_ns, cells.stop * GRID_NS, period.label)
    begun = reader.first_visits_ns({circuit.router for circuit in circuits})
    if not any(at_ns < period.end_ns for at_ns in begun.values()):
        raise QueryError(f"the ledger holds nothing of {label}; netmon usage shows of what it does")
    control = configuration.settings.control
    staleness = Staleness(control.stale_after, control.ease_stale_after)
    known = events(reader.changes_until(period.end_ns))
    found = list(_cases(configuration, chosen, circuits, cells, staleness, _directives(reader, period)))
    was = [enforced(known, case.circuits, case.direction, period.start_ns, period.end_ns) for case in found]
    for case, before in zip(found, was, strict=True):
        case.in_force = [(low // GRID_NS, -(-high // GRID_NS)) for low, high in before.spans]
    lines = Lines(reader, circuits, cells, staleness.stale_after_ns)
    rations = Rations(configuration, found, cells, whole=not agencies)
    for day in Replaying(lines, found, cells, staleness, _bases(reader, found, cells.start, now_ns)).days():
        rations.add(day)
    return Replayed(period, zone, found, was, rations.supplied(), rations.rationed)


def _chosen(configuration: Configuration, agencies: Collection[str]) -> list[Agency]:
    unknown = sorted(set(agencies) - {agency.id for agency in configuration.agencies})
    if unknown:
        raise QueryError(f"there is no agency {unknown[0]}; netmon usage lists them")
    chosen = [agency for agency in configuration.agencies if not agencies or agency.id in agencies]
    for agency in chosen:
        for name in agency.quotas:
            length_ns = configuration.policies[name].period.length_ns
            if length_ns % GRID_NS:
                raise QueryError(
                    f"the policy {name} has periods that are no multiple of 5m, which is how finely is replayed"
                )
    return chosen


def _directives(reader: LedgerReader, period: Period) -> list[Directive]:
    """Those that held at any time of the period."""

    def over_ns(one: Directive) -> int:
        return min((end for end in (one.until_ns, one.ended_ns) if end is not None), default=period.end_ns)

    found = reader.all_directives(DIRECTIVES_AT_MOST)
    return [one for one in found if one.at_ns < period.end_ns and over_ns(one) > period.start_ns]


def _cases(
    configuration: Configuration,
    agencies: Sequence[Agency],
    circuits: Sequence[Circuit],
    cells: range,
    staleness: Staleness,
    directives: Sequence[Directive],
) -> Iterator[Case]:
    ours: dict[str, list[Circuit]] = {}
    for circuit in circuits:
        ours.setdefault(circuit.agency, []).append(circuit)
    for agency in agencies:
        concerning = [one for one in directives if concerns(one, agency.id)]
        entitled = tuple(one for one in configuration.entitlements if one.agency == agency.id)
        for direction in Direction if agency.id in ours else ():
            yield Case(
                agency=agency,
                direction=direction,
                circuits=tuple(ours[agency.id]),
                applied=applied(configuration.policies, agency, direction, staleness),
                foregone=Foregone(len(cells)),
                counting=Counting(concerning),
                entitlements=entitled,
            )


def _bases(reader: LedgerReader, cases: Sequence[Case], first_cell: int, now_ns: int) -> Bases:
    """What was used by then of periods that had begun before, and of those before them."""
    at_ns = first_cell * GRID_NS
    totals: dict[tuple[str, Direction, int], int] = {}
    proven: dict[tuple[str, Direction, int], int] = {}
    circuits = list({circuit.id: circuit for case in cases for circuit in case.circuits}.values())
    places = reader.places(sorted({circuit.router for circuit in circuits}))
    rules = {(one.policy, case.agency.timezone) for case in cases for one in case.applied}
    periods = {(of.period, zone): period_containing(of.period, at_ns, zone) for of, zone in rules}
    reckoning = Reckoning(reader, now_ns)
    for start_ns in {period.start_ns for period in periods.values() if period.start_ns < at_ns}:
        openings = reader.openings((router, start_ns) for router in sorted({circuit.router for circuit in circuits}))
        for circuit in circuits:
            place, opening = places.get((circuit.router, circuit.interface)), openings.get((circuit.router, start_ns))
            if place is None or opening is None or place >= len(opening.after_ns) or opening.after_ns[place] is None:
                continue
            for direction in Direction:
                totals[circuit.id, direction, start_ns] = opening.after[leaves(direction, circuit.faces)][place]
    for case in cases:
        for one in case.applied if any(one.policy.rollover_permille for one in case.applied) else ():
            rule, zone = one.policy.period, case.agency.timezone
            period = periods[rule, zone]
            before = period_before(rule, period, zone)
            reckoning.prepare(circuits, before)
            for circuit in case.circuits:
                for direction in one.policy.counts:
                    port = Port(circuit.id, circuit.router, circuit.interface, circuit.way(direction))
                    proven[circuit.id, direction, period.start_ns] = reckoning.usage(port, before).proven_bytes
    return Bases(totals, proven)


# --- as a document -------------------------------------------------------------------------------


def whatif_data(found: Replayed, policies: str | None) -> dict[str, Any]:
    """The `data` of `netmon/whatif/1`; `policies`: the directory they were taken from."""
    rows = [_row(found, number) for number in found.affected()]
    foregone = [case.foregone for case in found.cases]
    return {
        "period": found.period.label,
        "start": rfc3339(found.period.start_ns, found.zone),
        "end": rfc3339(found.period.end_ns, found.zone),
        "timezone": found.zone,
        "policies": policies,
        "grid_seconds": CELL_S,
        "agencies": rows,
        "pools": [_pool(found, place, of) for place, of in found.supplied.items() if place[0] is not None],
        "totals": {
            "agencies": len({case.agency.id for case in found.cases}),
            "agencies_slowed": len({case.agency.id for case in found.cases if case.foregone.slowed}),
            "carried_bytes": sum(one.carried_bytes for one in foregone),
            "cut_bytes": sum(one.cut_bytes for one in foregone),
            "slowed_seconds": CELL_S * sum(one.slowed for one in foregone),
            "limited_seconds": CELL_S * sum(one.limited for one in foregone),
            "was_limited_seconds": sum(_seconds(was) for was in found.was),
            "censored_seconds": CELL_S * sum(one.censored for one in foregone),
            "unmeasured_seconds": CELL_S * sum(one.cells - one.measured for one in foregone),
            "floor_broken_seconds": CELL_S * sum(one.floor_broken for one in foregone),
        },
    }


def _row(found: Replayed, number: int) -> dict[str, Any]:
    case, was, of = found.cases[number], found.was[number], found.cases[number].foregone
    floored = of.floor_kept + of.floor_broken

    def at(cell: int | None) -> str | None:
        return None if cell is None else rfc3339((found.first_cell + cell) * GRID_NS, case.agency.timezone)

    return {
        "agency": case.agency.id,
        "direction": case.direction.value,
        "policies": [one.policy.name for one in case.applied],
        "carried_bytes": of.carried_bytes,
        "unmeasured_seconds": CELL_S * (of.cells - of.measured),
        "was": {
            "limited_seconds": _seconds(was),
            "least_limit_bps": was.least_bps,
            "first_limited": rfc3339(was.spans[0][0], case.agency.timezone) if was.spans else None,
        },
        "would_be": {
            "limited_seconds": CELL_S * of.limited,
            "least_limit_bps": of.least_bps,
            "first_limited": at(of.first_limited),
            "slowed_seconds": CELL_S * of.slowed,
            "first_slowed": at(of.first_slowed),
            "cut_bytes": of.cut_bytes,
            "cut_ratio": round(of.cut_bytes / of.carried_bytes, 6) if of.carried_bytes else None,
        },
        "censored_seconds": CELL_S * of.censored,
        "floor_kept_seconds": CELL_S * of.floor_kept if floored else None,
        "floor_broken_seconds": CELL_S * of.floor_broken if floored else None,
        "turns": [_turn(turn, case.agency.timezone) for turn in case.turns],
    }


def _turn(turn: Turn, zone: str) -> dict[str, Any]:
    verdict = turn.verdict
    evidence, rule = verdict.evidence, verdict.rule
    return {
        "at": rfc3339(turn.cell * GRID_NS, zone),
        "limit_bps": None if verdict.limit is None else verdict.limit.ceiling_bps,
        "reason": verdict.reason.value,
        "policy": verdict.policy,
        "step": verdict.step,
        "rule": None if rule is None else {"file": rule.file, "line": rule.line},
        "proven_bytes": evidence.get("proven_bytes"),
        "quota_bytes": evidence.get("quota_bytes"),
    }


def _pool(found: Replayed, place: Place, of: Supplied) -> dict[str, Any]:
    (mean, mean_left), (peak, peak_left) = of.mean_bps, of.peak_bps
    wasted_bytes, wasted = of.wasted
    purchased = of.purchased_bps or 0
    return {
        "pool": place[0],
        "direction": place[1].value,
        "purchased_bps": purchased,
        "was": {"mean_bps": mean, "peak_bps": peak, "utilisation_ratio": round(mean / purchased, 6)},
        "would_be": {
            "mean_bps": mean_left,
            "peak_bps": peak_left,
            "utilisation_ratio": round(mean_left / purchased, 6),
        },
        "scarce_seconds": CELL_S * of.scarce,
        "shared_seconds": CELL_S * found.rationed[place[1]],
        "wasted_bytes": wasted_bytes,
        "wasted_seconds": CELL_S * wasted,
        "partly_unmeasured_seconds": CELL_S * sum(map(bool, of.unmeasured)),
    }


def _seconds(was: Enforced) -> int:
    return sum(high - low for low, high in was.spans) // NANOSECONDS
