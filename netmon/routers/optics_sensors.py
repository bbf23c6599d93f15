"""Optics out of the sensor MIBs: ENTITY-SENSOR-MIB (RFC 3433) and CISCO-ENTITY-SENSOR-MIB.

A sensor says its own type, SI scale and decimals; which port it belongs to, and whether it measures the received or
the transmitted light, only ENTITY-MIB's texts tell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from netmon.core.fibre_limits import (
    POWERS,
    Light,
    Limits,
    Quantity,
    is_physical,
    sane_limits,
    transceiver_class,
)
from netmon.routers.optics_entities import Entities, Walked
from netmon.routers.optics_profile import Sensors
from netmon.routers.optics_units import dbm
from netmon.routers.optics_values import Notes, OpticsReading, ambiguous_zero, make_reading, seen_light
from netmon.snmp.oid import Oid

_RFC3433: Final[Oid] = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
_CISCO: Final[Oid] = (1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 1, 1, 1)
_CISCO_THRESHOLD: Final[Oid] = (1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 2, 1, 1)
_TYPE, _SCALE, _PRECISION, _VALUE, _STATUS, _UNITS = 1, 2, 3, 4, 5, 6
_RELATION, _THRESHOLD = 3, 4
_OK: Final = 1
_UNITS_SCALE: Final = 9
_OVERFLOW: Final = 1_000_000_000
"""Its negative is underflow; neither is a value (RFC 3433, EntitySensorValue)."""
_EXPONENTS: Final = {scale: 3 * (scale - _UNITS_SCALE) for scale in range(1, 18)}
_MOST_NAMED: Final = 8

_RECEIVED: Final = re.compile(r"\brx|receiv|\binput\b", re.IGNORECASE)
_TRANSMITTED: Final = re.compile(r"\btx|transmit|\boutput\b", re.IGNORECASE)
_OPTICAL: Final = re.compile(
    r"transceiver|xcvr|\bdom\b|\bddm\b|sfp|xfp|optic|laser|bias|base-?[a-z]{2}\d?\b", re.IGNORECASE
)


class _Type(IntEnum):
    """EntitySensorDataType, and what Cisco adds (SensorDataType)."""

    OTHER = 1
    UNKNOWN = 2
    VOLTS_AC = 3
    VOLTS_DC = 4
    AMPERES = 5
    WATTS = 6
    CELSIUS = 8
    DBM = 14


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One row, bound and decoded."""

    index: int
    quantity: Quantity
    parent: int
    """The entity that contains it."""
    value: float | None
    state: Light
    limits: Limits
    """The device's own, as it gives them."""
    texts: tuple[str, ...]


def sensor_columns(mib: Sensors) -> tuple[Oid, ...]:
    """The columns to walk, besides ENTITY_COLUMNS."""
    if mib is Sensors.ENTITY:
        return tuple((*_RFC3433, column) for column in (_TYPE, _SCALE, _PRECISION, _VALUE, _STATUS, _UNITS))
    return (
        *((*_CISCO, column) for column in (_TYPE, _SCALE, _PRECISION, _VALUE, _STATUS)),
        *((*_CISCO_THRESHOLD, column) for column in (_RELATION, _THRESHOLD)),
    )


def read_sensors(
    mib: Sensors, walked: Walked, entities: Entities, label: str, notes: Notes
) -> tuple[OpticsReading, ...]:
    """Every transceiver that has a sensor of received or transmitted power."""
    rows = _rows(walked, _RFC3433 if mib is Sensors.ENTITY else _CISCO)
    thresholds = _thresholds(walked)
    by_port: dict[str, dict[int | None, list[_Sensor]]] = defaultdict(lambda: defaultdict(list))
    for index, row in sorted(rows.items()):
        sensor = _sensor(index, row, thresholds.get(index, ()), entities)
        if sensor is None:
            continue
        port = entities.port_of(index)
        if port is None:
            if sensor.quantity in POWERS:
                notes.add(f"optical sensor {index}", _homeless(index, entities))
            continue
        by_port[port][entities.lane_of(index)].append(sensor)
    return tuple(
        reading for port, lanes in by_port.items() for reading in _port(port, _optical(lanes, entities), label, notes)
    )


