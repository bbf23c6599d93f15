"""Configurations by indentation: what is read is what is shown, and differences are told where they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netmon.simulator.indented import Block, contextual, differences, parsed

LINES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcdefgh")), max_size=20)


def tree(lines: list[tuple[int, str]]) -> Block:
    """A configuration without the same line twice below one."""
    root = Block()
    at: list[Block] = [root]
    for depth, line in lines:
        del at[min(depth, len(at) - 1) + 1 :]
        at.append(at[-1].enter(line))
    return root


@given(LINES)
def test_what_is_shown_is_read_back(lines: list[tuple[int, str]]) -> None:
    root = tree(lines)
    assert list(parsed("\n".join(root.lines())).paths()) == list(root.paths())


@given(LINES, LINES)
def test_differences_are_what_only_one_of_the_two_has(one: list[tuple[int, str]], other: list[tuple[int, str]]) -> None:
    old, new = tree(one), tree(other)
    found = differences(old, new)
    assert {path for sign, path in found if sign == "+"} == set(new.paths()) - set(old.paths())
    assert {path for sign, path in found if sign == "-"} == set(old.paths()) - set(new.paths())


def test_differences_are_shown_below_what_they_belong_to() -> None:
    old = parsed("interface A\n one\n two\ninterface B\n three")
    new = parsed("interface A\n one\n four\ninterface B\n three\nnew")
    assert contextual(differences(old, new)) == ["interface A", " +four", "+new", "interface A", " -two"]


def test_a_line_takes_the_place_of_the_one_it_replaces() -> None:
    root = parsed("hostname A\nshape average 1\nshape averages 2")
    root.put("shape average 9", instead_of="shape average")
    assert list(root.lines()) == ["hostname A", "shape average 9", "shape averages 2"]
    assert root.drop("shape average")
    assert not root.drop("shape average")
    assert root.value("hostname") == "A"
