"""A vendor's table of transceivers: units, sentinels, lanes, lost light, thresholds."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from netmon.core.fibre_limits import Light, Origin, Quantity
from netmon.core.measurement import Interface
from netmon.routers.optics import optics_of
from netmon.routers.optics_entities import ALIAS, CLASS, CONTAINED_IN, NAME, Ports
from netmon.routers.optics_profile import OpticsSource
from netmon.routers.optics_values import Notes, OpticsReading
from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.oid import Oid

ENTRY: Oid = (1, 3, 6, 1, 4, 1, 77, 1, 1)
LANE_ENTRY: Oid = (1, 3, 6, 1, 4, 1, 77, 2, 1)
INVALID = 2_147_483_647
Rows = dict[Oid, dict[int, Value]]


def walked(rows: Rows, entry: Oid = ENTRY) -> dict[Oid, dict[Oid, VarBind]]:
    found: dict[Oid, dict[Oid, VarBind]] = {}
    for index, row in rows.items():
        for column, value in row.items():
            found.setdefault((*entry, column), {})[index] = VarBind((*entry, column, *index), Tag.INTEGER, value)
    return found


def read(
    table: dict[str, Any], rows: Rows, *, lane_table: dict[str, Any] | None = None, lanes: Rows | None = None
) -> tuple[dict[tuple[str, int | None], OpticsReading], list[str]]:
    written = {"mib": "BOX-MIB", "table": {"entry": "1.3.6.1.4.1.77.1.1", "index": ["ifIndex"], **table}}
    if lane_table is not None:
        written["lane_table"] = {"entry": "1.3.6.1.4.1.77.2.1", "index": ["ifIndex", "lane"], **lane_table}
    ports = Ports([Interface(7, "sfp1"), Interface(8, "sfp2")])
    entities: dict[Oid, dict[Oid, VarBind]] = {
        CLASS: {(70,): VarBind((), Tag.INTEGER, 10)},
        CONTAINED_IN: {(70,): VarBind((), Tag.INTEGER, 1)},
        NAME: {(70,): VarBind((), Tag.OCTET_STRING, b"port 7")},
        ALIAS: {(70, 0): VarBind((), Tag.OID, (1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 7))},
    }
    notes = Notes()
    tables = walked(rows) | walked(lanes or {}, LANE_ENTRY)
    found = optics_of(OpticsSource.model_validate(written), tables, entities, ports, notes)
    return {(r.interface, r.lane): r for r in found}, [str(missing) for missing in notes.missing()]


DOM: dict[str, Any] = {
    "rx_power": {"column": 5, "decoder": "hundredths_dbm_junos", "high_alarm": 9, "low_alarm": 10},
    "tx_power": {"column": 7, "decoder": "hundredths_dbm", "high_alarm": 17, "low_alarm": 18},
    "bias": {"column": 6, "decoder": "microamperes"},
    "temperature": {"column": 8, "decoder": "celsius"},
    "voltage": {"column": 25, "decoder": "millivolts"},
    "rx_lost": {"column": 1, "bits": [0]},
    "rx_low": {"column": 1, "bits": [4]},
}
ROW: dict[int, Value] = {
    1: b"\0\0\0", 5: -865, 6: 4130, 7: -712, 8: 28, 9: -199, 10: -2148, 17: 0, 18: -1251, 25: 3247
}  # fmt: skip


def test_a_row_is_a_reading_with_the_devices_own_thresholds() -> None:
    found, missing = read(DOM, {(7,): ROW})
    reading = found["sfp1", None]
    assert (reading.rx_power_dbm, reading.tx_power_dbm, reading.bias_ma) == (-8.65, -7.12, 4.13)
    assert (reading.temperature_celsius, reading.voltage_volts) == (28.0, 3.247)
    assert (reading.rx_state, reading.tx_state) == (Light.LIGHT, Light.LIGHT)
    assert reading.thresholds[Quantity.RX_POWER].values == (-21.48, None, None, -1.99)
    assert reading.source == "BOX-MIB"
    assert missing == []


@pytest.mark.parametrize(
    ("row", "power", "state"),
    [
        ({5: 0, 1: b"\x80\0\0"}, None, Light.NO_LIGHT),
        ({5: 0, 1: b"\x08\0\0"}, None, Light.NO_LIGHT),
        ({5: 0, 1: b"\0\0\0", 9: 100}, 0.0, Light.LIGHT),
        ({5: 0, 1: b"\0\0\0", 9: -199}, None, Light.UNREADABLE),
        ({5: -4000}, None, Light.NO_LIGHT),
        ({5: -5000}, None, Light.NO_LIGHT),
        ({5: -3522, 1: b"\x80\0\0"}, -35.22, Light.NO_LIGHT),
        ({5: -2327, 1: b"\x08\0\0"}, -23.27, Light.LIGHT),
        ({5: 1500}, None, Light.UNREADABLE),
        ({5: INVALID}, None, Light.NOT_SUPPORTED),
        ({5: None}, None, Light.NOT_SUPPORTED),
        ({5: b""}, None, Light.NOT_SUPPORTED),
    ],
)
def test_no_light_no_measurement_and_nonsense_are_told_apart(
    row: dict[int, Value], power: float | None, state: Light
) -> None:
    found, missing = read(DOM, {(7,): ROW | row})
    reading = found["sfp1", None]
    assert (reading.rx_power_dbm, reading.rx_state) == (power, state)
    assert bool(missing) == (state is Light.UNREADABLE)


def test_a_laser_without_current_sends_no_light() -> None:
    found, _ = read(DOM, {(7,): ROW | {6: 0, 7: 0}})
    assert (found["sfp1", None].tx_power_dbm, found["sfp1", None].tx_state) == (None, Light.NO_LIGHT)


def test_a_row_of_zeros_is_no_transceiver() -> None:
    found, missing = read(DOM, {(7,): dict.fromkeys(ROW, 0), (8,): ROW})
    assert list(found) == [("sfp2", None)]
    assert missing == ["sfp1: no transceiver, or one without digital diagnostics: every value is blank"]


def test_a_row_of_no_known_interface_is_named_not_guessed() -> None:
    found, missing = read(DOM, {(9,): ROW})
    assert found == {}
    assert missing[0].startswith("row 9: the row belongs to no interface netmon knows")


def test_received_light_over_ten_microwatts_is_taken_back_to_one_milliwatt() -> None:
    found, missing = read(DOM, {(7,): ROW | {5: 1755, 9: 2100, 10: 496}})
    reading = found["sfp1", None]
    assert reading.rx_power_dbm == -2.45
    assert reading.thresholds[Quantity.RX_POWER].values == (-15.04, None, None, 1.0)
    assert reading.tx_power_dbm == -7.12
    assert "20 dB were taken off" in missing[0]


def test_a_supply_of_no_volts_is_no_value() -> None:
    found, missing = read(DOM, {(7,): ROW | {25: 0}})
    assert found["sfp1", None].voltage_volts is None
    assert Quantity.VOLTAGE not in found["sfp1", None].thresholds
    assert missing == []


def test_lanes_share_what_the_module_measures() -> None:
    lane_table = {
        "rx_power": {"column": 6, "decoder": "hundredths_dbm_junos"},
        "tx_power": {"column": 8, "decoder": "hundredths_dbm"},
        "bias": {"column": 7, "decoder": "microamperes"},
    }
    lanes: Rows = {(7, lane): {6: -300 - lane, 7: 5000 + lane, 8: -100} for lane in range(4)}
    lanes[7, 3] = {6: -4000, 7: 5003, 8: -100}
    found, _ = read(DOM, {(7,): ROW | {5: 0, 6: 0, 7: 0}}, lane_table=lane_table, lanes=lanes)
    assert list(found) == [("sfp1", lane) for lane in range(4)]
    assert found["sfp1", 1].rx_power_dbm == -3.01
    assert found["sfp1", 1].bias_ma == 5.001
    assert found["sfp1", 2].temperature_celsius == 28.0
    assert found["sfp1", 3].rx_state is Light.NO_LIGHT
    assert found["sfp1", 0].thresholds[Quantity.RX_POWER].values == (-21.48, None, None, -1.99)


def test_a_module_of_one_lane_is_not_divided() -> None:
    lane_table = {"rx_power": {"column": 6, "decoder": "hundredths_dbm"}}
    found, _ = read(DOM, {(7,): ROW}, lane_table=lane_table, lanes={(7, 0): {6: -865}})
    assert list(found) == [("sfp1", None)]


# --- Huawei: two units for one object --------------------------------------------------------

VRP: dict[str, Any] = {
    "index": ["entPhysicalIndex"],
    "model": 37,
    "temperature": {"column": 5, "decoder": "celsius", "invalid": [-255]},
    "voltage": {"column": 6, "decoder": "millivolts", "invalid": [-1]},
    "bias": {
        "column": 7,
        "decoder": "milliamperes_or_microamperes",
        "invalid": [-1],
        "lanes": {"column": 31, "decoder": "milliamperes"},
    },
    "rx_power": {
        "column": 8,
        "decoder": "hundredths_dbm_or_microwatts",
        "threshold_decoder": "hundredths_dbm",
        "invalid": [-1],
        "low_alarm": 13,
        "high_alarm": 14,
        "lanes": {"column": 32, "decoder": "hundredths_dbm"},
    },
    "tx_power": {
        "column": 9,
        "decoder": "hundredths_dbm_or_microwatts",
        "threshold_decoder": "hundredths_dbm",
        "invalid": [-1],
        "lanes": {"column": 33, "decoder": "hundredths_dbm"},
    },
}
S_SWITCH: dict[int, Value] = {5: 24, 6: 3312, 7: 30120, 8: 331, 9: 578, 13: -1639, 14: 250}
NE_ROUTER: dict[int, Value] = {5: 25, 6: 3386, 7: 30, 8: -801, 9: -227, 13: -1698, 14: 0}


@pytest.mark.parametrize(
    ("row", "rx", "tx", "bias"),
    [
        (S_SWITCH, -4.802, -2.381, 30.12),
        (S_SWITCH | {32: b"-480.00", 33: b"-238.00", 31: b"30.24"}, -4.8, -2.38, 30.24),
        (NE_ROUTER, -8.01, -2.27, 30.0),
        (NE_ROUTER | {32: b"-801\0", 33: b"-227\0"}, -8.01, -2.27, 30.0),
        (NE_ROUTER | {9: 150}, -8.01, 1.5, 30.0),
        (NE_ROUTER | {8: -255}, -2.55, -2.27, 30.0),
        (S_SWITCH | {8: 0}, None, -2.381, 30.12),
        (S_SWITCH | {8: 0, 32: b"-Inf", 33: b"-238.00"}, None, -2.38, 30.12),
        (NE_ROUTER | {8: 120, 9: 140, 32: b"120", 33: b"140"}, 1.2, 1.4, 30.0),
    ],
)
def test_the_unit_of_a_huawei_table_is_found_in_the_table(
    row: dict[int, Value], rx: float | None, tx: float, bias: float
) -> None:
    found, _ = read(VRP, {(70,): row})
    reading = found["sfp1", None]
    assert (reading.rx_power_dbm, reading.tx_power_dbm, reading.bias_ma) == (rx, tx, bias)
    assert reading.rx_state is (Light.NO_LIGHT if rx is None else Light.LIGHT)
    assert reading.thresholds[Quantity.RX_POWER].low_alarm == pytest.approx(row[13] / 100)  # type: ignore[operator]


def test_lanes_in_a_list_are_numbered_from_one() -> None:
    found, _ = read(
        VRP, {(70,): NE_ROUTER | {32: b"114,32,-90,-Inf", 33: b"94,-39,33,-58", 31: b"37.88,39.15,39.84,0"}}
    )
    assert [reading.rx_power_dbm for reading in found.values()] == [1.14, 0.32, -0.9, None]
    assert list(found) == [("sfp1", 1), ("sfp1", 2), ("sfp1", 3), ("sfp1", 4)]
    assert found["sfp1", 2].bias_ma == 39.15
    assert found["sfp1", 4].rx_state is Light.NO_LIGHT


@pytest.mark.parametrize(
    "row",
    [
        {5: -255, 6: -1, 7: -1, 8: -1, 9: -1, 13: -1, 14: -1},
        {5: 0, 6: 0, 7: 0, 8: 0, 9: 0},
        {5: INVALID, 6: INVALID, 7: INVALID, 8: INVALID, 9: INVALID},
        {5: -255, 8: -1, 9: -1, 31: b"", 32: b"-1", 33: b"-Inf"},
    ],
)
def test_sentinels_never_become_values(row: dict[int, Value]) -> None:
    found, missing = read(VRP, {(70,): row})
    assert found == {}
    assert "every value is blank" in missing[0]


def test_erased_thresholds_give_way_to_those_of_the_class() -> None:
    found, _ = read(VRP, {(70,): NE_ROUTER | {13: 816, 14: 816, 37: b"1000_BASE_LX_SFP"}})
    limits = found["sfp1", None].thresholds[Quantity.RX_POWER]
    assert (limits.low_alarm, limits.origin) == (-19.0, Origin.DEFAULT)
    assert "8.16" in limits.why
    assert "1000BASE-LX" in limits.why


# --- RouterOS and TiMOS ----------------------------------------------------------------------

ROUTEROS: dict[str, Any] = {
    "port": 2,
    "rx_lost": {"column": 3, "equals": 1},
    "temperature": {"column": 6, "decoder": "celsius"},
    "voltage": {"column": 7, "decoder": "millivolts"},
    "bias": {"column": 8, "decoder": "milliamperes"},
    "tx_power": {"column": 9, "decoder": "thousandths_dbm"},
    "rx_power": {"column": 10, "decoder": "thousandths_dbm"},
}


def test_a_name_in_the_table_is_believed_before_its_index() -> None:
    row: dict[int, Value] = {2: b"sfp2", 3: 0, 6: 41, 7: 3269, 8: 12, 9: -5628, 10: -6041}
    found, _ = read(ROUTEROS, {(7,): row})
    reading = found["sfp2", None]
    assert (reading.rx_power_dbm, reading.tx_power_dbm, reading.bias_ma) == (-6.041, -5.628, 12.0)
    assert reading.thresholds[Quantity.TX_POWER].origin is Origin.DEFAULT
    found, _ = read(ROUTEROS, {(7,): row | {2: b"renamed"}})
    assert list(found) == [("sfp1", None)]


@pytest.mark.parametrize(
    ("change", "rx", "state", "temperature"),
    [
        ({3: 1, 10: 0}, None, Light.NO_LIGHT, 41.0),
        ({10: 0}, None, Light.UNREADABLE, 41.0),
        ({10: -40000}, None, Light.NO_LIGHT, 41.0),
        ({6: 4_294_967_168}, -6.041, Light.LIGHT, None),
        ({6: 4_294_967_291}, -6.041, Light.LIGHT, -5.0),
    ],
)
def test_what_routeros_says_of_a_dark_or_frozen_module(
    change: dict[int, Value], rx: float | None, state: Light, temperature: float | None
) -> None:
    row: dict[int, Value] = {2: b"sfp2", 3: 0, 6: 41, 7: 3269, 8: 12, 9: -5628, 10: -6041}
    reading = read(ROUTEROS, {(7,): row | change})[0]["sfp2", None]
    assert (reading.rx_power_dbm, reading.rx_state, reading.temperature_celsius) == (rx, state, temperature)


@pytest.mark.parametrize("temperature", [4_294_967_168, 65_408, -128, 0])
def test_an_empty_cage_of_routeros_is_no_transceiver(temperature: int) -> None:
    found, missing = read(ROUTEROS, {(7,): {2: b"sfp2", 3: 1, 6: temperature, 7: 0, 8: 0, 9: 0, 10: 0}})
    assert found == {}
    assert missing == ["sfp2: no transceiver, or one without digital diagnostics: every value is blank"]


TIMOS: dict[str, Any] = {
    "index": ["any", "ifIndex"],
    "calibrated": {"column": 40, "equals": 1},
    "bias": {"column": 11, "decoder": "two_microamperes", "calibration": [46, 47]},
    "tx_power": {
        "column": 16,
        "decoder": "tenth_microwatts",
        "low_alarm": 18,
        "high_alarm": 20,
        "calibration": [48, 49],
    },
    "rx_power": {
        "column": 21,
        "decoder": "tenth_microwatts",
        "low_alarm": 23,
        "high_alarm": 25,
        "calibration": [41, 42, 43, 44, 45],
    },
}


def as_bits(number: float) -> int:
    (bits,) = struct.unpack(">I", struct.pack(">f", number))
    assert isinstance(bits, int)
    return bits


CALIBRATION: dict[int, Value] = {
    41: 0, 42: 0, 43: 0, 44: as_bits(0.25), 45: as_bits(24.0), 46: 512, 47: 10, 48: 235, 49: 0
}  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "rx", "tx", "bias", "rx_low"),
    [(2, -11.024, -4.954, 4.536, -15.258), (1, -16.546, -5.326, 9.092, -20.066)],
)
def test_external_calibration_is_applied_to_values_and_thresholds(
    flag: int, rx: float, tx: float, bias: float, rx_low: float
) -> None:
    row: dict[int, Value] = {40: flag, 11: 2268, 16: 3196, 18: 545, 20: 6872, 21: 790, 23: 298, 25: 7900, **CALIBRATION}
    reading = read(TIMOS, {(1, 7): row})[0]["sfp1", None]
    assert (reading.rx_power_dbm, reading.tx_power_dbm, reading.bias_ma) == (rx, tx, bias)
    assert reading.thresholds[Quantity.RX_POWER].low_alarm == rx_low


def test_no_light_stays_no_light_when_calibrated() -> None:
    reading = read(TIMOS, {(1, 7): {40: 1, 11: 2268, 16: 3196, 21: 0, **CALIBRATION}})[0]["sfp1", None]
    assert (reading.rx_power_dbm, reading.rx_state) == (None, Light.NO_LIGHT)


def test_calibration_that_is_missing_makes_no_value() -> None:
    reading = read(TIMOS, {(1, 7): {40: 1, 11: 2268, 16: 3196, 21: 790}})[0]["sfp1", None]
    assert (reading.rx_power_dbm, reading.rx_state) == (None, Light.UNREADABLE)
