"""A ceiling holds while there is plenty, too; and then nobody is held below his own for the sake of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from core.test_distribution import DOWN, directive, limit, ours, question, slowed
from core.test_entitled import INTERNET, MBPS, agency, entitled

from netmon.core.decided import Decided, reasons
from netmon.core.directives import DirectiveKind
from netmon.core.distribution import Question, distribute
from netmon.core.supply import Rates, Sharing

SCARCE = (replace(INTERNET, sharing=Sharing.SCARCE),)
"""100 Mb/s, shared while more is wanted."""
FOUR = tuple(ours(name, owner, "internet") for name, owner in (("h", "health"), ("r", "roads"), ("a", "arts")))


def asked(*circuits: Any, wanted: Mapping[str, int], **more: Any) -> Question:
    return question(*circuits, pools=SCARCE, wanted=wanted, **more)


def targets(of: Question) -> dict[str, int | None]:
    found = distribute(of).targets
    return {name: None if bps is None else bps // MBPS for (name, way), bps in found.items() if way is DOWN}


def test_an_entitlement_s_ceiling_holds_while_there_is_plenty() -> None:
    few = asked(*FOUR, wanted={"h": 5, "r": 5, "a": 5}, entitlements=(entitled("health", ceiling=60),))
    assert targets(few) == {"h": 60, "r": None, "a": None}
    (why,) = reasons(few, distribute(few), "health", DOWN)
    assert (why.decided, why.by, why.wanted) == (Decided.CEILING, "agency:health@internet", None)


def test_a_quota_s_step_is_not_lowered_by_what_others_could_want() -> None:
    few = asked(*FOUR, wanted={"h": 5, "r": 5, "a": 5}, verdicts=slowed("roads", 50))
    assert targets(few) == {"h": None, "r": 50, "a": None}
    (why,) = reasons(few, distribute(few), "roads", DOWN)
    assert why.decided is Decided.LADDER


def test_a_floor_and_a_boost_stand_above_the_step() -> None:
    floor = asked(
        *FOUR, wanted={"h": 5}, verdicts=slowed("roads", 2), entitlements=(entitled("roads", floor=8, ceiling=40),)
    )
    assert targets(floor)["r"] == 8
    boost = directive(DirectiveKind.BOOST, "roads", rates=Rates(70 * MBPS, MBPS))
    assert targets(asked(*FOUR, wanted={"h": 5}, verdicts=slowed("roads", 2), directives=(boost,)))["r"] == 70


def test_it_is_divided_among_the_circuits_below_it_and_never_copied() -> None:
    two = (ours("h1", "health", "internet"), ours("h2", "health", "internet"))
    few = asked(*two, wanted={"h1": 20, "h2": 4}, entitlements=(entitled("health", ceiling=30),))
    found = targets(few)
    assert sum(bps or 0 for bps in found.values()) == 30
    assert (found["h1"] or 0) >= 20


def test_the_least_of_the_ceilings_above_a_circuit_counts_and_is_named() -> None:
    office = ours("o", "office", "internet")
    few = asked(
        office, wanted={"o": 5}, entitlements=(entitled("district", ceiling=20), entitled("office", ceiling=30))
    )
    nested = replace(few, inventory=replace(few.inventory, agencies=(agency("district"), agency("office", "district"))))
    assert targets(nested) == {"o": 20}
    (why,) = reasons(nested, distribute(nested), "office", DOWN)
    assert why.by == "agency:district@internet"


@pytest.mark.parametrize(("wanted", "short"), [(20, False), (90, True)])
def test_once_the_pool_is_short_shares_count_and_the_ceiling_is_one_bound_of_them(wanted: int, short: bool) -> None:
    many = asked(*FOUR, wanted=dict.fromkeys("hra", wanted), entitlements=(entitled("health", ceiling=60),))
    found = targets(many)
    assert (found["r"] is not None) is short
    assert (found["h"] or 0) == (33 if short else 60)


def test_a_raise_to_a_ceiling_does_not_wait_for_room_in_what_is_not_short() -> None:
    few = asked(
        *FOUR,
        wanted={"h": 5, "r": 5},
        entitlements=(entitled("health", ceiling=90), entitled("roads", ceiling=90)),
        limits={"h": limit(40), "r": limit(40)},
    )
    altered = distribute(few).alter
    assert {name: altered[name, DOWN] for name in "hr"} == {"h": 90 * MBPS, "r": 90 * MBPS}
