"""`netmon plan` as table, document and Markdown, with commands and approvals, where no daemon runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.governed import write_site
from support.ledgers import a_visit, opened
from support.schemas import conforms

from netmon.cli.app import run
from netmon.cli.plan_markdown import markdown
from netmon.daemon import control, oneshot


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """dinkes has used 2 GB of its 1 GB a day: its circuit is to be limited to 5 Mb/s."""
    path = write_site(tmp_path)
    quotas = tmp_path / "policies" / "quotas" / "hourly.yaml"
    quotas.write_text(quotas.read_text().replace("1h", "day"))
    path.write_text(path.read_text().replace("    ssh: limiter\n", "    ssh: limiter\n    platform: linux\n"))
    now_ns = time.time_ns()
    with opened(tmp_path / "ledger.db") as ledger:
        for number in range(2):
            totals = ((0, number * 2 * 10**9), (0, 0), (0, 0))
            ledger.commit([a_visit("palu-core", number + 1, totals, now_ns - (2 - number) * 10**6)])
    return path


def controlled(site: Path, written: str) -> None:
    site.write_text(site.read_text().replace("stale_after: 5m}", f"stale_after: 5m, {written}}}"))


def document(site: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    capsys.readouterr()
    assert run(["plan", "-c", str(site), "--output", "json", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    conforms("plan", found)
    return found["data"]


def change_of(data: Any, circuit: str = "dinkes-main") -> Any:
    return next(one for one in data["changes"] if (one["circuit"], one["direction"]) == (circuit, "download"))


def test_what_a_plan_comes_to_is_told_with_every_safety_rule(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = document(site, capsys)
    assert data["totals"] == {
        "lowered": 1,
        "raised": 0,
        "removed": 0,
        "withheld": 1,
        "agencies_lowered": 1,
        "routers": 1,
        "tightened_bps": 0,
    }
    assert all(check["holds"] for check in data["checks"])
    assert (data["approval"], data["freeze_window"], data["halted"], data["left_alone"]) == (None, None, None, [])
    assert "commands" not in change_of(data)


def test_commands_are_told_line_by_line_as_the_router_s_dialect_has_them(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = change_of(document(site, capsys, "--commands"))
    assert change["commands_objection"] is None
    lines = change["commands"]
    apply = next(
        at for at, line in enumerate(lines) if line.startswith("tc class replace dev ether1") and "5000000bit" in line
    )
    assert any("nm-0000000000000000" in line for line in lines[:apply]), "the undo is armed first"
    assert run(["plan", "--commands", "-c", str(site)]) == 0
    shown = capsys.readouterr().out
    assert "Rendered against the state that was last read." in shown
    assert all(f"    {line}\n" in shown for line in lines)


def test_why_commands_cannot_be_told_is_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(site.read_text().replace("    platform: linux\n", ""))
    change = change_of(document(site, capsys, "--commands"))
    assert change["commands"] == []
    assert "has no platform in the configuration" in change["commands_objection"]


def test_a_plan_in_markdown_names_whom_how_much_why_and_its_hash(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = document(site, capsys)
    assert run(["plan", "-c", str(site), "--output", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# Plan of changes: sulteng\n")
    assert f"`{data['hash']}`" in shown
    assert "| limits lowered | 1 |" in shown
    assert (
        "| Dinas Kesehatan (dinkes) | dinkes-main on palu-core | download | no limit | 5 Mb/s | - |"
        " over quota (quotas/hourly.yaml:8) |"
    ) in shown
    assert "| too many tightened | 1 agency | 3 agencies | yes |" in shown


def test_no_name_makes_anything_of_a_document_but_text(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = document(site, capsys)
    shown = markdown(data, "a\n# b", "Asia/Makassar", {"dinkes": "x | y <b> [z](u)\n\n# h"}, time.time_ns())
    assert "# Plan of changes: a \\# b\n" in shown
    assert "| x \\| y \\<b\\> \\[z\\](u) \\# h (dinkes) |" in shown


# --- freezes ---------------------------------------------------------------------------------


def test_in_a_freeze_window_nothing_is_lowered_and_the_plan_says_until_when(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = document(site, capsys)["hash"]
    controlled(site, "freeze_windows: [{days: [mon-sun]}]")
    data = document(site, capsys)
    assert (change_of(data)["action"], change_of(data)["withheld"]) == ("keep", "freeze_window")
    assert data["freeze_window"] == {"until": None}, "it never closes"
    assert data["hash"] == before, "what only bides its time is no other plan"


# --- approvals -------------------------------------------------------------------------------


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who gives the next command; the last of the list."""
    who = ["siti"]
    monkeypatch.setattr(oneshot, "person", lambda uid: who[-1])
    return who


