"""What policies in full and people's decisions are told as: why, as a document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.governed import HOUR_NS, HOUR_START_NS, written
from support.ledgers import MINUTE_NS
from support.why_site import DOWN, NOW_NS, SLOWED, SLOWED_NS, UP, Site, a_site

from netmon.core.demand import Demand
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.model import Direction, RateLimit, VerdictReason
from netmon.core.periods import GRID_NS, PeriodKind, PeriodRule, period_containing
from netmon.core.supply import Rates
from netmon.daemon.figures import Wanted


def row(data: dict[str, Any], circuit: str = "dinkes-main", direction: Direction = DOWN) -> dict[str, Any]:
    (found,) = [one for one in data["verdicts"] if (one["circuit"], one["direction"]) == (circuit, direction)]
    return dict(found)


def conditions(of: dict[str, Any]) -> dict[str, int | None]:
    return {one["what"]: one["bytes"] for one in of["ends_sooner_if"]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def given(site: Site, kind: DirectiveKind, until_ns: int = NOW_NS + HOUR_NS, **of: Any) -> None:
    directive = Directive("d-1", kind, "dinkes", "pemilu", "ani", SLOWED_NS, until_ns, **of)
    site.write(lambda ledger: ledger.give_directive(directive))


def shared(data: dict[str, Any]) -> list[tuple[str, str | None, int | None]]:
    return [(step["step"], step["reason"], step["limit_bps"]) for step in data["allocation"] if step["policy"]]


def test_a_boost_is_told_with_who_gave_it_and_what_the_ladder_says(site: Site) -> None:
    given(site, DirectiveKind.BOOST, rates=Rates(30_000_000, 5_000_000))
    data = site.why()
    found = row(data)
    assert (found["reason"], found["agency_limit_bps"], found["ladder_bps"]) == ("boosted", 30_000_000, 10_000_000)
    assert (found["until"], found["ends_with"]) == (written(HOUR_START_NS + HOUR_NS), "period")
    (told,) = found["directives"]
    assert told.pop("id")
    assert [told] == [
        {
            "kind": "boost",
            "rate_bps": 30_000_000,
            "policy": None,
            "by": "ani",
            "reason": "pemilu",
            "until": written(NOW_NS + HOUR_NS),
        }
    ]
    assert shared(data) == [
        ("policy", "over_quota", 10_000_000),
        ("strictest", "over_quota", 10_000_000),
        ("directed", "boosted", 30_000_000),
    ]


def test_an_exemption_takes_the_limit_away_and_the_verdict_says_when_it_is_there_again(site: Site) -> None:
    given(site, DirectiveKind.EXEMPTION, NOW_NS + MINUTE_NS, policy="hourly")
    data = site.why()
    found = row(data)
    assert (found["reason"], found["limit_bps"], found["ladder_bps"]) == ("exempt", None, 10_000_000)
    assert (found["until"], found["ends_with"]) == (written(NOW_NS + MINUTE_NS), "directive")
    assert shared(data) == [("policy", "over_quota", 10_000_000), ("strictest", "exempt", None)]
    site.recorded(replace(SLOWED, reason=VerdictReason.EXEMPT, limit=None))
    assert row(site.why(at=written(SLOWED_NS)))["directives"][0]["kind"] == "exemption"


def test_while_limits_are_frozen_only_their_end_alters_them(site: Site) -> None:
    site.recorded(replace(SLOWED, limit=RateLimit(3_000_000)))
    given(site, DirectiveKind.FREEZE)
    found = row(site.why())
    assert (found["reason"], found["agency_limit_bps"]) == ("frozen_by_operator", 3_000_000)
    assert conditions(found).keys() == {"freeze_ended", "reverted"}


def test_both_directions_together_are_told_as_what_was_used(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "direction: download", "direction: sum")
    data = site.why()
    for direction in (DOWN, UP):
        evidence = row(data, direction=direction)["evidence"]
        assert evidence["directions"] == ["download", "upload"]
        assert evidence["proven_bytes"] > 31 * 40_000_000
    assert row(data)["evidence"] == row(data, direction=UP)["evidence"]


def test_outside_its_hours_the_policy_says_when_it_slows_again(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "volume: 1 GB", 'volume: 1 GB\n    when: {hours: "20:45-07:00"}')
    found = row(site.why())
    assert (found["reason"], found["limit_bps"], found["step"]) == ("outside_window", None, 2)
    assert (found["until"], found["ends_with"]) == (written(HOUR_START_NS + 45 * MINUTE_NS), "window")
    assert found["ladder_bps"] == 10_000_000


def test_a_new_policy_in_its_grace_says_when_it_begins_to_slow(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "volume: 1 GB", "volume: 1 GB\n    grace: 10m")
    found = row(site.why())
    assert (found["reason"], found["ends_with"]) == ("grace", "grace")
    assert found["until"] == written(NOW_NS + 10 * MINUTE_NS)


def test_a_limit_below_a_floor_names_its_legal_basis(site: Site) -> None:
    basis = "slow_to: 10 Mbps, may_breach_floor: true, legal_basis: Pergub 12/2026 pasal 7"
    site.edit("policies/quotas/hourly.yaml", "slow_to: 10 Mbps", basis)
    assert row(site.why())["legal_basis"] == "Pergub 12/2026 pasal 7"


def test_what_is_carried_over_is_told_of_the_quota(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "volume: 1 GB", "volume: 1 GB\n    rollover: 20%")
    found = row(site.why())
    assert (found["evidence"]["quota_bytes"], found["evidence"]["carried_bytes"]) == (1_200_000_000, 200_000_000)
    assert found["reason"] == "over_quota"


def test_a_percentile_is_told_as_what_it_cannot_fall_below_any_more(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "volume: 1 GB", "p95: 4 Mbps")
    site.edit("policies/quotas/hourly.yaml", "period: 1h", "period: day")
    configuration = site.configured()
    circuits = tuple(one for one in configuration.circuits if one.agency == "dinkes")
    period = period_containing(PeriodRule(PeriodKind.DAY), NOW_NS, "Asia/Makassar")
    wanted = Wanted("dinkes", None, circuits, DOWN, period)
    demand = Demand(NOW_NS // GRID_NS * GRID_NS, 20, (5_000_000 * 300 // 8,) * 15)
    site.write(lambda ledger: ledger.note_demands({wanted.key: (wanted.digest, demand)}))
    found = row(site.why())
    evidence = found["evidence"]
    assert (found["reason"], found["limit_bps"]) == ("over_quota", 5_000_000)
    assert (evidence["p95_bps"], evidence["quota_bps"], evidence["threshold_bps"]) == (5_000_000, 4_000_000, 4_000_000)
    assert (evidence["quota_bytes"], evidence["quota_used_ratio"]) == (None, 1.25)


def test_a_circuit_that_stands_by_keeps_its_minimum_and_says_so(site: Site) -> None:
    site.edit("netmon.yaml", "role: parallel", "role: backup")
    shares = [step for step in site.why()["allocation"] if step["step"] == "share"]
    assert [(step["circuit"], step["limit_bps"], step["because"]) for step in shares] == [
        ("dinkes-main", 9_500_000, None),
        ("dinkes-radio", 500_000, "stands_by"),
    ]
