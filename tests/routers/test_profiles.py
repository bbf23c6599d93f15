from __future__ import annotations

from pathlib import Path

import pytest

from netmon.bundled import folder
from netmon.core.model import NANOSECONDS
from netmon.routers.health_profile import Condition, Enumeration, HealthKind, HealthSource, Measure, Name, Status
from netmon.routers.mib import DECODERS
from netmon.routers.objects import OBJECTS
from netmon.routers.profile_file import ProfileFile
from netmon.routers.profiles import NUMBER_COLUMNS, TEXT_COLUMNS, ProfileError, Profiles, Quirks, load_profiles
from netmon.routers.recognition import Recognition
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
        ("1.3.6.1.4.1.9.1.1861", "Cisco IOS XE Software, Version 17.03.04", "cisco-ios"),
        ("1.3.6.1.4.1.9.1.2137", "Cisco IOS XR Software (NCS-5500), Version 7.3.2", "cisco-ios-xr"),
        ("1.3.6.1.4.1.9.12.3.1.3.1084", "Cisco NX-OS(tm) n5000, Software (n5000-uk9)", "cisco-nx-os"),
        ("1.3.6.1.4.1.9.12.3.1.3.1955", "Cisco NX-OS(tm) Nexus9000 93180YC-EX, Software (NXOS 64-bit)", "cisco-nx-os"),
        ("1.3.6.1.4.1.9.1.1407", "Cisco Adaptive Security Appliance Version 9.8(4)", "generic-if-mib"),
        ("1.3.6.1.4.1.2636.1.1.1.2.21", "Juniper Networks, Inc. mx960 internet router, kernel JUNOS 17.3R3", "junos"),
        ("1.3.6.1.4.1.2011.2.23.339", "S5720-28X\r\nHuawei Versatile Routing Platform Software", "huawei-vrp"),
        ("1.3.6.1.4.1.2011.2.279.3", "S12704", "huawei-vrp"),
        ("1.3.6.1.4.1.2011.2.62.2.9", "", "huawei-vrp"),
        ("1.3.6.1.4.1.2011.2.62.2.9", "VRP (R) software, Version 8.180 (NE40E V800R010C10)", "huawei-vrp8"),
        ("1.3.6.1.4.1.2011.2.62.2.5", "VRP (R) software, Version 5.160 (NE40E V600R009C20)", "huawei-vrp"),
        ("1.3.6.1.4.1.2011.2.224.4", "VRP (R) software, Version 5.170 (AR2200 V200R010C00)", "huawei-ar"),
        ("1.3.6.1.4.1.2011.2.235", "Hardware management system", "generic-if-mib"),
        ("1.3.6.1.4.1.30803", "Vyatta unknown-version", "vyos"),
        ("1.3.6.1.4.1.30803", "Another maker's firewall", "generic-if-mib"),
        ("1.3.6.1.4.1.44641", "VyOS 1.4.0", "vyos"),
        ("1.3.6.1.4.1.41112.1.5", "EdgeOS v2.0.9-hotfix.7.5622762.230615.0857", "edgeos"),
        ("1.3.6.1.4.1.41112.1.4", "Linux 2.6.32.61 #1 mips", "generic-if-mib"),
        ("1.3.6.1.4.1.8072.3.2.10", "VyOS 1.3.2", "vyos"),
        ("1.3.6.1.4.1.6527.1.3.17", "TiMOS-C-20.10.R3 cpm/hops64 Nokia 7750 SR Copyright (c) 2000-2020", "nokia-timos"),
        ("1.3.6.1.4.1.6527.6.2.1.2.2.16", "TiMOS-B-8.0.R5 both/mpc ALCATEL SAS-M 7210", "nokia-timos"),
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
    assert bundled.names == (
        "cisco-ios",
        "cisco-ios-xr",
        "cisco-nx-os",
        "edgeos",
        "generic-if-mib",
        "huawei-ar",
        "huawei-vrp",
        "huawei-vrp8",
        "junos",
        "linux",
        "nokia-timos",
        "routeros",
        "vyos",
    )
    for name in bundled.names:
        assert bundled.named(name).platform == name
        assert bundled.named(name).interfaces.keys() == generic.interfaces.keys()


def test_linux_says_what_net_snmp_cannot_do(bundled: Profiles) -> None:
    linux = bundled.named("linux")
    assert linux.quirks.counter_refresh == 3 * NANOSECONDS
    assert linux.quirks.alias_empty
    assert linux.enforcement == "linux"
    assert bundled.named("routeros").enforcement == "routeros"
    assert bundled.named("nokia-timos").enforcement is None


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


def test_the_same_rule_in_two_profiles_is_refused_and_names_both_files(tmp_path: Path) -> None:
    told = faults_of(tmp_path, "description: x\nrecognise:\n  - sys_object_id: 1.3.6.1.4.1.14988.1\n", "ours.yaml")
    (fault,) = told.splitlines()
    assert fault.startswith(f"{BUNDLED}/routeros.yaml:")
    assert "the same rule as that of ours in ours.yaml:3; make one more specific, or remove it" in fault


