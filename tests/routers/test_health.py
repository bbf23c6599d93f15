from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.routers import mib
from netmon.routers.health import HealthReading, Tables, read_health, readings_of
from netmon.routers.health_profile import HealthKind, HealthSource, Status
from netmon.routers.objects import OBJECTS
from netmon.routers.profiles import Profile, Profiles, load_profiles
from netmon.routers.recording import RecordedAgent, load_recording
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.codec import Value
from netmon.snmp.errors import SnmpStatusError, SnmpTimeoutError
from netmon.snmp.oid import Oid

AGENT = Agent("192.0.2.1")
_PACKAGE = find_spec("snmpsim_data")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
RECORDINGS = Path(_PACKAGE.origin).parent / "data" / "network"
Rows = dict[tuple[int, ...], Value]


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


def tables(columns: dict[str, Rows]) -> Tables:
    return Tables({OBJECTS[name]: rows for name, rows in columns.items()})


def said(kind: HealthKind, written: dict[str, Any], columns: dict[str, Rows]) -> list[tuple[Any, ...]]:
    """(name, value, unit, status) of every reading of a source written as in a profile; nothing is left unread."""
    readings, unread = readings_of(kind, HealthSource.model_validate(written), tables(columns))
    assert unread == set()
    return [(r.name, r.value, r.unit, r.status) for r in readings]


JUNIPER: dict[str, Rows] = {
    "jnxOperatingDescr": {(7, 1, 0, 0): b"FPC 0", (9, 1, 0, 0): b"Routing Engine 0", (1, 1, 0, 0): b"midplane"},
    "jnxOperatingCPU": {(7, 1, 0, 0): 13, (9, 1, 0, 0): 0, (1, 1, 0, 0): 0},
    "jnxOperatingMemory": {(7, 1, 0, 0): 2048, (9, 1, 0, 0): 16351, (1, 1, 0, 0): 0},
}


def test_rows_are_named_by_their_label_and_filtered_by_what_they_show() -> None:
    source = {
        "name": {"object": "jnxOperatingDescr"},
        "where": {"object": "jnxOperatingMemory", "above": 0},
        "value": {"object": "jnxOperatingCPU", "decoder": "percent"},
    }
    assert said(HealthKind.CPU, source, JUNIPER) == [
        ("FPC 0", 13, "percent", None),
        ("Routing Engine 0", 0, "percent", None),
    ]


def test_an_invalid_number_makes_no_reading() -> None:
    source = {
        "name": "board",
        "value": {"object": "hwEntityTemperature", "decoder": "celsius", "invalid": [0, 2147483647]},
    }
    column: dict[str, Rows] = {"hwEntityTemperature": {(1,): 0, (2,): 2147483647, (3,): 36, (4,): 999, (5,): b"x"}}
    assert said(HealthKind.TEMPERATURE, source, column) == [("board 3", 36, "celsius", None)]


@pytest.mark.parametrize(
    ("shares", "cells", "percent"),
    [
        (("used", "free"), {"memAvailReal": 300, "memTotalReal": 100}, 25.0),
        (("free", "total"), {"memAvailReal": 400, "memTotalReal": 100}, 75.0),
        (("used", "total"), {"memAvailReal": 400, "memTotalReal": 100}, 25.0),
        (("used", "total"), {"memAvailReal": 100, "memTotalReal": 400}, None),
        (("used", "total"), {"memAvailReal": 0, "memTotalReal": 0}, None),
        (("used", "total"), {"memAvailReal": 400}, None),
    ],
)
def test_two_of_used_free_and_total_make_a_percentage(
    shares: tuple[str, str], cells: dict[str, int], percent: float | None
) -> None:
    """`total` (or `free` beside `used`) is memAvailReal here, the other memTotalReal."""
    part, whole = shares
    source = {
        "name": "memory",
        part: {"object": "memTotalReal", "decoder": "kibibytes"},
        whole: {"object": "memAvailReal", "decoder": "kibibytes"},
    }
    found = said(
        HealthKind.MEMORY, source, {n: {(0,): cells[n]} if n in cells else {} for n in ("memTotalReal", "memAvailReal")}
    )
    assert found == ([] if percent is None else [("memory", percent, "percent", None)])


