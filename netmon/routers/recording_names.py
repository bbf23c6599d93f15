"""Symbolic names in snmpwalk's output: those of the modules every router has, and what profiles name.

Sources: RFC 2578 (SNMPv2-SMI), RFC 3418 (SNMPv2-MIB), RFC 2863 (IF-MIB), RFC 2790 (HOST-RESOURCES-MIB), RFC 6933
(ENTITY-MIB), RFC 3433 (ENTITY-SENSOR-MIB), RFC 3411 (SNMP-FRAMEWORK-MIB).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from netmon.routers.objects import OBJECTS
from netmon.snmp.oid import Oid

_NUMERIC: Final = re.compile(r"\.?[0-9]+(?:\.[0-9]+)*")
_SYMBOLIC: Final = re.compile(r"(?:[A-Za-z][\w-]*::)?(?:\.?(?:[A-Za-z][\w-]*\.)*)([A-Za-z][\w-]*)((?:\.[0-9]+)*)")
_BRACKETS: Final = re.compile(r"\[([0-9]+)\]")


def oid_of(name: str) -> Oid | None:
    """`.1.3.6.1`, `iso.3.6.1`, `IF-MIB::ifName.3`, `ifName[3]` as numbers; None for a name that is not known."""
    plain = _BRACKETS.sub(r".\1", name)
    if _NUMERIC.fullmatch(plain):
        return _arcs(plain)
    found = _SYMBOLIC.fullmatch(plain)
    root = _NAMES.get(found[1]) or OBJECTS.get(found[1]) if found else None
    return (*root, *_arcs(found[2])) if found and root is not None else None


def _arcs(text: str) -> Oid:
    return tuple(int(arc) for arc in text.split(".") if arc)


def _named(root: Oid, names: str, first: int = 1) -> dict[str, Oid]:
    """Consecutive children of `root`; `-` for one that is not named."""
    return {name: (*root, first + at) for at, name in enumerate(names.split()) if name != "-"}


_MIB_2: Final[Oid] = (1, 3, 6, 1, 2, 1)
_ENTITY: Final[Oid] = (*_MIB_2, 47, 1, 1, 1, 1)

_NAMES: Final[Mapping[str, Oid]] = MappingProxyType(
    {
        "iso": (1,),
        "ccitt": (0,),
        "org": (1, 3),
        "dod": (1, 3, 6),
        "internet": (1, 3, 6, 1),
        **_named((1, 3, 6, 1), "directory mgmt experimental private security snmpV2"),
        "mib-2": _MIB_2,
        "transmission": (*_MIB_2, 10),
        "enterprises": (1, 3, 6, 1, 4, 1),
        "snmpModules": (1, 3, 6, 1, 6, 3),
        "zeroDotZero": (0, 0),
        "sysUpTimeInstance": (*_MIB_2, 1, 3, 0),
        **_named((*_MIB_2, 1), "sysDescr sysObjectID sysUpTime sysContact sysName sysLocation sysServices"),
        "ifNumber": (*_MIB_2, 2, 1),
        **_named(
            (*_MIB_2, 2, 2, 1),
            "ifIndex ifDescr ifType ifMtu ifSpeed ifPhysAddress ifAdminStatus ifOperStatus ifLastChange ifInOctets"
            " ifInUcastPkts ifInNUcastPkts ifInDiscards ifInErrors ifInUnknownProtos ifOutOctets ifOutUcastPkts"
            " ifOutNUcastPkts ifOutDiscards ifOutErrors ifOutQLen ifSpecific",
        ),
        **_named(
            (*_MIB_2, 31, 1, 1, 1),
            "ifName ifInMulticastPkts ifInBroadcastPkts ifOutMulticastPkts ifOutBroadcastPkts ifHCInOctets"
            " ifHCInUcastPkts ifHCInMulticastPkts ifHCInBroadcastPkts ifHCOutOctets ifHCOutUcastPkts"
            " ifHCOutMulticastPkts ifHCOutBroadcastPkts ifLinkUpDownTrapEnable ifHighSpeed ifPromiscuousMode"
            " ifConnectorPresent ifAlias ifCounterDiscontinuityTime",
        ),
        "ifStackStatus": (*_MIB_2, 31, 1, 2, 1, 3),
        "ifTableLastChange": (*_MIB_2, 31, 1, 5),
        "ifStackLastChange": (*_MIB_2, 31, 1, 6),
        **_named(
            (*_MIB_2, 25, 1),
            "hrSystemUptime hrSystemDate hrSystemInitialLoadDevice hrSystemInitialLoadParameters hrSystemNumUsers"
            " hrSystemProcesses hrSystemMaxProcesses",
        ),
        "hrMemorySize": (*_MIB_2, 25, 2, 2),
        **_named(
            (*_MIB_2, 25, 2, 3, 1),
            "hrStorageIndex hrStorageType hrStorageDescr hrStorageAllocationUnits hrStorageSize hrStorageUsed"
            " hrStorageAllocationFailures",
        ),
        **_named((*_MIB_2, 25, 3, 3, 1), "hrProcessorFrwID hrProcessorLoad"),
        "hrStorageTypes": (*_MIB_2, 25, 2, 1),
        **_named((*_MIB_2, 25, 2, 1), "hrStorageOther hrStorageRam hrStorageVirtualMemory hrStorageFixedDisk"),
        **_named(
            _ENTITY,
            "entPhysicalDescr entPhysicalVendorType entPhysicalContainedIn entPhysicalClass entPhysicalParentRelPos"
            " entPhysicalName entPhysicalHardwareRev entPhysicalFirmwareRev entPhysicalSoftwareRev"
            " entPhysicalSerialNum entPhysicalMfgName entPhysicalModelName entPhysicalAlias entPhysicalAssetID"
            " entPhysicalIsFRU entPhysicalMfgDate entPhysicalUris",
            first=2,
        ),
        "entAliasMappingIdentifier": (*_MIB_2, 47, 1, 3, 2, 1, 2),
        **_named(
            (*_MIB_2, 99, 1, 1, 1),
            "entPhySensorType entPhySensorScale entPhySensorPrecision entPhySensorValue entPhySensorOperStatus"
            " entPhySensorUnitsDisplay entPhySensorValueTimeStamp entPhySensorValueUpdateRate",
        ),
        **_named((1, 3, 6, 1, 6, 3, 10, 2, 1), "snmpEngineID snmpEngineBoots snmpEngineTime snmpEngineMaxMessageSize"),
    }
)
"""Label -> object identifier, without any instance."""
