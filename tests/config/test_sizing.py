"""The predicted size of the ledger against its budget."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.governed import write_site

from netmon.cli.app import run
from netmon.config.load import load
from netmon.config.sizing import check_size, size_of
from netmon.core.model import NANOSECONDS
from netmon.store.size import visit_bytes


def site(tmp_path: Path, ledger: str) -> Path:
    path = write_site(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("ledger: sqlite:///ledger.db", f"ledger: {ledger}"))
    return path


def test_circuits_and_uplinks_are_what_takes_room(tmp_path: Path) -> None:
    size = size_of(load(site(tmp_path, "{path: ledger.db}")))
    assert size.raw == visit_bytes(4) * (35 * 86_400 // 30)


def test_a_ledger_above_its_budget_is_refused_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = site(tmp_path, "{path: ledger.db, budget: 50 MB}")
    (problem,) = check_size(load(path))
    assert run(["check", "-c", str(path)]) == 2
    said = capsys.readouterr().err
    assert said == f"{problem}\n"
    assert f"{path}:2:35: ledger.budget: the ledger will grow to " in said
    assert "above 50 MB; poll less often, shorten ledger.retention, or raise ledger.budget" in said


def test_check_tells_what_the_ledger_will_grow_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "-c", str(site(tmp_path, "{path: ledger.db}"))]) == 0
    assert (
        "; the ledger will grow to 78.1 MB (24.2 MB raw, 49.9 MB on the 300 s grid, 3.13 MB daily, "
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{raw: 12h}", "raw must be at least 1d"),
        (
            "{raw: 40d, grid: 39d}",
            "raw, grid and daily follow each other; make each at least as long as the one before",
        ),
        ("{grid: 4000d}", "raw, grid and daily follow each other"),
    ],
)
def test_retentions_that_contradict_each_other_are_refused(
    tmp_path: Path, written: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "-c", str(site(tmp_path, f"{{path: ledger.db, retention: {written}}}"))]) == 2
    assert f"ledger.retention: {sentence}" in capsys.readouterr().err


def test_retention_and_closing_are_written_as_durations(tmp_path: Path) -> None:
    text = "{path: ledger.db, retention: {raw: 7d, grid: 90d, daily: 730d}, close_after: 3d, budget: 20 GB}"
    ledger = load(site(tmp_path, text)).settings.ledger
    day = 86_400 * NANOSECONDS
    kept = ledger.retention
    assert (kept.raw, kept.grid, kept.daily, ledger.close_after) == (7 * day, 90 * day, 730 * day, 3 * day)
    assert ledger.budget == 20 * 10**9
