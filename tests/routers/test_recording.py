"""Recordings: both forms in every shape they come in, and an agent that answers from one."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.processes import PATIENCE_S, free_port, running

from netmon.routers import recording_text
from netmon.routers.recording import RecordedAgent, Recording, load_recording
from netmon.routers.recording_text import RecordingError
from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Tag, Value
from netmon.snmp.errors import SnmpTooManyRowsError
from netmon.snmp.oid import Oid, format_oid, parse_oid
from netmon.snmp.template import build_templates

AGENT = Agent("recorded")
UPTIME = "1.3.6.1.2.1.1.3.0|67|12345\n"
NAMES: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)


def recorded(tmp_path: Path, text: str | bytes, name: str = "router.snmprec") -> Recording:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("latin-1"))
    return load_recording(path)


def values(recording: Recording) -> dict[str, tuple[int, Value]]:
    return {format_oid(row.oid): (row.tag, row.value) for row in map(recording.rows.at, range(len(recording.rows)))}


SNMPREC = [
    ("1.3.6.1.4.1.5.1|2|-7", Tag.INTEGER, -7),
    ("1.3.6.1.4.1.5.1|4|two words, a|bar", Tag.OCTET_STRING, b"two words, a|bar"),
    ("1.3.6.1.4.1.5.1|4|", Tag.OCTET_STRING, b""),
    ("1.3.6.1.4.1.5.1|4x|001B21aabbcc", Tag.OCTET_STRING, b"\x00\x1b\x21\xaa\xbb\xcc"),
    ("1.3.6.1.4.1.5.1|4x|", Tag.OCTET_STRING, b""),
    (r"1.3.6.1.4.1.5.1|4e|one\r\ntwo\x00\\", Tag.OCTET_STRING, b"one\r\ntwo\x00\\"),
    ("1.3.6.1.4.1.5.1|5|", Tag.NULL, None),
    ("1.3.6.1.4.1.5.1|6|1.3.6.1.4.1.9.1", Tag.OID, (1, 3, 6, 1, 4, 1, 9, 1)),
    ("1.3.6.1.4.1.5.1|6|.1.3.6", Tag.OID, (1, 3, 6)),
    ("1.3.6.1.4.1.5.1|64|10.0.0.254", Tag.IP_ADDRESS, b"\x0a\0\0\xfe"),
    ("1.3.6.1.4.1.5.1|64|J}M}", Tag.IP_ADDRESS, b"J}M}"),
    ("1.3.6.1.4.1.5.1|64x|0a0000fe", Tag.IP_ADDRESS, b"\x0a\0\0\xfe"),
    ("1.3.6.1.4.1.5.1|65|4294967295", Tag.COUNTER32, 2**32 - 1),
    ("1.3.6.1.4.1.5.1|66|0", Tag.GAUGE32, 0),
    ("1.3.6.1.4.1.5.1|67|1", Tag.TIME_TICKS, 1),
    ("1.3.6.1.4.1.5.1|68x|9f78043dcccccd", Tag.OPAQUE, b"\x9f\x78\x04\x3d\xcc\xcc\xcd"),
    ("1.3.6.1.4.1.5.1|70|18446744073709551615", Tag.COUNTER64, 2**64 - 1),
    (".1.3.6.1.4.1.5.1|2|1\r", Tag.INTEGER, 1),
    ("1.3.6.1.4.1.5.1|2|1  ", Tag.INTEGER, 1),
]


@pytest.mark.parametrize(("line", "tag", "value"), SNMPREC)
def test_each_type_of_a_snmprec_file_is_read(tmp_path: Path, line: str, tag: int, value: Value) -> None:
    recording = recorded(tmp_path, f"# a router\n\n{UPTIME}{line}\n")
    assert values(recording)["1.3.6.1.4.1.5.1"] == (tag, value)
    assert recording.notes == ()


WALKED = [
    ("INTEGER: 6", Tag.INTEGER, 6),
    ("INTEGER: -6", Tag.INTEGER, -6),
    ("INTEGER: up(1)", Tag.INTEGER, 1),
    ("INTEGER: other or none of the following(-1)", Tag.INTEGER, -1),
    ("INTEGER: 60 seconds", Tag.INTEGER, 60),
    ("INTEGER: 24.5 degrees", Tag.INTEGER, 245),
    ("Counter32: 12", Tag.COUNTER32, 12),
    ("Counter64: 18446744073709551615", Tag.COUNTER64, 2**64 - 1),
    ("Gauge32: 1000 kbps", Tag.GAUGE32, 1000),
    ("Unsigned32: 5", Tag.GAUGE32, 5),
    ("Timeticks: (123) 0:00:01.23", Tag.TIME_TICKS, 123),
    ("123", Tag.TIME_TICKS, 123),
    ("OID: .1.3.6.1.4.1.9.1.1", Tag.OID, (1, 3, 6, 1, 4, 1, 9, 1, 1)),
    ("OID: SNMPv2-SMI::enterprises.9.1.1", Tag.OID, (1, 3, 6, 1, 4, 1, 9, 1, 1)),
    ("OID: iso.3.6.1", Tag.OID, (1, 3, 6, 1)),
    ("OID: SNMPv2-SMI::zeroDotZero", Tag.OID, (0, 0)),
    ("IpAddress: 10.0.0.1", Tag.IP_ADDRESS, b"\x0a\0\0\x01"),
    ("Network Address: 0A:00:00:01", Tag.IP_ADDRESS, b"\x0a\0\0\x01"),
    ('STRING: "eth0"', Tag.OCTET_STRING, b"eth0"),
    ("STRING: eth0", Tag.OCTET_STRING, b"eth0"),
    ("STRING: ", Tag.OCTET_STRING, b""),
    ("STRING:", Tag.OCTET_STRING, b""),
    ('""', Tag.OCTET_STRING, b""),
    ('STRING: "say \\"hi\\" \\\\"', Tag.OCTET_STRING, b'say "hi" \\'),
    ('STRING: "a = INTEGER: 1"', Tag.OCTET_STRING, b"a = INTEGER: 1"),
    ("STRING: caf\xe9", Tag.OCTET_STRING, b"caf\xe9"),
    ("STRING: 0:1b:21:a:b:c", Tag.OCTET_STRING, b"\x00\x1b\x21\x0a\x0b\x0c"),
    ("Hex-STRING: 00 1B 21 AA BB CC ", Tag.OCTET_STRING, b"\x00\x1b\x21\xaa\xbb\xcc"),
    ("Hex-STRING: 41 42   [AB]", Tag.OCTET_STRING, b"AB"),
    ("Hex-STRING: 41 42   [AB]\n43 44   [CD]", Tag.OCTET_STRING, b"ABCD"),
    ("Hex-STRING: 41 42\n43 44\n45", Tag.OCTET_STRING, b"ABCDE"),
    ("BITS: 5B 00 1 3 4 6 7", Tag.OCTET_STRING, b"\x5b\x00"),
    ("BITS: ", Tag.OCTET_STRING, b""),
    ('STRING: "one\ntwo\n.1.3.6.1.4.1.5.9 = INTEGER: 5"', Tag.OCTET_STRING, b"one\ntwo\n.1.3.6.1.4.1.5.9 = INTEGER: 5"),
    ("STRING: Cisco IOS Software\r\nTechnical Support: http\r\n", Tag.OCTET_STRING, None),
    ("Opaque: Float: 0.1", Tag.OPAQUE, b"\x9f\x78\x04\x3d\xcc\xcc\xcd"),
    ("NULL", Tag.NULL, None),
    ("Wrong Type (should be Gauge32 or Unsigned32): INTEGER: 5", Tag.INTEGER, 5),
]


@pytest.mark.parametrize(("printed", "tag", "value"), WALKED)
def test_each_shape_that_snmpwalk_prints_is_read(tmp_path: Path, printed: str, tag: int, value: Value) -> None:
    text = (
        f".1.3.6.1.2.1.1.3.0 = Timeticks: (9) 0:00:00.09\n.1.3.6.1.4.1.5.1 = {printed}\n.1.3.6.1.4.1.5.2 = INTEGER: 1\n"
    )
    recording = recorded(tmp_path, text, "router.walk")
    found = values(recording)
    assert found["1.3.6.1.4.1.5.2"] == (Tag.INTEGER, 1)
    assert set(found) == {"1.3.6.1.2.1.1.3.0", "1.3.6.1.4.1.5.1", "1.3.6.1.4.1.5.2"}
    if "Cisco" in printed:
        value = b"Cisco IOS Software\nTechnical Support: http"
    assert found["1.3.6.1.4.1.5.1"] == (tag, value)


NAMED = [
    (".1.3.6.1.2.1.2.2.1.2.1", "1.3.6.1.2.1.2.2.1.2.1"),
    ("iso.3.6.1.2.1.2.2.1.2.1", "1.3.6.1.2.1.2.2.1.2.1"),
    ("IF-MIB::ifDescr.1", "1.3.6.1.2.1.2.2.1.2.1"),
    ("IF-MIB::ifHCInOctets.10101", "1.3.6.1.2.1.31.1.1.1.6.10101"),
    ("ifAlias.1", "1.3.6.1.2.1.31.1.1.1.18.1"),
    ("IF-MIB::ifName[7]", "1.3.6.1.2.1.31.1.1.1.1.7"),
    ("IF-MIB::ifStackStatus.5.1", "1.3.6.1.2.1.31.1.2.1.3.5.1"),
    ("SNMPv2-MIB::sysDescr.0", "1.3.6.1.2.1.1.1.0"),
    ("RFC1213-MIB::sysDescr.0", "1.3.6.1.2.1.1.1.0"),
    ("SNMPv2-SMI::enterprises.2636.3.1.2.0", "1.3.6.1.4.1.2636.3.1.2.0"),
    ("SNMPv2-SMI::mib-2.47.1.1.1.1.7.1", "1.3.6.1.2.1.47.1.1.1.1.7.1"),
    (".iso.org.dod.internet.mgmt.mib-2.system.sysName.0", "1.3.6.1.2.1.1.5.0"),
    ("ENTITY-MIB::entPhysicalSerialNum.1", "1.3.6.1.2.1.47.1.1.1.1.11.1"),
    ("ENTITY-MIB::entPhysicalName.1", "1.3.6.1.2.1.47.1.1.1.1.7.1"),
    ("ENTITY-SENSOR-MIB::entPhySensorValue.1005", "1.3.6.1.2.1.99.1.1.1.4.1005"),
    ("HOST-RESOURCES-MIB::hrSystemUptime.0", "1.3.6.1.2.1.25.1.1.0"),
    ("SNMP-FRAMEWORK-MIB::snmpEngineID.0", "1.3.6.1.6.3.10.2.1.1.0"),
]


@pytest.mark.parametrize(("name", "oid"), NAMED)
def test_a_symbolic_name_of_a_module_every_router_has_is_known(tmp_path: Path, name: str, oid: str) -> None:
    recording = recorded(
        tmp_path, f"DISMAN-EVENT-MIB::sysUpTimeInstance = Timeticks: (9) 0:00:00.09\n{name} = STRING: x\n"
    )
    assert values(recording) == {"1.3.6.1.2.1.1.3.0": (Tag.TIME_TICKS, 9), oid: (Tag.OCTET_STRING, b"x")}


def test_names_of_other_modules_are_left_out_and_counted_with_the_remedy(tmp_path: Path) -> None:
    text = (
        "SNMPv2-MIB::sysUpTime.0 = Timeticks: (9) 0:00:00.09\n"
        "TCP-MIB::tcpRtoAlgorithm.0 = INTEGER: other(1)\n"
        'SNMP-VIEW-BASED-ACM-MIB::vacmGroupName.2."my user" = STRING: x\n'
    )
    recording = recorded(tmp_path, text)
    assert len(recording.rows) == 1
    (note,) = recording.notes
    assert note == (
        "2 in symbols of MIBs that netmon does not know, TCP-MIB::tcpRtoAlgorithm.0 (line 2) the first;"
        " left out, walk again with snmpwalk -On -Oe, without -Oq, -OQ or -Ov"
    )


def test_what_an_agent_says_it_has_not_is_no_value(tmp_path: Path) -> None:
    text = (
        ".1.3.6.1.2.1.1.3.0 = Timeticks: (9) 0:00:00.09\n"
        ".1.3.6.1.2.1.47 = No Such Object available on this agent at this OID\n"
        ".1.3.6.1.2.1.47.1 = No Such Instance currently exists at this OID\n"
        ".1.3.6.1.2.1.99 = No more variables left in this MIB View (It is past the end of the MIB tree)\n"
        "End of MIB\n"
    )
    recording = recorded(tmp_path, text)
    assert (len(recording.rows), recording.notes) == (1, ())


def test_a_walk_that_broke_off_says_where(tmp_path: Path) -> None:
    text = ".1.3.6.1.2.1.1.3.0 = Timeticks: (9) 0:00:00.09\nTimeout: No Response from 10.0.0.1\n"
    assert recorded(tmp_path, text).notes == (
        "the walk broke off at line 2 (Timeout: No Response from 10.0.0.1); walk the rest too",
    )


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress, bytes])
def test_compression_is_told_by_the_content(tmp_path: Path, pack: type[bytes]) -> None:
    assert len(recorded(tmp_path, pack(UPTIME.encode()), "router.txt").rows) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_a_windows_shell_redirected_is_read(tmp_path: Path, encoding: str) -> None:
    text = ".1.3.6.1.2.1.1.3.0 = Timeticks: (9) 0:00:00.09\r\n.1.3.6.1.2.1.1.5.0 = STRING: edge\r\n"
    assert values(recorded(tmp_path, text.encode(encoding)))["1.3.6.1.2.1.1.5.0"] == (Tag.OCTET_STRING, b"edge")


def test_values_without_names_say_how_to_walk(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"'STRING: Linux' is not NAME = .*walk again with snmpwalk -On"):
        recorded(tmp_path, "STRING: Linux\nOID: .1.3.6\n")


BAD = [
    ("nonsense\n", 2, "'nonsense' is not OID|TAG|VALUE; correct or remove the line"),
    ("1.3.6.x|2|1\n", 2, "'1.3.6.x' is not an object identifier; write numbers with dots between"),
    ("1..3|2|1\n", 2, "'1..3' is not an object identifier; write numbers with dots between"),
    ("1|2|1\n", 2, "'1' is not an object identifier; write numbers with dots between"),
    (f"{UPTIME}1.3.6.1|2|\n", 3, "'' is not a value of type 2; correct or remove the line"),
    ("1.3.6.1|65|4294967296\n", 2, "'4294967296' is not a value of type 65; correct or remove the line"),
    (
        "1.3.6.1|70|18446744073709551616\n",
        2,
        "'18446744073709551616' is not a value of type 70; correct or remove the line",
    ),
    ("1.3.6.1|65|-1\n", 2, "'-1' is not a value of type 65; correct or remove the line"),
    ("1.3.6.1|4x|123\n", 2, "'123' is not a value of type 4x; correct or remove the line"),
    (
        "1.3.6.1|99|1\n",
        2,
        "'99' is not a type; use 2, 4, 5, 6, 64, 65, 66, 67, 68, 70, 128, 129, 130, with x after it for hexadecimal",
    ),
]


@pytest.mark.parametrize(("text", "line", "sentence"), BAD)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    with pytest.raises(RecordingError) as raised:
        recorded(tmp_path, UPTIME + text)
    assert str(raised.value) == f"{tmp_path}/router.snmprec:{line}:1: {sentence}"


BAD_WALKS = [
    (".1.3.6.1.4.1.5.1 = Counter32: many", "'many' is not a number"),
    (".1.3.6.1.4.1.5.1 = Linux router", "'Linux router' does not say its type"),
    (".1.3.6.1.4.1.5.1 Linux router", "'Linux router' does not say its type"),
    (".1.3.6.1.4.1.5.1 = Hex-STRING: zz", "'zz' is not in pairs of hexadecimal digits"),
    (".1.3.6.1.4.1.5.1 = IpAddress: 10.0.0", "'10.0.0' is not an IPv4 address"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD_WALKS)
def test_a_value_of_a_walk_that_is_none_says_how_to_walk(tmp_path: Path, line: str, sentence: str) -> None:
    text = f".1.3.6.1.2.1.1.3.0 = Timeticks: (9) 0:00:00.09\n{line}\n"
    with pytest.raises(RecordingError) as raised:
        recorded(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path}/router.snmprec:2:1: .1.3.6.1.4.1.5.1: {sentence}; walk again")


def test_a_shell_prompt_before_a_walk_is_a_bad_line(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r":1:1: '\$ snmpwalk .*' is not NAME = TYPE: VALUE; correct or remove"):
        recorded(tmp_path, "$ snmpwalk -On 10.0.0.1\n.1.3.6.1.2.1.1.3.0 = Timeticks: (9) 0:00:00.09\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_a_file_without_values_says_how_to_record(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordingError, match="holds no values; record the device with snmpwalk -On"):
        recorded(tmp_path, text)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    for packed in (bz2.compress(b"x" * 10_000), gzip.compress(b"x" * 10_000)):
        for damaged in (packed[:-9], packed[:20] + b"\0\0\0\0" + packed[24:]):
            with pytest.raises(RecordingError, match=r"router.snmprec:1:1: cannot be decompressed: .*; copy it again"):
                recorded(tmp_path, damaged)


def test_what_would_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_text, "LARGEST_FILE", 1_000_000)
    with pytest.raises(RecordingError, match="larger than 1000000 octets; record only the tables of interest"):
        recorded(tmp_path, bz2.compress(b"#" * 50_000_000))


def test_rows_in_any_order_are_answered_in_the_agents_order(tmp_path: Path) -> None:
    recording = recorded(tmp_path, f"1.3.6.1.4.1.5.10|2|10\n1.3.6.1.4.1.5.9|2|9\n{UPTIME}1.3.6.1.4.1.5.9.1|2|91\n")
    assert list(values(recording)) == ["1.3.6.1.2.1.1.3.0", "1.3.6.1.4.1.5.9", "1.3.6.1.4.1.5.9.1", "1.3.6.1.4.1.5.10"]


def test_of_values_written_twice_the_first_counts_and_a_difference_is_told(tmp_path: Path) -> None:
    text = f"{UPTIME}1.3.6.1.4.1.5.1|2|1\n1.3.6.1.4.1.5.1|2|2\n1.3.6.1.4.1.5.2|2|3\n1.3.6.1.4.1.5.2|2|3\n"
    recording = recorded(tmp_path, text + "1.3.6.1.4.1.5.2|4|\n")
    assert values(recording)["1.3.6.1.4.1.5.1"] == (Tag.INTEGER, 1)
    assert values(recording)["1.3.6.1.4.1.5.2"] == (Tag.INTEGER, 3)
    assert recording.notes == (
        "1 values whose object identifier was written before with another value; the earlier is used",
    )


def test_values_made_up_by_snmpsim_are_read_as_they_start_or_left_out(tmp_path: Path) -> None:
    text = (
        "1.3.6.1.2.1.1.3.0|67:numeric|rate=100\n"
        "1.3.6.1.4.1.5.1|4:writecache|value=port 1\n"
        "1.3.6.1.4.1.5.2|2:numeric|scale=5,min=100,initial=154\n"
        "1.3.6.1.4.1.5.3|4:notification|op=set\n"
        "1.3.6.1.4.1.5.4|2|4\n"
    )
    recording = recorded(tmp_path, text)
    assert values(recording) == {
        "1.3.6.1.4.1.5.1": (Tag.OCTET_STRING, b"port 1"),
        "1.3.6.1.4.1.5.2": (Tag.INTEGER, 154),
        "1.3.6.1.4.1.5.4": (Tag.INTEGER, 4),
    }
    assert [note.split(";")[0] for note in recording.notes] == [
        "2 values vary by a module of snmpsim (numeric, writecache, ...)",
        "2 values are made up by a module of snmpsim, 1.3.6.1.2.1.1.3.0 the first",
        "the recording has no sysUpTime.0 (1.3.6.1.2.1.1.3.0)",
    ]


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6).map(lambda arcs: (1, 3, *arcs)),
        st.integers(0, 2**32 - 1) | st.binary(max_size=12),
        min_size=1,
        max_size=30,
    )
)
def test_any_rows_in_any_order_are_found_again(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[Oid, int | bytes]
) -> None:
    lines = [
        f"{format_oid(oid)}|66|{value}" if isinstance(value, int) else f"{format_oid(oid)}|4x|{value.hex()}"
        for oid, value in rows.items()
    ]
    recording = recorded(tmp_path_factory.mktemp("any"), "\n".join(lines))
    assert [row.oid for row in map(recording.rows.at, range(len(recording.rows)))] == sorted(rows)
    for oid, value in rows.items():
        assert recording.rows.at(recording.rows.find(oid)).value == value
        assert {row.oid for row in recording.rows.below(oid[:3])} == {one for one in rows if one[:3] == oid[:3]}


LINES = st.sampled_from(
    [
        *(line for line, _, _ in SNMPREC),
        *(f".1.3.6.1.4.1.5.2 = {printed}" for printed, _, _ in WALKED),
        *(text for text, _, _ in BAD),
        *(line for line, _ in BAD_WALKS),
        *("", "#", "End of MIB", "Timeout: No Response", '"', "\\", "= STRING: x", "1.3.6|4|" + "1" * 200, "\ufeff"),
    ]
)


@settings(max_examples=150)
@given(st.lists(LINES | st.text(max_size=30), max_size=12))
def test_whatever_a_file_holds_it_is_read_or_refused_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    text = "\n".join(lines).encode("utf-8", "replace")
    refusal = ""
    try:
        recording = recorded(tmp_path_factory.mktemp("any"), text)
        assert len(values(recording)) == len(recording.rows)
    except RecordingError as error:
        refusal = str(error)
    assert not refusal or re.search(r"router\.snmprec:\d+:1: .+; .+", refusal)


# --- the agent -------------------------------------------------------------------------------

TABLE = (
    UPTIME
    + "1.3.6.1.2.1.31.1.1.1.1.1|4|lo\n1.3.6.1.2.1.31.1.1.1.1.2|4|eth0\n"
    + "1.3.6.1.2.1.31.1.1.1.6.1|70|100\n1.3.6.1.2.1.31.1.1.1.6.2|70|200\n1.3.6.1.2.1.31.1.1.1.10.2|70|300\n"
)


async def test_it_answers_a_get_as_an_agent_does(tmp_path: Path) -> None:
    agent = RecordedAgent(recorded(tmp_path, TABLE))
    wanted = ["1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.1.2", "1.3.6.1.2.1.31.1.1.1.1.3", "1.3.6.1.2.1.99.1.1.1.4.1"]
    found = await agent.get(AGENT, [parse_oid(oid) for oid in wanted])
    assert [(row.tag, row.value) for row in found] == [
        (Tag.TIME_TICKS, 12345),
        (Tag.OCTET_STRING, b"eth0"),
        (Tag.NO_SUCH_INSTANCE, None),
        (Tag.NO_SUCH_OBJECT, None),
    ]


async def test_a_walk_gives_each_column_its_own_rows(tmp_path: Path) -> None:
    agent = RecordedAgent(recorded(tmp_path, TABLE))
    outs: Oid = (*NAMES[:-1], 10)
    found = await agent.walk(AGENT, [NAMES, outs, (1, 3, 9)])
    assert {suffix: row.value for suffix, row in found[NAMES].items()} == {(1,): b"lo", (2,): b"eth0"}
    assert {suffix: row.value for suffix, row in found[outs].items()} == {(2,): 300}
    assert found[(1, 3, 9)] == {}
    with pytest.raises(SnmpTooManyRowsError):
        await agent.walk(AGENT, [NAMES], max_rows=1)


async def test_a_template_is_answered_with_holes_and_the_uptime(tmp_path: Path) -> None:
    agent = RecordedAgent(recorded(tmp_path, TABLE), monotonic_ns=lambda: 77)
    columns: list[Oid] = [(*NAMES[:-1], 6), (*NAMES[:-1], 10)]
    (reply,) = await agent.fetch(AGENT, build_templates([(1, b"lo"), (2, b"eth0")], columns))
    assert (reply.uptime_ticks, reply.received_ns_monotonic, reply.names_match) == (12345, 77, True)
    assert reply.cells == (100, None, 200, 300)
    (renamed,) = await agent.fetch(AGENT, build_templates([(2, b"eth1")], columns))
    assert not renamed.names_match


async def test_without_an_uptime_it_still_answers_and_the_recording_says_so(tmp_path: Path) -> None:
    recording = recorded(tmp_path, TABLE.removeprefix(UPTIME))
    assert not recording.has_uptime
    (uptime,) = await RecordedAgent(recording).get(AGENT, [(1, 3, 6, 1, 2, 1, 1, 3, 0)])
    assert (uptime.tag, uptime.value) == (Tag.TIME_TICKS, 0)
    assert recording.notes == ("the recording has no sysUpTime.0 (1.3.6.1.2.1.1.3.0); its uptime is not known",)


@pytest.mark.parametrize(
    ("file", "name"),
    [("mx960.snmprec.bz2", "mx960"), ("core-1.walk", "core-1"), ("10.0.0.1.txt.gz", "10.0.0.1"), ("router", "router")],
)
def test_the_router_is_called_as_its_file(tmp_path: Path, file: str, name: str) -> None:
    assert recorded(tmp_path, UPTIME, file).name == name


# --- a real snmpwalk -------------------------------------------------------------------------


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[int]:
    """Debian's snmpd on loopback; its UDP port."""
    port = free_port(socket.SOCK_DGRAM)
    config = tmp_path / "snmpd.conf"
    config.write_text(
        f'agentaddress udp:127.0.0.1:{port}\nrocommunity testing 127.0.0.1\nsysdescr "quoted" \\ back, 1 | 2\n'
        "syslocation a = INTEGER: 1\nsyscontact none\n"
    )
    command = ["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux"]
    log = tmp_path / "snmpd.log"
    environment = {"SNMP_PERSISTENT_DIR": str(tmp_path), "MIBS": "", "PATH": "/usr/sbin:/usr/bin"}
    with running(command, lambda: log.exists() and "NET-SNMP version" in log.read_text(), log, env=environment):
        yield port


