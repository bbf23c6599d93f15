from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support.traffic import NOON_NS, a_pool, a_survey, agency, circuit, head, identity, poll

from netmon.core.changes import Outcome
from netmon.core.measurement import Column, Gap, GapReason, Usage
from netmon.core.model import NANOSECONDS, Direction, Faces, Verdict, VerdictReason
from netmon.core.planning import Observed
from netmon.outputs.prometheus import AgencyUsage, Metrics

PORTS = identity("ge1", "ge2", "wan", "unused")


def text_of(metrics: Metrics) -> str:
    return b"".join(metrics.render()).decode()


def samples(metrics: Metrics, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {
        frozenset(sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text_of(metrics))
        for sample in family.samples
        if sample.name == name
    }


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in text_of(metrics).splitlines() if line.startswith((name + "{", name + " "))]


def limit(bps: int | None) -> Observed:
    return Observed(bps, known=True)


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics("sulteng")
    metrics.topology(
        [circuit("dinkes-1", "dinkes", "ge1"), circuit("rsud-1", "rsud", "ge2", Faces.PROVINCE)],
        [agency("dinkes", 'Dinas "Kesehatan"', "1.02"), agency("rsud")],
        {"r1": ["wan"]},
        ["r1"],
    )
    return metrics


def everything_told(metrics: Metrics) -> None:
    cells = dict.fromkeys(Column, (1, 2, None, 4)) | {Column.SPEED_BPS: (10**9, None, 10**10, 0)}
    metrics.visit(head(PORTS, [10, 20, 30, 40], [1, 2, 3, 4]), poll(PORTS, cells))
    metrics.polled("r1", True, 0.02, NOON_NS)
    verdict = Verdict("dinkes", Direction.DOWNLOAD, None, VerdictReason.OVER_QUOTA, "monthly", None, 2, 0, None)
    metrics.verdicts([verdict])
    metrics.limits({("dinkes-1", Direction.DOWNLOAD): limit(8_000_000), ("rsud-1", Direction.UPLOAD): limit(None)})
    metrics.usage([AgencyUsage("dinkes", Direction.DOWNLOAD, Usage(150, 5, 3 * NANOSECONDS, 9), 100)])
    a_survey(metrics, "r1", "ge1")
    own = metrics.process
    own.surveyed(True)
    own.loop_lag(0.001)
    own.committed(0.004, 3)
    own.gaps([Gap("r1", "ge1", "in", 0, 1, GapReason.COUNTER_RESET)])
    own.changed(Outcome.CONFIRMED)
    own.restarts({"poll r1": 2})
    own.restarts({"poll r1": 3})
    own.outbox(4)
    own.mqtt_connected(True)
    own.mqtt_published("acknowledged")
    own.influx_points(100, 1)
    own.influx_failed()


def test_a_circuits_bytes_are_the_ledgers_totals_in_the_agencys_own_directions(metrics: Metrics) -> None:
    metrics.visit(head(PORTS, [10, 20, 30, 40], [1, 2, 3, 4]), None)
    assert lines(metrics, "netmon_circuit_bytes_total") == [
        'netmon_circuit_bytes_total{site="sulteng",agency="dinkes",circuit="dinkes-1",router="r1",interface="ge1",'
        f'direction="{direction}",class="all"}} {value}'
        for direction, value in (("download", 1), ("upload", 10))
    ] + [
        'netmon_circuit_bytes_total{site="sulteng",agency="rsud",circuit="rsud-1",router="r1",interface="ge2",'
        f'direction="{direction}",class="all"}} {value}'
        for direction, value in (("download", 20), ("upload", 2))
    ]


def test_a_counter_beyond_a_doubles_precision_is_exact_in_the_text(metrics: Metrics) -> None:
    metrics.visit(head(PORTS, [2**63 + 1] * 4, [0] * 4), None)
    assert any(line.endswith(" 9223372036854775809") for line in lines(metrics, "netmon_circuit_bytes_total"))


def test_download_enters_by_an_uplink(metrics: Metrics) -> None:
    metrics.visit(head(PORTS, [10, 20, 30, 40], [1, 2, 3, 4]), None)
    labels = {("site", "sulteng"), ("router", "r1"), ("interface", "wan")}
    assert samples(metrics, "netmon_uplink_bytes_total") == {
        frozenset(labels | {("direction", "download")}): 30,
        frozenset(labels | {("direction", "upload")}): 3,
    }


