"""Dialects as data: what is loaded, what is refused, and that no name can become a command."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.model import Direction, Faces
from netmon.routers.dialects import (
    OF_ADOPTION,
    OF_HIERARCHIES,
    Dialect,
    DialectError,
    DialectSettings,
    Names,
    Verb,
    Way,
    load_dialect,
    load_settings,
    way_of,
)
from netmon.routers.quoting import UnsafeValueError, quote_routeros, quote_shell

POLICIES = Path(__file__).parents[2] / "policies" / "enforcement"
LINUX, ROUTEROS = (load_dialect(platform, [POLICIES]) for platform in ("linux", "routeros"))
BOTH = pytest.mark.parametrize("dialect", [LINUX, ROUTEROS], ids=["linux", "routeros"])
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)


def values(dialect: Dialect, circuit: str = "dinkes-main", interface: str = "ether2") -> dict[str, object]:
    names = Names.of(circuit)
    return {
        **dialect.values_for(Way.INGRESS, 8_000_000),
        "interface": interface,
        "object": names.object,
        "device": names.device,
        "minor": names.minor,
        "username": "netmon",
        "arm": "i1",
        "seconds": 60,
        "units": 60,
        "guarded": 1,
        "restore": ("true",),
        "removal": ("true",),
        "token": "i1",
        "owner": "office",
        "revision": 7,
        "ingress_bps": 8_000_000,
        "egress_bps": 0,
    }


SHARED: dict[str, object] = {
    "floor_bps": 2_000_000,
    "floor_burst_bytes": 16_000,
    "weight": 3,
    "priority": 5,
    "parent": "1",
    "tiers": (("1", "0", 8_000_000, 8_000_000, 20_000, 20_000),),
    "preference": 7,
    "side": "dst",
    "told": ((("10.10.1.0/24",), ("2001:db8:1::/48",), ()),),
    "marks": ((Names.of("dinkes-main").object, ("10.10.1.0/24",), ("2001:db8:1::/48",), ()),),
    "emptied": ("2", "1"),
    "leaf": Names.of("dinkes-main").object,
    "ipv4": ("10.10.1.0/24",),
    "ipv6": ("2001:db8:1::/48",),
}


FOREIGN: dict[str, object] = {"kind": "policer", "name": "boss", "setting": ("firewall", "policer", "boss")}


def test_the_way_of_a_direction_depends_on_whom_the_port_faces() -> None:
    assert way_of(Direction.DOWNLOAD, Faces.AGENCY) is Way.EGRESS
    assert way_of(Direction.UPLOAD, Faces.AGENCY) is Way.INGRESS
    assert way_of(Direction.DOWNLOAD, Faces.PROVINCE) is Way.INGRESS
    assert way_of(Direction.UPLOAD, Faces.PROVINCE) is Way.EGRESS


@BOTH
def test_every_bundled_verb_renders_with_what_enforcement_gives_it(dialect: Dialect) -> None:
    for verb in set(Verb) - OF_HIERARCHIES:
        for way in Way:
            dialect.commands(verb, {**values(dialect), **FOREIGN, "way": way.value})
    for verb in OF_HIERARCHIES if dialect.settings.hierarchy else ():
        for way in Way:
            dialect.commands(verb, {**values(dialect), **SHARED, "way": way.value})


def test_a_platform_without_a_hierarchy_needs_no_templates_for_one_and_says_so() -> None:
    ios = load_dialect("ios", [POLICIES])
    with pytest.raises(DialectError, match="ios has no hierarchy of its own"):
        ios.commands(Verb.SET_SHARED, {**values(ios), **SHARED})


def test_on_routeros_a_shared_port_is_told_queues_and_marks_of_both_families() -> None:
    leaf = Names.of("dinkes-main").object
    of_the_port: dict[str, object] = {"tiers": (("NM-P", "root", 8_000_000, 9_000_000, 0, 0),), "parent": "NM-P"}
    told = ROUTEROS.commands(Verb.SET_SHARED, {**values(ROUTEROS), **SHARED, **of_the_port, "way": "egress"})
    assert 'name="NM-P.egress" parent="ether2" limit-at=8000000 max-limit=9000000 comment="netmon on ether2"' in told[0]
    placed = f'parent="NM-P.egress" packet-mark="{leaf}.egress" limit-at=2000000 max-limit=8000000 priority=6'
    assert f'name="{leaf}.egress" {placed} comment="netmon on ether2"' in told[1]
    for line, menu, prefix in zip(told[2:], ("ip", "ipv6"), ("10.10.1.0/24", "2001:db8:1::/48"), strict=True):
        note = f'comment="netmon on ether2: {leaf}.egress"'
        assert line == (
            f"/{menu} firewall mangle remove [/{menu} firewall mangle find where {note}]; :foreach p in=[:toarray"
            f' "{prefix}"] do={{/{menu} firewall mangle add chain=forward out-interface="ether2" dst-address=$p'
            f' action=mark-packet new-packet-mark="{leaf}.egress" passthrough=no {note}}}'
        )
    above_only = {**values(ROUTEROS), **SHARED, **of_the_port, "way": "ingress", "bps": 0}
    above = ROUTEROS.commands(Verb.SET_SHARED, above_only)
    assert len(above) == 1
    assert 'parent="global"' in above[0]


def test_a_shared_port_is_told_one_class_and_its_filters_of_both_families() -> None:
    told = LINUX.commands(Verb.SET_SHARED, {**values(LINUX), **SHARED, "way": "egress"})
    minor = Names.of("dinkes-main").minor
    assert f"parent 4e4d:1 classid 4e4d:{minor} htb rate 2000000bit ceil 8000000bit" in told[2]
    assert told[2].endswith(f"prio 5 quantum {3 * 1514}")
    add = "tc filter add dev ether2 parent 4e4d: protocol all pref 7 u32 match u8"
    flow = f'"$p" flowid 4e4d:{minor} || exit 1; done;'
    assert told[4].split(" 2>/dev/null; ")[1] == (
        f"( for p in 10.10.1.0/24; do {add} 0x40 0xf0 at 0 match ip dst {flow}"
        f" for p in 2001:db8:1::/48; do {add} 0x60 0xf0 at 0 match ip6 dst {flow} )"
    )
    assert len(LINUX.commands(Verb.SET_SHARED, {**values(LINUX), **SHARED, "way": "egress", "bps": 0})) == 2


def test_on_linux_code_points_are_compared_with_the_field_of_each_family() -> None:
    of_the_circuit = {"told": ((("10.10.1.0/24",), ("2001:db8:1::/48",), ((0x20, 0xFC), (0x80, 0x80))),)}
    told = LINUX.commands(Verb.SET_SHARED, {**values(LINUX), **SHARED, **of_the_circuit, "way": "egress"})[4]
    assert told.count("; do for d in 0x20/0xfc 0x80/0x80; do tc filter add ") == 2
    assert 'match ip dst "$p" match ip tos ${d%/*} ${d#*/} flowid' in told
    assert 'match ip6 dst "$p" match ip6 priority ${d%/*} ${d#*/} flowid' in told


def test_on_routeros_what_others_have_of_a_prefix_is_marked_as_theirs_first() -> None:
    leaf = Names.of("dinkes-main").object
    marks = {"marks": (("NM-OTHER", ("10.10.1.0/24",), (), (8, 10)), *SHARED["marks"])}  # type: ignore[misc]
    four, six = ROUTEROS.commands(Verb.SET_SHARED, {**values(ROUTEROS), **SHARED, **marks, "way": "egress"})[2:]
    add = '/ip firewall mangle add chain=forward out-interface="ether2" dst-address=$p'
    told = f'passthrough=no comment="netmon on ether2: {leaf}.egress"'
    each = ':foreach p in=[:toarray "10.10.1.0/24"] do={'
    theirs = f'{add} dscp=$d action=mark-packet new-packet-mark="NM-OTHER.egress" {told}'
    mine = f'{add} action=mark-packet new-packet-mark="{leaf}.egress" {told}'
    assert four.split("; ")[1:] == [
        f'{each}:foreach d in=[:toarray "8,10"] do={{{theirs}}}}}',
        f"{each}{mine}}}",
    ]
    assert "dscp" not in six, "the other circuit has no IPv6 prefix of this one's"


@given(PRINTABLE.filter(str.strip))
def test_names_come_from_the_id_alone_and_fit_their_platforms(circuit: str) -> None:
    names = Names.of(circuit)
    assert names == Names.of(circuit)
    assert re.fullmatch(r"NM-[0-9A-F]{8}-[A-Z0-9]([A-Z0-9-]{0,18}[A-Z0-9])?", names.object)
    assert re.fullmatch(r"nm[0-9a-f]{8}", names.device)
    assert 1 <= int(names.minor, 16) <= 0xFFFE
    assert names.minor == f"{int(names.minor, 16):x}"


@BOTH
@pytest.mark.parametrize("name", ["", "ether2\n/user add", "ether2\r", "caf\u00e9", "a\x1b[A", "tab\t"])
def test_a_name_that_is_not_one_printable_line_is_refused(dialect: Dialect, name: str) -> None:
    with pytest.raises(UnsafeValueError, match="interface"):
        dialect.commands(Verb.IDENTITY, values(dialect, interface=name))
    with pytest.raises(UnsafeValueError):
        Names.of(name)


@given(PRINTABLE)
def test_a_shell_reads_every_interface_name_as_one_word(name: str) -> None:
    assert shlex.split(quote_shell(name)) == [name]
    for verb in (Verb.IDENTITY, Verb.READ, Verb.SET, Verb.REMOVE):
        for command in LINUX.commands(verb, values(LINUX, interface=name)):
            plain = LINUX.commands(verb, values(LINUX, interface="IFNAME"))
            assert command in {line.replace("IFNAME", quote_shell(name)) for line in plain}


@given(PRINTABLE)
@settings(max_examples=60)
def test_the_undo_script_of_a_shell_is_each_line_as_it_was_meant(name: str) -> None:
    lines = LINUX.commands(Verb.REMOVE, values(LINUX, interface=name))
    script = LINUX.commands(Verb.ARM, {**values(LINUX, interface=name), "restore": lines})[1]
    words = shlex.split(script)
    assert tuple(words[3:-3]) == lines
    assert words[-2:] == [">", "/run/netmon/i1.undo"]


@given(PRINTABLE)
@settings(max_examples=60)
def test_the_lines_that_end_a_limit_are_kept_as_they_were_meant(name: str) -> None:
    lines = LINUX.commands(Verb.REMOVE, values(LINUX, interface=name))
    script = LINUX.commands(Verb.EXPIRE, {**values(LINUX, interface=name), "removal": lines})[1]
    words = shlex.split(script)
    assert tuple(words[3:-3]) == lines
    assert words[-1] == f"/run/netmon/{Names.of('dinkes-main').object}.ingress.i1.sh"


@given(PRINTABLE)
def test_routeros_reads_every_interface_name_as_one_string(name: str) -> None:
    quoted = quote_routeros(name)
    assert re.fullmatch(r'"(?:[^"\\$?]|\\["\\$]|\\3F)*"', quoted)
    back = re.sub(r'\\(3F|["\\$])', lambda m: "?" if m[1] == "3F" else m[1], quoted[1:-1])
    assert back == name


def test_rates_burst_and_queue_are_what_the_device_can_hold() -> None:
    assert LINUX.values_for(Way.EGRESS, 999_999)["bps"] == 999_992
    assert LINUX.values_for(Way.EGRESS, 100_000)["burst_bytes"] == 16_000
    assert LINUX.values_for(Way.EGRESS, 100_000_000)["burst_bytes"] == 250_000
    assert LINUX.values_for(Way.EGRESS, 100_000_000)["queue_bytes"] == 1_250_000
    assert ROUTEROS.values_for(Way.EGRESS, 999_999)["bps"] == 999_999
    assert LINUX.settings.rate.same(8_000_000, 7_950_000)
    assert not LINUX.settings.rate.same(8_000_000, 7_900_000)
    assert not ROUTEROS.settings.rate.same(8_000_000, 7_999_999)


def test_the_settings_alone_are_read_without_a_single_template(tmp_path: Path) -> None:
    (tmp_path / "linux").mkdir()
    shutil.copy(POLICIES / "linux" / "dialect.yaml", tmp_path / "linux")
    assert load_settings("linux", [tmp_path]) == LINUX.settings
    with pytest.raises(DialectError, match="not a platform's name"):
        load_settings("../linux", [tmp_path])


def copy_of_linux(folder: Path) -> Path:
    shutil.copytree(POLICIES / "linux", folder / "linux")
    return folder / "linux"


def test_the_configurations_own_file_comes_before_the_bundled(tmp_path: Path) -> None:
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "save.j2").write_text("{# ours #}\nsave {{ object | q }}\n")
    dialect = load_dialect("linux", [tmp_path, POLICIES])
    assert dialect.commands(Verb.SAVE, values(dialect)) == (f"save {Names.of('dinkes-main').object}",)
    assert dialect.settings == LINUX.settings


@pytest.mark.parametrize(
    ("old", "new", "marked", "said"),
    [
        ("device_type: linux", "device_type: Linux!", "device_type", "device_type"),
        ("  - '^Error: '", "  - 'Error: '", "errors:", "begin it with ^"),
        ("  - '^Error: '", "  - '^Error(: '", "errors:", "not a regular expression"),
        ("readback: tc", "readback: acme", "readback", "readback"),
        ("  unit_bps: 8", "  unit_bps: 0", "  unit_bps", "rate.unit_bps"),
        ("expiry: true", "expires: true", "expires", "expires: Extra"),
        ("revert: {kind: job}", "revert: {kind: later}", "revert", "revert.kind"),
        ("revert: {kind: job}", "revert: {kind: job, most_s: 1, least_s: 5}", "revert", "shortest timer"),
        (r"prompt: '[^\r\n]*[#$] ?\Z'", "prompt: '[#$]'", "prompt", "end it with"),
        ("completed: '__rc{n}=(\\d+)\\s*$'", "completed: '__rc{n}=.*'", "completed", "one group"),
        ("; echo __rc{n}=$?", "; echo done $?", "completion", "put {n} into it"),
        ("quoting: shell", "quoting: sh", "quoting", "'sh' is not a way to quote"),
        ("quoting: shell", "quoting: [shell", "", "correct the YAML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file_and_line(
    tmp_path: Path, old: str, new: str, marked: str, said: str
) -> None:
    path = copy_of_linux(tmp_path) / "dialect.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DialectError) as error:
        load_dialect("linux", [tmp_path])
    line = next(n for n, written in enumerate(path.read_text().splitlines(), 1) if written.startswith(marked))
    told = [message for message in str(error.value).splitlines() if said in message]
    assert len(told) == 1, error.value
    assert told[0].startswith(f"{path}:{line}:" if marked else f"{path}:")


def test_a_broken_template_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    path = copy_of_linux(tmp_path) / "set.j2"
    path.write_text("tc\n{% if %}\n")
    with pytest.raises(DialectError, match=rf"{re.escape(str(path))}:2: "):
        load_dialect("linux", [tmp_path])
    path.write_text("tc {{ colour }}\n")
    with pytest.raises(DialectError, match=r"set\.j2: 'colour' is undefined"):
        load_dialect("linux", [tmp_path]).commands(Verb.SET, values(LINUX))
    path.unlink()
    with pytest.raises(DialectError, match=r"set\.j2 is missing"):
        load_dialect("linux", [tmp_path])


@pytest.mark.parametrize("platform", ["../linux", "", "Linux", "/etc"])
def test_a_platform_that_is_no_folder_name_is_refused(platform: str) -> None:
    with pytest.raises(DialectError, match="not a platform's name"):
        load_dialect(platform, [POLICIES])
    with pytest.raises(DialectError, match=r"dialect\.yaml is missing"):
        load_dialect("acme", [POLICIES])


def test_settings_are_frozen_and_refuse_unknown_keys() -> None:
    assert DialectSettings.model_config["frozen"] is True
    assert DialectSettings.model_config["extra"] == "forbid"


def test_a_platform_without_the_two_verbs_of_adoption_says_that_it_cannot(tmp_path: Path) -> None:
    shutil.copytree(POLICIES / "linux", tmp_path / "linux")
    assert load_dialect("linux", [tmp_path]).adopts
    for verb in OF_ADOPTION:
        (tmp_path / "linux" / f"{verb}.j2").unlink()
    bare = load_dialect("linux", [tmp_path])
    assert not bare.adopts
    with pytest.raises(DialectError, match="cannot set anything aside on linux"):
        bare.commands(Verb.SET_ASIDE, {**values(bare), **FOREIGN})