def walked(port: int, shape: list[str]) -> bytes:
    where = ["-v2c", "-c", "testing", f"127.0.0.1:{port}"]
    return b"".join(
        subprocess.run(["snmpwalk", *shape, *where, tree], capture_output=True, check=True, timeout=PATIENCE_S).stdout
        for tree in ("1.3.6.1.2.1.31.1.1", "1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2")
    )


# -Oa is left out: it prints a dot for each octet that is no letter, and nobody can know which.
@pytest.mark.parametrize("shape", [["-On"], [], ["-Onx"], ["-OnT"], ["-One"], ["-Ont"], ["-OnU"], ["-Of"]])
async def test_a_recording_made_by_snmpwalk_holds_what_the_agent_says(
    tmp_path: Path, snmpd: int, shape: list[str]
) -> None:
    recording = recorded(tmp_path, await asyncio.to_thread(walked, snmpd, shape), "snmpd.walk")
    assert recording.notes == ()
    stable: list[Oid] = [(1, 3, 6, 1, 2, 1, 1, one) for one in (1, 2, 4, 5, 6, 7, 9)]
    stable += [(1, 3, 6, 1, 2, 1, 2, 2, 1, one) for one in range(1, 9)] + [NAMES]
    async with await Client.open() as client:
        said = await client.walk(Agent("127.0.0.1", snmpd, b"testing"), stable)
    found = await RecordedAgent(recording).walk(AGENT, stable)
    assert {column: {suffix: row[1:] for suffix, row in rows.items()} for column, rows in found.items()} == {
        column: {suffix: row[1:] for suffix, row in rows.items()} for column, rows in said.items()
    }
    assert len(found[NAMES]) >= 1
