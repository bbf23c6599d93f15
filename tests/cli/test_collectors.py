"""netmon collectors test: recordings of real devices, with what is expected of them reviewed by hand."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from support.schemas import conforms

from netmon import bundled
from netmon.cli.app import run
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.recording import load_recording
from netmon.routers.survey import survey_recording

DATA = Path(str(files("snmpsim_data"))) / "data"
EXPECTED = sorted((Path(__file__).parents[1] / "recordings").glob("*.json"))
TOTALS = ("speed_bps", "in_octets", "out_octets", "in_errors", "out_errors", "in_discards", "out_discards")


def seen(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The document's data; the verb must succeed."""
    code = run(["collectors", "test", *arguments, "--output", "json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    document = json.loads(out)
    conforms("collectors-test", document)
    data: dict[str, Any] = document["data"]
    return data


@pytest.mark.parametrize("path", EXPECTED, ids=[path.stem for path in EXPECTED])
def test_a_real_device_is_read_as_its_recording_was_by_hand(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    made = path.parent / expected["recording"]
    data = seen(capsys, str(made if made.exists() else DATA / expected["recording"]))
    assert (data["router"], data["platform"]) == (path.stem, expected["platform"])
    assert data["uptime_seconds"] == expected["uptime_seconds"]
    interfaces = {one["name"]: one for one in data["interfaces"]}
    assert {
        "count": len(interfaces),
        "oper_up": sum(one["oper_status"] == "up" for one in interfaces.values()),
        "admin_up": sum(one["admin_status"] == "up" for one in interfaces.values()),
        "counter_bits": data["interfaces"][0]["counter_bits"],
        **{name: sum(one[name] or 0 for one in interfaces.values()) for name in TOTALS},
    } == expected["interfaces"]
    for name, columns in expected["interface"].items():
        assert {key: interfaces[name][key] for key in columns} == columns, name
    assert {name: one["parent"] for name, one in interfaces.items() if one["parent"]} == expected["parents"]
    links = [[one["interface"], one["remote_system"], one["remote_port"], one["protocol"]] for one in data["links"]]
    assert len(links) == expected["links"]["count"]
    assert [link for link in expected["links"]["some"] if link not in links] == []
    health = [[one[key] for key in ("name", "kind", "value", "unit", "status")] for one in data["health"]]
    assert [reading for reading in expected["health"] if reading not in health] == []
    optics = {one["interface"]: one for one in data["optics"]}
    for name, values in expected["optics"].items():
        assert {key: optics[name][key] for key in values} == values, name
    missing = " ".join(one["what"] for one in data["missing"])
    assert [what for what in expected["missing"] if what not in missing] == []


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles((bundled.folder("collectors"),))


SMALL = sorted(path for path in DATA.rglob("*.snmprec*") if path.stat().st_size < 45_000)


def test_devices_of_every_kind_are_read_or_say_what_they_lack(profiles: Profiles) -> None:
    assert len(SMALL) > 50
    for path in SMALL:
        survey = asyncio.run(survey_recording(load_recording(path), profiles))
        data = json.loads(json.dumps(survey.document))
        conforms(
            "collectors-test", {"schema": "netmon/collectors-test/1", "generated_at": data["polled_at"], "data": data}
        )
        assert data["interfaces"] or any("interfaces" in one["what"] for one in data["missing"]), path
        for one in data["missing"]:
            assert len(one["why"].splitlines()) == 1, path


SWITCH = str(DATA / "network/switch/cts-media-converter.snmprec.bz2")


def test_a_device_that_no_profile_knows_is_read_by_the_standard_tables(capsys: pytest.CaptureFixture[str]) -> None:
    data = seen(capsys, SWITCH)
    assert (data["platform"], len(data["interfaces"])) == ("generic-if-mib", 3)
    assert "health: cpu" in {one["what"] for one in data["missing"]}


def test_an_agent_without_ifname_is_read_by_ifdescr_and_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    data = seen(capsys, str(DATA / "network/wifi/ubiquiti-m5.snmprec.bz2"), "--explain")
    assert [one["name"] for one in data["interfaces"]][:3] == ["lo", "eth0", "eth1"]
    whys = [one["why"] for one in data["missing"] if one["what"] == "interfaces"]
    assert whys[0].startswith("the agent gives no ifName, so interfaces are known by ifDescr,")
    by = {one["object"]: one["by"] for one in data["explain"]["read"]}
    assert by["ifName"].startswith("collectors/generic-if-mib.yaml:")


def test_a_device_without_any_name_is_given_none(capsys: pytest.CaptureFixture[str]) -> None:
    data = seen(capsys, str(DATA / "UPS/vertiv-power.snmprec.bz2"))
    assert data["interfaces"] == []
    (why,) = [one["why"] for one in data["missing"] if one["what"] == "interfaces"]
    assert why.startswith("the agent shows 2 and no ifName or ifDescr of any, by which netmon tells interfaces apart;")


def test_tables_for_people_fit_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "network/switch/cisco-n5000.snmprec.bz2")
    assert run(["collectors", "test", path, "--explain"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.startswith("cisco-n5000 (cisco-nx-os), up 257d19h")
    assert "< port-channel41" in shown
    assert "recognised as cisco-nx-os, by collectors/cisco-nx-os.yaml:" in shown


def test_explain_names_the_line_of_each_object(capsys: pytest.CaptureFixture[str]) -> None:
    explained = seen(capsys, SWITCH, "--explain")["explain"]
    assert explained["recognised"].startswith("generic-if-mib, because no other profile knows sysObjectID 1.3.6.1.4.1.")
    by = {one["object"]: one["by"] for one in explained["read"]}
    assert by["ifHCInOctets"].startswith("collectors/generic-if-mib.yaml:")
    assert by["ifStackStatus"] == "netmon itself"
    assert {one["object"] for one in explained["skipped"]} & {"ifInOctets"}


def test_a_profile_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    data = seen(capsys, SWITCH, "--profile", "linux", "--explain")
    assert data["platform"] == "linux"
    assert data["explain"]["recognised"] == "linux, because it was asked for; none of its rules holds"


def test_a_profile_beside_the_configuration_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "collectors"
    folder.mkdir()
    (folder / "converter.yaml").write_text(
        "description: media converters\nrecognise: [{sys_object_id: 1.3.6.1.4.1}]\n", encoding="utf-8"
    )
    (tmp_path / "netmon.yaml").write_text("site: {name: x}\n", encoding="utf-8")
    for given in (tmp_path, tmp_path / "netmon.yaml"):
        assert seen(capsys, SWITCH, "-c", str(given))["platform"] == "converter"


def test_a_recording_of_snmpwalk_is_read_the_same_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "edge-1.walk"
    path.write_text(
        ".1.3.6.1.2.1.1.1.0 = STRING: Linux edge-1\n"
        ".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.8072.3.2.10\n"
        ".1.3.6.1.2.1.1.3.0 = Timeticks: (12345) 0:02:03.45\n"
        ".1.3.6.1.2.1.2.2.1.8.2 = INTEGER: up(1)\n"
        ".1.3.6.1.2.1.31.1.1.1.1.2 = STRING: eth0\n"
        ".1.3.6.1.2.1.31.1.1.1.6.2 = Counter64: 100\n"
        ".1.3.6.1.2.1.31.1.1.1.10.2 = Counter64: 200\n",
        encoding="utf-8",
    )
    data = seen(capsys, str(path))
    assert (data["router"], data["platform"], data["uptime_seconds"]) == ("edge-1", "linux", 123)
    (eth0,) = data["interfaces"]
    assert (eth0["in_octets"], eth0["out_octets"], eth0["oper_status"]) == (100, 200, "up")


def test_a_recording_without_an_uptime_gives_none_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "part.snmprec"
    path.write_text(
        "1.3.6.1.2.1.31.1.1.1.1.2|4|eth0\n1.3.6.1.2.1.31.1.1.1.6.2|70|1\n1.3.6.1.2.1.31.1.1.1.10.2|70|2\n",
        encoding="utf-8",
    )
    data = seen(capsys, str(path))
    assert data["uptime_seconds"] is None
    assert data["missing"][0] == {
        "what": "recording",
        "why": "the recording has no sysUpTime.0 (1.3.6.1.2.1.1.3.0); its uptime is not known",
    }
    assert run(["collectors", "test", str(path)]) == 0
    assert capsys.readouterr().out.startswith("part (generic-if-mib), uptime not known")


def test_a_bad_line_is_one_sentence_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.snmprec"
    path.write_text("1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.1.5.0|77|x\n", encoding="utf-8")
    assert run(["collectors", "test", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{path}:2:1: '77' is not a type; use 2, 4,")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["/nowhere.walk"], "netmon: Invalid value for 'RECORDING': File '/nowhere.walk' does not exist"),
        ([SWITCH, "--profile", "lunix"], "netmon: no platform is called lunix; did you mean linux?"),
    ],
)
def test_what_is_wrongly_asked_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["collectors", "test", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(sentence)
    assert len(err.splitlines()) == 1
