"""Plan and status as documents, from the ledger and what the daemon says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.governed import HOUR_START_NS, fill_ledger, write_site, written
from support.ledgers import MINUTE_NS, opened
from support.schemas import conforms

from netmon.config.load import Configuration, load
from netmon.core.model import Direction
from netmon.daemon.clock import Clock
from netmon.daemon.outlook import status_data
from netmon.daemon.plans import plan_data
from netmon.store.reader import LedgerReader

NOW_NS = HOUR_START_NS + 31 * MINUTE_NS
WEEK_NS = 7 * 24 * 60 * MINUTE_NS


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Configuration, LedgerReader]]:
    configuration = load(write_site(tmp_path))
    fill_ledger(tmp_path)
    reader = LedgerReader.open(tmp_path / "ledger.db")
    yield configuration, reader
    reader.close()


def clock(now_ns: int) -> Clock:
    return Clock(False, lambda: now_ns, lambda: 0)


def planned(site: tuple[Configuration, LedgerReader], now_ns: int) -> dict[str, Any]:
    data = plan_data(*site, now_ns, clock(now_ns), WEEK_NS)
    conforms("plan", {"schema": "netmon/plan/1", "generated_at": written(NOW_NS), "data": data})
    return data


def test_an_agency_over_its_quota_is_to_be_slowed_where_that_is_enforced(
    site: tuple[Configuration, LedgerReader],
) -> None:
    data = planned(site, NOW_NS)
    assert data["refused"] is None
    assert data["changes"] == [
        {
            "router": "palu-core",
            "circuit": "dinkes-main",
            "agency": "dinkes",
            "direction": "download",
            "action": "set",
            "from_bps": None,
            "to_bps": 5_000_000,
            "to_floor_bps": None,
            "reason": "over_quota",
            "rule": {"file": "quotas/hourly.yaml", "line": 8},
            "withheld": None,
        },
        {
            "router": "palu-core",
            "circuit": "dinkes-radio",
            "agency": "dinkes",
            "direction": "download",
            "action": "keep",
            "from_bps": None,
            "to_bps": 5_000_000,
            "to_floor_bps": None,
            "reason": "over_quota",
            "rule": {"file": "quotas/hourly.yaml", "line": 8},
            "withheld": "observe_mode",
        },
    ]


def test_stale_usage_tightens_nothing(site: tuple[Configuration, LedgerReader]) -> None:
    data = planned(site, NOW_NS + 6 * MINUTE_NS)
    assert {change["action"] for change in data["changes"]} == {"keep"}


def test_a_clock_the_ledger_contradicts_freezes_the_plan(site: tuple[Configuration, LedgerReader]) -> None:
    data = planned(site, NOW_NS - 10 * MINUTE_NS)
    assert {change["reason"] for change in data["changes"]} == {"frozen_clock"}


def test_the_same_plan_has_the_same_hash(site: tuple[Configuration, LedgerReader]) -> None:
    assert planned(site, NOW_NS)["hash"] == planned(site, NOW_NS + MINUTE_NS)["hash"]


def status(site: tuple[Configuration, LedgerReader], live: dict[str, Any] | None) -> dict[str, Any]:
    data = status_data(*site, live, NOW_NS)
    conforms("status", {"schema": "netmon/status/1", "generated_at": written(NOW_NS), "data": data})
    return data


def living(**changes: Any) -> dict[str, Any]:
    router: dict[str, Any] = {"problem": None, "last_ok": written(NOW_NS), "polls": 3, "failures": 0, "missing": []}
    live = {"unready": None, "http_port": 9469, "clock_objection": None, "ledger_problem": None}
    return {**live, "routers": {"palu-core": router}, **changes}


def test_a_site_is_healthy_when_the_daemon_runs_and_nothing_is_amiss(
    site: tuple[Configuration, LedgerReader],
) -> None:
    data = status(site, living())
    assert data["healthy"] is True
    assert data["problems"] == []
    assert data["routers"] == {"up": ["palu-core"], "down": [], "unknown": []}
    assert (data["circuits"], data["agencies"], data["http_port"]) == (3, 2, 9469)


def test_without_a_daemon_nothing_is_healthy_and_no_router_s_state_is_known(
    site: tuple[Configuration, LedgerReader],
) -> None:
    data = status(site, None)
    assert data["healthy"] is False
    assert data["routers"]["unknown"] == ["palu-core"]
    assert data["problems"][0]["next"] == "start it: systemctl start netmon, or netmon run"


def test_every_problem_comes_with_what_to_do(site: tuple[Configuration, LedgerReader]) -> None:
    silent: dict[str, Any] = {"problem": "palu-core: no reply to 3 requests", "last_ok": None}
    live = living(unready="no router has answered yet", clock_objection="set back", routers={"palu-core": silent})
    data = status(site, live)
    assert [problem["what"] for problem in data["problems"]] == [
        "no router has answered yet",
        "set back",
        "palu-core: no reply to 3 requests",
    ]
    assert all(problem["next"] for problem in data["problems"])
    assert data["routers"]["down"] == ["palu-core"]


def test_limits_in_force_and_unknown_ones_are_told_apart(
    tmp_path: Path, site: tuple[Configuration, LedgerReader]
) -> None:
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.note_limit("dinkes-main", Direction.DOWNLOAD, 5_000_000, True, NOW_NS)
        ledger.note_limit("arsip-main", Direction.UPLOAD, 1_000_000, False, NOW_NS)
        ledger.hold("dinkes-radio", "surgery by video", "operator", NOW_NS, None)
    data = status(site, living())
    assert data["limits"] == [
        {"circuit": "dinkes-main", "direction": "download", "bps": 5_000_000, "since": written(NOW_NS)}
    ]
    assert data["problems"][0]["what"] == "it is not known which upload limit is in force on arsip-main"
    assert data["holds"] == [{"circuit": "dinkes-radio", "reason": "surgery by video", "by": "operator", "until": None}]
