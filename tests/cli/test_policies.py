"""netmon policies test: what people and programs see, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.policies import TESTS, write_tests
from support.schemas import conforms

from netmon.cli.app import run


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETMON_CONFIG", str(tmp_path / "nowhere" / "netmon.yaml"))


def test_what_ships_passes_where_nothing_is_configured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "test"]) == 0
    shown, err = capsys.readouterr()
    assert "standard-upload" in shown
    assert "FAILED" not in shown
    assert err == ""


def test_the_tests_beside_the_configuration_are_found_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tests(tmp_path)
    for place in (tmp_path, tmp_path / "netmon.yaml"):
        monkeypatch.setenv("NETMON_CONFIG", str(place))
        assert run(["policies", "test"]) == 0
        assert "a full day is slowed" in capsys.readouterr().out


def test_a_test_that_fails_ends_with_1_and_names_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_tests(tmp_path, TESTS.replace("limit: 4 Mbps", "limit: 5 Mbps"))
    assert run(["policies", "test", str(tmp_path)]) == 1
    shown, err = capsys.readouterr()
    assert "FAILED" in shown
    assert "1 failed" in shown
    assert err == (
        f"{path}:8:70: tests.a full day is slowed.moments[1].expect.limit: expected 5 Mb/s, but it is 4 Mb/s"
        " (over_quota, step 2, 4 Mb/s)\n"
    )


def test_a_file_that_makes_no_sense_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_tests(tmp_path, TESTS.replace("policy: school", "policy: scool"))
    assert run(["policies", "test", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{path}:4:13: tests.a full day is slowed.policy: no quota policy is named scool; did you mean school?\n"
    )


def test_a_directory_there_is_none_of_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "test", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "code"), [("4 Mbps", 0), ("5 Mbps", 1)])
def test_what_programs_read_conforms_to_its_schema(
    tmp_path: Path, limit: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_tests(tmp_path, TESTS.replace("limit: 4 Mbps", f"limit: {limit}"))
    assert run(["policies", "test", str(tmp_path), "--output", "json"]) == code
    found = json.loads(capsys.readouterr().out)
    conforms("policies-test", found)
    own = found["data"]["tests"][-1]
    assert (own["file"], own["line"], own["passed"]) == (str(path), 3, code == 0)


def test_what_people_read_fits_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_tests(tmp_path, TESTS.replace("a full day is slowed", "a full day is slowed " + "again and " * 10))
    long = "a-policy-with-a-long-name-that-somebody-found-worth-writing-out"
    for file in (path, path.parents[1] / "school.yaml"):
        file.write_text(
            file.read_text().replace("policy: school", f"policy: {long}").replace("  school:", f"  {long}:")
        )
    assert run(["policies", "test", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "…" not in shown


def test_policies_without_a_test_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tests(tmp_path).unlink()
    assert run(["policies", "test", str(tmp_path)]) == 0
    assert "No test is about school." in capsys.readouterr().out
