from __future__ import annotations

from pathlib import Path

import pytest

from netmon.bundled import folder
from netmon.core.model import NANOSECONDS
from netmon.routers.mib import DECODERS, OBJECTS
from netmon.routers.profiles import NUMBER_COLUMNS, TEXT_COLUMNS, ProfileError, Profiles, Quirks, load_profiles
from netmon.snmp.oid import parse_oid

BUNDLED = folder("collectors")


@pytest.fixture(scope="module")
def bundled() -> Profiles:
    return load_profiles([BUNDLED])


def faults_of(directory: Path, text: str, name: str = "box.yaml") -> str:
    """What load_profiles says about one more file, without the directory's path."""
    (directory / name).write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as refused:
        load_profiles([directory, BUNDLED])
    return str(refused.value).replace(f"{directory}/", "")


@pytest.mark.parametrize(
    ("object_id", "descr", "platform"),
    [
        ("1.3.6.1.4.1.8072.3.2.10", "Linux vm 6.1.0-18-amd64 #1 SMP", "linux"),
        ("1.3.6.1.4.1.8072.3.2.8", "FreeBSD gate 14.1-RELEASE", "generic-if-mib"),
        ("1.3.6.1.4.1.14988.1", "RouterOS CCR2004-16G-2S+", "routeros"),
        ("1.3.6.1.4.1.9.1.1208", "Cisco IOS Software, C2960 Software, Version 15.0(2)SE", "cisco-ios"),
        ("1.3.6.1.4.1.9.1.2494", "Cisco IOS Software [Amsterdam], Catalyst L3 Switch Software", "cisco-ios"),
        ("1.3.6.1.4.1.9.1.122", "Cisco Internetwork Operating System Software \r\nIOS (tm) 3600", "cisco-ios"),
        ("1.3.6.1.4.1.9.1.2137", "Cisco IOS XR Software (NCS-5500), Version 7.3.2", "generic-if-mib"),
        ("1.3.6.1.4.1.9.1.1407", "Cisco Adaptive Security Appliance Version 9.8(4)", "generic-if-mib"),
        ("1.3.6.1.4.1.2636.1.1.1.2.21", "Juniper Networks, Inc. mx960 internet router, kernel JUNOS 17.3R3", "junos"),
        ("1.3.6.1.4.1.2011.2.23.339", "S5720-28X\r\nHuawei Versatile Routing Platform Software", "huawei-vrp"),
        ("1.3.6.1.4.1.4526.100.1", "GS108T", "generic-if-mib"),
    ],
)
def test_a_router_is_recognised_by_what_it_says_of_itself(
    bundled: Profiles, object_id: str, descr: str, platform: str
) -> None:
    assert bundled.recognise(parse_oid(object_id), descr).platform == platform


@pytest.mark.parametrize(("object_id", "descr"), [(None, None), ((), ""), ((0, 0), "x" * 4000)])
def test_recognition_never_fails(bundled: Profiles, object_id: tuple[int, ...] | None, descr: str | None) -> None:
    assert bundled.recognise(object_id, descr).platform == "generic-if-mib"


def test_every_profile_has_every_column_and_the_platform_of_its_file(bundled: Profiles) -> None:
    generic = bundled.named("generic-if-mib")
    assert bundled.names == ("cisco-ios", "generic-if-mib", "huawei-vrp", "junos", "linux", "routeros")
    for name in bundled.names:
        assert bundled.named(name).platform == name
        assert bundled.named(name).interfaces.keys() == generic.interfaces.keys()


def test_linux_says_what_net_snmp_cannot_do(bundled: Profiles) -> None:
    linux = bundled.named("linux")
    assert linux.quirks.counter_refresh == 3 * NANOSECONDS
    assert linux.quirks.alias_empty
    assert linux.enforcement == "linux"
    assert bundled.named("routeros").enforcement == "routeros"
    assert bundled.named("junos").enforcement is None


def test_a_platform_that_does_not_exist_is_refused_with_the_nearest_one(bundled: Profiles) -> None:
    with pytest.raises(ProfileError, match=r"no platform is called router-os; did you mean routeros\?"):
        bundled.named("router-os")


