"""Which ports are the two ends of a fibre, by what routers hear of each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.fibre_pairs import Heard, Port, far_ports

HEARD: dict[str, tuple[dict[str, list[Heard]], dict[str, Port | None]]] = {
    "both name each other's port": (
        {"a": [Heard("x1", "b", "y1")], "b": [Heard("y1", "a", "x1")]},
        {"x1": ("b", "y1")},
    ),
    "the far router says nothing, or was not asked yet": ({"a": [Heard("x1", "b", "y1")]}, {"x1": ("b", "y1")}),
    "no port is named, but there is one link between them": (
        {"a": [Heard("x1", "b", None)], "b": [Heard("y1", "a", None)]},
        {"x1": ("b", "y1")},
    ),
    "no port is named, and the far router was not asked yet": ({"a": [Heard("x1", "b", None)]}, {}),
    "no port is named, and there are two links": (
        {"a": [Heard("x1", "b", None), Heard("x2", "b", None)], "b": [Heard("y1", "a", None), Heard("y2", "a", None)]},
        {},
    ),
    "the far port hears somebody else": (
        {"a": [Heard("x1", "b", "y1")], "b": [Heard("y1", "c", "z1")]},
        {"x1": None},
    ),
    "the far port hears another port of the same router": (
        {"a": [Heard("x1", "b", "y1")], "b": [Heard("y1", "a", "x7")]},
        {"x1": None},
    ),
    "a stranger": ({"a": [Heard("x1", None, None)]}, {"x1": None}),
    "several systems at one port, as behind a switch": (
        {"a": [Heard("x1", "b", "y1"), Heard("x1", "c", "z1")]},
        {"x1": None},
    ),
    "several ports of one system at one port": (
        {"a": [Heard("x1", "b", "y1"), Heard("x1", "b", "y2")]},
        {"x1": None},
    ),
    "two ports that claim the same far one": (
        {"a": [Heard("x1", "b", "y1"), Heard("x2", "b", "y1")]},
        {"x1": None, "x2": None},
    ),
    "itself, by a loop": ({"a": [Heard("x1", "a", "x2")]}, {"x1": None}),
    "nothing": ({"a": []}, {}),
}


@pytest.mark.parametrize("name", HEARD)
def test_far_ends_are_what_routers_hear_without_contradiction(name: str) -> None:
    heard, expected = HEARD[name]
    assert far_ports("a", heard) == expected


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.lists(
            st.builds(
                Heard, st.sampled_from("xy"), st.none() | st.sampled_from("abc"), st.none() | st.sampled_from("xy")
            ),
            max_size=4,
        ),
    )
)
@settings(max_examples=200)
def test_no_port_is_the_far_end_of_two_and_ends_that_both_speak_agree(heard: dict[str, list[Heard]]) -> None:
    found: dict[Port, Port] = {
        (router, port): far for router in heard for port, far in far_ports(router, heard).items() if far is not None
    }
    for near, far in found.items():
        assert near[0] != far[0]
        assert found.get(far, near) == near
    for router in heard:
        far_ends = [far for (name, _), far in found.items() if name == router]
        assert len(set(far_ends)) == len(far_ends)
