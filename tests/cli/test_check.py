"""netmon check: what the loading of the configuration alone does not find."""

from __future__ import annotations

from collections.abc import Callable
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


PROVINCE = """\
site: {{name: sulteng, timezone: Asia/Makassar}}
ledger: sqlite:///{directory}/ledger.db
allow_plaintext_secrets: true
snmp: {{credentials: {{default: {{community: public}}}}}}
pools:
  internet:
    download: 1 Gbps
    upload: 500 Mbps
    uplinks:
      isp-fibre: {{router: core-1, interface: sfp1}}
      isp-radio: {{router: core-1, interface: sfp2, download: 400 Mbps, upload: 400 Mbps, standby: true}}
agencies:
  rsud: {{name: Rumah Sakit, entitlements: [{{pool: internet, floor: {floor}, ceiling: 600 Mbps}}]}}
  arsip: {{name: Arsip}}
routers:
  core-1:
    address: 10.20.0.1
    circuits:
      rsud-fo: {{agency: rsud, interface: e2, faces: agency, pools: [internet]}}
      arsip-fo: {{agency: arsip, interface: e3, faces: agency, pools: [internet]}}
"""


@pytest.fixture
def province(tmp_path: Path) -> Callable[[str], Path]:
    def written(floor: str) -> Path:
        path = tmp_path / "netmon.yaml"
        path.write_text(PROVINCE.format(directory=tmp_path, floor=floor), encoding="utf-8")
        return path

    return written


def test_how_far_a_pool_is_promised_is_shown_in_eighty_columns(
    province: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "-c", str(province("300 Mbps"))]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row for row in rows if row[:1] == ["internet"]] == [
        ["internet", "download", "1", "Gb/s", "1.6:1", "300", "Mb/s", "400", "Mb/s", "isp-fibre"],
        ["internet", "upload", "500", "Mb/s", "2.0:1", "300", "Mb/s", "400", "Mb/s", "isp-fibre"],
    ]
    assert max(map(len, out.splitlines()[1:])) <= 80


def test_a_warning_names_its_place_and_is_no_failure(
    province: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = province("{download: 401 Mbps, upload: 400 Mbps}")
    assert run(["check", "-c", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "nothing is wrong" in out
    assert err.splitlines() == [
        (
            f"warning: {path}:10:7: pools.internet.uplinks.isp-fibre: floors of 401 Mb/s are guaranteed for download,"
            " and 400 Mb/s are left if this uplink fails; lower floors, or add an uplink with standby: true"
        )
    ]


def test_floors_beyond_what_was_purchased_end_the_check_with_two(
    province: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = province("501 Mbps")
    assert run(["check", "-c", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        ["warning", f"{path}:10:7"],
        [f"{path}:8:13", "pools.internet.upload"],
    ]
