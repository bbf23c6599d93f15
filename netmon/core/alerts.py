"""What people are told, as frozen values; core/alerting decides when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertState(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertKind(StrEnum):
    QUOTA = "quota"
    LIMIT = "limit"
    ROUTER = "router"
    FIBRE = "fibre"
    HEALTH = "health"
    LEDGER = "ledger"
    DIRECTIVE = "directive"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Alert:
    """One transition of one alert; `id` is distinct per transition and stable across restarts."""

    id: str
    key: str
    """What it is about, e.g. `quota/dinkes/download`: one state per key."""
    kind: AlertKind
    severity: Severity
    state: AlertState
    since_ns: int
    summary: str
    reason: str
    agency: str | None = None
    router: str | None = None
    circuit: str | None = None
