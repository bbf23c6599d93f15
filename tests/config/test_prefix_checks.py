"""Circuits of one port whose prefixes overlap: what tells them apart, and what is said where nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from config.test_shaping_checks import SSH, A, hierarchies_of, refused, written

from netmon.config.load import load
from netmon.daemon.shaping import sharings

SAME = A.replace("'2001:DB8:1:0::/48'", "10.10.2.0/24")
"""As A, with IPv4 prefixes alone."""


def named(points: str, of: str = SAME) -> str:
    return f"{of}, dscp: [{points}]"


def test_names_and_numbers_are_code_points(tmp_path: Path) -> None:
    first, second = load(written(tmp_path, a=named("ef, CS1, 3"), b=named("af11, 0"))).circuits
    assert (first.limiting.dscp, second.limiting.dscp) == ((3, 8, 46), (0, 10))


def test_what_names_none_is_told_what_the_others_have(tmp_path: Path) -> None:
    of = sharings(load(written(tmp_path, a=named("cs1"), b=SAME)))
    assert (of["a"].dscp, of["a"].excepted) == ((8,), ())
    (taken,) = of["b"].excepted
    assert (taken.circuit, taken.prefixes, taken.dscp) == ("a", ("10.10.1.0/24", "10.10.2.0/24"), (8,))
    assert of["b"].dscp == ()


@pytest.mark.parametrize(
    ("points", "place", "said"),
    [
        ("64", ".dscp[0]", "must be a DiffServ code point: 0 to 63, or a name such as cs1, af11, ef, le or va"),
        ("cs8", ".dscp[0]", "must be a DiffServ code point"),
        ("ef, true", ".dscp[1]", "must be a DiffServ code point"),
        ("-1", ".dscp[0]", "must be a DiffServ code point"),
        ("1.0", ".dscp[0]", "must be a DiffServ code point"),
        ("cs1, 10, 8", ".dscp", "names cs1 twice; keep one of them"),
        ("", ".dscp", "must not be empty; leave it out for what other circuits do not name"),
    ],
)
def test_what_is_no_code_point_is_named(tmp_path: Path, points: str, place: str, said: str) -> None:
    (problem,) = refused(written(tmp_path, a=named(points)))
    assert problem.startswith(f"routers.edge.circuits.a.limited_at{place}: ")
    assert said in problem


WIDE = "router: core, interface: sfp1, faces: agency, prefixes: [10.10.0.0/16]"
ALL_BUT = ", ".join(str(point) for point in range(1, 64))
MANY = f"router: core, interface: sfp1, faces: agency, prefixes: [{', '.join(f'10.20.{n}.0/24' for n in range(10))}]"


@pytest.mark.parametrize(
    ("a", "b", "place", "said"),
    [
        (SAME, SAME, "b.limited_at.prefixes[0]", "keep one of them, or give one of the circuits a dscp of its own"),
        (
            named("cs1, ef"),
            named("46"),
            "b.limited_at.dscp",
            "ef of 10.10.1.0/24 is circuit a's, too, and a packet belongs to one circuit; name it at one of them",
        ),
        (
            named("cs1"),
            WIDE,
            "b.limited_at.prefixes[0]",
            "10.10.1.0/24 of circuit a, which is told by dscp, lies within 10.10.0.0/16; divide that",
        ),
        (named("cs1", WIDE), named("cs1"), "b.limited_at.dscp", "cs1 of 10.10.1.0/24 is circuit a's, too"),
        (
            named(f"0, {ALL_BUT}"),
            SAME,
            "b.limited_at.prefixes[0]",
            "nothing of 10.10.1.0/24 is left: other circuits have every code point of it",
        ),
        (named(ALL_BUT, MANY), SAME, "a.limited_at", "take 630 rules at a router, of which a circuit may have 256"),
    ],
)
def test_what_does_not_tell_circuits_apart_is_named(tmp_path: Path, a: str, b: str, place: str, said: str) -> None:
    problems = refused(written(tmp_path, a, b))
    assert any(one.startswith(f"routers.edge.circuits.{place}: ") and said in one for one in problems), problems


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (named("cs1"), SAME),
        (SAME, named("cs1")),
        (named("cs1"), named("0")),
        (named("cs1", WIDE), SAME),
        (named("cs1", WIDE), named("ef")),
        (named("cs1"), named("ef", WIDE)),
    ],
)
def test_what_tells_circuits_apart_is_taken(tmp_path: Path, a: str, b: str) -> None:
    assert len(load(written(tmp_path, a, b)).circuits) == 2


def test_a_rest_between_two_is_told_what_is_within_it(tmp_path: Path) -> None:
    """Three of one prefix, and a third circuit without code points within it, too."""
    path = written(tmp_path, a=named("cs1", WIDE), b=SAME)
    third = "      c: {agency: arsip, interface: e3, faces: agency, limited_at: {" + SAME + "}}\n"
    path.write_text(path.read_text(encoding="utf-8") + third, encoding="utf-8")
    problems = refused(path)
    assert [one.split(": ")[0] for one in problems] == [
        f"routers.edge.circuits.c.limited_at.prefixes[{at}]" for at in (0, 1)
    ]
    assert "lies within 10.10.1.0/24 of circuit b" in problems[0]


def test_the_platform_must_have_a_hierarchy_as_for_prefixes_alone(tmp_path: Path) -> None:
    found = hierarchies_of(load(written(tmp_path, named("cs1"), SAME, core=SSH + ", platform: cisco-ios")))
    assert len(found) == 2
    assert hierarchies_of(load(written(tmp_path, named("cs1"), SAME, core=SSH + ", platform: routeros"))) == []
