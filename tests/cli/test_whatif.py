"""netmon whatif: the table, the document, the picture, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.governed import fill_ledger, write_site
from support.schemas import conforms

from netmon.cli.app import run

STRICTER = """\
quotas:
  hourly:
    direction: download
    period: 1h
    volume: 600 MB
    ladder:
      - {at: 100%, slow_to: 500 kbps}
"""
"""dinkes passes 40 MB a minute: slowed from the first boundary at which 15 minutes between readings are known."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = write_site(tmp_path)
    fill_ledger(tmp_path)
    stricter = tmp_path / "stricter"
    stricter.mkdir()
    (stricter / "hourly.yaml").write_text(STRICTER, encoding="utf-8")
    return str(path)


def asked(config: str, *more: str, policies: str = "stricter") -> list[str]:
    directory = str(Path(config).parent / policies)
    return ["whatif", "-c", config, "--policies", directory, "--period", "2026-11-18", *more]


def test_the_document_conforms_to_its_schema(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(asked(config, "--output", "json")) == 0
    found: Any = json.loads(capsys.readouterr().out)
    conforms("whatif", found)
    (row,) = found["data"]["agencies"]
    assert (row["agency"], row["direction"]) == ("dinkes", "download")
    # 40 MB a minute, 200 MB a cell, of which 500 kb/s would have left 18.75 MB; the hour's first half is all there is.
    assert row["would_be"]["least_limit_bps"] == 500_000
    assert row["would_be"]["cut_bytes"] == row["would_be"]["slowed_seconds"] // 300 * 181_250_000 > 0
    assert row["would_be"]["first_slowed"] == "2026-11-18T20:15:00+08:00"


def test_without_other_policies_those_in_force_are_replayed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["whatif", "-c", config, "--period", "2026-11-18", "--output", "json"]) == 0
    found: Any = json.loads(capsys.readouterr().out)
    assert found["data"]["policies"] is None
    assert [row["would_be"]["least_limit_bps"] for row in found["data"]["agencies"]] == [10_000_000]


def test_the_table_fits_80_columns_and_says_what_is_not_known(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(asked(config)) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "…" not in shown
    told = " ".join(shown.split())
    assert "1 of 2 agencies would have been slowed" in told
    assert "dinkes download" in told
    assert "nothing is carried over" in told
    assert "were not measured" in told


def test_the_picture_is_a_png(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(asked(config, "--picture", str(tmp_path / "then.png"))) == 0
    data = (tmp_path / "then.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    assert "dinkes" in capsys.readouterr().out


def test_the_picture_s_texts_are_texts(config: str, tmp_path: Path) -> None:
    file = tmp_path / "then.svg"
    assert run(asked(config, "--picture", str(file))) == 0
    root = ElementTree.parse(file).getroot()
    texts = {" ".join("".join(one.itertext()).split()) for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert "2026-11-18, replayed: 1 of 2 agencies would have been slowed" in texts
    assert {"download, Mb/s", "upload, Mb/s", "time in Asia/Makassar", "dinkes download"} <= texts
    assert {"carried", "would have been cut off"} <= texts
    first = file.read_bytes()
    assert run(asked(config, "--picture", str(file))) == 0
    assert file.read_bytes() == first


def test_a_picture_of_a_period_in_which_nothing_would_have_happened_says_so(config: str, tmp_path: Path) -> None:
    (tmp_path / "stricter" / "hourly.yaml").write_text(STRICTER.replace("600 MB", "9 TB"), encoding="utf-8")
    assert run(asked(config, "--picture", str(tmp_path / "then.svg"))) == 0
    assert "No agency would have been limited" in (tmp_path / "then.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--picture", "then.pdf"], "then.pdf: a picture is .png or .svg; give it one of these endings"),
        (["--picture", "nowhere/then.png"], "nowhere/then.png: there is no such directory; make it first"),
        (["--agency", "nobody"], "there is no agency nobody; netmon usage lists them"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_is_wrongly_asked_is_one_sentence(
    config: str, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked(config, *more)) == 2
    shown, err = capsys.readouterr()
    assert shown == ""
    assert message in err
    assert err.count("\n") == 1


def test_policies_with_an_error_are_refused_as_everywhere(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stricter" / "hourly.yaml").write_text(STRICTER.replace("600 MB", "600"), encoding="utf-8")
    assert run(asked(config)) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{tmp_path}/stricter/hourly.yaml:5:")
    (tmp_path / "empty").mkdir()
    assert run(asked(config, policies="empty")) == 2
    assert "there is no quota policy in it" in capsys.readouterr().err


def test_without_matplotlib_the_way_to_it_is_named_before_the_work(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "netmon.cli.pictures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(asked(config, "--picture", str(tmp_path / "then.png"))) == 1
    assert capsys.readouterr().err == (
        "netmon: a picture needs matplotlib, which is not installed; run pip install 'netmon[pictures]'\n"
    )
    assert run(asked(config)) == 0
