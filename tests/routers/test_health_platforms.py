"""Profiles of platforms of which there is no recording, against rows as their MIBs say they are."""

from __future__ import annotations

import pytest
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.routers.health import read_health
from netmon.routers.objects import OBJECTS
from netmon.routers.profiles import Profiles, load_profiles
from netmon.snmp.client import Agent
from netmon.snmp.codec import Value

Rows = dict[tuple[int, ...], Value]
Reading = tuple[str, str, float | None, str | None]

ROUTEROS_7: dict[str, Rows] = {
    "mtxrGaugeName": {
        (14,): b"cpu-temperature",
        (7101,): b"fan1-speed",
        (7201,): b"fan-state",
        (7301,): b"psu1-state",
        (7302,): b"psu2-state",
        (13,): b"voltage",
        (7401,): b"psu1-current",
        (7402,): b"power-consumption",
    },
    "mtxrGaugeValue": {
        (14,): 47,
        (7101,): 4260,
        (7201,): 0,
        (7301,): 0,
        (7302,): 1,
        (13,): 242,
        (7401,): 9,
        (7402,): 305,
    },
    "mtxrGaugeUnit": {(14,): 1, (7101,): 2, (7201,): 6, (7301,): 6, (7302,): 6, (13,): 3, (7401,): 4, (7402,): 5},
    "hrStorageDescr": {(65536,): b"main memory", (131072,): b"system disk"},
    "hrStorageType": {(65536,): (1, 3, 6, 1, 2, 1, 25, 2, 1, 1), (131072,): (1, 3, 6, 1, 2, 1, 25, 2, 1, 4)},
    "hrStorageSize": {(65536,): 4_194_304, (131072,): 131_072},
    "hrStorageUsed": {(65536,): 1_048_576, (131072,): 131_072},
    "hrProcessorLoad": {(1,): 10, (2,): 20, (3,): 0, (4,): 6},
}
ROUTEROS_6: dict[str, Rows] = {
    "mtxrHlVoltage": {(0,): 238},
    "mtxrHlTemperature": {(0,): 415},
    "mtxrHlProcessorTemperature": {(0,): 530},
    "mtxrHlCpuTemperature": {(0,): 0},
    "mtxrHlPower": {(0,): 128},
    "mtxrHlCurrent": {(0,): 540},
    "mtxrHlPowerSupplyState": {(0,): 1},
    "mtxrHlBackupPowerSupplyState": {(0,): 0},
    "mtxrHlFanSpeed1": {(0,): 5100},
    "mtxrHlFanSpeed2": {(0,): 0},
}
TIMOS: dict[str, Rows] = {
    "sgiCpuUsage": {(0,): 12},
    "sgiKbMemoryUsed": {(0,): 1_000_000},
    "sgiKbMemoryPoolAllocated": {(0,): 1_500_000},
    "sgiKbMemoryAvailable": {(0,): 2_500_000},
    "tmnxHwName": {(1, 50331649): b"chassis", (1, 134217729): b"Slot 1", (1, 150994977): b"Slot A"},
    "tmnxHwTempSensor": {(1, 50331649): 2, (1, 134217729): 1, (1, 150994977): 1},
    "tmnxHwTemperature": {(1, 50331649): -1, (1, 134217729): 45, (1, 150994977): 78},
    "tmnxHwTempThreshold": {(1, 50331649): -1, (1, 134217729): 75, (1, 150994977): 75},
    "tmnxPhysChassisFanOperStatus": {(3, 1, 1): 3, (3, 1, 2): 4, (3, 1, 3): 2},
    "tmnxChassisFanOperStatus": {(1, 1): 3},
    "tmnxPhysChassPowerSup1Status": {(3, 1, 1): 3},
    "tmnxPhysChassPowerSup2Status": {(3, 1, 1): 7},
}
IOS_XR: dict[str, Rows] = {
    "cpmCPUTotalPhysicalIndex": {(2,): 8_384_513, (52,): 4_194_305},
    "cpmCPUTotal5minRev": {(2,): 8, (52,): 3},
    "cempMemPoolName": {(8_384_513, 1): b"processor"},
    "cempMemPoolHCUsed": {(8_384_513, 1): 6_442_450_944},
    "cempMemPoolHCFree": {(8_384_513, 1): 19_327_352_832},
    "entPhysicalName": {
        (8_384_513,): b"0/RP0/CPU0",
        (4_194_305,): b"0/0/CPU0",
        (8_388_610,): b"0/RP0-Inlet",
        (9_000_001,): b"0/0/0/3-Temperature",
        (8_392_705,): b"0/PT0-PM0",
        (8_395_777,): b"0/FT0",
    },
    "entPhysicalDescr": {
        (8_388_610,): b"Inlet Temperature Sensor",
        (9_000_001,): b"Transceiver Temperature Sensor",
        (8_392_705,): b"Power module",
        (8_395_777,): b"Fan tray",
    },
    "entPhysicalClass": {(8_392_705,): 6, (8_384_513,): 9},
    "entSensorType": {(8_388_610,): 8, (9_000_001,): 8},
    "entSensorScale": {(8_388_610,): 9, (9_000_001,): 9},
    "entSensorPrecision": {(8_388_610,): 0, (9_000_001,): 1},
    "entSensorValue": {(8_388_610,): 27, (9_000_001,): 331},
    "entSensorStatus": {(8_388_610,): 1, (9_000_001,): 1},
    "cefcFRUPowerOperStatus": {(8_392_705,): 8, (8_384_513,): 2},
    "cefcFanTrayOperStatus": {(8_395_777,): 2},
}
CLOUDENGINE: dict[str, Rows] = {
    "entPhysicalName": {(16850945,): b"MPU slot 5", (17301505,): b"10GE1/0/1"},
    "entPhysicalClass": {(16850945,): 9, (17301505,): 10},
    "hwEntityCpuUsage": {(16850945,): 0, (17301505,): 0},
    "hwEntityCpuUsageThreshold": {(16850945,): 90, (17301505,): 0},
    "hwEntityMemUsage": {(16850945,): 96, (17301505,): 0},
    "hwEntityMemUsageThreshold": {(16850945,): 95, (17301505,): 0},
    "hwEntityTemperature": {(16850945,): 51, (17301505,): 35},
    "hwEntityTemperatureThreshold": {(16850945,): 0, (17301505,): 0},
    "hwEntityFanSpeed": {(1, 1): 45, (1, 2): 0},
    "hwEntityFanPresent": {(1, 1): 1, (1, 2): 2},
    "hwEntityFanState": {(1, 1): 1, (1, 2): 2},
    "hwEntityPwrPresent": {(1, 1): 1, (1, 2): 1, (1, 3): 2},
    "hwEntityPwrState": {(1, 1): 1, (1, 2): 2, (1, 3): 2},
}


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


