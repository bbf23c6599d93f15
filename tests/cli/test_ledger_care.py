"""netmon audit and netmon ledger, as an operator and an auditor use them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.governed import fill_ledger, record, write_site
from support.ledgers import START_NS, a_receipt, a_verdict, opened
from support.schemas import conforms

from netmon.cli.app import run
from netmon.config.load import load
from netmon.config.revision import revision_of


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with a ledger of four links."""
    monkeypatch.setenv("NETMON_CONFIG", str(write_site(tmp_path)))
    fill_ledger(tmp_path, [a_verdict()])
    with opened(tmp_path / "ledger.db") as ledger:
        record(ledger, a_receipt("nm-1"), 5_000_000)
        record(ledger, a_receipt("nm-2"), None)
        ledger.hold("dinkes-main", "vaccination", "operator", START_NS, None)
    return tmp_path


def edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def document(capsys: pytest.CaptureFixture[str], name: str) -> Any:
    found = json.loads(capsys.readouterr().out)
    conforms(name, found)
    return found["data"]


def head(capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["audit", "head"]) == 0
    return capsys.readouterr().out.strip()


# --- audit ----------------------------------------------------------------------------------------


def test_a_whole_chain_is_exit_code_0_and_a_broken_one_1_with_the_first_bad_link(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "verify"]) == 0
    assert re.search(
        r"Chain [0-9a-f]{32}: 4 links hold\.\nHead  [0-9a-f]{32}:4:[0-9a-f]{64}\n", capsys.readouterr().out
    )
    edit(site / "ledger.db", "UPDATE link SET payload = replace(payload, 'confirmed', 'failed') WHERE sequence = 3")
    assert run(["audit", "verify"]) == 1
    assert re.search(r"BROKEN \(hash\): link 3 of chain [0-9a-f]{32}\s+was altered", capsys.readouterr().out)


def test_what_was_cut_off_since_a_head_was_noted_is_missed(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noted = head(capsys)
    heads = site / "heads"
    heads.write_text(f"# noted each evening\n\n{noted}  Monday\n")
    for since in (noted, noted.partition(":")[2], str(heads)):
        assert run(["audit", "verify", "--since-head", since]) == 0
    assert "Nothing is gone since the 1 noted head." in capsys.readouterr().out
    edit(site / "ledger.db", "DELETE FROM link WHERE sequence = 4")
    assert run(["audit", "verify"]) == 0, "the chain alone cannot tell"
    for since in (noted, noted.partition(":")[2], str(heads)):
        assert run(["audit", "verify", "--since-head", since]) == 1
    assert "links 4 to 4 of chain" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("since", ["yesterday", "empty"])
def test_what_is_no_head_is_a_sentence(site: Path, since: str, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "empty").write_text("# nothing yet\n")
    assert run(["audit", "verify", "--since-head", since if since == "yesterday" else str(site / since)]) == 1
    assert capsys.readouterr().err.startswith("netmon: ")


def test_an_exported_chain_needs_neither_ledger_nor_configuration(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = site / "chain.jsonl"
    assert run(["audit", "export", str(file)]) == 0
    assert run(["audit", "export", str(file)]) == 1
    assert "exists already" in capsys.readouterr().err
    noted = head(capsys)
    monkeypatch.delenv("NETMON_CONFIG")
    (site / "ledger.db").unlink()
    assert run(["audit", "verify", str(file), "--since-head", noted, "--output", "json"]) == 0
    assert document(capsys, "audit")["chains"][0]["links"] == 4
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2] + lines[3:]))
    assert run(["audit", "verify", str(file), "--output", "json"]) == 1
    fault = document(capsys, "audit")["fault"]
    assert (fault["sequence"], fault["rule"]) == (4, "sequence")


