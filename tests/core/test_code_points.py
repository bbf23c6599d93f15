"""Code points and whose they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.code_points import EVERY, NAMES, Packets, blocks, excepted, shown, told
from netmon.core.model import Circuit, Faces, ShapingPoint

POINTS = st.frozensets(st.integers(0, 63))


def circuit(name: str, *prefixes: str, dscp: tuple[int, ...] = ()) -> Circuit:
    point = ShapingPoint("core", "sfp1", Faces.AGENCY, prefixes, None, dscp)
    return Circuit(name, "dinkes", "edge", name, Faces.AGENCY, limited_at=point)


@pytest.mark.parametrize(
    ("name", "number"),
    [("cs0", 0), ("le", 1), ("cs1", 8), ("af11", 10), ("af23", 22), ("af43", 38), ("va", 44), ("ef", 46), ("cs7", 56)],
)
def test_names_are_those_of_the_registry(name: str, number: int) -> None:
    assert NAMES[name] == number
    assert shown([number]) == name


def test_numbers_without_a_name_are_shown_as_they_are() -> None:
    assert shown([46, 3, 8]) == "3, cs1, ef"
    assert len(NAMES) == len(set(NAMES.values())) == 8 + 12 + 3


@given(POINTS)
def test_blocks_hold_just_the_code_points_and_each_once(points: frozenset[int]) -> None:
    found = blocks(points)
    holding = [[one for one in EVERY if one & mask == value] for value, mask in found]
    assert sorted(point for some in holding for point in some) == sorted(points)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((), ()),
        ((8,), ((8, 63),)),
        ((10, 11), ((10, 62),)),
        (range(64), ((0, 0),)),
        (EVERY - {8}, ((0, 56), (9, 63), (10, 62), (12, 60), (16, 48), (32, 32))),
    ],
)
def test_neighbours_are_one_block(points: tuple[int, ...], expected: tuple[tuple[int, int], ...]) -> None:
    assert blocks(points) == expected


def test_what_names_no_code_points_has_what_the_others_do_not_name() -> None:
    world = circuit("world", "10.1.0.0/16", "2001:db8::/32", dscp=(8,))
    voice = circuit("voice", "10.1.0.0/16", dscp=(46,))
    rest = circuit("rest", "10.1.7.0/24", "2001:db8::/32", "10.9.0.0/16")
    everybody = [world, rest, voice]
    without = excepted(rest, everybody)
    assert without == (
        Packets("world", ("10.1.7.0/24", "2001:db8::/32"), (8,)),
        Packets("voice", ("10.1.7.0/24",), (46,)),
    )
    assert excepted(world, everybody) == (), "it says itself what is its own"
    assert told(rest.limiting.prefixes, (), without) == (
        (("10.1.7.0/24",), blocks(EVERY - {8, 46})),
        (("2001:db8::/32",), blocks(EVERY - {8})),
        (("10.9.0.0/16",), ()),
    )
    assert told(world.limiting.prefixes, (8,), ()) == ((world.limiting.prefixes, ((8, 63),)),)


@given(st.lists(POINTS.filter(bool), max_size=3), st.integers(0, 63))
def test_every_packet_of_a_prefix_is_one_circuits(named: list[frozenset[int]], point: int) -> None:
    own: list[frozenset[int]] = []
    for points in named:
        left = points.difference(*own)
        own += [left] if left else []
    members = [circuit(f"c{at}", "10.1.0.0/16", dscp=tuple(sorted(points))) for at, points in enumerate(own)]
    members.append(circuit("rest", "10.1.0.0/16"))
    owners = [
        one.id
        for one in members
        for _, parts in told(one.limiting.prefixes, one.limiting.dscp, excepted(one, members))
        if not parts or any(point & mask == value for value, mask in parts)
    ]
    assert len(owners) == 1