def _rows(walked: Walked, entry: Oid) -> dict[int, dict[int, int | bytes]]:
    rows: dict[int, dict[int, int | bytes]] = defaultdict(dict)
    for column in (_TYPE, _SCALE, _PRECISION, _VALUE, _STATUS, _UNITS):
        for suffix, varbind in walked.get((*entry, column), {}).items():
            if len(suffix) == 1 and isinstance(varbind.value, int | bytes):
                rows[suffix[0]][column] = varbind.value
    return rows


def _homeless(index: int, entities: Entities) -> str:
    if index not in entities:
        return (
            "the agent's entity table has no row for it, so nothing tells its port;"
            " let the community read 1.3.6.1.2.1.47, or update the device"
        )
    return "nothing in the entity table ties it to an interface; report the device so that its naming can be learnt"


# --- one sensor ------------------------------------------------------------------------------


def _sensor(
    index: int, row: Mapping[int, int | bytes], thresholds: Iterable[tuple[int, int]], entities: Entities
) -> _Sensor | None:
    """None: not a sensor that a transceiver has, or one that cannot be told apart."""
    texts = entities.texts(index)
    quantity = _quantity(row, texts)
    if quantity is None:
        return None
    chain = tuple(entities.chain(index))
    limits = _limits([(relation, _scaled(row, raw)) for relation, raw in thresholds], quantity, row)
    value, state = _read(row, quantity, limits)
    return _Sensor(
        index=index,
        quantity=quantity,
        parent=chain[1] if len(chain) > 1 else 0,
        value=value,
        state=state,
        limits=limits,
        texts=tuple(text for entity in chain[:4] for text in entities.texts(entity)),
    )


def _quantity(row: Mapping[int, int | bytes], texts: tuple[str, ...]) -> Quantity | None:
    kind = row.get(_TYPE)
    if kind == _Type.WATTS or _is_dbm(row):
        received = any(_RECEIVED.search(text) for text in texts)
        transmitted = any(_TRANSMITTED.search(text) for text in texts)
        if received == transmitted:
            # Without any text a sensor in dBm is optical all the same, and is named among what is missing.
            return Quantity.RX_POWER if _is_dbm(row) and not texts else None
        return Quantity.RX_POWER if received else Quantity.TX_POWER
    if kind == _Type.AMPERES:
        return Quantity.BIAS
    if kind == _Type.CELSIUS:
        return Quantity.TEMPERATURE
    return Quantity.VOLTAGE if kind in {_Type.VOLTS_AC, _Type.VOLTS_DC} else None


def _is_dbm(row: Mapping[int, int | bytes]) -> bool:
    """By Cisco's type, or by the display unit where the RFC, which has no dBm, leaves only `other`."""
    units = row.get(_UNITS)
    return row.get(_TYPE) == _Type.DBM or (
        row.get(_TYPE) in {_Type.OTHER, _Type.UNKNOWN, _Type.WATTS}
        and isinstance(units, bytes)
        and b"dbm" in units.lower()
    )


def _scaled(row: Mapping[int, int | bytes], raw: int) -> float | None:
    """The number in the sensor's unit (V, A, W, degrees, dBm)."""
    scale, precision = row.get(_SCALE, _UNITS_SCALE), row.get(_PRECISION, 0)
    if not isinstance(scale, int) or not isinstance(precision, int) or scale not in _EXPONENTS:
        return None
    if abs(raw) >= _OVERFLOW or not -8 <= precision <= 9:
        return None
    return raw * 10.0 ** (_EXPONENTS[scale] - max(precision, 0))


def _converted(row: Mapping[int, int | bytes], quantity: Quantity, number: float) -> float:
    """The number in the quantity's unit."""
    match quantity:
        case Quantity.RX_POWER | Quantity.TX_POWER:
            return round(number, 6) if _is_dbm(row) else dbm(number * 1000)
        case Quantity.BIAS:
            return round(number * 1000, 6)
        case _:
            return round(number, 6)


def _read(row: Mapping[int, int | bytes], quantity: Quantity, limits: Limits) -> tuple[float | None, Light]:
    raw = row.get(_VALUE)
    number = _scaled(row, raw) if isinstance(raw, int) else None
    if number is None or row.get(_STATUS, _OK) != _OK:
        return None, Light.UNREADABLE
    value = _converted(row, quantity, number)
    if quantity in POWERS:
        if raw == 0 and _is_dbm(row):
            step = abs(_scaled(row, 1) or 0.0)
            return ambiguous_zero(limits, lost=False, off=False, step=step)
        return seen_light(value, lost=False)
    if raw == 0 and quantity is Quantity.VOLTAGE:
        # A supply of 0 V feeds nothing, and could not be read.
        return None, Light.NOT_SUPPORTED
    return (value, Light.LIGHT) if is_physical(quantity, value) else (None, Light.UNREADABLE)


