from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from netmon.snmp.limits import MOST_PATIENCE, PATIENCE, UNLIMITED, Limits


def test_an_agent_without_failures_is_unlimited_and_costs_nothing() -> None:
    limits = Limits()
    limits.answered("r1", 60)
    assert limits.of("r1") == UNLIMITED
    assert not limits._limits


def test_what_was_too_much_is_halved_and_only_for_that_agent() -> None:
    limits = Limits()
    limits.exceeded("r1", 60)
    assert (limits.of("r1"), limits.of("r2")) == (30, UNLIMITED)
    limits.exceeded("r1", 30)
    assert limits.of("r1") == 15
    for _ in range(9):
        limits.exceeded("r1", limits.of("r1"))
    assert limits.of("r1") == 1


def test_requests_that_fail_together_count_once() -> None:
    limits = Limits()
    for _ in range(4):
        limits.exceeded("r1", 60)
    for _ in range(PATIENCE):
        limits.answered("r1", 30)
    assert limits.of("r1") == 60


def test_a_limit_is_doubled_after_ever_longer_spells_of_answers_of_about_its_size() -> None:
    limits = Limits()
    for spell in (PATIENCE, 2 * PATIENCE, 4 * PATIENCE):
        limits.exceeded("r1", 60)
        for _ in range(spell - 1):
            limits.answered("r1", 28)
            limits.answered("r1", 15)
        assert limits.of("r1") == 30
        limits.answered("r1", 30)
        assert limits.of("r1") == 60


@pytest.mark.parametrize("failures", [20, 40])
def test_patience_is_bounded(failures: int) -> None:
    limits = Limits()
    for _ in range(failures):
        limits.exceeded("r1", 60)
        while limits.of("r1") < 60:
            for _ in range(MOST_PATIENCE):
                limits.answered("r1", 30)
    limits.exceeded("r1", 60)
    for _ in range(MOST_PATIENCE):
        limits.answered("r1", 30)
    assert limits.of("r1") == 60


def test_the_oldest_agents_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netmon.snmp.limits.CAPACITY", 3)
    limits = Limits()
    for router in range(5):
        limits.exceeded(router, 60)
    assert [limits.of(router) for router in range(5)] == [UNLIMITED, UNLIMITED, 30, 30, 30]


@given(st.integers(1, 60), st.integers(0, 400))
@hypothesis_settings(max_examples=40, deadline=None)
def test_whatever_an_agent_bears_is_found_and_failures_become_rare(bears: int, requests: int) -> None:
    limits = Limits()
    failures = 0
    for _ in range(requests):
        size = min(60, limits.of("r1"))
        if size > bears:
            failures += 1
            limits.exceeded("r1", size)
        else:
            limits.answered("r1", size)
            assert size * 2 >= bears
    assert failures <= 6 + 5
