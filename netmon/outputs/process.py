"""The daemon's own metrics: few series, many events. The only module that imports prometheus_client."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from netmon.core.changes import Outcome
from netmon.core.measurement import Gap, GapReason
from netmon.snmp.notification_events import Drop, NotificationKind

_SHORT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_LONG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ProcessMetrics:
    """Fed by plain calls from the event loop; durations in seconds. Every series carries the site."""

    def __init__(self, site: str, version: str) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._site = site
        self._registry = CollectorRegistry()
        self._restarted: Tally[str] = Tally()
        ProcessCollector(registry=self._registry)
        self._gauge("netmon_build_info", "The running version; always 1.", "version").labels(site, version).set(1)
        polls = self._counter("netmon_polls_total", "Router visits tried, by result.", "result")
        self._polls_ok, self._polls_failed = polls.labels(site, "ok"), polls.labels(site, "failed")
        surveys = self._counter("netmon_surveys_total", "Surveys of routers tried, by result.", "result")
        self._surveys_ok, self._surveys_failed = surveys.labels(site, "ok"), surveys.labels(site, "failed")
        self._every_poll = self._histogram(
            "netmon_poll_duration_seconds", "Duration of router visits, failed ones included.", _LONG_SECONDS
        ).labels(site)
        self._lag_seconds = self._histogram(
            "netmon_event_loop_lag_seconds", "How late the event loop's timer fired.", _SHORT_SECONDS
        )
        self._commit_seconds = self._histogram(
            "netmon_ledger_commit_duration_seconds", "Duration of the ledger's group commits.", _SHORT_SECONDS
        )
        self._visits = self._counter("netmon_ledger_visits_total", "Visits committed to the ledger.")
        self._committing = self._gauge("netmon_ledger_committing", "1 while the ledger takes what is polled.")
        self._commit_failures = self._counter("netmon_ledger_commit_failures_total", "Group commits that failed.")
        self._polls_waiting = self._gauge("netmon_polls_waiting", "Polls in memory that are not committed yet.")
        self._failed_before = 0
        self._gaps = self._counter("netmon_gaps_total", "Gaps recorded in the accounting, by reason.", "reason")
        self._changes = self._counter("netmon_changes_total", "Limit changes that ended, by outcome.", "outcome")
        self._restarts = self._counter("netmon_task_restarts_total", "Restarts of the daemon's tasks.", "task")
        self._outbox = self._gauge("netmon_outbox_unsent", "Alert transitions not yet acknowledged by the MQTT broker.")
        self._mqtt_up = self._gauge("netmon_mqtt_connected", "1 while connected to the MQTT broker.")
        self._mqtt = self._counter("netmon_mqtt_published_total", "MQTT publishes ended, by outcome.", "outcome")
        self._influx_points = self._counter(
            "netmon_influx_points_total", "Points given to InfluxDB, by outcome; replays are counted anew.", "outcome"
        )
        self._influx_failures = self._counter("netmon_influx_failures_total", "InfluxDB requests to be repeated.")
        self._notifications = self._counter(
            "netmon_notifications_total", "Traps and informs taken from known routers, by kind.", "kind"
        )
        self._notifications_dropped = self._counter(
            "netmon_notifications_dropped_total", "Datagrams refused where traps are received, by reason.", "reason"
        )
        self._begin_at_zero()

    def surveyed(self, ok: bool) -> None:
        (self._surveys_ok if ok else self._surveys_failed).inc()

    def polled(self, ok: bool, duration_s: float) -> None:
        (self._polls_ok if ok else self._polls_failed).inc()
        self._every_poll.observe(duration_s)

    def loop_lag(self, seconds: float) -> None:
        self._lag_seconds.labels(self._site).observe(seconds)

    def committed(self, duration_s: float, visits: int) -> None:
        """One group commit that wrote `visits` visits."""
        self._commit_seconds.labels(self._site).observe(duration_s)
        self._visits.labels(self._site).inc(visits)

    def ledger(self, committing: bool, failures: int, waiting: int) -> None:
        """Whether commits succeed, how many failed since the daemon began, and the polls kept meanwhile."""
        self._committing.labels(self._site).set(int(committing))
        self._commit_failures.labels(self._site).inc(max(0, failures - self._failed_before))
        self._failed_before = failures
        self._polls_waiting.labels(self._site).set(waiting)

    def gaps(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            self._gaps.labels(self._site, gap.reason).inc()

    def changed(self, outcome: Outcome) -> None:
        self._changes.labels(self._site, outcome).inc()

    def restarts(self, so_far: Mapping[str, int]) -> None:
        """How often each task has been restarted since the daemon began (`Supervisor.restarts`)."""
        for task, count in so_far.items():
            self._restarts.labels(self._site, task).inc(max(0, count - self._restarted[task]))
            self._restarted[task] = count

    def outbox(self, unsent: int) -> None:
        self._outbox.labels(self._site).set(unsent)

    def mqtt_connected(self, up: bool) -> None:
        self._mqtt_up.labels(self._site).set(int(up))

    def mqtt_published(self, outcome: str) -> None:
        """`acknowledged`, `refused` or `lost`."""
        self._mqtt.labels(self._site, outcome).inc()

    def influx_points(self, written: int, quarantined: int) -> None:
        self._influx_points.labels(self._site, "written").inc(written)
        self._influx_points.labels(self._site, "quarantined").inc(quarantined)

    def influx_failed(self) -> None:
        self._influx_failures.labels(self._site).inc()

    def notified(self, kind: NotificationKind) -> None:
        self._notifications.labels(self._site, kind).inc()

    def notification_dropped(self, reason: Drop, count: int) -> None:
        self._notifications_dropped.labels(self._site, reason).inc(count)

    def render(self) -> bytes:
        """Text exposition format 0.0.4."""
        return prometheus_client.generate_latest(self._registry)

    def _begin_at_zero(self) -> None:
        """A counter that first appears at 1 shows no increase: known series exist from the start."""
        for reason in GapReason:
            self._gaps.labels(self._site, reason)
        for outcome in Outcome:
            self._changes.labels(self._site, outcome)
        for answer in ("acknowledged", "refused", "lost"):
            self._mqtt.labels(self._site, answer)
        for fate in ("written", "quarantined"):
            self._influx_points.labels(self._site, fate)
        for kind in NotificationKind:
            self._notifications.labels(self._site, kind)
        for drop in Drop:
            self._notifications_dropped.labels(self._site, drop)
        for histogram in (self._lag_seconds, self._commit_seconds):
            histogram.labels(self._site)
        for counter in (self._visits, self._commit_failures, self._influx_failures):
            counter.labels(self._site)
        self._outbox.labels(self._site)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, ("site", *labels), registry=self._registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, ("site", *labels), registry=self._registry)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, help_text, ("site",), registry=self._registry, buckets=buckets)
