"""Whether netmon may limit, by what the file and the ledger say, and how a sweep is judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.core.kill_switch import (
    ATTEMPTS,
    SWEEPS_KEPT,
    Ended,
    Noted,
    Release,
    Sweep,
    Swept,
    SweptState,
    in_force,
    judged,
    pause_ns,
    remaining,
)

FIRST = Release("hold-1", 1, "sari", "a fault")
SECOND = Release("hold-2", 2, "budi", "another fault")
OVER = replace(FIRST, ended=Ended(9, "sari", "mended"))


@pytest.mark.parametrize(
    ("noted", "recorded", "holds"),
    [
        (None, None, None),
        (FIRST, None, FIRST),
        (None, FIRST, FIRST),
        (FIRST, FIRST, FIRST),
        (FIRST, SECOND, FIRST),
        (OVER, None, None),
        (OVER, FIRST, None),
        (OVER, SECOND, SECOND),
    ],
    ids=[
        "nothing was said",
        "the ledger is gone",
        "the file is gone",
        "both say so",
        "the file's is told",
        "the file ended it before any ledger knew",
        "the file ended what the ledger still has",
        "the file ended another one",
    ],
)
def test_either_of_file_and_ledger_is_enough_and_an_end_counts_for_its_own_release(
    noted: Release | None, recorded: Release | None, holds: Release | None
) -> None:
    assert in_force(noted, recorded) == holds


def test_attempts_are_bounded_and_ever_farther_apart() -> None:
    pauses = [pause_ns(attempt) for attempt in range(1, ATTEMPTS + 1)]
    assert pauses[-1] is None
    held = [pause for pause in pauses if pause is not None]
    assert held == sorted(held)
    assert len(held) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("before", "after", "state", "removed", "left"),
    [
        ((), (), SweptState.CLEAR, (), ()),
        (("b", "a"), (), SweptState.CLEARED, ("a", "b"), ()),
        (("a", "b"), ("b",), SweptState.LEFT, ("a",), ("b",)),
        ((), ("c",), SweptState.LEFT, (), ("c",)),
    ],
)
def test_a_router_is_free_only_where_nothing_was_read_back(
    before: tuple[str, ...],
    after: tuple[str, ...],
    state: SweptState,
    removed: tuple[str, ...],
    left: tuple[str, ...],
) -> None:
    swept = judged("palu", before, after)
    assert (swept.state, swept.removed, swept.left) == (state, removed, left)
    assert swept.is_free is not bool(after)
    assert remaining([swept, Swept("gowa", SweptState.NOT_READ)]) == (["gowa", "palu"] if after else ["gowa"])


def test_of_many_sweeps_the_newest_are_kept() -> None:
    noted = Noted(FIRST)
    for number in range(SWEEPS_KEPT + 3):
        noted = noted.with_sweep(Sweep(f"s{number}", FIRST.id, number, "sari", ()))
    assert [one.id for one in noted.sweeps] == [f"s{number}" for number in range(3, SWEEPS_KEPT + 3)]