def test_what_waits_for_approval_is_set_once_another_person_has_approved_it_too(
    site: Path, people: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    controlled(site, "plan_approval: {required: always, second_approver_above: {agencies: 0}}")
    data = document(site, capsys)
    waits = data["approval"]
    assert (waits["needed"], waits["approved"], waits["agencies"]) == (2, False, 1)
    assert change_of(data)["withheld"] == "unapproved"
    run(["plan", "--output", "markdown", "-c", str(site)])
    shown = capsys.readouterr().out
    assert "## Limits to be lowered once approved" in shown
    assert "| agencies whose limits are lowered once approved | 1 |" in shown
    run(["plan", "-c", str(site)])
    assert waits["hash"] in capsys.readouterr().out.replace("\n", "")

    order = ["plan", "approve", waits["hash"], "--reason", "the council agreed", "-c", str(site)]
    assert run(order) == 0
    assert "another person must approve it, too" in capsys.readouterr().out
    assert run(order) == 1
    assert capsys.readouterr().err == "netmon: siti approved this already; another person must approve it, too\n"
    assert change_of(document(site, capsys))["withheld"] == "unapproved"

    people.append("budi")
    assert run(order) == 0
    assert "is approved until" in capsys.readouterr().out
    data = document(site, capsys)
    assert (change_of(data)["action"], change_of(data)["withheld"]) == ("set", None)
    assert [one["by"] for one in data["approval"]["approvals"]] == ["siti", "budi"]
    assert run(["audit", "verify", "-c", str(site)]) == 0


def test_another_plan_needs_approval_anew(site: Path, people: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    controlled(site, "plan_approval: {required: always}")
    hashed = document(site, capsys)["approval"]["hash"]
    order = ["plan", "approve", hashed, "--reason", "the council agreed", "-c", str(site)]
    assert run(order) == 0
    quotas = site.parent / "policies" / "quotas" / "hourly.yaml"
    quotas.write_text(quotas.read_text().replace("10 Mbps", "6 Mbps"))
    data = document(site, capsys)
    assert change_of(data)["withheld"] == "unapproved"
    assert data["approval"]["hash"] != hashed
    assert run(order) == 1
    assert "waits for approval now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("plan_approval: {required: above}", "required: above needs a threshold"),
        ("plan_approval: {required: always, agencies: 3}", "a threshold is for required: above"),
        ("plan_approval: {second_approver_above: {agencies: 3}}", "second_approver_above needs a first approver"),
        ("limit_expiry: 2d", "must be 10m to 24h"),
        ("breaker: {pause: 2h, longest: 1h}", "longest is less than pause"),
        ("freeze_windows: {days: [mon], holidays: exclude}", "write the dates themselves"),
    ],
)
def test_what_is_wrongly_configured_is_named_with_the_remedy(
    site: Path, written: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    controlled(site, written)
    assert run(["plan", "-c", str(site)]) == 2
    assert says in capsys.readouterr().err


def test_what_only_the_daemon_knows_is_asked_of_it(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    until_ns = time.time_ns() + 3600 * 10**9
    halted = {"router": "palu-core", "circuit": "arsip-main", "until_ns": until_ns}
    live = {"rollout": {"halted": halted, "left_alone": {"gowa": None}}}
    monkeypatch.setattr(control, "request", lambda *_: live)
    data = document(site, capsys)
    assert change_of(data)["withheld"] == "rollout_halted"
    assert data["left_alone"] == [{"router": "gowa", "until": None}]
    assert run(["plan", "-c", str(site)]) == 0
    shown = capsys.readouterr().out
    assert "on palu-core the change of arsip-main went wrong" in " ".join(shown.split())
    assert [line for line in shown.splitlines() if len(line) > 80] == []
