"""What time alone changes is noticed though nothing else happens: directives, windows, a grace, a late visit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.docket_bench import DOWN, UP, Bench, a_bench
from daemon.world import START_NS

from netmon.core.directives import Directive, DirectiveKind
from netmon.core.model import NANOSECONDS, Direction, RateLimit
from netmon.daemon.docket import Staged


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as one:
        yield one


def both_visited(bench: Bench, palu: list[int | None], gowa: list[int | None] | None = None) -> Staged:
    bench.visit("palu", palu)
    bench.visit("gowa", gowa or [0, 0, 0])
    return bench.turn()


def given_to(kind: DirectiveKind, begins: int, ends: int) -> Directive:
    until_ns = START_NS + ends * NANOSECONDS
    return Directive("d", kind, "dinkes", "r", "b", START_NS + begins * NANOSECONDS, until_ns)


def reasons(bench: Bench, seconds: Sequence[int], agency: str = "dinkes", direction: Direction = DOWN) -> list[str]:
    """What counts as time passes and nothing grows."""
    found = []
    for second in seconds:
        bench.second = second
        both_visited(bench, [0, 0, 0])
        found.append(bench.seen[agency, direction].reason.value)
    return found


def test_an_exemption_that_ends_is_noticed_though_nothing_else_happens(bench: Bench) -> None:
    both_visited(bench, [0, 0, 0])
    bench.second = 30
    both_visited(bench, [1600, 0, 0])
    bench.directives = (given_to(DirectiveKind.EXEMPTION, 60, 120),)
    assert reasons(bench, [40, 60, 90, 120, 150]) == ["over_quota", "exempt", "exempt", "over_quota", "over_quota"]
    assert "dinkes" not in {bench.docket.cases[at].agency for at in bench.due}


def test_an_exemption_that_let_another_policy_count_ends_too(bench: Bench) -> None:
    both_visited(bench, [0, 0, 0])
    bench.second = 30
    both_visited(bench, [0, 1600, 0])
    first = bench.seen["arsip", DOWN]
    bench.directives = (replace(given_to(DirectiveKind.EXEMPTION, 60, 120), subject="arsip", policy=first.policy),)
    reasons(bench, [60])
    assert bench.seen["arsip", DOWN].policy != first.policy
    reasons(bench, [120])
    assert bench.seen["arsip", DOWN].policy == first.policy


def test_a_freeze_keeps_what_counted_as_it_began(bench: Bench) -> None:
    both_visited(bench, [0, 0, 0])
    bench.directives = (given_to(DirectiveKind.FREEZE, 60, 120),)
    bench.second = 30
    both_visited(bench, [1600, 0, 0])
    bench.second = 60
    both_visited(bench, [1600, 0, 0])
    assert bench.seen["dinkes", DOWN].limit == RateLimit(5_000_000), "the step beyond is reached, but nothing altered"
    assert reasons(bench, [90, 120]) == ["frozen_by_operator", "over_quota"]
    assert bench.seen["dinkes", DOWN].limit == RateLimit(1_000_000)


def test_a_grace_ends_by_itself(bench: Bench) -> None:
    bench.second = 210
    both_visited(bench, [0, 0, 0])
    bench.second = 240
    bench.visit("palu", [0, 0, 900])
    assert reasons(bench, [270, 409, 410], "bapenda", UP) == ["grace", "grace", "over_quota"]


def test_a_window_opens_and_shuts_by_itself(bench: Bench) -> None:
    """It is 19:06:40; the window, from 19:07 to 19:10."""
    both_visited(bench, [0, 0, 0])
    bench.second = 10
    bench.visit("gowa", [0, 1300, 0])
    found = reasons(bench, [15, 19, 20, 100, 199, 200], "dishub", UP)
    assert found == ["outside_window"] * 2 + ["over_quota"] * 3 + ["outside_window"]


@pytest.mark.parametrize("later", [[], [210]], ids=["late", "late, and one of the new period"])
def test_what_is_carried_over_follows_a_visit_that_was_committed_after_the_roll(bench: Bench, later: list[int]) -> None:
    """The period of ten minutes ends at second 200, with a visit of second 199 not committed yet."""
    both_visited(bench, [0, 0, 0])
    bench.second = 180
    both_visited(bench, [0, 600, 600])
    bench.second = 201
    bench.turn()
    carried = bench.remembered["arsip", "rolling", DOWN].evidence["carried_bytes"]
    for second in (199, *later):
        bench.second = second
        bench.visit("palu", [0, 100, 0])
    bench.second = 211
    bench.turn()
    assert (carried, bench.remembered["arsip", "rolling", DOWN].evidence["carried_bytes"]) == (300, 100)
