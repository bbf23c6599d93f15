"""A limit is divided among circuits, never copied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.allocation import MINIMUM_BPS, IndivisibleError, divide, standing_by
from netmon.core.model import Circuit, Faces, Role


def circuits(*ids: str, role: Role = Role.PRIMARY) -> list[Circuit]:
    return [Circuit(name, "dinkes", "r1", f"ether-{name}", Faces.AGENCY, role) for name in ids]


def test_a_single_circuit_has_the_whole_limit() -> None:
    assert divide(5_000_000, circuits("a")) == {"a": 5_000_000}


def test_what_does_not_divide_evenly_goes_to_the_first_by_id() -> None:
    assert divide(10_001, circuits("c", "a", "b")) == {"a": 3334, "b": 3334, "c": 3333}


@pytest.mark.parametrize(
    ("total_bps", "down", "shares"),
    [
        (20_000_000, "", {"a": 19_000_000, "b": 1_000_000}),
        (1_000_000, "", {"a": 936_000, "b": 64_000}),
        (100_001, "", {"a": 50_001, "b": 50_000}),
        (20_000_000, "a", {"a": 1_000_000, "b": 19_000_000}),
        (20_000_000, "b", {"a": 19_000_000, "b": 1_000_000}),
        (20_000_001, "ab", {"a": 10_000_001, "b": 10_000_000}),
    ],
    ids=["a twentieth", "at least 64 kb/s", "at most an equal part", "primary down", "backup down", "all down"],
)
def test_a_backup_keeps_a_usable_minimum_and_inherits_when_its_primary_is_down(
    total_bps: int, down: str, shares: dict[str, int]
) -> None:
    assert divide(total_bps, circuits("a") + circuits("b", role=Role.BACKUP), set(down)) == shares


def test_parallel_circuits_are_alike_and_inherit_what_one_of_them_leaves() -> None:
    parallel = circuits("a", "b", "c", role=Role.PARALLEL)
    assert divide(30_000_000, parallel) == dict.fromkeys("abc", 10_000_000)
    assert divide(30_000_000, parallel, {"b"}) == {"a": 14_250_000, "b": 1_500_000, "c": 14_250_000}


def test_a_backup_inherits_the_part_of_the_one_that_is_down_not_that_of_the_others() -> None:
    given_circuits = circuits("a", "b") + circuits("c", role=Role.BACKUP)
    assert divide(40_000_000, given_circuits, {"a"}) == {"a": 2_000_000, "b": 19_000_000, "c": 19_000_000}


def test_backups_alone_have_nobody_to_stand_by_for() -> None:
    assert divide(10_000, circuits("a", "b", role=Role.BACKUP)) == {"a": 5000, "b": 5000}


def test_no_circuits_no_shares() -> None:
    assert divide(10_000, []) == {}


def test_a_share_below_the_minimum_is_refused_with_the_remedy() -> None:
    assert divide(2 * MINIMUM_BPS, circuits("a", "b")) == {"a": 1000, "b": 1000}
    with pytest.raises(IndivisibleError, match=r"1999 bit/s .* 2 circuits of dinkes.*raise the limit"):
        divide(2 * MINIMUM_BPS - 1, circuits("a", "b"))


agencies = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.tuples(st.sampled_from(Role), st.booleans()), min_size=1, max_size=12
)


@given(st.integers(0, 10**12), agencies)
def test_shares_sum_to_the_limit_are_never_zero_and_alike_for_all_that_carry(
    total: int, agency: dict[str, tuple[Role, bool]]
) -> None:
    given_circuits = [circuit for name, (role, _) in agency.items() for circuit in circuits(name, role=role)]
    down = {name for name, (_, is_down) in agency.items() if is_down}
    try:
        shares = divide(total, given_circuits, down)
    except IndivisibleError:
        assert total < MINIMUM_BPS * len(agency)
        return
    assert sum(shares.values()) == total
    assert set(shares) == set(agency)
    assert min(shares.values()) >= MINIMUM_BPS
    waiting = standing_by(given_circuits, down)
    carrying = [shares[name] for name in agency if name not in waiting]
    assert max(carrying) - min(carrying) <= 1
    assert all(shares[name] <= min(carrying) for name in waiting)
    assert divide(total, given_circuits[::-1], down) == shares
