"""Alerts as documents and topics: CloudEvents 1.0 in structured JSON, and retained states.

Sources: CloudEvents 1.0.2 (JSON event format, MQTT protocol binding), MQTT 5.0 section 4.7 (topic names).
Schemas: docs/schemas/event.schema.json and docs/schemas/state.schema.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from netmon.core.alerts import Alert, AlertKind, AlertState
from netmon.core.periods import from_ns

EVENT_CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

_NOBODY: Final = "netmon"
"""The subject of an alert that concerns neither an agency nor a router."""


def subject_of(alert: Alert) -> str:
    """The agency, else the router, else netmon itself."""
    return alert.agency or alert.router or _NOBODY


def status_topic(site: str) -> str:
    """Retained: `online`, or `offline` as the last will."""
    return f"netmon/v1/{_level(site)}/status"


def event_topic(site: str, alert: Alert) -> str:
    return f"netmon/v1/{_level(site)}/event/{alert.kind}/{_level(subject_of(alert))}"


def state_topic(site: str, kind: AlertKind, subject: str) -> str:
    return f"netmon/v1/{_level(site)}/state/{kind}/{_level(subject)}"


def alert_event(alert: Alert, site: str) -> dict[str, Any]:
    """One transition as a CloudEvent; its `id` is the alert's and is the same however often it is sent."""
    return {
        "specversion": "1.0",
        "id": alert.id,
        "source": f"/netmon/{_level(site)}",
        "type": f"netmon.alert.{alert.kind}",
        "subject": subject_of(alert),
        "time": _rfc3339(alert.since_ns),
        "datacontenttype": "application/json",
        "data": _data(alert),
    }


def state_document(site: str, kind: AlertKind, subject: str, alerts: Iterable[Alert]) -> dict[str, Any] | None:
    """What stands for one subject and kind, by key; None when nothing does any more."""
    standing = sorted(
        (a for a in alerts if a.kind is kind and subject_of(a) == subject and a.state is not AlertState.RESOLVED),
        key=lambda alert: alert.key,
    )
    if not standing:
        return None
    return {
        "schema": "netmon/state/1",
        "site": site,
        "kind": kind.value,
        "subject": subject,
        "alerts": [{"id": alert.id} | _data(alert) for alert in standing],
    }


def subjects(alerts: Mapping[str, Alert]) -> set[tuple[AlertKind, str]]:
    """Everything that has, or had, a retained state."""
    return {(alert.kind, subject_of(alert)) for alert in alerts.values()}


def _data(alert: Alert) -> dict[str, str | None]:
    return {
        "key": alert.key,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "since": _rfc3339(alert.since_ns),
        "agency": alert.agency,
        "router": alert.router,
        "circuit": alert.circuit,
        "summary": alert.summary,
        "reason": alert.reason,
    }


def _level(name: str) -> str:
    """One level of a topic: whatever could split it or act as a wildcard is percent-encoded."""
    return quote(name, safe="~!$&'()*,;=:@ ") or _NOBODY


def _rfc3339(ns: int) -> str:
    return from_ns(ns).isoformat().replace("+00:00", "Z")
