from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.traffic import alert

from netmon.core.alerts import AlertKind, AlertState
from netmon.outputs.events import alert_event, event_topic, state_document, state_topic, status_topic, subjects

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def validator(name: str) -> Draft202012Validator:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("kind", list(AlertKind))
@pytest.mark.parametrize("state", list(AlertState))
def test_every_transition_is_an_event_of_the_published_schema(kind: AlertKind, state: AlertState) -> None:
    validator("event").validate(alert_event(alert(1, state, kind=kind), "sulteng"))


def test_an_event_carries_the_alerts_own_id_and_time() -> None:
    event = alert_event(alert(7), "sulteng")
    assert (event["id"], event["source"], event["subject"]) == ("alert-0007", "/netmon/sulteng", "dinkes")
    assert event["time"] == event["data"]["since"] == "2026-11-18T11:06:47Z"


@pytest.mark.parametrize(
    ("agency", "router", "topic"),
    [
        ("dinkes", "r1", "netmon/v1/sulteng/event/quota/dinkes"),
        (None, "r1", "netmon/v1/sulteng/event/quota/r1"),
        (None, None, "netmon/v1/sulteng/event/quota/netmon"),
        ("a/+#b", None, "netmon/v1/sulteng/event/quota/a%2F%2B%23b"),
    ],
)
def test_the_topic_names_the_agency_else_the_router(agency: str | None, router: str | None, topic: str) -> None:
    assert event_topic("sulteng", alert(1, agency=agency, router=router)) == topic


def test_status_and_state_have_topics_of_their_own() -> None:
    assert status_topic("sulteng") == "netmon/v1/sulteng/status"
    assert state_topic("sulteng", AlertKind.ROUTER, "r1") == "netmon/v1/sulteng/state/router/r1"


def test_a_state_lists_all_that_stands_and_ends_only_when_nothing_does() -> None:
    download = alert(1, key="quota/dinkes/download")
    upload = alert(2, key="quota/dinkes/upload")
    other = alert(3, key="quota/rsud/upload", agency="rsud")
    document = state_document("sulteng", AlertKind.QUOTA, "dinkes", [upload, download, other])
    assert document is not None
    validator("state").validate(document)
    assert [entry["key"] for entry in document["alerts"]] == ["quota/dinkes/download", "quota/dinkes/upload"]

    resolved = alert(4, AlertState.RESOLVED, key="quota/dinkes/download")
    document = state_document("sulteng", AlertKind.QUOTA, "dinkes", [resolved, upload])
    assert document is not None
    assert [entry["key"] for entry in document["alerts"]] == ["quota/dinkes/upload"]
    assert state_document("sulteng", AlertKind.QUOTA, "dinkes", [resolved]) is None


def test_resolved_alerts_have_a_state_to_clear() -> None:
    ended = alert(1, AlertState.RESOLVED)
    assert subjects({ended.key: ended}) == {(AlertKind.QUOTA, "dinkes")}
