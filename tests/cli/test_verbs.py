"""The verbs on a ledger with a little history: tables for people, documents for programs, exit codes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.governed import fill_ledger, record, write_site
from support.ledgers import a_receipt, a_visit, opened
from support.schemas import conforms

from netmon.cli.app import run
from netmon.cli.common import rates
from netmon.core.changes import Outcome
from netmon.daemon import control, oneshot

START_NS = 1_795_000_000_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = write_site(tmp_path)
    fill_ledger(tmp_path)
    with opened(tmp_path / "ledger.db") as ledger:
        record(ledger, a_receipt("nm-1"), 5_000_000)
        record(ledger, a_receipt("nm-2", Outcome.FAILED), None)
    return str(path)


def document(capsys: pytest.CaptureFixture[str], name: str) -> Any:
    found = json.loads(capsys.readouterr().out)
    conforms(name, found)
    return found["data"]


@pytest.mark.parametrize(
    ("arguments", "name", "code"),
    [
        (["usage"], "usage", 0),
        (["usage", "dinkes", "--period", "2026-11", "--by", "circuit"], "usage", 0),
        (["usage", "--from", "2026-11-18", "--by", "day"], "usage", 0),
        (["plan"], "plan", 0),
        (["receipts"], "receipts", 0),
        (["receipts", "nm-2"], "receipts", 0),
        (["receipts", "show", "nm-1"], "receipt", 0),
        (["status"], "status", 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_programs_read_conforms_to_its_schema(
    config: str, arguments: list[str], name: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "-c", config, "--output", "json"]) == code
    assert document(capsys, name)


@pytest.mark.parametrize("arguments", [["usage"], ["usage", "--by", "day"], ["plan"], ["receipts"], ["status"]])
def test_what_people_read_fits_80_columns(
    config: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run([*arguments, "-c", config])
    shown = capsys.readouterr().out
    assert shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "…" not in shown


def test_usage_is_shown_with_its_quota(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["usage", "dinkes", "--from", "2026-11-18", "-c", config])
    assert "1.28 GB" in capsys.readouterr().out


def test_a_receipt_is_shown_in_full(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["receipts", "nm-1", "-c", config]) == 0
    shown = capsys.readouterr().out
    assert "to               5 Mb/s\n" in shown
    assert "detail           read back 5000000 bit/s\n" in shown


@pytest.mark.parametrize("arguments", [["receipts", "-c", "CONFIG", "nm-1"], ["receipts", "nm-1", "-c", "CONFIG"]])
def test_options_may_stand_before_or_after_a_receipts_id(
    config: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([config if word == "CONFIG" else word for word in arguments]) == 0
    assert "read back 5000000 bit/s" in capsys.readouterr().out


def test_everything_of_a_change_is_shown_with_its_place_in_the_chain(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["receipts", "show", "nm-1", "-c", config]) == 0
    shown = capsys.readouterr().out
    assert "read back from the router" in shown
    assert "hash verified" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_a_receipt_that_was_altered_ends_with_1_and_says_so(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        ledger.execute("UPDATE link SET payload = replace(payload, '5000000', '9000000') WHERE subject = 'nm-1'")
    assert run(["receipts", "show", "nm-1", "-c", config]) == 1
    assert "DOES NOT HOLD: it was altered after it was written" in " ".join(capsys.readouterr().out.split())


def test_everything_of_a_receipt_there_is_none_of_is_exit_code_2(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["receipts", "show", "nm-9", "-c", config]) == 2
    assert "there is no receipt nm-9" in capsys.readouterr().err


def test_a_receipt_there_is_none_of_is_exit_code_2(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["receipts", "nm-9", "-c", config]) == 2
    assert capsys.readouterr().err == "netmon: there is no receipt nm-9; netmon receipts lists them\n"


def test_a_plan_with_nothing_to_do_is_detailed_exit_code_0(config: str) -> None:
    assert run(["plan", "--detailed-exitcode", "-c", config]) == 0


def test_a_plan_with_changes_pending_is_detailed_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_site(tmp_path)
    quotas = tmp_path / "policies" / "quotas" / "hourly.yaml"
    quotas.write_text(quotas.read_text().replace("1h", "day"))
    now_ns = time.time_ns()
    with opened(tmp_path / "ledger.db") as ledger:
        for number in range(2):
            totals = ((0, number * 2 * 10**9), (0, 0), (0, 0))
            ledger.commit([a_visit("palu-core", number + 1, totals, now_ns - (2 - number) * 10**6)])
    assert run(["plan", "--detailed-exitcode", "-c", str(path)]) == 2
    shown = capsys.readouterr().out
    assert "none -> 5 Mb/s" in shown
    assert "1 change pending" in shown


def test_a_change_of_a_floor_alone_is_shown_as_one() -> None:
    assert rates(20_000_000, 20_000_000, 6_000_000) == "20 Mb/s -> 20 Mb/s\nfloor 6 Mb/s"
    assert rates(None, 20_000_000) == "none -> 20 Mb/s"


def answering(answer: Mapping[str, Any]) -> Callable[..., Mapping[str, Any]]:
    return lambda *_: answer


RECEIPT = {
    "id": "nm-1",
    "circuit": "dinkes-main",
    "direction": "download",
    "from_bps": None,
    "to_bps": 5_000_000,
    "outcome": "confirmed",
    "proof": "read_back",
    "detail": "5000000 bit/s was read back",
}


@pytest.mark.parametrize(
    ("receipts", "refused", "code"),
    [
        ([], None, 0),
        ([RECEIPT], None, 0),
        ([{**RECEIPT, "outcome": "failed"}], None, 1),
        ([RECEIPT, {**RECEIPT, "outcome": "unknown"}], None, 1),
        ([], {"rule": "uplink", "detail": "ether9 is an uplink"}, 1),
    ],
)
def test_apply_ends_with_1_unless_every_change_was_confirmed(
    config: str,
    receipts: list[Mapping[str, Any]],
    refused: Mapping[str, str] | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = {"hash": "0" * 64, "refused": refused, "changes": len(receipts), "receipts": receipts}
    monkeypatch.setattr(control, "request", answering(answer))
    assert run(["apply", "-c", config]) == code
    shown = capsys.readouterr().out
    assert all(receipt["outcome"] in shown for receipt in receipts)
    assert refused is None or refused["rule"] in shown


def test_without_a_daemon_the_command_itself_becomes_the_writer(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def perform(configuration: object, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append((verb, args))
        held = "2026-11-22T16:00:00+08:00"
        return {"hash": "", "refused": None, "changes": 0, "receipts": [], "circuit": "x", "held_until": held}

    monkeypatch.setattr(oneshot, "perform", perform)
    assert run(["revert", "dinkes-main", "--reason", "surgery", "--for", "2h", "-c", config]) == 0
    assert run(["apply", "--hash", "abc", "-c", config]) == 0
    (verb, args), applied = asked
    assert (verb, args["circuit"], args["reason"], args["for"]) == ("revert", "dinkes-main", "surgery", "2h")
    assert applied == ("apply", {"hash": "abc"})
    assert "No limit is set on dinkes-main until 2026-11-22 16:00:00." in capsys.readouterr().out


def test_what_the_daemon_refuses_is_told_in_its_own_sentence(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise control.ControlRefusedError("the plan has changed since; look at netmon plan again")

    monkeypatch.setattr(control, "request", refuse)
    assert run(["apply", "-c", config]) == 1
    assert capsys.readouterr().err == "netmon: the plan has changed since; look at netmon plan again\n"
