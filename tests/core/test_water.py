"""Water filling among siblings: exact, in whole bit/s, and back again."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from netmon.core.water import Meter, Water

Child = tuple[int, int, int]

children = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from([1, 2, 3, 7, 1_000_000])),
    min_size=1,
    max_size=8,
).map(lambda drawn: [(min(one, other), max(one, other), weight) for one, other, weight in drawn])


def water_of(given_children: list[Child]) -> Water:
    lower, upper, weight = zip(*given_children, strict=True)
    return Water(lower, upper, weight)


def total_of(data: st.DataObject, given_children: list[Child]) -> int:
    return data.draw(st.integers(sum(low for low, _, _ in given_children), sum(up for _, up, _ in given_children)))


def test_the_level_is_what_is_left_for_each_unit_of_weight() -> None:
    water = Water([0, 0, 6], [2, 99, 99], [1, 2, 1])
    water.seek(18)
    assert water.level == 5
    assert [water.share(child) for child in range(3)] == [2, 10, 6]
    assert [water.rises(child) for child in range(3)] == [False, True, False]


@given(children, st.data())
def test_everybody_has_his_weight_times_one_level_between_his_bounds(drawn: list[Child], data: st.DataObject) -> None:
    total = total_of(data, drawn)
    water = water_of(drawn)
    water.seek(total)
    exact = [
        Fraction(up) if water.level is None else min(Fraction(up), max(Fraction(low), weight * water.level))
        for low, up, weight in drawn
    ]
    assert sum(exact) == total
    assert [int(share) for share in exact] == [water.share(child) for child in range(len(drawn))]


@given(children, st.data())
def test_what_is_dealt_sums_to_the_total_and_is_the_share_or_1_more(drawn: list[Child], data: st.DataObject) -> None:
    total = total_of(data, drawn)
    water = water_of(drawn)
    water.seek(total)
    dealt = water.dealt()
    assert sum(dealt) == total
    for child, (low, up, _) in enumerate(drawn):
        assert low <= dealt[child] <= up
        assert 0 <= dealt[child] - water.share(child) <= 1


@given(children, st.data())
def test_where_it_was_before_is_all_the_same(drawn: list[Child], data: st.DataObject) -> None:
    travelled, fresh = water_of(drawn), water_of(drawn)
    for _ in range(3):
        travelled.seek(total_of(data, drawn))
    total = total_of(data, drawn)
    travelled.seek(total)
    fresh.seek(total)
    assert (travelled.dealt(), travelled.level) == (fresh.dealt(), fresh.level)


@given(children, st.data())
def test_other_bounds_are_as_if_they_had_always_been(drawn: list[Child], data: st.DataObject) -> None:
    """Also what the meter says of the capacities that are crossed."""
    crosses = [data.draw(st.sampled_from([(), (0,), (0, 1)])) for _ in drawn]
    lower, upper, weight = zip(*drawn, strict=True)
    meters = Meter(2, 1), Meter(2, 1)
    travelled = Water(lower, upper, weight, (crosses, meters[0], 0))
    travelled.seek(total_of(data, drawn))
    altered = list(drawn)
    for child in data.draw(st.sets(st.sampled_from(range(len(drawn))))):
        low = data.draw(st.integers(0, 50))
        altered[child] = (low, data.draw(st.integers(low, 60)), weight[child])
        travelled.bound(child, altered[child][0], altered[child][1])
    lower, upper, weight = zip(*altered, strict=True)
    fresh = Water(lower, upper, weight, (crosses, meters[1], 0))
    total = total_of(data, altered)
    travelled.seek(total)
    fresh.seek(total)
    assert travelled.dealt() == fresh.dealt()
    assert (meters[0].fixed, meters[0].rising) == (meters[1].fixed, meters[1].rising)
