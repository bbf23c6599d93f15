"""netmon period and netmon usage --revision, on a ledger with a little history and no daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.governed import HOUR_START_NS, fill_ledger, write_site
from support.schemas import conforms

from netmon.cli.app import run
from netmon.core.model import NANOSECONDS
from netmon.core.periods import from_ns
from netmon.daemon import oneshot
from netmon.daemon.clock import Clock

DAY = from_ns(HOUR_START_NS, "Asia/Makassar").date().isoformat()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = write_site(tmp_path)
    fill_ledger(tmp_path)
    later_ns = HOUR_START_NS + 45 * 86_400 * NANOSECONDS
    monkeypatch.setattr("time.time_ns", lambda: later_ns)
    monkeypatch.setenv("LOGNAME", "noc")  # a longer name folds the columns otherwise
    monkeypatch.setattr(oneshot, "Clock", lambda required: Clock(required, wall_ns=lambda: later_ns))
    return str(path)


def document(capsys: pytest.CaptureFixture[str], name: str) -> Any:
    found = json.loads(capsys.readouterr().out)
    conforms(name, found)
    return found["data"]


def test_a_day_is_closed_and_then_told_with_its_revision(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    close = ["period", "close", "arsip", "--period", DAY, "--reason", "signed by both", "-c", config]
    assert run([*close, "--output", "json"]) == 0
    (closed,) = document(capsys, "period-close")["closed"]
    assert (closed["agency"], closed["period"], closed["revision"], closed["note"]) == (
        "arsip",
        DAY,
        1,
        "signed by both",
    )
    assert run([*close]) == 0
    assert capsys.readouterr().out == f"{DAY} of arsip is closed already, and nothing has changed.\n"

    assert run(["usage", "arsip", "--period", DAY, "--revision", "1", "-c", config, "--output", "json"]) == 0
    assert [row["revision"] for row in document(capsys, "usage")] == [1, 1]
    assert run(["usage", "arsip", "--period", DAY, "-c", config]) == 0
    assert ", closed, revision 1." in capsys.readouterr().out
    assert run(["usage", "arsip", "--period", DAY, "--revision", "2", "-c", config]) == 2
    assert capsys.readouterr().err == (
        f"netmon: arsip has no revision 2 of {DAY}; netmon period list shows what was closed\n"
    )

    assert run(["period", "list", "-c", config, "--output", "json"]) == 0
    assert document(capsys, "periods") == [closed]
    assert run(["period", "list", "-c", config]) == 0
    shown = capsys.readouterr().out
    assert "closed: signed by both" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_the_last_month_of_all_agencies_is_closed_where_nothing_is_said(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["period", "close", "--reason", "monthly", "-c", config, "--output", "json"]) == 0
    closed = document(capsys, "period-close")["closed"]
    last = from_ns(HOUR_START_NS + 15 * 86_400 * NANOSECONDS, "Asia/Makassar")
    assert {(one["agency"], one["period"]) for one in closed} == {
        (agency, f"{last.year}-{last.month:02}") for agency in ("dinkes", "arsip")
    }


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["period", "close", "--period", "2030-01", "--reason", "x"], 1, "2030-01 of dinkes ends at 2030-02-01"),
        (["period", "close", "nobody", "--reason", "x"], 1, "there is no agency nobody; netmon usage lists them"),
        (["usage", "--revision", "1"], 2, "--revision is about a closed period as a whole; give --period"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    config: str, arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "-c", config]) == code
    assert sentence in capsys.readouterr().err


def test_before_anything_was_closed_the_list_says_so(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["period", "list", "-c", config]) == 0
    assert capsys.readouterr().out == "No period has been closed yet.\n"
