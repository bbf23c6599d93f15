"""Why an agency is limited, as a document: what counts, what it rests on, and what would end it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.governed import HOUR_NS, HOUR_START_NS, QUOTAS, record, written
from support.ledgers import MINUTE_NS, a_receipt, a_visit
from support.why_site import DOWN, NOW_NS, SLOWED, SLOWED_NS, STALE, UP, Site, a_site, clock

from netmon.core import quota
from netmon.core.changes import Outcome
from netmon.core.ladder import Claim, QuotaUsage
from netmon.core.model import Direction, RateLimit, VerdictReason
from netmon.core.periods import Period
from netmon.daemon.decisions import OBSERVATION_NS
from netmon.daemon.plans import plan_data
from netmon.daemon.queries import By, QueryError, Span, usage_rows


def row(data: dict[str, Any], circuit: str = "dinkes-main", direction: Direction = DOWN) -> dict[str, Any]:
    (found,) = [one for one in data["verdicts"] if (one["circuit"], one["direction"]) == (circuit, direction)]
    return dict(found)


def conditions(of: dict[str, Any]) -> dict[str, int | None]:
    return {one["what"]: one["bytes"] for one in of["ends_sooner_if"]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


# --- now -----------------------------------------------------------------------------------------


def test_an_agency_over_its_quota_is_told_rule_bytes_share_and_end(site: Site) -> None:
    site.recorded()
    data = site.why()
    assert (data["agency"], data["name"], data["basis"], data["at"]) == (
        "dinkes",
        "Dinas Kesehatan",
        "judged_now",
        written(NOW_NS),
    )
    assert [(one["circuit"], one["direction"]) for one in data["verdicts"]] == [
        ("dinkes-main", "download"),
        ("dinkes-radio", "download"),
        ("dinkes-main", "upload"),
        ("dinkes-radio", "upload"),
    ]
    assert row(data) == {
        "circuit": "dinkes-main",
        "router": "palu-core",
        "mode": "enforce",
        "direction": "download",
        "limit_bps": 5_000_000,
        "agency_limit_bps": 10_000_000,
        "reason": "over_quota",
        "policy": "hourly",
        "step": 2,
        "rule": {"file": "quotas/hourly.yaml", "line": 8},
        "since": written(SLOWED_NS),
        "evidence": {
            "period_start": written(HOUR_START_NS),
            "period_end": written(HOUR_START_NS + HOUR_NS),
            "directions": ["download"],
            "proven_bytes": 31 * 40_000_000,
            "estimated_bytes": 0,
            "unknown_seconds": 0,
            "coverage_ratio": 1.0,
            "quota_bytes": 10**9,
            "quota_used_ratio": 1.24,
            "carried_bytes": None,
            "threshold_bytes": 10**9,
            "next_threshold_bytes": None,
            "decided_on_bytes": 10**9,
            "p95_bps": None,
            "quota_bps": None,
            "threshold_bps": None,
            "next_threshold_bps": None,
            "newest_reading": written(NOW_NS),
        },
        "until": written(HOUR_START_NS + HOUR_NS),
        "ends_with": "period",
        "ladder_bps": None,
        "legal_basis": None,
        "directives": [],
        "sharing": None,
        "ends_sooner_if": [
            {"what": "policy_changed", "bytes": 1_240_000_001},
            {"what": "exempted", "bytes": None},
            {"what": "reverted", "bytes": None},
        ],
        "in_force": {"bps": None, "known": True, "at": None},
        "action": "set",
        "withheld": None,
        "hold": None,
        "receipt": None,
    }


def test_it_says_what_plan_and_usage_say(site: Site) -> None:
    site.recorded()
    data = site.why()
    plan = site.asked(lambda of, reader: plan_data(of, reader, NOW_NS, clock(NOW_NS), OBSERVATION_NS))
    told = [(one["circuit"], one["limit_bps"], one["action"], one["withheld"]) for one in data["verdicts"][:2]]
    assert told == [(one["circuit"], one["to_bps"], one["action"], one["withheld"]) for one in plan["changes"]]
    usage, _ = site.asked(lambda of, reader: usage_rows(of, reader, "dinkes", Span(), By.AGENCY, NOW_NS))
    evidence = row(data)["evidence"]
    for name in ("proven_bytes", "estimated_bytes", "unknown_seconds", "coverage_ratio", "quota_used_ratio"):
        assert evidence[name] == usage[name]


def test_the_volume_that_would_free_the_agency_is_the_least_that_does(site: Site) -> None:
    volume = conditions(row(site.why()))["policy_changed"]
    assert volume is not None
    policy = site.configured().policies["hourly"]
    period, used = Period(HOUR_START_NS, HOUR_START_NS + HOUR_NS, ""), QuotaUsage(31 * 40_000_000, NOW_NS)

    def limit(of_bytes: int) -> RateLimit | None:
        changed = replace(policy, volume_bytes=of_bytes)
        claim = Claim("x", DOWN, "Asia/Makassar", changed, period)
        verdict = quota.judge(claim, used, SLOWED, NOW_NS, clock_trusted=True, stale_after_ns=1)
        return verdict.limit

    assert limit(volume) is None
    assert limit(volume - 1) == RateLimit(10_000_000)


def test_a_verdict_that_is_not_recorded_yet_has_no_since_and_rests_on_the_bytes_of_now(site: Site) -> None:
    found = row(site.why())
    assert found["since"] is None
    assert found["evidence"]["decided_on_bytes"] == found["evidence"]["proven_bytes"] == 1_240_000_000


def test_a_direction_without_a_policy_has_no_evidence(site: Site) -> None:
    found = row(site.why(), direction=UP)
    assert (found["reason"], found["limit_bps"], found["evidence"], found["rule"]) == ("no_quota", None, None, None)
    assert found["ends_sooner_if"] == []
    assert [step for step in site.why()["allocation"] if step["direction"] == "upload"] == []


def test_an_agency_without_a_circuit_has_no_verdicts(site: Site) -> None:
    site.edit(
        "netmon.yaml",
        "  arsip: {name: Dinas Kearsipan}\n",
        "  arsip: {name: Dinas Kearsipan}\n  dishub: {name: Hub, quotas: [hourly]}\n",
    )
    data = site.why("dishub")
    assert (data["verdicts"], data["allocation"]) == ([], [])


def test_the_arithmetic_is_told_step_by_step(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "10 Mbps", "10001 kbps")
    shared = [
        (
            step["step"],
            step["policy"],
            step["circuit"],
            step["of_bps"],
            step["among"],
            step["limit_bps"],
            step["remainder_bps"],
        )
        for step in site.why()["allocation"]
    ]
    assert shared == [
        ("policy", "hourly", None, None, None, 10_001_000, None),
        ("strictest", "hourly", None, None, None, 10_001_000, None),
        ("share", None, "dinkes-main", 10_001_000, 2, 5_000_500, 0),
        ("share", None, "dinkes-radio", 10_001_000, 2, 5_000_500, 0),
    ]
    site.edit("policies/quotas/hourly.yaml", "10001 kbps", "10001 bps")
    assert [step["remainder_bps"] for step in site.why()["allocation"] if step["step"] == "share"] == [1, 0]


def test_of_several_policies_each_is_told_and_the_strictest_counts(site: Site) -> None:
    more = QUOTAS.replace("hourly", "daily").replace("1h", "day").replace("10 Mbps", "4 Mbps")
    (site.directory / "policies" / "quotas" / "daily.yaml").write_text(more)
    site.edit("netmon.yaml", "quotas: [hourly]", "quotas: [hourly, daily]")
    data = site.why()
    assert [(step["step"], step["policy"], step["limit_bps"]) for step in data["allocation"][:3]] == [
        ("policy", "hourly", 10_000_000),
        ("policy", "daily", 4_000_000),
        ("strictest", "daily", 4_000_000),
    ]
    # No volume of the one alone would free the agency of both.
    assert conditions(row(data)) == {"policy_changed": None, "exempted": None, "reverted": None}
    site.recorded()
    assert conditions(row(site.why(at=written(SLOWED_NS))))["policy_changed"] is None


def test_a_circuit_that_is_only_observed_is_due_a_share_that_is_withheld(site: Site) -> None:
    found = row(site.why(), "dinkes-radio")
    assert (found["limit_bps"], found["withheld"], found["action"]) == (5_000_000, "observe_mode", "keep")
    assert "reverted" not in conditions(found)


def test_our_own_limit_on_a_circuit_that_came_to_be_only_observed_ends(site: Site) -> None:
    site.write(lambda ledger: ledger.note_limit("dinkes-radio", DOWN, 5_000_000, True, SLOWED_NS))
    data = site.why()
    found = row(data, "dinkes-radio")
    assert (found["limit_bps"], found["action"]) == (None, "remove")
    assert found["in_force"] == {"bps": 5_000_000, "known": True, "at": written(SLOWED_NS)}
    (exempted,) = [step for step in data["allocation"] if step["step"] == "exempted"]
    assert (exempted["circuit"], exempted["because"]) == ("dinkes-radio", "observe_mode")


def test_a_held_circuit_is_due_no_limit_and_the_hold_is_told(site: Site) -> None:
    site.write(lambda ledger: ledger.hold("dinkes-main", "surgery", "budi", SLOWED_NS, NOW_NS + HOUR_NS))
    data = site.why()
    found = row(data)
    assert (found["limit_bps"], found["agency_limit_bps"]) == (None, 10_000_000)
    assert found["hold"] == {
        "reason": "surgery",
        "by": "budi",
        "at": written(SLOWED_NS),
        "until": written(NOW_NS + HOUR_NS),
    }
    assert "reverted" not in conditions(found)
    assert [step["because"] for step in data["allocation"] if step["step"] == "exempted"] == ["held_by_operator"]


def test_what_is_in_force_and_how_it_came_about(site: Site) -> None:
    site.recorded()
    receipt = replace(a_receipt("nm-1"), at_ns=SLOWED_NS + 1_000_000_000)
    site.write(lambda ledger: record(ledger, receipt, 5_000_000))
    found = row(site.why())
    at = written(SLOWED_NS + 1_000_000_000)
    assert found["in_force"] == {"bps": 5_000_000, "known": True, "at": at}
    assert found["action"] == "keep"
    assert found["receipt"] == {
        "id": "nm-1",
        "at": at,
        "from_bps": None,
        "to_bps": 5_000_000,
        "outcome": "confirmed",
        "proof": "read_back",
    }


def test_a_limit_that_is_not_known_is_not_told_as_one(site: Site) -> None:
    site.write(lambda ledger: ledger.note_limit("dinkes-main", DOWN, 5_000_000, False, SLOWED_NS))
    found = row(site.why())
    assert found["in_force"] == {"bps": None, "known": False, "at": written(SLOWED_NS)}
    assert found["withheld"] == "unread"


def test_a_plan_that_refuses_itself_is_told_where_it_concerns_the_agency(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "10 Mbps", "1 kbps")
    data = site.why()
    assert row(data)["withheld"] == "refused"
    assert data["refused"]["rule"] == "limit_zero"
    assert [step["limit_bps"] for step in data["allocation"] if step["step"] == "share"] == [500, 500]
    assert site.why("arsip")["refused"] is None


def test_stale_usage_keeps_the_limit_until_it_is_read_again(site: Site) -> None:
    site.recorded()
    found = row(site.why(now_ns=NOW_NS + 10 * MINUTE_NS))
    assert (found["reason"], found["agency_limit_bps"]) == ("frozen_stale", 10_000_000)
    assert found["since"] is None
    assert found["evidence"]["unknown_seconds"] == 600
    assert conditions(found).keys() == {"usage_read_again", "policy_changed", "exempted", "reverted"}


def test_by_a_clock_that_is_not_trusted_not_even_the_policy_ends_it(site: Site) -> None:
    site.recorded()
    found = row(site.why(now_ns=SLOWED_NS))
    assert found["reason"] == "frozen_clock"
    assert conditions(found).keys() == {"clock_trusted", "reverted"}


def test_a_step_kept_by_hysteresis_ends_below_its_threshold_less_the_margin(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "1 GB", "1250 MB")
    before = {"proven_bytes": 1_250_000_000, "quota_bytes": 1_250_000_000, "threshold_bytes": 1_250_000_000}
    site.recorded(replace(SLOWED, evidence=before))
    found = row(site.why())
    assert found["reason"] == "held_by_hysteresis"
    # Any change of the policy has it judged anew, without hysteresis.
    assert conditions(found).pop("usage_below") == 1_225_000_000
    assert conditions(found).keys() == {"usage_below", "policy_changed", "exempted", "reverted"}
    assert conditions(found)["policy_changed"] is None


# --- then ----------------------------------------------------------------------------------------


def test_at_an_earlier_instant_what_was_recorded_counts(site: Site) -> None:
    site.recorded()
    site.recorded(STALE, NOW_NS)
    data = site.why(at=written(SLOWED_NS + MINUTE_NS))
    found = row(data)
    assert data["basis"] == "recorded"
    assert (found["reason"], found["since"], found["limit_bps"]) == ("over_quota", written(SLOWED_NS), 5_000_000)
    evidence = found["evidence"]
    assert evidence["proven_bytes"] == 26 * 40_000_000
    assert evidence["decided_on_bytes"] == 10**9
    assert evidence["newest_reading"] == written(SLOWED_NS + MINUTE_NS)
    assert conditions(found)["policy_changed"] == 26 * 40_000_000 + 1
    assert (found["action"], found["withheld"]) == (None, None)
    assert row(data, "dinkes-radio")["withheld"] == "observe_mode"


def test_between_two_readings_what_is_not_proven_by_then_is_estimated(site: Site) -> None:
    site.recorded()
    evidence = row(site.why(at=written(SLOWED_NS + MINUTE_NS // 2)))["evidence"]
    assert (evidence["proven_bytes"], evidence["estimated_bytes"]) == (25 * 40_000_000, 20_000_000)


def test_before_anything_was_decided_there_is_no_verdict(site: Site) -> None:
    site.recorded()
    found = row(site.why(at=written(SLOWED_NS - MINUTE_NS)))
    assert (found["reason"], found["limit_bps"], found["evidence"], found["step"]) == (None, None, None, None)


def test_a_policy_that_reads_differently_by_now_names_no_volume(site: Site) -> None:
    site.recorded()
    site.edit("policies/quotas/hourly.yaml", "volume: 1 GB", "volume: 3 GB")
    found = row(site.why(at=written(SLOWED_NS)))
    assert (found["reason"], found["evidence"]["quota_bytes"]) == ("over_quota", 10**9)
    assert conditions(found)["policy_changed"] is None


def test_a_policy_that_is_gone_still_explains_what_it_did(site: Site) -> None:
    site.recorded(replace(SLOWED, policy="gone"))
    found = row(site.why(at=written(SLOWED_NS)))
    assert (found["policy"], found["evidence"]["period_end"]) == ("gone", written(HOUR_START_NS + HOUR_NS))
    within = replace(SLOWED, policy="gone", reason=VerdictReason.WITHIN_QUOTA, limit=None, step=0, until_ns=None)
    site.recorded(within, NOW_NS)
    found = row(site.why(at=written(NOW_NS)))
    assert found["evidence"]["period_end"] == written(NOW_NS)


@pytest.mark.parametrize(
    ("outcome", "bps", "known"),
    [(Outcome.CONFIRMED, 5_000_000, True), (Outcome.REVERTED, None, True), (Outcome.UNKNOWN, None, False)],
)
def test_what_was_in_force_follows_from_the_last_change_before(
    site: Site, outcome: Outcome, bps: int | None, known: bool
) -> None:
    site.recorded()
    first = replace(a_receipt("nm-1", outcome), at_ns=SLOWED_NS + 1)
    later = replace(a_receipt("nm-2"), at_ns=NOW_NS)
    for receipt in (first, later):
        site.write(partial(record, receipt=receipt, limit_bps=5_000_000))
    then, before = site.why(at=written(SLOWED_NS + MINUTE_NS)), site.why(at=written(SLOWED_NS))
    found = row(then)["in_force"]
    assert (found["bps"], found["known"]) == (bps, known)
    assert row(then)["receipt"]["id"] == "nm-1"
    assert row(before)["in_force"] == {"bps": None, "known": True, "at": None}
    assert row(before)["receipt"] is None


def test_a_limit_that_stands_since_before_is_as_it_stands(site: Site) -> None:
    site.write(lambda ledger: ledger.note_limit("dinkes-main", DOWN, 4_000_000, True, SLOWED_NS))
    found = row(site.why(at=written(SLOWED_NS)))["in_force"]
    assert found == {"bps": 4_000_000, "known": True, "at": written(SLOWED_NS)}


def test_a_hold_of_that_time_is_told_though_it_has_ended_since(site: Site) -> None:
    site.recorded()
    site.write(lambda ledger: ledger.hold("dinkes-main", "surgery", "budi", SLOWED_NS, SLOWED_NS + MINUTE_NS))
    held, after = row(site.why(at=written(SLOWED_NS))), row(site.why(at=written(SLOWED_NS + MINUTE_NS)))
    assert (held["limit_bps"], held["hold"]["by"]) == (None, "budi")
    assert (after["limit_bps"], after["hold"]) == (5_000_000, None)


def test_a_port_that_was_not_there_yet_had_not_been_read(site: Site) -> None:
    site.recorded()
    site.edit("netmon.yaml", "interface: ether2, faces: agency", "interface: ether4, faces: agency")
    visit = a_visit("palu-core", 34, ((0, 0),) * 4, NOW_NS + MINUTE_NS)
    site.write(lambda ledger: ledger.commit([visit]))
    evidence = row(site.why(at=written(SLOWED_NS)))["evidence"]
    assert evidence["proven_bytes"] == 25 * 30_000_000
    assert evidence["unknown_seconds"] == 25 * 60
    assert evidence["newest_reading"] == written(SLOWED_NS)


# --- questions without an answer -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("agency", "at", "sentence"),
    [
        ("dinke", None, "there is no agency dinke; did you mean dinkes?"),
        ("xyzzy", None, "there is no agency xyzzy; netmon usage lists them"),
        ("dinkes", "2027-01-01", "2027-01-01 has not come yet; without --at, netmon why tells what stands now"),
        ("dinkes", "noon", "'noon' is not a time; write for example 2026-11-22 or 2026-11-22T08:00"),
    ],
)
def test_a_question_without_an_answer_is_refused(site: Site, agency: str, at: str | None, sentence: str) -> None:
    with pytest.raises(QueryError) as caught:
        site.why(agency, at)
    assert str(caught.value) == sentence