def test_what_is_summed_is_missing_where_a_part_is() -> None:
    source = {
        "name": "memory",
        "free": [{"object": name, "decoder": "kibibytes"} for name in ("memAvailReal", "memBuffer", "memCached")],
        "total": {"object": "memTotalReal", "decoder": "kibibytes"},
    }
    cells: dict[str, Rows] = {
        "memAvailReal": {(0,): 10},
        "memBuffer": {(0,): 20},
        "memCached": {(0,): 30},
        "memTotalReal": {(0,): 100},
    }
    assert said(HealthKind.MEMORY, source, cells) == [("memory", 40.0, "percent", None)]
    assert said(HealthKind.MEMORY, source, {**cells, "memBuffer": {}}) == []


FAN = {
    "name": "fan",
    "value": {"object": "hwEntityFanSpeed", "decoder": "percent"},
    "status": [
        {"object": "hwEntityFanPresent", "values": {1: None, 2: "absent"}},
        {"object": "hwEntityFanState", "values": {1: "ok", 2: "critical"}},
    ],
}


@pytest.mark.parametrize(
    ("speed", "present", "state", "reading"),
    [
        (30, 1, 1, [("fan 0.7", 30, "percent", Status.OK)]),
        (0, 1, 2, [("fan 0.7", 0, "percent", Status.CRITICAL)]),
        (0, 2, 2, [("fan 0.7", None, None, Status.ABSENT)]),
        (30, 1, 9, [("fan 0.7", 30, "percent", Status.UNKNOWN)]),
        (30, None, None, [("fan 0.7", 30, "percent", None)]),
        (None, None, 1, [("fan 0.7", None, None, Status.OK)]),
        (None, None, None, []),
    ],
)
def test_the_first_status_that_says_something_decides(
    speed: int | None, present: int | None, state: int | None, reading: list[tuple[Any, ...]]
) -> None:
    cells = {"hwEntityFanSpeed": speed, "hwEntityFanPresent": present, "hwEntityFanState": state}
    columns: dict[str, Rows] = {name: {} if value is None else {(0, 7): value} for name, value in cells.items()}
    assert said(HealthKind.FAN, FAN, columns) == reading


@pytest.mark.parametrize(
    ("value", "threshold", "state", "status"),
    [
        (61, 60, None, Status.WARNING),
        (60, 60, None, Status.OK),
        (61, 0, None, None),
        (61, 2147483647, None, None),
        (61, 60, 1, Status.WARNING),
        (61, 60, 3, Status.CRITICAL),
        (30, 60, 2, Status.WARNING),
    ],
)
def test_the_devices_own_threshold_counts_where_it_is_worse_and_was_ever_set(
    value: int, threshold: int, state: int | None, status: Status | None
) -> None:
    source = {
        "name": "inlet",
        "value": {"object": "ciscoEnvMonTemperatureStatusValue", "decoder": "celsius"},
        "warning_above": {"object": "ciscoEnvMonTemperatureThreshold", "decoder": "celsius"},
        "status": {"object": "ciscoEnvMonTemperatureState", "values": {1: "ok", 2: "warning", 3: "critical"}},
    }
    columns: dict[str, Rows] = {
        "ciscoEnvMonTemperatureStatusValue": {(1,): value},
        "ciscoEnvMonTemperatureThreshold": {(1,): threshold},
        "ciscoEnvMonTemperatureState": {} if state is None else {(1,): state},
    }
    assert said(HealthKind.TEMPERATURE, source, columns) == [("inlet 1", value, "celsius", status)]


def test_readings_of_one_name_are_told_apart_by_their_index() -> None:
    source = {"name": {"object": "entPhysicalDescr"}, "status": {"object": "entStateOper", "values": {3: "ok"}}}
    columns: dict[str, Rows] = {
        "entStateOper": {(5,): 3, (6,): 3, (7,): 3},
        "entPhysicalDescr": {(5,): b"Board", (6,): b"Board", (7,): b" "},
    }
    assert [name for name, *_ in said(HealthKind.FAN, source, columns)] == ["Board (5)", "Board (6)", "fan 7"]