def test_totals_follow_a_port_to_another_position(metrics: Metrics) -> None:
    metrics.visit(head(PORTS, [10, 20, 30, 40], [1, 2, 3, 4]), None)
    metrics.visit(head(identity("new", *(p.name for p in PORTS)), [0, 11, 21, 31, 41], [0, 2, 3, 4, 5]), None)
    assert sorted(samples(metrics, "netmon_circuit_bytes_total").values()) == [2, 3, 11, 21]


def test_a_reload_that_drops_a_router_ends_its_series_and_one_that_adds_a_circuit_begins_them(
    metrics: Metrics,
) -> None:
    everything_told(metrics)
    metrics.topology([circuit("x", "dinkes", "unused")], [agency("dinkes")], {}, ["r1"])
    assert sorted(samples(metrics, "netmon_circuit_bytes_total").values()) == [4, 40]
    assert not samples(metrics, "netmon_uplink_bytes_total")
    metrics.topology([], [], {}, [])
    assert 'router="' not in text_of(metrics).replace('router="r1",interface="ge1"', "")


def test_a_router_that_fails_keeps_its_totals_but_not_what_only_it_can_say(metrics: Metrics) -> None:
    everything_told(metrics)
    metrics.polled("r1", False, 2.0, NOON_NS + NANOSECONDS)
    assert list(samples(metrics, "netmon_router_up").values()) == [0]
    assert list(samples(metrics, "netmon_router_last_success_timestamp_seconds").values()) == [NOON_NS / NANOSECONDS]
    assert len(samples(metrics, "netmon_circuit_bytes_total")) == 4
    assert not samples(metrics, "netmon_interface_oper_status")
    assert not samples(metrics, "netmon_router_uptime_seconds")


def test_a_cell_that_was_not_answered_is_absent_and_not_zero(metrics: Metrics) -> None:
    everything_told(metrics)
    speeds = {
        dict(key)["interface"]: v for key, v in samples(metrics, "netmon_interface_speed_bytes_per_second").items()
    }
    assert speeds == {"ge1": 125_000_000, "wan": 1_250_000_000, "unused": 0}
    assert len(samples(metrics, "netmon_interface_errors_total")) == 6


def test_a_limit_is_told_only_while_it_is_in_force(metrics: Metrics) -> None:
    everything_told(metrics)
    assert list(samples(metrics, "netmon_circuit_limit_bytes_per_second").values()) == [1_000_000]
    metrics.limits({("dinkes-1", Direction.DOWNLOAD): limit(1_000_001)})
    assert list(samples(metrics, "netmon_circuit_limit_bytes_per_second").values()) == [125_000.125]
    metrics.limits({("dinkes-1", Direction.DOWNLOAD): limit(None)})
    assert not samples(metrics, "netmon_circuit_limit_bytes_per_second")


def test_usage_without_a_quota_has_no_ratio(metrics: Metrics) -> None:
    metrics.usage(
        [
            AgencyUsage("dinkes", Direction.DOWNLOAD, Usage(150, 0, 0, 9), 100),
            AgencyUsage("rsud", Direction.DOWNLOAD, Usage(7, 1, 0, 9), None),
        ]
    )
    assert sorted(samples(metrics, "netmon_agency_usage_bytes").values()) == [7, 150]
    assert list(samples(metrics, "netmon_agency_quota_used_ratio").values()) == [1.5]


