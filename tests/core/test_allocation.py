"""A limit is divided among circuits, never copied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.allocation import MINIMUM_BPS, IndivisibleError, divide
from netmon.core.model import Circuit, Faces, Role


def circuits(*ids: str, role: Role = Role.PRIMARY) -> list[Circuit]:
    return [Circuit(name, "dinkes", "r1", f"ether-{name}", Faces.AGENCY, role) for name in ids]


def test_a_single_circuit_has_the_whole_limit() -> None:
    assert divide(5_000_000, circuits("a")) == {"a": 5_000_000}


def test_what_does_not_divide_evenly_goes_to_the_first_by_id() -> None:
    assert divide(10_001, circuits("c", "a", "b")) == {"a": 3334, "b": 3334, "c": 3333}


def test_a_backup_has_the_same_share() -> None:
    assert divide(10_000, circuits("a") + circuits("b", role=Role.BACKUP)) == {"a": 5000, "b": 5000}


def test_no_circuits_no_shares() -> None:
    assert divide(10_000, []) == {}


def test_a_share_below_the_minimum_is_refused_with_the_remedy() -> None:
    assert divide(2 * MINIMUM_BPS, circuits("a", "b")) == {"a": 1000, "b": 1000}
    with pytest.raises(IndivisibleError, match=r"1999 bit/s .* 2 circuits of dinkes.*raise the limit"):
        divide(2 * MINIMUM_BPS - 1, circuits("a", "b"))


@given(st.integers(0, 10**12), st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=12))
def test_shares_sum_to_the_limit_differ_by_one_at_most_and_are_never_zero(total: int, ids: set[str]) -> None:
    given_circuits = circuits(*ids)
    try:
        shares = divide(total, given_circuits)
    except IndivisibleError:
        assert total < MINIMUM_BPS * len(ids)
        return
    assert sum(shares.values()) == total
    assert set(shares) == ids
    assert max(shares.values()) - min(shares.values()) <= 1
    assert min(shares.values()) >= MINIMUM_BPS
    assert divide(total, given_circuits[::-1]) == shares