def test_a_profile_of_the_same_name_may_extend_the_one_it_takes_the_place_of(tmp_path: Path, bundled: Profiles) -> None:
    (tmp_path / "junos.yaml").write_text(
        "extends: junos\nquirks: {max_varbinds: 30}\n"
        "health:\n  fan: []\n  cpu: {name: ours, value: {object: 1.3.6.1.4.1.2636.9.1, decoder: percent}}\n"
    )
    ours, theirs = load_profiles([tmp_path, BUNDLED]).named("junos"), bundled.named("junos")
    assert (ours.description, ours.recognise, ours.optics) == (theirs.description, theirs.recognise, theirs.optics)
    assert (ours.quirks.max_varbinds, ours.quirks.counter_refresh) == (30, theirs.quirks.counter_refresh)
    assert ours.health[HealthKind.FAN] == ()
    assert ours.health[HealthKind.CPU][0].name == ("ours",)
    assert ours.health[HealthKind.CPU][1:] == theirs.health[HealthKind.CPU]
    assert ours.health[HealthKind.MEMORY] == theirs.health[HealthKind.MEMORY]


def test_a_profile_of_another_name_takes_all_but_the_recognition(tmp_path: Path, bundled: Profiles) -> None:
    (tmp_path / "ccr.yaml").write_text("extends: routeros\nenforcement: null\n")
    profiles = load_profiles([tmp_path, BUNDLED])
    assert profiles.named("ccr").recognise == ()
    assert profiles.named("ccr").device == bundled.named("routeros").device
    assert profiles.named("ccr").enforcement is None
    assert profiles.recognise((1, 3, 6, 1, 4, 1, 14988, 1), "RouterOS").platform == "routeros"


def test_profiles_cannot_extend_one_another_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("extends: two\n")
    told = faults_of(tmp_path, "extends: one\n", "two.yaml")
    assert told == "two.yaml:1:1: extends: one is itself built on this profile; extend another"


def test_a_fault_of_an_extended_file_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("description: x\nhealht: {}\n")
    (tmp_path / "one.yaml").write_text("extends: base\n")
    assert (
        faults_of(tmp_path, "extends: base\n", "two.yaml") == "base.yaml:2:1: healht: unknown key; did you mean health?"
    )