def tell(metrics: Metrics, step: int, what: str, router: str, variant: int) -> None:
    """One of the things a daemon tells, different in each step and variant."""
    ports = identity(*("ge1", "ge2", "wan", "unused")[variant:])
    cells = dict.fromkeys(Column, (variant, None, 3, 10**9)[: len(ports)])
    match what:
        case "visit":
            metrics.visit(head(ports, [step] * len(ports), [2 * step] * len(ports), router), poll(ports, cells, router))
        case "restored":
            metrics.visit(head(ports, [step] * len(ports), [2 * step] * len(ports), router), None)
        case "polled":
            metrics.polled(router, variant > 0, step / 8, NOON_NS + step)
        case "limits":
            metrics.limits({("dinkes-1", Direction.DOWNLOAD): limit(step), ("x", Direction.UPLOAD): limit(variant)})
        case "usage":
            metrics.usage([AgencyUsage("rsud", Direction.UPLOAD, Usage(step, variant, 0, 9), variant)])
        case "verdicts":
            metrics.verdicts(
                [Verdict("rsud", Direction.UPLOAD, None, VerdictReason.OVER_QUOTA, "m", None, variant, 0, 9)]
            )
        case "topology":
            circuits = [circuit("dinkes-1", "dinkes", "ge1", router="r2"), circuit("x", "rsud", "ge2")][variant:]
            metrics.topology(
                circuits, [agency("rsud", str(step))], {"r1": ("wan", "ge1")[:variant]}, ["r1", "r2"][:variant]
            )


TOLD = st.sampled_from(["visit", "visit", "visit", "restored", "polled", "limits", "usage", "verdicts", "topology"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(TOLD, st.sampled_from(["r1", "r2"]), st.integers(0, 2), st.sampled_from(["", "plain", "gzip"])),
        max_size=12,
    )
)
def test_what_a_scrape_says_does_not_depend_on_the_scrapes_before_it(story: list[tuple[str, str, int, str]]) -> None:
    often, once = Metrics("sulteng"), Metrics("sulteng")
    for step, (what, router, variant, scrape) in enumerate(story):
        tell(often, step, what, router, variant)
        tell(once, step, what, router, variant)
        if scrape:
            for _ in often.render(scrape == "gzip"):
                pass
    said, expected = ([one for one in text_of(m).splitlines() if "netmon_" in one] for m in (often, once))
    assert sorted(said) == sorted(expected)
    assert sum(one.startswith("# TYPE") for one in said) == len({one for one in said if one.startswith("# TYPE")})


def test_a_port_that_is_named_twice_is_told_once(metrics: Metrics) -> None:
    ports = identity("ge1", "ge1")
    metrics.visit(head(identity("ge1"), [1], [1]), poll(ports, {Column.OPER_STATUS: (1, 2)}))
    assert list(samples(metrics, "netmon_interface_oper_status").values()) == [2]


def test_task_restarts_only_grow(metrics: Metrics) -> None:
    everything_told(metrics)
    assert list(samples(metrics, "netmon_task_restarts_total").values()) == [3]


def test_no_created_series_are_exposed(metrics: Metrics) -> None:
    everything_told(metrics)
    assert "_created" not in text_of(metrics)


def test_promtool_finds_nothing_to_say_about_the_metrics(metrics: Metrics) -> None:
    everything_told(metrics)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text_of(metrics), text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_promtool_finds_nothing_to_say_about_several_routers_with_awkward_names() -> None:
    metrics = Metrics('50 % of "sulteng"')
    circuits = [circuit(f"c/{r}", 'a"b', "ge 1%d", router=r) for r in ("r%s", "r\\2")]
    metrics.topology(circuits, [agency('a"b')], {"r%s": ["ge 1%d"]}, ["r%s", "r\\2"])
    for one in circuits:
        ports = identity(one.interface)
        metrics.visit(head(ports, [2**64], [5], one.router), poll(ports, dict.fromkeys(Column, (7,)), one.router))
        metrics.polled(one.router, True, 0.5, NOON_NS)
        a_survey(metrics, one.router, one.interface)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text_of(metrics), text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    totals = samples(metrics, "netmon_circuit_bytes_total")
    assert {(dict(key)["router"], dict(key)["direction"]): value for key, value in totals.items()} == {
        (router, direction): value
        for router in ("r%s", "r\\2")
        for direction, value in (("download", 5), ("upload", 2**64))
    }


def test_every_metric_is_described_in_the_documentation_and_none_other(metrics: Metrics) -> None:
    everything_told(metrics)
    a_pool(metrics, "r1", "wan")
    table = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    described = dict(re.findall(r"^\| `(netmon_\w+)` \| (counter|gauge|histogram) \|", table, re.MULTILINE))
    exposed = dict(re.findall(r"^# TYPE (netmon_\w+) (\w+)$", text_of(metrics), re.MULTILINE))
    assert described == exposed
