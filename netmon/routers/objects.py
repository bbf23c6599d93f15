"""The MIB objects that profiles may name: descriptor -> object identifier, without any instance.

Sources: RFC 2863 (IF-MIB), RFC 2790 (HOST-RESOURCES-MIB), RFC 3411 (SNMP-FRAMEWORK-MIB), RFC 3433 (ENTITY-SENSOR-MIB),
RFC 4268 (ENTITY-STATE-MIB), RFC 6933 (ENTITY-MIB), UCD-SNMP-MIB, LM-SENSORS-MIB, and the makers' MIBs named beside
each table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from netmon.snmp.oid import Oid, format_oid, parse_oid

_ENTRIES: Final[Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {
        # IF-MIB: ifTable, ifXTable
        "1.3.6.1.2.1.2.2.1": {
            2: "ifDescr",
            3: "ifType",
            5: "ifSpeed",
            6: "ifPhysAddress",
            7: "ifAdminStatus",
            8: "ifOperStatus",
            10: "ifInOctets",
            13: "ifInDiscards",
            14: "ifInErrors",
            16: "ifOutOctets",
            19: "ifOutDiscards",
            20: "ifOutErrors",
        },
        "1.3.6.1.2.1.31.1.1.1": {
            1: "ifName",
            6: "ifHCInOctets",
            10: "ifHCOutOctets",
            15: "ifHighSpeed",
            18: "ifAlias",
            19: "ifCounterDiscontinuityTime",
        },
        "1.3.6.1.6.3.10.2.1": {1: "snmpEngineID"},
        # ENTITY-MIB: entPhysicalTable; ENTITY-SENSOR-MIB: entPhySensorTable
        "1.3.6.1.2.1.47.1.1.1.1": {
            2: "entPhysicalDescr",
            5: "entPhysicalClass",
            7: "entPhysicalName",
            11: "entPhysicalSerialNum",
        },
        "1.3.6.1.2.1.99.1.1.1": {
            1: "entPhySensorType",
            2: "entPhySensorScale",
            3: "entPhySensorPrecision",
            4: "entPhySensorValue",
            5: "entPhySensorOperStatus",
        },
        # ENTITY-STATE-MIB: entStateTable
        "1.3.6.1.2.1.131.1.1.1": {3: "entStateOper"},
        # HOST-RESOURCES-MIB: hrStorageTable, hrProcessorTable
        "1.3.6.1.2.1.25.2.3.1": {2: "hrStorageType", 3: "hrStorageDescr", 5: "hrStorageSize", 6: "hrStorageUsed"},
        "1.3.6.1.2.1.25.3.3.1": {2: "hrProcessorLoad"},
        # UCD-SNMP-MIB: memory, systemStats; LM-SENSORS-MIB
        "1.3.6.1.4.1.2021.4": {5: "memTotalReal", 6: "memAvailReal", 14: "memBuffer", 15: "memCached"},
        "1.3.6.1.4.1.2021.11": {11: "ssCpuIdle"},
        "1.3.6.1.4.1.2021.13.16.2.1": {2: "lmTempSensorsDevice", 3: "lmTempSensorsValue"},
        "1.3.6.1.4.1.2021.13.16.3.1": {2: "lmFanSensorsDevice", 3: "lmFanSensorsValue"},
        "1.3.6.1.4.1.2021.13.16.4.1": {2: "lmVoltSensorsDevice", 3: "lmVoltSensorsValue"},
        # OLD-CISCO-CPU-MIB, CISCO-ENVMON-MIB, CISCO-MEMORY-POOL-MIB, CISCO-PROCESS-MIB
        "1.3.6.1.4.1.9.2.1": {58: "avgBusy5"},
        "1.3.6.1.4.1.9.9.13.1.2.1": {
            2: "ciscoEnvMonVoltageStatusDescr",
            3: "ciscoEnvMonVoltageStatusValue",
            7: "ciscoEnvMonVoltageState",
        },
        "1.3.6.1.4.1.9.9.13.1.3.1": {
            2: "ciscoEnvMonTemperatureStatusDescr",
            3: "ciscoEnvMonTemperatureStatusValue",
            4: "ciscoEnvMonTemperatureThreshold",
            6: "ciscoEnvMonTemperatureState",
        },
        "1.3.6.1.4.1.9.9.13.1.4.1": {2: "ciscoEnvMonFanStatusDescr", 3: "ciscoEnvMonFanState"},
        "1.3.6.1.4.1.9.9.13.1.5.1": {2: "ciscoEnvMonSupplyStatusDescr", 3: "ciscoEnvMonSupplyState"},
        "1.3.6.1.4.1.9.9.48.1.1.1": {
            2: "ciscoMemoryPoolName",
            5: "ciscoMemoryPoolUsed",
            6: "ciscoMemoryPoolFree",
        },
        "1.3.6.1.4.1.9.9.109.1.1.1.1": {
            2: "cpmCPUTotalPhysicalIndex",
            5: "cpmCPUTotal5min",
            8: "cpmCPUTotal5minRev",
            12: "cpmCPUMemoryUsed",
            13: "cpmCPUMemoryFree",
        },
        # CISCO-ENHANCED-MEMPOOL-MIB, CISCO-SYSTEM-EXT-MIB
        "1.3.6.1.4.1.9.9.221.1.1.1.1": {
            3: "cempMemPoolName",
            7: "cempMemPoolUsed",
            8: "cempMemPoolFree",
            18: "cempMemPoolHCUsed",
            20: "cempMemPoolHCFree",
        },
        "1.3.6.1.4.1.9.9.305.1.1": {1: "cseSysCPUUtilization", 2: "cseSysMemoryUtilization"},
        # CISCO-ENTITY-FRU-CONTROL-MIB, CISCO-ENTITY-SENSOR-MIB
        "1.3.6.1.4.1.9.9.117.1.1.2.1": {2: "cefcFRUPowerOperStatus"},
        "1.3.6.1.4.1.9.9.117.1.4.1.1": {1: "cefcFanTrayOperStatus"},
        "1.3.6.1.4.1.9.9.91.1.1.1.1": {
            1: "entSensorType",
            2: "entSensorScale",
            3: "entSensorPrecision",
            4: "entSensorValue",
            5: "entSensorStatus",
        },
        # JUNIPER-MIB: jnxOperatingTable
        "1.3.6.1.4.1.2636.3.1.13.1": {
            5: "jnxOperatingDescr",
            6: "jnxOperatingState",
            7: "jnxOperatingTemp",
            8: "jnxOperatingCPU",
            11: "jnxOperatingBuffer",
            15: "jnxOperatingMemory",
        },
        # HUAWEI-ENTITY-EXTENT-MIB: hwEntityStateTable, hwFanStatusTable, hwPwrStatusTable
        "1.3.6.1.4.1.2011.5.25.31.1.1.1.1": {
            2: "hwEntityOperStatus",
            5: "hwEntityCpuUsage",
            6: "hwEntityCpuUsageThreshold",
            7: "hwEntityMemUsage",
            8: "hwEntityMemUsageThreshold",
            11: "hwEntityTemperature",
            12: "hwEntityTemperatureThreshold",
        },
        "1.3.6.1.4.1.2011.5.25.31.1.1.10.1": {
            5: "hwEntityFanSpeed",
            6: "hwEntityFanPresent",
            7: "hwEntityFanState",
        },
        "1.3.6.1.4.1.2011.5.25.31.1.1.18.1": {5: "hwEntityPwrPresent", 6: "hwEntityPwrState"},
        # HUAWEI-CPU-MIB: hwCpuDevTable; HUAWEI-MEMORY-MIB: hwMemoryDevTable
        "1.3.6.1.4.1.2011.6.3.4.1": {4: "hwAvgDuty5min"},
        "1.3.6.1.4.1.2011.6.3.5.1.1": {2: "hwMemoryDevSize", 3: "hwMemoryDevFree"},
        # MIKROTIK-MIB: mtxrHealth, mtxrGaugeTable, mtxrSystem
        "1.3.6.1.4.1.14988.1.1.3": {
            5: "mtxrHlSensorTemperature",
            6: "mtxrHlCpuTemperature",
            7: "mtxrHlBoardTemperature",
            8: "mtxrHlVoltage",
            10: "mtxrHlTemperature",
            11: "mtxrHlProcessorTemperature",
            12: "mtxrHlPower",
            13: "mtxrHlCurrent",
            15: "mtxrHlPowerSupplyState",
            16: "mtxrHlBackupPowerSupplyState",
            17: "mtxrHlFanSpeed1",
            18: "mtxrHlFanSpeed2",
        },
        "1.3.6.1.4.1.14988.1.1.3.100.1": {2: "mtxrGaugeName", 3: "mtxrGaugeValue", 4: "mtxrGaugeUnit"},
        "1.3.6.1.4.1.14988.1.1.7": {3: "mtxrSerialNumber"},
        # TIMETRA-SYSTEM-MIB: sgi; TIMETRA-CHASSIS-MIB
        "1.3.6.1.4.1.6527.3.1.2.1.1": {
            1: "sgiCpuUsage",
            9: "sgiKbMemoryUsed",
            10: "sgiKbMemoryAvailable",
            11: "sgiKbMemoryPoolAllocated",
        },
        "1.3.6.1.4.1.6527.3.1.2.2.1.4.1": {2: "tmnxChassisFanOperStatus"},
        "1.3.6.1.4.1.6527.3.1.2.2.1.5.1": {
            6: "tmnxChassisPowerSupply1Status",
            7: "tmnxChassisPowerSupply2Status",
        },
        "1.3.6.1.4.1.6527.3.1.2.2.1.8.1": {
            8: "tmnxHwName",
            17: "tmnxHwTempSensor",
            18: "tmnxHwTemperature",
            19: "tmnxHwTempThreshold",
        },
        "1.3.6.1.4.1.6527.3.1.2.2.1.24.1.1": {2: "tmnxPhysChassisFanOperStatus"},
        "1.3.6.1.4.1.6527.3.1.2.2.1.24.2.1": {
            6: "tmnxPhysChassPowerSup1Status",
            7: "tmnxPhysChassPowerSup2Status",
        },
    }
)


def _all() -> Iterator[tuple[str, Oid]]:
    for entry, columns in _ENTRIES.items():
        prefix = parse_oid(entry)
        for arc, name in columns.items():
            yield name, (*prefix, arc)


OBJECTS: Final[Mapping[str, Oid]] = MappingProxyType(dict(_all()))
"""Descriptor -> object identifier, without any instance."""
_NAMES: Final[Mapping[Oid, str]] = MappingProxyType({oid: name for name, oid in OBJECTS.items()})


def object_name(oid: Oid) -> str:
    """The object's descriptor, or its number where it has none here."""
    return _NAMES.get(oid) or format_oid(oid)