def test_a_name_leaves_out_what_changes() -> None:
    source = {
        "name": {"object": "ciscoEnvMonTemperatureStatusDescr", "match": "^.+(?=, (GREEN|YELLOW|RED)$)"},
        "value": {"object": "ciscoEnvMonTemperatureStatusValue", "decoder": "celsius"},
    }
    columns: dict[str, Rows] = {
        "ciscoEnvMonTemperatureStatusValue": {(1,): 61, (2,): 30},
        "ciscoEnvMonTemperatureStatusDescr": {(1,): b"SW#1, Sensor#1, YELLOW", (2,): b"Air inlet"},
    }
    assert [name for name, *_ in said(HealthKind.TEMPERATURE, source, columns)] == ["SW#1, Sensor#1", "Air inlet"]


def test_a_row_is_joined_by_the_head_of_its_index_or_by_a_column() -> None:
    pools: dict[str, Rows] = {
        "cempMemPoolName": {(22, 1): b"Processor", (22, 2): b"reserved"},
        "cempMemPoolHCUsed": {(22, 1): 50, (22, 2): 10},
        "cempMemPoolHCFree": {(22, 1): 50, (22, 2): 90},
        "entPhysicalName": {(22,): b"module 0"},
    }
    source = {
        "name": {"object": "cempMemPoolName"},
        "of": {"object": "entPhysicalName", "index": 1},
        "used": {"object": "cempMemPoolHCUsed", "decoder": "bytes"},
        "free": {"object": "cempMemPoolHCFree", "decoder": "bytes"},
    }
    assert [reading[:2] for reading in said(HealthKind.MEMORY, source, pools)] == [
        ("module 0 Processor", 50.0),
        ("module 0 reserved", 10.0),
    ]
    processors: dict[str, Rows] = {
        "cpmCPUTotalPhysicalIndex": {(1,): 22, (2,): 0},
        "cpmCPUTotal5minRev": {(1,): 7, (2,): 9},
        "entPhysicalName": {(22,): b"module 0"},
    }
    source = {
        "name": [{"object": "entPhysicalName", "by": "cpmCPUTotalPhysicalIndex"}, "CPU"],
        "value": {"object": "cpmCPUTotal5minRev", "decoder": "percent"},
    }
    assert [reading[:2] for reading in said(HealthKind.CPU, source, processors)] == [("module 0", 7), ("CPU 2", 9)]


def test_processors_may_be_combined_into_one() -> None:
    source = {"name": "CPU", "combine": "mean", "value": {"object": "hrProcessorLoad", "decoder": "percent"}}
    loads: dict[str, Rows] = {"hrProcessorLoad": {(196608,): 10, (196609,): 25, (196610,): 300}}
    assert said(HealthKind.CPU, source, loads) == [("CPU", 17.5, "percent", None)]
    assert said(HealthKind.CPU, source, {"hrProcessorLoad": {}}) == []


def test_what_is_not_known_yet_is_asked_for_and_nothing_else() -> None:
    source = HealthSource.model_validate(
        {
            "name": {"object": "entPhysicalName"},
            "where": {"object": "entPhysicalClass", "is": 6},
            "status": {"object": "cefcFRUPowerOperStatus", "values": {2: "ok"}},
        }
    )
    known = tables({"cefcFRUPowerOperStatus": {(22,): 2, (470,): 2}})
    _, unread = readings_of(HealthKind.POWER_SUPPLY, source, known)
    assert unread == {(*OBJECTS["entPhysicalClass"], 22), (*OBJECTS["entPhysicalClass"], 470)}
    known.add_instance((*OBJECTS["entPhysicalClass"], 22), 9)
    known.add_instance((*OBJECTS["entPhysicalClass"], 470), 6)
    _, unread = readings_of(HealthKind.POWER_SUPPLY, source, known)
    assert unread == {(*OBJECTS["entPhysicalName"], 470)}


# --- asking an agent -------------------------------------------------------------------------


def junos_box() -> ScriptedAgent:
    box = ScriptedAgent("Juniper Networks, Inc. mx960", (1, 3, 6, 1, 4, 1, 2636, 1, 1, 1, 2, 21))
    columns: dict[str, Rows] = {
        **JUNIPER,
        "jnxOperatingBuffer": {(7, 1, 0, 0): 14},
        "jnxOperatingTemp": {(7, 1, 0, 0): 26, (4, 1, 1, 0): 30},
        "jnxOperatingState": {(4, 1, 1, 0): 6, (7, 1, 0, 0): 2},
    }
    columns["jnxOperatingDescr"] = {**JUNIPER["jnxOperatingDescr"], (4, 1, 1, 0): b"Top Tray Fan 1"}
    for name, rows in columns.items():
        box.tree |= {(*OBJECTS[name], *index): value for index, value in rows.items()}
    return box


