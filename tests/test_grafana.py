"""The dashboard, its provisioning and the alert rules, against a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from support.dashboards import load, panel_queries, panels
from support.processes import PATIENCE_S, eventually, free_port, running
from support.traffic import NOON_NS, a_pool, a_survey, agency, circuit, head, identity, poll

from netmon.core.measurement import Column, Usage
from netmon.core.model import Direction, Verdict, VerdictReason
from netmon.core.planning import Observed
from netmon.outputs.http import HttpServer
from netmon.outputs.prometheus import AgencyUsage, Metrics
from netmon.outputs.settings import HttpSettings

GRAFANA = Path(__file__).parents[1] / "grafana"
DOCUMENTED = Path(__file__).parents[1] / "docs" / "metrics.md"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))


def documented_names() -> set[str]:
    """All series names: a histogram has three."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCUMENTED.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        name + suffix
        for name, kind in rows
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }


def names_in(expr: str) -> set[str]:
    return set(re.findall(r"\bnetmon_\w+", expr))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_has_a_unit_a_description_and_the_chosen_data_source(path: Path) -> None:
    dashboard = load(path)
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert dashboard["templating"]["list"][0]["name"] == "datasource"
    shown = list(panels(dashboard))
    assert shown
    for panel in shown:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["description"], panel["title"]
        assert panel["datasource"] == chosen, panel["title"]
        assert all(target["datasource"] == chosen for target in panel["targets"]), panel["title"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_distinct_ids_and_titles_and_do_not_overlap(path: Path) -> None:
    everything = load(path)["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_queries_use_only_metrics_that_are_documented_and_variables_that_are_defined(path: Path) -> None:
    dashboard = load(path)
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    text = json.dumps([dashboard["templating"], [p["targets"] for p in panels(dashboard)]])
    assert names_in(text) <= documented_names()
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used <= defined
    assert set(re.findall(r"\$(__\w+)", text)) <= {"__rate_interval", "__all"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_legends_name_labels_that_the_query_keeps(path: Path) -> None:
    for panel in panels(load(path)):
        for target in panel["targets"]:
            wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = re.match(r"sum by \(([\w, ]+)\)", target["expr"])
            if grouped:
                assert wanted <= set(grouped[1].split(", ")), (panel["title"], target["legendFormat"])


def test_alert_rules_use_only_metrics_that_are_documented() -> None:
    rules = yaml.safe_load((GRAFANA / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert names_in(rule["expr"]) <= documented_names(), rule["alert"]


def test_every_alert_has_a_severity_a_summary_and_a_test() -> None:
    rules = yaml.safe_load((GRAFANA / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    tests = yaml.safe_load((GRAFANA / "prometheus" / "rules.test.yml").read_text(encoding="utf-8"))
    tested = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in alerts} == tested
    for rule in alerts:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]],
)
def test_promtool_accepts_the_rules_and_their_tests(command: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *command], cwd=GRAFANA / "prometheus", text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["datasources/netmon.yaml", "dashboards/netmon.yaml"])
def test_provisioning_is_of_version_one(name: str) -> None:
    document = yaml.safe_load((GRAFANA / "provisioning" / name).read_text(encoding="utf-8"))
    assert document["apiVersion"] == 1


# --- every query, on a real Prometheus that scrapes the real exposition ------------------------


def a_province_at_work() -> Iterator[Metrics]:
    """The metrics of a small site, told something new at each step."""
    metrics = Metrics("sulteng")
    ports = identity("ge1", "ge2", "wan")
    circuits = [circuit("dinkes-1", "dinkes", "ge1"), circuit("rsud-1", "rsud", "ge2")]
    metrics.topology(circuits, [agency("dinkes"), agency("rsud")], {"r1": ["wan"]}, ["r1"])
    step = 0
    while True:
        step += 1
        cells = dict.fromkeys(Column, (step, step, step))
        metrics.visit(head(ports, [step * 1000] * 3, [step * 5000] * 3), poll(ports, cells))
        metrics.polled("r1", True, 0.02, NOON_NS)
        metrics.usage([AgencyUsage("dinkes", Direction.DOWNLOAD, Usage(step * 5000, 0, 0, 9), 10**6)])
        over = Verdict("dinkes", Direction.DOWNLOAD, None, VerdictReason.OVER_QUOTA, "monthly", None, 2, 0, None)
        metrics.verdicts([over])
        metrics.limits({("dinkes-1", Direction.DOWNLOAD): Observed(8_000_000, known=True)})
        a_survey(metrics, "r1", "wan")
        a_pool(metrics, "r1", "wan")
        metrics.process.loop_lag(0.001)
        metrics.process.committed(0.004, 1)
        metrics.process.outbox(0)
        yield metrics


async def test_every_panels_query_returns_data_from_prometheus(tmp_path: Path) -> None:
    site = a_province_at_work()
    metrics = next(site)
    server = HttpServer(HttpSettings(port=0), metrics, lambda: None)
    scraped, port = await server.start(), free_port()
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "netmon", "static_configs": [{"targets": [f"127.0.0.1:{scraped}"]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(configuration))
    command: list[str | Path] = [
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    queries = [query for path in DASHBOARDS for query in panel_queries(path, {"__rate_interval": "30s"})]
    assert len(queries) >= 20

    def ready() -> bool:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5):
            return True
        return False

    def rows(expr: str) -> list[Any]:
        with urlopen(f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expr})}", timeout=PATIENCE_S) as reply:
            found: list[Any] = json.load(reply)["data"]["result"]
            return [row for row in found if row["value"][1] != "NaN"]

    def empty() -> list[tuple[str, str]]:
        return [(title, expr) for title, expr in queries if not rows(expr)]

    try:
        with running(command, ready, tmp_path / "prometheus.log"):
            missing: list[tuple[str, str]] = queries

            async def all_answered() -> bool:
                nonlocal missing
                next(site)
                missing = await asyncio.to_thread(empty)
                return not missing

            try:
                await eventually(all_answered, "every panel to have data")
            except AssertionError:
                pytest.fail(f"no data for {missing}")
            limited = [q for title, q in queries if title.startswith("Limits in force")]
            [row] = await asyncio.to_thread(rows, limited[0])
            assert row["value"][1] == "8000000"
            assert row["metric"]["reason"] == "over_quota"
    finally:
        await server.stop()
