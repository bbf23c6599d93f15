from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.snmp.budget import SECOND, Budget


def test_a_quarter_of_a_second_passes_at_once_and_the_rest_evenly() -> None:
    budget = Budget(8)
    assert [budget.take(0) * 8 / SECOND for _ in range(5)] == [0, 0, 1, 2, 3]
    assert budget.take(10 * SECOND) == 0


def test_the_smallest_budget_spaces_requests_by_a_second() -> None:
    budget = Budget(1)
    assert [budget.take(5 * SECOND) for _ in range(3)] == [0, SECOND, 2 * SECOND]


@given(st.integers(1, 1000), st.lists(st.integers(0, SECOND), max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_second_sees_more_than_the_budget_and_its_burst(rate: int, gaps: list[int]) -> None:
    budget = Budget(rate)
    now = 0
    sent = []
    for gap in gaps:
        now += gap
        sent.append(now + budget.take(now))
    interval = SECOND // rate
    burst = max(1, rate // 4)
    for at, start in enumerate(sent):
        for count, end in enumerate(sent[at:], 1):
            assert count <= burst + (end - start) // interval + 1
