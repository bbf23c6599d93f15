"""Judging only what can have changed says what judging everything says, turn by turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.docket_bench import DOWN, OF_AGENCY, POLICIES, PORTS, Bench, a_bench
from daemon.world import START_NS
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import a_verdict

from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.model import NANOSECONDS, VerdictReason
from netmon.core.periods import GRID_NS
from netmon.core.supply import Rates


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as one:
        yield one


cell = st.sampled_from([0, 100, 400, 900, 1, 250, 600, None])
visit = st.tuples(st.sampled_from(sorted(PORTS)), st.lists(cell, min_size=3, max_size=3), st.integers(0, 9))
step = st.tuples(
    st.sampled_from([30, 20, 30, 30, 70, 200]),
    st.lists(visit, max_size=3),
    st.sampled_from([True] * 6 + [False]),
    st.sampled_from(["recorded"] * 6 + ["lost", "reloaded"]),
    st.none() | st.tuples(st.integers(0, 10_000), st.integers(0, 30)),
)
directive = st.builds(
    lambda kind, subject, begins, lasts, policy, rates, ended: Directive(
        id="d",
        kind=kind,
        subject=subject,
        reason="r",
        by="b",
        at_ns=START_NS + begins * NANOSECONDS,
        until_ns=None if lasts is None else START_NS + (begins + lasts) * NANOSECONDS,
        rates=Rates(rates, 10 * rates),
        policy=policy,
        ended_ns=None if ended is None else START_NS + ended * NANOSECONDS,
    ),
    st.sampled_from(list(DirectiveKind)),
    st.sampled_from([*OF_AGENCY, EVERYBODY]),
    st.sampled_from([0, 60, 300, 900]),
    st.sampled_from([60, 200, 600, None]),
    st.sampled_from([None, *POLICIES]),
    st.sampled_from([100_000, 1_500_000, 8_000_000]),
    st.sampled_from([None, None, 90, 400]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(step, min_size=8, max_size=25), st.lists(directive, max_size=3))
def test_the_docket_says_what_judging_everything_says(
    steps: list[tuple[int, list[tuple[str, list[int | None], int]], bool, str, tuple[int, int] | None]],
    directives: list[Directive],
) -> None:
    """Visits, absent ports, reboots, silence, a doubtful clock, rolled periods, windows, a grace, directives,
    turns not recorded, reloads.
    """
    with tempfile.TemporaryDirectory() as directory, a_bench(Path(directory)) as bench:
        bench.directives = tuple(directives)
        for passed, visits, trusted, ending, noted in steps:
            before = bench.now_ns // GRID_NS
            bench.second += passed
            for number, (name, grown, luck) in enumerate(visits):
                bench.second += number
                bench.visit(name, grown[: PORTS[name]], reboots=luck == 0)
            if noted is not None and bench.now_ns // GRID_NS != before:
                bench.note(*noted)
            bench.turn(trusted, recorded=ending != "lost")
            bench.shades_are_right()
            if ending == "reloaded":
                bench.start_again()


def test_nothing_is_judged_while_nothing_can_change(bench: Bench) -> None:
    bench.note(0, 1)
    for second in range(0, 150, 30):
        bench.second = second
        bench.visit("palu", [10, 10, 10])
        bench.visit("gowa", [10, 10, 10])
        bench.turn()
        assert bool(bench.due) == (second == 0)
    bench.second += 30
    bench.visit("palu", [1300, 0, 0])
    staged = bench.turn()
    assert {bench.docket.cases[at].agency for at in bench.due} == {"dinkes"}
    assert staged.counting["dinkes", DOWN].reason is VerdictReason.NEAR_QUOTA
    bench.visit("gowa", [0, 0, 0])
    bench.second += 1
    bench.turn()
    assert bench.due == []


def test_what_was_found_in_a_turn_that_could_not_be_recorded_is_found_again(bench: Bench) -> None:
    bench.visit("palu", [0, 0, 0])
    bench.visit("gowa", [0, 0, 0])
    bench.turn()
    bench.second += 30
    bench.visit("palu", [1600, 0, 0])
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
        staged = bench.docket.staged(bench.now_ns)
        reasons.append(staged.counting[gone].reason)
        bench.docket.end_of_turn(staged)
    assert reasons == [VerdictReason.RESTORED_POLICY_CHANGED, VerdictReason.NO_QUOTA]
    assert bench.docket.staged(bench.now_ns).counting == {}
