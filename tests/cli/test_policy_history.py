"""netmon policies history, on a ledger that took up a few configurations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.governed import write_site
from support.ledgers import START_NS, opened
from support.schemas import conforms

from netmon.cli.app import run
from netmon.config.load import load
from netmon.config.revision import revision_of
from netmon.core.model import NANOSECONDS

DAY_NS = 86_400 * NANOSECONDS


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The start of a day, a reload of the next with half the volume and another agency, and a start the day after."""
    path = write_site(tmp_path)
    quotas = tmp_path / "policies" / "quotas" / "hourly.yaml"
    with opened(tmp_path / "ledger.db") as ledger:
        for number, event in enumerate(("start", "reload", "start")):
            if number == 1:
                quotas.write_text("# from November on\n" + quotas.read_text().replace("1 GB", "500 MB"))
                name = "Badan Penanggulangan Bencana Daerah Provinsi Sulawesi Tengah"
                path.write_text(path.read_text().replace("agencies:\n", f"agencies:\n  bpbd: {{name: {name}}}\n"))
            revision = revision_of(load(path))
            at_ns = START_NS + number * DAY_NS
            ledger.record_configuration(revision.digest, revision.document, event, "0.1.0", at_ns)
    return str(path)


def document(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = json.loads(capsys.readouterr().out)
    conforms("policies-history", found)
    rows: list[dict[str, Any]] = found["data"]
    return rows


def test_what_was_taken_up_is_listed_newest_first_with_how_much_changed(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policies", "history", "-c", config]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()[2:]]
    assert [(row[0], row[1], row[3], row[4], row[6]) for row in rows] == [
        ("3", "2026-11-20", "start", "0.1.0", "0"),
        ("2", "2026-11-19", "reload", "0.1.0", "2"),
        ("1", "2026-11-18", "start", "0.1.0", "-"),
    ]
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert run(["policies", "history", "--limit", "1", "-c", config]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_programs_get_the_changes_with_integers_and_as_people_write_them(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policies", "history", "--since", "2026-11-19", "--output", "json", "-c", config]) == 0
    last, reload = document(capsys)
    assert (last["link"], last["change_count"], last["changes"]) == (3, 0, [])
    assert reload["at"].endswith("+08:00")
    less, agency = reload["changes"]
    assert less == {
        "path": "policies.hourly.volume_bytes",
        "kind": "changed",
        "before": 10**9,
        "after": 5 * 10**8,
        "before_text": "1 GB",
        "after_text": "500 MB",
    }
    assert (agency["path"], agency["kind"], agency["before_text"]) == ("agencies.bpbd", "added", None)


def test_the_changes_of_one_are_shown_by_its_number_or_its_digest(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policies", "history", "--show", "2", "-c", config]) == 0
    shown = capsys.readouterr().out
    lines = [line.split() for line in shown.splitlines()]
    assert ["hourly.volume_bytes", "1", "GB", "500", "MB"] in lines
    assert shown.index("POLICIES") < shown.index("AGENCIES")
    assert "(absent)" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []

    assert run(["policies", "history", "--show", "2", "--output", "json", "-c", config]) == 0
    (row,) = document(capsys)
    assert run(["policies", "history", "--show", row["digest"][:12].upper(), "-c", config]) == 0
    assert capsys.readouterr().out == shown

    assert run(["policies", "history", "--show", "1", "-c", config]) == 0
    assert "no configuration before it" in capsys.readouterr().out
    assert run(["policies", "history", "--show", "3", "-c", config]) == 0
    assert "Nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize("which", ["77", "abc", "ffffffff", "%%%%%%%%"])
def test_one_there_is_none_of_is_refused_in_one_sentence(
    config: str, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policies", "history", "--show", which, "-c", config]) == 2
    assert capsys.readouterr().err == (
        f"netmon: no configuration was taken up under {which!r}; give a number or a digest as netmon policies history"
        " lists them\n"
    )


def test_where_nothing_was_taken_up_it_says_so(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "history", "--since", "2026-12-24", "-c", config]) == 0
    assert capsys.readouterr().out == "No configuration has been taken up since 2026-12-24.\n"
    assert run(["policies", "history", "--since", "yesterday", "-c", config]) == 2
    assert "'yesterday' is not a time" in capsys.readouterr().err
