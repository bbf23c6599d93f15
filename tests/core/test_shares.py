"""What is due anew, and how it is told: a change once, what is only observed when it has moved, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from core.test_distribution import DOWN, NOW_NS, directive, limit, ours, question, slowed
from core.test_entitled import INTERNET, MBPS, entitled

from netmon.core.directives import DirectiveKind
from netmon.core.distribution import Question, distribute
from netmon.core.model import Direction, Mode, VerdictReason
from netmon.core.planning import Share
from netmon.core.shares import Answer, Due, due, floor_conditions
from netmon.core.supply import Rates, Sharing

TWO = (ours("h", "health", "internet"), ours("r", "roads", "internet"))
WANTED = {"h": 90, "r": 90}


def dues(asked: Question, noted: Mapping[tuple[str, Direction], int | None] | None = None) -> dict[str, Due]:
    found = due(asked, distribute(asked), noted or {})
    return {one.circuit: one for one in found if one.direction is DOWN}


def test_a_limit_that_is_to_be_altered_is_due_with_its_arithmetic() -> None:
    h = dues(question(*TWO, wanted=WANTED))["h"]
    assert (h.agency, h.bps, h.target_bps, h.at_ns, h.wanted_bps) == ("health", 50 * MBPS, 50 * MBPS, NOW_NS, 90 * MBPS)
    assert (h.decided, h.by, h.rose) == ("allocation", "internet", False)
    assert [(line.node, line.child) for line in h.lines] == [
        ("site", "pool:internet"),
        ("pool:internet", "agency:health@internet"),
        ("agency:health@internet", "circuit:h"),
    ]
    (_, pool, _) = h.lines
    assert (pool.node_bps - pool.fixed_bps) * pool.weight // pool.rising_weight + pool.rounding_bps == pool.child_bps


def test_what_is_in_force_as_it_should_be_is_not_told_again() -> None:
    assert dues(question(*TWO, wanted=WANTED, limits={"h": limit(50), "r": limit(49)})) == {}


def test_the_end_of_a_limit_counts_as_a_rise() -> None:
    pools = (replace(INTERNET, sharing=Sharing.SCARCE),)
    found = dues(question(*TWO, pools=pools, wanted={"h": 5, "r": 5}, limits={"h": limit(50), "r": limit(50)}))
    assert [(one.bps, one.rose, one.decided) for one in found.values()] == [(None, True, "not_short")] * 2


@pytest.mark.parametrize(
    ("noted", "told"), [(None, True), (50, False), (44, False), (43, True), (58, False), (59, True)]
)
def test_where_nothing_is_set_what_would_be_is_told_once_it_has_moved(noted: int | None, told: bool) -> None:
    h = ours("h", "health", "internet", mode=Mode.OBSERVE)
    before = {("h", DOWN): None if noted is None else noted * MBPS}
    found = dues(question(h, TWO[1], wanted=WANTED), before)
    assert ("h" in found) is told
    if told:
        assert (found["h"].bps, found["h"].damping) == (50 * MBPS, None)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, VerdictReason.SHARED),
        ({"entitlements": (entitled("health", ceiling=20),)}, VerdictReason.CEILING),
        ({"verdicts": slowed("health", 8)}, None),
        (
            {"directives": (directive(DirectiveKind.BOOST, "health", rates=Rates(70 * MBPS, MBPS)),)},
            VerdictReason.BOOSTED,
        ),
    ],
    ids=["shared", "ceiling", "ladder", "boost"],
)
def test_a_share_names_what_decided_it(more: dict[str, Any], reason: VerdictReason | None) -> None:
    one = dues(question(*TWO, wanted=WANTED, **more))["h"]
    assert one.share() == Share(one.bps, reason)


def test_floors_that_are_cut_are_told_by_direction() -> None:
    conditions = list(floor_conditions(Answer((), {}, (Direction.UPLOAD,))))
    assert [(one.key, one.firing) for one in conditions] == [("floors/download", False), ("floors/upload", True)]
