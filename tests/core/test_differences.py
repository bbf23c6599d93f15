"""What a changed configuration is told by: each place once, nothing else, and nothing where nothing changed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.differences import Difference, differences

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


def found(before: Any, after: Any) -> list[tuple[str, Any, Any, str]]:
    return [(d.path, d.before, d.after, d.kind) for d in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2, "changed")]),
        ({"a": True}, {"a": 1}, [("a", True, 1, "changed")]),
        ({"a": None}, {}, [("a", None, None, "removed")]),
        ({}, {"a": {"b": 1}}, [("a", None, {"b": 1}, "added")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", 2, 3, "changed")]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1], "changed")]),
        ({"a": {"b": 1}}, {"a": 5}, [("a", {"b": 1}, 5, "changed")]),
    ],
)
def test_each_place_is_told_once(before: Any, after: Any, expected: list[tuple[str, Any, Any, str]]) -> None:
    assert found(before, after) == expected


def test_named_items_of_a_list_are_compared_by_their_names_wherever_they_stand() -> None:
    before = {"policies": [{"name": "a", "volume": 1}, {"name": "b", "volume": 2}]}
    after = {"policies": [{"name": "b", "volume": 3}, {"name": "c", "volume": 4}]}
    assert found(before, after) == [
        ("policies.a", {"name": "a", "volume": 1}, None, "removed"),
        ("policies.b.volume", 2, 3, "changed"),
        ("policies.c", None, {"name": "c", "volume": 4}, "added"),
    ]


def test_items_without_names_are_compared_by_their_numbers() -> None:
    before = {"ladder": [{"at": 800}, {"at": 1000, "to": 4}]}
    after = {"ladder": [{"at": 800}, {"at": 1000, "to": 2}, {"at": 1200}]}
    assert found(before, after) == [("ladder.1.to", 4, 2, "changed"), ("ladder.2", None, {"at": 1200}, "added")]


def test_the_first_item_of_a_list_is_added_and_its_last_removed() -> None:
    assert found({"l": []}, {"l": [{"name": "a"}]}) == [("l.a", None, {"name": "a"}, "added")]
    assert found({"l": [{"name": "a"}]}, {"l": []}) == [("l.a", {"name": "a"}, None, "removed")]


def test_a_list_never_equals_a_mapping_of_the_same_keys() -> None:
    assert found({"a": [{}]}, {"a": {"0": {}}}) == [("a", [{}], {"0": {}}, "changed")]


def test_a_key_that_holds_a_dot_is_quoted() -> None:
    assert [one[0] for one in found({}, {"palu.core": 1, "": 2})] == ['""', '"palu.core"']


@given(DOCUMENTS)
def test_nothing_differs_from_itself(document: Any) -> None:
    assert list(differences(document, copy.deepcopy(document))) == []


@given(DOCUMENTS, DOCUMENTS)
def test_what_differs_one_way_differs_the_other_way_round(before: Any, after: Any) -> None:
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    there = list(differences(before, after))
    back = [Difference(d.place, d.after, d.before, turned[d.kind]) for d in differences(after, before)]
    assert there == back
    assert bool(there) == (json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True))
