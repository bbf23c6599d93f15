"""What makes a plan refuse itself: each rule by itself, and by how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from netmon.core.model import Direction
from netmon.core.refusals import Caps, Rule, Tightening, Unit, findings, refusal

DOWN = Direction.DOWNLOAD
MBPS = 1_000_000
CAPS = Caps(agencies_total=20, max_tightened_permille=300)


def one(agency: str = "dinkes", **how: object) -> Tightening:
    plain = Tightening(f"{agency}-fo", agency, DOWN, "palu", "ether1", 10 * MBPS, 4 * MBPS)
    return replace(plain, **how)  # type: ignore[arg-type]


def many(count: int, **how: object) -> list[Tightening]:
    return [one(f"opd-{number:02}", router=f"r{number:02}", **how) for number in range(count)]


Left = Mapping[tuple[str, Direction], int | None]


@pytest.mark.parametrize(
    ("tightened", "left", "caps", "rule", "says"),
    [
        ([one()], {}, replace(CAPS, clock_trusted=False), Rule.CLOCK, "the clock is not synchronised: dinkes"),
        (
            [one()],
            {},
            replace(CAPS, uplinks=frozenset({("palu", "ether1")})),
            Rule.UPLINK,
            "dinkes-fo is on palu ether1",
        ),
        ([one(indivisible="5 bit/s cannot be divided")], {}, CAPS, Rule.LIMIT_ZERO, "5 bit/s cannot be divided"),
        (
            [one()],
            {("dinkes", DOWN): 4 * MBPS},
            replace(CAPS, floors={("dinkes", DOWN): 6 * MBPS}),
            Rule.FLOOR,
            "would have 4 Mb/s download, 2 Mb/s less than the 6 Mb/s it is guaranteed",
        ),
        (many(7), {}, CAPS, Rule.AGENCIES, "7 of 20 agencies would be limited at once, more than 30 %"),
        (
            many(3),
            {},
            replace(CAPS, max_tightened_bps=10 * MBPS),
            Rule.RATE,
            "18 Mb/s would be taken at once, 8 Mb/s more than control.max_tightened_bps",
        ),
        (
            [one(from_bps=None, port_speed_bps=100 * MBPS)],
            {},
            replace(CAPS, max_tightened_bps=95 * MBPS),
            Rule.RATE,
            "96 Mb/s would be taken at once, 1 Mb/s more",
        ),
        (
            many(3),
            {},
            replace(CAPS, max_routers=2),
            Rule.ROUTERS,
            r"3 routers at once, 1 more than control.max_routers_per_cycle \(2\): r00, r01, r02",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Rule) else "",
)
def test_a_plan_beyond_a_rule_is_refused_by_its_name_and_says_by_how_much(
    tightened: list[Tightening], left: Left, caps: Caps, rule: Rule, says: str
) -> None:
    found = findings(tightened, left, caps)
    refused = refusal(found)
    assert refused is not None
    assert refused.rule == rule
    assert re.search(says, refused.detail)
    assert [each.rule for each in found if each.detail is not None] == [rule]


@pytest.mark.parametrize(
    ("tightened", "left", "caps"),
    [
        ([], {}, replace(CAPS, clock_trusted=False, max_tightened_bps=1, max_routers=1)),
        (many(6), {}, CAPS),
        (many(3), {}, replace(CAPS, agencies_total=3)),
        (many(3), {}, replace(CAPS, max_tightened_bps=18 * MBPS, max_routers=3)),
        ([one(from_bps=None)], {}, replace(CAPS, max_tightened_bps=1)),
        ([one()], {("dinkes", DOWN): 6 * MBPS}, replace(CAPS, floors={("dinkes", DOWN): 6 * MBPS})),
        ([one()], {("dinkes", DOWN): 5_990_000}, replace(CAPS, floors={("dinkes", DOWN): 6 * MBPS})),
        ([one()], {("dinkes", DOWN): None}, replace(CAPS, floors={("dinkes", DOWN): 6 * MBPS})),
        ([one(may_breach_floor=True)], {("dinkes", DOWN): 1}, replace(CAPS, floors={("dinkes", DOWN): 6 * MBPS})),
        (many(20, shared=True), {}, replace(CAPS, max_tightened_bps=1, max_routers=1)),
        (
            [one(shared=True)],
            {("dinkes", DOWN): 1},
            replace(CAPS, floors={("dinkes", DOWN): 6 * MBPS}),
        ),
    ],
    ids=[
        "nothing is tightened",
        "as many agencies as may be",
        "the first few",
        "as much as may be",
        "how much could pass is not known",
        "the floor itself",
        "the floor as routers round it",
        "a circuit without a limit",
        "a legal basis",
        "shares are paced where they are decided",
        "floors that scarce capacity does not meet",
    ],
)
def test_a_plan_within_every_rule_is_not_refused(tightened: list[Tightening], left: Left, caps: Caps) -> None:
    assert refusal(findings(tightened, left, caps)) is None


def test_every_rule_tells_what_it_counted_and_how_much_it_lets_pass() -> None:
    caps = replace(CAPS, max_tightened_bps=50 * MBPS)
    found = {each.rule: (each.found, each.most, each.unit) for each in findings(many(4), {}, caps)}
    assert list(found) == list(Rule)
    assert found[Rule.AGENCIES] == (4, 6, Unit.AGENCIES)
    assert found[Rule.RATE] == (24 * MBPS, 50 * MBPS, Unit.BPS)
    assert found[Rule.ROUTERS] == (4, None, Unit.ROUTERS)
    assert found[Rule.CLOCK] == (0, 0, Unit.AGENCIES)


def test_the_first_rule_in_order_names_the_refusal() -> None:
    refused = refusal(findings(many(9), {}, replace(CAPS, clock_trusted=False, max_routers=1)))
    assert refused is not None
    assert refused.rule == Rule.CLOCK