async def test_everything_a_profile_knows_is_read_and_the_rest_is_said_to_be_missing(profiles: Profiles) -> None:
    readings, missing = await read_health(junos_box(), AGENT, profiles.named("junos"))
    assert [(r.kind.value, r.name, r.value, r.unit, r.status) for r in readings] == [
        ("cpu", "FPC 0", 13, "percent", None),
        ("cpu", "Routing Engine 0", 0, "percent", None),
        ("memory", "FPC 0", 14, "percent", None),
        ("temperature", "FPC 0", 26, "celsius", None),
        ("fan", "Top Tray Fan 1", None, None, "critical"),
    ]
    (lacking,) = missing
    assert lacking.what == "health: power supply"
    assert "no usable value of jnxOperatingState (collectors/junos.yaml:" in lacking.why
    assert "let its community read 1.3.6.1.4.1.2636.3.1.13.1" in lacking.why
    assert all(str(reading.place).startswith("collectors/junos.yaml:") for reading in readings)


async def test_a_table_is_walked_once_whatever_is_read_of_it(profiles: Profiles) -> None:
    box = junos_box()
    junos = profiles.named("junos")
    only = junos.model_copy(
        update={"health": {k: s[:1] for k, s in junos.health.items() if k in junos.health_expected}}
    )
    await read_health(box, AGENT, only)
    assert box.asked == ["walk"]


async def test_an_agent_that_says_nothing_is_missing_everything_expected(profiles: Profiles) -> None:
    readings, missing = await read_health(ScriptedAgent(), AGENT, profiles.named("generic-if-mib"))
    assert readings == ()
    assert [item.what for item in missing] == [
        "health: cpu",
        "health: memory",
        "health: temperature",
        "health: fan",
        "health: power supply",
    ]
    assert "hrProcessorLoad (collectors/generic-if-mib.yaml:" in missing[0].why


async def test_an_agent_that_falls_silent_is_not_asked_again(profiles: Profiles) -> None:
    box = junos_box()
    box.failures = [SnmpTimeoutError("192.0.2.1:161", 3)]
    readings, missing = await read_health(box, AGENT, profiles.named("junos"))
    assert readings == ()
    assert box.asked == ["walk"]
    assert len(missing) == 5
    assert all(item.why.startswith("the agent stopped answering: 192.0.2.1:161: no reply to 3") for item in missing)


async def test_a_table_that_is_refused_costs_only_its_own_readings(profiles: Profiles) -> None:
    box = ScriptedAgent()
    box.tree |= {(*OBJECTS["hrProcessorLoad"], 1): 12, (*OBJECTS["ssCpuIdle"], 0): 50}
    box.failures = [SnmpStatusError("192.0.2.1:161", 5, 0, None)]
    readings, missing = await read_health(box, AGENT, profiles.named("linux"))
    assert [(r.name, r.value) for r in readings] == [("CPU", 50)]
    assert [item.what for item in missing] == ["health: memory"]


