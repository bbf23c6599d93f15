"""When traffic proves a limit, when it refutes it, and when it says nothing."""

from __future__ import annotations

import pytest

from netmon.core.model import NANOSECONDS as S
from netmon.core.observation import Finding, Observation, Watch, observe
from netmon.core.periods import Reading

LIMIT_BPS = 8_000_000


def watched(bytes_per_s: int, seconds: int, start_s: int = 0) -> list[Observation]:
    """A limit of 8 Mb/s (1 MB/s) read every second at a steady rate."""
    watch, found = Watch("r1", LIMIT_BPS, 0), []
    for second in range(start_s, start_s + seconds):
        observation = observe(watch, Reading(second * S, second * bytes_per_s))
        watch = observation.watch
        found.append(observation)
    return found


@pytest.mark.parametrize(
    ("name", "bytes_per_s", "finding"),
    [
        ("demand presses and the limit holds", 1_000_000, Finding.WITHIN),
        ("framing makes it look a little faster", 1_090_000, Finding.WITHIN),
        ("something bypasses the limit", 1_200_000, Finding.EXCEEDED),
        ("little was wanted", 500_000, Finding.IDLE),
        ("nothing was wanted", 0, Finding.IDLE),
    ],
)
def test_a_whole_window_decides(name: str, bytes_per_s: int, finding: Finding) -> None:
    found = watched(bytes_per_s, 21)
    assert [o.finding for o in found[:-1]] == [Finding.PENDING] * 20, name
    assert found[-1].finding is finding, name
    assert found[-1].rate_bps == bytes_per_s * 8
    assert found[-1].window_ns == 15 * S


def test_what_passed_while_the_limit_settled_is_not_held_against_it() -> None:
    watch = observe(Watch("r1", LIMIT_BPS, 0), Reading(4 * S, 10**9)).watch
    assert watch.first is None


def test_few_readings_decide_nothing_however_long_the_window() -> None:
    watch = observe(Watch("r1", LIMIT_BPS, 0), Reading(10 * S, 0)).watch
    assert observe(watch, Reading(100 * S, 90_000_000)).finding is Finding.PENDING


def test_after_a_decision_a_new_window_begins() -> None:
    last = watched(0, 21)[-1]
    assert last.watch.first == Reading(20 * S, 0)
    assert last.watch.readings == 1
