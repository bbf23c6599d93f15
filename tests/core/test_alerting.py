"""When an alert is published, what it says, and that its id is its own and stays its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.alerting import (
    Condition,
    Sentence,
    health_condition,
    limit_condition,
    quota_condition,
    repeats,
    router_condition,
    stale_condition,
    transition,
    unwatched_condition,
)
from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.changes import Action, Change, Outcome, Proof, Receipt
from netmon.core.directing import no_quota
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Direction, RateLimit, Verdict, VerdictReason
from netmon.core.quota import set_aside

R = VerdictReason
GB = 10**9


def condition(firing: bool = True, **changes: object) -> Condition:
    base = Condition("quota/dinkes/download", AlertKind.QUOTA, Severity.WARNING, firing, "text", "over_quota", "11/2")
    return replace(base, **changes)  # type: ignore[arg-type]


def published(previous: Alert | None, given_condition: Condition, now_ns: int = 1) -> Alert:
    alert = transition(previous, given_condition, now_ns)
    assert alert is not None
    return alert


FIRED = published(None, condition(), 5)


def test_the_first_firing_is_published() -> None:
    assert (FIRED.state, FIRED.since_ns, FIRED.reason) == (AlertState.FIRING, 5, "over_quota")


def test_what_never_fired_is_not_resolved() -> None:
    assert transition(None, condition(firing=False), 1) is None


def test_firing_on_is_no_transition_whatever_the_text() -> None:
    assert transition(FIRED, condition(), 9) is None
    assert transition(FIRED, condition(summary="used a little more"), 9) is None


@pytest.mark.parametrize("changes", [{"severity": Severity.CRITICAL}, {"reason": "near_quota"}, {"epoch": "11/3"}])
def test_another_severity_reason_or_occurrence_is_a_transition(changes: dict[str, object]) -> None:
    again = published(FIRED, condition(**changes), 9)  # type: ignore[arg-type]
    assert again.state is AlertState.FIRING
    assert again.id != FIRED.id


def test_an_end_is_published_once_with_the_severity_it_fired_with() -> None:
    ended = published(FIRED, condition(firing=False, severity=Severity.INFO, reason="restored_new_period"), 9)
    assert (ended.state, ended.severity, ended.since_ns) == (AlertState.RESOLVED, Severity.WARNING, 9)
    assert transition(ended, condition(firing=False), 10) is None


def test_an_acknowledged_alert_stays_so_until_its_reason_or_severity_changes() -> None:
    seen = replace(FIRED, id="by-hand", state=AlertState.ACKNOWLEDGED)
    assert transition(seen, condition(epoch="12/1"), 9) is None
    assert transition(seen, condition(severity=Severity.CRITICAL), 9) is not None
    assert published(seen, condition(firing=False)).state is AlertState.RESOLVED


def test_a_pending_alert_that_fires_is_published() -> None:
    assert published(replace(FIRED, state=AlertState.PENDING), condition()).state is AlertState.FIRING


def test_the_same_occurrence_fired_resolved_and_fired_again_has_three_ids() -> None:
    ended = published(FIRED, condition(firing=False))
    again = published(ended, condition())
    assert len({FIRED.id, ended.id, again.id}) == 3


def test_the_id_does_not_depend_on_the_time_of_day_or_the_text() -> None:
    assert published(None, condition(summary="other"), 99).id == FIRED.id
    ended = condition(firing=False)
    assert published(FIRED, ended, 7).id == published(FIRED, replace(ended, summary="x"), 8).id


conditions = st.builds(
    condition,
    firing=st.booleans(),
    severity=st.sampled_from(Severity),
    reason=st.sampled_from(["near_quota", "over_quota"]),
    epoch=st.sampled_from(["11/1", "11/2", "12/1"]),
)


@given(st.lists(conditions, max_size=20))
@settings(max_examples=100)
def test_every_transition_has_an_id_of_its_own_that_a_crash_does_not_change(history: list[Condition]) -> None:
    last: Alert | None = None
    ids: list[str] = []
    for at, now in enumerate(history):
        alert = transition(last, now, at)
        recomputed = transition(last, now, at + 1000)
        assert (alert is None) == (recomputed is None)
        if alert is not None and recomputed is not None:
            assert alert.id == recomputed.id
            ids.append(alert.id)
            last = alert
        assert transition(last, now, at) is None
    assert len(set(ids)) == len(ids)


# --- quotas ----------------------------------------------------------------------------------


def verdict(reason: R, step: int, limit: int | None = None, threshold: int = 100 * GB, start_ns: int = 11) -> Verdict:
    evidence = {"proven_bytes": 105 * GB, "quota_bytes": 100 * GB}
    if step:
        evidence["threshold_bytes"] = threshold
    return Verdict(
        "dinkes",
        Direction.DOWNLOAD,
        None if limit is None else RateLimit(limit),
        reason,
        "standard",
        None,
        step,
        start_ns,
        99 if step else None,
        evidence,
    )


NEAR = verdict(R.NEAR_QUOTA, 1, threshold=80 * GB)
OVER = verdict(R.OVER_QUOTA, 2, 5_000_000)


@pytest.mark.parametrize(
    ("given_verdict", "firing", "severity", "reason", "text"),
    [
        (NEAR, True, Severity.INFO, "near_quota", "Dinas Kesehatan has used 105 GB of its 100 GB download quota."),
        (
            OVER,
            True,
            Severity.WARNING,
            "over_quota",
            "Dinas Kesehatan has used 105 GB of its 100 GB download quota and is slowed to 5 Mb/s.",
        ),
        (
            verdict(R.OVER_QUOTA, 2),
            True,
            Severity.WARNING,
            "over_quota",
            "Dinas Kesehatan has used 105 GB of its 100 GB download quota; it is not slowed.",
        ),
        (
            verdict(R.RESTORED_NEW_PERIOD, 0),
            False,
            Severity.WARNING,
            "restored_new_period",
            "Dinas Kesehatan is no longer slowed (download): a new period began.",
        ),
        (
            verdict(R.RESTORED_POLICY_CHANGED, 0),
            False,
            Severity.WARNING,
            "restored_policy_changed",
            "Dinas Kesehatan is no longer slowed (download): its policy changed.",
        ),
        (
            verdict(R.WITHIN_QUOTA, 0),
            False,
            Severity.WARNING,
            "within_quota",
            "Dinas Kesehatan is within its download quota and not slowed.",
        ),
        (
            no_quota("dinkes", Direction.DOWNLOAD, None),
            False,
            Severity.WARNING,
            "no_quota",
            "Dinas Kesehatan has no download quota.",
        ),
    ],
)
def test_a_quota_s_condition(given_verdict: Verdict, firing: bool, severity: Severity, reason: str, text: str) -> None:
    made = quota_condition(given_verdict, "Dinas Kesehatan")
    assert (made.key, made.agency) == ("quota/dinkes/download", "dinkes")
    assert (made.firing, made.severity, made.reason, made.summary) == (firing, severity, reason, text)


@pytest.mark.parametrize("reason", [R.FROZEN_STALE, R.FROZEN_CLOCK, R.HELD_BY_HYSTERESIS])
@pytest.mark.parametrize("standing", [NEAR, OVER])
def test_a_verdict_frozen_or_held_by_hysteresis_is_no_transition(standing: Verdict, reason: R) -> None:
    alert = published(None, quota_condition(standing, "D"))
    assert transition(alert, quota_condition(replace(standing, reason=reason), "D"), 2) is None


def test_each_further_step_and_each_further_period_is_a_transition() -> None:
    first = published(None, quota_condition(OVER, "D"))
    slower = published(first, quota_condition(verdict(R.OVER_QUOTA, 3, 2_000_000), "D"))
    later = published(slower, quota_condition(verdict(R.OVER_QUOTA, 3, 2_000_000, start_ns=12), "D"))
    assert len({first.id, slower.id, later.id}) == 3


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        ({**OVER.evidence, "directions": 2}, "D has used 105 GB of its 100 GB download and upload quota"),
        ({"proven_bps": 95 * 10**6, "quota_bps": 10**8, "threshold_bps": 10**8}, "D has used 95 Mb/s of its 100 Mb/s"),
    ],
)
def test_a_sum_and_a_percentile_are_told_as_what_they_are(evidence: dict[str, int], text: str) -> None:
    assert quota_condition(replace(OVER, evidence=evidence), "D").summary.startswith(text)


def test_a_step_that_restores_is_told_as_one() -> None:
    restored = verdict(R.RESTORED_BY_STEP, 3, threshold=150 * GB)
    assert quota_condition(restored, "D").summary.endswith("quota; from this step on it is not slowed.")


@pytest.mark.parametrize("reason", [R.OUTSIDE_WINDOW, R.GRACE, R.EXEMPT, R.EASED_STALE])
def test_a_limit_set_aside_and_in_force_again_is_no_transition(reason: R) -> None:
    early = verdict(R.OVER_QUOTA, 2, 5_000_000, threshold=80 * GB)
    alert = published(None, quota_condition(early, "D"))
    aside = set_aside(early, None, reason, 50)
    assert quota_condition(aside, "D").severity is Severity.WARNING
    assert quota_condition(aside, "D").summary.endswith("download quota; it is not slowed for now.")
    assert transition(alert, quota_condition(aside, "D"), 2) is None
    boosted = set_aside(early, RateLimit(9_000_000), R.BOOSTED, 50)
    assert transition(alert, quota_condition(boosted, "D"), 2) is None


def test_a_limit_that_only_a_freeze_keeps_is_told_so() -> None:
    alert = published(None, quota_condition(OVER, "D"))
    frozen = set_aside(verdict(R.WITHIN_QUOTA, 0), RateLimit(5_000_000), R.FROZEN_BY_OPERATOR, None)
    ended = transition(alert, quota_condition(frozen, "D"), 2)
    assert ended is not None
    assert ended.summary == "D stays slowed to 5 Mb/s (download): an operator has frozen the limits."


def test_a_step_that_waits_for_data_is_told_once_and_again_when_it_is_eased() -> None:
    assert published_stale(None, OVER) is None
    stale = published_stale(None, replace(OVER, reason=R.FROZEN_STALE))
    assert stale is not None
    assert (stale.key, stale.severity, stale.state) == ("stale/dinkes/download", Severity.WARNING, AlertState.FIRING)
    assert stale.summary == "D has not been read lately: what its download quota says stays as it was."
    assert published_stale(stale, replace(OVER, reason=R.FROZEN_STALE)) is None
    eased = published_stale(stale, set_aside(replace(OVER, reason=R.FROZEN_STALE), None, R.EASED_STALE, 9))
    assert eased is not None
    assert eased.reason == "eased_stale"
    again = published_stale(eased, OVER)
    assert again is not None
    assert (again.state, again.summary) == (AlertState.RESOLVED, "D is read again, and its download quota judged.")


def test_where_no_step_is_reached_nothing_waits_for_data() -> None:
    assert published_stale(None, verdict(R.FROZEN_STALE, 0)) is None


@pytest.mark.parametrize("reason", [R.FROZEN_CLOCK, R.EXEMPT, R.BOOSTED, R.FROZEN_BY_OPERATOR])
def test_a_verdict_that_rests_on_no_data_leaves_open_whether_a_step_waits_for_it(reason: R) -> None:
    assert stale_condition(replace(OVER, reason=reason), "D") is None


def test_a_wait_that_a_period_s_end_makes_needless_is_not_told_as_a_reading() -> None:
    stale = published_stale(None, replace(OVER, reason=R.FROZEN_STALE))
    ended = published_stale(stale, verdict(R.RESTORED_NEW_PERIOD, 0))
    assert ended is not None
    assert (ended.reason, ended.summary) == (
        "nothing_waits",
        "Nothing of the download quota of D waits for data any more.",
    )


def test_of_a_policy_that_adds_both_directions_up_only_download_speaks() -> None:
    download = replace(OVER, evidence={**OVER.evidence, "directions": 2})
    upload = replace(download, direction=Direction.UPLOAD)
    assert repeats(upload, download)
    assert not repeats(download, upload)
    assert not repeats(upload, None)
    assert not repeats(upload, replace(download, policy="another"))
    assert not repeats(upload, replace(download, step=download.step + 1))
    assert not repeats(replace(OVER, direction=Direction.UPLOAD), OVER)


def published_stale(previous: Alert | None, of: Verdict) -> Alert | None:
    condition = stale_condition(of, "D")
    assert condition is not None
    return transition(previous, condition, 7)


def test_an_agency_s_name_is_text_and_never_a_format() -> None:
    assert quota_condition(NEAR, "{0} {x}").summary.startswith("{0} {x} has used")


# --- routers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_ok_s", "trying_s", "firing"),
    [
        (1000, 0, False),
        (881, 0, False),
        (880, 0, True),
        (880, 900, None),  # netmon itself was away
        (990, 999, False),
        (None, 900, None),
        (None, 880, True),
    ],
)
def test_a_router_is_down_once_it_was_asked_long_enough(
    last_ok_s: int | None, trying_s: int, firing: bool | None
) -> None:
    made = router_condition(
        "r1",
        last_ok_ns=None if last_ok_s is None else last_ok_s * S,
        trying_since_ns=trying_s * S,
        now_ns=1000 * S,
        down_after_ns=120 * S,
    )
    assert (None if made is None else made.firing) is firing


def router(last_ok_s: int, now_s: int) -> Condition:
    made = router_condition("r1", last_ok_ns=last_ok_s * S, trying_since_ns=0, now_ns=now_s * S, down_after_ns=120 * S)
    assert made is not None
    return made


def test_a_router_s_outage_is_one_alert_and_its_end_another() -> None:
    down = published(None, router(100, 300))
    assert (down.key, down.severity, down.router) == ("router/r1", Severity.CRITICAL, "r1")
    assert down.summary == "Router r1 has not answered for 3m20s."
    assert transition(down, router(100, 400), 2) is None
    up = published(down, router(500, 510))
    assert up.id == published(down, router(530, 540)).id
    assert up.summary == "Router r1 answers."
    assert published(up, router(530, 900)).id != down.id


# --- limits ----------------------------------------------------------------------------------


def receipt(outcome: Outcome, to_bps: int | None = 5_000_000, name: str = "i1") -> Receipt:
    action = Action.REMOVE if to_bps is None else Action.SET
    change = Change("r1", "dinkes-1", "dinkes", Direction.UPLOAD, action, None, to_bps, R.OVER_QUOTA, None)
    return Receipt(name, 1, change, outcome, Proof.READ_BACK, "read back 4 Mb/s.", 1)


@pytest.mark.parametrize(
    ("outcome", "firing", "severity", "text"),
    [
        (Outcome.CONFIRMED, False, Severity.WARNING, "dinkes-1: the limit of 5 Mb/s (upload) is in force."),
        (
            Outcome.REVERTED,
            True,
            Severity.WARNING,
            "dinkes-1: the limit of 5 Mb/s (upload) was undone by the router: read back 4 Mb/s.",
        ),
        (Outcome.FAILED, True, Severity.WARNING, "dinkes-1: the limit of 5 Mb/s (upload) failed: read back 4 Mb/s."),
        (
            Outcome.UNKNOWN,
            True,
            Severity.CRITICAL,
            "dinkes-1: the limit of 5 Mb/s (upload) may or may not be in force: read back 4 Mb/s.",
        ),
    ],
)
def test_a_limit_s_condition(outcome: Outcome, firing: bool, severity: Severity, text: str) -> None:
    made = limit_condition(receipt(outcome))
    assert (made.key, made.circuit, made.router, made.agency) == (
        "limit/dinkes-1/upload",
        "dinkes-1",
        "r1",
        "dinkes",
    )
    assert (made.firing, made.severity, made.summary, made.reason) == (firing, severity, text, outcome.value)


def test_a_removal_is_named_as_such() -> None:
    assert "removal of the limit" in limit_condition(receipt(Outcome.FAILED, None)).summary


def test_trying_the_same_change_in_vain_again_is_no_new_alert() -> None:
    failed = published(None, limit_condition(receipt(Outcome.FAILED)))
    assert transition(failed, limit_condition(receipt(Outcome.FAILED, name="i2")), 2) is None
    assert transition(failed, limit_condition(receipt(Outcome.FAILED, 2_000_000)), 2) is not None
    assert published(failed, limit_condition(receipt(Outcome.CONFIRMED))).state is AlertState.RESOLVED


def test_what_a_device_calls_critical_is_named_and_another_part_is_another_alert() -> None:
    parts = [f"fan {number}" for number in range(1, 8)]
    first = published(None, health_condition("r1", parts[:1]))
    assert (first.kind, first.severity, first.router) == (AlertKind.HEALTH, Severity.CRITICAL, "r1")
    assert first.summary == "Router r1 says of itself: fan 1 critical."
    assert transition(first, health_condition("r1", parts[:1]), 2) is None
    more = published(first, health_condition("r1", parts))
    assert more.summary == "Router r1 says of itself: fan 1, fan 2, fan 3, fan 4, fan 5 and 2 more critical."
    assert transition(more, health_condition("r1", parts[::-1]), 3) is None
    assert published(more, health_condition("r1", [])).state is AlertState.RESOLVED
    assert transition(None, health_condition("r1", []), 1) is None


def test_what_is_no_longer_watched_ends_with_what_it_was_about() -> None:
    ended = published(FIRED, unwatched_condition(FIRED), 9)
    assert (ended.key, ended.kind, ended.state, ended.reason) == (
        FIRED.key,
        FIRED.kind,
        AlertState.RESOLVED,
        "not_watched",
    )
    assert ended.summary == "quota/dinkes/download is no longer watched."
    assert transition(ended, unwatched_condition(ended), 10) is None


def test_every_sentence_ends_as_a_sentence() -> None:
    for sentence in Sentence:
        assert sentence.endswith((".", "{detail}"))
