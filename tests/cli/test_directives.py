"""boost, exempt, freeze, pool, end, request, approve and refuse on a real ledger with no daemon running."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from support.governed import write_site
from support.ledgers import audited
from support.schemas import conforms

from netmon.cli.app import run
from netmon.daemon import oneshot

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_site(tmp_path)
    pools = "pools: {inet: {class: internet, download: 1 Gbps, upload: 500 Mbps}}\n"
    path.write_text(path.read_text() + pools)
    return path


def netmon(config: Path, *arguments: str) -> int:
    return run([*arguments, "-c", str(config)])


def document(config: Path, capsys: pytest.CaptureFixture[str], name: str, *options: str) -> Any:
    capsys.readouterr()
    assert netmon(config, name, *options, "--output", "json") == 0
    found = json.loads(capsys.readouterr().out)
    conforms(name, found)
    return found["data"]


BOOST = ("boost", "dinkes", "200 Mbps", "--for", "4h", "--reason", "vaccination week")
LONG = "a reason of many words, as an office writes it, that no table of 80 columns holds in one line of it"


def test_a_boost_is_given_and_a_newer_one_takes_its_place(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert netmon(config, *BOOST) == 0
    assert capsys.readouterr().out.startswith("D1: dinkes may have at least 200 Mb/s each way until 20")
    assert netmon(config, *BOOST, "--upload", "100 Mbps") == 0
    shown = capsys.readouterr().out
    assert "at least 200 Mb/s download and 100 Mb/s upload" in shown
    assert shown.endswith("D1 ends: D2 replaces it.\n")
    (row,) = document(config, capsys, "directives")
    assert (row["id"], row["download_bps"], row["upload_bps"], row["by"]) == ("D2", 200_000_000, 100_000_000, ME)
    newer, older = document(config, capsys, "directives", "--all")
    assert (newer["in_force"], older["in_force"], older["replaced_by"]) == (True, False, "D2")


def test_whoever_the_environment_claims_it_is_the_record_has_the_user_of_the_process(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "governor")
    assert netmon(config, *BOOST) == 0
    (row,) = document(config, capsys, "directives")
    assert row["by"] == ME


def test_a_directive_is_ended_and_cannot_be_ended_twice(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert netmon(config, "freeze", "--all", "--reason", "fibre works") == 0
    assert capsys.readouterr().out == "D1: no limit of any agency is altered until it is ended.\n"
    assert netmon(config, "end", "D1", "--reason", "done") == 0
    assert capsys.readouterr().out == "D1 is ended. No longer holds: no limit of any agency is altered.\n"
    assert netmon(config, "end", "D1", "--reason", "done") == 1
    assert capsys.readouterr().err == "netmon: D1 is over already; netmon directives lists those in force\n"
    assert netmon(config, "directives") == 0
    assert capsys.readouterr().out == "No directive is in force.\n"


def test_a_pool_is_degraded_to_nothing_and_restored(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert netmon(config, "pool", "degrade", "inet", "0", "--download", "300 Mbps", "--reason", "halved") == 0
    assert "of inet there is only 300 Mb/s download and 0 b/s upload until it is ended" in capsys.readouterr().out
    assert netmon(config, "pool", "restore", "inet", "--reason", "whole") == 0
    assert netmon(config, "pool", "restore", "inet", "--reason", "whole") == 1
    assert capsys.readouterr().err == "netmon: inet is not degraded; netmon directives lists what is in force\n"


def test_a_requester_cannot_approve_but_take_it_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("request", "dinkes", "100 Mbps", "--for", "3d", "--reason", "an audit visit", "--by", "Kepala Dinas")
    assert netmon(config, *asked) == 0
    assert capsys.readouterr().out.startswith("R1 waits to be approved by one other person until 20")
    for by in ((), ("--by", "Sekda")):
        assert netmon(config, "approve", "R1", *by) == 1
        sentence = f"netmon: R1 was asked for by {ME} for Kepala Dinas; another person must approve it\n"
        assert capsys.readouterr().err == sentence
    (row,) = document(config, capsys, "requests")
    assert (row["state"], row["by"], row["on_behalf_of"], row["approvals"]) == ("pending", ME, "Kepala Dinas", [])
    assert netmon(config, "refuse", "R1", "--reason", "not needed after all") == 0
    assert document(config, capsys, "requests") == []
    (row,) = document(config, capsys, "requests", "--all")
    assert (row["state"], row["refusal"]["reason"]) == ("refused", "not needed after all")


def test_another_person_approves_and_the_boost_begins(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert netmon(config, "request", "dinkes", "100 Mbps", "--for", "3d", "--reason", "an audit visit") == 0
    monkeypatch.setattr(oneshot, "person", lambda uid: "budi")
    assert netmon(config, "approve", "R1", "--reason", "in order") == 0
    assert "D1: dinkes may have at least 100 Mb/s each way until" in capsys.readouterr().out
    (row,) = document(config, capsys, "directives")
    assert (row["by"], row["request"], row["reason"]) == ("budi", "R1", "an audit visit")


def test_the_first_of_two_approvals_says_that_one_more_is_needed(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace("stale_after: 5m", "stale_after: 5m, approvals: 2"))
    assert netmon(config, "request", "dinkes", "100 Mbps", "--for", "3d", "--reason", "an audit visit") == 0
    assert "approved by 2 other persons until" in capsys.readouterr().out
    monkeypatch.setattr(oneshot, "person", lambda uid: "budi")
    assert netmon(config, "approve", "R1") == 0
    assert capsys.readouterr().out == "You approved R1; another person must approve it, too.\n"
    assert netmon(config, "approve", "R1") == 1
    assert capsys.readouterr().err == "netmon: budi approved R1 already; another person must approve it, too\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("boost", "dinke", "1 Mbps", "--for", "1h", "--reason", "x"), "there is no agency 'dinke'; did you mean dink"),
        (("boost", "dinkes", "1 Mbps", "--for", "1h", "--reason", "a\nb"), "the reason holds U+000A, which does not"),
        (("boost", "dinkes", "1 Mbps", "--for", "1h", "--reason", "\x1b[2J"), "the reason holds U+001B, which does n"),
        (("boost", "dinkes", "1 Mbps", "--for", "1h", "--reason", "x" * 5000), "the reason has 5000 characters; say "),
        (("boost", "dinkes", "2 Gbps", "--for", "1h", "--reason", "x"), "only 1 Gb/s download and 500 Mb/s upload we"),
        (("boost", "dinkes", "1 Mbps", "--reason", "x"), "it must end by itself; give --for, e.g. 4h, or --until"),
        (("boost", "dinkes", "1 Mbps", "--for", "1h"), "Missing option '--reason'; see netmon boost --help"),
        (("exempt", "dinkes", "--policy", "x", "--for", "1h", "--reason", "x"), "dinkes has no quota policy 'x'; kno"),
        (("exempt", "arsip", "--policy", "x", "--for", "1h", "--reason", "x"), "arsip has no quota policy to be ex"),
        (("exempt", "arsip", "--for", "1h", "--reason", "x"), "arsip has no quota policy to be exempt from; netmon "),
        (("freeze", "--reason", "x"), "a freeze is of one agency or of all; give AGENCY, or --all"),
        (("pool", "degrade", "int", "0", "--reason", "x"), "there is no pool, uplink or backhaul 'int'; did you mean"),
        (("request", "dinkes", "1 Mbps", "--reason", "x"), "a request is for a time; give --for, e.g. 4h"),
        (("approve", "R1", "--by", "a\0b"), "the name holds U+0000, which does not show; write it in one line of"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_is_wrongly_asked_is_one_sentence_exit_code_2_and_nothing_recorded(
    config: Path, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert netmon(config, *arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"netmon: {sentence}")
    assert told.count("\n") == 1
    assert not (config.parent / "ledger.db").exists()


def test_what_people_read_fits_80_columns_and_is_never_cut(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    netmon(config, "boost", "dinkes", "200 Mbps", "--upload", "100 Mbps", "--for", "4h", "--reason", LONG)
    netmon(config, "exempt", "dinkes", "--policy", "hourly", "--until", "2030-01-01", "--reason", "x")
    netmon(config, "exempt", "dinkes", "--policy", "hourly", "--for", "300d", "--reason", LONG)
    netmon(config, "freeze", "arsip", "--reason", LONG)
    netmon(config, "request", "dinkes", "100 Mbps", "--for", "3d", "--reason", LONG, "--by", LONG[:60])
    monkeypatch.setattr(oneshot, "person", lambda uid: "a-login-name-that-is-long")
    netmon(config, "approve", "R1", "--reason", LONG)
    for arguments in (("directives",), ("directives", "--all"), ("requests",), ("requests", "--all")):
        capsys.readouterr()
        assert netmon(config, *arguments) == 0
        shown = capsys.readouterr().out
        assert [line for line in shown.splitlines() if len(line) > 80] == []
        assert "\u2026" not in shown


def test_before_anything_was_given_or_asked_for_that_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert netmon(config, *BOOST) == 0
    assert netmon(config, "end", "D1", "--reason", "x") == 0
    capsys.readouterr()
    said = {("requests",): "No request waits", ("requests", "--all"): "Nothing has been", ("directives",): "No direct"}
    for arguments, words in said.items():
        assert netmon(config, *arguments) == 0
        assert capsys.readouterr().out.startswith(words)


def test_all_of_it_is_in_the_chain_and_in_the_export(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    netmon(config, *BOOST)
    netmon(config, "request", "dinkes", "100 Mbps", "--for", "3d", "--reason", "an audit visit")
    netmon(config, "refuse", "R1", "--reason", "no")
    assert audited(config.parent / "ledger.db").chains[0].links == 3
    assert netmon(config, "audit", "verify") == netmon(config, "ledger", "check") == 0
    for table, name in (("directives", "D1"), ("requests", "R1")):
        file = config.parent / f"{table}.csv"
        assert netmon(config, "ledger", "export", "--table", table, str(file)) == 0
        assert file.read_text().splitlines()[1].startswith(f"{name},")