def test_without_64_bit_counters_only_the_narrow_ones_are_read(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("description: x\nquirks: {counters_32_bit: true}\n")
    old = load_profiles([tmp_path, BUNDLED]).named("old")
    assert [source.object for source in old.interfaces["in_octets"]] == [OBJECTS["ifInOctets"]]


def test_what_names_interfaces_can_be_written_and_is_text(tmp_path: Path, bundled: Profiles) -> None:
    generic = [source.object for source in bundled.named("junos").interfaces["name"]]
    assert generic == [OBJECTS["ifName"], OBJECTS["ifDescr"]]
    (tmp_path / "old.yaml").write_text("description: x\ninterfaces: {name: [{object: ifDescr, decoder: text}]}\n")
    old = load_profiles([tmp_path, BUNDLED]).named("old")
    assert [source.object for source in old.interfaces["name"]] == [OBJECTS["ifDescr"]]
    told = faults_of(tmp_path, "description: x\ninterfaces: {name: [{object: ifDescr, decoder: mac}]}\n", "bad.yaml")
    assert told == "bad.yaml:2:1: interfaces: column name is compared octet by octet; decode it by text"


def test_every_part_that_is_read_knows_the_line_it_was_written_in(bundled: Profiles) -> None:
    for name in bundled.names:
        profile = bundled.named(name)
        path = BUNDLED / f"{name}.yaml"
        for parts in (*profile.interfaces.values(), *profile.health.values(), profile.optics, profile.recognise):
            for part in parts:
                assert part.place is not None
                line = part.place.path.read_text(encoding="utf-8").splitlines()[part.place.line - 1]
                assert line[part.place.column - 1 :].strip(), path
    first = bundled.named("junos").health[HealthKind.CPU][0]
    assert str(first.place).startswith("collectors/junos.yaml:")


def test_every_kind_of_health_can_be_read_on_every_makers_platform(bundled: Profiles) -> None:
    for name in bundled.names:
        profile = bundled.named(name)
        assert all(profile.health.get(kind) for kind in profile.health_expected), name


def test_no_status_is_the_profiles_own_invention(bundled: Profiles) -> None:
    statuses = {
        status
        for name in bundled.names
        for sources in bundled.named(name).health.values()
        for source in sources
        for enumeration in source.status
        for status in enumeration.values.values()
    }
    assert statuses == {*Status, None}


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
        ("description: &a x\nenforcement: *a\n", "box.yaml:2:14: a profile repeats nothing by reference; write it out"),
        ("description: x\nextends: box\n", "box.yaml:2:1: extends: no profile called box to extend; use one of"),
        ("extends: junoss\n", "box.yaml:1:1: extends: no profile called junoss to extend; did you mean junos?"),
        ("description: x\ndescription: y\n", "box.yaml:2:1: description is written twice; remove one"),
        ("description: [x\n", "box.yaml:2:1: did not find expected ',' or ']'; correct the YAML"),
        ("? [a, b]\n: c\n", "box.yaml:1:3: found unhashable key; correct the YAML"),
        ("- x\n", "box.yaml:1:1: holds no keys; begin with `description:`, see docs/collectors.md"),
        ("", "box.yaml:1:1: holds no keys"),
    ],
)
def test_a_fault_names_its_file_line_column_path_and_remedy(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults_of(tmp_path, text)


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        (
            "  cpu:\n    - {name: CPU, value: {object: hrProcessorLoad, decoder: celsius}}",
            "box.yaml:2:1: health: cpu is not measured in celsius; use a decoder for percent",
        ),
        ("  heat: []", "box.yaml:3:3: health.heat: Input should be 'cpu', 'memory', 'temperature'"),
        (
            "  fan:\n    - name: fan\n      status: {object: entStateOper, values: {1: fine}}",
            "box.yaml:5:47: health.fan.0.status.values.1: Input should be 'ok', 'warning', 'critical'",
        ),
        (
            "  fan:\n    - name: {objct: ifName}\n      status: {object: entStateOper, values: {1: ok}}",
            "box.yaml:4:14: health.fan.0.name.objct: unknown key; did you mean object?",
        ),
        (
            "  fan: {name: fan}",
            "box.yaml:3:3: health.fan: nothing to read; give value, two of used, free and total, or status",
        ),
        (
            "  memory: {name: m, used: {object: memAvailReal, decoder: kibibytes}}",
            "box.yaml:3:3: health.memory: two of used, free and total make a share, without value; correct it",
        ),
        (
            """  memory:
    name: m
    free: {object: memAvailReal, decoder: kibibytes}
    total: {object: hrStorageSize, decoder: storage_units}""",
            "box.yaml:3:3: health.memory: used, free and total are in different units; use decoders of one unit",
        ),
        (
            "  fan: {name: fan, value: {object: entPhySensorValue, decoder: entity_sensor}}",
            "health.fan.value: decoder entity_sensor takes 2 objects in with:, not 0; correct it",
        ),
        (
            "  fan: {name: fan, value: {object: ifAlias, decoder: text}}",
            "box.yaml:3:45: health.fan.value.decoder: text measures nothing; use one of percent,",
        ),
        (
            "  fan: {name: fan, where: {object: ifAlias}, value: {object: ifAlias, decoder: rpm}}",
            "box.yaml:3:20: health.fan.where: an empty condition; give is, above, like, unlike or transceiver",
        ),
        (
            "  fan:\n    name: {object: ifAlias, index: 1, by: ifType}\n    value: {object: ifType, decoder: rpm}",
            "box.yaml:4:5: health.fan.name: index and by exclude each other; keep one",
        ),
        (
            "  fan: {name: fan, combine: mean, status: {object: entStateOper, values: {1: ok}}}",
            "health.fan: combine needs a value; give one, or leave it out",
        ),
    ],
)
def test_a_fault_in_a_health_section_names_its_place_and_remedy(tmp_path: Path, section: str, fault: str) -> None:
    assert fault in faults_of(tmp_path, f"description: x\nhealth:\n{section}\n")


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
    assert "deep.yaml:1:23: nested deeper than 20 levels; a profile needs eight" in told
    assert "Upper Case.yaml:1:1: the file's name is the platform's" in told
    assert "large.yaml:1:1: larger than 262144 bytes" in told


def test_without_the_generic_profile_nothing_can_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"generic-if-mib\.yaml is missing .*; add the bundled collectors folder"):
        load_profiles([tmp_path])


def test_the_generic_profile_must_name_every_column(tmp_path: Path) -> None:
    assert "generic-if-mib.yaml:1:1: interfaces: name, alias, mac, type," in faults_of(
        tmp_path, "description: x\n", "generic-if-mib.yaml"
    )


def test_every_object_decoder_column_and_quirk_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "collectors.md").read_text(encoding="utf-8")
    named = {*OBJECTS, *DECODERS, *TEXT_COLUMNS, *NUMBER_COLUMNS, *HealthKind, *Status}
    for model in (ProfileFile, Quirks, HealthSource, Measure, Enumeration, Condition, Name, Recognition):
        named |= {field.alias or name for name, field in model.model_fields.items()}
    assert {name for name in named if name not in text} == set()


def test_the_documented_example_is_a_valid_profile(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "collectors.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "example.yaml").write_text(example)
    profile = load_profiles([tmp_path, BUNDLED]).named("example")
    assert profile.quirks.max_varbinds == 22
    assert profile.enforcement == "linux"