async def test_a_kind_the_profile_has_nothing_for_is_said_so(profiles: Profiles, tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("description: x\nhealth: {cpu: [], fan: []}\nhealth_expected: [cpu]\n")
    bare = load_profiles([tmp_path, folder("collectors")]).named("bare")
    _, missing = await read_health(ScriptedAgent(), AGENT, bare)
    assert missing == (
        Missing("health: cpu", "the profile bare names no object for it; add one, see docs/collectors.md"),
    )


def test_the_document_is_that_of_the_contract() -> None:
    reading = HealthReading("CPU", HealthKind.CPU, 12.5, "percent", Status.OK)
    assert reading.document() == {"name": "CPU", "kind": "cpu", "value": 12.5, "unit": "percent", "status": "ok"}
    bare = HealthReading("fan 1", HealthKind.FAN, None, None, None)
    assert bare.document() == {"name": "fan 1", "kind": "fan", "value": None, "unit": None, "status": None}


GARBLED = st.one_of(st.integers(-(2**31), 2**32), st.binary(max_size=6), st.none(), st.just((1, 3, 6)))


@given(st.data())
def test_no_answer_makes_an_impossible_reading(profiles: Profiles, data: st.DataObject) -> None:
    profile = profiles.named(data.draw(st.sampled_from(profiles.names)))
    kind = data.draw(st.sampled_from(sorted(profile.health)))
    source = data.draw(st.sampled_from(profile.health[kind]))
    columns: dict[Oid, Rows] = {column: {(row,): data.draw(GARBLED) for row in (1, 2)} for column in source.columns}
    readings, _ = readings_of(kind, source, Tables(columns))
    for reading in readings:
        assert reading.name
        assert (reading.value is None) == (reading.unit is None)
        assert reading.value is not None or reading.status is not None
        assert reading.status not in (Status.UNKNOWN, Status.ABSENT) or reading.value is None or source.status
        if reading.unit == "percent":
            assert reading.value is not None
            assert 0 <= reading.value <= 100


# --- recordings of devices -------------------------------------------------------------------


async def recorded(profiles: Profiles, path: str) -> tuple[Profile, tuple[HealthReading, ...], tuple[Missing, ...]]:
    (file,) = RECORDINGS.glob(path)
    agent = RecordedAgent(load_recording(file))
    descr, object_id = await agent.get(AGENT, (mib.SYS_DESCR, mib.SYS_OBJECT_ID))
    profile = profiles.recognise(
        object_id.value if isinstance(object_id.value, tuple) else (),
        mib.decode_text(mib.DECODERS["text"], descr.value),
    )
    return profile, *await read_health(agent, AGENT, profile)


@pytest.mark.parametrize(
    ("path", "platform", "counts", "lacking", "some"),
    [
        (
            "router/juniper-mx960-12*",
            "junos",
            {"cpu": 5, "memory": 5, "temperature": 12, "fan": 26, "power_supply": 4},
            [],
            ("temperature", "FPC: MPC Type 2 3D @ 0/*/*", 26, None),
        ),
        (
            "router/huawei-s5720*",
            "huawei-vrp",
            {"cpu": 1, "memory": 1, "temperature": 1, "fan": 1},
            ["health: power supply"],
            ("temperature", "MPU Board 0", 42, "ok"),
        ),
        (
            "switch/cisco-c3560*",
            "cisco-ios",
            {"cpu": 1, "memory": 3, "temperature": 1, "fan": 1, "power_supply": 1},
            [],
            ("temperature", "SW#1, Sensor#1", 61, "warning"),
        ),
        (
            "switch/cisco-c3750*",
            "cisco-ios",
            {"cpu": 1, "memory": 3, "fan": 1, "power_supply": 1},
            ["health: temperature"],
            ("memory", "Processor", 41.9, None),
        ),
        (
            "switch/cisco-n5000.*",
            "cisco-nx-os",
            {"cpu": 1, "memory": 1, "temperature": 1, "fan": 6, "power_supply": 2},
            [],
            ("power_supply", "PowerSupply-1", None, "ok"),
        ),
        (
            "router/vyatta*",
            "vyos",
            {"cpu": 1, "memory": 1, "temperature": 1},
            [],
            ("temperature", "temp1", 69, None),
        ),
        (
            "firewall/paloalto*",
            "generic-if-mib",
            {"cpu": 1, "memory": 1, "temperature": 4, "fan": 10},
            ["health: power supply"],
            ("fan", "Fan #1 RPM", 4618, None),
        ),
    ],
)
async def test_a_recorded_device_shows_its_health(
    profiles: Profiles,
    path: str,
    platform: str,
    counts: dict[str, int],
    lacking: list[str],
    some: tuple[str, str, float | None, str | None],
) -> None:
    profile, readings, missing = await recorded(profiles, path)
    assert profile.platform == platform
    kinds = [reading.kind.value for reading in readings]
    assert {kind: kinds.count(kind) for kind in kinds} == counts
    assert [item.what for item in missing] == lacking
    assert some in [(r.kind, r.name, r.value, r.status) for r in readings]
    assert len({(r.kind, r.name) for r in readings}) == len(readings)