def test_the_longest_prefix_wins_and_a_description_decides_between_equals(tmp_path: Path) -> None:
    for name, rule in {
        "a-vendor": "{sys_object_id: 1.3.6.1.4.1.77}",
        "b-family": "{sys_object_id: 1.3.6.1.4.1.77.2}",
        "c-described": "{sys_object_id: 1.3.6.1.4.1.77.2, sys_descr: Turbo}",
        "d-words-only": "{sys_descr: Turbo}",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(f"description: x\nrecognise: [{rule}]\n")
    profiles = load_profiles([tmp_path, BUNDLED])
    assert profiles.recognise(parse_oid("1.3.6.1.4.1.77.1"), "Turbo").platform == "a-vendor"
    assert profiles.recognise(parse_oid("1.3.6.1.4.1.77.2.1"), "plain").platform == "b-family"
    assert profiles.recognise(parse_oid("1.3.6.1.4.1.77.2.1"), "Turbo 9").platform == "c-described"
    assert profiles.recognise(parse_oid("1.3.6.1.4.1.770"), "Turbo 9").platform == "d-words-only"


def test_an_earlier_directory_wins_and_a_missing_one_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "linux.yaml").write_text(
        "description: ours\nrecognise: [{sys_descr: Linux}]\nquirks: {counter_refresh: 15s}\n"
        "interfaces:\n  in_errors: [{object: 1.3.6.1.4.1.77.5.1, decoder: integer}]\n"
    )
    linux = load_profiles([tmp_path / "absent", tmp_path, BUNDLED]).named("linux")
    assert linux.description == "ours"
    assert linux.quirks.counter_refresh == 15 * NANOSECONDS
    assert linux.enforcement is None
    assert linux.interfaces["in_errors"][0].object == (1, 3, 6, 1, 4, 1, 77, 5, 1)
    assert linux.interfaces["out_errors"][0].object == OBJECTS["ifOutErrors"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "description: x\nrecognize: []\n",
            "box.yaml:2:1: recognize: unknown key; did you mean recognise?",
        ),
        ("quirks: {}\n", "box.yaml:1:1: description: missing; add it"),
        (
            "description: x\nrecognise:\n  - sys_object_id: 1.3.x\n",
            "box.yaml:3:5: recognise.0.sys_object_id: '1.3.x' is not an object identifier",
        ),
        (
            "description: x\nrecognise:\n  - {sys_descr_regex: '('}\n",
            "box.yaml:3:6: recognise.0.sys_descr_regex: not a regular expression: missing ), unterminated",
        ),
        (
            "description: x\nrecognise: [{}]\n",
            "box.yaml:2:13: recognise.0: an empty rule; give sys_object_id, sys_descr or sys_descr_regex",
        ),
        (
            "description: x\ninterfaces:\n  alias:\n    - object: ifAlais\n      decoder: text\n",
            "box.yaml:4:7: interfaces.alias.0.object: ifAlais is not a MIB object netmon knows; did you mean ifAlias?",
        ),
        (
            "description: x\ninterfaces:\n  alias:\n    - {object: ifAlias, decoder: txt}\n",
            "box.yaml:4:25: interfaces.alias.0.decoder: 'txt' is not a decoder; use one of text, mac, integer",
        ),
        (
            "description: x\ninterfaces:\n  in_octet:\n    - {object: ifInOctets, decoder: counter32}\n",
            "box.yaml:2:1: interfaces: no column is called in_octet; did you mean in_octets?",
        ),
        (
            "description: x\ninterfaces:\n  in_octets:\n    - {object: ifInOctets, decoder: integer}\n",
            "column in_octets cannot be decoded by integer; use counter64, counter32",
        ),
        (
            "description: x\nquirks:\n  counter_refresh: 15\n",
            "box.yaml:3:3: quirks.counter_refresh: a number without a unit; write for example 30s",
        ),
        (
            "description: x\nquirks:\n  max_varbinds: 4\n",
            "box.yaml:3:3: quirks.max_varbinds: Input should be greater than or equal to 16; see docs/collectors.md",
        ),
        ("description: x\ndescription: y\n", "box.yaml:2:1: description is written twice; remove one"),
        ("description: [x\n", "box.yaml:2:1: did not find expected ',' or ']'; correct the YAML"),
        ("? [a, b]\n: c\n", "box.yaml:1:3: found unhashable key; correct the YAML"),
        ("- x\n", "box.yaml:1:1: holds no keys; begin with `description:`, see docs/collectors.md"),
        ("", "box.yaml:1:1: holds no keys"),
    ],
)
def test_a_fault_names_its_file_line_column_path_and_remedy(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults_of(tmp_path, text)


def test_the_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("description: x\nenforcment: linux\nquirks: {alias_emty: true}\n")
    told = faults_of(tmp_path, "recognise: {}\n", "two.yaml").splitlines()
    assert told == [
        "one.yaml:2:1: enforcment: unknown key; did you mean enforcement?",
        "one.yaml:3:10: quirks.alias_emty: unknown key; did you mean alias_empty?",
        "two.yaml:1:1: description: missing; add it",
        "two.yaml:1:1: recognise: Input should be a valid tuple; see docs/collectors.md",
    ]


def test_a_file_that_cannot_be_text_or_a_profile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"description: caf\xe9\n")
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 100_000)
    (tmp_path / "Upper Case.yaml").write_text("description: x\n")
    told = faults_of(tmp_path, "#" * 300_000, "large.yaml")
    assert "latin.yaml:1:1: not UTF-8 text; save it as UTF-8" in told
    assert "deep.yaml:1:23: nested deeper than 20 levels; a profile needs four" in told
    assert "Upper Case.yaml:1:1: the file's name is the platform's" in told
    assert "large.yaml:1:1: larger than 262144 bytes" in told


def test_without_the_generic_profile_nothing_can_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"generic-if-mib\.yaml is missing .*; add the bundled collectors folder"):
        load_profiles([tmp_path])


def test_the_generic_profile_must_name_every_column(tmp_path: Path) -> None:
    assert "generic-if-mib.yaml:1:1: interfaces: alias, mac, type," in faults_of(
        tmp_path, "description: x\n", "generic-if-mib.yaml"
    )


def test_every_object_decoder_column_and_quirk_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "collectors.md").read_text(encoding="utf-8")
    named = {*OBJECTS, *DECODERS, *TEXT_COLUMNS, *NUMBER_COLUMNS, *Quirks.model_fields}
    assert {name for name in named if name not in text} == set()


def test_the_documented_example_is_a_valid_profile(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "collectors.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "example.yaml").write_text(example)
    profile = load_profiles([tmp_path, BUNDLED]).named("example")
    assert profile.quirks.max_varbinds == 22
    assert profile.enforcement == "linux"
