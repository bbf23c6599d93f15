"""Judging only what can have changed says what judging everything says, turn by turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from daemon.world import START_NS, a_poll
from hypothesis import given, settings
from hypothesis import strategies as st
from support.consumed import used
from support.ledger_oracle import whole
from support.ledgers import a_verdict, opened

from netmon.core.counters import account
from netmon.core.heads import Ceilings, Head
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Faces, RuleRef, Verdict, VerdictReason
from netmon.core.periods import PeriodKind, PeriodRule, add_usage
from netmon.core.planning import PlanContext
from netmon.core.quota import LadderStep, QuotaPolicy
from netmon.daemon.consumption import Consumption
from netmon.daemon.decisions import Question, claims, decide, previous_verdicts
from netmon.daemon.docket import Docket, Owner, Staged
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

STALE_AFTER = 120 * NANOSECONDS
RULE = RuleRef("quotas/standard.yaml", 3)
QUARTER = PeriodRule(PeriodKind.FIXED, length_ns=900 * NANOSECONDS)
TEN_MINUTES = PeriodRule(PeriodKind.FIXED, length_ns=600 * NANOSECONDS)
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def a_policy(name: str, direction: Direction, volume: int, period: PeriodRule = QUARTER) -> QuotaPolicy:
    ladder = (LadderStep(800, None, RULE), LadderStep(1000, 5_000_000, RULE), LadderStep(1200, 1_000_000, RULE))
    return QuotaPolicy(name, direction, period, volume, ladder, 50, RULE)


POLICIES = {
    one.name: one
    for one in (
        a_policy("down", DOWN, 3000),
        a_policy("strict", DOWN, 2000, TEN_MINUTES),
        a_policy("up", UP, 2500),
    )
}
AGENCIES = (
    Agency("dinkes", "Dinas Kesehatan", "Asia/Makassar", quotas=("down",)),
    Agency("arsip", "Dinas Arsip", "Asia/Jakarta", quotas=("down", "strict", "up")),
    Agency("dishub", "Dinas Perhubungan", "Asia/Makassar", quotas=("strict", "up")),
)
CIRCUITS = (
    Circuit("dinkes-fo", "dinkes", "palu", "ether1", Faces.AGENCY),
    Circuit("arsip-fo", "arsip", "palu", "ether2", Faces.AGENCY),
    Circuit("arsip-radio", "arsip", "gowa", "ether1", Faces.PROVINCE),
    Circuit("dishub-fo", "dishub", "gowa", "ether2", Faces.AGENCY),
    Circuit("dishub-radio", "dishub", "gowa", "ether3", Faces.AGENCY),
)
OF_AGENCY = {agency.id: [one for one in CIRCUITS if one.agency == agency.id] for agency in AGENCIES}
PORTS = {"palu": 2, "gowa": 3}


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
    previous: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
    seen: Mapping[Owner, Verdict] = field(default_factory=dict)
    remembered: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
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
        for name in docket.routers:
            docket.gather(name, now_ns, STALE_AFTER)
        staged = docket.staged()
        self.due = docket.due(trusted)
        for at in self.due:
            docket.judge(staged, at, now_ns, trusted, STALE_AFTER)
        docket.choose(staged, staged.judged)
        if recorded:
            self.judge_everything(trusted)
            docket.advance(staged, staged.judged)
            self.seen, self.remembered = docket.end_of_turn(staged)
            assert dict(self.seen) == self.counting
            assert dict(self.remembered) == self.previous
        return staged

    def judge_everything(self, trusted: bool) -> None:
        found = claims(AGENCIES, POLICIES, OF_AGENCY, partial(used, self.consumption), self.now_ns)
        context = PlanContext(self.now_ns, len(AGENCIES), 300, {}, clock_trusted=trusted)
        question = Question(self.now_ns, found, self.previous, self.counting, STALE_AFTER, CIRCUITS, {}, context)
        decision = decide(question)
        self.counting = {(verdict.agency, verdict.direction): verdict for verdict in decision.verdicts}
        self.previous = previous_verdicts(decision.every)

    def shades_are_right(self) -> None:
        estimated, unknown_ns = [0] * len(self.docket.cases), [0] * len(self.docket.cases)
        for name in self.docket.routers:
            self.docket.shade(name, self.now_ns, estimated, unknown_ns)
        for at, case in enumerate(self.docket.cases):
            period = case.span.period
            usage = add_usage(
                [
                    whole(self.reader, one.router, one.interface, one.way(case.policy.direction)).usage(
                        period.start_ns, period.end_ns, self.now_ns
                    )
                    for one in case.circuits
                ]
            )
            shown = (self.docket.proven(at), estimated[at], unknown_ns[at])
            assert shown == (usage.proven_bytes, usage.estimated_bytes, usage.unknown_ns)


@contextmanager
def a_bench(directory: Path) -> Iterator[Bench]:
    with opened(directory / "ledger.db") as ledger:
        reader = LedgerReader.open(directory / "ledger.db")
        try:
            yield Bench(ledger, reader)
        finally:
            reader.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as one:
        yield one


cell = st.one_of(st.just(None), st.just(0), st.integers(0, 400))
visit = st.tuples(st.sampled_from(sorted(PORTS)), st.lists(cell, min_size=3, max_size=3), st.integers(0, 9))
step = st.tuples(
    st.sampled_from([20, 30, 30, 30, 70, 200]),
    st.lists(visit, max_size=3),
    st.sampled_from([True, True, True, True, False]),
    st.sampled_from(["recorded"] * 6 + ["lost", "reloaded"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(step, min_size=1, max_size=25))
def test_the_docket_says_what_judging_everything_says(
    steps: list[tuple[int, list[tuple[str, list[int | None], int]], bool, str]],
) -> None:
    """Visits, absent ports, reboots, silence, a doubtful clock, rolled periods, turns not recorded, reloads."""
    with tempfile.TemporaryDirectory() as directory, a_bench(Path(directory)) as bench:
        for passed, visits, trusted, ending in steps:
            bench.second += passed
            for number, (name, grown, luck) in enumerate(visits):
                bench.second += number
                bench.visit(name, grown[: PORTS[name]], reboots=luck == 0)
            bench.turn(trusted, recorded=ending != "lost")
            bench.shades_are_right()
            if ending == "reloaded":
                bench.start_again()


def test_nothing_is_judged_while_nothing_can_change(bench: Bench) -> None:
    for second in range(0, 150, 30):
        bench.second = second
        bench.visit("palu", [10, 10])
        bench.visit("gowa", [10, 10, 10])
        bench.turn()
        assert bool(bench.due) == (second == 0)
    bench.second += 30
    bench.visit("palu", [1300, 0])
    staged = bench.turn()
    assert [bench.docket.cases[at].agency for at in bench.due] == ["dinkes"]
    assert staged.counting["dinkes", DOWN].reason is VerdictReason.NEAR_QUOTA
    bench.visit("gowa", [0, 0, 0])
    bench.second += 1
    bench.turn()
    assert bench.due == []


def test_what_was_found_in_a_turn_that_could_not_be_recorded_is_found_again(bench: Bench) -> None:
    bench.visit("palu", [0, 0])
    bench.visit("gowa", [0, 0, 0])
    bench.turn()
    bench.second += 30
    bench.visit("palu", [1600, 0])
    for _ in range(3):
        assert bench.turn(recorded=False).counting["dinkes", DOWN].step == 2
        bench.second += 1
    assert bench.seen["dinkes", DOWN].step == 0
    bench.turn()
    assert bench.seen["dinkes", DOWN].step == 2


def test_a_quota_taken_away_is_told_once(bench: Bench) -> None:
    gone = ("gone", DOWN)
    bench.seen = {gone: replace(a_verdict(limit_bps=5_000_000), agency="gone")}
    bench.start_again()
    reasons = []
    for _ in range(2):
        staged = bench.docket.staged()
        reasons.append(staged.counting[gone].reason)
        bench.docket.end_of_turn(staged)
    assert reasons == [VerdictReason.RESTORED_POLICY_CHANGED, VerdictReason.NO_QUOTA]
    assert bench.docket.staged().counting == {}
