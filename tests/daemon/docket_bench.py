"""A docket, and beside it everything judged every time: after each turn the same verdicts must stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from daemon.world import START_NS, a_poll
from support.consumed import used
from support.ledger_oracle import whole
from support.ledgers import opened

from netmon.core.counters import account
from netmon.core.demand import Demand
from netmon.core.directives import Directive
from netmon.core.heads import Ceilings, Head
from netmon.core.ladder import LadderStep, QuotaPolicy
from netmon.core.model import (
    NANOSECONDS,
    Agency,
    Circuit,
    Direction,
    Faces,
    RuleRef,
    TrafficClass,
    Verdict,
)
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, add_usage, from_ns, period_containing
from netmon.core.planning import PlanContext
from netmon.core.windows import Window
from netmon.daemon.consumption import Consumption
from netmon.daemon.decisions import Memory, Question, claims, decide, previous_verdicts
from netmon.daemon.docket import Docket, Owner, Staged
from netmon.daemon.figures import Wanted
from netmon.daemon.percentiles import certain
from netmon.store.closings import DemandKey
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

STALE_AFTER = 120 * NANOSECONDS
EASE_AFTER = 240 * NANOSECONDS
RULE = RuleRef("quotas/standard.yaml", 3)
QUARTER = PeriodRule(PeriodKind.FIXED, length_ns=900 * NANOSECONDS)
TEN_MINUTES = PeriodRule(PeriodKind.FIXED, length_ns=600 * NANOSECONDS)
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def a_policy(name: str, counts: tuple[Direction, ...], volume: int, period: PeriodRule = QUARTER) -> QuotaPolicy:
    ladder = (LadderStep(800, None, RULE), LadderStep(1000, 5_000_000, RULE), LadderStep(1200, 1_000_000, RULE))
    return QuotaPolicy(name, counts, period, volume, ladder, 50, RULE)


def some_minutes(*spans: tuple[int, int]) -> tuple[Window, ...]:
    """Windows in minutes from the minute in which the tests begin, by the clock of Asia/Makassar."""
    began = from_ns(START_NS, "Asia/Makassar")
    first = began.hour * 60 + began.minute
    return tuple(Window(from_minute=(first + low) % 1440, to_minute=(first + high) % 1440) for low, high in spans)


HOLDING = (
    LadderStep(900, 4_000_000, RULE),
    LadderStep(1100, None, RULE, hold=True),
)
RESTORING = (LadderStep(500, 3_000_000, RULE), LadderStep(1500, None, RULE, restore=True))
POLICIES = {
    one.name: one
    for one in (
        a_policy("down", (DOWN,), 3000),
        a_policy("strict", (DOWN,), 2000, TEN_MINUTES),
        a_policy("up", (UP,), 2500),
        replace(a_policy("both", (DOWN, UP), 3000), ladder=HOLDING),
        replace(a_policy("rolling", (DOWN,), 1500, TEN_MINUTES), rollover_permille=300),
        replace(a_policy("timed", (UP,), 1200), when=some_minutes((1, 4), (9, 12))),
        replace(a_policy("gentle", (UP,), 1000, TEN_MINUTES), grace_ns=200 * NANOSECONDS, ladder=RESTORING),
        replace(a_policy("domestic", (DOWN,), 900), traffic_class=TrafficClass.DOMESTIC),
        replace(a_policy("percentile", (DOWN,), 0, PeriodRule(PeriodKind.DAY)), volume_bytes=None, p95_bps=100),
    )
}
AGENCIES = (
    Agency("dinkes", "Dinas Kesehatan", "Asia/Makassar", quotas=("down",)),
    Agency("arsip", "Dinas Arsip", "Asia/Jakarta", quotas=("down", "strict", "up", "both", "rolling")),
    Agency("dishub", "Dinas Perhubungan", "Asia/Makassar", quotas=("strict", "up", "timed", "domestic", "percentile")),
    Agency("bapenda", "Badan Pendapatan", "Asia/Makassar", quotas=("rolling", "gentle", "timed")),
)
CIRCUITS = (
    Circuit("dinkes-fo", "dinkes", "palu", "ether1", Faces.AGENCY),
    Circuit("arsip-fo", "arsip", "palu", "ether2", Faces.AGENCY),
    Circuit("arsip-radio", "arsip", "gowa", "ether1", Faces.PROVINCE),
    Circuit("dishub-fo", "dishub", "gowa", "ether2", Faces.AGENCY),
    Circuit("dishub-radio", "dishub", "gowa", "ether3", Faces.AGENCY, traffic_class=TrafficClass.DOMESTIC),
    Circuit("bapenda-fo", "bapenda", "palu", "ether3", Faces.AGENCY),
)
OF_AGENCY = {agency.id: [one for one in CIRCUITS if one.agency == agency.id] for agency in AGENCIES}
PORTS = {"palu": 3, "gowa": 3}


@dataclass
class Router:
    """What its counters say; they grow by twice as much outward."""

    octets: list[int]
    booted: float = -500_000.0


@dataclass
class Bench:
    """A docket, and beside it everything judged every time."""

    ledger: Ledger
    reader: LedgerReader
    routers: dict[str, Router] = field(default_factory=lambda: {name: Router([0] * n) for name, n in PORTS.items()})
    heads: dict[str, Head] = field(default_factory=dict)
    counting: Mapping[Owner, Verdict] = field(default_factory=dict)
    previous: Mapping[Memory, Verdict] = field(default_factory=dict)
    seen: Mapping[Owner, Verdict] = field(default_factory=dict)
    remembered: Mapping[Memory, Verdict] = field(default_factory=dict)
    directives: tuple[Directive, ...] = ()
    noted: dict[DemandKey, tuple[str, Demand]] = field(default_factory=dict)
    due: list[int] = field(default_factory=list)
    second: float = 0.0

    def __post_init__(self) -> None:
        self.start_again()

    @property
    def now_ns(self) -> int:
        return START_NS + int(self.second * NANOSECONDS)

    def start_again(self) -> None:
        """Another docket takes up the memory of the one before, as after a reload."""
        self.consumption = Consumption(self.heads)
        self.docket = Docket(AGENCIES, POLICIES, OF_AGENCY, self.consumption, self.remembered, self.seen, self.now_ns)

    def demands(self, agency: str, start_ns: int, end_ns: int) -> dict[DemandKey, tuple[str, Demand]]:
        """As the books would have noted them; asked for once in a cell of the grid."""
        return {key: one for key, one in self.noted.items() if key.agency == agency and key.start_ns == start_ns}

    def note(self, octets: int, cells: int) -> None:
        """So many cells of the running day were measured, with so many bytes each."""
        for direction in Direction:
            period = period_containing(PeriodRule(PeriodKind.DAY), self.now_ns, "Asia/Makassar")
            row = Wanted("dishub", None, tuple(OF_AGENCY["dishub"]), direction, period)
            upto_ns = self.now_ns // GRID_NS * GRID_NS
            self.noted[row.key] = (row.digest, Demand(upto_ns, cells, (octets,) * min(cells, 15)))

    def visit(self, name: str, grown: Sequence[int | None], reboots: bool = False) -> None:
        router = self.routers[name]
        if reboots:
            router.booted, router.octets = self.second - 3, [0] * PORTS[name]
        router.octets = [old + (more or 0) for old, more in zip(router.octets, grown, strict=False)]
        read = [None if more is None else octets for octets, more in zip(router.octets, grown, strict=True)]
        visit = account(self.heads.get(name), a_poll(name, self.second, *read, booted=router.booted), Ceilings({}))
        if visit is not None:
            assert self.ledger.commit([visit]) == [True]
            self.heads[name] = visit.head

    def turn(self, trusted: bool = True, recorded: bool = True) -> Staged:
        """One turn of both; the same verdicts must stand after it."""
        docket, now_ns = self.docket, self.now_ns
        docket.roll(now_ns)
        missing = self.consumption.missing(docket.wanted())
        self.consumption.learn(self.reader.openings(missing))
        docket.renew({router for router, _ in missing})
        self.consumption.learn_gaps(self.consumption.new_gaps(self.reader))
        if rows := docket.percentiles_due(now_ns):
            docket.learn_percentiles(certain(self, rows), now_ns)
        for name in docket.routers:
            docket.gather(name, now_ns, STALE_AFTER)
        staged = docket.staged(now_ns, self.directives)
        self.due = docket.due(trusted)
        for at in self.due:
            docket.judge(staged, at, trusted, STALE_AFTER, EASE_AFTER)
        docket.choose(staged, docket.to_choose(staged))
        if recorded:
            self.judge_everything(trusted)
            docket.advance(staged, staged.judged)
            self.seen, self.remembered = docket.end_of_turn(staged)
            assert dict(self.seen) == self.counting
            assert dict(self.remembered) == self.previous
        return staged

    def judge_everything(self, trusted: bool) -> None:
        now_ns, since = self.now_ns, self.consumption
        found = claims(AGENCIES, POLICIES, OF_AGENCY, partial(used, since, self, now_ns), now_ns)
        context = PlanContext(now_ns, len(AGENCIES), 300, {}, clock_trusted=trusted)
        question = Question(now_ns, found, self.previous, self.counting, STALE_AFTER, CIRCUITS, {}, context)
        decision = decide(replace(question, ease_stale_after_ns=EASE_AFTER, directives=self.directives))
        self.counting = {(verdict.agency, verdict.direction): verdict for verdict in decision.verdicts}
        self.previous = previous_verdicts(decision.every)

    def shades_are_right(self) -> None:
        tallies = self.docket.tallies
        estimated, unknown_ns = [0] * len(tallies.all), [0] * len(tallies.all)
        for name in tallies.routers:
            tallies.shade(name, self.now_ns, estimated, unknown_ns)
        for tally in tallies.all:
            period = tally.span.period
            usage = add_usage(
                [
                    whole(self.reader, one.router, one.interface, one.way(tally.direction)).usage(
                        period.start_ns, period.end_ns, self.now_ns
                    )
                    for one in tally.circuits
                ]
            )
            shown = (tally.total, estimated[tally.at], unknown_ns[tally.at])
            assert shown == (usage.proven_bytes, usage.estimated_bytes, usage.unknown_ns)


@contextmanager
def a_bench(directory: Path) -> Iterator[Bench]:
    with opened(directory / "ledger.db") as ledger:
        reader = LedgerReader.open(directory / "ledger.db")
        try:
            yield Bench(ledger, reader)
        finally:
            reader.close()
