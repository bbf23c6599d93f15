"""What is said of releases, drift and twins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.core.alerting import transition
from netmon.core.alerts import Alert, AlertState
from netmon.core.drift import Drift, Finding, Response
from netmon.core.guard_alerts import (
    Sentence,
    drift_condition,
    foreign_condition,
    release_condition,
    twin_condition,
    twins,
)
from netmon.core.kill_switch import Release
from netmon.core.model import Direction

DOWN = Direction.DOWNLOAD
FOUND = Finding(7, "palu", "dinkes-fo", DOWN, Drift.MISSING, Response.REPAIR, 4_000_000, None, None, 1)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (FOUND, "somebody else took off the limit of 4 Mb/s"),
        (replace(FOUND, drift=Drift.CHANGED, read_bps=9_000_000), "altered the limit of 4 Mb/s to 9 Mb/s"),
        (replace(FOUND, drift=Drift.CHANGED, believed_bps=None, read_bps=9_000_000), "set the limit to 9 Mb/s"),
        (replace(FOUND, response=Response.STOP, times=3), "once more after 2 repairs"),
    ],
)
def test_what_somebody_did_is_named(found: Finding, said: str) -> None:
    assert said in drift_condition("dinkes-fo", DOWN, "palu", found).summary


def test_a_quarrel_is_told_once_however_often_it_is_found() -> None:
    stopped = replace(FOUND, response=Response.STOP, times=3)
    first = transition(None, drift_condition("dinkes-fo", DOWN, "palu", stopped), 1)
    assert first is not None
    assert transition(first, drift_condition("dinkes-fo", DOWN, "palu", replace(stopped, times=4)), 2) is None


def test_each_repair_is_an_alert_of_its_own() -> None:
    first = transition(None, drift_condition("dinkes-fo", DOWN, "palu", FOUND), 1)
    assert transition(first, drift_condition("dinkes-fo", DOWN, "palu", replace(FOUND, times=2)), 2) is not None


def test_another_object_on_the_port_is_another_alert() -> None:
    first = transition(None, foreign_condition("dinkes-fo", DOWN, "palu", "queue GOLD"), 1)
    assert transition(first, foreign_condition("dinkes-fo", DOWN, "palu", "queue GOLD"), 2) is None
    assert transition(first, foreign_condition("dinkes-fo", DOWN, "palu", "queue LEAD"), 2) is not None


def test_a_reason_that_ends_as_a_sentence_does_not_end_twice() -> None:
    assert release_condition(Release("hold-1", 1, "sari", "a fault.")).summary.endswith(": a fault.")


def test_routers_of_another_netmon_are_known_by_what_was_told() -> None:
    alerts: dict[str, Alert] = {}
    for router, detail in (("palu", "it is"), ("gowa", "it is"), ("gowa", None)):
        condition = twin_condition(router, detail)
        alert = transition(alerts.get(condition.key), condition, 1)
        assert alert is not None
        alerts[alert.key] = alert
    assert alerts["twin/gowa"].state is AlertState.RESOLVED
    assert twins(alerts) == {"palu"}


def test_every_sentence_ends_as_a_sentence() -> None:
    assert all(sentence.endswith(".") for sentence in Sentence)
