"""What the daemon does joins the chain before it happens: configurations taken up, plans carried out."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from pathlib import Path
from typing import Any

import pytest
from daemon.actions_bench import DOWN, MBPS, Bench, a_change
from daemon.boxes import served
from daemon.test_service import Site
from daemon.world import a_configuration, faulty_ledger
from support.processes import eventually, free_port, wait_until

from netmon import __version__
from netmon.config.revision import revision_of
from netmon.daemon import revisions
from netmon.daemon.revisions import record_revision
from netmon.store.audit import audit, links_of
from netmon.store.care import examine
from netmon.store.chain import Kind, Link
from netmon.store.ledger import Ledger


def chain(directory: Path) -> list[Link]:
    with links_of(directory / "ledger.db") as links:
        return list(links)


async def test_a_configuration_is_recorded_whole_and_then_only_where_it_changed(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        clock = bench.hands.clock()
        for event in ("start", "reload"):
            await record_revision(ledger, bench.configuration, event, clock)
        changed = a_configuration(tmp_path, alerts={"router_down_after": "7m"})
        await record_revision(ledger, changed, "reload", clock)
    first, second, third = (json.loads(link.payload) for link in chain(tmp_path))
    assert (first["event"], first["version"]) == ("start", __version__)
    assert first["digest"] == second["digest"] == revision_of(bench.configuration).digest
    assert first["document"]["settings"]["site"]["name"] == "sulteng"
    assert second["document"] is None
    assert third["document"]["settings"]["alerts"] == {"router_down_after": 420 * 10**9}


async def test_what_changed_is_logged_a_line_each_up_to_a_handful(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, revisions.__name__)
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        clock = bench.hands.clock()
        for event in ("start", "reload"):
            await record_revision(ledger, bench.configuration, event, clock)
        assert caplog.messages == [], "a first configuration, and the same again, are no change"
        alone = a_configuration(tmp_path, alerts={"router_down_after": "7m"})
        await record_revision(ledger, alone, "reload", clock)
        assert caplog.messages == [
            "the configuration changed: alerts.router_down_after: added (7m)",
        ]
        caplog.clear()
        more = {f"opd-{number}": {"name": f"OPD {number}"} for number in range(10)}
        agencies = alone.settings.model_dump(mode="json", exclude_defaults=True)["agencies"]
        many = a_configuration(tmp_path, alerts={"router_down_after": "8m"}, agencies={**agencies, **more})
        await record_revision(ledger, many, "start", clock)
    assert len(caplog.messages) == revisions.LOGGED + 1
    assert caplog.messages[0] == "the configuration changed: agencies.opd-0: added (name: OPD 0)"
    assert caplog.messages[-1] == "... and at 3 more places; netmon policies history --show 4 lists them"


async def test_a_configuration_that_cannot_be_recorded_yet_is_told_once_and_recorded_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(revisions, "RETRY_PAUSE_S", 0.001)
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        ledger.faults.failing.add("record_configuration")
        task = asyncio.ensure_future(record_revision(ledger, bench.configuration, "start", bench.hands.clock()))
        await eventually(lambda: ledger.faults.calls.count("record_configuration") > 3, "some attempts")
        ledger.faults.failing.clear()
        await task
    assert [link.kind for link in chain(tmp_path)] == [Kind.CONFIGURATION]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


async def test_a_plan_is_recorded_before_its_first_change_and_names_what_is_done(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        await bench.carry_out(a_change("dinkes-fo", 4 * MBPS), a_change("dishub-fo", MBPS))
    plan, *receipts = chain(tmp_path)
    assert (plan.kind, plan.subject) == (Kind.PLAN, "0" * 64 + "#1")
    assert [change["circuit"] for change in json.loads(plan.payload)["changes"]] == ["dinkes-fo", "dishub-fo"]
    assert [link.kind for link in receipts] == [Kind.RECEIPT, Kind.RECEIPT]


async def test_nothing_is_begun_of_a_plan_that_cannot_be_recorded(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        ledger.faults.failing.add("record_plan")
        await bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
        assert bench.routers.told == []
        ledger.faults.failing.clear()
        await bench.carry_out(a_change("dinkes-fo", 4 * MBPS))
        assert bench.routers.limits == {("dinkes-fo", DOWN): 4 * MBPS}
        assert (await ledger.write(Ledger.open_intents)) == []


def test_a_running_daemon_records_its_start_and_its_reload_and_is_audited_meanwhile(tmp_path: Path) -> None:
    with served(("palu", "gowa")) as boxes:
        site = Site(tmp_path, free_port(), boxes)
        site.write("palu")
        with site.daemon() as process:
            wait_until(lambda: len(revisions_in(tmp_path)) == 1, "the start to be recorded")
            site.write("palu", "gowa")
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(revisions_in(tmp_path)) == 2, "the reload to be recorded")
            with links_of(tmp_path / "ledger.db") as links:
                assert audit(links).ok
            assert examine(tmp_path / "ledger.db").fault is None
    start, reload = revisions_in(tmp_path)
    assert (start["event"], reload["event"]) == ("start", "reload")
    assert list(reload["document"]["settings"]["routers"]) == ["gowa", "palu"]
    assert start["changes"] is None
    assert [(one["path"], one["kind"]) for one in reload["changes"]] == [("routers.gowa", "added")]
    assert site.said("the configuration changed: routers.gowa: added (address: 127.0.0.1")


def revisions_in(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(link.payload) for link in chain(directory) if link.kind == Kind.CONFIGURATION]