def test_a_signed_chain_is_verified_by_the_public_key(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, public = site / "key", site / "key.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    assert run(["audit", "verify", "--public-key", str(public)]) == 1
    assert "is signed by the key that was given" in " ".join(capsys.readouterr().out.split())
    config = Path(os.environ["NETMON_CONFIG"])
    config.write_text(
        config.read_text().replace("ledger: sqlite:///ledger.db", "ledger: {path: ledger.db, signing_key: {file: key}}")
    )
    backup = site / "backup.db"
    assert run(["ledger", "backup", str(backup)]) == 0
    assert run(["ledger", "restore", str(backup)]) == 0
    assert run(["audit", "verify"]) == 0
    assert "1 of them are signed; --public-key FILE checks that." in capsys.readouterr().out
    assert run(["audit", "verify", "--public-key", str(public), "--output", "json"]) == 0
    assert document(capsys, "audit")["chains"][0]["verified"] == 1
    assert run(["audit", "head", "--output", "json"]) == 0
    assert document(capsys, "audit-head")["signature"] is not None
    edit(site / "ledger.db", "DELETE FROM signature")
    assert run(["audit", "verify", "--public-key", str(public)]) == 1
    assert "PRIVATE" not in revision_of(load(config)).document


def test_what_people_read_fits_80_columns_but_for_what_they_copy(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["audit", "verify"])
    run(["ledger", "check"])
    edit(site / "ledger.db", "DELETE FROM link WHERE sequence = 2")
    run(["audit", "verify"])
    run(["ledger", "check"])
    long = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80 and str(site) not in line]
    assert [line for line in long if not line.startswith("Head")] == []


# --- ledger ---------------------------------------------------------------------------------------


def test_a_check_names_the_first_fault_and_what_to_do(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "check", "--output", "json"]) == 0
    assert len(document(capsys, "ledger-check")["checks"]) == 7
    assert run(["ledger", "check"]) == 0
    assert "is sound." in capsys.readouterr().out
    edit(site / "ledger.db", "UPDATE head SET sequence = 7")
    assert run(["ledger", "check", "--output", "json"]) == 1
    assert document(capsys, "ledger-check")["checks"][-1]["name"] == "heads"
    assert run(["ledger", "check"]) == 1
    shown = capsys.readouterr().out
    assert "heads      FAULT: router palu-core" in shown
    assert "\nDo: " in shown
    assert run(["ledger", "check", "--within", "soon"]) == 2


def test_a_ledger_is_backed_up_lost_and_restored(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup, noted = site / "backup.db", head(capsys)
    assert run(["ledger", "backup", str(backup)]) == 0
    assert noted in capsys.readouterr().out
    assert run(["ledger", "backup", str(backup)]) == 1
    assert "nothing is overwritten" in capsys.readouterr().err
    assert run(["ledger", "check", str(backup)]) == 0
    with opened(site / "ledger.db"):
        assert run(["ledger", "restore", str(backup)]) == 1
        assert f"is in use by process {os.getpid()}" in capsys.readouterr().err
    edit(site / "ledger.db", "DELETE FROM visit")
    assert run(["ledger", "restore", str(backup)]) == 0
    shown = capsys.readouterr().out
    assert "What it replaced is kept as" in shown
    assert run(["ledger", "check"]) == 0
    assert run(["audit", "verify", "--since-head", noted]) == 0
    assert run(["receipts"]) == 0


def test_tables_are_exported_to_files_and_pipes(site: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = site / "visits.csv"
    assert (
        run(
            [
                "ledger",
                "export",
                "--table",
                "visits",
                "--from",
                "2026-11-18T20:10",
                "--to",
                "2026-11-18T20:11",
                str(file),
            ]
        )
        == 0
    )
    lines = file.read_text().splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("palu-core,ether1,12,2026-11-18T12:10:00.000000000Z,")
    assert run(["ledger", "export", "--table", "visits", str(file)]) == 1
    capfdbinary.readouterr()
    assert run(["ledger", "export", "--table", "receipts", "--format", "jsonl", "-"]) == 0
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == ["nm-1", "nm-2"]
    assert run(["ledger", "export", "--table", "gaps", "--from", "noon", str(site / "gaps.csv")]) == 2
    assert not (site / "gaps.csv").exists()
