"""netmon check: what the loading of the configuration alone does not find."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.cli.app import run


def test_a_broken_template_of_a_collector_is_named_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "netmon.yaml"
    path.write_text(f"site: {{name: sulteng}}\nledger: sqlite:///{tmp_path}/ledger.db\n", encoding="utf-8")
    assert run(["check", "-c", str(path)]) == 0
    capsys.readouterr()
    template = tmp_path / "collectors" / "templates" / "linux_tc_class.textfsm"
    template.parent.mkdir(parents=True)
    template.write_text("Value NAME (\\S+)\n\nStart\n  ^${NAMES} -> Record\n", encoding="utf-8")
    assert run(["check", "-c", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"{template}:4:1: ")
    assert line.endswith("; correct the template")