# --- thresholds (CISCO-ENTITY-SENSOR-MIB entSensorThresholdTable) ----------------------------


def _thresholds(walked: Walked) -> dict[int, list[tuple[int, int]]]:
    """entPhysicalIndex -> (relation, value) of each threshold."""
    values = walked.get((*_CISCO_THRESHOLD, _THRESHOLD), {})
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for suffix, varbind in sorted(walked.get((*_CISCO_THRESHOLD, _RELATION), {}).items()):
        threshold = values.get(suffix)
        if len(suffix) == 2 and threshold is not None:
            relation, value = varbind.value, threshold.value
            if isinstance(relation, int) and isinstance(value, int) and len(found[suffix[0]]) < _MOST_NAMED:
                found[suffix[0]].append((relation, value))
    return found


def _limits(given: list[tuple[int, float | None]], quantity: Quantity, row: Mapping[int, int | bytes]) -> Limits:
    """lessThan and lessOrEqual (1, 2) bound below, greaterThan and greaterOrEqual (3, 4) above; the outer is the alarm.

    NX-OS calls all four lessThan: then they are told apart by their values.
    """
    numbers = [
        (relation, _converted(row, quantity, number))
        for relation, number in given
        if number is not None and relation in {1, 2, 3, 4}
    ]
    low = sorted(number for relation, number in numbers if relation in {1, 2})
    high = sorted(number for relation, number in numbers if relation in {3, 4})
    if len(numbers) == 4 and not (low and high):
        both = sorted(number for _, number in numbers)
        low, high = both[:2], both[2:]
    return Limits(
        low_alarm=low[0] if low else None,
        low_warning=low[-1] if len(low) > 1 else None,
        high_warning=high[0] if len(high) > 1 else None,
        high_alarm=high[-1] if high else None,
    )


# --- one port --------------------------------------------------------------------------------


def _optical(lanes: Mapping[int | None, list[_Sensor]], entities: Entities) -> dict[int | None, list[_Sensor]]:
    """What is left when a port's other sensors (a board's temperature, a feed's current) are taken out.

    Those of its transceiver hang where its powers hang, or one up, or are called so.
    """
    powers = [s for lane in lanes.values() for s in lane if s.quantity in POWERS]
    homes = {entity for sensor in powers for entity in tuple(entities.chain(sensor.index))[1:3]}
    return {
        lane: [s for s in sensors if s in powers or s.parent in homes or any(_OPTICAL.search(t) for t in s.texts)]
        for lane, sensors in lanes.items()
        if powers
    }


def _port(port: str, lanes: dict[int | None, list[_Sensor]], label: str, notes: Notes) -> tuple[OpticsReading, ...]:
    shared = lanes.pop(None, [])
    if len(lanes) <= 1:
        only = [sensor for sensors in lanes.values() for sensor in sensors]
        lanes = {None: only + shared} if only or shared else {}
        shared = []
    return tuple(
        _reading(port, lane, sensors + shared, label, notes)
        for lane, sensors in sorted(lanes.items(), key=lambda item: item[0] or 0)
    )


def _reading(port: str, lane: int | None, sensors: list[_Sensor], label: str, notes: Notes) -> OpticsReading:
    kind = transceiver_class(*(text for sensor in sensors for text in sensor.texts))
    first: dict[Quantity, _Sensor] = {}
    for sensor in sensors:
        first.setdefault(sensor.quantity, sensor)
    for quantity, sensor in first.items():
        if sensor.state is Light.UNREADABLE:
            notes.add(f"{quantity.value} of {port}", "the sensor gives no value now, or one that cannot be true")
    limits = {
        q: sane_limits(q, sensor.limits, kind) for q, sensor in first.items() if q in POWERS or sensor.value is not None
    }
    measured = {q: (sensor.value, sensor.state) for q, sensor in first.items()}
    return make_reading(port, lane, measured, limits, label)