@pytest.mark.parametrize(
    ("platform", "columns", "readings", "lacking"),
    [
        (
            "routeros",
            ROUTEROS_7,
            [
                ("cpu", "CPU", 9.0, None),
                ("memory", "main memory", 25.0, None),
                ("temperature", "cpu-temperature", 47, None),
                ("fan", "fan1-speed", 4260, None),
                ("power_supply", "psu1-state", None, "ok"),
                ("power_supply", "psu2-state", None, "critical"),
                ("voltage", "voltage", 24.2, None),
                ("current", "psu1-current", 0.9, None),
                ("power", "power-consumption", 30.5, None),
            ],
            [],
        ),
        (
            "routeros",
            ROUTEROS_6,
            [
                ("temperature", "temperature", 41.5, None),
                ("temperature", "processor", 53, None),
                ("fan", "fan1", 5100, None),
                ("fan", "fan2", 0, None),
                ("power_supply", "power supply", None, "ok"),
                ("power_supply", "backup power supply", None, "critical"),
                ("voltage", "voltage", 23.8, None),
                ("current", "current", 0.54, None),
                ("power", "power", 12.8, None),
            ],
            ["health: cpu", "health: memory"],
        ),
        (
            "nokia-timos",
            TIMOS,
            [
                ("cpu", "CPU", 12, None),
                ("memory", "memory", 25.0, None),
                ("temperature", "Slot 1", 45, "ok"),
                ("temperature", "Slot A", 78, "warning"),
                ("fan", "fan 3.1.1", None, "ok"),
                ("fan", "fan 3.1.2", None, "critical"),
                ("fan", "fan 3.1.3", None, "absent"),
                ("power_supply", "power supply 1 of tray 3.1.1", None, "ok"),
            ],
            [],
        ),
        (
            "cisco-ios-xr",
            IOS_XR,
            [
                ("cpu", "0/RP0/CPU0", 8, None),
                ("cpu", "0/0/CPU0", 3, None),
                ("memory", "0/RP0/CPU0 processor", 25.0, None),
                ("temperature", "0/RP0-Inlet", 27, None),
                ("fan", "0/FT0", None, "ok"),
                ("power_supply", "0/PT0-PM0", None, "critical"),
            ],
            [],
        ),
        (
            "huawei-vrp",
            CLOUDENGINE,
            [
                ("cpu", "MPU slot 5", 0, "ok"),
                ("memory", "MPU slot 5", 96, "warning"),
                ("temperature", "MPU slot 5", 51, None),
                ("fan", "fan 1.1", 45, "ok"),
                ("fan", "fan 1.2", None, "absent"),
                ("power_supply", "power supply 1.1", None, "ok"),
                ("power_supply", "power supply 1.2", None, "critical"),
                ("power_supply", "power supply 1.3", None, "absent"),
            ],
            [],
        ),
    ],
)
async def test_a_platform_shows_its_health(
    profiles: Profiles, platform: str, columns: dict[str, Rows], readings: list[Reading], lacking: list[str]
) -> None:
    box = ScriptedAgent()
    for name, rows in columns.items():
        box.tree |= {(*OBJECTS[name], *index): value for index, value in rows.items()}
    found, missing = await read_health(box, Agent("192.0.2.1"), profiles.named(platform))
    assert [(r.kind.value, r.name, r.value, r.status) for r in found] == readings
    assert [item.what for item in missing] == lacking
