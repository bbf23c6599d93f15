"""Configurations of set lines: what a grammar takes, and trees that agree with a plain set of paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.simulator.settree import (
    Rule,
    SettingError,
    Tree,
    differences,
    flag,
    leaf,
    named,
    settings_of,
    split_words,
    words,
)

GRAMMAR = words(
    port=named(r"p\d", words(speed=leaf(r"\d+"), tag=leaf(r"\w+", many=True), shut=flag())), name=leaf(r"\w+")
)
LINES = st.sampled_from(
    ["port p1 speed 10", "port p1 speed 20", "port p1 tag a", "port p1 tag b", "port p1 shut", "port p2", "name x"]
)


def paths(line: str, several: bool = False) -> list[tuple[str, ...]]:
    return [setting.path for setting in settings_of(GRAMMAR, line.split(), several)]


def test_a_line_is_one_setting_or_several_leaves_of_one_place() -> None:
    assert paths("port p1 shut") == [("port", "p1", "shut")]
    assert paths("port p1") == [("port", "p1")]
    assert paths("port p1 speed 10 tag a", several=True) == [("port", "p1", "speed", "10"), ("port", "p1", "tag", "a")]


@pytest.mark.parametrize(
    ("line", "said", "at"),
    [
        ("prot p1", "word", 0),
        ("port q1 shut", "value", 1),
        ("port p1 speed fast", "value", 3),
        ("port p1 speed", "missing", 3),
        ("port", "missing", 1),
        ("port p1 shut now", "word", 3),
        ("port p1 speed 10 tag a", "word", 4),
    ],
)
def test_what_the_grammar_does_not_have_is_told_with_its_place(line: str, said: str, at: int) -> None:
    with pytest.raises(SettingError) as error:
        settings_of(GRAMMAR, line.split())
    assert (error.value.said, error.value.at) == (said, at)


@given(st.lists(LINES, max_size=12))
def test_a_tree_holds_what_was_set_last_and_all_values_of_lists(lines: list[str]) -> None:
    tree = Tree()
    for line in lines:
        for setting in settings_of(GRAMMAR, line.split()):
            tree.put(setting)
    speeds = [line.split()[-1] for line in lines if "speed" in line]
    assert tree.value("port", "p1", "speed") == (speeds[-1] if speeds else None)
    assert set(tree.names("port", "p1", "tag")) == {line[-1] for line in lines if "tag" in line}
    assert tree.has(("port", "p2")) is ("port p2" in lines)
    assert sorted(("port", *path) for path in tree.under(("port",))) == sorted(p for p in tree if p[0] == "port")


@given(st.lists(LINES, max_size=8), st.lists(LINES, max_size=8))
def test_differences_turn_one_tree_into_the_other(one: list[str], other: list[str]) -> None:
    trees = []
    for lines in (one, other):
        tree = Tree()
        for line in lines:
            for setting in settings_of(GRAMMAR, line.split()):
                tree.put(setting)
        trees.append(tree)
    before, after = trees
    changes = differences(before, after)
    held = {*before} - {path for sign, path in changes if sign == "-"} | {p for sign, p in changes if sign == "+"}
    assert held == {*after}
    assert (before == after) is (not changes)


def test_quotation_marks_keep_words_together_and_must_be_closed() -> None:
    assert split_words("""set name "a \\"b\\" c" 'd "e"' "" """) == ["set", "name", 'a "b" c', 'd "e"', ""]
    with pytest.raises(SettingError):
        split_words('set name "a')


def test_an_empty_grammar_takes_nothing() -> None:
    with pytest.raises(SettingError):
        settings_of(Rule(), ["x"])
