"""Rule 3: one width for all series of a router, chosen so that most are read at their widest."""

from __future__ import annotations

import pytest

from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.widths import counter_width, left_out, mixture


def interfaces(widths: str) -> list[DiscoveredInterface]:
    """One per letter: w 64 bits alone, n 32 alone, b both, - none."""
    bits = {"w": (64, False), "n": (32, False), "b": (64, True), "-": (None, False)}
    return [
        DiscoveredInterface(at, f"if{at}", b"", "", None, 6, None, *bits[letter]) for at, letter in enumerate(widths, 1)
    ]


@pytest.mark.parametrize(
    ("widths", "before", "chosen", "lacking"),
    [
        ("www", 64, 64, []),
        ("nnn", 64, 32, []),
        ("bbn", 64, 64, ["if3"]),
        ("bnn", 64, 32, []),
        ("wnn", 64, 32, ["if1"]),
        ("wn", 64, 64, ["if2"]),
        ("bn", 32, 64, ["if2"]),
        ("b--", 64, 64, ["if2", "if3"]),
        ("n--", 64, 32, ["if2", "if3"]),
        ("--", 32, 32, ["if1", "if2"]),
        ("", 32, 32, []),
        ("", 64, 64, []),
    ],
)
def test_the_width_of_most_wins_and_the_rest_is_named(
    widths: str, before: int, chosen: int, lacking: list[str]
) -> None:
    assert counter_width(interfaces(widths), before) == chosen
    assert [missing.what for missing in left_out(interfaces(widths), chosen)] == lacking


def test_the_reason_names_the_width_and_the_remedy() -> None:
    (missing,) = left_out(interfaces("n"), 64)
    assert missing.why == (
        "it has 32-bit octet counters and most of the router's other interfaces 64-bit ones, which one visit cannot"
        " mix; enter it as a router of its own"
    )
    assert str(mixture(["a", "b"], 32, 64)).startswith(
        "interfaces: a, b: octet counters of 32 bits, most others' of 64"
    )
